/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu decode and encode on every vector, and on what people mistype. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/process.h"

#include "vectors/matrix.h"
#include "vectors/vectors.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/schema.h"

#define GIVEN     (sizeof(vectors) / sizeof(vectors[0]))
#define COUNT     (GIVEN + sizeof(matrix) / sizeof(matrix[0]))
#define ARGUMENTS 24
#define TEXT_MAX  1024
#define DECODE    VMSG_BINARY_DIR "/vmsg-ffa-emu decode"

static struct process program;

static const struct vector *vector_at(size_t i)
{
	return i < GIVEN ? &vectors[i] : &matrix[i - GIVEN];
}

static int close_program(void **state)
{
	(void)state;
	process_kill(&program);
	return 0;
}

/* Runs the program; the arguments end with NULL. */
#define RUN(...) process_run(&program, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static bool is_words(const struct vector *vector, const char *name)
{
	return vector->profile[0] == 'r' && strcmp(name, "features") == 0;
}

/* One "name=value" of a vector's fields as JSON, and as an argument of encode. */
static void translate(const struct vector *vector, const char *field, size_t size, char *json,
		      char *argument)
{
	char name[64];
	const char *value = memchr(field, '=', size);
	const size_t name_size = (size_t)(value - field);
	const int value_size = (int)(size - name_size - 1);

	memcpy(name, field, name_size);
	name[name_size] = 0;
	value++;
	if (value[0] != '#') {
		sprintf(json, "\"%s\":%llu", name, strtoull(value, NULL, 16));
		sprintf(argument, "%s=%.*s", name, value_size, value);
		return;
	}
	value++;
	const int digits = value_size - 1;
	if (is_words(vector, name)) {
		int json_length = sprintf(json, "\"%s\":[", name);
		int length = sprintf(argument, "%s=[", name);
		for (int at = 0; at < digits; at += 8) {
			const char text[] = { value[at + 6], value[at + 7], value[at + 4],
					      value[at + 5], value[at + 2], value[at + 3],
					      value[at],     value[at + 1], 0 };
			json_length += sprintf(json + json_length, "%s%lu", at ? "," : "",
					       strtoul(text, NULL, 16));
			length += sprintf(argument + length, "%s0x%s", at ? ", " : "", text);
		}
		strcpy(json + json_length, "]");
		strcpy(argument + length, "]");
	} else if (strcmp(name, "device_uuid") == 0) {
		sprintf(json, "\"%s\":\"%.8s-%.4s-%.4s-%.4s-%.12s\"", name, value, value + 8,
			value + 12, value + 16, value + 20);
		sprintf(argument, "%s=%.8s-%.4s-%.4s-%.4s-%.12s", name, value, value + 8,
			value + 12, value + 16, value + 20);
	} else {
		sprintf(json, "\"%s\":\"%.*s\"", name, digits, value);
		sprintf(argument, "%s=%.*s", name, digits, value);
	}
}

/* The line that decode --json prints of a vector, and the arguments that encode takes for it. */
struct expected {
	char json[TEXT_MAX];
	char arguments[ARGUMENTS][TEXT_MAX];
	const char *argv[ARGUMENTS + 1];
};

