/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FIFO of an FF-A bus: two rings of message slots in memory that driver and device share, ring
 * 0 for the driver's frames, ring 1 for the device's (wire-revisions 5.5). No message knowledge: a
 * frame is bytes. The other side may write anything at any time: the geometry is read once and
 * kept, an index is checked each time it is read, a frame is copied before anybody looks at it.
 */
#ifndef VIRTIO_MSG_FFA_FIFO_H
#define VIRTIO_MSG_FFA_FIFO_H

#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/memory.h"

VMSG_BEGIN_DECLS

#define VMSG_FIFO_MESSAGE_SIZE_MIN 104u

/* What a driver lays out by default: 30 slots of 128 bytes in each direction, in two pages. */
#define VMSG_FIFO_MESSAGE_SIZE 128u
#define VMSG_FIFO_DEPTH        30u
#define VMSG_FIFO_PAGES        2u

/* Fields are private to lib/fifo.c unless a comment says "read". */
struct vmsg_fifo_ring {
	uint32_t start; /* of its header, in the region */
	uint16_t message_size;
	uint16_t depth;
	uint16_t own;   /* our index: the one that we write */
	uint16_t other; /* the other side's, as last read */
};

struct vmsg_fifo {
	struct vmsg_segment segments[VMSG_AREA_SEGMENTS_MAX];
	uint32_t segment_count;
	uint64_t size;
	struct vmsg_fifo_ring out; /* ours to fill */
	struct vmsg_fifo_ring in;  /* ours to empty */
	bool broken;               /* read: the other side has written an index that is none */
	uint64_t skipped;          /* read: slots that held no frame */
};

/*
 * Driver: lays out both rings in the region, all of which is cleared. RANGE when they do not fit,
 * when a slot is smaller than any frame may be, or when segments are no whole pages.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_fifo_create(struct vmsg_fifo *fifo,
						 const struct vmsg_segment *segments,
						 size_t segment_count, uint16_t message_size,
						 uint16_t depth);

/* Device: takes the rings that the driver has laid out. BAD_FIELD when magic, version or geometry
 * are not what they must be; NO_SPACE for too many segments. */
VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_fifo_attach(struct vmsg_fifo *fifo, const struct vmsg_segment *segments, size_t segment_count);

/* Puts one frame in; the other side is to be notified then. AGAIN when the ring is full, RANGE for
 * a frame larger than a slot, STATE when the FIFO is broken, for good. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_fifo_push(struct vmsg_fifo *fifo, struct vmsg_bytes frame);

/* How a frame tells its own size: le16 at `size_at`, at least `least`, at most `most`. */
struct vmsg_fifo_frame {
	uint32_t size_at;
	uint32_t least;
	uint32_t most;
};

/*
 * Takes one frame out, into `room`: its size, 0 when there is none. Slots that hold no frame, or
 * one that does not fit, are skipped and counted. `was_full`: the ring was full; its producer may
 * wait and is to be notified. STATE when the FIFO is broken, for good.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_fifo_pop(struct vmsg_fifo *fifo,
					      const struct vmsg_fifo_frame *frame,
					      struct vmsg_span room, bool *was_full);

/* Bytes that a region of two such rings needs, without rounding up to pages. */
VMSG_EXPORT uint64_t vmsg_fifo_region_size(uint16_t message_size, uint16_t depth);

VMSG_END_DECLS

#endif
