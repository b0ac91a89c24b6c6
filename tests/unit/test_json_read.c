/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON from others: what is one value and what is not, and looking things up in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "support/cmocka.h"

/* At an address of its own, so that a byte too far is seen. */
static bool is_json(const char *text, size_t size)
{
	struct json_value value, key, inner;
	char string[16];
	char *copy = malloc(size ? size : 1);
	size_t at = 0;

	assert_non_null(copy);
	memcpy(copy, text, size);
	const bool result = json_read(copy, size, &value);
	assert_true(result == (value.text != NULL));
	while (result && json_read_next(value, &at, &key, &inner)) {
		(void)json_read_string(inner, string, sizeof(string));
		(void)json_read_member(inner, "a");
	}
	free(copy);
	return result;
}

static void values_and_what_is_none(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"0",
		"-1",
		"1.5e-3",
		"10",
		"\"\"",
		"true",
		"false",
		"null",
		" [ 1 , 2 ] ",
		"{\"a\":1,\"b\":[{},[]],\"c\":{\"d\":\"\\u00e9\\n\"}}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\t{ \"a\" : 1 }\r\n",
	};
	static const char *const bad[] = {
		"",        " ",         "{",           "}",         "[",
		"]",       "[1",        "[1,",         "[1,]",      "[,1]",
		"{\"a\"}", "{\"a\":}",  "{\"a\":1,}",  "{a:1}",     "{\"a\":1]",
		"[1}",     "1 2",       "01",          "-",         "1.",
		".5",      "1e",        "+1",          "\"",        "\"\\\"",
		"\"\\x\"", "\"\\u12\"", "\"\\u123g\"", "\"\n\"",    "tru",
		"True",    "nul",       "[1 2]",       "{\"a\" 1}", "{1:2}",
		"[]]",     "{}{}",      "'a'",         "\"a\\",     "{\"a\":1 \"b\":2}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!is_json(good[i], strlen(good[i]))) {
			fail_msg("'%s' is JSON", good[i]);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (is_json(bad[i], strlen(bad[i]))) {
			fail_msg("'%s' is no JSON", bad[i]);
		}
	}
	assert_false(is_json("\"\0\"", 3));
	assert_false(is_json("\"\\\0\"", 4));
}

static void every_beginning_of_a_value_is_none(void **state)
{
	static const char text[] = "{\"a\":[1.5e3,{\"b\":\"\\u00e9\"},true,null],\"c\":{\"d\":{}}}";

	(void)state;
	for (size_t size = 0; size < strlen(text); size++) {
		assert_false(is_json(text, size));
	}
	assert_true(is_json(text, strlen(text)));
}

static void nesting_is_bounded(void **state)
{
	char text[2 * JSON_READ_DEPTH + 2];

	(void)state;
	memset(text, '[', JSON_READ_DEPTH);
	text[JSON_READ_DEPTH] = '1';
	memset(text + JSON_READ_DEPTH + 1, ']', JSON_READ_DEPTH);
	assert_true(is_json(text, 2 * JSON_READ_DEPTH + 1));
	memset(text, '[', JSON_READ_DEPTH + 1);
	memset(text + JSON_READ_DEPTH + 1, ']', JSON_READ_DEPTH + 1);
	assert_true(is_json(text, 2 * JSON_READ_DEPTH + 2)); /* the innermost is empty */
	text[JSON_READ_DEPTH + 1] = '1';
	assert_false(is_json(text, 2 * JSON_READ_DEPTH + 2));
}

static void members_elements_and_their_types(void **state)
{
	static const char text[] =
		" {\"n\": 18446744073709551615, \"s\" :\"a\\\"\\u00e9\\ud83d\\ude00\", \"t\":true,"
		"\"f\":false, \"list\":[1, \"two\", [3], {\"four\":4}], "
		"\"big\":18446744073709551616,"
		"\"half\":1.5, \"n\":7} ";
	struct json_value root, list, value;
	uint64_t number;
	size_t at = 0;
	bool truth;
	char string[16];

	(void)state;
	assert_true(json_read(text, strlen(text), &root));
	assert_true(json_read_number(json_read_member(root, "n"), &number));
	assert_true(number == UINT64_MAX);
	assert_false(json_read_number(json_read_member(root, "big"), &number));
	assert_false(json_read_number(json_read_member(root, "half"), &number));
	assert_false(json_read_number(json_read_member(root, "nothing"), &number));
	assert_true(json_read_string(json_read_member(root, "s"), string, sizeof(string)));
	assert_string_equal(string, "a\"\xc3\xa9\xf0\x9f\x98\x80");
	assert_false(json_read_string(json_read_member(root, "s"), string, 8));
	assert_true(json_read_string(json_read_member(root, "s"), string, 9));
	assert_false(json_read_string(json_read_member(root, "n"), string, sizeof(string)));
	assert_true(json_read_bool(json_read_member(root, "t"), &truth) && truth);
	assert_true(json_read_bool(json_read_member(root, "f"), &truth) && !truth);
	assert_false(json_read_bool(json_read_member(root, "n"), &truth));
	list = json_read_member(root, "list");
	assert_true(json_read_next(list, &at, NULL, &value));
	assert_true(json_read_number(value, &number) && number == 1);
	assert_true(json_read_next(list, &at, NULL, &value));
	assert_true(json_read_is(value, "two"));
	assert_false(json_read_is(value, "tw"));
	assert_true(json_read_next(list, &at, NULL, &value));
	assert_int_equal(value.size, 3);
	assert_true(json_read_next(list, &at, NULL, &value));
	assert_true(json_read_number(json_read_member(value, "four"), &number) && number == 4);
	assert_false(json_read_next(list, &at, NULL, &value));
	assert_null(json_read_member(list, "four").text);
}

static void strings_that_are_no_text(void **state)
{
	static const char *const bad[] = { "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
					   "\"\\u0000\"" };
	struct json_value value;
	char string[16];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(json_read(bad[i], strlen(bad[i]), &value));
		assert_false(json_read_string(value, string, sizeof(string)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_what_is_none),
		cmocka_unit_test(every_beginning_of_a_value_is_none),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(members_elements_and_their_types),
		cmocka_unit_test(strings_that_are_no_text),
	};

	return cmocka_run_group_tests_name("JSON from others", tests, NULL, NULL);
}
