/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

static int digit(char c)
{
	const char *at = c ? strchr("0123456789abcdef", c) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

size_t hex_to_bytes(const char *hex, uint8_t *bytes, size_t capacity)
{
	size_t size = 0;

	for (; *hex; hex++) {
		if (*hex == ' ') {
			continue;
		}
		const int high = digit(hex[0]);
		const int low = high < 0 ? -1 : digit(hex[1]);
		if (low < 0 || size >= capacity) {
			fprintf(stderr, "bad hex in a test: \"%s\"\n", hex);
			abort();
		}
		bytes[size++] = (uint8_t)(high << 4 | low);
		hex++;
	}
	return size;
}

void assert_bytes_hex(struct vmsg_bytes bytes, const char *hex)
{
	uint8_t expected[8192];
	const size_t size = hex_to_bytes(hex, expected, sizeof(expected));

	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, expected, size);
}
