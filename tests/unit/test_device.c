/* SPDX-License-Identifier: BSD-3-Clause */
/* The back-end machine, message by message, in the oldest and the newest deployed dialect. */
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define DEV_NUM 3
#define RAM     0x8000u
#define CONFIG  40u

enum { ACK = 1, DRIVER = 3, FEATURES_OK = 11, RUNNING = 15 };

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory memory;
static struct vmsg_memory_area areas[2];
static struct vmsg_device device;
static uint8_t config[CONFIG];
static int kicks;
static int stops;
static int resets;
static bool slow_reset;
static bool refuse_features;

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	(void)context;
	assert_true(offset <= CONFIG && out.size <= CONFIG - offset);
	memcpy(out.data, config + offset, out.size);
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	(void)context;
	if (offset == 0) {
		return VMSG_ERROR_STATE; /* the first byte is read-only */
	}
	memcpy(config + offset, in.data, in.size);
	return 0;
}

static int set_features(void *context, const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	(void)context;
	(void)features;
	return refuse_features ? VMSG_ERROR_STATE : 0;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	(void)context;
	(void)index;
	(void)queue;
	kicks++;
}

static void queue_stop(void *context, uint32_t index)
{
	(void)context;
	(void)index;
	stops++;
}

static int reset(void *context)
{
	(void)context;
	resets++;
	return slow_reset ? 0 : 1;
}

static int shm(void *context, uint32_t shmid, uint64_t *length, uint64_t *address)
{
	(void)context;
	*length = shmid == 1 ? 0x1000 : 1ull << 33;
	*address = 1ull << memory.id_shift;
	return shmid == 1 || shmid == 2 ? 0 : VMSG_ERROR_NOT_FOUND;
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.write_config = write_config,
	.set_features = set_features,
	.queue_stop = queue_stop,
	.kick = kick,
	.reset = reset,
	.shm = shm,
};

/* Counts how often it was read. */
static void read_changing(void *context, uint32_t offset, struct vmsg_span out)
{
	config[0]++;
	vmsg_device_config_changed(&device, 0, 1);
	read_config(context, offset, out);
}

static const struct vmsg_device_ops changing_ops = { .read_config = read_changing, .kick = kick };

static const struct vmsg_device_info info = {
	.device_id = 99,
	.vendor_id = 0x1af4,
	.uuid = { 1, 2, 3 },
	/* the device may say what it likes of notification data: the machine knows better */
	.features = { 0x5, 1u << (VMSG_F_IN_ORDER - 32) | 0xc0, 0x80 },
	.config_size = CONFIG,
	.queue_count = 2,
	.queue_size_max = 16,
};

static int attach(enum vmsg_profile_id profile, uint32_t transport_features)
{
	const struct vmsg_segment segment = { ram, RAM };

	memset(ram, 0, sizeof(ram));
	for (unsigned int i = 0; i < CONFIG; i++) {
		config[i] = (uint8_t)(i + 1);
	}
	kicks = stops = resets = 0;
	slow_reset = refuse_features = false;
	vmsg_memory_init(&memory, areas, 2, vmsg_profile(profile)->area_id_shift);
	assert_int_equal(vmsg_memory_add(&memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_device_init(&device, DEV_NUM, &info, &ops, NULL), 0);
	vmsg_device_attach(&device, vmsg_profile(profile), &memory, 96, transport_features);
	resets = 0;
	return 0;
}

static int with_r3(void **state)
{
	(void)state;
	return attach(VMSG_PROFILE_R3, 0);
}

static int with_r3_strict(void **state)
{
	(void)state;
	return attach(VMSG_PROFILE_R3, VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION);
}

static int with_r1(void **state)
{
	(void)state;
	return attach(VMSG_PROFILE_R1, 0);
}

static struct vmsg_message request(enum vmsg_type type)
{
	return (struct vmsg_message){
		.header = { .type = type, .kind = VMSG_REQUEST, .dev_num = DEV_NUM, .token = 77 },
	};
}

/* Sends and takes the reply, whose header must mirror the request's. */
static struct vmsg_message ask(const struct vmsg_message *message)
{
	struct vmsg_message reply;

	assert_int_equal(vmsg_device_input(&device, 0, message), 0);
	assert_int_equal(vmsg_device_output(&device, &reply), 1);
	assert_int_equal(reply.header.type, message->header.type);
	assert_int_equal(reply.header.kind, VMSG_RESPONSE);
	assert_int_equal(reply.header.dev_num, DEV_NUM);
	assert_int_equal(reply.header.token, 77);
	assert_int_equal(vmsg_device_output(&device, &reply) == 1, false);
	return reply;
}

static uint32_t set_status(uint32_t status)
{
	struct vmsg_message message = request(VMSG_SET_DEVICE_STATUS);

	message.body.set_device_status_request.status = status;
	return ask(&message).body.set_device_status_response.status;
}

static void accept(uint32_t block0, uint32_t block1, uint32_t block2)
{
	struct vmsg_message message = request(VMSG_SET_DRIVER_FEATURES);
	uint8_t words[12];

	vmsg_store_le32(words, block0);
	vmsg_store_le32(words + 4, block1);
	vmsg_store_le32(words + 8, block2);
	message.body.set_driver_features_request =
		(struct vmsg_features){ 0, 3, { words, sizeof(words) } };
	(void)ask(&message);
}

static void negotiate(void)
{
	assert_int_equal(set_status(ACK), ACK);
	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(1u << VMSG_F_EVENT_IDX, 1 | 1u << (VMSG_F_RING_RESET - 32), 0);
	assert_int_equal(set_status(FEATURES_OK), FEATURES_OK);
}

static uint64_t at(uint64_t offset)
{
	return 1ull << memory.id_shift | offset;
}

static struct vmsg_message queue_request(uint32_t flags)
{
	struct vmsg_message message = request(VMSG_SET_VQUEUE);

	message.body.set_vqueue_request = (struct vmsg_set_vqueue_request){
		.index = 0,
		.flags = flags,
		.size = 8,
		.desc_addr = at(0),
		.driver_addr = at(0x1000),
		.device_addr = at(0x2000),
	};
	return message;
}

static struct vmsg_get_vqueue_response queue(uint32_t index)
{
	struct vmsg_message message = request(VMSG_GET_VQUEUE);

	message.body.get_vqueue_request.index = index;
	return ask(&message).body.get_vqueue_response;
}

static void set_queue(uint32_t flags)
{
	const struct vmsg_message message = queue_request(flags);

	(void)ask(&message);
}

static void start(void)
{
	negotiate();
	set_queue(VMSG_SET_VQUEUE_ENABLE);
	assert_int_equal(queue(0).cur_size, 8);
	assert_int_equal(set_status(RUNNING), RUNNING);
}

static int notify_queue(uint32_t index)
{
	struct vmsg_message message = request(VMSG_EVENT_AVAIL);
	struct vmsg_message none;

	message.header.kind = VMSG_EVENT;
	message.body.event_avail.vq_index = index;
	const int result = vmsg_device_input(&device, 0, &message);
	assert_int_equal(vmsg_device_output(&device, &none), 0); /* never an answer to an event */
	return result;
}

/* ---- information and features ---- */

static void information_is_what_the_device_says(void **state)
{
	(void)state;
	const struct vmsg_message message = request(VMSG_GET_DEVICE_INFO);
	const struct vmsg_message reply = ask(&message);
	const struct vmsg_get_device_info_response *got = &reply.body.get_device_info_response;

	assert_int_equal(got->device_id, 99);
	assert_int_equal(got->config_size, CONFIG);
	assert_int_equal(got->max_virtqueues, 2);
	assert_int_equal(got->device_uuid[1], 2);
	/* three blocks where blocks are counted, 64 bits and no more for r1 drivers */
	assert_int_equal(got->num_feature_blocks, device.profile->has_queue_flags ? 3 : 2);
}

static void feature_blocks_beyond_the_devices_read_zero(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_GET_DEVICE_FEATURES);

	message.body.get_device_features_request.block_index = 0;
	message.body.get_device_features_request.num_blocks = 6;
	struct vmsg_message reply = ask(&message);
	const struct vmsg_bytes *blocks = &reply.body.get_device_features_response.features;
	assert_int_equal(vmsg_feature_block(blocks, 0) & 0x7, 0x5);
	assert_int_equal(vmsg_feature_block(blocks, 1) & 1, 1); /* VERSION_1 */
	assert_int_equal(vmsg_feature_block(blocks, 2), device.profile->has_queue_flags ? 0x80 : 0);
	assert_int_equal(vmsg_feature_block(blocks, 5), 0);
	message.body.get_device_features_request.block_index = UINT32_MAX;
	reply = ask(&message);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(
			vmsg_feature_block(&reply.body.get_device_features_response.features, i),
			0);
	}
}

