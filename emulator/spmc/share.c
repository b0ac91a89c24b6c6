/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FFA_MEM_SHARE: from the descriptor in TX to a region in the store. TX is read once; every check
 * is made on that snapshot. Checks go from form (INVALID_PARAMETERS) to state (DENIED, NO_MEMORY),
 * and nothing changes before the last of them has passed.
 */
#include "spmc/internal.h"

#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MUST_BE_ZERO  0xFF80u
#define PERMISSIONS_MUST_BE_ZERO 0xF0u

bool spmc_access_size_is_ok(const struct partition *partition, uint32_t access_size)
{
	/* Linux used the 16-byte layout at 1.2, too, until the 6.17 stable series. */
	return access_size == VMSG_FFA_ACCESS_SIZE_1_1 ||
	       (access_size == VMSG_FFA_ACCESS_SIZE_1_2 &&
		partition->version >= VMSG_FFA_VERSION_1_2);
}

/* Takes a snapshot of the descriptor; the registers must agree with each other and with TX. */
static bool read_descriptor(struct spmc *spmc, const struct partition *partition,
			    const struct vmsg_ffa_regs *regs, struct vmsg_bytes *descriptor)
{
	const uint32_t total = (uint32_t)regs->x[1];
	const uint32_t fragment = (uint32_t)regs->x[2];

	/* Buffers of the caller's choice instead of TX (x3, w4) are not supported. */
	if (regs->x[3] || regs->x[4] || fragment != total || fragment % 16 ||
	    fragment > SPMC_BUFFER_SIZE || !partition->buffers.mapped ||
	    spmc->memory->read(spmc->memory_context, partition->config.id,
			       partition->buffers.tx_address, spmc->scratch, fragment) != 0) {
		return false;
	}
	*descriptor = (struct vmsg_bytes){ spmc->scratch, fragment };
	return true;
}

static bool check_header(const struct partition *owner, const struct vmsg_ffa_memory_header *header)
{
	return (header->attributes & (ATTRIBUTES_MUST_BE_ZERO | VMSG_FFA_ATTR_NS)) == 0 &&
	       header->flags == 0 && header->handle == 0 &&
	       spmc_access_size_is_ok(owner, header->access_size) &&
	       header->access_count <= SPMC_BORROWERS_MAX;
}

/* One borrower: a partition that is there, is not the owner and was not named before. */
static bool check_access(const struct spmc *spmc, const struct partition *owner,
			 struct region *region, const struct vmsg_ffa_memory_access *access)
{
	const uint8_t data = access->permissions & VMSG_FFA_DATA_MASK;

	return access->endpoint != owner->config.id && spmc_find(spmc, access->endpoint) &&
	       !spmc_region_borrower(region, access->endpoint) && access->flags == 0 &&
	       (access->permissions & (PERMISSIONS_MUST_BE_ZERO | VMSG_FFA_INSTRUCTION_MASK)) ==
		       0 &&
	       (data == VMSG_FFA_DATA_RO || data == VMSG_FFA_DATA_RW);
}

/* Reads all borrowers; they name one composite, whose place is returned. */
static enum vmsg_ffa_status read_borrowers(struct spmc *spmc, const struct partition *owner,
					   struct vmsg_bytes descriptor,
					   const struct vmsg_ffa_memory_header *header,
					   struct region *region, uint32_t *composite_offset)
{
	region->borrowers = calloc(header->access_count, sizeof(*region->borrowers));
	if (!region->borrowers) {
		return VMSG_FFA_NO_MEMORY;
	}
	for (uint32_t i = 0; i < header->access_count; i++) {
		struct vmsg_ffa_memory_access access;
		if (vmsg_ffa_memory_access_at(descriptor, header, i, &access) < 0 ||
		    !check_access(spmc, owner, region, &access) ||
		    (i > 0 && access.composite_offset != *composite_offset)) {
			return VMSG_FFA_INVALID_PARAMETERS;
		}
		*composite_offset = access.composite_offset;
		struct borrower *borrower = &region->borrowers[region->borrower_count++];
		borrower->partition = access.endpoint;
		borrower->permissions = access.permissions;
		memcpy(borrower->implementation, access.implementation,
		       sizeof(borrower->implementation));
	}
	return VMSG_FFA_OK;
}

static bool check_range(const struct vmsg_ffa_range *range)
{
	const uint64_t size = (uint64_t)range->pages * VMSG_FFA_PAGE_SIZE;

	return range->pages > 0 && range->address % VMSG_FFA_PAGE_SIZE == 0 &&
	       range->address <= UINT64_MAX - size;
}

