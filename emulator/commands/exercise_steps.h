/* SPDX-License-Identifier: BSD-3-Clause */
/* Uses an exercise device in all the ways there are, and checks what comes of it. */
#ifndef VMSG_EMULATOR_EXERCISE_STEPS_H
#define VMSG_EMULATOR_EXERCISE_STEPS_H

#include "commands/session.h"

/* Pool that it needs: 16 queues, each with its ring and 4 buffers. */
#define EXERCISE_POOL_SIZE (16u * (2u * 4096 + 4u * (2u * 8192 + 4096)))

struct exercise_settings {
	uint64_t bytes; /* to be echoed, at least */
	uint32_t seed;  /* of the shapes */
	/* Called after each step that passed: its name and what was done. */
	void (*passed)(void *context, const char *step, const char *text);
	void *context;
};

struct exercise_counts {
	uint64_t buffers;
	uint64_t bytes; /* that came back */
	uint64_t config_reads;
	uint64_t config_changes; /* seen */
	uint32_t queue_resets;
	uint32_t device_resets;
	const char *failed_step; /* NULL: none */
};

/* Takes the first exercise device of the session. 0, or -1 reported. */
int exercise_driver_run(struct session *session, const struct exercise_settings *settings,
			struct exercise_counts *counts);

#endif
