/* SPDX-License-Identifier: BSD-3-Clause */
/* Reflection over the message table, and the table held to a list of sizes of its own. */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/schema.h"

#define NO (-1)

/* Bytes of each body without its tail, by the specification's tables: a1 a2 r0 r1 r2a r2b r3. */
/* clang-format off */
static const struct {
	const char *name;
	const char *kind;
	int sizes[7];
} bodies[] = {
	{ "CONNECT", "request", { 0, NO, NO, NO, NO, NO, NO } },
	{ "CONNECT", "response", { 0, NO, NO, NO, NO, NO, NO } },
	{ "DISCONNECT", "request", { 0, NO, NO, NO, NO, NO, NO } },
	{ "DISCONNECT", "response", { 0, NO, NO, NO, NO, NO, NO } },
	{ "GET_DEVICE_INFO", "request", { 0, 0, 0, 0, 0, 0, 0 } },
	{ "GET_DEVICE_INFO", "response", { 12, 12, 20, 24, 24, 24, 44 } },
	{ "GET_DEVICE_FEATURES", "request", { 4, 4, 8, 8, 8, 8, 8 } },
	{ "GET_DEVICE_FEATURES", "response", { 36, 36, 8, 8, 8, 8, 8 } },
	{ "SET_DRIVER_FEATURES", "request", { 36, 36, 8, 8, 8, 8, 8 } },
	{ "SET_DRIVER_FEATURES", "response", { 36, 36, 0, 0, 0, 0, 0 } },
	{ "GET_CONFIG", "request", { 4, 4, 8, 8, 8, 8, 8 } },
	{ "GET_CONFIG", "response", { 36, 36, 12, 12, 12, 12, 12 } },
	{ "SET_CONFIG", "request", { 36, 36, 12, 12, 12, 12, 12 } },
	{ "SET_CONFIG", "response", { 36, 36, 12, 12, 12, 12, 12 } },
	{ "GET_CONFIG_GEN", "request", { 0, 0, NO, NO, NO, NO, NO } },
	{ "GET_CONFIG_GEN", "response", { 4, 4, NO, NO, NO, NO, NO } },
	{ "GET_DEVICE_STATUS", "request", { 0, 0, 0, 0, 0, 0, 0 } },
	{ "GET_DEVICE_STATUS", "response", { 4, 4, 4, 4, 4, 4, 4 } },
	{ "SET_DEVICE_STATUS", "request", { 4, 4, 4, 4, 4, 4, 4 } },
	{ "SET_DEVICE_STATUS", "response", { 0, 0, 4, 4, 4, 4, 4 } },
	{ "GET_VQUEUE", "request", { 4, 4, 4, 4, 4, 4, 4 } },
	{ "GET_VQUEUE", "response", { 36, 36, 36, 36, 40, 40, 40 } },
	{ "SET_VQUEUE", "request", { 36, 36, 36, 36, 40, 40, 40 } },
	{ "SET_VQUEUE", "response", { 36, 36, 0, 0, 0, 0, 0 } },
	{ "RESET_VQUEUE", "request", { 4, 4, 4, 4, 4, 4, 4 } },
	{ "RESET_VQUEUE", "response", { 0, 0, 0, 0, 0, 0, 0 } },
	{ "EVENT_CONFIG", "event", { 24, 24, 16, 16, 16, 16, 16 } },
	{ "EVENT_AVAIL", "event", { 12, 12, 8, 8, 8, 8, 8 } },
	{ "EVENT_USED", "event", { 4, 4, 4, 4, 4, 4, 4 } },
	{ "BUS_ERROR", "request", { 0, 36, NO, NO, NO, NO, NO } },
	{ "BUS_ERROR", "response", { 0, 36, NO, NO, NO, NO, NO } },
	{ "ACTIVATE", "request", { 4, NO, NO, NO, NO, NO, NO } },
	{ "ACTIVATE", "response", { 20, NO, NO, NO, NO, NO, NO } },
	{ "DEACTIVATE", "request", { 0, NO, NO, NO, NO, NO, NO } },
	{ "DEACTIVATE", "response", { 0, NO, NO, NO, NO, NO, NO } },
	{ "CONFIGURE", "request", { 8, NO, NO, NO, NO, NO, NO } },
	{ "CONFIGURE", "response", { 8, NO, NO, NO, NO, NO, NO } },
	{ "AREA_SHARE", "request", { 12, NO, 26, 26, 26, 26, 26 } },
	{ "AREA_SHARE", "response", { 4, NO, 2, 4, 4, 4, 4 } },
	{ "AREA_UNSHARE", "request", { 12, NO, 2, 2, 2, 2, 2 } },
	{ "AREA_UNSHARE", "response", { 0, NO, 0, 4, 4, 4, 4 } },
	{ "TRANSPORT_ERROR", "request", { NO, 36, NO, NO, NO, NO, NO } },
	{ "TRANSPORT_ERROR", "response", { NO, 36, NO, NO, NO, NO, NO } },
	{ "GET_DEVICES", "request", { NO, 2, 4, 4, 4, 4, 4 } },
	{ "GET_DEVICES", "response", { NO, 36, 6, 6, 6, 6, 6 } },
	{ "DEVICE_ADDED", "event", { NO, 2, 2, NO, NO, NO, NO } },
	{ "DEVICE_REMOVED", "event", { NO, 2, 2, NO, NO, NO, NO } },
	{ "PING", "request", { NO, 4, 4, 4, 4, 4, 4 } },
	{ "PING", "response", { NO, 4, 4, 4, 4, 4, 4 } },
	{ "BUS_STATUS", "event", { NO, 1, NO, NO, NO, NO, NO } },
	{ "EVENT_CONFIG_EMPTY", "event", { NO, NO, 0, NO, NO, NO, NO } },
	{ "VERSION", "request", { NO, NO, 4, 18, 18, 8, 12 } },
	{ "VERSION", "response", { NO, NO, 10, 18, 18, 18, 22 } },
	{ "EVENT_POLL", "request", { NO, NO, 0, 0, 0, 0, 0 } },
	{ "EVENT_POLL", "response", { NO, NO, 0, 0, 0, 0, 0 } },
	{ "AREA_RELEASE", "event", { NO, NO, 2, 2, 2, 2, 2 } },
	{ "GET_SHM", "request", { NO, NO, NO, 4, 4, 4, 4 } },
	{ "GET_SHM", "response", { NO, NO, NO, 12, 12, 12, 24 } },
	{ "EVENT_DEVICE", "event", { NO, NO, NO, 4, 4, 4, 4 } },
	{ "RESET", "request", { NO, NO, NO, 0, 0, 0, 0 } },
	{ "RESET", "response", { NO, NO, NO, 2, 2, 2, 2 } },
	{ "EVENT_CONFIGURE", "request", { NO, NO, NO, NO, 4, 4, 4 } },
	{ "EVENT_CONFIGURE", "response", { NO, NO, NO, NO, 2, 2, 2 } },
	{ "FIFO_CONFIGURE", "request", { NO, NO, NO, NO, NO, 12, 12 } },
	{ "FIFO_CONFIGURE", "response", { NO, NO, NO, NO, NO, 4, 4 } },
	{ "ERROR", "response", { NO, NO, NO, NO, NO, 2, 2 } },
};
/* clang-format on */

