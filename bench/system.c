/* SPDX-License-Identifier: BSD-3-Clause */
#include "system.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/server.h"

void die(const char *what)
{
	perror(what);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void pin(void)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all) != 0) {
		die("sched_getaffinity");
	}
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	if (sched_setaffinity(0, sizeof(one), &one) != 0) {
		die("sched_setaffinity");
	}
}

pid_t spawn(void (*run)(void *context, int ready), void *context)
{
	int ends[2];
	char byte;

	if (pipe(ends) != 0) {
		die("pipe");
	}
	const pid_t pid = fork();
	if (pid < 0) {
		die("fork");
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		run(context, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1) {
		fprintf(stderr, "a child does not start\n");
		exit(1);
	}
	close(ends[0]);
	return pid;
}

void end(pid_t child)
{
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
}

static void run_manager(void *context, int ready)
{
	const struct manager *manager = context;
	struct vmsg_server_options options = {
		.socket_path = manager->path,
		.partitions = manager->partitions,
		.partition_count = manager->partition_count,
		.stop_on_signals = true,
	};
	const struct tap_options tap_options = { .text = manager->text, .pcapng = manager->pcapng };
	struct vmsg_server *server;
	char why[256];

	if (manager->text || manager->pcapng) {
		options.tap = tap_open(&tap_options, why, sizeof(why));
	}
	if (vmsg_server_create(&server, &options, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	(void)!write(ready, "", 1);
	vmsg_server_run(server);
	vmsg_server_destroy(server);
	tap_close(options.tap);
}

static void start(struct manager *manager)
{
	static int count;

	snprintf(manager->path, sizeof(manager->path), "/tmp/vmsg-bench-%d-%d.sock", (int)getpid(),
		 count++);
	manager->pid = spawn(run_manager, manager);
}

void start_manager(struct manager *manager, const struct spmc_partition_config *partitions,
		   size_t partition_count)
{
	*manager = (struct manager){ .partitions = partitions, .partition_count = partition_count };
	start(manager);
}

void start_traced_manager(struct manager *manager, const char *text, const char *pcapng)
{
	*manager = (struct manager){ .text = text, .pcapng = pcapng };
	start(manager);
}

void must_call(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	const uint64_t function_id = regs->x[0];

	conduit.call(conduit.context, regs);
	const int32_t status = vmsg_ffa_reply_status(regs);
	if (status != VMSG_FFA_OK) {
		fprintf(stderr, "%s: %s\n", vmsg_ffa_call_name((uint32_t)function_id),
			vmsg_ffa_status_name(status));
		exit(1);
	}
}

struct vmsg_emu *join(const struct manager *manager, uint16_t id, struct vmsg_emu_bank *banks,
		      size_t bank_count)
{
	struct vmsg_emu_options options = {
		.socket_path = manager->path, .id = id, .banks = banks, .bank_count = bank_count
	};
	struct vmsg_emu *emu;
	char why[256];

	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(VERSION), VMSG_FFA_VERSION_1_2 } };
	must_call(emu, &regs);
	if (bank_count > 0) {
		regs = (struct vmsg_ffa_regs){ .x = { VMSG_FFA_ID64(RXTX_MAP), banks[0].address,
						      banks[0].address + VMSG_FFA_PAGE_SIZE, 1 } };
		must_call(emu, &regs);
	}
	return emu;
}

uint64_t share_pages(struct vmsg_emu *emu, const struct vmsg_emu_bank *bank, uint16_t borrower,
		     uint64_t page, uint32_t pages)
{
	const struct vmsg_ffa_memory_header header = {
		.sender = vmsg_emu_id(emu),
		.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
		.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
	};
	const struct vmsg_ffa_memory_access access = { .endpoint = borrower,
						       .permissions = VMSG_FFA_DATA_RW };
	const struct vmsg_ffa_range range = { .address = bank->address + page * VMSG_FFA_PAGE_SIZE,
					      .pages = pages };

	const int size =
		vmsg_ffa_memory_build(&header, &access, 1, &range, 1,
				      (struct vmsg_span){ bank->data, VMSG_FFA_PAGE_SIZE });
	if (size < 0) {
		die("descriptor");
	}
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID64(MEM_SHARE), (uint64_t)size,
					     (uint64_t)size } };
	must_call(emu, &regs);
	return regs.x[2] | regs.x[3] << 32;
}

void reclaim(struct vmsg_emu *emu, uint64_t handle)
{
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(MEM_RECLAIM), handle & UINT32_MAX,
					     handle >> 32 } };

	must_call(emu, &regs);
}

struct echo {
	const struct manager *manager;
	uint16_t id;
};

static void run_echo(void *context, int ready)
{
	const struct echo *echo = context;
	struct vmsg_emu *emu = join(echo->manager, echo->id, NULL, 0);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(MSG_WAIT) } };

	(void)!write(ready, "", 1);
	for (;;) {
		conduit.call(conduit.context, &regs);
		if (regs.x[0] != VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2)) {
			return;
		}
		regs.x[0] = VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
		regs.x[1] = (uint64_t)echo->id << 16 | vmsg_ffa_source(&regs);
		regs.x[2] = 0;
		regs.x[3] = 0;
	}
}

pid_t spawn_echo(const struct manager *manager, uint16_t id)
{
	struct echo echo = { .manager = manager, .id = id };

	return spawn(run_echo, &echo);
}

double time_direct(struct vmsg_emu *emu, uint16_t id, int count)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	const uint64_t start = now_ns();

	for (int i = 0; i < count; i++) {
		struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
						     (uint64_t)vmsg_emu_id(emu) << 16 | id } };
		conduit.call(conduit.context, &regs);
		while (regs.x[0] == VMSG_FFA_ID32(INTERRUPT)) {
			regs.x[0] = VMSG_FFA_ID32(RUN);
			regs.x[2] = 0;
			conduit.call(conduit.context, &regs);
		}
		if (regs.x[0] != VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2)) {
			fprintf(stderr, "no answer: %s\n",
				vmsg_ffa_status_name(vmsg_ffa_reply_status(&regs)));
			exit(1);
		}
	}
	return (double)(now_ns() - start) / count;
}

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return (a > b) - (a < b);
}

double median(const double values[ROUNDS])
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare);
	return sorted[ROUNDS / 2];
}

int report(const char *goal, const double ratios[ROUNDS], double must, double aim,
	   bool limit_is_maximum)
{
	const double ratio = median(ratios);
	const bool is_met = limit_is_maximum ? ratio <= must : ratio >= must;
	const bool is_aim = limit_is_maximum ? ratio <= aim : ratio >= aim;
	double low = ratios[0];
	double high = ratios[0];

	for (size_t i = 1; i < ROUNDS; i++) {
		low = ratios[i] < low ? ratios[i] : low;
		high = ratios[i] > high ? ratios[i] : high;
	}
	printf("%s: %.2f (%.2f to %.2f); must %.2f, aim %.2f: %s\n", goal, ratio, low, high, must,
	       aim,
	       is_aim   ? "met"
	       : is_met ? "aim missed"
			: "MISSED");
	return is_met ? 0 : 1;
}
