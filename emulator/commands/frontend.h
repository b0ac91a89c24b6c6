/* SPDX-License-Identifier: BSD-3-Clause */
/* What the jobs of `vmsg-ffa-emu frontend` are asked to do. Each returns the exit status. */
#ifndef VMSG_EMULATOR_FRONTEND_H
#define VMSG_EMULATOR_FRONTEND_H

#include "commands/areas.h"

struct frontend_settings {
	struct session_options session;
	bool json;
	const char *output; /* NULL: standard output */
	const char *input;
	const char *file; /* of verify */
	struct areas areas;
	uint64_t offset;
	uint64_t length;
	bool has_length;
	uint32_t port;
	uint32_t seed;
	const char *tap;
	const char *socket;
	const char *vhost_server; /* NULL: a job is asked for */
	int device;               /* its number, -1: the first */
	bool once;
};

/* For jobs without an end of their own: SIGINT, SIGTERM and SIGHUP make what is returned true. */
const volatile bool *frontend_catch_signals(void);

int frontend_info(const struct frontend_settings *settings);
int frontend_blk_read(const struct frontend_settings *settings);
int frontend_blk_write(const struct frontend_settings *settings);
int frontend_blk_verify(const struct frontend_settings *settings);
int frontend_console(const struct frontend_settings *settings);
int frontend_exercise(const struct frontend_settings *settings);
int frontend_net(const struct frontend_settings *settings);
int frontend_vsock_connect(const struct frontend_settings *settings);
int frontend_vsock_listen(const struct frontend_settings *settings);
int frontend_vhost(const struct frontend_settings *settings);
int frontend_rng(const struct frontend_settings *settings);

#endif
