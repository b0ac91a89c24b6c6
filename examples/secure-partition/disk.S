/* SPDX-License-Identifier: BSD-3-Clause */
/* The image DISK_IMAGE, writable, on a page of its own. */
	.section .data
	.balign	4096
	.global disk_start
	.global disk_end
disk_start:
	.incbin DISK_IMAGE
disk_end:
	.section .note.GNU-stack, "", %progbits
