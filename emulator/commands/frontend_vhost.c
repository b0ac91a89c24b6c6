/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu frontend --vhost-user-server: the device for a vhost-user front end, such as QEMU,
 * so that the drivers of a Linux guest use it. One front end at a time; one loop, which waits for
 * its messages, its guest's kicks and the device.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/frontend.h"
#include "commands/report.h"
#include "commands/vhost_device.h"
#include "devices/names.h"

#define TIMEOUT_S    5 /* of the rest of a message that has begun */
#define NAP_MIN_NS   UINT64_C(50000)
#define NAP_MAX_NS   UINT64_C(5000000)
#define DRAIN_NS     UINT64_C(100000000)  /* of chains that can wait for the next start */
#define DRAIN_MAX_NS UINT64_C(5000000000) /* of others */
#define ROUND_NS     UINT64_C(1000000)

struct vhost_front {
	const struct frontend_settings *settings;
	const volatile bool *stop;
	struct vhost_device device;
	struct vhost_server server;
	int listener;
	int fd; /* of the front end, -1: there is none */
	bool is_closing;
	bool is_reported[VHOST_VRINGS_MAX]; /* broken vrings */
	uint64_t nap_ns;
	struct sockaddr_un address;
};

/* ---- vrings ---- */

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0) {
		(void)!write(fd, &one, sizeof(one)); /* what cannot be counted has been told */
	}
}

static void used(void *context, uint32_t index)
{
	struct vhost_front *front = context;

	if (vmsg_vq_device_should_notify(&front->device.shadows[index].guest)) {
		signal_fd(front->server.vrings[index].call);
	}
}

/* A guest that breaks the rules of a ring finds it stopped; the front end is told. */
static void check_vrings(struct vhost_front *front)
{
	for (uint32_t i = 0; i < front->device.queue_count; i++) {
		const struct shadow *shadow = &front->device.shadows[i];
		if (shadow->is_broken && !front->is_reported[i]) {
			front->is_reported[i] = true;
			report_problem("vring %u is stopped: %s", i, shadow->why);
			signal_fd(front->server.vrings[i].err);
		}
	}
}

static int start_vring(void *context, uint32_t index, const struct vmsg_vq_layout *layout,
		       uint32_t base, char *why, size_t why_size)
{
	struct vhost_front *front = context;
	struct shadow *shadow = &front->device.shadows[index];

	front->is_reported[index] = false;
	front->device.features = front->server.features & front->device.offered;
	if (shadow_start(shadow, layout, base) < 0) {
		(void)snprintf(why, why_size, "vring %u: %s", index, shadow->why);
		return -1;
	}
	return 0;
}

static void enable_vring(void *context, uint32_t index, bool is_enabled)
{
	struct vhost_front *front = context;

	front->device.shadows[index].is_paused = !is_enabled;
}

/* Lets the device finish what it has: not for long what can be offered again as it was, since a
 * network device may keep its buffers for ever. */
static void drain(struct vhost_front *front, const struct shadow *shadow)
{
	const uint64_t begun_ns = report_now();

	while (shadow->count > 0 && front->device.is_running && !front->is_closing) {
		const uint64_t most_ns = shadow_may_stop(shadow) ? DRAIN_NS : DRAIN_MAX_NS;
		if (report_now() - begun_ns >= most_ns) {
			break;
		}
		if (!vhost_device_run(&front->device, used, front) && front->device.session) {
			session_sleep(front->device.session, ROUND_NS);
		}
	}
}

static bool is_any_running(const struct vhost_front *front)
{
	for (uint32_t i = 0; i < front->device.queue_count; i++) {
		if (front->device.shadows[i].is_running) {
			return true;
		}
	}
	return false;
}

static uint32_t stop_vring(void *context, uint32_t index)
{
	struct vhost_front *front = context;
	struct shadow *shadow = &front->device.shadows[index];
	uint32_t base = 0;

	shadow->is_paused = true;
	drain(front, shadow);
	const bool has_any = shadow->count > 0;
	if (!shadow_stop(shadow, &base) && !front->is_closing) {
		report_problem("vring %u stops while the device has chains of it that cannot be "
			       "told apart from those it has used: some may be lost",
			       index);
	}
	if (has_any || !is_any_running(front)) {
		vhost_device_stop(&front->device); /* it lets go of the guest's memory */
	}
	return base;
}

/* ---- the rest of what a front end wants ---- */

