/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fields of every message body, in wire order: THE layout. A field that moved between revisions
 * stands once at each place. Place, size and kind of a field come from the struct, so that a row
 * cannot disagree with it. (wire-revisions sections 3.2 to 3.6)
 */
#ifndef VMSG_LIB_ROWS_H
#define VMSG_LIB_ROWS_H

#include "engine.h"

/* Layouts */
#define A1  (1u << VMSG_LAYOUT_A1)
#define A2  (1u << VMSG_LAYOUT_A2)
#define R0  (1u << VMSG_LAYOUT_R0)
#define R1  (1u << VMSG_LAYOUT_R1)
#define R2A (1u << VMSG_LAYOUT_R2A)
#define R2B (1u << VMSG_LAYOUT_R2B)
#define R3  (1u << VMSG_LAYOUT_R3)
#define R2  (R2A | R2B)
#define A   (A1 | A2)
#define R01 (R0 | R1)
#define R23 (R2 | R3)
#define R12 (R1 | R2)
#define R13 (R1 | R2 | R3)
#define R03 (R0 | R1 | R2 | R3)
#define ALL (A | R03)

#define PLACE(member) offsetof(struct vmsg_message, body.member)
#define SIZE(member)  sizeof(((struct vmsg_message *)0)->body.member)

/* One for each kind of field; `member` is relative to the body. */
#define UINT(member, name, width, layouts)                                                         \
	{                                                                                          \
		name, PLACE(member), 0, SIZE(member), 0, VMSG_FIELD_UINT, width, layouts           \
	}
#define BLOCKS(member, name, layouts)                                                              \
	{                                                                                          \
		name, PLACE(member), 0, SIZE(member), 0, VMSG_FIELD_BLOCKS, 4, layouts             \
	}
#define LOW31(member, name, layouts)                                                               \
	{                                                                                          \
		name, PLACE(member), 0, SIZE(member), 0, VMSG_FIELD_LOW31, 0, layouts              \
	}
#define BIT31(member, name, layouts)                                                               \
	{                                                                                          \
		name, PLACE(member), 0, SIZE(member), 0, VMSG_FIELD_BIT31, 4, layouts              \
	}
#define UUID(member, name, layouts)                                                                \
	{                                                                                          \
		name, PLACE(member), 0, SIZE(member), 0, VMSG_FIELD_UUID, 16, layouts              \
	}
#define RESERVED(width, layouts)                                                                   \
	{                                                                                          \
		"reserved", 0, 0, 0, 0, VMSG_FIELD_RESERVED, width, layouts                        \
	}
/* reserved, yet a value other than zero changes what the message does */
#define TOLD_RESERVED(member, layouts)                                                             \
	{                                                                                          \
		"reserved", PLACE(member), 0, SIZE(member), 0, VMSG_FIELD_RESERVED, SIZE(member),  \
			layouts                                                                    \
	}
#define TAIL(member, name, kind, count, layouts)                                                   \
	{                                                                                          \
		name, PLACE(member), PLACE(count), 0, SIZE(count), VMSG_FIELD_##kind, 0, layouts   \
	}
#define FIXED(member, name, count, width, layouts)                                                 \
	{                                                                                          \
		name, PLACE(member), PLACE(count), 0, SIZE(count), VMSG_FIELD_FIXED, width,        \
			layouts                                                                    \
	}
#define FILLED(member, name, width, layouts)                                                       \
	{                                                                                          \
		name, PLACE(member), 0, 0, 0, VMSG_FIELD_FIXED, width, layouts                     \
	}

#define NO VMSG_NO_ID

