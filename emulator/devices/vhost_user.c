/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of vhost-user, stored and loaded byte by byte. */
#include "devices/vhost_user.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "devices/chain.h"
#include "vhost/protocol.h"

#define TIMEOUT_S 5

struct message {
	uint8_t bytes[VHOST_HEADER_SIZE + VHOST_PAYLOAD_MAX];
	size_t size; /* of the payload */
	int fds[VHOST_TABLE_REGIONS];
	size_t fd_count;
};

static uint8_t *payload(struct message *message)
{
	return message->bytes + VHOST_HEADER_SIZE;
}

__attribute__((format(printf, 2, 3))) static int lose(struct vhost_user *vhost, const char *format,
						      ...)
{
	va_list arguments;

	if (vhost->fd >= 0) {
		va_start(arguments, format);
		(void)vsnprintf(vhost->why, sizeof(vhost->why), format, arguments);
		va_end(arguments);
	}
	vhost_close(vhost);
	return -1;
}

/* It says no, and is still there. */
static int refused(struct vhost_user *vhost, const char *format, uint32_t number)
{
	(void)snprintf(vhost->why, sizeof(vhost->why), format, number);
	return -1;
}

static bool has(const struct vhost_user *vhost, unsigned int protocol_feature)
{
	return vhost->protocol >> protocol_feature & 1;
}

/* ---- one message ---- */

static int send_message(struct vhost_user *vhost, uint32_t request, uint32_t flags,
			struct message *message)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * VHOST_TABLE_REGIONS)];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec vector = { message->bytes, VHOST_HEADER_SIZE + message->size };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

	store_le(message->bytes, request, 4);
	store_le(message->bytes + 4, VHOST_FLAG_VERSION | flags, 4);
	store_le(message->bytes + 8, message->size, 4);
	if (message->fd_count > 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * message->fd_count);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int) * message->fd_count);
		memcpy(CMSG_DATA(rights), message->fds, sizeof(int) * message->fd_count);
	}
	ssize_t done;
	do {
		done = sendmsg(vhost->fd, &header, MSG_NOSIGNAL);
	} while (done < 0 && errno == EINTR);
	if (done != (ssize_t)vector.iov_len) {
		return lose(vhost, "the vhost-user daemon takes no messages: %s",
			    done < 0 ? strerror(errno) : "only a part");
	}
	return 0;
}

/* Reads exactly `size` bytes, whatever signals come. */
static int read_all(struct vhost_user *vhost, int fd, uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t got = recv(fd, data, size, 0);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return lose(vhost, "the vhost-user daemon %s",
				    got == 0          ? "is gone"
				    : errno == EAGAIN ? "does not answer"
						      : strerror(errno));
		}
		data += got;
		size -= (size_t)got;
	}
	return 0;
}

/* Sends a request and reads its reply, which has at least `least` bytes, into the same message. */
static int ask(struct vhost_user *vhost, uint32_t request, uint32_t flags, struct message *message,
	       size_t least)
{
	if (vhost->fd < 0 || send_message(vhost, request, flags, message) < 0 ||
	    read_all(vhost, vhost->fd, message->bytes, VHOST_HEADER_SIZE) < 0) {
		return -1;
	}
	const uint64_t answered = load_le(message->bytes, 4);
	const uint64_t answer_flags = load_le(message->bytes + 4, 4);
	const uint64_t size = load_le(message->bytes + 8, 4);
	if (answered != request || !(answer_flags & VHOST_FLAG_REPLY) || size < least ||
	    size > VHOST_PAYLOAD_MAX) {
		return lose(vhost,
			    "the vhost-user daemon answers request %u with request %u, %u bytes",
			    request, (unsigned int)answered, (unsigned int)size);
	}
	message->size = (size_t)size;
	return read_all(vhost, vhost->fd, payload(message), message->size);
}

static int ask_u64(struct vhost_user *vhost, uint32_t request, uint64_t *value)
{
	struct message message = { .size = 0 };

	if (ask(vhost, request, 0, &message, 8) < 0) {
		return -1;
	}
	*value = load_le(payload(&message), 8);
	return 0;
}

