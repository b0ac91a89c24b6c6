#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes docs/coverage.md from what the tests really exercise: scripts/coverage.py [--check] [BUILD].

Runs the tests that note it (tests/support/coverage.h) and the loopback of every profile, and reads
what crossed there from its trace. With --check nothing is written: what the page has and this run
has not is an error, and so is an empty cell without a reason. BUILD: build/dev or another."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/coverage.md"
KINDS = ("request", "response", "event")
NOTING = ("property_codec", "vectors_vectors", "world_system", "world_every_message")

# letter, what notes are called, what it says
COLUMNS = (
    ("e", "encode", "encoded, every field at random, and decoded to the same"),
    ("d", "decode", "decoded from what was encoded"),
    ("v", "vector", "decoded and encoded against bytes and fields typed from the specification"),
    ("p", "property", "every shorter frame, every room, padding, surplus, reserved bits and bytes"),
    ("x", "system", "exercised end to end: between a driver and a device partition across the "
     "partition manager, in one process"),
    ("l", "loopback", "the same between processes, in `loopback` of that profile; not expected "
     "of all"),
)
EXPECTED = "edvpx"

# of loopback: carrier, how events come, and the exit codes that mean that they are not to be had
CARRIERS = (("direct", "poll", ()), ("indirect", "indirect", ()), ("fifo", "fifo", (1, 2)))

# which cells may lack what, and why: profile, message, letters
REASONS = (
    (r"a1|a2", r".*", "x", "The dialects of 2024 are decoded and encoded only. They have another "
     "life cycle (CONNECT, ACTIVATE), which no session of this library speaks."),
)


def run(arguments, refusals=(), **environment):
    """True; False when it ends with one of the exit codes in `refusals`."""
    done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE, timeout=300,
                          stderr=subprocess.STDOUT, env={**os.environ, **environment})
    if done.returncode not in (0, *refusals):
        sys.exit(f"{done.stdout.decode(errors='replace')}\n{arguments[0]} failed")
    return done.returncode == 0


def noted(build, scratch):
    """{(profile, name, kind): letters} of the tests' own notes."""
    notes = scratch / "notes"
    for test in NOTING:
        run([build / "tests" / test], VMSG_COVERAGE=str(notes))
    letters = {name: letter for letter, name, _ in COLUMNS}
    for line in notes.read_text().splitlines():
        what, *body = line.split()
        yield tuple(body), letters[what]


def crossed(build, scratch, profile):
    """The messages that cross in the loopback of a profile, over each carrier that it has. r1-a16
    is shown as r1."""
    image, trace = scratch / "image", scratch / "trace"
    image.write_bytes(bytes(1 << 20))
    shown = "r1" if profile == "r1-a16" else profile
    for carrier, events, refusals in CARRIERS:
        if not run([build / "vmsg-ffa-emu", "loopback", "--device", f"blk,path={image}", "--device",
                    "rng", "--profile", profile, "--carrier", carrier, "--events", events,
                    "--trace", trace], refusals):
            continue
        for line in trace.read_text().splitlines():
            match = re.search(r" \| \w{4}->\w{4} (\S+) (?:bus|transport) (\w+) (\w+) device", line)
            if match and match.group(1) == shown and match.group(3) != "NONE":
                yield (profile, match.group(3), match.group(2)), "l"


def read_schema(build):
    """[profile], [(class, name, kind)], {(profile, name, kind)} of all that exist."""
    profiles, rows, bodies = [], {}, set()
    text = subprocess.run([build / "vmsg-ffa-emu", "schema", "--json"], check=True,
                          capture_output=True, text=True).stdout
    for line in text.splitlines():
        schema = json.loads(line)
        profiles.append(schema["profile"])
        for message in schema["messages"]:
            for kind in KINDS:
                if kind in message:
                    rows.setdefault((message["class"], message["name"], kind))
                    bodies.add((schema["profile"], message["name"], kind))
    return profiles, list(rows), bodies


