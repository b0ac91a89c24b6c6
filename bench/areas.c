/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three ways for a buffer to be where the device can reach it: it lives in an area (zero-copy), it
 * is copied to one (bounced), or an area is made of it for as long as the device has it (on
 * demand). Each is the whole trip of one request through a split ring, manager and both partitions
 * in this process, so that no system call blurs it. Reported, no goal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "virtio_msg_ffa/bounce.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"

#define PAGE       4096u
#define QUEUE_SIZE 16u
#define POOL_SIZE  (64u * PAGE)
#define SLOT_SIZE  2048u
#define SIZE_MAX_  (16u * PAGE)
#define TRIPS      2000
#define SHARES     200
#define AREAS      8u

struct side {
	struct vmsg_emu_bank banks[2];
	struct vmsg_endpoint endpoint;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[AREAS];
};

static struct vmsg_emu_local *local;
static struct side driver, device;
static struct vmsg_device_pump device_pump;
static struct vmsg_device_session session;
static struct vmsg_device_slot no_slots[1];
static struct vmsg_bus_device no_numbers[1];
static struct vmsg_bus bus;
static struct vmsg_driver *no_drivers[1];
static struct vmsg_driver_pump pump;
static uint8_t private_data[SIZE_MAX_]; /* what the driver's data is where it cannot be shared */

static void must(int error, const char *what)
{
	if (error < 0) {
		die(what);
	}
}

static void serve(void *context, struct vmsg_ffa_regs *regs)
{
	(void)!vmsg_device_pump_serve(context, regs, regs);
}

static void open_side(struct side *side, uint16_t id, vmsg_emu_entry entry, void *context,
		      struct vmsg_emu_local_partition **partition)
{
	side->banks[0] = (struct vmsg_emu_bank){ .size = 2 * PAGE };
	side->banks[1] = (struct vmsg_emu_bank){ .size = POOL_SIZE + SIZE_MAX_ };
	*partition = vmsg_emu_local_start(local, id, side->banks, 2, entry, context);
	if (!*partition) {
		die("partition");
	}
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(*partition);
	const struct vmsg_buffer tx = { side->banks[0].data, side->banks[0].address };
	const struct vmsg_buffer rx = { tx.data + PAGE, tx.address + PAGE };
	must(vmsg_endpoint_init(&side->endpoint, &conduit, tx, rx, 1), "endpoint");
	vmsg_memory_init(&side->memory, side->areas, AREAS, 48);
}

static void run(void)
{
	struct vmsg_bus_event event;

	must(vmsg_driver_pump_run(&pump), "pump");
	while (vmsg_bus_event(&bus, &event)) {
	}
}

static void open_system(void)
{
	struct vmsg_emu_local_partition *partition;

	local = vmsg_emu_local_create();
	if (!local) {
		die("manager");
	}
	open_side(&device, 0x8001, serve, &device_pump, &partition);
	const struct vmsg_device_pump_options options = {
		.endpoint = &device.endpoint,
		.sessions = &session,
		.session_count = 1,
		.slots = no_slots,
		.areas = device.areas,
		.areas_per_session = AREAS,
		.bus_devices = no_numbers,
		.bus = {
			.ffa_version = VMSG_FFA_VERSION_1_2,
			.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
			.max_areas = AREAS,
		},
	};
	must(vmsg_device_pump_init(&device_pump, &options), "device pump");
	struct vmsg_ffa_regs wait;
	vmsg_endpoint_prepare_wait(&device.endpoint, &wait);
	vmsg_emu_local_run(partition, &wait);
	open_side(&driver, 1, NULL, NULL, &partition);
	const struct vmsg_bus_options bus_options = {
		.role = VMSG_BUS_DRIVER,
		.peer = 0x8001,
		.ffa_version = VMSG_FFA_VERSION_1_2,
		.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
		.memory = &driver.memory,
	};
	must(vmsg_bus_init(&bus, &bus_options), "bus");
	vmsg_driver_pump_init(&pump, &driver.endpoint, &bus, no_drivers, 0, 0x8001, UINT64_MAX / 2);
	must(vmsg_bus_start(&bus, 0), "start");
	run();
}

/* `size` bytes of the second bank from `offset` as an area. */
static uint16_t share(uint64_t offset, uint64_t size)
{
	const struct vmsg_emu_bank *bank = &driver.banks[1];
	const struct vmsg_ffa_range range = { bank->address + offset, (uint32_t)(size / PAGE) };
	const struct vmsg_segment segment = { bank->data + offset, size };
	uint16_t id;

	must(vmsg_driver_pump_share(&pump, &range, 1, &segment, 1, &id), "share");
	run();
	return id;
}

