/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test vectors of the FF-A reference, row by row, against the partition manager. Rows of a
 * table run in order on a fresh system, unless one says that it goes on after another.
 */
#include "support/cmocka.h"

#include "support/hex.h"
#include "support/spmc_world.h"

#define SUCCESS            "84000061"
#define NOT_SUPPORTED      "84000060 0 ffffffff"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define BUSY               "84000060 0 fffffffc"
#define DENIED             "84000060 0 fffffffa"

#define DEVICE_ROLE "a14a9824b52860c6 f0ab2261da77e79d"
#define REQUEST     "c400008d 18001 " DEVICE_ROLE " 14000100008002 0 10002"
#define RESPONSE    "c400008e 80010001 0 0 1e000100008003 100000001 10002 ff00000021"

static int open_world(void **state)
{
	static struct world world;

	world_open_vectors(&world, 0);
	*state = &world;
	return 0;
}

/* All three at 1.2, with buffers. */
static int open_prepared(void **state)
{
	(void)open_world(state);
	world_prepare(*state, VM1, VMSG_FFA_VERSION_1_2);
	world_prepare(*state, VM2, VMSG_FFA_VERSION_1_2);
	world_prepare(*state, SP1, VMSG_FFA_VERSION_1_2);
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static void t01_version(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000063 10002", "10002");
	assert_call(w, VM1, "84000063 20000", "ffffffff");
	assert_call(w, VM1, "84000063 80010002", "ffffffff");
}

static void t02_ids(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000069", "84000061 0 1");
	assert_call(w, VM1, "84000085", "84000061 0 8000");
}

static void t03_features(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000064 c4000066", "84000061 0 10000");
	assert_call(w, VM1, "84000064 c4000074 2", "84000061 0 2");
	assert_call(w, VM1, "84000064 c4000074", NOT_SUPPORTED);
	assert_call(w, VM2, "84000064 1", "84000061 0 5");
	assert_call(w, VM1, "84000064 8fffffff", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 8400007c", NOT_SUPPORTED);
}

static void t04_rxtx(void **state)
{
	struct world *w = *state;

	(void)world_call(w, VM1, "84000063 10002");
	assert_call(w, VM1, "84000067", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000100 40001000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000000 40001000", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000000 40000000 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c4000066 40000000 40001000 1", SUCCESS);
	assert_call(w, VM1, "c4000066 40000000 40001000 1", DENIED);
	assert_call(w, VM1, "84000065", DENIED);
	assert_call(w, VM1, "84000067 10000", SUCCESS);
	/* and the other form */
	assert_call(w, VM1, "c4000066 40000000 40001000 1", SUCCESS);
	assert_call(w, VM1, "84000067", SUCCESS);
}

static void t05_partition_info_get(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261 1", "84000061 0 2");
	assert_call(w, VM1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261", "84000061 0 2 18");
	assert_rx(w, VM1,
		  "020001000e05000000000000000000000000000000000000018001000b0700000000000000000000"
		  "0000000000000000");
	assert_call(w, VM1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261", BUSY);
	assert_call(w, VM1, "84000065", SUCCESS);
	assert_call(w, VM1, "84000068", "84000061 0 3 18");
	assert_rx(w, VM1,
		  "010001000e050000bd7fd0896795472bb47fdb0c5d9a719d020001000e050000c66028b524984aa1"
		  "9de777da6122abf0018001000b070000c66028b524984aa19de777da6122abf0");
	assert_call(w, VM1, "84000065", SUCCESS);
	assert_call(w, VM1, "84000068 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000068 0 0 0 0 2", INVALID_PARAMETERS);
}

static void t06_partition_info_get_regs(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "c400008b",
		    "c4000061 0 18000000020002 50e00010001 2b47956789d07fbd 9d719a5d0cdb7fb4 "
		    "50e00010002 " DEVICE_ROLE " 70b00018001 " DEVICE_ROLE);
	assert_call(w, VM1, "c400008b 0 0 3", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008b 0 0 10000", INVALID_PARAMETERS);
}

static void t07_direct_request2(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_string_equal(world_reply(w, SP1, 0), REQUEST);
	assert_call(w, SP1, RESPONSE, "-");
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
}

static void t08_direct_request2_errors(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "c400008d 80010001 " DEVICE_ROLE, INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008d 10001 " DEVICE_ROLE, INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008d 18001 fffff eeeee", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008d 10002 " DEVICE_ROLE, DENIED);
	assert_call(w, SP1, "c400008e 80010001", DENIED);
}

static void t09_direct_request(void **state)
{
	struct world *w = *state;
	static const char *const rows[][2] = {
		{ "8400006f 18001 0 11111111 22222222 33333333 44444444 55555555",
		  "84000070 80010001 0 aaaaaaaa bbbbbbbb" },
		{ "c400006f 18001 0 1111111122222222 3333333344444444",
		  "c4000070 80010001 0 deadbeefcafef00d" },
	};

	assert_call(w, SP1, "8400006b", "-");
	for (size_t i = 0; i < 2; i++) {
		assert_call(w, VM1, rows[i][0], "-");
		assert_string_equal(world_reply(w, SP1, 0), rows[i][0]);
		assert_call(w, SP1, rows[i][1], "-");
		assert_string_equal(world_reply(w, VM1, 0), rows[i][1]);
	}
	assert_call(w, VM1, "8400006f 18001 80000000 1", INVALID_PARAMETERS);
}

#define EVENT_AVAIL "00410000070010000000000000000000"

static void t10_send2_1_1(void **state)
{
	struct world *w = *state;

	world_prepare(w, VM1, VMSG_FFA_VERSION_1_1);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_2);
	assert_call_tx(w, VM1, "0000000000000000140000000200010010000000" EVENT_AVAIL, "84000086",
		       SUCCESS);
	assert_events(w, "2:interrupt 5");
	assert_rx(w, VM2,
		  "0000000000000000280000000200010010000000000000000000000000000000000000000000000"
		  "0" EVENT_AVAIL);
	assert_call(w, VM2, "84000082 2 f", "84000061 0 0 0 0 0 0 1");
	assert_call(w, VM2, "84000082 2 f", SUCCESS);
	assert_call(w, VM2, "84000065", SUCCESS);
}

#define T11_TX                                                                                     \
	"000000000000000028000000020001001000000000000000c66028b524984aa19de777da6122abf"          \
	"0" EVENT_AVAIL

static void t11_send2_1_2(void **state)
{
	struct world *w = *state;

	assert_call_tx(w, VM1, T11_TX, "84000086", SUCCESS);
	assert_rx(w, VM2, T11_TX);
	assert_call(w, VM1, "84000086", BUSY);
	assert_call(w, VM2, "8400006b", "-");
	/* which has released RX */
	assert_call(w, VM1, "84000086", SUCCESS);
}

static void t12_send2_errors(void **state)
{
	static const char *const rows[][2] = {
		{ "0000000000000000280000000100010020000000", INVALID_PARAMETERS },
		{ "000000000000000028000000ffff010020000000", INVALID_PARAMETERS },
		{ "0000000000000000280000000200020020000000", INVALID_PARAMETERS },
		{ "0000000000000000280000000180010020000000", DENIED },
		{ "0000000000000000140000000200010020000000", INVALID_PARAMETERS },
		{ "00000000000000002800000002000100d90f0000", INVALID_PARAMETERS },
		{ "0000000000000000280000000200010000000000", INVALID_PARAMETERS },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_call_tx(w, VM1, rows[i][0], "84000086", rows[i][1]);
	}
}

/* T13.3 is about receivers with notifications per vCPU, which we do not have. */
static void t13_notification_info_get(void **state)
{
	struct world *w = *state;

	assert_call_tx(w, VM1, T11_TX, "84000086", SUCCESS);
	assert_call(w, VM1, "c4000083", "c4000061 0 80 2");
	assert_call(w, VM1, "c4000083", "84000060 0 fffffff7");
}

static void t14_notifications(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "8400007f 80010001 0 8", SUCCESS);
	assert_call(w, VM1, "8400007f 80010001 0 8", DENIED);
	assert_call(w, SP1, "84000081 80010001 0 8", SUCCESS);
	assert_call(w, SP1, "84000081 80010001 0 10", DENIED);
	assert_call(w, VM1, "84000080 80010001 0 8", DENIED);
	assert_call(w, VM1, "84000082 1 1", "84000061 0 8");
	assert_call(w, VM1, "84000080 80010001 0 8", SUCCESS);
	assert_call(w, VM1, "8400007f 80010001", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000082 2 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000082 1 10", INVALID_PARAMETERS);
}

static void t15_share_1_1(void **state)
{
	struct world *w = *state;

	assert_call_tx(
		w, VM1,
		"01002f00000000000000000000000000341200000000000010000000010000003000000000000000"
		"00000000000000000200020040000000000000000000000004000000010000000000000000000000"
		"00000050000000000400000000000000",
		"c4000073 60 60", "84000061 0 1 80000000");
}

#define T16_TX                                                                                     \
	"01002f0000000000000000000000000034120000000000002000000001000000300000000000000000000000" \
	"00"                                                                                       \
	"0000000200020050000000000000000000000000000000000000000000000000000000050000000200000000" \
	"00"                                                                                       \
	"0000000000000000005000000000040000000000000000000150000000000100000000000000"

static void t16_share_1_2(void **state)
{
	assert_call_tx(*state, VM1, T16_TX, "c4000073 80 80", "84000061 0 1 80000000");
}

static void t17_share_errors(void **state)
{
	static const struct {
		const char *registers, *reply, *tx;
	} rows[] = {
		{ "c4000073 90 80", INVALID_PARAMETERS, T16_TX },
		{ "c4000073 80 90", INVALID_PARAMETERS, T16_TX },
		{ "c4000073 80 80", DENIED,
		  "02002f00000000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000000200020050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01002f00000000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000007700020050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01002f00000000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000000100020050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01002f00010000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000000200020050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01002f00000000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000000200060050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01006f00000000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000000200020050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01002f00000000000000000000000000341200000000000020000000010000003000000000000000"
		  "00000000000000000200020050000000000000000000000000000000000000000000000000000000"
		  "06000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", INVALID_PARAMETERS,
		  "01002f00000000000000000000000000341200000000000020000000000000003000000000000000"
		  "00000000000000000200020050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000" },
		{ "c4000073 80 80", DENIED, T16_TX },
	};

	t16_share_1_2(state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_call_tx(*state, VM1, rows[i].tx, rows[i].registers, rows[i].reply);
	}
}

static void t18_fragmented_share(void **state)
{
	struct world *w = *state;
	uint8_t *tx = world_at(w, VM1, world_tx(VM1), 4096);

	world_put_hex(
		w, VM1, world_tx(VM1),
		"01002f00000000000000000000000000000000000000000020000000010000003000000000000000"
		"00000000000000000200020050000000000000000000000000000000000000000000000000000000"
		"2c0100002c0100000000000000000000");
	for (uint32_t i = 0; i < 250; i++) {
		const struct vmsg_ffa_range range = { 0x50000000 + i * 4096, 1 };
		vmsg_ffa_range_store(&range, tx + 96 + (size_t)16 * i);
	}
	assert_call(w, VM1, "c4000073 1320 1000", "8400007a 1 80000000 1000");
	for (uint32_t i = 0; i < 50; i++) {
		const struct vmsg_ffa_range range = { 0x50000000 + (250 + i) * 4096, 1 };
		vmsg_ffa_range_store(&range, tx + (size_t)16 * i);
	}
	assert_call(w, VM1, "8400007b 1 80000000 320", "84000061 0 1 80000000");
}

/* Retrieve request of T19 with one place changed; the rest of it is zero. */
#define T19_TX(head, handle, tag)                                                                  \
	head handle tag "0000000000002000000001000000300000000000000000000000000000000200020000"
#define T19_TAIL   "000000000000000000000000000000000000000000000000000000"
#define T19_IMPDEF "000000000001000000000000000000000000000000000000000000"

static void t19_retrieve(void **state)
{
	static const struct {
		const char *reply, *tx;
	} rows[] = {
		{ INVALID_PARAMETERS,
		  T19_TX("01002f0008000000", "0200000000000080", "3412") T19_TAIL },
		{ INVALID_PARAMETERS,
		  T19_TX("01002f0008000000", "0100000000000080", "3511") T19_TAIL },
		{ DENIED, T19_TX("01802f0008000000", "0100000000000080", "3412") T19_TAIL },
		{ INVALID_PARAMETERS,
		  T19_TX("01002f0018000000", "0100000000000080", "3412") T19_TAIL },
		{ INVALID_PARAMETERS,
		  T19_TX("01002f0009000000", "0100000000000080", "3412") T19_TAIL },
		{ INVALID_PARAMETERS,
		  T19_TX("01006f0008000000", "0100000000000080", "3412") T19_TAIL },
		{ INVALID_PARAMETERS,
		  T19_TX("01002f0008000000", "0100000000000080", "3412") T19_IMPDEF },
	};
	static const char good[] = T19_TX("01002f0008000000", "0100000000000080", "3412") T19_TAIL;
	struct world *w = *state;

	t16_share_1_2(state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_call_tx(w, VM2, rows[i].tx, "c4000074 50 50", rows[i].reply);
	}
	assert_call_tx(w, VM2, good, "c4000074 50 50", "84000075 80 80");
	assert_events(w, "2:grant 8000000000000001 rw");
	assert_rx(w, VM2,
		  "01006f00080000000100000000000080341200000000000020000000010000003000000000000000"
		  "00000000000000000200060050000000000000000000000000000000000000000000000000000000"
		  "05000000020000000000000000000000000000500000000004000000000000000000015000000000"
		  "0100000000000000");
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_call_tx(w, VM2, good, "c4000074 50 50", DENIED);
}

static void t20_relinquish_and_reclaim(void **state)
{
	struct world *w = *state;

	t19_retrieve(state);
	assert_call(w, VM1, "84000077 1 80000000", DENIED);
	assert_call_tx(w, VM2, "010000000000008001000000010000000200", "84000076",
		       INVALID_PARAMETERS);
	assert_call_tx(w, VM2, "010000000000008000000000000000000200", "84000076",
		       INVALID_PARAMETERS);
	assert_call_tx(w, VM2, "020000000000008000000000010000000200", "84000076",
		       INVALID_PARAMETERS);
	assert_call_tx(w, VM2, "010000000000008000000000010000000200", "84000076", SUCCESS);
	assert_events(w, "2:revoke 8000000000000001");
	assert_call(w, VM1, "84000077 2 80000000", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000077 1 80000000", SUCCESS);
	assert_call(w, VM1, "84000077 1 80000000", INVALID_PARAMETERS);
}

/* Shares pages that no vector names, so that the next handle is `next`. */
static void use_up_handles(struct world *w, unsigned next)
{
	for (unsigned i = 1; i < next; i++) {
		const struct vmsg_ffa_memory_header header = { .sender = VM1,
							       .attributes = 0x2f,
							       .access_size = 32 };
		const struct vmsg_ffa_memory_access access = { .endpoint = VM2, .permissions = 2 };
		const struct vmsg_ffa_range range = { 0x50000000 + (100 + i) * 4096, 1 };
		struct vmsg_span tx = { world_at(w, VM1, world_tx(VM1), 4096), 4096 };
		assert_int_equal(vmsg_ffa_memory_build(&header, &access, 1, &range, 1, tx), 0x70);
		assert_string_not_equal(world_call(w, VM1, "c4000073 70 70"), INVALID_PARAMETERS);
	}
}

static void t21_lend_and_donate(void **state)
{
	struct world *w = *state;

	use_up_handles(w, 2);
	assert_call_tx(
		w, VM1,
		"01000000010000000000000000000000000000000000000020000000010000003000000000000000"
		"00000000000000000180020050000000000000000000000000000000000000000000000000000000"
		"0200000001000000000000000000000000000070000000000200000000000000",
		"c4000072 70 70", "84000061 0 2 80000000");
	assert_call_tx(
		w, VM1,
		"01000000000000000000000000000000000000000000000020000000010000003000000000000000"
		"00000000000000000200000050000000000000000000000000000000000000000000000000000000"
		"0100000001000000000000000000000000000071000000000100000000000000",
		"c4000071 70 70", "84000061 0 3 80000000");
}

static void t22_share_to_two(void **state)
{
	struct world *w = *state;

	use_up_handles(w, 4);
	assert_call_tx(
		w, VM1,
		"01002f00000000000000000000000000000000000000000020000000020000003000000000000000"
		"00000000000000000200020070000000000000000000000000000000000000000000000000000000"
		"01800100700000000000000000000000000000000000000000000000000000000400000001000000"
		"000000000000000000000050000000000400000000000000",
		"c4000073 90 90", "84000061 0 4 80000000");
}

static void t23_console_log(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "8400008a 5 6c6c6548 6f", SUCCESS);
	assert_events(w, "8001:console Hello");
	assert_call(w, SP1, "c400008a 5 6f6c6c6548", SUCCESS);
	assert_events(w, "8001:console Hello");
	assert_call(w, SP1, "8400008a", INVALID_PARAMETERS);
	assert_call(w, SP1, "8400008a 1e", INVALID_PARAMETERS);
	assert_call(w, SP1, "c400008a 82", INVALID_PARAMETERS);
}

static void t24_cpu_cycles(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_string_equal(world_reply(w, SP1, 0), "8400006d 80010000");
	assert_call(w, SP1, "8400006b", "-");
	assert_string_equal(world_reply(w, VM1, 0), "8400006b");

	assert_call(w, VM1, REQUEST, "-");
	world_advance(w, SPMC_TIME_SLICE_NS);
	assert_string_equal(world_reply(w, VM1, 0), "84000062 80010000");
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_call(w, SP1, "8400006c", "-");
	assert_string_equal(world_reply(w, VM1, 0), "8400006c 80010000");
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_string_equal(world_reply(w, SP1, 0), SUCCESS);
	assert_call(w, SP1, RESPONSE, "-");
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
}

static void t25_calls_refused_at_a_virtual_instance(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "8400007d 1 1", NOT_SUPPORTED);
	assert_call(w, VM1, "8400007e 1", NOT_SUPPORTED);
	assert_call(w, VM1, "84000084 1", NOT_SUPPORTED);
	assert_call(w, VM1, "84000088 1000", NOT_SUPPORTED);
	assert_call(w, VM1, "840000fe", NOT_SUPPORTED);
}

/* VM2's descriptor is the second. FF-A 1.0 (T26.1) has other memory layouts and is refused. */
static void t26_descriptor_sizes(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000063 10000", "ffffffff");
	world_prepare(w, VM1, VMSG_FFA_VERSION_1_1);
	assert_call(w, VM1, "84000068", "84000061 0 3 18");
	assert_bytes_hex((struct vmsg_bytes){ world_at(w, VM1, world_rx(VM1) + 24, 24), 24 },
			 "020001000e050000c66028b524984aa19de777da6122abf0");
}

static int open_1_3(void **state)
{
	static struct world world;

	world_open(&world, VMSG_FFA_VERSION_1_3, 0);
	world_add(&world, &(struct spmc_partition_config){
				  .id = VM1, .vcpu_count = 1, .properties = 0x50e });
	world_add(&world,
		  &(struct spmc_partition_config){
			  .id = VM2,
			  .vcpu_count = 1,
			  .properties = 0x50e,
			  .uuid_count = 1,
			  .uuids = { VMSG_FFA_UUID_DEVICE_ROLE },
			  .image_uuid = { { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
					    0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff } } });
	world_add_ram(&world, VM1, world_tx(VM1), 0x10000, false);
	*state = &world;
	return 0;
}

static void t26_descriptor_size_1_3(void **state)
{
	struct world *w = *state;

	world_prepare(w, VM1, VMSG_FFA_VERSION_1_3);
	assert_call(w, VM1, "84000068", "84000061 0 2 30");
	assert_bytes_hex((struct vmsg_bytes){ world_at(w, VM1, world_rx(VM1) + 48, 48), 48 },
			 "020001000e050000c66028b524984aa19de777da6122abf0"
			 "00112233445566778899aabbccddeeff0300010000000000");
}

/* The AREA_SHARE request that announces the region of T16. */
static void t27_area_share(void **state)
{
	static const char request[] =
		"c400008d 18001 " DEVICE_ROLE " 22000200008102 10001 12348000 6f4000000050000";
	struct world *w = *state;

	t16_share_1_2(state);
	assert_call(w, SP1, "8400006b", "-");
	assert_call(w, VM1, request, "-");
	assert_string_equal(world_reply(w, SP1, 0), request);
}

int main(void)
{
#define VECTOR(name, open) cmocka_unit_test_setup_teardown(name, open, close_world)
	const struct CMUnitTest tests[] = {
		VECTOR(t01_version, open_world),
		VECTOR(t02_ids, open_prepared),
		VECTOR(t03_features, open_prepared),
		VECTOR(t04_rxtx, open_world),
		VECTOR(t05_partition_info_get, open_prepared),
		VECTOR(t06_partition_info_get_regs, open_prepared),
		VECTOR(t07_direct_request2, open_prepared),
		VECTOR(t08_direct_request2_errors, open_prepared),
		VECTOR(t09_direct_request, open_prepared),
		VECTOR(t10_send2_1_1, open_world),
		VECTOR(t11_send2_1_2, open_prepared),
		VECTOR(t12_send2_errors, open_prepared),
		VECTOR(t13_notification_info_get, open_prepared),
		VECTOR(t14_notifications, open_prepared),
		VECTOR(t15_share_1_1, open_prepared),
		VECTOR(t16_share_1_2, open_prepared),
		VECTOR(t17_share_errors, open_prepared),
		VECTOR(t18_fragmented_share, open_prepared),
		VECTOR(t19_retrieve, open_prepared),
		VECTOR(t20_relinquish_and_reclaim, open_prepared),
		VECTOR(t21_lend_and_donate, open_prepared),
		VECTOR(t22_share_to_two, open_prepared),
		VECTOR(t23_console_log, open_prepared),
		VECTOR(t24_cpu_cycles, open_prepared),
		VECTOR(t25_calls_refused_at_a_virtual_instance, open_prepared),
		VECTOR(t26_descriptor_sizes, open_world),
		VECTOR(t26_descriptor_size_1_3, open_1_3),
		VECTOR(t27_area_share, open_prepared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
