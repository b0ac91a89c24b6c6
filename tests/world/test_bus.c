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

/* Every dialect, forced or not, against every other: an agreed profile, the same on both sides, or
 * a clear end on the driver's side and nothing on the device's. */
static void the_whole_matrix_ends_in_agreement_or_refusal(void **state)
{
	(void)state;
	static const char *const names[] = { NULL, "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };
	const size_t count = sizeof(names) / sizeof(names[0]);
	unsigned int agreed = 0;

	for (size_t i = 0; i < count * count; i++) {
		const struct vmsg_profile *driver = profile(names[i / count]);
		const struct vmsg_profile *device = profile(names[i % count]);
		pair_open(&pair, driver, device);
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		for (int ms = 0; ms < 2100 && pair.driver.bus.state == VMSG_BUS_PROBING; ms++) {
			pair_advance(&pair, 1000000);
		}
		if (pair.driver.bus.state == VMSG_BUS_RUNNING) {
			agreed++;
			assert_log(&pair.driver, "up");
			assert_log(&pair.device, "up");
			assert_true(!driver || pair.driver.bus.profile == driver);
			assert_true(!device || pair.device.bus.profile == device);
			assert_ptr_equal(pair.driver.bus.dialect, pair.driver.bus.profile);
			/* the one thing that VERSION cannot tell is not in it */
			assert_true(pair.driver.bus.profile == pair.device.bus.profile ||
				    (pair.driver.bus.profile->header_size == 6 &&
				     pair.device.bus.profile->header_size == 6));
			continue;
		}
		assert_int_equal(pair.driver.bus.state, VMSG_BUS_FAILED);
		assert_int_equal(pair.driver.bus.error, VMSG_ERROR_REVISION);
		assert_log(&pair.driver, "down");
		assert_log(&pair.device, "");
		assert_int_equal(pair.device.bus.state, VMSG_BUS_DOWN);
	}
	/* any with any; any with each of r1 and later, and the other way round with r0 too; each
	 * with itself; r1 and r1-a16, which cannot know of each other */
	assert_int_equal(agreed, 1 + 5 + 6 + 6 + 2);
}

/* In every dialect: zeros, null replies, ERROR, the request itself, noise. */
static enum nonsense { ZEROS, NULLS, ERRORS, MIRROR, RESPONSE_MIRROR, NOISE, ANSWERS } nonsense;

static bool answer_nonsense(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	const bool has_token = p->driver.bus.dialect->has_token;

	switch (nonsense) {
	case NULLS:
	case ERRORS:
		answer[0] = 3;
		answer[1] = nonsense == ERRORS ? 0x87 : 0;
		memcpy(answer + 4, frame.data + 4, has_token ? 2 : 0);
		answer[has_token ? 6 : 4] = (uint8_t)(p->driver.bus.dialect->header_size +
						      (nonsense == ERRORS ? 2 : 0));
		answer[8] = nonsense == ERRORS ? frame.data[1] : 0;
		break;
	case MIRROR:
	case RESPONSE_MIRROR:
		memcpy(answer, frame.data, frame.size);
		answer[0] |= nonsense == RESPONSE_MIRROR ? 1 : 0;
		break;
	case NOISE:
		for (size_t i = 0; i < VMSG_FRAME_SIZE_MAX; i++) {
			answer[i] = (uint8_t)(p->frames * 29 + i * 7);
		}
		break;
	default:
		break;
	}
	return true;
}

static void nonsense_in_every_dialect_ends_clearly(void **state)
{
	(void)state;
	for (int i = 0; i < 8 * ANSWERS; i++) {
		const struct vmsg_profile *forced =
			i / ANSWERS == 0 ? NULL
					 : vmsg_profile((enum vmsg_profile_id)(
						   VMSG_PROFILE_R0 + (i / ANSWERS - 1) % 6));
		nonsense = (enum nonsense)(i % ANSWERS);
		pair_open(&pair, forced, NULL);
		pair.intercept = answer_nonsense;
		assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
		for (int ms = 0; ms < 2100 && pair.driver.bus.state == VMSG_BUS_PROBING; ms++) {
			pair_advance(&pair, 1000000);
		}
		assert_int_equal(pair.driver.bus.state, VMSG_BUS_FAILED);
		assert_log(&pair.driver, "down");
		/* a mirror of VERSION is what r0 to r2 want to see; that of GET_DEVICES is not */
		assert_true(pair.driver.bus.error == VMSG_ERROR_REVISION ||
			    (pair.driver.bus.error == VMSG_ERROR_TIMEOUT && nonsense == ZEROS) ||
			    pair.driver.bus.error == VMSG_ERROR_PEER ||
			    (pair.driver.bus.error == VMSG_ERROR_BAD_FIELD &&
			     nonsense == RESPONSE_MIRROR));
		assert_true(pair.frames <= (nonsense == ZEROS ? 200 : 5));
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

/* Nothing means busy: the caller's clock says for how long. */
static void a_device_that_answers_with_nothing_is_asked_until_the_time_out(void **state)
{
	(void)state;
	pair_open(&pair, NULL, NULL);
	pair.intercept = answer_zeros;
	assert_int_equal(vmsg_bus_start(&pair.driver.bus, 0), 0);
	while (pair.driver.bus.state != VMSG_BUS_FAILED) {
		pair_advance(&pair, 1000000);
	}
	assert_in_range(pair.now_ns, 990000000, 1010000000);
	assert_log(&pair.driver, "down");
	assert_int_equal(pair.driver.bus.error, VMSG_ERROR_TIMEOUT);
	assert_in_range(pair.frames, 5 * 10, 5 * 20); /* less and less often */
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
		cmocka_unit_test(the_whole_matrix_ends_in_agreement_or_refusal),
		cmocka_unit_test(nonsense_in_every_dialect_ends_clearly),
		cmocka_unit_test(a_silent_device_is_given_up_within_one_timeout),
		cmocka_unit_test(a_device_that_answers_with_nothing_is_asked_until_the_time_out),
		cmocka_unit_test(a_device_that_answers_with_noise_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
