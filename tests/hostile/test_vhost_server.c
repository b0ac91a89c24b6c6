/* SPDX-License-Identifier: BSD-3-Clause */
/* vhost-user front ends that lie: the back end's half of the protocol says what is wrong, keeps no
 * descriptor, and a vring runs only when all of it is there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/process.h"

#include "devices/chain.h"
#include "vhost/server.h"
#include "virtio_msg_ffa/proto.h"

#define PAGE     UINT64_C(4096)
#define GUEST    UINT64_C(0x40000000)
#define USER     UINT64_C(0x7f0000000000)
#define MEMORY   (16 * PAGE)
#define FEATURES (UINT64_C(1) << VMSG_F_VERSION_1 | UINT64_C(1) << VMSG_F_RING_PACKED)

/* What the owner was told. */
struct owner {
	unsigned int starts;
	unsigned int stops;
	unsigned int resets;
	unsigned int changes;
	bool is_enabled;
	bool refuses_config;
	bool refuses_start;
	struct vmsg_vq_layout layout;
	uint32_t base;
	uint8_t config[60];
};

static struct owner owner;
static struct vhost_memory memory;
static struct vhost_server server;
static struct process_holdings before;

static int memory_changed(void *context, char *why, size_t why_size)
{
	(void)context;
	owner.changes++;
	const int result = vhost_memory_map(&memory);
	if (result < 0) {
		snprintf(why, why_size, "%s", memory.why);
	}
	return result;
}

static int start(void *context, uint32_t index, const struct vmsg_vq_layout *layout, uint32_t base,
		 char *why, size_t why_size)
{
	(void)context;
	assert_true(index < server.queue_count);
	owner.starts++;
	owner.layout = *layout;
	owner.base = base;
	snprintf(why, why_size, "not today");
	return owner.refuses_start ? -1 : 0;
}

static void enable(void *context, uint32_t index, bool is_enabled)
{
	(void)context;
	(void)index;
	owner.is_enabled = is_enabled;
}

static uint32_t stop(void *context, uint32_t index)
{
	(void)context;
	(void)index;
	owner.stops++;
	return 0x1234;
}

static void reset(void *context)
{
	(void)context;
	owner.resets++;
}

static int read_config(void *context, uint32_t offset, uint8_t *data, uint32_t size)
{
	(void)context;
	for (uint32_t i = 0; i < size; i++) {
		data[i] = (uint8_t)(offset + i);
	}
	return owner.refuses_config ? -1 : 0;
}

static int write_config(void *context, uint32_t offset, const uint8_t *data, uint32_t size)
{
	(void)context;
	if (owner.refuses_config || offset > sizeof(owner.config) ||
	    size > sizeof(owner.config) - offset) {
		return -1;
	}
	memcpy(owner.config + offset, data, size);
	return 0;
}

static const struct vhost_server_ops ops = {
	.memory_changed = memory_changed,
	.start = start,
	.enable = enable,
	.stop = stop,
	.reset = reset,
	.read_config = read_config,
	.write_config = write_config,
};

static int setup(void **state)
{
	(void)state;
	before = process_holdings(getpid());
	owner = (struct owner){ 0 };
	vhost_memory_init(&memory);
	server = (struct vhost_server){
		.device_features = FEATURES, .queue_count = 2, .queue_num = 1, .has_config = true
	};
	vhost_server_init(&server, &ops, NULL, &memory);
	return 0;
}

/* Whatever was said: nothing is left. */
static int teardown(void **state)
{
	(void)state;
	vhost_server_close(&server);
	vhost_memory_sweep(&memory);
	assert_int_equal(owner.stops, owner.starts - (owner.refuses_start ? owner.starts : 0));
	const struct process_holdings after = process_holdings(getpid());
	assert_int_equal(after.descriptors, before.descriptors);
	assert_int_equal(after.mappings, before.mappings);
	return 0;
}

/* ---- messages ---- */

static struct vhost_message message;

static int say(uint32_t request, uint32_t size, const int *fds, uint32_t fd_count)
{
	message.request = request;
	message.flags = VHOST_FLAG_VERSION;
	message.size = size;
	message.fd_count = fd_count;
	for (uint32_t i = 0; i < fd_count; i++) {
		message.fds[i] = dup(fds[i]);
	}
	return vhost_server_take(&server, &message);
}

static int say_u64(uint32_t request, uint64_t value)
{
	store_le(message.payload, value, 8);
	return say(request, 8, NULL, 0);
}

