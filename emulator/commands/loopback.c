/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu loopback: manager and backend as children, this process as the frontend, on a
 * private socket. Whatever happens, the children are stopped and the directory is removed.
 */
#include "commands/loopback.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/blk_driver.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "commands/processes.h"
#include "commands/report.h"
#include "commands/rng_driver.h"
#include "devices/settings.h"

#define DEVICES_MAX        16
#define DIRECTORY_SIZE     64
#define SOCKET_SIZE        (DIRECTORY_SIZE + 8)
#define DEFAULT_TIMEOUT_NS UINT64_C(5000000000)
#define PROCESS_TIMEOUT_NS UINT64_C(10000000000)
#define PAGE_SIZE          4096u
#define OUTPUT_NAME_SIZE   16

enum {
	OPTION_DEVICE = 256,
	OPTION_PROFILE,
	OPTION_FRONTEND_PROFILE,
	OPTION_CARRIER,
	OPTION_EVENTS,
	OPTION_BACKEND_PROFILE,
	OPTION_TIMEOUT,
	OPTION_JSON,
	OPTION_TRACE,
	OPTION_PCAP,
	OPTION_AREAS,
};

struct settings {
	const char *devices[DEVICES_MAX];
	size_t device_count;
	const struct vmsg_profile *frontend_profile;
	const struct vmsg_profile *backend_profile;
	struct ways ways;
	uint64_t timeout_ns;
	const char *trace;
	const char *pcap;
	bool json;
	bool on_demand; /* --areas */
};

static const char help[] =
	"usage: vmsg-ffa-emu loopback --device DEVICE... [OPTION...]\n"
	"\n"
	"The main job on one machine: starts a partition manager and a backend, becomes the\n"
	"frontend, and moves data through virtio over virtio-msg over FF-A. A disk is read whole\n"
	"and compared with its image by checksum; a part is rewritten, read again and restored.\n"
	"\n"
	"      --device DEVICE      as for 'backend': blk,path=FILE[,...] or rng; may be repeated\n"
	"      --profile P          frontend and backend speak only revision P: r0, r1, r1-a16,\n"
	"                           r2a, r2b or r3 (default: they negotiate, newest first)\n"
	"      --frontend-profile P, --backend-profile P\n"
	"                           only one of them is forced\n" WAYS_HELP AREAS_HELP
	"      --timeout S          as for 'frontend' (default 5)\n"
	"      --trace FILE, --pcap FILE\n"
	"                           what crosses the manager, as for 'serve'; - is standard "
	"output\n"
	"      --json               the result as one JSON object\n"
	"  -h, --help               this text\n"
	"      --version            the version of the program\n"
	"\n"
	"Exit status: 0 everything held, 1 something did not (standard error says what), 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu loopback --device blk,path=disk.img --device rng\n";

static volatile bool stop;

static void on_signal(int number)
{
	(void)number;
	stop = true;
}

/* ---- command line ---- */

static int take(struct settings *settings, int option, char **argv)
{
	int status = 0;

	switch (option) {
	case OPTION_DEVICE:
		if (settings->device_count == DEVICES_MAX) {
			status = report_usage("--device '%s' is one too many: %d are possible",
					      optarg, DEVICES_MAX);
		} else {
			settings->devices[settings->device_count++] = optarg;
		}
		break;
	case OPTION_PROFILE:
		status = option_profile("--profile", optarg, &settings->frontend_profile);
		settings->backend_profile = settings->frontend_profile;
		break;
	case OPTION_FRONTEND_PROFILE:
		status = option_profile("--frontend-profile", optarg, &settings->frontend_profile);
		break;
	case OPTION_BACKEND_PROFILE:
		status = option_profile("--backend-profile", optarg, &settings->backend_profile);
		break;
	case OPTION_CARRIER:
		status = option_carrier(optarg, &settings->ways);
		break;
	case OPTION_EVENTS:
		status = option_events(optarg, &settings->ways);
		break;
	case OPTION_AREAS:
		status = option_areas(optarg, &settings->on_demand);
		break;
	case OPTION_TIMEOUT:
		status = option_seconds("--timeout", optarg, &settings->timeout_ns);
		break;
	case OPTION_JSON:
		settings->json = true;
		break;
	case OPTION_TRACE:
		settings->trace = optarg;
		break;
	case OPTION_PCAP:
		settings->pcap = optarg;
		break;
	case 'h':
		fputs(help, stdout);
		return VMSG_EXIT_DONE + 1;
	default:
		status = option_unknown(option, argv);
		break;
	}
	return status ? status + 1 : 0;
}

