/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a bus session must bear from its peer, each in every dialect that has it: many devices, hot
 * plug under load, resets, answers in any order or after all is over, floods, silence.
 * (wire-revisions 3.4, 3.5, 6.1 to 6.3)
 */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"

#define MS      UINT64_C(1000000)
#define SECOND  (1000 * MS)
#define DEV_NUM 9

static const char *const all[] = { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };
#define DIALECTS (sizeof(all) / sizeof(all[0]))

static struct bus_pair pair;
static const struct vmsg_profile *profile;

static void open_as(const char *name)
{
	profile = vmsg_profile_find(name);
	pair_open(&pair, profile, NULL);
	pair.device.bus.options.wide_area_ids = strcmp(name, "r1-a16") == 0;
}

static void up(const char *name)
{
	open_as(name);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, DEV_NUM), 0);
	pair_up(&pair);
	assert_log(&pair.driver, "up +9");
	pair.device.log[0] = 0;
}

static struct vmsg_message request(enum vmsg_type type, uint16_t token)
{
	return (struct vmsg_message){
		.header = { .type = type,
			    .kind = VMSG_REQUEST,
			    .dev_num = DEV_NUM,
			    .token = token },
	};
}

/* It is on its way: the frame. */
static struct vmsg_bus_output send_request(enum vmsg_type type, uint16_t token)
{
	const struct vmsg_message message = request(type, token);
	struct vmsg_bus_output output;

	assert_int_equal(vmsg_bus_send(&pair.driver.bus, pair.now_ns, &message), 0);
	assert_int_equal(vmsg_bus_output(&pair.driver.bus, &output), 1);
	return output;
}

/* What the device's side says to a frame, kept. */
struct answer {
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
};

static struct answer answer_to(struct vmsg_bus_output output)
{
	struct answer answer;

	pair_raw(&pair, output.frame, answer.bytes);
	return answer;
}

static void arrives(const struct answer *answer)
{
	(void)!vmsg_bus_input(&pair.driver.bus, pair.now_ns,
			      (struct vmsg_bytes){ answer->bytes, sizeof(answer->bytes) });
	pair_run(&pair);
}

static size_t in_flight(void)
{
	size_t count = 0;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		count += pair.driver.bus.requests[i].used;
	}
	return count;
}

/* ---- devices ---- */

static void sparse_numbers_up_to_the_last_are_found(void **state)
{
	static const uint16_t numbers[] = { 0,   1,   7,    8,     255,   256,   511,   512,
					    719, 720, 4095, 32767, 32768, 65528, 65534, 65535 };

	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		open_as(all[i]);
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
			assert_int_equal(vmsg_bus_add_device(&pair.device.bus, numbers[k]), 0);
		}
		pair_up(&pair);
		assert_log(&pair.driver, "up +0 +1 +7 +8 +255 +256 +511 +512 +719 +720 +4095 "
					 "+32767 +32768 +65528 +65534 +65535");
		/* in pages, and none for what is empty */
		assert_in_range(pair.driver.bus.stats.sent[VMSG_GET_DEVICES], 5, 16);
	}
}

/* As many as there is room for, and the others are counted. */
static void more_devices_than_there_is_room_for_do_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		open_as(all[i]);
		for (uint16_t k = 0; k < PAIR_DEVICES; k++) {
			assert_int_equal(
				vmsg_bus_add_device(&pair.device.bus, (uint16_t)(1000 * k)), 0);
		}
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 7), VMSG_ERROR_NO_SPACE);
		pair.driver.bus.options.device_capacity = 5;
		pair_up(&pair);
		assert_log(&pair.driver, "up +0 +1000 +2000 +3000 +4000");
		assert_int_equal(pair.driver.bus.stats.dropped, PAIR_DEVICES - 5);
	}
}

static void poll_all(void)
{
	assert_int_equal(vmsg_bus_poll(&pair.driver.bus, pair.now_ns), 0);
	pair_run(&pair);
}

