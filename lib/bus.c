/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both roles of a bus session share: frames in and out, events, time. Invariants: one frame is
 * on its way out at a time and stays in `out` until the next, so that it can be sent again; events
 * come from the tables and flags that they are about, so that none needs a queue and none is lost.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "port.h"

#define REQUEST_TIMEOUT_NS 5000000000u
#define POLL_INTERVAL_NS   100000000u

/* A device that answers with nothing is asked again after 1, 2, 4, 8, 16, 16 ms */
#define BUSY_DOUBLINGS 4

/* Bus feature bits of r0's VERSION; bits 15:8 count areas */
#define B0_INDIRECT 1u
#define B0_DIRECT   2u

/* Bit of a message id that makes it an event */
#define ID_EVENT 0x40u

int vmsg_bus_init(struct vmsg_bus *bus, const struct vmsg_bus_options *options)
{
	*bus = (struct vmsg_bus){ 0 };
	if (!options->memory || options->device_capacity > 65536 ||
	    (options->device_capacity > 0 && !options->devices) ||
	    !vmsg_bus_choice_exists(NULL, options->carriers, options->events)) {
		return VMSG_ERROR_INVALID;
	}
	if (options->profile && !options->profile->has_size) {
		return VMSG_ERROR_REVISION;
	}
	bus->options = *options;
	bus->options.bus_features = vmsg_bus_offer(options);
	bus->options.max_areas = options->max_areas ? options->max_areas : VMSG_AREAS_UNLIMITED;
	if (options->request_timeout_ns == 0) {
		bus->options.request_timeout_ns = REQUEST_TIMEOUT_NS;
	}
	if (options->poll_interval_ns == 0) {
		bus->options.poll_interval_ns = POLL_INTERVAL_NS;
	}
	bus->options.wide_area_ids |= vmsg_bus_allows(bus, VMSG_QUIRK_TRUSTY_AREA_IDS);
	bus->dialect = options->profile ? options->profile : vmsg_profile(VMSG_PROFILE_R3);
	bus->next_token = VMSG_BUS_FIRST_TOKEN;
	bus->next_area_id = 1;
	bus->acting = VMSG_BUS_NONE;
	bus->out_request = VMSG_BUS_NONE;
	bus->choice = VMSG_BUS_NO_CHOICE;
	return VMSG_OK;
}

bool vmsg_bus_listens(const struct vmsg_bus *bus)
{
	const bool chosen = bus->choice != VMSG_BUS_NO_CHOICE && vmsg_bus_is_up(bus);

	return vmsg_bus_bootstrap(bus) != VMSG_CARRIER_DIRECT ||
	       (chosen && (bus->carrier != VMSG_CARRIER_DIRECT || bus->events != VMSG_EVENTS_POLL));
}

