/* SPDX-License-Identifier: BSD-3-Clause */
/* Versions, FFA_FEATURES, discovery and buffers of the partition manager. */
#include "support/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/spmc_world.h"

#define SUCCESS            "84000061"
#define NOT_SUPPORTED      "84000060 0 ffffffff"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define NO_MEMORY          "84000060 0 fffffffd"
#define BUSY               "84000060 0 fffffffc"
#define DENIED             "84000060 0 fffffffa"
#define RETRY              "84000060 0 fffffff9"

static int open_world(void **state)
{
	static struct world world;

	world_open_vectors(&world, 0);
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static void nothing_but_version_before_version(void **state)
{
	struct world *w = *state;

	for (uint32_t n = 0; n < 0x100; n++) {
		char text[32];
		if (n == 0x63) {
			continue;
		}
		const bool is_ffa = n >= 0x60;
		snprintf(text, sizeof(text), "%" PRIx32, 0x84000000u + n);
		assert_call(w, VM1, text, is_ffa ? NOT_SUPPORTED : "ffffffff");
		snprintf(text, sizeof(text), "%" PRIx32, 0xc4000000u + n);
		assert_call(w, VM1, text, is_ffa ? NOT_SUPPORTED : "ffffffff");
	}
	assert_call(w, VM1, "c4000063 10002", NOT_SUPPORTED);
	assert_call(w, VM1, "84000163 10002", "ffffffff");
	assert_call(w, VM1, "4000063 10002", "ffffffff");
	assert_call(w, VM1, "0", "ffffffff");
}

static void version_negotiates_until_the_first_other_call(void **state)
{
	struct world *w = *state;
	struct spmc_partition_state vm1;

	/* a failed try decides nothing; a higher minor version is answered with ours */
	assert_call(w, VM1, "84000063 0", "ffffffff");
	assert_call(w, VM1, "84000063 10000", "ffffffff");
	assert_call(w, VM1, "84000069", NOT_SUPPORTED);
	assert_call(w, VM1, "84000063 10003", "10002");
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.ffa_version, VMSG_FFA_VERSION_1_2);
	assert_call(w, VM1, "84000063 10001", "10002");
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.ffa_version, VMSG_FFA_VERSION_1_1);
	assert_call(w, VM1, "84000069", "84000061 0 1");
	assert_call(w, VM1, "84000063 10002", "ffffffff");
	assert_call(w, VM1, "84000063 10001", "10002");
	/* of another life */
	world_stop(w, VM1);
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.ffa_version, 0);
	assert_int_equal(spmc_start(w->spmc, VM1), 0);
	assert_call(w, VM1, "84000063 10002", "10002");
}

static void a_partition_may_be_held_to_a_version(void **state)
{
	struct world *w = *state;

	world_add(w, &(struct spmc_partition_config){
			     .id = 3, .vcpu_count = 1, .ffa_version = VMSG_FFA_VERSION_1_1 });
	assert_call(w, 3, "84000063 10002", "10001");
	assert_call(w, 3, "c400008b", NOT_SUPPORTED);
	assert_call(w, 3, "84000064 c400008b", NOT_SUPPORTED);
}

/* Per version and property: what FFA_FEATURES says of a function id, and whether a call with that
 * id and nothing else is known. */
