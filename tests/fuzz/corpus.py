#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A corpus is one file, tests/fuzz/corpus/NAME.hex: an input a line, in order, '#' for comments.
usage: tests/fuzz/corpus.py unpack FILE.hex DIR   libFuzzer wants a directory
       tests/fuzz/corpus.py pack DIR FILE.hex     what is in the directory becomes the file"""
import hashlib
import pathlib
import sys


def main(verb, source, target):
    if verb == "unpack":
        directory = pathlib.Path(target)
        directory.mkdir(parents=True, exist_ok=True)
        for line in pathlib.Path(source).read_text().splitlines():
            if not line.startswith("#"):
                data = bytes.fromhex(line)
                (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)
    elif verb == "pack":
        inputs = {path.read_bytes() for path in pathlib.Path(source).iterdir()}
        lines = [data.hex() for data in sorted(inputs, key=lambda data: (len(data), data))]
        pathlib.Path(target).write_text("# SPDX-License-Identifier: BSD-3-Clause\n" + "\n".join(lines) + "\n")
        print(f"{len(lines)} inputs")
    else:
        sys.exit(__doc__)


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
