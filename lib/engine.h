/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a row of the message table is, and the walker over its fields: size, encode, decode. The
 * walker is inlined wherever it is used: once over rows found at run time, and again over constant
 * rows for the hot messages, where the compiler folds table and walker into straight loads.
 */
#ifndef VMSG_LIB_ENGINE_H
#define VMSG_LIB_ENGINE_H

#include "bytes.h"
#include "port.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"

/* A layout is the wire form of a profile; r1-a16 shares that of r1. One bit each. */
enum vmsg_layout {
	VMSG_LAYOUT_A1,
	VMSG_LAYOUT_A2,
	VMSG_LAYOUT_R0,
	VMSG_LAYOUT_R1,
	VMSG_LAYOUT_R2A,
	VMSG_LAYOUT_R2B,
	VMSG_LAYOUT_R3,
	VMSG_LAYOUT_COUNT
};

enum vmsg_field_kind {
	VMSG_FIELD_UINT,
	VMSG_FIELD_BLOCKS,   /* wire carries bits, the struct blocks of 32 */
	VMSG_FIELD_LOW31,    /* bits 30:0 of a word that the next field completes */
	VMSG_FIELD_BIT31,    /* bit 31 of that word */
	VMSG_FIELD_UUID,     /* 16 bytes */
	VMSG_FIELD_RESERVED, /* written as zero, ignored on receive */
	VMSG_FIELD_BYTES,    /* tail: as many bytes as the count field says */
	VMSG_FIELD_MAYBE,    /* tail: none, or as many bytes as the count field says */
	VMSG_FIELD_WORDS,    /* tail: 32-bit words as the count field says */
	VMSG_FIELD_BITMAP,   /* tail: one bit for each of the count field's slots */
	VMSG_FIELD_FIXED, /* `width` bytes of which the count field says how many mean something */
};

struct vmsg_field {
	const char *name;
	uint16_t place;       /* of the member in struct vmsg_message */
	uint16_t count_place; /* tails: of the 32- or 16-bit member that counts them */
	uint8_t size;         /* of the member: 1, 2, 4 or 8 */
	uint8_t count_size;
	uint8_t kind;
	uint8_t width;   /* bytes on the wire; tails: 0 */
	uint8_t layouts; /* which carry it */
};

/* One body: a message type, a kind, the layouts that have it, its fields in wire order. */
struct vmsg_row {
	const struct vmsg_field *fields;
	uint8_t field_count;
	uint8_t type;
	uint8_t kind;
	uint8_t layouts;
};

/* What a message type is called, its class, and its number in each layout (VMSG_NO_ID: none). */
#define VMSG_NO_ID 0xffu

struct vmsg_type_row {
	const char *name;
	bool bus;
	uint8_t ids[VMSG_LAYOUT_COUNT];
};

extern const struct vmsg_row vmsg_rows[];
extern const size_t vmsg_row_count;
extern const struct vmsg_type_row *const vmsg_type_rows;

enum vmsg_layout vmsg_profile_layout(const struct vmsg_profile *profile);

/* Type of a number, VMSG_NONE when the layout has none. */
enum vmsg_type vmsg_type_find(enum vmsg_layout layout, bool bus, uint8_t msg_id);

/* Row of a body, NULL when the layout has none. */
const struct vmsg_row *vmsg_row_find(enum vmsg_type type, enum vmsg_kind kind,
				     enum vmsg_layout layout);

VMSG_ALWAYS_INLINE bool vmsg_field_is_tail(const struct vmsg_field *field)
{
	return field->kind >= VMSG_FIELD_BYTES && field->kind <= VMSG_FIELD_BITMAP;
}

VMSG_ALWAYS_INLINE uint64_t vmsg_member_load(const void *message, size_t place, size_t size)
{
	const uint8_t *at = (const uint8_t *)message + place;

	switch (size) {
	case 1:
		return *at;
	case 2:
		return *(const uint16_t *)(const void *)at;
	case 4:
		return *(const uint32_t *)(const void *)at;
	default:
		return *(const uint64_t *)(const void *)at;
	}
}

VMSG_ALWAYS_INLINE void vmsg_member_store(void *message, size_t place, size_t size, uint64_t value)
{
	uint8_t *at = (uint8_t *)message + place;

	switch (size) {
	case 1:
		*at = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)(void *)at = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)(void *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)(void *)at = value;
		break;
	}
}

