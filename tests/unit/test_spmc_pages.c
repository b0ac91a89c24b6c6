/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "spmc/pages.h"

enum { BANKS = 3, PAGES = 400, RUNS = 300, ROUNDS = 20000 };

static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Random adds, removes and look-ups against an array of pages. */
static void agrees_with_an_array_of_pages(void **state)
{
	static const struct page_run *owner[BANKS][PAGES];
	static struct page_run runs[RUNS];
	static bool added[RUNS];
	struct page_index index = { 0 };
	uint64_t seed = 1;

	(void)state;
	memset(owner, 0, sizeof(owner));
	for (size_t round = 0; round < ROUNDS; round++) {
		const size_t i = next(&seed) % RUNS;
		if (added[i]) {
			page_index_remove(&index, &runs[i]);
			for (uint64_t p = 0; p < runs[i].count; p++) {
				owner[runs[i].bank][runs[i].first + p] = NULL;
			}
			added[i] = false;
			continue;
		}
		struct page_run run = { .bank = next(&seed) % BANKS, .count = 1 + next(&seed) % 8 };
		run.first = next(&seed) % (PAGES - run.count);
		const struct page_run *overlap = NULL;
		for (uint64_t p = 0; p < run.count; p++) {
			const struct page_run *at = owner[run.bank][run.first + p];
			overlap = at ? at : overlap;
		}
		assert_ptr_equal(page_index_find(&index, run.bank, run.first, run.count), overlap);
		runs[i] = run;
		assert_ptr_equal(page_index_add(&index, &runs[i]), overlap);
		if (!overlap) {
			added[i] = true;
			for (uint64_t p = 0; p < run.count; p++) {
				owner[run.bank][run.first + p] = &runs[i];
			}
		}
		for (uint64_t bank = 0; bank < BANKS; bank++) {
			bool used = false;
			for (size_t p = 0; p < PAGES; p++) {
				used = used || owner[bank][p];
			}
			assert_int_equal(page_index_has_bank(&index, bank), used);
		}
	}
}

static size_t depth_of(const struct page_run *run, const struct page_run *root)
{
	size_t depth = 0;

	for (const struct page_run *at = root; at != run; depth++) {
		at = run->first < at->first ? at->left : at->right;
	}
	return depth;
}

/* Ascending insertion is the worst case of a plain tree. */
static void depth_grows_with_the_logarithm(void **state)
{
	enum { MANY = 100000 };
	struct page_run *runs = calloc(MANY, sizeof(*runs));
	struct page_index index = { 0 };
	size_t deepest = 0;

	(void)state;
	assert_non_null(runs);
	for (uint64_t i = 0; i < MANY; i++) {
		runs[i] = (struct page_run){ .bank = 7, .first = 2 * i, .count = 1 };
		assert_null(page_index_add(&index, &runs[i]));
	}
	for (size_t i = 0; i < MANY; i += 97) {
		const size_t depth = depth_of(&runs[i], index.root);
		deepest = depth > deepest ? depth : deepest;
	}
	assert_true(deepest < 60);
	for (size_t i = 0; i < MANY; i++) {
		page_index_remove(&index, &runs[i]);
	}
	assert_null(index.root);
	free(runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array_of_pages),
		cmocka_unit_test(depth_grows_with_the_logarithm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