static int memory_changed(void *context, char *why, size_t why_size)
{
	struct vhost_front *front = context;
	struct vhost_device *device = &front->device;

	for (uint32_t i = 0; i < device->queue_count; i++) {
		if (device->shadows[i].is_running) {
			shadow_leave_memory(&device->shadows[i]);
		}
	}
	const int result = vhost_memory_map(&device->memory);
	if (result < 0) {
		(void)snprintf(why, why_size, "%s", device->memory.why);
	}
	for (uint32_t i = 0; i < device->queue_count; i++) {
		if (device->shadows[i].is_running) {
			/* whose ring is not there any more is broken, and reported as such */
			(void)shadow_enter_memory(&device->shadows[i]);
		}
	}
	return result;
}

static void reset_device(void *context)
{
	struct vhost_front *front = context;

	vhost_device_stop(&front->device);
}

/* Front ends ask for the config space as they know it, which may be more than the device has. */
static int read_config(void *context, uint32_t offset, uint8_t *data, uint32_t size)
{
	const struct vhost_device *device = &((struct vhost_front *)context)->device;

	if (device->config_size == 0) {
		return -1;
	}
	for (uint32_t i = 0; i < size; i++) {
		data[i] = offset + i < device->config_size ? device->config[offset + i] : 0;
	}
	return 0;
}

static int write_config(void *context, uint32_t offset, const uint8_t *data, uint32_t size)
{
	struct vhost_front *front = context;

	return vhost_device_write_config(&front->device, offset, (struct vmsg_bytes){ data, size });
}

static const struct vhost_server_ops ops = {
	.memory_changed = memory_changed,
	.start = start_vring,
	.enable = enable_vring,
	.stop = stop_vring,
	.reset = reset_device,
	.read_config = read_config,
	.write_config = write_config,
};

/* ---- messages ---- */

static void leave(struct vhost_front *front, const char *why)
{
	report_problem("the vhost-user front end is left: %s", why);
	front->is_closing = true;
}

/* Reads `size` bytes, and with the first of them what descriptors come along. */
static int receive(struct vhost_front *front, uint8_t *data, size_t size,
		   struct vhost_message *message)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * VHOST_TABLE_REGIONS)];
		struct cmsghdr align;
	} control;
	struct iovec vector = { data, size };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (message) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
	}
	while (vector.iov_len > 0) {
		const ssize_t got = recvmsg(front->fd, &header, MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR && !*front->stop) {
			continue;
		}
		if (got <= 0) {
			return got == 0 && vector.iov_base == data ? 0 : -1;
		}
		const struct cmsghdr *rights =
			header.msg_controllen > 0 ? CMSG_FIRSTHDR(&header) : NULL;
		if (message && rights && rights->cmsg_type == SCM_RIGHTS) {
			message->fd_count =
				(uint32_t)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(message->fds, CMSG_DATA(rights), message->fd_count * sizeof(int));
		}
		const bool is_cut = header.msg_flags & MSG_CTRUNC;
		header.msg_control = NULL;
		header.msg_controllen = 0;
		if (is_cut) {
			errno = EMFILE;
			return -1;
		}
		vector.iov_base = (uint8_t *)vector.iov_base + got;
		vector.iov_len -= (size_t)got;
	}
	return 1;
}

static void close_descriptors(struct vhost_message *message)
{
	for (uint32_t i = 0; i < message->fd_count; i++) {
		(void)close(message->fds[i]);
	}
	message->fd_count = 0;
}

static int receive_message(struct vhost_front *front, struct vhost_message *message)
{
	uint8_t header[VHOST_HEADER_SIZE];

	message->fd_count = 0;
	errno = 0;
	int result = receive(front, header, sizeof(header), message);
	if (result == 0) {
		front->is_closing = true; /* it has hung up */
		return 0;
	}
	if (result > 0 && vhost_message_load(message, header) < 0) {
		leave(front, "a message with a version, flags or size that nobody sends");
		result = 0;
	} else if (result < 0 || (message->size > 0 &&
				  receive(front, message->payload, message->size, NULL) <= 0)) {
		leave(front, errno == EMFILE   ? "more descriptors than a message may have"
			     : errno == EAGAIN ? "the rest of a message does not come"
					       : "a message is cut off");
		result = 0;
	}
	if (result == 0) {
		close_descriptors(message);
	}
	return result;
}

