/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The borrower's side, FFA_MEM_RETRIEVE_REQ and FFA_MEM_RELINQUISH, and the owner's way back,
 * FFA_MEM_RECLAIM. TX is read once. A borrower may hold a region once; its descriptor names the
 * region as the owner sent it. Who retrieves a donation is not its borrower but its new owner.
 */
#include "spmc/internal.h"

#include <string.h>

#define RETRIEVE_FLAGS                                                                             \
	(VMSG_FFA_MEMORY_ZERO | VMSG_FFA_MEMORY_TIME_SLICE | VMSG_FFA_MEMORY_ZERO_AFTER |          \
	 VMSG_FFA_MEMORY_TYPE_MASK | VMSG_FFA_MEMORY_HINT_MASK | VMSG_FFA_MEMORY_HINT_VALID |      \
	 VMSG_FFA_MEMORY_BYPASS)
/* Time slicing is accepted and without effect: no operation takes long enough. */
#define RETURN_FLAGS (VMSG_FFA_MEMORY_ZERO | VMSG_FFA_MEMORY_TIME_SLICE)

#define ATTRIBUTES_MUST_BE_ZERO  0xFF80u
#define ATTRIBUTE_TYPE_MASK      0x30u
#define ATTRIBUTE_CACHE_MASK     0x0Cu
#define ATTRIBUTE_SHARE_MASK     0x03u
#define ATTRIBUTE_SHARE_RESERVED 0x01u
#define ATTRIBUTE_NON_CACHEABLE  0x04u
#define ATTRIBUTE_WRITE_BACK     0x0Cu
#define PERMISSIONS_MUST_BE_ZERO 0xF0u
#define HINT_SHIFT               5
#define ACCESS_NOT_THE_RETRIEVER 0x1u

/* A request that has passed its checks so far. */
struct retrieval {
	struct region *region;
	struct borrower *borrower;
	uint16_t attributes;
	uint8_t permissions;
	uint32_t flags;
};

/* One borrower of memory that its owner has given up: it has more to choose. */
static bool is_exclusive(const struct region *region)
{
	return (region->flags & VMSG_FFA_MEMORY_TYPE_MASK) != VMSG_FFA_MEMORY_TYPE_SHARE &&
	       region->borrower_count == 1;
}

/* Takes a snapshot of a whole retrieve request; its length is what its header says. */
static bool read_request(struct spmc *spmc, const struct partition *partition,
			 const struct vmsg_ffa_regs *regs, struct vmsg_bytes *descriptor,
			 struct vmsg_ffa_memory_header *header)
{
	const uint32_t total = (uint32_t)regs->x[1];

	if (regs->x[3] || (uint32_t)regs->x[4] || (uint32_t)regs->x[2] != total ||
	    !spmc_snapshot_tx(spmc, partition, total)) {
		return false;
	}
	*descriptor = (struct vmsg_bytes){ spmc->scratch, total };
	return vmsg_ffa_memory_parse(*descriptor, header) == 0 &&
	       spmc_access_size_is_ok(partition, header->access_size) &&
	       total ==
		       header->access_offset + (uint64_t)header->access_count * header->access_size;
}

