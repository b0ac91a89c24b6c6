/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's end of a bus session: hears which dialect the driver speaks, answers VERSION by the
 * rules of that dialect, maps and releases areas, lists devices, hands out events to polls. One
 * request is served at a time; `answer_due` stays set until its answer is in `out`.
 * (wire-revisions 1.3, 3.4, 3.5, 3.7, 4.4, 4.5, 5.4)
 */
#include "bus.h"

/* ---- answers ---- */

static void answer(struct vmsg_bus *bus, struct vmsg_message *message)
{
	message->header.type = message->header.type ? message->header.type : bus->answering.type;
	message->header.kind = VMSG_RESPONSE;
	message->header.token = bus->answering.token;
	if (!vmsg_type_is_bus(message->header.type) || message->header.type == VMSG_ERROR) {
		message->header.dev_num = bus->answering.dev_num;
	}
	(void)!vmsg_bus_put(bus, message); /* the slot is free: one answer for each input */
	bus->answer_due = false;
}

static void answer_result(struct vmsg_bus *bus, uint16_t result)
{
	struct vmsg_message message = { .header = { .type = bus->answering.type } };

	message.body.reset_response.result = result; /* EVENT_CONFIGURE has the same body */
	answer(bus, &message);
}

static void answer_area(struct vmsg_bus *bus, uint16_t id, uint16_t result)
{
	struct vmsg_message message = { .header = { .type = bus->answering.type } };

	message.body.area_share_response = (struct vmsg_area_result){ id, result };
	answer(bus, &message);
}

/* Refuses a request: ERROR where the profile has it, silence (a null reply) elsewhere. */
static void refuse(struct vmsg_bus *bus, uint8_t msg_id)
{
	struct vmsg_message message = { .header = { .type = VMSG_ERROR } };

	bus->answer_due = false;
	if (bus->profile->has_error) {
		message.body.error_response.original_msg_id = msg_id;
		answer(bus, &message);
	}
}

static uint8_t id_of(const struct vmsg_bus *bus)
{
	return bus->in[1];
}

/* ---- VERSION ---- */

/* Everything of an earlier driver goes; areas by way of RELINQUISH. */
static void forget_driver(struct vmsg_bus *bus)
{
	bus->reset_due = true;
	bus->events_on = false;
	bus->state = VMSG_BUS_DOWN;
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state == VMSG_AREA_MAPPED || area->state == VMSG_AREA_OWED ||
		    area->state == VMSG_AREA_RELINQUISH_OWED) {
			area->state = VMSG_AREA_RELINQUISH;
		} else if (area->state == VMSG_AREA_RELEASED) {
			area->state = VMSG_AREA_FREE;
		}
	}
}

void vmsg_bus_drop_peer(struct vmsg_bus *bus)
{
	if (bus->profile) {
		forget_driver(bus);
	}
	bus->answer_due = false;
	bus->out_size = 0;
	bus->message_due = false;
	bus->polled_due = false;
}

static void up(struct vmsg_bus *bus)
{
	bus->state = VMSG_BUS_RUNNING;
	bus->up_due = true;
	bus->events_on = !bus->profile->has_event_configure;
	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		bus->options.devices[i].announce = false; /* GET_DEVICES tells of them */
	}
}

static void accept_features(struct vmsg_bus *bus, const struct vmsg_version *version)
{
	bus->bus_features = bus->options.bus_features;
	bus->transport_features = bus->options.transport_features;
	bus->peer_ffa_version = version->ffa_version;
	bus->peer_max_areas = version->max_areas;
}

