/* SPDX-License-Identifier: BSD-3-Clause */
/* Sharing and retrieving against a script; descriptors as in the vectors of the FF-A reference. */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/endpoint_script.h"
#include "support/hex.h"

#include "virtio_msg_ffa/error.h"

#define HANDLE 0x8000000000000001u

static const struct vmsg_ffa_range two_ranges[] = { { 0x50000000, 4 }, { 0x50010000, 1 } };

static void assert_sent(const char *hex)
{
	uint8_t expected[SCRIPT_PAGE];
	const size_t size = hex_to_bytes(hex, expected, sizeof(expected));

	assert_memory_equal(script_sent, expected, size);
}

/* ---- share and reclaim ---- */

static void a_share_is_described_by_the_version_agreed(void **state)
{
	(void)state;
	uint64_t handle = 0;

	PLAY(CALL("84000073 80 80", "84000061 0 1 80000000"),
	     CALL("84000073 70 70", "84000061 0 1 80000000"));
	assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0x1234, true, two_ranges, 2, &handle),
			 0);
	assert_true(handle == HANDLE);
	assert_sent("01002f000000000000000000000000003412000000000000200000000100000030000000"
		    "000000000000000000000000020002005000000000000000000000000000000000000000"
		    "000000000000000005000000020000000000000000000000000000500000000004000000"
		    "0000000000000150000000000100000000000000");
	endpoint.ffa_version = VMSG_FFA_VERSION_1_1;
	assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0x1234, false, two_ranges, 2, &handle),
			 0);
	assert_sent("01002f000000000000000000000000003412000000000000100000000100000030000000"
		    "000000000000000000000000020001004000000000000000000000000500000002000000"
		    "000000000000000000000050000000000400000000000000000001500000000001000000"
		    "00000000");
	PLAYED();
}

static void a_long_share_goes_in_fragments(void **state)
{
	(void)state;
	static struct vmsg_ffa_range ranges[300];
	uint64_t handle = 0;

	for (size_t i = 0; i < 300; i++) {
		ranges[i] = (struct vmsg_ffa_range){ 0x50000000 + i * 0x2000, 1 };
	}
	PLAY(CALL("84000073 1320 1000", "8400007A 1 80000000 1000"),
	     CALL("8400007B 1 80000000 320", "84000061 0 1 80000000"));
	assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0, true, ranges, 300, &handle), 0);
	assert_true(handle == HANDLE);
	/* the last range of all ends the second fragment */
	assert_sent("00");
	assert_memory_equal(script_sent + 0x310, "\x00\x60\x25\x50\0\0\0\0\x01\0\0\0\0\0\0\0", 16);
	PLAYED();
}

static void a_manager_that_asks_for_the_wrong_fragment_is_refused(void **state)
{
	(void)state;
	static struct vmsg_ffa_range ranges[300];
	static const char *const first[] = {
		"8400007A 1 80000000 FF0",
		"8400007A 1 80000000 1320",
		"84000061 0 1 80000000",
		"84000078 1 80000000",
	};
	static const char *const second[] = {
		"8400007A 1 80000000 1320",
		"8400007B",
		"84000062",
	};
	uint64_t handle = 7;

	for (size_t i = 0; i < 300; i++) {
		ranges[i] = (struct vmsg_ffa_range){ 0x50000000 + i * 0x2000, 1 };
	}
	for (size_t i = 0; i < 4; i++) {
		const struct script_step steps[] = { CALL("84000073 1320 1000", first[i]), { 0 } };
		script = steps;
		assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0, true, ranges, 300, &handle),
				 VMSG_ERROR_PEER);
		assert_true(handle == 0);
		PLAYED();
	}
	for (size_t i = 0; i < 3; i++) {
		const struct script_step steps[] = {
			CALL("84000073 1320 1000", "8400007A 1 80000000 1000"),
			CALL("8400007B 1 80000000 320", second[i]),
			{ 0 },
		};
		script = steps;
		assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0, true, ranges, 300, &handle),
				 VMSG_ERROR_PEER);
		PLAYED();
	}
}

static void a_refused_share_says_why(void **state)
{
	(void)state;
	uint64_t handle = 7;

	PLAY(CALL("84000073 80 80", "84000060 0 FFFFFFFA"));
	assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0x1234, true, two_ranges, 2, &handle),
			 VMSG_ERROR_PEER);
	assert_int_equal(endpoint.status, VMSG_FFA_DENIED);
	assert_true(handle == 0);
	PLAYED();
	assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0, true, two_ranges, 0, &handle),
			 VMSG_ERROR_RANGE);
	endpoint.buffer_size = 0;
	assert_int_equal(vmsg_endpoint_share(&endpoint, 2, 0, true, two_ranges, 2, &handle),
			 VMSG_ERROR_STATE);
}

