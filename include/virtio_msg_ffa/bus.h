/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-msg-over-FF-A bus session between this partition and one peer, driver or device role,
 * sans-I/O: version and features agreed, areas, device discovery and hot plug, event delivery,
 * reset, requests matched to responses. Frames and completed actions go in; frames, actions and
 * events come out. (wire-revisions sections 1.3, 3.4, 3.5, 4, 5.4, 6.3)
 *
 * Contract: after every input, call, complete and tick, pull vmsg_bus_output() until it returns 0
 * and vmsg_bus_event() until it returns 0. Views in outputs and events are valid until the next
 * call that takes the session non-const.
 */
#ifndef VIRTIO_MSG_FFA_BUS_H
#define VIRTIO_MSG_FFA_BUS_H

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/memory.h"

VMSG_BEGIN_DECLS

enum vmsg_bus_role { VMSG_BUS_DRIVER, VMSG_BUS_DEVICE };

/* wire-revisions 6.3 */
enum vmsg_bus_state {
	VMSG_BUS_DOWN,
	VMSG_BUS_PROBING,    /* driver: VERSION sent */
	VMSG_BUS_NEGOTIATED, /* version agreed; EVENT_CONFIGURE, GET_DEVICES under way */
	VMSG_BUS_RUNNING,
	VMSG_BUS_RESETTING,
	VMSG_BUS_FAILED,
};

/* A device number the session knows. The array is the caller's. */
struct vmsg_bus_device {
	uint16_t number;
	bool present;
	bool announce; /* a change that the other side of the API has not been told */
};

/* A request in flight. */
struct vmsg_bus_request {
	bool used;
	bool own;    /* the session's own (bus message), not a driver's */
	bool failed; /* event REQUEST_FAILED is due */
	enum vmsg_type type;
	uint16_t dev_num;
	uint16_t token;        /* on the wire */
	uint16_t caller_token; /* what the driver put there; restored in the response */
	int error;
	uint64_t order; /* of sending: without tokens the oldest is answered first */
	uint64_t deadline_ns;
};

struct vmsg_bus_options {
	enum vmsg_bus_role role;
	uint16_t peer;                      /* partition id, for reports */
	const struct vmsg_profile *profile; /* forced dialect; NULL = negotiate, newest first */
	bool wide_area_ids;                 /* an r1 peer with 16-bit area ids: r1-a16 */
	uint32_t ffa_version;               /* own, for VERSION of r3 */
	uint32_t bus_features;              /* own VMSG_BUS_FEATURE_* */
	uint32_t transport_features;        /* own VMSG_TRANSPORT_F_* */
	uint16_t max_areas;                 /* what we can hold at once */
	uint64_t request_timeout_ns;        /* 0 = 5 s */
	uint64_t poll_interval_ns;          /* driver: between EVENT_POLLs when idle; 0 = 100 ms */
	struct vmsg_memory *memory;         /* areas of this session */
	struct vmsg_bus_device *devices;    /* table of device_capacity entries */
	uint32_t device_capacity;
};

/* What the owner of the carrier must do. */
enum vmsg_bus_output_kind {
	VMSG_BUS_SEND,       /* send `frame` to the peer */
	VMSG_BUS_RETRIEVE,   /* retrieve and map `handle` (device) */
	VMSG_BUS_RELINQUISH, /* unmap and relinquish `handle` (device) */
	VMSG_BUS_RECLAIM,    /* reclaim `handle` (driver) */
};

struct vmsg_bus_output {
	enum vmsg_bus_output_kind kind;
	struct vmsg_bytes frame;
	bool is_event; /* SEND: no response will come */
	uint16_t area_id;
	uint64_t handle;
	uint64_t tag;
	uint32_t pages;
	bool writable;
	bool lent; /* shared by FFA_MEM_LEND */
};

