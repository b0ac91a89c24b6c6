/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as text. The writer counts past the end of the buffer, as snprintf does. */
#include "virtio_msg_ffa/format.h"

#include "virtio_msg_ffa/schema.h"

#include "bytes.h"

#define HEX_FROM 65536u /* numbers from here on are addresses, handles or bits */

struct text {
	char *at;
	size_t size;
	size_t length;
};

static void put(struct text *text, char c)
{
	if (text->length + 1 < text->size) {
		text->at[text->length] = c;
	}
	text->length++;
}

static void put_string(struct text *text, const char *string)
{
	while (*string) {
		put(text, *string++);
	}
}

static void put_digits(struct text *text, uint64_t value, unsigned int base, unsigned int least)
{
	char digits[20];
	unsigned int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (; least > count; least--) {
		put(text, '0');
	}
	while (count > 0) {
		put(text, digits[--count]);
	}
}

static void put_number(struct text *text, uint64_t value)
{
	if (value >= HEX_FROM) {
		put_string(text, "0x");
		put_digits(text, value, 16, 1);
	} else {
		put_digits(text, value, 10, 1);
	}
}

static void put_field(struct text *text, const struct vmsg_message *message,
		      const struct vmsg_field_info *info)
{
	const struct vmsg_bytes bytes = info->form == VMSG_FORM_NUMBER
						? (struct vmsg_bytes){ NULL, 0 }
						: vmsg_field_bytes(message, info);

	put(text, ' ');
	put_string(text, info->name);
	put(text, '=');
	switch (info->form) {
	case VMSG_FORM_NUMBER:
		put_number(text, vmsg_field_number(message, info));
		break;
	case VMSG_FORM_UUID:
	case VMSG_FORM_BYTES:
		for (size_t i = 0; i < bytes.size; i++) {
			const bool dash = i == 4 || i == 6 || i == 8 || i == 10;
			if (info->form == VMSG_FORM_UUID && dash) {
				put(text, '-');
			}
			put_digits(text, bytes.data[i], 16, 2);
		}
		break;
	case VMSG_FORM_WORDS:
		put(text, '[');
		for (size_t i = 0; i + 4 <= bytes.size; i += 4) {
			put_string(text, i ? ",0x" : "0x");
			put_digits(text, vmsg_load_le32(bytes.data + i), 16, 1);
		}
		put(text, ']');
		break;
	}
}

static size_t finish(struct text *text)
{
	if (text->size) {
		text->at[text->length < text->size ? text->length : text->size - 1] = 0;
	}
	return text->length;
}

size_t vmsg_format(const struct vmsg_profile *profile, const struct vmsg_message *message,
		   char *buffer, size_t size)
{
	struct text text = { buffer, size, 0 };
	const struct vmsg_header *header = &message->header;
	struct vmsg_field_info info;

	put_string(&text, profile->name);
	put_string(&text, vmsg_type_is_bus(header->type) || header->type == VMSG_NONE
				  ? " bus "
				  : " transport ");
	put_string(&text, vmsg_kind_name(header->kind));
	put(&text, ' ');
	put_string(&text, vmsg_type_name(header->type));
	put_string(&text, " device ");
	put_digits(&text, header->dev_num, 10, 1);
	if (profile->has_token) {
		put_string(&text, " token ");
		put_digits(&text, header->token, 10, 1);
	}
	for (uint32_t i = 0; vmsg_schema_field(profile, header->type, header->kind, i, &info);
	     i++) {
		put_field(&text, message, &info);
	}
	return finish(&text);
}

size_t vmsg_format_diagnosis(const struct vmsg_diagnosis *diagnosis, char *buffer, size_t size)
{
	struct text text = { buffer, size, 0 };

	put_string(&text, diagnosis->field);
	put(&text, ' ');
	put_number(&text, diagnosis->value);
	put(&text, ' ');
	put_string(&text, diagnosis->reason);
	if (diagnosis->limit) {
		put(&text, ' ');
		put_number(&text, diagnosis->limit);
	}
	return finish(&text);
}
