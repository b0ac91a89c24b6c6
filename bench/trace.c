/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tracing costs: a direct message and its answer through a manager that writes a text, one
 * that writes a capture, and one that writes both, against one that is not watched. Interleaved,
 * all on one core, so that the writer's thread takes its time from the same core.
 */
#include <stdio.h>

#include "system.h"

#define ROUND_TRIPS 5000
#define ECHO_ID     0x8001

struct watched {
	const char *name;
	const char *text;
	const char *pcapng;
	struct manager manager;
	pid_t echo;
	struct vmsg_emu *emu;
	double ns[ROUNDS];
	double ratios[ROUNDS];
};

int main(void)
{
	static struct watched cases[] = {
		{ .name = "off" },
		{ .name = "text", .text = "/dev/null" },
		{ .name = "pcapng", .pcapng = "/dev/null" },
		{ .name = "both", .text = "/dev/null", .pcapng = "/dev/null" },
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);

	pin();
	for (size_t i = 0; i < count; i++) {
		start_traced_manager(&cases[i].manager, cases[i].text, cases[i].pcapng);
		cases[i].echo = spawn_echo(&cases[i].manager, ECHO_ID);
		cases[i].emu = join(&cases[i].manager, 1, NULL, 0);
		time_direct(cases[i].emu, ECHO_ID, ROUND_TRIPS);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < count; i++) {
			cases[i].ns[round] = time_direct(cases[i].emu, ECHO_ID, ROUND_TRIPS);
			cases[i].ratios[round] = cases[i].ns[round] / cases[0].ns[round];
		}
	}
	for (size_t i = 0; i < count; i++) {
		const double ns = median(cases[i].ns);
		/* a message and its answer are two calls and two returns */
		printf("tracing %-6s %6.1f us, %6.0f calls a second, time / off %.2f\n",
		       cases[i].name, ns / 1000, 2e9 / ns, median(cases[i].ratios));
		vmsg_emu_close(cases[i].emu);
		end(cases[i].echo);
		end(cases[i].manager.pid);
	}
	return 0;
}
