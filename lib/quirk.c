/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of quirks, and those that lie in the bytes of a message. Invariant: a frame grows only
 * over bytes that were received with it.
 */
#include "virtio_msg_ffa/quirk.h"

#include "virtio_msg_ffa/proto.h"

#include "engine.h"

#define ROW(number, symbol, policy_, roles_, name_, who_, what_, answer_, sign_)                   \
	[(number)] = {                                                                             \
		.name = name_,                                                                     \
		.who = who_,                                                                       \
		.what = what_,                                                                     \
		.answer = answer_,                                                                 \
		.sign = sign_,                                                                     \
		.policy = VMSG_QUIRK_##policy_,                                                    \
		.roles = VMSG_QUIRK_##roles_,                                                      \
	},

static const struct vmsg_quirk_info quirks[VMSG_QUIRK_LAST + 1] = { VMSG_QUIRKS(ROW) };

const struct vmsg_quirk_info *vmsg_quirk_info(unsigned int quirk)
{
	return quirk >= 1 && quirk <= VMSG_QUIRK_LAST ? &quirks[quirk] : NULL;
}

uint32_t vmsg_quirk_bits(const char *name)
{
	uint32_t bits = 0;

	for (unsigned int i = 1; i <= VMSG_QUIRK_LAST; i++) {
		if (quirks[i].name && vmsg_names_equal(quirks[i].name, name)) {
			bits |= VMSG_QUIRK_BIT(i);
		}
	}
	return bits;
}

/* ---- in the bytes of a message ---- */

/* A request whose size leaves out its tail: `fixed` bytes of body, and the tail's, 0 when it has
 * none. Tells whether it shows the quirk; rewrites its size if it may. */
static bool mend_size(const struct vmsg_profile *profile, struct vmsg_span frame, size_t fixed,
		      uint64_t tail, bool allowed)
{
	const size_t size = profile->header_size + fixed;

	if (tail == 0 || tail > frame.size - size || size + tail > UINT16_MAX) {
		return false;
	}
	if (allowed) {
		vmsg_store_le16(frame.data + profile->header_size - 2, (uint16_t)(size + tail));
	}
	return true;
}

/* Linux RFC v1, which is r1 (Q2, Q3). */
static enum vmsg_quirk mend_short_set(const struct vmsg_profile *profile, struct vmsg_span frame,
				      const struct vmsg_raw_header *raw, uint32_t allowed)
{
	const uint8_t *body = frame.data + profile->header_size;
	const size_t size = (size_t)raw->msg_size - profile->header_size;

	switch (vmsg_type_find(vmsg_profile_layout(profile), false, raw->msg_id)) {
	case VMSG_SET_DRIVER_FEATURES:
		return size == 8 && mend_size(profile, frame, 8,
					      (uint64_t)vmsg_load_le32(body + 4) * 4,
					      allowed & VMSG_QUIRK_BIT(
								VMSG_QUIRK_LINUX_RFC1_SHORT_SET))
			       ? VMSG_QUIRK_LINUX_RFC1_SHORT_SET
			       : VMSG_QUIRK_NONE;
	case VMSG_SET_CONFIG:
		return size == 12 && mend_size(profile, frame, 12, vmsg_load_le32(body + 8),
					       allowed &
						       VMSG_QUIRK_BIT(
							       VMSG_QUIRK_LINUX_RFC1_SHORT_CONFIG))
			       ? VMSG_QUIRK_LINUX_RFC1_SHORT_CONFIG
			       : VMSG_QUIRK_NONE;
	default:
		return VMSG_QUIRK_NONE;
	}
}

/* The OP-TEE PoC, which is r1 (Q12): more bitmap than its count says. */
static enum vmsg_quirk mend_device_count(const struct vmsg_profile *profile, struct vmsg_span frame,
					 const struct vmsg_raw_header *raw, uint32_t allowed)
{
	uint8_t *body = frame.data + profile->header_size;
	const size_t size = (size_t)raw->msg_size - profile->header_size;

	if (vmsg_type_find(vmsg_profile_layout(profile), true, raw->msg_id) != VMSG_GET_DEVICES ||
	    size < 6 || vmsg_load_le16(body + 2) >= (size - 6) * 8) {
		return VMSG_QUIRK_NONE;
	}
	if (allowed & VMSG_QUIRK_BIT(VMSG_QUIRK_OPTEE_DEVICE_COUNT)) {
		vmsg_store_le16(body + 2, (uint16_t)((size - 6) * 8));
	}
	return VMSG_QUIRK_OPTEE_DEVICE_COUNT;
}

enum vmsg_quirk vmsg_quirk_mend(const struct vmsg_profile *profile, struct vmsg_span frame,
				uint32_t allowed)
{
	const struct vmsg_bytes bytes = { frame.data, frame.size };
	struct vmsg_raw_header raw;

	if (vmsg_profile_layout(profile) != VMSG_LAYOUT_R1 ||
	    vmsg_decode_header(profile, bytes, &raw, NULL) < 0) {
		return VMSG_QUIRK_NONE;
	}
	switch (raw.type & (VMSG_TYPE_BUS | VMSG_TYPE_RESPONSE)) {
	case 0:
		return mend_short_set(profile, frame, &raw, allowed);
	case VMSG_TYPE_BUS | VMSG_TYPE_RESPONSE:
		return mend_device_count(profile, frame, &raw, allowed);
	default:
		return VMSG_QUIRK_NONE;
	}
}
