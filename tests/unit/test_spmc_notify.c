/* SPDX-License-Identifier: BSD-3-Clause */
/* Notifications and indirect messages of the partition manager, without and with a scheduler. */
#include "support/cmocka.h"

#include <stdio.h>

#include "support/spmc_world.h"

#define SUCCESS            "84000061"
#define NOT_SUPPORTED      "84000060 0 ffffffff"
#define INVALID_PARAMETERS "84000060 0 fffffffe"
#define BUSY               "84000060 0 fffffffc"
#define DENIED             "84000060 0 fffffffa"
#define NO_DATA            "84000060 0 fffffff7"
#define WAIT               "8400006b"

/* VM4 can do nothing; SP2 can send messages. */
enum { VM4 = 4, SP2 = 0x8002 };

static struct world *open_with(struct world *w)
{
	world_add(w, &(struct spmc_partition_config){ .id = VM4, .vcpu_count = 2 });
	world_add(w, &(struct spmc_partition_config){
			     .id = SP2, .vcpu_count = 1, .properties = 0x70f });
	world_add_ram(w, SP2, world_tx(SP2), 0x10000, false);
	world_add_ram(w, VM4, world_tx(VM4), 0x10000, false);
	const uint16_t ids[] = { VM1, VM2, SP1, VM4, SP2 };
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		world_prepare(w, ids[i], VMSG_FFA_VERSION_1_2);
	}
	return w;
}

static int open_world(void **state)
{
	static struct world world;

	world_open_vectors(&world, 0);
	*state = open_with(&world);
	return 0;
}

