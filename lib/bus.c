/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bus session: the parts that both roles share. Invariants: one frame waits in `out`, one
 * transport message in `message`; an input that finds either taken is refused with AGAIN and
 * changes nothing; everything else that may become due is a flag or a state in a table, so nothing
 * can overflow.
 */
#include "bus.h"

#define DEFAULT_TIMEOUT_NS 5000000000ull
#define DEFAULT_POLL_NS    100000000ull
#define FIRST_TOKEN        2u /* 1 is what fixed-token peers use */

int vmsg_bus_init(struct vmsg_bus *bus, const struct vmsg_bus_options *options)
{
	*bus = (struct vmsg_bus){ .options = *options };
	if (!options->memory || (options->device_capacity && !options->devices) ||
	    (options->profile && !options->profile->has_size)) {
		return VMSG_ERROR_INVALID; /* a1 and a2 have no session of this kind */
	}
	if (bus->options.request_timeout_ns == 0) {
		bus->options.request_timeout_ns = DEFAULT_TIMEOUT_NS;
	}
	if (bus->options.poll_interval_ns == 0) {
		bus->options.poll_interval_ns = DEFAULT_POLL_NS;
	}
	for (uint32_t i = 0; i < options->device_capacity; i++) {
		bus->options.devices[i] = (struct vmsg_bus_device){ 0 };
	}
	bus->next_token = FIRST_TOKEN;
	bus->next_area = 1;
	bus->acting = -1;
	bus->next_poll_ns = UINT64_MAX;
	return 0;
}

uint16_t vmsg_bus_frame_size_max(const struct vmsg_bus *bus)
{
	const uint16_t limit = bus->profile ? bus->profile->frame_size_max : VMSG_FRAME_SIZE_MAX;

	return limit < VMSG_FRAME_SIZE_MAX ? limit : VMSG_FRAME_SIZE_MAX;
}

const char *vmsg_bus_state_name(enum vmsg_bus_state state)
{
	switch (state) {
	case VMSG_BUS_DOWN:
		return "down";
	case VMSG_BUS_PROBING:
		return "probing";
	case VMSG_BUS_NEGOTIATED:
		return "negotiated";
	case VMSG_BUS_RUNNING:
		return "running";
	case VMSG_BUS_RESETTING:
		return "resetting";
	case VMSG_BUS_FAILED:
		return "failed";
	}
	return "unknown";
}

void vmsg_bus_fail(struct vmsg_bus *bus, int error)
{
	bus->state = VMSG_BUS_FAILED;
	bus->error = error;
	bus->failed_due = true;
	bus->next_poll_ns = UINT64_MAX;
}

/* ---- frames out ---- */

int vmsg_bus_put(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	if (bus->out_size) {
		return VMSG_ERROR_AGAIN;
	}
	const int size =
		vmsg_encode(bus->profile, message,
			    (struct vmsg_span){ bus->out, vmsg_bus_frame_size_max(bus) }, NULL);
	if (size < 0) {
		return size == VMSG_ERROR_NO_SPACE ? VMSG_ERROR_RANGE : size;
	}
	bus->out_size = (uint16_t)size;
	bus->out_is_event = message->header.kind == VMSG_EVENT;
	bus->stats.sent[message->header.type]++;
	return 0;
}

struct vmsg_bus_request *vmsg_bus_request_slot(struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		if (!bus->requests[i].used) {
			return &bus->requests[i];
		}
	}
	return NULL;
}

/* Sends a request and remembers it. The token is the session's; the caller's comes back later. */
static int send_request(struct vmsg_bus *bus, struct vmsg_message *message, bool own)
{
	struct vmsg_bus_request *request = vmsg_bus_request_slot(bus);
	const uint16_t caller_token = message->header.token;

	if (!request) {
		return VMSG_ERROR_AGAIN;
	}
	message->header.token = bus->profile->has_token ? bus->next_token : 0;
	const int error = vmsg_bus_put(bus, message);
	if (error < 0) {
		return error;
	}
	bus->next_token =
		bus->next_token == UINT16_MAX ? FIRST_TOKEN : (uint16_t)(bus->next_token + 1);
	*request = (struct vmsg_bus_request){
		.used = true,
		.own = own,
		.type = message->header.type,
		.dev_num = message->header.dev_num,
		.token = message->header.token,
		.caller_token = caller_token,
		.order = bus->sent_count++,
		.deadline_ns = bus->now_ns + bus->options.request_timeout_ns,
	};
	return 0;
}

