/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu frontend: a partition that drives the virtio devices of another. This file reads the
 * command line; the jobs are in frontend_*.c. */
#include "commands/frontend.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands/blk_driver.h"
#include "commands/commands.h"
#include "commands/console_driver.h"
#include "commands/exercise_steps.h"
#include "commands/net_driver.h"
#include "commands/options.h"
#include "commands/report.h"
#include "commands/rng_driver.h"
#include "commands/vsock_driver.h"

#define DEFAULT_TIMEOUT_NS UINT64_C(5000000000)

enum {
	OPTION_ID = 256,
	OPTION_PEER,
	OPTION_PROFILE,
	OPTION_CARRIER,
	OPTION_EVENTS,
	OPTION_TIMEOUT,
	OPTION_QUIRK,
	OPTION_CHECK_CONTRACT,
	OPTION_JSON,
	OPTION_AREAS,
	OPTION_VHOST_SERVER,
	OPTION_DEVICE,
	OPTION_ONCE,
};
enum {
	OPTION_OUTPUT = 512,
	OPTION_INPUT,
	OPTION_OFFSET,
	OPTION_LENGTH,
	OPTION_PORT,
	OPTION_SEED,
	OPTION_TAP,
	OPTION_SOCKET
};

static const char help[] =
	"usage: vmsg-ffa-emu frontend [OPTION...] JOB\n"
	"\n"
	"Becomes a partition, finds one that offers virtio devices (a running backend), and "
	"drives\n"
	"them through virtio-msg over FF-A.\n"
	"\n"
	"Jobs:\n"
	"  info                     every device: ids, features, config, queues\n"
	"  blk read                 copy the disk to standard output or --output\n"
	"  blk write --input FILE   copy FILE to the disk, and flush\n"
	"  blk verify FILE          compare the disk with FILE, report the first difference\n"
	"  console                  this terminal, or standard input and output, as a console\n"
	"  exercise                 everything that an exercise device can do, checked, a line a "
	"step\n"
	"  net --tap NAME           the device's network on a TAP interface of this side; or\n"
	"      --socket PATH        on a stream socket, as passt and QEMU speak it\n"
	"  rng                      random bytes, as hex, or raw to --output (32 of them)\n"
	"  vsock connect --port N   standard input and output as a stream to a port of the host\n"
	"  vsock listen --port N    the same for a stream that the host begins\n"
	"\n"
	"\n"
	"Options of jobs (sizes in bytes, or with K, M, G, T):\n"
	"      --output FILE        where to write ('-': standard output)\n"
	"      --input FILE         what to write to the disk\n"
	"      --offset N           where on the disk to begin (a multiple of 512)\n"
	"      --length N           how much (of a disk: a multiple of 512; all that is left; of\n"
	"                           echoes: 1M)\n"
	"      --port N             which port of the console (0), or of the stream\n"
	"      --seed N             of what is random in an exercise (0)\n"
	"\n"
	"A Linux guest as the driver, instead of a job:\n"
	"      --vhost-user-server SOCKET\n"
	"                           offer the device to QEMU, which connects there; the guest's "
	"own\n"
	"                           virtio-blk, virtio-net or virtio-rng driver uses it across "
	"FF-A\n"
	"      --device N           which device of the peer (default: the first)\n"
	"      --once               leave when the first front end has gone\n"
	"\n";

