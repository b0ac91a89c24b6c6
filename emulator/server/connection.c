/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection: receives a frame per event, checks it, acts, sends without waiting. A round trip
 * through the manager costs one receive and one send for each direction and nothing else.
 * Invariant: every descriptor that arrives is taken over or closed before the event ends.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/internal.h"

/* Asked for and granted up to the system's limit: room for the two frames that each of 64 vCPUs may
 * have outstanding. */
#define SEND_BUFFER_SIZE (1 << 20)

void connection_doom(struct connection *connection)
{
	if (connection->state == CONNECTION_DOOMED) {
		return;
	}
	connection->state = CONNECTION_DOOMED;
	connection->next_doomed = connection->server->doomed;
	connection->server->doomed = connection;
}

static const char *name_of(const struct connection *connection, char text[16])
{
	if (connection->identity) {
		snprintf(text, 16, "0x%04x", connection->identity->id);
	} else {
		snprintf(text, 16, "client");
	}
	return text;
}

void connection_refuse(struct connection *connection, enum vmsg_wire_refusal code,
		       const char *format, ...)
{
	struct vmsg_wire_refuse refuse = { .code = code, .version = VMSG_WIRE_VERSION };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	char name[16];
	va_list arguments;

	if (connection->state == CONNECTION_DOOMED) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(refuse.text, sizeof(refuse.text), format, arguments);
	va_end(arguments);
	connection->server->stats.refused++;
	server_log(connection->server, VMSG_SERVER_WARNING, "%s refused: %s",
		   name_of(connection, name), refuse.text);
	/* If it cannot be told, it is gone or does not read. */
	(void)io_flush(&connection->outbox, connection->fd, false);
	(void)io_send(connection->fd, frame, vmsg_wire_encode_refuse(frame, &refuse), NULL, 0,
		      false);
	connection_doom(connection);
}

/* What the last sending has left in errno. */
static void cannot_send(struct connection *connection)
{
	if (errno == EPIPE || errno == ECONNRESET) {
		connection_doom(connection);
	} else if (errno == EAGAIN || errno == ENOBUFS) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES,
				  "does not read its socket");
	} else {
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES, "cannot be sent to: %s",
				  strerror(errno));
	}
}

void connection_flush(struct connection *connection)
{
	if (connection->state == CONNECTION_DOOMED) {
		connection->outbox.size =
			0; /* nobody reads it; descriptors are still to be closed */
	}
	connection->server->stats.sent_bytes += connection->outbox.size;
	if (io_flush(&connection->outbox, connection->fd, false) != 0) {
		cannot_send(connection);
	}
}

/* What is sent after the first frame of an event goes with it, if the peer takes that. */
static bool fits(const struct connection *connection, size_t size, size_t descriptor_count)
{
	return connection->packed && descriptor_count == 0 &&
	       size <= sizeof(connection->outbox.bytes) - connection->outbox.size;
}

void connection_send(struct connection *connection, const uint8_t *frame, size_t size,
		     const int *descriptors, size_t descriptor_count)
{
	struct vmsg_server *server = connection->server;
	struct io_outbox *outbox = &connection->outbox;

	if (outbox->size > 0 && !fits(connection, size, descriptor_count)) {
		connection_flush(connection);
	}
	memcpy(outbox->bytes + outbox->size, frame, size);
	outbox->size += size;
	for (size_t i = 0; i < descriptor_count; i++) {
		outbox->descriptors[outbox->descriptor_count++] = descriptors[i];
	}
	if (connection->state == CONNECTION_DOOMED || !vmsg_wire_may_be_followed(frame[0])) {
		connection_flush(connection);
	} else if (!connection->is_unsent) {
		connection->is_unsent = true;
		connection->next_unsent = server->unsent;
		server->unsent = connection;
	}
}

void connection_return(struct connection *connection, uint16_t vcpu,
		       const struct vmsg_ffa_regs *regs)
{
	uint8_t frame[VMSG_WIRE_CALL_SIZE];
	const struct vmsg_wire_header header = {
		.kind = VMSG_WIRE_RETURN,
		.vcpu = vcpu,
		.sequence = connection->calls[vcpu].sequence,
	};

	connection->calls[vcpu].is_open = false;
	stats_return(&connection->server->stats, connection->calls[vcpu].function_id,
		     connection->server->now_ns - connection->calls[vcpu].begun_ns, regs);
	if (connection->server->tap) {
		trace_return(connection->server, connection->identity->id, vcpu, regs);
	}
	connection_send(connection, frame, vmsg_wire_encode_call(frame, &header, regs), NULL, 0);
}

/* Refuses a frame of a vCPU that is not its connection's. */
static bool drives(struct connection *connection, enum vmsg_wire_kind kind, uint16_t vcpu)
{
	const char *name = vmsg_wire_kind_name(kind);

	if (vcpu >= connection->identity->vcpu_count) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "%s of vCPU %u, which it does not have", name, vcpu);
		return false;
	}
	if (server_vcpu_connection(connection->identity, vcpu) != connection) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "%s of vCPU %u, which another connection drives", name, vcpu);
		return false;
	}
	return true;
}

