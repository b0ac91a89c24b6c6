/* SPDX-License-Identifier: BSD-3-Clause */
/* What the suite wants to know of its processor, for a process: shadows the AArch64 header of the
 * same name. */
#ifndef VMSG_TESTS_ACS_PAL_ARCH_HELPERS_H
#define VMSG_TESTS_ACS_PAL_ARCH_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pal_cdefs.h"

typedef unsigned long u_register_t;

#define MPID_MASK          0xFFFFFFu
#define TARGET_CPU_ON_MASK 0xFFFFFFu

#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")
#define dsbsy()            __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define sev()                                                                                      \
	do {                                                                                       \
	} while (0)
#define wfe()                                                                                      \
	do {                                                                                       \
	} while (0)

void disable_irq(void);
void enable_irq(void);
void flush_dcache_range(uintptr_t address, size_t size);

#endif
