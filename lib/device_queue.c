/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queues of the back-end machine. A queue is not configured, configured, or enabled; only an
 * enabled one has its ring mapped. (wire-revisions 3.3)
 */
#include "device.h"

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#include "port.h"

#define KICK_ALL         0xffffu /* vq_index of EVENT_AVAIL */
#define SET_VQUEUE_KNOWN 0x3fu
#define SET_VQUEUE_IGNORE_ALL                                                                      \
	(VMSG_SET_VQUEUE_IGNORE_SIZE | VMSG_SET_VQUEUE_IGNORE_DESC |                               \
	 VMSG_SET_VQUEUE_IGNORE_DRIVER | VMSG_SET_VQUEUE_IGNORE_DEVICE)

static void stop_queue(struct vmsg_device *device, uint32_t index)
{
	struct vmsg_device_queue *queue = &device->queues[index];

	if (queue->enabled) {
		if (device->ops->queue_stop) {
			device->ops->queue_stop(device->context, index);
		}
		vmsg_vq_device_stop(&queue->ring);
	}
	*queue = (struct vmsg_device_queue){ .enabled = false };
	device->used_events &= ~(1u << index);
	device->again &= ~(1u << index);
}

void vmsg_device_stop_queues(struct vmsg_device *device)
{
	for (uint32_t i = 0; i < device->info->queue_count; i++) {
		stop_queue(device, i);
	}
}

void vmsg_device_get_vqueue(const struct vmsg_device *device, uint32_t index,
			    struct vmsg_get_vqueue_response *reply)
{
	*reply = (struct vmsg_get_vqueue_response){ .index = index };
	if (index >= device->info->queue_count) {
		return;
	}
	const struct vmsg_device_queue *queue = &device->queues[index];
	reply->max_size = device->info->queue_size_max;
	reply->cur_size = queue->layout.size;
	reply->flags = queue->enabled ? VMSG_VQUEUE_ENABLED : 0;
	reply->desc_addr = queue->layout.desc_addr;
	reply->driver_addr = queue->layout.driver_addr;
	reply->device_addr = queue->layout.device_addr;
}

/* The layout that the request asks for, on top of what is configured. */
static struct vmsg_vq_layout wanted_layout(const struct vmsg_device *device,
					   const struct vmsg_set_vqueue_request *request,
					   uint32_t flags)
{
	struct vmsg_vq_layout layout = device->queues[request->index].layout;

	layout.event_idx = vmsg_device_has_feature(device, VMSG_F_EVENT_IDX);
	layout.indirect = vmsg_device_has_feature(device, VMSG_F_INDIRECT_DESC);
	layout.packed = vmsg_device_has_feature(device, VMSG_F_RING_PACKED);
	layout.in_order = vmsg_device_has_feature(device, VMSG_F_IN_ORDER);
	layout.index = request->index;
	layout.watch = device->watch;
	if (!(flags & VMSG_SET_VQUEUE_IGNORE_SIZE)) {
		layout.size = request->size;
	}
	if (!(flags & VMSG_SET_VQUEUE_IGNORE_DESC)) {
		layout.desc_addr = request->desc_addr;
	}
	if (!(flags & VMSG_SET_VQUEUE_IGNORE_DRIVER)) {
		layout.driver_addr = request->driver_addr;
	}
	if (!(flags & VMSG_SET_VQUEUE_IGNORE_DEVICE)) {
		layout.device_addr = request->device_addr;
	}
	return layout;
}

static void enable(struct vmsg_device *device, uint32_t index, const struct vmsg_vq_layout *layout)
{
	struct vmsg_device_queue *queue = &device->queues[index];
	struct vmsg_vq_device ring;

	if (vmsg_vq_device_start(&ring, device->memory, layout) < 0) {
		return;
	}
	queue->ring = ring;
	if (device->ops->queue_start &&
	    device->ops->queue_start(device->context, index, &queue->ring) < 0) {
		vmsg_vq_device_stop(&queue->ring);
		return;
	}
	queue->layout = *layout;
	queue->enabled = true;
	if (!device->info->has_foreign_rings) {
		/* the first buffer must be told: nobody looks at the ring until then */
		(void)vmsg_vq_device_enable_notify(&queue->ring);
	}
}

