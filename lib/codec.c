/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes <-> messages: the header by hand, the bodies by the walker of engine.h. Built for speed,
 * the hot messages of the newest layout are walked over constant rows, which the compiler folds;
 * built for size (-Os), everything takes the general way. Invariant: the hot way knows no errors;
 * whatever it does not take goes the general way, which says what is wrong.
 */
#include "engine.h"
#include "rows.h"

#include "virtio_msg_ffa/proto.h"

#define EARLY_FRAME_SIZE 40u    /* a1, a2: the one size of their frames */
#define FRAME_SIZE_MAX   65535u /* msg_size has no more bits, whatever older texts say (O4) */
#define TYPE_BITS        (VMSG_TYPE_BUS | VMSG_TYPE_RESPONSE)

VMSG_WALKERS(any, )

VMSG_CALLED int vmsg_blame(struct vmsg_diagnosis *diagnosis, unsigned int fault, size_t value,
			   size_t limit)
{
	if (diagnosis) {
		diagnosis->rule = (enum vmsg_rule)(fault >> 8);
		diagnosis->value = value;
		diagnosis->limit = limit;
	}
	return -(int)(fault & 0xff);
}

/* Whom the diagnosis is about; what is wrong follows by vmsg_blame(). */
static void accuse(struct vmsg_diagnosis *diagnosis, const struct vmsg_profile *profile,
		   const struct vmsg_header *header)
{
	if (diagnosis) {
		*diagnosis = (struct vmsg_diagnosis){
			.profile = profile,
			.type = header->type,
			.kind = header->kind,
		};
	}
}

/* ---- decode ---- */

int vmsg_decode_header(const struct vmsg_profile *profile, struct vmsg_bytes frame,
		       struct vmsg_raw_header *header, struct vmsg_diagnosis *diagnosis)
{
	static const struct vmsg_header unknown;
	const size_t least = profile->has_size ? profile->header_size : EARLY_FRAME_SIZE;

	accuse(diagnosis, profile, &unknown);
	*header = (struct vmsg_raw_header){ 0 };
	if (frame.size >= 4) {
		header->type = frame.data[0];
		header->msg_id = frame.data[1];
		header->dev_num = vmsg_load_le16(frame.data + 2);
	}
	if (frame.size < least) {
		return vmsg_blame(diagnosis, VMSG_FAULT(HEADER_SHORT, TRUNCATED), frame.size,
				  least);
	}
	if (!profile->has_size) {
		header->msg_size = EARLY_FRAME_SIZE;
		return 0;
	}
	if (profile->has_token) {
		header->token = vmsg_load_le16(frame.data + 4);
	}
	header->msg_size = vmsg_load_le16(frame.data + profile->header_size - 2);
	if (header->msg_size < profile->header_size) {
		return vmsg_blame(diagnosis, VMSG_FAULT(SIZE_SMALL, BAD_HEADER), header->msg_size,
				  profile->header_size);
	}
	if (header->msg_size > frame.size) {
		return vmsg_blame(diagnosis, VMSG_FAULT(SIZE_LARGE, BAD_HEADER), header->msg_size,
				  frame.size);
	}
	return 0;
}

/* Type and kind of a frame whose header could be read, NONE and the bit's kind of an unknown one.
 */
static void name_header(const struct vmsg_profile *profile, const struct vmsg_raw_header *raw,
			struct vmsg_header *header)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);

	header->type = vmsg_type_find(layout, raw->type & VMSG_TYPE_BUS, raw->msg_id);
	header->kind = raw->type & VMSG_TYPE_RESPONSE                    ? VMSG_RESPONSE
		       : vmsg_row_find(header->type, VMSG_EVENT, layout) ? VMSG_EVENT
									 : VMSG_REQUEST;
	header->dev_num = raw->dev_num;
	header->token = raw->token;
}

/* The rules between the fields of the header; `*row` is NULL for the null reply. */
static int check_header(const struct vmsg_profile *profile, const struct vmsg_raw_header *raw,
			const struct vmsg_header *header, const struct vmsg_row **row,
			struct vmsg_diagnosis *diagnosis)
{
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const bool bus = raw->type & VMSG_TYPE_BUS;

