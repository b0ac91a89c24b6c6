/* SPDX-License-Identifier: BSD-3-Clause */
/* What FF-A 1.3 changes, for partitions that have negotiated it. */
#include "support/cmocka.h"

#include <string.h>

#include "support/spmc_world.h"

#define SUCCESS            "84000061"
#define NOT_SUPPORTED      "84000060 0 ffffffff"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define DENIED             "84000060 0 fffffffa"
#define RETRY              "84000060 0 fffffff9"
#define NOT_READY          "84000060 0 fffffff6"

/* VM1 and SP1 are at 1.3, VM2 at 1.2. */
static int open_world(void **state)
{
	static struct world world;
	static const uint16_t ids[] = { VM1, VM2, SP1 };

	world_open(&world, VMSG_FFA_VERSION_1_3, 0);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, &(struct spmc_partition_config){
					  .id = ids[i], .vcpu_count = 1, .properties = 0x70f });
		world_add_ram(&world, ids[i], world_tx(ids[i]), 0x10000, false);
	}
	*state = &world;
	return 0;
}

static struct world *prepare(void **state)
{
	world_prepare(*state, VM1, VMSG_FFA_VERSION_1_3);
	world_prepare(*state, VM2, VMSG_FFA_VERSION_1_2);
	world_prepare(*state, SP1, VMSG_FFA_VERSION_1_3);
	return *state;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static void version_may_just_be_asked(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000063 0 2", "ffffffff"); /* nothing negotiated */
	assert_call(w, VM1, "84000063 10002 1", "10003");
	assert_call(w, VM1, "84000063 20000 1", "ffffffff");
	assert_call(w, VM1, "84000069", NOT_SUPPORTED);
	assert_call(w, VM1, "84000063 10002 3", "ffffffff");
	assert_call(w, VM1, "84000063 10002 4", "ffffffff");
	assert_call(w, VM1, "84000063 10002", "10003");
	assert_call(w, VM1, "84000063 0 2", "10002");
	assert_call(w, VM1, "84000069", "84000061 0 1");
	/* late questions are fine, late decisions are not */
	assert_call(w, VM1, "84000063 10003 1", "10003");
	assert_call(w, VM1, "84000063 10003", "ffffffff");
}

static void features_of_1_3(void **state)
{
	struct world *w = prepare(state);

	assert_call(w, VM1, "84000064 4", "84000061 0 3");
	assert_call(w, VM2, "84000064 4", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 c400006b", SUCCESS);
	assert_call(w, VM2, "84000064 c400006b", NOT_SUPPORTED);
	assert_call(w, VM2, "c400006b", NOT_SUPPORTED);
	assert_call(w, SP1, "c400006b", "-");
	assert_call(w, VM1, "c400006d 80010000", "-");
	assert_string_equal(world_reply(w, SP1, 0), "8400006d 80010000");
	assert_call(w, SP1, "c400006c", "-");
	assert_string_equal(world_reply(w, VM1, 0), "8400006c 80010000");
}

static void page_permissions_are_for_initialisation(void **state)
{
	struct world *w = prepare(state);

	assert_call(w, VM1, "84000088 1000", NOT_SUPPORTED);
	assert_call(w, SP1, "84000088 1000", DENIED);
	assert_call(w, SP1, "c4000089 1000", DENIED);
	assert_call(w, VM1, "84000064 84000088", NOT_SUPPORTED);
	assert_call(w, SP1, "84000064 84000088", SUCCESS);
}

static void who_is_not_started_is_not_ready(void **state)
{
	struct world *w = prepare(state);

	world_stop(w, SP1);
	assert_call(w, VM1, "c400008d 18001", NOT_READY);
	assert_call(w, VM2, "c400008d 28001", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008d 18002", INVALID_PARAMETERS);
}

static void smc64_direct_messages_are_long_between_partitions_at_1_3(void **state)
{
	static const char full[] = "c400006f 18001 0 3 4 5 6 7 8 9 a b c d e f 10 11";
	struct world *w = prepare(state);

	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, VM1, full, "-");
	assert_string_equal(world_reply(w, SP1, 0), full);
	assert_call(w, SP1, "c4000070 80010001 0 3 4 5 6 7 8 9 a b c d e f 10 11", "-");
	assert_string_equal(world_reply(w, VM1, 0),
			    "c4000070 80010001 0 3 4 5 6 7 8 9 a b c d e f 10 11");
	/* not with one at 1.2, not in the SMC32 form */
	assert_call(w, VM2, "c400006f 28001 0 3 4 5 6 7 8 9", "-");
	assert_string_equal(world_reply(w, SP1, 0), "c400006f 28001 0 3 4 5 6 7");
	assert_call(w, SP1, "c4000070 80010002 0 3 4 5 6 7 8 9", "-");
	assert_string_equal(world_reply(w, VM2, 0), "c4000070 80010002 0 3 4 5 6 7");
	assert_call(w, VM1, "8400006f 18001 0 3 4 5 6 7 8 9", "-");
	assert_string_equal(world_reply(w, SP1, 0), "8400006f 18001 0 3 4 5 6 7");
}

static void nothing_old_is_left_behind_in_rx(void **state)
{
	struct world *w = prepare(state);

	memset(world_at(w, VM1, world_rx(VM1), 4096), 0xEE, 4096);
	memset(world_at(w, VM2, world_rx(VM2), 4096), 0xEE, 4096);
	assert_call(w, VM1, "84000068", "84000061 0 3 30");
	assert_call(w, VM2, "84000068", "84000061 0 3 18");
	assert_int_equal(*world_at(w, VM1, world_rx(VM1) + 144, 1), 0);
	assert_int_equal(*world_at(w, VM1, world_rx(VM1) + 4095, 1), 0);
	assert_int_equal(*world_at(w, VM2, world_rx(VM2) + 4095, 1), 0xEE);
}

static void registers_hold_two_long_descriptors(void **state)
{
	struct world *w = prepare(state);

	assert_call(
		w, VM1, "c400008b",
		"c4000061 0 30000000010002 70f00010001 0 0 0 0 10003 70f00010002 0 0 0 0 10002");
	assert_call(w, VM1, "c400008b 0 0 2",
		    "c4000061 0 30000000020002 70f00018001 0 0 0 0 10003");
	assert_call(w, VM2, "c400008b",
		    "c4000061 0 18000000020002 70f00010001 0 0 70f00010002 0 0 70f00018001");
	world_stop(w, VM2);
	assert_call(w, VM1, "c400008b 0 0 1", RETRY);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		CASE(version_may_just_be_asked),
		CASE(features_of_1_3),
		CASE(page_permissions_are_for_initialisation),
		CASE(who_is_not_started_is_not_ready),
		CASE(smc64_direct_messages_are_long_between_partitions_at_1_3),
		CASE(nothing_old_is_left_behind_in_rx),
		CASE(registers_hold_two_long_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
