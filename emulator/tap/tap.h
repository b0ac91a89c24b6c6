/* SPDX-License-Identifier: BSD-3-Clause */
/* The tap on the partition manager: records in, each with its session's profile, out to a text and
 * a pcapng file. Nothing here waits for whoever reads them. */
#ifndef VMSG_EMULATOR_TAP_TAP_H
#define VMSG_EMULATOR_TAP_TAP_H

#include "tap/record.h"
#include "tap/sessions.h"

struct tap;

/*
 * Where records go; NULL: nowhere. A path, "-" for standard output, or "fd:N" for a descriptor that
 * this process was given. `report` may be called from other threads.
 */
struct tap_options {
	const char *text;
	const char *pcapng;
	void (*report)(void *context, const char *text);
	void *context;
};

/* NULL with one line in `why`. */
struct tap *tap_open(const struct tap_options *options, char *why, size_t why_size);

/* Stamps the record, follows its session and puts it out. `accepted` is false for a call that the
 * manager has refused. */
void tap_take(struct tap *tap, struct tap_record *record, bool accepted);

/* tap_sessions_fifo() of what has been seen. */
struct tap_fifo *tap_fifo(struct tap *tap, uint16_t driver, uint16_t device);

/* The partition has gone away. */
void tap_forget(struct tap *tap, uint16_t partition);

/* Writes what waits, for two seconds at most if it is read slowly or not at all. NULL is fine. */
void tap_close(struct tap *tap);

#endif
