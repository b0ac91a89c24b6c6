/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams across FF-A, both ways, with more in them than all buffers hold. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#define SIZE 1000000u

static struct disk_system disk_system;
static char path[64];

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	disk_system_path(&disk_system, "vm", path);
	snprintf(disk_system.device, sizeof(disk_system.device), "vsock,socket=%s", path);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--device", disk_system.device, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_system_abandon(&disk_system);
	return 0;
}

static int unix_socket(struct sockaddr_un *address, const char *suffix)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s%s", path, suffix);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* A frontend whose standard input is what a shell command prints. */
static void start_frontend(const char *input, const char *job)
{
	char line[512];

	snprintf(line, sizeof(line), "%s | %s/vmsg-ffa-emu frontend -s %s vsock %s", input,
		 VMSG_BINARY_DIR, disk_system.daemon.socket_path, job);
	process_start(&disk_system.frontend, "/bin/sh", (const char *const[]){ "-c", line, NULL });
}

static void send_a_lot(const char *job)
{
	struct sockaddr_un address;
	static char got[65536];
	char input[64];
	size_t size = 0;
	const int listener = unix_socket(&address, "_77");

	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	snprintf(input, sizeof(input), "yes 0123456 | head -c %u", SIZE);
	start_frontend(input, job);
	struct pollfd at = { .fd = listener, .events = POLLIN };
	assert_int_equal(poll(&at, 1, PROCESS_PATIENCE_MS), 1);
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	for (;;) {
		const ssize_t part = read(fd, got, sizeof(got));
		assert_true(part >= 0);
		if (part == 0) {
			break;
		}
		for (ssize_t i = 0; i < part; i++) {
			assert_int_equal(got[i], "0123456\n"[(size + (size_t)i) % 8]);
		}
		size += (size_t)part;
	}
	assert_int_equal(size, SIZE);
	assert_int_equal(close(fd), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_int_equal(close(listener), 0);
	assert_int_equal(unlink(address.sun_path), 0);
}

static void the_guest_sends_a_lot_to_a_program(void **state)
{
	(void)state;
	send_a_lot("connect --port 77");
}

static void the_guest_sends_a_lot_in_areas_on_demand(void **state)
{
	(void)state;
	send_a_lot("connect --port 77 --areas demand");
	assert_areas_came_back(&disk_system);
	send_a_lot("connect --port 77 --areas demand --profile r0");
	assert_areas_came_back(&disk_system);
}

static void a_program_sends_a_lot_to_the_guest(void **state)
{
	(void)state;
	struct sockaddr_un address;
	char answer[16] = "";
	static char data[SIZE];

	for (size_t i = 0; i < SIZE; i++) {
		data[i] = "0123456\n"[i % 8];
	}
	start_frontend("true", "listen --port 88");
	/* the port may not be there yet: then the connection ends, and is tried again */
	int fd = -1;
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;
	while (answer[0] != 'O') {
		assert_true(process_now_ms() < end_ms);
		fd = unix_socket(&address, "");
		assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)),
				 0);
		assert_int_equal(write(fd, "CONNECT 88\n", 11), 11);
		if (read(fd, answer, sizeof(answer) - 1) <= 0) {
			assert_int_equal(close(fd), 0);
			usleep(20000);
		}
	}
	for (size_t done = 0; done < SIZE;) { /* in pieces that fit, all of which are read */
		const ssize_t part =
			write(fd, data + done, SIZE - done < 50000 ? SIZE - done : 50000);
		assert_true(part > 0);
		done += (size_t)part;
		process_await_bytes(&disk_system.frontend, &disk_system.frontend.output, done);
	}
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_int_equal(disk_system.frontend.output.length, SIZE);
	assert_memory_equal(disk_system.frontend.output.text, data, SIZE);
	assert_int_equal(close(fd), 0);
}

/* A program that hangs up with much to come: that stream ends, and the device goes on. */
static void a_program_that_leaves_ends_its_stream_only(void **state)
{
	(void)state;
	struct sockaddr_un address;
	char begin[4096];
	const int listener = unix_socket(&address, "_77");

	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	for (int i = 0; i < 3; i++) {
		start_frontend("yes", "connect --port 77");
		struct pollfd at = { .fd = listener, .events = POLLIN };
		assert_int_equal(poll(&at, 1, PROCESS_PATIENCE_MS), 1);
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(read(fd, begin, sizeof(begin)) > 0);
		assert_int_equal(close(fd), 0);
		assert_int_equal(process_finish(&disk_system.frontend), 1);
		assert_non_null(strstr(disk_system.frontend.errors.text, "reset the stream"));
	}
	assert_int_equal(close(listener), 0);
	assert_int_equal(process_stop(&disk_system.backend), 0);
}

static void nobody_listens(void **state)
{
	(void)state;

	start_frontend("true", "connect --port 99");
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_non_null(
		strstr(disk_system.frontend.errors.text, "nobody on the host listens at port 99"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_guest_sends_a_lot_to_a_program),
		TEST(the_guest_sends_a_lot_in_areas_on_demand),
		TEST(a_program_sends_a_lot_to_the_guest),
		TEST(a_program_that_leaves_ends_its_stream_only),
		TEST(nobody_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
