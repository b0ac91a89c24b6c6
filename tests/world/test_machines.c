/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver and device machine joined by the codec, in virtual time: every dialect, every message
 * lost, doubled or forged in turn, a config that changes at every step, a reset at every step.
 */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define DEV_NUM 9
#define RAM     0x8000u
#define CONFIG  200u
#define STEPS   200
#define TIMEOUT 5000000000ull

static _Alignas(4096) uint8_t ram[RAM];
static uint8_t config_copy[CONFIG];

struct pair {
	const struct vmsg_profile *profile;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[2];
	struct vmsg_device device;
	struct vmsg_driver driver;
	uint8_t config[CONFIG];
	uint64_t now;
	int exchange; /* number of the request on its way */
	int lose;     /* the answer to this one is lost */
	int repeat;   /* the answer to this one comes twice */
	int forge;    /* the answer to this one is changed by... */
	void (*forgery)(struct vmsg_message *answer);
	int restless; /* the config changes with so many requests, the next ones */
	bool refuses_writes;
	bool slow;       /* resets take a while */
	int reset_polls; /* ... this many looks */
	int kicks;
};

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct pair *pair = context;

	memcpy(out.data, pair->config + offset, out.size);
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	struct pair *pair = context;

	if (pair->refuses_writes) {
		return VMSG_ERROR_RANGE;
	}
	memcpy(pair->config + offset, in.data, in.size);
	return 0;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct pair *pair = context;

	(void)index;
	(void)queue;
	pair->kicks++;
}

static int reset(void *context)
{
	const struct pair *pair = context;

	return pair->slow ? 0 : 1;
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.write_config = write_config,
	.kick = kick,
	.reset = reset,
};

static const struct vmsg_device_info info = {
	.device_id = 42,
	.vendor_id = 7,
	.config_size = CONFIG,
	.queue_count = 3,
	.queue_size_max = 8,
};