/* The ranges fill the descriptor exactly and add up to the composite's page count. */
static enum vmsg_ffa_status read_ranges(struct vmsg_bytes descriptor,
					const struct vmsg_ffa_memory_header *header,
					uint32_t composite_offset, struct region *region)
{
	struct vmsg_ffa_composite composite;

	if (vmsg_ffa_memory_composite_at(descriptor, header, composite_offset, &composite) < 0 ||
	    composite.range_count == 0) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	const size_t first = (size_t)composite_offset + VMSG_FFA_COMPOSITE_SIZE;
	if (descriptor.size - first !=
	    (uint64_t)composite.range_count * VMSG_FFA_CONSTITUENT_SIZE) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	region->ranges = calloc(composite.range_count, sizeof(*region->ranges));
	if (!region->ranges) {
		return VMSG_FFA_NO_MEMORY;
	}
	uint64_t pages = 0;
	for (uint32_t i = 0; i < composite.range_count; i++) {
		struct vmsg_ffa_range *range = &region->ranges[region->range_count++];
		vmsg_ffa_range_load(range, descriptor.data + first + i * VMSG_FFA_CONSTITUENT_SIZE);
		if (!check_range(range)) {
			return VMSG_FFA_INVALID_PARAMETERS;
		}
		pages += range->pages;
	}
	region->page_count = composite.page_count;
	return pages == composite.page_count ? VMSG_FFA_OK : VMSG_FFA_INVALID_PARAMETERS;
}

/* What the owner may do with its memory, its attributes and these borrowers. */
static enum vmsg_ffa_status check_rights(const struct partition *owner, const struct region *region)
{
	for (uint32_t i = 0; i < region->borrower_count; i++) {
		const struct borrower *borrower = &region->borrowers[i];
		if ((spmc_is_secure(owner->config.id) && !spmc_is_secure(borrower->partition)) ||
		    ((borrower->permissions & VMSG_FFA_DATA_RW) && !region->owner_writable)) {
			return VMSG_FFA_DENIED;
		}
	}
	return region->attributes == VMSG_FFA_ATTR_NORMAL_WB_INNER ? VMSG_FFA_OK : VMSG_FFA_DENIED;
}

/* Fills `region` from the snapshot, or says what is wrong with it. */
static enum vmsg_ffa_status fill_region(struct spmc *spmc, struct partition *owner,
					struct vmsg_bytes descriptor, struct region *region)
{
	struct vmsg_ffa_memory_header header;
	uint32_t composite_offset = 0;

	if (vmsg_ffa_memory_parse(descriptor, &header) < 0 || !check_header(owner, &header)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	region->attributes = header.attributes;
	region->flags = VMSG_FFA_MEMORY_TYPE_SHARE;
	region->tag = header.tag;
	enum vmsg_ffa_status status =
		read_borrowers(spmc, owner, descriptor, &header, region, &composite_offset);
	if (status == VMSG_FFA_OK) {
		status = read_ranges(descriptor, &header, composite_offset, region);
	}
	if (status != VMSG_FFA_OK) {
		return status;
	}
	if (header.sender != owner->config.id) {
		return VMSG_FFA_DENIED;
	}
	if (owner->region_count >= SPMC_REGIONS_MAX ||
	    region->range_count > SPMC_RANGES_MAX - owner->range_count) {
		return VMSG_FFA_NO_MEMORY;
	}
	status = spmc_region_claim(spmc, owner, region);
	return status == VMSG_FFA_OK ? check_rights(owner, region) : status;
}

enum spmc_result spmc_call_mem_share(struct spmc *spmc, struct vcpu *vcpu,
				     struct vmsg_ffa_regs *regs)
{
	struct partition *owner = vcpu->partition;
	struct vmsg_bytes descriptor;

	if (!read_descriptor(spmc, owner, regs, &descriptor)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct region *region = calloc(1, sizeof(*region));
	if (!region) {
		return spmc_error(regs, VMSG_FFA_NO_MEMORY);
	}
	const enum vmsg_ffa_status status = fill_region(spmc, owner, descriptor, region);
	if (status != VMSG_FFA_OK) {
		spmc_region_free(spmc, region);
		return spmc_error(regs, status);
	}
	spmc_region_add(spmc, owner, region);
	vmsg_ffa_pack_success(regs);
	regs->x[2] = (uint32_t)region->handle;
	regs->x[3] = region->handle >> 32;
	return SPMC_REPLIED;
}
