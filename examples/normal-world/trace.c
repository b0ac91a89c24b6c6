/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One line a call: "ffa CALL x1.. -> ANSWER x1..", registers in hex without trailing zeros. Direct
 * messages show the virtio-msg frame's first eight bytes, which name it.
 */
#include "trace.h"

static void print_hex(const struct trace *trace, uint64_t value)
{
	char text[18];
	int at = 17;

	text[at] = 0;
	do {
		text[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	text[--at] = ' ';
	trace->print(text + at);
}

static void print_registers(const struct trace *trace, const struct vmsg_ffa_regs *regs)
{
	int last = VMSG_FFA_REGISTERS - 1;

	while (last > 0 && regs->x[last] == 0) {
		last--;
	}
	trace->print(vmsg_ffa_call_name((uint32_t)regs->x[0]));
	for (int i = 1; i <= last; i++) {
		print_hex(trace, regs->x[i]);
	}
}

static void trace_call(void *context, struct vmsg_ffa_regs *regs)
{
	struct trace *trace = context;

	trace->print("# ffa ");
	print_registers(trace, regs);
	trace->below.call(trace->below.context, regs);
	trace->print(" -> ");
	print_registers(trace, regs);
	trace->print("\n");
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
				  void (*print)(const char *text))
{
	trace->below = *below;
	trace->print = print;
	return (struct vmsg_conduit){
		.call = trace_call,
		.map = trace_map,
		.unmap = trace_unmap,
		.now = trace_now,
		.context = trace,
	};
}
