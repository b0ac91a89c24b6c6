/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole table, message by message and profile by profile: random fields come back from the
 * wire; every shorter frame is refused; no byte behind a frame is read, none behind the room
 * written. Buffers end at an unreadable page.
 */
#include <string.h>

#include "support/cmocka.h"
#include "support/coverage.h"
#include "support/guard.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/schema.h"

#define ROUNDS 20

static struct guard guard;
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int open_guard(void **state)
{
	(void)state;
	guard_open(&guard);
	return 0;
}

static int close_guard(void **state)
{
	(void)state;
	guard_close(&guard);
	return 0;
}

/* A message of this body with random fields that the profile can carry. */
static struct vmsg_message random_message(const struct vmsg_profile *profile, enum vmsg_type type,
					  enum vmsg_kind kind, uint8_t tails[64])
{
	struct vmsg_message message = { .header = { .type = type, .kind = kind } };
	struct vmsg_field_info info;

	if (!vmsg_type_is_bus(type) || type == VMSG_ERROR) {
		message.header.dev_num = (uint16_t)next_random();
	}
	message.header.token = profile->has_token ? (uint16_t)next_random() : 0;
	for (uint32_t i = 0; vmsg_schema_field(profile, type, kind, i, &info); i++) {
		if (info.form == VMSG_FORM_NUMBER) {
			uint64_t value = next_random() & info.limit;
			value -= vmsg_field_set_number(&message, &info, value) < 0 ? value % 32 : 0;
			assert_int_equal(vmsg_field_set_number(&message, &info, value), 0);
			continue;
		}
		size_t size = info.form == VMSG_FORM_UUID ? 16 : next_random() % 7 * 4;
		if (info.width && info.form == VMSG_FORM_BYTES) {
			size = info.width; /* whole, for fields without a count */
		}
		for (size_t j = 0; j < size; j++) {
			tails[j] = (uint8_t)next_random();
		}
		assert_int_equal(vmsg_field_set_bytes(&message, &info,
						      (struct vmsg_bytes){ tails, size }, false),
				 0);
	}
	if (type == VMSG_GET_DEVICES && kind == VMSG_RESPONSE && profile->has_size) {
		/* the one rule between numbers: 0, or beyond what has been listed */
		struct vmsg_get_devices_response *list = &message.body.get_devices_response;
		const uint32_t least = (uint32_t)list->offset + (list->count ? list->count : 1);
		if (list->next_offset < least) {
			list->next_offset = (uint16_t)(least <= UINT16_MAX ? least : 0);
		}
	}
	return message;
}

static void assert_same(const struct vmsg_profile *profile, const struct vmsg_message *a,
			const struct vmsg_message *b)
{
	struct vmsg_field_info info;

	assert_int_equal(a->header.type, b->header.type);
	assert_int_equal(a->header.kind, b->header.kind);
	assert_int_equal(a->header.dev_num, b->header.dev_num);
	assert_int_equal(a->header.token, b->header.token);
	for (uint32_t i = 0; vmsg_schema_field(profile, a->header.type, a->header.kind, i, &info);
	     i++) {
		if (info.form == VMSG_FORM_NUMBER) {
			assert_int_equal(vmsg_field_number(a, &info), vmsg_field_number(b, &info));
			continue;
		}
		const struct vmsg_bytes left = vmsg_field_bytes(a, &info);
		const struct vmsg_bytes right = vmsg_field_bytes(b, &info);
		assert_int_equal(left.size, right.size);
		assert_true(left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
	}
}

/* Runs `check` on ROUNDS random messages of every body of every profile. */
static void for_every_body(void (*check)(const struct vmsg_profile *, const struct vmsg_message *))
{
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
		for (int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
			for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
				if (!vmsg_schema_has(profile, (enum vmsg_type)type,
						     (enum vmsg_kind)kind)) {
					continue;
				}
				for (int round = 0; round < ROUNDS; round++) {
					uint8_t tails[64];
					const struct vmsg_message message =
						random_message(profile, (enum vmsg_type)type,
							       (enum vmsg_kind)kind, tails);
					check(profile, &message);
				}
				coverage_note("property", profile->name, (enum vmsg_type)type,
					      (enum vmsg_kind)kind);
			}
		}
	}
}

static size_t encode(const struct vmsg_profile *profile, const struct vmsg_message *message,
		     uint8_t *at, size_t size)
{
	assert_int_equal(vmsg_encode(profile, message, (struct vmsg_span){ at, size }, NULL), size);
	return size;
}

