/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For devices whose queues others run: a conduit that tells them before memory is unmapped, and
 * refuses memory that is more than one of them can use, so that its AREA_SHARE is refused.
 */
#ifndef VMSG_EMULATOR_MEMORY_WATCH_H
#define VMSG_EMULATOR_MEMORY_WATCH_H

#include "devices/devices.h"
#include "virtio_msg_ffa/emulator.h"

#define MEMORY_WATCH_MAX 1024

struct memory_watch {
	struct vmsg_emu *emu;
	struct vmsg_conduit conduit; /* of emu */
	struct emu_device **devices;
	size_t device_count;
	struct device_memory memory;
	uint32_t piece_count; /* of everything mapped */
	size_t count;
	struct {
		uint64_t handle;
		const uint8_t *data;
		uint64_t size;
		uint32_t pieces;
	} regions[MEMORY_WATCH_MAX];
};

/* The conduit to use for `emu`, around its own. Entries of `devices` may be NULL, and change. */
struct vmsg_conduit memory_watch_open(struct memory_watch *watch, struct vmsg_emu *emu,
				      struct emu_device **devices, size_t device_count);

/* A device that came later: lets it see what memory is made of. */
void memory_watch_adopt(const struct memory_watch *watch, struct emu_device *device);

/* An area is there: tells the devices. */
void memory_watch_added(const struct memory_watch *watch);

#endif
