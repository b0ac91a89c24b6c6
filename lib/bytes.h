/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little-endian loads and stores at any alignment, and the sticky cursor: a read or write out of
 * range makes the cursor failed for good, so one check at the end is enough. Shifts are written
 * out: gcc 12 merges those into single loads, but not shifts in a loop.
 */
#ifndef VMSG_LIB_BYTES_H
#define VMSG_LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"

VMSG_ALWAYS_INLINE uint16_t vmsg_load_le16(const uint8_t *at)
{
	return (uint16_t)(at[0] | (uint16_t)(at[1] << 8));
}

VMSG_ALWAYS_INLINE uint32_t vmsg_load_le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

VMSG_ALWAYS_INLINE uint64_t vmsg_load_le64(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	       (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	       (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

VMSG_ALWAYS_INLINE void vmsg_store_le16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

VMSG_ALWAYS_INLINE void vmsg_store_le32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
	at[2] = (uint8_t)(value >> 16);
	at[3] = (uint8_t)(value >> 24);
}

VMSG_ALWAYS_INLINE void vmsg_store_le64(uint8_t *at, uint64_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
	at[2] = (uint8_t)(value >> 16);
	at[3] = (uint8_t)(value >> 24);
	at[4] = (uint8_t)(value >> 32);
	at[5] = (uint8_t)(value >> 40);
	at[6] = (uint8_t)(value >> 48);
	at[7] = (uint8_t)(value >> 56);
}

/* The bits of `value` from bit `shift` (32 to 63) on, which 32-bit machines need not shift in pairs
 * of registers; and back. */
VMSG_ALWAYS_INLINE uint32_t vmsg_high_bits(uint64_t value, unsigned int shift)
{
	return (uint32_t)(value >> 32) >> (shift - 32);
}

VMSG_ALWAYS_INLINE uint64_t vmsg_from_high_bits(uint32_t bits, unsigned int shift)
{
	return (uint64_t)(bits << (shift - 32)) << 32;
}

/* Read cursor. Reads past the end return 0 and set `failed` for good. */
struct vmsg_reader {
	const uint8_t *data;
	size_t size;
	size_t offset;
	bool failed;
};

/* Write cursor. Writes past the end store nothing and set `failed` for good. */
struct vmsg_writer {
	uint8_t *data;
	size_t size;
	size_t offset;
	bool failed;
};

VMSG_ALWAYS_INLINE const uint8_t *vmsg_reader_take(struct vmsg_reader *reader, size_t size)
{
	if (reader->failed || size > reader->size - reader->offset) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *at = reader->data + reader->offset;
	reader->offset += size;
	return at;
}

VMSG_ALWAYS_INLINE uint8_t *vmsg_writer_take(struct vmsg_writer *writer, size_t size)
{
	if (writer->failed || size > writer->size - writer->offset) {
		writer->failed = true;
		return NULL;
	}
	uint8_t *at = writer->data + writer->offset;
	writer->offset += size;
	return at;
}

VMSG_ALWAYS_INLINE uint8_t vmsg_read_u8(struct vmsg_reader *reader)
{
	const uint8_t *at = vmsg_reader_take(reader, 1);
	return at ? at[0] : 0;
}

VMSG_ALWAYS_INLINE uint16_t vmsg_read_le16(struct vmsg_reader *reader)
{
	const uint8_t *at = vmsg_reader_take(reader, 2);
	return at ? vmsg_load_le16(at) : 0;
}

VMSG_ALWAYS_INLINE uint32_t vmsg_read_le32(struct vmsg_reader *reader)
{
	const uint8_t *at = vmsg_reader_take(reader, 4);
	return at ? vmsg_load_le32(at) : 0;
}

VMSG_ALWAYS_INLINE uint64_t vmsg_read_le64(struct vmsg_reader *reader)
{
	const uint8_t *at = vmsg_reader_take(reader, 8);
	return at ? vmsg_load_le64(at) : 0;
}

VMSG_ALWAYS_INLINE void vmsg_write_u8(struct vmsg_writer *writer, uint8_t value)
{
	uint8_t *at = vmsg_writer_take(writer, 1);
	if (at) {
		at[0] = value;
	}
}

VMSG_ALWAYS_INLINE void vmsg_write_le16(struct vmsg_writer *writer, uint16_t value)
{
	uint8_t *at = vmsg_writer_take(writer, 2);
	if (at) {
		vmsg_store_le16(at, value);
	}
}

VMSG_ALWAYS_INLINE void vmsg_write_le32(struct vmsg_writer *writer, uint32_t value)
{
	uint8_t *at = vmsg_writer_take(writer, 4);
	if (at) {
		vmsg_store_le32(at, value);
	}
}

VMSG_ALWAYS_INLINE void vmsg_write_le64(struct vmsg_writer *writer, uint64_t value)
{
	uint8_t *at = vmsg_writer_take(writer, 8);
	if (at) {
		vmsg_store_le64(at, value);
	}
}

#endif