/* r3: the table of section 1.3. Pairs are compared by bus version first, then by revision. */
static void version_probe(struct vmsg_bus *bus, const struct vmsg_version *asked)
{
	struct vmsg_message message = { .header = { .type = VMSG_VERSION } };
	struct vmsg_version *reply = &message.body.version;
	const bool up_already = bus->state == VMSG_BUS_RUNNING;
	const bool zero = asked->bus_version == 0 && asked->transport_revision == 0;
	const bool same = asked->bus_version == VMSG_BUS_VERSION_1_0 &&
			  asked->transport_revision == VMSG_TRANSPORT_REVISION;
	const bool smaller = asked->bus_version < VMSG_BUS_VERSION_1_0 ||
			     (asked->bus_version == VMSG_BUS_VERSION_1_0 &&
			      asked->transport_revision < VMSG_TRANSPORT_REVISION);

	reply->ffa_version = bus->options.ffa_version;
	if (zero || same || (!up_already && !smaller)) {
		reply->bus_version = VMSG_BUS_VERSION_1_0;
		reply->transport_revision = VMSG_TRANSPORT_REVISION;
		reply->bus_features = bus->options.bus_features;
		reply->transport_features = bus->options.transport_features;
		reply->max_areas = VMSG_AREAS_UNLIMITED;
	}
	answer(bus, &message);
	if (same && !up_already) {
		accept_features(bus, asked);
		up(bus);
	}
}

/* r0, r1, r2: one exchange; a refusal has zeros in what differs (r1) or everywhere (r2). */
static void version_once(struct vmsg_bus *bus, const struct vmsg_version *asked)
{
	struct vmsg_message message = { .header = { .type = VMSG_VERSION } };
	struct vmsg_version *reply = &message.body.version;
	const bool is_r0 = bus->profile->id == VMSG_PROFILE_R0;
	const bool version_ok = asked->bus_version == bus->profile->bus_version;
	const bool revision_ok = is_r0 || asked->transport_revision == VMSG_TRANSPORT_REVISION;
	const bool ok = version_ok && revision_ok;
	uint16_t devices = 0;

	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		devices = (uint16_t)(devices + bus->options.devices[i].present);
	}
	if (ok || !bus->profile->has_token) {
		reply->bus_version = version_ok ? bus->profile->bus_version : 0;
		reply->transport_revision = revision_ok ? VMSG_TRANSPORT_REVISION : 0;
		/* r0's bits are others: 0 indirect, 1 direct, 15:8 shared regions */
		reply->bus_features = is_r0 ? 0x2u | (uint32_t)bus->options.max_areas << 8
					    : bus->options.bus_features;
		reply->max_areas = bus->options.max_areas;
		reply->num = devices;
	}
	if (!bus->profile->has_token && reply->max_areas > 0xff) {
		reply->max_areas = 0xff;
	}
	answer(bus, &message);
	if (ok) {
		accept_features(bus, asked);
		bus->transport_features = 0;
		up(bus);
	}
}

/*
 * The dialect of a VERSION request, if it is one. Before r3 every VERSION is the start of a driver;
 * so is one of another dialect than the last: the driver that spoke that one is gone.
 */
static void hear_dialect(struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	const struct vmsg_profile *heard = vmsg_profile_detect(frame, false);

	if (bus->options.profile) {
		heard = bus->options.profile;
	} else if (!heard || !heard->has_size) {
		heard = bus->profile ? bus->profile : vmsg_profile(VMSG_PROFILE_R3);
	} else if (heard->id == VMSG_PROFILE_R1 && bus->options.wide_area_ids) {
		heard = vmsg_profile(VMSG_PROFILE_R1_A16);
	}
	if (bus->profile && bus->profile != heard && bus->state == VMSG_BUS_RUNNING) {
		forget_driver(bus);
	}
	bus->profile = heard;
}

static void serve_version(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	if (!bus->profile->has_version_probe && bus->state == VMSG_BUS_RUNNING) {
		forget_driver(bus);
	}
	if (bus->profile->has_version_probe && message->header.type == VMSG_VERSION &&
	    vmsg_encoded_size(bus->profile, message) != bus->in[6] + bus->in[7] * 256) {
		refuse(bus, id_of(bus)); /* its length is its version: exactly this long */
		return;
	}
	if (bus->profile->has_version_probe) {
		version_probe(bus, &message->body.version);
	} else {
		version_once(bus, &message->body.version);
	}
}

