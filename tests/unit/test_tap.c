/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "support/cmocka.h"

#include "tap/pcapng.h"
#include "virtio_msg_ffa/error.h"

static struct tap_record sample(void)
{
	static const uint8_t payload[] = { 1, 2, 3, 4, 5 };
	struct tap_record record = {
		.time_ns = 0x1122334455667788u,
		.kind = TAP_RETURN,
		.profile = 8,
		.partition = 0x8001,
		.vcpu = 3,
		.peer = 1,
		.interrupt = 0x12345678,
		.payload = { payload, sizeof(payload) },
	};
	for (unsigned int i = 0; i < VMSG_FFA_REGISTERS; i++) {
		record.regs.x[i] = 0x0102030405060708u * (i + 1);
	}
	return record;
}

static void a_record_survives_its_packet(void **state)
{
	(void)state;
	const struct tap_record in = sample();
	struct tap_record out;
	uint8_t packet[TAP_PACKET_MAX];
	const size_t size = tap_record_store(&in, packet);

	assert_int_equal(size, 16 + 144 + 5);
	assert_int_equal(packet[4] | packet[5] << 8, 0x8001);
	assert_int_equal(packet[16], 0x08); /* x0, lowest byte first */
	assert_int_equal(tap_record_load(&out, (struct vmsg_bytes){ packet, size }), 0);
	assert_int_equal(out.kind, in.kind);
	assert_int_equal(out.profile, in.profile);
	assert_int_equal(out.partition, in.partition);
	assert_int_equal(out.vcpu, in.vcpu);
	assert_int_equal(out.peer, in.peer);
	assert_int_equal(out.interrupt, in.interrupt);
	assert_memory_equal(&out.regs, &in.regs, sizeof(in.regs));
	assert_int_equal(out.payload.size, 5);
	assert_memory_equal(out.payload.data, in.payload.data, 5);
}

static void a_broken_packet_is_refused(void **state)
{
	(void)state;
	const struct tap_record in = sample();
	struct tap_record out;
	uint8_t packet[TAP_PACKET_MAX];
	const size_t size = tap_record_store(&in, packet);

	for (size_t shorter = 0; shorter < size; shorter++) {
		assert_int_equal(tap_record_load(&out, (struct vmsg_bytes){ packet, shorter }),
				 VMSG_ERROR_TRUNCATED);
	}
	packet[1] = 4;
	assert_int_equal(tap_record_load(&out, (struct vmsg_bytes){ packet, size }),
			 VMSG_ERROR_INVALID);
	packet[1] = 0;
	packet[0] = 2;
	assert_int_equal(tap_record_load(&out, (struct vmsg_bytes){ packet, size }),
			 VMSG_ERROR_INVALID);
}

static FILE *capture(unsigned int packets)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(tap_pcapng_begin(file), 0);
	for (unsigned int i = 0; i < packets; i++) {
		uint8_t packet[8] = { (uint8_t)i, 1, 2, 3, 4, 5, 6, 7 };
		/* every length modulo 4, for the padding */
		assert_int_equal(tap_pcapng_write(file, 1000000000u * i + 7,
						  (struct vmsg_bytes){ packet, 4 + i % 4 }),
				 0);
	}
	rewind(file);
	return file;
}

/* The reader's answer to a whole file, and how many packets came before it. */
static int read_all(FILE *file, struct tap_pcapng_reader *reader, unsigned int *packets)
{
	static struct tap_packet packet;
	int result;

	rewind(file);
	tap_pcapng_open(reader, file);
	*packets = 0;
	while ((result = tap_pcapng_read(reader, &packet)) == 1) {
		++*packets;
	}
	return result;
}

static void packets_come_back_with_their_nanoseconds(void **state)
{
	(void)state;
	FILE *file = capture(8);
	struct tap_pcapng_reader reader;
	struct tap_packet packet;

	tap_pcapng_open(&reader, file);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(tap_pcapng_read(&reader, &packet), 1);
		assert_int_equal(packet.time_ns, 1000000000u * i + 7);
		assert_int_equal(packet.size, 4 + i % 4);
		assert_int_equal(packet.bytes[0], i);
		assert_int_equal(packet.lost, 0);
	}
	assert_int_equal(tap_pcapng_read(&reader, &packet), 0);
	assert_int_equal(fclose(file), 0);
}

static void what_was_lost_is_told_with_the_next_packet(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };
	uint8_t block[TAP_PCAPNG_PACKET_SIZE];
	FILE *file = capture(1);
	struct tap_pcapng_reader reader;
	struct tap_packet packet;

	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	const size_t size = tap_pcapng_store_packet(block, 9, 0x123456789au,
						    (struct vmsg_bytes){ bytes, sizeof(bytes) });
	assert_int_equal(size, 12 + 20 + 8 + 16);
	assert_int_equal(fwrite(block, 1, size, file), size);
	rewind(file);
	tap_pcapng_open(&reader, file);
	assert_int_equal(tap_pcapng_read(&reader, &packet), 1);
	assert_int_equal(tap_pcapng_read(&reader, &packet), 1);
	assert_int_equal(packet.lost, 0x123456789au);
	assert_int_equal(packet.size, 5);
	assert_memory_equal(packet.bytes, bytes, 5);
	assert_int_equal(tap_pcapng_read(&reader, &packet), 0);
	assert_int_equal(fclose(file), 0);
}

