/* SPDX-License-Identifier: BSD-3-Clause */
/* Partitions over the real socket of a real daemon: what the client library and the wire carry. */
#include "support/cmocka.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/partition.h"
#include "virtio_msg_ffa/error.h"

#define PAGE        ((size_t)4096)
#define SUCCESS     "84000061"
#define ABORTED     "84000060 0 fffffff8"
#define WAIT        "8400006b"
#define PATIENCE_NS (DAEMON_PATIENCE_MS * UINT64_C(1000000))
/* VM1 to SP1 and back, device-role UUID. */
#define REQUEST  "c400008d 18001 a14a9824b52860c6 f0ab2261da77e79d 11 22 0 0 0 0 0 0 0 0 0 0 0 ff"
#define RESPONSE "c400008e 80010001 0 0 33 0 0 0 0 0 0 0 0 0 0 0 0 ee"

static struct daemon daemon_process;
static struct partition vm1, vm2, sp1;

static int open_system(void **state)
{
	(void)state;
	daemon_start(&daemon_process, NULL, NULL);
	partition_join(&vm1, &daemon_process, 1);
	partition_join(&vm2, &daemon_process, 2);
	partition_join(&sp1, &daemon_process, 0x8001);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	partition_leave(&vm1);
	partition_leave(&vm2);
	partition_leave(&sp1);
	daemon_stop(&daemon_process);
	return 0;
}

static size_t own_descriptors(void)
{
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");

	assert_non_null(directory);
	while (readdir(directory)) {
		count++;
	}
	closedir(directory);
	return count;
}

static void a_partition_learns_who_it_is_and_who_is_there(void **state)
{
	(void)state;
	assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
	assert_string_equal(partition_call(&sp1, "84000069"), "84000061 0 8001");
	/* count of partitions with the device role, of the three that have connected */
	assert_string_equal(partition_call(&vm1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261 1"),
			    "84000061 0 3");
}

static void identities_are_given_in_order_of_their_class(void **state)
{
	struct vmsg_emu *emu;
	struct vmsg_emu_options options = { .socket_path = daemon_process.socket_path };
	char why[256];

	(void)state;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), 0);
	assert_int_equal(vmsg_emu_id(emu), 3);
	vmsg_emu_close(emu);
	options.secure = true;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), 0);
	assert_int_equal(vmsg_emu_id(emu), 0x8002);
	vmsg_emu_close(emu);
}

static void a_direct_message_crosses_and_is_answered(void **state)
{
	(void)state;
	partition_start(&sp1, WAIT);
	for (int i = 0; i < 100; i++) {
		partition_start(&vm1, REQUEST);
		assert_string_equal(partition_finish(&sp1), REQUEST);
		partition_start(&sp1, RESPONSE);
		assert_string_equal(partition_finish(&vm1), RESPONSE);
	}
}

static void a_raise_ends_the_wait_or_stays_for_the_next(void **state)
{
	(void)state;
	partition_start(&sp1, WAIT);
	assert_int_equal(vmsg_emu_raise(sp1.emu), 0);
	assert_string_equal(partition_finish(&sp1), "84000062 80010000");
	assert_int_equal(vmsg_emu_raise(sp1.emu), 0);
	assert_int_equal(vmsg_emu_raise(sp1.emu), 0);
	assert_string_equal(partition_call(&sp1, WAIT), "84000062 80010000");
	partition_start(&sp1, WAIT);
	assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
	assert_string_equal(partition_peek(&sp1), "-");
}

static void a_target_that_takes_its_time_costs_the_caller_a_time_slice(void **state)
{
	(void)state;
	partition_start(&sp1, WAIT);
	/* nobody answers: the daemon's timer does */
	assert_string_equal(partition_call(&vm1, REQUEST), "84000062 80010000");
	assert_string_equal(partition_call(&vm1, "8400006d 80010000"), "84000062 80010000");
	assert_string_equal(partition_finish(&sp1), REQUEST);
	partition_start(&sp1, RESPONSE);
	assert_string_equal(partition_call(&vm1, "8400006d 80010000"), RESPONSE);
}

/* A look right after a call may leave to the next one what has come behind its return. */
static void an_interrupt_is_seen_at_the_second_look(void **state)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(vm1.emu);

	(void)state;
	assert_string_equal(partition_call(&vm1, "8400007f 80010001 0 8"), SUCCESS);
	(void)conduit.is_interrupted(conduit.context);
	assert_false(conduit.is_interrupted(conduit.context));
	for (int i = 0; i < 3; i++) {
		assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
		assert_string_equal(partition_call(&sp1, "84000081 80010001 0 8"), SUCCESS);
		assert_int_equal(vmsg_emu_wait(vm1.emu, PATIENCE_NS), 1);
		if (!conduit.is_interrupted(conduit.context)) {
			assert_true(conduit.is_interrupted(conduit.context));
		}
		assert_false(conduit.is_interrupted(conduit.context));
		assert_string_equal(partition_call(&vm1, "84000082 1 1"), "84000061 0 8");
	}
}

