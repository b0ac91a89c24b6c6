/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests do to a system in one process, beyond what emulator.h offers everybody. */
#ifndef VMSG_EMULATOR_CLIENT_LOCAL_H
#define VMSG_EMULATOR_CLIENT_LOCAL_H

#include "faults/faults.h"
#include "virtio_msg_ffa/emulator.h"

/* Faults strike from now on; they must outlive the system. NULL for none. */
void vmsg_emu_local_set_faults(struct vmsg_emu_local *local, struct faults *faults);

/* Called for every call of a partition and every return, in order, in virtual time. */
void vmsg_emu_local_set_watch(struct vmsg_emu_local *local,
			      void (*watch)(void *context, uint64_t now_ns, uint16_t partition,
					    bool is_return, const struct vmsg_ffa_regs *regs),
			      void *context);

/* For invariants: who owns and borrows what. */
const struct spmc *vmsg_emu_local_spmc(const struct vmsg_emu_local *local);

#endif
