/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/echo_system.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"

#define STEP_NS    UINT64_C(100000) /* between looks */
#define STEPS      100000u
#define RAM_SIZE   (4u * ECHO_PAGE)
#define SHARE_SIZE (6u * ECHO_PAGE) /* of the bank, for each session */

struct vmsg_emu_local *echo_local;
struct echo_backend echo_sp1, echo_sp2;
struct echo_frontend echo_vm1, echo_vm2;

int echo_open(void **state)
{
	(void)state;
	memset(&echo_sp1, 0, sizeof(echo_sp1));
	memset(&echo_sp2, 0, sizeof(echo_sp2));
	memset(&echo_vm1, 0, sizeof(echo_vm1));
	memset(&echo_vm2, 0, sizeof(echo_vm2));
	echo_local = vmsg_emu_local_create();
	assert_non_null(echo_local);
	return 0;
}

int echo_close(void **state)
{
	(void)state;
	vmsg_emu_local_destroy(echo_local);
	echo_local = NULL;
	return 0;
}

uint64_t echo_now(void)
{
	return vmsg_emu_local_now(echo_local);
}

static void note(char log[ECHO_LOG_SIZE], const char *text)
{
	const size_t used = strlen(log);

	snprintf(log + used, ECHO_LOG_SIZE - used, "%s%s", used ? " " : "", text);
}

void echo_assert_log(char log[ECHO_LOG_SIZE], const char *expected)
{
	assert_string_equal(log, expected);
	log[0] = 0;
}

static void start_side(struct echo_side *side, uint16_t id, uint64_t ram_size, vmsg_emu_entry entry,
		       void *context)
{
	side->banks[0] = (struct vmsg_emu_bank){ .size = 2 * ECHO_PAGE };
	side->banks[1] = (struct vmsg_emu_bank){ .size = ram_size };
	side->partition = vmsg_emu_local_start(echo_local, id, side->banks, 2, entry, context);
	assert_non_null(side->partition);
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(side->partition);
	const struct vmsg_emu_bank *bank = &side->banks[0];
	const struct vmsg_buffer tx = { bank->data, bank->address };
	const struct vmsg_buffer rx = { bank->data + ECHO_PAGE, bank->address + ECHO_PAGE };
	assert_int_equal(vmsg_endpoint_init(&side->endpoint, &conduit, tx, rx, 1), 0);
}

static void bus_options(struct vmsg_bus_options *options, const struct echo_way *way)
{
	options->profile = way->profile ? vmsg_profile_find(way->profile) : NULL;
	options->bus_features = way->features ? way->features : ECHO_ALL_FEATURES;
	options->carriers = way->carriers;
	options->events = way->events;
	options->ffa_version = VMSG_FFA_VERSION_1_2;
	options->max_areas = ECHO_AREAS;
}

/* ---- the device partition ---- */

static void echo_chain(struct vmsg_vq_device *queue, const struct vmsg_vq_chain *chain)
{
	const struct vmsg_span from = chain->pieces[0].span;
	const struct vmsg_span to = chain->pieces[1].span;

	assert_int_equal(chain->count, 2);
	assert_int_equal(from.size, to.size);
	for (size_t i = 0; i < to.size; i++) {
		to.data[i] = (uint8_t)~from.data[i];
	}
	assert_int_equal(vmsg_vq_device_push(queue, chain->head, (uint32_t)to.size), 0);
}

static void kicked(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_device *device = context;
	struct vmsg_vq_piece pieces[ECHO_QUEUE_SIZE];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = ECHO_QUEUE_SIZE };

	while (vmsg_vq_device_pop(queue, &chain) == 1) {
		echo_chain(queue, &chain);
		chain.capacity = ECHO_QUEUE_SIZE;
	}
	vmsg_device_notify(device, index);
}

static void report(void *context, const struct vmsg_device_session *session,
		   const struct vmsg_bus_event *event)
{
	struct echo_backend *at = context;
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
	struct echo_backend *at = context;
	void (*const intrude)(struct echo_backend * at) = at->intrude;

	at->intrude = NULL;
	if (intrude) {
		intrude(at);
	}
	(void)!vmsg_device_pump_serve(&at->pump, regs, regs);
}

void echo_start_backend(struct echo_backend *at, uint16_t id, const struct echo_way *way)
{
	static const struct vmsg_device_info info = {
		.device_id = ECHO_TYPE,
		.features = { 0, 3 }, /* VERSION_1, ACCESS_PLATFORM */
		.queue_count = 1,
		.queue_size_max = ECHO_QUEUE_SIZE,
	};
	static const struct vmsg_device_ops ops = { .kick = kicked };

	start_side(&at->side, id, ECHO_PAGE, serve, at);
	for (uint16_t i = 0; i < ECHO_SLOTS; i++) {
		struct vmsg_device *device = &at->devices[i];
		assert_int_equal(vmsg_device_init(device, (uint16_t)(i * 300), &info, &ops, device),
				 0);
		at->slots[i] = (struct vmsg_device_slot){ device, NULL, true };
	}
	struct vmsg_device_pump_options options = {
		.endpoint = &at->side.endpoint,
		.sessions = at->sessions,
		.session_count = ECHO_SESSIONS,
		.slots = at->slots,
		.slot_count = ECHO_SLOTS,
		.areas = at->areas,
		.areas_per_session = ECHO_AREAS,
		.bus_devices = at->numbers,
		.report = report,
		.report_context = at,
	};
	bus_options(&options.bus, way);
	assert_int_equal(vmsg_device_pump_init(&at->pump, &options), 0);
	struct vmsg_ffa_regs wait;
	vmsg_endpoint_prepare_wait(&at->side.endpoint, &wait);
	vmsg_emu_local_run(at->side.partition, &wait);
}

