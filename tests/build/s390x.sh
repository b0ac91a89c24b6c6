#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Tests of everything that has a byte order, on a machine of the other one: the table exhaustively,
# the vectors, FF-A registers and descriptors, areas, rings, bus sessions, devices.
# usage: tests/build/s390x.sh. Exit status 77: skipped, compiler or emulator is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

tests=(property/test_codec vectors/test_vectors unit/test_codec unit/test_ffa unit/test_ffa_memory
	unit/test_ffa_message unit/test_memory unit/test_virtqueue unit/test_virtqueue_packed
	unit/test_virtqueue_pair unit/test_format unit/test_device unit/test_driver world/test_bus
	world/test_bus_device world/test_bus_quirks)
compiler=s390x-linux-gnu-gcc
for tool in $compiler qemu-s390x; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: $tool is not installed"
		exit 77
	fi
done

out=build/s390x
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset s390x && cmake --build "$out" -j"$(nproc)"; } >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
mkdir -p "$out/tests"

one() {
	local name=${1##*/} out=$2 sources=(tests/support/hex.c tests/support/guard.c)
	case $1 in
	world/test_bus*) sources+=(tests/support/bus_pair.c) ;;
	property/* | vectors/*) sources+=(tests/support/coverage.c emulator/tap/{frame,record,registers,sessions}.c) ;;
	esac
	"$3" -static -O1 -g -D_GNU_SOURCE -DVMSG_TINY_CMOCKA "-DVMSG_SOURCE_DIR=\"$PWD\"" \
		-Iinclude -Ilib -Iemulator -Itests -o "$out/tests/$name" "tests/$1.c" "${sources[@]}" "$out/lib/libvirtio-msg-ffa.a"
	if ! qemu-s390x "$out/tests/$name" >"$out/tests/$name.log" 2>&1; then
		tail -5 "$out/tests/$name.log" >&2
		echo "$1 fails on s390x" >&2
		return 1
	fi
}
export -f one
printf '%s\n' "${tests[@]}" | xargs -P"$(nproc)" -I{} bash -c "one {} $out $compiler"
echo "${#tests[@]} programs pass on s390x, $(cat "$out"/tests/*.log | wc -l) lines of cases"
