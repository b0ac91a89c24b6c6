/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of a driver with its buffers: as many of one size as the queue has entries, one in each
 * chain, all for the device to read or all for it to write. */
#ifndef VMSG_EMULATOR_DRIVER_BUFFERS_H
#define VMSG_EMULATOR_DRIVER_BUFFERS_H

#include "commands/queue_driver.h"

#define DRIVER_BUFFERS_MAX 16u

struct driver_buffer {
	uint8_t *data;
	uint32_t written; /* by the device, when it gave the buffer back */
	bool is_busy;     /* the device has it */
};

struct driver_buffers {
	struct queue_driver queue;
	uint32_t count;
	uint32_t size;
	bool device_writes;
	bool moved; /* one was offered or came back; for the driver to clear */
	struct driver_buffer items[DRIVER_BUFFERS_MAX];
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

/* Gives the device `size` bytes of a buffer. */
int driver_buffers_offer(struct driver_buffers *buffers, struct driver_buffer *buffer,
			 uint32_t size);
/* ... and all that it does not have, whole. */
int driver_buffers_offer_all(struct driver_buffers *buffers);

/* A buffer that the device does not have, or NULL. */
struct driver_buffer *driver_buffers_find_free(struct driver_buffers *buffers);
/* The device has none. */
bool driver_buffers_are_free(const struct driver_buffers *buffers);

/*
 * One round of queue_driver_run(): calls `done`, which may be NULL, for each buffer that came back
 * and is free from then on. What it returns other than OK is returned here.
 */
int driver_buffers_run(struct driver_buffers *buffers, bool must_wait,
		       int (*done)(void *context, struct driver_buffer *buffer), void *context);

/* How long a driver that waits for its device and for something else sleeps next, after `nap_ms`:
 * the longer the less happens. 0 begins. */
int driver_buffers_nap(int nap_ms, bool moved);

#endif
