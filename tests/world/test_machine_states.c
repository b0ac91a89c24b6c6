/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every message in every state of a driver machine, against a list written from the specification:
 * in each state it waits for one answer or for none, and hears of config and of used buffers, or
 * does not. Whatever else comes changes nothing. (wire-revisions 6.1)
 */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define DEV_NUM 9
#define CONFIG  8u

enum state {
	IDLE,
	STARTING,
	CONFIGURABLE,
	SETTING_QUEUE,
	CONFIRMING_QUEUE,
	READING,
	WRITING,
	ASKING_SHM, /* since r1 */
	FINISHING,
	RUNNING,
	RESETTING_QUEUE,
	RESETTING,
	LOOKING, /* at a reset that takes its time: r3 */
	HAS_FAILED,
	FREEZING,
	FROZEN,
	RESTORING,
	STATES
};

static const struct {
	enum vmsg_type answer; /* that it waits for */
	bool hears_config, hears_used;
} list[STATES] = {
	[IDLE] = { VMSG_NONE, false, false },
	[STARTING] = { VMSG_GET_DEVICE_INFO, false, false },
	[CONFIGURABLE] = { VMSG_NONE, true, false },
	[SETTING_QUEUE] = { VMSG_SET_VQUEUE, true, false },
	[CONFIRMING_QUEUE] = { VMSG_GET_VQUEUE, true, false },
	[READING] = { VMSG_GET_CONFIG, true, false },
	[WRITING] = { VMSG_SET_CONFIG, true, false },
	[ASKING_SHM] = { VMSG_GET_SHM, true, false },
	[FINISHING] = { VMSG_SET_DEVICE_STATUS, true, true },
	[RUNNING] = { VMSG_NONE, true, true },
	[RESETTING_QUEUE] = { VMSG_RESET_VQUEUE, true, false },
	[RESETTING] = { VMSG_SET_DEVICE_STATUS, false, false },
	[LOOKING] = { VMSG_GET_DEVICE_STATUS, false, false },
	[HAS_FAILED] = { VMSG_NONE, false, false },
	[FREEZING] = { VMSG_SET_DEVICE_STATUS, false, false },
	[FROZEN] = { VMSG_NONE, false, false },
	[RESTORING] = { VMSG_GET_DEVICE_INFO, false, false },
};

/* ---- a driver, and a device that is right ---- */

static _Alignas(4096) uint8_t ram[0x4000];
static struct vmsg_memory memory;
static struct vmsg_memory_area areas[1];
static struct vmsg_device device;
static struct vmsg_driver driver;
static uint8_t config[CONFIG];
static bool is_slow;
static uint64_t now;

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	(void)context;
	(void)index;
	(void)queue;
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	(void)context;
	memcpy(out.data, config + offset, out.size);
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	(void)context;
	memcpy(config + offset, in.data, in.size);
	return 0;
}

static int reset(void *context)
{
	(void)context;
	return !is_slow;
}