static int parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, OPTION_DEVICE },
		{ "profile", required_argument, NULL, OPTION_PROFILE },
		{ "frontend-profile", required_argument, NULL, OPTION_FRONTEND_PROFILE },
		{ "backend-profile", required_argument, NULL, OPTION_BACKEND_PROFILE },
		{ "carrier", required_argument, NULL, OPTION_CARRIER },
		{ "events", required_argument, NULL, OPTION_EVENTS },
		{ "areas", required_argument, NULL, OPTION_AREAS },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "trace", required_argument, NULL, OPTION_TRACE },
		{ "pcap", required_argument, NULL, OPTION_PCAP },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		const int leave = take(settings, option, argv);
		if (leave != 0) {
			return leave;
		}
	}
	if (optind < argc) {
		return report_usage("unexpected argument '%s'", argv[optind]) + 1;
	}
	if (settings->device_count == 0) {
		return report_usage("no --device given") + 1;
	}
	const int refused = ways_check(&settings->ways, settings->frontend_profile);
	return refused != 0 ? refused + 1 : 0;
}

/* The file behind the first disk. Whether the options are good is for the backend to say. */
static bool find_image(const struct settings *settings, char path[DEVICE_VALUE_SIZE])
{
	char key[DEVICE_KEY_SIZE];

	for (size_t i = 0; i < settings->device_count; i++) {
		const char *list = settings->devices[i];
		if (strncmp(list, "blk,", 4) != 0) {
			continue;
		}
		list += 4;
		while (list && *list) {
			list = device_option(list, key, path);
			if (strcmp(key, "path") == 0) {
				return true;
			}
		}
	}
	return false;
}

static bool has_rng(const struct settings *settings)
{
	for (size_t i = 0; i < settings->device_count; i++) {
		if (strncmp(settings->devices[i], "rng", 3) == 0) {
			return true;
		}
	}
	return false;
}

/* ---- processes ---- */

static int start_backend(struct process *backend, const struct settings *settings,
			 const char *socket_path)
{
	const char *argv[12 + 2 * DEVICES_MAX] = { "backend", "-s", socket_path };
	size_t count = 3;

	if (settings->ways.carriers) {
		argv[count++] = "--carrier";
		argv[count++] = ways_carrier(settings->ways.carriers);
	}
	if (settings->ways.events) {
		argv[count++] = "--events";
		argv[count++] = ways_events(settings->ways.events);
	}
	if (settings->backend_profile) {
		argv[count++] = "--profile";
		argv[count++] = settings->backend_profile->name;
	}
	for (size_t i = 0; i < settings->device_count; i++) {
		argv[count++] = "--device";
		argv[count++] = settings->devices[i];
	}
	if (process_start(backend, argv) < 0) {
		return -1;
	}
	return process_await(backend, "ready:", PROCESS_TIMEOUT_NS);
}

/* The manager's own standard output is a pipe to us, so ours gets another number for it. */
static const char *inherit_output(const char *path, char name[OUTPUT_NAME_SIZE], int *fd)
{
	if (!path || strcmp(path, "-") != 0) {
		return path;
	}
	*fd = *fd >= 0 ? *fd : dup(STDOUT_FILENO);
	snprintf(name, OUTPUT_NAME_SIZE, "fd:%d", *fd);
	return name;
}

