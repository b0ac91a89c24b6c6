/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One plain struct per message body: the semantics of the newest revision, a superset of the fields
 * of all. Never packed, never laid over bytes; the layouts live in lib/schema.c. Comments name the
 * clause of the virtio-msg chapter. A profile that lacks a field neither sends nor fills it: decode
 * leaves it zero.
 */
#ifndef VIRTIO_MSG_FFA_MESSAGE_H
#define VIRTIO_MSG_FFA_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio_msg_ffa/span.h"

/* What a message is, independent of the number a revision gives it. Transport messages first. */
enum vmsg_type {
	VMSG_NONE = 0, /* also the header-only "null reply" of direct messages (msg_id 0) */
	VMSG_CONNECT,  /* a1 only */
	VMSG_DISCONNECT,
	VMSG_TRANSPORT_ERROR, /* a2 only */
	VMSG_GET_DEVICE_INFO,
	VMSG_GET_DEVICE_FEATURES,
	VMSG_SET_DRIVER_FEATURES,
	VMSG_GET_CONFIG,
	VMSG_SET_CONFIG,
	VMSG_GET_CONFIG_GEN, /* a1, a2 */
	VMSG_GET_DEVICE_STATUS,
	VMSG_SET_DEVICE_STATUS,
	VMSG_GET_VQUEUE,
	VMSG_SET_VQUEUE,
	VMSG_RESET_VQUEUE,
	VMSG_GET_SHM,
	VMSG_EVENT_CONFIG_EMPTY, /* r0 only */
	VMSG_EVENT_CONFIG,
	VMSG_EVENT_AVAIL,
	VMSG_EVENT_USED,
	/* generic bus messages */
	VMSG_BUS_ERROR, /* a2 only */
	VMSG_GET_DEVICES,
	VMSG_DEVICE_ADDED, /* a2, r0 */
	VMSG_DEVICE_REMOVED,
	VMSG_PING,
	VMSG_BUS_STATUS, /* a2 only */
	VMSG_EVENT_DEVICE,
	/* FF-A bus messages */
	VMSG_ACTIVATE, /* a1 only */
	VMSG_DEACTIVATE,
	VMSG_CONFIGURE,
	VMSG_VERSION,
	VMSG_AREA_SHARE,
	VMSG_AREA_UNSHARE,
	VMSG_RESET,
	VMSG_EVENT_POLL,
	VMSG_EVENT_CONFIGURE,
	VMSG_FIFO_CONFIGURE,
	VMSG_ERROR, /* FF-A bus ERROR 0x87 */
	VMSG_AREA_RELEASE,
	VMSG_TYPE_COUNT
};

enum vmsg_kind { VMSG_REQUEST, VMSG_RESPONSE, VMSG_EVENT };

/* Common header. `dev_num` is 0 on bus messages (except ERROR); `token` is 0 where the header has
 * none. Size and the class bit follow from the type and the profile. */
struct vmsg_header {
	enum vmsg_type type;
	enum vmsg_kind kind;
	uint16_t dev_num;
	uint16_t token;
};

/* ---- transport: device information, features, configuration, status ---- */

struct vmsg_get_device_info_response {
	uint32_t device_id; /* virtio device type; 0 = no device */
	uint32_t vendor_id;
	uint8_t device_uuid[16];     /* r3; RFC 4122 byte order, nil = none */
	uint32_t num_feature_blocks; /* r0..r2 carry 32 x this, as num_feature_bits */
	uint32_t config_size;        /* bytes */
	uint32_t max_virtqueues;
	uint32_t admin_vq_start;
	uint32_t admin_vq_count;
	uint32_t version; /* a1, a2: of the transport */
};

struct vmsg_get_features_request {
	uint32_t block_index;
	uint32_t num_blocks;
};

/* GET_DEVICE_FEATURES response and SET_DRIVER_FEATURES request. `features` holds num_blocks
 * little-endian 32-bit words as on the wire: read them with vmsg_feature_block(). */
struct vmsg_features {
	uint32_t block_index;
	uint32_t num_blocks;
	struct vmsg_bytes features;
};

struct vmsg_get_config_request {
	uint32_t offset;
	uint32_t length;
};

/* GET_CONFIG response, SET_CONFIG request and response. `data` has `length` bytes, except that a
 * SET_CONFIG response may carry none. */
struct vmsg_config {
	uint32_t generation;
	uint32_t offset;
	uint32_t length;
	struct vmsg_bytes data;
};

struct vmsg_config_generation {
	uint32_t generation;
};

/* GET/SET_DEVICE_STATUS */
struct vmsg_status {
	uint32_t status;
};

/* ---- transport: queues, memory, events ---- */

struct vmsg_vqueue_index {
	uint32_t index;
};

struct vmsg_get_vqueue_response {
	uint32_t index;
	uint32_t max_size; /* 0 = queue not available */
	uint32_t cur_size; /* 0 = not configured */
	uint32_t flags;    /* r3: VMSG_VQUEUE_ENABLED */
	uint64_t desc_addr;
	uint64_t driver_addr;
	uint64_t device_addr;
};

struct vmsg_set_vqueue_request {
	uint32_t index;
	uint32_t flags; /* r3: VMSG_SET_VQUEUE_* */
	uint32_t size;
	uint32_t reserved; /* r3: non-zero makes the request a no-op, so it is told */
	uint64_t desc_addr;
	uint64_t driver_addr;
	uint64_t device_addr;
};

struct vmsg_get_shm_response {
	uint32_t shmid;
	uint64_t length; /* 0 = no such region */
	uint64_t address;
};

struct vmsg_event_config {
	uint32_t device_status;
	uint32_t generation;
	uint32_t offset;
	uint32_t length;
	struct vmsg_bytes data; /* r3: may be absent although length is not 0 */
};

