/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device waits for outside its queues: each descriptor belongs to a queue, which is kicked
 * when the descriptor is ready. So everything a device does happens in its kick.
 */
#ifndef VMSG_EMULATOR_DEVICES_WATCH_H
#define VMSG_EMULATOR_DEVICES_WATCH_H

#include "devices/devices.h"

/* Gives the device a descriptor to wait for. 0, or -1 with errno. */
int watch_open(struct emu_device *device);
void watch_close(struct emu_device *device);

/* Kicks queue `index` once when `fd` can be read (or written). Arming it again before that changes
 * nothing; a descriptor that is always ready (a regular file) is not watched. */
void watch_arm(struct emu_device *device, int fd, bool write, uint32_t index);

/* Never again, before `fd` is closed. */
void watch_forget(struct emu_device *device, int fd);

/* Is `fd` ready now? */
bool watch_is_ready(int fd, bool write);

#endif
