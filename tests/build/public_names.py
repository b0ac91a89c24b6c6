# SPDX-License-Identifier: BSD-3-Clause
"""The functions that the library's public headers declare with VMSG_EXPORT."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def public_names():
    """{function: header it is declared in}; emulator.h belongs to the other library."""
    names = {}
    for header in sorted((ROOT / "include/virtio_msg_ffa").glob("*.h")):
        if header.name == "emulator.h":
            continue
        text = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
        text = re.sub(r"^\s*#.*?(?<!\\)$", " ", text, flags=re.S | re.M)
        for declaration in re.findall(r"VMSG_EXPORT\b([^;]*);", text):
            names[re.search(r"\b(vmsg_\w+)\s*\(", declaration).group(1)] = header.name
    return names
