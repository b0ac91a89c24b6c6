/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A calls of an endpoint, except those about memory (endpoint_memory.c): each packs registers,
 * makes the call through the conduit and believes nothing of the answer before it is checked.
 * Invariant: at most one direct request is owed an answer, and none is sent before that has come.
 */
#include "endpoint.h"

#include "virtio_msg_ffa/error.h"

#include "port.h"

/* FFA_RUNs in one direct message: a bound for a clock that stands still. */
#define RUNS_MAX 1000000u

/* Readings of a partition list that keeps changing. */
#define DISCOVERIES_MAX 8

/* x3..x17 of FFA_PARTITION_INFO_GET_REGS */
#define INFO_FIRST_REGISTER 3u
#define INFO_REGISTERS      15u

/* w2 of FFA_MSG_WAIT */
#define RX_RETAIN 1u

/* Framework messages: w2 of FFA_MSG_SEND_DIRECT_REQ and of its answer */
#define FRAMEWORK_MESSAGE 0x80000000u
#define VM_DESTROYED      (FRAMEWORK_MESSAGE | 6u)
#define VM_DESTROYED_ACK  (FRAMEWORK_MESSAGE | 7u)

void vmsg_endpoint_invoke(struct vmsg_endpoint *endpoint, struct vmsg_ffa_regs *regs)
{
	endpoint->calls++;
	endpoint->conduit.call(endpoint->conduit.context, regs);
}

int vmsg_endpoint_fail(struct vmsg_endpoint *endpoint, const struct vmsg_ffa_regs *regs)
{
	endpoint->status = vmsg_ffa_reply_status(regs);
	return VMSG_ERROR_PEER;
}

int vmsg_endpoint_perform(struct vmsg_endpoint *endpoint, struct vmsg_ffa_regs *regs)
{
	vmsg_endpoint_invoke(endpoint, regs);
	const uint32_t id = (uint32_t)regs->x[0];
	if (id == VMSG_FFA_ID32(SUCCESS) || id == VMSG_FFA_ID64(SUCCESS)) {
		return VMSG_OK;
	}
	return vmsg_endpoint_fail(endpoint, regs);
}

/* ---- life ---- */

/* The newest version that both sides have. A manager that answers with an older one of its own need
 * not have recorded it: it is asked again for just that. */
static int negotiate(struct vmsg_endpoint *endpoint)
{
	uint32_t wanted = VMSG_FFA_VERSION_1_2;

	for (;;) {
		struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(VERSION), wanted } };
		vmsg_endpoint_invoke(endpoint, &regs);
		const uint32_t answer = (uint32_t)regs.x[0];
		if (answer >> 31 && wanted > VMSG_FFA_VERSION_1_1) {
			wanted = VMSG_FFA_VERSION_1_1;
		} else if (answer >> 16 != 1 || answer < VMSG_FFA_VERSION_1_1) {
			return VMSG_ERROR_REVISION;
		} else if (answer >= wanted) {
			endpoint->ffa_version = wanted;
			return VMSG_OK;
		} else {
			wanted = answer;
		}
	}
}

static int map_buffers(struct vmsg_endpoint *endpoint, uint32_t pages)
{
	const uint64_t tx = endpoint->tx.address;
	const uint64_t rx = endpoint->rx.address;
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID64(RXTX_MAP), tx, rx, pages } };
	int error = vmsg_endpoint_perform(endpoint, &regs);

	if (error < 0 && endpoint->status == VMSG_FFA_NOT_SUPPORTED && (tx | rx) >> 32 == 0) {
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(RXTX_MAP), tx, rx, pages } };
		error = vmsg_endpoint_perform(endpoint, &regs);
	}
	if (error == 0) {
		endpoint->buffer_size = pages * VMSG_FFA_PAGE_SIZE;
	}
	return error;
}

