/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include "area.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/memory.h"

#define CAPACITY 8

static uint8_t ram[3][4096];
static struct vmsg_memory_area areas[CAPACITY];
static struct vmsg_memory memory;

static int fresh(void **state)
{
	(void)state;
	vmsg_memory_init(&memory, areas, CAPACITY, 48);
	return 0;
}

static int add(uint16_t id, size_t segments, bool writable)
{
	const struct vmsg_segment list[] = { { ram[0], 4096 }, { ram[1], 100 }, { ram[2], 4096 } };

	return vmsg_memory_add(&memory, id, list, segments, writable, id);
}

static uint64_t at(uint16_t id, uint64_t offset)
{
	return (uint64_t)id << 48 | offset;
}

static void a_range_is_split_at_the_segments_edge(void **state)
{
	(void)state;
	struct vmsg_span span;

	assert_int_equal(add(7, 3, true), 0);
	assert_int_equal(vmsg_memory_map(&memory, at(7, 4090), 200, true, &span), 0);
	assert_ptr_equal(span.data, ram[0] + 4090);
	assert_int_equal(span.size, 6);
	assert_int_equal(vmsg_memory_map(&memory, at(7, 4096), 200, true, &span), 0);
	assert_ptr_equal(span.data, ram[1]);
	assert_int_equal(span.size, 100);
	assert_int_equal(vmsg_memory_map(&memory, at(7, 4196), 4096, true, &span), 0);
	assert_ptr_equal(span.data, ram[2]);
	assert_int_equal(span.size, 4096);
	assert_int_equal(vmsg_memory_map_whole(&memory, at(7, 4090), 200, true, &span),
			 VMSG_ERROR_NO_SPACE);
	assert_null(span.data);
}

static void no_byte_beyond_the_end_is_reachable(void **state)
{
	(void)state;
	struct vmsg_span span;

	assert_int_equal(add(1, 1, true), 0);
	assert_int_equal(vmsg_memory_map(&memory, at(1, 0), 4096, true, &span), 0);
	assert_int_equal(vmsg_memory_map(&memory, at(1, 0), 4097, true, &span), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_memory_map(&memory, at(1, 4096), 1, true, &span), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_memory_map(&memory, at(1, 1), UINT64_MAX, true, &span),
			 VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_memory_map(&memory, at(1, 0xffffffffffffu), 2, true, &span),
			 VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_memory_map(&memory, at(1, 0), 0, true, &span), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_memory_map(&memory, at(2, 0), 1, true, &span), VMSG_ERROR_NOT_FOUND);
}

static void a_read_only_area_is_not_written(void **state)
{
	(void)state;
	struct vmsg_span span;

	assert_int_equal(add(3, 1, false), 0);
	assert_int_equal(vmsg_memory_map(&memory, at(3, 0), 8, false, &span), 0);
	assert_int_equal(vmsg_memory_map(&memory, at(3, 0), 8, true, &span), VMSG_ERROR_STATE);
}

static void an_area_in_use_stays(void **state)
{
	(void)state;
	assert_int_equal(add(3, 1, true), 0);
	assert_int_equal(vmsg_memory_hold(&memory, at(3, 17)), 0);
	assert_int_equal(vmsg_memory_remove(&memory, 3), VMSG_ERROR_AGAIN);
	vmsg_memory_release(&memory, at(3, 17));
	assert_int_equal(vmsg_memory_remove(&memory, 3), 0);
	assert_int_equal(vmsg_memory_remove(&memory, 3), VMSG_ERROR_NOT_FOUND);
	assert_int_equal(vmsg_memory_hold(&memory, at(3, 17)), VMSG_ERROR_NOT_FOUND);
}

static void a_closed_area_is_mapped_no_more(void **state)
{
	(void)state;
	struct vmsg_span span;

	assert_int_equal(add(3, 1, true), 0);
	assert_int_equal(vmsg_memory_close(&memory, 3), 0);
	assert_int_equal(vmsg_memory_map(&memory, at(3, 0), 8, false, &span), VMSG_ERROR_NOT_FOUND);
	assert_int_equal(vmsg_memory_close(&memory, 4), VMSG_ERROR_NOT_FOUND);
	assert_int_equal(vmsg_memory_remove(&memory, 3), 0);
}

/* Of the short way that the chain walker takes. */
static void the_short_way_reaches_no_further(void **state)
{
	(void)state;
	uint8_t *data;

	assert_int_equal(add(3, 2, false), 0);
	assert_true(vmsg_area_reach(&memory, at(3, 0), 4096, false, &data));
	assert_ptr_equal(data, ram[0]);
	assert_true(vmsg_area_reach(&memory, at(3, 4095), 1, false, &data));
	assert_false(vmsg_area_reach(&memory, at(3, 4095), 2, false, &data));
	assert_false(vmsg_area_reach(&memory, at(3, 4096), 1, false, &data));
	assert_false(vmsg_area_reach(&memory, at(3, 0), 0, false, &data));
	assert_false(vmsg_area_reach(&memory, at(3, 0), 8, true, &data));
	assert_false(vmsg_area_reach(&memory, at(2, 0xffffffffffffu), 8, false, &data));
	assert_false(vmsg_area_reach(&memory, at(4, 0), 8, false, &data));
	assert_false(vmsg_area_reach(&memory, at(0xffff, 0), 8, false, &data));
	assert_int_equal(vmsg_memory_close(&memory, 3), 0);
	assert_false(vmsg_area_reach(&memory, at(3, 0), 8, false, &data));
}

