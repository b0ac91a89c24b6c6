/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue whose other side rewrites the rings between any two of our reads. Both sides of the
 * queue are built here once more, with a port whose every load is followed by what the input says
 * the peer does then: so what is read once and checked may differ from what is read again. The
 * first two bytes say which side and which ring; the others are our calls and the peer's strokes,
 * in the order in which they are wanted.
 *
 * A model beside the queue knows what is in flight. A shadow of the memory has only the peer's
 * writes, so that a write of ours outside our part of the ring shows.
 */
#include <stdlib.h>
#include <string.h>

#include "check/contract.h"
#include "fuzz.h"
#include "support/struck_loads.h"

#include "../../lib/virtqueue.c"
#include "../../lib/virtqueue_device.c"
#include "../../lib/virtqueue_driver.c"

#define ENTRIES    16u /* entries */
#define DESC       0x000u
#define DRIVER     0x100u
#define DEVICE     0x180u
#define TABLE      0x240u /* of indirect descriptors */
#define TABLE_SIZE (ENTRIES * VQ_DESC_SIZE)
#define SEGMENT    0x400u /* where the area's first piece ends: a buffer may lie in both */
#define RAM        0x800u
#define PIECES     24u
#define COOKIES    (2 * ENTRIES)
#define AREA       1
#define READ_ONLY  2 /* an area that the device may not write */

/* What the peer does next, and what we do. */
static const uint8_t *input;
static size_t input_left;
static uint8_t *ram;        /* two pieces in one, as the area has them */
static uint8_t shadow[RAM]; /* what the peer wrote, and what was there */
static struct vmsg_memory_area areas[3];
static struct vmsg_memory memory;
static struct vmsg_vq_layout layout;
static struct contract *contract;
static bool is_driver; /* the side that is ours */

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static uint32_t next_byte(void)
{
	if (input_left == 0) {
		return 0;
	}
	input_left--;
	return *input++;
}

/* A device loads descriptors alone by 64 bits; where there are no indirect tables, from the ring's
 * table. */
static void check_descriptor(const uint8_t *at)
{
	require(is_driver || layout.indirect ||
		(at >= ram && at < ram + vmsg_vq_desc_size(layout.size)));
}

static uint64_t address_of_offset(uint32_t area, uint32_t offset)
{
	return (uint64_t)area << 48 | offset;
}

/* ---- the peer ---- */

static void peer_writes(uint32_t offset, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size && offset + i < RAM; i++) {
		ram[offset + i] = (uint8_t)(value >> 8 * i);
		shadow[offset + i] = (uint8_t)(value >> 8 * i);
	}
}

/* An address near something: in an area, at its ends, or nowhere. */
static uint64_t some_address(void)
{
	const uint32_t where = next_byte();
	static const uint32_t places[] = { 0, TABLE, SEGMENT - 8, SEGMENT, RAM - 16, RAM, 0x500 };
	const uint32_t offset = places[where % (sizeof(places) / sizeof(places[0]))];

	return address_of_offset(where >> 6, offset) +
	       (next_byte() & 0xff) * (where & 0x20 ? 16 : 1);
}

static void write_descriptor(void)
{
	const uint32_t choice = next_byte();
	const uint32_t at = (choice & 0x80 ? TABLE : DESC) + choice % ENTRIES * VQ_DESC_SIZE;
	const uint32_t flags = next_byte();
	const uint32_t other = next_byte() % (ENTRIES + 2);
	const uint32_t length =
		choice & 0x40 ? (next_byte() % 20) * VQ_DESC_SIZE : next_byte() << 3;
	const uint64_t low =
		(flags & 7) | (flags & 0x40 ? VQ_AVAIL : 0) | (flags & 0x80 ? VQ_USED : 0);

	peer_writes(at, some_address(), 8);
	peer_writes(at + 8, length, 4);
	peer_writes(at + 12, layout.packed ? other | low << 16 : low | (uint64_t)other << 16, 4);
}

