/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of this partition, its own or donated to it, that it has lent or donated: its pages are
 * taken out of reach when the manager has agreed and come back when they are reclaimed, so that an
 * access faults as it does behind an MMU. Read from the descriptors that pass through TX.
 * Cooperative: only who uses this library is held to it. What it cannot follow (a descriptor that
 * changes during the call, no memory for the list, more mappings than the kernel allows, a vCPU
 * whose connection has joined and so has no banks) it leaves in reach.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/internal.h"

/* Moves: pending (in its vCPU) -> sending (linked, fragments follow) -> lent (linked, hidden) ->
 * reclaimed (freed). */
struct emu_lent {
	struct emu_lent *next;
	uint64_t handle;
	bool is_hidden;
	struct vmsg_ffa_range *ranges;
	size_t count;
	size_t capacity;
	size_t count_before; /* the fragment that is on its way */
};

uint8_t *emu_own_at(const struct vmsg_emu *emu, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < emu->own_count; i++) {
		const struct vmsg_emu_bank *bank = &emu->own[i];
		if (bank->data && address >= bank->address && size <= bank->size &&
		    address - bank->address <= bank->size - size) {
			return bank->data + (address - bank->address);
		}
	}
	return NULL;
}

/* What of `bank` lies between two addresses. */
static void protect_in(const struct vmsg_emu_bank *bank, uint64_t begin, uint64_t end,
		       bool in_reach)
{
	const int access = bank->access == VMSG_EMU_BANK_ROM ? PROT_READ : PROT_READ | PROT_WRITE;
	const uint64_t bank_end = bank->address + bank->size;

	begin = begin > bank->address ? begin : bank->address;
	end = end < bank_end ? end : bank_end;
	if (begin < end) {
		(void)mprotect(bank->data + (begin - bank->address), end - begin,
			       in_reach ? access : PROT_NONE);
	}
}

void emu_own_show(struct vmsg_emu *emu, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < emu->own_count; i++) {
		protect_in(&emu->own[i], address, address + size, true);
	}
}

static void protect(struct vmsg_emu *emu, const struct emu_lent *lent, bool in_reach)
{
	for (size_t i = 0; i < lent->count; i++) {
		const uint64_t begin = lent->ranges[i].address;
		const uint64_t size = (uint64_t)lent->ranges[i].pages * VMSG_WIRE_PAGE_SIZE;
		for (size_t j = 0; j < emu->own_count; j++) {
			protect_in(&emu->own[j], begin, begin + size, in_reach);
		}
		emu_grants_protect(emu, begin, begin + size, in_reach);
	}
}

static void free_lent(struct emu_lent *lent)
{
	if (lent) {
		free(lent->ranges);
		free(lent);
	}
}

static void add_range(struct emu_lent *lent, const struct vmsg_ffa_range *range)
{
	if (lent->count == lent->capacity) {
		const size_t capacity = lent->capacity ? lent->capacity * 2 : 4;
		struct vmsg_ffa_range *grown = realloc(lent->ranges, capacity * sizeof(*grown));
		if (!grown) {
			return;
		}
		lent->ranges = grown;
		lent->capacity = capacity;
	}
	lent->ranges[lent->count++] = *range;
}

static void add_ranges(struct emu_lent *lent, struct vmsg_bytes bytes)
{
	for (size_t at = 0; at + VMSG_FFA_CONSTITUENT_SIZE <= bytes.size;
	     at += VMSG_FFA_CONSTITUENT_SIZE) {
		struct vmsg_ffa_range range;
		vmsg_ffa_range_load(&range, bytes.data + at);
		add_range(lent, &range);
	}
}

/* The first fragment of a LEND or DONATE. NULL if it is none that the manager could take. */
static struct emu_lent *read_descriptor(const struct vmsg_emu *emu, uint64_t size)
{
	const struct vmsg_bytes bytes = { emu_own_at(emu, emu->tx_address, size), size };
	struct vmsg_ffa_memory_header header;
	struct vmsg_ffa_memory_access access;
	struct vmsg_ffa_composite composite;

	if (!emu->tx_address || !bytes.data || vmsg_ffa_memory_parse(bytes, &header) < 0 ||
	    vmsg_ffa_memory_access_at(bytes, &header, 0, &access) < 0 ||
	    vmsg_ffa_memory_composite_at(bytes, &header, access.composite_offset, &composite) < 0) {
		return NULL;
	}
	const size_t first = access.composite_offset + VMSG_FFA_COMPOSITE_SIZE;
	struct emu_lent *lent = calloc(1, sizeof(*lent));
	if (lent && first <= size) {
		add_ranges(lent, (struct vmsg_bytes){ bytes.data + first, size - first });
	}
	return lent;
}

static struct emu_lent **find(struct vmsg_emu *emu, uint64_t handle)
{
	struct emu_lent **link = &emu->lent;

	while (*link && (*link)->handle != handle) {
		link = &(*link)->next;
	}
	return link;
}

