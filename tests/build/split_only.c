/* SPDX-License-Identifier: BSD-3-Clause */
/* A library without packed queues (VMSG_QUEUE_PACKED=0): refuses them, negotiates none, and runs
 * split ones. */
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define SIZE    4u
#define DESC    0x0000u
#define DRIVER  0x1000u
#define DEVICE  0x2000u
#define DATA    0x3000u
#define RAM     0x4000u
#define DEV_NUM 3
#define PACKED  (1u << VMSG_F_RING_PACKED % 32)

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory_area areas[2];
static struct vmsg_memory memory;
static struct vmsg_vq_driver_slot slots[SIZE];
static struct vmsg_driver driver;
static struct vmsg_device device;

static uint64_t at(uint32_t offset)
{
	return 1ull << 48 | offset;
}

static struct vmsg_vq_layout layout(bool packed)
{
	return (struct vmsg_vq_layout){
		.size = SIZE,
		.packed = packed,
		.desc_addr = at(DESC),
		.driver_addr = at(DRIVER),
		.device_addr = at(DEVICE),
	};
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	(void)context;
	(void)index;
	(void)queue;
}

static const struct vmsg_device_ops ops = { .kick = kick };
static const struct vmsg_device_info info = {
	.device_id = 99,
	.features = { 0, PACKED }, /* as somebody may who does not know of the choice */
	.queue_count = 1,
	.queue_size_max = SIZE,
};

static int start(void **state)
{
	const struct vmsg_segment segment = { ram, RAM };
	const struct vmsg_driver_options options = {
		.profile = vmsg_profile(VMSG_PROFILE_R3),
		.dev_num = DEV_NUM,
		.frame_size_max = 96,
		.features = { 0, PACKED },
		.request_timeout_ns = 1000,
	};

	(void)state;
	memset(ram, 0x5a, sizeof(ram));
	vmsg_memory_init(&memory, areas, 2, options.profile->area_id_shift);
	assert_int_equal(vmsg_memory_add(&memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_driver_init(&driver, &options), 0);
	assert_int_equal(vmsg_device_init(&device, DEV_NUM, &info, &ops, NULL), 0);
	vmsg_device_attach(&device, options.profile, &memory, 96, 0);
	return 0;
}

static void a_packed_queue_is_refused(void **state)
{
	(void)state;
	const struct vmsg_vq_layout packed = layout(true);
	struct vmsg_vq_driver driver_side;
	struct vmsg_vq_device device_side;
	struct vmsg_vq_chain chain = { 0 };

	assert_int_equal(vmsg_vq_driver_start(&driver_side, &memory, &packed, slots),
			 VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_vq_device_start(&device_side, &memory, &packed), VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_vq_device_pop(&device_side, &chain), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_memory_remove(&memory, 1), 0); /* nobody holds it */
}

static void a_split_queue_runs(void **state)
{
	(void)state;
	const struct vmsg_vq_layout split = layout(false);
	const struct vmsg_vq_buffer buffers[] = { { at(DATA), 16, false },
						  { at(DATA + 64), 32, true } };
	struct vmsg_vq_driver driver_side;
	struct vmsg_vq_device device_side;
	struct vmsg_vq_piece pieces[2];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 2 };
	void *back;
	uint32_t written;

	assert_int_equal(vmsg_vq_driver_start(&driver_side, &memory, &split, slots), 0);
	assert_int_equal(vmsg_vq_device_start(&device_side, &memory, &split), 0);
	for (uint32_t i = 0; i < 3 * SIZE; i++) {
		assert_int_equal(vmsg_vq_driver_add(&driver_side, buffers, 2, &back), 0);
		assert_int_equal(vmsg_vq_device_pop(&device_side, &chain), 1);
		assert_int_equal(chain.count, 2);
		assert_int_equal(chain.readable_count, 1);
		assert_int_equal(vmsg_vq_device_push(&device_side, chain.head, i), 0);
		assert_int_equal(vmsg_vq_driver_reap(&driver_side, &back, &written), 1);
		assert_ptr_equal(back, &back);
		assert_int_equal(written, i);
	}
}

/* The machines against each other, with features that the wire adds to those of the device. */
static uint32_t negotiate(uint32_t added)
{
	struct vmsg_message message;
	uint8_t words[4 * VMSG_FEATURE_BLOCKS_MAX];
	uint32_t offered = 0;

	assert_int_equal(vmsg_driver_start(&driver, 0), 0);
	while (vmsg_driver_output(&driver, &message) == 1) {
		struct vmsg_message answer;
		assert_int_equal(vmsg_device_input(&device, 0, &message), 0);
		assert_int_equal(vmsg_device_output(&device, &answer), 1);
		if (answer.header.type == VMSG_GET_DEVICE_FEATURES) {
			struct vmsg_bytes *features =
				&answer.body.get_device_features_response.features;
			assert_true(features->size >= 8 && features->size <= sizeof(words));
			memcpy(words, features->data, features->size);
			offered = vmsg_load_le32(words + 4);
			vmsg_store_le32(words + 4, offered | added);
			features->data = words;
		}
		assert_int_equal(vmsg_driver_input(&driver, 0, &answer), 0);
	}
	assert_int_equal(driver.state, VMSG_DRIVER_CONFIGURABLE);
	return offered;
}

static void a_device_does_not_offer_them(void **state)
{
	(void)state;
	const uint32_t offered = negotiate(0);

	assert_true(offered & 1u << VMSG_F_VERSION_1 % 32);
	assert_false(offered & PACKED);
}

static void a_driver_does_not_take_them(void **state)
{
	(void)state;
	(void)negotiate(PACKED);
	assert_true(vmsg_driver_has_feature(&driver, VMSG_F_VERSION_1));
	assert_false(vmsg_driver_has_feature(&driver, VMSG_F_RING_PACKED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_packed_queue_is_refused, start),
		cmocka_unit_test_setup(a_split_queue_runs, start),
		cmocka_unit_test_setup(a_device_does_not_offer_them, start),
		cmocka_unit_test_setup(a_driver_does_not_take_them, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
