/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver's session against devices that are slow, busy, wrong or gone. */
#include <stdlib.h>
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

#define MS 1000000ull

static struct bus_pair pair;

static struct vmsg_message get_status(uint16_t dev_num, uint16_t token)
{
	return (struct vmsg_message){
		.header = {
			.type = VMSG_GET_DEVICE_STATUS,
			.kind = VMSG_REQUEST,
			.dev_num = dev_num,
			.token = token,
		},
	};
}

static struct vmsg_message avail(uint16_t dev_num)
{
	return (struct vmsg_message){
		.header = { .type = VMSG_EVENT_AVAIL, .kind = VMSG_EVENT, .dev_num = dev_num },
	};
}

static void up(const char *profile)
{
	pair_open(&pair, profile ? vmsg_profile_find(profile) : NULL, NULL);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	pair_up(&pair);
	assert_log(&pair.driver, "up +3");
	assert_log(&pair.device, "up");
	pair.frames = 0;
}

static int send_to(uint16_t dev_num, uint16_t token)
{
	const struct vmsg_message request = get_status(dev_num, token);

	return vmsg_bus_send(&pair.driver.bus, pair.now_ns, &request);
}

/* Pulls one frame of the driver by hand. */
static struct vmsg_bus_output pull(void)
{
	struct vmsg_bus_output output;

	assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output), 1);
	assert_int_equal(output.kind, VMSG_BUS_SEND);
	return output;
}

static int push(const char *hex)
{
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
	const size_t size = hex_to_bytes(hex, bytes, sizeof(bytes));

	return vmsg_bus_input(&pair.driver.bus, pair.now_ns, (struct vmsg_bytes){ bytes, size });
}

static void drain(void)
{
	pair.intercept = NULL;
	pair_run(&pair);
}

/* ---- tokens and matching ---- */

static void tokens_go_round_and_the_callers_comes_back(void **state)
{
	(void)state;
	uint16_t last = 0;

	up("r3");
	for (uint32_t i = 0; i < 70000; i++) {
		assert_int_equal(send_to(3, (uint16_t)i), 0);
		pair_run(&pair);
		assert_int_equal(pair.driver.last.token, (uint16_t)i);
		const uint16_t token =
			(uint16_t)(pair.driver.last_frame[4] | pair.driver.last_frame[5] << 8);
		assert_int_equal(token, last == 0 ? token : last == 0xffff ? 2 : last + 1);
		last = token;
		pair.driver.log[0] = 0;
		pair.device.log[0] = 0;
	}
}

static void responses_are_matched_in_any_order(void **state)
{
	(void)state;
	up("r3");
	struct vmsg_bus *bus = &pair.driver.bus;
	bus->next_token = 0x20;
	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(send_to(3, (uint16_t)(100 + i)), 0);
		assert_int_equal(send_to(3, 99), VMSG_ERROR_AGAIN); /* not pulled yet */
		(void)pull();
	}
	assert_int_equal(push("0107030022000c00 01000000"), 0);
	assert_int_equal(push("0107030022000c00 01000000"), VMSG_ERROR_AGAIN); /* not pulled */
	drain();
	assert_int_equal(pair.driver.last.token, 102);
	assert_int_equal(push("0107030020000c00 01000000"), 0);
	drain();
	assert_int_equal(pair.driver.last.token, 100);
	assert_log(&pair.driver, "GET_DEVICE_STATUS@3 GET_DEVICE_STATUS@3");
	/* once more; for another device; with another token: nobody waits */
	assert_int_equal(push("0107030020000c00 01000000"), 0);
	assert_int_equal(push("0107040021000c00 01000000"), 0);
	assert_int_equal(push("0107030029000c00 01000000"), 0);
	assert_int_equal(bus->stats.late, 3);
	/* with our token but of another kind: that request is lost */
	assert_int_equal(push("0108030021000c00 01000000"), 0);
	drain();
	assert_log(&pair.driver, "lost GET_DEVICE_STATUS@3");
	assert_int_equal(pair.driver.last.token, 101);
}

