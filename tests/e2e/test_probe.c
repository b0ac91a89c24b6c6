/* SPDX-License-Identifier: BSD-3-Clause */
/* `probe` on a running backend, and --quirk on the command line. */
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "support/disk_system.h"

static struct disk_system disk_system;
static struct process probe;

static int open_system(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	process_kill(&probe);
	disk_system_close(&disk_system);
	return 0;
}

/* Runs `probe` with one more option. */
static int probe_run_with(const char *option, const char *value)
{
	const char *const arguments[] = { "probe",       "-s",     disk_system.daemon.socket_path,
					  "--partition", "0x8001", option,
					  value,         NULL };

	return process_run(&probe, NULL, arguments);
}

static void assert_says(const char *text)
{
	if (!strstr(probe.output.text, text)) {
		fail_msg("no '%s' in:\n%s", text, probe.output.text);
	}
}

static void a_backend_is_known_and_stays_of_use(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", NULL, false);
	assert_int_equal(probe_run_with(NULL, NULL), 0);
	assert_says("partition 0x8001 speaks r3 and resembles libvirtio-msg-ffa");
	assert_says("VERSION response of 30 bytes");
	assert_says("GET_DEVICES of 64 slots");
	assert_int_equal(probe_run_with("--all", NULL), 0);
	assert_says("speaks r3, r2b, r2a, r1, r0 and");
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
}

static void a_forced_dialect_is_found_and_told_in_json(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", "r1", false);
	assert_int_equal(probe_run_with("--json", NULL), 0);
	assert_says("\"partition\":\"0x8001\",\"profile\":\"r1\",\"speaks\":[\"r1\"]");
	assert_says("{\"fact\":\"version_size\",\"value\":24,");
}

/* One frontend is in the middle of something: what it does goes on. */
static void another_drivers_session_is_left_alone(void **state)
{
	(void)state;
	disk_system_serve(&disk_system, "", NULL, false);
	for (int round = 0; round < 3; round++) {
		/* nobody reads what it writes: it is held up, with the disk in its hands */
		FRONTEND_START(&disk_system, "blk", "read");
		process_await_bytes(&disk_system.frontend, &disk_system.frontend.output, 1);
		assert_int_equal(probe_run_with(NULL, NULL), 0);
		assert_says("0 devices"); /* that are free */
		assert_int_equal(process_finish(&disk_system.frontend), 0);
		assert_int_equal(disk_system.frontend.output.length, DISK_SIZE);
		assert_memory_equal(disk_system.frontend.output.text, disk_system.data, DISK_SIZE);
	}
}

static void who_is_not_there_speaks_nothing(void **state)
{
	(void)state;
	const char *const all[] = { "probe", "-s", disk_system.daemon.socket_path, NULL };

	assert_int_equal(probe_run_with(NULL, NULL), 1);
	assert_says("speaks no known revision");
	assert_int_equal(process_run(&probe, NULL, all), 1);
	assert_non_null(strstr(probe.errors.text, "is a backend running?"));
}

/* A frame alone can show whose it is. */
static void a_bad_frame_is_known_by_its_sender(void **state)
{
	(void)state;
	const char *const text[] = { "decode", "-p", "r1",
				     "000403000e0000000000020000000000001001000000", NULL };
	const char *const json[] = {
		"decode", "-j", "-p", "r1", "000403000e0000000000020000000000001001000000", NULL
	};

	assert_int_equal(process_run(&probe, NULL, text), 1);
	assert_says("r1 bad frame of device 3: TRUNCATED");
	assert_non_null(
		strstr(probe.errors.text, "Linux RFC v1 sends that; quirk linux-rfc1-short-set"));
	assert_int_equal(process_run(&probe, NULL, json), 1);
	assert_says("\"quirk\":\"linux-rfc1-short-set\"");
}

static void mistakes_in_quirks_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *command, *value, *text;
	} cases[] = {
		{ "backend", "linux-rfc1", "which is no quirk" },
		{ "backend", "optee-poc-device-count", "is for a frontend" },
		{ "frontend", "linux-rfc1-short-set", "is for a backend" },
		{ "backend", "linux-rfc1-short-set,x=1", "takes no parameters, but 'x=1' follows" },
		{ "backend", "linux-rfc1-window", "needs the reserved memory" },
		{ "backend", "linux-rfc1-window,address=zz,path=/dev/null", "no number of bytes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const arguments[] = { cases[i].command, "--quirk", cases[i].value,
						  NULL };
		assert_int_equal(process_run(&probe, NULL, arguments), 2);
		if (!strstr(probe.errors.text, cases[i].text)) {
			fail_msg("no '%s' in: %s", cases[i].text, probe.errors.text);
		}
	}
	const char *const list[] = { "backend", "--quirk", "help", NULL };
	assert_int_equal(process_run(&probe, NULL, list), 0);
	assert_says("linux-rfc1-short-set (Q2)");
	const char *const nothing[] = { "backend", "--quirk",
					"linux-rfc1-window,address=0x1000,path=/dev/null", NULL };
	assert_int_equal(process_run(&probe, NULL, nothing), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_backend_is_known_and_stays_of_use, open_system,
						close_system),
		cmocka_unit_test_setup_teardown(a_forced_dialect_is_found_and_told_in_json,
						open_system, close_system),
		cmocka_unit_test_setup_teardown(another_drivers_session_is_left_alone, open_system,
						close_system),
		cmocka_unit_test_setup_teardown(who_is_not_there_speaks_nothing, open_system,
						close_system),
		cmocka_unit_test(a_bad_frame_is_known_by_its_sender),
		cmocka_unit_test(mistakes_in_quirks_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
