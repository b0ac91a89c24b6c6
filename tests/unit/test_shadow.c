/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest's queue on a device's queue: the guest's driver at one end, a device at the other, both
 * of the library, and between them addresses that mean something else to each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/cmocka.h"

#include "devices/chain.h"
#include "vhost/shadow.h"
#include "virtio_msg_ffa/error.h"

#define PAGE     UINT64_C(4096)
#define MEMORY   (64 * PAGE)
#define GUEST    UINT64_C(0x80000000)
#define BUS      (UINT64_C(5) << 48) /* of the guest's memory */
#define POOL     (UINT64_C(6) << 48)
#define SIZE     8u
#define CAPACITY 4u
#define TABLES   (32 * PAGE) /* in the pool */

struct rig {
	struct vhost_memory memory;
	struct shadow shadow;
	int fd;
	bool packed; /* the guest's ring */
	struct vmsg_vq_layout guest_layout;
	struct vmsg_vq_driver guest; /* the guest's driver */
	struct vmsg_vq_driver_slot guest_slots[SIZE];
	uint8_t *pool;
	struct vmsg_memory bus; /* as the device sees it */
	struct vmsg_memory_area bus_areas[8];
	struct vmsg_memory ours; /* the same for our driver's side */
	struct vmsg_memory_area our_areas[8];
	struct vmsg_vq_layout device_layout;
	struct vmsg_vq_driver driver; /* ours, of the device's queue */
	struct vmsg_vq_driver_slot driver_slots[SIZE];
	struct vmsg_vq_device device;
};

static struct rig rig;

static int add_memory(uint64_t guest, uint64_t size, uint64_t offset)
{
	const struct vhost_memory_region region = {
		.guest = guest, .size = size, .user = guest, .offset = offset
	};
	int fd = dup(rig.fd);

	return vhost_memory_add(&rig.memory, &region, &fd);
}

/* The device's queue, anew; with `tables` it takes indirect chains. */
static void attach(bool packed, bool tables)
{
	rig.device_layout = (struct vmsg_vq_layout){
		.size = SIZE,
		.packed = packed,
		.indirect = tables,
		.desc_addr = POOL,
		.driver_addr = POOL + PAGE,
		.device_addr = POOL + 2 * PAGE,
	};
	assert_int_equal(
		vmsg_vq_driver_start(&rig.driver, &rig.ours, &rig.device_layout, rig.driver_slots),
		0);
	assert_int_equal(vmsg_vq_device_start(&rig.device, &rig.bus, &rig.device_layout), 0);
	shadow_attach(&rig.shadow, &rig.driver, tables ? POOL + TABLES : 0);
}

static void detach(void)
{
	shadow_detach(&rig.shadow);
	vmsg_vq_driver_stop(&rig.driver);
	vmsg_vq_device_stop(&rig.device);
}

static void start_guest(bool packed, uint32_t base)
{
	rig.guest_layout = (struct vmsg_vq_layout){
		.size = SIZE,
		.packed = packed,
		.indirect = true,
		.event_idx = true,
		.desc_addr = GUEST,
		.driver_addr = GUEST + PAGE,
		.device_addr = GUEST + 2 * PAGE,
	};
	assert_int_equal(shadow_start(&rig.shadow, &rig.guest_layout, base), 0);
}

