/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of a command as one table, from which they are parsed and --help is printed, and the
 * rows that commands share: an option is declared once.
 */
#ifndef VMSG_EMULATOR_COMMAND_LINE_H
#define VMSG_EMULATOR_COMMAND_LINE_H

#include "commands/quirks.h"
#include "commands/ways.h"

#define COMMAND_LINE_ROWS_MAX 48

/* What a taker returns besides 0 and an exit status: leave with VMSG_EXIT_DONE. */
#define COMMAND_LINE_LEAVE (-1)

struct command_option {
	const char *name;  /* without the dashes */
	char letter;       /* of the short form, or 0 */
	const char *value; /* what --help calls its value, NULL: it has none */
	const char *help;  /* lines; of several rows with one name only the first is taken */
	/* `text` is the value, `settings` the command's */
	int (*take)(void *settings, const char *text);
};

struct command_line {
	const char *begin; /* of --help, up to the options */
	const struct command_option *options;
	const char *end; /* what follows them */
};

/*
 * Takes the options, up to a row without a name, in the order in which they are given; optind is
 * the first word that is none. -h and --help are always there. 0, or an exit status + 1 to leave
 * with.
 */
int command_line_parse(const struct command_line *line, int argc, char **argv, void *settings);

/* ---- what commands share ---- */

/* The first member of the settings of each command that has such rows. */
struct shared_settings {
	enum vmsg_quirk_roles role; /* which --quirk are ours; set by the command */
	const char *socket_path;
	uint16_t id;
	const struct vmsg_profile *profile;
	struct ways ways;
	uint64_t timeout_ns;
	struct quirk_settings quirks;
	bool check_contract;
	bool json;
};

int take_socket_path(void *settings, const char *text);
int take_id(void *settings, const char *text);
int take_profile(void *settings, const char *text);
int take_carrier(void *settings, const char *text);
int take_events(void *settings, const char *text);
int take_timeout(void *settings, const char *text);
int take_quirk(void *settings, const char *text);
int take_check_contract(void *settings, const char *text);
int take_json(void *settings, const char *text);

/* Rows; where a command has its own to say, it does. */
#define ROW_SOCKET_PATH                                                                            \
	{                                                                                          \
		"socket-path", 's', "PATH", "the manager's socket; default as for 'serve'",        \
			take_socket_path                                                           \
	}
#define ROW_ID(help)                                                                               \
	{                                                                                          \
		"id", 0, "ID", help, take_id                                                       \
	}
#define ROW_PROFILE(help)                                                                          \
	{                                                                                          \
		"profile", 0, "P", help, take_profile                                              \
	}
#define ROW_TIMEOUT(help)                                                                          \
	{                                                                                          \
		"timeout", 0, "S", help, take_timeout                                              \
	}
#define ROW_JSON(help)                                                                             \
	{                                                                                          \
		"json", 0, NULL, help, take_json                                                   \
	}
#define ROW_CARRIER                                                                                \
	{                                                                                          \
		"carrier", 0, "C", "carry messages by C: direct, indirect or fifo", take_carrier   \
	}
#define ROW_EVENTS                                                                                 \
	{                                                                                          \
		"events", 0, "E",                                                                  \
			"learn of events by E: poll, notify, indirect or fifo\n"                   \
			"(default of both: the best that both sides offer; direct\n"               \
			"messages go with all of E, the other carriers with their own)",           \
			take_events                                                                \
	}
#define ROW_CHECK_CONTRACT                                                                         \
	{                                                                                          \
		"check-contract", 0, NULL,                                                         \
			"look on at the queues, and report on standard error whatever\n"           \
			"breaks the rules of shared memory: who, queue, descriptor,\n"             \
			"address",                                                                 \
			take_check_contract                                                        \
	}
#define ROW_QUIRK                                                                                  \
	{                                                                                          \
		"quirk", 0, "NAME",                                                                \
			"put up with what an implementation does against the rules; may\n"         \
			"be given several times; 'help' lists them",                               \
			take_quirk                                                                 \
	}

#endif
