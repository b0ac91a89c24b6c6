/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device partition that was replaced, or has lost its memory, while a driver's session with it
 * was up: found out in every dialect and over every carrier, and by nothing that a device says for
 * other reasons.
 */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/echo_system.h"
#include "support/hex.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

/* ---- which answers are doubted, and what becomes of the doubt ---- */

static struct bus_pair pair;
static const char *refusal; /* what answers all that `refused` names; NULL: the device answers */
static uint8_t refused;
static const char *list; /* the same for GET_DEVICES */

static void up(const char *profile)
{
	refusal = NULL;
	list = NULL;
	pair_open(&pair, vmsg_profile_find(profile), NULL);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 300), 0);
	pair_up(&pair);
	assert_log(&pair.driver, "up +3 +300");
}

/* With the token of the request. */
static bool refuse(struct bus_pair *at, struct vmsg_bytes frame, uint8_t *answer)
{
	const char *text = frame.data[1] == 0x02 ? list : frame.data[1] == refused ? refusal : NULL;

	if (!text) {
		return false;
	}
	(void)hex_to_bytes(text, answer, VMSG_FRAME_SIZE_MAX);
	if (at->driver.bus.profile->has_token) {
		memcpy(answer + 4, frame.data + 4, 2);
	}
	return true;
}

static uint64_t lists(void)
{
	return pair.driver.bus.stats.sent[VMSG_GET_DEVICES];
}

static void send_status(void)
{
	const struct vmsg_message status = {
		.header = { .type = VMSG_GET_DEVICE_STATUS, .kind = VMSG_REQUEST, .dev_num = 3 },
	};

	assert_int_equal(vmsg_bus_send(&pair.driver.bus, pair.now_ns, &status), 0);
	pair_run(&pair);
}

static void share(void)
{
	const struct vmsg_segment segment = { pair.ram, 4096 };
	uint16_t id;

	assert_int_equal(vmsg_bus_share(&pair.driver.bus, pair.now_ns, 0x1234, 0, &segment, 1, &id),
			 0);
	pair_run(&pair);
}

static void poll(void)
{
	assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
}

/* What is answered with a refusal makes the driver ask for the devices; what is answered with
 * success, with nothing to say, with an error of its own, or with busy, does not. */
