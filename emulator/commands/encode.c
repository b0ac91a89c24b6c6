/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu encode: a message given by name and fields, turned into hex. */
#include "commands/commands.h"
#include "commands/hex.h"
#include "commands/json.h"
#include "commands/options.h"
#include "commands/report.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/schema.h"

static const char help[] =
	"usage: vmsg-ffa-emu encode [OPTION...] NAME.request|response|event [FIELD=VALUE...]\n"
	"\n"
	"Prints the frame as hex. Fields not given are 0; the count of a tail follows from the\n"
	"tail unless it is given. 'device' and 'token' are fields of the header.\n"
	"\n"
	"  -p, --profile P   the dialect: a1 a2 r0 r1 r1-a16 r2a r2b r3 (default r3)\n"
	"  -j, --json        one object: the hex, or what is wrong with which field\n"
	"  -h, --help        this text\n"
	"\n"
	"Values: numbers decimal or 0x..; byte strings and UUIDs as hex; features as\n"
	"[0x20000244,0x101].\n"
	"Exit status: 0 done, 1 the message cannot be encoded, 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu encode -p r1 GET_CONFIG.request device=3 offset=4 length=8\n";

#define DETAIL_MAX 512

struct job {
	const struct vmsg_profile *profile;
	bool json;
	struct vmsg_message message;
	uint8_t tail[HEX_BYTES_MAX];
};

/* Which field of the message holds what it cannot; the exit status. */
static int refuse(const struct job *job, int error, const char *field, const char *format, ...)
	VMSG_PRINTF(4, 5);

