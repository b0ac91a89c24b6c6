/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device role of a bus session: finds out the driver's dialect, answers VERSION and the rest of the
 * bus messages, passes transport messages on. Invariants: one request is served at a time; before a
 * version is agreed only VERSION and RESET are served; a reset is answered when nothing of the
 * driver's is left.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "engine.h"

#define SLOTS       65536u /* device numbers there are */
#define LINUX_SLOTS 0xffu  /* what Linux RFC drivers ask for (Q5) */

/* EVENT_POLLs answered after which a driver, which may stop at 64, is notified once more */
#define POLLS_TOLD 32

/* ---- answers ---- */

static struct vmsg_message answer_to(const struct vmsg_header *request)
{
	return (struct vmsg_message){
		.header = {
			.type = request->type,
			.kind = VMSG_RESPONSE,
			.dev_num = request->dev_num,
			.token = request->token,
		},
	};
}

/* The area id is that of the request being answered. r0 can only say yes, so it is told nothing
 * else. */
void vmsg_bus_device_area_result(struct vmsg_bus *bus, uint16_t area_id, unsigned int result)
{
	struct vmsg_message answer = answer_to(&bus->answering);

	if (!bus->answer_due) {
		return;
	}
	bus->answer_due = false;
	if (!bus->dialect->has_results && result != VMSG_RESULT_SUCCESS) {
		return;
	}
	answer.body.area_share_response.area_id = area_id; /* UNSHARE's is of the same shape */
	answer.body.area_share_response.result = (uint16_t)result;
	vmsg_bus_put(bus, &answer);
}

static void answer_reset(struct vmsg_bus *bus, uint16_t result)
{
	struct vmsg_message answer = answer_to(&bus->answering);

	bus->answer_due = false;
	answer.body.reset_response.result = result;
	vmsg_bus_put(bus, &answer);
}

/* ---- reset ---- */

void vmsg_bus_device_reset(struct vmsg_bus *bus)
{
	if (!vmsg_bus_is_up(bus)) {
		return;
	}
	bus->state = VMSG_BUS_RESETTING;
	bus->reset_pending = true;
	bus->up_pending = false;
	bus->message_pending = false;
	bus->poll_pending = false;
	bus->poll_empty = false;
	bus->version_due = false;
	bus->answer_due = false;
	bus->events_on = false;
	bus->notify_due = false;
	bus->notified = false;
	bus->out_due = false;
	bus->aside_size = 0;
	vmsg_bus_areas_drop(bus, true);
	vmsg_bus_fifo_drop(bus);
}

static void serve_reset(struct vmsg_bus *bus, const struct vmsg_header *request)
{
	vmsg_bus_device_reset(bus);
	bus->answering = *request;
	if (bus->state == VMSG_BUS_DOWN) {
		answer_reset(bus, VMSG_RESULT_SUCCESS);
	} else {
		bus->answer_due = true; /* when areas and devices have gone */
	}
}

/* ---- VERSION ---- */

/* In the dialect of the request, whatever the session speaks. */
static void put_version(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
			const struct vmsg_header *request, const struct vmsg_version *version)
{
	const struct vmsg_profile *spoken = bus->dialect;
	struct vmsg_message answer = answer_to(request);

	answer.header.dev_num = 0; /* one that came with a number is refused, not repeated */
	answer.body.version = *version;
	bus->dialect = dialect;
	vmsg_bus_put(bus, &answer);
	bus->dialect = spoken;
}

/* All that we have. */
static struct vmsg_version own_version(const struct vmsg_bus *bus,
				       const struct vmsg_profile *dialect)
{
	struct vmsg_version version = {
		.bus_version = dialect->bus_version,
		.transport_revision = VMSG_TRANSPORT_REVISION,
		.ffa_version = bus->options.ffa_version,
		.bus_features = bus->options.bus_features,
		.max_areas = bus->options.max_areas,
	};

	if (dialect->has_version_probe) {
		version.transport_features = bus->options.transport_features;
	}
	/* a number of areas or the largest id: ids begin at 1, so that it is both (O19) */
	if (!dialect->has_token && version.max_areas > 0xff) {
		version.max_areas = 0xff;
	}
	if (dialect->id == VMSG_PROFILE_R0) {
		version.bus_features =
			vmsg_bus_features_to_b0(bus->options.bus_features, version.max_areas);
		for (int32_t at = vmsg_bus_number_next(bus, 0); at >= 0 && version.num < UINT16_MAX;
		     at = vmsg_bus_number_next(bus, (uint32_t)at + 1)) {
			version.num++;
		}
	}
	return version;
}

