/* SPDX-License-Identifier: BSD-3-Clause */
/* The exercise device through real rings: it does what it is told, when it is told. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/device_rig.h"

#include "devices/chain.h"
#include "devices/exercise.h"
#include "virtio_msg_ffa/proto.h"

#define ALL_XORS                                                                                   \
	((const uint32_t[4]){ 1u << EXERCISE_F_XOR_03, 1u << (EXERCISE_F_XOR_0C - 32),             \
			      1u << (EXERCISE_F_XOR_30 - 64), 1u << (EXERCISE_F_XOR_C0 - 96) })

static struct device_rig rig;

static int teardown(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void start(uint32_t queues)
{
	for (uint32_t i = 0; i < queues; i++) {
		rig_queue(&rig, i);
	}
	rig_run(&rig);
}

static void open_device(const char *text, uint32_t queues)
{
	rig_open(&rig, text, 0, 0);
	start(queues);
}

static void renegotiate(const uint32_t features[4])
{
	rig_reset(&rig);
	rig_negotiate_all(&rig, features);
}

static bool command(uint32_t number, uint32_t argument)
{
	uint8_t words[8];

	store_le(words, number, 4);
	store_le(words + 4, argument, 4);
	return rig_write_config(&rig, EXERCISE_CONFIG_COMMAND, words, sizeof(words));
}

static uint64_t sequence(void)
{
	return rig_config(&rig, EXERCISE_CONFIG_SEQUENCE, 8);
}

/* The next event is this one. */
static void assert_event(enum vmsg_type type, struct vmsg_message *event)
{
	assert_int_equal(vmsg_device_event(&rig.device->machine, event), 1);
	assert_int_equal(event->header.type, type);
}

static void assert_echo(uint32_t queue, uint32_t readable, uint32_t writable, uint8_t mask)
{
	const uint32_t expected = readable < writable ? readable : writable;
	uint32_t written;

	for (uint32_t i = 0; i < readable; i++) {
		rig_buffer(0)[i] = (uint8_t)(i * 7 + queue);
	}
	memset(rig_buffer(1), 0xee, RIG_BUFFER_SIZE);
	rig_add(&rig, queue, 0, readable, writable);
	rig_kick(&rig, queue);
	assert_int_equal(rig_await(&rig, queue, &written), 0);
	assert_int_equal(written, expected);
	for (uint32_t i = 0; i < RIG_BUFFER_SIZE; i++) {
		assert_int_equal(rig_buffer(1)[i],
				 i < expected ? (uint8_t)((i * 7 + queue) ^ mask) : 0xee);
	}
}

static void every_queue_echoes_what_fits(void **state)
{
	(void)state;
	open_device("exercise,queues=16", 16);
	for (uint32_t queue = 0; queue < 16; queue++) {
		assert_echo(queue, 1000, 1000, 0);
	}
	assert_echo(3, 4096, 4096, 0);
	assert_echo(3, 4096, 5, 0);
	assert_echo(3, 5, 4096, 0);
	assert_echo(3, 7, 0, 0);
	assert_echo(3, 0, 7, 0);
	assert_int_equal(rig.device->requests, 21);
	assert_int_equal(rig.device->errors, 0);
}

/* Of 128 feature bits, those at the edges of the blocks show in every byte. */
static void features_show_in_the_bytes_and_in_the_config(void **state)
{
	static const uint8_t masks[4] = { 0x03, 0x0c, 0x30, 0xc0 };
	(void)state;

	open_device("exercise,queues=1", 1);
	for (unsigned int block = 0; block < 4; block++) {
		uint32_t features[4] = { 0 };
		features[block] = ALL_XORS[block];
		renegotiate(features);
		start(1);
		assert_echo(0, 100, 100, masks[block]);
		features[1] |= 1; /* VERSION_1 */
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(rig_config(&rig, EXERCISE_CONFIG_FEATURES + 4 * i, 4),
					 features[i]);
		}
	}
	renegotiate(ALL_XORS);
	start(1);
	assert_echo(0, 100, 100, 0xff);
}

static void a_dialect_of_64_bits_sees_two_of_the_features(void **state)
{
	(void)state;
	struct vmsg_message message = {
		.body.get_device_features_request = { .block_index = 0, .num_blocks = 4 },
	};
	struct vmsg_message reply;

	rig_open(&rig, "exercise", 0, 0);
	rig_send(&rig, VMSG_GET_DEVICE_INFO, &message, &reply);
	assert_int_equal(reply.body.get_device_info_response.num_feature_blocks, 4);
	assert_int_equal(reply.body.get_device_info_response.device_id, 65535);
	vmsg_device_attach(&rig.device->machine, vmsg_profile(VMSG_PROFILE_R1),
			   rig.device->machine.memory, 96, 0);
	/* attaching has let its memory go, which is not needed here */
	rig_send(&rig, VMSG_GET_DEVICE_INFO, &message, &reply);
	assert_int_equal(reply.body.get_device_info_response.num_feature_blocks, 2);
	message.body.get_device_features_request.block_index = 0;
	message.body.get_device_features_request.num_blocks = 4;
	rig_send(&rig, VMSG_GET_DEVICE_FEATURES, &message, &reply);
	const uint8_t *words = reply.body.get_device_features_response.features.data;
	assert_true(load_le(words, 4) & ALL_XORS[0]);
	assert_true(load_le(words + 4, 4) & ALL_XORS[1]);
	assert_int_equal(load_le(words + 8, 8), 0);
}

