/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's loop: joins a bus session, its endpoint and the driver machines behind it. Holds no
 * state of its own but frames that wait to be read. Every wait is one FF-A call with a deadline;
 * the loop ends because sessions and machines only ask for so much before time must pass.
 */
#include "virtio_msg_ffa/pump.h"

#include "virtio_msg_ffa/error.h"

/* A target that serves somebody else is busy for microseconds: so often at once, then after the
 * pause that the session makes. */
#define BUSY_TRIES 16

/* How often a peer that we schedule may come up with something new in one run of the pump. */
#define EXPECTATIONS_MAX 64

static uint64_t now(const struct vmsg_driver_pump *pump)
{
	const struct vmsg_conduit *conduit = &pump->endpoint->conduit;

	return conduit->now(conduit->context);
}

void vmsg_driver_pump_init(struct vmsg_driver_pump *pump, struct vmsg_endpoint *endpoint,
			   struct vmsg_bus *bus, struct vmsg_driver **drivers, size_t driver_count,
			   uint16_t peer, uint64_t exchange_timeout_ns)
{
	vmsg_endpoint_close_mailbox(endpoint, &pump->inbox); /* of an earlier life */
	vmsg_endpoint_drop_late(endpoint, &pump->late);
	*pump = (struct vmsg_driver_pump){
		.endpoint = endpoint,
		.bus = bus,
		.drivers = drivers,
		.driver_count = driver_count,
		.peer = peer,
		.exchange_timeout_ns = exchange_timeout_ns,
	};
}

void vmsg_driver_pump_close(struct vmsg_driver_pump *pump)
{
	vmsg_endpoint_close_mailbox(pump->endpoint, &pump->inbox);
	vmsg_endpoint_drop_late(pump->endpoint, &pump->late);
}

/* ---- to the drivers ---- */

static struct vmsg_driver *driver_of(const struct vmsg_driver_pump *pump, uint16_t dev_num)
{
	for (size_t i = 0; i < pump->driver_count; i++) {
		if (pump->drivers[i] && pump->drivers[i]->options.dev_num == dev_num) {
			return pump->drivers[i];
		}
	}
	return NULL;
}

/* Gives drivers what the session has for them; the other events stay. */
static void route(struct vmsg_driver_pump *pump)
{
	struct vmsg_bus_event event;

	while (vmsg_bus_next_message(pump->bus, &event)) {
		struct vmsg_driver *driver = driver_of(pump, event.dev_num);
		if (!driver) {
			continue; /* of a device that nobody drives */
		}
		if (event.kind == VMSG_BUS_EVENT_MESSAGE) {
			(void)!vmsg_driver_input(driver, now(pump), &event.message);
		} else {
			vmsg_driver_request_failed(driver, now(pump), event.type, event.token,
						   event.error);
		}
	}
}

/* ---- frames out ---- */

static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;

/* Gives the CPU to a peer that we schedule. What it does with it shows in what comes back. */
static void run_peer(struct vmsg_driver_pump *pump)
{
	if (pump->schedules_peer) {
		(void)!vmsg_endpoint_run(pump->endpoint, pump->peer);
	}
}

/* An answer that came after its time has nobody to wait for it, but it may be an event that the
 * device has told and will not tell again. */
static void take_late(struct vmsg_driver_pump *pump)
{
	const struct vmsg_bytes frame = { pump->late.payload, sizeof(pump->late.payload) };

	if (pump->late.full) {
		pump->late.full = false;
		(void)!vmsg_bus_late(pump->bus, now(pump), frame); /* it counts what is wrong */
		route(pump);
	}
}

/* Sends one direct message and gives the session what came back. An event is answered too, by the
 * carrier, but whatever that says means nothing. */
