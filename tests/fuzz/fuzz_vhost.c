/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user front end and its guest, both hostile: messages in any order and form, and edits of
 * the guest's memory in between, after each of which both queues are run, with an honest device at
 * the other end. Each record of the input begins with a byte that says which.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "vhost/server.h"
#include "vhost/shadow.h"
#include "virtio_msg_ffa/proto.h"

#define QUEUES   2u
#define SIZE     8u
#define CAPACITY 4u
#define MEMORY   0x8000u
#define POOL     0x20000u
#define TABLES   0x8000u
#define GUEST    UINT64_C(0x10000)
#define EDIT     4u

struct world {
	struct vhost_memory memory;
	struct vhost_server server;
	struct shadow shadows[QUEUES];
	struct vmsg_memory bus; /* what the device sees */
	struct vmsg_memory_area areas[4];
	struct vmsg_vq_driver drivers[QUEUES];
	struct vmsg_vq_driver_slot slots[QUEUES][SIZE];
	struct vmsg_vq_device devices[QUEUES];
	uint8_t *guest; /* all of the memfd */
	uint8_t *pool;
	int fds[3]; /* memfd, eventfd, something else */
};

static struct world world;

static void attach(uint32_t index, bool packed)
{
	const uint64_t base = (UINT64_C(2) << 48) + index * 0x4000;
	const struct vmsg_vq_layout layout = {
		.size = SIZE,
		.packed = packed,
		.indirect = true,
		.desc_addr = base,
		.driver_addr = base + 0x1000,
		.device_addr = base + 0x2000,
	};

	if (vmsg_vq_driver_start(&world.drivers[index], &world.bus, &layout, world.slots[index]) <
		    0 ||
	    vmsg_vq_device_start(&world.devices[index], &world.bus, &layout) < 0) {
		abort();
	}
	shadow_attach(&world.shadows[index], &world.drivers[index],
		      (UINT64_C(2) << 48) + TABLES + index * CAPACITY * SHADOW_TABLE_SIZE);
}

static void detach(uint32_t index)
{
	shadow_detach(&world.shadows[index]);
	vmsg_vq_driver_stop(&world.drivers[index]);
	vmsg_vq_device_stop(&world.devices[index]);
}

/* The device fills what it may write and gives back what it got. */
static void run(uint32_t index)
{
	struct vmsg_vq_piece pieces[SHADOW_PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = SHADOW_PIECES_MAX };

	(void)shadow_take(&world.shadows[index], 8);
	int result = 0;
	while (chain.capacity = SHADOW_PIECES_MAX,
	       (result = vmsg_vq_device_pop(&world.devices[index], &chain)) == 1) {
		for (uint32_t i = chain.readable_count; i < chain.count; i++) {
			memset(pieces[i].span.data, 0x5a, pieces[i].span.size & 0xfff);
		}
		if (vmsg_vq_device_push(&world.devices[index], chain.head,
					(uint32_t)(chain.writable_size & 0xfff)) < 0) {
			abort();
		}
	}
	if (result < 0 || shadow_give(&world.shadows[index]) < 0) {
		abort(); /* whatever the guest does, the device's ring is in order */
	}
}

/* ---- the owner ---- */

static int memory_changed(void *context, char *why, size_t why_size)
{
	(void)context;
	for (uint32_t i = 0; i < QUEUES; i++) {
		if (world.shadows[i].is_running) {
			shadow_leave_memory(&world.shadows[i]);
		}
	}
	const int result = vhost_memory_map(&world.memory);
	for (uint32_t i = 0; i < QUEUES; i++) {
		if (world.shadows[i].is_running) {
			(void)shadow_enter_memory(&world.shadows[i]);
		}
	}
	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		if (world.memory.files[i].fd >= 0) {
			world.memory.files[i].has_bus = true;
			world.memory.files[i].bus = UINT64_C(1) << 48;
		}
	}
	(void)snprintf(why, why_size, "%s", world.memory.why);
	return result;
}

static int start(void *context, uint32_t index, const struct vmsg_vq_layout *layout, uint32_t base,
		 char *why, size_t why_size)
{
	(void)context;
	(void)snprintf(why, why_size, "no");
	return shadow_start(&world.shadows[index], layout, base);
}

static void enable(void *context, uint32_t index, bool is_enabled)
{
	(void)context;
	world.shadows[index].is_paused = !is_enabled;
}

static uint32_t stop(void *context, uint32_t index)
{
	uint32_t base;

	(void)context;
	(void)shadow_stop(&world.shadows[index], &base);
	detach(index);
	attach(index, base & 1);
	return base;
}

static void reset(void *context)
{
	(void)context;
}

static int config(void *context, uint32_t offset, uint8_t *data, uint32_t size)
{
	(void)context;
	memset(data, (int)offset, size);
	return 0;
}

static int write_config(void *context, uint32_t offset, const uint8_t *data, uint32_t size)
{
	(void)context;
	(void)offset;
	return size > 0 && data[0] ? -1 : 0;
}

static const struct vhost_server_ops ops = {
	.memory_changed = memory_changed,
	.start = start,
	.enable = enable,
	.stop = stop,
	.reset = reset,
	.read_config = config,
	.write_config = write_config,
};

/* ---- life ---- */

