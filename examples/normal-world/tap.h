/* SPDX-License-Identifier: BSD-3-Clause */
/* Test Anything Protocol without an operating system. */
#ifndef EXAMPLES_NORMAL_WORLD_TAP_H
#define EXAMPLES_NORMAL_WORLD_TAP_H

#include <stdbool.h>

struct tap {
	void (*print)(const char *text);
	int count;
	int failed;
};

void tap_start(struct tap *tap, void (*print)(const char *text));
void tap_ok(struct tap *tap, bool passed, const char *name);

/* Prints the plan and a summary; returns the number of failed tests. */
int tap_finish(struct tap *tap);

#endif
