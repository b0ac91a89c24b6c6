/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The borrower's side, FFA_MEM_RETRIEVE_REQ and FFA_MEM_RELINQUISH, and the owner's way back,
 * FFA_MEM_RECLAIM. TX is read once. A borrower may hold a region once; its descriptor names the
 * region as the owner sent it.
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
#define PERMISSIONS_MUST_BE_ZERO 0xF0u
#define HINT_SHIFT               5
#define ACCESS_NOT_THE_RETRIEVER 0x1u

/* A request that has passed its checks so far. */
struct retrieval {
	struct region *region;
	struct borrower *borrower;
	uint16_t attributes;
	uint8_t permissions;
	uint8_t implementation[16];
	uint32_t flags;
};

static bool snapshot_tx(struct spmc *spmc, const struct partition *partition, size_t size)
{
	return partition->buffers.mapped &&
	       spmc->memory->read(spmc->memory_context, partition->config.id,
				  partition->buffers.tx_address, spmc->scratch, size) == 0;
}

/* Takes a snapshot of a whole retrieve request; its length is what its header says. */
static bool read_request(struct spmc *spmc, const struct partition *partition,
			 const struct vmsg_ffa_regs *regs, struct vmsg_bytes *descriptor,
			 struct vmsg_ffa_memory_header *header)
{
	const uint32_t total = (uint32_t)regs->x[1];

	if (regs->x[3] || regs->x[4] || (uint32_t)regs->x[2] != total || total > SPMC_BUFFER_SIZE ||
	    !snapshot_tx(spmc, partition, total)) {
		return false;
	}
	*descriptor = (struct vmsg_bytes){ spmc->scratch, total };
	return vmsg_ffa_memory_parse(*descriptor, header) == 0 &&
	       spmc_access_size_is_ok(partition, header->access_size) &&
	       total ==
		       header->access_offset + (uint64_t)header->access_count * header->access_size;
}

/* The hint asks for an alignment of 2^n pages. Addresses are the owner's, so it is met or not. */
static enum vmsg_ffa_status check_hint(const struct region *region, uint32_t flags)
{
	const uint32_t hint = (flags & VMSG_FFA_MEMORY_HINT_MASK) >> HINT_SHIFT;
	const uint64_t alignment = (uint64_t)VMSG_FFA_PAGE_SIZE << hint;

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

/* Flags that concern the contents. A shared region is never zeroed on the way. */
static enum vmsg_ffa_status check_flags(const struct region *region, uint32_t flags)
{
	const uint32_t type = flags & VMSG_FFA_MEMORY_TYPE_MASK;

	if ((flags & ~RETRIEVE_FLAGS) ||
	    (type && type != (region->flags & VMSG_FFA_MEMORY_TYPE_MASK)) ||
	    (flags & (VMSG_FFA_MEMORY_ZERO | VMSG_FFA_MEMORY_ZERO_AFTER)) ||
	    ((flags & VMSG_FFA_MEMORY_BYPASS) && region->borrower_count == 1)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	return check_hint(region, flags);
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
			memcpy(retrieval->implementation, access.implementation,
			       sizeof(retrieval->implementation));
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
	uint8_t data = retrieval->permissions & VMSG_FFA_DATA_MASK;

	/* Sharing grants no execution, and the borrower must not even ask. */
	if ((retrieval->permissions & (PERMISSIONS_MUST_BE_ZERO | VMSG_FFA_INSTRUCTION_MASK)) ||
	    data == VMSG_FFA_DATA_MASK) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (data == VMSG_FFA_DATA_RW && offered == VMSG_FFA_DATA_RO) {
		return VMSG_FFA_DENIED;
	}
	if (data == 0) {
		data = offered;
	}
	retrieval->permissions = data | VMSG_FFA_INSTRUCTION_NX;
	return VMSG_FFA_OK;
}

/* Attributes may be weaker than the owner's, and unspecified ones become those. */
static enum vmsg_ffa_status grant_attributes(struct retrieval *retrieval)
{
	const uint16_t offered = retrieval->region->attributes;
	const uint16_t asked = retrieval->attributes;

