/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu encode: a message given by name and fields, turned into hex. */
#include "commands/commands.h"
#include "commands/hex.h"

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
#include "virtio_msg_ffa/schema.h"

static const char help[] =
	"usage: vmsg-ffa-emu encode [OPTION...] NAME.request|response|event [FIELD=VALUE...]\n"
	"\n"
	"Prints the frame as hex. Fields not given are 0; the count of a tail follows from the "
	"tail\n"
	"unless it is given. 'device' and 'token' are fields of the header.\n"
	"\n"
	"  -p, --profile P   the dialect: a1 a2 r0 r1 r1-a16 r2a r2b r3 (default r3)\n"
	"  -h, --help        this text\n"
	"\n"
	"Values: numbers decimal or 0x..; byte strings and UUIDs as hex; features as\n"
	"[0x20000244,0x101].\n"
	"Exit status: 0 done, 1 the message cannot be encoded, 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu encode -p r1 GET_CONFIG.request device=3 offset=4 length=8\n";

struct job {
	const struct vmsg_profile *profile;
	struct vmsg_message message;
	uint8_t tail[HEX_BYTES_MAX];
};

static int complain(const char *what, const char *value, const char *rule)
{
	fprintf(stderr, "vmsg-ffa-emu encode: %s '%s' %s\n", what, value, rule);
	return -1;
}

static int parse_number(const char *name, const char *text, uint64_t limit, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (end == text || *end || errno || text[0] == '-') {
		return complain(name, text, "is no number");
	}
	if (*value > limit) {
		fprintf(stderr, "vmsg-ffa-emu encode: RANGE: %s %s exceeds %" PRIu64 "\n", name,
			text, limit);
		return -1;
	}
	return 0;
}

/* [0x1,2] or 0x1,2 as little-endian words. */
static int parse_words(const char *name, const char *text, uint8_t *bytes, size_t capacity,
		       size_t *size)
{
	*size = 0;
	text += *text == '[';
	while (*text && *text != ']') {
		char *end;
		errno = 0;
		const uint64_t value = strtoull(text, &end, 0);
		if (end == text || errno || value > UINT32_MAX || capacity - *size < 4) {
			return complain(name, text, "is no list of 32-bit words");
		}
		for (unsigned int i = 0; i < 4; i++) {
			bytes[(*size)++] = (uint8_t)(value >> 8 * i);
		}
		text = end + strspn(end, ", ");
		if (text == end && *text && *text != ']') {
			return complain(name, text, "is no list of 32-bit words");
		}
	}
	return 0;
}

static int set_tail(struct job *job, const struct vmsg_field_info *info, const char *value,
		    bool keep_count)
{
	size_t size = 0;

	if (info->form == VMSG_FORM_WORDS) {
		if (parse_words(info->name, value, job->tail, sizeof(job->tail), &size) < 0) {
			return -1;
		}
	} else {
		const char *bad;
		const long parsed = hex_parse(value, job->tail, sizeof(job->tail), &bad);
		if (parsed < 0) {
			return complain(info->name, value, "is no hex");
		}
		size = (size_t)parsed;
	}
	const struct vmsg_bytes bytes = { job->tail, size };
	if (vmsg_field_set_bytes(&job->message, info, bytes, keep_count) < 0) {
		return complain(info->name, value, "has a size that the field cannot have");
	}
	return 0;
}

static bool is_name(const char *argument, const char *name)
{
	const size_t length = strlen(name);

	return strncmp(argument, name, length) == 0 && argument[length] == '=';
}

/* Is any count field given among the arguments? Then tails leave it alone. */
static bool count_given(int argc, char **argv)
{
	static const char *const counts[] = { "length", "num_blocks", "count" };

	for (int i = 0; i < argc; i++) {
		for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++) {
			if (is_name(argv[i], counts[j])) {
				return true;
			}
		}
	}
	return false;
}

static int set_header(struct job *job, const char *argument, bool *taken)
{
	uint64_t value;

	*taken = is_name(argument, "device") || is_name(argument, "token");
	if (!*taken) {
		return 0;
	}
	if (parse_number(is_name(argument, "device") ? "device" : "token",
			 strchr(argument, '=') + 1, UINT16_MAX, &value) < 0) {
		return -1;
	}
	if (is_name(argument, "device")) {
		job->message.header.dev_num = (uint16_t)value;
	} else {
		job->message.header.token = (uint16_t)value;
	}
	return 0;
}

