/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device's session answers to frames typed by hand, in each dialect. */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

static struct bus_pair pair;

static void open_device(const char *forced)
{
	pair_open(&pair, NULL, forced ? vmsg_profile_find(forced) : NULL);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 0), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), 0);
}

/* token 5 */
#define R3_PROBE   "0280000005001400 00000000 00000000 02000100"
#define R3_ECHO    "0280000005001400 00000100 01000000 02000100"
#define R3_OFFER   "0380000005001e00 00000100 01000000 02000100 00000000 01000000 0400"
#define R3_NOTHING "0380000005001e00 00000000 00000000 02000100 00000000 00000000 0000"
#define R3_RESET   "0283000005000800"
#define R3_DONE    "0383000005000a000000"
#define SHARE      "0281000005002200 0700 1111000000000000 0000000000000000 01000000 f4060000"
#define SHARED     "0381000005000c00 0700 0000"
#define R3_NULL    "0300000005000800"

/* ---- VERSION ---- */

static void the_r3_table_before_and_after_agreement(void **state)
{
	(void)state;
	static const struct {
		const char *bus_revision, *down, *up;
	} rows[] = {
		{ "00000000 00000000", R3_OFFER, R3_OFFER },
		{ "00000100 02000000", R3_OFFER, R3_NOTHING }, /* greater by revision */
		{ "01000100 00000000", R3_OFFER, R3_NOTHING }, /* greater by bus, first */
		{ "ffffffff ffffffff", R3_OFFER, R3_NOTHING },
		{ "00000100 00000000", R3_NOTHING, R3_NOTHING }, /* smaller by revision */
		{ "ffff0000 02000000", R3_NOTHING, R3_NOTHING }, /* smaller by bus */
		{ "00000000 01000000", R3_NOTHING, R3_NOTHING },
		{ "00000100 01000000", R3_OFFER, R3_OFFER }, /* equal: agreed */
	};
	char frame[64];

	open_device(NULL);
	for (size_t up = 0; up < 2; up++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			strcpy(frame, "0280000005001400 ");
			strcat(strcat(frame, rows[i].bus_revision), " 02000100");
			assert_exchange(&pair, frame, up ? rows[i].up : rows[i].down);
			assert_log(&pair.device, !up && i == 7 ? "up" : "");
		}
	}
	assert_ptr_equal(pair.device.bus.profile, vmsg_profile(VMSG_PROFILE_R3));
}

static void an_r3_version_of_another_length_gets_error(void **state)
{
	(void)state;
	open_device("r3");
	assert_exchange(&pair, "0280000005001000 00000100 01000000", "0387000005000a008000");
	assert_exchange(&pair, "0280000005001500 00000100 01000000 02000100 00",
			"0387000005000a008000");
	assert_exchange(&pair, "0280000005001a00 00000100 01000000", "0387000005000a008000");
	assert_log(&pair.device, "");
}

static void fixed_dialects_accept_only_their_own_version(void **state)
{
	(void)state;
	open_device(NULL);
	/* r2b */
	assert_exchange(&pair, "0280000005001000 01000100 01000000",
			"0380000005001a00 00000000 00000000 00000000 00000000 0000");
	assert_log(&pair.device, "");
	assert_exchange(&pair, "0280000005001000 00000100 01000000",
			"0380000005001a00 00000100 01000000 00000000 01000000 0400");
	assert_log(&pair.device, "up");
	/* a number that no bus message has is refused, and not given back */
	assert_exchange(&pair, "0280450005001000 00000100 01000000",
			"0380000005001a00 00000000 00000000 00000000 00000000 0000");
	open_device(NULL);
	/* r2a */
	assert_exchange(&pair, "0280000005001a00 00000100 02000000 00000000 0f000000 ff00",
			"0380000005001a00 00000000 00000000 00000000 00000000 0000");
	assert_exchange(&pair, "0280000005001a00 00000100 01000000 00000000 0f000000 ff00",
			"0380000005001a00 00000100 01000000 00000000 01000000 0400");
	assert_log(&pair.device, "up");
	open_device(NULL);
	/* r1: a zero in place of what differs */
	assert_exchange(&pair, "028000001800 01000000 02000000 00000000 0f000000 ff00",
			"038000001800 01000000 00000000 00000000 01000000 0400");
	assert_exchange(&pair, "028000001800 01000000 01000000 00000000 0f000000 ff00",
			"038000001800 01000000 01000000 00000000 01000000 0400");
	assert_log(&pair.device, "up");
	assert_int_equal(pair.device.bus.bus_features, 1);
	assert_int_equal(pair.device.bus.peer_max_areas, 0xff);
	open_device(NULL);
	/* r0: 2 devices, DIRECT, 4 areas */
	assert_exchange(&pair, "028000000a00 01000000", "038000001000 01000000 02040000 0200");
	assert_log(&pair.device, "up");
	assert_ptr_equal(pair.device.bus.profile, vmsg_profile(VMSG_PROFILE_R0));
}

