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
	packet[1] = 3;
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

static void packets_come_back_with_their_nanoseconds(void **state)
{
	(void)state;
	FILE *file = capture(8);
	uint8_t packet[TAP_PACKET_MAX];
	uint64_t time_ns;
	size_t size;

	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(tap_pcapng_read(file, &time_ns, packet, &size), 1);
		assert_int_equal(time_ns, 1000000000u * i + 7);
		assert_int_equal(size, 4 + i % 4);
		assert_int_equal(packet[0], i);
	}
	assert_int_equal(tap_pcapng_read(file, &time_ns, packet, &size), 0);
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
		uint8_t packet[TAP_PACKET_MAX];
		uint64_t time_ns;
		size_t size;
		int result;
		FILE *part = tmpfile();
		assert_non_null(part);
		assert_int_equal(fwrite(bytes, 1, cut, part), cut);
		rewind(part);
		do {
			result = tap_pcapng_read(part, &time_ns, packet, &size);
		} while (result == 1);
		/* whole blocks end at 28, 60 and 60 + 36 */
		const bool boundary = cut == 28 || cut == 60 || cut == 96;
		assert_int_equal(result, boundary ? 0 : VMSG_ERROR_TRUNCATED);
		assert_int_equal(fclose(part), 0);
	}
}

static void another_file_format_is_refused(void **state)
{
	(void)state;
	uint8_t packet[TAP_PACKET_MAX];
	uint64_t time_ns;
	size_t size;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_true(fputs("this is no capture at all, but long enough", file) >= 0);
	rewind(file);
	assert_int_equal(tap_pcapng_read(file, &time_ns, packet, &size), VMSG_ERROR_INVALID);
	assert_int_equal(fclose(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_survives_its_packet),
		cmocka_unit_test(a_broken_packet_is_refused),
		cmocka_unit_test(packets_come_back_with_their_nanoseconds),
		cmocka_unit_test(a_file_cut_anywhere_is_an_error_or_a_shorter_capture),
		cmocka_unit_test(another_file_format_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
