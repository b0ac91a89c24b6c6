/* SPDX-License-Identifier: BSD-3-Clause */
/* One JSON value, written piece by piece; commas and escapes are taken care of.
 * `key` is NULL inside an array. */
#ifndef VMSG_EMULATOR_JSON_H
#define VMSG_EMULATOR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "virtio_msg_ffa/compiler.h"

struct json {
	bool comma;
	FILE *file; /* NULL: standard output */
};

/* `bracket`: '{' or '[' to open, '}' or ']' to close. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_number(struct json *json, const char *key, uint64_t value);
void json_real(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
void json_text(struct json *json, const char *key, const char *text);
/* Any bytes, as if they were Latin-1. */
void json_characters(struct json *json, const char *key, const char *text, size_t size);
void json_format(struct json *json, const char *key, const char *format, ...) VMSG_PRINTF(3, 4);
void json_hex(struct json *json, const char *key, const uint8_t *data, size_t size);
/* Ends the line. */
void json_end(struct json *json);

#endif
