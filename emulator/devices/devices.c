/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the constructor of a device by its kind. */
#include "devices/devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *kind;
	struct emu_device *(*open)(const char *options, uint16_t dev_num, char *why,
				   size_t why_size);
} kinds[] = {
	{ "blk", blk_open },     { "console", console_open }, { "exercise", exercise_open },
	{ "net", net_open },     { "rng", rng_open },         { "vhost-user", vhost_user_open },
	{ "vsock", vsock_open },
};

struct emu_device *emu_device_open(const char *text, uint16_t dev_num, char *why, size_t why_size)
{
	const size_t length = strcspn(text, ",");

	errno = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].kind) == length && strncmp(kinds[i].kind, text, length) == 0) {
			return kinds[i].open(text[length] ? text + length + 1 : NULL, dev_num, why,
					     why_size);
		}
	}
	int used = snprintf(why, why_size, "--device %.*s: no such device; there are", (int)length,
			    text);
	for (size_t i = 0;
	     i < sizeof(kinds) / sizeof(kinds[0]) && used > 0 && (size_t)used < why_size; i++) {
		used += snprintf(why + used, why_size - (size_t)used, "%s %s", i > 0 ? "," : "",
				 kinds[i].kind);
	}
	errno = EINVAL;
	return NULL;
}

void emu_device_close(struct emu_device *device)
{
	if (device) {
		device->close(device);
	}
}
