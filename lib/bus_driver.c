/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's end of a bus session: the ladder of dialects, newest first; version, event method
 * and device list; areas out and back; polls. One request of its own is under way at a time; `step`
 * says which, and every answer moves it on or fails it. (wire-revisions 1.3, 4.5, 5.4, 6.3)
 */
#include "bus.h"

#define DEVICES_WINDOW   256u   /* slots asked for at once: 46 bytes of answer at most */
#define WINDOWS_MAX      65536u /* a lying device may not make us ask for ever */
#define RESET_TRIES      3u
#define RESET_RETRY_NS   2000000ull
#define UNSHARE_RETRY_NS 1000000000ull
#define RECLAIM_RETRY_NS 10000000ull
#define POLLS_MAX        64u

enum step {
	STEP_IDLE,
	STEP_RESET,
	STEP_PROBE,
	STEP_ECHO,
	STEP_EVENTS,
	STEP_DEVICES,
	STEP_WAIT, /* a request of the start is under way */
	STEP_RUN,
	STEP_RUN_WAIT, /* an own request of the running bus is under way */
};

/* ---- the ladder ---- */

static const uint8_t ladder[] = { VMSG_PROFILE_R3, VMSG_PROFILE_R2B, VMSG_PROFILE_R2A,
				  VMSG_PROFILE_R1 };

static const struct vmsg_profile *rung(const struct vmsg_bus *bus)
{
	if (bus->options.profile) {
		return bus->attempt == 0 ? bus->options.profile : NULL;
	}
	if (bus->attempt >= sizeof(ladder)) {
		return NULL;
	}
	const enum vmsg_profile_id id = (enum vmsg_profile_id)ladder[bus->attempt];
	return vmsg_profile(
		id == VMSG_PROFILE_R1 && bus->options.wide_area_ids ? VMSG_PROFILE_R1_A16 : id);
}

static void begin_rung(struct vmsg_bus *bus)
{
	bus->profile = rung(bus);
	bus->state = VMSG_BUS_PROBING;
	bus->options.memory->id_shift = bus->profile->area_id_shift;
	/* a driver that died here before may have left the bus up; only r3 serves RESET first */
	bus->step = bus->profile->has_version_probe ? STEP_RESET : STEP_PROBE;
	bus->tries = 0;
}

static void next_rung(struct vmsg_bus *bus, int error)
{
	bus->attempt++;
	if (rung(bus)) {
		begin_rung(bus);
	} else {
		bus->step = STEP_IDLE;
		vmsg_bus_fail(bus, error);
	}
}

int vmsg_bus_start(struct vmsg_bus *bus, uint64_t now_ns)
{
	bus->now_ns = now_ns;
	if (bus->options.role == VMSG_BUS_DEVICE) {
		return 0;
	}
	if (bus->state != VMSG_BUS_DOWN && bus->state != VMSG_BUS_FAILED) {
		return VMSG_ERROR_STATE;
	}
	bus->attempt = 0;
	bus->error = 0;
	bus->failed_due = false;
	begin_rung(bus);
	return 0;
}

int vmsg_bus_reset(struct vmsg_bus *bus, uint64_t now_ns)
{
	bus->now_ns = now_ns;
	if (bus->options.role != VMSG_BUS_DRIVER || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	bus->state = VMSG_BUS_RESETTING;
	bus->step = STEP_RESET;
	bus->tries = 0;
	bus->next_poll_ns = UINT64_MAX;
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (request->used && !request->own && !request->failed) {
			request->failed = true;
			request->error = VMSG_ERROR_STATE;
		} else if (request->own) {
			request->used = false;
		}
	}
	return 0;
}

/* ---- what is sent ---- */

static void ask(struct vmsg_bus *bus, struct vmsg_message *message, uint8_t step)
{
	message->header.kind = VMSG_REQUEST;
	if (vmsg_bus_request(bus, message) == 0) {
		bus->step = step;
	}
}

static void send_version(struct vmsg_bus *bus, bool echo)
{
	struct vmsg_message message = { .header = { .type = VMSG_VERSION } };
	struct vmsg_version *version = &message.body.version;

	version->ffa_version = bus->options.ffa_version;
	version->bus_features = bus->options.bus_features;
	version->max_areas = bus->options.max_areas;
	if (bus->profile->id == VMSG_PROFILE_R1 && version->max_areas > 0xff) {
		version->max_areas = 0xff;
	}
	if (echo || !bus->profile->has_version_probe) {
		version->bus_version = bus->profile->bus_version;
		version->transport_revision = VMSG_TRANSPORT_REVISION;
	}
	ask(bus, &message, STEP_WAIT);
}

