/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What differs between two profiles: traits, messages, bodies, fields, names of values. One walk
 * finds the differences; a writer of text and one of JSON tell them.
 */
#include "commands/json.h"
#include "commands/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One side of a difference: a body, or a part of it; `has` is false where there is none. */
struct side {
	const struct vmsg_profile *profile;
	bool has;
	struct vmsg_field_info info;
};

/* How differences are told. `field` is called between `body` and `end` only. */
struct writer {
	void (*trait)(void *context, const char *name, bool is_bool, uint64_t from, uint64_t to);
	void (*body)(void *context, const struct side *from, const struct side *to,
		     enum vmsg_type type, enum vmsg_kind kind);
	void (*field)(void *context, const struct side *from, const struct side *to);
	void (*end)(void *context);
	void *context;
};

/* ---- finding ---- */

static bool differs(const struct side *from, const struct side *to)
{
	return from->has != to->has || !schema_same_field(&from->info, &to->info) ||
	       !schema_same_values(from->profile, &from->info, to->profile, &to->info);
}

static void find_side(struct side *side, enum vmsg_type type, enum vmsg_kind kind, const char *name)
{
	side->has = schema_find(side->profile, type, kind, name, &side->info);
}

static void compare_fields(const struct writer *writer, struct side *from, struct side *to,
			   enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info;

	for (uint32_t i = 0; vmsg_schema_field(from->profile, type, kind, i, &info); i++) {
		find_side(from, type, kind, info.name);
		find_side(to, type, kind, info.name);
		if (differs(from, to)) {
			writer->field(writer->context, from, to);
		}
	}
	for (uint32_t i = 0; vmsg_schema_field(to->profile, type, kind, i, &info); i++) {
		find_side(from, type, kind, info.name);
		find_side(to, type, kind, info.name);
		if (!from->has) {
			writer->field(writer->context, from, to);
		}
	}
}

static bool has_differing_values(const struct vmsg_profile *from, const struct vmsg_profile *to,
				 enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info;
	struct vmsg_field_info other;

	for (uint32_t i = 0; vmsg_schema_field(from, type, kind, i, &info); i++) {
		if (schema_find(to, type, kind, info.name, &other) &&
		    !schema_same_values(from, &info, to, &other)) {
			return true;
		}
	}
	return false;
}

static void compare(const struct writer *writer, const struct vmsg_profile *a,
		    const struct vmsg_profile *b)
{
	enum vmsg_type type = VMSG_NONE;
	enum vmsg_kind kind = VMSG_EVENT;
	const char *name;
	uint64_t value_a;
	uint64_t value_b;
	bool is_bool;

	for (size_t i = 0; (name = schema_trait(a, i, &value_a, &is_bool)); i++) {
		(void)schema_trait(b, i, &value_b, &is_bool);
		if (value_a != value_b) {
			writer->trait(writer->context, name, is_bool, value_a, value_b);
		}
	}
	while (schema_next(&type, &kind)) {
		struct side from = { .profile = a, .has = vmsg_schema_has(a, type, kind) };
		struct side to = { .profile = b, .has = vmsg_schema_has(b, type, kind) };
		const bool same_id = vmsg_schema_id(a, type) == vmsg_schema_id(b, type);

		if ((!from.has && !to.has) || (same_id && schema_same_body(a, b, type, kind) &&
					       !has_differing_values(a, b, type, kind))) {
			continue;
		}
		writer->body(writer->context, &from, &to, type, kind);
		if (from.has && to.has) {
			compare_fields(writer, &from, &to, type, kind);
		}
		writer->end(writer->context);
	}
}

/* ---- text ---- */

static void text_trait(void *context, const char *name, bool is_bool, uint64_t from, uint64_t to)
{
	(void)context;
	if (is_bool) {
		printf("%s %s -> %s\n", name, from ? "yes" : "no", to ? "yes" : "no");
	} else {
		printf(from > UINT16_MAX || to > UINT16_MAX ? "%s 0x%" PRIx64 " -> 0x%" PRIx64 "\n"
							    : "%s %" PRIu64 " -> %" PRIu64 "\n",
		       name, from, to);
	}
}

static void text_body_side(const struct side *side, enum vmsg_type type, enum vmsg_kind kind)
{
	printf("0x%02x, %d bytes%s", (unsigned int)vmsg_schema_id(side->profile, type),
	       vmsg_schema_size(side->profile, type, kind),
	       schema_has_tail(side->profile, type, kind) ? " and a tail" : "");
}

static void text_body(void *context, const struct side *from, const struct side *to,
		      enum vmsg_type type, enum vmsg_kind kind)
{
	(void)context;
	printf("%c %s %s %s: ",
	       !from->has ? '+'
	       : !to->has ? '-'
			  : '~',
	       vmsg_type_is_bus(type) ? "bus" : "transport", vmsg_type_name(type),
	       vmsg_kind_name(kind));
	if (from->has) {
		text_body_side(from, type, kind);
	}
	if (to->has) {
		printf("%s", from->has ? " -> " : "");
		text_body_side(to, type, kind);
	}
	puts("");
}

