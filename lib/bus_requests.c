/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of a driver's bus session, its own and those of drivers, and the device's frames that
 * end them. Invariant: every request in flight ends exactly once: by its response, by a failure, or
 * by its deadline.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

/* ---- requests in flight ---- */

static bool token_is_used(const struct vmsg_bus *bus, uint16_t token)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		if (bus->requests[i].used && bus->requests[i].token == token) {
			return true;
		}
	}
	return false;
}

/* One counter for requests of the bus and of its devices: ERROR tells them apart by nothing else
 * (O18). Fewer are in flight than there are tokens, so this ends. */
static uint16_t choose_token(struct vmsg_bus *bus)
{
	uint16_t token;

	do {
		token = bus->next_token;
		bus->next_token =
			token == UINT16_MAX ? VMSG_BUS_FIRST_TOKEN : (uint16_t)(token + 1);
	} while (token_is_used(bus, token));
	return token;
}

/* What a response repeats of its request, besides the id and the number of the device. */
static bool echo_of(const struct vmsg_message *message, uint32_t *echo)
{
	const bool asks = message->header.kind == VMSG_REQUEST;

	switch (message->header.type) {
	case VMSG_GET_DEVICE_FEATURES:
		*echo = asks ? message->body.get_device_features_request.block_index
			     : message->body.get_device_features_response.block_index;
		return true;
	case VMSG_GET_CONFIG:
		*echo = asks ? message->body.get_config_request.offset
			     : message->body.get_config_response.offset;
		return true;
	case VMSG_SET_CONFIG:
		*echo = asks ? message->body.set_config_request.offset
			     : message->body.set_config_response.offset;
		return true;
	case VMSG_GET_VQUEUE:
		*echo = asks ? message->body.get_vqueue_request.index
			     : message->body.get_vqueue_response.index;
		return true;
	case VMSG_GET_SHM:
		*echo = asks ? message->body.get_shm_request.index
			     : message->body.get_shm_response.shmid;
		return true;
	case VMSG_GET_DEVICES:
		*echo = asks ? message->body.get_devices_request.offset
			     : message->body.get_devices_response.offset;
		return true;
	case VMSG_AREA_SHARE:
		*echo = asks ? message->body.area_share_request.area_id
			     : message->body.area_share_response.area_id;
		return true;
	default:
		return false;
	}
}

/* Sends a request; its slot in the table, or an error. */
int vmsg_bus_put_request(struct vmsg_bus *bus, const struct vmsg_message *message,
			 uint64_t deadline_ns, bool own)
{
	uint8_t i = 0;

	while (i < VMSG_REQUESTS_MAX && bus->requests[i].used) {
		i++;
	}
	if (i == VMSG_REQUESTS_MAX || bus->out_due) {
		return VMSG_ERROR_AGAIN;
	}
	struct vmsg_message copy = *message;
	const uint16_t token = choose_token(bus);
	copy.header.token = bus->dialect->has_token ? token : 0;
	const int error = vmsg_bus_put_frame(bus, &copy, deadline_ns);
	if (error < 0) {
		return error;
	}
	bus->requests[i] = (struct vmsg_bus_request){
		.used = true,
		.own = own,
		.msg_id = bus->out[1],
		.type = message->header.type,
		.dev_num = message->header.dev_num,
		.token = token,
		.caller_token = message->header.token,
		.sequence = bus->next_sequence++,
		.sent_ns = bus->now_ns,
		.deadline_ns = deadline_ns,
	};
	(void)echo_of(message, &bus->requests[i].echo);
	if (!bus->dialect->has_token && bus->out_carrier != VMSG_CARRIER_DIRECT &&
	    deadline_ns > bus->owed_ns) {
		bus->owed_ns = deadline_ns;
	}
	bus->out_request = i;
	bus->out_token = token;
	return i;
}

struct vmsg_bus_request *vmsg_bus_ask(struct vmsg_bus *bus, const struct vmsg_message *message,
				      uint64_t deadline_ns)
{
	const int i = vmsg_bus_put_request(bus, message, deadline_ns, true);

	return i < 0 ? NULL : &bus->requests[i];
}

/* A request of a driver waits as a failed one until that has been told. */
static void tell_failure(struct vmsg_bus *bus, struct vmsg_bus_request *request, int error)
{
	request->failed = true;
	request->error = error;
	bus->requests_failed = true;
}

/* Our own is told at once. */
void vmsg_bus_fail_request(struct vmsg_bus *bus, struct vmsg_bus_request *request, int error)
{
	if (!request->own) {
		tell_failure(bus, request, error);
		vmsg_bus_doubt(bus, error);
		return;
	}
	const struct vmsg_bus_request copy = *request;
	*request = (struct vmsg_bus_request){ 0 };
	vmsg_bus_driver_failure(bus, &copy, error);
}

