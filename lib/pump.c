/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's loop: joins a bus session, its endpoint and the driver machines behind it. Holds no
 * state of its own. Every wait is one FF-A call with a deadline; the loop ends because sessions and
 * machines only ask for so much before time must pass.
 */
#include "virtio_msg_ffa/pump.h"

#include "virtio_msg_ffa/error.h"

/* A target that serves somebody else is busy for microseconds: so often at once, then after the
 * pause that the session makes. */
#define BUSY_TRIES 16

static uint64_t now(const struct vmsg_driver_pump *pump)
{
	const struct vmsg_conduit *conduit = &pump->endpoint->conduit;

	return conduit->now(conduit->context);
}

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

/* Sends one frame and gives the session what came back. An event is answered too, by the carrier,
 * but whatever that says means nothing. */
static int exchange(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;
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
	if (error < 0) {
		vmsg_bus_send_failed(pump->bus, now(pump), error);
		return error == VMSG_ERROR_AGAIN ? VMSG_OK : error;
	}
	if (!output->is_event) {
		const struct vmsg_bytes frame = { answer, sizeof(answer) };
		(void)!vmsg_bus_answer(pump->bus, now(pump), frame); /* it counts what is wrong */
	}
	return VMSG_OK;
}

static int perform(struct vmsg_driver_pump *pump, const struct vmsg_bus_output *output)
{
	if (output->kind == VMSG_BUS_SEND) {
		return exchange(pump, output);
	}
	/* a driver's session has no action but RECLAIM */
	const int result = vmsg_endpoint_reclaim(pump->endpoint, output->handle);
	vmsg_bus_complete(pump->bus, now(pump), result, NULL, 0);
	return VMSG_OK;
}

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

int vmsg_driver_pump_run(struct vmsg_driver_pump *pump)
{
	struct vmsg_bus_output output;

	vmsg_bus_tick(pump->bus, now(pump));
	for (size_t i = 0; i < pump->driver_count; i++) {
		if (pump->drivers[i]) {
			vmsg_driver_tick(pump->drivers[i], now(pump));
		}
	}
	for (;;) {
		route(pump);
		if (vmsg_bus_output(pump->bus, &output)) {
			const int error = perform(pump, &output);
			if (error < 0) {
				route(pump);
				return error;
			}
		} else if (!collect(pump)) {
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
