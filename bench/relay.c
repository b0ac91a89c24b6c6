/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 1: a direct message and its answer through the daemon, against the least that a relay over
 * seqpacket sockets can do: client -> daemon -> server -> daemon -> client with an epoll loop that
 * only copies. All on one core, interleaved, ratio of each round, median of the ratios.
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system.h"

#define ROUND_TRIPS  10000
#define PAYLOAD_SIZE 112
#define BACKEND_ID   0x8001

struct relay {
	int client[2];
	int server[2];
};

static void run_relay(void *context, int ready)
{
	const struct relay *relay = context;
	const int ends[2] = { relay->client[1], relay->server[1] };
	const int epoll = epoll_create1(0);
	uint8_t bytes[PAYLOAD_SIZE];

	for (uint32_t i = 0; i < 2; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
		epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i], &event);
	}
	(void)!write(ready, "", 1);
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

static void run_relay_server(void *context, int ready)
{
	const struct relay *relay = context;
	uint8_t bytes[PAYLOAD_SIZE];

	(void)!write(ready, "", 1);
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

int main(void)
{
	double floors[ROUNDS], products[ROUNDS], ratios[ROUNDS];
	struct manager manager;
	struct relay relay;

	pin();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, relay.client) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, relay.server) != 0) {
		die("socketpair");
	}
	const pid_t children[] = { spawn(run_relay, &relay), spawn(run_relay_server, &relay) };
	start_manager(&manager, NULL, 0);
	const pid_t echo = spawn_echo(&manager, BACKEND_ID);
	struct vmsg_emu *emu = join(&manager, 1, NULL, 0);

	time_relay(&relay);
	time_direct(emu, BACKEND_ID, ROUND_TRIPS);
	for (int i = 0; i < ROUNDS; i++) {
		floors[i] = time_relay(&relay);
		products[i] = time_direct(emu, BACKEND_ID, ROUND_TRIPS);
		ratios[i] = products[i] / floors[i];
	}
	vmsg_emu_close(emu);
	end(echo);
	end(manager.pid);
	end(children[0]);
	end(children[1]);
	printf("direct round trip: raw epoll relay %.1f us, daemon %.1f us\n",
	       median(floors) / 1000, median(products) / 1000);
	return report("goal 1   daemon / relay, time", ratios, 1.25, 1.10, true);
}
