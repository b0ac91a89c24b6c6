/* SPDX-License-Identifier: BSD-3-Clause */
/* What each policy changes; docs/policies.md names the rows. */
#include "support/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spmc/policy.h"
#include "support/spmc_world.h"

#define SUCCESS            "84000061"
#define NOT_SUPPORTED      "84000060 0 ffffffff"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define NO_MEMORY          "84000060 0 fffffffd"
#define BUSY               "84000060 0 fffffffc"
#define DENIED             "84000060 0 fffffffa"

/* TF-A writes the status into all of x2. */
#define WIDE_NOT_SUPPORTED      "84000060 0 ffffffffffffffff"
#define WIDE_INVALID_PARAMETERS "84000060 0 fffffffffffffffe"
#define WIDE_DENIED             "84000060 0 fffffffffffffffa"

#define PAGE ((size_t)VMSG_FFA_PAGE_SIZE)

static struct world world;

static struct world *open_policy(const char *name)
{
	const struct spmc_options options = { .policy = spmc_policy_find(name),
					      .ffa_version = VMSG_FFA_VERSION_1_2 };

	assert_non_null(options.policy);
	world_open_options(&world, &options);
	world_add_vectors(&world);
	return &world;
}

static struct world *open_prepared(const char *name)
{
	struct world *w = open_policy(name);

	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_2);
	world_prepare(w, SP1, VMSG_FFA_VERSION_1_2);
	return w;
}

/* One page of VM1 for `borrower`, or a retrieve request of it. */
static const char *memory_call(struct world *w, uint16_t caller, uint32_t id, uint16_t borrower,
			       struct vmsg_ffa_memory_header header, uint8_t permissions,
			       uint32_t pages)
{
	const struct vmsg_ffa_memory_access access = { .endpoint = borrower,
						       .permissions = permissions };
	static uint64_t next = 0x50000000;
	const struct vmsg_ffa_range range = { next, pages };
	uint8_t *tx = world_at(w, caller, world_tx(caller), PAGE);
	char text[64];

	header.sender = VM1;
	header.access_size = VMSG_FFA_ACCESS_SIZE_1_2;
	next = 0x50000000 + (next + PAGE) % (256 * PAGE);
	const int size = vmsg_ffa_memory_build(&header, &access, 1, &range, pages > 0,
					       (struct vmsg_span){ tx, PAGE });
	assert_true(size > 0);
	snprintf(text, sizeof(text), "%" PRIx32 " %x %x", id, (unsigned int)size,
		 (unsigned int)size);
	return world_call(w, caller, text);
}

static const char *share(struct world *w, uint16_t borrower, uint16_t attributes, uint32_t pages)
{
	return memory_call(w, VM1, 0x84000073, borrower,
			   (struct vmsg_ffa_memory_header){ .attributes = attributes, .tag = 0x77 },
			   VMSG_FFA_DATA_RW, pages);
}

static const char *retrieve(struct world *w, uint64_t handle, uint32_t flags)
{
	return memory_call(
		w, SP1, 0x84000074, SP1,
		(struct vmsg_ffa_memory_header){ .handle = handle, .tag = 0x77, .flags = flags },
		VMSG_FFA_DATA_RW, 0);
}

static void every_policy_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_null(spmc_policy_find("nobody"));
	for (size_t i = 0; i < spmc_policy_count; i++) {
		assert_ptr_equal(spmc_policy_find(spmc_policies[i].name), &spmc_policies[i]);
		assert_true(strlen(spmc_policies[i].summary) > 0);
	}
}

