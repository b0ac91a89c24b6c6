/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-vsock driver: one stream, between a port of the host and two descriptors. */
#ifndef VMSG_EMULATOR_VSOCK_DRIVER_H
#define VMSG_EMULATOR_VSOCK_DRIVER_H

#include "commands/areas.h"

extern const struct areas_need vsock_driver_need;

struct vsock_settings {
	uint32_t port;
	bool is_listening; /* for the host, at `port`; else connects to it */
	int in;
	int out;
};

/* Takes the first vsock device of the session and carries one stream to its end, or until the
 * session's stop (which must be there). 0, or -1 reported. */
int vsock_driver_run(struct session *session, const struct vsock_settings *settings);

#endif
