/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pages of RAM are in use by whom: disjoint runs of pages, by identity (bank, page) and not
 * by address, so that two addresses of the same memory cannot defeat the exclusive-access checks.
 * Runs belong to the caller; the index allocates nothing and every operation is O(log n) expected.
 */
#ifndef VMSG_EMULATOR_SPMC_PAGES_H
#define VMSG_EMULATOR_SPMC_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page_run {
	uint64_t bank;
	uint64_t first;
	uint64_t count;
	void *user;
	uint64_t priority; /* of the treap; set by page_index_add() */
	struct page_run *left;
	struct page_run *right;
};

struct page_index {
	struct page_run *root;
	uint64_t random;
};

/* Adds `run` unless it overlaps one that is there, which is then returned; NULL on success. */
const struct page_run *page_index_add(struct page_index *index, struct page_run *run);
/* Removes a run that is there. */
void page_index_remove(struct page_index *index, const struct page_run *run);
/* A run that overlaps these pages, or NULL. */
const struct page_run *page_index_find(const struct page_index *index, uint64_t bank,
				       uint64_t first, uint64_t count);
/* Whether any run lies in `bank`. */
bool page_index_has_bank(const struct page_index *index, uint64_t bank);

#endif
