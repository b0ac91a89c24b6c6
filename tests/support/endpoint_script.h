/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An endpoint whose manager is a script: the calls it must make, as registers in hex, and what each
 * is answered. Partition 1 with one page each of TX and RX.
 */
#ifndef VMSG_TESTS_ENDPOINT_SCRIPT_H
#define VMSG_TESTS_ENDPOINT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/endpoint.h"

struct script_step {
	const char *call;
	const char *reply;
	const char *rx; /* hex that the manager puts into RX first, or NULL */
	bool forever;   /* from here on, always the same */
};

/* Calls in a row, ended by one that is all zero. */
#define CALL(call, reply)                                                                          \
	{                                                                                          \
		call, reply, NULL, false                                                           \
	}
#define CALL_RX(call, reply, rx)                                                                   \
	{                                                                                          \
		call, reply, rx, false                                                             \
	}
#define PLAY(...)                                                                                  \
	static const struct script_step steps_[] = { __VA_ARGS__, { 0 } };                         \
	script = steps_
#define PLAYED() assert_null(script->call)

#define SCRIPT_PAGE 4096u

extern struct vmsg_endpoint endpoint;
extern const struct script_step *script; /* the next call */
extern const struct vmsg_conduit script_conduit;
extern const struct vmsg_buffer script_tx; /* at 0x80000000 */
extern const struct vmsg_buffer script_rx; /* at 0x80001000 */
extern uint64_t script_clock_ns;
extern uint64_t script_step_ns; /* that each call takes */

/* What TX held when the last call was made. */
extern uint8_t script_sent[SCRIPT_PAGE];

/* What conduit.map was given last, and what it returns; by default one segment for all. */
extern struct vmsg_ffa_range script_mapped[VMSG_REGION_RANGES_MAX];
extern size_t script_mapped_count;
extern int script_map_result;
extern unsigned int script_unmaps;

/* A setup: a new endpoint of FF-A 1.2 that has played its init. */
int script_fresh(void **state);

#endif
