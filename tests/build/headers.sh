#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every public header alone: as C11, as C without a libc, and as C++ where there is a compiler for it.
# Only the hosted one, emulator.h, may need more than the freestanding headers.
# usage: tests/build/headers.sh [CC [CXX]]
set -euo pipefail
cd "$(dirname "$0")/../.."

cc=${1:-gcc}
cxx=${2:-g++}
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror -fsyntax-only -Iinclude)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count=0
for header in include/virtio_msg_ffa/*.h; do
	printf '#include "%s"\ntypedef int header_alone;\n' "${header#include/}" >"$work/alone.c"
	"$cc" -std=c11 "${warnings[@]}" "$work/alone.c"
	if [ "${header##*/}" != emulator.h ]; then
		"$cc" -std=c11 -ffreestanding -nostdinc -isystem "$("$cc" -print-file-name=include)" \
			"${warnings[@]}" "$work/alone.c"
	fi
	if command -v "$cxx" >/dev/null; then
		"$cxx" -x c++ -std=c++17 "${warnings[@]}" "$work/alone.c"
	fi
	count=$((count + 1))
done
echo "$count headers, each alone"
command -v "$cxx" >/dev/null || echo "skipped for C++: $cxx is not installed"
