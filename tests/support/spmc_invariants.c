/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/spmc_invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint16_t sequence_ids[PARTITIONS] = { 1, 2, 0x8001, 0x8002 };

void sequence_check(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "invariant broken: %s\n", what);
		abort();
	}
}

size_t sequence_index(uint16_t id)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		if (sequence_ids[i] == id) {
			return i;
		}
	}
	abort();
}

struct totals {
	size_t retired;
	uint32_t regions[PARTITIONS];
	uint32_t ranges[PARTITIONS];
	uint32_t borrowed[PARTITIONS];
	size_t runs;
};

static size_t count_runs(const struct page_run *run)
{
	return run ? 1 + count_runs(run->left) + count_runs(run->right) : 0;
}

static void check_region(struct sequence *s, const struct region *region, struct totals *totals)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < region->borrower_count; i++) {
		if (region->borrowers[i].held) {
			held++;
			totals->borrowed[sequence_index(region->borrowers[i].partition)]++;
		}
	}
	sequence_check(held == region->held_count, "held_count counts the holders");
	sequence_check(region->owner || held > 0 || region->retired, "somebody keeps the region");
	if (region->retired) {
		totals->retired++;
		sequence_check(region->claim_count == 0 && held == 0,
			       "a retired region holds nothing");
		return;
	}
	uint64_t pages = 0;
	for (uint32_t i = 0; i < region->claim_count; i++) {
		const struct page_run *run = &region->claims[i].run;
		sequence_check(
			page_index_find(&s->spmc->pages, run->bank, run->first, run->count) == run,
			"claims are in the index");
		pages += run->count;
	}
	sequence_check(pages == region->page_count, "claims cover the region");
	totals->runs += region->claim_count;
	if (region->owner) {
		totals->regions[sequence_index(region->owner_id)]++;
		totals->ranges[sequence_index(region->owner_id)] += region->range_capacity;
	}
}

/* The lists of a partition, there and back. */
static void check_lists(const struct partition *p)
{
	uint32_t count = 0;

	for (const struct region *r = p->regions; r; r = r->next) {
		sequence_check(!r->next || r->next->previous == r,
			       "the list of regions, backwards");
		sequence_check(r->owner == p, "the list of regions holds what it owns");
	}
	for (const struct borrower *b = p->borrowed; b; b = b->next, count++) {
		sequence_check(!b->next || b->next->previous == b,
			       "the list of what is held, backwards");
	}
	sequence_check(count == p->borrowed_count, "the list of what is held");
}

static void check_memory(struct sequence *s)
{
	struct totals totals = { 0 };
	size_t told_of_retired = 0;
	size_t donations = 0;

	for (size_t i = 0; i < s->region_count; i++) {
		check_region(s, s->regions[i], &totals);
	}
	for (size_t i = 0; i < PARTITIONS; i++) {
		const struct partition *p = s->spmc->partitions[i];
		for (size_t j = 0; j < SPMC_SENDS_MAX; j++) {
			if (p->sending[j]) {
				totals.regions[i]++;
				totals.ranges[i] += p->sending[j]->range_capacity;
				sequence_check(p->sending[j]->claim_count == 0,
					       "unfinished sends claim nothing");
			}
		}
		check_lists(p);
		totals.runs += p->buffers.mapped ? 2 : 0;
		const struct borrower *told = p->response.borrower;
		told_of_retired += told && told->region->retired;
		sequence_check(p->started || !p->buffers.mapped, "the dead have no buffers");
		sequence_check(p->region_count == totals.regions[i], "region_count");
		sequence_check(p->range_count == totals.ranges[i], "range_count");
		sequence_check(p->borrowed_count == totals.borrowed[i], "borrowed_count");
		sequence_check(p->started || p->borrowed_count == 0, "the dead borrow nothing");
		sequence_check(p->started || p->donation_count == 0, "the dead own nothing");
		donations += p->donation_count;
	}
	sequence_check(count_runs(s->spmc->pages.root) == totals.runs,
		       "no run is without an owner");
	sequence_check(count_runs(s->spmc->donated_pages.root) == donations &&
			       count_runs(s->spmc->donated_addresses.root) == donations,
		       "donations are in both indices");
	for (const struct region *r = s->spmc->retiring; r; r = r->next) {
		told_of_retired++;
	}
	sequence_check(told_of_retired == totals.retired, "what is retired is told or freed");
}

static size_t check_vcpu(struct sequence *s, const struct partition *p, uint16_t index)
{
	const struct vcpu *vcpu = &p->vcpus[index];
	const bool outstanding = s->blocked[sequence_index(p->config.id)][index];
	size_t active = 0;

	sequence_check((vcpu->state != VCPU_RUNNING) == outstanding,
		       "a call is outstanding or not");
	sequence_check((vcpu->state == VCPU_WAITING) == (p->waiting >> index & 1), "waiting bits");
	sequence_check(p->started || vcpu->state == VCPU_RUNNING, "the dead do not wait");
	for (size_t i = 0; i < SPMC_REQUESTS_MAX; i++) {
		const struct request *request = &vcpu->requests[i];
		if (request->state == REQUEST_FREE) {
			continue;
		}
		sequence_check(p->started, "the dead request nothing");
		if (request->state == REQUEST_ANSWERED) {
			continue;
		}
		sequence_check(request->target->serving && request->target->request == request,
			       "the target of a request serves it");
		sequence_check(request->target->partition->started, "nobody waits for the dead");
		active += request->state == REQUEST_ACTIVE;
	}
	sequence_check(active == (vcpu->state == VCPU_BLOCKED), "blocked on one request");
	if (vcpu->state == VCPU_YIELDED) {
		sequence_check(vcpu->request && vcpu->request->state == REQUEST_PREEMPTED,
			       "somebody can run what has yielded");
	}
	sequence_check(!vcpu->serving || vcpu->state != VCPU_WAITING, "who serves does not wait");
	sequence_check(vcpu->serving || !vcpu->request, "who does not serve has no request");
	return active;
}