	*row = vmsg_row_find(header->type, header->kind, layout);
	if (header->type == VMSG_NONE &&
	    (!profile->has_size || raw->msg_id != 0 || (raw->type & TYPE_BITS) != TYPE_BITS ||
	     raw->msg_size != profile->header_size)) {
		return vmsg_blame(diagnosis, VMSG_FAULT(UNKNOWN_ID, UNKNOWN_ID), raw->msg_id, bus);
	}
	if (header->type != VMSG_NONE && !*row) {
		return vmsg_blame(diagnosis,
				  header->kind == VMSG_RESPONSE
					  ? VMSG_FAULT(EVENT_RESPONSE, BAD_FIELD)
					  : VMSG_FAULT(RESPONSE_ONLY, BAD_FIELD),
				  raw->type, 0);
	}
	if (bus && raw->dev_num != 0 && header->type != VMSG_ERROR && profile->has_size) {
		return vmsg_blame(diagnosis, VMSG_FAULT(BUS_DEVICE, BAD_FIELD), raw->dev_num, 0);
	}
	return 0;
}

/* A list of devices goes on beyond the slots that it has told of, or, from r3 on, beyond its first:
 * otherwise who reads it would never come to an end. */
static int check_next_offset(const struct vmsg_profile *profile, const struct vmsg_walk *walk,
			     const struct vmsg_message *message, unsigned int fault)
{
	const struct vmsg_get_devices_response *list = &message->body.get_devices_response;
	uint32_t field = 0;

	if (message->header.type != VMSG_GET_DEVICES || message->header.kind != VMSG_RESPONSE ||
	    !profile->has_size) {
		return 0;
	}
	const uint32_t slots = profile->has_ordered_device_window && list->count ? list->count : 1;
	const uint32_t least = list->offset + slots;
	if (list->next_offset == 0 || list->next_offset >= least) {
		return 0;
	}
	while (walk->fields[field].place != PLACE(get_devices_response.next_offset) ||
	       !(walk->fields[field].layouts & walk->layout)) {
		field++;
	}
	vmsg_walk_stop(walk, field);
	return vmsg_blame(walk->diagnosis, fault, list->next_offset, least);
}

/* Out of line, so that the hot way in front of it saves no registers for it. */
VMSG_NOINLINE int decode_any(const struct vmsg_profile *profile, struct vmsg_bytes frame,
			     struct vmsg_message *message, struct vmsg_diagnosis *diagnosis)
{
	const struct vmsg_row *row = NULL;
	struct vmsg_raw_header raw;
	int error = vmsg_decode_header(profile, frame, &raw, diagnosis);

	*message = (struct vmsg_message){ 0 };
	if (frame.size >= 4) {
		name_header(profile, &raw, &message->header);
	}
	if (diagnosis) {
		diagnosis->type = message->header.type;
		diagnosis->kind = message->header.kind;
	}
	if (error == 0) {
		error = check_header(profile, &raw, &message->header, &row, diagnosis);
	}
	if (error < 0 || !row) {
		return error;
	}
	const struct vmsg_walk walk = { vmsg_row_fields(row), row->field_count,
					1u << vmsg_profile_layout(profile), diagnosis };
	error = vmsg_body_decode_any(&walk, frame.data + profile->header_size,
				     (size_t)raw.msg_size - profile->header_size,
				     (uint8_t *)&message->body);
	if (error == 0) {
		error = check_next_offset(profile, &walk, message, VMSG_FAULT(ORDER, BAD_FIELD));
	}
	if (error < 0) {
		memset(&message->body, 0, sizeof(message->body));
	}
	return error;
}

/* ---- encode ---- */

