/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames over a TAP interface or a stream socket, without blocking. */
#include "devices/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int complain(struct link *link, const char *what, const char *name, char *why,
		    size_t why_size)
{
	(void)snprintf(why, why_size, "%s '%s': %s", what, name, strerror(errno));
	link_close(link);
	return -1;
}

static bool number_twice(struct link *link)
{
	link->out_fd = fcntl(link->fd, F_DUPFD_CLOEXEC, 0);
	return link->out_fd >= 0;
}

int link_open_tap(struct link *link, const char *name, bool multi, char *why, size_t why_size)
{
	struct ifreq request = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI |
						      (multi ? IFF_MULTI_QUEUE : 0)) };

	link->is_stream = false;
	link->fd = -1;
	link->out_fd = -1;
	if (strlen(name) >= sizeof(request.ifr_name)) {
		errno = ENAMETOOLONG;
		return complain(link, "tap", name, why, why_size);
	}
	memcpy(request.ifr_name, name, strlen(name));
	link->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (link->fd < 0 || ioctl(link->fd, TUNSETIFF, &request) < 0 || !number_twice(link)) {
		return complain(link, "tap", name, why, why_size);
	}
	return 0;
}

int link_set_attached(struct link *link, bool attached)
{
	struct ifreq request = { .ifr_flags =
					 (short)(attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE) };

	return link->fd >= 0 && ioctl(link->fd, TUNSETQUEUE, &request) < 0 ? -1 : 0;
}

int link_open_socket(struct link *link, const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	link->is_stream = true;
	link->fd = -1;
	link->out_fd = -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return complain(link, "socket", path, why, why_size);
	}
	memcpy(address.sun_path, path, strlen(path));
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0 ||
	    connect(link->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fcntl(link->fd, F_SETFL, O_NONBLOCK) < 0 || !number_twice(link)) {
		return complain(link, "socket", path, why, why_size);
	}
	return 0;
}

void link_close(struct link *link)
{
	if (link->out_fd >= 0) {
		(void)close(link->out_fd);
	}
	if (link->fd >= 0) {
		(void)close(link->fd);
	}
	link->fd = -1;
	link->out_fd = -1;
	link->input_size = 0;
	link->sent = 0;
	link->rest_size = 0;
	link->rest_sent = 0;
}

static int down(struct link *link)
{
	link_close(link);
	return -1;
}

