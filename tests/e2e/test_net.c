/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames across FF-A, between two sockets of the test; and from passt, which is nobody's
 * here. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#define FRAMES 300u
#define WINDOW 50u /* frames on their way: they fit the sockets' buffers */
#define PASST  "/usr/bin/passt"

static struct disk_system disk_system;
static struct process passt;

static int setup(void **state)
{
	(void)state;
	disk_system_open(&disk_system);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	process_kill(&passt);
	disk_system_abandon(&disk_system);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int accept_from(int listener)
{
	struct pollfd at = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&at, 1, PROCESS_PATIENCE_MS), 1);
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(close(listener), 0);
	return fd;
}

static void serve(const char *path)
{
	snprintf(disk_system.device, sizeof(disk_system.device), "net,socket=%s", path);
	process_start(&disk_system.backend, NULL,
		      (const char *const[]){ "backend", "-s", disk_system.daemon.socket_path,
					     "--device", disk_system.device, NULL });
	process_await(&disk_system.backend, &disk_system.backend.output, "ready: ");
}

/* Frame n: its number everywhere, its length varying. */
static size_t make_frame(uint32_t n, uint8_t frame[2048])
{
	const size_t size = 60 + n * 37 % 1455;

	memset(frame, (int)n, size);
	frame[0] = (uint8_t)(n >> 8);
	return size;
}

static void send_frame(int fd, const uint8_t *frame, size_t size)
{
	const uint8_t prefix[4] = { 0, 0, (uint8_t)(size >> 8), (uint8_t)size };

	assert_int_equal(write(fd, prefix, sizeof(prefix)), sizeof(prefix));
	assert_int_equal(write(fd, frame, size), size);
}

static void read_all(int fd, uint8_t *data, size_t size)
{
	while (size > 0) {
		struct pollfd at = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&at, 1, PROCESS_PATIENCE_MS), 1);
		const ssize_t got = read(fd, data, size);
		assert_true(got > 0);
		data += got;
		size -= (size_t)got;
	}
}

static size_t receive_frame(int fd, uint8_t frame[65536])
{
	uint8_t prefix[4];

	read_all(fd, prefix, sizeof(prefix));
	const size_t size = (size_t)prefix[2] << 8 | prefix[3];
	read_all(fd, frame, size);
	return size;
}

static void send_many(int from, int to)
{
	static uint8_t got[65536];
	uint8_t frame[2048];

	for (uint32_t n = 0, ahead = 0; n < FRAMES; n++) {
		for (; ahead < FRAMES && ahead < n + WINDOW; ahead++) {
			send_frame(from, frame, make_frame(ahead, frame));
		}
		const size_t size = make_frame(n, frame);
		assert_int_equal(receive_frame(to, got), size);
		assert_memory_equal(got, frame, size);
	}
}

static void cross(const char *areas)
{
	char device_path[64];
	char driver_path[64];
	const int device_listener =
		listen_at(disk_system_path(&disk_system, "device", device_path));
	const int driver_listener =
		listen_at(disk_system_path(&disk_system, "driver", driver_path));

	serve(device_path);
	FRONTEND_START(&disk_system, "--json", "net", "--socket", driver_path, "--areas", areas);
	const int device = accept_from(device_listener);
	const int driver = accept_from(driver_listener);
	send_many(driver, device);
	send_many(device, driver);
	assert_int_equal(close(driver), 0); /* the frontend's job is over when its link is */
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	assert_string_equal(disk_system.frontend.output.text,
			    "{\"job\":\"net\",\"sent\":300,\"received\":300,\"dropped\":0}\n");
	assert_int_equal(close(device), 0);
	assert_int_equal(process_stop(&disk_system.backend), 0);
}

static void frames_cross_in_order_both_ways(void **state)
{
	(void)state;
	cross("pool");
}

static void frames_cross_in_areas_on_demand(void **state)
{
	(void)state;
	cross("demand");
	assert_areas_came_back(&disk_system);
}

static void a_signal_ends_it_and_the_next_may_come(void **state)
{
	(void)state;
	char device_path[64];
	char driver_path[64];
	const int device_listener =
		listen_at(disk_system_path(&disk_system, "device", device_path));

	serve(device_path);
	const int device = accept_from(device_listener);
	for (int i = 0; i < 2; i++) {
		const int driver_listener =
			listen_at(disk_system_path(&disk_system, "driver", driver_path));
		FRONTEND_START(&disk_system, "net", "--socket", driver_path);
		const int driver = accept_from(driver_listener);
		send_many(driver, device);
		assert_int_equal(kill(disk_system.frontend.pid, SIGINT), 0);
		assert_int_equal(process_finish(&disk_system.frontend), 0);
		assert_int_equal(close(driver), 0);
		assert_int_equal(unlink(driver_path), 0);
	}
	assert_int_equal(close(device), 0);
}

static void passt_answers_over_it(void **state)
{
	(void)state;
	/* who has 192.0.2.2? passt answers for every address but the guest's own */
	static const uint8_t request[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0,
					     0x12, 0x34, 0x56, 8,    6,    0,    1,    8,    0,
					     6,    4,    0,    1,    0x52, 0x54, 0,    0x12, 0x34,
					     0x56, 192,  0,    2,    1,    0,    0,    0,    0,
					     0,    0,    192,  0,    2,    2 };
	static uint8_t got[65536];
	char passt_path[64];
	char driver_path[64];
	const int listener = listen_at(disk_system_path(&disk_system, "driver", driver_path));

	if (access(PASST, X_OK) != 0) {
		print_message("skipped: passt is not installed\n");
		(void)close(listener);
		skip();
	}
	/* passt gives up root and then may not write into our directory */
	snprintf(passt_path, sizeof(passt_path), "/tmp/vmsg-passt-%d.sock", (int)getpid());
	process_start(&passt, PASST,
		      (const char *const[]){ "-f", "-1", "-s", passt_path, "-a", "192.0.2.1", "-g",
					     "192.0.2.2", "-4", NULL });
	process_await(&passt, &passt.errors, "qrap");
	serve(passt_path);
	FRONTEND_START(&disk_system, "net", "--socket", driver_path);
	const int driver = accept_from(listener);
	send_frame(driver, request, sizeof(request));
	do {
		(void)receive_frame(driver, got);
	} while (got[12] != 8 || got[13] != 6);
	assert_int_equal(got[21], 2);                   /* an ARP reply ... */
	assert_memory_equal(got + 28, request + 38, 4); /* ... of the address asked for */
	assert_int_equal(close(driver), 0);
	assert_int_equal(process_finish(&disk_system.frontend), 0);
	(void)unlink(passt_path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(frames_cross_in_order_both_ways),
		TEST(frames_cross_in_areas_on_demand),
		TEST(a_signal_ends_it_and_the_next_may_come),
		TEST(passt_answers_over_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