static const char help_options[] =
	"Options:\n"
	"  -s, --socket-path PATH   the manager's socket; default as for 'serve'\n"
	"      --id ID              be partition ID, such as 0x0002 (default: the first free VM)\n"
	"      --peer ID            drive the devices of partition ID (default: the first that\n"
	"                           offers one)\n" WAYS_HELP
	"      --areas A            share memory with the device as A: pool, one area for all\n"
	"                           (default); demand, the data in areas of its own, from when it\n"
	"                           is first needed until it is not; static,address=N,path=FILE:\n"
	"                           both have that memory, as with --quirk linux-rfc1-window\n"
	"      --profile P          speak revision P: r0, r1, r1-a16, r2a, r2b or r3 (default:\n"
	"                           negotiate, newest first)\n"
	"      --timeout S          report a message that is not answered within S seconds\n"
	"                           (default 5), wait on, and give up after 12 reports\n"
	"      --check-contract     look on at the queues, and report on standard error whatever "
	"breaks\n"
	"                           the rules of shared memory: who, queue, descriptor, address\n"
	"      --quirk NAME         put up with what an implementation does against the rules; may "
	"be\n"
	"                           given several times; 'help' lists them\n"
	"      --json               the result as one JSON object\n"
	"  -h, --help               this text\n"
	"      --version            the version of the program\n"
	"\n"
	"The guest's memory is one or more memfds, which are shared with the peer as areas; its\n"
	"descriptors are rewritten, and its data is not copied. Front ends come one after the "
	"other.\n"
	"While the peer is away, what the guest has asked for waits, and is asked for again when "
	"it\n"
	"is back.\n"
	"\n"
	"Exit status: 0 done, 1 the job failed (standard error says why), 2 usage.\n"
	"\n"
	"Examples: vmsg-ffa-emu frontend blk read --offset 1M --length 64K --output part.bin\n"
	"          vmsg-ffa-emu frontend --vhost-user-server /tmp/c0 &\n"
	"          qemu-system-x86_64 -m 512M -machine memory-backend=ram \\\n"
	"            -object memory-backend-memfd,id=ram,size=512M,share=on \\\n"
	"            -chardev socket,id=c0,path=/tmp/c0 -device vhost-user-blk-pci,chardev=c0 ...\n"
	"A network: -netdev vhost-user,id=n0,chardev=c0 -device virtio-net-pci,netdev=n0\n"
	"Entropy:   -device vhost-user-rng-pci,chardev=c0\n";

enum {
	USES_OUTPUT = 1,
	USES_INPUT = 2,
	USES_OFFSET = 4,
	USES_LENGTH = 8,
	USES_FILE = 16,
	USES_PORT = 32,
	USES_LINK = 64,
	USES_AREAS = 128,
	USES_DEVICE = 256,
	USES_SEED = 512,
};

static const struct areas_need exercise_need = { .pool_size = EXERCISE_POOL_SIZE };

static const struct job {
	const char *words[2];
	unsigned int uses;
	const struct areas_need *need;
	int (*run)(const struct frontend_settings *settings);
} jobs[] = {
	{ { "info" }, 0, &blk_driver_need, frontend_info },
	{ { "blk", "read" },
	  USES_OUTPUT | USES_OFFSET | USES_LENGTH | USES_AREAS,
	  &blk_driver_need,
	  frontend_blk_read },
	{ { "blk", "write" },
	  USES_INPUT | USES_OFFSET | USES_AREAS,
	  &blk_driver_need,
	  frontend_blk_write },
	{ { "blk", "verify" },
	  USES_FILE | USES_OFFSET | USES_AREAS,
	  &blk_driver_need,
	  frontend_blk_verify },
	{ { "console" }, USES_PORT | USES_AREAS, &console_driver_need, frontend_console },
	{ { "exercise" }, USES_LENGTH | USES_SEED, &exercise_need, frontend_exercise },
	{ { "net" }, USES_LINK | USES_AREAS, &net_driver_need, frontend_net },
	{ { "vsock", "connect" },
	  USES_PORT | USES_AREAS,
	  &vsock_driver_need,
	  frontend_vsock_connect },
	{ { "vsock", "listen" },
	  USES_PORT | USES_AREAS,
	  &vsock_driver_need,
	  frontend_vsock_listen },
	{ { "rng" }, USES_OUTPUT | USES_LENGTH | USES_AREAS, &rng_driver_need, frontend_rng },
};

/* What --vhost-user-server asks for; what its sessions share, it knows best itself. */
static const struct areas_need vhost_need = { .pool_size = 4096 };
static const struct job vhost_job = {
	{ "--vhost-user-server" }, USES_DEVICE, &vhost_need, frontend_vhost
};

static volatile bool is_stopped;

static void on_signal(int number)
{
	(void)number;
	is_stopped = true;
}