static void what_is_refused_is_a_reason_to_ask(void **state)
{
	static const struct {
		const char *profile;
		void (*ask)(void);
		uint8_t id;
		const char *answer;
		bool is_doubted;
	} rows[] = {
		{ "r3", send_status, 0x07, "0107030000000c00 5a000000", false },
		{ "r3", send_status, 0x07, "0387030000000a00 0700", true },
		{ "r3", send_status, 0x07, "0300000000000800", true },
		{ "r3", poll, 0x84, "0384000000000800", false },
		{ "r3", poll, 0x84, "0042030000000c00 00000000", false },
		{ "r3", poll, 0x84, "0387000000000a00 8400", true },
		{ "r3", share, 0x81, "0381000000000c00 0100 0000", false },
		{ "r3", share, 0x81, "0381000000000c00 0100 0100",
		  false }, /* for its own reasons */
		{ "r3", share, 0x81, "0387000000000a00 8100", true },
		{ "r2b", send_status, 0x07, "0387030000000a00 0700", true },
		{ "r2b", poll, 0x84, "0300000000000800", true },
		{ "r2a", send_status, 0x07, "0107030000000c00 5a000000", false },
		{ "r2a", send_status, 0x07, "0300000000000800", true },
		{ "r2a", poll, 0x84, "0300000000000800", true },
		{ "r1", send_status, 0x07, "010703000a00 5a000000", false },
		{ "r1", send_status, 0x07, "030000000600", true },
		{ "r1", poll, 0x84, "038400000600", false },
		{ "r1", poll, 0x84, "030000000600", true },
		{ "r1", share, 0x81, "030000000600", true },
		{ "r0", send_status, 0x07, "010703000a00 5a000000", false },
		{ "r0", send_status, 0x07, "030000000600", true },
		{ "r0", poll, 0x84, "038400000600", false },
		{ "r0", poll, 0x84, "030000000600", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s: %s\n", rows[i].profile, rows[i].answer);
		up(rows[i].profile);
		const bool lies_on = strncmp(rows[i].answer, "0042", 4) == 0;
		pair.intercept = refuse;
		refused = rows[i].id;
		refusal = rows[i].answer;
		const uint64_t before = lists();
		rows[i].ask();
		/* two windows: the numbers go up to 300 */
		assert_int_equal(lists() - before, rows[i].is_doubted ? 2 : 0);
		assert_int_equal(pair.driver.bus.state, VMSG_BUS_RUNNING);
		/* however much is refused, once a second */
		for (int k = 0; k < 99 && !lies_on; k++) {
			pair_advance(&pair, 10 * MS);
			rows[i].ask();
		}
		assert_int_equal(lists() - before, rows[i].is_doubted ? 2 : 0);
		pair_advance(&pair, 10 * MS);
		assert_int_equal(lists() - before, rows[i].is_doubted && !lies_on ? 4 : 0);
	}
}

static void a_list_that_is_refused_ends_the_session(void **state)
{
	static const struct {
		const char *profile, *answer;
	} rows[] = {
		{ "r3", "0387000000000a00 0200" },  { "r3", "0300000000000800" },
		{ "r2b", "0387000000000a00 0200" }, { "r2a", "0300000000000800" },
		{ "r1", "030000000600" },           { "r0", "030000000600" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		up(rows[i].profile);
		const uint16_t area = pair_share(&pair);
		pair.driver.log[0] = 0;
		pair.intercept = refuse;
		list = rows[i].answer;
		assert_int_equal(vmsg_bus_check(&pair.driver.bus, pair.now_ns), 0);
		pair_run(&pair);
		assert_log(&pair.driver, "down");
		assert_int_equal(pair.driver.bus.error, VMSG_ERROR_PEER);
		assert_int_equal(vmsg_bus_check(&pair.driver.bus, pair.now_ns), VMSG_ERROR_STATE);
		assert_int_equal(vmsg_bus_unshare(&pair.driver.bus, pair.now_ns, area), 0);
		pair_run(&pair);
		assert_log(&pair.driver, "reclaim 1 gone 1");
	}
}

/* One that says nothing is asked three times. */
static void silence_ends_the_session_by_the_clock(void **state)
{
	struct vmsg_bus_output output;

	(void)state;
	up("r3");
	struct vmsg_bus *bus = &pair.driver.bus;
	assert_int_equal(vmsg_bus_check(bus, pair.now_ns), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bus->state, VMSG_BUS_RUNNING);
		assert_int_equal(vmsg_bus_output(bus, &output), 1);
		assert_int_equal(output.frame.data[1], 0x02);
		assert_int_equal(vmsg_bus_output(bus, &output), 0);
		assert_int_equal(vmsg_bus_suspend(bus, pair.now_ns), VMSG_ERROR_AGAIN);
		pair.now_ns = vmsg_bus_deadline(bus);
		vmsg_bus_tick(bus, pair.now_ns);
	}
	assert_int_equal(bus->state, VMSG_BUS_FAILED);
	assert_int_equal(bus->error, VMSG_ERROR_TIMEOUT);
	assert_int_equal(pair.now_ns, 3 * SECOND);
}

/* What was not told comes out, and what was told stays as it is. */
static void a_check_repairs_what_is_known_of_the_devices(void **state)
{
	static const char *const profiles[] = { "r0", "r1", "r2a", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		struct vmsg_bus *device = &pair.device.bus;
		up(profiles[i]);
		assert_int_equal(vmsg_bus_remove_device(device, 300), 0);
		assert_int_equal(vmsg_bus_add_device(device, 17), 0);
		assert_int_equal(vmsg_bus_add_device(device, 65535), 0);
		assert_int_equal(vmsg_bus_check(&pair.driver.bus, pair.now_ns), 0);
		pair.intercept = refuse;
		refused = 0x84; /* its events are lost */
		refusal = profiles[i][1] < '2' ? "038400000600" : "0384000000000800";
		pair_run(&pair);
		assert_log(&pair.driver, "+17 -300 +65535");
		/* told once more, they are no news */
		pair.intercept = NULL;
		poll();
		assert_log(&pair.driver, "");
		assert_int_equal(vmsg_bus_check(&pair.driver.bus, pair.now_ns), 0);
		pair_run(&pair);
		assert_log(&pair.driver, "");
	}
}

/* A device that says "gone" and "there" in one list and event has been replaced. */
static void a_check_does_not_hide_that_a_device_was_replaced(void **state)
{
	(void)state;
	up("r3");
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 3), 0);
	poll();
	/* not yet pulled as an event of ours: it has come back meanwhile */
	assert_log(&pair.driver, "-3");
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, 3), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 3), 0);
	assert_int_equal(vmsg_bus_check(&pair.driver.bus, pair.now_ns), 0);
	poll();
	assert_log(&pair.driver, "+3");
}

