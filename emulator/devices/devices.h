/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices of `backend --device`: made from a line of text, each a device machine with something
 * real behind it. Written on the public API only, as samples to copy.
 */
#ifndef VMSG_EMULATOR_DEVICES_H
#define VMSG_EMULATOR_DEVICES_H

#include "virtio_msg_ffa/device.h"

/* Virtio device types (virtio: Device Types) */
#define DEVICE_TYPE_NET     1u
#define DEVICE_TYPE_BLK     2u
#define DEVICE_TYPE_CONSOLE 3u
#define DEVICE_TYPE_RNG     4u

#define DEVICE_VENDOR_ID 0x1af4u

/* What every device begins with. */
struct emu_device {
	struct vmsg_device machine;
	struct vmsg_device_info info;
	const char *kind; /* "blk" */
	uint64_t requests;
	uint64_t errors; /* requests refused or failed */
	/* What the device waits for outside its queues, -1 for nothing: `work` is called when it
	 * can be read, and sees to it that it cannot while there is nothing to be done about it
	 * (an epoll instance with what matters now). */
	int fd;
	void (*work)(struct emu_device *device);
	/* What is behind the device may have changed (a disk's size): look again. May be NULL. */
	void (*refresh)(struct emu_device *device);
	void (*close)(struct emu_device *device);
};

/*
 * Makes the device that `text` describes ("blk,path=disk.img,readonly=on", "rng") as number
 * `dev_num`. NULL on failure, with one line in `why` that names the key and the rule. Free with
 * emu_device_close().
 */
struct emu_device *emu_device_open(const char *text, uint16_t dev_num, char *why, size_t why_size);
void emu_device_close(struct emu_device *device);

/* The constructors behind it. `options` is what follows the kind, NULL when nothing does. */
struct emu_device *blk_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *console_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *net_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *rng_open(const char *options, uint16_t dev_num, char *why, size_t why_size);

#endif