static void a_forced_dialect_refuses_the_others(void **state)
{
	(void)state;
	static const char *const versions[] = {
		R3_ECHO,
		"0280000005001000 00000100 01000000",
		"0280000005001a00 00000100 01000000 00000000 0f000000 ff00",
		"028000001800 01000000 01000000 00000000 0f000000 ff00",
		"028000000a00 01000000",
	};
	static const char *const names[] = { "r3", "r2b", "r2a", "r1", "r0" };
#define ZEROS "0380000005001a00 00000000 00000000 00000000 00000000 0000"
	static const char *const answers[5][5] = {
		{ NULL, "0387000005000a008000", "0387000005000a008000", "0300000018000800",
		  "030000000a000800" },
		{ ZEROS, NULL, ZEROS, "0300000018000800", "030000000a000800" },
		{ ZEROS, ZEROS, NULL, "0300000018000800", "030000000a000800" },
		{ "030000000600", "030000000600", "030000000600", NULL, "030000000600" },
		{ "030000000600", "030000000600", "030000000600", "030000000600", NULL },
	};

	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 5; j++) {
			open_device(names[i]);
			if (answers[i][j]) {
				assert_exchange(&pair, versions[j], answers[i][j]);
				assert_log(&pair.device, "");
			}
		}
	}
}

static void another_driver_in_place_of_one_starts_afresh(void **state)
{
	(void)state;
	static const char *const versions[] = {
		"028000001800 01000000 01000000 00000000 0f000000 ff00",
		"028000001800 01000000 01000000 00000000 0f000000 ff00",
		"0280000005001000 00000100 01000000",
		"028000000a00 01000000",
	};

	open_device(NULL);
	for (size_t i = 0; i < 4; i++) {
		uint8_t bytes[64], answer[VMSG_FRAME_SIZE_MAX];
		const size_t size = hex_to_bytes(versions[i], bytes, sizeof(bytes));
		pair_raw(&pair, (struct vmsg_bytes){ bytes, size }, answer);
		assert_int_equal(answer[0], 3);
		assert_int_equal(answer[1], 0x80);
		assert_log(&pair.device, i == 0 ? "up" : "reset up");
	}
	/* one that is refused disturbs nobody */
	assert_exchange(&pair, "0280000005001000 01000100 01000000", ZEROS);
	assert_exchange(&pair, "0280000005001400 00000000 01000000 02000100", R3_NOTHING);
	assert_log(&pair.device, "");
	/* a probe of another dialect is the beginning of another driver, however */
	assert_exchange(&pair, R3_PROBE, R3_OFFER);
	assert_log(&pair.device, "reset");
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_log(&pair.device, "up");
}

/* ---- before and around agreement ---- */

static void only_version_and_reset_are_served_before(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_RESET, R3_DONE);
	assert_exchange(&pair, "0202000005000c00 0000 0800", "0387000005000a000200");
	assert_exchange(&pair, "0203000005000c00 01020304", "0387000005000a000300");
	assert_exchange(&pair, "0002090005000800", "0387090005000a000200");
	assert_exchange(&pair, "0041090005001000 00000000 00000000", R3_NULL);
	assert_log(&pair.device, "");
}

