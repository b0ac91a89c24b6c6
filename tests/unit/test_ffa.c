/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include <string.h>

#include "support/hex.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/ffa.h"

static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;

static void fill(struct vmsg_ffa_regs *regs)
{
	for (size_t i = 0; i < VMSG_FFA_REGISTERS; i++) {
		regs->x[i] = 0x0102030405060708u * (i + 1);
	}
}

static void call_names_know_both_forms(void **state)
{
	(void)state;
	assert_string_equal(vmsg_ffa_call_name(0x8400006B), "FFA_MSG_WAIT");
	assert_string_equal(vmsg_ffa_call_name(0xC4000073), "FFA_MEM_SHARE");
	assert_string_equal(vmsg_ffa_call_name(0xC400008D), "FFA_MSG_SEND_DIRECT_REQ2");
	/* no such form, no such number, not FF-A */
	assert_string_equal(vmsg_ffa_call_name(0x8400008D), "FFA_UNKNOWN");
	assert_string_equal(vmsg_ffa_call_name(0xC4000063), "FFA_UNKNOWN");
	assert_string_equal(vmsg_ffa_call_name(0x840000FE), "FFA_UNKNOWN");
	assert_string_equal(vmsg_ffa_call_name(0x0400006B), "FFA_UNKNOWN");
	assert_string_equal(vmsg_ffa_call_name(0x8400016B), "FFA_UNKNOWN");
	assert_string_equal(vmsg_ffa_call_name(0x8500006B), "FFA_UNKNOWN");
}

static void status_names(void **state)
{
	(void)state;
	assert_string_equal(vmsg_ffa_status_name(0), "OK");
	assert_string_equal(vmsg_ffa_status_name(-6), "DENIED");
	assert_string_equal(vmsg_ffa_status_name(-10), "NOT_READY");
	assert_string_equal(vmsg_ffa_status_name(-11), "UNKNOWN");
	assert_string_equal(vmsg_ffa_status_name(1), "UNKNOWN");
}

static void registers_are_little_endian_words(void **state)
{
	uint8_t bytes[VMSG_FFA_FRAME_SIZE];
	struct vmsg_ffa_regs regs, back;

	(void)state;
	fill(&regs);
	vmsg_ffa_regs_store(&regs, bytes);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(bytes[i], (uint8_t)(regs.x[i / 8] >> (8 * (i % 8))));
	}
	vmsg_ffa_regs_load(&back, bytes);
	assert_memory_equal(&back, &regs, sizeof(regs));
}

static void uuid_words_are_little_endian_loads_of_the_text(void **state)
{
	struct vmsg_ffa_uuid back;
	uint64_t pair[2];

	(void)state;
	vmsg_ffa_uuid_to_pair(&device_role, pair);
	assert_true(pair[0] == 0xa14a9824b52860c6);
	assert_true(pair[1] == 0xf0ab2261da77e79d);
	vmsg_ffa_uuid_from_pair(&back, pair);
	assert_true(vmsg_ffa_uuid_equal(&back, &device_role));
	assert_false(vmsg_ffa_uuid_is_nil(&back));
	back.bytes[15] ^= 1;
	assert_false(vmsg_ffa_uuid_equal(&back, &device_role));
	memset(&back, 0, sizeof(back));
	assert_true(vmsg_ffa_uuid_is_nil(&back));
	back.bytes[8] = 1;
	assert_false(vmsg_ffa_uuid_is_nil(&back));
}

static void replies_write_all_registers(void **state)
{
	struct vmsg_ffa_regs regs, expected = { { 0x84000060, 0, 0xfffffffa } };

	(void)state;
	fill(&regs);
	vmsg_ffa_pack_error(&regs, VMSG_FFA_DENIED);
	assert_memory_equal(&regs, &expected, sizeof(regs));
	fill(&regs);
	vmsg_ffa_pack_success(&regs);
	expected = (struct vmsg_ffa_regs){ { 0x84000061 } };
	assert_memory_equal(&regs, &expected, sizeof(regs));
}

static void an_error_never_looks_like_success(void **state)
{
	(void)state;
	assert_int_equal(vmsg_ffa_reply_status(&(struct vmsg_ffa_regs){ { 0x84000061 } }), 0);
	assert_int_equal(vmsg_ffa_reply_status(&(struct vmsg_ffa_regs){ { 0x8400006B, 0, 5 } }), 0);
	for (int32_t status = -12; status < 0; status++) {
		struct vmsg_ffa_regs regs = { { 0xffffffff84000060, 7, (uint32_t)status } };
		assert_int_equal(vmsg_ffa_reply_status(&regs), status);
		regs.x[0] = 0xC4000060;
		regs.x[2] |= 0xAAAAAAAA00000000;
		assert_int_equal(vmsg_ffa_reply_status(&regs), status);
	}
	assert_int_equal(
		vmsg_ffa_reply_status(&(struct vmsg_ffa_regs){ { 0x84000060, 0, 0x80000000 } }),
		INT32_MIN);
	assert_int_equal(vmsg_ffa_reply_status(&(struct vmsg_ffa_regs){ { 0x84000060, 0, 0 } }),
			 VMSG_FFA_INVALID_PARAMETERS);
	assert_int_equal(vmsg_ffa_reply_status(&(struct vmsg_ffa_regs){ { 0xffffffff } }),
			 VMSG_FFA_NOT_SUPPORTED);
}