static void reply(struct vhost_front *front, const struct vhost_message *message)
{
	uint8_t bytes[VHOST_HEADER_SIZE + VHOST_PAYLOAD_MAX];
	const size_t size = VHOST_HEADER_SIZE + message->size;

	vhost_message_store(message, bytes);
	memcpy(bytes + VHOST_HEADER_SIZE, message->payload, message->size);
	if (send(front->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) {
		leave(front, "it takes no replies");
	}
}

static void serve_message(struct vhost_front *front)
{
	struct vhost_message message;

	if (receive_message(front, &message) <= 0) {
		return;
	}
	const int result = vhost_server_take(&front->server, &message);
	if (result < 0) {
		leave(front, front->server.why);
	} else if (result > 0) {
		reply(front, &message);
	}
}

static void tell_config(struct vhost_front *front)
{
	uint8_t message[VHOST_HEADER_SIZE];

	if (front->device.is_config_changed) {
		front->device.is_config_changed = false;
		if (vhost_server_config_changed(&front->server, message)) {
			(void)!send(front->server.backend, message, sizeof(message),
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		}
	}
}

/* ---- front ends ---- */

static void accept_front(struct vhost_front *front)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };

	front->fd = accept4(front->listener, NULL, NULL, SOCK_CLOEXEC);
	if (front->fd < 0) {
		return;
	}
	(void)setsockopt(front->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(front->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	front->is_closing = false;
	vhost_device_look(&front->device);
	front->device.is_config_changed = false; /* it is new to whoever is new */
	front->server.device_features = front->device.offered;
	front->server.queue_count = front->device.queue_count;
	/* of a network device QEMU counts pairs, and it has the config space itself */
	const bool is_net = front->device.device_id == VMSG_VIRTIO_NET;
	front->server.queue_num =
		is_net ? front->device.queue_count / 2 : front->device.queue_count;
	front->server.has_config = front->device.config_size > 0 && !is_net;
	vhost_server_init(&front->server, &ops, front, &front->device.memory);
}

static void close_front(struct vhost_front *front)
{
	front->is_closing = true;
	vhost_server_close(&front->server);
	vhost_device_forget(&front->device);
	(void)close(front->fd);
	front->fd = -1;
}

/* A socket that nobody listens on is in the way. */
static bool remove_stale(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) != 0) {
		return errno == ENOENT;
	}
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool is_stale =
		S_ISSOCK(status.st_mode) && fd >= 0 &&
		connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		errno == ECONNREFUSED;
	if (fd >= 0) {
		(void)close(fd);
	}
	errno = EADDRINUSE;
	return is_stale && unlink(address->sun_path) == 0;
}

