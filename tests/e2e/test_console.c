/* SPDX-License-Identifier: BSD-3-Clause */
/* A console across FF-A: pipes at the driver's end, a terminal at the device's. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#define TEXT_SIZE 100000u

static struct disk_system disk_system;
static char link_path[64];

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	disk_system_path(&disk_system, "tty", link_path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_system_abandon(&disk_system);
	return 0;
}

static void serve(const char *options)
{
	snprintf(disk_system.device, sizeof(disk_system.device), "console,link=%s%s", link_path,
		 options);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--device", disk_system.device, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
}

static int open_terminal(const char *suffix)
{
	char name[96];

	snprintf(name, sizeof(name), "%s%s", link_path, suffix);
	const int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The frontend's standard input is what `input` (a shell command) prints. */
static void start_frontend(const char *input, const char *options)
{
	char line[512];

	snprintf(line, sizeof(line), "%s | %s/vmsg-ffa-emu frontend -s %s %s console", input,
		 VMSG_BINARY_DIR, disk_system.daemon.socket_path, options);
	process_start(&disk_system.frontend, "/bin/sh", (const char *const[]){ "-c", line, NULL });
}

static size_t read_some(int fd, uint8_t *data, size_t size)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };

	if (poll(&at, 1, PROCESS_PATIENCE_MS) != 1) {
		return 0;
	}
	const ssize_t got = read(fd, data, size);
	return got > 0 ? (size_t)got : 0;
}

/* Far more than the buffers and the terminal hold: nothing may be lost between them. */
static void pipe_through(const char *options)
{
	static uint8_t got[TEXT_SIZE];
	char input[64];
	size_t size = 0;
	size_t part;

	serve("");
	const int terminal = open_terminal("");
	(void)snprintf(input, sizeof(input), "yes 0123456 | head -c %u", TEXT_SIZE);
	start_frontend(input, options);
	while (size < TEXT_SIZE && (part = read_some(terminal, got + size, TEXT_SIZE - size)) > 0) {
		size += part;
	}
	assert_int_equal(size, TEXT_SIZE);
	for (size_t i = 0; i < TEXT_SIZE; i++) {
		assert_int_equal(got[i], "0123456\n"[i % 8]);
	}
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_int_equal(close(terminal), 0);
	assert_int_equal(process_stop(&disk_system.backend), 0);
}

static void what_is_piped_in_comes_out(void **state)
{
	(void)state;
	pipe_through("");
}

static void what_is_piped_in_comes_out_of_areas_on_demand(void **state)
{
	(void)state;
	pipe_through("--areas demand");
	assert_areas_came_back(&disk_system);
	pipe_through("--areas demand --profile r0");
	assert_areas_came_back(&disk_system);
}

static void the_other_way_through_a_second_port(void **state)
{
	(void)state;

	char fifo[64];
	char input[80];

	serve(",ports=2");
	const int terminal = open_terminal("1");
	disk_system_path(&disk_system, "input", fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	(void)snprintf(input, sizeof(input), "cat %s", fifo);
	start_frontend(input, "--port 1");
	const int feed = open(fifo, O_WRONLY | O_CLOEXEC); /* the input ends when it is closed */
	assert_true(feed >= 0);
	assert_int_equal(write(terminal, "hello from the host\n", 20), 20);
	process_await(&disk_system.frontend, &disk_system.frontend.output, "hello from the host");
	assert_int_equal(close(feed), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_int_equal(close(terminal), 0);
}

static void a_port_that_is_not_there(void **state)
{
	(void)state;

	serve("");
	start_frontend("true", "--port 1");
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_non_null(strstr(disk_system.frontend.errors.text,
			       "--port is 1, but the console has 1 port, counted from 0"));
}

/* ---- a person's terminal ---- */

/* Both ends of a new pseudo-terminal: the person's, and the one that programs have. */
struct person {
	int hand;
	int terminal;
	struct termios before;
};

static void sit_down(struct person *person)
{
	person->hand = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(person->hand >= 0);
	assert_int_equal(grantpt(person->hand), 0);
	assert_int_equal(unlockpt(person->hand), 0);
	person->terminal = open(ptsname(person->hand), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(person->terminal >= 0);
	assert_int_equal(tcgetattr(person->terminal, &person->before), 0);
}

static bool is_as_before(const struct person *person)
{
	struct termios now;

	assert_int_equal(tcgetattr(person->terminal, &now), 0);
	return now.c_lflag == person->before.c_lflag && now.c_iflag == person->before.c_iflag &&
	       now.c_oflag == person->before.c_oflag;
}

static void start_at_terminal(const struct person *person)
{
	char line[512];

	snprintf(line, sizeof(line), "exec %s/vmsg-ffa-emu frontend -s %s console <%s",
		 VMSG_BINARY_DIR, disk_system.daemon.socket_path, ptsname(person->hand));
	process_start(&disk_system.frontend, "/bin/sh", (const char *const[]){ "-c", line, NULL });
	process_await(&disk_system.frontend, &disk_system.frontend.errors, "Ctrl-] leaves");
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;
	while (is_as_before(person)) {
		assert_true(process_now_ms() < end_ms);
	}
}

/* Every key but one is the other side's, those that would end or stop a program too. */
static void keys_go_through(const struct person *person, int device)
{
	static const char keys[] = "a\r\003\032\034";
	uint8_t got[8];
	size_t size = 0;
	size_t part;

	assert_int_equal(write(person->hand, keys, 5), 5);
	while (size < 5 && (part = read_some(device, got + size, sizeof(got) - size)) > 0) {
		size += part;
	}
	assert_int_equal(size, 5);
	assert_memory_equal(got, keys, 5);
	assert_int_equal(write(device, "login: ", 7), 7);
	process_await_bytes(&disk_system.frontend, &disk_system.frontend.output, 7);
	assert_memory_equal(disk_system.frontend.output.text, "login: ", 7);
}

static void a_terminal_is_raw_until_it_is_left_and_then_as_before(void **state)
{
	static const int signals[] = { 0, SIGTERM, SIGINT, SIGHUP };
	struct person person;

	(void)state;
	serve("");
	const int device = open_terminal("");
	sit_down(&person);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		start_at_terminal(&person);
		keys_go_through(&person, device);
		if (signals[i] == 0) {
			assert_int_equal(write(person.hand, "\035", 1), 1); /* Ctrl-] */
		} else {
			assert_int_equal(kill(disk_system.frontend.pid, signals[i]), 0);
		}
		assert_int_equal(process_finish(&disk_system.frontend), 0);
		assert_true(is_as_before(&person));
	}
	assert_int_equal(close(device), 0);
	assert_int_equal(close(person.terminal), 0);
	assert_int_equal(close(person.hand), 0);
}

static void a_terminal_is_as_before_when_the_backend_is_gone(void **state)
{
	struct person person;

	(void)state;
	serve("");
	sit_down(&person);
	start_at_terminal(&person);
	assert_int_equal(kill(disk_system.backend.pid, SIGKILL), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 1);
	assert_true(is_as_before(&person));
	assert_int_equal(close(person.terminal), 0);
	assert_int_equal(close(person.hand), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_piped_in_comes_out),
		TEST(what_is_piped_in_comes_out_of_areas_on_demand),
		TEST(the_other_way_through_a_second_port),
		TEST(a_port_that_is_not_there),
		TEST(a_terminal_is_raw_until_it_is_left_and_then_as_before),
		TEST(a_terminal_is_as_before_when_the_backend_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
