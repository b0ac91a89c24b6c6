/* SPDX-License-Identifier: BSD-3-Clause */
/* What a backend answers control clients: its devices, its counters; and devices that come and go
 * while it runs. */
#ifndef VMSG_EMULATOR_DEVICE_CONTROL_H
#define VMSG_EMULATOR_DEVICE_CONTROL_H

#include "commands/memory_watch.h"
#include "devices/devices.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/pump.h"

struct device_control {
	struct vmsg_emu *emu;
	struct vmsg_device_pump *pump;
	struct memory_watch *memory;
	/* Slot i of the pump holds devices[i]->machine, or nothing where that is NULL. */
	struct emu_device **devices;
	struct vmsg_device_slot *slots;
	size_t capacity;
	const struct vmsg_vq_watch *watch; /* of the queues of devices that come; or NULL */
	uint16_t last_number; /* given out; numbers are not used again until they have all been */
};

/* Answers what has come. Call it when the partition was woken without a message. */
void device_control_serve(struct device_control *control);

#endif
