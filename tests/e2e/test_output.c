/* SPDX-License-Identifier: BSD-3-Clause */
/* A command whose output did not arrive has not done its job; nor may a closed standard stream
 * become the number of something else. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/process.h"

static struct process program;
static struct process probe;

static int close_program(void **state)
{
	(void)state;
	process_kill(&program);
	process_kill(&probe);
	return 0;
}

static int run_shell(const char *arguments, const char *redirection)
{
	char line[512];

	snprintf(line, sizeof(line), "exec %s/vmsg-ffa-emu %s %s", VMSG_BINARY_DIR, arguments,
		 redirection);
	return process_run(&program, "/bin/sh", (const char *const[]){ "-c", line, NULL });
}

static const char *const commands[] = {
	"--help",
	"--version",
	"serve --help",
	"decode -p r1 000503010e001400000008000000",
	"decode -p r1 --json 000503010e001400000008000000",
	"encode -p r1 GET_CONFIG.request",
};

static void a_full_device_fails_the_job(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_int_equal(run_shell(commands[i], ">/dev/null"), 0);
		assert_int_equal(run_shell(commands[i], ">/dev/full"), 1);
		assert_non_null(strstr(program.errors.text, "standard output"));
	}
}

static void a_closed_stream_fails_the_job(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		assert_int_equal(run_shell(commands[i], ">&-"), 1);
		assert_non_null(strstr(program.errors.text, "standard output"));
	}
}

static void nothing_that_is_opened_takes_the_place_of_a_standard_stream(void **state)
{
	struct process manager = { 0 };
	char path[64];
	char line[256];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/vmsg-ffa-emu-test-%d.sock", (int)getpid());
	process_start(&manager, NULL, (const char *const[]){ "serve", "-v", "-s", path, NULL });
	process_await(&manager, &manager.output, "listening");
	/* else its socket were standard output, and what it tells of itself a frame */
	snprintf(line, sizeof(line), "exec %s/vmsg-ffa-emu backend -s %s --device rng --json >&-",
		 VMSG_BINARY_DIR, path);
	process_start(&program, "/bin/sh", (const char *const[]){ "-c", line, NULL });
	process_await(&manager, &manager.errors, "is here");
	assert_int_equal(process_run(&probe, NULL,
				     (const char *const[]){ "frontend", "-s", path, "rng", NULL }),
			 0);
	assert_int_equal(process_stop(&program), 1);
	assert_int_equal(process_stop(&manager), 0);
	assert_null(strstr(manager.errors.text, "refused"));
	process_kill(&manager);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_full_device_fails_the_job, close_program),
		cmocka_unit_test_teardown(a_closed_stream_fails_the_job, close_program),
		cmocka_unit_test_teardown(
			nothing_that_is_opened_takes_the_place_of_a_standard_stream, close_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