static void encode_header(const struct vmsg_profile *profile, const struct vmsg_header *header,
			  int size, uint8_t *at)
{
	const bool bus = header->type == VMSG_NONE || vmsg_type_is_bus(header->type);
	const int id = vmsg_type_id(header->type, vmsg_profile_layout(profile));

	at[0] = (uint8_t)((header->kind == VMSG_RESPONSE ? VMSG_TYPE_RESPONSE : 0) |
			  (bus ? VMSG_TYPE_BUS : 0));
	at[1] = (uint8_t)(id < 0 ? 0 : id);
	vmsg_store_le16(at + 2, header->dev_num);
	if (!profile->has_size) {
		memset(at + 4, 0, EARLY_FRAME_SIZE - 4);
		return;
	}
	vmsg_store_le16(at + 4, header->token);
	vmsg_store_le16(at + profile->header_size - 2, (uint16_t)size);
}

/* Checks a body, or writes it at `at`: bytes of it. */
VMSG_ONCE int encode_body(const struct vmsg_walk *walk, const struct vmsg_message *message,
			  uint8_t *at)
{
	/* checking again while it is written is smaller than not to */
	const struct vmsg_task task = { .check = VMSG_FOR_SIZE || !at, .write = at != NULL };

	return vmsg_body_encode_any(walk, (const uint8_t *)&message->body, at, task);
}

/* Checks header and body, and writes the frame if there is `room`: the size of it. */
VMSG_NOINLINE int encode_any(const struct vmsg_profile *profile, const struct vmsg_message *message,
			     const struct vmsg_span *room, struct vmsg_diagnosis *diagnosis)
{
	const struct vmsg_header *header = &message->header;
	const enum vmsg_layout layout = vmsg_profile_layout(profile);
	const struct vmsg_row *row = vmsg_row_find(header->type, header->kind, layout);
	const bool null_reply = header->type == VMSG_NONE && header->kind == VMSG_RESPONSE;
	struct vmsg_walk walk = { NULL, 0, 1u << layout, diagnosis };

	accuse(diagnosis, profile, header);
	if (row) {
		walk.fields = vmsg_row_fields(row);
		walk.count = row->field_count;
	} else if (!null_reply || !profile->has_size) {
		return vmsg_blame(diagnosis, VMSG_FAULT(NO_MESSAGE, REVISION), (size_t)header->type,
				  (size_t)header->kind);
	}
	int size = encode_body(&walk, message, NULL);
	const int error =
		size < 0 ? size
			 : check_next_offset(profile, &walk, message, VMSG_FAULT(ORDER, RANGE));
	if (error < 0) {
		return error;
	}
	if (!profile->has_token && header->token != 0) {
		return vmsg_blame(diagnosis, VMSG_FAULT(NO_TOKEN, RANGE), header->token, 0);
	}
	const bool bus = null_reply || vmsg_type_is_bus(header->type);
	if (bus && header->type != VMSG_ERROR && profile->has_size && header->dev_num != 0) {
		return vmsg_blame(diagnosis, VMSG_FAULT(BUS_DEVICE, RANGE), header->dev_num, 0);
	}
	/* the rows of the early layouts all fit */
	size = profile->has_size ? size + profile->header_size : (int)EARLY_FRAME_SIZE;
	if (size > (int)FRAME_SIZE_MAX) {
		return vmsg_blame(diagnosis, VMSG_FAULT(SIZE_RANGE, RANGE), (size_t)size,
				  FRAME_SIZE_MAX);
	}
	if (!room) {
		return size;
	}
	if ((size_t)size > room->size) {
		return vmsg_blame(diagnosis, VMSG_FAULT(SIZE_LARGE, NO_SPACE), (size_t)size,
				  room->size);
	}
	encode_header(profile, header, size, room->data);
	(void)encode_body(&walk, message, room->data + profile->header_size);
	return size;
}

int vmsg_encoded_size(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	return encode_any(profile, message, NULL, NULL);
}

#ifdef __OPTIMIZE_SIZE__

static inline bool decode_hot(struct vmsg_bytes frame, struct vmsg_message *message)
{
	(void)frame;
	(void)message;
	return false;
}

static inline int encode_hot(const struct vmsg_message *message, struct vmsg_span room)
{
	(void)message;
	(void)room;
	return -1;
}

