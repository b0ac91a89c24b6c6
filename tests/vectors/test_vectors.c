/* SPDX-License-Identifier: BSD-3-Clause */
/* Every vector, decoded field by field and encoded byte by byte; every body has one. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/coverage.h"

#include "vectors/matrix.h"
#include "vectors/vectors.h"
#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/schema.h"

#define GIVEN (sizeof(vectors) / sizeof(vectors[0]))
#define COUNT (GIVEN + sizeof(matrix) / sizeof(matrix[0]))

static const struct vector *vector_at(size_t i)
{
	return i < GIVEN ? &vectors[i] : &matrix[i - GIVEN];
}

static size_t from_hex(const char *hex, size_t digits, uint8_t *bytes)
{
	for (size_t i = 0; i < digits / 2; i++) {
		const char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };
		bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return digits / 2;
}

static struct vmsg_bytes frame_of(const struct vector *vector, uint8_t *bytes)
{
	return (struct vmsg_bytes){ bytes, from_hex(vector->hex, strlen(vector->hex), bytes) };
}

static enum vmsg_kind kind_of(const struct vector *vector)
{
	enum vmsg_kind kind = VMSG_REQUEST;

	while (strcmp(vmsg_kind_name(kind), vector->kind) != 0) {
		kind = (enum vmsg_kind)(kind + 1);
	}
	return kind;
}

/* Next "name=value" of the list; NULL at its end. */
static const char *next_field(const char *list, char name[64], const char **value, size_t *length)
{
	if (!*list) {
		return NULL;
	}
	const size_t name_length = strcspn(list, "=");
	assert_true(name_length < 64 && list[name_length] == '=');
	memcpy(name, list, name_length);
	name[name_length] = 0;
	*value = list + name_length + 1;
	*length = strcspn(*value, " ");
	list = *value + *length;
	return list + (*list == ' ');
}

static struct vmsg_field_info find(const struct vmsg_profile *profile, enum vmsg_type type,
				   enum vmsg_kind kind, const char *name)
{
	struct vmsg_field_info info;

	for (uint32_t i = 0; vmsg_schema_field(profile, type, kind, i, &info); i++) {
		if (strcmp(info.name, name) == 0) {
			return info;
		}
	}
	fail_msg("%s has no field %s", vmsg_type_name(type), name);
	return info;
}

static void every_vector_decodes_to_its_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		const struct vector *vector = vector_at(i);
		const struct vmsg_profile *profile = vmsg_profile_find(vector->profile);
		uint8_t bytes[256];
		uint8_t expected[256];
		struct vmsg_message message;
		char name[64];
		const char *value;
		size_t length;
		uint32_t fields = 0;

		assert_int_equal(vmsg_decode(profile, frame_of(vector, bytes), &message, NULL), 0);
		assert_string_equal(vmsg_type_name(message.header.type), vector->name);
		assert_int_equal(message.header.kind, kind_of(vector));
		assert_int_equal(message.header.dev_num, vector->device);
		assert_int_equal(message.header.token, vector->token);
		for (const char *list = vector->fields;
		     (list = next_field(list, name, &value, &length)); fields++) {
			const struct vmsg_field_info info =
				find(profile, message.header.type, message.header.kind, name);
			if (value[0] != '#') {
				assert_int_equal(vmsg_field_number(&message, &info),
						 strtoull(value, NULL, 16));
				continue;
			}
			const struct vmsg_bytes found = vmsg_field_bytes(&message, &info);
			assert_int_equal(found.size, from_hex(value + 1, length - 1, expected));
			assert_true(found.size == 0 ||
				    memcmp(found.data, expected, found.size) == 0);
		}
		struct vmsg_field_info info;
		const bool more = vmsg_schema_field(profile, message.header.type,
						    message.header.kind, fields, &info);
		/* all are named, but for tails of nothing in the vectors that were given */
		assert_true(!more || (i < GIVEN && info.form == VMSG_FORM_BYTES));
	}
}

static void every_vector_encodes_to_its_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		const struct vector *vector = vector_at(i);
		const struct vmsg_profile *profile = vmsg_profile_find(vector->profile);
		uint8_t bytes[256];
		uint8_t tails[256];
		uint8_t frame[256];
		size_t used = 0;
		const struct vmsg_bytes expected = frame_of(vector, bytes);
		struct vmsg_message message = {
			.header = { .type = vmsg_schema_type(vector->name),
				    .kind = kind_of(vector),
				    .dev_num = vector->device,
				    .token = vector->token },
		};
		char name[64];
		const char *value;
		size_t length;

		for (const char *list = vector->fields;
		     (list = next_field(list, name, &value, &length));) {
			const struct vmsg_field_info info =
				find(profile, message.header.type, message.header.kind, name);
			if (value[0] != '#') {
				assert_int_equal(vmsg_field_set_number(&message, &info,
								       strtoull(value, NULL, 16)),
						 0);
				continue;
			}
			const size_t size = from_hex(value + 1, length - 1, tails + used);
			assert_int_equal(vmsg_field_set_bytes(
						 &message, &info,
						 (struct vmsg_bytes){ tails + used, size }, true),
					 0);
			used += size;
		}
		assert_int_equal(vmsg_encoded_size(profile, &message), expected.size);
		assert_int_equal(vmsg_encode(profile, &message,
					     (struct vmsg_span){ frame, sizeof(frame) }, NULL),
				 expected.size);
		assert_memory_equal(frame, expected.data, expected.size);
		coverage_note("vector", profile->name, message.header.type, message.header.kind);
	}
}

