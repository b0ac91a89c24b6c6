/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the platform layer share. */
#ifndef VMSG_TESTS_ACS_PLATFORM_H
#define VMSG_TESTS_ACS_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio_msg_ffa/emulator.h"

/* call.c: this endpoint's connection; `ready_fd` gets a byte when it waits for the first time. */
bool platform_connect(const char *socket_path, unsigned int logical_id, uint16_t id, int ready_fd);
extern struct vmsg_emu *platform_emu;
extern struct vmsg_conduit platform_conduit;
extern uint8_t *platform_heap;

/* interrupts.c: runs the handlers of what has arrived. */
void platform_take_interrupts(void);

/* memory.c: what an MMU would do around a call. */
struct platform_call {
	uint64_t relinquished; /* handle in TX */
	uint64_t tx;           /* of RXTX_MAP */
	uint64_t rx;
};
void platform_before_call(struct platform_call *call, const struct vmsg_ffa_regs *regs);
void platform_after_call(const struct platform_call *call, uint32_t function_id,
			 const struct vmsg_ffa_regs *reply);
void platform_catch_faults(void);

#endif
