/* SPDX-License-Identifier: BSD-3-Clause */
/* Indirect messages and notifications against a script: each call in hex, and what the manager
 * answers. */
#include <string.h>

#include "support/cmocka.h"
#include "support/endpoint_script.h"
#include "support/hex.h"

#include "virtio_msg_ffa/error.h"

#define SP 0x8001u
#define VM 2u

static const struct vmsg_ffa_uuid uuid = VMSG_FFA_UUID_DRIVER_ROLE;
static struct vmsg_mailbox mailbox, others;

/* flags, reserved, offset 40, receiver 1, sender SP, size, reserved, UUID, payload */
#define HEAD(sender, receiver, size)                                                               \
	"00000000 00000000 28000000 " receiver " " sender " " size                                 \
	" 00000000 bd7fd0896795472bb47fdb0c5d9a719d "
#define GET "84000082 1 F"

static int fresh(void **state)
{
	memset(&mailbox, 0, sizeof(mailbox));
	memset(&others, 0, sizeof(others));
	return script_fresh(state);
}

static void a_message_is_sent_from_tx(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	const struct vmsg_bytes payload = { bytes, sizeof(bytes) };

	(void)state;
	PLAY(CALL("84000086", "84000061"));
	assert_int_equal(vmsg_endpoint_send_indirect(&endpoint, SP, &uuid, payload), 0);
	PLAYED();
	assert_bytes_hex((struct vmsg_bytes){ script_sent, 48 },
			 HEAD("0100", "0180", "08000000") "0102030405060708");
}

static void a_receiver_that_has_not_read_is_busy(void **state)
{
	static uint8_t bytes[SCRIPT_PAGE];

	(void)state;
	PLAY(CALL("84000086", "84000060 0 FFFFFFFC"), CALL("84000086", "84000060 0 FFFFFFFA"));
	assert_int_equal(
		vmsg_endpoint_send_indirect(&endpoint, SP, NULL, (struct vmsg_bytes){ bytes, 8 }),
		VMSG_ERROR_AGAIN);
	assert_int_equal(
		vmsg_endpoint_send_indirect(&endpoint, SP, NULL, (struct vmsg_bytes){ bytes, 8 }),
		VMSG_ERROR_PEER);
	assert_int_equal(endpoint.status, VMSG_FFA_DENIED);
	PLAYED();
	/* with its header, one byte too many */
	assert_int_equal(
		vmsg_endpoint_send_indirect(&endpoint, SP, NULL,
					    (struct vmsg_bytes){ bytes, SCRIPT_PAGE - 39 }),
		VMSG_ERROR_RANGE);
	endpoint.buffer_size = 0;
	assert_int_equal(
		vmsg_endpoint_send_indirect(&endpoint, SP, NULL, (struct vmsg_bytes){ bytes, 8 }),
		VMSG_ERROR_STATE);
}

static void a_message_goes_to_the_mailbox_of_its_sender(void **state)
{
	(void)state;
	vmsg_endpoint_open_mailbox(&endpoint, &others, VMSG_MAILBOX_ANY_PEER);
	vmsg_endpoint_open_mailbox(&endpoint, &mailbox, SP);
	vmsg_endpoint_open_mailbox(&endpoint, &mailbox, SP); /* changes nothing */
	PLAY(CALL_RX(GET, "84000061 0 0 0 0 0 1", HEAD("0180", "0100", "04000000") "0a0b0c0d"),
	     CALL("84000065", "84000061"),
	     CALL_RX(GET, "84000061 0 0 0 0 0 0 1", HEAD("0200", "0100", "02000000") "1122"),
	     CALL("84000065", "84000061"), CALL(GET, "84000061"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
	}
	PLAYED();
	const struct vmsg_indirect *message = vmsg_mailbox_peek(&mailbox);
	assert_non_null(message);
	assert_int_equal(message->source, SP);
	assert_true(vmsg_ffa_uuid_equal(&message->uuid, &uuid));
	assert_bytes_hex((struct vmsg_bytes){ message->payload, message->size }, "0a0b0c0d");
	vmsg_mailbox_pop(&mailbox);
	assert_null(vmsg_mailbox_peek(&mailbox));
	assert_int_equal(vmsg_mailbox_peek(&others)->source, VM);
	vmsg_endpoint_close_mailbox(&endpoint, &mailbox);
	vmsg_endpoint_close_mailbox(&endpoint, &mailbox);
	assert_ptr_equal(endpoint.mailboxes, &others);
	vmsg_endpoint_close_mailbox(&endpoint, &others);
	assert_null(vmsg_mailbox_peek(&others)); /* what waits in it goes with it */
}

/* RX is free afterwards, whatever was in it. */
static void what_is_no_message_for_us_is_let_go(void **state)
{
	static const char *const bad[] = {
		HEAD("0180", "0100", "71000000"),               /* 113 bytes */
		HEAD("0180", "0300", "04000000"),               /* for another */
		"00000000 01000000 28000000 01000180 04000000", /* reserved */
		"00000000 00000000 27000000 01000180 04000000", /* inside its header */
		"00000000 00000000 00100000 01000180 01000000", /* behind RX */
		"00000000 00000000 28000000 01000180 ffffffff",
		HEAD("0700", "0100", "04000000"), /* nobody listens to it */
	};

	(void)state;
	vmsg_endpoint_open_mailbox(&endpoint, &mailbox, SP);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct script_step steps[] = { CALL_RX(GET, "84000061 0 0 0 0 0 1", bad[i]),
						     CALL("84000065", "84000061"),
						     { 0 } };
		script = steps;
		assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
		PLAYED();
		assert_null(vmsg_mailbox_peek(&mailbox));
	}
	assert_int_equal(mailbox.dropped, 2); /* those that can be told to be its */
}

