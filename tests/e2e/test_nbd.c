/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin for nbdkit, used by programs that know nothing of FF-A. Skipped where it is not built
 * (no nbdkit, or a sanitized build) or these programs are not installed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#define PLUGIN  VMSG_BINARY_DIR "/nbdkit-vmsg-plugin.so"
#define NBDKIT  "/usr/sbin/nbdkit"
#define NBDCOPY "/usr/bin/nbdcopy"
#define FIO     "/usr/bin/fio"

static struct disk_system disk_system;
static struct process nbdkit;
static struct process client;
static char uri[128];

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	process_kill(&client);
	process_kill(&nbdkit);
	disk_system_abandon(&disk_system);
	return 0;
}

static void need(const char *path)
{
	if (access(path, R_OK) != 0) {
		print_message("skipped: %s is not there\n", path);
		skip();
	}
}

static const char *find_nbdkit(void)
{
	return access(NBDKIT, X_OK) == 0 ? NBDKIT : "/usr/bin/nbdkit";
}

static void serve_areas(const char *options, const char *areas)
{
	char socket_option[64];
	char path[64];

	need(PLUGIN);
	need(find_nbdkit());
	disk_system_serve(&disk_system, options, NULL, false);
	snprintf(socket_option, sizeof(socket_option), "socket=%s", disk_system.daemon.socket_path);
	disk_system_path(&disk_system, "nbd", path);
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", path);
	process_start(
		&nbdkit, find_nbdkit(),
		(const char *const[]){ "-f", "-U", path, PLUGIN, socket_option, areas, NULL });
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;
	while (access(path, F_OK) != 0) {
		assert_true(process_now_ms() < end_ms);
		usleep(1000);
	}
}

static void serve(const char *options)
{
	serve_areas(options, "areas=pool");
}

static int copy(const char *from, const char *to)
{
	return process_run(&client, NBDCOPY, (const char *const[]){ from, to, NULL });
}

static void a_disk_is_copied_out_and_in(void **state)
{
	(void)state;
	char path[64];

	need(NBDCOPY);
	serve("");
	disk_system_path(&disk_system, "copy", path);
	assert_int_equal(copy(uri, path), 0);
	assert_file_equals(path, disk_system.data, DISK_SIZE);
	/* a copy with holes: zeroes, data, zeroes */
	memset(disk_system.data, 0, DISK_SIZE / 2);
	memset(disk_system.data + DISK_SIZE / 2, 0x77, DISK_SIZE / 4);
	file_write(path, disk_system.data, DISK_SIZE);
	assert_int_equal(copy(path, uri), 0);
	assert_file_equals(disk_system.image, disk_system.data, DISK_SIZE);
}

static void a_disk_is_copied_in_areas_on_demand(void **state)
{
	(void)state;
	char path[64];

	need(NBDCOPY);
	serve_areas("", "areas=demand");
	disk_system_path(&disk_system, "copy", path);
	assert_int_equal(copy(uri, path), 0);
	assert_file_equals(path, disk_system.data, DISK_SIZE);
}

static void areas_that_cannot_be_had_are_refused(void **state)
{
	(void)state;
	need(PLUGIN);
	need(find_nbdkit());
	assert_int_not_equal(process_run(&client, find_nbdkit(),
					 (const char *const[]){ "-f", "-U", "/nonexistent/nbd",
								PLUGIN, "areas=many", NULL }),
			     0);
	assert_non_null(strstr(client.errors.text, "none of pool, demand and static"));
}

static void fio_verifies_what_it_wrote(void **state)
{
	(void)state;
	char option[160];

	need(FIO);
	serve("");
	snprintf(option, sizeof(option), "--uri=%s", uri);
	assert_int_equal(process_run(&client, FIO,
				     (const char *const[]){ "--name=verify", "--ioengine=nbd",
							    option, "--rw=randrw", "--bs=4k",
							    "--size=2M", "--iodepth=8",
							    "--verify=crc32c", "--verify_fatal=1",
							    "--output-format=terse", NULL }),
			 0);
}

static void a_read_only_disk_is_read_only(void **state)
{
	(void)state;
	char path[64];

	need(NBDCOPY);
	serve(",readonly=on");
	file_write(disk_system_path(&disk_system, "new", path), disk_system.data, 4096);
	assert_int_not_equal(copy(path, uri), 0);
	assert_file_equals(disk_system.image, disk_system.data, DISK_SIZE);
}

/* The backend dies: an error for who is connected; whoever comes when it is back is served. */
static void the_next_client_finds_the_next_backend(void **state)
{
	(void)state;
	char path[64];

	need(NBDCOPY);
	serve("");
	disk_system_path(&disk_system, "copy", path);
	assert_int_equal(copy(uri, path), 0);
	process_kill(&disk_system.backend);
	assert_int_not_equal(copy(uri, path), 0);
	disk_system_serve(&disk_system, "", NULL, false);
	assert_int_equal(copy(uri, path), 0);
	assert_file_equals(path, disk_system.data, DISK_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_disk_is_copied_out_and_in),
		TEST(a_disk_is_copied_in_areas_on_demand),
		TEST(areas_that_cannot_be_had_are_refused),
		TEST(fio_verifies_what_it_wrote),
		TEST(a_read_only_disk_is_read_only),
		TEST(the_next_client_finds_the_next_backend),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
