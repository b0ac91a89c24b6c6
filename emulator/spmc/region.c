/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store of shared regions. Invariants: a region in the store is in its handle's bucket and,
 * while its owner lives, in the owner's list; all its runs are in the page index; held_count is the
 * number of its borrowers that hold it, and each of those is in its partition's list; a region
 * without an owner is held by somebody. No two live regions have the same handle.
 */
#include "spmc/internal.h"

#include <stdlib.h>

#define HANDLE_BY_HYPERVISOR (UINT64_C(1) << 63)
#define FIRST_HIGH_HANDLE    UINT64_C(0xFFFFFFC0)

static size_t bucket_of(uint64_t handle)
{
	return (size_t)(handle % SPMC_REGION_BUCKETS);
}

/* Also one that is retired. */
static struct region *find_stored(const struct spmc *spmc, uint64_t handle)
{
	struct region *region = spmc->buckets[bucket_of(handle)];

	while (region && region->handle != handle) {
		region = region->bucket_next;
	}
	return region;
}

struct region *spmc_region_find(const struct spmc *spmc, uint64_t handle)
{
	struct region *region = find_stored(spmc, handle);

	return region && !region->retired ? region : NULL;
}

/* Adds the pages of one range to the claims of a region, which has room for `*capacity` of them. */
static enum vmsg_ffa_status identify_range(struct spmc *spmc, struct region *region,
					   uint32_t *capacity, const struct vmsg_ffa_range *range)
{
	uint64_t address = range->address;
	uint32_t left = range->pages;

	while (left > 0) {
		struct owned owned;
		if (!spmc_own_pages(spmc, region->owner, address, left, &owned)) {
			return VMSG_FFA_DENIED;
		}
		if (region->claim_count == *capacity) {
			const uint32_t grown_to = *capacity ? *capacity * 2 : 4;
			struct claim *grown = realloc(region->claims, grown_to * sizeof(*grown));
			if (!grown) {
				return VMSG_FFA_NO_MEMORY;
			}
			region->claims = grown;
			*capacity = grown_to;
		}
		region->claims[region->claim_count++] = (struct claim){
			.run = { .bank = owned.page.bank,
				 .first = owned.page.page,
				 .count = owned.count,
				 .user = region },
			.address = address,
			.home = owned.home,
		};
		if (owned.access < region->access) {
			region->access = owned.access;
		}
		address += (uint64_t)owned.count * VMSG_FFA_PAGE_SIZE;
		left -= owned.count;
	}
	return VMSG_FFA_OK;
}

enum vmsg_ffa_status spmc_region_claim(struct spmc *spmc, struct region *region)
{
	enum vmsg_ffa_status status = VMSG_FFA_OK;
	uint32_t capacity = 0;

	region->access = SPMC_WRITABLE;
	for (uint32_t i = 0; i < region->range_count && status == VMSG_FFA_OK; i++) {
		status = identify_range(spmc, region, &capacity, &region->ranges[i]);
	}
	/* From here on claim_count counts those in the index, which freeing takes out. */
	const uint32_t count = region->claim_count;
	region->claim_count = 0;
	while (status == VMSG_FFA_OK && region->claim_count < count) {
		const struct page_run *other =
			page_index_add(&spmc->pages, &region->claims[region->claim_count].run);
		if (other) {
			return other->user == region || spmc->policy->overlap_invalid
				       ? VMSG_FFA_INVALID_PARAMETERS
				       : VMSG_FFA_DENIED;
		}
		region->claim_count++;
	}
	return status;
}

static void unclaim(struct spmc *spmc, struct region *region)
{
	for (uint32_t i = 0; i < region->claim_count; i++) {
		page_index_remove(&spmc->pages, &region->claims[i].run);
	}
	region->claim_count = 0;
}

