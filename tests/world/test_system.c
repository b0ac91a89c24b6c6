/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole system in one process: partition manager, a device partition, two driver partitions, and
 * data through a queue between them. The device echoes what it reads, every bit flipped.
 */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/coverage.h"

#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"

#define PAGE       4096u
#define SECOND     1000000000ull
#define QUEUE_SIZE 8u
#define SESSIONS   2u
#define SLOTS      2u
#define AREAS      4u
#define ECHO_TYPE  42u
#define SP         0x8001u

/* One page each: TX, RX, rings, data; in a bank for buffers and one to share. */
struct side {
	struct vmsg_emu_local_partition *partition;
	struct vmsg_emu_bank banks[2];
	struct vmsg_endpoint endpoint;
	struct coverage_conduit coverage;
};

struct backend {
	struct side side;
	struct vmsg_device_pump pump;
	struct vmsg_device_session sessions[SESSIONS];
	struct vmsg_device_slot slots[SLOTS];
	struct vmsg_memory_area areas[SESSIONS * AREAS];
	struct vmsg_bus_device numbers[SESSIONS * SLOTS];
	struct vmsg_device devices[SLOTS];
	bool is_stuck; /* the partition runs, but does not serve: what came waits in `held` */
	bool is_holding;
	struct vmsg_ffa_regs held;
	/* stands in for the next answer of the pump; empty: nothing does */
	struct vmsg_bytes instead;
	char log[512];
};

struct frontend {
	struct side side;
	struct vmsg_bus bus;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[AREAS];
	struct vmsg_bus_device numbers[SLOTS];
	struct vmsg_driver driver;
	struct vmsg_driver *drivers[1];
	struct vmsg_driver_pump pump;
	struct vmsg_vq_driver queue;
	struct vmsg_vq_driver_slot slots[QUEUE_SIZE];
	uint8_t config[16];
	uint16_t area;
	char log[512];
};

static struct vmsg_emu_local *local;
static struct backend backend;
static struct frontend vm1, vm2;

static void note(char log[512], const char *text)
{
	if (log[0]) {
		strcat(log, " ");
	}
	strcat(log, text);
}

static void assert_log(char log[512], const char *expected)
{
	assert_string_equal(log, expected);
	log[0] = 0;
}

static void start_side(struct side *side, uint16_t id, vmsg_emu_entry entry, void *context)
{
	side->banks[0] = (struct vmsg_emu_bank){ .size = 2 * PAGE };
	side->banks[1] = (struct vmsg_emu_bank){ .size = 4 * PAGE };
	side->partition = vmsg_emu_local_start(local, id, side->banks, 2, entry, context);
	assert_non_null(side->partition);
	const struct vmsg_conduit direct = vmsg_emu_local_conduit(side->partition);
	const struct vmsg_conduit conduit = coverage_conduit(&side->coverage, id, &direct);
	const struct vmsg_buffer tx = { side->banks[0].data, side->banks[0].address };
	const struct vmsg_buffer rx = { side->banks[0].data + PAGE, side->banks[0].address + PAGE };
	assert_int_equal(vmsg_endpoint_init(&side->endpoint, &conduit, tx, rx, 1), 0);
}

/* r1-a16 has the frames of r1. */
static void note_dialect(struct side *side, const struct vmsg_profile *profile)
{
	const bool is_twin = profile && profile->id == VMSG_PROFILE_R1_A16;

	side->coverage.forced = is_twin ? profile : NULL;
}

/* ---- the device partition ---- */

static void echo(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_device *device = context;
	struct vmsg_vq_piece pieces[QUEUE_SIZE];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = QUEUE_SIZE };

	while (vmsg_vq_device_pop(queue, &chain) == 1) {
		const struct vmsg_span from = pieces[0].span;
		const struct vmsg_span to = pieces[1].span;
		assert_int_equal(chain.count, 2);
		assert_int_equal(from.size, to.size);
		for (size_t i = 0; i < to.size; i++) {
			to.data[i] = (uint8_t)~from.data[i];
		}
		assert_int_equal(vmsg_vq_device_push(queue, chain.head, (uint32_t)to.size), 0);
		chain.capacity = QUEUE_SIZE;
	}
	vmsg_device_notify(device, index);
}

