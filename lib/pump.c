/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loops that join a bus session, its endpoint and the machines behind it. They hold no state of
 * their own beyond what the caller gave them: every wait is one FF-A call, every loop ends when
 * nothing moved or after a bounded number of rounds.
 */
#include "virtio_msg_ffa/pump.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "port.h"

/* Rounds of one call; a peer that always has something more must not keep us for ever. */
#define ROUNDS_MAX  4096
#define BUSY_TRIES  3
#define POLL_ROUNDS 64

static uint64_t now(const struct vmsg_endpoint *endpoint)
{
	return endpoint->conduit.now(endpoint->conduit.context);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++) {
		any |= bytes[i];
	}
	return any == 0;
}

/* ---- driver side ---- */

void vmsg_driver_pump_init(struct vmsg_driver_pump *pump, struct vmsg_endpoint *endpoint,
			   struct vmsg_bus *bus, struct vmsg_driver **drivers, size_t driver_count,
			   uint16_t peer, uint64_t exchange_timeout_ns)
{
	*pump = (struct vmsg_driver_pump){
		.endpoint = endpoint,
		.bus = bus,
		.drivers = drivers,
		.driver_count = driver_count,
		.peer = peer,
		.exchange_timeout_ns = exchange_timeout_ns,
	};
}

/* Sends one frame and gives what came back to the session; answers to events are dropped. */
static int exchange(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;
	uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	const uint64_t deadline = now(pump->endpoint) + pump->exchange_timeout_ns;
	int error = VMSG_ERROR_AGAIN;

	for (int tries = 0; error == VMSG_ERROR_AGAIN; tries++) {
		error = vmsg_endpoint_send_direct2(pump->endpoint, pump->peer, &device_role,
						   output->frame, deadline, answer);
		const bool busy = error == 0 && is_zero(answer, sizeof(answer));
		if (busy) {
			error = tries < BUSY_TRIES ? VMSG_ERROR_AGAIN : VMSG_ERROR_PEER;
		}
		if (error == VMSG_ERROR_AGAIN && now(pump->endpoint) >= deadline) {
			error = VMSG_ERROR_TIMEOUT;
		}
	}
	if (output->is_event) {
		return error;
	}
	if (error < 0) {
		vmsg_bus_send_failed(pump->bus, now(pump->endpoint), error);
		return error;
	}
	const struct vmsg_bytes bytes = { answer, sizeof(answer) };
	if (vmsg_bus_input(pump->bus, now(pump->endpoint), bytes) < 0) {
		/* no frame of this dialect: the request got no answer */
		vmsg_bus_send_failed(pump->bus, now(pump->endpoint), VMSG_ERROR_PEER);
	}
	return 0;
}

static int perform(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	if (output->kind == VMSG_BUS_SEND) {
		return exchange(pump, output);
	}
	VMSG_ASSERT(output->kind == VMSG_BUS_RECLAIM);
	const int result = vmsg_endpoint_reclaim(pump->endpoint, output->handle);
	vmsg_bus_complete(pump->bus, now(pump->endpoint), result, NULL, 0);
	return 0;
}

static struct vmsg_driver *driver_of(struct vmsg_driver_pump *pump, uint16_t dev_num)
{
	for (size_t i = 0; i < pump->driver_count; i++) {
		if (pump->drivers[i] && pump->drivers[i]->options.dev_num == dev_num) {
			return pump->drivers[i];
		}
	}
	return NULL;
}

/* Routes what the session has for drivers; true while there is more. Other events stay. */
static bool route(struct vmsg_driver_pump *pump)
{
	struct vmsg_bus *bus = pump->bus;
	struct vmsg_bus_event event;

	if (vmsg_bus_event_for_driver(bus, &event) != 1) {
		return false;
	}
	struct vmsg_driver *driver = driver_of(pump, event.dev_num);
	if (!driver) {
		return true; /* of a device that nobody drives */
	}
	if (event.kind == VMSG_BUS_EVENT_MESSAGE) {
		(void)!vmsg_driver_input(driver, now(pump->endpoint), &event.message);
	} else {
		vmsg_driver_request_failed(driver, now(pump->endpoint), event.type, event.token,
					   event.error);
	}
	return true;
}

/* Lets every driver say what it has to say, as far as the session takes it. */
static bool collect(struct vmsg_driver_pump *pump)
{
	for (size_t i = 0; i < pump->driver_count; i++) {
		struct vmsg_driver *driver = pump->drivers[i];
		struct vmsg_message message;
		if (!driver || !vmsg_driver_output(driver, &message)) {
			continue;
		}
		const int error = vmsg_bus_send(pump->bus, now(pump->endpoint), &message);
		if (error < 0 && message.header.kind == VMSG_REQUEST) {
			vmsg_driver_request_failed(driver, now(pump->endpoint), message.header.type,
						   message.header.token, error);
		}
		return true; /* one frame at a time: it goes out before the next is asked for */
	}
	return false;
}

