/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes <-> messages: the header by hand, the bodies by the walker of engine.h. Built for speed,
 * the hot messages of the newest and the oldest deployed layout are walked over constant rows,
 * which the compiler folds; built for size (-Os), everything takes the general way.
 */
#include "engine.h"
#include "rows.h"

#include "virtio_msg_ffa/proto.h"

VMSG_WALKERS(any, )

#define EARLY_FRAME_SIZE 40u /* a1, a2: the one size of their frames */

int vmsg_blame_short(const struct vmsg_field *fields, size_t count, enum vmsg_layout layout,
		     size_t size, struct vmsg_diagnosis *diagnosis)
{
	size_t end = 0;

	for (size_t i = 0; i < count; i++) {
		if (!(fields[i].layouts & 1u << layout)) {
			continue;
		}
		end += fields[i].width;
		if (end > size) {
			return vmsg_blame(diagnosis, VMSG_ERROR_TRUNCATED, fields[i].name,
					  "ends beyond the body", end, size);
		}
	}
	return VMSG_ERROR_TRUNCATED;
}

int vmsg_blame_count(const struct vmsg_field *fields, size_t count, const struct vmsg_field *tail,
		     uint64_t wanted, uint64_t found, struct vmsg_diagnosis *diagnosis)
{
	const char *name = tail->name;

	for (size_t i = 0; i < count; i++) {
		if (tail->count_size && fields[i].place == tail->count_place &&
		    fields[i].size == tail->count_size && fields[i].layouts & tail->layouts) {
			name = fields[i].name;
		}
	}
	return vmsg_blame(diagnosis, wanted > found ? VMSG_ERROR_TRUNCATED : VMSG_ERROR_TRAILING,
			  name, "asks for a tail of another size than", wanted, found);
}

/* ---- header ---- */

int vmsg_decode_header(const struct vmsg_profile *profile, struct vmsg_bytes frame,
		       struct vmsg_raw_header *header, struct vmsg_diagnosis *diagnosis)
{
	*header = (struct vmsg_raw_header){ 0 };
	if (frame.size >= 4) {
		header->type = frame.data[0];
		header->msg_id = frame.data[1];
		header->dev_num = vmsg_load_le16(frame.data + 2);
	}
	const size_t least = profile->has_size ? profile->header_size : EARLY_FRAME_SIZE;
	if (frame.size < least) {
		return vmsg_blame(diagnosis, VMSG_ERROR_TRUNCATED, "header",
				  "is shorter than the least frame", frame.size, least);
	}
	if (!profile->has_size) {
		header->msg_size = EARLY_FRAME_SIZE;
		return 0;
	}
	if (profile->has_token) {
		header->token = vmsg_load_le16(frame.data + 4);
	}
	header->msg_size = vmsg_load_le16(frame.data + (profile->has_token ? 6 : 4));
	if (header->msg_size < profile->header_size) {
		return vmsg_blame(diagnosis, VMSG_ERROR_BAD_HEADER, "msg_size",
				  "is below the header's size", header->msg_size,
				  profile->header_size);
	}
	if (header->msg_size > frame.size) {
		return vmsg_blame(diagnosis, VMSG_ERROR_BAD_HEADER, "msg_size",
				  "is beyond the frame", header->msg_size, frame.size);
	}
	return 0;
}

/* Type and kind of a frame, its device number checked. */
static int classify(const struct vmsg_profile *profile, const struct vmsg_raw_header *raw,
		    struct vmsg_header *header, struct vmsg_diagnosis *diagnosis)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const bool bus = raw->type & VMSG_TYPE_BUS;
	const bool response = raw->type & VMSG_TYPE_RESPONSE;

	header->dev_num = raw->dev_num;
	header->token = raw->token;
	header->kind = response ? VMSG_RESPONSE : VMSG_REQUEST;
	if (profile->has_size && raw->msg_id == 0 && response) {
		header->type = VMSG_NONE; /* null reply */
		return 0;
	}
	header->type = vmsg_type_find(layout, bus, raw->msg_id);
	if (header->type == VMSG_NONE) {
		return vmsg_blame(diagnosis, VMSG_ERROR_UNKNOWN_ID, "msg_id",
				  bus ? "is no bus message" : "is no transport message",
				  raw->msg_id, 0);
	}
	if (vmsg_row_find(header->type, VMSG_EVENT, layout)) {
		header->kind = VMSG_EVENT;
		if (response) {
			return vmsg_blame(diagnosis, VMSG_ERROR_BAD_FIELD, "type",
					  "marks an event as a response", raw->type, 0);
		}
	} else if (!vmsg_row_find(header->type, header->kind, layout)) {
		return vmsg_blame(diagnosis, VMSG_ERROR_BAD_FIELD, "type",
				  "marks a message that exists only as a response", raw->type, 0);
	}
	if (bus && raw->dev_num != 0 && header->type != VMSG_ERROR && profile->has_size) {
		return vmsg_blame(diagnosis, VMSG_ERROR_BAD_FIELD, "dev_num",
				  "must be 0 in a bus message", raw->dev_num, 0);
	}
	return 0;
}

