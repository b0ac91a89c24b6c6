/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu loopback: manager and backend as children, this process as the frontend, on a
 * private socket. Whatever happens, the children are stopped and the directory is removed.
 */
#include "commands/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/areas.h"
#include "commands/blk_driver.h"
#include "commands/command_line.h"
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
#define OUTPUT_NAME_SIZE   16
#define WINDOW_PATH_SIZE   (SOCKET_SIZE + 8)
#define WINDOW_SIZE        (WINDOW_PATH_SIZE + 64) /* of what says where it is */
#define WINDOW_ADDRESS     0x90000000u /* of memory that both sides have from the start */

struct settings {
	struct shared_settings shared; /* the profile is the frontend's */
	const char *devices[DEVICES_MAX];
	size_t device_count;
	const struct vmsg_profile *backend_profile;
	const char *trace;
	const char *pcap;
	struct areas areas;
};

static volatile bool stop;

static void on_signal(int number)
{
	(void)number;
	stop = true;
}

/* ---- command line ---- */

static int take_device(void *context, const char *text)
{
	struct settings *settings = context;

	if (settings->device_count == DEVICES_MAX) {
		return report_usage("--device '%s' is one too many: %d are possible", text,
				    DEVICES_MAX);
	}
	settings->devices[settings->device_count++] = text;
	return 0;
}

static int take_both_profiles(void *context, const char *text)
{
	struct settings *settings = context;
	const int status = take_profile(&settings->shared, text);

	settings->backend_profile = settings->shared.profile;
	return status;
}

static int take_frontend_profile(void *context, const char *text)
{
	struct settings *settings = context;

	return option_profile("--frontend-profile", text, &settings->shared.profile);
}

static int take_backend_profile(void *context, const char *text)
{
	struct settings *settings = context;

	return option_profile("--backend-profile", text, &settings->backend_profile);
}

static int take_areas(void *context, const char *text)
{
	struct settings *settings = context;

	if (strcmp(text, "static") == 0) {
		settings->areas.kind = AREAS_STATIC;
		return 0;
	}
	if (strncmp(text, "static,", 7) == 0) {
		return report_usage("--areas is '%s', but it is loopback that makes the memory: "
				    "static",
				    text);
	}
	return option_areas(text, &settings->areas);
}

static int take_trace(void *context, const char *text)
{
	struct settings *settings = context;

	settings->trace = text;
	return 0;
}

static int take_pcap(void *context, const char *text)
{
	struct settings *settings = context;

	settings->pcap = text;
	return 0;
}

