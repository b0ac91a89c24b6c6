/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-net driver: frames between the device and a link of this side. */
#ifndef VMSG_EMULATOR_NET_DRIVER_H
#define VMSG_EMULATOR_NET_DRIVER_H

#include "commands/areas.h"
#include "devices/link.h"

extern const struct areas_need net_driver_need;

/* Frames that crossed. */
struct net_counts {
	uint64_t sent;
	uint64_t received;
	uint64_t dropped; /* by this side: no buffer of the device's, or too long */
};

/* Takes the first network device of the session and carries frames until the link ends or the
 * session's stop. 0, or -1 reported. */
int net_driver_run(struct session *session, struct link *link, struct net_counts *counts);

#endif
