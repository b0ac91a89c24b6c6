/* SPDX-License-Identifier: BSD-3-Clause */
/* What a partition answers a control client: JSON objects, one a frame. */
#ifndef VMSG_EMULATOR_CONTROL_ANSWER_H
#define VMSG_EMULATOR_CONTROL_ANSWER_H

#include <stdio.h>

#include "commands/json.h"
#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/emulator.h"

#define CONTROL_OBJECTS_MAX 256 /* of one answer: every device and every session twice over */

/* An answer as it grows: objects one behind the other, sent when all are there. */
struct control_answer {
	char *texts[CONTROL_OBJECTS_MAX];
	size_t sizes[CONTROL_OBJECTS_MAX];
	size_t count;
	FILE *file; /* of the object that is being written */
	struct json json;
};

/* Begins an object; NULL when there is no room for it. */
struct json *answer_begin(struct control_answer *answer);
void answer_end(struct control_answer *answer);
/* An object that says why not. */
void answer_refuse(struct control_answer *answer, const char *error, const char *detail);
/* Sends them all, at least one, and frees them. */
void answer_send(struct control_answer *answer, struct vmsg_emu *emu, uint32_t number);

/* Members of an object: a session and what it has counted; an element of an array of queues. */
void answer_bus(struct json *json, const struct vmsg_bus *bus);
void answer_queue(struct json *json, uint32_t size, bool enabled);

#endif
