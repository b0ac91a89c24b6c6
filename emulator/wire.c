/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame table, and frames to and from structs. Every number is little-endian. */
#include "wire.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"

#define HELLO_SIZE      24u
#define HELLO_BANK_SIZE 16u
#define WELCOME_SIZE    24u
#define REFUSE_SIZE     16u
#define BANK_SIZE       24u
#define NOBODY          0u
#define TO_MANAGER      1u
#define TO_PARTITION    2u

/* What each kind may look like. The size of a hello leaves room for more banks than are allowed, so
 * that the answer can say so. */
static const struct {
	const char *name;
	uint8_t direction;
	uint8_t flags; /* that may be set */
	bool vcpu;     /* the header's vCPU (or partition) means something, else it must be zero */
	bool sequence; /* likewise */
	uint16_t size_min;
	uint16_t size_max;
	uint16_t descriptors;
} kinds[VMSG_WIRE_KIND_COUNT] = {
	[0] = { .name = "?", .direction = NOBODY },
	[VMSG_WIRE_HELLO] = { "HELLO", TO_MANAGER,
			      VMSG_WIRE_HELLO_PACKED | VMSG_WIRE_HELLO_CONTROL |
				      VMSG_WIRE_HELLO_JOIN | VMSG_WIRE_HELLO_BANKS,
			      true, false, HELLO_SIZE,
			      HELLO_SIZE + VMSG_WIRE_DESCRIPTORS_MAX *HELLO_BANK_SIZE,
			      VMSG_WIRE_DESCRIPTORS_MAX },
	[VMSG_WIRE_WELCOME] = { "WELCOME", TO_PARTITION, 0, false, false, WELCOME_SIZE,
				WELCOME_SIZE + VMSG_WIRE_BANKS_MAX * 8u, 0 },
	[VMSG_WIRE_REFUSE] = { "REFUSE", TO_PARTITION, 0, false, false, REFUSE_SIZE,
			       REFUSE_SIZE + VMSG_WIRE_TEXT_MAX, 0 },
	[VMSG_WIRE_CALL] = { "CALL", TO_MANAGER, 0, true, true, VMSG_WIRE_CALL_SIZE,
			     VMSG_WIRE_CALL_SIZE, 0 },
	[VMSG_WIRE_RETURN] = { "RETURN", TO_PARTITION, 0, true, true, VMSG_WIRE_CALL_SIZE,
			       VMSG_WIRE_CALL_SIZE, 0 },
	[VMSG_WIRE_INTERRUPT] = { "INTERRUPT", TO_PARTITION, 0, true, false, 16, 16, 0 },
	[VMSG_WIRE_RAISE] = { "RAISE", TO_MANAGER, 0, true, false, VMSG_WIRE_HEADER_SIZE,
			      VMSG_WIRE_HEADER_SIZE, 0 },
	[VMSG_WIRE_GRANT] = { "GRANT", TO_PARTITION,
			      VMSG_WIRE_GRANT_WRITABLE | VMSG_WIRE_GRANT_REVOKED, false, false,
			      VMSG_WIRE_GRANT_SIZE, VMSG_WIRE_FRAME_MAX, VMSG_WIRE_BANKS_MAX },
	[VMSG_WIRE_GRANT_MORE] = { "GRANT_MORE", TO_MANAGER, 0, false, false, 24, 24, 0 },
	[VMSG_WIRE_CHANNEL] = { "CHANNEL", TO_MANAGER | TO_PARTITION, 0, true, false, 16, 16, 0 },
	[VMSG_WIRE_CONTROL] = { "CONTROL", TO_MANAGER | TO_PARTITION, VMSG_WIRE_CONTROL_MORE, true,
				true, VMSG_WIRE_HEADER_SIZE, VMSG_WIRE_FRAME_MAX, 0 },
	[VMSG_WIRE_BANK] = { "BANK", TO_MANAGER | TO_PARTITION, VMSG_WIRE_BANK_REMOVE, false, true,
			     BANK_SIZE, BANK_SIZE + VMSG_WIRE_TEXT_MAX, 1 },
};

const char *vmsg_wire_kind_name(unsigned kind)
{
	return kind < VMSG_WIRE_KIND_COUNT ? kinds[kind].name : kinds[0].name;
}

