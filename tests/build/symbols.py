#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The shared library exports what its public headers declare with VMSG_EXPORT: no name less, none
more. usage: tests/build/symbols.py LIBRARY.so"""
import subprocess
import sys

from public_names import public_names

declared = set(public_names())
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
