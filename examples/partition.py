#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A partition of vmsg-ffa-emu in Python, with nothing but the standard library.

    partition.py SOCKET list            who else is there
    partition.py SOCKET echo            a secure partition that answers direct messages with their payload
    partition.py SOCKET send ID TEXT    sends TEXT to partition ID as a direct message and prints the answer

The frames are those of docs/emulator-protocol.md.
"""
import array, fcntl, mmap, os, socket, struct, sys

PAGE = 4096
HELLO, WELCOME, REFUSE, CALL, RETURN = 1, 2, 3, 4, 5
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2
ERROR, VERSION, RXTX_MAP, PARTITION_INFO_GET, ID_GET, MSG_WAIT, RUN = (
    0x84000060, 0x84000063, 0xC4000066, 0x84000068, 0x84000069, 0x8400006B, 0x8400006D)
INTERRUPT, RX_RELEASE, REQUEST2, RESPONSE2 = 0x84000062, 0x84000065, 0xC400008D, 0xC400008E


class Partition:
    def __init__(self, path, secure):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(path)
        self.sequence = 0
        # One bank of RAM: page 0 is TX, page 1 is RX.
        bank = os.memfd_create("ram", os.MFD_ALLOW_SEALING)
        os.ftruncate(bank, 2 * PAGE)
        fcntl.fcntl(bank, F_ADD_SEALS, F_SEAL_SHRINK)
        self.ram = mmap.mmap(bank, 2 * PAGE)
        hello = struct.pack("<BBHI4sHBBHHIQQ", HELLO, 0, 0, 0, b"VFFA", 1, 1, secure, 0, 1, 0, 0, 2 * PAGE)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [bank]))
        self.sock.sendmsg([hello], [rights])
        os.close(bank)
        self.id, address = struct.unpack("<10xH12xQ", self.receive(WELCOME))
        if self.call(VERSION, 0x10002)[0] >> 16 != 1:
            raise SystemExit("no common FF-A version")
        self.check(self.call(RXTX_MAP, address, address + PAGE, 1))

    def receive(self, wanted):
        while True:
            frame = self.sock.recv(PAGE)
            if not frame:
                raise SystemExit("the manager is gone")
            if frame[0] == REFUSE:
                raise SystemExit("the manager refused: " + frame[16:].decode())
            if frame[0] == wanted:
                return frame

    def call(self, *registers):
        """One FF-A call of vCPU 0: registers in, 18 registers out."""
        self.sequence += 1
        registers += (0,) * (18 - len(registers))
        self.sock.send(struct.pack("<BBHI18Q", CALL, 0, 0, self.sequence, *registers))
        return struct.unpack("<8x18Q", self.receive(RETURN))

    @staticmethod
    def check(registers):
        if registers[0] == ERROR:
            raise SystemExit("FF-A error %d" % struct.unpack("<i", struct.pack("<I", registers[2])))
        return registers

    def partitions(self):
        count = self.check(self.call(PARTITION_INFO_GET))[2]
        found = [struct.unpack_from("<HHI16s", self.ram, PAGE + 24 * i) for i in range(count)]
        self.check(self.call(RX_RELEASE))
        return found

    def echo(self):
        registers = self.call(MSG_WAIT)
        while True:
            if registers[0] == REQUEST2:
                sender = registers[1] >> 16
                registers = self.call(RESPONSE2, self.id << 16 | sender, 0, 0, *registers[4:])
            else:
                registers = self.check(self.call(MSG_WAIT))

    def send(self, target, text):
        payload = struct.unpack("<14Q", text.encode().ljust(112, b"\0"))
        registers = self.call(REQUEST2, self.id << 16 | target, 0, 0, *payload)
        while registers[0] == INTERRUPT:  # its time slice is over, it has not answered yet
            registers = self.call(RUN, registers[1])
        return struct.pack("<14Q", *self.check(registers)[4:]).rstrip(b"\0").decode()


if __name__ == "__main__":
    if len(sys.argv) < 3 or (sys.argv[2] == "send" and len(sys.argv) != 5):
        raise SystemExit(__doc__)
    me = Partition(sys.argv[1], secure=sys.argv[2] == "echo")
    print("partition 0x%04x" % me.id, flush=True)
    if sys.argv[2] == "list":
        for number, vcpus, properties, uuid in me.partitions():
            print("0x%04x: %d vCPUs, properties 0x%x, UUID %s" % (number, vcpus, properties, uuid.hex()))
    elif sys.argv[2] == "echo":
        me.echo()
    else:
        print(me.send(int(sys.argv[3], 0), sys.argv[4]))