const char *vmsg_bus_state_name(enum vmsg_bus_state state)
{
	static const char *const names[] = {
		[VMSG_BUS_DOWN] = "down",
		[VMSG_BUS_PROBING] = "probing",
		[VMSG_BUS_NEGOTIATED] = "negotiated",
		[VMSG_BUS_RUNNING] = "running",
		[VMSG_BUS_RESETTING] = "resetting",
		[VMSG_BUS_SUSPENDED] = "suspended",
		[VMSG_BUS_FAILED] = "failed",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

uint16_t vmsg_bus_frame_size_max(const struct vmsg_bus *bus)
{
	const uint16_t most = bus->dialect->frame_size_max;

	return most < VMSG_FRAME_SIZE_MAX ? most : VMSG_FRAME_SIZE_MAX;
}

uint32_t vmsg_bus_features_to_b0(uint32_t features, uint16_t max_areas)
{
	const uint32_t direct = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX;
	const uint32_t indirect = VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX;

	return (features & direct ? B0_DIRECT : 0) | (features & indirect ? B0_INDIRECT : 0) |
	       (uint32_t)max_areas << 8;
}

uint32_t vmsg_bus_features_from_b0(uint32_t features)
{
	const uint32_t direct = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX;
	const uint32_t indirect = VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX;

	return (features & B0_DIRECT ? direct : 0) | (features & B0_INDIRECT ? indirect : 0);
}

/* A VERSION request says nothing of features in some dialects: then the device knows only its own.
 */
void vmsg_bus_agree(struct vmsg_bus *bus, const struct vmsg_version *peer)
{
	uint32_t theirs = peer->bus_features;

	bus->profile = bus->dialect;
	bus->state = VMSG_BUS_NEGOTIATED;
	bus->peer_ffa_version = peer->ffa_version;
	bus->peer_max_areas = peer->max_areas;
	bus->transport_features = bus->options.transport_features & peer->transport_features;
	if (bus->dialect->id == VMSG_PROFILE_R0) {
		bus->peer_max_areas = (uint16_t)(theirs >> 8 & 0xff);
		theirs = vmsg_bus_features_from_b0(theirs);
	}
	bus->peer_bus_features = theirs;
	if (!vmsg_bus_is_driver(bus) && theirs == 0) {
		theirs = bus->options.bus_features;
		bus->transport_features =
			bus->dialect->has_version_probe ? bus->options.transport_features : 0;
	}
	bus->bus_features = bus->options.bus_features & theirs;
	bus->events = VMSG_EVENTS_POLL;
	/* areas of an earlier session, on their way out, keep the addresses of their dialect */
	bus->options.memory->id_shift = bus->profile->area_id_shift;
}

/* ---- frames out ---- */

/* By what a driver sends: what is about the session itself goes by what was there before it. */
static enum vmsg_carrier driver_carrier(const struct vmsg_bus *bus, enum vmsg_type type)
{
	const bool about_session = type == VMSG_VERSION || type == VMSG_RESET ||
				   type == VMSG_EVENT_CONFIGURE || type == VMSG_FIFO_CONFIGURE;
	const bool chosen =
		vmsg_bus_is_up(bus) && (bus->events_on || !bus->dialect->has_event_configure);

	return chosen && !about_session ? bus->carrier : vmsg_bus_bootstrap(bus);
}

void vmsg_bus_count_latency(struct vmsg_bus *bus, uint64_t start_ns)
{
	uint64_t rest = (bus->now_ns - start_ns) >> 10;
	size_t bucket = 0;

	while (rest > 0 && bucket < VMSG_BUS_LATENCIES - 1) {
		rest >>= 1;
		bucket++;
	}
	bus->stats.latencies[bucket]++;
}

/* Encodes into `out`; the frame is due. */
int vmsg_bus_put_frame(struct vmsg_bus *bus, const struct vmsg_message *message,
		       uint64_t deadline_ns)
{
	const struct vmsg_span room = { bus->out, vmsg_bus_frame_size_max(bus) };
	const int size = vmsg_encode(bus->dialect, message, room, NULL);

	if (size < 0) {
		return size == VMSG_ERROR_NO_SPACE ? VMSG_ERROR_RANGE : size;
	}
	bus->out_due = true;
	bus->out_is_event = message->header.kind == VMSG_EVENT;
	bus->out_dev_num = message->header.dev_num;
	bus->out_tries = 0;
	bus->out_request = VMSG_BUS_NONE;
	bus->out_size = (uint16_t)size;
	bus->out_ns = bus->now_ns;
	bus->out_deadline_ns = deadline_ns;
	bus->out_carrier = vmsg_bus_is_driver(bus) ? driver_carrier(bus, message->header.type)
						   : bus->in_carrier;
	bus->stats.sent[message->header.type]++;
	bus->stats.sent_bytes += (uint64_t)size;
	if (message->header.kind == VMSG_RESPONSE && !vmsg_bus_is_driver(bus)) {
		vmsg_bus_count_latency(bus, bus->served_ns);
	}
	return VMSG_OK;
}

void vmsg_bus_put(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	VMSG_ASSERT(!bus->out_due);
	const int error = vmsg_bus_put_frame(
		bus, message, vmsg_bus_after(bus->now_ns, bus->options.request_timeout_ns));
	VMSG_ASSERT(error == VMSG_OK);
	(void)error;
}

/* The transport forbids its bus to say more than the device does; FF-A's bus does, by this (O16).
 */
void vmsg_bus_put_error(struct vmsg_bus *bus, const struct vmsg_raw_header *raw)
{
	const bool is_request = !(raw->type & VMSG_TYPE_RESPONSE) && !(raw->msg_id & ID_EVENT);
	const struct vmsg_message error = {
		.header = {
			.type = VMSG_ERROR,
			.kind = VMSG_RESPONSE,
			.dev_num = raw->dev_num,
			.token = raw->token,
		},
		.body.error_response.original_msg_id = raw->msg_id,
	};

	if (is_request && bus->dialect->has_error) {
		vmsg_bus_put(bus, &error);
	}
}

/* Do a device's events travel by themselves? */
static bool delivers_events(const struct vmsg_bus *bus)
{
	return bus->events == VMSG_EVENTS_INDIRECT || bus->events == VMSG_EVENTS_FIFO;
}

enum vmsg_carrier vmsg_bus_event_carrier(const struct vmsg_bus *bus)
{
	return bus->events == VMSG_EVENTS_FIFO ? VMSG_CARRIER_FIFO : VMSG_CARRIER_INDIRECT;
}

bool vmsg_bus_can_send_event(const struct vmsg_bus *bus)
{
	return !vmsg_bus_is_driver(bus) && vmsg_bus_is_up(bus) && bus->events_on &&
	       delivers_events(bus) && !bus->out_due && bus->aside_size == 0 && !bus->answer_due &&
	       !bus->poll_pending && !bus->poll_empty && !bus->message_pending;
}

/* A direct request has one answer, now: no event that waits for room is in its way. */
static void set_event_aside(struct vmsg_bus *bus)
{
	if (bus->out_due && bus->out_is_event && bus->out_carrier != VMSG_CARRIER_DIRECT &&
	    bus->aside_size == 0) {
		memcpy(bus->aside, bus->out, bus->out_size);
		bus->aside_size = bus->out_size;
		bus->aside_ns = bus->out_ns;
		bus->aside_deadline_ns = bus->out_deadline_ns;
		bus->out_due = false;
	}
}

/* Its turn comes again when nothing is being answered. */
static void put_event_back(struct vmsg_bus *bus)
{
	if (bus->aside_size > 0 && vmsg_bus_can_take(bus)) {
		memcpy(bus->out, bus->aside, bus->aside_size);
		bus->out_size = bus->aside_size;
		bus->out_ns = bus->aside_ns;
		bus->out_deadline_ns = bus->aside_deadline_ns;
		bus->out_carrier = vmsg_bus_event_carrier(bus);
		bus->out_request = VMSG_BUS_NONE;
		bus->out_is_event = true;
		bus->out_due = true;
		bus->aside_size = 0;
	}
}

int vmsg_bus_send(struct vmsg_bus *bus, uint64_t now_ns, const struct vmsg_message *message)
{
	const bool driver = vmsg_bus_is_driver(bus);
	const bool event = message->header.kind == VMSG_EVENT;
	int error;

	if (vmsg_type_is_bus(message->header.type) || message->header.type == VMSG_NONE ||
	    message->header.kind == (driver ? VMSG_RESPONSE : VMSG_REQUEST)) {
		return VMSG_ERROR_INVALID;
	}
	if (driver ? bus->state != VMSG_BUS_RUNNING : !vmsg_bus_is_up(bus)) {
		return VMSG_ERROR_STATE;
	}
	if (driver && vmsg_bus_number_is_stale(bus, message->header.dev_num)) {
		return VMSG_ERROR_NOT_FOUND; /* it is meant for the one that has gone */
	}
	const bool unasked = !driver && event && !bus->poll_empty;
	if (unasked && !(bus->events_on && delivers_events(bus))) {
		return VMSG_ERROR_STATE;
	}
	if (bus->out_due || bus->answer_due) {
		return VMSG_ERROR_AGAIN;
	}
	bus->now_ns = now_ns;
	const uint64_t deadline_ns = vmsg_bus_after(now_ns, bus->options.request_timeout_ns);
	if (message->header.kind == VMSG_REQUEST) {
		error = vmsg_bus_put_request(bus, message, deadline_ns, false);
	} else if (event && message->header.token != 0) { /* sent as 0, taken as anything (O11) */
		struct vmsg_message copy = *message;
		copy.header.token = 0;
		error = vmsg_bus_put_frame(bus, &copy, deadline_ns);
	} else {
		error = vmsg_bus_put_frame(bus, message, deadline_ns);
	}
	if (error >= 0 && unasked) {
		bus->out_carrier = vmsg_bus_event_carrier(bus);
	} else if (error >= 0 && !driver && event) {
		bus->poll_empty = false;
	}
	return error < 0 ? error : VMSG_OK;
}

bool vmsg_bus_can_send(const struct vmsg_bus *bus)
{
	bool room = false;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		room |= !bus->requests[i].used;
	}
	return room && !bus->out_due && bus->state == VMSG_BUS_RUNNING;
}

void vmsg_bus_fail(struct vmsg_bus *bus, int error)
{
	vmsg_bus_end_requests(bus, error);
	bus->state = VMSG_BUS_FAILED;
	bus->error = error;
	bus->failed_pending = true;
	bus->up_pending = false;
	bus->events_on = false;
	bus->resuming = false;
	vmsg_bus_check_forget(bus);
	bus->step = 0;
	vmsg_bus_areas_drop(bus, false);
	vmsg_bus_fifo_drop(bus);
}

void vmsg_bus_abandon(struct vmsg_bus *bus, uint64_t now_ns, int error)
{
	bus->now_ns = now_ns;
	if (!vmsg_bus_is_driver(bus)) {
		vmsg_bus_device_reset(bus);
	} else if (bus->state != VMSG_BUS_DOWN && bus->state != VMSG_BUS_FAILED) {
		vmsg_bus_fail(bus, error);
	}
}

int vmsg_bus_input(struct vmsg_bus *bus, uint64_t now_ns, struct vmsg_bytes frame)
{
	return vmsg_bus_input_by(bus, now_ns, VMSG_CARRIER_DIRECT, frame);
}

bool vmsg_bus_can_take(const struct vmsg_bus *bus)
{
	const bool serving = bus->out_due || bus->answer_due || bus->version_due ||
			     bus->poll_pending || bus->poll_empty;

	return !bus->message_pending && bus->acting == VMSG_BUS_NONE &&
	       (vmsg_bus_is_driver(bus) || !serving);
}

/* Our own copy of a frame: tails stay until the next input. */
static struct vmsg_bytes keep(struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	if (frame.size > sizeof(bus->in)) {
		frame.size = sizeof(bus->in); /* no session has agreed on more */
	}
	if (frame.size > 0) {
		memcpy(bus->in, frame.data, frame.size);
	}
	frame.data = bus->in;
	return frame;
}

int vmsg_bus_late(struct vmsg_bus *bus, uint64_t now_ns, struct vmsg_bytes frame)
{
	if (bus->message_pending || bus->acting != VMSG_BUS_NONE) {
		return VMSG_ERROR_AGAIN;
	}
	bus->now_ns = now_ns;
	return vmsg_bus_driver_late(bus, keep(bus, frame));
}

int vmsg_bus_input_by(struct vmsg_bus *bus, uint64_t now_ns, enum vmsg_carrier carrier,
		      struct vmsg_bytes frame)
{
	if (bus->message_pending || bus->acting != VMSG_BUS_NONE) {
		return VMSG_ERROR_AGAIN;
	}
	const enum vmsg_carrier before = bus->in_carrier;
	bus->now_ns = now_ns;
	bus->in_carrier = carrier;
	frame = keep(bus, frame);
	if (vmsg_bus_is_driver(bus)) {
		return vmsg_bus_driver_input(bus, frame);
	}
	if (carrier == VMSG_CARRIER_DIRECT) {
		set_event_aside(bus);
	}
	const bool is_serving = !vmsg_bus_can_take(bus);
	const int error = vmsg_bus_device_input(bus, carrier, frame);
	if (is_serving && (error == VMSG_ERROR_AGAIN || bus->message_pending)) {
		bus->in_carrier = before; /* of the request that is served */
	}
	return error;
}

static bool is_all_zero(struct vmsg_bytes frame)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < frame.size; i++) {
		sum |= frame.data[i];
	}
	return sum == 0;
}