static void open_rig(bool packed)
{
	rig = (struct rig){ .packed = packed };
	rig.fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(rig.fd, (off_t)MEMORY), 0);
	assert_int_equal(fcntl(rig.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	vhost_memory_init(&rig.memory);
	/* a gap of a page in the middle, and what is behind it lies elsewhere in the memfd */
	assert_int_equal(add_memory(GUEST, 32 * PAGE, 0), 0);
	assert_int_equal(add_memory(GUEST + 33 * PAGE, 16 * PAGE, 40 * PAGE), 0);
	assert_int_equal(vhost_memory_map(&rig.memory), 0);
	rig.memory.files[0].has_bus = true;
	rig.memory.files[0].bus = BUS;
	rig.pool = aligned_alloc(PAGE, MEMORY);
	assert_non_null(rig.pool);
	memset(rig.pool, 0, MEMORY);
	uint8_t *whole = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, rig.fd, 0);
	const struct vmsg_segment segments[2] = { { whole, MEMORY }, { rig.pool, MEMORY } };
	vmsg_memory_init(&rig.bus, rig.bus_areas, 8, 48);
	vmsg_memory_init(&rig.ours, rig.our_areas, 8, 48);
	assert_int_equal(vmsg_memory_add(&rig.bus, 5, &segments[0], 1, true, 0), 0);
	assert_int_equal(vmsg_memory_add(&rig.bus, 6, &segments[1], 1, true, 0), 0);
	assert_int_equal(vmsg_memory_add(&rig.ours, 6, &segments[1], 1, true, 0), 0);
	assert_int_equal(shadow_open(&rig.shadow, 0, CAPACITY, &rig.memory), 0);
	start_guest(packed, packed ? 0x80008000u : 0);
	assert_int_equal(vmsg_vq_driver_start(&rig.guest, &rig.memory.areas, &rig.guest_layout,
					      rig.guest_slots),
			 0);
	attach(false, true);
}

static int setup_split(void **state)
{
	(void)state;
	open_rig(false);
	return 0;
}

static int setup_packed(void **state)
{
	(void)state;
	open_rig(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vmsg_vq_driver_stop(&rig.guest);
	shadow_close(&rig.shadow);
	vhost_memory_unmap(&rig.memory);
	vhost_memory_clear(&rig.memory);
	rig.memory.files[0].has_bus = false;
	vhost_memory_sweep(&rig.memory);
	vmsg_vq_driver_stop(&rig.driver);
	vmsg_vq_device_stop(&rig.device);
	munmap(rig.bus_areas[5].segments[0].data, MEMORY);
	free(rig.pool);
	close(rig.fd);
	return 0;
}

/* ---- both ends ---- */

static char cookies[16];

static void guest_adds(unsigned int number, uint64_t address, uint32_t length, uint64_t in,
		       uint32_t in_length)
{
	const struct vmsg_vq_buffer buffers[2] = { { address, length, false },
						   { in, in_length, true } };

	assert_int_equal(
		vmsg_vq_driver_add(&rig.guest, buffers, in_length > 0 ? 2 : 1, &cookies[number]),
		0);
}

static int device_pops(struct vmsg_vq_chain *chain, struct vmsg_vq_piece pieces[16])
{
	*chain = (struct vmsg_vq_chain){ .pieces = pieces, .capacity = 16 };
	return vmsg_vq_device_pop(&rig.device, chain);
}

/* Which chain the guest gets back, and how much of it was written; -1: none. */
static int guest_reaps(uint32_t *written)
{
	void *cookie;
	const int result = vmsg_vq_driver_reap(&rig.guest, &cookie, written);

	assert_true(result >= 0);
	return result == 1 ? (int)((char *)cookie - cookies) : -1;
}

static uint8_t *guest_data(uint64_t address)
{
	struct vmsg_span span;

	assert_int_equal(vmsg_memory_map(&rig.memory.areas, address, 1, true, &span), 0);
	return span.data;
}

/* The next chain of the device, done with `written` bytes. */
static uint32_t device_does(uint32_t written)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chain;

	assert_int_equal(device_pops(&chain, pieces), 1);
	assert_int_equal(vmsg_vq_device_push(&rig.device, chain.head, written), 0);
	return chain.count;
}

/* ---- tests ---- */

static void data_is_where_it_was(void **state)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chain;
	uint32_t written;

	(void)state;
	strcpy((char *)guest_data(GUEST + 5 * PAGE), "question");
	/* the answer lies behind the gap */
	guest_adds(3, GUEST + 5 * PAGE, 9, GUEST + 34 * PAGE, 64);
	assert_true(shadow_take(&rig.shadow, 10));
	assert_false(shadow_take(&rig.shadow, 10));
	assert_int_equal(device_pops(&chain, pieces), 1);
	assert_int_equal(chain.count, 2);
	assert_string_equal((char *)pieces[0].span.data, "question");
	assert_int_equal(pieces[1].span.size, 64);
	assert_ptr_equal(pieces[1].span.data, rig.bus_areas[5].segments[0].data + 41 * PAGE);
	strcpy((char *)pieces[1].span.data, "answer");
	assert_int_equal(shadow_give(&rig.shadow), 0);
	assert_int_equal(vmsg_vq_device_push(&rig.device, chain.head, 7), 0);
	assert_int_equal(shadow_give(&rig.shadow), 1);
	assert_int_equal(guest_reaps(&written), 3);
	assert_int_equal(written, 7);
	assert_string_equal((char *)guest_data(GUEST + 34 * PAGE), "answer");
	assert_int_equal(rig.shadow.count, 0);
}