static uint32_t offered_block_1(void)
{
	struct vmsg_message message = request(VMSG_GET_DEVICE_FEATURES);

	message.body.get_device_features_request.block_index = 1;
	message.body.get_device_features_request.num_blocks = 1;
	const struct vmsg_message reply = ask(&message);
	return vmsg_feature_block(&reply.body.get_device_features_response.features, 0);
}

static void notification_data_is_offered_only_where_it_works(void **state)
{
	(void)state;
	const uint32_t data = 1u << (VMSG_F_NOTIFICATION_DATA - 32);
	const uint32_t config_data = 1u << (VMSG_F_NOTIF_CONFIG_DATA - 32);

	/* r1 drivers compute it wrongly (Q8) */
	assert_int_equal(offered_block_1() & data, device.profile->has_token ? data : 0);
	assert_int_equal(offered_block_1() & config_data, 0);
	/* and what is not offered cannot be had */
	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0, 1 | config_data, 0);
	assert_int_equal(set_status(FEATURES_OK), DRIVER);
}

static void the_offer_stays_what_it_was(void **state)
{
	(void)state;
	const uint32_t before = offered_block_1();

	negotiate();
	assert_int_equal(offered_block_1(), before); /* not what the driver took of it */
}

static void features_come_between_driver_and_features_ok(void **state)
{
	(void)state;
	accept(0, 1, 0);
	assert_false(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
	assert_int_equal(set_status(ACK), ACK);
	accept(0, 1, 0);
	assert_false(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0, 1, 0);
	assert_true(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
}

static void feature_blocks_add_up(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_SET_DRIVER_FEATURES);
	const uint8_t word[4] = { 0x80 };

	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0x1, 1, 0);
	message.body.set_driver_features_request = (struct vmsg_features){ 2, 1, { word, 4 } };
	(void)ask(&message); /* only the block it names */
	assert_int_equal(set_status(FEATURES_OK), FEATURES_OK);
	assert_true(vmsg_device_has_feature(&device, 0));
	assert_true(vmsg_device_has_feature(&device, 71));
}

static void more_feature_blocks_than_a_frame_holds_are_refused(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_GET_DEVICE_FEATURES);

	message.body.get_device_features_request.num_blocks = UINT32_MAX;
	assert_int_equal(vmsg_device_input(&device, 0, &message), VMSG_ERROR_RANGE);
	assert_int_equal(device.refused, 1);
}

static void features_not_offered_are_not_agreed(void **state)
{
	(void)state;
	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0x2, 1, 0);
	assert_int_equal(set_status(FEATURES_OK), DRIVER);
	accept(0, 1, 0);
	assert_int_equal(set_status(FEATURES_OK), FEATURES_OK);
}

static void features_without_version_1_are_not_agreed(void **state)
{
	(void)state;
	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0x1, 0, 0);
	assert_int_equal(set_status(FEATURES_OK), DRIVER);
}

