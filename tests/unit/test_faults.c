/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules for faults: how they are read, and what each does to the calls of two partitions. */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"

#include "client/local.h"
#include "virtio_msg_ffa/error.h"

#define PAGE   4096u
#define VM     0x0001u
#define SP     0x8001u
#define MS     1000000ull
#define SECOND (1000 * MS)

struct side {
	struct vmsg_emu_local_partition *partition;
	struct vmsg_emu_bank bank;
	struct vmsg_endpoint endpoint;
};

static struct vmsg_emu_local *local;
static struct faults *faults;
static struct side vm, sp;
static unsigned int served;
static char told[4096];

static const struct vmsg_ffa_uuid service = VMSG_FFA_UUID_DEVICE_ROLE;

/* Answers with the first byte plus one. */
static void serve(void *context, struct vmsg_ffa_regs *regs)
{
	struct vmsg_incoming incoming;
	const int error = vmsg_endpoint_incoming(&sp.endpoint, regs, &incoming);

	(void)context;
	if (error < 0 || incoming.wake != VMSG_WAKE_DIRECT2) {
		vmsg_endpoint_prepare_wait(&sp.endpoint, regs);
		return;
	}
	served++;
	incoming.payload[0]++;
	const struct vmsg_bytes payload = { incoming.payload, 8 };
	assert_int_equal(vmsg_endpoint_prepare_answer(&sp.endpoint, &incoming, payload, regs), 0);
}

static void start_side(struct side *side, uint16_t id, vmsg_emu_entry entry)
{
	side->bank = (struct vmsg_emu_bank){ .size = 4 * PAGE };
	side->partition = vmsg_emu_local_start(local, id, &side->bank, 1, entry, NULL);
	assert_non_null(side->partition);
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(side->partition);
	const struct vmsg_buffer tx = { side->bank.data, side->bank.address };
	const struct vmsg_buffer rx = { side->bank.data + PAGE, side->bank.address + PAGE };
	assert_int_equal(vmsg_endpoint_init(&side->endpoint, &conduit, tx, rx, 1), 0);
}

static void take_note(void *context, const char *text)
{
	(void)context;
	strncat(told, text, sizeof(told) - strlen(told) - 2);
	strcat(told, "\n");
}

static void start(const char *rules)
{
	char why[200];

	local = vmsg_emu_local_create();
	faults = faults_create(7);
	assert_non_null(local);
	assert_non_null(faults);
	served = 0;
	told[0] = '\0';
	start_side(&vm, VM, NULL);
	start_side(&sp, SP, serve);
	struct vmsg_ffa_regs wait;
	vmsg_endpoint_prepare_wait(&sp.endpoint, &wait);
	vmsg_emu_local_run(sp.partition, &wait);
	assert_int_equal(faults_add(faults, rules, why, sizeof(why)), 0);
	faults_report(faults, take_note, NULL);
	vmsg_emu_local_set_faults(local, faults);
}

static int stop(void **state)
{
	(void)state;
	vmsg_emu_local_destroy(local);
	faults_destroy(faults);
	local = NULL;
	faults = NULL;
	return 0;
}

/* One request with `number`; its answer, or the error. */
static int ask(uint8_t number, uint64_t timeout_ns)
{
	const uint8_t bytes[8] = { number };
	const struct vmsg_bytes payload = { bytes, sizeof(bytes) };
	uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	const int error =
		vmsg_endpoint_send_direct2(&vm.endpoint, SP, &service, payload,
					   vmsg_emu_local_now(local) + timeout_ns, answer);
	return error < 0 ? error : answer[0];
}

static void rules_are_read(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: it is good */
	} rows[] = {
		{ "drop", NULL },
		{ "busy:count=3;kill:from=0x8001,after=100", NULL },
		{ "delay:call=reply,to=1,ms=7,one-in=2", NULL },
		{ "nomem:call=map", NULL },
		{ "kill:call=other", NULL },
		{ "", "rule 1: action ''; actions are drop, delay, duplicate, reorder, busy, late, "
		      "kill, nomem" },
		{ "busy;", "rule 2: action ''; actions are drop, delay, duplicate, reorder, busy, "
			   "late, kill, nomem" },
		{ "drop;tear", "rule 2: action 'tear'; actions are drop, delay, duplicate, "
			       "reorder, busy, late, kill, nomem" },
		{ "drop:", "rule 1: option ''; options are NAME=VALUE" },
		{ "drop:count", "rule 1: option 'count'; options are NAME=VALUE" },
		{ "drop:colour=red", "rule 1: option 'colour'; options are call, from, to, after, "
				     "count, one-in, ms" },
		{ "busy:ms=3", "rule 1: option 'ms'; options are call, from, to, after, count, "
			       "one-in" },
		{ "drop:call=reply", "rule 1: call 'reply'; drop strikes direct, indirect, "
				     "notify" },
		{ "late:call=direct", "rule 1: call 'direct'; late strikes reply" },
		{ "drop:count=0", "rule 1: value '0'; it must be a number from 1 to 4294967295" },
		{ "drop:count=-1", "rule 1: value '-1'; it must be a number from 1 to "
				   "4294967295" },
		{ "drop:from=0x10000", "rule 1: value '0x10000'; it must be a number from 1 to "
				       "65535" },
		{ "delay:ms=3600001", "rule 1: value '3600001'; it must be a number from 1 to "
				      "3600000" },
		{ "delay:ms=", "rule 1: value ''; it must be a number from 1 to 3600000" },
		{ "nomem:to=1", "rule 1: option to= with 'nomem'; only calls direct, reply and "
				"notify say whom they are for" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[256] = "";
		faults = faults_create(1);
		const int result = faults_add(faults, rows[i].text, why, sizeof(why));
		assert_int_equal(result, rows[i].why ? -1 : 0);
		assert_string_equal(why, rows[i].why ? rows[i].why : "");
		faults_destroy(faults);
	}
	faults = NULL;
}

