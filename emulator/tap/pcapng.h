/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes and reads pcapng files of one interface: LINKTYPE_USER0, nanosecond stamps. */
#ifndef VMSG_EMULATOR_TAP_PCAPNG_H
#define VMSG_EMULATOR_TAP_PCAPNG_H

#include <stdio.h>

#include "tap/record.h"

/* Section header and interface description. 0, or -1 with errno. */
VMSG_MUST_CHECK int tap_pcapng_begin(FILE *file);

/* One packet. 0, or -1 with errno. */
VMSG_MUST_CHECK int tap_pcapng_write(FILE *file, uint64_t time_ns, struct vmsg_bytes packet);

/*
 * Next packet into `packet` (its size on return). 1, 0 at the end of the file, INVALID when it is
 * no pcapng file of ours (other byte order, link type or stamps), TRUNCATED when it ends inside a
 * block, RANGE for a packet longer than TAP_PACKET_MAX. Starts at the beginning of the file.
 */
VMSG_MUST_CHECK int tap_pcapng_read(FILE *file, uint64_t *time_ns, uint8_t packet[TAP_PACKET_MAX],
				    size_t *size);

#endif
