/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-msg-over-FF-A bus session between this partition and one peer, driver or device role,
 * sans-I/O: version and features agreed, areas, device discovery and hot plug, event delivery,
 * reset, requests matched to responses. Frames and completed actions go in; frames, actions and
 * events come out. (wire-revisions sections 1.3, 3.4, 3.5, 4, 5.4, 6.3)
 *
 * Contract: after every input, answer, call, complete and tick, pull vmsg_bus_output() and
 * vmsg_bus_event() until both return 0. Views in outputs and events are valid until the next call
 * that takes the session non-const.
 */
#ifndef VIRTIO_MSG_FFA_BUS_H
#define VIRTIO_MSG_FFA_BUS_H

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/memory.h"
#include "virtio_msg_ffa/quirk.h"

VMSG_BEGIN_DECLS

enum vmsg_bus_role { VMSG_BUS_DRIVER, VMSG_BUS_DEVICE };

/* wire-revisions 6.3 */
enum vmsg_bus_state {
	VMSG_BUS_DOWN,
	VMSG_BUS_PROBING,    /* driver: VERSION sent */
	VMSG_BUS_NEGOTIATED, /* version agreed; EVENT_CONFIGURE, GET_DEVICES under way */
	VMSG_BUS_RUNNING,
	VMSG_BUS_RESETTING,
	VMSG_BUS_SUSPENDED, /* driver: nothing is sent */
	VMSG_BUS_FAILED,
};

/* What carries frames (wire-revisions 5.2, 5.3, 5.5). */
enum vmsg_carrier {
	VMSG_CARRIER_DIRECT, /* FFA_MSG_SEND_DIRECT_REQ2, answered in the call; driver to device */
	VMSG_CARRIER_INDIRECT, /* FFA_MSG_SEND2, both ways */
	VMSG_CARRIER_FIFO,     /* rings in shared memory and notifications, both ways */
	VMSG_CARRIER_COUNT,
};

/* "direct", "indirect", "fifo"; and of VMSG_EVENTS_*: "poll", "notify", "indirect", "fifo". */
VMSG_EXPORT const char *vmsg_carrier_name(enum vmsg_carrier carrier);
VMSG_EXPORT const char *vmsg_events_name(unsigned int method);

#define VMSG_BUS_NO_CHOICE 0xFFu

/* A device number the session knows. The array is the caller's; entries are ordered by number. */
struct vmsg_bus_device {
	uint16_t number;
	bool present; /* it exists now */
	bool told; /* who listens (our caller, or the driver beyond the bus) believes it exists */
	bool replaced; /* it went and came back since they were told */
	bool listed;   /* driver: by the device, since it was last asked for all */
};

/* A request in flight. */
struct vmsg_bus_request {
	bool used;
	bool own;       /* the session's own (bus message), not a driver's */
	bool failed;    /* a driver's: REQUEST_FAILED with `error` is due */
	uint8_t msg_id; /* on the wire */
	enum vmsg_type type;
	uint16_t dev_num;
	uint16_t token; /* unique among those in flight; on the wire if there is room for it */
	uint16_t caller_token; /* what the driver put there; restored in the response */
	uint16_t area_id;      /* own: the area concerned */
	uint32_t echo;         /* what the response repeats of it, where it does */
	uint64_t sequence;     /* in the order in which they were sent */
	int error;
	uint64_t sent_ns;
	uint64_t deadline_ns;
};

/* Memory that a peer addresses without having shared it (VMSG_QUIRK_LINUX_RFC1_WINDOW): what lies
 * at bus address `address` and beyond, as we see it. */
struct vmsg_bus_window {
	uint64_t address;
	const struct vmsg_segment *segments;
	size_t segment_count; /* 0: none */
};

