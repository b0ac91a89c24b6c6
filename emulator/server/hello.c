/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admission: who may be which partition, with which RAM. All or nothing: a hello that is refused
 * leaves no trace.
 */
#include <stdio.h>
#include <string.h>

#include "server/internal.h"

static struct identity *first_free(struct vmsg_server *server, bool secure)
{
	for (size_t i = 0; i < server->identity_count; i++) {
		struct identity *identity = &server->identities[i];
		if (!identity->connection && ((identity->id & 0x8000) != 0) == secure) {
			return identity;
		}
	}
	return NULL;
}

/* NULL when the connection has been refused. */
static struct identity *choose_identity(struct connection *connection,
					const struct vmsg_wire_hello *hello)
{
	struct vmsg_server *server = connection->server;
	const bool secure = hello->class == VMSG_WIRE_SECURE;
	struct identity *identity =
		hello->id ? server_find_identity(server, hello->id) : first_free(server, secure);

	if (!identity && hello->id) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_IDENTITY,
				  "there is no partition 0x%04x in this system", hello->id);
	} else if (!identity) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_IDENTITY,
				  "every %s of this system is taken",
				  secure ? "secure partition" : "VM");
	} else if (identity->connection) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_IDENTITY,
				  "partition 0x%04x is claimed already", hello->id);
		identity = NULL;
	}
	return identity;
}

static bool add_banks(struct connection *connection, uint16_t owner,
		      const struct vmsg_wire_hello *hello, int *descriptors,
		      struct vmsg_wire_welcome *welcome)
{
	struct vmsg_server *server = connection->server;
	char why[128];

	for (size_t i = 0; i < hello->bank_count; i++) {
		const struct bank *bank =
			bank_map_add(&server->banks, owner, descriptors[i], hello->banks[i].address,
				     hello->banks[i].size, why, sizeof(why));
		if (!bank) {
			connection_refuse(connection, VMSG_WIRE_REFUSED_BANK, "bank %zu %s", i,
					  why);
			return false;
		}
		descriptors[i] = -1;
		welcome->addresses[i] = bank->address;
	}
	return true;
}

static void admit_partition(struct connection *connection, const struct vmsg_wire_hello *hello,
			    int *descriptors)
{
	struct vmsg_server *server = connection->server;
	struct vmsg_wire_welcome welcome = { .version = VMSG_WIRE_VERSION,
					     .bank_count = hello->bank_count,
					     .ffa_version = server->ffa_version };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	struct identity *identity = choose_identity(connection, hello);
	if (!identity) {
		return;
	}
	if (!add_banks(connection, identity->id, hello, descriptors, &welcome) ||
	    spmc_start(server->spmc, identity->id) != 0) {
		bank_map_drop_owner(&server->banks, server->spmc, identity->id);
		connection_refuse(connection, VMSG_WIRE_REFUSED_RESOURCES,
				  "partition 0x%04x cannot be started", identity->id);
		return;
	}
	identity->connection = connection;
	connection->identity = identity;
	connection->state = CONNECTION_PARTITION;
	welcome.id = identity->id;
	welcome.vcpu_count = identity->vcpu_count;
	server_log(server, VMSG_SERVER_INFO, "0x%04x is here with %u banks", identity->id,
		   hello->bank_count);
	connection_send(connection, frame, vmsg_wire_encode_welcome(frame, &welcome), NULL, 0);
}

/* Another connection of a partition that is there, for one of its vCPUs. */
static void admit_vcpu(struct connection *connection, const struct vmsg_wire_hello *hello)
{
	struct vmsg_server *server = connection->server;
	struct identity *identity = server_find_identity(server, hello->id);
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	if (!identity || !identity->connection) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_IDENTITY,
				  "partition 0x%04x is not there to be joined", hello->id);
		return;
	}
	if (hello->bank_count != 0 || hello->control || hello->banks_later) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "RAM and requests belong to a partition's first connection");
		return;
	}
	if (hello->vcpu >= identity->vcpu_count) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_IDENTITY,
				  "partition 0x%04x has %u vCPUs, not one number %u", hello->id,
				  identity->vcpu_count, hello->vcpu);
		return;
	}
	if (identity->vcpus[hello->vcpu] || identity->connection->calls[hello->vcpu].is_open) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_IDENTITY,
				  "vCPU %u of partition 0x%04x is driven by another connection",
				  hello->vcpu, hello->id);
		return;
	}
	identity->vcpus[hello->vcpu] = connection;
	connection->identity = identity;
	connection->vcpu = hello->vcpu;
	connection->state = CONNECTION_PARTITION;
	const struct vmsg_wire_welcome welcome = { .version = VMSG_WIRE_VERSION,
						   .ffa_version = server->ffa_version,
						   .id = identity->id,
						   .vcpu_count = identity->vcpu_count };
	server_log(server, VMSG_SERVER_INFO, "0x%04x is here with its vCPU %u", identity->id,
		   hello->vcpu);
	connection_send(connection, frame, vmsg_wire_encode_welcome(frame, &welcome), NULL, 0);
}

static void admit_controller(struct connection *connection, const struct vmsg_wire_hello *hello)
{
	const struct vmsg_wire_welcome welcome = { .version = VMSG_WIRE_VERSION,
						   .ffa_version = connection->server->ffa_version };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	if (hello->id != 0 || hello->class != 0 || hello->bank_count != 0 || hello->join ||
	    hello->banks_later) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "a control client has neither identity nor banks");
		return;
	}
	connection->state = CONNECTION_CONTROLLER;
	connection_send(connection, frame, vmsg_wire_encode_welcome(frame, &welcome), NULL, 0);
}

void hello_receive(struct connection *connection, struct io_message *in)
{
	struct vmsg_wire_hello hello;

	const int decoded = vmsg_wire_decode_hello(in->bytes, in->size, &hello);
	connection->packed = hello.packed;
	connection->control = hello.control;
	connection->banks_later = hello.banks_later;
	if (hello.magic != VMSG_WIRE_MAGIC) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "HELLO frame without the magic number");
	} else if (hello.version != VMSG_WIRE_VERSION) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_VERSION,
				  "protocol version %u is not %u", hello.version,
				  VMSG_WIRE_VERSION);
	} else if (decoded != 0) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "HELLO frame whose size does not fit its %u banks",
				  hello.bank_count);
	} else if (hello.bank_count > VMSG_WIRE_BANKS_MAX) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_BANK,
				  "%u banks, a partition has at most %u", hello.bank_count,
				  VMSG_WIRE_BANKS_MAX);
	} else if (hello.bank_count != in->descriptor_count) {
		connection_refuse(connection, VMSG_WIRE_REFUSED_BANK,
				  "%u banks with %zu descriptors", hello.bank_count,
				  in->descriptor_count);
	} else if (hello.role == VMSG_WIRE_PARTITION && hello.join) {
		admit_vcpu(connection, &hello);
	} else if (hello.role == VMSG_WIRE_PARTITION && hello.class <= VMSG_WIRE_SECURE) {
		admit_partition(connection, &hello, in->descriptors);
	} else if (hello.role == VMSG_WIRE_CONTROLLER) {
		admit_controller(connection, &hello);
	} else {
		connection_refuse(connection, VMSG_WIRE_REFUSED_FRAME,
				  "HELLO frame with unknown role %u or class %u", hello.role,
				  hello.class);
	}
}
