/* SPDX-License-Identifier: BSD-3-Clause */
/* The endpoint against a script: each call it makes, in hex, and what the manager answers. */
#include <string.h>

#include "support/cmocka.h"
#include "support/endpoint_script.h"
#include "support/regs_text.h"

#include "virtio_msg_ffa/error.h"

#define PEER 0x8001u

/* ---- life ---- */

/* Init against a whole script. */
static int init(const struct script_step *steps, uint32_t pages)
{
	script = steps;
	const int error =
		vmsg_endpoint_init(&endpoint, &script_conduit, script_tx, script_rx, pages);
	PLAYED();
	return error;
}

static void an_older_manager_is_asked_again_for_its_own_version(void **state)
{
	(void)state;
	static const struct script_step older[] = {
		CALL("84000063 10002", "10001"),
		CALL("84000063 10001", "10001"),
		CALL("84000069", "84000061 0 1"),
		{ 0 },
	};
	static const struct script_step refusing[] = {
		CALL("84000063 10002", "FFFFFFFF"),
		CALL("84000063 10001", "10001"),
		CALL("84000069", "84000061 0 1"),
		{ 0 },
	};
	static const struct script_step newer[] = {
		CALL("84000063 10002", "10003"),
		CALL("84000069", "84000061 0 1"),
		{ 0 },
	};

	assert_int_equal(init(older, 0), 0);
	assert_int_equal(endpoint.ffa_version, VMSG_FFA_VERSION_1_1);
	assert_int_equal(init(refusing, 0), 0);
	assert_int_equal(endpoint.ffa_version, VMSG_FFA_VERSION_1_1);
	assert_int_equal(init(newer, 0), 0);
	assert_int_equal(endpoint.ffa_version, VMSG_FFA_VERSION_1_2);
}

static void a_version_out_of_reach_is_refused(void **state)
{
	(void)state;
	static const char *const answers[] = { "10000", "20000", "FFFFFFFE", "0" };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct script_step steps[] = {
			CALL("84000063 10002", answers[i]),
			CALL(i == 2 ? "84000063 10001" : NULL, "FFFFFFFF"),
			{ 0 },
		};
		assert_int_equal(init(steps, 0), VMSG_ERROR_REVISION);
	}
}

static void buffers_are_mapped_by_the_32_bit_call_where_there_is_no_other(void **state)
{
	(void)state;
	static const struct script_step steps[] = {
		CALL("84000063 10002", "10002"),
		CALL("84000069", "84000061 0 1"),
		CALL("C4000066 80000000 80001000 1", "84000060 0 FFFFFFFF"),
		CALL("84000066 80000000 80001000 1", "84000061"),
		CALL("84000067", "84000061"),
		{ 0 },
	};
	static const struct script_step refused[] = {
		CALL("84000063 10002", "10002"),
		CALL("84000069", "84000061 0 1"),
		CALL("C4000066 80000000 80001000 1", "84000060 0 FFFFFFFE"),
		{ 0 },
	};

	script = steps;
	assert_int_equal(vmsg_endpoint_init(&endpoint, &script_conduit, script_tx, script_rx, 1),
			 0);
	vmsg_endpoint_close(&endpoint);
	PLAYED();
	vmsg_endpoint_close(&endpoint); /* once is enough */
	assert_int_equal(init(refused, 1), VMSG_ERROR_PEER);
	assert_int_equal(endpoint.status, VMSG_FFA_INVALID_PARAMETERS);
}

static void features_are_asked_one_by_one(void **state)
{
	(void)state;
	uint32_t properties[2] = { 7, 7 };

	PLAY(CALL("84000064 C400008D", "84000061 0 5 6"), CALL("84000064 1", "84000060 0 FFFFFFFF"),
	     CALL("84000064 1", "84000060 0 FFFFFFFE"));
	assert_int_equal(vmsg_endpoint_feature(&endpoint, 0xC400008D, 0, properties), 1);
	assert_int_equal(properties[0], 5);
	assert_int_equal(properties[1], 6);
	assert_int_equal(vmsg_endpoint_feature(&endpoint, 1, 0, properties), 0);
	assert_int_equal(properties[0] + properties[1], 0);
	assert_int_equal(vmsg_endpoint_feature(&endpoint, 1, 0, NULL), VMSG_ERROR_PEER);
	PLAYED();
}

/* ---- discovery ---- */

static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;

#define ASK "C400008B A14A9824B52860C6 F0AB2261DA77E79D"