static int say_pair(uint32_t request, uint32_t index, uint32_t value)
{
	return say_u64(request, index | (uint64_t)value << 32);
}

static int say_fd(uint32_t request, uint64_t value, int fd)
{
	store_le(message.payload, value, 8);
	return say(request, 8, &fd, 1);
}

#define assert_says_no(call, text)                                                                 \
	do {                                                                                       \
		assert_int_equal(call, -1);                                                        \
		if (!strstr(server.why, text)) {                                                   \
			fail_msg("'%s' is not in '%s'", text, server.why);                         \
		}                                                                                  \
	} while (0)

static int sealed(uint64_t size, int seals)
{
	const int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

struct region {
	uint64_t guest;
	uint64_t size;
	uint64_t user;
	uint64_t offset;
};

static void store_region(uint8_t *at, struct region region)
{
	store_le(at, region.guest, 8);
	store_le(at + 8, region.size, 8);
	store_le(at + 16, region.user, 8);
	store_le(at + 24, region.offset, 8);
}

static int say_table(const struct region *regions, uint32_t count, const int *fds,
		     uint32_t fd_count)
{
	store_le(message.payload, count, 8);
	for (uint32_t i = 0; i < count; i++) {
		store_region(message.payload + 8 + i * VHOST_REGION_SIZE, regions[i]);
	}
	return say(VHOST_SET_MEM_TABLE, 8 + count * VHOST_REGION_SIZE, fds, fd_count);
}

static int say_addresses(uint32_t index, uint32_t flags, uint64_t desc, uint64_t device,
			 uint64_t driver)
{
	store_le(message.payload, index, 4);
	store_le(message.payload + 4, flags, 4);
	store_le(message.payload + 8, desc, 8);
	store_le(message.payload + 16, device, 8);
	store_le(message.payload + 24, driver, 8);
	store_le(message.payload + 32, 0, 8);
	return say(VHOST_SET_VRING_ADDR, 40, NULL, 0);
}

/* Features and memory of a well-behaved front end. */
static void begin(void)
{
	const struct region region = { GUEST, MEMORY, USER, 0 };
	const int fd = sealed(MEMORY, F_SEAL_SHRINK);

	assert_int_equal(say(VHOST_GET_PROTOCOL_FEATURES, 0, NULL, 0), 1);
	assert_int_equal(say_u64(VHOST_SET_PROTOCOL_FEATURES, load_le(message.payload, 8)), 0);
	assert_int_equal(say_u64(VHOST_SET_FEATURES,
				 UINT64_C(1) << VMSG_F_VERSION_1 | 1u << VHOST_F_PROTOCOL_FEATURES),
			 0);
	assert_int_equal(say_table(&region, 1, &fd, 1), 0);
	close(fd);
}

static int kick_fd(uint32_t index)
{
	const int fd = eventfd(0, EFD_CLOEXEC);
	const int result = say_fd(VHOST_SET_VRING_KICK, index, fd);

	close(fd);
	return result;
}

static void prepare(uint32_t index)
{
	assert_int_equal(say_pair(VHOST_SET_VRING_NUM, index, 64), 0);
	assert_int_equal(say_pair(VHOST_SET_VRING_BASE, index, 7), 0);
	assert_int_equal(say_addresses(index, 0, USER, USER + 2 * PAGE, USER + PAGE), 0);
}

/* ---- tests ---- */

static void a_good_front_end_is_served(void **state)
{
	(void)state;
	assert_int_equal(say(VHOST_GET_FEATURES, 0, NULL, 0), 1);
	assert_int_equal(load_le(message.payload, 8),
			 FEATURES | UINT64_C(1) << VHOST_F_PROTOCOL_FEATURES);
	assert_int_equal(say(VHOST_SET_OWNER, 0, NULL, 0), 0);
	begin();
	assert_int_equal(say(VHOST_GET_QUEUE_NUM, 0, NULL, 0), 1);
	assert_int_equal(load_le(message.payload, 8), 1);
	prepare(1);
	assert_int_equal(kick_fd(1), 0);
	assert_int_equal(owner.starts, 0); /* not enabled */
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 1, 1), 0);
	assert_int_equal(owner.starts, 1);
	assert_int_equal(owner.base, 7);
	assert_int_equal(owner.layout.size, 64);
	assert_int_equal(owner.layout.desc_addr, GUEST);
	assert_int_equal(owner.layout.driver_addr, GUEST + PAGE);
	assert_int_equal(owner.layout.device_addr, GUEST + 2 * PAGE);
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 1, 0), 0);
	assert_false(owner.is_enabled);
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 1, 1), 0);
	assert_true(owner.is_enabled);
	assert_int_equal(owner.starts, 1);
	assert_int_equal(say_pair(VHOST_GET_VRING_BASE, 1, 0), 1);
	assert_int_equal(load_le(message.payload, 4), 1);
	assert_int_equal(load_le(message.payload + 4, 4), 0x1234);
	assert_int_equal(owner.stops, 1);
	assert_int_equal(server.vrings[1].kick, -1);
	/* and again, where it stopped */
	assert_int_equal(kick_fd(1), 0);
	assert_int_equal(owner.starts, 2);
	assert_int_equal(owner.base, 0x1234);
	assert_int_equal(say_u64(VHOST_SET_STATUS, 0), 0);
	assert_int_equal(owner.stops, 2);
	assert_int_equal(owner.resets, 1);
}

