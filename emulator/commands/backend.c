/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmsg-ffa-emu backend: a partition that offers virtio devices. One thread: it waits in
 * FFA_MSG_WAIT and serves what comes. A signal sets a flag and interrupts the wait.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check/contract.h"
#include "commands/command_line.h"
#include "commands/commands.h"
#include "commands/device_loop.h"
#include "commands/json.h"
#include "commands/memory_watch.h"
#include "commands/names.h"
#include "commands/options.h"
#include "commands/quirks.h"
#include "commands/report.h"
#include "commands/ways.h"
#include "devices/devices.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"

#define DEVICES_MAX       DEVICE_LOOP_DEVICES_MAX
#define SPARE_SLOTS       16 /* for devices that are added later */
#define SESSIONS_MAX      8  /* peers at once */
#define AREAS_PER_SESSION VMSG_BUS_AREAS_MAX
#define PAGE_SIZE         4096u
#define PATIENCE_NS       UINT64_C(2000000000) /* for a manager that is just starting */
#define RETRY_NS          20000000L

struct backend {
	struct shared_settings shared;
	struct contract *contract; /* NULL: nobody checks */
	bool verbose;
	char *descriptions[DEVICES_MAX];
	struct emu_device *devices[DEVICES_MAX];
	struct vmsg_device_slot slots[DEVICES_MAX];
	size_t device_count; /* described on the command line */
	size_t slot_count;
	struct vmsg_device_session sessions[SESSIONS_MAX];
	struct vmsg_memory_area areas[SESSIONS_MAX * AREAS_PER_SESSION];
	struct vmsg_bus_device bus_devices[SESSIONS_MAX * DEVICES_MAX];
	struct vmsg_emu_bank bank;
	struct vmsg_endpoint endpoint;
	struct vmsg_device_pump pump;
	struct memory_watch memory;
};

/* What the signal handler may touch. */
static volatile bool stop;
static volatile bool must_refresh;
static struct vmsg_emu *volatile interruptible;

static void on_signal(int number)
{
	if (number == SIGHUP) {
		must_refresh = true;
	} else {
		stop = true;
	}
	if (interruptible) {
		(void)vmsg_emu_raise(interruptible);
	}
}

/* A program that has left, or a file that may not grow, is a device's error and not our end. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
}

/* ---- command line ---- */

static int add_device(struct backend *backend, const char *prefix, const char *text)
{
	char *description = NULL;

	if (backend->device_count == DEVICES_MAX) {
		return report_usage("--device '%s' is one too many: %d are possible", text,
				    DEVICES_MAX);
	}
	if (asprintf(&description, "%s%s", prefix, text) < 0) {
		report_problem("out of memory");
		return VMSG_EXIT_FAILED;
	}
	backend->descriptions[backend->device_count++] = description;
	return 0;
}

static int take_device(void *settings, const char *text)
{
	if (strcmp(text, "help") == 0) {
		for (size_t i = 0; emu_devices_help[i]; i++) {
			printf("%s%s", i > 0 ? "\n" : "", emu_devices_help[i]);
		}
		return COMMAND_LINE_LEAVE;
	}
	return add_device(settings, "", text);
}

static int take_vhost_user(void *settings, const char *text)
{
	return add_device(settings, "vhost-user,socket=", text);
}

static int take_verbose(void *settings, const char *text)
{
	struct backend *backend = settings;

	(void)text;
	backend->verbose = true;
	return 0;
}

