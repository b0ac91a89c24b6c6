/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a memory transaction descriptor, a relinquish descriptor or a message header. */
#include "fuzz.h"

#include "virtio_msg_ffa/ffa_memory.h"
#include "virtio_msg_ffa/ffa_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vmsg_bytes bytes = { data, size };
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_relinquish relinquish;
	struct vmsg_ffa_message_header message;

	(void)!vmsg_ffa_relinquish_parse(bytes, &relinquish);
	(void)!vmsg_ffa_message_parse(bytes, VMSG_FFA_VERSION_1_1, &message);
	(void)!vmsg_ffa_message_parse(bytes, VMSG_FFA_VERSION_1_2, &message);
	if (vmsg_ffa_memory_parse(bytes, &header) < 0) {
		return 0;
	}
	for (uint32_t i = 0; i < header.access_count && i < 1024; i++) {
		struct vmsg_ffa_memory_access access;
		struct vmsg_ffa_composite composite;
		if (vmsg_ffa_memory_access_at(bytes, &header, i, &access) < 0) {
			__builtin_trap(); /* parse said that the array lies inside */
		}
		(void)!vmsg_ffa_memory_composite_at(bytes, &header, access.composite_offset,
						    &composite);
	}
	return 0;
}