struct vmsg_bus_options {
	enum vmsg_bus_role role;
	uint16_t peer;                      /* partition id, for reports */
	const struct vmsg_profile *profile; /* forced dialect; NULL = negotiate, newest first */
	bool wide_area_ids;                 /* an r1 peer with 16-bit area ids: r1-a16 (O20) */
	uint32_t ffa_version;               /* own, for VERSION of r3 */
	uint32_t bus_features;              /* own VMSG_BUS_FEATURE_*: what the partition can do */
	uint32_t transport_features;        /* own VMSG_TRANSPORT_F_* */
	/* Which carriers (bits 1 << VMSG_CARRIER_*) and ways of event delivery (1 << VMSG_EVENTS_*)
	 * may be chosen; 0: any. A driver chooses, a device accepts. */
	uint8_t carriers;
	uint8_t events;
	uint16_t notification_id;    /* own, 0..63, that the peer raises: one for each session */
	uint16_t max_areas;          /* what we can hold at once */
	uint64_t request_timeout_ns; /* 0 = 5 s */
	uint64_t poll_interval_ns;   /* driver: between EVENT_POLLs when idle; 0 = 100 ms */
	uint64_t check_interval_ns;  /* driver: between vmsg_bus_check()s by itself; 0 = none */
	struct vmsg_memory *memory;  /* areas of this session */
	struct vmsg_bus_device *devices; /* table of device_capacity entries */
	uint32_t device_capacity;
	uint32_t quirks;               /* VMSG_QUIRK_BIT()s of the switches that are on */
	struct vmsg_bus_window window; /* device */
};

/* What the owner of the carrier must do. */
enum vmsg_bus_output_kind {
	VMSG_BUS_SEND,          /* send `frame` to the peer */
	VMSG_BUS_RETRIEVE,      /* retrieve and map `handle` (device) */
	VMSG_BUS_RELINQUISH,    /* unmap and relinquish `handle` (device) */
	VMSG_BUS_RECLAIM,       /* reclaim `handle` (driver) */
	VMSG_BUS_BIND,          /* let the peer raise our `notification_id` */
	VMSG_BUS_NOTIFY,        /* raise the peer's `notification_id` (device) */
	VMSG_BUS_FIFO_SHARE,    /* lay out a FIFO and share it: vmsg_bus_complete_fifo() (driver) */
	VMSG_BUS_FIFO_RECLAIM,  /* reclaim it, `handle` (driver) */
	VMSG_BUS_FIFO_RETRIEVE, /* retrieve and map `handle`, and find the FIFO there (device) */
	VMSG_BUS_FIFO_RELINQUISH, /* unmap and relinquish it, unbind `notification_id` (device) */
};

struct vmsg_bus_output {
	enum vmsg_bus_output_kind kind;
	struct vmsg_bytes frame;
	enum vmsg_carrier
		carrier;          /* SEND: by what; a device's answer goes the way of its request */
	uint16_t notification_id; /* SEND by FIFO: the peer's, raised once the frame is in it */
	bool is_event;            /* SEND: no response will come */
	uint64_t deadline_ns; /* SEND: when the answer, or the sending of an event, is given up */
	uint16_t area_id;
	uint64_t handle;
	uint64_t tag;
	uint32_t pages;
	bool writable;
	bool lent; /* RETRIEVE: by FFA_MEM_LEND rather than FFA_MEM_SHARE */
};

enum vmsg_bus_event_kind {
	VMSG_BUS_EVENT_UP,      /* agreed and running: profile and features are final */
	VMSG_BUS_EVENT_FAILED,  /* `error`: the session is FAILED */
	VMSG_BUS_EVENT_RESET,   /* device: the driver reset the bus; driver: reset is done */
	VMSG_BUS_EVENT_MESSAGE, /* a transport message for a device or a driver */
	/* request {dev_num, token, type} got no response: `error`. Also an EVENT_AVAIL that could
	 * not be delivered: who lost a kick must kick again, or the queue sleeps for ever. */
	VMSG_BUS_EVENT_REQUEST_FAILED,
	VMSG_BUS_EVENT_DEVICE_ADDED, /* driver: dev_num */
	VMSG_BUS_EVENT_DEVICE_REMOVED,
	VMSG_BUS_EVENT_AREA_READY,   /* driver: area_id may be used; device: it is mapped */
	VMSG_BUS_EVENT_AREA_REFUSED, /* driver: the device refused; its handle is being reclaimed */
	VMSG_BUS_EVENT_AREA_GONE, /* device: unmapped; driver: reclaimed, or `error` < 0: it could
				   * not be, and its id is never used again */
	VMSG_BUS_EVENT_POLLED,    /* device: the driver asks for one event; answer with
				   * vmsg_bus_send() of an event before the next output, or
				   * not at all */
	VMSG_BUS_EVENT_QUIRK,     /* the peer shows `quirk` by a message of `type`, in `value`;
				   * told once a session, `allowed` or not */
};