static int set_field(struct job *job, const char *argument, bool keep_count)
{
	const struct vmsg_header *header = &job->message.header;
	struct vmsg_field_info info;
	uint64_t value;
	bool taken;

	if (!strchr(argument, '=')) {
		return complain("argument", argument, "is not FIELD=VALUE");
	}
	if (set_header(job, argument, &taken) < 0 || taken) {
		return taken ? 0 : -1;
	}
	for (uint32_t i = 0; vmsg_schema_field(job->profile, header->type, header->kind, i, &info);
	     i++) {
		if (!is_name(argument, info.name)) {
			continue;
		}
		const char *text = strchr(argument, '=') + 1;
		if (info.form != VMSG_FORM_NUMBER) {
			return set_tail(job, &info, text, keep_count);
		}
		if (parse_number(info.name, text, info.limit, &value) < 0) {
			return -1;
		}
		if (vmsg_field_set_number(&job->message, &info, value) < 0) {
			return complain(info.name, text, "is no multiple of 32");
		}
		return 0;
	}
	fprintf(stderr, "vmsg-ffa-emu encode: %s.%s has no field '%.*s' in profile %s\n",
		vmsg_type_name(header->type), vmsg_kind_name(header->kind),
		(int)strcspn(argument, "="), argument, job->profile->name);
	return -1;
}

/* NAME.kind */
static int set_message(struct job *job, const char *text)
{
	const char *dot = strrchr(text, '.');
	char name[64];

	if (!dot || (size_t)(dot - text) >= sizeof(name)) {
		return complain("message", text, "is not NAME.request, .response or .event");
	}
	memcpy(name, text, (size_t)(dot - text));
	name[dot - text] = 0;
	job->message.header.type = vmsg_schema_type(name);
	for (int kind = VMSG_REQUEST; kind <= VMSG_EVENT; kind++) {
		if (strcmp(dot + 1, vmsg_kind_name((enum vmsg_kind)kind)) == 0) {
			job->message.header.kind = (enum vmsg_kind)kind;
			if (job->message.header.type == VMSG_NONE) {
				return complain("message", name, "is not known");
			}
			if (!vmsg_schema_has(job->profile, job->message.header.type,
					     (enum vmsg_kind)kind)) {
				fprintf(stderr,
					"vmsg-ffa-emu encode: REVISION: profile %s has no %s\n",
					job->profile->name, text);
				return 1;
			}
			return 0;
		}
	}
	return complain("kind", dot + 1, "is not request, response or event");
}

static int print_frame(const struct job *job)
{
	static uint8_t frame[HEX_BYTES_MAX];
	struct vmsg_diagnosis diagnosis;
	const int size = vmsg_encode(job->profile, &job->message,
				     (struct vmsg_span){ frame, sizeof(frame) }, &diagnosis);

	if (size < 0) {
		char text[256];
		(void)vmsg_format_diagnosis(&diagnosis, text, sizeof(text));
		fprintf(stderr, "vmsg-ffa-emu encode: %s: %s\n", vmsg_error_name(size), text);
		return VMSG_EXIT_FAILED;
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
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct job job;
	int option;

	job.profile = vmsg_profile(VMSG_PROFILE_R3);
	while ((option = getopt_long(argc, argv, "p:h", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			job.profile = vmsg_profile_find(optarg);
			if (!job.profile) {
				complain("profile", optarg, "is not known; try --help");
				return VMSG_EXIT_USAGE;
			}
			break;
		case 'h':
			fputs(help, stdout);
			return VMSG_EXIT_DONE;
		default:
			return VMSG_EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fputs("vmsg-ffa-emu encode: no message named; try --help\n", stderr);
		return VMSG_EXIT_USAGE;
	}
	const int named = set_message(&job, argv[optind]);
	if (named) {
		return named < 0 ? VMSG_EXIT_USAGE : VMSG_EXIT_FAILED;
	}
	const bool keep_count = count_given(argc - optind - 1, argv + optind + 1);
	for (int i = optind + 1; i < argc; i++) {
		if (set_field(&job, argv[i], keep_count) < 0) {
			return VMSG_EXIT_FAILED;
		}
	}
	return print_frame(&job);
}
