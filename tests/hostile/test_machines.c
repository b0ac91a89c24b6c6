/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver and device machine against peers that send anything that decodes, by seed. Whatever comes,
 * what the machines say can be encoded into a frame of the session, and their states keep to the
 * rules.
 */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/proto.h"

#define DEV_NUM 0
#define RAM     0x8000u
#define CONFIG  70u
#define SEEDS   40
#define ROUNDS  2000

static _Alignas(4096) uint8_t ram[RAM];
static uint64_t seed;
static struct vmsg_memory memory;
static struct vmsg_memory_area areas[1];
static struct vmsg_device device;
static struct vmsg_driver driver;
static const struct vmsg_profile *profile;
static uint8_t config_buffer[CONFIG];

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

/* A number that is more often near an edge than not. */
static uint32_t number(void)
{
	static const uint32_t edges[] = { 0,       1,          2,          3,         7,
					  8,       15,         16,         0x7f,      0xffff,
					  0x10000, 0x7fffffff, 0x80000000, UINT32_MAX };
	const uint32_t edge = edges[dice(sizeof(edges) / sizeof(edges[0]))];

	return dice(4) ? edge : edge + dice(32) - 16;
}

static uint64_t address(void)
{
	const uint64_t base = 1ull << profile->area_id_shift;

	return dice(4) ? base + dice(RAM / 16) * 16 : base * dice(4) + number();
}

/* ---- the device ---- */

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	(void)context;
	assert_true(offset <= CONFIG && out.size <= CONFIG - offset);
	memset(out.data, 0x5a, out.size);
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	(void)context;
	assert_true(offset <= CONFIG && in.size <= CONFIG - offset);
	return dice(2) ? 0 : VMSG_ERROR_STATE;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chain = { .pieces = pieces };

	(void)context;
	assert_int_equal(device.status & (VMSG_STATUS_DRIVER_OK | VMSG_STATUS_FAILED),
			 VMSG_STATUS_DRIVER_OK);
	for (int i = 0; i < 8; i++) {
		chain.capacity = 16;
		if (vmsg_vq_device_pop(queue, &chain) != 1 ||
		    vmsg_vq_device_push(queue, chain.head, 0) < 0) {
			break;
		}
	}
	vmsg_device_notify(&device, index);
}

static int reset(void *context)
{
	(void)context;
	return dice(4) ? 1 : 0;
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config, .write_config = write_config, .kick = kick, .reset = reset
};

static const struct vmsg_device_info info = { .device_id = 1,
					      .features = { 0xff, 0, 0x10 },
					      .config_size = CONFIG,
					      .queue_count = 4,
					      .queue_size_max = 64 };

