/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The must list of wire-revisions 6.2, one test for each line, in each dialect that the line is
 * for. What is behind each rule in detail is tested beside the code that holds it.
 */
#include <stdio.h>
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"

#define DEV_NUM     9
#define CONFIG_SIZE 24u

static const char *const all[] = { "r1", "r2a", "r2b", "r3" };

static struct bus_pair pair;
static struct vmsg_device device;
static struct vmsg_memory memory;
static struct vmsg_memory_area areas[1];
static const struct vmsg_profile *profile;
static uint8_t config[CONFIG_SIZE];

static bool is_r3(void)
{
	return profile->has_version_probe;
}

/* ---- a device machine of the dialect at hand ---- */

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

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	(void)context;
	(void)index;
	(void)queue;
}

static void attach(const char *name, uint32_t transport_features)
{
	static const struct vmsg_device_info info = {
		.device_id = 2,
		.features = { 0, 1u << (VMSG_F_VERSION_1 - 32) },
		.config_size = CONFIG_SIZE,
		.queue_count = 2,
		.queue_size_max = 8,
	};
	static const struct vmsg_device_ops ops = {
		.kick = kick,
		.read_config = read_config,
		.write_config = write_config,
	};

	profile = vmsg_profile_find(name);
	vmsg_memory_init(&memory, areas, 1, profile->area_id_shift);
	assert_int_equal(vmsg_device_init(&device, DEV_NUM, &info, &ops, NULL), 0);
	vmsg_device_attach(&device, profile, &memory, profile->frame_size_max, transport_features);
}

static struct vmsg_message request(enum vmsg_type type)
{
	return (struct vmsg_message){
		.header = { .type = type,
			    .kind = VMSG_REQUEST,
			    .dev_num = DEV_NUM,
			    .token = (uint16_t)(profile->has_token ? 0x1234 : 0) },
	};
}

/* The answer to a request; it must come. */
static struct vmsg_message ask(const struct vmsg_message *message)
{
	struct vmsg_message answer;

	assert_int_equal(vmsg_device_input(&device, 0, message), 0);
	assert_int_equal(vmsg_device_output(&device, &answer), 1);
	assert_int_equal(answer.header.kind, VMSG_RESPONSE);
	assert_int_equal(answer.header.type, message->header.type);
	assert_int_equal(answer.header.dev_num, DEV_NUM);
	return answer;
}

static uint32_t set_status(uint32_t status)
{
	struct vmsg_message message = request(VMSG_SET_DEVICE_STATUS);

	message.body.set_device_status_request.status = status;
	return ask(&message).body.set_device_status_response.status;
}

static void bring_up(void)
{
	static const uint8_t bits[8] = { 0, 0, 0, 0, 1 };
	struct vmsg_message message = request(VMSG_SET_DRIVER_FEATURES);

	(void)set_status(1);
	(void)set_status(3);
	message.body.set_driver_features_request.num_blocks = 2;
	message.body.set_driver_features_request.features = (struct vmsg_bytes){ bits, 8 };
	(void)ask(&message);
	assert_int_equal(set_status(11), 11);
	assert_int_equal(set_status(15), 15);
}

static struct vmsg_config write(uint32_t generation, uint8_t value)
{
	struct vmsg_message message = request(VMSG_SET_CONFIG);

	message.body.set_config_request = (struct vmsg_config){
		.generation = generation,
		.offset = 1,
		.length = 1,
		.data = { &value, 1 },
	};
	return ask(&message).body.set_config_response;
}

static uint32_t generation(void)
{
	struct vmsg_message message = request(VMSG_GET_CONFIG);

	return ask(&message).body.get_config_response.generation;
}

/* ---- a driver machine of the dialect at hand ---- */

static struct vmsg_driver driver;
static uint8_t buffer[CONFIG_SIZE];

static void init_driver(uint32_t transport_features)
{
	const struct vmsg_driver_options options = {
		.profile = profile,
		.dev_num = DEV_NUM,
		.frame_size_max = profile->frame_size_max,
		.transport_features = transport_features,
		.request_timeout_ns = 1000,
		.config_buffer = buffer,
		.config_buffer_size = sizeof(buffer),
	};

	assert_int_equal(vmsg_driver_init(&driver, &options), 0);
}

