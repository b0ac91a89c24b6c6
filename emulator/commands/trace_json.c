/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets as JSON, one object a line. */
#include <inttypes.h>

#include "commands/json.h"
#include "commands/trace.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"

#define NS_PER_S UINT64_C(1000000000)

/* Registers in hex as text, as no number of JSON's readers holds 64 bits; without the zeros at the
 * end, but x0. */
static void put_registers(struct json *json, const struct vmsg_ffa_regs *regs)
{
	unsigned int count = VMSG_FFA_REGISTERS;

	while (count > 1 && regs->x[count - 1] == 0) {
		count--;
	}
	json_open(json, "registers", '[');
	for (unsigned int i = 0; i < count; i++) {
		json_format(json, NULL, "0x%" PRIx64, regs->x[i]);
	}
	json_close(json, ']');
}

static void put_words(struct json *json, const char *name, struct vmsg_bytes bytes)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < bytes.size / 4; i++) {
		json_number(json, NULL, vmsg_feature_block(&bytes, (uint32_t)i));
	}
	json_close(json, ']');
}

static void put_fields(struct json *json, const struct trace_packet *packet)
{
	static char value[TRACE_VALUE_SIZE];
	char meaning[TRACE_MEANING_SIZE];
	const struct vmsg_message *message = &packet->reading.message;
	struct vmsg_field_info info;

	json_open(json, "fields", '{');
	for (uint32_t i = 0; !packet->reading.is_echo &&
			     vmsg_schema_field(packet->reading.profile, message->header.type,
					       message->header.kind, i, &info);
	     i++) {
		if (info.form == VMSG_FORM_NUMBER) {
			json_number(json, info.name, vmsg_field_number(message, &info));
		} else if (info.form == VMSG_FORM_WORDS) {
			put_words(json, info.name, vmsg_field_bytes(message, &info));
		} else {
			trace_field_value(packet, &info, value, meaning);
			json_text(json, info.name, value);
		}
	}
	json_close(json, '}');
}

static void put_message(struct json *json, const struct trace_packet *packet)
{
	const struct tap_reading *reading = &packet->reading;
	const struct vmsg_header *header = &reading->message.header;
	const struct vmsg_bytes bytes = trace_frame_bytes(packet);
	char detail[256];

	json_open(json, "message", '{');
	json_number(json, "source", packet->frame.source);
	json_number(json, "destination", packet->frame.destination);
	if (reading->profile) {
		json_text(json, "profile", reading->profile->name);
		json_bool(json, "guess", reading->is_guess);
	}
	if (!reading->profile) {
		json_text(json, "error", "REVISION");
	} else if (reading->error < 0) {
		(void)vmsg_format_diagnosis(&reading->diagnosis, detail, sizeof(detail));
		json_text(json, "error", vmsg_error_name(reading->error));
		json_text(json, "field", vmsg_diagnosis_field(&reading->diagnosis));
		json_text(json, "detail", detail);
	} else {
		json_text(json, "class", trace_class(packet));
		json_text(json, "kind", trace_kind(packet));
		json_text(json, "name", vmsg_type_name(header->type));
		json_number(json, "device", header->dev_num);
		if (reading->profile->has_token) {
			json_number(json, "token", header->token);
		}
		put_fields(json, packet);
	}
	json_hex(json, "bytes", bytes.data, bytes.size);
	json_close(json, '}');
}

void trace_print_json(const struct trace_packet *packet)
{
	static const char *const kinds[] = { [TAP_CALL] = "call",
					     [TAP_RETURN] = "return",
					     [TAP_INTERRUPT] = "interrupt",
					     [TAP_FIFO] = "fifo" };
	const struct tap_record *record = &packet->record;
	char console[TAP_CONSOLE_MAX];
	const size_t console_size = tap_console(record, console);
	struct json json = { 0 };

	json_open(&json, NULL, '{');
	json_number(&json, "packet", packet->number);
	json_format(&json, "time", "%" PRIu64 ".%09" PRIu64, record->time_ns / NS_PER_S,
		    record->time_ns % NS_PER_S);
	if (packet->lost) {
		json_number(&json, "lost", packet->lost);
	}
	json_number(&json, "partition", record->partition);
	json_number(&json, "vcpu", record->vcpu);
	json_text(&json, "kind", kinds[record->kind]);
	if (record->kind == TAP_INTERRUPT) {
		json_number(&json, "interrupt", record->interrupt);
	} else if (tap_has_registers(record)) {
		json_text(&json, "call", vmsg_ffa_call_name((uint32_t)record->regs.x[0]));
		put_registers(&json, &record->regs);
	}
	if (trace_status(packet)) {
		json_text(&json, "status", trace_status(packet));
	}
	if (console_size > 0) {
		json_characters(&json, "console", console, console_size);
	}
	if (packet->has_message) {
		put_message(&json, packet);
	}
	json_close(&json, '}');
	json_end(&json);
}
