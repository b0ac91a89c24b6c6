/* SPDX-License-Identifier: BSD-3-Clause */
/* What bytes and messages the codec refuses, which field it names, and what it says of it. */
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/schema.h"

#define FRAME_MAX 128

static const struct {
	const char *profile;
	const char *hex;
	int error;
	const char *field;
	const char *text;
} bad_frames[] = {
	/* the header */
	{ "r1", "0280", VMSG_ERROR_TRUNCATED, "header",
	  "frame of 2 bytes is shorter than its `header` of 6" },
	{ "r3", "02800000020014", VMSG_ERROR_TRUNCATED, "header",
	  "VERSION request: frame of 7 bytes is shorter than its `header` of 8" },
	{ "a2", "0005210034120400", VMSG_ERROR_TRUNCATED, "header",
	  "GET_CONFIG request: frame of 8 bytes is shorter than its `header` of 40" },
	{ "r1", "000709000500", VMSG_ERROR_BAD_HEADER, "msg_size",
	  "GET_DEVICE_STATUS request: `msg_size` 5 is less than the header's 6" },
	{ "r3", "0007090001000700", VMSG_ERROR_BAD_HEADER, "msg_size",
	  "GET_DEVICE_STATUS request: `msg_size` 7 is less than the header's 8" },
	{ "r1", "000709000700", VMSG_ERROR_BAD_HEADER, "msg_size",
	  "GET_DEVICE_STATUS request: `msg_size` 7 exceeds the 6 bytes given" },
	{ "r1", "005509000600", VMSG_ERROR_UNKNOWN_ID, "msg_id",
	  "`msg_id` 85 is no transport message" },
	{ "r1", "025500000600", VMSG_ERROR_UNKNOWN_ID, "msg_id", "`msg_id` 85 is no bus message" },
	{ "r0", "028300000600", VMSG_ERROR_TRUNCATED, "area_id",
	  "AREA_RELEASE event: `area_id` ends at byte 2 of a payload of 0" },
	{ "r0", "028500000600", VMSG_ERROR_UNKNOWN_ID, "msg_id", "`msg_id` 133 is no bus message" },
	{ "r1", "01420d000a0001000000", VMSG_ERROR_BAD_FIELD, "type",
	  "EVENT_USED response: `type` 1 marks an event as a response" },
	{ "r3", "028706000b0a0a000900", VMSG_ERROR_BAD_FIELD, "type",
	  "ERROR request: `type` 2 marks a request, but it exists as a response only" },
	{ "r3", "0203010001000c0000000000", VMSG_ERROR_BAD_FIELD, "dev_num",
	  "PING request: `dev_num` 1 is not 0, as a bus message has it" },
	{ "r1", "028001001800010000000100000000000000000000000000", VMSG_ERROR_BAD_FIELD, "dev_num",
	  "VERSION request: `dev_num` 1 is not 0, as a bus message has it" },
	/* null replies are header-only bus responses */
	{ "r3", "0300000002010900ff", VMSG_ERROR_UNKNOWN_ID, "msg_id",
	  "`msg_id` 0 is no bus message" },
	{ "r3", "0100000002010800", VMSG_ERROR_UNKNOWN_ID, "msg_id",
	  "`msg_id` 0 is no transport message" },
	{ "r3", "0200000002010800", VMSG_ERROR_UNKNOWN_ID, "msg_id",
	  "`msg_id` 0 is no bus message" },
	{ "r3", "0300010002010800", VMSG_ERROR_BAD_FIELD, "dev_num",
	  "`dev_num` 1 is not 0, as a bus message has it" },
	/* bodies */
	{ "r1", "000503010d0014000000080000", VMSG_ERROR_TRUNCATED, "length",
	  "GET_CONFIG request: `length` ends at byte 8 of a payload of 7" },
	{ "r1", "0105040017006400000010000000060000000102030405", VMSG_ERROR_TRUNCATED, "length",
	  "GET_CONFIG response: `length` 6 exceeds payload 5" },
	{ "r1", "0105040017006400000010000000040000000102030405", VMSG_ERROR_TRAILING, "length",
	  "GET_CONFIG response: `length` 4 leaves 1 bytes of the payload over" },
	{ "r1",
	  "010504001700640000001000000001000001"
	  "0102030405",
	  VMSG_ERROR_TRUNCATED, "length",
	  "GET_CONFIG response: `length` 0x1000001 exceeds payload 5" },
	/* 0x40000001 words are 4 bytes, if counted in 32 bits */
	{ "r1", "000402011200000000000100004001000000", VMSG_ERROR_TRUNCATED, "num_blocks",
	  "SET_DRIVER_FEATURES request: `num_blocks` 0x40000001 exceeds payload 1" },
	{ "r1", "000402011300000000000100000001000000ff", VMSG_ERROR_TRAILING, "num_blocks",
	  "SET_DRIVER_FEATURES request: `num_blocks` 1 leaves 1 bytes of the payload over" },
	{ "r1", "030200000d00100009002800ff", VMSG_ERROR_BAD_FIELD, "count",
	  "GET_DEVICES response: `count` 9 is no multiple of 8" },
	{ "r1", "030200000d00100010002800ff", VMSG_ERROR_TRUNCATED, "count",
	  "GET_DEVICES response: `count` 16 exceeds payload 8" },
	{ "r3", "030200000700100003000c0008001101", VMSG_ERROR_TRAILING, "count",
	  "GET_DEVICES response: `count` 8 leaves 1 bytes of the payload over" },
	{ "r1", "00400b0017000f00000067000000300000000200000099", VMSG_ERROR_TRUNCATED, "length",
	  "EVENT_CONFIG event: `length` 2 exceeds payload 1" },
	{ "r1", "00400b0016000f000000670000003000000002000000", VMSG_ERROR_TRUNCATED, "length",
	  "EVENT_CONFIG event: `length` 2 exceeds payload 0" },
	{ "r0", "010206001a000200000051454d55410000003c00000003000000", VMSG_ERROR_BAD_FIELD,
	  "num_feature_bits",
	  "GET_DEVICE_INFO response: `num_feature_bits` 65 is no multiple of 32" },
	/* one length only */
	{ "r3", "0280000002001500000000000000000002000100ff", VMSG_ERROR_TRAILING, "msg_size",
	  "VERSION request: `msg_size` is 1 more than this message has" },
	{ "r0", "0280000018000100000001000000000000000f000000ff00", VMSG_ERROR_TRAILING, "msg_size",
	  "VERSION request: `msg_size` is 14 more than this message has" },
	{ "r3", "038706000b0a0b00090000", VMSG_ERROR_TRAILING, "msg_size",
	  "ERROR response: `msg_size` is 1 more than this message has" },
	{ "r3", "038706000b0a0a000901", VMSG_ERROR_BAD_FIELD, "original_msg_id",
	  "ERROR response: `original_msg_id` 265 exceeds 255" },
	/* wider on the wire than any later revision has it */
	{ "a1",
	  "02040000000001001100000000000000"
	  "000000000000000000000000000000000000000000000000",
	  VMSG_ERROR_BAD_FIELD, "area_id", "AREA_SHARE request: `area_id` 0x10000 exceeds 65535" },
	{ "a2",
	  "01050400000000210102030400000000"
	  "000000000000000000000000000000000000000000000000",
	  VMSG_ERROR_TRUNCATED, "length", "GET_CONFIG response: `length` 33 exceeds payload 32" },
};

