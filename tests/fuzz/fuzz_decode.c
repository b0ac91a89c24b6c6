/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes, any profile: decode must not misbehave, and what it accepts must encode again and
 * decode to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	const struct vmsg_profile *profile =
		vmsg_profile((enum vmsg_profile_id)(data[0] % VMSG_PROFILE_COUNT));
	const struct vmsg_bytes frame = { data + 1, size - 1 };
	struct vmsg_diagnosis diagnosis;
	struct vmsg_message message;
	uint8_t first[65536];
	uint8_t second[65536];

	(void)vmsg_profile_detect(frame, false);
	(void)vmsg_profile_detect(frame, true);
	if (vmsg_decode(profile, frame, &message, &diagnosis) < 0 ||
	    message.header.type == VMSG_NONE) {
		return 0;
	}
	const int length = vmsg_encode(profile, &message,
				       (struct vmsg_span){ first, sizeof(first) }, &diagnosis);
	if (length < 0) {
		abort(); /* accepted, yet cannot be said again */
	}
	const struct vmsg_bytes again = { first, (size_t)length };
	if (vmsg_decode(profile, again, &message, &diagnosis) < 0) {
		abort();
	}
	const int repeated =
		vmsg_encode(profile, &message, (struct vmsg_span){ second, sizeof(second) }, NULL);
	if (repeated != length || memcmp(first, second, (size_t)length) != 0) {
		abort();
	}
	return 0;
}
