/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the server share. */
#ifndef VMSG_EMULATOR_SERVER_INTERNAL_H
#define VMSG_EMULATOR_SERVER_INTERNAL_H

#include <uv.h>

#include "faults/faults.h"
#include "server/banks.h"
#include "server/grants.h"
#include "server/server.h"
#include "server/stats.h"
#include "io.h"
#include "wire.h"

/* Connections at one time: every partition, and as many again that only ask. */
#define CONNECTIONS_MAX ((size_t)2 * SPMC_PARTITIONS_MAX)

/* The call that a vCPU has outstanding. */
struct outstanding {
	uint32_t sequence;
	uint32_t function_id;
	uint64_t begun_ns;
	bool is_open; /* has not returned */
};

/*
 * A connection. Moves:
 *   NEW -> PARTITION or CONTROLLER   a good hello
 *   any -> DOOMED                    end of file, a broken rule, or a socket that is full
 * DOOMED ends in server_settle(), never in the middle of an event: what it had in the partition
 * manager is stopped there, and its memory is freed when libuv has let go.
 */
enum connection_state {
	CONNECTION_NEW,
	CONNECTION_PARTITION,
	CONNECTION_CONTROLLER,
	CONNECTION_DOOMED
};

struct connection {
	struct vmsg_server *server;
	uv_poll_t poll;
	int fd;
	enum connection_state state;
	struct identity *identity; /* of a partition, else NULL */
	uint16_t vcpu;             /* that it drives, if it is not the partition's first one */
	struct connection *next;   /* in the server's list */
	struct connection *previous;
	struct connection *next_doomed;
	struct connection *next_unsent;
	bool is_unsent;   /* in the server's list of those */
	bool packed;      /* takes several frames in a message */
	bool control;     /* answers requests of control clients */
	bool banks_later; /* may add and take away RAM */
	pid_t pid;        /* of the peer */
	struct io_outbox outbox;
	struct grants grants;
	struct outstanding calls[SPMC_VCPUS_MAX]; /* of each vCPU */
};

/* Requests of control clients that one partition may have unanswered: no more fit its socket for
 * sure. */
#define FORWARDS_MAX 8

/* A request that was handed on. Its place is taken until it is answered, also when its client has
 * left: the partition still has it. */
struct forward {
	bool is_used;
	uint32_t sequence;         /* towards the partition */
	struct connection *client; /* NULL: gone */
	uint32_t client_sequence;
};

/* A partition of the system and who claims it. */
struct identity {
	uint16_t id;
	uint16_t vcpu_count;
	struct connection *connection;            /* the first one, with its RAM */
	struct connection *vcpus[SPMC_VCPUS_MAX]; /* that have one of their own */
	struct forward forwards[FORWARDS_MAX];
};

struct vmsg_server {
	uv_loop_t loop;
	uv_poll_t listener;
	uv_timer_t timer;
	uv_async_t stop;
	uv_signal_t signals[2];
	int listen_fd;
	char *socket_path;
	bool is_bound;
	bool accepts;          /* false while there are too many connections */
	uint64_t timer_end_ns; /* UINT64_MAX = not running */
	uint32_t ffa_version;
	uint16_t scheduler;
	struct spmc *spmc;
	struct faults *faults; /* NULL for none */
	struct bank_map banks;
	struct identity *identities; /* sorted by id */
	size_t identity_count;
	struct connection *connections;
	size_t connection_count;
	struct connection *doomed;
	struct connection *unsent; /* with something in the outbox */
	uint32_t last_forward;     /* sequence number */
	uint64_t now_ns;           /* beginning of the event */
	struct stats stats;
	void (*log)(void *context, enum vmsg_server_level level, const char *text);
	void *log_context;
	struct tap *tap; /* NULL: nobody watches */
};

/* server.c */
void server_log(struct vmsg_server *server, enum vmsg_server_level level, const char *format, ...)
	VMSG_PRINTF(3, 4);
struct identity *server_find_identity(struct vmsg_server *server, uint16_t id);
/* The connection that drives this vCPU, NULL if the partition is not there. */
struct connection *server_vcpu_connection(const struct identity *identity, uint16_t vcpu);
/* Hands out what the partition manager has for others. */
void server_deliver(struct vmsg_server *server);
/* End of every event: deliveries, what was kept to be sent, doomed connections and what their end
 * delivers, the timer. */
void server_settle(struct vmsg_server *server, uint64_t now_ns);
void server_listen(struct vmsg_server *server);

/* connection.c */
/* Takes `fd` over. */
void connection_open(struct vmsg_server *server, int fd);
/* The connection ends, with the reason in the log and in a REFUSE frame. */
void connection_refuse(struct connection *connection, enum vmsg_wire_refusal code,
		       const char *format, ...) VMSG_PRINTF(3, 4);
/* The peer is gone, or there is no use in telling it. */
void connection_doom(struct connection *connection);
/* Sends at the end of the event, without waiting: who lets its socket fill up is refused. Takes
 * over the descriptors. */
void connection_send(struct connection *connection, const uint8_t *frame, size_t size,
		     const int *descriptors, size_t descriptor_count);
/* The call that this vCPU has outstanding returns. */
void connection_return(struct connection *connection, uint16_t vcpu,
		       const struct vmsg_ffa_regs *regs);
/* Sends what is to be sent now. */
void connection_flush(struct connection *connection);
/* A doomed connection: gives everything back. */
void connection_close(struct connection *connection);

/* hello.c: admits or refuses. */
void hello_receive(struct connection *connection, struct io_message *in);

/* later_banks.c: RAM of a partition that comes or goes while it lives. */
void later_bank_receive(struct connection *connection, const struct vmsg_wire_header *header,
			const uint8_t *frame, size_t size, struct io_message *in);

/* trace.c: what the tap is told; only with one. A call after the manager has looked at it (`answer`
 * is for one that has REPLIED), before what it delivers to others. */
void trace_call(struct vmsg_server *server, uint16_t partition, uint16_t vcpu,
		const struct vmsg_ffa_regs *call, enum spmc_result result,
		const struct vmsg_ffa_regs *answer);
void trace_return(struct vmsg_server *server, uint16_t partition, uint16_t vcpu,
		  const struct vmsg_ffa_regs *regs);
/* What a partition that notifies another has put into the FIFO between them. */
void trace_fifo(struct vmsg_server *server, uint16_t partition, uint16_t vcpu,
		const struct vmsg_ffa_regs *call);
void trace_interrupt(struct vmsg_server *server, const struct spmc_delivery *delivery);

/* control.c: a request of a control client. */
void control_receive(struct connection *connection, const struct vmsg_wire_header *header,
		     struct vmsg_bytes text);
void control_answer(struct connection *client, const struct vmsg_wire_header *header,
		    const char *text, size_t size);

/* forward.c: a request for a partition; a partition's answer to one. */
void forward_request(struct connection *client, const struct vmsg_wire_header *header,
		     struct vmsg_bytes text);
void forward_answer(struct connection *partition, const struct vmsg_wire_header *header,
		    struct vmsg_bytes text);
/* A client or a partition is gone. */
void forward_client_gone(struct connection *client);
void forward_partition_gone(struct identity *identity);

#endif