static void an_acknowledgement_says_whether_it_was_done(void **state)
{
	(void)state;
	begin();
	memset(message.payload, 0, 12);
	message.request = VHOST_SET_CONFIG;
	message.flags = VHOST_FLAG_VERSION | VHOST_FLAG_NEED_REPLY;
	message.size = VHOST_CONFIG_FIXED + 1;
	store_le(message.payload + 4, 1, 4);
	message.payload[VHOST_CONFIG_FIXED] = 0x5a;
	assert_int_equal(vhost_server_take(&server, &message), 1);
	assert_int_equal(message.flags, VHOST_FLAG_VERSION | VHOST_FLAG_REPLY);
	assert_int_equal(message.size, 8);
	assert_int_equal(load_le(message.payload, 8), 0);
	assert_int_equal(owner.config[0], 0x5a);
	owner.refuses_config = true;
	memset(message.payload, 0, 12);
	store_le(message.payload + 4, 1, 4);
	message.flags = VHOST_FLAG_VERSION | VHOST_FLAG_NEED_REPLY;
	message.size = VHOST_CONFIG_FIXED + 1;
	assert_int_equal(vhost_server_take(&server, &message), 1);
	assert_int_equal(load_le(message.payload, 8), 1);
	/* one that was not asked for does not come */
	assert_int_equal(say_pair(VHOST_SET_VRING_NUM, 0, 2), 0);
	/* a config space that is refused has no bytes */
	memset(message.payload, 0, 12);
	store_le(message.payload + 4, 4, 4);
	assert_int_equal(say(VHOST_GET_CONFIG, VHOST_CONFIG_FIXED + 4, NULL, 0), 1);
	assert_int_equal(message.size, 0);
}

static void config_space_beyond_its_end(void **state)
{
	static const struct {
		uint32_t offset;
		uint32_t size;
		uint32_t message;
	} cases[] = {
		{ 0, 4, VHOST_CONFIG_FIXED + 5 },
		{ 0, 4, VHOST_CONFIG_FIXED + 3 },
		{ 0, 257, VHOST_PAYLOAD_MAX },
		{ 256, 1, VHOST_CONFIG_FIXED + 1 },
		{ UINT32_MAX, 1, VHOST_CONFIG_FIXED + 1 },
		{ 0, UINT32_MAX, VHOST_CONFIG_FIXED },
		{ 0, 0, 8 },
	};

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t request = VHOST_GET_CONFIG; request <= VHOST_SET_CONFIG; request++) {
			store_le(message.payload, cases[i].offset, 4);
			store_le(message.payload + 4, cases[i].size, 4);
			store_le(message.payload + 8, 0, 4);
			assert_says_no(say(request, cases[i].message, NULL, 0), "_CONFIG: ");
		}
	}
	/* all of it is fine */
	store_le(message.payload, 0, 4);
	store_le(message.payload + 4, 256, 4);
	assert_int_equal(say(VHOST_GET_CONFIG, VHOST_PAYLOAD_MAX, NULL, 0), 1);
	assert_int_equal(message.payload[VHOST_PAYLOAD_MAX - 1], 255);
}

