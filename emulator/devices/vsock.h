/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams of virtio-vsock between two CIDs, from the view of one of them, without queues: packets
 * go in and come out, bytes go to and come from descriptors. Device and driver sides are the same
 * but for who listens. (virtio: Socket Device)
 */
#ifndef VMSG_EMULATOR_DEVICES_VSOCK_H
#define VMSG_EMULATOR_DEVICES_VSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VSOCK_QUEUE_RECEIVE  0u
#define VSOCK_QUEUE_TRANSMIT 1u
#define VSOCK_QUEUE_EVENT    2u
#define VSOCK_QUEUES         3u

#define VSOCK_CONFIG_GUEST_CID 0u
#define VSOCK_CONFIG_SIZE      8u

#define VSOCK_CID_HOST  2u
#define VSOCK_CID_GUEST 3u /* the least that a guest may have */

#define VSOCK_HEADER_SIZE 44u
#define VSOCK_DATA_MAX    4096u /* that we send in one packet */
#define VSOCK_BUFFER_SIZE 65536u
#define VSOCK_STREAMS_MAX 64u
#define VSOCK_RESETS_MAX  16u

#define VSOCK_TYPE_STREAM 1u

enum vsock_op {
	VSOCK_REQUEST = 1,
	VSOCK_RESPONSE = 2,
	VSOCK_RST = 3,
	VSOCK_SHUTDOWN = 4,
	VSOCK_RW = 5,
	VSOCK_CREDIT_UPDATE = 6,
	VSOCK_CREDIT_REQUEST = 7,
};

#define VSOCK_SHUTDOWN_RECEIVE 1u
#define VSOCK_SHUTDOWN_SEND    2u

struct vsock_header {
	uint64_t src_cid;
	uint64_t dst_cid;
	uint32_t src_port;
	uint32_t dst_port;
	uint32_t len;
	uint16_t type;
	uint16_t op;
	uint32_t flags;
	uint32_t buf_alloc;
	uint32_t fwd_cnt;
};

void vsock_header_load(struct vsock_header *header, const uint8_t bytes[VSOCK_HEADER_SIZE]);
void vsock_header_store(const struct vsock_header *header, uint8_t bytes[VSOCK_HEADER_SIZE]);

enum vsock_state {
	VSOCK_FREE,
	VSOCK_HELD,       /* the owner's: bytes do not move yet */
	VSOCK_CONNECTING, /* REQUEST is due or unanswered */
	VSOCK_OPEN,
};

struct vsock_stream {
	enum vsock_state state;
	int in; /* bytes for the peer, -1: none */
	int out;
	uint64_t peer_cid;
	uint32_t peer_port;
	uint32_t local_port;
	uint32_t owed; /* packets, bit = op */
	/* credit: what we sent, what the peer has room for and has taken */
	uint32_t sent;
	uint32_t peer_buf_alloc;
	uint32_t peer_fwd_cnt;
	uint32_t fwd_cnt;      /* what we have taken of the peer's ... */
	uint32_t fwd_cnt_told; /* ... and last said so */
	uint32_t ours_closed;  /* VSOCK_SHUTDOWN_* that we have said or owe */
	uint32_t peer_closed;
	bool out_closed;
	uint8_t buffer[VSOCK_BUFFER_SIZE]; /* from the peer, not yet out */
	size_t buffer_begin;
	size_t buffer_size;
};

struct vsock {
	uint64_t cid;
	/* A stream that the peer wants to `local_port`: sets its descriptors, 0; -1 refuses. */
	int (*accept)(void *context, struct vsock_stream *stream);
	/* The stream has been accepted by the peer, or is over (`state` FREE): what the owner has
	 * of it. Descriptors are the owner's to close. */
	void (*changed)(void *context, struct vsock_stream *stream);
	void *context;
	uint32_t next;                                /* stream to look at first */
	struct vsock_header resets[VSOCK_RESETS_MAX]; /* for packets of no stream */
	uint32_t reset_count;
	uint64_t refused; /* packets that broke a rule */
	struct vsock_stream streams[VSOCK_STREAMS_MAX];
};

/* A free stream in state HELD, NULL when there is none. */
struct vsock_stream *vsock_new(struct vsock *vsock);
/* Asks the peer for a stream of its port; `local_port` 0: one of ours that is free. */
void vsock_connect(struct vsock *vsock, struct vsock_stream *stream, uint64_t cid, uint32_t port,
		   uint32_t local_port);
/* The owner gives up a stream: RST, and it is free. */
void vsock_abort(struct vsock *vsock, struct vsock_stream *stream);

/*
 * A packet of the peer. Returns where its `header->len` bytes of data are to be put before
 * vsock_taken() is called; NULL when there are none or they are not wanted.
 */
uint8_t *vsock_input(struct vsock *vsock, const struct vsock_header *header,
		     struct vsock_stream **stream);
void vsock_taken(struct vsock_stream *stream, size_t size);

/* The next packet, with at most `room` bytes of data: 1, 0 when there is none now. */
int vsock_output(struct vsock *vsock, struct vsock_header *header, uint8_t *data, size_t room);

/* Writes what has come for a stream, as far as its descriptor takes it. True when more is left. */
bool vsock_flush(struct vsock *vsock, struct vsock_stream *stream);

/* Would the stream read its descriptor now, had it something to give? */
bool vsock_may_read(const struct vsock_stream *stream);

/* All streams are over, without a word to the peer, who has gone. */
void vsock_reset(struct vsock *vsock);

#endif
