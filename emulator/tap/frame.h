/* SPDX-License-Identifier: BSD-3-Clause */
/* The virtio-msg frame in a record: where it is, between whom, and what it says. Freestanding. */
#ifndef VMSG_EMULATOR_TAP_FRAME_H
#define VMSG_EMULATOR_TAP_FRAME_H

#include "tap/record.h"
#include "virtio_msg_ffa/codec.h"

/* Whom a carrier names by UUID. */
enum tap_service {
	TAP_SERVICE_UNNAMED, /* nil, or a carrier without one */
	TAP_SERVICE_VIRTIO_MSG,
	TAP_SERVICE_OTHER,
};

struct tap_frame {
	uint16_t source;
	uint16_t destination;
	bool is_direct;
	bool is_request; /* direct: FFA_MSG_SEND_DIRECT_REQ2 */
	enum tap_service service;
	struct vmsg_bytes bytes;                        /* padding included */
	uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE]; /* what `bytes` of a direct message are */
};

/* False for interrupts and for messages of a FIFO. */
static inline bool tap_has_registers(const struct tap_record *record)
{
	return record->kind == TAP_CALL || record->kind == TAP_RETURN;
}

/* True when the record is a direct message of 112 bytes, an indirect one or one of a FIFO. Whether
 * it is virtio-msg's, only its service and its session know. `frame` must not be copied. */
bool tap_frame_find(const struct tap_record *record, struct tap_frame *frame);

/* The part of a TX buffer that FFA_MSG_SEND2 sends, header included; empty when its header is bad.
 */
struct vmsg_bytes tap_frame_in_buffer(struct vmsg_bytes buffer);

/* What a frame was found to say. */
struct tap_reading {
	const struct vmsg_profile *profile; /* NULL: none fits, and nothing below is filled */
	bool is_guess; /* the record does not know the profile; this is the newest that fits */
	/* The answer that a direct message needs, to an event that has none: the event again,
	 * marked as a response (wire-revisions 5.2). `error` is 0 then, and the body is not to be
	 * read. */
	bool is_echo;
	int error; /* of vmsg_decode() */
	struct vmsg_message message;
	struct vmsg_diagnosis diagnosis;
};

/* Reads the frame in the record's profile. Without one, in the newest in which it fits exactly:
 * of the size it says, and nothing but zeros behind it. */
void tap_frame_read(const struct tap_record *record, const struct tap_frame *frame,
		    struct tap_reading *reading);

/* The frame without what follows its last byte that is not zero. */
struct vmsg_bytes tap_frame_trimmed(const struct tap_frame *frame);

#endif
