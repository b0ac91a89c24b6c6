/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Partitions that mean harm, against a manager in a process of its own: no other one notices more
 * than the codes that FF-A has for it, and the manager holds afterwards what it held before.
 */
#include "support/cmocka.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/partition.h"

#define SUCCESS       "84000061"
#define NOT_SUPPORTED "84000060 0 ffffffff"
#define INVALID       "84000060 0 fffffffe"
#define BUSY          "84000060 0 fffffffc"
#define DENIED        "84000060 0 fffffffa"
#define ABORTED       "84000060 0 fffffff8"

static struct daemon daemon_process;
static struct daemon_holdings before;

static int open_system(void **state)
{
	(void)state;
	daemon_start(&daemon_process, NULL, NULL);
	before = daemon_holdings(&daemon_process);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	assert_daemon_returns_to(&daemon_process, before);
	daemon_stop(&daemon_process);
	return 0;
}

/* ---- memory that changes ---- */

static atomic_bool is_enough;

/* The borrower of the descriptor, its count of ranges and a range, between good and absurd. */
static void *rewrite(void *context)
{
	volatile uint8_t *tx = context;
	uint32_t count = 0;

	while (!atomic_load(&is_enough)) {
		tx[48] = (uint8_t)(count & 1 ? 0x01 : 0x03); /* borrower 0x8001 or 0x8003 */
		tx[80] = (uint8_t)(count & 2 ? 1 : 200);     /* pages */
		tx[84] = (uint8_t)(count & 4 ? 1 : 255);     /* ranges */
		tx[28] = (uint8_t)(count & 8 ? 1 : 90);      /* borrowers */
		count++;
	}
	return NULL;
}

static void tx_that_changes_during_the_call(void **state)
{
	const struct partition_range range = { 8, 1 };
	struct partition vm, sp;
	struct vmsg_ffa_regs regs;
	pthread_t thread;
	unsigned done = 0;

	(void)state;
	partition_join(&vm, &daemon_process, 1);
	partition_join(&sp, &daemon_process, 0x8001);
	/* a good descriptor lies in TX from here on */
	const uint64_t first = partition_share(&vm, 0x8001, true, &range, 1);
	assert_string_equal(partition_call(&vm, "84000077 %" PRIx64 " %" PRIx64, first & UINT32_MAX,
					   first >> 32),
			    SUCCESS);
	atomic_store(&is_enough, false);
	assert_int_equal(pthread_create(&thread, NULL, rewrite, vm.bank.data), 0);
	for (int i = 0; i < 3000; i++) {
		regs_from_text(partition_call(&vm, "c4000073 70 70"), &regs);
		const int32_t status = vmsg_ffa_reply_status(&regs);
		if (status == VMSG_FFA_OK && regs.x[0] == VMSG_FFA_ID32(SUCCESS)) {
			done++;
			assert_string_equal(partition_call(&vm, "84000077 %" PRIx64 " %" PRIx64,
							   regs.x[2], regs.x[3]),
					    SUCCESS);
		} else {
			assert_true(status == VMSG_FFA_INVALID_PARAMETERS ||
				    status == VMSG_FFA_DENIED || status == VMSG_FFA_NO_MEMORY);
		}
	}
	atomic_store(&is_enough, true);
	pthread_join(thread, NULL);
	print_message("%u of 3000 descriptors were seen in a good state\n", done);
	/* nobody else was hurt */
	assert_string_equal(partition_call(&sp, "84000069"), SUCCESS " 0 8001");
	partition_leave(&vm);
	partition_leave(&sp);
}

/* ---- time ---- */

