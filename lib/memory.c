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
	return id < memory->capacity ? id : id % memory->capacity;
}

/* Slot of `id`, or of the free slot where it would go; the capacity when neither exists. */
static uint32_t find_slot(const struct vmsg_memory *memory, uint16_t id)
{
	uint32_t slot = memory->capacity ? home_of(memory, id) : 0;

	for (uint32_t i = 0; i < memory->capacity; i++) {
		const struct vmsg_memory_area *area = &memory->areas[slot];
		if (!area->used || area->id == id) {
			return slot;
		}
		slot = slot + 1 < memory->capacity ? slot + 1 : 0;
	}
	return memory->capacity;
}

struct vmsg_memory_area *vmsg_memory_find(struct vmsg_memory *memory, uint16_t id)
{
	const uint32_t slot = find_slot(memory, id);

	return slot < memory->capacity && memory->areas[slot].used ? &memory->areas[slot] : NULL;
}

int vmsg_memory_add(struct vmsg_memory *memory, uint16_t id, const struct vmsg_segment *segments,
		    size_t count, bool writable, uint64_t handle)
{
	const uint64_t limit = 1ull << memory->id_shift;
	uint64_t size = 0;

	if (count == 0) {
		return VMSG_ERROR_INVALID;
	}
	if (count > VMSG_AREA_SEGMENTS_MAX) {
		return VMSG_ERROR_NO_SPACE;
	}
	if (id >> (64 - memory->id_shift)) {
		return VMSG_ERROR_RANGE;
	}
	for (size_t i = 0; i < count; i++) {
		if (segments[i].size == 0 || !segments[i].data) {
			return VMSG_ERROR_INVALID;
		}
		if (segments[i].size > limit - size ||
		    (size_t)segments[i].size != segments[i].size) {
			return VMSG_ERROR_RANGE;
		}
		size += segments[i].size;
	}
	const uint32_t slot = find_slot(memory, id);
	if (slot == memory->capacity) {
		return VMSG_ERROR_NO_SPACE;
	}
	struct vmsg_memory_area *area = &memory->areas[slot];
	if (area->used) {
		return VMSG_ERROR_STATE;
	}
	*area = (struct vmsg_memory_area){
		.id = id,
		.used = true,
		.writable = writable,
		.segment_count = (uint16_t)count,
		.handle = handle,
		.size = size,
		.base = (uint64_t)id << memory->id_shift,
		.reach = { segments[0].size, writable ? segments[0].size : 0 },
	};
	for (size_t i = 0; i < count; i++) {
		area->segments[i] = segments[i];
	}
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

/* Fills the hole at `slot` with entries behind it that may come that far forward. */
static void close_hole(struct vmsg_memory *memory, uint32_t slot)
{
	const uint32_t capacity = memory->capacity;
	uint32_t next = slot;

	for (uint32_t i = 1; i < capacity; i++) {
		next = next + 1 < capacity ? next + 1 : 0;
		const struct vmsg_memory_area *area = &memory->areas[next];
		if (!area->used) {
			break;
		}
		const uint32_t home = home_of(memory, area->id);
		const uint32_t from_home = (next + capacity - home) % capacity;
		const uint32_t from_hole = (next + capacity - slot) % capacity;
		if (from_home >= from_hole) {
			memory->areas[slot] = *area;
			slot = next;
		}
	}
	memory->areas[slot] = (struct vmsg_memory_area){ 0 };
}

int vmsg_memory_remove(struct vmsg_memory *memory, uint16_t id)
{
	const struct vmsg_memory_area *area = vmsg_memory_find(memory, id);

	if (!area) {
		return VMSG_ERROR_NOT_FOUND;
	}
	if (area->users > 0) {
		return VMSG_ERROR_AGAIN;
	}
	close_hole(memory, (uint32_t)(area - memory->areas));
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
		vmsg_memory_find(memory, (uint16_t)(address >> memory->id_shift));

	return area && area->base >> memory->id_shift == area->id ? area : NULL;
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
	uint64_t offset = address - area->base; /* below the base: too large */
	if (offset > area->size || size > area->size - offset) {
		return VMSG_ERROR_RANGE;
	}
	if (write && !area->writable) {
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