struct vmsg_bus_event {
	enum vmsg_bus_event_kind kind;
	int error;
	enum vmsg_type type;
	uint16_t dev_num;
	uint16_t token;
	uint16_t area_id;
	enum vmsg_quirk quirk;
	bool allowed;
	uint64_t value;
	struct vmsg_message message;
};

#define VMSG_BUS_LATENCIES 24

/* Counters for reports. */
struct vmsg_bus_stats {
	uint64_t sent[VMSG_TYPE_COUNT];
	uint64_t received[VMSG_TYPE_COUNT];
	uint64_t sent_bytes; /* of messages, headers included */
	uint64_t received_bytes;
	uint64_t dropped; /* malformed, unknown or out of state */
	uint64_t late;    /* responses that nobody waited for */
	uint64_t timeouts;
	uint64_t busy;    /* frames that could not be delivered, or were answered with nothing */
	uint64_t retries; /* and were put out again */
	/* Requests by the time until they were answered, the driver's from when they were put out,
	 * the device's from when they came: below 1024 ns, 2048 ns, 4096 ns and so on, each without
	 * those before it; in the last one all that took longer. */
	uint64_t latencies[VMSG_BUS_LATENCIES];
};

/* An area of the session beyond what vmsg_memory knows. Private to lib/bus_areas.c; the struct is
 * public so that the caller can place it. */
struct vmsg_bus_area {
	uint16_t id;
	uint8_t state;
	uint8_t events; /* driver: events due */
	uint8_t tries;
	bool owed;       /* device: AREA_RELEASE is due once it is relinquished */
	bool asked;      /* device: the request being served waits for it */
	bool unanswered; /* driver: the device was told to give it up, and may not know */
	bool writable;
	bool lent;
	int error;
	uint32_t pages;
	uint64_t handle;
	uint64_t tag;
	uint64_t retry_ns;
};

#ifndef VMSG_BUS_AREAS_MAX
#define VMSG_BUS_AREAS_MAX 64
#endif

/* Fields are private to lib/bus*.c unless a comment says "read". */
struct vmsg_bus {
	struct vmsg_bus_options options;
	enum vmsg_bus_state state;          /* read */
	const struct vmsg_profile *profile; /* read; agreed, NULL before */
	const struct vmsg_profile *dialect; /* frames are read and written in */
	uint32_t bus_features;              /* read; intersection */
	uint32_t peer_bus_features;         /* read; what the peer offers, 0 if it has not said */
	enum vmsg_carrier carrier;          /* read; of what is not about the session itself */
	uint8_t events;                     /* read; VMSG_EVENTS_*: how a device's events travel */
	uint16_t peer_notification_id;      /* read */
	uint32_t transport_features;        /* read */
	uint32_t peer_ffa_version;          /* read; r3, else 0 */
	uint16_t peer_max_areas;            /* read */
	int error;                          /* read; why it is FAILED */
	struct vmsg_bus_stats stats;        /* read */
	uint32_t quirks_met;                /* read; VMSG_QUIRK_BIT()s that mattered */
	uint64_t now_ns;
	uint64_t served_ns; /* device: since when the request that is being served is */

	/* the frame last put out, kept for repeating it */
	bool out_due;
	bool out_is_event;
	uint8_t out_tries;
	uint8_t out_request; /* index into requests */
	uint16_t out_token;  /* of that request */
	uint16_t out_dev_num;
	uint16_t out_size;
	uint64_t out_ns; /* not before */
	uint64_t out_deadline_ns;
	enum vmsg_carrier out_carrier;

	/* device: an event that found no room, out of the way of a direct request's answer */
	uint16_t aside_size; /* 0: none */
	uint64_t aside_ns;
	uint64_t aside_deadline_ns;
	uint8_t aside[VMSG_FRAME_SIZE_MAX];

	/* events due, beyond those in the tables */
	bool up_pending;
	bool failed_pending;
	bool reset_pending;
	bool message_pending;
	bool poll_pending;
	bool devices_changed;
	bool requests_failed;
	bool avail_lost;     /* an EVENT_AVAIL of the device `out_dev_num` */
	bool asked_as_linux; /* device: for 255 slots of devices, as Linux RFC v1 and V2 do (Q5) */
	uint8_t quirk;       /* VMSG_QUIRK_NONE: none to tell */
	enum vmsg_type quirk_type;
	uint64_t quirk_value;
	struct vmsg_message message; /* also: a VERSION that waits for a reset */

