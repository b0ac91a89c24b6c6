/* SPDX-License-Identifier: BSD-3-Clause */
/* Options by table. A row's number, behind all letters, is what getopt_long() returns for it. */
#include "commands/command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"

#define FIRST_ROW   256
#define HELP_COLUMN 27

/* ---- --help ---- */

/* The name at the left, the lines at the right. */
static void print_option(const struct command_option *option)
{
	const char *value = option->value ? option->value : "";
	const char *help = option->help;
	char letter[] = "    ";
	char left[256];

	if (option->letter) {
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	}
	int width = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name,
			     option->value ? " " : "", value);
	const char *last_line = strrchr(left, '\n');
	width -= last_line ? (int)(last_line + 1 - left) : 0;
	fputs(left, stdout);
	if (width + 1 >= HELP_COLUMN || !*help) {
		putchar('\n');
		width = 0;
	}
	while (*help) {
		const int length = (int)strcspn(help, "\n");
		printf("%*s%.*s\n", HELP_COLUMN - width, "", length, help);
		help += length + (help[length] == '\n');
		width = 0;
	}
}

static void print_help(const struct command_line *line)
{
	static const struct command_option help = { "help", 'h', NULL, "this text", NULL };
	static const struct command_option version = { "version", 0, NULL,
						       "the version of the program", NULL };

	fputs(line->begin, stdout);
	for (const struct command_option *option = line->options; option->name; option++) {
		print_option(option);
	}
	print_option(&help);
	print_option(&version); /* which main() takes */
	fputs(line->end, stdout);
}

/* ---- parsing ---- */

static int argument_of(const struct command_option *option)
{
	return option->value ? required_argument : no_argument;
}

/* The row that getopt_long() found, NULL for none. */
static const struct command_option *find(const struct command_line *line, int found)
{
	const struct command_option *option = line->options;

	while (option->name && option->letter != found &&
	       option - line->options + FIRST_ROW != found) {
		option++;
	}
	return option->name ? option : NULL;
}

int command_line_parse(const struct command_line *line, int argc, char **argv, void *settings)
{
	struct option longs[COMMAND_LINE_ROWS_MAX + 2] = { { "help", no_argument, NULL, 'h' } };
	char shorts[2 * COMMAND_LINE_ROWS_MAX + 4] = ":h";
	size_t length = 2;
	size_t count = 1;
	int found;

	for (int i = 0; line->options[i].name && i < COMMAND_LINE_ROWS_MAX; i++) {
		const struct command_option *option = &line->options[i];
		if (count > 1 && strcmp(longs[count - 1].name, option->name) == 0) {
			continue; /* another form of the same */
		}
		longs[count++] =
			(struct option){ option->name, argument_of(option), NULL, FIRST_ROW + i };
		if (option->letter) {
			shorts[length++] = option->letter;
			if (option->value) {
				shorts[length++] = ':';
			}
		}
	}
	optind = 1;
	opterr = 0;
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct command_option *option = find(line, found);
		if (found == 'h') {
			print_help(line);
			return VMSG_EXIT_DONE + 1;
		}
		const int status =
			option ? option->take(settings, optarg) : option_unknown(found, argv);
		if (status != 0) {
			return (status == COMMAND_LINE_LEAVE ? VMSG_EXIT_DONE : status) + 1;
		}
	}
	return 0;
}

/* ---- what commands share ---- */

int take_socket_path(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	shared->socket_path = text;
	return 0;
}

int take_id(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	return option_id("--id", text, &shared->id);
}

int take_profile(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	return option_profile("--profile", text, &shared->profile);
}

int take_carrier(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	return option_carrier(text, &shared->ways);
}

int take_events(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	return option_events(text, &shared->ways);
}

int take_timeout(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	return option_seconds("--timeout", text, &shared->timeout_ns);
}

int take_quirk(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	if (strcmp(text, "help") == 0) {
		quirks_list(shared->role);
		return COMMAND_LINE_LEAVE;
	}
	return option_quirk(text, shared->role, &shared->quirks);
}

int take_check_contract(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	(void)text;
	shared->check_contract = true;
	return 0;
}

int take_json(void *settings, const char *text)
{
	struct shared_settings *shared = settings;

	(void)text;
	shared->json = true;
	return 0;
}
