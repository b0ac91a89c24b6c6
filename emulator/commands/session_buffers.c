/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a buffer follows the events of the bus: READY, or REFUSED and then GONE; GONE comes
 * when the memory has been reclaimed, whoever began it, and no earlier. The bus itself asks again
 * while the peer is busy, and takes AREA_RELEASE for an answer.
 */
#include "commands/session_buffers.h"

#include <stdio.h>

#include "commands/report.h"
#include "commands/session.h"
#include "virtio_msg_ffa/error.h"

#define PAGE_SIZE      4096u
#define ROUND_SLEEP_NS UINT64_C(1000000)

/* ---- events ---- */

static void gone(struct session *session, struct session_buffer *buffer, int error)
{
	if (error < 0) {
		report_problem("area %u is lost: partition 0x%04x does not give it back",
			       buffer->area_id, session->peer);
		buffer->state = SESSION_BUFFER_LOST;
	} else {
		buffer->state = SESSION_BUFFER_OURS;
		session->buffers.returned++;
	}
	buffer->area_id = 0;
}

static void refused(struct session *session, struct session_buffer *buffer)
{
	if (!session->buffers.are_refused) {
		report_problem("partition 0x%04x refuses area %u: buffers of the pool stand in",
			       session->peer, buffer->area_id);
	}
	session->buffers.are_refused = true;
	session->buffers.refused++;
	buffer->state = SESSION_BUFFER_RETURNING;
}

bool session_buffers_take(struct session *session, const struct vmsg_bus_event *event)
{
	struct session_buffer *buffer = NULL;

	for (uint32_t i = 0; i < session->buffers.count && !buffer; i++) {
		if (session->buffers.items[i].area_id == event->area_id) {
			buffer = &session->buffers.items[i];
		}
	}
	if (!buffer || event->area_id == 0) {
		return false;
	}
	switch (event->kind) {
	case VMSG_BUS_EVENT_AREA_READY:
		buffer->state = SESSION_BUFFER_SHARED;
		return true;
	case VMSG_BUS_EVENT_AREA_REFUSED:
		refused(session, buffer);
		return true;
	case VMSG_BUS_EVENT_AREA_GONE:
		gone(session, buffer, event->error);
		return true;
	default:
		return false;
	}
}

/* ---- sharing and returning ---- */

static bool has_any(const struct session *session, enum session_buffer_state state)
{
	for (uint32_t i = 0; i < session->buffers.count; i++) {
		if (session->buffers.items[i].state == state) {
			return true;
		}
	}
	return false;
}

/* Until no buffer is in `state`. A peer that is busy for ever costs reports like a silent one. */
static int await_none(struct session *session, enum session_buffer_state state, const char *what)
{
	uint64_t end_ns = report_now() + session->options.timeout_ns;

	while (has_any(session, state)) {
		if (session_run(session) == SESSION_OVER) {
			return SESSION_OVER;
		}
		if (!has_any(session, state)) {
			break;
		}
		if (report_now() >= end_ns) {
			if (session_report_late(session, what) == SESSION_OVER) {
				return SESSION_OVER;
			}
			end_ns = report_now() + session->options.timeout_ns;
		}
		session_sleep(session, ROUND_SLEEP_NS);
	}
	session_is_alive(session);
	return SESSION_OK;
}

/* Has the peer as many areas as it can hold, the pool and those on their way among them? */
static bool is_full(const struct session *session)
{
	uint32_t count = 1;

	for (uint32_t i = 0; i < session->buffers.count; i++) {
		count += session->buffers.items[i].state != SESSION_BUFFER_OURS;
	}
	return count >= session->bus.peer_max_areas;
}

static int share(struct session *session, struct session_buffer *buffer)
{
	struct session_buffers *buffers = &session->buffers;
	const struct vmsg_ffa_range range = { .address = buffer->bank.address,
					      .pages = (uint32_t)(buffer->bank.size / PAGE_SIZE) };
	const struct vmsg_segment segment = { .data = buffer->bank.data,
					      .size = buffer->bank.size };

	const int error =
		vmsg_driver_pump_share(&session->pump, &range, 1, &segment, 1, &buffer->area_id);
	if (error == VMSG_ERROR_NO_SPACE) {
		return SESSION_OK; /* no id, or no room of ours, until one has come back */
	}
	if (error < 0) {
		report_problem("an area of %llu bytes cannot be shared: %s, %s: buffers of the "
			       "pool stand in",
			       (unsigned long long)buffer->bank.size, vmsg_error_text(error),
			       vmsg_ffa_status_name(session->endpoint.status));
		buffers->are_refused = true;
		return SESSION_OK;
	}
	buffer->state = SESSION_BUFFER_SHARING;
	buffers->shared++;
	buffers->ids[buffer->area_id / 8] |= (uint8_t)(1u << buffer->area_id % 8);
	return await_none(session, SESSION_BUFFER_SHARING, "the offer of an area");
}

