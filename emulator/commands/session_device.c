/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driving one device of a session: each step starts an operation of the driver machine and waits
 * for its event. A step that is LATE leaves the machine FAILED; the whole sequence is then begun
 * anew by session_retry().
 */
#include "commands/session.h"

#include <string.h>

#include "commands/report.h"
#include "devices/names.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define ROUND_SLEEP_NS UINT64_C(1000000)

static int report_failed(struct session *session, const struct vmsg_driver_event *event)
{
	if (event->error == VMSG_ERROR_TIMEOUT) {
		return session_report_late(session, vmsg_type_name(event->type));
	}
	if (event->error == VMSG_ERROR_AGAIN) {
		return session_report_busy(session, event->type == VMSG_GET_CONFIG
							    ? "GET_CONFIG, or changes its config,"
							    : vmsg_type_name(event->type));
	}
	report_problem("device %u of partition 0x%04x fails at %s: %s",
		       session->driver.options.dev_num, session->peer, vmsg_type_name(event->type),
		       vmsg_error_text(event->error));
	session->over = true;
	return SESSION_OVER;
}

bool session_event(struct session *session, struct vmsg_driver_event *event)
{
	const bool is_one = vmsg_driver_event(&session->driver, event);

	session->is_changed |= is_one && event->kind == VMSG_DRIVER_EVENT_CONFIG_CHANGED;
	session->needs_reset |= is_one && event->kind == VMSG_DRIVER_EVENT_NEEDS_RESET;
	return is_one;
}

void session_take_driver_events(struct session *session)
{
	struct vmsg_driver_event event;

	while (session_event(session, &event)) {
	}
}

/* The event that ends an operation. With `failure` a failure of the machine ends it too. */
static int await(struct session *session, enum vmsg_driver_event_kind kind,
		 struct vmsg_driver_event *event, int *failure)
{
	for (;;) {
		const int result = session_run(session);
		while (session_event(session, event)) {
			if (event->kind == kind) {
				return SESSION_OK;
			}
			if (event->kind == VMSG_DRIVER_EVENT_FAILED && failure) {
				*failure = event->error;
				return result;
			}
			if (event->kind == VMSG_DRIVER_EVENT_FAILED) {
				return result == SESSION_OK ? report_failed(session, event)
							    : result;
			}
		}
		if (result == SESSION_OVER) {
			return result;
		}
		session_sleep(session, ROUND_SLEEP_NS);
	}
}

/* What starting an operation returned, and how it ends. */
static int finish(struct session *session, int error, enum vmsg_driver_event_kind kind,
		  struct vmsg_driver_event *event)
{
	if (error == 0) {
		return await(session, kind, event, NULL);
	}
	report_problem("device %u of partition 0x%04x: %s", session->driver.options.dev_num,
		       session->peer, vmsg_error_text(error));
	session->over = true;
	return SESSION_OVER;
}

static int started(struct session *session, int error, enum vmsg_driver_event_kind kind)
{
	struct vmsg_driver_event event;

	return finish(session, error, kind, &event);
}

void session_ring_features(uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	static const unsigned int bits[] = { VMSG_F_INDIRECT_DESC, VMSG_F_EVENT_IDX,
					     VMSG_F_VERSION_1, VMSG_F_ACCESS_PLATFORM };

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		features[bits[i] / 32] |= 1u << bits[i] % 32;
	}
}

int session_reset_device(struct session *session)
{
	if (!session->drivers[0] || session->driver.state == VMSG_DRIVER_IDLE) {
		return SESSION_OK;
	}
	return started(session, vmsg_driver_reset(&session->driver, report_now()),
		       VMSG_DRIVER_EVENT_RESET_DONE);
}

int session_start_device(struct session *session, uint16_t number,
			 const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	struct vmsg_driver_options options = {
		.profile = session->bus.profile,
		.dev_num = number,
		.frame_size_max = vmsg_bus_frame_size_max(&session->bus),
		.transport_features = session->bus.transport_features,
		.request_timeout_ns = session->options.timeout_ns,
		.config_buffer = session->config,
		.config_buffer_size = sizeof(session->config),
	};

	int result = session_reset_device(session);
	if (result != SESSION_OK) {
		return result;
	}
	session->is_changed = false;
	session->needs_reset = false;
	memcpy(options.features, features, sizeof(options.features));
	int error = vmsg_driver_init(&session->driver, &options);
	if (error == 0) {
		session->drivers[0] = &session->driver;
		error = vmsg_driver_start(&session->driver, report_now());
	}
	result = started(session, error, VMSG_DRIVER_EVENT_CONFIGURABLE);
	return result == SESSION_OK ? session_read_config(session) : result;
}

