/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that a session shares beyond its buffers: the pool, and RAM of other processes. */
#include <stdio.h>

#include "commands/report.h"
#include "commands/session.h"
#include "virtio_msg_ffa/error.h"

#define PAGE_SIZE      4096u
#define ROUND_SLEEP_NS UINT64_C(1000000)

static int over(struct session *session)
{
	session->over = true;
	return SESSION_OVER;
}

static int refused(struct session *session)
{
	session->is_memory_refused = !vmsg_emu_is_lost(session->emu);
	return over(session);
}

int session_share(struct session *session, uint64_t address, uint8_t *data, uint64_t size,
		  uint16_t *area_id)
{
	const struct vmsg_ffa_range range = { .address = address,
					      .pages = (uint32_t)(size / PAGE_SIZE) };
	const struct vmsg_segment segment = { .data = data, .size = size };

	session->is_ready = false;
	session->is_refused = false;
	const int error = vmsg_driver_pump_share(&session->pump, &range, 1, &segment, 1, area_id);
	if (error < 0) {
		report_problem("an area of %llu bytes cannot be shared: %s, %s",
			       (unsigned long long)size, vmsg_error_text(error),
			       vmsg_ffa_status_name(session->endpoint.status));
		return refused(session);
	}
	const int result = session_await(session, &session->is_ready, &session->is_refused);
	if (result == SESSION_OK && !session->is_ready && !session->was_late) {
		report_problem("partition 0x%04x refuses an area of %llu bytes", session->peer,
			       (unsigned long long)size);
		return refused(session);
	}
	return result;
}

int session_add_memory(struct session *session, int memfd, uint64_t size,
		       struct session_memory *memory)
{
	char why[256];

	*memory = (struct session_memory){ .bank.size = size };
	if (vmsg_emu_add_bank(session->emu, memfd, &memory->bank, why, sizeof(why)) < 0) {
		report_problem("memory of %llu bytes: %s", (unsigned long long)size, why);
		return refused(session);
	}
	const int result = session_share(session, memory->bank.address, memory->bank.data, size,
					 &memory->area_id);
	if (result == SESSION_OK) {
		/* the id was chosen by the session: this cannot fail */
		(void)!vmsg_address_make(session->bus.profile, memory->area_id, 0,
					 &memory->address);
	}
	return result;
}

/* The peer gives an area back, after a while if it is busy. */
static int unshare(struct session *session, uint16_t area_id)
{
	int error;

	session->is_gone = false;
	session->gone_id = area_id;
	while ((error = vmsg_bus_unshare(&session->bus, report_now(), area_id)) ==
	       VMSG_ERROR_AGAIN) {
		if (session_run(session) == SESSION_OVER) {
			return SESSION_OVER;
		}
		session_sleep(session, ROUND_SLEEP_NS);
	}
	return error < 0 ? SESSION_OK : session_await(session, &session->is_gone, NULL);
}

int session_remove_memory(struct session *session, const struct session_memory *memory)
{
	if (session->over) {
		return SESSION_OVER;
	}
	const int result = unshare(session, memory->area_id);
	if (result != SESSION_OK) {
		return result;
	}
	const int error = vmsg_emu_remove_bank(session->emu, memory->bank.address);
	if (error < 0) {
		report_problem("memory of %llu bytes is not given back: %s",
			       (unsigned long long)memory->bank.size, vmsg_error_text(error));
		return over(session);
	}
	return SESSION_OK;
}
