/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A treap of disjoint page runs: ordered by (bank, first page), heap by random priority. Loops, no
 * recursion: depth is the peer's business as little as possible.
 */
#include "spmc/pages.h"

static bool is_before(const struct page_run *run, uint64_t bank, uint64_t page)
{
	return run->bank != bank ? run->bank < bank : run->first < page;
}

static uint64_t next_random(struct page_index *index)
{
	index->random += 0x9E3779B97F4A7C15u;
	uint64_t z = index->random;
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

const struct page_run *page_index_find(const struct page_index *index, uint64_t bank,
				       uint64_t first, uint64_t count)
{
	/* Runs are disjoint, so only the last one that begins before the end can overlap. */
	const struct page_run *last = NULL;
	const struct page_run *at = index->root;

	while (at) {
		if (is_before(at, bank, first + count)) {
			last = at;
			at = at->right;
		} else {
			at = at->left;
		}
	}
	return last && last->bank == bank && last->first + last->count > first ? last : NULL;
}

bool page_index_has_bank(const struct page_index *index, uint64_t bank)
{
	const struct page_run *at = index->root;

	while (at && at->bank != bank) {
		at = at->bank < bank ? at->right : at->left;
	}
	return at != NULL;
}

/* Splits `tree` into what begins before `run` and the rest, below `run`. */
static void split_below(struct page_run *tree, struct page_run *run)
{
	struct page_run **left = &run->left;
	struct page_run **right = &run->right;

	while (tree) {
		if (is_before(tree, run->bank, run->first)) {
			*left = tree;
			left = &tree->right;
			tree = tree->right;
		} else {
			*right = tree;
			right = &tree->left;
			tree = tree->left;
		}
	}
	*left = NULL;
	*right = NULL;
}

const struct page_run *page_index_add(struct page_index *index, struct page_run *run)
{
	const struct page_run *other = page_index_find(index, run->bank, run->first, run->count);
	if (other) {
		return other;
	}
	run->priority = next_random(index);

	struct page_run **at = &index->root;
	while (*at && (*at)->priority >= run->priority) {
		at = is_before(*at, run->bank, run->first) ? &(*at)->right : &(*at)->left;
	}
	split_below(*at, run);
	*at = run;
	return NULL;
}

void page_index_remove(struct page_index *index, const struct page_run *run)
{
	struct page_run **at = &index->root;
	while (*at && *at != run) {
		at = is_before(*at, run->bank, run->first) ? &(*at)->right : &(*at)->left;
	}
	if (!*at) {
		return;
	}
	struct page_run *left = run->left;
	struct page_run *right = run->right;
	while (left && right) {
		if (left->priority >= right->priority) {
			*at = left;
			at = &left->right;
			left = left->right;
		} else {
			*at = right;
			at = &right->left;
			right = right->left;
		}
	}
	*at = left ? left : right;
}
