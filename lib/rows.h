/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * THE TABLE: every message's numbers and the fields of every body in wire order. A field that moved
 * between revisions stands once at each place. Place, size and kind of a field come from the
 * struct, so that a row cannot disagree with it. (wire-revisions sections 3.1 to 3.6)
 *
 * Read twice: as layouts by the codec, and, with VMSG_ROWS_AS_NAMES, as the names of the same
 * fields by the tools, so that firmware carries no names.
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
#define R02 (R0 | R1 | R2)
#define R23 (R2 | R3)
#define R12 (R1 | R2)
#define R13 (R1 | R2 | R3)
#define R03 (R0 | R1 | R2 | R3)
#define ALL (A | R03)

#define NO 0xff

/* X(type, its number in a1, a2, r0, and r1 to r3 where they have it, who sends it (the request),
 * what it does); transport first, then bus */
#define VMSG_TYPES(X)                                                                              \
	X(CONNECT, 0x01, NO, NO, NO, DRIVER, "connects to a device")                               \
	X(DISCONNECT, 0x02, NO, NO, NO, DRIVER, "ends what CONNECT began")                         \
	X(TRANSPORT_ERROR, NO, 0x01, NO, NO, ANY, "reports an error about a message")              \
	X(GET_DEVICE_INFO, 0x03, 0x02, 0x02, 0x02, DRIVER,                                         \
	  "asks what the device is, and for its sizes and counts")                                 \
	X(GET_DEVICE_FEATURES, 0x04, 0x03, 0x03, 0x03, DRIVER,                                     \
	  "asks for blocks of 32 offered feature bits")                                            \
	X(SET_DRIVER_FEATURES, 0x05, 0x04, 0x04, 0x04, DRIVER,                                     \
	  "accepts features, in blocks of 32 bits")                                                \
	X(GET_CONFIG, 0x06, 0x05, 0x05, 0x05, DRIVER, "reads from the configuration space")        \
	X(SET_CONFIG, 0x07, 0x06, 0x06, 0x06, DRIVER, "writes to the configuration space")         \
	X(GET_CONFIG_GEN, 0x08, 0x07, NO, NO, DRIVER,                                              \
	  "asks for the generation of the configuration")                                          \
	X(GET_DEVICE_STATUS, 0x09, 0x08, 0x07, 0x07, DRIVER, "asks for the device status")         \
	X(SET_DEVICE_STATUS, 0x0a, 0x09, 0x08, 0x08, DRIVER, "writes the device status; 0 resets") \
	X(GET_VQUEUE, 0x0b, 0x0a, 0x09, 0x09, DRIVER, "asks for limits and state of a queue")      \
	X(SET_VQUEUE, 0x0c, 0x0b, 0x0a, 0x0a, DRIVER, "sets size and addresses of a queue")        \
	X(RESET_VQUEUE, 0x0d, 0x0c, 0x0b, 0x0b, DRIVER,                                            \
	  "stops a queue; answered when it is quiet")                                              \
	X(GET_SHM, NO, NO, NO, 0x0c, DRIVER, "asks for a region of shared memory")                 \
	X(EVENT_CONFIG_EMPTY, NO, NO, 0x40, NO, DEVICE, "the configuration changed")               \
	X(EVENT_CONFIG, 0x10, 0x20, 0x41, 0x40, DEVICE, "status or configuration changed")         \
	X(EVENT_AVAIL, 0x11, 0x21, 0x42, 0x41, DRIVER, "a queue has new buffers")                  \
	X(EVENT_USED, 0x12, 0x22, 0x43, 0x42, DEVICE, "a queue has used buffers")                  \
	X(BUS_ERROR, 0x00, 0x01, NO, NO, ANY, "reports an error about a message")                  \
	X(GET_DEVICES, NO, 0x02, 0x02, 0x02, DRIVER,                                               \
	  "asks which device numbers of a window exist")                                           \
	X(DEVICE_ADDED, NO, 0x03, 0x41, NO, DEVICE, "a device came")                               \
	X(DEVICE_REMOVED, NO, 0x04, 0x42, NO, DEVICE, "a device went")                             \
	X(PING, NO, 0x05, 0x03, 0x03, ANY, "asks whether the other side lives")                    \
	X(BUS_STATUS, NO, 0x06, NO, NO, ANY, "the state of the bus changed")                       \
	X(EVENT_DEVICE, NO, NO, NO, 0x40, DEVICE, "a device came or went")                         \
	X(ACTIVATE, 0x01, NO, NO, NO, DRIVER,                                                      \
	  "opens the bus; versions and features of both sides")                                    \
	X(DEACTIVATE, 0x02, NO, NO, NO, DRIVER, "closes the bus")                                  \
	X(CONFIGURE, 0x03, NO, NO, NO, DRIVER, "chooses features of the bus")                      \
	X(VERSION, NO, NO, 0x80, 0x80, DRIVER, "agrees on the versions and features of the bus")   \
	X(AREA_SHARE, 0x04, NO, 0x81, 0x81, DRIVER,                                                \
	  "gives memory that the driver shared by FF-A an area id")                                \
	X(AREA_UNSHARE, 0x05, NO, 0x82, 0x82, DRIVER, "asks for an area back")                     \
	X(RESET, NO, NO, NO, 0x83, DRIVER, "ends the session on the bus")                          \
	X(EVENT_POLL, NO, NO, 0x84, 0x84, DRIVER,                                                  \
	  "fetches one event; the answer is the event or, for none, empty")                        \
	X(EVENT_CONFIGURE, NO, NO, NO, 0x85, DRIVER, "chooses how events reach the driver")        \
	X(FIFO_CONFIGURE, NO, NO, NO, 0x86, DRIVER, "shares memory for two rings of messages")     \
	X(ERROR, NO, NO, NO, 0x87, DEVICE, "answers a request that cannot be served")              \
	X(AREA_RELEASE, NO, NO, 0x83, 0xc0, DEVICE, "the device no longer uses an area")

