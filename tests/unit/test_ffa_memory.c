/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#include "support/hex.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/ffa_memory.h"

/* T15: FF-A 1.1, 16-byte access descriptor. T16: 1.2, two ranges. T19.8: retrieve request. */
#define SHARE_1_1                                                                                  \
	"01002f0000000000000000000000000034120000000000001000000001000000300000000000000000000000" \
	"00"                                                                                       \
	"0000000200020040000000000000000000000004000000010000000000000000000000000000500000000004" \
	"00"                                                                                       \
	"000000000000"
#define SHARE_1_2                                                                                  \
	"01002f0000000000000000000000000034120000000000002000000001000000300000000000000000000000" \
	"00"                                                                                       \
	"0000000200020050000000000000000000000000000000000000000000000000000000050000000200000000" \
	"00"                                                                                       \
	"0000000000000000005000000000040000000000000000000150000000000100000000000000"
#define RETRIEVE_1_2                                                                               \
	"01002f0008000000010000000000008034120000000000002000000001000000300000000000000000000000" \
	"00"                                                                                       \
	"0000000200020000000000000000000000000000000000000000000000000000000000"

static const struct vmsg_ffa_memory_header share = {
	.sender = 1,
	.attributes = 0x2f,
	.tag = 0x1234,
	.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
};
static const struct vmsg_ffa_memory_access to_vm2 = { .endpoint = 2,
						      .permissions = VMSG_FFA_DATA_RW };
static const struct vmsg_ffa_range ranges[] = { { 0x50000000, 4 }, { 0x50010000, 1 } };

static void assert_zero(const void *object, size_t size)
{
	const uint8_t *bytes = object;

	for (size_t i = 0; i < size; i++) {
		assert_int_equal(bytes[i], 0);
	}
}

static void builds_the_1_1_layout(void **state)
{
	struct vmsg_ffa_memory_header header = share;
	uint8_t bytes[256];

	(void)state;
	header.access_size = VMSG_FFA_ACCESS_SIZE_1_1;
	const int size = vmsg_ffa_memory_build(&header, &to_vm2, 1, ranges, 1,
					       (struct vmsg_span){ bytes, sizeof(bytes) });
	assert_int_equal(size, 96);
	assert_bytes_hex((struct vmsg_bytes){ bytes, 96 }, SHARE_1_1);
}

static void builds_the_1_2_layout(void **state)
{
	struct vmsg_ffa_memory_header header = share;
	uint8_t bytes[256];

	(void)state;
	int size = vmsg_ffa_memory_build(&header, &to_vm2, 1, ranges, 2,
					 (struct vmsg_span){ bytes, sizeof(bytes) });
	assert_int_equal(size, 128);
	assert_bytes_hex((struct vmsg_bytes){ bytes, 128 }, SHARE_1_2);

	header.flags = VMSG_FFA_MEMORY_TYPE_SHARE;
	header.handle = 0x8000000000000001;
	size = vmsg_ffa_memory_build(&header, &to_vm2, 1, NULL, 0,
				     (struct vmsg_span){ bytes, sizeof(bytes) });
	assert_int_equal(size, 80);
	assert_bytes_hex((struct vmsg_bytes){ bytes, 80 }, RETRIEVE_1_2);
}

static void refuses_to_build_what_has_no_layout_or_no_room(void **state)
{
	struct vmsg_ffa_memory_header header = share;
	const struct vmsg_ffa_range endless[] = { { 0, UINT32_MAX }, { 0, 1 } };
	uint8_t bytes[128];
	struct vmsg_span room = { bytes, sizeof(bytes) };

	(void)state;
	memset(bytes, 0xEE, sizeof(bytes));
	for (room.size = 0; room.size < 128; room.size++) {
		assert_int_equal(vmsg_ffa_memory_build(&header, &to_vm2, 1, ranges, 2, room),
				 VMSG_ERROR_NO_SPACE);
	}
	assert_int_equal(vmsg_ffa_memory_build(&header, &to_vm2, 0, ranges, 2, room),
			 VMSG_ERROR_INVALID);
	assert_int_equal(vmsg_ffa_memory_build(&header, &to_vm2, 1, endless, 2, room),
			 VMSG_ERROR_INVALID);
	header.access_size = 24;
	assert_int_equal(vmsg_ffa_memory_build(&header, &to_vm2, 1, ranges, 2, room),
			 VMSG_ERROR_INVALID);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(bytes[i], 0xEE);
	}
}

