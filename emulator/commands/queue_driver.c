/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One virtqueue from the driver's side. The device does its work inside the kick as a rule, so the
 * ring is looked at after every message and EVENT_USED is declined; only before going to sleep is
 * it asked for.
 */
#include "commands/queue_driver.h"

#include <stdlib.h>

#include "commands/report.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define PAGE_SIZE  4096u
#define NAP_MIN_NS UINT64_C(50000)
#define NAP_MAX_NS UINT64_C(5000000)

static int over(const struct queue_driver *queue)
{
	queue->session->over = true;
	return SESSION_OVER;
}

static int place(struct queue_driver *queue, uint32_t size)
{
	struct session *session = queue->session;
	uint8_t *desc = session_allocate(session, vmsg_vq_desc_size(size), 16);
	uint8_t *driver = session_allocate(session, vmsg_vq_driver_size(size), 2);
	/* The device writes here and nowhere near. */
	uint8_t *device = session_allocate(session, vmsg_vq_device_size(size), PAGE_SIZE);

	queue->slots = calloc(size, sizeof(*queue->slots));
	if (!desc || !driver || !device || !queue->slots) {
		return VMSG_ERROR_NO_SPACE;
	}
	queue->layout = (struct vmsg_vq_layout){
		.size = size,
		.event_idx = vmsg_driver_has_feature(&session->driver, VMSG_F_EVENT_IDX),
		.indirect = vmsg_driver_has_feature(&session->driver, VMSG_F_INDIRECT_DESC),
		.packed = vmsg_driver_has_feature(&session->driver, VMSG_F_RING_PACKED),
		.desc_addr = session_address(session, desc),
		.driver_addr = session_address(session, driver),
		.device_addr = session_address(session, device),
		.index = queue->index,
		.watch = session->contract ? contract_watch(session->contract) : NULL,
	};
	return vmsg_vq_driver_start(&queue->ring, &session->memory, &queue->layout, queue->slots);
}

/* Has the device such a queue, and of that size? */
static bool exists(const struct vmsg_driver *driver, uint32_t index, uint32_t size)
{
	return index < driver->info.max_virtqueues && index < VMSG_DEVICE_QUEUES_MAX &&
	       size <= driver->queues[index].max_size;
}

int queue_driver_open(struct queue_driver *queue, struct session *session, uint32_t index,
		      uint32_t size)
{
	*queue = (struct queue_driver){ .session = session, .index = index, .nap_ns = NAP_MIN_NS };
	if (!exists(&session->driver, index, size)) {
		report_problem("device %u has no queue %u of %u entries",
			       session->driver.options.dev_num, index, size);
		return over(queue);
	}
	const int error = place(queue, size);
	if (error < 0) {
		free(queue->slots);
		queue->slots = NULL;
		report_problem("queue %u cannot have %u entries: %s", index, size,
			       vmsg_error_text(error));
		return over(queue);
	}
	vmsg_vq_driver_disable_notify(&queue->ring);
	return session_setup_queue(session, index, &queue->layout);
}

void queue_driver_close(struct queue_driver *queue)
{
	if (queue->slots) {
		vmsg_vq_driver_stop(&queue->ring);
		free(queue->slots);
		queue->slots = NULL;
	}
}

int queue_driver_reset(struct queue_driver *queue)
{
	struct session *session = queue->session;
	const int result = session_reset_queue(session, queue->index);

	if (result != SESSION_OK) {
		return result;
	}
	vmsg_vq_driver_stop(&queue->ring);
	const int error =
		vmsg_vq_driver_start(&queue->ring, &session->memory, &queue->layout, queue->slots);
	if (error < 0) {
		report_problem("queue %u does not start again: %s", queue->index,
			       vmsg_error_text(error));
		return over(queue);
	}
	queue->must_kick = false;
	vmsg_vq_driver_disable_notify(&queue->ring);
	return session_setup_queue(session, queue->index, &queue->layout);
}

static int check_events(const struct queue_driver *queue)
{
	struct vmsg_driver_event event;

	while (session_event(queue->session, &event)) {
		if (event.kind == VMSG_DRIVER_EVENT_NEEDS_RESET) {
			report_problem("device %u has failed and wants a reset",
				       queue->session->driver.options.dev_num);
			return over(queue);
		}
	}
	return SESSION_OK;
}

/* Kicks and sends. A kick that timed out may or may not have come through, so the next one is not
 * left to the ring's opinion. */
static int kick(struct queue_driver *queue)
{
	struct session *session = queue->session;

	if (vmsg_vq_driver_should_kick(&queue->ring) || queue->must_kick) {
		(void)!vmsg_driver_kick(&session->driver, queue->index, 0); /* it is ready */
	}
	const int result = session_run(session);
	queue->must_kick = result == SESSION_LATE;
	return result == SESSION_OVER ? result : check_events(queue);
}

/* Sleeps a while, the longer the more often, then has events asked for in the next round. */
static int nap(struct queue_driver *queue)
{
	struct session *session = queue->session;
	const uint64_t now_ns = report_now();

	if (vmsg_vq_driver_enable_notify(&queue->ring)) {
		vmsg_vq_driver_disable_notify(&queue->ring);
		return SESSION_OK;
	}
	if (queue->idle_since_ns == 0) {
		queue->idle_since_ns = now_ns;
	} else if (now_ns - queue->idle_since_ns >= session->options.timeout_ns) {
		queue->idle_since_ns = now_ns;
		queue->must_kick = true;
		if (session_report_late(session, "a request") == SESSION_OVER) {
			return SESSION_OVER;
		}
	}
	session_sleep(session, queue->nap_ns);
	queue->nap_ns = queue->nap_ns * 2 < NAP_MAX_NS ? queue->nap_ns * 2 : NAP_MAX_NS;
	(void)!vmsg_bus_poll(&session->bus, report_now()); /* refused while one is under way */
	vmsg_vq_driver_disable_notify(&queue->ring);
	return SESSION_OK;
}

int queue_driver_run(struct queue_driver *queue, bool must_wait,
		     void (*done)(void *context, void *cookie, uint32_t written), void *context)
{
	unsigned int count = 0;
	uint32_t written;
	void *cookie;
	int result;

	if (kick(queue) != SESSION_OK) {
		return SESSION_OVER;
	}
	while ((result = vmsg_vq_driver_reap(&queue->ring, &cookie, &written)) == 1) {
		done(context, cookie, written);
		count++;
	}
	if (result < 0) {
		report_problem("device %u returns what it never got: queue %u is broken",
			       queue->session->driver.options.dev_num, queue->index);
		return over(queue);
	}
	if (count > 0) {
		session_is_alive(queue->session);
		queue->nap_ns = NAP_MIN_NS;
		queue->idle_since_ns = 0;
		return SESSION_OK;
	}
	return must_wait && !queue->must_kick ? nap(queue) : SESSION_OK;
}
