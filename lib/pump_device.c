/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device partition's loop: a session for each sender, the devices shared out among them.
 * Invariants: a device is attached to the session that its slot names and to no other; a session
 * lists the devices that it has or could take; every direct request gets one answer, empty if
 * there is nothing to say; what a peer sends indirectly waits in its own session's mailbox, so that
 * one that does not read its answers is in nobody's way.
 */
#include "virtio_msg_ffa/pump.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "endpoint.h"
#include "port.h"

/* Ticks before a wait: devices may have more work than they do at once, but callers wait too. */
#define TICKS_MAX 256

/* Indirect messages served in one go, before direct ones get their turn */
#define MESSAGES_MAX 64

static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;

static uint64_t now(const struct vmsg_device_pump *pump)
{
	const struct vmsg_conduit *conduit = &pump->options.endpoint->conduit;

	return conduit->now(conduit->context);
}

/* Does anything but direct messages come to this partition? */
static bool listens(const struct vmsg_device_pump *pump)
{
	return (pump->options.bus.bus_features &
		(VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_FIFO)) != 0;
}

int vmsg_device_pump_init(struct vmsg_device_pump *pump,
			  const struct vmsg_device_pump_options *options)
{
	if (options->endpoint) {
		vmsg_endpoint_close_mailbox(options->endpoint,
					    &pump->inbox); /* of an earlier life */
	}
	*pump = (struct vmsg_device_pump){ .options = *options, .waiting = true };
	if (!options->endpoint || !options->sessions || !options->slots || !options->areas ||
	    !options->bus_devices) {
		return VMSG_ERROR_INVALID;
	}
	for (size_t i = 0; i < options->session_count; i++) {
		vmsg_endpoint_close_mailbox(options->endpoint, &options->sessions[i].inbox);
		options->sessions[i].used = false;
	}
	for (size_t i = 0; i < options->slot_count; i++) {
		options->slots[i].session = NULL;
	}
	if (listens(pump)) {
		vmsg_endpoint_open_mailbox(options->endpoint, &pump->inbox, VMSG_MAILBOX_ANY_PEER);
	}
	return VMSG_OK;
}

/* ---- devices ---- */

/* Every session lists what is its own or free. */
static void list_devices(struct vmsg_device_pump *pump)
{
	for (size_t i = 0; i < pump->options.session_count; i++) {
		struct vmsg_device_session *session = &pump->options.sessions[i];
		for (size_t j = 0; session->used && j < pump->options.slot_count; j++) {
			const struct vmsg_device_slot *slot = &pump->options.slots[j];
			if (!slot->device) {
				continue;
			}
			const uint16_t number = slot->device->dev_num;
			if (slot->present && (!slot->session || slot->session == session)) {
				(void)!vmsg_bus_add_device(&session->bus, number);
			} else {
				(void)!vmsg_bus_remove_device(&session->bus, number);
			}
		}
	}
}

static void take(struct vmsg_device_slot *slot, struct vmsg_device_session *session)
{
	slot->session = session;
	vmsg_device_attach(slot->device, session->bus.profile, &session->memory,
			   vmsg_bus_frame_size_max(&session->bus), session->bus.transport_features);
	slot->device->quirks = session->bus.options.quirks;
}

static void let_go(struct vmsg_device_slot *slot)
{
	if (slot->session) {
		vmsg_device_detach(slot->device);
		slot->session = NULL;
	}
}

static void take_all(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (slot->present && !slot->session) {
			take(slot, session);
		}
	}
	list_devices(pump);
}

static void let_all_go(struct vmsg_device_pump *pump, const struct vmsg_device_session *session)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		if (pump->options.slots[i].session == session) {
			let_go(&pump->options.slots[i]);
		}
	}
	list_devices(pump);
}

void vmsg_device_pump_update(struct vmsg_device_pump *pump)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		if (!pump->options.slots[i].present) {
			let_go(&pump->options.slots[i]);
		}
	}
	list_devices(pump);
}