/* Moves messages between driver and device machine until nothing is left; events are dropped but
 * for the last. */
static struct vmsg_driver_event talk(void)
{
	struct vmsg_driver_event last = { .kind = VMSG_DRIVER_EVENT_FAILED, .error = 1 }, event;
	struct vmsg_message message;

	while (vmsg_driver_output(&driver, &message)) {
		if (message.header.kind == VMSG_REQUEST) {
			const struct vmsg_message answer = ask(&message);
			assert_int_equal(vmsg_driver_input(&driver, 0, &answer), 0);
		} else {
			assert_int_equal(vmsg_device_input(&device, 0, &message), 0);
		}
	}
	while (vmsg_driver_event(&driver, &event)) {
		last = event;
	}
	return last;
}

static void start_driver(void)
{
	assert_int_equal(vmsg_driver_start(&driver, 0), 0);
	assert_int_equal(talk().kind, VMSG_DRIVER_EVENT_CONFIGURABLE);
}

/* ---- a bus of the dialect at hand ---- */

static void bus_up(const char *name)
{
	profile = vmsg_profile_find(name);
	pair_open(&pair, profile, profile);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, DEV_NUM), 0);
	pair_up(&pair);
	pair.driver.log[0] = 0;
	pair.device.log[0] = 0;
}

static size_t encode(const struct vmsg_message *message, uint8_t frame[VMSG_FRAME_SIZE_MAX])
{
	const int size = vmsg_encode(profile, message,
				     (struct vmsg_span){ frame, VMSG_FRAME_SIZE_MAX }, NULL);

	assert_true(size > 0);
	return (size_t)size;
}

#define EACH(name) (size_t i_ = 0; i_ < sizeof(all) / sizeof(all[0]) && ((name) = all[i_]); i_++)

/* ---- both ---- */

static void both_are_little_endian_everywhere(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			uint8_t frame[VMSG_FRAME_SIZE_MAX];
			profile = vmsg_profile_find(name);
			struct vmsg_message message = request(VMSG_SET_VQUEUE);
			message.header.dev_num = 0x0102;
			message.body.set_vqueue_request = (struct vmsg_set_vqueue_request){
				.index = 0x03040506,
				.size = 0x07080910,
				.desc_addr = 0x1112131415161718,
			};
			const size_t size = encode(&message, frame);
			const uint8_t *body = frame + profile->header_size;
			const size_t desc = profile->has_token ? 16 : 12;
			assert_bytes_hex((struct vmsg_bytes){ frame + 2, 2 }, "0201");
			assert_int_equal(frame[profile->header_size - 2], size);
			assert_int_equal(frame[profile->header_size - 1], 0);
			assert_bytes_hex((struct vmsg_bytes){ body, 4 }, "06050403");
			assert_bytes_hex((struct vmsg_bytes){ body + 8, 4 }, "10090807");
			assert_bytes_hex((struct vmsg_bytes){ body + desc, 8 }, "1817161514131211");
		}
}

static void both_send_type_bits_7_to_2_as_zero_and_ignore_them(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			uint8_t frame[VMSG_FRAME_SIZE_MAX], answer[VMSG_FRAME_SIZE_MAX];
			bus_up(name);
			struct vmsg_message message = request(VMSG_GET_DEVICE_STATUS);
			const size_t size = encode(&message, frame);
			assert_int_equal(frame[0], 0);
			frame[0] = 0xfc;
			pair_raw(&pair, (struct vmsg_bytes){ frame, size }, answer);
			assert_int_equal(answer[0], 1);
			assert_int_equal(answer[1], 7);
		}
}

static void both_have_msg_size_right_and_within_the_maximum(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			uint8_t frame[VMSG_FRAME_SIZE_MAX];
			static const uint8_t data[VMSG_FRAME_SIZE_MAX];
			bus_up(name);
			const uint16_t most = vmsg_bus_frame_size_max(&pair.driver.bus);
			struct vmsg_message message = request(VMSG_SET_CONFIG);
			message.body.set_config_request.length = most - profile->header_size - 12u;
			message.body.set_config_request.data =
				(struct vmsg_bytes){ data, message.body.set_config_request.length };
			assert_int_equal(encode(&message, frame), most);
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), 0);
			pair_run(&pair);
			message.body.set_config_request.length++;
			message.body.set_config_request.data.size++;
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message),
					 VMSG_ERROR_RANGE);
		}
}