/* Whether the last call on the link only has to be made again later. */
static bool must_wait(void)
{
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* ---- receiving ---- */

/* Reads until `size` bytes of the frame are there: 1, 0, -1. */
static int gather(struct link *link, size_t size)
{
	while (link->input_size < size) {
		const ssize_t got =
			read(link->fd, link->input + link->input_size, size - link->input_size);
		if (got <= 0) {
			return got < 0 && must_wait() ? 0 : down(link);
		}
		link->input_size += (size_t)got;
	}
	return 1;
}

static int receive_stream(struct link *link, const uint8_t **frame, size_t *size)
{
	int result = gather(link, LINK_PREFIX);

	if (result != 1) {
		return result;
	}
	*size = (size_t)link->input[0] << 24 | (size_t)link->input[1] << 16 |
		(size_t)link->input[2] << 8 | link->input[3];
	if (*size == 0 || *size > LINK_FRAME_MAX) {
		return down(link); /* no framing that we know: nothing after it makes sense */
	}
	result = gather(link, LINK_PREFIX + *size);
	if (result == 1) {
		*frame = link->input + LINK_PREFIX;
		link->input_size = 0;
	}
	return result;
}

int link_receive(struct link *link, const uint8_t **frame, size_t *size)
{
	if (link->fd < 0) {
		return -1;
	}
	if (link->is_stream) {
		return receive_stream(link, frame, size);
	}
	const ssize_t got = read(link->fd, link->input, sizeof(link->input));
	if (got < 0) {
		return must_wait() ? 0 : down(link);
	}
	*frame = link->input;
	*size = (size_t)got;
	return 1;
}

/* ---- sending ---- */

static size_t total(const struct iovec *pieces, int count)
{
	size_t size = 0;

	for (int i = 0; i < count; i++) {
		size += pieces[i].iov_len;
	}
	return size;
}

/* What is left of `pieces` when `skip` bytes are out. */
static int rest_of(const struct iovec *pieces, int count, size_t skip, struct iovec *rest)
{
	int used = 0;

	for (int i = 0; i < count; i++) {
		if (skip >= pieces[i].iov_len) {
			skip -= pieces[i].iov_len;
			continue;
		}
		rest[used].iov_base = (uint8_t *)pieces[i].iov_base + skip;
		rest[used++].iov_len = pieces[i].iov_len - skip;
		skip = 0;
	}
	return used;
}

/* The frame with its prefix, as vectors. */
static int with_prefix(const struct iovec *pieces, int count, uint8_t prefix[LINK_PREFIX],
		       struct iovec all[LINK_PIECES_MAX + 1])
{
	const size_t size = total(pieces, count);

	for (unsigned int i = 0; i < LINK_PREFIX; i++) {
		prefix[i] = (uint8_t)(size >> (24 - 8 * i));
	}
	all[0] = (struct iovec){ prefix, LINK_PREFIX };
	memcpy(all + 1, pieces, (size_t)count * sizeof(*pieces));
	return count + 1;
}

/* Sends what is left behind `*sent`: 1 when all of it is out, 0, -1. */
static int send_rest(struct link *link, const struct iovec *pieces, int count, size_t *sent)
{
	const size_t size = total(pieces, count);
	struct iovec rest[LINK_PIECES_MAX + 1];

	while (*sent < size) {
		struct msghdr message = { .msg_iov = rest };
		message.msg_iovlen = (size_t)rest_of(pieces, count, *sent, rest);
		const ssize_t done = sendmsg(link->fd, &message, MSG_NOSIGNAL);
		if (done < 0) {
			return must_wait() ? 0 : down(link);
		}
		*sent += (size_t)done;
	}
	*sent = 0;
	return 1;
}

static int send_stream(struct link *link, const struct iovec *pieces, int count)
{
	const struct iovec kept = { link->rest, link->rest_size };
	struct iovec all[LINK_PIECES_MAX + 1];
	uint8_t prefix[LINK_PREFIX];

	if (link->rest_size > 0) {
		const int result = send_rest(link, &kept, 1, &link->rest_sent);
		if (result != 1) {
			return result;
		}
		link->rest_size = 0;
	}
	return send_rest(link, all, with_prefix(pieces, count, prefix, all), &link->sent);
}

void link_keep_rest(struct link *link, const struct iovec *pieces, int count)
{
	struct iovec all[LINK_PIECES_MAX + 1];
	struct iovec rest[LINK_PIECES_MAX + 1];
	uint8_t prefix[LINK_PREFIX];

	if (link->fd < 0 || link->sent == 0) {
		return;
	}
	count = rest_of(all, with_prefix(pieces, count, prefix, all), link->sent, rest);
	link->rest_size = 0;
	link->rest_sent = 0;
	for (int i = 0; i < count; i++) {
		memcpy(link->rest + link->rest_size, rest[i].iov_base, rest[i].iov_len);
		link->rest_size += rest[i].iov_len;
	}
	link->sent = 0;
}

int link_send(struct link *link, const struct iovec *pieces, int count)
{
	if (link->fd < 0) {
		return -1;
	}
	if (link->is_stream) {
		return send_stream(link, pieces, count);
	}
	if (writev(link->fd, pieces, count) >= 0 || errno == EINVAL || errno == EIO) {
		return 1; /* taken, or a frame that the interface (perhaps switched off) drops */
	}
	return must_wait() ? 0 : down(link);
}
