/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Wireshark dissector: the message table, the words for what is wrong, and the calls of FF-A as
 * Lua tables, followed by dissector.lua, which walks them.
 */
#include "commands/schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "tap/record.h"
#include "tap/registers.h"
#include "virtio_msg_ffa/format.h"

/* dissector.lua, from cmake/embed.cmake */
extern const char vmsg_dissector_lua[];

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

/* ---- messages ---- */

/* { name, lowest bit, bits, value }, or { name, number } of a feature bit */
static void values(const struct vmsg_profile *profile, const struct vmsg_field_info *info)
{
	struct vmsg_value_info value;

	if (!vmsg_schema_value(profile, info, 0, &value)) {
		return;
	}
	printf(", values = {");
	for (uint32_t i = 0; vmsg_schema_value(profile, info, i, &value); i++) {
		unsigned int low = 0;
		unsigned int count = 0;
		if (value.mask == 0) {
			printf(" { \"%s\", %" PRIu64 " },", value.name, value.value);
			continue;
		}
		while (!(value.mask >> low & 1)) {
			low++;
		}
		while (value.mask >> low >> count & 1) {
			count++;
		}
		printf(" { \"%s\", %u, %u, %" PRIu64 " },", value.name, low, count,
		       value.value >> low);
	}
	printf(" }");
}

static void part(const struct vmsg_profile *profile, const struct vmsg_field_info *info)
{
	printf("\t{ name = \"%s\", form = \"%s\", offset = %u, width = %u", info->name,
	       form_name(info->form), info->offset, info->width);
	if (info->form == VMSG_FORM_NUMBER) {
		printf(", bit = %u, bits = %u, multiple = %u", info->bit, info->bits,
		       info->multiple);
		if (info->multiple == 1 && info->limit < UINT64_MAX >> (64 - info->bits)) {
			printf(", limit = %" PRIu64, info->limit);
		}
	}
	if (info->unit) {
		printf(", unit = %u, multiple = %u", info->unit, info->multiple);
	}
	if (info->count) {
		printf(", count = \"%s\"", info->count);
	}
	if (info->optional) {
		printf(", optional = true");
	}
	values(profile, info);
	printf(" },\n");
}

static bool same_names(const struct vmsg_profile *a, const struct vmsg_profile *b,
		       enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info_a;
	struct vmsg_field_info info_b;

	for (uint32_t i = 0; vmsg_schema_field(a, type, kind, i, &info_a); i++) {
		if (!vmsg_schema_field(b, type, kind, i, &info_b) ||
		    !schema_same_values(a, &info_a, b, &info_b)) {
			return false;
		}
	}
	return true;
}

/* Which of the profiles up to this one has the body first. */
static int first_with(enum vmsg_profile_id id, enum vmsg_type type, enum vmsg_kind kind)
{
	const struct vmsg_profile *profile = vmsg_profile(id);
	int first = 0;

	while (first < (int)id &&
	       (!schema_same_body(vmsg_profile((enum vmsg_profile_id)first), profile, type, kind) ||
		!same_names(vmsg_profile((enum vmsg_profile_id)first), profile, type, kind))) {
		first++;
	}
	return first;
}

static void body_name(int id, enum vmsg_type type, enum vmsg_kind kind)
{
	printf("bodies[\"%s %s %s\"]", vmsg_profile((enum vmsg_profile_id)id)->name,
	       vmsg_type_name(type), vmsg_kind_name(kind));
}

static void bodies(void)
{
	enum vmsg_type type = VMSG_NONE;
	enum vmsg_kind kind = VMSG_EVENT;
	struct vmsg_field_info info;

	puts("-- Bodies, under the name of the first profile that has them; parts in wire order.\n"
	     "local bodies = {}");
	while (schema_next(&type, &kind)) {
		for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
			const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
			if (!vmsg_schema_has(profile, type, kind) ||
			    first_with((enum vmsg_profile_id)id, type, kind) != id) {
				continue;
			}
			body_name(id, type, kind);
			printf(" = { size = %d, exact = %s,\n",
			       vmsg_schema_size(profile, type, kind),
			       vmsg_schema_is_exact(profile, type, kind) ? "true" : "false");
			for (uint32_t i = 0; vmsg_schema_part(profile, type, kind, i, &info); i++) {
				part(profile, &info);
			}
			puts("}");
		}
	}
}

static void messages(enum vmsg_profile_id id, bool bus)
{
	const struct vmsg_profile *profile = vmsg_profile(id);

	printf("\t\t%s = {\n", bus ? "bus" : "transport");
	for (int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
		const int number = vmsg_schema_id(profile, (enum vmsg_type)type);
		if (number < 0 || vmsg_type_is_bus((enum vmsg_type)type) != bus) {
			continue;
		}
		printf("\t\t\t[0x%02x] = { name = \"%s\"", (unsigned int)number,
		       vmsg_type_name((enum vmsg_type)type));
		for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
			if (vmsg_schema_has(profile, (enum vmsg_type)type, (enum vmsg_kind)kind)) {
				printf(", %s = ", vmsg_kind_name((enum vmsg_kind)kind));
				body_name(
					first_with(id, (enum vmsg_type)type, (enum vmsg_kind)kind),
					(enum vmsg_type)type, (enum vmsg_kind)kind);
			}
		}
		puts(" },");
	}
	puts("\t\t},");
}