static void report(void *context, const struct vmsg_device_session *session,
		   const struct vmsg_bus_event *event)
{
	struct backend *at = context;
	char text[32];

	snprintf(text, sizeof(text), "%s%u",
		 event->kind == VMSG_BUS_EVENT_UP           ? "up"
		 : event->kind == VMSG_BUS_EVENT_RESET      ? "reset"
		 : event->kind == VMSG_BUS_EVENT_AREA_READY ? "mapped"
		 : event->kind == VMSG_BUS_EVENT_AREA_GONE  ? "unmapped"
							    : "?",
		 session->peer);
	note(at->log, text);
}

static void serve(void *context, struct vmsg_ffa_regs *regs)
{
	struct backend *at = context;

	if (at->is_holding) {
		*regs = at->held;
	}
	at->is_holding = at->is_stuck;
	if (at->is_stuck) {
		at->held = *regs;
		*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(YIELD) } };
		return;
	}
	(void)!vmsg_device_pump_serve(&at->pump, regs, regs);
	if (at->instead.size > 0) {
		const uint16_t driver = vmsg_ffa_destination(regs);
		assert_int_equal(vmsg_ffa_pack_direct_response2(regs, SP, driver, at->instead), 0);
		at->instead.size = 0;
	}
}

static void start_backend(const struct vmsg_profile *profile)
{
	static const struct vmsg_device_info info = {
		.device_id = ECHO_TYPE,
		.features = { 0, 3 }, /* VERSION_1, ACCESS_PLATFORM */
		.queue_count = 1,
		.queue_size_max = QUEUE_SIZE,
	};
	static const struct vmsg_device_ops ops = { .kick = echo };

	memset(&backend, 0, sizeof(backend));
	start_side(&backend.side, SP, serve, &backend);
	note_dialect(&backend.side, profile);
	for (uint16_t i = 0; i < SLOTS; i++) {
		struct vmsg_device *device = &backend.devices[i];
		assert_int_equal(vmsg_device_init(device, (uint16_t)(i * 300), &info, &ops, device),
				 0);
		backend.slots[i] = (struct vmsg_device_slot){ device, NULL, true };
	}
	const struct vmsg_device_pump_options options = {
		.endpoint = &backend.side.endpoint,
		.sessions = backend.sessions,
		.session_count = SESSIONS,
		.slots = backend.slots,
		.slot_count = SLOTS,
		.areas = backend.areas,
		.areas_per_session = AREAS,
		.bus_devices = backend.numbers,
		.bus = {
			.profile = profile,
			.ffa_version = VMSG_FFA_VERSION_1_2,
			.bus_features = VMSG_BUS_FEATURE_DIRECT_RX,
			.max_areas = AREAS,
		},
		.report = report,
		.report_context = &backend,
	};
	assert_int_equal(vmsg_device_pump_init(&backend.pump, &options), 0);
	struct vmsg_ffa_regs wait;
	vmsg_endpoint_prepare_wait(&backend.side.endpoint, &wait);
	vmsg_emu_local_run(backend.side.partition, &wait);
}

/* ---- driver partitions ---- */

static uint64_t now(void)
{
	return vmsg_emu_local_now(local);
}

static void init_bus(struct frontend *at, const struct vmsg_profile *profile)
{
	const struct vmsg_bus_options options = {
		.role = VMSG_BUS_DRIVER,
		.peer = SP,
		.profile = profile,
		.ffa_version = VMSG_FFA_VERSION_1_2,
		.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
		.max_areas = AREAS,
		.memory = &at->memory,
		.devices = at->numbers,
		.device_capacity = SLOTS,
	};

	vmsg_memory_init(&at->memory, at->areas, AREAS, 48);
	assert_int_equal(vmsg_bus_init(&at->bus, &options), 0);
	at->drivers[0] = NULL;
	vmsg_driver_pump_init(&at->pump, &at->side.endpoint, &at->bus, at->drivers, 1, SP, SECOND);
}

