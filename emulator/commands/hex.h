/* SPDX-License-Identifier: BSD-3-Clause */
/* Hex digits to bytes, as people paste them. */
#ifndef VMSG_EMULATOR_COMMANDS_HEX_H
#define VMSG_EMULATOR_COMMANDS_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Largest frame that a le16 size can name, and the largest text for it with separators. */
#define HEX_BYTES_MAX 65536

/*
 * Reads pairs of digits; white space, colons, commas, underscores, dashes and "0x" before a byte
 * string are skipped. Returns the number of bytes, or -1 with *bad at the character that is no hex
 * digit (or at the end, for an odd digit).
 */
long hex_parse(const char *text, uint8_t *bytes, size_t capacity, const char **bad);

#endif