/* VM1 is the scheduler. */
static int open_strict(void **state)
{
	static struct world world;

	world_open_vectors(&world, VM1);
	*state = open_with(&world);
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static void bind_checks(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "8400007f 80010002 0 8", INVALID_PARAMETERS); /* not oneself */
	assert_call(w, VM1, "8400007f 10001 0 8", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400007f ffff0001 0 8", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400007f 80000001 0 8", INVALID_PARAMETERS);
	assert_call(w, VM1, "8400007f 80010001 1 8", INVALID_PARAMETERS); /* per vCPU */
	assert_call(w, VM1, "8400007f 80010001 10 8", INVALID_PARAMETERS);
	assert_call(w, VM4, "8400007f 80010004 0 8", NOT_SUPPORTED);
	assert_call(w, VM4, "84000080 80010004 0 8", NOT_SUPPORTED);
	/* the same id from the other kind of sender is another notification */
	assert_call(w, VM1, "8400007f 80010001 0 8 80000000", SUCCESS);
	assert_call(w, VM1, "8400007f 20001 0 8", SUCCESS);
	assert_call(w, VM1, "8400007f 80020001 0 0 80000000", DENIED);
	assert_call(w, VM1, "8400007f 80020001 0 10", SUCCESS);
	/* unbind: only what that sender has, all of it or nothing */
	assert_call(w, VM1, "84000080 80010001 1 8", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000080 80010001", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000080 80010002 0 8", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000080 80020001 0 8", DENIED);
	assert_call(w, VM1, "84000080 80010001 0 18", DENIED);
	assert_call(w, VM1, "84000080 80010001 0 8", SUCCESS);
	assert_call(w, SP1, "84000081 80010001 0 8", DENIED);
	assert_call(w, SP1, "84000081 80010001 0 0 80000000", SUCCESS);
}

static void set_checks(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "8400007f 18001 0 6", SUCCESS);
	assert_call(w, VM1, "84000081 28001 0 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 10001 0 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 1ffff 0 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18001", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18001 1 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18001 10000 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18001 2 2", INVALID_PARAMETERS); /* delay from a VM */
	assert_call(w, VM1, "84000081 18001 4 2", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000081 18001 0 a", DENIED);
	assert_call(w, VM2, "84000081 28001 0 2", DENIED);
	assert_call(w, VM1, "84000081 10004 0 2", DENIED);
	assert_string_equal(w->events, "");
	assert_call(w, VM1, "84000081 18001 0 2", SUCCESS);
	assert_string_equal(w->events, "8001:interrupt 5");
}

static void get_returns_and_clears_what_was_asked_for(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "8400007f 80010001 0 1 2", SUCCESS);
	assert_call(w, VM1, "8400007f 20001 0 4 8", SUCCESS);
	assert_call(w, SP1, "84000081 80010001 0 1 2", SUCCESS);
	assert_call(w, VM2, "84000081 20001 0 4 8", SUCCESS);
	assert_call(w, VM1, "84000082 10001 3", INVALID_PARAMETERS); /* no vCPU 1 */
	assert_call(w, VM1, "84000082 1 8000000f", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000082 1", "84000061");
	assert_call(w, VM1, "84000082 1 2", "84000061 0 0 0 4 8");
	assert_call(w, VM1, "84000082 1 f", "84000061 0 1 2");
	assert_call(w, VM1, "84000082 1 f", "84000061");
	assert_call(w, VM4, "84000082 10004 f", "84000061");
}

static void npi_is_outstanding_once_until_get(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "8400007f 80010001 0 3", SUCCESS);
	assert_call(w, SP1, "84000081 80010001 0 1", SUCCESS);
	assert_string_equal(w->events, "1:interrupt 5");
	assert_call(w, SP1, "84000081 80010001 0 2", SUCCESS);
	assert_string_equal(w->events, "");
	assert_call(w, VM1, "84000082 1 1", "84000061 0 3");
	assert_call(w, SP1, "84000081 80010001 0 1", SUCCESS);
	assert_string_equal(w->events, "1:interrupt 5");
}

static void a_notification_ends_a_wait(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "8400007f 18001 0 1", SUCCESS);
	assert_call(w, VM2, "8400007f 10002 0 1", SUCCESS);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM2, WAIT, "-");
	assert_call(w, VM1, "84000081 18001 0 1", SUCCESS);
	assert_string_equal(world_reply(w, SP1, 0), "84000062 80010000 5");
	assert_call(w, VM1, "84000081 10002 0 1", SUCCESS);
	assert_string_equal(world_reply(w, VM2, 0), "84000062 20000 5");
	/* running: a secure partition finds it at its next wait, unless it has got it before */
	assert_call(w, VM1, "84000081 18001 0 1", SUCCESS);
	assert_call(w, SP1, WAIT, "84000062 80010000 5");
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM1, "84000081 18001 0 1", SUCCESS);
	assert_call(w, VM1, "84000081 18001 0 1", SUCCESS);
	assert_call(w, SP1, "84000082 8001 f", "84000061 0 0 0 1");
	assert_call(w, SP1, WAIT, "-");
	/* a VM has its NPI */
	assert_call(w, VM1, "84000081 10002 0 1", SUCCESS);
	assert_call(w, VM2, WAIT, "-");
}

static void info_get_reports_each_receiver_once(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "c4000083", NOT_SUPPORTED);
	assert_call(w, VM1, "c4000083", NO_DATA);
	assert_call(w, SP1, "8400007f 18001 0 1", SUCCESS);
	assert_call(w, SP2, "8400007f 18002 0 1", SUCCESS);
	assert_call(w, VM2, "8400007f 10002 0 1", SUCCESS);
	assert_call(w, VM1, "84000081 18001 0 1", SUCCESS);
	assert_call(w, VM1, "84000081 18002 0 1", SUCCESS);
	assert_call(w, VM1, "84000081 10002 0 1", SUCCESS);
	assert_call(w, VM1, "84000083", "84000061 0 180 80010002 8002");
	assert_call(w, VM1, "84000083", NO_DATA);
	assert_call(w, VM1, "84000081 18001 0 1", SUCCESS); /* again pending */
	assert_call(w, VM1, "c4000083", "c4000061 0 80 8001");
	assert_call(w, SP1, "84000082 8001 f", "84000061 0 0 0 1");
	assert_call(w, VM1, "c4000083", NO_DATA);
	/* a GET that leaves something behind */
	assert_call(w, VM2, "84000082 2 1", "84000061");
	assert_call(w, VM1, "c4000083", "c4000061 0 80 2");
}