static void the_bus_messages(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, "0203000007000c00 01020304", "0303000007000c00 01020304");
	/* windows: offset 0 count 8, next 9; any offset; none; beyond the end */
	assert_exchange(&pair, "0202000007000c00 0000 0800", "0302000007000f00 0000 0900 0800 01");
	assert_exchange(&pair, "0202000007000c00 0300 0900",
			"0302000007001000 0300 0000 0900 4000");
	assert_exchange(&pair, "0202000007000c00 0000 0000", "0302000007000e00 0000 0900 0000");
	assert_exchange(&pair, "0202000007000c00 feff 0800", "0302000007000f00 feff 0000 0200 00");
	/* no FIFO; unknown message; wrong length; an event; wrong direction */
	assert_exchange(&pair, "0286000007001400 0000000000000000 0100 0000",
			"0386000007000c00 0100 0000");
	assert_exchange(&pair, "023e000007000800", "0387000007000a003e00");
	assert_exchange(&pair, "0203000007000b00 010203", "0387000007000a000300");
	assert_exchange(&pair, "0240000007000c00 0100 0100", "0300000007000800");
	assert_exchange(&pair, "02c0000007000a00 0100", "0300000007000800");
	assert_exchange(&pair, "0303000007000c00 01020304", "0300000007000800");
	assert_exchange(&pair, "0387000007000a00 0300", "0300000007000800");
	/* a dev_num where none belongs */
	assert_exchange(&pair, "0203010007000c00 01020304", "0387010007000a000300");
}

static void windows_before_r3_are_whole_bytes(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, "028000001800 01000000 01000000 00000000 0f000000 ff00",
			"038000001800 01000000 01000000 00000000 01000000 0400");
	/* 255 slots, as Linux asks: 248, the order count then next */
	assert_exchange(&pair, "020200000a00 0000 ff00",
			"030200002b00 0000 f800 0000 0102000000000000000000000000000000000000000000"
			"0000000000000000");
	assert_exchange(&pair, "020200000a00 0000 0800", "030200000d00 0000 0800 0800 01");
	assert_exchange(&pair, "020200000a00 0000 0300", "030200000d00 0000 0800 0800 01");
	assert_exchange(&pair, "020200000a00 0000 0000", "030200000c00 0000 0000 0000");
	assert_exchange(&pair, "020200000a00 0800 1000", "030200000e00 0800 1000 0000 0200");
	/* an offset within a byte does not exist */
	assert_exchange(&pair, "020200000a00 0300 0800", "030000000600");
}

static void numbers_are_listed_up_to_the_last(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 65535), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 40000), 0);
	pair_up(&pair);
	assert_log(&pair.driver, "up +40000 +65535");
	assert_int_equal(pair.frames, 1 + 2 + 1 + 3); /* RESET, VERSION twice, EVENT_CONFIGURE */
}

/* ---- transport messages ---- */

static void requests_find_their_device_or_fail(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_log(&pair.device, "up");
	assert_exchange(&pair, "0007090007000800", "0107090007000c00 5a000000");
	assert_log(&pair.device, "GET_DEVICE_STATUS@9");
	assert_exchange(&pair, "0007080007000800", "0387080007000a000700");    /* absent */
	assert_exchange(&pair, "003f090007000800", "0387090007000a003f00");    /* unknown */
	assert_exchange(&pair, "0008090007000b00 000000", "0300000007000800"); /* short */
	assert_log(&pair.device, "");
}