static void a_partition_that_never_answers(void **state)
{
	struct partition vm, other, sp, sp2;

	(void)state;
	partition_join(&vm, &daemon_process, 1);
	partition_join(&other, &daemon_process, 2);
	partition_join(&sp, &daemon_process, 0x8001);
	partition_join(&sp2, &daemon_process, 0x8002);
	partition_start(&sp, "8400006b");
	partition_request(&vm, &sp, "c400008d 18001");
	/* its time slice is over, again and again; the vCPU is named for RUN */
	assert_string_equal(partition_finish(&vm), "84000062 80010000");
	assert_string_equal(partition_call(&vm, "8400006d 80010000"), "84000062 80010000");
	/* a second one would wait for ever, so it does not wait */
	assert_string_equal(partition_call(&other, "c400008d 28001"), BUSY);
	/* the others are served */
	partition_start(&sp2, "8400006b");
	partition_request(&other, &sp2, "c400008d 28002");
	partition_start(&sp2, "c400008e 80020002 0 0 77");
	assert_string_equal(partition_finish(&other), "c400008e 80020002 0 0 77");
	/* the end of the silent one is told to who continues it */
	partition_start(&vm, "8400006d 80010000");
	partition_leave(&sp);
	while (strcmp(partition_finish(&vm), "84000062 80010000") == 0) {
		partition_start(&vm, "8400006d 80010000");
	}
	assert_string_equal(vm.reply, ABORTED);
	partition_leave(&vm);
	partition_leave(&other);
	partition_leave(&sp2);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A child that answers direct requests, says nothing and dies with us. */
static pid_t fork_echo(uint16_t id)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct vmsg_emu_options options = { .socket_path = daemon_process.socket_path,
						    .id = id };
		struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(VERSION), VMSG_FFA_VERSION_1_2 } };
		struct vmsg_emu *emu;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (vmsg_emu_connect(&emu, &options, NULL, 0) < 0 || write(ready[1], "", 1) != 1) {
			_exit(1);
		}
		const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
		conduit.call(conduit.context, &regs);
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_WAIT) } };
		for (;;) {
			conduit.call(conduit.context, &regs);
			if (vmsg_emu_is_lost(emu)) {
				_exit(0);
			}
			const uint16_t source = vmsg_ffa_source(&regs);
			const bool is_new = regs.x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2);
			const bool is_told = regs.x[0] == VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ);
			regs.x[0] = is_new    ? VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2)
				    : is_told ? VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP)
					      : VMSG_FFA_ID32(MSG_WAIT);
			regs.x[1] = is_new || is_told ? (uint64_t)id << 16 | source : 0;
			regs.x[2] = is_told ? regs.x[2] | 1 : 0; /* the framework's: destroyed */
			regs.x[3] = 0;
		}
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* A direct request and its answer; continues it when its time slice is over. */
static void round_trip(struct partition *vm, uint16_t to)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(vm->emu);
	struct vmsg_ffa_regs regs;

	do {
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
						 (uint64_t)vm->id << 16 | to } };
		conduit.call(conduit.context, &regs);
		while (regs.x[0] == VMSG_FFA_ID32(INTERRUPT)) {
			regs.x[0] = VMSG_FFA_ID32(RUN);
			regs.x[2] = 0;
			conduit.call(conduit.context, &regs);
		}
		/* it may still be on its way to waiting */
	} while (vmsg_ffa_reply_status(&regs) == VMSG_FFA_BUSY);
	assert_int_equal(regs.x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2));
}

/* The best of several batches: what the machine does besides counts little. */
static uint64_t best_time(struct partition *vm, uint16_t to)
{
	uint64_t best = UINT64_MAX;

	for (int batch = 0; batch < 20; batch++) {
		const uint64_t begin = now_ns();
		for (int i = 0; i < 50; i++) {
			round_trip(vm, to);
		}
		const uint64_t taken = now_ns() - begin;
		best = taken < best ? taken : best;
	}
	return best;
}

