/* SPDX-License-Identifier: BSD-3-Clause */
/* A conduit that prints every FF-A call it passes on, and what came back. */
#ifndef EXAMPLES_NORMAL_WORLD_TRACE_H
#define EXAMPLES_NORMAL_WORLD_TRACE_H

#include "virtio_msg_ffa/endpoint.h"

struct trace {
	struct vmsg_conduit below;
	void (*print)(const char *text);
};

/* The tracing conduit over `below`; valid as long as `trace`. */
struct vmsg_conduit trace_conduit(struct trace *trace, const struct vmsg_conduit *below,
				  void (*print)(const char *text));

#endif