/* Its requests fail, once, and what the new one of that number is asked is not answered by them. */
static void a_device_goes_while_requests_are_in_flight(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		up(all[i]);
		const struct answer old = answer_to(send_request(VMSG_GET_DEVICE_STATUS, 11));
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 300), 0);
		assert_int_equal(vmsg_bus_remove_device(&pair.device.bus, DEV_NUM), 0);
		poll_all();
		assert_log(&pair.driver, "-9 lost GET_DEVICE_STATUS@9 +300");
		assert_int_equal(pair.driver.last.error, VMSG_ERROR_NOT_FOUND);
		assert_int_equal(pair.driver.last.token, 11);
		assert_int_equal(in_flight(), 0);
		arrives(&old);
		assert_log(&pair.driver, "");
		assert_int_equal(pair.driver.bus.stats.late, 1);
		/* the number comes back */
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, DEV_NUM), 0);
		poll_all();
		assert_log(&pair.driver, "+9");
		const struct answer fresh = answer_to(send_request(VMSG_GET_DEVICE_STATUS, 12));
		if (profile->has_token) {
			arrives(&old);
			assert_log(&pair.driver, "");
		}
		arrives(&fresh);
		assert_log(&pair.driver, "GET_DEVICE_STATUS@9");
		assert_int_equal(pair.driver.last.token, 12);
	}
}

/* ---- resets ---- */

static uint8_t busy_left;

static bool answer_busy(struct bus_pair *at, struct vmsg_bytes frame, uint8_t *answer)
{
	const size_t header = at->driver.bus.dialect->header_size;

	if (frame.data[1] != 0x83 || busy_left == 0) {
		return false;
	}
	busy_left--;
	answer[0] = 3;
	memcpy(answer + 1, frame.data + 1, 5);
	answer[header - 2] = (uint8_t)(header + 2);
	answer[header] = VMSG_RESULT_BUSY;
	return true;
}

/* Twice is waited for, three times is too often; and then a new session begins. */
static void a_busy_reset_is_asked_again_and_the_bus_comes_back(void **state)
{
	(void)state;
	for (size_t i = 1; i < DIALECTS; i++) { /* r0 has no RESET */
		for (uint8_t times = 0; times <= 3; times++) {
			up(all[i]);
			(void)pair_share(&pair);
			pair.driver.log[0] = 0;
			pair.intercept = answer_busy;
			busy_left = times;
			assert_int_equal(vmsg_bus_reset(&pair.driver.bus, pair.now_ns), 0);
			pair_run(&pair);
			for (int ms = 0; ms < 10; ms++) {
				pair_advance(&pair, MS);
			}
			assert_log(&pair.driver, times < 3 ? "reclaim 1 reset gone 1" : "down");
			assert_int_equal(pair.driver.bus.error, times < 3 ? 0 : VMSG_ERROR_AGAIN);
			pair.intercept = NULL;
			pair_up(&pair);
			assert_non_null(strstr(pair.driver.log, "up +9"));
			assert_int_equal(pair.driver.memory.count, 0);
			pair.driver.log[0] = 0;
			(void)pair_share(&pair);
			assert_non_null(strstr(pair.driver.log, "ready"));
		}
	}
}

/* Whatever was in flight fails at the reset, and its answer is nobody's afterwards. */
static void a_reply_after_a_reset_is_nobodys(void **state)
{
	(void)state;
	for (size_t i = 1; i < DIALECTS; i++) {
		up(all[i]);
		const struct answer old = answer_to(send_request(VMSG_GET_DEVICE_STATUS, 11));
		assert_int_equal(vmsg_bus_reset(&pair.driver.bus, pair.now_ns), 0);
		arrives(&old); /* RESET is on its way now */
		assert_log(&pair.driver, "lost GET_DEVICE_STATUS@9 reset");
		arrives(&old);
		assert_log(&pair.driver, "");
		pair_up(&pair);
		arrives(&old);
		assert_log(&pair.driver, "up +9");
		assert_int_equal(pair.driver.bus.state, VMSG_BUS_RUNNING);
		assert_int_equal(in_flight(), 0);
	}
}

/* A session that has come so many frames far at the most; the driver's caller listens or not. */
static struct vmsg_bus *come_up_by(const char *name, unsigned int steps, bool listens)
{
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;
	struct vmsg_bus *bus = &pair.driver.bus;

