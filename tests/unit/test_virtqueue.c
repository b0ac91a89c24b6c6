/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/virtqueue.h"

#define SIZE   8u
#define DESC   0x0000u
#define DRIVER 0x1000u
#define DEVICE 0x2000u
#define TABLE  0x3000u
#define DATA   0x4000u
#define RAM    0x8000u

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory_area driver_areas[2];
static struct vmsg_memory_area device_areas[2];
static struct vmsg_memory driver_memory;
static struct vmsg_memory device_memory;
static struct vmsg_vq_driver driver;
static struct vmsg_vq_device device;
static struct vmsg_vq_driver_slot slots[32768];
static struct vmsg_vq_piece pieces[64];
static struct vmsg_vq_chain chain;

static uint64_t at(uint32_t offset)
{
	return 1ull << 48 | offset;
}

static struct vmsg_vq_layout layout(bool event_idx)
{
	return (struct vmsg_vq_layout){
		.size = SIZE,
		.event_idx = event_idx,
		.indirect = true,
		.desc_addr = at(DESC),
		.driver_addr = at(DRIVER),
		.device_addr = at(DEVICE),
	};
}

static int start(bool event_idx)
{
	/* two segments, so that data may straddle an edge in the middle of DATA */
	const struct vmsg_segment list[] = { { ram, DATA + 0x100 },
					     { ram + DATA + 0x100, RAM - DATA - 0x100 } };
	const struct vmsg_vq_layout where = layout(event_idx);

	memset(ram, 0x5a, sizeof(ram));
	vmsg_memory_init(&driver_memory, driver_areas, 2, 48);
	vmsg_memory_init(&device_memory, device_areas, 2, 48);
	assert_int_equal(vmsg_memory_add(&driver_memory, 1, list, 2, true, 0), 0);
	assert_int_equal(vmsg_memory_add(&device_memory, 1, list, 2, true, 0), 0);
	assert_int_equal(vmsg_vq_driver_start(&driver, &driver_memory, &where, slots), 0);
	assert_int_equal(vmsg_vq_device_start(&device, &device_memory, &where), 0);
	return 0;
}

static int with_event_idx(void **state)
{
	(void)state;
	return start(true);
}

static int with_flags(void **state)
{
	(void)state;
	return start(false);
}

static int pop(void)
{
	chain.pieces = pieces;
	chain.capacity = 64;
	return vmsg_vq_device_pop(&device, &chain);
}

static void put(uint32_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	uint8_t *entry = ram + DESC + (size_t)index * 16;

	vmsg_store_le64(entry, address);
	vmsg_store_le32(entry + 8, length);
	vmsg_store_le16(entry + 12, flags);
	vmsg_store_le16(entry + 14, next);
}

/* Makes `head` available by hand, as a hostile driver would. */
static void offer(uint16_t head)
{
	const uint16_t index = vmsg_load_le16(ram + DRIVER + 2);

	vmsg_store_le16(ram + DRIVER + 4 + (size_t)(index % SIZE) * 2, head);
	vmsg_store_le16(ram + DRIVER + 2, (uint16_t)(index + 1));
}

static void a_chain_crosses_and_comes_back(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffers[] = { { at(DATA), 16, false },
						  { at(DATA + 64), 32, true } };
	int cookie;
	void *back;
	uint32_t written;

	assert_int_equal(pop(), 0);
	assert_int_equal(vmsg_vq_driver_add(&driver, buffers, 2, &cookie), 0);
	assert_int_equal(pop(), 1);
	assert_int_equal(chain.count, 2);
	assert_int_equal(chain.readable_count, 1);
	assert_int_equal(chain.readable_size, 16);
	assert_int_equal(chain.writable_size, 32);
	assert_ptr_equal(chain.pieces[0].span.data, ram + DATA);
	assert_ptr_equal(chain.pieces[1].span.data, ram + DATA + 64);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 0);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 32), 0);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
	assert_ptr_equal(back, &cookie);
	assert_int_equal(written, 32);
	assert_int_equal(driver.free_count, SIZE);
}