static void check_round_trip(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	uint8_t *frame = guard_bytes(&guard, size);
	struct vmsg_message back;

	encode(profile, message, frame, size);
	assert_int_equal(vmsg_decode(profile, (struct vmsg_bytes){ frame, size }, &back, NULL), 0);
	assert_same(profile, message, &back);
	coverage_note("encode", profile->name, message->header.type, message->header.kind);
	coverage_note("decode", profile->name, message->header.type, message->header.kind);
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
	(void)state;
	for_every_body(check_round_trip);
}

/* Cut off with its size untouched, and cut off with the size telling the truth. */
static void check_shorter(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	uint8_t frame[512];
	struct vmsg_message back;
	struct vmsg_diagnosis diagnosis;

	encode(profile, message, frame, size);
	for (size_t shorter = 0; shorter < size; shorter++) {
		uint8_t *cut = guard_bytes(&guard, shorter);
		memcpy(cut, frame, shorter);
		memset(&diagnosis, 0, sizeof(diagnosis));
		int error = vmsg_decode(profile, (struct vmsg_bytes){ cut, shorter }, &back,
					&diagnosis);
		assert_true(error == VMSG_ERROR_TRUNCATED || error == VMSG_ERROR_BAD_HEADER);
		assert_string_not_equal(vmsg_diagnosis_field(&diagnosis), "");
		if (!profile->has_size || shorter < profile->header_size) {
			continue;
		}
		cut[profile->has_token ? 6 : 4] = (uint8_t)shorter;
		cut[profile->has_token ? 7 : 5] = 0;
		error = vmsg_decode(profile, (struct vmsg_bytes){ cut, shorter }, &back,
				    &diagnosis);
		/* the tail of some messages may be missing as a whole */
		assert_true(error == VMSG_ERROR_TRUNCATED ||
			    (error == 0 && (message->header.type == VMSG_SET_CONFIG ||
					    message->header.type == VMSG_EVENT_CONFIG)));
	}
}

static void every_shorter_frame_is_refused(void **state)
{
	(void)state;
	for_every_body(check_shorter);
}

static void check_room(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);

	for (size_t room = 0; room < size; room++) {
		uint8_t *at = guard_bytes(&guard, room);
		memset(at, 0xa5, room);
		assert_int_equal(
			vmsg_encode(profile, message, (struct vmsg_span){ at, room }, NULL),
			VMSG_ERROR_NO_SPACE);
		for (size_t i = 0; i < room; i++) {
			assert_int_equal(at[i], 0xa5);
		}
	}
}

static void nothing_is_written_where_there_is_too_little_room(void **state)
{
	(void)state;
	for_every_body(check_room);
}

static void check_padding(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	uint8_t frame[512];
	struct vmsg_message back;

	memset(frame, 0xff, sizeof(frame));
	encode(profile, message, frame, size);
	assert_int_equal(frame[size], 0xff);
	assert_int_equal(vmsg_decode(profile, (struct vmsg_bytes){ frame, size + 13 }, &back, NULL),
			 0);
	assert_same(profile, message, &back);
}

static void padding_behind_a_frame_is_ignored(void **state)
{
	(void)state;
	for_every_body(check_padding);
}

/* Surplus that the size tells of: forward compatible, unless a length or a count says otherwise. */
static void check_surplus(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	const enum vmsg_type type = message->header.type;
	bool exact = type == VMSG_VERSION || type == VMSG_ERROR;
	uint8_t frame[512];
	struct vmsg_message back;
	struct vmsg_field_info info;

	if (!profile->has_size) {
		return; /* one size for all */
	}
	for (uint32_t i = 0;
	     vmsg_schema_field(profile, message->header.type, message->header.kind, i, &info);
	     i++) {
		exact = exact || info.width == 0;
	}
	memset(frame, 0xff, sizeof(frame));
	encode(profile, message, frame, size);
	for (size_t longer = size + 1; longer < size + 20; longer++) {
		frame[profile->header_size - 2] = (uint8_t)longer;
		frame[profile->header_size - 1] = (uint8_t)(longer >> 8);
		const int error = vmsg_decode(profile, (struct vmsg_bytes){ frame, sizeof(frame) },
					      &back, NULL);
		/* an optional tail that was absent asks for as much as its count says */
		assert_true(!exact ? error == 0
				   : error == VMSG_ERROR_TRAILING || error == VMSG_ERROR_TRUNCATED);
		if (!exact) {
			assert_same(profile, message, &back);
		}
	}
}

static void surplus_is_ignored_where_no_length_is_fixed(void **state)
{
	(void)state;
	for_every_body(check_surplus);
}