/* The session's device of that number, taken now if it is free. */
static struct vmsg_device *device_of(struct vmsg_device_pump *pump,
				     struct vmsg_device_session *session, uint16_t dev_num)
{
	for (size_t i = 0; i < pump->options.slot_count; i++) {
		struct vmsg_device_slot *slot = &pump->options.slots[i];
		if (!slot->present || slot->device->dev_num != dev_num) {
			continue;
		}
		if (!slot->session) {
			take(slot, session);
			list_devices(pump);
		}
		if (slot->session == session) {
			return slot->device;
		}
	}
	return NULL;
}

/* ---- sessions ---- */

/* The session of a peer; a new one in place of one that is unused or down, NULL when there is none.
 */
static struct vmsg_device_session *session_of(struct vmsg_device_pump *pump, uint16_t peer)
{
	const struct vmsg_device_pump_options *options = &pump->options;
	struct vmsg_device_session *session = NULL;
	size_t index = 0;

	for (size_t i = 0; i < options->session_count; i++) {
		struct vmsg_device_session *at = &options->sessions[i];
		if (at->used && at->peer == peer) {
			return at;
		}
		if (!session && (!at->used || at->bus.state == VMSG_BUS_DOWN)) {
			session = at;
			index = i;
		}
	}
	if (!session) {
		return NULL;
	}
	struct vmsg_bus_options bus = options->bus;
	bus.role = VMSG_BUS_DEVICE;
	bus.peer = peer;
	bus.notification_id = (uint16_t)(bus.notification_id + index);
	bus.memory = &session->memory;
	bus.devices = &options->bus_devices[index * options->slot_count];
	bus.device_capacity = (uint32_t)options->slot_count;
	vmsg_memory_init(&session->memory, &options->areas[index * options->areas_per_session],
			 options->areas_per_session, 48);
	vmsg_endpoint_close_mailbox(options->endpoint, &session->inbox);
	session->used = vmsg_bus_init(&session->bus, &bus) == VMSG_OK;
	session->peer = peer;
	if (session->used && listens(pump)) {
		vmsg_endpoint_open_mailbox(options->endpoint, &session->inbox, peer);
	}
	list_devices(pump);
	return session->used ? session : NULL;
}

static void to_device(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		      const struct vmsg_bus_event *event)
{
	struct vmsg_device *device = device_of(pump, session, event->dev_num);
	const uint64_t now_ns = now(pump);
	struct vmsg_message reply;
	int error = VMSG_ERROR_NOT_FOUND;

	if (device) {
		error = vmsg_device_input(device, now_ns, &event->message);
	}
	if (error == VMSG_OK && vmsg_device_output(device, &reply)) {
		error = vmsg_bus_send(&session->bus, now_ns, &reply);
	}
	if (error < 0 && event->message.header.kind == VMSG_REQUEST) {
		(void)!vmsg_bus_refuse(&session->bus, now_ns, &event->message.header);
	}
}

/* Sends the first event that a device of the session owes; the next time begins with the device
 * after it, so that none has to wait for a busy one. False when none owes any. */
static bool send_event(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	const size_t count = pump->options.slot_count;
	struct vmsg_message event;

	for (size_t i = 0; i < count; i++) {
		const size_t at = (session->next_poll + i) % count;
		const struct vmsg_device_slot *slot = &pump->options.slots[at];
		if (slot->session == session && vmsg_device_event(slot->device, &event)) {
			(void)!vmsg_bus_send(&session->bus, now(pump), &event);
			session->next_poll = (at + 1) % count;
			return true;
		}
	}
	return false;
}

/*
 * Events that nobody has asked for: sent, or announced, as the driver wants it. True when one is on
 * its way. What has come is served first: a device that always has an event would take the place
 * of every answer.
 */
static bool deliver_event(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	if (vmsg_mailbox_peek(&session->inbox)) {
		return false;
	}
	if (vmsg_bus_can_send_event(&session->bus)) {
		return send_event(pump, session);
	}
	if (session->bus.events == VMSG_EVENTS_NOTIFICATION) {
		for (size_t i = 0; i < pump->options.slot_count; i++) {
			const struct vmsg_device_slot *slot = &pump->options.slots[i];
			if (slot->session == session && vmsg_device_has_event(slot->device)) {
				return vmsg_bus_announce(&session->bus);
			}
		}
	}
	return false;
}

