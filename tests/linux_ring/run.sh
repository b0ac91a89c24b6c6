#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds Linux's virtio_ring.c and vringh.c in user space, from Debian's linux-source package, and
# lets each talk to our half of a virtqueue. Nothing of Linux is in this tree. Exits with 77 when
# the package is not there.
#	run.sh STATIC_LIBRARY WORK_DIRECTORY [BUFFERS [SEED]]
# CC and CFLAGS are those of the library; the sources unpacked once stay in build/linux-source.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
library=$1
work=$2
shift 2
cc=${CC:-gcc}
read -ra flags <<<"${CFLAGS:-}"

# The newest, if there are several.
tarball=$(find "${LINUX_SOURCE:-/usr/src}" -maxdepth 1 -name 'linux-source-*.tar.xz' 2>/dev/null | sort -V | tail -1 || true)
if [ -z "$tarball" ]; then
	echo "skipped: no linux-source-*.tar.xz in ${LINUX_SOURCE:-/usr/src} (Debian: apt-get install linux-source)"
	exit 77
fi
base=$(basename "$tarball" .tar.xz)
linux=$root/build/linux-source/$base

# Several test runs may want it at the same time; the tarball may be replaced by a newer one.
mkdir -p "$root/build/linux-source"
exec 9>"$root/build/linux-source/lock"
flock 9
if [ ! -f "$linux/unpacked" ] || [ "$tarball" -nt "$linux/unpacked" ]; then
	rm -rf "$linux"
	mkdir -p "$linux"
	tar -C "$linux" --strip-components=1 -xJf "$tarball" "$base"/tools/{virtio,include} \
		"$base"/include/linux "$base"/include/uapi/linux "$base/Makefile" \
		"$base/drivers/virtio/virtio_ring.c" "$base/drivers/vhost/vringh.c"
	touch "$linux/unpacked"
fi
flock -u 9

mkdir -p "$work"
# Linux's code as its tools/virtio compile it, but with bus addresses of ours.
as_linux=(-std=gnu11 -w -pthread -fno-strict-aliasing -fno-strict-overflow -fno-common -U_FORTIFY_SOURCE
	-I"$here/shim" -I"$here" -I"$linux/tools/virtio" -I"$linux/tools/include"
	-include "$linux/include/linux/kconfig.h" -include "$here/shim/prelude.h")
for source in "$linux/drivers/virtio/virtio_ring.c" "$linux/drivers/vhost/vringh.c" "$here/linux_half.c"; do
	"$cc" "${as_linux[@]}" -O2 -g -c "$source" -o "$work/$(basename "$source" .c).o"
done
"$cc" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wconversion -Werror -O2 -g "${flags[@]}" -I"$root/include" -c "$here/pair.c" -o "$work/pair.o"
"$cc" "${flags[@]}" -pthread -o "$work/pair" "$work"/{virtio_ring,vringh,linux_half,pair}.o "$library"
"$work/pair" "$@"
echo "Linux $(sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$linux/Makefile" | paste -sd.)"