static struct emu_lent *take(struct vmsg_emu *emu, uint64_t handle)
{
	struct emu_lent **link = find(emu, handle);
	struct emu_lent *lent = *link;

	if (lent) {
		*link = lent->next;
	}
	return lent;
}

static void put(struct vmsg_emu *emu, struct emu_lent *lent, uint64_t handle)
{
	/* A donation whose handle has been given again. */
	free_lent(take(emu, handle));
	lent->handle = handle;
	lent->next = emu->lent;
	emu->lent = lent;
}

void emu_lent_call(struct vmsg_emu *emu, struct emu_vcpu *vcpu, const struct vmsg_ffa_regs *regs)
{
	struct emu_lent *lent;

	vcpu->function_id = (uint32_t)regs->x[0];
	switch (vcpu->function_id) {
	case VMSG_FFA_ID32(RXTX_MAP):
	case VMSG_FFA_ID64(RXTX_MAP):
		vcpu->argument = regs->x[1];
		break;
	case VMSG_FFA_ID32(MEM_LEND):
	case VMSG_FFA_ID64(MEM_LEND):
	case VMSG_FFA_ID32(MEM_DONATE):
	case VMSG_FFA_ID64(MEM_DONATE):
		free_lent(vcpu->lending);
		vcpu->lending = read_descriptor(emu, (uint32_t)regs->x[2]);
		break;
	case VMSG_FFA_ID32(MEM_FRAG_TX): {
		const uint64_t size = (uint32_t)regs->x[3];
		const uint8_t *data = emu_own_at(emu, emu->tx_address, size);
		vcpu->argument = (uint32_t)regs->x[1] | regs->x[2] << 32;
		lent = *find(emu, vcpu->argument);
		if (lent && !lent->is_hidden && data) {
			lent->count_before = lent->count;
			add_ranges(lent, (struct vmsg_bytes){ data, size });
		}
		break;
	}
	case VMSG_FFA_ID32(MEM_RECLAIM):
		vcpu->argument = (uint32_t)regs->x[1] | regs->x[2] << 32;
		break;
	default:
		break;
	}
}

/* The manager has agreed to a send, or asks for more of it. */
static void sent(struct vmsg_emu *emu, struct emu_lent *lent, const struct vmsg_ffa_regs *reply)
{
	if (reply->x[0] == VMSG_FFA_ID32(SUCCESS)) {
		put(emu, lent, (uint32_t)reply->x[2] | reply->x[3] << 32);
		lent->is_hidden = true;
		protect(emu, lent, false);
	} else if (reply->x[0] == VMSG_FFA_ID32(MEM_FRAG_RX)) {
		put(emu, lent, (uint32_t)reply->x[1] | reply->x[2] << 32);
	} else {
		free_lent(lent);
	}
}

static void sent_fragment(struct vmsg_emu *emu, uint64_t handle, const struct vmsg_ffa_regs *reply)
{
	struct emu_lent *lent = *find(emu, handle);

	if (!lent || lent->is_hidden) {
		return;
	}
	if (reply->x[0] == VMSG_FFA_ID32(SUCCESS)) {
		lent->is_hidden = true;
		protect(emu, lent, false);
	} else if (reply->x[0] != VMSG_FFA_ID32(MEM_FRAG_RX)) {
		lent->count = lent->count_before;
	}
}

void emu_lent_return(struct vmsg_emu *emu, struct emu_vcpu *vcpu)
{
	const struct vmsg_ffa_regs *reply = &vcpu->reply;
	const bool is_success = reply->x[0] == VMSG_FFA_ID32(SUCCESS);
	struct emu_lent *lent;

	switch (vcpu->function_id) {
	case VMSG_FFA_ID32(RXTX_MAP):
	case VMSG_FFA_ID64(RXTX_MAP):
		emu->tx_address = is_success ? vcpu->argument : emu->tx_address;
		break;
	case VMSG_FFA_ID32(RXTX_UNMAP):
		emu->tx_address = is_success ? 0 : emu->tx_address;
		break;
	case VMSG_FFA_ID32(MEM_LEND):
	case VMSG_FFA_ID64(MEM_LEND):
	case VMSG_FFA_ID32(MEM_DONATE):
	case VMSG_FFA_ID64(MEM_DONATE):
		lent = vcpu->lending;
		vcpu->lending = NULL;
		if (lent) {
			sent(emu, lent, reply);
		}
		break;
	case VMSG_FFA_ID32(MEM_FRAG_TX):
		sent_fragment(emu, vcpu->argument, reply);
		break;
	case VMSG_FFA_ID32(MEM_RECLAIM):
		lent = is_success ? take(emu, vcpu->argument) : NULL;
		if (lent) {
			protect(emu, lent, true);
			free_lent(lent);
		}
		break;
	default:
		break;
	}
}

void emu_lent_free(struct vmsg_emu *emu)
{
	while (emu->lent) {
		free_lent(take(emu, emu->lent->handle));
	}
	for (uint16_t i = 0; emu->vcpus && i < emu->vcpu_count; i++) {
		free_lent(emu->vcpus[i].lending);
	}
}