static void without_tokens_the_oldest_of_a_kind_is_answered(void **state)
{
	(void)state;
	up("r1");
	for (uint16_t i = 0; i < 2; i++) {
		pair.now_ns++;
		assert_int_equal(send_to(3, (uint16_t)(100 + i)), 0);
		(void)pull();
	}
	assert_int_equal(push("010803000a00 01000000"), 0); /* another kind */
	assert_int_equal(pair.driver.bus.stats.late, 1);
	assert_int_equal(push("010703000a00 01000000"), 0);
	drain();
	assert_int_equal(pair.driver.last.token, 100);
	/* the place of the first in the table is taken by a third, which is younger */
	pair.now_ns++;
	assert_int_equal(send_to(3, 102), 0);
	(void)pull();
	assert_int_equal(push("010703000a00 01000000"), 0);
	drain();
	assert_int_equal(pair.driver.last.token, 101);
	assert_int_equal(push("010703000a00 01000000"), 0);
	drain();
	assert_int_equal(pair.driver.last.token, 102);
}

static void events_carry_no_token(void **state)
{
	(void)state;
	struct vmsg_message kick = avail(3);

	up("r3");
	kick.header.token = 9;
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &kick), 0);
	const struct vmsg_bus_output output = pull();
	assert_true(output.is_event);
	assert_bytes_hex(output.frame, "00410300000010000000000000000000");
}

static void only_so_many_requests_are_in_flight(void **state)
{
	(void)state;
	up("r3");
	for (uint16_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		assert_true(vmsg_bus_can_send(&pair.driver.bus));
		assert_int_equal(send_to(3, i), 0);
		(void)pull();
	}
	assert_false(vmsg_bus_can_send(&pair.driver.bus));
	assert_int_equal(send_to(3, 1), VMSG_ERROR_AGAIN);
}

static void what_may_be_sent_is_checked(void **state)
{
	(void)state;
	struct vmsg_message message = get_status(3, 1);

	pair_open(&pair, NULL, NULL);
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), VMSG_ERROR_STATE);
	up("r1");
	message.header.kind = VMSG_RESPONSE;
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), VMSG_ERROR_INVALID);
	message.header = (struct vmsg_header){ .type = VMSG_PING, .kind = VMSG_REQUEST };
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), VMSG_ERROR_INVALID);
	message.header.type = VMSG_NONE;
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), VMSG_ERROR_INVALID);
	static const uint8_t data[85];
	message.header = (struct vmsg_header){ .type = VMSG_SET_CONFIG, .kind = VMSG_REQUEST };
	message.body.set_config_request = (struct vmsg_config){
		.length = 79,
		.data = { data, 79 },
	};
	assert_int_equal(vmsg_bus_frame_size_max(&pair.driver.bus), 96);
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), VMSG_ERROR_RANGE);
	message.body.set_config_request = (struct vmsg_config){
		.length = 78,
		.data = { data, 78 },
	};
	assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &message), 0);
}

/* ---- requests that end badly ---- */

static void every_refusal_fails_the_request_once(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		int error;
	} rows[] = {
		{ "0300000020000800", VMSG_ERROR_PEER },             /* null reply */
		{ "0300000000000800", VMSG_ERROR_PEER },             /* ... without a token */
		{ "0387030020000a00 0700", VMSG_ERROR_PEER },        /* ERROR */
		{ "0387030020000a00 0800", VMSG_ERROR_BAD_FIELD },   /* ... about something else */
		{ "0387030020000b00 070000", VMSG_ERROR_BAD_FIELD }, /* ... too long */
		{ "0107000020000800", VMSG_ERROR_PEER },             /* null response of OP-TEE */
		{ "0107030020000b00 000000", VMSG_ERROR_BAD_FIELD }, /* short */
		{ "0107030020000700", VMSG_ERROR_PEER },             /* malformed */
		{ "010703002000ff00", VMSG_ERROR_PEER },
		{ "ffffffffffffffff", VMSG_ERROR_PEER },
		{ "0007030020000800", VMSG_ERROR_PEER },          /* a request */
		{ "0107030021000c00 01000000", VMSG_ERROR_PEER }, /* another token */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[VMSG_FRAME_SIZE_MAX] = { 0 };
		print_message("# %s\n", rows[i].answer);
		up("r3");
		pair.driver.bus.next_token = 0x20;
		assert_int_equal(send_to(3, 5), 0);
		(void)pull();
		(void)hex_to_bytes(rows[i].answer, bytes, sizeof(bytes));
		(void)!vmsg_bus_answer(&pair.driver.bus, 0,
				       (struct vmsg_bytes){ bytes, sizeof(bytes) });
		pair_run(&pair);
		assert_log(&pair.driver, "lost GET_DEVICE_STATUS@3");
		assert_int_equal(pair.driver.last.error, rows[i].error);
		assert_int_equal(pair.driver.last.token, 5);
	}
}

