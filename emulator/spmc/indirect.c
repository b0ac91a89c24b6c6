/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FFA_MSG_SEND2: a message from the sender's TX to the receiver's RX, its header rewritten in the
 * size of the receiver's version, unless the policy says otherwise.
 */
#include "spmc/internal.h"

#include <string.h>

#include "virtio_msg_ffa/ffa_message.h"

/* The message in the snapshot of TX: its header, checked against the buffer and the caller. */
static bool read_message(struct spmc *spmc, const struct partition *sender,
			 struct vmsg_ffa_message_header *header)
{
	const struct vmsg_bytes buffer = { spmc->scratch, SPMC_BUFFER_SIZE };

	return vmsg_ffa_message_parse(buffer, sender->version, header) == 0 && header->flags == 0 &&
	       (header->size > 0 || spmc->policy->send2_empty_allowed) &&
	       header->sender == sender->config.id && header->receiver != header->sender;
}

/* w1 names the sender where a hypervisor speaks for it. */
static bool check_sender(const struct spmc *spmc, const struct partition *sender, uint64_t word)
{
	switch (spmc->policy->send2_sender) {
	case POLICY_SENDER_ZERO_OR_SELF:
		return (word & 0xFFFF) == 0 && spmc_names_self(sender, word >> 16);
	case POLICY_SENDER_ZERO:
		return word == 0;
	case POLICY_SENDER_IGNORED:
		break;
	}
	return true;
}

/* The message as the receiver gets it, in the message buffer; its size or an error. */
static int build_message(struct spmc *spmc, const struct vmsg_ffa_message_header *header,
			 const struct partition *receiver)
{
	const struct vmsg_bytes payload = { spmc->scratch + header->offset, header->size };
	uint32_t version = receiver->version;

	switch (spmc->policy->send2_header) {
	case POLICY_HEADER_AS_SENT:
		memcpy(spmc->message, spmc->scratch, header->offset + header->size);
		return (int)(header->offset + header->size);
	case POLICY_HEADER_LONG:
		version = VMSG_FFA_VERSION_1_2;
		break;
	case POLICY_HEADER_OF_RECEIVER:
		break;
	}
	return vmsg_ffa_message_build(header, version, payload,
				      (struct vmsg_span){ spmc->message, SPMC_BUFFER_SIZE });
}

enum spmc_result spmc_call_msg_send2(struct spmc *spmc, struct vcpu *vcpu,
				     struct vmsg_ffa_regs *regs)
{
	struct partition *sender = vcpu->partition;
	const uint32_t flags = spmc->policy->send2_flags_ignored ? 0 : (uint32_t)regs->x[2];
	struct vmsg_ffa_message_header header;

	if (!check_sender(spmc, sender, regs->x[1]) || !spmc_delay_sri_is_ok(sender, flags)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!spmc_snapshot_tx(spmc, sender, SPMC_BUFFER_SIZE)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (!read_message(spmc, sender, &header)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	spmc->sent_size = header.offset + header.size;
	struct partition *receiver = spmc_find(spmc, header.receiver);
	if (!receiver) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!(sender->config.properties & receiver->config.properties &
	      VMSG_FFA_PROPERTY_INDIRECT) ||
	    !receiver->buffers.mapped || !receiver->has_bitmap) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (!spmc_rx_is_free(receiver)) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	if (spmc->policy->send2_uuid_checked && !spmc_has_uuid(receiver, &header.uuid)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	const int size = build_message(spmc, &header, receiver);
	if (size < 0) {
		return spmc_error(regs, spmc->policy->send2_too_big_no_memory
						? VMSG_FFA_NO_MEMORY
						: VMSG_FFA_INVALID_PARAMETERS);
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
	receiver->reported = false;
	spmc_notify(spmc, vcpu, receiver, NULL, flags != 0);
	return spmc_success(regs);
}

struct vmsg_bytes spmc_sent_message(const struct spmc *spmc)
{
	return (struct vmsg_bytes){ spmc->scratch, spmc->sent_size };
}
