/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RAM that a partition adds or takes away while it lives. What breaks a rule of banks is answered
 * and changes nothing; what is no such request ends the connection.
 */
#include <stdio.h>

#include "server/internal.h"

static void add(struct connection *connection, const struct vmsg_wire_bank *wanted, int *descriptor,
		struct vmsg_wire_bank_answer *answer)
{
	struct vmsg_server *server = connection->server;
	const uint16_t id = connection->identity->id;

	if (bank_map_count(&server->banks, id) == VMSG_WIRE_BANKS_MAX) {
		answer->code = VMSG_WIRE_REFUSED_BANK;
		snprintf(answer->text, sizeof(answer->text), "a partition has at most %u banks",
			 VMSG_WIRE_BANKS_MAX);
		return;
	}
	char why[128];
	const struct bank *bank = bank_map_add(&server->banks, id, *descriptor, wanted->address,
					       wanted->size, why, sizeof(why));
	if (!bank) {
		answer->code = VMSG_WIRE_REFUSED_BANK;
		snprintf(answer->text, sizeof(answer->text), "the bank %s", why);
		return;
	}
	*descriptor = -1;
	answer->address = bank->address;
	server_log(server, VMSG_SERVER_INFO, "0x%04x has another bank of %llu bytes", id,
		   (unsigned long long)wanted->size);
}

static void take_away(struct connection *connection, struct vmsg_wire_bank_answer *answer)
{
	struct vmsg_server *server = connection->server;
	const char *problem = bank_map_remove(&server->banks, server->spmc,
					      connection->identity->id, answer->address);

	if (problem) {
		answer->code = VMSG_WIRE_REFUSED_BANK;
		snprintf(answer->text, sizeof(answer->text), "the bank %s", problem);
	}
}

void later_bank_receive(struct connection *connection, const struct vmsg_wire_header *header,
			const uint8_t *frame, size_t size, struct io_message *in)
{
	const bool is_removal = header->flags & VMSG_WIRE_BANK_REMOVE;
	const size_t descriptors = frame == in->bytes ? in->descriptor_count : 0;
	struct vmsg_wire_bank bank;
	uint8_t reply[VMSG_WIRE_FRAME_MAX];

	if (!connection->banks_later) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "BANK frame of a partition whose HELLO did not announce any");
		return;
	}
	if (vmsg_wire_decode_bank(frame, size, &bank) != 0 || (is_removal && bank.size != 0)) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "BANK frame with reserved bytes or of %zu bytes", size);
		return;
	}
	if (descriptors != (is_removal ? 0 : 1)) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "BANK frame with %zu descriptors", descriptors);
		return;
	}
	struct vmsg_wire_bank_answer answer = { .address = bank.address };
	if (is_removal) {
		take_away(connection, &answer);
	} else {
		add(connection, &bank, &in->descriptors[0], &answer);
	}
	const struct vmsg_wire_header towards = { .kind = VMSG_WIRE_BANK,
						  .flags = header->flags,
						  .sequence = header->sequence };
	connection_send(connection, reply, vmsg_wire_encode_bank_answer(reply, &towards, &answer),
			NULL, 0);
}
