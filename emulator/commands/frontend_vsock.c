/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu frontend vsock: standard input and output as a stream to or from the host. */
#include <unistd.h>

#include "commands/commands.h"
#include "commands/frontend.h"
#include "commands/report.h"
#include "commands/vsock_driver.h"

static int run(const struct frontend_settings *settings, bool is_listening)
{
	struct session_options options = settings->session;
	const struct vsock_settings vsock = {
		.port = settings->port,
		.is_listening = is_listening,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
	};
	int result = -1;

	if (settings->port == 0) {
		return report_usage("--port N is missing");
	}
	options.stop = frontend_catch_signals();
	struct session *session = session_open(&options);
	if (session) {
		result = vsock_driver_run(session, &vsock);
		session_close(session);
	}
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}

int frontend_vsock_connect(const struct frontend_settings *settings)
{
	return run(settings, false);
}

int frontend_vsock_listen(const struct frontend_settings *settings)
{
	return run(settings, true);
}
