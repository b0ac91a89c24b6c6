#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs every fuzz target of a build for some seconds each, two at a time, starting from its corpus.
# What it finds is left in BUILD/fuzz-findings.
# usage: tests/fuzz/run.sh BUILD SECONDS
set -euo pipefail
build=$1
seconds=$2
here=$(dirname "$0")
mkdir -p "$build/fuzz-findings"

one() {
	local program=$1 name directory log
	name=${program##*/fuzz_}
	directory=$(mktemp -d)
	log=$(mktemp)
	if [ -f "$here/corpus/$name.hex" ]; then
		"$here/corpus.py" unpack "$here/corpus/$name.hex" "$directory"
	fi
	if ! "$program" -max_total_time="$seconds" -max_len=1024 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$build/fuzz-findings/$name-" "$directory" >"$log" 2>&1; then
		tail -40 "$log"
		rm -rf "$directory" "$log"
		return 1
	fi
	awk -v name="$name" '/number_of_executed_units/ { runs = $2 } /DONE/ { cov = $4 }
		END { printf "%s: %d runs, %d edges\n", name, runs, cov }' "$log"
	rm -rf "$directory" "$log"
}
export -f one
export build seconds here
find "$build/tests/fuzz" -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x | sort | xargs -P2 -I{} bash -c 'one {}'
