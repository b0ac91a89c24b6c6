/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory management of the partition manager: every check, each with the code of the reference. */
#include "support/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/spmc_world.h"

#define SUCCESS            "84000061"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define NO_MEMORY          "84000060 0 fffffffd"
#define BUSY               "84000060 0 fffffffc"
#define DENIED             "84000060 0 fffffffa"
#define ABORTED            "84000060 0 fffffff8"

#define DONATE 0x84000071u
#define LEND   0x84000072u
#define SHARE  0x84000073u

#define HANDLE(n) (UINT64_C(1) << 63 | (n))
#define PAGE      ((size_t)VMSG_FFA_PAGE_SIZE)

/* VM3 shares the topology of the vectors; VM1 has read-only RAM and a second view of its RAM. */
enum { VM3 = 3, SP2 = 0x8002 };
#define READ_ONLY_RAM 0x60000000u
#define ALIAS_RAM     0x61000000u
#define SHARED_RAM    0x50000000u

static int open_world(void **state)
{
	static struct world world;

	world_open_vectors(&world, 0);
	world_add(&world, &(struct spmc_partition_config){
				  .name = "VM3", .id = VM3, .vcpu_count = 2, .properties = 0x50e });
	world_add(&world, &(struct spmc_partition_config){
				  .name = "SP2", .id = SP2, .vcpu_count = 1, .properties = 0x70b });
	world_add_ram(&world, VM3, world_tx(VM3), 16 * PAGE, false);
	world_add_ram(&world, SP2, world_tx(SP2), 16 * PAGE, false);
	world_add_ram(&world, VM1, READ_ONLY_RAM, 16 * PAGE, true);
	world_add_alias(&world, VM1, ALIAS_RAM, SHARED_RAM);
	const uint16_t ids[] = { VM1, VM2, SP1, VM3, SP2 };
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		world_prepare(&world, ids[i], VMSG_FFA_VERSION_1_2);
	}
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

/* A descriptor to be varied: header, borrowers, ranges. */
struct transaction {
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_memory_access access[3];
	uint32_t access_count;
	struct vmsg_ffa_range ranges[4];
	uint32_t range_count;
};

static struct transaction share_to(uint16_t owner, uint16_t borrower)
{
	return (struct transaction){
		.header = { .sender = owner,
			    .attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
			    .tag = 0x77,
			    .access_size = VMSG_FFA_ACCESS_SIZE_1_2 },
		.access = { { .endpoint = borrower, .permissions = VMSG_FFA_DATA_RW } },
		.access_count = 1,
		.ranges = { { owner == VM1 ? SHARED_RAM : world_tx(owner) + 4 * PAGE, 2 } },
		.range_count = 1,
	};
}

static struct transaction lend_to(uint16_t owner, uint16_t borrower)
{
	struct transaction t = share_to(owner, borrower);

	t.header.attributes = 0;
	return t;
}

static struct transaction retrieve_of(const struct transaction *sent, uint64_t handle,
				      uint32_t flags)
{
	struct transaction t = *sent;

	t.header.handle = handle;
	t.header.flags = flags;
	t.range_count = 0;
	return t;
}

static size_t put(struct world *w, uint16_t partition, const struct transaction *t)
{
	uint8_t *tx = world_at(w, partition, world_tx(partition), PAGE);
	const int size = vmsg_ffa_memory_build(&t->header, t->access, t->access_count, t->ranges,
					       t->range_count, (struct vmsg_span){ tx, PAGE });

	assert_true(size > 0);
	return (size_t)size;
}

static const char *call_with_size(struct world *w, uint16_t partition, uint32_t id, size_t size)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIx32 " %zx %zx", id, size, size);
	return world_call(w, partition, text);
}

static const char *send(struct world *w, uint32_t id, const struct transaction *t)
{
	return call_with_size(w, (uint16_t)t->header.sender, id, put(w, t->header.sender, t));
}

static const char *retrieve(struct world *w, uint16_t borrower, const struct transaction *t)
{
	return call_with_size(w, borrower, 0x84000074, put(w, borrower, t));
}

static const char *relinquish(struct world *w, uint16_t borrower, uint64_t handle, uint32_t flags)
{
	const struct vmsg_ffa_relinquish in = { handle, flags, 1, borrower };

	assert_int_equal(
		vmsg_ffa_relinquish_build(
			&in,
			(struct vmsg_span){ world_at(w, borrower, world_tx(borrower), 18), 18 }),
		18);
	return world_call(w, borrower, "84000076");
}

static const char *reclaim(struct world *w, uint16_t owner, uint64_t handle, uint32_t flags)
{
	char text[64];

	snprintf(text, sizeof(text), "84000077 %" PRIx32 " %" PRIx32 " %" PRIx32, (uint32_t)handle,
		 (uint32_t)(handle >> 32), flags);
	return world_call(w, owner, text);
}

static void assert_retrieved(struct world *w, uint16_t borrower, const struct transaction *t)
{
	const char *reply = retrieve(w, borrower, t);

	if (strncmp(reply, "84000075 ", 9) != 0) {
		fail_msg("retrieval answered %s", reply);
	}
	assert_call(w, borrower, "84000065", SUCCESS);
}

/* --- send --- */

static void send_checks_registers(void **state)
{
	struct world *w = *state;
	const struct transaction t = share_to(VM1, VM2);

	(void)put(w, VM1, &t); /* 0x70 bytes */
	static const char *const wrong[] = {
		"84000073",
		"84000073 70 0",
		"84000073 70 68",
		"84000073 70 80",
		"84000073 60 60",
		"84000073 80 80",
		"84000073 68 68",
		"84000073 30 30",
		"84000073 70 50",
		"84000073 ffffffff ffffffff",
		"84000073 fffffff0 fffffff0",
		"84000073 1000070 70",
		"84000073 70 70 1",
		"84000073 70 70 0 1",
		"84000073 2000 2000",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_call(w, VM1, wrong[i], INVALID_PARAMETERS);
	}
	/* without buffers */
	assert_call(w, VM1, "84000067", SUCCESS);
	assert_call(w, VM1, "84000073 70 70", INVALID_PARAMETERS);
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	/* high halves of w registers are not part of an SMC64 call either */
	assert_call(w, VM1, "c4000073 100000070 100000070 0 100000000", "84000061 0 1 80000000");
}

struct variation {
	uint32_t offset; /* of a byte in the descriptor */
	uint8_t value;
	const char *reply;
};

static void assert_variations(struct world *w, uint32_t id, const struct transaction *t,
			      const struct variation *variations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const size_t size = put(w, VM1, t);
		*world_at(w, VM1, world_tx(VM1) + variations[i].offset, 1) = variations[i].value;
		const char *reply = call_with_size(w, VM1, id, size);
		if (strcmp(reply, variations[i].reply) != 0) {
			fail_msg("byte %u = %02x: %s", variations[i].offset, variations[i].value,
				 reply);
		}
	}
}

