/* SPDX-License-Identifier: BSD-3-Clause */
/* Quirks of real implementations against bus sessions, by their bytes (wire-revisions section 7).
 * The cases are in the order of the table in quirk.h. */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

#define QUIRK(symbol) VMSG_QUIRK_BIT(VMSG_QUIRK_##symbol)

#define R1_VERSION  "028000001800 01000000 01000000 00000000 0f000000 ff00"
#define R2A_VERSION "0280000001001a00 00000100 01000000 00000000 33000000 fe00"
#define R2B_VERSION "0280000001001000 00000100 01000000"
#define R1_NULL     "030000000600"

static struct bus_pair pair;

static const struct vmsg_profile *profile(const char *name)
{
	return vmsg_profile_find(name);
}

/* A device with numbers 3 and 9 that a driver of this VERSION has found. */
static void open_device(const char *version, uint32_t quirks)
{
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
	uint8_t answer[VMSG_FRAME_SIZE_MAX];
	const size_t size = hex_to_bytes(version, bytes, sizeof(bytes));

	pair_open(&pair, NULL, NULL);
	pair.device.bus.options.quirks = quirks;
	pair.is_silent = true;
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), 0);
	pair_raw(&pair, (struct vmsg_bytes){ bytes, size }, answer);
	assert_log(&pair.device, "up");
}

/* A driver of this dialect in front of our device, up. */
static void open_driver(const char *dialect, uint32_t quirks)
{
	pair_open(&pair, profile(dialect), profile(dialect));
	pair.driver.bus.options.quirks = quirks;
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	pair_up(&pair);
	assert_log(&pair.driver, "up +3");
}

/* ---- Linux RFC v1 and V2 as driver ---- */

static const struct vmsg_memory_area *window(void)
{
	return vmsg_memory_find(&pair.device.memory, 0);
}

static void q1_plain_addresses_lie_in_the_window_if_there_is_one(void **state)
{
	(void)state;
	static const char request[] = "000a03002a00 00000000 00000000 10000000 0010008000000000 "
				      "0020008000000000 0030008000000000";
	struct vmsg_segment segment = { pair.ram, sizeof(pair.ram) };
	struct vmsg_span span;

	open_device(R1_VERSION, 0);
	assert_null(window());
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, "quirk 1 off SET_VQUEUE@3");

	pair_open(&pair, NULL, NULL);
	pair.is_silent = true;
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	pair.device.bus.options.quirks = QUIRK(LINUX_RFC1_WINDOW);
	pair.device.bus.options.window = (struct vmsg_bus_window){ 0x80001000, &segment, 1 };
	assert_exchange(&pair, R1_VERSION, "038000001800 01000000 01000000 00000000 01000000 0400");
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, "up quirk 1 on SET_VQUEUE@3");
	assert_int_equal(vmsg_memory_map(&pair.device.memory, 0x80001010, 16, true, &span), 0);
	assert_ptr_equal(span.data, pair.ram + 16);
	assert_int_equal(vmsg_memory_map(&pair.device.memory, 0x80001000, 8193, true, &span),
			 VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_memory_map(&pair.device.memory, 0x80000fff, 1, true, &span),
			 VMSG_ERROR_RANGE);
	/* its place is taken: the id is no area's */
	assert_exchange(&pair,
			"028100002000 0000 1111000000000000 0000000000000000 01000000 00000000",
			"038100000a00 0000 0100");
	/* gone with the session; a driver that knows areas finds none */
	pair.device.log[0] = 0;
	vmsg_bus_abandon(&pair.device.bus, 0, VMSG_ERROR_PEER);
	assert_exchange(&pair, R2B_VERSION,
			"0380000001001a00 00000100 01000000 00000000 01000000 0400");
	assert_null(window());
	assert_int_equal(pair.device.memory.id_shift, 48);
}

static void q1_a_window_that_does_not_fit_is_none(void **state)
{
	(void)state;
	const struct vmsg_segment segment = { pair.ram, sizeof(pair.ram) };

	pair_open(&pair, NULL, NULL);
	pair.device.bus.options.quirks = QUIRK(LINUX_RFC1_WINDOW);
	pair.device.bus.options.window =
		(struct vmsg_bus_window){ 0x00fffffffffff000, &segment, 1 };
	assert_exchange(&pair, R1_VERSION, "038000001800 01000000 01000000 00000000 01000000 0400");
	assert_null(window());
}

