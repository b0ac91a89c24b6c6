/* SPDX-License-Identifier: BSD-3-Clause */
/* What all derivations of the message table share: walking it, comparing, types in words. */
#include "commands/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool schema_next(enum vmsg_type *type, enum vmsg_kind *kind)
{
	do {
		if (*kind == VMSG_EVENT) {
			*type = (enum vmsg_type)(*type + 1);
			*kind = VMSG_REQUEST;
		} else {
			*kind = (enum vmsg_kind)(*kind + 1);
		}
		for (int id = 0; *type < VMSG_TYPE_COUNT && id < VMSG_PROFILE_COUNT; id++) {
			if (vmsg_schema_has(vmsg_profile((enum vmsg_profile_id)id), *type, *kind)) {
				return true;
			}
		}
	} while (*type < VMSG_TYPE_COUNT);
	return false;
}

/* X(a member of struct vmsg_profile, whether it is a bool) */
#define TRAITS(X)                                                                                  \
	X(header_size, false)                                                                      \
	X(has_size, true)                                                                          \
	X(has_token, true)                                                                         \
	X(area_id_shift, false)                                                                    \
	X(has_results, true)                                                                       \
	X(has_area_attributes, true)                                                               \
	X(has_version_probe, true)                                                                 \
	X(has_event_configure, true)                                                               \
	X(has_error, true)                                                                         \
	X(has_ordered_device_window, true)                                                         \
	X(has_queue_flags, true)                                                                   \
	X(has_strict_generation, true)                                                             \
	X(allows_slow_reset, true)                                                                 \
	X(null_reply_to_event, true)                                                               \
	X(frame_size_min, false)                                                                   \
	X(frame_size_max, false)                                                                   \
	X(bus_version, false)

const char *schema_trait(const struct vmsg_profile *profile, size_t index, uint64_t *value,
			 bool *is_bool)
{
#define TRAIT(member, boolean)                                                                     \
	if (index-- == 0) {                                                                        \
		*value = profile->member;                                                          \
		*is_bool = boolean;                                                                \
		return #member;                                                                    \
	}
	TRAITS(TRAIT)
#undef TRAIT
	return NULL;
}

/* ---- comparing ---- */

static bool same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool schema_same_field(const struct vmsg_field_info *a, const struct vmsg_field_info *b)
{
	return same_name(a->name, b->name) && same_name(a->count, b->count) && a->form == b->form &&
	       a->optional == b->optional && a->unit == b->unit && a->multiple == b->multiple &&
	       a->offset == b->offset && a->width == b->width && a->bit == b->bit &&
	       a->bits == b->bits && a->limit == b->limit;
}

bool schema_same_values(const struct vmsg_profile *a, const struct vmsg_field_info *info_a,
			const struct vmsg_profile *b, const struct vmsg_field_info *info_b)
{
	char text_a[SCHEMA_VALUES_SIZE];
	char text_b[SCHEMA_VALUES_SIZE];

	return strcmp(schema_values_text(a, info_a, text_a),
		      schema_values_text(b, info_b, text_b)) == 0;
}

bool schema_same_body(const struct vmsg_profile *a, const struct vmsg_profile *b,
		      enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info_a;
	struct vmsg_field_info info_b;

	if (!vmsg_schema_has(a, type, kind) || !vmsg_schema_has(b, type, kind) ||
	    vmsg_schema_is_exact(a, type, kind) != vmsg_schema_is_exact(b, type, kind)) {
		return false;
	}
	for (uint32_t i = 0;; i++) {
		const int more = vmsg_schema_part(a, type, kind, i, &info_a);
		if (more != vmsg_schema_part(b, type, kind, i, &info_b)) {
			return false;
		}
		if (!more) {
			return true;
		}
		if (!schema_same_field(&info_a, &info_b)) {
			return false;
		}
	}
}

bool schema_find(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind,
		 const char *name, struct vmsg_field_info *info)
{
	for (uint32_t i = 0; vmsg_schema_field(profile, type, kind, i, info); i++) {
		if (strcmp(info->name, name) == 0) {
			return true;
		}
	}
	return false;
}

bool schema_has_tail(const struct vmsg_profile *profile, enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info;
	bool found = false;

	for (uint32_t i = 0; vmsg_schema_field(profile, type, kind, i, &info); i++) {
		found = found || info.width == 0;
	}
	return found;
}

/* ---- words ---- */

