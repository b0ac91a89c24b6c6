/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON. Invariant: `comma` says whether the next value of the open object or
 * array is preceded by one. */
#include "commands/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

static FILE *file_of(const struct json *json)
{
	return json->file ? json->file : stdout;
}

/* '<' is escaped so that no text can end the script that the value may stand in. */
static void characters(const struct json *json, const char *text, size_t size)
{
	FILE *file = file_of(json);

	putc('"', file);
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\') {
			fprintf(file, "\\%c", c);
		} else if (c < 0x20 || c >= 0x7f || c == '<') {
			fprintf(file, "\\u%04x", c);
		} else {
			putc(c, file);
		}
	}
	putc('"', file);
}

static void string(const struct json *json, const char *text)
{
	characters(json, text, strlen(text));
}

static void begin(struct json *json, const char *key)
{
	if (json->comma) {
		putc(',', file_of(json));
	}
	if (key) {
		string(json, key);
		putc(':', file_of(json));
	}
	json->comma = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	putc(bracket, file_of(json));
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	putc(bracket, file_of(json));
	json->comma = true;
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(file_of(json), "%" PRIu64, value);
}

void json_real(struct json *json, const char *key, double value)
{
	begin(json, key);
	fprintf(file_of(json), "%.3f", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", file_of(json));
}

void json_null(struct json *json, const char *key)
{
	begin(json, key);
	fputs("null", file_of(json));
}

void json_text(struct json *json, const char *key, const char *text)
{
	begin(json, key);
	string(json, text);
}

void json_characters(struct json *json, const char *key, const char *text, size_t size)
{
	begin(json, key);
	characters(json, text, size);
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
	putc('"', file_of(json));
	for (size_t i = 0; i < size; i++) {
		fprintf(file_of(json), "%02x", data[i]);
	}
	putc('"', file_of(json));
}

void json_end(struct json *json)
{
	json->comma = false;
	putc('\n', file_of(json));
	fflush(file_of(json));
}
