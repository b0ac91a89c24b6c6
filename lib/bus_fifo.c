/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a session's FIFO, on both sides: shared and named by FIFO_CONFIGURE, retrieved, and
 * given back when the session ends. Where it is and what is in it is the carrier's owner's
 * business. Invariant: the driver reclaims only after the device can have let go; the device lets
 * go before a reset is answered.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

enum fifo_state {
	FIFO_NONE,
	FIFO_SHARE,    /* driver: to be laid out and shared */
	FIFO_RETRIEVE, /* device: to be retrieved */
	FIFO_BIND,     /* device: then our notification is bound */
	FIFO_OPEN,
	FIFO_CLOSE, /* to be reclaimed or relinquished */
};

static void answer(struct vmsg_bus *bus, unsigned int result)
{
	struct vmsg_message message = {
		.header = bus->answering,
	};

	if (!bus->answer_due) {
		return;
	}
	bus->answer_due = false;
	message.header.kind = VMSG_RESPONSE;
	message.body.fifo_configure_response.result = (uint16_t)result;
	if (result == VMSG_RESULT_SUCCESS) {
		message.body.fifo_configure_response.notification_id = bus->options.notification_id;
	}
	vmsg_bus_put(bus, &message);
}

void vmsg_bus_fifo_begin(struct vmsg_bus *bus)
{
	if (bus->fifo_state == FIFO_NONE) {
		bus->fifo_state = FIFO_SHARE;
	}
}

bool vmsg_bus_fifo_is_open(const struct vmsg_bus *bus)
{
	return bus->fifo_state == FIFO_OPEN;
}

bool vmsg_bus_fifo_remains(const struct vmsg_bus *bus)
{
	return bus->fifo_state == FIFO_OPEN || bus->fifo_state == FIFO_CLOSE;
}

void vmsg_bus_fifo_drop(struct vmsg_bus *bus)
{
	const bool is_held = bus->fifo_state == FIFO_OPEN || bus->fifo_state == FIFO_BIND;

	bus->fifo_retry_ns = 0;
	bus->fifo_tries = 0;
	if (is_held) {
		bus->fifo_state = FIFO_CLOSE;
	} else if (bus->fifo_state != FIFO_CLOSE) {
		bus->fifo_state = FIFO_NONE;
	}
}

void vmsg_bus_fifo_serve(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const struct vmsg_fifo_configure_request *request = &message->body.fifo_configure_request;

	bus->answering = message->header;
	bus->answer_due = true;
	if (bus->events_on || bus->fifo_state != FIFO_NONE || request->page_count == 0 ||
	    request->notification_id > VMSG_BUS_NOTIFICATION_LAST || !vmsg_bus_accepts_fifo(bus)) {
		answer(bus, VMSG_RESULT_ERROR);
		return;
	}
	bus->fifo_handle = request->mem_handle;
	bus->fifo_pages = request->page_count;
	bus->peer_notification_id = request->notification_id;
	bus->fifo_state = FIFO_RETRIEVE;
}

int vmsg_bus_fifo_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	switch ((enum fifo_state)bus->fifo_state) {
	case FIFO_SHARE:
		output->kind = VMSG_BUS_FIFO_SHARE;
		break;
	case FIFO_RETRIEVE:
		output->kind = VMSG_BUS_FIFO_RETRIEVE;
		break;
	case FIFO_BIND:
		output->kind = VMSG_BUS_BIND;
		output->notification_id = bus->options.notification_id;
		break;
	case FIFO_CLOSE:
		if (bus->now_ns < bus->fifo_retry_ns) {
			return 0;
		}
		output->kind =
			vmsg_bus_is_driver(bus) ? VMSG_BUS_FIFO_RECLAIM : VMSG_BUS_FIFO_RELINQUISH;
		output->notification_id = bus->options.notification_id;
		break;
	case FIFO_NONE:
	case FIFO_OPEN:
		return 0;
	}
	output->handle = bus->fifo_handle;
	output->pages = bus->fifo_pages;
	output->writable = true;
	return 1;
}

/* Given back; or later, for a device that still holds it. Any other refusal is for good. */
static void closed(struct vmsg_bus *bus, int result)
{
	if (result == VMSG_ERROR_AGAIN) {
		const uint64_t delay = (uint64_t)VMSG_BUS_RETRY_NS << bus->fifo_tries;
		bus->fifo_tries = (uint8_t)(bus->fifo_tries + (delay < VMSG_BUS_REPEAT_NS));
		bus->fifo_retry_ns = vmsg_bus_after(bus->now_ns, delay);
		return;
	}
	bus->fifo_state = FIFO_NONE;
}

void vmsg_bus_fifo_complete(struct vmsg_bus *bus, int result)
{
	switch ((enum fifo_state)bus->fifo_state) {
	case FIFO_SHARE:
		bus->fifo_state = result < 0 ? FIFO_NONE : FIFO_OPEN;
		break;
	case FIFO_RETRIEVE:
		bus->fifo_state = result < 0 ? FIFO_NONE : FIFO_BIND;
		if (result < 0) {
			answer(bus, VMSG_RESULT_ERROR);
		}
		break;
	case FIFO_BIND:
		bus->fifo_state = result < 0 ? FIFO_CLOSE : FIFO_OPEN;
		answer(bus, result < 0 ? VMSG_RESULT_ERROR : VMSG_RESULT_SUCCESS);
		break;
	case FIFO_CLOSE:
		closed(bus, result);
		break;
	case FIFO_NONE:
	case FIFO_OPEN:
		break;
	}
}

uint64_t vmsg_bus_fifo_deadline(const struct vmsg_bus *bus)
{
	return bus->fifo_state == FIFO_CLOSE ? bus->fifo_retry_ns : VMSG_BUS_NEVER;
}
