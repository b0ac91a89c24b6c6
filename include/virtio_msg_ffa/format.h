/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as text, into the caller's buffer. */
#ifndef VIRTIO_MSG_FFA_FORMAT_H
#define VIRTIO_MSG_FFA_FORMAT_H

#include "virtio_msg_ffa/codec.h"

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

VMSG_END_DECLS

#endif