/* Every request with every wrong size and number of descriptors: refused, and nothing is kept. */
static void every_request_in_every_wrong_form(void **state)
{
	static const uint8_t sizes[64] = {
		[VHOST_GET_FEATURES] = 1,
		[VHOST_SET_FEATURES] = 9,
		[VHOST_SET_OWNER] = 1,
		[VHOST_RESET_OWNER] = 1,
		[VHOST_SET_VRING_NUM] = 9,
		[VHOST_SET_VRING_ADDR] = 41,
		[VHOST_SET_VRING_BASE] = 9,
		[VHOST_GET_VRING_BASE] = 9,
		[VHOST_GET_PROTOCOL_FEATURES] = 1,
		[VHOST_SET_PROTOCOL_FEATURES] = 9,
		[VHOST_GET_QUEUE_NUM] = 1,
		[VHOST_SET_VRING_ENABLE] = 9,
		[VHOST_RESET_DEVICE] = 1,
		[VHOST_GET_MAX_MEM_SLOTS] = 1,
		[VHOST_SET_STATUS] = 9,
		[VHOST_GET_STATUS] = 1,
	};
	const int event = eventfd(0, EFD_CLOEXEC);
	const int fds[8] = { event, event, event, event, event, event, event, event };

	(void)state;
	begin();
	for (uint32_t request = 0; request < 64; request++) {
		if (sizes[request] == 0) {
			continue;
		}
		const uint32_t good = sizes[request] - 1u;
		for (uint32_t size = 0; size <= 48; size++) {
			memset(message.payload, 0, sizeof(message.payload));
			if (size != good) {
				assert_says_no(say(request, size, NULL, 0), " bytes, not ");
			}
		}
		for (uint32_t count = 1; count <= 8; count++) {
			assert_says_no(say(request, good, fds, count), " descriptors, not 0");
		}
	}
	for (uint32_t request = 0; request < 100; request++) {
		const bool is_known = request < 64 && sizes[request] != 0;
		if (!is_known) {
			memset(message.payload, 0xff, sizeof(message.payload));
			assert_int_equal(say(request, VHOST_PAYLOAD_MAX, fds, 8), -1);
		}
	}
	assert_says_no(say(99, 0, NULL, 0), "request 99 is not served");
	close(event);
}

static void features_that_were_not_offered(void **state)
{
	(void)state;
	assert_says_no(say_u64(VHOST_SET_FEATURES, 1), "SET_FEATURES: 0x1");
	assert_says_no(say_u64(VHOST_SET_FEATURES, UINT64_C(1) << VMSG_F_ACCESS_PLATFORM),
		       "not offered");
	assert_says_no(say_u64(VHOST_SET_FEATURES, 1u << VHOST_F_LOG_ALL), "not offered");
	assert_says_no(say_u64(VHOST_SET_PROTOCOL_FEATURES, UINT64_C(1) << 63), "not offered");
	assert_says_no(say(VHOST_GET_QUEUE_NUM, 0, NULL, 0), "GET_QUEUE_NUM: its protocol feature");
	assert_says_no(say_u64(VHOST_SET_STATUS, 1), "protocol feature was not agreed");
	begin();
	assert_says_no(say_u64(VHOST_SET_STATUS, 256), "SET_STATUS: 0x100");
	/* without the config space of the device there is no such protocol feature */
	server.has_config = false;
	assert_int_equal(say(VHOST_GET_PROTOCOL_FEATURES, 0, NULL, 0), 1);
	assert_false(load_le(message.payload, 8) >> VHOST_PROTOCOL_CONFIG & 1);
}

static void a_legacy_driver_is_not_served(void **state)
{
	(void)state;
	begin();
	assert_int_equal(say_u64(VHOST_SET_FEATURES, 0), 0);
	prepare(0);
	assert_says_no(kick_fd(0), "VIRTIO_F_VERSION_1");
	assert_int_equal(owner.starts, 0);
}

/* ---- memory ---- */

static void assert_table(struct region a, struct region b, const char *text)
{
	const struct region regions[2] = { a, b };
	const int fds[2] = { sealed(MEMORY, F_SEAL_SHRINK), sealed(MEMORY, F_SEAL_SHRINK) };

	assert_says_no(say_table(regions, 2, fds, 2), text);
	close(fds[0]);
	close(fds[1]);
}