static void begin(const struct vmsg_profile *profile)
{
	static const struct vmsg_device_ops ops = { .kick = kick,
						    .read_config = read_config,
						    .write_config = write_config,
						    .reset = reset };
	static const struct vmsg_device_info info = {
		.device_id = 2,
		.features = { 0, 1u << (VMSG_F_RING_RESET - 32) },
		.config_size = CONFIG,
		.queue_count = 1,
		.queue_size_max = 8,
	};
	static uint8_t buffer[CONFIG];
	const struct vmsg_segment segment = { ram, sizeof(ram) };
	const struct vmsg_driver_options options = {
		.profile = profile,
		.dev_num = DEV_NUM,
		.frame_size_max = profile->frame_size_max,
		.features = { 0, 1u << (VMSG_F_RING_RESET - 32) },
		.request_timeout_ns = 1000000000,
		.config_buffer = buffer,
		.config_buffer_size = sizeof(buffer),
	};

	is_slow = false;
	vmsg_memory_init(&memory, areas, 1, profile->area_id_shift);
	assert_int_equal(vmsg_memory_add(&memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_device_init(&device, DEV_NUM, &info, &ops, NULL), 0);
	vmsg_device_attach(&device, profile, &memory, profile->frame_size_max, 0);
	assert_int_equal(vmsg_driver_init(&driver, &options), 0);
}

/* What the device answers to a request. */
static struct vmsg_message answer_to(const struct vmsg_message *request)
{
	struct vmsg_message answer = { 0 };

	assert_int_equal(vmsg_device_input(&device, now, request), 0);
	assert_int_equal(vmsg_device_output(&device, &answer), 1);
	return answer;
}

/* The next request of the driver, in flight. */
static struct vmsg_message sent(void)
{
	struct vmsg_message request = { 0 };

	assert_int_equal(vmsg_driver_output(&driver, &request), 1);
	assert_int_equal(request.header.kind, VMSG_REQUEST);
	return request;
}

static void serve_one(void)
{
	const struct vmsg_message request = sent();
	const struct vmsg_message answer = answer_to(&request);

	assert_int_equal(vmsg_driver_input(&driver, now, &answer), 0);
}

/* Until nothing is due, and what is told is taken. */
static void serve(void)
{
	struct vmsg_driver_event event;
	struct vmsg_message request;

	while (vmsg_driver_output(&driver, &request) == 1) {
		const struct vmsg_message answer = answer_to(&request);
		assert_int_equal(vmsg_driver_input(&driver, now, &answer), 0);
	}
	while (vmsg_driver_event(&driver, &event)) {
	}
}

static void set_up_queue(void)
{
	const uint64_t base = 1ull << driver.options.profile->area_id_shift;
	const struct vmsg_vq_layout layout = { .size = 8,
					       .desc_addr = base,
					       .driver_addr = base + 0x1000,
					       .device_addr = base + 0x2000 };

	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &layout), 0);
}

static void run(void)
{
	set_up_queue();
	serve();
	assert_int_equal(vmsg_driver_ready(&driver, now), 0);
	serve();
	assert_int_equal(driver.state, VMSG_DRIVER_RUNNING);
}

static void look_at_a_slow_reset(void)
{
	run();
	is_slow = true;
	assert_int_equal(vmsg_driver_reset(&driver, now), 0);
	serve_one();
	now = vmsg_driver_deadline(&driver);
	vmsg_driver_tick(&driver, now);
}

static void freeze(void)
{
	run();
	assert_int_equal(vmsg_driver_freeze(&driver, now), 0);
}

/* The request that is then in flight, if the state has one. */
static struct vmsg_message bring_to(const struct vmsg_profile *profile, enum state state)
{
	static const uint8_t byte = 7;