enum vmsg_bus_event_kind {
	VMSG_BUS_EVENT_UP,             /* agreed and running: profile and features are final */
	VMSG_BUS_EVENT_FAILED,         /* `error`: the session is FAILED */
	VMSG_BUS_EVENT_RESET,          /* device: the driver reset the bus; driver: reset is done */
	VMSG_BUS_EVENT_MESSAGE,        /* a transport message for a device or a driver */
	VMSG_BUS_EVENT_REQUEST_FAILED, /* request {dev_num, token, type} got no response: `error` */
	VMSG_BUS_EVENT_DEVICE_ADDED,   /* driver: dev_num */
	VMSG_BUS_EVENT_DEVICE_REMOVED,
	VMSG_BUS_EVENT_AREA_READY,   /* driver: area_id may be used */
	VMSG_BUS_EVENT_AREA_REFUSED, /* driver: the device refused; its handle is being reclaimed */
	VMSG_BUS_EVENT_AREA_GONE,    /* the area is no longer part of the session */
	VMSG_BUS_EVENT_POLLED,       /* device: the driver asks for one event; answer with
				      * vmsg_bus_send() of an event, or nothing */
};

struct vmsg_bus_event {
	enum vmsg_bus_event_kind kind;
	int error;
	enum vmsg_type type;
	uint16_t dev_num;
	uint16_t token;
	uint16_t area_id;
	struct vmsg_message message;
};

/* Counters for reports. */
struct vmsg_bus_stats {
	uint64_t sent[VMSG_TYPE_COUNT];
	uint64_t received[VMSG_TYPE_COUNT];
	uint64_t dropped; /* malformed, unknown or out of state */
	uint64_t late;    /* responses that nobody waited for */
	uint64_t timeouts;
};

/* Areas that one session can have at once, whatever its memory table holds. */
#ifndef VMSG_BUS_AREAS_MAX
#define VMSG_BUS_AREAS_MAX 64
#endif

/* An area on its way in or out. Private to lib/bus*.c; public so that the caller can place it. */
struct vmsg_bus_area {
	uint16_t id;
	uint8_t state; /* lib/bus.h */
	uint8_t event; /* enum vmsg_bus_event_kind + 1 that is due, 0 for none */
	bool lent;
	uint32_t pages;
	uint64_t handle;
	uint64_t tag;
	uint64_t retry_ns;
};

/* Fields are private to lib/bus*.c unless a comment says "read". */
struct vmsg_bus {
	struct vmsg_bus_options options;
	enum vmsg_bus_state state;          /* read */
	const struct vmsg_profile *profile; /* read; spoken now, NULL before anything was agreed */
	uint32_t bus_features;              /* read; intersection */
	uint32_t transport_features;        /* read */
	uint32_t peer_ffa_version;          /* read; r3, else 0 */
	uint16_t peer_max_areas;            /* read */
	int error;                          /* read; why it is FAILED */
	struct vmsg_bus_stats stats;        /* read */
	uint64_t now_ns;
	/* driver: where the start or reset stands */
	uint8_t step;
	uint8_t attempt; /* rung of the ladder of dialects */
	uint8_t tries;   /* of a busy RESET */
	bool restart;    /* begin again after RESET */
	uint16_t window; /* GET_DEVICES */
	uint32_t windows;
	uint64_t retry_ns;
	bool poll_wanted;
	uint8_t polls_left;
	uint64_t next_poll_ns;
	/* events to the caller */
	bool up_due;
	bool failed_due;
	bool reset_due;
	bool polled_due;
	bool message_due;
	struct vmsg_message message;
	/* device: the request being served */
	bool answer_due;
	bool events_on;
	struct vmsg_header answering;
	/* frames and actions */
	uint16_t next_token;
	uint16_t next_area;
	uint64_t sent_count;
	struct vmsg_bus_request requests[VMSG_REQUESTS_MAX];
	struct vmsg_bus_area areas[VMSG_BUS_AREAS_MAX];
	int16_t acting; /* index of the area whose action is out, -1 for none */
	bool out_is_event;
	uint16_t out_size;
	uint8_t out[VMSG_FRAME_SIZE_MAX];
	uint8_t in[VMSG_FRAME_SIZE_MAX];
	uint8_t tail[VMSG_FRAME_SIZE_MAX];
};

VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_init(struct vmsg_bus *bus,
					      const struct vmsg_bus_options *options);

