/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames between a partition and vmsg-ffa-emu: their layout, and the one table that says which
 * sizes, flags and descriptors each kind may have. Shared by server and client; knows neither
 * sockets nor the partition manager. docs/emulator-protocol.md is the same for people.
 */
#ifndef VMSG_EMULATOR_WIRE_H
#define VMSG_EMULATOR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/ffa.h"
#include "virtio_msg_ffa/span.h"

#define VMSG_WIRE_VERSION 1u
#define VMSG_WIRE_MAGIC   0x41464656u /* the bytes "VFFA" */

#define VMSG_WIRE_FRAME_MAX       4096u
#define VMSG_WIRE_DESCRIPTORS_MAX 253u /* what the kernel passes in one message */
#define VMSG_WIRE_BANKS_MAX       64u
#define VMSG_WIRE_VCPUS_MAX       64u
#define VMSG_WIRE_HEADER_SIZE     8u
#define VMSG_WIRE_CALL_SIZE       (VMSG_WIRE_HEADER_SIZE + VMSG_FFA_FRAME_SIZE)
#define VMSG_WIRE_TEXT_MAX        240u

/* One page is the unit of every address and size; physical addresses have 48 bits. */
#define VMSG_WIRE_PAGE_SIZE     4096u
#define VMSG_WIRE_ADDRESS_LIMIT (UINT64_C(1) << 48)
/* RAM of one partition: 250 of them still fit the manager's own address space. */
#define VMSG_WIRE_RAM_MAX (UINT64_C(1) << 38)

enum vmsg_wire_kind {
	VMSG_WIRE_HELLO = 1,  /* partition: who I am, and my RAM */
	VMSG_WIRE_WELCOME,    /* manager: who you are, and where your RAM is */
	VMSG_WIRE_REFUSE,     /* manager: why the connection ends */
	VMSG_WIRE_CALL,       /* partition: an FF-A call of one vCPU */
	VMSG_WIRE_RETURN,     /* manager: what it returned */
	VMSG_WIRE_INTERRUPT,  /* manager: an interrupt became pending */
	VMSG_WIRE_RAISE,      /* partition: interrupts itself */
	VMSG_WIRE_GRANT,      /* manager: memory that a retrieval makes accessible */
	VMSG_WIRE_GRANT_MORE, /* partition: asks for the rest of a long grant */
	VMSG_WIRE_CHANNEL,    /* both: direct channel offered, taken, revoked, refused */
	VMSG_WIRE_CONTROL,    /* both: JSON */
	VMSG_WIRE_BANK, /* partition: RAM that comes or goes later; manager: whether it does */
	VMSG_WIRE_KIND_COUNT,
};

/* Flags. All other bits must be zero. */
#define VMSG_WIRE_HELLO_PACKED   0x01u /* takes several frames in one message */
#define VMSG_WIRE_HELLO_CONTROL  0x02u /* answers requests of control clients */
#define VMSG_WIRE_HELLO_JOIN     0x04u /* another connection of a partition, for one vCPU */
#define VMSG_WIRE_HELLO_BANKS    0x08u /* may add and take away RAM later */
#define VMSG_WIRE_GRANT_WRITABLE 0x01u
#define VMSG_WIRE_GRANT_REVOKED  0x02u /* no longer held; carries no ranges */
#define VMSG_WIRE_CONTROL_MORE   0x01u /* another frame of the same answer follows */
#define VMSG_WIRE_BANK_REMOVE    0x01u /* the bank at this address goes */

enum vmsg_wire_role { VMSG_WIRE_PARTITION = 1, VMSG_WIRE_CONTROLLER = 2 };

/* Which identity a partition wants when it names none. */
enum vmsg_wire_class { VMSG_WIRE_VM = 0, VMSG_WIRE_SECURE = 1 };

