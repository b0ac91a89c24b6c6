/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that come late belong to requests that were given up: they are told by their number. */
#include "client/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/internal.h"

#define HELLO_TIMEOUT_MS 5000u

struct control {
	int fd;
	uint32_t sequence; /* of the last request */
	struct io_message message;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One frame of the manager, checked; -1 with why. What came with it is closed. */
static int receive(struct control *control, uint64_t end_ms, struct vmsg_wire_header *header,
		   char *why, size_t why_size)
{
	struct pollfd readable = { .fd = control->fd, .events = POLLIN };
	struct io_message *message = &control->message;
	int received = 0;

	while (received == 0) {
		const uint64_t now = now_ms();
		const int ready = poll(&readable, 1, end_ms > now ? (int)(end_ms - now) : 0);
		if (ready == 0 || (ready < 0 && errno != EINTR)) {
			snprintf(why, why_size, "no answer in time");
			return -1;
		}
		received = ready < 0 ? 0 : io_receive(message, control->fd, false);
	}
	if (received < 0 || message->size == 0) {
		snprintf(why, why_size, "the manager is gone");
		return -1;
	}
	io_done(message);
	if (vmsg_wire_check(message->bytes, message->size, 0, false, header, why, why_size) != 0) {
		return -1;
	}
	if (header->kind == VMSG_WIRE_REFUSE) {
		struct vmsg_wire_refuse refuse;
		vmsg_wire_decode_refuse(message->bytes, message->size, &refuse);
		snprintf(why, why_size, "the manager refused: %s", refuse.text);
		return -1;
	}
	return 0;
}

static int say_hello(struct control *control, char *why, size_t why_size)
{
	const struct vmsg_wire_hello hello = { .magic = VMSG_WIRE_MAGIC,
					       .version = VMSG_WIRE_VERSION,
					       .role = VMSG_WIRE_CONTROLLER };
	struct vmsg_wire_header header;
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	/* It may have refused before it looked: what it says then is still there to read. */
	(void)io_send(control->fd, frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0, true);
	if (receive(control, now_ms() + HELLO_TIMEOUT_MS, &header, why, why_size) != 0) {
		return -1;
	}
	if (header.kind != VMSG_WIRE_WELCOME) {
		snprintf(why, why_size, "the manager does not answer a HELLO as it should");
		return -1;
	}
	return 0;
}

struct control *control_open(const char *socket_path, char *why, size_t why_size)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	if (emu_dial(socket_path, &control->fd, why, why_size) != 0 ||
	    say_hello(control, why, why_size) != 0) {
		control_close(control);
		return NULL;
	}
	return control;
}

void control_close(struct control *control)
{
	if (control && control->fd >= 0) {
		close(control->fd);
	}
	free(control);
}

static int refuse_error(struct json_value object, char *why, size_t why_size)
{
	char error[64];
	char detail[160];

	if (!json_read_string(json_read_member(object, "error"), error, sizeof(error))) {
		return 0;
	}
	if (!json_read_string(json_read_member(object, "detail"), detail, sizeof(detail))) {
		detail[0] = '\0';
	}
	snprintf(why, why_size, "%s%s%s", error, detail[0] ? ": " : "", detail);
	return -1;
}

int control_ask(struct control *control, uint16_t partition, const char *request,
		uint32_t timeout_ms, control_each each, void *context, char *why, size_t why_size)
{
	const uint64_t end_ms = now_ms() + timeout_ms;
	const size_t size = strlen(request);
	struct vmsg_wire_header header = { .kind = VMSG_WIRE_CONTROL,
					   .vcpu = partition,
					   .sequence = ++control->sequence };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	bool is_wanted = true;

	if (size > VMSG_WIRE_CONTROL_TEXT_MAX) {
		snprintf(why, why_size, "the request has %zu bytes, at most %u fit", size,
			 VMSG_WIRE_CONTROL_TEXT_MAX);
		return -1;
	}
	if (io_send(control->fd, frame, vmsg_wire_encode_control(frame, &header, request, size),
		    NULL, 0, true) != 0) {
		snprintf(why, why_size, "the manager is gone");
		return -1;
	}
	do {
		struct json_value object;
		if (receive(control, end_ms, &header, why, why_size) != 0) {
			return -1;
		}
		if (header.kind != VMSG_WIRE_CONTROL || header.sequence != control->sequence) {
			header.flags = VMSG_WIRE_CONTROL_MORE; /* of an earlier one */
			continue;
		}
		const struct vmsg_bytes text =
			vmsg_wire_control_text(control->message.bytes, control->message.size);
		if (!json_read((const char *)text.data, text.size, &object) ||
		    object.text[0] != '{') {
			snprintf(why, why_size, "the answer is no JSON object");
			return -1;
		}
		if (refuse_error(object, why, why_size) != 0) {
			return -1;
		}
		is_wanted = is_wanted && each && each(context, object);
	} while (header.flags & VMSG_WIRE_CONTROL_MORE);
	return 0;
}
