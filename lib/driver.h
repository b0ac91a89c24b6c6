/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two files of the driver machine share. */
#ifndef VMSG_LIB_DRIVER_H
#define VMSG_LIB_DRIVER_H

#include "virtio_msg_ffa/driver.h"

/* The driver's own bits once features are agreed. What the device reports is never written back. */
#define VMSG_DRIVER_AGREED (VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK)

/* Which answer is awaited. */
enum vmsg_driver_step {
	STEP_NONE,
	/* the start, in this order */
	STEP_INFO,
	STEP_START_RESET,
	STEP_ACKNOWLEDGE,
	STEP_DRIVER,
	STEP_GET_FEATURES,
	STEP_SET_FEATURES,
	STEP_FEATURES_OK,
	STEP_QUEUES,
	/* operations */
	STEP_SET_QUEUE,
	STEP_CONFIRM_QUEUE,
	STEP_RESET_QUEUE,
	STEP_DRIVER_OK,
	STEP_READ_CONFIG,
	STEP_WRITE_CONFIG,
	STEP_SHM,
	STEP_RESET,
	STEP_GIVE_UP, /* the driver has failed, and tells the device; whatever it answers */
};

/* Makes an event due. */
void vmsg_driver_tell(struct vmsg_driver *driver, enum vmsg_driver_event_kind kind);

/* Makes a request of `type` and `step` the one in flight; its body is the caller's to fill. */
struct vmsg_message *vmsg_driver_ask(struct vmsg_driver *driver, enum vmsg_driver_step step,
				     enum vmsg_type type);
void vmsg_driver_ask_status(struct vmsg_driver *driver, enum vmsg_driver_step step, uint8_t status);

/* SET_VQUEUE with the layout of queue `index`. */
void vmsg_driver_ask_queue_setup(struct vmsg_driver *driver, uint32_t index);

/* The next piece of a config read: what is left, as far as one message carries it. */
void vmsg_driver_ask_config(struct vmsg_driver *driver);

/* One answer to what was asked; < 0 fails the driver. */
VMSG_MUST_CHECK int vmsg_driver_take_answer(struct vmsg_driver *driver,
					    const struct vmsg_message *in);

#endif
