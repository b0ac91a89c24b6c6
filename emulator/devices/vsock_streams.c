/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The streams of virtio-vsock. What is owed is a bit a packet and stream, so nothing queues; data
 * is read from a descriptor only when the peer has room for it, and a peer that sends more than we
 * said we have room for is reset.
 */
#include "devices/vsock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "devices/chain.h"
#include "devices/watch.h"

#define PORT_FIRST 1024u
#define BOTH       (VSOCK_SHUTDOWN_RECEIVE | VSOCK_SHUTDOWN_SEND)

void vsock_header_load(struct vsock_header *header, const uint8_t bytes[VSOCK_HEADER_SIZE])
{
	header->src_cid = load_le(bytes, 8);
	header->dst_cid = load_le(bytes + 8, 8);
	header->src_port = (uint32_t)load_le(bytes + 16, 4);
	header->dst_port = (uint32_t)load_le(bytes + 20, 4);
	header->len = (uint32_t)load_le(bytes + 24, 4);
	header->type = (uint16_t)load_le(bytes + 28, 2);
	header->op = (uint16_t)load_le(bytes + 30, 2);
	header->flags = (uint32_t)load_le(bytes + 32, 4);
	header->buf_alloc = (uint32_t)load_le(bytes + 36, 4);
	header->fwd_cnt = (uint32_t)load_le(bytes + 40, 4);
}

void vsock_header_store(const struct vsock_header *header, uint8_t bytes[VSOCK_HEADER_SIZE])
{
	store_le(bytes, header->src_cid, 8);
	store_le(bytes + 8, header->dst_cid, 8);
	store_le(bytes + 16, header->src_port, 4);
	store_le(bytes + 20, header->dst_port, 4);
	store_le(bytes + 24, header->len, 4);
	store_le(bytes + 28, header->type, 2);
	store_le(bytes + 30, header->op, 2);
	store_le(bytes + 32, header->flags, 4);
	store_le(bytes + 36, header->buf_alloc, 4);
	store_le(bytes + 40, header->fwd_cnt, 4);
}

/* ---- streams ---- */

static void owe(struct vsock_stream *stream, enum vsock_op op)
{
	stream->owed |= 1u << op;
}

/* The stream is over; the owner closes what it gave it. */
static void end(struct vsock *vsock, struct vsock_stream *stream)
{
	stream->state = VSOCK_FREE;
	stream->owed = 0;
	vsock->changed(vsock->context, stream);
}

struct vsock_stream *vsock_new(struct vsock *vsock)
{
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		struct vsock_stream *stream = &vsock->streams[i];
		/* one that still owes a RST is not free */
		if (stream->state == VSOCK_FREE && stream->owed == 0) {
			*stream = (struct vsock_stream){ .state = VSOCK_HELD, .in = -1, .out = -1 };
			return stream;
		}
	}
	return NULL;
}

static struct vsock_stream *find(struct vsock *vsock, uint64_t cid, uint32_t peer_port,
				 uint32_t local_port)
{
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		struct vsock_stream *stream = &vsock->streams[i];
		if (stream->state >= VSOCK_CONNECTING && stream->peer_cid == cid &&
		    stream->peer_port == peer_port && stream->local_port == local_port) {
			return stream;
		}
	}
	return NULL;
}

static uint32_t free_port(const struct vsock *vsock)
{
	uint32_t port = PORT_FIRST;

	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		if (vsock->streams[i].state >= VSOCK_CONNECTING &&
		    vsock->streams[i].local_port >= port) {
			port = vsock->streams[i].local_port + 1;
		}
	}
	return port < PORT_FIRST ? PORT_FIRST : port;
}

void vsock_connect(struct vsock *vsock, struct vsock_stream *stream, uint64_t cid, uint32_t port,
		   uint32_t local_port)
{
	stream->local_port = local_port ? local_port : free_port(vsock);
	stream->peer_cid = cid;
	stream->peer_port = port;
	stream->state = VSOCK_CONNECTING;
	owe(stream, VSOCK_REQUEST);
}

void vsock_abort(struct vsock *vsock, struct vsock_stream *stream)
{
	const bool is_known = stream->state >= VSOCK_CONNECTING;

	end(vsock, stream);
	if (is_known) {
		owe(stream, VSOCK_RST); /* keeps the place until it is out */
	}
}

void vsock_reset(struct vsock *vsock)
{
	vsock->reset_count = 0;
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		struct vsock_stream *stream = &vsock->streams[i];
		if (stream->state >= VSOCK_CONNECTING) {
			end(vsock, stream);
		}
		stream->owed = 0;
	}
}