static void on_event(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		     const struct vmsg_bus_event *event)
{
	switch (event->kind) {
	case VMSG_BUS_EVENT_UP:
		take_all(pump, session);
		break;
	case VMSG_BUS_EVENT_RESET:
		let_all_go(pump, session);
		break;
	case VMSG_BUS_EVENT_MESSAGE:
		to_device(pump, session, event);
		return;
	case VMSG_BUS_EVENT_POLLED:
		(void)send_event(pump, session);
		return;
	case VMSG_BUS_EVENT_FAILED:
	case VMSG_BUS_EVENT_REQUEST_FAILED:
	case VMSG_BUS_EVENT_DEVICE_ADDED:
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
	case VMSG_BUS_EVENT_AREA_READY:
	case VMSG_BUS_EVENT_AREA_REFUSED:
	case VMSG_BUS_EVENT_AREA_GONE:
	case VMSG_BUS_EVENT_QUIRK:
		break;
	}
	if (pump->options.report) {
		pump->options.report(pump->options.report_context, session, event);
	}
}

static int retrieve_fifo(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
			 const struct vmsg_region *region)
{
	struct vmsg_endpoint *endpoint = pump->options.endpoint;
	struct vmsg_segment segments[VMSG_AREA_SEGMENTS_MAX];
	int result = vmsg_endpoint_retrieve(endpoint, region, segments, VMSG_AREA_SEGMENTS_MAX);

	if (result >= 0) {
		result = vmsg_fifo_attach(&session->fifo, segments, (size_t)result);
		if (result < 0) {
			(void)!vmsg_endpoint_relinquish(endpoint, region->handle);
		}
	}
	return result;
}

static void act(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		const struct vmsg_bus_output *output)
{
	struct vmsg_endpoint *endpoint = pump->options.endpoint;
	struct vmsg_segment segments[VMSG_AREA_SEGMENTS_MAX];
	const struct vmsg_region region = {
		.owner = session->peer,
		.handle = output->handle,
		.tag = output->tag,
		.pages = output->pages,
		.writable = output->writable,
		.lent = output->lent,
	};
	int result = VMSG_ERROR_INVALID;

	switch (output->kind) {
	case VMSG_BUS_RETRIEVE:
		result =
			vmsg_endpoint_retrieve(endpoint, &region, segments, VMSG_AREA_SEGMENTS_MAX);
		break;
	case VMSG_BUS_RELINQUISH:
		result = vmsg_endpoint_relinquish(endpoint, output->handle);
		break;
	case VMSG_BUS_FIFO_RETRIEVE:
		result = retrieve_fifo(pump, session, &region);
		break;
	case VMSG_BUS_FIFO_RELINQUISH:
		result = vmsg_endpoint_relinquish(endpoint, output->handle);
		(void)!vmsg_endpoint_collect(endpoint); /* one that is pending stays bound */
		(void)!vmsg_endpoint_unbind(endpoint, session->peer, output->notification_id);
		break;
	case VMSG_BUS_NOTIFY:
		result = vmsg_endpoint_notify(endpoint, session->peer, output->notification_id);
		break;
	case VMSG_BUS_BIND:
		result = vmsg_endpoint_bind_anew(endpoint, session->peer, output->notification_id);
		break;
	case VMSG_BUS_SEND:
	case VMSG_BUS_RECLAIM:
	case VMSG_BUS_FIFO_SHARE:
	case VMSG_BUS_FIFO_RECLAIM:
		break; /* not an action; a driver's */
	}
	vmsg_bus_complete(&session->bus, now(pump), result, segments,
			  result > 0 ? (size_t)result : 0);
}

/* The driver has a UUID of its own in the newest dialect only. */
static void send_indirect(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
			  struct vmsg_bytes frame)
{
	static const struct vmsg_ffa_uuid driver_role = VMSG_FFA_UUID_DRIVER_ROLE;
	const bool has_role = session->bus.dialect->has_version_probe;
	const int error =
		vmsg_endpoint_send_indirect(pump->options.endpoint, session->peer,
					    has_role ? &driver_role : &device_role, frame);

