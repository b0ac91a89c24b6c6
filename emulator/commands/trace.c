/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu trace: reads a capture packet by packet, filters, and hands on what is left. What
 * came before the place where a file is damaged is printed; then the damage is told. */
#include "commands/trace.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"
#include "tap/pcapng.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/schema.h"

#define FILTERS_MAX 32u
#define VCPUS       64u

static const char help[] =
	"usage: vmsg-ffa-emu trace -r FILE [OPTION...]\n"
	"\n"
	"Prints what 'serve --pcap' or 'loopback --pcap' has captured, a line for each FF-A call,\n"
	"return and interrupt, with the virtio-msg message in it (docs/tracing.md).\n"
	"\n"
	"  -r, --read FILE        the capture; - is standard input\n"
	"  -q, --names            only the names of calls and messages\n"
	"  -a, --all              every register and field, one below the other\n"
	"  -x, --hex              also the bytes of each message, of each call without one\n"
	"      --json             one object a line\n"
	"      --html FILE        a page with the sequence diagram, for any browser; - is "
	"standard\n"
	"                         output\n"
	"\n"
	"Only some of it. The same filter given again widens it, different ones narrow:\n"
	"      --partition ID     the registers of this partition\n"
	"      --device N         messages about this device\n"
	"      --message NAME     messages of this name (GET_CONFIG), or calls (FFA_MEM_SHARE)\n"
	"\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 done, 1 the file cannot be read or is damaged (standard error says where "
	"and\n"
	"how; what comes before is printed), 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu loopback --device rng --pcap rng.pcapng\n"
	"         vmsg-ffa-emu trace -r rng.pcapng --message GET_VQUEUE\n"
	"         vmsg-ffa-emu trace -r rng.pcapng --html rng.html\n";

enum { OPTION_JSON = 256, OPTION_HTML, OPTION_PARTITION, OPTION_DEVICE, OPTION_MESSAGE };

struct settings {
	const char *path;
	enum tap_detail detail;
	bool hex;
	bool json;
	const char *html;
	uint16_t partitions[FILTERS_MAX];
	size_t partition_count;
	uint16_t devices[FILTERS_MAX];
	size_t device_count;
	const char *messages[FILTERS_MAX];
	size_t message_count;
};

/* ---- command line ---- */

static bool is_known_name(const char *name)
{
	for (uint32_t id = 0; id <= 0xff; id++) {
		if (strncmp(name, "FFA_", 4) == 0 && strcmp(name, "FFA_UNKNOWN") != 0 &&
		    (strcmp(vmsg_ffa_call_name(0x84000000u + id), name) == 0 ||
		     strcmp(vmsg_ffa_call_name(0xC4000000u + id), name) == 0)) {
			return true;
		}
	}
	return vmsg_schema_type(name) != VMSG_NONE;
}

static int add_filter(struct settings *settings, int option)
{
	uint32_t number;
	int status = 0;

	if (settings->partition_count == FILTERS_MAX || settings->device_count == FILTERS_MAX ||
	    settings->message_count == FILTERS_MAX) {
		return report_usage("'%s' is one filter too many", optarg);
	}
	switch (option) {
	case OPTION_PARTITION:
		status = option_number("--partition", optarg, UINT16_MAX, &number);
		if (status == 0) {
			settings->partitions[settings->partition_count++] = (uint16_t)number;
		}
		break;
	case OPTION_DEVICE:
		status = option_number("--device", optarg, UINT16_MAX, &number);
		if (status == 0) {
			settings->devices[settings->device_count++] = (uint16_t)number;
		}
		break;
	default:
		if (!is_known_name(optarg)) {
			return report_usage("--message is '%s', which is no message (GET_CONFIG) "
					    "and no call (FFA_MEM_SHARE)",
					    optarg);
		}
		settings->messages[settings->message_count++] = optarg;
		break;
	}
	return status;
}

/* 0, or an exit status + 1 to leave with. */
static int parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "read", required_argument, NULL, 'r' },
		{ "names", no_argument, NULL, 'q' },
		{ "all", no_argument, NULL, 'a' },
		{ "hex", no_argument, NULL, 'x' },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "html", required_argument, NULL, OPTION_HTML },
		{ "partition", required_argument, NULL, OPTION_PARTITION },
		{ "device", required_argument, NULL, OPTION_DEVICE },
		{ "message", required_argument, NULL, OPTION_MESSAGE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, ":r:qaxh", options, NULL)) != -1) {
		int status = 0;
		switch (option) {
		case 'r':
			settings->path = optarg;
			break;
		case 'q':
			settings->detail = TAP_NAMES;
			break;
		case 'a':
			settings->detail = TAP_ALL;
			break;
		case 'x':
			settings->hex = true;
			break;
		case OPTION_JSON:
			settings->json = true;
			break;
		case OPTION_HTML:
			settings->html = optarg;
			break;
		case OPTION_PARTITION:
		case OPTION_DEVICE:
		case OPTION_MESSAGE:
			status = add_filter(settings, option);
			break;
		case 'h':
			fputs(help, stdout);
			return VMSG_EXIT_DONE + 1;
		default:
			status = option_unknown(option, argv);
			break;
		}
		if (status != 0) {
			return status + 1;
		}
	}
	if (optind < argc) {
		return report_usage("unexpected argument '%s'", argv[optind]) + 1;
	}
	if (!settings->path) {
		return report_usage("no capture given: -r FILE") + 1;
	}
	if (settings->json && settings->html) {
		return report_usage("--json and --html exclude each other") + 1;
	}
	return 0;
}