bool vmsg_bus_is_in_flight(const struct vmsg_bus_request *request)
{
	return request->used && !request->failed;
}

void vmsg_bus_end_requests(struct vmsg_bus *bus, int error)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (vmsg_bus_is_in_flight(request) && !request->own) {
			tell_failure(bus, request, error);
		} else if (vmsg_bus_is_in_flight(request)) {
			*request = (struct vmsg_bus_request){ 0 };
		}
	}
	bus->out_due = false;
	bus->polling = false;
	bus->avail_lost = false;
}

void vmsg_bus_fail_requests_to(struct vmsg_bus *bus, uint16_t dev_num, int error)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (vmsg_bus_is_in_flight(request) && !request->own &&
		    request->dev_num == dev_num) {
			tell_failure(bus, request, error);
		}
	}
}

/* Could this be what the request asked for? `response` NULL: there is none to look into. */
static bool fits(const struct vmsg_bus_request *request, const struct vmsg_message *response)
{
	uint32_t echo;

	return !response || !echo_of(response, &echo) || echo == request->echo;
}

/* The request that a response belongs to: by device and token, or, without tokens, the oldest of
 * its kind that asked for what is answered. */
static struct vmsg_bus_request *find_request(struct vmsg_bus *bus, uint16_t dev_num, uint16_t token,
					     uint8_t msg_id, const struct vmsg_message *response)
{
	struct vmsg_bus_request *found = NULL;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (!vmsg_bus_is_in_flight(request) || request->dev_num != dev_num) {
			continue;
		}
		if (bus->dialect->has_token) {
			if (request->token == token) {
				return request;
			}
		} else if (request->msg_id == msg_id && fits(request, response) &&
			   (!found || request->sequence < found->sequence)) {
			found = request;
		}
	}
	return found;
}

/* The request of the frame last output, while it waits. */
struct vmsg_bus_request *vmsg_bus_last_request(struct vmsg_bus *bus)
{
	if (bus->out_request == VMSG_BUS_NONE) {
		return NULL;
	}
	struct vmsg_bus_request *request = &bus->requests[bus->out_request];
	return vmsg_bus_is_in_flight(request) && request->token == bus->out_token ? request : NULL;
}

/* ---- frames of the device ---- */

/* A null reply names its request by the token alone, or not at all. */
static void take_null_reply(struct vmsg_bus *bus, const struct vmsg_header *header)
{
	struct vmsg_bus_request *request = NULL;

	for (size_t i = 0; i < VMSG_REQUESTS_MAX && header->token != 0; i++) {
		if (vmsg_bus_is_in_flight(&bus->requests[i]) &&
		    bus->requests[i].token == header->token) {
			request = &bus->requests[i];
		}
	}
	request = request || header->token != 0 ? request : vmsg_bus_last_request(bus);
	if (request) {
		vmsg_bus_fail_request(bus, request, VMSG_ERROR_PEER);
	} else {
		bus->stats.late++;
	}
}

/* ERROR 0x87: the request fails; an ERROR about something else than we asked is the peer's fault
 * too. */
static void take_error(struct vmsg_bus *bus, const struct vmsg_message *message, uint16_t size)
{
	struct vmsg_bus_request *request =
		find_request(bus, message->header.dev_num, message->header.token, 0, NULL);

	if (!request) {
		bus->stats.late++;
		return;
	}
	const bool is_sound = size == bus->dialect->header_size + 2u &&
			      message->body.error_response.original_msg_id == request->msg_id;
	vmsg_bus_fail_request(bus, request, is_sound ? VMSG_ERROR_PEER : VMSG_ERROR_BAD_FIELD);
}

/* The request that a header alone refuses, from a device that forgets whom it was for (Q14). */
static struct vmsg_bus_request *find_refused(struct vmsg_bus *bus,
					     const struct vmsg_raw_header *raw)
{
	struct vmsg_bus_request *found = NULL;

	if (!bus->dialect->has_token || raw->dev_num != 0 ||
	    raw->msg_size != bus->dialect->header_size) {
		return NULL;
	}
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (vmsg_bus_is_in_flight(request) && request->token == raw->token &&
		    request->msg_id == raw->msg_id) {
			found = request;
		}
	}
	return found;
}

/* No text says what addresses over FF-A a region has: bus addresses, if they lie in an area;
 * otherwise it is no region that can be used (O13). */
static void check_region(struct vmsg_bus *bus, struct vmsg_get_shm_response *region)
{
	struct vmsg_span span;

	if (region->length > 0 && vmsg_memory_map(bus->options.memory, region->address,
						  region->length, false, &span) < 0) {
		region->length = 0;
		region->address = 0;
	}
}

