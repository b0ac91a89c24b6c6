/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenario of scenario.h. Owns nothing but one static struct; one run at a time. */
#include "scenario.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "parts.h"
#include "../secure-partition/probe.h"

/* That a partition raises, where it does: each its own, since all secure ones share a bitmap. */
#define NOTIFICATION_OF(peer) ((uint16_t)((peer)&0x3fu))

const struct vmsg_ffa_uuid scenario_device_role = VMSG_FFA_UUID_DEVICE_ROLE;

static const struct scenario_mode modes[] = {
	{ "# direct messages, events polled\n", VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL },
	{ "# direct messages, events by notification\n", VMSG_CARRIER_DIRECT,
	  VMSG_EVENTS_NOTIFICATION },
	{ "# indirect messages both ways\n", VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT },
};

static struct scenario scenarios[SCENARIO_POOLS];

uint64_t scenario_now(const struct scenario *s)
{
	return s->endpoint->conduit.now(s->endpoint->conduit.context);
}

/* ---- moving things along ---- */

static void drain_bus(struct scenario *s)
{
	struct vmsg_bus_event event;

	while (vmsg_bus_event(&s->bus, &event) == 1) {
		switch (event.kind) {
		case VMSG_BUS_EVENT_UP:
			s->up = true;
			break;
		case VMSG_BUS_EVENT_FAILED:
			s->failed = true;
			break;
		case VMSG_BUS_EVENT_RESET:
			s->bus_reset = true;
			break;
		case VMSG_BUS_EVENT_DEVICE_ADDED:
			if (s->found_count < DEVICES_MAX) {
				s->found[s->found_count++] = event.dev_num;
			}
			break;
		case VMSG_BUS_EVENT_AREA_READY:
			s->area_ready = true;
			break;
		case VMSG_BUS_EVENT_AREA_GONE:
			s->area_gone = true;
			break;
		case VMSG_BUS_EVENT_AREA_REFUSED:
		case VMSG_BUS_EVENT_DEVICE_REMOVED:
		case VMSG_BUS_EVENT_MESSAGE:
		case VMSG_BUS_EVENT_REQUEST_FAILED:
		case VMSG_BUS_EVENT_POLLED:
		case VMSG_BUS_EVENT_QUIRK:
			break;
		}
	}
}

bool scenario_until(struct scenario *s, const bool *flag)
{
	const uint64_t end = scenario_now(s) + SECOND;

	while (!*flag && !s->failed && scenario_now(s) < end) {
		if (vmsg_driver_pump_run(&s->pump) < 0) {
			return false;
		}
		drain_bus(s);
	}
	return *flag;
}

bool scenario_until_event(struct scenario *s, struct vmsg_driver *driver,
			  enum vmsg_driver_event_kind kind, struct vmsg_driver_event *event)
{
	const uint64_t end = scenario_now(s) + SECOND;

	while (scenario_now(s) < end) {
		if (vmsg_driver_pump_run(&s->pump) < 0) {
			return false;
		}
		drain_bus(s);
		while (vmsg_driver_event(driver, event) == 1) {
			if (event->kind == kind) {
				return true;
			}
			if (event->kind == VMSG_DRIVER_EVENT_FAILED) {
				return false;
			}
		}
	}
	return false;
}

/* ---- the bus ---- */