int vmsg_bus_answer(struct vmsg_bus *bus, uint64_t now_ns, struct vmsg_bytes frame)
{
	bus->now_ns = now_ns;
	if (is_all_zero(frame)) { /* busy; to EVENT_POLL also "nothing" (O23) */
		if (vmsg_bus_last_request(bus) &&
		    bus->requests[bus->out_request].type == VMSG_EVENT_POLL) {
			vmsg_bus_fail_request(bus, vmsg_bus_last_request(bus), VMSG_ERROR_AGAIN);
		} else if (!bus->out_is_event && vmsg_bus_last_request(bus)) {
			vmsg_bus_send_failed(bus, now_ns, VMSG_ERROR_AGAIN);
			bus->out_ns = vmsg_bus_after(now_ns,
						     (uint64_t)VMSG_BUS_RETRY_NS << bus->out_tries);
			bus->out_tries =
				(uint8_t)(bus->out_tries + (bus->out_tries < BUSY_DOUBLINGS));
		}
		return VMSG_OK;
	}
	const int error = vmsg_bus_input(bus, now_ns, frame);
	if (error != VMSG_ERROR_AGAIN && vmsg_bus_last_request(bus)) {
		vmsg_bus_fail_request(bus, vmsg_bus_last_request(bus), VMSG_ERROR_PEER);
	}
	return error;
}

