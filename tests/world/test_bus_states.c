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

/* DOWN; NEGOTIATED: VERSION is agreed, events are not; RUNNING; RESETTING: a RESET that waits for
 * memory. Where events need no agreement, NEGOTIATED does not exist, nor RESETTING where there is
 * no RESET: _. Of a driver's sleep (SUSPENDED) a device learns nothing: it is RUNNING. */
enum device_state { DOWN, NEGOTIATED, RUNNING, RESETTING, DEVICE_STATES };

/* R: its own response. E: ERROR, naming it. M: to the machine of the device. P: the machines are
 * asked for an event. -: nothing but the null reply that the carrier needs; e: that in the form of
 * an echo. 0: VERSION with nothing. B: RESET busy. */
struct request {
	const char *name;
	const char *frame;
	const char *outcome; /* a letter for each state */
};

struct exchange {
	const char *frame;
	const char *answer;
};

/* ---- r3 ---- */

static const struct request r3_requests[] = {
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

/* ---- r2b: 8 bytes of header, ERROR, EVENT_CONFIGURE; one VERSION of 16 bytes ---- */

#define R2B_VERSION "0280000005001000 00000100 01000000"

static const struct request r2b_requests[] = {
	{ "VERSION, equal", R2B_VERSION, "RRR0" },
	{ "VERSION, newer", "0280000005001000 00000200 01000000", "0000" },
	{ "VERSION, revision 2", "0280000005001000 00000100 02000000", "0000" },
	{ "RESET", "0283000005000800", "RRRB" },
	{ "GET_DEVICES", "0202000005000c00 0000 0800", "ERRE" },
	{ "GET_DEVICES, as Linux asks", "0202000005000c00 0000 ff00", "ERRE" },
	{ "GET_DEVICES from no multiple of 8", "0202000005000c00 0100 0800", "EEEE" },
	{ "GET_DEVICES, short", "0202000005000a00 0000", "EEEE" },
	{ "PING", "0203000005000c00 01020304", "ERRE" },
	{ "EVENT_CONFIGURE, poll", "0285000005000c00 00000000", "EREE" },
	{ "EVENT_POLL", "0284000005000800", "ERPE" },
	{ "AREA_SHARE", "0281000005002200 0700 1111000000000000 0000000000000000 01000000 00000000",
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
	{ "a response to PING", "0303000005000c00 01020304", "----" },
	{ "ERROR", "0387000005000a00 0300", "----" },
};

/* ---- r2a: as r2b, but no ERROR and no FIFO; VERSION of 26 bytes. A device that is down answers as
 * the newest that it serves: r3 ---- */

#define R2A_VERSION "0280000005001a00 00000100 01000000 00000000 01000000 0400"

static const struct request r2a_requests[] = {
	{ "VERSION, equal", R2A_VERSION, "RRR0" },
	{ "VERSION, newer", "0280000005001a00 00000200 01000000 00000000 01000000 0400", "0000" },
	{ "RESET", "0283000005000800", "RRRB" },
	{ "GET_DEVICES", "0202000005000c00 0000 0800", "ERR-" },
	{ "PING", "0203000005000c00 01020304", "ERR-" },
	{ "EVENT_CONFIGURE, poll", "0285000005000c00 00000000", "ERR-" },
	{ "FIFO_CONFIGURE, of a later revision", "0286000005001400 1111000000000000 0200 0100",
	  "E---" },
	{ "EVENT_POLL", "0284000005000800", "ERP-" },
	{ "AREA_SHARE", "0281000005002200 0700 1111000000000000 0000000000000000 01000000 00000000",
	  "ERR-" },
	{ "AREA_UNSHARE of none", "0282000005000a00 0700", "ERR-" },
	{ "an id that nobody knows", "02bf000005000800", "E---" },
	{ "GET_DEVICE_INFO", "0002090005000800", "EMM-" },
	{ "GET_DEVICE_INFO of no device", "0002080005000800", "E---" },
	{ "EVENT_AVAIL", "0041090000001000 00000000 00000000", "-MMe" },
	{ "EVENT_AVAIL of no device", "0041080000001000 00000000 00000000", "-eee" },
};

/* ---- r1: 6 bytes of header, no ERROR, no choice of events ---- */

#define R1_VERSION "028000001800 01000000 01000000 00000000 0f000000 ff00"

static const struct request r1_requests[] = {
	{ "VERSION, equal", R1_VERSION, "R_R0" },
	{ "VERSION 0x10001", "028000001800 01000100 01000000 00000000 0f000000 ff00", "0_00" },
	/* what a device that is down cannot know to be of r1 */
	{ "VERSION 2", "028000001800 02000000 01000000 00000000 0f000000 ff00", "-_00" },
	{ "RESET", "028300000600", "-_RB" },
	{ "GET_DEVICES", "020200000a00 0000 0800", "-_R-" },
	{ "GET_DEVICES, as Linux asks", "020200000a00 0000 ff00", "-_R-" },
	{ "GET_DEVICES from no multiple of 8", "020200000a00 0100 0800", "-_--" },
	{ "PING", "020300000a00 01020304", "-_R-" },
	{ "EVENT_CONFIGURE, of a later revision", "028500000a00 00000000", "-_--" },
	{ "EVENT_POLL", "028400000600", "-_P-" },
	{ "AREA_SHARE", "028100002000 0700 1111000000000000 0000000000000000 01000000 00000000",
	  "-_R-" },
	{ "AREA_UNSHARE of none", "028200000800 0700", "-_R-" },
	{ "an id that nobody knows", "02bf00000600", "-_--" },
	{ "GET_DEVICE_INFO", "000209000600", "-_M-" },
	{ "GET_DEVICE_INFO of no device", "000208000600", "-_--" },
	{ "EVENT_AVAIL", "004109000e00 00000000 00000000", "-_Me" },
	{ "EVENT_AVAIL of no device", "004108000e00 00000000 00000000", "-_ee" },
	{ "EVENT_USED, ours to send", "004209000a00 00000000", "-_ee" },
	{ "EVENT_DEVICE, ours to send", "024000000a00 0900 0100", "-_ee" },
	{ "a response to PING", "030300000a00 01020304", "-_--" },
};

/* ---- r0: as r1, but no RESET; events with numbers of their own, and AREA_RELEASE is 0x83 ---- */

#define R0_VERSION "028000000a00 01000000"

static const struct request r0_requests[] = {
	{ "VERSION, equal", R0_VERSION, "R_R_" },
	{ "VERSION 2", "028000000a00 02000000", "-_0_" },
	{ "GET_DEVICES", "020200000a00 0000 0800", "-_R_" },
	{ "GET_DEVICES from no multiple of 8", "020200000a00 0100 0800", "-_-_" },
	{ "PING", "020300000a00 01020304", "-_R_" },
	{ "RESET, of a later revision", "028300000600", "-_-_" },
	{ "EVENT_CONFIGURE, of a later revision", "028500000a00 00000000", "-_-_" },
	{ "EVENT_POLL", "028400000600", "-_P_" },
	{ "AREA_SHARE", "028100002000 0700 1111000000000000 0000000000000000 01000000 00000000",
	  "-_R_" },
	/* no result: the null reply refuses */
	{ "AREA_UNSHARE of none", "028200000800 0700", "-_-_" },
	{ "an id that nobody knows", "02bf00000600", "-_-_" },
	{ "GET_DEVICE_INFO", "000209000600", "-_M_" },
	{ "GET_DEVICE_INFO of no device", "000208000600", "-_-_" },
	{ "GET_SHM, of a later revision", "000c09000a00 00000000", "-_-_" },
	{ "EVENT_AVAIL", "004209000e00 00000000 00000000", "-_M_" },
	{ "EVENT_AVAIL of no device", "004208000e00 00000000 00000000", "-_e_" },
	{ "AREA_RELEASE, ours to send", "028300000800 0700", "-_-_" },
	{ "a response to PING", "030300000a00 01020304", "-_-_" },
};

/* ---- every message of the table, its body of zeros, for device 9 ---- */

#define LAYOUTS 6

/* One for each of r0, r1, r1-a16, r2a, r2b, r3; NULL: it has no such message. */
#define SAME(r0, r1, r2a, r2b, r3)                                                                 \
	{                                                                                          \
		r0, r1, r1, r2a, r2b, r3                                                           \
	}
#define TO_DEVICE     SAME("-_M_", "-_M-", "EMM-", "EMME", "EMME")
#define SINCE_R1      SAME(NULL, "-_M-", "EMM-", "EMME", "EMME")
#define RESPONSE      SAME("-_-_", "-_--", "----", "----", "----")
#define LATE_RESPONSE SAME(NULL, "-_--", "----", "----", "----")
#define OUR_EVENT     SAME("-_e_", "-_ee", "-eee", "----", "----")

static const struct {
	enum vmsg_type type;
	enum vmsg_kind kind;
	const char *outcomes[LAYOUTS];
} all[] = {
	{ VMSG_GET_DEVICE_INFO, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_GET_DEVICE_INFO, VMSG_RESPONSE, RESPONSE },
	{ VMSG_GET_DEVICE_FEATURES, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_GET_DEVICE_FEATURES, VMSG_RESPONSE, RESPONSE },
	{ VMSG_SET_DRIVER_FEATURES, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_SET_DRIVER_FEATURES, VMSG_RESPONSE, RESPONSE },
	{ VMSG_GET_CONFIG, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_GET_CONFIG, VMSG_RESPONSE, RESPONSE },
	{ VMSG_SET_CONFIG, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_SET_CONFIG, VMSG_RESPONSE, RESPONSE },
	{ VMSG_GET_DEVICE_STATUS, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_GET_DEVICE_STATUS, VMSG_RESPONSE, RESPONSE },
	{ VMSG_SET_DEVICE_STATUS, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_SET_DEVICE_STATUS, VMSG_RESPONSE, RESPONSE },
	{ VMSG_GET_VQUEUE, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_GET_VQUEUE, VMSG_RESPONSE, RESPONSE },
	{ VMSG_SET_VQUEUE, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_SET_VQUEUE, VMSG_RESPONSE, RESPONSE },
	{ VMSG_RESET_VQUEUE, VMSG_REQUEST, TO_DEVICE },
	{ VMSG_RESET_VQUEUE, VMSG_RESPONSE, RESPONSE },
	{ VMSG_GET_SHM, VMSG_REQUEST, SINCE_R1 },
	{ VMSG_GET_SHM, VMSG_RESPONSE, LATE_RESPONSE },
	{ VMSG_EVENT_CONFIG_EMPTY, VMSG_EVENT, SAME("-_e_", NULL, NULL, NULL, NULL) },
	{ VMSG_EVENT_CONFIG, VMSG_EVENT, OUR_EVENT },
	{ VMSG_EVENT_AVAIL, VMSG_EVENT, SAME("-_M_", "-_Me", "-MMe", "-MM-", "-MM-") },
	{ VMSG_EVENT_USED, VMSG_EVENT, OUR_EVENT },
	{ VMSG_GET_DEVICES, VMSG_REQUEST, SAME("-_R_", "-_R-", "ERR-", "ERRE", "ERRE") },
	{ VMSG_GET_DEVICES, VMSG_RESPONSE, RESPONSE },
	{ VMSG_PING, VMSG_REQUEST, SAME("-_R_", "-_R-", "ERR-", "ERRE", "ERRE") },
	{ VMSG_PING, VMSG_RESPONSE, RESPONSE },
	{ VMSG_DEVICE_ADDED, VMSG_EVENT, SAME("-_e_", NULL, NULL, NULL, NULL) },
	{ VMSG_DEVICE_REMOVED, VMSG_EVENT, SAME("-_e_", NULL, NULL, NULL, NULL) },
	{ VMSG_EVENT_DEVICE, VMSG_EVENT, SAME(NULL, "-_ee", "-eee", "----", "----") },
	/* version 0, which in r3 is the probe */
	{ VMSG_VERSION, VMSG_REQUEST, SAME("-_0_", "-_00", "0000", "0000", "RRR0") },
	{ VMSG_VERSION, VMSG_RESPONSE, RESPONSE },
	/* area 0 of no pages: refused, by a result, or by the null reply where there is none */
	{ VMSG_AREA_SHARE, VMSG_REQUEST, SAME("-_-_", "-_R-", "ERR-", "ERRE", "ERRE") },
	{ VMSG_AREA_SHARE, VMSG_RESPONSE, RESPONSE },
	{ VMSG_AREA_UNSHARE, VMSG_REQUEST, SAME("-_-_", "-_R-", "ERR-", "ERRE", "ERRE") },
	{ VMSG_AREA_UNSHARE, VMSG_RESPONSE, RESPONSE },
	{ VMSG_AREA_RELEASE, VMSG_EVENT, SAME("-_-_", "-_ee", "-eee", "----", "----") },
	{ VMSG_RESET, VMSG_REQUEST, SAME(NULL, "-_RB", "RRRB", "RRRB", "RRRB") },
	{ VMSG_RESET, VMSG_RESPONSE, LATE_RESPONSE },
	{ VMSG_EVENT_POLL, VMSG_REQUEST, SAME("-_P_", "-_P-", "ERP-", "ERPE", "ERPE") },
	{ VMSG_EVENT_POLL, VMSG_RESPONSE, RESPONSE },
	{ VMSG_EVENT_CONFIGURE, VMSG_REQUEST, SAME(NULL, NULL, "ERR-", "EREE", "EREE") },
	{ VMSG_EVENT_CONFIGURE, VMSG_RESPONSE, SAME(NULL, NULL, "----", "----", "----") },
	{ VMSG_FIFO_CONFIGURE, VMSG_REQUEST, SAME(NULL, NULL, NULL, "ERRE", "ERRE") },
	{ VMSG_FIFO_CONFIGURE, VMSG_RESPONSE, SAME(NULL, NULL, NULL, "----", "----") },
	{ VMSG_ERROR, VMSG_RESPONSE, SAME(NULL, NULL, NULL, "----", "----") },
};

/* ---- how each gets to its states ---- */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct dialect {
	const char *name;
	size_t header_size;
	struct exchange version;
	struct exchange events; /* NULL: no such message */
	struct exchange share;
	struct exchange busy; /* RESET */
	const struct request *requests;
	size_t request_count;
} dialects[] = {
	{
		.name = "r3",
		.header_size = 8,
		.version = { "0280000005001400 00000100 01000000 02000100",
			     "0380000005001e00 00000100 01000000 02000100 00000000 01000000 "
			     "0400" },
		.events = { "0285000005000c00 00000000", "0385000005000a00 0000" },
		.share = { "0281000005002200 0600 1111000000000000 0000000000000000 01000000 "
			   "f4060000",
			   "0381000005000c00 0600 0000" },
		.busy = { "0283000005000800", "0383000005000a000200" },
		.requests = r3_requests,
		.request_count = COUNT(r3_requests),
	},
	{
		.name = "r2b",
		.header_size = 8,
		.version = { R2B_VERSION,
			     "0380000005001a00 00000100 01000000 00000000 01000000 0400" },
		.events = { "0285000005000c00 00000000", "0385000005000a00 0000" },
		.share = { "0281000005002200 0600 1111000000000000 0000000000000000 01000000 "
			   "00000000",
			   "0381000005000c00 0600 0000" },
		.busy = { "0283000005000800", "0383000005000a000200" },
		.requests = r2b_requests,
		.request_count = COUNT(r2b_requests),
	},
	{
		.name = "r2a",
		.header_size = 8,
		.version = { R2A_VERSION,
			     "0380000005001a00 00000100 01000000 00000000 01000000 0400" },
		.events = { "0285000005000c00 00000000", "0385000005000a00 0000" },
		.share = { "0281000005002200 0600 1111000000000000 0000000000000000 01000000 "
			   "00000000",
			   "0381000005000c00 0600 0000" },
		.busy = { "0283000005000800", "0383000005000a000200" },
		.requests = r2a_requests,
		.request_count = COUNT(r2a_requests),
	},
	{
		.name = "r0",
		.header_size = 6,
		.version = { R0_VERSION, "038000001000 01000000 02040000 0200" },
		.share = { "028100002000 0600 1111000000000000 0000000000000000 01000000 00000000",
			   "038100000800 0600" },
		.requests = r0_requests,
		.request_count = COUNT(r0_requests),
	},
	{
		.name = "r1-a16",
		.header_size = 6,
		.version = { R1_VERSION, "038000001800 01000000 01000000 00000000 01000000 0400" },
		.share = { "028100002000 0600 1111000000000000 0000000000000000 01000000 f4060000",
			   "038100000a00 0600 0000" },
		.busy = { "028300000600", "038300000800 0200" },
		.requests = r1_requests,
		.request_count = COUNT(r1_requests),
	},
	{
		.name = "r1",
		.header_size = 6,
		.version = { R1_VERSION, "038000001800 01000000 01000000 00000000 01000000 0400" },
		.share = { "028100002000 0600 1111000000000000 0000000000000000 01000000 00000000",
			   "038100000a00 0600 0000" },
		.busy = { "028300000600", "038300000800 0200" },
		.requests = r1_requests,
		.request_count = COUNT(r1_requests),
	},
};

/* ---- a device ---- */

static uint64_t area_address(const struct dialect *dialect)
{
	return 6ull << vmsg_profile_find(dialect->name)->area_id_shift;
}

static void bring_device_to(const struct dialect *dialect, enum device_state state)
{
	pair_open(&pair, NULL, NULL);
	pair.device.bus.options.wide_area_ids = strcmp(dialect->name, "r1-a16") == 0;
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 0), 0);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 9), 0);
	if (state == DOWN) {
		return;
	}
	assert_exchange(&pair, dialect->version.frame, dialect->version.answer);
	if (state >= RUNNING && dialect->events.frame) {
		assert_exchange(&pair, dialect->events.frame, dialect->events.answer);
	}
	if (state == RESETTING) {
		assert_exchange(&pair, dialect->share.frame, dialect->share.answer);
		assert_int_equal(vmsg_memory_hold(&pair.device.memory, area_address(dialect)), 0);
		assert_exchange(&pair, dialect->busy.frame, dialect->busy.answer);
	}
	pair.device.log[0] = '\0';
}