int vmsg_bus_request(struct vmsg_bus *bus, struct vmsg_message *message)
{
	return send_request(bus, message, true);
}

static int send_from_driver(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	struct vmsg_message copy = *message;

	switch (message->header.kind) {
	case VMSG_REQUEST:
		return send_request(bus, &copy, false);
	case VMSG_EVENT:
		copy.header.token = 0;
		return vmsg_bus_put(bus, &copy);
	case VMSG_RESPONSE:
		break;
	}
	return VMSG_ERROR_INVALID;
}

/* A device's response to the request being served, or the event that a poll asked for. */
static int send_from_device(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	struct vmsg_message copy = *message;
	const struct vmsg_header *answering = &bus->answering;

	if (!bus->answer_due || bus->polled_due || bus->message_due) {
		return VMSG_ERROR_AGAIN;
	}
	if (message->header.kind == VMSG_EVENT) {
		if (answering->type != VMSG_EVENT_POLL) {
			return VMSG_ERROR_AGAIN; /* the next poll fetches it */
		}
		copy.header.token = 0;
	} else if (message->header.kind != VMSG_RESPONSE ||
		   message->header.type != answering->type ||
		   message->header.dev_num != answering->dev_num) {
		return VMSG_ERROR_INVALID;
	} else {
		copy.header.token = answering->token;
	}
	const int error = vmsg_bus_put(bus, &copy);
	bus->answer_due = error < 0;
	return error;
}

int vmsg_bus_send(struct vmsg_bus *bus, uint64_t now_ns, const struct vmsg_message *message)
{
	bus->now_ns = now_ns;
	if (bus->state != VMSG_BUS_RUNNING || vmsg_type_is_bus(message->header.type) ||
	    message->header.type == VMSG_NONE) {
		return bus->state != VMSG_BUS_RUNNING ? VMSG_ERROR_STATE : VMSG_ERROR_INVALID;
	}
	return bus->options.role == VMSG_BUS_DRIVER ? send_from_driver(bus, message)
						    : send_from_device(bus, message);
}

/* ---- requests and their ends ---- */

static void end_request(struct vmsg_bus *bus, struct vmsg_bus_request *request, int error,
			const struct vmsg_message *answer)
{
	if (request->own) {
		request->used = false;
		vmsg_bus_driver_answer(bus, request->type, error, answer);
	} else if (error < 0) {
		request->failed = true;
		request->error = error;
	} else {
		VMSG_ASSERT(answer);
		request->used = false;
		bus->message = *answer;
		bus->message.header.token = request->caller_token;
		bus->message_due = true;
	}
}

/* The request that a response answers: by device and token, or the oldest of its kind. */
static struct vmsg_bus_request *match(struct vmsg_bus *bus, const struct vmsg_header *header)
{
	struct vmsg_bus_request *found = NULL;
	/* a null reply without a token can only be for the last frame sent */
	const bool newest = header->type == VMSG_NONE;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (!request->used || request->failed) {
			continue;
		}
		if (bus->profile->has_token && header->token != 0) {
			const bool device =
				header->type == VMSG_NONE || request->dev_num == header->dev_num;
			if (request->token == header->token && device) {
				return request;
			}
			continue;
		}
		if (header->type != VMSG_NONE &&
		    (request->type != header->type || request->dev_num != header->dev_num)) {
			continue;
		}
		if (!found ||
		    (newest ? request->order > found->order : request->order < found->order)) {
			found = request;
		}
	}
	return found;
}

static void take_response(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	struct vmsg_bus_request *request = match(bus, &message->header);

	if (!request) {
		bus->stats.late++;
		return;
	}
	if (message->header.type == VMSG_NONE && request->type == VMSG_EVENT_POLL) {
		/* nothing pending, said in another way (O23) */
		end_request(bus, request, 0, message);
	} else if (message->header.type != request->type) {
		/* ERROR, a null reply, or an answer to something else: the request failed */
		end_request(bus, request, VMSG_ERROR_PEER, NULL);
	} else {
		end_request(bus, request, 0, message);
	}
}

