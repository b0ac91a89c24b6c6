/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu frontend net: the device's network on a TAP interface or a socket of this side. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "commands/commands.h"
#include "commands/frontend.h"
#include "commands/json.h"
#include "commands/net_driver.h"
#include "commands/report.h"

static int open_link(const struct frontend_settings *settings, struct link *link)
{
	char why[256];

	if ((settings->tap ? link_open_tap(link, settings->tap, false, why, sizeof(why))
			   : link_open_socket(link, settings->socket, why, sizeof(why))) < 0) {
		report_problem("--%s", why);
		return -1;
	}
	return 0;
}

static void tell(const struct frontend_settings *settings, const struct net_counts *counts)
{
	if (settings->json) {
		struct json json = { .comma = false };
		json_open(&json, NULL, '{');
		json_text(&json, "job", "net");
		json_number(&json, "sent", counts->sent);
		json_number(&json, "received", counts->received);
		json_number(&json, "dropped", counts->dropped);
		json_close(&json, '}');
		json_end(&json);
		return;
	}
	printf("%" PRIu64 " frames sent, %" PRIu64 " received, %" PRIu64 " dropped\n", counts->sent,
	       counts->received, counts->dropped);
}

int frontend_net(const struct frontend_settings *settings)
{
	static struct link link;
	struct session_options options = settings->session;
	struct net_counts counts = { 0 };
	int result = -1;

	if (!settings->tap == !settings->socket) {
		return report_usage("needs one of --tap NAME and --socket PATH");
	}
	options.stop = frontend_catch_signals();
	if (open_link(settings, &link) < 0) {
		return VMSG_EXIT_FAILED;
	}
	struct session *session = session_open(&options);
	if (session) {
		result = net_driver_run(session, &link, &counts);
		session_close(session);
		tell(settings, &counts);
	}
	link_close(&link);
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}
