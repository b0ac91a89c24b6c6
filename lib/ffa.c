/* SPDX-License-Identifier: BSD-3-Clause */
/* FF-A registers: names of calls and statuses, frames, UUIDs, replies and direct messages. */
#include "virtio_msg_ffa/ffa.h"

#include "bytes.h"
#include "port.h"
#include "virtio_msg_ffa/error.h"

/* x4..x17 carry the payload of a direct message. */
#define PAYLOAD_FIRST 4
#define PAYLOAD_COUNT (VMSG_FFA_REGISTERS - PAYLOAD_FIRST)

#define SMC64_BIT        0x40000000u
#define CALL_NUMBER_MASK 0xFFu
#define SMC32_BASE       0x84000000u

static bool has_form(bool is_64, bool has32, bool has64)
{
	return is_64 ? has64 : has32;
}

const char *vmsg_ffa_call_name(uint32_t function_id)
{
	const bool is_64 = (function_id & SMC64_BIT) != 0;

	if ((function_id & ~(SMC64_BIT | CALL_NUMBER_MASK)) != SMC32_BASE) {
		return "FFA_UNKNOWN";
	}
	switch (function_id & CALL_NUMBER_MASK) {
#define CALL_NAME(name, number, has32, has64)                                                      \
	case (number):                                                                             \
		return has_form(is_64, has32, has64) ? "FFA_" #name : "FFA_UNKNOWN";
		VMSG_FFA_CALLS(CALL_NAME)
#undef CALL_NAME
	}
	return "FFA_UNKNOWN";
}

const char *vmsg_ffa_status_name(int32_t status)
{
	switch (status) {
	case VMSG_FFA_OK:
		return "OK";
#define STATUS_NAME(name, value)                                                                   \
	case (value):                                                                              \
		return #name;
		VMSG_FFA_STATUSES(STATUS_NAME)
#undef STATUS_NAME
	}
	return "UNKNOWN";
}

void vmsg_ffa_regs_store(const struct vmsg_ffa_regs *regs, uint8_t bytes[VMSG_FFA_FRAME_SIZE])
{
	vmsg_port_store_le64s(bytes, regs->x, VMSG_FFA_REGISTERS);
}

void vmsg_ffa_regs_load(struct vmsg_ffa_regs *regs, const uint8_t bytes[VMSG_FFA_FRAME_SIZE])
{
	vmsg_port_load_le64s(regs->x, bytes, VMSG_FFA_REGISTERS);
}

void vmsg_ffa_uuid_to_pair(const struct vmsg_ffa_uuid *uuid, uint64_t pair[2])
{
	vmsg_port_load_le64s(pair, uuid->bytes, 2);
}

void vmsg_ffa_uuid_from_pair(struct vmsg_ffa_uuid *uuid, const uint64_t pair[2])
{
	vmsg_port_store_le64s(uuid->bytes, pair, 2);
}

bool vmsg_ffa_uuid_is_nil(const struct vmsg_ffa_uuid *uuid)
{
	uint64_t pair[2];

	vmsg_ffa_uuid_to_pair(uuid, pair);
	return (pair[0] | pair[1]) == 0;
}

bool vmsg_ffa_uuid_equal(const struct vmsg_ffa_uuid *a, const struct vmsg_ffa_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void vmsg_ffa_pack_error(struct vmsg_ffa_regs *regs, enum vmsg_ffa_status status)
{
	const uint32_t code = (uint32_t)status; /* two's complement, zero-extended */

	memset(regs, 0, sizeof(*regs));
	regs->x[0] = VMSG_FFA_ID32(ERROR);
	regs->x[2] = code;
}

void vmsg_ffa_pack_success(struct vmsg_ffa_regs *regs)
{
	memset(regs, 0, sizeof(*regs));
	regs->x[0] = VMSG_FFA_ID32(SUCCESS);
}

int32_t vmsg_ffa_reply_status(const struct vmsg_ffa_regs *regs)
{
	const uint32_t function_id = (uint32_t)regs->x[0];

	if (function_id == VMSG_FFA_SMCCC_UNKNOWN) {
		return VMSG_FFA_NOT_SUPPORTED;
	}
	if (function_id != VMSG_FFA_ID32(ERROR) && function_id != VMSG_FFA_ID64(ERROR)) {
		return VMSG_FFA_OK;
	}
	const uint32_t code = (uint32_t)regs->x[2];
	return code > INT32_MAX ? -(int32_t)~code - 1 : VMSG_FFA_INVALID_PARAMETERS;
}

VMSG_ONCE int pack_direct2(struct vmsg_ffa_regs *regs, uint32_t function_id, uint16_t source,
			   uint16_t destination, const struct vmsg_ffa_uuid *uuid,
			   struct vmsg_bytes payload)
{
	memset(regs, 0, sizeof(*regs));
	if (payload.size > VMSG_FFA_DIRECT2_PAYLOAD_SIZE) {
		return VMSG_ERROR_RANGE;
	}
	regs->x[0] = function_id;
	regs->x[1] = (uint32_t)source << 16 | destination;
	if (uuid) {
		vmsg_ffa_uuid_to_pair(uuid, &regs->x[2]);
	}
	if (payload.size > 0) {
		vmsg_port_load_le_bytes(&regs->x[PAYLOAD_FIRST], payload.data, payload.size);
	}
	return VMSG_OK;
}

int vmsg_ffa_pack_direct_request2(struct vmsg_ffa_regs *regs, uint16_t source, uint16_t destination,
				  const struct vmsg_ffa_uuid *uuid, struct vmsg_bytes payload)
{
	return pack_direct2(regs, VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2), source, destination, uuid,
			    payload);
}

int vmsg_ffa_pack_direct_response2(struct vmsg_ffa_regs *regs, uint16_t source,
				   uint16_t destination, struct vmsg_bytes payload)
{
	return pack_direct2(regs, VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2), source, destination, NULL,
			    payload);
}

void vmsg_ffa_unpack_direct2_payload(const struct vmsg_ffa_regs *regs,
				     uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE])
{
	vmsg_port_store_le64s(payload, &regs->x[PAYLOAD_FIRST], PAYLOAD_COUNT);
}

void vmsg_ffa_partition_info_store(const struct vmsg_ffa_partition_info *info,
				   uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE])
{
	vmsg_store_le16(bytes, info->id);
	vmsg_store_le16(bytes + 2, info->vcpu_count);
	vmsg_store_le32(bytes + 4, info->properties);
	memcpy(bytes + 8, info->uuid.bytes, sizeof(info->uuid.bytes));
}

void vmsg_ffa_partition_info_load(struct vmsg_ffa_partition_info *info,
				  const uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE])
{
	info->id = vmsg_load_le16(bytes);
	info->vcpu_count = vmsg_load_le16(bytes + 2);
	info->properties = vmsg_load_le32(bytes + 4);
	memcpy(info->uuid.bytes, bytes + 8, sizeof(info->uuid.bytes));
}
