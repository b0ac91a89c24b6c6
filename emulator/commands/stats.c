/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu stats: what the manager has counted, and what the partitions that answer requests of
 * control clients count. Nothing here knows which counters there are: objects of any depth are
 * printed as lines of a path and a value.
 */
#include "commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/report.h"
#include "commands/watch.h"

static const char help[] =
	"usage: vmsg-ffa-emu stats [OPTION...]\n"
	"\n"
	"Shows what a running manager has counted: calls by type and what they returned, "
	"messages,\n"
	"deaths, bytes, and how long direct requests took; then the counters of each partition "
	"that\n"
	"answers requests of control clients.\n"
	"\n"
	"  -s, --socket-path PATH   the manager's socket; default as for 'serve'\n"
	"      --json               one JSON object: "
	"{\"manager\":[{...},...],\"partitions\":[{\"id\":...,\n"
	"                           \"stats\":[{...},...]},...]}\n"
	"      --watch[=SECONDS]    again and again, every second unless told otherwise, until\n"
	"                           SIGINT; with --json a line each time\n"
	"  -h, --help               this text\n"
	"\n"
	"'direct_request_us latencies below 64: 12' means that 12 direct requests took from 32 to "
	"64\n"
	"microseconds until they returned; 'p99: 128' that 99 in a hundred took less than 128.\n"
	"A partition's request_ns are the requests of a session until they are answered.\n"
	"\n"
	"Exit status: 0 done, 1 no manager or it went away, 2 usage.\n";

#define PARTITIONS_MAX 250
#define PATH_SIZE      256

/* Objects of an answer, one behind the other, and who can be asked next. */
struct answer {
	FILE *out;
	bool json;
	bool is_list; /* of partitions */
	size_t count;
	uint16_t ids[PARTITIONS_MAX];
	size_t id_count;
};

/* Without quotes and, as it comes from others, without anything that moves a cursor. */
static void add_word(char path[PATH_SIZE], struct json_value word)
{
	size_t at = strlen(path);

	if (at > 0 && at + 1 < PATH_SIZE) {
		path[at++] = ' ';
	}
	for (size_t i = 1; i + 1 < word.size && at + 1 < PATH_SIZE; i++) {
		path[at++] = word.text[i];
		if (word.text[i] < ' ' || word.text[i] > '~') {
			path[at - 1] = '?';
		}
	}
	path[at] = '\0';
}

static void add_number(char path[PATH_SIZE], unsigned int number)
{
	char word[16];

	snprintf(word, sizeof(word), "'%u'", number);
	add_word(path, (struct json_value){ word, strlen(word) });
}

/* {"below":B,"count":C} of a histogram: nothing where nothing was counted. */
static bool print_bucket(FILE *out, const char *path, struct json_value object)
{
	const struct json_value below = json_read_member(object, "below");
	uint64_t count, limit;

	if (!below.text || !json_read_number(json_read_member(object, "count"), &count)) {
		return false;
	}
	if (count > 0 && json_read_number(below, &limit)) {
		fprintf(out, "  %s below %" PRIu64 ": %" PRIu64 "\n", path, limit, count);
	} else if (count > 0) {
		fprintf(out, "  %s longer: %" PRIu64 "\n", path, count);
	}
	return true;
}

/* Where a container was left to look into one inside of it. */
struct level {
	struct json_value container;
	size_t at;
	size_t path_length;
	unsigned int next; /* number of an element */
};

static void print_value(FILE *out, const char *path, struct json_value value)
{
	fprintf(out, "  %s: ", path);
	for (size_t i = 0; i < value.size; i++) {
		fputc(value.text[i] >= ' ' && value.text[i] <= '~' ? value.text[i] : '?', out);
	}
	fputc('\n', out);
}

