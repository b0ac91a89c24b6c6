/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Indirect messages and notifications of an endpoint. Invariants: RX is given back as soon as its
 * message has been copied, so that no peer that nobody listens to can block the others; the
 * notification that announces a message is fetched before RX is given back, as Hafnium demands.
 */
#include "endpoint.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/ffa_message.h"

#include "port.h"

/* Flags of FFA_NOTIFICATION_GET, and bit 0 of its framework words */
#define GET_FROM_SPS        0x1u
#define GET_FROM_VMS        0x2u
#define GET_FROM_SPM        0x4u
#define GET_FROM_HYPERVISOR 0x8u
#define RX_IS_FULL          0x1u

#define NOTIFICATIONS 64u

static bool is_secure(uint16_t id)
{
	return id >> 15;
}

/* ---- sending ---- */

int vmsg_endpoint_send_indirect(struct vmsg_endpoint *endpoint, uint16_t destination,
				const struct vmsg_ffa_uuid *uuid, struct vmsg_bytes payload)
{
	struct vmsg_ffa_message_header header = {
		.sender = endpoint->id,
		.receiver = destination,
	};
	const struct vmsg_span room = { endpoint->tx.data, endpoint->buffer_size };

	if (endpoint->buffer_size == 0) {
		return VMSG_ERROR_STATE;
	}
	if (uuid) {
		header.uuid = *uuid;
	}
	if (vmsg_ffa_message_build(&header, endpoint->ffa_version, payload, room) < 0) {
		return VMSG_ERROR_RANGE;
	}
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(MSG_SEND2) } };
	const int error = vmsg_endpoint_perform(endpoint, &regs);
	return error < 0 && endpoint->status == VMSG_FFA_BUSY ? VMSG_ERROR_AGAIN : error;
}

/* ---- mailboxes ---- */

static struct vmsg_mailbox **find_link(struct vmsg_endpoint *endpoint,
				       const struct vmsg_mailbox *mailbox)
{
	struct vmsg_mailbox **link = &endpoint->mailboxes;

	while (*link && *link != mailbox) {
		link = &(*link)->next;
	}
	return link;
}

void vmsg_endpoint_open_mailbox(struct vmsg_endpoint *endpoint, struct vmsg_mailbox *mailbox,
				uint16_t peer)
{
	struct vmsg_mailbox **link = find_link(endpoint, mailbox);

	if (*link) {
		return;
	}
	*link = mailbox;
	mailbox->next = NULL;
	mailbox->peer = peer;
	mailbox->first = 0;
	mailbox->count = 0;
	mailbox->dropped = 0;
}

void vmsg_endpoint_close_mailbox(struct vmsg_endpoint *endpoint, struct vmsg_mailbox *mailbox)
{
	struct vmsg_mailbox **link = find_link(endpoint, mailbox);

	if (*link) {
		*link = mailbox->next;
		mailbox->count = 0; /* nobody reads them any more */
	}
}

const struct vmsg_indirect *vmsg_mailbox_peek(const struct vmsg_mailbox *mailbox)
{
	return mailbox->count > 0 ? &mailbox->messages[mailbox->first] : NULL;
}

void vmsg_mailbox_pop(struct vmsg_mailbox *mailbox)
{
	VMSG_ASSERT(mailbox->count > 0);
	mailbox->first = (uint16_t)((mailbox->first + 1u) % VMSG_MAILBOX_SIZE);
	mailbox->count--;
}

/* The mailbox for a peer, else the one for all others. */
static struct vmsg_mailbox *mailbox_of(const struct vmsg_endpoint *endpoint, uint16_t peer)
{
	struct vmsg_mailbox *other = NULL;

	for (struct vmsg_mailbox *at = endpoint->mailboxes; at; at = at->next) {
		if (at->peer == peer) {
			return at;
		}
		if (at->peer == VMSG_MAILBOX_ANY_PEER) {
			other = at;
		}
	}
	return other;
}

/* Reads the message that RX holds: the manager has written it and nobody else may, but a manager
 * may be wrong. What is longer than any session takes is no message for us. */
static void take_message(struct vmsg_endpoint *endpoint)
{
	const struct vmsg_bytes buffer = { endpoint->rx.data, endpoint->buffer_size };
	struct vmsg_ffa_message_header header;
	const int error = vmsg_ffa_message_parse(buffer, endpoint->ffa_version, &header);
	struct vmsg_mailbox *mailbox = mailbox_of(endpoint, header.sender);
	if (error < 0 || !mailbox) {
		return;
	}
	if (header.size > VMSG_FRAME_SIZE_MAX || header.receiver != endpoint->id ||
	    mailbox->count == VMSG_MAILBOX_SIZE) {
		mailbox->dropped++;
		return;
	}
	const size_t last = (mailbox->first + mailbox->count) % VMSG_MAILBOX_SIZE;
	struct vmsg_indirect *message = &mailbox->messages[last];
	message->source = header.sender;
	message->size = (uint16_t)header.size;
	message->uuid = header.uuid;
	vmsg_port_fetch(message->payload, endpoint->rx.data + header.offset, header.size);
	mailbox->count++;
}

/* ---- notifications ---- */

bool vmsg_endpoint_is_interrupted(const struct vmsg_endpoint *endpoint)
{
	const struct vmsg_conduit *conduit = &endpoint->conduit;

	return !conduit->is_interrupted || conduit->is_interrupted(conduit->context);
}

