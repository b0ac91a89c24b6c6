#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The library on a target without libc: builds PRESET, links all objects with -nostdlib -lgcc, holds
# that there is no data, no bss, no global name but vmsg_*, nothing of libc but three functions, and
# that what a firmware carries stays below its limits.
# usage: tests/build/freestanding.sh PRESET. Exit status 77: skipped, the cross compiler is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

preset=$1
# Limits in KiB: messages and FF-A registers; with areas and split rings (VMSG_QUEUE_PACKED=0); and with
# rings of both kinds. Those of Cortex-M33 and AArch64 are speed goal 16; the others hold what is reached.
case $preset in
freestanding-m33) prefix=arm-none-eabi- codec_limit=6 split_limit=8 rings_limit=9 ;;
freestanding-m0plus) prefix=arm-none-eabi- codec_limit=6 split_limit=9 rings_limit=10 ;;
aarch64) prefix=aarch64-linux-gnu- codec_limit=9 split_limit=12 rings_limit=14 ;;
riscv32) prefix=riscv64-unknown-elf- codec_limit=6 split_limit=10 rings_limit=11 ;;
x86-64) prefix="" codec_limit=9 split_limit=11 rings_limit=14 ;;
clang-m33) prefix=arm-none-eabi- codec_limit=6 split_limit=10 rings_limit=11 ;;
clang-m0plus) prefix=arm-none-eabi- codec_limit=6 split_limit=10 rings_limit=11 ;;
clang-aarch64) prefix=aarch64-linux-gnu- codec_limit=9 split_limit=12 rings_limit=14 ;;
clang-riscv32) prefix=riscv64-unknown-elf- codec_limit=7 split_limit=11 rings_limit=14 ;;
clang-x86-64) prefix="" codec_limit=9 split_limit=11 rings_limit=14 ;;
*)
	echo "unknown preset $preset" >&2
	exit 2
	;;
esac
# The compiler's own helpers, which its run-time library has: wide divisions and shifts, jump tables,
# and what the ARM run-time ABI calls memcpy() and memset().
case $prefix in
arm-*) helpers='__aeabi_(u?idiv(mod)?|u?ldivmod|lmul|llsl|llsr|mem(cpy|set|clr)[48]?)|__gnu_thumb1_case_(u|s)[qh]i' ;;
riscv64-*) helpers='__(ashl|lshr|u?div|u?mod)di3' ;;
*) helpers='none' ;;
esac
tools=("${prefix}gcc")
if [[ $preset == clang-* ]]; then
	tools+=(clang ld.lld)
fi
for tool in "${tools[@]}"; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: $tool is not installed"
		exit 77
	fi
done

fail() {
	echo "$preset: $*" >&2
	exit 1
}

out=build/$preset
archive=$out/lib/libvirtio-msg-ffa.a
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset "$preset" && cmake --build "$out" -j"$(nproc)"; } >"$log" 2>&1; then
	cat "$log" >&2
	fail "does not build or link without libc"
fi

data=$("${prefix}size" -t "$archive" | awk 'END { print $2 + $3 }')
[ "$data" -eq 0 ] || fail "$data bytes of data and bss: the library has no variables"

# names STATE: the archive's global symbols, undefined or defined
names() {
	"${prefix}nm" --"$1"-only "$archive" | awk 'NF >= 2 && $(NF - 1) ~ /^[A-Z]$/ { print $NF }' | sort -u
}
foreign=$(names defined | grep -v '^vmsg_' || true)
[ -z "$foreign" ] || fail "names of others: $foreign"
wanted=$(comm -13 <(names defined) <(names undefined))
libc=$(grep -vxE "memcpy|memset|memcmp|$helpers" <<<"$wanted" || true)
[ -z "$libc" ] || fail "calls what is not there: $libc"

text() {
	"${prefix}size" "$out/tests/build/freestanding/freestanding-$1.elf" | awk 'NR == 2 { print $1 }'
}
nothing=$(text nothing)
codec=$(($(text codec) - nothing))
split=$(($(text split) - nothing))
rings=$(($(text rings) - nothing))
echo "note: $preset: undefined: ${wanted//$'\n'/ }"
echo "note: $preset: text: all $("${prefix}size" -t "$archive" | awk 'END { print $1 }')," \
	"messages and FF-A registers $codec (limit ${codec_limit} KiB)," \
	"with split rings $split (limit ${split_limit} KiB), with rings $rings (limit ${rings_limit} KiB)"
[ "$codec" -le $((codec_limit * 1024)) ] || fail "messages and FF-A registers take more than ${codec_limit} KiB"
[ "$split" -le $((split_limit * 1024)) ] || fail "with split rings it is more than ${split_limit} KiB"
[ "$rings" -le $((rings_limit * 1024)) ] || fail "with rings it is more than ${rings_limit} KiB"
