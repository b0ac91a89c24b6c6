/* SPDX-License-Identifier: BSD-3-Clause */
/* The contract checker on both sides of a queue: what it must say, and that it says nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"

#include "check/contract.h"
#include "virtio_msg_ffa/error.h"

#define PAGE   4096u
#define SIZE   8u
#define DESC   0u
#define DRIVER 0x400u
#define DEVICE 0x800u
#define TABLE  0xc00u
#define DATA   PAGE
#define RAM    (4 * PAGE)
#define OTHER  2u /* another area */

static _Alignas(4096) uint8_t ram[RAM];
static _Alignas(4096) uint8_t other[PAGE];
static struct vmsg_memory_area areas[2][4];
static struct vmsg_memory memory[2]; /* of driver and device */
static struct contract *contracts[2];
static struct vmsg_vq_driver driver;
static struct vmsg_vq_device device;
static struct vmsg_vq_driver_slot slots[SIZE];
static struct vmsg_vq_piece pieces[8];
static struct vmsg_vq_chain chain;
static char said[2][512];

static uint64_t at(uint32_t offset)
{
	return 1ull << 48 | offset;
}

static uint16_t owner(void *context, const struct vmsg_memory *of)
{
	(void)context;
	return of == &memory[0] || of == &memory[1] ? 0x0001 : 0;
}

static void report(void *context, const char *text)
{
	char *to = context;

	assert_true(strlen(to) + strlen(text) + 2 < sizeof(said[0]));
	strcat(to, text);
	strcat(to, "\n");
}

static void assert_log(int side, const char *expected)
{
	assert_string_equal(said[side], expected);
	said[side][0] = '\0';
}

static void start(bool packed)
{
	const struct vmsg_segment segments[] = { { ram, RAM }, { other, PAGE } };
	struct vmsg_vq_layout layout = {
		.size = SIZE,
		.indirect = true,
		.packed = packed,
		.desc_addr = at(DESC),
		.driver_addr = at(DRIVER),
		.device_addr = at(DEVICE),
		.index = 3,
	};

	memset(ram, 0, sizeof(ram));
	memset(other, 0, sizeof(other));
	for (int i = 0; i < 2; i++) {
		const struct contract_options options = { owner, report, said[i], i == 0 };
		contracts[i] = contract_create(&options);
		assert_non_null(contracts[i]);
		said[i][0] = '\0';
		vmsg_memory_init(&memory[i], areas[i], 4, 48);
		assert_int_equal(vmsg_memory_add(&memory[i], 1, &segments[0], 1, true, 7), 0);
		assert_int_equal(vmsg_memory_add(&memory[i], OTHER, &segments[1], 1, true, 8), 0);
	}
	layout.watch = contract_watch(contracts[0]);
	assert_int_equal(vmsg_vq_driver_start(&driver, &memory[0], &layout, slots), 0);
	layout.watch = contract_watch(contracts[1]);
	assert_int_equal(vmsg_vq_device_start(&device, &memory[1], &layout), 0);
}

static int stop(void **state)
{
	(void)state;
	vmsg_vq_driver_stop(&driver);
	vmsg_vq_device_stop(&device);
	contract_destroy(contracts[0]);
	contract_destroy(contracts[1]);
	return 0;
}

static void offer(uint64_t address, uint32_t length, bool write)
{
	const struct vmsg_vq_buffer buffer = { address, length, write };

	assert_int_equal(vmsg_vq_driver_add(&driver, &buffer, 1, &driver), 0);
}

static int pop(void)
{
	chain.pieces = pieces;
	chain.capacity = 8;
	return vmsg_vq_device_pop(&device, &chain);
}

static void push_and_reap(uint32_t written)
{
	void *cookie;
	uint32_t length;

	assert_int_equal(vmsg_vq_device_push(&device, chain.head, written), 0);
	assert_int_equal(vmsg_vq_driver_reap(&driver, &cookie, &length), 1);
}

static void honest_work_is_not_reported(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		start(packed);
		for (uint32_t i = 0; i < 50; i++) {
			const struct vmsg_vq_buffer buffers[] = {
				{ at(DATA + 100), 300, false },
				{ at(DATA + 400 + i), 64, true },
			};
			memset(ram + DATA + 100, (int)i, 300);
			assert_int_equal(i % 2 ? vmsg_vq_driver_add(&driver, buffers, 2, &driver)
					       : vmsg_vq_driver_add_indirect(&driver, at(TABLE),
									     buffers, 2, &driver),
					 0);
			assert_int_equal(pop(), 1);
			memset(pieces[1].span.data, 0xee, 64);
			push_and_reap(64);
		}
		vmsg_vq_device_stop(&device);
		vmsg_vq_driver_stop(&driver);
		assert_log(0, "");
		assert_log(1, "");
		assert_int_equal(contract_count(contracts[0]) + contract_count(contracts[1]), 0);
		if (packed == 0) {
			stop(state);
		}
	}
}

static void find_a_descriptor_outside_every_area(bool packed)
{
	start(packed);
	offer(at(DATA), 16, false);
	assert_int_equal(pop(), 1);
	offer(at(RAM - 8), 16, false);
	assert_log(0, "contract: driver 0x0001, queue 3, descriptor 1, address 0x1000000003ff8: "
		      "16 bytes outside every area: value out of range\n");
	assert_int_equal(pop(), VMSG_ERROR_RANGE);
	assert_log(1, "contract: driver 0x0001, queue 3, descriptor 1, address 0x1000000003ff8: "
		      "outside every area\n");
}

