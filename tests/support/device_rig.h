/* SPDX-License-Identifier: BSD-3-Clause */
/* A sample device on a bench: its machine brought up by messages, real rings in memory of the test,
 * and what it waits for outside them. One at a time. */
#ifndef VMSG_TEST_SUPPORT_DEVICE_RIG_H
#define VMSG_TEST_SUPPORT_DEVICE_RIG_H

#include "devices/devices.h"

#define RIG_QUEUES      16u
#define RIG_QUEUE_SIZE  16u
#define RIG_BUFFER_SIZE 4096u
#define RIG_BUFFERS     64u

struct device_rig {
	struct emu_device *device;
	struct vmsg_vq_driver rings[RIG_QUEUES];
};

/* Opens the device and negotiates; `features` are those of block 0 and 1, VERSION_1 is added.
 * Fails the test when the device does not want them. */
void rig_open(struct device_rig *rig, const char *text, uint32_t features0, uint32_t features1);
/* Sets up a queue of RIG_QUEUE_SIZE entries; all before rig_run(). */
void rig_queue(struct device_rig *rig, uint32_t index);
/* DRIVER_OK. */
void rig_run(struct device_rig *rig);
void rig_close(struct device_rig *rig);

/* Buffer `n`, RIG_BUFFER_SIZE bytes. */
uint8_t *rig_buffer(uint32_t n);

/* Offers `readable` bytes of buffer n and then `writable` bytes of buffer n + 1 (each may be 0),
 * without a kick. */
void rig_add(struct device_rig *rig, uint32_t index, uint32_t n, uint32_t readable,
	     uint32_t writable);
void rig_kick(struct device_rig *rig, uint32_t index);
/* Waits (bounded) until the device has used a chain; the buffer number given to rig_add. */
uint32_t rig_await(struct device_rig *rig, uint32_t index, uint32_t *written);
/* Does what is due and what has arrived. */
void rig_work(struct device_rig *rig);
/* The same; true when the device has used a chain. */
bool rig_poll(struct device_rig *rig, uint32_t index, uint32_t *n, uint32_t *written);

/* Number of `size` bytes of the config space. */
uint64_t rig_config(struct device_rig *rig, uint32_t offset, uint32_t size);
/* False when the device refuses. */
bool rig_write_config(struct device_rig *rig, uint32_t offset, const void *data, uint32_t size);
/* Removes the queues and the features; then another driver may negotiate. */
void rig_reset(struct device_rig *rig);
void rig_negotiate(struct device_rig *rig, uint32_t features0, uint32_t features1);
/* False when the device refuses. */
bool rig_try_negotiate(struct device_rig *rig, uint32_t features0, uint32_t features1);
/* Of the one area that driver and device share. */
uint64_t rig_ram_size(void);
/* The same with all the blocks that a device has. */
void rig_negotiate_all(struct device_rig *rig, const uint32_t features[4]);

/* A message of the driver's, which the device takes, and what it answers. */
void rig_send(struct device_rig *rig, enum vmsg_type type, struct vmsg_message *message,
	      struct vmsg_message *reply);

#endif
