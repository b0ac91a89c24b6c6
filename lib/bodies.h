/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every body: its fields in wire order, each with the layouts that have it. A part of rows.h, which
 * includes it with BODY(name, fields) and the kinds of fields defined as it needs them.
 */
/* clang-format off */

/* ---- transport ---- */

/* r0's draft gives two fields the offset 12: they follow each other (O22) */
BODY(get_device_info_response,
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
	UINT(get_device_info_response.admin_vq_count, "admin_vq_count", 4, R3))

/* a1 and a2 put a version before, and have nothing after */
BODY(early_device_info_response,
	UINT(get_device_info_response.version, "version", 4, A),
	UINT(get_device_info_response.device_id, "device_id", 4, A),
	UINT(get_device_info_response.vendor_id, "vendor_id", 4, A))

BODY(get_features_request,
	UINT(get_device_features_request.block_index, "index", 4, A),
	UINT(get_device_features_request.block_index, "block_index", 4, R03),
	UINT(get_device_features_request.num_blocks, "num_blocks", 4, R03))

BODY(features,
	UINT(get_device_features_response.block_index, "index", 4, A),
	FILLED(get_device_features_response.features, "features", 32, A),
	UINT(get_device_features_response.block_index, "block_index", 4, R03),
	UINT(get_device_features_response.num_blocks, "num_blocks", 4, R03),
	TAIL(get_device_features_response.features, "features", WORDS,
		get_device_features_response.num_blocks, R03))

BODY(get_config_request,
	UINT(get_config_request.offset, "offset", 3, A),
	UINT(get_config_request.length, "length", 1, A),
	UINT(get_config_request.offset, "offset", 4, R03),
	UINT(get_config_request.length, "length", 4, R03))

BODY(config,
	UINT(get_config_response.offset, "offset", 3, A),
	UINT(get_config_response.length, "length", 1, A),
	FIXED(get_config_response.data, "data", get_config_response.length, 32, A),
	UINT(get_config_response.generation, "generation", 4, R13),
	UINT(get_config_response.offset, "offset", 4, R03),
	UINT(get_config_response.length, "length", 4, R03),
	UINT(get_config_response.generation, "generation", 4, R0),
	TAIL(get_config_response.data, "data", BYTES, get_config_response.length, R03))

/* a SET_CONFIG response need not echo the data (O9) */
BODY(set_config_response,
	UINT(set_config_response.offset, "offset", 3, A),
	UINT(set_config_response.length, "length", 1, A),
	FIXED(set_config_response.data, "data", set_config_response.length, 32, A),
	UINT(set_config_response.generation, "generation", 4, R13),
	UINT(set_config_response.offset, "offset", 4, R03),
	UINT(set_config_response.length, "length", 4, R03),
	UINT(set_config_response.generation, "generation", 4, R0),
	TAIL(set_config_response.data, "data", MAYBE, set_config_response.length, R03))

BODY(config_generation,
	UINT(get_config_gen_response.generation, "generation", 4, A))

BODY(device_status,
	NAMED(get_device_status_response.status, "status", device_status_bits, 4, ALL))

BODY(vqueue_index,
	UINT(get_vqueue_request.index, "index", 4, ALL))

BODY(get_vqueue_response,
	UINT(get_vqueue_response.index, "index", 4, ALL),
	UINT(get_vqueue_response.max_size, "max_size", 4, ALL),
	UINT(get_vqueue_response.cur_size, "cur_size", 4, ALL),
	RESERVED(4, R2),
	NAMED(get_vqueue_response.flags, "flags", get_vqueue_flags, 4, R3),
	UINT(get_vqueue_response.desc_addr, "desc_addr", 8, ALL),
	UINT(get_vqueue_response.driver_addr, "driver_addr", 8, ALL),
	UINT(get_vqueue_response.device_addr, "device_addr", 8, ALL))

