/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A control client: asks the manager, and through it partitions, and hands out the JSON objects of
 * each answer. One request at a time.
 */
#ifndef VMSG_EMULATOR_CLIENT_CONTROL_H
#define VMSG_EMULATOR_CLIENT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "json_read.h"

/* For the manager itself, where ids of partitions stand. */
#define CONTROL_MANAGER 0u

struct control;

/* Connects; `socket_path` NULL: the default. NULL with one line in `why`. */
struct control *control_open(const char *socket_path, char *why, size_t why_size);
void control_close(struct control *control);

/* One object of an answer, valid until it returns. False: no more of them, please. */
typedef bool (*control_each)(void *context, struct json_value object);

/*
 * Sends a request and hands out what is answered within `timeout_ms`. Returns 0; -1 with one line
 * in `why` when the manager is gone, nothing came in time, or the answer is an error (an object
 * with a member "error").
 */
int control_ask(struct control *control, uint16_t partition, const char *request,
		uint32_t timeout_ms, control_each each, void *context, char *why, size_t why_size);

#endif
