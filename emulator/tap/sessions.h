/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which dialect each driver and its device speak, learned from the VERSION exchanges that cross
 * (wire-revisions 1.3). Freestanding: the table is the caller's.
 */
#ifndef VMSG_EMULATOR_TAP_SESSIONS_H
#define VMSG_EMULATOR_TAP_SESSIONS_H

#include "tap/record.h"

/* A ring of a FIFO: how far it has been read, and where it is once that has been looked up. */
struct tap_fifo_ring {
	uint16_t next; /* slot */
	bool is_known; /* the three below */
	uint32_t start;
	uint16_t slot_size;
	uint16_t depth;
};

/* The FIFO that a session has agreed on: ring 0 from the driver, ring 1 from the device. */
struct tap_fifo {
	bool is_open;
	uint64_t handle; /* of the region that both share */
	struct tap_fifo_ring rings[2];
};

/* A driver and a device. Profiles as in a record. */
struct tap_session {
	bool used;
	uint8_t profile; /* agreed, 0 = none yet */
	uint8_t asked;   /* of the last VERSION request */
	uint16_t driver;
	uint16_t device;
	struct tap_fifo fifo;
	uint64_t other_service[2]; /* vCPUs of driver and device whose direct message is not ours */
};

struct tap_sessions {
	struct tap_session *table;
	size_t capacity;
};

/* `table` lives as long as `sessions`; with more pairs than it has room for, one gives way. */
void tap_sessions_init(struct tap_sessions *sessions, struct tap_session *table, size_t capacity);

/*
 * Fills in the peer and the profile of a record, and learns from it. VERSION frames have the
 * profile that their bytes say, all others that of their session, or 0. `accepted` is false for a
 * call that the manager has refused: it teaches nothing.
 */
void tap_sessions_follow(struct tap_sessions *sessions, struct tap_record *record, bool accepted);

/* The FIFO that these two have agreed on, NULL if they have none. */
struct tap_fifo *tap_sessions_fifo(struct tap_sessions *sessions, uint16_t driver, uint16_t device);

/* The partition has ended, and with it what it had agreed. */
void tap_sessions_forget(struct tap_sessions *sessions, uint16_t partition);

#endif
