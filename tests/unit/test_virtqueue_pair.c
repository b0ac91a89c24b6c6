/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both sides of a queue against each other: random shapes, sizes, orders and negotiated features by
 * seed, split and packed. Every chain must come through as it was offered, every cookie must come
 * back once, and whoever sleeps must be woken.
 */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/virtqueue.h"

#define SIZE_MAX_HERE 256u
#define PIECES        16u
#define DESC          0x0000u
#define DRIVER        0x2000u
#define DEVICE        0x4000u
#define TABLES        0x6000u
#define TABLE_SIZE    0x100u
#define DATA          (TABLES + SIZE_MAX_HERE * TABLE_SIZE)
#define RAM           (DATA + 0x10000u)
#define CHAINS        6000u

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory_area areas[2][4];
static struct vmsg_memory memory[2];
static struct vmsg_vq_driver driver;
static struct vmsg_vq_device device;
static struct vmsg_vq_driver_slot slots[SIZE_MAX_HERE];

/* What the test knows of a chain in flight; its address is the cookie. */
struct chain {
	bool busy;
	uint32_t count;
	uint32_t writable;
	uint32_t written;
	struct vmsg_vq_buffer buffers[PIECES];
};

static struct chain chains[SIZE_MAX_HERE];
static uint32_t random_state;

static uint32_t below(uint32_t limit)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % limit;
}

static uint64_t at(uint32_t offset)
{
	return 1ull << 48 | offset;
}

static void start(struct vmsg_vq_layout *layout)
{
	const struct vmsg_segment segments[] = { { ram, DATA + 0x3000 },
						 { ram + DATA + 0x3000, RAM - DATA - 0x3000 } };

	layout->desc_addr = at(DESC);
	layout->driver_addr = at(DRIVER);
	layout->device_addr = at(DEVICE);
	for (int i = 0; i < 2; i++) {
		vmsg_memory_init(&memory[i], areas[i], 4, 48);
		assert_int_equal(vmsg_memory_add(&memory[i], 1, segments, 2, true, 0), 0);
	}
	memset(chains, 0, sizeof(chains));
	assert_int_equal(vmsg_vq_driver_start(&driver, &memory[0], layout, slots), 0);
	assert_int_equal(vmsg_vq_device_start(&device, &memory[1], layout), 0);
}

/* Offers a random chain; false when there is no room. */
static bool offer(bool indirect)
{
	uint32_t free = 0;

	while (free < driver.vq.layout.size && chains[free].busy) {
		free++;
	}
	if (free == driver.vq.layout.size) {
		return false;
	}
	struct chain *chain = &chains[free];
	const uint32_t most = driver.vq.layout.size < 6 ? driver.vq.layout.size : 6;
	chain->count = 1 + below(most);
	chain->writable = 0;
	const uint32_t readable = below(chain->count + 1);
	for (uint32_t i = 0; i < chain->count; i++) {
		const uint32_t length = 1 + below(700);
		chain->buffers[i] = (struct vmsg_vq_buffer){ at(DATA + below(0x10000 - length)),
							     length, i >= readable };
		chain->writable += i >= readable ? length : 0;
	}
	const int result =
		indirect ? vmsg_vq_driver_add_indirect(&driver, at(TABLES + free * TABLE_SIZE),
						       chain->buffers, chain->count, chain)
			 : vmsg_vq_driver_add(&driver, chain->buffers, chain->count, chain);
	chain->busy = result == 0;
	if (result != VMSG_ERROR_NO_SPACE) {
		assert_int_equal(result, 0);
	}
	return chain->busy;
}

/* The pieces must be the buffers of one busy chain, split only at the segment's edge. */
static struct chain *match(const struct vmsg_vq_chain *got)
{
	for (uint32_t i = 0; i < driver.vq.layout.size; i++) {
		struct chain *chain = &chains[i];
		uint32_t piece = 0;
		uint32_t buffer = 0;
		uint32_t skip = 0;
		while (chain->busy && buffer < chain->count && piece < got->count) {
			const struct vmsg_vq_buffer *wanted = &chain->buffers[buffer];
			const uint32_t offset = (uint32_t)wanted->address + skip;
			if (got->pieces[piece].span.data != ram + offset ||
			    got->pieces[piece].write != wanted->write ||
			    got->pieces[piece].span.size > wanted->length - skip) {
				break;
			}
			skip += (uint32_t)got->pieces[piece++].span.size;
			if (skip == wanted->length) {
				buffer++;
				skip = 0;
			}
		}
		if (chain->busy && buffer == chain->count && piece == got->count) {
			return chain;
		}
	}
	return NULL;
}

