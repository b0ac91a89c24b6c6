/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory calls of an endpoint: share and reclaim as the owner, retrieve and relinquish as the
 * borrower, in fragments where a descriptor exceeds the buffers. Invariants: RX is ours only inside
 * take_description(), where each word of it is read once; a retrieval that fails anywhere leaves
 * nothing retrieved or mapped.
 */
#include "endpoint.h"

#include "virtio_msg_ffa/error.h"

#include "bytes.h"
#include "port.h"

/* Indirect messages that may come in the way of one answer in RX. */
#define RX_TRIES 16

static uint32_t access_size(const struct vmsg_endpoint *endpoint)
{
	return endpoint->ffa_version >= VMSG_FFA_VERSION_1_2 ? VMSG_FFA_ACCESS_SIZE_1_2
							     : VMSG_FFA_ACCESS_SIZE_1_1;
}

static uint64_t handle_of(uint64_t low, uint64_t high)
{
	return (uint64_t)(uint32_t)high << 32 | (uint32_t)low;
}

/* ---- the owner ---- */

struct sending {
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_memory_access access;
	const struct vmsg_ffa_range *ranges;
	uint32_t range_count;
	uint32_t total;
	uint32_t sent;
};

/* Puts the next fragment into TX; returns its length. */
static int next_fragment(const struct vmsg_endpoint *endpoint, const struct sending *sending)
{
	const struct vmsg_span room = { endpoint->tx.data, endpoint->buffer_size };

	return vmsg_ffa_memory_fragment(&sending->header, &sending->access, 1, sending->ranges,
					sending->range_count, sending->sent, room);
}

/* Sends what the manager asks for with FFA_MEM_FRAG_RX until it has all. `regs` holds its answer to
 * the first fragment. */
static int send_rest(struct vmsg_endpoint *endpoint, struct sending *sending,
		     struct vmsg_ffa_regs *regs)
{
	const uint64_t handle = handle_of(regs->x[1], regs->x[2]);

	while (sending->sent < sending->total) {
		if ((uint32_t)regs->x[0] != VMSG_FFA_ID32(MEM_FRAG_RX) ||
		    handle_of(regs->x[1], regs->x[2]) != handle ||
		    (uint32_t)regs->x[3] != sending->sent) {
			return vmsg_endpoint_fail(endpoint, regs);
		}
		const int length = next_fragment(endpoint, sending);
		if (length < 0) {
			return length;
		}
		*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_FRAG_TX), (uint32_t)handle,
						  handle >> 32, (uint32_t)length } };
		vmsg_endpoint_invoke(endpoint, regs);
		sending->sent += (uint32_t)length;
	}
	return VMSG_OK;
}

int vmsg_endpoint_share(struct vmsg_endpoint *endpoint, uint16_t borrower, uint64_t tag,
			bool writable, const struct vmsg_ffa_range *ranges, size_t range_count,
			uint64_t *handle)
{
	struct sending sending = {
		.header = {
			.sender = endpoint->id,
			.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
			.tag = tag,
			.access_size = access_size(endpoint),
			.access_count = 1,
		},
		.access = {
			.endpoint = borrower,
			.permissions = writable ? VMSG_FFA_DATA_RW : VMSG_FFA_DATA_RO,
		},
		.ranges = ranges,
		.range_count = (uint32_t)range_count,
	};

	*handle = 0;
	if (endpoint->buffer_size == 0) {
		return VMSG_ERROR_STATE;
	}
	if (range_count == 0 || range_count > UINT32_MAX / VMSG_FFA_CONSTITUENT_SIZE) {
		return VMSG_ERROR_RANGE;
	}
	const uint64_t total =
		vmsg_ffa_memory_size(sending.header.access_size, 1, sending.range_count);
	const int length = next_fragment(endpoint, &sending);
	if (length < 0 || total > UINT32_MAX) {
		return length < 0 ? length : VMSG_ERROR_RANGE;
	}
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_SHARE), total, (uint32_t)length } };
	vmsg_endpoint_invoke(endpoint, &regs);
	sending.total = (uint32_t)total;
	sending.sent = (uint32_t)length;
	const int error = send_rest(endpoint, &sending, &regs);
	const uint32_t id = (uint32_t)regs.x[0];
	if (error < 0) {
		return error;
	}
	if (id != VMSG_FFA_ID32(SUCCESS) && id != VMSG_FFA_ID64(SUCCESS)) {
		return vmsg_endpoint_fail(endpoint, &regs);
	}
	*handle = handle_of(regs.x[2], regs.x[3]);
	return VMSG_OK;
}

