/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtqueues over areas: driver and device side. The ring in shared memory is hostile to both: each
 * shared word is read once into a local, checked, and only the local is used. Knows no messages.
 * (virtio: Split Virtqueues, Packed Virtqueues)
 */
#ifndef VIRTIO_MSG_FFA_VIRTQUEUE_H
#define VIRTIO_MSG_FFA_VIRTQUEUE_H

#include "virtio_msg_ffa/memory.h"

VMSG_BEGIN_DECLS

struct vmsg_vq_watch;

/* Where a queue lies and what was negotiated for it. Addresses are bus addresses. */
struct vmsg_vq_layout {
	uint32_t size; /* entries: 1..32768, for split a power of two */
	bool event_idx;
	bool indirect;
	bool packed; /* refused where VMSG_QUEUE_PACKED is 0 */
	bool in_order;
	uint64_t desc_addr;
	uint64_t driver_addr;
	uint64_t device_addr;
	uint32_t index;                    /* its number, for reports */
	const struct vmsg_vq_watch *watch; /* NULL for none */
};

/*
 * Bytes of the three parts of a split queue of `size` entries (with event fields), aligned to 16, 2
 * and 4. The parts of a packed queue fit there too: its descriptors are as large, its event
 * structures VMSG_VQ_EVENT_SIZE each, aligned to 4.
 */
#define VMSG_VQ_EVENT_SIZE 4
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
	uint32_t head; /* what push wants back: all it needs to know of the chain */
	/* The rest is for a watch, and kept only with VMSG_QUEUE_WATCH: where an indirect table
	 * lies, or 0 bytes */
	uint64_t table_address;
	uint32_t table_size;
	/* when pop fails: the descriptor (in its table) that breaks the rule, and its address */
	uint32_t bad_index;
	uint64_t bad_address;
};

/*
 * Looks on at what a queue does, for a checker of who touches what when: emulator/check has one.
 * All functions must be there. `head` names a chain until it is used. `is_idle`: the queue stops
 * with nothing on its way.
 */
struct vmsg_vq_buffer;
struct vmsg_vq_watch {
	void *context;
	void (*started)(void *context, struct vmsg_memory *memory,
			const struct vmsg_vq_layout *layout);
	void (*stopped)(void *context, struct vmsg_memory *memory,
			const struct vmsg_vq_layout *layout, bool is_idle);
	/* driver: before the device can see it; `table_address` 0 if there is no indirect table */
	void (*offered)(void *context, struct vmsg_memory *memory,
			const struct vmsg_vq_layout *layout, uint32_t head, uint64_t table_address,
			const struct vmsg_vq_buffer *buffers, size_t count);
	/* device */
	void (*taken)(void *context, struct vmsg_memory *memory,
		      const struct vmsg_vq_layout *layout, const struct vmsg_vq_chain *chain);
	void (*refused)(void *context, struct vmsg_memory *memory,
			const struct vmsg_vq_layout *layout, const struct vmsg_vq_chain *chain,
			int error);
	/* driver: it was reaped; device: before the driver can see it */
	void (*used)(void *context, struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		     uint32_t head);
};

/*
 * What both sides of a queue keep of it, who are alike: each writes entries for the other to take,
 * and takes what the other wrote. A place is an index of a split queue; in a packed ring it is that
 * of a descriptor, with the wrap counter there as bit 15.
 */
struct vmsg_vq {
	struct vmsg_memory *memory;
	struct vmsg_vq_layout layout;
	uint8_t *desc;     /* mapped whole; NULL: not started */
	uint8_t *ours;     /* the part that this side writes: the driver's or the device's */
	uint8_t *theirs;   /* the other one */
	uint8_t *our_wish; /* in these two: when each side wants to be told, event or flags */
	uint8_t *their_wish;
	uint16_t next; /* place of the next entry to take */
	uint16_t seen; /* split: their index as last read */
	uint16_t put;  /* place of the next entry to write */
	bool broken;   /* the other side broke a rule of the ring; only reset helps */
	bool in_batch; /* driver, in_order: part of a batch was reaped */
	uint32_t news; /* entries written since the last notification check */
};

struct vmsg_vq_device {
	struct vmsg_vq vq;
};

/*
 * Maps and holds the three parts. INVALID for a bad size or unaligned address, or for a packed
 * queue where VMSG_QUEUE_PACKED is 0; RANGE, NOT_FOUND, NO_SPACE, STATE as vmsg_memory_map_whole().
 * Held until vmsg_vq_device_stop(), after which the queue can be started anew (reset of a queue).
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

/* Returns a chain with `written` bytes, with in_order in the order of the pops. INVALID for a head
 * that no pop gave, STATE when nothing is in flight. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_vq_device_push(struct vmsg_vq_device *queue, uint32_t head,
						    uint32_t written);

/* True when the driver wants to be told about what was pushed since the last answer. */
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

/* Private bookkeeping of a descriptor (split) or buffer id (packed); caller provides `size` of
 * them.
 */
struct vmsg_vq_driver_slot {
	void *cookie;      /* of the chain whose head this is; NULL = not in flight */
	uint32_t writable; /* bytes the device may write; UINT32_MAX also for one more */
	uint16_t count;    /* descriptors of the chain */
	uint16_t last;     /* slot of its last descriptor */
	uint16_t next;     /* of the free list, and of the chain in a split queue */
};

struct vmsg_vq_driver {
	struct vmsg_vq vq;
	struct vmsg_vq_driver_slot *slots;
	uint16_t free_head;
	uint16_t free_count;   /* descriptors */
	uint16_t batch_id;     /* in_batch: up to the chain that the device named ... */
	uint32_t batch_length; /* ... with this length */
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

/* True when the device wants EVENT_AVAIL for what was added since the last answer. */
VMSG_EXPORT bool vmsg_vq_driver_should_kick(struct vmsg_vq_driver *queue);

/* What VIRTIO_F_NOTIFICATION_DATA puts into an EVENT_AVAIL: where the next available entry will be
 * written. (virtio: Driver Notifications) */
VMSG_EXPORT void vmsg_vq_driver_next(const struct vmsg_vq_driver *queue, uint32_t *offset,
				     uint32_t *wrap);

/*
 * Reaps one used chain: 1 with cookie and length, 0 when there is none, PEER when the device lied
 * (id not in flight, length beyond what was offered, index too far): then the queue is `broken`.
 * With in_order a device need not say the length of every chain; `written` is then all that the
 * device could write.
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
