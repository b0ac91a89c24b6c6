/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAKE2b (RFC 7693), unkeyed. Chosen because coreutils can check it and it keeps up with the data.
 * The last block is kept back, full or not, because it is compressed with another flag. */
#include "commands/blake2b.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 12

/* RFC 7693 section 2.6 */
static const uint64_t initial[8] = {
	UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
	UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
	UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

/* RFC 7693 section 2.7; rounds 10 and 11 repeat the first two */
static const uint8_t schedule[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static inline uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value >> bits | value << (64 - bits);
}

static inline void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
	v[a] = v[a] + v[b] + x;
	v[d] = rotate(v[d] ^ v[a], 32);
	v[c] = v[c] + v[d];
	v[b] = rotate(v[b] ^ v[c], 24);
	v[a] = v[a] + v[b] + y;
	v[d] = rotate(v[d] ^ v[a], 16);
	v[c] = v[c] + v[d];
	v[b] = rotate(v[b] ^ v[c], 63);
}

static void compress(struct blake2b *hash, const uint8_t *block, size_t size, uint64_t last)
{
	uint64_t m[16];
	uint64_t v[16];

	hash->size += size;
	for (int i = 0; i < 16; i++) {
		memcpy(&m[i], block + (size_t)i * 8, 8);
		m[i] = le64toh(m[i]);
	}
	memcpy(v, hash->state, sizeof(hash->state));
	memcpy(v + 8, initial, sizeof(initial));
	v[12] ^= hash->size;
	v[14] ^= last;
	for (int round = 0; round < ROUNDS; round++) {
		const uint8_t *s = schedule[round % 10];
		mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
		mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
		mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
		mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
		mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
		mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
		mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
		mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
	}
	for (int i = 0; i < 8; i++) {
		hash->state[i] ^= v[i] ^ v[i + 8];
	}
}

void blake2b_init(struct blake2b *hash)
{
	*hash = (struct blake2b){ .size = 0 };
	memcpy(hash->state, initial, sizeof(initial));
	hash->state[0] ^= 0x01010000u ^ BLAKE2B_DIGEST_SIZE;
}

void blake2b_add(struct blake2b *hash, const uint8_t *data, size_t size)
{
	const size_t room = BLAKE2B_BLOCK_SIZE - hash->filled;

	if (size > room) {
		memcpy(hash->block + hash->filled, data, room);
		compress(hash, hash->block, BLAKE2B_BLOCK_SIZE, 0);
		hash->filled = 0;
		data += room;
		size -= room;
		while (size > BLAKE2B_BLOCK_SIZE) {
			compress(hash, data, BLAKE2B_BLOCK_SIZE, 0);
			data += BLAKE2B_BLOCK_SIZE;
			size -= BLAKE2B_BLOCK_SIZE;
		}
	}
	memcpy(hash->block + hash->filled, data, size);
	hash->filled += size;
}

void blake2b_finish(struct blake2b *hash, uint8_t digest[BLAKE2B_DIGEST_SIZE])
{
	memset(hash->block + hash->filled, 0, BLAKE2B_BLOCK_SIZE - hash->filled);
	compress(hash, hash->block, hash->filled, UINT64_MAX);
	for (size_t i = 0; i < BLAKE2B_DIGEST_SIZE; i++) {
		digest[i] = (uint8_t)(hash->state[i / 8] >> 8 * (i % 8));
	}
}

void blake2b_format(const uint8_t digest[BLAKE2B_DIGEST_SIZE], char text[BLAKE2B_TEXT_SIZE])
{
	for (size_t i = 0; i < BLAKE2B_DIGEST_SIZE; i++) {
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	}
}