static void a_change_on_demand_is_told_and_covers_everything(void **state)
{
	(void)state;
	struct vmsg_message event;

	open_device("exercise,config-size=500", 1);
	assert_int_equal(rig_config(&rig, EXERCISE_CONFIG_MAGIC, 4), EXERCISE_MAGIC);
	assert_int_equal(sequence(), 0);
	const uint32_t generation = rig.device->machine.generation;
	assert_true(command(EXERCISE_CHANGE, 0));
	assert_int_equal(vmsg_device_event(&rig.device->machine, &event), 0);
	rig_work(&rig);
	assert_event(VMSG_EVENT_CONFIG, &event);
	assert_int_equal(sequence(), 1);
	assert_int_equal(rig.device->machine.generation, generation + 2); /* write and change */
	for (uint32_t i = EXERCISE_CONFIG_PATTERN; i < 500; i += 23) {
		assert_int_equal(rig_config(&rig, i, 1), exercise_pattern(1, i));
	}
}

/* Two states agree in so few places that a mixture of halves cannot be taken for either. */
static void patterns_of_neighbouring_states_differ(void **state)
{
	(void)state;
	for (uint64_t first = 0; first < 100; first++) {
		unsigned int same = 0;
		for (uint32_t i = EXERCISE_CONFIG_PATTERN; i < 256; i++) {
			same += exercise_pattern(first, i) == exercise_pattern(first + 1, i);
		}
		assert_true(same < 16);
	}
}

/* Never between the bytes and the generation of one answer. */
static void reads_can_be_followed_by_changes(void **state)
{
	(void)state;
	open_device("exercise", 1);
	assert_true(command(EXERCISE_CHANGE_READS, 3));
	rig_work(&rig);
	for (uint64_t i = 0; i < 6; i++) {
		const uint32_t generation = rig.device->machine.generation;
		assert_int_equal(sequence(), i < 3 ? i : 3);
		assert_int_equal(rig.device->machine.generation, generation);
		rig_work(&rig);
		assert_int_equal(rig.device->machine.generation, generation + (i < 3));
	}
}

static void the_first_reads_are_without_being_asked(void **state)
{
	(void)state;
	open_device("exercise,change-reads=2", 1);
	for (uint64_t i = 0; i < 4; i++) {
		rig_work(&rig);
		assert_int_equal(sequence(), i < 2 ? i : 2);
	}
	rig_reset(&rig);
	rig_negotiate(&rig, 0, 0);
	start(1);
	assert_int_equal(sequence(), 2);
	rig_work(&rig);
	assert_int_equal(sequence(), 3);
}

static void every_nth_echo_changes_the_config(void **state)
{
	(void)state;
	open_device("exercise,change-echoes=3", 1);
	for (uint64_t i = 1; i <= 7; i++) {
		assert_echo(0, 10, 10, 0);
		assert_int_equal(sequence(), i / 3);
	}
}

static void await_readable(void)
{
	struct pollfd fd = { .fd = rig.device->fd, .events = POLLIN };

	assert_int_equal(poll(&fd, 1, 10000), 1);
}

static void time_changes_the_config(void **state)
{
	(void)state;
	struct vmsg_message event;

	open_device("exercise,change-ms=1", 1);
	for (int i = 0; i < 3; i++) {
		await_readable();
		rig_work(&rig);
		assert_event(VMSG_EVENT_CONFIG, &event);
	}
	assert_true(sequence() >= 3);
}

/* 5 ms pass before the buffers of any queue are looked at, however many kicks there are. */
static void echoes_can_take_a_while(void **state)
{
	(void)state;
	uint32_t written;
	uint32_t n;

	open_device("exercise,queues=2,delay-ms=5", 2);
	for (uint32_t queue = 0; queue < 2; queue++) {
		rig_add(&rig, queue, 2 * queue, 10, 10);
		rig_kick(&rig, queue);
		rig_kick(&rig, queue);
		assert_false(rig_poll(&rig, queue, &n, &written));
	}
	assert_int_equal(rig_await(&rig, 0, &written), 0);
	assert_int_equal(rig_await(&rig, 1, &written), 2);
	assert_int_equal(written, 10);
	/* and again */
	rig_add(&rig, 1, 4, 10, 10);
	rig_kick(&rig, 1);
	assert_false(rig_poll(&rig, 1, &n, &written));
	assert_int_equal(rig_await(&rig, 1, &written), 4);
}