/* ---- areas ---- */

/* What may be shared with us (section 4.4); 0 says nothing and is fine before r3. */
static bool attributes_ok(const struct vmsg_bus *bus, uint32_t attr)
{
	const uint32_t kind = attr & 3u;
	const uint32_t shareability = attr >> 4 & 3u;

	if (attr == 0) {
		return !bus->profile->has_version_probe;
	}
	return kind <= 1 && attr & 4u && !(attr & 8u) && shareability >= 2 &&
	       (attr >> 6 & 3u) == 3 && (attr >> 8 & 3u) == 2 && attr & 0x400u &&
	       (attr & ~0xfffu) == 0;
}

static void serve_area_share(struct vmsg_bus *bus, const struct vmsg_area_share_request *request)
{
	struct vmsg_bus_area *area = vmsg_bus_area_slot(bus);
	const uint32_t id_bits = 64u - bus->profile->area_id_shift;
	const bool zero_ok = !bus->profile->has_version_probe;
	uint32_t live = 0;

	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		live += bus->areas[i].state != VMSG_AREA_FREE;
	}
	if (!area || live >= bus->options.max_areas || vmsg_bus_area_find(bus, request->area_id) ||
	    (request->area_id == 0 && !zero_ok) || request->area_id >> id_bits ||
	    request->count == 0 || !attributes_ok(bus, request->attr)) {
		answer_area(bus, request->area_id, VMSG_RESULT_ERROR);
		return;
	}
	*area = (struct vmsg_bus_area){
		.id = request->area_id,
		.state = VMSG_AREA_RETRIEVE,
		.pages = request->count,
		.handle = request->mem_handle,
		.tag = request->tag,
		.lent = (request->attr & 3u) == 1,
	};
}

static bool in_use(struct vmsg_bus *bus, uint16_t id)
{
	const struct vmsg_memory_area *memory = vmsg_memory_find(bus->options.memory, id);

	return memory && memory->users > 0;
}

static void serve_area_unshare(struct vmsg_bus *bus, uint16_t id)
{
	struct vmsg_bus_area *area = vmsg_bus_area_find(bus, id);

	if (!area) {
		answer_area(bus, id, VMSG_RESULT_ERROR);
	} else if (area->state != VMSG_AREA_MAPPED) {
		answer_area(bus, id, VMSG_RESULT_BUSY); /* already on its way out */
	} else if (in_use(bus, id)) {
		area->state = VMSG_AREA_OWED;
		answer_area(bus, id, VMSG_RESULT_BUSY);
	} else {
		area->state = VMSG_AREA_RELINQUISH;
	}
}

/* An area whose last user has gone can be given back. */
static void settle_owed(struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state == VMSG_AREA_OWED && !in_use(bus, area->id)) {
			area->state = VMSG_AREA_RELINQUISH_OWED;
		}
	}
}

bool vmsg_bus_device_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	if (bus->reset_due) {
		return false; /* the devices must let go of their areas first */
	}
	settle_owed(bus);
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		const struct vmsg_bus_area *area = &bus->areas[i];
		const bool retrieve = area->state == VMSG_AREA_RETRIEVE;
		if (!retrieve && area->state != VMSG_AREA_RELINQUISH &&
		    area->state != VMSG_AREA_RELINQUISH_OWED) {
			continue;
		}
		if (!retrieve && in_use(bus, area->id)) {
			continue;
		}
		bus->acting = (int16_t)i;
		output->kind = retrieve ? VMSG_BUS_RETRIEVE : VMSG_BUS_RELINQUISH;
		output->area_id = area->id;
		output->handle = area->handle;
		output->tag = area->tag;
		output->pages = area->pages;
		output->writable = true;
		output->lent = area->lent;
		if (!retrieve) {
			(void)!vmsg_memory_remove(bus->options.memory, area->id);
		}
		return true;
	}
	return false;
}

