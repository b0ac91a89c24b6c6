/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings of message slots in shared memory. Invariants: what decides where we read and write
 * (segments, geometry, our own indices) is in private memory; of what the other side can change,
 * each word is read once, into a local, and only the local is used. Indices are slot numbers; equal
 * ones mean empty, so that one slot always stays free.
 */
#include "virtio_msg_ffa/fifo.h"

#include "virtio_msg_ffa/error.h"

#include "port.h"

/* Offsets in a ring's header */
#define AT_MAGIC        0x00u
#define AT_VERSION      0x08u
#define AT_MESSAGE_SIZE 0x10u
#define AT_DEPTH        0x12u
#define AT_NEXT         0x18u
#define AT_READ_INDEX   0x40u
#define AT_WRITE_INDEX  0x80u
#define HEADER_SIZE     0xC0u

#define VERSION 0u

/* le32 at AT_NEXT is the largest start of ring 1, and a region is a count of pages in 16 bits. */
#define REGION_SIZE_MAX (UINT64_C(0xFFFF) * 4096)

static const uint8_t magic[8] = { 'V', 'F', 'F', 'A', 'F', 'I', 'F', 'O' };

/* ---- the region ---- */

/* Our pointer to `offset`, and how many bytes follow in the same segment. The offset is inside. */
static uint8_t *at(const struct vmsg_fifo *fifo, uint64_t offset, uint64_t *left)
{
	uint32_t i = 0;

	while (offset >= fifo->segments[i].size) {
		offset -= fifo->segments[i].size;
		i++;
		VMSG_ASSERT(i < fifo->segment_count);
	}
	*left = fifo->segments[i].size - offset;
	return fifo->segments[i].data + offset;
}

/* A word that both sides look at. Segments are pages and the offset is even, so it is in one. */
static uint8_t *word(const struct vmsg_fifo *fifo, uint64_t offset)
{
	uint64_t left;

	return at(fifo, offset, &left);
}

static void fetch(const struct vmsg_fifo *fifo, uint64_t offset, uint8_t *to, size_t size)
{
	while (size > 0) {
		uint64_t left;
		const uint8_t *from = at(fifo, offset, &left);
		const size_t step = size < left ? size : (size_t)left;
		vmsg_port_fetch(to, from, step);
		to += step;
		offset += step;
		size -= step;
	}
}

static void store(const struct vmsg_fifo *fifo, uint64_t offset, const uint8_t *from, size_t size)
{
	while (size > 0) {
		uint64_t left;
		uint8_t *to = at(fifo, offset, &left);
		const size_t step = size < left ? size : (size_t)left;
		memcpy(to, from, step);
		from += step;
		offset += step;
		size -= step;
	}
}

static void clear(const struct vmsg_fifo *fifo, uint64_t offset, size_t size)
{
	while (size > 0) {
		uint64_t left;
		uint8_t *to = at(fifo, offset, &left);
		const size_t step = size < left ? size : (size_t)left;
		vmsg_port_clear(to, step);
		offset += step;
		size -= step;
	}
}

static int take_region(struct vmsg_fifo *fifo, const struct vmsg_segment *segments,
		       size_t segment_count)
{
	*fifo = (struct vmsg_fifo){ 0 };
	if (segment_count == 0 || segment_count > VMSG_AREA_SEGMENTS_MAX) {
		return VMSG_ERROR_NO_SPACE;
	}
	for (size_t i = 0; i < segment_count; i++) {
		if (segments[i].size == 0 || segments[i].size % 4096 != 0 ||
		    segments[i].size > REGION_SIZE_MAX - fifo->size) {
			*fifo = (struct vmsg_fifo){ 0 };
			return VMSG_ERROR_RANGE;
		}
		fifo->segments[i] = segments[i];
		fifo->size += segments[i].size;
	}
	fifo->segment_count = (uint32_t)segment_count;
	return VMSG_OK;
}

/* ---- set-up ---- */

static uint64_t ring_size(uint16_t message_size, uint16_t depth)
{
	return HEADER_SIZE + (uint64_t)message_size * depth;
}