static void expect(const struct vector *vector, struct expected *expected)
{
	const struct vmsg_profile *profile = vmsg_profile_find(vector->profile);
	const bool is_bus = vmsg_type_is_bus(vmsg_schema_type(vector->name));
	char token[16] = "null";
	char size[24] = "null";
	char *json = expected->json;
	int argc = 0;

	if (profile->has_token) {
		sprintf(token, "%u", vector->token);
	}
	if (profile->has_size) {
		sprintf(size, "%zu", strlen(vector->hex) / 2);
	}
	json += sprintf(json,
			"{\"profile\":\"%s\",\"class\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\","
			"\"device\":%u,\"token\":%s,\"size\":%s,\"fields\":{",
			vector->profile, is_bus ? "bus" : "transport", vector->kind, vector->name,
			vector->device, token, size);
	sprintf(expected->arguments[argc++], "encode");
	sprintf(expected->arguments[argc++], "--profile=%s", vector->profile);
	sprintf(expected->arguments[argc++], "%s.%s", vector->name, vector->kind);
	sprintf(expected->arguments[argc++], "device=%u", vector->device);
	if (profile->has_token) {
		sprintf(expected->arguments[argc++], "token=0x%x", vector->token);
	}
	for (const char *field = vector->fields; *field;) {
		char text[TEXT_MAX];
		const size_t length = strcspn(field, " ");
		translate(vector, field, length, text, expected->arguments[argc++]);
		json += sprintf(json, "%s%s", field == vector->fields ? "" : ",", text);
		field += length + (field[length] == ' ');
	}
	sprintf(json, "}}\n");
	for (int i = 0; i < argc; i++) {
		expected->argv[i] = expected->arguments[i];
	}
	expected->argv[argc] = NULL;
}

/* An optional tail of nothing is not listed by the vectors that were given. */
static void drop_empty_data(char *text)
{
	static const char empty[] = ",\"data\":\"\"";
	char *at = strstr(text, empty);

	if (at) {
		memmove(at, at + strlen(empty), strlen(at + strlen(empty)) + 1);
	}
}

#define BATCH 20u

/* Decodes these vectors, all of one profile, by one run of the program. */
static void decode_batch(const size_t *indices, size_t count)
{
	static struct expected expected;
	const char *argv[BATCH + 5] = { "decode", "--json", "--profile",
					vector_at(indices[0])->profile };

	for (size_t i = 0; i < count; i++) {
		argv[4 + i] = vector_at(indices[i])->hex;
	}
	assert_int_equal(process_run(&program, NULL, argv), 0);
	const char *line = program.output.text;
	for (size_t i = 0; i < count; i++) {
		char text[TEXT_MAX];
		const size_t length = strcspn(line, "\n") + 1;
		assert_true(length < sizeof(text));
		memcpy(text, line, length);
		text[length] = 0;
		line += length;
		expect(vector_at(indices[i]), &expected);
		drop_empty_data(text);
		drop_empty_data(expected.json);
		assert_string_equal(text, expected.json);
	}
	assert_int_equal(*line, 0);
}

static void decode_tells_every_vector(void **state)
{
	(void)state;
	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const char *profile = vmsg_profile((enum vmsg_profile_id)id)->name;
		size_t indices[BATCH];
		size_t count = 0;
		for (size_t i = 0; i < COUNT; i++) {
			if (strcmp(vector_at(i)->profile, profile) == 0) {
				indices[count++] = i;
			}
			if (count == BATCH || (count > 0 && i + 1 == COUNT)) {
				decode_batch(indices, count);
				count = 0;
			}
		}
	}
}

static void encode_makes_every_vector_that_was_given(void **state)
{
	static struct expected expected;

	(void)state;
	for (size_t i = 0; i < GIVEN; i++) {
		char line[TEXT_MAX];
		expect(&vectors[i], &expected);
		sprintf(line, "%s\n", vectors[i].hex);
		assert_int_equal(process_run(&program, NULL, expected.argv), 0);
		assert_string_equal(program.output.text, line);
		assert_string_equal(program.errors.text, "");
	}
}

static void a_count_follows_from_its_tail_unless_given(void **state)
{
	(void)state;
	assert_int_equal(RUN("encode", "-p", "r1", "SET_CONFIG.request", "device=3",
			     "data=0a:0b 0c", "offset=0x10"),
			 0);
	assert_string_equal(program.output.text, "00060300150000000000100000000300000"
						 "00a0b0c\n");
	assert_int_equal(RUN("encode", "-p", "r1", "SET_CONFIG.request", "length=4", "data=0a0b0c"),
			 1);
	assert_non_null(strstr(program.errors.text,
			       "BAD_FIELD: SET_CONFIG request: `length` 4 exceeds payload 3"));
	assert_int_equal(RUN("encode", "SET_DRIVER_FEATURES.request", "features=1,0x2"), 0);
	assert_string_equal(program.output.text, "00040000000018000000000002000000"
						 "0100000002000000\n");
	assert_int_equal(
		RUN("encode", "-p", "r3", "GET_DEVICES.response", "count=9", "bitmap=1101"), 0);
	assert_string_equal(program.output.text, "03020000000010000000000009001101\n");
}