static void a_device_may_refuse_a_set(void **state)
{
	(void)state;
	refuse_features = true;
	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0x1, 1, 0);
	assert_int_equal(set_status(FEATURES_OK), DRIVER);
}

static void bits_beyond_what_is_stored_are_not_agreed(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_SET_DRIVER_FEATURES);
	const uint8_t word[4] = { 1 };

	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0, 1, 0);
	message.body.set_driver_features_request =
		(struct vmsg_features){ UINT32_MAX, 1, { word, 4 } };
	(void)ask(&message);
	assert_int_equal(set_status(FEATURES_OK), DRIVER);
}

static void agreed_features_stay(void **state)
{
	(void)state;
	negotiate();
	accept(0, 0, 0);
	assert_true(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
	assert_false(vmsg_device_has_feature(&device, 4000));
}

/* ---- status ---- */

/* Every status against every other: what may follow what, written down once more by hand. */
static void status_moves_only_forward(void **state)
{
	(void)state;
	static const uint8_t legal[] = { ACK, DRIVER, FEATURES_OK, RUNNING };

	for (uint32_t from = 0; from < 4; from++) {
		for (uint32_t wanted = 1; wanted < 256; wanted++) {
			with_r3(NULL);
			assert_int_equal(set_status(DRIVER), DRIVER);
			accept(0, 1, 0);
			if (legal[from] > DRIVER) {
				assert_int_equal(set_status(legal[from]), legal[from]);
			} else if (legal[from] < DRIVER) {
				with_r3(NULL);
				assert_int_equal(set_status(ACK), ACK);
				accept(0, 1, 0);
			}
			const uint32_t now = legal[from];
			const uint32_t known = wanted & 0x8f; /* without NEEDS_RESET and reserved */
			const bool adds = (now & ~wanted) == 0;
			const bool order = (!(wanted & 2) || wanted & 1) &&
					   (!(wanted & 8) || wanted & 2) &&
					   (!(wanted & 4) || wanted & 8);
			/* nobody chose features before DRIVER: no agreement then */
			const uint32_t then = now == ACK ? known & ~0xcu : known;
			assert_int_equal(set_status(wanted), adds && order ? then : now);
		}
	}
}

static void a_status_wider_than_a_byte_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(set_status(ACK), ACK);
	assert_int_equal(set_status(0x103), ACK);
}

static void status_0_resets(void **state)
{
	(void)state;
	start();
	assert_int_equal(set_status(0), 0);
	assert_int_equal(resets, 1);
	assert_int_equal(stops, 1);
	assert_int_equal(queue(0).cur_size, 0);
	assert_false(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
	assert_int_equal(vmsg_memory_remove(&memory, 1), 0); /* nothing holds it any more */
}

static void a_slow_reset_does_not_show_0_early(void **state)
{
	(void)state;
	const struct vmsg_message get = request(VMSG_GET_DEVICE_STATUS);

	start();
	slow_reset = true;
	assert_int_equal(set_status(0), RUNNING);
	assert_int_equal(ask(&get).body.get_device_status_response.status, RUNNING);
	assert_int_equal(set_status(ACK), RUNNING); /* not before it is done */
	vmsg_device_reset_done(&device);
	assert_int_equal(ask(&get).body.get_device_status_response.status, 0);
}

/* Status still reads as before while a reset takes its time: nothing may come to life by that. */
static void nothing_starts_during_a_slow_reset(void **state)
{
	(void)state;
	struct vmsg_message message = queue_request(VMSG_SET_VQUEUE_ENABLE);
	struct vmsg_message event;

	start();
	slow_reset = true;
	assert_int_equal(set_status(0), RUNNING);
	(void)ask(&message);
	assert_int_equal(queue(0).cur_size, 0);
	assert_int_equal(notify_queue(0), VMSG_ERROR_STATE);
	accept(0x5, 1, 0);
	assert_false(vmsg_device_has_feature(&device, 0));
	message = request(VMSG_SET_CONFIG);
	static const uint8_t data[] = { 0xaa };
	message.body.set_config_request = (struct vmsg_config){ 0, 8, 1, { data, 1 } };
	assert_int_equal(ask(&message).body.set_config_response.length, 0);
	vmsg_device_config_changed(&device, 0, 4);
	vmsg_device_needs_reset(&device);
	assert_int_equal(vmsg_device_event(&device, &event), 0);
	vmsg_device_reset_done(&device);
	assert_int_equal(set_status(DRIVER), DRIVER);
	assert_int_equal(queue(0).cur_size, 0);
	assert_int_equal(vmsg_memory_remove(&memory, 1), 0);
}

static void a_device_that_did_nothing_has_nothing_to_reset(void **state)
{
	(void)state;
	slow_reset = true;
	assert_int_equal(set_status(0), 0);
	assert_int_equal(resets, 0); /* 0 is shown, so it must be over */
	assert_int_equal(set_status(ACK), ACK);
	assert_int_equal(set_status(0), ACK);
	assert_int_equal(resets, 1);
}

static void nothing_is_agreed_during_a_slow_reset(void **state)
{
	(void)state;
	assert_int_equal(set_status(DRIVER), DRIVER);
	slow_reset = true;
	assert_int_equal(set_status(0), DRIVER);
	accept(0, 1, 0);
	assert_false(vmsg_device_has_feature(&device, VMSG_F_VERSION_1));
	assert_int_equal(set_status(FEATURES_OK), DRIVER);
	assert_int_equal(set_status(DRIVER | VMSG_STATUS_FAILED), DRIVER);
	vmsg_device_reset_done(&device);
	assert_int_equal(set_status(ACK), ACK);
}

static void a_failed_driver_is_not_served(void **state)
{
	(void)state;
	start();
	assert_int_equal(set_status(RUNNING | VMSG_STATUS_FAILED), RUNNING | VMSG_STATUS_FAILED);
	assert_int_equal(notify_queue(0), VMSG_ERROR_STATE);
	assert_int_equal(kicks, 0);
	assert_int_equal(set_status(RUNNING), RUNNING | VMSG_STATUS_FAILED);
	assert_int_equal(set_status(0), 0);
}

/* ---- config ---- */

static struct vmsg_message config_request(uint32_t offset, uint32_t length)
{
	struct vmsg_message message = request(VMSG_GET_CONFIG);

	message.body.get_config_request.offset = offset;
	message.body.get_config_request.length = length;
	return message;
}

static void config_is_read_where_asked(void **state)
{
	(void)state;
	struct vmsg_message message = config_request(CONFIG - 2, 2);
	struct vmsg_message reply = ask(&message);
	const struct vmsg_config *got = &reply.body.get_config_response;

	assert_int_equal(got->offset, CONFIG - 2);
	assert_int_equal(got->length, 2);
	assert_int_equal(got->data.data[1], CONFIG);
	message = config_request(CONFIG, 0); /* only the generation */
	reply = ask(&message);
	assert_int_equal(reply.body.get_config_response.length, 0);
}

/* Bytes and generation of an answer, and of an event, belong together. */
static void config_may_change_when_it_is_read(void **state)
{
	(void)state;
	struct vmsg_message message = config_request(0, 4);
	struct vmsg_message event;

	start();
	device.ops = &changing_ops;
	config[0] = 0;
	for (uint32_t i = 1; i < 4; i++) {
		const struct vmsg_message reply = ask(&message);
		assert_int_equal(reply.body.get_config_response.generation, i);
		assert_int_equal(reply.body.get_config_response.data.data[0], i);
	}
	/* told, and changed once more by that; so there is always another one */
	for (uint32_t i = 4; i < 7; i++) {
		assert_int_equal(vmsg_device_event(&device, &event), 1);
		assert_int_equal(event.body.event_config.generation, i);
		assert_int_equal(event.body.event_config.data.data[0], i);
	}
}

static void config_beyond_the_end_is_refused(void **state)
{
	(void)state;
	static const uint32_t ranges[][2] = { { CONFIG, 1 },
					      { CONFIG - 1, 2 },
					      { UINT32_MAX, 2 },
					      { 1, UINT32_MAX },
					      { 0, CONFIG + 1 } };

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct vmsg_message message = config_request(ranges[i][0], ranges[i][1]);
		if (device.profile->has_error) { /* the bus says ERROR */
			assert_int_equal(vmsg_device_input(&device, 0, &message), VMSG_ERROR_RANGE);
		} else {
			assert_int_equal(ask(&message).body.get_config_response.length, 0);
		}
	}
}

