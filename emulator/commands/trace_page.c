/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page: trace_page.html with the style, the capture as JSON, and the script in its places. All
 * that comes from the capture is inside that JSON, whose strings cannot end the element around it;
 * the script never makes markup of them.
 *
 * A record is [packet, ns since the first, kind, partition, vcpu, lost before it, call, note,
 * registers, parts, message]. `parts` are names and values in turn. A message is 0 for none, n + 1
 * when it is what record n has sent, or [source, destination, profile, is guess, class, kind, name,
 * device, token or -1, error, bytes, fields], `fields` being names, values and meanings in turn.
 * Words that repeat are numbers: indices of "strings".
 */
#include "commands/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/json.h"
#include "commands/report.h"
#include "tap/registers.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"

extern const char vmsg_trace_page_html[];
extern const char vmsg_trace_page_css[];
extern const char vmsg_trace_page_js[];

#define STRINGS_MAX  2048u
#define PENDING_MAX  256u
#define STYLE_MARK   "/* STYLE */"
#define CAPTURE_MARK "/* CAPTURE */"
#define SCRIPT_MARK  "/* SCRIPT */"
#define TEXT_SIZE    512u

/* A direct message that has been sent and not been seen to arrive. */
struct pending {
	bool used;
	uint16_t partition;
	uint16_t vcpu;
	uint64_t index;
	struct vmsg_ffa_regs regs;
};

struct trace_page {
	FILE *file;
	const char *path;
	const char *rest; /* of the template */
	struct json json;
	char *strings[STRINGS_MAX];
	size_t string_count;
	uint64_t index; /* of the next record */
	struct pending pending[PENDING_MAX];
	size_t pending_next;
};

/* Writes the template up to `mark`, which is left out. */
static void put_template(struct trace_page *page, const char *mark)
{
	const char *end = strstr(page->rest, mark);
	const size_t size = end ? (size_t)(end - page->rest) : strlen(page->rest);

	fwrite(page->rest, 1, size, page->file);
	page->rest += size + (end ? strlen(mark) : 0);
}

struct trace_page *trace_page_open(const char *path, const char *capture)
{
	struct trace_page *page = calloc(1, sizeof(*page));

	if (page) {
		page->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	}
	if (!page || !page->file) {
		report_problem("%s: %s", path, strerror(errno));
		free(page);
		return NULL;
	}
	page->path = path;
	page->rest = vmsg_trace_page_html;
	page->json.file = page->file;
	page->strings[page->string_count++] = strdup("");
	put_template(page, STYLE_MARK);
	fputs(vmsg_trace_page_css, page->file);
	put_template(page, CAPTURE_MARK);
	json_open(&page->json, NULL, '{');
	json_text(&page->json, "capture", capture);
	json_open(&page->json, "records", '[');
	return page;
}

/* A word that repeats. */
static void put_word(struct trace_page *page, const char *word)
{
	size_t index = 0;

	while (index < page->string_count && strcmp(page->strings[index], word) != 0) {
		index++;
	}
	if (index == page->string_count && index < STRINGS_MAX) {
		page->strings[index] = strdup(word);
		page->string_count += page->strings[index] != NULL;
	}
	if (index < page->string_count) {
		json_number(&page->json, NULL, index);
	} else {
		json_text(&page->json, NULL, word);
	}
}

/* ---- FF-A ---- */

static void put_call(struct trace_page *page, const struct tap_record *record)
{
	const char *name = vmsg_ffa_call_name((uint32_t)record->regs.x[0]);
	char text[48];

	if (record->kind == TAP_INTERRUPT) {
		snprintf(text, sizeof(text), "interrupt %" PRIu32 "%s", record->interrupt,
			 record->interrupt == VMSG_FFA_INTERRUPT_NPI   ? " (NPI)"
			 : record->interrupt == VMSG_FFA_INTERRUPT_SRI ? " (SRI)"
								       : "");
		name = text;
	} else if (record->kind == TAP_FIFO) {
		name = "FIFO";
	} else if (strcmp(name, "FFA_UNKNOWN") == 0) {
		snprintf(text, sizeof(text), "0x%" PRIx64, record->regs.x[0]);
		name = text;
	}
	put_word(page, name);
}