/* ---- driver partitions ---- */

void echo_start_frontend(struct echo_frontend *at, uint16_t id)
{
	start_side(&at->side, id, (uint64_t)ECHO_PEERS * SHARE_SIZE, NULL, NULL);
	at->session_count = 0;
}

struct echo_session *echo_connect(struct echo_frontend *frontend, uint16_t peer,
				  const struct echo_way *way)
{
	const size_t index = frontend->session_count++;
	struct echo_session *at = &frontend->sessions[index];
	const struct vmsg_emu_bank *bank = &frontend->side.banks[1];
	struct vmsg_bus_options options = {
		.role = VMSG_BUS_DRIVER,
		.peer = peer,
		.memory = &at->memory,
		.devices = at->numbers,
		.device_capacity = ECHO_SLOTS,
		.notification_id = (uint16_t)(7 + index),
	};

	assert_true(index < ECHO_PEERS);
	at->side = &frontend->side;
	at->peer = peer;
	at->ram = bank->data + index * SHARE_SIZE;
	at->ram_address = bank->address + index * SHARE_SIZE;
	bus_options(&options, way);
	vmsg_memory_init(&at->memory, at->areas, ECHO_AREAS, 48);
	assert_int_equal(vmsg_bus_init(&at->bus, &options), 0);
	vmsg_driver_pump_init(&at->pump, &frontend->side.endpoint, &at->bus, at->drivers, 1, peer,
			      ECHO_SECOND);
	at->pump.fifo_segment = (struct vmsg_segment){ at->ram + RAM_SIZE, 2 * ECHO_PAGE };
	at->pump.fifo_range = (struct vmsg_ffa_range){ at->ram_address + RAM_SIZE, 2 };
	return at;
}

static void take_event(struct echo_session *at, const struct vmsg_bus_event *event)
{
	char text[32] = "";

	switch (event->kind) {
	case VMSG_BUS_EVENT_UP:
		note(at->log, "up");
		return;
	case VMSG_BUS_EVENT_FAILED:
		note(at->log, "down");
		return;
	case VMSG_BUS_EVENT_RESET:
		note(at->log, "reset");
		return;
	case VMSG_BUS_EVENT_DEVICE_ADDED:
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
		snprintf(text, sizeof(text), "%c%u",
			 event->kind == VMSG_BUS_EVENT_DEVICE_ADDED ? '+' : '-', event->dev_num);
		note(at->log, text);
		return;
	case VMSG_BUS_EVENT_AREA_READY:
		note(at->log, "ready");
		return;
	case VMSG_BUS_EVENT_AREA_REFUSED:
		note(at->log, "refused");
		return;
	case VMSG_BUS_EVENT_AREA_GONE:
		note(at->log, "gone");
		return;
	case VMSG_BUS_EVENT_MESSAGE:
	case VMSG_BUS_EVENT_REQUEST_FAILED:
	case VMSG_BUS_EVENT_QUIRK:
	case VMSG_BUS_EVENT_POLLED:
		fail_msg("an event that is for the machines");
	}
}

int echo_run(struct echo_session *at)
{
	struct vmsg_bus_event event;
	const int error = vmsg_driver_pump_run(&at->pump);

	while (vmsg_bus_event(&at->bus, &event)) {
		take_event(at, &event);
	}
	return error;
}

static bool is_waiting(const struct echo_session *at)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		if (at->bus.requests[i].used) {
			return true;
		}
	}
	return at->bus.state == VMSG_BUS_PROBING || at->bus.state == VMSG_BUS_NEGOTIATED ||
	       at->bus.state == VMSG_BUS_RESETTING;
}

void echo_settle(struct echo_session *at)
{
	for (unsigned int i = 0; i < STEPS; i++) {
		assert_int_equal(echo_run(at), 0);
		vmsg_emu_local_advance(echo_local, STEP_NS);
		if (!is_waiting(at)) {
			return;
		}
	}
	fail_msg("the session never rests");
}

void echo_start(struct echo_session *at)
{
	assert_int_equal(vmsg_bus_start(&at->bus, echo_now()), 0);
	for (unsigned int i = 0;
	     i < STEPS && at->bus.state != VMSG_BUS_RUNNING && at->bus.state != VMSG_BUS_FAILED;
	     i++) {
		(void)echo_run(at);
		vmsg_emu_local_advance(echo_local, STEP_NS);
	}
}