int vmsg_driver_pump_run(struct vmsg_driver_pump *pump)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct vmsg_bus_output output;
		bool moved = false;

		vmsg_bus_tick(pump->bus, now(pump->endpoint));
		for (size_t i = 0; i < pump->driver_count; i++) {
			if (pump->drivers[i]) {
				vmsg_driver_tick(pump->drivers[i], now(pump->endpoint));
			}
		}
		while (vmsg_bus_output(pump->bus, &output) == 1) {
			const int error = perform(pump, &output);
			while (route(pump)) {
			}
			if (error < 0) {
				return error;
			}
			moved = true;
		}
		while (route(pump)) {
			moved = true;
		}
		if (!collect(pump) && !moved) {
			return 0;
		}
	}
	return 0;
}

int vmsg_driver_pump_poll(struct vmsg_driver_pump *pump)
{
	const int error = vmsg_bus_poll(pump->bus, now(pump->endpoint));

	return error < 0 ? error : vmsg_driver_pump_run(pump);
}

int vmsg_driver_pump_share(struct vmsg_driver_pump *pump, const struct vmsg_ffa_range *ranges,
			   size_t range_count, const struct vmsg_segment *segments,
			   size_t segment_count, uint16_t *area_id)
{
	uint64_t handle;
	int error = vmsg_endpoint_share(pump->endpoint, pump->peer, 0, true, ranges, range_count,
					&handle);

	*area_id = 0;
	if (error < 0) {
		return error;
	}
	error = vmsg_bus_share(pump->bus, now(pump->endpoint), handle, 0, segments, segment_count,
			       area_id);
	if (error < 0) {
		(void)!vmsg_endpoint_reclaim(pump->endpoint, handle);
	}
	return error;
}

uint64_t vmsg_driver_pump_deadline(const struct vmsg_driver_pump *pump)
{
	uint64_t deadline = vmsg_bus_deadline(pump->bus);

	for (size_t i = 0; i < pump->driver_count; i++) {
		const uint64_t own =
			pump->drivers[i] ? vmsg_driver_deadline(pump->drivers[i]) : UINT64_MAX;
		deadline = own < deadline ? own : deadline;
	}
	return deadline;
}

/* ---- device side ---- */

int vmsg_device_pump_init(struct vmsg_device_pump *pump,
			  const struct vmsg_device_pump_options *options)
{
	*pump = (struct vmsg_device_pump){ .options = *options };
	if (!options->endpoint || !options->sessions || !options->slots || !options->areas ||
	    !options->bus_devices) {
		return VMSG_ERROR_INVALID;
	}
	for (size_t i = 0; i < options->session_count; i++) {
		options->sessions[i].used = false;
	}
	for (size_t i = 0; i < options->slot_count; i++) {
		options->slots[i].session = NULL;
	}
	return 0;
}

static struct vmsg_device_session *find_session(struct vmsg_device_pump *pump, uint16_t peer)
{
	for (size_t i = 0; i < pump->options.session_count; i++) {
		struct vmsg_device_session *session = &pump->options.sessions[i];
		if (session->used && session->peer == peer) {
			return session;
		}
	}
	return NULL;
}

/* A device is free for a session when no other holds it. */
static bool may_have(const struct vmsg_device_slot *slot, const struct vmsg_device_session *session)
{
	return slot->present && (!slot->session || slot->session == session);
}

/* Lists in the session the devices that it may have now. */
static void list_devices(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		const struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (may_have(slot, session)) {
			(void)!vmsg_bus_add_device(&session->bus, slot->device->dev_num);
		} else {
			(void)!vmsg_bus_remove_device(&session->bus, slot->device->dev_num);
		}
	}
}

static struct vmsg_device_session *open_session(struct vmsg_device_pump *pump, uint16_t peer)
{
	const struct vmsg_device_pump_options *options = &pump->options;

	for (size_t i = 0; i < options->session_count; i++) {
		struct vmsg_device_session *session = &options->sessions[i];
		struct vmsg_bus_options bus = options->bus;
		if (session->used) {
			continue;
		}
		bus.role = VMSG_BUS_DEVICE;
		bus.peer = peer;
		bus.memory = &session->memory;
		bus.devices = &options->bus_devices[i * options->slot_count];
		bus.device_capacity = (uint32_t)options->slot_count;
		vmsg_memory_init(&session->memory, &options->areas[i * options->areas_per_session],
				 options->areas_per_session, 48);
		if (vmsg_bus_init(&session->bus, &bus) < 0) {
			return NULL;
		}
		session->peer = peer;
		session->used = true;
		list_devices(pump, session);
		return session;
	}
	return NULL;
}