/* name, bus message?, ids in a1 a2 r0 r1 r2a r2b r3 */
static const struct vmsg_type_row vmsg_type_table[VMSG_TYPE_COUNT] = {
	[VMSG_NONE] = { "NONE", false, { NO, NO, NO, NO, NO, NO, NO } },
	[VMSG_CONNECT] = { "CONNECT", false, { 0x01, NO, NO, NO, NO, NO, NO } },
	[VMSG_DISCONNECT] = { "DISCONNECT", false, { 0x02, NO, NO, NO, NO, NO, NO } },
	[VMSG_TRANSPORT_ERROR] = { "TRANSPORT_ERROR", false, { NO, 0x01, NO, NO, NO, NO, NO } },
	[VMSG_GET_DEVICE_INFO] = { "GET_DEVICE_INFO", false, { 0x03, 2, 2, 2, 2, 2, 2 } },
	[VMSG_GET_DEVICE_FEATURES] = { "GET_DEVICE_FEATURES", false, { 0x04, 3, 3, 3, 3, 3, 3 } },
	[VMSG_SET_DRIVER_FEATURES] = { "SET_DRIVER_FEATURES", false, { 0x05, 4, 4, 4, 4, 4, 4 } },
	[VMSG_GET_CONFIG] = { "GET_CONFIG", false, { 0x06, 5, 5, 5, 5, 5, 5 } },
	[VMSG_SET_CONFIG] = { "SET_CONFIG", false, { 0x07, 6, 6, 6, 6, 6, 6 } },
	[VMSG_GET_CONFIG_GEN] = { "GET_CONFIG_GEN", false, { 0x08, 0x07, NO, NO, NO, NO, NO } },
	[VMSG_GET_DEVICE_STATUS] = { "GET_DEVICE_STATUS", false, { 0x09, 8, 7, 7, 7, 7, 7 } },
	[VMSG_SET_DEVICE_STATUS] = { "SET_DEVICE_STATUS", false, { 0x0a, 9, 8, 8, 8, 8, 8 } },
	[VMSG_GET_VQUEUE] = { "GET_VQUEUE", false, { 0x0b, 0x0a, 9, 9, 9, 9, 9 } },
	[VMSG_SET_VQUEUE] = { "SET_VQUEUE", false, { 0x0c, 0x0b, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a } },
	[VMSG_RESET_VQUEUE] = { "RESET_VQUEUE",
				false,
				{ 0x0d, 0x0c, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b } },
	[VMSG_GET_SHM] = { "GET_SHM", false, { NO, NO, NO, 0x0c, 0x0c, 0x0c, 0x0c } },
	[VMSG_EVENT_CONFIG_EMPTY] = { "EVENT_CONFIG_EMPTY",
				      false,
				      { NO, NO, 0x40, NO, NO, NO, NO } },
	[VMSG_EVENT_CONFIG] = { "EVENT_CONFIG",
				false,
				{ 0x10, 0x20, 0x41, 0x40, 0x40, 0x40, 0x40 } },
	[VMSG_EVENT_AVAIL] = { "EVENT_AVAIL", false, { 0x11, 0x21, 0x42, 0x41, 0x41, 0x41, 0x41 } },
	[VMSG_EVENT_USED] = { "EVENT_USED", false, { 0x12, 0x22, 0x43, 0x42, 0x42, 0x42, 0x42 } },
	[VMSG_BUS_ERROR] = { "BUS_ERROR", true, { 0x00, 0x01, NO, NO, NO, NO, NO } },
	[VMSG_GET_DEVICES] = { "GET_DEVICES", true, { NO, 2, 2, 2, 2, 2, 2 } },
	[VMSG_DEVICE_ADDED] = { "DEVICE_ADDED", true, { NO, 0x03, 0x41, NO, NO, NO, NO } },
	[VMSG_DEVICE_REMOVED] = { "DEVICE_REMOVED", true, { NO, 0x04, 0x42, NO, NO, NO, NO } },
	[VMSG_PING] = { "PING", true, { NO, 5, 3, 3, 3, 3, 3 } },
	[VMSG_BUS_STATUS] = { "BUS_STATUS", true, { NO, 0x06, NO, NO, NO, NO, NO } },
	[VMSG_EVENT_DEVICE] = { "EVENT_DEVICE", true, { NO, NO, NO, 0x40, 0x40, 0x40, 0x40 } },
	[VMSG_ACTIVATE] = { "ACTIVATE", true, { 0x01, NO, NO, NO, NO, NO, NO } },
	[VMSG_DEACTIVATE] = { "DEACTIVATE", true, { 0x02, NO, NO, NO, NO, NO, NO } },
	[VMSG_CONFIGURE] = { "CONFIGURE", true, { 0x03, NO, NO, NO, NO, NO, NO } },
	[VMSG_VERSION] = { "VERSION", true, { NO, NO, 0x80, 0x80, 0x80, 0x80, 0x80 } },
	[VMSG_AREA_SHARE] = { "AREA_SHARE", true, { 0x04, NO, 0x81, 0x81, 0x81, 0x81, 0x81 } },
	[VMSG_AREA_UNSHARE] = { "AREA_UNSHARE", true, { 0x05, NO, 0x82, 0x82, 0x82, 0x82, 0x82 } },
	[VMSG_RESET] = { "RESET", true, { NO, NO, NO, 0x83, 0x83, 0x83, 0x83 } },
	[VMSG_EVENT_POLL] = { "EVENT_POLL", true, { NO, NO, 0x84, 0x84, 0x84, 0x84, 0x84 } },
	[VMSG_EVENT_CONFIGURE] = { "EVENT_CONFIGURE", true, { NO, NO, NO, NO, 0x85, 0x85, 0x85 } },
	[VMSG_FIFO_CONFIGURE] = { "FIFO_CONFIGURE", true, { NO, NO, NO, NO, NO, 0x86, 0x86 } },
	[VMSG_ERROR] = { "ERROR", true, { NO, NO, NO, NO, NO, 0x87, 0x87 } },
	[VMSG_AREA_RELEASE] = { "AREA_RELEASE", true, { NO, NO, 0x83, 0xc0, 0xc0, 0xc0, 0xc0 } },
};