static void bad_frames_are_refused_naming_field_and_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_frames) / sizeof(bad_frames[0]); i++) {
		static const struct vmsg_message nothing;
		uint8_t bytes[FRAME_MAX];
		const struct vmsg_bytes frame = { bytes, hex_to_bytes(bad_frames[i].hex, bytes,
								      sizeof(bytes)) };
		const struct vmsg_profile *profile = vmsg_profile_find(bad_frames[i].profile);
		struct vmsg_message message;
		struct vmsg_diagnosis diagnosis;
		char text[128];

		memset(&message, 0xa5, sizeof(message));
		assert_int_equal(vmsg_decode(profile, frame, &message, &diagnosis),
				 bad_frames[i].error);
		assert_string_equal(vmsg_diagnosis_field(&diagnosis), bad_frames[i].field);
		(void)vmsg_format_diagnosis(&diagnosis, text, sizeof(text));
		assert_string_equal(text, bad_frames[i].text);
		assert_memory_equal(&message.body, &nothing.body, sizeof(nothing.body));
		assert_int_equal(vmsg_decode(profile, frame, &message, NULL), bad_frames[i].error);
	}
}

static int decode(const char *profile, const char *hex, struct vmsg_message *message)
{
	static uint8_t bytes[FRAME_MAX];
	const struct vmsg_bytes frame = { bytes, hex_to_bytes(hex, bytes, sizeof(bytes)) };

	return vmsg_decode(vmsg_profile_find(profile), frame, message, NULL);
}