static struct vmsg_config write(uint32_t offset, uint32_t generation)
{
	struct vmsg_message message = request(VMSG_SET_CONFIG);
	static const uint8_t data[] = { 0xaa, 0xbb };

	message.body.set_config_request =
		(struct vmsg_config){ generation, offset, 2, { data, 2 } };
	return ask(&message).body.set_config_response;
}

static void a_config_write_echoes_and_counts_up(void **state)
{
	(void)state;
	const struct vmsg_config reply = write(8, 0);

	assert_int_equal(reply.length, 2);
	assert_int_equal(reply.generation, 1);
	assert_int_equal(reply.data.data[1], 0xbb);
	assert_int_equal(config[9], 0xbb);
}

static void a_refused_config_write_changes_nothing(void **state)
{
	(void)state;
	const struct vmsg_config reply = write(0, 0);

	assert_int_equal(reply.length, 0);
	assert_int_equal(reply.generation, 0);
	assert_int_equal(config[0], 1);
}

static void a_write_of_nothing_is_done_and_changes_nothing(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_SET_CONFIG);

	message.body.set_config_request.offset = CONFIG;
	const struct vmsg_message reply = ask(&message);
	assert_int_equal(reply.body.set_config_response.offset, CONFIG);
	assert_int_equal(reply.body.set_config_response.length, 0);
	assert_int_equal(reply.body.set_config_response.data.size, 0);
	assert_int_equal(device.generation, 0);
}

static void a_stale_generation_is_refused(void **state)
{
	const uint32_t first = device.generation;

	(void)state;
	assert_int_equal(write(8, first).length, 2);
	assert_int_equal(write(8, first).length, 0); /* it is one more by now */
	assert_int_equal(write(8, first + 1).length, 2);
}

/* As the newest kernel, whose driver knows no transport feature and has no way to say so. */
static void a_driver_of_the_baseline_is_served_though_strict_was_offered(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_not_equal(device.generation, 0);
		assert_int_equal(write(8, 0).length, 2);
	}
	assert_int_equal(write(8, device.generation - 1).length, 0);
	vmsg_device_detach(&device); /* what changes while no driver is there counts too */
	device.generation = UINT32_MAX;
	vmsg_device_config_changed(&device, 8, 2);
	assert_int_equal(device.generation, 1);
}

static void the_baseline_ignores_the_generation(void **state)
{
	(void)state;
	assert_int_equal(write(8, 4711).length, 2);
	assert_int_equal(write(8, 0).length, 2);
}

/* ---- queues ---- */

static void a_queue_is_enabled_and_confirmed(void **state)
{
	(void)state;
	negotiate();
	set_queue(VMSG_SET_VQUEUE_ENABLE);
	const struct vmsg_get_vqueue_response got = queue(0);
	assert_int_equal(got.max_size, 16);
	assert_int_equal(got.cur_size, 8);
	assert_int_equal(got.flags, VMSG_VQUEUE_ENABLED);
	assert_int_equal(got.driver_addr, at(0x1000));
	assert_int_equal(queue(1).cur_size, 0);
}