static void put_note(struct trace_page *page, const struct trace_packet *packet)
{
	char console[TAP_CONSOLE_MAX];
	const size_t size = tap_console(&packet->record, console);
	const char *status = !tap_has_registers(&packet->record) ? NULL : trace_status(packet);

	if (size > 0) {
		json_characters(&page->json, NULL, console, size);
	} else {
		put_word(page, status ? status : "");
	}
}

static void put_registers(struct trace_page *page, const struct tap_record *record)
{
	char text[VMSG_FFA_REGISTERS * 17 + 1] = "";
	unsigned int count = !tap_has_registers(record) ? 0 : VMSG_FFA_REGISTERS;
	size_t length = 0;

	while (count > 1 && record->regs.x[count - 1] == 0) {
		count--;
	}
	for (unsigned int i = 0; i < count; i++) {
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%" PRIx64,
					   i ? " " : "", record->regs.x[i]);
	}
	json_text(&page->json, NULL, text);
}

static void put_parts(struct trace_page *page, const struct trace_packet *packet)
{
	const struct vmsg_ffa_regs *regs = &packet->record.regs;
	const uint32_t function_id = (uint32_t)regs->x[0];
	const bool is_success =
		packet->record.kind == TAP_RETURN &&
		(function_id == VMSG_FFA_ID32(SUCCESS) || function_id == VMSG_FFA_ID64(SUCCESS));
	const struct tap_register *part;

	json_open(&page->json, NULL, '[');
	for (size_t i = 0; tap_has_registers(&packet->record) &&
			   (part = tap_register_of(is_success ? packet->answered : function_id,
						   is_success, i)) != NULL;
	     i++) {
		const uint64_t number = tap_register_number(part, regs);
		if (part->form == TAP_CALL_ID) {
			put_word(page, part->name);
			put_word(page, vmsg_ffa_call_name((uint32_t)number));
		} else if (part->form == TAP_NUMBER || part->form == TAP_HALVES) {
			put_word(page, part->name);
			json_format(&page->json, NULL, "0x%" PRIx64, number);
		}
	}
	json_close(&page->json, ']');
}

/* ---- messages ---- */

/* True when this record is the arrival of a message whose number is written instead. */
static bool put_arrival(struct trace_page *page, const struct trace_packet *packet)
{
	const struct vmsg_ffa_regs *regs = &packet->record.regs;

	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *sent = &page->pending[(page->pending_next + i) % PENDING_MAX];
		if (sent->used && memcmp(&sent->regs, regs, sizeof(*regs)) == 0) {
			sent->used = false;
			json_number(&page->json, NULL, sent->index + 1);
			return true;
		}
	}
	return false;
}

static void keep_sent(struct trace_page *page, const struct trace_packet *packet)
{
	page->pending[page->pending_next] = (struct pending){
		.used = true,
		.partition = packet->record.partition,
		.vcpu = packet->record.vcpu,
		.index = page->index,
		.regs = packet->record.regs,
	};
	page->pending_next = (page->pending_next + 1) % PENDING_MAX;
}

/* What was refused does not arrive, so that the same sent again is told apart from it. */
static void drop_refused(struct trace_page *page, const struct trace_packet *packet)
{
	for (size_t i = 0; i < PENDING_MAX && trace_status(packet); i++) {
		struct pending *sent = &page->pending[i];
		if (sent->partition == packet->record.partition &&
		    sent->vcpu == packet->record.vcpu) {
			sent->used = false;
		}
	}
}

static void put_error(struct trace_page *page, const struct tap_reading *reading)
{
	char text[TEXT_SIZE] = "";
	int length = 0;

	if (!reading->profile) {
		snprintf(text, sizeof(text), "in no dialect");
	} else if (reading->error < 0) {
		length = snprintf(text, sizeof(text), "%s: ", vmsg_error_name(reading->error));
		(void)vmsg_format_diagnosis(&reading->diagnosis, text + length,
					    sizeof(text) - (size_t)length);
	}
	json_text(&page->json, NULL, text);
}

