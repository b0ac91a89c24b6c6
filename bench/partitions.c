/* SPDX-License-Identifier: BSD-3-Clause */
/* Growth: a direct message and its answer with 250 partitions connected, against the same with 2.
 */
#include <stdio.h>

#include "system.h"

#define ROUND_TRIPS 5000
#define PARTITIONS  SPMC_PARTITIONS_MAX
#define ECHO_ID     0x8001

static struct spmc_partition_config configs[PARTITIONS];

/* A system in which VM 1 talks to ECHO_ID and `others` more partitions are connected. */
struct crowd {
	struct manager manager;
	pid_t echo;
	struct vmsg_emu *caller;
	struct vmsg_emu *others[PARTITIONS];
};

static void gather(struct crowd *crowd, size_t others)
{
	start_manager(&crowd->manager, configs, PARTITIONS);
	crowd->echo = spawn_echo(&crowd->manager, ECHO_ID);
	crowd->caller = join(&crowd->manager, 1, NULL, 0);
	for (size_t i = 0; i < others; i++) {
		crowd->others[i] = join(&crowd->manager, (uint16_t)(i + 2), NULL, 0);
	}
	time_direct(crowd->caller, ECHO_ID, ROUND_TRIPS);
}

static void scatter(struct crowd *crowd)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		vmsg_emu_close(crowd->others[i]);
	}
	vmsg_emu_close(crowd->caller);
	end(crowd->echo);
	end(crowd->manager.pid);
}

int main(void)
{
	static struct crowd few, many;
	double ratios[ROUNDS];

	for (size_t i = 0; i < PARTITIONS; i++) {
		snprintf(configs[i].name, sizeof(configs[i].name), "p%zu", i);
		configs[i].id = (uint16_t)(i < PARTITIONS - 1 ? i + 1 : ECHO_ID);
		configs[i].vcpu_count = 1;
		configs[i].properties = VMSG_FFA_PROPERTY_DIRECT2_RECEIVE |
					VMSG_FFA_PROPERTY_DIRECT2_SEND | VMSG_FFA_PROPERTY_AARCH64;
	}
	pin();
	gather(&few, 0);
	gather(&many, PARTITIONS - 2);
	for (int i = 0; i < ROUNDS; i++) {
		const double alone = time_direct(few.caller, ECHO_ID, ROUND_TRIPS);
		ratios[i] = time_direct(many.caller, ECHO_ID, ROUND_TRIPS) / alone;
	}
	scatter(&few);
	scatter(&many);
	return report("growth   direct message with 250 partitions / with 2", ratios, 1.5, 1.1,
		      true);
}