static int open_listener(struct vhost_front *front, const char *path)
{
	front->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	front->listener = -1;
	if (strlen(path) >= sizeof(front->address.sun_path)) {
		report_problem("--vhost-user-server %s: the path is too long", path);
		return -1;
	}
	memcpy(front->address.sun_path, path, strlen(path) + 1);
	if (remove_stale(&front->address)) {
		front->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	/* the mode of the socket becomes the mode of its name */
	if (front->listener < 0 || fchmod(front->listener, S_IRUSR | S_IWUSR) != 0 ||
	    bind(front->listener, (const struct sockaddr *)&front->address,
		 sizeof(front->address)) != 0 ||
	    listen(front->listener, 1) != 0) {
		report_problem("--vhost-user-server %s: %s", path, strerror(errno));
		if (front->listener >= 0) {
			(void)close(front->listener);
		}
		return -1;
	}
	return 0;
}

/* ---- the loop ---- */

enum { AT_SOCKET, AT_DEVICE, AT_KICKS };

/* Asks everybody to tell; true when there is something already. */
static bool listen_all(struct vhost_front *front)
{
	bool is_ready = false;

	for (uint32_t i = 0; i < front->device.queue_count; i++) {
		is_ready |= shadow_listen(&front->device.shadows[i]);
	}
	return is_ready | vhost_device_is_ready(&front->device);
}

static void listen_no_more(struct vhost_front *front)
{
	for (uint32_t i = 0; i < front->device.queue_count; i++) {
		shadow_listen_no_more(&front->device.shadows[i]);
	}
}

/* How long to sleep. A device that cannot tell is looked at. */
static uint64_t sleep_time(struct vhost_front *front)
{
	const uint64_t now_ns = report_now();
	const uint64_t deadline_ns = vhost_device_deadline(&front->device);
	uint64_t wait_ns = deadline_ns == UINT64_MAX ? UINT64_MAX
			   : deadline_ns > now_ns    ? deadline_ns - now_ns
						     : 0;

	if (front->device.is_running && vhost_device_fd(&front->device) < 0) {
		wait_ns = wait_ns < front->nap_ns ? wait_ns : front->nap_ns;
		front->nap_ns = front->nap_ns * 2 < NAP_MAX_NS ? front->nap_ns * 2 : NAP_MAX_NS;
	}
	return wait_ns;
}

static void take_kicks(struct vhost_front *front, const struct pollfd *fds)
{
	uint64_t count;

	for (uint32_t i = 0; i < front->device.queue_count; i++) {
		if (fds[AT_KICKS + i].revents & POLLIN) {
			(void)!read(front->server.vrings[i].kick, &count, sizeof(count));
		}
	}
}

static void wait_for_work(struct vhost_front *front, bool has_moved)
{
	struct pollfd fds[AT_KICKS + VHOST_VRINGS_MAX] = {
		[AT_SOCKET] = { front->fd < 0 ? front->listener : front->fd, POLLIN, 0 },
		[AT_DEVICE] = { vhost_device_fd(&front->device), POLLIN, 0 },
	};
	struct timespec timeout = { 0 };
	bool is_endless = false;

	for (uint32_t i = 0; i < front->device.queue_count; i++) {
		fds[AT_KICKS + i] =
			(struct pollfd){ front->fd < 0 || !front->server.vrings[i].is_running
						 ? -1
						 : front->server.vrings[i].kick,
					 POLLIN, 0 };
	}
	if (has_moved) {
		front->nap_ns = NAP_MIN_NS;
	} else if (!listen_all(front)) {
		const uint64_t wait_ns = sleep_time(front);
		is_endless = wait_ns == UINT64_MAX;
		timeout.tv_sec = (time_t)(wait_ns / UINT64_C(1000000000));
		timeout.tv_nsec = (long)(wait_ns % UINT64_C(1000000000));
	}
	const int ready = ppoll(fds, AT_KICKS + front->device.queue_count,
				is_endless ? NULL : &timeout, NULL);
	listen_no_more(front);
	if (ready <= 0) {
		return;
	}
	take_kicks(front, fds);
	if (fds[AT_SOCKET].revents && front->fd < 0) {
		accept_front(front);
	} else if (fds[AT_SOCKET].revents) {
		serve_message(front);
	}
}

static int serve(struct vhost_front *front)
{
	bool has_moved = false;
	bool has_served = false;

	while (!*front->stop && !(front->settings->once && has_served)) {
		wait_for_work(front, has_moved);
		if (*front->stop) {
			break; /* before the session takes it for an interruption */
		}
		if (!vhost_device_update(&front->device) && front->fd >= 0) {
			leave(front, "its memory cannot be shared with the peer");
		}
		has_moved = vhost_device_run(&front->device, used, front);
		if (front->fd >= 0) {
			check_vrings(front);
			tell_config(front);
		}
		if (front->fd >= 0 && front->is_closing) {
			close_front(front);
			has_served = true;
		}
	}
	return VMSG_EXIT_DONE;
}

static void tell_ready(const struct vhost_front *front)
{
	const char *name = vmsg_virtio_device_name(front->device.device_id);

	printf("ready: device %u (%s, %u queues) of partition 0x%04x, for a vhost-user front end "
	       "on "
	       "%s\n",
	       front->device.number, name ? name : "unknown", front->device.queue_count,
	       front->device.session->peer, front->settings->vhost_server);
	(void)fflush(stdout);
}

int frontend_vhost(const struct frontend_settings *settings)
{
	struct session_options options = settings->session;
	struct vhost_front *front = calloc(1, sizeof(*front));
	int status = VMSG_EXIT_FAILED;

	if (!front) {
		report_problem("out of memory");
		return status;
	}
	front->settings = settings;
	front->stop = frontend_catch_signals();
	front->fd = -1;
	front->nap_ns = NAP_MIN_NS;
	options.stop = front->stop;
	if (vhost_device_open(&front->device, &options, settings->device) == 0 &&
	    open_listener(front, settings->vhost_server) == 0) {
		tell_ready(front);
		status = serve(front);
		if (front->device.session) {
			front->device.session->options.stop = NULL; /* the device is reset first */
		}
		if (front->fd >= 0) {
			close_front(front);
		}
		(void)close(front->listener);
		(void)unlink(front->address.sun_path);
	}
	vhost_device_close(&front->device);
	free(front);
	return status;
}
