/* SPDX-License-Identifier: BSD-3-Clause */
/* Partition message header of FFA_MSG_SEND2, by the version its writer negotiated. */
#include "virtio_msg_ffa/ffa_message.h"

#include "bytes.h"
#include "port.h"
#include "virtio_msg_ffa/error.h"

static uint32_t header_size(uint32_t ffa_version)
{
	return ffa_version >= VMSG_FFA_VERSION_1_2 ? VMSG_FFA_MESSAGE_HEADER_SIZE_1_2
						   : VMSG_FFA_MESSAGE_HEADER_SIZE_1_1;
}

int vmsg_ffa_message_parse(struct vmsg_bytes buffer, uint32_t ffa_version,
			   struct vmsg_ffa_message_header *header)
{
	struct vmsg_reader reader = { .data = buffer.data, .size = buffer.size };

	memset(header, 0, sizeof(*header));
	header->flags = vmsg_read_le32(&reader);
	const uint32_t reserved = vmsg_read_le32(&reader);
	header->offset = vmsg_read_le32(&reader);
	header->receiver = vmsg_read_le16(&reader);
	header->sender = vmsg_read_le16(&reader);
	header->size = vmsg_read_le32(&reader);
	if (ffa_version >= VMSG_FFA_VERSION_1_2) {
		(void)vmsg_read_le32(&reader);
		const uint8_t *uuid = vmsg_reader_take(&reader, sizeof(header->uuid.bytes));
		if (uuid) {
			memcpy(header->uuid.bytes, uuid, sizeof(header->uuid.bytes));
		}
	}

	int result = VMSG_OK;
	if (reader.failed) {
		result = VMSG_ERROR_TRUNCATED;
	} else if (reserved != 0 || header->offset < header_size(ffa_version) ||
		   header->offset > buffer.size || header->size > buffer.size - header->offset) {
		result = VMSG_ERROR_BAD_FIELD;
	}
	if (result < 0) {
		memset(header, 0, sizeof(*header));
	}
	return result;
}

int vmsg_ffa_message_build(const struct vmsg_ffa_message_header *header, uint32_t ffa_version,
			   struct vmsg_bytes payload, struct vmsg_span room)
{
	const uint32_t offset = header_size(ffa_version);
	struct vmsg_writer writer = { .data = room.data, .size = room.size };

	if (room.size < offset || payload.size > room.size - offset ||
	    payload.size > INT32_MAX - offset) {
		return VMSG_ERROR_NO_SPACE;
	}
	vmsg_write_le32(&writer, header->flags);
	vmsg_write_le32(&writer, 0);
	vmsg_write_le32(&writer, offset);
	vmsg_write_le16(&writer, header->receiver);
	vmsg_write_le16(&writer, header->sender);
	vmsg_write_le32(&writer, (uint32_t)payload.size);
	if (ffa_version >= VMSG_FFA_VERSION_1_2) {
		vmsg_write_le32(&writer, 0);
		memcpy(vmsg_writer_take(&writer, sizeof(header->uuid.bytes)), header->uuid.bytes,
		       sizeof(header->uuid.bytes));
	}
	if (payload.size > 0) {
		memcpy(vmsg_writer_take(&writer, payload.size), payload.data, payload.size);
	}
	return (int)writer.offset;
}
