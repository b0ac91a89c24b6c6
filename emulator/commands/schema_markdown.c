/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The message reference of the docs. Profiles whose bodies are the same share a column; the rows
 * are the fields in the order of the newest of them.
 */
#include "commands/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS  VMSG_PROFILE_COUNT
#define ROWS_MAX 32

static const struct vmsg_profile *profile_at(int id)
{
	return vmsg_profile((enum vmsg_profile_id)id);
}

static void names_of(unsigned int members)
{
	const char *comma = "";

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		if (members >> id & 1) {
			printf("%s%s", comma, profile_at(id)->name);
			comma = ", ";
		}
	}
}

/* ---- profiles ---- */

static void profiles(void)
{
	uint64_t value;
	bool is_bool;
	const char *name;

	puts("## Profiles\n\n"
	     "What they do differently, by the members of `struct vmsg_profile`.\n");
	printf("| trait |");
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		printf(" %s |", profile_at(id)->name);
	}
	puts("\n|---|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; (name = schema_trait(profile_at(0), i, &value, &is_bool)); i++) {
		printf("| `%s` |", name);
		for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
			(void)schema_trait(profile_at(id), i, &value, &is_bool);
			if (is_bool) {
				printf(" %s |", value ? "yes" : "no");
			} else {
				printf(value < 65536 ? " %" PRIu64 " |" : " 0x%08" PRIx64 " |",
				       value);
			}
		}
		puts("");
	}
}

/* ---- header ---- */

static void header_row(const char *what, const unsigned int *members, int count,
		       void (*cell)(const struct vmsg_profile *profile))
{
	printf("| %s |", what);
	for (int c = 0; c < count; c++) {
		int first = 0;
		while (!(members[c] >> first & 1)) {
			first++;
		}
		printf(" ");
		cell(profile_at(first));
		printf(" |");
	}
	puts("");
}

static void type_cell(const struct vmsg_profile *profile)
{
	(void)profile;
	printf("0: `u8`");
}

static void id_cell(const struct vmsg_profile *profile)
{
	(void)profile;
	printf("1: `u8`");
}

static void device_cell(const struct vmsg_profile *profile)
{
	(void)profile;
	printf("2: `le16`");
}

static void token_cell(const struct vmsg_profile *profile)
{
	printf(profile->has_token ? "4: `le16`" : "-");
}

static void size_cell(const struct vmsg_profile *profile)
{
	if (profile->has_size) {
		printf("%d: `le16`", profile->header_size - 2);
	} else {
		printf("none: %d", profile->frame_size_max);
	}
}

/* A column for each size of header. */
static void header(void)
{
	unsigned int members[COLUMNS];
	int count = 0;

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		if (id == 0 || profile_at(id)->header_size != profile_at(id - 1)->header_size) {
			members[count++] = 0;
		}
		members[count - 1] |= 1u << id;
	}
	printf("## Header\n\n| field |");
	for (int c = 0; c < count; c++) {
		printf(" ");
		names_of(members[c]);
		printf(" |");
	}
	puts("\n|---|---|---|---|");
	header_row("`type`: bit 0 response, bit 1 bus message", members, count, type_cell);
	header_row("`msg_id`", members, count, id_cell);
	header_row("`dev_num`, 0 in bus messages but ERROR", members, count, device_cell);
	header_row("`token`", members, count, token_cell);
	header_row("`msg_size`, header and body", members, count, size_cell);
	puts("\nA header with `type` 3, `msg_id` 0 and no body is the null reply: the answer of "
	     "direct messages to what has none.\n");
}

/* ---- bodies ---- */

/* Which profiles share a body; `members` has a bit for each. */
struct column {
	const struct vmsg_profile *first;
	unsigned int members;
};