#ifndef VMSG_ROWS_AS_NAMES

#define PLACE(member)   ((uint8_t)(offsetof(struct vmsg_message, body.member) - VMSG_BODY_PLACE))
#define MEMBER(member)  (((const struct vmsg_message *)0)->body.member)
#define VMSG_BODY_PLACE offsetof(struct vmsg_message, body)

/* A number's kind is its member's type; any other type is an error here. */
#define NUMBER_KIND(member)                                                                        \
	_Generic(MEMBER(member), uint8_t                                                           \
		 : VMSG_FIELD_U8, uint16_t                                                         \
		 : VMSG_FIELD_U16, uint32_t                                                        \
		 : VMSG_FIELD_U32, uint64_t                                                        \
		 : VMSG_FIELD_U64)
/* Place of a member of one type only; another type is an error here. */
#define PLACE_OF(type, member)                                                                     \
	(PLACE(member) + _Generic(&MEMBER(member), const type * : (uint8_t)0))

#define FIELDS(name) static const struct vmsg_field name[]
#define ROWS         static const struct vmsg_row rows[]
#define ROW(type, kind, fields, layouts)                                                           \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), VMSG_##type, VMSG_##kind, layouts    \
	}
#define EMPTY(type, kind, layouts)                                                                 \
	{                                                                                          \
		NULL, 0, VMSG_##type, VMSG_##kind, layouts                                         \
	}

/* One for each kind of field; `member` is relative to the body. */
#define UINT(member, name, width, layouts)                                                         \
	{                                                                                          \
		PLACE(member), layouts, NUMBER_KIND(member), width, 0                              \
	}
#define NAMED(member, name, values, width, layouts) UINT(member, name, width, layouts)
#define LOW8(member, name, layouts)                                                                \
	{                                                                                          \
		PLACE_OF(uint16_t, member), layouts, VMSG_FIELD_LOW8, 2, 0                         \
	}
#define BLOCKS(member, name, layouts)                                                              \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_BLOCKS, 4, 0                       \
	}
#define LOW31(member, name, layouts)                                                               \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_LOW31, 4, 0                        \
	}
#define BIT31(member, name, layouts)                                                               \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_BIT31, 0, 0                        \
	}
#define TOLD(member, name, layouts)                                                                \
	{                                                                                          \
		PLACE_OF(uint32_t, member), layouts, VMSG_FIELD_TOLD, 4, 0                         \
	}
#define RESERVED(width, layouts)                                                                   \
	{                                                                                          \
		0, layouts, VMSG_FIELD_RESERVED, width, 0                                          \
	}
