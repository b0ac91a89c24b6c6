/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounce buffers: what crosses, what does not, and how a pool fills. */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/bounce.h"
#include "virtio_msg_ffa/error.h"

#define SLOT    64u
#define SLOTS   70u /* more than one word of bits */
#define ADDRESS 0x0001000000002000u

static uint8_t pool[SLOTS * SLOT];
static uint32_t used[VMSG_BOUNCE_WORDS(SLOTS)];
static struct vmsg_bounce bounce;

static int fresh(void **state)
{
	(void)state;
	memset(pool, 0xee, sizeof(pool));
	memset(used, 0xff, sizeof(used));
	return vmsg_bounce_init(&bounce, (struct vmsg_span){ pool, sizeof(pool) }, ADDRESS, SLOT,
				used);
}

static void what_is_read_is_copied_in_and_nothing_beside_it(void **state)
{
	uint8_t data[100];
	struct vmsg_bounce_map map;

	(void)state;
	memset(data, 0x11, sizeof(data));
	assert_int_equal(vmsg_bounce_map_readable(&bounce, (struct vmsg_bytes){ data, 100 }, &map),
			 0);
	assert_int_equal(map.address, ADDRESS);
	assert_int_equal(map.size, 100);
	assert_memory_equal(pool, data, 100);
	for (size_t i = 100; i < 2u * SLOT; i++) {
		assert_int_equal(pool[i], 0); /* not what was there before */
	}
	assert_int_equal(pool[2 * SLOT], 0xee);
	memset(pool, 0x22, sizeof(pool)); /* whatever the device does to it */
	vmsg_bounce_unmap(&bounce, &map, 100);
	assert_int_equal(data[0], 0x11);
	assert_int_equal(bounce.free_count, SLOTS);
}

static void what_is_written_comes_out_as_far_as_it_was(void **state)
{
	uint8_t data[100];
	struct vmsg_bounce_map map;

	(void)state;
	memset(data, 0x33, sizeof(data));
	assert_int_equal(vmsg_bounce_map_writable(&bounce, (struct vmsg_span){ data, 90 }, &map),
			 0);
	for (size_t i = 0; i < 2u * SLOT; i++) {
		assert_int_equal(pool[i], 0); /* the device learns nothing of us */
	}
	memset(pool, 0x44, sizeof(pool));
	vmsg_bounce_unmap(&bounce, &map, 10);
	assert_int_equal(data[9], 0x44);
	assert_int_equal(data[10], 0x33);
	assert_int_equal(vmsg_bounce_map_writable(&bounce, (struct vmsg_span){ data, 90 }, &map),
			 0);
	memset(pool, 0x55, sizeof(pool));
	vmsg_bounce_unmap(&bounce, &map, UINT32_MAX); /* it says more than there was */
	assert_int_equal(data[89], 0x55);
	assert_int_equal(data[90], 0x33);
}

static void a_full_pool_is_busy_until_something_is_given_back(void **state)
{
	static uint8_t data[SLOTS * SLOT + 1];
	struct vmsg_bounce_map maps[SLOTS], map;

	(void)state;
	for (size_t i = 0; i < SLOTS; i++) {
		assert_int_equal(vmsg_bounce_map_readable(
					 &bounce, (struct vmsg_bytes){ data, SLOT }, &maps[i]),
				 0);
		assert_int_equal(maps[i].address, ADDRESS + i * SLOT);
	}
	assert_int_equal(bounce.free_count, 0);
	assert_int_equal(vmsg_bounce_map_readable(&bounce, (struct vmsg_bytes){ data, 1 }, &map),
			 VMSG_ERROR_AGAIN);
	/* every other slot is free, and yet there is no room for two in a row */
	for (size_t i = 0; i < SLOTS; i += 2) {
		vmsg_bounce_unmap(&bounce, &maps[i], 0);
	}
	assert_int_equal(
		vmsg_bounce_map_readable(&bounce, (struct vmsg_bytes){ data, SLOT + 1 }, &map),
		VMSG_ERROR_AGAIN);
	vmsg_bounce_unmap(&bounce, &maps[33], 0);
	assert_int_equal(
		vmsg_bounce_map_readable(&bounce, (struct vmsg_bytes){ data, 3 * SLOT }, &map), 0);
	assert_int_equal(map.address, ADDRESS + 32 * SLOT);
	/* never, in no pool of this size */
	assert_int_equal(
		vmsg_bounce_map_readable(&bounce, (struct vmsg_bytes){ data, sizeof(data) }, &map),
		VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_bounce_map_writable(&bounce, (struct vmsg_span){ data, 0 }, &map),
			 VMSG_ERROR_RANGE);
}

