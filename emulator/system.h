/* SPDX-License-Identifier: BSD-3-Clause */
/* The built-in system: who may be there when nobody says otherwise. */
#ifndef VMSG_EMULATOR_SYSTEM_H
#define VMSG_EMULATOR_SYSTEM_H

#include <stddef.h>

#include "spmc/spmc.h"

/* VMs 0x0001 to 0x0003, then SPs 0x8001 and 0x8002. Each may be a virtio-msg driver and a device.
 */
extern const struct spmc_partition_config vmsg_system_builtin[];
extern const size_t vmsg_system_builtin_count;

/* Where the policy has a physical normal world: that, with id 0, and the same SPs. */
extern const struct spmc_partition_config vmsg_system_physical[];
extern const size_t vmsg_system_physical_count;

#endif