static void share_checks_every_field(void **state)
{
	static const struct variation variations[] = {
		{ 0, 2, DENIED },                /* sender */
		{ 2, 0xaf, INVALID_PARAMETERS }, /* reserved attribute */
		{ 3, 0x01, INVALID_PARAMETERS },
		{ 2, 0x6f, INVALID_PARAMETERS }, /* NS */
		{ 2, 0x2e, DENIED },             /* outer shareable */
		{ 2, 0x27, DENIED },             /* not cacheable */
		{ 2, 0x1f, DENIED },             /* device */
		{ 2, 0x00, DENIED },             /* unspecified */
		{ 4, 0x01, INVALID_PARAMETERS }, /* zero */
		{ 4, 0x02, INVALID_PARAMETERS }, /* time slice */
		{ 4, 0x08, INVALID_PARAMETERS }, /* type is not for the sender to say */
		{ 7, 0x80, INVALID_PARAMETERS },
		{ 8, 1, INVALID_PARAMETERS }, /* handle */
		{ 24, 24, INVALID_PARAMETERS },
		{ 28, 0, INVALID_PARAMETERS },
		{ 28, 2, INVALID_PARAMETERS }, /* count */
		{ 31, 0x80, INVALID_PARAMETERS },
		{ 32, 0x20, INVALID_PARAMETERS }, /* offset of the array */
		{ 32, 0x38, INVALID_PARAMETERS },
		{ 32, 0x40, INVALID_PARAMETERS },
		{ 48, 0x01, INVALID_PARAMETERS }, /* borrower: oneself, nobody, the manager */
		{ 48, 0x77, INVALID_PARAMETERS },
		{ 49, 0x90, INVALID_PARAMETERS },
		{ 50, 0x00, INVALID_PARAMETERS }, /* data permission */
		{ 50, 0x03, INVALID_PARAMETERS },
		{ 50, 0x06, INVALID_PARAMETERS }, /* instruction permission */
		{ 50, 0x12, INVALID_PARAMETERS },
		{ 51, 0x01, INVALID_PARAMETERS }, /* flags */
		{ 52, 0x40, INVALID_PARAMETERS }, /* composite */
		{ 52, 0x58, INVALID_PARAMETERS },
		{ 52, 0x60, INVALID_PARAMETERS },
		{ 52, 0x70, INVALID_PARAMETERS },
		{ 55, 0xff, INVALID_PARAMETERS },
		{ 80, 3, INVALID_PARAMETERS }, /* pages */
		{ 84, 0, INVALID_PARAMETERS }, /* ranges */
		{ 84, 2, INVALID_PARAMETERS },
		{ 87, 0x10, INVALID_PARAMETERS },
		{ 96, 0x01, INVALID_PARAMETERS }, /* address */
		{ 97, 0x08, INVALID_PARAMETERS },
		{ 103, 0x10, DENIED },          /* far away */
		{ 104, 0, INVALID_PARAMETERS }, /* range without pages */
		{ 99, 0x49, DENIED },           /* not RAM */
	};
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	assert_variations(w, SHARE, &t, variations, sizeof(variations) / sizeof(variations[0]));
	/* no page was left claimed, no handle used up */
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
}

static void lend_checks_what_differs_from_share(void **state)
{
	static const struct variation variations[] = {
		{ 0, 2, DENIED },
		{ 2, 0x2f, INVALID_PARAMETERS }, /* the borrower chooses the attributes */
		{ 2, 0x40, INVALID_PARAMETERS },
		{ 4, 0x02, INVALID_PARAMETERS },
		{ 50, 0x00, INVALID_PARAMETERS },
		{ 50, 0x03, INVALID_PARAMETERS },
		{ 50, 0x06, INVALID_PARAMETERS },
	};
	struct transaction t = lend_to(VM1, SP1);
	struct world *w = *state;

	assert_variations(w, LEND, &t, variations, sizeof(variations) / sizeof(variations[0]));
	memset(world_at(w, VM1, SHARED_RAM, 2 * PAGE), 0xEE, 2 * PAGE);
	t.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(send(w, LEND, &t), "84000061 0 1 80000000");
	for (size_t i = 0; i < 2 * PAGE; i++) {
		assert_int_equal(*world_at(w, VM1, SHARED_RAM + i, 1), 0);
	}
	/* several borrowers: as with sharing */
	t = lend_to(VM1, SP1);
	t.ranges[0].address += 16 * PAGE;
	t.access[1] =
		(struct vmsg_ffa_memory_access){ .endpoint = VM2, .permissions = VMSG_FFA_DATA_RO };
	t.access_count = 2;
	assert_string_equal(send(w, LEND, &t), DENIED);
	t.header.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER;
	assert_string_equal(send(w, LEND, &t), "84000061 0 2 80000000");
}

static void ranges_neither_overlap_nor_wrap(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	t.range_count = 2;
	t.ranges[1] = (struct vmsg_ffa_range){ SHARED_RAM + PAGE, 1 };
	assert_string_equal(send(w, SHARE, &t), INVALID_PARAMETERS);
	/* the same memory by another address */
	t.ranges[1] = (struct vmsg_ffa_range){ ALIAS_RAM + PAGE, 1 };
	assert_string_equal(send(w, SHARE, &t), INVALID_PARAMETERS);
	t.ranges[1] = (struct vmsg_ffa_range){ 0xfffffffffffff000, 1 };
	assert_string_equal(send(w, SHARE, &t), INVALID_PARAMETERS);
	t.ranges[1] = (struct vmsg_ffa_range){ SHARED_RAM + 511 * PAGE, 2 };
	assert_string_equal(send(w, SHARE, &t), DENIED);
	/* out of order is fine */
	t.ranges[0] = (struct vmsg_ffa_range){ SHARED_RAM + 7 * PAGE, 1 };
	t.ranges[1] = (struct vmsg_ffa_range){ SHARED_RAM, 7 };
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
}

static void memory_in_use_is_denied(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	/* again, in part, by an alias, to somebody else, by lending */
	assert_string_equal(send(w, SHARE, &t), DENIED);
	t.ranges[0] = (struct vmsg_ffa_range){ SHARED_RAM + PAGE, 8 };
	assert_string_equal(send(w, SHARE, &t), DENIED);
	t.ranges[0] = (struct vmsg_ffa_range){ ALIAS_RAM, 1 };
	assert_string_equal(send(w, SHARE, &t), DENIED);
	t = lend_to(VM1, SP1);
	assert_string_equal(send(w, LEND, &t), DENIED);
	/* RX and TX, one's own and those of others */
	t = share_to(VM1, VM2);
	t.ranges[0].address = world_tx(VM1);
	assert_string_equal(send(w, SHARE, &t), DENIED);
	t.ranges[0].address = world_rx(VM2);
	assert_string_equal(send(w, SHARE, &t), DENIED);
	/* and shared memory is not for buffers */
	assert_call(w, VM1, "84000067", SUCCESS);
	assert_call(w, VM1, "c4000066 50000000 40001000 1", DENIED);
	assert_call(w, VM1, "c4000066 40000000 50001000 1", DENIED);
	assert_call(w, VM1, "c4000066 40000000 61000000 1", DENIED);
	assert_call(w, VM1, "c4000066 40000000 60000000 1", INVALID_PARAMETERS); /* read-only */
	assert_call(w, VM1, "c4000066 40000000 41000000 1", INVALID_PARAMETERS); /* VM2's */
	assert_call(w, VM1, "c4000066 50010000 61010000 1", INVALID_PARAMETERS); /* one page */
	assert_call(w, VM1, "c4000066 40000000 40001000 1", SUCCESS);
}

static void read_only_memory_cannot_be_offered_writable_or_zeroed(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	t.ranges[0].address = READ_ONLY_RAM;
	assert_string_equal(send(w, SHARE, &t), DENIED);
	t.access[0].permissions = VMSG_FFA_DATA_RO;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 1), DENIED);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
	t = lend_to(VM1, VM2);
	t.ranges[0].address = READ_ONLY_RAM;
	t.access[0].permissions = VMSG_FFA_DATA_RO;
	t.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(send(w, LEND, &t), DENIED);
}