static void a_notification_interrupts_and_ends_the_wait(void **state)
{
	(void)state;
	/* VM1 lets SP1 set bit 3 of its notifications */
	assert_string_equal(partition_call(&vm1, "8400007f 80010001 0 8"), SUCCESS);
	partition_start(&vm1, WAIT);
	assert_string_equal(partition_call(&sp1, "84000081 80010001 0 8"), SUCCESS);
	assert_string_equal(partition_finish(&vm1), "84000062 10000 5");
	assert_int_equal(vmsg_emu_interrupts(vm1.emu), 1u << VMSG_FFA_INTERRUPT_NPI);
	/* one interrupt until they have been fetched */
	assert_string_equal(partition_call(&sp1, "84000081 80010001 0 8"), SUCCESS);
	assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
	assert_int_equal(vmsg_emu_interrupts(vm1.emu), 0);
	assert_string_equal(partition_call(&vm1, "84000082 1 1"), "84000061 0 8");
	assert_string_equal(partition_call(&sp1, "84000081 80010001 0 8"), SUCCESS);
	assert_string_equal(partition_call(&vm1, "84000069"), "84000061 0 1");
	assert_int_equal(vmsg_emu_interrupts(vm1.emu), 1u << VMSG_FFA_INTERRUPT_NPI);
}

static void what_a_partition_logs_is_in_the_daemons_log(void **state)
{
	(void)state;
	assert_string_equal(partition_call(&sp1, "c400008a 6 a6f6c6c6548"), SUCCESS);
	assert_true(daemon_logged(&daemon_process, "0x8001: Hello "));
}

static void the_death_of_a_target_aborts_its_callers(void **state)
{
	(void)state;
	partition_start(&sp1, WAIT);
	partition_start(&vm1, REQUEST);
	assert_string_equal(partition_finish(&sp1), REQUEST);
	partition_leave(&sp1);
	assert_string_equal(partition_finish(&vm1), ABORTED);
	assert_string_equal(partition_call(&vm1, "84000068 b52860c6 a14a9824 da77e79d f0ab2261 1"),
			    "84000061 0 2");
	/* the identity is free again */
	partition_join(&sp1, &daemon_process, 0x8001);
}

static struct vmsg_segment map(struct partition *borrower, const struct partition *owner,
			       uint64_t handle, bool writable, const struct partition_range *ranges,
			       size_t count)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(borrower->emu);
	struct vmsg_ffa_range *addresses = calloc(count, sizeof(*addresses));
	struct vmsg_segment segments[4] = { 0 };

	assert_non_null(addresses);
	partition_ranges(owner, ranges, count, addresses);
	assert_int_equal(
		conduit.map(conduit.context, handle, addresses, count, writable, segments, 4), 1);
	free(addresses);
	return segments[0];
}

static void shared_memory_is_the_same_memory(void **state)
{
	/* neither in order nor next to each other; the last two are neighbours */
	static const struct partition_range ranges[] = {
		{ 20, 2 }, { 10, 1 }, { 30, 3 }, { 33, 1 }
	};
	const uint64_t handle = partition_share(&vm1, 0x8001, true, ranges, 4);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(sp1.emu);

	(void)state;
	partition_write_text(&vm1, 20, "first");
	partition_write_text(&vm1, 33, "last");
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, handle, true), "84000075 ", 9), 0);
	const struct vmsg_segment segment = map(&sp1, &vm1, handle, true, ranges, 4);
	assert_int_equal(segment.size, 7 * PAGE);
	assert_string_equal((char *)segment.data, "first");
	assert_string_equal((char *)segment.data + 6 * PAGE, "last");
	snprintf((char *)segment.data + 2 * PAGE, PAGE, "answer");
	assert_string_equal(partition_text(&vm1, 10), "answer");
	conduit.unmap(conduit.context, handle);
	assert_string_equal(partition_relinquish(&sp1, handle), SUCCESS);
	assert_string_equal(partition_call(&vm1, "84000077 %" PRIx64 " %" PRIx64,
					   handle & 0xFFFFFFFF, handle >> 32),
			    SUCCESS);
}