enum vmsg_wire_refusal {
	VMSG_WIRE_REFUSED_FRAME = 1, /* malformed, or not allowed now */
	VMSG_WIRE_REFUSED_VERSION,   /* another protocol version */
	VMSG_WIRE_REFUSED_USER,      /* the peer is another user */
	VMSG_WIRE_REFUSED_IDENTITY,  /* unknown, or claimed by somebody else */
	VMSG_WIRE_REFUSED_BANK,      /* RAM that breaks a rule */
	VMSG_WIRE_REFUSED_RESOURCES, /* the manager is out of something */
	VMSG_WIRE_REFUSED_GONE,      /* another connection of the partition has ended */
};

enum vmsg_wire_channel {
	VMSG_WIRE_CHANNEL_OFFER = 1,
	VMSG_WIRE_CHANNEL_TAKE,
	VMSG_WIRE_CHANNEL_REVOKE,
	VMSG_WIRE_CHANNEL_REFUSE,
};

struct vmsg_wire_header {
	uint8_t kind;
	uint8_t flags;
	uint16_t vcpu; /* of CONTROL: id of the partition that is asked or has answered */
	uint32_t sequence;
};

struct vmsg_wire_bank {
	uint64_t address; /* 0 = anywhere */
	uint64_t size;
};

struct vmsg_wire_hello {
	uint32_t magic;
	uint16_t version;
	uint8_t role;
	uint8_t class;
	uint16_t id;      /* 0 = the first free of `class` */
	bool packed;      /* takes several frames in one message */
	bool control;     /* answers requests of control clients */
	bool banks_later; /* may add and take away RAM */
	bool join;        /* another connection of partition `id`, for its vCPU `vcpu` */
	uint16_t vcpu;
	uint16_t bank_count;
	struct vmsg_wire_bank banks[VMSG_WIRE_BANKS_MAX];
};

struct vmsg_wire_welcome {
	uint16_t version;
	uint16_t id;
	uint16_t vcpu_count;
	uint16_t bank_count;
	uint32_t ffa_version;
	uint64_t addresses[VMSG_WIRE_BANKS_MAX];
};

struct vmsg_wire_refuse {
	uint32_t code;
	uint16_t version; /* that the manager speaks */
	char text[VMSG_WIRE_TEXT_MAX + 1];
};

/* Head of a grant. `first` to `next` are indices of the region's ranges; the grant is complete when
 * `next` is `total`. After the head come the numbers of the banks whose descriptors the frame
 * carries, in order, then the pieces. */
struct vmsg_wire_grant {
	uint64_t handle;
	uint32_t total;
	uint32_t first;
	uint32_t next;
	uint16_t bank_count;
	uint16_t piece_count;
};

/* `pages` pages at `address` of the physical map are at `offset` in bank `bank`. */
struct vmsg_wire_piece {
	uint64_t address;
	uint64_t offset;
	uint32_t pages;
	uint32_t bank;
};

/* Whether a bank came or went: `code` 0 with its address, or one of enum vmsg_wire_refusal. */
struct vmsg_wire_bank_answer {
	uint64_t address;
	uint32_t code;
	char text[VMSG_WIRE_TEXT_MAX + 1];
};

#define VMSG_WIRE_GRANT_SIZE      32u
#define VMSG_WIRE_GRANT_BANK_SIZE 4u
#define VMSG_WIRE_PIECE_SIZE      24u

/* Name of a kind for people, "?" if it is none. */
const char *vmsg_wire_kind_name(unsigned kind);

/* True for the kinds that say how long they are: others may follow such a frame in one message. */
bool vmsg_wire_may_be_followed(unsigned kind);

/* Size of the first frame of a message: its own if it may be followed, else all of the message. */
size_t vmsg_wire_first_size(const uint8_t *message, size_t size);

/*
 * Header of a frame that came in `size` bytes with `descriptors` descriptors, checked against the
 * table: kind known and sent in this direction, size, flags, descriptors, unused header fields
 * zero. Returns 0, or -1 with one line in `why`.
 */
int vmsg_wire_check(const uint8_t *frame, size_t size, size_t descriptors, bool to_manager,
		    struct vmsg_wire_header *header, char *why, size_t why_size);