static int bring_up(struct scenario *s)
{
	const struct vmsg_bus_options options = {
		.role = VMSG_BUS_DRIVER,
		.peer = s->peer,
		.ffa_version = VMSG_FFA_VERSION_1_2,
		.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX |
				VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX |
				VMSG_BUS_FEATURE_NOTIFICATION_RX | VMSG_BUS_FEATURE_NOTIFICATION_TX,
		.carriers = (uint8_t)(1u << s->mode->carrier),
		.events = (uint8_t)(1u << s->mode->events),
		.notification_id = NOTIFICATION_OF(s->peer),
		.max_areas = AREAS_MAX,
		.poll_interval_ns = 3600 * SECOND, /* we poll: so every run makes the same calls */
		.memory = &s->memory,
		.devices = s->numbers,
		.device_capacity = DEVICES_MAX,
	};

	vmsg_memory_init(&s->memory, s->areas, AREAS_MAX, 48);
	int error = vmsg_bus_init(&s->bus, &options);
	if (error < 0) {
		return error;
	}
	s->drivers[0] = NULL;
	s->drivers[1] = NULL;
	vmsg_driver_pump_init(&s->pump, s->endpoint, &s->bus, s->drivers, 2, s->peer, SECOND);
	s->pump.schedules_peer = s->platform->has_messages;
	s->up = s->area_ready = s->area_gone = s->bus_reset = s->failed = false;
	s->found_count = 0;
	return vmsg_bus_start(&s->bus, scenario_now(s));
}

static bool share_pool(struct scenario *s)
{
	const struct vmsg_buffer pool = s->pool;
	/* two ranges on purpose: the descriptor's order, not its addresses, makes the offsets */
	const struct vmsg_ffa_range ranges[] = {
		{ pool.address, SCENARIO_POOL_SIZE / VMSG_FFA_PAGE_SIZE / 2 },
		{ pool.address + SCENARIO_POOL_SIZE / 2,
		  SCENARIO_POOL_SIZE / VMSG_FFA_PAGE_SIZE / 2 },
	};
	const struct vmsg_segment segment = { pool.data, SCENARIO_POOL_SIZE };

	s->area_ready = false;
	return vmsg_driver_pump_share(&s->pump, ranges, 2, &segment, 1, &s->area_id) == 0 &&
	       scenario_until(s, &s->area_ready);
}

uint64_t scenario_pool_address(const struct scenario *s, uint32_t offset)
{
	uint64_t address = 0;

	(void)!vmsg_address_make(s->bus.profile, s->area_id, offset, &address);
	return address;
}

/* ---- devices ---- */

bool scenario_start_device(struct scenario *s, unsigned int which, uint16_t number)
{
	struct vmsg_driver *driver = which == 0 ? &s->blk : &s->rng;
	struct vmsg_driver_event event;
	const uint32_t base = which * QUEUE_BYTES;
	const struct vmsg_vq_layout layout = {
		.size = QUEUE_SIZE,
		.event_idx = true,
		.desc_addr = scenario_pool_address(s, base),
		.driver_addr = scenario_pool_address(s, base + 0x1000),
		.device_addr = scenario_pool_address(s, base + 0x2000),
	};
	const struct vmsg_driver_options options = {
		.profile = s->bus.profile,
		.dev_num = number,
		.frame_size_max = vmsg_bus_frame_size_max(&s->bus),
		.transport_features = s->bus.transport_features,
		.features = { 1u << 29 | 1u << 6 | 1u << 9, 1u << 0 | 1u << 1 },
		.config_buffer = s->config[which],
		.config_buffer_size = sizeof(s->config[which]),
	};

	if (vmsg_driver_init(driver, &options) < 0) {
		return false;
	}
	s->drivers[which] = driver;
	return vmsg_driver_start(driver, scenario_now(s)) == 0 &&
	       scenario_until_event(s, driver, VMSG_DRIVER_EVENT_CONFIGURABLE, &event) &&
	       vmsg_vq_driver_start(&s->queues[which], &s->memory, &layout, s->slots[which]) == 0 &&
	       vmsg_driver_setup_queue(driver, scenario_now(s), 0, &layout) == 0 &&
	       scenario_until_event(s, driver, VMSG_DRIVER_EVENT_QUEUE_READY, &event) &&
	       vmsg_driver_ready(driver, scenario_now(s)) == 0 &&
	       scenario_until_event(s, driver, VMSG_DRIVER_EVENT_RUNNING, &event);
}

