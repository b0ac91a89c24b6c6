/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio-vsock on Unix sockets, as users of vhost-device-vsock know them: who connects to PATH and
 * says "CONNECT port" reaches that port of the guest and is told "OK port"; a guest that connects
 * to a port of the host (CID 2) reaches the socket PATH_port. (virtio: Socket Device)
 */
#include "devices/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "devices/chain.h"
#include "devices/devices.h"
#include "devices/settings.h"
#include "devices/watch.h"

#define QUEUE_SIZE_MAX 128u
#define PIECES_MAX     (QUEUE_SIZE_MAX * 2)
#define PACKETS_MAX    64 /* served in one go */
#define LINE_MAX       32u
#define WATCH_LISTENER VSOCK_QUEUES

/* What a program that connected has said so far. */
struct greeting {
	char line[LINE_MAX];
	size_t size;
};

struct vsock_device {
	struct emu_device base;
	char path[DEVICE_VALUE_SIZE];
	uint64_t guest_cid;
	int listener;
	bool has_packet; /* composed, and waiting for a buffer of the driver */
	struct vsock_header packet;
	uint8_t data[VSOCK_DATA_MAX];
	struct greeting greetings[VSOCK_STREAMS_MAX];
	struct vsock vsock;
};

static void close_stream(struct vsock_device *device, struct vsock_stream *stream)
{
	const int fds[] = { stream->in, stream->out };

	for (size_t i = 0; i < 2; i++) {
		if (fds[i] >= 0) {
			watch_forget(&device->base, fds[i]);
			(void)close(fds[i]);
		}
	}
	stream->in = -1;
	stream->out = -1;
}

/* Two descriptors of one socket, so that both directions can be waited for. -1 when there is none;
 * `fd` is closed then. */
static int give_socket(struct vsock_stream *stream, int fd)
{
	stream->in = fd;
	stream->out = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && stream->out < 0) {
		(void)close(fd);
		stream->in = -1;
	}
	return stream->out < 0 ? -1 : 0;
}

/* A write that tells how it went is all that a program needs to know. */
static void tell(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- what streams ask of us ---- */

static int connect_to(const char *path, uint32_t port)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int length =
		snprintf(address.sun_path, sizeof(address.sun_path), "%s_%" PRIu32, path, port);

	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		return -1;
	}
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int accept_stream(void *context, struct vsock_stream *stream)
{
	const struct vsock_device *device = context;

	return give_socket(stream, connect_to(device->path, stream->local_port));
}

static void stream_changed(void *context, struct vsock_stream *stream)
{
	struct vsock_device *device = context;
	char text[LINE_MAX];

	if (stream->state == VSOCK_FREE) {
		close_stream(device, stream);
	} else if (stream->out_closed) {
		(void)shutdown(stream->out, SHUT_WR);
	} else {
		(void)snprintf(text, sizeof(text), "OK %" PRIu32 "\n", stream->local_port);
		tell(stream->out, text);
	}
}

/* ---- programs of the host ---- */

static void take_program(struct vsock_device *device)
{
	const int fd = accept4(device->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		return;
	}
	struct vsock_stream *stream = vsock_new(&device->vsock);
	if (!stream) {
		(void)close(fd);
		return;
	}
	if (give_socket(stream, fd) < 0) {
		stream->state = VSOCK_FREE;
		return;
	}
	device->greetings[stream - device->vsock.streams].size = 0;
	watch_arm(&device->base, fd, false, VSOCK_QUEUE_RECEIVE);
}

/* "CONNECT port": 1, 0 when it has not all come, -1 when it is something else. Reads byte by byte:
 * what follows the line is for the guest. */
static int read_greeting(struct greeting *greeting, int fd, uint32_t *port)
{
	while (greeting->size + 1 < LINE_MAX) {
		char *c = &greeting->line[greeting->size];
		const ssize_t got = read(fd, c, 1);
		if (got <= 0) {
			return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
		}
		if (*c != '\n') {
			greeting->size++;
			continue;
		}
		*c = 0;
		char *end;
		const char *number = greeting->line + 8;
		errno = 0;
		const unsigned long value =
			strncmp(greeting->line, "CONNECT ", 8) == 0 ? strtoul(number, &end, 10) : 0;
		if (value == 0 || value >= UINT32_MAX || errno || *end || *number < '0' ||
		    *number > '9') {
			return -1;
		}
		*port = (uint32_t)value;
		return 1;
	}
	return -1;
}

