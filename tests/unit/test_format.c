/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as text. */
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"

#include "virtio_msg_ffa/format.h"

static const struct {
	const char *profile;
	const char *hex;
	const char *text;
} lines[] = {
	{ "r1", "000503010e001400000008000000",
	  "r1 transport request GET_CONFIG device 259 offset=20 length=8" },
	{ "r3", "0280000002001400000000000000000002000100",
	  "r3 bus request VERSION device 0 token 2 bus_version=0 transport_revision=0 "
	  "ffa_version=0x10002" },
	{ "r1", "01030301160000000000020000004402002001010000",
	  "r1 transport response GET_DEVICE_FEATURES device 259 block_index=0 num_blocks=2 "
	  "features=[0x20000244,0x101]" },
	{ "r3",
	  "010207005500340002000000f41a000000112233445546778899aabbccddeeff0300000040000000050000"
	  "000400000001000000",
	  "r3 transport response GET_DEVICE_INFO device 7 token 85 device_id=2 vendor_id=6900 "
	  "device_uuid=00112233-4455-4677-8899-aabbccddeeff num_feature_blocks=3 config_size=64 "
	  "max_virtqueues=5 admin_vq_start=4 admin_vq_count=1" },
	{ "r1", "030200000f00100018002800810002",
	  "r1 bus response GET_DEVICES device 0 offset=16 count=24 next_offset=40 bitmap=810002" },
	{ "r3", "0300000002010800", "r3 bus response NONE device 0 token 258" },
};

static struct vmsg_message read_line(size_t i, uint8_t bytes[64])
{
	const struct vmsg_bytes frame = { bytes, hex_to_bytes(lines[i].hex, bytes, 64) };
	struct vmsg_message message;

	assert_int_equal(vmsg_decode(vmsg_profile_find(lines[i].profile), frame, &message, NULL),
			 0);
	return message;
}

static void a_message_is_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		uint8_t bytes[64];
		const struct vmsg_message message = read_line(i, bytes);
		char text[512];
		const size_t length = vmsg_format(vmsg_profile_find(lines[i].profile), &message,
						  text, sizeof(text));
		assert_string_equal(text, lines[i].text);
		assert_int_equal(length, strlen(text));
	}
}

static void text_is_cut_where_the_buffer_ends(void **state)
{
	uint8_t bytes[64];
	const struct vmsg_message message = read_line(0, bytes);
	const struct vmsg_profile *profile = vmsg_profile_find(lines[0].profile);
	const size_t whole = strlen(lines[0].text);

	(void)state;
	for (size_t size = 0; size <= whole + 2; size++) {
		char text[128];
		memset(text, '~', sizeof(text));
		assert_int_equal(vmsg_format(profile, &message, text, size), whole);
		const size_t kept = size == 0 ? 0 : size - 1 < whole ? size - 1 : whole;
		assert_memory_equal(text, lines[0].text, kept);
		assert_int_equal(text[kept], size ? 0 : '~');
		assert_int_equal(text[kept + 1], '~');
	}
}

static void an_empty_diagnosis_says_so(void **state)
{
	const struct vmsg_diagnosis diagnosis = { 0 };
	char text[64];

	(void)state;
	assert_int_equal(vmsg_format_diagnosis(&diagnosis, text, sizeof(text)), 16);
	assert_string_equal(text, "nothing is wrong");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_one_line),
		cmocka_unit_test(text_is_cut_where_the_buffer_ends),
		cmocka_unit_test(an_empty_diagnosis_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