static void check_time(struct sequence *s)
{
	size_t active = 0, slices = 0;
	uint64_t deadline = 0;

	for (size_t i = 0; i < PARTITIONS; i++) {
		for (uint16_t j = 0; j < VCPUS; j++) {
			active += check_vcpu(s, s->spmc->partitions[i], j);
		}
	}
	for (const struct request *r = s->spmc->slice_first; r; r = r->later) {
		sequence_check(r->state == REQUEST_ACTIVE && r->deadline_ns >= deadline,
			       "slices in order");
		deadline = r->deadline_ns;
		slices++;
	}
	sequence_check(slices == active, "every blocked caller has a slice");
}

/* Nobody writes RX while its partition owns it. */
static void check_rx(struct sequence *s)
{
	for (size_t i = 0; i < PARTITIONS; i++) {
		const struct buffers *buffers = &s->spmc->partitions[i]->buffers;
		const bool full = buffers->mapped && buffers->rx_state == RX_FULL;
		if (full) {
			const uint8_t *rx =
				world_at(&s->world, sequence_ids[i], buffers->rx_address, PAGE);
			sequence_check(!s->rx_was_full[i] || memcmp(rx, s->rx[i], PAGE) == 0,
				       "RX is written while it is owned");
			memcpy(s->rx[i], rx, PAGE);
		}
		s->rx_was_full[i] = full;
	}
}

/* Who may send it is the owner of a page: no page has two, whatever the address. */
static void check_owners(struct sequence *s)
{
	const uint64_t first_bank = s->world.banks[0].id;
	uint8_t owner[PARTITIONS][BANK_PAGES] = { { 0 } };

	for (size_t p = 0; p < PARTITIONS; p++) {
		for (size_t i = 0; i < s->world.bank_count; i++) {
			const struct world_bank *bank = &s->world.banks[i];
			if (bank->partition != sequence_ids[bank->id - first_bank]) {
				continue; /* somebody else's RAM in its hands, by the test's doing
					   */
			}
			for (uint64_t page = 0; page < BANK_PAGES; page++) {
				struct owned owned;
				const uint64_t address = bank->base + page * PAGE;
				if (!spmc_own_pages(s->spmc, s->spmc->partitions[p], address, 1,
						    &owned)) {
					continue;
				}
				sequence_check(owned.count == 1 &&
						       owned.page.bank - first_bank < PARTITIONS &&
						       owned.page.page < BANK_PAGES,
					       "what is owned is a page of somebody's RAM");
				uint8_t *of = &owner[owned.page.bank - first_bank][owned.page.page];
				sequence_check(*of == 0 || *of == p + 1, "no page is owned twice");
				*of = (uint8_t)(p + 1);
			}
		}
	}
}

/* In order, and none overlaps the next. */
static void check_disjoint(const struct page_run *run, const struct page_run **last)
{
	if (!run) {
		return;
	}
	check_disjoint(run->left, last);
	sequence_check(!*last || (*last)->bank < run->bank ||
			       ((*last)->bank == run->bank &&
				(*last)->first + (*last)->count <= run->first),
		       "runs of pages are disjoint");
	*last = run;
	check_disjoint(run->right, last);
}

static void check_index(const struct page_index *index)
{
	const struct page_run *last = NULL;

	check_disjoint(index->root, &last);
}

static void check_bucket(struct sequence *s, const struct region *first)
{
	for (const struct region *r = first; r; r = r->bucket_next) {
		for (size_t j = 0; j < s->region_count; j++) {
			sequence_check(s->regions[j]->handle != r->handle,
				       "no handle is reused while live");
		}
		sequence_check(s->region_count < REGIONS_MAX, "no more regions than pages");
		s->regions[s->region_count++] = r;
	}
}

/* All that can be found; no handle is that of two, and none comes twice where they count up. */
static void check_handles(struct sequence *s)
{
	static struct region *const none[256]; /* so many buckets are looked at in one go */
	const size_t stride = sizeof(none) / sizeof(none[0]);
	const bool counts_up = s->spmc->policy->handles != POLICY_HANDLES_REUSED;

	s->region_count = 0;
	for (size_t i = 0; i < SPMC_REGION_BUCKETS; i += stride) {
		if (memcmp(&s->spmc->buckets[i], none, sizeof(none)) == 0) {
			continue;
		}
		for (size_t j = i; j < i + stride; j++) {
			check_bucket(s, s->spmc->buckets[j]);
		}
	}
	sequence_check(!counts_up || s->spmc->last_handle >= s->highest_handle, "handles count up");
	s->highest_handle = s->spmc->last_handle;
}

void sequence_check_all(struct sequence *s)
{
	check_handles(s);
	check_time(s);
	check_memory(s);
	check_index(&s->spmc->pages);
	check_index(&s->spmc->donated_pages);
	check_index(&s->spmc->donated_addresses);
	check_owners(s);
	check_rx(s);
	sequence_check(s->spmc->delivery_count == 0, "everything was delivered");
}