static void print_object(FILE *out, struct json_value object)
{
	struct level levels[JSON_READ_DEPTH] = { { .container = object } };
	char path[PATH_SIZE] = "";
	size_t depth = 1;

	while (depth > 0) {
		struct level *level = &levels[depth - 1];
		struct json_value key = { NULL, 0 };
		struct json_value value;
		path[level->path_length] = '\0';
		if (!json_read_next(level->container, &level->at, &key, &value)) {
			depth--;
			continue;
		}
		if (key.text) {
			add_word(path, key);
		}
		const bool is_container = value.text[0] == '{' || value.text[0] == '[';
		if (is_container && print_bucket(out, path, value)) {
			continue;
		}
		if (!key.text) {
			add_number(path, level->next++);
		}
		if (!is_container) {
			print_value(out, path, value);
		} else if (depth < JSON_READ_DEPTH) {
			levels[depth++] =
				(struct level){ .container = value, .path_length = strlen(path) };
		}
	}
}

static bool take(void *context, struct json_value object)
{
	struct answer *answer = context;
	uint64_t id;
	bool can_be_asked;

	if (answer->is_list) {
		if (json_read_number(json_read_member(object, "id"), &id) && id <= UINT16_MAX &&
		    json_read_bool(json_read_member(object, "control"), &can_be_asked) &&
		    can_be_asked && answer->id_count < PARTITIONS_MAX) {
			answer->ids[answer->id_count++] = (uint16_t)id;
		}
	} else if (answer->json) {
		fprintf(answer->out, "%s%.*s", answer->count > 0 ? "," : "", (int)object.size,
			object.text);
	} else {
		fputs(answer->count > 0 ? "\n" : "", answer->out);
		print_object(answer->out, object);
	}
	answer->count++;
	return true;
}

static int ask(struct control *control, uint16_t partition, const char *request,
	       struct answer *answer, char *why, size_t why_size)
{
	answer->count = 0;
	return control_ask(control, partition, request, WATCH_TIMEOUT_MS, take, answer, why,
			   why_size);
}

/* A partition that does not answer in time, or has just gone, is no reason to fail. */
static void show_partition(struct control *control, uint16_t id, struct answer *answer)
{
	char why[256];

	fprintf(answer->out, answer->json ? "{\"id\":%u,\"stats\":[" : "partition 0x%04x\n", id);
	if (ask(control, id, "{\"request\":\"stats\"}", answer, why, sizeof(why)) != 0) {
		report_problem("partition 0x%04x: %s", id, why);
	}
	fputs(answer->json ? "]}" : "", answer->out);
}

static int show_all(struct control *control, struct answer *answer, char *why, size_t why_size)
{
	fputs(answer->json ? "{\"manager\":[" : "manager\n", answer->out);
	if (ask(control, CONTROL_MANAGER, "{\"request\":\"stats\"}", answer, why, why_size) != 0) {
		return -1;
	}
	answer->is_list = true;
	if (ask(control, CONTROL_MANAGER, "{\"request\":\"list\"}", answer, why, why_size) != 0) {
		return -1;
	}
	answer->is_list = false;
	fputs(answer->json ? "],\"partitions\":[" : "", answer->out);
	for (size_t i = 0; i < answer->id_count; i++) {
		fputs(answer->json && i > 0 ? "," : "", answer->out);
		show_partition(control, answer->ids[i], answer);
	}
	fputs(answer->json ? "]}\n" : "", answer->out);
	return 0;
}

static int show(struct control *control, bool json)
{
	char *text = NULL;
	size_t size = 0;
	struct answer answer = { .out = open_memstream(&text, &size), .json = json };
	char why[256] = "out of memory";

	const int result = answer.out ? show_all(control, &answer, why, sizeof(why)) : -1;
	if (answer.out) {
		(void)fclose(answer.out);
	}
	if (result != 0) {
		report_problem("%s", why);
	} else {
		fputs(text, stdout);
	}
	free(text);
	return result;
}

int vmsg_command_stats(int argc, char **argv)
{
	struct watch watch = { .command = "stats", .help = help, .show = show };

	return watch_run(&watch, argc, argv);
}
