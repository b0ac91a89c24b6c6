/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Back-end machine of one virtio device behind virtio-msg: information, features, status, config,
 * queues, events. Sans-I/O: transport messages in, transport messages out; the device itself is a
 * table of callbacks, which may not call back into the machine except where a comment says so.
 * (wire-revisions section 6.1, 6.2)
 */
#ifndef VIRTIO_MSG_FFA_DEVICE_H
#define VIRTIO_MSG_FFA_DEVICE_H

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/quirk.h"
#include "virtio_msg_ffa/virtqueue.h"

VMSG_BEGIN_DECLS

/* What the device is; constant while it exists. */
struct vmsg_device_info {
	uint32_t device_id; /* virtio device type */
	uint32_t vendor_id;
	uint8_t uuid[16];
	/* Offered; VERSION_1, ACCESS_PLATFORM and the ring features are added. IN_ORDER is the
	 * device's to offer: it must then push chains in the order of its pops. */
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX];
	/* Others run the queues: of the ring features only those in `features` are offered, the
	 * rings are not touched, and whenever the device notifies, the driver wants it. */
	bool has_foreign_rings;
	uint32_t config_size;
	uint32_t queue_count;
	uint32_t queue_size_max; /* of every queue */
	uint32_t admin_vq_start;
	uint32_t admin_vq_count;
};

/* The device. Any function may be NULL except kick. All may call vmsg_device_kick_later(). */
struct vmsg_device_ops {
	/* Bytes [offset, offset + out.size) of the config space; the range was checked. May call
	 * vmsg_device_config_changed() first, and then gives what it has become. */
	void (*read_config)(void *context, uint32_t offset, struct vmsg_span out);
	/* < 0 refuses the write; nothing may have changed then. */
	int (*write_config)(void *context, uint32_t offset, struct vmsg_bytes in);
	/* < 0 refuses the set: FEATURES_OK stays clear. */
	int (*set_features)(void *context, const uint32_t features[VMSG_FEATURE_BLOCKS_MAX]);
	/* A queue was started or stopped. vmsg_vq_device_*() may be used on it in between. */
	int (*queue_start)(void *context, uint32_t index, struct vmsg_vq_device *queue);
	void (*queue_stop)(void *context, uint32_t index);
	/* Buffers may be waiting in a started queue. May call vmsg_device_notify(),
	 * vmsg_device_config_changed() and vmsg_device_needs_reset(). */
	void (*kick)(void *context, uint32_t index, struct vmsg_vq_device *queue);
	/* Drop all work, if a driver has begun any. Returns 1 when done, 0 when
	 * vmsg_device_reset_done() will follow: until then the status is not 0, which drivers of
	 * dialects without allows_slow_reset may not expect. Called again if the driver resets
	 * again or goes meanwhile. */
	int (*reset)(void *context);
	/* Shared memory region: 0 and its size and address, < 0 when there is none. */
	int (*shm)(void *context, uint32_t shmid, uint64_t *length, uint64_t *address);
};

struct vmsg_device_queue {
	struct vmsg_vq_layout layout; /* as configured; size 0 = not configured */
	bool enabled;
	struct vmsg_vq_device ring;
};