static void events_get_the_reply_of_their_dialect(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_log(&pair.device, "up");
	assert_exchange(&pair, "0041090007001000 00000000 00000000", "0300000007000800");
	assert_log(&pair.device, "EVENT_AVAIL@9");
	assert_exchange(&pair, "0041080007001000 00000000 00000000", "0300000007000800");
	assert_exchange(&pair, "0042090007000c00 00000000", "0300000007000800");
	assert_log(&pair.device, "");
	open_device("r1");
	assert_exchange(&pair, "028000001800 01000000 01000000 00000000 0f000000 ff00",
			"038000001800 01000000 01000000 00000000 01000000 0400");
	assert_log(&pair.device, "up");
	assert_exchange(&pair, "004109000e00 00000000 00000000", "014109000600");
	assert_log(&pair.device, "EVENT_AVAIL@9");
	/* a request that is not served must not look like a response without a body */
	pair.is_silent = true;
	assert_exchange(&pair,
			"000a09002a00 00000000 00000000 00000000 00000000 00000000"
			"00000000 00000000 00000000 00000000",
			"030000000600");
	assert_log(&pair.device, "SET_VQUEUE@9");
}

static void a_device_that_refuses_is_answered_for(void **state)
{
	(void)state;
	static const char request[] = "0007090007000800";
	uint8_t bytes[16], answer[VMSG_FRAME_SIZE_MAX] = { 0 };
	const struct vmsg_bytes frame = { bytes, sizeof(bytes) };
	struct vmsg_bus_event event;
	struct vmsg_bus_output output;

	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	memset(bytes, 0, sizeof(bytes));
	(void)hex_to_bytes(request, bytes, sizeof(bytes));
	struct vmsg_bus *bus = &pair.device.bus;
	assert_int_equal(vmsg_bus_input(bus, 0, frame), 0);
	assert_int_equal(vmsg_bus_input(bus, 0, frame), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_bus_event(bus, &event), 1);
	assert_int_equal(vmsg_bus_refuse(bus, 0, &event.message.header), 0);
	assert_int_equal(vmsg_bus_refuse(bus, 0, &event.message.header), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_bus_input(bus, 0, frame), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_bus_output(bus, &output), 1);
	assert_bytes_hex(output.frame, "0387090007000a000700");
	(void)answer;
}

/* What waits to be sent, as an event that finds no room, is in no kick's way: a direct one comes
 * once. */
static void a_kick_is_taken_while_a_frame_waits(void **state)
{
	(void)state;
	uint8_t bytes[16] = { 0 }, kick[16] = { 0 };
	const struct vmsg_bytes frame = { bytes, sizeof(bytes) };
	struct vmsg_bus_event event;
	struct vmsg_bus_output output;

	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	(void)hex_to_bytes("0007090007000800", bytes, sizeof(bytes));
	(void)hex_to_bytes("00410900070010000000000000000000", kick, sizeof(kick));
	struct vmsg_bus *bus = &pair.device.bus;
	assert_int_equal(vmsg_bus_input_by(bus, 0, VMSG_CARRIER_INDIRECT, frame), 0);
	assert_int_equal(vmsg_bus_event(bus, &event), 1);
	assert_int_equal(vmsg_bus_refuse(bus, 0, &event.message.header), 0);
	assert_int_equal(vmsg_bus_input(bus, 0, frame), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_bus_input(bus, 0, (struct vmsg_bytes){ kick, sizeof(kick) }), 0);
	assert_int_equal(vmsg_bus_event(bus, &event), 1);
	assert_int_equal(event.kind, VMSG_BUS_EVENT_MESSAGE);
	assert_int_equal(event.message.header.type, VMSG_EVENT_AVAIL);
	assert_int_equal(vmsg_bus_output(bus, &output), 1);
	assert_int_equal(output.carrier, VMSG_CARRIER_INDIRECT);
	assert_bytes_hex(output.frame, "0387090007000a000700");
}