static void receive_call(struct connection *connection, const struct vmsg_wire_header *header,
			 const uint8_t *frame, uint64_t now_ns)
{
	struct vmsg_server *server = connection->server;
	struct vmsg_ffa_regs regs, call;

	if (!drives(connection, VMSG_WIRE_CALL, header->vcpu)) {
		return;
	}
	vmsg_wire_decode_call(frame, &regs);
	if (server->tap) {
		call = regs;
	}
	const struct outstanding earlier = connection->calls[header->vcpu];
	connection->calls[header->vcpu] = (struct outstanding){
		.sequence = header->sequence,
		.function_id = (uint32_t)regs.x[0],
		.begun_ns = now_ns,
		.is_open = true,
	};
	bool kill;
	const enum spmc_result result =
		faults_call(server->faults, server->spmc, connection->identity->id, header->vcpu,
			    now_ns, &regs, &kill);
	if (kill) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES,
				  "killed by a fault, as asked");
		return;
	}
	if (result == SPMC_REFUSED) {
		connection->calls[header->vcpu] = earlier;
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "CALL of vCPU %u, which has one outstanding", header->vcpu);
		return;
	}
	if (server->tap) {
		trace_call(server, connection->identity->id, header->vcpu, &call, result, &regs);
	}
	stats_call(&server->stats, connection->calls[header->vcpu].function_id);
	/* A grant comes before the return that speaks of it. */
	server_deliver(server);
	if (result == SPMC_REPLIED) {
		connection_return(connection, header->vcpu, &regs);
	}
}

/* Nobody is offered a channel yet, so whatever is asked about one is refused. */
static void receive_channel(struct connection *connection, const uint8_t *frame)
{
	uint8_t answer[VMSG_WIRE_FRAME_MAX];
	uint16_t peer;
	uint8_t operation;

	vmsg_wire_decode_channel(frame, &peer, &operation);
	if (operation == VMSG_WIRE_CHANNEL_REFUSE || operation == VMSG_WIRE_CHANNEL_REVOKE) {
		return;
	}
	const size_t size = vmsg_wire_encode_channel(answer, peer, VMSG_WIRE_CHANNEL_REFUSE);
	connection_send(connection, answer, size, NULL, 0);
}

/* Which kinds a connection may send in which state. */
static bool is_allowed(enum connection_state state, enum vmsg_wire_kind kind)
{
	switch (state) {
	case CONNECTION_NEW:
		return kind == VMSG_WIRE_HELLO;
	case CONNECTION_PARTITION:
		return kind != VMSG_WIRE_HELLO;
	case CONNECTION_CONTROLLER:
		return kind == VMSG_WIRE_CONTROL;
	case CONNECTION_DOOMED:
		break;
	}
	return false;
}

/* One frame of a message; `in` for its descriptors, which belong to the first. */
static void handle(struct connection *connection, const uint8_t *frame, size_t size,
		   struct io_message *in, uint64_t now_ns)
{
	const bool is_first = frame == in->bytes;
	struct vmsg_wire_header header;
	char why[128];
	uint64_t handle_number;
	uint32_t first;

	if (vmsg_wire_check(frame, size, is_first ? in->descriptor_count : 0, true, &header, why,
			    sizeof(why)) != 0) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME, "%s", why);
		return;
	}
	const enum vmsg_wire_kind kind = (enum vmsg_wire_kind)header.kind;
	if (!is_allowed(connection->state, kind)) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME, "%s frame at the wrong time",
				  vmsg_wire_kind_name(kind));
		return;
	}
	switch (kind) {
	case VMSG_WIRE_HELLO:
		hello_receive(connection, in);
		break;
	case VMSG_WIRE_CALL:
		receive_call(connection, &header, frame, now_ns);
		break;
	case VMSG_WIRE_RAISE:
		if (!drives(connection, kind, header.vcpu)) {
			break;
		}
		spmc_raise(connection->server->spmc, connection->identity->id, header.vcpu);
		break;
	case VMSG_WIRE_GRANT_MORE:
		vmsg_wire_decode_grant_more(frame, &handle_number, &first);
		grants_continue(connection, handle_number, first);
		break;
	case VMSG_WIRE_CHANNEL:
		receive_channel(connection, frame);
		break;
	case VMSG_WIRE_BANK:
		later_bank_receive(connection, &header, frame, size, in);
		break;
	case VMSG_WIRE_CONTROL:
		if (connection->state == CONNECTION_PARTITION) {
			forward_answer(connection, &header, vmsg_wire_control_text(frame, size));
		} else {
			control_receive(connection, &header, vmsg_wire_control_text(frame, size));
		}
		break;
	case VMSG_WIRE_WELCOME:
	case VMSG_WIRE_REFUSE:
	case VMSG_WIRE_RETURN:
	case VMSG_WIRE_INTERRUPT:
	case VMSG_WIRE_GRANT:
	case VMSG_WIRE_KIND_COUNT:
		break; /* never to the manager: vmsg_wire_check() */
	}
}

