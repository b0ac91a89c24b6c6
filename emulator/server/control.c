/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of control clients to the manager itself. The answer has the sequence number of its
 * request and is a run of frames, one JSON object each, all but the last with the MORE flag.
 */
#include <inttypes.h>
#include <string.h>

#include "json_read.h"
#include "server/internal.h"
#include "server/text.h"

void control_answer(struct connection *client, const struct vmsg_wire_header *header,
		    const char *text, size_t size)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	connection_send(client, frame, vmsg_wire_encode_control(frame, header, text, size), NULL,
			0);
}

static void answer(struct connection *client, uint32_t sequence, uint8_t flags, const char *text,
		   size_t size)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_CONTROL,
						 .flags = flags,
						 .sequence = sequence };

	control_answer(client, &header, text, size);
}

static const char *state_name(const struct spmc_partition_state *state)
{
	if (!state->started) {
		return "absent";
	}
	if (state->waiting + state->blocked + state->yielded < state->config->vcpu_count) {
		return "running";
	}
	return state->blocked ? "blocked" : state->yielded ? "yielded" : "waiting";
}

static void add_uuids(struct text *text, const struct spmc_partition_config *config)
{
	text_add(text, ",\"uuids\":[");
	for (uint32_t i = 0; i < config->uuid_count; i++) {
		text_add(text, i > 0 ? ",\"" : "\"");
		for (size_t j = 0; j < sizeof(config->uuids[i].bytes); j++) {
			const bool is_group = j == 4 || j == 6 || j == 8 || j == 10;
			text_add(text, "%s%02x", is_group ? "-" : "", config->uuids[i].bytes[j]);
		}
		text_add(text, "\"");
	}
	text_add(text, "]");
}

static void list_partition(struct connection *client, uint32_t sequence, size_t index)
{
	struct vmsg_server *server = client->server;
	struct spmc_partition_state state;
	char bytes[VMSG_WIRE_CONTROL_TEXT_MAX];
	struct text text = { .bytes = bytes, .size = sizeof(bytes) };

	spmc_partition_state(server->spmc, index, &state);
	const struct spmc_partition_config *config = state.config;
	const struct connection *connection = server_find_identity(server, config->id)->connection;
	const unsigned running =
		state.started ? config->vcpu_count - state.waiting - state.blocked - state.yielded
			      : 0u;

	text_add(&text, "{\"id\":%u,\"name\":", config->id);
	text_add_string(&text, config->name);
	text_add(&text,
		 ",\"connected\":%s,\"ffa_version\":\"%u.%u\",\"regions_owned\":%" PRIu32
		 ",\"regions_borrowed\":%" PRIu32,
		 state.started ? "true" : "false", state.ffa_version >> 16,
		 state.ffa_version & 0xFFFF, state.regions_owned, state.regions_borrowed);
	text_add(&text, ",\"class\":\"%s\",\"state\":\"%s\",\"properties\":%" PRIu32,
		 config->id & 0x8000 ? "sp" : "vm", state_name(&state), config->properties);
	text_add(&text,
		 ",\"vcpus\":{\"count\":%u,\"running\":%u,\"waiting\":%u,\"blocked\":%u,"
		 "\"yielded\":%u}",
		 config->vcpu_count, running, state.waiting, state.blocked, state.yielded);
	text_add(&text,
		 ",\"rx\":\"%s\",\"notified\":%s,\"scheduler\":%s,\"control\":%s,\"pid\":%ld",
		 !state.has_buffers ? "unmapped"
		 : state.rx_full    ? "full"
				    : "empty",
		 state.notified ? "true" : "false",
		 config->id == server->scheduler ? "true" : "false",
		 connection && connection->control ? "true" : "false",
		 connection ? (long)connection->pid : 0L);
	add_uuids(&text, config);
	text_add(&text, "}");
	answer(client, sequence, VMSG_WIRE_CONTROL_MORE, text.bytes, text.length);
}

static void list(struct connection *client, uint32_t sequence)
{
	const size_t count = spmc_partition_count(client->server->spmc);
	char bytes[64];
	struct text text = { .bytes = bytes, .size = sizeof(bytes) };

	for (size_t i = 0; i < count; i++) {
		list_partition(client, sequence, i);
	}
	text_add(&text, "{\"partitions\":%zu}", count);
	answer(client, sequence, 0, text.bytes, text.length);
}

static void tell_stats(struct connection *client, uint32_t sequence)
{
	const struct vmsg_server *server = client->server;
	char text[STATS_TEXT_SIZE];

	size_t size = stats_print_counters(&server->stats, server->now_ns, text);
	answer(client, sequence, VMSG_WIRE_CONTROL_MORE, text, size);
	size = stats_print_latencies(&server->stats, text);
	answer(client, sequence, 0, text, size);
}

void control_receive(struct connection *connection, const struct vmsg_wire_header *header,
		     struct vmsg_bytes text)
{
	static const char not_supported[] =
		"{\"error\":\"NOT_SUPPORTED\",\"detail\":\"requests are "
		"{\\\"request\\\":\\\"list\\\"} and {\\\"request\\\":\\\"stats\\\"}\"}";
	static const char no_json[] =
		"{\"error\":\"INVALID\",\"detail\":\"a request is one JSON object\"}";
	struct json_value value;

	if (header->vcpu) {
		forward_request(connection, header, text);
		return;
	}
	if (!json_read((const char *)text.data, text.size, &value) || value.text[0] != '{') {
		answer(connection, header->sequence, 0, no_json, strlen(no_json));
		return;
	}
	const struct json_value request = json_read_member(value, "request");
	if (json_read_is(request, "list")) {
		list(connection, header->sequence);
	} else if (json_read_is(request, "stats")) {
		tell_stats(connection, header->sequence);
	} else {
		answer(connection, header->sequence, 0, not_supported, strlen(not_supported));
	}
}
