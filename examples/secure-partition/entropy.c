/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-rng: fills whatever the driver offers. */
#include "entropy.h"

#define RNG_DEVICE_ID 4u
#define PIECES_MAX    8u

static uint32_t fill(struct entropy *entropy, const struct vmsg_vq_chain *chain)
{
	uint32_t written = 0;

	for (uint32_t i = chain->readable_count; i < chain->count; i++) {
		const struct vmsg_span span = chain->pieces[i].span;
		uint64_t word = 0;
		for (size_t at = 0; at < span.size; at++) {
			word = at % 8 == 0 ? entropy->word(entropy->context) : word >> 8;
			span.data[at] = (uint8_t)word;
		}
		written += (uint32_t)span.size;
	}
	return written;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct entropy *entropy = context;
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = PIECES_MAX };

	while (vmsg_vq_device_pop(queue, &chain) == 1) {
		if (vmsg_vq_device_push(queue, chain.head, fill(entropy, &chain)) < 0) {
			return;
		}
		chain.capacity = PIECES_MAX;
	}
	vmsg_device_notify(&entropy->device, index);
}

static const struct vmsg_device_ops ops = { .kick = kick };

int entropy_init(struct entropy *entropy, uint16_t dev_num, uint64_t (*word)(void *context),
		 void *context)
{
	*entropy = (struct entropy){
		.word = word,
		.context = context,
		.info = {
			.device_id = RNG_DEVICE_ID,
			.vendor_id = 0x1af4,
			.queue_count = 1,
			.queue_size_max = 16,
		},
	};
	return vmsg_device_init(&entropy->device, dev_num, &entropy->info, &ops, entropy);
}