static void they_come_back_in_any_order_and_round_the_ring(void **state)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chains[3];
	uint32_t written;

	(void)state;
	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < 3; i++) {
			guest_adds(i, GUEST + 5 * PAGE, 1 + i, GUEST + 6 * PAGE, 100);
		}
		assert_true(shadow_take(&rig.shadow, 10));
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(device_pops(&chains[i], pieces), 1);
			assert_int_equal(chains[i].readable_size, 1 + i);
		}
		for (unsigned int i = 0; i < 3; i++) {
			const unsigned int which = (i + round) % 3;
			assert_int_equal(
				vmsg_vq_device_push(&rig.device, chains[which].head, which), 0);
		}
		assert_int_equal(shadow_give(&rig.shadow), 3);
		for (unsigned int i = 0; i < 3; i++) {
			const int which = (int)((i + round) % 3);
			assert_int_equal(guest_reaps(&written), which);
			assert_int_equal(written, which);
		}
	}
}

static void what_does_not_fit_waits(void **state)
{
	uint32_t written;

	(void)state;
	for (unsigned int i = 0; i < SIZE; i++) {
		guest_adds(i, GUEST + 5 * PAGE, 1, 0, 0);
	}
	assert_true(shadow_take(&rig.shadow, 3)); /* at most */
	assert_int_equal(rig.shadow.count, 3);
	assert_true(shadow_take(&rig.shadow, 100));
	assert_int_equal(rig.shadow.count, CAPACITY);
	assert_false(shadow_take(&rig.shadow, 100));
	/* there is no use in being told of more, and it is not forgotten */
	assert_false(shadow_listen(&rig.shadow));
	shadow_listen_no_more(&rig.shadow);
	for (unsigned int i = 0; i < SIZE; i++) {
		(void)device_does(0);
		assert_int_equal(shadow_give(&rig.shadow), 1);
		assert_int_equal(guest_reaps(&written), i);
		(void)shadow_take(&rig.shadow, 1);
	}
	assert_int_equal(rig.shadow.count, 0);
}

static void a_device_without_indirect_chains_has_room_for_fewer(void **state)
{
	uint32_t written;

	(void)state;
	detach();
	attach(true, false);
	for (unsigned int i = 0; i < 4; i++) {
		const struct vmsg_vq_buffer buffers[3] = { { GUEST + 5 * PAGE, 1, false },
							   { GUEST + 6 * PAGE, 1, false },
							   { GUEST + 7 * PAGE, 1, true } };
		if (rig.guest.free_count >= 3) {
			assert_int_equal(vmsg_vq_driver_add(&rig.guest, buffers, 3, &cookies[i]),
					 0);
		}
	}
	/* the ring of 8 has room for two chains of three */
	assert_true(shadow_take(&rig.shadow, 10));
	assert_int_equal(rig.shadow.count - rig.shadow.waiting, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(device_does(1), 3);
	}
	assert_int_equal(shadow_give(&rig.shadow), 2);
	assert_int_equal(guest_reaps(&written), 0);
	assert_int_equal(written, 1);
	assert_int_equal(guest_reaps(&written), 1);
}