static void a_buffer_over_a_segments_edge_becomes_two_pieces(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffer = { at(DATA + 0xf0), 64, true };

	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &driver), 0);
	assert_int_equal(pop(), 1);
	assert_int_equal(chain.count, 2);
	assert_int_equal(chain.pieces[0].span.size, 16);
	assert_int_equal(chain.pieces[1].span.size, 48);
	assert_int_equal(chain.writable_size, 64);
}

static void an_indirect_table_is_walked(void **state)
{
	(void)state;
	struct vmsg_vq_buffer buffers[5];
	void *back;
	uint32_t written;

	for (unsigned int i = 0; i < 5; i++) {
		buffers[i] = (struct vmsg_vq_buffer){ at(DATA + i * 16), 16, i >= 2 };
	}
	assert_int_equal(vmsg_vq_driver_add_indirect(&driver, at(TABLE), buffers, 5, &driver), 0);
	assert_int_equal(driver.free_count, SIZE - 1);
	assert_int_equal(pop(), 1);
	assert_int_equal(chain.count, 5);
	assert_int_equal(chain.readable_count, 2);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 48), 0);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
	assert_int_equal(written, 48);
	assert_int_equal(driver.free_count, SIZE);
}

static void the_table_fills_and_empties(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffer = { at(DATA), 8, true };
	int cookies[SIZE];
	void *back;
	uint32_t written;

	for (unsigned int round = 0; round < 20000; round++) { /* past the index's wrap */
		for (unsigned int i = 0; i < SIZE; i++) {
			assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &cookies[i]), 0);
		}
		assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &cookies[0]),
				 VMSG_ERROR_NO_SPACE);
		uint32_t heads[SIZE];
		for (unsigned int i = 0; i < SIZE; i++) {
			assert_int_equal(pop(), 1);
			heads[i] = chain.head;
		}
		assert_int_equal(pop(), 0);
		for (unsigned int i = SIZE; i-- > 0;) { /* out of order */
			assert_int_equal(vmsg_vq_device_push(&device, heads[i], i), 0);
		}
		for (unsigned int i = SIZE; i-- > 0;) {
			assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
			assert_ptr_equal(back, &cookies[i]);
			assert_int_equal(written, i);
		}
	}
}

static void event_idx_silences_what_nobody_waits_for(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffer = { at(DATA), 8, true };
	void *back;
	uint32_t written;

	assert_false(vmsg_vq_device_enable_notify(&device));
	assert_false(vmsg_vq_driver_enable_notify(&driver));
	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &driver), 0);
	assert_true(vmsg_vq_driver_should_kick(&driver));
	assert_false(vmsg_vq_driver_should_kick(&driver)); /* told once */
	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &driver), 0);
	assert_false(vmsg_vq_driver_should_kick(&driver)); /* the device has not asked again */
	assert_int_equal(pop(), 1);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
	assert_true(vmsg_vq_device_should_notify(&device));
	assert_true(vmsg_vq_device_enable_notify(&device)); /* one still waits */
	assert_int_equal(pop(), 1);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
	assert_false(vmsg_vq_device_should_notify(&device)); /* the driver has not asked again */
	assert_false(vmsg_vq_device_enable_notify(&device));
	assert_true(vmsg_vq_driver_enable_notify(&driver));
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
}

static void flags_silence_without_event_idx(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffer = { at(DATA), 8, true };

	vmsg_vq_device_disable_notify(&device);
	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &driver), 0);
	assert_false(vmsg_vq_driver_should_kick(&driver));
	assert_true(vmsg_vq_device_enable_notify(&device));
	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &driver), 0);
	assert_true(vmsg_vq_driver_should_kick(&driver));
	vmsg_vq_driver_disable_notify(&driver);
	assert_int_equal(pop(), 1);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
	assert_false(vmsg_vq_device_should_notify(&device));
}

