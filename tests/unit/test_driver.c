/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front-end machine against a device written as a script: every answer is made here, so that it
 * can be wrong. In the oldest and the newest deployed dialect.
 */
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define DEV_NUM 5
#define CONFIG  120u
#define QUEUES  3u /* the second of which is not there */
#define TIMEOUT 1000000000ull
#define FRAME   64u
#define STEPS   20 /* more than a start has messages */

enum { ACK = 1, DRIVER = 3, FEATURES_OK = 11, RUNNING = 15 };

static struct vmsg_driver driver;
static uint8_t config_buffer[CONFIG];
static uint64_t now;

/* What the scripted device knows. */
static struct {
	uint8_t status;
	uint32_t features[3];
	uint32_t generation;
	uint8_t config[CONFIG];
	uint8_t answer_data[CONFIG];
	struct vmsg_set_vqueue_request queues[QUEUES];
	bool deaf; /* SET_VQUEUE does nothing */
} peer;

static int begin(enum vmsg_profile_id profile, uint32_t transport_features)
{
	const struct vmsg_driver_options options = {
		.profile = vmsg_profile(profile),
		.dev_num = DEV_NUM,
		.frame_size_max = FRAME,
		.transport_features = transport_features,
		.features = { 0xf, 0xc0 | 1u << (VMSG_F_RING_RESET - 32), 0x100 },
		.request_timeout_ns = TIMEOUT,
		.config_buffer = config_buffer,
		.config_buffer_size = sizeof(config_buffer),
	};

	memset(&peer, 0, sizeof(peer));
	peer.features[0] = 0x5;
	peer.features[1] = 3 | 0x80 | 1u << (VMSG_F_RING_RESET - 32);
	peer.features[2] = 0x300;
	peer.generation = 40;
	for (unsigned int i = 0; i < CONFIG; i++) {
		peer.config[i] = (uint8_t)(i + 1);
	}
	now = 1000;
	return vmsg_driver_init(&driver, &options);
}

static int with_r1(void **state)
{
	(void)state;
	return begin(VMSG_PROFILE_R1, 0);
}

static int with_r3(void **state)
{
	(void)state;
	return begin(VMSG_PROFILE_R3, 0);
}

static int with_r3_strict(void **state)
{
	(void)state;
	return begin(VMSG_PROFILE_R3, VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION);
}

/* The right answer to a request. */
static struct vmsg_message answer_to(const struct vmsg_message *request)
{
	struct vmsg_message answer = { .header = request->header };
	const uint32_t queue = request->body.get_vqueue_request.index;
	const bool is_blocks = driver.options.profile->has_queue_flags;

	answer.header.kind = VMSG_RESPONSE;
	switch (request->header.type) {
	case VMSG_GET_DEVICE_INFO:
		answer.body.get_device_info_response = (struct vmsg_get_device_info_response){
			.device_id = 2,
			.num_feature_blocks = is_blocks ? 3 : 2,
			.config_size = CONFIG,
			.max_virtqueues = QUEUES,
		};
		break;
	case VMSG_SET_DEVICE_STATUS:
		peer.status = (uint8_t)request->body.set_device_status_request.status;
		answer.body.set_device_status_response.status = peer.status;
		break;
	case VMSG_GET_DEVICE_STATUS:
		answer.body.get_device_status_response.status = peer.status;
		break;
	case VMSG_GET_DEVICE_FEATURES:
		for (uint32_t i = 0; i < 3; i++) {
			vmsg_store_le32(peer.answer_data + (size_t)i * 4, peer.features[i]);
		}
		answer.body.get_device_features_response = (struct vmsg_features){
			.block_index = request->body.get_device_features_request.block_index,
			.num_blocks = request->body.get_device_features_request.num_blocks,
			.features = { peer.answer_data, 12 },
		};
		break;
	case VMSG_SET_DRIVER_FEATURES:
		break;
	case VMSG_GET_VQUEUE:
		answer.body.get_vqueue_response = (struct vmsg_get_vqueue_response){
			.index = queue,
			.max_size = queue == 1 ? 0 : 16,
			.cur_size = peer.queues[queue].size,
			.flags = is_blocks && peer.queues[queue].size ? VMSG_VQUEUE_ENABLED : 0,
			.desc_addr = peer.queues[queue].desc_addr,
			.driver_addr = peer.queues[queue].driver_addr,
			.device_addr = peer.queues[queue].device_addr,
		};
		break;
	case VMSG_SET_VQUEUE:
		if (!peer.deaf) {
			peer.queues[request->body.set_vqueue_request.index] =
				request->body.set_vqueue_request;
		}
		break;
	case VMSG_RESET_VQUEUE:
		memset(&peer.queues[queue], 0, sizeof(peer.queues[queue]));
		break;
	case VMSG_GET_CONFIG:
		answer.body.get_config_response = (struct vmsg_config){
			.generation = peer.generation,
			.offset = request->body.get_config_request.offset,
			.length = request->body.get_config_request.length,
			.data = { peer.config + request->body.get_config_request.offset,
				  request->body.get_config_request.length },
		};
		break;
	case VMSG_SET_CONFIG:
		answer.body.set_config_response = request->body.set_config_request;
		answer.body.set_config_response.generation = ++peer.generation;
		break;
	case VMSG_GET_SHM:
		answer.body.get_shm_response = (struct vmsg_get_shm_response){
			.shmid = request->body.get_shm_request.index,
			.length = 0x1000,
			.address = 0x2000,
		};
		break;
	default:
		fail_msg("a driver does not send %s", vmsg_type_name(request->header.type));
	}
	return answer;
}