static void start_frontend(struct frontend *at, uint16_t id, const struct vmsg_profile *profile)
{
	memset(at, 0, sizeof(*at));
	start_side(&at->side, id, NULL, NULL);
	note_dialect(&at->side, profile);
	init_bus(at, profile);
}

static void drain(struct frontend *at)
{
	struct vmsg_bus_event event;
	char text[32];

	while (vmsg_bus_event(&at->bus, &event)) {
		switch (event.kind) {
		case VMSG_BUS_EVENT_UP:
			note(at->log, "up");
			break;
		case VMSG_BUS_EVENT_FAILED:
			note(at->log, "down");
			break;
		case VMSG_BUS_EVENT_RESET:
			note(at->log, "reset");
			break;
		case VMSG_BUS_EVENT_DEVICE_ADDED:
			snprintf(text, sizeof(text), "+%u", event.dev_num);
			note(at->log, text);
			break;
		case VMSG_BUS_EVENT_DEVICE_REMOVED:
			snprintf(text, sizeof(text), "-%u", event.dev_num);
			note(at->log, text);
			break;
		case VMSG_BUS_EVENT_AREA_READY:
			note(at->log, "ready");
			break;
		case VMSG_BUS_EVENT_AREA_REFUSED:
			note(at->log, "refused");
			break;
		case VMSG_BUS_EVENT_AREA_GONE:
		case VMSG_BUS_EVENT_QUIRK:
			note(at->log, "gone");
			break;
		case VMSG_BUS_EVENT_MESSAGE:
		case VMSG_BUS_EVENT_REQUEST_FAILED:
		case VMSG_BUS_EVENT_POLLED:
			fail_msg("an event that is for the machines");
		}
	}
}

/* Runs the pump until nothing more is to be done now. */
static int run(struct frontend *at)
{
	const int error = vmsg_driver_pump_run(&at->pump);

	drain(at);
	return error;
}

static void up(struct frontend *at)
{
	assert_int_equal(vmsg_bus_start(&at->bus, now()), 0);
	for (int i = 0; i < 10 && at->bus.state != VMSG_BUS_RUNNING; i++) {
		assert_int_equal(run(at), 0); /* the device may be busy with a death */
		vmsg_emu_local_advance(local, 1000000);
	}
	assert_int_equal(at->bus.state, VMSG_BUS_RUNNING);
}

static void until(struct frontend *at, enum vmsg_driver_event_kind kind)
{
	struct vmsg_driver_event event;

	assert_int_equal(run(at), 0);
	assert_int_equal(vmsg_driver_event(&at->driver, &event), 1);
	assert_int_equal(event.kind, kind);
}

static uint64_t address(const struct frontend *at, uint64_t offset)
{
	uint64_t made = 0;

	assert_int_equal(vmsg_address_make(at->bus.profile, at->area, offset, &made), 0);
	return made;
}

static void share(struct frontend *at)
{
	const struct vmsg_emu_bank *bank = &at->side.banks[1];
	const struct vmsg_ffa_range ranges[] = { { bank->address, 1 },
						 { bank->address + PAGE, 3 } };
	const struct vmsg_segment segment = { bank->data, bank->size };

	assert_int_equal(vmsg_driver_pump_share(&at->pump, ranges, 2, &segment, 1, &at->area), 0);
	assert_int_equal(run(at), 0);
}

static void start_device(struct frontend *at, uint16_t number)
{
	const struct vmsg_vq_layout layout = {
		.size = QUEUE_SIZE,
		.desc_addr = address(at, 0),
		.driver_addr = address(at, PAGE),
		.device_addr = address(at, PAGE + 0x800),
	};
	const struct vmsg_driver_options options = {
		.profile = at->bus.profile,
		.dev_num = number,
		.frame_size_max = vmsg_bus_frame_size_max(&at->bus),
		.features = { 0, 3 },
		.config_buffer = at->config,
		.config_buffer_size = sizeof(at->config),
	};

	assert_int_equal(vmsg_driver_init(&at->driver, &options), 0);
	at->drivers[0] = &at->driver;
	assert_int_equal(vmsg_driver_start(&at->driver, now()), 0);
	until(at, VMSG_DRIVER_EVENT_CONFIGURABLE);
	assert_int_equal(at->driver.info.device_id, ECHO_TYPE);
	assert_int_equal(vmsg_vq_driver_start(&at->queue, &at->memory, &layout, at->slots), 0);
	assert_int_equal(vmsg_driver_setup_queue(&at->driver, now(), 0, &layout), 0);
	until(at, VMSG_DRIVER_EVENT_QUEUE_READY);
	assert_int_equal(vmsg_driver_ready(&at->driver, now()), 0);
	until(at, VMSG_DRIVER_EVENT_RUNNING);
}

