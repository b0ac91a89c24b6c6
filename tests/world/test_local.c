/* SPDX-License-Identifier: BSD-3-Clause */
/* The partition manager in this process: who runs when, and how time passes. */
#include "support/cmocka.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/regs_text.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"

#define SUCCESS   "84000061"
#define ABORTED   "84000060 0 fffffff8"
#define DENIED    "84000060 0 fffffffa"
#define BUSY      "84000060 0 fffffffc"
#define WAIT      "8400006b"
#define SLICE_NS  UINT64_C(10000000)
#define PAGE      UINT64_C(4096)
#define RAM_PAGES 16

static struct vmsg_emu_local *local;

/* A partition that answers each request with the next text of a script, or relays it first. */
struct actor {
	struct vmsg_emu_local_partition *partition;
	struct vmsg_emu_bank bank;
	const char *relay;  /* call to make before answering */
	const char *answer; /* what the entry function returns with */
	char got[REGS_TEXT_SIZE];
	char relayed[REGS_TEXT_SIZE];
	bool stops_itself;
	unsigned runs;
};

static struct actor vm1, sp1, sp2;

static const char *call(struct actor *actor, const char *format, ...) VMSG_PRINTF(2, 3);

static const char *call(struct actor *actor, const char *format, ...)
{
	static char text[REGS_TEXT_SIZE];
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(actor->partition);
	struct vmsg_ffa_regs regs;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	regs_from_text(text, &regs);
	conduit.call(conduit.context, &regs);
	regs_to_text(&regs, text);
	return text;
}

static void entry(void *context, struct vmsg_ffa_regs *regs)
{
	struct actor *actor = context;

	actor->runs++;
	regs_to_text(regs, actor->got);
	if (actor->relay) {
		snprintf(actor->relayed, sizeof(actor->relayed), "%s",
			 call(actor, "%s", actor->relay));
	}
	if (actor->stops_itself) {
		vmsg_emu_local_stop(actor->partition);
	}
	const bool is_asked = regs->x[0] != VMSG_FFA_ID32(INTERRUPT);
	regs_from_text(is_asked && actor->answer ? actor->answer : WAIT, regs);
}

static void start(struct actor *actor, uint16_t id, vmsg_emu_entry function)
{
	memset(actor, 0, sizeof(*actor));
	actor->bank.size = RAM_PAGES * PAGE;
	actor->partition = vmsg_emu_local_start(local, id, &actor->bank, 1, function, actor);
	assert_non_null(actor->partition);
	assert_string_equal(call(actor, "84000063 10002"), "10002");
	assert_string_equal(call(actor, "c4000066 %" PRIx64 " %" PRIx64 " 1", actor->bank.address,
				 actor->bank.address + PAGE),
			    SUCCESS);
	if (function) {
		struct vmsg_ffa_regs regs;
		regs_from_text(WAIT, &regs);
		vmsg_emu_local_run(actor->partition, &regs);
	}
}

static int open_system(void **state)
{
	(void)state;
	local = vmsg_emu_local_create();
	assert_non_null(local);
	start(&vm1, 1, NULL);
	start(&sp1, 0x8001, entry);
	start(&sp2, 0x8002, entry);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	vmsg_emu_local_destroy(local);
	return 0;
}

static void a_request_runs_its_target_until_it_answers(void **state)
{
	(void)state;
	sp1.answer = "c400008e 80010001 0 0 33";
	for (unsigned i = 1; i <= 3; i++) {
		assert_string_equal(call(&vm1, "c400008d 18001 0 0 11"),
				    "c400008e 80010001 0 0 33");
		assert_int_equal(sp1.runs, i);
		assert_string_equal(sp1.got, "c400008d 18001 0 0 11");
	}
	assert_true(vmsg_emu_local_now(local) < SLICE_NS);
}

static void a_target_may_ask_another_first(void **state)
{
	(void)state;
	sp1.relay = "c400008d 80018002 0 0 22";
	sp1.answer = "c400008e 80010001 0 0 44";
	sp2.answer = "c400008e 80028001 0 0 33";
	assert_string_equal(call(&vm1, "c400008d 18001 0 0 11"), "c400008e 80010001 0 0 44");
	assert_string_equal(sp1.relayed, "c400008e 80028001 0 0 33");
	assert_string_equal(sp2.got, "c400008d 80018002 0 0 22");
	/* who waits for an answer is not waiting for requests */
	sp2.relay = "c400008d 80028001";
	assert_string_equal(call(&vm1, "c400008d 18001 0 0 11"), "c400008e 80010001 0 0 44");
	assert_string_equal(sp2.relayed, BUSY);
}

static void a_target_that_gets_nowhere_costs_a_time_slice(void **state)
{
	(void)state;
	/* it tries to wait instead of answering, again and again */
	sp1.answer = WAIT;
	assert_string_equal(call(&vm1, "c400008d 18001 0 0 11"), "84000062 80010000");
	assert_string_equal(sp1.got, DENIED);
	assert_in_range(vmsg_emu_local_now(local), SLICE_NS, SLICE_NS + 10000);
	assert_string_equal(call(&vm1, "8400006d 80010000"), "84000062 80010000");
	assert_in_range(vmsg_emu_local_now(local), 2 * SLICE_NS, 2 * SLICE_NS + 10000);
	/* others still get their turn */
	sp2.answer = "c400008e 80020001";
	assert_string_equal(call(&vm1, "c400008d 18002"), "c400008e 80020001");
	sp1.answer = "c400008e 80010001 0 0 33";
	assert_string_equal(call(&vm1, "8400006d 80010000"), "c400008e 80010001 0 0 33");
}