def order_of(rows, build):
    """Rows in the order of the reference."""
    names = re.findall(r"^### (\w+)$", subprocess.run(
        [build / "vmsg-ffa-emu", "schema"], check=True, capture_output=True, text=True).stdout, re.M)
    return sorted(rows, key=lambda row: (row[0] == "bus", names.index(row[1]), KINDS.index(row[2])))


def reason_for(body, missing):
    for number, (profile, name, letters, _) in enumerate(REASONS, 1):
        if re.fullmatch(profile, body[0]) and re.fullmatch(name, body[1]) and set(missing) <= set(letters):
            return number
    return None


def page(profiles, rows, bodies, found):
    """The page, and the cells that lack something without a reason."""
    problems, used = [], set()
    lines = ["<!-- SPDX-License-Identifier: BSD-3-Clause -->",
             "<!-- Generated by scripts/coverage.py from what the tests exercised; do not edit. -->",
             "# Coverage", "",
             "What the tests exercise of every message in every profile, noted by the tests "
             "themselves while they run.", "", "| letter | |", "|---|---|"]
    lines += [f"| {letter} | {text} |" for letter, _, text in COLUMNS]
    lines += ["", "`-`: the profile has no such message. A number: something is missing, and why.", "",
              "| message | " + " | ".join(profiles) + " |", "|---" * (len(profiles) + 1) + "|"]
    for _, name, kind in rows:
        cells = []
        for profile in profiles:
            body = (profile, name, kind)
            if body not in bodies:
                cells.append("-")
                continue
            letters = found.get(body, set())
            missing = [letter for letter in EXPECTED if letter not in letters]
            number = reason_for(body, missing) if missing else None
            if missing and number is None:
                problems.append(f"{' '.join(body)} lacks {' '.join(missing)}, and no reason is given")
            used.add(number)
            text = "".join(letter for letter, _, _ in COLUMNS if letter in letters)
            cells.append(text + (f" ({number})" if number else ""))
        lines.append(f"| {name} {kind} | " + " | ".join(cells) + " |")
    counts = [sum(1 for body in bodies if body[0] == profile) for profile in profiles]
    whole = [sum(1 for body in bodies if body[0] == profile and set(EXPECTED) <= found.get(body, set()))
             for profile in profiles]
    lines.append("| **whole, of all** | " +
                 " | ".join(f"{w} of {c}" for w, c in zip(whole, counts)) + " |")
    lines.append("")
    for number, (*_, why) in enumerate(REASONS, 1):
        lines.append(f"{number}. {why}")
        if number not in used:
            problems.append(f"reason {number} explains nothing any more")
    return "\n".join(lines) + "\n", problems


def compare(old, new):
    """What the page has and this run has not."""
    def cells(text):
        lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        head = next(line for line in lines if line[0] == "message")
        return {(line[0], profile): cell for line in lines if len(line) == len(head)
                for profile, cell in zip(head[1:], line[1:])}
    before, after = cells(old), cells(new)
    for key in sorted(before):
        lost = (set(before[key].split(" ")[0]) - set(after.get(key, "").split(" ")[0])) & set(EXPECTED)
        if lost and "whole" not in key[0] and before[key] != "-":
            yield f"{key[1]} {key[0]}: {''.join(sorted(lost))} is not exercised any more"


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    build = pathlib.Path(arguments[0] if arguments else ROOT / "build/dev").resolve()
    found = {}
    profiles, rows, bodies = read_schema(build)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        notes = list(noted(build, scratch))
        for profile in profiles:
            if not profile.startswith("a"):
                notes += crossed(build, scratch, profile)
    for body, letter in notes:
        found.setdefault(body, set()).add(letter)
    text, problems = page(profiles, order_of(rows, build), bodies, found)
    if "--check" in sys.argv:
        problems += compare(PAGE.read_text(), text)
        if PAGE.read_text() != text and not problems:
            print("note: loopback exercises other messages than docs/coverage.md says, or the tests "
                  "more: run scripts/coverage.py")
    else:
        PAGE.write_text(text)
    print("\n".join(problems) or "every cell is full or has its reason")
    sys.exit(1 if problems else 0)


main()
