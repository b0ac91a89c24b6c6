#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are two transcripts of FF-A calls (docs/tracing.md, each line behind "# ") equal up to ids, handles,
addresses and time?
usage: tests/firmware/transcripts.py ONE OTHER
Exit status: 0 they are, 1 they are not and the differences are printed, 2 one of them is none.

What is not compared:
- the times in front of the lines, and FFA_INTERRUPT or FFA_YIELD with the FFA_RUN that goes on: who is slow;
- ids of partitions: each is replaced by its place in the order in which they first occur;
- handles: the same, and addresses of RXTX_MAP;
- everything that is no trace, such as TAP;
- what comes between "# access after relinquish" and "# end of that": a process that does it is ended by
  its kernel."""
import difflib
import re
import sys

LINE = re.compile(r"# [0-9.]+ ([0-9a-f]{4})\.0 ([<>!]) (.*?)\s*$")


class Names:
    """Replaces each value by its place in the order of first occurrence."""

    def __init__(self, kind):
        self.kind, self.known = kind, {}

    def of(self, value):
        return f"{self.kind}{self.known.setdefault(value, len(self.known))}"


class Transcript:
    def __init__(self, path):
        self.partitions, self.handles = Names("partition"), Names("handle")
        self.lines, self.call, skipped = [], "", False
        with open(path, encoding="utf-8", errors="replace") as file:
            for text in file:
                if text.startswith(("# access after relinquish", "# end of that")):
                    skipped = text.startswith("# access")
                found = LINE.match(text)
                if found and not skipped:
                    self.take(found.group(1), found.group(2), found.group(3))

    def take(self, partition, direction, what):
        # before FFA_ID_GET has answered, a partition does not know itself
        name = what.split(" ", 1)[0]
        if direction == ">":
            self.call = name
        if self.is_slowness(direction, name):
            return
        self.lines.append(f"{direction} {self.registers(direction, what)}")

    def is_slowness(self, direction, name):
        """Drops `< FFA_INTERRUPT` and the `> FFA_RUN` after it."""
        if direction == "<" and name in ("FFA_INTERRUPT", "FFA_YIELD") and self.call in (
                "FFA_RUN", "FFA_MSG_SEND_DIRECT_REQ2", "FFA_MSG_SEND_DIRECT_REQ"):
            return True
        return direction == ">" and name == "FFA_RUN"

    def registers(self, direction, what):
        what = re.sub(r"\b([0-9a-f]{4})->([0-9a-f]{4})\b",
                      lambda m: f"{self.partitions.of(m.group(1))}->{self.partitions.of(m.group(2))}", what)
        what = re.sub(r"\bmem_handle=(0x[0-9a-f]+|\d+)", lambda m: "mem_handle=" + self.handle(int(m.group(1), 0)), what)
        words = what.split(" ")
        is_success = words[0].startswith("FFA_SUCCESS")
        if self.call == "FFA_RXTX_MAP":  # the call, and what an answer may keep of it
            words[1:3] = ["address" for _ in words[1:3]]
        elif self.call == "FFA_ID_GET" and direction == "<":
            words[1:] = ["id"]
        elif self.call.startswith("FFA_MEM_SHARE") and is_success:
            number = (words + ["0", "0", "0"])[2:4]
            words[1:] = [self.handle(int(number[0], 16) | int(number[1], 16) << 32)]
        elif words[0] == "FFA_MEM_RECLAIM" or (self.call == "FFA_MEM_RECLAIM" and is_success and len(words) > 1):
            number = (words + ["0", "0"])[1:3]
            words[1:] = [self.handle(int(number[0], 16) | int(number[1], 16) << 32)]
        return " ".join(words)

    def handle(self, value):
        return self.handles.of(value)


def main():
    if len(sys.argv) != 3:
        print("usage: tests/firmware/transcripts.py ONE OTHER", file=sys.stderr)
        return 2
    one, other = (Transcript(path).lines for path in sys.argv[1:])
    if not one or not other:
        print("no transcript in " + sys.argv[1 if not one else 2], file=sys.stderr)
        return 2
    differences = [line for line in difflib.unified_diff(one, other, *sys.argv[1:], n=1, lineterm="")]
    for line in differences[:60]:
        print("# " + line)
    print(f"# transcripts: {len(one)} and {len(other)} lines, " + ("equal" if not differences else "DIFFERENT"))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
