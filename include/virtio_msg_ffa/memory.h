/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Areas: shared memory regions under the ids that a bus gives them. The only door from a bus
 * address to a pointer, on both sides. Knows no messages.
 */
#ifndef VIRTIO_MSG_FFA_MEMORY_H
#define VIRTIO_MSG_FFA_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/compiler.h"
#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/span.h"

VMSG_BEGIN_DECLS

/* A piece of an area that is contiguous in our address space. */
struct vmsg_segment {
	uint8_t *data;
	uint64_t size;
};

struct vmsg_memory_area {
	uint16_t id;
	bool used; /* slot holds an area */
	bool writable;
	bool closing; /* being unshared: no new mappings */
	uint16_t segment_count;
	uint32_t users;    /* queues (or other holders) that refer to it; it stays while > 0 */
	uint64_t handle;   /* FF-A handle, kept for its owner; not interpreted */
	uint64_t size;     /* bytes, sum of the segments */
	uint64_t base;     /* bus address of its first byte */
	uint64_t reach[2]; /* bytes in the first segment that may be read, written */
	struct vmsg_segment segments[VMSG_AREA_SEGMENTS_MAX];
};

/* A set of areas. `areas` is the caller's array, zeroed by vmsg_memory_init(). */
struct vmsg_memory {
	struct vmsg_memory_area *areas;
	uint32_t capacity;
	uint32_t count;
	uint8_t id_shift; /* 48 or 56 */
};

/* Empty set. `id_shift` is the profile's area_id_shift. When it changes, the areas that are there
 * are out of reach: they can only be released by those who hold them, and removed. */
VMSG_EXPORT void vmsg_memory_init(struct vmsg_memory *memory, struct vmsg_memory_area *areas,
				  uint32_t capacity, uint8_t id_shift);

/*
 * Adds an area made of `count` segments, in order of their offsets. STATE when the id is known,
 * NO_SPACE when the table is full or there are too many segments, RANGE when id or size do not fit
 * the address form, INVALID for empty segments.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_memory_add(struct vmsg_memory *memory, uint16_t id,
						const struct vmsg_segment *segments, size_t count,
						bool writable, uint64_t handle);

/* An area's first byte lies at bus address `address` rather than at offset 0. RANGE unless the
 * whole area then lies among the addresses of its id; NOT_FOUND, AGAIN while it has users. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_memory_move(struct vmsg_memory *memory, uint16_t id,
						 uint64_t address);

/* Removes an area. NOT_FOUND, or AGAIN while it has users. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_memory_remove(struct vmsg_memory *memory, uint16_t id);

/* No new mappings of an area, which is being unshared; the old ones stay. NOT_FOUND. */
VMSG_EXPORT int vmsg_memory_close(struct vmsg_memory *memory, uint16_t id);

/* Area of an id, NULL if unknown. The pointer is valid until the next add or remove. */
VMSG_EXPORT struct vmsg_memory_area *vmsg_memory_find(struct vmsg_memory *memory, uint16_t id);

/*
 * Largest contiguous piece at a bus address: `out` covers min(size, bytes to the segment's end).
 * RANGE when [address, address + size) is not wholly inside one area, NOT_FOUND for an unknown or
 * closing area, STATE for a write to a read-only area, INVALID for size 0. Nothing is dereferenced.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_memory_map(struct vmsg_memory *memory, uint64_t address,
						uint64_t size, bool write, struct vmsg_span *out);

/* Like vmsg_memory_map(), but the whole range must be one piece (NO_SPACE if it is split). */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_memory_map_whole(struct vmsg_memory *memory, uint64_t address,
						      uint64_t size, bool write,
						      struct vmsg_span *out);

/* Holds and releases the area of an address (a queue in use refers to it). NOT_FOUND. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_memory_hold(struct vmsg_memory *memory, uint64_t address);
VMSG_EXPORT void vmsg_memory_release(struct vmsg_memory *memory, uint64_t address);

VMSG_END_DECLS

#endif