	if (error < 0) {
		vmsg_bus_send_failed(&session->bus, now(pump), error);
	}
}

static void push(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		 const struct vmsg_bus_output *output)
{
	int error = vmsg_fifo_push(&session->fifo, output->frame);

	if (error == VMSG_OK) {
		error = vmsg_endpoint_notify(pump->options.endpoint, session->peer,
					     output->notification_id);
		error = error == VMSG_ERROR_AGAIN ? VMSG_OK : error; /* it looks in any case */
	}
	if (error == VMSG_ERROR_STATE) {
		vmsg_bus_abandon(&session->bus, now(pump), VMSG_ERROR_PEER);
	} else if (error < 0) {
		vmsg_bus_send_failed(&session->bus, now(pump), error);
	}
}

/* Moves a session until it rests. The answer to a direct message lands in `reply`; returns its
 * size.
 */
static size_t settle(struct vmsg_device_pump *pump, struct vmsg_device_session *session,
		     uint8_t reply[VMSG_FRAME_SIZE_MAX])
{
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;
	size_t size = 0;

	for (;;) {
		if (vmsg_bus_event(&session->bus, &event)) {
			on_event(pump, session, &event);
		} else if (!vmsg_bus_output(&session->bus, &output)) {
			if (!deliver_event(pump, session)) {
				return size;
			}
		} else if (output.kind == VMSG_BUS_SEND &&
			   output.carrier == VMSG_CARRIER_INDIRECT) {
			send_indirect(pump, session, output.frame);
		} else if (output.kind == VMSG_BUS_SEND && output.carrier == VMSG_CARRIER_FIFO) {
			push(pump, session, &output);
		} else if (output.kind == VMSG_BUS_SEND) {
			memcpy(reply, output.frame.data, output.frame.size);
			size = output.frame.size;
		} else {
			act(pump, session, &output);
		}
	}
}

/* ---- serving ---- */

static bool is_for_us(const struct vmsg_ffa_uuid *uuid)
{
	return vmsg_ffa_uuid_is_nil(uuid) || vmsg_ffa_uuid_equal(uuid, &device_role);
}

/* One indirect message. False when its session cannot take it yet. */
static bool take_indirect(struct vmsg_device_pump *pump, const struct vmsg_indirect *message)
{
	const struct vmsg_bytes frame = { message->payload, message->size };
	uint8_t reply[VMSG_FRAME_SIZE_MAX];
	struct vmsg_device_session *session =
		is_for_us(&message->uuid) ? session_of(pump, message->source) : NULL;

	if (!session) {
		pump->refused++;
		return true;
	}
	const int error = vmsg_bus_input_by(&session->bus, now(pump), VMSG_CARRIER_INDIRECT, frame);
	if (error == VMSG_ERROR_AGAIN) {
		return false;
	}
	(void)settle(pump, session, reply); /* nothing direct comes of it */
	return true;
}

/* True when something was taken. */
static bool drain(struct vmsg_device_pump *pump, struct vmsg_mailbox *inbox)
{
	const struct vmsg_indirect *message;
	bool taken = false;

	while ((message = vmsg_mailbox_peek(inbox)) && take_indirect(pump, message)) {
		vmsg_mailbox_pop(inbox);
		taken = true;
	}
	return taken;
}

/* Takes frames out of a session's FIFO, at most as many as fit into it: the others are waiting.
 * True when something was taken. */