void echo_up(struct echo_session *at)
{
	echo_start(at);
	if (at->bus.state != VMSG_BUS_RUNNING) {
		fail_msg("the bus is %s: %s, %s; %s/%s", vmsg_bus_state_name(at->bus.state),
			 vmsg_error_text(at->bus.error), vmsg_bus_choice_reason(&at->bus),
			 vmsg_carrier_name(at->bus.carrier), vmsg_events_name(at->bus.events));
	}
	(void)echo_run(at);
}

void echo_until(struct echo_session *at, enum vmsg_driver_event_kind kind)
{
	struct vmsg_driver_event event;

	for (unsigned int i = 0; i < STEPS; i++) {
		assert_int_equal(echo_run(at), 0);
		if (vmsg_driver_event(&at->driver, &event)) {
			assert_int_equal(event.kind, kind);
			return;
		}
		vmsg_emu_local_advance(echo_local, STEP_NS);
	}
	fail_msg("event %d never comes", kind);
}

static uint64_t address(const struct echo_session *at, uint64_t offset)
{
	uint64_t made = 0;

	assert_int_equal(vmsg_address_make(at->bus.profile, at->area, offset, &made), 0);
	return made;
}

void echo_share(struct echo_session *at)
{
	const struct vmsg_ffa_range ranges[] = { { at->ram_address, 1 },
						 { at->ram_address + ECHO_PAGE, 3 } };
	const struct vmsg_segment segment = { at->ram, RAM_SIZE };

	assert_int_equal(vmsg_driver_pump_share(&at->pump, ranges, 2, &segment, 1, &at->area), 0);
	echo_settle(at);
}

void echo_make_ring(struct echo_session *at)
{
	if (at->queue.slots) {
		vmsg_vq_driver_stop(&at->queue);
	}
	at->layout = (struct vmsg_vq_layout){
		.size = ECHO_QUEUE_SIZE,
		.desc_addr = address(at, 0),
		.driver_addr = address(at, ECHO_PAGE),
		.device_addr = address(at, ECHO_PAGE + 0x800),
	};
	memset(at->ram, 0, RAM_SIZE);
	assert_int_equal(vmsg_vq_driver_start(&at->queue, &at->memory, &at->layout, at->slots), 0);
}

void echo_start_device(struct echo_session *at, uint16_t number)
{
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
	assert_int_equal(vmsg_driver_start(&at->driver, echo_now()), 0);
	echo_until(at, VMSG_DRIVER_EVENT_CONFIGURABLE);
	assert_int_equal(at->driver.info.device_id, ECHO_TYPE);
	echo_make_ring(at);
	assert_int_equal(vmsg_driver_setup_queue(&at->driver, echo_now(), 0, &at->layout), 0);
	echo_until(at, VMSG_DRIVER_EVENT_QUEUE_READY);
	assert_int_equal(vmsg_driver_ready(&at->driver, echo_now()), 0);
	echo_until(at, VMSG_DRIVER_EVENT_RUNNING);
}

void echo_transfer(struct echo_session *at, uint8_t seed, bool told)
{
	uint8_t *data = at->ram + 2 * ECHO_PAGE;
	const struct vmsg_vq_buffer buffers[] = {
		{ address(at, 2ull * ECHO_PAGE), 512, false },
		{ address(at, 3ull * ECHO_PAGE), 512, true },
	};
	void *cookie = NULL;
	uint32_t written = 0;

	for (uint32_t i = 0; i < 512; i++) {
		data[i] = (uint8_t)(seed + i);
	}
	memset(data + ECHO_PAGE, 0, 512);
	assert_int_equal(vmsg_vq_driver_add(&at->queue, buffers, 2, at), 0);
	assert_true(vmsg_vq_driver_should_kick(&at->queue));
	assert_int_equal(vmsg_driver_kick(&at->driver, 0, 0), 0);
	if (told) {
		echo_until(at, VMSG_DRIVER_EVENT_USED);
	} else {
		echo_settle(at);
	}
	assert_int_equal(vmsg_vq_driver_reap(&at->queue, &cookie, &written), 1);
	assert_ptr_equal(cookie, at);
	assert_int_equal(written, 512);
	for (uint32_t i = 0; i < 512; i++) {
		assert_int_equal(data[ECHO_PAGE + i], (uint8_t) ~(seed + i));
	}
}

void echo_down(struct echo_session *at)
{
	assert_int_equal(vmsg_driver_reset(&at->driver, echo_now()), 0);
	echo_until(at, VMSG_DRIVER_EVENT_RESET_DONE);
	vmsg_vq_driver_stop(&at->queue);
	memset(&at->queue, 0, sizeof(at->queue));
	assert_int_equal(vmsg_bus_unshare(&at->bus, echo_now(), at->area), 0);
	echo_settle(at);
	if (vmsg_bus_reset(&at->bus, echo_now()) == 0) { /* r0 has none */
		echo_settle(at);
	}
	at->drivers[0] = NULL;
}
