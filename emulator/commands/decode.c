/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu decode: frames given as hex, told field by field. */
#include "commands/commands.h"
#include "commands/hex.h"
#include "commands/options.h"
#include "commands/report.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/format.h"
#include "virtio_msg_ffa/quirk.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/schema.h"

#define QUIRK_FRAME_MAX 512 /* more than any bus carries */

static const char help[] =
	"usage: vmsg-ffa-emu decode [OPTION...] [HEX...]\n"
	"\n"
	"Prints each virtio-msg frame, given as hex (one argument or one line of standard input\n"
	"each, - meaning it too), with every field by name. White space, colons, commas, dashes\n"
	"and 0x before a byte are skipped, and what follows a #.\n"
	"\n"
	"  -p, --profile P   the dialect: a1 a2 r0 r1 r1-a16 r2a r2b r3. Without it every dialect\n"
	"                    that the bytes can be is told, and the newest of them is printed\n"
	"  -j, --json        one object a line\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 all decoded, 1 a frame was bad, 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu decode -p r1 000503010e001400000008000000\n";

struct settings {
	const struct vmsg_profile *profile; /* NULL: find out */
	bool json;
};

/* ---- JSON ---- */

static void json_bytes(struct vmsg_bytes bytes, bool uuid)
{
	putchar('"');
	for (size_t i = 0; i < bytes.size; i++) {
		const bool dash = uuid && (i == 4 || i == 6 || i == 8 || i == 10);
		printf("%s%02x", dash ? "-" : "", bytes.data[i]);
	}
	putchar('"');
}

static void json_words(struct vmsg_bytes bytes)
{
	putchar('[');
	for (size_t i = 0; i < bytes.size / 4; i++) {
		printf("%s%" PRIu32, i ? "," : "", vmsg_feature_block(&bytes, (uint32_t)i));
	}
	putchar(']');
}

static void json_fields(const struct vmsg_profile *profile, const struct vmsg_message *message)
{
	const struct vmsg_header *header = &message->header;
	struct vmsg_field_info info;

	printf(",\"fields\":{");
	for (uint32_t i = 0; vmsg_schema_field(profile, header->type, header->kind, i, &info);
	     i++) {
		printf("%s\"%s\":", i ? "," : "", info.name);
		switch (info.form) {
		case VMSG_FORM_NUMBER:
			printf("%" PRIu64, vmsg_field_number(message, &info));
			break;
		case VMSG_FORM_WORDS:
			json_words(vmsg_field_bytes(message, &info));
			break;
		case VMSG_FORM_UUID:
		case VMSG_FORM_BYTES:
			json_bytes(vmsg_field_bytes(message, &info), info.form == VMSG_FORM_UUID);
			break;
		case VMSG_FORM_RESERVED:
			break;
		}
	}
	putchar('}');
}

/* The numbers of a body that is bad as a whole, as far as its bytes go. */
static void json_readable(const struct vmsg_profile *profile, const struct vmsg_header *header,
			  struct vmsg_bytes body)
{
	struct vmsg_field_info info;
	uint64_t value;
	const char *comma = "";

	printf(",\"fields\":{");
	for (uint32_t i = 0; vmsg_schema_field(profile, header->type, header->kind, i, &info);
	     i++) {
		if (vmsg_field_peek(&info, body, &value)) {
			printf("%s\"%s\":%" PRIu64, comma, info.name, value);
			comma = ",";
		}
	}
	putchar('}');
}

static void json_error(int error, const struct vmsg_diagnosis *diagnosis)
{
	char detail[256];

	(void)vmsg_format_diagnosis(diagnosis, detail, sizeof(detail));
	/* names and rules are plain words of ours: nothing in them needs an escape */
	printf(",\"error\":\"%s\",\"field\":\"%s\",\"detail\":\"%s\"", vmsg_error_name(error),
	       vmsg_diagnosis_field(diagnosis), detail);
}

/* What a frame's bytes say: its profile, its header, and what became of its body. */
struct reading {
	const struct vmsg_profile *profile;
	struct vmsg_raw_header raw;
	struct vmsg_message message;
	struct vmsg_diagnosis diagnosis;
	struct vmsg_bytes body; /* what there is of it */
	int error;
	bool has_header;                     /* the type and number could be read */
	const struct vmsg_quirk_info *quirk; /* who is known to send just that; NULL: nobody */
};