static bool drain_fifo(struct vmsg_device_pump *pump, struct vmsg_device_session *session)
{
	static const struct vmsg_fifo_frame form = { 6, 8, VMSG_FIFO_MESSAGE_SIZE_MIN };
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
	uint8_t reply[VMSG_FRAME_SIZE_MAX];
	bool taken = false;

	for (uint32_t i = 0; i < session->fifo.in.depth && vmsg_bus_fifo_is_open(&session->bus) &&
			     vmsg_bus_can_take(&session->bus);
	     i++) {
		bool was_full;
		const int size =
			vmsg_fifo_pop(&session->fifo, &form,
				      (struct vmsg_span){ bytes, sizeof(bytes) }, &was_full);
		if (was_full) {
			(void)!vmsg_endpoint_notify(pump->options.endpoint, session->peer,
						    session->bus.peer_notification_id);
		}
		if (size == 0) {
			break;
		}
		if (size < 0) {
			vmsg_bus_abandon(&session->bus, now(pump), VMSG_ERROR_PEER);
		} else { /* the session counts what it drops */
			(void)!vmsg_bus_input_by(&session->bus, now(pump), VMSG_CARRIER_FIFO,
						 (struct vmsg_bytes){ bytes, (size_t)size });
		}
		(void)settle(pump, session, reply); /* nothing direct comes of it */
		taken = true;
	}
	return taken;
}

/* What happened in one session may be news for the others. What could not be taken while a frame
 * waited can be when it has gone: nothing else would remember it. */
static void push_events(struct vmsg_device_pump *pump)
{
	uint8_t reply[VMSG_FRAME_SIZE_MAX];

	for (size_t i = 0; i < pump->options.session_count; i++) {
		struct vmsg_device_session *session = &pump->options.sessions[i];
		if (session->used && session->bus.events != VMSG_EVENTS_POLL) {
			(void)settle(pump, session, reply); /* nobody asked directly */
			(void)drain(pump, &session->inbox);
			(void)drain_fifo(pump, session);
		}
	}
}

/* Serves what has come by itself. Each look at RX finds one message, so peers get their turns; one
 * that sends without end is interrupted by the others' direct requests all the same. */
static void serve_indirect(struct vmsg_device_pump *pump)
{
	if (!listens(pump)) {
		return;
	}
	for (int i = 0; i < MESSAGES_MAX; i++) {
		const int error = vmsg_endpoint_collect(pump->options.endpoint);
		bool taken = drain(pump, &pump->inbox);
		for (size_t j = 0; j < pump->options.session_count; j++) {
			struct vmsg_device_session *session = &pump->options.sessions[j];
			taken |= session->used && drain(pump, &session->inbox);
			taken |= session->used && drain_fifo(pump, session);
		}
		if (error < 0 || !taken) {
			return;
		}
	}
}

/* The answer to one frame; a peer or a frame that finds no place is answered with nothing, which
 * says busy: it is asked again. */
static size_t serve_frame(struct vmsg_device_pump *pump, const struct vmsg_incoming *incoming,
			  uint8_t reply[VMSG_FRAME_SIZE_MAX])
{
	const struct vmsg_bytes frame = { incoming->payload, sizeof(incoming->payload) };
	struct vmsg_device_session *session =
		is_for_us(&incoming->uuid) ? session_of(pump, incoming->source) : NULL;

	if (!session) {
		pump->refused++;
		return 0;
	}
	/* the session counts what it drops */
	const int error = vmsg_bus_input(&session->bus, now(pump), frame);
	const size_t size = settle(pump, session, reply);
	if (size == 0 && error == VMSG_ERROR_AGAIN) {
		return 0;
	}
	return size > 0 ? size : (size_t)vmsg_bus_null_reply(&session->bus, frame, reply);
}

/* The wait that comes next ends when something is due. */
static void set_alarm(const struct vmsg_device_pump *pump)
{
	const struct vmsg_conduit *conduit = &pump->options.endpoint->conduit;

	if (conduit->set_alarm) {
		conduit->set_alarm(conduit->context, vmsg_device_pump_deadline(pump));
	}
}

int vmsg_device_pump_serve(struct vmsg_device_pump *pump, const struct vmsg_ffa_regs *returned,
			   struct vmsg_ffa_regs *next)
{
	struct vmsg_endpoint *endpoint = pump->options.endpoint;
	struct vmsg_incoming incoming;
	uint8_t reply[VMSG_FRAME_SIZE_MAX] = { 0 };
	size_t size = 0;
	const int error = vmsg_endpoint_incoming(endpoint, returned, &incoming);
	const bool waited = pump->waiting;