int vmsg_endpoint_init(struct vmsg_endpoint *endpoint, const struct vmsg_conduit *conduit,
		       struct vmsg_buffer tx, struct vmsg_buffer rx, uint32_t pages)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (pages > UINT32_MAX / VMSG_FFA_PAGE_SIZE || (pages > 0 && (!tx.data || !rx.data))) {
		return VMSG_ERROR_INVALID;
	}
	endpoint->conduit = *conduit;
	endpoint->tx = tx;
	endpoint->rx = rx;
	int error = negotiate(endpoint);
	if (error < 0) {
		return error;
	}
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(ID_GET) } };
	error = vmsg_endpoint_perform(endpoint, &regs);
	if (error < 0) {
		return error;
	}
	endpoint->id = (uint16_t)regs.x[2];
	return pages > 0 ? map_buffers(endpoint, pages) : VMSG_OK;
}

void vmsg_endpoint_close(struct vmsg_endpoint *endpoint)
{
	if (endpoint->buffer_size > 0) {
		struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(RXTX_UNMAP) } };
		endpoint->buffer_size = 0;
		(void)!vmsg_endpoint_perform(endpoint, &regs); /* we are leaving either way */
	}
}

int vmsg_endpoint_feature(struct vmsg_endpoint *endpoint, uint32_t id, uint32_t input,
			  uint32_t properties[2])
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(FEATURES), id, input } };
	const int error = vmsg_endpoint_perform(endpoint, &regs);

	if (properties) {
		properties[0] = error ? 0 : (uint32_t)regs.x[2];
		properties[1] = error ? 0 : (uint32_t)regs.x[3];
	}
	if (error < 0) {
		return endpoint->status == VMSG_FFA_NOT_SUPPORTED ? 0 : error;
	}
	return 1;
}

void vmsg_endpoint_release_rx(struct vmsg_endpoint *endpoint)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(RX_RELEASE) } };

	vmsg_endpoint_invoke(endpoint, &regs); /* refused only when RX is free already */
}

/* ---- discovery ---- */

struct listing {
	const struct vmsg_ffa_uuid *uuid; /* nil for all */
	struct vmsg_ffa_partition_info *infos;
	size_t capacity;
};

static void take_info(const struct listing *listing, size_t index,
		      const uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE])
{
	if (index < listing->capacity) {
		vmsg_ffa_partition_info_load(&listing->infos[index], bytes);
	}
}

/* A manager answers INVALID_PARAMETERS where nobody offers the UUID. */
static bool is_nobody(const struct vmsg_endpoint *endpoint, const struct listing *listing)
{
	return endpoint->status == VMSG_FFA_INVALID_PARAMETERS &&
	       !vmsg_ffa_uuid_is_nil(listing->uuid);
}

/*
 * Takes the descriptors of one answer, which begin with number `start`; x2 has the last number of
 * the whole list, the last one of this answer, and the size of a descriptor, of which we know the
 * first 24 bytes. Returns the number after the last one taken.
 */
static int take_window(const struct listing *listing, const struct vmsg_ffa_regs *regs,
		       uint32_t start)
{
	const uint32_t last = (uint16_t)regs->x[2];
	const uint32_t current = (uint16_t)(regs->x[2] >> 16);
	const uint32_t size = (uint16_t)(regs->x[2] >> 48);
	const uint32_t registers = size / 8;
	uint8_t bytes[VMSG_FFA_FRAME_SIZE];

	if (size % 8 != 0 || size < VMSG_FFA_PARTITION_INFO_SIZE || current < start ||
	    current > last || (uint64_t)(current - start + 1) * registers > INFO_REGISTERS) {
		return VMSG_ERROR_PEER;
	}
	vmsg_ffa_regs_store(regs, bytes);
	for (uint32_t i = start; i <= current; i++) {
		const size_t at = 8u * (INFO_FIRST_REGISTER + (i - start) * registers);
		take_info(listing, i, bytes + at);
	}
	return (int)current + 1;
}