bool vmsg_wire_may_be_followed(unsigned kind)
{
	return kind == VMSG_WIRE_GRANT ||
	       (kind < VMSG_WIRE_KIND_COUNT && kinds[kind].size_min > 0 &&
		kinds[kind].size_min == kinds[kind].size_max);
}

size_t vmsg_wire_first_size(const uint8_t *message, size_t size)
{
	size_t first;

	if (size < VMSG_WIRE_HEADER_SIZE || !vmsg_wire_may_be_followed(message[0])) {
		return size;
	}
	if (message[0] != VMSG_WIRE_GRANT) {
		first = kinds[message[0]].size_min;
	} else if (size < VMSG_WIRE_GRANT_SIZE) {
		return size;
	} else {
		first = VMSG_WIRE_GRANT_SIZE +
			vmsg_load_le16(message + 28) * VMSG_WIRE_GRANT_BANK_SIZE +
			vmsg_load_le16(message + 30) * VMSG_WIRE_PIECE_SIZE;
	}
	return first < size ? first : size;
}

int vmsg_wire_check(const uint8_t *frame, size_t size, size_t descriptors, bool to_manager,
		    struct vmsg_wire_header *header, char *why, size_t why_size)
{
	if (size < VMSG_WIRE_HEADER_SIZE) {
		snprintf(why, why_size, "frame of %zu bytes, shorter than a header", size);
		return -1;
	}
	header->kind = frame[0];
	header->flags = frame[1];
	header->vcpu = vmsg_load_le16(frame + 2);
	header->sequence = vmsg_load_le32(frame + 4);

	const unsigned kind = header->kind;
	const unsigned direction = to_manager ? TO_MANAGER : TO_PARTITION;
	if (kind >= VMSG_WIRE_KIND_COUNT || !(kinds[kind].direction & direction)) {
		snprintf(why, why_size, "frame of kind %u (%s), which nobody sends here", kind,
			 vmsg_wire_kind_name(kind));
		return -1;
	}
	if (size < kinds[kind].size_min || size > kinds[kind].size_max) {
		snprintf(why, why_size, "%s frame of %zu bytes, not %u to %u", kinds[kind].name,
			 size, kinds[kind].size_min, kinds[kind].size_max);
		return -1;
	}
	if (descriptors > kinds[kind].descriptors) {
		snprintf(why, why_size, "%s frame with %zu descriptors, at most %u belong there",
			 kinds[kind].name, descriptors, kinds[kind].descriptors);
		return -1;
	}
	if ((header->flags & ~(unsigned)kinds[kind].flags) || (header->vcpu && !kinds[kind].vcpu) ||
	    (header->sequence && !kinds[kind].sequence)) {
		snprintf(why, why_size, "%s frame with reserved header bits set", kinds[kind].name);
		return -1;
	}
	return 0;
}

size_t vmsg_wire_encode_header(uint8_t *frame, const struct vmsg_wire_header *header)
{
	frame[0] = header->kind;
	frame[1] = header->flags;
	vmsg_store_le16(frame + 2, header->vcpu);
	vmsg_store_le32(frame + 4, header->sequence);
	return VMSG_WIRE_HEADER_SIZE;
}

static size_t encode_kind(uint8_t *frame, enum vmsg_wire_kind kind, uint8_t flags)
{
	return vmsg_wire_encode_header(
		frame, &(struct vmsg_wire_header){ .kind = (uint8_t)kind, .flags = flags });
}

size_t vmsg_wire_encode_hello(uint8_t *frame, const struct vmsg_wire_hello *hello)
{
	const uint8_t flags = (hello->packed ? VMSG_WIRE_HELLO_PACKED : 0) |
			      (hello->control ? VMSG_WIRE_HELLO_CONTROL : 0) |
			      (hello->banks_later ? VMSG_WIRE_HELLO_BANKS : 0) |
			      (hello->join ? VMSG_WIRE_HELLO_JOIN : 0);

	vmsg_wire_encode_header(frame, &(struct vmsg_wire_header){ .kind = VMSG_WIRE_HELLO,
								   .flags = flags,
								   .vcpu = hello->vcpu });
	vmsg_store_le32(frame + 8, hello->magic);
	vmsg_store_le16(frame + 12, hello->version);
	frame[14] = hello->role;
	frame[15] = hello->class;
	vmsg_store_le16(frame + 16, hello->id);
	vmsg_store_le16(frame + 18, hello->bank_count);
	vmsg_store_le32(frame + 20, 0);
	for (size_t i = 0; i < hello->bank_count; i++) {
		uint8_t *at = frame + HELLO_SIZE + i * HELLO_BANK_SIZE;
		vmsg_store_le64(at, hello->banks[i].address);
		vmsg_store_le64(at + 8, hello->banks[i].size);
	}
	return HELLO_SIZE + hello->bank_count * HELLO_BANK_SIZE;
}

