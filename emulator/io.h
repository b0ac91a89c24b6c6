/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages and descriptors over a seqpacket socket. Shared by server and client. */
#ifndef VMSG_EMULATOR_IO_H
#define VMSG_EMULATOR_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* A message that has arrived: one or more frames. Descriptors belong to the first; whoever takes
 * one over sets it to -1. */
struct io_message {
	uint8_t bytes[VMSG_WIRE_FRAME_MAX];
	size_t size;
	int flags; /* MSG_TRUNC, MSG_CTRUNC */
	int descriptors[VMSG_WIRE_DESCRIPTORS_MAX];
	size_t descriptor_count;
};

/* 1, 0 when there is none and `wait` is false or a signal came, or -1 with errno. A message of size
 * 0 is the end of the connection. */
int io_receive(struct io_message *message, int fd, bool wait);
/* Closes the descriptors that nobody has taken over. */
void io_done(struct io_message *message);

/* One message: 0, or -1 with errno. */
int io_send(int fd, uint8_t *bytes, size_t size, const int *descriptors, size_t descriptor_count,
	    bool wait);

/* Frames that go out as one message; its descriptors are closed when it has gone. */
struct io_outbox {
	uint8_t bytes[VMSG_WIRE_FRAME_MAX];
	size_t size;
	int descriptors[VMSG_WIRE_BANKS_MAX];
	size_t descriptor_count;
};

/* Sends what is in the box and empties it, also when that fails: 0, or -1 with errno. */
int io_flush(struct io_outbox *outbox, int fd, bool wait);

#endif