static void send_reset(struct vmsg_bus *bus)
{
	struct vmsg_message message = { .header = { .type = VMSG_RESET } };

	if (bus->retry_ns > bus->now_ns) {
		return;
	}
	bus->retry_ns = 0;
	ask(bus, &message, STEP_WAIT);
}

static void send_events(struct vmsg_bus *bus)
{
	struct vmsg_message message = { .header = { .type = VMSG_EVENT_CONFIGURE } };

	message.body.event_configure_request.method = VMSG_EVENTS_POLL;
	ask(bus, &message, STEP_WAIT);
}

static void send_get_devices(struct vmsg_bus *bus)
{
	struct vmsg_message message = { .header = { .type = VMSG_GET_DEVICES } };

	message.body.get_devices_request.offset = bus->window;
	message.body.get_devices_request.count = DEVICES_WINDOW;
	ask(bus, &message, STEP_WAIT);
}

static void send_area_share(struct vmsg_bus *bus, struct vmsg_bus_area *area)
{
	struct vmsg_message message = { .header = { .type = VMSG_AREA_SHARE } };

	message.body.area_share_request = (struct vmsg_area_share_request){
		.area_id = area->id,
		.mem_handle = area->handle,
		.tag = area->tag,
		.count = area->pages,
		.attr = VMSG_AREA_ATTR_DEFAULT,
	};
	ask(bus, &message, STEP_RUN_WAIT);
	if (bus->step == STEP_RUN_WAIT) {
		area->state = VMSG_AREA_ANNOUNCED;
	}
}

static void send_area_unshare(struct vmsg_bus *bus, struct vmsg_bus_area *area)
{
	struct vmsg_message message = { .header = { .type = VMSG_AREA_UNSHARE } };

	message.body.area_unshare_request.area_id = area->id;
	ask(bus, &message, STEP_RUN_WAIT);
	if (bus->step == STEP_RUN_WAIT) {
		area->state = VMSG_AREA_WITHDRAWN;
	}
}

static void step_running(struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state == VMSG_AREA_ANNOUNCE) {
			send_area_share(bus, area);
			return;
		}
		if (area->state == VMSG_AREA_WITHDRAW && area->retry_ns <= bus->now_ns) {
			send_area_unshare(bus, area);
			return;
		}
	}
	if (bus->poll_wanted) {
		struct vmsg_message message = { .header = { .type = VMSG_EVENT_POLL } };
		bus->poll_wanted = false;
		ask(bus, &message, STEP_RUN_WAIT);
	}
}

void vmsg_bus_driver_step(struct vmsg_bus *bus)
{
	switch ((enum step)bus->step) {
	case STEP_RESET:
		send_reset(bus);
		break;
	case STEP_PROBE:
		send_version(bus, false);
		break;
	case STEP_ECHO:
		send_version(bus, true);
		break;
	case STEP_EVENTS:
		send_events(bus);
		break;
	case STEP_DEVICES:
		send_get_devices(bus);
		break;
	case STEP_RUN:
		step_running(bus);
		break;
	case STEP_IDLE:
	case STEP_WAIT:
	case STEP_RUN_WAIT:
		break;
	}
}

/* ---- answers ---- */

static void begin_devices(struct vmsg_bus *bus)
{
	bus->window = 0;
	bus->windows = 0;
	bus->step = STEP_DEVICES;
}

static void agreed(struct vmsg_bus *bus, const struct vmsg_version *version)
{
	bus->bus_features = version->bus_features & bus->options.bus_features;
	bus->transport_features = version->transport_features & bus->options.transport_features;
	bus->peer_ffa_version = version->ffa_version;
	bus->peer_max_areas = version->max_areas;
	bus->state = VMSG_BUS_NEGOTIATED;
	if (bus->profile->has_event_configure) {
		bus->step = STEP_EVENTS;
	} else {
		begin_devices(bus);
	}
}

/* A driver of r1 and r2 knows no transport features and must see direct reception offered. */
static bool acceptable(const struct vmsg_bus *bus, const struct vmsg_version *version)
{
	if (version->bus_version != bus->profile->bus_version) {
		return false;
	}
	if (bus->profile->id == VMSG_PROFILE_R0) {
		return true; /* has no revision, and other feature bits */
	}
	return version->transport_revision == VMSG_TRANSPORT_REVISION &&
	       (bus->profile->has_version_probe || version->transport_features == 0) &&
	       version->bus_features & VMSG_BUS_FEATURE_DIRECT_RX;
}