static void a_request_without_answer_ends_at_its_deadline(void **state)
{
	(void)state;
	up("r3");
	assert_int_equal(send_to(3, 5), 0);
	const struct vmsg_bus_output output = pull();
	assert_int_equal(output.deadline_ns, 1000 * MS);
	vmsg_bus_tick(&pair.driver.bus, 1000 * MS - 1);
	drain();
	assert_log(&pair.driver, "");
	pair.now_ns = 1000 * MS;
	vmsg_bus_tick(&pair.driver.bus, pair.now_ns);
	drain();
	assert_log(&pair.driver, "lost GET_DEVICE_STATUS@3");
	assert_int_equal(pair.driver.last.error, VMSG_ERROR_TIMEOUT);
	assert_int_equal(pair.driver.bus.stats.timeouts, 1);
	assert_int_equal(push("0107030007000c00 01000000"), 0);
	assert_int_equal(pair.driver.bus.stats.late, 1);
	assert_int_equal(pair.driver.bus.state, VMSG_BUS_RUNNING);
}

/* Its answer came another way while the carrier was busy: nothing has timed out. */
static void what_nobody_waits_for_is_not_tried_again(void **state)
{
	(void)state;
	struct vmsg_bus_output output;

	up("r3");
	struct vmsg_bus *bus = &pair.driver.bus;
	assert_int_equal(send_to(3, 5), 0);
	(void)pull();
	assert_int_equal(push("0107030007000c00 01000000"), 0);
	vmsg_bus_send_failed(bus, pair.now_ns, VMSG_ERROR_AGAIN);
	assert_int_equal(bus->stats.timeouts, 0);
	assert_int_equal(bus->stats.retries, 0);
	pair.now_ns = 100 * MS;
	vmsg_bus_tick(bus, pair.now_ns);
	while (vmsg_bus_output(bus, &output)) {
		assert_int_not_equal(output.frame.data[1], 0x07);
	}
}

/* By powers of two, from when it was put out to when the answer came; the device sees how long its
 * own part took. */
static void requests_are_counted_by_how_long_they_took(void **state)
{
	static const struct {
		uint64_t ns;
		size_t bucket;
	} rows[] = { { 1023, 0 }, { 1024, 1 },   { 2047, 1 },
		     { 2048, 2 }, { 100000, 7 }, { UINT64_C(1) << 32, 23 } };
	(void)state;

	up("r3");
	struct vmsg_bus *bus = &pair.driver.bus;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct vmsg_bus_stats before = bus->stats;
		bus->options.request_timeout_ns = UINT64_C(1) << 40;
		assert_int_equal(send_to(3, 5), 0);
		const struct vmsg_bus_output output = pull();
		uint8_t answer[VMSG_FRAME_SIZE_MAX];
		pair_raw(&pair, output.frame, answer);
		pair.now_ns += rows[i].ns;
		assert_int_equal(vmsg_bus_answer(bus, pair.now_ns,
						 (struct vmsg_bytes){ answer, sizeof(answer) }),
				 0);
		for (size_t k = 0; k < VMSG_BUS_LATENCIES; k++) {
			assert_int_equal(bus->stats.latencies[k] - before.latencies[k],
					 k == rows[i].bucket);
		}
		assert_int_equal(bus->stats.sent_bytes - before.sent_bytes, 8);
		assert_int_equal(bus->stats.received_bytes - before.received_bytes, 12);
		drain();
		assert_log(&pair.driver, "GET_DEVICE_STATUS@3");
	}
	assert_int_equal(bus->stats.busy, 0);
}

