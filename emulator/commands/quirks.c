/* SPDX-License-Identifier: BSD-3-Clause */
/* Switches by name, and the table of quirks as text. */
#include "commands/quirks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"
#include "virtio_msg_ffa/schema.h"

#define NAME_SIZE     64
#define WINDOW_SWITCH VMSG_QUIRK_BIT(VMSG_QUIRK_LINUX_RFC1_WINDOW)

/* ---- the window ---- */

/* The file stays mapped as long as the process lives. */
static int map_window(const char *path, struct vmsg_segment *window)
{
	struct stat status;
	const int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		report_problem("--quirk: path '%s': %s", path, strerror(errno));
		return VMSG_EXIT_FAILED;
	}
	if (fstat(fd, &status) < 0 || status.st_size <= 0) {
		report_problem("--quirk: path '%s' is not a file with a size", path);
		close(fd);
		return VMSG_EXIT_FAILED;
	}
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (data == MAP_FAILED) {
		report_problem("--quirk: path '%s' cannot be mapped: %s", path, strerror(errno));
		return VMSG_EXIT_FAILED;
	}
	*window = (struct vmsg_segment){ data, (uint64_t)status.st_size };
	return 0;
}

/* "address=N,path=FILE"; the path is all that follows, commas included. */
static int take_window(const char *parameters, struct quirk_settings *settings)
{
	static const char address_key[] = "address=";
	static const char path_key[] = ",path=";
	char number[NAME_SIZE];
	const char *path = parameters ? strstr(parameters, path_key) : NULL;

	if (!path || strncmp(parameters, address_key, sizeof(address_key) - 1) != 0 ||
	    (size_t)(path - parameters) >= sizeof(number)) {
		return report_usage("--quirk linux-rfc1-window needs the reserved memory: "
				    "linux-rfc1-window,address=N,path=FILE");
	}
	const char *from = parameters + sizeof(address_key) - 1;
	snprintf(number, sizeof(number), "%.*s", (int)(path - from), from);
	const int status = option_size("--quirk: address", number, &settings->window_address);
	return status ? status : map_window(path + sizeof(path_key) - 1, &settings->window);
}

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
		return take_window(text[length] ? text + length + 1 : NULL, settings);
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
