/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All buffers for receiving are with the device; each goes back when its frame is on the link. A
 * frame from the link goes in a free buffer; the link is not read while there is none.
 */
#include "commands/net_driver.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "commands/queue_driver.h"
#include "commands/report.h"
#include "devices/names.h"
#include "devices/net.h"
#include "virtio_msg_ffa/error.h"

#define BUFFERS     16u
#define BUFFER_SIZE (68u * 1024 - 4096u)
#define ALIGNMENT   64u
#define NAP_MIN_MS  1
#define NAP_MAX_MS  20

struct buffer {
	uint8_t *data;
	uint32_t size; /* of the frame in it with its header */
	bool is_busy;  /* the device has it */
};

struct net {
	struct session *session;
	const volatile bool *stop;
	struct link *link;
	struct net_counts *counts;
	struct queue_driver receive;
	struct queue_driver transmit;
	struct buffer in[BUFFERS];
	struct buffer out[BUFFERS];
	uint32_t full[BUFFERS]; /* received frames in their order: indices into `in` */
	uint32_t full_count;
	bool failed;
	bool moved;
};

static int over(struct net *net)
{
	net->session->over = true;
	return SESSION_OVER;
}

/* ---- opening ---- */

static int place(struct net *net, struct buffer *buffers)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		buffers[i] = (struct buffer){
			.data = session_allocate(net->session, BUFFER_SIZE, ALIGNMENT),
		};
		if (!buffers[i].data) {
			report_problem("no room for the network's buffers in the pool");
			return over(net);
		}
	}
	return SESSION_OK;
}

static int offer(struct net *net, struct queue_driver *queue, struct buffer *buffer, size_t size,
		 bool write)
{
	const struct vmsg_vq_buffer piece = {
		.address = session_address(net->session, buffer->data),
		.length = (uint32_t)size,
		.write = write,
	};
	const int error = vmsg_vq_driver_add(&queue->ring, &piece, 1, buffer);

	if (error < 0) {
		report_problem("a frame does not go into queue %u: %s", queue->index,
			       vmsg_error_text(error));
		return over(net);
	}
	buffer->is_busy = true;
	return SESSION_OK;
}

static void close_queues(struct net *net)
{
	queue_driver_close(&net->receive);
	queue_driver_close(&net->transmit);
}

static int start(struct session *session, void *context)
{
	struct net *net = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 1u << NET_F_MAC | 1u << NET_F_STATUS |
						       1u << NET_F_MTU };

	close_queues(net);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_NET, features);
	if (result == SESSION_OK) {
		result = queue_driver_open(&net->receive, session, 0, BUFFERS);
	}
	if (result == SESSION_OK) {
		result = queue_driver_open(&net->transmit, session, 1, BUFFERS);
	}
	if (result == SESSION_OK && (place(net, net->in) < 0 || place(net, net->out) < 0)) {
		result = SESSION_OVER;
	}
	if (result == SESSION_OK) {
		result = session_ready(session);
	}
	for (uint32_t i = 0; i < BUFFERS && result == SESSION_OK; i++) {
		result = offer(net, &net->receive, &net->in[i], BUFFER_SIZE, true);
	}
	return result;
}

static void tell(const struct net *net)
{
	const uint8_t *mac = net->session->config + NET_CONFIG_MAC;
	const struct vmsg_driver *driver = &net->session->driver;

	fprintf(stderr, "device %u: mac %02x:%02x:%02x:%02x:%02x:%02x, mtu %u\n",
		driver->options.dev_num, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		vmsg_driver_has_feature(driver, NET_F_MTU)
			? (unsigned int)session_config(net->session, NET_CONFIG_MTU, 2)
			: 1500u);
}

/* ---- from the device ---- */

static void received(void *context, void *cookie, uint32_t written)
{
	struct net *net = context;
	struct buffer *buffer = cookie;

	buffer->is_busy = false;
	buffer->size = written;
	net->full[net->full_count++] = (uint32_t)(buffer - net->in);
	net->moved = true;
}

/* Puts what was received on the link, in order, as long as it takes it. */
static int pass_on(struct net *net)
{
	while (net->full_count > 0) {
		struct buffer *buffer = &net->in[net->full[0]];
		int result = 1;
		if (buffer->size > NET_HEADER_SIZE && buffer->size <= BUFFER_SIZE) {
			const struct iovec piece = { buffer->data + NET_HEADER_SIZE,
						     buffer->size - NET_HEADER_SIZE };
			result = link_send(net->link, &piece, 1);
			net->counts->received += result == 1;
		} else {
			net->counts->dropped++;
		}
		if (result <= 0) {
			return result;
		}
		net->full_count--;
		memmove(net->full, net->full + 1, net->full_count * sizeof(net->full[0]));
		if (offer(net, &net->receive, buffer, BUFFER_SIZE, true) != SESSION_OK) {
			net->failed = true;
			return -1;
		}
	}
	return 0;
}

/* ---- to the device ---- */

static void sent(void *context, void *cookie, uint32_t written)
{
	struct net *net = context;
	struct buffer *buffer = cookie;

	(void)written;
	buffer->is_busy = false;
	net->moved = true;
}

static struct buffer *find_free(struct net *net)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (!net->out[i].is_busy) {
			return &net->out[i];
		}
	}
	return NULL;
}

/* Takes frames off the link while there are buffers for them. < 0: the link is down. */
static int take_in(struct net *net)
{
	struct buffer *buffer;
	const uint8_t *frame;
	size_t size;
	int result;

	while ((buffer = find_free(net)) &&
	       (result = link_receive(net->link, &frame, &size)) != 0) {
		if (result < 0) {
			return -1;
		}
		net->moved = true;
		if (size < NET_FRAME_MIN || size > BUFFER_SIZE - NET_HEADER_SIZE) {
			net->counts->dropped++;
			continue;
		}
		memset(buffer->data, 0, NET_HEADER_SIZE);
		memcpy(buffer->data + NET_HEADER_SIZE, frame, size);
		if (offer(net, &net->transmit, buffer, NET_HEADER_SIZE + size, false) !=
		    SESSION_OK) {
			net->failed = true;
			return -1;
		}
		net->counts->sent++;
	}
	return 0;
}

static int carry(struct net *net)
{
	int nap_ms = NAP_MIN_MS;
	bool link_ended = false;

	while (!link_ended && !*net->stop) {
		struct pollfd at = { .fd = find_free(net) ? net->link->fd : -1, .events = POLLIN };
		net->moved = false;
		(void)poll(&at, 1, nap_ms);
		link_ended = take_in(net) < 0;
		if (queue_driver_run(&net->receive, false, received, net) != SESSION_OK ||
		    queue_driver_run(&net->transmit, false, sent, net) != SESSION_OK) {
			return SESSION_OVER;
		}
		link_ended |= pass_on(net) < 0;
		if (net->failed) {
			return SESSION_OVER;
		}
		nap_ms = net->moved                ? NAP_MIN_MS
			 : nap_ms * 2 < NAP_MAX_MS ? nap_ms * 2
						   : NAP_MAX_MS;
	}
	return SESSION_OK;
}

int net_driver_run(struct session *session, struct link *link, struct net_counts *counts)
{
	struct net net = {
		.session = session, .stop = session->options.stop, .link = link, .counts = counts
	};
	int result = session_retry(session, start, &net);

	if (result == SESSION_OK) {
		tell(&net);
		session->options.stop = NULL; /* from here on it is an end, not an interruption */
		result = carry(&net);
	}
	close_queues(&net);
	return result == SESSION_OK ? 0 : -1;
}
