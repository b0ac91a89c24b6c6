/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The message table as data, with its names: what schema.h shows of it. The only file that carries
 * names of messages and fields; the codec does without.
 */
#include "virtio_msg_ffa/schema.h"

#include "engine.h"

#define VMSG_ROWS_AS_NAMES
#include "rows.h"

#define NAME(type, a1, a2, r0, r1, sender, summary)                                                \
	[VMSG_##type] = { #type, summary, VMSG_SENDER_##sender },

static const struct {
	const char *name;
	const char *summary;
	enum vmsg_sender sender;
} types[VMSG_TYPE_COUNT] = { { "NONE", "answers where nothing else does", VMSG_SENDER_DEVICE },
			     VMSG_TYPES(NAME) };

const char *vmsg_type_name(enum vmsg_type type)
{
	return (unsigned int)type < VMSG_TYPE_COUNT ? types[type].name : "UNKNOWN";
}

enum vmsg_sender vmsg_schema_sender(enum vmsg_type type)
{
	return (unsigned int)type < VMSG_TYPE_COUNT ? types[type].sender : VMSG_SENDER_ANY;
}

const char *vmsg_schema_summary(enum vmsg_type type)
{
	return (unsigned int)type < VMSG_TYPE_COUNT ? types[type].summary : "";
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

/* ---- messages ---- */

bool vmsg_schema_has(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind)
{
	return vmsg_row_find(type, kind, vmsg_profile_layout(profile)) != NULL;
}

int vmsg_schema_id(const struct vmsg_profile *profile, enum vmsg_type type)
{
	return vmsg_type_id(type, vmsg_profile_layout(profile));
}

enum vmsg_type vmsg_schema_type(const char *name)
{
	for (unsigned int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
		if (vmsg_names_equal(types[type].name, name)) {
			return (enum vmsg_type)type;
		}
	}
	return VMSG_NONE;
}

int vmsg_schema_size(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const struct vmsg_row *row = vmsg_row_find(type, kind, layout);
	int size = 0;

	for (size_t i = 0; row && i < row->field_count; i++) {
		const struct vmsg_field *field = vmsg_row_fields(row) + i;
		size += field->layouts & 1u << layout ? field->width : 0;
	}
	return row ? size : -1;
}

/* ---- fields ---- */

static enum vmsg_field_form form_of(const struct vmsg_field *field)
{
	switch (field->kind) {
	case VMSG_FIELD_UUID:
		return VMSG_FORM_UUID;
	case VMSG_FIELD_WORDS:
		return VMSG_FORM_WORDS;
	case VMSG_FIELD_RESERVED:
	case VMSG_FIELD_TOLD:
		return VMSG_FORM_RESERVED;
	default:
		return vmsg_field_is_view(field) ? VMSG_FORM_BYTES : VMSG_FORM_NUMBER;
	}
}

/* Name of the member at `place` in one layout of a row; NULL when no field has it. */
static const char *name_of_place(const struct vmsg_row *row, unsigned int layouts, uint8_t place)
{
	for (size_t i = 0; place != 0 && i < row->field_count; i++) {
		const struct vmsg_field *field = vmsg_row_fields(row) + i;
		if (field->layouts & layouts && vmsg_field_is_number(field) &&
		    field->place == place) {
			return rows[vmsg_row_index(row)][i].name;
		}
	}
	return NULL;
}

static struct vmsg_field_info describe(const struct vmsg_row *row, size_t i, unsigned int layout,
				       size_t offset)
{
	const struct vmsg_field *field = vmsg_row_fields(row) + i;
	struct vmsg_field_info info = {
		.name = rows[vmsg_row_index(row)][i].name,
		.count = vmsg_field_is_view(field) ? name_of_place(row, layout, field->of.count)
						   : NULL,
		.form = form_of(field),
		.optional = field->kind == VMSG_FIELD_MAYBE,
		.multiple = field->kind == VMSG_FIELD_BLOCKS    ? 32
			    : field->kind == VMSG_FIELD_BITMAP8 ? 8
								: 1,
		.offset = (uint16_t)offset,
		.width = field->width,
		.field = field,
		.values = rows[vmsg_row_index(row)][i].values,
	};

	if (vmsg_field_is_view(field)) {
		info.unit = field->kind == VMSG_FIELD_WORDS ? 32
			    : vmsg_field_is_bitmap(field)   ? 1
							    : 8;
	}
	if (info.form != VMSG_FORM_NUMBER) {
		return info;
	}
	info.bits = (uint8_t)(8 * field->width);
	info.limit = field->kind == VMSG_FIELD_BLOCKS ? UINT32_MAX - 31 : vmsg_field_limit(field);
	if (field->kind == VMSG_FIELD_LOW31) {
		info.bits = 31;
	} else if (field->kind == VMSG_FIELD_BIT31) { /* of the word before it */
		info.offset = (uint16_t)(offset - 4);
		info.width = 4;
		info.bit = 31;
		info.bits = 1;
	}
	return info;
}

/* Entry `index` of a body, reserved words counted or not. */
static int entry(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind,
		 uint32_t index, bool reserved, struct vmsg_field_info *info)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const struct vmsg_row *row = vmsg_row_find(type, kind, layout);
	size_t offset = 0;

	*info = (struct vmsg_field_info){ 0 };
	for (size_t i = 0; row && i < row->field_count; i++) {
		const struct vmsg_field *field = vmsg_row_fields(row) + i;
		const bool shown = field->kind != VMSG_FIELD_END &&
				   (reserved || form_of(field) != VMSG_FORM_RESERVED);
		if (!(field->layouts & 1u << layout)) {
			continue;
		}
		if (shown && index-- == 0) {
			*info = describe(row, i, 1u << layout, offset);
			return 1;
		}
		offset += field->width;
	}
	return 0;
}

int vmsg_schema_field(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind,
		      uint32_t index, struct vmsg_field_info *info)
{
	return entry(profile, type, kind, index, false, info);
}

int vmsg_schema_part(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind,
		     uint32_t index, struct vmsg_field_info *info)
{
	return entry(profile, type, kind, index, true, info);
}

int vmsg_schema_value(const struct vmsg_profile *profile, const struct vmsg_field_info *info,
		      uint32_t index, struct vmsg_value_info *value)
{
	const struct vmsg_value *each = info->values;

	*value = (struct vmsg_value_info){ 0 };
	for (; each && each->name; each++) {
		if (each->layouts & 1u << vmsg_profile_layout(profile) && index-- == 0) {
			*value = (struct vmsg_value_info){ each->name, each->mask, each->value };
			return 1;
		}
	}
	return 0;
}

bool vmsg_schema_is_exact(const struct vmsg_profile *profile, enum vmsg_type type,
			  enum vmsg_kind kind)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const struct vmsg_row *row = vmsg_row_find(type, kind, layout);

	for (size_t i = 0; row && i < row->field_count; i++) {
		const struct vmsg_field *field = vmsg_row_fields(row) + i;
		if (field->kind == VMSG_FIELD_END && field->layouts & 1u << layout) {
			return true;
		}
	}
	return false;
}