static void without_rules_nothing_changes(void **state)
{
	(void)state;
	start("busy:from=3");
	assert_int_equal(ask(1, SECOND), 2);
	assert_string_equal(told, "");
}

static void a_dropped_request_reaches_nobody(void **state)
{
	(void)state;
	start("drop:count=1,ms=3000");
	assert_int_equal(ask(1, SECOND), VMSG_ERROR_TIMEOUT);
	assert_true(vmsg_emu_local_now(local) >= SECOND);
	assert_int_equal(served, 0);
	/* the endpoint waits for the old one until it learns that there is none */
	assert_int_equal(ask(2, SECOND), VMSG_ERROR_AGAIN);
	assert_int_equal(ask(3, 10 * SECOND), 4);
	assert_int_equal(served, 1);
	assert_string_equal(told, "fault: rule 1, drop, strikes call 1 (direct) of 0x0001\n");
}

static void a_delayed_request_comes_later(void **state)
{
	(void)state;
	start("delay:count=1,ms=35");
	assert_int_equal(ask(1, SECOND), 2);
	assert_in_range(vmsg_emu_local_now(local), 35 * MS, 40 * MS);
	const uint64_t before = vmsg_emu_local_now(local);
	assert_int_equal(ask(2, SECOND), 3);
	assert_true(vmsg_emu_local_now(local) - before < MS);
}

static void a_late_reply_is_not_the_next_one(void **state)
{
	(void)state;
	start("late:count=1");
	assert_int_equal(ask(1, SECOND), VMSG_ERROR_TIMEOUT);
	assert_int_equal(served, 1);
	assert_int_equal(ask(5, SECOND), 6);
	assert_in_range(vmsg_emu_local_now(local), 1500 * MS, 1600 * MS);
	assert_int_equal(served, 2);
}

static void a_duplicate_is_served_twice(void **state)
{
	(void)state;
	start("duplicate:after=1,count=1");
	assert_int_equal(ask(1, SECOND), 2);
	assert_int_equal(served, 1);
	assert_int_equal(ask(5, SECOND), 6);
	assert_int_equal(served, 3);
	assert_int_equal(ask(7, SECOND), 8);
	assert_int_equal(served, 4);
}

static void busy_so_many_times(void **state)
{
	(void)state;
	start("busy:count=3");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(1, SECOND), VMSG_ERROR_AGAIN);
	}
	assert_int_equal(ask(1, SECOND), 2);
	assert_int_equal(served, 1);
}

static void who_is_killed_is_gone(void **state)
{
	(void)state;
	start("kill:from=0x8001,after=1");
	assert_int_equal(ask(1, SECOND), 2); /* its first call since is the answer */
	assert_int_equal(ask(1, SECOND), VMSG_ERROR_PEER);
	assert_int_equal(served, 2);
	assert_int_equal(ask(1, SECOND), VMSG_ERROR_PEER);
}

static void memory_runs_out(void **state)
{
	(void)state;
	uint64_t handle;

	start("nomem:count=1");
	const struct vmsg_ffa_range page = { vm.bank.address + 2 * PAGE, 1 };
	assert_int_equal(vmsg_endpoint_share(&vm.endpoint, SP, 0, true, &page, 1, &handle),
			 VMSG_ERROR_PEER);
	assert_int_equal(vm.endpoint.status, VMSG_FFA_NO_MEMORY);
	assert_int_equal(vmsg_endpoint_share(&vm.endpoint, SP, 0, true, &page, 1, &handle), 0);
}

static void nobody_overtakes_for_ever(void **state)
{
	(void)state;
	start("reorder:count=1,ms=8");
	assert_int_equal(ask(1, SECOND), 2);
	assert_in_range(vmsg_emu_local_now(local), 8 * MS, 9 * MS);
}

static void chance_comes_from_the_seed(void **state)
{
	char first[sizeof(told)];

	(void)state;
	for (int run = 0; run < 2; run++) {
		start("busy:one-in=3");
		for (int i = 0; i < 40; i++) {
			(void)ask(1, SECOND);
		}
		if (run == 0) {
			memcpy(first, told, sizeof(told));
			stop(state);
		}
	}
	assert_string_equal(told, first);
	assert_in_range(served, 20, 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read),
#define FAULT_TEST(name) cmocka_unit_test_teardown(name, stop)
		FAULT_TEST(without_rules_nothing_changes),
		FAULT_TEST(a_dropped_request_reaches_nobody),
		FAULT_TEST(a_delayed_request_comes_later),
		FAULT_TEST(a_late_reply_is_not_the_next_one),
		FAULT_TEST(a_duplicate_is_served_twice),
		FAULT_TEST(busy_so_many_times),
		FAULT_TEST(who_is_killed_is_gone),
		FAULT_TEST(memory_runs_out),
		FAULT_TEST(nobody_overtakes_for_ever),
		FAULT_TEST(chance_comes_from_the_seed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