/* A call that is missing is not offered either, whoever asks. */
static void features_agree_with_what_is_missing(void **state)
{
	static const uint16_t ids[] = { VM1, SP1 };
	char text[64];

	(void)state;
	for (size_t i = 0; i < spmc_policy_count; i++) {
		struct world *w = open_prepared(spmc_policies[i].name);
		for (size_t j = 0; j < spmc_policies[i].missing_count; j++) {
			const struct policy_missing *row = &spmc_policies[i].missing[j];
			for (size_t k = 0; k < 2; k++) {
				const bool is_secure = ids[k] & 0x8000;
				if (!(row->callers & (is_secure ? POLICY_SPS : POLICY_VMS))) {
					continue;
				}
				const uint32_t id =
					(row->forms & POLICY_64 ? 0xc4000000u : 0x84000000u) +
					row->number;
				snprintf(text, sizeof(text), "84000064 %" PRIx32 " 2", id);
				assert_call(w, ids[k], text,
					    spmc_policies[i].error_wide ? WIDE_NOT_SUPPORTED
									: NOT_SUPPORTED);
			}
		}
		world_close(w);
	}
}

static void versions(void **state)
{
	(void)state;
	struct world *w = open_policy("hafnium");
	assert_call(w, VM1, "84000063 10003", "ffffffff");
	assert_call(w, VM1, "84000063 20000", "ffffffff");
	assert_call(w, VM1, "84000063 10001", "10002");
	assert_call(w, VM1, "84000063 10002", "ffffffff");
	assert_call(w, VM1, "84000063 10001", "10002");
	assert_call(w, VM2, "84000069", "84000061 0 2"); /* at the manifest's version */
	assert_call(w, VM2, "84000063 10001", "ffffffff");
	assert_call(w, VM2, "84000063 10002", "10002");
	world_close(w);

	w = open_policy("tf-a");
	assert_call(w, VM1, "84000069", "84000061 0 1");
	assert_call(w, VM1, "84000085", "84000061 0 8000");
	assert_call(w, VM1, "84000063 10003", "10002 10003"); /* which selects nothing */
	assert_call(w, VM1, "84000063 20000", "10002 20000");
	assert_call(w, VM1, "84000063 10001", "10002 10001");
	assert_call(w, VM1, "84000069", "84000061 0 1");
	assert_call(w, VM1, "84000063 10002", "10001 10002");
	assert_call(w, VM2, "84000064 84000073", WIDE_NOT_SUPPORTED); /* closes it */
	assert_call(w, VM2, "84000063 10002", "ffffffff");
	assert_call(w, VM2, "84000064 84000073", WIDE_NOT_SUPPORTED);
	world_stop(w, VM2);
	assert_int_equal(spmc_start(w->spmc, VM2), 0);
	assert_call(w, VM2, "84000063 10002", "10002 10002");
	world_close(w);

	w = open_policy("xen");
	assert_call(w, VM1, "84000063 20000", "10002");
	assert_call(w, VM1, "84000069", NOT_SUPPORTED);
	assert_call(w, VM1, "84000063 10003", "10002");
	assert_call(w, VM1, "84000069", "84000061 0 1");
	assert_call(w, VM1, "84000063 10001", "10002");
	world_close(w);
}