/* One buffer there and back. */
static void transfer(struct frontend *at, uint8_t seed)
{
	uint8_t *data = at->side.banks[1].data + 2 * PAGE;
	const struct vmsg_vq_buffer buffers[] = {
		{ address(at, 2 * PAGE), 512, false },
		{ address(at, 3 * PAGE), 512, true },
	};
	struct vmsg_driver_event event;
	void *cookie = NULL;
	uint32_t written = 0;

	for (uint32_t i = 0; i < 512; i++) {
		data[i] = (uint8_t)(seed + i);
	}
	memset(data + PAGE, 0, 512);
	assert_int_equal(vmsg_vq_driver_add(&at->queue, buffers, 2, at), 0);
	assert_true(vmsg_vq_driver_should_kick(&at->queue));
	assert_int_equal(vmsg_driver_kick(&at->driver, 0, 0), 0);
	assert_int_equal(run(at), 0);
	assert_int_equal(vmsg_vq_driver_reap(&at->queue, &cookie, &written), 1);
	assert_ptr_equal(cookie, at);
	assert_int_equal(written, 512);
	for (uint32_t i = 0; i < 512; i++) {
		assert_int_equal(data[PAGE + i], (uint8_t) ~(seed + i));
	}
	assert_int_equal(vmsg_driver_pump_poll(&at->pump), 0);
	drain(at);
	assert_int_equal(vmsg_driver_event(&at->driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_USED);
}

/* ---- fixtures ---- */

static int open_system(void **state)
{
	(void)state;
	local = vmsg_emu_local_create();
	assert_non_null(local);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	vmsg_emu_local_destroy(local);
	return 0;
}

/* ---- tests ---- */

static void data_crosses_in(const char *driver, const char *device)
{
	start_backend(device ? vmsg_profile_find(device) : NULL);
	start_frontend(&vm1, 1, driver ? vmsg_profile_find(driver) : NULL);
	up(&vm1);
	assert_log(vm1.log, "up +0 +300");
	share(&vm1);
	assert_log(vm1.log, "ready");
	start_device(&vm1, 300);
	for (uint8_t i = 0; i < 20; i++) {
		transfer(&vm1, i);
	}
	/* the way back: device, area, bus */
	assert_int_equal(vmsg_driver_reset(&vm1.driver, now()), 0);
	until(&vm1, VMSG_DRIVER_EVENT_RESET_DONE);
	vmsg_vq_driver_stop(&vm1.queue);
	assert_int_equal(vmsg_bus_unshare(&vm1.bus, now(), vm1.area), 0);
	assert_int_equal(run(&vm1), 0);
	assert_log(vm1.log, "gone");
	assert_log(backend.log, "up1 mapped1 unmapped1");
}

static void data_crosses_in_every_dialect(void **state)
{
	static const char *const rows[][2] = {
		{ NULL, NULL },  { "r3", NULL }, { "r2b", NULL }, { "r2a", NULL },
		{ "r1", NULL },  { "r0", NULL }, { NULL, "r3" },  { NULL, "r2b" },
		{ NULL, "r2a" }, { NULL, "r1" }, { "r0", "r0" },  { "r1-a16", "r1-a16" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# driver %s, device %s\n", rows[i][0] ? rows[i][0] : "any",
			      rows[i][1] ? rows[i][1] : "any");
		data_crosses_in(rows[i][0], rows[i][1]);
		close_system(state);
		open_system(state);
	}
}

static void the_next_driver_finds_a_clean_device(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	up(&vm1);
	share(&vm1);
	start_device(&vm1, 0);
	transfer(&vm1, 7);
	assert_log(backend.log, "up1 mapped1");
	/* dies in the middle; another takes its place under the same id */
	vmsg_emu_local_stop(vm1.side.partition);
	start_frontend(&vm1, 1, NULL);
	up(&vm1);
	assert_log(backend.log, "reset1 unmapped1 up1");
	share(&vm1);
	start_device(&vm1, 0);
	transfer(&vm1, 8);
}

static void an_older_driver_may_follow_a_newer_one(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	up(&vm1);
	share(&vm1);
	assert_log(backend.log, "up1 mapped1");
	vmsg_emu_local_stop(vm1.side.partition);
	start_frontend(&vm1, 1, vmsg_profile_find("r1"));
	up(&vm1);
	assert_log(backend.log, "reset1 unmapped1 up1");
	share(&vm1);
	start_device(&vm1, 300);
	transfer(&vm1, 8);
}

static void a_device_belongs_to_one_driver_at_a_time(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	start_frontend(&vm2, 2, vmsg_profile_find("r1"));
	up(&vm1);
	up(&vm2);
	assert_log(vm1.log, "up +0 +300");
	assert_log(vm2.log, "up");
	share(&vm1);
	start_device(&vm1, 0);
	transfer(&vm1, 1);
	/* the first leaves: what it had is free, and told */
	assert_int_equal(vmsg_bus_reset(&vm1.bus, now()), 0);
	vmsg_vq_driver_stop(&vm1.queue);
	assert_int_equal(run(&vm1), 0);
	assert_int_equal(vmsg_driver_pump_poll(&vm2.pump), 0);
	drain(&vm2);
	assert_log(vm2.log, "+0 +300");
	share(&vm2);
	start_device(&vm2, 0);
	transfer(&vm2, 2);
	/* who addresses one takes it; the other is still free */
	vm1.log[0] = 0;
	init_bus(&vm1, NULL);
	up(&vm1);
	assert_log(vm1.log, "up +300");
	transfer(&vm2, 3);
}

static void a_third_driver_is_turned_away_until_one_is_gone(void **state)
{
	(void)state;
	static struct frontend vm3;

	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	start_frontend(&vm2, 2, NULL);
	up(&vm1);
	up(&vm2);
	start_frontend(&vm3, 3, vmsg_profile_find("r3"));
	assert_int_equal(vmsg_bus_start(&vm3.bus, now()), 0);
	const uint64_t start = now();
	while (vm3.bus.state != VMSG_BUS_FAILED && now() < start + 12 * SECOND) {
		(void)run(&vm3);
		vmsg_emu_local_advance(local, 1000000);
	}
	assert_log(vm3.log, "down");
	assert_in_range(now() - start, SECOND, 11 * SECOND); /* it waits for a place */
	assert_true(backend.pump.refused > 0);
	/* the first is destroyed */
	vmsg_device_pump_forget(&backend.pump, 1);
	up(&vm3);
	assert_log(vm3.log, "up +0 +300");
}

/* The manager tells the device partition, which acknowledges. */
static void a_destroyed_vm_leaves_nothing(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	up(&vm1);
	share(&vm1);
	start_device(&vm1, 0);
	assert_log(backend.log, "up1 mapped1");
	assert_true(backend.sessions[0].used);
	vmsg_emu_local_stop(vm1.side.partition);
	vmsg_emu_local_advance(local, 1);
	assert_log(backend.log, "reset1 unmapped1");
	assert_false(backend.sessions[0].used);
	assert_null(backend.slots[0].session);
	/* and serves on */
	start_frontend(&vm2, 2, NULL);
	up(&vm2);
	assert_log(vm2.log, "up +0 +300");
}

static void only_a_refused_wait_ends_the_service(void **state)
{
	(void)state;
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2), 0x00018001 } };
	struct vmsg_ffa_regs refused;

	start_backend(NULL);
	vmsg_ffa_pack_error(&refused, VMSG_FFA_DENIED);
	assert_int_equal(vmsg_device_pump_serve(&backend.pump, &regs, &regs), 0);
	assert_int_equal(regs.x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2));
	/* whom it answered is gone */
	assert_int_equal(vmsg_device_pump_serve(&backend.pump, &refused, &regs), 0);
	assert_int_equal(regs.x[0], VMSG_FFA_ID32(MSG_WAIT));
	assert_int_equal(vmsg_device_pump_serve(&backend.pump, &refused, &regs), VMSG_ERROR_PEER);
}