static void partitions_are_listed_over_several_answers(void **state)
{
	(void)state;
	struct vmsg_ffa_partition_info infos[2];

	/* 3 in all, 2 and 1 at once; x2: last, current << 16, tag << 32, size << 48 */
	PLAY(CALL(ASK, "C4000061 0 18000700010002 60000018001 A B 70000028002 C D"),
	     CALL(ASK " 70002", "C4000061 0 18000700020002 80000018003"));
	assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, infos, 2), 3);
	assert_int_equal(infos[0].id, 0x8001);
	assert_int_equal(infos[0].vcpu_count, 1);
	assert_int_equal(infos[0].properties, 0x600);
	assert_int_equal(infos[0].uuid.bytes[0], 0xA);
	assert_int_equal(infos[1].id, 0x8002);
	assert_int_equal(infos[1].vcpu_count, 2);
	PLAYED();
}

static void longer_descriptors_are_read_by_their_size(void **state)
{
	(void)state;
	struct vmsg_ffa_partition_info infos[2];

	PLAY(CALL("C400008B", "C4000061 0 30000000010001 18001 1 2 3 4 5 18002 1 2 3 4 5"));
	assert_int_equal(vmsg_endpoint_discover(&endpoint, NULL, infos, 2), 2);
	assert_int_equal(infos[0].id, 0x8001);
	assert_int_equal(infos[1].id, 0x8002);
	PLAYED();
}

static void an_unknown_uuid_has_no_partitions(void **state)
{
	(void)state;
	PLAY(CALL(ASK, "84000060 0 FFFFFFFE"));
	assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, NULL, 0), 0);
	PLAYED();
}

static void a_list_that_changes_is_read_again_eight_times(void **state)
{
	(void)state;
	struct vmsg_ffa_partition_info info;
	static const struct script_step once = CALL(ASK, "84000060 0 FFFFFFF9");
	const struct script_step steps[] = {
		once, once, once, once, once, once, once, once, { 0 },
	};

	script = steps;
	assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, &info, 1),
			 VMSG_ERROR_AGAIN);
	PLAYED();
	PLAY(CALL(ASK, "C4000061 0 18000700000001 18001"),
	     CALL(ASK " 70001", "84000060 0 FFFFFFF9"),
	     CALL(ASK, "C4000061 0 18000800000000 18005"));
	assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, &info, 1), 1);
	assert_int_equal(info.id, 0x8005);
	PLAYED();
}

static void lists_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"C4000061 0 18000000010000", /* current beyond the last */
		"C4000061 0 17000000000000", /* size no multiple of 8 */
		"C4000061 0 10000000000000", /* size below 24 */
		"C4000061 0 0",              /* no size */
		"C4000061 0 18000000050005", /* 6 descriptors do not fit */
		"C4000061 0 80000000000000", /* nor one of 128 bytes */
		"84000075",
	};
	struct vmsg_ffa_partition_info info = { .id = 7 };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct script_step steps[] = { CALL(ASK, answers[i]), { 0 } };
		script = steps;
		assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, &info, 1),
				 VMSG_ERROR_PEER);
		assert_int_equal(info.id, 0);
		PLAYED();
	}
	/* current behind what was asked for: would never end */
	PLAY(CALL(ASK, "C4000061 0 18000000000002 18001"),
	     CALL(ASK " 1", "C4000061 0 18000000000002 18001"));
	assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, &info, 1),
			 VMSG_ERROR_PEER);
	PLAYED();
}

#define UNSUPPORTED CALL(ASK, "84000060 0 FFFFFFFF")
#define GET         "84000068 B52860C6 A14A9824 DA77E79D F0AB2261"

static void without_registers_the_list_comes_in_rx_which_is_given_back(void **state)
{
	(void)state;
	struct vmsg_ffa_partition_info infos[3];

	PLAY(UNSUPPORTED,
	     { GET, "84000061 0 2 18",
	       "0180010000060000 00000000000000000000000000000000"
	       "0280020000070000 00000000000000000000000000000000",
	       false },
	     CALL("84000065", "84000061"));
	assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, infos, 3), 2);
	assert_int_equal(infos[0].id, 0x8001);
	assert_int_equal(infos[0].properties, 0x600);
	assert_int_equal(infos[1].id, 0x8002);
	assert_int_equal(infos[1].vcpu_count, 2);
	PLAYED();
}

static void a_list_beyond_rx_is_refused_and_rx_given_back(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"84000061 0 1 17",
		"84000061 0 AB 18",
		"84000061 0 FFFFFFFF 18",
		"84000061 0 FFFFFFFF FFFFFFFF",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct script_step steps[] = {
			UNSUPPORTED,
			CALL(GET, answers[i]),
			CALL("84000065", "84000061"),
			{ 0 },
		};
		script = steps;
		assert_int_equal(vmsg_endpoint_discover(&endpoint, &device_role, NULL, 0),
				 VMSG_ERROR_PEER);
		PLAYED();
	}
}

