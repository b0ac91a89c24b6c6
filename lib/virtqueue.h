/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two sides of a virtqueue have in common: the layout of the rings and the notifications.
 */
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

/* Packed: pvirtq_event_suppress as one word. */
#define VQ_EVENT_WRAP      (1u << 15)
#define VQ_EVENT_SIZE      ((size_t)VMSG_VQ_EVENT_SIZE)
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

/* Who looks on at a queue; NULL for nobody. */
VMSG_HOT_INLINE const struct vmsg_vq_watch *vq_watch(const struct vmsg_vq_layout *layout)
{
	return VMSG_QUEUE_WATCH ? layout->watch : NULL;
}

/* A descriptor read once. */
struct vq_descriptor {
	uint64_t address;
	uint32_t length;
	uint32_t flags;
	uint32_t other; /* split: next; packed: buffer id */
};

VMSG_HOT_INLINE struct vq_descriptor vq_load_descriptor(const uint8_t *table, uint32_t index,
							bool packed)
{
	const uint8_t *at = table + (size_t)index * VQ_DESC_SIZE;
	const uint64_t address = vmsg_port_load_le64(at);
	const uint64_t rest = vmsg_port_load_le64(at + VQ_DESC_LENGTH);

	return (struct vq_descriptor){
		.address = address,
		.length = (uint32_t)rest,
		.flags = (uint32_t)(rest >> (packed ? 48 : 32)) & 0xffffu,
		.other = (uint32_t)(rest >> (packed ? 32 : 48)) & 0xffffu,
	};
}

VMSG_HOT_INLINE uint8_t *vq_avail_entry(const struct vmsg_vq_layout *layout, uint8_t *driver,
					uint16_t index)
{
	return driver + VQ_RING_ENTRIES + (size_t)(index & (layout->size - 1)) * VQ_AVAIL_ENTRY;
}

VMSG_HOT_INLINE uint8_t *vq_used_entry(const struct vmsg_vq_layout *layout, uint8_t *device,
				       uint16_t index)
{
	return device + VQ_RING_ENTRIES + (size_t)(index & (layout->size - 1)) * VQ_USED_ENTRY;
}

/* Where the driver says at which used index it wants to be told, and the device likewise. */
VMSG_HOT_INLINE uint8_t *vq_used_event(const struct vmsg_vq_layout *layout, uint8_t *driver)
{
	return driver + VQ_RING_ENTRIES + (size_t)layout->size * VQ_AVAIL_ENTRY;
}

VMSG_HOT_INLINE uint8_t *vq_avail_event(const struct vmsg_vq_layout *layout, uint8_t *device)
{
	return device + VQ_RING_ENTRIES + (size_t)layout->size * VQ_USED_ENTRY;
}

/*
 * Does the other side, whose part of a split queue is at `part` and event field at `event`, want to
 * hear of the `count` entries before `index`? (virtio: Used Buffer Notification Suppression)
 */
VMSG_HOT_INLINE bool vq_split_wanted(bool event_idx, const uint8_t *part, const uint8_t *event,
				     uint16_t index, uint32_t count)
{
	if (!event_idx) {
		return !(vmsg_port_load_relaxed_le16(part + VQ_RING_FLAGS) & VQ_NO_NOTIFY);
	}
	return (uint16_t)(index - vmsg_port_load_relaxed_le16(event) - 1) < count;
}

/* A place in a packed ring: the descriptor and the wrap counter there. */
VMSG_HOT_INLINE uint32_t vq_event_word(const struct vmsg_vq_layout *layout, uint16_t index,
				       bool wrap)
{
	return index | (wrap ? VQ_EVENT_WRAP : 0) |
	       (layout->event_idx ? VQ_EVENT_DESC : VQ_EVENT_ENABLE);
}

/* Moves a place on by `count` descriptors. */
VMSG_HOT_INLINE void vq_advance(uint32_t size, uint16_t *index, bool *wrap, uint32_t count)
{
	uint32_t next = *index + count;

	if (next >= size) {
		next -= size;
		*wrap = !*wrap;
	}
	*index = (uint16_t)next;
}

/* Counts up to the size of the ring: nobody can be waiting for anything further back. */
VMSG_HOT_INLINE uint32_t vq_count(uint32_t size, uint32_t count, uint32_t more)
{
	return count + more < size ? count + more : size;
}

/* vq_split_wanted() for a packed queue: `index` and `wrap` are the place after the `count`
 * descriptors, `event` is the other side's event structure. */
bool vmsg_vq_packed_wanted(uint32_t size, const uint8_t *event, uint16_t index, bool wrap,
			   uint32_t count);

/* Maps and holds the three parts; the driver may write all of them, the device only the last. */
int vmsg_vq_map_parts(struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		      bool is_driver, uint8_t *parts[3]);
void vmsg_vq_release_parts(struct vmsg_memory *memory, const struct vmsg_vq_layout *layout);

#endif