#define UUID(member, name, layouts)                                                                \
	{                                                                                          \
		PLACE(member[0]), layouts, VMSG_FIELD_UUID, sizeof(MEMBER(member)), 0              \
	}
#define END(layouts)                                                                               \
	{                                                                                          \
		0, layouts, VMSG_FIELD_END, 0, 0                                                   \
	}
#define TAIL(member, name, kind, count, layouts)                                                   \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_##kind, 0,                \
			PLACE_OF(uint32_t, count)                                                  \
	}
#define BITS(member, name, kind, count, layouts)                                                   \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_##kind, 0,                \
			PLACE_OF(uint16_t, count)                                                  \
	}
#define FIXED(member, name, count, width, layouts)                                                 \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_FIXED, width,             \
			PLACE_OF(uint32_t, count)                                                  \
	}
#define FILLED(member, name, width, layouts)                                                       \
	{                                                                                          \
		PLACE_OF(struct vmsg_bytes, member), layouts, VMSG_FIELD_FIXED, width, 0           \
	}

#else

#include "values.h"

/* What a field is called, and the names that its values have (NULL: none). */
struct vmsg_field_words {
	const char *name;
	const struct vmsg_value *values;
};

#define FIELDS(name)                     static const struct vmsg_field_words name[]
#define ROWS                             static const struct vmsg_field_words *const rows[]
#define ROW(type, kind, fields, layouts) fields
#define EMPTY(type, kind, layouts)       NULL

#define WORDS_OF(name, values)                                                                     \
	{                                                                                          \
		name, values                                                                       \
	}
#define UINT(member, name, width, layouts)          WORDS_OF(name, NULL)
#define NAMED(member, name, values, width, layouts) WORDS_OF(name, values)
#define LOW8(member, name, layouts)                 WORDS_OF(name, NULL)
#define BLOCKS(member, name, layouts)               WORDS_OF(name, NULL)
#define LOW31(member, name, layouts)                WORDS_OF(name, NULL)
#define BIT31(member, name, layouts)                WORDS_OF(name, NULL)
#define TOLD(member, name, layouts)                 WORDS_OF(name, NULL)
#define RESERVED(width, layouts)                    WORDS_OF("reserved", NULL)
#define UUID(member, name, layouts)                 WORDS_OF(name, NULL)
#define END(layouts)                                WORDS_OF("msg_size", NULL)
#define TAIL(member, name, kind, count, layouts)    WORDS_OF(name, VALUES_OF_##kind)
#define BITS(member, name, kind, count, layouts)    WORDS_OF(name, NULL)
#define FIXED(member, name, count, width, layouts)  WORDS_OF(name, NULL)
#define FILLED(member, name, width, layouts)        WORDS_OF(name, NULL)

/* The only words that are counted are those of feature bits. */
#define VALUES_OF_WORDS                             feature_bits
#define VALUES_OF_BYTES                             NULL
#define VALUES_OF_MAYBE                             NULL

#endif

/* ---- transport ---- */

/* r0's draft gives two fields the offset 12: they follow each other (O22) */
FIELDS(get_device_info_response) = {
	UINT(get_device_info_response.device_id, "device_id", 4, R03),
	UINT(get_device_info_response.vendor_id, "vendor_id", 4, R03),
	UUID(get_device_info_response.device_uuid, "device_uuid", R3),
	BLOCKS(get_device_info_response.num_feature_blocks, "num_feature_bits", R02),
	UINT(get_device_info_response.num_feature_blocks, "num_feature_blocks", 4, R3),
	UINT(get_device_info_response.config_size, "config_size", 4, R03),
	UINT(get_device_info_response.max_virtqueues, "max_virtqueues", 4, R03),
	UINT(get_device_info_response.admin_vq_start, "admin_vq_start", 2, R12),
	UINT(get_device_info_response.admin_vq_count, "admin_vq_count", 2, R12),
	UINT(get_device_info_response.admin_vq_start, "admin_vq_start", 4, R3),
	UINT(get_device_info_response.admin_vq_count, "admin_vq_count", 4, R3),
};

/* a1 and a2 put a version before, and have nothing after */
FIELDS(early_device_info_response) = {
	UINT(get_device_info_response.version, "version", 4, A),
	UINT(get_device_info_response.device_id, "device_id", 4, A),
	UINT(get_device_info_response.vendor_id, "vendor_id", 4, A),
};

