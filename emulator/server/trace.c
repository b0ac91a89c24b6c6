/* SPDX-License-Identifier: BSD-3-Clause */
/* The seam between the daemon and its tap: what crossed becomes a record. */
#include "server/internal.h"

void trace_call(struct vmsg_server *server, uint16_t partition, uint16_t vcpu,
		const struct vmsg_ffa_regs *call, enum spmc_result result,
		const struct vmsg_ffa_regs *answer)
{
	struct tap_record record = {
		.kind = TAP_CALL, .partition = partition, .vcpu = vcpu, .regs = *call
	};

	if ((uint32_t)call->x[0] == VMSG_FFA_ID32(NOTIFICATION_SET)) {
		trace_fifo(server, partition, vcpu, call);
	}
	if ((uint32_t)call->x[0] == VMSG_FFA_ID32(MSG_SEND2)) {
		record.payload = spmc_sent_message(server->spmc);
	}
	tap_take(server->tap, &record,
		 result == SPMC_BLOCKED || vmsg_ffa_reply_status(answer) == 0);
}

void trace_return(struct vmsg_server *server, uint16_t partition, uint16_t vcpu,
		  const struct vmsg_ffa_regs *regs)
{
	struct tap_record record = {
		.kind = TAP_RETURN, .partition = partition, .vcpu = vcpu, .regs = *regs
	};

	tap_take(server->tap, &record, true);
}

void trace_interrupt(struct vmsg_server *server, const struct spmc_delivery *delivery)
{
	struct tap_record record = {
		.kind = TAP_INTERRUPT,
		.partition = delivery->partition,
		.vcpu = delivery->vcpu,
		.interrupt = delivery->interrupt,
	};

	tap_take(server->tap, &record, true);
}