static void open_pair(struct pair *pair, enum vmsg_profile_id profile)
{
	const struct vmsg_segment segment = { ram, RAM };

	memset(pair, 0, sizeof(*pair));
	pair->profile = vmsg_profile(profile);
	pair->lose = pair->repeat = pair->forge = -1;
	for (unsigned int i = 0; i < CONFIG; i++) {
		pair->config[i] = 1;
	}
	vmsg_memory_init(&pair->memory, pair->areas, 2, pair->profile->area_id_shift);
	assert_int_equal(vmsg_memory_add(&pair->memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_device_init(&pair->device, DEV_NUM, &info, &ops, pair), 0);
	vmsg_device_attach(&pair->device, pair->profile, &pair->memory,
			   pair->profile->frame_size_max, 0);
	const struct vmsg_driver_options options = {
		.profile = pair->profile,
		.dev_num = DEV_NUM,
		.frame_size_max = pair->profile->frame_size_max,
		.features = { 1u << VMSG_F_EVENT_IDX, 3 | 1u << (VMSG_F_RING_RESET - 32) },
		.request_timeout_ns = TIMEOUT,
		.config_buffer = config_copy,
		.config_buffer_size = sizeof(config_copy),
	};
	assert_int_equal(vmsg_driver_init(&pair->driver, &options), 0);
}

/* Through bytes and back: what the machines say must be sayable. */
static void cross(const struct pair *pair, struct vmsg_message *message, uint8_t frame[128])
{
	const int size =
		vmsg_encode(pair->profile, message,
			    (struct vmsg_span){ frame, pair->profile->frame_size_max }, NULL);
	assert_true(size > 0);
	assert_int_equal(vmsg_decode(pair->profile, (struct vmsg_bytes){ frame, (size_t)size },
				     message, NULL),
			 0);
}

static void deliver(struct pair *pair, struct vmsg_message *message)
{
	uint8_t frame[128];
	uint8_t answer_frame[128];
	struct vmsg_message answer;
	const int number = pair->exchange;

	pair->exchange += message->header.kind == VMSG_REQUEST;
	if (pair->restless > 0) {
		pair->restless--;
		memset(pair->config, pair->exchange, CONFIG);
		vmsg_device_config_changed(&pair->device, 0, CONFIG);
	}
	if (pair->device.resetting && pair->reset_polls-- <= 0) {
		vmsg_device_reset_done(&pair->device);
	}
	cross(pair, message, frame);
	assert_int_equal(vmsg_device_input(&pair->device, pair->now, message), 0);
	if (vmsg_device_output(&pair->device, &answer) != 1 || number == pair->lose) {
		return;
	}
	cross(pair, &answer, answer_frame);
	if (number == pair->forge) {
		pair->forgery(&answer);
	}
	for (int i = 0; i < (number == pair->repeat ? 2 : 1); i++) {
		(void)!vmsg_driver_input(&pair->driver, pair->now, &answer);
	}
}

/* Moves until `kind` is told; returns the last event, FAILED included. Time passes when nothing
 * else can happen. */
static struct vmsg_driver_event await(struct pair *pair, enum vmsg_driver_event_kind kind)
{
	struct vmsg_driver_event event;
	struct vmsg_message message;

	for (int step = 0; step < STEPS; step++) {
		while (vmsg_driver_output(&pair->driver, &message) == 1) {
			deliver(pair, &message);
		}
		while (vmsg_driver_event(&pair->driver, &event) == 1) {
			if (event.kind == kind || event.kind == VMSG_DRIVER_EVENT_FAILED) {
				return event;
			}
		}
		const uint64_t deadline = vmsg_driver_deadline(&pair->driver);
		assert_true(deadline != UINT64_MAX); /* else it would wait for ever */
		pair->now = deadline > pair->now ? deadline : pair->now;
		vmsg_driver_tick(&pair->driver, pair->now);
	}
	fail_msg("no event %d in %d steps", (int)kind, STEPS);
	return event;
}

static bool bring_up(struct pair *pair)
{
	const uint64_t base = 1ull << pair->profile->area_id_shift;
	const struct vmsg_vq_layout layout = { .size = 8,
					       .desc_addr = base,
					       .driver_addr = base + 0x1000,
					       .device_addr = base + 0x2000 };

	assert_int_equal(vmsg_driver_start(&pair->driver, pair->now), 0);
	if (await(pair, VMSG_DRIVER_EVENT_CONFIGURABLE).kind == VMSG_DRIVER_EVENT_FAILED) {
		return false;
	}
	assert_int_equal(vmsg_driver_setup_queue(&pair->driver, pair->now, 1, &layout), 0);
	if (await(pair, VMSG_DRIVER_EVENT_QUEUE_READY).kind == VMSG_DRIVER_EVENT_FAILED) {
		return false;
	}
	assert_int_equal(vmsg_driver_ready(&pair->driver, pair->now), 0);
	return await(pair, VMSG_DRIVER_EVENT_RUNNING).kind == VMSG_DRIVER_EVENT_RUNNING;
}

static void every_dialect_brings_a_device_up(void **state)
{
	(void)state;
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		struct pair pair;
		struct vmsg_message message;
		open_pair(&pair, (enum vmsg_profile_id)id);
		assert_true(bring_up(&pair));
		assert_int_equal(pair.driver.info.device_id, 42);
		assert_int_equal(pair.driver.queues[2].max_size, 8);
		assert_true(pair.device.queues[1].enabled);
		assert_false(pair.device.queues[0].enabled);
		assert_int_equal(pair.device.status, 15);
		assert_int_equal(vmsg_driver_kick(&pair.driver, 1, 0), 0);
		assert_int_equal(vmsg_driver_kick(&pair.driver, 1, 0), 0);
		while (vmsg_driver_output(&pair.driver, &message) == 1) {
			deliver(&pair, &message);
		}
		assert_int_equal(pair.kicks, 1); /* two became one */
	}
}

static void a_config_of_several_messages_is_read_whole(void **state)
{
	(void)state;
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		struct pair pair;
		open_pair(&pair, (enum vmsg_profile_id)id);
		assert_true(bring_up(&pair));
		for (unsigned int i = 0; i < CONFIG; i++) {
			pair.config[i] = (uint8_t)i;
		}
		assert_int_equal(vmsg_driver_read_config(&pair.driver, pair.now, 0, CONFIG), 0);
		const struct vmsg_driver_event event = await(&pair, VMSG_DRIVER_EVENT_CONFIG);
		assert_int_equal(event.kind, VMSG_DRIVER_EVENT_CONFIG);
		assert_int_equal(event.data.size, CONFIG);
		assert_memory_equal(event.data.data, pair.config, CONFIG);
	}
}