static void memory_regions_that_cannot_be(void **state)
{
	const struct region good = { GUEST, MEMORY, USER, 0 };

	(void)state;
#define GUEST2 (GUEST + MEMORY)
#define USER2  (USER + MEMORY)
	assert_table(good, good, "overlaps");
	assert_table(good, (struct region){ GUEST + MEMORY - PAGE, PAGE, USER2, 0 }, "overlaps");
	assert_table(good, (struct region){ GUEST2, PAGE, USER + PAGE, 0 }, "overlaps");
	assert_table(good, (struct region){ GUEST - PAGE, 2 * PAGE, USER2, 0 }, "overlaps");
	assert_table(good, (struct region){ GUEST2, 0, USER2, 0 }, "not whole pages");
	assert_table(good, (struct region){ GUEST2 + 1, PAGE, USER2, 0 }, "not whole pages");
	assert_table(good, (struct region){ GUEST2, PAGE + 8, USER2, 0 }, "not whole pages");
	assert_table(good, (struct region){ GUEST2, PAGE, USER2, 8 }, "not whole pages");
	assert_table(good, (struct region){ GUEST2, MEMORY + PAGE, USER2, 0 }, "not in its memfd");
	assert_table(good, (struct region){ GUEST2, PAGE, USER2, MEMORY }, "not in its memfd");
	assert_table(good, (struct region){ GUEST2, PAGE, USER2, UINT64_MAX - PAGE + 1 },
		     "not in its memfd");
	assert_table(good, (struct region){ UINT64_MAX - PAGE + 1, PAGE, USER2, 0 }, "too large");
	assert_table(good, (struct region){ GUEST2, PAGE, UINT64_MAX - PAGE + 1, 0 }, "too large");
	assert_table(good, (struct region){ (UINT64_C(1) << 48) - PAGE, 2 * PAGE, USER2, 0 },
		     "too large");
	assert_table(good, (struct region){ GUEST2, UINT64_C(1) << 63, USER2, 0 }, "too large");
	/* a space is as large as its regions are far apart */
	assert_table(good, (struct region){ UINT64_C(1) << 47, PAGE, USER2, 0 }, "too far apart");
}

