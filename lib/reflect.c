/* SPDX-License-Identifier: BSD-3-Clause */
/* The message table as data: what schema.h shows of it. */
#include "virtio_msg_ffa/schema.h"

#include "engine.h"

bool vmsg_schema_has(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind)
{
	return vmsg_row_find(type, kind, vmsg_profile_layout(profile)) != NULL;
}

int vmsg_schema_id(const struct vmsg_profile *profile, enum vmsg_type type)
{
	if ((unsigned int)type >= VMSG_TYPE_COUNT) {
		return -1;
	}
	const uint8_t id = vmsg_type_rows[type].ids[vmsg_profile_layout(profile)];
	return id == VMSG_NO_ID ? -1 : id;
}

enum vmsg_type vmsg_schema_type(const char *name)
{
	for (unsigned int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
		const char *a = vmsg_type_rows[type].name;
		const char *b = name;
		while (*a && *a == *b) {
			a++;
			b++;
		}
		if (*a == *b) {
			return (enum vmsg_type)type;
		}
	}
	return VMSG_NONE;
}

static enum vmsg_field_form form_of(const struct vmsg_field *field)
{
	switch (field->kind) {
	case VMSG_FIELD_UUID:
		return VMSG_FORM_UUID;
	case VMSG_FIELD_WORDS:
		return VMSG_FORM_WORDS;
	case VMSG_FIELD_BYTES:
	case VMSG_FIELD_MAYBE:
	case VMSG_FIELD_BITMAP:
	case VMSG_FIELD_FIXED:
		return VMSG_FORM_BYTES;
	default:
		return VMSG_FORM_NUMBER;
	}
}

static uint64_t limit_of(const struct vmsg_field *field)
{
	const uint8_t bytes =
		field->width && field->width < field->size ? field->width : field->size;

	switch (field->kind) {
	case VMSG_FIELD_BLOCKS:
		return UINT32_MAX;
	case VMSG_FIELD_LOW31:
		return 0x7fffffffu;
	case VMSG_FIELD_BIT31:
		return 1;
	default:
		return bytes >= 8 || bytes == 0 ? UINT64_MAX : (1ull << 8 * bytes) - 1;
	}
}

int vmsg_schema_field(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind,
		      uint32_t index, struct vmsg_field_info *info)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const struct vmsg_row *row = vmsg_row_find(type, kind, layout);

	*info = (struct vmsg_field_info){ 0 };
	for (size_t i = 0; row && i < row->field_count; i++) {
		const struct vmsg_field *field = &row->fields[i];
		if (!(field->layouts & 1u << layout) || field->kind == VMSG_FIELD_RESERVED) {
			continue;
		}
		if (index-- == 0) {
			*info = (struct vmsg_field_info){
				.name = field->name,
				.form = form_of(field),
				.width = field->kind == VMSG_FIELD_LOW31 ? 4 : field->width,
				.limit = limit_of(field),
				.row = field,
			};
			return 1;
		}
	}
	return 0;
}

uint64_t vmsg_field_number(const struct vmsg_message *message, const struct vmsg_field_info *info)
{
	const struct vmsg_field *field = info->row;
	const uint64_t value = vmsg_member_load(message, field->place, field->size);

	return field->kind == VMSG_FIELD_BLOCKS ? value * 32 : value;
}

struct vmsg_bytes vmsg_field_bytes(const struct vmsg_message *message,
				   const struct vmsg_field_info *info)
{
	const struct vmsg_field *field = info->row;
	const uint8_t *member = (const uint8_t *)message + field->place;

	if (field->kind == VMSG_FIELD_UUID) {
		return (struct vmsg_bytes){ member, 16 };
	}
	return *(const struct vmsg_bytes *)(const void *)member;
}

int vmsg_field_set_number(struct vmsg_message *message, const struct vmsg_field_info *info,
			  uint64_t value)
{
	const struct vmsg_field *field = info->row;

	if (value > info->limit) {
		return VMSG_ERROR_RANGE;
	}
	if (field->kind == VMSG_FIELD_BLOCKS) {
		if (value % 32) {
			return VMSG_ERROR_BAD_FIELD;
		}
		value /= 32;
	}
	vmsg_member_store(message, field->place, field->size, value);
	return 0;
}

int vmsg_field_set_bytes(struct vmsg_message *message, const struct vmsg_field_info *info,
			 struct vmsg_bytes bytes, bool keep_count)
{
	const struct vmsg_field *field = info->row;
	uint8_t *member = (uint8_t *)message + field->place;
	uint64_t count = bytes.size;

	if (field->kind == VMSG_FIELD_UUID) {
		if (bytes.size != 16) {
			return VMSG_ERROR_RANGE;
		}
		memcpy(member, bytes.data, 16);
		return 0;
	}
	if ((field->kind == VMSG_FIELD_WORDS && bytes.size % 4) ||
	    (field->width && bytes.size > field->width)) {
		return VMSG_ERROR_RANGE;
	}
	if (field->kind == VMSG_FIELD_WORDS) {
		count /= 4;
	} else if (field->kind == VMSG_FIELD_BITMAP) {
		count *= 8;
	}
	if (field->count_size && !keep_count) {
		if (field->count_size < 8 && count >> 8 * field->count_size) {
			return VMSG_ERROR_RANGE;
		}
		vmsg_member_store(message, field->count_place, field->count_size, count);
	}
	*(struct vmsg_bytes *)(void *)member = bytes;
	return 0;
}
