/* SPDX-License-Identifier: BSD-3-Clause */
/* The FIFO: its layout by bytes typed from wire-revisions 5.5, its rules, and a peer that breaks
 * them. */
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/fifo.h"

#define PAGE 4096u

static uint8_t ram[4 * PAGE] __attribute__((aligned(4096)));
static struct vmsg_fifo driver, device;
static const struct vmsg_fifo_frame form = { 6, 8, 104 };

static const struct vmsg_segment whole = { ram, 2 * PAGE };
/* the same in two pieces, as a device may have it mapped */
static const struct vmsg_segment pieces[] = { { ram, PAGE }, { ram + PAGE, PAGE } };

static int fresh(void **state)
{
	(void)state;
	memset(ram, 0xee, sizeof(ram));
	assert_int_equal(vmsg_fifo_create(&driver, &whole, 1, 128, 30), 0);
	assert_int_equal(vmsg_fifo_attach(&device, pieces, 2), 0);
	return 0;
}

/* A frame of `size` bytes, filled with `seed`, that says so at 6. */
static struct vmsg_bytes frame(uint16_t size, uint8_t seed)
{
	static uint8_t bytes[200];

	memset(bytes, seed, sizeof(bytes));
	bytes[6] = (uint8_t)size;
	bytes[7] = (uint8_t)(size >> 8);
	return (struct vmsg_bytes){ bytes, size };
}

static uint8_t out[112];
static bool was_full;

static int pop(struct vmsg_fifo *fifo)
{
	memset(out, 0xaa, sizeof(out));
	return vmsg_fifo_pop(fifo, &form, (struct vmsg_span){ out, sizeof(out) }, &was_full);
}

static void put_le16(uint32_t at, uint16_t value)
{
	ram[at] = (uint8_t)value;
	ram[at + 1] = (uint8_t)(value >> 8);
}

/* ---- layout ---- */

static void the_layout_is_that_of_the_specification(void **state)
{
	(void)state;
	assert_bytes_hex(
		(struct vmsg_bytes){ ram, 32 },
		"56464641 4649464f 0000 000000000000 8000 1e00 00000000 c00f0000 00000000");
	assert_bytes_hex(
		(struct vmsg_bytes){ ram + 0xfc0, 32 },
		"56464641 4649464f 0000 000000000000 8000 1e00 00000000 00000000 00000000");
	assert_int_equal(vmsg_fifo_region_size(128, 30), 8064);
	/* everything else is zero */
	for (size_t i = 32; i < 0xfc0; i++) {
		assert_int_equal(ram[i], 0);
	}
}

static void a_frame_lies_in_its_slot_and_the_index_follows(void **state)
{
	(void)state;
	memset(ram + 0xc0, 0x77, 128); /* left from earlier */
	assert_int_equal(vmsg_fifo_push(&driver, frame(10, 0x11)), 0);
	assert_bytes_hex((struct vmsg_bytes){ ram + 0xc0, 12 }, "111111111111 0a00 1111 0000");
	assert_int_equal(ram[0xc0 + 127], 0); /* the rest is cleared */
	assert_bytes_hex((struct vmsg_bytes){ ram + 0x80, 2 }, "0100");
	assert_bytes_hex((struct vmsg_bytes){ ram + 0x40, 2 }, "0000");
	assert_int_equal(pop(&device), 10);
	assert_bytes_hex((struct vmsg_bytes){ out, 10 }, "111111111111 0a00 1111");
	assert_bytes_hex((struct vmsg_bytes){ ram + 0x40, 2 }, "0100");
	/* the other way, in the other ring */
	assert_int_equal(vmsg_fifo_push(&device, frame(104, 0x22)), 0);
	assert_bytes_hex((struct vmsg_bytes){ ram + 0xfc0 + 0x80, 2 }, "0100");
	assert_int_equal(pop(&driver), 104);
	assert_int_equal(out[103], 0x22);
}

/* ---- rules ---- */

static void frames_keep_their_order_round_and_round(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		for (unsigned int j = 0; j <= i % 29; j++) {
			assert_int_equal(vmsg_fifo_push(&driver, frame(16, (uint8_t)(i + j))), 0);
		}
		for (unsigned int j = 0; j <= i % 29; j++) {
			assert_int_equal(pop(&device), 16);
			assert_int_equal(out[0], (uint8_t)(i + j));
			assert_int_equal(was_full, j == 0 && i % 29 == 28);
		}
		assert_int_equal(pop(&device), 0);
	}
}

