#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what BUILD holds into a prefix of its own, moves that, and builds somebody else's program
# with it: by find_package and by pkg-config, against the static and the shared library.
# usage: tests/build/consumer.sh BUILD
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/consumer"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/moved
cmake --install "$build" --prefix "$work/prefix" >"$work/log" || {
	cat "$work/log" >&2
	exit 1
}
mv "$work/prefix" "$prefix"

runs() {
	echo "$1"
	LD_LIBRARY_PATH=$libraries "$work/$1" | grep -qx GET_CONFIG
}

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(find "$prefix" -type d -name pkgconfig)
libraries=$(dirname "$PKG_CONFIG_PATH")

for linkage in static shared; do
	if ! { cmake -S . -B "$work/$linkage" -DCMAKE_PREFIX_PATH="$prefix" -DLINKAGE=$linkage &&
		cmake --build "$work/$linkage"; } >"$work/log" 2>&1; then
		cat "$work/log" >&2
		exit 1
	fi
	runs $linkage/consumer
	runs $linkage/partition
done
readelf -d "$work/shared/consumer" | grep -o 'libvirtio-msg-ffa\.so[.0-9]*'

read -ra flags <<<"$(pkg-config --cflags --libs virtio-msg-ffa)"
cc main.c -o "$work/consumer-by-pkg-config" "${flags[@]}"
runs consumer-by-pkg-config
read -ra flags <<<"$(pkg-config --cflags --libs vmsg-ffa-emu)"
cc -DPARTITION main.c -o "$work/partition-by-pkg-config" "${flags[@]}"
runs partition-by-pkg-config
if [ -e /usr/lib/"$(cc -print-multiarch)"/libc.a ]; then
	read -ra flags <<<"$(pkg-config --static --cflags --libs vmsg-ffa-emu)"
	cc -static -DPARTITION main.c -o "$work/all-static" "${flags[@]}"
	runs all-static
fi
"$prefix/bin/vmsg-ffa-emu" --version
"$prefix/bin/vmsg-ffa-emu" schema --dissector | cmp - "$prefix/share/virtio-msg-ffa/vmsg-ffa.lua"
[ -f "$prefix/share/man/man1/vmsg-ffa-emu-serve.1" ]
