/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's invariants hold along random sequences. VMSG_SEED and VMSG_RUNS choose others than
 * the suite's; a failure prints its seed.
 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/spmc_sequence.h"

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void invariants_hold_along_random_sequences(void **state)
{
	const unsigned long first = number("VMSG_SEED", 1);
	const unsigned long runs = number("VMSG_RUNS", 400);
	struct spmc_sequence_counts counts = { 0 };
	static uint8_t bytes[8192];

	(void)state;
	for (unsigned long seed = first; seed < first + runs; seed++) {
		uint64_t random = seed;
		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (uint8_t)(random >> 56);
		}
		fprintf(stderr, "seed %lu\r", seed);
		spmc_sequence_run(bytes, sizeof(bytes), &counts);
	}
	print_message("%u steps: %u direct answers, %u messages, %u notifications, %u sends, "
		      "%u retrievals, %u donations, %u fragments, %u reclaims, %u aborts\n",
		      counts.steps, counts.direct_answers, counts.messages, counts.notifications,
		      counts.sends, counts.retrievals, counts.donations, counts.fragments,
		      counts.reclaims, counts.aborts);
	/* the sequences get somewhere */
	assert_true(counts.direct_answers > runs / 2);
	assert_true(counts.messages > runs / 2);
	assert_true(counts.notifications > runs / 4);
	assert_true(counts.sends > runs / 2);
	assert_true(counts.retrievals > runs / 2);
	assert_true(counts.donations > runs / 4);
	assert_true(counts.fragments > runs / 4);
	assert_true(counts.reclaims > runs / 2);
	assert_true(counts.aborts > 0);
	assert_true(counts.features > runs / 4);
	assert_true(counts.missing > runs / 8);
	for (size_t i = 0; i < SPMC_SEQUENCE_CALLS; i++) {
		if (counts.calls[i] == 0 && runs >= 400) {
			fail_msg("call 0x%zx was never made", 0x60 + i);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariants_hold_along_random_sequences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
