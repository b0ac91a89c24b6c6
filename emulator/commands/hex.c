/* SPDX-License-Identifier: BSD-3-Clause */
/* Hex digits to bytes, as people paste them. */
#include "commands/hex.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	const char lower = (char)tolower((unsigned char)c);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_separator(char c)
{
	return isspace((unsigned char)c) || strchr(":,_-", c);
}

long hex_parse(const char *text, uint8_t *bytes, size_t capacity, const char **bad)
{
	size_t count = 0;

	while (*text) {
		if (is_separator(*text)) {
			text++;
			continue;
		}
		if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
			text += 2;
			continue;
		}
		const int high = digit(text[0]);
		const int low = high < 0 || !text[1] ? -1 : digit(text[1]);
		if (high < 0 || low < 0) {
			*bad = high < 0 ? text : text + 1;
			return -1;
		}
		if (count == capacity) {
			*bad = text;
			return HEX_TOO_LONG;
		}
		bytes[count++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return (long)count;
}
