/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-rng, through a real ring. */
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "devices/devices.h"
#include "virtio_msg_ffa/proto.h"

#define RAM     0x40000u
#define DATA    0x4000u
#define ENTRIES 64u

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory memories[2]; /* the device's and the driver's */
static struct vmsg_memory_area areas[2];
static struct vmsg_vq_driver_slot slots[ENTRIES];
static struct vmsg_vq_driver ring;
static struct emu_device *device;

static uint64_t at(uint64_t offset)
{
	return 1ull << 48 | offset;
}

static void send(enum vmsg_type type, struct vmsg_message message)
{
	struct vmsg_message reply;

	message.header.type = type;
	message.header.kind = type == VMSG_EVENT_AVAIL ? VMSG_EVENT : VMSG_REQUEST;
	assert_int_equal(vmsg_device_input(&device->machine, 0, &message), 0);
	(void)vmsg_device_output(&device->machine, &reply);
}

static void set_status(uint32_t status)
{
	struct vmsg_message message = { .header = { .dev_num = 0 } };

	message.body.set_device_status_request.status = status;
	send(VMSG_SET_DEVICE_STATUS, message);
	assert_int_equal(device->machine.status, status);
}

static int bring_up(void **state)
{
	const struct vmsg_segment segment = { ram, RAM };
	const struct vmsg_vq_layout layout = { .size = ENTRIES,
					       .desc_addr = at(0),
					       .driver_addr = at(0x1000),
					       .device_addr = at(0x2000) };
	static const uint8_t words[8] = { [4] = 1 }; /* VERSION_1 */
	struct vmsg_message message = { .header = { .dev_num = 0 } };
	char why[256] = "";

	(void)state;
	memset(ram, 0, sizeof(ram));
	device = emu_device_open("rng", 0, why, sizeof(why));
	assert_non_null(device);
	for (int i = 0; i < 2; i++) {
		vmsg_memory_init(&memories[i], &areas[i], 1, 48);
		assert_int_equal(vmsg_memory_add(&memories[i], 1, &segment, 1, true, 0), 0);
	}
	vmsg_device_attach(&device->machine, vmsg_profile(VMSG_PROFILE_R3), &memories[0], 104, 0);
	assert_int_equal(vmsg_vq_driver_start(&ring, &memories[1], &layout, slots), 0);
	set_status(3);
	message.body.set_driver_features_request =
		(struct vmsg_features){ 0, 2, { words, sizeof(words) } };
	send(VMSG_SET_DRIVER_FEATURES, message);
	set_status(11);
	message.body.set_vqueue_request =
		(struct vmsg_set_vqueue_request){ .flags = VMSG_SET_VQUEUE_ENABLE,
						  .size = ENTRIES,
						  .desc_addr = layout.desc_addr,
						  .driver_addr = layout.driver_addr,
						  .device_addr = layout.device_addr };
	send(VMSG_SET_VQUEUE, message);
	set_status(15);
	return 0;
}

static int put_away(void **state)
{
	(void)state;
	emu_device_close(device);
	return 0;
}

static void kick(void)
{
	send(VMSG_EVENT_AVAIL, (struct vmsg_message){ .header = { .dev_num = 0 } });
}

static void every_writable_byte_is_filled(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer pieces[] = { { at(DATA), 1000, true },
						 { at(DATA + 2000), 500, true } };
	uint32_t written;
	void *cookie;
	unsigned int zeros = 0;

	assert_int_equal(vmsg_vq_driver_add(&ring, pieces, 2, &ring), 0);
	kick();
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, &written), 1);
	assert_int_equal(written, 1500);
	for (unsigned int i = 0; i < 1000; i++) {
		zeros += ram[DATA + i] == 0;
	}
	assert_true(zeros < 50); /* about 4 in 1000 */
	for (unsigned int i = 1000; i < 2000; i++) {
		assert_int_equal(ram[DATA + i], 0); /* and none beside it */
	}
	assert_int_equal(ram[DATA + 2500], 0);
}

static void two_answers_differ(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer first = { at(DATA), 32, true };
	const struct vmsg_vq_buffer second = { at(DATA + 32), 32, true };

	assert_int_equal(vmsg_vq_driver_add(&ring, &first, 1, &ring), 0);
	assert_int_equal(vmsg_vq_driver_add(&ring, &second, 1, &ring), 0);
	kick();
	assert_memory_not_equal(ram + DATA, ram + DATA + 32, 32);
}

static void nothing_to_write_is_an_error_of_the_driver(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer readable = { at(DATA), 32, false };
	uint32_t written;
	void *cookie;

	assert_int_equal(vmsg_vq_driver_add(&ring, &readable, 1, &ring), 0);
	kick();
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, &written), 1);
	assert_int_equal(written, 0);
	assert_int_equal(device->errors, 1);
	assert_int_equal(ram[DATA], 0);
}

static void one_chain_gets_only_so_much(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer huge = { at(DATA), 0x20000, true };
	uint32_t written;
	void *cookie;

	assert_int_equal(vmsg_vq_driver_add(&ring, &huge, 1, &ring), 0);
	kick();
	assert_int_equal(vmsg_vq_driver_reap(&ring, &cookie, &written), 1);
	assert_int_equal(written, 65536);
	assert_int_equal(ram[DATA + 65536], 0);
}

static void a_full_queue_is_served_in_turns(void **state)
{
	(void)state;
	const struct vmsg_vq_buffer piece = { at(DATA), 1, true };
	uint32_t written;
	uint32_t count = 0;
	void *cookie;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(vmsg_vq_driver_add(&ring, &piece, 1, &ring), 0);
	}
	kick();
	assert_true(vmsg_device_deadline(&device->machine) == 0);
	vmsg_device_tick(&device->machine, 0);
	assert_true(vmsg_device_deadline(&device->machine) == UINT64_MAX);
	while (vmsg_vq_driver_reap(&ring, &cookie, &written) == 1) {
		count++;
	}
	assert_int_equal(count, ENTRIES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bring_up, put_away)
	const struct CMUnitTest tests[] = {
		TEST(every_writable_byte_is_filled),
		TEST(two_answers_differ),
		TEST(nothing_to_write_is_an_error_of_the_driver),
		TEST(one_chain_gets_only_so_much),
		TEST(a_full_queue_is_served_in_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