static void a_wait_that_nothing_can_end_ends(void **state)
{
	(void)state;
	assert_string_equal(call(&vm1, WAIT), "84000062 10000");
	assert_string_equal(call(&vm1, "84000069"), "84000061 0 1");
}

static void a_raise_runs_its_partition(void **state)
{
	(void)state;
	vmsg_emu_local_raise(sp1.partition);
	assert_int_equal(sp1.runs, 0);
	vmsg_emu_local_advance(local, 5);
	assert_int_equal(sp1.runs, 1);
	assert_string_equal(sp1.got, "84000062 80010000");
	vmsg_emu_local_advance(local, 5);
	assert_int_equal(sp1.runs, 1);
	/* or with the next call of anybody, who then finds it waiting again */
	vmsg_emu_local_raise(sp1.partition);
	assert_string_equal(call(&vm1, "84000069"), "84000061 0 1");
	assert_int_equal(sp1.runs, 2);
	vmsg_emu_local_raise(sp1.partition);
	sp1.answer = "c400008e 80010001";
	assert_string_equal(call(&vm1, "c400008d 18001"), "c400008e 80010001");
}

static void the_death_of_a_target_aborts_its_caller(void **state)
{
	(void)state;
	sp1.stops_itself = true;
	assert_string_equal(call(&vm1, "c400008d 18001"), ABORTED);
	assert_string_equal(call(&sp1, "84000069"), ABORTED);
	/* and it can come back, with new memory */
	struct vmsg_emu_bank old = sp1.bank;
	start(&sp1, 0x8001, entry);
	assert_int_not_equal(old.address, sp1.bank.address);
	sp1.answer = "c400008e 80010001";
	assert_string_equal(call(&vm1, "c400008d 18001"), "c400008e 80010001");
}

static void time_passes_as_told(void **state)
{
	(void)state;
	const uint64_t before = vmsg_emu_local_now(local);
	vmsg_emu_local_advance(local, 12345);
	assert_int_equal(vmsg_emu_local_now(local), before + 12345);
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(sp1.partition);
	assert_int_equal(conduit.now(conduit.context), before + 12345);
	struct vmsg_emu_local *empty = vmsg_emu_local_create();
	vmsg_emu_local_advance(empty, 7);
	assert_int_equal(vmsg_emu_local_now(empty), 7);
	vmsg_emu_local_destroy(empty);
}

static void identities_and_places_are_given_once(void **state)
{
	struct vmsg_emu_bank bank = { .size = PAGE, .address = vm1.bank.address + PAGE };

	(void)state;
	assert_null(vmsg_emu_local_start(local, 1, NULL, 0, NULL, NULL));
	assert_null(vmsg_emu_local_start(local, 0x7777, NULL, 0, NULL, NULL));
	assert_null(vmsg_emu_local_start(local, 2, &bank, 1, NULL, NULL));
	bank.address = vm1.bank.address - PAGE;
	assert_non_null(vmsg_emu_local_start(local, 2, &bank, 1, NULL, NULL));
	bank = (struct vmsg_emu_bank){ .size = 100 };
	assert_null(vmsg_emu_local_start(local, 3, &bank, 1, NULL, NULL));
}

static void a_region_is_as_many_segments_as_it_has_gaps(void **state)
{
	/* pages 2,3,4 in two ranges, then page 9 */
	const struct vmsg_ffa_range ranges[] = { { vm1.bank.address + 2 * PAGE, 2 },
						 { vm1.bank.address + 4 * PAGE, 1 },
						 { vm1.bank.address + 9 * PAGE, 1 } };
	const struct vmsg_ffa_memory_header header = {
		.sender = 1,
		.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
		.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
	};
	const struct vmsg_ffa_memory_access access = { .endpoint = 0x8001,
						       .permissions = VMSG_FFA_DATA_RW };
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(sp1.partition);
	struct vmsg_segment segments[2];
	struct vmsg_ffa_regs regs;

	(void)state;
	const int size =
		vmsg_ffa_memory_build(&header, &access, 1, ranges, 3,
				      (struct vmsg_span){ .data = vm1.bank.data, .size = PAGE });
	regs_from_text(call(&vm1, "c4000073 %x %x", size, size), &regs);
	assert_int_equal(regs.x[0], 0x84000061);
	const uint64_t handle = regs.x[2] | regs.x[3] << 32;
	assert_int_equal(conduit.map(conduit.context, handle, ranges, 3, true, segments, 1),
			 VMSG_ERROR_NO_SPACE);
	assert_int_equal(conduit.map(conduit.context, handle, ranges, 3, true, segments, 2), 2);
	assert_ptr_equal(segments[0].data, vm1.bank.data + 2 * PAGE);
	assert_int_equal(segments[0].size, 3 * PAGE);
	assert_ptr_equal(segments[1].data, vm1.bank.data + 9 * PAGE);
	assert_int_equal(segments[1].size, PAGE);
	assert_int_equal(conduit.map(conduit.context, handle + 1, ranges, 3, true, segments, 2),
			 VMSG_ERROR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(a_request_runs_its_target_until_it_answers),
		TEST(a_target_may_ask_another_first),
		TEST(a_target_that_gets_nowhere_costs_a_time_slice),
		TEST(a_wait_that_nothing_can_end_ends),
		TEST(a_raise_runs_its_partition),
		TEST(the_death_of_a_target_aborts_its_caller),
		TEST(time_passes_as_told),
		TEST(identities_and_places_are_given_once),
		TEST(a_region_is_as_many_segments_as_it_has_gaps),
	};

	return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
