/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAKE2b with digests of 16 bytes (RFC 7693): what `b2sum -l 128 FILE` prints. */
#ifndef VMSG_EMULATOR_BLAKE2B_H
#define VMSG_EMULATOR_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2B_DIGEST_SIZE 16
#define BLAKE2B_BLOCK_SIZE  128

struct blake2b {
	uint64_t state[8];
	uint64_t size; /* bytes compressed so far */
	size_t filled; /* bytes of `block` */
	uint8_t block[BLAKE2B_BLOCK_SIZE];
};

void blake2b_init(struct blake2b *hash);
void blake2b_add(struct blake2b *hash, const uint8_t *data, size_t size);
void blake2b_finish(struct blake2b *hash, uint8_t digest[BLAKE2B_DIGEST_SIZE]);

/* As hexadecimal text. */
#define BLAKE2B_TEXT_SIZE (2 * BLAKE2B_DIGEST_SIZE + 1)
void blake2b_format(const uint8_t digest[BLAKE2B_DIGEST_SIZE], char text[BLAKE2B_TEXT_SIZE]);

#endif
