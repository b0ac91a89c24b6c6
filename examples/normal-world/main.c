/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenario in the normal world, at EL1 or EL2. QEMU's exit status is its result. */
#include "bare.h"

#include "scenario.h"

#ifndef NORMAL_WORLD_TRACE
#define NORMAL_WORLD_TRACE false
#endif
#ifndef NORMAL_WORLD_MESSAGES
#define NORMAL_WORLD_MESSAGES false
#endif
#ifndef NORMAL_WORLD_LAX
#define NORMAL_WORLD_LAX false
#endif

static uint8_t tx[VMSG_FFA_PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t rx[VMSG_FFA_PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t pools[SCENARIO_POOLS][SCENARIO_POOL_SIZE] __attribute__((aligned(4096)));

/* The file system image (secure-partition/disk.S). */
extern uint8_t disk_start[];
extern uint8_t disk_end[];

int main(void)
{
	const struct scenario_platform platform = {
		.conduit = bare_conduit(),
		.tx = { tx, (uintptr_t)tx },
		.rx = { rx, (uintptr_t)rx },
		.pools = { { pools[0], (uintptr_t)pools[0] }, { pools[1], (uintptr_t)pools[1] } },
		.image = { disk_start, (size_t)(disk_end - disk_start) },
		.print = bare_print,
		.trace = NORMAL_WORLD_TRACE,
		.has_messages = NORMAL_WORLD_MESSAGES,
		.can_probe = NORMAL_WORLD_MESSAGES,
		.lax_manager = NORMAL_WORLD_LAX,
	};

	bare_exit(scenario_run(&platform) == 0 ? 0 : 1);
}