static void secure_partitions_share_with_secure_partitions_only(void **state)
{
	struct transaction t = share_to(SP1, VM2);
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), DENIED);
	t = share_to(SP1, SP2);
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1");
	/* secure memory: no NS bit in the response */
	t = retrieve_of(&t, 1, 0);
	assert_string_equal(retrieve(w, SP2, &t), "84000075 70 70");
	assert_int_equal(*world_at(w, SP2, world_rx(SP2) + 2, 1), 0x2f);
}

static void a_dead_borrower_cannot_be_named(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	world_stop(w, VM2);
	assert_string_equal(send(w, SHARE, &t), INVALID_PARAMETERS);
}

static void access_descriptors_have_the_size_of_the_version(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	/* old Linux */
	t.header.access_size = VMSG_FFA_ACCESS_SIZE_1_1;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	struct transaction r = retrieve_of(&t, HANDLE(1), 0);
	assert_string_equal(retrieve(w, VM2, &r), "84000075 70 70");
	assert_int_equal(*world_at(w, VM2, world_rx(VM2) + 24, 1), 32);
	/* 1.1 has no 32-byte ones, and is answered in its own */
	world_stop(w, VM3);
	assert_int_equal(spmc_start(w->spmc, VM3), 0);
	world_prepare(w, VM3, VMSG_FFA_VERSION_1_1);
	t = share_to(VM3, VM2);
	assert_string_equal(send(w, SHARE, &t), INVALID_PARAMETERS);
	t = share_to(VM1, VM3);
	t.ranges[0].address += 16 * PAGE;
	t.access[0].implementation[3] = 9;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 2 80000000");
	r = retrieve_of(&t, HANDLE(2), 0);
	assert_string_equal(retrieve(w, VM3, &r), INVALID_PARAMETERS);
	r.header.access_size = VMSG_FFA_ACCESS_SIZE_1_1;
	assert_string_equal(retrieve(w, VM3, &r), "84000075 60 60");
	assert_int_equal(*world_at(w, VM3, world_rx(VM3) + 24, 1), 16);
}

static void the_snapshot_is_taken_once(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	memset(world_at(w, VM1, world_tx(VM1), PAGE), 0xff, PAGE);
	struct vmsg_ffa_range range;
	assert_true(spmc_region_range(w->spmc, HANDLE(1), 0, &range));
	assert_true(range.address == SHARED_RAM && range.pages == 2);
	assert_false(spmc_region_range(w->spmc, HANDLE(1), 1, &range));
	assert_int_equal(spmc_region_range_count(w->spmc, HANDLE(1)), 1);
	assert_int_equal(spmc_region_owner(w->spmc, HANDLE(1)), VM1);
	assert_int_equal(spmc_region_range_count(w->spmc, HANDLE(2)), 0);
}

/* --- fragments --- */

enum { MANY = 300 };

static void put_fragment(struct world *w, const struct vmsg_ffa_range *ranges, size_t offset,
			 size_t size)
{
	const struct transaction t = share_to(VM1, VM2);

	assert_int_equal(vmsg_ffa_memory_fragment(
				 &t.header, t.access, 1, ranges, MANY, offset,
				 (struct vmsg_span){ world_at(w, VM1, world_tx(VM1), size), size }),
			 (int)size);
}

static void make_ranges(struct vmsg_ffa_range ranges[MANY])
{
	/* every other page, backwards */
	for (uint32_t i = 0; i < MANY; i++) {
		ranges[i] = (struct vmsg_ffa_range){
			i < 256 ? SHARED_RAM + 2 * PAGE * (255 - i)
				: SHARED_RAM + PAGE * ((size_t)2 * (299 - i) + 1),
			1
		};
	}
}

/* 300 ranges: 96 + 4800 = 0x1320 bytes. */
static void a_send_in_fragments(void **state)
{
	struct vmsg_ffa_range ranges[MANY], range;
	struct world *w = *state;

	make_ranges(ranges);
	put_fragment(w, ranges, 0, 96); /* as short as it gets: no range */
	assert_call(w, VM1, "c4000073 1320 60", "8400007a 1 80000000 60");
	put_fragment(w, ranges, 96, 16);
	assert_call(w, VM1, "8400007b 1 80000000 10", "8400007a 1 80000000 70");
	/* nothing is there yet */
	const struct transaction t = share_to(VM1, VM2);
	const struct transaction r = retrieve_of(&t, HANDLE(1), 0);
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), INVALID_PARAMETERS);
	put_fragment(w, ranges, 112, 4096);
	static const char *const wrong[] = {
		"8400007b 2 80000000 1000",   "8400007b 1 0 1000",
		"8400007b 1 80000000 0",      "8400007b 1 80000000 8",
		"8400007b 1 80000000 1010",   "8400007b 1 80000000 1000 20000",
		"8400007b 1 80000000 1000 1", "8400007b 1 80000000 fffffff0",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_call(w, VM1, wrong[i], INVALID_PARAMETERS);
	}
	assert_call(w, VM2, "8400007b 1 80000000 1000", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400007b 1 80000000 1000 10000", "8400007a 1 80000000 1070");
	put_fragment(w, ranges, 4208, 688);
	assert_call(w, VM1, "8400007b 1 80000000 2c0", INVALID_PARAMETERS); /* beyond the total */
	assert_call(w, VM1, "8400007b 1 80000000 2b0", "84000061 0 1 80000000");
	assert_call(w, VM1, "8400007b 1 80000000 10", INVALID_PARAMETERS);
	assert_int_equal(spmc_region_range_count(w->spmc, HANDLE(1)), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_true(spmc_region_range(w->spmc, HANDLE(1), i, &range));
		assert_true(range.address == ranges[i].address && range.pages == 1);
	}
}

static void a_bad_fragment_ends_the_send(void **state)
{
	struct vmsg_ffa_range ranges[MANY];
	struct world *w = *state;

	make_ranges(ranges);
	ranges[299].address += 1;
	for (int round = 0; round < 3; round++) {
		put_fragment(w, ranges, 0, 4096);
		char text[64];
		snprintf(text, sizeof(text), "8400007a %x 80000000 1000", round + 1);
		assert_call(w, VM1, "c4000073 1320 1000", text);
		put_fragment(w, ranges, 4096, 800);
		snprintf(text, sizeof(text), "8400007b %x 80000000 320", round + 1);
		assert_call(w, VM1, text, round == 1 ? DENIED : INVALID_PARAMETERS);
		assert_call(w, VM1, text, INVALID_PARAMETERS);
		/* unaligned; then not RAM; then the sum is wrong: caught at the end */
		ranges[299].address = 0x49000000;
		if (round == 1) {
			ranges[299] = (struct vmsg_ffa_range){ SHARED_RAM, 1 };
		}
	}
	struct spmc_partition_state vm1;
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.regions_owned, 0);
}

static void unfinished_sends_give_way(void **state)
{
	struct vmsg_ffa_range ranges[MANY];
	struct spmc_partition_state vm1;
	struct world *w = *state;

	make_ranges(ranges);
	for (int i = 0; i < 100; i++) {
		put_fragment(w, ranges, 0, 4096);
		(void)world_call(w, VM1, "c4000073 1320 1000");
	}
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.regions_owned, 4);
	put_fragment(w, ranges, 4096, 800);
	assert_call(w, VM1, "8400007b 60 80000000 320", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400007b 61 80000000 320", "84000061 0 61 80000000");
	assert_call(w, VM1, "8400007b 64 80000000 320", DENIED); /* the same pages */
	world_stop(w, VM1);
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.regions_owned, 0);
	assert_false(spmc_bank_in_use(w->spmc, w->banks[1].id));
}