static void open_world(void)
{
	world = (struct world){ .pool = calloc(1, POOL) };
	world.fds[0] = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	world.fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	world.fds[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!world.pool || ftruncate(world.fds[0], MEMORY) != 0 ||
	    fcntl(world.fds[0], F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
		abort();
	}
	world.guest = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, world.fds[0], 0);
	if (world.guest == MAP_FAILED) {
		abort();
	}
	const struct vmsg_segment segments[2] = { { world.guest, MEMORY }, { world.pool, POOL } };
	vmsg_memory_init(&world.bus, world.areas, 4, 48);
	if (vmsg_memory_add(&world.bus, 1, &segments[0], 1, true, 0) < 0 ||
	    vmsg_memory_add(&world.bus, 2, &segments[1], 1, true, 0) < 0) {
		abort();
	}
	vhost_memory_init(&world.memory);
	for (uint32_t i = 0; i < QUEUES; i++) {
		if (shadow_open(&world.shadows[i], i, CAPACITY, &world.memory) < 0) {
			abort();
		}
		attach(i, i);
	}
	world.server = (struct vhost_server){
		.device_features =
			UINT64_C(1) << VMSG_F_VERSION_1 | UINT64_C(1) << VMSG_F_RING_PACKED |
			UINT64_C(1) << VMSG_F_EVENT_IDX | UINT64_C(1) << VMSG_F_INDIRECT_DESC,
		.queue_count = QUEUES,
		.has_config = true,
	};
	vhost_server_init(&world.server, &ops, NULL, &world.memory);
}

static void close_world(void)
{
	vhost_server_close(&world.server);
	for (uint32_t i = 0; i < QUEUES; i++) {
		detach(i);
		shadow_close(&world.shadows[i]);
	}
	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		world.memory.files[i].has_bus = false;
	}
	vhost_memory_sweep(&world.memory);
	(void)munmap(world.guest, MEMORY);
	free(world.pool);
	for (size_t i = 0; i < 3; i++) {
		(void)close(world.fds[i]);
	}
}

/* ---- input ---- */

/* Request, size, descriptors (two bits each for up to three), then the payload. */
static size_t say(const uint8_t *data, size_t size)
{
	struct vhost_message message = { .flags = VHOST_FLAG_VERSION };

	if (size < 3) {
		return size;
	}
	message.request = data[0] & 63;
	message.flags |= data[0] & 64 ? VHOST_FLAG_NEED_REPLY : 0;
	message.size = data[1];
	for (unsigned int bits = data[2]; bits & 3 && message.fd_count < 3; bits >>= 2) {
		message.fds[message.fd_count++] = dup(world.fds[(bits & 3) - 1]);
	}
	const size_t rest = size - 3 < message.size ? size - 3 : message.size;
	memcpy(message.payload, data + 3, rest);
	(void)vhost_server_take(&world.server, &message);
	return 3 + rest;
}

static size_t edit(const uint8_t *data, size_t size)
{
	if (size < EDIT) {
		return size;
	}
	const size_t offset = (size_t)(data[0] | data[1] << 8) % (MEMORY - 1);
	world.guest[offset] = data[2];
	world.guest[offset + 1] = data[3];
	return EDIT;
}

/* A front end and a guest that begin well: memory at GUEST, a split and a packed queue. */
static void begin(bool packed)
{
	struct vhost_message message = { .flags = VHOST_FLAG_VERSION, .size = 8 };
	const uint64_t features = UINT64_C(1) << VMSG_F_VERSION_1 |
				  UINT64_C(1) << VMSG_F_INDIRECT_DESC |
				  (packed ? UINT64_C(1) << VMSG_F_RING_PACKED : 0);

	message.request = VHOST_SET_FEATURES;
	memcpy(message.payload, &features, 8);
	(void)vhost_server_take(&world.server, &message);
	const uint64_t table[] = { 1, GUEST, MEMORY, GUEST, 0 };
	message.flags = VHOST_FLAG_VERSION;
	message.request = VHOST_SET_MEM_TABLE;
	message.size = sizeof(table);
	memcpy(message.payload, table, sizeof(table));
	message.fds[0] = dup(world.fds[0]);
	message.fd_count = 1;
	(void)vhost_server_take(&world.server, &message);
	for (uint32_t i = 0; i < QUEUES; i++) {
		const uint64_t at = GUEST + i * 0x400;
		const uint64_t addresses[] = { i, at, at + 0x200, at + 0x100, 0 };
		const uint32_t size[] = { i, SIZE };
		message = (struct vhost_message){ .request = VHOST_SET_VRING_NUM,
						  .flags = VHOST_FLAG_VERSION,
						  .size = 8 };
		memcpy(message.payload, size, 8);
		(void)vhost_server_take(&world.server, &message);
		message.flags = VHOST_FLAG_VERSION;
		message.request = VHOST_SET_VRING_ADDR;
		message.size = sizeof(addresses);
		memcpy(message.payload, addresses, sizeof(addresses));
		(void)vhost_server_take(&world.server, &message);
		message.flags = VHOST_FLAG_VERSION;
		message.request = VHOST_SET_VRING_KICK;
		message.size = 8;
		memset(message.payload, 0, 8);
		message.payload[0] = (uint8_t)i;
		message.fds[0] = dup(world.fds[1]);
		message.fd_count = 1;
		(void)vhost_server_take(&world.server, &message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_world();
	if (size > 0 && data[0] & 1) {
		begin(data[0] & 2);
	}
	for (size_t at = 1; at < size;) {
		const uint8_t what = data[at++];
		at += what & 1 ? say(data + at, size - at) : edit(data + at, size - at);
		if (what & 2) {
			detach(what >> 3 & 1);
			attach(what >> 3 & 1, what & 16);
		}
		if (what & 4) {
			run(0);
			run(1);
		}
	}
	close_world();
	return 0;
}