static void what_arms_suite_expects(void **state)
{
	struct world *w = open_policy("acs");

	(void)state;
	assert_call(w, SP1, "84000069", "84000061 0 8001");
	assert_call(w, SP1, "84000064 c4000074", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 c4000074", "84000061 0 2");
	assert_call(w, VM1, "84000064 8400007d", SUCCESS);
	assert_call(w, VM1, "8400007d 1 1", DENIED);
	assert_call(w, VM1, "8400007e 1", SUCCESS);
	assert_call(w, VM1, "8400007f 80010001 0 1", DENIED);
	assert_call(w, VM1, "8400007d 1 1", SUCCESS);
	assert_call(w, VM1, "8400007d ffff 1", INVALID_PARAMETERS);
	assert_call(w, SP1, "84000064 8400007d", NOT_SUPPORTED);
	assert_call(w, SP1, "8400007d ffff 1", NOT_SUPPORTED);
	world_close(w);
}

enum { SP2 = 0x8002 };

static void notifications_may_be_per_vcpu(void **state)
{
	struct world *w = open_prepared("acs");

	(void)state;
	world_add(w, &(struct spmc_partition_config){
			     .id = SP2, .vcpu_count = 8, .properties = 0x70b });
	assert_call(w, SP2, "8400007f 18002 1 30", SUCCESS);
	assert_call(w, SP2, "8400007f 18002 0 3", SUCCESS);
	assert_call(w, SP2, "8400007f 18002 2 40", INVALID_PARAMETERS);
	assert_call(w, SP2, "8400007f 18002 1 3", DENIED);
	/* the kind must be the binding's, the vCPU one that there is */
	assert_call(w, VM1, "84000081 18002 0 10", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18002 1 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18002 10000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18002 80001 10", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18002 1 40", DENIED);
	/* it ends the wait of that vCPU */
	assert_call_vcpu(w, SP2, 1, "8400006b", "-");
	assert_call_vcpu(w, SP2, 2, "8400006b", "-");
	assert_call(w, VM1, "84000081 18002 20001 10", SUCCESS);
	assert_string_equal(world_reply(w, SP2, 1), "-");
	assert_string_equal(world_reply(w, SP2, 2), "84000062 80020002 5");
	/* four more, of which a list holds three */
	for (uint32_t i = 3; i < 7; i++) {
		char text[64];
		snprintf(text, sizeof(text), "84000081 18002 %" PRIx32 "0001 20", i);
		assert_call(w, VM1, text, SUCCESS);
	}
	assert_call(w, VM1, "84000081 18002 0 2", SUCCESS);
	assert_call(w, VM1, "c4000083", "c4000061 0 2c180 3000280028002 6000580020004");
	assert_call(w, VM1, "c4000083", "84000060 0 fffffff7");
	assert_call(w, SP2, "8400007f 18002 1 10", DENIED);
	assert_call(w, SP2, "84000080 18002 0 10", DENIED); /* pending */
	assert_call_vcpu(w, SP2, 2, "84000082 28002 2", "84000061 0 0 0 12");
	assert_call_vcpu(w, SP2, 2, "84000082 38002 2", "84000061 0 0 0 20");
	assert_call_vcpu(w, SP2, 2, "84000082 38002 2", SUCCESS);
	assert_call(w, SP2, "84000080 18002 0 10", SUCCESS);
	assert_call(w, VM1, "84000081 18002 20001 10", DENIED);
	/* ten ids fit the SMC32 form */
	for (uint32_t i = 0; i < 8; i++) {
		char text[64];
		snprintf(text, sizeof(text), "84000081 18002 %" PRIx32 "0001 20", i);
		assert_call(w, VM1, text, SUCCESS);
	}
	assert_call(w, VM1, "84000083", "84000061 0 f101 8002 20001 38002 50004");
	assert_call(w, VM1, "84000083", "84000061 0 2080 68002 7");
	world_close(w);
}

/* What the transcripts of firmware and emulator have told: tests/firmware/transcripts.py. */
static void answers(void **state)
{
	(void)state;
	struct world *w = open_prepared("tf-a");
	assert_call(w, VM1, "84000097", WIDE_NOT_SUPPORTED);
	assert_call(w, VM1, "84000098 1 2", "ffffffffffffffff 1 2");
	assert_call(w, VM1, "84000050 1", "ffffffffffffffff 1");
	world_close(w);
	w = open_policy("tf-a");
	assert_call(w, VM1, "84000063 10002", "10002 10002");
	assert_call(w, VM1, "c4000066 40000000 40001000 1", "84000061 40000000 40001000 1");
	assert_call(w, VM1, "84000068 0 0 0 0 1", "84000061 0 3 0 0 1");
	assert_call(w, VM1, "84000077 7", WIDE_INVALID_PARAMETERS);
	assert_call(w, VM1, "84000065", WIDE_DENIED);
	assert_call(w, VM1, "84000067", SUCCESS);
	world_close(w);

	w = open_prepared("hafnium");
	assert_call(w, VM1, "84000097", NOT_SUPPORTED);
	assert_call(w, VM1, "84000098 1", "ffffffffffffffff 1");
	/* 48 bytes each, and no word of who sends */
	assert_call(
		w, VM1, "c400008b a14a9824b52860c6 f0ab2261da77e79d",
		"c4000061 0 30000000010001 10c00010002 0 0 0 0 10002 30900018001 0 0 0 0 10002");
	world_close(w);
}

static void hafnium_has_a_version_of_its_own(void **state)
{
	const struct spmc_options options = { .policy = spmc_policy_find("hafnium") };

	(void)state;
	assert_int_equal(spmc_policy_version(options.policy), VMSG_FFA_VERSION_1_3);
	assert_int_equal(spmc_policy_version(NULL), VMSG_FFA_VERSION_1_2);
	world_open_options(&world, &options);
	world_add_vectors(&world);
	assert_call(&world, VM1, "84000063 10002", "10003");
	assert_call(&world, VM1, "84000063 10003", "ffffffff");
	world_close(&world);
}

#define NW 0

static void the_normal_world_may_be_physical(void **state)
{
	const struct spmc_partition_config config = { .name = "normal world",
						      .vcpu_count = 1,
						      .properties = 0x40c };
	const char *why;

	(void)state;
	struct world *w = open_prepared("xen");
	assert_int_equal(spmc_add_partition(w->spmc, &config, &why), -1);
	world_close(w);

	w = open_prepared("hafnium");
	world_add(w, &config);
	world_add_ram(w, NW, 0x60000000, 2 * PAGE, false);
	assert_call(w, NW, "84000063 10002", "10002");
	assert_call(w, NW, "84000069", SUCCESS); /* id 0 */
	assert_call(w, NW, "c4000066 60000000 60001000 1", SUCCESS);
	/* nobody's partition */
	assert_call(w, VM1, "84000068 0 0 0 0 1", "84000061 0 3");
	/* room for its notifications first */
	assert_call(w, NW, "8400007f 80010000 0 1", DENIED);
	assert_call(w, NW, "8400007d 1 1", INVALID_PARAMETERS);
	assert_call(w, NW, "8400007d 0 0", INVALID_PARAMETERS);
	assert_call(w, NW, "8400007d 0 1", SUCCESS);
	assert_call(w, NW, "8400007d 0 1", DENIED);
	assert_call(w, NW, "8400007f 80010000 0 1", SUCCESS);
	assert_call(w, SP1, "84000081 80010000 0 1", SUCCESS);
	assert_call(w, NW, "8400007e", DENIED); /* one is pending */
	assert_call(w, NW, "84000082 0 1", "84000061 0 1");
	assert_call(w, NW, "8400007e", SUCCESS);
	assert_call(w, SP1, "84000081 80010000 0 1", DENIED);
	/* it gives secure partitions their time: a notification waits for that */
	assert_call(w, NW, "8400007d 0 1", SUCCESS);
	assert_call(w, SP1, "8400007f 8001 0 1", SUCCESS);
	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, NW, "84000081 8001 0 1", SUCCESS);
	assert_string_equal(world_reply(w, SP1, 0), "-");
	assert_call(w, NW, "8400006d 80010000", "-");
	assert_string_equal(world_reply(w, SP1, 0), "8400006d 80010000");
	assert_call(w, SP1, "84000082 8001 2", "84000061 0 0 0 1");
	assert_call(w, SP1, "8400006b", "-");
	assert_string_equal(world_reply(w, NW, 0), "8400006b");
	/* RX */
	assert_call(w, NW, "84000084", SUCCESS);
	assert_call(w, NW, "84000084", DENIED);
	assert_call(w, NW, "84000065", SUCCESS);
	/* and none of that for others */
	assert_call(w, VM1, "8400007d 1 1", NOT_SUPPORTED);
	assert_call(w, VM1, "84000084", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 8400007d", NOT_SUPPORTED);
	assert_call(w, NW, "84000064 8400007d", SUCCESS);
	world_close(w);
}

static void direct_messages(void **state)
{
	(void)state;
	struct world *w = open_prepared("hafnium");
	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, VM1, "c400008d 18001 1 2", INVALID_PARAMETERS);
	world_close(w);

	w = open_prepared("tf-a");
	assert_call(w, SP1, "8400006f 80018002", WIDE_INVALID_PARAMETERS);
	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, VM1, "c400008d 18001 1 2", "-");
	world_close(w);

	w = open_prepared("xen");
	assert_call(w, VM1, "8400006f 10002", NOT_SUPPORTED);
	assert_call(w, VM1, "84000070 10002", NOT_SUPPORTED);
	world_close(w);
}