static const struct command_option option_rows[] = {
	{ "device", 0, "DEVICE", "as for 'backend': blk,path=FILE[,...] or rng; may be repeated",
	  take_device },
	{ "profile", 0, "P",
	  "frontend and backend speak only revision P: r0, r1, r1-a16,\n"
	  "r2a, r2b or r3 (default: they negotiate, newest first)",
	  take_both_profiles },
	{ "frontend-profile", 0, "P", "", take_frontend_profile },
	{ "backend-profile", 0, "P", "only one of them is forced", take_backend_profile },
	ROW_CARRIER,
	ROW_EVENTS,
	{ "areas", 0, "A",
	  "as for 'frontend': pool, demand; static, on memory that both\n"
	  "have from the start (profiles r0 and r1)",
	  take_areas },
	ROW_TIMEOUT("as for 'frontend' (default 5)"),
	{ "trace", 0, "FILE", "", take_trace },
	{ "pcap", 0, "FILE", "what crosses the manager, as for 'serve'; - is standard output",
	  take_pcap },
	ROW_JSON("the result as one JSON object"),
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct command_line command_line = {
	.begin =
		"usage: vmsg-ffa-emu loopback --device DEVICE... [OPTION...]\n"
		"\n"
		"The main job on one machine: starts a partition manager and a backend, becomes "
		"the\n"
		"frontend, and moves data through virtio over virtio-msg over FF-A. A disk is read "
		"whole\n"
		"and compared with its image by checksum; a part is rewritten, read again and "
		"restored.\n"
		"\n",
	.options = option_rows,
	.end = "\n"
	       "Exit status: 0 everything held, 1 something did not (standard error says what), 2 "
	       "usage.\n"
	       "\n"
	       "Example: vmsg-ffa-emu loopback --device blk,path=disk.img --device rng\n",
};

static int parse(int argc, char **argv, struct settings *settings)
{
	const int leave = command_line_parse(&command_line, argc, argv, settings);

	if (leave != 0) {
		return leave;
	}
	if (optind < argc) {
		return report_usage("unexpected argument '%s'", argv[optind]) + 1;
	}
	if (settings->device_count == 0) {
		return report_usage("no --device given") + 1;
	}
	if (settings->areas.kind == AREAS_STATIC && settings->shared.profile &&
	    !areas_may_be_static(settings->shared.profile)) {
		return report_usage("profile %s has no plain addresses: --areas static goes with "
				    "r0 and r1",
				    settings->shared.profile->name) +
		       1;
	}
	const int refused = ways_check(&settings->shared.ways, settings->shared.profile);
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

static void name_window(const char *socket_path, char path[WINDOW_PATH_SIZE])
{
	snprintf(path, WINDOW_PATH_SIZE, "%s.ram", socket_path);
}

static int start_backend(struct process *backend, const struct settings *settings,
			 const char *socket_path)
{
	const char *argv[14 + 2 * DEVICES_MAX] = { "backend", "-s", socket_path };
	size_t count = 3;
	char path[WINDOW_PATH_SIZE];
	char window[WINDOW_SIZE];

	if (settings->shared.ways.carriers) {
		argv[count++] = "--carrier";
		argv[count++] = ways_carrier(settings->shared.ways.carriers);
	}
	if (settings->shared.ways.events) {
		argv[count++] = "--events";
		argv[count++] = ways_events(settings->shared.ways.events);
	}
	if (settings->backend_profile) {
		argv[count++] = "--profile";
		argv[count++] = settings->backend_profile->name;
	}
	if (settings->areas.kind == AREAS_STATIC) {
		name_window(socket_path, path);
		snprintf(window, sizeof(window), "linux-rfc1-window,address=0x%x,path=%s",
			 WINDOW_ADDRESS, path);
		argv[count++] = "--quirk";
		argv[count++] = window;
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

/* Memory that both sides have, as a file next to the socket. */
static int make_window(struct areas *areas, const char *socket_path)
{
	char parameters[WINDOW_SIZE];
	char path[WINDOW_PATH_SIZE];

	name_window(socket_path, path);
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const bool is_made = fd >= 0 && ftruncate(fd, blk_driver_need.pool_size) == 0;
	if (!is_made) {
		report_problem("%s: %s", path, strerror(errno));
	}
	if (fd >= 0) {
		close(fd);
	}
	if (!is_made) {
		return VMSG_EXIT_FAILED;
	}
	snprintf(parameters, sizeof(parameters), "address=0x%x,path=%s", WINDOW_ADDRESS, path);
	return option_window("--areas static", parameters, &areas->window.address, &areas->segment);
}

static int run_frontend(const struct settings *settings, const char *socket_path,
			const struct process *manager, const struct process *backend)
{
	char image[DEVICE_VALUE_SIZE];
	struct session_options options = {
		.socket_path = socket_path,
		.profile = settings->shared.profile,
		.ways = settings->shared.ways,
		.timeout_ns = settings->shared.timeout_ns,
		.stop = &stop,
	};
	const struct loopback_job job = {
		.json = settings->shared.json,
		.image = find_image(settings, image) ? image : NULL,
		.has_rng = has_rng(settings),
		.manager = manager->pid,
		.backend = backend->pid,
	};

	struct areas areas = settings->areas;
	if (areas_plan(&areas, &blk_driver_need, &options) != 0) { /* enough for rng, too */
		return -1;
	}
	struct session *session = session_open(&options);
	if (!session) {
		return -1;
	}
	const int result = loopback_run_job(&job, session);
	session_close(session);
	return result;
}

/* The exit status. */
static int run_all(struct settings *settings, const char *socket_path)
{
	struct process manager = { .name = NULL };
	struct process backend = { .name = NULL };
	int result = -1;

	if (settings->areas.kind == AREAS_STATIC &&
	    make_window(&settings->areas, socket_path) != 0) {
		return VMSG_EXIT_FAILED;
	}
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
	struct settings settings = { .shared.timeout_ns = DEFAULT_TIMEOUT_NS };
	struct sigaction action = { .sa_handler = on_signal };
	char directory[DIRECTORY_SIZE];
	char socket_path[SOCKET_SIZE];
	char window_path[WINDOW_PATH_SIZE];

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
	name_window(socket_path, window_path);
	unlink(window_path);
	rmdir(directory);
	if (!settings.shared.json) {
		printf("\n%s\n", status == VMSG_EXIT_DONE ? "Passed: all of it held."
							  : "FAILED: standard error says what.");
	}
	return status;
}