/* ---- packets of the peer ---- */

/* Answers a packet of no stream; when too many wait for it, the oldest peers are left to their
 * time-outs. */
static void refuse(struct vsock *vsock, const struct vsock_header *header)
{
	vsock->refused++;
	if (header->op != VSOCK_RST && vsock->reset_count < VSOCK_RESETS_MAX) {
		vsock->resets[vsock->reset_count++] = *header;
	}
}

static void take_request(struct vsock *vsock, const struct vsock_header *header)
{
	struct vsock_stream *stream = vsock_new(vsock);

	if (!stream) {
		refuse(vsock, header);
		return;
	}
	stream->peer_cid = header->src_cid;
	stream->peer_port = header->src_port;
	stream->local_port = header->dst_port;
	if (vsock->accept(vsock->context, stream) < 0) {
		stream->state = VSOCK_FREE;
		refuse(vsock, header);
		return;
	}
	stream->state = VSOCK_OPEN;
	stream->peer_buf_alloc = header->buf_alloc;
	stream->peer_fwd_cnt = header->fwd_cnt;
	owe(stream, VSOCK_RESPONSE);
}

static void take_shutdown(struct vsock_stream *stream, uint32_t flags)
{
	stream->peer_closed |= flags & BOTH;
}

/* A packet for a stream that is there. */
static uint8_t *take(struct vsock *vsock, struct vsock_stream *stream,
		     const struct vsock_header *header)
{
	stream->peer_buf_alloc = header->buf_alloc;
	stream->peer_fwd_cnt = header->fwd_cnt;
	switch (header->op) {
	case VSOCK_RESPONSE:
		if (stream->state != VSOCK_CONNECTING) {
			break;
		}
		stream->state = VSOCK_OPEN;
		vsock->changed(vsock->context, stream);
		return NULL;
	case VSOCK_RST:
		end(vsock, stream);
		return NULL;
	case VSOCK_SHUTDOWN:
		take_shutdown(stream, header->flags);
		return NULL;
	case VSOCK_RW:
		if (stream->state != VSOCK_OPEN ||
		    header->len > VSOCK_BUFFER_SIZE - stream->buffer_size) {
			break;
		}
		memmove(stream->buffer, stream->buffer + stream->buffer_begin, stream->buffer_size);
		stream->buffer_begin = 0;
		return header->len ? stream->buffer + stream->buffer_size : NULL;
	case VSOCK_CREDIT_UPDATE:
		return NULL;
	case VSOCK_CREDIT_REQUEST:
		owe(stream, VSOCK_CREDIT_UPDATE);
		return NULL;
	default:
		break;
	}
	vsock->refused++;
	vsock_abort(vsock, stream);
	return NULL;
}

uint8_t *vsock_input(struct vsock *vsock, const struct vsock_header *header,
		     struct vsock_stream **stream)
{
	*stream = NULL;
	if (header->dst_cid != vsock->cid || header->type != VSOCK_TYPE_STREAM ||
	    (header->len > 0 && header->op != VSOCK_RW)) {
		refuse(vsock, header);
		return NULL;
	}
	*stream = find(vsock, header->src_cid, header->src_port, header->dst_port);
	if (*stream) {
		return take(vsock, *stream, header);
	}
	if (header->op == VSOCK_REQUEST) {
		take_request(vsock, header);
	} else {
		refuse(vsock, header);
	}
	return NULL;
}

void vsock_taken(struct vsock_stream *stream, size_t size)
{
	stream->buffer_size += size;
}

bool vsock_flush(struct vsock *vsock, struct vsock_stream *stream)
{
	while (stream->buffer_size > 0 && !stream->out_closed) {
		if (!watch_is_ready(stream->out, true)) {
			return true;
		}
		const size_t part =
			stream->buffer_size < VSOCK_DATA_MAX ? stream->buffer_size : VSOCK_DATA_MAX;
		const ssize_t done =
			write(stream->out, stream->buffer + stream->buffer_begin, part);
		if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
			return true;
		}
		if (done < 0) {
			vsock_abort(vsock, stream); /* nobody takes it any more */
			return false;
		}
		stream->buffer_begin += (size_t)done;
		stream->buffer_size -= (size_t)done;
		stream->fwd_cnt += (uint32_t)done;
	}
	/* the peer learns of room before it believes that there is none */
	if (stream->state == VSOCK_OPEN &&
	    stream->fwd_cnt - stream->fwd_cnt_told > VSOCK_BUFFER_SIZE / 4) {
		owe(stream, VSOCK_CREDIT_UPDATE);
	}
	return false;
}