/* It changes between any two messages for as long as it likes: what is told is one config, whole.
 * The restless config has the number of the message in every byte. */
static void a_torn_config_is_never_told(void **state)
{
	(void)state;
	for (int i = 0; i < 40 * VMSG_PROFILE_COUNT; i++) {
		struct pair pair;
		const int id = i / 40;
		if (id < VMSG_PROFILE_R0) {
			continue;
		}
		open_pair(&pair, (enum vmsg_profile_id)id);
		assert_true(bring_up(&pair));
		pair.restless = i % 40 + 1;
		assert_int_equal(vmsg_driver_read_config(&pair.driver, pair.now, 0, CONFIG), 0);
		const struct vmsg_driver_event event = await(&pair, VMSG_DRIVER_EVENT_CONFIG);
		if (event.kind == VMSG_DRIVER_EVENT_FAILED) { /* it tries so often, no more */
			assert_int_equal(event.error, VMSG_ERROR_AGAIN);
			assert_true(i % 40 > 2);
			continue;
		}
		assert_int_equal(event.data.size, CONFIG);
		for (uint32_t k = 1; k < CONFIG; k++) {
			assert_int_equal(event.data.data[k], event.data.data[0]);
		}
	}
	/* and when it never rests */
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		struct pair pair;
		open_pair(&pair, (enum vmsg_profile_id)id);
		assert_true(bring_up(&pair));
		pair.restless = INT32_MAX;
		assert_int_equal(vmsg_driver_read_config(&pair.driver, pair.now, 0, CONFIG), 0);
		const struct vmsg_driver_event event = await(&pair, VMSG_DRIVER_EVENT_CONFIG);
		assert_int_equal(event.kind, VMSG_DRIVER_EVENT_FAILED);
		assert_int_equal(event.error, VMSG_ERROR_AGAIN);
	}
}

static void a_config_write_arrives(void **state)
{
	(void)state;
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		static const uint8_t data[] = { 7, 8, 9 };
		struct pair pair;
		open_pair(&pair, (enum vmsg_profile_id)id);
		assert_true(bring_up(&pair));
		assert_int_equal(vmsg_driver_write_config(&pair.driver, pair.now, 5,
							  (struct vmsg_bytes){ data, 3 }),
				 0);
		assert_int_equal(await(&pair, VMSG_DRIVER_EVENT_CONFIG_WRITTEN).error, 0);
		assert_memory_equal(pair.config + 5, data, 3);
	}
}

static void a_lost_answer_fails_by_the_clock(void **state)
{
	(void)state;
	for (int lose = 0;; lose++) {
		struct pair pair;
		open_pair(&pair, VMSG_PROFILE_R3);
		pair.lose = lose;
		if (bring_up(&pair)) {
			assert_true(lose >= 12); /* the whole start has been through it */
			return;
		}
		assert_int_equal(pair.driver.error, VMSG_ERROR_TIMEOUT);
		assert_true(pair.now >= TIMEOUT && pair.now < 2 * TIMEOUT);
		/* and it can start again */
		pair.lose = -1;
		assert_true(bring_up(&pair));
	}
}

static void an_answer_that_comes_twice_is_counted(void **state)
{
	(void)state;
	for (int repeat = 0; repeat < 12; repeat++) {
		struct pair pair;
		open_pair(&pair, VMSG_PROFILE_R3);
		pair.repeat = repeat;
		assert_true(bring_up(&pair));
		assert_int_equal(pair.driver.late, 1);
	}
}

static void forge_numbers(struct vmsg_message *answer)
{
	switch (answer->header.type) {
	case VMSG_GET_DEVICE_INFO:
		answer->body.get_device_info_response.device_id = 0;
		break;
	case VMSG_GET_DEVICE_FEATURES:
		answer->body.get_device_features_response.num_blocks = 1;
		break;
	case VMSG_SET_DEVICE_STATUS:
		answer->body.set_device_status_response.status |= VMSG_STATUS_FAILED;
		break;
	case VMSG_GET_VQUEUE:
		answer->body.get_vqueue_response.index++;
		break;
	default:
		answer->header.type = VMSG_PING;
		break;
	}
}