static void a_stuck_device_is_a_timeout_and_goes_on_later(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	vm1.pump.exchange_timeout_ns = SECOND / 10;
	up(&vm1);
	share(&vm1);
	start_device(&vm1, 0);
	backend.is_stuck = true;
	const uint64_t start = now();
	assert_int_equal(vmsg_driver_get_shm(&vm1.driver, now(), 0), 0);
	int error = 0;
	while (error == 0 && now() < start + SECOND) {
		error = run(&vm1);
		vmsg_emu_local_advance(local, 1000000);
	}
	assert_int_equal(error, VMSG_ERROR_TIMEOUT);
	assert_true(now() - start < SECOND / 5);
	assert_int_equal(vm1.bus.state, VMSG_BUS_RUNNING);
	/* it continues: the late answer is only counted, and the next is the right one */
	backend.is_stuck = false;
	struct vmsg_driver_event event;
	while (vmsg_driver_event(&vm1.driver, &event)) {
	}
	vmsg_vq_driver_stop(&vm1.queue);
	start_device(&vm1, 0);
	transfer(&vm1, 4);
	assert_int_equal(vm1.bus.stats.late, 1);
}

/* EVENT_POLL has taken the event from the device: it comes late, but it comes, and once. */
static void an_event_that_comes_too_late_is_told(void **state)
{
	static const char *const profiles[] = { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		const struct vmsg_profile *profile = vmsg_profile_find(profiles[i]);
		print_message("# %s\n", profiles[i]);
		(void)close_system(state);
		(void)open_system(state);
		start_backend(profile);
		start_frontend(&vm1, 1, profile);
		vm1.pump.exchange_timeout_ns = SECOND / 10;
		up(&vm1);
		share(&vm1);
		start_device(&vm1, 0);
		vm1.log[0] = 0;
		vmsg_device_needs_reset(&backend.devices[0]);
		backend.is_stuck = true;
		assert_int_equal(vmsg_driver_pump_poll(&vm1.pump), VMSG_ERROR_TIMEOUT);
		drain(&vm1);
		struct vmsg_driver_event event;
		assert_int_equal(vmsg_driver_event(&vm1.driver, &event), 0);
		backend.is_stuck = false;
		for (int k = 0; k < 200; k++) {
			(void)run(&vm1);
			vmsg_emu_local_advance(local, 10000000);
		}
		assert_int_equal(vmsg_driver_event(&vm1.driver, &event), 1);
		assert_int_equal(event.kind, VMSG_DRIVER_EVENT_NEEDS_RESET);
		assert_int_equal(vmsg_driver_event(&vm1.driver, &event), 0);
		assert_log(vm1.log, "");
		assert_int_equal(vm1.bus.state, VMSG_BUS_RUNNING);
		assert_int_equal(vm1.bus.stats.late, 0);
	}
}

