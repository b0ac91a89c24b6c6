/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end's half of the vhost-user protocol: messages of a front end (QEMU, say) are checked
 * and acted on; its owner gives the device and is told what the front end wants. Does no I/O but
 * to keep, and close, the descriptors that it is given.
 */
#ifndef VMSG_EMULATOR_VHOST_SERVER_H
#define VMSG_EMULATOR_VHOST_SERVER_H

#include "vhost/memory.h"
#include "vhost/protocol.h"
#include "virtio_msg_ffa/virtqueue.h"

#define VHOST_VRINGS_MAX 16u

/* A message, and then its reply if there is one. Whoever takes a descriptor over sets it to -1. */
struct vhost_message {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload */
	uint8_t payload[VHOST_PAYLOAD_MAX];
	int fds[VHOST_TABLE_REGIONS];
	uint32_t fd_count;
};

struct vhost_vring {
	uint32_t size;
	uint32_t base;
	bool has_addresses;
	bool is_started; /* has been given a kick, and not been stopped */
	bool is_enabled;
	bool is_running; /* both; the owner has been told */
	uint64_t desc;   /* addresses of the front end */
	uint64_t driver;
	uint64_t device;
	int kick; /* eventfds, -1: none */
	int call;
	int err;
};

/* What the owner does. Those that return int: 0, or -1 with one line in `why`. */
struct vhost_server_ops {
	/* The memory regions are others. Called before anything of the new ones is used. */
	int (*memory_changed)(void *context, char *why, size_t why_size);
	/* A vring runs, with the layout as the guest addresses it, from `base` on. */
	int (*start)(void *context, uint32_t index, const struct vmsg_vq_layout *layout,
		     uint32_t base, char *why, size_t why_size);
	/* A running vring is left alone, or taken up again: its front end has disabled or enabled
	 * it. */
	void (*enable)(void *context, uint32_t index, bool is_enabled);
	/* A vring stops: nothing of it may be touched when this returns. Returns where it is to be
	 * taken up. */
	uint32_t (*stop)(void *context, uint32_t index);
	/* All vrings have stopped, and the front end wants the device as new. */
	void (*reset)(void *context);
	int (*read_config)(void *context, uint32_t offset, uint8_t *data, uint32_t size);
	int (*write_config)(void *context, uint32_t offset, const uint8_t *data, uint32_t size);
};

struct vhost_server {
	const struct vhost_server_ops *ops;
	void *context;
	uint64_t device_features; /* the owner's: what is offered, without protocol features */
	uint32_t queue_count;     /* the owner's */
	uint32_t queue_num;       /* the owner's: GET_QUEUE_NUM, of a network device in pairs */
	bool has_config;          /* the owner's: it, and not the front end, has the config space */
	struct vhost_memory *memory;
	uint64_t features; /* read: acknowledged */
	uint64_t protocol; /* read */
	bool has_features;
	uint8_t status;
	int backend; /* channel for what we say by ourselves, -1: none */
	struct vhost_vring vrings[VHOST_VRINGS_MAX];
	char why[VHOST_MEMORY_WHY_SIZE]; /* the front end is to be left alone */
};

/* A new front end. `memory` has been initialized, and what is the owner's in the struct is set. */
void vhost_server_init(struct vhost_server *server, const struct vhost_server_ops *ops,
		       void *context, struct vhost_memory *memory);

/* Acts on a message. 1 when it has become the reply, 0 when there is none, -1 when the front end
 * has broken a rule: `why`, and vhost_server_close(). All descriptors have been taken or closed. */
int vhost_server_take(struct vhost_server *server, struct vhost_message *message);

/* The front end is gone: running vrings are stopped, descriptors closed, the regions forgotten. */
void vhost_server_close(struct vhost_server *server);

/* What a config change is told with: the message, for the channel. False where there is none. */
bool vhost_server_config_changed(const struct vhost_server *server,
				 uint8_t message[VHOST_HEADER_SIZE]);

/* Headers from and to bytes. -1 for one that nobody sends: a wrong version, a reply, too large. */
int vhost_message_load(struct vhost_message *message, const uint8_t header[VHOST_HEADER_SIZE]);
void vhost_message_store(const struct vhost_message *message, uint8_t header[VHOST_HEADER_SIZE]);

#endif