/* Another driver has taken the place of the one we knew: VERSION is answered once its things are
 * gone. */
static void restart(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
		    const struct vmsg_message *message)
{
	vmsg_bus_device_reset(bus);
	bus->dialect = dialect;
	bus->message = *message;
	bus->version_due = true;
}

static void agree(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
		  const struct vmsg_version *peer)
{
	bus->dialect = dialect;
	vmsg_bus_agree(bus, peer);
	vmsg_bus_open_window(bus);
	vmsg_bus_numbers_told(bus); /* GET_DEVICES will list them */
	bus->events_on = !dialect->has_event_configure;
	bus->events = vmsg_bus_default_events(bus);
	bus->carrier = bus->in_carrier;
	bus->state = bus->events_on ? VMSG_BUS_RUNNING : VMSG_BUS_NEGOTIATED;
	bus->up_pending = true;
}

/* The table of wire-revisions 1.3. */
static void serve_probe(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
			const struct vmsg_message *message)
{
	const struct vmsg_version *asked = &message->body.version;
	const struct vmsg_version ours = own_version(bus, dialect);
	const bool is_zero = asked->bus_version == 0 && asked->transport_revision == 0;
	const bool is_equal = asked->bus_version == ours.bus_version &&
			      asked->transport_revision == ours.transport_revision;
	const bool is_greater = asked->bus_version != ours.bus_version
					? asked->bus_version > ours.bus_version
					: asked->transport_revision > ours.transport_revision;
	const struct vmsg_version refusal = { .ffa_version = ours.ffa_version };
	bool accepted = is_zero || is_equal;

	if (bus->state == VMSG_BUS_RESETTING) {
		accepted = false;
	} else if (!vmsg_bus_is_up(bus)) {
		accepted |= is_greater;
		bus->dialect = dialect;
		if (is_equal) {
			agree(bus, dialect, asked);
		}
	} else if (bus->profile != dialect && (accepted || is_greater)) {
		restart(bus, dialect, message);
		return;
	}
	put_version(bus, dialect, &message->header, accepted ? &ours : &refusal);
}

/* Before r3: what is equal is accepted. A refusal is all zero (r2) or has a zero in place of what
 * is not accepted (r1). */
static void serve_fixed(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
			const struct vmsg_message *message, bool may_wait)
{
	const struct vmsg_version *asked = &message->body.version;
	struct vmsg_version ours = own_version(bus, dialect);
	const bool same_bus = asked->bus_version == ours.bus_version;
	const bool same_revision = asked->transport_revision == ours.transport_revision ||
				   dialect->id == VMSG_PROFILE_R0;
	const bool accepted = same_bus && same_revision;

	if (accepted && bus->state == VMSG_BUS_DOWN) {
		agree(bus, dialect, asked);
	} else if (accepted && may_wait) {
		restart(bus, dialect, message);
		return;
	} else if (dialect->has_token) {
		ours = (struct vmsg_version){ 0 };
	} else {
		ours.bus_version = same_bus && !accepted ? ours.bus_version : 0;
		ours.transport_revision = same_revision ? ours.transport_revision : 0;
	}
	put_version(bus, dialect, &message->header, &ours);
}

/* may_wait: for an earlier driver's things to go. */
static void serve_version(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
			  const struct vmsg_message *message, bool may_wait)
{
	if (dialect->has_version_probe) {
		serve_probe(bus, dialect, message);
	} else {
		serve_fixed(bus, dialect, message, may_wait);
	}
}

/* Dialect of a VERSION request, NULL when it is none of any. */
static const struct vmsg_profile *version_dialect(const struct vmsg_bus *bus,
						  struct vmsg_bytes frame)
{
	const struct vmsg_profile *forced = bus->options.profile;
	const struct vmsg_profile *wide = vmsg_profile(VMSG_PROFILE_R1_A16);
	const struct vmsg_profile *found = vmsg_profile_detect(frame, false);

	if (found && found->id == VMSG_PROFILE_R1 &&
	    (forced == wide || bus->options.wide_area_ids)) {
		found = wide;
	}
	return found && found->has_size && (!forced || forced == found) ? found : NULL;
}

