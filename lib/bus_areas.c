/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of areas, on both sides (wire-revisions 4.5). Invariants: an id stays in the table, and
 * is not used again, until its memory has been reclaimed (driver) or relinquished and the driver
 * told (device); the device relinquishes before it says so; one action is out at a time.
 */
#include "bus_areas.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

/* AREA_SHARE attributes (wire-revisions 4.4) */
/* Looked at in one comparison each: shareable means either way. */
#define ATTR_FIXED                                                                                 \
	(VMSG_AREA_ATTR_WRITABLE | VMSG_AREA_ATTR_EXECUTABLE | VMSG_AREA_ATTR_OUTER_SHAREABLE |    \
	 VMSG_AREA_ATTR_MEMORY_MASK | VMSG_AREA_ATTR_NON_SECURE)
#define ATTR_WANTED                                                                                \
	(VMSG_AREA_ATTR_WRITABLE | VMSG_AREA_ATTR_OUTER_SHAREABLE |                                \
	 VMSG_AREA_ATTR_NORMAL_WRITE_BACK | VMSG_AREA_ATTR_NON_SECURE)
#define ATTR_RESERVED 0xFFFFF000u

/* ---- the table ---- */

static bool is_busy(uint8_t state)
{
	return state != AREA_FREE && state != AREA_IDLE && state != AREA_LOST;
}

void vmsg_area_enter(struct vmsg_bus *bus, struct vmsg_bus_area *area, enum area_state state)
{
	bus->areas_busy =
		(uint8_t)(bus->areas_busy - is_busy(area->state) + is_busy((uint8_t)state));
	area->state = (uint8_t)state;
	if (state == AREA_FREE) {
		*area = (struct vmsg_bus_area){ 0 };
	}
}

void vmsg_area_tell(struct vmsg_bus *bus, struct vmsg_bus_area *area, uint8_t event)
{
	area->events |= event;
	bus->area_events = true;
}

struct vmsg_bus_area *vmsg_area_find(struct vmsg_bus *bus, uint16_t id)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state != AREA_FREE && bus->areas[i].id == id) {
			return &bus->areas[i];
		}
	}
	return NULL;
}

/* A free slot, if the side that said `limit` can hold one more. */
struct vmsg_bus_area *vmsg_area_find_free(struct vmsg_bus *bus, uint32_t limit)
{
	struct vmsg_bus_area *slot = NULL;
	uint32_t count = 0;

	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state == AREA_FREE) {
			slot = slot ? slot : &bus->areas[i];
		} else {
			count++;
		}
	}
	return count < limit ? slot : NULL;
}

bool vmsg_area_is_due(const struct vmsg_bus *bus, const struct vmsg_bus_area *area)
{
	return bus->now_ns >= area->retry_ns;
}

/* No new use of it; those there are stay until their owners let go. */
void vmsg_area_close(struct vmsg_bus *bus, const struct vmsg_bus_area *area)
{
	(void)vmsg_memory_close(bus->options.memory, area->id);
}

/* False while queues hold it. */
static bool remove_memory(struct vmsg_bus *bus, const struct vmsg_bus_area *area)
{
	return vmsg_memory_remove(bus->options.memory, area->id) != VMSG_ERROR_AGAIN;
}

uint32_t vmsg_area_id_limit(const struct vmsg_bus *bus)
{
	return (1u << (64 - bus->profile->area_id_shift)) - 1;
}

void vmsg_area_reclaim(struct vmsg_bus *bus, struct vmsg_bus_area *area)
{
	vmsg_area_close(bus, area);
	area->retry_ns = 0;
	area->tries = 0;
	area->unanswered = false;
	vmsg_area_enter(bus, area, AREA_RECLAIM);
}

int vmsg_bus_area_event(struct vmsg_bus *bus, struct vmsg_bus_event *event)
{
	for (size_t i = 0; bus->area_events && i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->events == 0) {
			continue;
		}
		event->area_id = area->id;
		if (area->events & EVENT_READY) {
			event->kind = VMSG_BUS_EVENT_AREA_READY;
			area->events &= (uint8_t)~EVENT_READY;
		} else if (area->events & EVENT_REFUSED) {
			event->kind = VMSG_BUS_EVENT_AREA_REFUSED;
			event->error = area->error;
			area->events &= (uint8_t)~EVENT_REFUSED;
		} else {
			event->kind = VMSG_BUS_EVENT_AREA_GONE;
			event->error = area->state == AREA_LOST ? VMSG_ERROR_PEER : VMSG_OK;
			area->events = 0;
		}
		return 1;
	}
	bus->area_events = false;
	return 0;
}