static void version_answer(struct vmsg_bus *bus, int error, const struct vmsg_message *answer)
{
	if (error < 0 || !acceptable(bus, &answer->body.version)) {
		next_rung(bus, error < 0 ? error : VMSG_ERROR_REVISION);
		return;
	}
	const struct vmsg_version *version = &answer->body.version;
	if (!bus->profile->has_version_probe) {
		agreed(bus, version);
	} else if (version->ffa_version < 0x00010002u) {
		next_rung(bus, VMSG_ERROR_REVISION);
	} else if (bus->tries == 0) {
		bus->tries = 1; /* that was the probe */
		bus->step = STEP_ECHO;
	} else {
		agreed(bus, version);
	}
}

/* Everything of the old life is gone: areas are reclaimed, then the caller is told. */
static void reset_done(struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state != VMSG_AREA_FREE) {
			area->state = VMSG_AREA_RECLAIM;
			area->retry_ns = 0;
		}
	}
	for (uint32_t i = 0; i < bus->options.device_capacity; i++) {
		bus->options.devices[i] = (struct vmsg_bus_device){ 0 };
	}
	bus->state = VMSG_BUS_DOWN;
	bus->step = STEP_IDLE;
	bus->reset_due = true;
}

static void reset_answer(struct vmsg_bus *bus, int error, const struct vmsg_message *answer)
{
	const bool starting = bus->state == VMSG_BUS_PROBING;
	const uint16_t result = error < 0 ? VMSG_RESULT_ERROR : answer->body.reset_response.result;

	if (result == VMSG_RESULT_BUSY && ++bus->tries < RESET_TRIES) {
		bus->retry_ns = bus->now_ns + RESET_RETRY_NS;
		bus->step = STEP_RESET;
	} else if (starting) {
		/* VERSION finds out what the peer is, whatever became of the RESET */
		bus->tries = 0;
		bus->step = STEP_PROBE;
	} else if (result == VMSG_RESULT_SUCCESS || !bus->profile->has_version_probe) {
		reset_done(bus); /* before r3 RESET may be missing; VERSION starts afresh then */
	} else {
		bus->step = STEP_IDLE;
		vmsg_bus_fail(bus, error < 0 ? error : VMSG_ERROR_PEER);
	}
}

static void events_answer(struct vmsg_bus *bus, int error, const struct vmsg_message *answer)
{
	const bool refused = error < 0 || answer->body.event_configure_response.result;

	if (refused && bus->profile->has_version_probe) {
		bus->step = STEP_IDLE;
		vmsg_bus_fail(bus, error < 0 ? error : VMSG_ERROR_PEER);
	} else {
		begin_devices(bus); /* r2 devices refuse it always, and answer polls all the same */
	}
}

static void running(struct vmsg_bus *bus)
{
	bus->state = VMSG_BUS_RUNNING;
	bus->step = STEP_RUN;
	bus->up_due = true;
	bus->next_poll_ns = bus->now_ns + bus->options.poll_interval_ns;
}

static void devices_answer(struct vmsg_bus *bus, int error, const struct vmsg_message *answer)
{
	const struct vmsg_get_devices_response *devices = &answer->body.get_devices_response;

	if (error < 0 || devices->offset != bus->window || devices->count > DEVICES_WINDOW) {
		bus->step = STEP_IDLE;
		vmsg_bus_fail(bus, error < 0 ? error : VMSG_ERROR_PEER);
		return;
	}
	for (uint32_t i = 0; i < devices->count && i / 8 < devices->bitmap.size; i++) {
		const uint32_t number = (uint32_t)devices->offset + i;
		if (devices->bitmap.data[i / 8] & 1u << i % 8 && number <= UINT16_MAX) {
			(void)!vmsg_bus_device_set(bus, (uint16_t)number, true);
		}
	}
	if (devices->next_offset == 0) {
		running(bus);
	} else if (devices->next_offset <= bus->window || ++bus->windows >= WINDOWS_MAX) {
		bus->step = STEP_IDLE;
		vmsg_bus_fail(bus, VMSG_ERROR_PEER); /* it would lead us in a circle */
	} else {
		bus->window = devices->next_offset;
		bus->step = STEP_DEVICES;
	}
}

static struct vmsg_bus_area *area_in(struct vmsg_bus *bus, enum vmsg_area_state state)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state == (uint8_t)state) {
			return &bus->areas[i];
		}
	}
	return NULL;
}

static void take_back(struct vmsg_bus_area *area)
{
	area->state = VMSG_AREA_RECLAIM;
	area->retry_ns = 0;
}