/* A manager may refuse flags that mean nothing where the caller is: a normal world without
 * hypervisor has no hypervisor, nor has a secure partition. */
static uint32_t get_flags(const struct vmsg_endpoint *endpoint)
{
	uint32_t flags = GET_FROM_SPS | GET_FROM_SPM;

	if (endpoint->id != 0) {
		flags |= GET_FROM_VMS;
	}
	if (endpoint->id != 0 && !is_secure(endpoint->id)) {
		flags |= GET_FROM_HYPERVISOR;
	}
	return flags;
}

int vmsg_endpoint_collect(struct vmsg_endpoint *endpoint)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(NOTIFICATION_GET), endpoint->id,
					get_flags(endpoint) } };
	const int error = vmsg_endpoint_perform(endpoint, &regs);

	if (error < 0) {
		return error;
	}
	endpoint->notified[1] |= (uint32_t)regs.x[2] | regs.x[3] << 32;
	endpoint->notified[0] |= (uint32_t)regs.x[4] | regs.x[5] << 32;
	if ((regs.x[6] | regs.x[7]) & RX_IS_FULL && endpoint->buffer_size > 0) {
		take_message(endpoint);
		vmsg_endpoint_release_rx(endpoint);
	}
	return VMSG_OK;
}

bool vmsg_endpoint_take_notification(struct vmsg_endpoint *endpoint, uint16_t sender, uint16_t id)
{
	uint64_t *word = &endpoint->notified[is_secure(sender)];
	const uint64_t bit = id < NOTIFICATIONS ? UINT64_C(1) << id : 0;
	const bool is_set = (*word & bit) != 0;

	*word &= ~bit;
	return is_set;
}

int vmsg_endpoint_enable_notifications(struct vmsg_endpoint *endpoint, uint32_t vcpu_count)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(NOTIFICATION_BITMAP_CREATE), endpoint->id,
					vcpu_count } };
	int supported = vmsg_endpoint_feature(endpoint, VMSG_FFA_ID32(NOTIFICATION_BIND), 0, NULL);

	if (supported <= 0) {
		return supported < 0 ? supported : VMSG_ERROR_PEER;
	}
	supported =
		vmsg_endpoint_feature(endpoint, VMSG_FFA_ID32(NOTIFICATION_BITMAP_CREATE), 0, NULL);
	if (supported <= 0) {
		return supported; /* the manager has made room already */
	}
	const int error = vmsg_endpoint_perform(endpoint, &regs);
	/* DENIED: an earlier life of ours has done it */
	return error < 0 && endpoint->status == VMSG_FFA_DENIED ? VMSG_OK : error;
}

/* BIND, UNBIND and SET differ in the order of the ids. */
static int change(struct vmsg_endpoint *endpoint, uint32_t function, uint16_t sender,
		  uint16_t receiver, uint16_t id)
{
	const uint64_t bitmap = id < NOTIFICATIONS ? UINT64_C(1) << id : 0;
	struct vmsg_ffa_regs regs = { { function, (uint32_t)sender << 16 | receiver, 0,
					(uint32_t)bitmap, bitmap >> 32 } };

	return bitmap ? vmsg_endpoint_perform(endpoint, &regs) : VMSG_ERROR_RANGE;
}

int vmsg_endpoint_bind(struct vmsg_endpoint *endpoint, uint16_t sender, uint16_t id)
{
	return change(endpoint, VMSG_FFA_ID32(NOTIFICATION_BIND), sender, endpoint->id, id);
}

int vmsg_endpoint_unbind(struct vmsg_endpoint *endpoint, uint16_t sender, uint16_t id)
{
	return change(endpoint, VMSG_FFA_ID32(NOTIFICATION_UNBIND), sender, endpoint->id, id);
}

int vmsg_endpoint_bind_anew(struct vmsg_endpoint *endpoint, uint16_t sender, uint16_t id)
{
	int error = vmsg_endpoint_bind(endpoint, sender, id);

	if (error == VMSG_ERROR_PEER) {
		(void)!vmsg_endpoint_collect(endpoint);
		(void)!vmsg_endpoint_unbind(endpoint, sender, id);
		error = vmsg_endpoint_bind(endpoint, sender, id);
	}
	(void)vmsg_endpoint_take_notification(endpoint, sender, id);
	return error;
}

int vmsg_endpoint_notify(struct vmsg_endpoint *endpoint, uint16_t receiver, uint16_t id)
{
	const int error =
		change(endpoint, VMSG_FFA_ID32(NOTIFICATION_SET), endpoint->id, receiver, id);
	const bool is_busy = error == VMSG_ERROR_PEER && (endpoint->status == VMSG_FFA_BUSY ||
							  endpoint->status == VMSG_FFA_RETRY);

	return is_busy ? VMSG_ERROR_AGAIN : error;
}

/* ---- running others ---- */

int vmsg_endpoint_run(struct vmsg_endpoint *endpoint, uint16_t target)
{
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(RUN), (uint32_t)target << 16 } };

	vmsg_endpoint_invoke(endpoint, &regs);
	if (vmsg_ffa_reply_status(&regs) == VMSG_FFA_OK) {
		return VMSG_OK; /* however it gave the CPU back */
	}
	const int error = vmsg_endpoint_fail(endpoint, &regs);
	return endpoint->status == VMSG_FFA_BUSY ? VMSG_ERROR_AGAIN : error;
}