static void features_agree_with_behaviour(void **state)
{
	static const struct {
		uint16_t id;
		uint32_t properties, version;
	} callers[] = {
		{ 0x10, 0x50e, VMSG_FFA_VERSION_1_2 },
		{ 0x11, 0x50e, VMSG_FFA_VERSION_1_1 },
		{ 0x8010, 0x70f, VMSG_FFA_VERSION_1_2 },
	};
	struct world *w = *state;
	char text[64];

	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		world_add(w,
			  &(struct spmc_partition_config){ .id = callers[i].id,
							   .vcpu_count = 1,
							   .properties = callers[i].properties });
		snprintf(text, sizeof(text), "84000063 %" PRIx32, callers[i].version);
		(void)world_call(w, callers[i].id, text);
		for (uint32_t n = 0x60; n < 0x200; n++) {
			const uint32_t id = (n >= 0x100 ? 0xc4000000u : 0x84000000u) + (n & 0xff);
			/* replies are features but no calls; MSG_WAIT would block */
			if ((n & 0xff) < 0x60 || (n & 0xff) == 0x6b || (n & 0xff) == 0x60 ||
			    (n & 0xff) == 0x61 || (n & 0xff) == 0x62 || (n & 0xff) == 0x75) {
				continue;
			}
			snprintf(text, sizeof(text), "84000064 %" PRIx32 " 2", id);
			const bool is_feature =
				strcmp(world_call(w, callers[i].id, text), NOT_SUPPORTED) != 0;
			snprintf(text, sizeof(text), "%" PRIx32 " ffffffff ffffffff", id);
			const bool is_known =
				strcmp(world_call(w, callers[i].id, text), NOT_SUPPORTED) != 0;
			const bool needs_property = (n & 0xff) == 0x6f || (n & 0xff) == 0x70 ||
						    (n & 0xff) == 0x8d || (n & 0xff) == 0x8e;
			if (id != VMSG_FFA_ID32(VERSION) && id != VMSG_FFA_ID32(FEATURES) &&
			    is_feature != is_known && !(needs_property && is_known)) {
				fail_msg("%x of %x: feature %d, known %d", id, callers[i].id,
					 is_feature, is_known);
			}
		}
	}
}