static void share_answer(struct vmsg_bus *bus, int error, const struct vmsg_message *answer)
{
	struct vmsg_bus_area *area = area_in(bus, VMSG_AREA_ANNOUNCED);
	const struct vmsg_area_result *result = &answer->body.area_share_response;

	if (!area) {
		return;
	}
	/* success needs the echoed id too: some answer a bad request with zeros (Q16) */
	if (error == 0 && result->result == VMSG_RESULT_SUCCESS && result->area_id == area->id) {
		area->state = VMSG_AREA_READY;
		area->event = VMSG_BUS_EVENT_AREA_READY + 1;
	} else {
		(void)!vmsg_memory_remove(bus->options.memory, area->id);
		area->event = VMSG_BUS_EVENT_AREA_REFUSED + 1;
		take_back(area);
	}
}

static void unshare_answer(struct vmsg_bus *bus, int error, const struct vmsg_message *answer)
{
	struct vmsg_bus_area *area = area_in(bus, VMSG_AREA_WITHDRAWN);
	/* r0 has no result: the answer itself says that it is done */
	const uint16_t result =
		error < 0 ? VMSG_RESULT_BUSY : answer->body.area_unshare_response.result;

	if (!area) {
		return;
	}
	if (result == VMSG_RESULT_BUSY) {
		area->state = VMSG_AREA_WITHDRAW; /* AREA_RELEASE may come before that */
		area->retry_ns = bus->now_ns + UNSHARE_RETRY_NS;
	} else {
		take_back(area); /* error: it knows no such area */
	}
}

void vmsg_bus_driver_answer(struct vmsg_bus *bus, enum vmsg_type type, int error,
			    const struct vmsg_message *answer)
{
	static const struct vmsg_message none;

	answer = error < 0 ? &none : answer;
	if (bus->step == STEP_RUN_WAIT) {
		bus->step = STEP_RUN;
	}
	switch (type) {
	case VMSG_VERSION:
		version_answer(bus, error, answer);
		break;
	case VMSG_RESET:
		reset_answer(bus, error, answer);
		break;
	case VMSG_EVENT_CONFIGURE:
		events_answer(bus, error, answer);
		break;
	case VMSG_GET_DEVICES:
		devices_answer(bus, error, answer);
		break;
	case VMSG_AREA_SHARE:
		share_answer(bus, error, answer);
		break;
	case VMSG_AREA_UNSHARE:
		unshare_answer(bus, error, answer);
		break;
	default: /* EVENT_POLL: nothing was pending */
		bus->polls_left = 0;
		break;
	}
}

/* ---- frames of the device that are no answers ---- */

/* An event in place of the answer to EVENT_POLL: ask again, for more may wait. */
static void end_poll(struct vmsg_bus *bus)
{
	for (size_t i = 0; i < VMSG_REQUESTS_MAX; i++) {
		struct vmsg_bus_request *request = &bus->requests[i];
		if (request->used && request->own && request->type == VMSG_EVENT_POLL) {
			request->used = false;
			bus->step = bus->step == STEP_RUN_WAIT ? STEP_RUN : bus->step;
			if (bus->polls_left > 0) {
				bus->polls_left--;
				bus->poll_wanted = true;
			}
		}
	}
}

static void area_released(struct vmsg_bus *bus, uint16_t id)
{
	struct vmsg_bus_area *area = vmsg_bus_area_find(bus, id);

	if (area && area->state != VMSG_AREA_RECLAIM && area->state != VMSG_AREA_ANNOUNCE &&
	    area->state != VMSG_AREA_ANNOUNCED) {
		struct vmsg_memory_area *memory = vmsg_memory_find(bus->options.memory, id);
		if (memory) {
			memory->closing = true; /* its id must not be used any more */
		}
		take_back(area);
	}
}

void vmsg_bus_driver_frame(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const struct vmsg_header *header = &message->header;
	const struct vmsg_event_device *device = &message->body.event_device;

	if (header->kind == VMSG_REQUEST) {
		if (header->type == VMSG_PING) { /* either side may ask (O12) */
			struct vmsg_message answer = *message;
			answer.header.kind = VMSG_RESPONSE;
			(void)!vmsg_bus_put(bus, &answer);
		} else {
			bus->stats.dropped++;
		}
		return;
	}
	if (bus->state != VMSG_BUS_RUNNING) {
		bus->stats.dropped++;
		return;
	}
	end_poll(bus);
	switch (header->type) {
	case VMSG_EVENT_DEVICE:
		if (device->state == VMSG_DEVICE_STATE_ADDED ||
		    device->state == VMSG_DEVICE_STATE_REMOVED) {
			(void)!vmsg_bus_device_set(bus, device->device_number,
						   device->state == VMSG_DEVICE_STATE_ADDED);
		}
		break;
	case VMSG_DEVICE_ADDED:
	case VMSG_DEVICE_REMOVED:
		(void)!vmsg_bus_device_set(bus, device->device_number,
					   header->type == VMSG_DEVICE_ADDED);
		break;
	case VMSG_AREA_RELEASE:
		area_released(bus, message->body.area_release.area_id);
		break;
	default: /* a device's event */
		bus->message = *message;
		bus->message_due = true;
		break;
	}
}

