// SPDX-License-Identifier: BSD-3-Clause
/*
 * See linux_half.h. The only file here that sees Linux's headers. One queue at a time.
 */
#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_config.h>
#include <linux/vringh.h>
#include <linux/uaccess.h>

#include "linux_half.h"

#define PIECES_MAX  1024
#define PIECES_FAST 4 /* vringh gets more by itself */

void *__user_addr_min, *__user_addr_max;
void *__kmalloc_fake, *__kfree_ignore_start, *__kfree_ignore_end;

/* Of virtio.h in the kernel; tools/virtio has its own. */
dma_addr_t virtqueue_get_desc_addr(struct virtqueue *queue);
dma_addr_t virtqueue_get_avail_addr(struct virtqueue *queue);
dma_addr_t virtqueue_get_used_addr(struct virtqueue *queue);
unsigned int virtqueue_get_vring_size(struct virtqueue *queue);
bool virtqueue_is_broken(struct virtqueue *queue);
int virtqueue_resize(struct virtqueue *queue, u32 size,
		     void (*recycle)(struct virtqueue *queue, void *cookie));

void linux_set_arena(void *begin, void *end, void *tables_begin, void *tables_end)
{
	__user_addr_min = begin;
	__user_addr_max = end;
	__kfree_ignore_start = tables_begin;
	__kfree_ignore_end = tables_end;
}

/* ---- virtio_ring.c ---- */

static struct virtio_device device;
static struct virtqueue *queue;
static const struct linux_driver_calls *calls;

static bool on_notify(struct virtqueue *at)
{
	(void)at;
	calls->kicked();
	return true;
}

static void on_call(struct virtqueue *at)
{
	(void)at;
	calls->called();
}

static int on_disable(struct virtqueue *at)
{
	at->reset = true;
	calls->disable();
	return 0;
}

static int on_enable(struct virtqueue *at)
{
	at->reset = false;
	calls->enable();
	return 0;
}

static void on_recycle(struct virtqueue *at, void *cookie)
{
	(void)at;
	calls->recycle(cookie);
}

static const struct virtio_config_ops config_ops = {
	.disable_vq_and_reset = on_disable,
	.enable_vq_after_reset = on_enable,
};

bool linux_driver_start(uint32_t size, unsigned int features,
			const struct linux_driver_calls *hooks)
{
	calls = hooks;
	memset(&device, 0, sizeof(device));
	INIT_LIST_HEAD(&device.vqs);
	spin_lock_init(&device.vqs_list_lock);
	device.config = &config_ops;
	__virtio_set_bit(&device, VIRTIO_F_VERSION_1);
	__virtio_set_bit(&device, VIRTIO_F_ACCESS_PLATFORM); /* bus addresses, not pointers */
	if (features & LINUX_EVENT_IDX) {
		__virtio_set_bit(&device, VIRTIO_RING_F_EVENT_IDX);
	}
	if (features & LINUX_INDIRECT) {
		__virtio_set_bit(&device, VIRTIO_RING_F_INDIRECT_DESC);
	}
	if (features & LINUX_PACKED) {
		__virtio_set_bit(&device, VIRTIO_F_RING_PACKED);
	}
	__kmalloc_fake = NULL;
	queue = vring_create_virtqueue(0, size, 4096, &device, true, false, false, on_notify,
				       on_call, "pair");
	if (!queue) {
		return false;
	}
	queue->num_max = 32768;
	return true;
}

void linux_driver_stop(void)
{
	vring_del_virtqueue(queue);
	queue = NULL;
}

void linux_driver_parts(uint64_t parts[3], uint32_t *size)
{
	parts[0] = virtqueue_get_desc_addr(queue);
	parts[1] = virtqueue_get_avail_addr(queue);
	parts[2] = virtqueue_get_used_addr(queue);
	*size = virtqueue_get_vring_size(queue);
}

