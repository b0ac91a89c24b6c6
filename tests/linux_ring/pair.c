/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our virtqueues against Linux's: its driver on our device, split and packed, and our driver on its
 * device, split. Buffers of random shapes and sizes; every byte of every buffer is compared. Each
 * side works until it finds nothing, asks to be told, and then sleeps until it is: two sleeping
 * sides with a buffer on the way are a lost notification. Queues are reset to other sizes with
 * buffers in them, which must all come back.
 *
 *	pair [BUFFERS [SEED]]	how many for each pairing
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "linux_half.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/virtqueue.h"

#define ID_SHIFT    48
#define RING_AREA   1u
#define TABLE_AREA  2u
#define DATA_AREA   3u
#define RING_SIZE   (16ul << 20)
#define PIECES_MAX  64u
#define TABLE_SIZE  (PIECES_MAX * 16ul)
#define BLOCK_SIZE  4096ul
#define SLOTS       1024u
#define BURST_MAX   16u
#define QUEUE_MAX   32768u
#define DATA_SIZE   (SLOTS * BLOCK_SIZE)
#define SEGMENT_ONE 1000003ul /* the data area is in three pieces, cut where nothing is aligned */
#define SEGMENT_TWO 777777ul

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fail(#condition, __LINE__);                                                \
		}                                                                                  \
	} while (0)

/* ---- what one run is about ---- */

struct pairing {
	const char *name;
	bool linux_driver; /* else Linux's device */
	bool packed;
};

struct settings {
	const struct pairing *pairing;
	uint32_t size;
	bool event_idx;
	bool indirect;
	bool in_order;
};

static struct settings now;
static uint64_t seed;     /* of the whole program, for the report */
static uint64_t random_x; /* xorshift */
static uint64_t count_done, count_kicks, count_calls, count_resets, count_recycled, count_queues;

static void fail(const char *what, int line)
{
	fprintf(stderr,
		"pair.c:%d: %s\n  %s, size %u, event_idx %d, indirect %d, in_order %d, buffer "
		"%llu, seed %llu\n",
		line, what, now.pairing->name, now.size, now.event_idx, now.indirect, now.in_order,
		(unsigned long long)count_done, (unsigned long long)seed);
	exit(1);
}

