/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON to standard output. Invariant: `comma` says whether the next value of the open object or
 * array is preceded by one. */
#include "commands/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 512

static void string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\') {
			printf("\\%c", c);
		} else if (c < 0x20 || c >= 0x7f) {
			printf("\\u%04x", c);
		} else {
			putchar(c);
		}
	}
	putchar('"');
}

static void begin(struct json *json, const char *key)
{
	if (json->comma) {
		putchar(',');
	}
	if (key) {
		string(key);
		putchar(':');
	}
	json->comma = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	putchar(bracket);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	putchar(bracket);
	json->comma = true;
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	printf("%" PRIu64, value);
}

void json_real(struct json *json, const char *key, double value)
{
	begin(json, key);
	printf("%.3f", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", stdout);
}

void json_text(struct json *json, const char *key, const char *text)
{
	begin(json, key);
	string(text);
}

void json_format(struct json *json, const char *key, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_text(json, key, text);
}

void json_hex(struct json *json, const char *key, const uint8_t *data, size_t size)
{
	begin(json, key);
	putchar('"');
	for (size_t i = 0; i < size; i++) {
		printf("%02x", data[i]);
	}
	putchar('"');
}

void json_end(struct json *json)
{
	json->comma = false;
	putchar('\n');
	fflush(stdout);
}