static bool is_full(const struct spmc *spmc, const struct partition *owner)
{
	const struct spmc_policy *policy = spmc->policy;
	const uint32_t own_max =
		policy->regions_own_max ? policy->regions_own_max : SPMC_REGIONS_MAX;

	return owner->region_count >= own_max ||
	       (policy->regions_max && spmc->region_count >= policy->regions_max);
}

struct region *spmc_region_create(struct spmc *spmc, struct partition *owner,
				  uint32_t borrower_count, uint32_t range_count)
{
	if (is_full(spmc, owner) || range_count > SPMC_RANGES_MAX - owner->range_count) {
		return NULL;
	}
	struct region *region = calloc(1, sizeof(*region));
	if (!region) {
		return NULL;
	}
	region->borrowers = calloc(borrower_count, sizeof(*region->borrowers));
	region->ranges = calloc(range_count, sizeof(*region->ranges));
	if (!region->borrowers || !region->ranges) {
		free(region->borrowers);
		free(region->ranges);
		free(region);
		return NULL;
	}
	region->range_capacity = range_count;
	region->owner = owner;
	region->owner_id = owner->config.id;
	owner->region_count++;
	owner->range_count += range_count;
	spmc->region_count++;
	return region;
}

/* Its owner no longer has it. */
static void disown(struct region *region)
{
	region->owner->region_count--;
	region->owner->range_count -= region->range_capacity;
	region->owner = NULL;
}

void spmc_region_free(struct spmc *spmc, struct region *region)
{
	if (region->owner) {
		disown(region);
	}
	unclaim(spmc, region);
	spmc->region_count--;
	if (region->is_named && spmc->policy->handles == POLICY_HANDLES_REUSED) {
		spmc->handles_in_use[region->handle / 64] &= ~(UINT64_C(1) << region->handle % 64);
	}
	free(region->claims);
	free(region->ranges);
	free(region->borrowers);
	free(region);
}

/* There is one: such a policy limits the number of regions. */
static uint64_t lowest_free_handle(struct spmc *spmc)
{
	size_t word = 0;

	while (spmc->handles_in_use[word] == UINT64_MAX) {
		word++;
	}
	const uint64_t bit = (uint64_t)__builtin_ctzll(~spmc->handles_in_use[word]);
	spmc->handles_in_use[word] |= UINT64_C(1) << bit;
	return word * 64 + bit;
}

void spmc_region_name(struct spmc *spmc, struct region *region)
{
	if (region->is_named) {
		return;
	}
	region->is_named = true;
	switch (spmc->policy->handles) {
	case POLICY_HANDLES_NEW:
		/* Regions of VMs are the hypervisor's, those of secure partitions the SPMC's. */
		region->handle = ++spmc->last_handle;
		region->handle |= spmc_is_secure(region->owner_id) ? 0 : HANDLE_BY_HYPERVISOR;
		break;
	case POLICY_HANDLES_REUSED:
		region->handle = lowest_free_handle(spmc);
		break;
	case POLICY_HANDLES_HIGH:
		region->handle = FIRST_HIGH_HANDLE + spmc->last_handle++;
		break;
	}
}

void spmc_region_add(struct spmc *spmc, struct region *region)
{
	struct partition *owner = region->owner;
	struct region **bucket;

	spmc_region_name(spmc, region);
	bucket = &spmc->buckets[bucket_of(region->handle)];
	region->bucket_next = *bucket;
	*bucket = region;

	region->next = owner->regions;
	if (region->next) {
		region->next->previous = region;
	}
	owner->regions = region;
}

/* Takes a stored region out of its owner's list. */
static void unlink_from_owner(struct region *region)
{
	*(region->previous ? &region->previous->next : &region->owner->regions) = region->next;
	if (region->next) {
		region->next->previous = region->previous;
	}
}

void spmc_region_remove(struct spmc *spmc, struct region *region)
{
	struct region **at = &spmc->buckets[bucket_of(region->handle)];

	while (*at != region) {
		at = &(*at)->bucket_next;
	}
	*at = region->bucket_next;
	if (region->owner) {
		unlink_from_owner(region);
	}
	spmc_region_free(spmc, region);
}

