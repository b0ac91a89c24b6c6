/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that grows in a buffer of a known size: what does not fit is a defect of its caller. */
#ifndef VMSG_EMULATOR_SERVER_TEXT_H
#define VMSG_EMULATOR_SERVER_TEXT_H

#include <stddef.h>

#include "virtio_msg_ffa/compiler.h"

struct text {
	char *bytes;
	size_t size;
	size_t length; /* without the zero behind it */
};

void text_add(struct text *text, const char *format, ...) VMSG_PRINTF(2, 3);
/* As a JSON string, with its quotes. */
void text_add_string(struct text *text, const char *string);

#endif