/* From VM1: to VM2, 16 bytes, behind a header of 40 bytes with a UUID that VM2 does not have. */
#define MESSAGE                                                                                    \
	"000000000000000028000000020001001000000000000000ffffffffffffffffffffffffffffffff"         \
	"0102030405060708090a0b0c0d0e0f10"
#define EMPTY "00000000000000002800000002000100000000000000000000000000000000000000000000000000"
#define FULL  "00000000000000002800000002000100d80f00000000000000000000000000000000000000000000"

static void indirect_messages(void **state)
{
	(void)state;
	struct world *w = open_prepared("strict");
	assert_call_tx(w, VM1, MESSAGE, "84000086", INVALID_PARAMETERS);
	world_close(w);

	w = open_prepared("hafnium");
	assert_call_tx(w, VM1, MESSAGE, "84000086 10000", INVALID_PARAMETERS);
	assert_call_tx(w, VM1, EMPTY, "84000086", SUCCESS);
	assert_call(w, VM2, "84000065", DENIED);
	assert_call(w, VM2, "84000082 2 c", "84000061 0 0 0 0 0 0 1");
	assert_call(w, VM2, "84000065", SUCCESS);
	world_close(w);

	w = open_policy("hafnium");
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_1);
	assert_call_tx(w, VM1, MESSAGE, "84000086", SUCCESS);
	assert_rx(w, VM2, MESSAGE);
	world_close(w);

	w = open_policy("xen");
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_1);
	assert_call_tx(w, VM1, EMPTY, "84000086", INVALID_PARAMETERS);
	assert_call_tx(w, VM1, MESSAGE, "84000086 1230000 ff", SUCCESS);
	assert_rx(w, VM2, MESSAGE);
	world_close(w);

	/* 4076 bytes fit behind 20, not behind 40 */
	w = open_policy("xen");
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_1);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_1);
	assert_call_tx(w, VM1,
		       "0000000000000000140000000200010"
		       "0ec0f0000",
		       "84000086", NO_MEMORY);
	world_close(w);

	w = open_policy("emulator");
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_1);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_2);
	assert_call_tx(w, VM1,
		       "0000000000000000140000000200010"
		       "0ec0f0000",
		       "84000086", INVALID_PARAMETERS);
	world_close(w);

	w = open_prepared("tf-a");
	assert_call_tx(w, VM1, MESSAGE, "84000086", WIDE_NOT_SUPPORTED);
	world_close(w);
}