static void memory_that_a_borrower_holds_is_reclaimed_later(void **state)
{
	(void)state;
	PLAY(CALL("84000077 1 80000000", "84000060 0 FFFFFFFA"),
	     CALL("84000077 1 80000000", "84000061"),
	     CALL("84000077 1 80000000", "84000060 0 FFFFFFFE"));
	assert_int_equal(vmsg_endpoint_reclaim(&endpoint, HANDLE), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_endpoint_reclaim(&endpoint, HANDLE), 0);
	assert_int_equal(vmsg_endpoint_reclaim(&endpoint, HANDLE), VMSG_ERROR_PEER);
	PLAYED();
}

/* ---- retrieve and relinquish ---- */

static const struct vmsg_region region = {
	.owner = 2,
	.handle = HANDLE,
	.tag = 0x1234,
	.pages = 5,
	.writable = true,
};
static struct vmsg_segment segments[2];

/* As the manager describes it to us: header, our access entry, composite, two ranges. */
#define HEAD                                                                                       \
	"02006f00080000000100000000000080341200000000000020000000010000003000000000000000000000"   \
	"0000000000"
#define ACCESS                                                                                     \
	"01000600500000000000000000000000000000000000000000000000"                                 \
	"00000000"
#define COMPOSITE "05000000020000000000000000000000"
#define RANGE_1   "00000050000000000400000000000000"
#define RANGE_2   "00000150000000000100000000000000"
#define GOOD      HEAD ACCESS COMPOSITE RANGE_1 RANGE_2

#define RETRIEVE   "84000074 50 50"
#define RELEASE    CALL("84000065", "84000061")
#define RELINQUISH CALL("84000076", "84000061")

static int retrieve(void)
{
	return vmsg_endpoint_retrieve(&endpoint, &region, segments, 2);
}

static void a_region_is_retrieved_and_mapped(void **state)
{
	(void)state;
	PLAY(CALL_RX(RETRIEVE, "84000075 80 80", GOOD), RELEASE, RELINQUISH);
	assert_int_equal(retrieve(), 1);
	assert_int_equal(segments[0].size, 5 * 4096);
	assert_int_equal(script_mapped_count, 2);
	assert_true(script_mapped[1].address == 0x50010000);
	assert_int_equal(vmsg_endpoint_relinquish(&endpoint, HANDLE), 0);
	assert_int_equal(script_unmaps, 1);
	assert_sent("010000000000008000000000010000000100");
	PLAYED();
}

static void the_request_names_share_or_lend(void **state)
{
	(void)state;
	struct vmsg_region lent = region;

	lent.lent = true;
	lent.writable = false;
	PLAY(CALL(RETRIEVE, "84000060 0 FFFFFFFA"), CALL(RETRIEVE, "84000060 0 FFFFFFFA"));
	assert_int_equal(retrieve(), VMSG_ERROR_PEER);
	assert_int_equal(endpoint.status, VMSG_FFA_DENIED);
	assert_sent("0200000008000000010000000000008034120000000000002000000001000000300000000000"
		    "00000000000000000000010002000000000000000000000000000000000000000000000000"
		    "0000000000");
	assert_int_equal(vmsg_endpoint_retrieve(&endpoint, &lent, segments, 2), VMSG_ERROR_PEER);
	assert_sent("0200000010000000010000000000008034120000000000002000000001000000300000000000"
		    "000000000000000000000100050000000000");
	PLAYED();
}

