/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The contract checker: looks on at the queues of one side and says when shared memory is used
 * against the rules, by whom and where:
 *
 *   - descriptors outside every area, or in one that is being unshared or was
 *   - device-readable buffers that change while the device has them
 *   - bytes that are in no buffer, but on a page with one: what lies there can be read by the other
 *     side (a leak), and nobody may write there
 *
 * It copies what it compares, so it costs time and as much memory again as is shared, twice. One
 * checker, one thread; any number of queues and sessions.
 */
#ifndef VMSG_EMULATOR_CONTRACT_H
#define VMSG_EMULATOR_CONTRACT_H

#include <stdio.h>

#include "virtio_msg_ffa/virtqueue.h"

struct contract;

struct contract_options {
	/* Which partition's driver fills the queues over this memory. */
	uint16_t (*owner)(void *context, const struct vmsg_memory *memory);
	/* One line, without newline, for each violation. */
	void (*report)(void *context, const char *text);
	void *context;
	bool is_driver; /* its queues are our driver's, not our device's */
};

/* NULL when out of memory. */
struct contract *contract_create(const struct contract_options *options);
void contract_destroy(struct contract *contract);

/* For vmsg_vq_layout or vmsg_device; valid as long as the checker. */
const struct vmsg_vq_watch *contract_watch(const struct contract *contract);

/* So many violations so far. */
uint64_t contract_count(const struct contract *contract);

#endif
