/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes <-> messages, in the dialect of a profile. Everything here walks the one table in
 * lib/schema.c.
 */
#ifndef VIRTIO_MSG_FFA_CODEC_H
#define VIRTIO_MSG_FFA_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/compiler.h"
#include "virtio_msg_ffa/message.h"

VMSG_BEGIN_DECLS

enum vmsg_profile_id {
	VMSG_PROFILE_A1,
	VMSG_PROFILE_A2,
	VMSG_PROFILE_R0,
	VMSG_PROFILE_R1,
	VMSG_PROFILE_R1_A16,
	VMSG_PROFILE_R2A,
	VMSG_PROFILE_R2B,
	VMSG_PROFILE_R3,
	VMSG_PROFILE_COUNT
};

/* A dialect: the traits that pick one transport layout and one FF-A bus layout. Code asks for
 * traits, never for the number of the revision. */
struct vmsg_profile {
	const char *name; /* "r3" */
	enum vmsg_profile_id id;
	uint8_t header_size;      /* 4, 6 or 8 */
	bool has_token;           /* header carries a token */
	bool has_size;            /* header carries msg_size; else frames are 40 bytes */
	uint8_t area_id_shift;    /* bus address = area id << shift | offset: 56 or 48 */
	bool has_version_probe;   /* VERSION is a probe and an echo (r3) */
	bool has_event_configure; /* EVENT_CONFIGURE must be sent before events (r2, r3) */
	bool has_results; /* AREA_SHARE and AREA_UNSHARE are answered with a result (r1 on) */
	bool has_area_attributes;       /* AREA_SHARE must say what is shared (r1-a16, r3) */
	bool has_error;                 /* FF-A bus ERROR exists (r2b, r3) */
	bool has_ordered_device_window; /* GET_DEVICES windows are multiples of 8 (r0..r2) */
	bool has_queue_flags;           /* SET_VQUEUE flags and GET_VQUEUE enabled bit (r3) */
	bool has_strict_generation;     /* SET_CONFIG always carries the last generation (r0..r2) */
	bool has_kick_all;              /* EVENT_AVAIL of queue 0xFFFF is for every queue (r0) */
	bool allows_slow_reset;   /* status may stay non-zero after a reset for a while (r3) */
	bool null_reply_to_event; /* direct reply to an event: null reply (r2b, r3) or echo */
	uint16_t frame_size_max;  /* encode limit over direct messages: 96 or 104 */
	uint16_t frame_size_min;  /* least maximum that a bus must offer: 44 or 52 */
	uint32_t bus_version;     /* value of VERSION's bus version */
};

/* Profile by id or by name ("r1-a16"); NULL if there is none of that name. Constant, never freed.
 */
VMSG_EXPORT const struct vmsg_profile *vmsg_profile(enum vmsg_profile_id id);
VMSG_EXPORT const struct vmsg_profile *vmsg_profile_find(const char *name);

/* Profile that a VERSION request (`response` false) or response frame belongs to, by its lengths
 * alone (wire-revisions section 1.3); NULL if it is no VERSION frame of any profile. The frame may
 * be padded. r1 is answered for r1-a16, which has the same bytes. */
VMSG_EXPORT const struct vmsg_profile *vmsg_profile_detect(struct vmsg_bytes frame, bool response);

/* Rules that bytes or a message can break; what `value` and `limit` of a diagnosis are. */
enum vmsg_rule {
	VMSG_RULE_NONE,
	VMSG_RULE_HEADER_SHORT,   /* bytes of the frame, of the header */
	VMSG_RULE_SIZE_SMALL,     /* msg_size, bytes of the header */
	VMSG_RULE_SIZE_LARGE,     /* msg_size, bytes of the frame or of the room to encode into */
	VMSG_RULE_SIZE_RANGE,     /* bytes of the frame, the most that msg_size carries */
	VMSG_RULE_UNKNOWN_ID,     /* msg_id, 1 for a bus message */
	VMSG_RULE_NO_MESSAGE,     /* type, kind: the profile has no such body */
	VMSG_RULE_EVENT_RESPONSE, /* byte 0 of the header: an event is no response */
	VMSG_RULE_RESPONSE_ONLY,  /* byte 0 of the header: there is no such request */
	VMSG_RULE_BUS_DEVICE,     /* dev_num: 0 in bus messages but ERROR */
	VMSG_RULE_NO_TOKEN,       /* token: the header has none */
	VMSG_RULE_BODY_SHORT,     /* end of the field, bytes of the payload */
	VMSG_RULE_BODY_LONG,      /* bytes too many, 0: this body has one length only */
	VMSG_RULE_COUNT_LARGE,    /* count, what the payload or the tail holds of it */
	VMSG_RULE_COUNT_SMALL,    /* count, bytes of the payload or the tail beyond it */
	VMSG_RULE_MULTIPLE,       /* number, what it must be a multiple of */
	VMSG_RULE_ORDER,          /* number, the least that it is unless it is 0 */
	VMSG_RULE_RANGE,          /* number, the largest that the field or the struct carries */
};