void vmsg_bus_send_failed(struct vmsg_bus *bus, uint64_t now_ns, int error)
{
	const struct vmsg_header last = { .type = VMSG_NONE };

	bus->now_ns = now_ns;
	if (bus->profile) {
		struct vmsg_bus_request *request = match(bus, &last);
		if (request) {
			end_request(bus, request, error, NULL);
		}
	}
}

/* ---- frames in ---- */

static int driver_input(struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	struct vmsg_message message;

	if (!bus->profile) {
		return VMSG_ERROR_STATE;
	}
	const int error = vmsg_decode(bus->profile, frame, &message, NULL);
	if (error < 0) {
		bus->stats.dropped++;
		return error;
	}
	bus->stats.received[message.header.type]++;
	if (message.header.kind == VMSG_RESPONSE) {
		take_response(bus, &message);
	} else {
		vmsg_bus_driver_frame(bus, &message);
	}
	return 0;
}

int vmsg_bus_input(struct vmsg_bus *bus, uint64_t now_ns, struct vmsg_bytes frame)
{
	bus->now_ns = now_ns;
	if (bus->message_due || bus->out_size || bus->answer_due) {
		return VMSG_ERROR_AGAIN;
	}
	/* tails of the message point into our copy: valid until the next input */
	const size_t size = frame.size < VMSG_FRAME_SIZE_MAX ? frame.size : VMSG_FRAME_SIZE_MAX;
	if (size) {
		memcpy(bus->in, frame.data, size);
	}
	const struct vmsg_bytes copy = { bus->in, size };
	return bus->options.role == VMSG_BUS_DRIVER ? driver_input(bus, copy)
						    : vmsg_bus_device_input(bus, copy);
}

/* ---- output ---- */

int vmsg_bus_output(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	*output = (struct vmsg_bus_output){ .kind = VMSG_BUS_SEND };
	if (bus->acting >= 0) {
		return 0; /* the action last put out is not complete */
	}
	const bool driver = bus->options.role == VMSG_BUS_DRIVER;
	if (!bus->out_size) {
		if (driver ? vmsg_bus_driver_action(bus, output)
			   : vmsg_bus_device_action(bus, output)) {
			return 1;
		}
		if (driver) {
			vmsg_bus_driver_step(bus);
		} else {
			vmsg_bus_device_step(bus);
		}
	}
	if (!bus->out_size) {
		return 0;
	}
	output->frame = (struct vmsg_bytes){ bus->out, bus->out_size };
	output->is_event = bus->out_is_event;
	bus->out_size = 0;
	return 1;
}

void vmsg_bus_complete(struct vmsg_bus *bus, uint64_t now_ns, int result,
		       const struct vmsg_segment *segments, size_t segment_count)
{
	bus->now_ns = now_ns;
	if (bus->acting < 0) {
		return;
	}
	struct vmsg_bus_area *area = &bus->areas[bus->acting];
	bus->acting = -1;
	if (bus->options.role == VMSG_BUS_DRIVER) {
		vmsg_bus_driver_complete(bus, area, result);
	} else {
		vmsg_bus_device_complete(bus, area, result, segments, segment_count);
	}
}

/* ---- events ---- */

static bool take_flag(bool *flag)
{
	const bool was = *flag;

	*flag = false;
	return was;
}

static bool request_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (request->used && request->failed) {
			request->used = false;
			event->kind = VMSG_BUS_EVENT_REQUEST_FAILED;
			event->error = request->error;
			event->type = request->type;
			event->dev_num = request->dev_num;
			event->token = request->caller_token;
			return true;
		}
	}
	return false;
}

static bool area_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->event) {
			event->kind = (enum vmsg_bus_event_kind)(area->event - 1);
			event->area_id = area->id;
			area->event = 0;
			return true;
		}
	}
	return false;
}

