/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk across FF-A twice: the frontend of one system drives a backend there, whose disk is a
 * vhost-user daemon, which is the frontend of another system, that drives a backend there, which
 * has the image. So our two ends of vhost-user meet; tests/guest has QEMU's.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/disk_system.h"

#include "devices/chain.h"
#include "devices/vhost_user.h"

static struct disk_system far;    /* has the image */
static struct disk_system nearby; /* has nothing but what it is offered */
static struct process server;     /* frontend of `far` */
static char socket_path[64];

static int setup(void **state)
{
	(void)state;
	disk_system_open(&far);
	disk_system_open(&nearby);
	disk_system_path(&nearby, "vhost", socket_path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	process_kill(&server);
	disk_system_abandon(&nearby);
	disk_system_abandon(&far);
	return 0;
}

/* With up to four more arguments. */
static void start_server(const char *const *more)
{
	const char *arguments[12] = { "frontend", "-s", far.daemon.socket_path,
				      "--vhost-user-server", socket_path };

	for (size_t i = 0; more && more[i]; i++) {
		arguments[5 + i] = more[i];
	}
	process_start(&server, NULL, arguments);
	process_await(&server, &server.output, "ready: ");
}

static void start_nearby(void)
{
	process_start(&nearby.backend, NULL,
		      (const char *const[]){ "backend", "-s", nearby.daemon.socket_path,
					     "--vhost-user", socket_path, NULL });
	process_await(&nearby.backend, &nearby.backend.output, "ready: ");
}

static void start(const char *options, const char *const *more)
{
	disk_system_serve(&far, options, NULL, false);
	start_server(more);
	start_nearby();
}

static void assert_stops(struct process *process)
{
	assert_int_equal(process_stop(process), 0);
}

static void it_is_read_written_and_verified(void **state)
{
	(void)state;
	char path[64];
	char copy[64];

	start("", NULL);
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
	memset(far.data + 65536, 0x5a, 65536);
	file_write(disk_system_path(&far, "new", path), far.data + 65536, 65536);
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "write", "--input", path, "--offset", "64K"),
			 0);
	assert_file_equals(far.image, far.data, DISK_SIZE);
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "read", "--output",
				      disk_system_path(&far, "copy", copy)),
			 0);
	assert_file_equals(copy, far.data, DISK_SIZE);
	assert_stops(&server);
	assert_int_not_equal(access(socket_path, F_OK), 0);
}

static void by_every_carrier_and_in_every_dialect(void **state)
{
	(void)state;
	static const char *const ways[][5] = {
		{ "--profile", "r0" },  { "--profile", "r1" },       { "--profile", "r2b" },
		{ "--events", "poll" }, { "--carrier", "indirect" }, { "--carrier", "fifo" },
	};

	disk_system_serve(&far, "", NULL, false);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		start_server(ways[i]);
		start_nearby();
		assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
		assert_stops(&nearby.backend);
		assert_stops(&server);
	}
}

/* Whoever has gone leaves nothing behind. */
static void front_ends_come_one_after_the_other(void **state)
{
	(void)state;

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	const struct process_holdings before = process_holdings(server.pid);
	const struct daemon_holdings daemon_before = daemon_holdings(&far.daemon);
	for (unsigned int i = 0; i < 3; i++) {
		start_nearby();
		assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
		if (i == 1) {
			FRONTEND_START(&nearby, "blk", "verify", far.image);
			process_kill(&nearby.backend); /* in the middle, or nearly */
			(void)process_finish(&nearby.frontend);
		} else {
			assert_stops(&nearby.backend);
		}
		assert_process_returns_to(server.pid, before);
		assert_daemon_returns_to(&far.daemon, daemon_before);
	}
}

static void once_is_once(void **state)
{
	(void)state;

	start("", (const char *const[]){ "--once", NULL });
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
	assert_stops(&nearby.backend);
	assert_int_equal(process_finish(&server), 0);
}

/* The device goes in the middle of a transfer and comes back: the transfer goes on. */
static void a_device_that_comes_back_is_gone_on_with(void **state)
{
	(void)state;

	start("", NULL);
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(kill(far.backend.pid, SIGSTOP), 0);
		FRONTEND_START(&nearby, "blk", "verify", far.image);
		usleep(100000);
		process_kill(&far.backend);
		process_await(&server, &server.errors, "the device is gone");
		disk_system_serve(&far, "", NULL, false);
		process_await(&server, &server.errors, "the device is back");
		assert_int_equal(process_finish(&nearby.frontend), 0);
	}
}

