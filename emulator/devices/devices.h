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
#define DEVICE_TYPE_VSOCK   19u
/* ... which leave 65535 to experiments, and the numbers below it */
#define DEVICE_TYPE_EXERCISE 65535u

#define DEVICE_VENDOR_ID 0x1af4u

/* A part of the driver's memory as others can map it: `size` bytes of a descriptor. */
struct device_piece {
	uint64_t size;
	int fd;
	uint64_t offset;
};

/* For devices whose queues others run: what the memory at `data`, mapped whole, is made of.
 * Returns how many pieces, in order. */
struct device_memory {
	int (*pieces)(void *context, const uint8_t *data, struct device_piece *pieces,
		      size_t capacity);
	void *context;
};

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
	/* With watch.h: a descriptor that was armed is ready; NULL: its queue is kicked. */
	void (*ready)(struct emu_device *device, uint32_t index);
	/* For devices whose queues others run, NULL for the rest: the session has an area more; the
	 * memory at `data` is about to be unmapped. */
	void (*memory_added)(struct emu_device *device);
	void (*memory_removing)(struct emu_device *device, const uint8_t *data, uint64_t size);
	const struct device_memory *memory; /* set by who runs the device */
	uint32_t memory_max;                /* pieces that it can use at once, 0: any number */
	/* What is behind the device may have changed (a disk's size): look again. May be NULL. */
	void (*refresh)(struct emu_device *device);
	void (*close)(struct emu_device *device);
};

/*
 * Makes the device that `text` describes ("blk,path=disk.img,readonly=on", "rng") as number
 * `dev_num`. NULL on failure, with one line in `why` that names the key and the rule. Free with
 * emu_device_close(). errno is EINVAL when it is the text that is wrong.
 */
struct emu_device *emu_device_open(const char *text, uint16_t dev_num, char *why, size_t why_size);
void emu_device_close(struct emu_device *device);

/* For people: what they have in common, and the keys of each device; then NULL. */
extern const char *const emu_devices_help[];

/* The constructors behind it. `options` is what follows the kind, NULL when nothing does. */
struct emu_device *blk_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *console_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *exercise_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *net_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *vhost_user_open(const char *options, uint16_t dev_num, char *why,
				   size_t why_size);
struct emu_device *vsock_open(const char *options, uint16_t dev_num, char *why, size_t why_size);
struct emu_device *rng_open(const char *options, uint16_t dev_num, char *why, size_t why_size);

#endif
