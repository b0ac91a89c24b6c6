/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio-rng driver: one queue of buffers that the device fills, each with at least one byte. */
#include "commands/rng_driver.h"

#include <string.h>

#include "commands/queue_driver.h"
#include "commands/report.h"
#include "devices/names.h"
#include "virtio_msg_ffa/error.h"

#define DEPTH       8u
#define BUFFER_SIZE 4096u

struct rng {
	struct queue_driver queue;
	uint8_t *buffers[DEPTH];
	uint32_t filled[DEPTH];
	uint32_t depth;
	uint32_t in_flight;
};

static int start(struct session *session, void *context)
{
	struct rng *rng = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	queue_driver_close(&rng->queue);
	session_free_all(session);
	session_ring_features(features);
	int result = session_find_device(session, VMSG_VIRTIO_RNG, features);
	if (result != SESSION_OK) {
		return result;
	}
	const uint32_t size_max = session->driver.queues[0].max_size;
	rng->depth = size_max < DEPTH ? 1 : DEPTH;
	result = queue_driver_open(&rng->queue, session, 0, rng->depth);
	for (uint32_t i = 0; i < rng->depth && result == SESSION_OK; i++) {
		rng->buffers[i] = session_allocate(session, BUFFER_SIZE, BUFFER_SIZE);
		if (!rng->buffers[i]) {
			report_problem("no room for random bytes in the pool");
			session->over = true;
			result = SESSION_OVER;
		}
	}
	return result == SESSION_OK ? session_ready(session) : result;
}

static void done(void *context, void *cookie, uint32_t written)
{
	struct rng *rng = context;
	uint8_t *const *buffer = cookie;

	rng->filled[buffer - rng->buffers] = written;
	rng->in_flight--;
}

/* Fills as many buffers as `size` needs; waits for all of them. */
static int fill(struct rng *rng, uint64_t size)
{
	memset(rng->filled, 0, sizeof(rng->filled));
	for (uint32_t i = 0; i < rng->depth && size > 0; i++) {
		const uint32_t length = (uint32_t)(size < BUFFER_SIZE ? size : BUFFER_SIZE);
		const struct vmsg_vq_buffer buffer = {
			.address = session_address(rng->queue.session, rng->buffers[i]),
			.length = length,
			.write = true,
		};
		const int error =
			vmsg_vq_driver_add(&rng->queue.ring, &buffer, 1, &rng->buffers[i]);
		if (error < 0) {
			report_problem("a buffer does not go into the queue: %s",
				       vmsg_error_text(error));
			return SESSION_OVER;
		}
		rng->in_flight++;
		size -= length;
	}
	while (rng->in_flight > 0) {
		if (queue_driver_run(&rng->queue, true, done, rng) != SESSION_OK) {
			return SESSION_OVER;
		}
	}
	return SESSION_OK;
}

static int read_all(struct rng *rng, uint64_t size,
		    int (*take)(void *context, const uint8_t *data, size_t size), void *context)
{
	while (size > 0) {
		uint64_t got = 0;
		if (fill(rng, size) != SESSION_OK) {
			return -1;
		}
		for (uint32_t i = 0; i < rng->depth; i++) {
			got += rng->filled[i];
			if (take(context, rng->buffers[i], rng->filled[i]) < 0) {
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
	struct rng rng = { .depth = 0 };
	int result = -1;

	if (session_retry(session, start, &rng) == SESSION_OK) {
		result = read_all(&rng, size, take, context);
	}
	queue_driver_close(&rng.queue);
	return result;
}