static void tails_that_may_be_absent_may_be_absent(void **state)
{
	struct vmsg_message message;

	(void)state;
	assert_int_equal(decode("r1",
				"0106040012000900000004000000"
				"08000000",
				&message),
			 0);
	assert_int_equal(message.body.set_config_response.length, 8);
	assert_int_equal(message.body.set_config_response.data.size, 0);
	assert_int_equal(decode("r3",
				"00400b00060218004f0000006800000004000000"
				"02000000",
				&message),
			 0);
	assert_int_equal(message.body.event_config.length, 2);
	assert_int_equal(message.body.event_config.data.size, 0);
}

static void the_null_reply_is_a_message_of_no_type(void **state)
{
	struct vmsg_message message;
	uint8_t frame[8];

	(void)state;
	assert_int_equal(decode("r3", "0300000002010800", &message), 0);
	assert_int_equal(message.header.type, VMSG_NONE);
	assert_int_equal(message.header.kind, VMSG_RESPONSE);
	assert_int_equal(message.header.token, 0x102);
	assert_int_equal(vmsg_encode(vmsg_profile(VMSG_PROFILE_R3), &message,
				     (struct vmsg_span){ frame, sizeof(frame) }, NULL),
			 8);
	assert_bytes_hex((struct vmsg_bytes){ frame, 8 }, "0300000002010800");
	assert_int_equal(decode("r1", "030000000600", &message), 0);
	assert_int_equal(message.header.type, VMSG_NONE);
	message.header.kind = VMSG_REQUEST;
	assert_int_equal(vmsg_encoded_size(vmsg_profile(VMSG_PROFILE_R1), &message),
			 VMSG_ERROR_REVISION);
	message.header.kind = VMSG_RESPONSE;
	assert_int_equal(vmsg_encoded_size(vmsg_profile(VMSG_PROFILE_A1), &message),
			 VMSG_ERROR_REVISION);
	message.header.dev_num = 1; /* what decode refuses is not sent either */
	assert_int_equal(vmsg_encoded_size(vmsg_profile(VMSG_PROFILE_R1), &message),
			 VMSG_ERROR_RANGE);
}

/* Refused by profile `id` with this error, field and text; nothing written. */
static void assert_refused(enum vmsg_profile_id id, const struct vmsg_message *message, size_t room,
			   int error, const char *field, const char *what)
{
	static uint8_t frame[70000];
	struct vmsg_diagnosis diagnosis;
	char text[128];

	memset(frame, 0xa5, sizeof(frame));
	assert_int_equal(vmsg_encode(vmsg_profile(id), message, (struct vmsg_span){ frame, room },
				     &diagnosis),
			 error);
	assert_string_equal(vmsg_diagnosis_field(&diagnosis), field);
	(void)vmsg_format_diagnosis(&diagnosis, text, sizeof(text));
	assert_string_equal(text, what);
	for (size_t i = 0; i < sizeof(frame); i++) {
		assert_int_equal(frame[i], 0xa5);
	}
	assert_int_equal(
		vmsg_encode(vmsg_profile(id), message, (struct vmsg_span){ frame, room }, NULL),
		error);
}

static struct vmsg_message message_of(enum vmsg_type type, enum vmsg_kind kind)
{
	return (struct vmsg_message){ .header = { .type = type, .kind = kind } };
}

