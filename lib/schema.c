/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * THE TABLE: what messages there are, their numbers, which bodies they have, and the traits of each
 * profile. Constant data and look-ups only; the fields of the bodies are in rows.h.
 * (wire-revisions sections 1, 2, 3)
 */
#include "engine.h"
#include "rows.h"

#include "virtio_msg_ffa/proto.h"

const struct vmsg_type_row *const vmsg_type_rows = vmsg_type_table;

#define ROW(type, kind, fields, layouts)                                                           \
	{                                                                                          \
		fields, sizeof(fields) / sizeof(fields[0]), VMSG_##type, VMSG_##kind, layouts      \
	}
#define EMPTY(type, kind, layouts)                                                                 \
	{                                                                                          \
		NULL, 0, VMSG_##type, VMSG_##kind, layouts                                         \
	}

const struct vmsg_row vmsg_rows[] = {
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

const size_t vmsg_row_count = sizeof(vmsg_rows) / sizeof(vmsg_rows[0]);

static const struct vmsg_profile profiles[VMSG_PROFILE_COUNT] = {
	[VMSG_PROFILE_A1] = {
		.name = "a1", .id = VMSG_PROFILE_A1, .header_size = 4, .area_id_shift = 56,
		.has_ordered_device_window = true, .frame_size_max = 40, .frame_size_min = 40,
		.bus_version = VMSG_BUS_VERSION_B1,
	},
	[VMSG_PROFILE_A2] = {
		.name = "a2", .id = VMSG_PROFILE_A2, .header_size = 4, .area_id_shift = 56,
		.has_ordered_device_window = true, .frame_size_max = 40, .frame_size_min = 40,
		.bus_version = VMSG_BUS_VERSION_B1,
	},
	[VMSG_PROFILE_R0] = {
		.name = "r0", .id = VMSG_PROFILE_R0, .header_size = 6, .has_size = true,
		.area_id_shift = 56, .has_ordered_device_window = true,
		.has_strict_generation = true, .frame_size_max = 96, .frame_size_min = 44,
		.bus_version = VMSG_BUS_VERSION_B1,
	},
	[VMSG_PROFILE_R1] = {
		.name = "r1", .id = VMSG_PROFILE_R1, .header_size = 6, .has_size = true,
		.has_results = true,
		.area_id_shift = 56, .has_ordered_device_window = true,
		.has_strict_generation = true, .frame_size_max = 96, .frame_size_min = 44,
		.bus_version = VMSG_BUS_VERSION_B1,
	},
	[VMSG_PROFILE_R1_A16] = {
		.name = "r1-a16", .id = VMSG_PROFILE_R1_A16, .header_size = 6, .has_size = true,
		.has_results = true, .has_area_attributes = true,
		.area_id_shift = 48, .has_ordered_device_window = true,
		.has_strict_generation = true, .frame_size_max = 96, .frame_size_min = 44,
		.bus_version = VMSG_BUS_VERSION_B1,
	},
	[VMSG_PROFILE_R2A] = {
		.name = "r2a", .id = VMSG_PROFILE_R2A, .header_size = 8, .has_size = true,
		.has_results = true,
		.has_token = true, .area_id_shift = 48, .has_event_configure = true,
		.has_ordered_device_window = true, .has_strict_generation = true,
		.frame_size_max = 96, .frame_size_min = 48, .bus_version = VMSG_BUS_VERSION_1_0,
	},
	[VMSG_PROFILE_R2B] = {
		.name = "r2b", .id = VMSG_PROFILE_R2B, .header_size = 8, .has_size = true,
		.has_results = true,
		.has_token = true, .area_id_shift = 48, .has_event_configure = true,
		.has_error = true, .has_ordered_device_window = true,
		.has_strict_generation = true, .null_reply_to_event = true,
		.frame_size_max = 104, .frame_size_min = 48, .bus_version = VMSG_BUS_VERSION_1_0,
	},
	[VMSG_PROFILE_R3] = {
		.name = "r3", .id = VMSG_PROFILE_R3, .header_size = 8, .has_size = true,
		.has_results = true, .has_area_attributes = true,
		.has_token = true, .area_id_shift = 48, .has_version_probe = true,
		.has_event_configure = true, .has_error = true, .has_queue_flags = true,
		.allows_slow_reset = true, .null_reply_to_event = true, .frame_size_max = 104,
		.frame_size_min = 52, .bus_version = VMSG_BUS_VERSION_1_0,
	},
};

const struct vmsg_profile *vmsg_profile(enum vmsg_profile_id id)
{
	return (unsigned int)id < VMSG_PROFILE_COUNT ? &profiles[id] : NULL;
}

static bool names_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct vmsg_profile *vmsg_profile_find(const char *name)
{
	for (size_t i = 0; i < VMSG_PROFILE_COUNT; i++) {
		if (names_equal(profiles[i].name, name)) {
			return &profiles[i];
		}
	}
	return NULL;
}

enum vmsg_layout vmsg_profile_layout(const struct vmsg_profile *profile)
{
	static const uint8_t layouts[VMSG_PROFILE_COUNT] = {
		[VMSG_PROFILE_A1] = VMSG_LAYOUT_A1,     [VMSG_PROFILE_A2] = VMSG_LAYOUT_A2,
		[VMSG_PROFILE_R0] = VMSG_LAYOUT_R0,     [VMSG_PROFILE_R1] = VMSG_LAYOUT_R1,
		[VMSG_PROFILE_R1_A16] = VMSG_LAYOUT_R1, [VMSG_PROFILE_R2A] = VMSG_LAYOUT_R2A,
		[VMSG_PROFILE_R2B] = VMSG_LAYOUT_R2B,   [VMSG_PROFILE_R3] = VMSG_LAYOUT_R3,
	};

	return (enum vmsg_layout)layouts[profile->id];
}

const struct vmsg_row *vmsg_row_find(enum vmsg_type type, enum vmsg_kind kind,
				     enum vmsg_layout layout)
{
	for (size_t i = 0; i < vmsg_row_count; i++) {
		const struct vmsg_row *row = &vmsg_rows[i];
		if (row->type == (uint8_t)type && row->kind == (uint8_t)kind &&
		    row->layouts & 1u << layout) {
			return row;
		}
	}
	return NULL;
}

enum vmsg_type vmsg_type_find(enum vmsg_layout layout, bool bus, uint8_t msg_id)
{
	for (unsigned int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
		const struct vmsg_type_row *row = &vmsg_type_table[type];
		if (msg_id != VMSG_NO_ID && row->ids[layout] == msg_id && row->bus == bus) {
			return (enum vmsg_type)type;
		}
	}
	return VMSG_NONE;
}

const char *vmsg_type_name(enum vmsg_type type)
{
	return (unsigned int)type < VMSG_TYPE_COUNT ? vmsg_type_table[type].name : "UNKNOWN";
}

bool vmsg_type_is_bus(enum vmsg_type type)
{
	return (unsigned int)type < VMSG_TYPE_COUNT && vmsg_type_table[type].bus;
}

const char *vmsg_kind_name(enum vmsg_kind kind)
{
	switch (kind) {
	case VMSG_REQUEST:
		return "request";
	case VMSG_RESPONSE:
		return "response";
	case VMSG_EVENT:
		return "event";
	}
	return "unknown";
}
