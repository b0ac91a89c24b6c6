/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines. The writer counts past the end of the buffer, as snprintf does. Everything that a
 * partition chose is printed as numbers or escaped: a line may end on somebody's terminal. */
#include "tap/text.h"

#include "tap/frame.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"

#define NS_PER_S 1000000000u

/* FFA_CONSOLE_LOG: its characters begin in x2, four to a register of SMC32 and eight of SMC64. */
#define CONSOLE_FIRST 2u
#define CONSOLE_32    24u

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

static void put_number(struct text *text, uint64_t value, unsigned int base, unsigned int least)
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

static void put_hex(struct text *text, struct vmsg_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		put_number(text, bytes.data[i], 16, 2);
	}
}

static void put_quoted(struct text *text, const char *string, size_t size)
{
	put(text, '"');
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)string[i];
		if (c == '"' || c == '\\') {
			put(text, '\\');
			put(text, (char)c);
		} else if (c >= ' ' && c < 0x7f) {
			put(text, (char)c);
		} else {
			put_string(text, "\\x");
			put_number(text, c, 16, 2);
		}
	}
	put(text, '"');
}

/* What another formatter of the library's kind writes. */
#define PUT_FORMATTED(text, format, ...)                                                           \
	((text)->length += format(__VA_ARGS__, (text)->at + room_start(text), room_left(text)))

static size_t room_start(const struct text *text)
{
	return text->length < text->size ? text->length : text->size;
}

static size_t room_left(const struct text *text)
{
	return text->size - room_start(text);
}

static void put_head(struct text *text, const struct tap_record *record)
{
	static const char directions[] = {
		[TAP_CALL] = '>', [TAP_RETURN] = '<', [TAP_INTERRUPT] = '!', [TAP_FIFO] = '~'
	};

	put_number(text, record->time_ns / NS_PER_S, 10, 1);
	put(text, '.');
	put_number(text, record->time_ns % NS_PER_S, 10, 9);
	put(text, ' ');
	put_number(text, record->partition, 16, 4);
	put(text, '.');
	put_number(text, record->vcpu, 10, 1);
	put(text, ' ');
	put(text, directions[record->kind]);
	put(text, ' ');
}

static void put_interrupt(struct text *text, uint32_t interrupt)
{
	put_string(text, "interrupt ");
	put_number(text, interrupt, 10, 1);
	if (interrupt == VMSG_FFA_INTERRUPT_NPI) {
		put_string(text, " (NPI)");
	} else if (interrupt == VMSG_FFA_INTERRUPT_SRI) {
		put_string(text, " (SRI)");
	}
}

static bool is_same(const char *one, const char *other)
{
	while (*one && *one == *other) {
		one++;
		other++;
	}
	return *one == *other;
}

/* x0 by name where it has one: what FFA_VERSION returns has not. */
static void put_call(struct text *text, const struct vmsg_ffa_regs *regs, bool with_id)
{
	const char *name = vmsg_ffa_call_name((uint32_t)regs->x[0]);

	if (!is_same(name, "FFA_UNKNOWN")) {
		put_string(text, name);
		if (!with_id) {
			return;
		}
		put(text, ' ');
	}
	put_number(text, regs->x[0], 16, 1);
}

/* x1 and on, without zeros at the end. */
static void put_registers(struct text *text, const struct vmsg_ffa_regs *regs)
{
	unsigned int count = VMSG_FFA_REGISTERS;

	while (count > 1 && regs->x[count - 1] == 0) {
		count--;
	}
	for (unsigned int i = 1; i < count; i++) {
		put(text, ' ');
		put_number(text, regs->x[i], 16, 1);
	}
}

static void put_parties(struct text *text, const struct tap_frame *frame)
{
	put_string(text, " | ");
	put_number(text, frame->source, 16, 4);
	put_string(text, "->");
	put_number(text, frame->destination, 16, 4);
	put(text, ' ');
}