/* ---- bus ---- */

static void the_bus_offers_at_least_the_least_maximum(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			bus_up(name);
			const uint16_t least = is_r3() ? 52 : profile->has_token ? 48 : 44;
			assert_in_range(vmsg_bus_frame_size_max(&pair.driver.bus), least, 264);
			assert_in_range(vmsg_bus_frame_size_max(&pair.device.bus), least, 264);
		}
}

static void the_bus_relays_by_device_number_and_touches_no_payload(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			static const uint8_t data[] = { 1, 2, 3, 4, 5 };
			bus_up(name);
			pair.is_silent = true;
			struct vmsg_message message = request(VMSG_SET_CONFIG);
			message.body.set_config_request = (struct vmsg_config){
				.generation = 0x11223344,
				.offset = 3,
				.length = 5,
				.data = { data, 5 },
			};
			struct vmsg_bus_output output;
			uint8_t answer[VMSG_FRAME_SIZE_MAX];
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), 0);
			assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output), 1);
			pair_raw(&pair, output.frame, answer);
			const struct vmsg_message *seen = &pair.device.last.message;
			assert_int_equal(seen->header.dev_num, DEV_NUM);
			assert_int_equal(seen->body.set_config_request.generation, 0x11223344);
			assert_int_equal(seen->body.set_config_request.offset, 3);
			assert_memory_equal(seen->body.set_config_request.data.data, data, 5);
			(void)!vmsg_bus_answer(&pair.driver.bus, 0,
					       (struct vmsg_bytes){ answer, sizeof(answer) });
			pair_run(&pair);
			/* a number that is not there is a failure, told to who asked */
			pair.driver.log[0] = 0;
			message = request(VMSG_GET_DEVICE_STATUS);
			message.header.dev_num = DEV_NUM + 1;
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), 0);
			pair_run(&pair);
			assert_string_equal(pair.driver.log, "lost GET_DEVICE_STATUS@10");
		}
}

static void responses_of_a_device_come_in_the_order_of_requests(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			uint8_t frame[VMSG_FRAME_SIZE_MAX], answer[VMSG_FRAME_SIZE_MAX];
			bus_up(name);
			for (uint8_t id = 7; id <= 9; id += 2) {
				struct vmsg_message message =
					request(id == 7 ? VMSG_GET_DEVICE_STATUS : VMSG_GET_VQUEUE);
				const size_t size = encode(&message, frame);
				pair_raw(&pair, (struct vmsg_bytes){ frame, size }, answer);
				assert_int_equal(answer[1], id);
			}
			/* a second one is not even taken before the first is answered */
			pair.is_silent = true;
			struct vmsg_message message = request(VMSG_GET_DEVICE_STATUS);
			const size_t size = encode(&message, frame);
			const struct vmsg_bytes bytes = { frame, size };
			assert_int_equal(vmsg_bus_input(&pair.device.bus, 0, bytes), 0);
			assert_int_equal(vmsg_bus_input(&pair.device.bus, 0, bytes),
					 VMSG_ERROR_AGAIN);
		}
}

static void each_request_has_one_response_or_one_failure(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			bus_up(name);
			const struct vmsg_message message = request(VMSG_GET_DEVICE_STATUS);
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, pair.now_ns, &message), 0);
			pair_run(&pair);
			assert_log(&pair.driver, "GET_DEVICE_STATUS@9");
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, pair.now_ns, &message), 0);
			struct vmsg_bus_output output;
			assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output),
					 1); /* and is lost */
			pair_advance(&pair, 2000000000);
			pair_advance(&pair, 2000000000);
			assert_log(&pair.driver, "lost GET_DEVICE_STATUS@9");
			assert_int_equal(pair.driver.last.error, VMSG_ERROR_TIMEOUT);
		}
}

/* ---- device ---- */

