/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes typed as hex text in tests. */
#ifndef VMSG_TESTS_HEX_H
#define VMSG_TESTS_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/span.h"

/* Turns hex digits (blanks allowed) into bytes; aborts the test program when they are no hex or do
 * not fit. */
size_t hex_to_bytes(const char *hex, uint8_t *bytes, size_t capacity);

/* Fails the test unless `bytes` are exactly those of `hex`. */
void assert_bytes_hex(struct vmsg_bytes bytes, const char *hex);

#endif
