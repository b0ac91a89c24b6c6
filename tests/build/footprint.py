#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the library adds to an image, by job: bytes of text and read-only data that the linker keeps, and
bytes of the objects that a port places. As in docs/porting.md. usage: tests/build/footprint.py PRESET
[-DLIMIT=N ...]; needs what tests/build/freestanding.sh PRESET has built."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = {
    "aarch64": ("aarch64-linux-gnu-", ["-mgeneral-regs-only", "-fno-pic", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]),
    "freestanding-m33": ("arm-none-eabi-", ["-mcpu=cortex-m33", "-mthumb"]),
}
JOBS = {"nothing": [], "machines without pump": ["MACHINES"], "device": ["DEVICE"], "driver": ["DRIVER"],
        "driver and device": ["DRIVER", "DEVICE"]}

preset, limits = sys.argv[1], sys.argv[2:]
prefix, flags = TARGETS[preset]
archive = ROOT / "build" / preset / "lib/libvirtio-msg-ffa.a"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def text_of(folder, defines):
    out = f"{folder}/image.elf"
    run(prefix + "gcc", "-std=c11", "-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections", *flags, *limits,
        *[f"-DFOOTPRINT_{define}" for define in defines], f"-I{ROOT}/include", "-nostdlib", "-static", "-Wl,--gc-sections",
        "-Wl,--entry=footprint", "-Wl,--build-id=none", "-o", out, f"{ROOT}/tests/build/freestanding/footprint.c",
        f"{ROOT}/tests/build/freestanding/libc.c", str(archive), "-lgcc")
    return int(run(prefix + "size", out).splitlines()[1].split()[0])


with tempfile.TemporaryDirectory() as work:
    nothing = text_of(work, [])
    for job, defined in JOBS.items():
        if defined:
            print(f"{preset}: text of {job}: {text_of(work, defined) - nothing}")
    objects = f"{work}/objects.o"
    run(prefix + "gcc", "-std=c11", "-Os", "-ffreestanding", *flags, *limits, f"-I{ROOT}/include", "-c", "-o", objects,
        f"{ROOT}/tests/build/freestanding/footprint.c")
    for size, name in re.findall(r"^\S+ (\S+) \S size_of_(\w+)$", run(prefix + "nm", "-S", objects), re.M):
        print(f"{preset}: size of struct {name}: {int(size, 16)}")
