/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in records. Nothing here trusts a byte: what a partition sent is checked as if by a
 * receiver. */
#include "tap/frame.h"

#include <string.h>

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/ffa_message.h"

static enum tap_service service_of(const struct vmsg_ffa_uuid *uuid)
{
	static const struct vmsg_ffa_uuid roles[] = { VMSG_FFA_UUID_DEVICE_ROLE,
						      VMSG_FFA_UUID_DRIVER_ROLE };

	if (vmsg_ffa_uuid_is_nil(uuid)) {
		return TAP_SERVICE_UNNAMED;
	}
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (vmsg_ffa_uuid_equal(uuid, &roles[i])) {
			return TAP_SERVICE_VIRTIO_MSG;
		}
	}
	return TAP_SERVICE_OTHER;
}

static bool find_direct(const struct tap_record *record, struct tap_frame *frame)
{
	struct vmsg_ffa_uuid uuid;

	frame->is_direct = true;
	frame->source = vmsg_ffa_source(&record->regs);
	frame->destination = vmsg_ffa_destination(&record->regs);
	if (frame->is_request) {
		vmsg_ffa_uuid_from_pair(&uuid, &record->regs.x[2]);
		frame->service = service_of(&uuid);
	}
	vmsg_ffa_unpack_direct2_payload(&record->regs, frame->payload);
	frame->bytes = (struct vmsg_bytes){ frame->payload, sizeof(frame->payload) };
	return true;
}

/* The header of FF-A 1.1 and of 1.2 begin alike, and both say where the payload lies: at 40 or
 * beyond there is room for a UUID between. */
static bool find_indirect(const struct tap_record *record, struct tap_frame *frame)
{
	struct vmsg_ffa_message_header header;

	if (vmsg_ffa_message_parse(record->payload, VMSG_FFA_VERSION_1_1, &header) < 0) {
		return false;
	}
	const uint32_t offset = header.offset;
	const uint32_t size = header.size;
	frame->source = header.sender;
	frame->destination = header.receiver;
	if (vmsg_ffa_message_parse(record->payload, VMSG_FFA_VERSION_1_2, &header) == 0) {
		frame->service = service_of(&header.uuid);
	}
	frame->bytes = (struct vmsg_bytes){ record->payload.data + offset, size };
	return true;
}

bool tap_frame_find(const struct tap_record *record, struct tap_frame *frame)
{
	const uint32_t function_id = (uint32_t)record->regs.x[0];

	memset(frame, 0, sizeof(*frame));
	if (record->kind == TAP_FIFO) {
		frame->source = record->partition;
		frame->destination = record->peer;
		frame->service = TAP_SERVICE_VIRTIO_MSG;
		frame->bytes = record->payload;
		return record->payload.size > 0;
	}
	if (record->kind == TAP_INTERRUPT) {
		return false;
	}
	if (function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2) ||
	    function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2)) {
		frame->is_request = function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2);
		return find_direct(record, frame);
	}
	return function_id == VMSG_FFA_ID32(MSG_SEND2) && record->kind == TAP_CALL &&
	       find_indirect(record, frame);
}

struct vmsg_bytes tap_frame_in_buffer(struct vmsg_bytes buffer)
{
	struct vmsg_ffa_message_header header;

	if (vmsg_ffa_message_parse(buffer, VMSG_FFA_VERSION_1_1, &header) < 0) {
		return (struct vmsg_bytes){ NULL, 0 };
	}
	return (struct vmsg_bytes){ buffer.data, (size_t)header.offset + header.size };
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i]) {
			return false;
		}
	}
	return true;
}

static bool fits(const struct tap_reading *reading, struct vmsg_bytes bytes)
{
	const int size = reading->error < 0 || reading->is_echo
				 ? VMSG_ERROR_REVISION
				 : vmsg_encoded_size(reading->profile, &reading->message);
	struct vmsg_raw_header header;

	return size > 0 && reading->profile->has_size &&
	       vmsg_decode_header(reading->profile, bytes, &header, NULL) == 0 &&
	       header.msg_size == (unsigned int)size &&
	       is_zero(bytes.data + size, bytes.size - (size_t)size);
}

static void read_in(const struct vmsg_profile *profile, const struct tap_frame *frame,
		    struct tap_reading *reading)
{
	reading->profile = profile;
	reading->error = vmsg_decode(profile, frame->bytes, &reading->message, &reading->diagnosis);
	reading->is_echo = reading->error < 0 && frame->is_direct && !frame->is_request &&
			   reading->diagnosis.rule == VMSG_RULE_EVENT_RESPONSE;
	if (reading->is_echo) {
		reading->error = 0;
	}
}

void tap_frame_read(const struct tap_record *record, const struct tap_frame *frame,
		    struct tap_reading *reading)
{
	static const uint8_t newest_first[] = { VMSG_PROFILE_R3, VMSG_PROFILE_R2B, VMSG_PROFILE_R2A,
						VMSG_PROFILE_R1, VMSG_PROFILE_R0 };

	memset(reading, 0, sizeof(*reading));
	if (record->profile > 0 && record->profile <= VMSG_PROFILE_COUNT) {
		read_in(vmsg_profile((enum vmsg_profile_id)(record->profile - 1)), frame, reading);
		return;
	}
	reading->is_guess = true;
	for (size_t i = 0; i < sizeof(newest_first); i++) {
		read_in(vmsg_profile((enum vmsg_profile_id)newest_first[i]), frame, reading);
		if (fits(reading, frame->bytes)) {
			return;
		}
	}
	memset(reading, 0, sizeof(*reading));
	reading->is_guess = true;
	reading->error = VMSG_ERROR_REVISION;
}

struct vmsg_bytes tap_frame_trimmed(const struct tap_frame *frame)
{
	size_t size = frame->bytes.size;

	while (size > 0 && frame->bytes.data[size - 1] == 0) {
		size--;
	}
	return (struct vmsg_bytes){ frame->bytes.data, size };
}