static void it_fails_on_demand(void **state)
{
	(void)state;
	struct vmsg_message event;

	open_device("exercise", 1);
	assert_true(command(EXERCISE_NEEDS_RESET, 0));
	rig_work(&rig);
	assert_event(VMSG_EVENT_CONFIG, &event);
	assert_true(event.body.event_config.device_status & VMSG_STATUS_NEEDS_RESET);
	rig_reset(&rig);
	rig_negotiate(&rig, 0, 0);
	start(1);
	assert_echo(0, 10, 10, 0);
}

static uint32_t status(void)
{
	struct vmsg_message message = { .header = { 0 } };
	struct vmsg_message reply;

	rig_send(&rig, VMSG_GET_DEVICE_STATUS, &message, &reply);
	return reply.body.get_device_status_response.status;
}

static void reset_slowly(void)
{
	struct vmsg_message message = { .body.set_device_status_request.status = 0 };
	struct vmsg_message reply;

	rig_send(&rig, VMSG_SET_DEVICE_STATUS, &message, &reply);
	assert_int_not_equal(reply.body.set_device_status_response.status, 0);
	assert_int_not_equal(status(), 0);
	await_readable();
	rig_work(&rig);
	assert_int_equal(status(), 0);
}

static void resets_can_take_a_while(void **state)
{
	(void)state;
	open_device("exercise", 1);
	assert_true(command(EXERCISE_SLOW_RESET, 5));
	reset_slowly();
	rig_negotiate(&rig, 0, 0);
	start(1);
	assert_echo(0, 10, 10, 0);
	rig_reset(&rig); /* at once: it was to be one */
	rig_close(&rig);
	open_device("exercise,reset-ms=3", 1);
	reset_slowly();
	rig_negotiate(&rig, 0, 0);
	start(1);
	reset_slowly();
}

static void commands_that_mean_nothing_are_refused(void **state)
{
	(void)state;
	const uint8_t half[4] = { EXERCISE_CHANGE };

	rig_open(&rig, "exercise", 0, 0);
	assert_false(command(EXERCISE_CHANGE, 0)); /* nothing runs */
	start(1);
	const uint32_t generation = rig.device->machine.generation;
	assert_false(command(0, 0));
	assert_false(command(77, 0));
	assert_false(command(EXERCISE_SLOW_RESET, EXERCISE_TIME_MAX_MS + 1));
	assert_false(rig_write_config(&rig, EXERCISE_CONFIG_COMMAND, half, sizeof(half)));
	assert_false(rig_write_config(&rig, EXERCISE_CONFIG_SEQUENCE, half, sizeof(half)));
	rig_work(&rig);
	assert_int_equal(rig.device->machine.generation, generation);
	assert_true(command(EXERCISE_CHANGE, 0));
}

static struct vmsg_get_shm_response region(uint32_t shmid)
{
	struct vmsg_message message = { .body.get_shm_request.index = shmid };
	struct vmsg_message reply;

	rig_send(&rig, VMSG_GET_SHM, &message, &reply);
	return reply.body.get_shm_response;
}

static void regions_are_the_queues_tables(void **state)
{
	(void)state;
	open_device("exercise,regions=3", 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(region(i).address, rig.device->machine.queues[i].layout.desc_addr);
		assert_int_equal(region(i).length, RIG_QUEUE_SIZE * 16);
	}
	assert_int_equal(region(2).length, 0); /* its queue does not run */
	assert_int_equal(region(3).length, 1); /* in nobody's memory */
	assert_int_equal(region(3).address, UINT64_MAX);
	assert_int_equal(region(4).length, 0);
}

static void what_cannot_be_is_refused_with_its_rule(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} wrong[] = {
		{ "exercise,queues=17", "queues '17' is no number from 1 to 16" },
		{ "exercise,config-size=127", "config-size '127' is no number from 128 to 1024" },
		{ "exercise,change-ms=60001", "change-ms '60001' is no number from 0 to 60000" },
		{ "exercise,speed=1", "'speed=1' is none of queues=N" },
	};
	char why[512];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		assert_null(emu_device_open(wrong[i].text, 0, why, sizeof(why)));
		assert_int_equal(errno, EINVAL);
		assert_non_null(strstr(why, wrong[i].why));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_queue_echoes_what_fits),
		TEST(features_show_in_the_bytes_and_in_the_config),
		TEST(a_dialect_of_64_bits_sees_two_of_the_features),
		TEST(a_change_on_demand_is_told_and_covers_everything),
		cmocka_unit_test(patterns_of_neighbouring_states_differ),
		TEST(reads_can_be_followed_by_changes),
		TEST(the_first_reads_are_without_being_asked),
		TEST(every_nth_echo_changes_the_config),
		TEST(time_changes_the_config),
		TEST(echoes_can_take_a_while),
		TEST(it_fails_on_demand),
		TEST(resets_can_take_a_while),
		TEST(commands_that_mean_nothing_are_refused),
		TEST(regions_are_the_queues_tables),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
