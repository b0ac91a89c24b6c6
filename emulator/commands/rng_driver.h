/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-rng driver on a session. (virtio: Entropy Device) */
#ifndef VMSG_EMULATOR_RNG_DRIVER_H
#define VMSG_EMULATOR_RNG_DRIVER_H

#include "commands/areas.h"

extern const struct areas_need rng_driver_need;

/* Takes the first rng device and reads `size` random bytes from it. `take` gets them piece by
 * piece; < 0 gives up. 0 or -1, reported. */
int rng_driver_read(struct session *session, uint64_t size,
		    int (*take)(void *context, const uint8_t *data, size_t size), void *context);

#endif
