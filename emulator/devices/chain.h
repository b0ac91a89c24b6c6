/* SPDX-License-Identifier: BSD-3-Clause */
/* What devices do with a chain: see its pieces as I/O vectors, copy bytes out of it and into it. */
#ifndef VMSG_EMULATOR_DEVICES_CHAIN_H
#define VMSG_EMULATOR_DEVICES_CHAIN_H

#include <sys/uio.h>

#include "virtio_msg_ffa/virtqueue.h"

/*
 * The device-readable (or, with `write`, the writable) part of a chain as vectors: `size` bytes
 * from `skip` on, less where the chain is shorter. `vectors` has room for the chain's count.
 * Returns how many.
 */
int chain_vectors(const struct vmsg_vq_chain *chain, bool write, uint64_t skip, uint64_t size,
		  struct iovec *vectors);

/* Copies at most `size` readable bytes, from `skip` on, out of a chain; returns how many. */
size_t chain_read(const struct vmsg_vq_chain *chain, uint64_t skip, void *to, size_t size);

/* Copies at most `size` bytes into the writable part, from `skip` on; returns how many. */
size_t chain_write(const struct vmsg_vq_chain *chain, uint64_t skip, const void *from, size_t size);

/* Little-endian numbers of `size` bytes: 1, 2, 4 or 8. */
uint64_t load_le(const uint8_t *at, size_t size);
void store_le(uint8_t *at, uint64_t value, size_t size);

#endif
