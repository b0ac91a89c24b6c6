/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests as JSON: {"request":"devices"}, {"request":"stats"}, {"request":"add","device":TEXT} as
 * for --device, {"request":"remove","device":N}. Answers are objects, one a frame.
 */
#include "commands/device_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/json.h"
#include "commands/report.h"
#include "json_read.h"
#include "virtio_msg_ffa/codec.h"

#define TEXT_MAX    4096
#define OBJECTS_MAX 256 /* of one answer: every device and every session twice over */

/* An answer as it grows: objects one behind the other, sent when all are there. */
struct answer {
	char *texts[OBJECTS_MAX];
	size_t sizes[OBJECTS_MAX];
	size_t count;
	FILE *file; /* of the object that is being written */
	struct json json;
};

static struct json *begin_object(struct answer *answer)
{
	if (answer->count == OBJECTS_MAX) {
		return NULL;
	}
	answer->file = open_memstream(&answer->texts[answer->count], &answer->sizes[answer->count]);
	if (!answer->file) {
		return NULL;
	}
	answer->json = (struct json){ .file = answer->file };
	json_open(&answer->json, NULL, '{');
	return &answer->json;
}

static void end_object(struct answer *answer)
{
	json_close(&answer->json, '}');
	if (fclose(answer->file) == 0) {
		answer->count++;
	}
}

static void refuse(struct answer *answer, const char *error, const char *detail)
{
	struct json *json = begin_object(answer);

	if (json) {
		json_text(json, "error", error);
		json_text(json, "detail", detail);
		end_object(answer);
	}
}

/* ---- devices ---- */

static void write_queues(struct json *json, const struct vmsg_device *machine)
{
	json_open(json, "queues", '[');
	for (uint32_t i = 0; i < machine->info->queue_count; i++) {
		json_open(json, NULL, '{');
		json_number(json, "size", machine->queues[i].layout.size);
		json_bool(json, "enabled", machine->queues[i].enabled);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_device(const struct device_control *control, size_t index, struct answer *answer)
{
	const struct emu_device *device = control->devices[index];
	const struct vmsg_device_session *session = control->slots[index].session;
	struct json *json = begin_object(answer);

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
	write_queues(json, &device->machine);
	end_object(answer);
}

static void write_devices(const struct device_control *control, struct answer *answer)
{
	for (size_t i = 0; i < control->capacity; i++) {
		if (control->devices[i]) {
			write_device(control, i, answer);
		}
	}
}

static void write_messages(struct json *json, const char *key,
			   const uint64_t counts[VMSG_TYPE_COUNT])
{
	json_open(json, key, '{');
	for (unsigned int type = 0; type < VMSG_TYPE_COUNT; type++) {
		if (counts[type] > 0) {
			json_number(json, vmsg_type_name((enum vmsg_type)type), counts[type]);
		}
	}
	json_close(json, '}');
}

static void write_session(const struct vmsg_device_session *session, struct answer *answer)
{
	const struct vmsg_bus *bus = &session->bus;
	struct json *json = begin_object(answer);

	if (!json) {
		return;
	}
	json_number(json, "driver", session->peer);
	json_text(json, "state", vmsg_bus_state_name(bus->state));
	json_text(json, "profile", bus->profile ? bus->profile->name : "");
	json_number(json, "areas", session->memory.count);
	write_messages(json, "received", bus->stats.received);
	write_messages(json, "sent", bus->stats.sent);
	json_number(json, "dropped", bus->stats.dropped);
	json_number(json, "late", bus->stats.late);
	json_number(json, "timeouts", bus->stats.timeouts);
	end_object(answer);
}

static void write_stats(const struct device_control *control, struct answer *answer)
{
	const struct vmsg_device_pump *pump = control->pump;
	struct json *json;

	for (size_t i = 0; i < pump->options.session_count; i++) {
		if (pump->options.sessions[i].used) {
			write_session(&pump->options.sessions[i], answer);
		}
	}
	write_devices(control, answer);
	json = begin_object(answer);
	if (json) {
		json_number(json, "refused", pump->refused);
		json_number(json, "ffa_calls", pump->options.endpoint->calls);
		end_object(answer);
	}
}

/* ---- coming and going ---- */

static bool is_taken(const struct device_control *control, uint16_t number)
{
	for (size_t i = 0; i < control->capacity; i++) {
		if (control->devices[i] && control->devices[i]->machine.dev_num == number) {
			return true;
		}
	}
	return false;
}

static void add(struct device_control *control, struct json_value request, struct answer *answer)
{
	char text[TEXT_MAX];
	char why[512];
	size_t index = 0;

	while (index < control->capacity && control->devices[index]) {
		index++;
	}
	if (index == control->capacity) {
		refuse(answer, "NO_SPACE", "there is no room for another device");
		return;
	}
	if (!json_read_string(json_read_member(request, "device"), text, sizeof(text))) {
		refuse(answer, "INVALID", "\"device\" is no text such as blk,path=FILE");
		return;
	}
	uint16_t number = control->last_number;
	do {
		number++;
	} while (is_taken(control, number));
	struct emu_device *device = emu_device_open(text, number, why, sizeof(why));
	if (!device) {
		refuse(answer, "INVALID", why);
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

static void remove_device(struct device_control *control, struct json_value request,
			  struct answer *answer)
{
	uint64_t number;

	if (!json_read_number(json_read_member(request, "device"), &number)) {
		refuse(answer, "INVALID", "\"device\" is no device number");
		return;
	}
	for (size_t i = 0; i < control->capacity; i++) {
		struct emu_device *device = control->devices[i];
		if (!device || device->machine.dev_num != number) {
			continue;
		}
		write_device(control, i, answer);
		control->slots[i].present = false;
		vmsg_device_pump_update(control->pump);
		control->slots[i].device = NULL;
		control->devices[i] = NULL;
		emu_device_close(device);
		return;
	}
	refuse(answer, "NOT_FOUND", "there is no device of that number");
}

/* ---- requests ---- */

static void serve(struct device_control *control, const struct vmsg_emu_request *request,
		  struct answer *answer)
{
	struct json_value object;

	if (!json_read(request->text, request->size, &object)) {
		refuse(answer, "INVALID", "no JSON");
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
	} else {
		refuse(answer, "NOT_SUPPORTED",
		       "\"request\" is none of devices, stats, add and remove");
	}
}

static void send(struct device_control *control, uint32_t number, struct answer *answer)
{
	static const char nothing[] = "{}";

	if (answer->count == 0) {
		(void)!vmsg_emu_answer(control->emu, number, nothing, 2, false);
	}
	for (size_t i = 0; i < answer->count; i++) {
		const bool is_last = i + 1 == answer->count;
		if (vmsg_emu_answer(control->emu, number, answer->texts[i], answer->sizes[i],
				    !is_last) < 0 &&
		    is_last) {
			(void)!vmsg_emu_answer(control->emu, number, nothing, 2, false);
		}
	}
}

void device_control_serve(struct device_control *control)
{
	struct vmsg_emu_request request;

	while (vmsg_emu_next_request(control->emu, &request) == 1) {
		struct answer answer = { .count = 0 };
		serve(control, &request, &answer);
		send(control, request.number, &answer);
		for (size_t i = 0; i < answer.count; i++) {
			free(answer.texts[i]);
		}
	}
}
