/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Front-end machine of one virtio device behind virtio-msg: discovery, reset, features, config,
 * queues, DRIVER_OK, events. Sans-I/O; what it learns comes out as events. (wire-revisions 6.1)
 *
 * Life: init, start -> event CONFIGURABLE -> setup_queue for each queue -> ready -> event RUNNING.
 */
#ifndef VIRTIO_MSG_FFA_DRIVER_H
#define VIRTIO_MSG_FFA_DRIVER_H

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/virtqueue.h"

VMSG_BEGIN_DECLS

enum vmsg_driver_state {
	VMSG_DRIVER_IDLE,
	VMSG_DRIVER_STARTING,     /* information, reset, features under way */
	VMSG_DRIVER_CONFIGURABLE, /* features agreed; queues may be set up, config read */
	VMSG_DRIVER_FINISHING,    /* DRIVER_OK sent */
	VMSG_DRIVER_RUNNING,
	VMSG_DRIVER_RESETTING,
	VMSG_DRIVER_FAILED,
	VMSG_DRIVER_FROZEN, /* reset, and to be restored */
};

enum vmsg_driver_event_kind {
	VMSG_DRIVER_EVENT_CONFIGURABLE,
	VMSG_DRIVER_EVENT_QUEUE_READY, /* queue: SET_VQUEUE confirmed by GET_VQUEUE */
	VMSG_DRIVER_EVENT_QUEUE_RESET, /* queue */
	VMSG_DRIVER_EVENT_RUNNING,
	VMSG_DRIVER_EVENT_CONFIG,         /* a read_config completed: offset, data, generation */
	VMSG_DRIVER_EVENT_CONFIG_WRITTEN, /* a write_config completed; error PEER = refused */
	VMSG_DRIVER_EVENT_SHM,            /* a get_shm completed */
	VMSG_DRIVER_EVENT_USED,           /* queue: used buffers may be waiting */
	VMSG_DRIVER_EVENT_CONFIG_CHANGED,
	VMSG_DRIVER_EVENT_NEEDS_RESET,
	VMSG_DRIVER_EVENT_RESET_DONE,
	VMSG_DRIVER_EVENT_FROZEN,
	VMSG_DRIVER_EVENT_RESTORED,
	VMSG_DRIVER_EVENT_FAILED, /* error, and what was asked: `type` */
};

struct vmsg_driver_event {
	enum vmsg_driver_event_kind kind;
	int error;
	enum vmsg_type type;
	uint32_t queue;
	uint32_t offset;
	uint32_t generation;
	struct vmsg_bytes data;
	uint64_t shm_length;
	uint64_t shm_address;
};

struct vmsg_driver_options {
	const struct vmsg_profile *profile;
	uint16_t dev_num;
	uint16_t frame_size_max;
	uint32_t transport_features; /* agreed by the bus */
	/* Wanted; what is offered of it is taken. VERSION_1, which must be offered, and
	 * ACCESS_PLATFORM are always wanted. */
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX];
	uint64_t request_timeout_ns; /* 0 = 5 s */
	uint8_t *config_buffer;      /* for reads longer than a frame; at least the largest read */
	uint32_t config_buffer_size;
};

struct vmsg_driver_queue {
	uint32_t max_size;
	struct vmsg_vq_layout layout;
	bool ready;
	bool kept; /* it was ready when the driver was frozen */
};

/* A request in flight. */
struct vmsg_driver_request {
	bool used;
	uint16_t token;
	enum vmsg_type type;
	uint64_t deadline_ns;
};

/* Fields are private to lib/driver.c unless a comment says "read". */
struct vmsg_driver {
	struct vmsg_driver_options options;
	enum vmsg_driver_state state;                            /* read */
	struct vmsg_get_device_info_response info;               /* read, from CONFIGURABLE on */
	uint32_t offered[VMSG_FEATURE_BLOCKS_MAX];               /* read */
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX];              /* read: agreed */
	uint8_t status;                                          /* read */
	struct vmsg_driver_queue queues[VMSG_DEVICE_QUEUES_MAX]; /* read */
	int error;                                               /* read; why it is FAILED */
	uint8_t written;                                         /* status last written */
	bool freezing;
	bool restoring;
	bool was_running;                       /* before it was frozen */
	uint32_t kept[VMSG_FEATURE_BLOCKS_MAX]; /* features agreed then */
	uint64_t late;                          /* read; responses nobody waited for */
	uint64_t coalesced;                     /* read; kicks that went into one not yet sent */
	uint64_t now_ns;
	uint8_t step;        /* of the operation under way */
	uint32_t step_index; /* feature block or queue that it has come to */
	uint8_t config_tries;
	uint16_t next_token;
	uint64_t retry_ns;                  /* when a slow reset is looked at again */
	uint64_t give_up_ns;                /* and when no longer */
	struct vmsg_driver_request request; /* the one in flight */
	bool out_due;
	struct vmsg_message out;
	uint8_t out_data[VMSG_FEATURE_BLOCKS_MAX * 4];
	uint32_t kicks;  /* bit per queue: EVENT_AVAIL is due */
	uint32_t kicked; /* bit per queue: was, since the queue was set up */
	uint32_t kick_next[VMSG_DEVICE_QUEUES_MAX];
	uint32_t used;   /* bit per queue: event USED is due */
	uint32_t events; /* bit per event kind that is due */
	enum vmsg_type failed_type;
	uint32_t event_queue;
	uint32_t config_offset;
	uint32_t config_length;
	uint32_t config_done;
	uint32_t config_generation;
	int write_error;
	struct vmsg_bytes write_data;
	struct vmsg_get_shm_response shm;
};

