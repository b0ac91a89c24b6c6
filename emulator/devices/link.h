/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where Ethernet frames come from and go to: a TAP interface, or a stream socket on which each
 * frame follows its length in 4 big-endian bytes (what passt and QEMU's "-netdev stream" speak).
 */
#ifndef VMSG_EMULATOR_DEVICES_LINK_H
#define VMSG_EMULATOR_DEVICES_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define LINK_FRAME_MAX  65549u /* 64 KiB - 1 and an Ethernet header, less a little */
#define LINK_PREFIX     4u
#define LINK_PIECES_MAX 64

struct link {
	int fd;     /* -1: down */
	int out_fd; /* the same under another number: epoll waits for one event of a number */
	bool is_stream;
	uint8_t input[LINK_PREFIX + LINK_FRAME_MAX];
	size_t input_size; /* of the frame being received, with its prefix */
	size_t sent;       /* of the frame being sent, with its prefix */
	uint8_t rest[LINK_PREFIX + LINK_FRAME_MAX]; /* of a frame that its sender gave up */
	size_t rest_size;
	size_t rest_sent;
};

/* TAP interface `name`; with `multi` one queue of several. 0, or -1 with one line in `why`. */
int link_open_tap(struct link *link, const char *name, bool multi, char *why, size_t why_size);
/* Of several queues of a TAP interface: whether the kernel gives frames to this one, as it does
 * after opening. 0, also when it is down, or -1. */
int link_set_attached(struct link *link, bool attached);
/* Connects to the Unix socket `path`. */
int link_open_socket(struct link *link, const char *path, char *why, size_t why_size);
void link_close(struct link *link);

/* The next frame: 1 with `frame` (valid until the next call), 0 when none is there yet, -1 when the
 * other side has gone or broken the framing: the link is down then. */
int link_receive(struct link *link, const uint8_t **frame, size_t *size);

/* Sends a frame in at most LINK_PIECES_MAX pieces: 1 when it is out, 0 when the rest must wait
 * (call again with the same frame), -1 when the link is down. */
int link_send(struct link *link, const struct iovec *pieces, int count);

/* The frame that link_send() is in the middle of will not be offered again: the link keeps what is
 * left of it, and sends that before anything else. */
void link_keep_rest(struct link *link, const struct iovec *pieces, int count);

#endif