static int find_columns(enum vmsg_type type, enum vmsg_kind kind, unsigned int wanted,
			struct column columns[COLUMNS])
{
	int count = 0;

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		int i = 0;
		if (!(wanted >> id & 1) || !vmsg_schema_has(profile_at(id), type, kind)) {
			continue;
		}
		while (i < count &&
		       !schema_same_body(columns[i].first, profile_at(id), type, kind)) {
			i++;
		}
		if (i == count) {
			columns[count++] = (struct column){ profile_at(id), 0 };
		}
		columns[i].members |= 1u << id;
	}
	return count;
}

/* The names of the fields, the newest body's first; those of others where they stand there. */
static int find_rows(enum vmsg_type type, enum vmsg_kind kind, const struct column *columns,
		     int count, const char *rows[ROWS_MAX])
{
	struct vmsg_field_info info;
	int row_count = 0;

	for (int c = count - 1; c >= 0; c--) {
		int at = 0;
		for (uint32_t i = 0; vmsg_schema_field(columns[c].first, type, kind, i, &info);
		     i++) {
			int found = 0;
			while (found < row_count && strcmp(rows[found], info.name) != 0) {
				found++;
			}
			if (found < row_count) {
				at = found + 1;
				continue;
			}
			memmove(&rows[at + 1], &rows[at],
				sizeof(rows[0]) * (size_t)(row_count - at));
			rows[at++] = info.name;
			row_count++;
		}
	}
	return row_count;
}

static void reserved_cell(const struct column *column, enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info;
	const char *comma = "";

	for (uint32_t i = 0; vmsg_schema_part(column->first, type, kind, i, &info); i++) {
		if (info.form == VMSG_FORM_RESERVED) {
			printf("%s%u to %u", comma, info.offset, info.offset + info.width - 1);
			comma = ", ";
		}
	}
	printf("%s |", *comma ? "" : "-");
}

static bool has_reserved(const struct column *column, enum vmsg_type type, enum vmsg_kind kind)
{
	struct vmsg_field_info info;

	for (uint32_t i = 0; vmsg_schema_part(column->first, type, kind, i, &info); i++) {
		if (info.form == VMSG_FORM_RESERVED) {
			return true;
		}
	}
	return false;
}

/* Names of the values, once for the profiles that share them; `follows` another list. Are there
 * any?
 */
static bool values(enum vmsg_type type, enum vmsg_kind kind, const char *name, unsigned int wanted,
		   bool follows)
{
	char text[SCHEMA_VALUES_SIZE];
	char other[SCHEMA_VALUES_SIZE];
	struct vmsg_field_info info;
	unsigned int done = ~wanted;
	bool told = false;

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		if (done >> id & 1 || !schema_find(profile_at(id), type, kind, name, &info) ||
		    !*schema_values_text(profile_at(id), &info, text)) {
			continue;
		}
		unsigned int members = 0;
		for (int same = id; same < VMSG_PROFILE_COUNT; same++) {
			if (wanted >> same & 1 &&
			    schema_find(profile_at(same), type, kind, name, &info) &&
			    strcmp(schema_values_text(profile_at(same), &info, other), text) == 0) {
				members |= 1u << same;
			}
		}
		printf("%s- `%s` in ", follows || told ? "" : "\n", name);
		done |= members;
		told = true;
		names_of(members);
		printf(": %s\n", text);
	}
	return told;
}