static int start_manager(struct process *manager, const struct settings *settings,
			 const char *socket_path)
{
	const char *argv[8] = { "serve", "-s", socket_path };
	char names[2][OUTPUT_NAME_SIZE];
	size_t count = 3;
	int fd = -1;

	if (settings->trace) {
		argv[count++] = "--trace";
		argv[count++] = inherit_output(settings->trace, names[0], &fd);
	}
	if (settings->pcap) {
		argv[count++] = "--pcap";
		argv[count++] = inherit_output(settings->pcap, names[1], &fd);
	}
	const int result = process_start(manager, argv);
	if (fd >= 0) {
		close(fd);
	}
	return result < 0 ? -1 : process_await(manager, "listening", PROCESS_TIMEOUT_NS);
}

static int run_frontend(const struct settings *settings, const char *socket_path,
			const struct process *manager, const struct process *backend)
{
	char image[DEVICE_VALUE_SIZE];
	const uint32_t blk_size = settings->on_demand ? BLK_POOL_SIZE_BUFFERS : BLK_POOL_SIZE;
	const uint32_t pool_size = blk_size > RNG_POOL_SIZE ? blk_size : RNG_POOL_SIZE;
	const struct session_options options = {
		.socket_path = socket_path,
		.profile = settings->frontend_profile,
		.ways = settings->ways,
		.timeout_ns = settings->timeout_ns,
		.pool_size = (pool_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1),
		.buffer_count = settings->on_demand ? BLK_DEPTH : 0,
		.buffer_size = BLK_REQUEST_SIZE,
		.stop = &stop,
	};
	const struct loopback_job job = {
		.json = settings->json,
		.image = find_image(settings, image) ? image : NULL,
		.has_rng = has_rng(settings),
		.manager = manager->pid,
		.backend = backend->pid,
	};

	struct session *session = session_open(&options);
	if (!session) {
		return -1;
	}
	const int result = loopback_run_job(&job, session);
	session_close(session);
	return result;
}

/* The exit status. */
static int run_all(const struct settings *settings, const char *socket_path)
{
	struct process manager = { .name = NULL };
	struct process backend = { .name = NULL };
	int result = -1;

	if (start_manager(&manager, settings, socket_path) == 0 &&
	    start_backend(&backend, settings, socket_path) == 0) {
		result = run_frontend(settings, socket_path, &manager, &backend);
	}
	if (process_stop(&backend, PROCESS_TIMEOUT_NS) < 0) {
		result = -1;
	}
	if (process_stop(&manager, PROCESS_TIMEOUT_NS) < 0) {
		result = -1;
	}
	if (backend.status == VMSG_EXIT_USAGE) {
		return VMSG_EXIT_USAGE; /* a --device that is none */
	}
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}

/* Where temporary things go, if the name of a socket fits in there. */
static void name_directory(char directory[DIRECTORY_SIZE])
{
	static const char name[] = "vmsg-ffa-emu-loopback-XXXXXX";
	const char *where = getenv("TMPDIR");

	if (!where || !*where || strlen(where) + sizeof(name) >= DIRECTORY_SIZE) {
		where = "/tmp";
	}
	snprintf(directory, DIRECTORY_SIZE, "%s/%s", where, name);
}

int vmsg_command_loopback(int argc, char **argv)
{
	struct settings settings = { .timeout_ns = DEFAULT_TIMEOUT_NS };
	struct sigaction action = { .sa_handler = on_signal };
	char directory[DIRECTORY_SIZE];
	char socket_path[SOCKET_SIZE];

	report_init("loopback");
	const int leave = parse(argc, argv, &settings);
	if (leave != 0) {
		return leave - 1;
	}
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	name_directory(directory);
	if (!mkdtemp(directory)) {
		report_problem("%s: %s", directory, strerror(errno));
		return VMSG_EXIT_FAILED;
	}
	snprintf(socket_path, sizeof(socket_path), "%s/sock", directory);
	const int status = run_all(&settings, socket_path);
	unlink(socket_path); /* if the manager could not */
	rmdir(directory);
	if (!settings.json) {
		printf("\n%s\n", status == VMSG_EXIT_DONE ? "Passed: all of it held."
							  : "FAILED: standard error says what.");
	}
	return status;
}
