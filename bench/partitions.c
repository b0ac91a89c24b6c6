/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Growth: a direct message and its answer with 250 partitions connected and with 10,000 regions
 * alive, of one page to 1 GiB, against the same with 2 partitions and none. And the price of a
 * region of 1 GiB against that of a page.
 */
#include <stdio.h>

#include "system.h"

#define ROUND_TRIPS 5000
#define SHARES      1000
#define PARTITIONS  SPMC_PARTITIONS_MAX
#define ECHO_ID     0x8001

#define REGIONS     10000
#define BIG_REGIONS 18 /* of 2, 4, 8 pages to 1 GiB */
#define BIG_PAGES   (1u << BIG_REGIONS)

/* Behind RX and TX: a page each of the small ones, the big ones, 1 GiB that is free. */
#define FIRST_PAGE 2u
#define BIG_PAGE   (FIRST_PAGE + REGIONS)
#define FREE_PAGE  (BIG_PAGE + 2 * BIG_PAGES)
#define RAM_PAGES  ((uint64_t)FREE_PAGE + BIG_PAGES)

static struct spmc_partition_config configs[PARTITIONS];

/* A system in which VM 1 talks to ECHO_ID, `others` more partitions are connected, and so many
 * regions are alive. */
struct crowd {
	struct manager manager;
	pid_t echo;
	struct vmsg_emu_bank bank;
	struct vmsg_emu *caller;
	struct vmsg_emu *others[PARTITIONS];
};

static void share_all(struct crowd *crowd)
{
	uint64_t page = BIG_PAGE;

	for (uint32_t i = 1; i <= BIG_REGIONS; i++) {
		(void)share_pages(crowd->caller, &crowd->bank, ECHO_ID, page, 1u << i);
		page += 1u << i;
	}
	for (uint32_t i = 0; i < REGIONS - BIG_REGIONS; i++) {
		(void)share_pages(crowd->caller, &crowd->bank, ECHO_ID, FIRST_PAGE + i, 1);
	}
}

static void gather(struct crowd *crowd, size_t others, bool has_regions)
{
	crowd->bank.size = RAM_PAGES * VMSG_FFA_PAGE_SIZE;
	start_manager(&crowd->manager, configs, PARTITIONS);
	crowd->echo = spawn_echo(&crowd->manager, ECHO_ID);
	crowd->caller = join(&crowd->manager, 1, &crowd->bank, 1);
	for (size_t i = 0; i < others; i++) {
		crowd->others[i] = join(&crowd->manager, (uint16_t)(i + 2), NULL, 0);
	}
	if (has_regions) {
		share_all(crowd);
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

static double time_shares(struct crowd *crowd, uint32_t pages)
{
	const uint64_t start = now_ns();

	for (int i = 0; i < SHARES; i++) {
		reclaim(crowd->caller,
			share_pages(crowd->caller, &crowd->bank, ECHO_ID, FREE_PAGE, pages));
	}
	return (double)(now_ns() - start) / SHARES;
}

int main(void)
{
	static struct crowd few, many, full, both;
	double partitions[ROUNDS], regions[ROUNDS], all[ROUNDS], sizes[ROUNDS];

	for (size_t i = 0; i < PARTITIONS; i++) {
		snprintf(configs[i].name, sizeof(configs[i].name), "p%zu", i);
		configs[i].id = (uint16_t)(i < PARTITIONS - 1 ? i + 1 : ECHO_ID);
		configs[i].vcpu_count = 1;
		configs[i].properties = VMSG_FFA_PROPERTY_DIRECT2_RECEIVE |
					VMSG_FFA_PROPERTY_DIRECT2_SEND | VMSG_FFA_PROPERTY_AARCH64;
	}
	pin();
	gather(&few, 0, false);
	gather(&many, PARTITIONS - 2, false);
	gather(&full, 0, true);
	gather(&both, PARTITIONS - 2, true);
	for (int i = 0; i < ROUNDS; i++) {
		const double alone = time_direct(few.caller, ECHO_ID, ROUND_TRIPS);
		partitions[i] = time_direct(many.caller, ECHO_ID, ROUND_TRIPS) / alone;
		regions[i] = time_direct(full.caller, ECHO_ID, ROUND_TRIPS) / alone;
		all[i] = time_direct(both.caller, ECHO_ID, ROUND_TRIPS) / alone;
		const double page = time_shares(&both, 1);
		sizes[i] = time_shares(&both, BIG_PAGES) / page;
	}
	scatter(&few);
	scatter(&many);
	scatter(&full);
	scatter(&both);
	int status = report("growth   direct message with 250 partitions / with 2", partitions, 1.5,
			    1.1, true);
	status |= report("growth   direct message with 10,000 regions, 1 page to 1 GiB / with none",
			 regions, 1.5, 1.1, true);
	status |= report("growth   direct message with both / with neither", all, 1.5, 1.1, true);
	status |= report("growth   sharing 1 GiB / sharing a page, among all that", sizes, 1.5, 1.1,
			 true);
	return status;
}
