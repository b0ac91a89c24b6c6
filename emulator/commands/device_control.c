/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests as JSON: {"request":"devices"}, {"request":"stats"}, {"request":"add","device":TEXT} as
 * for --device, {"request":"remove","device":N}, {"request":"resize","device":N}. Answers are
 * objects, one a frame.
 */
#include "commands/device_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/control_answer.h"
#include "commands/json.h"
#include "commands/report.h"
#include "json_read.h"
#include "virtio_msg_ffa/codec.h"

#define TEXT_MAX 4096

/* ---- devices ---- */

static void write_queues(struct json *json, const struct vmsg_device *machine)
{
	json_open(json, "queues", '[');
	for (uint32_t i = 0; i < machine->info->queue_count; i++) {
		answer_queue(json, machine->queues[i].layout.size, machine->queues[i].enabled);
	}
	json_close(json, ']');
}

static void write_device(const struct device_control *control, size_t index,
			 struct control_answer *answer)
{
	const struct emu_device *device = control->devices[index];
	const struct vmsg_device_session *session = control->slots[index].session;
	struct json *json = answer_begin(answer);

	if (!json) {
		return;
	}
	json_number(json, "device", device->machine.dev_num);
	json_text(json, "kind", device->kind);
	json_number(json, "type", device->info.device_id);
	json_number(json, "driver", session ? session->peer : 0);
	json_number(json, "status", device->machine.status);
	json_number(json, "requests", device->requests);
	json_number(json, "errors", device->errors);
	json_number(json, "refused", device->machine.refused);
	json_number(json, "coalesced_events", device->machine.coalesced);
	write_queues(json, &device->machine);
	answer_end(answer);
}

static void write_devices(const struct device_control *control, struct control_answer *answer)
{
	for (size_t i = 0; i < control->capacity; i++) {
		if (control->devices[i]) {
			write_device(control, i, answer);
		}
	}
}

static void write_session(const struct vmsg_device_session *session, struct control_answer *answer)
{
	struct json *json = answer_begin(answer);

	if (!json) {
		return;
	}
	json_number(json, "driver", session->peer);
	answer_bus(json, &session->bus);
	answer_end(answer);
}

static void write_stats(const struct device_control *control, struct control_answer *answer)
{
	const struct vmsg_device_pump *pump = control->pump;
	struct json *json;

	for (size_t i = 0; i < pump->options.session_count; i++) {
		if (pump->options.sessions[i].used) {
			write_session(&pump->options.sessions[i], answer);
		}
	}
	write_devices(control, answer);
	json = answer_begin(answer);
	if (json) {
		json_number(json, "refused", pump->refused);
		json_number(json, "ffa_calls", pump->options.endpoint->calls);
		answer_end(answer);
	}
}

/* ---- coming and going ---- */

static struct emu_device *find(const struct device_control *control, uint64_t number, size_t *index)
{
	for (size_t i = 0; i < control->capacity; i++) {
		if (control->devices[i] && control->devices[i]->machine.dev_num == number) {
			*index = i;
			return control->devices[i];
		}
	}
	return NULL;
}

static void add(struct device_control *control, struct json_value request,
		struct control_answer *answer)
{
	char text[TEXT_MAX];
	char why[512];
	size_t index = 0;

	while (index < control->capacity && control->devices[index]) {
		index++;
	}
	if (index == control->capacity) {
		answer_refuse(answer, "NO_SPACE", "there is no room for another device");
		return;
	}
	if (!json_read_string(json_read_member(request, "device"), text, sizeof(text))) {
		answer_refuse(answer, "INVALID", "\"device\" is no text such as blk,path=FILE");
		return;
	}
	uint16_t number = control->last_number;
	do {
		number++;
	} while (find(control, number, &index));
	struct emu_device *device = emu_device_open(text, number, why, sizeof(why));
	if (!device) {
		answer_refuse(answer, "INVALID", why);
		return;
	}
	control->last_number = number;
	device->machine.watch = control->watch;
	memory_watch_adopt(control->memory, device);
	control->devices[index] = device;
	control->slots[index] =
		(struct vmsg_device_slot){ .device = &device->machine, .present = true };
	vmsg_device_pump_update(control->pump);
	write_device(control, index, answer);
}

/* The device whose number the request names. NULL: there is none, and the answer says so. */
static struct emu_device *find_named(const struct device_control *control,
				     struct json_value request, struct control_answer *answer,
				     size_t *index)
{
	uint64_t number;

	if (!json_read_number(json_read_member(request, "device"), &number)) {
		answer_refuse(answer, "INVALID", "\"device\" is no device number");
		return NULL;
	}
	struct emu_device *device = find(control, number, index);
	if (!device) {
		answer_refuse(answer, "NOT_FOUND", "there is no device of that number");
	}
	return device;
}

static void remove_device(struct device_control *control, struct json_value request,
			  struct control_answer *answer)
{
	size_t index;
	struct emu_device *device = find_named(control, request, answer, &index);

	if (!device) {
		return;
	}
	write_device(control, index, answer);
	control->slots[index].present = false;
	vmsg_device_pump_update(control->pump);
	control->slots[index].device = NULL;
	control->devices[index] = NULL;
	emu_device_close(device);
}

/* What is behind a device has another size. */
static void resize(struct device_control *control, struct json_value request,
		   struct control_answer *answer)
{
	size_t index;
	struct emu_device *device = find_named(control, request, answer, &index);

	if (!device) {
		return;
	}
	if (!device->refresh) {
		answer_refuse(answer, "NOT_SUPPORTED", "that device has no size");
		return;
	}
	device->refresh(device);
	write_device(control, index, answer);
}

/* ---- requests ---- */

static void serve(struct device_control *control, const struct vmsg_emu_request *request,
		  struct control_answer *answer)
{
	struct json_value object;

	if (!json_read(request->text, request->size, &object)) {
		answer_refuse(answer, "INVALID", "no JSON");
		return;
	}
	const struct json_value what = json_read_member(object, "request");
	if (json_read_is(what, "devices")) {
		write_devices(control, answer);
	} else if (json_read_is(what, "stats")) {
		write_stats(control, answer);
	} else if (json_read_is(what, "add")) {
		add(control, object, answer);
	} else if (json_read_is(what, "remove")) {
		remove_device(control, object, answer);
	} else if (json_read_is(what, "resize")) {
		resize(control, object, answer);
	} else {
		answer_refuse(answer, "NOT_SUPPORTED",
			      "\"request\" is none of devices, stats, add, remove and resize");
	}
}

void device_control_serve(struct device_control *control)
{
	struct vmsg_emu_request request;

	while (vmsg_emu_next_request(control->emu, &request) == 1) {
		struct control_answer answer = { .count = 0 };
		serve(control, &request, &answer);
		answer_send(&answer, control->emu, request.number);
	}
}
