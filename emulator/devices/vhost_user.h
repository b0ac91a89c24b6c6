/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front-end's side of the vhost-user protocol: a connection to a daemon that runs a device's
 * queues. Every exchange blocks, for a bounded time; a daemon that breaks the protocol, answers
 * too late or goes is lost for good. (vhost-user protocol of the QEMU documentation)
 */
#ifndef VMSG_EMULATOR_DEVICES_VHOST_USER_H
#define VMSG_EMULATOR_DEVICES_VHOST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost/protocol.h"

#define VHOST_REGIONS_MAX 512u

/* Memory that the daemon may use: `size` bytes of a memfd from `offset` on, under `address`. */
struct vhost_region {
	uint64_t address;
	uint64_t size;
	uint64_t offset;
	int fd; /* the caller's, open while the region is there */
};

/* Where a queue lies; addresses as the regions say. */
struct vhost_queue {
	uint32_t index;
	uint32_t size;
	bool packed;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	int kick; /* eventfds; the caller's */
	int call;
};

struct vhost_user {
	int fd;             /* -1: lost */
	int backend;        /* what the daemon says by itself, -1: nothing */
	uint64_t features;  /* of the daemon */
	uint64_t protocol;  /* agreed */
	uint32_t queue_max; /* that the daemon has */
	uint32_t region_max;
	uint32_t region_count;
	struct vhost_region regions[VHOST_REGIONS_MAX];
	char why[128]; /* it was lost, or what it refused last */
};

/* Connects and agrees on features of the protocol. 0, or -1 with `why` in the struct. */
int vhost_connect(struct vhost_user *vhost, const char *path);
void vhost_close(struct vhost_user *vhost);

/* All of them return 0, or -1 when the daemon is lost (or refuses, where it can). */
int vhost_set_features(struct vhost_user *vhost, uint64_t features);
int vhost_get_config(struct vhost_user *vhost, uint8_t *config, uint32_t size);
int vhost_set_config(struct vhost_user *vhost, uint32_t offset, const uint8_t *data, uint32_t size);
int vhost_add_region(struct vhost_user *vhost, const struct vhost_region *region);
/* No effect for a region that is not there. */
int vhost_remove_region(struct vhost_user *vhost, uint64_t address);
int vhost_start_queue(struct vhost_user *vhost, const struct vhost_queue *queue);
/* The daemon has let go of the queue when this returns. */
int vhost_stop_queue(struct vhost_user *vhost, uint32_t index);

/* Reads what the daemon said by itself: 1 when its config space has changed, 0 for anything else,
 * -1 when it is lost. */
int vhost_take_message(struct vhost_user *vhost);

/* Between exchanges: 0 when the daemon is there and silent, else it is lost: -1. */
int vhost_peek(struct vhost_user *vhost);

#endif