static void the_device_answers_every_request(void **state)
{
	static const enum vmsg_type types[] = {
		VMSG_GET_DEVICE_INFO,
		VMSG_GET_DEVICE_FEATURES,
		VMSG_SET_DRIVER_FEATURES,
		VMSG_GET_CONFIG,
		VMSG_SET_CONFIG,
		VMSG_GET_DEVICE_STATUS,
		VMSG_SET_DEVICE_STATUS,
		VMSG_GET_VQUEUE,
		VMSG_SET_VQUEUE,
		VMSG_RESET_VQUEUE,
		VMSG_GET_SHM,
	};
	const char *name;

	/* 02 to 0B are mandatory, 0C in r3; whatever state the device is in */
	(void)state;
	for
		EACH(name)
		{
			attach(name, 0);
			for (int up = 0; up < 2; up++) {
				for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
					const struct vmsg_message message = request(types[i]);
					if (types[i] != VMSG_GET_SHM || is_r3()) {
						(void)ask(&message);
					}
				}
				bring_up();
			}
		}
}

static void the_device_copies_the_token(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			attach(name, 0);
			const struct vmsg_message message = request(VMSG_GET_DEVICE_STATUS);
			assert_int_equal(ask(&message).header.token, message.header.token);
		}
}

static void feature_blocks_beyond_the_devices_own_are_zero(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			attach(name, 0);
			static const uint32_t places[] = { 2, 4, 1000, UINT32_MAX - 1 };
			for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
				struct vmsg_message message = request(VMSG_GET_DEVICE_FEATURES);
				message.body.get_device_features_request.block_index = places[i];
				message.body.get_device_features_request.num_blocks = 2;
				const struct vmsg_message answer = ask(&message);
				const struct vmsg_features *features =
					&answer.body.get_device_features_response;
				assert_int_equal(features->block_index, places[i]);
				assert_bytes_hex(features->features, "00000000 00000000");
			}
		}
}

static void the_generation_changes_with_every_change_of_config(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			struct vmsg_message event;
			attach(name, 0);
			bring_up();
			uint32_t last = generation();
			for (uint8_t i = 0; i < 5; i++) {
				config[4] = i;
				vmsg_device_config_changed(&device, 4, 1);
				assert_int_not_equal(generation(), last);
				last = generation();
				assert_int_equal(vmsg_device_event(&device, &event), 1);
				assert_int_equal(event.body.event_config.generation, last);
				assert_int_equal(write(last, i).generation, last + 1);
				last = generation();
			}
		}
}

static void a_stale_write_is_rejected_with_length_0(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			attach(name, 0);
			bring_up();
			const uint32_t stale = generation();
			vmsg_device_config_changed(&device, 4, 1);
			config[1] = 0;
			/* r3's baseline must not reject */
			assert_int_equal(write(stale, 0x77).length, is_r3() ? 1 : 0);
			assert_int_equal(config[1], is_r3() ? 0x77 : 0);
			assert_int_equal(write(generation(), 0x78).length, 1);
		}
	attach("r3", VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION);
	bring_up();
	const uint32_t stale = generation();
	vmsg_device_config_changed(&device, 4, 1);
	assert_int_equal(write(stale, 0x79).length, 0);
	assert_int_equal(write(generation(), 0x7a).length, 1);
}

static void the_device_tells_of_its_own_changes_and_of_no_others(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			struct vmsg_message event;
			attach(name, 0);
			bring_up();
			assert_int_equal(vmsg_device_event(&device, &event), 0); /* no echo */
			config[2] = 0x5a;
			vmsg_device_config_changed(&device, 2, 1);
			assert_int_equal(vmsg_device_event(&device, &event), 1);
			assert_int_equal(event.header.type, VMSG_EVENT_CONFIG);
			assert_int_equal(event.body.event_config.offset, 2);
			assert_bytes_hex(event.body.event_config.data, "5a");
			vmsg_device_needs_reset(&device);
			assert_int_equal(vmsg_device_event(&device, &event), 1);
			assert_int_equal(event.body.event_config.device_status, 0x4f);
			assert_int_equal(event.body.event_config.offset, 0);
			assert_int_equal(event.body.event_config.length, 0);
			assert_int_equal(vmsg_device_event(&device, &event), 0);
		}
}

/* ---- driver ---- */

