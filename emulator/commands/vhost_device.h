/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device behind `frontend --vhost-user-server`: a session that drives it with shadow queues,
 * and shares the guest's memory with it. When the peer goes, everything is kept for the next one.
 */
#ifndef VMSG_EMULATOR_VHOST_DEVICE_H
#define VMSG_EMULATOR_VHOST_DEVICE_H

#include "commands/queue_driver.h"
#include "vhost/server.h"
#include "vhost/shadow.h"

#define VHOST_DEVICE_RING_SIZE 256u
/* Rings, and a table for each chain of each queue. */
#define VHOST_DEVICE_POOL_SIZE                                                                     \
	(VHOST_VRINGS_MAX * (VHOST_DEVICE_RING_SIZE * (SHADOW_TABLE_SIZE + 64u) + 4u * 4096u))

struct vhost_device {
	struct session_options options;
	int wanted;              /* device number, -1: the first */
	struct session *session; /* NULL: the peer is not there */
	uint16_t number;         /* of the device */
	uint32_t device_id;      /* what it was when it was first seen, and must be again */
	uint64_t offered;        /* to the guest */
	uint32_t queue_count;    /* likewise */
	uint32_t config_size;
	uint8_t config[VHOST_CONFIG_MAX];
	bool is_config_changed; /* cleared by who tells */
	uint64_t features;      /* that the guest has taken */
	bool is_running;
	bool must_kick;
	uint64_t retry_ns; /* when the peer is looked for again */
	uint64_t check_ns; /* when it is asked whether it is still the same, if nothing moves */
	uint64_t check_gap_ns;
	struct vhost_memory memory;
	struct session_memory areas[VHOST_MEMORY_REGIONS_MAX]; /* of its files */
	struct shadow shadows[VHOST_VRINGS_MAX];
	struct queue_driver queues[VHOST_VRINGS_MAX];
};

/* Finds the device: what it is and has. -1, reported. */
int vhost_device_open(struct vhost_device *device, const struct session_options *options,
		      int wanted);
void vhost_device_close(struct vhost_device *device);

/* A new front end will ask: looks whether the device is there, and what its config space is now. */
void vhost_device_look(struct vhost_device *device);

/* Brings the device to where the shadows want it: looks for a peer that is gone (not too often),
 * shares and takes back memory, starts the device when a shadow runs. False when memory is refused:
 * it has been reported, and the guest must go. */
bool vhost_device_update(struct vhost_device *device);
/* Resets the device; chains that are on their way will be offered again. */
void vhost_device_stop(struct vhost_device *device);
/* Nothing of the guest is needed any more: its memory is taken back. */
void vhost_device_forget(struct vhost_device *device);

/* One round of messages and rings: true when anything has moved. */
bool vhost_device_run(struct vhost_device *device, void (*used)(void *context, uint32_t index),
		      void *context);

/* When it has something to do by itself, at the latest; and what it waits for, -1 for nothing. */
uint64_t vhost_device_deadline(const struct vhost_device *device);
int vhost_device_fd(const struct vhost_device *device);
/* Something has come that its descriptor does not tell of. */
bool vhost_device_is_ready(const struct vhost_device *device);

/* Writes to the config space. -1 when the device refuses or is not there. */
int vhost_device_write_config(struct vhost_device *device, uint32_t offset, struct vmsg_bytes data);

#endif
