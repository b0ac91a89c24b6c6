/* SPDX-License-Identifier: BSD-3-Clause */
/* The names are the message table's, of the newest VERSION response. */
#include "commands/names.h"

#include <stdio.h>
#include <string.h>

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/schema.h"

static const char *list(const char *field, uint32_t bits, char text[NAMES_TEXT_SIZE])
{
	const struct vmsg_profile *profile = vmsg_profile(VMSG_PROFILE_R3);
	struct vmsg_field_info info;

	snprintf(text, NAMES_TEXT_SIZE, bits ? "0x%x" : "none", bits);
	for (uint32_t i = 0; vmsg_schema_field(profile, VMSG_VERSION, VMSG_RESPONSE, i, &info);
	     i++) {
		char names[NAMES_TEXT_SIZE];
		if (strcmp(info.name, field) == 0 &&
		    vmsg_format_value(profile, &info, bits, names, sizeof(names)) > 0) {
			memcpy(text, names, sizeof(names));
		}
	}
	return text;
}

const char *names_bus_features(uint32_t features, char text[NAMES_TEXT_SIZE])
{
	return list("bus_features", features, text);
}

const char *names_transport_features(uint32_t features, char text[NAMES_TEXT_SIZE])
{
	return list("transport_features", features, text);
}