int vmsg_endpoint_reclaim(struct vmsg_endpoint *endpoint, uint64_t handle)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_RECLAIM), (uint32_t)handle,
					handle >> 32 } };
	const int error = vmsg_endpoint_perform(endpoint, &regs);

	return error < 0 && endpoint->status == VMSG_FFA_DENIED ? VMSG_ERROR_AGAIN : error;
}

/* ---- the borrower ---- */

/* The retrieved region as its description comes in. */
struct description {
	uint32_t total;   /* bytes of the descriptor */
	uint32_t offset;  /* bytes taken */
	uint32_t missing; /* ranges to come */
	uint64_t pages;   /* taken so far */
	size_t count;     /* of endpoint->ranges */
};

/* One more range, joined to the one before it where it continues that. */
static int take_range(struct vmsg_endpoint *endpoint, struct description *description,
		      const uint8_t bytes[VMSG_FFA_CONSTITUENT_SIZE])
{
	struct vmsg_ffa_range range;

	vmsg_ffa_range_load(&range, bytes);
	const uint64_t size = (uint64_t)range.pages * VMSG_FFA_PAGE_SIZE;
	if (size == 0 || range.address % VMSG_FFA_PAGE_SIZE != 0 ||
	    range.address > UINT64_MAX - size) {
		return VMSG_ERROR_PEER;
	}
	struct vmsg_ffa_range *last =
		description->count ? &endpoint->ranges[description->count - 1] : NULL;
	if (last && last->address + (uint64_t)last->pages * VMSG_FFA_PAGE_SIZE == range.address &&
	    range.pages <= UINT32_MAX - last->pages) {
		last->pages += range.pages;
	} else if (description->count < VMSG_REGION_RANGES_MAX) {
		endpoint->ranges[description->count++] = range;
	} else {
		return VMSG_ERROR_NO_SPACE;
	}
	description->pages += range.pages;
	description->missing--;
	return VMSG_OK;
}

/* Ranges in RX from `at` to `end`, both offsets of the fragment. */
static int take_ranges(struct vmsg_endpoint *endpoint, struct description *description, uint32_t at,
		       uint32_t end)
{
	uint8_t bytes[VMSG_FFA_CONSTITUENT_SIZE];

	for (; description->missing > 0 && end - at >= sizeof(bytes); at += sizeof(bytes)) {
		vmsg_port_fetch(bytes, endpoint->rx.data + at, sizeof(bytes));
		const int error = take_range(endpoint, description, bytes);
		if (error < 0) {
			return error;
		}
	}
	/* a fragment may end only between ranges, and only when the next one brings more */
	return description->missing > 0 && at != end ? VMSG_ERROR_PEER : VMSG_OK;
}

/* Our own entry of the access array. */
static int find_access(const struct vmsg_endpoint *endpoint, struct vmsg_bytes fragment,
		       const struct vmsg_ffa_memory_header *header,
		       struct vmsg_ffa_memory_access *access)
{
	for (uint32_t i = 0; i < header->access_count; i++) {
		const int error = vmsg_ffa_memory_access_at(fragment, header, i, access);
		if (error < 0 || access->endpoint == endpoint->id) {
			return error;
		}
	}
	return VMSG_ERROR_NOT_FOUND;
}

/* The first fragment: is it the region that was asked for, with the access that was asked for? */
static int take_first(struct vmsg_endpoint *endpoint, const struct vmsg_region *region,
		      struct description *description, uint32_t length)
{
	const struct vmsg_bytes fragment = { endpoint->rx.data, length };
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_memory_access access;
	struct vmsg_ffa_composite composite;

