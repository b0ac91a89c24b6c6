/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One queue over several areas: each part of the ring in an area of its own, its buffers in others,
 * with ids of either width; and what an area in use may not lose.
 */
#include <string.h>

#include "support/cmocka.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/memory.h"
#include "virtio_msg_ffa/virtqueue.h"

#define PAGE  4096u
#define AREAS 5u
#define SIZE  8u

static uint8_t ram[AREAS][PAGE] __attribute__((aligned(4096)));

struct end {
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[AREAS];
};

static struct end driver, device;
static struct vmsg_vq_driver ours;
static struct vmsg_vq_device theirs;
static struct vmsg_vq_driver_slot slots[SIZE];
static uint16_t ids[AREAS];
static const struct vmsg_profile *profile;

static uint64_t address(size_t area, uint64_t offset)
{
	uint64_t made = 0;

	assert_int_equal(vmsg_address_make(profile, ids[area], offset, &made), 0);
	return made;
}

static void open_end(struct end *end)
{
	vmsg_memory_init(&end->memory, end->areas, AREAS, profile->area_id_shift);
	for (size_t i = 0; i < AREAS; i++) {
		const struct vmsg_segment segment = { ram[i], PAGE };
		assert_int_equal(vmsg_memory_add(&end->memory, ids[i], &segment, 1, true, i), 0);
	}
}

static void open_queue(const char *name)
{
	profile = vmsg_profile_find(name);
	const uint16_t last = profile->area_id_shift == 56 ? 255 : 65535;
	for (size_t i = 0; i < AREAS; i++) {
		ids[i] = (uint16_t)(last - 2 * i); /* up to the largest of the width */
	}
	memset(ram, 0, sizeof(ram));
	open_end(&driver);
	open_end(&device);
	const struct vmsg_vq_layout layout = {
		.size = SIZE,
		.desc_addr = address(0, 16),
		.driver_addr = address(1, 2),
		.device_addr = address(2, 4),
	};
	assert_int_equal(vmsg_vq_driver_start(&ours, &driver.memory, &layout, slots), 0);
	assert_int_equal(vmsg_vq_device_start(&theirs, &device.memory, &layout), 0);
}

static void a_chain_crosses_areas(void **state)
{
	static const char *const profiles[] = { "r1", "r1-a16", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		open_queue(profiles[i]);
		for (unsigned int round = 0; round < 3 * SIZE; round++) {
			const struct vmsg_vq_buffer buffers[] = {
				{ address(3, 100), 50, false },
				{ address(4, PAGE - 30), 30, false },
				{ address(4, 0), 64, true },
			};
			struct vmsg_vq_piece pieces[4];
			struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 4 };
			void *cookie;
			uint32_t written;
			assert_int_equal(vmsg_vq_driver_add(&ours, buffers, 3, &chain), 0);
			assert_int_equal(vmsg_vq_device_pop(&theirs, &chain), 1);
			assert_int_equal(chain.count, 3);
			assert_ptr_equal(pieces[0].span.data, ram[3] + 100);
			assert_ptr_equal(pieces[1].span.data, ram[4] + PAGE - 30);
			assert_ptr_equal(pieces[2].span.data, ram[4]);
			assert_int_equal(vmsg_vq_device_push(&theirs, chain.head, 64), 0);
			assert_int_equal(vmsg_vq_driver_reap(&ours, &cookie, &written), 1);
			assert_int_equal(written, 64);
		}
		vmsg_vq_driver_stop(&ours);
		vmsg_vq_device_stop(&theirs);
	}
}

/* A buffer does not run from one area into the next, however their ids lie. */
static void a_buffer_stays_in_its_area(void **state)
{
	(void)state;
	open_queue("r3");
	const struct vmsg_vq_buffer buffer = { address(3, PAGE - 10), 11, false };
	struct vmsg_vq_piece pieces[4];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 4 };
	const int added = vmsg_vq_driver_add(&ours, &buffer, 1, &chain);
	assert_true(added < 0 || vmsg_vq_device_pop(&theirs, &chain) < 0);
	vmsg_vq_driver_stop(&ours);
	vmsg_vq_device_stop(&theirs);
}

/* Each area that holds a part of a ring stays until the queue stops; the others may go. */
static void areas_of_a_ring_are_in_use(void **state)
{
	(void)state;
	open_queue("r3");
	for (size_t i = 0; i < AREAS; i++) {
		assert_int_equal(vmsg_memory_remove(&device.memory, ids[i]),
				 i < 3 ? VMSG_ERROR_AGAIN : 0);
	}
	vmsg_vq_device_stop(&theirs);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(vmsg_memory_remove(&device.memory, ids[i]), 0);
	}
	vmsg_vq_driver_stop(&ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_crosses_areas),
		cmocka_unit_test(a_buffer_stays_in_its_area),
		cmocka_unit_test(areas_of_a_ring_are_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
