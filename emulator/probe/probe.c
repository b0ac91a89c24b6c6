/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The questions, in the order of a driver: VERSION from the newest dialect down, then what shows an
 * implementation's hand, RESET last. Invariants: a peer that does not answer is asked nothing more;
 * nothing is asked that changes a device.
 */
#include "probe/probe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/schema.h"

#define SLOTS      64u
#define NOBODY     0xffffu /* a device number that hardly any bus has */
#define UNKNOWN_ID 0x3eu   /* a bus request that no dialect has */
#define AREAS      0xffu
#define CARRIERS   (VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX)

/* Newest first. r1 stands for r1-a16, which has the same VERSION. */
static const enum vmsg_profile_id ladder[] = { VMSG_PROFILE_R3, VMSG_PROFILE_R2B, VMSG_PROFILE_R2A,
					       VMSG_PROFILE_R1, VMSG_PROFILE_R0 };

const char *probe_fact_name(enum probe_fact_id id)
{
	static const char *const names[PROBE_FACT_COUNT] = {
		[PROBE_VERSION_SIZE] = "version_size",
		[PROBE_TRANSPORT_FEATURES] = "transport_features",
		[PROBE_BUS_FEATURES] = "bus_features",
		[PROBE_MAX_AREAS] = "max_areas",
		[PROBE_TOKEN] = "token",
		[PROBE_NEWER] = "newer_version",
		[PROBE_UNKNOWN] = "unknown_request",
		[PROBE_EVENT] = "event_reply",
		[PROBE_DEVICES] = "get_devices",
		[PROBE_INFO] = "get_device_info",
		[PROBE_PING] = "ping",
		[PROBE_RESET] = "reset",
	};

	return names[id];
}

static const char *form_text(enum probe_form form)
{
	static const char *const texts[] = {
		[PROBE_FORM_NONE] = "no answer",
		[PROBE_FORM_ZEROS] = "zeros",
		[PROBE_FORM_NULL] = "null reply",
		[PROBE_FORM_NULL_ZERO] = "null reply with token 0",
		[PROBE_FORM_OWN] = "its own header as a response",
		[PROBE_FORM_OWN_ZERO] = "its own id as a response of device 0 or token 0",
		[PROBE_FORM_ERROR] = "ERROR 0x87",
		[PROBE_FORM_RESPONSE] = "the response",
		[PROBE_FORM_EVENT] = "an event",
		[PROBE_FORM_OTHER] = "something else",
	};

	return texts[form];
}

static void VMSG_PRINTF(4, 5)
	note(struct probe *probe, enum probe_fact_id id, uint32_t value, const char *format, ...)
{
	struct probe_fact *fact = &probe->facts[id];
	va_list arguments;

	fact->known = true;
	fact->value = value;
	va_start(arguments, format);
	(void)vsnprintf(fact->text, sizeof(fact->text), format, arguments);
	va_end(arguments);
}

/* "03 87 00 00 ..." up to the size it says. */
static const char *hex_of(const struct probe *probe, const struct vmsg_profile *profile,
			  char text[64])
{
	const struct vmsg_bytes frame = { probe->answer, sizeof(probe->answer) };
	struct vmsg_raw_header raw;
	size_t used = 0;
	size_t size = profile->header_size;

	if (vmsg_decode_header(profile, frame, &raw, NULL) == 0) {
		size = raw.msg_size;
	}
	text[0] = 0;
	for (size_t i = 0; i < size && i < 16; i++) {
		used += (size_t)snprintf(text + used, 64 - used, "%02x", probe->answer[i]);
	}
	if (size > 16) {
		(void)snprintf(text + used, 64 - used, "...");
	}
	return text;
}

/* ---- one exchange ---- */

static bool is_zero(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++) {
		sum |= bytes[i];
	}
	return sum == 0;
}

