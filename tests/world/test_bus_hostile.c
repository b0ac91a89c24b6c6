/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers that send whatever they like: the session answers once or not at all, and lives on. */
#include <stdlib.h>
#include <string.h>

#include "support/bus_pair.h"
#include "support/cmocka.h"

#define LENGTH_MAX 113u /* one more than registers carry */

static struct bus_pair pair;

static const char *const dialects[] = { "r3", "r2b", "r2a", "r1", "r1-a16", "r0" };
#define DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

static uint64_t random_state = 1;

static uint32_t random_number(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

static void up(const char *profile)
{
	const struct vmsg_profile *forced = vmsg_profile_find(profile);

	pair_open(&pair, forced, forced);
	assert_int_equal(vmsg_bus_add_device(&pair.device.bus, 1), 0);
	pair_up(&pair);
	(void)pair_share(&pair);
	pair.driver.log[0] = 0;
	pair.device.log[0] = 0;
}

/* The device serves a driver from the start, and has nothing left of earlier ones. */
static void assert_device_works(void)
{
	pair.intercept = NULL;
	pair.driver.log[0] = 0;
	vmsg_bus_abandon(&pair.driver.bus, pair.now_ns, VMSG_ERROR_PEER);
	pair_run(&pair);
	pair_up(&pair);
	assert_int_equal(pair.device.memory.count, 0);
	assert_true(pair_share(&pair) > 0);
	assert_int_equal(pair.device.memory.count, 1);
	pair.driver.log[0] = 0;
	pair.device.log[0] = 0;
}

/* A frame of the dialect: header right, everything else as it comes. */
static size_t make_frame(const struct vmsg_profile *profile, uint8_t frame[LENGTH_MAX + 1],
			 uint8_t type, uint8_t id, uint16_t dev_num, size_t size)
{
	for (size_t i = 0; i < LENGTH_MAX + 1; i++) {
		frame[i] = random_number() % 4 ? (uint8_t)(random_number() % 4)
					       : (uint8_t)random_number();
	}
	frame[0] = type;
	frame[1] = id;
	frame[2] = (uint8_t)dev_num;
	frame[3] = (uint8_t)(dev_num >> 8);
	frame[profile->header_size - 2] = (uint8_t)size;
	frame[profile->header_size - 1] = (uint8_t)(size >> 8);
	return size;
}

static void give_to_device(const uint8_t *frame, size_t size)
{
	uint8_t answer[VMSG_FRAME_SIZE_MAX];

	if (size > VMSG_FRAME_SIZE_MAX) { /* pair_raw() pads to what registers carry */
		(void)!vmsg_bus_input(&pair.device.bus, pair.now_ns,
				      (struct vmsg_bytes){ frame, size });
		return;
	}
	pair.now_ns += 1000;
	pair_raw(&pair, (struct vmsg_bytes){ frame, size }, answer);
	pair.device.log[0] = 0;
}

static void every_id_of_every_length_to_a_device(void **state)
{
	(void)state;
	uint8_t frame[LENGTH_MAX + 1];

	for (size_t i = 0; i < DIALECTS; i++) {
		const struct vmsg_profile *profile = vmsg_profile_find(dialects[i]);
		up(dialects[i]);
		for (uint32_t id = 0; id < 256; id++) {
			for (uint8_t type = 0; type < 4; type++) {
				for (size_t size = 0; size <= LENGTH_MAX;
				     size += id > 0x0c && id < 0x80 ? 8 : 1) {
					(void)make_frame(profile, frame, type, (uint8_t)id,
							 (type & 2) ? 0 : 1, size);
					give_to_device(frame, size);
				}
			}
		}
		assert_device_works();
	}
}

/* Frames cut short by the carrier: what is missing reads as nothing, not as what lies behind. */
static void every_length_to_a_session_that_is_down(void **state)
{
	(void)state;
	uint8_t frame[LENGTH_MAX + 1];

	for (uint32_t round = 0; round < 20; round++) {
		pair_open(&pair, NULL, NULL);
		for (size_t size = 0; size <= LENGTH_MAX; size++) {
			const struct vmsg_profile *profile =
				vmsg_profile_find(dialects[round % DIALECTS]);
			(void)make_frame(profile, frame, 2, 0x80, 0, size);
			uint8_t *exact = test_malloc(size ? size : 1);
			memcpy(exact, frame, size);
			(void)!vmsg_bus_input(&pair.device.bus, 0,
					      (struct vmsg_bytes){ exact, size });
			test_free(exact);
			struct vmsg_bus_output output;
			struct vmsg_bus_event event;
			while (vmsg_bus_event(&pair.device.bus, &event) ||
			       vmsg_bus_output(&pair.device.bus, &output)) {
			}
		}
		assert_device_works();
	}
}

static void random_requests_to_a_device(void **state)
{
	(void)state;
	static const uint8_t ids[] = { 0x02, 0x03, 0x40, 0x80, 0x81, 0x82, 0x83,
				       0x84, 0x85, 0x86, 0x87, 0xC0, 0x81, 0x82 };
	uint8_t frame[LENGTH_MAX + 1];

	for (uint32_t round = 0; round < 300; round++) {
		const size_t i = round % DIALECTS;
		const struct vmsg_profile *profile = vmsg_profile_find(dialects[i]);
		up(dialects[i]);
		for (uint32_t step = 0; step < 200; step++) {
			const uint8_t id = ids[random_number() % sizeof(ids)];
			const size_t size = profile->header_size + random_number() % 30;
			(void)make_frame(profile, frame, 2, id, 0,
					 id == 0x81 ? profile->header_size + 26u : size);
			if (id == 0x81 && random_number() % 2) { /* a share that could be */
				memset(frame + profile->header_size + 18, 0, 8);
				frame[profile->header_size + 18] = 1;
				frame[profile->header_size + 22] = 0xf4;
				frame[profile->header_size + 23] = 6;
			}
			pair.device.result = random_number() % 4   ? 0
					     : random_number() % 2 ? VMSG_ERROR_AGAIN
								   : VMSG_ERROR_PEER;
			give_to_device(frame, frame[profile->header_size - 2]);
			if (random_number() % 8 == 0 && pair.device.bus.profile) {
				const uint16_t area = (uint16_t)(random_number() % 6);
				const uint64_t address = (uint64_t)area
							 << pair.device.memory.id_shift;
				struct vmsg_memory_area *memory =
					vmsg_memory_find(&pair.device.memory, area);
				if (memory && memory->users > 0) {
					vmsg_memory_release(&pair.device.memory, address);
				} else {
					(void)!vmsg_memory_hold(&pair.device.memory, address);
				}
			}
			if (random_number() % 8 == 0) {
				pair.now_ns += 2000000;
				vmsg_bus_tick(&pair.device.bus, pair.now_ns);
			}
		}
		pair.device.result = 0;
		pair.now_ns += 2000000;
		for (uint32_t slot = 0; slot < PAIR_AREAS; slot++) {
			pair.device.areas[slot].users = 0;
		}
		assert_device_works();
	}
}

static bool answer_anything(struct bus_pair *p, struct vmsg_bytes frame, uint8_t *answer)
{
	uint8_t made[LENGTH_MAX + 1];
	const struct vmsg_profile *profile = p->driver.bus.dialect;
	const uint32_t choice = random_number() % 8;

	p->now_ns += 1000;
	if (choice == 0) {
		return false; /* as it should be */
	}
	(void)make_frame(profile, made, (uint8_t)(frame.data[0] | 1u), frame.data[1],
			 (uint16_t)(frame.data[2] | frame.data[3] << 8),
			 random_number() % (LENGTH_MAX - 1));
	if (choice < 4) { /* an event, or another message */
		static const uint8_t ids[] = { 0x40, 0x42, 0xC0, 0x87, 0x84, 0x00 };
		made[0] = (uint8_t)(random_number() % 4);
		made[1] = ids[random_number() % sizeof(ids)];
	}
	if (profile->has_token && random_number() % 4) {
		memcpy(made + 4, frame.data + 4, 2);
	}
	memcpy(answer, made, VMSG_FRAME_SIZE_MAX);
	return true;
}

/* However it is answered, a driver's session rests, and can start again. */
static void random_answers_to_a_driver(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 600; round++) {
		up(dialects[round % DIALECTS]);
		pair.intercept = answer_anything;
		for (uint32_t step = 0; step < 60; step++) {
			struct vmsg_bus *bus = &pair.driver.bus;
			const struct vmsg_message request = {
				.header = { .type = VMSG_GET_DEVICE_STATUS,
					    .kind = VMSG_REQUEST,
					    .dev_num = 1 },
			};
			const struct vmsg_segment segment = { pair.ram, 4096 };
			uint16_t id;
			switch (random_number() % 6) {
			case 0:
				(void)!vmsg_bus_send(bus, pair.now_ns, &request);
				break;
			case 1:
				(void)!vmsg_bus_share(bus, pair.now_ns, 1, 2, &segment, 1, &id);
				break;
			case 2:
				(void)!vmsg_bus_unshare(bus, pair.now_ns,
							(uint16_t)(random_number() % 8));
				break;
			case 3:
				(void)!vmsg_bus_poll(bus, pair.now_ns);
				break;
			case 4:
				if (random_number() % 16 == 0) {
					(void)!vmsg_bus_reset(bus, pair.now_ns);
				}
				break;
			default:
				(void)!vmsg_bus_start(bus, pair.now_ns);
				break;
			}
			pair.driver.result = random_number() % 4 ? 0 : VMSG_ERROR_AGAIN;
			pair_run(&pair);
			pair_advance(&pair, random_number() % 3000000);
			pair.driver.log[0] = 0;
			pair.device.log[0] = 0;
		}
		pair.driver.result = 0;
		pair.intercept = NULL;
		vmsg_bus_abandon(&pair.driver.bus, pair.now_ns, VMSG_ERROR_PEER);
		pair_run(&pair);
		pair_up(&pair);
		for (int i = 0; i < 3; i++) {
			pair_advance(&pair, 2000000000);
		}
		assert_int_equal(pair.driver.memory.count, 0); /* nothing of ours is lost */
		pair.driver.log[0] = 0;
		pair.device.log[0] = 0;
	}
}