static void hex_is_read_as_people_paste_it(void **state)
{
	static const char *const texts[] = { "0x000709000600", "00:07:09:00:06:00",
					     "00 07 09 00 06 00", "0x00,0x07,0x09,0x00,0x06,0x00",
					     " 0007 0900 0600 \t" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(RUN("decode", "-p", "r1", texts[i]), 0);
		assert_string_equal(program.output.text,
				    "r1 transport request GET_DEVICE_STATUS device 9 (6 bytes)\n");
	}
	assert_int_equal(RUN("decode", "-p", "r1", "00070900060"), 1);
	assert_non_null(strstr(program.output.text, "bad hex"));
	assert_int_equal(RUN("decode", "--json", "0g"), 1);
	assert_non_null(strstr(program.output.text, "\"error\":\"INVALID\""));
}

static void lines_of_standard_input_are_decoded_one_by_one(void **state)
{
	(void)state;
	assert_int_equal(process_run(&program, "/bin/sh",
				     (const char *const[]){
					     "-c",
					     "printf '# head\\n\\n000709000600 # status\\n  \\n"
					     "0055\\n000709000600' | " VMSG_BINARY_DIR
					     "/vmsg-ffa-emu decode -p r1",
					     NULL }),
			 1);
	assert_string_equal(
		program.output.text,
		"r1 transport request GET_DEVICE_STATUS device 9 (6 bytes)\n"
		"r1 bad frame: TRUNCATED: frame of 2 bytes is shorter than its `header` "
		"of 6\n"
		"r1 transport request GET_DEVICE_STATUS device 9 (6 bytes)\n");
}

/* A shell line, whose output is what a test looks at. */
static int shell(const char *line)
{
	return process_run(&program, "/bin/sh", (const char *const[]){ "-c", line, NULL });
}

static void input_that_is_no_text_is_refused(void **state)
{
	static const char *const lines[] = {
		"printf '\\0\\2\\0\\0' | " DECODE, /* a frame, not its hex */
		"printf '00070900\\00000600\\n' | " DECODE " -p r1",
		"head -c 200000 /dev/zero | " DECODE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(shell(lines[i]), 1);
		assert_non_null(strstr(program.output.text, "bad hex: no pair of digits"));
	}
	assert_int_equal(shell(DECODE " </"), 1);
	assert_non_null(strstr(program.errors.text, "standard input: "));
	assert_int_equal(shell("head -c 131074 /dev/zero | tr '\\0' 0 | " DECODE), 1);
	assert_string_equal(program.output.text,
			    "bad hex: more bytes than a frame has, at character 131073\n");
}

static void a_dash_is_standard_input(void **state)
{
	(void)state;
	assert_int_equal(shell("echo 000709000600 | " DECODE " -p r1 - 000709000600"), 0);
	assert_string_equal(program.output.text,
			    "r1 transport request GET_DEVICE_STATUS device 9 (6 bytes)\n"
			    "r1 transport request GET_DEVICE_STATUS device 9 (6 bytes)\n");
}

