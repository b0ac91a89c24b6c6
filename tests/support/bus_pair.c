/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/bus_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/hex.h"

#define STEPS_MAX 100000

static void note(struct bus_end *end, const char *format, int a, const char *text)
{
	const size_t used = strlen(end->log);

	snprintf(end->log + used, sizeof(end->log) - used, used ? " " : "%s", "");
	const size_t at = strlen(end->log);
	if (text) {
		snprintf(end->log + at, sizeof(end->log) - at, format, text, a);
	} else {
		snprintf(end->log + at, sizeof(end->log) - at, format, a);
	}
}

static void init_end(struct bus_end *end, enum vmsg_bus_role role,
		     const struct vmsg_profile *profile)
{
	const struct vmsg_bus_options options = {
		.role = role,
		.profile = profile,
		.ffa_version = 0x10002,
		.bus_features = role == VMSG_BUS_DRIVER
					? VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX
					: VMSG_BUS_FEATURE_DIRECT_RX,
		.max_areas = PAIR_AREAS,
		.request_timeout_ns = 1000000000,
		.memory = &end->memory,
		.devices = end->devices,
		.device_capacity = PAIR_DEVICES,
	};

	vmsg_memory_init(&end->memory, end->areas, PAIR_AREAS, 48);
	assert_int_equal(vmsg_bus_init(&end->bus, &options), 0);
}

void pair_open(struct bus_pair *pair, const struct vmsg_profile *driver,
	       const struct vmsg_profile *device)
{
	memset(pair, 0, sizeof(*pair));
	init_end(&pair->driver, VMSG_BUS_DRIVER, driver);
	init_end(&pair->device, VMSG_BUS_DEVICE, device);
}

/* ---- one end ---- */

static void note_event(struct bus_end *end, const struct vmsg_bus_event *event)
{
	switch (event->kind) {
	case VMSG_BUS_EVENT_UP:
		note(end, "up", 0, NULL);
		break;
	case VMSG_BUS_EVENT_FAILED:
		note(end, "down", 0, NULL);
		break;
	case VMSG_BUS_EVENT_RESET:
		note(end, "reset", 0, NULL);
		break;
	case VMSG_BUS_EVENT_MESSAGE:
		note(end, "%s@%d", event->dev_num, vmsg_type_name(event->type));
		end->last = *event;
		break;
	case VMSG_BUS_EVENT_REQUEST_FAILED:
		note(end, "lost %s@%d", event->dev_num, vmsg_type_name(event->type));
		end->last = *event;
		break;
	case VMSG_BUS_EVENT_DEVICE_ADDED:
		note(end, "+%d", event->dev_num, NULL);
		break;
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
		note(end, "-%d", event->dev_num, NULL);
		break;
	case VMSG_BUS_EVENT_AREA_READY:
		note(end, "ready %d", event->area_id, NULL);
		break;
	case VMSG_BUS_EVENT_AREA_REFUSED:
		note(end, "refused %d", event->area_id, NULL);
		break;
	case VMSG_BUS_EVENT_QUIRK:
		note(end, event->allowed ? "quirk %d on" : "quirk %d off", (int)event->quirk, NULL);
		break;
	case VMSG_BUS_EVENT_AREA_GONE:
		note(end, event->error ? "lost %d" : "gone %d", event->area_id, NULL);
		break;
	case VMSG_BUS_EVENT_POLLED:
		note(end, "polled", 0, NULL);
		break;
	}
}

static void act(struct bus_pair *pair, struct bus_end *end, const struct vmsg_bus_output *output)
{
	static const char *const names[] = {
		[VMSG_BUS_RETRIEVE] = "retrieve %d",
		[VMSG_BUS_RELINQUISH] = "relinquish %d",
		[VMSG_BUS_RECLAIM] = "reclaim %d",
	};
	const struct vmsg_segment segment = { pair->ram, (uint64_t)output->pages * 4096 };

	note(end, names[output->kind], output->area_id, NULL);
	vmsg_bus_complete(&end->bus, pair->now_ns, end->result,
			  output->kind == VMSG_BUS_RETRIEVE && end->result >= 0 ? &segment : NULL,
			  1);
}

/* A device that has every answer: status 0x5a, everything else empty. */
static void serve_message(struct bus_pair *pair, const struct vmsg_bus_event *event)
{
	struct vmsg_message answer = { .header = event->message.header };

	if (pair->is_silent || event->message.header.kind == VMSG_EVENT) {
		return;
	}
	answer.header.kind = VMSG_RESPONSE;
	answer.body.get_device_status_response.status = 0x5a;
	assert_int_equal(vmsg_bus_send(&pair->device.bus, pair->now_ns, &answer), 0);
}