/* ---- filters ---- */

static bool has_number(const uint16_t *numbers, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] == number) {
			return true;
		}
	}
	return false;
}

/* Bus messages are about no device, save those that say which comes and goes, and ERROR. */
static bool is_about_device(const struct settings *settings, const struct trace_packet *packet)
{
	const struct vmsg_message *message = &packet->reading.message;
	uint16_t device = message->header.dev_num;

	if (!packet->has_message || packet->reading.error < 0) {
		return false;
	}
	switch (message->header.type) {
	case VMSG_EVENT_DEVICE:
	case VMSG_DEVICE_ADDED:
	case VMSG_DEVICE_REMOVED:
		device = message->body.event_device.device_number;
		break;
	case VMSG_ERROR:
		break;
	default:
		if (vmsg_type_is_bus(message->header.type) || message->header.type == VMSG_NONE) {
			return false;
		}
	}
	return has_number(settings->devices, settings->device_count, device);
}

static bool has_name(const struct settings *settings, const struct trace_packet *packet)
{
	const char *call = !tap_has_registers(&packet->record)
				   ? ""
				   : vmsg_ffa_call_name((uint32_t)packet->record.regs.x[0]);
	const bool has_type = packet->has_message && packet->reading.profile;

	for (size_t i = 0; i < settings->message_count; i++) {
		if (strcmp(settings->messages[i], call) == 0 ||
		    (has_type &&
		     strcmp(settings->messages[i],
			    vmsg_type_name(packet->reading.message.header.type)) == 0)) {
			return true;
		}
	}
	return false;
}

static bool is_wanted(const struct settings *settings, const struct trace_packet *packet)
{
	return (settings->partition_count == 0 ||
		has_number(settings->partitions, settings->partition_count,
			   packet->record.partition)) &&
	       (settings->device_count == 0 || is_about_device(settings, packet)) &&
	       (settings->message_count == 0 || has_name(settings, packet));
}

/* ---- what printers share ---- */

const char *trace_status(const struct trace_packet *packet)
{
	const int32_t status = vmsg_ffa_reply_status(&packet->record.regs);

	return packet->record.kind == TAP_RETURN && status < 0 ? vmsg_ffa_status_name(status)
							       : NULL;
}

const char *trace_class(const struct trace_packet *packet)
{
	const enum vmsg_type type = packet->reading.message.header.type;

	return type == VMSG_NONE || vmsg_type_is_bus(type) ? "bus" : "transport";
}

const char *trace_kind(const struct trace_packet *packet)
{
	return packet->reading.is_echo ? "reply"
				       : vmsg_kind_name(packet->reading.message.header.kind);
}

struct vmsg_bytes trace_frame_bytes(const struct trace_packet *packet)
{
	const struct vmsg_bytes whole = packet->frame.bytes;
	struct vmsg_raw_header header;

	if (packet->reading.profile && packet->reading.error == 0 &&
	    vmsg_decode_header(packet->reading.profile, whole, &header, NULL) == 0) {
		return (struct vmsg_bytes){ whole.data, header.msg_size };
	}
	return tap_frame_trimmed(&packet->frame);
}

/* ---- the file ---- */

struct capture {
	const struct settings *settings;
	struct tap_pcapng_reader reader;
	struct tap_packet raw;
	struct trace_packet packet;
	struct trace_page *page;
	/* Function id that each vCPU has called last: [partition][vcpu]. */
	uint32_t (*outstanding)[VCPUS];
	char damage[512];
};

static const char *record_problem(const struct tap_packet *raw)
{
	if (raw->size < TAP_HEADER_SIZE + VMSG_FFA_FRAME_SIZE) {
		return "a record has 160 bytes or more";
	}
	if (raw->bytes[0] != TAP_VERSION) {
		return "the record is of another version than 1";
	}
	if (raw->bytes[1] > TAP_FIFO) {
		return "the record is no call, return, interrupt or message of a FIFO";
	}
	return "the record's payload is not as long as it says";
}

