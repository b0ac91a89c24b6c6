/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/cmocka.h"

#include <stdio.h>

#include "support/spmc_world.h"

#define NOT_SUPPORTED      "84000060 0 ffffffff"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define BUSY               "84000060 0 fffffffc"
#define DENIED             "84000060 0 fffffffa"
#define ABORTED            "84000060 0 fffffff8"

#define SLICE SPMC_TIME_SLICE_NS

#define WAIT          "8400006b"
#define RUN_SP1       "8400006d 80010000"
#define INTERRUPT_SP1 "84000062 80010000"
#define REQUEST       "c400008d 18001 0 0 11 22"
#define RESPONSE      "c400008e 80010001 0 0 33 44"

/* VM 3 has what VM1 has; SP2 has four vCPUs. */
enum { VM3 = 3, SP2 = 0x8002 };

static int open_world(void **state)
{
	static struct world world;

	world_open_vectors(&world, 0);
	world_add(&world, &(struct spmc_partition_config){
				  .name = "VM3", .id = VM3, .vcpu_count = 2, .properties = 0x50e });
	world_add(&world, &(struct spmc_partition_config){
				  .name = "SP2", .id = SP2, .vcpu_count = 4, .properties = 0x70b });
	const uint16_t ids[] = { VM1, VM2, SP1, VM3, SP2 };
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_call(&world, ids[i], "84000063 10002", "10002");
	}
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static void a_target_is_busy_unless_it_waits(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, REQUEST, BUSY);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_string_equal(world_reply(w, SP1, 0), REQUEST);
	assert_call(w, VM3, "c400008d 38001", BUSY);
	assert_call(w, SP1, RESPONSE, "-");
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
	assert_call(w, VM3, "c400008d 38001", "-");
}

static void a_blocked_vcpu_cannot_call(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, SP1, WAIT, "refused");
	assert_call(w, SP1, "84000069", "refused");
	assert_call_vcpu(w, SP1, 1, "84000069", "refused");
	world_stop(w, SP1);
	assert_call(w, SP1, "84000069", "refused");
}

static void high_halves_and_reserved_registers(void **state)
{
	struct world *w = *state;

	/* SMC32: high halves and x8.. are not there */
	assert_call(w, SP1, "aaaaaaaa8400006b bbbbbbbb00000000 0 0 0 0 0 0 1 2 3", "-");
	world_raise(w, SP1, 0);
	assert_string_equal(world_reply(w, SP1, 0), INTERRUPT_SP1);
	/* must be zero */
	assert_call(w, SP1, "8400006b 1", INVALID_PARAMETERS);
	assert_call(w, SP1, "8400006b 0 2", INVALID_PARAMETERS);
	assert_call(w, SP1, "8400006b 0 0 1", INVALID_PARAMETERS);
	assert_call(w, SP1, "8400006b 0 0 0 0 0 0 1", INVALID_PARAMETERS);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, "c400008e 80010001 1", INVALID_PARAMETERS);
	assert_call(w, SP1, "c400008e 80010001 0 1", INVALID_PARAMETERS);
	assert_call(w, SP1, RESPONSE, "-");
	/* w1 of an SMC64 call is 32 bits wide */
	assert_call(w, VM1, "c400008d 7700018001", "-");
	assert_string_equal(world_reply(w, SP1, 0), "c400008d 18001");
}

static void responses_go_to_who_asked_and_once(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, RESPONSE, DENIED);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, "c400008e 10001", INVALID_PARAMETERS);
	assert_call(w, SP1, "c400008e 80018001", INVALID_PARAMETERS);
	assert_call(w, SP1, "c400008e 80010003", DENIED);
	assert_call(w, SP1, "c400008e 8001ffff", DENIED);
	/* waiting for more work with work in hand */
	assert_call(w, SP1, WAIT, DENIED);
	assert_call(w, SP1, RESPONSE, "-");
	world_raise(w, SP1, 0);
	assert_call(w, SP1, RESPONSE, DENIED);
}