static void q2_features_behind_a_short_message(void **state)
{
	(void)state;
	static const char request[] = "000403000e00 00000000 02000000 0000001001000000";
	const struct vmsg_features *features =
		&pair.device.last.message.body.get_device_features_response;

	open_device(R1_VERSION, 0);
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, "quirk 2 off"); /* and no message */
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, ""); /* told once */
	assert_int_equal(pair.device.bus.quirks_met, QUIRK(LINUX_RFC1_SHORT_SET));

	open_device(R1_VERSION, QUIRK(LINUX_RFC1_SHORT_SET));
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, "quirk 2 on SET_DRIVER_FEATURES@3");
	assert_int_equal(features->num_blocks, 2);
	assert_int_equal(vmsg_feature_block(&features->features, 0), 0x10000000);
	assert_int_equal(vmsg_feature_block(&features->features, 1), 1);
	/* more blocks than the frame has bytes for stay what they are: malformed */
	assert_exchange(&pair, "000403000e00 00000000 ffffff3f", R1_NULL);
	assert_exchange(&pair, "000403000e00 00000000 19000000", R1_NULL); /* 25: 114 bytes */
	assert_log(&pair.device, "");
	/* a sound one is not touched */
	assert_exchange(&pair, "000403001200 00000000 01000000 00000010 55555555", R1_NULL);
	assert_log(&pair.device, "SET_DRIVER_FEATURES@3");
	assert_int_equal(features->num_blocks, 1);
}

static void q3_config_behind_a_short_message(void **state)
{
	(void)state;
	static const char request[] = "000603001200 07000000 04000000 03000000 a1b2c3";
	const struct vmsg_config *config = &pair.device.last.message.body.set_config_request;

	open_device(R1_VERSION, 0);
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, "quirk 3 off");
	open_device(R1_VERSION, vmsg_quirk_bits("linux-rfc1-short-set"));
	assert_exchange(&pair, request, R1_NULL);
	assert_log(&pair.device, "quirk 3 on SET_CONFIG@3");
	assert_int_equal(config->length, 3);
	assert_bytes_hex(config->data, "a1b2c3");
	/* a length of 0 needs no tail: not the quirk */
	open_device(R1_VERSION, 0);
	assert_exchange(&pair, "000603001200 07000000 04000000 00000000", R1_NULL);
	assert_log(&pair.device, "SET_CONFIG@3");
	/* other dialects do not have it */
	open_device(R2B_VERSION, vmsg_quirk_bits("linux-rfc1-short-set"));
	assert_exchange(&pair, "0006030005001400 07000000 04000000 03000000 a1b2c3",
			"0300000005000800");
	assert_log(&pair.device, "");
}

static void q4_a_kick_is_answered_by_its_own_header(void **state)
{
	(void)state;
	open_device(R1_VERSION, QUIRK(LINUX_EVENT_REPLY));
	assert_exchange(&pair, "004103000e00 00000000 00000000", "014103000600");
	assert_log(&pair.device, "quirk 4 on EVENT_AVAIL@3");
	open_device(R2B_VERSION, QUIRK(LINUX_EVENT_REPLY));
	assert_exchange(&pair, "0041030077001000 00000000 00000000", "0141030077000800");
	open_device(R2B_VERSION, 0);
	assert_exchange(&pair, "0041030077001000 00000000 00000000", "0300000077000800");
	assert_log(&pair.device, "EVENT_AVAIL@3");
}