VMSG_ALWAYS_INLINE uint64_t vmsg_wire_load(const uint8_t *at, size_t width)
{
	switch (width) {
	case 1:
		return at[0];
	case 2:
		return vmsg_load_le16(at);
	case 3:
		return (uint64_t)vmsg_load_le16(at) | (uint64_t)at[2] << 16;
	case 4:
		return vmsg_load_le32(at);
	default:
		return vmsg_load_le64(at);
	}
}

VMSG_ALWAYS_INLINE void vmsg_wire_store(uint8_t *at, size_t width, uint64_t value)
{
	switch (width) {
	case 1:
		at[0] = (uint8_t)value;
		break;
	case 2:
		vmsg_store_le16(at, (uint16_t)value);
		break;
	case 3:
		vmsg_store_le16(at, (uint16_t)value);
		at[2] = (uint8_t)(value >> 16);
		break;
	case 4:
		vmsg_store_le32(at, (uint32_t)value);
		break;
	default:
		vmsg_store_le64(at, value);
		break;
	}
}

/* Bytes of a tail whose count field holds `count`. 64 bits: the count is a peer's number. */
VMSG_ALWAYS_INLINE uint64_t vmsg_tail_size(const struct vmsg_field *field, uint64_t count)
{
	switch (field->kind) {
	case VMSG_FIELD_WORDS:
		return count * 4;
	case VMSG_FIELD_BITMAP:
		return (count + 7) / 8;
	default:
		return count;
	}
}

VMSG_ALWAYS_INLINE int vmsg_blame(struct vmsg_diagnosis *diagnosis, int error, const char *field,
				  const char *reason, uint64_t value, uint64_t limit)
{
	if (diagnosis) {
		*diagnosis = (struct vmsg_diagnosis){ field, reason, value, limit };
	}
	return error;
}

/* Cold paths: say which field is cut short, or which count disagrees with its tail. */
int vmsg_blame_short(const struct vmsg_field *fields, size_t count, enum vmsg_layout layout,
		     size_t size, struct vmsg_diagnosis *diagnosis);
int vmsg_blame_count(const struct vmsg_field *fields, size_t count, const struct vmsg_field *tail,
		     uint64_t wanted, uint64_t found, struct vmsg_diagnosis *diagnosis);

/* Where a walk stands: the row, the layout, and the body's bytes. */
struct vmsg_walk {
	const struct vmsg_field *fields;
	size_t count;
	enum vmsg_layout layout;
	struct vmsg_diagnosis *diagnosis;
};

VMSG_ALWAYS_INLINE bool vmsg_walk_has(const struct vmsg_walk *walk, size_t i)
{
	return walk->fields[i].layouts & 1u << walk->layout;
}

/* Bytes that the count field of a tail asks for; without one, all `width` of them. */
VMSG_ALWAYS_INLINE uint64_t vmsg_walk_wanted(const struct vmsg_field *field,
					     const struct vmsg_message *message)
{
	return field->count_size
		       ? vmsg_tail_size(field, vmsg_member_load(message, field->count_place,
								field->count_size))
		       : field->width;
}

/* Takes a tail of `left` bytes at most. */
VMSG_ALWAYS_INLINE int vmsg_walk_take_tail(const struct vmsg_walk *walk, size_t i,
					   const uint8_t *at, size_t left,
					   struct vmsg_message *message)
{
	const struct vmsg_field *field = &walk->fields[i];
	struct vmsg_bytes *tail = (struct vmsg_bytes *)(void *)((uint8_t *)message + field->place);
	const bool absent = field->kind == VMSG_FIELD_MAYBE && left == 0;
	const uint64_t wanted = absent ? 0 : vmsg_walk_wanted(field, message);
	const size_t room = field->width ? field->width : left;

	if (wanted > room || (wanted < room && !field->width)) {
		return vmsg_blame_count(walk->fields, walk->count, field, wanted, room,
					walk->diagnosis);
	}
	*tail = (struct vmsg_bytes){ wanted ? at : NULL, (size_t)wanted };
	return 0;
}

