#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Boots Linux under QEMU with devices that vmsg-ffa-emu offers across FF-A, and checks from the host
what the guest did to them. scripts/guest-test finds the kernel and runs this; it prints TAP."""
import argparse
import contextlib
import hashlib
import http.server
import os
import pathlib
import random
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20
DISK_SIZE = 64 * MIB
PAYLOAD_SIZE = 1 * MIB + 123
QUEUES = 2
PROBE_PATIENCE = 4  # seconds
BLOCKS, KILLED_AT = 60, 20
SERIAL = "guest-disk"
MAC = "52:54:00:12:34:56"
GATEWAY, ADDRESS = "10.20.30.1", "10.20.30.2/24"
MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "virtio-rng"]


class Tap:
    """Counts and prints."""

    def __init__(self):
        self.count, self.failed = 0, 0

    def result(self, is_ok, text):
        self.count += 1
        self.failed += not is_ok
        print(f"{'ok' if is_ok else 'not ok'} {self.count} - {text}", flush=True)


def note(text):
    print(f"# {text}", flush=True)


# ---- what the host and the guest both know ----


class Files:
    """The files of the disk, before and after the guest's work."""

    def __init__(self):
        dice = random.Random(7)
        self.payload = dice.randbytes(PAYLOAD_SIZE)
        self.old = {f"old/{n}": dice.randbytes(dice.randrange(3 * MIB // 2)) for n in range(8)}
        self.old |= {f"old/gone/{n}": dice.randbytes(100_000) for n in range(10)}
        self.old |= {"old/moved": dice.randbytes(50_000), "old/grown": b"some\n"}
        self.new = {name: data for name, data in self.old.items() if "gone" not in name}
        self.new["new/was-moved"] = self.new.pop("old/moved")
        self.new["old/grown"] += b"more\n"
        self.new |= {f"new/{n}": f"{n}\n".encode() + self.payload for n in range(1, 7)}
        self.new |= {f"new/small/{n}": self.payload[:n * 37] for n in range(1, 201) if str(n)[0] != "1"}
        self.new["new/direct"] = self.payload
        self.new["new/sparse"] = bytes(4096 * 1000) + self.payload

    def make_disk(self, path, scratch):
        tree = scratch / "tree"
        for name, data in self.old.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(data)
        run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path, f"{DISK_SIZE // MIB}m"])
        shutil.rmtree(tree)

    def check_disk(self, tap, path, scratch):
        done = subprocess.run(["e2fsck", "-fn", path], capture_output=True, text=True, check=False)
        tap.result(done.returncode == 0, "blk: e2fsck agrees")
        if done.returncode != 0:
            note((done.stdout + done.stderr).replace("\n", "\n# "))
        out = scratch / "out"
        out.mkdir()
        run(["debugfs", "-R", f"rdump / {out}", path])
        found = {str(file.relative_to(out)): file for file in out.rglob("*")
                 if file.is_file() and not file.is_symlink()}
        wrong = [name for name in self.new.keys() | found.keys()
                 if name not in self.new or name not in found or found[name].read_bytes() != self.new[name]]
        tap.result(not wrong, f"blk: the host finds the {len(self.new)} files as the guest left them")
        for name in sorted(wrong)[:5]:
            note(f"differs, is missing, or should not be there: {name}")
        tap.result(os.path.islink(out / "new/link"), "blk: and the symbolic link")


def checksums(files):
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())


def make_initramfs(path, scratch, modules, files):
    """busybox, the modules and what they need, the guest's script and what it has to know."""
    root = scratch / "root"
    for folder in ["bin", "proc", "sys", "dev", "mnt", "tmp", "job"]:
        (root / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    depends = dict(line.split(":", 1) for line in (modules / "modules.dep").read_text().splitlines())
    paths = {pathlib.Path(path).stem: path for path in depends}
    wanted = {paths[name] for name in MODULES}
    wanted |= {need for name in set(wanted) for need in depends[name].split()}
    into = root / "lib/modules" / modules.name
    for name in [*wanted, "modules.dep", "modules.alias", "modules.symbols"]:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / name, into / name)
    (root / "job/payload").write_bytes(files.payload)
    (root / "job/old.sha256").write_text(checksums(files.old))
    (root / "job/new.sha256").write_text(checksums(files.new))
    with open(path, "wb") as archive:
        names = "\n".join(str(name.relative_to(root)) for name in sorted(root.rglob("*")))
        subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root, input=names.encode(),
                       stdout=archive, check=True)
    shutil.rmtree(root)