/* What a frame is read in: the dialect of the session, but a VERSION in its own. */
static const struct vmsg_profile *dialect_of(const struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	const struct vmsg_profile *found = NULL;

	if (frame.size >= 2 && (frame.data[0] & 3u) == VMSG_TYPE_BUS && frame.data[1] == 0x80) {
		found = version_dialect(bus, frame);
	}
	return found ? found : bus->dialect;
}

/* ---- the other bus messages ---- */

static void serve_devices(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const bool ordered = bus->dialect->has_ordered_device_window;
	const uint32_t offset = message->body.get_devices_request.offset;
	const uint32_t header = bus->dialect->header_size + 6u;
	uint32_t count = message->body.get_devices_request.count;
	uint8_t bitmap[VMSG_FRAME_SIZE_MAX] = { 0 };
	struct vmsg_message answer = answer_to(&message->header);

	bus->asked_as_linux |= ordered && count == LINUX_SLOTS;
	const bool is_few =
		ordered && count == LINUX_SLOTS && offset == 0 && vmsg_bus_number_next(bus, 8) >= 0;
	if (is_few) {
		vmsg_bus_meet(bus, VMSG_QUIRK_LINUX_FEW_DEVICES, VMSG_GET_DEVICES, count);
	}
	const bool is_all = is_few && vmsg_bus_allows(bus, VMSG_QUIRK_LINUX_FEW_DEVICES);
	if (is_all) {
		count = 8;
	}
	/* drivers ask for 255 slots where only multiples of 8 exist; less than 8 is one byte */
	if (ordered && count > 0) {
		count = count < 8 ? 8 : count & ~7u;
	}
	const uint32_t room = (vmsg_bus_frame_size_max(bus) - header) * 8;
	count = count < room ? count : room;
	count = count < SLOTS - offset ? count : SLOTS - offset;
	for (int32_t at = vmsg_bus_number_next(bus, offset);
	     at >= 0 && (uint32_t)at < offset + count;
	     at = vmsg_bus_number_next(bus, (uint32_t)at + 1)) {
		const uint32_t slot = (uint32_t)at - offset;
		bitmap[slot / 8] = (uint8_t)(bitmap[slot / 8] | 1u << slot % 8);
	}
	const int32_t next = vmsg_bus_number_next(bus, count > 0 ? offset + count : offset + 1);
	answer.body.get_devices_response = (struct vmsg_get_devices_response){
		.offset = (uint16_t)offset,
		.count = (uint16_t)count,
		.bitmap = { bitmap, (count + 7) / 8 },
	};
	if (next >= 0 && !is_all && (count > 0 || !ordered)) {
		answer.body.get_devices_response.next_offset =
			(uint16_t)(ordered ? (uint32_t)next & ~7u : (uint32_t)next);
	}
	vmsg_bus_put(bus, &answer);
}

/* Once per agreed version. */
static void serve_event_configure(struct vmsg_bus *bus, const struct vmsg_message *message,
				  const struct vmsg_raw_header *raw)
{
	const uint8_t method = message->body.event_configure_request.method;
	const bool accepted = !bus->events_on && vmsg_bus_accepts_events(bus, method);
	struct vmsg_message answer = answer_to(&message->header);

	if (bus->events_on && bus->dialect->has_error) {
		vmsg_bus_put_error(bus, raw);
		return;
	}
	answer.body.event_configure_response.result =
		(uint16_t)(accepted ? VMSG_RESULT_SUCCESS : VMSG_RESULT_ERROR);
	if (accepted) {
		bus->events_on = true;
		bus->events = method;
		bus->carrier = method == VMSG_EVENTS_INDIRECT ? VMSG_CARRIER_INDIRECT
			       : method == VMSG_EVENTS_FIFO   ? VMSG_CARRIER_FIFO
							      : VMSG_CARRIER_DIRECT;
		if (method == VMSG_EVENTS_NOTIFICATION) {
			bus->peer_notification_id =
				message->body.event_configure_request.notification_id;
		}
		bus->state = VMSG_BUS_RUNNING;
	}
	vmsg_bus_put(bus, &answer);
}

static bool has_own_event(const struct vmsg_bus *bus)
{
	return bus->devices_changed || vmsg_bus_area_owes_release(bus);
}

