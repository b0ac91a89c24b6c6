/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-console on pseudo-terminals. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/device_rig.h"

#include "devices/chain.h"
#include "devices/console.h"
#include "virtio_msg_ffa/proto.h"

#define MULTIPORT (1u << CONSOLE_F_MULTIPORT)

static struct device_rig rig;
static char folder[64];
static char link_name[96];

/* The program at the other end of a port's terminal. */
static int open_terminal(const char *name)
{
	const int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void open_console(const char *options, uint32_t features, uint32_t queues)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "console,link=%s%s", link_name, options);
	rig_open(&rig, text, features, 0);
	for (uint32_t i = 0; i < queues; i++) {
		rig_queue(&rig, i);
	}
	rig_run(&rig);
}

static int setup(void **state)
{
	(void)state;
	(void)strcpy(folder, "/tmp/vmsg-console-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(link_name, sizeof(link_name), "%s/tty", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(&rig);
	return rmdir(folder); /* so the links are gone */
}

static void bytes_cross_both_ways(void **state)
{
	(void)state;
	char text[16] = "";
	uint32_t written;

	open_console("", 0, 2);
	const int terminal = open_terminal(link_name);
	memcpy(rig_buffer(0), "to the host", 11);
	rig_add(&rig, 1, 0, 11, 0);
	rig_kick(&rig, 1);
	assert_int_equal(rig_await(&rig, 1, &written), 0);
	assert_int_equal(written, 0);
	assert_int_equal(read(terminal, text, sizeof(text)), 11);
	assert_memory_equal(text, "to the host", 11);

	rig_add(&rig, 0, 2, 0, 4096);
	rig_kick(&rig, 0);
	assert_int_equal(write(terminal, "to the guest", 12), 12);
	assert_int_equal(rig_await(&rig, 0, &written), 2);
	assert_int_equal(written, 12);
	assert_memory_equal(rig_buffer(3), "to the guest", 12);
	assert_int_equal(close(terminal), 0);
}

static void input_waits_for_buffers(void **state)
{
	(void)state;
	uint32_t written;
	uint32_t n;

	open_console("", 0, 2);
	const int terminal = open_terminal(link_name);
	assert_int_equal(write(terminal, "abcdef", 6), 6);
	for (int i = 0; i < 20; i++) {
		assert_false(rig_poll(&rig, 0, &n, &written));
	}
	for (uint32_t i = 0; i < 3; i++) {
		rig_add(&rig, 0, 4 + 2 * i, 0, 2);
	}
	rig_kick(&rig, 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rig_await(&rig, 0, &written), 4 + 2 * i);
		assert_int_equal(written, 2);
		assert_memory_equal(rig_buffer(5 + 2 * i), &"abcdef"[2 * i], 2);
	}
	assert_int_equal(close(terminal), 0);
}

/* A buffer is acknowledged when the terminal has it, not before. */
static void output_waits_for_the_terminal(void **state)
{
	(void)state;
	static uint8_t got[16 * 4096];
	uint32_t acknowledged = 0;
	uint32_t written;
	size_t size = 0;
	uint32_t n;

	open_console("", 0, 2);
	const int terminal = open_terminal(link_name);
	for (uint32_t i = 0; i < 16; i++) {
		memset(rig_buffer(i), 'a' + (int)i, 4096);
		rig_add(&rig, 1, i, 4096, 0);
	}
	rig_kick(&rig, 1);
	while (rig_poll(&rig, 1, &n, &written)) {
		acknowledged++;
	}
	assert_in_range(acknowledged, 1, 15); /* a terminal holds some pages */
	for (int i = 0; i < 1000 && acknowledged < 16; i++) {
		const ssize_t part = read(terminal, got + size, sizeof(got) - size);
		size += part > 0 ? (size_t)part : 0;
		while (rig_poll(&rig, 1, &n, &written)) {
			assert_int_equal(n, acknowledged++);
		}
	}
	assert_int_equal(acknowledged, 16);
	for (int i = 0; i < 1000 && size < sizeof(got); i++) {
		const ssize_t part = read(terminal, got + size, sizeof(got) - size);
		size += part > 0 ? (size_t)part : 0;
	}
	assert_int_equal(size, sizeof(got));
	for (size_t i = 0; i < size; i++) {
		assert_int_equal(got[i], 'a' + i / 4096);
	}
	assert_int_equal(close(terminal), 0);
}

