/* SPDX-License-Identifier: BSD-3-Clause */
/* Bits of the bus by name (wire-revisions 4.1, 4.2). */
#include "commands/names.h"

#include <stddef.h>
#include <stdio.h>

static const char *const bus_features[] = { "DIRECT_RX",   "DIRECT_TX",       "INDIRECT_RX",
					    "INDIRECT_TX", "NOTIFICATION_RX", "NOTIFICATION_TX",
					    "FIFO" };
static const char *const transport_features[] = { "STRICT_CONFIG_GENERATION" };

static const char *list(uint32_t bits, const char *const *names, size_t count,
			char text[NAMES_TEXT_SIZE])
{
	size_t length = 0;

	snprintf(text, NAMES_TEXT_SIZE, "none");
	for (unsigned int bit = 0; bit < 32 && length < NAMES_TEXT_SIZE; bit++) {
		const char *space = length > 0 ? " " : "";
		if (!(bits >> bit & 1)) {
			continue;
		}
		length += (size_t)(bit < count ? snprintf(text + length, NAMES_TEXT_SIZE - length,
							  "%s%s", space, names[bit])
					       : snprintf(text + length, NAMES_TEXT_SIZE - length,
							  "%sbit%u", space, bit));
	}
	return text;
}

const char *names_bus_features(uint32_t features, char text[NAMES_TEXT_SIZE])
{
	return list(features, bus_features, sizeof(bus_features) / sizeof(bus_features[0]), text);
}

const char *names_transport_features(uint32_t features, char text[NAMES_TEXT_SIZE])
{
	return list(features, transport_features,
		    sizeof(transport_features) / sizeof(transport_features[0]), text);
}
