/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the benchmarks of the daemon share: one core, child processes, a manager, partitions without
 * ceremony, and medians. Everything exits the program when it fails.
 */
#ifndef VMSG_BENCH_SYSTEM_H
#define VMSG_BENCH_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spmc/spmc.h"
#include "virtio_msg_ffa/emulator.h"

#define ROUNDS 9

void die(const char *what);
uint64_t now_ns(void);
/* Only where every process has the same core do the figures repeat. */
void pin(void);
/* A child that dies with us; `run` gets a descriptor to write a byte to when it is ready, which is
 * awaited here. */
pid_t spawn(void (*run)(void *context, int ready), void *context);
void end(pid_t child);

/* A manager in a child; `partitions` NULL: the built-in system. */
struct manager {
	char path[64];
	pid_t pid;
	const struct spmc_partition_config *partitions;
	size_t partition_count;
	const char *text; /* traced to; NULL: not */
	const char *pcapng;
};
void start_manager(struct manager *manager, const struct spmc_partition_config *partitions,
		   size_t partition_count);
/* The built-in system, traced to these files, NULL: not. */
void start_traced_manager(struct manager *manager, const char *text, const char *pcapng);
/* Connects as `id` and negotiates FF-A 1.2. With banks, the first two pages of bank 0 become TX and
 * RX. */
struct vmsg_emu *join(const struct manager *manager, uint16_t id, struct vmsg_emu_bank *banks,
		      size_t bank_count);
/* The call must succeed. */
void must_call(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs);

/* FFA_MEM_SHARE of pages of the first bank; returns the handle. And FFA_MEM_RECLAIM. */
uint64_t share_pages(struct vmsg_emu *emu, const struct vmsg_emu_bank *bank, uint16_t borrower,
		     uint64_t page, uint32_t pages);
void reclaim(struct vmsg_emu *emu, uint64_t handle);

/* A child that answers direct requests as `id`. */
pid_t spawn_echo(const struct manager *manager, uint16_t id);
/* Nanoseconds of a direct message to `id` and its answer, mean of `count`. */
double time_direct(struct vmsg_emu *emu, uint16_t id, int count);

double median(const double values[ROUNDS]);
/* One line about a goal; returns the exit status. `limit_is_maximum`: smaller is better. */
int report(const char *goal, const double ratios[ROUNDS], double must, double aim,
	   bool limit_is_maximum);

#endif
