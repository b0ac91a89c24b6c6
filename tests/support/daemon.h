/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu serve as a child of the test, and its socket without the client library: for frames
 * that no well-behaved partition sends. Everything aborts the test program when it goes wrong by
 * itself; nothing waits longer than DAEMON_PATIENCE_MS.
 */
#ifndef VMSG_TESTS_DAEMON_H
#define VMSG_TESTS_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire.h"

#define DAEMON_PATIENCE_MS 10000

struct daemon {
	pid_t pid;
	int output; /* what it prints on standard output */
	char directory[32];
	char socket_path[48];
	char log_path[48]; /* what it prints on standard error */
};

/* Starts it with up to two more arguments (NULL: none) and waits until it listens. */
void daemon_start(struct daemon *daemon, const char *option, const char *value);
/* The same with up to 32 arguments, NULL behind the last. */
void daemon_start_with(struct daemon *daemon, const char *const *arguments);
/* SIGTERM; fails the test unless it exits with 0 (leak checks included) and removes its socket. */
void daemon_stop(struct daemon *daemon);
/* SIGKILL. */
void daemon_kill(struct daemon *daemon);
/* SIGKILL that leaves the socket behind, and a new daemon in its place. */
void daemon_crash(struct daemon *daemon);
void daemon_restart(struct daemon *daemon);

/* True when its log has a line with this text, or gets one within DAEMON_PATIENCE_MS. */
bool daemon_logged(const struct daemon *daemon, const char *text);

/* What the daemon holds: open descriptors and mappings of memfds. */
struct daemon_holdings {
	size_t descriptors;
	size_t mappings;
};
struct daemon_holdings daemon_holdings(const struct daemon *daemon);
/* Waits until it holds exactly that (it notices the end of a connection in its own time). */
void assert_daemon_returns_to(const struct daemon *daemon, struct daemon_holdings expected);

/* A connection of our own. */
int daemon_dial(const struct daemon *daemon);
/* Sends one frame; `descriptors` may be NULL. */
void raw_send(int fd, void *frame, size_t size, const int *descriptors, size_t count);
/* Receives one frame, closing descriptors that come along; 0 when the other end has hung up. */
size_t raw_receive(int fd, uint8_t frame[VMSG_WIRE_FRAME_MAX]);
/* The daemon hangs up, after a REFUSE frame with this text in it (NULL: without). */
void assert_refused(int fd, const char *text);

/* A hello for `id` with banks, ready to be spoiled. */
struct vmsg_wire_hello raw_hello(uint16_t id, size_t bank_count, uint64_t bank_size);
/* A memfd with these seals. */
int raw_memfd(uint64_t size, int seals);
/* Says hello with `id` and one sealed page of RAM; returns the connection once it is welcome. */
int raw_join(const struct daemon *daemon, uint16_t id);

#endif