static const char *const profiles[] = { "a1", "a2", "r0", "r1", "r2a", "r2b", "r3" };

static int listed(const char *name, const char *kind, size_t profile)
{
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		if (strcmp(bodies[i].name, name) == 0 && strcmp(bodies[i].kind, kind) == 0) {
			return bodies[i].sizes[profile];
		}
	}
	return NO;
}

static void bodies_have_the_sizes_of_the_specification(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		const struct vmsg_profile *profile = vmsg_profile_find(profiles[i]);
		for (int body = 0; body < VMSG_TYPE_COUNT * 3; body++) {
			const enum vmsg_type type = (enum vmsg_type)(body / 3);
			const enum vmsg_kind kind = (enum vmsg_kind)(body % 3);
			const int size = listed(vmsg_type_name(type), vmsg_kind_name(kind), i);
			assert_int_equal(vmsg_schema_size(profile, type, kind), size);
			assert_int_equal(vmsg_schema_has(profile, type, kind), size != NO);
		}
	}
}

static void names_and_types_belong_together(void **state)
{
	(void)state;
	for (int type = VMSG_NONE + 1; type < VMSG_TYPE_COUNT; type++) {
		assert_int_equal(vmsg_schema_type(vmsg_type_name((enum vmsg_type)type)), type);
	}
	assert_int_equal(vmsg_schema_type("GET_CONFI"), VMSG_NONE);
	assert_int_equal(vmsg_schema_type("GET_CONFIGS"), VMSG_NONE);
	assert_int_equal(vmsg_schema_type(""), VMSG_NONE);
	assert_string_equal(vmsg_type_name(VMSG_TYPE_COUNT), "UNKNOWN");
	assert_string_equal(vmsg_kind_name((enum vmsg_kind)3), "unknown");
}

