/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that show what a manager tells, once or again and again: options, connection, loop. */
#ifndef VMSG_EMULATOR_WATCH_H
#define VMSG_EMULATOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "client/control.h"

#define WATCH_TIMEOUT_MS 5000u

struct watch {
	const char *command;
	const char *help;
	/* Prints it all once. 0, or -1 after saying why not. */
	int (*show)(struct control *control, bool json);
	const char *socket_path;
	bool json;
	uint64_t period_ns; /* 0: once */
};

/* Options -s, --json, --watch, --help of `watch->command`, then its shows; the exit status. */
int watch_run(struct watch *watch, int argc, char **argv);

#endif