/* The request that must be due. */
static struct vmsg_message asked(enum vmsg_type type)
{
	struct vmsg_message request;

	assert_int_equal(vmsg_driver_output(&driver, &request), 1);
	assert_int_equal(request.header.kind, VMSG_REQUEST);
	assert_int_equal(request.header.dev_num, DEV_NUM);
	assert_string_equal(vmsg_type_name(request.header.type), vmsg_type_name(type));
	return request;
}

static void put(const struct vmsg_message *message)
{
	assert_int_equal(vmsg_driver_input(&driver, now, message), 0);
}

/* Serves requests until none is due. */
static void serve(void)
{
	struct vmsg_message message;

	while (vmsg_driver_output(&driver, &message) == 1) {
		if (message.header.kind == VMSG_REQUEST) {
			const struct vmsg_message answer = answer_to(&message);
			put(&answer);
		}
	}
}

static struct vmsg_driver_event told(enum vmsg_driver_event_kind kind)
{
	struct vmsg_driver_event event;

	assert_int_equal(vmsg_driver_event(&driver, &event), 1);
	assert_int_equal(event.kind, kind);
	return event;
}

static void nothing_told(void)
{
	struct vmsg_driver_event event;

	assert_int_equal(vmsg_driver_event(&driver, &event), 0);
}

static const struct vmsg_vq_layout layout = {
	.size = 8, .desc_addr = 0x1000, .driver_addr = 0x2000, .device_addr = 0x3000
};

static void configure(void)
{
	assert_int_equal(vmsg_driver_start(&driver, now), 0);
	serve();
	(void)told(VMSG_DRIVER_EVENT_CONFIGURABLE);
}

static void run(void)
{
	configure();
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &layout), 0);
	serve();
	assert_int_equal(told(VMSG_DRIVER_EVENT_QUEUE_READY).queue, 0);
	assert_int_equal(vmsg_driver_ready(&driver, now), 0);
	serve();
	(void)told(VMSG_DRIVER_EVENT_RUNNING);
}

static struct vmsg_message event_of(enum vmsg_type type)
{
	return (struct vmsg_message){
		.header = { .type = type, .kind = VMSG_EVENT, .dev_num = DEV_NUM },
	};
}

/* Serves `count` requests of a start and returns the next; the caller answers it. */
static struct vmsg_message stop_at(int count)
{
	struct vmsg_message request;

	assert_int_equal(vmsg_driver_start(&driver, now), 0);
	for (int i = 0;; i++) {
		assert_int_equal(vmsg_driver_output(&driver, &request), 1);
		if (i == count) {
			return request;
		}
		const struct vmsg_message answer = answer_to(&request);
		put(&answer);
	}
}

/* A device that has been told of a driver is told that it has failed; what it answers, or that it
 * does not, changes nothing. */
static void hears_of_it(void)
{
	const uint8_t written = driver.written;
	struct vmsg_message request;

	if (written == 0) {
		assert_int_equal(vmsg_driver_output(&driver, &request), 0);
		return;
	}
	assert_int_equal(vmsg_driver_output(&driver, &request), 1);
	assert_int_equal(request.header.type, VMSG_SET_DEVICE_STATUS);
	assert_int_equal(request.body.set_device_status_request.status,
			 written | VMSG_STATUS_FAILED);
	if (written & VMSG_STATUS_FEATURES_OK) {
		const struct vmsg_message answer = answer_to(&request);
		put(&answer);
	} else {
		now += 10000000000;
		vmsg_driver_tick(&driver, now);
	}
	assert_int_equal(driver.state, VMSG_DRIVER_FAILED);
	nothing_told();
}

static void fails_with(const struct vmsg_message *answer, int error)
{
	assert_int_equal(vmsg_driver_input(&driver, now, answer), error);
	const struct vmsg_driver_event event = told(VMSG_DRIVER_EVENT_FAILED);
	assert_int_equal(event.error, error);
	assert_int_equal(event.type, answer->header.type);
	assert_int_equal(driver.state, VMSG_DRIVER_FAILED);
	hears_of_it();
	assert_true(vmsg_driver_deadline(&driver) == UINT64_MAX);
}

/* ---- the start ---- */

static void a_start_asks_in_the_order_of_the_specification(void **state)
{
	(void)state;
	static const struct {
		enum vmsg_type type;
		uint32_t value;
	} order[] = {
		{ VMSG_GET_DEVICE_INFO, 0 },
		{ VMSG_SET_DEVICE_STATUS, 0 },
		{ VMSG_SET_DEVICE_STATUS, ACK },
		{ VMSG_SET_DEVICE_STATUS, DRIVER },
		{ VMSG_GET_DEVICE_FEATURES, 0 },
		{ VMSG_SET_DRIVER_FEATURES, 0 },
		{ VMSG_SET_DEVICE_STATUS, FEATURES_OK },
		{ VMSG_GET_VQUEUE, 0 },
		{ VMSG_GET_VQUEUE, 1 },
		{ VMSG_GET_VQUEUE, 2 },
	};

	assert_int_equal(vmsg_driver_start(&driver, now), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct vmsg_message request = asked(order[i].type);
		if (order[i].type == VMSG_SET_DEVICE_STATUS || order[i].type == VMSG_GET_VQUEUE) {
			assert_int_equal(request.body.set_device_status_request.status,
					 order[i].value);
		}
		/* one token each, from 2 on, where there are tokens */
		assert_int_equal(request.header.token,
				 driver.options.profile->has_token ? i + 2 : 0);
		const struct vmsg_message answer = answer_to(&request);
		put(&answer);
	}
	(void)told(VMSG_DRIVER_EVENT_CONFIGURABLE);
	assert_int_equal(driver.queues[1].max_size, 0);
	assert_int_equal(driver.queues[2].max_size, 16);
}