/* One wrong thing in each; whatever it is, RX is released and the region relinquished. */
static void a_description_that_is_not_ours_is_given_back(void **state)
{
	(void)state;
#define HEAD_OF(owner, handle)                                                                     \
	owner "006f0008000000" handle "34120000000000002000000001000000300000000000000000000000"   \
	      "00000000"
	static const struct {
		const char *what, *reply, *rx;
		int error;
	} rows[] = {
		{ "owner", "84000075 80 80",
		  HEAD_OF("03", "0100000000000080") ACCESS COMPOSITE RANGE_1 RANGE_2,
		  VMSG_ERROR_PEER },
		{ "handle", "84000075 80 80",
		  HEAD_OF("02", "0200000000000080") ACCESS COMPOSITE RANGE_1 RANGE_2,
		  VMSG_ERROR_PEER },
		{ "borrower", "84000075 80 80",
		  HEAD "0300060050000000000000000000000000000000000000000000000000000000" COMPOSITE
			  RANGE_1 RANGE_2,
		  VMSG_ERROR_PEER },
		{ "read-only", "84000075 80 80",
		  HEAD "0100050050000000000000000000000000000000000000000000000000000000" COMPOSITE
			  RANGE_1 RANGE_2,
		  VMSG_ERROR_PEER },
		{ "composite inside the header", "84000075 80 80",
		  HEAD "0100060010000000000000000000000000000000000000000000000000000000" COMPOSITE
			  RANGE_1 RANGE_2,
		  VMSG_ERROR_PEER },
		{ "composite beyond the end", "84000075 80 80",
		  HEAD "0100060080000000000000000000000000000000000000000000000000000000" COMPOSITE
			  RANGE_1 RANGE_2,
		  VMSG_ERROR_PEER },
		{ "more pages", "84000075 80 80",
		  HEAD ACCESS "06000000020000000000000000000000" RANGE_1 RANGE_2,
		  VMSG_ERROR_RANGE },
		{ "pages that are not the sum", "84000075 80 80",
		  HEAD ACCESS COMPOSITE RANGE_1 "00000150000000000200000000000000",
		  VMSG_ERROR_RANGE },
		{ "more ranges than the total holds", "84000075 80 80",
		  HEAD ACCESS "05000000030000000000000000000000" RANGE_1 RANGE_2, VMSG_ERROR_PEER },
		{ "4 billion ranges", "84000075 80 80",
		  HEAD ACCESS "05000000ffffffff0000000000000000" RANGE_1 RANGE_2, VMSG_ERROR_PEER },
		{ "no range", "84000075 80 80",
		  HEAD ACCESS "05000000000000000000000000000000" RANGE_1 RANGE_2, VMSG_ERROR_PEER },
		{ "an empty range", "84000075 80 80",
		  HEAD ACCESS COMPOSITE RANGE_1 "00000150000000000000000000000000",
		  VMSG_ERROR_PEER },
		{ "an unaligned range", "84000075 80 80",
		  HEAD ACCESS COMPOSITE RANGE_1 "01000150000000000100000000000000",
		  VMSG_ERROR_PEER },
		{ "a range beyond all addresses", "84000075 80 80",
		  HEAD ACCESS COMPOSITE RANGE_1 "00f0ffffffffffff0100000000000000",
		  VMSG_ERROR_PEER },
		{ "a fragment longer than the total", "84000075 70 80", GOOD, VMSG_ERROR_PEER },
		{ "a fragment longer than RX", "84000075 2000 1010", GOOD, VMSG_ERROR_PEER },
		{ "a fragment shorter than a header", "84000075 80 20", GOOD, VMSG_ERROR_PEER },
		{ "a fragment that ends in a range", "84000075 80 78", GOOD, VMSG_ERROR_PEER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct script_step steps[] = {
			CALL_RX(RETRIEVE, rows[i].reply, rows[i].rx),
			RELEASE,
			RELINQUISH,
			{ 0 },
		};
		print_message("# %s\n", rows[i].what);
		script = steps;
		script_mapped_count = 0;
		assert_int_equal(retrieve(), rows[i].error);
		assert_int_equal(script_mapped_count, 0);
		assert_null(segments[0].data);
		PLAYED();
	}
}

static void what_cannot_be_mapped_is_given_back(void **state)
{
	(void)state;
	script_map_result = VMSG_ERROR_NO_SPACE;
	PLAY(CALL_RX(RETRIEVE, "84000075 80 80", GOOD), RELEASE, RELINQUISH);
	assert_int_equal(retrieve(), VMSG_ERROR_NO_SPACE);
	assert_null(segments[0].data);
	PLAYED();
}

static void a_long_description_comes_in_fragments(void **state)
{
	(void)state;
	PLAY(CALL_RX(RETRIEVE, "84000075 80 70", GOOD), RELEASE,
	     CALL_RX("8400007A 1 80000000 70", "8400007B 1 80000000 10", RANGE_2), RELEASE);
	assert_int_equal(retrieve(), 1);
	assert_int_equal(script_mapped_count, 2);
	assert_true(script_mapped[0].address == 0x50000000 && script_mapped[0].pages == 4);
	assert_true(script_mapped[1].address == 0x50010000 && script_mapped[1].pages == 1);
	PLAYED();
}

static void a_fragment_that_is_not_the_next_is_refused(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"8400007B 2 80000000 10", "8400007B 1 80000000 0", "8400007B 1 80000000 F",
		"8400007B 1 80000000 20", "84000060 0 FFFFFFFE",   "84000061",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct script_step steps[] = {
			CALL_RX(RETRIEVE, "84000075 80 70", GOOD),
			RELEASE,
			CALL_RX("8400007A 1 80000000 70", answers[i], RANGE_2),
			RELINQUISH,
			{ 0 },
		};
		script = steps;
		assert_int_equal(retrieve(), VMSG_ERROR_PEER);
		PLAYED();
	}
}

