#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The Zephyr module without Zephyr: module.yml names what is there, Kconfig and CMake know the same
symbols, defaults are those of config.h, sources.txt is complete, and the module's CMake builds and
links with stand-ins for Zephyr's functions, switched on and off.
usage: tests/build/zephyr.py [C-COMPILER]"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
compiler = sys.argv[1] if len(sys.argv) > 1 else "cc"
problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)


module = (ROOT / "zephyr/module.yml").read_text()
cmake_folder = re.search(r"^\s+cmake: (\S+)$", module, re.M).group(1)
kconfig_file = re.search(r"^\s+kconfig: (\S+)$", module, re.M).group(1)
kconfig = (ROOT / kconfig_file).read_text()
cmake = (ROOT / cmake_folder / "CMakeLists.txt").read_text()

declared = set(re.findall(r"^(?:menu)?config (\w+)$", kconfig, re.M))
limits = set(re.search(r"foreach\(limit ([^)]*)\)", cmake).group(1).split())
used = {name for name in re.findall(r"\bCONFIG_(\w+)\b", cmake) if not name.endswith("_")}
used |= {f"VIRTIO_MSG_FFA_{limit}" for limit in limits}
check(declared == used, f"Kconfig or CMake alone knows {', '.join(sorted(declared ^ used))}")

config = (ROOT / "include/virtio_msg_ffa/config.h").read_text()
# what the protocol fixes is nobody's choice, and the watch follows from the optimisation
choices = {name.removeprefix("VIRTIO_MSG_FFA_") for name in declared}
left_out = set(re.findall(r"^#define VMSG_(\w+) \d+$", config, re.M)) - choices - {"FRAME_SIZE_MAX", "QUEUE_SIZE_MAX", "QUEUE_WATCH"}
check(not left_out, f"Kconfig does not have {', '.join(sorted(left_out))}")
for limit in sorted(limits):
    default = re.search(rf"^#define VMSG_{limit} (\d+)$", config, re.M)
    check(default is not None, f"config.h has no VMSG_{limit}")
    block = kconfig.split(f"config VIRTIO_MSG_FFA_{limit}\n", 1)[-1].split("\nconfig ", 1)[0]
    check(default and f"\tdefault {default.group(1)}\n" in block, f"Kconfig's default of {limit} is not config.h's")

sources = (ROOT / "lib/sources.txt").read_text().split()
present = sorted(path.name for path in (ROOT / "lib").glob("*.c"))
check(sorted(sources) == present, f"lib/sources.txt and lib/*.c differ in {set(sources) ^ set(present)}")


def run(*command):
    done = subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}")
    return done.returncode == 0


def libraries(folder, *options):
    """The libraries that the module has added; empties the folder first."""
    shutil.rmtree(folder, ignore_errors=True)
    configured = run("cmake", "-S", str(ROOT / "tests/build/zephyr"), "-B", folder, f"-DMODULE_CMAKE={cmake_folder}",
                     f"-DCMAKE_C_COMPILER={compiler}", *options)
    return (pathlib.Path(folder) / "libraries.txt").read_text().split() if configured else []


values = {name: re.search(rf"config {name}\n(?:.*\n)*?\tdefault (\w+)", kconfig).group(1)
          for name in declared - {"VIRTIO_MSG_FFA"}}
values["VIRTIO_MSG_FFA_REGION_RANGES_MAX"] = "64"
with tempfile.TemporaryDirectory() as folder:
    check(libraries(folder) == [], "the module is there although Kconfig has not chosen it")
    options = ["-DCONFIG_VIRTIO_MSG_FFA=y"] + [f"-DCONFIG_{name}={value}" for name, value in values.items()]
    found = libraries(folder, *options, "-DCMAKE_C_FLAGS=-DEXPECTED_RANGES=64")
    check(found == ["virtio_msg_ffa"], f"the module's libraries are {found}")
    if found and run("cmake", "--build", folder, "-j2"):
        run(f"{folder}/application")

print("\n".join(problems) or f"the module builds; {len(declared)} symbols, {len(sources)} sources")
sys.exit(1 if problems else 0)