static void what_a_profile_cannot_carry_is_not_encoded(void **state)
{
	struct vmsg_message message = message_of(VMSG_GET_DEVICE_INFO, VMSG_RESPONSE);

	(void)state;
	message.body.get_device_info_response.admin_vq_start = 0x10000;
	assert_refused(VMSG_PROFILE_R1, &message, 64, VMSG_ERROR_RANGE, "admin_vq_start",
		       "GET_DEVICE_INFO response: `admin_vq_start` 0x10000 exceeds 65535");
	assert_int_equal(vmsg_encoded_size(vmsg_profile(VMSG_PROFILE_R3), &message), 52);
	message.body.get_device_info_response.admin_vq_start = 0;
	message.body.get_device_info_response.num_feature_blocks = 1u << 27;
	assert_refused(VMSG_PROFILE_R1, &message, 64, VMSG_ERROR_RANGE, "num_feature_bits",
		       "GET_DEVICE_INFO response: `num_feature_bits` 0x8000000 exceeds 0x7ffffff");
	message = message_of(VMSG_GET_SHM, VMSG_RESPONSE);
	message.body.get_shm_response.length = 0x123456789abull;
	assert_refused(VMSG_PROFILE_R2B, &message, 64, VMSG_ERROR_RANGE, "length",
		       "GET_SHM response: `length` 0x123456789ab exceeds 0xffffffff");
	message = message_of(VMSG_GET_CONFIG, VMSG_REQUEST);
	message.body.get_config_request.offset = 1u << 24;
	assert_refused(VMSG_PROFILE_A2, &message, 64, VMSG_ERROR_RANGE, "offset",
		       "GET_CONFIG request: `offset` 0x1000000 exceeds 0xffffff");
	message = message_of(VMSG_EVENT_AVAIL, VMSG_EVENT);
	message.body.event_avail.next_offset = 0x80000000;
	assert_refused(VMSG_PROFILE_R3, &message, 64, VMSG_ERROR_RANGE, "next_offset",
		       "EVENT_AVAIL event: `next_offset` 0x80000000 exceeds 0x7fffffff");
	message = message_of(VMSG_ERROR, VMSG_RESPONSE);
	message.body.error_response.original_msg_id = 0x100;
	assert_refused(VMSG_PROFILE_R3, &message, 64, VMSG_ERROR_RANGE, "original_msg_id",
		       "ERROR response: `original_msg_id` 256 exceeds 255");
}

static void headers_that_a_profile_lacks_are_not_encoded(void **state)
{
	struct vmsg_message message = message_of(VMSG_FIFO_CONFIGURE, VMSG_REQUEST);

	(void)state;
	assert_refused(VMSG_PROFILE_R2A, &message, 64, VMSG_ERROR_REVISION, "type",
		       "FIFO_CONFIGURE request: the profile has no message of this `type`");
	message = message_of(VMSG_EVENT_USED, VMSG_RESPONSE);
	assert_refused(VMSG_PROFILE_R3, &message, 64, VMSG_ERROR_REVISION, "type",
		       "EVENT_USED response: the profile has no message of this `type`");
	message = message_of(VMSG_TYPE_COUNT, VMSG_REQUEST);
	assert_int_equal(vmsg_encoded_size(vmsg_profile(VMSG_PROFILE_R3), &message),
			 VMSG_ERROR_REVISION);
	message = message_of(VMSG_PING, VMSG_REQUEST);
	message.header.token = 7;
	assert_refused(VMSG_PROFILE_R1, &message, 64, VMSG_ERROR_RANGE, "token",
		       "PING request: `token` 7 has no place in this profile's header");
	message.header.dev_num = 1;
	assert_refused(VMSG_PROFILE_R3, &message, 64, VMSG_ERROR_RANGE, "dev_num",
		       "PING request: `dev_num` 1 is not 0, as a bus message has it");
}

