/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Areas on demand: buffers of a session that are private to it until they are lent to the peer,
 * each as an area of its own, and again when they have come back. Each lies in a bank of its own,
 * since whoever borrows memory can see the whole bank.
 */
#ifndef VMSG_EMULATOR_SESSION_BUFFERS_H
#define VMSG_EMULATOR_SESSION_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/emulator.h"

#define SESSION_BUFFERS_MAX     32
#define SESSION_BUFFER_IDS_TEXT 96

struct session;

enum session_buffer_state {
	SESSION_BUFFER_OURS,
	SESSION_BUFFER_SHARING,   /* the peer has been told of it */
	SESSION_BUFFER_SHARED,    /* its address may be used */
	SESSION_BUFFER_RETURNING, /* refused, released or asked for: until it has been reclaimed */
	SESSION_BUFFER_LOST,      /* the peer cannot be made to give it back */
};

struct session_buffer {
	struct vmsg_emu_bank bank;
	enum session_buffer_state state;
	uint16_t area_id;
};

struct session_buffers {
	struct session_buffer items[SESSION_BUFFERS_MAX];
	uint32_t count;
	uint32_t taken;   /* by drivers, the first so many */
	bool are_refused; /* no more are shared */
	uint64_t shared;
	uint64_t returned;
	uint64_t refused;
	uint8_t ids[UINT16_MAX / 8 + 1]; /* a bit for each area id that was used */
};

/* A buffer that no driver has yet, until session_free_all(); -1 when there is none. */
int session_take_buffer(struct session *session);

/* Takes an event of the bus; false when it concerns none of the buffers. */
bool session_buffers_take(struct session *session, const struct vmsg_bus_event *event);

/*
 * Shares buffer `index` unless it is, and waits for the peer to take it. OK, also when it cannot be
 * shared (the peer or the manager refuses, which is reported once, or the peer holds as many areas
 * as it can): look at `*is_shared`. OVER.
 */
int session_share_buffer(struct session *session, uint32_t index, bool *is_shared);

/* Is it shared, or would an attempt to share it make sense? */
bool session_may_share(const struct session *session, uint32_t index);

/* Asks for one, if it is shared, and waits until it is ours. OK or OVER. */
int session_return_buffer(struct session *session, uint32_t index);

/* Asks for all that are shared and waits until they are ours. OK or OVER. */
int session_return_buffers(struct session *session);

/* Bus address of a buffer that is shared. */
uint64_t session_buffer_address(const struct session *session, uint32_t index);

/* "areas on demand: 8 shared, 8 given back; ids 2-9" on standard error, if there are buffers. */
void session_buffers_tell(const struct session *session);

/* The area ids that were used: "2-33 40". */
const char *session_buffer_ids(const struct session *session, char text[SESSION_BUFFER_IDS_TEXT]);

#endif
