/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver and device machine with a bad line between them, in virtual time, by seed: messages are
 * lost, late, doubled and overtake each other while the driver comes up, works, resets and starts
 * again. Whatever happens, both sides end in a state that they agree on, and nothing hangs.
 */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define DEV_NUM    7
#define RAM        0x4000u
#define CONFIG     150u
#define SEEDS      300
#define STEPS      400
#define LINE       16
#define TIMEOUT    10000000ull
#define DELAY      4000000ull
#define RESET_LOOK 3

static _Alignas(4096) uint8_t ram[RAM];

/* A message on its way, as bytes. */
struct parcel {
	uint8_t frame[VMSG_FRAME_SIZE_MAX];
	size_t size;
	bool to_device;
	uint64_t due_ns;
};

struct world {
	uint64_t seed;
	const struct vmsg_profile *profile;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[1];
	struct vmsg_device device;
	struct vmsg_driver driver;
	uint8_t config[CONFIG];
	uint8_t copy[CONFIG];
	uint64_t now;
	struct parcel line[LINE];
	int on_line;
	bool bad; /* the line is */
	int looks;
	bool kicked_wrongly;
	int lost, doubled, delayed;
};

static uint32_t dice(struct world *world, uint32_t sides)
{
	world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world->seed >> 33) % sides;
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct world *world = context;

	memcpy(out.data, world->config + offset, out.size);
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct world *world = context;

	(void)queue;
	world->kicked_wrongly |= index != 1 || world->device.status != 15;
}

/* Some resets take their time. */
static int reset(void *context)
{
	struct world *world = context;

	world->looks = RESET_LOOK;
	return world->profile && world->profile->allows_slow_reset && dice(world, 2) ? 0 : 1;
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.kick = kick,
	.reset = reset,
};

static const struct vmsg_device_info info = {
	.device_id = 42, .config_size = CONFIG, .queue_count = 2, .queue_size_max = 8
};

