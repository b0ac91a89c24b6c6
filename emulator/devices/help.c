/* SPDX-License-Identifier: BSD-3-Clause */
/* What `backend --device help` says; scripts/man-pages.py makes a section of each device. */
#include "devices/devices.h"

#include <stddef.h>

const char *const emu_devices_help[] = {
	"What is in brackets is the value of a key that is not given. An unknown key, and a value\n"
	"that breaks its rule, is refused with exit status 2; what cannot be opened, with 1.\n"
	"Numbers are decimal or 0x. 'driver' is the job of 'frontend' for the device.\n",
	"blk: a disk on a file or a block device\n"
	"  path=FILE                 the disk, of at least one block; needed\n"
	"  readonly=on|off           offer VIRTIO_BLK_F_RO, and refuse writes (off)\n"
	"  serial=TEXT               what GET_ID answers, up to 20 characters (vmsg-ffa-emu)\n"
	"  queues=N                  request queues, 1 to 16 (1)\n"
	"  discard=on|off            punch holes into the file on DISCARD (on)\n"
	"  write-zeroes=on|off       serve WRITE_ZEROES (on)\n"
	"  block-size=N              bytes of a logical block: a power of two, 512 to 65536 (512)\n"
	"  physical-block-size=N     likewise, not less than block-size (block-size)\n"
	"  errors                    a request that the host fails, or that is malformed, gets\n"
	"                            VIRTIO_BLK_S_IOERR; SIGHUP, or 'device resize N', looks at "
	"the\n"
	"                            size again and tells the driver\n"
	"  driver                    frontend blk read, blk write, blk verify\n"
	"  example                   --device blk,path=disk.img,queues=4,serial=A1\n",
	"console: one port or several, each on a pseudo-terminal\n"
	"  ports=N                   1 to 7; more than one: VIRTIO_CONSOLE_F_MULTIPORT (1)\n"
	"  link=PATH                 a symbolic link to the terminal: PATH, or PATH0, PATH1... "
	"(none)\n"
	"  stdio=on|off              port 0 is standard input and output (off)\n"
	"  name=TEXT                 ports are called TEXT.0, TEXT.1... (no names)\n"
	"  errors                    a terminal that nobody reads stops the driver; nothing is "
	"lost\n"
	"  driver                    frontend console\n"
	"  example                   --device console,link=/tmp/console\n",
	"exercise: echoes, and whatever a device may do to its driver, for tests\n"
	"  queues=N                  1 to 16, of 64 entries (4)\n"
	"  config-size=N             bytes of config space, 128 to 1024 (256)\n"
	"  change-ms=N               change the config every N milliseconds, to 60000 (0: never)\n"
	"  change-reads=N            ... after each of the first N reads of it (0)\n"
	"  change-echoes=N           ... with every Nth buffer (0: never)\n"
	"  delay-ms=N                milliseconds until a buffer is echoed, to 60000 (0)\n"
	"  reset-ms=N                milliseconds that a reset takes, to 60000 (0)\n"
	"  regions=N                 regions of shared memory, 0 to 16 (1)\n"
	"  errors                    a command in its config space that means nothing is refused\n"
	"  driver                    frontend exercise\n"
	"  example                   --device exercise,queues=16,change-ms=20\n",
	"net: Ethernet without offloads, on a TAP interface or a stream socket\n"
	"  tap=NAME                  a TAP interface, made if it is not there; either this\n"
	"  socket=PATH               or a Unix stream socket to connect to, each frame behind its\n"
	"                            length in 4 bytes, as passt and QEMU speak it\n"
	"  mac=MAC                   such as 52:54:00:12:34:56 (a random one)\n"
	"  mtu=N                     bytes, 68 to 65535 (not offered)\n"
	"  queues=N                  pairs, 1 to 7, on a TAP (1)\n"
	"  errors                    when the other side goes the link is down: the driver is "
	"told,\n"
	"                            what it sends is dropped and counted\n"
	"  driver                    frontend net --tap NAME, or --socket PATH\n"
	"  example                   --device net,socket=/tmp/passt.socket,mtu=1500\n",
	"rng: random bytes of the kernel\n"
	"  errors                    none; at most 64 KiB of a buffer are filled\n"
	"  driver                    frontend rng\n"
	"  example                   --device rng\n",
	"vhost-user: a device whose queues another program runs\n"
	"  socket=PATH               where the vhost-user daemon listens; needed\n"
	"  type=TYPE                 blk, net, console, rng, scsi, vsock, input, fs, i2c, gpio or\n"
	"                            sound (blk)\n"
	"  queues=N                  1 to 16 (what the type has, or for blk what the daemon has)\n"
	"  errors                    when the daemon goes the device needs a reset; an area "
	"beyond\n"
	"                            what the daemon can map is refused\n"
	"  driver                    that of its type\n"
	"  example                   --device vhost-user,socket=/tmp/blk.sock\n",
	"vsock: streams between ports of the guest and Unix sockets\n"
	"  socket=PATH               who connects and writes 'CONNECT PORT' reaches that port of "
	"the\n"
	"                            guest; its streams to port N of the host reach PATH_N; "
	"needed\n"
	"  guest-cid=N               3 to 4294967294 (3)\n"
	"  errors                    a stream that cannot be is reset; 64 are possible at once\n"
	"  driver                    frontend vsock connect, vsock listen\n"
	"  example                   --device vsock,socket=/tmp/vm.vsock\n",
	NULL,
};