static void one_slot_stays_free(void **state)
{
	(void)state;
	for (int i = 0; i < 29; i++) {
		assert_int_equal(vmsg_fifo_push(&driver, frame(8, 1)), 0);
	}
	assert_int_equal(vmsg_fifo_push(&driver, frame(8, 1)), VMSG_ERROR_AGAIN);
	assert_int_equal(pop(&device), 8);
	assert_true(was_full);
	assert_int_equal(vmsg_fifo_push(&driver, frame(8, 1)), 0);
	assert_int_equal(vmsg_fifo_push(&driver, frame(129, 1)), VMSG_ERROR_RANGE);
}

static void slots_that_hold_no_frame_are_skipped(void **state)
{
	static const uint16_t sizes[] = { 0, 7, 105, 0xffff };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vmsg_bytes bad = frame(16, 3);
		uint8_t copy[16];
		memcpy(copy, bad.data, 16);
		copy[6] = (uint8_t)sizes[i];
		copy[7] = (uint8_t)(sizes[i] >> 8);
		assert_int_equal(vmsg_fifo_push(&driver, (struct vmsg_bytes){ copy, 16 }), 0);
		assert_int_equal(vmsg_fifo_push(&driver, frame(16, 4)), 0);
		assert_int_equal(pop(&device), 16);
		assert_int_equal(out[0], 4);
		assert_int_equal(device.skipped, i + 1);
	}
	assert_int_equal(pop(&device), 0);
	assert_false(device.broken);
}

/* ---- geometry of a peer ---- */

static void refuse(uint32_t at, const char *hex)
{
	uint8_t saved[16];
	uint8_t bytes[16];
	struct vmsg_fifo fifo;
	const struct vmsg_fifo zero = { 0 };
	const size_t size = hex_to_bytes(hex, bytes, sizeof(bytes));

	memcpy(saved, ram + at, size);
	memcpy(ram + at, bytes, size);
	assert_int_equal(vmsg_fifo_attach(&fifo, pieces, 2), VMSG_ERROR_BAD_FIELD);
	assert_memory_equal(&fifo, &zero, sizeof(fifo));
	memcpy(ram + at, saved, size);
	assert_int_equal(vmsg_fifo_attach(&fifo, pieces, 2), 0);
}

static void geometry_that_lies_is_refused(void **state)
{
	(void)state;
	for (uint32_t ring = 0; ring <= 0xfc0; ring += 0xfc0) {
		refuse(ring, "57");          /* magic */
		refuse(ring + 7, "4e");      /* its last byte */
		refuse(ring + 8, "0100");    /* version */
		refuse(ring + 0x10, "6700"); /* slots of 103 */
		refuse(ring + 0x10, "ffff"); /* too large for the region */
		refuse(ring + 0x12, "0000"); /* no slots */
		refuse(ring + 0x12, "ffff"); /* too many */
	}
	refuse(0x18, "00000000"); /* where ring 1 would be */
	refuse(0x18, "bf0f0000");
	refuse(0x18, "be0f0000"); /* inside ring 0 */
	refuse(0x18, "411f0000"); /* its header would not fit */
	refuse(0x18, "00200000");
	refuse(0x18, "ffffffff");
	refuse(0xfc0 + 0x18, "00100000"); /* there is no third */
	refuse(0x40, "1e00");             /* indices that are none */
	refuse(0xfc0 + 0x80, "ffff");
}

static void reserved_bytes_are_ignored(void **state)
{
	struct vmsg_fifo fifo;

	(void)state;
	memset(ram + 0x0a, 0x55, 6);
	memset(ram + 0x14, 0x55, 4);
	memset(ram + 0x1c, 0x55, 36);
	memset(ram + 0x42, 0x55, 62);
	memset(ram + 0x82, 0x55, 62);
	assert_int_equal(vmsg_fifo_attach(&fifo, pieces, 2), 0);
}

