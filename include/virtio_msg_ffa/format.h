/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as text, into the caller's buffer. */
#ifndef VIRTIO_MSG_FFA_FORMAT_H
#define VIRTIO_MSG_FFA_FORMAT_H

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/schema.h"

VMSG_BEGIN_DECLS

/*
 * One line without newline: "r3 transport request GET_CONFIG device 3 token 5 offset=4 length=8".
 * Numbers decimal, addresses and bits of 65536 and more in hex, tails as hex bytes. Returns the
 * length of the whole text; at most size - 1 characters and a zero are written (none for size 0).
 */
VMSG_EXPORT size_t vmsg_format(const struct vmsg_profile *profile,
			       const struct vmsg_message *message, char *text, size_t size);

/* What vmsg_decode() or vmsg_encode() found wrong: "GET_CONFIG response: `length` 40 exceeds
 * payload 36". Same rules. */
VMSG_EXPORT size_t vmsg_format_diagnosis(const struct vmsg_diagnosis *diagnosis, char *text,
					 size_t size);

/* The words for a rule, in which $f stands for the field, $v for the value and $l for the limit of
 * a diagnosis; those for an unknown number depend on the limit. Never NULL. */
VMSG_EXPORT const char *vmsg_rule_text(enum vmsg_rule rule, uint64_t limit);

/* What a number means: "ADDED", "DRIVER_OK FEATURES_OK"; bits without a name follow in hex. Empty
 * when nothing of it has a name. Same rules. */
VMSG_EXPORT size_t vmsg_format_value(const struct vmsg_profile *profile,
				     const struct vmsg_field_info *info, uint64_t number,
				     char *text, size_t size);

VMSG_END_DECLS

#endif