static const char *kind_of(const struct reading *reading)
{
	if (reading->error < 0 && reading->message.header.type == VMSG_NONE) {
		return reading->raw.type & VMSG_TYPE_RESPONSE ? "response" : "request";
	}
	return vmsg_kind_name(reading->message.header.kind);
}

static void print_json(const struct reading *reading, const char *candidates)
{
	const struct vmsg_profile *profile = reading->profile;
	const enum vmsg_type type = reading->message.header.type;

	printf("{\"profile\":\"%s\"", profile->name);
	if (candidates) {
		printf(",\"candidates\":[%s]", candidates);
	}
	if (reading->has_header) {
		printf(",\"class\":\"%s\",\"kind\":\"%s\"",
		       reading->raw.type & VMSG_TYPE_BUS ? "bus" : "transport", kind_of(reading));
		if (type != VMSG_NONE || reading->error == 0) {
			printf(",\"name\":\"%s\"", vmsg_type_name(type));
		} else {
			printf(",\"name\":null,\"msg_id\":%u", reading->raw.msg_id);
		}
		printf(",\"device\":%u,\"token\":", reading->raw.dev_num);
		if (profile->has_token) {
			printf("%u", reading->raw.token);
		} else {
			printf("null");
		}
		if (profile->has_size) {
			printf(",\"size\":%u", reading->raw.msg_size);
		} else {
			printf(",\"size\":null");
		}
	}
	if (reading->error < 0) {
		json_error(reading->error, &reading->diagnosis);
		if (reading->quirk) {
			printf(",\"quirk\":\"%s\"", reading->quirk->name);
		}
		json_readable(profile, &reading->message.header, reading->body);
	} else {
		json_fields(profile, &reading->message);
	}
	puts("}");
}

/* ---- text ---- */

static void print_text(const struct reading *reading, const char *candidates)
{
	char text[4096];

	if (reading->error < 0) {
		(void)vmsg_format_diagnosis(&reading->diagnosis, text, sizeof(text));
		printf("%s bad frame", reading->profile->name);
		if (reading->has_header) {
			printf(" of device %u", reading->raw.dev_num);
		}
		printf(": %s: %s\n", vmsg_error_name(reading->error), text);
		if (reading->quirk) {
			report_problem("%s sends that; quirk %s", reading->quirk->who,
				       reading->quirk->name);
		}
		return;
	}
	const size_t length = vmsg_format(reading->profile, &reading->message, text, sizeof(text));
	char *whole = length < sizeof(text) ? text : malloc(length + 1);
	if (whole && whole != text) {
		(void)vmsg_format(reading->profile, &reading->message, whole, length + 1);
	}
	printf("%s", whole ? whole : text);
	if (reading->profile->has_size) {
		printf(" (%u bytes)", reading->raw.msg_size);
	}
	if (candidates) {
		printf(" [can be: %s]", candidates);
	}
	putchar('\n');
	if (whole != text) {
		free(whole);
	}
}

/* ---- reading ---- */

/* Of a frame that is bad: the implementation that is known for it. */
static const struct vmsg_quirk_info *quirk_of(const struct vmsg_profile *profile,
					      struct vmsg_bytes frame)
{
	uint8_t copy[QUIRK_FRAME_MAX];

	if (frame.size > sizeof(copy)) {
		return NULL;
	}
	memcpy(copy, frame.data, frame.size);
	return vmsg_quirk_info(vmsg_quirk_mend(profile, (struct vmsg_span){ copy, frame.size }, 0));
}

static struct reading read_frame(const struct vmsg_profile *profile, struct vmsg_bytes frame)
{
	struct reading reading = { .profile = profile, .has_header = frame.size >= 4 };
	const bool usable = vmsg_decode_header(profile, frame, &reading.raw, NULL) == 0;
	const size_t end = usable ? reading.raw.msg_size : frame.size;

	reading.error = vmsg_decode(profile, frame, &reading.message, &reading.diagnosis);
	if (reading.error < 0) {
		reading.quirk = quirk_of(profile, frame);
	}
	if (end > profile->header_size) {
		reading.body = (struct vmsg_bytes){ frame.data + profile->header_size,
						    end - profile->header_size };
	}
	return reading;
}

/* A frame that ends where its size says is a better match than one with padding behind it. */
static bool is_exact(const struct reading *reading, struct vmsg_bytes frame)
{
	return reading->error == 0 && (reading->raw.msg_size == frame.size) &&
	       vmsg_encoded_size(reading->profile, &reading->message) == (int)frame.size;
}

