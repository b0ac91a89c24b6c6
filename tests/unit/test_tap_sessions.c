/* SPDX-License-Identifier: BSD-3-Clause */
/* Which profile a record is given, exchange by exchange. */
#include <string.h>

#include "support/cmocka.h"
#include "support/tap_records.h"

#include "tap/sessions.h"
#include "virtio_msg_ffa/codec.h"

#define VM 0x0001
#define SP 0x8001

#define UNKNOWN 0
#define R0      (VMSG_PROFILE_R0 + 1)
#define R1      (VMSG_PROFILE_R1 + 1)
#define R2A     (VMSG_PROFILE_R2A + 1)
#define R2B     (VMSG_PROFILE_R2B + 1)
#define R3      (VMSG_PROFILE_R3 + 1)

#define GET_DEVICES_R3 "0202000006000c0000000001"
#define PROBE_R3       "0280000002001400 00000000 00000000 02000100"
#define ANSWER_R3      "0380000002001e00 00000100 01000000 02000100 00000000 01000000 0400"
#define REFUSAL_R3     "0380000002001e00 00000000 00000000 02000100 00000000 00000000 0000"

struct world {
	struct tap_session table[16];
	struct tap_sessions sessions;
};

static int make_world(void **state)
{
	static struct world world;

	tap_sessions_init(&world.sessions, world.table, 16);
	*state = &world;
	return 0;
}

static int profile_of(struct world *world, struct tap_record record)
{
	tap_sessions_follow(&world->sessions, &record, true);
	return record.profile;
}

/* A request and its answer, each as its sender calls and as its receiver gets it. */
static int exchange(struct world *world, uint16_t driver, uint16_t device, const char *request,
		    const char *response)
{
	const int asked = profile_of(world, tap_direct_request(TAP_CALL, driver, device, request));

	assert_int_equal(profile_of(world, tap_direct_request(TAP_RETURN, driver, device, request)),
			 asked);
	const int answered =
		profile_of(world, tap_direct_response(TAP_CALL, device, driver, response));
	assert_int_equal(
		profile_of(world, tap_direct_response(TAP_RETURN, device, driver, response)),
		answered);
	return answered;
}

static int asks_in(struct world *world, const char *hex)
{
	return profile_of(world, tap_direct_request(TAP_CALL, VM, SP, hex));
}

static void nothing_is_known_before_a_version(void **state)
{
	struct world *world = *state;

	assert_int_equal(asks_in(world, GET_DEVICES_R3), UNKNOWN);
	assert_int_equal(exchange(world, VM, SP, "0283000009000800", "0383000009000a000000"),
			 UNKNOWN);
}

static void a_version_exchange_tells_the_dialect(void **state)
{
	static const struct {
		const char *request;
		const char *response;
		int profile;
	} exchanges[] = {
		{ "028000000a00 01000000", "038000001000 01000000 00000000 0100", R0 },
		{ "028000001800 01000000 01000000 00000000 0f000000 ff00",
		  "038000001800 01000000 01000000 00000000 01000000 ff00", R1 },
		{ "0280000001001a00 00000100 01000000 00000000 0f000000 ff00",
		  "0380000001001a00 00000100 01000000 00000000 21000000 ff00", R2A },
		{ "0280000001001000 00000100 01000000",
		  "0380000001001a00 00000100 01000000 00000000 21000000 ff00", R2B },
		{ PROBE_R3, ANSWER_R3, R3 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		assert_int_equal(
			exchange(world, VM, SP, exchanges[i].request, exchanges[i].response),
			exchanges[i].profile);
		assert_int_equal(asks_in(world, "000203000600"), exchanges[i].profile);
	}
}

static void a_refusal_agrees_on_nothing(void **state)
{
	struct world *world = *state;

	assert_int_equal(exchange(world, VM, SP, PROBE_R3, REFUSAL_R3), R3);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), UNKNOWN);
	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	/* an older driver is turned away: the session stays what it was */
	assert_int_equal(exchange(world, VM, SP, "028000001800 01000000 01000000", REFUSAL_R3), R3);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), R3);
}

static void sessions_are_of_pairs_and_have_a_direction(void **state)
{
	struct world *world = *state;

	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	assert_int_equal(profile_of(world, tap_direct_request(TAP_CALL, 2, SP, GET_DEVICES_R3)),
			 UNKNOWN);
	/* the same two, the other way round */
	assert_int_equal(profile_of(world, tap_direct_request(TAP_CALL, SP, VM, GET_DEVICES_R3)),
			 UNKNOWN);
}