static void greet(struct vsock_device *device, struct vsock_stream *stream)
{
	struct greeting *greeting = &device->greetings[stream - device->vsock.streams];
	uint32_t port = 0;
	const int result = read_greeting(greeting, stream->in, &port);

	if (result == 1) {
		vsock_connect(&device->vsock, stream, device->guest_cid, port, 0);
	} else if (result < 0) {
		vsock_abort(&device->vsock, stream);
	} else {
		watch_arm(&device->base, stream->in, false, VSOCK_QUEUE_RECEIVE);
	}
}

/* ---- queues ---- */

static void look_at_programs(struct vsock_device *device)
{
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		struct vsock_stream *stream = &device->vsock.streams[i];
		if (stream->state == VSOCK_HELD) {
			greet(device, stream);
		}
	}
}

static void watch_streams(struct vsock_device *device)
{
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		struct vsock_stream *stream = &device->vsock.streams[i];
		if (stream->state != VSOCK_OPEN) {
			continue;
		}
		if (vsock_flush(&device->vsock, stream)) {
			watch_arm(&device->base, stream->out, true, VSOCK_QUEUE_RECEIVE);
		}
		if (vsock_may_read(stream)) {
			watch_arm(&device->base, stream->in, false, VSOCK_QUEUE_RECEIVE);
		}
	}
}

/* Packets for the driver, as long as there are any and buffers for them. */
static void serve_receive(struct vsock_device *device, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };
	uint8_t header[VSOCK_HEADER_SIZE];

	look_at_programs(device);
	for (int served = 0; served < PACKETS_MAX; served++) {
		if (!device->has_packet && !vsock_output(&device->vsock, &device->packet,
							 device->data, sizeof(device->data))) {
			watch_streams(device);
			return;
		}
		device->has_packet = true;
		chain.capacity = PIECES_MAX;
		if (vmsg_vq_device_pop(queue, &chain) != 1) {
			return; /* the driver kicks when it has buffers again */
		}
		device->base.requests++;
		const size_t size = VSOCK_HEADER_SIZE + device->packet.len;
		size_t written = 0;
		if (chain.writable_size >= size) {
			vsock_header_store(&device->packet, header);
			written = chain_write(&chain, 0, header, sizeof(header));
			written += chain_write(&chain, written, device->data, device->packet.len);
			device->has_packet = false;
		} else {
			device->base.errors++; /* a buffer that is too small for any packet */
		}
		if (vmsg_vq_device_push(queue, chain.head, (uint32_t)written) < 0) {
			return;
		}
	}
	vmsg_device_kick_later(&device->base.machine, VSOCK_QUEUE_RECEIVE);
}

static void take_packet(struct vsock_device *device, const struct vmsg_vq_chain *chain)
{
	uint8_t bytes[VSOCK_HEADER_SIZE];
	struct vsock_header header;
	struct vsock_stream *stream;

	device->base.requests++;
	if (chain_read(chain, 0, bytes, sizeof(bytes)) != sizeof(bytes)) {
		device->base.errors++;
		return;
	}
	vsock_header_load(&header, bytes);
	if (header.src_cid != device->guest_cid ||
	    header.len != chain->readable_size - VSOCK_HEADER_SIZE) {
		device->base.errors++;
		return;
	}
	uint8_t *to = vsock_input(&device->vsock, &header, &stream);
	if (to) {
		vsock_taken(stream, chain_read(chain, VSOCK_HEADER_SIZE, to, header.len));
	}
	if (stream && stream->state == VSOCK_OPEN) {
		(void)vsock_flush(&device->vsock, stream);
	}
}

static void serve_transmit(struct vsock_device *device, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };
	const uint64_t refused = device->vsock.refused;

	for (int served = 0; served < PACKETS_MAX; served++) {
		chain.capacity = PIECES_MAX;
		if (vmsg_vq_device_pop(queue, &chain) != 1) {
			break;
		}
		take_packet(device, &chain);
		if (vmsg_vq_device_push(queue, chain.head, 0) < 0) {
			break;
		}
		if (served + 1 == PACKETS_MAX) {
			vmsg_device_kick_later(&device->base.machine, VSOCK_QUEUE_TRANSMIT);
		}
	}
	device->base.errors += device->vsock.refused - refused;
	/* what was said may want an answer, or make room */
	vmsg_device_kick_later(&device->base.machine, VSOCK_QUEUE_RECEIVE);
}

static void serve(struct vsock_device *device, uint32_t index, struct vmsg_vq_device *queue)
{
	if (index == VSOCK_QUEUE_RECEIVE) {
		serve_receive(device, queue);
	} else if (index == VSOCK_QUEUE_TRANSMIT) {
		serve_transmit(device, queue);
	} /* events: none is ever due */
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vsock_device *device = context;

	vmsg_vq_device_disable_notify(queue);
	serve(device, index, queue);
	if (vmsg_vq_device_enable_notify(queue) && index != VSOCK_QUEUE_EVENT) {
		serve(device, index, queue);
	}
	vmsg_device_notify(&device->base.machine, index);
}

