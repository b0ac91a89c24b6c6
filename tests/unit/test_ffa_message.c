/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include <string.h>

#include "support/hex.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/ffa_message.h"

/* T10 and T11 of the FF-A vectors: an EVENT_AVAIL of 16 bytes from VM1 to VM2. */
#define PAYLOAD     "00410000070010000000000000000000"
#define MESSAGE_1_1 "0000000000000000140000000200010010000000" PAYLOAD
#define MESSAGE_1_2                                                                                \
	"000000000000000028000000020001001000000000000000c66028b524984aa19de777da6122abf0" PAYLOAD

static const struct vmsg_ffa_message_header vm1_to_vm2 = {
	.sender = 1,
	.receiver = 2,
	.size = 16,
	.uuid = VMSG_FFA_UUID_DEVICE_ROLE,
};

static void builds_both_header_sizes(void **state)
{
	uint8_t payload[16], bytes[64];
	const struct vmsg_bytes view = { payload, hex_to_bytes(PAYLOAD, payload, sizeof(payload)) };

	(void)state;
	assert_int_equal(vmsg_ffa_message_build(&vm1_to_vm2, VMSG_FFA_VERSION_1_1, view,
						(struct vmsg_span){ bytes, 36 }),
			 36);
	assert_bytes_hex((struct vmsg_bytes){ bytes, 36 }, MESSAGE_1_1);
	assert_int_equal(vmsg_ffa_message_build(&vm1_to_vm2, VMSG_FFA_VERSION_1_2, view,
						(struct vmsg_span){ bytes, 56 }),
			 56);
	assert_bytes_hex((struct vmsg_bytes){ bytes, 56 }, MESSAGE_1_2);
	for (size_t size = 0; size < 56; size++) {
		assert_int_equal(vmsg_ffa_message_build(&vm1_to_vm2, VMSG_FFA_VERSION_1_2, view,
							(struct vmsg_span){ bytes, size }),
				 VMSG_ERROR_NO_SPACE);
	}
	assert_int_equal(vmsg_ffa_message_build(&vm1_to_vm2, VMSG_FFA_VERSION_1_2,
						(struct vmsg_bytes){ NULL, 0 },
						(struct vmsg_span){ bytes, 40 }),
			 40);
}

static void parses_by_the_writers_version(void **state)
{
	struct vmsg_ffa_message_header header, expected = vm1_to_vm2;
	uint8_t bytes[64];

	(void)state;
	size_t size = hex_to_bytes(MESSAGE_1_2, bytes, sizeof(bytes));
	assert_int_equal(vmsg_ffa_message_parse((struct vmsg_bytes){ bytes, size },
						VMSG_FFA_VERSION_1_2, &header),
			 0);
	expected.offset = 40;
	assert_memory_equal(&header, &expected, sizeof(header));

	size = hex_to_bytes(MESSAGE_1_1, bytes, sizeof(bytes));
	assert_int_equal(vmsg_ffa_message_parse((struct vmsg_bytes){ bytes, size },
						VMSG_FFA_VERSION_1_1, &header),
			 0);
	expected.offset = 20;
	memset(&expected.uuid, 0, sizeof(expected.uuid));
	assert_memory_equal(&header, &expected, sizeof(header));
	/* the same offset from a 1.2 sender points into its header */
	assert_int_equal(vmsg_ffa_message_parse((struct vmsg_bytes){ bytes, sizeof(bytes) },
						VMSG_FFA_VERSION_1_2, &header),
			 VMSG_ERROR_BAD_FIELD);
}

static void refuses_every_lie_about_offset_and_size(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
	} lies[] = {
		{ 4, 1 },          { 8, 0 },   { 8, 39 },          { 8, 41 },          { 8, 57 },
		{ 8, UINT32_MAX }, { 16, 17 }, { 16, UINT32_MAX }, { 16, 0xFFFFFFD8 },
	};
	const struct vmsg_ffa_message_header zero = { 0 };
	struct vmsg_ffa_message_header header;
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const size_t size = hex_to_bytes(MESSAGE_1_2, bytes, sizeof(bytes));
		for (size_t j = 0; j < 4; j++) {
			bytes[lies[i].at + j] = (uint8_t)(lies[i].value >> (8 * j));
		}
		assert_int_equal(vmsg_ffa_message_parse((struct vmsg_bytes){ bytes, size },
							VMSG_FFA_VERSION_1_2, &header),
				 VMSG_ERROR_BAD_FIELD);
		assert_memory_equal(&header, &zero, sizeof(header));
	}
	for (size_t size = 0; size < 40; size++) {
		assert_int_equal(vmsg_ffa_message_parse((struct vmsg_bytes){ bytes, size },
							VMSG_FFA_VERSION_1_2, &header),
				 VMSG_ERROR_TRUNCATED);
		assert_memory_equal(&header, &zero, sizeof(header));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_both_header_sizes),
		cmocka_unit_test(parses_by_the_writers_version),
		cmocka_unit_test(refuses_every_lie_about_offset_and_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