static void number_text(const struct vmsg_field_info *info, char text[SCHEMA_TEXT_SIZE])
{
	const bool whole = info->bits == 8 * info->width;
	const uint64_t most = UINT64_MAX >> (64 - info->bits);
	int length =
		snprintf(text, SCHEMA_TEXT_SIZE, info->width == 1 ? "u8" : "le%d", 8 * info->width);

	if (!whole && info->bits == 1) {
		length += snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length, ", bit %d",
				   info->bit);
	} else if (!whole) {
		length += snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length, ", bits %d:%d",
				   info->bit + info->bits - 1, info->bit);
	}
	if (info->multiple > 1) {
		snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length, ", a multiple of %d",
			 info->multiple);
	} else if (info->limit < most) {
		snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length, ", at most %" PRIu64,
			 info->limit);
	}
}

static void tail_text(const struct vmsg_field_info *info, char text[SCHEMA_TEXT_SIZE])
{
	if (info->width > 0) {
		const int length = snprintf(text, SCHEMA_TEXT_SIZE, "u8[%d]", info->width);
		if (info->count) {
			snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length,
				 ", the first %s of it", info->count);
		}
	} else if (info->unit == 1) {
		snprintf(text, SCHEMA_TEXT_SIZE,
			 info->multiple == 8 ? "u8[%s / 8]" : "u8[(%s + 7) / 8]", info->count);
	} else {
		snprintf(text, SCHEMA_TEXT_SIZE, "%s[%s]%s", info->unit == 32 ? "le32" : "u8",
			 info->count, info->optional ? " or nothing" : "");
	}
}

const char *schema_kind_text(const struct vmsg_field_info *info, char text[SCHEMA_TEXT_SIZE])
{
	switch (info->form) {
	case VMSG_FORM_NUMBER:
		number_text(info, text);
		break;
	case VMSG_FORM_UUID:
		snprintf(text, SCHEMA_TEXT_SIZE, "u8[%d], a UUID", info->width);
		break;
	case VMSG_FORM_BYTES:
	case VMSG_FORM_WORDS:
		tail_text(info, text);
		break;
	case VMSG_FORM_RESERVED:
		snprintf(text, SCHEMA_TEXT_SIZE, "u8[%d], zero", info->width);
		break;
	}
	return text;
}

/* "bit 6", "bits 9:6" */
static int mask_text(uint64_t mask, char *text, size_t size)
{
	int low = 0;
	int high = 63;

	while (!(mask >> low & 1)) {
		low++;
	}
	while (!(mask >> high & 1)) {
		high--;
	}
	return low == high ? snprintf(text, size, "bit %d", low)
			   : snprintf(text, size, "bits %d:%d", high, low);
}

const char *schema_value_text(const struct vmsg_value_info *value, char text[SCHEMA_TEXT_SIZE])
{
	const uint64_t unit = value->mask & -value->mask;
	int length;

	if (value->mask == 0) {
		length = snprintf(text, SCHEMA_TEXT_SIZE, "bit %" PRIu64, value->value);
	} else if (value->mask == UINT32_MAX) {
		length = snprintf(text, SCHEMA_TEXT_SIZE, "%" PRIu64, value->value);
	} else {
		length = mask_text(value->mask, text, SCHEMA_TEXT_SIZE);
	}
	if (value->mask & (value->mask - 1) && value->mask != UINT32_MAX) {
		length += snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length, " = %" PRIu64,
				   value->value / unit);
	}
	snprintf(text + length, SCHEMA_TEXT_SIZE - (size_t)length, " %s", value->name);
	return text;
}

const char *schema_values_text(const struct vmsg_profile *profile,
			       const struct vmsg_field_info *info, char text[SCHEMA_VALUES_SIZE])
{
	struct vmsg_value_info value;
	size_t length = 0;

	text[0] = 0;
	for (uint32_t i = 0; vmsg_schema_value(profile, info, i, &value); i++) {
		char each[SCHEMA_TEXT_SIZE];
		length += (size_t)snprintf(text + length, SCHEMA_VALUES_SIZE - length, "%s%s",
					   i ? ", " : "", schema_value_text(&value, each));
	}
	return text;
}

const char *schema_sender_text(enum vmsg_type type)
{
	switch (vmsg_schema_sender(type)) {
	case VMSG_SENDER_DRIVER:
		return "driver";
	case VMSG_SENDER_DEVICE:
		return "device";
	case VMSG_SENDER_ANY:
		break;
	}
	return "either";
}