/* ---- transport ---- */

static const struct vmsg_field get_device_info_response[] = {
	UINT(get_device_info_response.device_id, "device_id", 4, R03),
	UINT(get_device_info_response.vendor_id, "vendor_id", 4, R03),
	UUID(get_device_info_response.device_uuid, "device_uuid", R3),
	BLOCKS(get_device_info_response.num_feature_blocks, "num_feature_bits", R01 | R2),
	UINT(get_device_info_response.num_feature_blocks, "num_feature_blocks", 4, R3),
	UINT(get_device_info_response.config_size, "config_size", 4, R03),
	UINT(get_device_info_response.max_virtqueues, "max_virtqueues", 4, R03),
	UINT(get_device_info_response.admin_vq_start, "admin_vq_start", 2, R12),
	UINT(get_device_info_response.admin_vq_count, "admin_vq_count", 2, R12),
	UINT(get_device_info_response.admin_vq_start, "admin_vq_start", 4, R3),
	UINT(get_device_info_response.admin_vq_count, "admin_vq_count", 4, R3),
};

/* a1 and a2 put a version before, and have nothing after */
static const struct vmsg_field early_device_info_response[] = {
	UINT(get_device_info_response.config_size, "version", 4, A),
	UINT(get_device_info_response.device_id, "device_id", 4, A),
	UINT(get_device_info_response.vendor_id, "vendor_id", 4, A),
};

static const struct vmsg_field get_features_request[] = {
	UINT(get_device_features_request.block_index, "index", 4, A),
	UINT(get_device_features_request.block_index, "block_index", 4, R03),
	UINT(get_device_features_request.num_blocks, "num_blocks", 4, R03),
};

static const struct vmsg_field features[] = {
	UINT(get_device_features_response.block_index, "index", 4, A),
	FILLED(get_device_features_response.features, "features", 32, A),
	UINT(get_device_features_response.block_index, "block_index", 4, R03),
	UINT(get_device_features_response.num_blocks, "num_blocks", 4, R03),
	TAIL(get_device_features_response.features, "features", WORDS,
	     get_device_features_response.num_blocks, R03),
};

static const struct vmsg_field get_config_request[] = {
	UINT(get_config_request.offset, "offset", 3, A),
	UINT(get_config_request.length, "length", 1, A),
	UINT(get_config_request.offset, "offset", 4, R03),
	UINT(get_config_request.length, "length", 4, R03),
};

static const struct vmsg_field config[] = {
	UINT(get_config_response.offset, "offset", 3, A),
	UINT(get_config_response.length, "length", 1, A),
	FIXED(get_config_response.data, "data", get_config_response.length, 32, A),
	UINT(get_config_response.generation, "generation", 4, R13),
	UINT(get_config_response.offset, "offset", 4, R03),
	UINT(get_config_response.length, "length", 4, R03),
	UINT(get_config_response.generation, "generation", 4, R0),
	TAIL(get_config_response.data, "data", BYTES, get_config_response.length, R03),
};

/* a SET_CONFIG response need not echo the data (O9) */
static const struct vmsg_field set_config_response[] = {
	UINT(set_config_response.offset, "offset", 3, A),
	UINT(set_config_response.length, "length", 1, A),
	FIXED(set_config_response.data, "data", set_config_response.length, 32, A),
	UINT(set_config_response.generation, "generation", 4, R13),
	UINT(set_config_response.offset, "offset", 4, R03),
	UINT(set_config_response.length, "length", 4, R03),
	UINT(set_config_response.generation, "generation", 4, R0),
	TAIL(set_config_response.data, "data", MAYBE, set_config_response.length, R03),
};

static const struct vmsg_field config_generation[] = {
	UINT(get_config_gen_response.generation, "generation", 4, A),
};

static const struct vmsg_field device_status[] = {
	UINT(get_device_status_response.status, "status", 4, ALL),
};