/* Two frames at once: the second waits outside, nothing is lost. */
static void a_second_request_waits(void **state)
{
	(void)state;
	uint8_t ping[VMSG_FRAME_SIZE_MAX] = { 2, 3, 0, 0, 9, 0, 12, 0, 1, 2, 3, 4 };
	const struct vmsg_bytes frame = { ping, sizeof(ping) };
	struct vmsg_bus_output output;

	up("r3");
	assert_int_equal(vmsg_bus_input(&pair.device.bus, 0, frame), 0);
	assert_int_equal(vmsg_bus_input(&pair.device.bus, 0, frame), VMSG_ERROR_AGAIN);
	assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 1);
	assert_int_equal(vmsg_bus_input(&pair.device.bus, 0, frame), 0);
	assert_int_equal(vmsg_bus_output(&pair.device.bus, &output), 1);
}

static void options_are_checked(void **state)
{
	(void)state;
	struct vmsg_bus_options options = { .role = VMSG_BUS_DRIVER };
	struct vmsg_bus bus;

	assert_int_equal(vmsg_bus_init(&bus, &options), VMSG_ERROR_INVALID);
	options.memory = &pair.driver.memory;
	assert_int_equal(vmsg_bus_init(&bus, &options), 0);
	options.device_capacity = 1;
	assert_int_equal(vmsg_bus_init(&bus, &options), VMSG_ERROR_INVALID);
	options.devices = pair.driver.devices;
	assert_int_equal(vmsg_bus_init(&bus, &options), 0);
	options.device_capacity = 65537;
	assert_int_equal(vmsg_bus_init(&bus, &options), VMSG_ERROR_INVALID);
	options.device_capacity = 1;
	options.profile = vmsg_profile(VMSG_PROFILE_A1);
	assert_int_equal(vmsg_bus_init(&bus, &options), VMSG_ERROR_REVISION);
	options.profile = vmsg_profile(VMSG_PROFILE_A2);
	assert_int_equal(vmsg_bus_init(&bus, &options), VMSG_ERROR_REVISION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_id_of_every_length_to_a_device),
		cmocka_unit_test(every_length_to_a_session_that_is_down),
		cmocka_unit_test(random_requests_to_a_device),
		cmocka_unit_test(random_answers_to_a_driver),
		cmocka_unit_test(a_second_request_waits),
		cmocka_unit_test(options_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