/* ---- packets of ours ---- */

static uint32_t credit(const struct vsock_stream *stream)
{
	const uint32_t in_flight = stream->sent - stream->peer_fwd_cnt;

	return in_flight < stream->peer_buf_alloc ? stream->peer_buf_alloc - in_flight : 0;
}

bool vsock_may_read(const struct vsock_stream *stream)
{
	return stream->state == VSOCK_OPEN && stream->in >= 0 && credit(stream) > 0 &&
	       !(stream->ours_closed & VSOCK_SHUTDOWN_SEND) &&
	       !(stream->peer_closed & VSOCK_SHUTDOWN_RECEIVE);
}

static void fill(const struct vsock *vsock, struct vsock_stream *stream, enum vsock_op op,
		 struct vsock_header *header)
{
	*header = (struct vsock_header){
		.src_cid = vsock->cid,
		.dst_cid = stream->peer_cid,
		.src_port = stream->local_port,
		.dst_port = stream->peer_port,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.flags = op == VSOCK_SHUTDOWN ? stream->ours_closed : 0,
		.buf_alloc = VSOCK_BUFFER_SIZE,
		.fwd_cnt = stream->fwd_cnt,
	};
	stream->fwd_cnt_told = stream->fwd_cnt;
}

/* Both sides will send no more, and all of it is out: the stream is over. */
static void settle(struct vsock *vsock, struct vsock_stream *stream)
{
	if (stream->peer_closed & VSOCK_SHUTDOWN_SEND && stream->buffer_size == 0 &&
	    (stream->peer_closed == BOTH || stream->ours_closed & VSOCK_SHUTDOWN_SEND) &&
	    !(stream->owed & 1u << VSOCK_SHUTDOWN)) {
		vsock_abort(vsock, stream);
	} else if (stream->peer_closed & VSOCK_SHUTDOWN_SEND && stream->buffer_size == 0 &&
		   !stream->out_closed) {
		stream->out_closed = true;
		vsock->changed(vsock->context, stream);
	}
}

static int send_owed(const struct vsock *vsock, struct vsock_stream *stream,
		     struct vsock_header *header)
{
	/* a SHUTDOWN comes after everything else that is to be said */
	static const enum vsock_op order[] = { VSOCK_REQUEST, VSOCK_RESPONSE, VSOCK_RST,
					       VSOCK_CREDIT_UPDATE, VSOCK_SHUTDOWN };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (stream->owed & 1u << order[i]) {
			stream->owed &= ~(1u << order[i]);
			fill(vsock, stream, order[i], header);
			return 1;
		}
	}
	return 0;
}

static int send_data(const struct vsock *vsock, struct vsock_stream *stream,
		     struct vsock_header *header, uint8_t *data, size_t room)
{
	const uint32_t allowed = credit(stream);
	const size_t most = room < allowed ? room : allowed;

	if (most == 0 || !vsock_may_read(stream) || !watch_is_ready(stream->in, false)) {
		return 0;
	}
	const ssize_t got = read(stream->in, data, most);
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	if (got <= 0) {
		stream->ours_closed |= VSOCK_SHUTDOWN_SEND;
		fill(vsock, stream, VSOCK_SHUTDOWN, header);
		return 1;
	}
	fill(vsock, stream, VSOCK_RW, header);
	header->len = (uint32_t)got;
	stream->sent += (uint32_t)got;
	return 1;
}

static int send_reset(struct vsock *vsock, struct vsock_header *header)
{
	const struct vsock_header refused = vsock->resets[--vsock->reset_count];

	*header = (struct vsock_header){
		.src_cid = refused.dst_cid,
		.dst_cid = refused.src_cid,
		.src_port = refused.dst_port,
		.dst_port = refused.src_port,
		.type = refused.type,
		.op = VSOCK_RST,
	};
	return 1;
}

int vsock_output(struct vsock *vsock, struct vsock_header *header, uint8_t *data, size_t room)
{
	if (vsock->reset_count > 0) {
		return send_reset(vsock, header);
	}
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		const uint32_t at = (vsock->next + i) % VSOCK_STREAMS_MAX;
		struct vsock_stream *stream = &vsock->streams[at];
		if (stream->state == VSOCK_OPEN) {
			settle(vsock, stream);
		}
		if (send_owed(vsock, stream, header) ||
		    send_data(vsock, stream, header, data, room)) {
			vsock->next = (at + 1) % VSOCK_STREAMS_MAX;
			return 1;
		}
	}
	return 0;
}