	pump->waiting = true;
	vmsg_endpoint_prepare_wait(endpoint, next);
	if (error == VMSG_ERROR_PEER && waited) {
		return error;
	}
	if (error < 0) {
		return VMSG_OK; /* whom we answered has gone, or it was no call that we know */
	}
	vmsg_device_pump_tick(pump, now(pump));
	if (incoming.wake == VMSG_WAKE_DIRECT2) {
		size = serve_frame(pump, &incoming, reply);
	} else if (incoming.wake == VMSG_WAKE_VM_DESTROYED) {
		vmsg_device_pump_forget(pump, incoming.vm);
	} else {
		serve_indirect(pump);
	}
	push_events(pump);
	pump->waiting = incoming.wake == VMSG_WAKE_INTERRUPT || incoming.wake == VMSG_WAKE_RUN;
	set_alarm(pump);
	return vmsg_endpoint_prepare_answer(endpoint, &incoming, (struct vmsg_bytes){ reply, size },
					    next);
}

int vmsg_device_pump_run(struct vmsg_device_pump *pump, const volatile bool *stop)
{
	struct vmsg_ffa_regs regs;
	int error = VMSG_OK;

	vmsg_endpoint_prepare_wait(pump->options.endpoint, &regs);
	while (error == VMSG_OK && !*stop) {
		for (int i = 0; i < TICKS_MAX && vmsg_device_pump_deadline(pump) <= now(pump);
		     i++) {
			vmsg_device_pump_tick(pump, now(pump));
		}
		set_alarm(pump);
		vmsg_endpoint_invoke(pump->options.endpoint, &regs);
		error = vmsg_device_pump_serve(pump, &regs, &regs);
	}
	return error;
}

void vmsg_device_pump_forget(struct vmsg_device_pump *pump, uint16_t peer)
{
	uint8_t reply[VMSG_FRAME_SIZE_MAX];

	for (size_t i = 0; i < pump->options.session_count; i++) {
		struct vmsg_device_session *session = &pump->options.sessions[i];
		if (session->used && session->peer == peer) {
			vmsg_endpoint_close_mailbox(pump->options.endpoint, &session->inbox);
			vmsg_bus_abandon(&session->bus, now(pump), VMSG_ERROR_PEER);
			(void)settle(pump, session, reply); /* nobody is there to read it */
			session->used = session->bus.state != VMSG_BUS_DOWN;
		}
	}
}

void vmsg_device_pump_tick(struct vmsg_device_pump *pump, uint64_t now_ns)
{
	uint8_t reply[VMSG_FRAME_SIZE_MAX];

	for (size_t i = 0; i < pump->options.slot_count; i++) {
		if (pump->options.slots[i].device) {
			vmsg_device_tick(pump->options.slots[i].device, now_ns);
		}
	}
	for (size_t i = 0; i < pump->options.session_count; i++) {
		struct vmsg_device_session *session = &pump->options.sessions[i];
		if (!session->used) {
			continue;
		}
		if (vmsg_bus_deadline(&session->bus) <= now_ns) {
			vmsg_bus_tick(&session->bus, now_ns);
			(void)settle(pump, session, reply); /* nobody asked directly */
			(void)drain(pump, &session->inbox);
			(void)drain_fifo(pump, session);
		}
	}
	push_events(pump);
}

uint64_t vmsg_device_pump_deadline(const struct vmsg_device_pump *pump)
{
	uint64_t deadline_ns = UINT64_MAX;

	for (size_t i = 0; i < pump->options.slot_count; i++) {
		const struct vmsg_device *device = pump->options.slots[i].device;
		const uint64_t own_ns = device ? vmsg_device_deadline(device) : UINT64_MAX;
		deadline_ns = own_ns < deadline_ns ? own_ns : deadline_ns;
	}
	for (size_t i = 0; i < pump->options.session_count; i++) {
		const struct vmsg_device_session *session = &pump->options.sessions[i];
		const uint64_t own_ns =
			session->used ? vmsg_bus_deadline(&session->bus) : UINT64_MAX;
		deadline_ns = own_ns < deadline_ns ? own_ns : deadline_ns;
	}
	return deadline_ns;
}
