/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which dialect each driver and its device speak, learned from the VERSION exchanges that cross
 * (wire-revisions 1.3). Freestanding: the table is the caller's.
 */
#ifndef VMSG_EMULATOR_TAP_SESSIONS_H
#define VMSG_EMULATOR_TAP_SESSIONS_H

#include "tap/record.h"

/* A driver and a device. Profiles as in a record. */
struct tap_session {
	bool used;
	uint8_t profile; /* agreed, 0 = none yet */
	uint8_t asked;   /* of the last VERSION request */
	uint16_t driver;
	uint16_t device;
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

/* The partition has ended, and with it what it had agreed. */
void tap_sessions_forget(struct tap_sessions *sessions, uint16_t partition);

#endif
