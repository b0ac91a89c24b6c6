#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom: the table of docs/architecture.md as data. Prints every include that breaks
it; exits 1 if there is one. A .c file's own header stands first."""
import pathlib
import re
import sys

L0 = {"compiler", "config", "error", "span", "version"}
WIRE = L0 | {"proto", "message"}
FFA = L0 | {"ffa", "ffa_memory", "ffa_message"}
CODEC = WIRE | {"codec", "schema", "format", "quirk"}
RING = L0 | {"memory", "virtqueue"}

# public header -> public headers it (and its .c) may see
PUBLIC = {
    **{name: L0 for name in L0},
    "proto": WIRE,
    "message": WIRE,
    "ffa": FFA,
    "ffa_memory": FFA,
    "ffa_message": FFA,
    "codec": CODEC,
    "schema": CODEC,
    "format": CODEC,
    "quirk": CODEC,
    "memory": L0 | {"memory"},
    "virtqueue": RING,
    "fifo": L0 | {"memory", "fifo"},
    "bounce": L0 | {"bounce"},
    "endpoint": FFA | {"memory", "endpoint"},
    "bus": CODEC | {"memory", "bus"},
    "driver": CODEC | RING | {"driver"},
    "device": CODEC | RING | {"device"},
    "pump": CODEC | RING | FFA | {"endpoint", "fifo", "bus", "driver", "device", "pump"},
    "emulator": FFA | {"memory", "endpoint", "emulator"},
    "virtio_msg_ffa": None,
}
# .c files of lib/ whose name is not a public header -> the header whose rights they have
ALIAS = {"bus_areas": "bus", "bus_areas_driver": "bus", "bus_choice": "bus", "bus_device": "bus", "bus_driver": "bus", "bus_fifo": "bus",
         "bus_numbers": "bus", "bus_quirks": "bus", "bus_requests": "bus", "device_queue": "device",
         "driver_answers": "driver", "endpoint_memory": "endpoint",
         "endpoint_message": "endpoint", "pump_device": "pump", "reflect": "schema"}
INTERNAL = {"area", "virtqueue", "port", "bytes", "engine", "rows", "bodies", "values", "bus", "bus_areas", "device", "driver",
            "endpoint"}

# folder of emulator/ -> (public headers, folders of emulator/ it may see)
EMULATOR = {
    "spmc": (FFA, {"spmc"}),
    "check": (RING, {"check"}),
    "faults": (FFA, {"faults", "spmc"}),
    "client": (FFA | {"memory", "endpoint", "pump", "emulator"}, {"client", "faults", "spmc"}),
    "devices": (WIRE | RING | {"codec", "device"}, {"devices", "vhost"}),
    "vhost": (WIRE | RING, {"vhost"}),
    "tap": (CODEC | FFA, {"tap"}),
    "probe": (CODEC, {"probe"}),
    "manifest": (FFA, {"manifest", "spmc"}),
    "server": (None, {"server", "faults", "spmc", "tap"}),
    "commands": (None, None),
    "nbdkit": (None, None),
}
UV = {"server", "commands"}


def includes(path):
    for line in path.read_text().splitlines():
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield match.group(1) == "<", match.group(2)


def check_lib(path, problems):
    stem = path.stem
    owner = ALIAS.get(stem, stem)
    allowed = PUBLIC.get(owner)
    first = None
    for system, name in includes(path):
        first = first or name
        if system:
            if name not in ("stddef.h", "stdint.h", "stdbool.h"):
                problems.append(f"{path}: <{name}> is not freestanding")
        elif name.startswith("virtio_msg_ffa/"):
            header = pathlib.Path(name).stem
            if allowed is not None and header not in allowed:
                problems.append(f"{path}: may not include {name}")
        elif pathlib.Path(name).stem not in INTERNAL:
            problems.append(f"{path}: unknown internal header {name}")
    if path.suffix == ".c" and owner in PUBLIC and stem == owner:
        own = (f"virtio_msg_ffa/{stem}.h", f"{stem}.h", "engine.h")
        if first not in own:
            problems.append(f"{path}: its own header stands first, not {first}")


def check_public(path, problems):
    allowed = PUBLIC[path.stem]
    for system, name in includes(path):
        if system:
            if name not in ("stddef.h", "stdint.h", "stdbool.h"):
                problems.append(f"{path}: <{name}> in a public header")
        elif not name.startswith("virtio_msg_ffa/"):
            problems.append(f"{path}: {name} is not public")
        elif allowed is not None and pathlib.Path(name).stem not in allowed:
            problems.append(f"{path}: may not include {name}")


def check_emulator(path, root, problems):
    parts = path.relative_to(root / "emulator").parts
    if len(parts) < 2:
        return
    public, folders = EMULATOR[parts[0]]
    for system, name in includes(path):
        if system:
            if name == "uv.h" and parts[0] not in UV:
                problems.append(f"{path}: only {' and '.join(sorted(UV))} know <uv.h>")
        elif name.startswith("virtio_msg_ffa/"):
            if public is not None and pathlib.Path(name).stem not in public:
                problems.append(f"{path}: may not include {name}")
        elif folders is not None and "/" in name and name.split("/")[0] not in folders:
            problems.append(f"{path}: may not include {name}")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    problems = []
    for path in sorted((root / "include/virtio_msg_ffa").glob("*.h")):
        check_public(path, problems)
    for path in sorted((root / "lib").glob("*.[ch]")):
        check_lib(path, problems)
    for path in sorted((root / "emulator").rglob("*.[ch]")):
        check_emulator(path, root, problems)
    print("\n".join(problems) or "layers: every include is allowed")
    sys.exit(1 if problems else 0)


main()