static const struct vmsg_field vqueue_index[] = {
	UINT(get_vqueue_request.index, "index", 4, ALL),
};

static const struct vmsg_field get_vqueue_response[] = {
	UINT(get_vqueue_response.index, "index", 4, ALL),
	UINT(get_vqueue_response.max_size, "max_size", 4, ALL),
	UINT(get_vqueue_response.cur_size, "cur_size", 4, ALL),
	RESERVED(4, R2),
	UINT(get_vqueue_response.flags, "flags", 4, R3),
	UINT(get_vqueue_response.desc_addr, "desc_addr", 8, ALL),
	UINT(get_vqueue_response.driver_addr, "driver_addr", 8, ALL),
	UINT(get_vqueue_response.device_addr, "device_addr", 8, ALL),
};

static const struct vmsg_field set_vqueue[] = {
	UINT(set_vqueue_request.index, "index", 4, ALL),
	RESERVED(4, A | R01 | R2),
	UINT(set_vqueue_request.flags, "flags", 4, R3),
	UINT(set_vqueue_request.size, "size", 4, ALL),
	RESERVED(4, R2),
	TOLD_RESERVED(set_vqueue_request.reserved, R3),
	UINT(set_vqueue_request.desc_addr, "desc_addr", 8, ALL),
	UINT(set_vqueue_request.driver_addr, "driver_addr", 8, ALL),
	UINT(set_vqueue_request.device_addr, "device_addr", 8, ALL),
};

static const struct vmsg_field get_shm_request[] = {
	UINT(get_shm_request.index, "index", 4, R12),
	UINT(get_shm_request.index, "shmid", 4, R3),
};

static const struct vmsg_field get_shm_response[] = {
	UINT(get_shm_response.shmid, "index", 4, R12),
	UINT(get_shm_response.length, "length", 4, R12),
	UINT(get_shm_response.address, "address", 4, R12),
	UINT(get_shm_response.shmid, "shmid", 4, R3),
	RESERVED(4, R3),
	UINT(get_shm_response.length, "length", 8, R3),
	UINT(get_shm_response.address, "address", 8, R3),
};

static const struct vmsg_field event_config[] = {
	UINT(event_config.device_status, "device_status", 4, ALL),
	UINT(event_config.offset, "offset", 3, A),
	UINT(event_config.length, "length", 1, A),
	FIXED(event_config.data, "data", event_config.length, 16, A),
	UINT(event_config.generation, "generation", 4, R03),
	UINT(event_config.offset, "offset", 4, R03),
	UINT(event_config.length, "length", 4, R03),
	TAIL(event_config.data, "data", BYTES, event_config.length, R01 | R2),
	TAIL(event_config.data, "data", MAYBE, event_config.length, R3),
};

static const struct vmsg_field event_avail[] = {
	UINT(event_avail.vq_index, "vq_index", 4, ALL),
	UINT(event_avail.next_offset, "next_offset", 4, A),
	UINT(event_avail.next_wrap, "next_wrap", 4, A),
	LOW31(event_avail.next_offset, "next_offset", R03),
	BIT31(event_avail.next_wrap, "next_wrap", R03),
};

static const struct vmsg_field event_used[] = {
	UINT(event_used.vq_index, "vq_index", 4, ALL),
};

/* ---- bus: generic ---- */

static const struct vmsg_field get_devices_request[] = {
	UINT(get_devices_request.offset, "offset", 2, A2 | R03),
	UINT(get_devices_request.count, "count", 2, R03),
};

static const struct vmsg_field get_devices_response[] = {
	UINT(get_devices_response.offset, "offset", 2, A2 | R03),
	UINT(get_devices_response.next_offset, "next_offset", 2, A2),
	FILLED(get_devices_response.bitmap, "bitmap", 32, A2),
	UINT(get_devices_response.count, "count", 2, R01 | R2),
	UINT(get_devices_response.next_offset, "next_offset", 2, R03),
	UINT(get_devices_response.count, "count", 2, R3),
	TAIL(get_devices_response.bitmap, "bitmap", BITMAP, get_devices_response.count, R03),
};

static const struct vmsg_field ping[] = {
	UINT(ping.data, "data", 4, A2 | R03),
};

static const struct vmsg_field device_number[] = {
	UINT(event_device.device_number, "device_number", 2, A2 | R0),
};

static const struct vmsg_field event_device[] = {
	UINT(event_device.device_number, "device_number", 2, R13),
	UINT(event_device.state, "state", 2, R13),
};