static void strike(void)
{
	const uint32_t what = next_byte();

	switch (what & 15) {
	case 1:
		write_descriptor();
		break;
	case 2: /* flags of a packed descriptor: make available, or used */
		peer_writes(DESC + (what >> 4) * VQ_DESC_SIZE + VQ_PACKED_FLAGS, next_byte() & 0x87,
			    2);
		break;
	case 3:
		peer_writes(DESC + (what >> 4) * VQ_DESC_SIZE + VQ_PACKED_FLAGS,
			    (next_byte() & 0x87) | VQ_USED, 2);
		break;
	case 4: /* a little more available, or used */
		peer_writes(DRIVER + VQ_RING_INDEX,
			    (uint64_t)(ram[DRIVER + 2] | ram[DRIVER + 3] << 8) + (what >> 4), 2);
		break;
	case 5:
		peer_writes(DEVICE + VQ_RING_INDEX,
			    (uint64_t)(ram[DEVICE + 2] | ram[DEVICE + 3] << 8) + (what >> 4), 2);
		break;
	case 6:
		peer_writes(DRIVER + VQ_RING_ENTRIES + (what >> 4) * VQ_AVAIL_ENTRY,
			    next_byte() % (ENTRIES + 2), 2);
		break;
	case 7:
		peer_writes(DEVICE + VQ_RING_ENTRIES + (what >> 4) * VQ_USED_ENTRY,
			    next_byte() % (ENTRIES + 2), 4);
		peer_writes(DEVICE + VQ_RING_ENTRIES + (what >> 4) * VQ_USED_ENTRY + 4, next_byte(),
			    4);
		break;
	case 8: /* id and length of a packed descriptor */
		peer_writes(DESC + (what >> 4) * VQ_DESC_SIZE + VQ_DESC_LENGTH, next_byte(), 4);
		peer_writes(DESC + (what >> 4) * VQ_DESC_SIZE + VQ_PACKED_ID, next_byte() % 18, 2);
		break;
	case 9: /* anything anywhere */
		peer_writes((next_byte() | next_byte() << 8) % RAM, next_byte(), 1);
		break;
	case 10: /* event fields, of either form */
		peer_writes(what & 0x10 ? DRIVER : DEVICE,
			    next_byte() | next_byte() << 8 | next_byte() << 16, 4);
		break;
	case 11:
		peer_writes(DRIVER + VQ_RING_ENTRIES + layout.size * VQ_AVAIL_ENTRY, next_byte(),
			    2);
		peer_writes(DEVICE + VQ_RING_ENTRIES + layout.size * VQ_USED_ENTRY, next_byte(), 2);
		break;
	default: /* it lets us go on */
		break;
	}
}

static void struck(const void *at, unsigned int size)
{
	if (size == sizeof(uint64_t)) {
		check_descriptor(at);
	}
	strike();
}

/* ---- what we may write ---- */

/* Takes over what we were allowed to write in [at, at + size). */
static void allow(uint32_t at, uint64_t size)
{
	memcpy(shadow + at, ram + at, size);
}

static void check_writes(void)
{
	const uint32_t size = layout.size;

	if (is_driver || layout.packed) {
		allow(DESC, vmsg_vq_desc_size(size));
	}
	if (is_driver) {
		allow(DRIVER, layout.packed ? VMSG_VQ_EVENT_SIZE : vmsg_vq_driver_size(size));
		allow(TABLE, layout.indirect ? TABLE_SIZE : 0);
	} else {
		allow(DEVICE, layout.packed ? VMSG_VQ_EVENT_SIZE : vmsg_vq_device_size(size));
	}
	require(memcmp(ram, shadow, RAM) == 0);
}

/* ---- the device's side ---- */

struct held {
	uint32_t heads[ENTRIES]; /* of chains popped and not pushed, oldest first */
	uint32_t count;
	uint32_t entries; /* of the ring that they take */
};

static uint32_t entries_of(uint32_t head)
{
	return layout.packed ? head >> 16 : 1;
}

static void check_chain(const struct vmsg_vq_chain *chain)
{
	uint64_t sizes[2] = { 0, 0 };

	require(chain->count <= chain->capacity && chain->readable_count <= chain->count);
	for (uint32_t i = 0; i < chain->count; i++) {
		const struct vmsg_vq_piece *piece = &chain->pieces[i];
		const size_t offset = (size_t)(piece->span.data - ram);
		require(piece->span.data >= ram && offset < RAM);
		require(piece->span.size > 0 && piece->span.size <= RAM - offset);
		require(piece->write == (i >= chain->readable_count));
		sizes[piece->write] += piece->span.size;
	}
	require(sizes[0] == chain->readable_size && sizes[1] == chain->writable_size);
}

