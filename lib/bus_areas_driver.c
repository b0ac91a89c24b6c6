/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Areas as the driver sees them: shared and taken back by our caller, announced to the device and
 * withdrawn by messages. Invariant: every way out of the device's hands, and every doubt whether an
 * area is in them, ends in FFA_MEM_RECLAIM, which alone frees the id.
 */
#include "bus_areas.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

/* ---- driver: calls ---- */

/* An id that no area of the table has; ids go round, so that a late AREA_RELEASE for an earlier
 * area does not hit a new one. */
static uint16_t choose_id(struct vmsg_bus *bus)
{
	const uint32_t limit = vmsg_area_id_limit(bus);

	for (size_t tries = 0; tries <= VMSG_BUS_AREAS_MAX; tries++) {
		const uint16_t id = bus->next_area_id;
		bus->next_area_id = id < limit ? (uint16_t)(id + 1) : 1;
		if (!vmsg_area_find(bus, id) && !vmsg_memory_find(bus->options.memory, id)) {
			return id;
		}
	}
	return 0;
}

int vmsg_bus_share(struct vmsg_bus *bus, uint64_t now_ns, uint64_t handle, uint64_t tag,
		   const struct vmsg_segment *segments, size_t segment_count, uint16_t *area_id)
{
	uint64_t size = 0;

	*area_id = 0;
	if (!vmsg_bus_is_driver(bus) || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	for (size_t i = 0; i < segment_count; i++) {
		size += segments[i].size;
	}
	if (size == 0 || size % 4096 != 0) {
		return VMSG_ERROR_INVALID;
	}
	if (size / 4096 > UINT32_MAX) {
		return VMSG_ERROR_RANGE;
	}
	struct vmsg_bus_area *area = vmsg_area_find_free(bus, bus->peer_max_areas);
	const uint16_t id = area ? choose_id(bus) : 0;
	if (id == 0) {
		return VMSG_ERROR_NO_SPACE;
	}
	const int error =
		vmsg_memory_add(bus->options.memory, id, segments, segment_count, true, handle);
	if (error < 0) {
		return error;
	}
	bus->now_ns = now_ns;
	area->id = id;
	area->handle = handle;
	area->tag = tag;
	area->pages = (uint32_t)(size / 4096);
	vmsg_area_enter(bus, area, AREA_SHARE);
	*area_id = id;
	return VMSG_OK;
}

int vmsg_bus_unshare(struct vmsg_bus *bus, uint64_t now_ns, uint16_t area_id)
{
	struct vmsg_bus_area *area = vmsg_area_find(bus, area_id);
	const struct vmsg_memory_area *memory = vmsg_memory_find(bus->options.memory, area_id);

	if (!area) {
		return VMSG_ERROR_NOT_FOUND;
	}
	if (!vmsg_bus_is_driver(bus) || area->state != AREA_IDLE ||
	    bus->state == VMSG_BUS_SUSPENDED) {
		return VMSG_ERROR_STATE;
	}
	if (memory && memory->users > 0) {
		return VMSG_ERROR_AGAIN;
	}
	bus->now_ns = now_ns;
	if (bus->state == VMSG_BUS_RUNNING) {
		vmsg_area_close(bus, area);
		area->retry_ns = 0;
		vmsg_area_enter(bus, area, AREA_UNSHARE);
	} else {
		vmsg_area_reclaim(bus, area);
	}
	return VMSG_OK;
}

/* ---- driver: messages ---- */

static bool ask_share(struct vmsg_bus *bus, struct vmsg_bus_area *area)
{
	const struct vmsg_message message = {
		.header = { .type = VMSG_AREA_SHARE, .kind = VMSG_REQUEST },
		.body.area_share_request = {
			.area_id = area->id,
			.mem_handle = area->handle,
			.tag = area->tag,
			.count = area->pages,
			.attr = bus->profile->has_area_attributes ? VMSG_AREA_ATTR_DEFAULT : 0,
		},
	};
	struct vmsg_bus_request *request = vmsg_bus_ask(
		bus, &message, vmsg_bus_after(bus->now_ns, bus->options.request_timeout_ns));

	if (!request) {
		return false;
	}
	request->area_id = area->id;
	vmsg_area_enter(bus, area, AREA_SHARING);
	return true;
}

static bool ask_unshare(struct vmsg_bus *bus, struct vmsg_bus_area *area)
{
	const struct vmsg_message message = {
		.header = { .type = VMSG_AREA_UNSHARE, .kind = VMSG_REQUEST },
		.body.area_unshare_request.area_id = area->id,
	};
	struct vmsg_bus_request *request = vmsg_bus_ask(
		bus, &message, vmsg_bus_after(bus->now_ns, bus->options.request_timeout_ns));

	if (!request) {
		return false;
	}
	request->area_id = area->id;
	vmsg_area_enter(bus, area, AREA_UNSHARING);
	return true;
}

bool vmsg_bus_area_ask(struct vmsg_bus *bus)
{
	if (bus->areas_busy == 0 || bus->state != VMSG_BUS_RUNNING) {
		return false;
	}
	for (size_t i = 0; i < VMSG_BUS_AREAS_MAX; i++) {
		struct vmsg_bus_area *area = &bus->areas[i];
		if (area->state == AREA_SHARE) {
			return ask_share(bus, area);
		}
		if (area->state == AREA_UNSHARE && vmsg_area_is_due(bus, area)) {
			return ask_unshare(bus, area);
		}
	}
	return false;
}

/* Results are numbers: whatever is neither success nor busy is an error (O15). */
static void shared(struct vmsg_bus *bus, struct vmsg_bus_area *area,
		   const struct vmsg_area_result *answer)
{
	if (answer->area_id == area->id && answer->result == VMSG_RESULT_SUCCESS) {
		vmsg_area_tell(bus, area, EVENT_READY);
		vmsg_area_enter(bus, area, AREA_IDLE);
	} else {
		vmsg_area_tell(bus, area, EVENT_REFUSED);
		area->error = VMSG_ERROR_PEER;
		vmsg_area_reclaim(bus, area);
	}
}

/* Anything but busy means that the device has it no longer; if that is a lie, RECLAIM says so. */
static void unshared(struct vmsg_bus *bus, struct vmsg_bus_area *area,
		     const struct vmsg_area_result *answer)
{
	if (bus->profile->has_results && answer->result == VMSG_RESULT_BUSY) {
		area->retry_ns = vmsg_bus_after(bus->now_ns, VMSG_BUS_REPEAT_NS);
		vmsg_area_enter(bus, area, AREA_UNSHARE);
	} else {
		if (bus->profile->has_results && answer->result != VMSG_RESULT_SUCCESS) {
			vmsg_bus_doubt(bus, VMSG_ERROR_PEER); /* it took it once */
		}
		vmsg_area_reclaim(bus, area);
	}
}

/* An answer to an area that was released in the meantime says nothing new. */
void vmsg_bus_area_response(struct vmsg_bus *bus, const struct vmsg_bus_request *request,
			    const struct vmsg_message *message)
{
	struct vmsg_bus_area *area = vmsg_area_find(bus, request->area_id);

	if (!area || !vmsg_bus_is_up(bus)) {
		return;
	}
	if (request->type == VMSG_AREA_SHARE && area->state == AREA_SHARING) {
		shared(bus, area, &message->body.area_share_response);
	}
	if (request->type == VMSG_AREA_UNSHARE && area->state == AREA_UNSHARING) {
		unshared(bus, area, &message->body.area_unshare_response);
	}
}

/* Without an answer the device may or may not have the area: it is told to give it up. A device
 * that answered, though not with a result, has refused. One that does not have it may say so by
 * silence, where there are no results: RECLAIM tells, and while it is denied, the device is told
 * again. */
void vmsg_bus_area_failure(struct vmsg_bus *bus, const struct vmsg_bus_request *request, int error)
{
	struct vmsg_bus_area *area = vmsg_area_find(bus, request->area_id);

	if (!area || !vmsg_bus_is_up(bus)) {
		return;
	}
	if (area->state == AREA_SHARING) {
		vmsg_area_tell(bus, area, EVENT_REFUSED);
		area->error = error;
		if (error == VMSG_ERROR_TIMEOUT) {
			vmsg_area_close(bus, area);
			area->retry_ns = 0;
			vmsg_area_enter(bus, area, AREA_UNSHARE);
		} else {
			vmsg_area_reclaim(bus, area);
		}
	} else if (area->state == AREA_UNSHARING) {
		vmsg_area_reclaim(bus, area);
		area->unanswered = true;
	}
}

void vmsg_bus_area_released(struct vmsg_bus *bus, uint16_t id)
{
	struct vmsg_bus_area *area = vmsg_area_find(bus, id);

	if (!area) {
		bus->stats.dropped++;
		return;
	}
	switch ((enum area_state)area->state) {
	case AREA_SHARING:
		vmsg_area_tell(bus, area, EVENT_REFUSED);
		area->error = VMSG_ERROR_PEER;
		vmsg_area_reclaim(bus, area);
		break;
	case AREA_IDLE:
	case AREA_UNSHARE:
	case AREA_UNSHARING:
		vmsg_area_reclaim(bus, area);
		break;
	case AREA_FREE:
	case AREA_SHARE:
	case AREA_RECLAIM:
	case AREA_RECLAIMING:
	case AREA_GONE:
	case AREA_LOST:
	case AREA_RETRIEVE:
	case AREA_RETRIEVING:
	case AREA_IN_USE:
	case AREA_RELINQUISH:
	case AREA_RELINQUISHING:
	case AREA_RELEASE:
		bus->stats.dropped++;
		break;
	}
}
