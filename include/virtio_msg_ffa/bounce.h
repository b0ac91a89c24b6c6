/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounce buffers, for a driver whose data does not live in memory that it could share: a pool
 * inside a shared area, divided into slots; a buffer is mapped to a run of them for as long as the
 * device has it. What the device may read is copied in, what it has written is copied out; nothing
 * else of the driver's memory is ever on a shared page. A driver whose data does live in an area
 * needs none of this: it gives the device the address of the data itself.
 */
#ifndef VIRTIO_MSG_FFA_BOUNCE_H
#define VIRTIO_MSG_FFA_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/compiler.h"
#include "virtio_msg_ffa/span.h"

VMSG_BEGIN_DECLS

/* Fields are private to lib/bounce.c unless a comment says "read". */
struct vmsg_bounce {
	struct vmsg_span pool;
	uint64_t address; /* bus address of the pool */
	uint32_t slot_size;
	uint32_t slot_count;
	uint32_t free_count; /* read */
	uint32_t next;       /* where to look first */
	uint32_t *used;      /* a bit for each slot */
};

/* A buffer in the pool. */
struct vmsg_bounce_map {
	uint64_t address; /* read: for a descriptor */
	uint32_t size;    /* read: for a descriptor, too */
	bool writable;    /* by the device */
	uint32_t first;
	uint32_t count;
	uint8_t *data; /* the driver's own, of a buffer that the device writes */
};

/* 32-bit words that the caller must provide for so many slots. */
#define VMSG_BOUNCE_WORDS(slot_count) (((slot_count) + 31u) / 32u)

/* All slots are free. INVALID when the slots do not divide the pool, when there are none or more
 * than VMSG_BOUNCE_WORDS() can count, or when the pool does not end below 2^64; `used` has
 * VMSG_BOUNCE_WORDS() words. What shares a page with the pool can be seen by the device, too. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bounce_init(struct vmsg_bounce *bounce, struct vmsg_span pool,
						 uint64_t address, uint32_t slot_size,
						 uint32_t *used);

/* Copies `data`, which the device is to read, into the pool. What is left of the last slot is
 * cleared. AGAIN while there is no room; RANGE for what no pool of this size could hold, or for
 * nothing. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bounce_map_readable(struct vmsg_bounce *bounce,
							 struct vmsg_bytes data,
							 struct vmsg_bounce_map *map);

/* Room for `data`, which the device is to write; cleared, so that it finds nothing there. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bounce_map_writable(struct vmsg_bounce *bounce,
							 struct vmsg_span data,
							 struct vmsg_bounce_map *map);

/* The device has let go of the buffer: of one that it wrote, the first `written` bytes (what it
 * says, at most the size) are copied to where they belong, each read once. The slots are free. */
VMSG_EXPORT void vmsg_bounce_unmap(struct vmsg_bounce *bounce, struct vmsg_bounce_map *map,
				   uint32_t written);

VMSG_END_DECLS

#endif
