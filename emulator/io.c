/* SPDX-License-Identifier: BSD-3-Clause */
/* Every message between partitions and manager goes through here. */
#include "io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void collect_descriptors(struct msghdr *header, struct io_message *message)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS) {
			const size_t size = control->cmsg_len - CMSG_LEN(0);
			memcpy(&message->descriptors[message->descriptor_count], CMSG_DATA(control),
			       size);
			message->descriptor_count += size / sizeof(int);
		}
	}
}

int io_receive(struct io_message *message, int fd, bool wait)
{
	/* As many descriptors as the kernel passes at once: none gets lost unnoticed. */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(message->descriptors))];
	struct iovec part = { .iov_base = message->bytes, .iov_len = sizeof(message->bytes) };
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };

	message->descriptor_count = 0;
	const ssize_t size = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	if (size < 0) {
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	message->size = (size_t)size;
	message->flags = header.msg_flags;
	collect_descriptors(&header, message);
	return 1;
}

static void close_all(int *descriptors, size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		if (descriptors[i] >= 0) {
			close(descriptors[i]);
		}
	}
	*count = 0;
}

void io_done(struct io_message *message)
{
	close_all(message->descriptors, &message->descriptor_count);
}

static ssize_t send_with(int fd, uint8_t *bytes, size_t size, const int *descriptors,
			 size_t descriptor_count, int flags)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * VMSG_WIRE_BANKS_MAX)];
	struct iovec part = { .iov_base = bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count) };

	memset(control, 0, message.msg_controllen);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
	memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
	return sendmsg(fd, &message, flags);
}

int io_send(int fd, uint8_t *bytes, size_t size, const int *descriptors, size_t descriptor_count,
	    bool wait)
{
	const int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
	ssize_t sent;

	do {
		/* Nearly all messages come without, and the plain call costs less. */
		sent = descriptor_count > 0
			       ? send_with(fd, bytes, size, descriptors, descriptor_count, flags)
			       : send(fd, bytes, size, flags);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

int io_flush(struct io_outbox *outbox, int fd, bool wait)
{
	int result = 0;

	if (outbox->size > 0) {
		result = io_send(fd, outbox->bytes, outbox->size, outbox->descriptors,
				 outbox->descriptor_count, wait);
		outbox->size = 0;
	}
	const int error = errno;
	close_all(outbox->descriptors, &outbox->descriptor_count);
	errno = error;
	return result;
}