static int refuse(const struct job *job, int error, const char *field, const char *format, ...)
{
	struct json json = { 0 };
	char detail[DETAIL_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	if (!job->json) {
		report_problem("%s: %s", vmsg_error_name(error), detail);
		return VMSG_EXIT_FAILED;
	}
	json_open(&json, NULL, '{');
	json_text(&json, "profile", job->profile->name);
	json_text(&json, "error", vmsg_error_name(error));
	json_text(&json, "field", field);
	json_text(&json, "detail", detail);
	json_close(&json, '}');
	json_end(&json);
	return VMSG_EXIT_FAILED;
}

/* A decimal or 0x number at the start of `text`; NULL if there is none, or what follows it. */
static const char *number(const char *text, uint64_t *value)
{
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	*value = 0;
	if (!isdigit((unsigned char)text[0]) || (hex && !isxdigit((unsigned char)text[2]))) {
		return NULL; /* strtoull() would take signs and spaces */
	}
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	return errno == 0 ? end : NULL;
}

static int parse_number(const struct job *job, const char *name, const char *text, uint64_t limit,
			uint64_t *value)
{
	const char *end = number(text, value);

	if (!end || *end) {
		return refuse(job, VMSG_ERROR_INVALID, name,
			      "`%s` '%s' is no number of up to 64 bits, decimal or 0x..", name,
			      text);
	}
	return *value <= limit ? VMSG_EXIT_DONE
			       : refuse(job, VMSG_ERROR_RANGE, name, "`%s` %s exceeds %" PRIu64,
					name, text, limit);
}

/* [0x1,2] or 0x1,2 as little-endian words; -1 when it is no such list. */
static long parse_words(const char *text, uint8_t *bytes, size_t capacity)
{
	const bool bracket = *text == '[';
	size_t size = 0;

	text += bracket;
	while (*text && *text != ']') {
		uint64_t value;
		const char *end = number(text, &value);
		if (!end || value > UINT32_MAX || capacity - size < 4) {
			return -1;
		}
		for (unsigned int i = 0; i < 4; i++) {
			bytes[size++] = (uint8_t)(value >> 8 * i);
		}
		text = end + strspn(end, ", ");
		if (text == end && *text && *text != ']') {
			return -1;
		}
	}
	return strcmp(text, bracket ? "]" : "") == 0 ? (long)size : -1;
}

static int set_bytes(struct job *job, const struct vmsg_field_info *info, const char *text,
		     bool keep_count)
{
	const char *bad;
	const bool words = info->form == VMSG_FORM_WORDS;
	const long size = words ? parse_words(text, job->tail, sizeof(job->tail))
				: hex_parse(text, job->tail, sizeof(job->tail), &bad);

	if (size == HEX_TOO_LONG) {
		return refuse(job, VMSG_ERROR_RANGE, info->name, "`%s` has more than %zu bytes",
			      info->name, sizeof(job->tail));
	}
	if (size < 0) {
		return refuse(job, VMSG_ERROR_INVALID, info->name, "`%s` '%s' is no %s", info->name,
			      text, words ? "list of 32-bit numbers such as [0x1,2]" : "hex");
	}
	const struct vmsg_bytes bytes = { job->tail, (size_t)size };
	if (vmsg_field_set_bytes(&job->message, info, bytes, keep_count) < 0) {
		return info->width ? refuse(job, VMSG_ERROR_RANGE, info->name,
					    "`%s` has %ld bytes, its field %u", info->name, size,
					    info->width)
				   : refuse(job, VMSG_ERROR_RANGE, info->name,
					    "`%s` has %ld bytes, more than can be counted",
					    info->name, size);
	}
	return VMSG_EXIT_DONE;
}

static bool is_name(const char *argument, const char *name)
{
	const size_t length = strlen(name);

	return strncmp(argument, name, length) == 0 && argument[length] == '=';
}

static bool is_given(int argc, char **argv, const char *name)
{
	for (int i = 0; name && i < argc; i++) {
		if (is_name(argv[i], name)) {
			return true;
		}
	}
	return false;
}

static int set_header(struct job *job, const char *argument)
{
	const bool device = is_name(argument, "device");
	uint64_t value;
	const int status = parse_number(job, device ? "device" : "token", strchr(argument, '=') + 1,
					UINT16_MAX, &value);

	if (status != VMSG_EXIT_DONE) {
		return status;
	}
	if (device) {
		job->message.header.dev_num = (uint16_t)value;
	} else {
		job->message.header.token = (uint16_t)value;
	}
	return VMSG_EXIT_DONE;
}

static bool find_field(const struct job *job, const char *argument, struct vmsg_field_info *info)
{
	const struct vmsg_header *header = &job->message.header;

	for (uint32_t i = 0; vmsg_schema_field(job->profile, header->type, header->kind, i, info);
	     i++) {
		if (is_name(argument, info->name)) {
			return true;
		}
	}
	return false;
}

/* Sets what argv[index] says; `argv` are all of them. */
static int set_field(struct job *job, int argc, char **argv, int index)
{
	const char *argument = argv[index];
	const char *text = strchr(argument, '=');
	const int name_length = text ? (int)(text - argument) : 0;
	struct vmsg_field_info info;
	uint64_t value;

	if (!text) {
		return report_usage("'%s' is not FIELD=VALUE", argument);
	}
	for (int i = 0; i < index; i++) {
		if (strncmp(argv[i], argument, (size_t)name_length + 1) == 0) {
			return report_usage("%.*s is given twice", name_length, argument);
		}
	}
	if (is_name(argument, "device") || is_name(argument, "token")) {
		return set_header(job, argument);
	}
	if (!find_field(job, argument, &info)) {
		char name[64];
		snprintf(name, sizeof(name), "%.*s", name_length, argument);
		return refuse(job, VMSG_ERROR_REVISION, name, "%s.%s has no field `%s` in %s",
			      vmsg_type_name(job->message.header.type),
			      vmsg_kind_name(job->message.header.kind), name, job->profile->name);
	}
	text++;
	if (info.form != VMSG_FORM_NUMBER) {
		return set_bytes(job, &info, text, is_given(argc, argv, info.count));
	}
	const int status = parse_number(job, info.name, text, info.limit, &value);
	if (status == VMSG_EXIT_DONE && vmsg_field_set_number(&job->message, &info, value) < 0) {
		return refuse(job, VMSG_ERROR_BAD_FIELD, info.name, "`%s` %s is no multiple of 32",
			      info.name, text);
	}
	return status;
}

/* NAME.kind */
static int set_message(struct job *job, const char *text)
{
	struct vmsg_header *header = &job->message.header;
	const char *dot = strrchr(text, '.');
	char name[64];

	if (!dot || (size_t)(dot - text) >= sizeof(name)) {
		return report_usage("'%s' is not NAME.request, NAME.response or NAME.event", text);
	}
	memcpy(name, text, (size_t)(dot - text));
	name[dot - text] = 0;
	header->type = vmsg_schema_type(name);
	if (header->type == VMSG_NONE) {
		return report_usage("no message is called '%s'", name);
	}
	header->kind = VMSG_REQUEST;
	while (strcmp(dot + 1, vmsg_kind_name(header->kind)) != 0) {
		if (header->kind == VMSG_EVENT) {
			return report_usage("'%s' is not request, response or event", dot + 1);
		}
		header->kind = (enum vmsg_kind)(header->kind + 1);
	}
	return vmsg_schema_has(job->profile, header->type, header->kind)
		       ? VMSG_EXIT_DONE
		       : refuse(job, VMSG_ERROR_REVISION, "type", "profile %s has no %s",
				job->profile->name, text);
}

static int print_frame(const struct job *job)
{
	static uint8_t frame[HEX_BYTES_MAX];
	const struct vmsg_header *header = &job->message.header;
	struct json json = { 0 };
	struct vmsg_diagnosis diagnosis;
	const int size = vmsg_encode(job->profile, &job->message,
				     (struct vmsg_span){ frame, sizeof(frame) }, &diagnosis);

	if (size < 0) {
		char text[DETAIL_MAX];
		(void)vmsg_format_diagnosis(&diagnosis, text, sizeof(text));
		return refuse(job, size, vmsg_diagnosis_field(&diagnosis), "%s", text);
	}
	if (job->json) {
		json_open(&json, NULL, '{');
		json_text(&json, "profile", job->profile->name);
		json_text(&json, "kind", vmsg_kind_name(header->kind));
		json_text(&json, "name", vmsg_type_name(header->type));
		json_hex(&json, "hex", frame, (size_t)size);
		json_close(&json, '}');
		json_end(&json);
		return VMSG_EXIT_DONE;
	}
	for (int i = 0; i < size; i++) {
		printf("%02x", frame[i]);
	}
	putchar('\n');
	return VMSG_EXIT_DONE;
}

int vmsg_command_encode(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct job job;
	int option;

	report_init("encode");
	job.profile = vmsg_profile(VMSG_PROFILE_R3);
	while ((option = getopt_long(argc, argv, ":p:jh", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			job.profile = vmsg_profile_find(optarg);
			if (!job.profile) {
				return report_usage("no profile is called '%s'", optarg);
			}
			break;
		case 'j':
			job.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return VMSG_EXIT_DONE;
		default:
			return option_unknown(option, argv);
		}
	}
	if (optind == argc) {
		return report_usage("no message is named");
	}
	int status = set_message(&job, argv[optind]);
	for (int i = optind + 1; i < argc && status == VMSG_EXIT_DONE; i++) {
		status = set_field(&job, argc - optind - 1, argv + optind + 1, i - optind - 1);
	}
	return status == VMSG_EXIT_DONE ? print_frame(&job) : status;
}