static void notifications(void **state)
{
	(void)state;
	struct world *w = open_prepared("xen");
	assert_call(w, VM1, "8400007f 20001 0 1", NOT_SUPPORTED);
	assert_call(w, VM1, "8400007f 80010001 1 1", DENIED);
	assert_call(w, VM1, "8400007f 80010001 0 1", SUCCESS);
	assert_call(w, SP1, "84000081 80010001 0 1", SUCCESS);
	assert_call(w, VM2, "84000083", "84000060 0 fffffff7");
	assert_call(w, VM1, "84000083", "84000061 0 80 1");
	world_close(w);

	w = open_prepared("tf-a");
	assert_call(w, VM1, "84000082 1 f", WIDE_NOT_SUPPORTED);
	world_close(w);
}

static void sharing_like_hafnium(void **state)
{
	struct world *w = open_prepared("hafnium");

	(void)state;
	assert_string_equal(share(w, SP1, 0x2f, 1), SUCCESS); /* handle 0 */
	assert_string_equal(share(w, SP1, 0x2f, 1), "84000061 0 1");
	assert_string_equal(retrieve(w, 0, 0x200), INVALID_PARAMETERS);
	assert_string_equal(retrieve(w, 0, 0), "84000075 70 70");
	const uint8_t *rx = world_at(w, SP1, world_rx(SP1), 64);
	assert_int_equal(rx[16], 0);  /* tag */
	assert_int_equal(rx[24], 32); /* size of an entry */
	assert_call(w, VM1, "84000077 1", SUCCESS);
	assert_string_equal(share(w, SP1, 0x2f, 1), "84000061 0 1"); /* given again */
	for (uint32_t i = 2; i < 100; i++) {
		char text[64];
		snprintf(text, sizeof(text), "84000061 0 %" PRIx32, i);
		assert_string_equal(share(w, SP1, 0x2f, 1), text);
	}
	assert_string_equal(share(w, SP1, 0x2f, 1), NO_MEMORY);
	assert_call(w, VM1, "84000077 5", SUCCESS);
	assert_string_equal(share(w, 0x7777, 0x2f, 1), DENIED);
	world_close(w);
}

