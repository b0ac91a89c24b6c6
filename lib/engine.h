/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a row of the message table is, and the walker over its fields: check, encode, decode. The
 * walker is inlined wherever it is used: once over rows found at run time, and again over constant
 * rows for the hot messages, where the compiler folds table and walker into straight loads.
 * Invariant: a walk touches only the body bytes and the members that its fields name.
 */
#ifndef VMSG_LIB_ENGINE_H
#define VMSG_LIB_ENGINE_H

#include "bytes.h"
#include "port.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"

/* A layout is the wire form of a profile; r1-a16 shares that of r1. One bit each in a row. */
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

/* The low two bits of a number's kind are the size of its member, as a power of two. */
enum vmsg_field_kind {
	VMSG_FIELD_U8,
	VMSG_FIELD_U16,
	VMSG_FIELD_U32,
	VMSG_FIELD_U64,
	/* numbers with a rule of their own */
	VMSG_FIELD_LOW8 = 0x05,   /* le16 whose high byte must be zero */
	VMSG_FIELD_BLOCKS = 0x06, /* wire carries bits, the struct blocks of 32 */
	VMSG_FIELD_LOW31 = 0x0a,  /* bits 30:0 of a word */
	VMSG_FIELD_BIT31 = 0x0e,  /* bit 31 of the word before it; width 0 */
	VMSG_FIELD_TOLD = 0x12,   /* reserved, yet other than zero changes what the message does */
	/* no numbers */
	VMSG_FIELD_RESERVED = 0x20, /* written as zero, ignored on receive */
	VMSG_FIELD_UUID,            /* 16 bytes */
	VMSG_FIELD_END,             /* nothing: the body may not be longer than this */
	/* tails: views of bytes, as many as the member at `count` says */
	VMSG_FIELD_BYTES = 0x40, /* le32 bytes */
	VMSG_FIELD_MAYBE,        /* the same, or none at all */
	VMSG_FIELD_WORDS,        /* le32 words of 32 bits */
	VMSG_FIELD_BITMAP,       /* le16 bits */
	VMSG_FIELD_BITMAP8,      /* le16 bits, whole bytes of them */
	/* `width` bytes on the wire; the first of them, as many as `count` says (all without one)
	 */
	VMSG_FIELD_FIXED,
};

struct vmsg_field {
	uint8_t place;   /* of the member in the body */
	uint8_t layouts; /* which carry it */
	uint8_t kind;
	uint8_t width; /* bytes on the wire; tails: 0 */
	union {
		uint8_t bits;  /* numbers: those of the largest that wire and member carry */
		uint8_t count; /* views: place of the member that counts them; 0: none */
	} of;
};

/* One body: a message type, a kind, the layouts that have it, its fields in wire order. */
struct vmsg_row {
	unsigned int first : 8; /* of its fields in the array of all */
	unsigned int layouts : 8;
	unsigned int type : 6;
	unsigned int kind : 2;
	unsigned int field_count : 8;
};

VMSG_ALWAYS_INLINE enum vmsg_layout vmsg_profile_layout(const struct vmsg_profile *profile)
{
	return (enum vmsg_layout)(profile->id - (profile->id > VMSG_PROFILE_R1));
}

/* Number of a message, -1 when the layout has none. */
int vmsg_type_id(enum vmsg_type type, enum vmsg_layout layout);

/* Type of a number, VMSG_NONE when the layout has none. */
enum vmsg_type vmsg_type_find(enum vmsg_layout layout, bool bus, uint8_t msg_id);

/* Row of a body, NULL when the layout has none. */
const struct vmsg_row *vmsg_row_find(enum vmsg_type type, enum vmsg_kind kind,
				     enum vmsg_layout layout);

const struct vmsg_field *vmsg_row_fields(const struct vmsg_row *row);

/* Where the row stands in the table: the tools' names stand at the same place. */
size_t vmsg_row_index(const struct vmsg_row *row);

bool vmsg_names_equal(const char *a, const char *b);

/* ---- fields ---- */

VMSG_ALWAYS_INLINE bool vmsg_field_is_number(const struct vmsg_field *field)
{
	return field->kind < VMSG_FIELD_RESERVED;
}

/* Views, of a tail or of fixed bytes. */
VMSG_ALWAYS_INLINE bool vmsg_field_is_view(const struct vmsg_field *field)
{
	return field->kind >= VMSG_FIELD_BYTES;
}