static void a_busy_carrier_is_tried_until_the_deadline(void **state)
{
	(void)state;
	struct vmsg_bus_output output;
	const struct vmsg_message kick = avail(3);

	up("r3");
	struct vmsg_bus *bus = &pair.driver.bus;
	assert_int_equal(send_to(3, 5), 0);
	for (int i = 0; i < 100; i++) {
		const struct vmsg_bus_output again = pull();
		assert_memory_equal(again.frame.data, "\x00\x07\x03\x00", 4);
		vmsg_bus_send_failed(bus, pair.now_ns, VMSG_ERROR_AGAIN);
		assert_int_equal(vmsg_bus_output(bus, &output), 0);
		assert_false(vmsg_bus_can_send(bus));
		pair.now_ns = vmsg_bus_deadline(bus);
		vmsg_bus_tick(bus, pair.now_ns);
	}
	assert_int_equal(pair.now_ns, 100 * MS);
	assert_int_equal(bus->stats.busy, 100);
	assert_int_equal(bus->stats.retries, 100);
	drain(); /* it gets through */
	assert_log(&pair.driver, "GET_DEVICE_STATUS@3");
	/* an event, too, and not for ever */
	assert_int_equal(vmsg_bus_send(bus, pair.now_ns, &kick), 0);
	uint64_t tries = 0;
	while (vmsg_bus_output(bus, &output)) {
		if (output.is_event) {
			tries++;
			vmsg_bus_send_failed(bus, pair.now_ns, VMSG_ERROR_AGAIN);
		}
		pair.now_ns += MS;
		vmsg_bus_tick(bus, pair.now_ns);
	}
	assert_int_equal(tries, 1000);
	assert_int_equal(bus->stats.dropped, 1);
}

static const uint8_t zeros[VMSG_FRAME_SIZE_MAX];
static const struct vmsg_bytes nothing = { zeros, sizeof(zeros) };

/* The frame that is due is answered with nothing so long; true when it was due again each time. */
static bool is_busy_for(uint64_t ns)
{
	struct vmsg_bus *bus = &pair.driver.bus;
	struct vmsg_bus_output output;
	const uint64_t end_ns = pair.now_ns + ns;
	uint64_t pause_ns = MS;

	while (pair.now_ns < end_ns && vmsg_bus_output(bus, &output)) {
		assert_memory_equal(output.frame.data, "\x00\x07\x03\x00", 4);
		assert_int_equal(vmsg_bus_answer(bus, pair.now_ns, nothing), 0);
		assert_int_equal(vmsg_bus_output(bus, &output), 0);
		assert_true(vmsg_bus_deadline(bus) <= pair.now_ns + pause_ns);
		pair.now_ns += pause_ns;
		vmsg_bus_tick(bus, pair.now_ns);
		pause_ns = pause_ns < 16 * MS ? 2 * pause_ns : pause_ns;
	}
	return pair.now_ns >= end_ns;
}

static void an_empty_answer_means_busy_until_the_deadline(void **state)
{
	(void)state;
	up("r3");
	assert_int_equal(send_to(3, 5), 0);
	assert_true(is_busy_for(900 * MS));
	drain(); /* it gets through */
	assert_log(&pair.driver, "GET_DEVICE_STATUS@3");
	/* and not for ever: 1 s */
	up("r3");
	assert_int_equal(send_to(3, 5), 0);
	const uint64_t start_ns = pair.now_ns;
	assert_true(is_busy_for(950 * MS));
	for (int i = 0; i < 4; i++) {
		struct vmsg_bus_output output;
		if (vmsg_bus_output(&pair.driver.bus, &output)) {
			assert_int_equal(vmsg_bus_answer(&pair.driver.bus, pair.now_ns, nothing),
					 0);
		}
		pair.now_ns = start_ns + 980 * MS + (uint64_t)i * 10 * MS;
		vmsg_bus_tick(&pair.driver.bus, pair.now_ns);
	}
	drain();
	assert_log(&pair.driver, "lost GET_DEVICE_STATUS@3");
	assert_int_equal(pair.driver.last.error, VMSG_ERROR_TIMEOUT);
	assert_int_equal(pair.driver.bus.state, VMSG_BUS_RUNNING);
}