static void counts_and_tails_agree_or_are_not_encoded(void **state)
{
	static const uint8_t bytes[70000];
	struct vmsg_message message = message_of(VMSG_GET_CONFIG, VMSG_RESPONSE);
	struct vmsg_config *config = &message.body.get_config_response;

	(void)state;
	*config = (struct vmsg_config){ 1, 2, 40, { bytes, 36 } };
	assert_refused(VMSG_PROFILE_R3, &message, 128, VMSG_ERROR_BAD_FIELD, "length",
		       "GET_CONFIG response: `length` 40 exceeds payload 36");
	*config = (struct vmsg_config){ 1, 2, 35, { bytes, 36 } };
	assert_refused(VMSG_PROFILE_R1, &message, 128, VMSG_ERROR_BAD_FIELD, "length",
		       "GET_CONFIG response: `length` 35 leaves 1 bytes of the payload over");
	*config = (struct vmsg_config){ 1, 2, 33, { bytes, 33 } };
	assert_refused(VMSG_PROFILE_A2, &message, 128, VMSG_ERROR_RANGE, "data",
		       "GET_CONFIG response: `data` 33 exceeds 32");
	/* as long as any frame, and longer */
	*config = (struct vmsg_config){ 1, 2, 65516, { bytes, 65516 } };
	assert_refused(VMSG_PROFILE_R3, &message, 70000, VMSG_ERROR_RANGE, "msg_size",
		       "GET_CONFIG response: `msg_size` 0x10000 exceeds 65535, the most that it "
		       "carries");
	*config = (struct vmsg_config){ 1, 2, 65536, { bytes, 65536 } };
	assert_refused(VMSG_PROFILE_R3, &message, 70000, VMSG_ERROR_RANGE, "data",
		       "GET_CONFIG response: `data` 0x10000 exceeds 65535");
	*config = (struct vmsg_config){ 1, 2, 65515, { bytes, 65515 } };
	assert_int_equal(vmsg_encoded_size(vmsg_profile(VMSG_PROFILE_R3), &message), 65535);
	assert_refused(VMSG_PROFILE_R3, &message, 65534, VMSG_ERROR_NO_SPACE, "msg_size",
		       "GET_CONFIG response: `msg_size` 65535 exceeds the 65534 bytes given");
}

/* Hot messages take a way of their own in r3; r2b has the same bytes for these. */
static void the_hot_way_gives_what_the_general_way_gives(void **state)
{
	static const char *const frames[] = {
		"00410c00000010000600000023010080",
		"00420c00000a0c0006000000ff",
		"000704000102"
		"0800",
		"000503000500100004000000"
		"08000000",
		"010503000600"
		"1700"
		"010000000200000003000000"
		"aabbcc",
		"000603000700"
		"1600"
		"010000000200000002000000"
		"aabb",
		"010503000800"
		"1400"
		"010000000200000000000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct vmsg_message hot;
		struct vmsg_message general;
		uint8_t hot_frame[FRAME_MAX];
		uint8_t general_frame[FRAME_MAX];
		assert_int_equal(decode("r3", frames[i], &hot), 0);
		assert_int_equal(decode("r2b", frames[i], &general), 0);
		const int size = vmsg_encode(vmsg_profile(VMSG_PROFILE_R3), &hot,
					     (struct vmsg_span){ hot_frame, FRAME_MAX }, NULL);
		assert_int_equal(vmsg_encode(vmsg_profile(VMSG_PROFILE_R2B), &general,
					     (struct vmsg_span){ general_frame, FRAME_MAX }, NULL),
				 size);
		assert_memory_equal(hot_frame, general_frame, (size_t)size);
	}
}

/* Decoded into memory that held something else, an absent tail is empty. */
static void nothing_of_an_earlier_message_remains(void **state)
{
	struct vmsg_message message;

	(void)state;
	memset(&message, 0xa5, sizeof(message));
	assert_int_equal(decode("r3", "0105030008001400010000000200000000000000", &message), 0);
	assert_null(message.body.get_config_response.data.data);
	assert_int_equal(message.body.get_config_response.data.size, 0);
}

static void profiles_are_found_by_id_and_name(void **state)
{
	(void)state;
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
		assert_int_equal(profile->id, id);
		assert_ptr_equal(vmsg_profile_find(profile->name), profile);
	}
	assert_null(vmsg_profile(VMSG_PROFILE_COUNT));
	assert_null(vmsg_profile_find("r4"));
	assert_null(vmsg_profile_find("r"));
	assert_null(vmsg_profile_find("r1-"));
}

