/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages in a FIFO cross beside the manager. Whoever puts one in notifies the other end, and that
 * is a call: when a partition makes it, what is new in its ring becomes records. Everything in the
 * region is its owner's to change at any moment: a number is read once, and what does not fit is
 * left alone. (wire-revisions 5.5)
 */
#include "server/internal.h"

/* A ring: its header, and where in it what is. */
#define SLOT_SIZE_AT   0x10u
#define DEPTH_AT       0x12u
#define NEXT_RING_AT   0x18u
#define WRITE_INDEX_AT 0x80u
#define SLOTS_AT       0xc0u

/* A frame of r2b and r3: where it says its size, and the least that is one. */
#define FRAME_SIZE_AT 6u
#define FRAME_LEAST   8u

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

/* Bytes of a live region, across its ranges; false when they are not all in it. */
static bool read_region(struct vmsg_server *server, uint64_t handle, uint64_t offset, uint8_t *to,
			size_t size)
{
	const uint32_t count = spmc_region_range_count(server->spmc, handle);
	const uint16_t owner = spmc_region_owner(server->spmc, handle);
	struct vmsg_ffa_range range;

	for (uint32_t i = 0; i < count && size > 0; i++) {
		if (!spmc_region_range(server->spmc, handle, i, &range)) {
			return false;
		}
		const uint64_t length = (uint64_t)range.pages * VMSG_FFA_PAGE_SIZE;
		if (offset >= length) {
			offset -= length;
			continue;
		}
		const size_t piece = size < length - offset ? size : (size_t)(length - offset);
		if (bank_memory_ops.read(&server->banks, owner, range.address + offset, to,
					 piece) != 0) {
			return false;
		}
		to += piece;
		size -= piece;
		offset = 0;
	}
	return size == 0;
}

/* Where the ring is and how large its slots are, once and for all. */
static bool look_up(struct vmsg_server *server, struct tap_fifo *fifo, unsigned int number)
{
	struct tap_fifo_ring *ring = &fifo->rings[number];
	uint8_t head[NEXT_RING_AT + 4] = { 0 };

	if (ring->is_known) {
		return true;
	}
	if (number == 1) {
		if (!read_region(server, fifo->handle, 0, head, sizeof(head))) {
			return false;
		}
		ring->start = load16(head + NEXT_RING_AT) |
			      (uint32_t)load16(head + NEXT_RING_AT + 2) << 16;
	}
	if (!read_region(server, fifo->handle, ring->start, head, sizeof(head))) {
		return false;
	}
	ring->slot_size = load16(head + SLOT_SIZE_AT);
	ring->depth = load16(head + DEPTH_AT);
	ring->is_known = ring->slot_size >= FRAME_LEAST && ring->slot_size <= TAP_PAYLOAD_MAX;
	return ring->is_known;
}

static void take_new(struct vmsg_server *server, struct tap_fifo *fifo, unsigned int number,
		     struct tap_record *record)
{
	struct tap_fifo_ring *ring = &fifo->rings[number];
	uint8_t slot[TAP_PAYLOAD_MAX] = { 0 };
	uint8_t index[2] = { 0 };

	if (!look_up(server, fifo, number) ||
	    !read_region(server, fifo->handle, (uint64_t)ring->start + WRITE_INDEX_AT, index,
			 sizeof(index))) {
		return;
	}
	const uint16_t end = load16(index);
	while (end < ring->depth && ring->next != end) {
		const uint64_t at =
			(uint64_t)ring->start + SLOTS_AT + (uint64_t)ring->next * ring->slot_size;
		if (!read_region(server, fifo->handle, at, slot, ring->slot_size)) {
			return;
		}
		ring->next = (uint16_t)((ring->next + 1) % ring->depth);
		const uint16_t size = load16(slot + FRAME_SIZE_AT);
		const bool is_frame = size >= FRAME_LEAST && size <= ring->slot_size;
		record->payload = (struct vmsg_bytes){ slot, is_frame ? size : ring->slot_size };
		tap_take(server->tap, record, true);
	}
}

void trace_fifo(struct vmsg_server *server, uint16_t partition, uint16_t vcpu,
		const struct vmsg_ffa_regs *call)
{
	struct tap_record own = {
		.kind = TAP_FIFO,
		.partition = partition,
		.vcpu = vcpu,
		.peer = vmsg_ffa_destination(call),
	};
	/* Which of its vCPUs wrote is not known. */
	struct tap_record other = {
		.kind = TAP_FIFO,
		.partition = own.peer,
		.peer = partition,
	};
	struct tap_fifo *as_driver = tap_fifo(server->tap, partition, own.peer);
	struct tap_fifo *as_device = tap_fifo(server->tap, own.peer, partition);

	/* The driver's ring first, whoever tells: a device that looks by itself may have answered
	 * before the driver's notification comes, and an answer must not stand before its request.
	 */
	if (as_driver) {
		take_new(server, as_driver, 0, &own);
		take_new(server, as_driver, 1, &other);
	}
	if (as_device) {
		take_new(server, as_device, 0, &other);
		take_new(server, as_device, 1, &own);
	}
}
