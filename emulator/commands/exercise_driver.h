/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver of the exercise device, in the parts of which its steps are made. What fails is
 * reported, and ends the session. */
#ifndef VMSG_EMULATOR_EXERCISE_DRIVER_H
#define VMSG_EMULATOR_EXERCISE_DRIVER_H

#include "commands/exercise_steps.h"
#include "commands/queue_driver.h"

#define EXERCISE_REQUESTS  4u /* of a queue at once */
#define EXERCISE_TEXT_SIZE 200

/* A piece of memory to be read by the device and one to be written, each cut at random. */
struct exercise_request {
	struct exercise *exercise;
	uint8_t *in; /* that the device reads */
	uint8_t *out;
	uint8_t *table;
	uint32_t queue;
	uint32_t readable;
	uint32_t writable;
	uint64_t seed;
	bool is_busy;
};

struct exercise {
	const struct exercise_settings *settings;
	struct exercise_counts *counts;
	struct session *session;
	struct queue_driver queues[VMSG_DEVICE_QUEUES_MAX];
	struct exercise_request requests[VMSG_DEVICE_QUEUES_MAX][EXERCISE_REQUESTS];
	uint32_t queue_count;
	uint32_t busy;
	uint8_t mask;
	bool is_packed;
	bool failed;
	uint64_t random;
	char text[EXERCISE_TEXT_SIZE]; /* what a step has to say */
};

VMSG_PRINTF(2, 3) int exercise_fail(struct exercise *exercise, const char *format, ...);
uint32_t exercise_pick(struct exercise *exercise, uint32_t below);

/* For session_retry(): from whatever state to a device that runs. */
int exercise_begin(struct session *session, void *context);
int exercise_begin_anew(struct exercise *exercise, bool is_packed);
void exercise_close_queues(struct exercise *exercise);

uint64_t exercise_sequence(const struct exercise *exercise);
/* All of what was read is of one state, and the device saw the features that we chose. */
int exercise_check_config(struct exercise *exercise);
int exercise_read_config(struct exercise *exercise);
int exercise_command(struct exercise *exercise, uint32_t number, uint32_t argument);

/* Random requests on all queues until so many bytes more have come back, and the rest too. */
int exercise_echo(struct exercise *exercise, uint64_t bytes);
int exercise_echo_some(struct exercise *exercise);
/* Requests that the device has been told of and nobody waits for. */
int exercise_leave_some(struct exercise *exercise, uint32_t queue);

#endif