/* Who resets does not make room for what was meant for the session before. */
static void a_reset_is_taken_while_a_frame_waits(void **state)
{
	(void)state;
	uint8_t bytes[16] = { 0 }, reset[16] = { 0 };
	const struct vmsg_bytes frame = { bytes, sizeof(bytes) };
	struct vmsg_bus_event event;
	struct vmsg_bus_output output;

	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	(void)hex_to_bytes("0007090007000800", bytes, sizeof(bytes));
	(void)hex_to_bytes("0283000008000800", reset, sizeof(reset));
	struct vmsg_bus *bus = &pair.device.bus;
	assert_int_equal(vmsg_bus_input_by(bus, 0, VMSG_CARRIER_INDIRECT, frame), 0);
	assert_int_equal(vmsg_bus_event(bus, &event), 1);
	assert_int_equal(vmsg_bus_refuse(bus, 0, &event.message.header), 0);
	assert_int_equal(vmsg_bus_input(bus, 0, (struct vmsg_bytes){ reset, sizeof(reset) }), 0);
	while (vmsg_bus_event(bus, &event)) {
		assert_int_equal(event.kind, VMSG_BUS_EVENT_RESET);
	}
	assert_int_equal(vmsg_bus_output(bus, &output), 1);
	assert_int_equal(output.carrier, VMSG_CARRIER_DIRECT);
	assert_int_equal(output.frame.data[1], 0x83);
}

/* ---- events ---- */

static void nothing_is_originated_before_event_configure(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_log(&pair.device, "up");
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 9), 0);
	assert_exchange(&pair, "0284000007000800", "0384000007000800");
	assert_log(&pair.device, "");
	/* notifications, FIFO, nonsense: not here; polling: once */
	assert_exchange(&pair, "0285000007000c00 01 00 0000", "0385000007000a00 0100");
	assert_exchange(&pair, "0285000007000c00 03 00 0000", "0385000007000a00 0100");
	assert_exchange(&pair, "0285000007000c00 77 00 0000", "0385000007000a00 0100");
	assert_exchange(&pair, "0285000007000c00 00 00 0000", "0385000007000a00 0000");
	assert_exchange(&pair, "0285000007000c00 00 00 0000", "0387000007000a00 8500");
	assert_exchange(&pair, "0284000007000800", "0240000000000c00 0900 0200");
	assert_exchange(&pair, "0284000007000800", "0384000007000800");
	assert_log(&pair.device, "polled");
}

static void r2_drivers_may_ask_for_notifications(void **state)
{
	(void)state;
	open_device("r2a");
	assert_exchange(&pair, "0280000005001a00 00000100 01000000 00000000 0f000000 ff00",
			"0380000005001a00 00000100 01000000 00000000 01000000 0400");
	assert_exchange(&pair, "0285000007000c00 01 00 0000", "0385000007000a00 0000");
	assert_exchange(&pair, "0285000007000c00 01 00 0000", "0385000007000a00 0100");
}

static void a_poll_fetches_one_event_whole(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, "0285000007000c00 00 00 0000", "0385000007000a00 0000");
	pair.event = (struct vmsg_message){
		.header = { .type = VMSG_EVENT_USED, .kind = VMSG_EVENT, .dev_num = 9 },
		.body.event_used.vq_index = 3,
	};
	pair.has_event = true;
	assert_int_equal(vmsg_bus_send(&pair.device.bus, 0, &pair.event), VMSG_ERROR_STATE);
	assert_exchange(&pair, "0284000007000800", "0042090000000c00 03000000");
	assert_exchange(&pair, "0284000007000800", "0384000007000800");
	assert_log(&pair.device, "up polled polled");
}

static void a_number_that_comes_back_is_seen_to_go_first(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, "0285000007000c00 00 00 0000", "0385000007000a00 0000");
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 8), VMSG_ERROR_NOT_FOUND);
	for (int i = 0; i < 3; i++) { /* often, and yet it is one going and one coming */
		assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 9), 0);
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), 0);
	}
	/* one that came and went between two polls was never there */
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 5), 0);
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 5), 0);
	assert_exchange(&pair, "0284000007000800", "0240000000000c00 0900 0200");
	assert_exchange(&pair, "0284000007000800", "0240000000000c00 0900 0100");
	assert_exchange(&pair, "0284000007000800", "0384000007000800");
}

/* What is in its place now is served once the driver knows, or begins anew without having been
 * told; then it is told no more. */