static void a_full_mailbox_drops_the_newest(void **state)
{
	static const struct script_step steps[] = {
		CALL_RX(GET, "84000061 0 0 0 0 0 1", HEAD("0180", "0100", "04000000") "01020304"),
		CALL("84000065", "84000061"),
		{ 0 },
	};

	(void)state;
	vmsg_endpoint_open_mailbox(&endpoint, &mailbox, SP);
	for (int i = 0; i < VMSG_MAILBOX_SIZE + 3; i++) {
		script = steps;
		assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
	}
	assert_int_equal(mailbox.count, VMSG_MAILBOX_SIZE);
	assert_int_equal(mailbox.dropped, 3);
}

static void notifications_are_kept_until_taken(void **state)
{
	(void)state;
	PLAY(CALL(GET, "84000061 0 80 80000000 2 1"), CALL(GET, "84000061"));
	assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
	assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
	PLAYED();
	assert_true(vmsg_endpoint_take_notification(&endpoint, SP, 7));
	assert_false(vmsg_endpoint_take_notification(&endpoint, SP, 7));
	assert_true(vmsg_endpoint_take_notification(&endpoint, SP, 63));
	assert_false(vmsg_endpoint_take_notification(&endpoint, SP, 1));
	assert_true(vmsg_endpoint_take_notification(&endpoint, VM, 1));
	assert_true(vmsg_endpoint_take_notification(&endpoint, VM, 32));
	assert_false(vmsg_endpoint_take_notification(&endpoint, SP, 64));
}

/* A manager may refuse flags that mean nothing where the caller is. */
static void each_kind_of_partition_asks_for_its_own(void **state)
{
	(void)state;
	endpoint.id = 0;
	PLAY(CALL("84000082 0 5", "84000061"), CALL("84000082 8002 7", "84000061"));
	assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
	endpoint.id = 0x8002;
	assert_int_equal(vmsg_endpoint_collect(&endpoint), 0);
	PLAYED();
}

static void notifications_are_bound_and_raised(void **state)
{
	(void)state;
	PLAY(CALL("8400007F 80010001 0 80 0", "84000061"),
	     CALL("84000080 80010001 0 0 80000000", "84000061"),
	     CALL("84000081 18001 0 8 0", "84000061"),
	     CALL("84000081 18001 0 8 0", "84000060 0 FFFFFFFC"),
	     CALL("84000081 18001 0 8 0", "84000060 0 FFFFFFFA"));
	assert_int_equal(vmsg_endpoint_bind(&endpoint, SP, 7), 0);
	assert_int_equal(vmsg_endpoint_unbind(&endpoint, SP, 63), 0);
	assert_int_equal(vmsg_endpoint_notify(&endpoint, SP, 3), 0);
	assert_int_equal(vmsg_endpoint_notify(&endpoint, SP, 3), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_endpoint_notify(&endpoint, SP, 3), VMSG_ERROR_PEER);
	assert_int_equal(vmsg_endpoint_bind(&endpoint, SP, 64), VMSG_ERROR_RANGE);
	assert_int_equal(vmsg_endpoint_notify(&endpoint, SP, 0xffff), VMSG_ERROR_RANGE);
	PLAYED();
}