static void sharing_like_tf_a(void **state)
{
	struct world *w = open_prepared("tf-a");
	const struct vmsg_ffa_memory_header odd = { .attributes = 0x2e,
						    .flags = VMSG_FFA_MEMORY_TYPE_SHARE,
						    .tag = 0x77 };

	(void)state;
	assert_string_equal(memory_call(w, VM1, 0x84000073, SP1, odd, VMSG_FFA_DATA_RO, 1),
			    "84000061 0 ffffffc0");
	assert_string_equal(retrieve(w, 0xffffffc0, 0x1), WIDE_INVALID_PARAMETERS);
	assert_string_equal(retrieve(w, 0xffffffc0, 0x200), WIDE_INVALID_PARAMETERS);
	assert_string_equal(retrieve(w, 0xffffffc0, 0), "84000075 70 70"); /* asked for writing */
	const uint8_t *rx = world_at(w, SP1, world_rx(SP1), 64);
	assert_int_equal(rx[2], 0x6e);
	assert_int_equal(rx[16], 0x77);
	assert_int_equal(rx[48 + 2], VMSG_FFA_DATA_RO);
	assert_string_equal(w->events, "8001:grant ffffffc0 ro");
	assert_string_equal(retrieve(w, 0xffffffc0, 0), WIDE_DENIED); /* RX is full */
	assert_call(w, VM1, "84000071 60 60", WIDE_NOT_SUPPORTED);
	assert_call(w, SP1, "84000073 60 60", WIDE_INVALID_PARAMETERS);
	world_close(w);
}

static void sharing_like_xen(void **state)
{
	struct world *w = open_prepared("xen");

	(void)state;
	assert_string_equal(share(w, VM2, 0x2f, 1), NOT_SUPPORTED);
	assert_string_equal(share(w, SP1, 0x2f, 257), NO_MEMORY);
	assert_call(w, VM1, "84000072 60 60", NOT_SUPPORTED);
	for (uint32_t i = 0; i < 32; i++) {
		assert_string_not_equal(share(w, SP1, 0x2f, 1), NO_MEMORY);
	}
	assert_string_equal(share(w, SP1, 0x2f, 1), NO_MEMORY);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_has_a_name_of_its_own),
		cmocka_unit_test(features_agree_with_what_is_missing),
		cmocka_unit_test(versions),
		cmocka_unit_test(answers),
		cmocka_unit_test(hafnium_has_a_version_of_its_own),
		cmocka_unit_test(the_normal_world_may_be_physical),
		cmocka_unit_test(what_arms_suite_expects),
		cmocka_unit_test(notifications_may_be_per_vcpu),
		cmocka_unit_test(direct_messages),
		cmocka_unit_test(indirect_messages),
		cmocka_unit_test(notifications),
		cmocka_unit_test(sharing_like_hafnium),
		cmocka_unit_test(sharing_like_tf_a),
		cmocka_unit_test(sharing_like_xen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