static void a_message_has_a_number_where_it_exists(void **state)
{
	const struct vmsg_profile *r0 = vmsg_profile(VMSG_PROFILE_R0);
	const struct vmsg_profile *r3 = vmsg_profile(VMSG_PROFILE_R3);

	(void)state;
	assert_int_equal(vmsg_schema_id(r0, VMSG_AREA_RELEASE), 0x83);
	assert_int_equal(vmsg_schema_id(r3, VMSG_AREA_RELEASE), 0xc0);
	assert_int_equal(vmsg_schema_id(r3, VMSG_RESET), 0x83);
	assert_int_equal(vmsg_schema_id(r0, VMSG_RESET), -1);
	assert_int_equal(vmsg_schema_id(vmsg_profile(VMSG_PROFILE_R2A), VMSG_ERROR), -1);
	assert_int_equal(vmsg_schema_id(r3, VMSG_NONE), -1);
	assert_int_equal(vmsg_schema_id(r3, VMSG_TYPE_COUNT), -1);
}

static struct vmsg_field_info field(enum vmsg_profile_id id, enum vmsg_type type,
				    enum vmsg_kind kind, uint32_t index)
{
	struct vmsg_field_info info;

	assert_int_equal(vmsg_schema_field(vmsg_profile(id), type, kind, index, &info), 1);
	return info;
}

static void fields_tell_where_they_stand(void **state)
{
	struct vmsg_field_info info = field(VMSG_PROFILE_R3, VMSG_GET_VQUEUE, VMSG_RESPONSE, 4);

	(void)state;
	assert_string_equal(info.name, "desc_addr");
	assert_int_equal(info.offset, 16);
	assert_int_equal(info.width, 8);
	assert_int_equal(info.bits, 64);
	/* behind a reserved word, which is no field */
	info = field(VMSG_PROFILE_R2A, VMSG_GET_VQUEUE, VMSG_RESPONSE, 3);
	assert_string_equal(info.name, "desc_addr");
	assert_int_equal(info.offset, 16);
	/* two parts of a word */
	info = field(VMSG_PROFILE_R3, VMSG_EVENT_AVAIL, VMSG_EVENT, 1);
	assert_int_equal(info.offset, 4);
	assert_int_equal(info.bit, 0);
	assert_int_equal(info.bits, 31);
	assert_int_equal(info.limit, 0x7fffffff);
	info = field(VMSG_PROFILE_R3, VMSG_EVENT_AVAIL, VMSG_EVENT, 2);
	assert_int_equal(info.offset, 4);
	assert_int_equal(info.bit, 31);
	assert_int_equal(info.bits, 1);
	assert_int_equal(info.limit, 1);
	/* a tail knows what counts it */
	info = field(VMSG_PROFILE_R1, VMSG_GET_DEVICES, VMSG_RESPONSE, 3);
	assert_string_equal(info.count, "count");
	assert_int_equal(info.width, 0);
	assert_false(info.optional);
	assert_true(field(VMSG_PROFILE_R3, VMSG_EVENT_CONFIG, VMSG_EVENT, 4).optional);
	assert_null(field(VMSG_PROFILE_A2, VMSG_TRANSPORT_ERROR, VMSG_REQUEST, 3).count);
	assert_int_equal(
		vmsg_schema_field(vmsg_profile(VMSG_PROFILE_R3), VMSG_PING, VMSG_REQUEST, 1, &info),
		0);
	assert_null(info.name);
}

