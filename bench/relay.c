/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 1: a direct message and its answer through the daemon, against the least that a relay over
 * seqpacket sockets can do: client -> daemon -> server -> daemon -> client with an epoll loop that
 * only copies. All on one core, interleaved, ratio of each round, median of the ratios.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/server.h"
#include "virtio_msg_ffa/emulator.h"

#define ROUNDS       9
#define ROUND_TRIPS  10000
#define PAYLOAD_SIZE 112
#define BACKEND_ID   0x8001
#define RATIO_MUST   1.6
#define RATIO_AIM    1.25

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Only where every process has the same core do the figures repeat. */
static void pin(void)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all) != 0) {
		die("sched_getaffinity");
	}
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	if (sched_setaffinity(0, sizeof(one), &one) != 0) {
		die("sched_setaffinity");
	}
}

static pid_t spawn(void (*run)(void *context), void *context)
{
	const pid_t pid = fork();

	if (pid < 0) {
		die("fork");
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(context);
		_exit(0);
	}
	return pid;
}

/* ---- the floor ---- */

struct relay {
	int client[2];
	int server[2];
};

static void run_relay(void *context)
{
	const struct relay *relay = context;
	const int ends[2] = { relay->client[1], relay->server[1] };
	const int epoll = epoll_create1(0);
	uint8_t bytes[PAYLOAD_SIZE];

	for (uint32_t i = 0; i < 2; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
		epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i], &event);
	}
	for (;;) {
		struct epoll_event event;
		if (epoll_wait(epoll, &event, 1, -1) != 1) {
			continue;
		}
		const ssize_t size = recv(ends[event.data.u32], bytes, sizeof(bytes), MSG_DONTWAIT);
		if (size <= 0) {
			return;
		}
		send(ends[!event.data.u32], bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void run_relay_server(void *context)
{
	const struct relay *relay = context;
	uint8_t bytes[PAYLOAD_SIZE];

	while (recv(relay->server[0], bytes, sizeof(bytes), 0) > 0) {
		send(relay->server[0], bytes, sizeof(bytes), MSG_NOSIGNAL);
	}
}

static double time_relay(const struct relay *relay)
{
	uint8_t bytes[PAYLOAD_SIZE] = { 0 };
	const uint64_t start = now_ns();

	for (int i = 0; i < ROUND_TRIPS; i++) {
		if (send(relay->client[0], bytes, sizeof(bytes), 0) != PAYLOAD_SIZE ||
		    recv(relay->client[0], bytes, sizeof(bytes), 0) != PAYLOAD_SIZE) {
			die("relay");
		}
	}
	return (double)(now_ns() - start) / ROUND_TRIPS;
}

/* ---- the product ---- */

static char socket_path[64];

static void run_manager(void *context)
{
	const int ready = *(const int *)context;
	const struct vmsg_server_options options = { .socket_path = socket_path,
						     .stop_on_signals = true };
	struct vmsg_server *server;
	char why[256];

	if (vmsg_server_create(&server, &options, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	(void)!write(ready, "", 1);
	vmsg_server_run(server);
	vmsg_server_destroy(server);
}

static struct vmsg_emu *join(uint16_t id)
{
	struct vmsg_emu_options options = { .socket_path = socket_path, .id = id };
	struct vmsg_emu *emu;
	char why[256];

	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(VERSION), VMSG_FFA_VERSION_1_2 } };
	conduit.call(conduit.context, &regs);
	return emu;
}

static void run_backend(void *context)
{
	struct vmsg_emu *emu = join(BACKEND_ID);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(MSG_WAIT) } };

	(void)!write(*(const int *)context, "", 1);
	for (;;) {
		conduit.call(conduit.context, &regs);
		if (regs.x[0] != VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2)) {
			return;
		}
		regs.x[0] = VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
		regs.x[1] = (uint64_t)BACKEND_ID << 16 | vmsg_ffa_source(&regs);
		regs.x[2] = 0;
		regs.x[3] = 0;
	}
}

static double time_product(struct vmsg_emu *emu)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	const uint64_t start = now_ns();

	for (int i = 0; i < ROUND_TRIPS; i++) {
		struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
						     (uint64_t)vmsg_emu_id(emu) << 16 |
							     BACKEND_ID } };
		do {
			conduit.call(conduit.context, &regs);
			if (regs.x[0] == VMSG_FFA_ID32(INTERRUPT)) {
				regs.x[0] = VMSG_FFA_ID32(RUN);
			}
		} while (regs.x[0] == VMSG_FFA_ID32(RUN));
		if (regs.x[0] != VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2)) {
			fprintf(stderr, "no answer: 0x%llx\n", (unsigned long long)regs.x[2]);
			exit(1);
		}
	}
	return (double)(now_ns() - start) / ROUND_TRIPS;
}

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

int main(void)
{
	double floors[ROUNDS], products[ROUNDS], ratios[ROUNDS];
	struct relay relay;
	int ready[2];
	char byte;

	pin();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, relay.client) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, relay.server) != 0 || pipe(ready) != 0) {
		die("socketpair");
	}
	snprintf(socket_path, sizeof(socket_path), "/tmp/vmsg-bench-%d.sock", (int)getpid());
	pid_t children[4];
	children[0] = spawn(run_relay, &relay);
	children[1] = spawn(run_relay_server, &relay);
	children[2] = spawn(run_manager, &ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		die("manager");
	}
	children[3] = spawn(run_backend, &ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		die("backend");
	}
	struct vmsg_emu *emu = join(1);

	time_relay(&relay);
	time_product(emu);
	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = time_relay(&relay);
		products[i] = time_product(emu);
		ratios[i] = products[i] / floors[i];
	}
	vmsg_emu_close(emu);
	for (size_t i = 0; i < 4; i++) {
		kill(children[i], SIGTERM);
		waitpid(children[i], NULL, 0);
	}
	const double ratio = median(ratios);
	printf("goal 1  direct round trip through the daemon / raw epoll relay, one core\n"
	       "        floor %.1f us, daemon %.1f us, ratio %.2f (%.2f to %.2f); must %.2f, "
	       "aim %.2f: %s\n",
	       median(floors) / 1000, median(products) / 1000, ratio, ratios[0], ratios[ROUNDS - 1],
	       RATIO_MUST, RATIO_AIM,
	       ratio <= RATIO_AIM    ? "met"
	       : ratio <= RATIO_MUST ? "aim missed"
				     : "MISSED");
	return ratio <= RATIO_MUST ? 0 : 1;
}
