#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# clang-tidy over one file of the library or the emulator. The analyzer takes seconds for each, so one that
# was clean is left out as long as nothing has changed that decides: the tool, its settings, the compiler's
# command, the text of the file and of all it includes.
# usage: scripts/lib/tidy.sh FILE, from the root of the tree, with build/dev configured
set -euo pipefail

file=$1
checks=
# There the analyzer loses track of objects in linked lists and reports their fields as freed or null: those
# checks are the sanitizers' there.
if [[ $file == emulator/* ]]; then
	checks=-clang-analyzer-unix.Malloc,-clang-analyzer-core.NullDereference,-clang-analyzer-core.CallAndMessage
fi
rule=$(cc -M -D_GNU_SOURCE -Iinclude -Ilib -Iemulator "$file" | tr -d '\\\n')
read -ra inputs <<<"$rule"
# none for what that build leaves out: the tool infers one from its neighbours'
command=$(grep -F -- "-c $PWD/$file\"" build/dev/compile_commands.json || true)
key=$({
	clang-tidy --version
	echo "$checks $command"
	cat "$0" .clang-tidy "${inputs[@]:1}" # without the name of the object file
} | sha256sum | cut -d' ' -f1)
if [ ! -e "build/tidy/$key" ]; then
	clang-tidy -p build/dev --quiet --checks="$checks" "$file"
	touch "build/tidy/$key"
fi
