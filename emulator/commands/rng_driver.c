/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-rng driver: one queue of buffers that the device fills, each with at least one byte. */
#include "commands/rng_driver.h"

#include "commands/driver_buffers.h"
#include "commands/report.h"
#include "devices/names.h"

#define DEPTH       8u
#define BUFFER_SIZE 4096u

const struct areas_need rng_driver_need = {
	.pool_size = DRIVER_BUFFERS_POOL(DEPTH, BUFFER_SIZE),
	.pool_size_demand = DRIVER_BUFFERS_POOL(DRIVER_SPARES, BUFFER_SIZE),
	.buffer_count = DEPTH,
	.buffer_size = BUFFER_SIZE,
};

struct rng {
	struct driver_buffers buffers;
};

static int start(struct session *session, void *context)
{
	struct rng *rng = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	driver_buffers_close(&rng->buffers);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_RNG, features);
	if (result == SESSION_OK) {
		const struct driver_buffers_plan plan = {
			.count = session->driver.queues[0].max_size < DEPTH ? 1 : DEPTH,
			.size = BUFFER_SIZE,
			.device_writes = true,
		};
		result = driver_buffers_open(&rng->buffers, session, &plan);
	}
	return result == SESSION_OK ? session_ready(session) : result;
}

/* Has as many buffers filled as `size` needs and there are; waits for all of them. Those that were
 * not asked for count as filled with nothing. */
static int fill(struct rng *rng, uint64_t size)
{
	struct driver_buffers *buffers = &rng->buffers;
	struct driver_buffer *buffer;
	int result = SESSION_OK;

	for (uint32_t i = 0; i < buffers->item_count; i++) {
		buffers->items[i].written = 0;
	}
	while (size > 0 && result == SESSION_OK && (buffer = driver_buffers_find_free(buffers))) {
		const uint32_t length = (uint32_t)(size < BUFFER_SIZE ? size : BUFFER_SIZE);
		result = driver_buffers_offer(buffers, buffer, length);
		size -= length;
	}
	while (result == SESSION_OK && !driver_buffers_are_free(buffers)) {
		result = driver_buffers_run(buffers, true, NULL, NULL);
	}
	return buffers->queue.session->over ? SESSION_OVER : result;
}

static int read_all(struct rng *rng, uint64_t size,
		    int (*take)(void *context, const uint8_t *data, size_t size), void *context)
{
	while (size > 0) {
		uint64_t got = 0;
		if (fill(rng, size) != SESSION_OK) {
			return -1;
		}
		for (uint32_t i = 0; i < rng->buffers.item_count; i++) {
			const struct driver_buffer *buffer = &rng->buffers.items[i];
			got += buffer->written;
			if (take(context, buffer->data, buffer->written) < 0) {
				return -1;
			}
		}
		if (got == 0) {
			report_problem("the rng device returns empty buffers");
			return -1;
		}
		size -= got;
	}
	return 0;
}

int rng_driver_read(struct session *session, uint64_t size,
		    int (*take)(void *context, const uint8_t *data, size_t size), void *context)
{
	struct rng rng = { .buffers = { .count = 0 } };
	int result = -1;

	if (session_retry(session, start, &rng) == SESSION_OK) {
		result = read_all(&rng, size, take, context);
	}
	if (result == 0 && driver_buffers_give_back(&rng.buffers) != SESSION_OK) {
		result = -1;
	}
	driver_buffers_close(&rng.buffers);
	return result;
}