static void ready(struct emu_device *base, uint32_t index)
{
	struct vsock_device *device = (struct vsock_device *)base; /* its first member */

	if (index == WATCH_LISTENER) {
		take_program(device);
		watch_arm(base, device->listener, false, WATCH_LISTENER);
	} else {
		vmsg_device_kick_later(&base->machine, index);
	}
}

/* ---- the device ---- */

static int reset(void *context)
{
	struct vsock_device *device = context;

	device->has_packet = false;
	vsock_reset(&device->vsock);
	return 1;
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct vsock_device *device = context;
	uint8_t config[VSOCK_CONFIG_SIZE];

	store_le(config + VSOCK_CONFIG_GUEST_CID, device->guest_cid, 8);
	memcpy(out.data, config + offset, out.size);
}

static void vsock_close(struct emu_device *base)
{
	struct vsock_device *device = (struct vsock_device *)base;

	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		close_stream(device, &device->vsock.streams[i]);
	}
	if (device->listener >= 0) {
		(void)close(device->listener);
		(void)unlink(device->path);
	}
	watch_close(base);
	free(device);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.kick = kick,
	.reset = reset,
};

/* ---- opening ---- */

static int listen_at(struct vsock_device *device, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t length = strlen(device->path);

	if (length + 11 >= sizeof(address.sun_path)) { /* _4294967295 */
		errno = ENAMETOOLONG;
	} else {
		memcpy(address.sun_path, device->path, length);
		device->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (device->listener >= 0 &&
		    bind(device->listener, (const struct sockaddr *)&address, sizeof(address)) ==
			    0 &&
		    listen(device->listener, 16) == 0) {
			watch_arm(&device->base, device->listener, false, WATCH_LISTENER);
			return 0;
		}
	}
	(void)snprintf(why, why_size, "--device vsock: socket '%s': %s", device->path,
		       strerror(errno));
	if (device->listener >= 0) { /* somebody else's: not ours to remove */
		(void)close(device->listener);
		device->listener = -1;
	}
	return -1;
}

static int set_up(struct vsock_device *device, const char *options, uint16_t dev_num, char *why,
		  size_t why_size)
{
	const struct device_setting table[] = {
		{ .key = "socket", .text = device->path },
		{ .key = "guest-cid",
		  .number = &device->guest_cid,
		  .least = VSOCK_CID_GUEST,
		  .most = UINT32_MAX - 1 },
	};

	if (device_settings("vsock", options, table, sizeof(table) / sizeof(table[0]), why,
			    why_size) < 0) {
		return -1;
	}
	if (!device->path[0]) {
		(void)snprintf(why, why_size, "--device vsock: socket=PATH is missing");
		return -1;
	}
	if (listen_at(device, why, why_size) < 0) {
		return -1;
	}
	device->base.info = (struct vmsg_device_info){
		.device_id = DEVICE_TYPE_VSOCK,
		.vendor_id = DEVICE_VENDOR_ID,
		.config_size = VSOCK_CONFIG_SIZE,
		.queue_count = VSOCK_QUEUES,
		.queue_size_max = QUEUE_SIZE_MAX,
	};
	if (vmsg_device_init(&device->base.machine, dev_num, &device->base.info, &ops, device) <
	    0) {
		(void)snprintf(why, why_size, "--device vsock: cannot be set up");
		return -1;
	}
	return 0;
}

struct emu_device *vsock_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	struct vsock_device *device = calloc(1, sizeof(*device));

	if (!device) {
		(void)snprintf(why, why_size, "--device vsock: out of memory");
		return NULL;
	}
	device->base.kind = "vsock";
	device->base.ready = ready;
	device->base.close = vsock_close;
	device->listener = -1;
	device->guest_cid = VSOCK_CID_GUEST;
	device->vsock = (struct vsock){
		.cid = VSOCK_CID_HOST,
		.accept = accept_stream,
		.changed = stream_changed,
		.context = device,
	};
	for (uint32_t i = 0; i < VSOCK_STREAMS_MAX; i++) {
		device->vsock.streams[i].in = -1;
		device->vsock.streams[i].out = -1;
	}
	if (watch_open(&device->base) < 0) {
		(void)snprintf(why, why_size, "--device vsock: %s", strerror(errno));
	} else if (set_up(device, options, dev_num, why, why_size) == 0) {
		return &device->base;
	}
	vsock_close(&device->base);
	return NULL;
}
