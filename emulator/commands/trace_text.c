/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets as text. The line is the tap's; below it, for those who want all, the registers by the
 * names that the specification gives them and the message field by field. */
#include "commands/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tap/registers.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"

#define NS_PER_S    UINT64_C(1000000000)
#define HEX_FROM    65536u
#define HEX_COLUMNS 16u

static size_t hex_text(struct vmsg_bytes bytes, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < bytes.size && length + 3 <= size; i++) {
		length += (size_t)snprintf(text + length, size - length, "%02x", bytes.data[i]);
	}
	return length;
}

static void words_text(struct vmsg_bytes bytes, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < bytes.size / 4 && length + 12 <= size; i++) {
		length += (size_t)snprintf(text + length, size - length, "%s0x%" PRIx32,
					   i ? " " : "", vmsg_feature_block(&bytes, (uint32_t)i));
	}
}

static void uuid_text(struct vmsg_bytes bytes, char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < bytes.size && length + 4 <= size; i++) {
		const bool dash = i == 4 || i == 6 || i == 8 || i == 10;
		length += (size_t)snprintf(text + length, size - length, "%s%02x", dash ? "-" : "",
					   bytes.data[i]);
	}
}

void trace_field_value(const struct trace_packet *packet, const struct vmsg_field_info *info,
		       char value[TRACE_VALUE_SIZE], char meaning[TRACE_MEANING_SIZE])
{
	const struct vmsg_message *message = &packet->reading.message;
	uint64_t number;

	value[0] = '\0';
	meaning[0] = '\0';
	switch (info->form) {
	case VMSG_FORM_NUMBER:
		number = vmsg_field_number(message, info);
		snprintf(value, TRACE_VALUE_SIZE, number >= HEX_FROM ? "0x%" PRIx64 : "%" PRIu64,
			 number);
		(void)vmsg_format_value(packet->reading.profile, info, number, meaning,
					TRACE_MEANING_SIZE);
		break;
	case VMSG_FORM_UUID:
		uuid_text(vmsg_field_bytes(message, info), value, TRACE_VALUE_SIZE);
		break;
	case VMSG_FORM_BYTES:
		(void)hex_text(vmsg_field_bytes(message, info), value, TRACE_VALUE_SIZE);
		break;
	case VMSG_FORM_WORDS:
		words_text(vmsg_field_bytes(message, info), value, TRACE_VALUE_SIZE);
		break;
	case VMSG_FORM_RESERVED:
		break;
	}
}

/* ---- all fields ---- */

static void print_time(uint64_t time_ns)
{
	const time_t seconds = (time_t)(time_ns / NS_PER_S);
	char text[32];
	struct tm parts;

	if (!gmtime_r(&seconds, &parts) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
		snprintf(text, sizeof(text), "%" PRIu64, time_ns / NS_PER_S);
	}
	printf("%s.%09" PRIu64 "Z", text, time_ns % NS_PER_S);
}

static void print_part(const struct trace_packet *packet, const struct tap_register *part)
{
	const struct vmsg_ffa_regs *regs = &packet->record.regs;
	const uint64_t number = tap_register_number(part, regs);
	struct vmsg_ffa_uuid uuid;
	char text[48];

	switch ((enum tap_register_form)part->form) {
	case TAP_NUMBER:
	case TAP_HALVES:
		printf("    %s = 0x%" PRIx64 "\n", part->name, number);
		break;
	case TAP_STATUS:
		printf("    %s = %" PRId32 " (%s)\n", part->name, (int32_t)number,
		       vmsg_ffa_status_name((int32_t)number));
		break;
	case TAP_CALL_ID:
		printf("    %s = 0x%" PRIx64 " (%s)\n", part->name, number,
		       vmsg_ffa_call_name((uint32_t)number));
		break;
	case TAP_UUID:
		vmsg_ffa_uuid_from_pair(&uuid, &regs->x[part->first]);
		uuid_text((struct vmsg_bytes){ uuid.bytes, sizeof(uuid.bytes) }, text,
			  sizeof(text));
		printf("    %s = %s\n", part->name, text);
		break;
	case TAP_UUID_WORDS:
		printf("    %s = %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 "\n",
		       part->name, (uint32_t)regs->x[part->first],
		       (uint32_t)regs->x[part->first + 1], (uint32_t)regs->x[part->first + 2],
		       (uint32_t)regs->x[part->first + 3]);
		break;
	case TAP_BYTES:
		break; /* in the line, and in hex */
	}
}

