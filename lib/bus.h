/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the bus session share. */
#ifndef VMSG_LIB_BUS_H
#define VMSG_LIB_BUS_H

#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "port.h"

#define VMSG_BUS_PAGE_SIZE 4096u

/*
 * States of an area. Driver:
 *   FREE -> ANNOUNCE -> ANNOUNCED -> READY -> WITHDRAW -> WITHDRAWN -> RECLAIM -> FREE
 *   ANNOUNCED -> RECLAIM (refused); WITHDRAWN -> WITHDRAW (busy, asked again later)
 * Device:
 *   FREE -> RETRIEVE -> MAPPED -> RELINQUISH -> FREE
 *   MAPPED -> OWED (busy) -> RELINQUISH_OWED -> RELEASED -> FREE
 */
enum vmsg_area_state {
	VMSG_AREA_FREE,
	VMSG_AREA_ANNOUNCE,  /* AREA_SHARE is to be sent */
	VMSG_AREA_ANNOUNCED, /* its answer is awaited */
	VMSG_AREA_READY,
	VMSG_AREA_WITHDRAW,  /* AREA_UNSHARE is to be sent at retry_ns */
	VMSG_AREA_WITHDRAWN, /* its answer is awaited */
	VMSG_AREA_RECLAIM,   /* the memory is to be reclaimed at retry_ns */
	VMSG_AREA_RETRIEVE,  /* retrieve, then answer AREA_SHARE */
	VMSG_AREA_MAPPED,
	VMSG_AREA_OWED,            /* in use; AREA_RELEASE is owed when it no longer is */
	VMSG_AREA_RELINQUISH,      /* relinquish, then answer AREA_UNSHARE or go on with RESET */
	VMSG_AREA_RELINQUISH_OWED, /* relinquish, then send AREA_RELEASE */
	VMSG_AREA_RELEASED,        /* AREA_RELEASE waits for a poll */
};

/* Encodes into the output slot. AGAIN while it is taken. */
VMSG_MUST_CHECK int vmsg_bus_put(struct vmsg_bus *bus, const struct vmsg_message *message);

/* Free request slot, NULL when all are taken. */
struct vmsg_bus_request *vmsg_bus_request_slot(struct vmsg_bus *bus);

/* Sends a bus request of the session's own; its answer comes to vmsg_bus_driver_answer(). */
VMSG_MUST_CHECK int vmsg_bus_request(struct vmsg_bus *bus, struct vmsg_message *message);

struct vmsg_bus_area *vmsg_bus_area_find(struct vmsg_bus *bus, uint16_t id);
struct vmsg_bus_area *vmsg_bus_area_slot(struct vmsg_bus *bus);

struct vmsg_bus_device *vmsg_bus_device_find(struct vmsg_bus *bus, uint16_t number);

/* Notes that a device is or is no longer there; the change is announced. NO_SPACE. */
VMSG_MUST_CHECK int vmsg_bus_device_set(struct vmsg_bus *bus, uint16_t number, bool present);

void vmsg_bus_fail(struct vmsg_bus *bus, int error);

/* ---- driver role (bus_driver.c) ---- */

/* An answer to a request of the session's own; `error` < 0 when there was none. */
void vmsg_bus_driver_answer(struct vmsg_bus *bus, enum vmsg_type type, int error,
			    const struct vmsg_message *answer);
/* A frame that is no answer: an event of the device, or a request (PING). */
void vmsg_bus_driver_frame(struct vmsg_bus *bus, const struct vmsg_message *message);
/* Sends what is to be sent next, if anything. */
void vmsg_bus_driver_step(struct vmsg_bus *bus);
bool vmsg_bus_driver_action(struct vmsg_bus *bus, struct vmsg_bus_output *output);
void vmsg_bus_driver_complete(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result);

/* ---- device role (bus_device.c) ---- */

int vmsg_bus_device_input(struct vmsg_bus *bus, struct vmsg_bytes frame);
/* Gives the answer that is due when nothing else can come before it. */
void vmsg_bus_device_step(struct vmsg_bus *bus);
bool vmsg_bus_device_action(struct vmsg_bus *bus, struct vmsg_bus_output *output);
void vmsg_bus_device_complete(struct vmsg_bus *bus, struct vmsg_bus_area *area, int result,
			      const struct vmsg_segment *segments, size_t segment_count);

#endif