/* An event of the session's own, if one is due. */
static bool put_own_event(struct vmsg_bus *bus)
{
	struct vmsg_message event = { .header.kind = VMSG_EVENT };
	uint16_t number;
	bool added;

	if (vmsg_bus_area_release(bus, &number)) {
		event.header.type = VMSG_AREA_RELEASE;
		event.body.area_release.area_id = number;
	} else if (vmsg_bus_number_change(bus, &number, &added)) {
		event.header.type = VMSG_EVENT_DEVICE;
		event.body.event_device.device_number = number;
		event.body.event_device.state =
			added ? VMSG_DEVICE_STATE_ADDED : VMSG_DEVICE_STATE_REMOVED;
		if (bus->dialect->id == VMSG_PROFILE_R0) {
			event.header.type = added ? VMSG_DEVICE_ADDED : VMSG_DEVICE_REMOVED;
			event.body.event_device.state = 0; /* has no field there */
		}
	} else {
		return false;
	}
	vmsg_bus_put(bus, &event);
	return true;
}

/* ---- notifications ---- */

bool vmsg_bus_announce(struct vmsg_bus *bus)
{
	if (!bus->events_on || bus->events != VMSG_EVENTS_NOTIFICATION || bus->notified) {
		return false;
	}
	bus->notified = true;
	bus->notify_due = true;
	bus->polls_served = 0;
	return true;
}

int vmsg_bus_device_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	if (bus->events == VMSG_EVENTS_NOTIFICATION && has_own_event(bus)) {
		(void)vmsg_bus_announce(bus);
	}
	if (!bus->notify_due || !vmsg_bus_is_up(bus) || bus->now_ns < bus->out_ns) {
		return 0;
	}
	bus->notify_due = false;
	output->kind = VMSG_BUS_NOTIFY;
	output->notification_id = bus->peer_notification_id;
	return 1;
}

void vmsg_bus_device_complete(struct vmsg_bus *bus, int result)
{
	if (bus->acting_kind != VMSG_BUS_NOTIFY) {
		vmsg_bus_fifo_complete(bus, result);
	} else if (result == VMSG_ERROR_AGAIN) {
		bus->notify_due = true;
		bus->out_ns = vmsg_bus_after(bus->now_ns, VMSG_BUS_RETRY_NS);
	} else if (result < 0) {
		vmsg_bus_device_event_lost(bus);
	}
}

void vmsg_bus_device_event_lost(struct vmsg_bus *bus)
{
	bus->stats.dropped++;
	bus->events = VMSG_EVENTS_POLL;
}

/* ---- events ---- */

static void serve_poll(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	bus->answering = message->header;
	if (++bus->polls_served == POLLS_TOLD) {
		bus->notified = false; /* the driver may stop here: what is left is told again */
	}
	if (!bus->events_on) {
		bus->poll_empty = true;
	} else if (!put_own_event(bus)) {
		bus->poll_pending = true;
	}
}

/* A request of the bus class, decoded. */
static void serve(struct vmsg_bus *bus, const struct vmsg_message *message,
		  const struct vmsg_raw_header *raw)
{
	struct vmsg_message answer = answer_to(&message->header);

	switch (message->header.type) {
	case VMSG_GET_DEVICES:
		if (bus->dialect->has_ordered_device_window &&
		    message->body.get_devices_request.offset % 8 != 0) {
			vmsg_bus_put_error(bus, raw);
		} else {
			serve_devices(bus, message);
		}
		break;
	case VMSG_PING:
		answer.body.ping = message->body.ping;
		vmsg_bus_put(bus, &answer);
		break;
	case VMSG_AREA_SHARE:
		if (message->body.area_share_request.area_id >>
		    (64 - bus->dialect->area_id_shift)) {
			vmsg_bus_meet(bus, VMSG_QUIRK_TRUSTY_AREA_IDS, VMSG_AREA_SHARE,
				      message->body.area_share_request.area_id);
		}
		bus->answering = message->header;
		bus->answer_due = true;
		vmsg_bus_area_serve_share(bus, message);
		break;
	case VMSG_AREA_UNSHARE:
		bus->answering = message->header;
		bus->answer_due = true;
		vmsg_bus_area_serve_unshare(bus, message);
		break;
	case VMSG_EVENT_POLL:
		serve_poll(bus, message);
		break;
	case VMSG_EVENT_CONFIGURE:
		serve_event_configure(bus, message, raw);
		break;
	case VMSG_FIFO_CONFIGURE:
		vmsg_bus_fifo_serve(bus, message);
		break;
	default:
		vmsg_bus_put_error(bus, raw);
		break;
	}
}

/* ---- frames ---- */

/* A message that cannot be decoded: ERROR to a bus request, and to what no dialect knows; silence
 * to the rest. */