static void announcing_too_many_ranges_is_no_memory(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;
	char text[64];

	(void)put(w, VM1, &t);
	/* one more than the limit, in the composite and in the total */
	uint8_t *count = world_at(w, VM1, world_tx(VM1) + 84, 4);
	const uint32_t many = (1u << 20) + 1;
	memcpy(count, (uint8_t[]){ (uint8_t)many, (uint8_t)(many >> 8), (uint8_t)(many >> 16), 0 },
	       4);
	snprintf(text, sizeof(text), "84000073 %" PRIx32 " 70", 96 + many * 16);
	assert_call(w, VM1, text, NO_MEMORY);
}

static void a_response_in_fragments(void **state)
{
	struct vmsg_ffa_range ranges[MANY];
	const struct transaction t = share_to(VM1, VM2);
	const struct transaction r = retrieve_of(&t, HANDLE(1), 0);
	struct world *w = *state;
	uint8_t bytes[0x1320];

	make_ranges(ranges);
	put_fragment(w, ranges, 0, 4096);
	assert_call(w, VM1, "c4000073 1320 1000", "8400007a 1 80000000 1000");
	put_fragment(w, ranges, 4096, 800);
	assert_call(w, VM1, "8400007b 1 80000000 320", "84000061 0 1 80000000");

	assert_call(w, VM2, "8400007a 1 80000000 1000", INVALID_PARAMETERS);
	assert_string_equal(retrieve(w, VM2, &r), "84000075 1320 1000");
	memcpy(bytes, world_at(w, VM2, world_rx(VM2), 4096), 4096);
	assert_call(w, VM2, "8400007a 1 80000000 1000", BUSY);
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_call(w, VM2, "8400007a 1 80000000 ff0", INVALID_PARAMETERS);
	assert_call(w, VM2, "8400007a 1 80000000 1010", INVALID_PARAMETERS);
	assert_call(w, VM2, "8400007a 2 80000000 1000", INVALID_PARAMETERS);
	assert_call(w, VM2, "8400007a 1 80000000 1000 10000", INVALID_PARAMETERS);
	assert_call(w, VM3, "8400007a 1 80000000 1000", INVALID_PARAMETERS);
	assert_call(w, VM2, "8400007a 1 80000000 1000", "8400007b 1 80000000 320");
	memcpy(bytes + 4096, world_at(w, VM2, world_rx(VM2), 800), 800);
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_call(w, VM2, "8400007a 1 80000000 1320", INVALID_PARAMETERS);
	for (uint32_t i = 0; i < MANY; i++) {
		struct vmsg_ffa_range range;
		vmsg_ffa_range_load(&range, bytes + 96 + (size_t)16 * i);
		assert_true(range.address == ranges[i].address && range.pages == 1);
	}
	/* relinquishing ends a response that was not fetched */
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	assert_string_equal(retrieve(w, VM2, &r), "84000075 1320 1000");
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	assert_call(w, VM2, "8400007a 1 80000000 1000", INVALID_PARAMETERS);
}

/* --- retrieve --- */

static void retrieve_needs_a_free_rx_and_a_whole_request(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	r = retrieve_of(&t, HANDLE(1), 0);
	assert_call(w, VM2, "84000068", "84000061 0 5 18");
	assert_string_equal(retrieve(w, VM2, &r), BUSY);
	assert_call(w, VM2, "84000065", SUCCESS);
	(void)put(w, VM2, &r);
	static const char *const wrong[] = {
		"84000074",           "84000074 50",
		"84000074 50 40",     "84000074 40 40",
		"84000074 60 60",     "84000074 51 51",
		"84000074 50 50 1",   "84000074 50 50 0 1",
		"84000074 1010 1010", "84000074 ffffffff ffffffff",
		"84000074 60 50",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_call(w, VM2, wrong[i], INVALID_PARAMETERS);
	}
	assert_call(w, VM2, "84000067", SUCCESS);
	assert_call(w, VM2, "84000074 50 50", BUSY);
	/* one who is no borrower */
	r.access[0].endpoint = VM3;
	assert_string_equal(retrieve(w, VM3, &r), INVALID_PARAMETERS);
	r.access[0].endpoint = VM2;
	assert_string_equal(retrieve(w, VM3, &r), INVALID_PARAMETERS);
	/* nothing has happened */
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
}

static void retrieve_checks_flags_and_attributes(void **state)
{
	static const struct {
		uint32_t flags;
		uint16_t attributes;
		const char *reply;
	} cases[] = {
		{ 0x00, 0x2f, NULL },
		{ 0x08, 0x00, NULL }, /* unspecified: the owner's */
		{ 0x02, 0x2e, NULL }, /* time slice; outer shareable is weaker */
		{ 0x00, 0x2c, NULL },
		{ 0x00, 0x27, NULL },               /* not cacheable is weaker */
		{ 0x200, 0x2f, NULL },              /* a hint that is met: 1 page */
		{ 0x2a0, 0x2f, NULL },              /* 32 pages */
		{ 0x3e0, 0x2f, NULL },              /* 2^15 pages */
		{ 0x10, 0x2f, INVALID_PARAMETERS }, /* lend */
		{ 0x18, 0x2f, INVALID_PARAMETERS }, /* donate */
		{ 0x01, 0x2f, INVALID_PARAMETERS }, /* zeroing of a share */
		{ 0x04, 0x2f, INVALID_PARAMETERS },
		{ 0x20, 0x2f, INVALID_PARAMETERS },  /* a hint that is not valid */
		{ 0x400, 0x2f, INVALID_PARAMETERS }, /* bypass with one borrower */
		{ 0x800, 0x2f, INVALID_PARAMETERS },
		{ 0x80000000, 0x2f, INVALID_PARAMETERS },
		{ 0x00, 0x6f, INVALID_PARAMETERS }, /* NS */
		{ 0x00, 0xaf, INVALID_PARAMETERS },
		{ 0x00, 0x102f, INVALID_PARAMETERS },
		{ 0x00, 0x0f, INVALID_PARAMETERS }, /* attributes without a type */
		{ 0x00, 0x3f, INVALID_PARAMETERS }, /* reserved type */
		{ 0x00, 0x2b, INVALID_PARAMETERS }, /* reserved cacheability */
		{ 0x00, 0x2d, INVALID_PARAMETERS }, /* reserved shareability */
		{ 0x00, 0x1f, DENIED },             /* device */
	};
	struct transaction t = share_to(VM1, VM2);
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct transaction r = retrieve_of(&t, HANDLE(1), cases[i].flags);
		r.header.attributes = cases[i].attributes;
		if (cases[i].reply) {
			const char *reply = retrieve(w, VM2, &r);
			if (strcmp(reply, cases[i].reply) != 0) {
				fail_msg("flags %x attributes %x: %s", cases[i].flags,
					 cases[i].attributes, reply);
			}
			continue;
		}
		assert_retrieved(w, VM2, &r);
		assert_int_equal(*world_at(w, VM2, world_rx(VM2) + 2, 1),
				 0x40 | (cases[i].attributes ? cases[i].attributes : 0x2f));
		assert_int_equal(*world_at(w, VM2, world_rx(VM2) + 4, 1), 0x08);
		assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	}
	/* a hint that is not met */
	t.ranges[0] = (struct vmsg_ffa_range){ SHARED_RAM + 17 * PAGE, 1 };
	assert_string_equal(send(w, SHARE, &t), "84000061 0 2 80000000");
	struct transaction r = retrieve_of(&t, HANDLE(2), 0x200 | 1 << 5);
	assert_string_equal(retrieve(w, VM2, &r), DENIED);
}