void vmsg_bus_send_failed(struct vmsg_bus *bus, uint64_t now_ns, int error)
{
	struct vmsg_bus_request *request = vmsg_bus_last_request(bus);

	const bool wanted = request || bus->out_is_event || !vmsg_bus_is_driver(bus);

	bus->now_ns = now_ns;
	bus->stats.busy += error == VMSG_ERROR_AGAIN;
	if (error == VMSG_ERROR_AGAIN && now_ns < bus->out_deadline_ns && wanted) {
		bus->stats.retries++;
		bus->out_due = true;
		bus->out_ns = vmsg_bus_after(now_ns, VMSG_BUS_RETRY_NS);
	} else if (error == VMSG_ERROR_AGAIN && !wanted) {
		return; /* its request has ended meanwhile */
	} else if (error == VMSG_ERROR_AGAIN || error == VMSG_ERROR_TIMEOUT) {
		bus->stats.timeouts++;
		if (request) {
			vmsg_bus_fail_request(bus, request, VMSG_ERROR_TIMEOUT);
		} else if (bus->out_is_event && vmsg_bus_is_driver(bus)) {
			bus->avail_lost = true;
			vmsg_bus_doubt(bus, VMSG_ERROR_TIMEOUT);
		}
	} else if (!vmsg_bus_is_driver(bus) && bus->out_is_event) {
		vmsg_bus_device_event_lost(bus);
	} else if (!vmsg_bus_driver_is_forgotten(bus)) {
		vmsg_bus_abandon(bus, now_ns, error);
	}
}