static const struct command_option option_rows[] = {
	{ "device", 0, "DEVICE[,KEY=VALUE...]",
	  "a device, several times for several: blk, console, exercise,\n"
	  "net, rng, vhost-user or vsock; '--device help' lists their keys",
	  take_device },
	{ "vhost-user", 0, "PATH",
	  "a device whose queues the vhost-user daemon at PATH runs;\n"
	  "its type is blk unless told",
	  take_vhost_user },
	ROW_SOCKET_PATH,
	ROW_ID("be partition ID, such as 0x8002 (default: the first free\n"
	       "secure partition)"),
	ROW_CARRIER,
	ROW_EVENTS,
	ROW_PROFILE("speak only revision P: r0, r1, r1-a16, r2a, r2b or r3\n"
		    "(default: what the frontend speaks)"),
	ROW_CHECK_CONTRACT,
	ROW_QUIRK,
	ROW_JSON("one JSON object per event on standard output"),
	{ "verbose", 'v', NULL, "tell what frontends do", take_verbose },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct command_line command_line = {
	.begin = "usage: vmsg-ffa-emu backend [OPTION...] --device DEVICE...\n"
		 "\n"
		 "Becomes a partition that offers virtio devices through virtio-msg over FF-A, and "
		 "serves\n"
		 "frontends until SIGINT or SIGTERM.\n"
		 "\n",
	.options = option_rows,
	.end = "\n"
	       "Prints 'ready: ...' when frontends can come. Exit status: 0 stopped by a signal, 1 "
	       "it\n"
	       "could not start or the manager went away, 2 usage.\n"
	       "\n"
	       "Example: vmsg-ffa-emu backend --device blk,path=disk.img --device rng\n",
};

static int parse(int argc, char **argv, struct backend *backend)
{
	const int leave = command_line_parse(&command_line, argc, argv, backend);

	if (leave != 0) {
		return leave;
	}
	if (optind < argc) {
		return report_usage("unexpected argument '%s'", argv[optind]) + 1;
	}
	if (backend->device_count == 0) {
		return report_usage("no --device given") + 1;
	}
	const int refused = ways_check(&backend->shared.ways, backend->shared.profile);
	return refused != 0 ? refused + 1 : 0;
}

/* ---- telling ---- */

static void tell_ready(const struct backend *backend)
{
	if (backend->shared.json) {
		struct json json = { .comma = false };
		json_open(&json, NULL, '{');
		json_text(&json, "event", "ready");
		json_format(&json, "partition", "0x%04x", backend->endpoint.id);
		json_open(&json, "devices", '[');
		for (size_t i = 0; i < backend->device_count; i++) {
			json_open(&json, NULL, '{');
			json_number(&json, "device", backend->devices[i]->machine.dev_num);
			json_text(&json, "kind", backend->devices[i]->kind);
			json_close(&json, '}');
		}
		json_close(&json, ']');
		json_close(&json, '}');
		json_end(&json);
		return;
	}
	printf("ready: partition 0x%04x offers", backend->endpoint.id);
	for (size_t i = 0; i < backend->device_count; i++) {
		printf("%s device %u (%s)", i > 0 ? "," : "", backend->devices[i]->machine.dev_num,
		       backend->devices[i]->kind);
	}
	putchar('\n');
	fflush(stdout);
}

static void tell_session(const struct backend *backend, const struct vmsg_device_session *session,
			 const char *what)
{
	const struct vmsg_profile *profile = session->bus.profile;

	if (backend->shared.json) {
		struct json json = { .comma = false };
		json_open(&json, NULL, '{');
		json_text(&json, "event", what);
		json_format(&json, "peer", "0x%04x", session->peer);
		json_text(&json, "profile", profile ? profile->name : "");
		json_close(&json, '}');
		json_end(&json);
	} else if (backend->verbose) {
		printf("frontend 0x%04x: %s%s%s\n", session->peer, what,
		       profile ? ", profile " : "", profile ? profile->name : "");
		fflush(stdout);
	}
}

/* Also without --verbose: it is why a frontend gets nowhere, or what it was let through with. */
static void tell_quirk(const struct backend *backend, const struct vmsg_device_session *session,
		       const struct vmsg_bus_event *event)
{
	char text[QUIRK_TEXT_SIZE];

	report_problem("frontend 0x%04x: %s", session->peer, quirk_text(event, text));
	if (backend->shared.json) {
		struct json json = { .comma = false };
		json_open(&json, NULL, '{');
		json_text(&json, "event", "quirk");
		json_format(&json, "peer", "0x%04x", session->peer);
		json_number(&json, "number", event->quirk);
		json_text(&json, "quirk", vmsg_quirk_info(event->quirk)->name);
		json_text(&json, "message", vmsg_type_name(event->type));
		json_number(&json, "value", event->value);
		json_bool(&json, "on", event->allowed);
		json_text(&json, "text", text);
		json_close(&json, '}');
		json_end(&json);
	}
}

static void report_session(void *context, const struct vmsg_device_session *session,
			   const struct vmsg_bus_event *event)
{
	switch (event->kind) {
	case VMSG_BUS_EVENT_UP:
		tell_session(context, session, "up");
		break;
	case VMSG_BUS_EVENT_RESET:
		tell_session(context, session, "reset");
		break;
	case VMSG_BUS_EVENT_FAILED:
		tell_session(context, session, "failed");
		break;
	case VMSG_BUS_EVENT_QUIRK:
		tell_quirk(context, session, event);
		break;
	case VMSG_BUS_EVENT_MESSAGE:
	case VMSG_BUS_EVENT_REQUEST_FAILED:
	case VMSG_BUS_EVENT_DEVICE_ADDED:
	case VMSG_BUS_EVENT_DEVICE_REMOVED:
	case VMSG_BUS_EVENT_AREA_READY:
		memory_watch_added(&((const struct backend *)context)->memory);
		break;
	case VMSG_BUS_EVENT_AREA_REFUSED:
	case VMSG_BUS_EVENT_AREA_GONE:
	case VMSG_BUS_EVENT_POLLED:
		break;
	}
}

static void tell_end(const struct backend *backend)
{
	for (size_t i = 0; i < backend->slot_count; i++) {
		const struct emu_device *device = backend->devices[i];
		if (!device) {
			continue;
		}
		if (backend->shared.json) {
			struct json json = { .comma = false };
			json_open(&json, NULL, '{');
			json_text(&json, "event", "device");
			json_number(&json, "device", device->machine.dev_num);
			json_text(&json, "kind", device->kind);
			json_number(&json, "requests", device->requests);
			json_number(&json, "errors", device->errors);
			json_close(&json, '}');
			json_end(&json);
		} else if (backend->verbose) {
			printf("device %u (%s): %" PRIu64 " requests, %" PRIu64 " of them failed\n",
			       device->machine.dev_num, device->kind, device->requests,
			       device->errors);
		}
	}
}

/* ---- life ---- */

/* ---- the contract ---- */

/* The frontend whose session has this memory. */
static uint16_t driver_of(void *context, const struct vmsg_memory *memory)
{
	const struct backend *backend = context;

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (memory == &backend->sessions[i].memory) {
			return backend->sessions[i].peer;
		}
	}
	return 0;
}

