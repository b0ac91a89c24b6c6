/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu device: asks a running backend for its devices, and for other ones. */
#include "commands/commands.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/control.h"
#include "commands/json.h"
#include "commands/options.h"
#include "commands/report.h"
#include "devices/names.h"
#include "virtio_msg_ffa/proto.h"

#define TIMEOUT_MS 15000u /* a device may look for a daemon of its own */

enum { OPTION_PARTITION = 256, OPTION_JSON };

static const char help[] =
	"usage: vmsg-ffa-emu device [OPTION...] list | add DEVICE | remove NUMBER |\n"
	"           resize NUMBER\n"
	"\n"
	"Asks a running backend what devices it has, and to have others: their drivers see\n"
	"EVENT_DEVICE.\n"
	"\n"
	"  list                     every device: number, kind, driver, status, requests\n"
	"  add DEVICE               one more, as --device of 'backend' describes it\n"
	"  remove NUMBER            one less\n"
	"  resize NUMBER            look again at the size of what is behind a disk or a console; "
	"a\n"
	"                           change is told to its driver by EVENT_CONFIG\n"
	"\n"
	"  -s, --socket-path PATH   the manager's socket; default as for 'serve'\n"
	"      --partition ID       the backend's partition (default: all for 'list'; else the\n"
	"                           only one)\n"
	"      --json               one JSON object a device\n"
	"  -h, --help               this text\n"
	"\n"
	"Exit status: 0 done, 1 it was refused or nobody answers, 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu device add blk,path=other.img,readonly=on\n";

struct settings {
	const char *socket_path;
	uint16_t partition;
	bool json;
	struct control *control;
	uint16_t asked;      /* the partition whose answers come in */
	uint16_t found[256]; /* partitions that answer requests */
	size_t found_count;
};

/* ---- answers ---- */

static uint64_t number_of(struct json_value object, const char *key)
{
	uint64_t number;

	return json_read_number(json_read_member(object, key), &number) ? number : 0;
}

static bool show(void *context, struct json_value object)
{
	const struct settings *settings = context;
	char kind[32] = "?";

	if (!json_read_member(object, "device").text) {
		return true; /* a backend without devices */
	}
	if (settings->json) {
		printf("{\"partition\":%u,%.*s\n", settings->asked, (int)object.size - 1,
		       object.text + 1);
		return true;
	}
	(void)json_read_string(json_read_member(object, "kind"), kind, sizeof(kind));
	for (char *c = kind; *c; c++) {
		*c = *c >= ' ' && *c <= '~' ? *c : '?'; /* others wrote it */
	}
	const uint64_t status = number_of(object, "status");
	const uint64_t driver = number_of(object, "driver");
	char driver_text[16] = "-";
	if (driver != 0) {
		snprintf(driver_text, sizeof(driver_text), "0x%04x", (unsigned int)driver & 0xffff);
	}
	printf("0x%04x  %6" PRIu64 "  %-10s  %-6s  %-12s  %" PRIu64 " requests, %" PRIu64
	       " of them failed\n",
	       settings->asked, number_of(object, "device"), kind, driver_text,
	       status & VMSG_STATUS_NEEDS_RESET ? "needs reset"
	       : status & VMSG_STATUS_FAILED    ? "failed"
	       : status & VMSG_STATUS_DRIVER_OK ? "running"
	       : status != 0                    ? "being set up"
						: "idle",
	       number_of(object, "requests"), number_of(object, "errors"));
	return true;
}

/* A partition of the manager's list: a secure one that answers requests may be a backend. */
static bool find(void *context, struct json_value object)
{
	struct settings *settings = context;
	const bool is_vm = json_read_is(json_read_member(object, "class"), "vm");
	bool is_answering = false;

	(void)json_read_bool(json_read_member(object, "control"), &is_answering);
	if (is_answering && !is_vm && settings->found_count < sizeof(settings->found) / 2) {
		settings->found[settings->found_count++] = (uint16_t)number_of(object, "id");
	}
	return true;
}

static int ask(struct settings *settings, uint16_t partition, const char *request)
{
	char why[512];

	settings->asked = partition;
	if (control_ask(settings->control, partition, request, TIMEOUT_MS, show, settings, why,
			sizeof(why)) != 0) {
		report_problem("partition 0x%04x: %s", partition, why);
		return -1;
	}
	return 0;
}