/* Everything the device has to do; its frame, if it has one, goes to `answer`. */
static bool run_device(struct bus_pair *pair, uint8_t answer[VMSG_FRAME_SIZE_MAX])
{
	struct bus_end *end = &pair->device;
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;
	bool answered = false;

	for (int step = 0; step < STEPS_MAX; step++) {
		if (vmsg_bus_event(&end->bus, &event)) {
			note_event(end, &event);
			if (event.kind == VMSG_BUS_EVENT_MESSAGE) {
				serve_message(pair, &event);
			} else if (event.kind == VMSG_BUS_EVENT_POLLED && pair->has_event) {
				pair->has_event = false;
				assert_int_equal(
					vmsg_bus_send(&end->bus, pair->now_ns, &pair->event), 0);
			}
		} else if (vmsg_bus_output(&end->bus, &output)) {
			if (output.kind != VMSG_BUS_SEND) {
				act(pair, end, &output);
				continue;
			}
			assert_false(answered); /* one answer to one frame */
			answered = true;
			memcpy(answer, output.frame.data, output.frame.size);
		} else {
			return answered;
		}
	}
	fail_msg("the device's session never rests");
	return false;
}

void pair_raw(struct bus_pair *pair, struct vmsg_bytes frame, uint8_t answer[VMSG_FRAME_SIZE_MAX])
{
	uint8_t padded[VMSG_FRAME_SIZE_MAX] = { 0 };
	const struct vmsg_bytes whole = { padded, sizeof(padded) };

	assert_true(frame.size <= sizeof(padded));
	memcpy(padded, frame.data, frame.size);
	memset(answer, 0, VMSG_FRAME_SIZE_MAX);
	const int error = vmsg_bus_input(&pair->device.bus, pair->now_ns, whole);
	assert_int_not_equal(error, VMSG_ERROR_AGAIN);
	if (!run_device(pair, answer)) {
		(void)vmsg_bus_null_reply(&pair->device.bus, whole, answer);
	}
}

void pair_run(struct bus_pair *pair)
{
	struct bus_end *end = &pair->driver;
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;
	uint8_t answer[VMSG_FRAME_SIZE_MAX];

	for (int step = 0; step < STEPS_MAX; step++) {
		if (vmsg_bus_event(&end->bus, &event)) {
			note_event(end, &event);
		} else if (!vmsg_bus_output(&end->bus, &output)) {
			return;
		} else if (output.kind != VMSG_BUS_SEND) {
			act(pair, end, &output);
		} else {
			pair->frames++;
			memcpy(end->last_frame, output.frame.data, output.frame.size);
			memset(answer, 0, sizeof(answer));
			if (!pair->intercept || !pair->intercept(pair, output.frame, answer)) {
				pair_raw(pair, output.frame, answer);
			}
			if (!output.is_event) {
				(void)!vmsg_bus_answer(
					&end->bus, pair->now_ns,
					(struct vmsg_bytes){ answer, sizeof(answer) });
			}
		}
	}
	fail_msg("the driver's session never rests");
}

void pair_up(struct bus_pair *pair)
{
	assert_int_equal(vmsg_bus_start(&pair->driver.bus, pair->now_ns), 0);
	pair_run(pair);
	if (pair->driver.bus.state != VMSG_BUS_RUNNING) {
		fail_msg("the driver is %s: %s; the device %s: %s",
			 vmsg_bus_state_name(pair->driver.bus.state),
			 vmsg_error_text(pair->driver.bus.error),
			 vmsg_bus_state_name(pair->device.bus.state), pair->device.log);
	}
}

void pair_advance(struct bus_pair *pair, uint64_t ns)
{
	pair->now_ns += ns;
	vmsg_bus_tick(&pair->driver.bus, pair->now_ns);
	vmsg_bus_tick(&pair->device.bus, pair->now_ns);
	pair_run(pair);
}

void assert_exchange(struct bus_pair *pair, const char *frame, const char *expected)
{
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];
	uint8_t want[VMSG_FRAME_SIZE_MAX] = { 0 };
	uint8_t answer[VMSG_FRAME_SIZE_MAX];
	const size_t size = hex_to_bytes(frame, bytes, sizeof(bytes));

	(void)hex_to_bytes(expected, want, sizeof(want));
	pair_raw(pair, (struct vmsg_bytes){ bytes, size }, answer);
	assert_memory_equal(answer, want, sizeof(want));
}

void assert_log(struct bus_end *end, const char *expected)
{
	assert_string_equal(end->log, expected);
	end->log[0] = 0;
}

uint16_t pair_share(struct bus_pair *pair)
{
	const struct vmsg_segment segment = { pair->ram, 4096 };
	uint16_t id;

	assert_int_equal(
		vmsg_bus_share(&pair->driver.bus, pair->now_ns, 0x1234, 7, &segment, 1, &id), 0);
	pair_run(pair);
	return id;
}
