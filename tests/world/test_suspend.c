/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Suspend and resume of a whole bus, over the partition manager in this process: what is kept is
 * kept, what the device has forgotten is shared again, and data crosses as before.
 */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/echo_system.h"

static const char *const profiles[] = { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };

static struct echo_session *start(const struct echo_way *way)
{
	const struct echo_way any = { .profile = way->profile };

	echo_start_backend(&echo_sp1, 0x8001, &any);
	echo_start_frontend(&echo_vm1, 1);
	struct echo_session *at = echo_connect(&echo_vm1, 0x8001, way);
	echo_up(at);
	echo_share(at);
	echo_start_device(at, 300);
	echo_transfer(at, 1, true);
	at->log[0] = 0;
	return at;
}

static void freeze(struct echo_session *at)
{
	struct vmsg_driver_event event;
	int error;

	while ((error = vmsg_driver_pump_freeze(&at->pump)) == VMSG_ERROR_AGAIN) {
		vmsg_emu_local_advance(echo_local, 100000);
	}
	assert_int_equal(error, 0);
	assert_int_equal(at->bus.state, VMSG_BUS_SUSPENDED);
	assert_int_equal(vmsg_driver_event(&at->driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_FROZEN);
	assert_int_equal(at->driver.state, VMSG_DRIVER_FROZEN);
	assert_int_equal(vmsg_driver_pump_freeze(&at->pump), 0); /* already */
	assert_int_equal(vmsg_driver_pump_deadline(&at->pump), UINT64_MAX);
}

static void resume(struct echo_session *at)
{
	assert_int_equal(vmsg_bus_resume(&at->bus, echo_now()), 0);
	for (int i = 0; i < 100000 && at->bus.state != VMSG_BUS_RUNNING; i++) {
		assert_int_not_equal(at->bus.state, VMSG_BUS_FAILED);
		(void)echo_run(at);
		vmsg_emu_local_advance(echo_local, 100000);
	}
	assert_int_equal(at->bus.state, VMSG_BUS_RUNNING);
	(void)echo_run(at);
}

static void restore(struct echo_session *at)
{
	int error;

	echo_make_ring(at);
	assert_int_equal(vmsg_driver_move_queue(&at->driver, 0, &at->layout), 0);
	assert_int_equal(vmsg_driver_move_queue(&at->driver, 1, &at->layout), VMSG_ERROR_RANGE);
	while ((error = vmsg_driver_pump_restore(&at->pump)) == VMSG_ERROR_AGAIN) {
		vmsg_emu_local_advance(echo_local, 100000);
	}
	assert_int_equal(error, 0);
	echo_until(at, VMSG_DRIVER_EVENT_RESTORED);
	assert_int_equal(at->driver.state, VMSG_DRIVER_RUNNING);
}

/* The device knows the session still: areas are where they were, in every dialect and carrier. */
static void a_session_sleeps_and_wakes_with_its_areas(void **state)
{
	for (size_t i = 0; i < 2 * sizeof(profiles) / sizeof(profiles[0]); i++) {
		const struct echo_way way = {
			.profile = profiles[i / 2],
			.carriers = i % 2 ? 1u << VMSG_CARRIER_INDIRECT : 0,
		};
		echo_open(state);
		struct echo_session *at = start(&way);
		const uint16_t area = at->area;
		const uint64_t shared = at->bus.stats.sent[VMSG_AREA_SHARE];
		for (uint8_t k = 0; k < 3; k++) {
			const uint64_t sent = at->pump.endpoint->calls;
			freeze(at);
			vmsg_emu_local_advance(echo_local, 3600 * ECHO_SECOND);
			assert_int_equal(echo_run(at), 0);
			assert_in_range(at->pump.endpoint->calls - sent, 0, 20);
			resume(at);
			echo_assert_log(at->log, "up");
			restore(at);
			echo_transfer(at, k, true);
		}
		assert_int_equal(at->area, area);
		assert_int_equal(at->bus.stats.sent[VMSG_AREA_SHARE], shared);
		echo_down(at);
		echo_close(state);
	}
}

/* Its partition was restarted meanwhile: areas are told gone, shared again, and the rings go on in
 * them. */
static void what_the_device_has_forgotten_is_shared_again(void **state)
{
	static const char *const dialects[] = { "r1", "r2a", "r2b", "r3" };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		const struct echo_way way = { .profile = dialects[i] };
		echo_open(state);
		struct echo_session *at = start(&way);
		freeze(at);
		vmsg_emu_local_stop(echo_sp1.side.partition);
		memset(&echo_sp1, 0, sizeof(echo_sp1));
		echo_start_backend(&echo_sp1, 0x8001, &way);
		resume(at);
		assert_non_null(strstr(at->log, "gone"));
		assert_non_null(strstr(at->log, "up"));
		assert_null(strstr(at->log, "+")); /* its devices are those that were there */
		assert_null(strstr(at->log, "-"));
		echo_share(at);
		restore(at);
		for (uint8_t k = 0; k < 5; k++) {
			echo_transfer(at, k, true);
		}
		echo_down(at);
		echo_close(state);
	}
}