/* Lengths that fit several profiles are decided in the order of wire-revisions 1.3. */
static void detection_asks_in_the_documented_order(void **state)
{
	static const struct {
		const char *hex;
		bool response;
		const char *profile;
	} frames[] = {
		{ "0280000018001400000000000000000002000100", false, "r3" }, /* token 24 */
		{ "028000000a001000", false, "r2b" },                        /* token 10 */
		{ "0280000018001a00", false, "r2a" },                        /* token 24 */
		{ "028000001800010000000100", false, "r1" },
		{ "028000000a0001000000", false, "r0" },
		{ "0380000010001e00", true, "r3" },
		{ "0380000018001a00", true, "r2b" },
		{ "038000001800", true, "r1" },
		{ "038000001000", true, "r0" },
		{ "028000001800020000000100", false, NULL },
		{ "0280010018000100", false, NULL },
		{ "0281000018000100", false, NULL },
		{ "0280000018000100", true, NULL },
		{ "02", false, NULL },
		{ "0201000001000000"
		  "0000000000000000"
		  "0000000000000000"
		  "0000000000000000"
		  "0000000000000000",
		  false, "a1" },
		{ "0201000001000000", false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint8_t bytes[FRAME_MAX];
		const struct vmsg_bytes frame = { bytes, hex_to_bytes(frames[i].hex, bytes,
								      sizeof(bytes)) };
		const struct vmsg_profile *found = vmsg_profile_detect(frame, frames[i].response);
		assert_ptr_equal(found,
				 frames[i].profile ? vmsg_profile_find(frames[i].profile) : NULL);
	}
}

/* A list of devices must go on beyond what it has told of, or end. */
static void lists_of_devices_go_forward(void **state)
{
	(void)state;
	static const struct {
		const char *profile, *hex;
		bool good;
	} cases[] = {
		{ "r1", "030200000d00 0800 0800 1000 ff", true },
		{ "r1", "030200000d00 0800 0800 0f00 ff", false }, /* inside the window */
		{ "r1", "030200000d00 0800 0800 0800 ff", false },
		{ "r1", "030200000d00 0800 0800 0000 ff", true },
		{ "r2b", "0302000001000f00 f8ff 0800 f8ff ff", false }, /* no slot beyond */
		{ "r2b", "0302000001000e00 0800 0000 0800", false },    /* an empty window, again */
		{ "r2b", "0302000001000e00 0800 0000 1000", true },
		{ "r3", "0302000001000f00 0800 0900 0800 ff", true }, /* one further is enough */
		{ "r3", "0302000001000f00 0800 0800 0800 ff", false },
		{ "r3", "0302000001000f00 0800 0100 0800 ff", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vmsg_profile *profile = vmsg_profile_find(cases[i].profile);
		struct vmsg_diagnosis diagnosis;
		struct vmsg_message message;
		uint8_t bytes[32];
		const size_t size = hex_to_bytes(cases[i].hex, bytes, sizeof(bytes));
		const int error = vmsg_decode(profile, (struct vmsg_bytes){ bytes, size }, &message,
					      &diagnosis);
		assert_int_equal(error, cases[i].good ? 0 : VMSG_ERROR_BAD_FIELD);
		if (!cases[i].good) {
			assert_string_equal(vmsg_diagnosis_field(&diagnosis), "next_offset");
			assert_int_equal(diagnosis.rule, VMSG_RULE_ORDER);
		}
	}
	/* nor is it sent */
	const struct vmsg_message message = {
		.header = { .type = VMSG_GET_DEVICES, .kind = VMSG_RESPONSE },
		.body.get_devices_response = { .offset = 8, .next_offset = 8 },
	};
	for (int id = VMSG_PROFILE_R0; id < VMSG_PROFILE_COUNT; id++) {
		assert_int_equal(
			vmsg_encoded_size(vmsg_profile((enum vmsg_profile_id)id), &message),
			VMSG_ERROR_RANGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_frames_are_refused_naming_field_and_rule),
		cmocka_unit_test(tails_that_may_be_absent_may_be_absent),
		cmocka_unit_test(the_null_reply_is_a_message_of_no_type),
		cmocka_unit_test(lists_of_devices_go_forward),
		cmocka_unit_test(what_a_profile_cannot_carry_is_not_encoded),
		cmocka_unit_test(headers_that_a_profile_lacks_are_not_encoded),
		cmocka_unit_test(counts_and_tails_agree_or_are_not_encoded),
		cmocka_unit_test(the_hot_way_gives_what_the_general_way_gives),
		cmocka_unit_test(nothing_of_an_earlier_message_remains),
		cmocka_unit_test(profiles_are_found_by_id_and_name),
		cmocka_unit_test(detection_asks_in_the_documented_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