/* ---- device: messages ---- */

static bool attributes_allowed(const struct vmsg_bus *bus, uint32_t attr)
{
	if (attr == 0) {
		return !bus->dialect->has_area_attributes; /* "unspecified" */
	}
	return (attr & VMSG_AREA_ATTR_KIND_MASK) <= VMSG_AREA_ATTR_LEND &&
	       (attr & ATTR_FIXED) == ATTR_WANTED && (attr & ATTR_RESERVED) == 0;
}

static bool share_allowed(struct vmsg_bus *bus, const struct vmsg_area_share_request *request)
{
	return request->area_id <= vmsg_area_id_limit(bus) &&
	       (request->area_id != 0 || !bus->dialect->has_area_attributes) &&
	       request->count != 0 && attributes_allowed(bus, request->attr) &&
	       (uint64_t)request->count * 4096 <= 1ull << bus->dialect->area_id_shift &&
	       !vmsg_area_find(bus, request->area_id) &&
	       bus->options.memory->count < bus->options.memory->capacity;
}

void vmsg_bus_area_serve_share(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const struct vmsg_area_share_request *request = &message->body.area_share_request;
	struct vmsg_bus_area *area = share_allowed(bus, request)
					     ? vmsg_area_find_free(bus, bus->options.max_areas)
					     : NULL;

	if (!area) {
		vmsg_bus_device_area_result(bus, request->area_id, VMSG_RESULT_ERROR);
		return;
	}
	area->id = request->area_id;
	area->handle = request->mem_handle;
	area->tag = request->tag;
	area->pages = request->count; /* of 4 KiB; memory of any other size is refused (O21) */
	area->writable = true;
	area->lent = (request->attr & VMSG_AREA_ATTR_KIND_MASK) == VMSG_AREA_ATTR_LEND;
	area->asked = true;
	vmsg_area_enter(bus, area, AREA_RETRIEVE);
}

void vmsg_bus_area_serve_unshare(struct vmsg_bus *bus, const struct vmsg_message *message)
{
	const uint16_t id = message->body.area_unshare_request.area_id;
	struct vmsg_bus_area *area = vmsg_area_find(bus, id);
	const struct vmsg_memory_area *memory = vmsg_memory_find(bus->options.memory, id);

	if (!area) {
		vmsg_bus_device_area_result(bus, id, VMSG_RESULT_ERROR);
	} else if (area->state == AREA_RELEASE) {
		vmsg_area_enter(bus, area,
				AREA_FREE); /* the answer says what the event would have */
		vmsg_bus_device_area_result(bus, id, VMSG_RESULT_SUCCESS);
	} else if (area->state != AREA_IDLE || (memory && memory->users > 0)) {
		vmsg_area_close(bus, area);
		area->owed = true;
		if (area->state == AREA_IDLE) {
			vmsg_area_enter(bus, area, AREA_IN_USE);
		}
		vmsg_bus_device_area_result(bus, id, VMSG_RESULT_BUSY);
	} else {
		area->asked = true;
		vmsg_area_enter(bus, area, AREA_RELINQUISH);
	}
}

bool vmsg_bus_area_owes_release(const struct vmsg_bus *bus)
{
	for (size_t i = 0; bus->areas_busy > 0 && i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state == AREA_RELEASE) {
			return true;
		}
	}
	return false;
}

int vmsg_bus_area_release(struct vmsg_bus *bus, uint16_t *id)
{
	for (size_t i = 0; bus->areas_busy > 0 && i < VMSG_BUS_AREAS_MAX; i++) {
		if (bus->areas[i].state == AREA_RELEASE) {
			*id = bus->areas[i].id;
			vmsg_area_enter(bus, &bus->areas[i], AREA_FREE);
			return 1;
		}
	}
	return 0;
}

/* ---- actions ---- */

