/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of the emulator's protocol: bytes typed from docs/emulator-protocol.md, and the table. */
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "support/hex.h"
#include "wire.h"

static uint8_t frame[VMSG_WIRE_FRAME_MAX];

static void assert_frame(size_t size, const char *hex)
{
	assert_bytes_hex((struct vmsg_bytes){ .data = frame, .size = size }, hex);
}

static int check(size_t size, size_t descriptors, bool to_manager)
{
	struct vmsg_wire_header header;
	char why[128];

	return vmsg_wire_check(frame, size, descriptors, to_manager, &header, why, sizeof(why));
}

static void hello_and_welcome_are_as_documented(void **state)
{
	static const struct vmsg_wire_hello hello = {
		.magic = VMSG_WIRE_MAGIC,
		.version = 1,
		.packed = true,
		.role = VMSG_WIRE_PARTITION,
		.class = VMSG_WIRE_SECURE,
		.id = 0x8765,
		.bank_count = 2,
		.banks = { { 0x1122334455667000, 0x4000 }, { 0, 0x99aabbccddeef000 } },
	};
	static const struct vmsg_wire_welcome welcome = {
		.version = 1,
		.id = 0x8765,
		.vcpu_count = 0x0203,
		.bank_count = 1,
		.ffa_version = 0x00010002,
		.addresses = { 0x0000123456789000 },
	};
	struct vmsg_wire_hello hello_back;
	struct vmsg_wire_welcome welcome_back;

	(void)state;
	size_t size = vmsg_wire_encode_hello(frame, &hello);
	assert_frame(size, "01 01 0000 00000000 56464641 0100 01 01 6587 0200 00000000"
			   "0070665544332211 0040000000000000 0000000000000000 00f0eeddccbbaa99");
	assert_int_equal(check(size, 2, true), 0);
	assert_int_equal(vmsg_wire_decode_hello(frame, size, &hello_back), 0);
	assert_memory_equal(&hello_back, &hello, sizeof(hello));
	assert_int_equal(vmsg_wire_decode_hello(frame, size - 1, &hello_back), -1);

	size = vmsg_wire_encode_welcome(frame, &welcome);
	assert_frame(size, "02 00 0000 00000000 0100 6587 0302 0100 02000100 00000000"
			   "0090785634120000");
	assert_int_equal(check(size, 0, false), 0);
	assert_int_equal(vmsg_wire_decode_welcome(frame, size, &welcome_back), 0);
	assert_memory_equal(&welcome_back, &welcome, sizeof(welcome));
	assert_int_equal(vmsg_wire_decode_welcome(frame, size - 8, &welcome_back), -1);
}

static void refusals_are_as_documented_and_harmless_to_print(void **state)
{
	struct vmsg_wire_refuse refuse = { .code = 5, .version = 1, .text = "no" };

	(void)state;
	size_t size = vmsg_wire_encode_refuse(frame, &refuse);
	assert_frame(size, "03 00 0000 00000000 05000000 0100 0000 6e6f");
	assert_int_equal(check(size, 0, false), 0);
	frame[16] = 0x1b;
	vmsg_wire_decode_refuse(frame, size, &refuse);
	assert_int_equal(refuse.code, 5);
	assert_string_equal(refuse.text, "?o");
	memset(refuse.text, 'x', VMSG_WIRE_TEXT_MAX);
	refuse.text[VMSG_WIRE_TEXT_MAX] = '\0';
	size = vmsg_wire_encode_refuse(frame, &refuse);
	assert_int_equal(check(size, 0, false), 0);
	assert_int_equal(check(size + 1, 0, false), -1);
}

static void banks_that_come_later_are_as_documented(void **state)
{
	const struct vmsg_wire_bank bank = { .address = 0x1122334455667000, .size = 0x4000 };
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_BANK,
						 .flags = VMSG_WIRE_BANK_REMOVE,
						 .sequence = 0x01020304 };
	struct vmsg_wire_bank_answer answer = { .address = 0x5000, .code = 5, .text = "n\no" };
	struct vmsg_wire_bank_answer answer_back;
	struct vmsg_wire_bank bank_back;

	(void)state;
	size_t size = vmsg_wire_encode_bank(frame, &header, &bank);
	assert_frame(size, "0c 01 0000 04030201 0070665544332211 0040000000000000");
	assert_int_equal(check(size, 1, true), 0);
	assert_int_equal(check(size, 2, true), -1);
	assert_int_equal(check(size - 1, 1, true), -1);
	assert_int_equal(vmsg_wire_decode_bank(frame, size, &bank_back), 0);
	assert_memory_equal(&bank_back, &bank, sizeof(bank));
	assert_int_equal(vmsg_wire_decode_bank(frame, size + 1, &bank_back), -1);

	size = vmsg_wire_encode_bank_answer(frame, &header, &answer);
	assert_frame(size, "0c 01 0000 04030201 0050000000000000 05000000 00000000 6e0a6f");
	assert_int_equal(check(size, 0, false), 0);
	assert_int_equal(vmsg_wire_decode_bank_answer(frame, size, &answer_back), 0);
	assert_int_equal(answer_back.address, 0x5000);
	assert_int_equal(answer_back.code, 5);
	assert_string_equal(answer_back.text, "n?o");
	frame[20] = 1;
	assert_int_equal(vmsg_wire_decode_bank_answer(frame, size, &answer_back), -1);
}

