/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapng blocks, always little-endian: section header (magic says so), interface description with
 * if_tsresol 9, enhanced packet blocks, with epb_dropcount where packets were lost. Reading takes
 * what writing makes, with more options and blocks around it, as other programs save it.
 */
#include "tap/pcapng.h"

#include <string.h>

#include "virtio_msg_ffa/error.h"

#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  0x00000001u
#define BLOCK_PACKET_OLD 0x00000002u
#define BLOCK_SIMPLE     0x00000003u
#define BLOCK_PACKET     0x00000006u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_USER0   147u
#define OPTION_END       0u
#define OPTION_DROPCOUNT 4u
#define OPTION_TSRESOL   9u
#define TSRESOL_NANO     9u

#define BLOCK_HEAD      8u  /* type, length */
#define BLOCK_OVERHEAD  12u /* and the length again */
#define PACKET_FIXED    20u /* interface, stamp high, low, captured, original */
#define SECTION_FIXED   16u
#define INTERFACE_FIXED 8u
#define DROPCOUNT_SIZE  16u /* the option and the end of options */
#define SKIP_SIZE       4096u
/* Of a block whose contents we read: a packet, and as many bytes of options. */
#define BLOCK_BODY_MAX (PACKET_FIXED + 2u * TAP_PACKET_MAX)

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

/* ---- writing ---- */

void tap_pcapng_store_begin(uint8_t bytes[TAP_PCAPNG_BEGIN_SIZE])
{
	uint8_t *section = bytes;
	uint8_t *interface = bytes + SECTION_FIXED + BLOCK_OVERHEAD;
	const uint32_t interface_size = INTERFACE_FIXED + 12 + BLOCK_OVERHEAD;

	memset(bytes, 0, TAP_PCAPNG_BEGIN_SIZE);
	store32(section, BLOCK_SECTION);
	store32(section + 4, SECTION_FIXED + BLOCK_OVERHEAD);
	store32(section + 8, BYTE_ORDER_MAGIC);
	store32(section + 12, 1);      /* version 1.0 */
	memset(section + 16, 0xff, 8); /* section length not known */
	store32(section + 24, SECTION_FIXED + BLOCK_OVERHEAD);

	store32(interface, BLOCK_INTERFACE);
	store32(interface + 4, interface_size);
	store32(interface + 8, LINKTYPE_USER0);
	store32(interface + 16, OPTION_TSRESOL | 1u << 16);
	interface[20] = TSRESOL_NANO;
	/* end-of-options at 24 is zero */
	store32(interface + 28, interface_size);
}

size_t tap_pcapng_store_packet(uint8_t block[TAP_PCAPNG_PACKET_SIZE], uint64_t time_ns,
			       uint64_t lost, struct vmsg_bytes packet)
{
	const uint32_t size = (uint32_t)packet.size;
	const uint32_t padding = -size & 3u;
	const uint32_t total =
		BLOCK_OVERHEAD + PACKET_FIXED + size + padding + (lost ? DROPCOUNT_SIZE : 0);
	uint8_t *at = block + BLOCK_HEAD + PACKET_FIXED + size;

	store32(block, BLOCK_PACKET);
	store32(block + 4, total);
	store32(block + 8, 0);
	store32(block + 12, (uint32_t)(time_ns >> 32));
	store32(block + 16, (uint32_t)time_ns);
	store32(block + 20, size);
	store32(block + 24, size);
	memcpy(block + BLOCK_HEAD + PACKET_FIXED, packet.data, size);
	memset(at, 0, padding);
	at += padding;
	if (lost) {
		store32(at, OPTION_DROPCOUNT | 8u << 16);
		store32(at + 4, (uint32_t)lost);
		store32(at + 8, (uint32_t)(lost >> 32));
		store32(at + 12, OPTION_END);
		at += DROPCOUNT_SIZE;
	}
	store32(at, total);
	return total;
}

int tap_pcapng_begin(FILE *file)
{
	uint8_t bytes[TAP_PCAPNG_BEGIN_SIZE];

	tap_pcapng_store_begin(bytes);
	return fwrite(bytes, 1, sizeof(bytes), file) == sizeof(bytes) ? 0 : -1;
}

int tap_pcapng_write(FILE *file, uint64_t time_ns, struct vmsg_bytes packet)
{
	uint8_t block[TAP_PCAPNG_PACKET_SIZE];
	const size_t size = tap_pcapng_store_packet(block, time_ns, 0, packet);

	return fwrite(block, 1, size, file) == size ? 0 : -1;
}