	if (asked & (ATTRIBUTES_MUST_BE_ZERO | VMSG_FFA_ATTR_NS)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if ((asked & ATTRIBUTE_TYPE_MASK) == 0) {
		retrieval->attributes = offered;
		return asked ? VMSG_FFA_INVALID_PARAMETERS : VMSG_FFA_OK;
	}
	if ((asked & ATTRIBUTE_TYPE_MASK) != (offered & ATTRIBUTE_TYPE_MASK) ||
	    (asked & ATTRIBUTE_CACHE_MASK) > (offered & ATTRIBUTE_CACHE_MASK) ||
	    (asked & ATTRIBUTE_SHARE_MASK) > (offered & ATTRIBUTE_SHARE_MASK)) {
		return VMSG_FFA_DENIED;
	}
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
	enum vmsg_ffa_status status = check_flags(region, header->flags);
	if (status == VMSG_FFA_OK) {
		status = grant_permissions(retrieval);
	}
	if (status == VMSG_FFA_OK) {
		status = grant_attributes(retrieval);
	}
	if (status == VMSG_FFA_OK && retrieval->borrower->held) {
		status = VMSG_FFA_DENIED;
	}
	return status;
}

/* The response in the layout of the caller's version; < 0 when it does not fit. */
static int build_response(struct spmc *spmc, const struct partition *partition,
			  const struct retrieval *retrieval)
{
	const struct region *region = retrieval->region;
	const uint16_t ns = spmc_is_secure(region->owner_id) ? 0 : VMSG_FFA_ATTR_NS;
	const struct vmsg_ffa_memory_header header = {
		.sender = region->owner_id,
		.attributes = retrieval->attributes | ns,
		.flags = region->flags & VMSG_FFA_MEMORY_TYPE_MASK,
		.handle = region->handle,
		.tag = region->tag,
		.access_size = partition->version >= VMSG_FFA_VERSION_1_2
				       ? VMSG_FFA_ACCESS_SIZE_1_2
				       : VMSG_FFA_ACCESS_SIZE_1_1,
	};
	struct vmsg_ffa_memory_access access = {
		.endpoint = partition->config.id,
		.permissions = retrieval->permissions,
	};

	memcpy(access.implementation, retrieval->borrower->implementation,
	       sizeof(access.implementation));
	return vmsg_ffa_memory_build(&header, &access, 1, region->ranges, region->range_count,
				     (struct vmsg_span){ spmc->scratch, SPMC_BUFFER_SIZE });
}

enum spmc_result spmc_call_mem_retrieve(struct spmc *spmc, struct vcpu *vcpu,
					struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	struct vmsg_ffa_memory_header header;
	struct vmsg_bytes descriptor;
	struct retrieval retrieval;

	if (!spmc_rx_is_free(partition)) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	if (!read_request(spmc, partition, regs, &descriptor, &header)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	const enum vmsg_ffa_status status =
		check_retrieval(spmc, partition, descriptor, &header, &retrieval);
	if (status != VMSG_FFA_OK) {
		return spmc_error(regs, status);
	}
	const int size = build_response(spmc, partition, &retrieval);
	if (size < 0) {
		return spmc_error(regs, VMSG_FFA_NO_MEMORY);
	}
	if (!spmc_rx_fill(spmc, partition, spmc->scratch, (size_t)size)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	retrieval.borrower->writable = (retrieval.permissions & VMSG_FFA_DATA_RW) != 0;
	retrieval.borrower->zero_after = (retrieval.flags & VMSG_FFA_MEMORY_ZERO_AFTER) != 0;
	spmc_borrow(partition, retrieval.borrower);

	/* The memory arrives before the answer that announces it. */
	spmc_deliver(spmc, &(struct spmc_delivery){
				   .kind = SPMC_GRANT,
				   .partition = partition->config.id,
				   .vcpu = vcpu->index,
				   .handle = retrieval.region->handle,
				   .writable = retrieval.borrower->writable,
			   });
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_RETRIEVE_RESP), (uint32_t)size,
					  (uint32_t)size } };
	spmc_return(spmc, vcpu, regs);
	return SPMC_BLOCKED;
}

enum spmc_result spmc_call_mem_relinquish(struct spmc *spmc, struct vcpu *vcpu,
					  struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	struct vmsg_ffa_relinquish relinquish;

	if (!snapshot_tx(spmc, partition, VMSG_FFA_RELINQUISH_SIZE) ||
	    vmsg_ffa_relinquish_parse(
		    (struct vmsg_bytes){ spmc->scratch, VMSG_FFA_RELINQUISH_SIZE }, &relinquish) <
		    0 ||
	    relinquish.count != 1 || relinquish.endpoint != partition->config.id) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct region *region = spmc_region_find(spmc, relinquish.handle);
	struct borrower *borrower =
		region ? spmc_region_borrower(region, partition->config.id) : NULL;
	/* Shared memory has other users, who do not expect it to be zeroed. */
	if (!borrower || !borrower->held || (relinquish.flags & ~RETURN_FLAGS) ||
	    (relinquish.flags & VMSG_FFA_MEMORY_ZERO)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
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
	if (region->held_count > 0 || ((flags & VMSG_FFA_MEMORY_ZERO) && !region->owner_writable)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if ((flags & VMSG_FFA_MEMORY_ZERO) && !spmc_region_zero(spmc, region)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	spmc_region_remove(spmc, region);
	return spmc_success(regs);
}