/* Driver: begins RESET (where the peer allows it), VERSION, EVENT_CONFIGURE, GET_DEVICES. STATE
 * unless DOWN or FAILED. Device: nothing to do, the first VERSION starts it. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_start(struct vmsg_bus *bus, uint64_t now_ns);

/* Driver: resets the bus; every area is reclaimed, then EVENT_RESET. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_reset(struct vmsg_bus *bus, uint64_t now_ns);

/*
 * Sends a transport message: a driver's request or event, a device's response or event. For
 * requests a token is chosen; the caller's own comes back in the response. AGAIN while the previous
 * frame has not been pulled or too many requests are in flight, STATE when the bus is not RUNNING,
 * RANGE when it exceeds the bus maximum, else as vmsg_encode().
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_send(struct vmsg_bus *bus, uint64_t now_ns,
					      const struct vmsg_message *message);

/*
 * One frame from the peer (padding allowed). Returns 0 when taken, AGAIN while an earlier event has
 * not been pulled, or the decode error of a frame that was dropped (counted). An all-zero or null
 * reply to request `answers` fails that request.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_input(struct vmsg_bus *bus, uint64_t now_ns,
					       struct vmsg_bytes frame);

/* The carrier could not deliver the frame last output, or brought no answer: its request fails. */
VMSG_EXPORT void vmsg_bus_send_failed(struct vmsg_bus *bus, uint64_t now_ns, int error);

/* Next thing to do: 1 with `output`, 0 for none. RETRIEVE, RELINQUISH and RECLAIM must be answered
 * with vmsg_bus_complete() before the next output. */
VMSG_EXPORT int vmsg_bus_output(struct vmsg_bus *bus, struct vmsg_bus_output *output);

/* Result (0 or < 0; AGAIN = try later) of the action last output; `segments` for RETRIEVE. */
VMSG_EXPORT void vmsg_bus_complete(struct vmsg_bus *bus, uint64_t now_ns, int result,
				   const struct vmsg_segment *segments, size_t segment_count);

/* Next event: 1 with `event`, 0 for none. */
VMSG_EXPORT int vmsg_bus_event(struct vmsg_bus *bus, struct vmsg_bus_event *event);

/* Like vmsg_bus_event(), but only MESSAGE and REQUEST_FAILED: what concerns a driver machine. */
VMSG_EXPORT int vmsg_bus_event_for_driver(struct vmsg_bus *bus, struct vmsg_bus_event *event);

/* Device: the peer is gone. As after its RESET, except that nobody is answered. */
VMSG_EXPORT void vmsg_bus_drop_peer(struct vmsg_bus *bus);

/*
 * Over direct messages every frame needs an answer in registers. Writes the answer for a frame that
 * produced none: null reply or echo form, as the profile has it. Returns its size.
 */
VMSG_EXPORT int vmsg_bus_null_reply(const struct vmsg_bus *bus, struct vmsg_bytes frame,
				    uint8_t reply[VMSG_FRAME_SIZE_MAX]);

/* Time of the next thing to do by itself (time-outs, polling), UINT64_MAX for none; and doing it.
 */
VMSG_EXPORT uint64_t vmsg_bus_deadline(const struct vmsg_bus *bus);
VMSG_EXPORT void vmsg_bus_tick(struct vmsg_bus *bus, uint64_t now_ns);

/* Driver: asks for one pending event now (EVENT_POLL), ahead of the interval. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_poll(struct vmsg_bus *bus, uint64_t now_ns);

/* Driver: announces memory already shared as `handle`; READY or REFUSED comes as an event. The
 * segments are our own view of it. On success `*area_id`. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_share(struct vmsg_bus *bus, uint64_t now_ns,
					       uint64_t handle, uint64_t tag,
					       const struct vmsg_segment *segments,
					       size_t segment_count, uint16_t *area_id);

/* Driver: takes an area back: AREA_UNSHARE, waits while the device is busy, RECLAIM, GONE. AGAIN
 * while queues of ours still hold it. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_unshare(struct vmsg_bus *bus, uint64_t now_ns,
						 uint16_t area_id);

/* Device: a device appears or goes. Announced by EVENT_DEVICE once the bus is running. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_add_device(struct vmsg_bus *bus, uint16_t number);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_bus_remove_device(struct vmsg_bus *bus, uint16_t number);

/* Largest frame of the session: least of carrier, profile and VMSG_FRAME_SIZE_MAX. */
VMSG_EXPORT uint16_t vmsg_bus_frame_size_max(const struct vmsg_bus *bus);

VMSG_EXPORT const char *vmsg_bus_state_name(enum vmsg_bus_state state);

VMSG_END_DECLS

#endif