static char classify(const struct dialect *dialect, const uint8_t *frame, const uint8_t *answer)
{
	static const uint8_t zero[16];
	const bool is_bus = frame[0] & 2;
	const bool is_event = frame[1] & 0x40;
	const uint8_t *body = answer + dialect->header_size;

	if (strstr(pair.device.log, "polled")) {
		return 'P';
	}
	if (strchr(pair.device.log, '@')) {
		return 'M';
	}
	if (answer[1] == 0) {
		return answer[0] == 3 ? '-' : '?';
	}
	if (answer[1] == 0x87) {
		return body[0] == frame[1] ? 'E' : '?';
	}
	if (answer[0] != (is_bus ? 3 : 1) || answer[1] != frame[1]) {
		return '?';
	}
	if (is_event) { /* nothing but a header may answer it */
		return answer[dialect->header_size - 2] == dialect->header_size ? 'e' : '?';
	}
	if (frame[1] == 0x80 && memcmp(body, zero, 4) == 0) {
		return '0';
	}
	return frame[1] == 0x83 && body[0] == 2 ? 'B' : 'R';
}

static char outcome_of(const struct dialect *dialect, struct vmsg_bytes frame, enum device_state at)
{
	uint8_t answer[VMSG_FRAME_SIZE_MAX];

	bring_device_to(dialect, at);
	pair.is_silent = true;
	pair_raw(&pair, frame, answer);
	return classify(dialect, frame.data, answer);
}

