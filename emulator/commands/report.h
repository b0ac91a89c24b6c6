/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command tells the person on standard error: problems, and a progress bar if it is a
 * terminal. One command per process, so its name is kept here. */
#ifndef VMSG_EMULATOR_REPORT_H
#define VMSG_EMULATOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/compiler.h"

/* `command` names the subcommand in every problem. */
void report_init(const char *command);

/* One line, "vmsg-ffa-emu COMMAND: ...". */
void report_problem(const char *format, ...) VMSG_PRINTF(1, 2);

/* Problems are told to nobody for a while: what is tried again and again fails again and again. */
void report_mute(bool is_muted);

/* The same with a hint at --help; returns VMSG_EXIT_USAGE. */
int report_usage(const char *format, ...) VMSG_PRINTF(1, 2);

/* A bar for work of `total` bytes; nothing unless standard error is a terminal. */
void progress_begin(const char *what, uint64_t total);
void progress_update(uint64_t done);
void progress_end(void);

/* "64.0 MiB", "17 bytes". */
#define REPORT_SIZE_TEXT 32
const char *report_size(uint64_t size, char text[REPORT_SIZE_TEXT]);

/* Monotonic nanoseconds. */
uint64_t report_now(void);

/* Decimal megabytes a second. */
double report_rate(uint64_t bytes, uint64_t ns);

#endif
