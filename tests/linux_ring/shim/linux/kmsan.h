/* SPDX-License-Identifier: BSD-3-Clause */
/* No memory sanitizer of the kernel here. */
#ifndef VMSG_TESTS_LINUX_KMSAN_H
#define VMSG_TESTS_LINUX_KMSAN_H

#define kmsan_handle_dma(page, offset, size, direction)                                            \
	((void)(page), (void)(offset), (void)(size), (void)(direction))

#endif
