#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash disable=SC2154,SC2012
# The first process of the guest. The kernel's command line sets variables: `jobs` says what is to be done, in
# order, the others are what the jobs must know. What comes of it goes to the console, a line each: "@ok WHAT",
# "@not-ok WHAT: WHY", and at the end "@done". "@wait NAME" asks the host to do something, whose effect the guest
# then waits to see.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
echo "@up $(cut -d' ' -f1 /proc/uptime)"

modprobe virtio_pci

# check WHAT COMMAND...
check() {
	local what=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		echo "@ok $what"
	else
		echo "@not-ok $what: $(tail -n 1 /tmp/said)"
	fi
}

# until_true SECONDS COMMAND...
until_true() {
	local left=$(($1 * 10))
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		usleep 100000
	done
}

no_kernel_complaint() {
	! dmesg | grep -E 'I/O error|EXT4-fs (error|warning)|Buffer I/O|virtio.*(error|fail)|WARNING:|BUG:|timed out|timeout' >&2
}

drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# ---- blk: an ext4 file system, written by two CPUs at once ----

is_queue_count() {
	local found
	found=$(ls /sys/block/vda/mq | wc -l)
	[ "$found" -eq "$1" ] || {
		echo "$found queues"
		return 1
	}
}

is_serial() {
	[ "$(cat /sys/block/vda/serial)" = "$1" ] || {
		echo "serial '$(cat /sys/block/vda/serial)'"
		return 1
	}
}

# write_files CPUS N...: file N is its number and the payload, so that its blocks are like no other's.
write_files() {
	local cpus=$1
	shift
	# shellcheck disable=SC2016
	taskset "$cpus" sh -c 'for n; do { echo $n && cat /job/payload; } >/mnt/new/$n || exit 1; done' sh "$@"
}

write_small_files() {
	local n
	for n in $(seq 200); do
		head -c $((n * 37)) /job/payload >/mnt/new/small/"$n" || return 1
	done
}

write_all() {
	mkdir -p /mnt/new/small
	write_files 1 1 3 5 &
	local first=$!
	write_files 2 2 4 6 &
	local second=$!
	write_small_files || return 1
	wait $first || return 1
	wait $second || return 1
	dd if=/job/payload of=/mnt/new/direct bs=64k oflag=direct conv=fsync || return 1
	dd if=/job/payload of=/mnt/new/sparse bs=4k seek=1000 conv=fsync
}

change_all() {
	rm -r /mnt/old/gone && rm /mnt/new/small/1* && mv /mnt/old/moved /mnt/new/was-moved &&
		echo "more" >>/mnt/old/grown && ln -s /old/grown /mnt/new/link
}

verify_old() {
	(cd /mnt && sha256sum -c -s /job/old.sha256)
}

verify_new() {
	drop_caches
	(cd /mnt && sha256sum -c -s /job/new.sha256)
}

job_blk() {
	modprobe virtio_blk
	check "blk: the kernel finds the disk" until_true 5 test -b /dev/vda
	[ -z "$serial" ] || check "blk: its serial is $serial" is_serial "$serial"
	[ -z "$queues" ] || check "blk: it has $queues queues" is_queue_count "$queues"
	check "blk: an ext4 file system is mounted" mount -t ext4 -o "$mount" /dev/vda /mnt
	check "blk: what the host wrote is read" verify_old
	check "blk: files are written by two CPUs, with O_DIRECT, and with fsync" write_all
	check "blk: files are deleted, moved, appended to" change_all
	check "blk: what was written is read again from the disk" verify_new
	case $mount in
	*discard*) check "blk: fstrim discards what is free" fstrim /mnt ;;
	esac
	check "blk: it is unmounted" umount /mnt
	check "blk: the kernel had nothing to complain of" no_kernel_complaint
}

# ---- resize: the host makes the disk larger ----

is_size() {
	[ "$(blockdev --getsz /dev/vda)" -eq "$1" ]
}

job_resize() {
	modprobe virtio_blk
	until_true 5 test -b /dev/vda
	echo "@wait resize"
	check "resize: the kernel sees $resized sectors" until_true 10 is_size "$resized"
}

# ---- rng ----