/* The peer goes and another comes: what was on its way is asked for again, once. */
static void chains_outlive_the_device(void **state)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chain;
	uint32_t written;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		guest_adds(i, GUEST + 5 * PAGE, 10 + i, 0, 0);
	}
	assert_true(shadow_take(&rig.shadow, 10));
	(void)device_does(0); /* the first is done, but nobody has looked */
	assert_int_equal(device_pops(&chain, pieces), 1);
	detach();
	assert_int_equal(shadow_give(&rig.shadow), 0);
	assert_false(shadow_take(&rig.shadow, 10));
	rig.memory.files[0].bus = BUS + (UINT64_C(2) << 48); /* another area */
	const struct vmsg_segment moved = rig.bus_areas[5].segments[0];
	assert_int_equal(vmsg_memory_add(&rig.bus, 7, &moved, 1, true, 0), 0);
	attach(true, true);
	assert_true(shadow_take(&rig.shadow, 10));
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(device_pops(&chain, pieces), 1);
		assert_int_equal(chain.readable_size, 10 + i);
		assert_int_equal(vmsg_vq_device_push(&rig.device, chain.head, 0), 0);
	}
	assert_int_equal(device_pops(&chain, pieces), 0);
	assert_int_equal(shadow_give(&rig.shadow), 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(guest_reaps(&written), i);
	}
	assert_int_equal(guest_reaps(&written), -1);
}

/* The ring is left and taken up again where it was left: what was on its way comes again. */
static void a_stop_forgets_nothing(void **state)
{
	uint32_t written;
	uint32_t base;

	(void)state;
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int i = 0; i < 3; i++) {
			guest_adds(i, GUEST + 5 * PAGE, 1 + i, 0, 0);
		}
		assert_true(shadow_take(&rig.shadow, 10));
		for (unsigned int i = 0; i < round % 4; i++) {
			(void)device_does(0);
		}
		assert_int_equal(shadow_give(&rig.shadow), round % 4);
		assert_true(shadow_may_stop(&rig.shadow));
		assert_true(shadow_stop(&rig.shadow, &base));
		detach();
		attach(false, true);
		start_guest(rig.packed, base);
		(void)shadow_take(&rig.shadow, 10);
		for (unsigned int i = round % 4; i < 3; i++) {
			(void)device_does(0);
		}
		assert_int_equal(shadow_give(&rig.shadow), 3 - round % 4);
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(guest_reaps(&written), i);
		}
		assert_int_equal(guest_reaps(&written), -1);
	}
}

static void a_stop_in_the_middle_of_disorder_is_told(void **state)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chains[2];
	uint32_t base;

	(void)state;
	guest_adds(0, GUEST + 5 * PAGE, 1, 0, 0);
	guest_adds(1, GUEST + 5 * PAGE, 2, 0, 0);
	assert_true(shadow_take(&rig.shadow, 10));
	assert_int_equal(device_pops(&chains[0], pieces), 1);
	assert_int_equal(device_pops(&chains[1], pieces), 1);
	assert_int_equal(vmsg_vq_device_push(&rig.device, chains[1].head, 0), 0);
	assert_int_equal(shadow_give(&rig.shadow), 1);
	assert_false(shadow_may_stop(&rig.shadow));
	assert_false(shadow_stop(&rig.shadow, &base));
	/* what the device gives back now is nobody's */
	assert_int_equal(vmsg_vq_device_push(&rig.device, chains[0].head, 0), 0);
	assert_int_equal(shadow_give(&rig.shadow), 0);
}

static void memory_is_mapped_anew_under_a_running_ring(void **state)
{
	(void)state;
	guest_adds(0, GUEST + 5 * PAGE, 1, GUEST + 6 * PAGE, 1);
	assert_true(shadow_take(&rig.shadow, 10));
	vmsg_vq_driver_stop(&rig.guest);
	shadow_leave_memory(&rig.shadow);
	assert_int_equal(add_memory(GUEST + 60 * PAGE, PAGE, 60 * PAGE), 0);
	assert_int_equal(vhost_memory_map(&rig.memory), 0);
	assert_int_equal(shadow_enter_memory(&rig.shadow), 0);
	(void)device_does(1);
	assert_int_equal(shadow_give(&rig.shadow), 1);
	/* the guest sees it in its used ring, wherever it looks from */
	if (!rig.packed) {
		assert_int_equal(guest_data(GUEST + 2 * PAGE)[2], 1);
	}
	/* and when the ring's memory is gone, so is the ring */
	shadow_leave_memory(&rig.shadow);
	vhost_memory_clear(&rig.memory);
	assert_int_equal(add_memory(GUEST + 60 * PAGE, PAGE, 60 * PAGE), 0);
	assert_int_equal(vhost_memory_map(&rig.memory), 0);
	assert_int_equal(shadow_enter_memory(&rig.shadow), -1);
	assert_true(rig.shadow.is_broken);
	assert_false(shadow_take(&rig.shadow, 10));
	assert_int_equal(shadow_give(&rig.shadow), 0);
}