static void send_control(uint32_t port, uint32_t event, uint32_t value)
{
	uint32_t written;

	store_le(rig_buffer(40), port, 4);
	store_le(rig_buffer(40) + 4, event, 2);
	store_le(rig_buffer(40) + 6, value, 2);
	rig_add(&rig, CONSOLE_QUEUE_CONTROL_TRANSMIT, 40, CONSOLE_CONTROL_SIZE, 0);
	rig_kick(&rig, CONSOLE_QUEUE_CONTROL_TRANSMIT);
	assert_int_equal(rig_await(&rig, CONSOLE_QUEUE_CONTROL_TRANSMIT, &written), 40);
}

static const uint8_t *await_control(uint32_t *size)
{
	rig_add(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE, 42, 0, 128);
	rig_kick(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE);
	assert_int_equal(rig_await(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE, size), 42);
	return rig_buffer(43);
}

static void expect_control(uint32_t port, uint32_t event)
{
	uint32_t size;
	const uint8_t *message = await_control(&size);

	assert_true(size >= CONSOLE_CONTROL_SIZE);
	assert_int_equal(load_le(message, 4), port);
	assert_int_equal(load_le(message + 4, 2), event);
	assert_int_equal(load_le(message + 6, 2), 1);
}

static void ports_introduce_themselves(void **state)
{
	(void)state;
	uint32_t written;
	uint32_t n;
	uint32_t size;

	open_console(",ports=3,name=guest", MULTIPORT, 8);
	assert_int_equal(rig_config(&rig, CONSOLE_CONFIG_MAX_NR_PORTS, 4), 3);
	send_control(0, CONSOLE_DEVICE_READY, 1);
	for (uint32_t i = 0; i < 3; i++) {
		expect_control(i, CONSOLE_DEVICE_ADD);
	}
	send_control(0, CONSOLE_PORT_READY, 1);
	expect_control(0, CONSOLE_CONSOLE_PORT);
	expect_control(0, CONSOLE_PORT_OPEN);
	const uint8_t *message = await_control(&size);
	assert_int_equal(load_le(message + 4, 2), CONSOLE_PORT_NAME);
	assert_int_equal(size, CONSOLE_CONTROL_SIZE + 7);
	assert_memory_equal(message + CONSOLE_CONTROL_SIZE, "guest.0", 7);
	send_control(2, CONSOLE_PORT_READY, 1);
	expect_control(2, CONSOLE_PORT_OPEN);
	expect_control(2, CONSOLE_PORT_NAME);
	rig_add(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE, 42, 0, 128);
	rig_kick(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE);
	assert_false(rig_poll(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE, &n, &written));
	assert_int_equal(rig.device->errors, 0);
}

static void each_port_has_its_own_terminal(void **state)
{
	(void)state;
	char name[128];
	uint32_t written;

	open_console(",ports=2", MULTIPORT, 6);
	(void)snprintf(name, sizeof(name), "%s1", link_name);
	const int terminal = open_terminal(name);
	rig_add(&rig, CONSOLE_QUEUE_RECEIVE(1), 0, 0, 64);
	rig_kick(&rig, CONSOLE_QUEUE_RECEIVE(1));
	assert_int_equal(write(terminal, "one", 3), 3);
	assert_int_equal(rig_await(&rig, CONSOLE_QUEUE_RECEIVE(1), &written), 0);
	assert_int_equal(written, 3);
	assert_memory_equal(rig_buffer(1), "one", 3);
	assert_int_equal(close(terminal), 0);
}