/* T07 of the FF-A vectors: a virtio-msg VERSION probe and its answer. */
static void direct_messages_carry_bytes_in_x4_to_x17(void **state)
{
	const struct vmsg_ffa_regs request = { { 0xc400008d, 0x18001, 0xa14a9824b52860c6,
						 0xf0ab2261da77e79d, 0x14000100008002, 0,
						 0x10002 } };
	const struct vmsg_ffa_regs response = { { 0xc400008e, 0x80010001, 0, 0, 0x1e000100008003,
						  0x100000001, 0x10002, 0xff00000021 } };
	uint8_t bytes[VMSG_FFA_DIRECT2_PAYLOAD_SIZE], back[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	struct vmsg_ffa_regs regs;

	(void)state;
	size_t size =
		hex_to_bytes("0280000001001400000000000000000002000100", bytes, sizeof(bytes));
	fill(&regs);
	assert_int_equal(vmsg_ffa_pack_direct_request2(&regs, 1, 0x8001, &device_role,
						       (struct vmsg_bytes){ bytes, size }),
			 0);
	assert_memory_equal(&regs, &request, sizeof(regs));
	assert_int_equal(vmsg_ffa_source(&regs), 1);
	assert_int_equal(vmsg_ffa_destination(&regs), 0x8001);
	vmsg_ffa_unpack_direct2_payload(&regs, back);
	assert_memory_equal(back, bytes, size);

	size = hex_to_bytes("0380000001001e000100000001000000020001000000000021000000ff00", bytes,
			    sizeof(bytes));
	fill(&regs);
	assert_int_equal(vmsg_ffa_pack_direct_response2(&regs, 0x8001, 1,
							(struct vmsg_bytes){ bytes, size }),
			 0);
	assert_memory_equal(&regs, &response, sizeof(regs));
}

static void direct_payload_is_at_most_112_bytes(void **state)
{
	const struct vmsg_ffa_regs zero = { { 0 } };
	struct vmsg_ffa_regs regs;
	uint8_t bytes[113], back[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i + 1);
	}
	for (size_t size = 0; size <= 112; size++) {
		fill(&regs);
		assert_int_equal(vmsg_ffa_pack_direct_request2(&regs, 1, 2, NULL,
							       (struct vmsg_bytes){ bytes, size }),
				 0);
		assert_true(regs.x[2] == 0 && regs.x[3] == 0);
		vmsg_ffa_unpack_direct2_payload(&regs, back);
		for (size_t i = 0; i < 112; i++) {
			assert_int_equal(back[i], i < size ? i + 1 : 0);
		}
	}
	fill(&regs);
	assert_int_equal(
		vmsg_ffa_pack_direct_response2(&regs, 1, 2, (struct vmsg_bytes){ bytes, 113 }),
		VMSG_ERROR_RANGE);
	assert_memory_equal(&regs, &zero, sizeof(regs));
	assert_int_equal(
		vmsg_ffa_pack_direct_response2(&regs, 1, 2, (struct vmsg_bytes){ NULL, 0 }), 0);
}

static void partition_info_is_24_bytes(void **state)
{
	const struct vmsg_ffa_partition_info info = { 2, 1, 0x50e, device_role };
	struct vmsg_ffa_partition_info back;
	uint8_t bytes[VMSG_FFA_PARTITION_INFO_SIZE];

	(void)state;
	vmsg_ffa_partition_info_store(&info, bytes);
	assert_bytes_hex((struct vmsg_bytes){ bytes, sizeof(bytes) },
			 "020001000e050000c66028b524984aa19de777da6122abf0");
	vmsg_ffa_partition_info_load(&back, bytes);
	assert_memory_equal(&back, &info, sizeof(info));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_names_know_both_forms),
		cmocka_unit_test(status_names),
		cmocka_unit_test(registers_are_little_endian_words),
		cmocka_unit_test(uuid_words_are_little_endian_loads_of_the_text),
		cmocka_unit_test(replies_write_all_registers),
		cmocka_unit_test(an_error_never_looks_like_success),
		cmocka_unit_test(direct_messages_carry_bytes_in_x4_to_x17),
		cmocka_unit_test(direct_payload_is_at_most_112_bytes),
		cmocka_unit_test(partition_info_is_24_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
