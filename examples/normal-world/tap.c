/* SPDX-License-Identifier: BSD-3-Clause */
/* Test Anything Protocol without an operating system. */
#include "tap.h"

static void print_number(const struct tap *tap, int value)
{
	char text[12];
	int at = 11;

	text[at] = 0;
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	tap->print(text + at);
}

void tap_start(struct tap *tap, void (*print)(const char *text))
{
	*tap = (struct tap){ .print = print };
	print("TAP version 13\n");
}

void tap_ok(struct tap *tap, bool passed, const char *name)
{
	tap->count++;
	tap->failed += !passed;
	tap->print(passed ? "ok " : "not ok ");
	print_number(tap, tap->count);
	tap->print(" - ");
	tap->print(name);
	tap->print("\n");
}

int tap_finish(struct tap *tap)
{
	tap->print("1..");
	print_number(tap, tap->count);
	tap->print("\n# ");
	print_number(tap, tap->count - tap->failed);
	tap->print(" passed, ");
	print_number(tap, tap->failed);
	tap->print(" failed\n");
	return tap->failed;
}