static void detach_devices(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (slot->session == session) {
			vmsg_device_detach(slot->device);
			slot->session = NULL;
		}
	}
	for (size_t i = 0; i < pump->options.session_count; i++) {
		if (pump->options.sessions[i].used) {
			list_devices(pump, &pump->options.sessions[i]);
		}
	}
}

/* The session takes every device that is free. */
static void attach_devices(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (may_have(slot, session)) {
			slot->session = session;
			vmsg_device_attach(slot->device, session->bus.profile, &session->memory,
					   vmsg_bus_frame_size_max(&session->bus),
					   session->bus.transport_features);
		}
	}
	for (size_t i = 0; i < pump->options.session_count; i++) {
		if (pump->options.sessions[i].used) {
			list_devices(pump, &pump->options.sessions[i]);
		}
	}
}

static struct vmsg_device *device_of(struct vmsg_device_pump *pump,
				     const struct vmsg_device_session *session, uint16_t dev_num)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		const struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (slot->session == session && slot->device->dev_num == dev_num) {
			return slot->device;
		}
	}
	return NULL;
}

static void to_device(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		      const struct vmsg_bus_event *event)
{
	struct vmsg_device *device = device_of(pump, session, event->dev_num);
	struct vmsg_message reply;
	const uint64_t time = now(pump->options.endpoint);

	if (device && vmsg_device_input(device, time, &event->message) == 0 &&
	    vmsg_device_output(device, &reply) == 1) {
		(void)!vmsg_bus_send(&session->bus, time, &reply);
	}
}

/* Answers a poll with the first event that any device of the session owes. */
static void poll_devices(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	struct vmsg_message event;

	for (size_t i = 0; i < pump->options.slot_count; i++) {
		const struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (slot->session == session && vmsg_device_event(slot->device, &event) == 1) {
			(void)!vmsg_bus_send(&session->bus, now(pump->options.endpoint), &event);
			return;
		}
	}
}

static void serve_event(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
			const struct vmsg_bus_event *event)
{
	switch (event->kind) {
	case VMSG_BUS_EVENT_RESET:
		detach_devices(pump, session);
		break;
	case VMSG_BUS_EVENT_UP:
		attach_devices(pump, session);
		break;
	case VMSG_BUS_EVENT_MESSAGE:
		to_device(pump, session, event);
		break;
	case VMSG_BUS_EVENT_POLLED:
		poll_devices(pump, session);
		break;
	case VMSG_BUS_EVENT_FAILED:
	case VMSG_BUS_EVENT_REQUEST_FAILED:
	case VMSG_BUS_EVENT_DEVICE_ADDED:
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
	case VMSG_BUS_EVENT_AREA_READY:
	case VMSG_BUS_EVENT_AREA_REFUSED:
	case VMSG_BUS_EVENT_AREA_GONE:
		break;
	}
	if (pump->options.report && event->kind != VMSG_BUS_EVENT_MESSAGE &&
	    event->kind != VMSG_BUS_EVENT_POLLED) {
		pump->options.report(pump->options.report_context, session, event);
	}
}

static void act(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		const struct vmsg_bus_output *output)
{
	struct vmsg_endpoint *endpoint = pump->options.endpoint;
	struct vmsg_segment segments[VMSG_AREA_SEGMENTS_MAX];
	int result;

	if (output->kind == VMSG_BUS_RETRIEVE) {
		const struct vmsg_region region = {
			.owner = session->peer,
			.handle = output->handle,
			.tag = output->tag,
			.pages = output->pages,
			.writable = output->writable,
			.lent = output->lent,
		};
		result =
			vmsg_endpoint_retrieve(endpoint, &region, segments, VMSG_AREA_SEGMENTS_MAX);
	} else {
		result = vmsg_endpoint_relinquish(endpoint, output->handle);
	}
	vmsg_bus_complete(&session->bus, now(endpoint), result, segments,
			  result > 0 ? (size_t)result : 0);
}

