/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Areas and the one door to them. The caller's array is an open-addressing table: an area lies at
 * its id modulo the capacity or in the slots that follow, with no hole in between; removal moves
 * later entries back, so that a look-up may stop at the first free slot.
 */
#include "virtio_msg_ffa/memory.h"

#include "virtio_msg_ffa/error.h"

#include "area.h"

void vmsg_memory_init(struct vmsg_memory *memory, struct vmsg_memory_area *areas, uint32_t capacity,
		      uint8_t id_shift)
{
	VMSG_ASSERT(id_shift >= 48 && id_shift < 64);
	for (uint32_t i = 0; i < capacity; i++) {
		areas[i] = (struct vmsg_memory_area){ 0 };
	}
	*memory = (struct vmsg_memory){
		.areas = areas,
		.capacity = capacity,
		.id_shift = id_shift,
	};
}

/* Slot where the search for an id begins, in a set that has slots. vmsg_area_reach() relies on it.
 */
static uint32_t home_of(const struct vmsg_memory *memory, uint16_t id)
{
	return !VMSG_FOR_SIZE && id < memory->capacity ? id : id % memory->capacity;
}

static uint32_t next_slot(const struct vmsg_memory *memory, uint32_t slot)
{
	return slot + 1 == memory->capacity ? 0 : slot + 1;
}

/* Area of `id`, or the free slot where it would go; NULL when neither exists. */
static struct vmsg_memory_area *find_slot(const struct vmsg_memory *memory, uint16_t id)
{
	uint32_t slot = memory->capacity ? home_of(memory, id) : 0;

	for (uint32_t i = 0; i < memory->capacity; i++) {
		struct vmsg_memory_area *area = &memory->areas[slot];
		if (!area->used || area->id == id) {
			return area;
		}
		slot = next_slot(memory, slot);
	}
	return NULL;
}

struct vmsg_memory_area *vmsg_memory_find(struct vmsg_memory *memory, uint16_t id)
{
	struct vmsg_memory_area *area = find_slot(memory, id);

	return area && area->used ? area : NULL;
}

int vmsg_memory_add(struct vmsg_memory *memory, uint16_t id, const struct vmsg_segment *segments,
		    size_t count, bool writable, uint64_t handle)
{
	uint64_t size = 0;
	uint32_t beyond = (uint32_t)id >> (64 - memory->id_shift);

	if (count == 0) {
		return VMSG_ERROR_INVALID;
	}
	if (count > VMSG_AREA_SEGMENTS_MAX) {
		return VMSG_ERROR_NO_SPACE;
	}
	for (size_t i = 0; i < count; i++) {
		if (segments[i].size == 0 || !segments[i].data) {
			return VMSG_ERROR_INVALID;
		}
		/* one by one, so that the sum cannot overflow */
		beyond |= vmsg_high_bits(segments[i].size - 1, memory->id_shift);
		size += segments[i].size;
	}
	if (beyond || vmsg_high_bits(size - 1, memory->id_shift) != 0 || (size_t)size != size) {
		return VMSG_ERROR_RANGE;
	}
	struct vmsg_memory_area *area = find_slot(memory, id);
	if (!area) {
		return VMSG_ERROR_NO_SPACE;
	}
	if (area->used) {
		return VMSG_ERROR_STATE;
	}
	area->id = id;
	area->used = true;
	area->writable = writable;
	area->segment_count = (uint16_t)count;
	area->handle = handle;
	area->size = size;
	area->base = vmsg_from_high_bits(id, memory->id_shift);
	area->reach[false] = segments[0].size;
	area->reach[true] = writable ? segments[0].size : 0;
	memcpy(area->segments, segments, count * sizeof(segments[0]));
	memory->count++;
	return 0;
}

int vmsg_memory_move(struct vmsg_memory *memory, uint16_t id, uint64_t address)
{
	struct vmsg_memory_area *area = vmsg_memory_find(memory, id);
	const uint64_t offset = address & ((1ull << memory->id_shift) - 1);

	if (!area) {
		return VMSG_ERROR_NOT_FOUND;
	}
	if (area->users > 0) {
		return VMSG_ERROR_AGAIN;
	}
	if (address >> memory->id_shift != id || area->size > (1ull << memory->id_shift) - offset) {
		return VMSG_ERROR_RANGE;
	}
	area->base = address;
	return 0;
}

