/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every frame of a device in every state of a driver's session, against a list written from the
 * specification and not from the code: with the token of the request in flight, with a stranger's,
 * and with a body that is no good. (wire-revisions 1.3, 2.1, 3.4, 3.5, 3.7, 5.4, 6.3)
 */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"
#include "support/hex.h"

#define NOW 1000000000u

enum token { OWN, STRANGE, ZERO };

/* What a device may send: header fields and body. `body` NULL: the id of the request in flight, as
 * ERROR names it. */
struct frame {
	const char *name;
	uint8_t type;
	uint8_t id;
	uint16_t dev_num;
	const char *body;
	enum token token;
	/* A letter for each state of the dialect.
	 * -: nothing changes. N: the request in flight is over and the session goes on. F: the
	 * session fails. D: it is down, reset. A: PING is answered. M: to the machine. L: the
	 * machine's request is lost. +, x: device 5 has come, device 9 has gone. */
	const char *outcome;
};

/* How a session gets through its states. */
struct dialect {
	const char *name;
	const char *profile; /* forced; NULL: the ladder */
	size_t header_size;
	/* What answers the requests of bring-up, one after the other. */
	const struct frame *bring_up;
	size_t steps;
	const struct frame *frames;
	size_t frame_count;
};

/* Of each dialect: DOWN; one for each request of bring-up, that one in flight; then these. RUNNING
 * has GET_DEVICE_STATUS of device 9 in flight, POLLING an EVENT_POLL, RESETTING a RESET. */
enum { RUNNING, POLLING, RESETTING, FAILED, LATE_STATES };

/* ---- r3: DOWN, RESET, probe, echo, EVENT_CONFIGURE, GET_DEVICES, and the late ones ---- */

#define R3_VERSION "00000100 01000000 02000100 00000000 01000000 0400"

static const struct frame r3_up[] = {
	{ .type = 3, .id = 0x83, .body = "0000" },
	{ .type = 3, .id = 0x80, .body = R3_VERSION },
	{ .type = 3, .id = 0x80, .body = R3_VERSION },
	{ .type = 3, .id = 0x85, .body = "0000" },
	{ .type = 3, .id = 0x02, .body = "0000 0000 1000 0002" },
};

