/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions by hash of their pair, open addressing. Invariant: a pair is found by probing from its
 * own place to the first free one, so entries are emptied of what they know, never freed.
 */
#include "tap/sessions.h"

#include <string.h>

#include "tap/frame.h"
#include "virtio_msg_ffa/proto.h"

/* Numbers on the wire of the messages about FIFOs (wire-revisions 3.5). */
#define RESET          0x83
#define FIFO_CONFIGURE 0x86

#define VCPU_BIT(vcpu) (UINT64_C(1) << ((vcpu) % 64))

void tap_sessions_init(struct tap_sessions *sessions, struct tap_session *table, size_t capacity)
{
	memset(table, 0, capacity * sizeof(*table));
	*sessions = (struct tap_sessions){ table, capacity };
}

/* The session's entry; else where it would go, NULL if every place is taken. */
static struct tap_session *place_of(const struct tap_sessions *sessions, uint16_t driver,
				    uint16_t device, bool *found)
{
	const size_t home = (driver * 31u + device) % sessions->capacity;

	for (size_t i = 0; i < sessions->capacity; i++) {
		struct tap_session *session = &sessions->table[(home + i) % sessions->capacity];
		*found = session->used && session->driver == driver && session->device == device;
		if (*found || !session->used) {
			return session;
		}
	}
	return NULL;
}

static struct tap_session *find(const struct tap_sessions *sessions, uint16_t driver,
				uint16_t device)
{
	bool found;
	struct tap_session *session = place_of(sessions, driver, device, &found);

	return found ? session : NULL;
}

static struct tap_session *find_or_add(struct tap_sessions *sessions, uint16_t driver,
				       uint16_t device)
{
	bool found;
	struct tap_session *session = place_of(sessions, driver, device, &found);

	if (!session) {
		session = &sessions->table[(driver * 31u + device) % sessions->capacity];
	}
	if (!found) {
		*session = (struct tap_session){ .used = true, .driver = driver, .device = device };
	}
	return session;
}

static uint8_t number_of(const struct vmsg_profile *profile)
{
	return (uint8_t)(profile->id + 1);
}

/* A device agrees by answering with a version; a refusal has none. */
static bool agrees(const struct vmsg_profile *profile, struct vmsg_bytes frame)
{
	struct vmsg_message message;

	return vmsg_decode(profile, frame, &message, NULL) == 0 &&
	       message.body.version.bus_version != 0;
}

/* A response of r2a has the bytes of r2b's: the request tells. */
static const struct vmsg_profile *answered_in(const struct vmsg_profile *detected,
					      const struct tap_session *session)
{
	const bool is_r2 = detected->id == VMSG_PROFILE_R2A || detected->id == VMSG_PROFILE_R2B;

	if (is_r2 && session && session->asked == VMSG_PROFILE_R2A + 1) {
		return vmsg_profile(VMSG_PROFILE_R2A);
	}
	return detected;
}

static bool follow_version(struct tap_sessions *sessions, struct tap_record *record,
			   struct vmsg_bytes frame, uint16_t source, uint16_t destination,
			   bool accepted)
{
	const struct vmsg_profile *request = vmsg_profile_detect(frame, false);
	const struct vmsg_profile *response = vmsg_profile_detect(frame, true);

	if (request) {
		record->profile = number_of(request);
		if (accepted) {
			find_or_add(sessions, source, destination)->asked = record->profile;
		}
	} else if (response) {
		struct tap_session *session = find(sessions, destination, source);
		response = answered_in(response, session);
		record->profile = number_of(response);
		if (session && accepted && agrees(response, frame)) {
			session->profile = record->profile;
		}
	}
	return request || response;
}

/* What a session says about its FIFO: an agreement opens it, a reset ends it. Asked and answered
 * messages come twice, as they are sent and as they arrive. */
static void follow_fifo(struct tap_session *session, const struct tap_record *record,
			struct vmsg_bytes frame)
{
	struct vmsg_message message;
	struct tap_fifo *fifo = &session->fifo;
	const uint8_t number = frame.size > 1 ? frame.data[1] : 0;