/* Fields are private to lib/device.c unless a comment says "read". */
struct vmsg_device {
	const struct vmsg_device_info *info;
	const struct vmsg_device_ops *ops;
	void *context;
	const struct vmsg_vq_watch *watch; /* of its queues; NULL, yours to set */
	const struct vmsg_profile *profile;
	struct vmsg_memory *memory;
	uint16_t dev_num; /* read */
	uint16_t frame_size_max;
	bool strict_generation;
	bool zero_is_baseline; /* and as such never stale, though strict_generation */
	uint32_t quirks; /* yours to set after attaching: VMSG_QUIRK_BIT()s of the switches that are
			  * on (the device pump sets them to its session's) */
	uint8_t status;  /* read; VMSG_STATUS_* */
	bool resetting;
	bool features_bad; /* the driver asked for bits beyond what we store */
	bool config_event; /* EVENT_CONFIG is due */
	bool status_event;
	uint32_t generation;     /* read */
	uint32_t changed_offset; /* of the change that config_event reports */
	uint32_t changed_length;
	uint32_t used_events; /* bit per queue: EVENT_USED is due */
	uint32_t again;       /* bit per queue: kick it again at the next tick */
	uint32_t driver_features[VMSG_FEATURE_BLOCKS_MAX]; /* read: as negotiated */
	struct vmsg_device_queue queues[VMSG_DEVICE_QUEUES_MAX];
	bool reply_due;
	struct vmsg_message reply;
	uint8_t reply_data[VMSG_FRAME_SIZE_MAX]; /* tail of the reply */
	uint8_t event_data[VMSG_FRAME_SIZE_MAX]; /* and of the event last told */
	uint64_t refused;                        /* read: messages refused */
	uint64_t coalesced;                      /* read: events that went into one not yet told */
};

/* INVALID when info breaks a limit. The device is detached: no profile, no memory. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_device_init(struct vmsg_device *device, uint16_t dev_num,
						 const struct vmsg_device_info *info,
						 const struct vmsg_device_ops *ops, void *context);

/* Binds the device to a session: dialect, its areas, its largest frame, the transport features that
 * its bus offers. Resets first. A driver of r3 cannot say that it does not know STRICT_CONFIG_-
 * GENERATION: where that is offered, generations are never 0, and SET_CONFIG with generation 0 is
 * served as the baseline has it. */
VMSG_EXPORT void vmsg_device_attach(struct vmsg_device *device, const struct vmsg_profile *profile,
				    struct vmsg_memory *memory, uint16_t frame_size_max,
				    uint32_t transport_features);

/* Ends the binding (bus reset, peer gone): device reset at once, queues stopped, areas let go. */
VMSG_EXPORT void vmsg_device_detach(struct vmsg_device *device);

/*
 * One transport message of the driver. 0 when taken, AGAIN while the last reply has not been
 * pulled, an error when it is refused without an answer (wrong kind, malformed for this device).
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_device_input(struct vmsg_device *device, uint64_t now_ns,
						  const struct vmsg_message *in);

/* The reply, if one is due: 1 or 0. Its tail is valid until the next input. */
VMSG_EXPORT int vmsg_device_output(struct vmsg_device *device, struct vmsg_message *out);

/* One event that the device owes the driver (EVENT_CONFIG first, then EVENT_USED): 1 or 0. Its
 * tail is valid until the next event. */
VMSG_EXPORT int vmsg_device_event(struct vmsg_device *device, struct vmsg_message *out);

/* True when vmsg_device_event() would return 1. */
VMSG_EXPORT bool vmsg_device_has_event(const struct vmsg_device *device);

VMSG_EXPORT uint64_t vmsg_device_deadline(const struct vmsg_device *device);
VMSG_EXPORT void vmsg_device_tick(struct vmsg_device *device, uint64_t now_ns);

/* The device used buffers of a queue: EVENT_USED becomes due if the driver wants it. */
VMSG_EXPORT void vmsg_device_notify(struct vmsg_device *device, uint32_t index);

/* The device has left buffers in a queue, not to keep others waiting: it is kicked again by the
 * next vmsg_device_tick(). */
VMSG_EXPORT void vmsg_device_kick_later(struct vmsg_device *device, uint32_t index);

/* The device changed its config space [offset, offset + length): new generation, EVENT_CONFIG. */
VMSG_EXPORT void vmsg_device_config_changed(struct vmsg_device *device, uint32_t offset,
					    uint32_t length);

/* The device cannot go on: DEVICE_NEEDS_RESET. */
VMSG_EXPORT void vmsg_device_needs_reset(struct vmsg_device *device);

/* A reset that ops->reset left pending is complete. */
VMSG_EXPORT void vmsg_device_reset_done(struct vmsg_device *device);

/* Was feature `bit` negotiated? */
VMSG_EXPORT bool vmsg_device_has_feature(const struct vmsg_device *device, unsigned int bit);

VMSG_END_DECLS

#endif
