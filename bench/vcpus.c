/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 4: 64 vCPUs on one connection, each with a direct request outstanding, against one vCPU of
 * the same partitions: rate of requests through the daemon. On one core.
 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "system.h"

#define VCPUS   SPMC_VCPUS_MAX
#define BATCHES 1000
#define VM_ID   1
#define SP_ID   0x8001

static const struct spmc_partition_config partitions[] = {
	{ .name = "vm",
	  .id = VM_ID,
	  .vcpu_count = VCPUS,
	  .properties = VMSG_FFA_PROPERTY_DIRECT2_SEND | VMSG_FFA_PROPERTY_AARCH64 },
	{ .name = "sp",
	  .id = SP_ID,
	  .vcpu_count = VCPUS,
	  .properties = VMSG_FFA_PROPERTY_DIRECT2_RECEIVE | VMSG_FFA_PROPERTY_AARCH64 },
};

/* Waits until at least one call has returned. */
static size_t finish_some(struct vmsg_emu *emu, struct vmsg_emu_call *calls)
{
	for (;;) {
		const int count = vmsg_emu_finish_many(emu, calls, VCPUS);
		if (count < 0) {
			return 0;
		}
		if (count > 0) {
			return (size_t)count;
		}
		struct pollfd readable = { .fd = vmsg_emu_fd(emu), .events = POLLIN };
		poll(&readable, 1, -1);
	}
}

static void run_server(void *context, int ready)
{
	struct vmsg_emu *emu = join(context, SP_ID, NULL, 0);
	struct vmsg_emu_call calls[VCPUS];
	size_t count = VCPUS;

	for (uint16_t i = 0; i < VCPUS; i++) {
		calls[i] =
			(struct vmsg_emu_call){ .vcpu = i, .regs.x = { VMSG_FFA_ID32(MSG_WAIT) } };
	}
	if (vmsg_emu_start_many(emu, calls, count) < 0) {
		return;
	}
	(void)!write(ready, "", 1);
	while ((count = finish_some(emu, calls)) > 0) {
		for (size_t i = 0; i < count; i++) {
			calls[i].regs.x[0] = VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
			calls[i].regs.x[1] = (uint64_t)SP_ID << 16 | VM_ID;
		}
		if (vmsg_emu_start_many(emu, calls, count) < 0) {
			return;
		}
	}
}

/* Nanoseconds for a request when `vcpus` ask at a time. */
static double time_requests(struct vmsg_emu *emu, size_t vcpus)
{
	struct vmsg_emu_call calls[VCPUS];
	const size_t batches = BATCHES * (vcpus == 1 ? 8 : 1);
	const uint64_t start = now_ns();

	for (size_t batch = 0; batch < batches; batch++) {
		for (size_t i = 0; i < vcpus; i++) {
			calls[i] = (struct vmsg_emu_call){
				.vcpu = (uint16_t)i,
				.regs.x = { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
					    (uint64_t)VM_ID << 16 | SP_ID },
			};
		}
		if (vmsg_emu_start_many(emu, calls, vcpus) < 0) {
			die("start");
		}
		for (size_t done = 0; done < vcpus;) {
			const size_t count = finish_some(emu, calls);
			if (count == 0 ||
			    calls[0].regs.x[0] != VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2)) {
				fprintf(stderr, "no answer\n");
				return 0;
			}
			done += count;
		}
	}
	return (double)(now_ns() - start) / (double)(batches * vcpus);
}

int main(void)
{
	double one[ROUNDS], many[ROUNDS], ratios[ROUNDS];
	struct manager manager;

	pin();
	start_manager(&manager, partitions, 2);
	const pid_t server = spawn(run_server, &manager);
	struct vmsg_emu *emu = join(&manager, VM_ID, NULL, 0);

	time_requests(emu, VCPUS);
	for (int i = 0; i < ROUNDS; i++) {
		one[i] = time_requests(emu, 1);
		many[i] = time_requests(emu, VCPUS);
		ratios[i] = one[i] / many[i];
	}
	vmsg_emu_close(emu);
	end(server);
	end(manager.pid);
	printf("a direct request: of one vCPU %.1f us, of 64 at a time %.1f us each\n",
	       median(one) / 1000, median(many) / 1000);
	return report("goal 4   64 vCPUs / 1 vCPU on one connection, rate", ratios, 5, 10, false);
}
