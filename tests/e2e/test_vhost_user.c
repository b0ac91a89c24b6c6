/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk that qemu-storage-daemon serves, across FF-A. Skipped where that is not installed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#define DAEMON "/usr/bin/qemu-storage-daemon"

static struct disk_system disk_system;
static struct process storage;
static char socket_path[64];

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	disk_system_path(&disk_system, "vhost", socket_path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	process_kill(&storage);
	disk_system_abandon(&disk_system);
	return 0;
}

static void start_storage(void)
{
	char blockdev[128];
	char export[192];
	char started[64];

	if (access(DAEMON, X_OK) != 0) {
		print_message("skipped: %s is not installed\n", DAEMON);
		skip();
	}
	snprintf(blockdev, sizeof(blockdev), "driver=file,node-name=disk,filename=%s",
		 disk_system.image);
	snprintf(export, sizeof(export),
		 "type=vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,"
		 "addr.path=%s",
		 socket_path);
	/* the socket is there before it listens; this file comes when all is ready */
	disk_system_path(&disk_system, "started", started);
	unlink(started);
	unlink(socket_path);
	process_start(&storage, DAEMON,
		      (const char *const[]){ "--blockdev", blockdev, "--export", export,
					     "--pidfile", started, NULL });
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;
	while (access(started, F_OK) != 0) {
		assert_true(process_now_ms() < end_ms);
		usleep(1000);
	}
}

static void serve(void)
{
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--vhost-user", socket_path, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
}

static void it_is_read_written_and_verified(void **state)
{
	(void)state;
	char path[64];
	char copy[64];

	start_storage();
	serve();
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
	/* another driver: another connection to the daemon, other areas */
	memset(disk_system.data, 0x5a, 65536);
	file_write(disk_system_path(&disk_system, "new", path), disk_system.data, 65536);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "write", "--input", path), 0);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "read", "--output",
				      disk_system_path(&disk_system, "copy", copy)),
			 0);
	assert_file_equals(copy, disk_system.data, DISK_SIZE);
	assert_file_equals(disk_system.image, disk_system.data, DISK_SIZE);
	disk_system_close(&disk_system);
	disk_system_open(&disk_system); /* for the tear-down */
}

static void each_dialect_carries_it(void **state)
{
	(void)state;
	static const char *const profiles[] = { "r0", "r1", "r2a", "r2b", "r3" };

	start_storage();
	serve();
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		assert_int_equal(FRONTEND_RUN(&disk_system, "--profile", profiles[i], "blk",
					      "verify", disk_system.image),
				 0);
	}
}

/* Killed in the middle: an error, never wrong data; and the next driver finds the next daemon. */
static void the_daemon_dies_in_the_middle(void **state)
{
	(void)state;

	start_storage();
	serve();
	assert_int_equal(kill(storage.pid, SIGSTOP), 0);
	FRONTEND_START(&disk_system, "blk", "verify", disk_system.image);
	assert_int_equal(kill(storage.pid, SIGKILL), 0);
	assert_int_equal(process_finish(&storage), -SIGKILL);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 1);
	start_storage();
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
}

/* A disk that is passed off as something else. */
static void a_queue_that_is_not_there_is_named(void **state)
{
	(void)state;
	char device[128];

	start_storage();
	snprintf(device, sizeof(device), "vhost-user,type=vsock,queues=1,socket=%s", socket_path);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--device", device, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
	assert_int_equal(FRONTEND_RUN(&disk_system, "vsock", "connect", "--port", "1"), 1);
	assert_non_null(
		strstr(disk_system.frontend.errors.text, "device 0 has no queue 1 of 16 entries"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_is_read_written_and_verified),
		TEST(each_dialect_carries_it),
		TEST(the_daemon_dies_in_the_middle),
		TEST(a_queue_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
