/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a partition that offers devices: it waits for messages and for what its devices wait
 * for, in one thread. */
#ifndef VMSG_EMULATOR_DEVICE_LOOP_H
#define VMSG_EMULATOR_DEVICE_LOOP_H

#include "commands/device_control.h"
#include "devices/devices.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/pump.h"

#define DEVICE_LOOP_DEVICES_MAX 64

struct device_loop {
	struct vmsg_emu *emu;
	struct vmsg_device_pump *pump;
	struct emu_device **devices; /* entries may be NULL */
	size_t device_count;         /* at most DEVICE_LOOP_DEVICES_MAX */
	const volatile bool *stop;   /* becomes true: leave; checked after each wake */
	struct device_control *control;
	volatile bool *refresh; /* likewise: let the devices look again; becomes false */
};

/* Serves until *stop: 0; or the error that ended it (PEER: the manager is gone or refuses the
 * wait). */
int device_loop_run(struct device_loop *loop);

#endif