/* Every first fragment size, every later fragment size: the pieces are those of the whole. */
static void fragments_join_to_the_whole(void **state)
{
	enum { COUNT = 9, TOTAL = 96 + COUNT * 16 };
	struct vmsg_ffa_range many[COUNT];
	uint8_t whole[TOTAL], joined[TOTAL];

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		many[i] = (struct vmsg_ffa_range){ 0x50000000 + 0x10000u * i, i + 1 };
	}
	assert_int_equal(vmsg_ffa_memory_size(32, 1, COUNT), TOTAL);
	assert_int_equal(vmsg_ffa_memory_build(&share, &to_vm2, 1, many, COUNT,
					       (struct vmsg_span){ whole, TOTAL }),
			 TOTAL);
	for (size_t first = 96; first <= TOTAL + 8; first += 8) {
		for (size_t next = 16; next <= 48; next += 8) {
			size_t offset = 0;
			memset(joined, 0, sizeof(joined));
			while (offset < TOTAL) {
				uint8_t *piece = malloc(offset ? next : first);
				assert_non_null(piece);
				const int size = vmsg_ffa_memory_fragment(
					&share, &to_vm2, 1, many, COUNT, offset,
					(struct vmsg_span){ piece, offset ? next : first });
				assert_true(size > 0 && (size_t)size <= TOTAL - offset);
				memcpy(joined + offset, piece, (size_t)size);
				offset += (size_t)size;
				free(piece);
			}
			assert_memory_equal(joined, whole, TOTAL);
		}
	}
	const uint64_t bad_offsets[] = { 16, 80, 100, TOTAL, TOTAL + 16, UINT64_MAX };
	for (size_t i = 0; i < sizeof(bad_offsets) / sizeof(bad_offsets[0]); i++) {
		assert_int_equal(vmsg_ffa_memory_fragment(&share, &to_vm2, 1, many, COUNT,
							  bad_offsets[i],
							  (struct vmsg_span){ joined, TOTAL }),
				 VMSG_ERROR_INVALID);
	}
	assert_int_equal(vmsg_ffa_memory_fragment(&share, &to_vm2, 1, many, COUNT, 0,
						  (struct vmsg_span){ joined, 95 }),
			 VMSG_ERROR_NO_SPACE);
	assert_int_equal(vmsg_ffa_memory_fragment(&share, &to_vm2, 1, many, COUNT, 96,
						  (struct vmsg_span){ joined, 15 }),
			 VMSG_ERROR_NO_SPACE);
}

static void parses_both_layouts(void **state)
{
	static const struct {
		const char *hex;
		uint32_t access_size, composite_offset, pages, count;
	} cases[] = { { SHARE_1_1, 16, 64, 4, 1 }, { SHARE_1_2, 32, 80, 5, 2 } };
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vmsg_ffa_memory_header header;
		struct vmsg_ffa_memory_access access;
		struct vmsg_ffa_composite composite;
		struct vmsg_ffa_range range;
		const struct vmsg_bytes descriptor = { bytes, hex_to_bytes(cases[i].hex, bytes,
									   sizeof(bytes)) };

		assert_int_equal(vmsg_ffa_memory_parse(descriptor, &header), 0);
		assert_int_equal(header.sender, 1);
		assert_int_equal(header.attributes, 0x2f);
		assert_int_equal(header.flags, 0);
		assert_int_equal(header.handle, 0);
		assert_int_equal(header.tag, 0x1234);
		assert_int_equal(header.access_size, cases[i].access_size);
		assert_int_equal(header.access_count, 1);
		assert_int_equal(header.access_offset, 48);
		assert_int_equal(vmsg_ffa_memory_access_at(descriptor, &header, 0, &access), 0);
		assert_int_equal(access.endpoint, 2);
		assert_int_equal(access.permissions, VMSG_FFA_DATA_RW);
		assert_int_equal(access.flags, 0);
		assert_int_equal(access.composite_offset, cases[i].composite_offset);
		assert_int_equal(vmsg_ffa_memory_access_at(descriptor, &header, 1, &access),
				 VMSG_ERROR_RANGE);
		assert_zero(&access, sizeof(access));
		assert_int_equal(vmsg_ffa_memory_composite_at(descriptor, &header,
							      cases[i].composite_offset,
							      &composite),
				 0);
		assert_int_equal(composite.page_count, cases[i].pages);
		assert_int_equal(composite.range_count, cases[i].count);
		vmsg_ffa_range_load(&range, bytes + cases[i].composite_offset + 16);
		assert_int_equal(range.address, 0x50000000);
		assert_int_equal(range.pages, 4);
	}
}