/* ---- bodies ---- */

static int decode_body(enum vmsg_layout layout, const uint8_t *body, size_t size,
		       struct vmsg_message *message, struct vmsg_diagnosis *diagnosis)
{
	const struct vmsg_row *row =
		vmsg_row_find(message->header.type, message->header.kind, layout);

	if (!row) {
		return VMSG_ERROR_REVISION;
	}
	const struct vmsg_walk walk = { row->fields, row->field_count, layout, diagnosis };
	return vmsg_body_decode_any(&walk, body, size, message);
}

/* Out of line, so that the hot way in front of it saves no registers for it. */
static __attribute__((noinline)) int decode_any(const struct vmsg_profile *profile,
						struct vmsg_bytes frame,
						struct vmsg_message *message,
						struct vmsg_diagnosis *diagnosis)
{
	struct vmsg_raw_header raw;
	int error = vmsg_decode_header(profile, frame, &raw, diagnosis);

	message->header = (struct vmsg_header){
		.dev_num = raw.dev_num,
		.token = raw.token,
		.kind = raw.type & VMSG_TYPE_RESPONSE ? VMSG_RESPONSE : VMSG_REQUEST,
	};
	memset(&message->body, 0, sizeof(message->body));
	if (error < 0) {
		/* what it would have been, for reports */
		message->header.type =
			frame.size < 4 ? VMSG_NONE
				       : vmsg_type_find(vmsg_profile_layout(profile),
							raw.type & VMSG_TYPE_BUS, raw.msg_id);
		return error;
	}
	error = classify(profile, &raw, &message->header, diagnosis);
	if (error < 0 || message->header.type == VMSG_NONE) {
		return error;
	}
	error = decode_body(vmsg_profile_layout(profile), frame.data + profile->header_size,
			    (size_t)raw.msg_size - profile->header_size, message, diagnosis);
	if (error < 0) {
		memset(&message->body, 0, sizeof(message->body));
	}
	return error;
}

static int encode_header(const struct vmsg_profile *profile, const struct vmsg_message *message,
			 size_t size, uint8_t *at)
{
	const struct vmsg_header *header = &message->header;
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const bool bus = header->type == VMSG_NONE || vmsg_type_rows[header->type].bus;

	at[0] = (uint8_t)((header->kind == VMSG_RESPONSE ? VMSG_TYPE_RESPONSE : 0) |
			  (bus ? VMSG_TYPE_BUS : 0));
	at[1] = header->type == VMSG_NONE ? 0 : vmsg_type_rows[header->type].ids[layout];
	vmsg_store_le16(at + 2, header->dev_num);
	if (profile->has_token) {
		vmsg_store_le16(at + 4, header->token);
		vmsg_store_le16(at + 6, (uint16_t)size);
	} else if (profile->has_size) {
		vmsg_store_le16(at + 4, (uint16_t)size);
	} else {
		memset(at + 4, 0, EARLY_FRAME_SIZE - 4);
	}
	return (int)size;
}

/* Size of the frame, its header and body checked; `*row` is NULL for the null reply. */
static int check_any(const struct vmsg_profile *profile, const struct vmsg_message *message,
		     const struct vmsg_row **row, struct vmsg_diagnosis *diagnosis)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const struct vmsg_header *header = &message->header;
	int size = 0;

	*row = NULL;
	if (header->type != VMSG_NONE) {
		*row = (unsigned int)header->type < VMSG_TYPE_COUNT
			       ? vmsg_row_find(header->type, header->kind, layout)
			       : NULL;
		if (!*row) {
			return vmsg_blame(diagnosis, VMSG_ERROR_REVISION, "type",
					  "is no message of this profile", (uint64_t)header->type,
					  0);
		}
		const struct vmsg_walk walk = { (*row)->fields, (*row)->field_count, layout,
						diagnosis };
		size = vmsg_body_check_any(&walk, message);
	} else if (header->kind != VMSG_RESPONSE || !profile->has_size) {
		return vmsg_blame(diagnosis, VMSG_ERROR_REVISION, "type",
				  "is no message of this profile", 0, 0);
	}
	if (size < 0) {
		return size;
	}
	if (!profile->has_token && header->token != 0) {
		return vmsg_blame(diagnosis, VMSG_ERROR_RANGE, "token",
				  "has no place in this profile's header", header->token, 0);
	}
	if (*row && vmsg_type_rows[header->type].bus && header->type != VMSG_ERROR &&
	    profile->has_size && header->dev_num != 0) {
		return vmsg_blame(diagnosis, VMSG_ERROR_RANGE, "dev_num",
				  "must be 0 in a bus message", header->dev_num, 0);
	}
	size += profile->header_size;
	const int limit = profile->has_size ? 65535 : (int)EARLY_FRAME_SIZE;
	if (size > limit) {
		return vmsg_blame(diagnosis, VMSG_ERROR_RANGE, "msg_size",
				  "exceeds the largest frame", (uint64_t)size, (uint64_t)limit);
	}
	return profile->has_size ? size : (int)EARLY_FRAME_SIZE;
}