static void attach(enum vmsg_profile_id id)
{
	const struct vmsg_segment segment = { ram, RAM };

	profile = vmsg_profile(id);
	vmsg_memory_init(&memory, areas, 1, profile->area_id_shift);
	assert_int_equal(vmsg_memory_add(&memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_device_init(&device, DEV_NUM, &info, &ops, NULL), 0);
	vmsg_device_attach(&device, profile, &memory, profile->frame_size_min,
			   dice(2) ? VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION : 0);
}

/* What the machines say must be sayable. */
static void must_encode(const struct vmsg_message *message)
{
	uint8_t frame[VMSG_FRAME_SIZE_MAX];
	struct vmsg_diagnosis diagnosis;
	char text[128];

	if (vmsg_encode(profile, message, (struct vmsg_span){ frame, profile->frame_size_min },
			&diagnosis) <= 0) {
		(void)vmsg_format_diagnosis(&diagnosis, text, sizeof(text));
		fail_msg("%s in %s: %s", vmsg_type_name(message->header.type), profile->name, text);
	}
}

static void fill_request(struct vmsg_message *message, uint8_t tail[VMSG_FRAME_SIZE_MAX])
{
	static const uint8_t statuses[] = { 0, 1, 3, 11, 15, 0x8f, 0x4f, 0xff };
	const uint32_t length = dice(30);

	for (uint32_t i = 0; i < VMSG_FRAME_SIZE_MAX; i++) {
		tail[i] = (uint8_t)(dice(64) ? 0 : dice(256));
	}
	switch (message->header.type) {
	case VMSG_GET_DEVICE_FEATURES:
		message->body.get_device_features_request.block_index = number();
		message->body.get_device_features_request.num_blocks = number();
		break;
	case VMSG_SET_DRIVER_FEATURES:
		tail[4] |= 1; /* VERSION_1, to get further */
		message->body.set_driver_features_request = (struct vmsg_features){
			dice(4) ? 0 : number(), length / 4, { tail, length / 4 * 4 }
		};
		break;
	case VMSG_GET_CONFIG:
		message->body.get_config_request.offset = number();
		message->body.get_config_request.length = number();
		break;
	case VMSG_SET_CONFIG:
		message->body.set_config_request =
			(struct vmsg_config){ number(), number(), length, { tail, length } };
		break;
	case VMSG_SET_DEVICE_STATUS:
		message->body.set_device_status_request.status =
			dice(8) ? statuses[dice(sizeof(statuses))] : number();
		break;
	case VMSG_SET_VQUEUE:
		message->body.set_vqueue_request = (struct vmsg_set_vqueue_request){
			.index = dice(5),
			.flags = dice(2) ? VMSG_SET_VQUEUE_ENABLE : dice(128),
			.size = dice(2) ? 8 : number(),
			.reserved = dice(8) == 0,
			.desc_addr = address(),
			.driver_addr = address(),
			.device_addr = address(),
		};
		break;
	default: /* an index, or nothing */
		message->body.get_vqueue_request.index = dice(2) ? dice(5) : number();
		break;
	}
}

static void device_rules_hold(void)
{
	const uint8_t status = device.status;

	assert_false(status & VMSG_STATUS_DRIVER && !(status & VMSG_STATUS_ACKNOWLEDGE));
	assert_false(status & VMSG_STATUS_FEATURES_OK && !(status & VMSG_STATUS_DRIVER));
	assert_false(status & VMSG_STATUS_DRIVER_OK && !(status & VMSG_STATUS_FEATURES_OK));
	for (uint32_t i = 0; i < info.queue_count; i++) {
		const struct vmsg_device_queue *queue = &device.queues[i];
		assert_false(queue->enabled && !(status & VMSG_STATUS_FEATURES_OK));
		assert_false(queue->enabled && device.resetting);
		assert_true(queue->layout.size <= info.queue_size_max);
		assert_false(queue->enabled && queue->layout.size == 0);
	}
	if (status & VMSG_STATUS_FEATURES_OK && !device.resetting) {
		assert_true(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
	}
}

static void a_device_bears_any_driver(void **state)
{
	(void)state;
	for (uint64_t run = 0; run < SEEDS; run++) {
		seed = run + 1;
		attach((enum vmsg_profile_id)(VMSG_PROFILE_R0 + run % 6));
		for (int round = 0; round < ROUNDS; round++) {
			struct vmsg_message message = {
				.header = { .type = (enum vmsg_type)dice(VMSG_TYPE_COUNT),
					    .kind = (enum vmsg_kind)dice(3) },
			};
			struct vmsg_message out;
			uint8_t tail[VMSG_FRAME_SIZE_MAX];
			if (dice(4)) { /* mostly what means something */
				message.header.kind = VMSG_REQUEST;
				message.header.type = (enum vmsg_type)(
					VMSG_GET_DEVICE_INFO +
					dice(VMSG_GET_SHM - VMSG_GET_DEVICE_INFO + 1));
			}
			if (dice(8) == 0) {
				ram[dice(RAM)] = (uint8_t)dice(256);
			}
			fill_request(&message, tail);
			(void)!vmsg_device_input(&device, 0, &message);
			if (vmsg_device_output(&device, &out) == 1 &&
			    vmsg_encoded_size(profile, &message) != VMSG_ERROR_REVISION) {
				must_encode(&out);
			}
			if (dice(16) == 0) {
				const uint32_t offset = dice(CONFIG);
				vmsg_device_config_changed(&device, offset,
							   dice(CONFIG - offset + 1));
			}
			while (vmsg_device_event(&device, &out) == 1) {
				must_encode(&out);
			}
			if (dice(16) == 0) {
				vmsg_device_reset_done(&device);
			}
			device_rules_hold();
		}
		vmsg_device_detach(&device);
		assert_int_equal(vmsg_memory_remove(&memory, 1), 0);
	}
}

/* ---- the driver ---- */

static void init_driver(void)
{
	const struct vmsg_driver_options options = {
		.profile = profile,
		.dev_num = DEV_NUM,
		.frame_size_max = profile->frame_size_min,
		.features = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
		.config_buffer = config_buffer,
		.config_buffer_size = sizeof(config_buffer),
	};

	assert_int_equal(vmsg_driver_init(&driver, &options), 0);
}

static void operate(uint64_t now)
{
	const struct vmsg_bytes data = { config_buffer, dice(20) };
	const struct vmsg_vq_layout layout = { .size = dice(64), .desc_addr = address() };

	switch (dice(9)) {
	case 0:
	case 1:
		(void)!vmsg_driver_start(&driver, now);
		break;
	case 2:
		(void)!vmsg_driver_setup_queue(&driver, now, dice(5), &layout);
		break;
	case 3:
		(void)!vmsg_driver_reset_queue(&driver, now, dice(5));
		break;
	case 4:
		(void)!vmsg_driver_ready(&driver, now);
		break;
	case 5:
		(void)!vmsg_driver_read_config(&driver, now, dice(40), dice(80));
		break;
	case 6:
		(void)!vmsg_driver_write_config(&driver, now, dice(40), data);
		break;
	case 7:
		(void)!vmsg_driver_get_shm(&driver, now, number());
		break;
	default:
		if (dice(8) == 0) {
			(void)!vmsg_driver_reset(&driver, now);
		}
		(void)!vmsg_driver_kick(&driver, dice(5), number());
		break;
	}
}

/* An answer that fits the question, apart from what is not true in it. */
static struct vmsg_message lie_about(const struct vmsg_message *request,
				     uint8_t tail[VMSG_FRAME_SIZE_MAX])
{
	struct vmsg_message answer = { .header = request->header };
	const uint32_t length = request->body.get_config_request.length;
	const bool honest = dice(12) != 0;

	answer.header.kind = VMSG_RESPONSE;
	memset(tail, 0xff, VMSG_FRAME_SIZE_MAX);
	switch (request->header.type) {
	case VMSG_GET_DEVICE_INFO:
		answer.body.get_device_info_response = (struct vmsg_get_device_info_response){
			.device_id = honest ? 1 : number(),
			.num_feature_blocks = honest ? 2 : number(),
			.config_size = honest ? CONFIG : number(),
			.max_virtqueues = honest ? 3 : number(),
		};
		break;
	case VMSG_GET_DEVICE_FEATURES: {
		const uint32_t blocks =
			honest ? request->body.get_device_features_request.num_blocks : dice(6);
		answer.body.get_device_features_response =
			(struct vmsg_features){ 0, blocks, { tail, (size_t)blocks * 4 } };
		break;
	}
	case VMSG_SET_DEVICE_STATUS:
		answer.body.set_device_status_response.status =
			honest ? request->body.set_device_status_request.status : number();
		break;
	case VMSG_GET_VQUEUE:
		answer.body.get_vqueue_response.index = request->body.get_vqueue_request.index;
		answer.body.get_vqueue_response.max_size = honest ? 64 : number();
		break;
	case VMSG_GET_CONFIG:
	case VMSG_SET_CONFIG: {
		const uint32_t size = honest && length < 40 ? length : dice(40);
		answer.body.get_config_response = (struct vmsg_config){
			.generation = dice(3),
			.offset = request->body.get_config_request.offset,
			.length = size,
			.data = { tail, size },
		};
		if (request->header.type == VMSG_SET_CONFIG) {
			answer.body.set_config_response = request->body.set_config_request;
			answer.body.set_config_response.length = dice(3);
		}
		break;
	}
	default:
		break;
	}
	return answer;
}

static void a_driver_bears_any_device(void **state)
{
	(void)state;
	int states[VMSG_DRIVER_FAILED + 1] = { 0 };

	for (uint64_t run = 0; run < SEEDS; run++) {
		uint64_t now = 1;
		seed = run + 1;
		profile = vmsg_profile((enum vmsg_profile_id)(VMSG_PROFILE_R0 + run % 6));
		init_driver();
		for (int round = 0; round < ROUNDS; round++) {
			struct vmsg_driver_event event;
			struct vmsg_message out;
			uint8_t tail[VMSG_FRAME_SIZE_MAX];
			operate(now);
			while (vmsg_driver_output(&driver, &out) == 1) {
				must_encode(&out);
				/* and its answer must fit, too */
				assert_true(out.header.type != VMSG_GET_CONFIG ||
					    out.body.get_config_request.length + 12 +
							    profile->header_size <=
						    profile->frame_size_min);
				if (out.header.kind == VMSG_REQUEST && dice(50)) {
					const struct vmsg_message answer = lie_about(&out, tail);
					(void)!vmsg_driver_input(&driver, now, &answer);
				}
			}
			struct vmsg_message noise = {
				.header = { .type = (enum vmsg_type)dice(VMSG_TYPE_COUNT),
					    .kind = (enum vmsg_kind)dice(3) },
			};
			noise.body.event_config.device_status = number();
			(void)!vmsg_driver_input(&driver, now, &noise);
			while (vmsg_driver_event(&driver, &event) == 1) {
				assert_true(event.kind != VMSG_DRIVER_EVENT_USED ||
					    driver.queues[event.queue].ready);
				assert_true(event.data.size <= sizeof(config_buffer));
			}
			/* it waits for something that ends, or for us */
			assert_int_equal(vmsg_driver_deadline(&driver) != UINT64_MAX,
					 vmsg_driver_is_busy(&driver));
			if (dice(3) == 0 && vmsg_driver_is_busy(&driver)) {
				now = vmsg_driver_deadline(&driver);
				vmsg_driver_tick(&driver, now);
			}
			states[driver.state]++;
		}
	}
	for (int i = 0; i <= VMSG_DRIVER_FAILED; i++) {
		if (i != VMSG_DRIVER_FINISHING) { /* which passes in one answer */
			assert_true(states[i] > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_bears_any_driver),
		cmocka_unit_test(a_driver_bears_any_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
