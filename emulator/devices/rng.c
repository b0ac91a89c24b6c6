/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-rng: fills what the driver offers with the kernel's random bytes. (virtio: Entropy Device)
 */
#include "devices/devices.h"
#include "devices/settings.h"
#include "virtio_msg_ffa/proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define QUEUE_SIZE_MAX 64u
/* each of which may straddle an edge between segments of an area */
#define PIECES_MAX (QUEUE_SIZE_MAX * 2)
#define CHAINS_MAX 64     /* served in one go */
#define ANSWER_MAX 65536u /* bytes for one chain: a driver cannot keep us busy with a huge one */

struct rng {
	struct emu_device base;
};

/* Random bytes written, from the first piece on. */
static uint32_t fill(const struct vmsg_vq_chain *chain)
{
	uint32_t written = 0;

	for (uint32_t i = chain->readable_count; i < chain->count && written < ANSWER_MAX; i++) {
		const struct vmsg_span span = chain->pieces[i].span;
		const size_t wanted =
			span.size < ANSWER_MAX - written ? span.size : ANSWER_MAX - written;
		const ssize_t got = getrandom(span.data, wanted, 0);
		if (got < 0) {
			break;
		}
		written += (uint32_t)got;
		if ((size_t)got < span.size) {
			break;
		}
	}
	return written;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct rng *rng = context;
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };
	int served = 0;

	do {
		vmsg_vq_device_disable_notify(queue);
		for (;;) {
			chain.capacity = PIECES_MAX;
			if (served == CHAINS_MAX || vmsg_vq_device_pop(queue, &chain) != 1) {
				break;
			}
			rng->base.requests++;
			rng->base.errors += chain.readable_size != 0;
			if (vmsg_vq_device_push(queue, chain.head, fill(&chain)) < 0) {
				break;
			}
			served++;
		}
	} while (vmsg_vq_device_enable_notify(queue) && served < CHAINS_MAX);
	if (served == CHAINS_MAX) {
		vmsg_device_kick_later(&rng->base.machine, index);
	}
	vmsg_device_notify(&rng->base.machine, index);
}

static void rng_close(struct emu_device *device)
{
	free(device);
}

static const struct vmsg_device_ops ops = { .kick = kick };

struct emu_device *rng_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	if (device_settings("rng", options, NULL, 0, why, why_size) < 0) {
		return NULL;
	}
	struct rng *rng = calloc(1, sizeof(*rng));
	if (!rng) {
		(void)snprintf(why, why_size, "--device rng: out of memory");
		return NULL;
	}
	rng->base.kind = "rng";
	rng->base.fd = -1;
	rng->base.close = rng_close;
	rng->base.info = (struct vmsg_device_info){
		.device_id = DEVICE_TYPE_RNG,
		.vendor_id = DEVICE_VENDOR_ID,
		.features = { 0, 1u << (VMSG_F_IN_ORDER - 32) },
		.queue_count = 1,
		.queue_size_max = QUEUE_SIZE_MAX,
	};
	if (vmsg_device_init(&rng->base.machine, dev_num, &rng->base.info, &ops, rng) < 0) {
		(void)snprintf(why, why_size, "--device rng: cannot be set up");
		free(rng);
		return NULL;
	}
	return &rng->base;
}
