/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-console driver: one port, connected to two descriptors. */
#ifndef VMSG_EMULATOR_CONSOLE_DRIVER_H
#define VMSG_EMULATOR_CONSOLE_DRIVER_H

#include "commands/areas.h"

extern const struct areas_need console_driver_need;

struct console_settings {
	uint32_t port;
	int in;
	int out;
	/* Whether `in` ends the connection: true at its end, or at the byte `escape` (-1: none). */
	int escape;
};

/*
 * Takes the first console of the session and carries bytes between the port and the descriptors:
 * until `in` ends and all of it has been taken, until `escape`, or until the session's stop (which
 * must be there). 0, or -1 reported.
 */
int console_driver_run(struct session *session, const struct console_settings *settings);

#endif