void vmsg_bus_device_complete(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result,
			      const struct vmsg_segment *segments, size_t segment_count)
{
	const bool waited_for = bus->answer_due && (bus->answering.type == VMSG_AREA_SHARE ||
						    bus->answering.type == VMSG_AREA_UNSHARE);

	if (area->state == VMSG_AREA_RETRIEVE) {
		const bool mapped = result >= 0;
		if (mapped) {
			result = vmsg_memory_add(bus->options.memory, area->id, segments,
						 segment_count, true, area->handle);
		}
		if (waited_for) {
			answer_area(
				bus, area->id,
				(uint16_t)(result < 0 ? VMSG_RESULT_ERROR : VMSG_RESULT_SUCCESS));
		}
		if (result >= 0) {
			area->state = VMSG_AREA_MAPPED;
			area->event = VMSG_BUS_EVENT_AREA_READY + 1;
		} else {
			/* what was retrieved but found no place in the table goes back */
			area->state = mapped ? VMSG_AREA_RELINQUISH : VMSG_AREA_FREE;
		}
		return;
	}
	area->event = VMSG_BUS_EVENT_AREA_GONE + 1;
	if (area->state == VMSG_AREA_RELINQUISH_OWED) {
		area->state = VMSG_AREA_RELEASED;
		return;
	}
	area->state = VMSG_AREA_FREE;
	if (waited_for) {
		answer_area(bus, area->id, VMSG_RESULT_SUCCESS);
	}
}

/* ---- devices ---- */

static bool present(const struct vmsg_bus *bus, uint16_t number)
{
	const struct vmsg_bus_device *devices = bus->options.devices;

	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		if (devices[i].present && devices[i].number == number) {
			return true;
		}
	}
	return false;
}

/* Least device number at or above `from`; 65536 when there is none. */
static uint32_t next_device(const struct vmsg_bus *bus, uint32_t from)
{
	uint32_t least = 65536;

	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		const struct vmsg_bus_device *device = &bus->options.devices[i];
		if (device->present && device->number >= from && device->number < least) {
			least = device->number;
		}
	}
	return least;
}

/* How many slots the answer covers: what was asked, what exists, what fits, whole bytes before r3.
 */
static uint32_t window_of(const struct vmsg_bus *bus,
			  const struct vmsg_get_devices_request *request)
{
	const uint32_t room = vmsg_bus_frame_size_max(bus) - bus->profile->header_size - 6u;
	uint32_t count = request->count;

	count = count < room * 8 ? count : room * 8;
	count = count < 65536u - request->offset ? count : 65536u - request->offset;
	if (bus->profile->has_ordered_device_window) {
		count = count < 8 ? 8 : count & ~7u; /* 255, as Linux asks, becomes 248 (Q5) */
	}
	return count;
}

static void serve_get_devices(struct vmsg_bus *bus, const struct vmsg_get_devices_request *request)
{
	struct vmsg_message message = { .header = { .type = VMSG_GET_DEVICES } };
	const bool ordered = bus->profile->has_ordered_device_window;

	if (ordered && request->offset % 8) {
		refuse(bus, id_of(bus));
		return;
	}
	const uint32_t count = window_of(bus, request);
	const uint32_t end = request->offset + (count ? count : 1);
	uint32_t next = next_device(bus, end);
	memset(bus->tail, 0, sizeof(bus->tail));
	for (uint32_t i = 0; i < count; i++) {
		if (present(bus, (uint16_t)(request->offset + i))) {
			bus->tail[i / 8] |= (uint8_t)(1u << i % 8);
		}
	}
	if (ordered) {
		next &= ~7u;
	}
	message.body.get_devices_response = (struct vmsg_get_devices_response){
		.offset = request->offset,
		.count = (uint16_t)count,
		.next_offset = (uint16_t)(next < 65536 ? next : 0),
		.bitmap = { bus->tail, (count + 7) / 8 },
	};
	answer(bus, &message);
}