int64_t scenario_transfer(struct scenario *s, unsigned int which,
			  const struct vmsg_vq_buffer *buffers, size_t count)
{
	struct vmsg_driver *driver = which == 0 ? &s->blk : &s->rng;
	struct vmsg_vq_driver *queue = &s->queues[which];
	const uint64_t end = scenario_now(s) + SECOND;
	void *cookie = NULL;
	uint32_t written = 0;

	if (vmsg_vq_driver_add(queue, buffers, count, s) < 0) {
		return -1;
	}
	if (vmsg_vq_driver_should_kick(queue) && vmsg_driver_kick(driver, 0, 0) < 0) {
		return -1;
	}
	while (scenario_now(s) < end) {
		if (vmsg_driver_pump_run(&s->pump) < 0) {
			return -1;
		}
		drain_bus(s);
		int reaped = vmsg_vq_driver_reap(queue, &cookie, &written);
		if (reaped != 0) {
			return reaped == 1 && cookie == s ? (int64_t)written : -1;
		}
		if (s->mode->events == VMSG_EVENTS_POLL && vmsg_driver_pump_poll(&s->pump) < 0) {
			return -1;
		}
	}
	return -1;
}

int scenario_block(struct scenario *s, uint32_t type, uint64_t sector, uint32_t size)
{
	uint8_t *header = s->pool.data + HEADER_OFFSET;
	uint8_t *status = s->pool.data + STATUS_OFFSET;
	const struct vmsg_vq_buffer buffers[] = {
		{ scenario_pool_address(s, HEADER_OFFSET), 16, false },
		{ scenario_pool_address(s, DATA_OFFSET), size, type == BLK_T_IN },
		{ scenario_pool_address(s, STATUS_OFFSET), 1, true },
	};
	const struct vmsg_vq_buffer bare[] = { buffers[0], buffers[2] };

	memset(header, 0, 16);
	header[0] = (uint8_t)type;
	for (unsigned int i = 0; i < 8; i++) {
		header[8 + i] = (uint8_t)(sector >> 8 * i);
	}
	*status = STATUS_UNSET;
	if (scenario_transfer(s, 0, size ? buffers : bare, size ? 3 : 2) < 1) {
		return -1;
	}
	return *(volatile uint8_t *)status;
}

/* Offers a read of the first sector and tells the device; whoever waits for it reaps it. */
static bool offer_read(struct scenario *s)
{
	uint8_t *header = s->pool.data + HEADER_OFFSET;
	const struct vmsg_vq_buffer buffers[] = {
		{ scenario_pool_address(s, HEADER_OFFSET), 16, false },
		{ scenario_pool_address(s, DATA_OFFSET), SECTOR_SIZE, true },
		{ scenario_pool_address(s, STATUS_OFFSET), 1, true },
	};

	memset(header, 0, 16); /* T_IN */
	return vmsg_vq_driver_add(&s->queues[0], buffers, 3, s) == 0 &&
	       vmsg_driver_kick(&s->blk, 0, 0) == 0;
}

/* Reads the whole disk and compares it with `image`, every byte changed by `flip`. */
static bool disk_equals(struct scenario *s, uint8_t flip)
{
	const uint8_t *data = s->pool.data + DATA_OFFSET;
	const struct vmsg_bytes image = s->platform->image;

	for (size_t at = 0; at < image.size; at += DATA_SIZE) {
		const size_t left = image.size - at;
		const uint32_t size = left < DATA_SIZE ? (uint32_t)left : DATA_SIZE;
		if (scenario_block(s, BLK_T_IN, at / SECTOR_SIZE, size) != 0) {
			return false;
		}
		for (uint32_t i = 0; i < size; i++) {
			if (data[i] != (image.data[at + i] ^ flip)) {
				return false;
			}
		}
	}
	return true;
}