/* INVALID without a profile of r0 or later, or with frames smaller than its least maximum. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_init(struct vmsg_driver *driver,
						 const struct vmsg_driver_options *options);

/* GET_DEVICE_INFO, reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK, GET_VQUEUE of each queue;
 * then event CONFIGURABLE. STATE unless IDLE or FAILED. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_start(struct vmsg_driver *driver, uint64_t now_ns);

/* Response or event of the device. 0 when taken; an error when it is dropped (counted). */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_input(struct vmsg_driver *driver, uint64_t now_ns,
						  const struct vmsg_message *in);

/* A request could not be delivered or answered, or an EVENT_AVAIL not delivered, which is sent
 * again for every queue (bus event REQUEST_FAILED). */
VMSG_EXPORT void vmsg_driver_request_failed(struct vmsg_driver *driver, uint64_t now_ns,
					    enum vmsg_type type, uint16_t token, int error);

VMSG_EXPORT int vmsg_driver_output(struct vmsg_driver *driver, struct vmsg_message *out);
VMSG_EXPORT int vmsg_driver_event(struct vmsg_driver *driver, struct vmsg_driver_event *event);
VMSG_EXPORT uint64_t vmsg_driver_deadline(const struct vmsg_driver *driver);
VMSG_EXPORT void vmsg_driver_tick(struct vmsg_driver *driver, uint64_t now_ns);

/*
 * The operations below are started one at a time: AGAIN while another is under way or its event
 * has not been taken, STATE in the wrong state, RANGE for an index or range that the device does
 * not have.
 */

/* SET_VQUEUE, then GET_VQUEUE to confirm; event QUEUE_READY (or FAILED with PEER: it did not take
 * effect). From CONFIGURABLE on; STATE for a queue that is ready, which must be reset first. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_setup_queue(struct vmsg_driver *driver, uint64_t now_ns,
							uint32_t index,
							const struct vmsg_vq_layout *layout);

/* RESET_VQUEUE; event QUEUE_RESET. Needs VIRTIO_F_RING_RESET. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_reset_queue(struct vmsg_driver *driver, uint64_t now_ns,
							uint32_t index);

/* DRIVER_OK; event RUNNING. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_ready(struct vmsg_driver *driver, uint64_t now_ns);

/* Reads [offset, offset + length) of the config space in as many messages as it takes, again from
 * the start when the generation changed in between (at most 16 times); event CONFIG. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_read_config(struct vmsg_driver *driver, uint64_t now_ns,
							uint32_t offset, uint32_t length);

/* Writes at most what one message carries. `data` must stay valid until CONFIG_WRITTEN. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_write_config(struct vmsg_driver *driver,
							 uint64_t now_ns, uint32_t offset,
							 struct vmsg_bytes data);

/* GET_SHM; event SHM, with a length of 0 where there is no such region. REVISION in a dialect that
 * has no such message. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_get_shm(struct vmsg_driver *driver, uint64_t now_ns,
						    uint32_t shmid);

/* Status 0, from any state; event RESET_DONE when the device reads 0. Queues are gone after. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_reset(struct vmsg_driver *driver, uint64_t now_ns);

/*
 * Before the system sleeps: resets the device, but remembers features and queues; event FROZEN.
 * STATE unless CONFIGURABLE or RUNNING, AGAIN as above. What is in the rings is lost: take back the
 * buffers (vmsg_vq_driver_stop()).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_freeze(struct vmsg_driver *driver, uint64_t now_ns);

/* Between the two: a remembered queue is elsewhere now, since its area had to be shared again under
 * another id. STATE unless FROZEN, RANGE for a queue that is not remembered. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_move_queue(struct vmsg_driver *driver, uint32_t index,
						       const struct vmsg_vq_layout *layout);

/*
 * After it: brings the device to where it was, with the features that were agreed and the queues
 * where they were, each of whose rings has been made anew before; event RESTORED. FAILED with PEER
 * when the device is not the one that it was. STATE unless FROZEN. `driver->options.profile` and
 * frame_size_max may have been changed meanwhile.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_restore(struct vmsg_driver *driver, uint64_t now_ns);

/* EVENT_AVAIL for a queue; `next` is the notification data, 0 unless negotiated. Never blocks:
 * several kicks of one queue become one message. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_driver_kick(struct vmsg_driver *driver, uint32_t index,
						 uint32_t next);

/* True when an operation is under way. */
VMSG_EXPORT bool vmsg_driver_is_busy(const struct vmsg_driver *driver);

VMSG_EXPORT bool vmsg_driver_has_feature(const struct vmsg_driver *driver, unsigned int bit);

VMSG_END_DECLS

#endif
