/* SPDX-License-Identifier: BSD-3-Clause */
/* The short way from a bus address to a pointer, inline for the chain walker. */
#ifndef VMSG_LIB_AREA_H
#define VMSG_LIB_AREA_H

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/memory.h"

#include "bytes.h"
#include "port.h"

/*
 * What most look-ups come to: the area is in its home slot, and the range, which is not empty, lies
 * in its first segment. False says nothing but that vmsg_memory_map() must be asked.
 */
VMSG_HOT_INLINE bool vmsg_area_reach(const struct vmsg_memory *memory, uint64_t address,
				     uint32_t size, bool write, uint8_t **data)
{
	const uint64_t id = address >> memory->id_shift;

	if (VMSG_UNLIKELY(id >= memory->capacity)) {
		return false;
	}
	/* another area's base makes the offset too large, a free slot has no reach */
	const struct vmsg_memory_area *area = &memory->areas[id];
	const uint64_t offset = address - area->base;
	const uint64_t reach = area->reach[write];
	/* as a number: beyond the reach it is no pointer */
	*data = (uint8_t *)((uintptr_t)area->segments[0].data + (uintptr_t)offset);
	return VMSG_LIKELY(offset < reach && (uint64_t)size - 1 < reach - offset);
}

#endif