/* Marks the bytes that fields cover; what is left of the body is reserved. */
static void cover(const struct vmsg_profile *profile, const struct vmsg_header *header,
		  uint8_t covered[512], size_t size)
{
	struct vmsg_field_info info;

	memset(covered, 0, 512);
	memset(covered, 1, profile->header_size);
	for (uint32_t i = 0; vmsg_schema_field(profile, header->type, header->kind, i, &info);
	     i++) {
		const size_t offset = (size_t)profile->header_size + info.offset;
		memset(covered + offset, 1, info.width ? info.width : size - offset);
	}
}

static void check_reserved(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	uint8_t frame[512];
	uint8_t covered[512];
	struct vmsg_message back;

	memset(frame, 0xff, sizeof(frame));
	encode(profile, message, frame, size);
	cover(profile, &message->header, covered, size);
	for (size_t i = 0; i < size; i++) {
		if (!covered[i]) {
			assert_int_equal(frame[i], 0);
			frame[i] = 0x5a;
		}
	}
	assert_int_equal(vmsg_decode(profile, (struct vmsg_bytes){ frame, size }, &back, NULL), 0);
	assert_same(profile, message, &back);
}

static void reserved_bytes_are_sent_as_zero_and_ignored(void **state)
{
	(void)state;
	for_every_body(check_reserved);
}

/* The bytes of a field, by its place in the reflection, are its value. */
static void check_peek(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	uint8_t frame[512];
	struct vmsg_field_info info;
	uint64_t value;

	encode(profile, message, frame, size);
	for (uint32_t i = 0;
	     vmsg_schema_field(profile, message->header.type, message->header.kind, i, &info);
	     i++) {
		const struct vmsg_bytes body = { frame + profile->header_size,
						 (size_t)info.offset + info.width };
		const struct vmsg_bytes cut = { body.data, body.size - 1 };
		assert_int_equal(vmsg_field_peek(&info, body, &value),
				 info.form == VMSG_FORM_NUMBER);
		if (info.form == VMSG_FORM_NUMBER) {
			assert_int_equal(value, vmsg_field_number(message, &info));
			assert_false(vmsg_field_peek(&info, cut, &value));
		}
	}
}

static void a_fields_place_holds_its_value(void **state)
{
	(void)state;
	for_every_body(check_peek);
}

static void check_type_bits(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const size_t size = (size_t)vmsg_encoded_size(profile, message);
	uint8_t frame[512];
	struct vmsg_message back;

	encode(profile, message, frame, size);
	assert_int_equal(frame[0] & ~3, 0);
	frame[0] |= 0xfc;
	assert_int_equal(vmsg_decode(profile, (struct vmsg_bytes){ frame, size }, &back, NULL), 0);
	assert_same(profile, message, &back);
	if (message->header.kind == VMSG_EVENT) {
		frame[0] = (uint8_t)((frame[0] & 2) | 1);
		assert_int_equal(
			vmsg_decode(profile, (struct vmsg_bytes){ frame, size }, &back, NULL),
			VMSG_ERROR_BAD_FIELD);
	}
}

static void reserved_type_bits_are_ignored_and_events_are_no_responses(void **state)
{
	(void)state;
	for_every_body(check_type_bits);
}

static void unknown_numbers_are_refused(void **state)
{
	(void)state;
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
		for (unsigned int number = 0; number < 256; number++) {
			for (uint8_t type = 0; type < 4; type++) {
				uint8_t frame[8] = { type, (uint8_t)number };
				struct vmsg_message message;
				bool known = number == 0 && type == 3;
				frame[profile->header_size - 2] = profile->header_size;
				for (int each = 1; each < VMSG_TYPE_COUNT; each++) {
					known = known ||
						(vmsg_schema_id(profile, (enum vmsg_type)each) ==
							 (int)number &&
						 vmsg_type_is_bus((enum vmsg_type)each) ==
							 (bool)(type & 2));
				}
				const int error = vmsg_decode(
					profile, (struct vmsg_bytes){ frame, profile->header_size },
					&message, NULL);
				assert_int_equal(error == VMSG_ERROR_UNKNOWN_ID, !known);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(every_shorter_frame_is_refused),
		cmocka_unit_test(nothing_is_written_where_there_is_too_little_room),
		cmocka_unit_test(padding_behind_a_frame_is_ignored),
		cmocka_unit_test(surplus_is_ignored_where_no_length_is_fixed),
		cmocka_unit_test(reserved_bytes_are_sent_as_zero_and_ignored),
		cmocka_unit_test(a_fields_place_holds_its_value),
		cmocka_unit_test(reserved_type_bits_are_ignored_and_events_are_no_responses),
		cmocka_unit_test(unknown_numbers_are_refused),
	};
	return cmocka_run_group_tests(tests, open_guard, close_guard);
}
