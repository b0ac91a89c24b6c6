/* SPDX-License-Identifier: BSD-3-Clause */
/* RAM that comes and goes while the partition lives: one request at a time, each waited for. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "client/internal.h"

void emu_bank_receive(struct vmsg_emu *emu, const struct vmsg_wire_header *header,
		      const uint8_t *frame, size_t size)
{
	if (!emu->asks_bank || header->sequence != emu->bank_sequence ||
	    vmsg_wire_decode_bank_answer(frame, size, &emu->bank_answer) != 0) {
		emu_lose(emu, "BANK frame that answers nothing");
		return;
	}
	emu->asks_bank = false;
}

/* Asks and waits; the answer is in the struct. */
static int ask(struct vmsg_emu *emu, uint8_t flags, const struct vmsg_wire_bank *bank,
	       const int *descriptor)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_BANK,
						 .flags = flags,
						 .sequence = ++emu->bank_sequence };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const size_t size = vmsg_wire_encode_bank(frame, &header, bank);

	if (vmsg_emu_is_lost(emu)) {
		return VMSG_ERROR_PEER;
	}
	emu->asks_bank = true;
	if (io_send(emu->fd, frame, size, descriptor, descriptor ? 1 : 0, true) != 0) {
		emu_lose(emu, "it takes no frames");
	}
	while (emu->asks_bank) {
		if (emu_receive(emu, true) < 0) {
			emu->asks_bank = false;
			return VMSG_ERROR_PEER;
		}
	}
	return VMSG_OK;
}

/* One line of text with an error. */
static int fail(int error, char *why, size_t why_size, const char *text)
{
	if (why_size > 0) {
		snprintf(why, why_size, "%s", text);
	}
	return error;
}

int vmsg_emu_add_bank(struct vmsg_emu *emu, int memfd, struct vmsg_emu_bank *bank, char *why,
		      size_t why_size)
{
	const struct vmsg_wire_bank wanted = { .address = bank->address, .size = bank->size };

	if (emu->own_capacity < VMSG_EMU_BANKS_MAX || emu->outstanding) {
		return fail(VMSG_ERROR_STATE, why, why_size,
			    "banks are not added now, or not by this partition");
	}
	if (emu->own_count == emu->own_capacity) {
		return fail(VMSG_ERROR_RANGE, why, why_size, "the partition has all its banks");
	}
	void *data = mmap(NULL, bank->size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (data == MAP_FAILED) {
		return fail(VMSG_ERROR_NO_SPACE, why, why_size, "the memory cannot be mapped");
	}
	int result = ask(emu, 0, &wanted, &memfd);
	if (result < 0) {
		(void)fail(result, why, why_size, vmsg_emu_lost_reason(emu));
	} else if (emu->bank_answer.code != 0) {
		result = fail(VMSG_ERROR_INVALID, why, why_size, emu->bank_answer.text);
	}
	if (result < 0) {
		munmap(data, bank->size);
		return result;
	}
	bank->access = VMSG_EMU_BANK_SHARED;
	bank->address = emu->bank_answer.address;
	bank->data = data;
	if (emu->flat) {
		result = emu_banks_place(bank, 1);
	}
	emu->own[emu->own_count++] = *bank;
	if (result < 0) {
		(void)!vmsg_emu_remove_bank(emu, bank->address);
		bank->data = NULL;
		return fail(result, why, why_size, "RAM cannot be mapped at its physical address");
	}
	return VMSG_OK;
}

int vmsg_emu_remove_bank(struct vmsg_emu *emu, uint64_t address)
{
	const struct vmsg_wire_bank bank = { .address = address };
	size_t at = 0;

	while (at < emu->own_count && emu->own[at].address != address) {
		at++;
	}
	if (emu->own_capacity < VMSG_EMU_BANKS_MAX || emu->outstanding) {
		return VMSG_ERROR_STATE;
	}
	if (at == emu->own_count) {
		return VMSG_ERROR_NOT_FOUND;
	}
	const int result = ask(emu, VMSG_WIRE_BANK_REMOVE, &bank, NULL);
	if (result < 0) {
		return result;
	}
	if (emu->bank_answer.code != 0) {
		return VMSG_ERROR_AGAIN;
	}
	munmap(emu->own[at].data, emu->own[at].size);
	emu->own[at] = emu->own[--emu->own_count];
	return VMSG_OK;
}
