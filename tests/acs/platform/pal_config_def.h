/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration of the suite's own platform, with the one address that cannot be the same for
 * every endpoint: there is one physical map here, and each has its own read-only memory. */
#ifndef VMSG_TESTS_ACS_PAL_CONFIG_DEF_H
#define VMSG_TESTS_ACS_PAL_CONFIG_DEF_H

#include_next "pal_config_def.h"

/* The policy has them, so the suite shall look. */
#undef PLATFORM_PER_VCPU_NOTIFICATION_SUPPORT
#define PLATFORM_PER_VCPU_NOTIFICATION_SUPPORT 1

#undef PLATFORM_MEM_READ_ONLY_BASE
#define PLATFORM_MEM_READ_ONLY_BASE platform_rom

#ifndef __ASSEMBLER__
extern unsigned char *platform_rom;
#endif

#endif
