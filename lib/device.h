/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two files of the device machine share. */
#ifndef VMSG_LIB_DEVICE_H
#define VMSG_LIB_DEVICE_H

#include "virtio_msg_ffa/device.h"

void vmsg_device_stop_queues(struct vmsg_device *device);
void vmsg_device_get_vqueue(const struct vmsg_device *device, uint32_t index,
			    struct vmsg_get_vqueue_response *reply);

/* Any part that cannot be done makes the whole a no-op; the driver learns it from GET_VQUEUE. */
void vmsg_device_set_vqueue(struct vmsg_device *device,
			    const struct vmsg_set_vqueue_request *request);
void vmsg_device_reset_vqueue(struct vmsg_device *device, uint32_t index);

/* EVENT_AVAIL, and what it means for one queue. STATE or RANGE when there is nothing to kick. */
VMSG_MUST_CHECK int vmsg_device_kick(struct vmsg_device *device, uint32_t index);
VMSG_MUST_CHECK int vmsg_device_kick_queue(struct vmsg_device *device, uint32_t index);

#endif
