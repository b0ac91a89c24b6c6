/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs bus sessions on an FF-A endpoint: sends and receives frames over the carrier that a session
 * has chosen, performs the sessions' actions (retrieve, relinquish, reclaim, notify), keeps their
 * deadlines, and carries transport messages between a session and the driver or device machines
 * behind it.
 */
#ifndef VIRTIO_MSG_FFA_PUMP_H
#define VIRTIO_MSG_FFA_PUMP_H

#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/endpoint.h"
#include "virtio_msg_ffa/fifo.h"

VMSG_BEGIN_DECLS

/* ---- driver side: one peer, any number of drivers ---- */

struct vmsg_driver_pump {
	struct vmsg_endpoint *endpoint;
	struct vmsg_bus *bus;
	struct vmsg_driver **drivers; /* caller's array; entries may be NULL */
	size_t driver_count;
	uint16_t peer;
	uint64_t exchange_timeout_ns; /* of one direct message */
	/* Yours to set: the peer runs only when we make it run (FFA_RUN), as a secure partition
	 * does that the normal world schedules. It is then run after every message and notification
	 * that does not run it by itself, and whenever something is expected of it. */
	bool schedules_peer;
	/* Yours to set, where the session may offer VMSG_BUS_FEATURE_FIFO: memory of the FIFO,
	 * whole pages that nothing else is in, and what they are in the physical map. */
	struct vmsg_segment fifo_segment;
	struct vmsg_ffa_range fifo_range;
	struct vmsg_fifo fifo;
	uint64_t foreign; /* read: indirect messages that were not for this session */
	struct vmsg_mailbox inbox;
	struct vmsg_late late;
};

VMSG_EXPORT void vmsg_driver_pump_init(struct vmsg_driver_pump *pump,
				       struct vmsg_endpoint *endpoint, struct vmsg_bus *bus,
				       struct vmsg_driver **drivers, size_t driver_count,
				       uint16_t peer, uint64_t exchange_timeout_ns);

/* Ends what vmsg_driver_pump_run() began with the manager: the endpoint no longer knows the pump.
 * Needed only when the endpoint outlives it. */
VMSG_EXPORT void vmsg_driver_pump_close(struct vmsg_driver_pump *pump);

/*
 * Does everything that can be done now: frames of the session and of the drivers out, answers in,
 * actions, deadlines. Returns 0 when nothing is left to do before vmsg_driver_pump_deadline(), or
 * the error of an exchange (TIMEOUT, PEER: endpoint->status): the session has been told, and a
 * later call goes on. Session events other than MESSAGE and REQUEST_FAILED are left for the caller:
 * pull vmsg_bus_event() after each call. Where things come by themselves (vmsg_bus_listens()), call
 * it again when the conduit has been interrupted; several pumps on one endpoint share its
 * interrupts, so that each of them is then to be called.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_pump_run(struct vmsg_driver_pump *pump);

/* Asks the device for events until it has none (at most 64), running as above. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_pump_poll(struct vmsg_driver_pump *pump);

/*
 * Suspend and resume of the whole bus. Freeze: every driver that is up, then the session: 0 when
 * all sleep, AGAIN while something is under way (run it again before
 * vmsg_driver_pump_deadline()), or an error. Then, to wake: vmsg_bus_resume(), run until UP, share
 * again what is GONE, make the rings anew; and restore: every driver that was frozen, with the same
 * results.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_pump_freeze(struct vmsg_driver_pump *pump);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_pump_restore(struct vmsg_driver_pump *pump);

/* Shares `ranges` with the peer and announces them: FFA_MEM_SHARE, then AREA_SHARE. `segments` is
 * our own view. READY or REFUSED follows as a session event. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_pump_share(struct vmsg_driver_pump *pump,
						       const struct vmsg_ffa_range *ranges,
						       size_t range_count,
						       const struct vmsg_segment *segments,
						       size_t segment_count, uint16_t *area_id);

/* Earliest deadline of session and drivers; UINT64_MAX = none. */
VMSG_EXPORT uint64_t vmsg_driver_pump_deadline(const struct vmsg_driver_pump *pump);

/* ---- device side: several peers, several devices ---- */

/* One peer's session. `areas` and `bus_devices` are the caller's arrays. */
struct vmsg_device_session {
	bool used;
	uint16_t peer;
	struct vmsg_bus bus;
	struct vmsg_memory memory;
	size_t next_poll; /* slot that EVENT_POLL asks first */
	struct vmsg_mailbox inbox;
	struct vmsg_fifo fifo;
};

/* A device and the session that has it; a device belongs to one session at a time. Whoever
 * negotiates takes all that are free; one that becomes free later goes to whoever first addresses
 * it. */
struct vmsg_device_slot {
	struct vmsg_device *device;          /* NULL: an empty slot, never present */
	struct vmsg_device_session *session; /* NULL = free */
	/* Yours to change while the pump runs: vmsg_device_pump_update(), after which the device of
	 * a slot that is not present may be another or none. */
	bool present;
};

struct vmsg_device_pump_options {
	struct vmsg_endpoint *endpoint;
	struct vmsg_device_session *sessions; /* array of session_count */
	size_t session_count;
	struct vmsg_device_slot *slots; /* array of slot_count */
	size_t slot_count;
	struct vmsg_memory_area *areas; /* session_count x areas_per_session */
	uint32_t areas_per_session;
	struct vmsg_bus_device *bus_devices; /* session_count x slot_count */
	struct vmsg_bus_options bus; /* template: role, peer, memory, devices are filled in */
	/* Called when something worth telling happened (session up, reset, area mapped or gone);
	 * may be NULL. `session` may be read, not changed. */
	void (*report)(void *context, const struct vmsg_device_session *session,
		       const struct vmsg_bus_event *event);
	void *report_context;
};

struct vmsg_device_pump {
	struct vmsg_device_pump_options options;
	uint64_t refused; /* messages of peers beyond session_count, or for another service */
	bool waiting;     /* the call made last is FFA_MSG_WAIT */
	struct vmsg_mailbox inbox; /* of peers that have no session */
};

VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_device_pump_init(struct vmsg_device_pump *pump,
		      const struct vmsg_device_pump_options *options);

/*
 * Serves what a waiting call returned: `returned` holds its registers; `next` (which may be the
 * same) receives the call to make next: a response, or MSG_WAIT. Returns 0, or PEER when the
 * manager refuses FFA_MSG_WAIT (endpoint->status).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_device_pump_serve(struct vmsg_device_pump *pump,
						       const struct vmsg_ffa_regs *returned,
						       struct vmsg_ffa_regs *next);

/* Blocking convenience: waits, serves, until *stop is true (checked after each wake) or the
 * manager is gone (PEER). */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_device_pump_run(struct vmsg_device_pump *pump,
						     const volatile bool *stop);

/* `present` of some slot has changed: devices that went are reset and reported removed. */
VMSG_EXPORT void vmsg_device_pump_update(struct vmsg_device_pump *pump);

/* A peer is gone (VM destroyed): its session ends, its devices are reset and free. */
VMSG_EXPORT void vmsg_device_pump_forget(struct vmsg_device_pump *pump, uint16_t peer);

/* Work that is due: of the devices, and of sessions that wait for memory. Every serve does it too.
 */
VMSG_EXPORT void vmsg_device_pump_tick(struct vmsg_device_pump *pump, uint64_t now_ns);
VMSG_EXPORT uint64_t vmsg_device_pump_deadline(const struct vmsg_device_pump *pump);

VMSG_END_DECLS

#endif
