/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the endpoint share: making a call and judging its answer. */
#ifndef VMSG_LIB_ENDPOINT_H
#define VMSG_LIB_ENDPOINT_H

#include "virtio_msg_ffa/endpoint.h"

/* Makes the call; `regs` has the answer. */
void vmsg_endpoint_invoke(struct vmsg_endpoint *endpoint, struct vmsg_ffa_regs *regs);

/* Makes a call that FFA_SUCCESS answers: 0, or PEER with endpoint->status. */
int vmsg_endpoint_perform(struct vmsg_endpoint *endpoint, struct vmsg_ffa_regs *regs);

/* Notes the status of an answer that was none we can use. Returns PEER. */
int vmsg_endpoint_fail(struct vmsg_endpoint *endpoint, const struct vmsg_ffa_regs *regs);

/* FFA_RX_RELEASE. */
void vmsg_endpoint_release_rx(struct vmsg_endpoint *endpoint);

#endif