int vmsg_wire_decode_hello(const uint8_t *frame, size_t size, struct vmsg_wire_hello *hello)
{
	memset(hello, 0, sizeof(*hello));
	hello->magic = vmsg_load_le32(frame + 8);
	hello->version = vmsg_load_le16(frame + 12);
	if (hello->magic != VMSG_WIRE_MAGIC || hello->version != VMSG_WIRE_VERSION) {
		return 0;
	}
	hello->packed = (frame[1] & VMSG_WIRE_HELLO_PACKED) != 0;
	hello->control = (frame[1] & VMSG_WIRE_HELLO_CONTROL) != 0;
	hello->banks_later = (frame[1] & VMSG_WIRE_HELLO_BANKS) != 0;
	hello->join = (frame[1] & VMSG_WIRE_HELLO_JOIN) != 0;
	hello->vcpu = vmsg_load_le16(frame + 2);
	hello->role = frame[14];
	hello->class = frame[15];
	hello->id = vmsg_load_le16(frame + 16);
	hello->bank_count = vmsg_load_le16(frame + 18);
	if (vmsg_load_le32(frame + 20) != 0 || (hello->vcpu && !hello->join) ||
	    size != HELLO_SIZE + (size_t)hello->bank_count * HELLO_BANK_SIZE) {
		return -1;
	}
	for (size_t i = 0; i < hello->bank_count && hello->bank_count <= VMSG_WIRE_BANKS_MAX; i++) {
		const uint8_t *at = frame + HELLO_SIZE + i * HELLO_BANK_SIZE;
		hello->banks[i].address = vmsg_load_le64(at);
		hello->banks[i].size = vmsg_load_le64(at + 8);
	}
	return 0;
}

size_t vmsg_wire_encode_welcome(uint8_t *frame, const struct vmsg_wire_welcome *welcome)
{
	encode_kind(frame, VMSG_WIRE_WELCOME, 0);
	vmsg_store_le16(frame + 8, welcome->version);
	vmsg_store_le16(frame + 10, welcome->id);
	vmsg_store_le16(frame + 12, welcome->vcpu_count);
	vmsg_store_le16(frame + 14, welcome->bank_count);
	vmsg_store_le32(frame + 16, welcome->ffa_version);
	vmsg_store_le32(frame + 20, 0);
	for (size_t i = 0; i < welcome->bank_count; i++) {
		vmsg_store_le64(frame + WELCOME_SIZE + i * 8, welcome->addresses[i]);
	}
	return WELCOME_SIZE + welcome->bank_count * 8u;
}

int vmsg_wire_decode_welcome(const uint8_t *frame, size_t size, struct vmsg_wire_welcome *welcome)
{
	memset(welcome, 0, sizeof(*welcome));
	welcome->version = vmsg_load_le16(frame + 8);
	welcome->id = vmsg_load_le16(frame + 10);
	welcome->vcpu_count = vmsg_load_le16(frame + 12);
	const uint16_t bank_count = vmsg_load_le16(frame + 14);
	welcome->ffa_version = vmsg_load_le32(frame + 16);
	if (bank_count > VMSG_WIRE_BANKS_MAX || size != WELCOME_SIZE + bank_count * 8u ||
	    vmsg_load_le32(frame + 20) != 0) {
		return -1;
	}
	welcome->bank_count = bank_count;
	for (size_t i = 0; i < bank_count; i++) {
		welcome->addresses[i] = vmsg_load_le64(frame + WELCOME_SIZE + i * 8);
	}
	return 0;
}

/* Text of the peer, which may end on somebody's terminal. */
static void decode_text(char text[VMSG_WIRE_TEXT_MAX + 1], const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		text[i] = (char)(bytes[i] >= ' ' && bytes[i] != 0x7F ? bytes[i] : '?');
	}
	text[size] = '\0';
}

