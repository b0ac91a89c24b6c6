/* SPDX-License-Identifier: BSD-3-Clause */
/* Packed rings and in-order batches, byte for byte. (virtio: Packed Virtqueues) */
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/virtqueue.h"

#define SIZE   4u
#define DESC   0x0000u
#define DRIVER 0x1000u
#define DEVICE 0x2000u
#define TABLE  0x3000u
#define DATA   0x4000u
#define RAM    0x8000u

#define NEXT     0x0001u
#define WRITE    0x0002u
#define INDIRECT 0x0004u
#define AVAIL    0x0080u
#define USED     0x8000u

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory_area areas[2];
static struct vmsg_memory memory;
static struct vmsg_vq_driver driver;
static struct vmsg_vq_device device;
static struct vmsg_vq_driver_slot slots[SIZE];
static struct vmsg_vq_piece pieces[8];
static struct vmsg_vq_chain chain;
static int cookies[SIZE];

static uint64_t at(uint32_t offset)
{
	return 1ull << 48 | offset;
}

static int start(bool packed, bool in_order)
{
	const struct vmsg_segment segment = { ram, RAM };
	const struct vmsg_vq_layout layout = {
		.size = SIZE,
		.event_idx = true,
		.indirect = true,
		.packed = packed,
		.in_order = in_order,
		.desc_addr = at(DESC),
		.driver_addr = at(DRIVER),
		.device_addr = at(DEVICE),
	};

	memset(ram, 0x5a, sizeof(ram));
	vmsg_memory_init(&memory, areas, 2, 48);
	assert_int_equal(vmsg_memory_add(&memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_vq_driver_start(&driver, &memory, &layout, slots), 0);
	assert_int_equal(vmsg_vq_device_start(&device, &memory, &layout), 0);
	return 0;
}

static int packed(void **state)
{
	(void)state;
	return start(true, false);
}

static int packed_in_order(void **state)
{
	(void)state;
	return start(true, true);
}

static int split_in_order(void **state)
{
	(void)state;
	return start(false, true);
}

static int pop(void)
{
	chain.pieces = pieces;
	chain.capacity = 8;
	return vmsg_vq_device_pop(&device, &chain);
}

static void expect(uint32_t index, uint64_t address, uint32_t length, uint16_t id, uint16_t flags)
{
	const uint8_t *entry = ram + DESC + (size_t)index * 16;

	assert_int_equal(vmsg_load_le64(entry), address);
	assert_int_equal(vmsg_load_le32(entry + 8), length);
	assert_int_equal(vmsg_load_le16(entry + 12), id);
	assert_int_equal(vmsg_load_le16(entry + 14), flags);
}

static void put(uint32_t index, uint64_t address, uint32_t length, uint16_t id, uint16_t flags)
{
	uint8_t *entry = ram + DESC + (size_t)index * 16;

	vmsg_store_le64(entry, address);
	vmsg_store_le32(entry + 8, length);
	vmsg_store_le16(entry + 12, id);
	vmsg_store_le16(entry + 14, flags);
}

static void add(uint32_t count, int *cookie)
{
	const struct vmsg_vq_buffer buffers[] = { { at(DATA), 16, false },
						  { at(DATA + 64), 32, true },
						  { at(DATA + 128), 8, true } };

	assert_int_equal(vmsg_vq_driver_add(&driver, buffers, count, cookie), 0);
}

static void expect_reap(const int *cookie, uint32_t length)
{
	void *back;
	uint32_t written;

	assert_int_equal(vmsg_vq_driver_reap(&driver, &back, &written), 1);
	assert_ptr_equal(back, cookie);
	assert_int_equal(written, length);
}

static void descriptors_carry_the_wrap_counter(void **state)
{
	(void)state;
	add(3, &cookies[0]);
	expect(0, at(DATA), 16, 0, NEXT | AVAIL);
	expect(1, at(DATA + 64), 32, 0, NEXT | WRITE | AVAIL);
	expect(2, at(DATA + 128), 8, 0, WRITE | AVAIL);
	assert_int_equal(pop(), 1);
	assert_int_equal(chain.count, 3);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 40), 0);
	expect(0, at(DATA), 40, 0, WRITE | AVAIL | USED);
	expect_reap(&cookies[0], 40);
	add(3, &cookies[1]); /* over the end of the ring */
	expect(3, at(DATA), 16, 0, NEXT | AVAIL);
	expect(0, at(DATA + 64), 32, 0, NEXT | WRITE | USED);
	expect(1, at(DATA + 128), 8, 0, WRITE | USED);
	assert_int_equal(pop(), 1);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
	assert_int_equal(pop(), 0);
	expect(3, at(DATA), 0, 0, AVAIL | USED);
	expect_reap(&cookies[1], 0);
	add(1, &cookies[2]); /* the second lap */
	assert_int_equal(pop(), 1);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
	expect(2, at(DATA), 0, 0, 0);
	expect_reap(&cookies[2], 0);
}

static void an_indirect_table_has_no_next(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer buffers[] = { { at(DATA), 16, false },
						  { at(DATA + 64), 32, true } };

	assert_int_equal(vmsg_vq_driver_add_indirect(&driver, at(TABLE), buffers, 2, &cookies[0]),
			 0);
	expect(0, at(TABLE), 32, 0, INDIRECT | AVAIL);
	assert_int_equal(vmsg_load_le16(ram + TABLE + 14), 0);
	assert_int_equal(vmsg_load_le16(ram + TABLE + 16 + 14), WRITE);
	assert_int_equal(pop(), 1);
	assert_int_equal(chain.count, 2);
	assert_int_equal(chain.readable_count, 1);
}

