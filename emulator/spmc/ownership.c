/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who owns which memory. A partition owns its own RAM, its home, except what it has donated, and
 * what others have donated to it. Only the exceptions are stored, as donations: disjoint runs of
 * pages, found by identity and, as the physical map is one for all, by address. What a partition
 * has been given returns to its home when it dies; what it has given away stays when it does.
 */
#include "spmc/internal.h"

#include <stdlib.h>

struct donation {
	struct page_run identity;
	struct page_run address; /* bank 0, page number in the physical map */
	struct partition *owner;
	struct home home;
	enum spmc_access access;
	struct donation *previous; /* of the same owner, or the next spare one */
	struct donation *next;
};

static bool is_alive(const struct home *home)
{
	return home->partition->started && home->partition->generation == home->generation;
}

bool spmc_own_pages(struct spmc *spmc, struct partition *partition, uint64_t address,
		    uint32_t pages, struct owned *owned)
{
	const uint64_t page = address / VMSG_FFA_PAGE_SIZE;
	const struct page_run *given = page_index_find(&spmc->donated_addresses, 0, page, 1);

	if (given) {
		const struct donation *donation = given->user;
		const uint64_t offset = page - given->first;
		const uint64_t left = given->count - offset;
		*owned = (struct owned){
			.page = { donation->identity.bank, donation->identity.first + offset },
			.count = pages < left ? pages : (uint32_t)left,
			.access = donation->access,
			.home = donation->home,
		};
		return donation->owner == partition;
	}
	*owned = (struct owned){ .home = { partition, partition->generation } };
	if (spmc->memory->identify(spmc->memory_context, partition->config.id, address, pages,
				   &owned->page, &owned->count, &owned->access) != 0 ||
	    owned->count == 0 || owned->count > pages) {
		return false;
	}
	/* Up to the next donation; and not what was donated under another address. */
	const struct page_run *next;
	while ((next = page_index_find(&spmc->donated_addresses, 0, page, owned->count)) != NULL) {
		owned->count = (uint32_t)(next->first - page);
	}
	return !page_index_find(&spmc->donated_pages, owned->page.bank, owned->page.page,
				owned->count);
}

bool spmc_zero_pages(struct spmc *spmc, const struct claim *claim)
{
	return is_alive(&claim->home) &&
	       spmc->memory->zero(spmc->memory_context, claim->home.partition->config.id,
				  claim->address, claim->run.count * VMSG_FFA_PAGE_SIZE) == 0;
}

static void add(struct spmc *spmc, struct partition *owner, struct donation *donation)
{
	donation->identity.user = donation;
	donation->address.user = donation;
	(void)page_index_add(&spmc->donated_pages, &donation->identity);
	(void)page_index_add(&spmc->donated_addresses, &donation->address);
	donation->owner = owner;
	donation->previous = NULL;
	donation->next = owner->donations;
	if (donation->next) {
		donation->next->previous = donation;
	}
	owner->donations = donation;
	owner->donation_count++;
}

static void remove_donation(struct spmc *spmc, struct donation *donation)
{
	struct partition *owner = donation->owner;

	page_index_remove(&spmc->donated_pages, &donation->identity);
	page_index_remove(&spmc->donated_addresses, &donation->address);
	*(donation->previous ? &donation->previous->next : &owner->donations) = donation->next;
	if (donation->next) {
		donation->next->previous = donation->previous;
	}
	owner->donation_count--;
}

static struct donation *take_spare(struct donation **spares)
{
	struct donation *spare = *spares;

	*spares = spare->next;
	return spare;
}

static void put_spare(struct donation **spares, struct donation *spare)
{
	spare->next = *spares;
	*spares = spare;
}

void spmc_free_spares(struct donation *spares)
{
	while (spares) {
		free(take_spare(&spares));
	}
}

bool spmc_alloc_spares(const struct partition *receiver, uint32_t run_count,
		       struct donation **spares)
{
	*spares = NULL;
	if (run_count > SPMC_RANGES_MAX - receiver->donation_count) {
		return false;
	}
	/* Each run may end up as a donation of its own, and leave another behind it. */
	for (uint64_t i = 0; i < 2 * (uint64_t)run_count; i++) {
		struct donation *spare = calloc(1, sizeof(*spare));
		if (!spare) {
			spmc_free_spares(*spares);
			*spares = NULL;
			return false;
		}
		put_spare(spares, spare);
	}
	return true;
}

/* A part of a donation, from its page `offset` on. */
static void copy_part(struct donation *part, const struct donation *whole, uint64_t offset,
		      uint64_t count)
{
	*part = *whole;
	part->identity.first += offset;
	part->identity.count = count;
	part->address.first += offset;
	part->address.count = count;
}

/* Takes the pages of `run` out of the donation that holds them. */
static void carve(struct spmc *spmc, struct donation *donation, const struct page_run *run,
		  struct donation **spares)
{
	struct partition *owner = donation->owner;
	const uint64_t before = run->first - donation->identity.first;
	const uint64_t after = donation->identity.count - before - run->count;

	remove_donation(spmc, donation);
	if (after > 0) {
		struct donation *rest = take_spare(spares);
		copy_part(rest, donation, before + run->count, after);
		add(spmc, owner, rest);
	}
	if (before > 0) {
		copy_part(donation, donation, 0, before);
		add(spmc, owner, donation);
	} else {
		put_spare(spares, donation);
	}
}

void spmc_transfer(struct spmc *spmc, struct partition *receiver, const struct region *region,
		   struct donation **spares)
{
	for (uint32_t i = 0; i < region->claim_count; i++) {
		const struct claim *claim = &region->claims[i];
		const struct page_run *given = page_index_find(
			&spmc->donated_pages, claim->run.bank, claim->run.first, claim->run.count);
		if (given) {
			/* Claims end where donations end, so it is in this one entirely. */
			carve(spmc, given->user, &claim->run, spares);
		}
		if (claim->home.partition == receiver && is_alive(&claim->home)) {
			continue;
		}
		struct donation *donation = take_spare(spares);
		*donation = (struct donation){
			.identity = { .bank = claim->run.bank,
				      .first = claim->run.first,
				      .count = claim->run.count },
			.address = { .first = claim->address / VMSG_FFA_PAGE_SIZE,
				     .count = claim->run.count },
			.home = claim->home,
			.access = region->access == SPMC_WRITABLE ? SPMC_WRITABLE : SPMC_READ_ONLY,
		};
		add(spmc, receiver, donation);
	}
}

void spmc_ownership_stop(struct spmc *spmc, struct partition *partition)
{
	struct donation *left = partition->donations;
	partition->donations = NULL;
	while (left) {
		struct donation *donation = left;
		left = donation->next;
		donation->previous = NULL;
		donation->next = NULL;
		remove_donation(spmc, donation);
		free(donation);
	}
	partition->generation++;
}
