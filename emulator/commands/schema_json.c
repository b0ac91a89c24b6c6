/* SPDX-License-Identifier: BSD-3-Clause */
/* The message table as JSON, a line for each profile. */
#include "commands/json.h"
#include "commands/schema.h"

#include <stdio.h>

static void traits(struct json *json, const struct vmsg_profile *profile)
{
	uint64_t value;
	bool is_bool;
	const char *name;

	for (size_t i = 0; (name = schema_trait(profile, i, &value, &is_bool)); i++) {
		if (is_bool) {
			json_bool(json, name, value);
		} else {
			json_number(json, name, value);
		}
	}
}

static const char *form_name(enum vmsg_field_form form)
{
	switch (form) {
	case VMSG_FORM_NUMBER:
		return "number";
	case VMSG_FORM_UUID:
		return "uuid";
	case VMSG_FORM_BYTES:
		return "bytes";
	case VMSG_FORM_WORDS:
		return "words";
	case VMSG_FORM_RESERVED:
		return "reserved";
	}
	return "";
}

static void field(struct json *json, const struct vmsg_profile *profile,
		  const struct vmsg_field_info *info)
{
	struct vmsg_value_info value;

	json_open(json, NULL, '{');
	json_text(json, "name", info->name);
	json_text(json, "form", form_name(info->form));
	json_number(json, "offset", info->offset);
	json_number(json, "width", info->width);
	if (info->form == VMSG_FORM_NUMBER) {
		json_number(json, "bit", info->bit);
		json_number(json, "bits", info->bits);
		json_number(json, "limit", info->limit);
	}
	if (info->multiple > 1) {
		json_number(json, "multiple", info->multiple);
	}
	if (info->count) {
		json_text(json, "count", info->count);
		json_number(json, "unit", info->unit);
	}
	if (info->optional) {
		json_bool(json, "optional", true);
	}
	if (vmsg_schema_value(profile, info, 0, &value)) {
		json_open(json, "values", '[');
		for (uint32_t i = 0; vmsg_schema_value(profile, info, i, &value); i++) {
			json_open(json, NULL, '{');
			json_text(json, "name", value.name);
			json_number(json, "mask", value.mask);
			json_number(json, "value", value.value);
			json_close(json, '}');
		}
		json_close(json, ']');
	}
	json_close(json, '}');
}

static void body(struct json *json, const struct vmsg_profile *profile, enum vmsg_type type,
		 enum vmsg_kind kind)
{
	struct vmsg_field_info info;

	json_open(json, vmsg_kind_name(kind), '{');
	json_number(json, "size", (uint64_t)vmsg_schema_size(profile, type, kind));
	json_bool(json, "exact", vmsg_schema_is_exact(profile, type, kind));
	json_open(json, "fields", '[');
	for (uint32_t i = 0; vmsg_schema_part(profile, type, kind, i, &info); i++) {
		field(json, profile, &info);
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void message(struct json *json, const struct vmsg_profile *profile, enum vmsg_type type)
{
	const int id = vmsg_schema_id(profile, type);

	if (id < 0) {
		return;
	}
	json_open(json, NULL, '{');
	json_text(json, "name", vmsg_type_name(type));
	json_text(json, "class", vmsg_type_is_bus(type) ? "bus" : "transport");
	json_number(json, "msg_id", (uint64_t)id);
	json_text(json, "sender", schema_sender_text(type));
	json_text(json, "summary", vmsg_schema_summary(type));
	for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
		if (vmsg_schema_has(profile, type, (enum vmsg_kind)kind)) {
			body(json, profile, type, (enum vmsg_kind)kind);
		}
	}
	json_close(json, '}');
}

void schema_json(const struct vmsg_profile *only, enum vmsg_type only_type)
{
	struct json json = { 0 };

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
		if (only && profile != only) {
			continue;
		}
		json_open(&json, NULL, '{');
		json_text(&json, "profile", profile->name);
		traits(&json, profile);
		json_open(&json, "messages", '[');
		for (int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
			if (only_type == VMSG_NONE || only_type == (enum vmsg_type)type) {
				message(&json, profile, (enum vmsg_type)type);
			}
		}
		json_close(&json, ']');
		json_close(&json, '}');
		json_end(&json);
	}
}
