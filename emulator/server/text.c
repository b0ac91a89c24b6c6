/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void text_add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const int added =
		vsnprintf(text->bytes + text->length, text->size - text->length, format, arguments);
	va_end(arguments);
	assert(added >= 0 && (size_t)added < text->size - text->length);
	text->length += (size_t)added;
}

void text_add_string(struct text *text, const char *string)
{
	text_add(text, "\"");
	for (; *string; string++) {
		const unsigned char c = (unsigned char)*string;
		if (c == '"' || c == '\\') {
			text_add(text, "\\%c", c);
		} else if (c < 0x20 || c >= 0x7F) {
			text_add(text, "\\u%04x", c);
		} else {
			text_add(text, "%c", c);
		}
	}
	text_add(text, "\"");
}