static uint64_t random_next(void)
{
	random_x ^= random_x << 13;
	random_x ^= random_x >> 7;
	random_x ^= random_x << 17;
	return random_x * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* 0..below-1 */
static uint32_t pick(uint32_t below)
{
	return (uint32_t)(random_next() % below);
}

static bool one_in(uint32_t count)
{
	return pick(count) == 0;
}

/* ---- the arena ---- */

static uint8_t *rings, *tables, *data;
static size_t rings_used;

static uint64_t bus_address(unsigned int area, uint64_t offset)
{
	return (uint64_t)area << ID_SHIFT | offset;
}

unsigned long long arena_address(const void *pointer)
{
	const uint8_t *at = pointer;

	if (at >= rings && at < rings + RING_SIZE) {
		return bus_address(RING_AREA, (uint64_t)(at - rings));
	}
	if (at >= tables && at < tables + SLOTS * TABLE_SIZE) {
		return bus_address(TABLE_AREA, (uint64_t)(at - tables));
	}
	CHECK(at >= data && at < data + DATA_SIZE);
	return bus_address(DATA_AREA, (uint64_t)(at - data));
}

void *arena_allocate_ring(unsigned long size)
{
	uint8_t *memory = rings + rings_used;

	size = (size + 4095) & ~4095ul;
	CHECK(size <= RING_SIZE - rings_used);
	rings_used += size;
	memset(memory, 0, size);
	return memory;
}

static struct vmsg_memory_area areas[2][4];
static struct vmsg_memory memory; /* of our half */

uint8_t *arena_pointer(uint64_t address, uint64_t *left)
{
	struct vmsg_span span;
	const uint64_t rest = (UINT64_C(1) << ID_SHIFT) - 1;
	const uint64_t sizes[] = { 0, RING_SIZE, SLOTS * TABLE_SIZE, DATA_SIZE };
	const uint64_t area = address >> ID_SHIFT;

	if (area == 0 || area > DATA_AREA || (address & rest) >= sizes[area] ||
	    vmsg_memory_map(&memory, address, sizes[area] - (address & rest), false, &span) < 0) {
		return NULL;
	}
	*left = span.size;
	return span.data;
}

static void open_arena(void)
{
	const size_t size = RING_SIZE + SLOTS * TABLE_SIZE + DATA_SIZE;
	uint8_t *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	rings = all;
	tables = rings + RING_SIZE;
	data = tables + SLOTS * TABLE_SIZE;
	linux_set_arena(all, all + size, tables, tables + SLOTS * TABLE_SIZE);

	const struct vmsg_segment segments[] = {
		{ rings, RING_SIZE },
		{ tables, SLOTS * TABLE_SIZE },
		{ data, SEGMENT_ONE },
		{ data + SEGMENT_ONE, SEGMENT_TWO },
		{ data + SEGMENT_ONE + SEGMENT_TWO, DATA_SIZE - SEGMENT_ONE - SEGMENT_TWO },
	};
	vmsg_memory_init(&memory, areas[0], 4, ID_SHIFT);
	CHECK(vmsg_memory_add(&memory, RING_AREA, &segments[0], 1, true, 0) == 0);
	CHECK(vmsg_memory_add(&memory, TABLE_AREA, &segments[1], 1, true, 0) == 0);
	CHECK(vmsg_memory_add(&memory, DATA_AREA, &segments[2], 3, true, 0) == 0);
}

/* ---- buffers ---- */

struct buffer {
	bool in_flight;
	bool popped;  /* by the device */
	uint64_t key; /* of its bytes */
	uint32_t out, in;
	uint32_t out_size, in_size;
	uint32_t written;
	struct linux_piece pieces[PIECES_MAX];
};

static struct buffer buffers[SLOTS];
static uint32_t free_slots[SLOTS];
static uint32_t free_count;
static uint32_t in_flight;

static uint8_t byte_at(const struct buffer *buffer, uint32_t index, bool from_device)
{
	return (uint8_t)(buffer->key >> (8 * (index & 7)) ^ index ^ (from_device ? 0xa5 : 0));
}

/* A shape for slot `index` of up to `pieces_max` pieces: out first, cut at random and lying in the
 * block in a random order. */
static struct buffer *shape(uint32_t index, uint32_t pieces_max)
{
	struct buffer *buffer = &buffers[index];
	uint8_t *block = data + index * BLOCK_SIZE;
	const uint32_t limit = pieces_max < PIECES_MAX ? pieces_max : PIECES_MAX;
	const uint32_t count = 1 + pick(one_in(4) ? limit : limit < 4 ? limit : 4);
	uint32_t order[PIECES_MAX];

	*buffer = (struct buffer){ .in_flight = true, .key = random_next() };
	buffer->out = pick(count + 1);
	buffer->in = count - buffer->out;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t other = pick(i + 1);
		order[i] = order[other];
		order[other] = i;
	}
	uint32_t room = one_in(8) ? (uint32_t)BLOCK_SIZE : 256;
	room = room < 2 * count ? 2 * count : room;
	uint8_t *at = block;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t size = 1 + pick(room / count);
		buffer->pieces[order[i]] = (struct linux_piece){ at, size };
		at += size;
	}
	uint32_t position = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct linux_piece *piece = &buffer->pieces[i];
		if (i < buffer->out) {
			uint8_t *to = piece->data;
			for (uint32_t k = 0; k < piece->size; k++) {
				to[k] = byte_at(buffer, position++, false);
			}
			buffer->out_size += piece->size;
		} else {
			memset(piece->data, 0, piece->size);
			buffer->in_size += piece->size;
		}
	}
	return buffer;
}