/* Moves a session until it rests; the frame it puts out lands in `reply`. Returns its size. */
static size_t settle(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		     uint8_t reply[VMSG_FRAME_SIZE_MAX])
{
	size_t size = 0;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct vmsg_bus_event event;
		struct vmsg_bus_output output;
		const bool told = vmsg_bus_event(&session->bus, &event) == 1;
		if (told) {
			serve_event(pump, session, &event);
		}
		const bool out = vmsg_bus_output(&session->bus, &output) == 1;
		if (out && output.kind == VMSG_BUS_SEND) {
			memcpy(reply, output.frame.data, output.frame.size);
			size = output.frame.size;
		} else if (out) {
			act(pump, session, &output);
		}
		if (!told && !out) {
			break;
		}
	}
	return size;
}

static int serve_direct(struct vmsg_device_pump *pump, const struct vmsg_incoming *incoming,
			struct vmsg_ffa_regs *next)
{
	struct vmsg_device_session *session = find_session(pump, incoming->source);
	const struct vmsg_bytes frame = { incoming->payload, sizeof(incoming->payload) };
	uint8_t reply[VMSG_FRAME_SIZE_MAX] = { 0 };
	size_t size = 0;

	if (!session) {
		session = open_session(pump, incoming->source);
	}
	if (session) {
		(void)!vmsg_bus_input(&session->bus, now(pump->options.endpoint), frame);
		size = settle(pump, session, reply);
		if (size == 0) {
			size = (size_t)vmsg_bus_null_reply(&session->bus, frame, reply);
		}
	} else {
		pump->refused++; /* answered with zeros, which says busy */
	}
	return vmsg_endpoint_prepare_answer(pump->options.endpoint, incoming,
					    (struct vmsg_bytes){ reply, size }, next);
}

int vmsg_device_pump_serve(struct vmsg_device_pump *pump, const struct vmsg_ffa_regs *returned,
			   struct vmsg_ffa_regs *next)
{
	struct vmsg_endpoint *endpoint = pump->options.endpoint;
	struct vmsg_incoming incoming;
	const int error = vmsg_endpoint_incoming(endpoint, returned, &incoming);

	vmsg_endpoint_prepare_wait(endpoint, next);
	if (error == VMSG_ERROR_PEER) {
		return error;
	}
	if (error < 0) {
		return 0; /* a call that we do not serve: wait for the next */
	}
	vmsg_device_pump_tick(pump, now(endpoint));
	switch (incoming.wake) {
	case VMSG_WAKE_DIRECT2:
		return serve_direct(pump, &incoming, next);
	case VMSG_WAKE_VM_DESTROYED:
		vmsg_device_pump_forget(pump, incoming.vm);
		break;
	case VMSG_WAKE_DIRECT:
	case VMSG_WAKE_INTERRUPT:
	case VMSG_WAKE_RUN:
		break;
	}
	return vmsg_endpoint_prepare_answer(endpoint, &incoming, (struct vmsg_bytes){ NULL, 0 },
					    next);
}

int vmsg_device_pump_run(struct vmsg_device_pump *pump, const volatile bool *stop)
{
	struct vmsg_endpoint *endpoint = pump->options.endpoint;
	struct vmsg_ffa_regs regs;
	struct vmsg_ffa_regs next;
	int error = 0;

	vmsg_endpoint_prepare_wait(endpoint, &next);
	while (error == 0 && !*stop) {
		regs = next;
		endpoint->calls++;
		endpoint->conduit.call(endpoint->conduit.context, &regs);
		error = vmsg_device_pump_serve(pump, &regs, &next);
	}
	return error;
}

void vmsg_device_pump_forget(struct vmsg_device_pump *pump, uint16_t peer)
{
	struct vmsg_device_session *session = find_session(pump, peer);
	uint8_t reply[VMSG_FRAME_SIZE_MAX];

	if (!session) {
		return;
	}
	vmsg_bus_drop_peer(&session->bus);
	(void)settle(pump, session, reply);
	session->used = false;
}

void vmsg_device_pump_tick(struct vmsg_device_pump *pump, uint64_t now_ns)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		if (pump->options.slots[i].device) {
			vmsg_device_tick(pump->options.slots[i].device, now_ns);
		}
	}
	for (size_t i = 0; i < pump->options.session_count; i++) {
		if (pump->options.sessions[i].used) {
			vmsg_bus_tick(&pump->options.sessions[i].bus, now_ns);
		}
	}
}

uint64_t vmsg_device_pump_deadline(const struct vmsg_device_pump *pump)
{
	uint64_t deadline = UINT64_MAX;

	for (size_t i = 0; i < pump->options.slot_count; i++) {
		const struct vmsg_device *device = pump->options.slots[i].device;
		const uint64_t own = device ? vmsg_device_deadline(device) : UINT64_MAX;
		deadline = own < deadline ? own : deadline;
	}
	return deadline;
}