static void requests_need_properties_ids_and_versions(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, SP2, WAIT, "-");
	assert_call(w, VM1, "c400008d 18003", INVALID_PARAMETERS); /* unknown */
	assert_call(w, VM1, "c400008d 18000", INVALID_PARAMETERS); /* the manager */
	assert_call(w, VM1, "c400008d 18001 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008d 18002 a14a9824b52860c6 f0ab2261da77e79d", INVALID_PARAMETERS);
	assert_call_vcpu(w, SP2, 1, "c400008d 80020001", INVALID_PARAMETERS); /* to a VM */
	assert_call(w, VM1, "c400008d 10003", DENIED);
	world_stop(w, SP1);
	assert_call(w, VM1, "c400008d 18001", INVALID_PARAMETERS);
	/* a partition that has not negotiated will wait soon; one at 1.1 has no such message */
	assert_int_equal(spmc_start(w->spmc, SP1), 0);
	assert_call(w, VM1, "c400008d 18001", BUSY);
	assert_call(w, SP1, "84000063 10001", "10002");
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, "c400008d 18001", DENIED);
}

/* What discovery says of a service holds for messages to it. */
static void a_request_needs_the_property_of_the_service_it_is_for(void **state)
{
	enum { SP3 = 0x8003 };
	static const struct spmc_partition_config config = {
		.name = "SP3",
		.id = SP3,
		.vcpu_count = 1,
		.properties = 0x703,
		.uuid_count = 3,
		.uuids = { { { 1 } }, { { 2 } }, { { 3 } } },
		.messaging = { 0x3, 0x601, 0 },
	};
	struct world *w = *state;

	world_add(w, &config);
	assert_call(w, SP3, "84000063 10002", "10002");
	assert_call(w, SP3, WAIT, "-");
	assert_call(w, VM1, "c400008d 18003 1", DENIED);
	assert_call(w, VM1, "c400008d 18003 4", INVALID_PARAMETERS);
	assert_call(w, VM1, "c400008d 18003 2", "-");
	assert_string_equal(world_reply(w, SP3, 0), "c400008d 18003 2");
	assert_call(w, SP3, "c400008e 80030001", "-");
	assert_call(w, VM1, "c400008d 18003 3", "-");
	assert_call(w, SP3, "c400008e 80030001", "-");
	/* nil asks for none of them */
	assert_call(w, VM1, "c400008d 18003", "-");
	assert_call(w, SP3, "c400008e 80030001", "-");
	/* the first generation has no UUID to name one by */
	assert_call(w, VM1, "c400006f 18003", "-");
	assert_string_equal(world_reply(w, SP3, 0), "c400006f 18003");
}

static void a_request_goes_to_the_same_vcpu_or_one_that_waits(void **state)
{
	struct world *w = *state;

	assert_call_vcpu(w, SP2, 2, WAIT, "-");
	assert_call_vcpu(w, SP2, 1, WAIT, "-");
	assert_call_vcpu(w, VM3, 1, "c400008d 38002", "-");
	assert_string_equal(world_reply(w, SP2, 1), "c400008d 38002");
	assert_call_vcpu(w, VM3, 0, "c400008d 38002", "-");
	assert_string_equal(world_reply(w, SP2, 2), "c400008d 38002");
	assert_call(w, VM1, "c400008d 18002", BUSY);
	assert_call_vcpu(w, SP2, 2, "c400008e 80020003 0 0 7", "-");
	assert_string_equal(world_reply(w, VM3, 0), "c400008e 80020003 0 0 7");
	assert_string_equal(world_reply(w, VM3, 1), "-");
}

static void a_slice_that_ends_gives_interrupt_and_run_continues(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_true(spmc_deadline(w->spmc) == UINT64_MAX);
	w->now_ns = 1000;
	assert_call(w, VM1, REQUEST, "-");
	assert_true(spmc_deadline(w->spmc) == 1000 + SLICE);
	world_advance(w, SLICE - 1);
	assert_string_equal(world_reply(w, VM1, 0), "-");
	world_advance(w, 1);
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_true(spmc_deadline(w->spmc) == UINT64_MAX);
	/* still busy for everybody, the caller included */
	assert_call(w, VM3, "c400008d 38001", BUSY);
	assert_call(w, VM1, REQUEST, BUSY);
	assert_call(w, VM3, RUN_SP1, BUSY);
	/* a new slice, which also ends */
	assert_call(w, VM1, RUN_SP1, "-");
	world_advance(w, SLICE);
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_call(w, VM1, RUN_SP1, "-");
	assert_call(w, SP1, RESPONSE, "-");
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
	assert_true(spmc_deadline(w->spmc) == UINT64_MAX);
}

