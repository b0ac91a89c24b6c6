/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole partition above its platform: an FF-A endpoint, a pump with room for two drivers, a
 * block device and an entropy source. The same code runs at S-EL1 and on the emulator.
 */
#ifndef EXAMPLES_SECURE_PARTITION_PARTITION_H
#define EXAMPLES_SECURE_PARTITION_PARTITION_H

#include "virtio_msg_ffa/pump.h"

#include "entropy.h"
#include "ramdisk.h"

#define PARTITION_DEVICES  2u
#define PARTITION_SESSIONS 2u
#define PARTITION_AREAS    4u

struct partition_platform {
	struct vmsg_conduit conduit;
	struct vmsg_buffer tx; /* one page each */
	struct vmsg_buffer rx;
	struct vmsg_span disk;
	uint64_t (*random_word)(void *context);
	void *context;
};

struct partition {
	struct vmsg_endpoint endpoint;
	struct vmsg_device_pump pump;
	struct vmsg_device_session sessions[PARTITION_SESSIONS];
	struct vmsg_device_slot slots[PARTITION_DEVICES];
	struct vmsg_memory_area areas[PARTITION_SESSIONS * PARTITION_AREAS];
	struct vmsg_bus_device numbers[PARTITION_SESSIONS * PARTITION_DEVICES];
	struct ramdisk ramdisk;
	struct entropy entropy;
};

/* Negotiates with the manager and prepares both devices: 0 or the first error. */
int partition_init(struct partition *partition, const struct partition_platform *platform);

/* Serves until the manager is gone; returns why. */
int partition_run(struct partition *partition);

#endif
