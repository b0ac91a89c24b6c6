/* SPDX-License-Identifier: BSD-3-Clause */
/* The options behind a device's kind, "path=disk.img,readonly=on", by a table of what there is. */
#ifndef VMSG_EMULATOR_DEVICES_SETTINGS_H
#define VMSG_EMULATOR_DEVICES_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_KEY_SIZE   32
#define DEVICE_VALUE_SIZE 4096

/* A key and where its value goes: exactly one of text, flag and number. What is not given keeps
 * the value it has. */
struct device_setting {
	const char *key;
	char *text;       /* DEVICE_VALUE_SIZE bytes */
	bool *flag;       /* on or off */
	uint64_t *number; /* decimal or 0x, least to most */
	uint64_t least;
	uint64_t most;
};

/* Reads `options` (NULL: none) of a device of `kind`. 0, or -1 with one line in `why` that names
 * the key, the value and the rule; errno is EINVAL. */
int device_settings(const char *kind, const char *options, const struct device_setting *settings,
		    size_t count, char *why, size_t why_size);

/*
 * One "key=value" of a comma-separated list: copies them out and returns where the next begins,
 * NULL at the end. A part without '=' or one that does not fit gives an empty key.
 */
const char *device_option(const char *list, char key[DEVICE_KEY_SIZE],
			  char value[DEVICE_VALUE_SIZE]);

#endif
