/* SPDX-License-Identifier: BSD-3-Clause */
/* The disk behind a virtio-blk device: blk_disk.c opens it and describes it, blk.c serves requests.
 */
#ifndef VMSG_EMULATOR_DEVICES_BLK_DISK_H
#define VMSG_EMULATOR_DEVICES_BLK_DISK_H

#include "devices/blk.h"
#include "devices/devices.h"

#define BLK_QUEUE_SIZE_MAX 256u
#define BLK_SEGMENTS_MAX   126u
/* of one DISCARD or WRITE_ZEROES: 1 GiB, so that none keeps others waiting */
#define BLK_RANGE_SECTORS_MAX (1u << 21)
#define BLK_RANGES_MAX        16u

struct blk {
	struct emu_device base;
	int fd;
	bool readonly;
	bool writeback;    /* as the driver set it in the config space */
	bool lost_writes;  /* some could not be made durable */
	uint64_t capacity; /* sectors */
	uint32_t block_size;
	uint32_t physical_block_size;
	char serial[BLK_ID_SIZE];
};

/* The disk of `--device blk,OPTIONS`: everything of `blk` but the machine. 0, or -1 with `why`. */
int blk_disk_open(struct blk *blk, const char *options, char *why, size_t why_size);

/* The file's size may have changed: true when the capacity has. */
bool blk_disk_refresh(struct blk *blk);

/* The config space. */
void blk_disk_config(const struct blk *blk, uint8_t config[BLK_CONFIG_SIZE]);

#endif
