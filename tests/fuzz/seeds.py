#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""First inputs for the fuzz targets, from the vectors: DIR/decode and DIR/bus.
usage: tests/fuzz/seeds.py DIR"""
import pathlib
import re
import sys

PROFILES = ["a1", "a2", "r0", "r1", "r1-a16", "r2a", "r2b", "r3"]
NEGOTIABLE = PROFILES[2:]
VERSIONS = {
    "r3": ["0280000002001400000000000000000002000100", "0280000003001400000001000100000002000100"],
    "r2b": ["02800000010010000000010001000000"],
    "r2a": ["028000000100" "1a00" "00000100" "01000000" "00000000" "0f000000" "ff00"],
    "r1": ["0280000018000100000001000000000000000f000000ff00"],
    "r1-a16": ["0280000018000100000001000000000000000f000000ff00"],
    "r0": ["028000000a0001000000"],
}

here = pathlib.Path(__file__).resolve().parent
text = "".join((here.parent / "vectors" / name).read_text() for name in ("vectors.h", "matrix.h"))
vectors = []
for match in re.finditer(r'\{ "([a-z0-9-]+)", "(\w+)", "(\w+)",[^"]*((?:"[0-9a-f]+"\s*)+),', text):
    profile, name, kind, parts = match.groups()
    vectors.append((profile, f"{len(vectors):03}-{profile}-{name}-{kind}", bytes.fromhex("".join(re.findall(r"[0-9a-f]+", parts)))))
if len(vectors) < 200:
    sys.exit(f"only {len(vectors)} vectors found: has their form changed?")

root = pathlib.Path(sys.argv[1])
for target in ("decode", "bus"):
    (root / target).mkdir(parents=True, exist_ok=True)
for profile, name, frame in vectors:
    (root / "decode" / name).write_bytes(bytes([PROFILES.index(profile)]) + frame)
    if profile not in NEGOTIABLE:
        continue
    # to a device that has agreed: VERSION first; to a driver: the frame as it comes
    talk = b"".join(bytes([len(v) // 2]) + bytes.fromhex(v) for v in VERSIONS[profile])
    for role in (0, 1):
        (root / "bus" / f"{name}-{role}").write_bytes(
            bytes([2 | role, NEGOTIABLE.index(profile)]) + talk + bytes([len(frame)]) + frame)
print(f"{len(vectors)} vectors")