	open_as(name);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, DEV_NUM), 0);
	assert_int_equal(vmsg_bus_start(bus, 0), 0);
	for (unsigned int k = 0; k < steps && vmsg_bus_output(bus, &output); k++) {
		const struct answer answer = answer_to(output);
		(void)!vmsg_bus_answer(bus, 0,
				       (struct vmsg_bytes){ answer.bytes, sizeof(answer.bytes) });
		while (listens && vmsg_bus_event(bus, &event)) {
		}
	}
	return bus;
}

/* At each of the frames that bring a session up. */
static void a_session_given_up_at_every_step_leads_to_a_clean_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		for (unsigned int step = 0; step < 9; step++) {
			struct vmsg_bus_output output;
			struct vmsg_bus *bus = come_up_by(all[i], step, false);

			(void)vmsg_bus_output(bus, &output); /* what is never answered */
			vmsg_bus_abandon(bus, 0, VMSG_ERROR_STATE);
			pair_run(&pair);
			assert_int_equal(bus->state, VMSG_BUS_FAILED);
			assert_int_equal(in_flight(), 0);
			pair.driver.log[0] = 0;
			pair_up(&pair);
			assert_log(&pair.driver, "up +9");
			(void)pair_share(&pair);
			assert_log(&pair.driver, "ready 1");
			assert_int_equal(pair.device.memory.count, 1);
		}
	}
}

/* ---- order ---- */

/* With tokens any order will do; without them the oldest of a kind is answered. */
static void replies_out_of_order_find_their_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		struct answer answers[3];
		up(all[i]);
		answers[0] = answer_to(send_request(VMSG_GET_DEVICE_STATUS, 20));
		answers[1] = answer_to(send_request(VMSG_GET_DEVICE_INFO, 21));
		answers[2] = answer_to(send_request(VMSG_GET_DEVICE_STATUS, 22));
		arrives(&answers[2]);
		assert_log(&pair.driver, "GET_DEVICE_STATUS@9");
		assert_int_equal(pair.driver.last.token, profile->has_token ? 22 : 20);
		arrives(&answers[1]);
		assert_log(&pair.driver, "GET_DEVICE_INFO@9");
		assert_int_equal(pair.driver.last.token, 21);
		arrives(&answers[0]);
		assert_log(&pair.driver, "GET_DEVICE_STATUS@9");
		assert_int_equal(pair.driver.last.token, profile->has_token ? 20 : 22);
		arrives(&answers[0]);
		assert_log(&pair.driver, "");
		assert_int_equal(pair.driver.bus.stats.late, 1);
	}
}

/* ---- too much, and nothing ---- */

static size_t put_event(enum vmsg_type type, uint16_t dev_num, uint32_t word, uint8_t *bytes)
{
	struct vmsg_message event = { .header = { .type = type, .kind = VMSG_EVENT } };

	event.header.dev_num = dev_num;
	if (type == VMSG_EVENT_USED) {
		event.body.event_used.vq_index = word;
	} else if (type == VMSG_AREA_RELEASE) {
		event.body.area_release.area_id = (uint16_t)word;
	} else if (type != VMSG_EVENT_CONFIG) {
		event.body.event_device.device_number = (uint16_t)word;
		event.body.event_device.state =
			type == VMSG_EVENT_DEVICE ? (uint16_t)(1 + word % 2) : 0;
	}
	memset(bytes, 0, VMSG_FRAME_SIZE_MAX);
	const int size = vmsg_encode(profile, &event,
				     (struct vmsg_span){ bytes, VMSG_FRAME_SIZE_MAX }, NULL);
	return size > 0 ? (size_t)size : 0;
}

