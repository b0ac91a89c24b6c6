/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs as children of a test: what they print on standard output and standard error, read line
 * by line or byte by byte. Nothing waits longer than PROCESS_PATIENCE_MS; a wait that fails fails
 * the test and shows what the program said.
 */
#ifndef VMSG_TESTS_PROCESS_H
#define VMSG_TESTS_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_PATIENCE_MS 20000

/* One of its streams: the end we read, and all that has been read of it. */
struct process_stream {
	int fd; /* -1: ended */
	size_t length;
	size_t capacity;
	char *text; /* a zero follows */
};

/* Zeroed before its first start. */
struct process {
	pid_t pid; /* 0: not running */
	struct process_stream output;
	struct process_stream errors;
};

/* Starts a program, forgetting what was read of the last one; with `path` NULL the program under
 * test, vmsg-ffa-emu. `arguments` do not hold its name and end with NULL. */
void process_start(struct process *process, const char *path, const char *const *arguments);

/* Reads lines until one has `text` in it. */
void process_await(struct process *process, const struct process_stream *stream, const char *text);

/* Reads until at least `size` bytes have come. */
void process_await_bytes(struct process *process, const struct process_stream *stream, size_t size);

/* Reads both streams to their end and waits: exit status, or -signal. */
int process_finish(struct process *process);

/* The same within `ms`; beyond it the test fails. */
int process_finish_within(struct process *process, uint64_t ms);

/* SIGTERM, then process_finish(). */
int process_stop(struct process *process);

/* SIGKILL if it runs, and frees what was read; for tear-down. */
void process_kill(struct process *process);

/* Starts and finishes. */
int process_run(struct process *process, const char *path, const char *const *arguments);

/* Open descriptors, and mappings of memfds, of a process. */
struct process_holdings {
	size_t descriptors;
	size_t mappings;
};
struct process_holdings process_holdings(pid_t pid);
/* Waits until the process holds exactly that. */
void assert_process_returns_to(pid_t pid, struct process_holdings expected);

/* Milliseconds of the monotonic clock. */
uint64_t process_now_ms(void);

#endif
