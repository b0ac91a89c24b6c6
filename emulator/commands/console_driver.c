/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers for the port's input are always with the device, as many as there are; each is offered
 * anew when its bytes are out. Output goes in as many buffers as are free, and `in` is not read
 * while none is. The device works whenever something arrives, so the rings are looked at again and
 * again, less often the longer nothing happens.
 */
#include "commands/console_driver.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "commands/queue_driver.h"
#include "commands/report.h"
#include "devices/console.h"
#include "devices/names.h"
#include "virtio_msg_ffa/error.h"

#define BUFFERS     8u
#define BUFFER_SIZE 4096u
#define NAP_MIN_MS  1
#define NAP_MAX_MS  20

struct buffer {
	uint8_t *data;
	struct console *console;
	bool is_busy; /* the device has it */
};

struct console {
	const struct console_settings *settings;
	struct session *session;
	const volatile bool *stop;
	struct queue_driver receive;
	struct queue_driver transmit;
	struct queue_driver control_receive;
	struct queue_driver control_transmit;
	struct buffer in[BUFFERS]; /* from the device */
	struct buffer out[BUFFERS];
	struct buffer control_in[BUFFERS];
	struct buffer control_out[BUFFERS];
	bool is_multiport;
	bool has_port; /* the device told of it */
	bool at_end;   /* of settings->in */
	bool failed;
	bool moved; /* something crossed in this round */
};

static int over(struct console *console)
{
	console->session->over = true;
	return SESSION_OVER;
}

static int offer(struct console *console, struct queue_driver *queue, struct buffer *buffer,
		 size_t size, bool write)
{
	const struct vmsg_vq_buffer piece = {
		.address = session_address(console->session, buffer->data),
		.length = (uint32_t)size,
		.write = write,
	};
	const int error = vmsg_vq_driver_add(&queue->ring, &piece, 1, buffer);

	if (error < 0) {
		report_problem("a buffer does not go into queue %u: %s", queue->index,
			       vmsg_error_text(error));
		return over(console);
	}
	buffer->is_busy = true;
	return SESSION_OK;
}

/* ---- opening ---- */

static int place(struct console *console, struct buffer *buffers)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		buffers[i] = (struct buffer){
			.data = session_allocate(console->session, BUFFER_SIZE, BUFFER_SIZE),
			.console = console,
		};
		if (!buffers[i].data) {
			report_problem("no room for the console's buffers in the pool");
			return over(console);
		}
	}
	return SESSION_OK;
}

static int open_queue(struct console *console, struct queue_driver *queue, uint32_t index,
		      struct buffer *buffers)
{
	const uint32_t size_max = console->session->driver.queues[index].max_size;
	int result;

	if (index >= console->session->driver.info.max_virtqueues || size_max < BUFFERS) {
		report_problem("the console has no queue %u of %u entries", index, BUFFERS);
		return over(console);
	}
	result = queue_driver_open(queue, console->session, index, BUFFERS);
	return result == SESSION_OK ? place(console, buffers) : result;
}

static int open_queues(struct console *console)
{
	const uint32_t port = console->settings->port;
	int result =
		open_queue(console, &console->receive, CONSOLE_QUEUE_RECEIVE(port), console->in);

	if (result == SESSION_OK) {
		result = open_queue(console, &console->transmit, CONSOLE_QUEUE_TRANSMIT(port),
				    console->out);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = open_queue(console, &console->control_receive,
				    CONSOLE_QUEUE_CONTROL_RECEIVE, console->control_in);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = open_queue(console, &console->control_transmit,
				    CONSOLE_QUEUE_CONTROL_TRANSMIT, console->control_out);
	}
	return result;
}

static void close_queues(struct console *console)
{
	queue_driver_close(&console->receive);
	queue_driver_close(&console->transmit);
	queue_driver_close(&console->control_receive);
	queue_driver_close(&console->control_transmit);
}

static int offer_all(struct console *console, struct queue_driver *queue, struct buffer *buffers)
{
	int result = SESSION_OK;

	for (uint32_t i = 0; i < BUFFERS && result == SESSION_OK; i++) {
		result = offer(console, queue, &buffers[i], BUFFER_SIZE, true);
	}
	return result;
}

static int check_port(struct console *console)
{
	const uint32_t ports =
		console->is_multiport
			? (uint32_t)session_config(console->session, CONSOLE_CONFIG_MAX_NR_PORTS, 4)
			: 1;

	if (console->settings->port >= ports) {
		report_problem("--port is %u, but the console has %u port%s, counted from 0",
			       console->settings->port, ports, ports == 1 ? "" : "s");
		return over(console);
	}
	return SESSION_OK;
}

static int start(struct session *session, void *context)
{
	struct console *console = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 1u << CONSOLE_F_MULTIPORT };

	close_queues(console);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_CONSOLE, features);
	if (result != SESSION_OK) {
		return result;
	}
	console->is_multiport = vmsg_driver_has_feature(&session->driver, CONSOLE_F_MULTIPORT);
	console->has_port = !console->is_multiport;
	result = check_port(console);
	if (result == SESSION_OK) {
		result = open_queues(console);
	}
	if (result == SESSION_OK) {
		result = session_ready(session);
	}
	if (result == SESSION_OK) {
		result = offer_all(console, &console->receive, console->in);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = offer_all(console, &console->control_receive, console->control_in);
	}
	return result;
}

/* ---- control messages ---- */

static struct buffer *find_free(struct buffer *buffers)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (!buffers[i].is_busy) {
			return &buffers[i];
		}
	}
	return NULL;
}