/* Flags as r3 has them; before it, a SET_VQUEUE is the enable. */
static uint32_t flags_of(const struct vmsg_device *device,
			 const struct vmsg_set_vqueue_request *request)
{
	return device->profile->has_queue_flags ? request->flags : VMSG_SET_VQUEUE_ENABLE;
}

/* What cannot be done is a no-op with the usual answer (O24); operation 0 keeps a queue disabled
 * (O8). */
void vmsg_device_set_vqueue(struct vmsg_device *device,
			    const struct vmsg_set_vqueue_request *request)
{
	const uint32_t flags = flags_of(device, request);
	const uint32_t operation = flags & VMSG_SET_VQUEUE_OPERATION_MASK;

	if (request->index >= device->info->queue_count || request->reserved ||
	    flags & ~SET_VQUEUE_KNOWN || operation == VMSG_SET_VQUEUE_OPERATION_MASK ||
	    !(device->status & VMSG_STATUS_FEATURES_OK) || device->resetting) {
		return;
	}
	struct vmsg_device_queue *queue = &device->queues[request->index];
	if (queue->enabled) {
		return; /* can neither change nor be disabled; to enable it again is nothing */
	}
	const struct vmsg_vq_layout layout = wanted_layout(device, request, flags);
	const bool sizes_queue = !(flags & VMSG_SET_VQUEUE_IGNORE_SIZE);
	if (sizes_queue && (layout.size == 0 || layout.size > device->info->queue_size_max ||
			    (!layout.packed && layout.size & (layout.size - 1)))) {
		return;
	}
	if (operation == VMSG_SET_VQUEUE_ENABLE) {
		enable(device, request->index, &layout);
	} else if ((flags & SET_VQUEUE_IGNORE_ALL) != SET_VQUEUE_IGNORE_ALL) {
		queue->layout = layout;
	}
}

void vmsg_device_reset_vqueue(struct vmsg_device *device, uint32_t index)
{
	if (index < device->info->queue_count &&
	    vmsg_device_has_feature(device, VMSG_F_RING_RESET)) {
		stop_queue(device, index);
	}
}

/* EVENT_AVAIL for all queues at once: r0 had it, and some r1 drivers say it by mistake (Q8). */
static bool means_all(const struct vmsg_device *device, uint32_t index)
{
	return device->profile->has_kick_all
		       ? index == KICK_ALL || index == UINT32_MAX
		       : !device->profile->has_token && (index & KICK_ALL) == KICK_ALL &&
				 device->quirks &
					 VMSG_QUIRK_BIT(VMSG_QUIRK_LINUX_RFC1_NOTIFICATION_DATA);
}

int vmsg_device_kick(struct vmsg_device *device, uint32_t index)
{
	int error = VMSG_ERROR_STATE;

	if (!means_all(device, index)) {
		return vmsg_device_kick_queue(device, index);
	}
	for (uint32_t i = 0; i < device->info->queue_count; i++) {
		error = vmsg_device_kick_queue(device, i) == 0 ? 0 : error;
	}
	return error;
}

int vmsg_device_kick_queue(struct vmsg_device *device, uint32_t index)
{
	if (index >= device->info->queue_count) {
		return VMSG_ERROR_RANGE;
	}
	struct vmsg_device_queue *queue = &device->queues[index];
	if (!(device->status & VMSG_STATUS_DRIVER_OK) ||
	    device->status & (VMSG_STATUS_NEEDS_RESET | VMSG_STATUS_FAILED) || !queue->enabled) {
		return VMSG_ERROR_STATE;
	}
	device->ops->kick(device->context, index, &queue->ring);
	if (queue->ring.vq.broken) {
		vmsg_device_needs_reset(device);
	}
	return 0;
}

void vmsg_device_notify(struct vmsg_device *device, uint32_t index)
{
	VMSG_ASSERT(index < device->info->queue_count);
	struct vmsg_device_queue *queue = &device->queues[index];

	if (queue->enabled &&
	    (device->info->has_foreign_rings || vmsg_vq_device_should_notify(&queue->ring))) {
		device->coalesced += device->used_events >> index & 1u;
		device->used_events |= 1u << index;
	}
	if (queue->enabled && queue->ring.vq.broken) {
		vmsg_device_needs_reset(device);
	}
}

void vmsg_device_kick_later(struct vmsg_device *device, uint32_t index)
{
	VMSG_ASSERT(index < device->info->queue_count);
	device->again |= 1u << index;
}