static void the_driver_writes_with_the_generation_of_the_dialect(void **state)
{
	const char *name;

	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		for
			EACH(name)
			{
				static const uint8_t value = 1;
				struct vmsg_message message;
				const uint32_t features =
					strict ? VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION : 0;
				attach(name, features);
				init_driver(features);
				start_driver();
				vmsg_device_config_changed(&device, 0, 1);
				assert_int_equal(vmsg_driver_read_config(&driver, 0, 0, 8), 0);
				assert_int_equal(talk().kind, VMSG_DRIVER_EVENT_CONFIG);
				assert_int_equal(
					vmsg_driver_write_config(&driver, 0, 1,
								 (struct vmsg_bytes){ &value, 1 }),
					0);
				assert_int_equal(vmsg_driver_output(&driver, &message), 1);
				assert_int_not_equal(generation(), 0);
				assert_int_equal(message.body.set_config_request.generation,
						 is_r3() && !strict ? 0 : generation());
			}
	}
}

static void the_driver_keeps_inside_the_config(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			static const uint8_t value[2] = { 1, 2 };
			attach(name, 0);
			init_driver(0);
			start_driver();
			assert_int_equal(vmsg_driver_read_config(&driver, 0, 1, CONFIG_SIZE),
					 VMSG_ERROR_RANGE);
			assert_int_equal(vmsg_driver_read_config(&driver, 0, UINT32_MAX, 2),
					 VMSG_ERROR_RANGE);
			assert_int_equal(vmsg_driver_write_config(&driver, 0, CONFIG_SIZE - 1,
								  (struct vmsg_bytes){ value, 2 }),
					 VMSG_ERROR_RANGE);
			assert_int_equal(vmsg_driver_read_config(&driver, 0, 0, CONFIG_SIZE), 0);
			assert_int_equal(talk().kind, VMSG_DRIVER_EVENT_CONFIG);
		}
}

static void the_driver_makes_no_queue_larger_than_its_maximum(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			struct vmsg_vq_layout layout = { .size = 16 };
			attach(name, 0);
			init_driver(0);
			start_driver();
			assert_int_equal(vmsg_driver_setup_queue(&driver, 0, 0, &layout),
					 VMSG_ERROR_RANGE);
			layout.size = 8;
			driver.queues[1].max_size = 0; /* unusable */
			assert_int_equal(vmsg_driver_setup_queue(&driver, 0, 1, &layout),
					 VMSG_ERROR_RANGE);
			assert_int_equal(vmsg_driver_setup_queue(&driver, 0, 0, &layout), 0);
		}
}

static void the_driver_waits_so_long_and_recovers_by_a_reset(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			struct vmsg_driver_event event;
			struct vmsg_message message;
			attach(name, 0);
			init_driver(0);
			assert_int_equal(vmsg_driver_start(&driver, 0), 0);
			assert_int_equal(vmsg_driver_output(&driver, &message), 1);
			assert_int_equal(vmsg_driver_deadline(&driver), 1000);
			vmsg_driver_tick(&driver, 1000);
			assert_int_equal(vmsg_driver_event(&driver, &event), 1);
			assert_int_equal(event.kind, VMSG_DRIVER_EVENT_FAILED);
			assert_int_equal(event.error, VMSG_ERROR_TIMEOUT);
			assert_int_equal(vmsg_driver_reset(&driver, 0), 0);
			assert_int_equal(talk().kind, VMSG_DRIVER_EVENT_RESET_DONE);
			start_driver();
		}
}

/* ---- any ---- */

static void nobody_answers_an_event(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			uint8_t frame[VMSG_FRAME_SIZE_MAX];
			struct vmsg_bus_output output;
			bus_up(name);
			/* for a device that is there and one that is not, sound and cut short */
			for (unsigned int i = 0; i < 4; i++) {
				struct vmsg_message message = {
					.header = { .type = VMSG_EVENT_AVAIL,
						    .kind = VMSG_EVENT,
						    .dev_num = (uint16_t)(DEV_NUM + i % 2) },
				};
				const size_t size = encode(&message, frame) - i / 2;
				(void)!vmsg_bus_input(&pair.device.bus, 0,
						      (struct vmsg_bytes){ frame, size });
				struct vmsg_bus_event event;
				while (vmsg_bus_event(&pair.device.bus, &event)) {
				}
				assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 0);
				message.header.type = VMSG_EVENT_USED;
				(void)!vmsg_bus_input(
					&pair.driver.bus, 0,
					(struct vmsg_bytes){ frame,
							     encode(&message, frame) - i / 2 });
				while (vmsg_bus_event(&pair.driver.bus, &event)) {
				}
				assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output), 0);
			}
		}
}