static struct buffer *owner_of(const uint8_t *at)
{
	CHECK(at >= data && at < data + DATA_SIZE);
	return &buffers[(size_t)(at - data) / BLOCK_SIZE];
}

/* A buffer is back: as it was used, or as it was. */
static void take_back(struct buffer *buffer, bool used, uint32_t written)
{
	uint32_t position = 0;

	CHECK(buffer >= buffers && buffer < buffers + SLOTS && buffer->in_flight);
	if (used) {
		CHECK(buffer->popped);
		CHECK(written == buffer->written);
		for (uint32_t i = buffer->out; i < buffer->out + buffer->in; i++) {
			const uint8_t *from = buffer->pieces[i].data;
			for (uint32_t k = 0; k < buffer->pieces[i].size; k++, position++) {
				CHECK(from[k] ==
				      (position < written ? byte_at(buffer, position, true) : 0));
			}
		}
		count_done++;
	} else {
		count_recycled++;
	}
	buffer->in_flight = false;
	free_slots[free_count++] = (uint32_t)(buffer - buffers);
	in_flight--;
}

/* ---- both sides, asleep or not ---- */

static bool driver_sleeps, device_sleeps;

static void wake_device(void)
{
	device_sleeps = false;
	count_kicks++;
}

static void wake_driver(void)
{
	driver_sleeps = false;
	count_calls++;
}

/* What the device has popped and not yet used, in this order. */
struct held {
	struct buffer *buffer;
	uint32_t head;
};
static struct held held[SLOTS];
static uint32_t held_count;

/* ---- our device, Linux's driver ---- */

static struct vmsg_vq_device our_device;

static void start_our_device(void)
{
	struct vmsg_vq_layout layout = {
		.event_idx = now.event_idx,
		.indirect = now.indirect,
		.packed = now.pairing->packed,
	};
	uint64_t parts[3];

	linux_driver_parts(parts, &layout.size);
	now.size = layout.size;
	layout.desc_addr = parts[0];
	layout.driver_addr = parts[1];
	layout.device_addr = parts[2];
	CHECK(vmsg_vq_device_start(&our_device, &memory, &layout) == 0);
	held_count = 0;
	device_sleeps = false;
}

static void stop_our_device(void)
{
	vmsg_vq_device_stop(&our_device);
}

static struct buffer *pop_ours(uint32_t *head)
{
	static struct vmsg_vq_piece pieces[3 * PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 3 * PIECES_MAX };

	const int result = vmsg_vq_device_pop(&our_device, &chain);
	CHECK(result >= 0);
	if (result == 0) {
		return NULL;
	}
	struct buffer *buffer = owner_of(pieces[0].span.data);
	CHECK(chain.readable_size == buffer->out_size && chain.writable_size == buffer->in_size);
	buffer->written = pick((one_in(4) ? 0 : buffer->in_size) + 1);
	uint32_t position = 0;
	for (uint32_t i = 0; i < chain.count; i++) {
		uint8_t *at = pieces[i].span.data;
		position = i == chain.readable_count ? 0 : position;
		for (size_t k = 0; k < pieces[i].span.size; k++, position++) {
			if (!pieces[i].write) {
				CHECK(at[k] == byte_at(buffer, position, false));
			} else if (position < buffer->written) {
				at[k] = byte_at(buffer, position, true);
			}
		}
	}
	*head = chain.head;
	return buffer;
}

static void push_ours(const struct held *used, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		CHECK(vmsg_vq_device_push(&our_device, used[i].head, used[i].buffer->written) == 0);
	}
	if (vmsg_vq_device_should_notify(&our_device)) {
		linux_driver_interrupt();
	}
}

/* ---- our driver, Linux's device ---- */

static struct vmsg_vq_driver our_driver;
static struct vmsg_vq_driver_slot our_slots[QUEUE_MAX];

