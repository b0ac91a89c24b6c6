/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/regs_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void regs_to_text(const struct vmsg_ffa_regs *regs, char text[REGS_TEXT_SIZE])
{
	size_t count = VMSG_FFA_REGISTERS;
	size_t at = 0;

	while (count > 1 && regs->x[count - 1] == 0) {
		count--;
	}
	for (size_t i = 0; i < count; i++) {
		at += (size_t)snprintf(text + at, REGS_TEXT_SIZE - at, "%s%" PRIx64, i ? " " : "",
				       regs->x[i]);
	}
}

void regs_from_text(const char *text, struct vmsg_ffa_regs *regs)
{
	char *end;

	memset(regs, 0, sizeof(*regs));
	for (size_t i = 0; *text; i++, text = end) {
		const uint64_t value = strtoull(text, &end, 16);
		if (end == text || i == VMSG_FFA_REGISTERS) {
			fprintf(stderr, "bad registers in a test: \"%s\"\n", text);
			abort();
		}
		regs->x[i] = value;
	}
}