/* ---- pulling ---- */

/* What the session wants done that is about no area. */
static int own_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	int due = vmsg_bus_is_driver(bus) ? vmsg_bus_driver_action(bus, output)
					  : vmsg_bus_device_action(bus, output);

	if (!due) {
		due = vmsg_bus_fifo_action(bus, output);
	}
	if (due) {
		bus->acting = VMSG_BUS_ITSELF;
		bus->acting_kind = output->kind;
	}
	return due;
}

int vmsg_bus_output(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	*output = (struct vmsg_bus_output){ 0 };
	if (bus->acting != VMSG_BUS_NONE) {
		return 0;
	}
	if (!bus->out_due && vmsg_bus_is_driver(bus)) {
		vmsg_bus_driver_output(bus);
	} else if (!bus->out_due) {
		vmsg_bus_device_output(bus, false);
		put_event_back(bus);
	}
	if (!bus->out_due && !(bus->reset_pending && !vmsg_bus_is_driver(bus))) {
		if (vmsg_bus_area_action(bus, output) == 1 || own_action(bus, output) == 1) {
			return 1;
		}
		if (!vmsg_bus_is_driver(bus)) {
			vmsg_bus_device_output(bus, true);
		}
	}
	if (!bus->out_due || bus->now_ns < bus->out_ns) {
		return 0;
	}
	bus->out_due = false;
	output->kind = VMSG_BUS_SEND;
	output->carrier = bus->out_carrier;
	output->notification_id = bus->peer_notification_id;
	output->frame = (struct vmsg_bytes){ bus->out, bus->out_size };
	output->is_event = bus->out_is_event;
	output->deadline_ns = bus->out_deadline_ns;
	return 1;
}

