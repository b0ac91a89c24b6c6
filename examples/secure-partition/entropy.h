/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-rng on a source of 64-bit words that the platform gives. */
#ifndef EXAMPLES_SECURE_PARTITION_ENTROPY_H
#define EXAMPLES_SECURE_PARTITION_ENTROPY_H

#include "virtio_msg_ffa/device.h"

struct entropy {
	struct vmsg_device device;
	struct vmsg_device_info info;
	uint64_t (*word)(void *context);
	void *context;
};

/* Serves words of `word` as device `dev_num`. Must not move afterwards. */
int entropy_init(struct entropy *entropy, uint16_t dev_num, uint64_t (*word)(void *context),
		 void *context);

#endif