static void a_queue_that_does_not_exist_has_no_size(void **state)
{
	(void)state;
	const struct vmsg_get_vqueue_response got = queue(2);

	assert_int_equal(got.index, 2);
	assert_int_equal(got.max_size, 0);
	assert_int_equal(queue(UINT32_MAX).max_size, 0);
}

static void each_impossible_update_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		uint32_t index, flags, size, reserved;
		uint64_t desc;
	} cases[] = {
		{ 2, 1, 8, 0, 0 },          /* no such queue */
		{ 0, 1, 8, 1, 0 },          /* reserved word */
		{ 0, 0x41, 8, 0, 0 },       /* unknown flag */
		{ 0, 3, 8, 0, 0 },          /* reserved operation */
		{ 0, 1, 0, 0, 0 },          /* no entries */
		{ 0, 1, 7, 0, 0 },          /* no power of two */
		{ 0, 1, 32, 0, 0 },         /* more than the device has */
		{ 0, 1, 8, 0, 8 },          /* unaligned */
		{ 0, 1, 8, 0, RAM - 64 },   /* over the end of its area */
		{ 0, 1, 8, 0, 1ull << 50 }, /* in no area */
	};

	negotiate();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vmsg_message message = queue_request(cases[i].flags);
		struct vmsg_set_vqueue_request *body = &message.body.set_vqueue_request;
		body->index = cases[i].index;
		body->size = cases[i].size;
		body->reserved = cases[i].reserved;
		body->desc_addr += cases[i].desc;
		(void)ask(&message);
		assert_int_equal(queue(0).flags, 0);
		assert_int_equal(queue(0).cur_size, 0);
	}
}

static void operation_0_configures_without_enabling(void **state)
{
	(void)state;
	negotiate();
	set_queue(VMSG_SET_VQUEUE_KEEP_DISABLED);
	assert_int_equal(queue(0).cur_size, 8);
	assert_int_equal(queue(0).flags, 0);
	/* then enabled with what is configured */
	set_queue(VMSG_SET_VQUEUE_ENABLE | VMSG_SET_VQUEUE_IGNORE_SIZE |
		  VMSG_SET_VQUEUE_IGNORE_DESC | VMSG_SET_VQUEUE_IGNORE_DRIVER |
		  VMSG_SET_VQUEUE_IGNORE_DEVICE);
	assert_int_equal(queue(0).flags, VMSG_VQUEUE_ENABLED);
}

static void an_enabled_queue_cannot_change(void **state)
{
	(void)state;
	negotiate();
	set_queue(VMSG_SET_VQUEUE_ENABLE);
	struct vmsg_message message = queue_request(VMSG_SET_VQUEUE_KEEP_DISABLED);
	(void)ask(&message);
	assert_int_equal(queue(0).flags, VMSG_VQUEUE_ENABLED);
	message = queue_request(VMSG_SET_VQUEUE_KEEP_STATE);
	message.body.set_vqueue_request.size = 4;
	(void)ask(&message);
	assert_int_equal(queue(0).cur_size, 8);
}

static void before_r3_setting_a_queue_enables_it(void **state)
{
	(void)state;
	negotiate();
	set_queue(0);
	assert_int_equal(queue(0).cur_size, 8);
	assert_int_equal(set_status(RUNNING), RUNNING);
	assert_int_equal(notify_queue(0), 0);
	assert_int_equal(kicks, 1);
}

static void queues_need_agreed_features(void **state)
{
	(void)state;
	assert_int_equal(set_status(DRIVER), DRIVER);
	set_queue(VMSG_SET_VQUEUE_ENABLE);
	assert_int_equal(queue(0).cur_size, 0);
}

static void a_queue_resets_alone(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_RESET_VQUEUE);

	start();
	(void)ask(&message);
	assert_int_equal(stops, 1);
	assert_int_equal(queue(0).flags, 0);
	assert_int_equal(queue(0).cur_size, 0);
	message.body.reset_vqueue_request.index = UINT32_MAX;
	(void)ask(&message); /* answered, nothing done */
	set_queue(VMSG_SET_VQUEUE_ENABLE);
	assert_int_equal(queue(0).cur_size, 8);
}

static void kicks_reach_only_a_running_queue(void **state)
{
	(void)state;
	assert_int_equal(notify_queue(0), VMSG_ERROR_STATE);
	start();
	assert_int_equal(notify_queue(0), 0);
	assert_int_equal(notify_queue(1), VMSG_ERROR_STATE);
	assert_int_equal(notify_queue(2), VMSG_ERROR_RANGE);
	assert_int_equal(notify_queue(UINT32_MAX), VMSG_ERROR_RANGE);
	assert_int_equal(kicks, 1);
}

static void work_left_over_is_done_by_the_next_tick(void **state)
{
	(void)state;
	start();
	assert_true(vmsg_device_deadline(&device) == UINT64_MAX);
	vmsg_device_kick_later(&device, 0);
	assert_true(vmsg_device_deadline(&device) == 0);
	vmsg_device_tick(&device, 0);
	assert_int_equal(kicks, 1);
	assert_true(vmsg_device_deadline(&device) == UINT64_MAX);
	vmsg_device_kick_later(&device, 0);
	assert_int_equal(set_status(0), 0);
	vmsg_device_tick(&device, 0); /* gone with the queue */
	assert_int_equal(kicks, 1);
}

static void a_packed_queue_may_have_any_size(void **state)
{
	(void)state;
	const uint32_t ring = 1u << (VMSG_F_RING_PACKED - 32) | 1u << (VMSG_F_IN_ORDER - 32);
	struct vmsg_message message = queue_request(VMSG_SET_VQUEUE_ENABLE);

	assert_int_equal(set_status(DRIVER), DRIVER);
	accept(0, 1 | ring, 0);
	assert_int_equal(set_status(FEATURES_OK), FEATURES_OK);
	message.body.set_vqueue_request.size = 7;
	(void)ask(&message);
	assert_int_equal(queue(0).cur_size, 7);
	assert_true(device.queues[0].ring.vq.layout.packed);
	assert_true(device.queues[0].ring.vq.layout.in_order);
}

