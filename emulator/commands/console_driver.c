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

#include "commands/driver_buffers.h"
#include "commands/report.h"
#include "devices/console.h"
#include "devices/names.h"

#define BUFFERS     8u
#define BUFFER_SIZE 4096u
#define QUEUES      4u

const struct areas_need console_driver_need = {
	.pool_size = QUEUES * DRIVER_BUFFERS_POOL(BUFFERS, BUFFER_SIZE),
	.pool_size_demand = QUEUES * DRIVER_BUFFERS_POOL(DRIVER_SPARES, BUFFER_SIZE),
	.buffer_count = QUEUES * BUFFERS,
	.buffer_size = BUFFER_SIZE,
};

struct console {
	const struct console_settings *settings;
	struct session *session;
	const volatile bool *stop;
	struct driver_buffers receive;
	struct driver_buffers transmit;
	struct driver_buffers control_receive;
	struct driver_buffers control_transmit;
	bool is_multiport;
	bool has_port; /* the device told of it */
	bool at_end;   /* of settings->in */
};

static int over(struct console *console)
{
	console->session->over = true;
	return SESSION_OVER;
}

/* ---- opening ---- */

static int open_queue(struct console *console, struct driver_buffers *buffers, uint32_t index,
		      bool device_writes)
{
	const struct driver_buffers_plan plan = { index, BUFFERS, BUFFER_SIZE, device_writes };

	return driver_buffers_open(buffers, console->session, &plan);
}

static int open_queues(struct console *console)
{
	const uint32_t port = console->settings->port;
	int result = open_queue(console, &console->receive, CONSOLE_QUEUE_RECEIVE(port), true);

	if (result == SESSION_OK) {
		result = open_queue(console, &console->transmit, CONSOLE_QUEUE_TRANSMIT(port),
				    false);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = open_queue(console, &console->control_receive,
				    CONSOLE_QUEUE_CONTROL_RECEIVE, true);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = open_queue(console, &console->control_transmit,
				    CONSOLE_QUEUE_CONTROL_TRANSMIT, false);
	}
	return result;
}

static void close_queues(struct console *console)
{
	driver_buffers_close(&console->receive);
	driver_buffers_close(&console->transmit);
	driver_buffers_close(&console->control_receive);
	driver_buffers_close(&console->control_transmit);
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
		result = driver_buffers_offer_all(&console->receive);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = driver_buffers_offer_all(&console->control_receive);
	}
	return result;
}

/* ---- control messages ---- */

static int tell(struct console *console, uint32_t port, uint8_t event)
{
	struct driver_buffers *transmit = &console->control_transmit;
	struct driver_buffer *buffer = driver_buffers_find_free(transmit);

	if (!buffer) { /* at most three are ever sent */
		return SESSION_OK;
	}
	memset(buffer->data, 0, CONSOLE_CONTROL_SIZE);
	buffer->data[0] = (uint8_t)port;
	buffer->data[4] = event;
	buffer->data[6] = 1;
	return driver_buffers_offer(transmit, buffer, CONSOLE_CONTROL_SIZE);
}

/* Reads the message once; of what there is only our port's appearance matters. */
static int take_control(struct console *console, const uint8_t *data, uint32_t size)
{
	uint8_t message[CONSOLE_CONTROL_SIZE];

	if (size < sizeof(message)) {
		return SESSION_OK;
	}
	memcpy(message, data, sizeof(message));
	const uint32_t port = message[0] | (uint32_t)message[1] << 8 | (uint32_t)message[2] << 16 |
			      (uint32_t)message[3] << 24;
	const unsigned int event = message[4] | (unsigned int)message[5] << 8;
	if (event == CONSOLE_DEVICE_ADD && port == console->settings->port && !console->has_port) {
		console->has_port = true;
		return tell(console, port, CONSOLE_PORT_READY) == SESSION_OK
			       ? tell(console, port, CONSOLE_PORT_OPEN)
			       : SESSION_OVER;
	}
	return SESSION_OK;
}

static int control_received(void *context, struct driver_buffer *buffer)
{
	struct console *console = context;
	const int result = take_control(console, buffer->data, buffer->written);

	return result == SESSION_OK
		       ? driver_buffers_offer(&console->control_receive, buffer, BUFFER_SIZE)
		       : result;
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

static int received(void *context, struct driver_buffer *buffer)
{
	struct console *console = context;

	return write_all(console, buffer->data, buffer->written) == 0
		       ? driver_buffers_offer(&console->receive, buffer, BUFFER_SIZE)
		       : SESSION_OVER;
}

/* Reads some of `in` into a free buffer, if there is one, and offers it. */
static int feed(struct console *console)
{
	struct driver_buffer *buffer = driver_buffers_find_free(&console->transmit);

	if (!buffer) {
		return console->session->over ? SESSION_OVER : SESSION_OK;
	}
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
	return size > 0 ? driver_buffers_offer(&console->transmit, buffer, (uint32_t)size)
			: SESSION_OK;
}

static int run_queues(struct console *console)
{
	int result = driver_buffers_run(&console->receive, false, received, console);

	if (result == SESSION_OK) {
		result = driver_buffers_run(&console->transmit, false, NULL, NULL);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = driver_buffers_run(&console->control_receive, false, control_received,
					    console);
	}
	if (result == SESSION_OK && console->is_multiport) {
		result = driver_buffers_run(&console->control_transmit, false, NULL, NULL);
	}
	return result;
}

static int carry(struct console *console)
{
	int nap_ms = driver_buffers_nap(0, true);

	while (!(console->at_end && driver_buffers_are_free(&console->transmit)) &&
	       !*console->stop) {
		struct pollfd in = { .fd = console->settings->in, .events = POLLIN };
		if (console->at_end || !console->has_port ||
		    !driver_buffers_may_find(&console->transmit)) {
			in.fd = -1;
		}
		console->receive.moved = console->transmit.moved = false;
		if (poll(&in, 1, nap_ms) > 0 && feed(console) != SESSION_OK) {
			return SESSION_OVER;
		}
		if (run_queues(console) != SESSION_OK) {
			return SESSION_OVER;
		}
		nap_ms = driver_buffers_nap(nap_ms,
					    console->receive.moved || console->transmit.moved);
		if (nap_ms == DRIVER_NAP_MAX_MS &&
		    driver_buffers_give_back(&console->transmit) != SESSION_OK) {
			return SESSION_OVER;
		}
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
		result = tell(&console, 0, CONSOLE_DEVICE_READY);
	}
	if (result == SESSION_OK) {
		session->options.stop = NULL; /* from here on it is an end, not an interruption */
		result = carry(&console);
	}
	close_queues(&console);
	return result == SESSION_OK ? 0 : -1;
}