/* Has an earlier profile the same frames, so that bytes cannot tell them apart? */
static bool has_twin(enum vmsg_profile_id id)
{
	const struct vmsg_profile *profile = vmsg_profile(id);

	for (int other = 0; other < (int)id; other++) {
		const struct vmsg_profile *twin = vmsg_profile((enum vmsg_profile_id)other);
		enum vmsg_type type = VMSG_NONE;
		enum vmsg_kind kind = VMSG_EVENT;
		bool same = twin->header_size == profile->header_size;
		while (same && schema_next(&type, &kind)) {
			same = vmsg_schema_id(profile, type) == vmsg_schema_id(twin, type) &&
			       (schema_same_body(profile, twin, type, kind) ||
				(!vmsg_schema_has(profile, type, kind) &&
				 !vmsg_schema_has(twin, type, kind)));
		}
		if (same) {
			return true;
		}
	}
	return false;
}

static void profiles(void)
{
	puts("\n-- Profiles, by the number that packets carry; messages by their own.\n"
	     "local profiles = {");
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
		printf("\t{ name = \"%s\", header = %u, has_size = %s, has_token = %s, "
		       "frame = %u%s%s,\n",
		       profile->name, profile->header_size, profile->has_size ? "true" : "false",
		       profile->has_token ? "true" : "false", profile->frame_size_max,
		       has_twin((enum vmsg_profile_id)id) ? ", has_twin = true" : "",
		       profile->has_ordered_device_window ? ", ordered = true" : "");
		messages((enum vmsg_profile_id)id, false);
		messages((enum vmsg_profile_id)id, true);
		puts("\t},");
	}
	puts("}");
}

static void rule(const char *name, enum vmsg_rule rule, uint64_t limit)
{
	printf("\t%s = \"%s\",\n", name, vmsg_rule_text(rule, limit));
}

static void rules(void)
{
	puts("\n-- Words for what is wrong: $f is the field, $v what was found, $l what is "
	     "allowed.\n"
	     "local rules = {");
	rule("header_short", VMSG_RULE_HEADER_SHORT, 0);
	rule("size_small", VMSG_RULE_SIZE_SMALL, 0);
	rule("size_large", VMSG_RULE_SIZE_LARGE, 0);
	rule("unknown_transport", VMSG_RULE_UNKNOWN_ID, 0);
	rule("unknown_bus", VMSG_RULE_UNKNOWN_ID, 1);
	rule("event_response", VMSG_RULE_EVENT_RESPONSE, 0);
	rule("response_only", VMSG_RULE_RESPONSE_ONLY, 0);
	rule("bus_device", VMSG_RULE_BUS_DEVICE, 0);
	rule("body_short", VMSG_RULE_BODY_SHORT, 0);
	rule("body_long", VMSG_RULE_BODY_LONG, 0);
	rule("count_large", VMSG_RULE_COUNT_LARGE, 0);
	rule("count_small", VMSG_RULE_COUNT_SMALL, 0);
	rule("multiple", VMSG_RULE_MULTIPLE, 0);
	rule("order", VMSG_RULE_ORDER, 0);
	rule("range", VMSG_RULE_RANGE, 0);
	puts("}");
}

/* ---- FF-A ---- */

static void call_part(const struct tap_register *part)
{
	static const char *const forms[] = {
		[TAP_NUMBER] = "number", [TAP_STATUS] = "status", [TAP_CALL_ID] = "call_id",
		[TAP_HALVES] = "halves", [TAP_UUID] = "uuid",     [TAP_UUID_WORDS] = "uuid",
		[TAP_BYTES] = "bytes",
	};

	printf(" { name = \"%s\", form = \"%s\", first = %u, bit = %u, bits = %u%s },", part->name,
	       forms[part->form], part->first, part->bit, part->bits,
	       part->form == TAP_UUID_WORDS ? ", words = true" : "");
}

static void call(const char *name, uint32_t id)
{
	const struct tap_register *part;
	const bool request = id == VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ2);
	const bool response = id == VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP2);

	printf("\t[0x%02x] = { name = \"FFA_%s\",%s\n\t\tparts = {", id & 0xff, name,
	       request    ? " message = \"request\","
	       : response ? " message = \"response\","
			  : "");
	for (size_t i = 0; (part = tap_register_of(id, false, i)); i++) {
		call_part(part);
	}
	printf(" },\n\t\tanswer = {");
	for (size_t i = 0; (part = tap_register_of(id, true, i)); i++) {
		call_part(part);
	}
	puts(" } },");
}

static void uuid(const char *name, const struct vmsg_ffa_uuid *uuid)
{
	printf(" %s = \"", name);
	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		printf("%02x", uuid->bytes[i]);
	}
	printf("\",");
}

static void calls(void)
{
	static const struct vmsg_ffa_uuid device = VMSG_FFA_UUID_DEVICE_ROLE;
	static const struct vmsg_ffa_uuid driver = VMSG_FFA_UUID_DRIVER_ROLE;

	puts("\n-- FF-A calls by number: what their registers are, and those of FFA_SUCCESS in "
	     "answer.\n"
	     "local calls = {");
#define CALL(name, number, has32, has64) call(#name, VMSG_FFA_ID32(name));
	VMSG_FFA_CALLS(CALL)
#undef CALL
	puts("}\n\nlocal statuses = {");
#define STATUS(name, value) printf("\t[%d] = \"%s\",\n", value, #name);
	VMSG_FFA_STATUSES(STATUS)
#undef STATUS
	printf("}\n\n-- Services of virtio-msg\nlocal uuids = {");
	uuid("device", &device);
	uuid("driver", &driver);
	printf(" }\n\n-- Of the packets' pseudo-header\nlocal capture_version = %u\n\n",
	       TAP_VERSION);
}

void schema_dissector(void)
{
	puts("-- SPDX-License-Identifier: BSD-3-Clause\n"
	     "-- Generated by `vmsg-ffa-emu schema --dissector`; do not edit.\n"
	     "-- Load it with: wireshark -X lua_script:vmsg-ffa.lua FILE\n");
	bodies();
	profiles();
	rules();
	calls();
	fputs(vmsg_dissector_lua, stdout);
}
