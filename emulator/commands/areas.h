/* SPDX-License-Identifier: BSD-3-Clause */
/* --areas: how a driver's memory comes to where its device can reach it. */
#ifndef VMSG_EMULATOR_AREAS_H
#define VMSG_EMULATOR_AREAS_H

#include "commands/session.h"

enum areas_kind {
	AREAS_POOL,   /* rings and data share one area */
	AREAS_DEMAND, /* data lies in an area of its own for as long as it is needed */
	AREAS_STATIC, /* both sides have reserved memory, and no area is shared (Q1) */
};

struct areas {
	enum areas_kind kind;
	struct vmsg_bus_window window; /* of AREAS_STATIC */
	struct vmsg_segment segment;   /* that it points to, once it is planned */
};

/* What a driver needs, in bytes. */
struct areas_need {
	uint32_t pool_size;
	uint32_t pool_size_demand; /* when the data is elsewhere */
	uint32_t buffer_count;     /* of which data is shared on demand; 0: it cannot be */
	uint32_t buffer_size;
};

/* "pool", "demand" or "static,address=N,path=FILE". 0, or an exit status after saying why. */
int option_areas(const char *text, struct areas *areas);

/* "address=N,path=FILE" of the option `name`, for memory that both sides have reserved; the file
 * stays mapped as long as the process lives. 0, or an exit status after saying why. */
int option_window(const char *name, const char *parameters, uint64_t *address,
		  struct vmsg_segment *window);

/* Can it be had in that profile (NULL: any), and with that much memory? Then fills in the options
 * of the session. 0, or an exit status after saying why. */
int areas_plan(struct areas *areas, const struct areas_need *need, struct session_options *options);

/* Can a session that has agreed on this profile have a window? */
bool areas_may_be_static(const struct vmsg_profile *profile);

#endif