static void numbers_beyond_their_field_are_refused(void **state)
{
	struct vmsg_message message = { 0 };
	struct vmsg_field_info info =
		field(VMSG_PROFILE_R1, VMSG_GET_DEVICE_INFO, VMSG_RESPONSE, 5);

	(void)state;
	assert_string_equal(info.name, "admin_vq_start");
	assert_int_equal(vmsg_field_set_number(&message, &info, 0x10000), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_field_set_number(&message, &info, 0xffff), 0);
	assert_int_equal(message.body.get_device_info_response.admin_vq_start, 0xffff);
	info = field(VMSG_PROFILE_R1, VMSG_GET_DEVICE_INFO, VMSG_RESPONSE, 2);
	assert_int_equal(vmsg_field_set_number(&message, &info, 33), VMSG_ERROR_BAD_FIELD);
	assert_int_equal(vmsg_field_set_number(&message, &info, 64), 0);
	assert_int_equal(message.body.get_device_info_response.num_feature_blocks, 2);
	assert_int_equal(vmsg_field_number(&message, &info), 64);
}

static void a_tail_brings_its_count_unless_told_otherwise(void **state)
{
	static const uint8_t bytes[40];
	struct vmsg_message message = { 0 };
	const struct vmsg_field_info words =
		field(VMSG_PROFILE_R3, VMSG_SET_DRIVER_FEATURES, VMSG_REQUEST, 2);
	const struct vmsg_field_info bitmap =
		field(VMSG_PROFILE_R3, VMSG_GET_DEVICES, VMSG_RESPONSE, 3);
	const struct vmsg_field_info fixed =
		field(VMSG_PROFILE_A2, VMSG_GET_CONFIG, VMSG_RESPONSE, 2);
	const struct vmsg_field_info uuid =
		field(VMSG_PROFILE_R3, VMSG_GET_DEVICE_INFO, VMSG_RESPONSE, 2);

	(void)state;
	assert_int_equal(
		vmsg_field_set_bytes(&message, &words, (struct vmsg_bytes){ bytes, 8 }, false), 0);
	assert_int_equal(message.body.set_driver_features_request.num_blocks, 2);
	assert_int_equal(
		vmsg_field_set_bytes(&message, &words, (struct vmsg_bytes){ bytes, 12 }, true), 0);
	assert_int_equal(message.body.set_driver_features_request.num_blocks, 2);
	assert_int_equal(
		vmsg_field_set_bytes(&message, &words, (struct vmsg_bytes){ bytes, 7 }, false),
		VMSG_ERROR_RANGE);
	assert_int_equal(
		vmsg_field_set_bytes(&message, &bitmap, (struct vmsg_bytes){ bytes, 3 }, false), 0);
	assert_int_equal(message.body.get_devices_response.count, 24);
	assert_int_equal(
		vmsg_field_set_bytes(&message, &bitmap, (struct vmsg_bytes){ bytes, 8192 }, false),
		VMSG_ERROR_RANGE);
	assert_int_equal(
		vmsg_field_set_bytes(&message, &fixed, (struct vmsg_bytes){ bytes, 33 }, false),
		VMSG_ERROR_RANGE);
	assert_int_equal(
		vmsg_field_set_bytes(&message, &uuid, (struct vmsg_bytes){ bytes, 15 }, false),
		VMSG_ERROR_RANGE);
}

static struct vmsg_field_info named(enum vmsg_profile_id id, enum vmsg_type type,
				    enum vmsg_kind kind, const char *name)
{
	struct vmsg_field_info info;

	for (uint32_t i = 0; vmsg_schema_part(vmsg_profile(id), type, kind, i, &info); i++) {
		if (strcmp(info.name, name) == 0) {
			return info;
		}
	}
	fail_msg("%s has no %s", vmsg_type_name(type), name);
	return info;
}

