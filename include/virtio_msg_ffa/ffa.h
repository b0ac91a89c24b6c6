/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A calls as 18 registers: numbers of the specification and pack/unpack of every call the
 * library and the emulator use. No virtio-msg knowledge.
 */
#ifndef VIRTIO_MSG_FFA_FFA_H
#define VIRTIO_MSG_FFA_FFA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/compiler.h"
#include "virtio_msg_ffa/span.h"

VMSG_BEGIN_DECLS

#define VMSG_FFA_REGISTERS            18
#define VMSG_FFA_FRAME_SIZE           144 /* 18 little-endian 64-bit words */
#define VMSG_FFA_PAGE_SIZE            4096u
#define VMSG_FFA_DIRECT2_PAYLOAD_SIZE 112 /* x4..x17 */

/* Registers x0..x17 of one call or its return. */
struct vmsg_ffa_regs {
	uint64_t x[VMSG_FFA_REGISTERS];
};

/* 16 bytes in text order. */
struct vmsg_ffa_uuid {
	uint8_t bytes[16];
};

/* X(NAME, number, has32, has64): the calls; SMC32 id = 0x84000000 + number, SMC64 0xC4000000 +
 * number */
#define VMSG_FFA_CALLS(X)                                                                          \
	X(ERROR, 0x60, 1, 1)                                                                       \
	X(SUCCESS, 0x61, 1, 1)                                                                     \
	X(INTERRUPT, 0x62, 1, 1)                                                                   \
	X(VERSION, 0x63, 1, 0)                                                                     \
	X(FEATURES, 0x64, 1, 0)                                                                    \
	X(RX_RELEASE, 0x65, 1, 0)                                                                  \
	X(RXTX_MAP, 0x66, 1, 1)                                                                    \
	X(RXTX_UNMAP, 0x67, 1, 0)                                                                  \
	X(PARTITION_INFO_GET, 0x68, 1, 0)                                                          \
	X(ID_GET, 0x69, 1, 0)                                                                      \
	X(MSG_POLL, 0x6A, 1, 0)                                                                    \
	X(MSG_WAIT, 0x6B, 1, 1)                                                                    \
	X(YIELD, 0x6C, 1, 1)                                                                       \
	X(RUN, 0x6D, 1, 1)                                                                         \
	X(MSG_SEND, 0x6E, 1, 0)                                                                    \
	X(MSG_SEND_DIRECT_REQ, 0x6F, 1, 1)                                                         \
	X(MSG_SEND_DIRECT_RESP, 0x70, 1, 1)                                                        \
	X(MEM_DONATE, 0x71, 1, 1)                                                                  \
	X(MEM_LEND, 0x72, 1, 1)                                                                    \
	X(MEM_SHARE, 0x73, 1, 1)                                                                   \
	X(MEM_RETRIEVE_REQ, 0x74, 1, 1)                                                            \
	X(MEM_RETRIEVE_RESP, 0x75, 1, 0)                                                           \
	X(MEM_RELINQUISH, 0x76, 1, 0)                                                              \
	X(MEM_RECLAIM, 0x77, 1, 0)                                                                 \
	X(MEM_OP_PAUSE, 0x78, 1, 0)                                                                \
	X(MEM_OP_RESUME, 0x79, 1, 0)                                                               \
	X(MEM_FRAG_RX, 0x7A, 1, 0)                                                                 \
	X(MEM_FRAG_TX, 0x7B, 1, 0)                                                                 \
	X(NORMAL_WORLD_RESUME, 0x7C, 1, 1)                                                         \
	X(NOTIFICATION_BITMAP_CREATE, 0x7D, 1, 0)                                                  \
	X(NOTIFICATION_BITMAP_DESTROY, 0x7E, 1, 0)                                                 \
	X(NOTIFICATION_BIND, 0x7F, 1, 0)                                                           \
	X(NOTIFICATION_UNBIND, 0x80, 1, 0)                                                         \
	X(NOTIFICATION_SET, 0x81, 1, 0)                                                            \
	X(NOTIFICATION_GET, 0x82, 1, 0)                                                            \
	X(NOTIFICATION_INFO_GET, 0x83, 1, 1)                                                       \
	X(RX_ACQUIRE, 0x84, 1, 0)                                                                  \
	X(SPM_ID_GET, 0x85, 1, 0)                                                                  \
	X(MSG_SEND2, 0x86, 1, 0)                                                                   \
	X(SECONDARY_EP_REGISTER, 0x87, 1, 1)                                                       \
	X(MEM_PERM_GET, 0x88, 1, 1)                                                                \
	X(MEM_PERM_SET, 0x89, 1, 1)                                                                \
	X(CONSOLE_LOG, 0x8A, 1, 1)                                                                 \
	X(PARTITION_INFO_GET_REGS, 0x8B, 0, 1)                                                     \
	X(EL3_INTR_HANDLE, 0x8C, 1, 0)                                                             \
	X(MSG_SEND_DIRECT_REQ2, 0x8D, 0, 1)                                                        \
	X(MSG_SEND_DIRECT_RESP2, 0x8E, 0, 1)