BODY(set_vqueue,
	UINT(set_vqueue_request.index, "index", 4, ALL),
	RESERVED(4, A | R02),
	NAMED(set_vqueue_request.flags, "flags", set_vqueue_flags, 4, R3),
	UINT(set_vqueue_request.size, "size", 4, ALL),
	RESERVED(4, R2),
	TOLD(set_vqueue_request.reserved, "reserved", R3),
	UINT(set_vqueue_request.desc_addr, "desc_addr", 8, ALL),
	UINT(set_vqueue_request.driver_addr, "driver_addr", 8, ALL),
	UINT(set_vqueue_request.device_addr, "device_addr", 8, ALL))

BODY(get_shm_request,
	UINT(get_shm_request.index, "index", 4, R12),
	UINT(get_shm_request.index, "shmid", 4, R3))

BODY(get_shm_response,
	UINT(get_shm_response.shmid, "index", 4, R12),
	UINT(get_shm_response.length, "length", 4, R12),
	UINT(get_shm_response.address, "address", 4, R12),
	UINT(get_shm_response.shmid, "shmid", 4, R3),
	RESERVED(4, R3),
	UINT(get_shm_response.length, "length", 8, R3),
	UINT(get_shm_response.address, "address", 8, R3))

BODY(event_config,
	NAMED(event_config.device_status, "device_status", device_status_bits, 4, ALL),
	UINT(event_config.offset, "offset", 3, A),
	UINT(event_config.length, "length", 1, A),
	FIXED(event_config.data, "data", event_config.length, 16, A),
	UINT(event_config.generation, "generation", 4, R03),
	UINT(event_config.offset, "offset", 4, R03),
	UINT(event_config.length, "length", 4, R03),
	TAIL(event_config.data, "data", BYTES, event_config.length, R02),
	TAIL(event_config.data, "data", MAYBE, event_config.length, R3))

BODY(event_avail,
	UINT(event_avail.vq_index, "vq_index", 4, ALL),
	UINT(event_avail.next_offset, "next_offset", 4, A),
	UINT(event_avail.next_wrap, "next_wrap", 4, A),
	LOW31(event_avail.next_offset, "next_offset", R03),
	BIT31(event_avail.next_wrap, "next_wrap", R03))

BODY(event_used,
	UINT(event_used.vq_index, "vq_index", 4, ALL))

/* ---- bus: generic ---- */

BODY(get_devices_request,
	UINT(get_devices_request.offset, "offset", 2, A2 | R03),
	UINT(get_devices_request.count, "count", 2, R03))

/* count and next_offset change places in r3, and nothing but the profile says so (O6) */
BODY(get_devices_response,
	UINT(get_devices_response.offset, "offset", 2, A2 | R03),
	UINT(get_devices_response.next_offset, "next_offset", 2, A2),
	FILLED(get_devices_response.bitmap, "bitmap", 32, A2),
	UINT(get_devices_response.count, "count", 2, R02),
	UINT(get_devices_response.next_offset, "next_offset", 2, R03),
	UINT(get_devices_response.count, "count", 2, R3),
	BITS(get_devices_response.bitmap, "bitmap", BITMAP8, get_devices_response.count, R02),
	BITS(get_devices_response.bitmap, "bitmap", BITMAP, get_devices_response.count, R3))

BODY(ping,
	UINT(ping.data, "data", 4, A2 | R03))

BODY(device_number,
	UINT(event_device.device_number, "device_number", 2, A2 | R0))

BODY(event_device,
	UINT(event_device.device_number, "device_number", 2, R13),
	NAMED(event_device.state, "state", device_states, 2, R13))

BODY(bus_status,
	NAMED(bus_status.state, "state", early_bus_states, 1, A2))

BODY(early_error,
	NAMED(early_error.code, "code", early_error_codes, 4, A2),
	UINT(early_error.msg_id, "msg_id", 1, A2),
	NAMED(early_error.data_type, "data_type", early_data_types, 1, A2),
	FILLED(early_error.data, "data", 30, A2))

/* ---- bus: FF-A ---- */

BODY(activate_request,
	UINT(activate.version, "driver_version", 4, A1))