static int exchange(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
	const uint64_t start_ns = now(pump);
	uint64_t deadline_ns = output->deadline_ns;
	int error;

	if (pump->exchange_timeout_ns < deadline_ns - start_ns) {
		deadline_ns = start_ns + pump->exchange_timeout_ns;
	}
	for (int tries = 0; tries < BUSY_TRIES; tries++) {
		error = vmsg_endpoint_send_direct2(pump->endpoint, pump->peer, &device_role,
						   output->frame, deadline_ns, answer);
		if (error != VMSG_ERROR_AGAIN) {
			break;
		}
	}
	take_late(pump); /* told before what comes now */
	if (error < 0) {
		const uint64_t now_ns = now(pump);
		if (error == VMSG_ERROR_TIMEOUT) {
			vmsg_endpoint_keep_late(pump->endpoint, &pump->late);
		}
		vmsg_bus_send_failed(pump->bus, now_ns, error);
		if (error != VMSG_ERROR_AGAIN) {
			return error;
		}
		/* given up: to begin again at once is the caller's decision */
		return now_ns >= output->deadline_ns ? VMSG_ERROR_TIMEOUT : VMSG_OK;
	}
	if (!output->is_event) {
		const struct vmsg_bytes frame = { answer, sizeof(answer) };
		(void)!vmsg_bus_answer(pump->bus, now(pump), frame); /* it counts what is wrong */
	}
	return VMSG_OK;
}

/* Sends one indirect message; the session waits for what comes back. */
static int send_indirect(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	const int error = vmsg_endpoint_send_indirect(pump->endpoint, pump->peer, &device_role,
						      output->frame);

	if (error < 0) {
		vmsg_bus_send_failed(pump->bus, now(pump), error);
	}
	run_peer(pump);
	return error == VMSG_ERROR_AGAIN ? VMSG_OK : error;
}

/* Puts one frame into the FIFO. What the peer has done to it shows in the session's end. */
static int push(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	int error = vmsg_fifo_push(&pump->fifo, output->frame);

	if (error == VMSG_OK) {
		error = vmsg_endpoint_notify(pump->endpoint, pump->peer, output->notification_id);
		error = error == VMSG_ERROR_AGAIN ? VMSG_OK : error; /* it looks in any case */
	}
	if (error < 0) {
		vmsg_bus_send_failed(pump->bus, now(pump), error);
	}
	run_peer(pump);
	return error == VMSG_ERROR_AGAIN ? VMSG_OK : error;
}

static void share_fifo(struct vmsg_driver_pump *pump)
{
	uint64_t handle = 0;
	int result =
		vmsg_fifo_create(&pump->fifo, &pump->fifo_segment, pump->fifo_segment.data != NULL,
				 VMSG_FIFO_MESSAGE_SIZE, VMSG_FIFO_DEPTH);

	if (result == VMSG_OK) {
		result = vmsg_endpoint_share(pump->endpoint, pump->peer, 0, true, &pump->fifo_range,
					     1, &handle);
	}
	vmsg_bus_complete_fifo(pump->bus, now(pump), result, handle,
			       (uint16_t)pump->fifo_range.pages);
}

static int perform(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	int result = VMSG_ERROR_INVALID;

	switch (output->kind) {
	case VMSG_BUS_SEND:
		return output->carrier == VMSG_CARRIER_DIRECT     ? exchange(pump, output)
		       : output->carrier == VMSG_CARRIER_INDIRECT ? send_indirect(pump, output)
								  : push(pump, output);
	case VMSG_BUS_FIFO_SHARE:
		share_fifo(pump);
		return VMSG_OK;
	case VMSG_BUS_RECLAIM:
	case VMSG_BUS_FIFO_RECLAIM:
		result = vmsg_endpoint_reclaim(pump->endpoint, output->handle);
		break;
	case VMSG_BUS_BIND:
		result = vmsg_endpoint_bind_anew(pump->endpoint, pump->peer,
						 output->notification_id);
		break;
	case VMSG_BUS_RETRIEVE:
	case VMSG_BUS_RELINQUISH:
	case VMSG_BUS_NOTIFY:
	case VMSG_BUS_FIFO_RETRIEVE:
	case VMSG_BUS_FIFO_RELINQUISH:
		break; /* a device's */
	}
	vmsg_bus_complete(pump->bus, now(pump), result, NULL, 0);
	return VMSG_OK;
}

/* ---- frames in ---- */

/* Is the frame of the peer's device, for our driver? Before r3 there is no UUID for drivers. */
static bool is_for_us(const struct vmsg_driver_pump *pump, const struct vmsg_indirect *message)
{
	static const struct vmsg_ffa_uuid driver_role = VMSG_FFA_UUID_DRIVER_ROLE;
	const struct vmsg_profile *profile = pump->bus->profile;
	const bool is_driver_role = vmsg_ffa_uuid_equal(&message->uuid, &driver_role);

	if (message->size > vmsg_bus_frame_size_max(pump->bus)) {
		return false;
	}
	if (profile && profile->has_version_probe) {
		return is_driver_role;
	}
	return is_driver_role || vmsg_ffa_uuid_is_nil(&message->uuid) ||
	       vmsg_ffa_uuid_equal(&message->uuid, &device_role);
}