static void descriptors_that_are_no_sealed_memory(void **state)
{
	const struct region region = { GUEST, PAGE, USER, 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_says_no(say_table(&region, 1, &ends[0], 1), "no memfd");
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	assert_says_no(say_table(&region, 1, &fd, 1), "no memfd");
	close(fd);
	fd = sealed(PAGE, F_SEAL_GROW);
	assert_says_no(say_table(&region, 1, &fd, 1), "not sealed against shrinking");
	close(fd);
	fd = sealed(PAGE, F_SEAL_SHRINK | F_SEAL_WRITE);
	assert_says_no(say_table(&region, 1, &fd, 1), "cannot be mapped");
	close(fd);
	fd = sealed(PAGE, F_SEAL_SHRINK);
	const int fds[2] = { fd, fd };
	assert_says_no(say_table(&region, 1, fds, 2), "1 regions with 2 descriptors");
	assert_says_no(say_table(&region, 1, fds, 0), "1 regions with 0 descriptors");
	store_le(message.payload, 9, 8);
	assert_says_no(say(VHOST_SET_MEM_TABLE, VHOST_PAYLOAD_MAX, NULL, 0), "9 regions");
	store_le(message.payload, UINT32_MAX, 8);
	assert_says_no(say(VHOST_SET_MEM_TABLE, 8, NULL, 0), "SET_MEM_TABLE");
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void slots_come_and_go(void **state)
{
	struct region region = { GUEST + MEMORY, PAGE, USER + MEMORY, 0 };
	const int fd = sealed(MEMORY, F_SEAL_SHRINK);
	uint64_t guest;

	(void)state;
	begin();
	store_le(message.payload, 0, 8);
	store_region(message.payload + 8, region);
	assert_int_equal(say(VHOST_ADD_MEM_REG, 40, &fd, 1), 0);
	assert_true(vhost_memory_guest(&memory, USER + MEMORY + 8, PAGE - 8, &guest));
	assert_int_equal(guest, GUEST + MEMORY + 8);
	/* not across the end of a region, neighbours or not */
	assert_false(vhost_memory_guest(&memory, USER + MEMORY - 8, 16, &guest));
	assert_false(vhost_memory_guest(&memory, USER + MEMORY + 8, PAGE, &guest));
	store_region(message.payload + 8, region);
	assert_says_no(say(VHOST_ADD_MEM_REG, 40, &fd, 1), "overlaps");
	region.size = 2 * PAGE;
	store_region(message.payload + 8, region);
	assert_says_no(say(VHOST_REM_MEM_REG, 40, NULL, 0), "no memory region");
	region.size = PAGE;
	store_region(message.payload + 8, region);
	assert_int_equal(say(VHOST_REM_MEM_REG, 40, &fd, 1), 0);
	assert_int_equal(memory.region_count, 1);
	for (uint32_t i = 1; i <= VHOST_MEMORY_REGIONS_MAX; i++) {
		region = (struct region){ GUEST + i * MEMORY, PAGE, USER + i * MEMORY, 0 };
		store_region(message.payload + 8, region);
		const int result = say(VHOST_ADD_MEM_REG, 40, &fd, 1);
		assert_int_equal(result, i < VHOST_MEMORY_REGIONS_MAX ? 0 : -1);
	}
	close(fd);
}

/* What is between regions reads as zeros, and a chain that leads there leads nowhere. */
static void gaps_are_zeros(void **state)
{
	const struct region regions[2] = { { GUEST, PAGE, USER, 0 },
					   { GUEST + 8 * PAGE, PAGE, USER + 8 * PAGE, PAGE } };
	const int fd = sealed(2 * PAGE, F_SEAL_SHRINK);
	const int fds[2] = { fd, fd };
	struct vmsg_span span;
	uint64_t bus;

	(void)state;
	assert_int_equal(pwrite(fd, "x", 1, (off_t)PAGE), 1);
	assert_int_equal(say_table(regions, 2, fds, 2), 0);
	assert_int_equal(vmsg_memory_map_whole(&memory.areas, GUEST, 9 * PAGE, false, &span), 0);
	assert_int_equal(span.data[PAGE], 0);
	assert_int_equal(span.data[8 * PAGE - 1], 0);
	assert_int_equal(span.data[8 * PAGE], 'x');
	assert_int_equal(vhost_memory_address(&memory, span.data + 8 * PAGE), GUEST + 8 * PAGE);
	assert_int_equal(vhost_memory_bus(&memory, GUEST, 1, &bus), 0); /* on no bus yet */
	memory.files[0].has_bus = true;
	memory.files[0].bus = UINT64_C(5) << 48;
	assert_int_equal(vhost_memory_bus(&memory, GUEST + 8 * PAGE + 4, 2 * PAGE, &bus), PAGE - 4);
	assert_int_equal(bus, (UINT64_C(5) << 48) + PAGE + 4);
	assert_int_equal(vhost_memory_bus(&memory, GUEST + PAGE, 1, &bus), 0);
	memory.files[0].has_bus = false;
	close(fd);
}

static void the_same_memory_again_is_the_same_file(void **state)
{
	const struct region region = { GUEST, PAGE, USER, 0 };
	const int fd = sealed(MEMORY, F_SEAL_SHRINK);
	const int other = sealed(MEMORY, F_SEAL_SHRINK);

	(void)state;
	assert_int_equal(say_table(&region, 1, &fd, 1), 0);
	memory.files[0].has_bus = true; /* it is shared by now */
	assert_int_equal(say_table(&region, 1, &fd, 1), 0);
	vhost_memory_sweep(&memory);
	assert_int_equal(memory.regions[0].file, 0);
	assert_true(memory.files[0].has_bus);
	assert_int_equal(memory.files[1].fd, -1);
	/* another one takes a place of its own, until the owner has given the first one up */
	assert_int_equal(say_table(&region, 1, &other, 1), 0);
	assert_int_equal(memory.regions[0].file, 1);
	vhost_memory_sweep(&memory);
	assert_true(memory.files[0].fd >= 0);
	memory.files[0].has_bus = false;
	vhost_memory_sweep(&memory);
	assert_int_equal(memory.files[0].fd, -1);
	close(fd);
	close(other);
}

/* ---- vrings ---- */

static void vrings_that_are_not_there_or_incomplete(void **state)
{
	(void)state;
	begin();
	assert_says_no(say_pair(VHOST_SET_VRING_NUM, 2, 64), "vring 2, the device has 2");
	assert_says_no(say_pair(VHOST_SET_VRING_BASE, UINT32_MAX, 0), "vring 4294967295");
	assert_says_no(say_pair(VHOST_GET_VRING_BASE, 2, 0), "GET_VRING_BASE");
	assert_says_no(say_pair(VHOST_SET_VRING_ENABLE, 2, 1), "SET_VRING_ENABLE");
	assert_says_no(say_pair(VHOST_SET_VRING_ENABLE, 0, 2), "SET_VRING_ENABLE: 2");
	assert_says_no(say_addresses(2, 0, 0, 0, 0), "SET_VRING_ADDR");
	assert_says_no(say_addresses(0, 1, 0, 0, 0), "logging is not offered");
	assert_says_no(say_pair(VHOST_SET_VRING_NUM, 0, 0), "0 entries");
	assert_says_no(say_pair(VHOST_SET_VRING_NUM, 0, 32769), "32769 entries");
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 0, 1), 0);
	assert_says_no(kick_fd(0), "has no size");
	assert_int_equal(say_pair(VHOST_SET_VRING_NUM, 0, 64), 0);
	assert_says_no(kick_fd(0), "has no addresses");
	assert_int_equal(owner.starts, 0);
}