static void bad_buffers_are_refused(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer empty = { at(DATA), 0, true };
	const struct vmsg_vq_buffer order[] = { { at(DATA), 8, true }, { at(DATA), 8, false } };

	assert_int_equal(vmsg_vq_driver_add(&driver, &empty, 1, &driver), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_vq_driver_add(&driver, order, 2, &driver), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_vq_driver_add(&driver, order, 0, &driver), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_vq_driver_add(&driver, order, 1, NULL), VMSG_ERROR_INVALID);
	assert_int_equal(driver.free_count, SIZE);
}

static void bad_layouts_are_refused(void **state)
{
	(void)state;
	struct vmsg_vq_device other;
	struct vmsg_vq_layout bad;

	for (uint32_t size = 0; size <= 0x10001; size++) {
		const bool power = size && !(size & (size - 1));
		bad = layout(true);
		bad.size = size;
		const int result = vmsg_vq_device_start(&other, &device_memory, &bad);
		if (!power || size > 32768) {
			assert_int_equal(result, VMSG_ERROR_INVALID);
		} else if (result == 0) {
			vmsg_vq_device_stop(&other);
		}
	}
	bad = layout(true);
	bad.desc_addr += 8;
	assert_int_equal(vmsg_vq_device_start(&other, &device_memory, &bad), VMSG_ERROR_INVALID);
	bad = layout(true);
	bad.driver_addr = at(RAM - 4);
	assert_int_equal(vmsg_vq_device_start(&other, &device_memory, &bad), VMSG_ERROR_RANGE);
	bad = layout(true);
	bad.device_addr = 2ull << 48;
	assert_int_equal(vmsg_vq_device_start(&other, &device_memory, &bad), VMSG_ERROR_NOT_FOUND);
	bad = layout(true);
	bad.desc_addr = at(DATA + 0x100 - 16);
	assert_int_equal(vmsg_vq_device_start(&other, &device_memory, &bad), VMSG_ERROR_NO_SPACE);
	assert_null(other.vq.desc);
}

static void a_started_queue_holds_its_area(void **state)
{
	(void)state;
	assert_int_equal(vmsg_memory_remove(&device_memory, 1), VMSG_ERROR_AGAIN);
	vmsg_vq_device_stop(&device);
	assert_int_equal(vmsg_memory_remove(&device_memory, 1), 0);
	assert_int_equal(pop(), VMSG_ERROR_STATE);
}

/* ---- a hostile driver ---- */

static void expect_broken(int error)
{
	assert_int_equal(pop(), error);
	assert_true(device.vq.broken);
	assert_int_equal(chain.count, 0);
	assert_int_equal(pop(), VMSG_ERROR_STATE);
}

static void a_loop_of_descriptors_ends(void **state)
{
	(void)state;
	put(0, at(DATA), 8, 1, 1);
	put(1, at(DATA), 8, 1, 0);
	offer(0);
	expect_broken(VMSG_ERROR_BAD_FIELD);
}

static void a_descriptor_that_is_its_own_next_ends(void **state)
{
	(void)state;
	put(3, at(DATA), 8, 1, 3);
	offer(3);
	expect_broken(VMSG_ERROR_BAD_FIELD);
}

static void a_head_beyond_the_table_is_refused(void **state)
{
	(void)state;
	offer(SIZE);
	expect_broken(VMSG_ERROR_RANGE);
}

static void a_next_beyond_the_table_is_refused(void **state)
{
	(void)state;
	put(0, at(DATA), 8, 1, SIZE);
	offer(0);
	expect_broken(VMSG_ERROR_RANGE);
}

static void a_buffer_outside_every_area_is_refused(void **state)
{
	(void)state;
	put(0, 9ull << 48, 8, 0, 0);
	offer(0);
	expect_broken(VMSG_ERROR_NOT_FOUND);
}

static void a_buffer_over_the_end_of_its_area_is_refused(void **state)
{
	(void)state;
	put(0, at(RAM - 4), 8, 0, 0);
	offer(0);
	expect_broken(VMSG_ERROR_RANGE);
}

static void a_length_that_overflows_is_refused(void **state)
{
	(void)state;
	put(0, at(16), 0xffffffffu, 0, 0);
	offer(0);
	expect_broken(VMSG_ERROR_RANGE);
}

