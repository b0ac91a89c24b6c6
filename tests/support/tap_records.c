/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/tap_records.h"

#include <stdlib.h>

#include "support/hex.h"

#include "virtio_msg_ffa/ffa_message.h"

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

struct tap_record tap_direct_request(enum tap_kind kind, uint16_t source, uint16_t destination,
				     const char *hex)
{
	static const struct vmsg_ffa_uuid service = VMSG_FFA_UUID_DEVICE_ROLE;
	uint8_t frame[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	struct tap_record record = {
		.kind = kind,
		.partition = kind == TAP_CALL ? source : destination,
	};

	const struct vmsg_bytes bytes = { frame, hex_to_bytes(hex, frame, sizeof(frame)) };
	must(vmsg_ffa_pack_direct_request2(&record.regs, source, destination, &service, bytes) ==
	     0);
	return record;
}

struct tap_record tap_direct_response(enum tap_kind kind, uint16_t source, uint16_t destination,
				      const char *hex)
{
	uint8_t frame[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	struct tap_record record = {
		.kind = kind,
		.partition = kind == TAP_CALL ? source : destination,
	};

	const struct vmsg_bytes bytes = { frame, hex_to_bytes(hex, frame, sizeof(frame)) };
	must(vmsg_ffa_pack_direct_response2(&record.regs, source, destination, bytes) == 0);
	return record;
}

struct tap_record tap_indirect(uint16_t source, uint16_t destination,
			       const struct vmsg_ffa_uuid *service, const char *hex,
			       uint8_t room[256])
{
	uint8_t frame[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	struct vmsg_ffa_message_header header = { .sender = source, .receiver = destination };
	struct tap_record record = { .kind = TAP_CALL, .partition = source };

	if (service) {
		header.uuid = *service;
	}
	const struct vmsg_bytes bytes = { frame, hex_to_bytes(hex, frame, sizeof(frame)) };
	const int size = vmsg_ffa_message_build(&header, VMSG_FFA_VERSION_1_2, bytes,
						(struct vmsg_span){ room, 256 });
	must(size > 0);
	record.regs.x[0] = VMSG_FFA_ID32(MSG_SEND2);
	record.payload = (struct vmsg_bytes){ room, (size_t)size };
	return record;
}
