/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random legal and illegal sequences of calls, deaths and time against the partition manager, with
 * its invariants checked after every step. The bytes decide everything, so a sequence can be
 * replayed.
 */
#ifndef VMSG_TESTS_SPMC_SEQUENCE_H
#define VMSG_TESTS_SPMC_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

/* Numbers of calls from FFA_ERROR on. */
#define SPMC_SEQUENCE_CALLS 47u

/* What a run has reached, to see that the sequences are not all refused at the door. */
struct spmc_sequence_counts {
	unsigned steps;
	unsigned direct_answers;
	unsigned messages;
	unsigned notifications;
	unsigned sends;
	unsigned retrievals;
	unsigned donations;
	unsigned fragments;
	unsigned reclaims;
	unsigned aborts;
	unsigned features; /* that FEATURES knew, and the call did */
	unsigned missing;  /* that it did not */
	unsigned calls[SPMC_SEQUENCE_CALLS];
};

/* Aborts the program when an invariant does not hold. Adds to `counts`. */
void spmc_sequence_run(const uint8_t *bytes, size_t size, struct spmc_sequence_counts *counts);

#endif