/* Decodes one field at `at`, of which `left` bytes remain; fixed parts are known to be there. */
VMSG_ALWAYS_INLINE int vmsg_walk_decode(const struct vmsg_walk *walk, size_t i, const uint8_t *at,
					size_t left, struct vmsg_message *message)
{
	const struct vmsg_field *field = &walk->fields[i];
	uint64_t value;

	switch (field->kind) {
	case VMSG_FIELD_RESERVED:
		if (field->size == 0) {
			return 0;
		}
		value = vmsg_wire_load(at, field->width);
		break;
	case VMSG_FIELD_UINT:
		value = vmsg_wire_load(at, field->width);
		break;
	case VMSG_FIELD_BLOCKS:
		value = vmsg_load_le32(at);
		if (value % 32 != 0) {
			return vmsg_blame(walk->diagnosis, VMSG_ERROR_BAD_FIELD, field->name,
					  "is no multiple of", value, 32);
		}
		value /= 32;
		break;
	case VMSG_FIELD_LOW31:
		value = vmsg_load_le32(at) & 0x7fffffffu;
		break;
	case VMSG_FIELD_BIT31:
		value = vmsg_load_le32(at) >> 31;
		break;
	case VMSG_FIELD_UUID:
		memcpy((uint8_t *)message + field->place, at, 16);
		return 0;
	default:
		return vmsg_walk_take_tail(walk, i, at, left, message);
	}
	vmsg_member_store(message, field->place, field->size, value);
	return 0;
}

/* Largest value that a number field carries. */
VMSG_ALWAYS_INLINE uint64_t vmsg_field_limit(const struct vmsg_field *field)
{
	switch (field->kind) {
	case VMSG_FIELD_BLOCKS:
		return UINT32_MAX / 32;
	case VMSG_FIELD_LOW31:
		return 0x7fffffffu;
	case VMSG_FIELD_BIT31:
		return 1;
	default:
		return field->width < field->size ? (1ull << 8 * field->width) - 1 : UINT64_MAX;
	}
}

/* Checks that the layout can carry one field; `*size` grows by a tail's bytes. */
VMSG_ALWAYS_INLINE int vmsg_walk_check(const struct vmsg_walk *walk, size_t i,
				       const struct vmsg_message *message, size_t *size)
{
	const struct vmsg_field *field = &walk->fields[i];

	if (field->kind == VMSG_FIELD_RESERVED || field->kind == VMSG_FIELD_UUID) {
		return 0;
	}
	if (field->kind >= VMSG_FIELD_BYTES) {
		const struct vmsg_bytes *tail =
			(const struct vmsg_bytes *)(const void *)((const uint8_t *)message +
								  field->place);
		const uint64_t wanted = vmsg_walk_wanted(field, message);
		const bool absent = field->kind == VMSG_FIELD_MAYBE && tail->size == 0;
		if (wanted != tail->size && !absent) {
			(void)vmsg_blame_count(walk->fields, walk->count, field, wanted, tail->size,
					       walk->diagnosis);
			return VMSG_ERROR_BAD_FIELD;
		}
		if (field->width && tail->size > field->width) {
			return vmsg_blame(walk->diagnosis, VMSG_ERROR_RANGE, field->name,
					  "is longer than its field", tail->size, field->width);
		}
		*size += field->width ? 0 : tail->size;
		return 0;
	}
	const uint64_t limit = vmsg_field_limit(field);
	if (limit == UINT64_MAX) {
		return 0;
	}
	const uint64_t value = vmsg_member_load(message, field->place, field->size);
	if (value > limit) {
		return vmsg_blame(walk->diagnosis, VMSG_ERROR_RANGE, field->name,
				  "exceeds what its field carries", value, limit);
	}
	return 0;
}