static void a_descriptor_outside_every_area(void **state)
{
	find_a_descriptor_outside_every_area(false);
	stop(state);
	find_a_descriptor_outside_every_area(true);
}

static void find_use_after_unshare(bool packed)
{
	start(packed);
	offer(2ull << 48, 16, true);
	assert_int_equal(pop(), 1);
	push_and_reap(0);
	/* on its way out for both, and then gone for the device */
	(void)vmsg_memory_close(&memory[0], OTHER);
	(void)vmsg_memory_close(&memory[1], OTHER);
	offer(2ull << 48 | 32, 16, true);
	assert_log(0, "contract: driver 0x0001, queue 3, descriptor 0, address 0x2000000000020: "
		      "16 bytes of area 2, which is being unshared\n");
	struct vmsg_vq_device again = device;
	assert_int_equal(pop(), VMSG_ERROR_NOT_FOUND);
	/* what a device refuses has no id yet: in a packed ring it is the second descriptor */
	assert_log(1, packed ? "contract: driver 0x0001, queue 3, descriptor 1, address "
			       "0x2000000000020: area 2 is being unshared\n"
			     : "contract: driver 0x0001, queue 3, descriptor 0, address "
			       "0x2000000000020: area 2 is being unshared\n");
	device = again;
	assert_int_equal(vmsg_memory_remove(&memory[1], OTHER), 0);
	assert_int_equal(pop(), VMSG_ERROR_NOT_FOUND);
	assert_log(1, packed ? "contract: driver 0x0001, queue 3, descriptor 1, address "
			       "0x2000000000020: area 2 was unshared\n"
			     : "contract: driver 0x0001, queue 3, descriptor 0, address "
			       "0x2000000000020: area 2 was unshared\n");
}

static void use_after_unshare(void **state)
{
	find_use_after_unshare(false);
	stop(state);
	find_use_after_unshare(true);
}

static void find_writes_into_a_device_readable_buffer(bool packed)
{
	static const char expected[] =
		"contract: driver 0x0001, queue 3, descriptor 0, address 0x1000000001011: byte 17 "
		"of a device-readable buffer of 64 bytes changed while the device had it, from "
		"0x00 to 0x99\n";

	start(packed);
	offer(at(DATA), 64, false);
	assert_int_equal(pop(), 1);
	pieces[0].span.data[17] = 0x99;
	push_and_reap(0);
	assert_log(0, expected);
	assert_log(1, expected);
}

static void writes_into_a_device_readable_buffer(void **state)
{
	find_writes_into_a_device_readable_buffer(false);
	stop(state);
	find_writes_into_a_device_readable_buffer(true);
}

static void find_writes_beside_a_buffer(bool packed)
{
	start(packed);
	offer(at(DATA + 256), 64, true);
	assert_int_equal(pop(), 1);
	memset(pieces[0].span.data, 1, 67);
	push_and_reap(64);
	assert_log(0, "contract: driver 0x0001, queue 3, descriptor 0, address 0x1000000001140: "
		      "3 bytes beside a buffer on its page were written\n");
}

static void writes_beside_a_buffer(void **state)
{
	find_writes_beside_a_buffer(false);
	stop(state);
	find_writes_beside_a_buffer(true);
}

static void find_bytes_that_leak_beside_a_buffer(bool packed)
{
	start(packed);
	memcpy(ram + DATA + 1000, "secret", 6);
	memcpy(ram + DATA + PAGE + 1000, "secret", 6); /* nobody looks at this page */
	offer(at(DATA), 64, false);
	assert_int_equal(pop(), 1);
	push_and_reap(0);
	vmsg_vq_device_stop(&device);
	vmsg_vq_driver_stop(&driver);
	for (int i = 0; i < 2; i++) {
		assert_log(i, "contract: driver 0x0001, queue 3, descriptor 0, address "
			      "0x10000000013e8: 6 bytes beside the buffers on a shared page leak "
			      "to the device\n");
	}
}

static void bytes_that_leak_beside_a_buffer(void **state)
{
	find_bytes_that_leak_beside_a_buffer(false);
	stop(state);
	find_bytes_that_leak_beside_a_buffer(true);
}

/* What is on its way when a queue stops may be filled already. */
static void a_queue_stopped_at_work_proves_nothing(void **state)
{
	(void)state;
	start(false);
	offer(at(DATA), 64, false);
	assert_int_equal(pop(), 1);
	push_and_reap(0);
	memset(ram + DATA + 512, 7, 32);
	offer(at(DATA + 512), 32, false);
	vmsg_vq_device_stop(&device);
	assert_log(1, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CONTRACT_TEST(name) cmocka_unit_test_teardown(name, stop)
		CONTRACT_TEST(honest_work_is_not_reported),
		CONTRACT_TEST(a_descriptor_outside_every_area),
		CONTRACT_TEST(use_after_unshare),
		CONTRACT_TEST(writes_into_a_device_readable_buffer),
		CONTRACT_TEST(writes_beside_a_buffer),
		CONTRACT_TEST(bytes_that_leak_beside_a_buffer),
		CONTRACT_TEST(a_queue_stopped_at_work_proves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
