/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet form of a record, both ways. */
#include "tap/record.h"

#include <string.h>

#include "virtio_msg_ffa/error.h"

static void store16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

size_t tap_record_store(const struct tap_record *record, uint8_t packet[TAP_PACKET_MAX])
{
	const size_t payload =
		record->payload.size < TAP_PAYLOAD_MAX ? record->payload.size : TAP_PAYLOAD_MAX;

	packet[0] = TAP_VERSION;
	packet[1] = (uint8_t)record->kind;
	packet[2] = record->profile;
	packet[3] = 0;
	store16(packet + 4, record->partition);
	store16(packet + 6, record->vcpu);
	store16(packet + 8, record->peer);
	store16(packet + 10, (uint16_t)payload);
	store16(packet + 12, (uint16_t)record->interrupt);
	store16(packet + 14, (uint16_t)(record->interrupt >> 16));
	vmsg_ffa_regs_store(&record->regs, packet + TAP_HEADER_SIZE);
	if (payload) {
		memcpy(packet + TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE, record->payload.data,
		       payload);
	}
	return TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE + payload;
}

int tap_record_load(struct tap_record *record, struct vmsg_bytes packet)
{
	memset(record, 0, sizeof(*record));
	if (packet.size < TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE) {
		return VMSG_ERROR_TRUNCATED;
	}
	const uint8_t *at = packet.data;
	const size_t payload = load16(at + 10);
	if (at[0] != TAP_VERSION || at[1] > TAP_FIFO) {
		return VMSG_ERROR_INVALID;
	}
	if (payload != packet.size - TAP_HEADER_SIZE - VMSG_FFA_FRAME_SIZE) {
		return VMSG_ERROR_TRUNCATED;
	}
	record->kind = (enum tap_kind)at[1];
	record->profile = at[2];
	record->partition = load16(at + 4);
	record->vcpu = load16(at + 6);
	record->peer = load16(at + 8);
	record->interrupt = (uint32_t)load16(at + 12) | (uint32_t)load16(at + 14) << 16;
	vmsg_ffa_regs_load(&record->regs, at + TAP_HEADER_SIZE);
	record->payload =
		(struct vmsg_bytes){ at + TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE, payload };
	return 0;
}
