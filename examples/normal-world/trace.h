/* SPDX-License-Identifier: BSD-3-Clause */
/* A conduit that prints every FF-A call it passes on, and what came back, in the format of
 * `vmsg-ffa-emu serve --trace` (docs/tracing.md) behind "# ". */
#ifndef EXAMPLES_NORMAL_WORLD_TRACE_H
#define EXAMPLES_NORMAL_WORLD_TRACE_H

#include "virtio_msg_ffa/endpoint.h"

#include "tap/sessions.h"

#define TRACE_SESSIONS  8u
#define TRACE_LINE_SIZE 1024u

struct trace {
	struct vmsg_conduit below;
	struct vmsg_buffer tx;
	void (*print)(const char *text);
	uint16_t partition; /* as FFA_ID_GET has told; 0 before */
	struct tap_sessions sessions;
	struct tap_session table[TRACE_SESSIONS];
	char line[TRACE_LINE_SIZE];
};

/* The tracing conduit over `below`; valid as long as `trace`. `tx` is the buffer that indirect
 * messages are sent from. */
struct vmsg_conduit trace_conduit(struct trace *trace, const struct vmsg_conduit *below,
				  struct vmsg_buffer tx, void (*print)(const char *text));

#endif
