/* SPDX-License-Identifier: BSD-3-Clause */
/* This program as a child of itself. Children die with their parent. */
#ifndef VMSG_EMULATOR_PROCESSES_H
#define VMSG_EMULATOR_PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

struct process {
	const char *name; /* of the subcommand; NULL: not started */
	pid_t pid;
	int output; /* its standard output */
	int status; /* its exit status, once stopped */
};

/* Starts subcommand argv[0]; standard error is shared. 0 or -1, reported. */
int process_start(struct process *process, const char *const *argv);
/* Waits for its first line, which must begin with `text`. 0 or -1, reported. */
int process_await(struct process *process, const char *text, uint64_t timeout_ns);
/* SIGTERM, or SIGKILL when it does not end in time. 0 if it left with status 0; -1, reported. */
int process_stop(struct process *process, uint64_t timeout_ns);

#endif