#else

/* ---- the hot messages of layout r3, over constant rows ---- */

VMSG_WALKERS(hot, _Pragma("GCC unroll 16"))

#define WALK(row)                                                                                  \
	{                                                                                          \
		body_fields + FIRST_FIELD(row), FIELD_COUNT(row), R3, NULL                         \
	}

#define CHECK                            ((struct vmsg_task){ true, false })
#define WRITE                            ((struct vmsg_task){ false, true })

/* Numbers as constants, which a switch needs. */
#define R3_ID(type, a1, a2, r0, r1, ...) ID_##type = r1,
enum { VMSG_TYPES(R3_ID) };

/* X(type, kind, class and response bits, body) */
#define HOT_MESSAGES(X)                                                                            \
	X(SET_VQUEUE, REQUEST, 0, set_vqueue)                                                      \
	X(EVENT_AVAIL, EVENT, 0, event_avail)                                                      \
	X(EVENT_USED, EVENT, 0, event_used)                                                        \
	X(GET_CONFIG, REQUEST, 0, get_config_request)                                              \
	X(GET_CONFIG, RESPONSE, VMSG_TYPE_RESPONSE, config)                                        \
	X(SET_CONFIG, REQUEST, 0, config)

/* Bytes of the fields before a tail. One comparison with it makes those of the walk fold. */
VMSG_ALWAYS_INLINE size_t fixed_size(const struct vmsg_walk *walk)
{
	size_t size = 0;

	_Pragma("GCC unroll 16") for (size_t i = 0; i < walk->count; i++)
	{
		size += walk->fields[i].layouts & walk->layout ? walk->fields[i].width : 0;
	}
	return size;
}

static inline bool decode_hot(struct vmsg_bytes frame, struct vmsg_message *restrict message)
{
	const uint8_t *restrict at = frame.data;

	if (frame.size < 8) {
		return false;
	}
	const size_t size = vmsg_load_le16(at + 6);
	if (size > frame.size) {
		return false;
	}
	switch (vmsg_load_le16(at) & (0xff00 | TYPE_BITS)) {
#define DECODE(type_, kind_, bits, row)                                                            \
	case ID_##type_ << 8 | (bits): {                                                           \
		const struct vmsg_walk walk = WALK(row);                                           \
		if (size < 8 + fixed_size(&walk)) {                                                \
			return false;                                                              \
		}                                                                                  \
		message->header = (struct vmsg_header){                                            \
			.type = VMSG_##type_,                                                      \
			.kind = VMSG_##kind_,                                                      \
			.dev_num = vmsg_load_le16(at + 2),                                         \
			.token = vmsg_load_le16(at + 4),                                           \
		};                                                                                 \
		return vmsg_body_decode_hot(&walk, at + 8, size - 8, (uint8_t *)&message->body) == \
		       0;                                                                          \
	}
		HOT_MESSAGES(DECODE)
#undef DECODE
	default:
		return false;
	}
}

/* The size, or < 0 for any other message and any fault. */
static inline int encode_hot(const struct vmsg_message *restrict message, struct vmsg_span room)
{
	const struct vmsg_header *header = &message->header;
	uint8_t *restrict at = room.data;

#define ENCODE(type_, kind_, bits, row)                                                            \
	if (header->type == VMSG_##type_ && header->kind == VMSG_##kind_) {                        \
		const struct vmsg_walk walk = WALK(row);                                           \
		const uint8_t *members = (const uint8_t *)&message->body;                          \
		const int body = vmsg_body_encode_hot(&walk, members, NULL, CHECK);                \
		const size_t size = (size_t)body + 8;                                              \
		if (body < 0 || size > room.size || size > FRAME_SIZE_MAX) {                       \
			return -1;                                                                 \
		}                                                                                  \
		at[0] = (bits);                                                                    \
		at[1] = ID_##type_;                                                                \
		vmsg_store_le16(at + 2, header->dev_num);                                          \
		vmsg_store_le16(at + 4, header->token);                                            \
		vmsg_store_le16(at + 6, (uint16_t)size);                                           \
		(void)vmsg_body_encode_hot(&walk, members, at + 8, WRITE);                         \
		return (int)size;                                                                  \
	}
	HOT_MESSAGES(ENCODE)
#undef ENCODE
	return -1;
}

