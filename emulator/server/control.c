/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of control clients. The answer has the sequence number of its request and is a run of
 * frames, one JSON object each, all but the last with the MORE flag. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/internal.h"

/* Requests are compared byte by byte: JSON is parsed by who gets it forwarded. */
static const char list_request[] = "{\"request\":\"list\"}";

static void answer(struct connection *connection, uint32_t sequence, uint8_t flags,
		   const char *text)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	connection_send(connection, frame,
			vmsg_wire_encode_control(frame, sequence, flags, text, strlen(text)), NULL,
			0);
}

static void list_partition(struct connection *connection, uint32_t sequence, size_t index)
{
	struct spmc_partition_state state;
	char text[256];

	spmc_partition_state(connection->server->spmc, index, &state);
	/* Names come from our own tables or a manifest that was checked: nothing to escape. */
	snprintf(text, sizeof(text),
		 "{\"id\":%u,\"name\":\"%s\",\"connected\":%s,\"ffa_version\":\"%u.%u\","
		 "\"regions_owned\":%" PRIu32 ",\"regions_borrowed\":%" PRIu32 "}",
		 state.config->id, state.config->name, state.started ? "true" : "false",
		 state.ffa_version >> 16, state.ffa_version & 0xFFFF, state.regions_owned,
		 state.regions_borrowed);
	answer(connection, sequence, VMSG_WIRE_CONTROL_MORE, text);
}

void control_receive(struct connection *connection, uint32_t sequence, struct vmsg_bytes text)
{
	const size_t count = spmc_partition_count(connection->server->spmc);
	char end[64];

	if (text.size != strlen(list_request) || memcmp(text.data, list_request, text.size) != 0) {
		answer(connection, sequence, 0,
		       "{\"error\":\"NOT_SUPPORTED\",\"detail\":\"the only request is "
		       "{\\\"request\\\":\\\"list\\\"}\"}");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		list_partition(connection, sequence, i);
	}
	snprintf(end, sizeof(end), "{\"partitions\":%zu}", count);
	answer(connection, sequence, 0, end);
}