/* It serves on: a driver may begin and end at any time. */
static void assert_resets(const struct dialect *dialect, enum device_state at)
{
	uint8_t frame[VMSG_FRAME_SIZE_MAX];
	uint8_t answer[VMSG_FRAME_SIZE_MAX];

	pair.is_silent = false;
	if (!dialect->busy.frame) { /* there is no RESET: VERSION does it */
		assert_exchange(&pair, dialect->version.frame, dialect->version.answer);
		assert_int_equal(pair.device.memory.count, 0);
		return;
	}
	const size_t size = hex_to_bytes(dialect->busy.frame, frame, sizeof(frame));
	if (at == RESETTING) {
		vmsg_memory_release(&pair.device.memory, area_address(dialect));
	}
	pair_advance(&pair, 10000000);
	if (pair.device.bus.state == VMSG_BUS_DOWN) {
		assert_exchange(&pair, dialect->version.frame, dialect->version.answer);
	}
	pair_raw(&pair, (struct vmsg_bytes){ frame, size }, answer);
	assert_int_equal(answer[1], 0x83);
	assert_int_equal(answer[dialect->header_size], 0);
	assert_int_equal(pair.device.bus.state, VMSG_BUS_DOWN);
	assert_int_equal(pair.device.memory.count, 0);
}

