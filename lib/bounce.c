/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots of a pool as a bitmap, runs found first fit from where the last one ended. Invariant: a set
 * bit belongs to exactly one map; free_count is the number of clear ones.
 */
#include "virtio_msg_ffa/bounce.h"

#include "virtio_msg_ffa/error.h"

#include "port.h"

#define SLOTS_MAX (UINT32_MAX - 31u) /* so that their words can be counted */

int vmsg_bounce_init(struct vmsg_bounce *bounce, struct vmsg_span pool, uint64_t address,
		     uint32_t slot_size, uint32_t *used)
{
	*bounce = (struct vmsg_bounce){ 0 };
	if (slot_size == 0 || pool.size == 0 || pool.size % slot_size != 0 ||
	    pool.size / slot_size > SLOTS_MAX || address > UINT64_MAX - pool.size || !used) {
		return VMSG_ERROR_INVALID;
	}
	*bounce = (struct vmsg_bounce){
		.pool = pool,
		.address = address,
		.slot_size = slot_size,
		.slot_count = (uint32_t)(pool.size / slot_size),
		.used = used,
	};
	bounce->free_count = bounce->slot_count;
	memset(used, 0, VMSG_BOUNCE_WORDS(bounce->slot_count) * sizeof(*used));
	return VMSG_OK;
}

static bool is_used(const struct vmsg_bounce *bounce, uint32_t slot)
{
	return bounce->used[slot / 32] >> slot % 32 & 1;
}

/* First run of `count` free slots that begins in [from, to); `to` when there is none. */
static uint32_t find_run(const struct vmsg_bounce *bounce, uint32_t from, uint32_t to,
			 uint32_t count)
{
	uint32_t start = from;

	while (start < to && count <= bounce->slot_count - start) {
		uint32_t length = 0;
		while (length < count && !is_used(bounce, start + length)) {
			length++;
		}
		if (length == count) {
			return start;
		}
		start += length + 1;
	}
	return to;
}

static void mark(struct vmsg_bounce *bounce, const struct vmsg_bounce_map *map)
{
	for (uint32_t i = map->first; i < map->first + map->count; i++) {
		bounce->used[i / 32] ^= 1u << i % 32;
	}
}

static uint8_t *slots(const struct vmsg_bounce *bounce, const struct vmsg_bounce_map *map)
{
	return bounce->pool.data + (size_t)map->first * bounce->slot_size;
}

static int take(struct vmsg_bounce *bounce, size_t size, struct vmsg_bounce_map *map)
{
	*map = (struct vmsg_bounce_map){ 0 };
	if (size == 0 || size > bounce->pool.size || size > UINT32_MAX) {
		return VMSG_ERROR_RANGE;
	}
	const uint32_t count = (uint32_t)((size - 1) / bounce->slot_size + 1);
	if (count > bounce->free_count) {
		return VMSG_ERROR_AGAIN;
	}
	uint32_t first = find_run(bounce, bounce->next, bounce->slot_count, count);
	if (first == bounce->slot_count) {
		first = find_run(bounce, 0, bounce->next, count);
		if (first == bounce->next) {
			return VMSG_ERROR_AGAIN; /* too scattered */
		}
	}
	*map = (struct vmsg_bounce_map){
		.address = bounce->address + (uint64_t)first * bounce->slot_size,
		.size = (uint32_t)size,
		.first = first,
		.count = count,
	};
	mark(bounce, map);
	bounce->free_count -= count;
	bounce->next = first + count < bounce->slot_count ? first + count : 0;
	return VMSG_OK;
}

int vmsg_bounce_map_readable(struct vmsg_bounce *bounce, struct vmsg_bytes data,
			     struct vmsg_bounce_map *map)
{
	const int error = take(bounce, data.size, map);

	if (error < 0) {
		return error;
	}
	uint8_t *to = slots(bounce, map);
	memcpy(to, data.data, data.size);
	vmsg_port_clear(to + data.size, (size_t)map->count * bounce->slot_size - data.size);
	return VMSG_OK;
}

int vmsg_bounce_map_writable(struct vmsg_bounce *bounce, struct vmsg_span data,
			     struct vmsg_bounce_map *map)
{
	const int error = take(bounce, data.size, map);

	if (error < 0) {
		return error;
	}
	map->writable = true;
	map->data = data.data;
	vmsg_port_clear(slots(bounce, map), (size_t)map->count * bounce->slot_size);
	return VMSG_OK;
}

void vmsg_bounce_unmap(struct vmsg_bounce *bounce, struct vmsg_bounce_map *map, uint32_t written)
{
	VMSG_ASSERT(map->count > 0 && is_used(bounce, map->first));
	if (map->writable) {
		vmsg_port_fetch(map->data, slots(bounce, map),
				written < map->size ? written : map->size);
	}
	mark(bounce, map);
	bounce->free_count += map->count;
	*map = (struct vmsg_bounce_map){ 0 };
}
