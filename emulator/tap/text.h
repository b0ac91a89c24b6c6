/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record as one line of text: the format of `--trace`, of `trace -r`, and of what the firmware
 * examples print. docs/tracing.md has its grammar. Freestanding.
 */
#ifndef VMSG_EMULATOR_TAP_TEXT_H
#define VMSG_EMULATOR_TAP_TEXT_H

#include "tap/record.h"

/* Room for the longest line of a record that tap_record_load() takes. */
#define TAP_LINE_MAX 24576u

/* NAMES: calls and messages by name. MAIN: their arguments. ALL: every register and byte. */
enum tap_detail { TAP_NAMES, TAP_MAIN, TAP_ALL };

/* Writes the line without newline, its time as `record->time_ns` has it. Returns the length of the
 * whole line; at most size - 1 characters and a zero are written (none for size 0). */
size_t tap_format(const struct tap_record *record, enum tap_detail detail, char *text, size_t size);

/* Characters of a FFA_CONSOLE_LOG call: any byte, not terminated. 0 for another call or a bad
 * count.
 */
#define TAP_CONSOLE_MAX 128u
size_t tap_console(const struct tap_record *record, char text[TAP_CONSOLE_MAX]);

#endif