static void body(enum vmsg_type type, enum vmsg_kind kind, unsigned int wanted)
{
	struct column columns[COLUMNS];
	const char *rows[ROWS_MAX];
	const int count = find_columns(type, kind, wanted, columns);
	const int row_count = find_rows(type, kind, columns, count, rows);
	char text[SCHEMA_TEXT_SIZE];
	struct vmsg_field_info info;
	bool reserved = false;

	printf("\n**%s**", vmsg_kind_name(kind));
	if (row_count == 0) {
		printf(": no body (");
		for (int c = 0; c < count; c++) {
			names_of(columns[c].members);
		}
		puts(")");
		return;
	}
	printf("\n\n| field |");
	for (int c = 0; c < count; c++) {
		printf(" ");
		names_of(columns[c].members);
		printf(" |");
		reserved = reserved || has_reserved(&columns[c], type, kind);
	}
	printf("\n|---|");
	for (int c = 0; c < count; c++) {
		printf("---|");
	}
	puts("");
	for (int r = 0; r < row_count; r++) {
		printf("| `%s` |", rows[r]);
		for (int c = 0; c < count; c++) {
			if (schema_find(columns[c].first, type, kind, rows[r], &info)) {
				printf(" %u: `%s` |", info.offset, schema_kind_text(&info, text));
			} else {
				printf(" - |");
			}
		}
		puts("");
	}
	if (reserved) {
		printf("| reserved, zero |");
		for (int c = 0; c < count; c++) {
			printf(" ");
			reserved_cell(&columns[c], type, kind);
		}
		puts("");
	}
	printf("| bytes |");
	for (int c = 0; c < count; c++) {
		printf(" %d%s%s |", vmsg_schema_size(columns[c].first, type, kind),
		       schema_has_tail(columns[c].first, type, kind) ? " and the tail" : "",
		       vmsg_schema_is_exact(columns[c].first, type, kind) ? ", no more" : "");
	}
	puts("");
	bool told = false;
	for (int r = 0; r < row_count; r++) {
		told = values(type, kind, rows[r], wanted, told) || told;
	}
}

static void heading(enum vmsg_type type, unsigned int wanted)
{
	const char *comma = "";

	printf("\n### %s\n\nSent by the %s: %s. Number ", vmsg_type_name(type),
	       vmsg_schema_sender(type) == VMSG_SENDER_ANY ? "driver or the device"
							   : schema_sender_text(type),
	       vmsg_schema_summary(type));
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const int number = wanted >> id & 1 ? vmsg_schema_id(profile_at(id), type) : -1;
		unsigned int members = 0;
		bool told = false;
		for (int same = 0; number >= 0 && same < VMSG_PROFILE_COUNT; same++) {
			if (wanted >> same & 1 &&
			    vmsg_schema_id(profile_at(same), type) == number) {
				told = told || same < id;
				members |= 1u << same;
			}
		}
		if (number >= 0 && !told) {
			printf("%s0x%02x in ", comma, (unsigned int)number);
			names_of(members);
			comma = "; ";
		}
	}
	puts(".");
}

static void preamble(void)
{
	puts("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
	     "<!-- Generated by `vmsg-ffa-emu schema`; scripts/generate writes it anew. -->\n"
	     "# Messages\n\n"
	     "Every message of every profile. Numbers are little-endian. A cell says where in the "
	     "body a field begins and\n"
	     "what it is; the body begins behind the header. A body may be longer than its fields, "
	     "which are then ignored\n"
	     "beyond, unless it says *no more* or has a tail. Reserved bytes are sent as zero and "
	     "ignored.\n");
	header();
	profiles();
}

static bool is_in(enum vmsg_type type, enum vmsg_kind kind, unsigned int wanted)
{
	bool found = false;

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		found = found || (wanted >> id & 1 && vmsg_schema_has(profile_at(id), type, kind));
	}
	return found;
}

void schema_markdown(const struct vmsg_profile *profile, enum vmsg_type only)
{
	const unsigned int wanted = profile ? 1u << profile->id : (1u << VMSG_PROFILE_COUNT) - 1;
	const bool whole = !profile && only == VMSG_NONE;
	enum vmsg_type type = VMSG_NONE;
	enum vmsg_type last = VMSG_NONE;
	enum vmsg_kind kind = VMSG_EVENT;

	if (whole) {
		preamble();
	}
	while (schema_next(&type, &kind)) {
		if ((only != VMSG_NONE && type != only) || !is_in(type, kind, wanted)) {
			continue;
		}
		if (whole &&
		    (vmsg_type_is_bus(type) != vmsg_type_is_bus(last) || last == VMSG_NONE)) {
			printf("\n## %s messages\n", vmsg_type_is_bus(type) ? "Bus" : "Transport");
		}
		if (type != last) {
			heading(type, wanted);
		}
		last = type;
		body(type, kind, wanted);
	}
}