static void pop_one(struct vmsg_vq_device *queue, struct held *held)
{
	struct vmsg_vq_piece pieces[PIECES];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 1 + next_byte() % PIECES };
	const bool was_broken = queue->vq.broken;
	const int result = vmsg_vq_device_pop(queue, &chain);

	require(result <= 1);
	require(!was_broken || result == VMSG_ERROR_STATE);
	require(queue->vq.broken == (result < 0));
	if (result != 1) {
		require(chain.count == 0 && chain.readable_size == 0 && chain.writable_size == 0);
		return;
	}
	require(chain.count > 0);
	check_chain(&chain);
	held->entries += entries_of(chain.head);
	require(held->entries <= layout.size); /* never more than the ring has room for */
	held->heads[held->count++] = chain.head;
}

static void push_one(struct vmsg_vq_device *queue, struct held *held)
{
	const uint32_t which = held->count == 0 || layout.in_order ? 0 : next_byte() % held->count;
	const uint32_t written = next_byte();

	if (held->count == 0) {
		require(vmsg_vq_device_push(queue, written, 0) == VMSG_ERROR_STATE);
		return;
	}
	require(vmsg_vq_device_push(queue, held->heads[which], written) == 0);
	held->entries -= entries_of(held->heads[which]);
	held->count--;
	memmove(&held->heads[which], &held->heads[which + 1],
		(held->count - which) * sizeof(held->heads[0]));
}

static void run_device(uint16_t begin)
{
	struct vmsg_vq_device queue;
	struct held held = { .count = 0 };

	require(vmsg_vq_device_start(&queue, &memory, &layout) == 0);
	if (!layout.packed) { /* as if so many had gone before */
		queue.vq.next = queue.vq.seen = queue.vq.put = begin;
		peer_writes(DRIVER + VQ_RING_INDEX, begin, 2);
	}
	while (input_left > 0) {
		switch (next_byte() & 7) {
		case 0:
		case 1:
		case 2:
			pop_one(&queue, &held);
			break;
		case 3:
			push_one(&queue, &held);
			break;
		case 4:
			(void)vmsg_vq_device_should_notify(&queue);
			break;
		case 5:
			(void)vmsg_vq_device_enable_notify(&queue);
			break;
		case 6:
			vmsg_vq_device_disable_notify(&queue);
			break;
		default:
			strike();
			break;
		}
		check_writes();
	}
	vmsg_vq_device_stop(&queue);
	check_writes();
}

/* ---- the driver's side ---- */

struct offer {
	uint32_t writable;
	uint32_t descriptors;
	bool is_out; /* the device has it */
};

struct offers {
	struct offer offers[COOKIES];
	struct offer *order[COOKIES]; /* those out, oldest first */
	uint32_t count;
	uint32_t descriptors; /* of those out */
};

static void add(struct vmsg_vq_driver *queue, struct offers *all)
{
	struct vmsg_vq_buffer buffers[4];
	const uint32_t how = next_byte();
	const size_t count = how & 3;
	const bool indirect = how & 4;
	struct offer *offer = &all->offers[(how >> 3) % COOKIES];
	bool is_good = count > 0;
	uint32_t writable = 0;

	for (size_t i = 0; i < count; i++) {
		const uint32_t what = next_byte();
		buffers[i] = (struct vmsg_vq_buffer){
			.address = address_of_offset(AREA, 0x500),
			.length = what & 0x3f,
			.write = what & 0x40,
		};
		is_good &= buffers[i].length > 0 &&
			   (buffers[i].write || i == 0 || !buffers[i - 1].write);
		writable += buffers[i].write ? buffers[i].length : 0;
	}
	if (offer->is_out) {
		return; /* a cookie stands for one chain */
	}
	const uint32_t descriptors = indirect ? 1 : (uint32_t)count;
	const bool broken = queue->vq.broken;
	const int error =
		indirect ? vmsg_vq_driver_add_indirect(queue, address_of_offset(AREA, TABLE),
						       buffers, count, offer)
			 : vmsg_vq_driver_add(queue, buffers, count, offer);
	const bool fits = descriptors <= layout.size - all->descriptors;
	const bool may = !broken && fits && is_good && (!indirect || layout.indirect) &&
			 count <= layout.size;
	require((error == 0) == may);
	if (error == 0) {
		*offer = (struct offer){ writable, descriptors, true };
		all->order[all->count++] = offer;
		all->descriptors += descriptors;
	}
}

/* One comes back, one way or the other. */
static void comes_back(struct offers *all, struct offer *offer)
{
	uint32_t place = 0;

	require(offer >= all->offers && offer < all->offers + COOKIES && offer->is_out);
	while (all->order[place] != offer) {
		place++;
	}
	offer->is_out = false;
	all->count--;
	all->descriptors -= offer->descriptors;
	memmove(&all->order[place], &all->order[place + 1],
		(all->count - place) * sizeof(all->order[0]));
}