	if (vmsg_ffa_memory_parse(fragment, &header) < 0 || header.sender != region->owner ||
	    header.handle != region->handle ||
	    find_access(endpoint, fragment, &header, &access) < 0 ||
	    vmsg_ffa_memory_composite_at(fragment, &header, access.composite_offset, &composite) <
		    0) {
		return VMSG_ERROR_PEER;
	}
	const uint32_t at = access.composite_offset + VMSG_FFA_COMPOSITE_SIZE;
	const uint8_t data = access.permissions & VMSG_FFA_DATA_MASK;
	if ((region->writable && data != VMSG_FFA_DATA_RW) || composite.range_count == 0 ||
	    (uint64_t)composite.range_count * VMSG_FFA_CONSTITUENT_SIZE > description->total - at) {
		return VMSG_ERROR_PEER;
	}
	if (composite.page_count != region->pages) {
		return VMSG_ERROR_RANGE;
	}
	description->missing = composite.range_count;
	description->offset = length;
	return take_ranges(endpoint, description, at, length);
}

/* A call whose answer comes in RX, where an indirect message may stand at any time: it is moved
 * away and the call made again. */
static void invoke_for_rx(struct vmsg_endpoint *endpoint, struct vmsg_ffa_regs *regs)
{
	const struct vmsg_ffa_regs call = *regs;

	vmsg_endpoint_invoke(endpoint, regs);
	for (int tries = 0; tries < RX_TRIES && endpoint->mailboxes &&
			    vmsg_ffa_reply_status(regs) == VMSG_FFA_BUSY;
	     tries++) {
		(void)!vmsg_endpoint_collect(endpoint); /* then the answer is the same */
		*regs = call;
		vmsg_endpoint_invoke(endpoint, regs);
	}
}

/* Asks for the rest of a long description, RX being free; the fragment's length. */
static int ask_fragment(struct vmsg_endpoint *endpoint, uint64_t handle,
			const struct description *description)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_FRAG_RX), (uint32_t)handle, handle >> 32,
					description->offset } };

	invoke_for_rx(endpoint, &regs);
	const uint32_t length = (uint32_t)regs.x[3];
	if ((uint32_t)regs.x[0] != VMSG_FFA_ID32(MEM_FRAG_TX) ||
	    handle_of(regs.x[1], regs.x[2]) != handle || length < VMSG_FFA_CONSTITUENT_SIZE ||
	    length > endpoint->buffer_size || length > description->total - description->offset) {
		return vmsg_endpoint_fail(endpoint, &regs);
	}
	return (int)length;
}

/*
 * Takes the whole description; RX holds its first fragment, of which `length` bytes were announced.
 * Each further fragment brings at least one range, so this ends.
 */
static int take_description(struct vmsg_endpoint *endpoint, const struct vmsg_region *region,
			    struct description *description, uint32_t length)
{
	int error = VMSG_ERROR_PEER;

	if (length <= endpoint->buffer_size && length <= description->total) {
		error = take_first(endpoint, region, description, length);
	}
	vmsg_endpoint_release_rx(endpoint);
	while (error == 0 && description->missing > 0) {
		const int next = ask_fragment(endpoint, region->handle, description);
		if (next < 0) {
			return next;
		}
		error = take_ranges(endpoint, description, 0, (uint32_t)next);
		description->offset += (uint32_t)next;
		vmsg_endpoint_release_rx(endpoint);
	}
	if (error == 0 && description->pages != region->pages) {
		error = VMSG_ERROR_RANGE;
	}
	return error;
}

