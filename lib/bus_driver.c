/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver role of a bus session: brings it up one request at a time (RESET, VERSION in one dialect
 * after the other, EVENT_CONFIGURE for one way of event delivery after the other, GET_DEVICES),
 * polls for events, takes it down. Invariants: a dialect counts as agreed only when the device has
 * repeated our version; lists of devices end, whatever the device says, because each window begins
 * beyond the one before.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

enum step {
	STEP_NONE,
	STEP_RESET,
	STEP_PROBE,   /* VERSION with zeros: what does the device have? */
	STEP_VERSION, /* the version that is to be agreed */
	STEP_BIND,    /* an action: the notification that the device is about to be told of */
	STEP_SHARE,   /* actions: a FIFO, once an earlier one is gone */
	STEP_FIFO,
	STEP_EVENTS,
	STEP_DEVICES,
};

/* Newest first. A dialect is given up for the next when the device does not answer in it. */
static const uint8_t ladder[] = { VMSG_PROFILE_R3, VMSG_PROFILE_R2B, VMSG_PROFILE_R2A,
				  VMSG_PROFILE_R1 };
#define RUNGS (sizeof(ladder) / sizeof(ladder[0]))

/* Requests before the last rung can be given up; they share one request time-out. */
#define NEGOTIATION_STEPS (RUNGS + 1)

#define RESET_TRIES 3

/* FF-A version that r3 demands of a device: 1.2 */
#define LEAST_FFA_VERSION 0x00010002u

/* Slots asked for at once: with 32 bytes of bitmap the answer fits the least maximum of any bus. */
#define WINDOW_SLOTS 256u

/* EVENT_POLLs in one round */
#define POLLS_MAX 64

/* ---- steps ---- */

static void go(struct vmsg_bus *bus, enum step step)
{
	bus->step = (uint8_t)step;
	bus->step_tries = 0;
	bus->step_asked = false;
	bus->step_ns = bus->now_ns;
}

/* First request in a dialect. RESET, where a device serves it before VERSION, clears what an
 * earlier driver left behind. */
static void begin_dialect(struct vmsg_bus *bus, const struct vmsg_profile *dialect)
{
	bus->dialect = dialect;
	bus->version_pair[0] = dialect->bus_version;
	bus->version_pair[1] = VMSG_TRANSPORT_REVISION;
	go(bus, dialect->has_version_probe ? STEP_RESET : STEP_VERSION);
	if (!dialect->has_token && bus->owed_ns > bus->now_ns) {
		bus->step_ns = bus->owed_ns;
	}
}

static const struct vmsg_profile *rung(const struct vmsg_bus *bus)
{
	const enum vmsg_profile_id id = (enum vmsg_profile_id)ladder[bus->rung];

	return vmsg_profile(
		id == VMSG_PROFILE_R1 && bus->options.wide_area_ids ? VMSG_PROFILE_R1_A16 : id);
}

static void next_rung(struct vmsg_bus *bus, int error)
{
	if (bus->options.profile || bus->rung + 1u == RUNGS) {
		vmsg_bus_fail(bus, error);
		return;
	}
	bus->rung++;
	begin_dialect(bus, rung(bus));
}

/* From the beginning: nothing of what was agreed or shared is left. */
static void begin_session(struct vmsg_bus *bus)
{
	vmsg_bus_areas_drop(bus, true);
	vmsg_bus_fifo_drop(bus);
	bus->state = VMSG_BUS_PROBING;
	bus->error = VMSG_OK;
	bus->profile = NULL;
	bus->events_on = false;
	bus->resuming = false;
	bus->choice = VMSG_BUS_NO_CHOICE;
	bus->rung = 0;
	vmsg_bus_check_forget(bus);
	begin_dialect(bus, bus->options.profile ? bus->options.profile : rung(bus));
}

int vmsg_bus_start(struct vmsg_bus *bus, uint64_t now_ns)
{
	bus->now_ns = now_ns;
	if (!vmsg_bus_is_driver(bus)) {
		return VMSG_OK;
	}
	if (bus->state != VMSG_BUS_DOWN && bus->state != VMSG_BUS_FAILED) {
		return VMSG_ERROR_STATE;
	}
	bus->device_count = 0;
	begin_session(bus);
	return VMSG_OK;
}

