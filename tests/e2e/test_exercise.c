/* SPDX-License-Identifier: BSD-3-Clause */
/* The exercise device and its driver between real processes, in every dialect and over every
 * carrier. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

static struct disk_system disk_system;

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_system_abandon(&disk_system);
	return 0;
}

static void serve(const char *device)
{
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--check-contract", "--device", device, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
}

static void assert_said(const struct process_stream *stream, const char *text)
{
	if (!strstr(stream->text, text)) {
		fail_msg("'%s' where '%s' was expected", stream->text, text);
	}
}

/* All steps pass, and neither side breaks the rules of shared memory. */
static void assert_passed(int status)
{
	if (status != 0) {
		fail_msg("%s%s", disk_system.frontend.output.text,
			 disk_system.frontend.errors.text);
	}
	assert_said(&disk_system.frontend.output, "passed: device 0, ");
	assert_string_equal(disk_system.frontend.errors.text, "");
}

static void assert_backend_is_content(void)
{
	assert_int_equal(process_stop(&disk_system.backend), 0);
	assert_string_equal(disk_system.backend.errors.text, "");
}

static void every_dialect_passes(void **state)
{
	static const struct {
		const char *profile;
		const char *features;
	} dialects[] = {
		{ "r0", "64 bits offered, the same ones agreed on both sides, bytes XORed with "
			"0x0f" },
		{ "r1", "64 bits" },
		{ "r2a", "64 bits" },
		{ "r2b", "64 bits" },
		{ "r3", "128 bits offered, the same ones agreed on both sides, bytes XORed with "
			"0xff" },
	};

	(void)state;
	serve("exercise");
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		assert_passed(FRONTEND_RUN(&disk_system, "--check-contract", "--profile",
					   dialects[i].profile, "exercise"));
		assert_said(&disk_system.frontend.output, dialects[i].features);
		assert_said(&disk_system.frontend.output, "never torn");
		assert_said(&disk_system.frontend.output, "now packed rings");
	}
	assert_backend_is_content();
}

static void every_carrier_passes(void **state)
{
	static const char *const ways[][2] = { { "direct", "poll" },
					       { "direct", "notify" },
					       { "indirect", "indirect" },
					       { "fifo", "fifo" } };

	(void)state;
	serve("exercise");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_passed(FRONTEND_RUN(&disk_system, "--carrier", ways[i][0], "--events",
					   ways[i][1], "exercise"));
	}
	assert_backend_is_content();
}

/* Whatever the device does by itself meanwhile. */
static void a_restless_device_passes(void **state)
{
	(void)state;
	serve("exercise,queues=16,config-size=1024,regions=16,change-ms=20,change-echoes=7,"
	      "delay-ms=1,reset-ms=20");
	assert_passed(FRONTEND_RUN(&disk_system, "exercise", "--seed", "7"));
	assert_said(&disk_system.frontend.output, "16 queues, 1024 bytes of config");
	assert_said(&disk_system.frontend.output, "18 asked for, each where it has to be");
	assert_passed(FRONTEND_RUN(&disk_system, "--profile", "r1", "exercise"));
	assert_backend_is_content();
}

static void the_json_says_the_same(void **state)
{
	(void)state;
	serve("exercise,queues=1");
	assert_int_equal(FRONTEND_RUN(&disk_system, "--json", "exercise", "--length", "64K"), 0);
	assert_said(&disk_system.frontend.output,
		    "{\"job\":\"exercise\",\"peer\":\"0x8001\",\"profile\":\"r3\",\"seed\":0,"
		    "\"steps\":[{\"step\":\"start\",\"passed\":true,");
	assert_said(&disk_system.frontend.output, "\"step\":\"reset\",\"passed\":true");
	assert_said(&disk_system.frontend.output, "\"queue_resets\":1,\"device_resets\":3,"
						  "\"passed\":true}\n");
}