int linux_driver_add(const struct linux_piece *pieces, unsigned int out, unsigned int in,
		     void *cookie, void *table)
{
	static struct scatterlist lists[PIECES_MAX];
	static struct scatterlist *heads[PIECES_MAX];

	for (unsigned int i = 0; i < out + in; i++) {
		sg_init_one(&lists[i], pieces[i].data, pieces[i].size);
		heads[i] = &lists[i];
	}
	__kmalloc_fake = table;
	const int error = virtqueue_add_sgs(queue, heads, out, in, cookie, GFP_ATOMIC);
	__kmalloc_fake = NULL;
	return error;
}

void linux_driver_kick(void)
{
	virtqueue_kick(queue);
}

void *linux_driver_get(uint32_t *written)
{
	unsigned int length = 0;
	void *cookie = virtqueue_get_buf(queue, &length);

	*written = length;
	return cookie;
}

bool linux_driver_enable(bool delayed)
{
	return delayed ? virtqueue_enable_cb_delayed(queue) : virtqueue_enable_cb(queue);
}

void linux_driver_disable(void)
{
	virtqueue_disable_cb(queue);
}

void linux_driver_interrupt(void)
{
	vring_interrupt(0, queue);
}

bool linux_driver_is_broken(void)
{
	return virtqueue_is_broken(queue);
}

int linux_driver_resize(uint32_t size)
{
	return virtqueue_resize(queue, size, on_recycle);
}

/* ---- vringh.c ---- */

static struct vringh ring;
static struct vringh_iov readable_iov, writable_iov;
static struct iovec readable_fast[PIECES_FAST], writable_fast[PIECES_FAST];

static bool get_range(struct vringh *at, u64 address, struct vringh_range *range)
{
	uint64_t left;
	uint8_t *data = arena_pointer(address, &left);

	(void)at;
	if (!data) {
		return false;
	}
	range->start = address;
	range->end_incl = address + left - 1;
	range->offset = (u64)(unsigned long)data - address;
	return true;
}

int linux_device_start(uint32_t size, unsigned int features, void *desc, void *avail, void *used)
{
	const u64 bits = 1ull << VIRTIO_F_VERSION_1 |
			 (features & LINUX_EVENT_IDX ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0) |
			 (features & LINUX_INDIRECT ? 1ull << VIRTIO_RING_F_INDIRECT_DESC : 0);

	vringh_iov_init(&readable_iov, readable_fast, PIECES_FAST);
	vringh_iov_init(&writable_iov, writable_fast, PIECES_FAST);
	return vringh_init_user(&ring, bits, size, true, desc, avail, used);
}

void linux_device_stop(void)
{
	vringh_iov_cleanup(&readable_iov);
	vringh_iov_cleanup(&writable_iov);
}

static size_t size_of(const struct vringh_iov *iov)
{
	size_t size = 0;

	for (unsigned int i = 0; i < iov->used; i++) {
		size += iov->iov[i].iov_len;
	}
	return size;
}

int linux_device_get(uint16_t *head, size_t *readable, size_t *writable)
{
	const int result =
		vringh_getdesc_user(&ring, &readable_iov, &writable_iov, get_range, head);

	*readable = result == 1 ? size_of(&readable_iov) : 0;
	*writable = result == 1 ? size_of(&writable_iov) : 0;
	return result;
}

void *linux_device_first(void)
{
	return readable_iov.used > 0 ? readable_iov.iov[0].iov_base : writable_iov.iov[0].iov_base;
}

long linux_device_pull(void *to, size_t size)
{
	return vringh_iov_pull_user(&readable_iov, to, size);
}

long linux_device_push(const void *from, size_t size)
{
	return vringh_iov_push_user(&writable_iov, from, size);
}

int linux_device_complete(const uint16_t *heads, const uint32_t *written, unsigned int count)
{
	struct vring_used_elem used[16];

	if (count == 1) {
		return vringh_complete_user(&ring, heads[0], written[0]);
	}
	for (unsigned int i = 0; i < count; i++) {
		used[i].id = cpu_to_le32(heads[i]);
		used[i].len = cpu_to_le32(written[i]);
	}
	return vringh_complete_multi_user(&ring, used, count);
}

int linux_device_need_notify(void)
{
	return vringh_need_notify_user(&ring);
}

bool linux_device_enable(void)
{
	return vringh_notify_enable_user(&ring);
}

void linux_device_disable(void)
{
	vringh_notify_disable_user(&ring);
}