int vmsg_bus_add_device(struct vmsg_bus *bus, uint16_t number)
{
	return vmsg_bus_device_set(bus, number, true);
}

int vmsg_bus_remove_device(struct vmsg_bus *bus, uint16_t number)
{
	return vmsg_bus_device_set(bus, number, false);
}

/* ---- events ---- */

/* One event of the session's own, in answer to a poll: released areas, then hot plug. */
static bool own_event(struct vmsg_bus *bus, struct vmsg_message *message)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state == VMSG_AREA_RELEASED) {
			bus->areas[i].state = VMSG_AREA_FREE;
			message->header.type = VMSG_AREA_RELEASE;
			message->body.area_release.area_id = bus->areas[i].id;
			return true;
		}
	}
	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		struct vmsg_bus_device *device = &bus->options.devices[i];
		if (!device->announce) {
			continue;
		}
		device->announce = false;
		message->header.type = VMSG_EVENT_DEVICE;
		if (bus->profile->id == VMSG_PROFILE_R0) {
			message->header.type =
				device->present ? VMSG_DEVICE_ADDED : VMSG_DEVICE_REMOVED;
		}
		message->body.event_device.device_number = device->number;
		message->body.event_device.state =
			device->present ? VMSG_DEVICE_STATE_ADDED : VMSG_DEVICE_STATE_REMOVED;
		return true;
	}
	return false;
}

static void serve_poll(struct vmsg_bus *bus)
{
	struct vmsg_message event = { .header = { .kind = VMSG_EVENT } };

	if (!bus->events_on) {
		return; /* nothing may be originated yet: the empty answer follows */
	}
	if (own_event(bus, &event)) {
		bus->answer_due = vmsg_bus_put(bus, &event) < 0;
	} else {
		bus->polled_due = true;
	}
}

static void serve_event_configure(struct vmsg_bus *bus,
				  const struct vmsg_event_configure_request *request)
{
	const bool known =
		request->method == VMSG_EVENTS_POLL ||
		/* Linux RFC V2 always asks for notifications, with id 0, and polls */
		(request->method == VMSG_EVENTS_NOTIFICATION && !bus->profile->has_version_probe);

	if (bus->profile->has_version_probe && bus->events_on) {
		refuse(bus, id_of(bus)); /* once per negotiation */
		return;
	}
	bus->events_on = bus->events_on || known;
	answer_result(bus, (uint16_t)(known ? VMSG_RESULT_SUCCESS : VMSG_RESULT_ERROR));
}

/* ---- dispatch ---- */

static void serve_bus(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	struct vmsg_message echo = *message;

	if (bus->state != VMSG_BUS_RUNNING && message->header.type != VMSG_VERSION &&
	    message->header.type != VMSG_RESET) {
		refuse(bus, id_of(bus));
		return;
	}
	switch (message->header.type) {
	case VMSG_VERSION:
		serve_version(bus, message);
		break;
	case VMSG_RESET:
		forget_driver(bus); /* answered when the areas are gone */
		break;
	case VMSG_GET_DEVICES:
		serve_get_devices(bus, &message->body.get_devices_request);
		break;
	case VMSG_PING:
		answer(bus, &echo);
		break;
	case VMSG_AREA_SHARE:
		serve_area_share(bus, &message->body.area_share_request);
		break;
	case VMSG_AREA_UNSHARE:
		serve_area_unshare(bus, message->body.area_unshare_request.area_id);
		break;
	case VMSG_EVENT_POLL:
		serve_poll(bus);
		break;
	case VMSG_EVENT_CONFIGURE:
		serve_event_configure(bus, &message->body.event_configure_request);
		break;
	default: /* FIFO_CONFIGURE: we offer no FIFO */
		refuse(bus, id_of(bus));
		break;
	}
}

static void serve_transport(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	if (bus->state != VMSG_BUS_RUNNING || !present(bus, message->header.dev_num)) {
		refuse(bus, id_of(bus));
		return;
	}
	bus->message = *message;
	bus->message_due = true;
}

