/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a memory transaction descriptor, a relinquish descriptor or a message header. */
#include <string.h>

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
		if (vmsg_ffa_memory_composite_at(bytes, &header, access.composite_offset,
						 &composite) < 0) {
			continue;
		}
		const size_t first = access.composite_offset + VMSG_FFA_COMPOSITE_SIZE;
		for (size_t at = first; size - at >= VMSG_FFA_CONSTITUENT_SIZE;
		     at += VMSG_FFA_CONSTITUENT_SIZE) {
			struct vmsg_ffa_range range;
			uint8_t back[VMSG_FFA_CONSTITUENT_SIZE];
			vmsg_ffa_range_load(&range, data + at);
			vmsg_ffa_range_store(&range, back);
			if (memcmp(data + at, back, 12) != 0) {
				__builtin_trap(); /* the last four bytes are reserved */
			}
		}
	}
	return 0;
}
