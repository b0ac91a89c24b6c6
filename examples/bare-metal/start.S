/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entry of a bare-metal AArch64 image (EL1 or EL2, MMU off, no stack): stack, .bss, vectors, MMU,
 * then main(). Also the SMC with all 18 registers, and the way out through semihosting.
 */
	.section .text.start, "ax"
	.global _start
_start:
	adrp	x1, bare_stack_top
	add	x1, x1, :lo12:bare_stack_top
	mov	sp, x1
	adrp	x1, bare_bss_start
	add	x1, x1, :lo12:bare_bss_start
	adrp	x2, bare_bss_end
	add	x2, x2, :lo12:bare_bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b
2:	adr	x1, bare_vectors
	mrs	x2, CurrentEL
	cmp	x2, #(2 << 2)
	b.eq	3f
	msr	vbar_el1, x1
	b	4f
3:	msr	vbar_el2, x1
4:	isb
	bl	bare_mmu_on
	bl	main
	bl	bare_exit

	.text
/* void bare_smc(uint64_t registers[18]) */
	.global bare_smc
bare_smc:
	stp	x29, x30, [sp, #-32]!
	str	x19, [sp, #16]
	mov	x19, x0
	ldp	x0, x1, [x19]
	ldp	x2, x3, [x19, #16]
	ldp	x4, x5, [x19, #32]
	ldp	x6, x7, [x19, #48]
	ldp	x8, x9, [x19, #64]
	ldp	x10, x11, [x19, #80]
	ldp	x12, x13, [x19, #96]
	ldp	x14, x15, [x19, #112]
	ldp	x16, x17, [x19, #128]
	smc	#0
	stp	x0, x1, [x19]
	stp	x2, x3, [x19, #16]
	stp	x4, x5, [x19, #32]
	stp	x6, x7, [x19, #48]
	stp	x8, x9, [x19, #64]
	stp	x10, x11, [x19, #80]
	stp	x12, x13, [x19, #96]
	stp	x14, x15, [x19, #112]
	stp	x16, x17, [x19, #128]
	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
	ret

/* uint64_t bare_hvc(uint64_t function) */
	.global bare_hvc
bare_hvc:
	hvc	#0
	ret

/* void bare_semihosting(uint64_t operation, void *parameters) */
	.global bare_semihosting
bare_semihosting:
	hlt	#0xf000
	ret

/* bool bare_probe(uint64_t address, uint64_t *word) */
	.global bare_probe
bare_probe:
	adr	x2, 1f
	adrp	x3, bare_resume
	str	x2, [x3, :lo12:bare_resume]
	ldr	x4, [x0]
	str	xzr, [x3, :lo12:bare_resume]
	str	x4, [x1]
	mov	w0, #1
	ret
1:	mov	w0, #0
	ret

/* Where bare_probe() goes on when its load faults; 0: nobody expects an exception. */
	.bss
	.balign	8
bare_resume:
	.skip	8
	.text

/* Every other exception ends the run: the images handle none. */
	.macro	vector
	.balign	0x80
	b	bare_vector
	.endm
	.balign	0x800
bare_vectors:
	.rept	16
	vector
	.endr
bare_vector:
	adrp	x3, bare_resume
	ldr	x2, [x3, :lo12:bare_resume]
	cbz	x2, 2f
	str	xzr, [x3, :lo12:bare_resume]
	msr	elr_el1, x2
	eret
2:	mrs	x3, CurrentEL
	cmp	x3, #(2 << 2)
	b.eq	1f
	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	b	bare_exception
1:	mrs	x0, esr_el2
	mrs	x1, elr_el2
	mrs	x2, far_el2
	b	bare_exception

	.section .note.GNU-stack, "", %progbits