FIELDS(get_features_request) = {
	UINT(get_device_features_request.block_index, "index", 4, A),
	UINT(get_device_features_request.block_index, "block_index", 4, R03),
	UINT(get_device_features_request.num_blocks, "num_blocks", 4, R03),
};

FIELDS(features) = {
	UINT(get_device_features_response.block_index, "index", 4, A),
	FILLED(get_device_features_response.features, "features", 32, A),
	UINT(get_device_features_response.block_index, "block_index", 4, R03),
	UINT(get_device_features_response.num_blocks, "num_blocks", 4, R03),
	TAIL(get_device_features_response.features, "features", WORDS,
	     get_device_features_response.num_blocks, R03),
};

FIELDS(get_config_request) = {
	UINT(get_config_request.offset, "offset", 3, A),
	UINT(get_config_request.length, "length", 1, A),
	UINT(get_config_request.offset, "offset", 4, R03),
	UINT(get_config_request.length, "length", 4, R03),
};

FIELDS(config) = {
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
FIELDS(set_config_response) = {
	UINT(set_config_response.offset, "offset", 3, A),
	UINT(set_config_response.length, "length", 1, A),
	FIXED(set_config_response.data, "data", set_config_response.length, 32, A),
	UINT(set_config_response.generation, "generation", 4, R13),
	UINT(set_config_response.offset, "offset", 4, R03),
	UINT(set_config_response.length, "length", 4, R03),
	UINT(set_config_response.generation, "generation", 4, R0),
	TAIL(set_config_response.data, "data", MAYBE, set_config_response.length, R03),
};

FIELDS(config_generation) = {
	UINT(get_config_gen_response.generation, "generation", 4, A),
};

FIELDS(device_status) = {
	NAMED(get_device_status_response.status, "status", device_status_bits, 4, ALL),
};

FIELDS(vqueue_index) = {
	UINT(get_vqueue_request.index, "index", 4, ALL),
};

FIELDS(get_vqueue_response) = {
	UINT(get_vqueue_response.index, "index", 4, ALL),
	UINT(get_vqueue_response.max_size, "max_size", 4, ALL),
	UINT(get_vqueue_response.cur_size, "cur_size", 4, ALL),
	RESERVED(4, R2),
	NAMED(get_vqueue_response.flags, "flags", get_vqueue_flags, 4, R3),
	UINT(get_vqueue_response.desc_addr, "desc_addr", 8, ALL),
	UINT(get_vqueue_response.driver_addr, "driver_addr", 8, ALL),
	UINT(get_vqueue_response.device_addr, "device_addr", 8, ALL),
};

FIELDS(set_vqueue) = {
	UINT(set_vqueue_request.index, "index", 4, ALL),
	RESERVED(4, A | R02),
	NAMED(set_vqueue_request.flags, "flags", set_vqueue_flags, 4, R3),
	UINT(set_vqueue_request.size, "size", 4, ALL),
	RESERVED(4, R2),
	TOLD(set_vqueue_request.reserved, "reserved", R3),
	UINT(set_vqueue_request.desc_addr, "desc_addr", 8, ALL),
	UINT(set_vqueue_request.driver_addr, "driver_addr", 8, ALL),
	UINT(set_vqueue_request.device_addr, "device_addr", 8, ALL),
};

FIELDS(get_shm_request) = {
	UINT(get_shm_request.index, "index", 4, R12),
	UINT(get_shm_request.index, "shmid", 4, R3),
};

FIELDS(get_shm_response) = {
	UINT(get_shm_response.shmid, "index", 4, R12),
	UINT(get_shm_response.length, "length", 4, R12),
	UINT(get_shm_response.address, "address", 4, R12),
	UINT(get_shm_response.shmid, "shmid", 4, R3),
	RESERVED(4, R3),
	UINT(get_shm_response.length, "length", 8, R3),
	UINT(get_shm_response.address, "address", 8, R3),
};

FIELDS(event_config) = {
	NAMED(event_config.device_status, "device_status", device_status_bits, 4, ALL),
	UINT(event_config.offset, "offset", 3, A),
	UINT(event_config.length, "length", 1, A),
	FIXED(event_config.data, "data", event_config.length, 16, A),
	UINT(event_config.generation, "generation", 4, R03),
	UINT(event_config.offset, "offset", 4, R03),
	UINT(event_config.length, "length", 4, R03),
	TAIL(event_config.data, "data", BYTES, event_config.length, R02),
	TAIL(event_config.data, "data", MAYBE, event_config.length, R3),
};

FIELDS(event_avail) = {
	UINT(event_avail.vq_index, "vq_index", 4, ALL),
	UINT(event_avail.next_offset, "next_offset", 4, A),
	UINT(event_avail.next_wrap, "next_wrap", 4, A),
	LOW31(event_avail.next_offset, "next_offset", R03),
	BIT31(event_avail.next_wrap, "next_wrap", R03),
};

FIELDS(event_used) = {
	UINT(event_used.vq_index, "vq_index", 4, ALL),
};

/* ---- bus: generic ---- */

FIELDS(get_devices_request) = {
	UINT(get_devices_request.offset, "offset", 2, A2 | R03),
	UINT(get_devices_request.count, "count", 2, R03),
};

/* count and next_offset change places in r3, and nothing but the profile says so (O6) */
FIELDS(get_devices_response) = {
	UINT(get_devices_response.offset, "offset", 2, A2 | R03),
	UINT(get_devices_response.next_offset, "next_offset", 2, A2),
	FILLED(get_devices_response.bitmap, "bitmap", 32, A2),
	UINT(get_devices_response.count, "count", 2, R02),
	UINT(get_devices_response.next_offset, "next_offset", 2, R03),
	UINT(get_devices_response.count, "count", 2, R3),
	BITS(get_devices_response.bitmap, "bitmap", BITMAP8, get_devices_response.count, R02),
	BITS(get_devices_response.bitmap, "bitmap", BITMAP, get_devices_response.count, R3),
};

FIELDS(ping) = {
	UINT(ping.data, "data", 4, A2 | R03),
};

FIELDS(device_number) = {
	UINT(event_device.device_number, "device_number", 2, A2 | R0),
};

FIELDS(event_device) = {
	UINT(event_device.device_number, "device_number", 2, R13),
	NAMED(event_device.state, "state", device_states, 2, R13),
};

FIELDS(bus_status) = {
	NAMED(bus_status.state, "state", early_bus_states, 1, A2),
};

FIELDS(early_error) = {
	NAMED(early_error.code, "code", early_error_codes, 4, A2),
	UINT(early_error.msg_id, "msg_id", 1, A2),
	NAMED(early_error.data_type, "data_type", early_data_types, 1, A2),
	FILLED(early_error.data, "data", 30, A2),
};

/* ---- bus: FF-A ---- */

FIELDS(activate_request) = {
	UINT(activate.version, "driver_version", 4, A1),
};

FIELDS(activate_response) = {
	UINT(activate.version, "device_version", 4, A1),
	NAMED(activate.features, "features", bus_feature_bits, 8, A1),
	UINT(activate.num, "num", 8, A1),
};

FIELDS(configure) = {
	NAMED(configure.features, "features", bus_feature_bits, 8, A1),
};

FIELDS(version_request) = {
	UINT(version.bus_version, "driver_version", 4, R01 | R2A),
	UINT(version.bus_version, "bus_version", 4, R2B | R3),
	UINT(version.transport_revision, "vmsg_revision", 4, R1 | R2A),
	UINT(version.transport_revision, "transport_revision", 4, R2B | R3),
	NAMED(version.transport_features, "vmsg_features", transport_feature_bits, 4, R1 | R2A),
	NAMED(version.bus_features, "features", bus_feature_bits, 4, R1 | R2A),
	UINT(version.max_areas, "area_num", 2, R1 | R2A),
	UINT(version.ffa_version, "ffa_version", 4, R3),
	END(R03),
};

FIELDS(version_response) = {
	UINT(version.bus_version, "device_version", 4, R01 | R2A),
	UINT(version.bus_version, "bus_version", 4, R2B | R3),
	UINT(version.transport_revision, "vmsg_revision", 4, R1 | R2A),
	UINT(version.transport_revision, "transport_revision", 4, R2B | R3),
	UINT(version.ffa_version, "ffa_version", 4, R3),
	NAMED(version.transport_features, "vmsg_features", transport_feature_bits, 4, R1 | R2A),
	NAMED(version.transport_features, "transport_features", transport_feature_bits, 4,
	      R2B | R3),
	NAMED(version.bus_features, "features", bus_feature_bits, 4, R01 | R2A),
	NAMED(version.bus_features, "bus_features", bus_feature_bits, 4, R2B | R3),
	UINT(version.num, "num", 2, R0),
	UINT(version.max_areas, "area_num", 2, R1 | R2),
	UINT(version.max_areas, "max_areas", 2, R3),
	END(R03),
};

FIELDS(area_share_request) = {
	UINT(area_share_request.area_id, "area_id", 4, A1),
	UINT(area_share_request.mem_handle, "mem_handle", 8, A1),
	UINT(area_share_request.area_id, "area_id", 2, R03),
	UINT(area_share_request.mem_handle, "mem_handle", 8, R03),
	UINT(area_share_request.tag, "tag", 8, R03),
	UINT(area_share_request.count, "count", 4, R03),
	NAMED(area_share_request.attr, "attr", area_attributes, 4, R03),
};

FIELDS(area_result) = {
	UINT(area_share_response.area_id, "area_id", 4, A1),
	UINT(area_share_response.area_id, "area_id", 2, R03),
	NAMED(area_share_response.result, "result", results, 2, R13),
};

FIELDS(area) = {
	UINT(area_unshare_request.area_id, "area_id", 2, R03),
};

/* a1 unshares by id and handle */
FIELDS(early_unshare_request) = {
	UINT(area_share_request.area_id, "area_id", 4, A1),
	UINT(area_share_request.mem_handle, "mem_handle", 8, A1),
};

FIELDS(result) = {
	NAMED(reset_response.result, "result", results, 2, R13),
};

FIELDS(event_configure_request) = {
	NAMED(event_configure_request.method, "method", event_methods, 1, R23),
	RESERVED(1, R23),
	UINT(event_configure_request.notification_id, "notification_id", 2, R23),
};

FIELDS(fifo_configure_request) = {
	UINT(fifo_configure_request.mem_handle, "mem_handle", 8, R2B | R3),
	UINT(fifo_configure_request.page_count, "page_count", 2, R2B | R3),
	UINT(fifo_configure_request.notification_id, "notification_id", 2, R2B | R3),
};

FIELDS(fifo_configure_response) = {
	NAMED(fifo_configure_response.result, "result", results, 2, R2B | R3),
	UINT(fifo_configure_response.notification_id, "notification_id", 2, R2B | R3),
};

/* 16 bits for a number of 8 (O17) */
FIELDS(error_response) = {
	LOW8(error_response.original_msg_id, "original_msg_id", R2B | R3),
	END(R2B | R3),
};

/* ---- which bodies there are ---- */

ROWS = {
	EMPTY(CONNECT, REQUEST, A1),
	EMPTY(CONNECT, RESPONSE, A1),
	EMPTY(DISCONNECT, REQUEST, A1),
	EMPTY(DISCONNECT, RESPONSE, A1),
	ROW(TRANSPORT_ERROR, REQUEST, early_error, A2),
	ROW(TRANSPORT_ERROR, RESPONSE, early_error, A2),
	EMPTY(GET_DEVICE_INFO, REQUEST, ALL),
	ROW(GET_DEVICE_INFO, RESPONSE, early_device_info_response, A),
	ROW(GET_DEVICE_INFO, RESPONSE, get_device_info_response, R03),
	ROW(GET_DEVICE_FEATURES, REQUEST, get_features_request, ALL),
	ROW(GET_DEVICE_FEATURES, RESPONSE, features, ALL),
	ROW(SET_DRIVER_FEATURES, REQUEST, features, ALL),
	ROW(SET_DRIVER_FEATURES, RESPONSE, features, A),
	EMPTY(SET_DRIVER_FEATURES, RESPONSE, R03),
	ROW(GET_CONFIG, REQUEST, get_config_request, ALL),
	ROW(GET_CONFIG, RESPONSE, config, ALL),
	ROW(SET_CONFIG, REQUEST, config, ALL),
	ROW(SET_CONFIG, RESPONSE, set_config_response, ALL),
	EMPTY(GET_CONFIG_GEN, REQUEST, A),
	ROW(GET_CONFIG_GEN, RESPONSE, config_generation, A),
	EMPTY(GET_DEVICE_STATUS, REQUEST, ALL),
	ROW(GET_DEVICE_STATUS, RESPONSE, device_status, ALL),
	ROW(SET_DEVICE_STATUS, REQUEST, device_status, ALL),
	EMPTY(SET_DEVICE_STATUS, RESPONSE, A),
	ROW(SET_DEVICE_STATUS, RESPONSE, device_status, R03),
	ROW(GET_VQUEUE, REQUEST, vqueue_index, ALL),
	ROW(GET_VQUEUE, RESPONSE, get_vqueue_response, ALL),
	ROW(SET_VQUEUE, REQUEST, set_vqueue, ALL),
	ROW(SET_VQUEUE, RESPONSE, set_vqueue, A),
	EMPTY(SET_VQUEUE, RESPONSE, R03),
	ROW(RESET_VQUEUE, REQUEST, vqueue_index, ALL),
	EMPTY(RESET_VQUEUE, RESPONSE, ALL),
	ROW(GET_SHM, REQUEST, get_shm_request, R13),
	ROW(GET_SHM, RESPONSE, get_shm_response, R13),
	EMPTY(EVENT_CONFIG_EMPTY, EVENT, R0),
	ROW(EVENT_CONFIG, EVENT, event_config, ALL),
	ROW(EVENT_AVAIL, EVENT, event_avail, ALL),
	ROW(EVENT_USED, EVENT, event_used, ALL),
	EMPTY(BUS_ERROR, REQUEST, A1),
	EMPTY(BUS_ERROR, RESPONSE, A1),
	ROW(BUS_ERROR, REQUEST, early_error, A2),
	ROW(BUS_ERROR, RESPONSE, early_error, A2),
	ROW(GET_DEVICES, REQUEST, get_devices_request, A2 | R03),
	ROW(GET_DEVICES, RESPONSE, get_devices_response, A2 | R03),
	ROW(DEVICE_ADDED, EVENT, device_number, A2 | R0),
	ROW(DEVICE_REMOVED, EVENT, device_number, A2 | R0),
	ROW(PING, REQUEST, ping, A2 | R03),
	ROW(PING, RESPONSE, ping, A2 | R03),
	ROW(BUS_STATUS, EVENT, bus_status, A2),
	ROW(EVENT_DEVICE, EVENT, event_device, R13),
	ROW(ACTIVATE, REQUEST, activate_request, A1),
	ROW(ACTIVATE, RESPONSE, activate_response, A1),
	EMPTY(DEACTIVATE, REQUEST, A1),
	EMPTY(DEACTIVATE, RESPONSE, A1),
	ROW(CONFIGURE, REQUEST, configure, A1),
	ROW(CONFIGURE, RESPONSE, configure, A1),
	ROW(VERSION, REQUEST, version_request, R03),
	ROW(VERSION, RESPONSE, version_response, R03),
	ROW(AREA_SHARE, REQUEST, area_share_request, A1 | R03),
	ROW(AREA_SHARE, RESPONSE, area_result, A1 | R03),
	ROW(AREA_UNSHARE, REQUEST, early_unshare_request, A1),
	ROW(AREA_UNSHARE, REQUEST, area, R03),
	EMPTY(AREA_UNSHARE, RESPONSE, A1 | R0),
	ROW(AREA_UNSHARE, RESPONSE, area_result, R13),
	/* r1 declares no bodies of RESET and EVENT_POLL: those of r2 (O14) */
	EMPTY(RESET, REQUEST, R13),
	ROW(RESET, RESPONSE, result, R13),
	EMPTY(EVENT_POLL, REQUEST, R03),
	EMPTY(EVENT_POLL, RESPONSE, R03),
	ROW(EVENT_CONFIGURE, REQUEST, event_configure_request, R23),
	ROW(EVENT_CONFIGURE, RESPONSE, result, R23),
	ROW(FIFO_CONFIGURE, REQUEST, fifo_configure_request, R2B | R3),
	ROW(FIFO_CONFIGURE, RESPONSE, fifo_configure_response, R2B | R3),
	ROW(ERROR, RESPONSE, error_response, R2B | R3),
	ROW(AREA_RELEASE, EVENT, area, R03),
};

#endif
