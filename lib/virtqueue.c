/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three parts of a virtqueue, and what else both sides need. Parts are held as long as they are
 * mapped. (virtio: Split Virtqueues, Packed Virtqueues)
 */
#define VQ_STEPS_HERE
#include "virtqueue.h"

uint64_t vmsg_vq_desc_size(uint32_t size)
{
	return (uint64_t)size * VQ_DESC_SIZE;
}

uint64_t vmsg_vq_driver_size(uint32_t size)
{
	return VQ_RING_ENTRIES + (uint64_t)size * VQ_AVAIL_ENTRY + 2;
}

uint64_t vmsg_vq_device_size(uint32_t size)
{
	return VQ_RING_ENTRIES + (uint64_t)size * VQ_USED_ENTRY + 2;
}

/* ---- the three parts ---- */

enum { DESC, DRIVER, DEVICE, PART_COUNT };

/* What the parts of either format are made of, and who writes them besides the driver. */
static const struct {
	uint8_t entry_size;
	uint8_t extra;
	uint8_t mask; /* of its alignment */
	bool device_writes;
} part_forms[][PART_COUNT] = {
	{
		{ VQ_DESC_SIZE, 0, 15, false },
		{ VQ_AVAIL_ENTRY, VQ_RING_ENTRIES + 2, 1, false },
		{ VQ_USED_ENTRY, VQ_RING_ENTRIES + 2, 3, true },
	},
#if VMSG_QUEUE_PACKED
	{
		{ VQ_DESC_SIZE, 0, 15, true },
		{ 0, VMSG_VQ_EVENT_SIZE, 3, false },
		{ 0, VMSG_VQ_EVENT_SIZE, 3, true },
	},
#endif
};

int vmsg_vq_start(struct vmsg_vq *vq, struct vmsg_memory *memory,
		  const struct vmsg_vq_layout *layout, bool is_driver)
{
	const uint64_t addresses[] = { layout->desc_addr, layout->driver_addr,
				       layout->device_addr };
	const uint32_t size = layout->size;
	const bool packed = vq_is_packed(layout->packed);
	struct vmsg_span parts[PART_COUNT];

	/* limits of sizes are the ring's, not the codec's (O25) */
	if (size - 1 >= VMSG_QUEUE_SIZE_MAX || layout->packed != packed ||
	    (!packed && (size & (size - 1)) != 0)) {
		return VMSG_ERROR_INVALID;
	}
	for (unsigned int i = 0; i < PART_COUNT; i++) {
		const int error = vmsg_memory_map_whole(
			memory, addresses[i],
			size * part_forms[packed][i].entry_size + part_forms[packed][i].extra,
			is_driver | part_forms[packed][i].device_writes, &parts[i]);
		if (error < 0) {
			return error;
		}
		if (((uint32_t)addresses[i] | (uintptr_t)parts[i].data) &
		    part_forms[packed][i].mask) {
			return VMSG_ERROR_INVALID;
		}
	}
	for (unsigned int i = 0; i < PART_COUNT; i++) {
		(void)!vmsg_memory_hold(memory, addresses[i]); /* it exists: it was just mapped */
		if (is_driver) {
			vmsg_port_clear(parts[i].data, parts[i].size);
		}
	}
	const unsigned int ours = is_driver ? DRIVER : DEVICE;
	const unsigned int theirs = DRIVER + DEVICE - ours;
	/* the event of a split part is its last two bytes */
	const size_t back = layout->event_idx && !packed ? 2 : 0;
	vq->memory = memory;
	vq->layout = *layout;
	vq->desc = parts[DESC].data;
	vq->ours = parts[ours].data;
	vq->theirs = parts[theirs].data;
	vq->our_wish = vq->ours + (back ? parts[ours].size - back : 0);
	vq->their_wish = vq->theirs + (back ? parts[theirs].size - back : 0);
	vq->next = packed ? VQ_WRAP : 0;
	vq->put = vq->next;
	return 0;
}

void vmsg_vq_stop(struct vmsg_vq *vq)
{
	if (vq->desc) {
		vmsg_memory_release(vq->memory, vq->layout.desc_addr);
		vmsg_memory_release(vq->memory, vq->layout.driver_addr);
		vmsg_memory_release(vq->memory, vq->layout.device_addr);
	}
	vq->desc = NULL;
}

/* ---- notifications ---- */

bool vmsg_vq_should_tell(struct vmsg_vq *vq)
{
	const bool packed = vq_is_packed(vq->layout.packed);
	const uint32_t count = vq->news;
	uint32_t wish;

	if (!vq->desc || count == 0) {
		return false;
	}
	vq->news = 0;
	/* the other side must see what was written before we read what it wants to be told of */
	vmsg_port_fence();
	if (packed) {
		wish = vmsg_port_load_relaxed_le32(vq->their_wish);
		if ((wish & VQ_EVENT_FLAG_MASK) != VQ_EVENT_DESC) {
			return (wish & VQ_EVENT_FLAG_MASK) != VQ_EVENT_DISABLE;
		}
	} else {
		wish = vmsg_port_load_relaxed_le16(vq->their_wish);
		if (!vq->layout.event_idx) {
			return !(wish & VQ_NO_NOTIFY);
		}
	}
	/* if the place that it named was passed within the last `count` steps */
	return vq_distance(packed, vq, (uint16_t)wish, vq->put) - 1 < count;
}

bool vmsg_vq_enable_notify(struct vmsg_vq *vq, bool is_driver)
{
	const uint16_t next = vq->next;
	uint16_t told;

	if (!vq->desc || vq->broken) {
		return false;
	}
	if (vq_is_packed(vq->layout.packed)) {
		vmsg_port_store_relaxed_le32(
			vq->our_wish,
			next | (vq->layout.event_idx ? VQ_EVENT_DESC : VQ_EVENT_ENABLE));
	} else {
		vmsg_port_store_relaxed_le16(vq->our_wish, vq->layout.event_idx ? next : 0);
	}
	/* the other side must see the wish before we look whether entries came in the meantime */
	vmsg_port_fence();
	if (vq_is_packed(vq->layout.packed)) {
		return vq->in_batch || vmsg_vq_poll(true, vq, is_driver, &told) > 0;
	}
	return vmsg_port_load_relaxed_le16(vq->theirs + VQ_RING_INDEX) != next;
}

void vmsg_vq_disable_notify(struct vmsg_vq *vq)
{
	if (!vq->desc) {
		return;
	}
	if (vq_is_packed(vq->layout.packed)) {
		vmsg_port_store_relaxed_le32(vq->our_wish, VQ_EVENT_DISABLE);
	} else if (!vq->layout.event_idx) {
		vmsg_port_store_relaxed_le16(vq->our_wish, VQ_NO_NOTIFY);
	} /* else an event index that stays behind is silence enough */
}
