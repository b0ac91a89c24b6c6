/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver's and a device's bus session joined directly, in virtual time, as direct messages join
 * them: each frame is answered at once. What the sessions tell and want done is written to a log:
 * "up", "down" (FAILED), "reset", "+3" and "-3" (devices), "ready 1", "refused 1", "gone 1",
 * "retrieve 1", "relinquish 1", "reclaim 1", "NAME@3" (message), "lost NAME@3" (REQUEST_FAILED),
 * "polled", "quirk 2 off".
 */
#ifndef VMSG_TESTS_BUS_PAIR_H
#define VMSG_TESTS_BUS_PAIR_H

#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define PAIR_AREAS    4
#define PAIR_DEVICES  64
#define PAIR_LOG_SIZE 4096

struct bus_end {
	struct vmsg_bus bus;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[PAIR_AREAS];
	struct vmsg_bus_device devices[PAIR_DEVICES];
	char log[PAIR_LOG_SIZE];
	int result;                 /* of actions */
	struct vmsg_bus_event last; /* MESSAGE or REQUEST_FAILED */
	uint8_t last_frame[VMSG_FRAME_SIZE_MAX];
};

struct bus_pair {
	struct bus_end driver;
	struct bus_end device;
	uint64_t now_ns;
	uint8_t ram[8192];
	unsigned int frames; /* driver to device */
	/* The next event that the device has for the driver; taken when it is polled. */
	struct vmsg_message event;
	bool has_event;
	/* Does not answer messages: they stay in device.last. */
	bool is_silent;
	/* Stands in for the device: takes `frame`, fills `answer` (112 bytes, zeroed), returns
	 * false to leave it to the device. May be NULL. */
	bool (*intercept)(struct bus_pair *pair, struct vmsg_bytes frame, uint8_t *answer);
	void *context;
};

/* Both ends down; forced profiles or NULL. */
void pair_open(struct bus_pair *pair, const struct vmsg_profile *driver,
	       const struct vmsg_profile *device);

/* Moves frames and does actions until nothing is left to do now. */
void pair_run(struct bus_pair *pair);

/* Starts the driver and runs: fails the test unless it comes up. */
void pair_up(struct bus_pair *pair);

/* Time passes, both ends tick, everything runs. */
void pair_advance(struct bus_pair *pair, uint64_t ns);

/* One frame to the device, as a driver that is no session of ours would send it; the answer, null
 * reply included, lands in `answer`. */
void pair_raw(struct bus_pair *pair, struct vmsg_bytes frame, uint8_t answer[VMSG_FRAME_SIZE_MAX]);

/* Sends hex and fails the test unless the answer begins with `expected` and is zero beyond. */
void assert_exchange(struct bus_pair *pair, const char *frame, const char *expected);

/* Fails the test unless the log is this; clears it. */
void assert_log(struct bus_end *end, const char *expected);

/* Driver: shares 4096 bytes of RAM; the id. */
uint16_t pair_share(struct bus_pair *pair);

#endif