/* ---- shared memory ---- */

static void a_region_is_told_where_its_numbers_fit(void **state)
{
	(void)state;
	struct vmsg_message message = request(VMSG_GET_SHM);
	const bool wide = device.profile->has_queue_flags;

	for (uint32_t id = 0; id < 4; id++) {
		message.body.get_shm_request.index = id;
		const struct vmsg_get_shm_response got = ask(&message).body.get_shm_response;
		assert_int_equal(got.shmid, id);
		const bool there = wide && (id == 1 || id == 2);
		assert_true(got.length == (there ? id == 1 ? 0x1000 : 1ull << 33 : 0));
		assert_true(got.address == (there ? 1ull << memory.id_shift : 0));
	}
}

/* ---- events ---- */

static void an_event_leaves_a_waiting_reply_alone(void **state)
{
	(void)state;
	const struct vmsg_message message = config_request(0, 8);
	struct vmsg_message reply;
	struct vmsg_message event;

	start();
	vmsg_device_config_changed(&device, 20, 8);
	assert_int_equal(vmsg_device_input(&device, 0, &message), 0);
	assert_int_equal(vmsg_device_event(&device, &event), 1);
	assert_int_equal(vmsg_device_output(&device, &reply), 1);
	assert_memory_equal(reply.body.get_config_response.data.data, config, 8);
	assert_memory_equal(event.body.event_config.data.data, config + 20, 8);
}

static void a_changed_config_is_told_once_with_its_data(void **state)
{
	(void)state;
	struct vmsg_message event;

	start();
	vmsg_device_config_changed(&device, 4, 2);
	vmsg_device_config_changed(&device, 8, 4);
	assert_int_equal(device.coalesced, 1);
	assert_true(vmsg_device_has_event(&device));
	assert_int_equal(vmsg_device_event(&device, &event), 1);
	assert_int_equal(event.header.type, VMSG_EVENT_CONFIG);
	assert_int_equal(event.header.kind, VMSG_EVENT);
	assert_int_equal(event.body.event_config.generation, 2);
	assert_int_equal(event.body.event_config.device_status, RUNNING);
	assert_int_equal(event.body.event_config.offset, 4);
	assert_int_equal(event.body.event_config.length, 8);
	assert_int_equal(event.body.event_config.data.data[0], 5);
	assert_int_equal(vmsg_device_event(&device, &event), 0);
}

static void a_change_too_large_for_a_frame_names_nothing(void **state)
{
	(void)state;
	struct vmsg_message event;

	start();
	device.frame_size_max = device.profile->frame_size_min;
	vmsg_device_config_changed(&device, 0, CONFIG);
	assert_int_equal(vmsg_device_event(&device, &event), 1);
	assert_int_equal(event.body.event_config.offset, 0);
	assert_int_equal(event.body.event_config.length, 0);
	assert_int_equal(event.body.event_config.data.size, 0);
	assert_int_equal(event.body.event_config.generation, 1);
}

static void a_status_write_is_no_event(void **state)
{
	(void)state;
	start();
	assert_false(vmsg_device_has_event(&device));
	assert_int_equal(set_status(RUNNING | VMSG_STATUS_FAILED), RUNNING | VMSG_STATUS_FAILED);
	assert_false(vmsg_device_has_event(&device));
	assert_int_equal(set_status(0), 0);
	assert_false(vmsg_device_has_event(&device));
}

static void nobody_is_told_before_there_is_a_driver(void **state)
{
	(void)state;
	assert_int_equal(set_status(ACK), ACK);
	vmsg_device_config_changed(&device, 0, 4);
	vmsg_device_needs_reset(&device);
	assert_false(vmsg_device_has_event(&device));
	assert_int_equal(device.generation, 1); /* but who reads sees that it changed */
	assert_int_equal(device.status, ACK);
}

static void used_buffers_are_told_once_a_queue(void **state)
{
	(void)state;
	struct vmsg_message event;
	struct vmsg_message message = queue_request(VMSG_SET_VQUEUE_ENABLE);

	negotiate();
	(void)ask(&message);
	message.body.set_vqueue_request.index = 1;
	message.body.set_vqueue_request.desc_addr = at(0x3000);
	message.body.set_vqueue_request.driver_addr = at(0x4000);
	message.body.set_vqueue_request.device_addr = at(0x5000);
	(void)ask(&message);
	assert_int_equal(set_status(RUNNING), RUNNING);
	for (int i = 0; i < 100; i++) {
		for (uint32_t index = 0; index < 2; index++) {
			/* one buffer was used, and the driver wants to know of each */
			struct vmsg_vq_device *ring = &device.queues[index].ring;
			ring->vq.put++;
			ring->vq.news = 1;
			vmsg_store_le16(ram + (index ? 0x4000 : 0x1000) + 4 + 8 * 2,
					(uint16_t)(ring->vq.put - 1));
			vmsg_device_notify(&device, index);
		}
	}
	assert_int_equal(device.coalesced, 198);
	for (uint32_t index = 0; index < 2; index++) {
		assert_int_equal(vmsg_device_event(&device, &event), 1);
		assert_int_equal(event.header.type, VMSG_EVENT_USED);
		assert_int_equal(event.header.token, 0);
		assert_int_equal(event.body.event_used.vq_index, index);
	}
	assert_int_equal(vmsg_device_event(&device, &event), 0);
}

static void needing_a_reset_is_a_status_event(void **state)
{
	(void)state;
	struct vmsg_message event;

	start();
	vmsg_device_needs_reset(&device);
	assert_int_equal(vmsg_device_event(&device, &event), 1);
	assert_int_equal(event.body.event_config.device_status, RUNNING | VMSG_STATUS_NEEDS_RESET);
	assert_int_equal(event.body.event_config.length, 0);
	assert_int_equal(notify_queue(0), VMSG_ERROR_STATE);
	assert_int_equal(set_status(0), 0);
}