static void put_names(struct text *text, const struct tap_reading *reading)
{
	put_string(text, reading->profile->name);
	put(text, ' ');
	put_string(text,
		   reading->is_echo ? "reply to" : vmsg_kind_name(reading->message.header.kind));
	put(text, ' ');
	put_string(text, vmsg_type_name(reading->message.header.type));
}

/* False when this carrier has nothing of virtio-msg, so that its registers are to be shown. */
static bool put_frame(struct text *text, const struct tap_record *record,
		      const struct tap_frame *frame, enum tap_detail detail)
{
	struct tap_reading reading;

	tap_frame_read(record, frame, &reading);
	if (!reading.profile && frame->service != TAP_SERVICE_VIRTIO_MSG) {
		return false;
	}
	put_parties(text, frame);
	if (reading.is_guess) {
		put(text, '?');
	}
	if (!reading.profile) {
		put(text, ' ');
		put_hex(text, tap_frame_trimmed(frame));
	} else if (reading.error < 0) {
		put_string(text, reading.profile->name);
		put_string(text, " bad frame ");
		put_hex(text, tap_frame_trimmed(frame));
		put_string(text, ": ");
		put_string(text, vmsg_error_name(reading.error));
		put_string(text, ": ");
		PUT_FORMATTED(text, vmsg_format_diagnosis, &reading.diagnosis);
	} else if (detail == TAP_NAMES || reading.is_echo) {
		put_names(text, &reading);
	} else {
		PUT_FORMATTED(text, vmsg_format, reading.profile, &reading.message);
	}
	return true;
}

static void put_notes(struct text *text, const struct tap_record *record)
{
	char console[TAP_CONSOLE_MAX];
	const size_t size = tap_console(record, console);
	const int32_t status = vmsg_ffa_reply_status(&record->regs);

	if (size > 0) {
		put_string(text, " | ");
		put_quoted(text, console, size);
	} else if (record->kind == TAP_RETURN && status < 0) {
		put_string(text, " | ");
		put_string(text, vmsg_ffa_status_name(status));
	}
}

size_t tap_console(const struct tap_record *record, char text[TAP_CONSOLE_MAX])
{
	const uint32_t function_id = (uint32_t)record->regs.x[0];
	const bool is_64 = function_id == VMSG_FFA_ID64(CONSOLE_LOG);
	const size_t count = (uint32_t)record->regs.x[1];
	const size_t each = is_64 ? 8 : 4;

	if (record->kind != TAP_CALL || (!is_64 && function_id != VMSG_FFA_ID32(CONSOLE_LOG)) ||
	    count > (is_64 ? TAP_CONSOLE_MAX : CONSOLE_32)) {
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const uint64_t word = record->regs.x[CONSOLE_FIRST + i / each];
		text[i] = (char)(uint8_t)(word >> i % each * 8);
	}
	return count;
}

static void put_body(struct text *text, const struct tap_record *record, enum tap_detail detail)
{
	struct tap_frame frame;
	const bool has_frame = tap_frame_find(record, &frame) && frame.service != TAP_SERVICE_OTHER;

	if (record->kind == TAP_FIFO) {
		put_string(text, "FIFO");
	} else {
		put_call(text, &record->regs, detail == TAP_ALL);
	}
	if (detail == TAP_ALL) {
		put_registers(text, &record->regs);
	}
	if (detail == TAP_ALL && record->payload.size > 0) {
		put_string(text, " payload=");
		put_hex(text, record->payload);
	}
	if (has_frame && put_frame(text, record, &frame, detail)) {
		return;
	}
	if (detail == TAP_MAIN) {
		put_registers(text, &record->regs);
	}
	if (detail != TAP_NAMES) {
		put_notes(text, record);
	}
}

size_t tap_format(const struct tap_record *record, enum tap_detail detail, char *buffer,
		  size_t size)
{
	struct text text = { buffer, size, 0 };

	put_head(&text, record);
	if (record->kind == TAP_INTERRUPT) {
		put_interrupt(&text, record->interrupt);
	} else {
		put_body(&text, record, detail);
	}
	if (size) {
		buffer[text.length < size ? text.length : size - 1] = 0;
	}
	return text.length;
}
