/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts of an endpoint: those that the manager sends (NPI, SRI), taken after each call. There
 * are no others: timers and watchdogs of the suite's platform do not exist here. */
#include <time.h>

#include "platform.h"
#include "val_interfaces.h"

#define INTERRUPTS 64
#define NONE       UINT32_MAX

static handler_irq_t handlers[INTERRUPTS];
static uint64_t enabled;
static uint64_t pending;

static uint64_t bit_of(unsigned int number)
{
	return number < INTERRUPTS ? UINT64_C(1) << number : 0;
}

void platform_take_interrupts(void)
{
	pending |= vmsg_emu_interrupts(platform_emu);
	for (unsigned int i = 0; i < INTERRUPTS; i++) {
		if ((pending & enabled & bit_of(i)) && handlers[i]) {
			pending &= ~bit_of(i);
			(void)handlers[i](NULL);
		}
	}
}

void pal_irq_setup(void)
{
}

int pal_irq_handler_dispatcher(void)
{
	platform_take_interrupts();
	return 0;
}

void pal_irq_enable(unsigned int number, uint8_t priority)
{
	(void)priority;
	enabled |= bit_of(number);
	platform_take_interrupts();
}

void pal_irq_disable(unsigned int number)
{
	enabled &= ~bit_of(number);
}

int pal_irq_register_handler(unsigned int number, handler_irq_t handler)
{
	if (number >= INTERRUPTS || handlers[number]) {
		return -1;
	}
	handlers[number] = handler;
	pending &= ~bit_of(number); /* of an earlier test */
	return 0;
}

int pal_irq_unregister_handler(unsigned int number)
{
	if (number >= INTERRUPTS || !handlers[number]) {
		return -1;
	}
	handlers[number] = NULL;
	return 0;
}

void pal_secure_intr_enable(uint32_t number, enum interrupt_pin pin)
{
	(void)pin;
	pal_irq_enable(number, 0);
}

void pal_secure_intr_disable(uint32_t number, enum interrupt_pin pin)
{
	(void)pin;
	pal_irq_disable(number);
}

int64_t spm_interrupt_enable(uint32_t number, bool enable, enum interrupt_pin pin)
{
	if (enable) {
		pal_secure_intr_enable(number, pin);
	} else {
		pal_secure_intr_disable(number, pin);
	}
	return 0;
}

uint32_t spm_interrupt_get(void)
{
	pending |= vmsg_emu_interrupts(platform_emu);
	for (unsigned int i = 0; i < INTERRUPTS; i++) {
		if (pending & bit_of(i)) {
			pending &= ~bit_of(i);
			return i;
		}
	}
	return NONE;
}

int64_t spm_interrupt_deactivate(uint32_t number)
{
	pending &= ~bit_of(number);
	return 0;
}

void disable_irq(void)
{
}

void enable_irq(void)
{
}

uint64_t pal_sleep(uint32_t ms)
{
	const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&time, NULL);
	platform_take_interrupts();
	return 0;
}

void sp_sleep(uint64_t ms)
{
	(void)pal_sleep((uint32_t)ms);
}