static const struct vmsg_field bus_status[] = {
	UINT(bus_status.state, "state", 1, A2),
};

static const struct vmsg_field early_error[] = {
	UINT(early_error.code, "code", 4, A2),
	UINT(early_error.msg_id, "msg_id", 1, A2),
	UINT(early_error.data_type, "data_type", 1, A2),
	FILLED(early_error.data, "data", 30, A2),
};

/* ---- bus: FF-A ---- */

static const struct vmsg_field activate_request[] = {
	UINT(activate.version, "driver_version", 4, A1),
};

static const struct vmsg_field activate_response[] = {
	UINT(activate.version, "device_version", 4, A1),
	UINT(activate.features, "features", 8, A1),
	UINT(activate.num, "num", 8, A1),
};

static const struct vmsg_field configure[] = {
	UINT(configure.features, "features", 8, A1),
};

static const struct vmsg_field version_request[] = {
	UINT(version.bus_version, "driver_version", 4, R01 | R2A),
	UINT(version.bus_version, "bus_version", 4, R2B | R3),
	UINT(version.transport_revision, "vmsg_revision", 4, R1 | R2A),
	UINT(version.transport_revision, "transport_revision", 4, R2B | R3),
	UINT(version.transport_features, "vmsg_features", 4, R1 | R2A),
	UINT(version.bus_features, "features", 4, R1 | R2A),
	UINT(version.max_areas, "area_num", 2, R1 | R2A),
	UINT(version.ffa_version, "ffa_version", 4, R3),
};

static const struct vmsg_field version_response[] = {
	UINT(version.bus_version, "device_version", 4, R01 | R2A),
	UINT(version.bus_version, "bus_version", 4, R2B | R3),
	UINT(version.transport_revision, "vmsg_revision", 4, R1 | R2A),
	UINT(version.transport_revision, "transport_revision", 4, R2B | R3),
	UINT(version.ffa_version, "ffa_version", 4, R3),
	UINT(version.transport_features, "vmsg_features", 4, R1 | R2A),
	UINT(version.transport_features, "transport_features", 4, R2B | R3),
	UINT(version.bus_features, "features", 4, R01 | R2A),
	UINT(version.bus_features, "bus_features", 4, R2B | R3),
	UINT(version.num, "num", 2, R0),
	UINT(version.max_areas, "area_num", 2, R1 | R2),
	UINT(version.max_areas, "max_areas", 2, R3),
};

static const struct vmsg_field area_share_request[] = {
	UINT(area_share_request.area_id, "area_id", 4, A1),
	UINT(area_share_request.mem_handle, "mem_handle", 8, A1),
	UINT(area_share_request.area_id, "area_id", 2, R03),
	UINT(area_share_request.mem_handle, "mem_handle", 8, R03),
	UINT(area_share_request.tag, "tag", 8, R03),
	UINT(area_share_request.count, "count", 4, R03),
	UINT(area_share_request.attr, "attr", 4, R03),
};

static const struct vmsg_field area_result[] = {
	UINT(area_share_response.area_id, "area_id", 4, A1),
	UINT(area_share_response.area_id, "area_id", 2, R03),
	UINT(area_share_response.result, "result", 2, R13),
};

static const struct vmsg_field area[] = {
	UINT(area_unshare_request.area_id, "area_id", 2, R03),
};

/* a1 unshares by id and handle */
static const struct vmsg_field early_unshare_request[] = {
	UINT(area_share_request.area_id, "area_id", 4, A1),
	UINT(area_share_request.mem_handle, "mem_handle", 8, A1),
};

static const struct vmsg_field result[] = {
	UINT(reset_response.result, "result", 2, R13),
};

static const struct vmsg_field event_configure_request[] = {
	UINT(event_configure_request.method, "method", 1, R23),
	RESERVED(1, R23),
	UINT(event_configure_request.notification_id, "notification_id", 2, R23),
};

static const struct vmsg_field fifo_configure_request[] = {
	UINT(fifo_configure_request.mem_handle, "mem_handle", 8, R2B | R3),
	UINT(fifo_configure_request.page_count, "page_count", 2, R2B | R3),
	UINT(fifo_configure_request.notification_id, "notification_id", 2, R2B | R3),
};

static const struct vmsg_field fifo_configure_response[] = {
	UINT(fifo_configure_response.result, "result", 2, R2B | R3),
	UINT(fifo_configure_response.notification_id, "notification_id", 2, R2B | R3),
};

static const struct vmsg_field error_response[] = {
	UINT(error_response.original_msg_id, "original_msg_id", 2, R2B | R3),
};

#endif
