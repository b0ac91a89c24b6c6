/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapng blocks, always little-endian: section header (magic says so), interface description with
 * if_tsresol 9, enhanced packet blocks. Reading takes only what writing makes, and skips blocks of
 * other types.
 */
#include "tap/pcapng.h"

#include <string.h>

#include "virtio_msg_ffa/error.h"

#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  0x00000001u
#define BLOCK_PACKET     0x00000006u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_USER0   147u
#define OPTION_TSRESOL   9u
#define TSRESOL_NANO     9u

#define BLOCK_OVERHEAD  12u /* type, length, length again */
#define PACKET_FIXED    20u /* interface, stamp high, low, captured, original */
#define SECTION_FIXED   16u
#define INTERFACE_FIXED 8u
#define BLOCK_BODY_MAX  (PACKET_FIXED + TAP_PACKET_MAX + 64u)

static void store32(uint8_t *at, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}

static uint32_t load32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static int write_all(FILE *file, const uint8_t *data, size_t size)
{
	return fwrite(data, 1, size, file) == size ? 0 : -1;
}

int tap_pcapng_begin(FILE *file)
{
	uint8_t section[SECTION_FIXED + BLOCK_OVERHEAD];
	uint8_t interface[INTERFACE_FIXED + 12 + BLOCK_OVERHEAD] = { 0 };

	store32(section, BLOCK_SECTION);
	store32(section + 4, sizeof(section));
	store32(section + 8, BYTE_ORDER_MAGIC);
	store32(section + 12, 1);      /* version 1.0 */
	memset(section + 16, 0xff, 8); /* section length not known */
	store32(section + 24, sizeof(section));

	store32(interface, BLOCK_INTERFACE);
	store32(interface + 4, sizeof(interface));
	store32(interface + 8, LINKTYPE_USER0);
	store32(interface + 16, OPTION_TSRESOL | 1u << 16);
	interface[20] = TSRESOL_NANO;
	/* end-of-options at 24 is zero */
	store32(interface + 28, sizeof(interface));
	if (write_all(file, section, sizeof(section)) < 0) {
		return -1;
	}
	return write_all(file, interface, sizeof(interface));
}

int tap_pcapng_write(FILE *file, uint64_t time_ns, struct vmsg_bytes packet)
{
	uint8_t head[8 + PACKET_FIXED];
	uint8_t tail[4 + 4] = { 0 };
	const uint32_t padding = (uint32_t)(-packet.size & 3u);
	const uint32_t total = (uint32_t)packet.size + padding + PACKET_FIXED + BLOCK_OVERHEAD;

	store32(head, BLOCK_PACKET);
	store32(head + 4, total);
	store32(head + 8, 0);
	store32(head + 12, (uint32_t)(time_ns >> 32));
	store32(head + 16, (uint32_t)time_ns);
	store32(head + 20, (uint32_t)packet.size);
	store32(head + 24, (uint32_t)packet.size);
	store32(tail + padding, total);
	if (write_all(file, head, sizeof(head)) < 0 ||
	    write_all(file, packet.data, packet.size) < 0) {
		return -1;
	}
	return write_all(file, tail, padding + 4);
}

static int check_section(const uint8_t *body, size_t size)
{
	return size >= SECTION_FIXED && load32(body) == BYTE_ORDER_MAGIC ? 0 : VMSG_ERROR_INVALID;
}

/* Link type, and a stamp resolution of nanoseconds among the options. */
static int check_interface(const uint8_t *body, size_t size)
{
	if (size < INTERFACE_FIXED || (load32(body) & 0xffffu) != LINKTYPE_USER0) {
		return VMSG_ERROR_INVALID;
	}
	for (size_t at = INTERFACE_FIXED; size - at >= 4;) {
		const uint32_t head = load32(body + at);
		const size_t length = ((head >> 16) + 3u) & ~(size_t)3;
		at += 4;
		if (length > size - at) {
			return VMSG_ERROR_INVALID;
		}
		if ((head & 0xffffu) == OPTION_TSRESOL && head >> 16 == 1) {
			return body[at] == TSRESOL_NANO ? 0 : VMSG_ERROR_INVALID;
		}
		at += length;
	}
	return VMSG_ERROR_INVALID;
}

static int take_packet(const uint8_t *body, size_t size, uint64_t *time_ns,
		       uint8_t packet[TAP_PACKET_MAX], size_t *packet_size)
{
	if (size < PACKET_FIXED) {
		return VMSG_ERROR_INVALID;
	}
	const size_t captured = load32(body + 12);
	if (captured > size - PACKET_FIXED) {
		return VMSG_ERROR_INVALID;
	}
	if (captured > TAP_PACKET_MAX) {
		return VMSG_ERROR_RANGE;
	}
	*time_ns = (uint64_t)load32(body + 4) << 32 | load32(body + 8);
	memcpy(packet, body + PACKET_FIXED, captured);
	*packet_size = captured;
	return 1;
}

int tap_pcapng_read(FILE *file, uint64_t *time_ns, uint8_t packet[TAP_PACKET_MAX], size_t *size)
{
	for (;;) {
		uint8_t head[8];
		uint8_t body[BLOCK_BODY_MAX + 4];
		const bool first = ftell(file) == 0;
		const size_t got = fread(head, 1, sizeof(head), file);
		if (got < sizeof(head)) {
			return got == 0 && !first ? 0 : VMSG_ERROR_TRUNCATED;
		}
		const uint32_t type = load32(head);
		const uint32_t total = load32(head + 4);
		if (first && type != BLOCK_SECTION) {
			return VMSG_ERROR_INVALID;
		}
		if (total < BLOCK_OVERHEAD || total % 4 || total - 8 > sizeof(body)) {
			return VMSG_ERROR_INVALID;
		}
		if (fread(body, 1, total - 8, file) != total - 8) {
			return VMSG_ERROR_TRUNCATED;
		}
		const size_t body_size = total - BLOCK_OVERHEAD;
		int result = 0;
		if (load32(body + body_size) != total) {
			return VMSG_ERROR_INVALID;
		}
		if (type == BLOCK_SECTION) {
			result = check_section(body, body_size);
		} else if (type == BLOCK_INTERFACE) {
			result = check_interface(body, body_size);
		} else if (type == BLOCK_PACKET) {
			return take_packet(body, body_size, time_ns, packet, size);
		}
		if (result < 0) {
			return result;
		}
	}
}