/* Nobody pulls what they bring: it waits, or is one with what waits; nothing grows. */
static void a_flood_of_events_is_borne(void **state)
{
	static const enum vmsg_type types[] = { VMSG_EVENT_CONFIG,   VMSG_EVENT_USED,
						VMSG_EVENT_DEVICE,   VMSG_DEVICE_ADDED,
						VMSG_DEVICE_REMOVED, VMSG_AREA_RELEASE };

	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		struct vmsg_bus_event event;
		unsigned int told = 0;
		up(all[i]);
		const struct vmsg_bus_output output = send_request(VMSG_GET_DEVICE_STATUS, 5);
		const struct answer answer = answer_to(output);
		for (uint32_t k = 0; k < 20000; k++) {
			uint8_t bytes[VMSG_FRAME_SIZE_MAX];
			const size_t size = put_event(types[k % 6], DEV_NUM, 100 + k % 1000, bytes);
			(void)!vmsg_bus_input(&pair.driver.bus, pair.now_ns,
					      (struct vmsg_bytes){ bytes, size });
		}
		while (vmsg_bus_event(&pair.driver.bus, &event)) {
			told++;
		}
		/* one message, and each device that there is room for once or twice */
		assert_in_range(told, 1, 1 + 2 * PAIR_DEVICES);
		assert_int_equal(pair.driver.bus.state, VMSG_BUS_RUNNING);
		assert_int_equal(in_flight(), 1);
		arrives(&answer);
		assert_non_null(strstr(pair.driver.log, "GET_DEVICE_STATUS@9"));
	}
}

/* The device takes one kick at a time and says so, and answers what it is asked in between. */
static void a_flood_of_kicks_is_borne(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		struct vmsg_bus_event event;
		const struct vmsg_message kick = {
			.header = { .type = VMSG_EVENT_AVAIL,
				    .kind = VMSG_EVENT,
				    .dev_num = DEV_NUM },
		};
		uint8_t bytes[VMSG_FRAME_SIZE_MAX] = { 0 };
		unsigned int taken = 0;
		up(all[i]);
		assert_true(vmsg_encode(profile, &kick, (struct vmsg_span){ bytes, sizeof(bytes) },
					NULL) > 0);
		for (int k = 0; k < 20000; k++) {
			const int error =
				vmsg_bus_input(&pair.device.bus, pair.now_ns,
					       (struct vmsg_bytes){ bytes, sizeof(bytes) });
			assert_true(error == 0 || error == VMSG_ERROR_AGAIN);
			taken += error == 0;
		}
		assert_int_equal(taken, 1);
		assert_int_equal(vmsg_bus_event(&pair.device.bus, &event), 1);
		assert_int_equal(event.type, VMSG_EVENT_AVAIL);
		assert_int_equal(vmsg_bus_event(&pair.device.bus, &event), 0);
		const struct answer answer = answer_to(send_request(VMSG_GET_DEVICE_STATUS, 5));
		arrives(&answer);
		assert_log(&pair.driver, "GET_DEVICE_STATUS@9");
	}
}

/* From some frame on the device says nothing: by the clock the session ends, or goes on without. */
static void silence_ends_by_the_clock_in_every_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALECTS; i++) {
		for (unsigned int step = 0; step < 7; step++) {
			struct vmsg_bus_output output;
			struct vmsg_bus *bus = come_up_by(all[i], step, true);

			/* r0 and r1 poll for events, and the others are asked whether they are
			 * there */
			if (bus->state == VMSG_BUS_RUNNING) {
				assert_int_equal(vmsg_bus_check(bus, pair.now_ns), 0);
			}
			while (bus->state != VMSG_BUS_FAILED) {
				while (vmsg_bus_output(bus, &output)) {
					assert_int_equal(output.kind, VMSG_BUS_SEND);
				}
				assert_int_not_equal(vmsg_bus_deadline(bus), UINT64_MAX);
				pair.now_ns = vmsg_bus_deadline(bus);
				assert_in_range(pair.now_ns, 0, 10 * SECOND);
				vmsg_bus_tick(bus, pair.now_ns);
			}
			assert_int_equal(bus->error, VMSG_ERROR_TIMEOUT);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sparse_numbers_up_to_the_last_are_found),
		cmocka_unit_test(more_devices_than_there_is_room_for_do_no_harm),
		cmocka_unit_test(a_device_goes_while_requests_are_in_flight),
		cmocka_unit_test(a_busy_reset_is_asked_again_and_the_bus_comes_back),
		cmocka_unit_test(a_reply_after_a_reset_is_nobodys),
		cmocka_unit_test(a_session_given_up_at_every_step_leads_to_a_clean_one),
		cmocka_unit_test(replies_out_of_order_find_their_requests),
		cmocka_unit_test(a_flood_of_events_is_borne),
		cmocka_unit_test(a_flood_of_kicks_is_borne),
		cmocka_unit_test(silence_ends_by_the_clock_in_every_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