int vmsg_bus_reset(struct vmsg_bus *bus, uint64_t now_ns)
{
	const struct vmsg_message reset = {
		.header = { .type = VMSG_RESET, .kind = VMSG_REQUEST },
	};

	if (!vmsg_bus_is_driver(bus) || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	if (vmsg_encoded_size(bus->dialect, &reset) < 0) {
		return VMSG_ERROR_REVISION;
	}
	bus->now_ns = now_ns;
	vmsg_bus_end_requests(bus, VMSG_ERROR_STATE);
	bus->state = VMSG_BUS_RESETTING;
	bus->events_on = false;
	vmsg_bus_check_forget(bus);
	go(bus, STEP_RESET);
	return VMSG_OK;
}

/* Everything the device had of us is gone. */
static void after_reset(struct vmsg_bus *bus)
{
	if (bus->state == VMSG_BUS_PROBING) {
		go(bus, STEP_PROBE);
		return;
	}
	go(bus, STEP_NONE);
	bus->step_ns = vmsg_bus_after(bus->now_ns, bus->options.request_timeout_ns);
	bus->owed_ns = 0; /* they came before this one */
	vmsg_bus_areas_drop(bus, true);
	vmsg_bus_fifo_drop(bus);
	vmsg_bus_driver_settle(bus);
}

/* Without EVENT_CONFIGURE there is no telling whether the device sends events where it could. */
static bool must_poll(const struct vmsg_bus *bus)
{
	return bus->carrier == VMSG_CARRIER_DIRECT &&
	       (bus->events == VMSG_EVENTS_POLL || !bus->dialect->has_event_configure);
}

void vmsg_bus_driver_polled(struct vmsg_bus *bus, bool more)
{
	const bool go_on = more && ++bus->polls < POLLS_MAX;

	bus->polling = false;
	if (go_on) {
		bus->next_poll_ns = bus->now_ns;
		return;
	}
	bus->polls = 0;
	bus->next_poll_ns = more || must_poll(bus)
				    ? vmsg_bus_after(bus->now_ns, bus->options.poll_interval_ns)
				    : VMSG_BUS_NEVER;
}

static void running(struct vmsg_bus *bus)
{
	go(bus, STEP_NONE);
	bus->state = VMSG_BUS_RUNNING;
	bus->up_pending = true;
	vmsg_bus_check_later(bus);
	vmsg_bus_driver_polled(bus, false); /* the first poll is an interval away */
	if (bus->events == VMSG_EVENTS_NOTIFICATION) {
		bus->next_poll_ns =
			bus->now_ns; /* what was notified on the way here was not heard */
	}
}

/* Begins to set up the event delivery chosen. */
static void begin_events(struct vmsg_bus *bus)
{
	const bool by_notification =
		bus->events == VMSG_EVENTS_NOTIFICATION || bus->events == VMSG_EVENTS_FIFO;

	go(bus, by_notification ? STEP_BIND : STEP_EVENTS);
}

/* The first choice that the two sides have; or the next after one that has been refused. */
static bool choose(struct vmsg_bus *bus, uint8_t from)
{
	if (vmsg_bus_choose(bus, from)) {
		return true;
	}
	vmsg_bus_fail(bus, vmsg_bus_choice_exists(bus->dialect, bus->options.carriers,
						  bus->options.events)
				   ? VMSG_ERROR_PEER
				   : VMSG_ERROR_REVISION);
	return false;
}

static void next_choice(struct vmsg_bus *bus)
{
	vmsg_bus_fifo_drop(bus);
	if (choose(bus, (uint8_t)(bus->choice + 1))) {
		begin_events(bus);
	}
}

int vmsg_bus_suspend(struct vmsg_bus *bus, uint64_t now_ns)
{
	if (!vmsg_bus_is_driver(bus) || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	bool is_busy =
		bus->out_due || bus->message_pending || bus->checking || vmsg_bus_areas_busy(bus);
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		is_busy |= bus->requests[i].used;
	}
	if (is_busy) {
		return VMSG_ERROR_AGAIN;
	}
	bus->now_ns = now_ns;
	bus->state = VMSG_BUS_SUSPENDED;
	return VMSG_OK;
}

int vmsg_bus_resume(struct vmsg_bus *bus, uint64_t now_ns)
{
	if (bus->state != VMSG_BUS_SUSPENDED) {
		return VMSG_ERROR_STATE;
	}
	bus->now_ns = now_ns;
	bus->state = VMSG_BUS_NEGOTIATED;
	bus->resuming = true;
	bus->window_offset = 0;
	vmsg_bus_check_forget(bus);
	vmsg_bus_numbers_doubt(bus);
	go(bus, STEP_DEVICES);
	return VMSG_OK;
}

void vmsg_bus_list_devices(struct vmsg_bus *bus)
{
	vmsg_bus_numbers_recount(bus);
	bus->window_offset = 0;
	go(bus, STEP_DEVICES);
}

/* The device has been reset: down, as soon as it has let go of our memory. */
void vmsg_bus_driver_settle(struct vmsg_bus *bus)
{
	if (bus->step == STEP_SHARE && bus->now_ns >= bus->step_ns) {
		next_choice(bus); /* the device does not let go of the FIFO of last time */
	}
	if (bus->state != VMSG_BUS_RESETTING || bus->step != STEP_NONE) {
		return;
	}
	if (!vmsg_bus_areas_remain(bus) && !vmsg_bus_fifo_remains(bus)) {
		bus->state = VMSG_BUS_DOWN;
		bus->profile = NULL;
		bus->device_count = 0;
		bus->reset_pending = true;
	} else if (bus->now_ns >= bus->step_ns) {
		vmsg_bus_fail(bus, VMSG_ERROR_AGAIN);
	}
}

/* EVENT_CONFIGURE comes before GET_DEVICES in the newest dialect, after it in the one before. */
static void next_step(struct vmsg_bus *bus)
{
	const bool events = bus->dialect->has_event_configure;
	const bool events_first = bus->dialect->has_version_probe;

	if (bus->step == STEP_VERSION && !choose(bus, 0)) {
		return;
	}
	bus->events_on |= bus->step == STEP_EVENTS || !events;
	if (bus->resuming) {
		bus->resuming = false;
		running(bus);
	} else if (events && bus->step == (events_first ? STEP_VERSION : STEP_DEVICES)) {
		begin_events(bus);
	} else if (bus->step == STEP_VERSION || (bus->step == STEP_EVENTS && events_first)) {
		bus->window_offset = 0;
		go(bus, STEP_DEVICES);
	} else {
		running(bus);
	}
}

/* ---- what is asked ---- */

static void version_request(const struct vmsg_bus *bus, struct vmsg_version *version)
{
	if (bus->step == STEP_VERSION) {
		version->bus_version = bus->version_pair[0];
		version->transport_revision = bus->version_pair[1];
	}
	version->ffa_version = bus->options.ffa_version;
	version->bus_features = bus->options.bus_features;
	version->max_areas = bus->options.max_areas;
	if (!bus->dialect->has_token && version->max_areas > 0xff) {
		version->max_areas = 0xff;
	}
}

static void fill_step(struct vmsg_bus *bus, struct vmsg_message *message)
{
	message->header.kind = VMSG_REQUEST;
	switch ((enum step)bus->step) {
	case STEP_NONE:
	case STEP_BIND: /* not messages */
	case STEP_SHARE:
		break;
	case STEP_FIFO:
		message->header.type = VMSG_FIFO_CONFIGURE;
		message->body.fifo_configure_request = (struct vmsg_fifo_configure_request){
			.mem_handle = bus->fifo_handle,
			.page_count = (uint16_t)bus->fifo_pages,
			.notification_id = bus->options.notification_id,
		};
		break;
	case STEP_RESET:
		message->header.type = VMSG_RESET;
		break;
	case STEP_PROBE:
	case STEP_VERSION:
		message->header.type = VMSG_VERSION;
		version_request(bus, &message->body.version);
		break;
	case STEP_EVENTS:
		message->header.type = VMSG_EVENT_CONFIGURE;
		message->body.event_configure_request.method = bus->events;
		if (bus->events == VMSG_EVENTS_NOTIFICATION) {
			message->body.event_configure_request.notification_id =
				bus->options.notification_id;
		}
		break;
	case STEP_DEVICES:
		bus->window_count = (uint16_t)(WINDOW_SLOTS < 65536u - bus->window_offset
						       ? WINDOW_SLOTS
						       : 65536u - bus->window_offset);
		message->header.type = VMSG_GET_DEVICES;
		message->body.get_devices_request.offset = (uint16_t)bus->window_offset;
		message->body.get_devices_request.count = bus->window_count;
		break;
	}
}

static void ask_step(struct vmsg_bus *bus)
{
	struct vmsg_message message = { 0 };
	uint64_t timeout_ns = bus->options.request_timeout_ns;

	if (bus->state == VMSG_BUS_PROBING && !bus->options.profile) {
		timeout_ns /= NEGOTIATION_STEPS;
	}
	fill_step(bus, &message);
	if (vmsg_bus_ask(bus, &message, vmsg_bus_after(bus->now_ns, timeout_ns))) {
		bus->step_asked = true;
	}
}

static void ask_events(struct vmsg_bus *bus)
{
	const struct vmsg_message message = {
		.header = { .type = VMSG_EVENT_POLL, .kind = VMSG_REQUEST },
	};

	bus->polling = vmsg_bus_ask(bus, &message,
				    vmsg_bus_after(bus->now_ns, bus->options.request_timeout_ns));
}

void vmsg_bus_driver_output(struct vmsg_bus *bus)
{
	if (bus->step != STEP_NONE) {
		if (!bus->step_asked && bus->now_ns >= bus->step_ns && bus->step != STEP_BIND &&
		    bus->step != STEP_SHARE) {
			ask_step(bus);
		}
	} else if (vmsg_bus_check_begin(bus)) {
		ask_step(bus);
	} else if (bus->state != VMSG_BUS_SUSPENDED && !vmsg_bus_area_ask(bus) &&
		   bus->state == VMSG_BUS_RUNNING && !bus->polling &&
		   bus->now_ns >= bus->next_poll_ns) {
		ask_events(bus);
	}
}

int vmsg_bus_driver_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	if (bus->step == STEP_SHARE && !vmsg_bus_fifo_is_open(bus)) {
		vmsg_bus_fifo_begin(bus);
	}
	if (bus->step != STEP_BIND || bus->step_asked) {
		return 0;
	}
	bus->step_asked = true;
	output->kind = VMSG_BUS_BIND;
	output->notification_id = bus->options.notification_id;
	return 1;
}

