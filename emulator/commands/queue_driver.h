/* SPDX-License-Identifier: BSD-3-Clause */
/* One virtqueue of the device that a session drives: its ring in the pool, and the loop of kick,
 * look and wait that every driver needs. */
#ifndef VMSG_EMULATOR_QUEUE_DRIVER_H
#define VMSG_EMULATOR_QUEUE_DRIVER_H

#include "commands/session.h"

struct queue_driver {
	struct session *session;
	uint32_t index;
	struct vmsg_vq_layout layout;
	struct vmsg_vq_driver ring;
	struct vmsg_vq_driver_slot *slots; /* NULL: no ring */
	bool must_kick;                    /* the last kick timed out, so it may be lost */
	uint64_t nap_ns;
	uint64_t idle_since_ns; /* 0: the device did something in the last round */
};

/* Makes the ring in the pool, with at most `size` entries, and sets the queue up. */
int queue_driver_open(struct queue_driver *queue, struct session *session, uint32_t index,
		      uint32_t size);
void queue_driver_close(struct queue_driver *queue);

/* Takes the queue from the device and gives it to it again, with nothing in it: the buffers that it
 * had are the caller's. */
int queue_driver_reset(struct queue_driver *queue);

/*
 * One round: kicks if the device wants it, and calls `done` with the cookie and the written bytes
 * of each chain that came back. If none did and `must_wait`, sleeps a moment and asks for events.
 * OK, or OVER (reported).
 */
int queue_driver_run(struct queue_driver *queue, bool must_wait,
		     void (*done)(void *context, void *cookie, uint32_t written), void *context);

#endif