static uint64_t address_in(uint16_t area, uint64_t offset)
{
	uint64_t address = 0;

	must(vmsg_address_make(bus.profile, area, offset, &address), "address");
	return address;
}

/* ---- the trip of one request ---- */

static struct vmsg_vq_driver ring;
static struct vmsg_vq_device peer;
static struct vmsg_vq_driver_slot slots[QUEUE_SIZE];
static uint64_t sum; /* of what the device has read */

static void open_ring(uint16_t area)
{
	const struct vmsg_vq_layout layout = {
		.size = QUEUE_SIZE,
		.desc_addr = address_in(area, 0),
		.driver_addr = address_in(area, PAGE),
		.device_addr = address_in(area, 2ull * PAGE),
	};

	must(vmsg_vq_driver_start(&ring, &driver.memory, &layout, slots), "ring");
	must(vmsg_vq_device_start(&peer, &session.memory, &layout), "device's ring");
}

/* The device reads a word of each line, as it would to do anything with it. */
static void trip(uint64_t address, uint32_t size)
{
	const struct vmsg_vq_buffer buffer = { address, size, false };
	struct vmsg_vq_piece pieces[4];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 4 };
	void *cookie;
	uint32_t written;

	must(vmsg_vq_driver_add(&ring, &buffer, 1, &sum), "add");
	if (vmsg_vq_device_pop(&peer, &chain) != 1) {
		die("pop");
	}
	for (size_t i = 0; i < pieces[0].span.size; i += 64) {
		sum += pieces[0].span.data[i];
	}
	must(vmsg_vq_device_push(&peer, chain.head, 0), "push");
	if (vmsg_vq_driver_reap(&ring, &cookie, &written) != 1) {
		die("reap");
	}
}

static double zero_copy(uint16_t area, uint32_t size)
{
	const uint64_t address = address_in(area, 8ull * PAGE);
	const uint64_t start = now_ns();

	for (int i = 0; i < TRIPS; i++) {
		trip(address, size);
	}
	return (double)(now_ns() - start) / TRIPS;
}

static double bounced(uint16_t area, uint32_t size)
{
	static uint32_t used[VMSG_BOUNCE_WORDS((POOL_SIZE - 8 * PAGE) / SLOT_SIZE)];
	const struct vmsg_span pool = { driver.banks[1].data + 8ull * PAGE,
					POOL_SIZE - 8ull * PAGE };
	struct vmsg_bounce bounce;
	struct vmsg_bounce_map map;

	must(vmsg_bounce_init(&bounce, pool, address_in(area, 8ull * PAGE), SLOT_SIZE, used),
	     "pool");
	const uint64_t start = now_ns();
	for (int i = 0; i < TRIPS; i++) {
		must(vmsg_bounce_map_readable(&bounce, (struct vmsg_bytes){ private_data, size },
					      &map),
		     "map");
		trip(map.address, map.size);
		vmsg_bounce_unmap(&bounce, &map, 0);
	}
	return (double)(now_ns() - start) / TRIPS;
}

static double on_demand(uint32_t size)
{
	const uint64_t start = now_ns();

	for (int i = 0; i < SHARES; i++) {
		const uint16_t area = share(POOL_SIZE, (size + PAGE - 1) & ~(uint64_t)(PAGE - 1));
		trip(address_in(area, 0), size);
		must(vmsg_bus_unshare(&bus, 0, area), "unshare");
		run();
	}
	return (double)(now_ns() - start) / SHARES;
}

int main(void)
{
	static const uint32_t sizes[] = { 512, 4096, 65536 };

	pin();
	open_system();
	const uint16_t area = share(0, POOL_SIZE);
	open_ring(area);
	printf("areas: one request through a ring, ns (median of %d)\n", ROUNDS);
	printf("  bytes  zero-copy    bounced  on demand\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double values[3][ROUNDS];
		for (int round = 0; round < ROUNDS; round++) {
			values[0][round] = zero_copy(area, sizes[i]);
			values[1][round] = bounced(area, sizes[i]);
			values[2][round] = on_demand(sizes[i]);
		}
		printf("%7u %10.0f %10.0f %10.0f\n", sizes[i], median(values[0]), median(values[1]),
		       median(values[2]));
	}
	vmsg_emu_local_destroy(local);
	return sum == 0 ? 0 : 1; /* all of it was zero */
}