/* Moves on what waits for queues to let go, or for our caller to know. */
static void settle(struct vmsg_bus *bus, struct vmsg_bus_area *area)
{
	const struct vmsg_memory_area *memory;

	if (area->state == AREA_GONE && area->events == 0 && remove_memory(bus, area)) {
		vmsg_area_enter(bus, area, AREA_FREE);
	} else if (area->state == AREA_IN_USE) {
		memory = vmsg_memory_find(bus->options.memory, area->id);
		if (!memory || memory->users == 0) {
			area->retry_ns = 0;
			vmsg_area_enter(bus, area, AREA_RELINQUISH);
		}
	}
}

/* What to do for an area now; false when nothing. */
static bool act(struct vmsg_bus *bus, struct vmsg_bus_area *area, enum vmsg_bus_output_kind *kind)
{
	switch ((enum area_state)area->state) {
	case AREA_RECLAIM:
		*kind = VMSG_BUS_RECLAIM;
		if (vmsg_area_is_due(bus, area)) {
			vmsg_area_enter(bus, area, AREA_RECLAIMING);
			return true;
		}
		return false;
	case AREA_RETRIEVE:
		*kind = VMSG_BUS_RETRIEVE;
		vmsg_area_enter(bus, area, AREA_RETRIEVING);
		return true;
	case AREA_RELINQUISH:
		*kind = VMSG_BUS_RELINQUISH;
		if (vmsg_area_is_due(bus, area) && remove_memory(bus, area)) {
			vmsg_area_enter(bus, area, AREA_RELINQUISHING);
			return true;
		}
		return false;
	case AREA_FREE:
	case AREA_IDLE:
	case AREA_SHARE:
	case AREA_SHARING:
	case AREA_UNSHARE:
	case AREA_UNSHARING:
	case AREA_RECLAIMING:
	case AREA_GONE:
	case AREA_LOST:
	case AREA_RETRIEVING:
	case AREA_IN_USE:
	case AREA_RELINQUISHING:
	case AREA_RELEASE:
		break;
	}
	return false;
}

int vmsg_bus_area_action(struct vmsg_bus *bus, struct vmsg_bus_output *output)
{
	for (uint8_t i = 0; bus->areas_busy > 0 && i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		settle(bus, area);
		if (!act(bus, area, &output->kind)) {
			continue;
		}
		output->area_id = area->id;
		output->handle = area->handle;
		output->tag = area->tag;
		output->pages = area->pages;
		output->writable = area->writable;
		output->lent = area->lent;
		bus->acting = i;
		return 1;
	}
	return 0;
}

static void retrieved(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result,
		      const struct vmsg_segment *segments, size_t segment_count)
{
	const uint16_t id = area->id;
	const bool ours = result >= 0; /* the memory, from now on */

	if (ours) {
		result = vmsg_memory_add(bus->options.memory, id, segments, segment_count,
					 area->writable, area->handle);
	}
	area->asked = false;
	if (result >= 0 && vmsg_bus_is_up(bus)) {
		vmsg_area_tell(bus, area, EVENT_READY);
		vmsg_area_enter(bus, area, AREA_IDLE);
	} else if (ours) {
		vmsg_area_close(bus, area);
		area->retry_ns = 0;
		vmsg_area_enter(bus, area, AREA_RELINQUISH);
	} else {
		vmsg_area_enter(bus, area, AREA_FREE);
	}
	vmsg_bus_device_area_result(bus, id, result >= 0 ? VMSG_RESULT_SUCCESS : VMSG_RESULT_ERROR);
}

/* Whatever the manager says short of "try later", the memory is no longer mapped here. */
static void relinquished(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result)
{
	const uint16_t id = area->id;
	const bool asked = area->asked;
	unsigned int answer = result < 0 ? VMSG_RESULT_ERROR : VMSG_RESULT_SUCCESS;

	area->asked = false;
	if (result == VMSG_ERROR_AGAIN) {
		answer = VMSG_RESULT_BUSY;
		area->owed |= asked;
		area->retry_ns = vmsg_bus_after(bus->now_ns, VMSG_BUS_RETRY_NS);
		vmsg_area_enter(bus, area, AREA_RELINQUISH);
	} else {
		vmsg_area_tell(bus, area, EVENT_GONE);
		vmsg_area_enter(bus, area, area->owed ? AREA_RELEASE : AREA_GONE);
	}
	if (asked) {
		vmsg_bus_device_area_result(bus, id, answer);
	}
}