/* Bytes of a number's member. */
VMSG_HOT_INLINE unsigned int vmsg_member_size(const struct vmsg_field *field)
{
	return 1u << (field->kind & 3);
}

/* The largest value that a number field carries, in the member's unit. In two halves: there is no
 * number of 33 to 63 bits. */
VMSG_HOT_INLINE uint64_t vmsg_field_limit(const struct vmsg_field *field)
{
	const unsigned int bits = field->of.bits;

	return (uint64_t)(bits > 32 ? UINT32_MAX : 0) << 32 | UINT32_MAX >> (-bits & 31);
}

/* Loops are the smallest; where speed counts, gcc merges only shifts that are written out. */
#ifdef __OPTIMIZE_SIZE__
VMSG_ONCE uint64_t vmsg_wire_load(const uint8_t *at, unsigned int width)
{
	uint64_t value = 0;

	while (width > 0) {
		value = value << 8 | at[--width];
	}
	return value;
}

VMSG_ONCE void vmsg_wire_store(uint8_t *at, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++) {
		at[i] = (uint8_t)value;
		value >>= 8;
	}
}
#else
VMSG_HOT_INLINE uint64_t vmsg_wire_load(const uint8_t *at, unsigned int width)
{
	switch (width) {
	case 0:
		return 0;
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

VMSG_HOT_INLINE void vmsg_wire_store(uint8_t *at, unsigned int width, uint64_t value)
{
	switch (width) {
	case 0:
		break;
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
#endif

#if VMSG_FOR_SIZE && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* a member looks as its number does on the wire */
VMSG_ALWAYS_INLINE uint64_t vmsg_member_load(const uint8_t *member, unsigned int size)
{
	return vmsg_wire_load(member, size);
}

VMSG_ALWAYS_INLINE void vmsg_member_store(uint8_t *member, unsigned int size, uint64_t value)
{
	vmsg_wire_store(member, size, value);
}
#else
VMSG_HOT_INLINE uint64_t vmsg_member_load(const void *member, unsigned int size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		return *(const uint16_t *)member;
	case 4:
		return *(const uint32_t *)member;
	default:
		return *(const uint64_t *)member;
	}
}

VMSG_HOT_INLINE void vmsg_member_store(void *member, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1:
		*(uint8_t *)member = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)member = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		*(uint64_t *)member = value;
		break;
	}
}
#endif

VMSG_ALWAYS_INLINE bool vmsg_field_is_bitmap(const struct vmsg_field *field)
{
	return field->kind == VMSG_FIELD_BITMAP || field->kind == VMSG_FIELD_BITMAP8;
}

/* What the count of a view says; `width` bytes when it has none. */
VMSG_HOT_INLINE uint32_t vmsg_view_count(const struct vmsg_field *field, const uint8_t *body)
{
	const uint8_t *count = body + field->of.count;

	return field->of.count == 0          ? field->width
	       : vmsg_field_is_bitmap(field) ? *(const uint16_t *)(const void *)count
					     : *(const uint32_t *)(const void *)count;
}

/* Bits that one of a view's count stands for, as a power of two. */
VMSG_HOT_INLINE unsigned int vmsg_view_unit(const struct vmsg_field *field)
{
	return field->kind == VMSG_FIELD_WORDS ? 5 : vmsg_field_is_bitmap(field) ? 0 : 3;
}

/* ---- the walk ---- */

/* More than any frame: stands for "too long" without an overflow. */
#define VMSG_BODY_SIZE_MAX 65536

/* The fields, the layout's bit, and where to say what is wrong (may be NULL). */
struct vmsg_walk {
	const struct vmsg_field *fields;
	size_t count;
	unsigned int layout;
	struct vmsg_diagnosis *diagnosis;
};

/* A rule that was broken, and the error that goes with it. */
#define VMSG_FAULT(rule, error)                                                                    \
	((unsigned int)VMSG_RULE_##rule << 8 | (unsigned int)-VMSG_ERROR_##error)

/* Says which rule was broken; returns the error. */
int vmsg_blame(struct vmsg_diagnosis *diagnosis, unsigned int fault, size_t value, size_t limit);

/* The same for a number beyond what its field or its member carries. */
VMSG_ONCE int vmsg_number_check(struct vmsg_diagnosis *diagnosis, const struct vmsg_field *field,
				uint64_t value, int error)
{
	const uint64_t limit = vmsg_field_limit(field);

	if (value <= limit) {
		return 0;
	}
	if (diagnosis) {
		diagnosis->rule = VMSG_RULE_RANGE;
		diagnosis->value = value;
		diagnosis->limit = limit;
	}
	return error;
}

/* Checks that a view's count takes `size` bytes exactly, or at most for FIXED; returns how many it
 * takes. A MAYBE of none has no count. */
VMSG_ONCE int vmsg_view_check(struct vmsg_diagnosis *diagnosis, const struct vmsg_field *field,
			      const uint8_t *body, size_t size)
{
	const bool absent = field->kind == VMSG_FIELD_MAYBE && size == 0;
	const uint32_t count = absent ? 0 : vmsg_view_count(field, body);
	const unsigned int unit = vmsg_view_unit(field);
	const uint32_t capacity = (uint32_t)size * 8 >> unit;

	if (field->kind == VMSG_FIELD_BITMAP8 && count % 8 != 0) {
		return vmsg_blame(diagnosis, VMSG_FAULT(MULTIPLE, BAD_FIELD), count, 8);
	}
	if (count > capacity) {
		return vmsg_blame(diagnosis, VMSG_FAULT(COUNT_LARGE, TRUNCATED), count, capacity);
	}
	const uint32_t used = ((count << unit) + 7) / 8; /* at most the capacity: no overflow */
	const uint32_t more = (uint32_t)size - used;
	if (more > 0 && field->kind != VMSG_FIELD_FIXED) {
		return vmsg_blame(diagnosis, VMSG_FAULT(COUNT_SMALL, TRAILING), count, more);
	}
	return (int)used;
}

/* Takes what is left of the body, `left` bytes, as a view. */
VMSG_HOT_INLINE int vmsg_view_take(const struct vmsg_walk *walk, const struct vmsg_field *field,
				   const uint8_t *at, size_t left, uint8_t *body)
{
	struct vmsg_bytes *view = (struct vmsg_bytes *)(void *)(body + field->place);
	const size_t room = field->kind == VMSG_FIELD_FIXED ? field->width : left;
	const int used = vmsg_view_check(walk->diagnosis, field, body, room);

	if (used < 0) {
		return used;
	}
	*view = (struct vmsg_bytes){ used ? at : NULL, (size_t)used };
	return 0;
}

/* Decodes one field at `at`, where the body has `left` more bytes. */
VMSG_ALWAYS_INLINE int vmsg_field_decode(const struct vmsg_walk *walk,
					 const struct vmsg_field *field, const uint8_t *at,
					 size_t left, uint8_t *body)
{
	if (vmsg_field_is_view(field)) {
		return vmsg_view_take(walk, field, at, left, body);
	}
	if (field->kind == VMSG_FIELD_UUID) {
		memcpy(body + field->place, at, 16);
		return 0;
	}
	if (field->kind == VMSG_FIELD_END && left > 0) {
		return vmsg_blame(walk->diagnosis, VMSG_FAULT(BODY_LONG, TRAILING), left, 0);
	}
	if (!vmsg_field_is_number(field)) {
		return 0;
	}
	uint64_t value = vmsg_wire_load(at, field->width);
	const uint32_t low = (uint32_t)value;
	if (field->kind == VMSG_FIELD_LOW31) {
		value = low & 0x7fffffff;
	} else if (field->kind == VMSG_FIELD_BIT31) {
		value = at[-1] >> 7;
	} else if (field->kind == VMSG_FIELD_BLOCKS) {
		if (low % 32 != 0) {
			return vmsg_blame(walk->diagnosis, VMSG_FAULT(MULTIPLE, BAD_FIELD), low,
					  32);
		}
		value = low / 32;
	}
	const int error = vmsg_number_check(walk->diagnosis, field, value, VMSG_ERROR_BAD_FIELD);
	if (error == 0) {
		vmsg_member_store(body + field->place, vmsg_member_size(field), value);
	}
	return error;
}

/* What encoding a field does: `check` that the layout can carry it, `write` it at `at`. */
struct vmsg_task {
	bool check;
	bool write;
};

/* The bytes of a field that is no number. */
VMSG_HOT_INLINE int vmsg_view_encode(const struct vmsg_walk *walk, const struct vmsg_field *field,
				     const uint8_t *body, uint8_t *at, struct vmsg_task task)
{
	const struct vmsg_bytes *view =
		(const struct vmsg_bytes *)(const void *)(body + field->place);
	const size_t limit = field->width ? field->width : VMSG_BODY_SIZE_MAX - 1;

	if (task.check) {
		if (view->size > limit) {
			return vmsg_blame(walk->diagnosis, VMSG_FAULT(RANGE, RANGE), view->size,
					  limit);
		}
		if (vmsg_view_check(walk->diagnosis, field, body, view->size) < 0) {
			return VMSG_ERROR_BAD_FIELD;
		}
	}
	if (task.write) {
		if (field->width) {
			memset(at, 0, field->width);
		}
		if (view->size) {
			memcpy(at, view->data, view->size);
		}
	}
	return (int)(field->width ? field->width : view->size);
}

/* Encodes one field at `at`; returns its bytes. */
VMSG_ALWAYS_INLINE int vmsg_field_encode(const struct vmsg_walk *walk,
					 const struct vmsg_field *field, const uint8_t *body,
					 uint8_t *at, struct vmsg_task task)
{
	const uint8_t *member = body + field->place;
	uint64_t value = 0;

	if (vmsg_field_is_view(field)) {
		return vmsg_view_encode(walk, field, body, at, task);
	}
	if (vmsg_field_is_number(field)) {
		value = vmsg_member_load(member, vmsg_member_size(field));
		const int error = task.check ? vmsg_number_check(walk->diagnosis, field, value,
								 VMSG_ERROR_RANGE)
					     : 0;
		if (error < 0) {
			return error;
		}
	}
	if (!task.write) {
		return field->width;
	}
	if (field->kind == VMSG_FIELD_UUID) {
		memcpy(at, member, 16);
	} else if (field->kind == VMSG_FIELD_BIT31) {
		at[-1] = (uint8_t)(at[-1] | (uint8_t)value << 7);
	} else {
		vmsg_wire_store(at, field->width,
				field->kind == VMSG_FIELD_BLOCKS ? (uint32_t)value * 32 : value);
	}
	return field->width;
}

/* The walk ended at field `i`. */
VMSG_ALWAYS_INLINE void vmsg_walk_stop(const struct vmsg_walk *walk, size_t i)
{
	if (walk->diagnosis) {
		walk->diagnosis->field = (uint32_t)i;
	}
}

/*
 * The loops over a row. `UNROLL` is empty for rows found at run time; over constant rows it is a
 * pragma, without which gcc leaves the loop and nothing folds.
 */
#define VMSG_WALKERS(suffix, UNROLL)                                                               \
	VMSG_ALWAYS_INLINE int vmsg_body_decode_##suffix(                                          \
		const struct vmsg_walk *walk, const uint8_t *at, size_t size, uint8_t *body)       \
	{                                                                                          \
		size_t offset = 0;                                                                 \
		UNROLL                                                                             \
		for (size_t i = 0; i < walk->count; i++) {                                         \
			const struct vmsg_field *field = &walk->fields[i];                         \
			const size_t end = offset + field->width;                                  \
			if (!(field->layouts & walk->layout)) {                                    \
				continue;                                                          \
			}                                                                          \
			const int error =                                                          \
				end > size                                                         \
					? vmsg_blame(walk->diagnosis,                              \
						     VMSG_FAULT(BODY_SHORT, TRUNCATED), end, size) \
					: vmsg_field_decode(walk, field, at + offset,              \
							    size - offset, body);                  \
			if (error < 0) {                                                           \
				vmsg_walk_stop(walk, i);                                           \
				return error;                                                      \
			}                                                                          \
			offset = end;                                                              \
		}                                                                                  \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	/* bytes of the body, `at` may be NULL if none are written */                              \
	VMSG_ALWAYS_INLINE int vmsg_body_encode_##suffix(const struct vmsg_walk *walk,             \
							 const uint8_t *body, uint8_t *at,         \
							 struct vmsg_task task)                    \
	{                                                                                          \
		int size = 0;                                                                      \
		UNROLL                                                                             \
		for (size_t i = 0; i < walk->count; i++) {                                         \
			const struct vmsg_field *field = &walk->fields[i];                         \
			if (!(field->layouts & walk->layout)) {                                    \
				continue;                                                          \
			}                                                                          \
			const int bytes = vmsg_field_encode(walk, field, body,                     \
							    task.write ? at + size : NULL, task);  \
			if (bytes < 0) {                                                           \
				vmsg_walk_stop(walk, i);                                           \
				return bytes;                                                      \
			}                                                                          \
			size += bytes;                                                             \
		}                                                                                  \
		return size;                                                                       \
	}

#endif