static void print_parts(const struct trace_packet *packet)
{
	const uint32_t function_id = (uint32_t)packet->record.regs.x[0];
	const bool is_success =
		packet->record.kind == TAP_RETURN &&
		(function_id == VMSG_FFA_ID32(SUCCESS) || function_id == VMSG_FFA_ID64(SUCCESS));
	const struct tap_register *part;

	for (size_t i = 0; (part = tap_register_of(is_success ? packet->answered : function_id,
						   is_success, i)) != NULL;
	     i++) {
		print_part(packet, part);
	}
}

static void print_fields(const struct trace_packet *packet)
{
	static char value[TRACE_VALUE_SIZE];
	char meaning[TRACE_MEANING_SIZE];
	const struct vmsg_header *header = &packet->reading.message.header;
	struct vmsg_field_info info;

	printf("    %s%s %s %s %s: device %u", packet->reading.is_guess ? "?" : "",
	       packet->reading.profile->name, trace_class(packet), trace_kind(packet),
	       vmsg_type_name(header->type), header->dev_num);
	if (packet->reading.profile->has_token) {
		printf(", token %u", header->token);
	}
	putchar('\n');
	if (packet->reading.is_echo) {
		return;
	}
	for (uint32_t i = 0;
	     vmsg_schema_field(packet->reading.profile, header->type, header->kind, i, &info);
	     i++) {
		trace_field_value(packet, &info, value, meaning);
		printf("        %s = %s", info.name, value);
		printf(meaning[0] ? " (%s)\n" : "%s\n", meaning);
	}
}

static void print_all(const struct trace_packet *packet)
{
	printf("    packet %" PRIu64 ", ", packet->number);
	print_time(packet->record.time_ns);
	putchar('\n');
	if (tap_has_registers(&packet->record)) {
		print_parts(packet);
	}
	if (packet->has_message && packet->reading.profile && packet->reading.error == 0) {
		print_fields(packet);
	}
}

/* ---- bytes ---- */

static void print_row(struct vmsg_bytes bytes, size_t at)
{
	const size_t left = bytes.size - at;
	const size_t count = left < HEX_COLUMNS ? left : HEX_COLUMNS;

	printf("    %04zx ", at);
	for (size_t i = 0; i < HEX_COLUMNS; i++) {
		if (i < count) {
			printf(" %02x", bytes.data[at + i]);
		} else {
			fputs("   ", stdout);
		}
	}
	fputs("  ", stdout);
	for (size_t i = 0; i < count; i++) {
		const uint8_t c = bytes.data[at + i];
		putchar(c >= ' ' && c < 0x7f ? c : '.');
	}
	putchar('\n');
}

static void print_hex(const struct trace_packet *packet)
{
	uint8_t registers[VMSG_FFA_FRAME_SIZE];
	struct vmsg_bytes bytes = packet->record.payload;

	if (packet->has_message) {
		bytes = trace_frame_bytes(packet);
	} else if (!tap_has_registers(&packet->record)) {
		return;
	} else if (bytes.size == 0) {
		vmsg_ffa_regs_store(&packet->record.regs, registers);
		bytes = (struct vmsg_bytes){ registers, sizeof(registers) };
		while (bytes.size > 0 && registers[bytes.size - 1] == 0) {
			bytes.size--;
		}
	}
	for (size_t at = 0; at < bytes.size; at += HEX_COLUMNS) {
		print_row(bytes, at);
	}
}

void trace_print_text(const struct trace_packet *packet, enum tap_detail detail, bool hex)
{
	static char line[TAP_LINE_MAX];
	struct tap_record record = packet->record;

	if (packet->lost) {
		printf("# %" PRIu64 " records lost\n", packet->lost);
	}
	record.time_ns -= packet->origin_ns;
	(void)tap_format(&record, detail, line, sizeof(line));
	puts(line);
	if (detail == TAP_ALL) {
		print_all(packet);
	}
	if (hex) {
		print_hex(packet);
	}
}