const volatile bool *frontend_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	return &is_stopped;
}

/* What getopt_long() found. 0, or an exit status + 1 to leave with. */
static int take(struct frontend_settings *settings, int option, char **argv, unsigned int *given)
{
	uint32_t number = 0;
	int status = 0;

	switch (option) {
	case 's':
		settings->session.socket_path = optarg;
		break;
	case OPTION_ID:
		status = option_id("--id", optarg, &settings->session.id);
		break;
	case OPTION_PEER:
		status = option_id("--peer", optarg, &settings->session.peer);
		break;
	case OPTION_PROFILE:
		status = option_profile("--profile", optarg, &settings->session.profile);
		break;
	case OPTION_CARRIER:
		status = option_carrier(optarg, &settings->session.ways);
		break;
	case OPTION_EVENTS:
		status = option_events(optarg, &settings->session.ways);
		break;
	case OPTION_AREAS:
		status = option_areas(optarg, &settings->areas);
		*given |= USES_AREAS;
		break;
	case OPTION_TIMEOUT:
		status = option_seconds("--timeout", optarg, &settings->session.timeout_ns);
		break;
	case OPTION_CHECK_CONTRACT:
		settings->session.check_contract = true;
		break;
	case OPTION_QUIRK:
		if (strcmp(optarg, "help") == 0) {
			quirks_list(VMSG_QUIRK_DRIVER);
			return VMSG_EXIT_DONE + 1;
		}
		status = option_quirk(optarg, VMSG_QUIRK_DRIVER, &settings->session.quirks);
		break;
	case OPTION_JSON:
		settings->json = true;
		break;
	case OPTION_OUTPUT:
		settings->output = optarg;
		*given |= USES_OUTPUT;
		break;
	case OPTION_INPUT:
		settings->input = optarg;
		*given |= USES_INPUT;
		break;
	case OPTION_OFFSET:
		status = option_size("--offset", optarg, &settings->offset);
		*given |= USES_OFFSET;
		break;
	case OPTION_LENGTH:
		status = option_size("--length", optarg, &settings->length);
		settings->has_length = true;
		*given |= USES_LENGTH;
		break;
	case OPTION_PORT:
		status = option_number("--port", optarg, UINT32_MAX - 1, &settings->port);
		*given |= USES_PORT;
		break;
	case OPTION_VHOST_SERVER:
		settings->vhost_server = optarg;
		break;
	case OPTION_DEVICE:
		status = option_number("--device", optarg, UINT16_MAX, &number);
		settings->device = (int)number;
		*given |= USES_DEVICE;
		break;
	case OPTION_ONCE:
		settings->once = true;
		*given |= USES_DEVICE;
		break;
	case OPTION_SEED:
		status = option_number("--seed", optarg, UINT32_MAX, &settings->seed);
		*given |= USES_SEED;
		break;
	case OPTION_TAP:
		settings->tap = optarg;
		*given |= USES_LINK;
		break;
	case OPTION_SOCKET:
		settings->socket = optarg;
		*given |= USES_LINK;
		break;
	case 'h':
		fputs(help, stdout);
		fputs(help_options, stdout);
		return VMSG_EXIT_DONE + 1;
	default:
		status = option_unknown(option, argv);
		break;
	}
	return status ? status + 1 : 0;
}

