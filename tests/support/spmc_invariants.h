/* SPDX-License-Identifier: BSD-3-Clause */
/* What a random sequence of calls knows of itself, and what must hold after each step. */
#ifndef VMSG_TESTS_SPMC_INVARIANTS_H
#define VMSG_TESTS_SPMC_INVARIANTS_H

#include "spmc/internal.h"
#include "spmc/policy.h"
#include "support/spmc_sequence.h"
#include "support/spmc_world.h"

#define PAGE ((size_t)VMSG_FFA_PAGE_SIZE)

#define PARTITIONS 4u
#define VCPUS      ((uint16_t)2)
#define BANK_PAGES 12u

/* Each has a page of its own, or has lost it to its borrower. */
#define REGIONS_MAX (2u * PARTITIONS * BANK_PAGES)

extern const uint16_t sequence_ids[PARTITIONS];

struct sequence {
	const uint8_t *bytes;
	size_t size;
	struct world world;
	struct spmc *spmc;
	bool blocked[PARTITIONS]
		    [VCPUS]; /* a call is outstanding, as the owner of the sockets sees it */
	uint64_t highest_handle;
	const struct region *regions[REGIONS_MAX]; /* in the store after the last step */
	size_t region_count;
	bool rx_was_full[PARTITIONS];
	uint8_t rx[PARTITIONS][PAGE];
	struct spmc_sequence_counts *counts;
};

/* Aborts the program. */
void sequence_check(bool holds, const char *what);
size_t sequence_index(uint16_t id);
void sequence_check_all(struct sequence *s);

#endif
