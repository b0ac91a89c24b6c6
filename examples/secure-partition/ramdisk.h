/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-blk on a piece of memory: a whole block device without an operating system. */
#ifndef EXAMPLES_SECURE_PARTITION_RAMDISK_H
#define EXAMPLES_SECURE_PARTITION_RAMDISK_H

#include "virtio_msg_ffa/device.h"

#define RAMDISK_SECTOR_SIZE 512u

struct ramdisk {
	struct vmsg_device device;
	struct vmsg_device_info info;
	struct vmsg_span disk; /* a multiple of 512 bytes */
	uint64_t requests;
};

/* Serves `disk` as device `dev_num`. The ramdisk must not move afterwards. */
int ramdisk_init(struct ramdisk *ramdisk, uint16_t dev_num, struct vmsg_span disk);

#endif
