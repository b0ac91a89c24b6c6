/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes a list of key=value apart. */
#include "devices/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where complaints go. */
struct complaint {
	const char *kind;
	char *why;
	size_t why_size;
};

const char *device_option(const char *list, char key[DEVICE_KEY_SIZE],
			  char value[DEVICE_VALUE_SIZE])
{
	const size_t length = strcspn(list, ",");
	const char *equals = memchr(list, '=', length);

	key[0] = 0;
	value[0] = 0;
	if (equals) {
		const size_t key_length = (size_t)(equals - list);
		const size_t value_length = length - key_length - 1;
		if (key_length < DEVICE_KEY_SIZE && value_length < DEVICE_VALUE_SIZE) {
			memcpy(key, list, key_length);
			key[key_length] = 0;
			memcpy(value, equals + 1, value_length);
			value[value_length] = 0;
		}
	}
	return list[length] ? list + length + 1 : NULL;
}

static int take_flag(const struct device_setting *setting, const char *value,
		     const struct complaint *complaint)
{
	*setting->flag = strcmp(value, "on") == 0;
	if (*setting->flag || strcmp(value, "off") == 0) {
		return 0;
	}
	(void)snprintf(complaint->why, complaint->why_size,
		       "--device %s: %s '%s' is neither on nor off", complaint->kind, setting->key,
		       value);
	return -1;
}

static int take_number(const struct device_setting *setting, const char *value,
		       const struct complaint *complaint)
{
	const int base = value[0] == '0' && (value[1] | 0x20) == 'x' ? 16 : 10;
	char *end;

	errno = 0;
	*setting->number = strtoull(value, &end, base);
	if (errno == 0 && end != value && *end == 0 && value[0] >= '0' && value[0] <= '9' &&
	    *setting->number >= setting->least && *setting->number <= setting->most) {
		return 0;
	}
	(void)snprintf(complaint->why, complaint->why_size,
		       "--device %s: %s '%s' is no number from %" PRIu64 " to %" PRIu64,
		       complaint->kind, setting->key, value, setting->least, setting->most);
	return -1;
}

static int take(const struct device_setting *setting, const char *value,
		const struct complaint *complaint)
{
	if (setting->flag) {
		return take_flag(setting, value, complaint);
	}
	if (setting->number) {
		return take_number(setting, value, complaint);
	}
	memcpy(setting->text, value, strlen(value) + 1);
	return 0;
}

static void complain_unknown(const struct device_setting *settings, size_t count,
			     const char *option, const struct complaint *complaint)
{
	const int length = (int)strcspn(option, ",");
	int used = snprintf(complaint->why, complaint->why_size, "--device %s: '%.*s' is none of ",
			    complaint->kind, length, option);

	for (size_t i = 0; i < count && used > 0 && (size_t)used < complaint->why_size; i++) {
		const char *form = settings[i].flag ? "on|off" : settings[i].number ? "N" : "TEXT";
		used += snprintf(complaint->why + used, complaint->why_size - (size_t)used,
				 "%s%s=%s", i > 0 ? ", " : "", settings[i].key, form);
	}
	if (count == 0) {
		(void)snprintf(complaint->why, complaint->why_size,
			       "--device %s: takes no options, got '%.*s'", complaint->kind, length,
			       option);
	}
}

int device_settings(const char *kind, const char *options, const struct device_setting *settings,
		    size_t count, char *why, size_t why_size)
{
	const struct complaint complaint = { kind, why, why_size };
	char key[DEVICE_KEY_SIZE];
	char value[DEVICE_VALUE_SIZE];

	while (options && *options) {
		const char *option = options;
		size_t i = 0;
		options = device_option(options, key, value);
		while (i < count && strcmp(settings[i].key, key) != 0) {
			i++;
		}
		if (i == count) {
			complain_unknown(settings, count, option, &complaint);
			errno = EINVAL;
			return -1;
		}
		if (take(&settings[i], value, &complaint) < 0) {
			errno = EINVAL;
			return -1;
		}
	}
	return 0;
}