static void a_broken_ring_needs_a_reset(void **state)
{
	(void)state;
	start();
	device.queues[0].ring.vq.broken = true;
	assert_int_equal(notify_queue(0), 0);
	assert_int_equal(device.status & VMSG_STATUS_NEEDS_RESET, VMSG_STATUS_NEEDS_RESET);
}

/* ---- bad input ---- */

static void a_second_request_before_the_reply_is_again(void **state)
{
	(void)state;
	const struct vmsg_message message = request(VMSG_GET_DEVICE_STATUS);

	assert_int_equal(vmsg_device_input(&device, 0, &message), 0);
	assert_int_equal(vmsg_device_input(&device, 0, &message), VMSG_ERROR_AGAIN);
}

/* What each message does in each state of the device, written down by hand: 'x' it takes effect,
 * '.' it is answered (an event: refused) and nothing changes. */
static void each_message_in_each_state(void **state)
{
	(void)state;
	enum {
		RESET_0,
		ACKNOWLEDGED,
		HAS_DRIVER,
		AGREED,
		WITH_QUEUE,
		RUNS,
		HAS_FAILED,
		NEEDS_RESET,
		SLOWLY_RESETTING,
		STATES
	};
	static const struct {
		enum vmsg_type type;
		const char *effect;
	} table[] = {
		{ VMSG_GET_DEVICE_INFO, "........." },
		{ VMSG_GET_DEVICE_FEATURES, "........." },
		{ VMSG_SET_DRIVER_FEATURES, "..x......" },
		{ VMSG_GET_CONFIG, "........." },
		{ VMSG_SET_CONFIG, "xxxxxxxx." },
		{ VMSG_GET_DEVICE_STATUS, "........." },
		{ VMSG_SET_DEVICE_STATUS, ".xxxxxxx." }, /* with 0 */
		{ VMSG_GET_VQUEUE, "........." },
		{ VMSG_SET_VQUEUE, "...x....." }, /* one that is enabled cannot change */
		{ VMSG_RESET_VQUEUE, "....xxxx." },
		{ VMSG_GET_SHM, "........." },
		{ VMSG_EVENT_AVAIL, ".....x..." },
	};
	const enum vmsg_profile_id profile = device.profile->id;
	static const uint8_t data[] = { 0xaa };
	static const uint8_t words[] = { 4, 0, 0, 0 };

	for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++) {
		for (int at_state = RESET_0; at_state < STATES; at_state++) {
			attach(profile, 0);
			if (at_state >= AGREED) {
				negotiate();
			} else if (at_state > RESET_0) {
				(void)set_status(at_state == ACKNOWLEDGED ? ACK : DRIVER);
			}
			if (at_state >= WITH_QUEUE) {
				set_queue(VMSG_SET_VQUEUE_ENABLE);
			}
			if (at_state >= RUNS) {
				(void)set_status(RUNNING);
			}
			if (at_state == HAS_FAILED) {
				(void)set_status(RUNNING | VMSG_STATUS_FAILED);
			} else if (at_state == NEEDS_RESET) {
				vmsg_device_needs_reset(&device);
			} else if (at_state == SLOWLY_RESETTING) {
				slow_reset = true;
				(void)set_status(0);
			}
			const struct vmsg_device before = device;
			const uint8_t config_before = config[8];
			struct vmsg_message message = queue_request(VMSG_SET_VQUEUE_ENABLE);
			message.header.type = table[row].type;
			if (table[row].type == VMSG_SET_DRIVER_FEATURES) {
				message.body.set_driver_features_request =
					(struct vmsg_features){ 0, 1, { words, 4 } };
			} else if (table[row].type == VMSG_SET_CONFIG) {
				message.body.set_config_request =
					(struct vmsg_config){ 0, 8, 1, { data, 1 } };
			} else if (table[row].type != VMSG_SET_VQUEUE) {
				memset(&message.body, 0, sizeof(message.body));
			}
			if (table[row].type == VMSG_EVENT_AVAIL) {
				(void)notify_queue(0);
			} else {
				(void)ask(&message);
			}
			const bool changed =
				device.status != before.status || config[8] != config_before ||
				device.generation != before.generation || kicks != 0 ||
				memcmp(device.driver_features, before.driver_features,
				       sizeof(before.driver_features)) != 0 ||
				device.queues[0].enabled != before.queues[0].enabled ||
				device.queues[0].layout.size != before.queues[0].layout.size;
			if (changed != (table[row].effect[at_state] == 'x')) {
				fail_msg("%s in state %d: %s", vmsg_type_name(table[row].type),
					 at_state, changed ? "changed something" : "did nothing");
			}
		}
	}
}

static void what_no_driver_sends_is_refused(void **state)
{
	(void)state;
	for (int type = 0; type < VMSG_TYPE_COUNT; type++) {
		for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
			struct vmsg_message message = request((enum vmsg_type)type);
			struct vmsg_message reply;
			message.header.kind = (enum vmsg_kind)kind;
			const bool served = kind == VMSG_REQUEST && type >= VMSG_GET_DEVICE_INFO &&
					    type <= VMSG_GET_SHM && type != VMSG_GET_CONFIG_GEN;
			const int result = vmsg_device_input(&device, 0, &message);
			assert_int_equal(result == 0, served);
			assert_int_equal(vmsg_device_output(&device, &reply), served);
		}
	}
}

static void a_detached_device_serves_nobody(void **state)
{
	(void)state;
	const struct vmsg_message message = request(VMSG_GET_DEVICE_INFO);

	start();
	vmsg_device_detach(&device);
	assert_int_equal(vmsg_device_input(&device, 0, &message), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_memory_remove(&memory, 1), 0);
}