static void descriptors_come_once_and_go_with_their_owner(void **state)
{
	static const struct partition_range first = { 20, 1 }, second = { 40, 1 };
	const struct vmsg_conduit conduit = vmsg_emu_conduit(sp1.emu);
	size_t before = own_descriptors();

	(void)state;
	const uint64_t a = partition_share(&vm1, 0x8001, true, &first, 1);
	const uint64_t b = partition_share(&vm1, 0x8001, true, &second, 1);
	const uint64_t c =
		partition_share(&vm1, 0x8001, false, &(struct partition_range){ 60, 1 }, 1);
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, a, true), "84000075 ", 9), 0);
	assert_string_equal(partition_call(&sp1, "84000065"), SUCCESS);
	assert_int_equal(own_descriptors(), before + 1);
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, b, true), "84000075 ", 9), 0);
	assert_string_equal(partition_call(&sp1, "84000065"), SUCCESS);
	assert_int_equal(own_descriptors(), before + 1);
	/* a read-only one is another */
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, c, false), "84000075 ", 9), 0);
	assert_string_equal(partition_call(&sp1, "84000065"), SUCCESS);
	assert_int_equal(own_descriptors(), before + 2);
	/* what was unmapped can be mapped again while it is held */
	partition_write_text(&vm1, 40, "again");
	assert_string_equal((char *)map(&sp1, &vm1, b, true, &second, 1).data, "again");
	conduit.unmap(conduit.context, b);
	assert_string_equal((char *)map(&sp1, &vm1, b, true, &second, 1).data, "again");
	conduit.unmap(conduit.context, b);
	assert_string_equal(partition_relinquish(&sp1, a), SUCCESS);
	assert_string_equal(partition_relinquish(&sp1, b), SUCCESS);
	assert_string_equal(partition_relinquish(&sp1, c), SUCCESS);
	assert_int_equal(own_descriptors(), before + 2);
	/* its socket and the two */
	partition_leave(&vm1);
	before--;
	while (own_descriptors() != before) {
		struct pollfd readable = { .fd = vmsg_emu_fd(sp1.emu), .events = POLLIN };
		assert_int_equal(poll(&readable, 1, DAEMON_PATIENCE_MS), 1);
		assert_int_equal(vmsg_emu_interrupts(sp1.emu), 0);
	}
	partition_join(&vm1, &daemon_process, 1);
}

static void read_only_memory_cannot_be_mapped_for_writing(void **state)
{
	static const struct partition_range range = { 20, 1 };
	const uint64_t handle = partition_share(&vm1, 0x8001, false, &range, 1);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(sp1.emu);
	struct vmsg_ffa_range address;
	struct vmsg_segment segment;

	(void)state;
	partition_write_text(&vm1, 20, "look");
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, handle, false), "84000075 ", 9), 0);
	partition_ranges(&vm1, &range, 1, &address);
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 1),
			 VMSG_ERROR_INVALID);
	assert_string_equal((char *)map(&sp1, &vm1, handle, false, &range, 1).data, "look");
}

static void only_what_was_granted_can_be_mapped(void **state)
{
	static const struct partition_range range = { 20, 2 };
	const uint64_t handle = partition_share(&vm1, 0x8001, true, &range, 1);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(sp1.emu);
	struct vmsg_ffa_range address;
	struct vmsg_segment segment;

	(void)state;
	partition_ranges(&vm1, &range, 1, &address);
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 1),
			 VMSG_ERROR_NOT_FOUND);
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, handle, true), "84000075 ", 9), 0);
	address.pages = 3;
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 1),
			 VMSG_ERROR_INVALID);
	address.pages = 1;
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 1),
			 VMSG_ERROR_INVALID);
	address.pages = 2;
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 0),
			 VMSG_ERROR_NO_SPACE);
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 1), 1);
	assert_int_equal(conduit.map(conduit.context, handle, &address, 1, true, &segment, 1),
			 VMSG_ERROR_STATE);
}

static void a_grant_may_need_many_frames(void **state)
{
	enum { COUNT = 500 };
	struct partition_range ranges[COUNT];

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		ranges[i] =
			(struct partition_range){ .first = 2 + 2 * (COUNT - 1 - i), .pages = 1 };
		vm1.bank.data[ranges[i].first * PAGE] = (uint8_t)i;
	}
	const uint64_t handle = partition_share(&vm1, 0x8001, true, ranges, COUNT);
	assert_int_equal(strncmp(partition_retrieve(&sp1, 1, handle, true), "84000075 ", 9), 0);
	const struct vmsg_segment segment = map(&sp1, &vm1, handle, true, ranges, COUNT);
	assert_int_equal(segment.size, COUNT * PAGE);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(segment.data[i * PAGE], (uint8_t)i);
	}
}