static void what_is_wanted_and_offered_is_taken(void **state)
{
	(void)state;
	configure();
	assert_int_equal(driver.features[0], 0x5);
	/* VERSION_1 and ACCESS_PLATFORM without being asked; never NOTIF_CONFIG_DATA */
	assert_int_equal(driver.features[1], 3 | 1u << (VMSG_F_RING_RESET - 32));
	assert_int_equal(driver.features[2], driver.options.profile->has_queue_flags ? 0x100 : 0);
	assert_true(vmsg_driver_has_feature(&driver, VMSG_F_VERSION_1));
	assert_false(vmsg_driver_has_feature(&driver, 4000));
}

static void a_device_without_version_1_is_refused(void **state)
{
	(void)state;
	peer.features[1] &= ~1u;
	const struct vmsg_message request = stop_at(4);
	const struct vmsg_message answer = answer_to(&request);
	fails_with(&answer, VMSG_ERROR_PEER);
}

static void features_that_the_device_refuses_fail_the_start(void **state)
{
	(void)state;
	const struct vmsg_message request = stop_at(6);
	struct vmsg_message answer = answer_to(&request);

	answer.body.set_device_status_response.status = DRIVER;
	fails_with(&answer, VMSG_ERROR_PEER);
}

static void each_lie_of_a_start_fails_it(void **state)
{
	(void)state;
	const bool is_r3 = driver.options.profile->has_queue_flags;
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int lie = 0; lie < 12; lie++) {
		static const int steps[] = { 0, 0, 0, 0, 0, 2, 3, 4, 4, 7, 7, 2 };
		(void)begin(profile, 0);
		const struct vmsg_message request = stop_at(steps[lie]);
		struct vmsg_message answer = answer_to(&request);
		struct vmsg_get_device_info_response *info = &answer.body.get_device_info_response;
		bool is_lie = true;
		switch (lie) {
		case 0:
			info->device_id = 0;
			break;
		case 1:
			info->num_feature_blocks = 0;
			break;
		case 2:
			info->max_virtqueues = 65537;
			is_lie = is_r3; /* older dialects say nothing of a limit */
			break;
		case 3:
			info->admin_vq_start = 1;
			is_lie = is_r3;
			break;
		case 4:
			info->admin_vq_start = 2;
			info->admin_vq_count = 2;
			is_lie = is_r3;
			break;
		case 5:
			answer.body.set_device_status_response.status = 0;
			break;
		case 6:
			answer.body.set_device_status_response.status |= VMSG_STATUS_FAILED;
			break;
		case 7:
			answer.body.get_device_features_response.block_index = 1;
			break;
		case 8:
			answer.body.get_device_features_response.num_blocks++;
			break;
		case 9:
			answer.body.get_vqueue_response.index = 2;
			break;
		case 10:
			answer.body.get_vqueue_response.max_size = 32769;
			break;
		case 11:
			answer.body.set_device_status_response.status |= 0x100;
			break;
		}
		if (is_lie) {
			fails_with(&answer, VMSG_ERROR_PEER);
		} else {
			put(&answer);
		}
	}
}

static void frames_too_small_for_the_dialect_are_refused(void **state)
{
	(void)state;
	struct vmsg_driver other;
	struct vmsg_driver_options options = driver.options;

	options.frame_size_max = (uint16_t)(options.profile->frame_size_min - 1);
	assert_int_equal(vmsg_driver_init(&other, &options), VMSG_ERROR_INVALID);
	options.frame_size_max = options.profile->frame_size_min;
	assert_int_equal(vmsg_driver_init(&other, &options), 0);
	options.profile = vmsg_profile(VMSG_PROFILE_A1);
	assert_int_equal(vmsg_driver_init(&other, &options), VMSG_ERROR_INVALID);
	options.profile = NULL;
	assert_int_equal(vmsg_driver_init(&other, &options), VMSG_ERROR_INVALID);
}

/* ---- every message in every state ---- */

/* At every step of a start, and when nothing is awaited: only one message is taken, and events
 * where they mean something. */
static void only_the_answer_that_is_awaited_is_taken(void **state)
{
	(void)state;
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int step = 0; step < 10; step++) {
		(void)begin(profile, 0);
		const struct vmsg_message request = stop_at(step);
		const struct vmsg_driver before = driver;
		for (int type = 0; type < VMSG_TYPE_COUNT; type++) {
			for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
				struct vmsg_message other = { .header = request.header };
				other.header.type = (enum vmsg_type)type;
				other.header.kind = (enum vmsg_kind)kind;
				if (kind == VMSG_RESPONSE &&
				    other.header.type == request.header.type) {
					continue;
				}
				assert_true(vmsg_driver_input(&driver, now, &other) < 0);
				assert_int_equal(driver.state, VMSG_DRIVER_STARTING);
				assert_int_equal(driver.step, before.step);
				assert_true(driver.request.used);
				nothing_told();
			}
		}
		/* nor a wrong device, nor a wrong token */
		struct vmsg_message answer = answer_to(&request);
		answer.header.dev_num++;
		assert_int_equal(vmsg_driver_input(&driver, now, &answer), VMSG_ERROR_NOT_FOUND);
		answer = answer_to(&request);
		if (driver.options.profile->has_token) {
			answer.header.token++;
			assert_int_equal(vmsg_driver_input(&driver, now, &answer),
					 VMSG_ERROR_STATE);
			answer.header.token--;
		}
		put(&answer);
		serve();
		(void)told(VMSG_DRIVER_EVENT_CONFIGURABLE);
	}
}

