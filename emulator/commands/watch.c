/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands/watch.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "commands/report.h"

#define PERIOD_NS UINT64_C(1000000000)
/* Cursor to the top, then everything below it goes. */
#define TOP_OF_SCREEN "\033[H\033[J"

enum { OPTION_JSON = 256, OPTION_WATCH };

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* 0, or an exit status + 1 to leave with. */
static int parse(struct watch *watch, int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket-path", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "watch", optional_argument, NULL, OPTION_WATCH },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":s:h", options, NULL)) != -1) {
		int status = 0;
		switch (option) {
		case 's':
			watch->socket_path = optarg;
			break;
		case OPTION_JSON:
			watch->json = true;
			break;
		case OPTION_WATCH:
			watch->period_ns = PERIOD_NS;
			status = optarg ? option_seconds("--watch", optarg, &watch->period_ns) : 0;
			break;
		case 'h':
			fputs(watch->help, stdout);
			return VMSG_EXIT_DONE + 1;
		default:
			status = option_unknown(option, argv);
			break;
		}
		if (status != 0) {
			return status + 1;
		}
	}
	return optind < argc ? report_usage("unexpected argument '%s'", argv[optind]) + 1 : 0;
}

static int show_until_stopped(const struct watch *watch, struct control *control)
{
	const bool is_screen = !watch->json && isatty(STDOUT_FILENO);

	while (!stop) {
		if (is_screen) {
			fputs(TOP_OF_SCREEN, stdout);
		}
		if (watch->show(control, watch->json) != 0) {
			return -1;
		}
		if (!watch->json && !is_screen) {
			putchar('\n');
		}
		fflush(stdout);
		(void)poll(NULL, 0, (int)(watch->period_ns / 1000000));
	}
	return 0;
}

int watch_run(struct watch *watch, int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	char why[256];

	report_init(watch->command);
	const int leave = parse(watch, argc, argv);
	if (leave != 0) {
		return leave - 1;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	struct control *control = control_open(watch->socket_path, why, sizeof(why));
	if (!control) {
		report_problem("%s", why);
		return VMSG_EXIT_FAILED;
	}
	const int result = watch->period_ns ? show_until_stopped(watch, control)
					    : watch->show(control, watch->json);
	control_close(control);
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
