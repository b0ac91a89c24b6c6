/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the socket client share. */
#ifndef VMSG_EMULATOR_CLIENT_INTERNAL_H
#define VMSG_EMULATOR_CLIENT_INTERNAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"
#include "io.h"
#include "wire.h"

/* A bank of somebody else's, under the manager's number, until the manager forgets it. */
struct emu_bank {
	uint32_t number;
	int fd;
	uint64_t size;
};

/* A retrieved region: its pieces as far as they have come, and the mapping. */
struct emu_grant {
	struct emu_grant *next;
	uint64_t handle;
	bool is_owned; /* a donation whose handle has been given again: mapped for good */
	bool writable;
	uint32_t total; /* ranges */
	uint32_t next_range;
	bool is_mapped_writable;
	struct vmsg_wire_piece *pieces;
	size_t piece_count;
	size_t piece_capacity;
	uint8_t *data; /* mapping, NULL if none; in a flat map its first piece */
	uint64_t size;
};

struct emu_lent;

/* The call that a vCPU has made, and what it returned. */
struct emu_vcpu {
	uint32_t sequence;
	uint32_t function_id;
	uint64_t argument;        /* TX address of RXTX_MAP, handle of RECLAIM and FRAG_TX */
	struct emu_lent *lending; /* LEND or DONATE: what it is about */
	struct vmsg_ffa_regs reply;
};

/* A request of a control client; from its arrival to its last answer. */
struct emu_request {
	bool is_taken;
	uint32_t number;
	size_t size;
	char *text; /* until it is taken */
};

struct vmsg_emu {
	int fd;
	uint16_t id;
	uint16_t vcpu; /* of the conduit */
	bool flat;
	uint16_t vcpu_count;
	struct emu_vcpu *vcpus;
	uint64_t outstanding; /* bit per vCPU: its call has not been collected */
	uint64_t replied;     /* and has returned */
	uint64_t interrupts;
	bool is_fresh;     /* a return has come since interrupts were last looked for */
	bool waits;        /* the conduit's call returns when somebody wants something of us */
	uint64_t alarm_ns; /* of waits through the conduit; UINT64_MAX: none */
	struct io_outbox outbox;
	_Atomic bool lost; /* vmsg_emu_raise() reads it from other threads */
	char reason[VMSG_WIRE_TEXT_MAX + 1];
	struct vmsg_emu_bank *own; /* our RAM */
	size_t own_count;
	size_t own_capacity;
	bool asks_bank; /* a BANK frame waits for its answer, which then is here */
	uint32_t bank_sequence;
	struct vmsg_wire_bank_answer bank_answer;
	struct emu_bank *banks;
	size_t bank_count;
	size_t bank_capacity;
	struct emu_grant *grants;                           /* newest first */
	uint64_t revoked;                                   /* handle of the last revocation */
	struct emu_request requests[VMSG_EMU_REQUESTS_MAX]; /* oldest first */
	size_t request_count;
	uint64_t tx_address; /* 0 = not mapped */
	struct emu_lent *lent;
};

/* client.c: the manager is gone, or broke the protocol (then `reason` says how). */
void emu_lose(struct vmsg_emu *emu, const char *reason);
/* Sends a frame; receives and acts on what has come. Returns 1, 0 when there was nothing, or -1
 * when the manager is lost. */
int emu_send(struct vmsg_emu *emu, uint8_t *frame, size_t size);
int emu_receive(struct vmsg_emu *emu, bool wait);

/* grants.c: takes over the descriptors it wants and sets them to -1. */
void emu_grant_receive(struct vmsg_emu *emu, uint8_t flags, const uint8_t *frame, size_t size,
		       int *descriptors, size_t descriptor_count);
int emu_grant_map(struct vmsg_emu *emu, uint64_t handle, const struct vmsg_ffa_range *ranges,
		  size_t range_count, bool writable, struct vmsg_segment *segments,
		  size_t capacity);
void emu_grant_unmap(struct vmsg_emu *emu, uint64_t handle);
void emu_grants_free(struct vmsg_emu *emu);

/* later_banks.c */
void emu_bank_receive(struct vmsg_emu *emu, const struct vmsg_wire_header *header,
		      const uint8_t *frame, size_t size);

/* connect.c: a socket to the manager of this user; `path` NULL: the default one. The descriptor is
 * the caller's to close, also on failure, if it is not -1. */
int emu_dial(const char *path, int *fd, char *why, size_t why_size);

/* requests.c */
void emu_request_receive(struct vmsg_emu *emu, const struct vmsg_wire_header *header,
			 struct vmsg_bytes text);
void emu_requests_free(struct vmsg_emu *emu);
/* lent.c: looks at a call before it is sent, and at what it returned. */
void emu_lent_call(struct vmsg_emu *emu, struct emu_vcpu *vcpu, const struct vmsg_ffa_regs *regs);
void emu_lent_return(struct vmsg_emu *emu, struct emu_vcpu *vcpu);
void emu_lent_free(struct vmsg_emu *emu);
/* Own RAM at an address of the physical map; NULL unless all of it is in one bank. */
uint8_t *emu_own_at(const struct vmsg_emu *emu, uint64_t address, uint64_t size);

/* What of the mapped grants lies between two addresses: donated to us, and lent or donated on. */
void emu_grants_protect(struct vmsg_emu *emu, uint64_t begin, uint64_t end, bool in_reach);
/* Own memory has come back by donation. */
void emu_own_show(struct vmsg_emu *emu, uint64_t address, uint64_t size);

/* banks.c: makes and maps the memfds of `banks`; `descriptors` are the caller's to close. */
int emu_banks_create(struct vmsg_emu_bank *banks, size_t count, int *descriptors);
/* Once welcomed: takes writing away from everybody else where that is wanted. */
int emu_banks_seal(const struct vmsg_emu_bank *banks, size_t count, const int *descriptors);
/* Moves their mappings to where they are in the physical map; NO_SPACE if something is there. */
int emu_banks_place(struct vmsg_emu_bank *banks, size_t count);
void emu_banks_free(struct vmsg_emu_bank *banks, size_t count);

#endif