/* A borrower that still has it delays; any other refusal is for good. */
static void reclaimed(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result)
{
	if (result == VMSG_ERROR_AGAIN && area->unanswered && vmsg_bus_is_up(bus)) {
		area->retry_ns = vmsg_bus_after(bus->now_ns, VMSG_BUS_REPEAT_NS);
		vmsg_area_enter(bus, area, AREA_UNSHARE);
		return;
	}
	if (result == VMSG_ERROR_AGAIN) {
		const uint64_t delay = (uint64_t)VMSG_BUS_RETRY_NS << area->tries;
		area->tries = (uint8_t)(area->tries + (delay < VMSG_BUS_REPEAT_NS));
		area->retry_ns = vmsg_bus_after(bus->now_ns, delay);
		vmsg_area_enter(bus, area, AREA_RECLAIM);
		return;
	}
	vmsg_area_tell(bus, area, EVENT_GONE);
	vmsg_area_enter(bus, area, result < 0 ? AREA_LOST : AREA_GONE);
}

void vmsg_bus_area_complete(struct vmsg_bus *bus, int result, const struct vmsg_segment *segments,
			    size_t segment_count)
{
	struct vmsg_bus_area *area = &bus->areas[bus->acting];

	bus->acting = VMSG_BUS_NONE;
	if (area->state == AREA_RETRIEVING) {
		retrieved(bus, area, result, segments, segment_count);
	} else if (area->state == AREA_RELINQUISHING) {
		relinquished(bus, area, result);
	} else {
		reclaimed(bus, area, result);
	}
}

/* ---- the end of a session ---- */

void vmsg_bus_areas_drop(struct vmsg_bus *bus, bool and_idle)
{
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		area->asked = false;
		area->owed = false;
		switch ((enum area_state)area->state) {
		case AREA_SHARE:
		case AREA_SHARING:
			vmsg_area_tell(bus, area, EVENT_REFUSED);
			area->error = VMSG_ERROR_STATE;
			vmsg_area_reclaim(bus, area);
			break;
		case AREA_UNSHARE:
		case AREA_UNSHARING:
			vmsg_area_reclaim(bus, area);
			break;
		case AREA_IDLE:
			if (!and_idle) {
				break;
			}
			if (vmsg_bus_is_driver(bus)) {
				vmsg_area_reclaim(bus, area);
				break;
			}
			vmsg_area_close(bus, area);
			area->retry_ns = 0;
			vmsg_area_enter(bus, area, AREA_RELINQUISH);
			break;
		case AREA_IN_USE:
			area->retry_ns = 0;
			vmsg_area_enter(bus, area, AREA_RELINQUISH);
			break;
		case AREA_RETRIEVE:
		case AREA_RELEASE:
			vmsg_area_enter(bus, area, AREA_FREE);
			break;
		case AREA_FREE:
		case AREA_RECLAIM:
		case AREA_RECLAIMING:
		case AREA_GONE:
		case AREA_LOST:
		case AREA_RETRIEVING:
		case AREA_RELINQUISH:
		case AREA_RELINQUISHING:
			break;
		}
	}
}

bool vmsg_bus_areas_busy(const struct vmsg_bus *bus)
{
	return bus->areas_busy > 0;
}

bool vmsg_bus_areas_remain(const struct vmsg_bus *bus)
{
	for (size_t i = 0; bus->areas_busy > 0 && i < VMSG_BUS_AREAS_MAX; i++) {
		if (is_busy(bus->areas[i].state) && bus->areas[i].state != AREA_GONE) {
			return true;
		}
	}
	return false;
}

uint64_t vmsg_bus_area_deadline(const struct vmsg_bus *bus)
{
	uint64_t deadline_ns = VMSG_BUS_NEVER;

	for (size_t i = 0; bus->areas_busy > 0 && i < VMSG_BUS_AREAS_MAX; i++) {
		const struct vmsg_bus_area *area = &bus->areas[i];
		const bool waits = area->state == AREA_UNSHARE || area->state == AREA_RECLAIM ||
				   area->state == AREA_RELINQUISH;
		if (waits && area->retry_ns < deadline_ns) {
			deadline_ns = area->retry_ns;
		}
	}
	return deadline_ns;
}
