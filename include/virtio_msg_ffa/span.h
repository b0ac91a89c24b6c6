/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of bytes that somebody else owns. */
#ifndef VIRTIO_MSG_FFA_SPAN_H
#define VIRTIO_MSG_FFA_SPAN_H

#include <stddef.h>
#include <stdint.h>

/* Writable view. `data` may be NULL only if `size` is 0. */
struct vmsg_span {
	uint8_t *data;
	size_t size;
};

/* Read-only view. `data` may be NULL only if `size` is 0. */
struct vmsg_bytes {
	const uint8_t *data;
	size_t size;
};

#endif
