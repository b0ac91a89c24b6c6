/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three parts of a virtqueue, and what else both sides need. Parts are held as long as they are
 * mapped. (virtio: Split Virtqueues, Packed Virtqueues)
 */
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

static int map_part(struct vmsg_memory *memory, uint64_t address, uint64_t size, uint64_t alignment,
		    bool write, uint8_t **part)
{
	struct vmsg_span span;
	int error;

	*part = NULL;
	if (address % alignment != 0) {
		return VMSG_ERROR_INVALID;
	}
	error = vmsg_memory_map_whole(memory, address, size, write, &span);
	if (error < 0) {
		return error;
	}
	if ((uintptr_t)span.data % alignment != 0) {
		return VMSG_ERROR_INVALID;
	}
	*part = span.data;
	return 0;
}

int vmsg_vq_map_parts(struct vmsg_memory *memory, const struct vmsg_vq_layout *layout,
		      bool is_driver, uint8_t *parts[3])
{
	const uint32_t size = layout->size;
	const bool packed = layout->packed;

	/* limits of sizes are the ring's, not the codec's (O25) */
	if (size == 0 || size > VMSG_QUEUE_SIZE_MAX || (!packed && (size & (size - 1)) != 0)) {
		return VMSG_ERROR_INVALID;
	}
	int error = map_part(memory, layout->desc_addr, vmsg_vq_desc_size(size), 16,
			     is_driver || packed, &parts[0]);
	if (error == 0) {
		error = map_part(memory, layout->driver_addr,
				 packed ? VQ_EVENT_SIZE : vmsg_vq_driver_size(size), packed ? 4 : 2,
				 is_driver, &parts[1]);
	}
	if (error == 0) {
		error = map_part(memory, layout->device_addr,
				 packed ? VQ_EVENT_SIZE : vmsg_vq_device_size(size), 4, true,
				 &parts[2]);
	}
	if (error < 0) {
		return error;
	}
	/* the areas exist: they were just mapped */
	(void)!vmsg_memory_hold(memory, layout->desc_addr);
	(void)!vmsg_memory_hold(memory, layout->driver_addr);
	(void)!vmsg_memory_hold(memory, layout->device_addr);
	return 0;
}

void vmsg_vq_release_parts(struct vmsg_memory *memory, const struct vmsg_vq_layout *layout)
{
	vmsg_memory_release(memory, layout->desc_addr);
	vmsg_memory_release(memory, layout->driver_addr);
	vmsg_memory_release(memory, layout->device_addr);
}

/*
 * Places of a packed ring lie on a circle of two laps, one for each value of the wrap counter. The
 * event is wanted if the place the other side named was passed within the last `count` steps.
 */
bool vmsg_vq_packed_wanted(uint32_t size, const uint8_t *event, uint16_t index, bool wrap,
			   uint32_t count)
{
	const uint32_t word = vmsg_port_load_relaxed_le32(event);

	if ((word & VQ_EVENT_FLAG_MASK) != VQ_EVENT_DESC) {
		return (word & VQ_EVENT_FLAG_MASK) != VQ_EVENT_DISABLE;
	}
	const uint32_t named = (word & (VQ_EVENT_WRAP - 1)) + (word & VQ_EVENT_WRAP ? 0 : size);
	const uint32_t place = index + (wrap ? 0 : size);
	const uint32_t behind = place - named + (place < named ? 2 * size : 0);
	return behind - 1 < count;
}
