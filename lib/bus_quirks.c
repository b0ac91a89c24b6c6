/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quirks of the peer of a bus session: those in the bytes of its frames, and those in what it means
 * by them. Invariant: each is told once a session, whether its switch is on or off; off, it changes
 * nothing.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "port.h"

bool vmsg_bus_allows(const struct vmsg_bus *bus, enum vmsg_quirk quirk)
{
	return bus->options.quirks & VMSG_QUIRK_BIT(quirk);
}

/* One is told at a time; another that shows itself meanwhile does so again. */
void vmsg_bus_meet(struct vmsg_bus *bus, enum vmsg_quirk quirk, enum vmsg_type type, uint64_t value)
{
	if (bus->quirk != VMSG_QUIRK_NONE || bus->quirks_met & VMSG_QUIRK_BIT(quirk)) {
		return;
	}
	bus->quirks_met |= VMSG_QUIRK_BIT(quirk);
	bus->quirk = (uint8_t)quirk;
	bus->quirk_type = type;
	bus->quirk_value = value;
}

int vmsg_bus_quirk_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	if (bus->quirk == VMSG_QUIRK_NONE) {
		return 0;
	}
	event->kind = VMSG_BUS_EVENT_QUIRK;
	event->quirk = (enum vmsg_quirk)bus->quirk;
	event->allowed = vmsg_bus_allows(bus, event->quirk);
	event->type = bus->quirk_type;
	event->value = bus->quirk_value;
	bus->quirk = VMSG_QUIRK_NONE;
	return 1;
}

/* The value that shows it stands in the header or the body, which mending changes: it is read
 * first. */
void vmsg_bus_mend(struct vmsg_bus *bus, const struct vmsg_profile *dialect, size_t size)
{
	const struct vmsg_bytes frame = { bus->in, size };
	struct vmsg_raw_header raw;
	uint16_t count = 0;

	if (vmsg_decode_header(dialect, frame, &raw, NULL) < 0) {
		return;
	}
	if (raw.msg_size >= dialect->header_size + 4u) {
		const uint8_t *at = bus->in + dialect->header_size + 2;
		count = (uint16_t)(at[0] | at[1] << 8);
	}
	switch (vmsg_quirk_mend(dialect, (struct vmsg_span){ bus->in, size },
				bus->options.quirks)) {
	case VMSG_QUIRK_LINUX_RFC1_SHORT_SET:
		vmsg_bus_meet(bus, VMSG_QUIRK_LINUX_RFC1_SHORT_SET, VMSG_SET_DRIVER_FEATURES,
			      raw.msg_size);
		break;
	case VMSG_QUIRK_LINUX_RFC1_SHORT_CONFIG:
		vmsg_bus_meet(bus, VMSG_QUIRK_LINUX_RFC1_SHORT_CONFIG, VMSG_SET_CONFIG,
			      raw.msg_size);
		break;
	case VMSG_QUIRK_OPTEE_DEVICE_COUNT:
		vmsg_bus_meet(bus, VMSG_QUIRK_OPTEE_DEVICE_COUNT, VMSG_GET_DEVICES, count);
		break;
	default:
		break;
	}
}

/* EVENT_AVAIL's own header as a response, which no table has. */
static void answer_event(struct vmsg_bus *bus, const struct vmsg_raw_header *raw)
{
	const struct vmsg_message reply = {
		.header = { .kind = VMSG_RESPONSE, .token = raw->token },
	};

	vmsg_bus_put(bus, &reply);
	bus->out[0] = (uint8_t)((raw->type & VMSG_TYPE_BUS) | VMSG_TYPE_RESPONSE);
	bus->out[1] = raw->msg_id;
	bus->out[2] = (uint8_t)raw->dev_num;
	bus->out[3] = (uint8_t)(raw->dev_num >> 8);
}

static void watch_kick(struct vmsg_bus *bus, const struct vmsg_event_avail *event,
		       const struct vmsg_raw_header *raw)
{
	const bool may_wait = !bus->dialect->has_version_probe;

	if (bus->dialect->id != VMSG_PROFILE_R0 && !bus->dialect->has_token &&
	    (event->vq_index & 0xffff) == 0xffff) {
		vmsg_bus_meet(bus, VMSG_QUIRK_LINUX_RFC1_NOTIFICATION_DATA, VMSG_EVENT_AVAIL,
			      event->vq_index);
	}
	const bool allowed = vmsg_bus_allows(bus, VMSG_QUIRK_LINUX_EVENT_REPLY);
	/* A direct message is answered in any case; and a driver that waits for an answer to an
	 * indirect one cannot be told from others by it, only by what it asked before. */
	if (may_wait &&
	    (allowed || (bus->in_carrier == VMSG_CARRIER_INDIRECT && bus->asked_as_linux))) {
		vmsg_bus_meet(bus, VMSG_QUIRK_LINUX_EVENT_REPLY, VMSG_EVENT_AVAIL, 0);
	}
	if (may_wait && allowed && !bus->out_due) {
		answer_event(bus, raw);
	}
}

/* The session's addresses, as small as these, have no area of ours: they are plain ones. */
static void watch_addresses(struct vmsg_bus *bus, const struct vmsg_set_vqueue_request *request)
{
	uint16_t id;
	uint64_t offset;

	vmsg_address_split(bus->dialect, request->desc_addr, &id, &offset);
	if (bus->dialect->area_id_shift == 56 && id == 0 && offset != 0 &&
	    (vmsg_bus_allows(bus, VMSG_QUIRK_LINUX_RFC1_WINDOW) ||
	     !vmsg_memory_find(bus->options.memory, 0))) {
		vmsg_bus_meet(bus, VMSG_QUIRK_LINUX_RFC1_WINDOW, VMSG_SET_VQUEUE,
			      request->desc_addr);
	}
}

void vmsg_bus_watch(struct vmsg_bus *bus, const struct vmsg_message *message,
		    const struct vmsg_raw_header *raw)
{
	if (message->header.type == VMSG_EVENT_AVAIL) {
		watch_kick(bus, &message->body.event_avail, raw);
	} else if (message->header.type == VMSG_SET_VQUEUE) {
		watch_addresses(bus, &message->body.set_vqueue_request);
	}
}

/* ---- the window ---- */

static bool has_window(const struct vmsg_bus *bus)
{
	return bus->options.window.segment_count > 0 &&
	       vmsg_bus_allows(bus, VMSG_QUIRK_LINUX_RFC1_WINDOW);
}

/* Where it cannot be, its addresses find nothing. */
void vmsg_bus_open_window(struct vmsg_bus *bus)
{
	const struct vmsg_bus_window *window = &bus->options.window;

	if (has_window(bus) && bus->dialect->area_id_shift == 56 &&
	    vmsg_memory_add(bus->options.memory, 0, window->segments, window->segment_count, true,
			    0) == VMSG_OK &&
	    vmsg_memory_move(bus->options.memory, 0, window->address) < 0) {
		(void)!vmsg_memory_remove(bus->options.memory, 0);
	}
}

void vmsg_bus_close_window(struct vmsg_bus *bus)
{
	if (has_window(bus) && bus->profile && bus->profile->area_id_shift == 56) {
		(void)!vmsg_memory_remove(bus->options.memory, 0);
	}
}