static void an_answer_nobody_waits_for_is_kept_for_run(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	world_advance(w, SLICE);
	assert_call(w, SP1, RESPONSE, "-");
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	/* answered: free for others, but VM1 owes the collection of its answer first */
	assert_call(w, VM3, "c400008d 38001", "-");
	assert_call(w, SP1, "c400008e 80010003", "-");
	assert_string_equal(world_reply(w, VM3, 0), "c400008e 80010003");
	assert_call(w, VM1, REQUEST, BUSY);
	assert_call(w, VM1, RUN_SP1, RESPONSE);
	/* once */
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, RESPONSE, "-");
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
}

static void a_preempted_caller_can_turn_to_others(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, SP2, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	world_advance(w, SLICE);
	assert_call(w, VM1, "c400008d 18002", "-");
	assert_call(w, SP2, "c400008e 80020001", "-");
	assert_string_equal(world_reply(w, VM1, 0), "c400008e 80020001");
	assert_call(w, SP1, RESPONSE, "-");
	assert_call(w, VM1, RUN_SP1, RESPONSE);
}

static void a_target_may_ask_others_on_its_way(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, SP2, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, "c400008d 80018002 0 0 5", "-");
	assert_call(w, SP2, "c400008d 80028001", BUSY);
	/* both slices end, in order */
	world_advance(w, SLICE);
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_string_equal(world_reply(w, SP1, 0), "84000062 80020000");
	assert_call(w, SP1, "8400006d 80020000", "-");
	assert_call(w, SP2, "c400008e 80028001 0 0 6", "-");
	assert_string_equal(world_reply(w, SP1, 0), "c400008e 80028001 0 0 6");
	assert_call(w, SP1, RESPONSE, "-");
	assert_call(w, VM1, RUN_SP1, RESPONSE);
}

/* T24.1 and T24.2 of the vectors, and who may run whom. */
static void run_gives_a_waiting_secure_partition_time(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, RUN_SP1, BUSY);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM2, WAIT, "-");
	assert_call(w, VM1, RUN_SP1, "-");
	assert_string_equal(world_reply(w, SP1, 0), RUN_SP1);
	assert_call(w, SP1, WAIT, "-");
	assert_string_equal(world_reply(w, VM1, 0), WAIT);
	/* nobody, no such vCPU, oneself; VMs and other secure partitions are not to be run */
	assert_call(w, VM1, "8400006d 80770000", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400006d 80010001", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400006d 10000", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400006d 20000", DENIED);
	assert_call(w, SP2, RUN_SP1, DENIED);
	/* preempted while it runs: the end is not kept, the next RUN starts anew */
	assert_call(w, VM1, RUN_SP1, "-");
	world_advance(w, SLICE);
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, RUN_SP1, "-");
	assert_string_equal(world_reply(w, SP1, 0), RUN_SP1);
	/* a run partition answers no request */
	assert_call(w, SP1, RESPONSE, DENIED);
}

static void raise_completes_waiting_or_stays_pending(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	world_raise(w, SP1, 0);
	assert_string_equal(world_reply(w, SP1, 0), INTERRUPT_SP1);
	/* one bit */
	world_raise(w, SP1, 0);
	world_raise(w, SP1, 0);
	assert_call(w, SP1, WAIT, INTERRUPT_SP1);
	assert_call(w, SP1, WAIT, "-");
	/* pending during a request: its response goes out, then the interrupt comes */
	assert_call(w, VM1, REQUEST, "-");
	world_raise(w, SP1, 0);
	assert_call(w, SP1, RESPONSE, INTERRUPT_SP1);
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
	assert_call(w, SP1, WAIT, "-");
	/* of nobody: nothing happens */
	world_raise(w, SP1, 1);
	world_raise(w, 0x8077, 0);
}

static void a_dead_target_aborts_who_waits_for_it(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	world_stop(w, SP1);
	assert_string_equal(world_reply(w, VM1, 0), ABORTED);
	assert_call(w, VM1, RUN_SP1, INVALID_PARAMETERS);
	assert_true(spmc_deadline(w->spmc) == UINT64_MAX);
}

