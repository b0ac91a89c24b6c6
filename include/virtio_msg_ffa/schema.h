/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read-only reflection over the message table, for tools: which messages a profile has, which
 * fields they have there, and a field's value by name. Nothing on the data path needs it.
 */
#ifndef VIRTIO_MSG_FFA_SCHEMA_H
#define VIRTIO_MSG_FFA_SCHEMA_H

#include "virtio_msg_ffa/codec.h"

VMSG_BEGIN_DECLS

enum vmsg_field_form {
	VMSG_FORM_NUMBER,
	VMSG_FORM_UUID,  /* 16 bytes */
	VMSG_FORM_BYTES, /* a tail of bytes */
	VMSG_FORM_WORDS, /* a tail of little-endian 32-bit words */
	VMSG_FORM_RESERVED,
};

/* Who sends a message, the request of one with a response. */
enum vmsg_sender { VMSG_SENDER_DRIVER, VMSG_SENDER_DEVICE, VMSG_SENDER_ANY };

/* One field of a message as a profile has it. `field` and `values` are private. */
struct vmsg_field_info {
	const char *name;
	const char *count; /* of a tail: the field that counts it; NULL: none does */
	enum vmsg_field_form form;
	bool optional;    /* a tail that may be absent although its count is not 0 */
	uint8_t unit;     /* of a tail: bits that one of its count stands for: 1, 8 or 32 */
	uint8_t multiple; /* what a number, or the count of a tail, must be a multiple of */
	uint16_t offset;  /* in the body, after the header */
	uint16_t width;   /* bytes on the wire; 0 for a tail */
	uint8_t bit;      /* numbers: the lowest of their bits, */
	uint8_t bits;     /* and how many they are */
	uint64_t limit;   /* numbers: the largest that is carried */
	const void *field;
	const void *values;
};

/* A name for a value of a field, or for some of its bits: it is meant when `number & mask` is
 * `value`. With mask 0 (words of features) `value` is the number of a feature bit. */
struct vmsg_value_info {
	const char *name;
	uint64_t mask;
	uint64_t value;
};

/* Does the profile have this body? */
VMSG_EXPORT bool vmsg_schema_has(const struct vmsg_profile *profile, enum vmsg_type type,
				 enum vmsg_kind kind);

/* Message number on the wire, or -1. */
VMSG_EXPORT int vmsg_schema_id(const struct vmsg_profile *profile, enum vmsg_type type);

/* Type of a name ("GET_CONFIG"); VMSG_NONE when there is none. */
VMSG_EXPORT enum vmsg_type vmsg_schema_type(const char *name);

/* Who sends a message, and what it does, in a few words. */
VMSG_EXPORT enum vmsg_sender vmsg_schema_sender(enum vmsg_type type);
VMSG_EXPORT const char *vmsg_schema_summary(enum vmsg_type type);

/* Field `index` of a body in wire order, reserved words left out: 1 with `info`, 0 beyond the last.
 */
VMSG_EXPORT int vmsg_schema_field(const struct vmsg_profile *profile, enum vmsg_type type,
				  enum vmsg_kind kind, uint32_t index,
				  struct vmsg_field_info *info);

/* The same with the reserved words. */
VMSG_EXPORT int vmsg_schema_part(const struct vmsg_profile *profile, enum vmsg_type type,
				 enum vmsg_kind kind, uint32_t index, struct vmsg_field_info *info);

/* Name `index` of the values of a field: 1 with `value`, 0 beyond the last. */
VMSG_EXPORT int vmsg_schema_value(const struct vmsg_profile *profile,
				  const struct vmsg_field_info *info, uint32_t index,
				  struct vmsg_value_info *value);

/* Is a body that is longer than its fields an error? (One with a counted tail has no such end.) */
VMSG_EXPORT bool vmsg_schema_is_exact(const struct vmsg_profile *profile, enum vmsg_type type,
				      enum vmsg_kind kind);

/* Bytes of the body without a tail, -1 when the profile has no such body. */
VMSG_EXPORT int vmsg_schema_size(const struct vmsg_profile *profile, enum vmsg_type type,
				 enum vmsg_kind kind);

/* Number form: its value as the wire has it. */
VMSG_EXPORT uint64_t vmsg_field_number(const struct vmsg_message *message,
				       const struct vmsg_field_info *info);

/* Other forms: its bytes, as on the wire. */
VMSG_EXPORT struct vmsg_bytes vmsg_field_bytes(const struct vmsg_message *message,
					       const struct vmsg_field_info *info);

/* Number form: its value in the bytes of a body, also of one that cannot be decoded as a whole:
 * true unless the bytes end before it. */
VMSG_EXPORT bool vmsg_field_peek(const struct vmsg_field_info *info, struct vmsg_bytes body,
				 uint64_t *value);

/* Sets a number. RANGE beyond the limit, BAD_FIELD for bits that are no whole block. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_field_set_number(struct vmsg_message *message,
						      const struct vmsg_field_info *info,
						      uint64_t value);

/* Sets a UUID (16 bytes, copied) or a tail (kept as a view), and the count that goes with it unless
 * `keep_count`. RANGE for a size that the field cannot have. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_field_set_bytes(struct vmsg_message *message,
						     const struct vmsg_field_info *info,
						     struct vmsg_bytes bytes, bool keep_count);

/* What the profile calls the field that a diagnosis is about: a field of the body, or "header",
 * "type", "msg_id", "dev_num", "token", "msg_size". Never NULL. */
VMSG_EXPORT const char *vmsg_diagnosis_field(const struct vmsg_diagnosis *diagnosis);

VMSG_END_DECLS

#endif