/* One reading by FFA_PARTITION_INFO_GET_REGS; each answer brings at least one descriptor. */
static int list_by_registers(struct vmsg_endpoint *endpoint, const struct listing *listing)
{
	uint64_t pair[2];
	uint32_t start = 0;
	uint64_t tag = 0;

	vmsg_ffa_uuid_to_pair(listing->uuid, pair);
	for (;;) {
		struct vmsg_ffa_regs regs = { { VMSG_FFA_ID64(PARTITION_INFO_GET_REGS), pair[0],
						pair[1], tag << 16 | start } };
		const int error = vmsg_endpoint_perform(endpoint, &regs);
		if (error < 0) {
			return start == 0 && is_nobody(endpoint, listing) ? 0 : error;
		}
		const int next = take_window(listing, &regs, start);
		if (next < 0) {
			return vmsg_endpoint_fail(endpoint, &regs);
		}
		if (next > (int)(uint16_t)regs.x[2]) {
			return next;
		}
		start = (uint32_t)next;
		tag = (uint16_t)(regs.x[2] >> 32);
	}
}

/* FFA_PARTITION_INFO_GET leaves the descriptors in RX, each read once and RX given back. */
static int list_by_buffer(struct vmsg_endpoint *endpoint, const struct listing *listing)
{
	uint64_t pair[2];

	if (endpoint->buffer_size == 0) {
		return VMSG_ERROR_STATE;
	}
	vmsg_ffa_uuid_to_pair(listing->uuid, pair);
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(PARTITION_INFO_GET), (uint32_t)pair[0],
					pair[0] >> 32, (uint32_t)pair[1], pair[1] >> 32 } };
	const int error = vmsg_endpoint_perform(endpoint, &regs);
	if (error < 0) {
		return is_nobody(endpoint, listing) ? 0 : error;
	}
	const uint32_t count = (uint32_t)regs.x[2];
	const uint32_t size = (uint32_t)regs.x[3];
	int result = (int)count;
	if (count > endpoint->buffer_size || size < VMSG_FFA_PARTITION_INFO_SIZE ||
	    (uint64_t)count * size > endpoint->buffer_size) {
		result = vmsg_endpoint_fail(endpoint, &regs);
	}
	for (int i = 0; i < result; i++) {
		uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE];
		vmsg_port_fetch(bytes, endpoint->rx.data + (size_t)i * size, sizeof(bytes));
		take_info(listing, (size_t)i, bytes);
	}
	vmsg_endpoint_release_rx(endpoint);
	return result;
}

int vmsg_endpoint_discover(struct vmsg_endpoint *endpoint, const struct vmsg_ffa_uuid *uuid,
			   struct vmsg_ffa_partition_info *infos, size_t capacity)
{
	static const struct vmsg_ffa_uuid nil = { { 0 } };
	const struct listing listing = { uuid ? uuid : &nil, infos, capacity };
	int result = VMSG_ERROR_PEER;

	for (int tries = 0; tries < DISCOVERIES_MAX; tries++) {
		if (capacity > 0) {
			memset(infos, 0, capacity * sizeof(*infos));
		}
		result = list_by_registers(endpoint, &listing);
		if (result < 0 && endpoint->status == VMSG_FFA_NOT_SUPPORTED) {
			result = list_by_buffer(endpoint, &listing);
		}
		if (result != VMSG_ERROR_PEER || endpoint->status != VMSG_FFA_RETRY) {
			break;
		}
		result = VMSG_ERROR_AGAIN;
	}
	if (result < 0 && capacity > 0) {
		memset(infos, 0, capacity * sizeof(*infos));
	}
	return result;
}

/* ---- direct messages, as the sender ---- */

/*
 * Continues an interrupted or yielding target until it has answered or the deadline passes, when
 * the answer becomes owed. Only the number of the vCPU is taken from what the manager says.
 */