int vmsg_bus_poll(struct vmsg_bus *bus, uint64_t now_ns)
{
	bus->now_ns = now_ns;
	if (bus->options.role != VMSG_BUS_DRIVER || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	bus->poll_wanted = true;
	bus->polls_left = POLLS_MAX;
	bus->next_poll_ns = now_ns + bus->options.poll_interval_ns;
	return 0;
}

/* ---- areas ---- */

/* Next id that neither we nor a reclaim still under way uses, within the address form. */
static int choose_id(struct vmsg_bus *bus, uint16_t *id)
{
	const uint32_t bits = 64u - bus->profile->area_id_shift;
	const uint32_t count = (1u << bits) - 1; /* 1..count */
	const uint32_t limit = bus->profile->id == VMSG_PROFILE_R0 ? count : bus->peer_max_areas;

	for (uint32_t i = 0; i < VMSG_BUS_AREAS_MAX + 1u; i++) {
		const uint16_t candidate = (uint16_t)(bus->next_area > count ? 1 : bus->next_area);
		bus->next_area = (uint16_t)(candidate < count ? candidate + 1u : 1u);
		if (!vmsg_bus_area_find(bus, candidate)) {
			*id = candidate;
			return limit > 0 ? 0 : VMSG_ERROR_NO_SPACE;
		}
	}
	return VMSG_ERROR_NO_SPACE;
}

int vmsg_bus_share(struct vmsg_bus *bus, uint64_t now_ns, uint64_t handle, uint64_t tag,
		   const struct vmsg_segment *segments, size_t segment_count, uint16_t *area_id)
{
	struct vmsg_bus_area *area = vmsg_bus_area_slot(bus);
	uint64_t size = 0;

	bus->now_ns = now_ns;
	*area_id = 0;
	if (bus->options.role != VMSG_BUS_DRIVER || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	for (size_t i = 0; i < segment_count; i++) {
		size += segments[i].size;
	}
	if (size == 0 || size % VMSG_BUS_PAGE_SIZE || size / VMSG_BUS_PAGE_SIZE > UINT32_MAX) {
		return VMSG_ERROR_INVALID;
	}
	uint16_t id;
	int error = area ? choose_id(bus, &id) : VMSG_ERROR_NO_SPACE;
	if (error == 0) {
		error = vmsg_memory_add(bus->options.memory, id, segments, segment_count, true,
					handle);
	}
	if (error < 0) {
		return error;
	}
	*area = (struct vmsg_bus_area){
		.id = id,
		.state = VMSG_AREA_ANNOUNCE,
		.pages = (uint32_t)(size / VMSG_BUS_PAGE_SIZE),
		.handle = handle,
		.tag = tag,
	};
	*area_id = id;
	return 0;
}

int vmsg_bus_unshare(struct vmsg_bus *bus, uint64_t now_ns, uint16_t area_id)
{
	struct vmsg_bus_area *area = vmsg_bus_area_find(bus, area_id);
	const struct vmsg_memory_area *memory = vmsg_memory_find(bus->options.memory, area_id);

	bus->now_ns = now_ns;
	if (!area || area->state != VMSG_AREA_READY) {
		return area ? VMSG_ERROR_STATE : VMSG_ERROR_NOT_FOUND;
	}
	if (memory && memory->users > 0) {
		return VMSG_ERROR_AGAIN;
	}
	area->state = VMSG_AREA_WITHDRAW;
	area->retry_ns = 0;
	return 0;
}

bool vmsg_bus_driver_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state == VMSG_AREA_RECLAIM && area->retry_ns <= bus->now_ns) {
			bus->acting = (int16_t)i;
			output->kind = VMSG_BUS_RECLAIM;
			output->area_id = area->id;
			output->handle = area->handle;
			return true;
		}
	}
	return false;
}

void vmsg_bus_driver_complete(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result)
{
	if (result == VMSG_ERROR_AGAIN) {
		area->retry_ns = bus->now_ns + RECLAIM_RETRY_NS; /* the id stays taken */
		return;
	}
	(void)!vmsg_memory_remove(bus->options.memory, area->id);
	if (!area->event) {
		area->event = VMSG_BUS_EVENT_AREA_GONE + 1;
	}
	area->state = VMSG_AREA_FREE;
}