/* How often it was not as listed. */
static unsigned int count_wrong(const struct dialect *dialect, const char *name,
				struct vmsg_bytes frame, const char *outcome)
{
	unsigned int wrong = 0;

	assert_int_equal(strlen(outcome), DEVICE_STATES);
	for (enum device_state at = DOWN; at < DEVICE_STATES; at++) {
		if (outcome[at] == '_') {
			continue;
		}
		const char got = outcome_of(dialect, frame, at);
		if (got != outcome[at]) {
			print_message("# %s: %s in state %d: '%c', not '%c'\n", dialect->name, name,
				      (int)at, got, outcome[at]);
			wrong++;
		}
		assert_resets(dialect, at);
	}
	return wrong;
}

static void each_message_to_a_device_in_each_state(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (const struct dialect *dialect = dialects; dialect < dialects + COUNT(dialects);
	     dialect++) {
		for (size_t i = 0; i < dialect->request_count; i++) {
			const struct request *request = &dialect->requests[i];
			uint8_t bytes[VMSG_FRAME_SIZE_MAX];
			const size_t size = hex_to_bytes(request->frame, bytes, sizeof(bytes));
			wrong += count_wrong(dialect, request->name,
					     (struct vmsg_bytes){ bytes, size }, request->outcome);
		}
	}
	assert_int_equal(wrong, 0);
}