static void a_device_that_was_replaced_is_not_taken_for_the_old_one(void **state)
{
	static const struct {
		const char *version, *answer, *events, *done;
		const char *info, *status, *status_is, *reset, *zero, *poll, *gone, *there, *empty;
		const char *refused;
	} rows[] = {
		{ R3_ECHO, R3_OFFER, "0285000007000c00 00 00 0000", "0385000007000a00 0000",
		  "0002090005000800", "0007090005000800", "0107090005000c00 5a000000",
		  "0008090005000c00 00000000", "0108090005000c00 5a000000", "0284000007000800",
		  "0240000000000c00 0900 0200", "0240000000000c00 0900 0100", "0384000007000800",
		  "0387090005000a00 0700" },
		{ "028000001800 01000000 01000000 00000000 0f000000 ff00",
		  "038000001800 01000000 01000000 00000000 01000000 0400", NULL, NULL,
		  "000209000600", "000709000600", "010709000a00 5a000000", "000809000a00 00000000",
		  "010809000a00 5a000000", "028400000600", "024000000a00 0900 0200",
		  "024000000a00 0900 0100", "038400000600", "030000000600" },
		{ "028000000a00 01000000", "038000001000 01000000 02040000 0200", NULL, NULL,
		  "000209000600", "000709000600", "010709000a00 5a000000", "000809000a00 00000000",
		  "010809000a00 5a000000", "028400000600", "024200000800 0900", "024100000800 0900",
		  "038400000600", "030000000600" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t answer[VMSG_FRAME_SIZE_MAX];
		uint8_t bytes[VMSG_FRAME_SIZE_MAX];
		open_device(NULL);
		assert_exchange(&pair, rows[i / 2].version, rows[i / 2].answer);
		if (rows[i / 2].events) {
			assert_exchange(&pair, rows[i / 2].events, rows[i / 2].done);
		}
		assert_exchange(&pair, rows[i / 2].status, rows[i / 2].status_is);
		assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 9), 0);
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), 0);
		assert_exchange(&pair, rows[i / 2].status, rows[i / 2].refused);
		const size_t size = hex_to_bytes(rows[i / 2].info, bytes, sizeof(bytes));
		pair.device.log[0] = 0;
		pair_raw(&pair, (struct vmsg_bytes){ bytes, size }, answer);
		assert_log(&pair.device, "GET_DEVICE_INFO@9"); /* nothing is changed by it */
		if (i % 2) {
			assert_exchange(&pair, rows[i / 2].poll, rows[i / 2].gone);
			assert_exchange(&pair, rows[i / 2].poll, rows[i / 2].there);
		} else {
			assert_exchange(&pair, rows[i / 2].status, rows[i / 2].refused);
			assert_exchange(&pair, rows[i / 2].reset, rows[i / 2].zero);
		}
		assert_exchange(&pair, rows[i / 2].poll, rows[i / 2].empty);
		assert_exchange(&pair, rows[i / 2].status, rows[i / 2].status_is);
	}
}

/* ---- reset ---- */

static void a_reset_is_answered_when_areas_and_devices_are_gone(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, SHARE, SHARED);
	assert_log(&pair.device, "up retrieve 7 ready 7");
	assert_exchange(&pair, R3_RESET, R3_DONE);
	assert_log(&pair.device, "reset relinquish 7 gone 7");
	assert_int_equal(pair.device.memory.count, 0);
	assert_exchange(&pair, "0202000005000c00 0000 0800", "0387000005000a000200");
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_log(&pair.device, "up");
}

static void a_reset_that_cannot_finish_is_busy(void **state)
{
	(void)state;
	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, SHARE, SHARED);
	assert_int_equal(vmsg_memory_hold(&pair.device.memory, 7ull << 48), 0);
	assert_exchange(&pair, R3_RESET, "0383000005000a000200");
	assert_exchange(&pair, R3_RESET, "0383000005000a000200");
	assert_exchange(&pair, R3_PROBE, R3_NOTHING);
	assert_exchange(&pair, R3_ECHO, R3_NOTHING);
	assert_exchange(&pair, "0203000007000c00 01020304", "0387000007000a000300");
	assert_log(&pair.device, "up retrieve 7 ready 7 reset");
	vmsg_memory_release(&pair.device.memory, 7ull << 48);
	assert_exchange(&pair, R3_RESET, R3_DONE);
	assert_log(&pair.device, "relinquish 7 gone 7");
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	/* the manager is busy: the same */
	assert_exchange(&pair, SHARE, SHARED);
	pair.device.result = VMSG_ERROR_AGAIN;
	assert_exchange(&pair, R3_RESET, "0383000005000a000200");
	pair.device.result = 0;
	assert_exchange(&pair, R3_RESET, "0383000005000a000200"); /* too soon */
	pair.now_ns += 1000000;
	assert_exchange(&pair, R3_RESET, R3_DONE);
}