static void a_running_driver_takes_events_alone(void **state)
{
	(void)state;
	run();
	for (int type = 0; type < VMSG_TYPE_COUNT; type++) {
		for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
			struct vmsg_message message = event_of((enum vmsg_type)type);
			struct vmsg_message none;
			message.header.kind = (enum vmsg_kind)kind;
			const bool taken = kind == VMSG_EVENT &&
					   (type == VMSG_EVENT_USED || type == VMSG_EVENT_CONFIG ||
					    type == VMSG_EVENT_CONFIG_EMPTY);
			assert_int_equal(vmsg_driver_input(&driver, now, &message) == 0, taken);
			assert_int_equal(driver.state, VMSG_DRIVER_RUNNING);
			/* events are never answered */
			assert_int_equal(vmsg_driver_output(&driver, &none), 0);
		}
	}
}

static void an_answer_before_the_question_is_not_taken(void **state)
{
	(void)state;
	struct vmsg_message answer = { .header = { .type = VMSG_GET_DEVICE_INFO,
						   .kind = VMSG_RESPONSE,
						   .dev_num = DEV_NUM } };

	assert_int_equal(vmsg_driver_start(&driver, now), 0);
	answer.header.token = driver.request.token; /* even with a token well guessed */
	answer.body.get_device_info_response.device_id = 2;
	assert_int_equal(vmsg_driver_input(&driver, now, &answer), VMSG_ERROR_STATE);
	assert_int_equal(driver.late, 1);
	(void)asked(VMSG_GET_DEVICE_INFO);
}

/* What may be begun when: written down once more by hand. */
static void operations_keep_to_their_states(void **state)
{
	(void)state;
	const int fine = 0;
	const int no = VMSG_ERROR_STATE;
	const int busy = VMSG_ERROR_AGAIN;
	const int range = VMSG_ERROR_RANGE;
	enum { IDLE, STARTING, CONFIGURABLE, FINISHING, RUNS, RESETTING, FAILED, STATES };
	const struct {
		const char *name;
		int expected[STATES];
	} table[] = {
		{ "start", { fine, no, no, no, no, no, fine } },
		{ "setup_queue", { no, busy, fine, busy, no, busy, no } },
		{ "reset_queue", { no, busy, range, busy, fine, busy, no } },
		{ "ready", { no, busy, fine, busy, no, busy, no } },
		{ "read_config", { no, busy, fine, busy, fine, busy, no } },
		{ "write_config", { no, busy, fine, busy, fine, busy, no } },
		{ "get_shm", { no, busy, fine, busy, fine, busy, no } },
		{ "reset", { no, fine, fine, fine, fine, no, fine } },
		{ "kick", { no, no, no, no, fine, no, no } },
	};
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int at = IDLE; at < STATES; at++) {
		for (size_t operation = 0; operation < sizeof(table) / sizeof(table[0]);
		     operation++) {
			const struct vmsg_bytes data = { peer.config, 1 };
			int result = 0;
			(void)begin(profile, 0);
			if (at == STARTING) {
				assert_int_equal(vmsg_driver_start(&driver, now), 0);
			} else if (at == CONFIGURABLE) {
				configure();
			} else if (at == FINISHING) {
				configure();
				assert_int_equal(vmsg_driver_ready(&driver, now), 0);
			} else if (at >= RUNS) {
				run();
			}
			if (at == RESETTING) {
				assert_int_equal(vmsg_driver_reset(&driver, now), 0);
			} else if (at == FAILED) {
				assert_int_equal(vmsg_driver_get_shm(&driver, now, 0), 0);
				vmsg_driver_tick(&driver, now + TIMEOUT);
			}
			switch (operation) {
			case 0:
				result = vmsg_driver_start(&driver, now);
				break;
			case 1:
				result = vmsg_driver_setup_queue(&driver, now, 0, &layout);
				break;
			case 2:
				result = vmsg_driver_reset_queue(&driver, now, 0);
				break;
			case 3:
				result = vmsg_driver_ready(&driver, now);
				break;
			case 4:
				result = vmsg_driver_read_config(&driver, now, 0, 1);
				break;
			case 5:
				result = vmsg_driver_write_config(&driver, now, 0, data);
				break;
			case 6:
				result = vmsg_driver_get_shm(&driver, now, 0);
				break;
			case 7:
				result = vmsg_driver_reset(&driver, now);
				break;
			default:
				result = vmsg_driver_kick(&driver, 0, 0);
				break;
			}
			if (result != table[operation].expected[at]) {
				fail_msg("%s in state %d: %d instead of %d", table[operation].name,
					 at, result, table[operation].expected[at]);
			}
		}
	}
}

/* ---- queues ---- */