static void parses_fields_of_an_access_descriptor(void **state)
{
	struct vmsg_ffa_memory_access access[2] = {
		{ 0 }, { .endpoint = 0x8001, .permissions = 0x5, .flags = 1 }
	};
	struct vmsg_ffa_memory_access back;
	struct vmsg_ffa_memory_header header;
	uint8_t bytes[256];

	(void)state;
	access[0] = to_vm2;
	for (uint8_t i = 0; i < 16; i++) {
		access[1].implementation[i] = (uint8_t)(0xA0 + i);
	}
	const int size = vmsg_ffa_memory_build(&share, access, 2, ranges, 2,
					       (struct vmsg_span){ bytes, sizeof(bytes) });
	const struct vmsg_bytes descriptor = { bytes, (size_t)size };
	assert_int_equal(size, 48 + 64 + 16 + 32);
	assert_int_equal(vmsg_ffa_memory_parse(descriptor, &header), 0);
	assert_int_equal(vmsg_ffa_memory_access_at(descriptor, &header, 1, &back), 0);
	access[1].composite_offset = 112;
	assert_memory_equal(&back, &access[1], sizeof(back));
}

static void refuses_every_shorter_header(void **state)
{
	struct vmsg_ffa_memory_header header;
	uint8_t bytes[256];

	(void)state;
	const size_t size = hex_to_bytes(RETRIEVE_1_2, bytes, sizeof(bytes));
	for (size_t shorter = 0; shorter < size; shorter++) {
		uint8_t *exact = malloc(shorter + 1);
		assert_non_null(exact);
		memcpy(exact, bytes, shorter);
		memset(&header, 0xEE, sizeof(header));
		assert_int_equal(
			vmsg_ffa_memory_parse((struct vmsg_bytes){ exact, shorter }, &header),
			shorter < 48 ? VMSG_ERROR_TRUNCATED : VMSG_ERROR_BAD_FIELD);
		assert_zero(&header, sizeof(header));
		free(exact);
	}
}

static void put_le32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++) {
		at[i] = (uint8_t)(value >> (8 * i));
	}
}

static void refuses_every_lie_about_the_access_array(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
	} lies[] = {
		{ 24, 0 },          { 24, 8 },          { 24, 24 },  { 24, 31 },
		{ 24, 48 },         { 24, UINT32_MAX }, { 28, 0 },   { 28, 3 },
		{ 28, 0x08000000 }, { 28, UINT32_MAX }, { 32, 0 },   { 32, 32 },
		{ 32, 47 },         { 32, 56 },         { 32, 112 }, { 32, 128 },
		{ 32, 0xFFFFFFF0 }, { 32, UINT32_MAX },
	};
	struct vmsg_ffa_memory_header header;
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const size_t size = hex_to_bytes(SHARE_1_2, bytes, sizeof(bytes));
		put_le32(bytes + lies[i].at, lies[i].value);
		assert_int_equal(vmsg_ffa_memory_parse((struct vmsg_bytes){ bytes, size }, &header),
				 VMSG_ERROR_BAD_FIELD);
		assert_zero(&header, sizeof(header));
	}
}

