/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of `vmsg-ffa-emu trace` share: a packet as it has been read, and its printers. */
#ifndef VMSG_EMULATOR_COMMANDS_TRACE_H
#define VMSG_EMULATOR_COMMANDS_TRACE_H

#include "tap/frame.h"
#include "tap/text.h"
#include "virtio_msg_ffa/schema.h"

struct trace_packet {
	uint64_t number;    /* in the file, from 1 */
	uint64_t lost;      /* records before it that the writer had no room for */
	uint64_t origin_ns; /* time of the first packet */
	struct tap_record record;
	uint32_t answered; /* a return: function id of the call that returns, 0 if not known */
	bool has_message;  /* the next two hold a frame of virtio-msg, or what should be one */
	struct tap_frame frame;
	struct tap_reading reading;
};

/* The status of an FFA_ERROR that is returned, else NULL. */
const char *trace_status(const struct trace_packet *packet);
/* Class and kind of a message: "transport", "request". The reply that a direct message needs to an
 * event is of the kind "reply". */
const char *trace_class(const struct trace_packet *packet);
const char *trace_kind(const struct trace_packet *packet);

/* The frame's own bytes: as long as it says, or without the zeros at its end. */
struct vmsg_bytes trace_frame_bytes(const struct trace_packet *packet);

/* trace_text.c: a line; with TAP_ALL, every field below it; with `hex`, the bytes. */
void trace_print_text(const struct trace_packet *packet, enum tap_detail detail, bool hex);
/* Value of a field as text: numbers as in lines, and what they mean in `meaning` ("" for nothing).
 */
#define TRACE_VALUE_SIZE   8400u /* a tail of 4096 bytes in hex */
#define TRACE_MEANING_SIZE 256u
void trace_field_value(const struct trace_packet *packet, const struct vmsg_field_info *info,
		       char value[TRACE_VALUE_SIZE], char meaning[TRACE_MEANING_SIZE]);

/* trace_json.c: one object on a line. */
void trace_print_json(const struct trace_packet *packet);

/* trace_page.c: a page with the sequence diagram. */
struct trace_page;
/* NULL, reported. */
struct trace_page *trace_page_open(const char *path, const char *capture);
void trace_page_add(struct trace_page *page, const struct trace_packet *packet);
/* `damage`: why the capture ended early, or NULL. 0, or -1 reported. */
int trace_page_close(struct trace_page *page, const char *damage);

#endif