int session_take_buffer(struct session *session)
{
	struct session_buffers *buffers = &session->buffers;

	return buffers->taken < buffers->count ? (int)buffers->taken++ : -1;
}

/* Is it ours, and would the peer take it? */
static bool may_offer(const struct session *session, const struct session_buffer *buffer)
{
	return buffer->state == SESSION_BUFFER_OURS && !session->buffers.are_refused &&
	       !is_full(session);
}

bool session_may_share(const struct session *session, uint32_t index)
{
	const struct session_buffer *buffer = &session->buffers.items[index];

	return buffer->state == SESSION_BUFFER_SHARED || may_offer(session, buffer);
}

int session_share_buffer(struct session *session, uint32_t index, bool *is_shared)
{
	struct session_buffer *buffer = &session->buffers.items[index];
	const int result = may_offer(session, buffer) ? share(session, buffer) : SESSION_OK;

	*is_shared = buffer->state == SESSION_BUFFER_SHARED;
	return result;
}

static void ask_back(struct session *session, struct session_buffer *buffer)
{
	if (buffer->state == SESSION_BUFFER_SHARED) {
		buffer->state = SESSION_BUFFER_RETURNING;
		/* Refused only when the peer has just released it, which ends the same way. */
		(void)!vmsg_bus_unshare(&session->bus, report_now(), buffer->area_id);
	}
}

int session_return_buffer(struct session *session, uint32_t index)
{
	ask_back(session, &session->buffers.items[index]);
	return await_none(session, SESSION_BUFFER_RETURNING, "the request for an area");
}

int session_return_buffers(struct session *session)
{
	for (uint32_t i = 0; i < session->buffers.count; i++) {
		ask_back(session, &session->buffers.items[i]);
	}
	return await_none(session, SESSION_BUFFER_RETURNING, "the request for an area");
}

uint64_t session_buffer_address(const struct session *session, uint32_t index)
{
	uint64_t address = 0;

	/* The id was chosen by the session: this cannot fail. */
	(void)!vmsg_address_make(session->bus.profile, session->buffers.items[index].area_id, 0,
				 &address);
	return address;
}

/* ---- what was seen ---- */

static bool is_seen(const struct session_buffers *buffers, uint32_t id)
{
	return id <= UINT16_MAX && buffers->ids[id / 8] >> id % 8 & 1;
}

const char *session_buffer_ids(const struct session *session, char text[SESSION_BUFFER_IDS_TEXT])
{
	const struct session_buffers *buffers = &session->buffers;
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t first = 0; first <= UINT16_MAX; first++) {
		if (!is_seen(buffers, first)) {
			continue;
		}
		uint32_t last = first;
		while (is_seen(buffers, last + 1)) {
			last++;
		}
		if (used + sizeof(" 65535-65535 ...") > SESSION_BUFFER_IDS_TEXT) {
			snprintf(text + used, SESSION_BUFFER_IDS_TEXT - used, " ...");
			break;
		}
		used += (size_t)snprintf(text + used, SESSION_BUFFER_IDS_TEXT - used, "%s%u",
					 used > 0 ? " " : "", first);
		if (last > first) {
			used += (size_t)snprintf(text + used, SESSION_BUFFER_IDS_TEXT - used, "-%u",
						 last);
		}
		first = last;
	}
	return text;
}

void session_buffers_tell(const struct session *session)
{
	const struct session_buffers *buffers = &session->buffers;
	char ids[SESSION_BUFFER_IDS_TEXT];

	if (buffers->count > 0) {
		fprintf(stderr, "areas on demand: %llu shared, %llu given back; ids %s\n",
			(unsigned long long)buffers->shared, (unsigned long long)buffers->returned,
			session_buffer_ids(session, ids));
	}
}