static void a_queue_that_the_device_ignored_is_a_failure(void **state)
{
	(void)state;
	configure();
	peer.deaf = true;
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &layout), 0);
	const struct vmsg_message set = asked(VMSG_SET_VQUEUE);
	assert_int_equal(set.body.set_vqueue_request.flags,
			 driver.options.profile->has_queue_flags ? VMSG_SET_VQUEUE_ENABLE : 0);
	assert_int_equal(set.body.set_vqueue_request.reserved, 0);
	struct vmsg_message answer = answer_to(&set);
	put(&answer); /* which says nothing */
	const struct vmsg_message get = asked(VMSG_GET_VQUEUE);
	answer = answer_to(&get);
	fails_with(&answer, VMSG_ERROR_PEER);
}

static void every_word_of_the_confirmation_counts(void **state)
{
	(void)state;
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int word = 0; word < 5; word++) {
		(void)begin(profile, 0);
		configure();
		assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &layout), 0);
		const struct vmsg_message set = asked(VMSG_SET_VQUEUE);
		struct vmsg_message answer = answer_to(&set);
		put(&answer);
		const struct vmsg_message get = asked(VMSG_GET_VQUEUE);
		answer = answer_to(&get);
		struct vmsg_get_vqueue_response *got = &answer.body.get_vqueue_response;
		got->cur_size ^= word == 0 ? 4 : 0;
		got->desc_addr ^= word == 1 ? 1ull << 63 : 0;
		got->driver_addr ^= word == 2 ? 1 : 0;
		got->device_addr ^= word == 3 ? 1 : 0;
		got->flags ^= word == 4 ? VMSG_VQUEUE_ENABLED : 0;
		if (word == 4 && !driver.options.profile->has_queue_flags) {
			put(&answer); /* there is no such word */
		} else {
			fails_with(&answer, VMSG_ERROR_PEER);
		}
	}
}

static void queues_fit_what_the_device_has(void **state)
{
	(void)state;
	struct vmsg_vq_layout other = layout;

	configure();
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 1, &layout), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, QUEUES, &layout), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, UINT32_MAX, &layout),
			 VMSG_ERROR_RANGE);
	other.size = 32;
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &other), VMSG_ERROR_RANGE);
	other.size = 0;
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &other), VMSG_ERROR_RANGE);
	other.size = 16;
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &other), 0);
}

static void a_queue_reset_takes_its_news_with_it(void **state)
{
	(void)state;
	struct vmsg_message used = event_of(VMSG_EVENT_USED);
	struct vmsg_message none;

	run();
	assert_int_equal(vmsg_driver_kick(&driver, 0, 0), 0);
	put(&used);
	assert_int_equal(vmsg_driver_reset_queue(&driver, now, 0), 0);
	const struct vmsg_message request = asked(VMSG_RESET_VQUEUE);
	assert_int_equal(vmsg_driver_output(&driver, &none), 0); /* the kick is gone */
	assert_int_equal(vmsg_driver_input(&driver, now, &used), VMSG_ERROR_RANGE);
	const struct vmsg_message answer = answer_to(&request);
	put(&answer);
	assert_int_equal(told(VMSG_DRIVER_EVENT_QUEUE_RESET).queue, 0);
	nothing_told();
	assert_int_equal(vmsg_driver_kick(&driver, 0, 0), VMSG_ERROR_RANGE);
	/* and it can be set up again while the others run */
	assert_int_equal(vmsg_driver_setup_queue(&driver, now, 0, &layout), 0);
	serve();
	assert_int_equal(told(VMSG_DRIVER_EVENT_QUEUE_READY).queue, 0);
	assert_int_equal(vmsg_driver_kick(&driver, 0, 0), 0);
}

static void a_queue_is_not_reset_without_the_feature(void **state)
{
	(void)state;
	peer.features[1] &= ~(1u << (VMSG_F_RING_RESET - 32));
	run();
	assert_int_equal(vmsg_driver_reset_queue(&driver, now, 0), VMSG_ERROR_STATE);
}

static void a_result_is_taken_before_the_next_operation(void **state)
{
	(void)state;
	configure();
	assert_int_equal(vmsg_driver_read_config(&driver, now, 4, 2), 0);
	serve();
	assert_int_equal(vmsg_driver_read_config(&driver, now, 8, 2), VMSG_ERROR_AGAIN);
	const struct vmsg_driver_event event = told(VMSG_DRIVER_EVENT_CONFIG);
	assert_int_equal(event.offset, 4);
	assert_int_equal(event.data.data[1], 6);
	assert_int_equal(vmsg_driver_read_config(&driver, now, 8, 2), 0);
}

/* ---- notifications ---- */

static void kicks_become_one_message(void **state)
{
	(void)state;
	struct vmsg_message message;

	run();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vmsg_driver_kick(&driver, 0, 0xffffffff), 0);
	}
	assert_int_equal(vmsg_driver_output(&driver, &message), 1);
	assert_int_equal(message.header.type, VMSG_EVENT_AVAIL);
	assert_int_equal(message.header.token, 0);
	assert_int_equal(message.body.event_avail.vq_index, 0);
	/* notification data is zero unless negotiated */
	assert_int_equal(message.body.event_avail.next_offset, 0);
	assert_int_equal(message.body.event_avail.next_wrap, 0);
	assert_int_equal(vmsg_driver_output(&driver, &message), 0);
	/* one that got lost on its way is sent again */
	vmsg_driver_request_failed(&driver, 1, VMSG_EVENT_AVAIL, 0, VMSG_ERROR_TIMEOUT);
	assert_int_equal(vmsg_driver_output(&driver, &message), 1);
	assert_int_equal(message.header.type, VMSG_EVENT_AVAIL);
	assert_int_equal(vmsg_driver_output(&driver, &message), 0);
	assert_int_equal(vmsg_driver_kick(&driver, 1, 0), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_kick(&driver, UINT32_MAX, 0), VMSG_ERROR_RANGE);
}