/* Looks for what has come by itself: true when there is something. */
static bool look(struct vmsg_driver_pump *pump)
{
	struct vmsg_endpoint *endpoint = pump->endpoint;

	if (!vmsg_bus_listens(pump->bus)) {
		return false;
	}
	vmsg_endpoint_open_mailbox(endpoint, &pump->inbox, pump->peer);
	if (vmsg_endpoint_is_interrupted(endpoint)) {
		(void)!vmsg_endpoint_collect(endpoint); /* nothing, then */
	}
	if (vmsg_endpoint_take_notification(endpoint, pump->peer,
					    pump->bus->options.notification_id)) {
		(void)!vmsg_bus_poll(pump->bus, now(pump)); /* refused while it is not up */
		return true;
	}
	return vmsg_mailbox_peek(&pump->inbox) != NULL;
}

/* The same out of the FIFO. */
static bool receive_from_fifo(struct vmsg_driver_pump *pump)
{
	static const struct vmsg_fifo_frame form = { 6, 8, VMSG_FIFO_MESSAGE_SIZE_MIN };
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
	bool was_full;

	if (!vmsg_bus_fifo_is_open(pump->bus) || !vmsg_bus_can_take(pump->bus)) {
		return false;
	}
	const int size = vmsg_fifo_pop(&pump->fifo, &form,
				       (struct vmsg_span){ bytes, sizeof(bytes) }, &was_full);
	if (was_full) {
		(void)!vmsg_endpoint_notify(pump->endpoint, pump->peer,
					    pump->bus->peer_notification_id);
	}
	if (size < 0) {
		vmsg_bus_abandon(pump->bus, now(pump), VMSG_ERROR_PEER);
		return false;
	}
	if (size > 0) { /* the session counts what it drops */
		(void)!vmsg_bus_input_by(pump->bus, now(pump), VMSG_CARRIER_FIFO,
					 (struct vmsg_bytes){ bytes, (size_t)size });
	}
	return size > 0;
}

/* Gives the session the oldest frame that has come; false when there is none. */
static bool receive(struct vmsg_driver_pump *pump)
{
	const struct vmsg_indirect *message = vmsg_mailbox_peek(&pump->inbox);

	if (!message) {
		return receive_from_fifo(pump);
	}
	const struct vmsg_bytes frame = { message->payload, message->size };
	if (!is_for_us(pump, message)) {
		pump->foreign++;
	} else if (vmsg_bus_input_by(pump->bus, now(pump), VMSG_CARRIER_INDIRECT, frame) ==
		   VMSG_ERROR_AGAIN) {
		return false;
	}
	vmsg_mailbox_pop(&pump->inbox);
	return true;
}

/* Takes one message of some driver, if the session would carry it. */
static bool collect(struct vmsg_driver_pump *pump)
{
	struct vmsg_message message;

	for (size_t i = 0; i < pump->driver_count && vmsg_bus_can_send(pump->bus); i++) {
		struct vmsg_driver *driver = pump->drivers[i];
		if (!driver || !vmsg_driver_output(driver, &message)) {
			continue;
		}
		const int error = vmsg_bus_send(pump->bus, now(pump), &message);
		if (error < 0 && message.header.kind == VMSG_REQUEST) {
			vmsg_driver_request_failed(driver, now(pump), message.header.type,
						   message.header.token, error);
		}
		return true;
	}
	return false;
}

/* Nothing is left to do but to wait for the peer: if it is ours to run, it is run. True when
 * something has come of it. */
static bool expect(struct vmsg_driver_pump *pump)
{
	if (!pump->schedules_peer || !vmsg_bus_listens(pump->bus)) {
		return false;
	}
	run_peer(pump);
	return look(pump);
}

