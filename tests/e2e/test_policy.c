/* SPDX-License-Identifier: BSD-3-Clause */
/* A backend and a frontend under the policies whose normal world is physical: every carrier that
 * the manager has, and a word about those that it has not. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/process.h"

static struct process manager;
static struct process backend;
static struct process frontend;
static char path[64];

static int close_programs(void **state)
{
	(void)state;
	process_kill(&frontend);
	process_kill(&backend);
	process_kill(&manager);
	unlink(path);
	return 0;
}

static void start(const char *policy)
{
	snprintf(path, sizeof(path), "/tmp/vmsg-ffa-emu-policy-%d.sock", (int)getpid());
	process_start(&manager, NULL,
		      (const char *const[]){ "serve", "-s", path, "--policy", policy, NULL });
	process_await(&manager, &manager.output, "listening");
	process_start(&backend, NULL,
		      (const char *const[]){ "backend", "-s", path, "--device", "rng", NULL });
	process_await(&backend, &backend.output, "ready");
}

static int random_by(const char *carrier, const char *events)
{
	return process_run(&frontend, NULL,
			   (const char *const[]){ "frontend", "-s", path, "--carrier", carrier,
						  "--events", events, "rng", NULL });
}

static void hafnium_has_every_carrier(void **state)
{
	(void)state;
	start("hafnium");
	assert_int_equal(random_by("direct", "poll"), 0);
	assert_int_equal(random_by("direct", "notify"), 0);
	assert_int_equal(random_by("indirect", "indirect"), 0);
	assert_int_equal(random_by("fifo", "fifo"), 0);
	assert_int_equal(process_run(&frontend, NULL,
				     (const char *const[]){ "frontend", "-s", path, "info", NULL }),
			 0);
	assert_non_null(strstr(frontend.output.text, "partition 0x0000 drives partition 0x8001"));
}

static void tf_a_has_direct_messages(void **state)
{
	(void)state;
	start("tf-a");
	assert_int_equal(random_by("direct", "poll"), 0);
	assert_int_equal(random_by("direct", "notify"), 1);
	assert_non_null(strstr(frontend.errors.text, "no carrier"));
	assert_int_equal(random_by("indirect", "indirect"), 1);
	assert_non_null(strstr(frontend.errors.text, "no carrier"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(hafnium_has_every_carrier, close_programs),
		cmocka_unit_test_teardown(tf_a_has_direct_messages, close_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