static void notification_data_is_the_latest(void **state)
{
	(void)state;
	struct vmsg_message message;

	peer.features[1] |= 1u << (VMSG_F_NOTIFICATION_DATA - 32);
	run();
	assert_int_equal(vmsg_driver_kick(&driver, 0, 1), 0);
	assert_int_equal(vmsg_driver_kick(&driver, 0, 0x80000005), 0);
	assert_int_equal(driver.coalesced, 1);
	assert_int_equal(vmsg_driver_output(&driver, &message), 1);
	assert_int_equal(message.body.event_avail.next_offset, 5);
	assert_int_equal(message.body.event_avail.next_wrap, 1);
}

static void events_for_queues_not_set_up_are_dropped(void **state)
{
	(void)state;
	struct vmsg_message used = event_of(VMSG_EVENT_USED);
	static const uint32_t indices[] = { 1, 2, 16, 31, 32, 64, UINT32_MAX };

	run();
	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		used.body.event_used.vq_index = indices[i];
		assert_int_equal(vmsg_driver_input(&driver, now, &used), VMSG_ERROR_RANGE);
	}
	nothing_told();
	used.body.event_used.vq_index = 0;
	for (int i = 0; i < 1000; i++) {
		put(&used); /* a flood of events is one event */
	}
	assert_int_equal(told(VMSG_DRIVER_EVENT_USED).queue, 0);
	nothing_told();
}

static void each_form_of_a_config_event_says_look_again(void **state)
{
	(void)state;
	struct vmsg_message event = event_of(VMSG_EVENT_CONFIG);
	const uint8_t data[4] = { 9, 9, 9, 9 };

	run();
	event.body.event_config = (struct vmsg_event_config){ .device_status = RUNNING };
	put(&event); /* nothing named */
	(void)told(VMSG_DRIVER_EVENT_CONFIG_CHANGED);
	event.body.event_config.offset = 4;
	event.body.event_config.length = 4;
	put(&event); /* a range without data */
	(void)told(VMSG_DRIVER_EVENT_CONFIG_CHANGED);
	event.body.event_config.data = (struct vmsg_bytes){ data, 4 };
	put(&event);
	(void)told(VMSG_DRIVER_EVENT_CONFIG_CHANGED);
	event.body.event_config.device_status = 0x100 | RUNNING;
	assert_int_equal(vmsg_driver_input(&driver, now, &event), VMSG_ERROR_BAD_FIELD);
	event.body.event_config.device_status = RUNNING | VMSG_STATUS_NEEDS_RESET;
	put(&event);
	(void)told(VMSG_DRIVER_EVENT_NEEDS_RESET);
	nothing_told();
}

/* The driver's own bits are written, never what an event claims the status is. */
static void a_lying_status_event_does_not_change_what_is_written(void **state)
{
	(void)state;
	struct vmsg_message event = event_of(VMSG_EVENT_CONFIG);

	configure();
	event.body.event_config.device_status = 0;
	put(&event);
	(void)told(VMSG_DRIVER_EVENT_CONFIG_CHANGED);
	assert_int_equal(vmsg_driver_ready(&driver, now), 0);
	const struct vmsg_message request = asked(VMSG_SET_DEVICE_STATUS);
	assert_int_equal(request.body.set_device_status_request.status, RUNNING);
	struct vmsg_message answer = answer_to(&request);
	answer.body.set_device_status_response.status |= VMSG_STATUS_NEEDS_RESET;
	put(&answer);
	(void)told(VMSG_DRIVER_EVENT_RUNNING);
	(void)told(VMSG_DRIVER_EVENT_NEEDS_RESET);
}

/* ---- config ---- */

static void config_is_read_within_its_size(void **state)
{
	(void)state;
	configure();
	assert_int_equal(vmsg_driver_read_config(&driver, now, CONFIG, 1), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_read_config(&driver, now, 1, CONFIG), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_read_config(&driver, now, UINT32_MAX, 2), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_read_config(&driver, now, 2, UINT32_MAX), VMSG_ERROR_RANGE);
	const struct vmsg_bytes over = { peer.config, CONFIG };
	assert_int_equal(vmsg_driver_write_config(&driver, now, 0, over), VMSG_ERROR_RANGE);
	const struct vmsg_bytes two = { peer.config, 2 };
	assert_int_equal(vmsg_driver_write_config(&driver, now, CONFIG - 1, two), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_driver_write_config(&driver, now, UINT32_MAX, two), VMSG_ERROR_RANGE);
}

/* A config that changes once, between any two messages of a reading: what comes out is one state
 * of it. */