static void start_our_driver(void)
{
	uint8_t *desc = arena_allocate_ring(vmsg_vq_desc_size(now.size));
	uint8_t *driver = arena_allocate_ring(vmsg_vq_driver_size(now.size));
	uint8_t *device = arena_allocate_ring(vmsg_vq_device_size(now.size));
	const struct vmsg_vq_layout layout = {
		.size = now.size,
		.event_idx = now.event_idx,
		.indirect = now.indirect,
		.in_order = now.in_order,
		.desc_addr = arena_address(desc),
		.driver_addr = arena_address(driver),
		.device_addr = arena_address(device),
	};
	CHECK(vmsg_vq_driver_start(&our_driver, &memory, &layout, our_slots) == 0);
	const unsigned int features =
		(now.event_idx ? LINUX_EVENT_IDX : 0) | (now.indirect ? LINUX_INDIRECT : 0);
	CHECK(linux_device_start(now.size, features, desc, driver, device) == 0);
	held_count = 0;
	device_sleeps = false;
}

static int add_ours(const struct buffer *buffer)
{
	const uint32_t count = buffer->out + buffer->in;
	const uint32_t slot = (uint32_t)(buffer - buffers);
	struct vmsg_vq_buffer offered[PIECES_MAX];

	for (uint32_t i = 0; i < count; i++) {
		offered[i] = (struct vmsg_vq_buffer){
			.address = arena_address(buffer->pieces[i].data),
			.length = buffer->pieces[i].size,
			.write = i >= buffer->out,
		};
	}
	const int error = now.indirect && one_in(2)
				  ? vmsg_vq_driver_add_indirect(
					    &our_driver, bus_address(TABLE_AREA, slot * TABLE_SIZE),
					    offered, count, &buffers[slot])
				  : vmsg_vq_driver_add(&our_driver, offered, count, &buffers[slot]);
	CHECK(error == 0 || error == VMSG_ERROR_NO_SPACE);
	return error;
}

static struct buffer *pop_linux(uint32_t *head)
{
	uint8_t bytes[BLOCK_SIZE];
	size_t readable, writable;
	uint16_t index;

	const int result = linux_device_get(&index, &readable, &writable);
	CHECK(result == 0 || result == 1);
	if (result == 0) {
		return NULL;
	}
	struct buffer *buffer = owner_of(linux_device_first());
	CHECK(readable == buffer->out_size && writable == buffer->in_size);
	CHECK(linux_device_pull(bytes, readable) == (long)readable);
	for (uint32_t i = 0; i < readable; i++) {
		CHECK(bytes[i] == byte_at(buffer, i, false));
	}
	buffer->written = pick((one_in(4) ? 0 : buffer->in_size) + 1);
	for (uint32_t i = 0; i < buffer->written; i++) {
		bytes[i] = byte_at(buffer, i, true);
	}
	CHECK(linux_device_push(bytes, buffer->written) == (long)buffer->written);
	*head = index;
	return buffer;
}

static void push_linux(const struct held *used, uint32_t count)
{
	uint16_t heads[BURST_MAX];
	uint32_t written[BURST_MAX];

	for (uint32_t i = 0; i < count; i++) {
		heads[i] = (uint16_t)used[i].head;
		written[i] = used[i].buffer->written;
	}
	CHECK(linux_device_complete(heads, written, count) == 0);
	const int wanted = linux_device_need_notify();
	CHECK(wanted >= 0);
	if (wanted) {
		wake_driver();
	}
}

/* ---- one step of either side ---- */

static int add(struct buffer *buffer)
{
	const uint32_t slot = (uint32_t)(buffer - buffers);

	return now.pairing->linux_driver ? linux_driver_add(buffer->pieces, buffer->out, buffer->in,
							    buffer, tables + slot * TABLE_SIZE)
					 : add_ours(buffer);
}