static void run(struct vmsg_vq_layout layout, uint32_t seed)
{
	struct vmsg_vq_piece pieces[PIECES];
	struct vmsg_vq_chain got = { .pieces = pieces, .capacity = PIECES };
	uint32_t heads[SIZE_MAX_HERE];
	uint32_t lengths[SIZE_MAX_HERE];
	uint32_t popped = 0;
	uint32_t done = 0;
	bool device_runs = true;
	bool driver_runs = true;

	random_state = seed;
	start(&layout);
	while (done < CHAINS) {
		bool idle = true;
		if (driver_runs) {
			for (uint32_t i = below(8); i > 0; i--) {
				idle &= !offer(layout.indirect && below(2));
			}
			if (vmsg_vq_driver_should_kick(&driver)) {
				device_runs = true;
			}
			void *cookie;
			uint32_t written;
			for (uint32_t i = below(8); i > 0; i--) {
				const int result = vmsg_vq_driver_reap(&driver, &cookie, &written);
				if (result == 0) {
					break;
				}
				assert_int_equal(result, 1);
				struct chain *chain = cookie;
				assert_true(chain->busy);
				assert_int_equal(written, chain->written);
				chain->busy = false;
				done++;
				idle = false;
			}
		}
		if (device_runs) {
			for (uint32_t i = below(8); i > 0 && popped < layout.size; i--) {
				const int result = vmsg_vq_device_pop(&device, &got);
				if (result == 0) {
					break;
				}
				assert_int_equal(result, 1);
				struct chain *chain = match(&got);
				assert_non_null(chain);
				assert_int_equal(got.writable_size, chain->writable);
				chain->written = below(chain->writable + 1);
				heads[popped] = got.head;
				lengths[popped++] = chain->written;
				idle = false;
			}
			for (uint32_t i = below(8); i > 0 && popped > 0; i--) {
				const uint32_t which = layout.in_order ? 0 : below(popped);
				assert_int_equal(
					vmsg_vq_device_push(&device, heads[which], lengths[which]),
					0);
				popped--;
				memmove(&heads[which], &heads[which + 1],
					(popped - which) * sizeof(heads[0]));
				memmove(&lengths[which], &lengths[which + 1],
					(popped - which) * sizeof(lengths[0]));
				idle = false;
			}
			if (vmsg_vq_device_should_notify(&device)) {
				driver_runs = true;
			}
		}
		/* whoever finds nothing to do goes to sleep, and only a notification wakes it */
		if (idle && driver_runs && driver.free_count < layout.size && below(2)) {
			driver_runs = vmsg_vq_driver_enable_notify(&driver);
		} else if (idle && device_runs && popped == 0) {
			device_runs = vmsg_vq_device_enable_notify(&device);
		}
		assert_true(driver_runs || device_runs);
	}
	vmsg_vq_driver_stop(&driver);
	vmsg_vq_device_stop(&device);
	assert_int_equal(areas[0][1].users + areas[1][1].users, 0);
}

static void all_chains_cross_and_come_back(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 8, 64, 256 };
	const bool packed = *(const bool *)*state;

	for (uint32_t i = 0; i < 5; i++) {
		for (uint32_t features = 0; features < 8; features++) {
			run((struct vmsg_vq_layout){ .size = sizes[i],
						     .event_idx = features & 1,
						     .indirect = features & 2,
						     .in_order = features & 4,
						     .packed = packed },
			    1 + i * 8 + features);
		}
	}
	if (packed) {
		for (uint32_t size = 3; size < 250; size += 41) { /* no power of two */
			run((struct vmsg_vq_layout){ .size = size,
						     .event_idx = true,
						     .indirect = true,
						     .packed = true },
			    size);
		}
	}
}

int main(void)
{
	static bool split = false;
	static bool packed = true;
	const struct CMUnitTest tests[] = {
		{ "split: all_chains_cross_and_come_back", all_chains_cross_and_come_back, NULL,
		  NULL, &split },
		{ "packed: all_chains_cross_and_come_back", all_chains_cross_and_come_back, NULL,
		  NULL, &packed },
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