static void reserved_words_are_parts_but_no_fields(void **state)
{
	const struct vmsg_profile *r2a = vmsg_profile(VMSG_PROFILE_R2A);
	struct vmsg_field_info info;

	(void)state;
	assert_int_equal(vmsg_schema_part(r2a, VMSG_SET_VQUEUE, VMSG_REQUEST, 1, &info), 1);
	assert_int_equal(info.form, VMSG_FORM_RESERVED);
	assert_int_equal(info.offset, 4);
	assert_int_equal(info.width, 4);
	assert_int_equal(vmsg_schema_part(r2a, VMSG_SET_VQUEUE, VMSG_REQUEST, 3, &info), 1);
	assert_int_equal(info.form, VMSG_FORM_RESERVED);
	assert_int_equal(info.offset, 12);
	assert_int_equal(vmsg_schema_part(r2a, VMSG_SET_VQUEUE, VMSG_REQUEST, 6, &info), 1);
	assert_string_equal(info.name, "device_addr");
	assert_int_equal(vmsg_schema_part(r2a, VMSG_SET_VQUEUE, VMSG_REQUEST, 7, &info), 0);
	/* one that changes what the message does is reserved all the same */
	info = named(VMSG_PROFILE_R3, VMSG_SET_VQUEUE, VMSG_REQUEST, "reserved");
	assert_int_equal(info.form, VMSG_FORM_RESERVED);
	assert_int_equal(info.offset, 12);
}

static void tails_tell_how_they_are_counted(void **state)
{
	struct vmsg_field_info info =
		named(VMSG_PROFILE_R3, VMSG_GET_CONFIG, VMSG_RESPONSE, "data");

	(void)state;
	assert_int_equal(info.unit, 8);
	assert_int_equal(info.multiple, 1);
	info = named(VMSG_PROFILE_R3, VMSG_GET_DEVICE_FEATURES, VMSG_RESPONSE, "features");
	assert_int_equal(info.unit, 32);
	info = named(VMSG_PROFILE_R1, VMSG_GET_DEVICES, VMSG_RESPONSE, "bitmap");
	assert_int_equal(info.unit, 1);
	assert_int_equal(info.multiple, 8);
	info = named(VMSG_PROFILE_R3, VMSG_GET_DEVICES, VMSG_RESPONSE, "bitmap");
	assert_int_equal(info.unit, 1);
	assert_int_equal(info.multiple, 1);
	info = named(VMSG_PROFILE_R1, VMSG_GET_DEVICE_INFO, VMSG_RESPONSE, "num_feature_bits");
	assert_int_equal(info.multiple, 32);
}

static void only_version_and_error_have_one_length(void **state)
{
	(void)state;
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		for (int body = 0; body < VMSG_TYPE_COUNT * 3; body++) {
			const enum vmsg_type type = (enum vmsg_type)(body / 3);
			const enum vmsg_kind kind = (enum vmsg_kind)(body % 3);
			const struct vmsg_profile *profile = vmsg_profile((enum vmsg_profile_id)id);
			assert_int_equal(vmsg_schema_is_exact(profile, type, kind),
					 (type == VMSG_VERSION || type == VMSG_ERROR) &&
						 vmsg_schema_has(profile, type, kind));
		}
	}
}

static void messages_tell_who_sends_them(void **state)
{
	(void)state;
	assert_int_equal(vmsg_schema_sender(VMSG_GET_CONFIG), VMSG_SENDER_DRIVER);
	assert_int_equal(vmsg_schema_sender(VMSG_EVENT_AVAIL), VMSG_SENDER_DRIVER);
	assert_int_equal(vmsg_schema_sender(VMSG_EVENT_USED), VMSG_SENDER_DEVICE);
	assert_int_equal(vmsg_schema_sender(VMSG_AREA_RELEASE), VMSG_SENDER_DEVICE);
	assert_int_equal(vmsg_schema_sender(VMSG_PING), VMSG_SENDER_ANY);
	for (int type = VMSG_NONE; type < VMSG_TYPE_COUNT; type++) {
		assert_string_not_equal(vmsg_schema_summary((enum vmsg_type)type), "");
	}
	assert_string_equal(vmsg_schema_summary(VMSG_TYPE_COUNT), "");
}

static void assert_value(enum vmsg_profile_id id, enum vmsg_type type, enum vmsg_kind kind,
			 const char *name, uint64_t number, const char *expected)
{
	const struct vmsg_field_info info = named(id, type, kind, name);
	char text[256];

	assert_int_equal(vmsg_format_value(vmsg_profile(id), &info, number, text, sizeof(text)),
			 strlen(expected));
	assert_string_equal(text, expected);
}