static void info_get_says_when_there_is_more(void **state)
{
	struct world *w = *state;
	char text[64];

	for (uint16_t i = 0; i < 25; i++) {
		const uint16_t id = (uint16_t)(0x8100 + i);
		world_add(w, &(struct spmc_partition_config){
				     .id = id, .vcpu_count = 1, .properties = 0x708 });
		assert_call(w, id, "84000063 10002", "10002");
		snprintf(text, sizeof(text), "8400007f 1%04x 0 1", id);
		assert_call(w, id, text, SUCCESS);
		snprintf(text, sizeof(text), "84000081 1%04x 0 1", id);
		assert_call(w, VM1, text, SUCCESS);
	}
	assert_call(w, VM1, "84000083",
		    "84000061 0 501 81018100 81038102 81058104 81078106 81098108");
	assert_call(w, VM1, "c4000083",
		    "c4000061 0 780 810d810c810b810a 81118110810f810e "
		    "8115811481138112 811881178116");
}

static void a_new_life_has_no_notifications(void **state)
{
	struct world *w = *state;

	assert_call(w, SP2, "8400007f 18002 0 1", SUCCESS);
	assert_call(w, SP2, "8400007f 80018002 0 1", SUCCESS);
	assert_call(w, VM1, "84000081 18002 0 1", SUCCESS);
	assert_call(w, SP1, "84000081 80018002 0 1", SUCCESS);
	assert_call_tx(w, VM1, "0000000000000000280000000280010004000000", "84000086", SUCCESS);
	world_stop(w, SP2);
	assert_int_equal(spmc_start(w->spmc, SP2), 0);
	world_prepare(w, SP2, VMSG_FFA_VERSION_1_2);
	assert_call(w, VM1, "c4000083", NO_DATA);
	assert_call(w, SP2, "84000082 8002 f", SUCCESS);
	assert_call(w, SP2, "8400007f 18002 0 1", SUCCESS);
	assert_call(w, VM1, "84000081 18002 0 1", SUCCESS);
	assert_string_equal(w->events, "8002:interrupt 5");
}

static void death_ends_bindings(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "8400007f 80010001 0 3", SUCCESS);
	assert_call(w, SP1, "8400007f 18001 0 1", SUCCESS);
	assert_call(w, SP1, "84000081 80010001 0 1", SUCCESS);
	world_stop(w, SP1);
	/* what was signalled stays */
	assert_call(w, VM1, "84000082 1 1", "84000061 0 1");
	assert_call(w, VM1, "84000080 80010001 0 1", INVALID_PARAMETERS);
	assert_int_equal(spmc_start(w->spmc, SP1), 0);
	world_prepare(w, SP1, VMSG_FFA_VERSION_1_2);
	assert_call(w, SP1, "84000081 80010001 0 1", DENIED);
	assert_call(w, VM1, "84000081 18001 0 1", DENIED);
	assert_call(w, VM1, "8400007f 80010001 0 3", SUCCESS);
}

/* --- indirect messages --- */

#define HEADER(receiver, sender) "000000000000000028000000" receiver sender
#define REST                                                                                       \
	"04000000"                                                                                 \
	"00000000"                                                                                 \
	"00112233445566778899aabbccddeeff"                                                         \
	"a1a2a3a4"

static void messages_cross_between_all_kinds(void **state)
{
	struct world *w = *state;

	/* VM to VM, VM to SP, SP to VM: the UUID is kept, the word says who sent */
	assert_call_tx(w, VM1, HEADER("0200", "0100") REST, "84000086", SUCCESS);
	assert_rx(w, VM2, HEADER("0200", "0100") REST);
	assert_call(w, VM2, "84000082 2 4", "84000061 0 0 0 0 0 0 1");
	assert_call_tx(w, VM1, HEADER("0280", "0100") REST, "84000086 10000", SUCCESS);
	assert_rx(w, SP2, HEADER("0280", "0100") REST);
	assert_call(w, SP2, "84000082 8002 8", "84000061 0 0 0 0 0 0 1");
	assert_call_tx(w, SP2, HEADER("0100", "0280") REST, "84000086 0 2", SUCCESS);
	assert_rx(w, VM1, HEADER("0100", "0280") REST);
	assert_call(w, VM1, "84000082 1 4", "84000061 0 0 0 0 0 1");
}

