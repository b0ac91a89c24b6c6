/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two sides of a virtqueue have in common: the layout of the rings, and the steps that
 * each takes on its own end of them. */
#ifndef VMSG_LIB_VIRTQUEUE_H
#define VMSG_LIB_VIRTQUEUE_H

#include "virtio_msg_ffa/virtqueue.h"

#include "virtio_msg_ffa/error.h"

#include "port.h"

/* Descriptors of either format: address, then length, flags and the rest (virtio: virtq_desc,
 * pvirtq_desc). Split has flags before `next`, packed has the buffer id before flags. */
#define VQ_DESC_SIZE    16u
#define VQ_DESC_LENGTH  8u
#define VQ_PACKED_ID    12u
#define VQ_PACKED_FLAGS 14u

#define VQ_NEXT     0x0001u
#define VQ_WRITE    0x0002u
#define VQ_INDIRECT 0x0004u
#define VQ_AVAIL    0x0080u /* packed: equals the driver's wrap counter in an available descriptor */
#define VQ_USED     0x8000u /* packed: equals AVAIL in a used one */

/* Split: virtq_avail and virtq_used are flags, index, ring, event. */
#define VQ_RING_FLAGS   0u
#define VQ_RING_INDEX   2u
#define VQ_RING_ENTRIES 4u
#define VQ_NO_NOTIFY    0x0001u
#define VQ_AVAIL_ENTRY  2u
#define VQ_USED_ENTRY   8u

/* Packed: pvirtq_event_suppress as one word, whose low half is a place. */
#define VQ_WRAP            0x8000u
#define VQ_EVENT_ENABLE    (0u << 16)
#define VQ_EVENT_DISABLE   (1u << 16)
#define VQ_EVENT_DESC      (2u << 16)
#define VQ_EVENT_FLAG_MASK (3u << 16)

/* Total length of a chain. (virtio: Driver Requirements: The Virtqueue Descriptor Table) */
#define VQ_CHAIN_SIZE_MAX (1ull << 32)

/* What only a watched queue needs, and the compiler drops where none can be. */
#if VMSG_QUEUE_WATCH
#define VMSG_WATCHED VMSG_NOINLINE
#else
#define VMSG_WATCHED static inline
#endif

/* Whether a queue whose layout, or a step whose caller, says so is packed: in a library without
 * packed queues none is, and the compiler drops what only they need. */
VMSG_ALWAYS_INLINE bool vq_is_packed(bool packed)
{
	return VMSG_QUEUE_PACKED && packed;
}

/*
 * Calls `function`, whose first argument is the format. Where size counts there is one instance for
 * both; where speed does, one for split queues, inlined, and packed_function() for the others, out
 * of the registers and stack frame of the first.
 */
#if VMSG_FOR_SIZE
#define VQ_PACKED static inline __attribute__((unused))
#define VQ_CALL(function, queue, ...)                                                              \
	function(vq_is_packed((queue)->vq.layout.packed), queue, __VA_ARGS__)
#else
#define VQ_PACKED VMSG_NOINLINE
#define VQ_CALL(function, queue, ...)                                                              \
	(vq_is_packed((queue)->vq.layout.packed) ? packed_##function(queue, __VA_ARGS__)           \
						 : function(false, queue, __VA_ARGS__))
#endif

/* Who looks on at a queue; NULL for nobody. */
VMSG_HOT_INLINE const struct vmsg_vq_watch *vq_watch(const struct vmsg_vq *vq)
{
	return VMSG_QUEUE_WATCH ? vq->layout.watch : NULL;
}

/* A descriptor read once. */
struct vq_descriptor {
	uint64_t address;
	uint32_t length;
	uint32_t flags;
	uint32_t other; /* split: next; packed: buffer id */
};

VMSG_HOT_INLINE struct vq_descriptor vq_load_descriptor(bool packed, const uint8_t *at)
{
	const uint64_t address = vmsg_port_load_le64(at);
	const uint64_t rest = vmsg_port_load_le64(at + VQ_DESC_LENGTH);
	const uint32_t high = (uint32_t)(rest >> 32);

	return (struct vq_descriptor){
		.address = address,
		.length = (uint32_t)rest,
		.flags = packed ? high >> 16 : high & 0xffffu,
		.other = packed ? high & 0xffffu : high >> 16,
	};
}

VMSG_HOT_INLINE void vq_store_descriptor(bool packed, uint8_t *at,
					 const struct vmsg_vq_buffer *buffer, uint32_t flags,
					 uint32_t other)
{
	vmsg_port_store_le64(at, buffer->address);
	vmsg_port_store_relaxed_le32(at + VQ_DESC_LENGTH, buffer->length);
	vmsg_port_store_relaxed_le16(at + VQ_DESC_LENGTH + 4, (uint16_t)(packed ? other : flags));
	vmsg_port_store_relaxed_le16(at + VQ_DESC_LENGTH + 6, (uint16_t)(packed ? flags : other));
}

/* The descriptor at a place of a packed ring. */
VMSG_HOT_INLINE uint8_t *vq_at(const struct vmsg_vq *vq, uint16_t place)
{
	return vq->desc + (size_t)(place & (VQ_WRAP - 1)) * VQ_DESC_SIZE;
}