void vmsg_bus_complete(struct vmsg_bus *bus, uint64_t now_ns, int result,
		       const struct vmsg_segment *segments, size_t segment_count)
{
	VMSG_ASSERT(bus->acting != VMSG_BUS_NONE);
	bus->now_ns = now_ns;
	if (bus->acting != VMSG_BUS_ITSELF) {
		vmsg_bus_area_complete(bus, result, segments, segment_count);
	} else {
		bus->acting = VMSG_BUS_NONE;
		if (vmsg_bus_is_driver(bus)) {
			vmsg_bus_driver_complete(bus, result);
		} else {
			vmsg_bus_device_complete(bus, result);
		}
	}
	if (vmsg_bus_is_driver(bus)) {
		vmsg_bus_driver_settle(bus);
	}
}

void vmsg_bus_complete_fifo(struct vmsg_bus *bus, uint64_t now_ns, int result, uint64_t handle,
			    uint16_t pages)
{
	bus->fifo_handle = handle;
	bus->fifo_pages = pages;
	vmsg_bus_complete(bus, now_ns, result, NULL, 0);
}

int vmsg_bus_next_message(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	*event = (struct vmsg_bus_event){ 0 };
	for (size_t i = 0; bus->requests_failed && i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (request->used && request->failed) {
			event->kind = VMSG_BUS_EVENT_REQUEST_FAILED;
			event->error = request->error;
			event->type = request->type;
			event->dev_num = request->dev_num;
			event->token = request->caller_token;
			*request = (struct vmsg_bus_request){ 0 };
			return 1;
		}
	}
	bus->requests_failed = false;
	if (bus->avail_lost) {
		bus->avail_lost = false;
		event->kind = VMSG_BUS_EVENT_REQUEST_FAILED;
		event->error = VMSG_ERROR_TIMEOUT;
		event->type = VMSG_EVENT_AVAIL;
		event->dev_num = bus->out_dev_num;
		return 1;
	}
	if (!bus->message_pending) {
		return 0;
	}
	bus->message_pending = false;
	event->kind = VMSG_BUS_EVENT_MESSAGE;
	event->type = bus->message.header.type;
	event->dev_num = bus->message.header.dev_num;
	event->token = bus->message.header.token;
	event->message = bus->message;
	return 1;
}