static void a_dead_device_ends_the_session(void **state)
{
	(void)state;
	up("r3");
	const uint16_t area = pair_share(&pair);
	assert_log(&pair.driver, "ready 1");
	assert_int_equal(send_to(3, 5), 0);
	(void)pull();
	vmsg_bus_send_failed(&pair.driver.bus, 0, VMSG_ERROR_PEER);
	pair_run(&pair);
	assert_log(&pair.driver, "down lost GET_DEVICE_STATUS@3");
	assert_int_equal(pair.driver.bus.error, VMSG_ERROR_PEER);
	assert_int_equal(send_to(3, 5), VMSG_ERROR_STATE);
	assert_int_equal(push("0107030020000c00 01000000"), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_bus_poll(&pair.driver.bus, 0), VMSG_ERROR_STATE);
	/* memory comes back without asking the dead */
	assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, 0, area), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "reclaim 1 gone 1");
	/* and a new device can be found */
	pair_up(&pair);
	assert_log(&pair.driver, "up +3");
}

/* ---- bringing up ---- */

static const char *replay;

static bool answer_replay(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	(void)p;
	if (!replay || frame.data[1] != (uint8_t)strtoul(replay, NULL, 16)) {
		return false;
	}
	(void)hex_to_bytes(replay + 3, answer, VMSG_FRAME_SIZE_MAX);
	if (frame.size >= 8) {
		answer[4] = frame.data[4];
		answer[5] = frame.data[5];
	}
	return true;
}

static void lists_that_do_not_end_are_refused(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"02 0302000007000f00 0000 0000 0100 01", /* fine */
		"02 0302000007000f00 0100 0000 0100 01", /* another offset */
		"02 0302000007002f00 0000 0000 0101 00", /* longer than asked for */
		"02 0302000007000a00 0000",              /* short */
		"02 0300000007000800",                   /* null */
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		pair_open(&pair, NULL, NULL);
		pair.intercept = answer_replay;
		replay = answers[i];
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		pair_run(&pair);
		assert_log(&pair.driver, i == 0 ? "up +0" : "down");
	}
}

/* Each window is empty and points one further: as slow as it can be. */
static bool answer_crawl(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	(void)p;
	if (frame.data[1] != 2) {
		return false;
	}
	const uint16_t offset = (uint16_t)(frame.data[8] | frame.data[9] << 8);
	const uint16_t next = (uint16_t)(offset + 1);
	const uint8_t body[] = { 3,
				 2,
				 0,
				 0,
				 frame.data[4],
				 frame.data[5],
				 14,
				 0,
				 frame.data[8],
				 frame.data[9],
				 (uint8_t)next,
				 (uint8_t)(next >> 8) };
	memcpy(answer, body, sizeof(body));
	return true;
}

static bool answer_circle(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	if (!answer_crawl(p, frame, answer)) {
		return false;
	}
	memcpy(answer + 10, answer + 8, 2);
	answer[10] = answer[10] || answer[11] ? answer[10] : 8; /* 0, 8, 8, 8 ... */
	return true;
}

static void lists_end_however_slowly(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	pair.intercept = answer_crawl;
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "up");
	assert_int_equal(pair.frames, 4 + 65536);
	pair_open(&pair, NULL, NULL);
	pair.intercept = answer_circle;
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "down");
}