int vmsg_driver_pump_run(struct vmsg_driver_pump *pump)
{
	struct vmsg_bus_output output;

	vmsg_bus_tick(pump->bus, now(pump));
	for (size_t i = 0; i < pump->driver_count; i++) {
		if (pump->drivers[i]) {
			vmsg_driver_tick(pump->drivers[i], now(pump));
		}
	}
	(void)look(pump);
	for (unsigned int expected = 0;;) {
		route(pump);
		take_late(pump); /* which another pump has collected */
		if (receive(pump)) {
			continue;
		}
		if (vmsg_bus_output(pump->bus, &output)) {
			const int error = perform(pump, &output);
			if (error < 0) {
				route(pump);
				return error;
			}
			if (output.kind != VMSG_BUS_SEND || output.carrier != VMSG_CARRIER_DIRECT) {
				(void)look(pump); /* a direct message has brought its answer */
			}
		} else if (!collect(pump) && (expected++ == EXPECTATIONS_MAX || !expect(pump))) {
			return VMSG_OK;
		}
	}
}

int vmsg_driver_pump_poll(struct vmsg_driver_pump *pump)
{
	const int error = vmsg_bus_poll(pump->bus, now(pump));

	return error < 0 ? error : vmsg_driver_pump_run(pump);
}

int vmsg_driver_pump_share(struct vmsg_driver_pump *pump, const struct vmsg_ffa_range *ranges,
			   size_t range_count, const struct vmsg_segment *segments,
			   size_t segment_count, uint16_t *area_id)
{
	uint64_t handle;

	*area_id = 0;
	if (pump->bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	int error = vmsg_endpoint_share(pump->endpoint, pump->peer, 0, true, ranges, range_count,
					&handle);
	if (error < 0) {
		return error;
	}
	error = vmsg_bus_share(pump->bus, now(pump), handle, 0, segments, segment_count, area_id);
	if (error < 0) {
		(void)!vmsg_endpoint_reclaim(pump->endpoint, handle); /* nobody has it yet */
	}
	return error;
}

/* Is it still on its way? Starts what can be started. */
static bool is_freezing(struct vmsg_driver *driver, uint64_t now_ns)
{
	(void)!vmsg_driver_freeze(driver, now_ns); /* refused: too early or too late for it */
	return driver->state != VMSG_DRIVER_FROZEN && driver->state != VMSG_DRIVER_IDLE &&
	       driver->state != VMSG_DRIVER_FAILED;
}

int vmsg_driver_pump_freeze(struct vmsg_driver_pump *pump)
{
	bool is_busy = false;

	if (pump->bus->state == VMSG_BUS_SUSPENDED) {
		return VMSG_OK;
	}
	for (size_t i = 0; i < pump->driver_count; i++) {
		is_busy |= pump->drivers[i] && is_freezing(pump->drivers[i], now(pump));
	}
	const int error = vmsg_driver_pump_run(pump);
	if (error < 0) {
		return error;
	}
	for (size_t i = 0; i < pump->driver_count; i++) {
		is_busy |= pump->drivers[i] && is_freezing(pump->drivers[i], now(pump));
	}
	return is_busy ? VMSG_ERROR_AGAIN : vmsg_bus_suspend(pump->bus, now(pump));
}

int vmsg_driver_pump_restore(struct vmsg_driver_pump *pump)
{
	for (size_t i = 0; i < pump->driver_count; i++) {
		if (pump->drivers[i]) {
			(void)!vmsg_driver_restore(pump->drivers[i], now(pump)); /* if frozen */
		}
	}
	const int error = vmsg_driver_pump_run(pump);
	if (error < 0) {
		return error;
	}
	for (size_t i = 0; i < pump->driver_count; i++) {
		if (pump->drivers[i] && pump->drivers[i]->restoring) {
			return VMSG_ERROR_AGAIN;
		}
	}
	return VMSG_OK;
}

uint64_t vmsg_driver_pump_deadline(const struct vmsg_driver_pump *pump)
{
	uint64_t deadline_ns = vmsg_bus_deadline(pump->bus);

	for (size_t i = 0; i < pump->driver_count; i++) {
		const struct vmsg_driver *driver = pump->drivers[i];
		const uint64_t own_ns = driver ? vmsg_driver_deadline(driver) : UINT64_MAX;
		deadline_ns = own_ns < deadline_ns ? own_ns : deadline_ns;
	}
	return deadline_ns;
}