static void composite_lies_behind_the_access_array_and_inside(void **state)
{
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_composite composite;
	uint8_t bytes[256];

	(void)state;
	const struct vmsg_bytes all = { bytes, hex_to_bytes(SHARE_1_2, bytes, sizeof(bytes)) };
	assert_int_equal(vmsg_ffa_memory_parse(all, &header), 0);
	for (uint32_t offset = 0; offset <= 160; offset++) {
		int expected = VMSG_OK;
		if (offset % 16 != 0 || offset < 80) {
			expected = VMSG_ERROR_BAD_FIELD;
		} else if (offset > 112) {
			expected = VMSG_ERROR_TRUNCATED;
		}
		assert_int_equal(vmsg_ffa_memory_composite_at(all, &header, offset, &composite),
				 expected);
		if (expected < 0) {
			assert_zero(&composite, sizeof(composite));
		}
	}
	assert_int_equal(vmsg_ffa_memory_composite_at(all, &header, 0xFFFFFFF0, &composite),
			 VMSG_ERROR_TRUNCATED);
}

static void relinquish_layout_and_lies(void **state)
{
	struct vmsg_ffa_relinquish relinquish = { .handle = 0x8000000000000001,
						  .count = 1,
						  .endpoint = 2 };
	struct vmsg_ffa_relinquish back;
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(vmsg_ffa_relinquish_build(&relinquish, (struct vmsg_span){ bytes, 18 }),
			 18);
	assert_bytes_hex((struct vmsg_bytes){ bytes, 18 }, "010000000000008000000000010000000200");
	assert_int_equal(vmsg_ffa_relinquish_parse((struct vmsg_bytes){ bytes, 18 }, &back), 0);
	assert_int_equal(back.handle, 0x8000000000000001);
	assert_int_equal(back.flags, 0);
	assert_int_equal(back.count, 1);
	assert_int_equal(back.endpoint, 2);
	assert_int_equal(vmsg_ffa_relinquish_build(&relinquish, (struct vmsg_span){ bytes, 17 }),
			 VMSG_ERROR_NO_SPACE);
	for (size_t size = 0; size < 18; size++) {
		assert_int_equal(
			vmsg_ffa_relinquish_parse((struct vmsg_bytes){ bytes, size }, &back),
			VMSG_ERROR_TRUNCATED);
		assert_zero(&back, sizeof(back));
	}
	/* a list that goes beyond the bytes; an empty one */
	put_le32(bytes + 12, 2);
	assert_int_equal(vmsg_ffa_relinquish_parse((struct vmsg_bytes){ bytes, 18 }, &back),
			 VMSG_ERROR_TRUNCATED);
	put_le32(bytes + 12, UINT32_MAX);
	assert_int_equal(vmsg_ffa_relinquish_parse((struct vmsg_bytes){ bytes, 18 }, &back),
			 VMSG_ERROR_TRUNCATED);
	put_le32(bytes + 12, 0);
	assert_int_equal(vmsg_ffa_relinquish_parse((struct vmsg_bytes){ bytes, 16 }, &back), 0);
	assert_int_equal(back.endpoint, 0);
	relinquish.count = 2;
	assert_int_equal(vmsg_ffa_relinquish_build(&relinquish, (struct vmsg_span){ bytes, 32 }),
			 VMSG_ERROR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_the_1_1_layout),
		cmocka_unit_test(builds_the_1_2_layout),
		cmocka_unit_test(refuses_to_build_what_has_no_layout_or_no_room),
		cmocka_unit_test(fragments_join_to_the_whole),
		cmocka_unit_test(parses_both_layouts),
		cmocka_unit_test(parses_fields_of_an_access_descriptor),
		cmocka_unit_test(refuses_every_shorter_header),
		cmocka_unit_test(refuses_every_lie_about_the_access_array),
		cmocka_unit_test(composite_lies_behind_the_access_array_and_inside),
		cmocka_unit_test(relinquish_layout_and_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