/* Of frames that are bad in every dialect: in this one at least the header makes sense. */
static bool is_plausible(const struct reading *reading, struct vmsg_bytes frame)
{
	return reading->message.header.type != VMSG_NONE && reading->raw.msg_size == frame.size;
}

/* Every dialect that the bytes can be, exact matches only where there is one; newest first. */
static struct reading guess(struct vmsg_bytes frame, bool json, char *candidates, size_t size)
{
	static const enum vmsg_profile_id order[VMSG_PROFILE_COUNT] = {
		VMSG_PROFILE_R3,     VMSG_PROFILE_R2B, VMSG_PROFILE_R2A, VMSG_PROFILE_R1,
		VMSG_PROFILE_R1_A16, VMSG_PROFILE_R0,  VMSG_PROFILE_A2,  VMSG_PROFILE_A1,
	};
	struct reading best = read_frame(vmsg_profile(VMSG_PROFILE_R3), frame);
	bool exact = false;
	bool found = false;
	size_t length = 0;

	for (int id = 0; id < VMSG_PROFILE_COUNT; id++) {
		const struct reading each =
			read_frame(vmsg_profile((enum vmsg_profile_id)id), frame);
		exact = exact || is_exact(&each, frame);
	}
	candidates[0] = 0;
	for (int i = 0; i < VMSG_PROFILE_COUNT; i++) {
		const struct reading each = read_frame(vmsg_profile(order[i]), frame);
		if (each.error < 0 && !found && is_plausible(&each, frame) &&
		    !is_plausible(&best, frame)) {
			best = each;
		}
		if (each.error < 0 || (exact && !is_exact(&each, frame))) {
			continue;
		}
		best = found ? best : each;
		length += (size_t)snprintf(candidates + length, size - length,
					   json ? "%s\"%s\"" : "%s%s",
					   found ? (json ? "," : " ") : "", each.profile->name);
		found = true;
	}
	return best;
}

static bool decode_text(const struct settings *settings, const char *text)
{
	static uint8_t bytes[HEX_BYTES_MAX];
	const char *bad = text;
	const long size = hex_parse(text, bytes, sizeof(bytes), &bad);

	if (size <= 0) {
		char detail[64];
		snprintf(detail, sizeof(detail),
			 size == HEX_TOO_LONG ? "more bytes than a frame has, at character %zu"
					      : "no pair of digits at character %zu",
			 (size_t)(bad - text) + 1);
		printf(settings->json
			       ? "{\"error\":\"INVALID\",\"field\":\"hex\",\"detail\":\"%s\"}\n"
			       : "bad hex: %s\n",
		       detail);
		return false;
	}
	const struct vmsg_bytes frame = { bytes, (size_t)size };
	char candidates[128];
	const struct reading reading =
		settings->profile ? read_frame(settings->profile, frame)
				  : guess(frame, settings->json, candidates, sizeof(candidates));
	const char *told = settings->profile || !candidates[0] ? NULL : candidates;
	if (settings->json) {
		print_json(&reading, told);
	} else {
		print_text(&reading, told);
	}
	return reading.error == 0;
}

/* What is no text, such as a frame that somebody forgot to dump, shall not end a line unseen. */
static void show_zeros(char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		line[i] = line[i] ? line[i] : '\1';
	}
}

static bool decode_stream(const struct settings *settings, FILE *file)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	bool good = true;

	while ((length = getline(&line, &capacity, file)) >= 0) {
		show_zeros(line, (size_t)length);
		line[strcspn(line, "#")] = 0;
		if (line[strspn(line, " \t\r\n")]) {
			good = decode_text(settings, line) && good;
		}
	}
	free(line);
	if (ferror(file)) {
		report_problem("standard input: %s", strerror(errno));
		return false;
	}
	return good;
}

int vmsg_command_decode(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { 0 };
	int option;

	report_init("decode");
	while ((option = getopt_long(argc, argv, ":p:jh", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			settings.profile = vmsg_profile_find(optarg);
			if (!settings.profile) {
				return report_usage("no profile is called '%s'", optarg);
			}
			break;
		case 'j':
			settings.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return VMSG_EXIT_DONE;
		default:
			return option_unknown(option, argv);
		}
	}
	bool good = true;
	if (optind == argc) {
		good = decode_stream(&settings, stdin);
	}
	for (int i = optind; i < argc; i++) {
		const bool each = strcmp(argv[i], "-") == 0 ? decode_stream(&settings, stdin)
							    : decode_text(&settings, argv[i]);
		good = each && good;
	}
	return good ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