static bool write_disk(struct scenario *s, uint8_t flip)
{
	uint8_t *data = s->pool.data + DATA_OFFSET;
	const struct vmsg_bytes image = s->platform->image;

	for (size_t at = 0; at < image.size; at += DATA_SIZE) {
		const size_t left = image.size - at;
		const uint32_t size = left < DATA_SIZE ? (uint32_t)left : DATA_SIZE;
		for (uint32_t i = 0; i < size; i++) {
			data[i] = image.data[at + i] ^ flip;
		}
		if (scenario_block(s, BLK_T_OUT, at / SECTOR_SIZE, size) != 0) {
			return false;
		}
	}
	return scenario_block(s, BLK_T_FLUSH, 0, 0) == 0;
}

static void test_disk(struct scenario *s)
{
	struct vmsg_driver_event event;

	tap_ok(s->tap, scenario_start_device(s, 0, s->blk_number),
	       "virtio-blk is negotiated and running");
	bool config = vmsg_driver_read_config(&s->blk, scenario_now(s), 0, 24) == 0 &&
		      scenario_until_event(s, &s->blk, VMSG_DRIVER_EVENT_CONFIG, &event) &&
		      event.data.size == 24;
	s->sectors = 0;
	for (unsigned int i = 0; config && i < 8; i++) {
		s->sectors |= (uint64_t)event.data.data[i] << 8 * i;
	}
	tap_ok(s->tap, s->sectors * SECTOR_SIZE == s->platform->image.size,
	       "capacity is that of the image");
	tap_ok(s->tap, disk_equals(s, 0), "whole disk read and compared");
	tap_ok(s->tap, write_disk(s, 0xff), "whole disk written, flushed");
	tap_ok(s->tap, disk_equals(s, 0xff), "what was written is read back");
	tap_ok(s->tap, write_disk(s, 0) && disk_equals(s, 0), "the image is restored");
	tap_ok(s->tap, scenario_block(s, BLK_T_IN, s->sectors, SECTOR_SIZE) == 1,
	       "a read beyond the end is an I/O error");
	tap_ok(s->tap, scenario_block(s, 0x77, 0, SECTOR_SIZE) == 2,
	       "an unknown request is unsupported");
}

bool scenario_reset_device(struct scenario *s, unsigned int which)
{
	struct vmsg_driver *driver = which == 0 ? &s->blk : &s->rng;
	struct vmsg_driver_event event;
	const bool reset = vmsg_driver_reset(driver, scenario_now(s)) == 0 &&
			   scenario_until_event(s, driver, VMSG_DRIVER_EVENT_RESET_DONE, &event);

	vmsg_vq_driver_stop(&s->queues[which]);
	return reset;
}

/* With a request on the ring that the device has not been told of. */
static void test_reset(struct scenario *s)
{
	const struct vmsg_vq_buffer buffers[] = {
		{ scenario_pool_address(s, HEADER_OFFSET), 16, false },
		{ scenario_pool_address(s, STATUS_OFFSET), 1, true },
	};
	uint8_t *status = s->pool.data + STATUS_OFFSET;

	*status = STATUS_UNSET;
	tap_ok(s->tap,
	       vmsg_vq_driver_add(&s->queues[0], buffers, 2, s) == 0 &&
		       scenario_reset_device(s, 0) && *(volatile uint8_t *)status == STATUS_UNSET,
	       "the device resets in the middle and leaves what was not served");
	tap_ok(s->tap, scenario_start_device(s, 0, s->blk_number) && disk_equals(s, 0),
	       "after the reset the disk is served again");
}

/* A used buffer that we want to be told of is told, in the way that the session has agreed. */
static void test_events(struct scenario *s)
{
	const uint64_t before = s->bus.stats.received[VMSG_EVENT_USED];
	struct vmsg_driver_event event;
	void *cookie;
	uint32_t written;

	while (vmsg_driver_event(&s->blk, &event) == 1) {
	}
	(void)vmsg_vq_driver_enable_notify(&s->queues[0]);
	tap_ok(s->tap,
	       offer_read(s) && scenario_until_event(s, &s->blk, VMSG_DRIVER_EVENT_USED, &event) &&
		       s->bus.stats.received[VMSG_EVENT_USED] > before &&
		       vmsg_vq_driver_reap(&s->queues[0], &cookie, &written) == 1,
	       "a used buffer is told by itself");
}