/* A frame that could not be decoded: a request whose header is sound is refused, the rest dropped.
 */
static int drop(struct vmsg_bus *bus, struct vmsg_bytes frame, const struct vmsg_header *header,
		int error)
{
	struct vmsg_raw_header raw;

	bus->stats.dropped++;
	if (vmsg_decode_header(bus->profile, frame, &raw, NULL) == 0 &&
	    !(raw.type & VMSG_TYPE_RESPONSE) && header->kind == VMSG_REQUEST &&
	    !(raw.msg_id & 0x40)) {
		bus->answering = *header;
		refuse(bus, raw.msg_id);
	}
	return error;
}

int vmsg_bus_device_input(struct vmsg_bus *bus, struct vmsg_bytes frame)
{
	struct vmsg_message message;

	hear_dialect(bus, frame);
	bus->options.memory->id_shift = bus->profile->area_id_shift;
	const int error = vmsg_decode(bus->profile, frame, &message, NULL);
	if (error < 0) {
		return drop(bus, frame, &message.header, error);
	}
	bus->stats.received[message.header.type]++;
	if (message.header.kind == VMSG_RESPONSE) {
		bus->stats.dropped++;
		return VMSG_ERROR_STATE; /* we asked for nothing */
	}
	if (message.header.kind == VMSG_EVENT) {
		if (vmsg_type_is_bus(message.header.type) || bus->state != VMSG_BUS_RUNNING ||
		    !present(bus, message.header.dev_num)) {
			bus->stats.dropped++;
			return VMSG_ERROR_STATE;
		}
		bus->message = message;
		bus->message_due = true;
		return 0;
	}
	bus->answering = message.header;
	bus->answer_due = true;
	if (vmsg_type_is_bus(message.header.type)) {
		serve_bus(bus, &message);
	} else {
		serve_transport(bus, &message);
	}
	return 0;
}

/* Does any area still have to go before a RESET is done? */
static bool areas_left(const struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state != VMSG_AREA_FREE) {
			return true;
		}
	}
	return false;
}

void vmsg_bus_device_step(struct vmsg_bus *bus)
{
	if (!bus->answer_due || bus->reset_due || bus->message_due || bus->polled_due) {
		return;
	}
	struct vmsg_message message = { .header = { .type = bus->answering.type } };
	switch (bus->answering.type) {
	case VMSG_EVENT_POLL:
		answer(bus, &message);
		break;
	case VMSG_RESET:
		/* an area that a device does not let go of keeps the reset from being done */
		answer_result(bus, areas_left(bus) ? VMSG_RESULT_BUSY : VMSG_RESULT_SUCCESS);
		break;
	default: /* nobody answered: the request was malformed for its device */
		refuse(bus, id_of(bus));
		break;
	}
}

int vmsg_bus_null_reply(const struct vmsg_bus *bus, struct vmsg_bytes frame,
			uint8_t reply[VMSG_FRAME_SIZE_MAX])
{
	const struct vmsg_profile *profile =
		bus->profile ? bus->profile : vmsg_profile(VMSG_PROFILE_R3);
	struct vmsg_raw_header raw;
	uint8_t size = profile->header_size;

	(void)!vmsg_decode_header(profile, frame, &raw, NULL);
	memset(reply, 0, size);
	if (profile->null_reply_to_event) {
		reply[0] = VMSG_TYPE_BUS | VMSG_TYPE_RESPONSE;
	} else {
		reply[0] = (uint8_t)((raw.type & VMSG_TYPE_BUS) | VMSG_TYPE_RESPONSE);
		reply[1] = raw.msg_id;
		reply[2] = (uint8_t)raw.dev_num;
		reply[3] = (uint8_t)(raw.dev_num >> 8);
	}
	if (profile->has_token) {
		reply[4] = (uint8_t)raw.token;
		reply[5] = (uint8_t)(raw.token >> 8);
	}
	reply[size - 2] = size;
	return size;
}
