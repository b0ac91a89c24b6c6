/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DMA interface that virtio_ring.c needs, on an arena of the test: what a driver offers has a
 * bus address there and nowhere else. Ours, in place of the one of tools/virtio, where bus
 * addresses are pointers and could not be areas.
 */
#ifndef VMSG_TESTS_LINUX_DMA_MAPPING_H
#define VMSG_TESTS_LINUX_DMA_MAPPING_H

#include <linux/kernel.h>

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE,
};

struct device;

/* In pair.c. */
unsigned long long arena_address(const void *pointer);
void *arena_allocate_ring(unsigned long size);

static inline void *dma_alloc_coherent(struct device *device, size_t size, dma_addr_t *address,
				       int flags)
{
	void *memory = arena_allocate_ring(size);

	(void)device;
	(void)flags;
	*address = arena_address(memory);
	return memory;
}

/* The arena is emptied as a whole. */
static inline void dma_free_coherent(struct device *device, size_t size, void *memory,
				     dma_addr_t address)
{
	(void)device;
	(void)size;
	(void)memory;
	(void)address;
}

#define dma_map_page(device, page, offset, size, direction)                                        \
	((void)(device), (void)(size), (void)(direction),                                          \
	 arena_address((const char *)(page) + (offset)))
#define dma_map_single(device, pointer, size, direction)                                           \
	((void)(device), (void)(size), (void)(direction), arena_address(pointer))
#define dma_map_single_attrs(device, pointer, size, direction, attributes)                         \
	((void)(attributes), dma_map_single(device, pointer, size, direction))
#define dma_mapping_error(device, address) ((void)(device), (void)(address), 0)
#define dma_unmap_page(device, address, size, direction)                                           \
	((void)(device), (void)(address), (void)(size), (void)(direction))
#define dma_unmap_single(device, address, size, direction)                                         \
	dma_unmap_page(device, address, size, direction)
#define dma_unmap_single_attrs(device, address, size, direction, attributes)                       \
	((void)(attributes), dma_unmap_page(device, address, size, direction))
#define dma_need_sync(device, address) ((void)(device), (void)(address), 0)
#define dma_sync_single_range_for_cpu(device, address, offset, size, direction)                    \
	((void)(offset), dma_unmap_page(device, address, size, direction))
#define dma_sync_single_range_for_device(device, address, offset, size, direction)                 \
	((void)(offset), dma_unmap_page(device, address, size, direction))
#define dma_max_mapping_size(device) ((void)(device), SIZE_MAX)
#define sg_dma_address(sg)           ((sg)->dma_address)

#endif