static void an_empty_buffer_is_refused(void **state)
{
	(void)state;
	put(0, at(DATA), 0, 0, 0);
	offer(0);
	expect_broken(VMSG_ERROR_BAD_FIELD);
}

static void readable_after_writable_is_refused(void **state)
{
	(void)state;
	put(0, at(DATA), 8, 3, 1);
	put(1, at(DATA), 8, 0, 0);
	offer(0);
	expect_broken(VMSG_ERROR_BAD_FIELD);
}

static void an_index_that_jumps_is_refused(void **state)
{
	(void)state;
	vmsg_store_le16(ram + DRIVER + 2, SIZE + 1);
	expect_broken(VMSG_ERROR_RANGE);
}

static void a_chain_longer_than_the_callers_array_is_refused(void **state)
{
	(void)state;
	put(0, at(DATA), 8, 1, 1);
	put(1, at(DATA), 8, 0, 0);
	offer(0);
	chain.pieces = pieces;
	chain.capacity = 1;
	assert_int_equal(vmsg_vq_device_pop(&device, &chain), VMSG_ERROR_NO_SPACE);
	assert_true(device.vq.broken);
}

static void bad_indirect_tables_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t length;
		uint16_t flags;
		uint16_t inner;
		int error;
	} cases[] = {
		{ 0, 4, 0, VMSG_ERROR_BAD_FIELD },            /* empty */
		{ 17, 4, 0, VMSG_ERROR_BAD_FIELD },           /* not whole entries */
		{ 16, 5, 0, VMSG_ERROR_BAD_FIELD },           /* with NEXT */
		{ 16, 4, 4, VMSG_ERROR_BAD_FIELD },           /* indirect in indirect */
		{ 16, 4, 1, VMSG_ERROR_BAD_FIELD },           /* longer than its table */
		{ 0x80000 + 16, 4, 0, VMSG_ERROR_BAD_FIELD }, /* more than any queue */
		{ RAM, 4, 0, VMSG_ERROR_RANGE },              /* over the area's end */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(true);
		put(0, at(TABLE), cases[i].length, cases[i].flags, 0);
		memset(ram + TABLE, 0, 64);
		vmsg_store_le64(ram + TABLE, at(DATA));
		vmsg_store_le32(ram + TABLE + 8, 8);
		vmsg_store_le16(ram + TABLE + 12, cases[i].inner);
		vmsg_store_le16(ram + TABLE + 14, 1);
		offer(0);
		expect_broken(cases[i].error);
	}
}

static void indirect_needs_its_feature(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffer = { at(DATA), 8, true };

	device.vq.layout.indirect = false;
	driver.vq.layout.indirect = false;
	assert_int_equal(vmsg_vq_driver_add_indirect(&driver, at(TABLE), &buffer, 1, &driver),
			 VMSG_ERROR_STATE);
	put(0, at(TABLE), 16, 4, 0);
	offer(0);
	expect_broken(VMSG_ERROR_BAD_FIELD);
}

/* ---- a hostile device ---- */

static void lie(uint16_t index, uint32_t id, uint32_t length)
{
	vmsg_store_le32(ram + DEVICE + 4, id);
	vmsg_store_le32(ram + DEVICE + 8, length);
	vmsg_store_le16(ram + DEVICE + 2, index);
}

static void expect_liar(void)
{
	void *back;
	uint32_t written;

	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), VMSG_ERROR_PEER);
	assert_null(back);
	assert_true(driver.vq.broken);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), VMSG_ERROR_STATE);
}

static void a_used_id_that_is_not_in_flight_is_a_lie(void **state)
{
	(void)state;
	lie(1, 3, 0);
	expect_liar();
}

static void a_used_id_beyond_the_table_is_a_lie(void **state)
{
	(void)state;
	lie(1, 0x10000, 0);
	expect_liar();
}

static void more_than_was_offered_is_a_lie(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffers[] = { { at(DATA), 100, false }, { at(DATA), 8, true } };

	assert_int_equal(vmsg_vq_driver_add(&driver, buffers, 2, &driver), 0);
	lie(1, 0, 9);
	expect_liar();
}