static int find_backends(struct settings *settings)
{
	char why[512];

	if (settings->partition) {
		settings->found[settings->found_count++] = settings->partition;
		return 0;
	}
	if (control_ask(settings->control, CONTROL_MANAGER, "{\"request\":\"list\"}", TIMEOUT_MS,
			find, settings, why, sizeof(why)) != 0) {
		report_problem("%s", why);
		return -1;
	}
	if (settings->found_count == 0) {
		report_problem("no backend runs");
		return -1;
	}
	return 0;
}

/* ---- jobs ---- */

static int list(struct settings *settings)
{
	int result = 0;

	if (!settings->json) {
		puts("OF      DEVICE  KIND        DRIVER  STATUS");
	}
	for (size_t i = 0; i < settings->found_count; i++) {
		result |= ask(settings, settings->found[i], "{\"request\":\"devices\"}");
	}
	return result;
}

static int change(struct settings *settings, const char *request)
{
	if (settings->found_count > 1) {
		report_problem("%zu backends run: say which by --partition", settings->found_count);
		return -1;
	}
	return ask(settings, settings->found[0], request);
}

/* {"request":"add","device":"..."}; the caller frees it. */
static char *add_request(const char *description)
{
	char *text = NULL;
	size_t size = 0;
	struct json json = { .file = open_memstream(&text, &size) };

	if (json.file) {
		json_open(&json, NULL, '{');
		json_text(&json, "request", "add");
		json_text(&json, "device", description);
		json_close(&json, '}');
		(void)fclose(json.file);
	}
	return text;
}

static int run(struct settings *settings, char **words)
{
	char why[512];
	int result = -1;
	char *request = NULL;

	settings->control = control_open(settings->socket_path, why, sizeof(why));
	if (!settings->control) {
		report_problem("%s", why);
		return VMSG_EXIT_FAILED;
	}
	if (find_backends(settings) == 0) {
		if (strcmp(words[0], "list") == 0) {
			result = list(settings);
		} else if (strcmp(words[0], "add") == 0) {
			request = add_request(words[1]);
		} else if (asprintf(&request, "{\"request\":\"%s\",\"device\":%s}", words[0],
				    words[1]) < 0) {
			request = NULL;
		}
		if (request) {
			result = change(settings, request);
		}
	}
	free(request);
	control_close(settings->control);
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}

/* ---- command line ---- */

static int check_words(char **words, int count)
{
	uint32_t number;

	if (count == 0) {
		return report_usage("no job given: list, add, remove or resize");
	}
	const bool is_list = strcmp(words[0], "list") == 0;
	const bool is_add = strcmp(words[0], "add") == 0;
	if (!is_list && !is_add && strcmp(words[0], "remove") != 0 &&
	    strcmp(words[0], "resize") != 0) {
		return report_usage("no job '%s'", words[0]);
	}
	if (!is_list && count == 1) {
		return report_usage("%s is missing", is_add ? "DEVICE" : "NUMBER");
	}
	if (count > (is_list ? 1 : 2)) {
		return report_usage("unexpected argument '%s'", words[is_list ? 1 : 2]);
	}
	return is_list || is_add ? 0 : option_number("NUMBER", words[1], UINT16_MAX, &number);
}

int vmsg_command_device(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket-path", required_argument, NULL, 's' },
		{ "partition", required_argument, NULL, OPTION_PARTITION },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { .socket_path = NULL };
	int status = 0;
	int option;

	report_init("device");
	optind = 1;
	opterr = 0;
	while (status == 0 && (option = getopt_long(argc, argv, ":s:h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			settings.socket_path = optarg;
			break;
		case OPTION_PARTITION:
			status = option_id("--partition", optarg, &settings.partition);
			break;
		case OPTION_JSON:
			settings.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return VMSG_EXIT_DONE;
		default:
			status = option_unknown(option, argv);
			break;
		}
	}
	if (status == 0) {
		status = check_words(argv + optind, argc - optind);
	}
	return status != 0 ? status : run(&settings, argv + optind);
}