void vmsg_bus_driver_complete(struct vmsg_bus *bus, int result)
{
	const bool is_bind = bus->acting_kind == VMSG_BUS_BIND;

	if (!is_bind) {
		vmsg_bus_fifo_complete(bus, result);
	}
	if (bus->acting_kind == VMSG_BUS_FIFO_RECLAIM ||
	    bus->step != (is_bind ? STEP_BIND : STEP_SHARE)) {
		return; /* overtaken by the end of the session */
	}
	if (result < 0) {
		next_choice(bus);
	} else if (!is_bind) {
		go(bus, STEP_FIFO);
	} else if (bus->events == VMSG_EVENTS_FIFO) {
		go(bus, STEP_SHARE);
		bus->step_ns = vmsg_bus_after(bus->now_ns, bus->options.request_timeout_ns);
	} else {
		go(bus, STEP_EVENTS);
	}
}

uint64_t vmsg_bus_driver_deadline(const struct vmsg_bus *bus)
{
	if (bus->step != STEP_NONE) {
		return bus->step_asked ? VMSG_BUS_NEVER : bus->step_ns;
	}
	const uint64_t check_ns = vmsg_bus_check_deadline(bus);
	const uint64_t poll_ns = bus->state == VMSG_BUS_RUNNING && !bus->polling ? bus->next_poll_ns
										 : VMSG_BUS_NEVER;
	return check_ns < poll_ns ? check_ns : poll_ns;
}

