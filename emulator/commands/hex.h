/* SPDX-License-Identifier: BSD-3-Clause */
/* Hex digits to bytes, as people paste them. */
#ifndef VMSG_EMULATOR_COMMANDS_HEX_H
#define VMSG_EMULATOR_COMMANDS_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Largest frame that a le16 size can name. */
#define HEX_BYTES_MAX 65536

#define HEX_TOO_LONG (-2) /* more bytes than there is room for */

/*
 * Reads pairs of digits; white space, colons, commas, underscores, dashes and "0x" before a byte
 * string are skipped. Returns the number of bytes; -1 with *bad at the character that is no hex
 * digit (or at the end, for an odd digit); HEX_TOO_LONG with *bad at the first digit too many.
 */
long hex_parse(const char *text, uint8_t *bytes, size_t capacity, const char **bad);

#endif
