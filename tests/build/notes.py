#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every open question of docs/spec-notes.md is named where the page says that it is decided."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent.parent
rows = re.findall(r"^\| (O\d+) \|.*\| `([^`]+)` \|$", (root / "docs/spec-notes.md").read_text(), re.M)
problems = []
if [name for name, _ in rows] != [f"O{i}" for i in range(1, 26)]:
    problems.append(f"the table has {[name for name, _ in rows]}, not O1 to O25 in order")
for name, path in rows:
    if not re.search(rf"\b{name}\b", (root / path).read_text()):
        problems.append(f"{path} does not name {name}")
print("\n".join(problems) or f"{len(rows)} questions, each named where it is decided")
sys.exit(1 if problems else 0)