/* ---- what is answered ---- */

static void on_reset(struct vmsg_bus *bus, const struct vmsg_result *answer)
{
	if (answer->result == VMSG_RESULT_BUSY) {
		bus->step_asked = false;
		bus->step_ns = vmsg_bus_after(bus->now_ns, VMSG_BUS_RETRY_NS);
		if (++bus->step_tries == RESET_TRIES) {
			vmsg_bus_fail(bus, VMSG_ERROR_AGAIN);
		}
	} else if (answer->result == VMSG_RESULT_SUCCESS || bus->state == VMSG_BUS_PROBING) {
		after_reset(bus); /* before VERSION, a device that cannot reset may still serve */
	} else {
		vmsg_bus_fail(bus, VMSG_ERROR_PEER);
	}
}

/* Before r3: the versions are equal, no transport features, and a carrier that both have. */
static bool accepts_fixed(const struct vmsg_bus *bus, const struct vmsg_version *answer)
{
	const bool is_b0 = bus->dialect->id == VMSG_PROFILE_R0;
	const uint32_t theirs =
		is_b0 ? vmsg_bus_features_from_b0(answer->bus_features) : answer->bus_features;

	return answer->bus_version == bus->dialect->bus_version &&
	       (is_b0 || answer->transport_revision == VMSG_TRANSPORT_REVISION) &&
	       answer->transport_features == 0 && vmsg_bus_can_carry(bus, theirs);
}