static void open_world(struct world *world, enum vmsg_profile_id profile, uint64_t seed)
{
	const struct vmsg_segment segment = { ram, RAM };

	memset(world, 0, sizeof(*world));
	world->seed = seed * 7919 + 1;
	world->profile = vmsg_profile(profile);
	vmsg_memory_init(&world->memory, world->areas, 1, world->profile->area_id_shift);
	assert_int_equal(vmsg_memory_add(&world->memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_device_init(&world->device, DEV_NUM, &info, &ops, world), 0);
	vmsg_device_attach(&world->device, world->profile, &world->memory,
			   world->profile->frame_size_max, 0);
	const struct vmsg_driver_options options = {
		.profile = world->profile,
		.dev_num = DEV_NUM,
		.frame_size_max = world->profile->frame_size_max,
		.request_timeout_ns = TIMEOUT,
		.features = { 0, 1u << (VMSG_F_RING_RESET - 32) },
		.config_buffer = world->copy,
		.config_buffer_size = sizeof(world->copy),
	};
	assert_int_equal(vmsg_driver_init(&world->driver, &options), 0);
}

/* ---- the line ---- */

static void post_once(struct world *world, const struct vmsg_message *message, uint64_t due_ns)
{
	if (world->on_line == LINE) {
		world->lost++; /* a line this full drops */
		return;
	}
	struct parcel *parcel = &world->line[world->on_line++];
	const int size =
		vmsg_encode(world->profile, message,
			    (struct vmsg_span){ parcel->frame, sizeof(parcel->frame) }, NULL);
	assert_true(size > 0);
	parcel->size = (size_t)size;
	parcel->to_device =
		message->header.kind == VMSG_REQUEST || message->header.type == VMSG_EVENT_AVAIL;
	parcel->due_ns = due_ns;
}

static void post(struct world *world, const struct vmsg_message *message)
{
	/* requests stay in order everywhere; answers may overtake each other only where tokens tell
	 * an old one from a new one of its kind */
	const bool may_overtake = world->profile->has_token && message->header.kind != VMSG_REQUEST;
	const uint32_t fate = world->bad ? dice(world, 12) : 11;

	if (fate == 0) {
		world->lost++;
		return;
	}
	if (fate == 1 && may_overtake) {
		world->doubled++;
		post_once(world, message, world->now + dice(world, DELAY));
	}
	if (fate == 2 && may_overtake) {
		world->delayed++;
		post_once(world, message, world->now + dice(world, 3 * TIMEOUT));
		return;
	}
	post_once(world, message, world->now);
}

static void deliver(struct world *world, int index)
{
	struct parcel parcel = world->line[index];
	struct vmsg_message message;

	for (int i = index; i + 1 < world->on_line; i++) {
		world->line[i] = world->line[i + 1];
	}
	world->on_line--;
	assert_int_equal(vmsg_decode(world->profile,
				     (struct vmsg_bytes){ parcel.frame, parcel.size }, &message,
				     NULL),
			 0);
	if (!parcel.to_device) {
		(void)!vmsg_driver_input(&world->driver, world->now, &message);
		return;
	}
	if (world->device.resetting && world->looks-- == 0) {
		vmsg_device_reset_done(&world->device);
	}
	(void)!vmsg_device_input(&world->device, world->now, &message);
	if (vmsg_device_output(&world->device, &message) == 1) {
		post(world, &message);
	}
}

/* One thing happens; false when nothing can any more. */
static bool step(struct world *world)
{
	struct vmsg_message message;
	uint64_t next = vmsg_driver_deadline(&world->driver);

	if (vmsg_driver_output(&world->driver, &message) == 1 ||
	    vmsg_device_event(&world->device, &message) == 1) {
		post(world, &message);
		return true;
	}
	for (int i = 0; i < world->on_line; i++) {
		if (world->line[i].due_ns <= world->now) {
			deliver(world, i);
			return true;
		}
		next = world->line[i].due_ns < next ? world->line[i].due_ns : next;
	}
	if (next == UINT64_MAX) {
		return false;
	}
	world->now = next > world->now ? next : world->now;
	vmsg_driver_tick(&world->driver, world->now);
	return true;
}

/* Until `kind` is told, or FAILED. */
static bool await(struct world *world, enum vmsg_driver_event_kind kind)
{
	struct vmsg_driver_event event;

	for (int i = 0; i < STEPS; i++) {
		while (vmsg_driver_event(&world->driver, &event) == 1) {
			if (event.kind == kind) {
				return true;
			}
			if (event.kind == VMSG_DRIVER_EVENT_FAILED) {
				assert_int_equal(world->driver.state, VMSG_DRIVER_FAILED);
				/* the line is bad, but nobody lies */
				assert_true(event.error == VMSG_ERROR_TIMEOUT ||
					    event.error == VMSG_ERROR_AGAIN);
				return false;
			}
		}
		assert_true(step(world)); /* else it would hang */
	}
	fail_msg("seed: no end in %d steps", STEPS);
	return false;
}

/* ---- the work ---- */

static bool bring_up(struct world *world)
{
	const uint64_t base = 1ull << world->profile->area_id_shift;
	const struct vmsg_vq_layout layout = { .size = 8,
					       .desc_addr = base,
					       .driver_addr = base + 0x1000,
					       .device_addr = base + 0x2000 };

	assert_int_equal(vmsg_driver_start(&world->driver, world->now), 0);
	if (!await(world, VMSG_DRIVER_EVENT_CONFIGURABLE)) {
		return false;
	}
	assert_int_equal(vmsg_driver_setup_queue(&world->driver, world->now, 1, &layout), 0);
	if (!await(world, VMSG_DRIVER_EVENT_QUEUE_READY)) {
		return false;
	}
	assert_true(world->device.queues[1].enabled); /* what was confirmed is so */
	assert_int_equal(vmsg_driver_ready(&world->driver, world->now), 0);
	return await(world, VMSG_DRIVER_EVENT_RUNNING);
}

/* A config that now and then changes as a whole must be read as a whole. */
static bool read_whole_config(struct world *world)
{
	memset(world->config, (int)dice(world, 256), CONFIG);
	vmsg_device_config_changed(&world->device, 0, CONFIG);
	assert_int_equal(vmsg_driver_read_config(&world->driver, world->now, 0, CONFIG), 0);
	if (dice(world, 2)) {
		for (uint32_t i = dice(world, 8); i > 0; i--) {
			(void)step(world);
		}
		memset(world->config, (int)dice(world, 256), CONFIG);
		vmsg_device_config_changed(&world->device, 0, CONFIG);
	}
	if (!await(world, VMSG_DRIVER_EVENT_CONFIG)) {
		return false;
	}
	for (size_t i = 1; i < CONFIG; i++) {
		assert_int_equal(world->copy[i], world->copy[0]);
	}
	return true;
}

/* On a line that works again, both sides must find each other whatever came before. */
static void recover(struct world *world)
{
	struct vmsg_driver_event event;

	world->bad = false;
	for (int i = 0; i < STEPS && world->on_line > 0; i++) {
		(void)step(world);
	}
	while (vmsg_driver_event(&world->driver, &event) == 1) {
	}
	if (world->driver.state != VMSG_DRIVER_IDLE && world->driver.state != VMSG_DRIVER_FAILED) {
		assert_int_equal(vmsg_driver_reset(&world->driver, world->now), 0);
		assert_true(await(world, VMSG_DRIVER_EVENT_RESET_DONE));
		assert_int_equal(world->device.status, 0);
		assert_false(world->device.queues[1].enabled);
	}
	assert_true(bring_up(world));
	assert_int_equal(world->device.status, 15);
	assert_true(read_whole_config(world));
	assert_int_equal(vmsg_driver_kick(&world->driver, 1, 0), 0);
	assert_false(world->kicked_wrongly);
}

static void play(enum vmsg_profile_id profile, uint64_t seed, int totals[3])
{
	struct world world;

	open_world(&world, profile, seed);
	world.bad = true;
	for (int round = 0; round < 4; round++) {
		if (!bring_up(&world) || !read_whole_config(&world)) {
			continue; /* it may start again right away */
		}
		(void)!vmsg_driver_kick(&world.driver, 1, 0);
		for (uint32_t i = dice(&world, 6); i > 0; i--) {
			(void)step(&world);
		}
		assert_int_equal(vmsg_driver_reset(&world.driver, world.now), 0);
		if (await(&world, VMSG_DRIVER_EVENT_RESET_DONE)) {
			assert_int_equal(world.driver.state, VMSG_DRIVER_IDLE);
		}
	}
	recover(&world);
	vmsg_device_detach(&world.device);
	assert_int_equal(vmsg_memory_remove(&world.memory, 1), 0); /* nothing is left holding it */
	totals[0] += world.lost;
	totals[1] += world.doubled;
	totals[2] += world.delayed;
}

static void a_bad_line_leaves_both_sides_agreed(void **state)
{
	(void)state;
	int totals[3] = { 0 };

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		play(VMSG_PROFILE_R3, seed, totals);
		play(VMSG_PROFILE_R2B, seed, totals);
	}
	assert_true(totals[0] > SEEDS && totals[1] > SEEDS && totals[2] > SEEDS);
}

static void a_line_that_loses_leaves_old_dialects_agreed(void **state)
{
	(void)state;
	int totals[3] = { 0 };

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		play(VMSG_PROFILE_R1, seed, totals);
		play(VMSG_PROFILE_R0, seed, totals);
	}
	assert_true(totals[0] > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_line_leaves_both_sides_agreed),
		cmocka_unit_test(a_line_that_loses_leaves_old_dialects_agreed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
