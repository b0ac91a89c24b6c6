/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thing that crossed the partition manager: an FF-A call, its return, an interrupt, or a
 * message in a FIFO beside it. Captures
 * carry it as a packet of LINKTYPE_USER0: the pseudo-header below, then 18 little-endian registers,
 * then, for indirect messages, the message as it lay in the buffer, and for those of a FIFO the
 * frame.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, TAP_VERSION |
 * | 1 | 1 | kind, enum tap_kind |
 * | 2 | 1 | profile: 0 not known, else enum vmsg_profile_id + 1 |
 * | 3 | 1 | reserved, 0 |
 * | 4 | 2 | partition whose registers these are |
 * | 6 | 2 | its vCPU |
 * | 8 | 2 | the other partition of a message, 0 if none |
 * | 10 | 2 | bytes after the registers |
 * | 12 | 4 | interrupt id (interrupts only) |
 */
#ifndef VMSG_EMULATOR_TAP_RECORD_H
#define VMSG_EMULATOR_TAP_RECORD_H

#include "virtio_msg_ffa/ffa.h"

#define TAP_VERSION     1u
#define TAP_HEADER_SIZE 16u
#define TAP_PAYLOAD_MAX 4096u
#define TAP_PACKET_MAX  (TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE + TAP_PAYLOAD_MAX)

/* FIFO: a message that `partition` had put into the FIFO it shares with `peer` by the time it made
 * the call that follows. It has no registers; the message is the payload. */
enum tap_kind { TAP_CALL, TAP_RETURN, TAP_INTERRUPT, TAP_FIFO };

struct tap_record {
	uint64_t time_ns; /* since the epoch */
	enum tap_kind kind;
	uint8_t profile;
	uint16_t partition;
	uint16_t vcpu;
	uint16_t peer;
	uint32_t interrupt;
	struct vmsg_ffa_regs regs;
	struct vmsg_bytes payload;
};

/* Bytes of the packet, at most TAP_PACKET_MAX; a longer payload is cut. */
size_t tap_record_store(const struct tap_record *record, uint8_t packet[TAP_PACKET_MAX]);

/* Reads a packet; `payload` points into it. INVALID for another version or kind, TRUNCATED. */
VMSG_MUST_CHECK int tap_record_load(struct tap_record *record, struct vmsg_bytes packet);

#endif
