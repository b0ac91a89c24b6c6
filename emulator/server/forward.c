/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of control clients to partitions and the answers, both unread. What a partition has not
 * answered is bounded, so that its socket never fills by it, and a place stays taken when the
 * client leaves: the partition has the request all the same.
 */
#include <stdio.h>
#include <string.h>

#include "server/internal.h"

static void refuse_request(struct connection *client, const struct vmsg_wire_header *header,
			   const char *error, const char *detail)
{
	char text[128];

	const int size =
		snprintf(text, sizeof(text), "{\"error\":\"%s\",\"detail\":\"%s\"}", error, detail);
	control_answer(client, header, text, (size_t)size);
}

static struct forward *free_forward(struct identity *identity)
{
	for (size_t i = 0; i < FORWARDS_MAX; i++) {
		if (!identity->forwards[i].is_used) {
			return &identity->forwards[i];
		}
	}
	return NULL;
}

void forward_request(struct connection *client, const struct vmsg_wire_header *header,
		     struct vmsg_bytes text)
{
	struct vmsg_server *server = client->server;
	struct identity *identity = server_find_identity(server, header->vcpu);
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	if (!identity) {
		refuse_request(client, header, "NOT_FOUND", "no such partition in this system");
		return;
	}
	if (!identity->connection) {
		refuse_request(client, header, "NOT_CONNECTED", "the partition is not there");
		return;
	}
	if (!identity->connection->control) {
		refuse_request(client, header, "NOT_SUPPORTED",
			       "the partition takes no requests of control clients");
		return;
	}
	struct forward *forward = free_forward(identity);
	if (!forward) {
		refuse_request(client, header, "BUSY",
			       "the partition has 8 requests that it has not answered");
		return;
	}
	*forward = (struct forward){
		.is_used = true,
		.sequence = ++server->last_forward,
		.client = client,
		.client_sequence = header->sequence,
	};
	const struct vmsg_wire_header towards = { .kind = VMSG_WIRE_CONTROL,
						  .sequence = forward->sequence };
	server->stats.forwarded++;
	connection_send(identity->connection, frame,
			vmsg_wire_encode_control(frame, &towards, text.data, text.size), NULL, 0);
}

void forward_answer(struct connection *partition, const struct vmsg_wire_header *header,
		    struct vmsg_bytes text)
{
	struct forward *forwards = partition->identity->forwards;

	for (size_t i = 0; i < FORWARDS_MAX; i++) {
		struct forward *forward = &forwards[i];
		if (!forward->is_used || forward->sequence != header->sequence) {
			continue;
		}
		const struct vmsg_wire_header back = {
			.kind = VMSG_WIRE_CONTROL,
			.flags = header->flags,
			.vcpu = partition->identity->id,
			.sequence = forward->client_sequence,
		};
		forward->is_used = (header->flags & VMSG_WIRE_CONTROL_MORE) != 0;
		if (forward->client) {
			control_answer(forward->client, &back, (const char *)text.data, text.size);
		}
		return;
	}
	connection_refuse(partition, VMSG_WIRE_REFUSED_FRAME, "CONTROL frame that answers nothing");
}

void forward_client_gone(struct connection *client)
{
	struct vmsg_server *server = client->server;

	for (size_t i = 0; i < server->identity_count; i++) {
		for (size_t j = 0; j < FORWARDS_MAX; j++) {
			if (server->identities[i].forwards[j].client == client) {
				server->identities[i].forwards[j].client = NULL;
			}
		}
	}
}

void forward_partition_gone(struct identity *identity)
{
	for (size_t i = 0; i < FORWARDS_MAX; i++) {
		struct forward *forward = &identity->forwards[i];
		if (forward->is_used && forward->client) {
			refuse_request(forward->client,
				       &(struct vmsg_wire_header){
					       .kind = VMSG_WIRE_CONTROL,
					       .vcpu = identity->id,
					       .sequence = forward->client_sequence,
				       },
				       "ABORTED", "the partition is gone");
		}
		*forward = (struct forward){ .is_used = false };
	}
}