static void report_violation(void *context, const char *text)
{
	(void)context;
	report_problem("%s", text);
}

static int check_contract(struct backend *backend)
{
	const struct contract_options options = {
		.owner = driver_of,
		.report = report_violation,
		.context = backend,
	};

	backend->contract = backend->shared.check_contract ? contract_create(&options) : NULL;
	if (backend->shared.check_contract && !backend->contract) {
		report_problem("out of memory");
		return -1;
	}
	return 0;
}

/* A device whose queues are looked at, if that was asked for. */
static struct vmsg_device *watched(const struct backend *backend, struct emu_device *device)
{
	device->machine.watch = backend->contract ? contract_watch(backend->contract) : NULL;
	return &device->machine;
}

/* 0, or an exit status. */
static int open_devices(struct backend *backend)
{
	char why[512];

	for (size_t i = 0; i < backend->device_count; i++) {
		backend->devices[i] =
			emu_device_open(backend->descriptions[i], (uint16_t)i, why, sizeof(why));
		if (!backend->devices[i]) {
			const bool is_usage = errno == EINVAL;
			report_problem("%s", why);
			return is_usage ? VMSG_EXIT_USAGE : VMSG_EXIT_FAILED;
		}
		backend->slots[i] = (struct vmsg_device_slot){
			.device = watched(backend, backend->devices[i]),
			.present = true,
		};
	}
	backend->slot_count = backend->device_count + SPARE_SLOTS;
	if (backend->slot_count > DEVICES_MAX) {
		backend->slot_count = DEVICES_MAX;
	}
	return 0;
}

static int connect_to_manager(struct backend *backend, struct vmsg_emu **emu)
{
	const struct timespec retry = { .tv_nsec = RETRY_NS };
	const uint64_t end_ns = report_now() + PATIENCE_NS;
	struct vmsg_emu_options options = {
		.socket_path = backend->shared.socket_path,
		.id = backend->shared.id,
		.secure = true,
		.banks = &backend->bank,
		.bank_count = 1,
		.control = true,
	};
	char why[256];
	int result;

	backend->bank.size = 2 * PAGE_SIZE;
	while ((result = vmsg_emu_connect(emu, &options, why, sizeof(why))) ==
		       VMSG_ERROR_NOT_FOUND &&
	       report_now() < end_ns && !stop) {
		nanosleep(&retry, NULL);
	}
	if (result < 0) {
		report_problem("%s", why);
		return -1;
	}
	return 0;
}

