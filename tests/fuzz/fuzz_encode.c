/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any fields, any profile: a message made of the input, counts that lie included, is refused and
 * nothing is written, or comes back from the wire as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/schema.h"

#define ROOM 512

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take(struct input *input)
{
	if (input->size == 0) {
		return 0;
	}
	input->size--;
	return *input->data++;
}

static uint64_t take_number(struct input *input, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0) {
		value = value << 8 | take(input);
	}
	return value;
}

static void expect(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* Sets one field from the input; a number within its limit unless `wild`. */
static void set_field(struct vmsg_message *message, const struct vmsg_field_info *info,
		      struct input *input, bool wild)
{
	if (info->form == VMSG_FORM_NUMBER) {
		const uint64_t value = take_number(input, info->width);
		(void)!vmsg_field_set_number(message, info, wild ? value : value & info->limit);
		return;
	}
	size_t size = info->form == VMSG_FORM_UUID ? 16 : take(input);
	if (info->form == VMSG_FORM_WORDS && !wild) {
		size &= ~(size_t)3;
	}
	size = size < input->size || info->form == VMSG_FORM_UUID ? size : input->size;
	if (size > input->size) {
		return;
	}
	(void)!vmsg_field_set_bytes(message, info, (struct vmsg_bytes){ input->data, size }, wild);
	input->data += size;
	input->size -= size;
}

static void expect_same(const struct vmsg_profile *profile, const struct vmsg_message *a,
			const struct vmsg_message *b)
{
	struct vmsg_field_info info;

	expect(a->header.type == b->header.type && a->header.kind == b->header.kind);
	expect(a->header.dev_num == b->header.dev_num && a->header.token == b->header.token);
	for (uint32_t i = 0; vmsg_schema_field(profile, a->header.type, a->header.kind, i, &info);
	     i++) {
		if (info.form == VMSG_FORM_NUMBER) {
			expect(vmsg_field_number(a, &info) == vmsg_field_number(b, &info));
			continue;
		}
		const struct vmsg_bytes left = vmsg_field_bytes(a, &info);
		const struct vmsg_bytes right = vmsg_field_bytes(b, &info);
		/* fixed bytes are as many as their count says, however many were given */
		expect(info.width ? right.size <= info.width : left.size == right.size);
		const size_t common = left.size < right.size ? left.size : right.size;
		expect(common == 0 || memcmp(left.data, right.data, common) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	const struct vmsg_profile *profile =
		vmsg_profile((enum vmsg_profile_id)(take(&input) % VMSG_PROFILE_COUNT));
	const enum vmsg_type type = (enum vmsg_type)(take(&input) % VMSG_TYPE_COUNT);
	const uint8_t choice = take(&input);
	struct vmsg_message message = {
		.header = { .type = type, .kind = (enum vmsg_kind)(choice % 3) },
	};
	struct vmsg_message back;
	struct vmsg_field_info info;
	uint8_t frame[ROOM];
	const size_t room = choice & 0x10 ? take(&input) : sizeof(frame);

	if (choice & 0x20) {
		message.header.dev_num = (uint16_t)take_number(&input, 2);
		message.header.token = (uint16_t)take_number(&input, 2);
	}
	for (uint32_t i = 0; vmsg_schema_field(profile, type, message.header.kind, i, &info); i++) {
		set_field(&message, &info, &input, choice & 0x40);
	}
	memset(frame, 0xa5, sizeof(frame));
	const int expected = vmsg_encoded_size(profile, &message);
	const int length = vmsg_encode(profile, &message, (struct vmsg_span){ frame, room }, NULL);
	if (length < 0) {
		expect(expected < 0 || length == VMSG_ERROR_NO_SPACE);
		for (size_t i = 0; i < sizeof(frame); i++) {
			expect(frame[i] == 0xa5);
		}
		return 0;
	}
	expect(length == expected && (size_t)length <= room);
	for (size_t i = (size_t)length; i < sizeof(frame); i++) {
		expect(frame[i] == 0xa5);
	}
	const struct vmsg_bytes bytes = { frame, (size_t)length };
	expect(vmsg_decode(profile, bytes, &back, NULL) == 0);
	expect_same(profile, &message, &back);
	return 0;
}
