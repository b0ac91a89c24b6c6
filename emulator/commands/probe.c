/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu probe: which dialect a running device partition speaks and whose it resembles. The
 * questions and the judgement are emulator/probe's; here they are carried, and told.
 */
#include "probe/probe.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands/command_line.h"
#include "commands/commands.h"
#include "commands/json.h"
#include "commands/options.h"
#include "commands/report.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/pump.h"

#define PAGE_SIZE          4096u
#define PARTITIONS_MAX     64
#define DEFAULT_TIMEOUT_NS UINT64_C(2000000000)
#define PATIENCE_NS        UINT64_C(2000000000) /* for a manager that is just starting */
#define RETRY_NS           20000000L
#define BUSY_NS            200000L

struct prober {
	struct shared_settings shared;
	uint16_t partition; /* 0: all that offer devices */
	bool all;
	struct vmsg_emu *emu;
	struct vmsg_emu_bank bank;
	struct vmsg_endpoint endpoint;
	uint16_t peer;
};

/* ---- command line ---- */

static int take_partition(void *settings, const char *text)
{
	struct prober *prober = settings;

	return option_id("--partition", text, &prober->partition);
}

static int take_all(void *settings, const char *text)
{
	struct prober *prober = settings;

	(void)text;
	prober->all = true;
	return 0;
}