/* Another dialect, another form of addresses: who holds an area of the one before can let go of it,
 * and new areas are reached whatever ids the old ones have. */
static void an_area_keeps_its_addresses_when_their_form_changes(void **state)
{
	(void)state;
	static const uint8_t shifts[][2] = { { 56, 48 }, { 48, 56 } };
	struct vmsg_span span;
	uint8_t *data;

	for (size_t i = 0; i < 2; i++) {
		const uint8_t old = shifts[i][0], new = shifts[i][1];
		vmsg_memory_init(&memory, areas, CAPACITY, old);
		assert_int_equal(add(4, 1, true), 0);
		assert_int_equal(vmsg_memory_hold(&memory, 4ull << old | 100), 0);
		memory.id_shift = new;
		assert_int_equal(add(5, 1, true), 0);
		assert_int_equal(vmsg_memory_map(&memory, 5ull << new, 4096, true, &span), 0);
		assert_int_equal(vmsg_memory_map(&memory, 4ull << new, 1, true, &span),
				 VMSG_ERROR_NOT_FOUND);
		assert_false(vmsg_area_reach(&memory, 4ull << new, 1, true, &data));
		assert_int_equal(vmsg_memory_hold(&memory, 4ull << new), VMSG_ERROR_NOT_FOUND);
		assert_int_equal(vmsg_memory_remove(&memory, 4), VMSG_ERROR_AGAIN);
		vmsg_memory_release(&memory, 4ull << old | 100);
		assert_int_equal(vmsg_memory_remove(&memory, 4), 0);
	}
}

static void bad_areas_are_refused(void **state)
{
	(void)state;
	const struct vmsg_segment empty = { ram[0], 0 };
	const struct vmsg_segment huge[] = { { ram[0], 1ull << 47 }, { ram[0], (1ull << 47) + 1 } };
	const struct vmsg_segment many[VMSG_AREA_SEGMENTS_MAX + 1] = { { ram[0], 1 } };

	assert_int_equal(vmsg_memory_add(&memory, 1, &empty, 1, true, 0), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_memory_add(&memory, 1, &empty, 0, true, 0), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_memory_add(&memory, 1, huge, 2, true, 0), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_memory_add(&memory, 1, many, VMSG_AREA_SEGMENTS_MAX + 1, true, 0),
			 VMSG_ERROR_NO_SPACE);
	assert_int_equal(add(1, 1, true), 0);
	assert_int_equal(add(1, 1, true), VMSG_ERROR_STATE);
	vmsg_memory_init(&memory, areas, CAPACITY, 56);
	assert_int_equal(add(256, 1, true), VMSG_ERROR_RANGE);
	assert_int_equal(add(255, 1, true), 0);
}

/* Every order of adding and removing, against a plain list. */
static void ids_that_collide_are_all_found(void **state)
{
	(void)state;
	bool present[64] = { false };
	uint32_t count = 0;
	uint32_t random = 1;

	for (int step = 0; step < 20000; step++) {
		random = random * 1664525u + 1013904223u;
		const uint16_t id = (uint16_t)(random >> 20) % 64;
		const int result =
			random >> 31 ? add(id, 1, true) : vmsg_memory_remove(&memory, id);
		if (random >> 31) {
			assert_int_equal(result, count == CAPACITY && !present[id]
							 ? VMSG_ERROR_NO_SPACE
						 : present[id] ? VMSG_ERROR_STATE
							       : 0);
			count += result == 0;
			present[id] = present[id] || result == 0;
		} else {
			assert_int_equal(result, present[id] ? 0 : VMSG_ERROR_NOT_FOUND);
			count -= result == 0;
			present[id] = false;
		}
		for (uint16_t check = 0; check < 64; check++) {
			const struct vmsg_memory_area *area = vmsg_memory_find(&memory, check);
			assert_int_equal(area != NULL, present[check]);
			assert_true(!area || area->id == check);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_range_is_split_at_the_segments_edge, fresh),
		cmocka_unit_test_setup(no_byte_beyond_the_end_is_reachable, fresh),
		cmocka_unit_test_setup(a_read_only_area_is_not_written, fresh),
		cmocka_unit_test_setup(an_area_in_use_stays, fresh),
		cmocka_unit_test_setup(a_closed_area_is_mapped_no_more, fresh),
		cmocka_unit_test_setup(the_short_way_reaches_no_further, fresh),
		cmocka_unit_test_setup(an_area_keeps_its_addresses_when_their_form_changes, fresh),
		cmocka_unit_test_setup(bad_areas_are_refused, fresh),
		cmocka_unit_test_setup(ids_that_collide_are_all_found, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
