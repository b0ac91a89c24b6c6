/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FFA_MEM_SHARE, FFA_MEM_LEND and FFA_MEM_DONATE: from the descriptor in TX, in one piece or in
 * fragments, to a region in the store. TX is read once a call; every check is made on that
 * snapshot. Checks go from form (INVALID_PARAMETERS) to state (DENIED, NO_MEMORY). Until all
 * fragments are there and all checks have passed, the region is in its owner's `sending` and its
 * pages are not claimed.
 */
#include "spmc/internal.h"

#include <string.h>

#define ATTRIBUTES_MUST_BE_ZERO 0xFF80u

bool spmc_access_size_is_ok(const struct partition *partition, uint32_t access_size)
{
	/* Linux used the 16-byte layout at 1.2, too, until the 6.17 stable series. */
	return access_size == VMSG_FFA_ACCESS_SIZE_1_1 ||
	       (access_size == VMSG_FFA_ACCESS_SIZE_1_2 &&
		partition->version >= VMSG_FFA_VERSION_1_2);
}

static uint32_t type_of(const struct region *region)
{
	return region->flags & VMSG_FFA_MEMORY_TYPE_MASK;
}

static uint32_t type_of_call(uint32_t function_id)
{
	switch (function_id) {
	case VMSG_FFA_ID32(MEM_DONATE):
	case VMSG_FFA_ID64(MEM_DONATE):
		return VMSG_FFA_MEMORY_TYPE_DONATE;
	case VMSG_FFA_ID32(MEM_LEND):
	case VMSG_FFA_ID64(MEM_LEND):
		return VMSG_FFA_MEMORY_TYPE_LEND;
	default:
		return VMSG_FFA_MEMORY_TYPE_SHARE;
	}
}

static bool check_header(const struct spmc *spmc, const struct partition *owner, uint32_t type,
			 const struct vmsg_ffa_memory_header *header)
{
	const bool is_share = type == VMSG_FFA_MEMORY_TYPE_SHARE;
	/* Who keeps access would not expect its memory to be zeroed. */
	uint32_t flags = is_share ? 0 : VMSG_FFA_MEMORY_ZERO;
	const bool is_exclusive = !is_share && header->access_count == 1;

	if (spmc->policy->send_type_flag_allowed &&
	    (header->flags & VMSG_FFA_MEMORY_TYPE_MASK) == type) {
		flags |= type;
	}
	return (header->attributes & (ATTRIBUTES_MUST_BE_ZERO | VMSG_FFA_ATTR_NS)) == 0 &&
	       /* the only borrower chooses the attributes */
	       (!is_exclusive || header->attributes == 0 || spmc->policy->attributes_unchecked) &&
	       (header->flags & ~flags) == 0 && header->handle == 0 &&
	       spmc_access_size_is_ok(owner, header->access_size) &&
	       header->access_count <= SPMC_BORROWERS_MAX &&
	       (type != VMSG_FFA_MEMORY_TYPE_DONATE || is_exclusive);
}

/* The sender says what borrowers may do with its data, and leaves the rest to them; a new owner
 * decides everything itself. */
static bool check_permissions(const struct spmc *spmc, const struct region *region,
			      uint8_t permissions)
{
	if (spmc->policy->permissions_unchecked) {
		return true;
	}
	if (type_of(region) == VMSG_FFA_MEMORY_TYPE_DONATE) {
		return permissions == 0;
	}
	return permissions == VMSG_FFA_DATA_RO || permissions == VMSG_FFA_DATA_RW;
}

/* One borrower: a partition that is there, is not the owner and was not named before. */
static bool check_access(const struct spmc *spmc, struct region *region,
			 const struct vmsg_ffa_memory_access *access)
{
	return access->endpoint != region->owner_id && spmc_find(spmc, access->endpoint) &&
	       !spmc_region_borrower(region, access->endpoint) && access->flags == 0 &&
	       check_permissions(spmc, region, access->permissions);
}

static bool read_borrowers(struct spmc *spmc, struct vmsg_bytes descriptor,
			   const struct vmsg_ffa_memory_header *header, uint32_t composite_offset,
			   struct region *region)
{
	for (uint32_t i = 0; i < header->access_count; i++) {
		struct vmsg_ffa_memory_access access;
		if (vmsg_ffa_memory_access_at(descriptor, header, i, &access) < 0 ||
		    access.composite_offset != composite_offset ||
		    !check_access(spmc, region, &access)) {
			return false;
		}
		struct borrower *borrower = &region->borrowers[region->borrower_count++];
		borrower->region = region;
		borrower->partition = access.endpoint;
		borrower->permissions = access.permissions;
		memcpy(borrower->implementation, access.implementation,
		       sizeof(borrower->implementation));
	}
	return true;
}

