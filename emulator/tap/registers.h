/* SPDX-License-Identifier: BSD-3-Clause */
/* What the registers of FF-A calls are called: one table, which text, dissector and documents
 * share. */
#ifndef VMSG_EMULATOR_TAP_REGISTERS_H
#define VMSG_EMULATOR_TAP_REGISTERS_H

#include "virtio_msg_ffa/ffa.h"

enum tap_register_form {
	TAP_NUMBER,     /* `bits` bits of one register, from `bit` on */
	TAP_STATUS,     /* the same, a signed enum vmsg_ffa_status */
	TAP_CALL_ID,    /* the same, a function id, or the id of a feature */
	TAP_HALVES,     /* 64 bits: the low halves of two registers, the lower first */
	TAP_UUID,       /* the bytes of two registers, in text order */
	TAP_UUID_WORDS, /* the low halves of four registers, in text order */
	TAP_BYTES,      /* all from this register on */
};

/* A named part of the registers that x0 tells the meaning of. */
struct tap_register {
	uint8_t call;   /* enum vmsg_ffa_call_number */
	bool is_answer; /* of FFA_SUCCESS in answer to `call` */
	uint8_t form;
	uint8_t first; /* register */
	uint8_t bit;
	uint8_t bits;
	const char *name;
};

/* All of them, those of a call in a row; NULL beyond the last. */
const struct tap_register *tap_register(size_t index);

/* Part `index` of a call, or of FFA_SUCCESS in answer to it; NULL beyond the last. */
const struct tap_register *tap_register_of(uint32_t function_id, bool is_answer, size_t index);

/* Value of a number, a status, an id or of halves; 0 of the others. */
uint64_t tap_register_number(const struct tap_register *part, const struct vmsg_ffa_regs *regs);

#endif
