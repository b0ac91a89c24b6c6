/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON as it comes from others: checked as a whole first, then looked up in place. Nothing is
 * allocated and nothing nests deeper than JSON_READ_DEPTH. Shared by server, client and commands.
 */
#ifndef VMSG_EMULATOR_JSON_READ_H
#define VMSG_EMULATOR_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_READ_DEPTH 32u

/* A value where it stands; text NULL: there is none. */
struct json_value {
	const char *text;
	size_t size;
};

/* One value (RFC 8259, with white space around it). False with nothing in `value` if it is not. All
 * other functions want a value that came from here, or one inside of it. */
bool json_read(const char *text, size_t size, struct json_value *value);

/* Member of an object, by a key without escapes; the first one of that name. None if it is not
 * there or `object` is none. */
struct json_value json_read_member(struct json_value object, const char *key);

/* Element or member of an array or object, one after the other: `at` is 0 first. `key` may be NULL;
 * it is with its quotes. False behind the last. */
bool json_read_next(struct json_value container, size_t *at, struct json_value *key,
		    struct json_value *value);

bool json_read_is(struct json_value value, const char *string);
/* A whole number from 0 on, without fraction and exponent. */
bool json_read_number(struct json_value value, uint64_t *number);
bool json_read_bool(struct json_value value, bool *is_true);
/* A string, as UTF-8 and terminated; false if it is none or longer than that. */
bool json_read_string(struct json_value value, char *text, size_t size);

#endif