	/* driver: bringing up and down */
	uint8_t step;
	uint8_t rung;
	uint8_t step_tries;
	bool step_asked;
	uint64_t step_ns;
	uint32_t version_pair[2]; /* bus version and transport revision that the device offers */
	uint32_t window_offset;
	uint16_t window_count;
	bool resuming;
	bool checking;  /* GET_DEVICES is asked to see whether the device knows us */
	bool check_due; /* at check_ns */
	uint8_t check_tries;
	uint64_t check_ns;
	uint64_t check_free_ns; /* none for a mere doubt before */
	uint64_t owed_ns;       /* until then answers may come that nothing tells from later ones */
	uint8_t choice; /* read: VMSG_BUS_NO_CHOICE, or a row of the table in bus_choice.c */

	/* driver: events of the device */
	bool polling;
	uint8_t polls; /* in this round */
	uint64_t next_poll_ns;

	/* device: the request being served */
	bool events_on; /* both sides: EVENT_CONFIGURE is done, or does not exist */
	bool answer_due;
	bool poll_empty; /* nobody had an event */
	bool version_due;
	struct vmsg_header answering;
	enum vmsg_carrier in_carrier; /* of the frame last taken */

	/* device: method "notify" */
	bool notify_due;
	bool notified;        /* the driver knows that there is something to poll */
	uint8_t polls_served; /* since then */

	uint16_t next_token;
	uint64_t next_sequence;
	uint16_t next_area_id;
	uint8_t acting; /* index of the area whose action is out */
	enum vmsg_bus_output_kind acting_kind;
	uint8_t fifo_state;
	uint8_t fifo_tries;
	uint32_t fifo_pages;
	uint64_t fifo_handle;
	uint64_t fifo_retry_ns;
	uint8_t areas_busy; /* areas with something to do */
	bool area_events;   /* some area may owe an event */
	uint32_t device_count;
	uint32_t device_next; /* where to look for changes */
	struct vmsg_bus_request requests[VMSG_REQUESTS_MAX];
	struct vmsg_bus_area areas[VMSG_BUS_AREAS_MAX];
	uint8_t out[VMSG_FRAME_SIZE_MAX];
	uint8_t in[VMSG_FRAME_SIZE_MAX];
};

/* Is there a choice of carrier and event delivery within these masks (as in vmsg_bus_options) that
 * the profile allows (NULL: any)? Direct messages go with every way of event delivery; the other
 * carriers carry events as well, so that only theirs goes with them. */
VMSG_EXPORT bool vmsg_bus_choice_exists(const struct vmsg_profile *profile, uint8_t carriers,
					uint8_t events);

/* INVALID without memory, for a table too large or a mask without a carrier or method, REVISION for
 * a forced dialect that has no bus of this kind (a1, a2). */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_init(struct vmsg_bus *bus,
					      const struct vmsg_bus_options *options);

/* Driver: begins RESET and VERSION (falling back from dialect to dialect), EVENT_CONFIGURE and
 * GET_DEVICES; event UP. STATE unless DOWN or FAILED. Device: nothing to do, the first VERSION
 * starts it. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_start(struct vmsg_bus *bus, uint64_t now_ns);

/* Driver: resets the bus; every area is reclaimed, then EVENT_RESET. STATE unless RUNNING, REVISION
 * where the dialect has no RESET (r0: unshare the areas instead). */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_reset(struct vmsg_bus *bus, uint64_t now_ns);