static void bad_descriptions_are_refused(void **state)
{
	(void)state;
	struct vmsg_device other;
	struct vmsg_device_info bad = info;
	const struct vmsg_device_ops no_kick = { .read_config = read_config };

	bad.queue_count = VMSG_DEVICE_QUEUES_MAX + 1;
	assert_int_equal(vmsg_device_init(&other, 0, &bad, &ops, NULL), VMSG_ERROR_INVALID);
	bad = info;
	bad.queue_size_max = VMSG_QUEUE_SIZE_MAX + 1;
	assert_int_equal(vmsg_device_init(&other, 0, &bad, &ops, NULL), VMSG_ERROR_INVALID);
	bad = info;
	bad.admin_vq_start = 1;
	assert_int_equal(vmsg_device_init(&other, 0, &bad, &ops, NULL), VMSG_ERROR_INVALID);
	bad.admin_vq_count = 2;
	assert_int_equal(vmsg_device_init(&other, 0, &bad, &ops, NULL), VMSG_ERROR_INVALID);
	bad.admin_vq_count = 1;
	assert_int_equal(vmsg_device_init(&other, 0, &bad, &ops, NULL), 0);
	assert_int_equal(vmsg_device_init(&other, 0, &info, &no_kick, NULL), VMSG_ERROR_INVALID);
}

int main(void)
{
#define R1(test) cmocka_unit_test_setup(test, with_r1)
#define R3(test) cmocka_unit_test_setup(test, with_r3)
	const struct CMUnitTest tests[] = {
		R1(information_is_what_the_device_says),
		R3(information_is_what_the_device_says),
		R3(feature_blocks_beyond_the_devices_read_zero),
		R1(feature_blocks_beyond_the_devices_read_zero),
		R1(notification_data_is_offered_only_where_it_works),
		R3(notification_data_is_offered_only_where_it_works),
		R1(the_offer_stays_what_it_was),
		R3(the_offer_stays_what_it_was),
		R1(features_come_between_driver_and_features_ok),
		R3(features_come_between_driver_and_features_ok),
		R3(feature_blocks_add_up),
		R3(nothing_starts_during_a_slow_reset),
		R3(a_device_that_did_nothing_has_nothing_to_reset),
		R3(nothing_is_agreed_during_a_slow_reset),
		R1(a_failed_driver_is_not_served),
		R3(a_failed_driver_is_not_served),
		R3(work_left_over_is_done_by_the_next_tick),
		R3(a_packed_queue_may_have_any_size),
		R1(a_packed_queue_may_have_any_size),
		R1(a_region_is_told_where_its_numbers_fit),
		R3(a_region_is_told_where_its_numbers_fit),
		R3(an_event_leaves_a_waiting_reply_alone),
		R1(more_feature_blocks_than_a_frame_holds_are_refused),
		R1(features_not_offered_are_not_agreed),
		R3(features_not_offered_are_not_agreed),
		R1(features_without_version_1_are_not_agreed),
		R3(a_device_may_refuse_a_set),
		R3(bits_beyond_what_is_stored_are_not_agreed),
		R3(agreed_features_stay),
		R3(status_moves_only_forward),
		R3(a_status_wider_than_a_byte_is_ignored),
		R1(status_0_resets),
		R3(status_0_resets),
		R3(a_slow_reset_does_not_show_0_early),
		R1(config_is_read_where_asked),
		R3(config_is_read_where_asked),
		R1(config_may_change_when_it_is_read),
		R3(config_may_change_when_it_is_read),
		R1(config_beyond_the_end_is_refused),
		R3(config_beyond_the_end_is_refused),
		R1(a_config_write_echoes_and_counts_up),
		R3(a_config_write_echoes_and_counts_up),
		R3(a_refused_config_write_changes_nothing),
		R3(a_write_of_nothing_is_done_and_changes_nothing),
		R1(a_refused_config_write_changes_nothing),
		R1(a_stale_generation_is_refused),
		cmocka_unit_test_setup(a_stale_generation_is_refused, with_r3_strict),
		R3(the_baseline_ignores_the_generation),
		cmocka_unit_test_setup(a_driver_of_the_baseline_is_served_though_strict_was_offered,
				       with_r3_strict),
		R3(a_queue_is_enabled_and_confirmed),
		R3(a_queue_that_does_not_exist_has_no_size),
		R3(each_impossible_update_changes_nothing),
		R3(operation_0_configures_without_enabling),
		R3(an_enabled_queue_cannot_change),
		R1(before_r3_setting_a_queue_enables_it),
		R1(queues_need_agreed_features),
		R3(queues_need_agreed_features),
		R1(a_queue_that_does_not_exist_has_no_size),
		R1(a_queue_resets_alone),
		R3(a_queue_resets_alone),
		R3(kicks_reach_only_a_running_queue),
		R1(kicks_reach_only_a_running_queue),
		R3(a_changed_config_is_told_once_with_its_data),
		R1(a_changed_config_is_told_once_with_its_data),
		R1(a_change_too_large_for_a_frame_names_nothing),
		R3(a_change_too_large_for_a_frame_names_nothing),
		R1(a_status_write_is_no_event),
		R3(a_status_write_is_no_event),
		R3(nobody_is_told_before_there_is_a_driver),
		R1(used_buffers_are_told_once_a_queue),
		R3(used_buffers_are_told_once_a_queue),
		R1(needing_a_reset_is_a_status_event),
		R3(needing_a_reset_is_a_status_event),
		R1(a_broken_ring_needs_a_reset),
		R3(a_broken_ring_needs_a_reset),
		R3(a_second_request_before_the_reply_is_again),
		R1(a_second_request_before_the_reply_is_again),
		R1(each_message_in_each_state),
		R3(each_message_in_each_state),
		R1(what_no_driver_sends_is_refused),
		R3(what_no_driver_sends_is_refused),
		R3(a_detached_device_serves_nobody),
		R3(bad_descriptions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