static void receive_frames(struct connection *connection, struct io_message *in, uint64_t now_ns)
{
	size_t size;

	for (size_t at = 0; at < in->size && connection->state != CONNECTION_DOOMED; at += size) {
		size = vmsg_wire_first_size(in->bytes + at, in->size - at);
		handle(connection, in->bytes + at, size, in, now_ns);
		server_deliver(connection->server);
	}
}

static void receive(struct connection *connection, uint64_t now_ns)
{
	struct io_message in;

	const int received = io_receive(&in, connection->fd, false);
	if (received < 0) {
		connection_doom(connection);
	}
	if (received <= 0) {
		return;
	}
	connection->server->stats.received_bytes += in.size;
	if (in.size == 0) {
		/* End of file, or a message of no bytes, which looks the same. */
		connection_doom(connection);
	} else if (in.flags & MSG_TRUNC) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "frame of more than %u bytes", VMSG_WIRE_FRAME_MAX);
	} else if (in.flags & MSG_CTRUNC) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES,
				  "the manager is out of descriptors");
	} else {
		receive_frames(connection, &in, now_ns);
	}
	io_done(&in);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct connection *connection = poll->data;
	struct vmsg_server *server = connection->server;
	const uint64_t now_ns = uv_hrtime();

	server->now_ns = now_ns;
	(void)events;
	if (status < 0) {
		connection_doom(connection);
	} else {
		receive(connection, now_ns);
	}
	server_settle(server, now_ns);
}

static void check_user(struct connection *connection)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
		connection_doom(connection);
	} else if (peer.uid != geteuid() && peer.uid != 0) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_USER,
				  "user %lu may not use the manager of user %lu",
				  (unsigned long)peer.uid, (unsigned long)geteuid());
	} else {
		connection->pid = peer.pid;
	}
}

void connection_open(struct vmsg_server *server, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	const int send_buffer = SEND_BUFFER_SIZE;

	if (!connection || uv_poll_init(&server->loop, &connection->poll, fd) != 0) {
		server_log(server, VMSG_SERVER_WARNING, "no memory for another connection");
		free(connection);
		close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	connection->server = server;
	connection->fd = fd;
	connection->poll.data = connection;
	connection->next = server->connections;
	if (server->connections) {
		server->connections->previous = connection;
	}
	server->connections = connection;
	server->connection_count++;
	server->stats.connections++;
	if (uv_poll_start(&connection->poll, UV_READABLE, on_event) != 0) {
		connection_doom(connection);
		return;
	}
	check_user(connection);
}

static void on_closed(uv_handle_t *closed)
{
	free(closed->data);
}

/* The first connection of a partition has ended: its life has. */
static void stop_partition(struct connection *connection)
{
	struct vmsg_server *server = connection->server;
	struct identity *identity = connection->identity;

	const uint16_t id = connection->identity->id;
	forward_partition_gone(connection->identity);
	connection->identity->connection = NULL;
	if (server->tap) {
		tap_forget(server->tap, id);
	}
	server->stats.deaths++;
	faults_stop(server->faults, server->spmc, id);
	bank_map_drop_owner(&server->banks, server->spmc, id);
	for (uint16_t i = 0; i < identity->vcpu_count; i++) {
		struct connection *other = identity->vcpus[i];
		identity->vcpus[i] = NULL;
		if (other) {
			connection_refuse(other, VMSG_WIRE_REFUSED_GONE,
					  "the first connection of partition 0x%04x has ended", id);
			other->identity = NULL;
		}
	}
}

void connection_close(struct connection *connection)
{
	struct vmsg_server *server = connection->server;
	char name[16];

	server_log(server, VMSG_SERVER_INFO, "%s is gone", name_of(connection, name));
	if (connection->identity && connection->identity->connection == connection) {
		stop_partition(connection);
	} else if (connection->identity) {
		/* a vCPU that is gone answers nothing any more, and FF-A has no word for that */
		connection->identity->vcpus[connection->vcpu] = NULL;
		connection_refuse(connection->identity->connection, VMSG_WIRE_REFUSED_GONE,
				  "the connection of its vCPU %u has ended", connection->vcpu);
	}
	forward_client_gone(connection);
	grants_free(&connection->grants);
	if (connection->previous) {
		connection->previous->next = connection->next;
	} else {
		server->connections = connection->next;
	}
	if (connection->next) {
		connection->next->previous = connection->previous;
	}
	server->connection_count--;
	uv_close((uv_handle_t *)&connection->poll, on_closed);
	close(connection->fd);
	server_listen(server);
}