static void regions_must_be_whole_pages_and_large_enough(void **state)
{
	const struct vmsg_segment odd = { ram, PAGE + 512 };
	const struct vmsg_segment one = { ram, PAGE };
	const struct vmsg_segment many[VMSG_AREA_SEGMENTS_MAX + 1] = { { ram, PAGE } };
	struct vmsg_fifo fifo;

	(void)state;
	assert_int_equal(vmsg_fifo_create(&fifo, &odd, 1, 128, 30), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_fifo_create(&fifo, &one, 1, 128, 30), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_fifo_create(&fifo, &whole, 1, 103, 30), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_fifo_create(&fifo, &whole, 1, 128, 1), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_fifo_create(&fifo, &whole, 0, 128, 30), VMSG_ERROR_NO_SPACE);
	assert_int_equal(vmsg_fifo_attach(&fifo, many, VMSG_AREA_SEGMENTS_MAX + 1),
			 VMSG_ERROR_NO_SPACE);
	assert_int_equal(vmsg_fifo_push(&fifo, frame(8, 1)), VMSG_ERROR_STATE);
	assert_int_equal(pop(&fifo), VMSG_ERROR_STATE);
}

/* ---- a peer that changes things under our hands ---- */

static void an_index_that_is_none_ends_it_for_good(void **state)
{
	static const uint16_t indices[] = { 30, 31, 0x8000, 0xffff };

	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		fresh(state);
		put_le16(0x80, indices[i]);
		assert_int_equal(pop(&device), VMSG_ERROR_STATE);
		assert_true(device.broken);
		put_le16(0x80, 0);
		assert_int_equal(pop(&device), VMSG_ERROR_STATE);
		assert_int_equal(vmsg_fifo_push(&device, frame(8, 1)), VMSG_ERROR_STATE);
		fresh(state);
		put_le16(0xfc0 + 0x40, indices[i]);
		assert_int_equal(vmsg_fifo_push(&device, frame(8, 1)), VMSG_ERROR_STATE);
		assert_true(device.broken);
	}
}

/* Geometry is read once, and our own indices are never read back. */
static void later_changes_of_the_header_mean_nothing(void **state)
{
	(void)state;
	assert_int_equal(vmsg_fifo_push(&driver, frame(16, 9)), 0);
	put_le16(0x10, 0xffff);
	put_le16(0x12, 0xffff);
	put_le16(0x18, 0xffff);
	put_le16(0x40, 29);           /* the device's own read index */
	put_le16(0xfc0 + 0x80, 0x7f); /* and its write index */
	assert_int_equal(pop(&device), 16);
	assert_int_equal(out[0], 9);
	assert_int_equal(vmsg_fifo_push(&device, frame(16, 8)), 0);
	assert_bytes_hex((struct vmsg_bytes){ ram + 0xfc0 + 0x80, 2 }, "0100");
	assert_int_equal(pop(&driver), 16);
}

/* Every index the peer may write, at every place of ours: no read outside, and an end. */
static void no_index_makes_us_read_outside_or_for_ever(void **state)
{
	for (uint16_t own = 0; own < 30; own++) {
		for (uint16_t other = 0; other < 30; other++) {
			fresh(state);
			device.in.own = own;
			put_le16(0x80, other);
			unsigned int taken = 0;
			while (pop(&device) > 0) {
				taken++;
			}
			assert_int_equal(taken, 0); /* cleared slots hold no frame */
			assert_int_equal(device.skipped, (other + 30u - own) % 30);
			assert_int_equal(device.in.own, other);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_layout_is_that_of_the_specification, fresh),
		cmocka_unit_test_setup(a_frame_lies_in_its_slot_and_the_index_follows, fresh),
		cmocka_unit_test_setup(frames_keep_their_order_round_and_round, fresh),
		cmocka_unit_test_setup(one_slot_stays_free, fresh),
		cmocka_unit_test_setup(slots_that_hold_no_frame_are_skipped, fresh),
		cmocka_unit_test_setup(geometry_that_lies_is_refused, fresh),
		cmocka_unit_test_setup(reserved_bytes_are_ignored, fresh),
		cmocka_unit_test_setup(regions_must_be_whole_pages_and_large_enough, fresh),
		cmocka_unit_test(an_index_that_is_none_ends_it_for_good),
		cmocka_unit_test_setup(later_changes_of_the_header_mean_nothing, fresh),
		cmocka_unit_test(no_index_makes_us_read_outside_or_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