static void a_dead_target_aborts_a_preempted_caller_at_its_next_run(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	world_advance(w, SLICE);
	world_stop(w, SP1);
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_call(w, VM1, RUN_SP1, ABORTED);
	assert_call(w, VM1, RUN_SP1, INVALID_PARAMETERS);
}

static void a_target_does_not_notice_its_callers_death(void **state)
{
	struct world *w = *state;

	for (int preempted = 0; preempted < 2; preempted++) {
		assert_call(w, SP1, WAIT, "-");
		assert_call(w, VM1, REQUEST, "-");
		if (preempted) {
			world_advance(w, SLICE);
		}
		world_stop(w, VM1);
		assert_true(spmc_deadline(w->spmc) == UINT64_MAX);
		assert_call(w, VM3, "c400008d 38001", BUSY);
		assert_call(w, SP1, WAIT, DENIED);
		/* the answer is not for whoever has the identity now */
		assert_int_equal(spmc_start(w->spmc, VM1), 0);
		assert_call(w, VM1, "84000063 10002", "10002");
		assert_call(w, VM1, REQUEST, BUSY);
		assert_call(w, VM1, RUN_SP1, BUSY);
		assert_call(w, SP1, RESPONSE, "-");
		assert_string_equal(world_reply(w, VM1, 0), BUSY);
		world_raise(w, SP1, 0);
	}
}

static void a_restarted_partition_begins_anew(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	world_raise(w, SP1, 0);
	world_advance(w, SLICE);
	assert_call(w, SP1, RESPONSE, INTERRUPT_SP1);
	world_raise(w, SP1, 0);
	world_stop(w, SP1);
	assert_int_equal(spmc_start(w->spmc, SP1), 0);
	assert_int_equal(spmc_start(w->spmc, SP1), -1);
	assert_call(w, SP1, WAIT, NOT_SUPPORTED);
	assert_call(w, SP1, "84000063 10002", "10002");
	assert_call(w, SP1, WAIT, "-");
	/* the answer of its former life is still VM1's */
	assert_call(w, VM1, RUN_SP1, RESPONSE);
	assert_call(w, VM1, REQUEST, "-");
}

static void generations_of_direct_messages_do_not_mix(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, "8400006f 18001 0 1 2 3 4 5 6 7", "-");
	assert_string_equal(world_reply(w, SP1, 0), "8400006f 18001 0 1 2 3 4 5");
	assert_call(w, SP1, RESPONSE, DENIED);
	assert_call(w, SP1, "84000070 80010001 1 9", INVALID_PARAMETERS);
	/* either form may answer */
	assert_call(w, SP1, "c4000070 80010001 0 1111111111111111", "-");
	assert_string_equal(world_reply(w, VM1, 0), "c4000070 80010001 0 1111111111111111");
	/* the SMC64 form ends at x7, too, and w2 is 32 bits wide */
	assert_call(w, VM1, "c400006f 18001 100000000 1 2 3 4 5 6", "-");
	assert_string_equal(world_reply(w, SP1, 0), "c400006f 18001 0 1 2 3 4 5");
	assert_call(w, SP1, "84000070 80010001", "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, "84000070 80010001", DENIED);
	assert_call(w, SP1, RESPONSE, "-");
	/* properties: VM2 receives neither, VM1 sends both */
	assert_call(w, VM1, "8400006f 10002", DENIED);
	assert_call(w, VM1, "8400006f 18001 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400006f 10001", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400006f 1ffff", INVALID_PARAMETERS);
}

static void yield_gives_time_back_until_run(void **state)
{
	struct world *w = *state;

	/* who serves nobody goes on */
	assert_call(w, VM1, "8400006c", "84000061");
	assert_call(w, SP1, "8400006c", "84000061");
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, "8400006c", "-");
	assert_string_equal(world_reply(w, VM1, 0), "8400006c 80010000");
	assert_true(spmc_deadline(w->spmc) == UINT64_MAX);
	assert_call(w, SP1, WAIT, "refused");
	assert_call(w, VM3, RUN_SP1, BUSY);
	assert_call(w, VM3, "c400008d 38001", BUSY);
	world_raise(w, SP1, 0);
	assert_string_equal(world_reply(w, SP1, 0), "refused");
	assert_call(w, VM1, RUN_SP1, "-");
	assert_string_equal(world_reply(w, SP1, 0), "84000061");
	/* yielding after the slice has ended: the caller knows already */
	world_advance(w, SLICE);
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_call(w, SP1, "8400006c", "-");
	assert_string_equal(world_reply(w, VM1, 0), INTERRUPT_SP1);
	assert_call(w, VM1, RUN_SP1, "-");
	assert_string_equal(world_reply(w, SP1, 0), "84000061");
	assert_call(w, SP1, RESPONSE, INTERRUPT_SP1);
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE);
	/* the caller dies: nobody will run it again */
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, REQUEST, "-");
	assert_call(w, SP1, "8400006c", "-");
	world_stop(w, VM1);
	assert_string_equal(world_reply(w, SP1, 0), "84000061");
	assert_call(w, SP1, "8400006c", "84000061");
	assert_call(w, SP1, RESPONSE, "-");
	/* the target dies while it has yielded */
	assert_call(w, VM3, "c400008d 38001", "-");
	assert_call(w, SP1, "8400006c", "-");
	world_stop(w, SP1);
	assert_string_equal(world_reply(w, VM3, 0), "8400006c 80010000");
	assert_call(w, VM3, RUN_SP1, ABORTED);
}