/* Some managers say that one who is not there may not have it. */
static enum vmsg_ffa_status refused_borrower(const struct spmc *spmc, struct vmsg_bytes descriptor,
					     const struct vmsg_ffa_memory_header *header)
{
	struct vmsg_ffa_memory_access access;

	for (uint32_t i = 0; i < header->access_count; i++) {
		if (spmc->policy->borrower_unknown_denied &&
		    vmsg_ffa_memory_access_at(descriptor, header, i, &access) == 0 &&
		    !spmc_find(spmc, access.endpoint)) {
			return VMSG_FFA_DENIED;
		}
	}
	return VMSG_FFA_INVALID_PARAMETERS;
}

/* Ranges from a whole number of descriptors. */
static bool read_ranges(struct region *region, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < size; at += VMSG_FFA_CONSTITUENT_SIZE) {
		struct vmsg_ffa_range *range = &region->ranges[region->range_count++];
		vmsg_ffa_range_load(range, bytes + at);
		const uint64_t length = (uint64_t)range->pages * VMSG_FFA_PAGE_SIZE;
		if (range->pages == 0 || range->address % VMSG_FFA_PAGE_SIZE != 0 ||
		    range->address > UINT64_MAX - length) {
			return false;
		}
	}
	return true;
}

/* What the owner may do with its memory, its attributes and these borrowers. */
static enum vmsg_ffa_status check_rights(const struct spmc *spmc, const struct region *region)
{
	for (uint32_t i = 0; i < region->borrower_count; i++) {
		const struct borrower *borrower = &region->borrowers[i];
		if ((spmc_is_secure(region->owner_id) && !spmc_is_secure(borrower->partition)) ||
		    ((borrower->permissions & VMSG_FFA_DATA_RW) &&
		     region->access != SPMC_WRITABLE)) {
			return VMSG_FFA_DENIED;
		}
	}
	if ((region->flags & VMSG_FFA_MEMORY_ZERO) && region->access == SPMC_READ_ONLY) {
		return VMSG_FFA_DENIED;
	}
	if (spmc->policy->attributes_unchecked) {
		return VMSG_FFA_OK;
	}
	if (region->attributes != 0 || type_of(region) == VMSG_FFA_MEMORY_TYPE_SHARE ||
	    region->borrower_count > 1) {
		return region->attributes == VMSG_FFA_ATTR_NORMAL_WB_INNER ? VMSG_FFA_OK
									   : VMSG_FFA_DENIED;
	}
	return VMSG_FFA_OK;
}

/* What the policy leaves out. */
static enum vmsg_ffa_status check_share_limits(const struct spmc *spmc, const struct region *region)
{
	const struct spmc_policy *policy = spmc->policy;

	if (spmc_is_secure(region->owner_id)) {
		return VMSG_FFA_OK;
	}
	if ((policy->share_whole && region->range_count < region->range_capacity) ||
	    (policy->share_only_vm_to_sp &&
	     (region->borrower_count != 1 || !spmc_is_secure(region->borrowers[0].partition)))) {
		return VMSG_FFA_NOT_SUPPORTED;
	}
	return policy->share_pages_max && region->page_count > policy->share_pages_max
		       ? VMSG_FFA_NO_MEMORY
		       : VMSG_FFA_OK;
}

/* Reads the first fragment, with everything before the ranges in it, into a new region. */
static enum vmsg_ffa_status begin(struct spmc *spmc, struct partition *owner, uint32_t type,
				  struct vmsg_bytes fragment, uint32_t total,
				  struct region **created)
{
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_memory_access first;
	struct vmsg_ffa_composite composite;

	if (vmsg_ffa_memory_parse(fragment, &header) < 0 ||
	    !check_header(spmc, owner, type, &header) ||
	    vmsg_ffa_memory_access_at(fragment, &header, 0, &first) < 0 ||
	    vmsg_ffa_memory_composite_at(fragment, &header, first.composite_offset, &composite) <
		    0 ||
	    composite.range_count == 0) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	const uint32_t head = first.composite_offset + VMSG_FFA_COMPOSITE_SIZE;
	if (total != head + (uint64_t)composite.range_count * VMSG_FFA_CONSTITUENT_SIZE) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	struct region *region =
		spmc_region_create(spmc, owner, header.access_count, composite.range_count);
	if (!region) {
		return VMSG_FFA_NO_MEMORY;
	}
	*created = region;
	region->attributes = header.attributes;
	region->flags = header.flags | type;
	region->tag = header.tag;
	region->head_size = head;
	region->access_size = header.access_size;
	region->page_count = composite.page_count;
	if (!read_borrowers(spmc, fragment, &header, first.composite_offset, region)) {
		return refused_borrower(spmc, fragment, &header);
	}
	if (!read_ranges(region, fragment.data + head, fragment.size - head)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (header.sender != owner->config.id) {
		return VMSG_FFA_DENIED;
	}
	return check_share_limits(spmc, region);
}

/* All fragments are there: claims the pages and stores the region. */
static enum vmsg_ffa_status finish(struct spmc *spmc, struct region *region)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < region->range_count; i++) {
		pages += region->ranges[i].pages;
	}
	if (pages != region->page_count) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	enum vmsg_ffa_status status = spmc_region_claim(spmc, region);
	if (status == VMSG_FFA_OK) {
		status = check_rights(spmc, region);
	}
	if (status == VMSG_FFA_OK && (region->flags & VMSG_FFA_MEMORY_ZERO) &&
	    !spmc_region_zero(spmc, region)) {
		status = VMSG_FFA_ABORTED;
	}
	if (status != VMSG_FFA_OK) {
		return status;
	}
	if (type_of(region) == VMSG_FFA_MEMORY_TYPE_DONATE) {
		region->borrowers[0].permissions =
			region->access == SPMC_WRITABLE ? VMSG_FFA_DATA_RW : VMSG_FFA_DATA_RO;
	}
	spmc_region_add(spmc, region);
	return VMSG_FFA_OK;
}