struct borrower *spmc_region_borrower(struct region *region, uint16_t partition)
{
	for (uint32_t i = 0; i < region->borrower_count; i++) {
		if (region->borrowers[i].partition == partition) {
			return &region->borrowers[i];
		}
	}
	return NULL;
}

void spmc_borrow(struct partition *partition, struct borrower *borrower)
{
	borrower->held = true;
	borrower->region->held_count++;
	borrower->previous = NULL;
	borrower->next = partition->borrowed;
	if (borrower->next) {
		borrower->next->previous = borrower;
	}
	partition->borrowed = borrower;
	partition->borrowed_count++;
}

void spmc_unborrow(struct spmc *spmc, struct partition *partition, struct borrower *borrower)
{
	struct region *region = borrower->region;

	*(borrower->previous ? &borrower->previous->next : &partition->borrowed) = borrower->next;
	if (borrower->next) {
		borrower->next->previous = borrower->previous;
	}
	partition->borrowed_count--;
	borrower->held = false;
	if (partition->response.borrower == borrower) {
		spmc_response_end(spmc, partition);
	}
	region->held_count--;
	if (!region->owner && region->held_count == 0) {
		spmc_region_remove(spmc, region);
	}
}

void spmc_response_end(struct spmc *spmc, struct partition *partition)
{
	struct borrower *borrower = partition->response.borrower;

	partition->response = (struct response){ 0 };
	if (borrower && borrower->region->retired) {
		borrower->region->next = spmc->retiring;
		spmc->retiring = borrower->region;
	}
}

void spmc_region_retire(struct spmc *spmc, struct region *region)
{
	unlink_from_owner(region);
	disown(region);
	unclaim(spmc, region);
	region->retired = true;
}

void spmc_free_retiring(struct spmc *spmc)
{
	while (spmc->retiring) {
		struct region *region = spmc->retiring;
		spmc->retiring = region->next;
		spmc_region_remove(spmc, region);
	}
}

bool spmc_region_zero(struct spmc *spmc, const struct region *region)
{
	for (uint32_t i = 0; i < region->claim_count; i++) {
		if (!spmc_zero_pages(spmc, &region->claims[i]) && region->owner) {
			return false;
		}
	}
	return true;
}

void spmc_regions_stop(struct spmc *spmc, struct partition *partition)
{
	while (partition->borrowed) {
		struct borrower *borrower = partition->borrowed;
		if (borrower->zero_after) {
			(void)spmc_region_zero(spmc, borrower->region);
		}
		spmc_unborrow(spmc, partition, borrower);
	}
	spmc_response_end(spmc, partition);
	spmc_sends_stop(spmc, partition);
	struct region *left = partition->regions;
	partition->regions = NULL;
	while (left) {
		struct region *region = left;
		left = region->next;
		region->previous = NULL;
		region->next = NULL;
		if (region->held_count > 0) {
			disown(region);
		} else {
			spmc_region_remove(spmc, region);
		}
	}
}

uint32_t spmc_region_range_count(const struct spmc *spmc, uint64_t handle)
{
	const struct region *region = find_stored(spmc, handle);

	return region ? region->range_count : 0;
}

bool spmc_region_range(const struct spmc *spmc, uint64_t handle, uint32_t index,
		       struct vmsg_ffa_range *range)
{
	const struct region *region = find_stored(spmc, handle);

	if (!region || index >= region->range_count) {
		*range = (struct vmsg_ffa_range){ 0 };
		return false;
	}
	*range = region->ranges[index];
	return true;
}

uint16_t spmc_region_owner(const struct spmc *spmc, uint64_t handle)
{
	const struct region *region = find_stored(spmc, handle);

	return region ? region->owner_id : 0;
}