int vmsg_memory_remove(struct vmsg_memory *memory, uint16_t id)
{
	struct vmsg_memory_area *areas = memory->areas;
	struct vmsg_memory_area *area = vmsg_memory_find(memory, id);

	if (!area) {
		return VMSG_ERROR_NOT_FOUND;
	}
	if (area->users > 0) {
		return VMSG_ERROR_AGAIN;
	}
	/* an entry behind fills the hole, and leaves another, unless its home lies between */
	uint32_t hole = (uint32_t)(area - areas);
	areas[hole].used = false;
	uint32_t next = hole;
	while (next = next_slot(memory, next), areas[next].used) {
		const uint32_t home = home_of(memory, areas[next].id);
		if ((hole < home) + (home <= next) + (next < hole) < 2) {
			areas[hole] = areas[next];
			areas[next].used = false;
			hole = next;
		}
	}
	areas[hole] = (struct vmsg_memory_area){ 0 };
	memory->count--;
	return 0;
}

int vmsg_memory_close(struct vmsg_memory *memory, uint16_t id)
{
	struct vmsg_memory_area *area = vmsg_memory_find(memory, id);

	if (!area) {
		return VMSG_ERROR_NOT_FOUND;
	}
	area->closing = true;
	area->reach[0] = 0;
	area->reach[1] = 0;
	return 0;
}

/* An area that was added when addresses had another form is not found by its id. */
static struct vmsg_memory_area *area_of(struct vmsg_memory *memory, uint64_t address)
{
	struct vmsg_memory_area *area =
		vmsg_memory_find(memory, (uint16_t)vmsg_high_bits(address, memory->id_shift));

	return area && vmsg_high_bits(area->base, memory->id_shift) == area->id ? area : NULL;
}

/* Such an area, which somebody still holds. */
static struct vmsg_memory_area *older_area_of(const struct vmsg_memory *memory, uint64_t address)
{
	for (uint32_t i = 0; i < memory->capacity; i++) {
		struct vmsg_memory_area *area = &memory->areas[i];
		if (area->used && area->users > 0 && address - area->base < area->size) {
			return area;
		}
	}
	return NULL;
}

int vmsg_memory_map(struct vmsg_memory *memory, uint64_t address, uint64_t size, bool write,
		    struct vmsg_span *out)
{
	const struct vmsg_memory_area *area = area_of(memory, address);

	*out = (struct vmsg_span){ NULL, 0 };
	if (size == 0) {
		return VMSG_ERROR_INVALID;
	}
	if (!area || area->closing) {
		return VMSG_ERROR_NOT_FOUND;
	}
	const uint64_t at = address - area->base; /* below the base: too large */
	if (at >= area->size || size > area->size - at) {
		return VMSG_ERROR_RANGE;
	}
	if (write && !area->writable) {
		return VMSG_ERROR_STATE;
	}
	const struct vmsg_segment *segment = area->segments;
	size_t offset = (size_t)at;               /* as large as an area may be */
	while (offset >= (size_t)segment->size) { /* ends: offset < the sum of the sizes */
		offset -= (size_t)segment->size;
		segment++;
	}
	const size_t left = (size_t)segment->size - offset;
	*out = (struct vmsg_span){ segment->data + offset, size < left ? (size_t)size : left };
	return 0;
}

int vmsg_memory_map_whole(struct vmsg_memory *memory, uint64_t address, uint64_t size, bool write,
			  struct vmsg_span *out)
{
	int error = vmsg_memory_map(memory, address, size, write, out);

	if (error == 0 && out->size != size) {
		*out = (struct vmsg_span){ NULL, 0 };
		error = VMSG_ERROR_NO_SPACE;
	}
	return error;
}

int vmsg_memory_hold(struct vmsg_memory *memory, uint64_t address)
{
	struct vmsg_memory_area *area = area_of(memory, address);

	if (!area) {
		return VMSG_ERROR_NOT_FOUND;
	}
	area->users++;
	return 0;
}

void vmsg_memory_release(struct vmsg_memory *memory, uint64_t address)
{
	struct vmsg_memory_area *area = area_of(memory, address);

	area = area ? area : older_area_of(memory, address);
	VMSG_ASSERT(area && area->users > 0);
	area->users--;
}
