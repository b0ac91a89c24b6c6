/* SPDX-License-Identifier: BSD-3-Clause */
/* What is behind a disk fails, or the backend is killed: the driver is told, and nothing that was
 * acknowledged is lost. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

static struct disk_system disk_system;
static char mount_point[64];
static bool is_mounted;

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	disk_system_path(&disk_system, "small", mount_point);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	process_kill(&disk_system.backend);
	if (is_mounted) {
		(void)umount2(mount_point, MNT_DETACH);
		is_mounted = false;
	}
	(void)rmdir(mount_point);
	disk_system_abandon(&disk_system);
	return 0;
}

/* The backend's device has refused or failed that many requests, as everybody can see. */
static void assert_errors(unsigned int errors)
{
	static struct process stats;
	char text[32];
	const char *const arguments[] = { "stats", "-s", disk_system.daemon.socket_path, "--json",
					  NULL };

	snprintf(text, sizeof(text), "\"errors\":%u,", errors);
	assert_int_equal(process_run(&stats, NULL, arguments), 0);
	if (!strstr(stats.output.text, text)) {
		fail_msg("no %s in %s", text, stats.output.text);
	}
	process_kill(&stats);
}

/* The frontend's last act is a flush; when that is answered, the data is in the file. */
static void what_was_flushed_survives_a_kill(void **state)
{
	(void)state;
	char path[64];

	for (int i = 0; i < 5; i++) {
		disk_system_serve(&disk_system, "", NULL, false);
		memset(disk_system.data, 'a' + i, DISK_SIZE);
		file_write(disk_system_path(&disk_system, "new", path), disk_system.data,
			   DISK_SIZE);
		assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", path), 0);
		assert_int_equal(kill(disk_system.backend.pid, SIGKILL), 0);
		assert_int_equal(process_finish(&disk_system.backend), -SIGKILL);
		assert_file_equals(disk_system.image, disk_system.data, DISK_SIZE);
	}
}

static void a_disk_cut_short_is_an_error_that_is_counted(void **state)
{
	(void)state;
	struct stat status;

	disk_system_serve(&disk_system, "", NULL, false);
	file_write(disk_system.image, disk_system.data, 1 << 20);
	assert_int_equal(truncate(disk_system.image, DISK_SIZE / 2), 0);
	file_write(disk_system_path(&disk_system, "new", mount_point), disk_system.data, 4096);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", mount_point,
				      "--offset", "3M"),
			 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "write of sectors 6144 to 6151 fails: the device says status 1 "
			       "(IOERR)"));
	assert_errors(1);
	assert_int_equal(stat(disk_system.image, &status), 0);
	assert_int_equal(status.st_size, DISK_SIZE / 2);
}

/* A sparse image on a file system that has no room for all of it. */
static void a_full_disk_fails_until_there_is_room(void **state)
{
	(void)state;
	char image[96];

	if (mkdir(mount_point, 0700) < 0 || mount("vmsg", mount_point, "tmpfs", 0, "size=1m") < 0) {
		print_message("skipped: cannot mount: %s\n", strerror(errno));
		skip();
	}
	is_mounted = true;
	snprintf(image, sizeof(image), "%s/image", mount_point);
	file_write(image, disk_system.data, 0);
	assert_int_equal(truncate(image, DISK_SIZE), 0);
	snprintf(disk_system.device, sizeof(disk_system.device), "blk,path=%s", image);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--device", disk_system.device, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", disk_system.image),
			 1);
	assert_non_null(
		strstr(disk_system.frontend.errors.text, "the device says status 1 (IOERR)"));
	assert_int_equal(mount("vmsg", mount_point, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", disk_system.image),
			 0);
	assert_file_equals(image, disk_system.data, DISK_SIZE);
	assert_int_equal(process_stop(&disk_system.backend), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_flushed_survives_a_kill),
		TEST(a_disk_cut_short_is_an_error_that_is_counted),
		TEST(a_full_disk_fails_until_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