static __attribute__((noinline)) int encode_any(const struct vmsg_profile *profile,
						const struct vmsg_message *message,
						struct vmsg_span room,
						struct vmsg_diagnosis *diagnosis)
{
	const struct vmsg_row *row;
	const int size = check_any(profile, message, &row, diagnosis);

	if (size < 0) {
		return size;
	}
	if ((size_t)size > room.size) {
		return vmsg_blame(diagnosis, VMSG_ERROR_NO_SPACE, "msg_size",
				  "exceeds the room given", (uint64_t)size, room.size);
	}
	encode_header(profile, message, (size_t)size, room.data);
	if (row) {
		const struct vmsg_walk walk = { row->fields, row->field_count,
						vmsg_profile_layout(profile), NULL };
		vmsg_body_encode_any(&walk, message, room.data + profile->header_size);
	}
	return size;
}

int vmsg_encoded_size(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const struct vmsg_row *row;

	return check_any(profile, message, &row, NULL);
}

#ifndef __OPTIMIZE_SIZE__

/* ---- the hot messages of layout r3, over constant rows ---- */

VMSG_WALKERS(hot, _Pragma("GCC unroll 16"))

#define WALK(fields)                                                                               \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), VMSG_LAYOUT_R3, NULL                 \
	}

/* X(type, kind, class and response bits, fields) */
#define HOT_MESSAGES(X)                                                                            \
	X(VMSG_EVENT_AVAIL, VMSG_EVENT, 0, event_avail)                                            \
	X(VMSG_EVENT_USED, VMSG_EVENT, 0, event_used)                                              \
	X(VMSG_SET_VQUEUE, VMSG_REQUEST, 0, set_vqueue)                                            \
	X(VMSG_GET_CONFIG, VMSG_REQUEST, 0, get_config_request)                                    \
	X(VMSG_GET_CONFIG, VMSG_RESPONSE, VMSG_TYPE_RESPONSE, config)                              \
	X(VMSG_SET_CONFIG, VMSG_REQUEST, 0, config)

/* 1 when the frame is none of them or has any fault: the general way then says what it is. */
static inline int decode_hot(const uint8_t *restrict at, size_t room,
			     struct vmsg_message *restrict message)
{
	if (room < 8) {
		return 1;
	}
	const size_t size = vmsg_load_le16(at + 6);
	const unsigned int type = at[0] & (VMSG_TYPE_BUS | VMSG_TYPE_RESPONSE);
	const unsigned int id = at[1];

	if (size < 8 || size > room) {
		return 1;
	}
#define DECODE(type_, kind_, bits, fields)                                                         \
	if (id == vmsg_type_table[type_].ids[VMSG_LAYOUT_R3] && type == (bits)) {                  \
		const struct vmsg_walk walk = WALK(fields);                                        \
		message->header = (struct vmsg_header){                                            \
			.type = (type_),                                                           \
			.kind = (kind_),                                                           \
			.dev_num = vmsg_load_le16(at + 2),                                         \
			.token = vmsg_load_le16(at + 4),                                           \
		};                                                                                 \
		return vmsg_body_decode_hot(&walk, at + 8, size - 8, message) < 0;                 \
	}
	HOT_MESSAGES(DECODE)
#undef DECODE
	return 1;
}