/* Ones among RNG_BYTES * 8 bits; for 32768 fair bits the count leaves 16384 +- 600 once in 10^10.
 */
static void test_random(struct scenario *s)
{
	const uint8_t *data = s->pool.data + DATA_OFFSET;
	const struct vmsg_vq_buffer buffer = { scenario_pool_address(s, DATA_OFFSET), RNG_BYTES,
					       true };
	uint32_t ones = 0;

	tap_ok(s->tap, scenario_start_device(s, 1, s->rng_number),
	       "virtio-rng is negotiated and running");
	tap_ok(s->tap, scenario_transfer(s, 1, &buffer, 1) == (int64_t)RNG_BYTES,
	       "random bytes arrive");
	for (uint32_t i = 0; i < RNG_BYTES; i++) {
		for (uint8_t bits = data[i]; bits; bits &= (uint8_t)(bits - 1)) {
			ones++;
		}
	}
	tap_ok(s->tap, ones > RNG_BYTES * 4 - 600 && ones < RNG_BYTES * 4 + 600,
	       "they pass a monobit test");
}

static void take_back(struct scenario *s)
{
	struct vmsg_memory_area *area = vmsg_memory_find(&s->memory, s->area_id);

	tap_ok(s->tap, area && vmsg_endpoint_reclaim(s->endpoint, area->handle) == VMSG_ERROR_AGAIN,
	       "memory that the partition holds cannot be reclaimed");
	tap_ok(s->tap, scenario_reset_device(s, 0) && scenario_reset_device(s, 1),
	       "both devices reset");
	tap_ok(s->tap,
	       vmsg_bus_unshare(&s->bus, scenario_now(s), s->area_id) == 0 &&
		       scenario_until(s, &s->area_gone),
	       "the area is unshared and reclaimed");
	tap_ok(s->tap,
	       vmsg_bus_reset(&s->bus, scenario_now(s)) == 0 && scenario_until(s, &s->bus_reset),
	       "the bus resets");
}

static uint16_t find_device(struct scenario *s, uint32_t type)
{
	struct vmsg_driver_event event;

	for (uint32_t i = 0; i < s->found_count; i++) {
		const struct vmsg_driver_options options = {
			.profile = s->bus.profile,
			.dev_num = s->found[i],
			.frame_size_max = vmsg_bus_frame_size_max(&s->bus),
			.features = { 0, 1u << 0 | 1u << 1 },
		};
		s->drivers[0] = &s->blk;
		bool known =
			vmsg_driver_init(&s->blk, &options) == 0 &&
			vmsg_driver_start(&s->blk, scenario_now(s)) == 0 &&
			scenario_until_event(s, &s->blk, VMSG_DRIVER_EVENT_CONFIGURABLE, &event) &&
			s->blk.info.device_id == type;
		s->drivers[0] = NULL;
		if (known) {
			return s->found[i];
		}
	}
	return UINT16_MAX;
}

/* One session in one mode: everything that a well-behaved driver does. */
static bool begin_session(struct scenario *s)
{
	tap_ok(s->tap, bring_up(s) == 0 && scenario_until(s, &s->up), "the bus is negotiated");
	if (!s->up) {
		return false;
	}
	tap_ok(s->tap, s->bus.profile == vmsg_profile(VMSG_PROFILE_R3), "in its newest revision");
	tap_ok(s->tap, s->bus.carrier == s->mode->carrier && s->bus.events == s->mode->events,
	       "with the carrier and the events that were asked for");
	s->blk_number = find_device(s, BLK_DEVICE);
	s->rng_number = find_device(s, RNG_DEVICE);
	tap_ok(s->tap, s->blk_number != UINT16_MAX && s->rng_number != UINT16_MAX,
	       "both devices are found");
	tap_ok(s->tap, share_pool(s), "an area is shared and retrieved");
	return s->area_ready && s->blk_number != UINT16_MAX;
}