static void put_fields(struct trace_page *page, const struct trace_packet *packet)
{
	static char value[TRACE_VALUE_SIZE];
	char meaning[TRACE_MEANING_SIZE];
	const struct tap_reading *reading = &packet->reading;
	const struct vmsg_header *header = &reading->message.header;
	struct vmsg_field_info info;

	json_open(&page->json, NULL, '[');
	for (uint32_t i = 0;
	     reading->profile && reading->error == 0 && !reading->is_echo &&
	     vmsg_schema_field(reading->profile, header->type, header->kind, i, &info);
	     i++) {
		trace_field_value(packet, &info, value, meaning);
		put_word(page, info.name);
		json_text(&page->json, NULL, value);
		put_word(page, meaning);
	}
	json_close(&page->json, ']');
}

static void put_message(struct trace_page *page, const struct trace_packet *packet)
{
	const struct tap_reading *reading = &packet->reading;
	const struct vmsg_header *header = &reading->message.header;
	const bool is_good = reading->profile && reading->error == 0;
	const struct vmsg_bytes bytes = trace_frame_bytes(packet);
	struct json *json = &page->json;

	json_open(json, NULL, '[');
	json_number(json, NULL, packet->frame.source);
	json_number(json, NULL, packet->frame.destination);
	put_word(page, reading->profile ? reading->profile->name : "");
	json_bool(json, NULL, reading->is_guess);
	put_word(page, is_good ? trace_class(packet) : "");
	put_word(page, is_good ? trace_kind(packet) : "");
	put_word(page, is_good ? vmsg_type_name(header->type) : "bad frame");
	json_number(json, NULL, header->dev_num);
	if (is_good && reading->profile->has_token) {
		json_number(json, NULL, header->token);
	} else {
		json_text(json, NULL, "");
	}
	put_error(page, reading);
	json_hex(json, NULL, bytes.data, bytes.size);
	put_fields(page, packet);
	json_close(json, ']');
}

void trace_page_add(struct trace_page *page, const struct trace_packet *packet)
{
	const struct tap_record *record = &packet->record;
	struct json *json = &page->json;

	drop_refused(page, packet);
	json_open(json, NULL, '[');
	json_number(json, NULL, packet->number);
	/* stamps of a clock that was set back count as the beginning */
	json_number(json, NULL,
		    record->time_ns > packet->origin_ns ? record->time_ns - packet->origin_ns : 0);
	json_number(json, NULL, (uint64_t)record->kind);
	json_number(json, NULL, record->partition);
	json_number(json, NULL, record->vcpu);
	json_number(json, NULL, packet->lost);
	put_call(page, record);
	put_note(page, packet);
	put_registers(page, record);
	put_parts(page, packet);
	if (!packet->has_message) {
		json_number(json, NULL, 0);
	} else if (record->kind != TAP_RETURN || !put_arrival(page, packet)) {
		put_message(page, packet);
		if (record->kind == TAP_CALL && packet->frame.is_direct) {
			keep_sent(page, packet);
		}
	}
	json_close(json, ']');
	putc('\n', page->file);
	page->index++;
}

int trace_page_close(struct trace_page *page, const char *damage)
{
	struct json *json = &page->json;

	json_close(json, ']');
	json_open(json, "strings", '[');
	for (size_t i = 0; i < page->string_count; i++) {
		json_text(json, NULL, page->strings[i] ? page->strings[i] : "");
		free(page->strings[i]);
	}
	json_close(json, ']');
	json_text(json, "damage", damage ? damage : "");
	json_close(json, '}');
	put_template(page, SCRIPT_MARK);
	fputs(vmsg_trace_page_js, page->file);
	put_template(page, "\1"); /* all of the rest */
	errno = 0;
	const bool failed = ferror(page->file) || fflush(page->file) != 0;
	const int error = errno;
	const bool lost = page->file != stdout && fclose(page->file) != 0;
	if (failed || lost) {
		report_problem("%s: %s", page->path, strerror(error ? error : errno ? errno : EIO));
	}
	free(page);
	return failed || lost ? -1 : 0;
}
