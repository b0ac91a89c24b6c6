/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-blk driver on a session: many requests in flight, data consumed and produced in order.
 * (virtio: Block Device) */
#ifndef VMSG_EMULATOR_BLK_DRIVER_H
#define VMSG_EMULATOR_BLK_DRIVER_H

#include "commands/areas.h"
#include "commands/queue_driver.h"
#include "devices/blk.h"
#include "virtio_msg_ffa/bounce.h"

#define BLK_DEPTH        32u
#define BLK_REQUEST_SIZE (64u * 1024)
#define BLK_PIECES_MAX   16u /* descriptors of data in one request */

extern const struct areas_need blk_driver_need;
/* Requests whose data crosses by way of the pool while its buffer cannot be shared. */
#define BLK_BOUNCES 4u
_Static_assert(BLK_DEPTH <= SESSION_BUFFERS_MAX, "one for each slot");

/* One request: its place in the pool or in a buffer, and what it is doing. */
struct blk_slot {
	uint8_t *header; /* BLK_HEADER_SIZE bytes, then the status byte */
	uint8_t *data;
	uint64_t address;           /* of the data, for the device */
	struct vmsg_bounce_map map; /* count 0: the data is where the device works */
	uint8_t *table;             /* indirect descriptors */
	uint64_t sector;
	uint32_t size;
	bool is_done;
};

struct blk_driver {
	struct session *session;
	int number;    /* of the device, -1: the first disk */
	uint64_t size; /* bytes of the disk */
	bool is_readonly;
	bool has_flush;
	bool is_indirect;
	uint32_t discard_max; /* sectors of one discard, 0: the device has none */
	uint32_t zeroes_max;  /* likewise of a write of zeroes */
	bool zeroes_may_unmap;
	uint32_t depth;
	uint32_t request_size;
	uint32_t piece_size; /* of one descriptor */
	struct queue_driver queue;
	struct blk_slot slots[BLK_DEPTH];
	struct vmsg_bounce bounce; /* when the session has buffers */
	uint32_t bounce_used[VMSG_BOUNCE_WORDS(BLK_BOUNCES)];
	uint64_t bounced; /* requests */
	char serial[BLK_ID_SIZE + 1];
};

/*
 * A transfer. `move` gets the data in order: to consume what was read, or to fill in what is to be
 * written. Returns 0, or < 0 to give up after it has reported why.
 */
struct blk_transfer {
	bool write;
	uint64_t offset; /* bytes; multiples of BLK_SECTOR_SIZE */
	uint64_t size;
	int (*move)(void *context, uint64_t offset, uint8_t *data, size_t size);
	void *context;
	const char *what; /* for the progress bar */
};

/* Takes the first block device of the session. 0 or -1, reported. */
int blk_driver_open(struct blk_driver *blk, struct session *session);
/* The same for a device that is known to be one. */
int blk_driver_open_number(struct blk_driver *blk, struct session *session, uint16_t number);
void blk_driver_close(struct blk_driver *blk);

int blk_driver_transfer(struct blk_driver *blk, const struct blk_transfer *transfer);
/* Leaves out, or zeroes, `size` bytes at `offset` (multiples of BLK_SECTOR_SIZE), if the device
 * can.
 */
int blk_driver_discard(struct blk_driver *blk, uint64_t offset, uint64_t size);
int blk_driver_zero(struct blk_driver *blk, uint64_t offset, uint64_t size, bool may_unmap);
/* Makes what was written durable, if the device can. */
int blk_driver_flush(struct blk_driver *blk);
/* Reads the serial into blk->serial; "" when the device has none. */
int blk_driver_identify(struct blk_driver *blk);

#endif