/* A driver of a dialect that has no probe is not told to come back later: it would not. */
static void a_version_waits_for_the_reset_before_it(void **state)
{
	(void)state;
	static const char r2b[] = "0280000005001000 00000100 01000000";

	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, SHARE, SHARED);
	assert_int_equal(vmsg_memory_hold(&pair.device.memory, 7ull << 48), 0);
	assert_exchange(&pair, R3_RESET, "0383000005000a000200");
	assert_exchange(&pair, r2b, ZEROS); /* nothing helps while a queue holds on */
	vmsg_memory_release(&pair.device.memory, 7ull << 48);
	assert_exchange(&pair, r2b, "0380000005001a00 00000100 01000000 00000000 01000000 0400");
	assert_log(&pair.device, "up retrieve 7 ready 7 reset relinquish 7 gone 7 up");
}

static void a_driver_that_is_gone_leaves_nothing(void **state)
{
	(void)state;
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;

	open_device(NULL);
	assert_exchange(&pair, R3_ECHO, R3_OFFER);
	assert_exchange(&pair, SHARE, SHARED);
	vmsg_bus_abandon(&pair.device.bus, 0, VMSG_ERROR_PEER);
	assert_int_equal(vmsg_bus_event(&pair.device.bus, &event), 1);
	assert_int_equal(event.kind, VMSG_BUS_EVENT_RESET);
	assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 1);
	assert_int_equal(output.kind, VMSG_BUS_RELINQUISH);
	vmsg_bus_complete(&pair.device.bus, 0, 0, NULL, 0);
	assert_int_equal(vmsg_bus_event(&pair.device.bus, &event), 1);
	assert_int_equal(event.kind, VMSG_BUS_EVENT_AREA_GONE);
	assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 0);
	assert_int_equal(pair.device.bus.state, VMSG_BUS_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_r3_table_before_and_after_agreement),
		cmocka_unit_test(an_r3_version_of_another_length_gets_error),
		cmocka_unit_test(fixed_dialects_accept_only_their_own_version),
		cmocka_unit_test(a_forced_dialect_refuses_the_others),
		cmocka_unit_test(another_driver_in_place_of_one_starts_afresh),
		cmocka_unit_test(only_version_and_reset_are_served_before),
		cmocka_unit_test(the_bus_messages),
		cmocka_unit_test(windows_before_r3_are_whole_bytes),
		cmocka_unit_test(numbers_are_listed_up_to_the_last),
		cmocka_unit_test(requests_find_their_device_or_fail),
		cmocka_unit_test(events_get_the_reply_of_their_dialect),
		cmocka_unit_test(a_device_that_refuses_is_answered_for),
		cmocka_unit_test(a_kick_is_taken_while_a_frame_waits),
		cmocka_unit_test(a_reset_is_taken_while_a_frame_waits),
		cmocka_unit_test(nothing_is_originated_before_event_configure),
		cmocka_unit_test(r2_drivers_may_ask_for_notifications),
		cmocka_unit_test(a_poll_fetches_one_event_whole),
		cmocka_unit_test(a_number_that_comes_back_is_seen_to_go_first),
		cmocka_unit_test(a_device_that_was_replaced_is_not_taken_for_the_old_one),
		cmocka_unit_test(a_reset_is_answered_when_areas_and_devices_are_gone),
		cmocka_unit_test(a_reset_that_cannot_finish_is_busy),
		cmocka_unit_test(a_version_waits_for_the_reset_before_it),
		cmocka_unit_test(a_driver_that_is_gone_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
