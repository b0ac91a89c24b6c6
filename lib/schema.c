/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The message table as the codec uses it, and the traits of each profile: constant data and
 * look-ups only. The table itself is rows.h. (wire-revisions sections 1, 2, 3)
 */
#include "engine.h"
#include "rows.h"

#include "virtio_msg_ffa/proto.h"

/* Numbers of a type in a1, a2, r0, and in r1 to r3. */
#define IDS(type, a1, a2, r0, r1, ...) [VMSG_##type] = { a1, a2, r0, r1 },

static const uint8_t type_ids[VMSG_TYPE_COUNT][4] = { { NO, NO, NO, NO }, VMSG_TYPES(IDS) };

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* r2 asks of a bus 44 bytes, yet has messages of 48: those count (O3). */
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
		.has_strict_generation = true, .has_kick_all = true, .frame_size_max = 96,
		.frame_size_min = 44, .bus_version = VMSG_BUS_VERSION_B1,
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

bool vmsg_names_equal(const char *a, const char *b)
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
		if (vmsg_names_equal(profiles[i].name, name)) {
			return &profiles[i];
		}
	}
	return NULL;
}

bool vmsg_type_is_bus(enum vmsg_type type)
{
	return (unsigned int)type >= VMSG_BUS_ERROR && (unsigned int)type < VMSG_TYPE_COUNT;
}

static uint8_t id_of(unsigned int type, enum vmsg_layout layout)
{
	return type_ids[type][layout < VMSG_LAYOUT_R1 ? layout : VMSG_LAYOUT_R1];
}

/* The first row from `row` on that the layout has, NULL when there is none. */
static const struct vmsg_row *next_row(const struct vmsg_row *row, enum vmsg_layout layout)
{
	while (row < rows + ROW_COUNT && !(row->layouts & 1u << layout)) {
		row++;
	}
	return row < rows + ROW_COUNT ? row : NULL;
}

const struct vmsg_row *vmsg_row_find(enum vmsg_type type, enum vmsg_kind kind,
				     enum vmsg_layout layout)
{
	const struct vmsg_row *row = rows;

	while ((row = next_row(row, layout))) {
		if (row->type == (unsigned int)type && row->kind == (unsigned int)kind) {
			return row;
		}
		row++;
	}
	return NULL;
}

const struct vmsg_field *vmsg_row_fields(const struct vmsg_row *row)
{
	return body_fields + row->first;
}

size_t vmsg_row_index(const struct vmsg_row *row)
{
	return (size_t)(row - rows);
}

enum vmsg_type vmsg_type_find(enum vmsg_layout layout, bool bus, uint8_t msg_id)
{
	const struct vmsg_row *row = rows;

	while ((row = next_row(row, layout))) {
		const enum vmsg_type type = (enum vmsg_type)row->type;
		if (id_of(type, layout) == msg_id && vmsg_type_is_bus(type) == bus) {
			return type;
		}
		row++;
	}
	return VMSG_NONE;
}

int vmsg_type_id(enum vmsg_type type, enum vmsg_layout layout)
{
	const struct vmsg_row *row = rows;

	while ((row = next_row(row, layout))) {
		if (row->type == (unsigned int)type) {
			return id_of(type, layout);
		}
		row++;
	}
	return -1;
}