static void a_bad_frame_tells_the_field_and_what_could_be_read(void **state)
{
	(void)state;
	assert_int_equal(RUN("decode", "--json", "-p", "r1",
			     "0105040017006400000010000000060000000102030405"),
			 1);
	assert_string_equal(program.output.text,
			    "{\"profile\":\"r1\",\"class\":\"transport\",\"kind\":\"response\","
			    "\"name\":\"GET_CONFIG\",\"device\":4,\"token\":null,\"size\":23,"
			    "\"error\":\"TRUNCATED\",\"field\":\"length\","
			    "\"detail\":\"GET_CONFIG response: `length` 6 exceeds payload 5\","
			    "\"fields\":{\"generation\":100,\"offset\":16,\"length\":6}}\n");
	assert_int_equal(RUN("decode", "--json", "-p", "r3", "0077090001000800"), 1);
	assert_string_equal(program.output.text,
			    "{\"profile\":\"r3\",\"class\":\"transport\",\"kind\":\"request\","
			    "\"name\":null,\"msg_id\":119,\"device\":9,\"token\":1,\"size\":8,"
			    "\"error\":\"UNKNOWN_ID\",\"field\":\"msg_id\","
			    "\"detail\":\"`msg_id` 119 is no transport message\",\"fields\":{}}\n");
}

static void without_a_profile_all_that_fit_are_told(void **state)
{
	(void)state;
	/* a VERSION of one length is of one profile, or of two with the same bytes */
	assert_int_equal(RUN("decode", "0280000002001400000000000000000002000100"), 0);
	assert_non_null(strstr(program.output.text, "[can be: r3]"));
	assert_int_equal(RUN("decode", "0280000018000100000001000000000000000f000000ff00"), 0);
	assert_non_null(strstr(program.output.text, "r1 bus request VERSION"));
	assert_non_null(strstr(program.output.text, "[can be: r1 r1-a16]"));
	assert_int_equal(RUN("decode", "--json", "00420c0000000c0006000000"), 0);
	assert_non_null(strstr(program.output.text, "\"candidates\":[\"r3\",\"r2b\",\"r2a\"]"));
	/* bad in every dialect, yet its header is that of r1 */
	assert_int_equal(RUN("decode", "0105040017006400000010000000060000000102030405"), 1);
	assert_string_equal(program.output.text,
			    "r1 bad frame of device 4: TRUNCATED: GET_CONFIG response: `length` 6 "
			    "exceeds payload 5\n");
}

static void the_null_reply_is_told(void **state)
{
	(void)state;
	assert_int_equal(RUN("decode", "--json", "-p", "r3", "0300000002010800"), 0);
	assert_string_equal(program.output.text,
			    "{\"profile\":\"r3\",\"class\":\"bus\",\"kind\":\"response\","
			    "\"name\":\"NONE\",\"device\":0,\"token\":258,\"size\":8,"
			    "\"fields\":{}}\n");
}