static void without_a_time_slice_nothing_is_preempted(void **state)
{
	const struct spmc_partition_config vm = { .id = 1, .vcpu_count = 1, .properties = 0x50e };
	const struct spmc_partition_config sp = { .id = 0x8001,
						  .vcpu_count = 1,
						  .properties = 0x70b };
	struct spmc *spmc = spmc_create(&(struct spmc_options){ .time_slice_ns = UINT64_MAX });
	struct vmsg_ffa_regs regs;
	struct spmc_delivery delivery;
	const char *why;

	(void)state;
	assert_int_equal(spmc_add_partition(spmc, &vm, &why), 0);
	assert_int_equal(spmc_add_partition(spmc, &sp, &why), 0);
	for (size_t i = 0; i < 2; i++) {
		const uint16_t id = i ? 0x8001 : 1;
		assert_int_equal(spmc_start(spmc, id), 0);
		regs = (struct vmsg_ffa_regs){ { 0x84000063, 0x10002 } };
		assert_int_equal(spmc_call(spmc, id, 0, 0, &regs), SPMC_REPLIED);
	}
	regs = (struct vmsg_ffa_regs){ { 0x8400006b } };
	assert_int_equal(spmc_call(spmc, 0x8001, 0, 0, &regs), SPMC_BLOCKED);
	regs = (struct vmsg_ffa_regs){ { 0xc400008d, 0x18001 } };
	assert_int_equal(spmc_call(spmc, 1, 0, 1000, &regs), SPMC_BLOCKED);
	assert_true(spmc_next(spmc, &delivery) && !spmc_next(spmc, &delivery));
	assert_true(spmc_deadline(spmc) == UINT64_MAX);
	spmc_tick(spmc, UINT64_MAX);
	assert_false(spmc_next(spmc, &delivery));
	spmc_destroy(spmc);
}

static void unfinished_requests_are_bounded(void **state)
{
	struct world *w = *state;
	char text[64];

	/* VM1 lets eight requests be preempted: targets SP1, SP2 (4) and three more partitions */
	for (uint16_t i = 0; i < 4; i++) {
		world_add(w, &(struct spmc_partition_config){ .id = (uint16_t)(0x8010 + i),
							      .vcpu_count = 1,
							      .properties = 0x70b });
		assert_call(w, (uint16_t)(0x8010 + i), "84000063 10002", "10002");
		assert_call(w, (uint16_t)(0x8010 + i), WAIT, "-");
	}
	for (uint16_t i = 0; i < 4; i++) {
		assert_call_vcpu(w, SP2, i, WAIT, "-");
	}
	assert_call(w, SP1, WAIT, "-");
	for (uint16_t i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "c400008d 1%04x", i < 4 ? SP2 : 0x8010 + i - 4);
		assert_call(w, VM1, text, "-");
		world_advance(w, SLICE);
	}
	assert_call(w, VM1, REQUEST, BUSY);
	assert_call(w, VM1, RUN_SP1, BUSY);
	assert_call(w, VM1, "8400006d 80020000", "-");
	assert_call_vcpu(w, SP2, 0, "c400008e 80020001", "-");
	assert_call(w, VM1, REQUEST, "-");
}