/* Random sizes for a long time: maps never overlap, and all comes back. */
static void maps_never_overlap(void **state)
{
	struct vmsg_bounce_map maps[16] = { 0 };
	uint8_t owner[SLOTS] = { 0 };
	uint8_t data[8 * SLOT];
	uint32_t seed = 1;

	(void)state;
	for (int step = 0; step < 20000; step++) {
		seed = seed * 1664525u + 1013904223u;
		struct vmsg_bounce_map *map = &maps[seed >> 28];
		const uint8_t name = (uint8_t)((seed >> 28) + 1);
		const size_t size = (seed >> 8) % sizeof(data) + 1;
		if (map->count > 0) {
			for (uint32_t i = 0; i < map->count; i++) {
				assert_int_equal(owner[map->first + i], name);
				owner[map->first + i] = 0;
			}
			vmsg_bounce_unmap(&bounce, map, 0);
		} else if (vmsg_bounce_map_writable(&bounce, (struct vmsg_span){ data, size },
						    map) == 0) {
			assert_int_equal(map->count, (size + SLOT - 1) / SLOT);
			for (uint32_t i = 0; i < map->count; i++) {
				assert_int_equal(owner[map->first + i], 0);
				owner[map->first + i] = name;
			}
		}
	}
	for (size_t i = 0; i < 16; i++) {
		if (maps[i].count > 0) {
			vmsg_bounce_unmap(&bounce, &maps[i], 0);
		}
	}
	assert_int_equal(bounce.free_count, SLOTS);
}

static void pools_are_checked(void **state)
{
	const struct vmsg_span span = { pool, sizeof(pool) };
	struct vmsg_bounce other;

	(void)state;
	assert_int_equal(vmsg_bounce_init(&other, span, 0, 0, used), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_bounce_init(&other, span, 0, SLOT + 1, used), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_bounce_init(&other, span, 0, SLOT, NULL), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_bounce_init(&other, (struct vmsg_span){ pool, 0 }, 0, SLOT, used),
			 VMSG_ERROR_INVALID);
	assert_int_equal(
		vmsg_bounce_init(&other, (struct vmsg_span){ pool, UINT32_MAX }, 0, 1, used),
		VMSG_ERROR_INVALID); /* more slots than words could be counted for */
	assert_int_equal(vmsg_bounce_init(&other, span, UINT64_MAX - sizeof(pool) + 1, SLOT, used),
			 VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_bounce_init(&other, span, UINT64_MAX - sizeof(pool), SLOT, used), 0);
}

/* Lengths at every edge of a slot and of the pool, and beyond what a descriptor can say. */
static void lengths_at_the_edges_take_what_they_need(void **state)
{
	static const struct {
		size_t size;
		uint32_t slots; /* 0: refused */
	} rows[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ SLOT - 1, 1 },
		{ SLOT, 1 },
		{ SLOT + 1, 2 },
		{ SLOTS * SLOT - 1, SLOTS },
		{ SLOTS * SLOT, SLOTS },
		{ SLOTS * SLOT + 1, 0 },
		{ SIZE_MAX - SLOT + 2, 0 },
		{ SIZE_MAX, 0 },
	};
	static uint8_t data[SLOTS * SLOT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmsg_bounce_map map;
		const int error = vmsg_bounce_map_writable(
			&bounce, (struct vmsg_span){ data, rows[i].size }, &map);
		assert_int_equal(error, rows[i].slots ? 0 : VMSG_ERROR_RANGE);
		assert_int_equal(bounce.free_count, SLOTS - rows[i].slots);
		if (error == 0) {
			assert_int_equal(map.size, rows[i].size);
			vmsg_bounce_unmap(&bounce, &map, UINT32_MAX); /* what a device may claim */
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_read_is_copied_in_and_nothing_beside_it, fresh),
		cmocka_unit_test_setup(what_is_written_comes_out_as_far_as_it_was, fresh),
		cmocka_unit_test_setup(a_full_pool_is_busy_until_something_is_given_back, fresh),
		cmocka_unit_test_setup(maps_never_overlap, fresh),
		cmocka_unit_test_setup(pools_are_checked, fresh),
		cmocka_unit_test_setup(lengths_at_the_edges_take_what_they_need, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
