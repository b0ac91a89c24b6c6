/* SPDX-License-Identifier: BSD-3-Clause */
/* What a frontend answers control clients: {"request":"stats"}, its session and its device. */
#include "commands/session.h"

#include "commands/control_answer.h"
#include "commands/report.h"
#include "json_read.h"

/* A look costs a system call, which no message should. */
#define PERIOD_NS UINT64_C(20000000)

static void write_session(const struct session *session, struct control_answer *answer)
{
	struct json *json = answer_begin(answer);

	if (json) {
		json_number(json, "peer", session->peer);
		answer_bus(json, &session->bus);
		answer_end(answer);
	}
}

static void write_driver(const struct vmsg_driver *driver, struct control_answer *answer)
{
	struct json *json = answer_begin(answer);

	if (!json) {
		return;
	}
	json_number(json, "device", driver->options.dev_num);
	json_number(json, "type", driver->info.device_id);
	json_number(json, "status", driver->status);
	json_number(json, "coalesced_events", driver->coalesced);
	json_open(json, "queues", '[');
	for (uint32_t i = 0; i < VMSG_DEVICE_QUEUES_MAX && i < driver->info.max_virtqueues; i++) {
		answer_queue(json, driver->queues[i].layout.size, driver->queues[i].ready);
	}
	json_close(json, ']');
	answer_end(answer);
}

static void serve(const struct session *session, const struct vmsg_emu_request *request,
		  struct control_answer *answer)
{
	struct json_value object;

	if (!json_read(request->text, request->size, &object)) {
		answer_refuse(answer, "INVALID", "no JSON");
	} else if (!json_read_is(json_read_member(object, "request"), "stats")) {
		answer_refuse(answer, "NOT_SUPPORTED", "\"request\" is not stats");
	} else if (session->has_bus) {
		write_session(session, answer);
		if (session->drivers[0]) {
			write_driver(&session->driver, answer);
		}
	}
}

void session_serve_control(struct session *session)
{
	const uint64_t now_ns = report_now();
	struct vmsg_emu_request request;

	if (!session->options.answers_control || now_ns - session->served_ns < PERIOD_NS) {
		return;
	}
	session->served_ns = now_ns;
	while (vmsg_emu_next_request(session->emu, &request) == 1) {
		struct control_answer answer = { .count = 0 };
		serve(session, &request, &answer);
		answer_send(&answer, session->emu, request.number);
	}
}