/* SP3 wants to know which VMs are gone. */
enum { SP3 = 0x8003 };
#define VM1_IS_GONE     "8400006f 8003 80000006 0 0 1"
#define VM3_IS_GONE     "8400006f 8003 80000006 0 0 3"
#define VM_IS_GONE_ACK  "84000070 80030000 80000007"
#define REQUEST_TO_SP3  "c400008d 18003"
#define RESPONSE_OF_SP3 "c400008e 80030001"

static void add_sp3(struct world *w)
{
	world_add(w, &(struct spmc_partition_config){
			     .name = "SP3", .id = SP3, .vcpu_count = 1, .properties = 0x78b });
	assert_call(w, SP3, "84000063 10002", "10002");
}

static void who_wants_to_know_is_told_of_a_dead_vm(void **state)
{
	struct world *w = *state;

	add_sp3(w);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, SP3, WAIT, "-");
	world_stop(w, VM1);
	assert_string_equal(world_reply(w, SP3, 0), VM1_IS_GONE);
	assert_string_equal(world_reply(w, SP1, 0), "-");
	/* Nothing else reaches it before it has answered, and only that answer will do. */
	assert_call(w, VM3, "c400008d 38003", BUSY);
	assert_call(w, SP3, "84000070 80030000 80000005", INVALID_PARAMETERS);
	assert_call(w, SP3, "84000070 80030001 80000007", INVALID_PARAMETERS);
	assert_call(w, SP3, "84000070 80030000", DENIED);
	assert_call(w, SP3, VM_IS_GONE_ACK, "-");
	assert_call(w, VM3, "c400008d 38003", "-");
}

static void a_death_is_told_at_the_next_wait_each_once(void **state)
{
	struct world *w = *state;

	add_sp3(w);
	assert_call(w, SP3, WAIT, "-");
	assert_call(w, VM1, REQUEST_TO_SP3, "-");
	world_stop(w, VM1);
	world_stop(w, VM3);
	assert_string_equal(world_reply(w, SP3, 0), REQUEST_TO_SP3);
	assert_call(w, SP3, RESPONSE_OF_SP3, VM1_IS_GONE);
	assert_call(w, SP3, VM_IS_GONE_ACK, VM3_IS_GONE);
	/* To wait again is as good as an answer. */
	assert_call(w, SP3, WAIT, "-");
}

static void nobody_is_told_of_secure_partitions_or_former_lives(void **state)
{
	struct world *w = *state;

	add_sp3(w);
	assert_call(w, SP3, WAIT, "-");
	world_stop(w, SP1);
	assert_string_equal(world_reply(w, SP3, 0), "-");
	world_raise(w, SP3, 0);
	world_stop(w, VM1);
	world_stop(w, SP3);
	assert_int_equal(spmc_start(w->spmc, SP3), 0);
	assert_call(w, SP3, "84000063 10002", "10002");
	assert_call(w, SP3, WAIT, "-");
}

static void a_new_life_waits_for_the_news_of_the_old_ones_death(void **state)
{
	struct world *w = *state;

	add_sp3(w);
	/* Two deaths before it waits are one piece of news: a set, not a queue. */
	for (int i = 0; i < 2; i++) {
		world_stop(w, VM1);
		assert_int_equal(spmc_start(w->spmc, VM1), 0);
		assert_call(w, VM1, "84000063 10002", "10002");
		assert_call(w, VM1, REQUEST_TO_SP3, BUSY);
	}
	assert_call(w, SP3, WAIT, VM1_IS_GONE);
	assert_call(w, VM1, REQUEST_TO_SP3, BUSY);
	assert_call(w, SP3, VM_IS_GONE_ACK, "-");
	assert_call(w, VM1, REQUEST_TO_SP3, "-");
	assert_string_equal(world_reply(w, SP3, 0), REQUEST_TO_SP3);
	assert_call(w, SP3, RESPONSE_OF_SP3, "-");
	assert_string_equal(world_reply(w, VM1, 0), RESPONSE_OF_SP3);
}

