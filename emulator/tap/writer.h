/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records to a descriptor, from a thread of its own: who puts them in never waits. What does not
 * fit, because whoever reads the other end is slow, is lost, counted, and marked where it is
 * missing. A descriptor that cannot be written to any more is given up, with a report; the program
 * goes on.
 */
#ifndef VMSG_EMULATOR_TAP_WRITER_H
#define VMSG_EMULATOR_TAP_WRITER_H

#include "tap/record.h"

enum tap_form { TAP_FORM_TEXT, TAP_FORM_PCAPNG };

struct tap_writer_options {
	enum tap_form form;
	int fd;             /* taken over, also on failure */
	const char *name;   /* for reports; outlives the writer */
	bool is_own_file;   /* nobody else writes to it: what a full disk has torn is cut off */
	uint64_t origin_ns; /* text: what its times count from */
	size_t room;        /* bytes of records that may wait; 0 = 4 MiB */
	uint64_t grace_ns;  /* how long stopping waits for a reader; 0 = two seconds */
	/* One line of text, from the writer's thread or whoever stops it; may be NULL. */
	void (*report)(void *context, const char *text);
	void *context;
};

struct tap_writer;

/* NULL with errno when there is no memory or no thread. */
struct tap_writer *tap_writer_start(const struct tap_writer_options *options);

/* From one thread. Copies the record, or loses it. */
void tap_writer_put(struct tap_writer *writer, const struct tap_record *record);

/* Writes what waits, reports what was lost, and frees. NULL is fine. */
void tap_writer_stop(struct tap_writer *writer);

#endif