/* The same when the session that asked for it is over: it is for nobody. */
static void an_event_for_an_earlier_session_is_not_told(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	vm1.pump.exchange_timeout_ns = SECOND / 10;
	up(&vm1);
	assert_log(vm1.log, "up +0 +300");
	backend.slots[0].present = false;
	vmsg_device_pump_update(&backend.pump);
	backend.is_stuck = true;
	assert_int_equal(vmsg_driver_pump_poll(&vm1.pump), VMSG_ERROR_TIMEOUT);
	vmsg_bus_abandon(&vm1.bus, now(), VMSG_ERROR_STATE);
	drain(&vm1);
	assert_log(vm1.log, "down");
	backend.is_stuck = false;
	backend.slots[0].present = true;
	vmsg_device_pump_update(&backend.pump);
	up(&vm1);
	assert_log(vm1.log, "up +0 +300");
}

static void hot_plug_reaches_the_driver(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	up(&vm1);
	share(&vm1);
	start_device(&vm1, 0);
	vm1.log[0] = 0;
	backend.slots[0].present = false;
	vmsg_device_pump_update(&backend.pump);
	assert_null(backend.slots[0].session);
	assert_int_equal(vmsg_driver_pump_poll(&vm1.pump), 0);
	drain(&vm1);
	assert_log(vm1.log, "-0");
	backend.slots[0].present = true;
	vmsg_device_pump_update(&backend.pump);
	assert_int_equal(vmsg_driver_pump_poll(&vm1.pump), 0);
	drain(&vm1);
	assert_log(vm1.log, "+0");
	vmsg_vq_driver_stop(&vm1.queue);
	start_device(&vm1, 0);
	transfer(&vm1, 9);
}

