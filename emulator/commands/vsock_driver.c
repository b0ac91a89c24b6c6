/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's side of a stream, by the same code as the device's. Buffers for packets are always
 * with the device; packets of ours go in as many buffers as are free.
 */
#include "commands/vsock_driver.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "commands/driver_buffers.h"
#include "commands/report.h"
#include "devices/names.h"
#include "devices/vsock.h"

#define BUFFERS     16u
#define BUFFER_SIZE 8192u /* at least a header and VSOCK_DATA_MAX */
#define QUEUES      2u    /* with buffers */

const struct areas_need vsock_driver_need = {
	.pool_size = (QUEUES + 1) * DRIVER_BUFFERS_POOL(BUFFERS, BUFFER_SIZE),
	.pool_size_demand = (QUEUES + 1) * DRIVER_BUFFERS_POOL(DRIVER_SPARES, BUFFER_SIZE),
	.buffer_count = QUEUES * BUFFERS,
	.buffer_size = BUFFER_SIZE,
};

struct driver {
	const struct vsock_settings *settings;
	struct session *session;
	const volatile bool *stop;
	struct driver_buffers receive;
	struct driver_buffers transmit;
	struct queue_driver events; /* has no buffers: nobody migrates */
	bool was_open;
	bool is_over;
	bool is_cut;     /* it ended before we had said all */
	bool has_packet; /* that waits for a buffer */
	struct vsock_header packet;
	uint8_t data[VSOCK_DATA_MAX];
	struct vsock vsock;
};

/* ---- the stream ---- */

static int accept_stream(void *context, struct vsock_stream *stream)
{
	struct driver *driver = context;

	if (!driver->settings->is_listening || stream->local_port != driver->settings->port ||
	    driver->was_open) {
		return -1;
	}
	stream->in = driver->settings->in;
	stream->out = driver->settings->out;
	driver->was_open = true;
	return 0;
}

static void stream_changed(void *context, struct vsock_stream *stream)
{
	struct driver *driver = context;

	driver->was_open |= stream->state == VSOCK_OPEN;
	if (stream->state == VSOCK_FREE) {
		driver->is_over = true;
		driver->is_cut = !(stream->ours_closed & VSOCK_SHUTDOWN_SEND);
	}
}

/* ---- opening ---- */

static void close_queues(struct driver *driver)
{
	driver_buffers_close(&driver->receive);
	driver_buffers_close(&driver->transmit);
	queue_driver_close(&driver->events);
}

static int start(struct session *session, void *context)
{
	static const struct driver_buffers_plan receive = { 0, BUFFERS, BUFFER_SIZE, true };
	static const struct driver_buffers_plan transmit = { 1, BUFFERS, BUFFER_SIZE, false };
	struct driver *driver = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	close_queues(driver);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_VSOCK, features);
	if (result == SESSION_OK) {
		result = driver_buffers_open(&driver->receive, session, &receive);
	}
	if (result == SESSION_OK) {
		result = driver_buffers_open(&driver->transmit, session, &transmit);
	}
	if (result == SESSION_OK) {
		result = queue_driver_open(&driver->events, session, 2, 1);
	}
	if (result == SESSION_OK) {
		result = session_ready(session);
	}
	return result == SESSION_OK ? driver_buffers_offer_all(&driver->receive) : result;
}

/* ---- packets ---- */

static void take_packet(struct driver *driver, const uint8_t *bytes, uint32_t size)
{
	struct vsock_header header;
	struct vsock_stream *stream;

	if (size < VSOCK_HEADER_SIZE) {
		return;
	}
	vsock_header_load(&header, bytes); /* once: the device may change it */
	if (header.len != size - VSOCK_HEADER_SIZE) {
		return;
	}
	uint8_t *to = vsock_input(&driver->vsock, &header, &stream);
	if (to) {
		memcpy(to, bytes + VSOCK_HEADER_SIZE, header.len);
		vsock_taken(stream, header.len);
	}
}

