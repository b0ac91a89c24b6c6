/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two files about areas share: the states of an area and the moves between them. */
#ifndef VMSG_LIB_BUS_AREAS_H
#define VMSG_LIB_BUS_AREAS_H

#include "bus.h"

enum area_state {
	AREA_FREE,
	AREA_IDLE, /* shared; nothing to do */

	AREA_GONE, /* until our caller knows, and no queue of ours holds it */

	/* driver */
	AREA_SHARE, /* AREA_SHARE is due, or sent */
	AREA_SHARING,
	AREA_UNSHARE, /* AREA_UNSHARE is due from retry_ns on, or sent */
	AREA_UNSHARING,
	AREA_RECLAIM, /* FFA_MEM_RECLAIM is due from retry_ns on, or out */
	AREA_RECLAIMING,
	AREA_LOST, /* could not be reclaimed: the id is not used again */

	/* device */
	AREA_RETRIEVE,
	AREA_RETRIEVING,
	AREA_IN_USE,     /* unshared, but queues hold it */
	AREA_RELINQUISH, /* due from retry_ns on, or out */
	AREA_RELINQUISHING,
	AREA_RELEASE, /* AREA_RELEASE is due */
};

/* Events that an area owes our caller */
#define EVENT_READY   1u
#define EVENT_REFUSED 2u
#define EVENT_GONE    4u

/* Moves an area to a state; FREE forgets it. */
void vmsg_area_enter(struct vmsg_bus *bus, struct vmsg_bus_area *area, enum area_state state);

/* Area of an id, NULL if unknown. */
struct vmsg_bus_area *vmsg_area_find(struct vmsg_bus *bus, uint16_t id);

/* A free slot, NULL when there is none or `limit` areas are in the table. */
struct vmsg_bus_area *vmsg_area_find_free(struct vmsg_bus *bus, uint32_t limit);

/* Largest id that the dialect's bus addresses can carry. */
uint32_t vmsg_area_id_limit(const struct vmsg_bus *bus);

/* Has its time come? */
bool vmsg_area_is_due(const struct vmsg_bus *bus, const struct vmsg_bus_area *area);

/* Owes our caller an event. */
void vmsg_area_tell(struct vmsg_bus *bus, struct vmsg_bus_area *area, uint8_t event);

/* No new use of its memory; those there are stay until their owners let go. */
void vmsg_area_close(struct vmsg_bus *bus, const struct vmsg_bus_area *area);

/* Driver: the device has it no longer. */
void vmsg_area_reclaim(struct vmsg_bus *bus, struct vmsg_bus_area *area);

#endif
