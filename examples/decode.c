/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What does this frame say? `decode r1 000503010e001400000008000000` prints it in a line, or what
 * is wrong with which field. The library needs nothing but these bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <virtio_msg_ffa/codec.h>
#include <virtio_msg_ffa/format.h>

#define FRAME_MAX 264

static size_t read_hex(const char *hex, uint8_t *bytes, size_t capacity)
{
	size_t size = 0;
	unsigned int byte;

	while (size < capacity && sscanf(hex, "%2x", &byte) == 1 && strlen(hex) >= 2) {
		bytes[size++] = (uint8_t)byte;
		hex += 2;
	}
	return size;
}

int main(int argc, char **argv)
{
	const struct vmsg_profile *profile = argc == 3 ? vmsg_profile_find(argv[1]) : NULL;
	uint8_t bytes[FRAME_MAX];
	struct vmsg_message message;
	struct vmsg_diagnosis why;
	char text[1024];

	if (!profile) {
		fprintf(stderr, "usage: %s a1|a2|r0|r1|r1-a16|r2a|r2b|r3 HEX\n", argv[0]);
		return 2;
	}
	const struct vmsg_bytes frame = { bytes, read_hex(argv[2], bytes, sizeof(bytes)) };
	const int error = vmsg_decode(profile, frame, &message, &why);
	if (error < 0) {
		(void)vmsg_format_diagnosis(&why, text, sizeof(text));
	} else {
		(void)vmsg_format(profile, &message, text, sizeof(text));
	}
	puts(text);
	return error < 0;
}
