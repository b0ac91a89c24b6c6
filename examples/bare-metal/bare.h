/* SPDX-License-Identifier: BSD-3-Clause */
/* What an image without an operating system has: an SMC, a counter, a way to print, a way out. */
#ifndef EXAMPLES_BARE_METAL_BARE_H
#define EXAMPLES_BARE_METAL_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/endpoint.h"
#include "virtio_msg_ffa/error.h"

/* One SMC: x0..x17 in and out (start.S). */
void bare_smc(uint64_t registers[VMSG_FFA_REGISTERS]);

/* One HVC: Hafnium's own calls, which are none of FF-A (start.S). */
uint64_t bare_hvc(uint64_t function);

/* Reads a word; false when that is a fault at EL1 (start.S). */
bool bare_probe(uint64_t address, uint64_t *word);

/* Ends the machine; QEMU exits with `status`. */
_Noreturn void bare_exit(int status);

/* Prints through the PL011 of the normal world, or through FFA_CONSOLE_LOG where an image has no
 * UART of its own (bare_console chooses). */
enum bare_console { BARE_UART, BARE_FFA_LOG };
void bare_set_console(enum bare_console console);
void bare_print(const char *text);
void bare_print_hex(uint64_t value);

/* Nanoseconds since some moment, from the generic timer. */
uint64_t bare_now(void);

/*
 * The conduit of an image whose stage 1 is an identity map of all RAM it may ever retrieve: a call
 * is an SMC, mapping a region is checking that its ranges lie in normal RAM.
 */
struct vmsg_conduit bare_conduit(void);

/* The same for a partition of Hafnium, which wants to be told that an interrupt was seen. */
struct vmsg_conduit bare_conduit_hafnium(void);

/* Identity map: the first gigabyte as secure or device memory, RAM from 0x40000000 (start.S). */
void bare_mmu_on(void);

#endif