size_t vmsg_wire_encode_refuse(uint8_t *frame, const struct vmsg_wire_refuse *refuse)
{
	const size_t text_size = strnlen(refuse->text, VMSG_WIRE_TEXT_MAX);

	encode_kind(frame, VMSG_WIRE_REFUSE, 0);
	vmsg_store_le32(frame + 8, refuse->code);
	vmsg_store_le16(frame + 12, refuse->version);
	vmsg_store_le16(frame + 14, 0);
	memcpy(frame + REFUSE_SIZE, refuse->text, text_size);
	return REFUSE_SIZE + text_size;
}

void vmsg_wire_decode_refuse(const uint8_t *frame, size_t size, struct vmsg_wire_refuse *refuse)
{
	refuse->code = vmsg_load_le32(frame + 8);
	refuse->version = vmsg_load_le16(frame + 12);
	decode_text(refuse->text, frame + REFUSE_SIZE, size - REFUSE_SIZE);
}

size_t vmsg_wire_encode_call(uint8_t *frame, const struct vmsg_wire_header *header,
			     const struct vmsg_ffa_regs *regs)
{
	vmsg_wire_encode_header(frame, header);
	vmsg_ffa_regs_store(regs, frame + VMSG_WIRE_HEADER_SIZE);
	return VMSG_WIRE_CALL_SIZE;
}

void vmsg_wire_decode_call(const uint8_t *frame, struct vmsg_ffa_regs *regs)
{
	vmsg_ffa_regs_load(regs, frame + VMSG_WIRE_HEADER_SIZE);
}

size_t vmsg_wire_encode_interrupt(uint8_t *frame, uint16_t vcpu, uint32_t id)
{
	vmsg_wire_encode_header(
		frame, &(struct vmsg_wire_header){ .kind = VMSG_WIRE_INTERRUPT, .vcpu = vcpu });
	vmsg_store_le32(frame + 8, id);
	vmsg_store_le32(frame + 12, 0);
	return 16;
}

uint32_t vmsg_wire_decode_interrupt(const uint8_t *frame)
{
	return vmsg_load_le32(frame + 8);
}

size_t vmsg_wire_encode_grant_more(uint8_t *frame, uint64_t handle, uint32_t first)
{
	encode_kind(frame, VMSG_WIRE_GRANT_MORE, 0);
	vmsg_store_le64(frame + 8, handle);
	vmsg_store_le32(frame + 16, first);
	vmsg_store_le32(frame + 20, 0);
	return 24;
}

void vmsg_wire_decode_grant_more(const uint8_t *frame, uint64_t *handle, uint32_t *first)
{
	*handle = vmsg_load_le64(frame + 8);
	*first = vmsg_load_le32(frame + 16);
}

size_t vmsg_wire_encode_channel(uint8_t *frame, uint16_t peer, uint8_t operation)
{
	encode_kind(frame, VMSG_WIRE_CHANNEL, 0);
	vmsg_store_le16(frame + 8, peer);
	frame[10] = operation;
	frame[11] = 0;
	vmsg_store_le32(frame + 12, 0);
	return 16;
}

void vmsg_wire_decode_channel(const uint8_t *frame, uint16_t *peer, uint8_t *operation)
{
	*peer = vmsg_load_le16(frame + 8);
	*operation = frame[10];
}

size_t vmsg_wire_encode_grant(uint8_t *frame, uint8_t flags, const struct vmsg_wire_grant *grant,
			      const uint32_t *banks, const struct vmsg_wire_piece *pieces)
{
	struct vmsg_writer writer = { .data = frame, .size = VMSG_WIRE_FRAME_MAX };

	writer.offset = encode_kind(frame, VMSG_WIRE_GRANT, flags);
	vmsg_write_le64(&writer, grant->handle);
	vmsg_write_le32(&writer, grant->total);
	vmsg_write_le32(&writer, grant->first);
	vmsg_write_le32(&writer, grant->next);
	vmsg_write_le16(&writer, grant->bank_count);
	vmsg_write_le16(&writer, grant->piece_count);
	for (size_t i = 0; i < grant->bank_count; i++) {
		vmsg_write_le32(&writer, banks[i]);
	}
	for (size_t i = 0; i < grant->piece_count; i++) {
		vmsg_write_le64(&writer, pieces[i].address);
		vmsg_write_le64(&writer, pieces[i].offset);
		vmsg_write_le32(&writer, pieces[i].pages);
		vmsg_write_le32(&writer, pieces[i].bank);
	}
	VMSG_ASSERT(!writer.failed);
	return writer.offset;
}