static void retrieve_grants_at_most_what_was_offered(void **state)
{
	static const struct {
		uint8_t offered, asked, granted; /* granted 0: refused */
		const char *reply;
	} cases[] = {
		{ 2, 2, 6, NULL },
		{ 2, 1, 5, NULL },
		{ 2, 0, 6, NULL },
		{ 1, 1, 5, NULL },
		{ 1, 0, 5, NULL },
		{ 1, 2, 0, DENIED },
		{ 2, 3, 0, INVALID_PARAMETERS },
		{ 2, 6, 0, INVALID_PARAMETERS },
		{ 2, 10, 0, INVALID_PARAMETERS },
		{ 2, 0x12, 0, INVALID_PARAMETERS },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct transaction t = share_to(VM1, VM2);
		t.access[0].permissions = cases[i].offered;
		(void)send(w, SHARE, &t);
		struct transaction r = retrieve_of(&t, HANDLE(i + 1), 0);
		r.access[0].permissions = cases[i].asked;
		if (cases[i].granted) {
			assert_string_equal(retrieve(w, VM2, &r), "84000075 70 70");
			char expected[64];
			snprintf(expected, sizeof(expected), "2:grant 80000000000000%02zx %s",
				 i + 1, cases[i].granted == 6 ? "rw" : "ro");
			assert_string_equal(w->events, expected);
			assert_int_equal(*world_at(w, VM2, world_rx(VM2) + 50, 1),
					 cases[i].granted);
			assert_call(w, VM2, "84000065", SUCCESS);
			assert_string_equal(relinquish(w, VM2, HANDLE(i + 1), 0), SUCCESS);
		} else {
			assert_string_equal(retrieve(w, VM2, &r), cases[i].reply);
		}
		assert_string_equal(reclaim(w, VM1, HANDLE(i + 1), 0), SUCCESS);
	}
}

static void retrieve_checks_its_access_descriptor(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct world *w = *state;

	t.access[0].implementation[0] = 5;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	r = retrieve_of(&t, HANDLE(1), 0);
	r.access[0].flags = 1; /* "not the retriever" */
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	r.access[0].flags = 2;
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	r = retrieve_of(&t, HANDLE(1), 0);
	r.access[0].implementation[15] = 1;
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	/* a composite: address ranges asked for */
	r = retrieve_of(&t, HANDLE(1), 0);
	const size_t size = put(w, VM2, &r);
	*world_at(w, VM2, world_tx(VM2) + 52, 1) = 0x50;
	assert_string_equal(call_with_size(w, VM2, 0x84000074, size), INVALID_PARAMETERS);
	assert_retrieved(w, VM2, &r);
	assert_int_equal(*world_at(w, VM2, world_rx(VM2) + 56, 1), 5);
}

static void lent_memory_is_its_only_borrowers(void **state)
{
	struct transaction t = lend_to(VM1, SP1), r;
	struct world *w = *state;

	t.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(send(w, LEND, &t), "84000061 0 1 80000000");
	r = retrieve_of(&t, HANDLE(1), VMSG_FFA_MEMORY_TYPE_LEND);
	assert_string_equal(retrieve(w, SP1, &r), INVALID_PARAMETERS); /* X or NX? */
	r.access[0].permissions = VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_MASK;
	assert_string_equal(retrieve(w, SP1, &r), INVALID_PARAMETERS);
	r.access[0].permissions = VMSG_FFA_DATA_RO | VMSG_FFA_INSTRUCTION_NX;
	r.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(retrieve(w, SP1, &r), DENIED); /* zeroing what it cannot write */
	r.header.flags = VMSG_FFA_MEMORY_ZERO_AFTER;
	assert_string_equal(retrieve(w, SP1, &r), DENIED);
	r.access[0].permissions = VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_X;
	r.header.attributes = 0x1f;
	assert_string_equal(retrieve(w, SP1, &r), DENIED); /* a device that executes */
	r.header.attributes = 0x2e;
	r.header.flags = VMSG_FFA_MEMORY_ZERO | VMSG_FFA_MEMORY_ZERO_AFTER;
	memset(world_at(w, VM1, SHARED_RAM, 2 * PAGE), 0xEE, 2 * PAGE);
	assert_string_equal(retrieve(w, SP1, &r), "84000075 70 70");
	assert_int_equal(*world_at(w, VM1, SHARED_RAM + PAGE, 1), 0);
	assert_int_equal(*world_at(w, SP1, world_rx(SP1) + 2, 1), 0x6e);
	assert_int_equal(*world_at(w, SP1, world_rx(SP1) + 4, 1), 0x11); /* lend, zeroed */
	assert_int_equal(*world_at(w, SP1, world_rx(SP1) + 50, 1), 0x0a);
	assert_call(w, SP1, "84000065", SUCCESS);
	assert_string_equal(retrieve(w, SP1, &r), INVALID_PARAMETERS); /* again, with zeroing */
	r.header.flags = 0;
	assert_string_equal(retrieve(w, SP1, &r), DENIED);
	/* zeroed when it goes back, if that says so as well */
	memset(world_at(w, VM1, SHARED_RAM, 2 * PAGE), 0xEE, 2 * PAGE);
	assert_string_equal(relinquish(w, SP1, HANDLE(1), 0), SUCCESS);
	assert_int_equal(*world_at(w, VM1, SHARED_RAM, 1), 0xEE);
	assert_string_equal(retrieve(w, SP1, &r), "84000075 70 70");
	assert_call(w, SP1, "84000065", SUCCESS);
	assert_string_equal(relinquish(w, SP1, HANDLE(1), VMSG_FFA_MEMORY_ZERO), SUCCESS);
	assert_int_equal(*world_at(w, VM1, SHARED_RAM, 1), 0);
	assert_int_equal(*world_at(w, VM1, SHARED_RAM + 2 * PAGE - 1, 1), 0);
	/* zeroing is not the borrower's to ask for when the owner did not */
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
	t.header.flags = 0;
	assert_string_equal(send(w, LEND, &t), "84000061 0 2 80000000");
	r.header.handle = HANDLE(2);
	r.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(retrieve(w, SP1, &r), DENIED);
	/* a dead borrower's promise is kept */
	r.header.flags = VMSG_FFA_MEMORY_ZERO_AFTER;
	assert_retrieved(w, SP1, &r);
	memset(world_at(w, VM1, SHARED_RAM, 2 * PAGE), 0xEE, 2 * PAGE);
	world_stop(w, SP1);
	assert_int_equal(*world_at(w, VM1, SHARED_RAM, 1), 0);
}