	if ((number != FIFO_CONFIGURE && number != RESET) || record->profile == 0 ||
	    vmsg_decode(vmsg_profile((enum vmsg_profile_id)(record->profile - 1)), frame, &message,
			NULL) < 0) {
		return;
	}
	const bool is_request = message.header.kind == VMSG_REQUEST;
	if (message.header.type == VMSG_FIFO_CONFIGURE && is_request) {
		*fifo = (struct tap_fifo){
			.handle = message.body.fifo_configure_request.mem_handle,
		};
	} else if (message.header.type == VMSG_FIFO_CONFIGURE) {
		fifo->is_open = message.body.fifo_configure_response.result == VMSG_RESULT_SUCCESS;
	} else if (message.header.type == VMSG_RESET && !is_request &&
		   message.body.reset_response.result == VMSG_RESULT_SUCCESS) {
		fifo->is_open = false;
	}
}

/* REQ2 goes from a driver to a device and RESP2 back. Only the request names the service. */
static void follow_direct(struct tap_sessions *sessions, struct tap_record *record,
			  const struct tap_frame *frame, bool accepted)
{
	const uint16_t driver = frame->is_request ? frame->source : frame->destination;
	const uint16_t device = frame->is_request ? frame->destination : frame->source;
	const uint64_t vcpu = VCPU_BIT(record->vcpu);
	struct tap_session *session = find(sessions, driver, device);

	if (session && frame->is_request) {
		uint64_t *others = &session->other_service[record->partition == device];
		*others = frame->service == TAP_SERVICE_OTHER ? *others | vcpu : *others & ~vcpu;
	}
	if (frame->service == TAP_SERVICE_OTHER ||
	    (session && (session->other_service[record->partition == device] & vcpu))) {
		return;
	}
	if (!follow_version(sessions, record, frame->bytes, frame->source, frame->destination,
			    accepted)) {
		record->profile = session ? session->profile : 0;
		if (session && accepted) {
			follow_fifo(session, record, frame->bytes);
		}
	}
}

/* Either end sends; responses come from the device, save to what a device may ask. */
static void follow_indirect(struct tap_sessions *sessions, struct tap_record *record,
			    const struct tap_frame *frame, bool accepted)
{
	if (frame->service == TAP_SERVICE_OTHER ||
	    follow_version(sessions, record, frame->bytes, frame->source, frame->destination,
			   accepted)) {
		return;
	}
	const bool is_response =
		frame->bytes.size > 0 && (frame->bytes.data[0] & VMSG_TYPE_RESPONSE) != 0;
	struct tap_session *as_driver = find(sessions, frame->source, frame->destination);
	struct tap_session *as_device = find(sessions, frame->destination, frame->source);
	struct tap_session *session = is_response ? as_device : as_driver;

	if (!session || !session->profile) {
		session = is_response ? as_driver : as_device;
	}
	if (session) {
		record->profile = session->profile;
		if (accepted) {
			follow_fifo(session, record, frame->bytes);
		}
	}
}

/* Direct messages of a few registers, which carry no frame. */
static bool is_short_message(const struct tap_record *record)
{
	switch ((uint32_t)record->regs.x[0]) {
	case VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ):
	case VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP):
		return tap_has_registers(record);
	default:
		return false;
	}
}

void tap_sessions_follow(struct tap_sessions *sessions, struct tap_record *record, bool accepted)
{
	struct tap_frame frame;

	record->peer = record->kind == TAP_FIFO ? record->peer : 0;
	record->profile = 0;
	if (is_short_message(record)) {
		record->peer = record->kind == TAP_CALL ? vmsg_ffa_destination(&record->regs)
							: vmsg_ffa_source(&record->regs);
	}
	if (!tap_frame_find(record, &frame)) {
		return;
	}
	/* A message in somebody else's name is nobody's: the manager refuses it. */
	if ((record->kind == TAP_RETURN ? frame.destination : frame.source) != record->partition) {
		return;
	}
	record->peer = record->kind == TAP_RETURN ? frame.source : frame.destination;
	if (frame.is_direct) {
		follow_direct(sessions, record, &frame, accepted);
	} else {
		follow_indirect(sessions, record, &frame, accepted);
	}
}

struct tap_fifo *tap_sessions_fifo(struct tap_sessions *sessions, uint16_t driver, uint16_t device)
{
	struct tap_session *session = find(sessions, driver, device);

	return session && session->fifo.is_open ? &session->fifo : NULL;
}

void tap_sessions_forget(struct tap_sessions *sessions, uint16_t partition)
{
	for (size_t i = 0; i < sessions->capacity; i++) {
		struct tap_session *session = &sessions->table[i];
		if (session->used &&
		    (session->driver == partition || session->device == partition)) {
			session->profile = 0;
			session->asked = 0;
			session->fifo.is_open = false;
			memset(session->other_service, 0, sizeof(session->other_service));
		}
	}
}