static int ask_region(struct vmsg_endpoint *endpoint, const struct vmsg_region *region,
		      struct vmsg_ffa_regs *regs)
{
	const struct vmsg_ffa_memory_header header = {
		.sender = region->owner,
		.flags = region->lent ? VMSG_FFA_MEMORY_TYPE_LEND : VMSG_FFA_MEMORY_TYPE_SHARE,
		.handle = region->handle,
		.tag = region->tag,
		.access_size = access_size(endpoint),
		.access_count = 1,
	};
	/* FF-A wants "not executable" said for lent memory, and not said for shared memory */
	const struct vmsg_ffa_memory_access access = {
		.endpoint = endpoint->id,
		.permissions = (uint8_t)((region->writable ? VMSG_FFA_DATA_RW : VMSG_FFA_DATA_RO) |
					 (region->lent ? VMSG_FFA_INSTRUCTION_NX : 0)),
	};
	const struct vmsg_span room = { endpoint->tx.data, endpoint->buffer_size };

	if (endpoint->buffer_size == 0) {
		return VMSG_ERROR_STATE;
	}
	const int length = vmsg_ffa_memory_build(&header, &access, 1, NULL, 0, room);
	if (length < 0) {
		return length;
	}
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MEM_RETRIEVE_REQ), (uint32_t)length,
					  (uint32_t)length } };
	invoke_for_rx(endpoint, regs);
	if ((uint32_t)regs->x[0] != VMSG_FFA_ID32(MEM_RETRIEVE_RESP)) {
		return vmsg_endpoint_fail(endpoint, regs);
	}
	return VMSG_OK;
}

/* Maps what endpoint->ranges say; the segments must be all of it. */
static int map_region(struct vmsg_endpoint *endpoint, const struct vmsg_region *region,
		      size_t range_count, struct vmsg_segment *segments, size_t capacity)
{
	const struct vmsg_conduit *conduit = &endpoint->conduit;
	const int count = conduit->map(conduit->context, region->handle, endpoint->ranges,
				       range_count, region->writable, segments, capacity);
	uint64_t left = (uint64_t)region->pages * VMSG_FFA_PAGE_SIZE;

	if (count < 0) {
		return count;
	}
	VMSG_ASSERT((size_t)count <= capacity);
	for (int i = 0; i < count; i++) {
		VMSG_ASSERT(segments[i].size <= left);
		left -= segments[i].size;
	}
	VMSG_ASSERT(left == 0);
	return count;
}

static int give_back(struct vmsg_endpoint *endpoint, uint64_t handle)
{
	const struct vmsg_ffa_relinquish relinquish = {
		.handle = handle,
		.count = 1,
		.endpoint = endpoint->id,
	};
	const struct vmsg_span room = { endpoint->tx.data, endpoint->buffer_size };
	const int length = vmsg_ffa_relinquish_build(&relinquish, room);

	if (length < 0) {
		return length;
	}
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MEM_RELINQUISH) } };
	return vmsg_endpoint_perform(endpoint, &regs);
}

int vmsg_endpoint_retrieve(struct vmsg_endpoint *endpoint, const struct vmsg_region *region,
			   struct vmsg_segment *segments, size_t capacity)
{
	struct vmsg_ffa_regs regs;

	if (capacity > 0) {
		memset(segments, 0, capacity * sizeof(*segments));
	}
	int result = ask_region(endpoint, region, &regs);
	if (result < 0) {
		return result;
	}
	struct description description = { .total = (uint32_t)regs.x[1] };
	endpoint->status = VMSG_FFA_OK;
	result = take_description(endpoint, region, &description, (uint32_t)regs.x[2]);
	if (result == 0) {
		result = map_region(endpoint, region, description.count, segments, capacity);
	}
	if (result < 0) {
		const int32_t status = endpoint->status; /* of the failure, not of tidying up */
		(void)!give_back(endpoint, region->handle);
		endpoint->status = status;
		if (capacity > 0) {
			memset(segments, 0, capacity * sizeof(*segments));
		}
	}
	return result;
}

int vmsg_endpoint_relinquish(struct vmsg_endpoint *endpoint, uint64_t handle)
{
	if (endpoint->buffer_size == 0) {
		return VMSG_ERROR_STATE;
	}
	endpoint->conduit.unmap(endpoint->conduit.context, handle);
	return give_back(endpoint, handle);
}