static void several_borrowers_name_each_other(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct world *w = *state;

	t.access[1] =
		(struct vmsg_ffa_memory_access){ .endpoint = SP1, .permissions = VMSG_FFA_DATA_RO };
	t.access_count = 2;
	t.access[1].endpoint = VM2;
	assert_string_equal(send(w, SHARE, &t), INVALID_PARAMETERS); /* twice */
	t.access[1].endpoint = SP1;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");

	r = retrieve_of(&t, HANDLE(1), 0);
	r.access_count = 1;
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS); /* not all */
	r.access_count = 2;
	r.access[1].endpoint = VM2;
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	r.access[1].endpoint = VM3;
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	r.access[1].endpoint = SP1;
	r.header.flags = VMSG_FFA_MEMORY_BYPASS; /* with more than oneself */
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	r.header.flags = 0;
	r.access[1].flags = 1;
	assert_retrieved(w, VM2, &r);
	r.access[0] = t.access[1];
	r.access_count = 1;
	r.header.flags = VMSG_FFA_MEMORY_BYPASS;
	assert_retrieved(w, SP1, &r);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), DENIED);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), DENIED);
	assert_string_equal(relinquish(w, SP1, HANDLE(1), 0), SUCCESS);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
}

/* --- donate --- */

static struct transaction donate_to(uint16_t owner, uint16_t receiver)
{
	struct transaction t = lend_to(owner, receiver);

	t.access[0].permissions = 0;
	return t;
}

static void donate_checks_what_differs_from_lend(void **state)
{
	static const struct variation variations[] = {
		{ 0, 2, DENIED },
		{ 2, 0x2f, INVALID_PARAMETERS },
		{ 4, 0x02, INVALID_PARAMETERS },
		{ 50, 0x01, INVALID_PARAMETERS },
		{ 50, 0x02, INVALID_PARAMETERS },
		{ 50, 0x04, INVALID_PARAMETERS },
	};
	struct transaction t = donate_to(VM1, SP1);
	struct world *w = *state;

	assert_variations(w, DONATE, &t, variations, sizeof(variations) / sizeof(variations[0]));
	t.access[1].endpoint = VM2;
	t.access_count = 2;
	assert_string_equal(send(w, DONATE, &t), INVALID_PARAMETERS);
	t = donate_to(SP1, VM2);
	assert_string_equal(send(w, DONATE, &t), DENIED);
	t = donate_to(VM1, VM2);
	t.ranges[0].address = READ_ONLY_RAM;
	t.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(send(w, DONATE, &t), DENIED);
	/* until it is retrieved, the donor may change its mind */
	t.header.flags = 0;
	assert_string_equal(send(w, DONATE, &t), "84000061 0 1 80000000");
	assert_string_equal(send(w, DONATE, &t), DENIED);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
	/* read-only memory is given read-only */
	assert_string_equal(send(w, DONATE, &t), "84000061 0 2 80000000");
	struct transaction r = retrieve_of(&t, HANDLE(2), VMSG_FFA_MEMORY_TYPE_DONATE);
	r.access[0].permissions = VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_NX;
	assert_string_equal(retrieve(w, VM2, &r), DENIED);
	r.access[0].permissions = VMSG_FFA_INSTRUCTION_NX;
	assert_string_equal(retrieve(w, VM2, &r), "84000075 70 70");
	assert_string_equal(w->events, "2:grant 8000000000000002 ro");
	t = share_to(VM2, VM1);
	t.ranges[0].address = READ_ONLY_RAM;
	assert_string_equal(send(w, SHARE, &t), DENIED);
	t.access[0].permissions = VMSG_FFA_DATA_RO;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 3 80000000");
}

/* The handle in a successful reply to a send, 0 in any other. */
static uint64_t handle_of(const char *reply)
{
	static const char success[] = "84000061 0 ";
	char *end;

	if (strncmp(reply, success, sizeof(success) - 1) != 0) {
		return 0;
	}
	const uint64_t low = strtoull(reply + sizeof(success) - 1, &end, 16);
	return low | strtoull(end, NULL, 16) << 32;
}

/* Donates and retrieves `pages` from page `first` of VM1's RAM; returns the reply of the donation.
 */
static void give(struct world *w, uint16_t owner, uint16_t receiver, uint32_t first, uint32_t pages)
{
	struct transaction t = donate_to(owner, receiver);

	t.ranges[0] = (struct vmsg_ffa_range){ SHARED_RAM + first * PAGE, pages };
	const uint64_t handle = handle_of(send(w, DONATE, &t));
	assert_true(handle != 0);
	struct transaction r = retrieve_of(&t, handle, 0);
	r.access[0].permissions = VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_NX;
	assert_retrieved(w, receiver, &r);
	/* the handle is gone */
	assert_string_equal(relinquish(w, receiver, r.header.handle, 0), INVALID_PARAMETERS);
	assert_string_equal(retrieve(w, receiver, &r), INVALID_PARAMETERS);
	assert_string_equal(reclaim(w, owner, r.header.handle, 0), INVALID_PARAMETERS);
	assert_int_equal(spmc_region_range_count(w->spmc, r.header.handle), 0);
}

static bool owns(struct world *w, uint16_t partition, uint64_t address)
{
	struct transaction t = share_to(partition, SP1);

	t.ranges[0] = (struct vmsg_ffa_range){ address, 1 };
	const char *reply = send(w, SHARE, &t);
	const uint64_t handle = handle_of(reply);
	if (handle == 0) {
		assert_string_equal(reply, DENIED);
		return false;
	}
	assert_string_equal(reclaim(w, partition, handle, 0), SUCCESS);
	return true;
}

static void donated_memory_is_its_new_owners(void **state)
{
	struct world *w = *state;

	/* VM1: 0 1 2 .. 9; VM2 gets 2..7, gives 4..5 to VM3, which gives 5 back to VM1 */
	give(w, VM1, VM2, 2, 6);
	give(w, VM2, VM3, 4, 2);
	give(w, VM3, VM1, 5, 1);
	static const uint16_t owner[10] = { VM1, VM1, VM2, VM2, VM3, VM1, VM2, VM2, VM1, VM1 };
	for (uint32_t i = 0; i < 10; i++) {
		const uint16_t ids[] = { VM1, VM2, VM3 };
		for (size_t j = 0; j < 3; j++) {
			assert_int_equal(owns(w, ids[j], SHARED_RAM + i * PAGE),
					 owner[i] == ids[j]);
		}
		/* nor by its other address */
		assert_int_equal(owns(w, VM1, ALIAS_RAM + i * PAGE), owner[i] == VM1);
	}
	/* a range across owners is nobody's to share; it is no RX/TX for anybody but its home */
	struct transaction t = share_to(VM1, VM2);
	t.ranges[0] = (struct vmsg_ffa_range){ SHARED_RAM, 10 };
	assert_string_equal(send(w, SHARE, &t), DENIED);
	assert_call(w, VM2, "84000067", SUCCESS);
	assert_call(w, VM2, "c4000066 50002000 41001000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000067", SUCCESS);
	assert_call(w, VM1, "c4000066 50002000 40001000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 50005000 40001000 1", SUCCESS);
}

static void donations_return_home_when_their_owner_dies(void **state)
{
	struct world *w = *state;

	give(w, VM1, VM2, 2, 4);
	give(w, VM2, VM3, 3, 1);
	world_stop(w, VM2);
	assert_true(owns(w, VM1, SHARED_RAM + 2 * PAGE));
	assert_false(owns(w, VM1, SHARED_RAM + 3 * PAGE));
	assert_true(owns(w, VM1, SHARED_RAM + 5 * PAGE));
	/* the donor dies: what it gave stays, and keeps the bank */
	world_stop(w, VM1);
	assert_true(spmc_bank_in_use(w->spmc, w->banks[1].id));
	assert_int_equal(spmc_start(w->spmc, VM1), 0);
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	assert_false(owns(w, VM1, SHARED_RAM + 3 * PAGE));
	assert_true(owns(w, VM3, SHARED_RAM + 3 * PAGE));
	/* its contents can no longer be reached by address */
	assert_int_equal(spmc_start(w->spmc, VM2), 0);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_2);
	struct transaction t = donate_to(VM3, VM2);
	t.ranges[0] = (struct vmsg_ffa_range){ SHARED_RAM + 3 * PAGE, 1 };
	t.header.flags = VMSG_FFA_MEMORY_ZERO;
	assert_string_equal(send(w, DONATE, &t), ABORTED);
	world_stop(w, VM3);
	assert_true(owns(w, VM1, SHARED_RAM + 3 * PAGE));
	assert_false(spmc_bank_in_use(w->spmc, w->banks[1].id));
}

