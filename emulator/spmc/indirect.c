/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FFA_MSG_SEND2: a message from the sender's TX to the receiver's RX, its header rewritten in the
 * size of the receiver's version. A UUID that the receiver does not list is passed through, as
 * Hafnium and Xen do.
 */
#include "spmc/internal.h"

#include "virtio_msg_ffa/ffa_message.h"

/* The message in the snapshot of TX: its header, checked against the buffer and the caller. */
static bool read_message(struct spmc *spmc, const struct partition *sender,
			 struct vmsg_ffa_message_header *header)
{
	const struct vmsg_bytes buffer = { spmc->scratch, SPMC_BUFFER_SIZE };

	return vmsg_ffa_message_parse(buffer, sender->version, header) == 0 && header->flags == 0 &&
	       header->size > 0 && header->sender == sender->config.id &&
	       header->receiver != header->sender;
}

enum spmc_result spmc_call_msg_send2(struct spmc *spmc, struct vcpu *vcpu,
				     struct vmsg_ffa_regs *regs)
{
	struct partition *sender = vcpu->partition;
	const uint32_t flags = (uint32_t)regs->x[2];
	struct vmsg_ffa_message_header header;

	if ((regs->x[1] & 0xFFFF) || !spmc_names_self(sender, regs->x[1] >> 16) ||
	    !spmc_delay_sri_is_ok(sender, flags)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!spmc_snapshot_tx(spmc, sender, SPMC_BUFFER_SIZE)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (!read_message(spmc, sender, &header)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct partition *receiver = spmc_find(spmc, header.receiver);
	if (!receiver) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!(sender->config.properties & receiver->config.properties &
	      VMSG_FFA_PROPERTY_INDIRECT) ||
	    !receiver->buffers.mapped) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (!spmc_rx_is_free(receiver)) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	const struct vmsg_bytes payload = { spmc->scratch + header.offset, header.size };
	const int size =
		vmsg_ffa_message_build(&header, receiver->version, payload,
				       (struct vmsg_span){ spmc->message, SPMC_BUFFER_SIZE });
	if (size < 0) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!spmc_rx_fill(spmc, receiver, spmc->message, (size_t)size)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	/* The SPMC tells of what secure partitions send, the hypervisor of what VMs send. */
	if (spmc_is_secure(sender->config.id)) {
		receiver->rx_full_spm = true;
	} else {
		receiver->rx_full_hypervisor = true;
	}
	spmc_notify(spmc, vcpu, receiver, flags != 0);
	return spmc_success(regs);
}