/* What was wrong with which field. The words for it are format.h's. */
struct vmsg_diagnosis {
	const struct vmsg_profile *profile;
	enum vmsg_type type; /* VMSG_NONE: not known, or the null reply */
	enum vmsg_kind kind;
	enum vmsg_rule rule;
	uint32_t field; /* private: which of the body's fields */
	uint64_t value;
	uint64_t limit;
};

/* Header of a frame before its body is looked at. */
struct vmsg_raw_header {
	uint8_t type; /* as on the wire */
	uint8_t msg_id;
	uint16_t dev_num;
	uint16_t token;    /* 0 where the header has none */
	uint16_t msg_size; /* a1, a2: 40 */
};

/*
 * Reads the common header. Returns 0; TRUNCATED when the frame is shorter than a header; BAD_HEADER
 * when msg_size is below the header or beyond the frame. `header` is filled as far as it could be
 * read, also on error. `diagnosis` may be NULL.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_decode_header(const struct vmsg_profile *profile,
						   struct vmsg_bytes frame,
						   struct vmsg_raw_header *header,
						   struct vmsg_diagnosis *diagnosis);

/*
 * Decodes one whole message. The frame may be longer than msg_size (padding is ignored). Bodies may
 * be longer than their layout (ignored) except where a count fixes the length, and VERSION and
 * ERROR, which have one length only. A header-only bus response with msg_id 0 is the null reply
 * (type VMSG_NONE, kind RESPONSE).
 *
 * Returns 0, TRUNCATED, TRAILING, UNKNOWN_ID, BAD_HEADER, BAD_FIELD. On error `message->body` is
 * zero and `message->header` holds what could be read. Tails point into `frame`. `diagnosis` may be
 * NULL.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_decode(const struct vmsg_profile *profile,
					    struct vmsg_bytes frame, struct vmsg_message *message,
					    struct vmsg_diagnosis *diagnosis);

/*
 * Encodes into `room` and returns the size of the frame (msg_size). Bytes beyond it are left alone.
 * REVISION when the profile has no such message, RANGE when a value does not fit its field,
 * BAD_FIELD when a count disagrees with its tail, NO_SPACE when `room` is too small. Nothing is
 * written on error. `diagnosis` may be NULL.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_encode(const struct vmsg_profile *profile,
					    const struct vmsg_message *message,
					    struct vmsg_span room,
					    struct vmsg_diagnosis *diagnosis);

/* Size that vmsg_encode() would return, or REVISION, BAD_FIELD. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_encoded_size(const struct vmsg_profile *profile,
						  const struct vmsg_message *message);

/* Name of a message as in the specification ("GET_CONFIG"), of a kind ("request"). Never NULL. Only
 * programs that ask for names carry them. */
VMSG_EXPORT const char *vmsg_type_name(enum vmsg_type type);
VMSG_EXPORT const char *vmsg_kind_name(enum vmsg_kind kind);

/* True for bus messages (type bit 1), false for transport messages. */
VMSG_EXPORT bool vmsg_type_is_bus(enum vmsg_type type);

/* Bus address of `offset` in area `area_id`, and back. RANGE when a part does not fit. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_address_make(const struct vmsg_profile *profile,
						  uint32_t area_id, uint64_t offset,
						  uint64_t *address);
VMSG_EXPORT void vmsg_address_split(const struct vmsg_profile *profile, uint64_t address,
				    uint16_t *area_id, uint64_t *offset);

VMSG_END_DECLS

#endif
