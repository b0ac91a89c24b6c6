/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as text. The writer counts past the end of the buffer, as snprintf does. */
#include "virtio_msg_ffa/format.h"

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
	case VMSG_FORM_RESERVED:
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

size_t vmsg_format_value(const struct vmsg_profile *profile, const struct vmsg_field_info *info,
			 uint64_t number, char *buffer, size_t size)
{
	struct text text = { buffer, size, 0 };
	struct vmsg_value_info value;
	uint64_t named = 0;

	for (uint32_t i = 0; vmsg_schema_value(profile, info, i, &value); i++) {
		if (value.mask == 0 || (number & value.mask) != value.value) {
			continue;
		}
		if (text.length > 0) {
			put(&text, ' ');
		}
		put_string(&text, value.name);
		named |= value.mask;
		if (value.mask == UINT32_MAX) {
			return finish(&text); /* a name of the whole */
		}
	}
	if (named && number & ~named) {
		put_string(&text, " 0x");
		put_digits(&text, number & ~named, 16, 1);
	}
	return finish(&text);
}

const char *vmsg_rule_text(enum vmsg_rule rule, uint64_t limit)
{
	switch (rule) {
	case VMSG_RULE_NONE:
		return "nothing is wrong";
	case VMSG_RULE_HEADER_SHORT:
		return "frame of $v bytes is shorter than its `header` of $l";
	case VMSG_RULE_SIZE_SMALL:
		return "`$f` $v is less than the header's $l";
	case VMSG_RULE_SIZE_LARGE:
		return "`$f` $v exceeds the $l bytes given";
	case VMSG_RULE_SIZE_RANGE:
		return "`$f` $v exceeds $l, the most that it carries";
	case VMSG_RULE_UNKNOWN_ID:
		return limit ? "`$f` $v is no bus message" : "`$f` $v is no transport message";
	case VMSG_RULE_NO_MESSAGE:
		return "the profile has no message of this `$f`";
	case VMSG_RULE_EVENT_RESPONSE:
		return "`$f` $v marks an event as a response";
	case VMSG_RULE_RESPONSE_ONLY:
		return "`$f` $v marks a request, but it exists as a response only";
	case VMSG_RULE_BUS_DEVICE:
		return "`$f` $v is not 0, as a bus message has it";
	case VMSG_RULE_NO_TOKEN:
		return "`$f` $v has no place in this profile's header";
	case VMSG_RULE_BODY_SHORT:
		return "`$f` ends at byte $v of a payload of $l";
	case VMSG_RULE_BODY_LONG:
		return "`$f` is $v more than this message has";
	case VMSG_RULE_COUNT_LARGE:
		return "`$f` $v exceeds payload $l";
	case VMSG_RULE_COUNT_SMALL:
		return "`$f` $v leaves $l bytes of the payload over";
	case VMSG_RULE_MULTIPLE:
		return "`$f` $v is no multiple of $l";
	case VMSG_RULE_ORDER:
		return "`$f` $v is neither 0 nor $l or more";
	case VMSG_RULE_RANGE:
		return "`$f` $v exceeds $l";
	}
	return "unknown rule";
}

size_t vmsg_format_diagnosis(const struct vmsg_diagnosis *diagnosis, char *buffer, size_t size)
{
	struct text text = { buffer, size, 0 };

	if (diagnosis->type != VMSG_NONE) {
		put_string(&text, vmsg_type_name(diagnosis->type));
		put(&text, ' ');
		put_string(&text, vmsg_kind_name(diagnosis->kind));
		put_string(&text, ": ");
	}
	for (const char *at = vmsg_rule_text(diagnosis->rule, diagnosis->limit); *at; at++) {
		if (*at != '$') {
			put(&text, *at);
			continue;
		}
		at++;
		if (*at == 'f') {
			put_string(&text, vmsg_diagnosis_field(diagnosis));
		} else {
			put_number(&text, *at == 'v' ? diagnosis->value : diagnosis->limit);
		}
	}
	return finish(&text);
}