/* Other drivers do not wait: of one that has shown nothing of Linux's there is nothing to say. */
static void q4_is_not_suspected_of_everybody(void **state)
{
	(void)state;
	static const uint8_t kick[] = { 0, 0x41, 3, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	const struct vmsg_bytes frame = { kick, sizeof(kick) };
	struct vmsg_bus_event event;

	open_device(R1_VERSION, 0);
	assert_int_equal(vmsg_bus_input_by(&pair.device.bus, 0, VMSG_CARRIER_INDIRECT, frame), 0);
	assert_int_equal(vmsg_bus_event(&pair.device.bus, &event), 1);
	assert_int_equal(event.kind, VMSG_BUS_EVENT_MESSAGE);
}

/* There nobody answers by itself: of a driver that asks for 255 devices, as Linux does, it is told
 * whether the switch is on or off. */
static void q4_over_indirect_messages_it_matters(void **state)
{
	(void)state;
	static const uint8_t kick[] = { 0, 0x41, 3, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	const struct vmsg_bytes frame = { kick, sizeof(kick) };
	struct vmsg_bus *bus = &pair.device.bus;
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;

	for (uint32_t on = 0; on < 2; on++) {
		open_device(R1_VERSION, on ? QUIRK(LINUX_EVENT_REPLY) : 0);
		assert_int_equal(vmsg_bus_remove_device(bus, 9), 0); /* Q6 is not the point */
		assert_exchange(&pair, "020200000a00 0000 ff00",
				"030200002b00 0000 f800 0000 0800 "
				"0000000000000000000000000000000000000000000000000000000000");
		assert_int_equal(vmsg_bus_input_by(bus, 0, VMSG_CARRIER_INDIRECT, frame), 0);
		assert_int_equal(vmsg_bus_event(bus, &event), 1);
		assert_int_equal(event.kind, VMSG_BUS_EVENT_QUIRK);
		assert_int_equal(event.quirk, VMSG_QUIRK_LINUX_EVENT_REPLY);
		assert_int_equal(event.allowed, on);
		assert_int_equal(vmsg_bus_event(bus, &event), 1);
		assert_int_equal(event.kind, VMSG_BUS_EVENT_MESSAGE);
		assert_int_equal(vmsg_bus_output(bus, &output), on);
		if (on) {
			assert_int_equal(output.carrier, VMSG_CARRIER_INDIRECT);
			assert_bytes_hex(output.frame, "014103000600");
		}
	}
}

static void q5_255_slots_are_248(void **state)
{
	(void)state;
	open_device(R1_VERSION, 0);
	assert_exchange(&pair, "020200000a00 0000 ff00",
			"030200002b00 0000 f800 0000 0802 0000000000000000000000000000000000000000"
			"000000000000000000");
	assert_log(&pair.device, "quirk 6 off"); /* it will not find device 9 */
}

static void q6_such_a_driver_gets_the_devices_it_can_find(void **state)
{
	(void)state;
	open_device(R1_VERSION, QUIRK(LINUX_FEW_DEVICES));
	assert_exchange(&pair, "020200000a00 0000 ff00", "030200000d00 0000 0800 0000 08");
	assert_log(&pair.device, "quirk 6 on");
	/* others get them all */
	assert_exchange(&pair, "020200000a00 0000 1000", "030200000e00 0000 1000 0000 0802");
	/* and no word of it where all are found anyway */
	open_device(R1_VERSION, 0);
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 9), 0);
	assert_exchange(&pair, "020200000a00 0000 ff00",
			"030200002b00 0000 f800 0000 0800 0000000000000000000000000000000000000000"
			"000000000000000000");
	assert_log(&pair.device, "");
}

static void q8_a_kick_of_queue_ffff_is_told(void **state)
{
	(void)state;
	open_device(R1_VERSION, 0);
	assert_exchange(&pair, "004103000e00 ffff0580 ffff0000", "014103000600");
	assert_log(&pair.device, "quirk 8 off EVENT_AVAIL@3");
	assert_int_equal(pair.device.last.message.body.event_avail.vq_index, 0x8005ffff);
}

static void q9_q11_what_stands_behind_a_message_is_ignored(void **state)
{
	(void)state;
	uint8_t frame[44];

	for (size_t size = 10; size <= 44; size += 34) { /* exact, and as r0 drivers send it */
		pair_open(&pair, NULL, NULL);
		memset(frame, 0xee, sizeof(frame));
		(void)hex_to_bytes("028000000a00 01000000", frame, sizeof(frame));
		assert_int_equal(
			vmsg_bus_input(&pair.device.bus, 0, (struct vmsg_bytes){ frame, size }), 0);
		assert_ptr_equal(pair.device.bus.profile, profile("r0"));
	}
}

/* ---- OP-TEE as device ---- */

/* One answer for each message, from a list; "" leaves it to our device. */
static const char *const *answers;

static bool scripted(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	(void)p;
	const char *next = *answers ? *answers++ : "";
	if (!*next) {
		return false;
	}
	(void)hex_to_bytes(next, answer, VMSG_FRAME_SIZE_MAX);
	if (frame.data[1] != 0x80 && answer[4] == 0xee && answer[5] == 0xee) {
		memcpy(answer + 4, frame.data + 4,
		       2); /* the token, wherever "eeee" stands for it */
	}
	return true;
}