static const uint8_t *body_of(const struct vmsg_message *message)
{
	return (const uint8_t *)&message->body;
}

uint64_t vmsg_field_number(const struct vmsg_message *message, const struct vmsg_field_info *info)
{
	const struct vmsg_field *field = info->field;
	const uint64_t value =
		vmsg_member_load(body_of(message) + field->place, vmsg_member_size(field));

	return field->kind == VMSG_FIELD_BLOCKS ? value * 32 : value;
}

struct vmsg_bytes vmsg_field_bytes(const struct vmsg_message *message,
				   const struct vmsg_field_info *info)
{
	const struct vmsg_field *field = info->field;
	const uint8_t *member = body_of(message) + field->place;

	if (field->kind == VMSG_FIELD_UUID) {
		return (struct vmsg_bytes){ member, 16 };
	}
	return *(const struct vmsg_bytes *)(const void *)member;
}

int vmsg_field_set_number(struct vmsg_message *message, const struct vmsg_field_info *info,
			  uint64_t value)
{
	const struct vmsg_field *field = info->field;

	if (value > info->limit) {
		return VMSG_ERROR_RANGE;
	}
	if (field->kind == VMSG_FIELD_BLOCKS) {
		if (value % 32) {
			return VMSG_ERROR_BAD_FIELD;
		}
		value /= 32;
	}
	vmsg_member_store((uint8_t *)&message->body + field->place, vmsg_member_size(field), value);
	return 0;
}

