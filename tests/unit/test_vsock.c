/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-vsock: programs of the host on Unix sockets, the guest played packet by packet. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/device_rig.h"

#include "devices/vsock.h"
#include "virtio_msg_ffa/error.h"

#define GUEST 42u
#define HOST  VSOCK_CID_HOST

static struct device_rig rig;
static char folder[64];
static char path[96];
static uint32_t next_buffer;

static void open_device(void)
{
	char text[192];

	(void)snprintf(text, sizeof(text), "vsock,socket=%s,guest-cid=%u", path, GUEST);
	rig_open(&rig, text, 0, 0);
	for (uint32_t i = 0; i < VSOCK_QUEUES; i++) {
		rig_queue(&rig, i);
	}
	rig_run(&rig);
}

static int setup(void **state)
{
	(void)state;
	(void)strcpy(folder, "/tmp/vmsg-vsock-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/vm", folder);
	next_buffer = 0;
	open_device();
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	rig_close(&rig);
	(void)snprintf(command, sizeof(command), "%s_1234", path);
	(void)unlink(command);
	return rmdir(folder);
}

/* ---- the guest ---- */

static void send_packet(const struct vsock_header *header, const void *data, uint32_t size)
{
	uint32_t written;

	vsock_header_store(header, rig_buffer(40));
	if (size > 0) {
		memcpy(rig_buffer(40) + VSOCK_HEADER_SIZE, data, size);
	}
	rig_add(&rig, VSOCK_QUEUE_TRANSMIT, 40, VSOCK_HEADER_SIZE + size, 0);
	rig_kick(&rig, VSOCK_QUEUE_TRANSMIT);
	assert_int_equal(rig_await(&rig, VSOCK_QUEUE_TRANSMIT, &written), 40);
}

/* A packet of the guest's port to a port of the host, with room for 64 KiB. */
static void send_op(enum vsock_op op, uint32_t from, uint32_t to, const void *data, uint32_t size)
{
	const struct vsock_header header = {
		.src_cid = GUEST,
		.dst_cid = HOST,
		.src_port = from,
		.dst_port = to,
		.len = size,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.buf_alloc = 65536,
		.flags = op == VSOCK_SHUTDOWN ? 3 : 0,
	};

	send_packet(&header, data, size);
}

/* A buffer for the next packet; the data behind its header is returned. */
static void offer(void)
{
	rig_add(&rig, VSOCK_QUEUE_RECEIVE, next_buffer, 0, 4096);
	rig_kick(&rig, VSOCK_QUEUE_RECEIVE);
	next_buffer = (next_buffer + 2) % 32;
}

static const uint8_t *await_packet(struct vsock_header *header)
{
	uint32_t written;
	const uint8_t *bytes = rig_buffer(rig_await(&rig, VSOCK_QUEUE_RECEIVE, &written) + 1);

	assert_true(written >= VSOCK_HEADER_SIZE);
	vsock_header_load(header, bytes);
	assert_int_equal(written, VSOCK_HEADER_SIZE + header->len);
	assert_int_equal(header->src_cid, HOST);
	assert_int_equal(header->dst_cid, GUEST);
	return bytes + VSOCK_HEADER_SIZE;
}

static const uint8_t *receive(struct vsock_header *header)
{
	offer();
	return await_packet(header);
}

static void expect(enum vsock_op op, uint32_t from, uint32_t to)
{
	struct vsock_header header;

	(void)receive(&header);
	assert_int_equal(header.op, op);
	assert_int_equal(header.src_port, from);
	assert_int_equal(header.dst_port, to);
}

/* ---- the host ---- */

