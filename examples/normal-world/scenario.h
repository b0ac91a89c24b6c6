/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One driver-side scenario for every partition manager: discovery, negotiation, area, whole disk
 * read, written and compared, random numbers, a reset in the middle, refused requests, unshare and
 * reclaim. Prints TAP. The same file runs at EL1 or EL2 on firmware and on the emulator.
 */
#ifndef EXAMPLES_NORMAL_WORLD_SCENARIO_H
#define EXAMPLES_NORMAL_WORLD_SCENARIO_H

#include "virtio_msg_ffa/endpoint.h"

#define SCENARIO_POOL_SIZE 0x20000u /* shared: rings and data */
#define SCENARIO_POOLS     2u       /* one for each partition served at a time */

struct scenario_platform {
	struct vmsg_conduit conduit;
	struct vmsg_buffer tx; /* one page each */
	struct vmsg_buffer rx;
	struct vmsg_buffer pools[SCENARIO_POOLS]; /* SCENARIO_POOL_SIZE bytes, page aligned */
	struct vmsg_bytes image;                  /* what the disk must hold */
	void (*print)(const char *text);
	bool trace;        /* print every FF-A call */
	bool has_messages; /* the manager carries indirect messages and notifications */
	bool can_probe; /* partitions read for us what we want, and the manager keeps them apart */
	bool lax_manager; /* it takes any share: TF-A's SPMC looks at neither borrower nor address
			   */
};

/* Runs against every partition that offers virtio-msg; returns the number of failed tests. */
int scenario_run(const struct scenario_platform *platform);

#endif
