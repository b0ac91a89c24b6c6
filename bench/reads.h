/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random reads of 4 KiB through the driver's side of one virtqueue, whoever is behind it: so many
 * in flight, a new one for each that is done.
 */
#ifndef VMSG_BENCH_READS_H
#define VMSG_BENCH_READS_H

#include "virtio_msg_ffa/virtqueue.h"

#define READS_PAGE      4096u
#define READS_DEPTH_MAX 32u
/* Memory for the slots: their pages, and one with the headers and status bytes. */
#define READS_MEMORY_SIZE ((READS_DEPTH_MAX + 1) * READS_PAGE)

struct reads_slot {
	uint8_t *page; /* READS_PAGE bytes */
	uint8_t *header;
	uint64_t page_address;
	uint64_t header_address;
	uint64_t wanted; /* number of the page on the disk */
	bool is_busy;
};

struct reads {
	struct vmsg_vq_driver *ring;
	struct reads_slot slots[READS_DEPTH_MAX];
	uint64_t pages; /* on the disk */
	bool has_data;  /* each page begins with its own number */
	uint64_t kicks; /* since the last reads_time() began */
	uint64_t random;
	unsigned int done;
	/* Kicks if the ring says so, and waits until something is done; gives it to reads_done().
	 */
	void (*turn)(struct reads *reads);
	void *context;
};

/* Places the slots in READS_MEMORY_SIZE bytes, whose bus address is `address`. */
void reads_place(struct reads *reads, uint8_t *memory, uint64_t address);
/* Takes a chain that has come back. */
void reads_done(void *context, void *cookie, uint32_t written);
/* Nanoseconds of a read, mean of `count`, `depth` at a time. */
double reads_time(struct reads *reads, unsigned int count, unsigned int depth);

#endif