struct vmsg_event_avail {
	uint32_t vq_index;
	uint32_t next_offset; /* 31 bits; with VIRTIO_F_NOTIFICATION_DATA, else 0 */
	uint32_t next_wrap;   /* 1 bit */
};

struct vmsg_event_used {
	uint32_t vq_index;
};

/* ---- bus: generic ---- */

struct vmsg_get_devices_request {
	uint16_t offset;
	uint16_t count;
};

struct vmsg_get_devices_response {
	uint16_t offset;
	uint16_t count;
	uint16_t next_offset;     /* 0 = end */
	struct vmsg_bytes bitmap; /* bit n of byte n/8 = device offset + n */
};

struct vmsg_ping {
	uint32_t data;
};

struct vmsg_event_device {
	uint16_t device_number;
	uint16_t state; /* VMSG_DEVICE_STATE_* */
};

/* ---- bus: FF-A ---- */

/* VERSION, both directions, all revisions. r0/r1 call bus_version driver_version or
 * device_version, r1/r2a call transport_revision vmsg_revision. */
struct vmsg_version {
	uint32_t bus_version;
	uint32_t transport_revision;
	uint32_t ffa_version;        /* r3 */
	uint32_t transport_features; /* r1, r2a both ways, r2b and r3 responses */
	uint32_t bus_features;       /* VMSG_BUS_FEATURE_* */
	uint16_t max_areas;          /* area_num before r3 */
	uint16_t num;                /* r0 response: number of devices */
};

struct vmsg_area_share_request {
	uint16_t area_id;
	uint64_t mem_handle;
	uint64_t tag;
	uint32_t count; /* 4 KiB pages */
	uint32_t attr;  /* VMSG_AREA_ATTR_* */
};

struct vmsg_area {
	uint16_t area_id;
};

struct vmsg_area_result {
	uint16_t area_id;
	uint16_t result; /* VMSG_RESULT_* */
};

struct vmsg_result {
	uint16_t result;
};

struct vmsg_event_configure_request {
	uint8_t method; /* VMSG_EVENTS_* */
	uint16_t notification_id;
};

struct vmsg_fifo_configure_request {
	uint64_t mem_handle;
	uint16_t page_count;
	uint16_t notification_id; /* the driver's */
};

struct vmsg_fifo_configure_response {
	uint16_t result;
	uint16_t notification_id; /* the device's */
};

struct vmsg_error_response {
	uint16_t original_msg_id;
};

/* a1, a2 bodies that no later revision has */
struct vmsg_early_error {
	uint32_t code;
	uint8_t msg_id;
	uint8_t data_type;
	struct vmsg_bytes data; /* 30 bytes */
};

struct vmsg_configure {
	uint64_t features;
};

struct vmsg_activate {
	uint32_t version;
	uint64_t features;
	uint64_t num;
};

struct vmsg_bus_status {
	uint8_t state;
};

/*
 * A message. `body` is valid for the member that type and kind select; messages without a body use
 * none. Variable tails are views into the caller's buffer (encode) or the decoded frame (decode).
 */
struct vmsg_message {
	struct vmsg_header header;
	union {
		struct vmsg_get_device_info_response get_device_info_response;
		struct vmsg_get_features_request get_device_features_request;
		struct vmsg_features get_device_features_response;
		struct vmsg_features set_driver_features_request;
		struct vmsg_get_config_request get_config_request;
		struct vmsg_config get_config_response;
		struct vmsg_config set_config_request;
		struct vmsg_config set_config_response;
		struct vmsg_config_generation get_config_gen_response;
		struct vmsg_status get_device_status_response;
		struct vmsg_status set_device_status_request;
		struct vmsg_status set_device_status_response;
		struct vmsg_vqueue_index get_vqueue_request;
		struct vmsg_get_vqueue_response get_vqueue_response;
		struct vmsg_set_vqueue_request set_vqueue_request;
		struct vmsg_set_vqueue_request set_vqueue_response; /* a2 echo */
		struct vmsg_vqueue_index reset_vqueue_request;
		struct vmsg_vqueue_index get_shm_request;
		struct vmsg_get_shm_response get_shm_response;
		struct vmsg_event_config event_config;
		struct vmsg_event_avail event_avail;
		struct vmsg_event_used event_used;
		struct vmsg_get_devices_request get_devices_request;
		struct vmsg_get_devices_response get_devices_response;
		struct vmsg_ping ping;                 /* both ways */
		struct vmsg_event_device event_device; /* also DEVICE_ADDED, DEVICE_REMOVED */
		struct vmsg_version version;           /* both ways */
		struct vmsg_area_share_request area_share_request;
		struct vmsg_area_result area_share_response;
		struct vmsg_area area_unshare_request;
		struct vmsg_area_result area_unshare_response;
		struct vmsg_area area_release;
		struct vmsg_result reset_response;
		struct vmsg_event_configure_request event_configure_request;
		struct vmsg_result event_configure_response;
		struct vmsg_fifo_configure_request fifo_configure_request;
		struct vmsg_fifo_configure_response fifo_configure_response;
		struct vmsg_error_response error_response;
		struct vmsg_early_error early_error;
		struct vmsg_configure configure;
		struct vmsg_activate activate;
		struct vmsg_bus_status bus_status;
	} body;
};

/* Block `index` of a feature tail, 0 when the tail does not reach that far. */
static inline uint32_t vmsg_feature_block(const struct vmsg_bytes *features, uint32_t index)
{
	if (index >= features->size / 4) {
		return 0;
	}
	const uint8_t *at = features->data + (size_t)index * 4;
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

#endif