static void a_device_that_comes_back_as_another_is_not_taken(void **state)
{
	(void)state;

	start("", NULL);
	assert_int_equal(kill(far.backend.pid, SIGSTOP), 0);
	FRONTEND_START(&nearby, "blk", "verify", far.image);
	usleep(100000);
	process_kill(&far.backend);
	process_start(&far.backend, NULL,
		      (const char *const[]){ "backend", "-s", far.daemon.socket_path, "--device",
					     "rng", NULL });
	process_await(&server, &server.errors, "is back, but is another one");
}

/* A capacity that grows reaches the other end, message by message. */
static void a_config_change_goes_all_the_way(void **state)
{
	(void)state;
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;

	start("", NULL);
	assert_int_equal(FRONTEND_RUN(&nearby, "info"), 0);
	assert_non_null(strstr(nearby.frontend.output.text, "capacity = 8192"));
	assert_int_equal(truncate(far.image, 2 * DISK_SIZE), 0);
	assert_int_equal(kill(far.backend.pid, SIGHUP), 0);
	do {
		assert_true(process_now_ms() < end_ms);
		assert_int_equal(FRONTEND_RUN(&nearby, "info"), 0);
	} while (!strstr(nearby.frontend.output.text, "capacity = 16384"));
}

/* ---- a front end of the test's own ---- */

#define PAGE  UINT64_C(4096)
#define GUEST UINT64_C(0x100000)

static struct vhost_user front;
static uint8_t *guest;
static int kick_fd;
static int call_fd;