static void features_depend_on_the_callers_properties(void **state)
{
	struct world *w = *state;

	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	world_prepare(w, SP1, VMSG_FFA_VERSION_1_2);
	assert_call(w, VM1, "84000064 c400008d", SUCCESS);
	assert_call(w, VM1, "84000064 c400008e", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 8400006f", SUCCESS);
	assert_call(w, VM1, "84000064 84000070", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 84000086", SUCCESS);
	assert_call(w, SP1, "84000064 c400008e", SUCCESS);
	assert_call(w, SP1, "84000064 84000086", NOT_SUPPORTED);
	assert_call(w, SP1, "84000064 84000081", SUCCESS);
	assert_call(w, SP1, "84000064 c4000083", NOT_SUPPORTED);
	/* mandatory replies and both forms */
	static const char *const mandatory[] = {
		"84000064 84000060", "84000064 84000061", "84000064 c4000061", "84000064 84000062",
		"84000064 84000063", "84000064 84000064", "84000064 84000065", "84000064 84000067",
		"84000064 84000068", "84000064 84000069", "84000064 c4000073", "84000064 84000075",
	};
	for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
		assert_call(w, VM1, mandatory[i], SUCCESS);
	}
	/* features: managed exit, reserved, reserved bits */
	assert_call(w, VM1, "84000064 3", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 0", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 101", NOT_SUPPORTED);
	assert_call(w, SP1, "84000064 2", NOT_SUPPORTED);
}

static void the_page_limit_is_a_feature_since_1_2(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000063 10001", "10002");
	assert_call(w, VM1, "84000064 c4000066", SUCCESS);
}

static void buffers_are_one_page_inside_ram(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000063 10002", "10002");
	assert_call(w, VM1, "c4000066 40000000 40001080 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000000 40001000 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000000 40001000 41", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000000 40010000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 3ffff000 40000000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 fffffffffffff000 40000000 1", INVALID_PARAMETERS);
	/* SMC32 sees only the low halves */
	assert_call(w, VM1, "84000066 100040000000 100040001000 100000001", SUCCESS);
	assert_call(w, VM1, "84000067 20000", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000067 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000068", "84000061 0 3 18");
	assert_call(w, VM1, "84000067", DENIED);
	assert_call(w, VM1, "84000065 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000065 1", SUCCESS);
	assert_call(w, VM1, "84000065", DENIED);
	assert_call(w, VM1, "84000067", SUCCESS);
}

static void msg_wait_releases_rx_unless_told_to_keep_it(void **state)
{
	struct world *w = *state;

	world_prepare(w, SP1, VMSG_FFA_VERSION_1_2);
	assert_call(w, SP1, "84000068", "84000061 0 3 18");
	assert_call(w, SP1, "8400006b 0 1", "-");
	world_raise(w, SP1, 0);
	assert_call(w, SP1, "84000068", BUSY);
	assert_call(w, SP1, "8400006b", "-");
	world_raise(w, SP1, 0);
	assert_call(w, SP1, "84000065", DENIED);
	/* before 1.2 there is nothing to tell */
	assert_call(w, VM1, "84000063 10001", "10002");
	assert_call(w, VM1, "8400006b 0 1", INVALID_PARAMETERS);
}

static void discovery_needs_a_free_rx(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000063 10002", "10002");
	assert_call(w, VM1, "84000068", BUSY);
	assert_call(w, VM1, "84000068 0 0 0 0 1", "84000061 0 3");
}

static void discovery_lists_who_is_started_once_per_uuid(void **state)
{
	struct world *w = *state;

	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	world_stop(w, VM2);
	assert_call(w, VM1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261 1", "84000061 0 1");
	world_stop(w, SP1);
	assert_call(w, VM1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261 1", INVALID_PARAMETERS);
	world_add(w, &(struct spmc_partition_config){
			     .id = 0x8002,
			     .vcpu_count = 4,
			     .properties = 0x70b,
			     .uuid_count = 2,
			     .uuids = { VMSG_FFA_UUID_DEVICE_ROLE, VMSG_FFA_UUID_DRIVER_ROLE } });
	world_add(w, &(struct spmc_partition_config){
			     .id = 0x8003, .vcpu_count = 1, .properties = 0x1 });
	assert_call(w, VM1, "84000068", "84000061 0 4 18");
	assert_rx(w, VM1,
		  "010001000e050000bd7fd0896795472bb47fdb0c5d9a719d"
		  "028004000b070000c66028b524984aa19de777da6122abf0"
		  "028004000b070000bd7fd0896795472bb47fdb0c5d9a719d"
		  "038001000100000000000000000000000000000000000000");
	assert_call(w, VM1, "84000065", SUCCESS);
	assert_call(w, VM1, "84000068 89d07fbd 2b479567 cdb7fb4 9d719a5d 1", "84000061 0 2");
	assert_call(w, VM1, "84000068 89d07fbd 2b479567 cdb7fb4 9d719a5e 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008b a14a9824b52860c6 f0ab2261da77e79d",
		    "c4000061 0 18000000000000 70b00048002");
}

static void discovery_in_registers_pages_and_notices_changes(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 0; i < 9; i++) {
		world_add(w, &(struct spmc_partition_config){ .id = (uint16_t)(0x8010 + i),
							      .vcpu_count = 1,
							      .properties = i });
	}
	assert_call(w, VM1, "84000063 10002", "10002");
	assert_true(strncmp(world_call(w, VM1, "c400008b"), "c4000061 0 1800000004000b ", 26) == 0);
	assert_call(w, VM1, "c400008b 0 0 100000005", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008b 0 0 5",
		    "c4000061 0 1800000009000b 200018012 0 0 300018013 0 0 400018014 0 0 "
		    "500018015 0 0 600018016");
	assert_call(w, VM1, "c400008b 0 0 a", "c4000061 0 180000000b000b 700018017 0 0 800018018");
	assert_call(w, VM1, "c400008b 0 0 10005", RETRY);
	/* the list changes */
	world_stop(w, 0x8010);
	assert_call(w, VM1, "c400008b 0 0 5", RETRY);
	assert_true(strncmp(world_call(w, VM1, "c400008b"), "c4000061 0 1800010004000a ", 26) == 0);
	/* any number of changes that nobody saw are one */
	assert_int_equal(spmc_start(w->spmc, 0x8010), 0);
	world_stop(w, 0x8010);
	assert_call(w, VM1, "c400008b 0 0 1000a", RETRY);
	assert_true(strncmp(world_call(w, VM1, "c400008b 0 0 2000a"), "c4000061 0 180002000a000a",
			    25) == 0);
}

static void a_list_longer_than_rx_is_no_memory(void **state)
{
	struct world *w = *state;

	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	for (uint16_t i = 0; i < 167; i++) {
		world_add(w, &(struct spmc_partition_config){ .id = (uint16_t)(0x8010 + i),
							      .vcpu_count = 1 });
	}
	assert_call(w, VM1, "84000068", "84000061 0 aa 18"); /* 170 = 4096 / 24 */
	assert_call(w, VM1, "84000065", SUCCESS);
	world_add(w, &(struct spmc_partition_config){ .id = 0x8200, .vcpu_count = 1 });
	assert_call(w, VM1, "84000068", NO_MEMORY);
	assert_call(w, VM1, "84000068 0 0 0 0 1", "84000061 0 ab");
}

static void declarations_are_checked(void **state)
{
	static const struct {
		uint16_t id, vcpu_count;
		uint32_t uuid_count;
	} bad[] = {
		{ 0, 1, 0 },      { 0x7fff, 1, 0 }, { 0x8000, 1, 0 }, { 0xffc0, 1, 0 },
		{ 0xffff, 1, 0 }, { VM1, 1, 0 },    { 0x8001, 1, 0 }, { 5, 0, 0 },
		{ 5, 65, 0 },     { 5, 1, 9 },
	};
	struct world *w = *state;
	const char *why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct spmc_partition_config config = { .id = bad[i].id,
							      .vcpu_count = bad[i].vcpu_count,
							      .uuid_count = bad[i].uuid_count };
		why = NULL;
		assert_int_equal(spmc_add_partition(w->spmc, &config, &why), -1);
		assert_non_null(why);
	}
	assert_int_equal(spmc_start(w->spmc, 5), -1);
	assert_int_equal(spmc_start(w->spmc, VM1), -1);
	spmc_stop(w->spmc, 5);
	for (uint16_t id = 10; spmc_partition_count(w->spmc) < SPMC_PARTITIONS_MAX; id++) {
		const struct spmc_partition_config config = { .id = id, .vcpu_count = 64 };
		assert_int_equal(spmc_add_partition(w->spmc, &config, &why), 0);
		assert_null(why);
	}
	const struct spmc_partition_config config = { .id = 1000, .vcpu_count = 1 };
	assert_int_equal(spmc_add_partition(w->spmc, &config, &why), -1);
	struct spmc_partition_state last;
	spmc_partition_state(w->spmc, SPMC_PARTITIONS_MAX, &last);
	assert_null(last.config);
	spmc_partition_state(w->spmc, SPMC_PARTITIONS_MAX - 1, &last);
	assert_false(last.started);
	assert_int_equal(last.config->vcpu_count, 64);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		CASE(nothing_but_version_before_version),
		CASE(version_negotiates_until_the_first_other_call),
		CASE(a_partition_may_be_held_to_a_version),
		CASE(features_agree_with_behaviour),
		CASE(features_depend_on_the_callers_properties),
		CASE(the_page_limit_is_a_feature_since_1_2),
		CASE(buffers_are_one_page_inside_ram),
		CASE(msg_wait_releases_rx_unless_told_to_keep_it),
		CASE(discovery_needs_a_free_rx),
		CASE(discovery_lists_who_is_started_once_per_uuid),
		CASE(discovery_in_registers_pages_and_notices_changes),
		CASE(a_list_longer_than_rx_is_no_memory),
		CASE(declarations_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
