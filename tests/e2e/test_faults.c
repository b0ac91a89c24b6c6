/* SPDX-License-Identifier: BSD-3-Clause */
/* serve --fault with real processes: what must be survived is, and what cannot ends cleanly. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

#include "support/disk_system.h"

static struct disk_system disk_system;

static int open_system(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

/* Everything leaves with status 0. */
static int close_system(void **state)
{
	(void)state;
	disk_system_close(&disk_system);
	return 0;
}

static void with_faults(const char *rules)
{
	daemon_stop(&disk_system.daemon);
	daemon_start(&disk_system.daemon, "--fault", rules);
	disk_system_serve(&disk_system, "", NULL, false);
}

static void a_disk_is_read_through_delays_and_refusals(void **state)
{
	(void)state;
	with_faults("busy:one-in=4;delay:one-in=40,ms=12;reorder:one-in=30;delay:call=reply,"
		    "one-in=40,ms=25");
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
}

static void a_killed_backend_ends_the_frontend(void **state)
{
	(void)state;
	with_faults("kill:from=0x8001,call=reply,after=10");
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 1);
	assert_int_equal(process_finish(&disk_system.backend), 1);
	assert_true(daemon_logged(&disk_system.daemon, "0x8001 refused: killed by a fault"));
}

static void without_memory_there_is_a_clean_end(void **state)
{
	(void)state;
	with_faults("nomem:call=share");
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text, "NO_MEMORY"));
}

/* How many regions all partitions have between them, as the manager sees it. */
static void assert_no_region_is_left(void)
{
	const char *arguments[] = { "partitions", "-s", disk_system.daemon.socket_path, "--json",
				    NULL };

	assert_int_equal(process_run(&disk_system.frontend, NULL, arguments), 0);
	for (const char *at = disk_system.frontend.output.text;
	     (at = strstr(at, "\"regions_")) != NULL; at++) {
		const char *number = strchr(at, ':');
		assert_non_null(number);
		assert_int_equal(strtoul(number + 1, NULL, 10), 0);
	}
}

/* The pool is the first area; after some more neither the manager nor the peer takes another. */
static void areas_on_demand_that_are_refused_are_replaced_by_the_pool(void **state)
{
	static const struct {
		const char *fault;
		const char *problem;
	} rows[] = {
		{ "nomem:call=share,after=6", "an area of 65536 bytes cannot be shared" },
		{ "nomem:call=retrieve,after=6", "partition 0x8001 refuses area 7" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		with_faults(rows[i].fault);
		assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", "--areas", "demand",
					      disk_system.image),
				 0);
		if (!strstr(disk_system.frontend.errors.text, rows[i].problem)) {
			fail_msg("no '%s' in %s", rows[i].problem,
				 disk_system.frontend.errors.text);
		}
		assert_non_null(
			strstr(disk_system.frontend.errors.text, "buffers of the pool stand in"));
		assert_no_region_is_left();
		assert_int_equal(process_stop(&disk_system.backend), 0);
	}
}

static void a_wrong_rule_is_a_usage_error(void **state)
{
	(void)state;
	const char *arguments[] = { "serve", "--fault", "drop", "--fault", "tear", NULL };

	assert_int_equal(process_run(&disk_system.frontend, NULL, arguments), 2);
	assert_string_equal(disk_system.frontend.errors.text,
			    "vmsg-ffa-emu serve: --fault, rule 1: action 'tear'; actions are drop, "
			    "delay, duplicate, reorder, busy, late, kill, nomem; see "
			    "docs/faults.md\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define FAULT_TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		FAULT_TEST(a_disk_is_read_through_delays_and_refusals),
		FAULT_TEST(a_killed_backend_ends_the_frontend),
		FAULT_TEST(without_memory_there_is_a_clean_end),
		FAULT_TEST(areas_on_demand_that_are_refused_are_replaced_by_the_pool),
		FAULT_TEST(a_wrong_rule_is_a_usage_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