static void messages_need_buffers_properties_and_a_free_rx(void **state)
{
	struct world *w = *state;

	world_put_hex(w, VM1, world_tx(VM1), HEADER("0200", "0100") REST);
	assert_call(w, VM1, "84000086 20000", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000086 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000086 0 1", INVALID_PARAMETERS);
	assert_call(w, VM1, "84000086 0 2", INVALID_PARAMETERS);
	assert_call_tx(w, VM1,
		       "01000000"
		       "0000000028000000"
		       "02000100" REST,
		       "84000086", INVALID_PARAMETERS);
	assert_call_tx(w, VM4, HEADER("0200", "0400") REST, "84000086", DENIED);
	assert_call_tx(w, VM1, HEADER("0400", "0100") REST, "84000086", DENIED);
	assert_call(w, VM2, "84000068", "84000061 0 5 18");
	assert_call_tx(w, VM1, HEADER("0200", "0100") REST, "84000086", BUSY);
	assert_call(w, VM2, "84000065", SUCCESS);
	assert_call(w, VM2, "84000067", SUCCESS);
	assert_call(w, VM1, "84000086", DENIED);
	assert_call(w, VM1, "84000067", SUCCESS);
	assert_call(w, VM1, "84000086", DENIED);
	assert_string_equal(w->events, "");
}

static void headers_are_rewritten_for_the_receiver(void **state)
{
	struct world *w = *state;

	world_stop(w, VM2);
	assert_int_equal(spmc_start(w->spmc, VM2), 0);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_1);
	assert_call_tx(w, VM1, HEADER("0200", "0100") REST, "84000086", SUCCESS);
	assert_rx(w, VM2, "0000000000000000140000000200010004000000a1a2a3a4");
	assert_call(w, VM2, "84000065", SUCCESS);
	/* a payload anywhere in TX arrives behind the header; a full page only without growing */
	world_put_hex(w, VM1, world_tx(VM1) + 0xff0, "b1b2b3b4b5b6b7b8b9babbbcbdbebfc0");
	assert_call_tx(w, VM1, "0000000000000000f00f00000200010010000000", "84000086", SUCCESS);
	assert_rx(w, VM2,
		  "0000000000000000140000000200010010000000b1b2b3b4b5b6b7b8b9babbbcbdbebfc0");
	assert_call_tx(w, VM2, "00000000000000001400000001000200ec0f0000", "84000086",
		       INVALID_PARAMETERS);
	assert_call_tx(w, VM2, "00000000000000001400000001000200d80f0000", "84000086", SUCCESS);
	assert_int_equal(*world_at(w, VM1, world_rx(VM1) + 8, 1), 40);
}

/* --- with a scheduler --- */

static void the_scheduler_gets_sri_and_runs_the_receiver(void **state)
{
	struct world *w = *state;

	assert_call(w, VM1, "84000064 2", "84000061 0 8");
	assert_call(w, VM2, "84000064 2", NOT_SUPPORTED);
	assert_call(w, VM1, "84000064 c4000083", SUCCESS);
	assert_call(w, VM2, "84000064 c4000083", NOT_SUPPORTED);
	assert_call(w, VM2, "c4000083", NOT_SUPPORTED);
	assert_call(w, SP1, "8400007f 28001 0 1", SUCCESS);
	assert_call(w, SP1, WAIT, "-");
	assert_call(w, VM2, "84000081 28001 0 1", SUCCESS);
	assert_string_equal(w->events, "8001:interrupt 5, 1:interrupt 8");
	assert_string_equal(world_reply(w, SP1, 0), "-");
	assert_call(w, VM2, "84000081 28001 0 1", SUCCESS);
	assert_string_equal(w->events, "");
	assert_call(w, VM1, "c4000083", "c4000061 0 80 8001");
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_string_equal(world_reply(w, SP1, 0), "8400006d 80010000");
	assert_call(w, SP1, "84000082 8001 f", "84000061 0 0 0 1");
	assert_call(w, SP1, WAIT, "-");
	assert_string_equal(world_reply(w, VM1, 0), WAIT);
	/* a VM is not scheduled by it */
	assert_call(w, VM2, "8400007f 80010002 0 1", SUCCESS);
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_call(w, SP1, "84000081 80010002 0 1", SUCCESS);
	assert_string_equal(w->events, "2:interrupt 5");
}