static void tell(struct console *console, uint32_t port, uint8_t event)
{
	struct buffer *buffer = find_free(console->control_out);

	if (buffer) { /* at most three are ever sent */
		memset(buffer->data, 0, CONSOLE_CONTROL_SIZE);
		buffer->data[0] = (uint8_t)port;
		buffer->data[4] = event;
		buffer->data[6] = 1;
		console->failed |= offer(console, &console->control_transmit, buffer,
					 CONSOLE_CONTROL_SIZE, false) != SESSION_OK;
	}
}

/* Reads the message once; of what there is only our port's appearance matters. */
static void take_control(struct console *console, const uint8_t *data, uint32_t size)
{
	uint8_t message[CONSOLE_CONTROL_SIZE];

	if (size < sizeof(message)) {
		return;
	}
	memcpy(message, data, sizeof(message));
	const uint32_t port = message[0] | (uint32_t)message[1] << 8 | (uint32_t)message[2] << 16 |
			      (uint32_t)message[3] << 24;
	const unsigned int event = message[4] | (unsigned int)message[5] << 8;
	if (event == CONSOLE_DEVICE_ADD && port == console->settings->port && !console->has_port) {
		console->has_port = true;
		tell(console, port, CONSOLE_PORT_READY);
		tell(console, port, CONSOLE_PORT_OPEN);
	}
}

static void control_received(void *context, void *cookie, uint32_t written)
{
	struct console *console = context;
	struct buffer *buffer = cookie;

	take_control(console, buffer->data, written);
	console->failed |=
		offer(console, &console->control_receive, buffer, BUFFER_SIZE, true) != SESSION_OK;
	console->moved = true;
}

/* ---- data ---- */

static int write_all(struct console *console, const uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t done = write(console->settings->out, data, size);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done < 0 &&
		    errno == EAGAIN) { /* a terminal that shares our non-blocking input */
			struct pollfd at = { .fd = console->settings->out, .events = POLLOUT };
			(void)poll(&at, 1, -1);
			continue;
		}
		if (done < 0) {
			report_problem("cannot write: %s", strerror(errno));
			return -1;
		}
		data += done;
		size -= (size_t)done;
	}
	return 0;
}

static void received(void *context, void *cookie, uint32_t written)
{
	struct console *console = context;
	struct buffer *buffer = cookie;

	console->failed |=
		write_all(console, buffer->data, written) < 0 ||
		offer(console, &console->receive, buffer, BUFFER_SIZE, true) != SESSION_OK;
	console->moved = true;
}

static void sent(void *context, void *cookie, uint32_t written)
{
	struct console *console = context;
	struct buffer *buffer = cookie;

	(void)written;
	buffer->is_busy = false;
	console->moved = true;
}

/* Reads some of `in` into a free buffer and offers it. */
static int feed(struct console *console, struct buffer *buffer)
{
	const ssize_t got = read(console->settings->in, buffer->data, BUFFER_SIZE);

	if (got < 0) {
		if (errno == EINTR || errno == EAGAIN) {
			return SESSION_OK;
		}
		report_problem("cannot read: %s", strerror(errno));
		return over(console);
	}
	size_t size = (size_t)got;
	if (console->settings->escape >= 0) {
		const uint8_t *escape = memchr(buffer->data, console->settings->escape, size);
		console->at_end = escape != NULL;
		size = escape ? (size_t)(escape - buffer->data) : size;
	}
	console->at_end |= got == 0;
	console->moved = true;
	return size > 0 ? offer(console, &console->transmit, buffer, size, false) : SESSION_OK;
}

static bool is_idle(const struct console *console)
{
	for (uint32_t i = 0; i < BUFFERS; i++) {
		if (console->out[i].is_busy) {
			return false;
		}
	}
	return true;
}

static int run_queues(struct console *console)
{
	int result = queue_driver_run(&console->receive, false, received, console);

	if (result == SESSION_OK) {
		result = queue_driver_run(&console->transmit, false, sent, console);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = queue_driver_run(&console->control_receive, false, control_received,
					  console);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = queue_driver_run(&console->control_transmit, false, sent, console);
	}
	return result == SESSION_OK && console->failed ? SESSION_OVER : result;
}

static int carry(struct console *console)
{
	int nap_ms = NAP_MIN_MS;

	while (!(console->at_end && is_idle(console)) && !*console->stop) {
		struct pollfd in = { .fd = console->settings->in, .events = POLLIN };
		struct buffer *buffer = find_free(console->out);
		if (console->at_end || !buffer || !console->has_port) {
			in.fd = -1;
		}
		console->moved = false;
		if (poll(&in, 1, nap_ms) > 0 && feed(console, buffer) != SESSION_OK) {
			return SESSION_OVER;
		}
		if (run_queues(console) != SESSION_OK) {
			return SESSION_OVER;
		}
		nap_ms = console->moved            ? NAP_MIN_MS
			 : nap_ms * 2 < NAP_MAX_MS ? nap_ms * 2
						   : NAP_MAX_MS;
	}
	return SESSION_OK;
}

int console_driver_run(struct session *session, const struct console_settings *settings)
{
	struct console console = { .session = session,
				   .stop = session->options.stop,
				   .settings = settings };
	int result = session_retry(session, start, &console);

	if (result == SESSION_OK && console.is_multiport) {
		tell(&console, 0, CONSOLE_DEVICE_READY);
	}
	if (result == SESSION_OK) {
		session->options.stop = NULL; /* from here on it is an end, not an interruption */
		result = carry(&console);
	}
	close_queues(&console);
	return result == SESSION_OK ? 0 : -1;
}