static void handle_to_regs(struct vmsg_ffa_regs *regs, size_t first, uint64_t handle)
{
	regs->x[first] = (uint32_t)handle;
	regs->x[first + 1] = handle >> 32;
}

/* What follows a fragment that was good: the next one is asked for, or the send is done. */
static enum spmc_result proceed(struct spmc *spmc, struct region *region,
				struct vmsg_ffa_regs *regs)
{
	if (region->range_count < region->range_capacity) {
		spmc_region_name(spmc, region);
		*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_FRAG_RX) } };
		handle_to_regs(regs, 1, region->handle);
		regs->x[3] = region->head_size +
			     (uint64_t)region->range_count * VMSG_FFA_CONSTITUENT_SIZE;
		return SPMC_REPLIED;
	}
	const enum vmsg_ffa_status status = finish(spmc, region);
	if (status != VMSG_FFA_OK) {
		spmc_region_free(spmc, region);
		return spmc_error(regs, status);
	}
	vmsg_ffa_pack_success(regs);
	handle_to_regs(regs, 2, region->handle);
	return SPMC_REPLIED;
}

/* Remembers an unfinished send; an abandoned one must not keep the place of others for ever. */
static void remember(struct spmc *spmc, struct partition *owner, struct region *region)
{
	size_t place = 0;

	for (size_t i = 1; i < SPMC_SENDS_MAX && owner->sending[place]; i++) {
		/* handles count up */
		if (!owner->sending[i] ||
		    owner->sending[i]->handle < owner->sending[place]->handle) {
			place = i;
		}
	}
	if (owner->sending[place]) {
		spmc_region_free(spmc, owner->sending[place]);
	}
	owner->sending[place] = region;
}

enum spmc_result spmc_call_mem_send(struct spmc *spmc, struct vcpu *vcpu,
				    struct vmsg_ffa_regs *regs)
{
	struct partition *owner = vcpu->partition;
	const uint32_t total = (uint32_t)regs->x[1];
	const uint32_t fragment = (uint32_t)regs->x[2];
	struct region *region = NULL;

	/* Buffers of the caller's choice instead of TX (x3, w4) are not supported. */
	if (regs->x[3] || (uint32_t)regs->x[4] || fragment > total || fragment % 16 || total % 16 ||
	    !spmc_snapshot_tx(spmc, owner, fragment)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	const enum vmsg_ffa_status status =
		begin(spmc, owner, type_of_call((uint32_t)regs->x[0]),
		      (struct vmsg_bytes){ spmc->scratch, fragment }, total, &region);
	if (status != VMSG_FFA_OK) {
		if (region) {
			spmc_region_free(spmc, region);
		}
		return spmc_error(regs, status);
	}
	const bool is_whole = region->range_count == region->range_capacity;
	const enum spmc_result result = proceed(spmc, region, regs);
	if (!is_whole) {
		remember(spmc, owner, region);
	}
	return result;
}

enum spmc_result spmc_call_mem_frag_tx(struct spmc *spmc, struct vcpu *vcpu,
				       struct vmsg_ffa_regs *regs)
{
	struct partition *owner = vcpu->partition;
	const uint64_t handle = (uint32_t)regs->x[1] | regs->x[2] << 32;
	const uint64_t size = regs->x[3];
	struct region **place = NULL;

	for (size_t i = 0; i < SPMC_SENDS_MAX; i++) {
		if (owner->sending[i] && owner->sending[i]->handle == handle) {
			place = &owner->sending[i];
		}
	}
	if (!place || (regs->x[4] & 0xFFFF) || !spmc_names_self(owner, regs->x[4] >> 16) ||
	    size == 0 || size % VMSG_FFA_CONSTITUENT_SIZE ||
	    size / VMSG_FFA_CONSTITUENT_SIZE > (*place)->range_capacity - (*place)->range_count ||
	    !spmc_snapshot_tx(spmc, owner, size)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct region *region = *place;
	if (!read_ranges(region, spmc->scratch, size)) {
		*place = NULL;
		spmc_region_free(spmc, region);
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (region->range_count == region->range_capacity) {
		*place = NULL;
	}
	return proceed(spmc, region, regs);
}

void spmc_sends_stop(struct spmc *spmc, struct partition *partition)
{
	for (size_t i = 0; i < SPMC_SENDS_MAX; i++) {
		if (partition->sending[i]) {
			spmc_region_free(spmc, partition->sending[i]);
			partition->sending[i] = NULL;
		}
	}
}