static void calls_and_their_returns_are_as_documented(void **state)
{
	struct vmsg_ffa_regs regs, back;
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_CALL,
						 .vcpu = 0x0102,
						 .sequence = 0x03040506 };

	(void)state;
	for (size_t i = 0; i < VMSG_FFA_REGISTERS; i++) {
		regs.x[i] = 0x0807060504030200u + i;
	}
	const size_t size = vmsg_wire_encode_call(frame, &header, &regs);
	assert_int_equal(size, 152);
	assert_frame(24, "04 00 0201 06050403 0002030405060708 0102030405060708");
	assert_int_equal(check(size, 0, true), 0);
	vmsg_wire_decode_call(frame, &back);
	assert_memory_equal(&back, &regs, sizeof(regs));
}

static void interrupts_grants_and_channels_are_as_documented(void **state)
{
	const uint32_t banks[] = { 0x0a0b0c0d };
	const struct vmsg_wire_piece pieces[] = {
		{ .address = 0x1000, .offset = 0x2000, .pages = 3, .bank = 0x0a0b0c0d },
		{ .address = 0x8000, .offset = 0x9000, .pages = 1, .bank = 7 },
	};
	const struct vmsg_wire_grant grant = { .handle = 0x8000000000000001,
					       .total = 9,
					       .first = 4,
					       .next = 6,
					       .bank_count = 1,
					       .piece_count = 2 };
	struct vmsg_wire_grant grant_back;
	struct vmsg_wire_piece piece;
	uint64_t handle;
	uint32_t first;
	uint16_t peer;
	uint8_t operation;

	(void)state;
	assert_frame(vmsg_wire_encode_interrupt(frame, 2, 5),
		     "06 00 0200 00000000 05000000 00000000");
	assert_int_equal(vmsg_wire_decode_interrupt(frame), 5);

	const size_t size =
		vmsg_wire_encode_grant(frame, VMSG_WIRE_GRANT_WRITABLE, &grant, banks, pieces);
	assert_frame(size,
		     "08 01 0000 00000000 0100000000000080 09000000 04000000 06000000 0100 0200"
		     "0d0c0b0a"
		     "0010000000000000 0020000000000000 03000000 0d0c0b0a"
		     "0080000000000000 0090000000000000 01000000 07000000");
	assert_int_equal(check(size, 1, false), 0);
	assert_int_equal(vmsg_wire_decode_grant(frame, size, &grant_back), 0);
	assert_memory_equal(&grant_back, &grant, sizeof(grant));
	assert_int_equal(vmsg_wire_grant_bank(frame, 0), banks[0]);
	vmsg_wire_grant_piece(frame, &grant, 1, &piece);
	assert_memory_equal(&piece, &pieces[1], sizeof(piece));
	assert_int_equal(vmsg_wire_decode_grant(frame, size - 1, &grant_back), -1);

	assert_frame(vmsg_wire_encode_grant_more(frame, 0x8000000000000001, 6),
		     "09 00 0000 00000000 0100000000000080 06000000 00000000");
	vmsg_wire_decode_grant_more(frame, &handle, &first);
	assert_int_equal(handle, 0x8000000000000001);
	assert_int_equal(first, 6);

	assert_frame(vmsg_wire_encode_channel(frame, 0x8001, VMSG_WIRE_CHANNEL_TAKE),
		     "0a 00 0000 00000000 0180 02 00 00000000");
	vmsg_wire_decode_channel(frame, &peer, &operation);
	assert_int_equal(peer, 0x8001);
	assert_int_equal(operation, 2);

	assert_frame(vmsg_wire_encode_control(
			     frame,
			     &(struct vmsg_wire_header){ .kind = VMSG_WIRE_CONTROL,
							 .flags = VMSG_WIRE_CONTROL_MORE,
							 .vcpu = 0x8001,
							 .sequence = 7 },
			     "{}", 2),
		     "0b 01 0180 07000000 7b7d");
}

/* The documented table, typed a second time. */
static const struct {
	const char *name;
	bool to_manager;
	bool to_partition;
	uint16_t size_min;
	uint16_t size_max;
	uint16_t descriptors;
	uint8_t flags;
	bool vcpu;
	bool sequence;
} documented[] = {
	{ "?", false, false, 0, 0, 0, 0, false, false },
	{ "HELLO", true, false, 24, 24 + 253 * 16, 253, 15, true, false },
	{ "WELCOME", false, true, 24, 24 + 64 * 8, 0, 0, false, false },
	{ "REFUSE", false, true, 16, 256, 0, 0, false, false },
	{ "CALL", true, false, 152, 152, 0, 0, true, true },
	{ "RETURN", false, true, 152, 152, 0, 0, true, true },
	{ "INTERRUPT", false, true, 16, 16, 0, 0, true, false },
	{ "RAISE", true, false, 8, 8, 0, 0, true, false },
	{ "GRANT", false, true, 32, 4096, 64, 3, false, false },
	{ "GRANT_MORE", true, false, 24, 24, 0, 0, false, false },
	{ "CHANNEL", true, true, 16, 16, 0, 0, true, false },
	{ "CONTROL", true, true, 8, 4096, 0, 1, true, true },
	{ "BANK", true, true, 24, 264, 1, 1, false, true },
	{ "?", false, false, 0, 0, 0, 0, false, false },
};