/* By itself, where it is to be: every so often, and sooner when there is a doubt. */
static void a_session_checks_itself_at_intervals(void **state)
{
	static const char *const profiles[] = { "r0", "r1", "r2a", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		up(profiles[i]);
		struct vmsg_bus *bus = &pair.driver.bus;
		uint64_t before = lists();
		pair_advance(&pair, 60 * SECOND);
		assert_int_equal(lists() - before, 0);
		bus->options.check_interval_ns = 5 * SECOND;
		assert_int_equal(vmsg_bus_check(bus, pair.now_ns), 0);
		pair_run(&pair);
		assert_int_equal(lists() - before, 2);
		pair_advance(&pair, 5 * SECOND - 1);
		assert_int_equal(lists() - before, 2);
		assert_true(vmsg_bus_deadline(bus) <= pair.now_ns + 1);
		pair_advance(&pair, 1);
		assert_int_equal(lists() - before, 4);
		/* a doubt is a reason to ask before it is time */
		pair_advance(&pair, 2 * SECOND);
		pair.intercept = refuse;
		refused = 0x07;
		refusal = profiles[i][1] < '2' ? "030000000600" : "0300000000000800";
		send_status();
		assert_int_equal(lists() - before, 6);
		pair.intercept = NULL;
		/* asleep, it does not */
		assert_int_equal(vmsg_bus_suspend(bus, pair.now_ns), 0);
		before = lists();
		pair_advance(&pair, 60 * SECOND);
		assert_int_equal(lists() - before, 0);
		assert_int_equal(vmsg_bus_resume(bus, pair.now_ns), 0);
		pair_run(&pair);
		before = lists();
		pair_advance(&pair, 5 * SECOND);
		assert_int_equal(lists() - before, 2);
	}
}

static void only_a_session_that_runs_can_be_checked(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	assert_int_equal(vmsg_bus_check(&pair.driver.bus, 0), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_bus_check(&pair.device.bus, 0), VMSG_ERROR_STATE);
	up("r3");
	assert_int_equal(vmsg_bus_check(&pair.device.bus, 0), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_bus_suspend(&pair.driver.bus, 0), 0);
	assert_int_equal(vmsg_bus_check(&pair.driver.bus, 0), VMSG_ERROR_STATE);
}

/* ---- partitions ---- */

static const struct way {
	const char *profile;
	uint8_t carrier, events;
} ways[] = {
	{ "r0", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "r0", VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT },
	{ "r1", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "r1", VMSG_CARRIER_DIRECT, VMSG_EVENTS_INDIRECT },
	{ "r1", VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT },
	{ "r1-a16", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "r2a", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "r2a", VMSG_CARRIER_DIRECT, VMSG_EVENTS_NOTIFICATION },
	{ "r2a", VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT },
	{ "r2b", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "r2b", VMSG_CARRIER_DIRECT, VMSG_EVENTS_NOTIFICATION },
	{ "r2b", VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT },
	{ "r2b", VMSG_CARRIER_FIFO, VMSG_EVENTS_FIFO },
	{ "r3", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "r3", VMSG_CARRIER_DIRECT, VMSG_EVENTS_NOTIFICATION },
	{ "r3", VMSG_CARRIER_DIRECT, VMSG_EVENTS_INDIRECT },
	{ "r3", VMSG_CARRIER_DIRECT, VMSG_EVENTS_FIFO },
	{ "r3", VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT },
	{ "r3", VMSG_CARRIER_FIFO, VMSG_EVENTS_FIFO },
};

static struct echo_session *start(const struct way *way)
{
	const struct echo_way device = { .profile = way->profile };
	const struct echo_way driver = {
		.profile = way->profile,
		.carriers = (uint8_t)(1u << way->carrier),
		.events = (uint8_t)(1u << way->events),
	};

