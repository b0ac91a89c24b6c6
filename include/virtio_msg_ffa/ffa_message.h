/* SPDX-License-Identifier: BSD-3-Clause */
/* Partition message header of FFA_MSG_SEND2: 20 bytes at FF-A 1.1, 40 bytes with UUID at 1.2. */
#ifndef VIRTIO_MSG_FFA_FFA_MESSAGE_H
#define VIRTIO_MSG_FFA_FFA_MESSAGE_H

#include "virtio_msg_ffa/ffa.h"

VMSG_BEGIN_DECLS

#define VMSG_FFA_MESSAGE_HEADER_SIZE_1_1 20
#define VMSG_FFA_MESSAGE_HEADER_SIZE_1_2 40

struct vmsg_ffa_message_header {
	uint32_t flags;
	uint32_t offset; /* of the payload, from the buffer's start */
	uint16_t sender;
	uint16_t receiver;
	uint32_t size;             /* of the payload */
	struct vmsg_ffa_uuid uuid; /* 1.2; nil before */
};

/*
 * Reads the header of the message in `buffer` as a partition of `ffa_version` wrote it, and checks
 * that the reserved word is zero and the payload lies behind the header and inside the buffer:
 * TRUNCATED, BAD_FIELD. Flags, ids and UUID are left to the relayer.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_message_parse(struct vmsg_bytes buffer,
						       uint32_t ffa_version,
						       struct vmsg_ffa_message_header *header);

/*
 * Writes the header (size by version; offset and size are those of what is written, whatever
 * `header` says) and the payload. Returns the bytes written or NO_SPACE.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_message_build(const struct vmsg_ffa_message_header *header,
						       uint32_t ffa_version,
						       struct vmsg_bytes payload,
						       struct vmsg_span room);

VMSG_END_DECLS

#endif
