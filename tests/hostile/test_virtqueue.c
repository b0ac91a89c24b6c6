/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer that rewrites the rings between any two reads. Both sides of the queue are built here once
 * more with a port whose every load is followed by a stroke of malice, so that what was checked and
 * what is read again could differ at every place. The area ends at a guard page; what a pop returns
 * must lie inside it, whatever the rings say.
 */
#include <string.h>
#include <sys/mman.h>

#include "support/cmocka.h"
#include "support/struck_loads.h"

#include "../../lib/virtqueue.c"
#include "../../lib/virtqueue_device.c"
#include "../../lib/virtqueue_driver.c"

#define SIZE   8u
#define DESC   0x0000u
#define DRIVER 0x0400u
#define DEVICE 0x0800u
#define TABLE  0x0c00u
#define RINGS  0x1000u /* what the peer rewrites */
#define RAM    0x4000u
#define PIECES 32u
#define ROUNDS 60000u

static uint8_t *ram;
static uint32_t random_state = 1;
static bool malice;
static struct vmsg_memory_area areas[2];
static struct vmsg_memory memory;

static uint32_t below(uint32_t limit)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % limit;
}

static uint64_t at(uint32_t offset)
{
	return 1ull << 48 | offset;
}

/* Values that come close to being right are the dangerous ones. */
static void strike(void)
{
	if (!malice || below(3)) {
		return;
	}
	uint8_t *place = ram + (below(RINGS) & ~15u);
	switch (below(6)) {
	case 0: /* a descriptor, nearly good */
		vmsg_port_store_le64(place, at(below(RAM + 64)));
		vmsg_port_store_le64(place + 8, below(0x300) | (uint64_t)below(8) << 32 |
							(uint64_t)below(SIZE + 2) << 48);
		break;
	case 1: /* packed flags */
		vmsg_port_store_relaxed_le16(
			ram + DESC + (size_t)below(SIZE) * 16 + 14,
			(uint16_t)(below(8) | (below(2) ? 0x80u : 0) | (below(2) ? 0x8000u : 0)));
		break;
	case 2:
		vmsg_port_store_relaxed_le16(ram + DRIVER + 2, (uint16_t)below(3 * SIZE));
		break;
	case 3:
		vmsg_port_store_relaxed_le16(ram + DEVICE + 2, (uint16_t)below(3 * SIZE));
		break;
	case 4: /* used entry */
		vmsg_port_store_le64(ram + DEVICE + 4 + (size_t)below(SIZE) * 8,
				     below(SIZE + 2) | (uint64_t)below(64) << 32);
		break;
	default: /* available entry */
		vmsg_port_store_relaxed_le16(ram + DRIVER + 4 + (size_t)below(SIZE) * 2,
					     (uint16_t)below(SIZE + 2));
		break;
	}
}

static void struck(const void *at, unsigned int size)
{
	(void)at;
	(void)size;
	strike();
}

