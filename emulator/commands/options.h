/* SPDX-License-Identifier: BSD-3-Clause */
/* Values on the command line. Each parser returns 0, or VMSG_EXIT_USAGE after saying which option
 * had which value and what the rule is. */
#ifndef VMSG_EMULATOR_OPTIONS_H
#define VMSG_EMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio_msg_ffa/codec.h"

/* Bytes: a number, decimal or 0x, and K, M, G or T for powers of 1024. */
int option_size(const char *name, const char *text, uint64_t *size);

/* A partition id: 1 to 0xffff. */
int option_id(const char *name, const char *text, uint16_t *id);

/* A number: 0 to `most`. */
int option_number(const char *name, const char *text, uint32_t most, uint32_t *value);

/* Seconds, with a decimal fraction: 0.001 to 3600. */
int option_seconds(const char *name, const char *text, uint64_t *ns);

/* A profile that a session can speak (the ones before r0 have another life cycle). */
int option_profile(const char *name, const char *text, const struct vmsg_profile **profile);

/* What getopt_long() returned, ':' or '?', for argv[optind - 1]. */
int option_unknown(int option, char **argv);

#endif