static void forge_confirmation(struct vmsg_message *answer)
{
	if (answer->header.type == VMSG_GET_VQUEUE) {
		answer->body.get_vqueue_response.desc_addr ^= 16;
	} else {
		forge_numbers(answer);
	}
}

static void a_lying_device_fails_the_driver(void **state)
{
	(void)state;
	for (int forge = 0; forge < 13; forge++) {
		struct pair pair;
		if (forge == 1) {
			continue; /* a reset that is not done yet: looked at again, and fine */
		}
		open_pair(&pair, VMSG_PROFILE_R3);
		pair.forge = forge;
		/* the queue's confirmation is the one answer where an address matters */
		pair.forgery = forge == 11 ? forge_confirmation : forge_numbers;
		assert_false(bring_up(&pair));
		assert_true(pair.driver.error == VMSG_ERROR_PEER ||
			    pair.driver.error == VMSG_ERROR_TIMEOUT);
		assert_int_equal(pair.driver.state, VMSG_DRIVER_FAILED);
	}
}

static void a_slow_reset_is_waited_for(void **state)
{
	(void)state;
	struct pair pair;

	open_pair(&pair, VMSG_PROFILE_R3);
	assert_true(bring_up(&pair));
	pair.slow = true;
	pair.reset_polls = 5;
	assert_int_equal(vmsg_driver_reset(&pair.driver, pair.now), 0);
	assert_int_equal(await(&pair, VMSG_DRIVER_EVENT_RESET_DONE).kind,
			 VMSG_DRIVER_EVENT_RESET_DONE);
	assert_true(pair.now > 0);
	pair.slow = false;
	assert_true(bring_up(&pair));
}

static void a_reset_without_end_is_given_up(void **state)
{
	(void)state;
	struct pair pair;

	open_pair(&pair, VMSG_PROFILE_R3);
	assert_true(bring_up(&pair));
	pair.slow = true;
	pair.reset_polls = 1 << 30;
	assert_int_equal(vmsg_driver_reset(&pair.driver, pair.now), 0);
	struct vmsg_driver_event event = { .kind = VMSG_DRIVER_EVENT_USED };
	for (int step = 0; step < 20000 && event.kind != VMSG_DRIVER_EVENT_FAILED; step++) {
		struct vmsg_message message;
		while (vmsg_driver_output(&pair.driver, &message) == 1) {
			deliver(&pair, &message);
		}
		if (vmsg_driver_event(&pair.driver, &event) != 1) {
			pair.now = vmsg_driver_deadline(&pair.driver);
			vmsg_driver_tick(&pair.driver, pair.now);
		}
	}
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_FAILED);
	assert_int_equal(event.error, VMSG_ERROR_TIMEOUT);
}

static void a_reset_at_every_step_leads_to_a_clean_device(void **state)
{
	(void)state;
	for (int i = 0; i < 14 * VMSG_PROFILE_COUNT; i++) {
		struct pair pair;
		struct vmsg_message message;
		struct vmsg_driver_event event;
		if (i / 14 < VMSG_PROFILE_R0) {
			continue;
		}
		open_pair(&pair, (enum vmsg_profile_id)(i / 14));
		assert_int_equal(vmsg_driver_start(&pair.driver, pair.now), 0);
		for (int step = 0; step < i % 14; step++) {
			if (vmsg_driver_output(&pair.driver, &message) == 1) {
				deliver(&pair, &message);
			}
		}
		assert_int_equal(vmsg_driver_reset(&pair.driver, pair.now), 0);
		event = await(&pair, VMSG_DRIVER_EVENT_RESET_DONE);
		assert_int_equal(event.kind, VMSG_DRIVER_EVENT_RESET_DONE);
		assert_int_equal(pair.device.status, 0);
		assert_true(bring_up(&pair));
	}
}