uint64_t vmsg_fifo_region_size(uint16_t message_size, uint16_t depth)
{
	/* ring 1 begins at a cache line */
	return ((ring_size(message_size, depth) + 63) & ~UINT64_C(63)) +
	       ring_size(message_size, depth);
}

static void lay_out(const struct vmsg_fifo *fifo, const struct vmsg_fifo_ring *ring, uint32_t next)
{
	const uint8_t header[AT_NEXT + 4] = {
		[AT_MESSAGE_SIZE] = (uint8_t)ring->message_size,
		[AT_MESSAGE_SIZE + 1] = (uint8_t)(ring->message_size >> 8),
		[AT_DEPTH] = (uint8_t)ring->depth,
		[AT_DEPTH + 1] = (uint8_t)(ring->depth >> 8),
		[AT_NEXT] = (uint8_t)next,
		[AT_NEXT + 1] = (uint8_t)(next >> 8),
		[AT_NEXT + 2] = (uint8_t)(next >> 16),
		[AT_NEXT + 3] = (uint8_t)(next >> 24),
	};

	store(fifo, ring->start, header, sizeof(header));
	store(fifo, ring->start + AT_MAGIC, magic, sizeof(magic));
}

int vmsg_fifo_create(struct vmsg_fifo *fifo, const struct vmsg_segment *segments,
		     size_t segment_count, uint16_t message_size, uint16_t depth)
{
	const int error = take_region(fifo, segments, segment_count);

	if (error < 0) {
		return error;
	}
	if (message_size < VMSG_FIFO_MESSAGE_SIZE_MIN || depth < 2 ||
	    vmsg_fifo_region_size(message_size, depth) > fifo->size) {
		*fifo = (struct vmsg_fifo){ 0 };
		return VMSG_ERROR_RANGE;
	}
	const struct vmsg_fifo_ring ring = { .message_size = message_size, .depth = depth };
	fifo->out = ring;
	fifo->in = ring;
	fifo->in.start = (uint32_t)((ring_size(message_size, depth) + 63) & ~UINT64_C(63));
	clear(fifo, 0, (size_t)fifo->size);
	lay_out(fifo, &fifo->out, fifo->in.start);
	lay_out(fifo, &fifo->in, 0);
	return VMSG_OK;
}

static uint32_t le(const uint8_t *bytes, unsigned int count)
{
	uint32_t value = 0;

	while (count-- > 0) {
		value = value << 8 | bytes[count];
	}
	return value;
}

/* Reads a ring's geometry and our index in it, once. Returns the start of the next ring, 0 for
 * none, or < 0. */
static int64_t take_ring(const struct vmsg_fifo *fifo, uint32_t start, uint32_t own_at,
			 struct vmsg_fifo_ring *ring)
{
	uint8_t header[HEADER_SIZE];

	fetch(fifo, start, header, sizeof(header));
	*ring = (struct vmsg_fifo_ring){
		.start = start,
		.message_size = (uint16_t)le(header + AT_MESSAGE_SIZE, 2),
		.depth = (uint16_t)le(header + AT_DEPTH, 2),
		.own = (uint16_t)le(header + own_at, 2),
	};
	if (memcmp(header + AT_MAGIC, magic, sizeof(magic)) != 0 ||
	    le(header + AT_VERSION, 2) != VERSION ||
	    ring->message_size < VMSG_FIFO_MESSAGE_SIZE_MIN || ring->own >= ring->depth ||
	    ring_size(ring->message_size, ring->depth) > fifo->size - start) {
		return VMSG_ERROR_BAD_FIELD;
	}
	return le(header + AT_NEXT, 4);
}

int vmsg_fifo_attach(struct vmsg_fifo *fifo, const struct vmsg_segment *segments,
		     size_t segment_count)
{
	const int error = take_region(fifo, segments, segment_count);

	if (error < 0) {
		return error;
	}
	const int64_t next = take_ring(fifo, 0, AT_READ_INDEX, &fifo->in);
	/* indices are read as whole words, so that ring 1 must begin at one */
	if (next < (int64_t)ring_size(fifo->in.message_size, fifo->in.depth) || next % 2 != 0 ||
	    next > (int64_t)(fifo->size - HEADER_SIZE) ||
	    take_ring(fifo, (uint32_t)next, AT_WRITE_INDEX, &fifo->out) != 0) {
		*fifo = (struct vmsg_fifo){ 0 };
		return VMSG_ERROR_BAD_FIELD;
	}
	return VMSG_OK;
}

