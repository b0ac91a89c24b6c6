/* SPDX-License-Identifier: BSD-3-Clause */
/* FF-A calls as text: registers in hex from x0 on, trailing zeros left out. */
#ifndef VMSG_TESTS_REGS_TEXT_H
#define VMSG_TESTS_REGS_TEXT_H

#include "virtio_msg_ffa/ffa.h"

#define REGS_TEXT_SIZE 512

void regs_to_text(const struct vmsg_ffa_regs *regs, char text[REGS_TEXT_SIZE]);
/* Aborts the test program when the text is not hex or has too many registers. */
void regs_from_text(const char *text, struct vmsg_ffa_regs *regs);

#endif
