/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A registers: names of calls and statuses, frames, UUIDs, replies and direct messages.
 * Registers are moved by shifts written out one after the other, which compilers merge into plain
 * moves; in a loop gcc 12 does not.
 */
#include "virtio_msg_ffa/ffa.h"

#include "bytes.h"
#include "port.h"
#include "virtio_msg_ffa/error.h"

/* X(register) for the registers of a frame that carry a direct message's payload, and for all. */
#define PAYLOAD_REGISTERS(X)                                                                       \
	X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17)
#define ALL_REGISTERS(X) X(0) X(1) X(2) X(3) PAYLOAD_REGISTERS(X)
#define PAYLOAD_FIRST    4

#define SMC64_BIT        0x40000000u
#define CALL_NUMBER_MASK 0xFFu
#define SMC32_BASE       0x84000000u

const char *vmsg_ffa_call_name(uint32_t function_id)
{
	const bool is_64 = (function_id & SMC64_BIT) != 0;

	if ((function_id & ~(SMC64_BIT | CALL_NUMBER_MASK)) != SMC32_BASE) {
		return "FFA_UNKNOWN";
	}
	switch (function_id & CALL_NUMBER_MASK) {
#define CALL_NAME(name, number, has32, has64)                                                      \
	case (number):                                                                             \
		return (is_64 ? (has64) : (has32)) ? "FFA_" #name : "FFA_UNKNOWN";
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
#define STORE(index) vmsg_store_le64(bytes + 8 * (index), regs->x[index]);
	ALL_REGISTERS(STORE)
#undef STORE
}

void vmsg_ffa_regs_load(struct vmsg_ffa_regs *regs, const uint8_t bytes[VMSG_FFA_FRAME_SIZE])
{
#define LOAD(index) regs->x[index] = vmsg_load_le64(bytes + 8 * (index));
	ALL_REGISTERS(LOAD)
#undef LOAD
}

void vmsg_ffa_uuid_to_pair(const struct vmsg_ffa_uuid *uuid, uint64_t pair[2])
{
	pair[0] = vmsg_load_le64(uuid->bytes);
	pair[1] = vmsg_load_le64(uuid->bytes + 8);
}

void vmsg_ffa_uuid_from_pair(struct vmsg_ffa_uuid *uuid, const uint64_t pair[2])
{
	vmsg_store_le64(uuid->bytes, pair[0]);
	vmsg_store_le64(uuid->bytes + 8, pair[1]);
}

bool vmsg_ffa_uuid_is_nil(const struct vmsg_ffa_uuid *uuid)
{
	return (vmsg_load_le64(uuid->bytes) | vmsg_load_le64(uuid->bytes + 8)) == 0;
}

bool vmsg_ffa_uuid_equal(const struct vmsg_ffa_uuid *a, const struct vmsg_ffa_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void vmsg_ffa_pack_error(struct vmsg_ffa_regs *regs, enum vmsg_ffa_status status)
{
	memset(regs, 0, sizeof(*regs));
	regs->x[0] = VMSG_FFA_ID32(ERROR);
	regs->x[2] = (uint32_t)status;
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

/* x4..x17 from a payload, zero padded; the length was checked. */
static void pack_payload(struct vmsg_ffa_regs *regs, struct vmsg_bytes payload)
{
	uint8_t padded[VMSG_FFA_DIRECT2_PAYLOAD_SIZE] = { 0 };

	if (payload.size > 0) {
		memcpy(padded, payload.data, payload.size);
	}
#define LOAD(index) regs->x[index] = vmsg_load_le64(padded + 8 * ((index)-PAYLOAD_FIRST));
	PAYLOAD_REGISTERS(LOAD)
#undef LOAD
}

static int pack_direct2(struct vmsg_ffa_regs *regs, uint32_t function_id, uint16_t source,
			uint16_t destination, const struct vmsg_ffa_uuid *uuid,
			struct vmsg_bytes payload)
{
	if (payload.size > VMSG_FFA_DIRECT2_PAYLOAD_SIZE) {
		memset(regs, 0, sizeof(*regs));
		return VMSG_ERROR_RANGE;
	}
	regs->x[0] = function_id;
	regs->x[1] = (uint32_t)source << 16 | destination;
	regs->x[2] = uuid ? vmsg_load_le64(uuid->bytes) : 0;
	regs->x[3] = uuid ? vmsg_load_le64(uuid->bytes + 8) : 0;
	pack_payload(regs, payload);
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
#define STORE(index) vmsg_store_le64(payload + 8 * ((index)-PAYLOAD_FIRST), regs->x[index]);
	PAYLOAD_REGISTERS(STORE)
#undef STORE
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