/* Events of the session as a whole; the end comes before a new beginning. */
static bool session_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	if (bus->failed_pending) {
		bus->failed_pending = false;
		event->kind = VMSG_BUS_EVENT_FAILED;
		event->error = bus->error;
	} else if (bus->reset_pending) {
		bus->reset_pending = false;
		event->kind = VMSG_BUS_EVENT_RESET;
	} else if (bus->up_pending) {
		bus->up_pending = false;
		event->kind = VMSG_BUS_EVENT_UP;
	} else {
		return false;
	}
	return true;
}

int vmsg_bus_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	bool added;

	*event = (struct vmsg_bus_event){ 0 };
	if (vmsg_bus_quirk_event(bus, event) || session_event(bus, event) ||
	    vmsg_bus_area_event(bus, event)) {
		return 1;
	}
	if (vmsg_bus_is_driver(bus) && bus->state == VMSG_BUS_RUNNING &&
	    vmsg_bus_number_change(bus, &event->dev_num, &added)) {
		event->kind = added ? VMSG_BUS_EVENT_DEVICE_ADDED : VMSG_BUS_EVENT_DEVICE_REMOVED;
		return 1;
	}
	if (vmsg_bus_next_message(bus, event)) {
		return 1;
	}
	if (bus->poll_pending) {
		bus->poll_pending = false;
		bus->poll_empty = true; /* unless an event is sent before the next output */
		event->kind = VMSG_BUS_EVENT_POLLED;
		return 1;
	}
	return 0;
}

int vmsg_bus_null_reply(const struct vmsg_bus *bus, struct vmsg_bytes frame,
			uint8_t reply[VMSG_FRAME_SIZE_MAX])
{
	const struct vmsg_profile *dialect = bus->dialect;
	const struct vmsg_span room = { reply, VMSG_FRAME_SIZE_MAX };
	struct vmsg_message message = { .header = { .kind = VMSG_RESPONSE } };
	struct vmsg_raw_header raw;

	memset(reply, 0, VMSG_FRAME_SIZE_MAX);
	const int error = vmsg_decode_header(dialect, frame, &raw, NULL);
	message.header.token = raw.token;
	const int size = vmsg_encode(dialect, &message, room, NULL);
	VMSG_ASSERT(size == dialect->header_size);
	if (error == 0 && raw.msg_id & ID_EVENT && !dialect->null_reply_to_event) {
		reply[0] = (uint8_t)((raw.type & VMSG_TYPE_BUS) | VMSG_TYPE_RESPONSE);
		memcpy(reply + 1, frame.data + 1, 3); /* id and device number */
	}
	return size;
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t vmsg_bus_deadline(const struct vmsg_bus *bus)
{
	uint64_t deadline_ns = earlier(vmsg_bus_area_deadline(bus), vmsg_bus_fifo_deadline(bus));

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		if (vmsg_bus_is_in_flight(&bus->requests[i])) {
			deadline_ns = earlier(deadline_ns, bus->requests[i].deadline_ns);
		}
	}
	if (bus->out_due || bus->notify_due) {
		deadline_ns = earlier(deadline_ns, bus->out_ns);
	}
	return vmsg_bus_is_driver(bus) ? earlier(deadline_ns, vmsg_bus_driver_deadline(bus))
				       : deadline_ns;
}

void vmsg_bus_tick(struct vmsg_bus *bus, uint64_t now_ns)
{
	bus->now_ns = now_ns;
	if (bus->out_due && now_ns >= bus->out_deadline_ns) {
		bus->out_due = false; /* never got through */
		bus->stats.dropped++;
		bus->avail_lost |= bus->out_is_event && vmsg_bus_is_driver(bus);
	}
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (vmsg_bus_is_in_flight(request) && now_ns >= request->deadline_ns) {
			bus->stats.timeouts++;
			vmsg_bus_fail_request(bus, request, VMSG_ERROR_TIMEOUT);
		}
	}
	if (vmsg_bus_is_driver(bus)) {
		vmsg_bus_driver_settle(bus);
	}
}
