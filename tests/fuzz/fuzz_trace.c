/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a capture: read, followed and printed. With an odd first byte the rest are records
 * in a file that is good, so that what lies behind its rules is reached as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "tap/pcapng.h"
#include "tap/sessions.h"
#include "tap/text.h"

#define SESSIONS 8

struct world {
	struct tap_session table[SESSIONS];
	struct tap_sessions sessions;
	struct tap_packet packet;
	char text[TAP_LINE_MAX];
};

/* Lines are as long as they say, also where they are cut. */
static void print(struct world *world, const struct tap_record *record, size_t room)
{
	for (enum tap_detail detail = TAP_NAMES; detail <= TAP_ALL; detail++) {
		const size_t size = room % sizeof(world->text) + 1;
		const size_t length = tap_format(record, detail, world->text, size);
		if (length >= sizeof(world->text) ||
		    strlen(world->text) != (length < size ? length : size - 1)) {
			abort();
		}
	}
}

static void read_all(struct world *world, FILE *file)
{
	struct tap_pcapng_reader reader;
	struct tap_record record;
	int result;

	tap_pcapng_open(&reader, file);
	while ((result = tap_pcapng_read(&reader, &world->packet)) == 1) {
		const struct vmsg_bytes bytes = { world->packet.bytes, world->packet.size };
		if (tap_record_load(&record, bytes) < 0) {
			continue;
		}
		record.time_ns = world->packet.time_ns;
		print(world, &record, bytes.size * 7);
		tap_sessions_follow(&world->sessions, &record, record.vcpu & 1);
		print(world, &record, sizeof(world->text) - 1);
	}
	if ((result == 0) != !reader.problem ||
	    (result == 0 && tap_pcapng_read(&reader, &world->packet) != 0)) {
		abort(); /* an error without a reason, or more after the end */
	}
}

/* A good file of the input: each record gets a length, then its bytes. */
static size_t wrap(const uint8_t *data, size_t size, uint8_t *file, size_t capacity)
{
	size_t at = TAP_PCAPNG_BEGIN_SIZE;

	tap_pcapng_store_begin(file);
	while (size > 2 && capacity - at > TAP_PCAPNG_PACKET_SIZE) {
		uint8_t packet[TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE + 255] = { TAP_VERSION };
		const size_t payload = data[0];
		const size_t whole = TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE + payload;
		const size_t given = whole - 1 < size - 1 ? whole - 1 : size - 1;
		memcpy(packet + 1, data + 1, given);
		packet[1] %= 3;
		packet[10] = (uint8_t)payload;
		packet[11] = 0;
		/* a third of the calls carry messages */
		if (packet[3] % 3 == 0) {
			static const uint8_t names[] = { 0x8d, 0x8e, 0x86 };
			memcpy(packet + TAP_HEADER_SIZE, "\x00\x00\x00\xc4\x00\x00\x00\x00", 8);
			packet[TAP_HEADER_SIZE] = names[packet[3] / 3 % 3];
			packet[TAP_HEADER_SIZE + 3] = packet[3] / 3 % 3 == 2 ? 0x84 : 0xc4;
		}
		at += tap_pcapng_store_packet(file + at, data[0] * 1000u, data[1],
					      (struct vmsg_bytes){ packet, whole });
		data += 1 + given;
		size -= 1 + given;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	static uint8_t file[1 << 16];
	size_t file_size = size - 1;

	if (size < 2 || size > sizeof(file)) {
		return 0;
	}
	tap_sessions_init(&world.sessions, world.table, SESSIONS);
	if (data[0] & 1) {
		file_size = wrap(data + 1, size - 1, file, sizeof(file));
	} else {
		memcpy(file, data + 1, size - 1);
	}
	FILE *stream = fmemopen(file, file_size, "rb");
	if (stream) {
		read_all(&world, stream);
		(void)fclose(stream);
	}
	return 0;
}