/* ---- reading ---- */

void tap_pcapng_open(struct tap_pcapng_reader *reader, FILE *file)
{
	*reader = (struct tap_pcapng_reader){ .file = file };
}

static int fail(struct tap_pcapng_reader *reader, int error, const char *problem)
{
	reader->problem = problem;
	return error;
}

/* Option `code` of a list; NULL if it is not there. Its length lands in `size`. An option that runs
 * over the end of the list makes it bad. */
static const uint8_t *find_option(const uint8_t *list, size_t size, uint32_t code,
				  size_t *option_size, bool *bad)
{
	*bad = false;
	for (size_t at = 0; size - at >= 4;) {
		const uint32_t head = load32(list + at);
		const size_t length = head >> 16;
		const size_t padded = (length + 3u) & ~(size_t)3;
		at += 4;
		if ((head & 0xffffu) == OPTION_END) {
			return NULL;
		}
		if (padded > size - at) {
			*bad = true;
			return NULL;
		}
		if ((head & 0xffffu) == code) {
			*option_size = length;
			return list + at;
		}
		at += padded;
	}
	return NULL;
}

static int take_section(struct tap_pcapng_reader *reader, const uint8_t *body, size_t size)
{
	if (size < SECTION_FIXED) {
		return fail(reader, VMSG_ERROR_INVALID, "a section header has 28 bytes or more");
	}
	if ((load32(body + 4) & 0xffffu) != 1) {
		return fail(reader, VMSG_ERROR_INVALID, "the version of pcapng must be 1");
	}
	reader->has_section = true;
	reader->interfaces = 0;
	return 0;
}

/* Link type, and a stamp resolution of nanoseconds among the options. */
static int take_interface(struct tap_pcapng_reader *reader, const uint8_t *body, size_t size)
{
	size_t option_size = 0;
	bool bad = false;

	if (size < INTERFACE_FIXED) {
		return fail(reader, VMSG_ERROR_INVALID,
			    "an interface description has 20 bytes or more");
	}
	if ((load32(body) & 0xffffu) != LINKTYPE_USER0) {
		return fail(reader, VMSG_ERROR_INVALID,
			    "the link type must be 147 (USER0): this is somebody else's capture");
	}
	const uint8_t *resolution = find_option(body + INTERFACE_FIXED, size - INTERFACE_FIXED,
						OPTION_TSRESOL, &option_size, &bad);
	if (bad) {
		return fail(reader, VMSG_ERROR_INVALID, "an option runs over the end of its block");
	}
	if (!resolution || option_size != 1 || *resolution != TSRESOL_NANO) {
		return fail(reader, VMSG_ERROR_INVALID,
			    "the interface's stamps must be nanoseconds (if_tsresol 9)");
	}
	reader->interfaces++;
	return 0;
}

static int take_packet(struct tap_pcapng_reader *reader, const uint8_t *body, size_t size,
		       struct tap_packet *packet)
{
	size_t option_size = 0;
	bool bad = false;

	if (size < PACKET_FIXED) {
		return fail(reader, VMSG_ERROR_INVALID, "a packet block has 32 bytes or more");
	}
	const size_t captured = load32(body + 12);
	const size_t padded = (captured + 3u) & ~(size_t)3;
	if (load32(body) >= reader->interfaces) {
		return fail(reader, VMSG_ERROR_INVALID,
			    "the packet's interface has not been described");
	}
	if (captured > TAP_PACKET_MAX) {
		return fail(reader, VMSG_ERROR_RANGE,
			    "the packet is longer than any that this program writes");
	}
	if (padded > size - PACKET_FIXED) {
		return fail(reader, VMSG_ERROR_INVALID, "the packet is longer than its block");
	}
	if (load32(body + 16) != captured) {
		return fail(reader, VMSG_ERROR_INVALID,
			    "the packet was cut when it was captured or saved");
	}
	const uint8_t *lost =
		find_option(body + PACKET_FIXED + padded, size - PACKET_FIXED - padded,
			    OPTION_DROPCOUNT, &option_size, &bad);
	if (bad || (lost && option_size != 8)) {
		return fail(reader, VMSG_ERROR_INVALID, "an option runs over the end of its block");
	}
	packet->time_ns = (uint64_t)load32(body + 4) << 32 | load32(body + 8);
	packet->lost = lost ? load32(lost) | (uint64_t)load32(lost + 4) << 32 : 0;
	packet->size = captured;
	memcpy(packet->bytes, body + PACKET_FIXED, captured);
	return 1;
}

