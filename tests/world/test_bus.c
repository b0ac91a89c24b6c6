/* SPDX-License-Identifier: BSD-3-Clause */
/* Driver and device sessions joined directly: who agrees on what, and what goes wrong how. */
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"

static struct bus_pair pair;

static const struct vmsg_profile *profile(const char *name)
{
	return name ? vmsg_profile_find(name) : NULL;
}

static struct vmsg_message get_status(uint16_t dev_num, uint16_t token)
{
	return (struct vmsg_message){
		.header = {
			.type = VMSG_GET_DEVICE_STATUS,
			.kind = VMSG_REQUEST,
			.dev_num = dev_num,
			.token = token,
		},
	};
}

/* ---- negotiation ---- */

static const struct {
	const char *driver, *device, *agreed;
} pairs[] = {
	{ NULL, NULL, "r3" },
	{ NULL, "r3", "r3" },
	{ NULL, "r2b", "r2b" },
	{ NULL, "r2a", "r2a" },
	{ NULL, "r1", "r1" },
	{ NULL, "r0", NULL },
	{ "r3", NULL, "r3" },
	{ "r2b", NULL, "r2b" },
	{ "r2a", NULL, "r2a" },
	{ "r1", NULL, "r1" },
	{ "r0", NULL, "r0" },
	{ "r3", "r3", "r3" },
	{ "r2b", "r2b", "r2b" },
	{ "r2a", "r2a", "r2a" },
	{ "r1", "r1", "r1" },
	{ "r0", "r0", "r0" },
	{ "r1-a16", "r1-a16", "r1-a16" },
	{ "r3", "r2b", NULL },
	{ "r3", "r2a", NULL },
	{ "r3", "r1", NULL },
	{ "r3", "r0", NULL },
	{ "r2b", "r3", NULL },
	{ "r2b", "r2a", NULL },
	{ "r2b", "r1", NULL },
	{ "r2a", "r3", NULL },
	{ "r2a", "r2b", NULL },
	{ "r2a", "r1", NULL },
	{ "r1", "r3", NULL },
	{ "r1", "r2b", NULL },
	{ "r1", "r2a", NULL },
	{ "r0", "r3", NULL },
	{ "r0", "r1", NULL },
};

static void every_pair_agrees_on_the_newest_both_speak(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		print_message("# driver %s, device %s\n", pairs[i].driver, pairs[i].device);
		pair_open(&pair, profile(pairs[i].driver), profile(pairs[i].device));
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 0), 0);
		assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 300), 0);
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		pair_run(&pair);
		if (!pairs[i].agreed) {
			assert_log(&pair.driver, "down");
			assert_log(&pair.device, "");
			assert_int_equal(pair.driver.bus.error, VMSG_ERROR_REVISION);
			continue;
		}
		assert_log(&pair.driver, "up +0 +300");
		assert_log(&pair.device, "up");
		assert_ptr_equal(pair.driver.bus.profile, profile(pairs[i].agreed));
		assert_ptr_equal(pair.device.bus.profile, profile(pairs[i].agreed));
		assert_int_equal(pair.driver.memory.id_shift,
				 pair.driver.bus.profile->area_id_shift);
		assert_int_equal(pair.device.memory.id_shift,
				 pair.driver.bus.profile->area_id_shift);
		assert_true(pair.driver.bus.bus_features & VMSG_BUS_FEATURE_DIRECT_RX);
		assert_int_equal(pair.driver.bus.peer_max_areas, PAIR_AREAS);
		const struct vmsg_message request = get_status(300, 77);
		assert_int_equal(vmsg_bus_send(&pair.driver.bus, 0, &request), 0);
		pair_run(&pair);
		assert_log(&pair.driver, "GET_DEVICE_STATUS@300");
		assert_int_equal(pair.driver.last.token, 77);
		assert_int_equal(pair.driver.last.message.body.get_device_status_response.status,
				 0x5a);
	}
}

static void a_silent_device_is_given_up_within_one_timeout(void **state)
{
	(void)state;
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;
	int requests = 0;

	pair_open(&pair, NULL, NULL);
	struct vmsg_bus *bus = &pair.driver.bus;
	assert_int_equal(vmsg_bus_start(bus, 0), 0);
	while (bus->state != VMSG_BUS_FAILED) {
		while (vmsg_bus_output(bus, &output)) {
			assert_int_equal(output.kind, VMSG_BUS_SEND);
			assert_true(output.deadline_ns <= 1000000000);
			requests++;
		}
		pair.now_ns = vmsg_bus_deadline(bus);
		assert_true(pair.now_ns <= 1000000000);
		vmsg_bus_tick(bus, pair.now_ns);
	}
	assert_int_equal(requests, 5); /* RESET, VERSION in r3, r2b, r2a, r1 */
	assert_int_equal(vmsg_bus_event(bus, &event), 1);
	assert_int_equal(event.kind, VMSG_BUS_EVENT_FAILED);
	assert_int_equal(event.error, VMSG_ERROR_TIMEOUT);
	assert_int_equal(vmsg_bus_event(bus, &event), 0);
	assert_int_equal(vmsg_bus_deadline(bus), UINT64_MAX);
}

static bool answer_zeros(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	(void)p;
	(void)frame;
	(void)answer;
	return true;
}

static void a_device_that_answers_with_nothing_is_asked_again_and_given_up(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	pair.intercept = answer_zeros;
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	for (int i = 0; i < 30; i++) {
		pair_advance(&pair, 1000000);
	}
	assert_log(&pair.driver, "down");
	assert_int_equal(pair.frames, 5 * 3);
}

static bool answer_noise(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	(void)frame;
	for (size_t i = 0; i < VMSG_FRAME_SIZE_MAX; i++) {
		answer[i] = (uint8_t)(p->frames * 37 + i * 11);
	}
	return true;
}

static void a_device_that_answers_with_noise_is_given_up(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	pair.intercept = answer_noise;
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	pair_run(&pair);
	assert_log(&pair.driver, "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_agrees_on_the_newest_both_speak),
		cmocka_unit_test(a_silent_device_is_given_up_within_one_timeout),
		cmocka_unit_test(a_device_that_answers_with_nothing_is_asked_again_and_given_up),
		cmocka_unit_test(a_device_that_answers_with_noise_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