static void add_some(uint64_t *left)
{
	const uint32_t burst = 1 + pick(BURST_MAX);
	uint32_t added = 0;

	while (added<burst && * left> 0 && free_count > 0) {
		const uint32_t slot = free_slots[--free_count];
		struct buffer *buffer = shape(slot, now.size);
		if (add(buffer) != 0) {
			CHECK(in_flight > 0); /* what fits into the ring fits into an empty one */
			buffer->in_flight = false;
			free_slots[free_count++] = slot;
			break;
		}
		in_flight++;
		added++;
		--*left;
	}
	if (now.pairing->linux_driver) {
		linux_driver_kick();
		CHECK(!linux_driver_is_broken());
	} else if (vmsg_vq_driver_should_kick(&our_driver)) {
		wake_device();
	}
}

/* False when there was nothing. */
static bool reap_one(void)
{
	uint32_t written = 0;
	void *cookie = NULL;

	if (now.pairing->linux_driver) {
		cookie = linux_driver_get(&written);
		CHECK(!linux_driver_is_broken());
	} else {
		CHECK(vmsg_vq_driver_reap(&our_driver, &cookie, &written) >= 0);
	}
	if (cookie) {
		take_back(cookie, true, written);
	}
	return cookie != NULL;
}

/* True when nothing waits and the device will tell. */
static bool driver_rests(void)
{
	return now.pairing->linux_driver ? linux_driver_enable(one_in(2))
					 : !vmsg_vq_driver_enable_notify(&our_driver);
}

static void driver_step(uint64_t *left)
{
	if (*left > 0 && one_in(2)) {
		add_some(left);
	}
	if (driver_sleeps) {
		return;
	}
	if (one_in(4)) {
		if (now.pairing->linux_driver) {
			linux_driver_disable();
		} else {
			vmsg_vq_driver_disable_notify(&our_driver);
		}
	}
	for (uint32_t i = pick(2 * BURST_MAX); i > 0; i--) {
		if (!reap_one()) {
			driver_sleeps = driver_rests();
			return;
		}
	}
}

static bool device_rests(void)
{
	return now.pairing->linux_driver ? !vmsg_vq_device_enable_notify(&our_device)
					 : linux_device_enable();
}

static void use_some(void)
{
	struct held used[BURST_MAX];
	const uint32_t burst = 1 + pick(held_count < BURST_MAX ? held_count : BURST_MAX);
	uint32_t count = 0;

	while (count < burst && held_count > 0) {
		const uint32_t at = now.in_order ? 0 : pick(held_count);
		used[count++] = held[at];
		held_count--;
		memmove(&held[at], &held[at + 1], (held_count - at) * sizeof(held[0]));
	}
	if (now.pairing->linux_driver) {
		push_ours(used, count);
	} else {
		push_linux(used, count);
	}
}

static void device_step(void)
{
	if (device_sleeps) {
		return;
	}
	if (one_in(4)) {
		if (now.pairing->linux_driver) {
			vmsg_vq_device_disable_notify(&our_device);
		} else {
			linux_device_disable();
		}
	}
	for (uint32_t i = 1 + pick(BURST_MAX); i > 0; i--) {
		uint32_t head;
		struct buffer *buffer =
			now.pairing->linux_driver ? pop_ours(&head) : pop_linux(&head);
		if (!buffer) {
			device_sleeps = held_count == 0 && device_rests();
			break;
		}
		CHECK(buffer->in_flight && !buffer->popped);
		buffer->popped = true;
		held[held_count++] = (struct held){ buffer, head };
	}
	if (held_count > 0 && !one_in(3)) {
		use_some();
	}
}

/* ---- queues ---- */

static uint32_t random_size(void)
{
	if (now.pairing->packed) {
		return 1 + pick(one_in(32) ? QUEUE_MAX : one_in(4) ? 1000 : 20);
	}
	return 1u << pick(one_in(32) ? 16 : one_in(4) ? 10 : 5);
}

