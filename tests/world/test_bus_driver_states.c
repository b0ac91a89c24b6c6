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
	bool has_reset;
	/* Outcomes of what has no name of its own. */
	const char *of_device, *of_bus, *nothing;
};

/* Of each dialect: DOWN; one for each request of bring-up, that one in flight; then these. RUNNING
 * has GET_DEVICE_STATUS of device 9 in flight, POLLING an EVENT_POLL, RESETTING a RESET (where
 * there is none: _), RESUMING the GET_DEVICES of one that wakes. SUSPENDED tells of devices when it
 * is awake. */
enum { RUNNING, POLLING, RESETTING, FAILED, SUSPENDED, RESUMING, LATE_STATES };

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
	{ "RESET, success", 3, 0x83, 0, "0000", OWN, "-NNFFF-ND--N" },
	{ "RESET, error", 3, 0x83, 0, "0100", OWN, "-NNFFF-NF--N" },
	{ "RESET, busy", 3, 0x83, 0, "0200", OWN, "-NNFFF-NN--N" },
	{ "RESET, 3", 3, 0x83, 0, "0300", OWN, "-NNFFF-NF--N" },
	{ "VERSION, ours", 3, 0x80, 0, R3_VERSION, OWN, "-NNNFF-NF--N" },
	{ "VERSION, refused", 3, 0x80, 0, "00000000 00000000 02000100 00000000 00000000 0000", OWN,
	  "-NNFFF-NF--N" },
	{ "VERSION, newer", 3, 0x80, 0, "00000200 01000000 02000100 00000000 01000000 0400", OWN,
	  "-NNFFF-NF--N" },
	{ "VERSION, FF-A 1.1", 3, 0x80, 0, "00000100 01000000 01000100 00000000 01000000 0400", OWN,
	  "-NNFFF-NF--N" },
	{ "EVENT_CONFIGURE, success", 3, 0x85, 0, "0000", OWN, "-NNFNF-NF--N" },
	{ "EVENT_CONFIGURE, refused", 3, 0x85, 0, "0100", OWN, "-NNFFF-NF--N" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 0000 1000 0002", OWN, "-NNFFN-NF--N" },
	{ "GET_DEVICES, more to come", 3, 0x02, 0, "0000 0100 0100 00", OWN, "-NNFFN-NF--N" },
	{ "GET_DEVICES, none", 3, 0x02, 0, "0000 0000 0000", OWN, "-NNFFN-NF--x" },
	{ "GET_DEVICES, another window", 3, 0x02, 0, "0100 0000 0800 01", OWN, "-NNFFF-NF--F" },
	{ "GET_DEVICES, more than asked", 3, 0x02, 0,
	  "0000 0000 0801 000000000000000000000000000000000000000000000000000000000000000000", OWN,
	  "-NNFFF-NF--F" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "-NNFFF-NF--N" },
	{ "FIFO_CONFIGURE, success", 3, 0x86, 0, "0000 0100", OWN, "-NNFFF-NF--N" },
	{ "AREA_SHARE, success", 3, 0x81, 0, "0100 0000", OWN, "-NNFFF-NF--N" },
	{ "ERROR", 3, 0x87, 0, NULL, OWN, "-NNFFF-NF--N" },
	{ "ERROR of the device", 3, 0x87, 9, NULL, OWN, "------L-----" },
	{ "ERROR, naming another id", 3, 0x87, 9, "0900", OWN, "------L-----" },
	{ "ERROR, a stranger's", 3, 0x87, 9, NULL, STRANGE, "------------" },
	{ "null reply", 3, 0, 0, "", OWN, "-NNFFFLNF--N" },
	{ "null reply without token", 3, 0, 0, "", ZERO, "-NNFFFLNF--N" },
	{ "null reply, a stranger's", 3, 0, 0, "", STRANGE, "------------" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "------M-----" },
	{ "GET_DEVICE_STATUS, a stranger's", 1, 0x07, 9, "5a000000", STRANGE, "------------" },
	{ "GET_DEVICE_STATUS of another device", 1, 0x07, 5, "5a000000", OWN, "------------" },
	{ "GET_DEVICE_STATUS, short", 1, 0x07, 9, "5a00", OWN, "------L-----" },
	{ "GET_DEVICE_STATUS, header alone", 1, 0x07, 0, "", OWN, "-NNFFFLNF--N" },
	{ "SET_DEVICE_STATUS", 1, 0x08, 9, "5a000000", OWN, "------L-----" },
	{ "RESET, a stranger's", 3, 0x83, 0, "0000", STRANGE, "------------" },
	{ "VERSION, a stranger's", 3, 0x80, 0, R3_VERSION, STRANGE, "------------" },
	{ "GET_DEVICES, a stranger's", 3, 0x02, 0, "0000 0000 1000 0002", STRANGE, "------------" },
	{ "EVENT_DEVICE, added", 2, 0x40, 0, "0500 0100", ZERO, "------++----" },
	{ "EVENT_DEVICE, removed", 2, 0x40, 0, "0900 0200", ZERO, "------xx----" },
	{ "EVENT_DEVICE, unknown state", 2, 0x40, 0, "0500 0380", ZERO, "-------N----" },
	{ "AREA_RELEASE of none", 2, 0xc0, 0, "0700", ZERO, "-------N----" },
	{ "EVENT_USED", 0, 0x42, 9, "00000000", ZERO, "-----MMM--MM" },
	{ "EVENT_CONFIG", 0, 0x40, 9, "0f000000 01000000 00000000 00000000", ZERO, "-----MMM--MM" },
	{ "EVENT_USED, short", 0, 0x42, 9, "0000", ZERO, "------------" },
	{ "EVENT_AVAIL, ours to send", 0, 0x41, 9, "00000000 00000000", ZERO, "-------N----" },
	{ "an event that nobody knows", 2, 0xff, 0, "", ZERO, "------------" },
	{ "PING", 2, 0x03, 0, "01020304", STRANGE, "----AAAA---A" },
	{ "PING, short", 2, 0x03, 0, "0102", STRANGE, "------------" },
	{ "PING, answered", 3, 0x03, 0, "01020304", STRANGE, "------------" },
	{ "VERSION, asked", 2, 0x80, 0, "00000100 01000000 02000100", STRANGE, "------------" },
	{ "RESET, asked", 2, 0x83, 0, "", STRANGE, "------------" },
	{ "GET_DEVICES, asked", 2, 0x02, 0, "0000 0800", STRANGE, "------------" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", STRANGE, "------------" },
	{ "a request that nobody knows", 2, 0xbf, 0, "", STRANGE, "------------" },
};

/* ---- r2b and r2a: DOWN, VERSION, GET_DEVICES, EVENT_CONFIGURE, and the late ones ---- */

#define R2_VERSION "00000100 01000000 00000000 01000000 0400"

static const struct frame r2b_up[] = {
	{ .type = 3, .id = 0x80, .body = R2_VERSION },
	{ .type = 3, .id = 0x02, .body = "0000 1000 0000 0002" },
	{ .type = 3, .id = 0x85, .body = "0000" },
};

static const struct frame r2b_frames[] = {
	{ "VERSION, ours", 3, 0x80, 0, R2_VERSION, OWN, "-NFF-NF--N" },
	{ "VERSION, refused", 3, 0x80, 0, "00000000 00000000 00000000 00000000 0000", OWN,
	  "-FFF-NF--N" },
	{ "VERSION, transport features", 3, 0x80, 0, "00000100 01000000 01000000 01000000 0400",
	  OWN, "-FFF-NF--N" },
	{ "RESET, success", 3, 0x83, 0, "0000", OWN, "-FFF-ND--N" },
	{ "RESET, busy", 3, 0x83, 0, "0200", OWN, "-FFF-NN--N" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 1000 0000 0002", OWN, "-FNF-NF--N" },
	{ "GET_DEVICES, next inside", 3, 0x02, 0, "0000 1000 0800 0002", OWN, "-FFF-NF--N" },
	{ "EVENT_CONFIGURE, success", 3, 0x85, 0, "0000", OWN, "-FFN-NF--N" },
	{ "EVENT_CONFIGURE, refused", 3, 0x85, 0, "0100", OWN, "-FFF-NF--N" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "-FFF-NF--N" },
	{ "ERROR", 3, 0x87, 0, NULL, OWN, "-FFF-NF--N" },
	{ "ERROR of the device", 3, 0x87, 9, NULL, OWN, "----L-----" },
	{ "null reply", 3, 0, 0, "", OWN, "-FFFLNF--N" },
	{ "null reply without token", 3, 0, 0, "", ZERO, "-FFFLNF--N" },
	{ "null reply, a stranger's", 3, 0, 0, "", STRANGE, "----------" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "----M-----" },
	{ "GET_DEVICE_STATUS, header alone", 1, 0x07, 0, "", OWN, "-FFFLNF--N" },
	{ "EVENT_DEVICE, ready", 2, 0x40, 0, "0500 0100", ZERO, "----++----" },
	{ "EVENT_DEVICE, removed", 2, 0x40, 0, "0900 0200", ZERO, "----xx----" },
	{ "AREA_RELEASE of none", 2, 0xc0, 0, "0700", ZERO, "-----N----" },
	{ "EVENT_USED", 0, 0x42, 9, "00000000", ZERO, "----MM--MM" },
	{ "EVENT_CONFIG", 0, 0x40, 9, "0f000000 01000000 00000000 00000000", ZERO, "----MM--MM" },
	{ "EVENT_AVAIL, ours to send", 0, 0x41, 9, "00000000 00000000", ZERO, "-----N----" },
	{ "PING", 2, 0x03, 0, "01020304", STRANGE, "--AAAA---A" },
	{ "RESET, asked", 2, 0x83, 0, "", STRANGE, "----------" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", STRANGE, "----------" },
};

/* ---- r1, without tokens: DOWN, VERSION, GET_DEVICES, and the late ones ---- */

static const struct frame r1_up[] = {
	{ .type = 3, .id = 0x80, .body = "01000000 01000000 00000000 01000000 0400" },
	{ .type = 3, .id = 0x02, .body = "0000 1000 0000 0002" },
};

static const struct frame r1_frames[] = {
	{ "VERSION, ours", 3, 0x80, 0, "01000000 01000000 00000000 01000000 0400", OWN,
	  "-N-------" },
	{ "VERSION 2", 3, 0x80, 0, "02000000 01000000 00000000 01000000 0400", OWN, "-F-------" },
	{ "VERSION, revision 0", 3, 0x80, 0, "01000000 00000000 00000000 01000000 0400", OWN,
	  "-F-------" },
	{ "VERSION, transport features", 3, 0x80, 0, "01000000 01000000 01000000 01000000 0400",
	  OWN, "-F-------" },
	{ "VERSION, no carrier", 3, 0x80, 0, "01000000 01000000 00000000 00000000 0400", OWN,
	  "-F-------" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 1000 0000 0002", OWN, "--N-----N" },
	{ "GET_DEVICES, next inside", 3, 0x02, 0, "0000 1000 0800 0002", OWN, "--F-----N" },
	{ "RESET, success", 3, 0x83, 0, "0000", OWN, "-----D---" },
	{ "RESET, busy", 3, 0x83, 0, "0200", OWN, "-----N---" },
	{ "RESET, error", 3, 0x83, 0, "0100", OWN, "-----F---" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "----N----" },
	{ "null reply", 3, 0, 0, "", OWN, "-FFLNF--N" },
	{ "EVENT_CONFIGURE, of a later revision", 3, 0x85, 0, "0000", OWN, "---------" },
	{ "ERROR, of a later revision", 3, 0x87, 0, NULL, OWN, "---------" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "---M-----" },
	{ "GET_DEVICE_STATUS of another device", 1, 0x07, 5, "5a000000", OWN, "---------" },
	{ "GET_DEVICE_STATUS, short", 1, 0x07, 9, "5a00", OWN, "---L-----" },
	{ "SET_DEVICE_STATUS, not asked", 1, 0x08, 9, "5a000000", OWN, "---------" },
	{ "EVENT_DEVICE, ready", 2, 0x40, 0, "0500 0100", OWN, "---++----" },
	{ "EVENT_DEVICE, removed", 2, 0x40, 0, "0900 0200", OWN, "---xx----" },
	{ "AREA_RELEASE of none", 2, 0xc0, 0, "0700", OWN, "----N----" },
	{ "EVENT_USED", 0, 0x42, 9, "00000000", OWN, "--MMM--MM" },
	{ "EVENT_CONFIG", 0, 0x40, 9, "0f000000 01000000 00000000 00000000", OWN, "--MMM--MM" },
	{ "EVENT_AVAIL, ours to send", 0, 0x41, 9, "00000000 00000000", OWN, "----N----" },
	{ "PING", 2, 0x03, 0, "01020304", OWN, "--AAA---A" },
	{ "RESET, asked", 2, 0x83, 0, "", OWN, "---------" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", OWN, "---------" },
};

/* ---- r0: DOWN, VERSION, GET_DEVICES, and the late ones; no RESET ---- */

static const struct frame r0_up[] = {
	{ .type = 3, .id = 0x80, .body = "01000000 02040000 0200" },
	{ .type = 3, .id = 0x02, .body = "0000 1000 0000 0002" },
};

static const struct frame r0_frames[] = {
	{ "VERSION, ours", 3, 0x80, 0, "01000000 02040000 0200", OWN, "-N---_---" },
	{ "VERSION 2", 3, 0x80, 0, "02000000 02040000 0200", OWN, "-F---_---" },
	{ "VERSION, no carrier", 3, 0x80, 0, "01000000 00040000 0200", OWN, "-F---_---" },
	{ "GET_DEVICES, all", 3, 0x02, 0, "0000 1000 0000 0002", OWN, "--N--_--N" },
	{ "GET_DEVICES, next inside", 3, 0x02, 0, "0000 1000 0800 0002", OWN, "--F--_--N" },
	{ "EVENT_POLL, empty", 3, 0x84, 0, "", OWN, "----N_---" },
	{ "AREA_SHARE", 3, 0x81, 0, "0100", OWN, "-----_---" },
	{ "AREA_UNSHARE", 3, 0x82, 0, "", OWN, "-----_---" },
	{ "RESET, of a later revision", 3, 0x83, 0, "0000", OWN, "-----_---" },
	{ "null reply", 3, 0, 0, "", OWN, "-FFLN_--N" },
	{ "ERROR, of a later revision", 3, 0x87, 0, NULL, OWN, "-----_---" },
	{ "GET_DEVICE_STATUS", 1, 0x07, 9, "5a000000", OWN, "---M-_---" },
	{ "GET_DEVICE_STATUS of another device", 1, 0x07, 5, "5a000000", OWN, "-----_---" },
	{ "GET_DEVICE_STATUS, short", 1, 0x07, 9, "5a00", OWN, "---L-_---" },
	{ "DEVICE_ADDED", 2, 0x41, 0, "0500", OWN, "---++_---" },
	{ "DEVICE_REMOVED", 2, 0x42, 0, "0900", OWN, "---xx_---" },
	{ "EVENT_DEVICE, of a later revision", 2, 0x40, 0, "0500 0100", OWN, "-----_---" },
	{ "AREA_RELEASE of none", 2, 0x83, 0, "0700", OWN, "----N_---" },
	{ "EVENT_CONFIG_EMPTY", 0, 0x40, 9, "", OWN, "--MMM_-MM" },
	{ "EVENT_CONFIG", 0, 0x41, 9, "0f000000 01000000 00000000 00000000", OWN, "--MMM_-MM" },
	{ "EVENT_USED", 0, 0x43, 9, "00000000", OWN, "--MMM_-MM" },
	{ "EVENT_AVAIL, ours to send", 0, 0x42, 9, "00000000 00000000", OWN, "----N_---" },
	{ "PING", 2, 0x03, 0, "01020304", OWN, "--AAA_--A" },
	{ "GET_DEVICE_INFO, asked", 0, 0x02, 9, "", OWN, "-----_---" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STEPS(id)    .bring_up = id##_up, .steps = COUNT(id##_up)
#define FRAMES(id)   .frames = id##_frames, .frame_count = COUNT(id##_frames)

#define REST(device, bus, none) .of_device = (device), .of_bus = (bus), .nothing = (none)
#define R2_REST                 REST("----L-----", "-FFF-NF--N", "----------")
#define R1_REST                 REST("---------", "---------", "---------")

static const struct dialect dialects[] = {
	{ "r3", NULL, 8, STEPS(r3), FRAMES(r3), true,
	  REST("------L-----", "-NNFFF-NF--N", "------------") },
	{ "r2b", "r2b", 8, STEPS(r2b), FRAMES(r2b), true, R2_REST },
	{ "r2a", "r2a", 8, STEPS(r2b), FRAMES(r2b), true, R2_REST },
	{ "r1", "r1", 6, STEPS(r1), FRAMES(r1), true, R1_REST },
	{ "r1-a16", "r1-a16", 6, STEPS(r1), FRAMES(r1), true, R1_REST },
	{ "r0", "r0", 6, STEPS(r0), FRAMES(r0), false, R1_REST },
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
		} else if (late == SUSPENDED || late == RESUMING) {
			assert_int_equal(vmsg_bus_suspend(bus, now_ns), 0);
			memset(seen.frame, 0, sizeof(seen.frame));
			assert_true(late == SUSPENDED || vmsg_bus_resume(bus, now_ns) == 0);
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

/* How often it was not as listed. */
static unsigned int count_wrong(const struct dialect *dialect, const struct frame *frame)
{
	unsigned int wrong = 0;

	assert_int_equal(strlen(frame->outcome), 1 + dialect->steps + LATE_STATES);
	for (size_t at = 0; frame->outcome[at]; at++) {
		if (!dialect->has_reset && at == 1 + dialect->steps + RESETTING) {
			continue;
		}
		const char got = outcome_of(dialect, frame, at);
		if (got != frame->outcome[at]) {
			print_message("# %s: %s in state %zu: '%c', not '%c'\n", dialect->name,
				      frame->name, at, got, frame->outcome[at]);
			wrong++;
		}
	}
	return wrong;
}

static void each_frame_to_a_driver_in_each_state(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t d = 0; d < COUNT(dialects); d++) {
		for (size_t i = 0; i < dialects[d].frame_count; i++) {
			wrong += count_wrong(&dialects[d], &dialects[d].frames[i]);
		}
	}
	assert_int_equal(wrong, 0);
}

static bool is_named(const struct dialect *dialect, uint8_t type, uint8_t id)
{
	for (size_t i = 0; i < dialect->frame_count; i++) {
		if (dialect->frames[i].type == type && dialect->frames[i].id == id) {
			return true;
		}
	}
	return false;
}

/* What the lists above do not name, with the token of the request in flight and a body of zeros: a
 * response of the device 9 and one of its bus are what their class is; no request but PING is for a
 * driver. */
static void each_other_message_of_the_table_to_a_driver_in_each_state(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(dialects) * 3 * VMSG_TYPE_COUNT; i++) {
		const struct dialect *dialect = &dialects[i % COUNT(dialects)];
		struct vmsg_message message = {
			.header = { .type = (enum vmsg_type)(i / COUNT(dialects) / 3),
				    .kind = (enum vmsg_kind)(i / COUNT(dialects) % 3) },
		};
		const bool is_bus = vmsg_type_is_bus(message.header.type);
		uint8_t bytes[VMSG_FRAME_SIZE_MAX];
		char body[2 * VMSG_FRAME_SIZE_MAX + 1];
		message.header.dev_num = is_bus ? 0 : 9;
		const int size =
			message.header.type == VMSG_NONE
				? -1
				: vmsg_encode(vmsg_profile_find(dialect->name), &message,
					      (struct vmsg_span){ bytes, sizeof(bytes) }, NULL);
		if (size < 0 || is_named(dialect, bytes[0], bytes[1])) {
			continue;
		}
		memset(body, '0', sizeof(body));
		body[2 * ((size_t)size - dialect->header_size)] = '\0';
		const struct frame frame = {
			.name = vmsg_type_name(message.header.type),
			.type = bytes[0],
			.id = bytes[1],
			.dev_num = message.header.dev_num,
			.body = body,
			.token = OWN,
			.outcome = message.header.kind == VMSG_REQUEST ? dialect->nothing
				   : is_bus                            ? dialect->of_bus
								       : dialect->of_device,
		};
		if (message.header.kind == VMSG_EVENT) {
			fail_msg("%s: %s is not named", dialect->name, frame.name);
		}
		wrong += count_wrong(dialect, &frame);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_to_a_driver_in_each_state),
		cmocka_unit_test(each_other_message_of_the_table_to_a_driver_in_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