/* Its queue 0 has 8 entries in the first pages of the guest's memory. */
static void start_front(void)
{
	const struct vhost_region region = {
		.address = GUEST,
		.size = 16 * PAGE,
		.fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	};

	assert_int_equal(ftruncate(region.fd, 16 * PAGE), 0);
	assert_int_equal(fcntl(region.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	guest = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, region.fd, 0);
	kick_fd = eventfd(0, EFD_CLOEXEC);
	call_fd = eventfd(0, EFD_CLOEXEC);
	const struct vhost_queue queue = {
		.size = 8,
		.desc = GUEST,
		.driver = GUEST + PAGE,
		.device = GUEST + 2 * PAGE,
		.kick = kick_fd,
		.call = call_fd,
	};
	assert_int_equal(vhost_connect(&front, socket_path), 0);
	assert_int_equal(vhost_set_features(&front, UINT64_C(1) << 32), 0);
	assert_int_equal(vhost_add_region(&front, &region), 0);
	assert_int_equal(vhost_start_queue(&front, &queue), 0);
	close(region.fd);
}

static void end_front(void)
{
	vhost_close(&front);
	munmap(guest, 16 * PAGE);
	close(kick_fd);
	close(call_fd);
}

/* Entry `index` of the descriptor table. */
static void put(unsigned int index, uint64_t address, uint32_t length, uint16_t flags)
{
	store_le(guest + index * 16, address, 8);
	store_le(guest + index * 16 + 8, length, 4);
	store_le(guest + index * 16 + 12, flags, 2);
	store_le(guest + index * 16 + 14, index + 1, 2);
}

/* Chains that begin at entry 0 are there, `count` of them by now. */
static void offer(unsigned int count)
{
	const uint64_t one = 1;

	store_le(guest + PAGE + 4 + 2 * ((count - 1) % 8), 0, 2);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	store_le(guest + PAGE + 2, count, 2);
	assert_int_equal(write(kick_fd, &one, sizeof(one)), sizeof(one));
}

static void await_call(void)
{
	struct pollfd at = { .fd = call_fd, .events = POLLIN };
	uint64_t count;

	assert_int_equal(poll(&at, 1, PROCESS_PATIENCE_MS), 1);
	assert_int_equal(read(call_fd, &count, sizeof(count)), sizeof(count));
}

/* A read of one sector: header, data, status. */
static void put_read(uint64_t sector)
{
	memset(guest + 4 * PAGE, 0, 16);
	store_le(guest + 4 * PAGE + 8, sector, 8);
	guest[6 * PAGE] = 0xff;
	put(0, GUEST + 4 * PAGE, 16, 1);
	put(1, GUEST + 5 * PAGE, 512, 3);
	put(2, GUEST + 6 * PAGE, 1, 2);
}

/* Whatever the last one did, the next front end finds its disk. */
static void assert_next_front_is_served(void)
{
	start_front();
	put_read(5);
	offer(1);
	await_call();
	assert_memory_equal(guest + 5 * PAGE, far.data + 5 * 512, 512);
	end_front();
}

static void a_front_end_that_runs_is_told_of_a_change(void **state)
{
	(void)state;
	uint8_t config[60];

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	start_front();
	put_read(3);
	offer(1);
	await_call();
	assert_int_equal(guest[6 * PAGE], 0);
	assert_memory_equal(guest + 5 * PAGE, far.data + 3 * 512, 512);
	usleep(200000); /* all is quiet: nothing but the change will tell of it */
	assert_int_equal(truncate(far.image, 2 * DISK_SIZE), 0);
	assert_int_equal(kill(far.backend.pid, SIGHUP), 0);
	/* the first may be for what depends on the features that were taken */
	struct pollfd at = { .fd = front.backend, .events = POLLIN };
	do {
		assert_int_equal(poll(&at, 1, PROCESS_PATIENCE_MS), 1);
		assert_int_equal(vhost_take_message(&front), 1);
		assert_int_equal(vhost_get_config(&front, config, sizeof(config)), 0);
	} while (load_le(config, 8) != 2 * DISK_SIZE / 512);
	end_front();
}

/* A peer that is killed and replaced while the server does not look: the successor has its number,
 * and knows nothing of its session. What is asked of it meanwhile is answered by the successor. */
static void a_peer_that_is_replaced_unseen_is_gone_on_with(void **state)
{
	(void)state;

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	start_front();
	for (unsigned int i = 0; i < 2; i++) {
		put_read(3 + i);
		offer(2 * i + 1);
		await_call();
		assert_memory_equal(guest + 5 * PAGE, far.data + (3 + i) * 512, 512);
		assert_int_equal(kill(server.pid, SIGSTOP), 0);
		process_kill(&far.backend);
		disk_system_serve(&far, "", NULL, false);
		put_read(20 + i);
		offer(2 * i + 2);
		usleep(1000 * i);
		assert_int_equal(kill(server.pid, SIGCONT), 0);
		await_call();
		assert_int_equal(guest[6 * PAGE], 0);
		assert_memory_equal(guest + 5 * PAGE, far.data + (20 + i) * 512, 512);
	}
	end_front();
}

/* Memory that comes while a ring runs is there for the next chain, and may go again. */
static void memory_comes_and_goes_while_a_ring_runs(void **state)
{
	(void)state;
	const struct vhost_region more = {
		.address = 4 * GUEST,
		.size = 4 * PAGE,
		.fd = memfd_create("more", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	};

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	const struct process_holdings before = process_holdings(server.pid);
	const struct daemon_holdings daemon_before = daemon_holdings(&far.daemon);
	start_front();
	put_read(3);
	offer(1);
	await_call();
	assert_int_equal(ftruncate(more.fd, 4 * PAGE), 0);
	assert_int_equal(fcntl(more.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	uint8_t *data = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, more.fd, 0);
	assert_int_equal(vhost_add_region(&front, &more), 0);
	put_read(9);
	put(1, 4 * GUEST + 2 * PAGE, 512, 3);
	offer(2);
	await_call();
	assert_int_equal(guest[6 * PAGE], 0);
	assert_memory_equal(data + 2 * PAGE, far.data + 9 * 512, 512);
	assert_int_equal(vhost_remove_region(&front, 4 * GUEST), 0);
	put_read(4);
	offer(3);
	await_call();
	assert_memory_equal(guest + 5 * PAGE, far.data + 4 * 512, 512);
	/* and what is gone is outside */
	put_read(9);
	put(1, 4 * GUEST, 512, 3);
	offer(4);
	process_await(&server, &server.errors, "vring 0 is stopped: ");
	end_front();
	munmap(data, 4 * PAGE);
	close(more.fd);
	assert_process_returns_to(server.pid, before);
	assert_daemon_returns_to(&far.daemon, daemon_before);
}

/* Memory that somebody else has in this system is nobody's to share. */
static void memory_that_the_manager_refuses(void **state)
{
	(void)state;
	const int memfd = raw_memfd(16 * PAGE, F_SEAL_SHRINK);
	struct vmsg_wire_hello hello = raw_hello(3, 1, 16 * PAGE);
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const struct vhost_region region = { .address = GUEST, .size = 16 * PAGE, .fd = memfd };
	char byte;

	disk_system_serve(&far, "", NULL, false);
	const int other = daemon_dial(&far.daemon);
	raw_send(other, frame, vmsg_wire_encode_hello(frame, &hello), &memfd, 1);
	assert_true(raw_receive(other, frame) > 0);
	start_server(NULL);
	assert_int_equal(vhost_connect(&front, socket_path), 0);
	assert_int_equal(vhost_set_features(&front, UINT64_C(1) << 32), 0);
	assert_int_equal(vhost_add_region(&front, &region), 0);
	process_await(&server, &server.errors, "the bank is the memory of another bank");
	process_await(&server, &server.errors, "its memory cannot be shared with the peer");
	assert_int_equal(recv(front.fd, &byte, 1, 0), 0);
	vhost_close(&front);
	close(memfd);
	close(other);
	/* the next one is served */
	process_await(&server, &server.errors, "the device is back");
	start_nearby();
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
}

/* Stopped while the peer does not answer: at once, or nearly. */
static void a_signal_is_an_end_whatever_the_peer_does(void **state)
{
	(void)state;

	start("", (const char *const[]){ "--timeout", "1", NULL });
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
	assert_int_equal(kill(far.backend.pid, SIGSTOP), 0);
	FRONTEND_START(&nearby, "blk", "verify", far.image);
	usleep(100000);
	assert_int_equal(kill(server.pid, SIGTERM), 0);
	assert_int_equal(process_finish_within(&server, 5000), 0);
	assert_int_equal(kill(far.backend.pid, SIGCONT), 0);
	assert_int_equal(process_finish(&nearby.frontend), 1);
}

/* A front end that stops a ring is answered, also when the device answers nothing any more. */
static void a_device_that_hangs_is_left_behind(void **state)
{
	(void)state;

	disk_system_serve(&far, "", NULL, false);
	start_server((const char *const[]){ "--timeout", "0.5", NULL });
	const struct process_holdings before = process_holdings(server.pid);
	start_front();
	put_read(3);
	offer(1);
	await_call();
	assert_int_equal(kill(far.backend.pid, SIGSTOP), 0);
	offer(2);
	assert_int_equal(vhost_stop_queue(&front, 0), 0);
	process_await(&server, &server.errors, "the device is gone");
	assert_int_equal(kill(far.backend.pid, SIGCONT), 0);
	process_await(&server, &server.errors, "the device is back");
	end_front();
	assert_process_returns_to(server.pid, before);
	assert_next_front_is_served();
}

/* A guest that breaks the rules finds its ring stopped; its front end may start it again. */
static void a_guest_that_breaks_the_rules_stops_its_ring(void **state)
{
	(void)state;
	static const struct {
		uint64_t address;
		uint32_t length;
		uint16_t flags;
		const char *text;
	} cases[] = {
		{ GUEST + 16 * PAGE, 16, 0, "vring 0 is stopped: descriptor 0, address 0x110000" },
		{ GUEST + 16 * PAGE - 8, 16, 2, "vring 0 is stopped: descriptor 0" },
		{ GUEST + 4 * PAGE, 0, 0, "vring 0 is stopped: descriptor 0" },
		{ GUEST + 4 * PAGE, 16, 4, "vring 0 is stopped: descriptor 0" },
	};

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	const struct process_holdings before = process_holdings(server.pid);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_front();
		put(0, cases[i].address, cases[i].length, cases[i].flags);
		offer(1);
		process_await(&server, &server.errors, cases[i].text);
		put_read(1);
		offer(2);
		assert_int_equal(load_le(guest + 2 * PAGE + 2, 2), 0);
		assert_int_equal(vhost_stop_queue(&front, 0), 0);
		end_front();
		assert_process_returns_to(server.pid, before);
	}
	assert_next_front_is_served();
}

static void many_queues(void **state)
{
	(void)state;

	start(",queues=4", NULL);
	assert_int_equal(FRONTEND_RUN(&nearby, "info"), 0);
	assert_non_null(strstr(nearby.frontend.output.text, "queue 3: "));
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
}

/* ---- what is wrong ---- */

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, socket_path, strlen(socket_path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The server hangs up and says why. */
static void assert_left(const char *bytes, size_t size, const char *text)
{
	const int fd = dial();
	char byte;

	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
	process_await(&server, &server.errors, text);
	while (recv(fd, &byte, 1, 0) > 0) {
	}
	close(fd);
}

static void a_front_end_that_raves_is_left_alone(void **state)
{
	(void)state;

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	const struct process_holdings before = process_holdings(server.pid);
	assert_left("xxxxxxxxxxxx", 12, "a message with a version, flags or size that nobody");
	assert_left("\x63\0\0\0\1\0\0\0\0\0\0\0", 12, "request 99 is not served");
	assert_left("\x02\0\0\0\1\0\0\0\4\0\0\0abcd", 16, "SET_FEATURES: 4 bytes, not 8");
	/* half a message, and then nothing */
	int fd = dial();
	assert_int_equal(send(fd, "\x02\0\0\0\1\0\0\0\10\0\0\0", 12, MSG_NOSIGNAL), 12);
	process_await(&server, &server.errors, "the rest of a message does not come");
	close(fd);
	/* or an end */
	fd = dial();
	assert_int_equal(send(fd, "\x02\0\0", 3, MSG_NOSIGNAL), 3);
	close(fd);
	process_await(&server, &server.errors, "a message is cut off");
	assert_process_returns_to(server.pid, before);
	start_nearby();
	assert_int_equal(FRONTEND_RUN(&nearby, "blk", "verify", far.image), 0);
}

static void what_stands_in_the_way_of_the_socket(void **state)
{
	(void)state;
	struct process other = { 0 };

	disk_system_serve(&far, "", NULL, false);
	start_server(NULL);
	const char *const arguments[] = {
		"frontend", "-s", far.daemon.socket_path, "--vhost-user-server", socket_path, NULL
	};
	/* the device belongs to the other one */
	assert_int_equal(process_run(&other, NULL, arguments), 1);
	process_kill(&server); /* which leaves its socket behind */
	assert_int_equal(access(socket_path, F_OK), 0);
	start_server(NULL);
	assert_stops(&server);
	file_write(socket_path, far.data, 1);
	assert_int_equal(process_run(&other, NULL, arguments), 1);
	assert_non_null(strstr(other.errors.text, "Address already in use"));
	assert_int_equal(access(socket_path, F_OK), 0);
	process_kill(&other);
}

static void a_device_that_is_not_there(void **state)
{
	(void)state;
	struct process other = { 0 };

	disk_system_serve(&far, "", NULL, false);
	assert_int_equal(
		process_run(&other, NULL,
			    (const char *const[]){ "frontend", "-s", far.daemon.socket_path,
						   "--vhost-user-server", socket_path, "--device",
						   "7", NULL }),
		1);
	assert_non_null(strstr(other.errors.text, "has no device 7 that is free"));
	assert_int_equal(process_run(&other, NULL,
				     (const char *const[]){ "frontend", "blk", "verify", far.image,
							    "--once", NULL }),
			 2);
	assert_int_equal(process_run(&other, NULL,
				     (const char *const[]){ "frontend", "--vhost-user-server",
							    socket_path, "info", NULL }),
			 2);
	assert_int_equal(
		process_run(&other, NULL,
			    (const char *const[]){ "frontend", "--vhost-user-server", socket_path,
						   "--check-contract", NULL }),
		2);
	assert_non_null(strstr(other.errors.text, "all of a guest's memory is shared"));
	process_kill(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_is_read_written_and_verified),
		TEST(by_every_carrier_and_in_every_dialect),
		TEST(front_ends_come_one_after_the_other),
		TEST(once_is_once),
		TEST(a_device_that_comes_back_is_gone_on_with),
		TEST(a_device_that_comes_back_as_another_is_not_taken),
		TEST(a_config_change_goes_all_the_way),
		TEST(a_front_end_that_runs_is_told_of_a_change),
		TEST(a_peer_that_is_replaced_unseen_is_gone_on_with),
		TEST(memory_comes_and_goes_while_a_ring_runs),
		TEST(memory_that_the_manager_refuses),
		TEST(a_signal_is_an_end_whatever_the_peer_does),
		TEST(a_device_that_hangs_is_left_behind),
		TEST(a_guest_that_breaks_the_rules_stops_its_ring),
		TEST(many_queues),
		TEST(a_front_end_that_raves_is_left_alone),
		TEST(what_stands_in_the_way_of_the_socket),
		TEST(a_device_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