static void donations_of_one_owner_end_in_any_order(void **state)
{
	struct world *w = *state;

	for (uint32_t page = 0; page < 6; page += 2) {
		give(w, VM1, VM2, page, 1);
	}
	give(w, VM2, VM1, 2, 1);
	assert_true(owns(w, VM2, SHARED_RAM) && owns(w, VM2, SHARED_RAM + 4 * PAGE));
	world_stop(w, VM2);
	for (uint32_t page = 0; page < 6; page++) {
		assert_true(owns(w, VM1, SHARED_RAM + page * PAGE));
	}
}

static void donated_memory_keeps_its_world(void **state)
{
	struct transaction t = donate_to(VM1, SP1), r;
	struct world *w = *state;

	assert_string_equal(send(w, DONATE, &t), "84000061 0 1 80000000");
	r = retrieve_of(&t, HANDLE(1), 0);
	r.access[0].permissions = VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_X;
	assert_retrieved(w, SP1, &r);
	t = share_to(SP1, SP2);
	t.ranges[0].address = SHARED_RAM;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 2");
	r = retrieve_of(&t, 2, 0);
	assert_string_equal(retrieve(w, SP2, &r), "84000075 70 70");
	assert_int_equal(*world_at(w, SP2, world_rx(SP2) + 2, 1), 0x6f);
	/* not to be shared with the normal world, whence it came */
	t = share_to(SP1, VM1);
	t.ranges[0].address = SHARED_RAM + PAGE;
	assert_string_equal(send(w, SHARE, &t), DENIED);
}

static void a_donation_may_be_told_in_fragments(void **state)
{
	struct vmsg_ffa_range ranges[MANY], range;
	struct transaction t = donate_to(VM1, VM2);
	struct world *w = *state;

	make_ranges(ranges);
	assert_int_equal(vmsg_ffa_memory_fragment(
				 &t.header, t.access, 1, ranges, MANY, 0,
				 (struct vmsg_span){ world_at(w, VM1, world_tx(VM1), 4096), 4096 }),
			 4096);
	assert_call(w, VM1, "84000071 1320 1000", "8400007a 1 80000000 1000");
	put_fragment(w, ranges, 4096, 800);
	assert_call(w, VM1, "8400007b 1 80000000 320", "84000061 0 1 80000000");
	struct transaction r = retrieve_of(&t, HANDLE(1), 0);
	r.access[0].permissions = VMSG_FFA_DATA_RW | VMSG_FFA_INSTRUCTION_NX;
	assert_string_equal(retrieve(w, VM2, &r), "84000075 1320 1000");
	assert_true(spmc_region_range(w->spmc, HANDLE(1), 299, &range));
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_true(owns(w, VM2, SHARED_RAM));
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	assert_call(w, VM2, "8400007a 1 80000000 1000", "8400007b 1 80000000 320");
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_int_equal(spmc_region_range_count(w->spmc, HANDLE(1)), 0);
	struct spmc_partition_state vm1;
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.regions_owned, 0);
}

/* --- relinquish and reclaim --- */

static void relinquish_checks(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), INVALID_PARAMETERS);
	r = retrieve_of(&t, HANDLE(1), 0);
	assert_retrieved(w, VM2, &r);
	assert_string_equal(relinquish(w, VM3, HANDLE(1), 0), INVALID_PARAMETERS);
	assert_string_equal(relinquish(w, VM1, HANDLE(1), 0), INVALID_PARAMETERS);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 4), INVALID_PARAMETERS);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 1), INVALID_PARAMETERS);
	assert_call_tx(w, VM2, "010000000000008000000000020000000200", "84000076",
		       INVALID_PARAMETERS);
	assert_call_tx(w, VM2, "010000000000008000000000010000000300", "84000076",
		       INVALID_PARAMETERS);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 2), SUCCESS);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), INVALID_PARAMETERS);
	/* lent read-only: no zeroing */
	t = lend_to(VM1, VM2);
	t.ranges[0].address += 16 * PAGE;
	t.access[0].permissions = VMSG_FFA_DATA_RO;
	assert_string_equal(send(w, LEND, &t), "84000061 0 2 80000000");
	r = retrieve_of(&t, HANDLE(2), 0);
	r.access[0].permissions = VMSG_FFA_DATA_RO | VMSG_FFA_INSTRUCTION_NX;
	assert_retrieved(w, VM2, &r);
	assert_string_equal(relinquish(w, VM2, HANDLE(2), 1), DENIED);
	assert_string_equal(relinquish(w, VM2, HANDLE(2), 0), SUCCESS);
}

static void reclaim_checks_and_zeroes(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	assert_string_equal(reclaim(w, VM2, HANDLE(1), 0), INVALID_PARAMETERS);
	assert_string_equal(reclaim(w, VM1, 1, 0), INVALID_PARAMETERS);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 4), INVALID_PARAMETERS);
	r = retrieve_of(&t, HANDLE(1), 0);
	assert_retrieved(w, VM2, &r);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 1), DENIED);
	struct spmc_partition_state vm2;
	spmc_partition_state(w->spmc, 1, &vm2);
	assert_int_equal(vm2.config->id, VM2);
	assert_true(vm2.started);
	assert_int_equal(vm2.regions_borrowed, 1);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	memset(world_at(w, VM1, SHARED_RAM, 3 * PAGE), 0xEE, 3 * PAGE);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 3), SUCCESS);
	for (size_t i = 0; i < 2 * PAGE; i++) {
		assert_int_equal(*world_at(w, VM1, SHARED_RAM + i, 1), 0);
	}
	assert_int_equal(*world_at(w, VM1, SHARED_RAM + 2 * PAGE, 1), 0xEE);
	/* the pages are free again, the handle is not used again */
	assert_string_equal(send(w, SHARE, &t), "84000061 0 2 80000000");
}

/* --- death --- */

static void a_dead_borrower_lets_go(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	r = retrieve_of(&t, HANDLE(1), 0);
	assert_retrieved(w, VM2, &r);
	world_stop(w, VM2);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
}

static void a_dead_owners_memory_lives_until_its_borrowers_let_go(void **state)
{
	struct transaction t = share_to(VM1, VM2), r;
	struct vmsg_ffa_range range;
	struct world *w = *state;

	assert_string_equal(send(w, SHARE, &t), "84000061 0 1 80000000");
	r = retrieve_of(&t, HANDLE(1), 0);
	assert_retrieved(w, VM2, &r);
	t.ranges[0].address += 16 * PAGE;
	assert_string_equal(send(w, SHARE, &t), "84000061 0 2 80000000");
	world_stop(w, VM1);
	/* what nobody holds is gone */
	assert_int_equal(spmc_region_range_count(w->spmc, HANDLE(2)), 0);
	assert_true(spmc_region_range(w->spmc, HANDLE(1), 0, &range));
	assert_int_equal(spmc_region_owner(w->spmc, HANDLE(1)), VM1);
	assert_true(spmc_bank_in_use(w->spmc, w->banks[1].id));
	assert_false(spmc_bank_in_use(w->spmc, w->banks[0].id)); /* RX/TX */
	/* its next life does not own it, but cannot share the same pages either */
	assert_int_equal(spmc_start(w->spmc, VM1), 0);
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_2);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), INVALID_PARAMETERS);
	t.ranges[0].address = SHARED_RAM;
	assert_string_equal(send(w, SHARE, &t), DENIED);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	assert_string_equal(retrieve(w, VM2, &r), INVALID_PARAMETERS);
	assert_false(spmc_bank_in_use(w->spmc, w->banks[1].id));
	assert_string_equal(send(w, SHARE, &t), "84000061 0 3 80000000");
}