/* False when nothing came back; then nothing more is asked. */
static bool send(struct probe *probe, struct vmsg_bytes frame)
{
	memset(probe->answer, 0, sizeof(probe->answer));
	if (probe->error == 0) {
		probe->exchanges++;
		probe->error = probe->exchange(probe->context, frame, probe->answer);
	}
	return probe->error == 0;
}

static enum probe_form form_of_header(const struct vmsg_raw_header *asked,
				      const struct vmsg_raw_header *raw)
{
	const bool same_token = raw->token == asked->token;

	if (raw->type == (VMSG_TYPE_BUS | VMSG_TYPE_RESPONSE) && raw->msg_id == 0 &&
	    raw->dev_num == 0) {
		return same_token ? PROBE_FORM_NULL : PROBE_FORM_NULL_ZERO;
	}
	if (raw->type == (asked->type | VMSG_TYPE_RESPONSE) && raw->msg_id == asked->msg_id) {
		return same_token && raw->dev_num == asked->dev_num ? PROBE_FORM_OWN
								    : PROBE_FORM_OWN_ZERO;
	}
	return PROBE_FORM_OTHER;
}

/* What the answer to `frame` looks like; decoded into `message` when it is one. */
static enum probe_form form_of(const struct probe *probe, const struct vmsg_profile *profile,
			       struct vmsg_bytes frame, struct vmsg_message *message)
{
	const struct vmsg_bytes answer = { probe->answer, sizeof(probe->answer) };
	struct vmsg_raw_header asked;
	struct vmsg_raw_header raw;

	*message = (struct vmsg_message){ 0 };
	if (probe->error < 0) {
		return PROBE_FORM_NONE;
	}
	if (is_zero(probe->answer, sizeof(probe->answer))) {
		return PROBE_FORM_ZEROS;
	}
	if (vmsg_decode_header(profile, frame, &asked, NULL) < 0 ||
	    vmsg_decode_header(profile, answer, &raw, NULL) < 0) {
		return PROBE_FORM_OTHER;
	}
	const bool decodes = vmsg_decode(profile, answer, message, NULL) == 0;
	if (decodes && message->header.type == VMSG_ERROR) {
		return PROBE_FORM_ERROR;
	}
	if (decodes && message->header.kind == VMSG_EVENT) {
		return PROBE_FORM_EVENT;
	}
	if (raw.msg_size == profile->header_size &&
	    form_of_header(&asked, &raw) != PROBE_FORM_OTHER) {
		const bool is_whole = decodes && message->header.type != VMSG_NONE &&
				      raw.dev_num == asked.dev_num && raw.token == asked.token;
		return is_whole ? PROBE_FORM_RESPONSE : form_of_header(&asked, &raw);
	}
	return decodes && raw.msg_id == asked.msg_id &&
			       raw.type == (asked.type | VMSG_TYPE_RESPONSE)
		       ? PROBE_FORM_RESPONSE
		       : PROBE_FORM_OTHER;
}

/* Sends a message of the profile; what came back, decoded when it is a message. */
static enum probe_form ask(struct probe *probe, const struct vmsg_profile *profile,
			   struct vmsg_message *message)
{
	uint8_t bytes[VMSG_FRAME_SIZE_MAX];

	message->header.token = profile->has_token ? ++probe->token : 0;
	const int size =
		vmsg_encode(profile, message, (struct vmsg_span){ bytes, sizeof(bytes) }, NULL);
	if (size < 0) {
		return PROBE_FORM_NONE; /* the profile has no such message */
	}
	const struct vmsg_bytes frame = { bytes, (size_t)size };
	(void)send(probe, frame);
	return form_of(probe, profile, frame, message);
}

/* ---- VERSION ---- */

static bool is_agreed(const struct vmsg_profile *profile, const struct vmsg_version *version)
{
	return version->bus_version == profile->bus_version &&
	       (profile->id == VMSG_PROFILE_R0 ||
		version->transport_revision == VMSG_TRANSPORT_REVISION);
}