static void a_change_between_two_messages_starts_the_reading_again(void **state)
{
	(void)state;
	const enum vmsg_profile_id profile = driver.options.profile->id;
	int longest = 0;

	for (int change = 0; change <= longest; change++) {
		struct vmsg_message request;
		(void)begin(profile, 0);
		configure();
		memset(peer.config, 0x11, CONFIG);
		assert_int_equal(vmsg_driver_read_config(&driver, now, 0, CONFIG), 0);
		int messages = 0;
		while (vmsg_driver_output(&driver, &request) == 1) {
			if (messages++ == change) {
				memset(peer.config, 0x22, CONFIG);
				peer.generation++;
			}
			assert_true(request.body.get_config_request.length <=
				    FRAME - driver.options.profile->header_size - 12);
			const struct vmsg_message answer = answer_to(&request);
			put(&answer);
		}
		const struct vmsg_driver_event event = told(VMSG_DRIVER_EVENT_CONFIG);
		assert_int_equal(event.data.size, CONFIG);
		for (size_t i = 1; i < CONFIG; i++) {
			assert_int_equal(event.data.data[i], event.data.data[0]);
		}
		longest = change == 0 ? messages : longest;
		assert_true(longest > 1);
	}
}

static void each_lie_about_config_fails_the_driver(void **state)
{
	(void)state;
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int lie = 0; lie < 4; lie++) {
		(void)begin(profile, 0);
		configure();
		const struct vmsg_bytes data = { peer.config, 2 };
		assert_int_equal(lie < 2 ? vmsg_driver_read_config(&driver, now, 4, 2)
					 : vmsg_driver_write_config(&driver, now, 4, data),
				 0);
		const struct vmsg_message request =
			asked(lie < 2 ? VMSG_GET_CONFIG : VMSG_SET_CONFIG);
		struct vmsg_message answer = answer_to(&request);
		struct vmsg_config *config = &answer.body.get_config_response;
		if (lie % 2) {
			config->offset++;
		} else {
			config->length++;
		}
		fails_with(&answer, VMSG_ERROR_PEER);
	}
}

static void a_write_carries_the_generation_of_the_dialect(void **state)
{
	(void)state;
	const bool strict =
		driver.options.profile->has_strict_generation || driver.options.transport_features;
	const struct vmsg_bytes data = { peer.config, 2 };

	configure();
	assert_int_equal(vmsg_driver_read_config(&driver, now, 0, 2), 0);
	serve();
	assert_int_equal(told(VMSG_DRIVER_EVENT_CONFIG).generation, 40);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(vmsg_driver_write_config(&driver, now, 4, data), 0);
		const struct vmsg_message request = asked(VMSG_SET_CONFIG);
		assert_int_equal(request.body.set_config_request.generation, strict ? 40 + i : 0);
		const struct vmsg_message answer = answer_to(&request);
		put(&answer);
		assert_int_equal(told(VMSG_DRIVER_EVENT_CONFIG_WRITTEN).error, 0);
	}
}

static void a_refused_write_is_told_and_survived(void **state)
{
	(void)state;
	const struct vmsg_bytes data = { peer.config, 2 };

	configure();
	assert_int_equal(vmsg_driver_write_config(&driver, now, 4, data), 0);
	const struct vmsg_message request = asked(VMSG_SET_CONFIG);
	struct vmsg_message answer = answer_to(&request);
	answer.body.set_config_response.length = 0;
	put(&answer);
	assert_int_equal(told(VMSG_DRIVER_EVENT_CONFIG_WRITTEN).error, VMSG_ERROR_PEER);
	assert_int_equal(driver.state, VMSG_DRIVER_CONFIGURABLE);
}

/* ---- shared memory ---- */

static void a_region_is_told(void **state)
{
	(void)state;
	configure();
	assert_int_equal(vmsg_driver_get_shm(&driver, now, 7), 0);
	struct vmsg_message request = asked(VMSG_GET_SHM);
	assert_int_equal(request.body.get_shm_request.index, 7);
	struct vmsg_message answer = answer_to(&request);
	put(&answer);
	const struct vmsg_driver_event event = told(VMSG_DRIVER_EVENT_SHM);
	assert_true(event.shm_length == 0x1000 && event.shm_address == 0x2000);
	assert_int_equal(vmsg_driver_get_shm(&driver, now, 7), 0);
	request = asked(VMSG_GET_SHM);
	answer = answer_to(&request);
	answer.body.get_shm_response.shmid = 8;
	fails_with(&answer, VMSG_ERROR_PEER);
}

static void a_dialect_without_regions_says_so(void **state)
{
	(void)state;
	assert_int_equal(begin(VMSG_PROFILE_R0, 0), 0);
	configure();
	assert_int_equal(vmsg_driver_get_shm(&driver, now, 0), VMSG_ERROR_REVISION);
	assert_false(vmsg_driver_is_busy(&driver));
}

/* ---- time ---- */

static void silence_at_any_step_fails_by_the_clock(void **state)
{
	(void)state;
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int step = 0; step < 10; step++) {
		(void)begin(profile, 0);
		const struct vmsg_message request = stop_at(step);
		assert_true(vmsg_driver_deadline(&driver) == now + TIMEOUT);
		vmsg_driver_tick(&driver, now + TIMEOUT - 1);
		nothing_told();
		vmsg_driver_tick(&driver, now + TIMEOUT);
		const struct vmsg_driver_event event = told(VMSG_DRIVER_EVENT_FAILED);
		assert_int_equal(event.error, VMSG_ERROR_TIMEOUT);
		assert_int_equal(event.type, request.header.type);
		/* the answer comes all the same, to nobody */
		const struct vmsg_message answer = answer_to(&request);
		assert_int_equal(vmsg_driver_input(&driver, now, &answer), VMSG_ERROR_STATE);
		assert_int_equal(driver.late, 1);
		nothing_told();
	}
}