static void what_does_not_pass_is_named(void **state)
{
	(void)state;
	serve("rng");
	assert_int_equal(FRONTEND_RUN(&disk_system, "exercise"), 1);
	assert_said(&disk_system.frontend.output, "start        FAILED");
	assert_said(&disk_system.frontend.output, "failed: device 0, ");
	assert_said(&disk_system.frontend.errors,
		    "partition 0x8001 has no exercise device that is free");
	assert_int_equal(FRONTEND_RUN(&disk_system, "--json", "exercise"), 1);
	assert_said(&disk_system.frontend.output,
		    "\"step\":\"start\",\"passed\":false,\"text\":\"\"}],");
	assert_said(&disk_system.frontend.output, "\"passed\":false}\n");
	assert_int_equal(FRONTEND_RUN(&disk_system, "exercise", "--seed", "x"), 2);
	assert_int_equal(FRONTEND_RUN(&disk_system, "exercise", "--port", "1"), 2);
	assert_int_equal(FRONTEND_RUN(&disk_system, "info", "--seed", "1"), 2);
}

static void a_backend_that_dies_fails_the_step(void **state)
{
	(void)state;
	serve("exercise,delay-ms=100");
	FRONTEND_START(&disk_system, "exercise", "--length", "1G");
	process_await(&disk_system.frontend, &disk_system.frontend.output, "features ");
	process_kill(&disk_system.backend);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_said(&disk_system.frontend.output, "echo         FAILED");
	assert_said(&disk_system.frontend.errors, "partition 0x8001 is gone");
}

/* Both sides of the session are shown while they work, with all that they count. */
static void the_counters_of_both_sides_are_shown(void **state)
{
	static const char *const of_both[] = {
		"  state: \"running\"\n",
		"  areas: 1\n",
		"  received EVENT_POLL: ",
		"  received_bytes: ",
		"  sent_bytes: ",
		"  busy: ",
		"  retries: ",
		"  request_ns p50: ",
		"  request_ns p99: ",
		"  request_ns latencies below ",
		"  coalesced_events: ",
		"  queues 3 enabled: true\n",
	};
	struct process stats = { 0 };

	(void)state;
	serve("exercise,delay-ms=10");
	FRONTEND_START(&disk_system, "exercise", "--length", "1G");
	process_await(&disk_system.frontend, &disk_system.frontend.output, "features ");
	assert_int_equal(process_run(&stats, NULL,
				     (const char *const[]){ "stats", "-s",
							    disk_system.daemon.socket_path, NULL }),
			 0);
	const char *frontend = strstr(stats.output.text, "partition 0x0001\n  peer: 32769\n");
	assert_non_null(frontend);
	const char *backend = strstr(frontend, "partition 0x8001\n  driver: 1\n");
	assert_non_null(backend);
	for (size_t i = 0; i < sizeof(of_both) / sizeof(of_both[0]); i++) {
		const char *found = strstr(frontend, of_both[i]);
		if (!found || found > backend || !strstr(backend, of_both[i])) {
			fail_msg("no '%s' in '%s'", of_both[i], frontend);
		}
	}
	assert_int_equal(kill(disk_system.frontend.pid, SIGINT), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	process_kill(&stats);
}

static void it_can_be_interrupted(void **state)
{
	(void)state;
	serve("exercise,delay-ms=100");
	FRONTEND_START(&disk_system, "exercise", "--length", "1G");
	process_await(&disk_system.frontend, &disk_system.frontend.output, "features ");
	assert_int_equal(kill(disk_system.frontend.pid, SIGINT), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_said(&disk_system.frontend.errors, "interrupted");
	/* and the next one finds the device free */
	assert_passed(FRONTEND_RUN(&disk_system, "exercise", "--length", "4K"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_dialect_passes),        TEST(every_carrier_passes),
		TEST(a_restless_device_passes),    TEST(the_json_says_the_same),
		TEST(what_does_not_pass_is_named), TEST(a_backend_that_dies_fails_the_step),
		TEST(it_can_be_interrupted),       TEST(the_counters_of_both_sides_are_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