static int parse(int argc, char **argv, struct frontend_settings *settings, unsigned int *given)
{
	static const struct option options[] = {
		{ "socket-path", required_argument, NULL, 's' },
		{ "id", required_argument, NULL, OPTION_ID },
		{ "peer", required_argument, NULL, OPTION_PEER },
		{ "profile", required_argument, NULL, OPTION_PROFILE },
		{ "carrier", required_argument, NULL, OPTION_CARRIER },
		{ "events", required_argument, NULL, OPTION_EVENTS },
		{ "areas", required_argument, NULL, OPTION_AREAS },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		{ "quirk", required_argument, NULL, OPTION_QUIRK },
		{ "check-contract", no_argument, NULL, OPTION_CHECK_CONTRACT },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "output", required_argument, NULL, OPTION_OUTPUT },
		{ "input", required_argument, NULL, OPTION_INPUT },
		{ "offset", required_argument, NULL, OPTION_OFFSET },
		{ "length", required_argument, NULL, OPTION_LENGTH },
		{ "port", required_argument, NULL, OPTION_PORT },
		{ "seed", required_argument, NULL, OPTION_SEED },
		{ "tap", required_argument, NULL, OPTION_TAP },
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "vhost-user-server", required_argument, NULL, OPTION_VHOST_SERVER },
		{ "device", required_argument, NULL, OPTION_DEVICE },
		{ "once", no_argument, NULL, OPTION_ONCE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":s:h", options, NULL)) != -1) {
		const int leave = take(settings, option, argv, given);
		if (leave != 0) {
			return leave;
		}
	}
	return 0;
}

/* The job that the words ask for; `*count` of them belong to its name. */
static const struct job *find_job(char **words, int word_count, int *count)
{
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		const int wanted = jobs[i].words[1] ? 2 : 1;
		if (word_count >= wanted && strcmp(words[0], jobs[i].words[0]) == 0 &&
		    (wanted == 1 || strcmp(words[1], jobs[i].words[1]) == 0)) {
			*count = wanted;
			return &jobs[i];
		}
	}
	return NULL;
}

/* Options that the job would ignore are mistakes. */
static int check_given(const struct job *job, unsigned int given)
{
	static const struct {
		unsigned int use;
		const char *name;
	} options[] = { { USES_OUTPUT, "--output" }, { USES_INPUT, "--input" },
			{ USES_OFFSET, "--offset" }, { USES_LENGTH, "--length" },
			{ USES_PORT, "--port" },     { USES_LINK, "--tap or --socket" },
			{ USES_AREAS, "--areas" },   { USES_DEVICE, "--device or --once" },
			{ USES_SEED, "--seed" } };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (given & ~job->uses & options[i].use) {
			return report_usage("%s has no meaning for '%s%s%s'", options[i].name,
					    job->words[0], job->words[1] ? " " : "",
					    job->words[1] ? job->words[1] : "");
		}
	}
	if (job->uses & USES_INPUT && !(given & USES_INPUT)) {
		return report_usage("--input FILE is missing");
	}
	return 0;
}

int vmsg_command_frontend(int argc, char **argv)
{
	struct frontend_settings settings = { .session.timeout_ns = DEFAULT_TIMEOUT_NS,
					      .device = -1 };
	unsigned int given = 0;
	int used = 0;

	report_init("frontend");
	const int leave = parse(argc, argv, &settings, &given);
	if (leave != 0) {
		return leave - 1;
	}
	char **words = argv + optind;
	int word_count = argc - optind;
	if (word_count == 0 && !settings.vhost_server) {
		return report_usage("no job given");
	}
	const struct job *job =
		settings.vhost_server ? &vhost_job : find_job(words, word_count, &used);
	if (!job) {
		return report_usage("no job '%s%s%s'", words[0], word_count > 1 ? " " : "",
				    word_count > 1 ? words[1] : "");
	}
	if (job->uses & USES_FILE) {
		if (word_count == used) {
			return report_usage("FILE is missing");
		}
		settings.file = words[used++];
	}
	if (word_count > used) {
		return report_usage("unexpected argument '%s'", words[used]);
	}
	if (settings.vhost_server && settings.session.check_contract) {
		return report_usage("--check-contract has no meaning for '%s': all of a guest's "
				    "memory is shared, and what is beside its buffers is the "
				    "guest's to write",
				    job->words[0]);
	}
	const int status = check_given(job, given);
	if (status != 0) {
		return status;
	}
	const int refused = ways_check(&settings.session.ways, settings.session.profile);
	if (refused != 0) {
		return refused;
	}
	settings.session.tells_areas = true;
	settings.session.answers_control = !settings.vhost_server; /* which sleeps for long */
	const int impossible = areas_plan(&settings.areas, job->need, &settings.session);
	if (impossible != 0) {
		return impossible;
	}
	return job->run(&settings);
}