static void reject(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
		   const struct vmsg_message *message, const struct vmsg_raw_header *raw, int error)
{
	const struct vmsg_version refusal = { 0 };

	bus->stats.dropped++;
	if (message->header.type == VMSG_VERSION && message->header.kind == VMSG_REQUEST &&
	    dialect->has_token && !dialect->has_version_probe) {
		put_version(bus, dialect, &message->header, &refusal); /* r2's way to say no */
	} else if (raw->type & VMSG_TYPE_BUS || error == VMSG_ERROR_UNKNOWN_ID) {
		vmsg_bus_put_error(bus, raw);
	}
}

/* Is its device there, and the one that the driver means? One that was replaced is not, before the
 * driver has been told, unless it begins anew in any case: it would take the answers of the one for
 * the other's, and what it is told of too late for news. */
static bool is_addressed(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const uint16_t number = message->header.dev_num;
	const bool begins = message->header.type == VMSG_SET_DEVICE_STATUS &&
			    message->body.set_device_status_request.status == 0;

	if (begins) {
		vmsg_bus_number_renew(bus, number);
	}
	return vmsg_bus_has_device(bus, number) && (!vmsg_bus_number_is_stale(bus, number) ||
						    message->header.type == VMSG_GET_DEVICE_INFO);
}

/* A transport message goes to its device, if there is one. */
static int pass(struct vmsg_bus *bus, const struct vmsg_message *message,
		const struct vmsg_raw_header *raw)
{
	const bool is_event = message->header.kind == VMSG_EVENT;
	int error = VMSG_OK;

	if (!vmsg_bus_is_up(bus)) {
		error = VMSG_ERROR_STATE;
	} else if (!is_addressed(bus, message)) {
		error = VMSG_ERROR_NOT_FOUND;
	} else if (is_event && message->header.type != VMSG_EVENT_AVAIL) {
		error = VMSG_ERROR_BAD_FIELD;
	}
	if (error < 0) {
		bus->stats.dropped++;
		if (!is_event) {
			vmsg_bus_put_error(bus, raw);
		}
		return error;
	}
	vmsg_bus_watch(bus, message, raw);
	bus->message = *message;
	bus->message_pending = true;
	return VMSG_OK;
}

static int dispatch(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
		    const struct vmsg_message *message, const struct vmsg_raw_header *raw)
{
	bus->stats.received[message->header.type]++;
	bus->stats.received_bytes += raw->msg_size;
	if (message->header.kind == VMSG_REQUEST) {
		bus->served_ns = bus->now_ns;
	}
	if (message->header.kind == VMSG_RESPONSE) {
		bus->stats.late++;
		return VMSG_ERROR_NOT_FOUND;
	}
	if (!vmsg_type_is_bus(message->header.type)) {
		return pass(bus, message, raw);
	}
	if (message->header.kind == VMSG_EVENT) {
		bus->stats.dropped++; /* they all go the other way */
		return VMSG_ERROR_BAD_FIELD;
	}
	if (message->header.type == VMSG_VERSION) {
		serve_version(bus, dialect, message, true);
	} else if (message->header.type == VMSG_RESET) {
		serve_reset(bus, &message->header);
	} else if (vmsg_bus_is_up(bus)) {
		serve(bus, message, raw);
	} else {
		bus->stats.dropped++;
		vmsg_bus_put_error(bus, raw);
		return VMSG_ERROR_STATE;
	}
	return VMSG_OK;
}

/* What is taken while something else is served or waits to be sent. A kick wants no answer, and a
 * direct one comes once: lost, its queue would sleep for ever. And who begins anew waits for
 * nothing that was for the session before, nor makes room for it. */
static bool may_interrupt(struct vmsg_bus *bus, const struct vmsg_profile *dialect,
			  const struct vmsg_message *message)
{
	const enum vmsg_type type = message->header.type;
	const bool begins =
		message->header.kind == VMSG_REQUEST &&
		(type == VMSG_RESET || (type == VMSG_VERSION && !dialect->has_version_probe));

	if (begins && bus->out_due && !bus->answer_due && !bus->poll_pending && !bus->poll_empty) {
		bus->out_due = false;
		bus->stats.dropped++;
		return true;
	}
	return type == VMSG_EVENT_AVAIL && vmsg_bus_has_device(bus, message->header.dev_num);
}