/* --- many --- */

static void limits_are_no_memory(void **state)
{
	struct transaction t = share_to(VM1, VM2);
	struct spmc_partition_state vm1;
	struct world *w = *state;
	const char *reply = "";
	uint32_t count = 0;

	world_add_ram(w, VM1, 0x100000000, (uint64_t)20000 * PAGE, false);
	t.ranges[0].pages = 1;
	for (; count < 20000; count++) {
		t.ranges[0].address = 0x100000000 + (uint64_t)count * PAGE;
		reply = send(w, SHARE, &t);
		if (strcmp(reply, NO_MEMORY) == 0) {
			break;
		}
	}
	assert_int_equal(count, 16384);
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.regions_owned, count);
	assert_string_equal(reclaim(w, VM1, HANDLE(7), 0), SUCCESS);
	assert_string_equal(send(w, SHARE, &t), "84000061 0 4001 80000000");
	/* others have their own limit */
	t = share_to(VM2, VM1);
	assert_string_equal(send(w, SHARE, &t), "84000061 0 4002 80000000");
	world_stop(w, VM1);
	spmc_partition_state(w->spmc, 0, &vm1);
	assert_int_equal(vm1.regions_owned, 0);
}

/* The i-th page of a gibibyte that lies at PHANTOM_RAM: neighbours are far apart. */
#define PHANTOM_RAM 0x100000000u
enum { GIB_PAGES = 1 << 18 };

static uint64_t scattered(uint32_t i)
{
	return PHANTOM_RAM + (uint64_t)(i * 40503u % GIB_PAGES) * PAGE;
}

/* Replaces each range of the fragment in `bytes` by the pages from `next` on. */
static uint32_t scatter(uint8_t *bytes, size_t size, uint32_t next)
{
	for (size_t at = 0; at < size; at += 16) {
		const struct vmsg_ffa_range range = { scattered(next++), 1 };
		vmsg_ffa_range_store(&range, bytes + at);
	}
	return next;
}

static void a_gibibyte_of_single_pages(void **state)
{
	struct world *w = *state;
	struct transaction t = share_to(VM1, VM2);
	uint8_t *tx = world_at(w, VM1, world_tx(VM1), PAGE);
	char text[64];

	/* without contents: nobody reads them */
	w->banks[w->bank_count++] = (struct world_bank){
		.partition = VM1, .base = PHANTOM_RAM, .size = GIB_PAGES * PAGE, .id = 77
	};
	(void)put(w, VM1, &t);
	*(tx + 82) = 4; /* pages and ranges: 0x40000 */
	*(tx + 80) = 0;
	*(tx + 86) = 4;
	*(tx + 84) = 0;
	uint32_t next = scatter(tx + 96, PAGE - 96, 0);
	snprintf(text, sizeof(text), "84000073 %x 1000", 96 + GIB_PAGES * 16);
	assert_call(w, VM1, text, "8400007a 1 80000000 1000");
	while (next + 256 < GIB_PAGES) {
		next = scatter(tx, PAGE, next);
		assert_true(strncmp(world_call(w, VM1, "8400007b 1 80000000 1000"), "8400007a",
				    8) == 0);
	}
	const uint32_t rest = (GIB_PAGES - next) * 16;
	(void)scatter(tx, rest, next);
	snprintf(text, sizeof(text), "8400007b 1 80000000 %x", rest);
	assert_call(w, VM1, text, "84000061 0 1 80000000");

	/* all of it is in use, and arrives */
	t.ranges[0] = (struct vmsg_ffa_range){ PHANTOM_RAM + 12345 * PAGE, 1 };
	assert_string_equal(send(w, SHARE, &t), DENIED);
	const struct transaction r = retrieve_of(&t, HANDLE(1), 0);
	assert_string_equal(retrieve(w, VM2, &r), "84000075 400060 1000");
	uint32_t offset = 0x1000, size = 0;
	for (; offset < 0x400060; offset += size) {
		assert_call(w, VM2, "84000065", SUCCESS);
		snprintf(text, sizeof(text), "8400007a 1 80000000 %x", offset);
		const char *reply = world_call(w, VM2, text);
		assert_true(strncmp(reply, "8400007b 1 80000000 ", 20) == 0);
		size = (uint32_t)strtoul(reply + 20, NULL, 16);
		struct vmsg_ffa_range range;
		vmsg_ffa_range_load(&range, world_at(w, VM2, world_rx(VM2), 16));
		assert_true(range.address == scattered((offset - 96) / 16));
	}
	assert_int_equal(offset, 0x400060);
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_string_equal(relinquish(w, VM2, HANDLE(1), 0), SUCCESS);
	assert_string_equal(reclaim(w, VM1, HANDLE(1), 0), SUCCESS);
	/* and in one range */
	t.ranges[0] = (struct vmsg_ffa_range){ PHANTOM_RAM, GIB_PAGES };
	assert_string_equal(send(w, SHARE, &t), "84000061 0 2 80000000");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		CASE(send_checks_registers),
		CASE(share_checks_every_field),
		CASE(lend_checks_what_differs_from_share),
		CASE(ranges_neither_overlap_nor_wrap),
		CASE(memory_in_use_is_denied),
		CASE(read_only_memory_cannot_be_offered_writable_or_zeroed),
		CASE(secure_partitions_share_with_secure_partitions_only),
		CASE(a_dead_borrower_cannot_be_named),
		CASE(access_descriptors_have_the_size_of_the_version),
		CASE(the_snapshot_is_taken_once),
		CASE(a_send_in_fragments),
		CASE(a_bad_fragment_ends_the_send),
		CASE(unfinished_sends_give_way),
		CASE(announcing_too_many_ranges_is_no_memory),
		CASE(a_response_in_fragments),
		CASE(retrieve_needs_a_free_rx_and_a_whole_request),
		CASE(retrieve_checks_flags_and_attributes),
		CASE(retrieve_grants_at_most_what_was_offered),
		CASE(retrieve_checks_its_access_descriptor),
		CASE(lent_memory_is_its_only_borrowers),
		CASE(several_borrowers_name_each_other),
		CASE(donate_checks_what_differs_from_lend),
		CASE(donated_memory_is_its_new_owners),
		CASE(donations_return_home_when_their_owner_dies),
		CASE(donations_of_one_owner_end_in_any_order),
		CASE(donated_memory_keeps_its_world),
		CASE(a_donation_may_be_told_in_fragments),
		CASE(relinquish_checks),
		CASE(reclaim_checks_and_zeroes),
		CASE(a_dead_borrower_lets_go),
		CASE(a_dead_owners_memory_lives_until_its_borrowers_let_go),
		CASE(limits_are_no_memory),
		CASE(a_gibibyte_of_single_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