/* EVENT_CONFIG_EMPTY, which our device has no use for. */
static void an_old_device_says_only_that_something_changed(void **state)
{
	static const uint8_t changed[] = { 0x00, 0x40, 0x2c, 0x01, 0x06, 0x00 };
	struct vmsg_driver_event event;

	(void)state;
	start_backend(vmsg_profile_find("r0"));
	start_frontend(&vm1, 1, vmsg_profile_find("r0"));
	up(&vm1);
	share(&vm1);
	start_device(&vm1, 300);
	while (vmsg_driver_event(&vm1.driver, &event)) {
	}
	backend.instead = (struct vmsg_bytes){ changed, sizeof(changed) };
	assert_int_equal(vmsg_driver_pump_poll(&vm1.pump), 0);
	drain(&vm1);
	assert_int_equal(vmsg_driver_event(&vm1.driver, &event), 1);
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_CONFIG_CHANGED);
}

static void a_dead_device_partition_fails_the_session(void **state)
{
	(void)state;
	start_backend(NULL);
	start_frontend(&vm1, 1, NULL);
	up(&vm1);
	share(&vm1);
	start_device(&vm1, 0);
	vm1.log[0] = 0;
	vmsg_emu_local_stop(backend.side.partition);
	assert_int_equal(vmsg_driver_kick(&vm1.driver, 0, 0), 0);
	assert_int_equal(run(&vm1), VMSG_ERROR_PEER);
	assert_log(vm1.log, "down");
	/* its memory comes back, and a new device partition serves */
	vmsg_vq_driver_stop(&vm1.queue);
	assert_int_equal(vmsg_bus_unshare(&vm1.bus, now(), vm1.area), 0);
	assert_int_equal(run(&vm1), 0);
	assert_log(vm1.log, "gone");
	start_backend(NULL);
	vm1.drivers[0] = NULL;
	up(&vm1);
	assert_log(vm1.log, "up +0 +300");
	share(&vm1);
	start_device(&vm1, 0);
	transfer(&vm1, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SYSTEM_TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		SYSTEM_TEST(data_crosses_in_every_dialect),
		SYSTEM_TEST(the_next_driver_finds_a_clean_device),
		SYSTEM_TEST(an_older_driver_may_follow_a_newer_one),
		SYSTEM_TEST(a_device_belongs_to_one_driver_at_a_time),
		SYSTEM_TEST(a_third_driver_is_turned_away_until_one_is_gone),
		SYSTEM_TEST(a_destroyed_vm_leaves_nothing),
		SYSTEM_TEST(only_a_refused_wait_ends_the_service),
		SYSTEM_TEST(a_stuck_device_is_a_timeout_and_goes_on_later),
		SYSTEM_TEST(an_event_that_comes_too_late_is_told),
		SYSTEM_TEST(an_event_for_an_earlier_session_is_not_told),
		SYSTEM_TEST(hot_plug_reaches_the_driver),
		SYSTEM_TEST(an_old_device_says_only_that_something_changed),
		SYSTEM_TEST(a_dead_device_partition_fails_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