BODY(activate_response,
	UINT(activate.version, "device_version", 4, A1),
	NAMED(activate.features, "features", bus_feature_bits, 8, A1),
	UINT(activate.num, "num", 8, A1))

BODY(configure,
	NAMED(configure.features, "features", bus_feature_bits, 8, A1))

BODY(version_request,
	UINT(version.bus_version, "driver_version", 4, R01 | R2A),
	UINT(version.bus_version, "bus_version", 4, R2B | R3),
	UINT(version.transport_revision, "vmsg_revision", 4, R1 | R2A),
	UINT(version.transport_revision, "transport_revision", 4, R2B | R3),
	NAMED(version.transport_features, "vmsg_features", transport_feature_bits, 4, R1 | R2A),
	NAMED(version.bus_features, "features", bus_feature_bits, 4, R1 | R2A),
	UINT(version.max_areas, "area_num", 2, R1 | R2A),
	UINT(version.ffa_version, "ffa_version", 4, R3),
	END(R03))

BODY(version_response,
	UINT(version.bus_version, "device_version", 4, R01 | R2A),
	UINT(version.bus_version, "bus_version", 4, R2B | R3),
	UINT(version.transport_revision, "vmsg_revision", 4, R1 | R2A),
	UINT(version.transport_revision, "transport_revision", 4, R2B | R3),
	UINT(version.ffa_version, "ffa_version", 4, R3),
	NAMED(version.transport_features, "vmsg_features", transport_feature_bits, 4, R1 | R2A),
	NAMED(version.transport_features, "transport_features", transport_feature_bits, 4, R2B | R3),
	NAMED(version.bus_features, "features", bus_feature_bits, 4, R01 | R2A),
	NAMED(version.bus_features, "bus_features", bus_feature_bits, 4, R2B | R3),
	UINT(version.num, "num", 2, R0),
	UINT(version.max_areas, "area_num", 2, R1 | R2),
	UINT(version.max_areas, "max_areas", 2, R3),
	END(R03))

BODY(area_share_request,
	UINT(area_share_request.area_id, "area_id", 4, A1),
	UINT(area_share_request.mem_handle, "mem_handle", 8, A1),
	UINT(area_share_request.area_id, "area_id", 2, R03),
	UINT(area_share_request.mem_handle, "mem_handle", 8, R03),
	UINT(area_share_request.tag, "tag", 8, R03),
	UINT(area_share_request.count, "count", 4, R03),
	NAMED(area_share_request.attr, "attr", area_attributes, 4, R03))

BODY(area_result,
	UINT(area_share_response.area_id, "area_id", 4, A1),
	UINT(area_share_response.area_id, "area_id", 2, R03),
	NAMED(area_share_response.result, "result", results, 2, R13))

BODY(area,
	UINT(area_unshare_request.area_id, "area_id", 2, R03))

/* a1 unshares by id and handle */
BODY(early_unshare_request,
	UINT(area_share_request.area_id, "area_id", 4, A1),
	UINT(area_share_request.mem_handle, "mem_handle", 8, A1))

BODY(result,
	NAMED(reset_response.result, "result", results, 2, R13))

BODY(event_configure_request,
	NAMED(event_configure_request.method, "method", event_methods, 1, R23),
	RESERVED(1, R23),
	UINT(event_configure_request.notification_id, "notification_id", 2, R23))

BODY(fifo_configure_request,
	UINT(fifo_configure_request.mem_handle, "mem_handle", 8, R2B | R3),
	UINT(fifo_configure_request.page_count, "page_count", 2, R2B | R3),
	UINT(fifo_configure_request.notification_id, "notification_id", 2, R2B | R3))

BODY(fifo_configure_response,
	NAMED(fifo_configure_response.result, "result", results, 2, R2B | R3),
	UINT(fifo_configure_response.notification_id, "notification_id", 2, R2B | R3))

/* 16 bits for a number of 8 (O17) */
BODY(error_response,
	LOW8(error_response.original_msg_id, "original_msg_id", R2B | R3),
	END(R2B | R3))
