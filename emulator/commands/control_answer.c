/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands/control_answer.h"

#include <stdlib.h>

#include "histogram.h"
#include "virtio_msg_ffa/codec.h"

struct json *answer_begin(struct control_answer *answer)
{
	if (answer->count == CONTROL_OBJECTS_MAX) {
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

void answer_end(struct control_answer *answer)
{
	json_close(&answer->json, '}');
	if (fclose(answer->file) == 0) {
		answer->count++;
	}
}

void answer_refuse(struct control_answer *answer, const char *error, const char *detail)
{
	struct json *json = answer_begin(answer);

	if (json) {
		json_text(json, "error", error);
		json_text(json, "detail", detail);
		answer_end(answer);
	}
}

void answer_send(struct control_answer *answer, struct vmsg_emu *emu, uint32_t number)
{
	static const char nothing[] = "{}";

	if (answer->count == 0) {
		(void)!vmsg_emu_answer(emu, number, nothing, 2, false);
	}
	for (size_t i = 0; i < answer->count; i++) {
		const bool is_last = i + 1 == answer->count;
		if (vmsg_emu_answer(emu, number, answer->texts[i], answer->sizes[i], !is_last) <
			    0 &&
		    is_last) {
			(void)!vmsg_emu_answer(emu, number, nothing, 2, false);
		}
	}
	for (size_t i = 0; i < answer->count; i++) {
		free(answer->texts[i]);
	}
}

/* ---- a session's counters ---- */

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

/* Upper ends: of half of the requests, of 99 in a hundred, and of each bucket. null has none. */
static void write_end(struct json *json, const char *key, size_t bucket)
{
	if (bucket < VMSG_BUS_LATENCIES - 1) {
		json_number(json, key, UINT64_C(1024) << bucket);
	} else {
		json_null(json, key);
	}
}

static void write_latencies(struct json *json, const uint64_t counts[VMSG_BUS_LATENCIES])
{
	json_open(json, "request_ns", '{');
	write_end(json, "p50", histogram_percentile(counts, VMSG_BUS_LATENCIES, 50));
	write_end(json, "p99", histogram_percentile(counts, VMSG_BUS_LATENCIES, 99));
	json_open(json, "latencies", '[');
	for (size_t i = 0; i < VMSG_BUS_LATENCIES; i++) {
		if (counts[i] > 0) { /* an answer is a frame: nothing that is not needed */
			json_open(json, NULL, '{');
			write_end(json, "below", i);
			json_number(json, "count", counts[i]);
			json_close(json, '}');
		}
	}
	json_close(json, ']');
	json_close(json, '}');
}

void answer_bus(struct json *json, const struct vmsg_bus *bus)
{
	json_text(json, "state", vmsg_bus_state_name(bus->state));
	json_text(json, "profile", bus->profile ? bus->profile->name : "");
	json_number(json, "areas", bus->options.memory->count);
	write_messages(json, "received", bus->stats.received);
	write_messages(json, "sent", bus->stats.sent);
	json_number(json, "received_bytes", bus->stats.received_bytes);
	json_number(json, "sent_bytes", bus->stats.sent_bytes);
	json_number(json, "busy", bus->stats.busy);
	json_number(json, "retries", bus->stats.retries);
	json_number(json, "dropped", bus->stats.dropped);
	json_number(json, "late", bus->stats.late);
	json_number(json, "timeouts", bus->stats.timeouts);
	write_latencies(json, bus->stats.latencies);
}

void answer_queue(struct json *json, uint32_t size, bool enabled)
{
	json_open(json, NULL, '{');
	json_number(json, "size", size);
	json_bool(json, "enabled", enabled);
	json_close(json, '}');
}