/* ---- direct messages ---- */

#define REQ2 "C400008D 18001 A14A9824B52860C6 F0AB2261DA77E79D 3231"

static uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

static int say(uint64_t deadline_ns)
{
	static const uint8_t payload[] = { '1', '2' };

	return vmsg_endpoint_send_direct2(&endpoint, PEER, &device_role,
					  (struct vmsg_bytes){ payload, 2 }, deadline_ns, answer);
}

static void a_request_is_continued_until_it_is_answered(void **state)
{
	(void)state;
	PLAY(CALL(REQ2, "84000062 80010003 8"), CALL("8400006D 80010003", "8400006C"),
	     CALL("8400006D 80010000", "C400008E 80010001 0 0 6968"));
	assert_int_equal(say(100), 0);
	assert_memory_equal(answer, "hi", 3);
	assert_false(endpoint.pending);
	PLAYED();
}

static void a_late_answer_is_dropped_before_the_next_request(void **state)
{
	(void)state;
	script_step_ns = 10;
	PLAY(CALL(REQ2, "84000062 80010000"), CALL("8400006D 80010000", "84000062 80010000"),
	     /* next: still nothing by its deadline */
	     CALL("8400006D 80010000", "84000062 80010000"),
	     /* and then the old answer, and the new one */
	     CALL("8400006D 80010000", "C400008E 80010001 0 0 646C6F"),
	     CALL(REQ2, "C400008E 80010001 0 0 77656E"));
	assert_int_equal(say(15), VMSG_ERROR_TIMEOUT);
	assert_true(endpoint.pending);
	assert_int_equal(say(25), VMSG_ERROR_AGAIN);
	assert_int_equal(say(100), 0);
	assert_memory_equal(answer, "new", 4);
	PLAYED();
}

static void a_target_that_died_owes_nothing(void **state)
{
	(void)state;
	script_step_ns = 10;
	PLAY(CALL(REQ2, "84000062 80010000"),
	     CALL("8400006D 80010000", "84000060 0 FFFFFFFC"), /* BUSY: still at it */
	     CALL("8400006D 80010000", "84000060 0 FFFFFFF8"), CALL(REQ2, "84000060 0 FFFFFFF8"));
	assert_int_equal(say(5), VMSG_ERROR_TIMEOUT);
	assert_int_equal(say(100), VMSG_ERROR_AGAIN);
	assert_true(endpoint.pending);
	assert_int_equal(say(100), VMSG_ERROR_PEER);
	assert_int_equal(endpoint.status, VMSG_FFA_ABORTED);
	assert_false(endpoint.pending);
	PLAYED();
}

static void a_request_ends_even_when_the_clock_stands_still(void **state)
{
	(void)state;
	PLAY(CALL(REQ2, "8400006C"), { "8400006D 80010000", "8400006C", NULL, true });
	assert_int_equal(say(1), VMSG_ERROR_TIMEOUT);
	assert_true(endpoint.pending);
}

static void refusals_are_told_apart(void **state)
{
	(void)state;
	static const uint8_t long_payload[113];

	PLAY(CALL(REQ2, "84000060 0 FFFFFFFC"), CALL(REQ2, "84000060 0 FFFFFFFA"),
	     CALL(REQ2, "84000061"),                 /* no answer a request can have */
	     CALL(REQ2, "C400008E 80020001 0 0 1"),  /* from somebody else */
	     CALL(REQ2, "C400008E 80010002 0 0 1")); /* to somebody else */
	assert_int_equal(say(9), VMSG_ERROR_AGAIN);
	assert_int_equal(say(9), VMSG_ERROR_PEER);
	assert_int_equal(endpoint.status, VMSG_FFA_DENIED);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(say(9), VMSG_ERROR_PEER);
		assert_int_equal(endpoint.status, 0);
		assert_int_equal(answer[0], 0);
	}
	PLAYED();
	assert_int_equal(vmsg_endpoint_send_direct2(&endpoint, PEER, &device_role,
						    (struct vmsg_bytes){ long_payload, 113 }, 9,
						    answer),
			 VMSG_ERROR_RANGE);
}