static void news_of_a_death_goes_before_interrupts(void **state)
{
	struct world *w = *state;

	add_sp3(w);
	world_raise(w, SP3, 0);
	world_stop(w, VM1);
	assert_call(w, SP3, WAIT, VM1_IS_GONE);
	assert_call(w, SP3, VM_IS_GONE_ACK, "84000062 80030000");
	assert_call(w, SP3, WAIT, "-");
}

static void one_vcpu_is_told_of_a_death_and_the_others_serve_on(void **state)
{
	struct world *w = *state;
	const uint16_t sp4 = 0x8004;

	world_add(w, &(struct spmc_partition_config){
			     .name = "SP4", .id = sp4, .vcpu_count = 2, .properties = 0x78b });
	assert_call(w, sp4, "84000063 10002", "10002");
	assert_call_vcpu(w, sp4, 0, WAIT, "-");
	assert_call_vcpu(w, sp4, 1, WAIT, "-");
	world_stop(w, VM1);
	assert_string_equal(world_reply(w, sp4, 0), "8400006f 8004 80000006 0 0 1");
	assert_string_equal(world_reply(w, sp4, 1), "-");
	/* only who was told can answer */
	assert_call(w, VM3, "c400008d 38004", "-");
	assert_string_equal(world_reply(w, sp4, 1), "c400008d 38004");
	assert_call_vcpu(w, sp4, 1, "84000070 80040000 80000007", INVALID_PARAMETERS);
	assert_call_vcpu(w, sp4, 0, "84000070 80040000 80000007", "-");
}

static void who_dies_without_an_answer_owes_none_in_its_next_life(void **state)
{
	struct world *w = *state;

	add_sp3(w);
	assert_call(w, SP3, WAIT, "-");
	world_stop(w, VM1);
	assert_string_equal(world_reply(w, SP3, 0), VM1_IS_GONE);
	world_stop(w, SP3);
	assert_int_equal(spmc_start(w->spmc, SP3), 0);
	assert_call(w, SP3, "84000063 10002", "10002");
	assert_call(w, SP3, VM_IS_GONE_ACK, INVALID_PARAMETERS);
	assert_call(w, SP3, WAIT, "-");
	assert_call(w, VM3, "c400008d 38003", "-");
	assert_string_equal(world_reply(w, SP3, 0), "c400008d 38003");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		CASE(a_target_is_busy_unless_it_waits),
		CASE(a_blocked_vcpu_cannot_call),
		CASE(high_halves_and_reserved_registers),
		CASE(responses_go_to_who_asked_and_once),
		CASE(requests_need_properties_ids_and_versions),
		CASE(a_request_needs_the_property_of_the_service_it_is_for),
		CASE(a_request_goes_to_the_same_vcpu_or_one_that_waits),
		CASE(a_slice_that_ends_gives_interrupt_and_run_continues),
		CASE(an_answer_nobody_waits_for_is_kept_for_run),
		CASE(a_preempted_caller_can_turn_to_others),
		CASE(a_target_may_ask_others_on_its_way),
		CASE(run_gives_a_waiting_secure_partition_time),
		CASE(raise_completes_waiting_or_stays_pending),
		CASE(a_dead_target_aborts_who_waits_for_it),
		CASE(a_dead_target_aborts_a_preempted_caller_at_its_next_run),
		CASE(a_target_does_not_notice_its_callers_death),
		CASE(a_restarted_partition_begins_anew),
		CASE(generations_of_direct_messages_do_not_mix),
		CASE(yield_gives_time_back_until_run),
		CASE(without_a_time_slice_nothing_is_preempted),
		CASE(unfinished_requests_are_bounded),
		CASE(who_wants_to_know_is_told_of_a_dead_vm),
		CASE(a_death_is_told_at_the_next_wait_each_once),
		CASE(nobody_is_told_of_secure_partitions_or_former_lives),
		CASE(a_new_life_waits_for_the_news_of_the_old_ones_death),
		CASE(news_of_a_death_goes_before_interrupts),
		CASE(one_vcpu_is_told_of_a_death_and_the_others_serve_on),
		CASE(who_dies_without_an_answer_owes_none_in_its_next_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