/* Reads past `size` bytes that nobody looks at. */
static bool skip(FILE *file, size_t size)
{
	uint8_t bytes[SKIP_SIZE];

	while (size > 0) {
		const size_t piece = size < sizeof(bytes) ? size : sizeof(bytes);
		if (fread(bytes, 1, piece, file) != piece) {
			return false;
		}
		size -= piece;
	}
	return true;
}

/* Type and length of the next block: 1, 0 at the end of the file, or an error. */
static int read_head(struct tap_pcapng_reader *reader, uint8_t head[BLOCK_HEAD])
{
	const size_t got = fread(head, 1, BLOCK_HEAD, reader->file);

	if (got == 0 && reader->has_section) {
		return 0;
	}
	if (got >= 4 && !reader->has_section && load32(head) != BLOCK_SECTION) {
		return fail(reader, VMSG_ERROR_INVALID, "this is no pcapng file");
	}
	if (got < BLOCK_HEAD) {
		return fail(reader, VMSG_ERROR_TRUNCATED,
			    got == 0 ? "the file is empty" : "the file ends inside this block");
	}
	return 1;
}

/* The length of a section comes before the magic that says in which byte order. */
static int check_order(struct tap_pcapng_reader *reader, uint8_t magic[4])
{
	if (fread(magic, 1, 4, reader->file) != 4) {
		return fail(reader, VMSG_ERROR_TRUNCATED, "the file ends inside this block");
	}
	if (load32(magic) != BYTE_ORDER_MAGIC) {
		return fail(reader, VMSG_ERROR_INVALID, "the section must be little-endian");
	}
	return 0;
}

/* Reads the block behind `head` and takes from it what is ours. 1 for a packet, 0 for others. */
static int read_block(struct tap_pcapng_reader *reader, uint32_t type, uint32_t total,
		      const uint8_t magic[4], struct tap_packet *packet)
{
	uint8_t body[BLOCK_BODY_MAX];
	const size_t size = total - BLOCK_OVERHEAD;
	const size_t done = type == BLOCK_SECTION ? 4 : 0;
	const size_t kept = size < sizeof(body) ? size : sizeof(body);
	uint8_t end[4];

	memcpy(body, magic, done);
	if (fread(body + done, 1, kept - done, reader->file) != kept - done ||
	    !skip(reader->file, size - kept) || fread(end, 1, 4, reader->file) != 4) {
		return fail(reader, VMSG_ERROR_TRUNCATED, "the file ends inside this block");
	}
	if (load32(end) != total) {
		return fail(reader, VMSG_ERROR_INVALID, "the two lengths of the block differ");
	}
	switch (type) {
	case BLOCK_SECTION:
		return take_section(reader, body, kept);
	case BLOCK_INTERFACE:
		return take_interface(reader, body, kept);
	case BLOCK_PACKET:
		return take_packet(reader, body, kept, packet);
	case BLOCK_PACKET_OLD:
	case BLOCK_SIMPLE:
		return fail(reader, VMSG_ERROR_INVALID,
			    "packets must be in enhanced packet blocks, which have stamps");
	default:
		return 0;
	}
}

int tap_pcapng_read(struct tap_pcapng_reader *reader, struct tap_packet *packet)
{
	for (;;) {
		uint8_t head[BLOCK_HEAD];
		uint8_t magic[4] = { 0 };
		int result = read_head(reader, head);
		if (result <= 0) {
			return result;
		}
		const uint32_t type = load32(head);
		if (type == BLOCK_SECTION) {
			result = check_order(reader, magic);
			if (result < 0) {
				return result;
			}
		}
		const uint32_t total = load32(head + 4);
		if (total % 4 || total < BLOCK_OVERHEAD + (type == BLOCK_SECTION ? 4 : 0)) {
			return fail(reader, VMSG_ERROR_INVALID,
				    "the length of a block is a multiple of 4, of 12 or more");
		}
		result = read_block(reader, type, total, magic, packet);
		if (result < 0) {
			return result;
		}
		reader->offset += total;
		if (result == 1) {
			return 1;
		}
	}
}