static void what_wakes_a_receiver_is_told_and_answered(void **state)
{
	(void)state;
	static const struct {
		const char *returned;
		int error;
		enum vmsg_wake wake;
		uint16_t source;
		const char *next;
	} rows[] = {
		{ "C400008D 80010001 A14A9824B52860C6 F0AB2261DA77E79D 6968", 0, VMSG_WAKE_DIRECT2,
		  0x8001, "C400008E 18001 0 0 6B6F" },
		{ "8400006F 80010001 0 1 2 3 4 5", 0, VMSG_WAKE_DIRECT, 0x8001, "84000070 18001" },
		{ "C400006F 80010001 0 1 2 3 4 5", 0, VMSG_WAKE_DIRECT, 0x8001, "C4000070 18001" },
		{ "8400006F 80000001 80000006 0 0 2", 0, VMSG_WAKE_VM_DESTROYED, 0x8000,
		  "84000070 18000 80000007" },
		{ "8400006F 80000001 80000004 0 0 2", 0, VMSG_WAKE_DIRECT, 0x8000,
		  "84000070 18000" },
		{ "84000062", 0, VMSG_WAKE_INTERRUPT, 0, "8400006B" },
		{ "8400006D", 0, VMSG_WAKE_RUN, 0, "8400006B" },
		{ "84000060 0 FFFFFFFA", VMSG_ERROR_PEER, VMSG_WAKE_RUN, 0, "8400006B" },
		{ "C400008D 80010002", VMSG_ERROR_BAD_HEADER, VMSG_WAKE_RUN, 0, "8400006B" },
		{ "C400008D 10001", VMSG_ERROR_BAD_HEADER, VMSG_WAKE_RUN, 0, "8400006B" },
		{ "84000086 80010001", VMSG_ERROR_BAD_HEADER, VMSG_WAKE_RUN, 0, "8400006B" },
	};
	struct vmsg_ffa_regs regs;
	struct vmsg_ffa_regs expected;
	struct vmsg_incoming incoming;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		regs_from_text(rows[i].returned, &regs);
		assert_int_equal(vmsg_endpoint_incoming(&endpoint, &regs, &incoming),
				 rows[i].error);
		assert_int_equal(incoming.wake, rows[i].wake);
		assert_int_equal(incoming.source, rows[i].source);
		assert_int_equal(vmsg_endpoint_prepare_answer(
					 &endpoint, &incoming,
					 (struct vmsg_bytes){ (const uint8_t *)"ok", 2 }, &regs),
				 0);
		regs_from_text(rows[i].next, &expected);
		assert_memory_equal(&regs, &expected, sizeof(regs));
	}
	regs_from_text(rows[0].returned, &regs);
	assert_int_equal(vmsg_endpoint_incoming(&endpoint, &regs, &incoming), 0);
	assert_memory_equal(incoming.payload, "hi", 3);
	assert_true(vmsg_ffa_uuid_equal(&incoming.uuid, &device_role));
	regs_from_text(rows[3].returned, &regs);
	assert_int_equal(vmsg_endpoint_incoming(&endpoint, &regs, &incoming), 0);
	assert_int_equal(incoming.vm, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_older_manager_is_asked_again_for_its_own_version,
				       script_fresh),
		cmocka_unit_test_setup(a_version_out_of_reach_is_refused, script_fresh),
		cmocka_unit_test_setup(
			buffers_are_mapped_by_the_32_bit_call_where_there_is_no_other,
			script_fresh),
		cmocka_unit_test_setup(features_are_asked_one_by_one, script_fresh),
		cmocka_unit_test_setup(partitions_are_listed_over_several_answers, script_fresh),
		cmocka_unit_test_setup(longer_descriptors_are_read_by_their_size, script_fresh),
		cmocka_unit_test_setup(an_unknown_uuid_has_no_partitions, script_fresh),
		cmocka_unit_test_setup(a_list_that_changes_is_read_again_eight_times, script_fresh),
		cmocka_unit_test_setup(lists_that_make_no_sense_are_refused, script_fresh),
		cmocka_unit_test_setup(without_registers_the_list_comes_in_rx_which_is_given_back,
				       script_fresh),
		cmocka_unit_test_setup(a_list_beyond_rx_is_refused_and_rx_given_back, script_fresh),
		cmocka_unit_test_setup(a_request_is_continued_until_it_is_answered, script_fresh),
		cmocka_unit_test_setup(a_late_answer_is_dropped_before_the_next_request,
				       script_fresh),
		cmocka_unit_test_setup(a_target_that_died_owes_nothing, script_fresh),
		cmocka_unit_test_setup(a_request_ends_even_when_the_clock_stands_still,
				       script_fresh),
		cmocka_unit_test_setup(refusals_are_told_apart, script_fresh),
		cmocka_unit_test_setup(what_wakes_a_receiver_is_told_and_answered, script_fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