/* The same where its notifications cannot even be raised any more. */
static void a_forgotten_fifo_is_shared_again(void **state)
{
	static const char *const dialects[] = { "r2b", "r3" };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		const struct echo_way any = { .profile = dialects[i] };
		const struct echo_way way = {
			.profile = dialects[i],
			.carriers = 1u << VMSG_CARRIER_FIFO,
		};
		echo_open(state);
		struct echo_session *at = start(&way);
		freeze(at);
		vmsg_emu_local_stop(echo_sp1.side.partition);
		memset(&echo_sp1, 0, sizeof(echo_sp1));
		echo_start_backend(&echo_sp1, 0x8001, &any);
		resume(at);
		assert_non_null(strstr(at->log, "gone"));
		assert_non_null(strstr(at->log, "up"));
		assert_int_equal(at->bus.carrier, VMSG_CARRIER_FIFO);
		echo_share(at);
		restore(at);
		for (uint8_t k = 0; k < 5; k++) {
			echo_transfer(at, k, true);
		}
		echo_down(at);
		echo_close(state);
	}
}

static void devices_that_come_or_go_meanwhile_are_told(void **state)
{
	const struct echo_way way = { .profile = "r3" };
	struct echo_session *at = start(&way);

	(void)state;
	freeze(at);
	echo_sp1.slots[0].present = false;
	vmsg_device_pump_update(&echo_sp1.pump);
	resume(at);
	echo_assert_log(at->log, "up -0");
	restore(at);
	echo_transfer(at, 2, true);
	freeze(at);
	echo_sp1.slots[0].present = true;
	vmsg_device_pump_update(&echo_sp1.pump);
	resume(at);
	echo_assert_log(at->log, "up +0");
}

/* The number is there, but another device has it. */
static void another_device_is_not_taken_for_the_old_one(void **state)
{
	const struct echo_way way = { .profile = "r3" };
	static struct vmsg_device_info other;
	struct vmsg_driver_event event;
	struct echo_session *at = start(&way);

	(void)state;
	freeze(at);
	other = *echo_sp1.devices[1].info;
	other.vendor_id ^= 1;
	echo_sp1.devices[1].info = &other;
	resume(at);
	echo_make_ring(at);
	int error;
	while ((error = vmsg_driver_pump_restore(&at->pump)) == VMSG_ERROR_AGAIN) {
		vmsg_emu_local_advance(echo_local, 100000);
	}
	assert_int_equal(error, 0);
	assert_int_equal(vmsg_driver_event(&at->driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_FAILED);
	assert_int_equal(event.error, VMSG_ERROR_PEER);
	assert_int_equal(event.type, VMSG_GET_DEVICE_INFO);
	assert_int_equal(vmsg_driver_restore(&at->driver, echo_now()), VMSG_ERROR_STATE);
}

static void what_is_under_way_comes_to_its_end_first(void **state)
{
	const struct echo_way way = { .profile = "r3", .carriers = 1u << VMSG_CARRIER_INDIRECT };
	const struct vmsg_message ask = {
		.header = { .type = VMSG_GET_DEVICE_STATUS, .kind = VMSG_REQUEST, .dev_num = 300 },
	};
	struct echo_session *at = start(&way);

	(void)state;
	assert_int_equal(vmsg_bus_send(&at->bus, echo_now(), &ask), 0);
	assert_int_equal(vmsg_bus_suspend(&at->bus, echo_now()), VMSG_ERROR_AGAIN);
	echo_settle(at);
	assert_int_equal(vmsg_driver_read_config(&at->driver, echo_now(), 0, 0), 0);
	assert_int_equal(vmsg_driver_freeze(&at->driver, echo_now()), VMSG_ERROR_AGAIN);
	echo_until(at, VMSG_DRIVER_EVENT_CONFIG);
	assert_int_equal(vmsg_driver_move_queue(&at->driver, 0, &at->layout), VMSG_ERROR_STATE);
	freeze(at);
	assert_int_equal(vmsg_bus_suspend(&at->bus, echo_now()), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_bus_unshare(&at->bus, echo_now(), at->area), VMSG_ERROR_STATE);
	resume(at);
	assert_int_equal(vmsg_bus_resume(&at->bus, echo_now()), VMSG_ERROR_STATE);
	restore(at);
	echo_transfer(at, 2, true);
	echo_down(at);
}

/* A device that does not wake is found out by the clock. */
static void a_device_that_does_not_wake_fails_the_session(void **state)
{
	const struct echo_way way = { .profile = "r3" };
	struct echo_session *at = start(&way);

	(void)state;
	freeze(at);
	vmsg_emu_local_stop(echo_sp1.side.partition);
	assert_int_equal(vmsg_bus_resume(&at->bus, echo_now()), 0);
	for (int i = 0; i < 100000 && at->bus.state != VMSG_BUS_FAILED; i++) {
		(void)echo_run(at);
		vmsg_emu_local_advance(echo_local, 1000000);
	}
	assert_int_equal(at->bus.state, VMSG_BUS_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, echo_open, echo_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_sleeps_and_wakes_with_its_areas),
		cmocka_unit_test(what_the_device_has_forgotten_is_shared_again),
		cmocka_unit_test(a_forgotten_fifo_is_shared_again),
		TEST(devices_that_come_or_go_meanwhile_are_told),
		TEST(another_device_is_not_taken_for_the_old_one),
		TEST(what_is_under_way_comes_to_its_end_first),
		TEST(a_device_that_does_not_wake_fails_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