static void reap(struct vmsg_vq_driver *queue, struct offers *all)
{
	const struct offer *oldest = all->count > 0 ? all->order[0] : NULL;
	const bool was_broken = queue->vq.broken;
	uint32_t written;
	void *cookie;
	const int result = vmsg_vq_driver_reap(queue, &cookie, &written);

	require(result <= 1);
	require(!was_broken || result == VMSG_ERROR_STATE);
	require(queue->vq.broken == (result < 0));
	if (result != 1) {
		require(!cookie && written == 0);
		return;
	}
	struct offer *offer = cookie;
	require(written <= offer->writable);
	require(!layout.in_order || offer == oldest);
	comes_back(all, offer);
}

static void stop_driver(struct vmsg_vq_driver *queue, struct offers *all)
{
	void *cookie;

	vmsg_vq_driver_stop(queue);
	while (vmsg_vq_driver_detach(queue, &cookie) == 1) {
		comes_back(all, cookie);
	}
	require(all->count == 0 && all->descriptors == 0);
}

static void run_driver(uint16_t begin)
{
	struct vmsg_vq_driver_slot slots[ENTRIES];
	struct vmsg_vq_driver queue;
	static struct offers all;
	uint32_t offset, wrap;

	memset(&all, 0, sizeof(all));
	require(vmsg_vq_driver_start(&queue, &memory, &layout, slots) == 0);
	allow(DEVICE, vmsg_vq_device_size(layout.size)); /* it clears all three */
	if (!layout.packed) {
		queue.vq.next = queue.vq.seen = queue.vq.put = begin;
		peer_writes(DEVICE + VQ_RING_INDEX, begin, 2);
	}
	while (input_left > 0) {
		switch (next_byte() & 7) {
		case 0:
		case 1:
			add(&queue, &all);
			break;
		case 2:
		case 3:
			reap(&queue, &all);
			break;
		case 4:
			(void)vmsg_vq_driver_should_kick(&queue);
			vmsg_vq_driver_next(&queue, &offset, &wrap);
			break;
		case 5:
			(void)vmsg_vq_driver_enable_notify(&queue);
			break;
		case 6:
			vmsg_vq_driver_disable_notify(&queue);
			break;
		default:
			strike();
			break;
		}
		check_writes();
	}
	stop_driver(&queue, &all);
	check_writes();
}

/* ---- one input ---- */

static uint16_t owner(void *context, const struct vmsg_memory *of)
{
	(void)context;
	(void)of;
	return 1;
}

static void report(void *context, const char *text)
{
	(void)context;
	(void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	input_left = size;
	const uint32_t kind = next_byte();
	const uint32_t measure = next_byte();
	const struct contract_options options = { owner, report, NULL, kind & 1 };

	is_driver = kind & 1;
	ram = calloc(1, RAM); /* a piece of its own, so that a sanitizer sees its ends */
	contract = kind & 0x20 ? contract_create(&options) : NULL;
	require(ram && (contract || !(kind & 0x20)));
	memset(shadow, 0, sizeof(shadow));
	const struct vmsg_segment segments[] = { { ram, SEGMENT },
						 { ram + SEGMENT, RAM - SEGMENT } };
	vmsg_memory_init(&memory, areas, 3, 48);
	require(vmsg_memory_add(&memory, AREA, segments, 2, true, 0) == 0);
	require(vmsg_memory_add(&memory, READ_ONLY, segments, 2, false, 0) == 0);
	layout = (struct vmsg_vq_layout){
		.packed = kind & 2,
		.in_order = kind & 4,
		.indirect = kind & 8,
		.event_idx = kind & 0x10,
		.size = kind & 2 ? 1 + measure % ENTRIES : 1u << measure % 5,
		.desc_addr = address_of_offset(AREA, DESC),
		.driver_addr = address_of_offset(AREA, DRIVER),
		.device_addr = address_of_offset(AREA, DEVICE),
		.watch = contract ? contract_watch(contract) : NULL,
	};
	if (is_driver) {
		run_driver(measure & 0x80 ? 0xfff8 : 0);
	} else {
		run_device(measure & 0x80 ? 0xfff8 : 0);
	}
	require(areas[AREA].users == 0);
	contract_destroy(contract);
	free(ram);
	return 0;
}