/* The size, or -1 for any other message and any fault. */
static inline int encode_hot(const struct vmsg_message *restrict message, uint8_t *restrict at,
			     size_t room)
{
	const struct vmsg_header *header = &message->header;

#define ENCODE(type_, kind_, bits, fields)                                                         \
	if (header->type == (type_) && header->kind == (kind_)) {                                  \
		const struct vmsg_walk walk = WALK(fields);                                        \
		const int body = vmsg_body_check_hot(&walk, message);                              \
		const size_t size = (size_t)body + 8;                                              \
		if (body < 0 || size > room || size > 65535) {                                     \
			return -1;                                                                 \
		}                                                                                  \
		at[0] = (bits);                                                                    \
		at[1] = vmsg_type_table[type_].ids[VMSG_LAYOUT_R3];                                \
		vmsg_store_le16(at + 2, header->dev_num);                                          \
		vmsg_store_le16(at + 4, header->token);                                            \
		vmsg_store_le16(at + 6, (uint16_t)size);                                           \
		vmsg_body_encode_hot(&walk, message, at + 8);                                      \
		return (int)size;                                                                  \
	}
	HOT_MESSAGES(ENCODE)
#undef ENCODE
	return -1;
}

int vmsg_decode(const struct vmsg_profile *profile, struct vmsg_bytes frame,
		struct vmsg_message *message, struct vmsg_diagnosis *diagnosis)
{
	if (profile->id == VMSG_PROFILE_R3 && decode_hot(frame.data, frame.size, message) == 0) {
		return 0;
	}
	return decode_any(profile, frame, message, diagnosis);
}

int vmsg_encode(const struct vmsg_profile *profile, const struct vmsg_message *message,
		struct vmsg_span room, struct vmsg_diagnosis *diagnosis)
{
	if (profile->id == VMSG_PROFILE_R3) {
		const int size = encode_hot(message, room.data, room.size);
		if (size > 0) {
			return size;
		}
	}
	return encode_any(profile, message, room, diagnosis);
}

#else

int vmsg_decode(const struct vmsg_profile *profile, struct vmsg_bytes frame,
		struct vmsg_message *message, struct vmsg_diagnosis *diagnosis)
{
	return decode_any(profile, frame, message, diagnosis);
}

int vmsg_encode(const struct vmsg_profile *profile, const struct vmsg_message *message,
		struct vmsg_span room, struct vmsg_diagnosis *diagnosis)
{
	return encode_any(profile, message, room, diagnosis);
}

#endif

/* ---- dialects and addresses ---- */

const struct vmsg_profile *vmsg_profile_detect(struct vmsg_bytes frame, bool response)
{
	/* {size at 4 (0: any), size at 6, profile}, in the order of wire-revisions 1.3 */
	static const struct {
		uint16_t at4, at6;
		uint8_t profile;
	} requests[] = {
		{ 0, 20, VMSG_PROFILE_R3 },  { 0, 16, VMSG_PROFILE_R2B }, { 0, 26, VMSG_PROFILE_R2A },
		{ 24, 1, VMSG_PROFILE_R1 }, { 10, 1, VMSG_PROFILE_R0 },
	}, responses[] = {
		{ 0, 30, VMSG_PROFILE_R3 }, { 0, 26, VMSG_PROFILE_R2B }, { 24, 0, VMSG_PROFILE_R1 },
		{ 16, 0, VMSG_PROFILE_R0 },
	};
	uint8_t head[8] = { 0 };

	memcpy(head, frame.data, frame.size < 8 ? frame.size : 8);
	const unsigned int type = VMSG_TYPE_BUS | (response ? VMSG_TYPE_RESPONSE : 0);
	if (!response && (head[0] & 3u) == VMSG_TYPE_BUS && head[1] == 1 && frame.size == 40) {
		return vmsg_profile(VMSG_PROFILE_A1);
	}
	if ((head[0] & 3u) != type || head[1] != 0x80 || head[2] || head[3]) {
		return NULL;
	}
	const uint16_t at4 = vmsg_load_le16(head + 4);
	const uint16_t at6 = vmsg_load_le16(head + 6);
	const size_t count = response ? 4 : 5;
	for (size_t i = 0; i < count; i++) {
		const uint16_t want4 = response ? responses[i].at4 : requests[i].at4;
		const uint16_t want6 = response ? responses[i].at6 : requests[i].at6;
		if ((!want4 || want4 == at4) && (!want6 || want6 == at6)) {
			return vmsg_profile((enum vmsg_profile_id)(response ? responses[i].profile
									    : requests[i].profile));
		}
	}
	return NULL;
}

int vmsg_address_make(const struct vmsg_profile *profile, uint32_t area_id, uint64_t offset,
		      uint64_t *address)
{
	*address = 0;
	if (offset >> profile->area_id_shift || area_id >> (64 - profile->area_id_shift)) {
		return VMSG_ERROR_RANGE;
	}
	*address = (uint64_t)area_id << profile->area_id_shift | offset;
	return 0;
}

void vmsg_address_split(const struct vmsg_profile *profile, uint64_t address, uint16_t *area_id,
			uint64_t *offset)
{
	*area_id = (uint16_t)(address >> profile->area_id_shift);
	*offset = address & ((1ull << profile->area_id_shift) - 1);
}
