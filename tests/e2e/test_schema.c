/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu schema: what it prints, against lines typed from the specification's tables. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/process.h"

static struct process program;

#define RUN(...) process_run(&program, NULL, (const char *const[]){ "schema", __VA_ARGS__, NULL })

static int close_program(void **state)
{
	(void)state;
	process_kill(&program);
	return 0;
}

static void assert_prints(const char *text)
{
	if (!strstr(program.output.text, text)) {
		fail_msg("\"%s\" is not in:\n%s", text, program.output.text);
	}
}

static void the_reference_has_offsets_and_kinds_by_profile(void **state)
{
	(void)state;
	assert_int_equal(process_run(&program, NULL, (const char *const[]){ "schema", NULL }), 0);
	/* 3.4: count and next_offset change places in r3 */
	assert_prints("| field | a2 | r0, r1, r1-a16, r2a, r2b | r3 |\n"
		      "|---|---|---|---|\n"
		      "| `offset` | 0: `le16` | 0: `le16` | 0: `le16` |\n"
		      "| `next_offset` | 2: `le16` | 4: `le16` | 2: `le16` |\n"
		      "| `count` | - | 2: `le16` | 4: `le16` |\n"
		      "| `bitmap` | 4: `u8[32]` | 6: `u8[count / 8]` | 6: `u8[(count + 7) / 8]` |\n"
		      "| bytes | 36 | 6 and the tail | 6 and the tail |\n");
	/* 3.3: reserved words, and the flags of r3 */
	assert_prints("| reserved, zero | 4 to 7 | 4 to 7, 12 to 15 | 12 to 15 |\n");
	assert_prints(
		"- `flags` in r3: bits 1:0 = 0 KEEP_DISABLED, bits 1:0 = 1 ENABLE, bits 1:0 = 2 "
		"KEEP_STATE, bit 2 IGNORE_SIZE,");
	assert_prints("| `next_offset` | 4: `le32` | 4: `le32, bits 30:0` |\n"
		      "| `next_wrap` | 8: `le32` | 4: `le32, bit 31` |\n");
	/* 3.5: numbers that moved, a length that is fixed, who sends */
	assert_prints("### AREA_RELEASE\n\nSent by the device: the device no longer uses an area. "
		      "Number 0x83 in r0; 0xc0 in r1, r1-a16, r2a, r2b, r3.\n");
	assert_prints("| bytes | 4, no more | 18, no more | 8, no more | 12, no more |\n");
	assert_prints("- `state` in r1, r1-a16, r2a, r2b: 1 READY, 2 REMOVED\n"
		      "- `state` in r3: 1 ADDED, 2 REMOVED\n");
}

static void the_reference_can_be_of_one_profile_and_message(void **state)
{
	(void)state;
	assert_int_equal(RUN("-p", "r3", "-m", "EVENT_DEVICE"), 0);
	assert_string_equal(program.output.text, "\n### EVENT_DEVICE\n\n"
						 "Sent by the device: a device came or went. "
						 "Number 0x40 in r3.\n\n"
						 "**event**\n\n"
						 "| field | r3 |\n"
						 "|---|---|\n"
						 "| `device_number` | 0: `le16` |\n"
						 "| `state` | 2: `le16` |\n"
						 "| bytes | 4 |\n\n"
						 "- `state` in r3: 1 ADDED, 2 REMOVED\n");
	assert_int_equal(RUN("-p", "r1", "-m", "ERROR"), 1);
	assert_string_equal(program.output.text, "");
	assert_non_null(strstr(program.errors.text, "profile r1 has no ERROR"));
	assert_int_equal(RUN("-p", "r0"), 0);
	assert_prints("### DEVICE_ADDED");
	assert_null(strstr(program.output.text, "### RESET\n"));
	assert_null(strstr(program.output.text, "## Profiles"));
}

static void json_is_a_line_for_each_profile(void **state)
{
	size_t lines = 0;

	(void)state;
	assert_int_equal(RUN("--json"), 0);
	for (const char *at = program.output.text; *at; at++) {
		lines += *at == '\n';
	}
	assert_int_equal(lines, 8);
	assert_int_equal(RUN("-j", "-p", "r1", "-m", "EVENT_AVAIL"), 0);
	assert_prints("{\"profile\":\"r1\",\"header_size\":6,\"has_size\":true,\"has_token\":false,"
		      "\"area_id_shift\":56,");
	assert_prints(
		"\"messages\":[{\"name\":\"EVENT_AVAIL\",\"class\":\"transport\",\"msg_id\":65,"
		"\"sender\":\"driver\",\"summary\":\"a queue has new buffers\",\"event\":{"
		"\"size\":8,\"exact\":false,\"fields\":[{\"name\":\"vq_index\",\"form\":"
		"\"number\",\"offset\":0,\"width\":4,\"bit\":0,\"bits\":32,\"limit\":"
		"4294967295},{\"name\":\"next_offset\",\"form\":\"number\",\"offset\":4,"
		"\"width\":4,\"bit\":0,\"bits\":31,\"limit\":2147483647},{\"name\":"
		"\"next_wrap\",\"form\":\"number\",\"offset\":4,\"width\":4,\"bit\":31,"
		"\"bits\":1,\"limit\":1}]}}]}\n");
}

