/* SPDX-License-Identifier: BSD-3-Clause */
/* A partition over the socket client, driven step by step by a test: calls and replies as text. */
#ifndef VMSG_TESTS_PARTITION_H
#define VMSG_TESTS_PARTITION_H

#include "support/daemon.h"
#include "support/regs_text.h"
#include "virtio_msg_ffa/emulator.h"

#define PARTITION_RAM_SIZE (1024u * UINT64_C(4096))

/* One bank: TX in page 0, RX in page 1, the rest is free. */
struct partition {
	struct vmsg_emu *emu;
	struct vmsg_emu_bank bank;
	uint16_t id;
	char reply[REGS_TEXT_SIZE];
};

/* Connects as `id`, negotiates 1.2 and maps RX/TX. */
void partition_join(struct partition *partition, const struct daemon *daemon, uint16_t id);
void partition_leave(struct partition *partition);

/* Text in a page of the bank. */
char *partition_text(struct partition *partition, size_t page);
void partition_write_text(struct partition *partition, size_t page, const char *text);

/* A whole call: the reply as text. */
const char *partition_call(struct partition *partition, const char *format, ...) VMSG_PRINTF(2, 3);
/* In two steps: `finish` waits for the reply. */
void partition_start(struct partition *partition, const char *format, ...) VMSG_PRINTF(2, 3);
const char *partition_finish(struct partition *partition);
/* A direct request that reaches the waiting `target`: made again while that one is still being told
 * of somebody's death. */
void partition_request(struct partition *partition, struct partition *target, const char *format,
		       ...) VMSG_PRINTF(3, 4);
/* The reply if it is there, else "-". */
const char *partition_peek(struct partition *partition);

/* FFA_MEM_SHARE to one borrower; returns the handle. Ranges are given in pages of the bank. */
struct partition_range {
	uint32_t first;
	uint32_t pages;
};
uint64_t partition_share(struct partition *partition, uint16_t borrower, bool writable,
			 const struct partition_range *ranges, size_t count);
/* FFA_MEM_RETRIEVE_REQ; the reply as text. Leaves RX full. */
const char *partition_retrieve(struct partition *partition, uint16_t owner, uint64_t handle,
			       bool writable);
/* FFA_MEM_RELINQUISH; the reply as text. */
const char *partition_relinquish(struct partition *partition, uint64_t handle);

/* Ranges as addresses, for conduit.map. */
void partition_ranges(const struct partition *owner, const struct partition_range *ranges,
		      size_t count, struct vmsg_ffa_range *out);

#endif