static int connect_program(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int listen_program(uint32_t port)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s_%u", path, port);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static size_t read_some(int fd, void *data, size_t size)
{
	for (int i = 0; i < 1000; i++) {
		struct pollfd at = { .fd = fd, .events = POLLIN };
		rig_work(&rig);
		if (poll(&at, 1, 10) == 1) {
			const ssize_t got = read(fd, data, size);
			return got > 0 ? (size_t)got : 0;
		}
	}
	fail_msg("nothing came");
	return 0;
}

static void expect_text(int fd, const char *text)
{
	char got[64] = "";
	size_t size = 0;

	while (size < strlen(text)) {
		const size_t part = read_some(fd, got + size, strlen(text) - size);
		assert_true(part > 0);
		size += part;
	}
	assert_string_equal(got, text);
}

static void write_text(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A stream from a program to port 7 of the guest; the host's port. */
static uint32_t open_stream(int fd)
{
	struct vsock_header header;
	char answer[32];

	write_text(fd, "CONNECT 7\n");
	(void)receive(&header);
	assert_int_equal(header.op, VSOCK_REQUEST);
	assert_int_equal(header.dst_port, 7);
	assert_int_equal(header.buf_alloc, VSOCK_BUFFER_SIZE);
	send_op(VSOCK_RESPONSE, 7, header.src_port, NULL, 0);
	(void)snprintf(answer, sizeof(answer), "OK %u\n", header.src_port);
	expect_text(fd, answer);
	return header.src_port;
}

/* ---- */

static void a_program_reaches_the_guest(void **state)
{
	(void)state;
	struct vsock_header header;
	const int fd = connect_program();
	const uint32_t port = open_stream(fd);

	write_text(fd, "to the guest");
	const uint8_t *data = receive(&header);
	assert_int_equal(header.op, VSOCK_RW);
	assert_int_equal(header.len, 12);
	assert_memory_equal(data, "to the guest", 12);
	send_op(VSOCK_RW, 7, port, "to the host", 11);
	expect_text(fd, "to the host");
	assert_int_equal(close(fd), 0);
	expect(VSOCK_SHUTDOWN, port, 7);
	assert_int_equal(rig.device->errors, 0);
}

static void the_guest_reaches_a_program(void **state)
{
	(void)state;
	struct vsock_header header;
	const int listener = listen_program(1234);

	send_op(VSOCK_REQUEST, 5000, 1234, NULL, 0);
	expect(VSOCK_RESPONSE, 1234, 5000);
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	send_op(VSOCK_RW, 5000, 1234, "hello", 5);
	expect_text(fd, "hello");
	write_text(fd, "and back");
	const uint8_t *data = receive(&header);
	assert_int_equal(header.fwd_cnt, 5);
	assert_memory_equal(data, "and back", 8);
	send_op(VSOCK_SHUTDOWN, 5000, 1234, NULL, 0);
	expect(VSOCK_RST, 1234, 5000);
	assert_int_equal(read_some(fd, &header, 1), 0); /* the end */
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(listener), 0);
}

static void a_port_without_a_program_is_reset(void **state)
{
	(void)state;

	send_op(VSOCK_REQUEST, 5000, 99, NULL, 0);
	expect(VSOCK_RST, 99, 5000);
	send_op(VSOCK_RW, 5000, 1234, "lost", 4);
	expect(VSOCK_RST, 1234, 5000);
	assert_int_equal(rig.device->errors, 2);
}

static void nothing_is_sent_that_the_guest_has_no_room_for(void **state)
{
	(void)state;
	struct vsock_header header = {
		.src_cid = GUEST,
		.dst_cid = HOST,
		.src_port = 7,
		.type = VSOCK_TYPE_STREAM,
		.op = VSOCK_CREDIT_UPDATE,
		.buf_alloc = 10,
	};
	struct vsock_header got;
	uint32_t written;
	uint32_t n;
	const int fd = connect_program();

	header.dst_port = open_stream(fd);
	send_packet(&header, NULL, 0);
	write_text(fd, "0123456789abcdef");
	(void)receive(&got);
	assert_int_equal(got.len, 10);
	offer();
	for (int i = 0; i < 20; i++) {
		assert_false(rig_poll(&rig, VSOCK_QUEUE_RECEIVE, &n, &written));
	}
	header.fwd_cnt = 10;
	send_packet(&header, NULL, 0);
	const uint8_t *data = await_packet(&got);
	assert_int_equal(got.len, 6);
	assert_memory_equal(data, "abcdef", 6);
	assert_int_equal(close(fd), 0);
}

/* More than we said we have room for, while the program does not read. */
static void a_guest_that_sends_too_much_is_reset(void **state)
{
	(void)state;
	static uint8_t data[4000];
	struct vsock_header header;
	const int fd = connect_program();
	const uint32_t port = open_stream(fd);
	const int least = 1;
	uint32_t sent = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	for (; sent < 1000 && rig.device->errors == 0; sent++) {
		send_op(VSOCK_RW, 7, port, data, sizeof(data));
	}
	assert_in_range(sent, 16, 999);
	do { /* credit updates may come before it */
		(void)receive(&header);
	} while (header.op == VSOCK_CREDIT_UPDATE);
	assert_int_equal(header.op, VSOCK_RST);
	assert_int_equal(close(fd), 0);
}

static void a_program_that_says_something_else_is_hung_up_on(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"HELLO\n",       "CONNECT\n",
		"CONNECT x\n",   "CONNECT 0\n",
		"CONNECT -1\n",  "CONNECT 4294967296\n",
		"CONNECT 1 2\n", "CONNECT 11111111111111111111111111111111"
	};
	uint8_t byte;

	offer();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const int fd = connect_program();
		write_text(fd, lines[i]);
		assert_int_equal(read_some(fd, &byte, 1), 0);
		assert_int_equal(close(fd), 0);
	}
}