static bool equals_pair(const struct vmsg_bus *bus, const struct vmsg_version *answer)
{
	return answer->bus_version == bus->version_pair[0] &&
	       answer->transport_revision == bus->version_pair[1] &&
	       answer->ffa_version >= LEAST_FFA_VERSION;
}

static void on_version(struct vmsg_bus *bus, const struct vmsg_version *answer)
{
	if (bus->step == STEP_PROBE) {
		if (equals_pair(bus, answer)) {
			go(bus, STEP_VERSION);
		} else {
			next_rung(bus, VMSG_ERROR_REVISION);
		}
	} else if (bus->dialect->has_version_probe ? equals_pair(bus, answer)
						   : accepts_fixed(bus, answer)) {
		vmsg_bus_agree(bus, answer);
		next_step(bus);
	} else if (bus->dialect->has_version_probe) {
		vmsg_bus_fail(bus, VMSG_ERROR_PEER); /* it offered just that */
	} else {
		next_rung(bus, VMSG_ERROR_REVISION);
	}
}

static void on_fifo(struct vmsg_bus *bus, const struct vmsg_fifo_configure_response *answer)
{
	if (answer->result != VMSG_RESULT_SUCCESS ||
	    answer->notification_id > VMSG_BUS_NOTIFICATION_LAST) {
		next_choice(bus);
		return;
	}
	bus->peer_notification_id = answer->notification_id;
	go(bus, STEP_EVENTS);
}

static void device_went(struct vmsg_bus *bus, uint16_t number)
{
	if (vmsg_bus_number_remove(bus, number) == VMSG_OK) {
		vmsg_bus_fail_requests_to(bus, number, VMSG_ERROR_NOT_FOUND);
	}
}

/* The device knows us. What it did not list has gone. */
static void end_check(struct vmsg_bus *bus)
{
	for (int32_t at = vmsg_bus_number_missing(bus, 0); at >= 0;
	     at = vmsg_bus_number_missing(bus, (uint32_t)at + 1)) {
		device_went(bus, (uint16_t)at);
	}
	go(bus, STEP_NONE);
	vmsg_bus_check_end(bus);
}

static void on_devices(struct vmsg_bus *bus, const struct vmsg_get_devices_response *answer)
{
	const uint32_t end = bus->window_offset + answer->count;
	const uint32_t next = answer->next_offset;
	const uint32_t least = bus->dialect->has_ordered_device_window && answer->count > 0
				       ? end
				       : bus->window_offset + 1;

	if (answer->offset != bus->window_offset || answer->count > bus->window_count ||
	    (next != 0 && next < least)) {
		vmsg_bus_fail(bus, VMSG_ERROR_PEER);
		return;
	}
	for (uint32_t i = 0; i < answer->count; i++) {
		const bool present = answer->bitmap.data[i / 8] >> i % 8 & 1;
		if (present) {
			vmsg_bus_number_confirm(bus, (uint16_t)(bus->window_offset + i));
		}
	}
	if (next == 0 && bus->checking) {
		end_check(bus);
	} else if (next == 0) {
		next_step(bus);
	} else {
		bus->window_offset = next;
		go(bus, STEP_DEVICES);
	}
}

