/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mixed work with faults, hot plug, resets, sleep and deaths, over every carrier and ring, in
 * virtual time, by seed: see support/soak.h. Here a part of the seeds; all of them with
 * VMSG_SOAK=1-1000, one of them with its story on standard error with VMSG_SOAK=17.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

#include "support/soak.h"
#include "tap/pcapng.h"

#define SEEDS_HERE 120

static struct soak soak;

static void every_seed_keeps_the_invariants(void **state)
{
	const char *text = getenv("VMSG_SOAK");
	unsigned long first = 1, last = SEEDS_HERE;
	uint64_t answers = 0, deaths = 0, resets = 0, plugs = 0, sleeps = 0, struck = 0;
	uint64_t ups[VMSG_CARRIER_COUNT][VMSG_EVENTS_FIFO + 1] = { 0 };
	uint64_t dialects[VMSG_PROFILE_COUNT] = { 0 };
	unsigned int failed = 0;

	(void)state;
	if (text) {
		char *end;
		first = strtoul(text, &end, 10);
		last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;
	}
	for (unsigned long seed = first; seed <= last; seed++) {
		failed += soak_run(&soak, seed, first == last ? stderr : NULL, NULL, NULL) != 0;
		answers += soak.answers;
		deaths += soak.deaths;
		resets += soak.resets;
		plugs += soak.plugs;
		sleeps += soak.sleeps;
		struck += soak.faults_struck;
		for (unsigned int i = 0; i < VMSG_CARRIER_COUNT * (VMSG_EVENTS_FIFO + 1); i++) {
			(&ups[0][0])[i] += (&soak.ups[0][0])[i];
		}
		for (unsigned int i = 0; i < VMSG_PROFILE_COUNT; i++) {
			dialects[i] += soak.dialects[i];
		}
	}
	print_message("# %lu seeds: %llu answers, %llu faults, %llu deaths, %llu resets, %llu "
		      "plugs, %llu sleeps\n",
		      last - first + 1, (unsigned long long)answers, (unsigned long long)struck,
		      (unsigned long long)deaths, (unsigned long long)resets,
		      (unsigned long long)plugs, (unsigned long long)sleeps);
	for (unsigned int i = 0; i < VMSG_CARRIER_COUNT * (VMSG_EVENTS_FIFO + 1); i++) {
		const unsigned int carrier = i / (VMSG_EVENTS_FIFO + 1);
		const unsigned int events = i % (VMSG_EVENTS_FIFO + 1);
		if (ups[carrier][events]) {
			print_message("# %s and %s: %llu sessions\n",
				      vmsg_carrier_name((enum vmsg_carrier)carrier),
				      vmsg_events_name(events),
				      (unsigned long long)ups[carrier][events]);
		}
	}
	for (unsigned int i = VMSG_PROFILE_R0; i < VMSG_PROFILE_COUNT; i++) {
		print_message("# %s: %llu sessions\n", vmsg_profile((enum vmsg_profile_id)i)->name,
			      (unsigned long long)dialects[i]);
		assert_true(last - first + 1 < SEEDS_HERE || dialects[i] > 0);
	}
	assert_int_equal(failed, 0);
}

static void capture(void *context, uint64_t now_ns, uint16_t partition, bool is_return,
		    const struct vmsg_ffa_regs *regs)
{
	const struct tap_record record = {
		.time_ns = now_ns,
		.kind = is_return ? TAP_RETURN : TAP_CALL,
		.partition = partition,
		.regs = *regs,
	};
	uint8_t packet[TAP_PACKET_MAX];
	const struct vmsg_bytes bytes = { packet, tap_record_store(&record, packet) };

	assert_int_equal(tap_pcapng_write(context, now_ns, bytes), 0);
}

static void the_same_seed_gives_the_same_capture(void **state)
{
	(void)state;
	for (uint64_t seed = 3; seed < 11; seed++) {
		char *bytes[2];
		size_t sizes[2];
		for (int run = 0; run < 2; run++) {
			FILE *file = open_memstream(&bytes[run], &sizes[run]);
			assert_non_null(file);
			assert_int_equal(tap_pcapng_begin(file), 0);
			assert_int_equal(soak_run(&soak, seed, NULL, capture, file), 0);
			assert_int_equal(fclose(file), 0);
		}
		assert_true(sizes[0] > 10000);
		assert_int_equal(sizes[0], sizes[1]);
		assert_memory_equal(bytes[0], bytes[1], sizes[0]);
		free(bytes[0]);
		free(bytes[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_seed_keeps_the_invariants),
		cmocka_unit_test(the_same_seed_gives_the_same_capture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