static void bad_control_messages_are_counted(void **state)
{
	(void)state;
	uint32_t written;
	uint32_t n;

	open_console(",ports=2", MULTIPORT, 6);
	send_control(2, CONSOLE_PORT_READY, 1);          /* no such port */
	send_control(UINT32_MAX, CONSOLE_PORT_READY, 1); /* nor this */
	send_control(0, 99, 1);                          /* no such event */
	rig_add(&rig, CONSOLE_QUEUE_CONTROL_TRANSMIT, 40, 3, 0);
	rig_kick(&rig, CONSOLE_QUEUE_CONTROL_TRANSMIT);
	(void)rig_await(&rig, CONSOLE_QUEUE_CONTROL_TRANSMIT, &written);
	assert_int_equal(rig.device->errors, 4);
	rig_add(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE, 42, 0, 128);
	rig_kick(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE);
	assert_false(rig_poll(&rig, CONSOLE_QUEUE_CONTROL_RECEIVE, &n, &written));
}

static void an_emergency_write_needs_no_queue(void **state)
{
	(void)state;
	const uint8_t character[4] = { '!', 0, 0, 0 };
	char got = 0;

	open_console("", 1u << CONSOLE_F_EMERG_WRITE, 0);
	const int terminal = open_terminal(link_name);
	assert_true(rig_write_config(&rig, CONSOLE_CONFIG_EMERG_WR, character, 4));
	assert_false(rig_write_config(&rig, CONSOLE_CONFIG_MAX_NR_PORTS, character, 4));
	assert_int_equal(read(terminal, &got, 1), 1);
	assert_int_equal(got, '!');
	assert_int_equal(close(terminal), 0);
}

static void a_reset_forgets_what_was_being_written(void **state)
{
	(void)state;
	uint32_t written;
	uint32_t n;

	open_console("", 0, 2);
	for (uint32_t i = 0; i < 16; i++) {
		rig_add(&rig, 1, i, 4096, 0);
	}
	rig_kick(&rig, 1);
	while (rig_poll(&rig, 1, &n, &written)) {
	}
	rig_reset(&rig);
	/* the terminal that can be written again must not wake anything old */
	const int terminal = open_terminal(link_name);
	static uint8_t drain[65536];
	while (read(terminal, drain, sizeof(drain)) > 0) {
	}
	for (int i = 0; i < 10; i++) {
		rig.device->work(rig.device);
		vmsg_device_tick(&rig.device->machine, 0);
	}
	assert_int_equal(close(terminal), 0);
}

/* Output that nobody will ever take goes back to the driver, and is counted; the input goes on. */
static void a_reader_that_leaves_is_an_error_of_its_port(void **state)
{
	(void)state;
	int ends[2];
	uint32_t written;
	const int out = dup(STDOUT_FILENO);

	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as the backend does */
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	rig_open(&rig, "console,stdio=on", 0, 0);
	rig_queue(&rig, 0);
	rig_queue(&rig, 1);
	rig_run(&rig);
	assert_int_equal(close(ends[0]), 0);
	for (uint32_t i = 0; i < 2; i++) {
		rig_add(&rig, 1, i, 100, 0);
		rig_kick(&rig, 1);
		const uint32_t back = rig_await(&rig, 1, &written);
		assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
		assert_int_equal(back, i);
		assert_int_equal(rig.device->errors, i + 1);
		assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	}
	rig_reset(&rig);
	assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(close(out), 0);
	assert_int_equal(close(ends[1]), 0);
}

static void bad_options_name_the_key(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *names;
	} cases[] = {
		{ "console,ports=8", "ports '8' is no number from 1 to 7" },
		{ "console,ports=0", "ports '0'" },
		{ "console,stdio=perhaps", "stdio 'perhaps'" },
		{ "console,speed=9600", "'speed=9600'" },
		{ "console,link=/nonexistent/folder/tty", "/nonexistent/folder/tty" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[512] = "";
		assert_null(emu_device_open(cases[i].text, 0, why, sizeof(why)));
		assert_non_null(strstr(why, cases[i].names));
	}
	open_console("", 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bytes_cross_both_ways),
		TEST(input_waits_for_buffers),
		TEST(output_waits_for_the_terminal),
		TEST(ports_introduce_themselves),
		TEST(each_port_has_its_own_terminal),
		TEST(bad_control_messages_are_counted),
		TEST(an_emergency_write_needs_no_queue),
		TEST(a_reset_forgets_what_was_being_written),
		TEST(a_reader_that_leaves_is_an_error_of_its_port),
		TEST(bad_options_name_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
