/* SPDX-License-Identifier: BSD-3-Clause */
/* The cookie of a chain is its buffer. A buffer is busy from when it is offered until it has come
 * back, and is offered only when it is not. */
#include "commands/driver_buffers.h"

#include "commands/report.h"
#include "virtio_msg_ffa/error.h"

#define PAGE_SIZE  4096u
#define NAP_MIN_MS 1
#define NAP_MAX_MS 20

static int over(struct driver_buffers *buffers)
{
	buffers->queue.session->over = true;
	return SESSION_OVER;
}

static int place(struct driver_buffers *buffers)
{
	for (uint32_t i = 0; i < buffers->count; i++) {
		buffers->items[i] = (struct driver_buffer){
			.data = session_allocate(buffers->queue.session, buffers->size, PAGE_SIZE),
		};
		if (!buffers->items[i].data) {
			report_problem("no room for the buffers of queue %u in the pool",
				       buffers->queue.index);
			return over(buffers);
		}
	}
	return SESSION_OK;
}

int driver_buffers_open(struct driver_buffers *buffers, struct session *session,
			const struct driver_buffers_plan *plan)
{
	*buffers = (struct driver_buffers){
		.count = plan->count,
		.size = plan->size,
		.device_writes = plan->device_writes,
	};
	const int result = queue_driver_open(&buffers->queue, session, plan->index, plan->count);

	return result == SESSION_OK ? place(buffers) : result;
}

void driver_buffers_close(struct driver_buffers *buffers)
{
	queue_driver_close(&buffers->queue);
}

int driver_buffers_offer(struct driver_buffers *buffers, struct driver_buffer *buffer,
			 uint32_t size)
{
	const struct vmsg_vq_buffer piece = {
		.address = session_address(buffers->queue.session, buffer->data),
		.length = size,
		.write = buffers->device_writes,
	};
	const int error = vmsg_vq_driver_add(&buffers->queue.ring, &piece, 1, buffer);

	if (error < 0) {
		report_problem("a buffer does not go into queue %u: %s", buffers->queue.index,
			       vmsg_error_text(error));
		return over(buffers);
	}
	buffer->is_busy = true;
	buffers->moved = true;
	return SESSION_OK;
}

int driver_buffers_offer_all(struct driver_buffers *buffers)
{
	int result = SESSION_OK;

	for (uint32_t i = 0; i < buffers->count && result == SESSION_OK; i++) {
		if (!buffers->items[i].is_busy) {
			result = driver_buffers_offer(buffers, &buffers->items[i], buffers->size);
		}
	}
	return result;
}

struct driver_buffer *driver_buffers_find_free(struct driver_buffers *buffers)
{
	for (uint32_t i = 0; i < buffers->count; i++) {
		if (!buffers->items[i].is_busy) {
			return &buffers->items[i];
		}
	}
	return NULL;
}

bool driver_buffers_are_free(const struct driver_buffers *buffers)
{
	for (uint32_t i = 0; i < buffers->count; i++) {
		if (buffers->items[i].is_busy) {
			return false;
		}
	}
	return true;
}

/* Nothing is done any more after what came before it has failed. */
static void take_back(void *context, void *cookie, uint32_t written)
{
	struct driver_buffers *buffers = context;
	struct driver_buffer *buffer = cookie;

	buffer->is_busy = false;
	buffer->written = written;
	buffers->moved = true;
	if (buffers->done && buffers->result == SESSION_OK) {
		buffers->result = buffers->done(buffers->context, buffer);
	}
}

int driver_buffers_run(struct driver_buffers *buffers, bool must_wait,
		       int (*done)(void *context, struct driver_buffer *buffer), void *context)
{
	buffers->done = done;
	buffers->context = context;
	buffers->result = SESSION_OK;
	const int result = queue_driver_run(&buffers->queue, must_wait, take_back, buffers);

	return result == SESSION_OK ? buffers->result : result;
}

int driver_buffers_nap(int nap_ms, bool moved)
{
	if (moved || nap_ms == 0) {
		return NAP_MIN_MS;
	}
	return nap_ms * 2 < NAP_MAX_MS ? nap_ms * 2 : NAP_MAX_MS;
}