static int received(void *context, struct driver_buffer *buffer)
{
	struct driver *driver = context;

	take_packet(driver, buffer->data, buffer->written);
	return driver_buffers_offer(&driver->receive, buffer, BUFFER_SIZE);
}

/* A buffer is only asked for when there is something to put into it. */
static int send_packets(struct driver *driver)
{
	struct driver_buffer *buffer;

	while ((driver->has_packet =
			driver->has_packet || vsock_output(&driver->vsock, &driver->packet,
							   driver->data, sizeof(driver->data))) &&
	       (buffer = driver_buffers_find_free(&driver->transmit))) {
		vsock_header_store(&driver->packet, buffer->data);
		memcpy(buffer->data + VSOCK_HEADER_SIZE, driver->data, driver->packet.len);
		if (driver_buffers_offer(&driver->transmit, buffer,
					 VSOCK_HEADER_SIZE + driver->packet.len) != SESSION_OK) {
			return SESSION_OVER;
		}
		driver->has_packet = false;
	}
	return driver->session->over ? SESSION_OVER : SESSION_OK;
}

static void flush(struct driver *driver)
{
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		struct vsock_stream *stream = &driver->vsock.streams[i];
		if (stream->state == VSOCK_OPEN) {
			(void)vsock_flush(&driver->vsock, stream);
		}
	}
}

static int run_queues(struct driver *driver)
{
	int result = driver_buffers_run(&driver->receive, false, received, driver);

	if (result == SESSION_OK) {
		result = driver_buffers_run(&driver->transmit, false, NULL, NULL);
	}
	return result == SESSION_OK ? queue_driver_run(&driver->events, false, NULL, NULL) : result;
}

static int carry(struct driver *driver)
{
	int nap_ms = driver_buffers_nap(0, true);

	while (!(driver->is_over && !driver->has_packet &&
		 driver_buffers_are_free(&driver->transmit)) &&
	       !*driver->stop) {
		/* there is one stream, so it is the first */
		struct pollfd in = {
			.fd = vsock_may_read(&driver->vsock.streams[0]) ? driver->settings->in : -1,
			.events = POLLIN,
		};
		driver->receive.moved = driver->transmit.moved = false;
		(void)poll(&in, 1, nap_ms);
		if (send_packets(driver) != SESSION_OK || run_queues(driver) != SESSION_OK) {
			return SESSION_OVER;
		}
		flush(driver);
		nap_ms =
			driver_buffers_nap(nap_ms, driver->receive.moved || driver->transmit.moved);
	}
	if (driver->is_over && !driver->was_open) {
		report_problem("nobody on the host listens at port %u", driver->settings->port);
		return SESSION_OVER;
	}
	if (driver->is_over && driver->is_cut) {
		report_problem("the host has reset the stream before all of the input was sent");
		return SESSION_OVER;
	}
	return SESSION_OK;
}

int vsock_driver_run(struct session *session, const struct vsock_settings *settings)
{
	struct driver *driver = calloc(1, sizeof(*driver));

	if (!driver) {
		report_problem("out of memory");
		return -1;
	}
	driver->session = session;
	driver->settings = settings;
	driver->stop = session->options.stop;
	int result = session_retry(session, start, driver);
	if (result == SESSION_OK) {
		session->options.stop = NULL; /* from here on it is an end, not an interruption */
		driver->vsock.cid = session_config(session, VSOCK_CONFIG_GUEST_CID, 8);
		driver->vsock.accept = accept_stream;
		driver->vsock.changed = stream_changed;
		driver->vsock.context = driver;
		if (!settings->is_listening) {
			struct vsock_stream *stream = vsock_new(&driver->vsock);
			stream->in = settings->in;
			stream->out = settings->out;
			vsock_connect(&driver->vsock, stream, VSOCK_CID_HOST, settings->port, 0);
		}
		result = carry(driver);
	}
	close_queues(driver);
	free(driver);
	return result == SESSION_OK ? 0 : -1;
}