	echo_start_backend(&echo_sp1, 0x8001, &device);
	echo_start_frontend(&echo_vm1, 1);
	struct echo_session *at = echo_connect(&echo_vm1, 0x8001, &driver);
	echo_up(at);
	echo_share(at);
	echo_start_device(at, 300);
	echo_transfer(at, 1, true);
	at->log[0] = 0;
	return at;
}

static void replace(const char *profile)
{
	const struct echo_way device = { .profile = profile };

	vmsg_emu_local_stop(echo_sp1.side.partition);
	memset(&echo_sp1, 0, sizeof(echo_sp1));
	echo_start_backend(&echo_sp1, 0x8001, &device);
}

/* The time until the session has failed; it must, within `limit`. */
static uint64_t fails_within(struct echo_session *at, uint64_t limit)
{
	const uint64_t start_ns = echo_now();

	while (at->bus.state != VMSG_BUS_FAILED && echo_now() < start_ns + limit) {
		(void)echo_run(at);
		vmsg_emu_local_advance(echo_local, MS);
	}
	(void)echo_run(at);
	assert_int_equal(at->bus.state, VMSG_BUS_FAILED);
	assert_non_null(strstr(at->log, "down"));
	return echo_now() - start_ns;
}

/* As a driver does that was told "down". */
static void begins_anew(struct echo_session *at)
{
	at->drivers[0] = NULL;
	vmsg_vq_driver_stop(&at->queue);
	memset(&at->queue, 0, sizeof(at->queue));
	echo_up(at);
	echo_share(at);
	echo_start_device(at, 300);
	echo_transfer(at, 9, true);
	echo_down(at);
}

static bool polls(const struct way *way)
{
	return way->carrier == VMSG_CARRIER_DIRECT &&
	       (way->events == VMSG_EVENTS_POLL || strncmp(way->profile, "r1", 2) == 0);
}

/* Who polls learns it by that; who does not may ask. */
static void an_idle_driver_finds_out(void **state)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct way *way = &ways[i];
		print_message("# %s, %s and %s\n", way->profile,
			      vmsg_carrier_name((enum vmsg_carrier)way->carrier),
			      vmsg_events_name(way->events));
		echo_open(state);
		struct echo_session *at = start(way);
		replace(way->profile);
		if (!polls(way)) {
			assert_int_equal(vmsg_bus_check(&at->bus, echo_now()), 0);
		}
		(void)fails_within(at, polls(way) ? 2 * SECOND : 16 * SECOND);
		begins_anew(at);
		echo_close(state);
	}
}

/* A driver that did nothing for a while and then wants something is told, too. */
static void a_driver_that_goes_on_finds_out(void **state)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct way *way = &ways[i];
		print_message("# %s, %s and %s\n", way->profile,
			      vmsg_carrier_name((enum vmsg_carrier)way->carrier),
			      vmsg_events_name(way->events));
		echo_open(state);
		struct echo_session *at = start(way);
		replace(way->profile);
		assert_int_equal(vmsg_driver_kick(&at->driver, 0, 0), 0);
		assert_int_equal(vmsg_driver_read_config(&at->driver, echo_now(), 0, 0), 0);
		(void)fails_within(at, 21 * SECOND);
		begins_anew(at);
		echo_close(state);
	}
}

/* One that is only slow is not taken for another. */
static void a_device_that_is_asked_stays(void **state)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		echo_open(state);
		struct echo_session *at = start(&ways[i]);
		for (uint8_t k = 0; k < 4; k++) {
			assert_int_equal(vmsg_bus_check(&at->bus, echo_now()), 0);
			echo_settle(at);
			echo_transfer(at, k, true);
		}
		echo_assert_log(at->log, "");
		echo_down(at);
		echo_close(state);
	}
}

/* ---- without tokens ---- */

