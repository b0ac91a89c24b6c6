/* SPDX-License-Identifier: BSD-3-Clause */
#include "reads.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/blk.h"
#include "system.h"

#define STATUS_PENDING 0xffu

static void fail(const char *what)
{
	fprintf(stderr, "reads: %s\n", what);
	exit(1);
}

void reads_place(struct reads *reads, uint8_t *memory, uint64_t address)
{
	for (size_t i = 0; i < READS_DEPTH_MAX; i++) {
		const size_t page = i * READS_PAGE;
		const size_t header = READS_DEPTH_MAX * READS_PAGE + i * 64;
		reads->slots[i] = (struct reads_slot){
			.page = memory + page,
			.header = memory + header,
			.page_address = address + page,
			.header_address = address + header,
		};
	}
	reads->random = 1;
}

/* xorshift: the same pages for everybody */
static uint64_t next_page(struct reads *reads)
{
	reads->random ^= reads->random << 13;
	reads->random ^= reads->random >> 7;
	reads->random ^= reads->random << 17;
	return reads->random % reads->pages;
}

static void submit(struct reads *reads, struct reads_slot *slot)
{
	const uint32_t type_le = htole32(BLK_T_IN);
	const struct vmsg_vq_buffer buffers[] = {
		{ .address = slot->header_address, .length = BLK_HEADER_SIZE },
		{ .address = slot->page_address, .length = READS_PAGE, .write = true },
		{ .address = slot->header_address + BLK_HEADER_SIZE, .length = 1, .write = true },
	};

	slot->wanted = next_page(reads);
	slot->is_busy = true;
	const uint64_t sector_le = htole64(slot->wanted * (READS_PAGE / BLK_SECTOR_SIZE));
	memset(slot->header, 0, BLK_HEADER_SIZE);
	memcpy(slot->header, &type_le, sizeof(type_le));
	memcpy(slot->header + 8, &sector_le, sizeof(sector_le));
	slot->header[BLK_HEADER_SIZE] = STATUS_PENDING;
	if (vmsg_vq_driver_add(reads->ring, buffers, 3, slot) < 0) {
		fail("a request does not go into the queue");
	}
}

void reads_done(void *context, void *cookie, uint32_t written)
{
	struct reads *reads = context;
	struct reads_slot *slot = cookie;
	uint64_t number;

	memcpy(&number, slot->page, sizeof(number));
	if (slot->header[BLK_HEADER_SIZE] != BLK_S_OK || written != READS_PAGE + 1 ||
	    (reads->has_data && number != slot->wanted)) {
		fail("a page is not what it should be");
	}
	slot->is_busy = false;
	reads->done++;
}

double reads_time(struct reads *reads, unsigned int count, unsigned int depth)
{
	const uint64_t start = now_ns();
	unsigned int submitted = 0;

	reads->done = 0;
	reads->kicks = 0;
	while (reads->done < count) {
		for (unsigned int i = 0; i < depth && submitted < count; i++) {
			if (!reads->slots[i].is_busy) {
				submit(reads, &reads->slots[i]);
				submitted++;
			}
		}
		reads->turn(reads);
	}
	return (double)(now_ns() - start) / count;
}
