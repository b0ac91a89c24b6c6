/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A memory transaction descriptors. Every read goes through the sticky cursor, every offset is
 * checked against the bytes that are there before it is used, and nothing is laid over the bytes.
 */
#include "virtio_msg_ffa/ffa_memory.h"

#include "bytes.h"
#include "port.h"
#include "virtio_msg_ffa/error.h"

#define ALIGNMENT           16u /* of the access array, composites and constituents */
#define IMPLEMENTATION_SIZE 16u

static bool is_access_size(uint32_t size)
{
	return size == VMSG_FFA_ACCESS_SIZE_1_1 || size == VMSG_FFA_ACCESS_SIZE_1_2;
}

/* End of the access array, which cannot overflow 64 bits whatever a header says. */
static uint64_t access_end(const struct vmsg_ffa_memory_header *header)
{
	return header->access_offset + (uint64_t)header->access_count * header->access_size;
}

int vmsg_ffa_memory_parse(struct vmsg_bytes descriptor, struct vmsg_ffa_memory_header *header)
{
	struct vmsg_reader reader = { .data = descriptor.data, .size = descriptor.size };

	header->sender = vmsg_read_le16(&reader);
	header->attributes = vmsg_read_le16(&reader);
	header->flags = vmsg_read_le32(&reader);
	header->handle = vmsg_read_le64(&reader);
	header->tag = vmsg_read_le64(&reader);
	header->access_size = vmsg_read_le32(&reader);
	header->access_count = vmsg_read_le32(&reader);
	header->access_offset = vmsg_read_le32(&reader);
	/* 12 reserved bytes: later versions may use them, so their value is not judged. */
	(void)vmsg_reader_take(&reader, 12);

	if (reader.failed) {
		memset(header, 0, sizeof(*header));
		return VMSG_ERROR_TRUNCATED;
	}
	if (!is_access_size(header->access_size) || header->access_count == 0 ||
	    header->access_offset < VMSG_FFA_MEMORY_HEADER_SIZE ||
	    header->access_offset % ALIGNMENT != 0 || access_end(header) > descriptor.size) {
		memset(header, 0, sizeof(*header));
		return VMSG_ERROR_BAD_FIELD;
	}
	return VMSG_OK;
}

int vmsg_ffa_memory_access_at(struct vmsg_bytes descriptor,
			      const struct vmsg_ffa_memory_header *header, uint32_t index,
			      struct vmsg_ffa_memory_access *access)
{
	memset(access, 0, sizeof(*access));
	if (index >= header->access_count || access_end(header) > descriptor.size) {
		return VMSG_ERROR_RANGE;
	}
	struct vmsg_reader reader = {
		.data = descriptor.data,
		.size = descriptor.size,
		.offset = (size_t)header->access_offset + (size_t)index * header->access_size,
	};
	access->endpoint = vmsg_read_le16(&reader);
	access->permissions = vmsg_read_u8(&reader);
	access->flags = vmsg_read_u8(&reader);
	access->composite_offset = vmsg_read_le32(&reader);
	if (header->access_size == VMSG_FFA_ACCESS_SIZE_1_2) {
		const uint8_t *at = vmsg_reader_take(&reader, IMPLEMENTATION_SIZE);
		if (at) {
			memcpy(access->implementation, at, IMPLEMENTATION_SIZE);
		}
	}
	if (reader.failed) {
		memset(access, 0, sizeof(*access));
		return VMSG_ERROR_TRUNCATED;
	}
	return VMSG_OK;
}

int vmsg_ffa_memory_composite_at(struct vmsg_bytes descriptor,
				 const struct vmsg_ffa_memory_header *header, uint32_t offset,
				 struct vmsg_ffa_composite *composite)
{
	memset(composite, 0, sizeof(*composite));
	if (offset % ALIGNMENT != 0 || offset < access_end(header)) {
		return VMSG_ERROR_BAD_FIELD;
	}
	if (offset > descriptor.size || descriptor.size - offset < VMSG_FFA_COMPOSITE_SIZE) {
		return VMSG_ERROR_TRUNCATED;
	}
	composite->page_count = vmsg_load_le32(descriptor.data + offset);
	composite->range_count = vmsg_load_le32(descriptor.data + offset + 4);
	return VMSG_OK;
}

void vmsg_ffa_range_load(struct vmsg_ffa_range *range,
			 const uint8_t bytes[VMSG_FFA_CONSTITUENT_SIZE])
{
	range->address = vmsg_load_le64(bytes);
	range->pages = vmsg_load_le32(bytes + 8);
}

void vmsg_ffa_range_store(const struct vmsg_ffa_range *range,
			  uint8_t bytes[VMSG_FFA_CONSTITUENT_SIZE])
{
	vmsg_store_le64(bytes, range->address);
	vmsg_store_le32(bytes + 8, range->pages);
	vmsg_store_le32(bytes + 12, 0);
}

uint64_t vmsg_ffa_memory_size(uint32_t access_size, uint32_t access_count, uint32_t range_count)
{
	uint64_t size = VMSG_FFA_MEMORY_HEADER_SIZE + (uint64_t)access_count * access_size;

	if (range_count > 0) {
		size += VMSG_FFA_COMPOSITE_SIZE + (uint64_t)range_count * VMSG_FFA_CONSTITUENT_SIZE;
	}
	return size;
}

static void write_access(struct vmsg_writer *writer, const struct vmsg_ffa_memory_access *access,
			 uint32_t access_size, uint32_t composite_offset)
{
	vmsg_write_le16(writer, access->endpoint);
	vmsg_write_u8(writer, access->permissions);
	vmsg_write_u8(writer, access->flags);
	vmsg_write_le32(writer, composite_offset);
	if (access_size == VMSG_FFA_ACCESS_SIZE_1_2) {
		uint8_t *at = vmsg_writer_take(writer, IMPLEMENTATION_SIZE);
		if (at) {
			memcpy(at, access->implementation, IMPLEMENTATION_SIZE);
		}
	}
	vmsg_write_le64(writer, 0);
}