static void a_partition_that_is_stopped_in_the_middle_of_a_request(void **state)
{
	const pid_t stopped = fork_echo(0x8001);
	const pid_t echo = fork_echo(0x8002);
	struct partition vm, other;

	(void)state;
	partition_join(&vm, &daemon_process, 1);
	partition_join(&other, &daemon_process, 2);
	round_trip(&vm, 0x8001);
	const uint64_t alone = best_time(&other, 0x8002);
	kill(stopped, SIGSTOP);
	/* it has the request and will not answer; its caller is told in time */
	assert_string_equal(partition_call(&vm, "c400008d 18001"), "84000062 80010000");
	partition_start(&vm, "8400006d 80010000");
	const uint64_t beside = best_time(&other, 0x8002);
	print_message("50 round trips: %" PRIu64 " us, beside a stopped partition %" PRIu64 " us\n",
		      alone / 1000, beside / 1000);
	/* a manager that waits for the stopped one loses a time slice, 10 ms, in every batch */
	assert_true(beside < 2 * alone + 10000000);
	assert_string_equal(partition_finish(&vm), "84000062 80010000");
	/* it goes on as if nothing had been, and the answer comes */
	kill(stopped, SIGCONT);
	struct vmsg_ffa_regs regs;
	do {
		regs_from_text(partition_call(&vm, "8400006d 80010000"), &regs);
	} while (regs.x[0] == VMSG_FFA_ID32(INTERRUPT));
	assert_int_equal(regs.x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2));
	partition_leave(&vm);
	partition_leave(&other);
	end_child(stopped);
	end_child(echo);
}

/* ---- lies about who and what ---- */

static void assert_no(const char *reply)
{
	if (strcmp(reply, INVALID) != 0 && strcmp(reply, DENIED) != 0) {
		fail_msg("answered with '%s'", reply);
	}
}

static void handles_that_are_guessed(void **state)
{
	const struct partition_range range = { 8, 2 };
	struct partition vm, thief, sp;

	(void)state;
	partition_join(&vm, &daemon_process, 1);
	partition_join(&thief, &daemon_process, 2);
	partition_join(&sp, &daemon_process, 0x8001);
	const uint64_t handle = partition_share(&vm, 0x8001, true, &range, 1);
	assert_int_equal(strncmp(partition_retrieve(&sp, 1, handle, true), "84000075", 8), 0);
	for (uint64_t guess = handle - 4; guess != handle + 5; guess++) {
		const uint64_t low = guess & UINT32_MAX, high = guess >> 32;
		/* neither borrower nor owner, whoever it says owns it */
		assert_no(partition_retrieve(&thief, 1, guess, true));
		assert_no(partition_retrieve(&thief, 2, guess, true));
		assert_no(partition_relinquish(&thief, guess));
		assert_no(partition_call(&thief, "84000077 %" PRIx64 " %" PRIx64, low, high));
		assert_no(partition_call(&thief, "8400007a %" PRIx64 " %" PRIx64, low, high));
		assert_no(partition_call(&thief, "8400007b %" PRIx64 " %" PRIx64 " 10", low, high));
	}
	/* nor may the borrower take it back, or the owner while it is lent out */
	assert_string_equal(partition_call(&vm, "84000077 %" PRIx64 " %" PRIx64,
					   handle & UINT32_MAX, handle >> 32),
			    DENIED);
	assert_string_equal(partition_call(&sp, "84000065"), SUCCESS);
	assert_string_equal(partition_relinquish(&sp, handle), SUCCESS);
	assert_string_equal(partition_call(&vm, "84000077 %" PRIx64 " %" PRIx64,
					   handle & UINT32_MAX, handle >> 32),
			    SUCCESS);
	partition_leave(&vm);
	partition_leave(&thief);
	partition_leave(&sp);
}