static void rings_outside_the_memory(void **state)
{
	static const struct {
		uint64_t desc;
		uint64_t device;
		uint64_t driver;
		const char *names;
	} cases[] = {
		{ USER - 16, USER, USER, "descriptors" },
		{ USER + MEMORY - 64 * 16 + 16, USER, USER, "descriptors" },
		{ UINT64_MAX - 15, USER, USER, "descriptors" },
		{ USER, USER + MEMORY - 4, USER, "used ring" },
		{ USER, USER, USER + MEMORY - 4, "available ring" },
		{ GUEST, USER, USER, "descriptors" },
	};

	(void)state;
	begin();
	assert_int_equal(say_pair(VHOST_SET_VRING_NUM, 0, 64), 0);
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 0, 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			say_addresses(0, 0, cases[i].desc, cases[i].device, cases[i].driver), 0);
		assert_says_no(kick_fd(0), cases[i].names);
	}
	/* the largest ring does not fit this memory */
	prepare(0);
	assert_int_equal(say_pair(VHOST_SET_VRING_NUM, 0, 32768), 0);
	assert_says_no(kick_fd(0), "is in no memory region");
	assert_int_equal(owner.starts, 0);
}

static void what_a_running_vring_does_not_bear(void **state)
{
	(void)state;
	begin();
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 0, 1), 0);
	prepare(0);
	assert_int_equal(kick_fd(0), 0);
	assert_int_equal(owner.starts, 1);
	assert_says_no(say_pair(VHOST_SET_VRING_NUM, 0, 2), "vring 0 is running");
	assert_says_no(say_pair(VHOST_SET_VRING_BASE, 0, 2), "vring 0 is running");
	assert_says_no(say_addresses(0, 0, USER + PAGE, USER, USER), "vring 0 is running");
	assert_says_no(say_u64(VHOST_SET_FEATURES, UINT64_C(1) << VMSG_F_VERSION_1),
		       "vring 0 is running");
	/* said again, it changes nothing; and another kick takes the old one's place */
	assert_int_equal(say_addresses(0, 0, USER, USER + 2 * PAGE, USER + PAGE), 0);
	assert_int_equal(kick_fd(0), 0);
	assert_int_equal(owner.starts, 1);
}

static void an_owner_that_cannot_start_says_why(void **state)
{
	(void)state;
	begin();
	owner.refuses_start = true;
	assert_int_equal(say_pair(VHOST_SET_VRING_ENABLE, 0, 1), 0);
	prepare(0);
	assert_says_no(kick_fd(0), "not today");
	assert_false(server.vrings[0].is_running);
}

static void descriptors_of_vrings(void **state)
{
	static const uint32_t requests[] = { VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
					     VHOST_SET_VRING_ERR };
	const int event = eventfd(0, EFD_CLOEXEC);
	const int both[2] = { event, event };
	int ends[2];

	(void)state;
	begin();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_says_no(say_fd(requests[i], 0, ends[0]), "no eventfd");
		assert_says_no(say_fd(requests[i], 2, event), "vring 2");
		assert_says_no(say_fd(requests[i], 0x200, event), "0x200");
		assert_says_no(say_fd(requests[i], VHOST_VRING_NO_FD, event),
			       "1 descriptors, not 0");
		store_le(message.payload, 0, 8);
		assert_says_no(say(requests[i], 8, both, 2), "2 descriptors, not 1");
		store_le(message.payload, 0, 8);
		assert_says_no(say(requests[i], 8, NULL, 0), "0 descriptors, not 1");
		memset(message.payload, 0, 16);
	}
	assert_says_no(say_u64(VHOST_SET_VRING_KICK, VHOST_VRING_NO_FD), "not polled");
	assert_int_equal(say_fd(VHOST_SET_VRING_CALL, 1, event), 0);
	assert_true(fcntl(server.vrings[1].call, F_GETFL) & O_NONBLOCK);
	/* a new one, or none, closes the old one */
	assert_int_equal(say_fd(VHOST_SET_VRING_CALL, 1, event), 0);
	assert_int_equal(say_u64(VHOST_SET_VRING_CALL, 1 | VHOST_VRING_NO_FD), 0);
	assert_int_equal(server.vrings[1].call, -1);
	assert_int_equal(say_fd(VHOST_SET_VRING_ERR, 1, event), 0);
	assert_int_equal(say(VHOST_SET_BACKEND_REQ_FD, 0, &event, 1), 0);
	assert_int_equal(say(VHOST_SET_BACKEND_REQ_FD, 0, &event, 1), 0);
	close(event);
	close(ends[0]);
	close(ends[1]);
}

