/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two halves of `vmsg-ffa-emu loopback` share: the processes around (loopback.c) and the
 * job itself (loopback_job.c). */
#ifndef VMSG_EMULATOR_LOOPBACK_H
#define VMSG_EMULATOR_LOOPBACK_H

#include <stdbool.h>
#include <sys/types.h>

#include "commands/session.h"

struct loopback_job {
	bool json;
	const char *image; /* file behind the first disk, NULL: no disk */
	bool has_rng;
	pid_t manager;
	pid_t backend;
};

/* Runs the whole job on a session and tells its story. 0 if all of it held. */
int loopback_run_job(const struct loopback_job *job, struct session *session);

#endif