static void event_structures_say_when_to_notify(void **state)
{
	(void)state;
	assert_false(vmsg_vq_device_enable_notify(&device));
	assert_int_equal(vmsg_load_le32(ram + DEVICE), 0x28000); /* DESC, wrap 1, offset 0 */
	add(1, &cookies[0]);
	assert_true(vmsg_vq_driver_should_kick(&driver));
	add(1, &cookies[1]);
	assert_false(vmsg_vq_driver_should_kick(&driver));
	vmsg_vq_device_disable_notify(&device);
	assert_int_equal(vmsg_load_le32(ram + DEVICE), 0x10000);
	add(1, &cookies[2]);
	assert_false(vmsg_vq_driver_should_kick(&driver));
	assert_true(vmsg_vq_device_enable_notify(&device)); /* they wait */
}

static void notification_data_names_the_next_place(void **state)
{
	(void)state;
	uint32_t offset, wrap;

	add(3, &cookies[0]);
	vmsg_vq_driver_next(&driver, &offset, &wrap);
	assert_int_equal(offset, 3);
	assert_int_equal(wrap, 1);
	assert_int_equal(pop(), 1);
	assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
	expect_reap(&cookies[0], 0);
	add(2, &cookies[0]);
	vmsg_vq_driver_next(&driver, &offset, &wrap);
	assert_int_equal(offset, 1);
	assert_int_equal(wrap, 0);
}

/* The device names the last of three; the two before it were used completely. */
static void a_batch_is_reaped_in_order(void **state)
{
	(void)state;
	add(1, &cookies[0]);
	add(2, &cookies[1]);
	add(1, &cookies[2]);
	if (driver.vq.layout.packed) {
		put(0, 0, 0, 3, AVAIL | USED);
	} else {
		vmsg_store_le32(ram + DEVICE + 4, 3);
		vmsg_store_le32(ram + DEVICE + 8, 0);
		vmsg_store_le16(ram + DEVICE + 2, 3);
	}
	expect_reap(&cookies[0], 0);
	expect_reap(&cookies[1], 32);
	expect_reap(&cookies[2], 0);
	assert_int_equal(driver.free_count, SIZE);
	assert_false(vmsg_vq_driver_enable_notify(&driver));
}

static void a_batch_longer_than_the_index_says_is_refused(void **state)
{
	(void)state;
	void *cookie;
	uint32_t written;

	add(1, &cookies[0]);
	add(1, &cookies[1]);
	vmsg_store_le32(ram + DEVICE + 4, 1);
	vmsg_store_le32(ram + DEVICE + 8, 0);
	vmsg_store_le16(ram + DEVICE + 2, 1);
	expect_reap(&cookies[0], 0);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &cookie, &written), VMSG_ERROR_PEER);
	assert_true(driver.vq.broken);
}

static void a_chain_into_unused_descriptors_is_refused(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SIZE; i++) {
		put(i, at(DATA), 8, 0, (uint16_t)(AVAIL | (i ? NEXT : 0)));
	}
	assert_int_equal(pop(), 1);
	put(0, at(DATA), 8, 0, USED);
	assert_int_equal(pop(), VMSG_ERROR_RANGE); /* 1, 2, 3 and again 0 */
	assert_true(device.vq.broken);
}

static void a_chain_without_end_is_refused(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SIZE; i++) {
		put(i, at(DATA), 8, 0, AVAIL | NEXT);
	}
	assert_int_equal(pop(), VMSG_ERROR_BAD_FIELD);
}

static void a_lying_used_descriptor_is_refused(void **state)
{
	(void)state;
	static const struct {
		uint16_t id;
		uint32_t length;
	} lies[] = { { 1, 0 }, { 4, 0 }, { 0xffff, 0 }, { 0, 33 } };
	void *cookie;
	uint32_t written;

	for (size_t i = 0; i < 4; i++) {
		start(true, false);
		add(2, &cookies[0]);
		put(0, 0, lies[i].length, lies[i].id, WRITE | AVAIL | USED);
		assert_int_equal(vmsg_vq_driver_reap(&driver, &cookie, &written), VMSG_ERROR_PEER);
		assert_true(driver.vq.broken);
	}
}

/* Element Length is reserved, and ignored, in a used descriptor without WRITE: a device may leave
 * there what it finds. */
static void without_the_write_flag_a_length_means_nothing(void **state)
{
	(void)state;
	add(1, &cookies[0]);
	put(0, at(DATA), 16, 0, AVAIL | USED);
	expect_reap(&cookies[0], 0);
	add(2, &cookies[1]);
	put(1, at(DATA), 0xffffffff, 0, AVAIL | USED);
	expect_reap(&cookies[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(descriptors_carry_the_wrap_counter, packed),
		cmocka_unit_test_setup(an_indirect_table_has_no_next, packed),
		cmocka_unit_test_setup(event_structures_say_when_to_notify, packed),
		cmocka_unit_test_setup(notification_data_names_the_next_place, packed),
		cmocka_unit_test_setup(a_batch_is_reaped_in_order, packed_in_order),
		cmocka_unit_test_setup(a_batch_is_reaped_in_order, split_in_order),
		cmocka_unit_test_setup(a_batch_longer_than_the_index_says_is_refused,
				       split_in_order),
		cmocka_unit_test_setup(a_chain_into_unused_descriptors_is_refused, packed),
		cmocka_unit_test_setup(a_chain_without_end_is_refused, packed),
		cmocka_unit_test_setup(a_lying_used_descriptor_is_refused, packed),
		cmocka_unit_test_setup(without_the_write_flag_a_length_means_nothing, packed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