static int map(void **state)
{
	(void)state;
	const size_t page = 4096;

	ram = mmap(NULL, RAM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	return mprotect(ram + RAM, page, PROT_NONE);
}

static int unmap(void **state)
{
	(void)state;
	return munmap(ram, RAM + 4096);
}

static struct vmsg_vq_layout fresh(uint32_t round)
{
	const struct vmsg_segment segments[] = { { ram, 0x2000 }, { ram + 0x2000, RAM - 0x2000 } };

	malice = false;
	vmsg_memory_init(&memory, areas, 2, 48);
	assert_int_equal(vmsg_memory_add(&memory, 1, segments, 2, true, 0), 0);
	return (struct vmsg_vq_layout){
		.size = SIZE,
		.event_idx = round & 1,
		.indirect = round & 2,
		.packed = round & 4,
		.in_order = round & 8,
		.desc_addr = at(DESC),
		.driver_addr = at(DRIVER),
		.device_addr = at(DEVICE),
	};
}

/* Four chains of two descriptors each, so that there is something to spoil. */
static void lay_honest_ring(bool packed)
{
	memset(ram, 0, RINGS);
	for (uint32_t i = 0; i < SIZE; i++) {
		const uint64_t flags = (i % 2 ? VQ_WRITE : VQ_NEXT) | (packed ? VQ_AVAIL : 0);
		vmsg_port_store_le64(ram + DESC + (size_t)i * 16, at(0x1ff0 + i * 8));
		vmsg_port_store_le64(ram + DESC + (size_t)i * 16 + 8,
				     packed ? 24 | flags << 48
					    : 24 | flags << 32 | (uint64_t)(i + 1) << 48);
	}
	for (uint32_t i = 0; i < SIZE / 2; i++) {
		vmsg_port_store_relaxed_le16(ram + DRIVER + 4 + (size_t)i * 2, (uint16_t)(2 * i));
	}
	vmsg_port_store_relaxed_le16(ram + DRIVER + 2, packed ? 0 : SIZE / 2);
}

static void a_pop_stays_inside_whatever_the_driver_rewrites(void **state)
{
	(void)state;
	static uint32_t popped, broken;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct vmsg_vq_device device;
		struct vmsg_vq_piece pieces[PIECES];
		struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = PIECES };
		const struct vmsg_vq_layout layout = fresh(round);
		lay_honest_ring(layout.packed);
		assert_int_equal(vmsg_vq_device_start(&device, &memory, &layout), 0);
		malice = true;
		for (int step = 0; step < 12; step++) {
			const int result = vmsg_vq_device_pop(&device, &chain);
			if (result < 0) {
				broken++;
				assert_true(device.vq.broken);
				assert_int_equal(chain.count, 0);
				break;
			}
			uint64_t sizes[2] = { 0, 0 };
			for (uint32_t i = 0; i < chain.count; i++) {
				const struct vmsg_vq_piece *piece = &pieces[i];
				assert_true(piece->span.data >= ram &&
					    piece->span.data + piece->span.size <= ram + RAM);
				assert_int_equal(piece->write, i >= chain.readable_count);
				sizes[piece->write] += piece->span.size;
			}
			assert_int_equal(sizes[0], chain.readable_size);
			assert_int_equal(sizes[1], chain.writable_size);
			if (result == 1) {
				popped++;
				assert_int_equal(vmsg_vq_device_push(&device, chain.head, 0), 0);
				(void)vmsg_vq_device_should_notify(&device);
			}
			(void)vmsg_vq_device_enable_notify(&device);
		}
		malice = false;
		vmsg_vq_device_stop(&device);
	}
	assert_true(popped > ROUNDS / 100);
	assert_true(broken > ROUNDS / 100);
}

static void a_reap_gives_back_only_what_was_added(void **state)
{
	(void)state;
	static uint32_t reaped, broken;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct vmsg_vq_driver driver;
		struct vmsg_vq_driver_slot slots[SIZE];
		bool busy[2 * SIZE] = { false };
		const struct vmsg_vq_layout layout = fresh(round);
		assert_int_equal(vmsg_vq_driver_start(&driver, &memory, &layout, slots), 0);
		malice = true;
		int error = 0;
		for (int step = 0; step < 24 && error >= 0; step++) {
			const struct vmsg_vq_buffer buffers[] = { { at(0x1000), 16, false },
								  { at(0x1800), 32, true } };
			const uint32_t which = below(2 * SIZE);
			if (!busy[which] &&
			    vmsg_vq_driver_add(&driver, buffers, 1 + below(2), &busy[which]) == 0) {
				busy[which] = true;
			}
			(void)vmsg_vq_driver_should_kick(&driver);
			for (int i = 0; i < 12; i++) {
				strike();
			}
			void *cookie;
			uint32_t written;
			error = vmsg_vq_driver_reap(&driver, &cookie, &written);
			if (error == 1) {
				reaped++;
				bool *mine = cookie;
				assert_true(mine >= busy && mine < busy + 2 * SIZE && *mine);
				assert_true(written <= 32);
				*mine = false;
			}
			(void)vmsg_vq_driver_enable_notify(&driver);
		}
		broken += error < 0;
		assert_int_equal(driver.vq.broken, error < 0);
		malice = false;
		vmsg_vq_driver_stop(&driver);
		void *cookie;
		while (vmsg_vq_driver_detach(&driver, &cookie) == 1) {
			bool *mine = cookie;
			assert_true(*mine);
			*mine = false;
		}
		for (uint32_t i = 0; i < 2 * SIZE; i++) {
			assert_false(busy[i]); /* each came back once, one way or the other */
		}
	}
	assert_true(reaped > ROUNDS / 100);
	assert_true(broken > ROUNDS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pop_stays_inside_whatever_the_driver_rewrites),
		cmocka_unit_test(a_reap_gives_back_only_what_was_added),
	};
	return cmocka_run_group_tests(tests, map, unmap);
}
