/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linux's two halves of a virtqueue, as plain C: virtio_ring.c is the driver, vringh.c the device.
 * No header of the kernel is visible to those who include this.
 */
#ifndef VMSG_TESTS_LINUX_HALF_H
#define VMSG_TESTS_LINUX_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINUX_EVENT_IDX 0x1u
#define LINUX_INDIRECT  0x2u
#define LINUX_PACKED    0x4u

/* The arena, in pair.c: the only memory with bus addresses. */
unsigned long long arena_address(const void *pointer);
void *arena_allocate_ring(unsigned long size);
/* The pointer to a bus address and the bytes behind it in one piece; NULL outside the arena. */
uint8_t *arena_pointer(uint64_t address, uint64_t *left);
/* What vringh may touch, and the part of it where indirect tables lie. */
void linux_set_arena(void *begin, void *end, void *tables_begin, void *tables_end);

struct linux_piece {
	void *data;
	uint32_t size;
};

/* ---- virtio_ring.c ---- */

/* `kicked` is called when a kick would send a notification, `called` when the driver takes one. */
struct linux_driver_calls {
	void (*kicked)(void);
	void (*called)(void);
	/* reset of the queue: the device lets go of it, and takes it again with its new layout */
	void (*disable)(void);
	void (*enable)(void);
	/* a buffer that was not used before the reset */
	void (*recycle)(void *cookie);
};

/* False when that version of Linux cannot make such a queue. */
bool linux_driver_start(uint32_t size, unsigned int features,
			const struct linux_driver_calls *calls);
void linux_driver_stop(void);
void linux_driver_parts(uint64_t parts[3], uint32_t *size);
/* `table` is where an indirect table may go. 0, or an error of Linux. */
int linux_driver_add(const struct linux_piece *pieces, unsigned int out, unsigned int in,
		     void *cookie, void *table);
void linux_driver_kick(void);
void *linux_driver_get(uint32_t *written);
/* The delayed form wants a call only when most of what is in flight was used. False: buffers wait.
 */
bool linux_driver_enable(bool delayed);
void linux_driver_disable(void);
/* The device calls. */
void linux_driver_interrupt(void);
bool linux_driver_is_broken(void);
/* VIRTIO_F_RING_RESET to another size. */
int linux_driver_resize(uint32_t size);

/* ---- vringh.c, split only ---- */

int linux_device_start(uint32_t size, unsigned int features, void *desc, void *avail, void *used);
void linux_device_stop(void);
/* 1 with a chain and its sizes, 0 when there is none, or an error of Linux. */
int linux_device_get(uint16_t *head, size_t *readable, size_t *writable);
/* Of the chain that was got last: its first byte, and what is in it. */
void *linux_device_first(void);
long linux_device_pull(void *to, size_t size);
long linux_device_push(const void *from, size_t size);
int linux_device_complete(const uint16_t *heads, const uint32_t *written, unsigned int count);
int linux_device_need_notify(void);
/* False: buffers wait. */
bool linux_device_enable(void);
void linux_device_disable(void);

#endif