# ---- processes ----


def run(command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


class Processes:
    """Started in order, ended in the other order; what each says goes to a file of its own."""

    def __init__(self, scratch):
        self.scratch, self.running = scratch, []

    def start(self, name, command, ready=None, path=None):
        """Waits for the words `ready` in what it says, or for `path` to be there."""
        log = self.scratch / f"{name}.log"
        with open(log, "wb") as output:
            # pylint: disable=consider-using-with
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT)
        self.running.append((name, process))
        end = time.monotonic() + 20
        while not ((path is None or path.exists()) and (ready is None or ready in log.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{name} did not start:\n{log.read_text()}")
            time.sleep(0.02)
        return process

    def stop(self):
        """All of them; the names of those that did not leave as they should."""
        bad = []
        while self.running:
            name, process = self.running.pop()
            process.terminate()
            try:
                status = process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
            if status not in (0, -signal.SIGTERM, -signal.SIGKILL):
                bad.append(f"{name} ({status})")
        return bad


class Guest:
    """QEMU; what the guest says on its console comes line by line."""

    def __init__(self, options, accelerator, initramfs, arguments, append):
        command = ["qemu-system-x86_64", "-M", "q35,memory-backend=memory", "-m", "256M", "-smp", "2",
                   "-object", "memory-backend-memfd,id=memory,size=256M,share=on",
                   "-accel", accelerator, "-cpu", "max" if accelerator == "kvm" else "qemu64",
                   "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
                   "-kernel", options.kernel, "-initrd", initramfs,
                   "-append", f"console=ttyS0 quiet panic=-1 {append}", *arguments]
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = []

    def lines(self, seconds):
        """Until it ends, or for so long."""
        end = time.monotonic() + seconds
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while time.monotonic() < end:
                if not selector.select(end - time.monotonic()):
                    break
                got = os.read(self.process.stdout.fileno(), 65536)
                if not got:
                    return
                *lines, rest = (rest + got).split(b"\n")
                for line in lines:
                    text = line.decode(errors="replace").strip()
                    self.said.append(text)
                    yield text
        note(f"the guest did not end within {seconds} s")

    def end(self):
        self.process.kill()
        self.process.wait()


# ---- KVM or TCG ----


def works(options, accelerator):
    """The kernel comes up, and ends because it finds no root. A /dev/kvm may be there and hang, even so that
    QEMU cannot be killed: it is waited for no longer than said here."""
    command = ["qemu-system-x86_64", "-M", "q35", "-m", "128M", "-accel", accelerator, "-cpu", "max",
               "-nodefaults", "-no-reboot", "-display", "none", "-kernel", options.kernel, "-append", "panic=-1"]
    # pylint: disable=consider-using-with
    probe = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return probe.wait(PROBE_PATIENCE) == 0
    except subprocess.TimeoutExpired:
        probe.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            probe.wait(1)
        return False


def is_virtual_machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        return any(line.startswith("flags") and " hypervisor" in line for line in file)


def choose_accelerator(options):
    """KVM where a guest really runs on it. Inside of a virtual machine that is not even tried unless asked for:
    there a guest that hangs may take the machine with it."""
    if options.tcg:
        return "tcg"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        note("no access to /dev/kvm: QEMU interprets (TCG)")
    elif is_virtual_machine() and not options.kvm:
        note("this is a virtual machine: QEMU interprets (TCG) unless --kvm says otherwise")
    elif works(options, "kvm"):
        return "kvm"
    else:
        note("/dev/kvm is there, but a guest does not run on it: QEMU interprets (TCG)")
    return "tcg"


# ---- the systems ----


def offer_files(payload):
    """A web server for the net job: GET has the payload, POST answers its checksum. The port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, data):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):  # pylint: disable=invalid-name
            self.answer(payload)

        def do_POST(self):  # pylint: disable=invalid-name
            data = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(hashlib.sha256(data).hexdigest().encode())

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class Ours:
    """The devices of one backend, each offered to QEMU by a frontend."""

    BLK = f"blk,path={{}},queues={QUEUES},serial={SERIAL}"
    SERIAL = SERIAL
    MOUNT = "discard"

    def __init__(self, program, processes, scratch):
        self.program, self.processes, self.scratch = program, processes, scratch
        self.backend, self.disk = None, None

    def serve(self, devices):
        """A session takes all devices of a backend: so each has its own, and its own manager."""
        paths = []
        for number, device in enumerate(devices):
            path = self.scratch / f"device{number}"
            self.start(f"serve{number}", "serve", number, "listening on")
            backend = self.start(f"backend{number}", "backend", number, "ready: ", "--device", device)
            self.start(f"frontend{number}", "frontend", number, "ready: ", "--vhost-user-server", path)
            self.backend = self.backend or backend
            paths.append(path)
        self.disk = devices[0]
        return paths

    def replace_backend(self):
        """Killed without a word; the next one has the same disk."""
        self.backend.kill()
        self.backend = self.start("next-backend0", "backend", 0, "ready: ", "--device", self.disk)

    def start(self, name, command, manager, ready, *options):
        return self.processes.start(
            name, [self.program, command, "-s", self.scratch / f"manager{manager}", *options], ready=ready)


class Control:
    """The same disk from qemu-storage-daemon: what fails here as well is not ours."""

    SERIAL = ""
    MOUNT = "discard"
    BLK = "{}"

    def __init__(self, _, processes, scratch):
        self.processes, self.scratch, self.backend = processes, scratch, None

    def serve(self, devices):
        path = self.scratch / "device0"
        self.backend = self.processes.start("daemon", [
            "qemu-storage-daemon",
            "--blockdev", f"driver=file,node-name=disk,filename={devices[0]},discard=unmap",
            "--export", "type=vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,"
                        f"addr.path={path},num-queues={QUEUES}"], path=path)
        return [path]


def blk_options(path, more=""):
    return ["-chardev", f"socket,id=blk,path={path}",
            "-device", f"vhost-user-blk-pci,chardev=blk,num-queues={QUEUES}{more}"]


def rng_options(path):
    return ["-chardev", f"socket,id=rng,path={path}", "-device", "vhost-user-rng-pci,chardev=rng"]


def net_options(path):
    return ["-chardev", f"socket,id=net,path={path}", "-netdev", "vhost-user,id=link,chardev=net",
            # with MSI-X, but without KVM, QEMU 7.2 dereferences what only KVM has
            "-device", f"virtio-net-pci,netdev=link,mac={MAC},vectors=0"]


class Test:
    def __init__(self, options, tap, scratch):
        self.options, self.tap, self.scratch = options, tap, scratch
        self.files = Files()
        self.disk = scratch / "disk.img"
        self.initramfs = scratch / "initramfs"
        make_initramfs(self.initramfs, scratch, options.modules, self.files)
        self.accelerator = choose_accelerator(options)

    def boot(self, name, arguments, append, on_line=lambda line: None):
        """One guest from its start to its end; its results are ours."""
        began = time.monotonic()
        guest = Guest(self.options, self.accelerator, self.initramfs, arguments,
                      " ".join(f"{key}={value}" for key, value in append.items()))
        done = False
        for line in guest.lines(self.options.patience):
            if line.startswith("@ok "):
                self.tap.result(True, line[4:])
            elif line.startswith("@not-ok "):
                self.tap.result(False, line[8:])
            done = done or line == "@done"
            on_line(line)
        guest.end()
        (self.scratch / f"{name}-console.log").write_text("\n".join(guest.said))
        self.tap.result(done, f"{name}: the guest came to its end ({time.monotonic() - began:.1f} s, "
                              f"{self.accelerator})")
        if not done:
            note("the end of its console:\n# " + "\n# ".join(guest.said[-15:]))

    def close(self, processes):
        bad = processes.stop()
        self.tap.result(not bad, "all processes left as they should")
        for name in bad:
            note(name)

    def work(self, system):
        """A disk, random bytes and a network, used as people use them."""
        processes = Processes(self.scratch)
        try:
            host = system(self.options.program, processes, self.scratch)
            self.files.make_disk(self.disk, self.scratch)
            devices, jobs = [host.BLK.format(self.disk)], ["blk"]
            append = {"mount": host.MOUNT, "queues": QUEUES, "serial": host.SERIAL}
            arguments = []
            if system is Ours:
                jobs += ["resize", "rng"]
                devices.append("rng")
                append["resized"] = 2 * DISK_SIZE // 512
                if shutil.which("passt"):
                    jobs.append("net")
                    link = self.scratch / "net/link"
                    self.scratch.chmod(0o711)  # root's passt becomes nobody
                    link.parent.mkdir()
                    link.parent.chmod(0o1777)
                    processes.start("passt", ["passt", "-f", "-s", link, "-a", ADDRESS.split("/", maxsplit=1)[0],
                                              "-n", "24", "-g", GATEWAY], path=link)
                    devices.append(f"net,socket={link}")
                    append |= {"gateway": GATEWAY, "address": ADDRESS, "mac": MAC,
                               "port": offer_files(self.files.payload)}
                else:
                    note("skipped net: passt is not installed")
            for path, make in zip(host.serve(devices), [blk_options, rng_options, net_options]):
                arguments += make(path)

            def on_line(line):
                if line == "@wait resize":
                    os.truncate(self.disk, 2 * DISK_SIZE)
                    host.backend.send_signal(signal.SIGHUP)

            self.boot("work", arguments, {"jobs": ",".join(jobs)} | append, on_line)
            self.close(processes)
            self.files.check_disk(self.tap, self.disk, self.scratch)
        finally:
            processes.stop()

    def failures(self):
        """A file cut short is an error, and a backend that comes back goes on: never is anything read that is
        wrong, and what was called durable is there."""
        processes = Processes(self.scratch)
        try:
            host = Ours(self.options.program, processes, self.scratch)
            self.disk.write_bytes(random.Random(8).randbytes(DISK_SIZE))
            beginning = self.disk.read_bytes()[:4096]
            path = host.serve([host.BLK.format(self.disk)])[0]
            durable, half, behind = [], DISK_SIZE // 2 // 4096, DISK_SIZE // 4096 - 1

            def on_line(line):
                if line == "@wait cut":
                    os.truncate(self.disk, DISK_SIZE * 3 // 4)
                elif line == "@wait mend":
                    os.truncate(self.disk, DISK_SIZE)
                elif found := re.fullmatch(r"@durable (\d+)", line):
                    durable.append(int(found[1]))
                    if len(durable) == KILLED_AT:
                        host.replace_backend()

            self.boot("failures", blk_options(path, ",packed=on"),
                      {"jobs": "cut,outage", "half": half, "behind": behind, "blocks": BLOCKS,
                       "beginning": hashlib.sha256(beginning).hexdigest()}, on_line)
            disk = self.disk.read_bytes()
            lost = [n for n in durable
                    if disk[(half + n) * 4096:(half + n + 1) * 4096] !=
                    (f"block {n}\n".encode() + self.files.payload)[:4096]]
            self.tap.result(len(durable) == BLOCKS and not lost,
                            f"outage: {len(durable)} blocks were called durable, and are there")
            said = (self.scratch / "frontend0.log").read_text()
            self.tap.result("the device is gone" in said and "the device is back" in said,
                            "outage: the frontend has seen it")
            self.close(processes)
        finally:
            processes.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--modules", required=True, type=pathlib.Path, help="its lib/modules/VERSION")
    parser.add_argument("--program", required=True, help="vmsg-ffa-emu")
    parser.add_argument("--tcg", action="store_true")
    parser.add_argument("--kvm", action="store_true")
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--patience", type=int, default=60, help="seconds for a guest")
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="vmsg-guest-"))
    began, tap = time.monotonic(), Tap()
    print("TAP version 13", flush=True)
    try:
        test = Test(options, tap, scratch)
        test.work(Control if options.control else Ours)
        if not options.control:
            test.failures()
    finally:
        if options.keep or tap.failed:
            note(f"logs, consoles and the disk are in {scratch}")
        else:
            shutil.rmtree(scratch)
    print(f"1..{tap.count}")
    note(f"guest: {tap.count - tap.failed} passed, {tap.failed} failed, {time.monotonic() - began:.0f} s, {test.accelerator}")
    return 1 if tap.failed or tap.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