static void test_partition(struct scenario *s, uint16_t peer, const struct scenario_mode *mode)
{
	const bool is_first = mode == &modes[0];

	s->peer = peer;
	s->mode = mode;
	s->platform->print(mode->name);
	if (is_first) {
		hostile_before_negotiation(s);
	}
	if (begin_session(s)) {
		test_disk(s);
		if (is_first) {
			hostile_bus(s);
			hostile_manager(s);
			hostile_disk(s);
		} else {
			test_events(s);
		}
		test_reset(s);
		test_random(s);
		take_back(s);
	}
	vmsg_driver_pump_close(&s->pump);
}

/* ---- what the manager keeps apart ---- */

/* Has the partition read a word of the pool: what it says, or 0 when it cannot be asked. */
static uint64_t probe(struct scenario *s, uint64_t *word)
{
	struct vmsg_ffa_regs regs = { {
		VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ),
		(uint32_t)s->endpoint->id << 16 | s->peer,
		0,
		SCENARIO_PROBE,
		s->pool.address + DATA_OFFSET,
	} };

	s->endpoint->conduit.call(s->endpoint->conduit.context, &regs);
	*word = regs.x[4];
	return regs.x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP) ? regs.x[3] : 0;
}

/* Stage 2 forgets what a partition gives back: to touch it is a data abort, which Hafnium hands to
 * the partition itself. Ours has a handler, and serves on. */
static void test_isolation(struct scenario *s, uint16_t peer)
{
	uint64_t word;

	s->platform->print("# access after relinquish\n");
	s->peer = peer;
	s->mode = &modes[0];
	if (!begin_session(s)) {
		return;
	}
	memset(s->pool.data + DATA_OFFSET, 0x5a, sizeof(word));
	tap_ok(s->tap, probe(s, &word) == SCENARIO_PROBE && word == 0x5a5a5a5a5a5a5a5a,
	       "the partition reads what is shared with it");
	tap_ok(s->tap,
	       vmsg_bus_unshare(&s->bus, scenario_now(s), s->area_id) == 0 &&
		       scenario_until(s, &s->area_gone),
	       "the area is unshared and reclaimed");
	tap_ok(s->tap, probe(s, &word) == SCENARIO_FAULT, "reading it once more is a data abort");
	tap_ok(s->tap,
	       vmsg_bus_reset(&s->bus, scenario_now(s)) == 0 && scenario_until(s, &s->bus_reset),
	       "the partition survives that");
	s->platform->print("# end of that\n");
}

/* ---- two partitions at a time ---- */

#define CHUNKS     8u
#define CHUNK_SIZE 8192u

static bool fill_chunk(struct scenario *s, uint32_t chunk, uint8_t value)
{
	memset(s->pool.data + DATA_OFFSET, value, CHUNK_SIZE);
	return scenario_block(s, BLK_T_OUT, chunk * (CHUNK_SIZE / SECTOR_SIZE), CHUNK_SIZE) == 0;
}

static bool chunk_is(struct scenario *s, uint32_t chunk, uint8_t value)
{
	const uint8_t *data = s->pool.data + DATA_OFFSET;

	if (scenario_block(s, BLK_T_IN, chunk * (CHUNK_SIZE / SECTOR_SIZE), CHUNK_SIZE) != 0) {
		return false;
	}
	for (uint32_t i = 0; i < CHUNK_SIZE; i++) {
		if (data[i] != value) {
			return false;
		}
	}
	return true;
}

static bool begin_disk(struct scenario *s, uint16_t peer)
{
	s->peer = peer;
	s->mode = &modes[0];
	return begin_session(s) && scenario_start_device(s, 0, s->blk_number);
}

