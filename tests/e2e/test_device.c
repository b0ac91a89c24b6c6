/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that come and go while a backend runs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

static struct disk_system disk_system;
static struct process control;

static const char *trace_path(void)
{
	static char path[64];

	disk_system_path(&disk_system, "trace", path);
	return path;
}

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	daemon_stop(&disk_system.daemon);
	daemon_start(&disk_system.daemon, "--trace", trace_path());
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

static int count_lines(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	int count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		count += strstr(line, text) != NULL;
	}
	(void)fclose(file);
	return count;
}

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

/* While a driver has it, which sees EVENT_CONFIG; the next one finds the new size. */
static void a_disk_that_is_resized_is_told_of(void **state)
{
	(void)state;

	assert_int_equal(add_disk(), 0);
	FRONTEND_START(&disk_system, "blk", "read"); /* it stops when nobody reads its output */
	process_await_bytes(&disk_system.frontend, &disk_system.frontend.output, 1);
	assert_int_equal(truncate(disk_system.image, 2 * DISK_SIZE), 0);
	assert_int_equal(DEVICE("resize", "1"), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_int_equal(DEVICE("resize", "0"), 1);
	assert_non_null(strstr(control.errors.text, "that device has no size"));
	assert_int_equal(DEVICE("resize", "7"), 1);
	assert_int_equal(DEVICE("resize", "x"), 2);
	assert_int_equal(DEVICE("resize"), 2);
	assert_int_equal(FRONTEND_RUN(&disk_system, "--json", "info"), 0);
	assert_non_null(strstr(disk_system.frontend.output.text, "\"capacity\":16384"));
	assert_int_equal(process_stop(&disk_system.backend), 0);
	daemon_stop(&disk_system.daemon); /* which writes what it still has */
	daemon_start(&disk_system.daemon, NULL, NULL);
	assert_true(count_lines(trace_path(), " event EVENT_CONFIG ") > 0);
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
		TEST(a_disk_that_is_resized_is_told_of),
		TEST(a_disk_is_removed_while_it_is_read),
		TEST(as_many_as_there_is_room_for),
		TEST(refusals_say_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