/* Each encoder writes a whole frame into VMSG_WIRE_FRAME_MAX bytes and returns its size. */
size_t vmsg_wire_encode_header(uint8_t *frame, const struct vmsg_wire_header *header);
size_t vmsg_wire_encode_hello(uint8_t *frame, const struct vmsg_wire_hello *hello);
size_t vmsg_wire_encode_welcome(uint8_t *frame, const struct vmsg_wire_welcome *welcome);
size_t vmsg_wire_encode_refuse(uint8_t *frame, const struct vmsg_wire_refuse *refuse);
/* CALL or RETURN: header->kind. */
size_t vmsg_wire_encode_call(uint8_t *frame, const struct vmsg_wire_header *header,
			     const struct vmsg_ffa_regs *regs);
size_t vmsg_wire_encode_interrupt(uint8_t *frame, uint16_t vcpu, uint32_t id);
size_t vmsg_wire_encode_grant_more(uint8_t *frame, uint64_t handle, uint32_t first);
size_t vmsg_wire_encode_channel(uint8_t *frame, uint16_t peer, uint8_t operation);
size_t vmsg_wire_encode_grant(uint8_t *frame, uint8_t flags, const struct vmsg_wire_grant *grant,
			      const uint32_t *banks, const struct vmsg_wire_piece *pieces);
/* A request about a bank, and the answer; the header with its flags and sequence. */
size_t vmsg_wire_encode_bank(uint8_t *frame, const struct vmsg_wire_header *header,
			     const struct vmsg_wire_bank *bank);
size_t vmsg_wire_encode_bank_answer(uint8_t *frame, const struct vmsg_wire_header *header,
				    const struct vmsg_wire_bank_answer *answer);
#define VMSG_WIRE_CONTROL_TEXT_MAX (VMSG_WIRE_FRAME_MAX - VMSG_WIRE_HEADER_SIZE)
/* header->kind is CONTROL; at most VMSG_WIRE_CONTROL_TEXT_MAX bytes of text. */
size_t vmsg_wire_encode_control(uint8_t *frame, const struct vmsg_wire_header *header,
				const void *text, size_t text_size);

/*
 * Decoders of frames that vmsg_wire_check() has accepted. -1 where counts and size of the frame
 * disagree or a reserved field is not zero; a hello whose magic or version is another's is not
 * looked at any further, and one with more than VMSG_WIRE_BANKS_MAX banks has its banks left out.
 */
int vmsg_wire_decode_hello(const uint8_t *frame, size_t size, struct vmsg_wire_hello *hello);
int vmsg_wire_decode_welcome(const uint8_t *frame, size_t size, struct vmsg_wire_welcome *welcome);
void vmsg_wire_decode_refuse(const uint8_t *frame, size_t size, struct vmsg_wire_refuse *refuse);
void vmsg_wire_decode_call(const uint8_t *frame, struct vmsg_ffa_regs *regs);
uint32_t vmsg_wire_decode_interrupt(const uint8_t *frame);
void vmsg_wire_decode_grant_more(const uint8_t *frame, uint64_t *handle, uint32_t *first);
void vmsg_wire_decode_channel(const uint8_t *frame, uint16_t *peer, uint8_t *operation);
int vmsg_wire_decode_grant(const uint8_t *frame, size_t size, struct vmsg_wire_grant *grant);
uint32_t vmsg_wire_grant_bank(const uint8_t *frame, size_t index);
void vmsg_wire_grant_piece(const uint8_t *frame, const struct vmsg_wire_grant *grant, size_t index,
			   struct vmsg_wire_piece *piece);
int vmsg_wire_decode_bank(const uint8_t *frame, size_t size, struct vmsg_wire_bank *bank);
int vmsg_wire_decode_bank_answer(const uint8_t *frame, size_t size,
				 struct vmsg_wire_bank_answer *answer);
struct vmsg_bytes vmsg_wire_control_text(const uint8_t *frame, size_t size);

#endif