static enum probe_form ask_version(struct probe *probe, const struct vmsg_profile *profile,
				   bool is_probe, struct vmsg_message *message)
{
	*message = (struct vmsg_message){
		.header = { .type = VMSG_VERSION, .kind = VMSG_REQUEST },
		.body.version = {
			.bus_version = is_probe ? 0 : profile->bus_version,
			.transport_revision = is_probe ? 0 : VMSG_TRANSPORT_REVISION,
			.ffa_version = probe->ffa_version,
			.bus_features = CARRIERS,
			.max_areas = AREAS,
		},
	};
	return ask(probe, profile, message);
}

/* Agrees on a dialect, as its drivers do. */
static bool agree(struct probe *probe, const struct vmsg_profile *profile,
		  struct vmsg_message *message, enum probe_form *first)
{
	*first = ask_version(probe, profile, profile->has_version_probe, message);
	bool agreed = *first == PROBE_FORM_RESPONSE && is_agreed(profile, &message->body.version);
	if (agreed && profile->has_version_probe) {
		agreed = ask_version(probe, profile, false, message) == PROBE_FORM_RESPONSE &&
			 is_agreed(profile, &message->body.version);
	}
	return agreed;
}

static const char *features_text(uint32_t features, char text[80])
{
	static const char *const names[] = { "DIRECT_RX",   "DIRECT_TX",       "INDIRECT_RX",
					     "INDIRECT_TX", "NOTIFICATION_RX", "NOTIFICATION_TX",
					     "FIFO" };
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (features & 1u << i) {
			used += (size_t)snprintf(text + used, 80 - used, "%s%s", used ? " " : "",
						 names[i]);
		}
	}
	return text;
}

static void note_version(struct probe *probe, const struct vmsg_profile *profile,
			 const struct vmsg_message *message)
{
	const struct vmsg_version *version = &message->body.version;
	const bool is_b0 = profile->id == VMSG_PROFILE_R0;
	struct vmsg_raw_header raw;
	char text[80];

	(void)!vmsg_decode_header(
		profile, (struct vmsg_bytes){ probe->answer, sizeof(probe->answer) }, &raw, NULL);
	note(probe, PROBE_VERSION_SIZE, raw.msg_size,
	     "VERSION response of %u bytes: bus version 0x%" PRIx32, raw.msg_size,
	     version->bus_version);
	if (profile->has_version_probe) {
		note(probe, PROBE_VERSION_SIZE, raw.msg_size,
		     "VERSION response of %u bytes: bus version 0x%" PRIx32 ", FF-A %" PRIu32
		     ".%" PRIu32,
		     raw.msg_size, version->bus_version, version->ffa_version >> 16,
		     version->ffa_version & 0xffff);
	}
	if (!is_b0) {
		note(probe, PROBE_TRANSPORT_FEATURES, version->transport_features,
		     "transport features 0x%" PRIx32, version->transport_features);
		note(probe, PROBE_MAX_AREAS, version->max_areas, "%u areas at once",
		     version->max_areas);
		note(probe, PROBE_BUS_FEATURES, version->bus_features,
		     "bus features 0x%" PRIx32 " %s", version->bus_features,
		     features_text(version->bus_features, text));
	} else {
		note(probe, PROBE_MAX_AREAS, version->bus_features >> 8 & 0xff,
		     "%" PRIu32 " areas at once", version->bus_features >> 8 & 0xff);
		note(probe, PROBE_BUS_FEATURES, version->bus_features & 0xff,
		     "bus features 0x%" PRIx32, version->bus_features & 0xff);
	}
	if (profile->has_token) {
		const uint32_t value = message->header.token == probe->token ? 1
				       : message->header.token == 0          ? 0
									     : 2;
		note(probe, PROBE_TOKEN, value, "token %s",
		     value == 1   ? "given back"
		     : value == 0 ? "0 instead of the request's"
				  : "another than the request's");
	}
}

/* ---- the other questions ---- */