static void a_comparison_tells_every_difference_and_no_other(void **state)
{
	(void)state;
	assert_int_equal(RUN("--compare", "r2b", "r2b"), 0);
	assert_string_equal(program.output.text, "");
	assert_int_equal(RUN("--compare", "r1", "r1-a16"), 0);
	assert_string_equal(program.output.text, "area_id_shift 56 -> 48\n"
						 "has_area_attributes no -> yes\n");
	assert_int_equal(RUN("-c", "r2b", "r3"), 0);
	assert_prints("~ transport GET_SHM response: 0x0c, 12 bytes -> 0x0c, 24 bytes\n"
		      "    - index: at 0 le32\n"
		      "    ~ length: at 4 le32 -> at 8 le64\n"
		      "    ~ address: at 8 le32 -> at 16 le64\n"
		      "    + shmid: at 0 le32\n");
	assert_prints("    ~ state:\n        - 1 READY\n        + 1 ADDED\n");
	assert_int_equal(RUN("-c", "r0", "r1"), 0);
	assert_prints("- bus DEVICE_ADDED event: 0x41, 2 bytes\n");
	assert_prints("+ bus RESET request: 0x83, 0 bytes\n");
	assert_prints("~ bus AREA_RELEASE event: 0x83, 2 bytes -> 0xc0, 2 bytes\n");
	assert_int_equal(RUN("-j", "-c", "r2b", "r3"), 0);
	assert_prints("{\"from\":\"r2b\",\"to\":\"r3\",\"traits\":{\"has_area_attributes\":[false,"
		      "true],");
	assert_prints("{\"name\":\"count\",\"change\":\"changed\",\"from\":{\"offset\":2,\"type\":"
		      "\"le16\"},\"to\":{\"offset\":4,\"type\":\"le16\"}}");
}

static void dictionaries_hold_frames_and_function_ids(void **state)
{
	(void)state;
	assert_int_equal(RUN("--dictionary", "messages"), 0);
	assert_prints("r0_EVENT_POLL_request=\"\\x02\\x84\\x00\\x00\\x06\\x00\"\n");
	assert_prints("r2b_FIFO_CONFIGURE_response="
		      "\"\\x03\\x86\\x00\\x00\\x00\\x00\\x0c\\x00\\x00\\x00\\x00\\x00\"\n");
	assert_prints("EVENT_CONFIGURE_method_FIFO=\"\\x03\"\n");
	assert_int_equal(RUN("--dictionary", "calls"), 0);
	assert_prints("FFA_MSG_SEND_DIRECT_REQ2_64=\"\\x8d\\x00\\x00\\xc4\"\n");
	assert_prints("FFA_DENIED=\"\\xfa\\xff\\xff\\xff\"\n");
}

static void what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	assert_int_equal(RUN("--compare", "r1"), 2);
	assert_non_null(strstr(program.errors.text, "--compare takes two profiles"));
	assert_int_equal(RUN("--compare", "r1", "r9"), 2);
	assert_non_null(strstr(program.errors.text, "no profile is called 'r9'"));
	assert_int_equal(RUN("-j", "-m", "PONG"), 2);
	assert_non_null(strstr(program.errors.text, "no message is called 'PONG'"));
	assert_int_equal(RUN("-d", "-p", "r1"), 2);
	assert_int_equal(RUN("-m", "PING", "-f", "calls"), 2);
	assert_int_equal(RUN("-d", "-f", "calls"), 2);
	assert_int_equal(RUN("-f", "colours"), 2);
	assert_int_equal(RUN("r1"), 2);
	assert_int_equal(RUN("--what"), 2);
	assert_int_equal(RUN("--help"), 0);
	assert_prints("--dissector");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_has_offsets_and_kinds_by_profile),
		cmocka_unit_test(the_reference_can_be_of_one_profile_and_message),
		cmocka_unit_test(json_is_a_line_for_each_profile),
		cmocka_unit_test(a_comparison_tells_every_difference_and_no_other),
		cmocka_unit_test(dictionaries_hold_frames_and_function_ids),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, close_program);
}