static void a_file_cut_anywhere_is_an_error_or_a_shorter_capture(void **state)
{
	(void)state;
	FILE *file = capture(2);
	uint8_t bytes[512];
	const size_t whole = fread(bytes, 1, sizeof(bytes), file);

	assert_int_equal(fclose(file), 0);
	for (size_t cut = 0; cut < whole; cut++) {
		/* whole blocks end at 28, 60 and 60 + 36 */
		const size_t start = cut < 28 ? 0 : cut < 60 ? 28 : cut < 96 ? 60 : 96;
		struct tap_pcapng_reader reader;
		unsigned int packets;
		FILE *part = tmpfile();
		assert_non_null(part);
		assert_int_equal(fwrite(bytes, 1, cut, part), cut);
		const int result = read_all(part, &reader, &packets);
		const bool boundary = cut > 0 && cut == start;
		assert_int_equal(result, boundary ? 0 : VMSG_ERROR_TRUNCATED);
		assert_int_equal(reader.offset, start);
		assert_int_equal(packets, cut >= 96);
		if (!boundary) {
			assert_string_equal(reader.problem, cut ? "the file ends inside this block"
								: "the file is empty");
		}
		assert_int_equal(fclose(part), 0);
	}
}

/* One byte of a capture of one packet changed: which rule that breaks, and of which block. */
static void each_rule_of_the_format_is_held(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int error;
		size_t offset;
		const char *problem;
	} cases[] = {
		{ 0, 0x0b, VMSG_ERROR_INVALID, 0, "no pcapng file" },
		{ 8, 0x1a, VMSG_ERROR_INVALID, 0, "little-endian" },
		{ 12, 2, VMSG_ERROR_INVALID, 0, "version of pcapng" },
		{ 4, 29, VMSG_ERROR_INVALID, 0, "multiple of 4" },
		{ 4, 12, VMSG_ERROR_INVALID, 0, "multiple of 4" },
		{ 24, 32, VMSG_ERROR_INVALID, 0, "two lengths" },
		{ 36, 1, VMSG_ERROR_INVALID, 28, "link type must be 147" },
		{ 48, 6, VMSG_ERROR_INVALID, 28, "nanoseconds" },
		{ 44, 8, VMSG_ERROR_INVALID, 28, "nanoseconds" },
		{ 46, 200, VMSG_ERROR_INVALID, 28, "option runs over" },
		{ 60, 2, VMSG_ERROR_INVALID, 60, "enhanced packet blocks" },
		{ 60, 3, VMSG_ERROR_INVALID, 60, "enhanced packet blocks" },
		{ 68, 1, VMSG_ERROR_INVALID, 60, "has not been described" },
		{ 80, 5, VMSG_ERROR_INVALID, 60, "longer than its block" },
		{ 82, 1, VMSG_ERROR_RANGE, 60, "longer than any" },
		{ 84, 5, VMSG_ERROR_INVALID, 60, "was cut" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tap_pcapng_reader reader;
		unsigned int packets;
		FILE *file = capture(1);
		assert_int_equal(fseek(file, (long)cases[i].at, SEEK_SET), 0);
		assert_int_equal(fwrite(&cases[i].value, 1, 1, file), 1);
		assert_int_equal(read_all(file, &reader, &packets), cases[i].error);
		assert_int_equal(reader.offset, cases[i].offset);
		assert_int_equal(packets, 0);
		if (!strstr(reader.problem, cases[i].problem)) {
			fail_msg("'%s' instead of '%s'", reader.problem, cases[i].problem);
		}
		assert_int_equal(fclose(file), 0);
	}
}

/* Block types that we do not write, large ones too, and a second section. */
static void other_blocks_are_skipped(void **state)
{
	(void)state;
	static uint8_t other[300 * 1024] = { 4, 0, 0, 0, 0, 0xb0, 4, 0 };
	uint8_t begin[TAP_PCAPNG_BEGIN_SIZE];
	struct tap_pcapng_reader reader;
	unsigned int packets;
	FILE *file = capture(1);

	other[sizeof(other) - 3] = 0xb0;
	other[sizeof(other) - 2] = 4;
	tap_pcapng_store_begin(begin);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	assert_int_equal(fwrite(other, 1, sizeof(other), file), sizeof(other));
	assert_int_equal(fwrite(begin, 1, sizeof(begin), file), sizeof(begin));
	assert_int_equal(tap_pcapng_write(file, 1, (struct vmsg_bytes){ begin, 4 }), 0);
	assert_int_equal(read_all(file, &reader, &packets), 0);
	assert_int_equal(packets, 2);
	assert_int_equal(fclose(file), 0);
}

static void another_file_format_is_refused(void **state)
{
	(void)state;
	struct tap_pcapng_reader reader;
	unsigned int packets;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_true(fputs("this is no capture at all, but long enough", file) >= 0);
	assert_int_equal(read_all(file, &reader, &packets), VMSG_ERROR_INVALID);
	assert_string_equal(reader.problem, "this is no pcapng file");
	assert_int_equal(fclose(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_survives_its_packet),
		cmocka_unit_test(a_broken_packet_is_refused),
		cmocka_unit_test(packets_come_back_with_their_nanoseconds),
		cmocka_unit_test(what_was_lost_is_told_with_the_next_packet),
		cmocka_unit_test(a_file_cut_anywhere_is_an_error_or_a_shorter_capture),
		cmocka_unit_test(each_rule_of_the_format_is_held),
		cmocka_unit_test(other_blocks_are_skipped),
		cmocka_unit_test(another_file_format_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