static bool end_disk(struct scenario *s)
{
	const bool ended = write_disk(s, 0) && scenario_reset_device(s, 0) &&
			   vmsg_bus_unshare(&s->bus, scenario_now(s), s->area_id) == 0 &&
			   scenario_until(s, &s->area_gone) &&
			   vmsg_bus_reset(&s->bus, scenario_now(s)) == 0 &&
			   scenario_until(s, &s->bus_reset);

	vmsg_driver_pump_close(&s->pump);
	return ended;
}

/* One client, two partitions, each with its disk: requests in turns, and neither sees the other's.
 */
static void test_both(struct scenario *one, uint16_t first, struct scenario *two, uint16_t second)
{
	bool good = true;

	one->platform->print("# two partitions at a time\n");
	if (!begin_disk(one, first) || !begin_disk(two, second)) {
		tap_ok(one->tap, false, "two disks run");
		return;
	}
	for (uint32_t i = 0; good && i < CHUNKS; i++) {
		good = fill_chunk(one, i, (uint8_t)(0x10 + i)) &&
		       fill_chunk(two, i, (uint8_t)(0x80 + i));
	}
	for (uint32_t i = 0; good && i < CHUNKS; i++) {
		good = chunk_is(two, i, (uint8_t)(0x80 + i)) &&
		       chunk_is(one, i, (uint8_t)(0x10 + i));
	}
	tap_ok(one->tap, good, "two disks are written and read in turns");
	tap_ok(one->tap, end_disk(one) && end_disk(two), "both are restored and given back");
}

static void prepare(struct scenario *s, const struct scenario_platform *platform, size_t pool)
{
	static struct vmsg_endpoint endpoint;
	static struct tap tap;

	memset(s, 0, sizeof(*s));
	s->platform = platform;
	s->pool = platform->pools[pool];
	s->endpoint = &endpoint;
	s->tap = &tap;
}

int scenario_run(const struct scenario_platform *platform)
{
	static struct trace trace;
	struct scenario *s = &scenarios[0];
	struct vmsg_ffa_partition_info infos[PARTITIONS_MAX];

	prepare(&scenarios[0], platform, 0);
	prepare(&scenarios[1], platform, 1);
	tap_start(s->tap, platform->print);
	struct vmsg_conduit conduit = platform->conduit;
	if (platform->trace) {
		conduit = trace_conduit(&trace, &platform->conduit, platform->tx, platform->print);
	}
	int error = vmsg_endpoint_init(s->endpoint, &conduit, platform->tx, platform->rx, 1);
	if (error == 0 && platform->has_messages) {
		error = vmsg_endpoint_enable_notifications(s->endpoint, 1);
	}
	tap_ok(s->tap, error == 0 && s->endpoint->ffa_version >= VMSG_FFA_VERSION_1_2,
	       "FF-A version 1.2 is agreed, RX and TX mapped");
	if (error == 0) {
		int count = vmsg_endpoint_discover(s->endpoint, &scenario_device_role, infos,
						   PARTITIONS_MAX);
		tap_ok(s->tap, count >= 1, "a partition offers virtio-msg");
		for (int i = 0; i < count && i < (int)PARTITIONS_MAX; i++) {
			if (infos[i].id != s->endpoint->id) { /* the emulator's VMs offer it too */
				for (size_t k = 0; k < (platform->has_messages ? 3 : 1); k++) {
					test_partition(s, infos[i].id, &modes[k]);
				}
			}
		}
		if (count >= 2 && infos[0].id != s->endpoint->id &&
		    infos[1].id != s->endpoint->id) {
			test_both(&scenarios[0], infos[0].id, &scenarios[1], infos[1].id);
		}
		if (platform->can_probe && count > 0) {
			test_isolation(s, infos[0].id);
		}
		vmsg_endpoint_close(s->endpoint);
	}
	return tap_finish(s->tap);
}
