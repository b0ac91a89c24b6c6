#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Instructions of one SET_VQUEUE encode and decode, codec against packed struct, by callgrind: the
# difference of two counts, so that start-up drops out. Exits 1 beyond the limit (goal 5).
# usage: bench/instructions.sh PROGRAM [LIMIT]
set -euo pipefail
program=$1
limit=${2:-2.0}

count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
		awk '/Collected/ { print $4 }'
}

each() {
	echo $((($(count "$1" 3000) - $(count "$1" 1000)) / 2000))
}

codec=$(each codec)
packed=$(each packed)
awk -v codec="$codec" -v packed="$packed" -v limit="$limit" 'BEGIN {
	ratio = codec / packed
	printf "goal 5: SET_VQUEUE encode+decode, instructions: codec %d, packed struct %d, ratio %.2f (must %.1f)\n",
		codec, packed, ratio, limit
	exit ratio > limit
}'
