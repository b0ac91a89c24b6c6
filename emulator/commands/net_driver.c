/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All buffers for receiving are with the device; each goes back when its frame is on the link. A
 * frame from the link goes in a free buffer; the link is not read while there is none.
 */
#include "commands/net_driver.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "commands/driver_buffers.h"
#include "commands/report.h"
#include "devices/names.h"
#include "devices/net.h"

#define BUFFERS     16u
#define BUFFER_SIZE (68u * 1024 - 4096u)
#define QUEUES      2u

const struct areas_need net_driver_need = {
	.pool_size = QUEUES * DRIVER_BUFFERS_POOL(BUFFERS, BUFFER_SIZE),
	.pool_size_demand = QUEUES * DRIVER_BUFFERS_POOL(DRIVER_SPARES, BUFFER_SIZE),
	.buffer_count = QUEUES * BUFFERS,
	.buffer_size = BUFFER_SIZE,
};

struct net {
	struct session *session;
	const volatile bool *stop;
	struct link *link;
	struct net_counts *counts;
	struct driver_buffers receive;
	struct driver_buffers transmit;
	struct driver_buffer *full[BUFFERS]; /* frames to put on the link, in their order */
	uint32_t full_count;
};

/* ---- opening ---- */

static void close_queues(struct net *net)
{
	driver_buffers_close(&net->receive);
	driver_buffers_close(&net->transmit);
}

static int start(struct session *session, void *context)
{
	struct net *net = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 1u << NET_F_MAC | 1u << NET_F_STATUS |
						       1u << NET_F_MTU };
	static const struct driver_buffers_plan receive = { 0, BUFFERS, BUFFER_SIZE, true };
	static const struct driver_buffers_plan transmit = { 1, BUFFERS, BUFFER_SIZE, false };

	close_queues(net);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_NET, features);
	if (result == SESSION_OK) {
		result = driver_buffers_open(&net->receive, session, &receive);
	}
	if (result == SESSION_OK) {
		result = driver_buffers_open(&net->transmit, session, &transmit);
	}
	if (result == SESSION_OK) {
		result = session_ready(session);
	}
	return result == SESSION_OK ? driver_buffers_offer_all(&net->receive) : result;
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

static int received(void *context, struct driver_buffer *buffer)
{
	struct net *net = context;

	net->full[net->full_count++] = buffer;
	return SESSION_OK;
}

/* Puts what was received on the link, in order, as long as it takes it. < 0: the link is down, or
 * the session is over. */
static int pass_on(struct net *net)
{
	while (net->full_count > 0) {
		struct driver_buffer *buffer = net->full[0];
		int result = 1;
		if (buffer->written > NET_HEADER_SIZE) {
			const struct iovec piece = { buffer->data + NET_HEADER_SIZE,
						     buffer->written - NET_HEADER_SIZE };
			result = link_send(net->link, &piece, 1);
			net->counts->received += result == 1;
		} else {
			net->counts->dropped++;
		}
		if (result <= 0) {
			return result;
		}
		net->full_count--;
		for (uint32_t i = 0; i < net->full_count; i++) {
			net->full[i] = net->full[i + 1];
		}
		if (driver_buffers_offer(&net->receive, buffer, BUFFER_SIZE) != SESSION_OK) {
			return -1;
		}
	}
	return 0;
}

/* ---- to the device ---- */

/* Takes frames off the link while there are buffers for them. < 0: as above. */
static int take_in(struct net *net)
{
	struct driver_buffer *buffer;
	const uint8_t *frame;
	size_t size;
	int result;

	while (driver_buffers_may_find(&net->transmit) &&
	       (result = link_receive(net->link, &frame, &size)) != 0) {
		if (result < 0) {
			return -1;
		}
		buffer = driver_buffers_find_free(&net->transmit);
		if (!buffer || size < NET_FRAME_MIN || size > BUFFER_SIZE - NET_HEADER_SIZE) {
			net->counts->dropped++;
			continue;
		}
		memset(buffer->data, 0, NET_HEADER_SIZE);
		memcpy(buffer->data + NET_HEADER_SIZE, frame, size);
		if (driver_buffers_offer(&net->transmit, buffer,
					 (uint32_t)(NET_HEADER_SIZE + size)) != SESSION_OK) {
			return -1;
		}
		net->counts->sent++;
	}
	return 0;
}

static int carry(struct net *net)
{
	int nap_ms = driver_buffers_nap(0, true);
	bool link_ended = false;

	while (!link_ended && !*net->stop) {
		const bool has_room = driver_buffers_may_find(&net->transmit);
		struct pollfd at = { .fd = has_room ? net->link->fd : -1, .events = POLLIN };
		net->receive.moved = net->transmit.moved = false;
		(void)poll(&at, 1, nap_ms);
		link_ended = take_in(net) < 0;
		if (driver_buffers_run(&net->receive, false, received, net) != SESSION_OK ||
		    driver_buffers_run(&net->transmit, false, NULL, NULL) != SESSION_OK) {
			return SESSION_OVER;
		}
		link_ended |= pass_on(net) < 0;
		nap_ms = driver_buffers_nap(nap_ms, net->receive.moved || net->transmit.moved);
		if (nap_ms == DRIVER_NAP_MAX_MS &&
		    driver_buffers_give_back(&net->transmit) != SESSION_OK) {
			return SESSION_OVER;
		}
	}
	return net->session->over ? SESSION_OVER : SESSION_OK;
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
