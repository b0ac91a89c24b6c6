/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every message in every state of a device's session, against a list written from the
 * specification and not from the code. (wire-revisions 1.3, 3.5, 4.5, 6.3)
 */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

static struct bus_pair pair;

/* ---- a device, r3 ---- */

/* DOWN; NEGOTIATED: VERSION is agreed, events are not; RUNNING; RESETTING: a RESET that waits for
 * memory. */
enum device_state { DOWN, NEGOTIATED, RUNNING, RESETTING, DEVICE_STATES };

/* R: its own response. E: ERROR, naming it. M: to the machine of the device. P: the machines are
 * asked for an event. -: nothing but the null reply that the carrier needs. 0: VERSION with
 * nothing. B: RESET busy. */
static const struct {
	const char *name;
	const char *frame;
	const char *outcome; /* a letter for each state */
} requests[] = {
	{ "VERSION, probe", "0280000005001400 00000000 00000000 02000100", "RRR0" },
	{ "VERSION, equal", "0280000005001400 00000100 01000000 02000100", "RRR0" },
	{ "RESET", "0283000005000800", "RRRB" },
	{ "GET_DEVICES", "0202000005000c00 0000 0800", "ERRE" },
	{ "PING", "0203000005000c00 01020304", "ERRE" },
	{ "EVENT_CONFIGURE, poll", "0285000005000c00 00000000", "EREE" },
	{ "EVENT_POLL", "0284000005000800", "ERPE" },
	{ "AREA_SHARE", "0281000005002200 0700 1111000000000000 0000000000000000 01000000 f4060000",
	  "ERRE" },
	{ "AREA_UNSHARE of none", "0282000005000a00 0700", "ERRE" },
	{ "an id that nobody knows", "02bf000005000800", "EEEE" },
	{ "an event that nobody knows", "02ff000005000800", "----" },
	{ "GET_DEVICE_INFO", "0002090005000800", "EMME" },
	{ "GET_DEVICE_INFO of no device", "0002080005000800", "EEEE" },
	{ "EVENT_AVAIL", "0041090000001000 00000000 00000000", "-MM-" },
	{ "EVENT_AVAIL of no device", "0041080000001000 00000000 00000000", "----" },
	{ "EVENT_USED, ours to send", "0042090000000c00 00000000", "----" },
	{ "EVENT_DEVICE, ours to send", "0240000000000c00 0900 0100", "----" },
	{ "AREA_RELEASE, ours to send", "02c0000000000a00 0700", "----" },
	{ "a response to VERSION",
	  "0380000005001e00 00000100 01000000 02000100 00000000 01000000 0400", "----" },
	{ "a response to GET_DEVICE_INFO",
	  "0102090005003000 00000000 00000000 00000000000000000000000000000000 00000000 00000000 "
	  "00000000 00000000",
	  "----" },
};

static void bring_device_to(enum device_state state)
{
	pair_open(&pair, NULL, NULL);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 0), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), 0);
	if (state == DOWN) {
		return;
	}
	assert_exchange(&pair, "0280000005001400 00000100 01000000 02000100",
			"0380000005001e00 00000100 01000000 02000100 00000000 01000000 0400");
	if (state >= RUNNING) {
		assert_exchange(&pair, "0285000005000c00 00000000", "0385000005000a00 0000");
	}
	if (state == RESETTING) {
		assert_exchange(&pair,
				"0281000005002200 0600 1111000000000000 0000000000000000 01000000 "
				"f4060000",
				"0381000005000c00 0600 0000");
		assert_int_equal(vmsg_memory_hold(&pair.device.memory, 6ull << 48), 0);
		assert_exchange(&pair, "0283000005000800", "0383000005000a000200");
	}
	pair.device.log[0] = '\0';
}

static char classify(const uint8_t *frame, const uint8_t *answer)
{
	static const uint8_t zero[16];
	const bool is_bus = frame[0] & 2;

	if (strstr(pair.device.log, "polled")) {
		return 'P';
	}
	if (strchr(pair.device.log, '@')) {
		return 'M';
	}
	if (answer[1] == 0) {
		return '-';
	}
	if (answer[1] == 0x87) {
		return answer[8] == frame[1] ? 'E' : '?';
	}
	if (answer[0] != (is_bus ? 3 : 1) || answer[1] != frame[1]) {
		return '?';
	}
	if (frame[1] == 0x80 && memcmp(answer + 8, zero, 8) == 0) {
		return '0';
	}
	return frame[1] == 0x83 && answer[8] == 2 ? 'B' : 'R';
}

static void each_message_to_a_device_in_each_state(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (enum device_state at = DOWN; at < DEVICE_STATES; at++) {
			uint8_t frame[VMSG_FRAME_SIZE_MAX];
			uint8_t answer[VMSG_FRAME_SIZE_MAX];
			bring_device_to(at);
			const size_t size = hex_to_bytes(requests[i].frame, frame, sizeof(frame));
			pair.is_silent = true;
			pair_raw(&pair, (struct vmsg_bytes){ frame, size }, answer);
			const char got = classify(frame, answer);
			if (got != requests[i].outcome[at]) {
				print_message("# %s in state %d: '%c', not '%c'\n",
					      requests[i].name, (int)at, got,
					      requests[i].outcome[at]);
				wrong++;
			}
			/* it serves on: a driver may begin anew at any time */
			pair.is_silent = false;
			if (at == RESETTING) {
				vmsg_memory_release(&pair.device.memory, 6ull << 48);
			}
			pair_advance(&pair, 10000000);
			pair_raw(&pair,
				 (struct vmsg_bytes){ (const uint8_t *)"\x02\x83\0\0\x05\0\x08\0",
						      8 },
				 answer);
			assert_int_equal(answer[1], 0x83);
			assert_int_equal(answer[8], 0);
			assert_int_equal(pair.device.bus.state, VMSG_BUS_DOWN);
			assert_int_equal(pair.device.memory.count, 0);
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_to_a_device_in_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