int vmsg_field_set_bytes(struct vmsg_message *message, const struct vmsg_field_info *info,
			 struct vmsg_bytes bytes, bool keep_count)
{
	const struct vmsg_field *field = info->field;
	uint8_t *body = (uint8_t *)&message->body;
	const size_t most = field->width ? field->width : VMSG_BODY_SIZE_MAX - 1;

	if (field->kind == VMSG_FIELD_UUID) {
		if (bytes.size != 16) {
			return VMSG_ERROR_RANGE;
		}
		memcpy(body + field->place, bytes.data, 16);
		return 0;
	}
	if (bytes.size > most || (field->kind == VMSG_FIELD_WORDS && bytes.size % 4)) {
		return VMSG_ERROR_RANGE;
	}
	if (field->of.count && !keep_count) {
		const uint32_t count = (uint32_t)bytes.size * 8 >> vmsg_view_unit(field);
		const bool narrow = vmsg_field_is_bitmap(field);
		if (narrow && count > UINT16_MAX) {
			return VMSG_ERROR_RANGE;
		}
		vmsg_member_store(body + field->of.count, narrow ? 2 : 4, count);
	}
	*(struct vmsg_bytes *)(void *)(body + field->place) = bytes;
	return 0;
}

bool vmsg_field_peek(const struct vmsg_field_info *info, struct vmsg_bytes body, uint64_t *value)
{
	*value = 0;
	if (info->form != VMSG_FORM_NUMBER || (size_t)info->offset + info->width > body.size) {
		return false;
	}
	const uint64_t word = vmsg_wire_load(body.data + info->offset, info->width);
	*value = word >> info->bit & UINT64_MAX >> (64 - info->bits);
	return true;
}

/* ---- diagnosis ---- */

const char *vmsg_diagnosis_field(const struct vmsg_diagnosis *diagnosis)
{
	switch (diagnosis->rule) {
	case VMSG_RULE_NONE:
		return "";
	case VMSG_RULE_HEADER_SHORT:
		return "header";
	case VMSG_RULE_SIZE_SMALL:
	case VMSG_RULE_SIZE_LARGE:
	case VMSG_RULE_SIZE_RANGE:
	case VMSG_RULE_BODY_LONG:
		return "msg_size";
	case VMSG_RULE_UNKNOWN_ID:
		return "msg_id";
	case VMSG_RULE_NO_MESSAGE:
	case VMSG_RULE_EVENT_RESPONSE:
	case VMSG_RULE_RESPONSE_ONLY:
		return "type";
	case VMSG_RULE_BUS_DEVICE:
		return "dev_num";
	case VMSG_RULE_NO_TOKEN:
		return "token";
	case VMSG_RULE_BODY_SHORT:
	case VMSG_RULE_COUNT_LARGE:
	case VMSG_RULE_COUNT_SMALL:
	case VMSG_RULE_MULTIPLE:
	case VMSG_RULE_ORDER:
	case VMSG_RULE_RANGE:
		break;
	}
	const enum vmsg_layout layout = vmsg_profile_layout(diagnosis->profile);
	const struct vmsg_row *row = vmsg_row_find(diagnosis->type, diagnosis->kind, layout);
	if (!row || diagnosis->field >= row->field_count) {
		return "";
	}
	const struct vmsg_field *field = vmsg_row_fields(row) + diagnosis->field;
	const bool about_count = vmsg_field_is_view(field) &&
				 diagnosis->rule != VMSG_RULE_BODY_SHORT &&
				 diagnosis->rule != VMSG_RULE_RANGE;
	const char *count = about_count ? name_of_place(row, 1u << layout, field->of.count) : NULL;
	return count ? count : rows[vmsg_row_index(row)][diagnosis->field].name;
}
