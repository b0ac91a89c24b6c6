/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu frontend console: the port as this terminal, or between pipes. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/console_driver.h"
#include "commands/frontend.h"
#include "commands/report.h"

#define ESCAPE 0x1d /* Ctrl-] */

int frontend_console(const struct frontend_settings *settings)
{
	struct session_options options = settings->session;
	struct console_settings console = {
		.port = settings->port,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.escape = -1,
	};
	struct termios before;
	const bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	int result = -1;

	options.stop = frontend_catch_signals();
	struct session *session = session_open(&options);
	if (!session) {
		return VMSG_EXIT_FAILED;
	}
	if (is_terminal) {
		struct termios raw = before;
		fprintf(stderr, "port %u of a console of partition 0x%04x; Ctrl-] leaves\n",
			console.port, session->peer);
		cfmakeraw(&raw);
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
		console.escape = ESCAPE;
	}
	result = console_driver_run(session, &console);
	session_close(session);
	if (is_terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
		fputc('\n', stderr);
	}
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
