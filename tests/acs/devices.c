/* SPDX-License-Identifier: BSD-3-Clause */
/* The rest of what the suite asks of a platform: console, heap, processors; and the devices that it
 * knows and that are not here. Tests that need those are in the list of exclusions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform.h"
#include "topology.h"
#include "val_interfaces.h"
#include "val_test_dispatch.h"

uint8_t pal_misc_buffer[256];

#ifndef TARGET_LINUX
uint64_t val_image_load_offset; /* functions are where the linker says */
#endif

uint32_t pal_print_driver(uint8_t c)
{
	return putchar(c) == EOF ? PAL_ERROR : PAL_SUCCESS;
}

void pal_uart_putc_hypcall(char c)
{
	(void)pal_print_driver((uint8_t)c);
}

#if defined(TARGET_LINUX)
uint32_t pal_printf(const char *message, ...)
{
	va_list arguments;

	va_start(arguments, message);
	vprintf(message, arguments);
	va_end(arguments);
	return PAL_SUCCESS;
}

int pal_memcmp(void *first, void *second, size_t size)
{
	return memcmp(first, second, size);
}

void *pal_memcpy(void *to, const void *from, size_t size)
{
	return memcpy(to, from, size);
}

void *pal_memset(void *to, int value, size_t size)
{
	return memset(to, value, size);
}
#else
uint32_t pal_printf(const char *message, uint64_t first, uint64_t second)
{
	printf(message, first, second);
	return PAL_SUCCESS;
}
#endif

/* Also the end of an endpoint that has lost its way: the launcher sees it. */
uint32_t pal_terminate_simulation(void)
{
	fflush(NULL);
	_exit(3);
}

void *pal_get_heap_buffer(void)
{
	_Static_assert(ACS_RAM_SIZE == PLATFORM_HEAP_BUF_SIZE, "RAM is the heap");
	return platform_heap;
}

void *pal_mem_virt_to_phys(void *address)
{
	return address;
}

uint32_t pal_get_no_of_cpus(void)
{
	return PLATFORM_NO_OF_CPUS;
}

uint32_t pal_get_cpuid(uint64_t mpid)
{
	return (uint32_t)mpid;
}

uint64_t pal_get_mpid(uint32_t cpu)
{
	return cpu;
}

uint64_t val_read_mpidr(void)
{
	return 0;
}

uint64_t val_id_aa64mmfr0_el1_read(void)
{
	return 0; /* pages of 4 KiB */
}

uint32_t pal_power_on_cpu(uint64_t mpid)
{
	(void)mpid;
	return PAL_ERROR;
}

uint32_t pal_power_off_cpu(void)
{
	return PAL_ERROR;
}

void pal_secondary_cpu_boot_entry(void)
{
}

void pal_init_spinlock(s_lock_t *lock)
{
	lock->lock = 0;
}

void pal_spin_lock(s_lock_t *lock)
{
	lock->lock = 1; /* one thread */
}

void pal_spin_unlock(s_lock_t *lock)
{
	lock->lock = 0;
}

void val_dataCacheCleanInvalidateVA(uint64_t address)
{
	(void)address;
}

void val_dataCacheCleanVA(uint64_t address)
{
	(void)address;
}

void val_dataCacheInvalidateVA(uint64_t address)
{
	(void)address;
}

void flush_dcache_range(uintptr_t address, size_t size)
{
	(void)address;
	(void)size;
}

/* ---- not here ---- */

uint32_t pal_nvm_read(uint32_t offset, void *buffer, size_t size)
{
	(void)offset;
	(void)buffer;
	(void)size;
	return PAL_ERROR;
}

uint32_t pal_nvm_write(uint32_t offset, void *buffer, size_t size)
{
	return pal_nvm_read(offset, buffer, size);
}

uint32_t pal_watchdog_enable(void)
{
	return PAL_ERROR;
}

uint32_t pal_watchdog_disable(void)
{
	return PAL_ERROR;
}

uint32_t pal_twdog_enable(uint32_t ms)
{
	(void)ms;
	return PAL_ERROR;
}

uint32_t pal_twdog_disable(void)
{
	return PAL_ERROR;
}

void pal_twdog_intr_enable(void)
{
}

void pal_twdog_intr_disable(void)
{
}

void pal_ns_wdog_enable(uint32_t ms)
{
	(void)ms;
}

void pal_ns_wdog_disable(void)
{
}

void pal_ns_wdog_intr_enable(void)
{
}

void pal_ns_wdog_intr_disable(void)
{
}

uint32_t pal_ap_phy_refclk_en(uint32_t us)
{
	(void)us;
	return PAL_ERROR;
}

uint32_t pal_ap_phy_refclk_dis(bool mask)
{
	(void)mask;
	return PAL_ERROR;
}

uint32_t pal_ap_virt_refclk_en(uint32_t us)
{
	return pal_ap_phy_refclk_en(us);
}

uint32_t pal_ap_virt_refclk_dis(bool mask)
{
	return pal_ap_phy_refclk_dis(mask);
}

uint32_t smmuv3_configure_testengine(uint32_t stream, uint64_t source, uint64_t destination,
				     uint64_t size, bool secure)
{
	return pal_smmu_device_configure(stream, source, destination, size, secure);
}

uint32_t pal_smmu_device_configure(uint32_t stream, uint64_t source, uint64_t destination,
				   uint64_t size, bool secure)
{
	(void)stream;
	(void)source;
	(void)destination;
	(void)size;
	(void)secure;
	return PAL_ERROR;
}