enum vmsg_ffa_call_number {
#define VMSG_FFA_CALL_ENUM(name, number, has32, has64) VMSG_FFA_CALL_##name = (number),
	VMSG_FFA_CALLS(VMSG_FFA_CALL_ENUM)
#undef VMSG_FFA_CALL_ENUM
};

#define VMSG_FFA_ID32(name) (0x84000000u + (uint32_t)VMSG_FFA_CALL_##name)
#define VMSG_FFA_ID64(name) (0xC4000000u + (uint32_t)VMSG_FFA_CALL_##name)

/* X(NAME, value): FFA_ERROR status codes */
#define VMSG_FFA_STATUSES(X)                                                                       \
	X(NOT_SUPPORTED, -1)                                                                       \
	X(INVALID_PARAMETERS, -2)                                                                  \
	X(NO_MEMORY, -3)                                                                           \
	X(BUSY, -4)                                                                                \
	X(INTERRUPTED, -5)                                                                         \
	X(DENIED, -6)                                                                              \
	X(RETRY, -7)                                                                               \
	X(ABORTED, -8)                                                                             \
	X(NO_DATA, -9)                                                                             \
	X(NOT_READY, -10)

enum vmsg_ffa_status {
	VMSG_FFA_OK = 0,
#define VMSG_FFA_STATUS_ENUM(name, value) VMSG_FFA_##name = (value),
	VMSG_FFA_STATUSES(VMSG_FFA_STATUS_ENUM)
#undef VMSG_FFA_STATUS_ENUM
};

#define VMSG_FFA_VERSION_1_0 0x00010000u
#define VMSG_FFA_VERSION_1_1 0x00010001u
#define VMSG_FFA_VERSION_1_2 0x00010002u
#define VMSG_FFA_VERSION_1_3 0x00010003u

/* Partition properties (partition information descriptor) */
#define VMSG_FFA_PROPERTY_DIRECT_RECEIVE  (1u << 0)
#define VMSG_FFA_PROPERTY_DIRECT_SEND     (1u << 1)
#define VMSG_FFA_PROPERTY_INDIRECT        (1u << 2)
#define VMSG_FFA_PROPERTY_NOTIFICATIONS   (1u << 3)
#define VMSG_FFA_PROPERTY_VM_CREATED      (1u << 6)
#define VMSG_FFA_PROPERTY_VM_DESTROYED    (1u << 7)
#define VMSG_FFA_PROPERTY_AARCH64         (1u << 8)
#define VMSG_FFA_PROPERTY_DIRECT2_RECEIVE (1u << 9)
#define VMSG_FFA_PROPERTY_DIRECT2_SEND    (1u << 10)

#define VMSG_FFA_SPMC_ID 0x8000u

/* w0 of SMCCC's answer to an unknown function, and of a refused FFA_VERSION */
#define VMSG_FFA_SMCCC_UNKNOWN 0xFFFFFFFFu

#define VMSG_FFA_INTERRUPT_NPI 5u
#define VMSG_FFA_INTERRUPT_SRI 8u

/* virtio-msg service UUIDs (wire-revisions 5.1) */
#define VMSG_FFA_UUID_DEVICE_ROLE                                                                  \
	{                                                                                          \
		{                                                                                  \
			0xc6, 0x60, 0x28, 0xb5, 0x24, 0x98, 0x4a, 0xa1, 0x9d, 0xe7, 0x77, 0xda,    \
				0x61, 0x22, 0xab, 0xf0                                             \
		}                                                                                  \
	}
