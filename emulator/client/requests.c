/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of control clients. Invariant: the array holds those that are not answered to their end,
 * in the order in which they came; the manager never has more unanswered than fit.
 */
#include <stdlib.h>
#include <string.h>

#include "client/internal.h"

void emu_request_receive(struct vmsg_emu *emu, const struct vmsg_wire_header *header,
			 struct vmsg_bytes text)
{
	if (emu->request_count == VMSG_EMU_REQUESTS_MAX) {
		emu_lose(emu, "more requests than allowed");
		return;
	}
	char *copy = malloc(text.size + 1);
	if (!copy) {
		emu_lose(emu, "out of memory for a request");
		return;
	}
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	emu->requests[emu->request_count++] =
		(struct emu_request){ .number = header->sequence, .size = text.size, .text = copy };
	/* It may be waiting for somebody else. What cannot be sent is gone, and seen to be. */
	(void)vmsg_emu_raise(emu);
}

void emu_requests_free(struct vmsg_emu *emu)
{
	for (size_t i = 0; i < emu->request_count; i++) {
		free(emu->requests[i].text);
	}
	emu->request_count = 0;
}

static struct emu_request *first_untaken(struct vmsg_emu *emu)
{
	for (size_t i = 0; i < emu->request_count; i++) {
		if (!emu->requests[i].is_taken) {
			return &emu->requests[i];
		}
	}
	return NULL;
}

int vmsg_emu_next_request(struct vmsg_emu *emu, struct vmsg_emu_request *request)
{
	struct emu_request *found;

	while ((found = first_untaken(emu)) == NULL) {
		const int received = emu_receive(emu, false);
		if (received <= 0) {
			return received == 0 ? 0 : VMSG_ERROR_PEER;
		}
	}
	request->number = found->number;
	request->size = found->size;
	memcpy(request->text, found->text, found->size + 1);
	free(found->text);
	found->text = NULL;
	found->is_taken = true;
	return 1;
}

static size_t find_taken(const struct vmsg_emu *emu, uint32_t number)
{
	size_t i = 0;

	while (i < emu->request_count &&
	       !(emu->requests[i].is_taken && emu->requests[i].number == number)) {
		i++;
	}
	return i;
}

int vmsg_emu_answer(struct vmsg_emu *emu, uint32_t number, const char *text, size_t size, bool more)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_CONTROL,
						 .flags = more ? VMSG_WIRE_CONTROL_MORE : 0,
						 .sequence = number };
	const size_t index = find_taken(emu, number);
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	if (size > VMSG_EMU_REQUEST_TEXT_MAX) {
		return VMSG_ERROR_RANGE;
	}
	if (index == emu->request_count) {
		return VMSG_ERROR_STATE;
	}
	if (emu_send(emu, frame, vmsg_wire_encode_control(frame, &header, text, size)) < 0) {
		return VMSG_ERROR_PEER;
	}
	if (!more) {
		emu->request_count--;
		memmove(&emu->requests[index], &emu->requests[index + 1],
			(emu->request_count - index) * sizeof(emu->requests[0]));
	}
	return VMSG_OK;
}
