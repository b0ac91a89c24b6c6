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
};

/* One field of a message as a profile has it. `row` is private. */
struct vmsg_field_info {
	const char *name;
	enum vmsg_field_form form;
	uint8_t width;  /* bytes on the wire; 0 for a tail */
	uint64_t limit; /* largest number that it carries */
	const void *row;
};

/* Does the profile have this body? */
VMSG_EXPORT bool vmsg_schema_has(const struct vmsg_profile *profile, enum vmsg_type type,
				 enum vmsg_kind kind);

/* Message number on the wire, or -1. */
VMSG_EXPORT int vmsg_schema_id(const struct vmsg_profile *profile, enum vmsg_type type);

/* Type of a name ("GET_CONFIG"); VMSG_NONE when there is none. */
VMSG_EXPORT enum vmsg_type vmsg_schema_type(const char *name);

/* Field `index` of a body in wire order, reserved words left out: 1 with `info`, 0 beyond the last.
 */
VMSG_EXPORT int vmsg_schema_field(const struct vmsg_profile *profile, enum vmsg_type type,
				  enum vmsg_kind kind, uint32_t index,
				  struct vmsg_field_info *info);

/* Number form: its value as the wire has it. */
VMSG_EXPORT uint64_t vmsg_field_number(const struct vmsg_message *message,
				       const struct vmsg_field_info *info);

/* Other forms: its bytes, as on the wire. */
VMSG_EXPORT struct vmsg_bytes vmsg_field_bytes(const struct vmsg_message *message,
					       const struct vmsg_field_info *info);

/* Sets a number. RANGE beyond the limit, BAD_FIELD for bits that are no whole block. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_field_set_number(struct vmsg_message *message,
						      const struct vmsg_field_info *info,
						      uint64_t value);

/* Sets a UUID (16 bytes, copied) or a tail (kept as a view), and the count that goes with it unless
 * `keep_count`. RANGE for a size that the field cannot have. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_field_set_bytes(struct vmsg_message *message,
						     const struct vmsg_field_info *info,
						     struct vmsg_bytes bytes, bool keep_count);

VMSG_END_DECLS

#endif
