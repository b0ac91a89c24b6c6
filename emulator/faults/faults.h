/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults between partitions and their manager, as rules: calls that get lost, late, in the wrong
 * order, twice, or refused, and partitions that die. Stands in front of a struct spmc with the same
 * contract, sans-I/O: call in; reply, or "blocked" and deliveries, out. With NULL for the faults
 * every function is the one of the manager. Chance comes from a seed, so the same calls at the same
 * times meet the same faults. The language of the rules is in docs/faults.md.
 */
#ifndef VMSG_EMULATOR_FAULTS_H
#define VMSG_EMULATOR_FAULTS_H

#include "spmc/spmc.h"

struct faults;

/* No rules yet; NULL when out of memory. */
struct faults *faults_create(uint64_t seed);
void faults_destroy(struct faults *faults);

/* Adds the rules of a text such as "busy:count=3;kill:from=0x8001,after=100". -1 with one line in
 * `why` that names rule, option and value; then none of its rules counts. */
int faults_add(struct faults *faults, const char *text, char *why, size_t why_size);

/* No rule strikes any more; what is held still ends in its time. */
void faults_calm(struct faults *faults);

/* Called whenever a fault strikes, with one line of text. */
void faults_report(struct faults *faults, void (*report)(void *context, const char *text),
		   void *context);

/* As the functions of spmc.h. Where `*kill` is true the caller of the call must die now: stop it.
 */
enum spmc_result faults_call(struct faults *faults, struct spmc *spmc, uint16_t id, uint16_t vcpu,
			     uint64_t now_ns, struct vmsg_ffa_regs *regs, bool *kill);
bool faults_next(struct faults *faults, struct spmc *spmc, struct spmc_delivery *delivery);
uint64_t faults_deadline(const struct faults *faults, const struct spmc *spmc);
void faults_tick(struct faults *faults, struct spmc *spmc, uint64_t now_ns);
void faults_stop(struct faults *faults, struct spmc *spmc, uint16_t id);

#endif