/* The names that `side` has and `other` has not, or has for something else. */
static void text_values(char sign, const struct side *side, const struct side *other)
{
	struct vmsg_value_info value;
	struct vmsg_value_info same;

	for (uint32_t i = 0; vmsg_schema_value(side->profile, &side->info, i, &value); i++) {
		bool found = false;
		for (uint32_t j = 0; vmsg_schema_value(other->profile, &other->info, j, &same);
		     j++) {
			found = found || (strcmp(same.name, value.name) == 0 &&
					  same.mask == value.mask && same.value == value.value);
		}
		if (!found) {
			char text[SCHEMA_TEXT_SIZE];
			printf("        %c %s\n", sign, schema_value_text(&value, text));
		}
	}
}

static void text_field(void *context, const struct side *from, const struct side *to)
{
	const char *name = from->has ? from->info.name : to->info.name;
	char text[SCHEMA_TEXT_SIZE];

	(void)context;
	printf("    %c %s:", !from->has ? '+' : !to->has ? '-' : '~', name);
	if (from->has && (!to->has || !schema_same_field(&from->info, &to->info))) {
		printf(" at %u %s", from->info.offset, schema_kind_text(&from->info, text));
	}
	if (to->has && (!from->has || !schema_same_field(&from->info, &to->info))) {
		printf("%s at %u %s", from->has ? " ->" : "", to->info.offset,
		       schema_kind_text(&to->info, text));
	}
	puts("");
	if (from->has && to->has &&
	    !schema_same_values(from->profile, &from->info, to->profile, &to->info)) {
		text_values('-', from, to);
		text_values('+', to, from);
	}
}

static void text_end(void *context)
{
	(void)context;
}

void schema_compare(const struct vmsg_profile *from, const struct vmsg_profile *to)
{
	const struct writer writer = { text_trait, text_body, text_field, text_end, NULL };

	compare(&writer, from, to);
}

/* ---- JSON ---- */

static void json_trait(void *context, const char *name, bool is_bool, uint64_t from, uint64_t to)
{
	struct json *json = context;

	json_open(json, name, '[');
	if (is_bool) {
		json_bool(json, NULL, from);
		json_bool(json, NULL, to);
	} else {
		json_number(json, NULL, from);
		json_number(json, NULL, to);
	}
	json_close(json, ']');
}

static const char *change(const struct side *from, const struct side *to)
{
	return !from->has ? "added" : !to->has ? "removed" : "changed";
}

static void json_body_side(struct json *json, const char *key, const struct side *side,
			   enum vmsg_type type, enum vmsg_kind kind)
{
	if (!side->has) {
		return;
	}
	json_open(json, key, '{');
	json_number(json, "msg_id", (uint64_t)vmsg_schema_id(side->profile, type));
	json_number(json, "size", (uint64_t)vmsg_schema_size(side->profile, type, kind));
	json_bool(json, "tail", schema_has_tail(side->profile, type, kind));
	json_close(json, '}');
}

/* The traits end where the first body begins. */
static void json_body(void *context, const struct side *from, const struct side *to,
		      enum vmsg_type type, enum vmsg_kind kind)
{
	struct json *json = context;

	json_open(json, NULL, '{');
	json_text(json, "name", vmsg_type_name(type));
	json_text(json, "class", vmsg_type_is_bus(type) ? "bus" : "transport");
	json_text(json, "kind", vmsg_kind_name(kind));
	json_text(json, "change", change(from, to));
	json_body_side(json, "from", from, type, kind);
	json_body_side(json, "to", to, type, kind);
	json_open(json, "fields", '[');
}

static void json_field_side(struct json *json, const char *key, const struct side *side)
{
	char text[SCHEMA_TEXT_SIZE];
	char values[SCHEMA_VALUES_SIZE];

	if (!side->has) {
		return;
	}
	json_open(json, key, '{');
	json_number(json, "offset", side->info.offset);
	json_text(json, "type", schema_kind_text(&side->info, text));
	if (*schema_values_text(side->profile, &side->info, values)) {
		json_text(json, "values", values);
	}
	json_close(json, '}');
}

static void json_field(void *context, const struct side *from, const struct side *to)
{
	struct json *json = context;

	json_open(json, NULL, '{');
	json_text(json, "name", from->has ? from->info.name : to->info.name);
	json_text(json, "change", change(from, to));
	json_field_side(json, "from", from);
	json_field_side(json, "to", to);
	json_close(json, '}');
}

static void json_body_end(void *context)
{
	struct json *json = context;

	json_close(json, ']');
	json_close(json, '}');
}

static void no_trait(void *context, const char *name, bool is_bool, uint64_t from, uint64_t to)
{
	(void)context;
	(void)name;
	(void)is_bool;
	(void)from;
	(void)to;
}

static void no_body(void *context, const struct side *from, const struct side *to,
		    enum vmsg_type type, enum vmsg_kind kind)
{
	(void)context;
	(void)from;
	(void)to;
	(void)type;
	(void)kind;
}

static void no_field(void *context, const struct side *from, const struct side *to)
{
	(void)context;
	(void)from;
	(void)to;
}

void schema_compare_json(const struct vmsg_profile *from, const struct vmsg_profile *to)
{
	struct json json = { 0 };
	const struct writer traits = { json_trait, no_body, no_field, text_end, &json };
	const struct writer bodies = { no_trait, json_body, json_field, json_body_end, &json };

	json_open(&json, NULL, '{');
	json_text(&json, "from", from->name);
	json_text(&json, "to", to->name);
	json_open(&json, "traits", '{');
	compare(&traits, from, to);
	json_close(&json, '}');
	json_open(&json, "messages", '[');
	compare(&bodies, from, to);
	json_close(&json, ']');
	json_close(&json, '}');
	json_end(&json);
}