static bool device_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	if (bus->options.role != VMSG_BUS_DRIVER || bus->state != VMSG_BUS_RUNNING) {
		return false;
	}
	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		struct vmsg_bus_device *device = &bus->options.devices[i];
		if (device->announce) {
			device->announce = false;
			event->kind = device->present ? VMSG_BUS_EVENT_DEVICE_ADDED
						      : VMSG_BUS_EVENT_DEVICE_REMOVED;
			event->dev_num = device->number;
			return true;
		}
	}
	return false;
}

int vmsg_bus_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	*event = (struct vmsg_bus_event){ .kind = VMSG_BUS_EVENT_FAILED };
	if (take_flag(&bus->reset_due)) {
		event->kind = VMSG_BUS_EVENT_RESET;
	} else if (take_flag(&bus->failed_due)) {
		event->error = bus->error;
	} else if (take_flag(&bus->up_due)) {
		event->kind = VMSG_BUS_EVENT_UP;
	} else if (take_flag(&bus->message_due)) {
		event->kind = VMSG_BUS_EVENT_MESSAGE;
		event->message = bus->message;
		event->dev_num = bus->message.header.dev_num;
		event->type = bus->message.header.type;
	} else if (take_flag(&bus->polled_due)) {
		event->kind = VMSG_BUS_EVENT_POLLED;
	} else {
		return request_event(bus, event) || area_event(bus, event) ||
		       device_event(bus, event);
	}
	return 1;
}

int vmsg_bus_event_for_driver(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	*event = (struct vmsg_bus_event){ .kind = VMSG_BUS_EVENT_MESSAGE };
	if (take_flag(&bus->message_due)) {
		event->message = bus->message;
		event->dev_num = bus->message.header.dev_num;
		event->type = bus->message.header.type;
		return 1;
	}
	return request_event(bus, event);
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t vmsg_bus_deadline(const struct vmsg_bus *bus)
{
	uint64_t deadline = bus->next_poll_ns;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		const struct vmsg_bus_request *request = &bus->requests[i];
		if (request->used && !request->failed) {
			deadline = earlier(deadline, request->deadline_ns);
		}
	}
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		const struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state == VMSG_AREA_WITHDRAW || area->state == VMSG_AREA_RECLAIM) {
			deadline = earlier(deadline, area->retry_ns);
		}
	}
	return bus->retry_ns ? earlier(deadline, bus->retry_ns) : deadline;
}

void vmsg_bus_tick(struct vmsg_bus *bus, uint64_t now_ns)
{
	bus->now_ns = now_ns;
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (request->used && !request->failed && request->deadline_ns <= now_ns) {
			bus->stats.timeouts++;
			end_request(bus, request, VMSG_ERROR_TIMEOUT, NULL);
		}
	}
	if (bus->next_poll_ns <= now_ns) {
		bus->next_poll_ns = now_ns + bus->options.poll_interval_ns;
		bus->poll_wanted = bus->state == VMSG_BUS_RUNNING;
	}
}

/* ---- tables ---- */

struct vmsg_bus_area *vmsg_bus_area_find(struct vmsg_bus *bus, uint16_t id)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state != VMSG_AREA_FREE && bus->areas[i].id == id) {
			return &bus->areas[i];
		}
	}
	return NULL;
}

struct vmsg_bus_area *vmsg_bus_area_slot(struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state == VMSG_AREA_FREE && !bus->areas[i].event) {
			return &bus->areas[i];
		}
	}
	return NULL;
}

struct vmsg_bus_device *vmsg_bus_device_find(struct vmsg_bus *bus, uint16_t number)
{
	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		struct vmsg_bus_device *device = &bus->options.devices[i];
		if ((device->present || device->announce) && device->number == number) {
			return device;
		}
	}
	return NULL;
}

int vmsg_bus_device_set(struct vmsg_bus *bus, uint16_t number, bool present)
{
	struct vmsg_bus_device *device = vmsg_bus_device_find(bus, number);

	if (device) {
		device->announce = device->announce || device->present != present;
		device->present = present;
		return 0;
	}
	for (uint32_t i = 0; present && i < bus->options.device_capacity; i++) {
		device = &bus->options.devices[i];
		if (!device->present && !device->announce) {
			*device = (struct vmsg_bus_device){ number, true, true };
			return 0;
		}
	}
	return present ? VMSG_ERROR_NO_SPACE : VMSG_ERROR_NOT_FOUND;
}