/* Request GET_DEVICE_STATUS or another to device 3, answered like this. */
static void ask(enum vmsg_type type, const char *answer)
{
	const struct vmsg_message request = {
		.header = { .type = type, .kind = VMSG_REQUEST, .dev_num = 3, .token = 1 },
	};
	const char *const list[] = { answer, NULL };

	answers = list;
	pair.intercept = scripted;
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, pair.now_ns, &request), 0);
	pair_run(&pair);
	pair.intercept = NULL;
}

static void q12_a_count_of_devices_instead_of_slots(void **state)
{
	(void)state;
	static const char *const list[] = {
		"",
		"030200002c00 0000 0200 0000 0800000000000000000000000000000000000000000000"
		"000000000000008000",
		NULL,
	};

	for (int on = 0; on < 2; on++) {
		pair_open(&pair, profile("r1"), profile("r1"));
		pair.driver.bus.options.quirks = on ? QUIRK(OPTEE_DEVICE_COUNT) : 0;
		answers = list;
		pair.intercept = scripted;
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		pair_run(&pair);
		assert_log(&pair.driver, on ? "quirk 12 on up +3 +247" : "quirk 12 off down");
	}
}

static void q13_zeros_and_null_replies_refuse(void **state)
{
	(void)state;
	static const char *const list[] = { "038000001800 01000000 00000000 00000000 01000000 ff00",
					    NULL };

	pair_open(&pair, profile("r1"), profile("r1"));
	answers = list;
	pair.intercept = scripted;
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "down");
	assert_int_equal(pair.driver.bus.error, VMSG_ERROR_REVISION);
	open_driver("r1", 0);
	ask(VMSG_GET_SHM, R1_NULL);
	assert_log(&pair.driver, "lost GET_SHM@3");
	assert_int_equal(pair.driver.last.error, VMSG_ERROR_PEER);
}

static void q14_a_header_of_device_0_fails_its_request(void **state)
{
	(void)state;
	open_driver("r2a", 0);
	ask(VMSG_GET_DEVICE_STATUS, "01070000eeee0800");
	assert_log(&pair.driver, "lost GET_DEVICE_STATUS@3");
	ask(VMSG_SET_VQUEUE, "010a0000eeee0800"); /* as long as success would be */
	assert_log(&pair.driver, "lost SET_VQUEUE@3");
	assert_int_equal(pair.driver.last.error, VMSG_ERROR_PEER);
}

/* Where answers do not come in the call that asked, the token says which they are. */
static void q14_also_when_it_comes_by_itself(void **state)
{
	(void)state;
	static const enum vmsg_type types[] = { VMSG_GET_DEVICE_STATUS, VMSG_SET_VQUEUE };
	uint8_t reply[8] = { 0x01, 0, 0, 0, 0, 0, 8, 0 };
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;

	open_driver("r2a", 0);
	for (size_t i = 0; i < 2; i++) {
		const struct vmsg_message request = {
			.header = { .type = types[i], .kind = VMSG_REQUEST, .dev_num = 3 },
		};
		assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &request), 0);
		assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output), 1);
		memcpy(reply + 4, output.frame.data + 4, 2);
		reply[1] = (uint8_t)(output.frame.data[1] + 1); /* another's */
		(void)!vmsg_bus_input(&pair.driver.bus, 0, (struct vmsg_bytes){ reply, 8 });
		assert_int_equal(vmsg_bus_event(&pair.driver.bus, &event), 0);
		reply[1] = output.frame.data[1];
		(void)!vmsg_bus_input(&pair.driver.bus, 0, (struct vmsg_bytes){ reply, 8 });
		assert_int_equal(vmsg_bus_event(&pair.driver.bus, &event), 1);
		assert_int_equal(event.kind, VMSG_BUS_EVENT_REQUEST_FAILED);
		assert_int_equal(event.type, types[i]);
		assert_int_equal(event.error, VMSG_ERROR_PEER);
	}
}

static void q15_a_null_reply_without_token_fails_what_it_answers(void **state)
{
	(void)state;
	open_driver("r2b", 0);
	ask(VMSG_GET_DEVICE_STATUS, "0300000000000800");
	assert_log(&pair.driver, "lost GET_DEVICE_STATUS@3");
}

