/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue of a driver with its buffers: as many of one size as the queue has entries, one in each
 * chain, all for the device to read or all for it to write. They lie in the pool, or, where the
 * session shares on demand, each in an area of its own from when it is first offered until
 * driver_buffers_give_back(); a few in the pool stand in when an area cannot be had.
 */
#ifndef VMSG_EMULATOR_DRIVER_BUFFERS_H
#define VMSG_EMULATOR_DRIVER_BUFFERS_H

#include "commands/queue_driver.h"

#define DRIVER_BUFFERS_MAX 16u
#define DRIVER_SPARES      2u
/* Bytes of the pool that one queue needs with `count` buffers in it, at the most. */
#define DRIVER_BUFFERS_POOL(count, size) ((count) * (size) + 3u * 4096u)

struct driver_buffer {
	uint8_t *data;
	int area;         /* the session's buffer that it is, -1: it lies in the pool */
	uint32_t written; /* by the device, when it gave the buffer back */
	bool is_busy;     /* the device has it */
};

struct driver_buffers {
	struct queue_driver queue;
	uint32_t count;
	uint32_t size;
	bool device_writes;
	bool moved;    /* one was offered or came back; for the driver to clear */
	uint32_t busy; /* of them, at most `count` */
	uint32_t item_count;
	struct driver_buffer items[DRIVER_BUFFERS_MAX + DRIVER_SPARES]; /* the spares are last */
	/* while driver_buffers_run() runs */
	int (*done)(void *context, struct driver_buffer *buffer);
	void *context;
	int result;
};

/* What a driver wants of a queue. */
struct driver_buffers_plan {
	uint32_t index; /* of the queue */
	uint32_t count; /* up to DRIVER_BUFFERS_MAX */
	uint32_t size;
	bool device_writes;
};

/* Sets the queue up and takes the buffers out of the pool. OVER is reported, here and below. */
int driver_buffers_open(struct driver_buffers *buffers, struct session *session,
			const struct driver_buffers_plan *plan);
void driver_buffers_close(struct driver_buffers *buffers);

/* Gives the device `size` bytes of a buffer that was found free. One that has come back, and whose
 * area the peer has taken away since, stays free. */
int driver_buffers_offer(struct driver_buffers *buffers, struct driver_buffer *buffer,
			 uint32_t size);
/* ... and all that it does not have, whole. */
int driver_buffers_offer_all(struct driver_buffers *buffers);

/* A buffer that the device does not have and can be given: its area is shared if need be. NULL when
 * there is none, or after a failure of the session (reported). */
struct driver_buffer *driver_buffers_find_free(struct driver_buffers *buffers);
/* Is there likely to be one? Asks nobody. */
bool driver_buffers_may_find(const struct driver_buffers *buffers);
/* The device has none. */
bool driver_buffers_are_free(const struct driver_buffers *buffers);

/* Nothing has happened for a while, or will: takes the areas of free buffers back. */
int driver_buffers_give_back(struct driver_buffers *buffers);

/*
 * One round of queue_driver_run(): calls `done`, which may be NULL, for each buffer that came back
 * and is free from then on. What it returns other than OK is returned here.
 */
int driver_buffers_run(struct driver_buffers *buffers, bool must_wait,
		       int (*done)(void *context, struct driver_buffer *buffer), void *context);

#define DRIVER_NAP_MAX_MS 20
/* How long a driver that waits for its device and for something else sleeps next, after `nap_ms`:
 * the longer the less happens. 0 begins. */
int driver_buffers_nap(int nap_ms, bool moved);

#endif
