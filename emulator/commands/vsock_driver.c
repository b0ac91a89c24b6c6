/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's side of a stream, by the same code as the device's. Buffers for packets are always
 * with the device; packets of ours go in as many buffers as are free.
 */
#include "commands/vsock_driver.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "commands/queue_driver.h"
#include "commands/report.h"
#include "devices/names.h"
#include "devices/vsock.h"
#include "virtio_msg_ffa/error.h"

#define BUFFERS     16u
#define BUFFER_SIZE 8192u /* at least a header and VSOCK_DATA_MAX */
#define NAP_MIN_MS  1
#define NAP_MAX_MS  20

struct buffer {
	uint8_t *data;
	bool is_busy; /* the device has it */
};

struct driver {
	const struct vsock_settings *settings;
	struct session *session;
	const volatile bool *stop;
	struct queue_driver receive;
	struct queue_driver transmit;
	struct queue_driver events;
	struct buffer in[BUFFERS];
	struct buffer out[BUFFERS];
	bool was_open;
	bool is_over;
	bool failed;
	bool moved;
	struct vsock vsock;
};

static int over(struct driver *driver)
{
	driver->session->over = true;
	return SESSION_OVER;
}

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
	driver->is_over |= stream->state == VSOCK_FREE;
}

/* ---- opening ---- */

static int offer(struct driver *driver, struct queue_driver *queue, struct buffer *buffer,
		 size_t size, bool write)
{
	const struct vmsg_vq_buffer piece = {
		.address = session_address(driver->session, buffer->data),
		.length = (uint32_t)size,
		.write = write,
	};
	const int error = vmsg_vq_driver_add(&queue->ring, &piece, 1, buffer);

	if (error < 0) {
		report_problem("a packet does not go into queue %u: %s", queue->index,
			       vmsg_error_text(error));
		return over(driver);
	}
	buffer->is_busy = true;
	return SESSION_OK;
}

static int place(struct driver *driver, struct buffer *buffers)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		buffers[i] = (struct buffer){
			.data = session_allocate(driver->session, BUFFER_SIZE, 64),
		};
		if (!buffers[i].data) {
			report_problem("no room for packets in the pool");
			return over(driver);
		}
	}
	return SESSION_OK;
}

static void close_queues(struct driver *driver)
{
	queue_driver_close(&driver->receive);
	queue_driver_close(&driver->transmit);
	queue_driver_close(&driver->events);
}

static int open_queues(struct driver *driver)
{
	struct queue_driver *const queues[] = { &driver->receive, &driver->transmit,
						&driver->events };
	int result = SESSION_OK;

	for (uint32_t i = 0; i < VSOCK_QUEUES && result == SESSION_OK; i++) {
		result = queue_driver_open(queues[i], driver->session, i, BUFFERS);
	}
	return result;
}

static int start(struct session *session, void *context)
{
	struct driver *driver = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	close_queues(driver);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_VSOCK, features);
	if (result == SESSION_OK) {
		result = open_queues(driver);
	}
	if (result == SESSION_OK &&
	    (place(driver, driver->in) != SESSION_OK || place(driver, driver->out) != SESSION_OK)) {
		result = SESSION_OVER;
	}
	if (result == SESSION_OK) {
		result = session_ready(session);
	}
	for (uint32_t i = 0; i < BUFFERS && result == SESSION_OK; i++) {
		result = offer(driver, &driver->receive, &driver->in[i], BUFFER_SIZE, true);
	}
	return result;
}

/* ---- packets ---- */

static void take_packet(struct driver *driver, const uint8_t *bytes, uint32_t size)
{
	struct vsock_header header;
	struct vsock_stream *stream;

	if (size < VSOCK_HEADER_SIZE || size > BUFFER_SIZE) {
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

static void received(void *context, void *cookie, uint32_t written)
{
	struct driver *driver = context;
	struct buffer *buffer = cookie;

	take_packet(driver, buffer->data, written);
	driver->failed |= offer(driver, &driver->receive, buffer, BUFFER_SIZE, true) != SESSION_OK;
	driver->moved = true;
}

static void sent(void *context, void *cookie, uint32_t written)
{
	struct driver *driver = context;
	struct buffer *buffer = cookie;

	(void)written;
	buffer->is_busy = false;
	driver->moved = true;
}

static void ignored(void *context, void *cookie, uint32_t written)
{
	(void)context;
	(void)cookie;
	(void)written;
}

static struct buffer *find_free(struct driver *driver)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (!driver->out[i].is_busy) {
			return &driver->out[i];
		}
	}
	return NULL;
}

static bool is_idle(const struct driver *driver)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (driver->out[i].is_busy) {
			return false;
		}
	}
	return true;
}

static int send_packets(struct driver *driver)
{
	struct vsock_header header;
	struct buffer *buffer;

	while ((buffer = find_free(driver)) &&
	       vsock_output(&driver->vsock, &header, buffer->data + VSOCK_HEADER_SIZE,
			    VSOCK_DATA_MAX)) {
		vsock_header_store(&header, buffer->data);
		if (offer(driver, &driver->transmit, buffer, VSOCK_HEADER_SIZE + header.len,
			  false) != SESSION_OK) {
			return SESSION_OVER;
		}
		driver->moved = true;
	}
	return SESSION_OK;
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
	int result = queue_driver_run(&driver->receive, false, received, driver);

	if (result == SESSION_OK) {
		result = queue_driver_run(&driver->transmit, false, sent, driver);
	}
	if (result == SESSION_OK) {
		result = queue_driver_run(&driver->events, false, ignored, driver);
	}
	return result == SESSION_OK && driver->failed ? SESSION_OVER : result;
}

static int carry(struct driver *driver)
{
	int nap_ms = NAP_MIN_MS;

	while (!(driver->is_over && is_idle(driver)) && !*driver->stop) {
		/* there is one stream, so it is the first */
		struct pollfd in = {
			.fd = vsock_may_read(&driver->vsock.streams[0]) ? driver->settings->in : -1,
			.events = POLLIN,
		};
		driver->moved = false;
		(void)poll(&in, 1, nap_ms);
		if (send_packets(driver) != SESSION_OK || run_queues(driver) != SESSION_OK) {
			return SESSION_OVER;
		}
		flush(driver);
		nap_ms = driver->moved             ? NAP_MIN_MS
			 : nap_ms * 2 < NAP_MAX_MS ? nap_ms * 2
						   : NAP_MAX_MS;
	}
	if (driver->is_over && !driver->was_open) {
		report_problem("nobody on the host listens at port %u", driver->settings->port);
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