static void q16_an_area_is_shared_only_under_its_id(void **state)
{
	(void)state;
	static const char *const list[] = { "03810000eeee0c00 0000 0000", NULL };

	open_driver("r2b", 0);
	answers = list;
	pair.intercept = scripted;
	(void)pair_share(&pair);
	assert_log(&pair.driver, "refused 1 reclaim 1 gone 1");
}

static void q17_data_need_not_come_back(void **state)
{
	(void)state;
	open_driver("r2b", 0);
	ask(VMSG_SET_CONFIG, "01060300eeee1400 01000000 00000000 04000000");
	assert_log(&pair.driver, "SET_CONFIG@3");
	assert_int_equal(pair.driver.last.message.body.set_config_response.length, 4);
	assert_int_equal(pair.driver.last.message.body.set_config_response.data.size, 0);
}

/* RESET fails, before VERSION in r3 and afterwards; EVENT_POLL gets a null response. */
/* Of open question O13: an address is of an area, or there is no region. */
static void regions_lie_in_areas(void **state)
{
	(void)state;
	const struct vmsg_get_shm_response *region =
		&pair.driver.last.message.body.get_shm_response;

	open_driver("r3", 0);
	assert_int_equal(pair_share(&pair), 1);
	ask(VMSG_GET_SHM, "010c0300eeee2000 00000000 00000000 0008000000000000 0004000000000100");
	assert_true(region->length == 0x800 && region->address == 0x1000000000400);
	ask(VMSG_GET_SHM, "010c0300eeee2000 00000000 00000000 010c000000000000 0004000000000100");
	assert_true(region->length == 0 && region->address == 0);
	ask(VMSG_GET_SHM, "010c0300eeee2000 00000000 00000000 0008000000000000 0000008000000000");
	assert_true(region->length == 0 && region->address == 0);
}