static void one_end_is_enough(void **state)
{
	struct world *world = *state;

	assert_int_equal(profile_of(world, tap_direct_request(TAP_CALL, VM, SP, PROBE_R3)), R3);
	assert_int_equal(profile_of(world, tap_direct_response(TAP_RETURN, SP, VM, ANSWER_R3)), R3);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), R3);
	assert_int_equal(profile_of(world, tap_direct_request(TAP_RETURN, 2, SP, PROBE_R3)), R3);
	assert_int_equal(profile_of(world, tap_direct_response(TAP_CALL, SP, 2, ANSWER_R3)), R3);
	assert_int_equal(profile_of(world, tap_direct_request(TAP_RETURN, 2, SP, GET_DEVICES_R3)),
			 R3);
}

static void what_the_manager_refused_teaches_nothing(void **state)
{
	struct world *world = *state;
	struct tap_record record = tap_direct_request(TAP_CALL, VM, SP, PROBE_R3);

	tap_sessions_follow(&world->sessions, &record, false);
	assert_int_equal(record.profile, R3); /* the bytes say it */
	assert_false(world->table[0].used);
	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	record = tap_direct_response(TAP_CALL, SP, VM, "038000001000 01000000 00000000 0100");
	tap_sessions_follow(&world->sessions, &record, false);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), R3);
}

static void nobody_speaks_in_anothers_name(void **state)
{
	struct world *world = *state;
	struct tap_record record = tap_direct_request(TAP_CALL, VM, SP, PROBE_R3);

	record.partition = 2;
	assert_int_equal(profile_of(world, record), UNKNOWN);
	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	record = tap_direct_response(TAP_CALL, SP, VM, "038000001000 01000000 00000000 0100");
	record.partition = 0x8002;
	assert_int_equal(profile_of(world, record), UNKNOWN);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), R3);
}

static void another_service_beside_is_told_apart(void **state)
{
	struct world *world = *state;

	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	struct tap_record other = tap_direct_request(TAP_CALL, VM, SP, PROBE_R3);
	other.regs.x[2]++;
	other.vcpu = 1;
	assert_int_equal(profile_of(world, other), UNKNOWN);
	other.kind = TAP_RETURN;
	other.partition = SP;
	other.vcpu = 0;
	assert_int_equal(profile_of(world, other), UNKNOWN);
	/* its answer has no UUID, but a vCPU */
	assert_int_equal(profile_of(world, tap_direct_response(TAP_CALL, SP, VM, ANSWER_R3)),
			 UNKNOWN);
	other = tap_direct_response(TAP_RETURN, SP, VM, ANSWER_R3);
	other.vcpu = 1;
	assert_int_equal(profile_of(world, other), UNKNOWN);
	other.vcpu = 0;
	assert_int_equal(profile_of(world, other), R3);
}

static void indirect_messages_go_both_ways(void **state)
{
	static const struct vmsg_ffa_uuid stranger = { { 1, 2, 3 } };
	struct world *world = *state;
	uint8_t room[256];

	assert_int_equal(profile_of(world, tap_indirect(VM, SP, NULL, PROBE_R3, room)), R3);
	assert_int_equal(profile_of(world, tap_indirect(SP, VM, NULL, ANSWER_R3, room)), R3);
	/* an event of the device, a request of the driver, a response */
	assert_int_equal(profile_of(world, tap_indirect(SP, VM, NULL, "00420000", room)), R3);
	assert_int_equal(profile_of(world, tap_indirect(VM, SP, NULL, GET_DEVICES_R3, room)), R3);
	assert_int_equal(profile_of(world, tap_indirect(SP, VM, NULL, "03020000", room)), R3);
	assert_int_equal(profile_of(world, tap_indirect(2, SP, NULL, "03020000", room)), UNKNOWN);
	assert_int_equal(profile_of(world, tap_indirect(SP, VM, &stranger, ANSWER_R3, room)),
			 UNKNOWN);
}

