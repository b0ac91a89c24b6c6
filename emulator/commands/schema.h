/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be derived from the message table, and what its derivations share. Everything goes to
 * standard output.
 */
#ifndef VMSG_EMULATOR_COMMANDS_SCHEMA_H
#define VMSG_EMULATOR_COMMANDS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/schema.h"

#define SCHEMA_TEXT_SIZE   256
#define SCHEMA_VALUES_SIZE 2048

/* The derivations. A profile or type that is NULL or NONE stands for all. */
void schema_markdown(const struct vmsg_profile *profile, enum vmsg_type type);
void schema_json(const struct vmsg_profile *profile, enum vmsg_type type);
void schema_compare(const struct vmsg_profile *from, const struct vmsg_profile *to);
void schema_compare_json(const struct vmsg_profile *from, const struct vmsg_profile *to);
void schema_dissector(void);
void schema_message_dictionary(void);
void schema_call_dictionary(void);

/* Next body after `*type` and `*kind`, from NONE and EVENT on; false beyond the last. */
bool schema_next(enum vmsg_type *type, enum vmsg_kind *kind);

/* A trait of profiles by number: its name, NULL beyond the last. */
const char *schema_trait(const struct vmsg_profile *profile, size_t index, uint64_t *value,
			 bool *is_bool);

/* Are two profiles' bodies the same on the wire and in their names? False when one has none. */
bool schema_same_body(const struct vmsg_profile *a, const struct vmsg_profile *b,
		      enum vmsg_type type, enum vmsg_kind kind);
bool schema_same_field(const struct vmsg_field_info *a, const struct vmsg_field_info *b);
bool schema_same_values(const struct vmsg_profile *a, const struct vmsg_field_info *info_a,
			const struct vmsg_profile *b, const struct vmsg_field_info *info_b);

/* A part of a body by name; false when it has none. */
bool schema_find(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind,
		 const char *name, struct vmsg_field_info *info);

/* "le32", "u8[length]", "le32, bits 30:0". */
const char *schema_kind_text(const struct vmsg_field_info *info, char text[SCHEMA_TEXT_SIZE]);

/* "bit 0 ACKNOWLEDGE", "1 READY", "bits 1:0 = 2 DONATE". */
const char *schema_value_text(const struct vmsg_value_info *value, char text[SCHEMA_TEXT_SIZE]);

/* "bit 0 ACKNOWLEDGE, bit 1 DRIVER", "1 READY, 2 REMOVED"; empty when there are no names. */
const char *schema_values_text(const struct vmsg_profile *profile,
			       const struct vmsg_field_info *info, char text[SCHEMA_VALUES_SIZE]);

/* "driver", "device", "both". */
const char *schema_sender_text(enum vmsg_type type);

/* Does the body end with a tail that is counted? */
bool schema_has_tail(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind);

#endif