static void q18_what_is_unfinished_is_an_error(void **state)
{
	(void)state;
	static const char *const list[] = { "03830000eeee0a00 0100", NULL };
	static const char *const poll[] = { "03840000eeee0800", NULL };

	pair_open(&pair, NULL, profile("r2b"));
	answers = list;
	pair.intercept = scripted;
	pair_up(&pair);
	assert_ptr_equal(pair.driver.bus.profile, profile("r2b"));
	assert_log(&pair.driver, "up");
	answers = poll;
	pair_advance(&pair, 1000000000);
	assert_log(&pair.driver, "");
	answers = list;
	assert_int_equal(vmsg_bus_reset(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "down");
	assert_int_equal(pair.driver.bus.error, VMSG_ERROR_PEER);
}

static void q19_q20_a_version_of_either_length(void **state)
{
	(void)state;
	open_device(R2A_VERSION, 0);
	assert_ptr_equal(pair.device.bus.profile, profile("r2a"));
	open_device(R2B_VERSION, 0);
	assert_ptr_equal(pair.device.bus.profile, profile("r2b"));
}

/* ---- Trusty, AMP, the newest kernel ---- */

static void q21_area_ids_of_16_bits(void **state)
{
	(void)state;
	static const char share[] =
		"028100002000 2c01 1111000000000000 0000000000000000 01000000 f4060000";
	struct vmsg_bus_options options;

	open_device(R1_VERSION, 0);
	assert_exchange(&pair, share, "038100000a00 2c01 0100");
	assert_log(&pair.device, "quirk 21 off");
	pair_open(&pair, NULL, NULL);
	options = pair.device.bus.options;
	options.quirks = vmsg_quirk_bits("trusty-wide-area-ids");
	assert_int_equal(vmsg_bus_init(&pair.device.bus, &options), 0);
	assert_exchange(&pair, R1_VERSION, "038000001800 01000000 01000000 00000000 01000000 0400");
	assert_ptr_equal(pair.device.bus.profile, profile("r1-a16"));
	assert_exchange(&pair, share, "038100000a00 2c01 0000");
	assert_log(&pair.device, "up retrieve 300 ready 300");
}

static void q24_as_many_slots_as_asked_for(void **state)
{
	(void)state;
	open_device(R2A_VERSION, 0);
	assert_exchange(&pair, "0202000001000c00 0000 2000",
			"0302000001001200 0000 2000 0000 08020000");
}

static void q25_events_may_have_tokens(void **state)
{
	(void)state;
	static const uint8_t frame[] = { 0x00, 0x42, 3, 0, 0x34, 0x12, 12, 0, 1, 0, 0, 0 };

	open_driver("r3", 0);
	assert_int_equal(
		vmsg_bus_input(&pair.driver.bus, 0, (struct vmsg_bytes){ frame, sizeof(frame) }),
		0);
	pair_run(&pair);
	assert_log(&pair.driver, "EVENT_USED@3");
}

static void q26_a_window_may_be_smaller_or_empty(void **state)
{
	(void)state;
	/* 8 slots of 256 with more behind, then nothing beyond the end */
	static const char *const list[] = {
		"",
		"",
		"",
		"",
		"03020000eeee0f00 0000 0800 0800 08",
		"03020000eeee0e00 0800 0000 0000",
		NULL,
	};

	pair_open(&pair, profile("r3"), profile("r3"));
	answers = list;
	pair.intercept = scripted;
	pair_up(&pair);
	assert_log(&pair.driver, "up +3");
}

static void q27_attributes_0_and_notifications_in_any_case(void **state)
{
	(void)state;
	open_device(R2B_VERSION, 0);
	assert_exchange(&pair, "0285000001000c00 01 00 0000", "0385000001000a00 0000");
	assert_exchange(&pair,
			"0281000001002200 0100 1111000000000000 0000000000000000 01000000 00000000",
			"0381000001000c00 0100 0000");
	assert_log(&pair.device, "retrieve 1 ready 1");
}

static void q28_bodies_of_r2_behind_a_header_of_r3(void **state)
{
	(void)state;
	uint8_t bytes[64];
	const size_t size = hex_to_bytes("0102030001002000 02000000 f41a0000 40000000 3c000000 "
					 "04000000 0300 0100",
					 bytes, sizeof(bytes));
	const struct vmsg_bytes frame = { bytes, size };
	struct vmsg_message message;

	assert_int_equal(vmsg_decode(profile("r3"), frame, &message, NULL), VMSG_ERROR_TRUNCATED);
	assert_int_equal(vmsg_decode(profile("r2b"), frame, &message, NULL), 0);
	assert_int_equal(message.body.get_device_info_response.num_feature_blocks, 2);
	assert_int_equal(message.body.get_device_info_response.admin_vq_start, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q1_plain_addresses_lie_in_the_window_if_there_is_one),
		cmocka_unit_test(q1_a_window_that_does_not_fit_is_none),
		cmocka_unit_test(q2_features_behind_a_short_message),
		cmocka_unit_test(q3_config_behind_a_short_message),
		cmocka_unit_test(q4_a_kick_is_answered_by_its_own_header),
		cmocka_unit_test(q4_over_indirect_messages_it_matters),
		cmocka_unit_test(q4_is_not_suspected_of_everybody),
		cmocka_unit_test(q5_255_slots_are_248),
		cmocka_unit_test(q6_such_a_driver_gets_the_devices_it_can_find),
		cmocka_unit_test(q8_a_kick_of_queue_ffff_is_told),
		cmocka_unit_test(q9_q11_what_stands_behind_a_message_is_ignored),
		cmocka_unit_test(q12_a_count_of_devices_instead_of_slots),
		cmocka_unit_test(q13_zeros_and_null_replies_refuse),
		cmocka_unit_test(q14_a_header_of_device_0_fails_its_request),
		cmocka_unit_test(q14_also_when_it_comes_by_itself),
		cmocka_unit_test(q15_a_null_reply_without_token_fails_what_it_answers),
		cmocka_unit_test(q16_an_area_is_shared_only_under_its_id),
		cmocka_unit_test(q17_data_need_not_come_back),
		cmocka_unit_test(regions_lie_in_areas),
		cmocka_unit_test(q18_what_is_unfinished_is_an_error),
		cmocka_unit_test(q19_q20_a_version_of_either_length),
		cmocka_unit_test(q21_area_ids_of_16_bits),
		cmocka_unit_test(q24_as_many_slots_as_asked_for),
		cmocka_unit_test(q25_events_may_have_tokens),
		cmocka_unit_test(q26_a_window_may_be_smaller_or_empty),
		cmocka_unit_test(q27_attributes_0_and_notifications_in_any_case),
		cmocka_unit_test(q28_bodies_of_r2_behind_a_header_of_r3),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