/* ---- messages ---- */

static uint16_t after(const struct vmsg_fifo_ring *ring, uint16_t index)
{
	return (uint16_t)(index + 1 < ring->depth ? index + 1 : 0);
}

static uint64_t slot(const struct vmsg_fifo_ring *ring, uint16_t index)
{
	return (uint64_t)ring->start + HEADER_SIZE + (uint64_t)index * ring->message_size;
}

/* Reads the other side's index of a ring; false when it is none, which ends the FIFO. Acquire: what
 * it published before the index is seen after. */
static bool read_other(struct vmsg_fifo *fifo, struct vmsg_fifo_ring *ring, uint32_t where)
{
	const uint16_t index = vmsg_port_load_acquire_le16(word(fifo, ring->start + where));

	if (index >= ring->depth) {
		fifo->broken = true;
		return false;
	}
	ring->other = index;
	return true;
}

int vmsg_fifo_push(struct vmsg_fifo *fifo, struct vmsg_bytes frame)
{
	struct vmsg_fifo_ring *ring = &fifo->out;

	if (fifo->broken || fifo->segment_count == 0) {
		return VMSG_ERROR_STATE;
	}
	if (frame.size > ring->message_size) {
		return VMSG_ERROR_RANGE;
	}
	const uint16_t next = after(ring, ring->own);
	if (!read_other(fifo, ring, AT_READ_INDEX)) {
		return VMSG_ERROR_STATE;
	}
	if (next == ring->other) {
		return VMSG_ERROR_AGAIN;
	}
	clear(fifo, slot(ring, ring->own), ring->message_size);
	store(fifo, slot(ring, ring->own), frame.data, frame.size);
	ring->own = next;
	/* publishes the slot */
	vmsg_port_store_release_le16(word(fifo, ring->start + AT_WRITE_INDEX), next);
	return VMSG_OK;
}

/* Gives the slot at our index back to the producer. */
static void release(struct vmsg_fifo *fifo, struct vmsg_fifo_ring *ring)
{
	ring->own = after(ring, ring->own);
	vmsg_port_store_release_le16(word(fifo, ring->start + AT_READ_INDEX), ring->own);
}

/* Copies the frame in the slot at our index; its size, 0 when it is none. */
static int take_frame(const struct vmsg_fifo *fifo, const struct vmsg_fifo_ring *ring,
		      const struct vmsg_fifo_frame *frame, struct vmsg_span room)
{
	const size_t most = room.size < ring->message_size ? room.size : ring->message_size;

	fetch(fifo, slot(ring, ring->own), room.data, most);
	if (most < frame->size_at + 2u) {
		return 0;
	}
	const uint32_t size = le(room.data + frame->size_at, 2);
	return size >= frame->least && size <= frame->most && size <= most ? (int)size : 0;
}

int vmsg_fifo_pop(struct vmsg_fifo *fifo, const struct vmsg_fifo_frame *frame,
		  struct vmsg_span room, bool *was_full)
{
	struct vmsg_fifo_ring *ring = &fifo->in;
	int size = 0;

	*was_full = false;
	if (fifo->broken || fifo->segment_count == 0) {
		return VMSG_ERROR_STATE;
	}
	if (!read_other(fifo, ring, AT_WRITE_INDEX)) {
		return VMSG_ERROR_STATE;
	}
	/* what stands in the ring now, and no more: a producer that runs along cannot hold us here
	 */
	while (size == 0 && ring->own != ring->other) {
		*was_full |= after(ring, ring->other) == ring->own;
		size = take_frame(fifo, ring, frame, room);
		fifo->skipped += size == 0;
		release(fifo, ring);
	}
	return size;
}