/* ---- what a guest does wrong ---- */

/* A descriptor of the guest's split ring, available at once. */
static void guest_writes(uint64_t address, uint32_t length, unsigned int flags, unsigned int next)
{
	uint8_t *desc = guest_data(GUEST);
	uint8_t *avail = guest_data(GUEST + PAGE);

	store_le(desc, address, 8);
	store_le(desc + 8, length, 4);
	store_le(desc + 12, flags, 2);
	store_le(desc + 14, next, 2);
	store_le(avail + 4, 0, 2);
	store_le(avail + 2, 1, 2);
}

static void assert_broken(const char *text)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chain;

	(void)shadow_take(&rig.shadow, 10);
	assert_true(rig.shadow.is_broken);
	if (!strstr(rig.shadow.why, text)) {
		fail_msg("'%s' is not in '%s'", text, rig.shadow.why);
	}
	assert_int_equal(device_pops(&chain, pieces), 0);
	assert_false(shadow_take(&rig.shadow, 10));
}

#define WRITE    2u
#define NEXT     1u
#define INDIRECT 4u

static void an_address_in_a_gap(void **state)
{
	(void)state;
	guest_writes(GUEST + 32 * PAGE, 1, 0, 0);
	assert_broken("descriptor of 1 bytes at 0x80020000: outside the memory regions");
}

static void a_buffer_that_runs_into_a_gap(void **state)
{
	(void)state;
	guest_writes(GUEST + 32 * PAGE - 4, 8, WRITE, 0);
	assert_broken("outside the memory regions");
}

static void an_address_in_no_space(void **state)
{
	(void)state;
	guest_writes(BUS, 8, WRITE, 0); /* as if it knew where the device sees it */
	assert_broken("address 0x5000000000000");
}

static void an_address_below_and_beyond(void **state)
{
	(void)state;
	guest_writes(GUEST - 1, 8, WRITE, 0);
	assert_broken("address 0x7fffffff");
}

static void a_chain_that_is_a_loop(void **state)
{
	(void)state;
	guest_writes(GUEST + 5 * PAGE, 8, NEXT, 0);
	assert_broken("descriptor 0");
}

static void an_indirect_table_in_a_gap(void **state)
{
	(void)state;
	guest_writes(GUEST + 32 * PAGE, 64, INDIRECT, 0);
	assert_broken("descriptor 0");
}

static void a_chain_of_too_many_pieces(void **state)
{
	const uint32_t count = SHADOW_PIECES_MAX + 1;
	uint8_t *table = guest_data(GUEST + 8 * PAGE);

	(void)state;
	for (uint32_t i = 0; i < count; i++) {
		store_le(table + i * 16, GUEST + 5 * PAGE, 8);
		store_le(table + i * 16 + 8, 1, 4);
		store_le(table + i * 16 + 12, i + 1 < count ? NEXT : 0, 2);
		store_le(table + i * 16 + 14, i + 1, 2);
	}
	guest_writes(GUEST + 8 * PAGE, count * 16, INDIRECT, 0);
	assert_broken("descriptor 256");
}

static void a_chain_longer_than_the_devices_queue(void **state)
{
	uint8_t *table = guest_data(GUEST + 8 * PAGE);

	(void)state;
	detach();
	attach(false, false);
	for (uint32_t i = 0; i < SIZE + 1; i++) {
		store_le(table + i * 16, GUEST + 5 * PAGE, 8);
		store_le(table + i * 16 + 8, 1, 4);
		store_le(table + i * 16 + 12, i < SIZE ? NEXT : 0, 2);
		store_le(table + i * 16 + 14, i + 1, 2);
	}
	guest_writes(GUEST + 8 * PAGE, (SIZE + 1) * 16, INDIRECT, 0);
	assert_broken("chain of 9 pieces, the device's queue has 8");
}