static void malformed_packets_are_counted(void **state)
{
	(void)state;
	const struct vsock_header good = {
		.src_cid = GUEST,
		.dst_cid = HOST,
		.src_port = 1,
		.dst_port = 2,
		.type = VSOCK_TYPE_STREAM,
		.op = VSOCK_RST,
	};
	struct vsock_header bad = good;
	uint32_t written;

	bad.len = 1; /* but none follows */
	send_packet(&bad, NULL, 0);
	bad = good;
	bad.src_cid = GUEST + 1; /* not its own */
	send_packet(&bad, NULL, 0);
	bad = good;
	bad.dst_cid = HOST + 1;
	send_packet(&bad, NULL, 0);
	bad = good;
	bad.type = 2;
	send_packet(&bad, NULL, 0);
	bad = good;
	bad.op = 99;
	send_packet(&bad, NULL, 0);
	rig_add(&rig, VSOCK_QUEUE_TRANSMIT, 40, VSOCK_HEADER_SIZE - 1, 0);
	rig_kick(&rig, VSOCK_QUEUE_TRANSMIT);
	(void)rig_await(&rig, VSOCK_QUEUE_TRANSMIT, &written);
	assert_int_equal(rig.device->errors, 6);
}

static void a_reset_ends_all_streams(void **state)
{
	(void)state;
	uint8_t byte;
	const int fd = connect_program();

	(void)open_stream(fd);
	rig_reset(&rig);
	assert_int_equal(read_some(fd, &byte, 1), 0);
	assert_int_equal(close(fd), 0);
}

static void streams_are_bounded(void **state)
{
	(void)state;
	struct vsock_header header;
	const int listener = listen_program(1234);
	int fds[VSOCK_STREAMS_MAX];

	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		send_op(VSOCK_REQUEST, 5000 + i, 1234, NULL, 0);
		expect(VSOCK_RESPONSE, 1234, 5000 + i);
		fds[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		assert_true(fds[i] >= 0);
	}
	send_op(VSOCK_REQUEST, 4999, 1234, NULL, 0);
	expect(VSOCK_RST, 1234, 4999);
	send_op(VSOCK_RST, 5001, 1234, NULL, 0);
	assert_int_equal(read_some(fds[1], &header, 1), 0);
	send_op(VSOCK_REQUEST, 4999, 1234, NULL, 0);
	expect(VSOCK_RESPONSE, 1234, 4999);
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		(void)close(fds[i]);
	}
	assert_int_equal(close(listener), 0);
}

static void bad_options_name_the_key(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *names;
	} cases[] = {
		{ "vsock", "socket=PATH is missing" },
		{ "vsock,socket=/nonexistent/vm", "socket '/nonexistent/vm'" },
		{ "vsock,socket=x,guest-cid=2", "guest-cid '2' is no number from 3" },
	};
	char text[160];
	char why[512] = "";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(emu_device_open(cases[i].text, 0, why, sizeof(why)));
		assert_non_null(strstr(why, cases[i].names));
	}
	/* one that somebody has is not taken away from him */
	(void)snprintf(text, sizeof(text), "vsock,socket=%s", path);
	assert_null(emu_device_open(text, 0, why, sizeof(why)));
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_program_reaches_the_guest),
		TEST(the_guest_reaches_a_program),
		TEST(a_port_without_a_program_is_reset),
		TEST(nothing_is_sent_that_the_guest_has_no_room_for),
		TEST(a_guest_that_sends_too_much_is_reset),
		TEST(a_program_that_says_something_else_is_hung_up_on),
		TEST(malformed_packets_are_counted),
		TEST(a_reset_ends_all_streams),
		TEST(streams_are_bounded),
		TEST(bad_options_name_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