	now = 1000;
	begin(profile);
	if (state != IDLE) {
		assert_int_equal(vmsg_driver_start(&driver, now), 0);
	}
	if (state != IDLE && state != STARTING) {
		serve();
		assert_int_equal(driver.state, VMSG_DRIVER_CONFIGURABLE);
	}
	switch (state) {
	case IDLE:
	case STARTING:
	case CONFIGURABLE:
		break;
	case CONFIRMING_QUEUE:
		set_up_queue();
		serve_one();
		break;
	case SETTING_QUEUE:
		set_up_queue();
		break;
	case READING:
		assert_int_equal(vmsg_driver_read_config(&driver, now, 0, CONFIG), 0);
		break;
	case WRITING:
		assert_int_equal(
			vmsg_driver_write_config(&driver, now, 1, (struct vmsg_bytes){ &byte, 1 }),
			0);
		break;
	case ASKING_SHM:
		assert_int_equal(vmsg_driver_get_shm(&driver, now, 0), 0);
		break;
	case FINISHING:
		set_up_queue();
		serve();
		assert_int_equal(vmsg_driver_ready(&driver, now), 0);
		break;
	case RUNNING:
		run();
		break;
	case RESETTING_QUEUE:
		run();
		assert_int_equal(vmsg_driver_reset_queue(&driver, now, 0), 0);
		break;
	case RESETTING:
		run();
		assert_int_equal(vmsg_driver_reset(&driver, now), 0);
		break;
	case LOOKING:
		look_at_a_slow_reset();
		break;
	case HAS_FAILED:
		assert_int_equal(vmsg_driver_read_config(&driver, now, 0, CONFIG), 0);
		(void)sent();
		now = vmsg_driver_deadline(&driver);
		vmsg_driver_tick(&driver, now);
		serve(); /* it says so to the device */
		assert_int_equal(driver.state, VMSG_DRIVER_FAILED);
		break;
	case FREEZING:
		freeze();
		break;
	case FROZEN:
	case RESTORING:
		freeze();
		serve();
		assert_int_equal(driver.state, VMSG_DRIVER_FROZEN);
		if (state == RESTORING) {
			assert_int_equal(vmsg_driver_restore(&driver, now), 0);
		}
		break;
	case STATES:
		break;
	}
	return list[state].answer == VMSG_NONE ? (struct vmsg_message){ 0 } : sent();
}

/* ---- the list ---- */

static bool is_heard(enum state state, const struct vmsg_message *message)
{
	switch (message->header.type) {
	case VMSG_EVENT_CONFIG:
	case VMSG_EVENT_CONFIG_EMPTY:
		return list[state].hears_config;
	case VMSG_EVENT_USED:
		return list[state].hears_used;
	default:
		return false;
	}
}

static bool exists(const struct vmsg_profile *profile, enum state state)
{
	return (state != LOOKING || profile->allows_slow_reset) &&
	       (state != ASKING_SHM || profile->id != VMSG_PROFILE_R0);
}

/* Is it the machine that it was, but for what it counts? */
static bool is_unchanged(struct vmsg_driver before)
{
	before.late = driver.late;
	before.now_ns = driver.now_ns;
	return memcmp(&before, &driver, sizeof(driver)) == 0;
}

static unsigned int count_wrong(const struct vmsg_profile *profile, enum state state,
				const struct vmsg_message *message)
{
	static struct vmsg_driver before;
	const struct vmsg_message request = bring_to(profile, state);
	const bool is_awaited = message->header.kind == VMSG_RESPONSE &&
				message->header.type == list[state].answer &&
				message->header.type != VMSG_NONE;
	const bool is_taken =
		is_awaited || (message->header.kind == VMSG_EVENT && is_heard(state, message));
	struct vmsg_message in = *message;

	in.header.dev_num = DEV_NUM;
	in.header.token = request.header.token;
	if (is_awaited) {
		assert_int_equal(request.header.type, list[state].answer);
		in = answer_to(&request);
	}
	memcpy(&before, &driver, sizeof(driver));
	const int error = vmsg_driver_input(&driver, now, &in);
	const bool is_same = is_unchanged(before);
	if ((error == 0) == is_taken && is_same == !is_taken) {
		return 0;
	}
	print_message("# %s, state %d, %s, kind %d: error %d, %s\n", profile->name, (int)state,
		      vmsg_type_name(message->header.type), (int)message->header.kind, error,
		      is_same ? "unchanged" : "changed");
	return 1;
}

static void each_message_to_a_driver_machine_in_each_state(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		for (int i = 0; i < STATES * VMSG_TYPE_COUNT * 3; i++) {
			const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
			const enum state at = (enum state)(i % STATES);
			const struct vmsg_message message = {
				.header = { .type = (enum vmsg_type)(i / STATES / 3),
					    .kind = (enum vmsg_kind)(i / STATES % 3) },
			};
			if (exists(profile, at)) {
				wrong += count_wrong(profile, at, &message);
			}
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_to_a_driver_machine_in_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