/* Exit status, and what is said on standard error. */
static void wrong_command_lines_are_explained(void **state)
{
	static const struct {
		int status;
		const char *text;
		const char *argv[6];
	} lines[] = {
		{ 2, "no profile is called 'r9'", { "decode", "-p", "r9", "00" } },
		{ 2, "unknown option '-x'", { "decode", "-x" } },
		{ 2, "needs a value", { "decode", "--profile" } },
		{ 2, "--json takes no value", { "decode", "--json=1" } },
		{ 2, "no message is named", { "encode" } },
		{ 2, "no profile is called 'r9'", { "encode", "-p", "r9", "PING.request" } },
		{ 2, "no message is called 'PONG'", { "encode", "PONG.request" } },
		{ 2, "'PING' is not NAME.request", { "encode", "PING" } },
		{ 2, "'reply' is not request, response or event", { "encode", "PING.reply" } },
		{ 2, "'data' is not FIELD=VALUE", { "encode", "PING.request", "data" } },
		{ 2, "data is given twice", { "encode", "PING.request", "data=1", "data=2" } },
		{ 1, "PING.request has no field `size`", { "encode", "PING.request", "size=1" } },
		{ 1,
		  "profile r1 has no FIFO_CONFIGURE.request",
		  { "encode", "-p", "r1", "FIFO_CONFIGURE.request" } },
		{ 1, "`data` '-1' is no number", { "encode", "PING.request", "data=-1" } },
		{ 1, "`data` '0x' is no number", { "encode", "PING.request", "data=0x" } },
		{ 1, "`data` '' is no number", { "encode", "PING.request", "data=" } },
		{ 1,
		  "RANGE: `data` 4294967296 exceeds 4294967295",
		  { "encode", "PING.request", "data=4294967296" } },
		{ 1,
		  "`data` '99999999999999999999' is no number of up to 64 bits",
		  { "encode", "PING.request", "data=99999999999999999999" } },
		{ 1,
		  "RANGE: `device` 65536 exceeds 65535",
		  { "encode", "PING.request", "device=65536" } },
		{ 1,
		  "RANGE: PING request: `token` 1 has no place in this profile's header",
		  { "encode", "-p", "r1", "PING.request", "token=1" } },
		{ 1,
		  "`num_feature_bits` 33 is no multiple of 32",
		  { "encode", "-p", "r1", "GET_DEVICE_INFO.response", "num_feature_bits=33" } },
		{ 1,
		  "`device_uuid` has 15 bytes, its field 16",
		  { "encode", "GET_DEVICE_INFO.response",
		    "device_uuid=00112233-4455-4677-8899-aabbccddee" } },
		{ 1,
		  "`features` '[1,2' is no list of 32-bit numbers",
		  { "encode", "SET_DRIVER_FEATURES.request", "features=[1,2" } },
		{ 1, "`data` '0a0' is no hex", { "encode", "SET_CONFIG.request", "data=0a0" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(process_run(&program, NULL, lines[i].argv), lines[i].status);
		assert_non_null(strstr(program.errors.text, lines[i].text));
		assert_string_equal(program.output.text, "");
	}
}

static void numbers_are_decimal_or_hex_never_octal(void **state)
{
	(void)state;
	assert_int_equal(RUN("encode", "-p", "r1", "PING.request", "data=010"), 0);
	assert_string_equal(program.output.text, "020300000a000a000000\n");
	assert_int_equal(RUN("encode", "-p", "r1", "PING.request", "data=0X10"), 0);
	assert_string_equal(program.output.text, "020300000a0010000000\n");
}

static void encode_speaks_json(void **state)
{
	(void)state;
	assert_int_equal(RUN("encode", "--json", "-p", "r1", "PING.request", "data=1"), 0);
	assert_string_equal(program.output.text,
			    "{\"profile\":\"r1\",\"kind\":\"request\",\"name\":\"PING\","
			    "\"hex\":\"020300000a0001000000\"}\n");
	assert_int_equal(RUN("encode", "--json", "PING.request", "data=\"x\\"), 1);
	assert_string_equal(
		program.output.text,
		"{\"profile\":\"r3\",\"error\":\"INVALID\",\"field\":\"data\","
		"\"detail\":\"`data` '\\\"x\\\\' is no number of up to 64 bits, decimal "
		"or 0x..\"}\n");
}

static void help_teaches(void **state)
{
	(void)state;
	assert_int_equal(RUN("decode", "--help"), 0);
	assert_non_null(strstr(program.output.text, "Example: vmsg-ffa-emu decode"));
	assert_int_equal(RUN("encode", "--help"), 0);
	assert_non_null(strstr(program.output.text, "Example: vmsg-ffa-emu encode"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decode_tells_every_vector),
		cmocka_unit_test(encode_makes_every_vector_that_was_given),
		cmocka_unit_test(a_count_follows_from_its_tail_unless_given),
		cmocka_unit_test(hex_is_read_as_people_paste_it),
		cmocka_unit_test(lines_of_standard_input_are_decoded_one_by_one),
		cmocka_unit_test(input_that_is_no_text_is_refused),
		cmocka_unit_test(a_dash_is_standard_input),
		cmocka_unit_test(a_bad_frame_tells_the_field_and_what_could_be_read),
		cmocka_unit_test(without_a_profile_all_that_fit_are_told),
		cmocka_unit_test(the_null_reply_is_told),
		cmocka_unit_test(wrong_command_lines_are_explained),
		cmocka_unit_test(numbers_are_decimal_or_hex_never_octal),
		cmocka_unit_test(encode_speaks_json),
		cmocka_unit_test(help_teaches),
	};
	return cmocka_run_group_tests(tests, NULL, close_program);
}