int vmsg_bus_device_input(struct vmsg_bus *bus, enum vmsg_carrier carrier, struct vmsg_bytes frame)
{
	const struct vmsg_profile *dialect = dialect_of(bus, frame);
	struct vmsg_raw_header raw;
	struct vmsg_message message;

	const bool is_serving = !vmsg_bus_can_take(bus);
	if (bus->version_due) { /* it is in bus->message */
		return VMSG_ERROR_AGAIN;
	}
	int error = vmsg_decode_header(dialect, frame, &raw, NULL);
	if (error < 0 && is_serving) {
		return VMSG_ERROR_AGAIN;
	}
	if (error < 0) {
		bus->stats.dropped++;
		return error;
	}
	vmsg_bus_mend(bus, dialect, frame.size);
	error = vmsg_decode(dialect, frame, &message, NULL);
	if (is_serving && (error < 0 || !may_interrupt(bus, dialect, &message))) {
		return VMSG_ERROR_AGAIN;
	}
	if (carrier == VMSG_CARRIER_INDIRECT && bus->dialect->id == VMSG_PROFILE_R0) {
		bus->events = VMSG_EVENTS_INDIRECT; /* VERSION did not say that it could */
	}
	if (error == 0 && message.header.type == VMSG_VERSION && dialect->has_token &&
	    !version_dialect(bus, frame)) {
		error = VMSG_ERROR_TRAILING; /* the length says which r2 or r3; r1 goes by number */
	}
	if (error < 0) {
		reject(bus, dialect, &message, &raw, error);
		return error;
	}
	return dispatch(bus, dialect, &message, &raw);
}

void vmsg_bus_device_output(struct vmsg_bus *bus, bool stuck)
{
	if (bus->reset_pending) {
		return; /* devices first let go of their areas */
	}
	if (bus->state == VMSG_BUS_RESETTING && !vmsg_bus_areas_remain(bus) &&
	    !vmsg_bus_fifo_remains(bus)) {
		vmsg_bus_close_window(bus);
		bus->state = VMSG_BUS_DOWN;
		bus->profile = NULL;
		if (bus->answer_due) {
			answer_reset(bus, VMSG_RESULT_SUCCESS);
		}
	} else if (bus->state == VMSG_BUS_RESETTING && bus->answer_due && stuck) {
		answer_reset(bus, VMSG_RESULT_BUSY);
	}
	if (bus->version_due && (stuck || bus->state != VMSG_BUS_RESETTING)) {
		const struct vmsg_message message = bus->message;
		bus->version_due = false;
		serve_version(bus, bus->dialect, &message, false);
	}
	if (bus->poll_empty && !bus->out_due) {
		const struct vmsg_message empty = answer_to(&bus->answering);
		bus->poll_empty = false;
		bus->notified = false;
		vmsg_bus_put(bus, &empty);
	}
	if (vmsg_bus_can_send_event(bus) && put_own_event(bus)) {
		bus->out_carrier = vmsg_bus_event_carrier(bus);
	}
}

int vmsg_bus_add_device(struct vmsg_bus *bus, uint16_t number)
{
	return vmsg_bus_is_driver(bus) ? VMSG_ERROR_STATE : vmsg_bus_number_add(bus, number);
}

int vmsg_bus_remove_device(struct vmsg_bus *bus, uint16_t number)
{
	if (vmsg_bus_is_driver(bus)) {
		return VMSG_ERROR_STATE;
	}
	const int error = vmsg_bus_number_remove(bus, number);
	if (bus->message_pending && bus->message.header.dev_num == number && error == 0) {
		bus->message_pending = false;
		bus->stats.dropped++;
	}
	return error;
}

int vmsg_bus_refuse(struct vmsg_bus *bus, uint64_t now_ns, const struct vmsg_header *request)
{
	struct vmsg_message error = {
		.header = {
			.type = VMSG_ERROR,
			.kind = VMSG_RESPONSE,
			.dev_num = request->dev_num,
			.token = request->token,
		},
	};

	if (vmsg_bus_is_driver(bus) || request->kind != VMSG_REQUEST || !vmsg_bus_is_up(bus)) {
		return VMSG_ERROR_STATE;
	}
	if (bus->out_due) {
		return VMSG_ERROR_AGAIN;
	}
	bus->now_ns = now_ns;
	if (bus->dialect->has_error) {
		error.body.error_response.original_msg_id =
			(uint16_t)vmsg_type_id(request->type, vmsg_profile_layout(bus->dialect));
		vmsg_bus_put(bus, &error);
	}
	return VMSG_OK;
}
