/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtqueues over areas: driver and device side. The ring in shared memory is hostile to both: each
 * shared word is read once into a local, checked, and only the local is used. Knows no messages.
 * (virtio: Split Virtqueues)
 */
#ifndef VIRTIO_MSG_FFA_VIRTQUEUE_H
#define VIRTIO_MSG_FFA_VIRTQUEUE_H

#include "virtio_msg_ffa/memory.h"

VMSG_BEGIN_DECLS

/* Where a queue lies and what was negotiated for it. Addresses are bus addresses. */
struct vmsg_vq_layout {
	uint32_t size; /* entries: power of two, 1..32768 for split */
	bool event_idx;
	bool indirect;
	uint64_t desc_addr;
	uint64_t driver_addr;
	uint64_t device_addr;
};

/* Bytes and alignment of the three parts of a split queue of `size` entries (with event fields). */
VMSG_EXPORT uint64_t vmsg_vq_desc_size(uint32_t size);
VMSG_EXPORT uint64_t vmsg_vq_driver_size(uint32_t size);
VMSG_EXPORT uint64_t vmsg_vq_device_size(uint32_t size);

/* One buffer of a chain: a piece of memory the device reads (write false) or writes (true). */
struct vmsg_vq_piece {
	struct vmsg_span span;
	bool write;
};

/* ---- device side ---- */

/* A chain taken from the available ring. `pieces` is the caller's array; device-readable pieces
 * come first. */
struct vmsg_vq_chain {
	struct vmsg_vq_piece *pieces;
	uint32_t capacity; /* set by the caller before each pop */
	uint32_t count;
	uint32_t readable_count; /* pieces[0..readable_count) are device-readable */
	uint64_t readable_size;
	uint64_t writable_size;
	uint16_t head;
};

struct vmsg_vq_device {
	struct vmsg_memory *memory;
	struct vmsg_vq_layout layout;
	uint8_t *desc; /* mapped whole */
	uint8_t *driver;
	uint8_t *device;
	uint16_t last_avail;
	uint16_t used;          /* next used index to publish */
	uint16_t used_signaled; /* used index at the last notification */
	uint32_t in_flight;     /* chains popped and not pushed */
	bool broken;            /* the driver broke a ring rule; only reset helps */
};

/*
 * Maps and holds the three parts. INVALID for a bad size or unaligned address; RANGE, NOT_FOUND,
 * NO_SPACE, STATE as vmsg_memory_map_whole(). Held until vmsg_vq_device_stop().
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_device_start(struct vmsg_vq_device *queue,
						     struct vmsg_memory *memory,
						     const struct vmsg_vq_layout *layout);
VMSG_EXPORT void vmsg_vq_device_stop(struct vmsg_vq_device *queue);

/*
 * Takes the next chain: 1 with `chain` filled, 0 when there is none, or an error when the driver
 * broke a rule (descriptor index beyond the table, loop, unreadable or unknown memory, writable
 * before readable, zero length, nested indirect, more pieces than `capacity`): then the queue is
 * `broken` and every later pop returns STATE. Indirect tables are walked by the same walker.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_device_pop(struct vmsg_vq_device *queue,
						   struct vmsg_vq_chain *chain);

/* Returns a chain with `written` bytes. INVALID for a head that is out of range. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_device_push(struct vmsg_vq_device *queue, uint16_t head,
						    uint32_t written);

/* True when the driver wants to be told about what was pushed since the last true answer. */
VMSG_EXPORT bool vmsg_vq_device_should_notify(struct vmsg_vq_device *queue);

/* Asks for (or declines) EVENT_AVAIL for the next buffer; returns true when buffers are already
 * waiting (then pop again instead of going to sleep). */
VMSG_EXPORT bool vmsg_vq_device_enable_notify(struct vmsg_vq_device *queue);
VMSG_EXPORT void vmsg_vq_device_disable_notify(struct vmsg_vq_device *queue);

/* ---- driver side ---- */

/* A buffer the driver offers: bus address, length, direction. */
struct vmsg_vq_buffer {
	uint64_t address;
	uint32_t length;
	bool write; /* the device writes */
};

/* Private bookkeeping of one descriptor or chain; caller provides `size` of them. */
struct vmsg_vq_driver_slot {
	void *cookie;      /* of the chain whose head this is; NULL = not in flight */
	uint64_t writable; /* bytes the device may write */
	uint16_t count;    /* descriptors of the chain */
	uint16_t next;     /* private copy of the free list and of chains */
};

struct vmsg_vq_driver {
	struct vmsg_memory *memory;
	struct vmsg_vq_layout layout;
	struct vmsg_vq_driver_slot *slots;
	uint8_t *desc;
	uint8_t *driver;
	uint8_t *device;
	uint16_t free_head;
	uint16_t free_count;
	uint16_t avail;        /* next available index to publish */
	uint16_t avail_kicked; /* available index at the last kick check */
	uint16_t last_used;
	bool broken; /* the device broke a ring rule */
};

/* Maps the three parts, zeroes them and starts empty. `slots` has layout->size entries, owned by
 * the queue until vmsg_vq_driver_stop(). Errors as vmsg_vq_device_start(). */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_driver_start(struct vmsg_vq_driver *queue,
						     struct vmsg_memory *memory,
						     const struct vmsg_vq_layout *layout,
						     struct vmsg_vq_driver_slot *slots);
VMSG_EXPORT void vmsg_vq_driver_stop(struct vmsg_vq_driver *queue);

/*
 * Offers one chain of `count` buffers, device-readable ones first. `cookie` (not NULL) comes back
 * when it is used. NO_SPACE when there are too few free descriptors, INVALID for bad buffers.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_driver_add(struct vmsg_vq_driver *queue,
						   const struct vmsg_vq_buffer *buffers,
						   size_t count, void *cookie);

/* The same through an indirect table of `count` entries at `table_address`, which must stay
 * untouched until the chain is used. STATE when not negotiated. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_driver_add_indirect(struct vmsg_vq_driver *queue,
							    uint64_t table_address,
							    const struct vmsg_vq_buffer *buffers,
							    size_t count, void *cookie);

/* True when the device wants EVENT_AVAIL for what was added since the last true answer. */
VMSG_EXPORT bool vmsg_vq_driver_should_kick(struct vmsg_vq_driver *queue);

/*
 * Reaps one used chain: 1 with cookie and length, 0 when there is none, PEER when the device lied
 * (id not in flight, length beyond what was offered, index too far): then the queue is `broken`.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_driver_reap(struct vmsg_vq_driver *queue, void **cookie,
						    uint32_t *written);

/* Asks for (or declines) EVENT_USED; enable returns true when used buffers already wait. */
VMSG_EXPORT bool vmsg_vq_driver_enable_notify(struct vmsg_vq_driver *queue);
VMSG_EXPORT void vmsg_vq_driver_disable_notify(struct vmsg_vq_driver *queue);

/* Takes back one chain that was never used, after the queue was stopped or reset: 1 with its
 * cookie, 0 when none is left. */
VMSG_EXPORT int vmsg_vq_driver_detach(struct vmsg_vq_driver *queue, void **cookie);

VMSG_END_DECLS

#endif