static void of_two_sessions_the_response_bit_chooses(void **state)
{
	static const char answer_r0[] = "038000001000 01000000 00000000 0100";
	struct world *world = *state;
	uint8_t room[256];

	assert_int_equal(exchange(world, 1, 2, PROBE_R3, ANSWER_R3), R3);
	assert_int_equal(exchange(world, 2, 1, "028000000a00 01000000", answer_r0), R0);
	assert_int_equal(profile_of(world, tap_indirect(1, 2, NULL, "00020000", room)), R3);
	assert_int_equal(profile_of(world, tap_indirect(2, 1, NULL, "01020000", room)), R3);
	assert_int_equal(profile_of(world, tap_indirect(2, 1, NULL, "00020000", room)), R0);
	assert_int_equal(profile_of(world, tap_indirect(1, 2, NULL, "01020000", room)), R0);
}

static void the_dead_have_agreed_on_nothing(void **state)
{
	struct world *world = *state;

	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	tap_sessions_forget(&world->sessions, 2);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), R3);
	tap_sessions_forget(&world->sessions, SP);
	assert_int_equal(asks_in(world, GET_DEVICES_R3), UNKNOWN);
}

static void messages_name_the_other_end(void **state)
{
	struct world *world = *state;
	struct tap_record record = tap_direct_request(TAP_CALL, VM, SP, PROBE_R3);

	tap_sessions_follow(&world->sessions, &record, true);
	assert_int_equal(record.peer, SP);
	record = tap_direct_request(TAP_RETURN, VM, SP, PROBE_R3);
	tap_sessions_follow(&world->sessions, &record, true);
	assert_int_equal(record.peer, VM);
	record =
		(struct tap_record){ .partition = VM, .regs.x = { 0x8400006f, VM << 16 | 0x8002 } };
	tap_sessions_follow(&world->sessions, &record, true);
	assert_int_equal(record.peer, 0x8002);
	record = (struct tap_record){ .partition = VM, .regs.x = { 0x84000069, 7 } };
	tap_sessions_follow(&world->sessions, &record, true);
	assert_int_equal(record.peer, 0);
}

static void a_fifo_is_there_from_agreement_to_reset(void **state)
{
	static const char request[] = "0286000009001400 0100000000000080 0200 0000";
	struct world *world = *state;

	assert_int_equal(exchange(world, VM, SP, PROBE_R3, ANSWER_R3), R3);
	assert_int_equal(exchange(world, VM, SP, request, "0386000009000c00 0100 0000"), R3);
	assert_null(tap_sessions_fifo(&world->sessions, VM, SP)); /* refused */
	assert_int_equal(exchange(world, VM, SP, request, "0386000009000c00 0000 0000"), R3);
	const struct tap_fifo *fifo = tap_sessions_fifo(&world->sessions, VM, SP);
	assert_non_null(fifo);
	assert_true(fifo->handle == 0x8000000000000001u);
	assert_null(tap_sessions_fifo(&world->sessions, SP, VM));
	/* what is in it has the session's dialect, either way */
	struct tap_record record = { .kind = TAP_FIFO, .partition = SP, .peer = VM };
	static const uint8_t frame[] = { 0, 0x42, 2, 0, 0, 0, 12, 0, 1, 0, 0, 0 };
	record.payload = (struct vmsg_bytes){ frame, sizeof(frame) };
	assert_int_equal(profile_of(world, record), R3);
	assert_int_equal(exchange(world, VM, SP, "0283000009000800", "0383000009000a000000"), R3);
	assert_null(tap_sessions_fifo(&world->sessions, VM, SP));
}

/* More pairs than the table holds: the newest is known, and nothing is written beyond it. */
static void a_full_table_forgets_somebody(void **state)
{
	struct world *world = *state;

	for (uint16_t vm = 1; vm <= 40; vm++) {
		assert_int_equal(exchange(world, vm, SP, PROBE_R3, ANSWER_R3), R3);
		assert_int_equal(
			profile_of(world, tap_direct_request(TAP_CALL, vm, SP, GET_DEVICES_R3)),
			R3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, make_world)
		TEST(nothing_is_known_before_a_version),
		TEST(a_version_exchange_tells_the_dialect),
		TEST(a_refusal_agrees_on_nothing),
		TEST(sessions_are_of_pairs_and_have_a_direction),
		TEST(one_end_is_enough),
		TEST(what_the_manager_refused_teaches_nothing),
		TEST(nobody_speaks_in_anothers_name),
		TEST(another_service_beside_is_told_apart),
		TEST(indirect_messages_go_both_ways),
		TEST(of_two_sessions_the_response_bit_chooses),
		TEST(the_dead_have_agreed_on_nothing),
		TEST(messages_name_the_other_end),
		TEST(a_fifo_is_there_from_agreement_to_reset),
		TEST(a_full_table_forgets_somebody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