is_random() {
	[ "$(cat /sys/class/misc/hw_random/rng_current)" = virtio_rng.0 ] || {
		cat /sys/class/misc/hw_random/rng_current
		return 1
	}
	local n
	for n in 1 2 3 4; do
		dd if=/dev/hwrng bs=1024 count=16 iflag=fullblock 2>/dev/null >/tmp/random.$n
		[ "$(wc -c </tmp/random.$n)" -eq 16384 ] || {
			echo "$(wc -c </tmp/random.$n) bytes"
			return 1
		}
		# random bytes do not become smaller
		[ "$(gzip -c /tmp/random.$n | wc -c)" -gt 16384 ] || {
			echo "they are compressible"
			return 1
		}
	done
	[ "$(cat /tmp/random.? | gzip -9 -c | wc -c)" -gt 65536 ]
}

job_rng() {
	modprobe virtio-rng
	check "rng: /dev/hwrng gives 64 KiB of random bytes" is_random
}

# ---- net: passt is at the other end of the link, the host's server behind its gateway ----

is_up() {
	[ "$(cat /sys/class/net/eth0/carrier)" = 1 ]
}

is_mac() {
	[ "$(cat /sys/class/net/eth0/address)" = "$mac" ] || {
		cat /sys/class/net/eth0/address
		return 1
	}
}

download() {
	wget -q -O /tmp/download "http://$gateway:$port/" && cmp /tmp/download /job/payload
}

# As text: wget sends no zero bytes.
upload() {
	local sum
	base64 /job/payload >/tmp/upload &&
		sum=$(wget -q -O - --post-file /tmp/upload "http://$gateway:$port/") &&
		[ "$sum" = "$(sha256sum </tmp/upload | cut -d' ' -f1)" ]
}

job_net() {
	modprobe virtio_net
	ip link set eth0 up
	check "net: the link is up" until_true 5 is_up
	check "net: its address is $mac" is_mac
	ip addr add "$address" dev eth0
	ip route add default via "$gateway"
	check "net: the gateway answers" arping -c 3 -w 5 -f -I eth0 "$gateway"
	check "net: TCP from the host, byte for byte" download
	check "net: TCP to the host, byte for byte" upload
}

# ---- cut: the host cuts the disk's file short ----

# read_at BLOCK, write_at BLOCK: 4096 bytes, past all caches.
read_at() {
	dd if=/dev/vda of=/tmp/read bs=4096 skip="$1" count=1 iflag=direct
}

write_at() {
	dd if=/job/payload of=/dev/vda bs=4096 seek="$1" count=1 oflag=direct conv=notrunc
}

fails() {
	! "$@"
}

same_as_host() {
	read_at "$1" && [ "$(sha256sum </tmp/read | cut -d' ' -f1)" = "$beginning" ]
}

job_cut() {
	modprobe virtio_blk
	until_true 5 test -b /dev/vda
	check "cut: what is there is read" read_at "$behind"
	echo "@wait cut"
	check "cut: behind the file's end a read is an error" until_true 10 fails read_at "$behind"
	check "cut: and a write" fails write_at "$behind"
	check "cut: the kernel calls it an I/O error" sh -c 'dmesg | grep "I/O error, dev vda"'
	check "cut: what is left is read as before" same_as_host 0
	echo "@wait mend"
	check "cut: all is well when the file is whole again" until_true 10 write_at "$behind"
}

# ---- outage: the host kills the backend while the disk is read and written, and starts another ----

# Reads the disk's beginning until told to stop; it must always be the same.
read_on() {
	local sum first=
	until [ -e /tmp/stop ]; do
		dd if=/dev/vda of=/tmp/read bs=64k count=16 iflag=direct || break
		sum=$(sha256sum </tmp/read)
		[ "${first:=$sum}" = "$sum" ] || break
	done
	[ -e /tmp/stop ]
}

# Block N of the disk's second half is its number and the payload's beginning; the host is told once it is durable.
write_on() {
	local n=0
	while [ $n -lt "$blocks" ]; do
		{ echo "block $n" && cat /job/payload; } | head -c 4096 |
			dd of=/dev/vda bs=4096 seek=$((half + n)) oflag=direct iflag=fullblock conv=fsync,notrunc || return 1
		echo "@durable $n" >/dev/console
		n=$((n + 1))
	done
}

job_outage() {
	modprobe virtio_blk
	until_true 5 test -b /dev/vda
	read_on >/tmp/reader 2>&1 &
	local reader=$!
	check "outage: $blocks blocks are written, each of them made durable" write_on
	touch /tmp/stop
	check "outage: what was read was right throughout" wait $reader
}

for job in $(echo "$jobs" | tr , ' '); do
	"job_$job"
done
echo "@done"
poweroff -f
