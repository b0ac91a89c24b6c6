/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu partitions: who belongs to a system, who is there, and what each is doing. */
#include "commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/report.h"
#include "commands/watch.h"

static const char help[] =
	"usage: vmsg-ffa-emu partitions [OPTION...]\n"
	"\n"
	"Lists the partitions of a running manager and what each is doing now.\n"
	"\n"
	"  -s, --socket-path PATH   the manager's socket; default as for 'serve'\n"
	"      --json               one JSON object: {\"partitions\":[{...},...]}\n"
	"      --watch[=SECONDS]    again and again, every second unless told otherwise, until\n"
	"                           SIGINT; with --json a line each time\n"
	"  -h, --help               this text\n"
	"\n"
	"STATE is absent (no process), running, waiting (in FFA_MSG_WAIT, for work), blocked (for\n"
	"the answer to a direct request) or yielded. VCPUS counts those of each state: r, w, b, "
	"y.\n"
	"REGIONS: memory regions it has made available, and those it has retrieved. RX is "
	"unmapped,\n"
	"empty, or full until it is released. The row ends with the process, and with 'notified'\n"
	"when something is pending, 'scheduler' for who schedules the secure partitions.\n"
	"\n"
	"Exit status: 0 done, 1 no manager or it went away, 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu partitions -s /tmp/emu.sock --watch=0.5\n";

/* The whole list is known before anything is printed: a manager that goes away in the middle must
 * not look like a short one. */
struct list {
	FILE *out;
	bool json;
	size_t count;
};

static uint64_t number_of(struct json_value object, const char *key)
{
	uint64_t number;

	return json_read_number(json_read_member(object, key), &number) ? number : 0;
}

static bool is_true(struct json_value object, const char *key)
{
	bool value;

	return json_read_bool(json_read_member(object, key), &value) && value;
}

static const char *text_of(struct json_value object, const char *key, char text[64])
{
	if (!json_read_string(json_read_member(object, key), text, 64)) {
		text[0] = '\0';
	}
	return text;
}

static void print_row(FILE *out, struct json_value object)
{
	const struct json_value vcpus = json_read_member(object, "vcpus");
	char name[64], state[64], version[64], rx[64], counts[64], pid[24] = "-";
	size_t at = 0;

	static const struct {
		const char *key;
		char letter;
	} states[] = {
		{ "running", 'r' }, { "waiting", 'w' }, { "blocked", 'b' }, { "yielded", 'y' }
	};
	counts[0] = '\0';
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		const unsigned count = (unsigned)number_of(vcpus, states[i].key) & 0xFFFF;
		if (count > 0) {
			at += (size_t)snprintf(counts + at, sizeof(counts) - at, "%s%u%c",
					       at > 0 ? " " : "", count, states[i].letter);
		}
	}
	if (at == 0) {
		snprintf(counts, sizeof(counts), "%u",
			 (unsigned)number_of(vcpus, "count") & 0xFFFF);
	}
	text_of(object, "state", state);
	text_of(object, "ffa_version", version);
	if (number_of(object, "pid") > 0) {
		snprintf(pid, sizeof(pid), "%" PRIu64, number_of(object, "pid"));
	}
	fprintf(out, "0x%04x  %-16s  %-7s  %-4s  %-12s  %5" PRIu64 " %5" PRIu64 "  %-8s  %s%s%s\n",
		(unsigned)number_of(object, "id") & 0xFFFF, text_of(object, "name", name), state,
		version[0] == '0' ? "-" : version, counts, number_of(object, "regions_owned"),
		number_of(object, "regions_borrowed"), text_of(object, "rx", rx), pid,
		is_true(object, "notified") ? " notified" : "",
		is_true(object, "scheduler") ? " scheduler" : "");
}

static bool take(void *context, struct json_value object)
{
	struct list *list = context;

	if (!json_read_member(object, "id").text) {
		return true; /* the end */
	}
	if (list->json) {
		fprintf(list->out, "%s%.*s", list->count > 0 ? "," : "", (int)object.size,
			object.text);
	} else {
		print_row(list->out, object);
	}
	list->count++;
	return true;
}

static int show(struct control *control, bool json)
{
	char *text = NULL;
	size_t size = 0;
	struct list list = { .out = open_memstream(&text, &size), .json = json };
	char why[256] = "out of memory";

	const int result = list.out
				   ? control_ask(control, CONTROL_MANAGER, "{\"request\":\"list\"}",
						 WATCH_TIMEOUT_MS, take, &list, why, sizeof(why))
				   : -1;
	if (list.out) {
		(void)fclose(list.out);
	}
	if (result != 0) {
		report_problem("%s", why);
	} else if (json) {
		printf("{\"partitions\":[%s]}\n", text);
	} else {
		printf("ID      NAME              STATE    FF-A  VCPUS         OWNED  HELD  RX     "
		       "   PID\n%s",
		       text);
	}
	free(text);
	return result;
}

int vmsg_command_partitions(int argc, char **argv)
{
	struct watch watch = { .command = "partitions", .help = help, .show = show };

	return watch_run(&watch, argc, argv);
}