static void values_and_bits_have_the_names_of_their_profile(void **state)
{
	(void)state;
	assert_value(VMSG_PROFILE_R1, VMSG_EVENT_DEVICE, VMSG_EVENT, "state", 1, "READY");
	assert_value(VMSG_PROFILE_R3, VMSG_EVENT_DEVICE, VMSG_EVENT, "state", 1, "ADDED");
	assert_value(VMSG_PROFILE_R3, VMSG_EVENT_DEVICE, VMSG_EVENT, "state", 3, "");
	assert_value(VMSG_PROFILE_R3, VMSG_EVENT_CONFIG, VMSG_EVENT, "device_status", 0x4f,
		     "ACKNOWLEDGE DRIVER DRIVER_OK FEATURES_OK NEEDS_RESET");
	assert_value(VMSG_PROFILE_R3, VMSG_GET_DEVICE_STATUS, VMSG_RESPONSE, "status", 0x101,
		     "ACKNOWLEDGE 0x100");
	assert_value(VMSG_PROFILE_R0, VMSG_VERSION, VMSG_RESPONSE, "features", 0x302,
		     "DIRECT 0x300");
	assert_value(VMSG_PROFILE_R1, VMSG_VERSION, VMSG_RESPONSE, "features", 0x42,
		     "DIRECT_TX 0x40");
	assert_value(VMSG_PROFILE_R2A, VMSG_VERSION, VMSG_RESPONSE, "features", 0x42,
		     "DIRECT_TX FIFO");
	assert_value(VMSG_PROFILE_R3, VMSG_SET_VQUEUE, VMSG_REQUEST, "flags", 0x24,
		     "KEEP_DISABLED IGNORE_SIZE IGNORE_DEVICE");
	assert_value(VMSG_PROFILE_R3, VMSG_AREA_SHARE, VMSG_REQUEST, "attr", 0x6f4,
		     "SHARE WRITABLE INNER_SHAREABLE NORMAL_WRITE_BACK NON_SECURE");
	assert_value(VMSG_PROFILE_R1, VMSG_AREA_SHARE, VMSG_REQUEST, "attr", 0, "UNSPECIFIED");
	assert_value(VMSG_PROFILE_R2B, VMSG_EVENT_CONFIGURE, VMSG_REQUEST, "method", 3, "FIFO");
	assert_value(VMSG_PROFILE_R2B, VMSG_EVENT_CONFIGURE, VMSG_RESPONSE, "result", 2, "BUSY");
	assert_value(VMSG_PROFILE_A2, VMSG_BUS_STATUS, VMSG_EVENT, "state", 4, "RESUME");
	assert_value(VMSG_PROFILE_R3, VMSG_PING, VMSG_REQUEST, "data", 1, "");
}

static void feature_bits_are_named_by_number(void **state)
{
	const struct vmsg_field_info info =
		named(VMSG_PROFILE_R1, VMSG_GET_DEVICE_FEATURES, VMSG_RESPONSE, "features");
	struct vmsg_value_info value;
	bool found = false;

	(void)state;
	for (uint32_t i = 0; vmsg_schema_value(vmsg_profile(VMSG_PROFILE_R1), &info, i, &value);
	     i++) {
		assert_int_equal(value.mask, 0);
		found = found || (value.value == 34 && strcmp(value.name, "RING_PACKED") == 0);
	}
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_have_the_sizes_of_the_specification),
		cmocka_unit_test(names_and_types_belong_together),
		cmocka_unit_test(a_message_has_a_number_where_it_exists),
		cmocka_unit_test(fields_tell_where_they_stand),
		cmocka_unit_test(numbers_beyond_their_field_are_refused),
		cmocka_unit_test(a_tail_brings_its_count_unless_told_otherwise),
		cmocka_unit_test(reserved_words_are_parts_but_no_fields),
		cmocka_unit_test(tails_tell_how_they_are_counted),
		cmocka_unit_test(only_version_and_error_have_one_length),
		cmocka_unit_test(messages_tell_who_sends_them),
		cmocka_unit_test(values_and_bits_have_the_names_of_their_profile),
		cmocka_unit_test(feature_bits_are_named_by_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