/*
 * Driver: the system is about to sleep. Nothing is sent until vmsg_bus_resume(); what comes by
 * itself is still taken. AGAIN while a request is in flight, an area on its way or a frame due;
 * STATE unless RUNNING. Devices should have been reset (vmsg_driver_freeze()).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_suspend(struct vmsg_bus *bus, uint64_t now_ns);

/*
 * Driver: it is awake again. Asks for the devices that are there now; when the device still knows
 * the session, areas are as they were, and UP follows. When it does not (its partition slept more
 * deeply), the session starts anew in the dialect that it has: areas are told GONE, then UP, and
 * must be shared again. STATE unless SUSPENDED.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_resume(struct vmsg_bus *bus, uint64_t now_ns);

/*
 * Driver: is the device still the one that the session was agreed on with? Its partition may have
 * been restarted, and nobody says so. Asks for the devices again: those that have come and gone
 * unseen are told as events; when the request is refused or stays without answer (3 times), the
 * session is FAILED. The session does this by itself when requests are refused or stay without
 * answer, at most once a second, and every `check_interval_ns`, for sessions that neither send nor
 * poll; call it when something else is in doubt, such as buffers that do not come back. STATE
 * unless RUNNING.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_check(struct vmsg_bus *bus, uint64_t now_ns);

/* Ends the session without a word to the peer, which is gone. Driver: FAILED with `error`. Device:
 * as a RESET that nobody waits for: event RESET, areas relinquished, DOWN. */
VMSG_EXPORT void vmsg_bus_abandon(struct vmsg_bus *bus, uint64_t now_ns, int error);

/*
 * Sends a transport message: a driver's request or event, a device's response or event. For
 * requests a token is chosen; the caller's own comes back in the response. NOT_FOUND, for a driver,
 * while the event that tells of the device's removal has not been pulled. AGAIN while the previous
 * frame has not been pulled or too many requests are in flight, STATE when the bus is not up (or
 * for a device's event that nobody polled for), RANGE when it exceeds the bus maximum, else as
 * vmsg_encode().
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_send(struct vmsg_bus *bus, uint64_t now_ns,
					      const struct vmsg_message *message);

/* Driver: would a request be taken now, rather than refused with AGAIN or STATE? */
VMSG_EXPORT bool vmsg_bus_can_send(const struct vmsg_bus *bus);

/* Device: `request`, a transport request, is not served: ERROR goes out where the dialect has it.
 * AGAIN while the previous frame has not been pulled. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_refuse(struct vmsg_bus *bus, uint64_t now_ns,
						const struct vmsg_header *request);

/*
 * One frame from the peer (padding allowed) that came by `carrier`. Returns 0 when taken, AGAIN
 * while an earlier message has not been pulled or an action is out, or the error of a frame that
 * was dropped (counted). A null reply fails the request it answers.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_input_by(struct vmsg_bus *bus, uint64_t now_ns,
						  enum vmsg_carrier carrier,
						  struct vmsg_bytes frame);

/* The same for a direct message. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_input(struct vmsg_bus *bus, uint64_t now_ns,
					       struct vmsg_bytes frame);

/* Driver, over direct messages: what came back for the frame last output. As vmsg_bus_input(); a
 * request that it does not answer fails, and an empty answer (all zero: the device is busy) has the
 * frame sent again until its deadline. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_answer(struct vmsg_bus *bus, uint64_t now_ns,
						struct vmsg_bytes frame);

/* Driver, over direct messages: what came back for a frame whose sending had failed with TIMEOUT.
 * Its request is over, but an event, which EVENT_POLL has taken from the device, counts. AGAIN
 * while an earlier message has not been pulled, or the error of a frame that was dropped (counted).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_late(struct vmsg_bus *bus, uint64_t now_ns,
					      struct vmsg_bytes frame);

/* The carrier could not deliver the frame last output, or brought no answer. AGAIN (busy): it is
 * sent again until its deadline. TIMEOUT: its request fails. Anything else ends the session, but a
 * device's event that cannot be delivered is lost, and those that follow wait to be polled. */
VMSG_EXPORT void vmsg_bus_send_failed(struct vmsg_bus *bus, uint64_t now_ns, int error);

/* Next thing to do: 1 with `output`, 0 for none. All but SEND must be answered with
 * vmsg_bus_complete() before the next output. */
VMSG_EXPORT int vmsg_bus_output(struct vmsg_bus *bus, struct vmsg_bus_output *output);

/* Result (0 or < 0; AGAIN = try later) of the action last output; `segments` for RETRIEVE. */
VMSG_EXPORT void vmsg_bus_complete(struct vmsg_bus *bus, uint64_t now_ns, int result,
				   const struct vmsg_segment *segments, size_t segment_count);

/* Driver: the result of VMSG_BUS_FIFO_SHARE: on success what was shared, `pages` of 4 KiB. */
VMSG_EXPORT void vmsg_bus_complete_fifo(struct vmsg_bus *bus, uint64_t now_ns, int result,
					uint64_t handle, uint16_t pages);