static void every_body_of_every_profile_has_a_vector(void **state)
{
	(void)state;
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
		const char *name = id == VMSG_PROFILE_R1_A16 ? "r1" : profile->name;
		for (int body = 0; body < VMSG_TYPE_COUNT * 3; body++) {
			const enum vmsg_type type = (enum vmsg_type)(body / 3);
			const enum vmsg_kind kind = (enum vmsg_kind)(body % 3);
			bool found = !vmsg_schema_has(profile, type, kind);
			for (size_t i = 0; i < COUNT && !found; i++) {
				const struct vector *vector = vector_at(i);
				found = strcmp(vector->profile, name) == 0 &&
					strcmp(vector->name, vmsg_type_name(type)) == 0 &&
					kind_of(vector) == kind;
			}
			if (!found) {
				fail_msg("%s has no vector of %s %s", name, vmsg_type_name(type),
					 vmsg_kind_name(kind));
			}
		}
	}
}

/* r1-a16 is r1 on the wire; only addresses differ. */
static void r1_with_wide_area_ids_has_the_frames_of_r1(void **state)
{
	const struct vmsg_profile *narrow = vmsg_profile(VMSG_PROFILE_R1);
	const struct vmsg_profile *wide = vmsg_profile(VMSG_PROFILE_R1_A16);

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		uint8_t bytes[256];
		uint8_t frame[256];
		struct vmsg_message message;
		if (strcmp(vector_at(i)->profile, narrow->name) != 0) {
			continue;
		}
		const struct vmsg_bytes expected = frame_of(vector_at(i), bytes);
		assert_int_equal(vmsg_decode(wide, expected, &message, NULL), 0);
		assert_int_equal(vmsg_encode(wide, &message,
					     (struct vmsg_span){ frame, sizeof(frame) }, NULL),
				 expected.size);
		assert_memory_equal(frame, expected.data, expected.size);
		coverage_note("vector", wide->name, message.header.type, message.header.kind);
	}
}

static void version_frames_tell_their_dialect(void **state)
{
	(void)state;
	for (size_t i = 0; i < GIVEN; i++) {
		const struct vector *vector = vector_at(i);
		uint8_t bytes[256] = { 0 };
		const struct vmsg_bytes frame = frame_of(vector, bytes);
		const bool response = kind_of(vector) == VMSG_RESPONSE;
		const struct vmsg_profile *found = vmsg_profile_detect(frame, response);

		if (strcmp(vector->name, "VERSION") != 0) {
			assert_true(!found || found->id == VMSG_PROFILE_A1);
			continue;
		}
		assert_string_equal(found->name, vector->profile);
	}
}

static void area_ids_and_offsets_share_an_address(void **state)
{
	(void)state;
	uint16_t area;
	uint64_t offset;
	uint64_t address;

	/* the same bytes, once 8 bits at 56, once 16 at 48 */
	vmsg_address_split(vmsg_profile(VMSG_PROFILE_R1), 0x7f00123456789abcull, &area, &offset);
	assert_int_equal(area, 0x7f);
	assert_int_equal(offset, 0x123456789abcull);
	vmsg_address_split(vmsg_profile(VMSG_PROFILE_R3), 0x7f00123456789abcull, &area, &offset);
	assert_int_equal(area, 0x7f00);
	assert_int_equal(offset, 0x123456789abcull);
	assert_int_equal(vmsg_address_make(vmsg_profile(VMSG_PROFILE_R1_A16), 0x7f00,
					   0x123456789abcull, &address),
			 0);
	assert_int_equal(address, 0x7f00123456789abcull);
	assert_true(vmsg_address_make(vmsg_profile(VMSG_PROFILE_R1), 256, 0, &address) < 0);
	assert_true(vmsg_address_make(vmsg_profile(VMSG_PROFILE_R3), 1, 1ull << 48, &address) < 0);
	assert_true(vmsg_address_make(vmsg_profile(VMSG_PROFILE_R3), 0x10000, 0, &address) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_decodes_to_its_fields),
		cmocka_unit_test(every_vector_encodes_to_its_bytes),
		cmocka_unit_test(every_body_of_every_profile_has_a_vector),
		cmocka_unit_test(r1_with_wide_area_ids_has_the_frames_of_r1),
		cmocka_unit_test(version_frames_tell_their_dialect),
		cmocka_unit_test(area_ids_and_offsets_share_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
