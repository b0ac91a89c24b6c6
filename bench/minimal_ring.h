/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of goal 8: the least a split ring can be that still checks what the other side wrote.
 * One region of memory, whose start has bus address 0, little-endian only, EVENT_IDX always on, no
 * indirect tables, no segments, no error beyond "broken".
 */
#ifndef BENCH_MINIMAL_RING_H
#define BENCH_MINIMAL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MINIMAL_SIZE 256u

struct minimal_desc {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

struct minimal_used {
	uint32_t id;
	uint32_t length;
};

struct minimal_avail_ring {
	uint16_t flags;
	uint16_t index;
	uint16_t ring[MINIMAL_SIZE];
	uint16_t used_event;
};

struct minimal_used_ring {
	uint16_t flags;
	uint16_t index;
	struct minimal_used ring[MINIMAL_SIZE];
	uint16_t avail_event;
};

/* What both sides share. */
struct minimal_rings {
	struct minimal_desc desc[MINIMAL_SIZE];
	struct minimal_avail_ring avail;
	struct minimal_used_ring used;
};

struct minimal_buffer {
	uint64_t address;
	uint32_t length;
	bool write;
};

struct minimal_driver {
	struct minimal_rings *rings;
	uint16_t free_head, free_count, avail, kicked, used;
	struct {
		void *cookie;
		uint64_t writable;
		uint16_t next, last, count;
	} slots[MINIMAL_SIZE];
};

struct minimal_piece {
	uint8_t *data;
	uint32_t length;
	bool write;
};

struct minimal_device {
	struct minimal_rings *rings;
	uint8_t *region;
	uint64_t region_size;
	uint16_t avail, used, signaled;
};

void minimal_start(struct minimal_driver *driver, struct minimal_device *device,
		   struct minimal_rings *rings, uint8_t *region, uint64_t region_size);
int minimal_add(struct minimal_driver *driver, const struct minimal_buffer *buffers, size_t count,
		void *cookie);
bool minimal_should_kick(struct minimal_driver *driver);
int minimal_pop(struct minimal_device *device, struct minimal_piece *pieces, size_t capacity,
		uint16_t *head);
void minimal_push(struct minimal_device *device, uint16_t head, uint32_t written);
bool minimal_should_notify(struct minimal_device *device);
void *minimal_reap(struct minimal_driver *driver, uint32_t *written);

#endif
