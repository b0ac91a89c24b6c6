/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that come and go while a backend runs. */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

static struct disk_system disk_system;
static struct process control;

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--device", "rng", NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	process_kill(&control);
	disk_system_abandon(&disk_system);
	return 0;
}

#define DEVICE(...)                                                                                \
	process_run(&control, NULL,                                                                \
		    (const char *const[]){ "device", "-s", disk_system.daemon.socket_path,         \
					   __VA_ARGS__, NULL })

static int add_disk(void)
{
	char text[96];

	snprintf(text, sizeof(text), "blk,path=%s", disk_system.image);
	return DEVICE("add", text);
}

static void an_added_disk_is_driven(void **state)
{
	(void)state;

	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 1);
	assert_int_equal(add_disk(), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
	assert_int_equal(DEVICE("--json", "list"), 0);
	assert_non_null(strstr(control.output.text, "\"device\":0,\"kind\":\"rng\""));
	assert_non_null(strstr(control.output.text, "\"device\":1,\"kind\":\"blk\""));
}

static void a_removed_one_is_gone_and_its_number_too(void **state)
{
	(void)state;

	assert_int_equal(add_disk(), 0);
	assert_int_equal(DEVICE("remove", "1"), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 1);
	assert_int_equal(add_disk(), 0);
	assert_int_equal(DEVICE("list"), 0);
	assert_non_null(strstr(control.output.text, "     2  blk"));
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "rng"), 0);
}

/* Removed under the hands of a driver: it says so and ends, and the rest goes on. */
static void a_disk_is_removed_while_it_is_read(void **state)
{
	(void)state;

	assert_int_equal(add_disk(), 0);
	FRONTEND_START(&disk_system, "blk", "read"); /* it stops when nobody reads its output */
	process_await_bytes(&disk_system.frontend, &disk_system.frontend.output, 1);
	assert_int_equal(DEVICE("remove", "1"), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_int_equal(FRONTEND_RUN(&disk_system, "rng"), 0);
}

static void as_many_as_there_is_room_for(void **state)
{
	(void)state;
	int added = 0;

	while (added < 100 && DEVICE("add", "rng") == 0) {
		added++;
	}
	assert_int_equal(added, 16);
	assert_non_null(strstr(control.errors.text, "NO_SPACE"));
	assert_int_equal(DEVICE("remove", "3"), 0);
	assert_int_equal(DEVICE("add", "rng"), 0);
}

static void refusals_say_why(void **state)
{
	(void)state;

	assert_int_equal(DEVICE("add", "toaster"), 1);
	assert_non_null(strstr(control.errors.text, "toaster: no such device"));
	assert_int_equal(DEVICE("add", "blk,path=/nonexistent"), 1);
	assert_non_null(strstr(control.errors.text, "/nonexistent"));
	assert_int_equal(DEVICE("remove", "7"), 1);
	assert_non_null(strstr(control.errors.text, "no device of that number"));
	assert_int_equal(DEVICE("remove", "x"), 2);
	assert_int_equal(DEVICE("add"), 2);
	assert_int_equal(DEVICE("explode"), 2);
	assert_int_equal(DEVICE("--partition", "0x8002", "list"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_added_disk_is_driven),
		TEST(a_removed_one_is_gone_and_its_number_too),
		TEST(a_disk_is_removed_while_it_is_read),
		TEST(as_many_as_there_is_room_for),
		TEST(refusals_say_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