/* The device may refuse a write, and a driver that is told so goes on. */
static void a_refused_write_is_told(void **state)
{
	static const uint8_t data[] = { 7, 8, 9 };

	(void)state;
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		struct pair pair;
		open_pair(&pair, (enum vmsg_profile_id)id);
		assert_true(bring_up(&pair));
		pair.refuses_writes = true;
		assert_int_equal(vmsg_driver_write_config(&pair.driver, pair.now, 5,
							  (struct vmsg_bytes){ data, 3 }),
				 0);
		struct vmsg_driver_event event = await(&pair, VMSG_DRIVER_EVENT_CONFIG_WRITTEN);
		assert_int_equal(event.kind, VMSG_DRIVER_EVENT_CONFIG_WRITTEN);
		assert_int_equal(event.error, VMSG_ERROR_PEER);
		assert_int_equal(pair.config[5], 1);
		assert_int_equal(pair.driver.state, VMSG_DRIVER_RUNNING);
		pair.refuses_writes = false;
		assert_int_equal(vmsg_driver_write_config(&pair.driver, pair.now, 5,
							  (struct vmsg_bytes){ data, 3 }),
				 0);
		event = await(&pair, VMSG_DRIVER_EVENT_CONFIG_WRITTEN);
		assert_int_equal(event.error, 0);
		assert_memory_equal(pair.config + 5, data, 3);
	}
}

static void events_become_the_drivers_events(void **state)
{
	(void)state;
	struct pair pair;
	struct vmsg_message message;
	struct vmsg_driver_event event;
	uint8_t frame[128];

	open_pair(&pair, VMSG_PROFILE_R3);
	assert_true(bring_up(&pair));
	pair.device.used_events = 1u << 1;
	vmsg_device_config_changed(&pair.device, 3, 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vmsg_device_event(&pair.device, &message), 1);
		cross(&pair, &message, frame);
		assert_int_equal(vmsg_driver_input(&pair.driver, pair.now, &message), 0);
	}
	assert_int_equal(vmsg_driver_event(&pair.driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_CONFIG_CHANGED);
	assert_int_equal(vmsg_driver_event(&pair.driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_USED);
	assert_int_equal(event.queue, 1);
	vmsg_device_needs_reset(&pair.device);
	assert_int_equal(vmsg_device_event(&pair.device, &message), 1);
	assert_int_equal(vmsg_driver_input(&pair.driver, pair.now, &message), 0);
	assert_int_equal(vmsg_driver_event(&pair.driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_NEEDS_RESET);
}

static void operations_keep_to_their_states(void **state)
{
	(void)state;
	struct pair pair;
	const struct vmsg_vq_layout layout = { .size = 16 };

	open_pair(&pair, VMSG_PROFILE_R3);
	assert_int_equal(vmsg_driver_ready(&pair.driver, 0), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_driver_read_config(&pair.driver, 0, 0, 1), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_driver_kick(&pair.driver, 1, 0), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_driver_start(&pair.driver, 0), 0);
	assert_int_equal(vmsg_driver_start(&pair.driver, 0), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_driver_get_shm(&pair.driver, 0, 0), VMSG_ERROR_AGAIN);
	assert_int_equal(await(&pair, VMSG_DRIVER_EVENT_CONFIGURABLE).kind,
			 VMSG_DRIVER_EVENT_CONFIGURABLE);
	assert_int_equal(vmsg_driver_setup_queue(&pair.driver, 0, 1, &layout), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_setup_queue(&pair.driver, 0, 3, &layout), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_read_config(&pair.driver, 0, CONFIG, 1), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_read_config(&pair.driver, 0, UINT32_MAX, 2), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_reset_queue(&pair.driver, 0, 1), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_get_shm(&pair.driver, 0, 4), 0);
	const struct vmsg_driver_event event = await(&pair, VMSG_DRIVER_EVENT_SHM);
	assert_int_equal(event.shm_length, 0); /* there is no such region */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dialect_brings_a_device_up),
		cmocka_unit_test(a_config_of_several_messages_is_read_whole),
		cmocka_unit_test(a_torn_config_is_never_told),
		cmocka_unit_test(a_config_write_arrives),
		cmocka_unit_test(a_refused_write_is_told),
		cmocka_unit_test(a_lost_answer_fails_by_the_clock),
		cmocka_unit_test(an_answer_that_comes_twice_is_counted),
		cmocka_unit_test(a_lying_device_fails_the_driver),
		cmocka_unit_test(a_slow_reset_is_waited_for),
		cmocka_unit_test(a_reset_without_end_is_given_up),
		cmocka_unit_test(a_reset_at_every_step_leads_to_a_clean_device),
		cmocka_unit_test(events_become_the_drivers_events),
		cmocka_unit_test(operations_keep_to_their_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
