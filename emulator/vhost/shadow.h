/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One queue of a guest's driver, run on a queue of a device elsewhere: chains are taken from the
 * guest's ring, their addresses rewritten, and offered on the device's; what comes back goes back.
 * The data stays where it is. Knows neither sockets nor messages.
 */
#ifndef VMSG_EMULATOR_VHOST_SHADOW_H
#define VMSG_EMULATOR_VHOST_SHADOW_H

#include "vhost/memory.h"
#include "virtio_msg_ffa/virtqueue.h"

/* Pieces of a chain, at most; a table of that many descriptors for each chain on its way. */
#define SHADOW_PIECES_MAX 256u
#define SHADOW_TABLE_SIZE (SHADOW_PIECES_MAX * 16u)

/* A chain on its way: the guest's addresses, since those of the bus may change. */
struct shadow_request {
	struct vmsg_vq_buffer *pieces; /* SHADOW_PIECES_MAX of them */
	uint32_t count;
	uint32_t head;
	uint16_t place; /* in the guest's ring, before it was taken */
	bool is_used;
	bool is_offered; /* the device has it */
};

struct shadow {
	uint32_t index;
	struct vhost_memory *memory;
	struct vmsg_vq_device guest; /* our side of the guest's ring */
	bool is_running;
	bool is_paused;                /* the owner's: nothing is taken */
	bool is_broken;                /* the guest's ring, or a chain in it; see `why` */
	struct vmsg_vq_driver *device; /* our side of the device's; NULL: there is none now */
	uint64_t tables;               /* bus address of a table for each request, 0: none */
	struct shadow_request *requests;
	struct vmsg_vq_buffer *pieces;   /* of all requests */
	uint32_t capacity;               /* of requests */
	uint32_t count;                  /* of requests on their way */
	uint32_t waiting;                /* of those that the device does not have */
	uint32_t next;                   /* where to look for a free one */
	uint64_t taken;                  /* chains, ever */
	char why[VHOST_MEMORY_WHY_SIZE]; /* it is broken */
};

/* A queue with room for `capacity` chains. -1 without memory. */
int shadow_open(struct shadow *shadow, uint32_t index, uint32_t capacity,
		struct vhost_memory *memory);
void shadow_close(struct shadow *shadow);

/* Starts on the guest's ring at `base` (the value of SET_VRING_BASE); addresses of the layout are
 * the guest's. -1 with `why`. */
int shadow_start(struct shadow *shadow, const struct vmsg_vq_layout *layout, uint32_t base);

/* Does the ring say all there is to know: is nothing on its way, or only what was taken last? */
bool shadow_may_stop(const struct shadow *shadow);

/* Leaves the guest's ring, with everything that is still on its way: where to begin again. False
 * when that is no place to begin, since chains came back in another order than they went. */
bool shadow_stop(struct shadow *shadow, uint32_t *base);

/* The ring is where it was, but the memory around it has been mapped anew. */
void shadow_leave_memory(struct shadow *shadow);
int shadow_enter_memory(struct shadow *shadow);

/* The device's queue has come (with `tables` if it takes indirect ones), or gone: what it had is
 * offered again to the next one. */
void shadow_attach(struct shadow *shadow, struct vmsg_vq_driver *device, uint64_t tables);
void shadow_detach(struct shadow *shadow);

/* Takes at most `budget` chains and offers them. Returns whether there was anything to do; a guest
 * that breaks the rules makes the queue broken. */
bool shadow_take(struct shadow *shadow, uint32_t budget);

/* Gives back what the device has used: how many, or -1 when the device broke the rules. */
int shadow_give(struct shadow *shadow);

/* Before going to sleep: asks guest and device to tell; true when there is something already. And
 * after it. */
bool shadow_listen(struct shadow *shadow);
void shadow_listen_no_more(struct shadow *shadow);

#endif