static int join(struct backend *backend, struct vmsg_emu *emu)
{
	const struct vmsg_conduit conduit =
		memory_watch_open(&backend->memory, emu, backend->devices, backend->slot_count);
	const struct vmsg_buffer tx = { backend->bank.data, backend->bank.address };
	const struct vmsg_buffer rx = { backend->bank.data + PAGE_SIZE,
					backend->bank.address + PAGE_SIZE };
	int result = vmsg_endpoint_init(&backend->endpoint, &conduit, tx, rx, 1);

	if (result < 0) {
		report_problem("the manager refuses partition 0x%04x: %s, %s", vmsg_emu_id(emu),
			       vmsg_error_text(result),
			       vmsg_ffa_status_name(backend->endpoint.status));
		return -1;
	}
	struct vmsg_device_pump_options options = {
		.endpoint = &backend->endpoint,
		.sessions = backend->sessions,
		.session_count = SESSIONS_MAX,
		.slots = backend->slots,
		.slot_count = backend->slot_count,
		.areas = backend->areas,
		.areas_per_session = AREAS_PER_SESSION,
		.bus_devices = backend->bus_devices,
		.bus = {
			.profile = backend->shared.profile,
			.ffa_version = backend->endpoint.ffa_version,
			.bus_features = ways_allowed(&backend->endpoint),
			.carriers = backend->shared.ways.carriers,
			.events = backend->shared.ways.events,
			.transport_features = VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION,
			.max_areas = AREAS_PER_SESSION,
		},
		.report = report_session,
		.report_context = backend,
	};
	quirks_apply(&backend->shared.quirks, &options.bus);
	result = vmsg_device_pump_init(&backend->pump, &options);
	if (result < 0) {
		report_problem("cannot serve: %s", vmsg_error_text(result));
		return -1;
	}
	return 0;
}

static int serve(struct backend *backend, struct vmsg_emu *emu)
{
	if (join(backend, emu) < 0) {
		return -1;
	}
	interruptible = emu;
	tell_ready(backend);
	struct device_control control = {
		.emu = emu,
		.pump = &backend->pump,
		.memory = &backend->memory,
		.devices = backend->devices,
		.slots = backend->slots,
		.capacity = backend->slot_count,
		.watch = backend->contract ? contract_watch(backend->contract) : NULL,
		.last_number = (uint16_t)(backend->device_count - 1),
	};
	struct device_loop loop = {
		.emu = emu,
		.pump = &backend->pump,
		.devices = backend->devices,
		.device_count = backend->slot_count,
		.control = &control,
		.stop = &stop,
		.refresh = &must_refresh,
	};
	const int result = device_loop_run(&loop);
	interruptible = NULL;
	if (result < 0 && !stop) {
		if (vmsg_emu_is_lost(emu)) {
			report_problem("the manager is gone: %s", vmsg_emu_lost_reason(emu));
		} else {
			report_problem("cannot wait for messages: %s, %s", vmsg_error_text(result),
				       vmsg_ffa_status_name(backend->endpoint.status));
		}
		return -1;
	}
	tell_end(backend);
	return 0;
}

static int run(struct backend *backend)
{
	struct vmsg_emu *emu = NULL;
	int result = -1;

	catch_signals();
	int refused = check_contract(backend) == 0 ? 0 : VMSG_EXIT_FAILED;
	refused = refused == 0 ? open_devices(backend) : refused;
	if (refused == 0 && connect_to_manager(backend, &emu) == 0) {
		result = serve(backend, emu);
	}
	vmsg_emu_close(emu);
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		emu_device_close(backend->devices[i]);
	}
	if (refused != 0) {
		return refused;
	}
	return result == 0 ? VMSG_EXIT_DONE : VMSG_EXIT_FAILED;
}

int vmsg_command_backend(int argc, char **argv)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	report_init("backend");
	if (!backend) {
		report_problem("out of memory");
		return VMSG_EXIT_FAILED;
	}
	backend->shared.role = VMSG_QUIRK_DEVICE;
	const int leave = parse(argc, argv, backend);
	const int status = leave != 0 ? leave - 1 : run(backend);
	for (size_t i = 0; i < backend->device_count; i++) {
		free(backend->descriptions[i]);
	}
	contract_destroy(backend->contract);
	free(backend);
	return status;
}