/* What the guest rewrites after it was taken changes nothing: the device has our copy. */
static void a_descriptor_that_changes_afterwards(void **state)
{
	struct vmsg_vq_piece pieces[16];
	struct vmsg_vq_chain chain;

	(void)state;
	guest_writes(GUEST + 5 * PAGE, 8, WRITE, 0);
	assert_true(shadow_take(&rig.shadow, 10));
	guest_writes(GUEST + 40 * PAGE, UINT32_MAX, NEXT | INDIRECT, 7);
	assert_int_equal(device_pops(&chain, pieces), 1);
	assert_ptr_equal(pieces[0].span.data, rig.bus_areas[5].segments[0].data + 5 * PAGE);
	assert_int_equal(pieces[0].span.size, 8);
	detach();
	attach(false, true);
	assert_true(shadow_take(&rig.shadow, 10));
	assert_int_equal(device_pops(&chain, pieces), 1);
	assert_int_equal(pieces[0].span.size, 8);
}

static void a_device_that_returns_what_it_never_got(void **state)
{
	(void)state;
	guest_adds(0, GUEST + 5 * PAGE, 8, GUEST + 6 * PAGE, 8);
	assert_true(shadow_take(&rig.shadow, 10));
	uint8_t *used = rig.pool + 2 * PAGE;
	used[4] = 5; /* a chain that is not on its way */
	used[2] = 1;
	assert_int_equal(shadow_give(&rig.shadow), -1);
}

static void rings_that_cannot_be(void **state)
{
	struct vmsg_vq_layout layout = rig.guest_layout;
	uint32_t base;

	(void)state;
	assert_true(shadow_stop(&rig.shadow, &base));
	layout.size = 7;
	assert_int_equal(shadow_start(&rig.shadow, &layout, 0), -1);
	assert_non_null(strstr(rig.shadow.why, "ring of 7 entries"));
	layout.size = 8;
	layout.desc_addr += 8;
	assert_int_equal(shadow_start(&rig.shadow, &layout, 0), -1);
	layout.desc_addr = BUS;
	assert_int_equal(shadow_start(&rig.shadow, &layout, 0), -1);
	assert_false(rig.shadow.is_running);
	/* whatever base a front end names */
	layout = rig.guest_layout;
	layout.packed = true;
	assert_int_equal(shadow_start(&rig.shadow, &layout, 0x7fff7fff), 0);
	(void)shadow_take(&rig.shadow, 10);
}

int main(void)
{
#define SPLIT(name) cmocka_unit_test_setup_teardown(name, setup_split, teardown)
#define PACKED(name)                                                                               \
	{                                                                                          \
#name " (packed)", name, setup_packed, teardown, NULL                              \
	}
	const struct CMUnitTest tests[] = {
		SPLIT(data_is_where_it_was),
		PACKED(data_is_where_it_was),
		SPLIT(they_come_back_in_any_order_and_round_the_ring),
		PACKED(they_come_back_in_any_order_and_round_the_ring),
		SPLIT(what_does_not_fit_waits),
		PACKED(what_does_not_fit_waits),
		SPLIT(a_device_without_indirect_chains_has_room_for_fewer),
		PACKED(a_device_without_indirect_chains_has_room_for_fewer),
		SPLIT(chains_outlive_the_device),
		PACKED(chains_outlive_the_device),
		SPLIT(a_stop_forgets_nothing),
		PACKED(a_stop_forgets_nothing),
		SPLIT(a_stop_in_the_middle_of_disorder_is_told),
		PACKED(a_stop_in_the_middle_of_disorder_is_told),
		SPLIT(memory_is_mapped_anew_under_a_running_ring),
		PACKED(memory_is_mapped_anew_under_a_running_ring),
		SPLIT(an_address_in_a_gap),
		SPLIT(a_buffer_that_runs_into_a_gap),
		SPLIT(an_address_in_no_space),
		SPLIT(an_address_below_and_beyond),
		SPLIT(a_chain_that_is_a_loop),
		SPLIT(an_indirect_table_in_a_gap),
		SPLIT(a_chain_of_too_many_pieces),
		SPLIT(a_chain_longer_than_the_devices_queue),
		SPLIT(a_descriptor_that_changes_afterwards),
		SPLIT(a_device_that_returns_what_it_never_got),
		SPLIT(rings_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