static void sri_is_delayed_until_the_sender_leaves(void **state)
{
	struct world *w = *state;

	assert_call(w, SP2, "8400007f 80018002 0 1", SUCCESS);
	assert_call(w, SP1, "84000081 80018002 2 1", SUCCESS);
	assert_string_equal(w->events, "8002:interrupt 5");
	assert_call(w, SP1, WAIT, "-");
	assert_string_equal(w->events, "1:interrupt 8");
	assert_call(w, VM1, "c4000083", "c4000061 0 80 8002");
	assert_call(w, SP2, "84000082 8002 1", "84000061 0 1");
	/* by the end of its time slice, too */
	assert_call(w, VM1, "c400008d 18001", "-");
	assert_call(w, SP1, "84000081 80018002 2 1", SUCCESS);
	assert_string_equal(w->events, "8002:interrupt 5");
	world_advance(w, SPMC_TIME_SLICE_NS);
	assert_string_equal(w->events, "1:interrupt 8");
	/* and owed once */
	assert_call(w, VM1, "c4000083", "c4000061 0 80 8002");
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_call(w, SP1, "8400006c", "-");
	assert_string_equal(w->events, "");
	/* by yielding, too */
	assert_call(w, SP2, "84000082 8002 1", "84000061 0 1");
	assert_call(w, VM1, "8400006d 80010000", "-");
	assert_call(w, SP1, "84000081 80018002 2 1", SUCCESS);
	assert_string_equal(w->events, "8002:interrupt 5");
	assert_call(w, SP1, "8400006c", "-");
	assert_string_equal(w->events, "1:interrupt 8");
}

static void a_new_scheduler_gets_sri(void **state)
{
	struct world *w = *state;

	assert_call(w, SP1, "8400007f 28001 0 1", SUCCESS);
	assert_call(w, VM2, "84000081 28001 0 1", SUCCESS);
	assert_string_equal(w->events, "8001:interrupt 5, 1:interrupt 8");
	world_stop(w, VM2);
	assert_int_equal(spmc_start(w->spmc, VM2), 0);
	world_prepare(w, VM2, VMSG_FFA_VERSION_1_2);
	assert_call(w, SP1, "84000082 8001 f", "84000061 0 0 0 1");
	assert_call(w, SP1, "8400007f 28001 0 1", SUCCESS);
	assert_call(w, VM2, "84000081 28001 0 1", SUCCESS);
	assert_string_equal(w->events, "8001:interrupt 5"); /* SRI is still outstanding */
	world_stop(w, VM1);
	assert_int_equal(spmc_start(w->spmc, VM1), 0);
	assert_call(w, VM2, "84000081 28001 0 1", SUCCESS);
	assert_string_equal(w->events, "1:interrupt 8");
}

int main(void)
{
#define CASE(name, open) cmocka_unit_test_setup_teardown(name, open, close_world)
	const struct CMUnitTest tests[] = {
		CASE(bind_checks, open_world),
		CASE(set_checks, open_world),
		CASE(get_returns_and_clears_what_was_asked_for, open_world),
		CASE(npi_is_outstanding_once_until_get, open_world),
		CASE(a_notification_ends_a_wait, open_world),
		CASE(info_get_reports_each_receiver_once, open_world),
		CASE(info_get_says_when_there_is_more, open_world),
		CASE(a_new_life_has_no_notifications, open_world),
		CASE(death_ends_bindings, open_world),
		CASE(messages_cross_between_all_kinds, open_world),
		CASE(messages_need_buffers_properties_and_a_free_rx, open_world),
		CASE(headers_are_rewritten_for_the_receiver, open_world),
		CASE(the_scheduler_gets_sri_and_runs_the_receiver, open_strict),
		CASE(sri_is_delayed_until_the_sender_leaves, open_strict),
		CASE(a_new_scheduler_gets_sri, open_strict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