static const struct frame r3_frames[] = {
	{ "RESET, success", 3, 0x83, 0, "0000", OWN, "-NNFFF-ND-" },
	{ "RESET, error", 3, 0x83, 0, "0100", OWN, "-NNFFF-NF-" },
	{ "RESET, busy", 3, 0x83, 0, "0200", OWN, "-NNFFF-NN-" },
	{ "RESET, 3", 3, 0x83, 0, "0300", OWN, "-NNFFF-NF-" },
	{ "VERSION, ours", 3, 0x80, 0, R3_VERSION, OWN, "-NNNFF-NF-" },
	{ "VERSION, refused", 3, 0x80, 0, "00000000 00000000 02000100 00000000 00000000 0000", OWN,
	  "-NNFFF-NF-" },
	{ "VERSION, newer", 3, 0x80, 0, "00000200 01000000 02000100 00000000 01000000 0400", OWN,
	  "-NNFFF-NF-" },
	{ "VERSION, FF-A 1.1", 3, 0x80, 0, "00000100 01000000 01000100 00000000 01000000 0400", OWN,
	  "-NNFFF-NF-" },
	{ "EVENT_CONFIGURE, success", 3, 0x85, 0, "0000", OWN, "-NNFNF-NF-" },
	{ "EVENT_CONFIGURE, refused", 3, 0x85, 0, "0100", OWN, "-NNFFF-NF-" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 0000 1000 0002", OWN, "-NNFFN-NF-" },
	{ "GET_DEVICES, more to come", 3, 0x02, 0, "0000 0100 0100 00", OWN, "-NNFFN-NF-" },
	{ "GET_DEVICES, none", 3, 0x02, 0, "0000 0000 0000", OWN, "-NNFFN-NF-" },
	{ "GET_DEVICES, another window", 3, 0x02, 0, "0100 0000 0800 01", OWN, "-NNFFF-NF-" },
	{ "GET_DEVICES, more than asked", 3, 0x02, 0,
	  "0000 0000 0801 000000000000000000000000000000000000000000000000000000000000000000", OWN,
	  "-NNFFF-NF-" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "-NNFFF-NF-" },
	{ "FIFO_CONFIGURE, success", 3, 0x86, 0, "0000 0100", OWN, "-NNFFF-NF-" },
	{ "AREA_SHARE, success", 3, 0x81, 0, "0100 0000", OWN, "-NNFFF-NF-" },
	{ "ERROR", 3, 0x87, 0, NULL, OWN, "-NNFFF-NF-" },
	{ "ERROR of the device", 3, 0x87, 9, NULL, OWN, "------L---" },
	{ "ERROR, naming another id", 3, 0x87, 9, "0900", OWN, "------L---" },
	{ "ERROR, a stranger's", 3, 0x87, 9, NULL, STRANGE, "----------" },
	{ "null reply", 3, 0, 0, "", OWN, "-NNFFFLNF-" },
	{ "null reply without token", 3, 0, 0, "", ZERO, "-NNFFFLNF-" },
	{ "null reply, a stranger's", 3, 0, 0, "", STRANGE, "----------" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "------M---" },
	{ "GET_DEVICE_STATUS, a stranger's", 1, 0x07, 9, "5a000000", STRANGE, "----------" },
	{ "GET_DEVICE_STATUS of another device", 1, 0x07, 5, "5a000000", OWN, "----------" },
	{ "GET_DEVICE_STATUS, short", 1, 0x07, 9, "5a00", OWN, "------L---" },
	{ "GET_DEVICE_STATUS, header alone", 1, 0x07, 0, "", OWN, "-NNFFFLNF-" },
	{ "SET_DEVICE_STATUS", 1, 0x08, 9, "5a000000", OWN, "------L---" },
	{ "RESET, a stranger's", 3, 0x83, 0, "0000", STRANGE, "----------" },
	{ "VERSION, a stranger's", 3, 0x80, 0, R3_VERSION, STRANGE, "----------" },
	{ "GET_DEVICES, a stranger's", 3, 0x02, 0, "0000 0000 1000 0002", STRANGE, "----------" },
	{ "EVENT_DEVICE, added", 2, 0x40, 0, "0500 0100", ZERO, "------++--" },
	{ "EVENT_DEVICE, removed", 2, 0x40, 0, "0900 0200", ZERO, "------xx--" },
	{ "EVENT_DEVICE, unknown state", 2, 0x40, 0, "0500 0380", ZERO, "-------N--" },
	{ "AREA_RELEASE of none", 2, 0xc0, 0, "0700", ZERO, "-------N--" },
	{ "EVENT_USED", 0, 0x42, 9, "00000000", ZERO, "-----MMM--" },
	{ "EVENT_CONFIG", 0, 0x40, 9, "0f000000 01000000 00000000 00000000", ZERO, "-----MMM--" },
	{ "EVENT_USED, short", 0, 0x42, 9, "0000", ZERO, "----------" },
	{ "EVENT_AVAIL, ours to send", 0, 0x41, 9, "00000000 00000000", ZERO, "-------N--" },
	{ "an event that nobody knows", 2, 0xff, 0, "", ZERO, "----------" },
	{ "PING", 2, 0x03, 0, "01020304", STRANGE, "----AAAA--" },
	{ "PING, short", 2, 0x03, 0, "0102", STRANGE, "----------" },
	{ "PING, answered", 3, 0x03, 0, "01020304", STRANGE, "----------" },
	{ "VERSION, asked", 2, 0x80, 0, "00000100 01000000 02000100", STRANGE, "----------" },
	{ "RESET, asked", 2, 0x83, 0, "", STRANGE, "----------" },
	{ "GET_DEVICES, asked", 2, 0x02, 0, "0000 0800", STRANGE, "----------" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", STRANGE, "----------" },
	{ "a request that nobody knows", 2, 0xbf, 0, "", STRANGE, "----------" },
};

/* ---- r2b and r2a: DOWN, VERSION, GET_DEVICES, EVENT_CONFIGURE, and the late ones ---- */

#define R2_VERSION "00000100 01000000 00000000 01000000 0400"

static const struct frame r2b_up[] = {
	{ .type = 3, .id = 0x80, .body = R2_VERSION },
	{ .type = 3, .id = 0x02, .body = "0000 1000 0000 0002" },
	{ .type = 3, .id = 0x85, .body = "0000" },
};

static const struct frame r2b_frames[] = {
	{ "VERSION, ours", 3, 0x80, 0, R2_VERSION, OWN, "-NFF-NF-" },
	{ "VERSION, refused", 3, 0x80, 0, "00000000 00000000 00000000 00000000 0000", OWN,
	  "-FFF-NF-" },
	{ "VERSION, transport features", 3, 0x80, 0, "00000100 01000000 01000000 01000000 0400",
	  OWN, "-FFF-NF-" },
	{ "RESET, success", 3, 0x83, 0, "0000", OWN, "-FFF-ND-" },
	{ "RESET, busy", 3, 0x83, 0, "0200", OWN, "-FFF-NN-" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 1000 0000 0002", OWN, "-FNF-NF-" },
	{ "GET_DEVICES, next inside", 3, 0x02, 0, "0000 1000 0800 0002", OWN, "-FFF-NF-" },
	{ "EVENT_CONFIGURE, success", 3, 0x85, 0, "0000", OWN, "-FFN-NF-" },
	{ "EVENT_CONFIGURE, refused", 3, 0x85, 0, "0100", OWN, "-FFF-NF-" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "-FFF-NF-" },
	{ "ERROR", 3, 0x87, 0, NULL, OWN, "-FFF-NF-" },
	{ "ERROR of the device", 3, 0x87, 9, NULL, OWN, "----L---" },
	{ "null reply", 3, 0, 0, "", OWN, "-FFFLNF-" },
	{ "null reply without token", 3, 0, 0, "", ZERO, "-FFFLNF-" },
	{ "null reply, a stranger's", 3, 0, 0, "", STRANGE, "--------" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "----M---" },
	{ "GET_DEVICE_STATUS, header alone", 1, 0x07, 0, "", OWN, "-FFFLNF-" },
	{ "EVENT_DEVICE, ready", 2, 0x40, 0, "0500 0100", ZERO, "----++--" },
	{ "EVENT_DEVICE, removed", 2, 0x40, 0, "0900 0200", ZERO, "----xx--" },
	{ "AREA_RELEASE of none", 2, 0xc0, 0, "0700", ZERO, "-----N--" },
	{ "EVENT_USED", 0, 0x42, 9, "00000000", ZERO, "----MM--" },
	{ "PING", 2, 0x03, 0, "01020304", STRANGE, "--AAAA--" },
	{ "RESET, asked", 2, 0x83, 0, "", STRANGE, "--------" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", STRANGE, "--------" },
};

/* ---- r1, without tokens: DOWN, VERSION, GET_DEVICES, and the late ones ---- */

static const struct frame r1_up[] = {
	{ .type = 3, .id = 0x80, .body = "01000000 01000000 00000000 01000000 0400" },
	{ .type = 3, .id = 0x02, .body = "0000 1000 0000 0002" },
};

static const struct frame r1_frames[] = {
	{ "VERSION, ours", 3, 0x80, 0, "01000000 01000000 00000000 01000000 0400", OWN, "-N-----" },
	{ "VERSION 2", 3, 0x80, 0, "02000000 01000000 00000000 01000000 0400", OWN, "-F-----" },
	{ "VERSION, revision 0", 3, 0x80, 0, "01000000 00000000 00000000 01000000 0400", OWN,
	  "-F-----" },
	{ "VERSION, transport features", 3, 0x80, 0, "01000000 01000000 01000000 01000000 0400",
	  OWN, "-F-----" },
	{ "VERSION, no carrier", 3, 0x80, 0, "01000000 01000000 00000000 00000000 0400", OWN,
	  "-F-----" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 1000 0000 0002", OWN, "--N----" },
	{ "GET_DEVICES, next inside", 3, 0x02, 0, "0000 1000 0800 0002", OWN, "--F----" },
	{ "RESET, success", 3, 0x83, 0, "0000", OWN, "-----D-" },
	{ "RESET, busy", 3, 0x83, 0, "0200", OWN, "-----N-" },
	{ "RESET, error", 3, 0x83, 0, "0100", OWN, "-----F-" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "----N--" },
	{ "null reply", 3, 0, 0, "", OWN, "-FFLNF-" },
	{ "EVENT_CONFIGURE, of a later revision", 3, 0x85, 0, "0000", OWN, "-------" },
	{ "ERROR, of a later revision", 3, 0x87, 0, NULL, OWN, "-------" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "---M---" },
	{ "GET_DEVICE_STATUS of another device", 1, 0x07, 5, "5a000000", OWN, "-------" },
	{ "GET_DEVICE_STATUS, short", 1, 0x07, 9, "5a00", OWN, "---L---" },
	{ "SET_DEVICE_STATUS, not asked", 1, 0x08, 9, "5a000000", OWN, "-------" },
	{ "EVENT_DEVICE, ready", 2, 0x40, 0, "0500 0100", OWN, "---++--" },
	{ "EVENT_DEVICE, removed", 2, 0x40, 0, "0900 0200", OWN, "---xx--" },
	{ "AREA_RELEASE of none", 2, 0xc0, 0, "0700", OWN, "----N--" },
	{ "EVENT_USED", 0, 0x42, 9, "00000000", OWN, "--MMM--" },
	{ "EVENT_AVAIL, ours to send", 0, 0x41, 9, "00000000 00000000", OWN, "----N--" },
	{ "PING", 2, 0x03, 0, "01020304", OWN, "--AAA--" },
	{ "RESET, asked", 2, 0x83, 0, "", OWN, "-------" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", OWN, "-------" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STEPS(id)    .bring_up = id##_up, .steps = COUNT(id##_up)
#define FRAMES(id)   .frames = id##_frames, .frame_count = COUNT(id##_frames)

static const struct dialect dialects[] = {
	{ .name = "r3", .profile = NULL, .header_size = 8, STEPS(r3), FRAMES(r3) },
	{ .name = "r2b", .profile = "r2b", .header_size = 8, STEPS(r2b), FRAMES(r2b) },
	{ .name = "r2a", .profile = "r2a", .header_size = 8, STEPS(r2b), FRAMES(r2b) },
	{ .name = "r1", .profile = "r1", .header_size = 6, STEPS(r1), FRAMES(r1) },
};

/* ---- a driver, and what it does ---- */

static struct bus_pair pair;

/* Since the last clear_seen: the frame that went out last, and what was told. */
static struct {
	uint8_t frame[VMSG_FRAME_SIZE_MAX];
	unsigned int frames;
	char told; /* an outcome; 0: nothing */
} seen;

static char letter_of(const struct vmsg_bus_event *event)
{
	switch (event->kind) {
	case VMSG_BUS_EVENT_FAILED:
		return 'F';
	case VMSG_BUS_EVENT_RESET:
		return 'D';
	case VMSG_BUS_EVENT_MESSAGE:
		return 'M';
	case VMSG_BUS_EVENT_REQUEST_FAILED:
		return 'L';
	case VMSG_BUS_EVENT_DEVICE_ADDED:
		return event->dev_num == 5 ? '+' : 0;
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
		return event->dev_num == 9 ? 'x' : 0;
	default:
		return 0;
	}
}

static void settle(uint64_t now_ns)
{
	struct vmsg_bus *bus = &pair.driver.bus;
	struct vmsg_bus_event event;
	struct vmsg_bus_output output;

	vmsg_bus_tick(bus, now_ns);
	for (;;) {
		if (vmsg_bus_event(bus, &event)) {
			seen.told = seen.told ? seen.told : letter_of(&event);
		} else if (vmsg_bus_output(bus, &output)) {
			assert_int_equal(output.kind, VMSG_BUS_SEND);
			memcpy(seen.frame, output.frame.data, output.frame.size);
			seen.frames++;
		} else {
			return;
		}
	}
}

static void clear_seen(void)
{
	memset(&seen, 0, sizeof(seen));
}

static void put_le16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* The frame, with what it has of the request in flight, from a device to the driver. */
static void push(const struct dialect *dialect, const struct frame *frame, const uint8_t *in_flight,
		 uint64_t now_ns)
{
	uint8_t bytes[VMSG_FRAME_SIZE_MAX] = { frame->type, frame->id };
	uint8_t *body = bytes + dialect->header_size;
	size_t size = dialect->header_size;

	if (frame->body) {
		size += hex_to_bytes(frame->body, body, sizeof(bytes) - size);
	} else {
		put_le16(body, in_flight[1]);
		size += 2;
	}
	put_le16(bytes + 2, frame->dev_num);
	put_le16(bytes + dialect->header_size - 2, (uint16_t)size);
	if (dialect->header_size == 8 && frame->token != ZERO) {
		memcpy(bytes + 4, in_flight + 4, 2);
		bytes[5] ^= frame->token == STRANGE ? 0x80 : 0;
	}
	(void)!vmsg_bus_input(&pair.driver.bus, now_ns,
			      (struct vmsg_bytes){ bytes, sizeof(bytes) });
}

/* The request in flight goes to `in_flight`; none in DOWN and FAILED. */
static uint64_t bring_driver_to(const struct dialect *dialect, size_t at, uint8_t *in_flight)
{
	struct vmsg_bus *bus = &pair.driver.bus;
	const size_t late = at - dialect->steps - 1;
	uint64_t now_ns = NOW;

	memset(in_flight, 0, VMSG_FRAME_SIZE_MAX);
	clear_seen();
	pair_open(&pair, dialect->profile ? vmsg_profile_find(dialect->profile) : NULL, NULL);
	if (at == 0) {
		return now_ns;
	}
	assert_int_equal(vmsg_bus_start(bus, now_ns), 0);
	settle(now_ns);
	for (size_t i = 0; i < dialect->steps && i + 1 < at; i++) {
		assert_int_equal(seen.frame[1], dialect->bring_up[i].id);
		push(dialect, &dialect->bring_up[i], seen.frame, now_ns);
		settle(now_ns);
	}
	if (at > dialect->steps) {
		assert_int_equal(bus->state, VMSG_BUS_RUNNING);
		if (late == RUNNING) {
			const struct vmsg_message status = {
				.header = { .type = VMSG_GET_DEVICE_STATUS,
					    .kind = VMSG_REQUEST,
					    .dev_num = 9 },
			};
			assert_int_equal(vmsg_bus_send(bus, now_ns, &status), 0);
		} else if (late == POLLING) {
			assert_int_equal(vmsg_bus_poll(bus, now_ns), 0);
		} else if (late == RESETTING) {
			assert_int_equal(vmsg_bus_reset(bus, now_ns), 0);
		} else {
			vmsg_bus_abandon(bus, now_ns, VMSG_ERROR_PEER);
		}
		settle(now_ns);
	}
	memcpy(in_flight, seen.frame, VMSG_FRAME_SIZE_MAX);
	clear_seen();
	return now_ns;
}

static size_t in_flight_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		count += pair.driver.bus.requests[i].used;
	}
	return count;
}

static char outcome_of(const struct dialect *dialect, const struct frame *frame, size_t at)
{
	uint8_t in_flight[VMSG_FRAME_SIZE_MAX];
	const uint64_t now_ns = bring_driver_to(dialect, at, in_flight);
	const uint32_t sequence = (uint32_t)pair.driver.bus.next_sequence;
	const size_t before = in_flight_count();
	const enum vmsg_bus_state state = pair.driver.bus.state;

	push(dialect, frame, in_flight, now_ns);
	const size_t after = in_flight_count();
	settle(now_ns);
	if (seen.told) {
		return seen.told;
	}
	if (seen.frames == 1 && seen.frame[0] == 3 && seen.frame[1] == 3) {
		const size_t h = dialect->header_size;
		return memcmp(seen.frame + h, "\x01\x02\x03\x04", 4) == 0 ? 'A' : '?';
	}
	if (after != before || (uint32_t)pair.driver.bus.next_sequence != sequence) {
		return 'N';
	}
	return seen.frames == 0 && pair.driver.bus.state == state ? '-' : '?';
}

static void each_frame_to_a_driver_in_each_state(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t d = 0; d < COUNT(dialects); d++) {
		const struct dialect *dialect = &dialects[d];
		for (size_t i = 0; i < dialect->frame_count; i++) {
			const struct frame *frame = &dialect->frames[i];
			assert_int_equal(strlen(frame->outcome), 1 + dialect->steps + LATE_STATES);
			for (size_t at = 0; frame->outcome[at]; at++) {
				const char got = outcome_of(dialect, frame, at);
				if (got != frame->outcome[at]) {
					print_message("# %s: %s in state %zu: '%c', not '%c'\n",
						      dialect->name, frame->name, at, got,
						      frame->outcome[at]);
					wrong++;
				}
			}
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_to_a_driver_in_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