static void what_an_earlier_session_left_is_bound_anew(void **state)
{
	(void)state;
	PLAY(CALL("8400007F 80010001 0 2 0", "84000060 0 FFFFFFFA"),
	     CALL(GET, "84000061 0 2"), /* it was pending, too */
	     CALL("84000080 80010001 0 2 0", "84000061"),
	     CALL("8400007F 80010001 0 2 0", "84000061"));
	assert_int_equal(vmsg_endpoint_bind_anew(&endpoint, SP, 1), 0);
	PLAYED();
	assert_false(vmsg_endpoint_take_notification(&endpoint, SP, 1));
}

static void a_normal_world_without_hypervisor_makes_room_itself(void **state)
{
	(void)state;
	PLAY(CALL("84000064 8400007F", "84000061"), CALL("84000064 8400007D", "84000061"),
	     CALL("8400007D 1 4", "84000061"),
	     /* others have it already */
	     CALL("84000064 8400007F", "84000061"),
	     CALL("84000064 8400007D", "84000060 0 FFFFFFFF"),
	     /* done by an earlier life */
	     CALL("84000064 8400007F", "84000061"), CALL("84000064 8400007D", "84000061"),
	     CALL("8400007D 1 4", "84000060 0 FFFFFFFA"),
	     /* and some managers have none */
	     CALL("84000064 8400007F", "84000060 0 FFFFFFFF"));
	assert_int_equal(vmsg_endpoint_enable_notifications(&endpoint, 4), 0);
	assert_int_equal(vmsg_endpoint_enable_notifications(&endpoint, 4), 0);
	assert_int_equal(vmsg_endpoint_enable_notifications(&endpoint, 4), 0);
	assert_int_equal(vmsg_endpoint_enable_notifications(&endpoint, 4), VMSG_ERROR_PEER);
	PLAYED();
}

static void running_a_partition_ends_however_it_ends(void **state)
{
	(void)state;
	PLAY(CALL("8400006D 80010000", "8400006B"), CALL("8400006D 80010000", "84000062 80010000"),
	     CALL("8400006D 80010000", "84000060 0 FFFFFFFC"),
	     CALL("8400006D 80010000", "84000060 0 FFFFFFF8"));
	assert_int_equal(vmsg_endpoint_run(&endpoint, SP), 0);
	assert_int_equal(vmsg_endpoint_run(&endpoint, SP), 0);
	assert_int_equal(vmsg_endpoint_run(&endpoint, SP), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_endpoint_run(&endpoint, SP), VMSG_ERROR_PEER);
	PLAYED();
}

/* A message that comes while we are on our way into the wait must survive it. */
static void a_wait_keeps_rx_where_messages_are_taken(void **state)
{
	struct vmsg_ffa_regs regs;

	(void)state;
	vmsg_endpoint_prepare_wait(&endpoint, &regs);
	assert_int_equal(regs.x[2], 0);
	vmsg_endpoint_open_mailbox(&endpoint, &mailbox, SP);
	vmsg_endpoint_prepare_wait(&endpoint, &regs);
	assert_int_equal(regs.x[0], 0x8400006b);
	assert_int_equal(regs.x[2], 1);
	endpoint.ffa_version = VMSG_FFA_VERSION_1_1; /* which has no such flag */
	vmsg_endpoint_prepare_wait(&endpoint, &regs);
	assert_int_equal(regs.x[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, fresh)
		TEST(a_message_is_sent_from_tx),
		TEST(a_receiver_that_has_not_read_is_busy),
		TEST(a_message_goes_to_the_mailbox_of_its_sender),
		TEST(what_is_no_message_for_us_is_let_go),
		TEST(a_full_mailbox_drops_the_newest),
		TEST(notifications_are_kept_until_taken),
		TEST(each_kind_of_partition_asks_for_its_own),
		TEST(notifications_are_bound_and_raised),
		TEST(what_an_earlier_session_left_is_bound_anew),
		TEST(a_normal_world_without_hypervisor_makes_room_itself),
		TEST(running_a_partition_ends_however_it_ends),
		TEST(a_wait_keeps_rx_where_messages_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
