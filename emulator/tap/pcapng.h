/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes and reads pcapng files of one interface: LINKTYPE_USER0, nanosecond stamps. */
#ifndef VMSG_EMULATOR_TAP_PCAPNG_H
#define VMSG_EMULATOR_TAP_PCAPNG_H

#include <stdio.h>

#include "tap/record.h"

/* ---- into memory ---- */

#define TAP_PCAPNG_BEGIN_SIZE  60u
#define TAP_PCAPNG_PACKET_SIZE (TAP_PACKET_MAX + 3u + 32u + 16u) /* at most */

/* Section header and interface description. */
void tap_pcapng_store_begin(uint8_t bytes[TAP_PCAPNG_BEGIN_SIZE]);

/* One packet of at most TAP_PACKET_MAX bytes, before which `lost` others were lost. Returns the
 * size of the block. */
size_t tap_pcapng_store_packet(uint8_t block[TAP_PCAPNG_PACKET_SIZE], uint64_t time_ns,
			       uint64_t lost, struct vmsg_bytes packet);

/* ---- into files ---- */

/* Section header and interface description. 0, or -1 with errno. */
VMSG_MUST_CHECK int tap_pcapng_begin(FILE *file);

/* One packet of at most TAP_PACKET_MAX bytes. 0, or -1 with errno. */
VMSG_MUST_CHECK int tap_pcapng_write(FILE *file, uint64_t time_ns, struct vmsg_bytes packet);

/* ---- out of files ---- */

struct tap_pcapng_reader {
	FILE *file;          /* need not be seekable */
	uint64_t offset;     /* of the next block; after an error, of the bad one */
	uint32_t interfaces; /* of the section */
	bool has_section;
	const char *problem; /* after an error: the rule that the file breaks */
};

struct tap_packet {
	uint64_t time_ns;
	uint64_t lost; /* packets before it that the writer had no room for */
	size_t size;
	uint8_t bytes[TAP_PACKET_MAX];
};

/* `file` stands at its beginning. */
void tap_pcapng_open(struct tap_pcapng_reader *reader, FILE *file);

/*
 * The next packet: 1, or 0 at the end of the file. INVALID when it is no pcapng file, or none that
 * has only little-endian sections and interfaces like ours, or a block contradicts itself;
 * TRUNCATED when it ends inside a block; RANGE for a packet longer than TAP_PACKET_MAX. Blocks of
 * other types are skipped. After an error only the reader's `offset` and `problem` are of use.
 */
VMSG_MUST_CHECK int tap_pcapng_read(struct tap_pcapng_reader *reader, struct tap_packet *packet);

#endif