static void headers_that_nobody_sends(void **state)
{
	static const struct {
		uint32_t flags;
		uint32_t size;
		int result;
	} cases[] = {
		{ VHOST_FLAG_VERSION, 0, 0 },
		{ VHOST_FLAG_VERSION | VHOST_FLAG_NEED_REPLY, VHOST_PAYLOAD_MAX, 0 },
		{ 0, 0, -1 },
		{ 2, 0, -1 },
		{ VHOST_FLAG_VERSION | VHOST_FLAG_REPLY, 0, -1 },
		{ VHOST_FLAG_VERSION, VHOST_PAYLOAD_MAX + 1, -1 },
		{ VHOST_FLAG_VERSION, UINT32_MAX, -1 },
	};
	uint8_t header[VHOST_HEADER_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		store_le(header, 1, 4);
		store_le(header + 4, cases[i].flags, 4);
		store_le(header + 8, cases[i].size, 4);
		assert_int_equal(vhost_message_load(&message, header), cases[i].result);
	}
}

/* Anything at all, many times: nothing crashes, and nothing is kept. */
static void garbage(void **state)
{
	const int fds[3] = { eventfd(0, EFD_CLOEXEC), sealed(MEMORY, F_SEAL_SHRINK),
			     open("/dev/null", O_RDWR | O_CLOEXEC) };

	(void)state;
	srand(7);
	for (unsigned int round = 0; round < 20000; round++) {
		uint32_t count = (uint32_t)rand() % 4;
		int some[VHOST_TABLE_REGIONS];
		if (round % 100 == 0) {
			vhost_server_close(&server);
			vhost_server_init(&server, &ops, NULL, &memory);
			begin();
		}
		for (uint32_t i = 0; i < sizeof(message.payload); i++) {
			message.payload[i] = rand() % 3 ? 0 : (uint8_t)rand();
		}
		if (rand() % 2) {
			store_le(message.payload + 8, USER + (uint64_t)(rand() % 18) * PAGE, 8);
			store_le(message.payload + 16, USER + (uint64_t)(rand() % 18) * PAGE, 8);
			store_le(message.payload + 24, USER + (uint64_t)(rand() % 18) * PAGE, 8);
		}
		for (uint32_t i = 0; i < count; i++) {
			some[i] = fds[rand() % 3];
		}
		static const uint32_t sizes[] = { 0, 8, 8, 8, 40, 40, 13, 72, VHOST_PAYLOAD_MAX };
		(void)say((uint32_t)rand() % 42, sizes[rand() % 9], some, count);
		vhost_memory_sweep(&memory);
	}
	for (size_t i = 0; i < 3; i++) {
		close(fds[i]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_good_front_end_is_served),
		TEST(an_acknowledgement_says_whether_it_was_done),
		TEST(config_space_beyond_its_end),
		TEST(every_request_in_every_wrong_form),
		TEST(features_that_were_not_offered),
		TEST(a_legacy_driver_is_not_served),
		TEST(memory_regions_that_cannot_be),
		TEST(descriptors_that_are_no_sealed_memory),
		TEST(slots_come_and_go),
		TEST(gaps_are_zeros),
		TEST(the_same_memory_again_is_the_same_file),
		TEST(vrings_that_are_not_there_or_incomplete),
		TEST(rings_outside_the_memory),
		TEST(what_a_running_vring_does_not_bear),
		TEST(an_owner_that_cannot_start_says_why),
		TEST(descriptors_of_vrings),
		TEST(headers_that_nobody_sends),
		TEST(garbage),
	};
	return cmocka_run_group_tests_name("vhost-user front ends (hostile)", tests, NULL, NULL);
}