/* Scattered in our numbering of pieces, yet one piece in memory. */
static void ranges_that_continue_each_other_are_one(void **state)
{
	(void)state;
	PLAY(CALL_RX(RETRIEVE, "84000075 80 80",
		     HEAD ACCESS COMPOSITE RANGE_1 "00400050000000000100000000000000"),
	     RELEASE);
	assert_int_equal(retrieve(), 1);
	assert_int_equal(script_mapped_count, 1);
	assert_int_equal(script_mapped[0].pages, 5);
	PLAYED();
}

/* One page each, every other page: as many as the table holds, and one more. */
static void only_so_many_pieces_are_taken(void **state)
{
	(void)state;
	struct vmsg_region scattered = region;
	char *rx = test_malloc(2 * SCRIPT_PAGE + 1);
	const uint32_t first = (SCRIPT_PAGE - 0x60) / 16;

	for (uint32_t count = VMSG_REGION_RANGES_MAX; count <= VMSG_REGION_RANGES_MAX + 1;
	     count++) {
		char head[64], reply[3][64], call[2][64];
		char *fragments[3];
		uint32_t done = 0;
		uint32_t parts = 0;
		const uint32_t total = 0x60 + 16 * count;
		scattered.pages = count;
		for (; done < count; parts++) {
			const uint32_t room = parts ? SCRIPT_PAGE / 16 : first;
			const uint32_t step = count - done < room ? count - done : room;
			char *at = fragments[parts] = test_malloc(2 * SCRIPT_PAGE + 1);
			at[0] = 0;
			if (parts == 0) {
				snprintf(head, sizeof(head), "%02x%02x0000%02x%02x0000%016x",
					 count & 0xff, count >> 8, count & 0xff, count >> 8, 0);
				at += sprintf(at, "%s%s%s", HEAD, ACCESS, head);
			}
			for (uint32_t i = 0; i < step; i++) {
				const uint32_t address = (done + i) * 0x2000;
				at += sprintf(at, "%02x%02x%02x%02x000000000100000000000000",
					      address & 0xff, address >> 8 & 0xff,
					      address >> 16 & 0xff, address >> 24);
			}
			if (parts == 0) {
				snprintf(reply[0], sizeof(reply[0]), "84000075 %x %x", total,
					 0x60 + 16 * step);
			} else {
				snprintf(call[parts - 1], sizeof(call[0]), "8400007A 1 80000000 %x",
					 0x60 + 16 * done);
				snprintf(reply[parts], sizeof(reply[0]), "8400007B 1 80000000 %x",
					 16 * step);
			}
			done += step;
		}
		assert_int_equal(parts, 3);
		const struct script_step steps[] = {
			CALL_RX(RETRIEVE, reply[0], fragments[0]),
			RELEASE,
			CALL_RX(call[0], reply[1], fragments[1]),
			RELEASE,
			CALL_RX(call[1], reply[2], fragments[2]),
			RELEASE,
			CALL(count > VMSG_REGION_RANGES_MAX ? "84000076" : NULL, "84000061"),
			{ 0 },
		};
		script = steps;
		assert_int_equal(vmsg_endpoint_retrieve(&endpoint, &scattered, segments, 2),
				 count > VMSG_REGION_RANGES_MAX ? VMSG_ERROR_NO_SPACE : 1);
		assert_true(script->call == NULL);
		for (uint32_t i = 0; i < parts; i++) {
			test_free(fragments[i]);
		}
	}
	test_free(rx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_share_is_described_by_the_version_agreed, script_fresh),
		cmocka_unit_test_setup(a_long_share_goes_in_fragments, script_fresh),
		cmocka_unit_test_setup(a_manager_that_asks_for_the_wrong_fragment_is_refused,
				       script_fresh),
		cmocka_unit_test_setup(a_refused_share_says_why, script_fresh),
		cmocka_unit_test_setup(memory_that_a_borrower_holds_is_reclaimed_later,
				       script_fresh),
		cmocka_unit_test_setup(a_region_is_retrieved_and_mapped, script_fresh),
		cmocka_unit_test_setup(the_request_names_share_or_lend, script_fresh),
		cmocka_unit_test_setup(a_description_that_is_not_ours_is_given_back, script_fresh),
		cmocka_unit_test_setup(what_cannot_be_mapped_is_given_back, script_fresh),
		cmocka_unit_test_setup(a_long_description_comes_in_fragments, script_fresh),
		cmocka_unit_test_setup(a_fragment_that_is_not_the_next_is_refused, script_fresh),
		cmocka_unit_test_setup(ranges_that_continue_each_other_are_one, script_fresh),
		cmocka_unit_test_setup(only_so_many_pieces_are_taken, script_fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
