/* SPDX-License-Identifier: BSD-3-Clause */
/* Switches by name, and the table of quirks as text. */
#include "commands/quirks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands/areas.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"
#include "virtio_msg_ffa/schema.h"

#define NAME_SIZE     64
#define WINDOW_SWITCH VMSG_QUIRK_BIT(VMSG_QUIRK_LINUX_RFC1_WINDOW)

/* ---- switches ---- */

static enum vmsg_quirk_roles roles_of(uint32_t bits)
{
	unsigned int quirk = 1;

	while (!(bits & VMSG_QUIRK_BIT(quirk))) {
		quirk++;
	}
	return vmsg_quirk_info(quirk)->roles;
}

int option_quirk(const char *text, enum vmsg_quirk_roles roles, struct quirk_settings *settings)
{
	const size_t length = strcspn(text, ",");
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	const uint32_t bits = vmsg_quirk_bits(name);
	if (bits == 0) {
		return report_usage("--quirk is '%s', which is no quirk; '--quirk help' lists them",
				    name);
	}
	if (!(roles_of(bits) & roles)) {
		return report_usage("--quirk %s is for a %s", name,
				    roles == VMSG_QUIRK_DRIVER ? "backend" : "frontend");
	}
	settings->bits |= bits;
	if (bits & WINDOW_SWITCH) {
		return option_window("--quirk linux-rfc1-window",
				     text[length] ? text + length + 1 : NULL,
				     &settings->window_address, &settings->window);
	}
	return text[length] ? report_usage("--quirk %s takes no parameters, but '%s' follows", name,
					   text + length + 1)
			    : 0;
}

void quirks_list(enum vmsg_quirk_roles roles)
{
	for (unsigned int i = 1; i <= VMSG_QUIRK_LAST; i++) {
		const struct vmsg_quirk_info *info = vmsg_quirk_info(i);
		if (info->name && info->roles & roles) {
			printf("%s (Q%u)\n  %s: %s.\n  With it: %s.\n", info->name, i, info->who,
			       info->what, info->answer);
		}
	}
}

void quirks_apply(const struct quirk_settings *settings, struct vmsg_bus_options *options)
{
	options->quirks = settings->bits;
	options->window = (struct vmsg_bus_window){
		.address = settings->window_address,
		.segments = &settings->window,
		.segment_count = settings->window.size > 0 ? 1 : 0,
	};
}

const char *quirk_text(const struct vmsg_bus_event *event, char text[QUIRK_TEXT_SIZE])
{
	const struct vmsg_quirk_info *info = vmsg_quirk_info(event->quirk);
	const bool has_value = strncmp(info->sign, "with ", 5) == 0;
	char value[24] = "";

	if (has_value) {
		snprintf(value, sizeof(value),
			 event->value > UINT16_MAX ? " 0x%" PRIx64 : " %" PRIu64, event->value);
	}
	snprintf(text, QUIRK_TEXT_SIZE, "peer sent %s %s%s, as %s does; quirk %s is %s",
		 vmsg_type_name(event->type), info->sign, value, info->who,
		 info->name ? info->name : "", event->allowed ? "on" : "off");
	return text;
}
