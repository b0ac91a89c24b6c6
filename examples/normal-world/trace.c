/* SPDX-License-Identifier: BSD-3-Clause */
/* Two lines a call, written by the emulator's own formatter: so what firmware and emulator print
 * can be compared line by line. */
#include "trace.h"

#include "tap/frame.h"
#include "tap/text.h"

static void print_record(struct trace *trace, struct tap_record *record, bool accepted)
{
	record->time_ns = trace->below.now(trace->below.context);
	record->partition = trace->partition;
	tap_sessions_follow(&trace->sessions, record, accepted);
	(void)tap_format(record, TAP_MAIN, trace->line, sizeof(trace->line));
	trace->print("# ");
	trace->print(trace->line);
	trace->print("\n");
}

static void trace_call(void *context, struct vmsg_ffa_regs *regs)
{
	struct trace *trace = context;
	struct tap_record record = { .kind = TAP_CALL, .regs = *regs };
	const uint32_t function_id = (uint32_t)regs->x[0];

	if (function_id == VMSG_FFA_ID32(MSG_SEND2)) {
		record.payload = tap_frame_in_buffer(
			(struct vmsg_bytes){ trace->tx.data, VMSG_FFA_PAGE_SIZE });
	}
	print_record(trace, &record, true);
	trace->below.call(trace->below.context, regs);
	record = (struct tap_record){ .kind = TAP_RETURN, .regs = *regs };
	if (function_id == VMSG_FFA_ID32(ID_GET) && vmsg_ffa_reply_status(regs) == 0) {
		trace->partition = (uint16_t)regs->x[2];
	}
	print_record(trace, &record, true);
}

static int trace_map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
		     size_t range_count, bool writable, struct vmsg_segment *segments,
		     size_t capacity)
{
	struct trace *trace = context;

	return trace->below.map(trace->below.context, handle, ranges, range_count, writable,
				segments, capacity);
}

static void trace_unmap(void *context, uint64_t handle)
{
	struct trace *trace = context;

	trace->below.unmap(trace->below.context, handle);
}

static uint64_t trace_now(void *context)
{
	struct trace *trace = context;

	return trace->below.now(trace->below.context);
}

struct vmsg_conduit trace_conduit(struct trace *trace, const struct vmsg_conduit *below,
				  struct vmsg_buffer tx, void (*print)(const char *text))
{
	trace->below = *below;
	trace->tx = tx;
	trace->print = print;
	trace->partition = 0;
	tap_sessions_init(&trace->sessions, trace->table, TRACE_SESSIONS);
	return (struct vmsg_conduit){
		.call = trace_call,
		.map = trace_map,
		.unmap = trace_unmap,
		.now = trace_now,
		.context = trace,
	};
}