/* Sends a request without a reply of its own; where the daemon acknowledges, -1 when it says no. */
static int tell(struct vhost_user *vhost, uint32_t request, struct message *message)
{
	if (vhost->fd < 0) {
		return -1;
	}
	if (!has(vhost, VHOST_PROTOCOL_REPLY_ACK)) {
		return send_message(vhost, request, 0, message);
	}
	if (ask(vhost, request, VHOST_FLAG_NEED_REPLY, message, 8) < 0) {
		return -1;
	}
	return load_le(payload(message), 8) == 0
		       ? 0
		       : refused(vhost, "the vhost-user daemon refuses request %u", request);
}

static int tell_u64(struct vhost_user *vhost, uint32_t request, uint64_t value)
{
	struct message message = { .size = 8 };

	store_le(payload(&message), value, 8);
	return tell(vhost, request, &message);
}

static int tell_vring(struct vhost_user *vhost, uint32_t request, uint32_t index, uint32_t value)
{
	struct message message = { .size = 8 };

	store_le(payload(&message), index, 4);
	store_le(payload(&message) + 4, value, 4);
	return tell(vhost, request, &message);
}

/* ---- connection ---- */

static int open_socket(struct vhost_user *vhost, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	vhost->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (vhost->fd < 0 ||
	    setsockopt(vhost->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(vhost->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0) {
		return -1;
	}
	return connect(vhost->fd, (const struct sockaddr *)&address, sizeof(address));
}

/* The channel for what the daemon has to say by itself. */
static int open_backend_channel(struct vhost_user *vhost)
{
	struct message message = { .fd_count = 1 };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		return lose(vhost, "no socket: %s", strerror(errno));
	}
	message.fds[0] = ends[1];
	const int result = tell(vhost, VHOST_SET_BACKEND_REQ_FD, &message);
	(void)close(ends[1]);
	if (result < 0) {
		(void)close(ends[0]);
		return lose(vhost, "the vhost-user daemon takes no channel for its own messages");
	}
	vhost->backend = ends[0];
	return 0;
}

static int agree_on_protocol(struct vhost_user *vhost)
{
	const uint64_t wanted = 1u << VHOST_PROTOCOL_MQ | 1u << VHOST_PROTOCOL_REPLY_ACK |
				1u << VHOST_PROTOCOL_BACKEND | 1u << VHOST_PROTOCOL_CONFIG |
				1u << VHOST_PROTOCOL_MEM_SLOTS;
	uint64_t offered;
	uint64_t value;

	if (ask_u64(vhost, VHOST_GET_PROTOCOL_FEATURES, &offered) < 0 ||
	    tell_u64(vhost, VHOST_SET_PROTOCOL_FEATURES, offered & wanted) < 0) {
		return -1;
	}
	vhost->protocol = offered & wanted;
	if (has(vhost, VHOST_PROTOCOL_MQ)) {
		if (ask_u64(vhost, VHOST_GET_QUEUE_NUM, &value) < 0) {
			return -1;
		}
		vhost->queue_max = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
		if (value == 0) {
			return lose(vhost, "the vhost-user daemon has no queue");
		}
	}
	if (has(vhost, VHOST_PROTOCOL_MEM_SLOTS)) {
		if (ask_u64(vhost, VHOST_GET_MAX_MEM_SLOTS, &value) < 0) {
			return -1;
		}
		vhost->region_max = value < VHOST_REGIONS_MAX ? (uint32_t)value : VHOST_REGIONS_MAX;
		if (value == 0) {
			return lose(vhost, "the vhost-user daemon has no room for memory");
		}
	}
	return has(vhost, VHOST_PROTOCOL_BACKEND) ? open_backend_channel(vhost) : 0;
}

int vhost_connect(struct vhost_user *vhost, const char *path)
{
	struct message owner = { .size = 0 };

	*vhost = (struct vhost_user){
		.fd = -1, .backend = -1, .queue_max = 1, .region_max = VHOST_TABLE_REGIONS
	};
	if (open_socket(vhost, path) < 0) {
		(void)snprintf(vhost->why, sizeof(vhost->why), "%s", strerror(errno));
		vhost_close(vhost);
		return -1;
	}
	if (ask_u64(vhost, VHOST_GET_FEATURES, &vhost->features) < 0 ||
	    tell(vhost, VHOST_SET_OWNER, &owner) < 0) {
		return -1;
	}
	return vhost->features >> VHOST_F_PROTOCOL_FEATURES & 1 ? agree_on_protocol(vhost) : 0;
}

void vhost_close(struct vhost_user *vhost)
{
	if (vhost->fd >= 0) {
		(void)close(vhost->fd);
	}
	if (vhost->backend >= 0) {
		(void)close(vhost->backend);
	}
	vhost->fd = -1;
	vhost->backend = -1;
	vhost->region_count = 0;
}

int vhost_peek(struct vhost_user *vhost)
{
	uint8_t byte;

	if (recv(vhost->fd, &byte, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	return lose(vhost, "the vhost-user daemon is gone");
}

int vhost_take_message(struct vhost_user *vhost)
{
	struct message message;

	if (read_all(vhost, vhost->backend, message.bytes, VHOST_HEADER_SIZE) < 0) {
		return -1;
	}
	const uint64_t request = load_le(message.bytes, 4);
	const uint64_t flags = load_le(message.bytes + 4, 4);
	const uint64_t size = load_le(message.bytes + 8, 4);
	if (size > VHOST_PAYLOAD_MAX) {
		return lose(vhost, "the vhost-user daemon says %u bytes by itself",
			    (unsigned int)size);
	}
	if (read_all(vhost, vhost->backend, payload(&message), (size_t)size) < 0) {
		return -1;
	}
	if (flags & VHOST_FLAG_NEED_REPLY) { /* 0: done; anything we do not know we have not done */
		store_le(message.bytes + 4, VHOST_FLAG_VERSION | VHOST_FLAG_REPLY, 4);
		store_le(message.bytes + 8, 8, 4);
		store_le(payload(&message), request != VHOST_BACKEND_CONFIG_CHANGE, 8);
		(void)!send(vhost->backend, message.bytes, VHOST_HEADER_SIZE + 8, MSG_NOSIGNAL);
	}
	return request == VHOST_BACKEND_CONFIG_CHANGE;
}

/* ---- features, config ---- */

int vhost_set_features(struct vhost_user *vhost, uint64_t features)
{
	return tell_u64(vhost, VHOST_SET_FEATURES,
			features | (vhost->features & UINT64_C(1) << VHOST_F_PROTOCOL_FEATURES));
}

static void fill_config(struct message *message, uint32_t offset, uint32_t size)
{
	memset(payload(message), 0, VHOST_CONFIG_FIXED + size);
	store_le(payload(message), offset, 4);
	store_le(payload(message) + 4, size, 4);
	message->size = VHOST_CONFIG_FIXED + size;
}

int vhost_get_config(struct vhost_user *vhost, uint8_t *config, uint32_t size)
{
	struct message message = { .fd_count = 0 };

	if (size > VHOST_CONFIG_MAX || !has(vhost, VHOST_PROTOCOL_CONFIG)) {
		return -1;
	}
	fill_config(&message, 0, size);
	if (ask(vhost, VHOST_GET_CONFIG, 0, &message, 0) < 0) {
		return -1;
	}
	if (message.size != VHOST_CONFIG_FIXED + size) {
		/* mostly an empty answer */
		return refused(vhost, "the vhost-user daemon has no config space of %u bytes",
			       size);
	}
	memcpy(config, payload(&message) + VHOST_CONFIG_FIXED, size);
	return 0;
}

int vhost_set_config(struct vhost_user *vhost, uint32_t offset, const uint8_t *data, uint32_t size)
{
	struct message message = { .fd_count = 0 };

	if (size > VHOST_CONFIG_MAX || !has(vhost, VHOST_PROTOCOL_CONFIG)) {
		return -1;
	}
	fill_config(&message, offset, size);
	memcpy(payload(&message) + VHOST_CONFIG_FIXED, data, size);
	return tell(vhost, VHOST_SET_CONFIG, &message);
}

/* ---- memory ---- */

static void store_region(uint8_t *at, const struct vhost_region *region)
{
	store_le(at, region->address, 8); /* as a guest's address, for descriptors */
	store_le(at + 8, region->size, 8);
	store_le(at + 16, region->address, 8); /* as ours, for VHOST_SET_VRING_ADDR */
	store_le(at + 24, region->offset, 8);
}

static int tell_region(struct vhost_user *vhost, uint32_t request,
		       const struct vhost_region *region)
{
	struct message message = { .size = 8 + VHOST_REGION_SIZE,
				   .fds = { region->fd },
				   .fd_count = 1 };

	memset(payload(&message), 0, 8);
	store_region(payload(&message) + 8, region);
	return tell(vhost, request, &message);
}

static int tell_table(struct vhost_user *vhost)
{
	struct message message = { .size = 8 + vhost->region_count * VHOST_REGION_SIZE,
				   .fd_count = vhost->region_count };

	store_le(payload(&message), vhost->region_count, 4);
	store_le(payload(&message) + 4, 0, 4);
	for (uint32_t i = 0; i < vhost->region_count; i++) {
		store_region(payload(&message) + 8 + i * VHOST_REGION_SIZE, &vhost->regions[i]);
		message.fds[i] = vhost->regions[i].fd;
	}
	return tell(vhost, VHOST_SET_MEM_TABLE, &message);
}

int vhost_add_region(struct vhost_user *vhost, const struct vhost_region *region)
{
	if (vhost->region_count == vhost->region_max) {
		return refused(vhost, "the vhost-user daemon has room for %u regions of memory",
			       vhost->region_max);
	}
	vhost->regions[vhost->region_count++] = *region;
	const int result = has(vhost, VHOST_PROTOCOL_MEM_SLOTS)
				   ? tell_region(vhost, VHOST_ADD_MEM_REG, region)
				   : tell_table(vhost);
	if (result < 0 && vhost->region_count > 0) {
		vhost->region_count--;
	}
	return result;
}

int vhost_remove_region(struct vhost_user *vhost, uint64_t address)
{
	for (uint32_t i = 0; i < vhost->region_count; i++) {
		const struct vhost_region region = vhost->regions[i];
		if (region.address == address) {
			vhost->regions[i] = vhost->regions[--vhost->region_count];
			return has(vhost, VHOST_PROTOCOL_MEM_SLOTS)
				       ? tell_region(vhost, VHOST_REM_MEM_REG, &region)
				       : tell_table(vhost);
		}
	}
	return 0;
}

/* ---- queues ---- */

static int tell_descriptor(struct vhost_user *vhost, uint32_t request, uint32_t index, int fd)
{
	struct message message = { .size = 8, .fds = { fd }, .fd_count = 1 };

	store_le(payload(&message), index, 8);
	return tell(vhost, request, &message);
}

static int tell_addresses(struct vhost_user *vhost, const struct vhost_queue *queue)
{
	struct message message = { .size = 40 };

	memset(payload(&message), 0, 40);
	store_le(payload(&message), queue->index, 4);
	store_le(payload(&message) + 8, queue->desc, 8);
	store_le(payload(&message) + 16, queue->device, 8);
	store_le(payload(&message) + 24, queue->driver, 8);
	return tell(vhost, VHOST_SET_VRING_ADDR, &message);
}

int vhost_start_queue(struct vhost_user *vhost, const struct vhost_queue *queue)
{
	/* a packed ring begins with both wrap counters set, at index 0 */
	const uint32_t base = queue->packed ? 0x80008000u : 0;

	if (tell_vring(vhost, VHOST_SET_VRING_NUM, queue->index, queue->size) < 0 ||
	    tell_vring(vhost, VHOST_SET_VRING_BASE, queue->index, base) < 0 ||
	    tell_addresses(vhost, queue) < 0 ||
	    tell_descriptor(vhost, VHOST_SET_VRING_CALL, queue->index, queue->call) < 0 ||
	    tell_descriptor(vhost, VHOST_SET_VRING_KICK, queue->index, queue->kick) < 0) {
		return -1;
	}
	return vhost->features >> VHOST_F_PROTOCOL_FEATURES & 1
		       ? tell_vring(vhost, VHOST_SET_VRING_ENABLE, queue->index, 1)
		       : 0;
}

int vhost_stop_queue(struct vhost_user *vhost, uint32_t index)
{
	struct message message = { .size = 8 };

	store_le(payload(&message), index, 4);
	store_le(payload(&message) + 4, 0, 4);
	return ask(vhost, VHOST_GET_VRING_BASE, 0, &message, 8);
}