int vmsg_wire_decode_grant(const uint8_t *frame, size_t size, struct vmsg_wire_grant *grant)
{
	grant->handle = vmsg_load_le64(frame + 8);
	grant->total = vmsg_load_le32(frame + 16);
	grant->first = vmsg_load_le32(frame + 20);
	grant->next = vmsg_load_le32(frame + 24);
	grant->bank_count = vmsg_load_le16(frame + 28);
	grant->piece_count = vmsg_load_le16(frame + 30);
	return size == VMSG_WIRE_GRANT_SIZE +
				       (size_t)grant->bank_count * VMSG_WIRE_GRANT_BANK_SIZE +
				       (size_t)grant->piece_count * VMSG_WIRE_PIECE_SIZE
		       ? 0
		       : -1;
}

uint32_t vmsg_wire_grant_bank(const uint8_t *frame, size_t index)
{
	return vmsg_load_le32(frame + VMSG_WIRE_GRANT_SIZE + index * VMSG_WIRE_GRANT_BANK_SIZE);
}

void vmsg_wire_grant_piece(const uint8_t *frame, const struct vmsg_wire_grant *grant, size_t index,
			   struct vmsg_wire_piece *piece)
{
	const uint8_t *at = frame + VMSG_WIRE_GRANT_SIZE +
			    (size_t)grant->bank_count * VMSG_WIRE_GRANT_BANK_SIZE +
			    index * VMSG_WIRE_PIECE_SIZE;

	piece->address = vmsg_load_le64(at);
	piece->offset = vmsg_load_le64(at + 8);
	piece->pages = vmsg_load_le32(at + 16);
	piece->bank = vmsg_load_le32(at + 20);
}

size_t vmsg_wire_encode_bank(uint8_t *frame, const struct vmsg_wire_header *header,
			     const struct vmsg_wire_bank *bank)
{
	vmsg_wire_encode_header(frame, header);
	vmsg_store_le64(frame + 8, bank->address);
	vmsg_store_le64(frame + 16, bank->size);
	return BANK_SIZE;
}

int vmsg_wire_decode_bank(const uint8_t *frame, size_t size, struct vmsg_wire_bank *bank)
{
	bank->address = vmsg_load_le64(frame + 8);
	bank->size = vmsg_load_le64(frame + 16);
	return size == BANK_SIZE ? 0 : -1;
}

size_t vmsg_wire_encode_bank_answer(uint8_t *frame, const struct vmsg_wire_header *header,
				    const struct vmsg_wire_bank_answer *answer)
{
	const size_t text_size = strnlen(answer->text, VMSG_WIRE_TEXT_MAX);

	vmsg_wire_encode_header(frame, header);
	vmsg_store_le64(frame + 8, answer->address);
	vmsg_store_le32(frame + 16, answer->code);
	vmsg_store_le32(frame + 20, 0);
	memcpy(frame + BANK_SIZE, answer->text, text_size);
	return BANK_SIZE + text_size;
}

int vmsg_wire_decode_bank_answer(const uint8_t *frame, size_t size,
				 struct vmsg_wire_bank_answer *answer)
{
	answer->address = vmsg_load_le64(frame + 8);
	answer->code = vmsg_load_le32(frame + 16);
	decode_text(answer->text, frame + BANK_SIZE, size - BANK_SIZE);
	return vmsg_load_le32(frame + 20) == 0 ? 0 : -1;
}

size_t vmsg_wire_encode_control(uint8_t *frame, const struct vmsg_wire_header *header,
				const void *text, size_t text_size)
{
	VMSG_ASSERT(text_size <= VMSG_WIRE_CONTROL_TEXT_MAX);
	vmsg_wire_encode_header(frame, header);
	memcpy(frame + VMSG_WIRE_HEADER_SIZE, text, text_size);
	return VMSG_WIRE_HEADER_SIZE + text_size;
}

struct vmsg_bytes vmsg_wire_control_text(const uint8_t *frame, size_t size)
{
	return (struct vmsg_bytes){ .data = frame + VMSG_WIRE_HEADER_SIZE,
				    .size = size - VMSG_WIRE_HEADER_SIZE };
}