/* Writes one field that vmsg_walk_check() accepted. */
VMSG_ALWAYS_INLINE void vmsg_walk_encode(const struct vmsg_walk *walk, size_t i,
					 const struct vmsg_message *message, uint8_t *at)
{
	const struct vmsg_field *field = &walk->fields[i];
	const uint8_t *member = (const uint8_t *)message + field->place;

	switch (field->kind) {
	case VMSG_FIELD_RESERVED:
		vmsg_wire_store(at, field->width,
				field->size ? vmsg_member_load(message, field->place, field->size)
					    : 0);
		break;
	case VMSG_FIELD_UINT:
		vmsg_wire_store(at, field->width,
				vmsg_member_load(message, field->place, field->size));
		break;
	case VMSG_FIELD_BLOCKS:
		vmsg_store_le32(at, (uint32_t)vmsg_member_load(message, field->place, field->size) *
					    32);
		break;
	case VMSG_FIELD_LOW31:
		vmsg_store_le32(at, (uint32_t)vmsg_member_load(message, field->place, field->size));
		break;
	case VMSG_FIELD_BIT31:
		at[3] = (uint8_t)(at[3] | vmsg_member_load(message, field->place, field->size)
						  << 7);
		break;
	case VMSG_FIELD_UUID:
		memcpy(at, member, 16);
		break;
	default: {
		const struct vmsg_bytes *tail = (const struct vmsg_bytes *)(const void *)member;
		if (field->width) {
			memset(at, 0, field->width);
		}
		if (tail->size) {
			memcpy(at, tail->data, tail->size);
		}
		break;
	}
	}
}

/*
 * The three loops over a row. `UNROLL` is empty for rows found at run time; over constant rows it
 * is a pragma, without which gcc leaves the loop and nothing folds.
 */
#define VMSG_WALKERS(suffix, UNROLL)                                                               \
	VMSG_ALWAYS_INLINE size_t vmsg_fixed_size_##suffix(const struct vmsg_walk *walk)           \
	{                                                                                          \
		size_t size = 0;                                                                   \
		UNROLL                                                                             \
		for (size_t i = 0; i < walk->count; i++) {                                         \
			size += vmsg_walk_has(walk, i) ? walk->fields[i].width : 0;                \
		}                                                                                  \
		return size;                                                                       \
	}                                                                                          \
                                                                                                   \
	VMSG_ALWAYS_INLINE int vmsg_body_decode_##suffix(const struct vmsg_walk *walk,             \
							 const uint8_t *body, size_t size,         \
							 struct vmsg_message *message)             \
	{                                                                                          \
		size_t offset = 0;                                                                 \
		if (size < vmsg_fixed_size_##suffix(walk)) {                                       \
			return vmsg_blame_short(walk->fields, walk->count, walk->layout, size,     \
						walk->diagnosis);                                  \
		}                                                                                  \
		UNROLL                                                                             \
		for (size_t i = 0; i < walk->count; i++) {                                         \
			if (vmsg_walk_has(walk, i)) {                                              \
				const int error = vmsg_walk_decode(walk, i, body + offset,         \
								   size - offset, message);        \
				if (error < 0) {                                                   \
					return error;                                              \
				}                                                                  \
				offset += walk->fields[i].width;                                   \
			}                                                                          \
		}                                                                                  \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	VMSG_ALWAYS_INLINE int vmsg_body_check_##suffix(const struct vmsg_walk *walk,              \
							const struct vmsg_message *message)        \
	{                                                                                          \
		size_t size = vmsg_fixed_size_##suffix(walk);                                      \
		UNROLL                                                                             \
		for (size_t i = 0; i < walk->count; i++) {                                         \
			if (vmsg_walk_has(walk, i)) {                                              \
				const int error = vmsg_walk_check(walk, i, message, &size);        \
				if (error < 0) {                                                   \
					return error;                                              \
				}                                                                  \
			}                                                                          \
		}                                                                                  \
		return size < VMSG_BODY_SIZE_MAX ? (int)size : VMSG_BODY_SIZE_MAX;                 \
	}                                                                                          \
                                                                                                   \
	VMSG_ALWAYS_INLINE void vmsg_body_encode_##suffix(                                         \
		const struct vmsg_walk *walk, const struct vmsg_message *message, uint8_t *at)     \
	{                                                                                          \
		UNROLL                                                                             \
		for (size_t i = 0; i < walk->count; i++) {                                         \
			if (vmsg_walk_has(walk, i)) {                                              \
				vmsg_walk_encode(walk, i, message, at);                            \
				at += walk->fields[i].width;                                       \
			}                                                                          \
		}                                                                                  \
	}

/* More than any frame: stands for "too long" without an overflow. */
#define VMSG_BODY_SIZE_MAX 65536

#endif