static const struct command_option option_rows[] = {
	{ "partition", 0, "ID", "probe partition ID only (default: every one that offers devices)",
	  take_partition },
	ROW_SOCKET_PATH,
	ROW_ID("be partition ID, such as 0x0002 (default: the first free VM)"),
	ROW_TIMEOUT("give a partition up that does not answer a message within S\n"
		    "seconds (default 2)"),
	{ "all", 0, NULL, "try every revision, not only down to the first that is agreed on",
	  take_all },
	ROW_JSON("one JSON object per partition"),
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct command_line command_line = {
	.begin = "usage: vmsg-ffa-emu probe [OPTION...]\n"
		 "\n"
		 "Asks running device partitions what a driver would ask first, and tells which "
		 "revision of\n"
		 "virtio-msg over FF-A they speak, which known implementation they resemble, and "
		 "why. Reads\n"
		 "only; a bus that it has brought up is reset again, as a driver does when it "
		 "leaves.\n"
		 "\n",
	.options = option_rows,
	.end = "\n"
	       "Lines marked '=' are as in the implementation named, '!' unlike it; the others say "
	       "nothing\n"
	       "about it. Exit status: 0 every partition speaks a known revision, 1 one does not, "
	       "2 usage.\n"
	       "\n"
	       "Example: vmsg-ffa-emu probe --partition 0x8001\n",
};

static int parse(int argc, char **argv, struct prober *prober)
{
	const int leave = command_line_parse(&command_line, argc, argv, prober);

	if (leave != 0) {
		return leave;
	}
	return optind < argc ? report_usage("unexpected argument '%s'", argv[optind]) + 1 : 0;
}

/* ---- carrying ---- */

static int exchange(void *context, struct vmsg_bytes frame, uint8_t answer[VMSG_FRAME_SIZE_MAX])
{
	static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;
	struct prober *prober = context;

	const struct timespec pause = { .tv_nsec = BUSY_NS };
	const uint64_t deadline_ns = report_now() + prober->shared.timeout_ns;
	int result;

	/* busy with somebody else, or for some reason of its own */
	while ((result = vmsg_endpoint_send_direct2(&prober->endpoint, prober->peer, &device_role,
						    frame, deadline_ns, answer)) ==
		       VMSG_ERROR_AGAIN &&
	       report_now() < deadline_ns) {
		nanosleep(&pause, NULL);
	}
	return result;
}

static int join(struct prober *prober)
{
	const struct timespec retry = { .tv_nsec = RETRY_NS };
	const uint64_t end_ns = report_now() + PATIENCE_NS;
	struct vmsg_emu_options options = {
		.socket_path = prober->shared.socket_path,
		.id = prober->shared.id,
		.banks = &prober->bank,
		.bank_count = 1,
	};
	char why[256];
	int result;

	prober->bank.size = (uint64_t)2 * PAGE_SIZE;
	while ((result = vmsg_emu_connect(&prober->emu, &options, why, sizeof(why))) ==
		       VMSG_ERROR_NOT_FOUND &&
	       report_now() < end_ns) {
		nanosleep(&retry, NULL);
	}
	if (result < 0) {
		report_problem("%s", why);
		return -1;
	}
	const struct vmsg_conduit conduit = vmsg_emu_conduit(prober->emu);
	const struct vmsg_buffer tx = { prober->bank.data, prober->bank.address };
	const struct vmsg_buffer rx = { prober->bank.data + PAGE_SIZE,
					prober->bank.address + PAGE_SIZE };
	result = vmsg_endpoint_init(&prober->endpoint, &conduit, tx, rx, 1);
	if (result < 0) {
		report_problem("the manager refuses partition 0x%04x: %s, %s",
			       vmsg_emu_id(prober->emu), vmsg_error_text(result),
			       vmsg_ffa_status_name(prober->endpoint.status));
		return -1;
	}
	return 0;
}

/* ---- telling ---- */

static const char *why_silent(const struct prober *prober, int error, char text[96])
{
	if (error == VMSG_ERROR_TIMEOUT) {
		snprintf(text, 96, "it has not answered within %g s",
			 (double)prober->shared.timeout_ns / 1e9);
	} else if (error == VMSG_ERROR_PEER) {
		snprintf(text, 96, "the manager answers %s",
			 vmsg_ffa_status_name(prober->endpoint.status));
	} else {
		snprintf(text, 96, "%s", vmsg_error_text(error));
	}
	return text;
}

static void tell_text(const struct prober *prober, const struct probe *probe)
{
	static const char marks[] = { ' ', '=', '!' };
	char text[96];

	printf("partition 0x%04x speaks %s", prober->peer,
	       probe->profile ? probe->profile->name : "no known revision");
	for (int id = VMSG_PROFILE_COUNT - 1; probe->all && id >= 0; id--) {
		if (probe->speaks[id] && vmsg_profile((enum vmsg_profile_id)id) != probe->profile) {
			printf(", %s", vmsg_profile((enum vmsg_profile_id)id)->name);
		}
	}
	if (probe->resembles) {
		printf(" and resembles %s (%u of %u signs)", probe->resembles, probe->matched,
		       probe->of);
	} else if (probe->nearest) {
		printf(" and resembles no known implementation; the nearest is %s (%u of %u signs)",
		       probe->nearest, probe->matched, probe->of);
	} else if (probe->profile) {
		printf(" and resembles no known implementation");
	}
	putchar('\n');
	for (int i = 0; i < PROBE_FACT_COUNT; i++) {
		if (probe->facts[i].known) {
			printf("  %c %s\n", marks[probe->marks[i]], probe->facts[i].text);
		}
	}
	if (probe->error < 0) {
		printf("    given up after %" PRIu32 " messages: %s\n", probe->exchanges,
		       why_silent(prober, probe->error, text));
	}
}

static void tell_json(const struct prober *prober, const struct probe *probe)
{
	static const char *const marks[] = { "none", "same", "other" };
	struct json json = { .comma = false };
	char text[96];

	json_open(&json, NULL, '{');
	json_format(&json, "partition", "0x%04x", prober->peer);
	json_text(&json, "profile", probe->profile ? probe->profile->name : "");
	json_open(&json, "speaks", '[');
	for (int id = VMSG_PROFILE_COUNT - 1; id >= 0; id--) {
		if (probe->speaks[id]) {
			json_text(&json, NULL, vmsg_profile((enum vmsg_profile_id)id)->name);
		}
	}
	json_close(&json, ']');
	json_text(&json, "resembles", probe->resembles ? probe->resembles : "");
	json_text(&json, "nearest", probe->nearest ? probe->nearest : "");
	json_number(&json, "matched", probe->matched);
	json_number(&json, "of", probe->of);
	json_number(&json, "messages", probe->exchanges);
	json_text(&json, "error", probe->error < 0 ? why_silent(prober, probe->error, text) : "");
	json_open(&json, "evidence", '[');
	for (int i = 0; i < PROBE_FACT_COUNT; i++) {
		if (probe->facts[i].known) {
			json_open(&json, NULL, '{');
			json_text(&json, "fact", probe_fact_name((enum probe_fact_id)i));
			json_number(&json, "value", probe->facts[i].value);
			json_text(&json, "mark", marks[probe->marks[i]]);
			json_text(&json, "text", probe->facts[i].text);
			json_close(&json, '}');
		}
	}
	json_close(&json, ']');
	json_close(&json, '}');
	json_end(&json);
}

/* ---- the job ---- */

/* True when it speaks something known. */
static bool probe_one(struct prober *prober, uint16_t peer)
{
	struct probe probe = {
		.exchange = exchange,
		.context = prober,
		.ffa_version = prober->endpoint.ffa_version,
		.all = prober->all,
	};

	prober->peer = peer;
	probe_run(&probe);
	if (prober->shared.json) {
		tell_json(prober, &probe);
	} else {
		tell_text(prober, &probe);
	}
	return probe.profile != NULL;
}

static int probe_all(struct prober *prober)
{
	static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;
	struct vmsg_ffa_partition_info found[PARTITIONS_MAX];
	const int count =
		vmsg_endpoint_discover(&prober->endpoint, &device_role, found, PARTITIONS_MAX);
	bool all_known = true;
	unsigned int asked = 0;

	if (count < 0) {
		report_problem("discovery fails: %s, %s", vmsg_error_text(count),
			       vmsg_ffa_status_name(prober->endpoint.status));
		return VMSG_EXIT_FAILED;
	}
	for (int i = 0; i < count && i < PARTITIONS_MAX; i++) {
		/* of the built-in system, VMs are frontends as a rule: they are asked by name */
		if (found[i].id != prober->endpoint.id && found[i].id >> 15 &&
		    found[i].properties & VMSG_FFA_PROPERTY_DIRECT2_RECEIVE) {
			all_known &= probe_one(prober, found[i].id);
			asked++;
		}
	}
	if (asked == 0) {
		report_problem("no secure partition offers virtio devices; is a backend running?");
	}
	return asked > 0 && all_known ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}

int vmsg_command_probe(int argc, char **argv)
{
	struct prober prober = { .shared.timeout_ns = DEFAULT_TIMEOUT_NS };
	int status = VMSG_EXIT_FAILED;

	report_init("probe");
	const int leave = parse(argc, argv, &prober);
	if (leave != 0) {
		return leave - 1;
	}
	if (join(&prober) == 0) {
		if (prober.partition == 0) {
			status = probe_all(&prober);
		} else {
			status = probe_one(&prober, prober.partition) ? VMSG_EXIT_DONE
								      : VMSG_EXIT_FAILED;
		}
		if (!vmsg_emu_is_lost(prober.emu)) {
			vmsg_endpoint_close(&prober.endpoint);
		} else {
			report_problem("the manager is gone: %s", vmsg_emu_lost_reason(prober.emu));
			status = VMSG_EXIT_FAILED;
		}
	}
	vmsg_emu_close(prober.emu);
	return status;
}
