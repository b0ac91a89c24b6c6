/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused here is refused before anything is connected. */
#include "commands/areas.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"
#include "virtio_msg_ffa/schema.h"

#define NAME_SIZE   64
#define PAGE_SIZE   4096u
#define WINDOW_BITS 56 /* of an address, where area ids have 8 */

/* ---- the window ---- */

static int map_window(const char *name, const char *path, struct vmsg_segment *window)
{
	struct stat status;
	const int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		report_problem("%s: path '%s': %s", name, path, strerror(errno));
		return VMSG_EXIT_FAILED;
	}
	if (fstat(fd, &status) < 0 || status.st_size <= 0) {
		report_problem("%s: path '%s' is not a file with a size", name, path);
		close(fd);
		return VMSG_EXIT_FAILED;
	}
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (data == MAP_FAILED) {
		report_problem("%s: path '%s' cannot be mapped: %s", name, path, strerror(errno));
		return VMSG_EXIT_FAILED;
	}
	*window = (struct vmsg_segment){ data, (uint64_t)status.st_size };
	return 0;
}

/* The path is all that follows, commas included. */
int option_window(const char *name, const char *parameters, uint64_t *address,
		  struct vmsg_segment *window)
{
	static const char address_key[] = "address=";
	static const char path_key[] = ",path=";
	char number[NAME_SIZE];
	char what[NAME_SIZE];
	const char *path = parameters ? strstr(parameters, path_key) : NULL;

	if (!path || strncmp(parameters, address_key, sizeof(address_key) - 1) != 0 ||
	    (size_t)(path - parameters) >= sizeof(number)) {
		return report_usage("%s needs the reserved memory: address=N,path=FILE", name);
	}
	const char *from = parameters + sizeof(address_key) - 1;
	snprintf(number, sizeof(number), "%.*s", (int)(path - from), from);
	snprintf(what, sizeof(what), "%s: address", name);
	const int status = option_size(what, number, address);
	return status ? status : map_window(name, path + sizeof(path_key) - 1, window);
}

/* ---- --areas ---- */

int option_areas(const char *text, struct areas *areas)
{
	static const char kind[] = "static";

	*areas = (struct areas){ .kind = AREAS_POOL };
	if (strcmp(text, "pool") == 0) {
		return 0;
	}
	if (strcmp(text, "demand") == 0) {
		areas->kind = AREAS_DEMAND;
		return 0;
	}
	if (strncmp(text, kind, sizeof(kind) - 1) != 0 ||
	    !strchr(",", text[sizeof(kind) - 1])) { /* a comma or the end */
		return report_usage("--areas is '%s', which is none of pool, demand and static",
				    text);
	}
	areas->kind = AREAS_STATIC;
	text += sizeof(kind) - 1;
	return option_window("--areas static", *text ? text + 1 : NULL, &areas->window.address,
			     &areas->segment);
}

bool areas_may_be_static(const struct vmsg_profile *profile)
{
	return profile->area_id_shift == WINDOW_BITS;
}

static int plan_window(struct areas *areas, const struct areas_need *need,
		       struct session_options *options)
{
	const uint64_t address = areas->window.address;

	if (options->profile && !areas_may_be_static(options->profile)) {
		return report_usage("profile %s has no plain addresses: --areas static goes with "
				    "r0 and r1",
				    options->profile->name);
	}
	if (areas->segment.size < need->pool_size) {
		return report_usage("--areas static: the file has %llu bytes, %u are needed",
				    (unsigned long long)areas->segment.size, need->pool_size);
	}
	if (address % PAGE_SIZE != 0 || address >= 1ull << WINDOW_BITS ||
	    areas->segment.size > (1ull << WINDOW_BITS) - address) {
		return report_usage("--areas static: address 0x%llx is not one of a page below "
				    "2^%d",
				    (unsigned long long)address, WINDOW_BITS);
	}
	areas->window.segments = &areas->segment;
	areas->window.segment_count = 1;
	options->window = areas->window;
	return 0;
}

int areas_plan(struct areas *areas, const struct areas_need *need, struct session_options *options)
{
	const bool on_demand = areas->kind == AREAS_DEMAND;
	const uint32_t size = on_demand ? need->pool_size_demand : need->pool_size;

	options->pool_size = (size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	options->buffer_count = on_demand ? need->buffer_count : 0;
	options->buffer_size = need->buffer_size;
	return areas->kind == AREAS_STATIC ? plan_window(areas, need, options) : 0;
}