#define VMSG_FFA_UUID_DRIVER_ROLE                                                                  \
	{                                                                                          \
		{                                                                                  \
			0xbd, 0x7f, 0xd0, 0x89, 0x67, 0x95, 0x47, 0x2b, 0xb4, 0x7f, 0xdb, 0x0c,    \
				0x5d, 0x9a, 0x71, 0x9d                                             \
		}                                                                                  \
	}

/* Name of a function id ("FFA_MSG_WAIT"), "FFA_UNKNOWN" if not one. Status name ("DENIED"). */
VMSG_EXPORT const char *vmsg_ffa_call_name(uint32_t function_id);
VMSG_EXPORT const char *vmsg_ffa_status_name(int32_t status);

/* 18 registers <-> 144 little-endian bytes (the emulator's call and return frames). */
VMSG_EXPORT void vmsg_ffa_regs_store(const struct vmsg_ffa_regs *regs,
				     uint8_t bytes[VMSG_FFA_FRAME_SIZE]);
VMSG_EXPORT void vmsg_ffa_regs_load(struct vmsg_ffa_regs *regs,
				    const uint8_t bytes[VMSG_FFA_FRAME_SIZE]);

/* UUID <-> register pair (little-endian loads of the 16 text-order bytes). */
VMSG_EXPORT void vmsg_ffa_uuid_to_pair(const struct vmsg_ffa_uuid *uuid, uint64_t pair[2]);
VMSG_EXPORT void vmsg_ffa_uuid_from_pair(struct vmsg_ffa_uuid *uuid, const uint64_t pair[2]);
VMSG_EXPORT bool vmsg_ffa_uuid_is_nil(const struct vmsg_ffa_uuid *uuid);
VMSG_EXPORT bool vmsg_ffa_uuid_equal(const struct vmsg_ffa_uuid *a, const struct vmsg_ffa_uuid *b);

/* Replies. All registers are written. */
VMSG_EXPORT void vmsg_ffa_pack_error(struct vmsg_ffa_regs *regs, enum vmsg_ffa_status status);
VMSG_EXPORT void vmsg_ffa_pack_success(struct vmsg_ffa_regs *regs); /* FFA_SUCCESS_32, rest 0 */

/*
 * Status of a reply: 0 unless it is FFA_ERROR, then w2 as a signed number (VMSG_FFA_* or other). An
 * error never looks like success: a code >= 0 counts as INVALID_PARAMETERS, and the bare SMCCC
 * answer to an unknown function (also a refused FFA_VERSION) as NOT_SUPPORTED.
 */
VMSG_EXPORT int32_t vmsg_ffa_reply_status(const struct vmsg_ffa_regs *regs);

/*
 * FFA_MSG_SEND_DIRECT_REQ2 / RESP2 with a payload of at most 112 bytes in x4..x17, zero padded.
 * RANGE if it is longer. `uuid` may be NULL (nil).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_pack_direct_request2(struct vmsg_ffa_regs *regs,
							      uint16_t source, uint16_t destination,
							      const struct vmsg_ffa_uuid *uuid,
							      struct vmsg_bytes payload);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_ffa_pack_direct_response2(struct vmsg_ffa_regs *regs,
							       uint16_t source,
							       uint16_t destination,
							       struct vmsg_bytes payload);

/* Payload x4..x17 of either as bytes. */
VMSG_EXPORT void vmsg_ffa_unpack_direct2_payload(const struct vmsg_ffa_regs *regs,
						 uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE]);

/* Sender (w1 31:16) and receiver (w1 15:0) of a message call, and vCPU ids in RUN/INTERRUPT. */
static inline uint16_t vmsg_ffa_source(const struct vmsg_ffa_regs *regs)
{
	return (uint16_t)(regs->x[1] >> 16);
}

static inline uint16_t vmsg_ffa_destination(const struct vmsg_ffa_regs *regs)
{
	return (uint16_t)regs->x[1];
}

/* One partition information descriptor (FF-A 1.1/1.2: 24 bytes; 1.3: 48). */
struct vmsg_ffa_partition_info {
	uint16_t id;
	uint16_t vcpu_count;
	uint32_t properties;
	struct vmsg_ffa_uuid uuid;
};

#define VMSG_FFA_PARTITION_INFO_SIZE 24

VMSG_EXPORT void vmsg_ffa_partition_info_store(const struct vmsg_ffa_partition_info *info,
					       uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE]);
VMSG_EXPORT void vmsg_ffa_partition_info_load(struct vmsg_ffa_partition_info *info,
					      const uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE]);

VMSG_END_DECLS

#endif