static int finish(struct vmsg_endpoint *endpoint, uint16_t target, struct vmsg_ffa_regs *regs,
		  uint64_t deadline_ns)
{
	for (uint32_t runs = 0;; runs++) {
		const uint32_t id = (uint32_t)regs->x[0];
		if (id != VMSG_FFA_ID32(INTERRUPT) && id != VMSG_FFA_ID64(INTERRUPT) &&
		    id != VMSG_FFA_ID32(YIELD) && id != VMSG_FFA_ID64(YIELD)) {
			endpoint->pending = false;
			return VMSG_OK;
		}
		endpoint->pending = true;
		endpoint->pending_vcpu = (uint32_t)target << 16 | (uint16_t)regs->x[1];
		if (runs == RUNS_MAX ||
		    endpoint->conduit.now(endpoint->conduit.context) >= deadline_ns) {
			return VMSG_ERROR_TIMEOUT;
		}
		*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(RUN), endpoint->pending_vcpu } };
		vmsg_endpoint_invoke(endpoint, regs);
	}
}

static bool is_response(const struct vmsg_endpoint *endpoint, uint16_t target,
			const struct vmsg_ffa_regs *regs)
{
	return (uint32_t)regs->x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2) &&
	       vmsg_ffa_source(regs) == target && vmsg_ffa_destination(regs) == endpoint->id;
}

/* Collects the answer of a request that timed out. However it ends (the target may have died), it
 * is owed no longer; only BUSY says that it is still running elsewhere. */
static int collect(struct vmsg_endpoint *endpoint, uint64_t deadline_ns)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(RUN), endpoint->pending_vcpu } };

	vmsg_endpoint_invoke(endpoint, &regs);
	if (vmsg_ffa_reply_status(&regs) == VMSG_FFA_BUSY) {
		return VMSG_ERROR_AGAIN;
	}
	const uint16_t target = (uint16_t)(endpoint->pending_vcpu >> 16);
	if (finish(endpoint, target, &regs, deadline_ns) < 0) {
		return VMSG_ERROR_AGAIN;
	}
	if (endpoint->late && is_response(endpoint, target, &regs)) {
		vmsg_ffa_unpack_direct2_payload(&regs, endpoint->late->payload);
		endpoint->late->full = true;
	}
	endpoint->late = NULL;
	return VMSG_OK;
}

void vmsg_endpoint_keep_late(struct vmsg_endpoint *endpoint, struct vmsg_late *late)
{
	if (endpoint->pending) {
		endpoint->late = late;
	}
}

void vmsg_endpoint_drop_late(struct vmsg_endpoint *endpoint, const struct vmsg_late *late)
{
	if (endpoint->late == late) {
		endpoint->late = NULL;
	}
}

int vmsg_endpoint_send_direct2(struct vmsg_endpoint *endpoint, uint16_t destination,
			       const struct vmsg_ffa_uuid *uuid, struct vmsg_bytes payload,
			       uint64_t deadline_ns, uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE])
{
	struct vmsg_ffa_regs regs;

	memset(answer, 0, VMSG_FFA_DIRECT2_PAYLOAD_SIZE);
	int error = vmsg_ffa_pack_direct_request2(&regs, endpoint->id, destination, uuid, payload);
	if (error == 0 && endpoint->pending) {
		error = collect(endpoint, deadline_ns);
	}
	if (error < 0) {
		return error;
	}
	vmsg_endpoint_invoke(endpoint, &regs);
	error = finish(endpoint, destination, &regs, deadline_ns);
	if (error < 0) {
		return error;
	}
	if (!is_response(endpoint, destination, &regs)) {
		error = vmsg_endpoint_fail(endpoint, &regs);
		return endpoint->status == VMSG_FFA_BUSY ? VMSG_ERROR_AGAIN : error;
	}
	vmsg_ffa_unpack_direct2_payload(&regs, answer);
	return VMSG_OK;
}

/* ---- direct messages, as the receiver ---- */