static void a_request_that_the_bus_lost_fails_the_driver(void **state)
{
	(void)state;
	const struct vmsg_message request = stop_at(3);

	vmsg_driver_request_failed(&driver, now, VMSG_GET_CONFIG, request.header.token,
				   VMSG_ERROR_PEER);
	nothing_told(); /* it was another one */
	assert_int_equal(driver.late, 1);
	vmsg_driver_request_failed(&driver, now, request.header.type, request.header.token,
				   VMSG_ERROR_PEER);
	assert_int_equal(told(VMSG_DRIVER_EVENT_FAILED).error, VMSG_ERROR_PEER);
}

/* Resets at every step, with the answer of what was under way coming after it. */
static void an_answer_after_a_reset_is_late(void **state)
{
	(void)state;
	const enum vmsg_profile_id profile = driver.options.profile->id;

	for (int step = 0; step < 10; step++) {
		(void)begin(profile, 0);
		const struct vmsg_message old = stop_at(step);
		const struct vmsg_message old_answer = answer_to(&old);
		assert_int_equal(vmsg_driver_reset(&driver, now), 0);
		(void)!vmsg_driver_input(&driver, now, &old_answer);
		for (int i = 0; i < STEPS && driver.state == VMSG_DRIVER_RESETTING; i++) {
			serve();
			now = now + 2000000;
			vmsg_driver_tick(&driver, now);
		}
		(void)told(VMSG_DRIVER_EVENT_RESET_DONE);
		assert_int_equal(driver.state, VMSG_DRIVER_IDLE);
		assert_int_equal(peer.status, 0);
		configure(); /* and it starts again */
	}
}

static void a_reset_ends_the_wait_of_the_one_before(void **state)
{
	(void)state;
	struct vmsg_message request = stop_at(1);
	struct vmsg_message answer = answer_to(&request);

	answer.body.set_device_status_response.status = RUNNING; /* not done yet */
	put(&answer);
	assert_true(vmsg_driver_deadline(&driver) < now + TIMEOUT);
	assert_int_equal(vmsg_driver_reset(&driver, now), 0);
	assert_true(vmsg_driver_deadline(&driver) == now + TIMEOUT);
	request = asked(VMSG_SET_DEVICE_STATUS);
	vmsg_driver_tick(&driver, now + TIMEOUT / 2); /* the old look is forgotten */
	answer = answer_to(&request);
	put(&answer);
	(void)told(VMSG_DRIVER_EVENT_RESET_DONE);
}

static void tokens_skip_0_and_1_when_they_come_round(void **state)
{
	(void)state;
	configure();
	driver.next_token = UINT16_MAX;
	assert_int_equal(vmsg_driver_get_shm(&driver, now, 0), 0);
	assert_int_equal(asked(VMSG_GET_SHM).header.token, UINT16_MAX);
	assert_int_equal(vmsg_driver_reset(&driver, now), 0);
	assert_int_equal(asked(VMSG_SET_DEVICE_STATUS).header.token, 2);
}

int main(void)
{
#define R1(test)   cmocka_unit_test_setup(test, with_r1)
#define R3(test)   cmocka_unit_test_setup(test, with_r3)
#define BOTH(test) R1(test), R3(test)
	const struct CMUnitTest tests[] = {
		BOTH(a_start_asks_in_the_order_of_the_specification),
		BOTH(what_is_wanted_and_offered_is_taken),
		BOTH(a_device_without_version_1_is_refused),
		BOTH(features_that_the_device_refuses_fail_the_start),
		BOTH(each_lie_of_a_start_fails_it),
		BOTH(frames_too_small_for_the_dialect_are_refused),
		BOTH(only_the_answer_that_is_awaited_is_taken),
		BOTH(a_running_driver_takes_events_alone),
		BOTH(an_answer_before_the_question_is_not_taken),
		BOTH(operations_keep_to_their_states),
		BOTH(a_queue_that_the_device_ignored_is_a_failure),
		BOTH(every_word_of_the_confirmation_counts),
		BOTH(queues_fit_what_the_device_has),
		BOTH(a_queue_reset_takes_its_news_with_it),
		BOTH(a_queue_is_not_reset_without_the_feature),
		BOTH(a_result_is_taken_before_the_next_operation),
		BOTH(kicks_become_one_message),
		BOTH(notification_data_is_the_latest),
		BOTH(events_for_queues_not_set_up_are_dropped),
		BOTH(each_form_of_a_config_event_says_look_again),
		BOTH(a_lying_status_event_does_not_change_what_is_written),
		BOTH(config_is_read_within_its_size),
		BOTH(a_change_between_two_messages_starts_the_reading_again),
		BOTH(each_lie_about_config_fails_the_driver),
		BOTH(a_write_carries_the_generation_of_the_dialect),
		cmocka_unit_test_setup(a_write_carries_the_generation_of_the_dialect,
				       with_r3_strict),
		BOTH(a_refused_write_is_told_and_survived),
		BOTH(a_region_is_told),
		cmocka_unit_test(a_dialect_without_regions_says_so),
		BOTH(silence_at_any_step_fails_by_the_clock),
		BOTH(a_request_that_the_bus_lost_fails_the_driver),
		BOTH(an_answer_after_a_reset_is_late),
		BOTH(a_reset_ends_the_wait_of_the_one_before),
		R3(tokens_skip_0_and_1_when_they_come_round),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