static void a_device_is_announced_when_it_can_be_reached(void **state)
{
	const char *name;

	(void)state;
	for
		EACH(name)
		{
			bus_up(name);
			assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 60), 0);
			assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
			pair_run(&pair);
			assert_log(&pair.driver, "+60");
			struct vmsg_message message = request(VMSG_GET_DEVICE_STATUS);
			message.header.dev_num = 60;
			assert_int_equal(vmsg_bus_send(&pair.driver.bus, pair.now_ns, &message), 0);
			pair_run(&pair);
			assert_log(&pair.driver, "GET_DEVICE_STATUS@60");
			assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 60), 0);
			assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
			pair_run(&pair);
			assert_log(&pair.driver, "-60");
		}
}

/* ---- FF-A ---- */

static void before_negotiation_only_version_and_reset_are_served(void **state)
{
	(void)state;
	pair_open(&pair, NULL, vmsg_profile(VMSG_PROFILE_R3));
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, DEV_NUM), 0);
	assert_exchange(&pair, "0202000005000c00 00000800", "0387000005000a00 0200"); /* ERROR */
	assert_exchange(&pair, "0002090005000800", "0387090005000a00 0200");
	assert_exchange(&pair, "0285000005000c00 00000000", "0387000005000a00 8500");
	assert_exchange(&pair, "0283000005000800", "0383000005000a00 0000");
	assert_exchange(&pair, "0280000005001400 00000000 00000000 02000100",
			"0380000005001e00 00000100 01000000 02000100 00000000 01000000 0400");
}

static void event_configure_comes_once_and_before_any_event(void **state)
{
	static const char *const dialects[] = { "r2a", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		bus_up(dialects[i]);
		assert_int_equal(pair.driver.bus.stats.sent[VMSG_EVENT_CONFIGURE], 1);
		/* a second one is refused: by ERROR where there is one */
		assert_exchange(&pair, "0285000005000c00 00000000",
				profile->has_error ? "0387000005000a00 8500"
						   : "0385000005000a00 0100");
	}
	/* until it has come, nothing is originated, not even when asked for */
	pair_open(&pair, NULL, vmsg_profile(VMSG_PROFILE_R3));
	assert_exchange(&pair, "0280000005001400 00000100 01000000 02000100",
			"0380000005001e00 00000100 01000000 02000100 00000000 01000000 0400");
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, DEV_NUM), 0);
	assert_exchange(&pair, "0284000005000800", "0384000005000800");
	assert_exchange(&pair, "0285000006000c00 00000000", "0385000006000a00 0000");
	assert_exchange(&pair, "0284000007000800", "0240000000000c00 09000100");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_little_endian_everywhere),
		cmocka_unit_test(both_send_type_bits_7_to_2_as_zero_and_ignore_them),
		cmocka_unit_test(both_have_msg_size_right_and_within_the_maximum),
		cmocka_unit_test(the_bus_offers_at_least_the_least_maximum),
		cmocka_unit_test(the_bus_relays_by_device_number_and_touches_no_payload),
		cmocka_unit_test(responses_of_a_device_come_in_the_order_of_requests),
		cmocka_unit_test(each_request_has_one_response_or_one_failure),
		cmocka_unit_test(the_device_answers_every_request),
		cmocka_unit_test(the_device_copies_the_token),
		cmocka_unit_test(feature_blocks_beyond_the_devices_own_are_zero),
		cmocka_unit_test(the_generation_changes_with_every_change_of_config),
		cmocka_unit_test(a_stale_write_is_rejected_with_length_0),
		cmocka_unit_test(the_device_tells_of_its_own_changes_and_of_no_others),
		cmocka_unit_test(the_driver_writes_with_the_generation_of_the_dialect),
		cmocka_unit_test(the_driver_keeps_inside_the_config),
		cmocka_unit_test(the_driver_makes_no_queue_larger_than_its_maximum),
		cmocka_unit_test(the_driver_waits_so_long_and_recovers_by_a_reset),
		cmocka_unit_test(nobody_answers_an_event),
		cmocka_unit_test(a_device_is_announced_when_it_can_be_reached),
		cmocka_unit_test(before_negotiation_only_version_and_reset_are_served),
		cmocka_unit_test(event_configure_comes_once_and_before_any_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