void vmsg_endpoint_prepare_wait(const struct vmsg_endpoint *endpoint, struct vmsg_ffa_regs *regs)
{
	/* a message that comes while we are on our way into the wait must not be let go by it */
	const bool keeps_rx = endpoint->mailboxes && endpoint->ffa_version >= VMSG_FFA_VERSION_1_2;

	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_WAIT), 0, keeps_rx ? RX_RETAIN : 0 } };
}

static void take_direct(const struct vmsg_ffa_regs *regs, struct vmsg_incoming *incoming)
{
	const uint32_t flags = (uint32_t)regs->x[2];

	incoming->is_64 = (uint32_t)regs->x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ);
	incoming->wake = VMSG_WAKE_DIRECT;
	if (flags == VM_DESTROYED) {
		incoming->wake = VMSG_WAKE_VM_DESTROYED;
		incoming->vm = (uint16_t)regs->x[5];
	}
}

static void take_direct2(const struct vmsg_ffa_regs *regs, struct vmsg_incoming *incoming)
{
	const uint64_t pair[2] = { regs->x[2], regs->x[3] };

	incoming->wake = VMSG_WAKE_DIRECT2;
	vmsg_ffa_uuid_from_pair(&incoming->uuid, pair);
	vmsg_ffa_unpack_direct2_payload(regs, incoming->payload);
}

int vmsg_endpoint_incoming(struct vmsg_endpoint *endpoint, const struct vmsg_ffa_regs *regs,
			   struct vmsg_incoming *incoming)
{
	const uint32_t id = (uint32_t)regs->x[0];
	int error = VMSG_OK;

	memset(incoming, 0, sizeof(*incoming));
	incoming->wake = VMSG_WAKE_RUN;
	if (vmsg_ffa_reply_status(regs) != VMSG_FFA_OK) {
		return vmsg_endpoint_fail(endpoint, regs);
	}
	if (id == VMSG_FFA_ID32(INTERRUPT) || id == VMSG_FFA_ID64(INTERRUPT)) {
		incoming->wake = VMSG_WAKE_INTERRUPT;
		return VMSG_OK;
	}
	if (id == VMSG_FFA_ID32(RUN) || id == VMSG_FFA_ID64(RUN)) {
		return VMSG_OK;
	}
	incoming->source = vmsg_ffa_source(regs);
	if (vmsg_ffa_destination(regs) != endpoint->id || incoming->source == endpoint->id) {
		error = VMSG_ERROR_BAD_HEADER;
	} else if (id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2)) {
		take_direct2(regs, incoming);
	} else if (id == VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ) ||
		   id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ)) {
		take_direct(regs, incoming);
	} else {
		error = VMSG_ERROR_BAD_HEADER;
	}
	if (error < 0) {
		memset(incoming, 0, sizeof(*incoming));
		incoming->wake = VMSG_WAKE_RUN;
	}
	return error;
}

int vmsg_endpoint_prepare_answer(const struct vmsg_endpoint *endpoint,
				 const struct vmsg_incoming *incoming, struct vmsg_bytes payload,
				 struct vmsg_ffa_regs *regs)
{
	const uint32_t parties = (uint32_t)endpoint->id << 16 | incoming->source;

	switch (incoming->wake) {
	case VMSG_WAKE_DIRECT2:
		return vmsg_ffa_pack_direct_response2(regs, endpoint->id, incoming->source,
						      payload);
	case VMSG_WAKE_DIRECT:
		*regs = (struct vmsg_ffa_regs){ { incoming->is_64
							  ? VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP)
							  : VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP),
						  parties } };
		break;
	case VMSG_WAKE_VM_DESTROYED:
		*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP), parties,
						  VM_DESTROYED_ACK } };
		break;
	case VMSG_WAKE_INTERRUPT:
	case VMSG_WAKE_RUN:
		vmsg_endpoint_prepare_wait(endpoint, regs);
		break;
	}
	return VMSG_OK;
}