static void memory_outlives_its_owner_until_the_borrower_lets_go(void **state)
{
	static const struct partition_range range = { 20, 1 };
	const struct daemon_holdings before = daemon_holdings(&daemon_process);
	struct partition vm3;

	(void)state;
	partition_join(&vm3, &daemon_process, 3);
	const uint64_t handle = partition_share(&vm3, 0x8001, true, &range, 1);
	partition_write_text(&vm3, 20, "legacy");
	assert_int_equal(strncmp(partition_retrieve(&sp1, 3, handle, true), "84000075 ", 9), 0);
	const struct vmsg_segment segment = map(&sp1, &vm3, handle, true, &range, 1);
	partition_leave(&vm3);
	partition_join(&vm3, &daemon_process, 3);
	assert_string_equal((char *)segment.data, "legacy");
	const struct daemon_holdings with_orphan = daemon_holdings(&daemon_process);
	assert_int_equal(with_orphan.mappings, before.mappings + 2);
	assert_string_equal(partition_relinquish(&sp1, handle), SUCCESS);
	partition_leave(&vm3);
	assert_daemon_returns_to(&daemon_process, before);
}

static void the_end_of_the_manager_is_noticed_and_survived(void **state)
{
	(void)state;
	partition_start(&sp1, WAIT);
	daemon_kill(&daemon_process);
	assert_string_equal(partition_finish(&sp1), "PEER");
	assert_true(vmsg_emu_is_lost(sp1.emu));
	assert_string_equal(vmsg_emu_lost_reason(sp1.emu), "it closed the socket");
	struct vmsg_conduit conduit = vmsg_emu_conduit(vm1.emu);
	struct vmsg_ffa_regs regs = { .x = { 0x84000069 } };
	conduit.call(conduit.context, &regs);
	assert_int_equal(vmsg_ffa_reply_status(&regs), VMSG_FFA_ABORTED);
	assert_true(vmsg_emu_is_lost(vm1.emu));
	assert_int_equal(vmsg_emu_raise(vm1.emu), VMSG_ERROR_PEER);
	assert_int_equal(vmsg_emu_interrupts(vm1.emu), 0);
	/* for the teardown */
	partition_leave(&vm1);
	partition_leave(&vm2);
	partition_leave(&sp1);
	open_system(state);
}

static void connecting_says_what_is_wrong(void **state)
{
	struct vmsg_emu *emu;
	char why[256];
	struct vmsg_emu_options options = { .socket_path = "/nowhere/sock" };

	(void)state;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), VMSG_ERROR_NOT_FOUND);
	assert_null(emu);
	assert_non_null(strstr(why, "/nowhere/sock"));
	options.socket_path = daemon_process.socket_path;
	options.id = 1;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), VMSG_ERROR_PEER);
	assert_string_equal(why, "the manager refused: partition 0x0001 is claimed already");
	options.id = 0x7777;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), VMSG_ERROR_PEER);
	assert_non_null(strstr(why, "there is no partition 0x7777"));
	struct vmsg_emu_bank bank = { .size = 100 };
	options.id = 3;
	options.banks = &bank;
	options.bank_count = 1;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), VMSG_ERROR_INVALID);
	options.bank_count = VMSG_EMU_BANKS_MAX + 1;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), VMSG_ERROR_RANGE);
	options.bank_count = 0;
	options.vcpu = 1;
	assert_int_equal(vmsg_emu_connect(&emu, &options, why, sizeof(why)), VMSG_ERROR_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(a_partition_learns_who_it_is_and_who_is_there),
		TEST(identities_are_given_in_order_of_their_class),
		TEST(a_direct_message_crosses_and_is_answered),
		TEST(a_raise_ends_the_wait_or_stays_for_the_next),
		TEST(a_target_that_takes_its_time_costs_the_caller_a_time_slice),
		TEST(an_interrupt_is_seen_at_the_second_look),
		TEST(a_notification_interrupts_and_ends_the_wait),
		TEST(what_a_partition_logs_is_in_the_daemons_log),
		TEST(the_death_of_a_target_aborts_its_callers),
		TEST(shared_memory_is_the_same_memory),
		TEST(descriptors_come_once_and_go_with_their_owner),
		TEST(read_only_memory_cannot_be_mapped_for_writing),
		TEST(only_what_was_granted_can_be_mapped),
		TEST(a_grant_may_need_many_frames),
		TEST(memory_outlives_its_owner_until_the_borrower_lets_go),
		TEST(the_end_of_the_manager_is_noticed_and_survived),
		TEST(connecting_says_what_is_wrong),
	};

	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
