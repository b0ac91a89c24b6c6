/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of a chain, however many pieces they lie in. */
#include "devices/chain.h"

#include <string.h>

/* The next stretch of a walk over `pieces`: false at the end. `*skip` and `*size` count down. */
static bool next_stretch(const struct vmsg_vq_piece **piece, const struct vmsg_vq_piece *end,
			 uint64_t *skip, uint64_t *size, struct iovec *stretch)
{
	while (*piece < end && *skip >= (*piece)->span.size) {
		*skip -= (*piece)->span.size;
		(*piece)++;
	}
	if (*piece == end || *size == 0) {
		return false;
	}
	const uint64_t left = (*piece)->span.size - *skip;
	stretch->iov_base = (*piece)->span.data + *skip;
	stretch->iov_len = (size_t)(left < *size ? left : *size);
	*size -= stretch->iov_len;
	*skip = 0;
	(*piece)++;
	return true;
}

static const struct vmsg_vq_piece *part(const struct vmsg_vq_chain *chain, bool write,
					const struct vmsg_vq_piece **end)
{
	*end = chain->pieces + (write ? chain->count : chain->readable_count);
	return chain->pieces + (write ? chain->readable_count : 0);
}

int chain_vectors(const struct vmsg_vq_chain *chain, bool write, uint64_t skip, uint64_t size,
		  struct iovec *vectors)
{
	const struct vmsg_vq_piece *end;
	const struct vmsg_vq_piece *piece = part(chain, write, &end);
	int count = 0;

	while (next_stretch(&piece, end, &skip, &size, &vectors[count])) {
		count++;
	}
	return count;
}

static size_t copy(const struct vmsg_vq_chain *chain, bool write, uint64_t skip, uint8_t *local,
		   size_t size)
{
	const struct vmsg_vq_piece *end;
	const struct vmsg_vq_piece *piece = part(chain, write, &end);
	struct iovec stretch;
	uint64_t left = size;
	size_t done = 0;

	while (next_stretch(&piece, end, &skip, &left, &stretch)) {
		if (write) {
			memcpy(stretch.iov_base, local + done, stretch.iov_len);
		} else {
			memcpy(local + done, stretch.iov_base, stretch.iov_len);
		}
		done += stretch.iov_len;
	}
	return done;
}

size_t chain_read(const struct vmsg_vq_chain *chain, uint64_t skip, void *to, size_t size)
{
	return copy(chain, false, skip, to, size);
}

size_t chain_write(const struct vmsg_vq_chain *chain, uint64_t skip, const void *from, size_t size)
{
	return copy(chain, true, skip, (uint8_t *)(uintptr_t)from, size);
}

uint64_t load_le(const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	while (size-- > 0) {
		value = value << 8 | at[size];
	}
	return value;
}

void store_le(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}