/* ---- config ---- */

/* Bytes of it that we have room for. */
static uint32_t config_size(const struct session *session)
{
	const uint32_t size = session->driver.info.config_size;

	return size < sizeof(session->config) ? size : (uint32_t)sizeof(session->config);
}

int session_read_config(struct session *session)
{
	const uint32_t size = config_size(session);

	memset(session->config, 0, sizeof(session->config));
	return size == 0 ? SESSION_OK
			 : started(session,
				   vmsg_driver_read_config(&session->driver, report_now(), 0, size),
				   VMSG_DRIVER_EVENT_CONFIG);
}

int session_try_config(struct session *session, int *error)
{
	struct vmsg_driver_event event;

	memset(session->config, 0, sizeof(session->config));
	*error = vmsg_driver_read_config(&session->driver, report_now(), 0, config_size(session));
	return *error == 0 ? await(session, VMSG_DRIVER_EVENT_CONFIG, &event, error) : SESSION_OK;
}

int session_write_config(struct session *session, uint32_t offset, struct vmsg_bytes data,
			 bool *is_refused)
{
	struct vmsg_driver_event event = { .error = 0 };
	const int error = vmsg_driver_write_config(&session->driver, report_now(), offset, data);

	*is_refused = error == VMSG_ERROR_RANGE;
	if (*is_refused) {
		return SESSION_OK;
	}
	const int result = finish(session, error, VMSG_DRIVER_EVENT_CONFIG_WRITTEN, &event);
	*is_refused = result == SESSION_OK && event.error < 0;
	return result;
}

/* ---- what a device has ---- */

int session_get_region(struct session *session, uint32_t shmid, uint64_t *length, uint64_t *address)
{
	struct vmsg_driver_event event = { .shm_length = 0 };
	const int result =
		finish(session, vmsg_driver_get_shm(&session->driver, report_now(), shmid),
		       VMSG_DRIVER_EVENT_SHM, &event);

	*length = event.shm_length;
	*address = event.shm_address;
	return result;
}

int session_reset_queue(struct session *session, uint32_t index)
{
	return started(session, vmsg_driver_reset_queue(&session->driver, report_now(), index),
		       VMSG_DRIVER_EVENT_QUEUE_RESET);
}

int session_await_device(struct session *session, bool *flag, const char *what)
{
	const uint64_t end_ns = report_now() + session->options.timeout_ns;

	for (;;) {
		const int result = session_run(session);
		session_take_driver_events(session);
		if (*flag || result == SESSION_OVER) {
			*flag = false;
			return result;
		}
		if (report_now() >= end_ns) {
			report_problem("device %u of partition 0x%04x does not tell of %s",
				       session->driver.options.dev_num, session->peer, what);
			session->over = true;
			return SESSION_OVER;
		}
		session_sleep(session, ROUND_SLEEP_NS);
	}
}

/* ---- queues ---- */

int session_setup_queue(struct session *session, uint32_t index,
			const struct vmsg_vq_layout *layout)
{
	return started(session,
		       vmsg_driver_setup_queue(&session->driver, report_now(), index, layout),
		       VMSG_DRIVER_EVENT_QUEUE_READY);
}

int session_ready(struct session *session)
{
	return started(session, vmsg_driver_ready(&session->driver, report_now()),
		       VMSG_DRIVER_EVENT_RUNNING);
}

int session_find_device(struct session *session, uint32_t device_id,
			const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	const char *name = vmsg_virtio_device_name(device_id);

	for (size_t i = 0; i < SESSION_DEVICES_MAX; i++) {
		if (!session->devices[i].present) {
			continue;
		}
		const int result =
			session_start_device(session, session->devices[i].number, features);
		if (result != SESSION_OK || session->driver.info.device_id == device_id) {
			return result;
		}
	}
	report_problem("partition 0x%04x has no %s device that is free", session->peer,
		       name ? name : "such");
	session->over = true;
	return SESSION_OVER;
}

uint64_t session_config(const struct session *session, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	if (offset + size > session->driver.info.config_size ||
	    offset + size > sizeof(session->config)) {
		return 0;
	}
	while (size-- > 0) {
		value = value << 8 | session->config[offset + size];
	}
	return value;
}