/* Answers of a session that was given up are still on their way when the next begins. */
static void a_new_session_is_not_one_answer_behind(void **state)
{
	static const char *const profiles[] = { "r0", "r1", "r1-a16" };

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		const struct way way = { profiles[i], VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT };
		echo_open(state);
		struct echo_session *at = start(&way);
		const uint64_t sent = at->bus.stats.sent[VMSG_VERSION];
		assert_int_equal(vmsg_driver_read_config(&at->driver, echo_now(), 0, 0), 0);
		struct vmsg_bus_output output;
		struct vmsg_message message;
		/* it is sent, and never comes back */
		assert_int_equal(vmsg_driver_output(&at->driver, &message), 1);
		assert_int_equal(vmsg_bus_send(&at->bus, echo_now(), &message), 0);
		assert_int_equal(vmsg_bus_output(&at->bus, &output), 1);
		vmsg_bus_abandon(&at->bus, echo_now(), VMSG_ERROR_STATE);
		(void)echo_run(at);
		assert_int_equal(vmsg_bus_start(&at->bus, echo_now()), 0);
		assert_int_equal(echo_run(at), 0);
		assert_int_equal(at->bus.stats.sent[VMSG_VERSION], sent);
		while (at->bus.state != VMSG_BUS_RUNNING) {
			assert_int_equal(at->bus.state == VMSG_BUS_FAILED, 0);
			(void)echo_run(at);
			vmsg_emu_local_advance(echo_local, 10 * MS);
		}
		assert_in_range(echo_now(), output.deadline_ns, output.deadline_ns + SECOND);
		echo_close(state);
	}
}

/* A response repeats some of its request: that is looked at where there is no token. */
static void a_response_to_something_else_is_late(void **state)
{
	static const struct {
		struct vmsg_message request;
		const char *other, *right;
	} rows[] = {
		{ { .header.type = VMSG_GET_DEVICE_FEATURES,
		    .body.get_device_features_request = { .block_index = 2, .num_blocks = 1 } },
		  "010303001200 01000000 01000000 00000000",
		  "010303001200 02000000 01000000 00000000" },
		{ { .header.type = VMSG_GET_CONFIG,
		    .body.get_config_request = { .offset = 4, .length = 1 } },
		  "010503001300 00000000 00000000 01000000 00",
		  "010503001300 00000000 04000000 01000000 00" },
		{ { .header.type = VMSG_GET_VQUEUE, .body.get_vqueue_request.index = 1 },
		  "010903002a00 00000000 00000000 00000000 0000000000000000 0000000000000000 "
		  "0000000000000000",
		  "010903002a00 01000000 00000000 00000000 0000000000000000 0000000000000000 "
		  "0000000000000000" },
		{ { .header.type = VMSG_GET_SHM, .body.get_shm_request.index = 1 },
		  "010c03001200 00000000 00000000 00000000",
		  "010c03001200 01000000 00000000 00000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmsg_message request = rows[i].request;
		struct vmsg_bus_output output;
		uint8_t bytes[VMSG_FRAME_SIZE_MAX];
		struct vmsg_bus *bus = &pair.driver.bus;
		up("r1");
		request.header.kind = VMSG_REQUEST;
		request.header.dev_num = 3;
		assert_int_equal(vmsg_bus_send(bus, 0, &request), 0);
		assert_int_equal(vmsg_bus_output(bus, &output), 1);
		size_t size = hex_to_bytes(rows[i].other, bytes, sizeof(bytes));
		assert_int_equal(vmsg_bus_input(bus, 0, (struct vmsg_bytes){ bytes, size }), 0);
		pair_run(&pair);
		assert_log(&pair.driver, "");
		assert_int_equal(bus->stats.late, 1);
		size = hex_to_bytes(rows[i].right, bytes, sizeof(bytes));
		assert_int_equal(vmsg_bus_input(bus, 0, (struct vmsg_bytes){ bytes, size }), 0);
		pair_run(&pair);
		assert_non_null(strstr(pair.driver.log, vmsg_type_name(request.header.type)));
		assert_null(strstr(pair.driver.log, "lost"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused_is_a_reason_to_ask),
		cmocka_unit_test(a_list_that_is_refused_ends_the_session),
		cmocka_unit_test(silence_ends_the_session_by_the_clock),
		cmocka_unit_test(a_check_repairs_what_is_known_of_the_devices),
		cmocka_unit_test(a_check_does_not_hide_that_a_device_was_replaced),
		cmocka_unit_test(a_session_checks_itself_at_intervals),
		cmocka_unit_test(only_a_session_that_runs_can_be_checked),
		cmocka_unit_test(an_idle_driver_finds_out),
		cmocka_unit_test(a_driver_that_goes_on_finds_out),
		cmocka_unit_test(a_device_that_is_asked_stays),
		cmocka_unit_test(a_new_session_is_not_one_answer_behind),
		cmocka_unit_test(a_response_to_something_else_is_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