static void take_response(struct vmsg_bus *bus, const struct vmsg_message *message,
			  const struct vmsg_raw_header *raw)
{
	struct vmsg_bus_request *request = find_request(
		bus, message->header.dev_num, message->header.token, raw->msg_id, message);

	if (!request) {
		request = find_refused(bus, raw);
		if (request) {
			vmsg_bus_fail_request(bus, request, VMSG_ERROR_PEER);
		} else {
			bus->stats.late++;
		}
		return;
	}
	if (request->type != message->header.type) {
		vmsg_bus_fail_request(bus, request, VMSG_ERROR_BAD_FIELD);
		return;
	}
	const struct vmsg_bus_request copy = *request;
	*request = (struct vmsg_bus_request){ 0 };
	vmsg_bus_count_latency(bus, copy.sent_ns);
	if (copy.own) {
		vmsg_bus_driver_response(bus, &copy, message);
	} else {
		bus->message = *message;
		bus->message.header.token = copy.caller_token;
		bus->message_pending = true;
		if (message->header.type == VMSG_GET_SHM) {
			check_region(bus, &bus->message.body.get_shm_response);
		}
	}
}

/* Any event is also the answer to an EVENT_POLL. */
static void end_poll(struct vmsg_bus *bus)
{
	for (size_t i = 0; bus->events_on && i < VMSG_REQUESTS_MAX; i++) {
		if (bus->requests[i].used && bus->requests[i].type == VMSG_EVENT_POLL) {
			bus->requests[i] = (struct vmsg_bus_request){ 0 };
			vmsg_bus_driver_polled(bus, true);
		}
	}
}

/* Events come while the session runs, by themselves or as the answer to EVENT_POLL. */
static void take_event(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const enum vmsg_type type = message->header.type;

	if (!bus->events_on) {
		bus->stats.dropped++;
		return;
	}
	if (vmsg_type_is_bus(type)) {
		vmsg_bus_driver_event(bus, message);
	} else if (type == VMSG_EVENT_AVAIL) {
		bus->stats.dropped++; /* ours to send */
	} else {
		bus->message = *message;
		bus->message_pending = true;
	}
}

/* A driver serves one request, PING, which devices must not depend on (O12), and sends nothing but
 * VERSION and RESET while no version is agreed. */
static void take_request(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	if (message->header.type != VMSG_PING || bus->out_due || !vmsg_bus_is_up(bus)) {
		bus->stats.dropped++;
		return;
	}
	struct vmsg_message answer = *message;
	answer.header.kind = VMSG_RESPONSE;
	vmsg_bus_put(bus, &answer);
	bus->out_carrier = bus->in_carrier;
}

int vmsg_bus_driver_input(struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	struct vmsg_raw_header raw;
	struct vmsg_message message;

	if (bus->state == VMSG_BUS_DOWN || bus->state == VMSG_BUS_FAILED) {
		bus->stats.dropped++;
		return VMSG_ERROR_STATE;
	}
	int error = vmsg_decode_header(bus->dialect, frame, &raw, NULL);
	if (error < 0) {
		bus->stats.dropped++;
		return error;
	}
	vmsg_bus_mend(bus, bus->dialect, frame.size);
	error = vmsg_decode(bus->dialect, frame, &message, NULL);
	if (error < 0) {
		struct vmsg_bus_request *request =
			raw.type & VMSG_TYPE_RESPONSE
				? find_request(bus, raw.dev_num, raw.token, raw.msg_id, NULL)
				: NULL;
		bus->stats.dropped++;
		if (request) {
			vmsg_bus_fail_request(bus, request, VMSG_ERROR_BAD_FIELD);
		} else if (raw.type & VMSG_TYPE_RESPONSE && find_refused(bus, &raw)) {
			vmsg_bus_fail_request(bus, find_refused(bus, &raw), VMSG_ERROR_PEER);
		}
		return error;
	}
	bus->stats.received[message.header.type]++;
	bus->stats.received_bytes += raw.msg_size;
	if (message.header.kind == VMSG_EVENT) {
		end_poll(bus);
		take_event(bus, &message);
	} else if (message.header.kind == VMSG_REQUEST) {
		take_request(bus, &message);
	} else if (message.header.type == VMSG_NONE) {
		take_null_reply(bus, &message.header);
	} else if (message.header.type == VMSG_ERROR) {
		take_error(bus, &message, raw.msg_size);
	} else {
		take_response(bus, &message, &raw);
	}
	return VMSG_OK;
}

int vmsg_bus_driver_late(struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	struct vmsg_message message;

	if (bus->state == VMSG_BUS_DOWN || bus->state == VMSG_BUS_FAILED) {
		bus->stats.dropped++;
		return VMSG_ERROR_STATE;
	}
	const int error = vmsg_decode(bus->dialect, frame, &message, NULL);
	if (error < 0) {
		bus->stats.dropped++;
		return error;
	}
	bus->stats.received[message.header.type]++;
	if (message.header.kind == VMSG_EVENT) {
		take_event(bus, &message);
	} else {
		bus->stats.late++;
	}
	return VMSG_OK;
}