static const struct dialect *dialect_of(const char *name)
{
	for (size_t i = 0; i < COUNT(dialects); i++) {
		if (strcmp(dialects[i].name, name) == 0) {
			return &dialects[i];
		}
	}
	fail_msg("no dialect %s", name);
	return NULL;
}

static const char *listed_outcome(enum vmsg_type type, enum vmsg_kind kind, size_t layout)
{
	for (size_t i = 0; i < COUNT(all); i++) {
		if (all[i].type == type && all[i].kind == kind) {
			return all[i].outcomes[layout];
		}
	}
	return NULL;
}

/* Nothing that a dialect has is missing from the list, nor does the list have more. */
static void each_message_of_the_table_to_a_device_in_each_state(void **state)
{
	static const char *const names[LAYOUTS] = { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < LAYOUTS * 3 * VMSG_TYPE_COUNT; i++) {
		const size_t layout = i % LAYOUTS;
		struct vmsg_message message = {
			.header = { .type = (enum vmsg_type)(i / LAYOUTS / 3),
				    .kind = (enum vmsg_kind)(i / LAYOUTS % 3) },
		};
		const struct vmsg_profile *profile = vmsg_profile_find(names[layout]);
		const char *outcome =
			listed_outcome(message.header.type, message.header.kind, layout);
		uint8_t bytes[VMSG_FRAME_SIZE_MAX];
		if (message.header.type == VMSG_NONE) {
			continue;
		}
		message.header.dev_num = vmsg_type_is_bus(message.header.type) ? 0 : 9;
		message.header.token =
			message.header.kind == VMSG_EVENT || !profile->has_token ? 0 : 5;
		const int size = vmsg_encode(profile, &message,
					     (struct vmsg_span){ bytes, sizeof(bytes) }, NULL);
		if ((size > 0) != (outcome != NULL)) {
			fail_msg("%s: %s, kind %d", names[layout],
				 vmsg_type_name(message.header.type), (int)message.header.kind);
		}
		if (outcome) {
			wrong += count_wrong(dialect_of(names[layout]),
					     vmsg_type_name(message.header.type),
					     (struct vmsg_bytes){ bytes, (size_t)size }, outcome);
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_to_a_device_in_each_state),
		cmocka_unit_test(each_message_of_the_table_to_a_device_in_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