/* Header, access array and composite header: everything before the ranges. */
static void write_head(struct vmsg_writer *writer, const struct vmsg_ffa_memory_header *header,
		       const struct vmsg_ffa_memory_access *access, uint32_t access_count,
		       uint32_t page_count, uint32_t range_count)
{
	const uint32_t composite_offset =
		(uint32_t)vmsg_ffa_memory_size(header->access_size, access_count, 0);

	vmsg_write_le16(writer, header->sender);
	vmsg_write_le16(writer, header->attributes);
	vmsg_write_le32(writer, header->flags);
	vmsg_write_le64(writer, header->handle);
	vmsg_write_le64(writer, header->tag);
	vmsg_write_le32(writer, header->access_size);
	vmsg_write_le32(writer, access_count);
	vmsg_write_le32(writer, VMSG_FFA_MEMORY_HEADER_SIZE);
	vmsg_write_le32(writer, 0);
	vmsg_write_le64(writer, 0);
	for (uint32_t i = 0; i < access_count; i++) {
		write_access(writer, &access[i], header->access_size,
			     range_count > 0 ? composite_offset : 0);
	}
	if (range_count > 0) {
		vmsg_write_le32(writer, page_count);
		vmsg_write_le32(writer, range_count);
		vmsg_write_le64(writer, 0);
	}
}

/* Sum of the ranges' pages; false if it does not fit the composite's field. */
static bool sum_pages(const struct vmsg_ffa_range *ranges, uint32_t range_count, uint32_t *sum)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < range_count; i++) {
		pages += ranges[i].pages;
	}
	*sum = (uint32_t)pages;
	return pages <= UINT32_MAX;
}

int vmsg_ffa_memory_fragment(const struct vmsg_ffa_memory_header *header,
			     const struct vmsg_ffa_memory_access *access, uint32_t access_count,
			     const struct vmsg_ffa_range *ranges, uint32_t range_count,
			     uint64_t offset, struct vmsg_span room)
{
	const uint64_t total = vmsg_ffa_memory_size(header->access_size, access_count, range_count);
	const uint64_t head = total - (uint64_t)range_count * VMSG_FFA_CONSTITUENT_SIZE;
	/* The result is an int. */
	const size_t size = room.size > INT32_MAX ? INT32_MAX : room.size;
	struct vmsg_writer writer = { .data = room.data, .size = size };
	uint32_t page_count = 0;

	if (!is_access_size(header->access_size) || access_count == 0 || offset >= total ||
	    (offset != 0 && (offset < head || offset % VMSG_FFA_CONSTITUENT_SIZE != 0)) ||
	    (offset == 0 && !sum_pages(ranges, range_count, &page_count))) {
		return VMSG_ERROR_INVALID;
	}
	if (size < (offset == 0 ? head : VMSG_FFA_CONSTITUENT_SIZE)) {
		return VMSG_ERROR_NO_SPACE;
	}
	uint32_t next = 0;
	if (offset == 0) {
		write_head(&writer, header, access, access_count, page_count, range_count);
	} else {
		next = (uint32_t)((offset - head) / VMSG_FFA_CONSTITUENT_SIZE);
	}
	while (next < range_count && writer.size - writer.offset >= VMSG_FFA_CONSTITUENT_SIZE) {
		vmsg_ffa_range_store(&ranges[next],
				     vmsg_writer_take(&writer, VMSG_FFA_CONSTITUENT_SIZE));
		next++;
	}
	VMSG_ASSERT(!writer.failed);
	return (int)writer.offset;
}

int vmsg_ffa_memory_build(const struct vmsg_ffa_memory_header *header,
			  const struct vmsg_ffa_memory_access *access, uint32_t access_count,
			  const struct vmsg_ffa_range *ranges, uint32_t range_count,
			  struct vmsg_span room)
{
	const uint64_t total = vmsg_ffa_memory_size(header->access_size, access_count, range_count);

	if (is_access_size(header->access_size) && access_count > 0 && room.size < total) {
		return VMSG_ERROR_NO_SPACE;
	}
	return vmsg_ffa_memory_fragment(header, access, access_count, ranges, range_count, 0, room);
}

int vmsg_ffa_relinquish_parse(struct vmsg_bytes bytes, struct vmsg_ffa_relinquish *out)
{
	struct vmsg_reader reader = { .data = bytes.data, .size = bytes.size };

	out->handle = vmsg_read_le64(&reader);
	out->flags = vmsg_read_le32(&reader);
	out->count = vmsg_read_le32(&reader);
	out->endpoint = out->count > 0 ? vmsg_read_le16(&reader) : 0;
	if (reader.failed || (out->count > 0 && (bytes.size - 16) / 2 < out->count)) {
		memset(out, 0, sizeof(*out));
		return VMSG_ERROR_TRUNCATED;
	}
	return VMSG_OK;
}

int vmsg_ffa_relinquish_build(const struct vmsg_ffa_relinquish *in, struct vmsg_span room)
{
	struct vmsg_writer writer = { .data = room.data, .size = room.size };

	if (in->count != 1) {
		return VMSG_ERROR_INVALID;
	}
	if (room.size < VMSG_FFA_RELINQUISH_SIZE) {
		return VMSG_ERROR_NO_SPACE;
	}
	vmsg_write_le64(&writer, in->handle);
	vmsg_write_le32(&writer, in->flags);
	vmsg_write_le32(&writer, in->count);
	vmsg_write_le16(&writer, in->endpoint);
	return (int)writer.offset;
}