static void only_frames_of_the_table_pass(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < sizeof(documented) / sizeof(documented[0]); kind++) {
		memset(frame, 0, sizeof(frame));
		frame[0] = (uint8_t)kind;
		assert_string_equal(vmsg_wire_kind_name(kind), documented[kind].name);
		for (int way = 0; way < 2; way++) {
			const bool allowed =
				way ? documented[kind].to_manager : documented[kind].to_partition;
			for (size_t size = 0; size <= VMSG_WIRE_FRAME_MAX; size++) {
				const bool good = allowed && size >= documented[kind].size_min &&
						  size <= documented[kind].size_max;
				assert_int_equal(check(size, 0, way), good ? 0 : -1);
			}
			const size_t size = documented[kind].size_min;
			for (size_t count = 0; count <= 253; count++) {
				const bool good = allowed && count <= documented[kind].descriptors;
				assert_int_equal(check(size, count, way), good ? 0 : -1);
			}
			for (unsigned flags = 0; flags < 256; flags++) {
				frame[1] = (uint8_t)flags;
				const bool good = allowed && !(flags & ~documented[kind].flags);
				assert_int_equal(check(size, 0, way), good ? 0 : -1);
			}
			frame[1] = 0;
			frame[3] = 1;
			assert_int_equal(check(size, 0, way),
					 allowed && documented[kind].vcpu ? 0 : -1);
			frame[3] = 0;
			frame[7] = 1;
			assert_int_equal(check(size, 0, way),
					 allowed && documented[kind].sequence ? 0 : -1);
			frame[7] = 0;
		}
	}
}

static void frames_that_say_how_long_they_are_may_be_followed(void **state)
{
	static const size_t own_sizes[] = { 0, 0, 0, 0, 152, 152, 16, 8, 0, 24, 16, 0 };

	(void)state;
	memset(frame, 0, sizeof(frame));
	for (unsigned kind = 0; kind < 256; kind++) {
		frame[0] = (uint8_t)kind;
		const size_t own_size =
			kind < sizeof(own_sizes) / sizeof(own_sizes[0]) && kind != VMSG_WIRE_GRANT
				? own_sizes[kind]
				: 0;
		assert_int_equal(vmsg_wire_may_be_followed(kind),
				 own_size > 0 || kind == VMSG_WIRE_GRANT);
		for (size_t size = 0; size <= 400 && kind != VMSG_WIRE_GRANT; size++) {
			const bool is_followed = own_size > 0 && size > own_size;
			assert_int_equal(vmsg_wire_first_size(frame, size),
					 is_followed ? own_size : size);
		}
	}
	/* a grant of 2 banks and 3 pieces */
	frame[0] = VMSG_WIRE_GRANT;
	frame[28] = 2;
	frame[30] = 3;
	assert_int_equal(vmsg_wire_first_size(frame, 31), 31);
	assert_int_equal(vmsg_wire_first_size(frame, 111), 111);
	assert_int_equal(vmsg_wire_first_size(frame, 112), 112);
	assert_int_equal(vmsg_wire_first_size(frame, 113), 112);
	memset(frame + 28, 0xFF, 4);
	assert_int_equal(vmsg_wire_first_size(frame, VMSG_WIRE_FRAME_MAX), VMSG_WIRE_FRAME_MAX);
}

static void what_is_wrong_with_a_frame_is_said(void **state)
{
	struct vmsg_wire_header header;
	char why[128];

	(void)state;
	memset(frame, 0, sizeof(frame));
	frame[0] = VMSG_WIRE_CALL;
	vmsg_wire_check(frame, 151, 0, true, &header, why, sizeof(why));
	assert_string_equal(why, "CALL frame of 151 bytes, not 152 to 152");
	vmsg_wire_check(frame, 152, 1, true, &header, why, sizeof(why));
	assert_string_equal(why, "CALL frame with 1 descriptors, at most 0 belong there");
	frame[0] = 200;
	vmsg_wire_check(frame, 152, 0, true, &header, why, sizeof(why));
	assert_string_equal(why, "frame of kind 200 (?), which nobody sends here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_and_welcome_are_as_documented),
		cmocka_unit_test(refusals_are_as_documented_and_harmless_to_print),
		cmocka_unit_test(banks_that_come_later_are_as_documented),
		cmocka_unit_test(calls_and_their_returns_are_as_documented),
		cmocka_unit_test(interrupts_grants_and_channels_are_as_documented),
		cmocka_unit_test(only_frames_of_the_table_pass),
		cmocka_unit_test(frames_that_say_how_long_they_are_may_be_followed),
		cmocka_unit_test(what_is_wrong_with_a_frame_is_said),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