/* The entry of an index of a split queue, in the ring of that entry size. */
VMSG_HOT_INLINE uint8_t *vq_entry(const struct vmsg_vq *vq, uint8_t *ring, uint16_t index,
				  size_t entry_size)
{
	return ring + VQ_RING_ENTRIES + (size_t)(index & (vq->layout.size - 1)) * entry_size;
}

/* From one place to one further on, in entries: those of a split queue, descriptors of a packed
 * one. What the other side names may make it any number. */
VMSG_HOT_INLINE uint32_t vq_distance(bool packed, const struct vmsg_vq *vq, uint16_t from,
				     uint16_t to)
{
	if (!packed) {
		return (uint16_t)(to - from);
	}
	return (to & (VQ_WRAP - 1)) - (from & (VQ_WRAP - 1)) +
	       ((from ^ to) & VQ_WRAP ? vq->layout.size : 0);
}

/* Maps, checks and holds the three parts; the driver, who may write all of them, also clears them.
 * `vq` is zero before, and stays so on error. */
int vmsg_vq_start(struct vmsg_vq *vq, struct vmsg_memory *memory,
		  const struct vmsg_vq_layout *layout, bool is_driver);
void vmsg_vq_stop(struct vmsg_vq *vq);

/* Does the other side want to be told of what was written since the last answer? */
bool vmsg_vq_should_tell(struct vmsg_vq *vq);

/* Asks to be told of the next entry; true when there is one already. */
bool vmsg_vq_enable_notify(struct vmsg_vq *vq, bool is_driver);
void vmsg_vq_disable_notify(struct vmsg_vq *vq);

/* ---- the steps of the data path: inline in both sides, or once for both in virtqueue.c ---- */

/* Where size counts; but what is left of them for split queues alone is less than the calls. */
#define VQ_STEPS_ONCE (VMSG_FOR_SIZE && VMSG_QUEUE_PACKED)

#if VQ_STEPS_ONCE
#define VQ_STEP
uint16_t vmsg_vq_advance(bool packed, const struct vmsg_vq *vq, uint16_t place, uint32_t count);
int vmsg_vq_poll(bool packed, struct vmsg_vq *vq, bool is_driver, uint16_t *told);
void vmsg_vq_publish(bool packed, struct vmsg_vq *vq, uint8_t *at, uint16_t flags, uint16_t put,
		     uint32_t count);
#else
#define VQ_STEP VMSG_HOT_INLINE
#endif

#if !VQ_STEPS_ONCE || defined(VQ_STEPS_HERE)

/* The place `count` entries after another. */
VQ_STEP uint16_t vmsg_vq_advance(bool packed, const struct vmsg_vq *vq, uint16_t place,
				 uint32_t count)
{
	if (!vq_is_packed(packed)) {
		return (uint16_t)(place + count);
	}
	uint32_t next = (place & (VQ_WRAP - 1)) + count;
	if (next >= vq->layout.size) {
		next = (next - vq->layout.size) ^ VQ_WRAP;
	}
	return (uint16_t)(next ^ (place & VQ_WRAP));
}

/* Is there an entry at the next place? 1 or 0, or PEER for an index that cannot be. `told` is what
 * was read: a descriptor's flags, or the index. */
VQ_STEP int vmsg_vq_poll(bool packed, struct vmsg_vq *vq, bool is_driver, uint16_t *told)
{
	if (vq_is_packed(packed)) {
		const uint32_t used = vq->next & VQ_WRAP ? VQ_AVAIL | VQ_USED : 0;
		/* acquire: the rest of the entry and its buffers, which these flags publish, are
		 * read after them */
		*told = vmsg_port_load_acquire_le16(vq_at(vq, vq->next) + VQ_PACKED_FLAGS);
		return (*told & (VQ_AVAIL | VQ_USED)) == (is_driver ? used : used ^ VQ_USED);
	}
	if (vq->seen == vq->next) {
		/* acquire: entries, descriptors and buffers that this index publishes are read
		 * after it */
		*told = vmsg_port_load_acquire_le16(vq->theirs + VQ_RING_INDEX);
		const uint16_t waiting = (uint16_t)(*told - vq->next);
		/* what is on its way: all that a device can have used, and a driver not add */
		const uint32_t limit = vq->put - vq->next + (is_driver ? 0 : vq->layout.size);
		if (VMSG_UNLIKELY(waiting > (uint16_t)limit)) {
			return VMSG_ERROR_PEER;
		}
		vq->seen = *told;
		return waiting != 0;
	}
	return 1;
}

/* Publishes `count` entries, up to the place `put`: by the flags of the descriptor `at`, or by the
 * index. */
VQ_STEP void vmsg_vq_publish(bool packed, struct vmsg_vq *vq, uint8_t *at, uint16_t flags,
			     uint16_t put, uint32_t count)
{
	const uint32_t news = vq->news + count;

	vq->put = put;
	/* nobody can be waiting for anything further back than a whole ring */
	vq->news = news < vq->layout.size ? news : vq->layout.size;
	/* release: publishes the entries, their descriptors and what is in the buffers */
	vmsg_port_store_release_le16(vq_is_packed(packed) ? at + VQ_PACKED_FLAGS
							  : vq->ours + VQ_RING_INDEX,
				     vq_is_packed(packed) ? flags : put);
}

#endif

#endif
