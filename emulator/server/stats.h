/* SPDX-License-Identifier: BSD-3-Clause */
/* What the manager counts, for `vmsg-ffa-emu stats`. Numbers only grow. */
#ifndef VMSG_EMULATOR_SERVER_STATS_H
#define VMSG_EMULATOR_SERVER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/ffa.h"

#define STATS_FIRST_CALL ((uint32_t)VMSG_FFA_CALL_ERROR)
#define STATS_CALLS      (VMSG_FFA_CALL_MSG_SEND_DIRECT_RESP2 + 1u - STATS_FIRST_CALL)
#define STATS_STATUSES   11u
/* Upper ends of 1 us, 2 us, 4 us to 2^22 us; the last one has no end. */
#define STATS_LATENCIES 24u

struct stats {
	uint64_t since_ns;
	uint64_t calls[STATS_CALLS]; /* by number, both widths */
	uint64_t unknown_calls;
	uint64_t statuses[STATS_STATUSES]; /* that calls returned, by -status */
	uint64_t interrupts;
	uint64_t grants;
	uint64_t revocations;
	uint64_t connections;
	uint64_t deaths; /* of partitions */
	uint64_t refused;
	uint64_t forwarded; /* requests of control clients to partitions */
	uint64_t received_bytes;
	uint64_t sent_bytes;
	uint64_t latencies[STATS_LATENCIES]; /* of direct requests, until they return */
};

void stats_call(struct stats *stats, uint32_t function_id);
/* `elapsed_ns` since the call of `function_id`; 0 where it did not block. */
void stats_return(struct stats *stats, uint32_t function_id, uint64_t elapsed_ns,
		  const struct vmsg_ffa_regs *regs);

/* Two JSON objects, terminated: counters; latencies. Returns the length. */
#define STATS_TEXT_SIZE 4088u
size_t stats_print_counters(const struct stats *stats, uint64_t now_ns, char text[STATS_TEXT_SIZE]);
size_t stats_print_latencies(const struct stats *stats, char text[STATS_TEXT_SIZE]);

#endif
