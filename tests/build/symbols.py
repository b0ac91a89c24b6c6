#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The shared library exports what its public headers declare with VMSG_EXPORT: no name less, none
more. usage: tests/build/symbols.py LIBRARY.so"""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent.parent
declared = set()
for header in (root / "include/virtio_msg_ffa").glob("*.h"):
    if header.name == "emulator.h":  # of the other library
        continue
    text = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
    text = re.sub(r"^\s*#.*?(?<!\\)$", " ", text, flags=re.S | re.M)
    for declaration in re.findall(r"VMSG_EXPORT\b([^;]*);", text):
        declared.add(re.search(r"\b(vmsg_\w+)\s*\(", declaration).group(1))

listing = subprocess.run(["nm", "-D", "--defined-only", sys.argv[1]], check=True,
                         capture_output=True, text=True).stdout
exported = set()
for line in listing.splitlines():
    *_, kind, name = line.split()
    if kind != "A":  # the version node itself
        exported.add(name.split("@")[0])

problems = [f"exported, but not declared: {name}" for name in sorted(exported - declared)]
problems += [f"declared, but not exported: {name}" for name in sorted(declared - exported)]
print("\n".join(problems) or f"{len(exported)} names, as the headers declare them")
sys.exit(1 if problems else 0)