static void r3_devices_that_change_their_mind_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		const char *log;
		int error;
	} rows[] = {
		{ "80 0380000007001e00 00000000 00000000 02000100 00000000 00000000 0000", "down",
		  VMSG_ERROR_REVISION },
		{ "80 0380000007001e00 00000200 01000000 02000100 00000000 00000000 0000", "down",
		  VMSG_ERROR_REVISION },
		{ "80 0380000007001e00 00000100 02000000 02000100 00000000 00000000 0000", "down",
		  VMSG_ERROR_REVISION },
		{ "80 0380000007001e00 00000100 01000000 01000100 00000000 00000000 0000", "down",
		  VMSG_ERROR_REVISION },
		{ "85 0385000007000a00 0100", "down", VMSG_ERROR_PEER },
		{ "85 0387000007000a00 8500", "down", VMSG_ERROR_PEER },
		{ "83 0383000007000a00 0100", "up +3", 0 }, /* a RESET that fails delays nobody */
		{ "83 0387000007000a00 8300", "up +3", 0 },
		{ "84 0384000007000800", "up +3", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair_open(&pair, vmsg_profile_find("r3"), NULL);
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
		pair.intercept = answer_replay;
		replay = rows[i].answer;
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), VMSG_ERROR_STATE);
		pair_run(&pair);
		assert_log(&pair.driver, rows[i].log);
		assert_int_equal(pair.driver.bus.error, rows[i].error);
	}
}

static void r1_devices_must_receive_what_we_send(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		bool up;
	} rows[] = {
		{ "80 038000001800 01000000 01000000 00000000 0f000000 ff00", true },
		{ "80 038000001800 01000000 01000000 00000000 02000000 ff00", false },
		{ "80 038000001800 01000000 01000000 01000000 0f000000 ff00", false },
		{ "80 038000001800 00000000 01000000 00000000 0f000000 ff00", false },
		{ "80 038000001800 01000000 00000000 00000000 0f000000 ff00", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[VMSG_FRAME_SIZE_MAX] = { 0 };
		pair_open(&pair, vmsg_profile_find("r1"), NULL);
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		(void)pull();
		(void)hex_to_bytes(rows[i].answer + 3, bytes, sizeof(bytes));
		assert_int_equal(vmsg_bus_answer(&pair.driver.bus, 0,
						 (struct vmsg_bytes){ bytes, sizeof(bytes) }),
				 0);
		assert_int_equal(pair.driver.bus.state == VMSG_BUS_NEGOTIATED, rows[i].up);
	}
}