static void ask_unknown(struct probe *probe, const struct vmsg_profile *profile)
{
	uint8_t bytes[8] = { VMSG_TYPE_BUS, UNKNOWN_ID };
	const struct vmsg_bytes frame = { bytes, profile->header_size };
	struct vmsg_message message;
	char hex[64];

	if (profile->has_token) {
		probe->token++;
		bytes[4] = (uint8_t)probe->token;
		bytes[5] = (uint8_t)(probe->token >> 8);
	}
	bytes[profile->header_size - 2] = profile->header_size;
	(void)send(probe, frame);
	const enum probe_form form = form_of(probe, profile, frame, &message);
	note(probe, PROBE_UNKNOWN, form, "an unknown bus request is answered by %s (%s)",
	     form_text(form), hex_of(probe, profile, hex));
}

static void ask_event(struct probe *probe, const struct vmsg_profile *profile)
{
	struct vmsg_message message = {
		.header = { .type = VMSG_EVENT_AVAIL, .kind = VMSG_EVENT, .dev_num = NOBODY },
	};
	char hex[64];
	const enum probe_form form = ask(probe, profile, &message);

	note(probe, PROBE_EVENT, form, "an event for no device is replied to by %s (%s)",
	     form_text(form), hex_of(probe, profile, hex));
}

/* By the bytes alone: a count that lies does not decode. Returns the first device, or -1. */
static int ask_devices(struct probe *probe, const struct vmsg_profile *profile)
{
	const struct vmsg_bytes answer = { probe->answer, sizeof(probe->answer) };
	struct vmsg_message message = {
		.header = { .type = VMSG_GET_DEVICES, .kind = VMSG_REQUEST },
		.body.get_devices_request = { .count = SLOTS },
	};
	struct vmsg_raw_header raw;
	enum probe_shape shape = PROBE_SHAPE_NONE;
	int first = -1;

	(void)ask(probe, profile, &message);
	if (probe->error < 0 || vmsg_decode_header(profile, answer, &raw, NULL) < 0 ||
	    raw.msg_size < profile->header_size + 6u || raw.msg_id != 2) {
		note(probe, PROBE_DEVICES, PROBE_SHAPE_NONE, "GET_DEVICES is not answered");
		return -1;
	}
	const uint8_t *body = probe->answer + profile->header_size;
	const uint32_t bytes = raw.msg_size - profile->header_size - 6u;
	const uint8_t *at = body + (profile->has_ordered_device_window ? 2 : 4);
	const uint32_t count = (uint32_t)at[0] | (uint32_t)at[1] << 8;
	for (uint32_t i = 0; i < bytes * 8 && i < SLOTS; i++) {
		if (body[6 + i / 8] >> i % 8 & 1) {
			first = first < 0 ? (int)i : first;
			probe->devices++;
		}
	}
	if (bytes > (count + 7) / 8) {
		shape = PROBE_SHAPE_DEVICES;
	} else if (bytes == (count + 7) / 8) {
		shape = count == SLOTS ? PROBE_SHAPE_WHOLE
			: count == 8   ? PROBE_SHAPE_ONE_BYTE
				       : PROBE_SHAPE_FEWER;
	}
	note(probe, PROBE_DEVICES, shape,
	     "GET_DEVICES of %u slots: count %" PRIu32 " in %" PRIu32 " bytes, %" PRIu32
	     " device%s%s",
	     SLOTS, count, bytes, probe->devices, probe->devices == 1 ? "" : "s",
	     shape == PROBE_SHAPE_DEVICES ? "; the count counts devices" : "");
	return first;
}

static void ask_info(struct probe *probe, const struct vmsg_profile *profile, int device)
{
	struct vmsg_message message = {
		.header = { .type = VMSG_GET_DEVICE_INFO,
			    .kind = VMSG_REQUEST,
			    .dev_num = (uint16_t)device },
	};
	const struct vmsg_get_device_info_response *info = &message.body.get_device_info_response;
	const enum probe_form form = ask(probe, profile, &message);
	char hex[64];

	if (form == PROBE_FORM_RESPONSE) {
		note(probe, PROBE_INFO, (uint32_t)vmsg_encoded_size(profile, &message),
		     "device %d is of type %" PRIu32 ", with %" PRIu32 " feature bits, %" PRIu32
		     " bytes of config, %" PRIu32 " queues",
		     device, info->device_id, info->num_feature_blocks * 32, info->config_size,
		     info->max_virtqueues);
	} else {
		note(probe, PROBE_INFO, 0, "GET_DEVICE_INFO of device %d is answered by %s (%s)",
		     device, form_text(form), hex_of(probe, profile, hex));
	}
}

