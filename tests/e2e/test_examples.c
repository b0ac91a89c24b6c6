/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs of examples/ do what they say. */
#include "support/cmocka.h"

#include <string.h>

#include "support/daemon.h"
#include "support/process.h"

#define EXAMPLE(name) VMSG_BINARY_DIR "/examples/example-" name

static struct process program;
static const char *const nothing[] = { NULL };

static int close_program(void **state)
{
	(void)state;
	process_kill(&program);
	return 0;
}

static void readme_says_what_a_frame_asks_for(void **state)
{
	(void)state;
	assert_int_equal(process_run(&program, EXAMPLE("readme"), nothing), 0);
	assert_string_equal(program.output.text, "device 3: config bytes 4 to 11\n");
}

static void loopback_moves_data_in_one_process(void **state)
{
	(void)state;
	assert_int_equal(process_run(&program, EXAMPLE("loopback"), nothing), 0);
	assert_string_equal(program.output.text, "partition 0x8001 speaks r3\n"
						 "the device wrote 64 bytes, the last is 63\n");
}

static void backend_serves_random_numbers(void **state)
{
	static struct process frontend;
	struct daemon daemon;

	(void)state;
	daemon_start(&daemon, NULL, NULL);
	const char *const arguments[] = { daemon.socket_path, NULL };
	const char *const rng[] = { "frontend", "-s", daemon.socket_path, "rng", "--length",
				    "1000",     NULL };
	process_start(&program, EXAMPLE("backend"), arguments);
	process_await(&program, &program.output, "ready: partition 0x8001");
	assert_int_equal(process_run(&frontend, NULL, rng), 0);
	/* 31 lines of 32 bytes and one of 8 */
	assert_int_equal(frontend.output.length, 2000 + 32);
	process_kill(&frontend);
	assert_int_equal(process_stop(&program), 0);
	daemon_stop(&daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, close_program)
		TEST(readme_says_what_a_frame_asks_for),
		TEST(loopback_moves_data_in_one_process),
		TEST(backend_serves_random_numbers),
	};

	return cmocka_run_group_tests_name("examples", tests, NULL, NULL);
}