static void a_reset_in_progress_is_asked_three_times(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	pair.intercept = answer_replay;
	replay = "83 0383000007000a00 0200";
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	pair_run(&pair);
	assert_int_equal(pair.frames, 1);
	pair_advance(&pair, MS - 1);
	assert_int_equal(pair.frames, 1);
	pair_advance(&pair, 1);
	assert_int_equal(pair.frames, 2);
	assert_log(&pair.driver, "");
	pair_advance(&pair, MS);
	assert_int_equal(pair.frames, 3);
	assert_log(&pair.driver, "down");
	assert_int_equal(pair.driver.bus.error, VMSG_ERROR_AGAIN);
	/* a running bus that is reset: the same */
	up(NULL);
	pair.intercept = answer_replay;
	assert_int_equal(vmsg_bus_reset(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
	replay = NULL;
	pair_advance(&pair, MS);
	assert_log(&pair.driver, "reset");
	assert_int_equal(pair.driver.bus.state, VMSG_BUS_DOWN);
	pair_up(&pair);
	assert_log(&pair.driver, "up +3");
	assert_log(&pair.device, "reset up");
}

/* ---- events ---- */

static bool poll_with(const char *hex)
{
	pair.intercept = answer_replay;
	static char text[256];
	strcpy(text, "84 ");
	strcat(text, hex);
	replay = text;
	pair.frames = 0;
	const uint64_t before = pair.driver.bus.stats.sent[VMSG_EVENT_POLL];
	assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
	return pair.driver.bus.stats.sent[VMSG_EVENT_POLL] > before + 1;
}

/* A kick that the device never got must be repeated, or its queue sleeps for ever. */
static void a_kick_that_was_lost_is_told(void **state)
{
	const struct vmsg_message kick = {
		.header = { .type = VMSG_EVENT_AVAIL, .kind = VMSG_EVENT, .dev_num = 3 },
		.body.event_avail.vq_index = 1,
	};
	struct vmsg_bus *bus = &pair.driver.bus;

	(void)state;
	up(NULL);
	for (int i = 0; i < 3; i++) {
		struct vmsg_bus_output output;
		struct vmsg_bus_event event;
		assert_int_equal(vmsg_bus_send(bus, pair.now_ns, &kick), 0);
		assert_int_equal(vmsg_bus_output(bus, &output), 1);
		assert_true(output.is_event);
		/* no answer; busy, and then it is too late; delivered */
		if (i == 0) {
			vmsg_bus_send_failed(bus, pair.now_ns, VMSG_ERROR_TIMEOUT);
		} else if (i == 1) {
			vmsg_bus_send_failed(bus, pair.now_ns, VMSG_ERROR_AGAIN);
			assert_int_equal(vmsg_bus_next_message(bus, &event), 0);
			vmsg_bus_tick(bus, output.deadline_ns);
		}
		assert_int_equal(vmsg_bus_next_message(bus, &event), i < 2);
		if (i < 2) {
			assert_int_equal(event.kind, VMSG_BUS_EVENT_REQUEST_FAILED);
			assert_int_equal(event.type, VMSG_EVENT_AVAIL);
			assert_int_equal(event.dev_num, 3);
			assert_int_equal(event.error, VMSG_ERROR_TIMEOUT);
		}
	}
}

static void polls_go_on_while_there_are_events(void **state)
{
	(void)state;
	up(NULL);
	/* nothing, in every way a device says so */
	assert_false(poll_with("0384000007000800"));
	assert_false(poll_with("0300000000000800"));
	assert_false(poll_with("0387000000000a00 8400"));
	assert_false(poll_with("00"));
	assert_log(&pair.driver, "");
	/* always more: 64 in a round */
	assert_true(poll_with("0042030000000c00 02000000"));
	assert_int_equal(pair.frames, 64);
	pair.driver.log[0] = 0;
	pair.frames = 0;
	pair_advance(&pair, 100 * MS - 1);
	assert_int_equal(pair.frames, 0);
	pair_advance(&pair, 1);
	assert_int_equal(pair.frames, 64);
}

static void hot_plug_is_told_once_and_in_order(void **state)
{
	(void)state;
	up(NULL);
	(void)poll_with("0240000000000c00 0700 0100");
	assert_log(&pair.driver, "+7");
	(void)poll_with("0240000000000c00 0700 0200");
	assert_log(&pair.driver, "-7");
	(void)poll_with("0240000000000c00 0700 0300"); /* no such state */
	(void)poll_with("0240000000000c00 0300 0100"); /* is there already */
	(void)poll_with("0240000000000c00 0800 0200"); /* never was */
	assert_log(&pair.driver, "");
	/* a request to a device that goes is lost with it */
	assert_int_equal(send_to(3, 5), 0);
	(void)pull();
	assert_int_equal(push("0240000000000c00 0300 0200"), 0);
	drain();
	assert_log(&pair.driver, "-3 lost GET_DEVICE_STATUS@3");
	assert_int_equal(pair.driver.last.error, VMSG_ERROR_NOT_FOUND);
	/* went and came unseen */
	assert_int_equal(push("0240000000000c00 0300 0100"), 0);
	drain();
	assert_int_equal(push("0240000000000c00 0300 0200"), 0);
	assert_int_equal(push("0240000000000c00 0300 0100"), 0);
	drain();
	assert_log(&pair.driver, "+3 -3 +3");
}

/* Whoever drives it does not know yet, and would set up what has come in its place. */
static void nothing_is_sent_to_a_device_that_is_told_gone(void **state)
{
	struct vmsg_bus_event event;
	const struct vmsg_message kick = avail(3);

	(void)state;
	up("r3");
	for (int replaced = 0; replaced < 2; replaced++) {
		struct vmsg_bus *bus = &pair.driver.bus;
		assert_int_equal(push("0240000000000c00 0300 0200"), 0);
		if (replaced) {
			assert_int_equal(push("0240000000000c00 0300 0100"), 0);
		}
		assert_int_equal(send_to(3, 5), VMSG_ERROR_NOT_FOUND);
		assert_int_equal(vmsg_bus_send(bus, 0, &kick), VMSG_ERROR_NOT_FOUND);
		assert_int_equal(vmsg_bus_event(bus, &event), 1);
		assert_int_equal(event.kind, VMSG_BUS_EVENT_DEVICE_REMOVED);
		assert_int_equal(send_to(3, 5), 0); /* as the caller likes */
		drain();
		assert_log(&pair.driver,
			   replaced ? "+3 GET_DEVICE_STATUS@3" : "GET_DEVICE_STATUS@3");
		assert_int_equal(push("0240000000000c00 0300 0100"), 0);
		drain();
		pair.driver.log[0] = 0;
	}
}

static void what_a_device_may_not_send_is_dropped(void **state)
{
	(void)state;
	up(NULL);
	struct vmsg_bus *bus = &pair.driver.bus;
	assert_int_equal(push("0041030000001000 00000000 00000000"), 0); /* EVENT_AVAIL */
	assert_int_equal(push("0002030000000800"), 0);                   /* a request */
	assert_int_equal(push("0280000000001400 00000000 00000000 00000000"), 0);
	assert_int_equal(push("0142030000000c00 00000000"), VMSG_ERROR_BAD_FIELD);
	assert_int_equal(push("02c0000000000a00 0500"), 0); /* AREA_RELEASE of an unknown one */
	assert_int_equal(bus->stats.dropped, 5);
	assert_int_equal(push("0203000009000c00 01020304"), 0); /* PING is served */
	assert_bytes_hex(pull().frame, "0303000009000c0001020304");
	drain();
	assert_log(&pair.driver, "");
}

static void r0_hot_plug_has_messages_of_its_own(void **state)
{
	(void)state;
	up("r0");
	(void)poll_with("024100000800 0700");
	assert_log(&pair.driver, "+7");
	(void)poll_with("024200000800 0700");
	assert_log(&pair.driver, "-7");
	drain();
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 3), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 4), 0);
	assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "-3 +4");
	assert_int_equal(vmsg_bus_reset(&pair.driver.bus, 0), VMSG_ERROR_REVISION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_go_round_and_the_callers_comes_back),
		cmocka_unit_test(responses_are_matched_in_any_order),
		cmocka_unit_test(without_tokens_the_oldest_of_a_kind_is_answered),
		cmocka_unit_test(events_carry_no_token),
		cmocka_unit_test(only_so_many_requests_are_in_flight),
		cmocka_unit_test(what_may_be_sent_is_checked),
		cmocka_unit_test(every_refusal_fails_the_request_once),
		cmocka_unit_test(a_request_without_answer_ends_at_its_deadline),
		cmocka_unit_test(what_nobody_waits_for_is_not_tried_again),
		cmocka_unit_test(requests_are_counted_by_how_long_they_took),
		cmocka_unit_test(a_busy_carrier_is_tried_until_the_deadline),
		cmocka_unit_test(an_empty_answer_means_busy_until_the_deadline),
		cmocka_unit_test(a_dead_device_ends_the_session),
		cmocka_unit_test(lists_that_do_not_end_are_refused),
		cmocka_unit_test(lists_end_however_slowly),
		cmocka_unit_test(r3_devices_that_change_their_mind_are_refused),
		cmocka_unit_test(r1_devices_must_receive_what_we_send),
		cmocka_unit_test(a_reset_in_progress_is_asked_three_times),
		cmocka_unit_test(a_kick_that_was_lost_is_told),
		cmocka_unit_test(polls_go_on_while_there_are_events),
		cmocka_unit_test(hot_plug_is_told_once_and_in_order),
		cmocka_unit_test(nothing_is_sent_to_a_device_that_is_told_gone),
		cmocka_unit_test(what_a_device_may_not_send_is_dropped),
		cmocka_unit_test(r0_hot_plug_has_messages_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
