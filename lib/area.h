/* SPDX-License-Identifier: BSD-3-Clause */
/* The way from a bus address to a pointer, inline for the chain walker. */
#ifndef VMSG_LIB_AREA_H
#define VMSG_LIB_AREA_H

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/memory.h"

#include "port.h"

/* Slot where the search for an id begins. */
VMSG_ALWAYS_INLINE uint32_t vmsg_area_home(const struct vmsg_memory *memory, uint16_t id)
{
	return id < memory->capacity ? id : id % memory->capacity;
}

/* The area of an id that is not in its home slot, NULL if unknown. */
struct vmsg_memory_area *vmsg_area_search(const struct vmsg_memory *memory, uint16_t id);

VMSG_ALWAYS_INLINE struct vmsg_memory_area *vmsg_area_find(const struct vmsg_memory *memory,
							   uint16_t id)
{
	if (VMSG_UNLIKELY(memory->count == 0)) {
		return NULL;
	}
	struct vmsg_memory_area *area = &memory->areas[vmsg_area_home(memory, id)];
	if (VMSG_LIKELY(area->used && area->id == id)) {
		return area;
	}
	return vmsg_area_search(memory, id);
}

/* vmsg_memory_map() */
VMSG_ALWAYS_INLINE int vmsg_area_map(const struct vmsg_memory *memory, uint64_t address,
				     uint64_t size, bool write, struct vmsg_span *out)
{
	const struct vmsg_memory_area *area =
		vmsg_area_find(memory, (uint16_t)(address >> memory->id_shift));
	uint64_t offset = address & ((1ull << memory->id_shift) - 1);

	*out = (struct vmsg_span){ NULL, 0 };
	if (VMSG_UNLIKELY(size == 0)) {
		return VMSG_ERROR_INVALID;
	}
	if (VMSG_UNLIKELY(!area || area->closing)) {
		return VMSG_ERROR_NOT_FOUND;
	}
	if (VMSG_UNLIKELY(offset > area->size || size > area->size - offset)) {
		return VMSG_ERROR_RANGE;
	}
	if (VMSG_UNLIKELY(write && !area->writable)) {
		return VMSG_ERROR_STATE;
	}
	const struct vmsg_segment *segment = area->segments;
	while (offset >= segment->size) { /* ends: offset < the sum of the sizes */
		offset -= segment->size;
		segment++;
	}
	const uint64_t left = segment->size - offset;
	*out = (struct vmsg_span){ segment->data + offset, (size_t)(size < left ? size : left) };
	return 0;
}

#endif