#endif

int vmsg_decode(const struct vmsg_profile *profile, struct vmsg_bytes frame,
		struct vmsg_message *message, struct vmsg_diagnosis *diagnosis)
{
	if (profile->id == VMSG_PROFILE_R3 && decode_hot(frame, message)) {
		return 0;
	}
	return decode_any(profile, frame, message, diagnosis);
}

/* By value and out of line where speed counts: a hot message need not put `room` into memory. */
VMSG_APART int encode_into(const struct vmsg_profile *profile, const struct vmsg_message *message,
			   struct vmsg_span room, struct vmsg_diagnosis *diagnosis)
{
	return encode_any(profile, message, &room, diagnosis);
}

int vmsg_encode(const struct vmsg_profile *profile, const struct vmsg_message *message,
		struct vmsg_span room, struct vmsg_diagnosis *diagnosis)
{
	const int size = profile->id == VMSG_PROFILE_R3 ? encode_hot(message, room) : -1;

	return size >= 0 ? size : encode_into(profile, message, room, diagnosis);
}

/* ---- dialects and addresses ---- */

/* The length is the version: numbers of revisions have not changed when layouts have (O1, O2). */
const struct vmsg_profile *vmsg_profile_detect(struct vmsg_bytes frame, bool response)
{
	/* size at byte 4 or 6 (0: any), in the order of wire-revisions 1.3 */
	static const struct {
		uint8_t response, at4, at6, profile;
	} forms[] = {
		{ 0, 0, 20, VMSG_PROFILE_R3 },  { 0, 0, 16, VMSG_PROFILE_R2B },
		{ 0, 0, 26, VMSG_PROFILE_R2A }, { 0, 24, 1, VMSG_PROFILE_R1 },
		{ 0, 10, 1, VMSG_PROFILE_R0 },  { 1, 0, 30, VMSG_PROFILE_R3 },
		{ 1, 0, 26, VMSG_PROFILE_R2B }, { 1, 24, 0, VMSG_PROFILE_R1 },
		{ 1, 16, 0, VMSG_PROFILE_R0 },
	};
	uint8_t head[8] = { 0 };

	memcpy(head, frame.data, frame.size < 8 ? frame.size : 8);
	if (!response && (head[0] & 3u) == VMSG_TYPE_BUS && head[1] == 1 && frame.size == 40) {
		return vmsg_profile(VMSG_PROFILE_A1);
	}
	if ((head[0] & 3u) != VMSG_TYPE_BUS + response || vmsg_load_le32(head) >> 8 != 0x80) {
		return NULL;
	}
	const uint16_t at4 = vmsg_load_le16(head + 4);
	const uint16_t at6 = vmsg_load_le16(head + 6);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].response == response && (!forms[i].at4 || forms[i].at4 == at4) &&
		    (!forms[i].at6 || forms[i].at6 == at6)) {
			return vmsg_profile((enum vmsg_profile_id)forms[i].profile);
		}
	}
	return NULL;
}

int vmsg_address_make(const struct vmsg_profile *profile, uint32_t area_id, uint64_t offset,
		      uint64_t *address)
{
	*address = 0;
	if (vmsg_high_bits(offset, profile->area_id_shift) ||
	    area_id >> (64 - profile->area_id_shift)) {
		return VMSG_ERROR_RANGE;
	}
	*address = vmsg_from_high_bits(area_id, profile->area_id_shift) | offset;
	return 0;
}

void vmsg_address_split(const struct vmsg_profile *profile, uint64_t address, uint16_t *area_id,
			uint64_t *offset)
{
	*area_id = (uint16_t)vmsg_high_bits(address, profile->area_id_shift);
	*offset = address - vmsg_from_high_bits(*area_id, profile->area_id_shift);
}