/* Would a frame be taken by vmsg_bus_input_by() now, rather than refused with AGAIN? */
VMSG_EXPORT bool vmsg_bus_can_take(const struct vmsg_bus *bus);

/* Is the FIFO set up on our side, so that it is to be looked into? */
VMSG_EXPORT bool vmsg_bus_fifo_is_open(const struct vmsg_bus *bus);

/* Next event: 1 with `event`, 0 for none. */
VMSG_EXPORT int vmsg_bus_event(struct vmsg_bus *bus, struct vmsg_bus_event *event);

/* Next event that is for the machines behind the session (MESSAGE, REQUEST_FAILED), leaving the
 * others for vmsg_bus_event(): 1 or 0. */
VMSG_EXPORT int vmsg_bus_next_message(struct vmsg_bus *bus, struct vmsg_bus_event *event);

/*
 * Device: over direct messages every frame needs an answer in registers. Writes the answer for a
 * frame that produced none: null reply or, to an event, the echo form, as the dialect has it.
 * Returns its size.
 */
VMSG_EXPORT int vmsg_bus_null_reply(const struct vmsg_bus *bus, struct vmsg_bytes frame,
				    uint8_t reply[VMSG_FRAME_SIZE_MAX]);

/* Time of the next thing to do by itself (time-outs, polling), UINT64_MAX for none; and doing it.
 */
VMSG_EXPORT uint64_t vmsg_bus_deadline(const struct vmsg_bus *bus);
VMSG_EXPORT void vmsg_bus_tick(struct vmsg_bus *bus, uint64_t now_ns);

/* Does anything come by itself: indirect messages, notifications? If not, all that comes are the
 * answers to direct messages. */
VMSG_EXPORT bool vmsg_bus_listens(const struct vmsg_bus *bus);

/* Device: would an event be taken by vmsg_bus_send() now, without having been asked for? */
VMSG_EXPORT bool vmsg_bus_can_send_event(const struct vmsg_bus *bus);

/* Device: some event waits to be polled. True when the driver is going to be notified, since that
 * is how it wants it and it does not know already. */
VMSG_EXPORT bool vmsg_bus_announce(struct vmsg_bus *bus);

/* Why the session uses the carrier and the event delivery that it does, or why it found none: one
 * line without an end. */
VMSG_EXPORT const char *vmsg_bus_choice_reason(const struct vmsg_bus *bus);

/* Driver: asks for one pending event now (EVENT_POLL), ahead of the interval. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_poll(struct vmsg_bus *bus, uint64_t now_ns);

/* Driver: announces memory already shared as `handle`; READY or REFUSED comes as an event. The
 * segments (whole 4 KiB pages) are our own view of it. On success `*area_id`. STATE unless RUNNING,
 * NO_SPACE when there is no room or no id left. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_share(struct vmsg_bus *bus, uint64_t now_ns,
					       uint64_t handle, uint64_t tag,
					       const struct vmsg_segment *segments,
					       size_t segment_count, uint16_t *area_id);

/* Driver: takes an area back: AREA_UNSHARE, waits while the device is busy, RECLAIM, GONE; at once
 * RECLAIM when the bus is not up. AGAIN while queues of ours still hold it, NOT_FOUND, STATE when
 * it is not READY. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_unshare(struct vmsg_bus *bus, uint64_t now_ns,
						 uint16_t area_id);

/* Device: a device appears or goes. Announced by EVENT_DEVICE once the bus is up. STATE when the
 * number is taken, NO_SPACE; NOT_FOUND. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_add_device(struct vmsg_bus *bus, uint16_t number);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_remove_device(struct vmsg_bus *bus, uint16_t number);
/* Is it there now? */
VMSG_EXPORT bool vmsg_bus_has_device(const struct vmsg_bus *bus, uint16_t number);

/* Largest frame of the session: least of carrier, profile and VMSG_FRAME_SIZE_MAX. */
VMSG_EXPORT uint16_t vmsg_bus_frame_size_max(const struct vmsg_bus *bus);

VMSG_EXPORT const char *vmsg_bus_state_name(enum vmsg_bus_state state);

VMSG_END_DECLS

#endif
