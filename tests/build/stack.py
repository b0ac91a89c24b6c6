#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How deep the stack of each public call of the library gets, from the compiler's frame sizes and
call graph (gcc -fcallgraph-info=su), and that it stays below a limit. No recursion and no frame of
variable size is allowed, so the numbers are exact but for what the library calls of others: memcpy,
memset and memcmp, and the callbacks of the caller, whose own stack comes on top of the depth that is
printed for them.

usage: tests/build/stack.py [--list] PRESET
Exit status: 0 within the limits, 1 not, 77 skipped: the cross compiler is missing."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from public_names import ROOT, public_names

# Bytes: of the deepest public call; of the deepest place where a callback is called.
LIMITS = {
    "aarch64": ("aarch64-linux-gnu-gcc", 2688, 2688),
    "freestanding-m33": ("arm-none-eabi-gcc", 2432, 2432),
}
OTHERS = {"memcpy", "memset", "memcmp"}  # and the compiler's own, __*
CALLBACK = "__indirect_call"


def build(preset, out):
    """The library's objects with a call graph beside each."""
    environment = dict(os.environ, CFLAGS="-fcallgraph-info=su", CCACHE_DISABLE="1")
    shutil.rmtree(out, ignore_errors=True)
    for command in (["cmake", "--preset", preset, "-B", str(out)],
                    ["cmake", "--build", str(out), "--target", "vmsg_objects", "-j", str(os.cpu_count())]):
        done = subprocess.run(command, cwd=ROOT, env=environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}\n{preset}: does not build")


def read_graph(out):
    """({function: bytes of its frame}, {function: functions it calls})"""
    frames, calls = {}, {}
    files = sorted(out.glob("**/*.ci"))
    if not files:
        sys.exit("the compiler has written no call graph")
    for file in files:
        text = file.read_text()
        for title, size, kind in re.findall(r'^node: { title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(([^)]*)\)', text,
                                            flags=re.M):
            if kind != "static":
                sys.exit(f"{title}: its frame is {kind}")
            frames[title] = int(size)
        for source, target in re.findall(r'^edge: { sourcename: "([^"]+)" targetname: "([^"]+)"', text, flags=re.M):
            calls.setdefault(source, set()).add(target)
    return frames, calls


def short(function):
    return function.rsplit(":", 1)[-1]


class Depths:
    """Depth of each function, and of the callbacks below it: (bytes, path), or None for none."""

    def __init__(self, frames, calls):
        self.frames, self.calls, self.known, self.open = frames, calls, {}, []

    def of(self, function):
        if function in self.open:
            sys.exit("recursion: " + " > ".join(map(short, self.open + [function])))
        if function not in self.known:
            self.open.append(function)
            self.known[function] = self.find(function)
            self.open.pop()
        return self.known[function]

    def find(self, function):
        frame = self.frames[function]
        whole, callback = (frame, [short(function)]), None
        for callee in sorted(self.calls.get(function, ())):
            if callee == CALLBACK:
                callback = max(callback or (0, []), (frame, [short(function)]))
            elif callee in self.frames:
                below, below_callback = self.of(callee)
                whole = max(whole, (frame + below[0], [short(function)] + below[1]))
                if below_callback:
                    callback = max(callback or (0, []),
                                   (frame + below_callback[0], [short(function)] + below_callback[1]))
            elif callee not in OTHERS and not callee.startswith("__"):
                sys.exit(f"{function} calls {callee}, which is not in the library")
        return whole, callback


def main():
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    if len(arguments) != 1 or arguments[0] not in LIMITS:
        print(f"usage: tests/build/stack.py [--list] {'|'.join(LIMITS)}", file=sys.stderr)
        return 2
    preset = arguments[0]
    compiler, limit, callback_limit = LIMITS[preset]
    if not shutil.which(compiler):
        print(f"skipped: {compiler} is not installed")
        return 77
    out = ROOT / "build" / f"stack-{preset}"
    build(preset, out)
    depths = Depths(*read_graph(out))
    public = public_names()
    missing = sorted(set(public) - set(depths.frames))
    if missing:
        sys.exit(f"{preset}: no frame known of {', '.join(missing)}")
    rows = [(depths.of(name), name) for name in public]
    if "--list" in sys.argv:
        for (whole, callback), name in sorted(rows, key=lambda row: (public[row[1]], row[1])):
            print(f"{public[name]:18} {name:40} {whole[0]:6}" + (f" {callback[0]:6} at a callback" if callback else ""))
    worst = max(row[0][0] for row in rows)
    deepest = max(row[0][1] for row in rows if row[0][1])
    print(f"note: {preset}: stack of the deepest of {len(rows)} public calls {worst[0]} bytes (limit {limit}): "
          f"{' > '.join(worst[1])}")
    print(f"note: {preset}: stack where the deepest callback begins {deepest[0]} bytes (limit {callback_limit}): "
          f"{' > '.join(deepest[1])}")
    return int(worst[0] > limit or deepest[0] > callback_limit)


if __name__ == "__main__":
    sys.exit(main())
