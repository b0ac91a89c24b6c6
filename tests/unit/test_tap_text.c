/* SPDX-License-Identifier: BSD-3-Clause */
/* Records as lines. docs/tracing.md has the grammar. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/regs_text.h"
#include "support/tap_records.h"

#include "tap/text.h"
#include "virtio_msg_ffa/codec.h"

#define R1 (VMSG_PROFILE_R1 + 1)
#define R3 (VMSG_PROFILE_R3 + 1)

/* GET_CONFIG of device 3, offset 4, length 8 */
#define GET_CONFIG_R3 "0005030005001000 04000000 08000000"
#define GET_CONFIG_R1 "000503000e00 04000000 08000000"

static void assert_line(const struct tap_record *record, enum tap_detail detail,
			const char *expected)
{
	static char text[TAP_LINE_MAX];
	const size_t length = tap_format(record, detail, text, sizeof(text));

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static struct tap_record call(const char *registers)
{
	struct tap_record record = { .partition = 0x8001, .vcpu = 12, .time_ns = 7000000123u };

	regs_from_text(registers, &record.regs);
	return record;
}

static void a_call_is_its_name_and_its_registers(void **state)
{
	(void)state;
	struct tap_record record = call("8400006d 80010000 0 0 5");

	assert_line(&record, TAP_NAMES, "7.000000123 8001.12 > FFA_RUN");
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 > FFA_RUN 80010000 0 0 5");
	assert_line(&record, TAP_ALL, "7.000000123 8001.12 > FFA_RUN 8400006d 80010000 0 0 5");
	record = call("84000061");
	record.kind = TAP_RETURN;
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 < FFA_SUCCESS");
}

static void what_has_no_name_is_a_number(void **state)
{
	(void)state;
	struct tap_record record = call("10002 3");

	record.kind = TAP_RETURN;
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 < 10002 3");
	assert_line(&record, TAP_ALL, "7.000000123 8001.12 < 10002 3");
}

static void an_error_says_which(void **state)
{
	(void)state;
	struct tap_record record = call("84000060 0 fffffffa");

	record.kind = TAP_RETURN;
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 < FFA_ERROR 0 fffffffa | DENIED");
	record.kind = TAP_CALL; /* nobody is told an error by calling */
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 > FFA_ERROR 0 fffffffa");
}

static void an_interrupt_has_a_number_and_may_have_a_name(void **state)
{
	(void)state;
	struct tap_record record = { .kind = TAP_INTERRUPT, .partition = 1, .interrupt = 5 };

	assert_line(&record, TAP_MAIN, "0.000000000 0001.0 ! interrupt 5 (NPI)");
	record.interrupt = 8;
	assert_line(&record, TAP_NAMES, "0.000000000 0001.0 ! interrupt 8 (SRI)");
	record.interrupt = 33;
	assert_line(&record, TAP_ALL, "0.000000000 0001.0 ! interrupt 33");
}

static void what_a_partition_logs_is_quoted_and_harmless(void **state)
{
	(void)state;
	struct tap_record record = call("c400008a a 5c221b3c6c6c6548 a7f");

	assert_line(&record, TAP_MAIN,
		    "7.000000123 8001.12 > FFA_CONSOLE_LOG a 5c221b3c6c6c6548 a7f | "
		    "\"Hell<\\x1b\\\"\\\\\\x7f\\x0a\"");
	record = call("8400008a 5 6c6c6548 6f");
	assert_line(&record, TAP_MAIN,
		    "7.000000123 8001.12 > FFA_CONSOLE_LOG 5 6c6c6548 6f | \"Hello\"");
	record = call("8400008a 19 6c6c6548 6f"); /* SMC32 holds 24 */
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 > FFA_CONSOLE_LOG 19 6c6c6548 6f");
	record = call("c400008a ffffffff 6c6c6548");
	assert_line(&record, TAP_MAIN, "7.000000123 8001.12 > FFA_CONSOLE_LOG ffffffff 6c6c6548");
}

static void a_direct_message_shows_what_it_says(void **state)
{
	(void)state;
	struct tap_record record = tap_direct_request(TAP_CALL, 1, 0x8001, GET_CONFIG_R3);

	record.profile = R3;
	assert_line(&record, TAP_NAMES,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 r3 request "
		    "GET_CONFIG");
	assert_line(&record, TAP_MAIN,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 r3 transport "
		    "request GET_CONFIG device 3 token 5 offset=4 length=8");
	assert_line(&record, TAP_ALL,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 c400008d 18001 "
		    "a14a9824b52860c6 f0ab2261da77e79d 10000500030500 800000004 | 0001->8001 r3 "
		    "transport request GET_CONFIG device 3 token 5 offset=4 length=8");
	record = tap_direct_request(TAP_RETURN, 1, 0x8001, GET_CONFIG_R1);
	record.profile = R1;
	assert_line(&record, TAP_MAIN,
		    "0.000000000 8001.0 < FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 r1 transport "
		    "request GET_CONFIG device 3 offset=4 length=8");
}

static void without_a_profile_what_fits_is_a_guess(void **state)
{
	(void)state;
	struct tap_record record = tap_direct_response(TAP_CALL, 0x8001, 1, "0383000009000a000000");

	assert_line(&record, TAP_MAIN,
		    "0.000000000 8001.0 > FFA_MSG_SEND_DIRECT_RESP2 | 8001->0001 ?r3 bus response "
		    "RESET device 0 token 9 result=0");
	record = tap_direct_request(TAP_CALL, 1, 0x8001, GET_CONFIG_R1);
	assert_line(&record, TAP_NAMES,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 ?r1 request "
		    "GET_CONFIG");
	/* something behind the message that says its size: it fits nothing exactly */
	record = tap_direct_request(TAP_CALL, 1, 0x8001, GET_CONFIG_R3 "00000001");
	assert_line(&record, TAP_MAIN,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 ? "
		    "0005030005001000040000000800000000000001");
	/* of no service that it names: maybe not ours at all */
	record.regs.x[2] = 0;
	record.regs.x[3] = 0;
	assert_line(&record, TAP_MAIN,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 18001 0 0 10000500030500 "
		    "800000004 1000000");
}

static void another_service_is_not_read(void **state)
{
	(void)state;
	struct tap_record record = tap_direct_request(TAP_CALL, 1, 0x8001, GET_CONFIG_R3);

	record.regs.x[2]++;
	assert_line(&record, TAP_MAIN,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 18001 a14a9824b52860c7 "
		    "f0ab2261da77e79d 10000500030500 800000004");
}

static void a_bad_frame_says_what_is_wrong(void **state)
{
	(void)state;
	struct tap_record record =
		tap_direct_request(TAP_CALL, 1, 0x8001, "00050300 0500 0c00 04000000");

	record.profile = R3;
	assert_line(&record, TAP_MAIN,
		    "0.000000000 0001.0 > FFA_MSG_SEND_DIRECT_REQ2 | 0001->8001 r3 bad frame "
		    "0005030005000c0004: TRUNCATED: GET_CONFIG request: `length` ends at byte 8 of "
		    "a payload of 4");
}

static void an_indirect_message_is_read_from_its_buffer(void **state)
{
	static const struct vmsg_ffa_uuid service = VMSG_FFA_UUID_DRIVER_ROLE;
	uint8_t room[256];

	(void)state;
	struct tap_record record =
		tap_indirect(0x8001, 1, &service, "004202000000 0c00 01000000", room);
	record.profile = R3;
	assert_line(&record, TAP_MAIN,
		    "0.000000000 8001.0 > FFA_MSG_SEND2 | 8001->0001 r3 transport event EVENT_USED "
		    "device 2 token 0 vq_index=1");
	record.payload.size--; /* its header now lies about its size */
	assert_line(&record, TAP_MAIN, "0.000000000 8001.0 > FFA_MSG_SEND2");
	record = tap_indirect(0x8001, 1, NULL, "0042", room);
	assert_line(
		&record, TAP_ALL,
		"0.000000000 8001.0 > FFA_MSG_SEND2 84000086 payload=0000000000000000280000000100"
		"0180020000000000000000000000000000000000000000000000"
		"0042");
}

static void a_message_of_a_fifo_has_no_call(void **state)
{
	static const uint8_t frame[] = { 0, 0x42, 2, 0, 0, 0, 12, 0, 1, 0, 0, 0 };
	struct tap_record record = {
		.kind = TAP_FIFO,
		.profile = R3,
		.partition = 0x8001,
		.peer = 1,
		.payload = { frame, sizeof(frame) },
	};

	(void)state;
	assert_line(&record, TAP_MAIN,
		    "0.000000000 8001.0 ~ FIFO | 8001->0001 r3 transport event EVENT_USED device 2 "
		    "token 0 vq_index=1");
	record.payload.size = 0;
	assert_line(&record, TAP_MAIN, "0.000000000 8001.0 ~ FIFO");
}

static void a_line_is_cut_where_the_buffer_ends(void **state)
{
	(void)state;
	static char whole[TAP_LINE_MAX];
	struct tap_record record = tap_direct_request(TAP_CALL, 1, 0x8001, GET_CONFIG_R1);
	const size_t length = tap_format(&record, TAP_MAIN, whole, sizeof(whole));

	assert_int_equal(tap_format(&record, TAP_MAIN, NULL, 0), length);
	for (size_t size = 1; size <= length + 1; size++) {
		char *text = malloc(size); /* of that size exactly, for the sanitizer */
		assert_non_null(text);
		assert_int_equal(tap_format(&record, TAP_MAIN, text, size), length);
		assert_int_equal(strlen(text), size - 1);
		assert_memory_equal(text, whole, size - 1);
		free(text);
	}
}

/* Every byte of the longest payload as hex twice, and a register file of ones. */
static void the_longest_line_has_room(void **state)
{
	(void)state;
	static uint8_t payload[TAP_PAYLOAD_MAX];
	static char text[TAP_LINE_MAX];
	struct tap_record record = { .profile = R3, .payload = { payload, sizeof(payload) } };

	memset(record.regs.x, 0xff, sizeof(record.regs.x));
	record.regs.x[0] = VMSG_FFA_ID32(MSG_SEND2);
	memset(payload, 0xff, sizeof(payload));
	memset(payload, 0, 20);
	payload[8] = 20; /* offset */
	payload[16] = (TAP_PAYLOAD_MAX - 20) % 256;
	payload[17] = (TAP_PAYLOAD_MAX - 20) / 256;
	assert_true(tap_format(&record, TAP_ALL, text, sizeof(text)) < TAP_LINE_MAX);
	/* GET_DEVICE_FEATURES response with as many blocks as fit */
	memcpy(payload + 20, "\x01\x03\x00\x00\x01\x00\xec\x0f\x00\x00\x00\x00\xf7\x03\x00\x00",
	       16);
	assert_true(tap_format(&record, TAP_ALL, text, sizeof(text)) < TAP_LINE_MAX);
	assert_non_null(strstr(text, "num_blocks=1015 features=[0xffffffff,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_its_name_and_its_registers),
		cmocka_unit_test(what_has_no_name_is_a_number),
		cmocka_unit_test(an_error_says_which),
		cmocka_unit_test(an_interrupt_has_a_number_and_may_have_a_name),
		cmocka_unit_test(what_a_partition_logs_is_quoted_and_harmless),
		cmocka_unit_test(a_direct_message_shows_what_it_says),
		cmocka_unit_test(without_a_profile_what_fits_is_a_guess),
		cmocka_unit_test(another_service_is_not_read),
		cmocka_unit_test(a_bad_frame_says_what_is_wrong),
		cmocka_unit_test(an_indirect_message_is_read_from_its_buffer),
		cmocka_unit_test(a_message_of_a_fifo_has_no_call),
		cmocka_unit_test(a_line_is_cut_where_the_buffer_ends),
		cmocka_unit_test(the_longest_line_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
