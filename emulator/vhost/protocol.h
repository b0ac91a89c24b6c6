/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers of the vhost-user protocol, for both ends of it. (vhost-user protocol of the QEMU
 * documentation) */
#ifndef VMSG_EMULATOR_VHOST_PROTOCOL_H
#define VMSG_EMULATOR_VHOST_PROTOCOL_H

/* A message: le32 request, flags and size, then `size` bytes of payload. */
#define VHOST_HEADER_SIZE     12u
#define VHOST_FLAG_VERSION    1u
#define VHOST_FLAG_REPLY      (1u << 2)
#define VHOST_FLAG_NEED_REPLY (1u << 3)
#define VHOST_FLAG_MASK       3u /* of the version */

/* Feature bit of a daemon that has protocol features, and of one that logs what it writes. */
#define VHOST_F_LOG_ALL           26u
#define VHOST_F_PROTOCOL_FEATURES 30u

/* Protocol features */
#define VHOST_PROTOCOL_MQ           0u
#define VHOST_PROTOCOL_REPLY_ACK    3u
#define VHOST_PROTOCOL_BACKEND      5u
#define VHOST_PROTOCOL_CONFIG       9u
#define VHOST_PROTOCOL_RESET_DEVICE 13u
#define VHOST_PROTOCOL_MEM_SLOTS    15u
#define VHOST_PROTOCOL_STATUS       16u

enum vhost_request {
	VHOST_GET_FEATURES = 1,
	VHOST_SET_FEATURES = 2,
	VHOST_SET_OWNER = 3,
	VHOST_RESET_OWNER = 4,
	VHOST_SET_MEM_TABLE = 5,
	VHOST_SET_VRING_NUM = 8,
	VHOST_SET_VRING_ADDR = 9,
	VHOST_SET_VRING_BASE = 10,
	VHOST_GET_VRING_BASE = 11,
	VHOST_SET_VRING_KICK = 12,
	VHOST_SET_VRING_CALL = 13,
	VHOST_SET_VRING_ERR = 14,
	VHOST_GET_PROTOCOL_FEATURES = 15,
	VHOST_SET_PROTOCOL_FEATURES = 16,
	VHOST_GET_QUEUE_NUM = 17,
	VHOST_SET_VRING_ENABLE = 18,
	VHOST_SET_BACKEND_REQ_FD = 21,
	VHOST_GET_CONFIG = 24,
	VHOST_SET_CONFIG = 25,
	VHOST_RESET_DEVICE = 34,
	VHOST_GET_MAX_MEM_SLOTS = 36,
	VHOST_ADD_MEM_REG = 37,
	VHOST_REM_MEM_REG = 38,
	VHOST_SET_STATUS = 39,
	VHOST_GET_STATUS = 40,
};

/* What a daemon says by itself. */
enum vhost_backend_request { VHOST_BACKEND_CONFIG_CHANGE = 2 };

/* A memory region: u64 guest address, size, front end's address, offset in the descriptor. */
#define VHOST_REGION_SIZE 32u
/* of SET_MEM_TABLE, which has no more descriptors */
#define VHOST_TABLE_REGIONS 8u
/* A range of config space: u32 offset, size, flags, then the bytes. */
#define VHOST_CONFIG_FIXED 12u
#define VHOST_CONFIG_MAX   256u
#define VHOST_PAYLOAD_MAX  (VHOST_CONFIG_FIXED + VHOST_CONFIG_MAX)

/* SET_VRING_KICK, CALL and ERR: the queue, and whether no descriptor comes along. */
#define VHOST_VRING_INDEX_MASK 0xFFu
#define VHOST_VRING_NO_FD      0x100u

#endif