static void ask_ping(struct probe *probe, const struct vmsg_profile *profile)
{
	struct vmsg_message message = {
		.header = { .type = VMSG_PING, .kind = VMSG_REQUEST },
		.body.ping.data = 0x70726f62,
	};
	const enum probe_form form = ask(probe, profile, &message);
	const bool is_echo = form == PROBE_FORM_RESPONSE && message.body.ping.data == 0x70726f62;

	note(probe, PROBE_PING, is_echo || form != PROBE_FORM_RESPONSE ? form : PROBE_FORM_OTHER,
	     "PING is answered by %s%s", form_text(form),
	     form == PROBE_FORM_RESPONSE && !is_echo ? ", with other data" : "");
}

/* What we began is over. */
static void ask_reset(struct probe *probe, const struct vmsg_profile *profile, bool is_first)
{
	struct vmsg_message message = {
		.header = { .type = VMSG_RESET, .kind = VMSG_REQUEST },
	};

	if (vmsg_encoded_size(profile, &message) < 0) {
		return;
	}
	const enum probe_form form = ask(probe, profile, &message);
	if (!is_first) {
		return;
	}
	if (form == PROBE_FORM_RESPONSE) {
		note(probe, PROBE_RESET, message.body.reset_response.result,
		     "RESET has the result %u", message.body.reset_response.result);
	} else {
		note(probe, PROBE_RESET, 0x100u + form, "RESET is answered by %s", form_text(form));
	}
}

/* What it makes of a VERSION that it does not have: often a refusal in its own form. */
static void note_newer(struct probe *probe, const struct vmsg_profile *profile,
		       enum probe_form form)
{
	const struct vmsg_bytes answer = { probe->answer, sizeof(probe->answer) };
	const struct vmsg_profile *found = vmsg_profile_detect(answer, true);
	char hex[64];

	if (found && found != profile) {
		note(probe, PROBE_NEWER, form, "a VERSION of %s is answered by one of %s (%s)",
		     profile->name, found->name, hex_of(probe, found, hex));
	} else if (form == PROBE_FORM_NONE) {
		note(probe, PROBE_NEWER, form, "a VERSION of %s is not answered", profile->name);
	} else {
		note(probe, PROBE_NEWER, form, "a VERSION of %s is answered by %s (%s)",
		     profile->name, form_text(form), hex_of(probe, profile, hex));
	}
}

static void ask_rest(struct probe *probe, const struct vmsg_profile *profile)
{
	ask_unknown(probe, profile);
	ask_event(probe, profile);
	const int device = ask_devices(probe, profile);
	if (device >= 0) {
		ask_info(probe, profile, device);
	}
	ask_ping(probe, profile);
}

void probe_run(struct probe *probe)
{
	struct vmsg_message message;
	enum probe_form form;

	probe->token = 0x7000;
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		const struct vmsg_profile *profile = vmsg_profile(ladder[i]);
		const bool agreed = agree(probe, profile, &message, &form);
		if (i == 0 && !agreed) {
			note_newer(probe, profile, form);
		}
		probe->speaks[profile->id] = agreed;
		if (agreed) {
			const bool is_first = !probe->profile;
			if (is_first) {
				probe->profile = profile;
				note_version(probe, profile, &message);
				ask_rest(probe, profile);
			}
			ask_reset(probe, profile, is_first);
		}
		if (probe->error < 0 || (agreed && !probe->all)) {
			break;
		}
	}
	probe_compare(probe);
}