/* The hint asks for an alignment of 2^n pages. Addresses are the owner's, so it is met or not. */
static enum vmsg_ffa_status check_hint(const struct spmc *spmc, const struct region *region,
				       uint32_t flags)
{
	const uint32_t hint = (flags & VMSG_FFA_MEMORY_HINT_MASK) >> HINT_SHIFT;
	const uint64_t alignment = (uint64_t)VMSG_FFA_PAGE_SIZE << hint;

	if (spmc->policy->retrieve_hint_refused && (flags & VMSG_FFA_MEMORY_HINT_VALID)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (!(flags & VMSG_FFA_MEMORY_HINT_VALID)) {
		return hint ? VMSG_FFA_INVALID_PARAMETERS : VMSG_FFA_OK;
	}
	for (uint32_t i = 0; i < region->range_count; i++) {
		if (region->ranges[i].address % alignment) {
			return VMSG_FFA_DENIED;
		}
	}
	return VMSG_FFA_OK;
}

static enum vmsg_ffa_status check_flags(const struct spmc *spmc, const struct region *region,
					uint32_t flags)
{
	const uint32_t known =
		spmc->policy->retrieve_flags_type_only ? VMSG_FFA_MEMORY_TYPE_MASK : RETRIEVE_FLAGS;
	const uint32_t zero = VMSG_FFA_MEMORY_ZERO | VMSG_FFA_MEMORY_ZERO_AFTER;
	const uint32_t asked = flags & VMSG_FFA_MEMORY_TYPE_MASK;
	const uint32_t type = region->flags & VMSG_FFA_MEMORY_TYPE_MASK;

	/* Shared memory has other users, who do not expect it to be zeroed. */
	if ((flags & ~known) || (asked && asked != type) ||
	    ((flags & zero) && type == VMSG_FFA_MEMORY_TYPE_SHARE) ||
	    ((flags & VMSG_FFA_MEMORY_BYPASS) && region->borrower_count == 1)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if ((flags & VMSG_FFA_MEMORY_ZERO) && !(region->flags & VMSG_FFA_MEMORY_ZERO)) {
		return VMSG_FFA_DENIED;
	}
	return check_hint(spmc, region, flags);
}

/*
 * The list of borrowers: with the bypass flag the caller alone, else all that the owner named.
 * Fills what the caller asks for itself.
 */
static bool read_access(struct vmsg_bytes descriptor, const struct vmsg_ffa_memory_header *header,
			uint16_t caller, struct retrieval *retrieval)
{
	const bool bypass = (header->flags & VMSG_FFA_MEMORY_BYPASS) != 0;
	struct region *region = retrieval->region;
	bool found = false;

	if (header->access_count != (bypass ? 1 : region->borrower_count)) {
		return false;
	}
	for (uint32_t i = 0; i < header->access_count; i++) {
		struct vmsg_ffa_memory_access access;
		if (vmsg_ffa_memory_access_at(descriptor, header, i, &access) < 0) {
			return false;
		}
		struct borrower *borrower = spmc_region_borrower(region, access.endpoint);
		const bool is_caller = access.endpoint == caller;
		if (!borrower || access.composite_offset != 0 ||
		    (access.flags & ~ACCESS_NOT_THE_RETRIEVER) || (is_caller && found)) {
			return false;
		}
		if (is_caller) {
			found = true;
			retrieval->borrower = borrower;
			retrieval->permissions = access.permissions;
			if (access.flags || (header->access_size == VMSG_FFA_ACCESS_SIZE_1_2 &&
					     memcmp(access.implementation, borrower->implementation,
						    sizeof(access.implementation)) != 0)) {
				return false;
			}
		}
	}
	return found;
}

/* What is asked for must not exceed what the owner offered; what is left open becomes that. */
static enum vmsg_ffa_status grant_permissions(struct retrieval *retrieval)
{
	const uint8_t offered = retrieval->borrower->permissions & VMSG_FFA_DATA_MASK;
	const uint8_t data = retrieval->permissions & VMSG_FFA_DATA_MASK;
	const uint8_t instruction = retrieval->permissions & VMSG_FFA_INSTRUCTION_MASK;
	/* Only who has the memory for itself may, and then must, say whether it executes it. */
	const bool chooses = is_exclusive(retrieval->region);

	if ((retrieval->permissions & PERMISSIONS_MUST_BE_ZERO) || data == VMSG_FFA_DATA_MASK ||
	    instruction == VMSG_FFA_INSTRUCTION_MASK || chooses != (instruction != 0)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (data == VMSG_FFA_DATA_RW && offered == VMSG_FFA_DATA_RO) {
		return VMSG_FFA_DENIED;
	}
	retrieval->permissions = data ? data : offered;
	retrieval->permissions |= chooses ? instruction : VMSG_FFA_INSTRUCTION_NX;
	if (!(retrieval->permissions & VMSG_FFA_DATA_RW) &&
	    (retrieval->flags & (VMSG_FFA_MEMORY_ZERO | VMSG_FFA_MEMORY_ZERO_AFTER))) {
		return VMSG_FFA_DENIED;
	}
	return VMSG_FFA_OK;
}

/* Attributes may be weaker than the owner's, and unspecified ones become those. RAM is normal
 * memory: nobody gets it as a device. */
static enum vmsg_ffa_status grant_attributes(struct retrieval *retrieval)
{
	const uint16_t offered = VMSG_FFA_ATTR_NORMAL_WB_INNER;
	const uint16_t asked = retrieval->attributes;
	const uint16_t cache = asked & ATTRIBUTE_CACHE_MASK;
	const uint16_t share = asked & ATTRIBUTE_SHARE_MASK;
	const uint16_t type = asked & ATTRIBUTE_TYPE_MASK;

	if ((asked & (ATTRIBUTES_MUST_BE_ZERO | VMSG_FFA_ATTR_NS)) || (type == 0 && asked) ||
	    type == ATTRIBUTE_TYPE_MASK) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (type == 0) {
		retrieval->attributes = offered;
		return VMSG_FFA_OK;
	}
	if (type != (offered & ATTRIBUTE_TYPE_MASK)) {
		return VMSG_FFA_DENIED;
	}
	if ((cache != ATTRIBUTE_NON_CACHEABLE && cache != ATTRIBUTE_WRITE_BACK) ||
	    share == ATTRIBUTE_SHARE_RESERVED) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	return VMSG_FFA_OK;
}

/* Whatever was asked for, the owner's offer is granted. */
static enum vmsg_ffa_status offered_permissions(struct retrieval *retrieval)
{
	retrieval->permissions = retrieval->borrower->permissions;
	return VMSG_FFA_OK;
}

static enum vmsg_ffa_status offered_attributes(struct retrieval *retrieval)
{
	if (retrieval->attributes & VMSG_FFA_ATTR_NS) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	retrieval->attributes = retrieval->region->attributes;
	return VMSG_FFA_OK;
}

static enum vmsg_ffa_status check_retrieval(struct spmc *spmc, const struct partition *partition,
					    struct vmsg_bytes descriptor,
					    const struct vmsg_ffa_memory_header *header,
					    struct retrieval *retrieval)
{
	struct region *region = spmc_region_find(spmc, header->handle);

	if (!region || !region->owner) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	*retrieval = (struct retrieval){ .region = region,
					 .attributes = header->attributes,
					 .flags = header->flags };
	if (header->sender != region->owner_id) {
		return VMSG_FFA_DENIED;
	}
	if (header->tag != region->tag ||
	    !read_access(descriptor, header, partition->config.id, retrieval)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	enum vmsg_ffa_status status = check_flags(spmc, region, header->flags);
	if (status == VMSG_FFA_OK) {
		status = spmc->policy->permissions_unchecked ? offered_permissions(retrieval)
							     : grant_permissions(retrieval);
	}
	if (status == VMSG_FFA_OK) {
		status = spmc->policy->attributes_unchecked ? offered_attributes(retrieval)
							    : grant_attributes(retrieval);
	}
	if (status == VMSG_FFA_OK && retrieval->borrower->held) {
		status = header->flags & VMSG_FFA_MEMORY_ZERO ? VMSG_FFA_INVALID_PARAMETERS
							      : VMSG_FFA_DENIED;
	}
	return status;
}

static uint32_t response_access_size(const struct spmc *spmc, const struct partition *partition,
				     const struct region *region)
{
	switch (spmc->policy->response_access) {
	case POLICY_ACCESS_LONG:
		return VMSG_FFA_ACCESS_SIZE_1_2;
	case POLICY_ACCESS_AS_SENT:
		return region->access_size;
	case POLICY_ACCESS_OF_VERSION:
		break;
	}
	return partition->version >= VMSG_FFA_VERSION_1_2 ? VMSG_FFA_ACCESS_SIZE_1_2
							  : VMSG_FFA_ACCESS_SIZE_1_1;
}

/* The response in the layout of the caller's version, as much of it as fits into RX. */
static int build_response(struct spmc *spmc, const struct partition *partition,
			  const struct retrieval *retrieval)
{
	const struct region *region = retrieval->region;
	/* Non-secure memory stays that, also when a secure partition has been given it. */
	const bool is_secure = spmc_is_secure(region->claims[0].home.partition->config.id);
	const struct vmsg_ffa_memory_header header = {
		.sender = region->owner_id,
		.attributes = retrieval->attributes | (is_secure ? 0 : VMSG_FFA_ATTR_NS),
		.flags = region->flags,
		.handle = region->handle,
		.tag = spmc->policy->response_tag_zero ? 0 : region->tag,
		.access_size = response_access_size(spmc, partition, region),
	};
	struct vmsg_ffa_memory_access access = {
		.endpoint = partition->config.id,
		.permissions = retrieval->permissions,
	};

	memcpy(access.implementation, retrieval->borrower->implementation,
	       sizeof(access.implementation));
	return vmsg_ffa_memory_fragment(&header, &access, 1, region->ranges, region->range_count, 0,
					(struct vmsg_span){ spmc->scratch, SPMC_BUFFER_SIZE });
}

/* Nobody else has it yet, and the owner asked for it: the memory arrives zeroed. */
static bool zero_on_arrival(struct spmc *spmc, const struct retrieval *retrieval)
{
	return !(retrieval->flags & VMSG_FFA_MEMORY_ZERO) || retrieval->region->held_count > 0 ||
	       spmc_region_zero(spmc, retrieval->region);
}

enum spmc_result spmc_call_mem_retrieve(struct spmc *spmc, struct vcpu *vcpu,
					struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	struct vmsg_ffa_memory_header header;
	struct vmsg_bytes descriptor;
	struct retrieval retrieval;

	if (!spmc_rx_is_free(partition)) {
		return spmc_error(regs, spmc->policy->retrieve_rx_full_denied ? VMSG_FFA_DENIED
									      : VMSG_FFA_BUSY);
	}
	if (!read_request(spmc, partition, regs, &descriptor, &header)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	const enum vmsg_ffa_status status =
		check_retrieval(spmc, partition, descriptor, &header, &retrieval);
	if (status != VMSG_FFA_OK) {
		return spmc_error(regs, status);
	}
	struct borrower *borrower = retrieval.borrower;
	struct region *region = retrieval.region;
	const bool is_donation =
		(region->flags & VMSG_FFA_MEMORY_TYPE_MASK) == VMSG_FFA_MEMORY_TYPE_DONATE;
	struct donation *spares = NULL;
	if (is_donation && !spmc_alloc_spares(partition, region->claim_count, &spares)) {
		return spmc_error(regs, VMSG_FFA_NO_MEMORY);
	}
	const int size = build_response(spmc, partition, &retrieval);
	if (size < 0 || !zero_on_arrival(spmc, &retrieval) ||
	    !spmc_rx_fill(spmc, partition, spmc->scratch, (size_t)size)) {
		spmc_free_spares(spares);
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	borrower->writable = (retrieval.permissions & VMSG_FFA_DATA_RW) != 0;
	borrower->zero_after = (retrieval.flags & VMSG_FFA_MEMORY_ZERO_AFTER) != 0;
	if (is_donation) {
		spmc_transfer(spmc, partition, region, &spares);
		spmc_free_spares(spares);
		spmc_region_retire(spmc, region);
	} else {
		spmc_borrow(partition, borrower);
	}

	const uint64_t total = vmsg_ffa_memory_size(response_access_size(spmc, partition, region),
						    1, region->range_count);
	spmc_response_end(spmc, partition);
	partition->response = (struct response){ borrower, (uint64_t)size, total };
	if (partition->response.offset == total) {
		spmc_response_end(spmc, partition);
	}
	/* The memory arrives before the answer that announces it. */
	spmc_deliver(spmc, &(struct spmc_delivery){
				   .kind = SPMC_GRANT,
				   .partition = partition->config.id,
				   .vcpu = vcpu->index,
				   .handle = region->handle,
				   .writable = borrower->writable,
			   });
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_RETRIEVE_RESP), total,
					  (uint32_t)size } };
	spmc_return(spmc, vcpu, regs);
	return SPMC_BLOCKED;
}

enum spmc_result spmc_call_mem_frag_rx(struct spmc *spmc, struct vcpu *vcpu,
				       struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	struct response *response = &partition->response;
	const uint64_t handle = (uint32_t)regs->x[1] | regs->x[2] << 32;

	if (!response->borrower || response->borrower->region->handle != handle ||
	    regs->x[3] != response->offset || (regs->x[4] & 0xFFFF) ||
	    !spmc_names_self(partition, regs->x[4] >> 16)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!spmc_rx_is_free(partition)) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	const struct region *region = response->borrower->region;
	const struct vmsg_ffa_memory_header header = {
		.access_size = response_access_size(spmc, partition, region),
	};
	const struct vmsg_ffa_memory_access access = { 0 };
	const int size = vmsg_ffa_memory_fragment(
		&header, &access, 1, region->ranges, region->range_count, response->offset,
		(struct vmsg_span){ spmc->scratch, SPMC_BUFFER_SIZE });
	if (size < 0 || !spmc_rx_fill(spmc, partition, spmc->scratch, (size_t)size)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	response->offset += (uint64_t)size;
	if (response->offset == response->total) {
		spmc_response_end(spmc, partition);
	}
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_FRAG_TX), (uint32_t)handle,
					  handle >> 32, (uint64_t)size } };
	return SPMC_REPLIED;
}

/* Whether `borrower` may give its region back like this. */
static enum vmsg_ffa_status check_relinquish(const struct borrower *borrower, uint32_t flags)
{
	if (!borrower || !borrower->held || (flags & ~RETURN_FLAGS)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (flags & VMSG_FFA_MEMORY_ZERO) {
		const uint32_t type = borrower->region->flags & VMSG_FFA_MEMORY_TYPE_MASK;
		if (type == VMSG_FFA_MEMORY_TYPE_SHARE) {
			return VMSG_FFA_INVALID_PARAMETERS;
		}
		return borrower->writable ? VMSG_FFA_OK : VMSG_FFA_DENIED;
	}
	return VMSG_FFA_OK;
}

enum spmc_result spmc_call_mem_relinquish(struct spmc *spmc, struct vcpu *vcpu,
					  struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	struct vmsg_ffa_relinquish relinquish;

	if (!spmc_snapshot_tx(spmc, partition, VMSG_FFA_RELINQUISH_SIZE) ||
	    vmsg_ffa_relinquish_parse(
		    (struct vmsg_bytes){ spmc->scratch, VMSG_FFA_RELINQUISH_SIZE }, &relinquish) <
		    0 ||
	    relinquish.count != 1 || relinquish.endpoint != partition->config.id) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct region *region = spmc_region_find(spmc, relinquish.handle);
	struct borrower *borrower =
		region ? spmc_region_borrower(region, partition->config.id) : NULL;
	const enum vmsg_ffa_status status = check_relinquish(borrower, relinquish.flags);
	if (status != VMSG_FFA_OK) {
		return spmc_error(regs, status);
	}
	/* The flag of the retrieval speaks for who dies; who relinquishes says it anew. */
	if ((relinquish.flags & VMSG_FFA_MEMORY_ZERO) && !spmc_region_zero(spmc, region)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	spmc_unborrow(spmc, partition, borrower);
	spmc_deliver(spmc, &(struct spmc_delivery){
				   .kind = SPMC_REVOKE,
				   .partition = partition->config.id,
				   .vcpu = vcpu->index,
				   .handle = relinquish.handle,
			   });
	return spmc_success(regs);
}

enum spmc_result spmc_call_mem_reclaim(struct spmc *spmc, struct vcpu *vcpu,
				       struct vmsg_ffa_regs *regs)
{
	const uint64_t handle = (uint32_t)regs->x[1] | regs->x[2] << 32;
	const uint64_t flags = regs->x[3];
	struct region *region = spmc_region_find(spmc, handle);

	if (!region || region->owner != vcpu->partition || (flags & ~(uint64_t)RETURN_FLAGS)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (region->held_count > 0 ||
	    ((flags & VMSG_FFA_MEMORY_ZERO) && region->access == SPMC_READ_ONLY)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if ((flags & VMSG_FFA_MEMORY_ZERO) && !spmc_region_zero(spmc, region)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	spmc_region_remove(spmc, region);
	return spmc_success(regs);
}