static void a_used_index_that_jumps_is_a_lie(void **state)
{
	(void)state;
	lie(SIZE + 1, 0, 0);
	expect_liar();
}

static void a_table_that_the_device_rewrites_confuses_nobody(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffers[] = { { at(DATA), 8, false }, { at(DATA), 8, true } };
	void *back;
	uint32_t written;

	assert_int_equal(vmsg_vq_driver_add(&driver, buffers, 2, &driver), 0);
	memset(ram + DESC, 0xff, SIZE * 16);
	lie(1, 0, 8);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
	assert_int_equal(driver.free_count, SIZE);
	for (unsigned int i = 0; i < SIZE; i++) { /* the free list is whole */
		assert_int_equal(vmsg_vq_driver_add(&driver, buffers, 1, &driver), 0);
	}
}

static void what_was_in_flight_can_be_detached(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffer = { at(DATA), 8, true };
	int cookies[2];
	void *back;

	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &cookies[0]), 0);
	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &cookies[1]), 0);
	assert_int_equal(vmsg_vq_driver_detach(&driver, &back), 0); /* still running */
	vmsg_vq_driver_stop(&driver);
	assert_int_equal(vmsg_vq_driver_detach(&driver, &back), 1);
	assert_ptr_equal(back, &cookies[0]);
	assert_int_equal(vmsg_vq_driver_detach(&driver, &back), 1);
	assert_ptr_equal(back, &cookies[1]);
	assert_int_equal(vmsg_vq_driver_detach(&driver, &back), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_chain_crosses_and_comes_back, with_event_idx),
		cmocka_unit_test_setup(a_buffer_over_a_segments_edge_becomes_two_pieces,
				       with_event_idx),
		cmocka_unit_test_setup(an_indirect_table_is_walked, with_event_idx),
		cmocka_unit_test_setup(the_table_fills_and_empties, with_event_idx),
		cmocka_unit_test_setup(event_idx_silences_what_nobody_waits_for, with_event_idx),
		cmocka_unit_test_setup(flags_silence_without_event_idx, with_flags),
		cmocka_unit_test_setup(bad_buffers_are_refused, with_flags),
		cmocka_unit_test_setup(bad_layouts_are_refused, with_flags),
		cmocka_unit_test_setup(a_started_queue_holds_its_area, with_flags),
		cmocka_unit_test_setup(a_loop_of_descriptors_ends, with_flags),
		cmocka_unit_test_setup(a_descriptor_that_is_its_own_next_ends, with_flags),
		cmocka_unit_test_setup(a_head_beyond_the_table_is_refused, with_flags),
		cmocka_unit_test_setup(a_next_beyond_the_table_is_refused, with_flags),
		cmocka_unit_test_setup(a_buffer_outside_every_area_is_refused, with_flags),
		cmocka_unit_test_setup(a_buffer_over_the_end_of_its_area_is_refused, with_flags),
		cmocka_unit_test_setup(a_length_that_overflows_is_refused, with_flags),
		cmocka_unit_test_setup(an_empty_buffer_is_refused, with_flags),
		cmocka_unit_test_setup(readable_after_writable_is_refused, with_flags),
		cmocka_unit_test_setup(an_index_that_jumps_is_refused, with_flags),
		cmocka_unit_test_setup(a_chain_longer_than_the_callers_array_is_refused,
				       with_flags),
		cmocka_unit_test_setup(bad_indirect_tables_are_refused, with_flags),
		cmocka_unit_test_setup(indirect_needs_its_feature, with_flags),
		cmocka_unit_test_setup(a_used_id_that_is_not_in_flight_is_a_lie, with_flags),
		cmocka_unit_test_setup(a_used_id_beyond_the_table_is_a_lie, with_flags),
		cmocka_unit_test_setup(more_than_was_offered_is_a_lie, with_flags),
		cmocka_unit_test_setup(a_used_index_that_jumps_is_a_lie, with_flags),
		cmocka_unit_test_setup(a_table_that_the_device_rewrites_confuses_nobody,
				       with_flags),
		cmocka_unit_test_setup(what_was_in_flight_can_be_detached, with_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