static void recycle(void *cookie)
{
	take_back(cookie, false, 0);
}

static const struct linux_driver_calls calls = {
	.kicked = wake_device,
	.called = wake_driver,
	.disable = stop_our_device,
	.enable = start_our_device,
	.recycle = recycle,
};

static void start(void)
{
	const unsigned int features = (now.event_idx ? LINUX_EVENT_IDX : 0) |
				      (now.indirect ? LINUX_INDIRECT : 0) |
				      (now.pairing->packed ? LINUX_PACKED : 0);

	rings_used = 0;
	driver_sleeps = false;
	count_queues++;
	if (now.pairing->linux_driver) {
		CHECK(linux_driver_start(now.size, features, &calls));
		start_our_device();
	} else {
		start_our_driver();
	}
}

static void stop_pair(void)
{
	if (now.pairing->linux_driver) {
		stop_our_device();
		linux_driver_stop();
		return;
	}
	void *cookie;
	linux_device_stop();
	vmsg_vq_driver_stop(&our_driver);
	while (vmsg_vq_driver_detach(&our_driver, &cookie)) {
		recycle(cookie);
	}
	CHECK(in_flight == 0);
}

/* Reset of a queue with buffers in it, to another size. */
static void reset(void)
{
	const uint32_t size = random_size();

	if (rings_used > RING_SIZE / 2) {
		return;
	}
	count_resets++;
	driver_sleeps = false;
	if (now.pairing->linux_driver) {
		if (size != now.size) {
			CHECK(linux_driver_resize(size) == 0);
			CHECK(now.size == size && in_flight == 0);
		}
		return;
	}
	stop_pair();
	now.size = size;
	start_our_driver();
}

/* Puts `count` buffers through a queue of random size and features. */
static void run_queue(uint64_t count)
{
	now.size = random_size();
	now.event_idx = one_in(2);
	now.indirect = one_in(2);
	now.in_order = one_in(2);
	start();
	uint32_t share = 8; /* of the driver's steps in 16: from empty rings to full ones */
	while (count > 0 || in_flight > 0) {
		share = one_in(256) ? 1 + pick(15) : share;
		if (pick(16) < share) {
			driver_step(&count);
		} else {
			device_step();
		}
		/* nobody will do anything any more, unless the driver has more to offer */
		if (driver_sleeps && device_sleeps && in_flight > 0 && count == 0) {
			fail("a notification was lost", __LINE__);
		}
		if (one_in(4096)) {
			reset();
		}
	}
	stop_pair();
	CHECK(free_count == SLOTS && held_count == 0);
}

static void run_pairing(const struct pairing *pairing, uint64_t count)
{
	now = (struct settings){ .pairing = pairing };
	count_done = count_kicks = count_calls = count_resets = count_recycled = count_queues = 0;
	while (count_done < count) {
		run_queue(1 + pick(4000));
	}
	printf("%s: %llu buffers through %llu queues; %.2f kicks and %.2f calls a buffer; %llu "
	       "resets gave %llu back\n",
	       pairing->name, (unsigned long long)count_done, (unsigned long long)count_queues,
	       (double)count_kicks / (double)count_done, (double)count_calls / (double)count_done,
	       (unsigned long long)count_resets, (unsigned long long)count_recycled);
}

int main(int argc, char **argv)
{
	static const struct pairing pairings[] = {
		{ "Linux's driver, our device, split", true, false },
		{ "Linux's driver, our device, packed", true, true },
		{ "our driver, Linux's device, split", false, false },
	};
	const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	random_x = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	now.pairing = &pairings[0];
	open_arena();
	for (uint32_t i = 0; i < SLOTS; i++) {
		free_slots[free_count++] = i;
	}
	for (size_t i = 0; i < sizeof(pairings) / sizeof(pairings[0]); i++) {
		run_pairing(&pairings[i], count);
	}
	return 0;
}
