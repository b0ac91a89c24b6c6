/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process of the system stops, or dies in the middle of a transfer. The frontend writes the disk
 * to a pipe that the test reads: as long as the test does not, the transfer is under way.
 */
#include "support/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/disk_system.h"

#define BEGINNING (256u * 1024)

/* How soon a frontend must have noticed. */
#define PROMPT_MS 2000

static struct disk_system disk_system;

static int open_system(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	disk_system_serve(&disk_system, "", NULL, false);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	disk_system_close(&disk_system);
	return 0;
}

static int abandon_system(void **state)
{
	(void)state;
	disk_system_abandon(&disk_system);
	return 0;
}

/* A frontend that has read a part of the disk and waits for us to take more of it. */
static void begin_transfer(const char *timeout)
{
	FRONTEND_START(&disk_system, "--timeout", timeout, "blk", "read");
	process_await_bytes(&disk_system.frontend, &disk_system.frontend.output, BEGINNING);
}

static void assert_disk_serves(void)
{
	assert_int_equal(FRONTEND_RUN(&disk_system, "blk", "verify", disk_system.image), 0);
}

static void a_stopped_backend_is_reported_and_waited_for(void **state)
{
	const struct process_stream *errors = &disk_system.frontend.errors;

	(void)state;
	begin_transfer("0.2");
	kill(disk_system.backend.pid, SIGSTOP);
	/* What is in flight still comes; then the frontend asks in vain. */
	process_await(&disk_system.frontend, errors, "time-out 1 of 12: partition 0x8001");
	process_await(&disk_system.frontend, errors, "time-out 2 of 12");
	kill(disk_system.backend.pid, SIGCONT);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_int_equal(disk_system.frontend.output.length, DISK_SIZE);
	assert_memory_equal(disk_system.frontend.output.text, disk_system.data, DISK_SIZE);
}

static void a_backend_that_is_stopped_at_the_start_is_waited_for(void **state)
{
	(void)state;
	kill(disk_system.backend.pid, SIGSTOP);
	FRONTEND_START(&disk_system, "--timeout", "0.1", "blk", "verify", disk_system.image);
	process_await(&disk_system.frontend, &disk_system.frontend.errors, "time-out 3 of 12");
	kill(disk_system.backend.pid, SIGCONT);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
}

static void a_backend_that_stays_stopped_is_given_up(void **state)
{
	(void)state;
	begin_transfer("0.02");
	kill(disk_system.backend.pid, SIGSTOP);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text, "time-out 12 of 12"));
	assert_non_null(strstr(disk_system.frontend.errors.text, "giving up"));
	kill(disk_system.backend.pid, SIGCONT);
	assert_disk_serves();
}

static void a_killed_backend_is_noticed_at_once_and_can_be_replaced(void **state)
{
	const struct daemon_holdings before = daemon_holdings(&disk_system.daemon);

	(void)state;
	begin_transfer("60");
	kill(disk_system.backend.pid, SIGKILL);
	assert_int_equal(process_finish_within(&disk_system.frontend, PROMPT_MS), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text, "partition 0x8001 is gone"));
	assert_int_equal(process_finish(&disk_system.backend), -SIGKILL);
	disk_system_serve(&disk_system, "", NULL, false);
	assert_daemon_returns_to(&disk_system.daemon, before);
	assert_disk_serves();
	assert_daemon_returns_to(&disk_system.daemon, before);
}

static void after_a_killed_frontend_the_backend_serves_the_next(void **state)
{
	const struct daemon_holdings daemon_before = daemon_holdings(&disk_system.daemon);
	const struct process_holdings before = process_holdings(disk_system.backend.pid);

	(void)state;
	begin_transfer("60");
	assert_true(process_holdings(disk_system.backend.pid).mappings > before.mappings);
	kill(disk_system.frontend.pid, SIGKILL);
	assert_int_equal(process_finish(&disk_system.frontend), -SIGKILL);
	assert_daemon_returns_to(&disk_system.daemon, daemon_before);
	/* Also under another identity: nobody waits for the dead one to come back. */
	assert_int_equal(
		FRONTEND_RUN(&disk_system, "--id", "2", "blk", "verify", disk_system.image), 0);
	assert_disk_serves();
	assert_process_returns_to(disk_system.backend.pid, before);
}

static void a_killed_manager_ends_both(void **state)
{
	(void)state;
	begin_transfer("60");
	kill(disk_system.daemon.pid, SIGKILL);
	assert_int_equal(process_finish_within(&disk_system.backend, PROMPT_MS), 1);
	assert_non_null(strstr(disk_system.backend.errors.text, "gone: it closed the socket"));
	assert_int_equal(process_finish_within(&disk_system.frontend, PROMPT_MS), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text, "gone: it closed the socket"));
}

static void transfers_leave_nothing_behind(void **state)
{
	const struct daemon_holdings daemon_before = daemon_holdings(&disk_system.daemon);
	const struct process_holdings before = process_holdings(disk_system.backend.pid);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_disk_serves();
	}
	assert_daemon_returns_to(&disk_system.daemon, daemon_before);
	assert_process_returns_to(disk_system.backend.pid, before);
}

static void a_busy_disk_is_not_given_to_a_second_frontend(void **state)
{
	static struct process second;
	const char *const arguments[] = { "frontend", "-s", disk_system.daemon.socket_path, "info",
					  NULL };

	(void)state;
	begin_transfer("60");
	assert_int_equal(process_run(&second, NULL, arguments), 1);
	assert_non_null(strstr(second.errors.text, "has no device that is free"));
	process_kill(&second);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_memory_equal(disk_system.frontend.output.text, disk_system.data, DISK_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(a_stopped_backend_is_reported_and_waited_for),
		TEST(a_backend_that_is_stopped_at_the_start_is_waited_for),
		TEST(a_backend_that_stays_stopped_is_given_up),
		TEST(a_killed_backend_is_noticed_at_once_and_can_be_replaced),
		TEST(after_a_killed_frontend_the_backend_serves_the_next),
		cmocka_unit_test_setup_teardown(a_killed_manager_ends_both, open_system,
						abandon_system),
		TEST(transfers_leave_nothing_behind),
		TEST(a_busy_disk_is_not_given_to_a_second_frontend),
	};

	return cmocka_run_group_tests_name("deaths", tests, NULL, NULL);
}