/* The parts of a packet that follow from its record. */
static void interpret(struct capture *capture)
{
	struct trace_packet *packet = &capture->packet;
	const struct tap_record *record = &packet->record;
	uint32_t *outstanding = &capture->outstanding[record->partition][record->vcpu % VCPUS];

	packet->answered = record->kind == TAP_RETURN ? *outstanding : 0;
	if (record->kind == TAP_CALL) {
		*outstanding = (uint32_t)record->regs.x[0];
	}
	packet->has_message = tap_frame_find(record, &packet->frame) &&
			      packet->frame.service != TAP_SERVICE_OTHER;
	if (packet->has_message) {
		tap_frame_read(record, &packet->frame, &packet->reading);
		/* of a service that nobody names, and no message of ours */
		packet->has_message =
			packet->reading.profile || packet->frame.service == TAP_SERVICE_VIRTIO_MSG;
	}
}

static void hand_on(struct capture *capture)
{
	const struct settings *settings = capture->settings;

	if (!is_wanted(settings, &capture->packet)) {
		return;
	}
	if (settings->json) {
		trace_print_json(&capture->packet);
	} else if (capture->page) {
		trace_page_add(capture->page, &capture->packet);
	} else {
		trace_print_text(&capture->packet, settings->detail, settings->hex);
	}
}

/* 1, 0 at the end, -1 with the damage. */
static int next(struct capture *capture)
{
	struct trace_packet *packet = &capture->packet;
	const uint64_t offset = capture->reader.offset;
	const int result = tap_pcapng_read(&capture->reader, &capture->raw);
	const char *problem = capture->reader.problem;

	if (result == 0) {
		return 0;
	}
	if (result == 1 &&
	    tap_record_load(&packet->record,
			    (struct vmsg_bytes){ capture->raw.bytes, capture->raw.size }) == 0) {
		packet->number++;
		packet->lost += capture->raw.lost;
		packet->record.time_ns = capture->raw.time_ns;
		packet->origin_ns = packet->number == 1 ? capture->raw.time_ns : packet->origin_ns;
		return 1;
	}
	if (result == 1) {
		problem = record_problem(&capture->raw);
	} else if (ferror(capture->reader.file)) {
		problem = strerror(errno);
	}
	snprintf(capture->damage, sizeof(capture->damage), "%s: at byte %" PRIu64 ": %s",
		 capture->settings->path, result == 1 ? offset : capture->reader.offset, problem);
	return -1;
}

static int read_capture(struct capture *capture)
{
	int result;

	while ((result = next(capture)) == 1) {
		interpret(capture);
		hand_on(capture);
		if (is_wanted(capture->settings, &capture->packet)) {
			capture->packet.lost = 0; /* else it is told with the next that is wanted */
		}
	}
	return result;
}

static int run(struct capture *capture)
{
	const struct settings *settings = capture->settings;

	if (settings->html) {
		capture->page = trace_page_open(settings->html, settings->path);
		if (!capture->page) {
			return VMSG_EXIT_FAILED;
		}
	}
	const int result = read_capture(capture);
	if (result < 0) {
		report_problem("%s (after %" PRIu64 " packets)", capture->damage,
			       capture->packet.number);
	}
	if (capture->page && trace_page_close(capture->page, result < 0 ? capture->damage : NULL)) {
		return VMSG_EXIT_FAILED;
	}
	return result < 0 ? VMSG_EXIT_FAILED : VMSG_EXIT_DONE;
}

/* Everything that a capture needs but its file; NULL when there is no memory. */
static struct capture *make_capture(const struct settings *settings)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture) {
		return NULL;
	}
	capture->settings = settings;
	/* mostly zeros that nobody touches */
	capture->outstanding = calloc(UINT16_MAX + 1, sizeof(*capture->outstanding));
	if (!capture->outstanding) {
		free(capture);
		return NULL;
	}
	return capture;
}

static int read_file(const struct settings *settings, FILE *file)
{
	struct capture *capture = make_capture(settings);

	if (!capture) {
		report_problem("out of memory");
		return VMSG_EXIT_FAILED;
	}
	tap_pcapng_open(&capture->reader, file);
	const int status = run(capture);
	free(capture->outstanding);
	free(capture);
	return status;
}

int vmsg_command_trace(int argc, char **argv)
{
	struct settings settings = { .detail = TAP_MAIN };

	report_init("trace");
	const int leave = parse(argc, argv, &settings);
	if (leave != 0) {
		return leave - 1;
	}
	if (!settings.path || strcmp(settings.path, "-") == 0) {
		return read_file(&settings, stdin);
	}
	FILE *file = fopen(settings.path, "rbe");
	if (!file) {
		report_problem("%s: %s", settings.path, strerror(errno));
		return VMSG_EXIT_FAILED;
	}
	const int status = read_file(&settings, file);
	fclose(file);
	return status;
}
