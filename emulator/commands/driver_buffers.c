/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cookie of a chain is its buffer. A buffer is busy from when it is offered until it has come
 * back, and is offered only when it is not. Whether its area is shared, only the session knows.
 */
#include "commands/driver_buffers.h"

#include "commands/report.h"
#include "virtio_msg_ffa/error.h"

#define PAGE_SIZE  4096u
#define NAP_MIN_MS 1

static int over(struct driver_buffers *buffers)
{
	buffers->queue.session->over = true;
	return SESSION_OVER;
}

static bool is_on_demand(const struct driver_buffers *buffers)
{
	const struct session_options *options = &buffers->queue.session->options;

	return options->buffer_count > 0 && buffers->size <= options->buffer_size;
}

static int place_in_pool(struct driver_buffers *buffers, uint32_t count)
{
	struct session *session = buffers->queue.session;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t *data = session_allocate(session, buffers->size, PAGE_SIZE);
		if (!data) {
			report_problem("no room for the buffers of queue %u in the pool",
				       buffers->queue.index);
			return over(buffers);
		}
		buffers->items[buffers->item_count++] =
			(struct driver_buffer){ .data = data, .area = -1 };
	}
	return SESSION_OK;
}

static int place(struct driver_buffers *buffers)
{
	struct session *session = buffers->queue.session;

	if (!is_on_demand(buffers)) {
		return place_in_pool(buffers, buffers->count);
	}
	while (buffers->item_count < buffers->count) {
		const int area = session_take_buffer(session);
		if (area < 0) {
			break; /* the spares must do */
		}
		buffers->items[buffers->item_count++] = (struct driver_buffer){
			.data = session->buffers.items[area].bank.data,
			.area = area,
		};
	}
	return place_in_pool(buffers, DRIVER_SPARES);
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

/* Can the device reach it? Shares its area if need be; OVER when the session fails on the way. */
static int reach(const struct driver_buffers *buffers, const struct driver_buffer *buffer,
		 bool *can_reach)
{
	*can_reach = true;
	return buffer->area < 0 ? SESSION_OK
				: session_share_buffer(buffers->queue.session,
						       (uint32_t)buffer->area, can_reach);
}

static uint64_t address_of(const struct driver_buffers *buffers, const struct driver_buffer *buffer)
{
	const struct session *session = buffers->queue.session;

	return buffer->area < 0 ? session_address(session, buffer->data)
				: session_buffer_address(session, (uint32_t)buffer->area);
}

int driver_buffers_offer(struct driver_buffers *buffers, struct driver_buffer *buffer,
			 uint32_t size)
{
	bool can_reach;
	const int result = reach(buffers, buffer, &can_reach);

	if (result != SESSION_OK || !can_reach) {
		return result;
	}
	const struct vmsg_vq_buffer piece = {
		.address = address_of(buffers, buffer),
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
	buffers->busy++;
	buffers->moved = true;
	return SESSION_OK;
}

int driver_buffers_offer_all(struct driver_buffers *buffers)
{
	struct driver_buffer *buffer;
	int result = SESSION_OK;

	while (result == SESSION_OK && (buffer = driver_buffers_find_free(buffers))) {
		result = driver_buffers_offer(buffers, buffer, buffers->size);
	}
	return buffers->queue.session->over ? SESSION_OVER : result;
}

struct driver_buffer *driver_buffers_find_free(struct driver_buffers *buffers)
{
	bool can_reach = false;

	for (uint32_t i = 0; i < buffers->item_count && buffers->busy < buffers->count; i++) {
		struct driver_buffer *buffer = &buffers->items[i];
		if (!buffer->is_busy && reach(buffers, buffer, &can_reach) != SESSION_OK) {
			return NULL;
		}
		if (!buffer->is_busy && can_reach) {
			return buffer;
		}
	}
	return NULL;
}

bool driver_buffers_may_find(const struct driver_buffers *buffers)
{
	for (uint32_t i = 0; i < buffers->item_count && buffers->busy < buffers->count; i++) {
		const struct driver_buffer *buffer = &buffers->items[i];
		if (!buffer->is_busy &&
		    (buffer->area < 0 ||
		     session_may_share(buffers->queue.session, (uint32_t)buffer->area))) {
			return true;
		}
	}
	return false;
}

int driver_buffers_give_back(struct driver_buffers *buffers)
{
	int result = SESSION_OK;

	for (uint32_t i = 0; i < buffers->item_count && result == SESSION_OK; i++) {
		const struct driver_buffer *buffer = &buffers->items[i];
		if (buffer->area >= 0 && !buffer->is_busy) {
			result = session_return_buffer(buffers->queue.session,
						       (uint32_t)buffer->area);
		}
	}
	return result;
}

bool driver_buffers_are_free(const struct driver_buffers *buffers)
{
	return buffers->busy == 0;
}

/* Nothing is done any more after what came before it has failed. */
static void take_back(void *context, void *cookie, uint32_t written)
{
	struct driver_buffers *buffers = context;
	struct driver_buffer *buffer = cookie;

	buffer->is_busy = false;
	buffers->busy--;
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
	return nap_ms * 2 < DRIVER_NAP_MAX_MS ? nap_ms * 2 : DRIVER_NAP_MAX_MS;
}