void vmsg_bus_driver_response(struct vmsg_bus *bus, const struct vmsg_bus_request *request,
			      const struct vmsg_message *message)
{
	switch (request->type) {
	case VMSG_RESET:
		on_reset(bus, &message->body.reset_response);
		break;
	case VMSG_VERSION:
		on_version(bus, &message->body.version);
		break;
	case VMSG_FIFO_CONFIGURE:
		on_fifo(bus, &message->body.fifo_configure_response);
		break;
	case VMSG_EVENT_CONFIGURE:
		if (message->body.event_configure_response.result == VMSG_RESULT_SUCCESS) {
			next_step(bus);
		} else {
			next_choice(bus);
		}
		break;
	case VMSG_GET_DEVICES:
		on_devices(bus, &message->body.get_devices_response);
		break;
	case VMSG_EVENT_POLL:
		vmsg_bus_driver_polled(bus, false);
		break;
	default: /* AREA_SHARE, AREA_UNSHARE */
		vmsg_bus_area_response(bus, request, message);
		break;
	}
}

bool vmsg_bus_driver_is_forgotten(struct vmsg_bus *bus)
{
	if (!bus->resuming) {
		return false;
	}
	/* what could not be sent is still waited for, and would end the new session by its time-out
	 */
	vmsg_bus_end_requests(bus, VMSG_ERROR_STATE);
	vmsg_bus_numbers_doubt(bus);
	begin_session(bus);
	return true;
}

void vmsg_bus_driver_failure(struct vmsg_bus *bus, const struct vmsg_bus_request *request,
			     int error)
{
	switch (request->type) {
	case VMSG_RESET:
		if (bus->state == VMSG_BUS_PROBING) {
			after_reset(bus); /* nothing that VERSION would not tell better */
		} else {
			vmsg_bus_fail(bus, error);
		}
		break;
	case VMSG_VERSION:
		if (bus->dialect->has_version_probe && bus->step == STEP_VERSION) {
			vmsg_bus_fail(bus, error);
		} else {
			next_rung(bus, error == VMSG_ERROR_TIMEOUT ? error : VMSG_ERROR_REVISION);
		}
		break;
	case VMSG_EVENT_POLL:
		vmsg_bus_driver_polled(bus, false);
		if (error == VMSG_ERROR_TIMEOUT) { /* there may have been an event */
			bus->next_poll_ns =
				vmsg_bus_after(bus->now_ns, bus->options.poll_interval_ns);
		}
		vmsg_bus_doubt(bus, error);
		break;
	case VMSG_AREA_SHARE:
	case VMSG_AREA_UNSHARE:
		vmsg_bus_area_failure(bus, request, error);
		vmsg_bus_doubt(bus, error);
		break;
	case VMSG_EVENT_CONFIGURE:
	case VMSG_FIFO_CONFIGURE:
		if (error == VMSG_ERROR_PEER) {
			next_choice(bus);
			break;
		}
		vmsg_bus_fail(bus, error);
		break;
	default: /* GET_DEVICES */
		if (!vmsg_bus_driver_is_forgotten(bus) && !vmsg_bus_check_failed(bus, error)) {
			vmsg_bus_fail(bus, error);
		}
		break;
	}
}

/* ---- events ---- */

int vmsg_bus_poll(struct vmsg_bus *bus, uint64_t now_ns)
{
	if (!vmsg_bus_is_driver(bus) || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	if (!must_poll(bus) && bus->events != VMSG_EVENTS_NOTIFICATION) {
		return VMSG_OK; /* events come by themselves */
	}
	bus->now_ns = now_ns;
	bus->next_poll_ns = now_ns;
	bus->polls = 0;
	return VMSG_OK;
}

static void device_appeared(struct vmsg_bus *bus, uint16_t number)
{
	if (vmsg_bus_number_add(bus, number) == VMSG_ERROR_NO_SPACE) {
		bus->stats.dropped++;
	}
}

/* Duplicates and unknown states change nothing. */
void vmsg_bus_driver_event(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const struct vmsg_event_device *event = &message->body.event_device;

	switch (message->header.type) {
	case VMSG_EVENT_DEVICE:
		if (event->state == VMSG_DEVICE_STATE_ADDED) {
			device_appeared(bus, event->device_number);
		} else if (event->state == VMSG_DEVICE_STATE_REMOVED) {
			device_went(bus, event->device_number);
		}
		break;
	case VMSG_DEVICE_ADDED:
		device_appeared(bus, event->device_number);
		break;
	case VMSG_DEVICE_REMOVED:
		device_went(bus, event->device_number);
		break;
	case VMSG_AREA_RELEASE:
		vmsg_bus_area_released(bus, message->body.area_release.area_id);
		break;
	default:
		bus->stats.dropped++;
		break;
	}
}