/* Partition 2 says it is partition 1. */
static void ids_that_are_spoofed(void **state)
{
	static const char *const refused[] = {
		"8400006f 18001",        /* direct request */
		"c400006f 18001",        /* in 64 bits */
		"c400008d 18001",        /* of the second kind */
		"84000070 18001",        /* an answer that nobody waits for, from another */
		"c400008e 18001",        /* of the second kind */
		"84000081 18001 0 1",    /* notification set */
		"8400007f 80010001 0 1", /* bound for another */
		"84000080 80010001 0 1", /* unbound for another */
		"84000082 1 7",          /* fetched for another */
		"84000086 10000",        /* indirect message */
	};
	struct partition vm, liar, sp;
	uint32_t header[5] = { 0, 0, 20, 1 << 16 | 0x8001, 8 };

	(void)state;
	partition_join(&vm, &daemon_process, 1);
	partition_join(&liar, &daemon_process, 2);
	partition_join(&sp, &daemon_process, 0x8001);
	partition_start(&sp, "8400006b");
	/* the wait is in place once its own vCPU is seen to be busy */
	partition_request(&vm, &sp, "c400008d 18001");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		memcpy(liar.bank.data, header, sizeof(header));
		assert_no(partition_call(&liar, "%s", refused[i]));
	}
	/* a region in another's name */
	const struct partition_range range = { 8, 1 };
	const uint16_t honest = liar.id;
	const struct vmsg_ffa_memory_header memory = { .sender = 1,
						       .attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
						       .access_size = VMSG_FFA_ACCESS_SIZE_1_2 };
	const struct vmsg_ffa_memory_access access = { .endpoint = 0x8001,
						       .permissions = VMSG_FFA_DATA_RW };
	struct vmsg_ffa_range address;
	partition_ranges(&liar, &range, 1, &address);
	const int size =
		vmsg_ffa_memory_build(&memory, &access, 1, &address, 1,
				      (struct vmsg_span){ liar.bank.data, VMSG_FFA_PAGE_SIZE });
	assert_string_equal(partition_call(&liar, "c4000073 %x %x", size, size), DENIED);
	assert_int_equal(liar.id, honest);
	/* the one request that was made is answered, and nothing is pending */
	partition_start(&sp, "c400008e 80010001 0 0 5");
	do {
		partition_finish(&vm);
	} while (strncmp(vm.reply, "84000062", 8) == 0 &&
		 (partition_start(&vm, "8400006d 80010000"), true));
	assert_string_equal(vm.reply, "c400008e 80010001 0 0 5");
	assert_string_equal(partition_call(&vm, "84000082 1 7"), SUCCESS);
	partition_leave(&vm);
	partition_leave(&liar);
	partition_leave(&sp);
}

/* RAM of one partition in the RX/TX of another. */
static void buffers_in_the_ram_of_others(void **state)
{
	struct partition vm, thief;

	(void)state;
	partition_join(&vm, &daemon_process, 1);
	partition_join(&thief, &daemon_process, 2);
	assert_string_equal(partition_call(&thief, "84000067"), SUCCESS);
	assert_string_equal(partition_call(&thief, "c4000066 %" PRIx64 " %" PRIx64 " 1",
					   vm.bank.address + 8 * VMSG_FFA_PAGE_SIZE,
					   vm.bank.address + 9 * VMSG_FFA_PAGE_SIZE),
			    INVALID);
	assert_string_equal(partition_call(&thief, "c4000066 %" PRIx64 " %" PRIx64 " 1",
					   thief.bank.address, vm.bank.address),
			    INVALID);
	assert_string_equal(partition_call(&thief, "c4000066 ffffffffffff000 %" PRIx64 " 1",
					   thief.bank.address),
			    INVALID);
	partition_leave(&vm);
	partition_leave(&thief);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(tx_that_changes_during_the_call),
		TEST(a_partition_that_never_answers),
		TEST(a_partition_that_is_stopped_in_the_middle_of_a_request),
		TEST(handles_that_are_guessed),
		TEST(ids_that_are_spoofed),
		TEST(buffers_in_the_ram_of_others),
	};

	return cmocka_run_group_tests_name("partitions (hostile)", tests, NULL, NULL);
}
