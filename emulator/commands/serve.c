/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu serve: the partition manager as a daemon. */
#include "commands/commands.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/faults.h"
#include "manifest/manifest.h"
#include "server/server.h"
#include "virtio_msg_ffa/emulator.h"

#define PATH_SIZE 256

enum {
	OPTION_FFA_VERSION = 256,
	OPTION_MANIFEST,
	OPTION_POLICY,
	OPTION_TIME_SLICE,
	OPTION_TRACE,
	OPTION_PCAP,
	OPTION_FAULT,
	OPTION_SEED
};

struct settings {
	char path[PATH_SIZE];
	uint32_t ffa_version;
	const struct spmc_policy *policy;
	uint64_t time_slice_ns;
	const char *trace;
	const char *pcap;
	char faults[1024]; /* rules, joined by ';' */
	uint64_t seed;
	bool verbose;
	const char *manifests[SPMC_PARTITIONS_MAX];
	size_t manifest_count;
};

static const char help[] =
	"usage: vmsg-ffa-emu serve [OPTION...]\n"
	"\n"
	"Runs the FF-A partition manager (SPMC and hypervisor in one). Partitions are processes\n"
	"that connect to its socket: those of the manifests, or else VMs 0x0001 to 0x0003 and "
	"secure\n"
	"partitions 0x8001 and 0x8002, all for virtio-msg. It serves until SIGINT or SIGTERM and\n"
	"then removes the socket.\n"
	"\n"
	"  -s, --socket-path PATH   where to listen; default: $VMSG_FFA_EMU_SOCKET, else\n"
	"                           $XDG_RUNTIME_DIR/vmsg-ffa-emu.sock, else\n"
	"                           /tmp/vmsg-ffa-emu-UID/sock\n"
	"      --manifest FILE      a partition as an FF-A manifest, device tree or its source\n"
	"                           (arm,ffa-manifest-1.x, as for Hafnium, TF-A, OP-TEE); may be\n"
	"                           given 250 times, and the partitions are then these\n"
	"      --ffa-version X.Y    highest FF-A version offered: 1.1, 1.2 or 1.3 (default 1.2)\n"
	"      --policy NAME        behave, where partition managers differ, like hafnium, tf-a "
	"or\n"
	"                           xen; acs as Arm's conformance suite expects it; strict to\n"
	"                           refuse messages to UUIDs that the receiver does not list;\n"
	"                           default: emulator, its own choices (docs/policies.md)\n"
	"      --time-slice MS      a direct request not answered for so long returns\n"
	"                           FFA_INTERRUPT to its caller (default 10)\n"
	"      --trace FILE         write every FF-A call, return and interrupt, and the "
	"virtio-msg\n"
	"                           messages in them, as a line each; - is standard output, fd:N\n"
	"                           a descriptor that is open already (docs/tracing.md)\n"
	"      --pcap FILE          the same as a pcapng file, for 'trace' and Wireshark\n"
	"      --fault SPEC         let faults strike: drop, delay, duplicate, reorder, busy, "
	"late,\n"
	"                           kill or nomem, with options, such as\n"
	"                           'busy:count=3;kill:from=0x8001,after=100' (docs/faults.md);\n"
	"                           may be given several times\n"
	"      --seed N             of the chance that faults take (default 1)\n"
	"  -v, --verbose            say who comes and goes, and which faults strike\n"
	"  -h, --help               this text\n"
	"\n"
	"Prints 'listening on PATH' when partitions can connect. Exit status: 0 stopped by a\n"
	"signal, 1 cannot listen or a manifest is wrong, 2 usage.\n"
	"\n"
	"Example: vmsg-ffa-emu serve -s /tmp/emu.sock &\n"
	"         vmsg-ffa-emu backend -s /tmp/emu.sock --device blk,path=disk.img &\n"
	"         vmsg-ffa-emu frontend -s /tmp/emu.sock info\n"
	"Example: vmsg-ffa-emu serve --manifest vm.dts --manifest sp.dtb\n";

static int usage(const char *problem, const char *value)
{
	fprintf(stderr, "vmsg-ffa-emu serve: %s '%s'; try --help\n", problem, value);
	return VMSG_EXIT_USAGE;
}

static int parse_version(const char *text, uint32_t *version)
{
	static const struct {
		const char *text;
		uint32_t version;
	} known[] = {
		{ "1.1", VMSG_FFA_VERSION_1_1 },
		{ "1.2", VMSG_FFA_VERSION_1_2 },
		{ "1.3", VMSG_FFA_VERSION_1_3 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(text, known[i].text) == 0) {
			*version = known[i].version;
			return 0;
		}
	}
	return -1;
}

static int parse_time_slice(const char *text, uint64_t *time_slice_ns)
{
	char *end;

	errno = 0;
	const unsigned long ms = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end || text[0] == '-' || ms == 0 || ms > 3600000) {
		return -1;
	}
	*time_slice_ns = (uint64_t)ms * 1000000u;
	return 0;
}

static int parse_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 0);
	return errno != 0 || end == text || *end || text[0] == '-' ? -1 : 0;
}

/* Reads the rules only to complain in time. */
static int check_faults(const char *text)
{
	char why[256];
	struct faults *faults = faults_create(0);
	const int result = faults ? faults_add(faults, text, why, sizeof(why)) : -1;

	if (faults && result != 0) {
		fprintf(stderr, "vmsg-ffa-emu serve: --fault, %s; see docs/faults.md\n", why);
	}
	faults_destroy(faults);
	return result;
}

static int add_faults(struct settings *settings, const char *text)
{
	const size_t used = strlen(settings->faults);

	if (used + strlen(text) + 2 > sizeof(settings->faults)) {
		return usage("the faults are too long:", text);
	}
	snprintf(settings->faults + used, sizeof(settings->faults) - used, "%s%s", used ? ";" : "",
		 text);
	return check_faults(text) == 0 ? 0 : VMSG_EXIT_USAGE;
}

/* 0, or an exit status + 1 to leave with. */
static int parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "socket-path", required_argument, NULL, 's' },
		{ "manifest", required_argument, NULL, OPTION_MANIFEST },
		{ "ffa-version", required_argument, NULL, OPTION_FFA_VERSION },
		{ "policy", required_argument, NULL, OPTION_POLICY },
		{ "time-slice", required_argument, NULL, OPTION_TIME_SLICE },
		{ "trace", required_argument, NULL, OPTION_TRACE },
		{ "pcap", required_argument, NULL, OPTION_PCAP },
		{ "fault", required_argument, NULL, OPTION_FAULT },
		{ "seed", required_argument, NULL, OPTION_SEED },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":s:vh", options, NULL)) != -1) {
		switch (option) {
		case 's':
			if (strlen(optarg) >= sizeof(settings->path)) {
				return usage("the socket's path is too long:", optarg) + 1;
			}
			snprintf(settings->path, sizeof(settings->path), "%s", optarg);
			break;
		case OPTION_MANIFEST:
			if (settings->manifest_count == SPMC_PARTITIONS_MAX) {
				return usage("one too many, 250 are possible: --manifest", optarg) +
				       1;
			}
			settings->manifests[settings->manifest_count++] = optarg;
			break;
		case OPTION_FFA_VERSION:
			if (parse_version(optarg, &settings->ffa_version) != 0) {
				return usage("--ffa-version is 1.1, 1.2 or 1.3, not", optarg) + 1;
			}
			break;
		case OPTION_POLICY:
			settings->policy = spmc_policy_find(optarg);
			if (!settings->policy) {
				return usage("--policy is emulator, hafnium, tf-a, xen, acs or "
					     "strict, not",
					     optarg) +
				       1;
			}
			break;
		case OPTION_TIME_SLICE:
			if (parse_time_slice(optarg, &settings->time_slice_ns) != 0) {
				return usage("--time-slice is 1 to 3600000 milliseconds, not",
					     optarg) +
				       1;
			}
			break;
		case OPTION_TRACE:
			settings->trace = optarg;
			break;
		case OPTION_PCAP:
			settings->pcap = optarg;
			break;
		case OPTION_FAULT:
			if (add_faults(settings, optarg) != 0) {
				return VMSG_EXIT_USAGE + 1;
			}
			break;
		case OPTION_SEED:
			if (parse_seed(optarg, &settings->seed) != 0) {
				return usage("--seed is a number, not", optarg) + 1;
			}
			break;
		case 'v':
			settings->verbose = true;
			break;
		case 'h':
			fputs(help, stdout);
			return VMSG_EXIT_DONE + 1;
		case ':':
			return usage("no value for", argv[optind - 1]) + 1;
		default:
			return usage("unknown option", argv[optind - 1]) + 1;
		}
	}
	if (optind < argc) {
		return usage("unexpected argument", argv[optind]) + 1;
	}
	return 0;
}

/* The default path below /tmp has a directory of its own, which nobody else may have made for us.
 */
static int prepare_default(struct settings *settings)
{
	char directory[PATH_SIZE];
	struct stat status;

	if (vmsg_emu_default_path(settings->path, sizeof(settings->path)) < 0) {
		fprintf(stderr, "vmsg-ffa-emu serve: the default socket path is too long\n");
		return -1;
	}
	if (strncmp(settings->path, "/tmp/vmsg-ffa-emu-", strlen("/tmp/vmsg-ffa-emu-")) != 0) {
		return 0;
	}
	snprintf(directory, sizeof(directory), "%s", settings->path);
	*strrchr(directory, '/') = '\0';
	if ((mkdir(directory, S_IRWXU) != 0 && errno != EEXIST) || lstat(directory, &status) != 0) {
		fprintf(stderr, "vmsg-ffa-emu serve: %s: %s\n", directory, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077)) {
		fprintf(stderr, "vmsg-ffa-emu serve: %s is not a private directory of ours\n",
			directory);
		return -1;
	}
	return 0;
}

static void log_line(void *context, enum vmsg_server_level level, const char *text)
{
	const struct settings *settings = context;

	if (level != VMSG_SERVER_INFO || settings->verbose) {
		fprintf(stderr, "vmsg-ffa-emu: %s\n", text);
	}
}

/* The partitions of the manifests; nothing without any. */
static int read_manifests(const struct settings *settings, struct manifest_system *system)
{
	const uint32_t version =
		settings->ffa_version ? settings->ffa_version : VMSG_FFA_VERSION_1_2;
	struct manifest *manifests = calloc(settings->manifest_count + 1, sizeof(*manifests));
	char why[512] = "out of memory";
	int result = manifests ? 0 : -1;

	for (size_t i = 0; result == 0 && i < settings->manifest_count; i++) {
		result = manifest_load(&manifests[i], settings->manifests[i], why, sizeof(why));
		if (result == 0 && manifests[i].note[0]) {
			fprintf(stderr, "vmsg-ffa-emu serve: note: %s: %s\n", manifests[i].file,
				manifests[i].note);
		}
	}
	if (result == 0) {
		result = manifest_join(system, manifests, settings->manifest_count, version, why,
				       sizeof(why));
	}
	if (result != 0) {
		fprintf(stderr, "vmsg-ffa-emu serve: %s\n", why);
	}
	free(manifests);
	return result;
}

static void report_trace(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "vmsg-ffa-emu: %s\n", text);
}

/* 0 without tracing, too. */
static int open_tap(const struct settings *settings, struct tap **tap)
{
	const struct tap_options options = {
		.text = settings->trace,
		.pcapng = settings->pcap,
		.report = report_trace,
	};
	char why[256];

	*tap = NULL;
	if (!settings->trace && !settings->pcap) {
		return 0;
	}
	*tap = tap_open(&options, why, sizeof(why));
	if (!*tap) {
		fprintf(stderr, "vmsg-ffa-emu serve: %s\n", why);
		return -1;
	}
	return 0;
}

int vmsg_command_serve(int argc, char **argv)
{
	static struct settings settings = { .seed = 1 };
	static struct manifest_system described;
	struct vmsg_server *server;
	struct tap *tap;
	char why[256];

	const int leave = parse(argc, argv, &settings);
	if (leave != 0) {
		return leave - 1;
	}
	if (read_manifests(&settings, &described) != 0) {
		return VMSG_EXIT_FAILED;
	}
	if (!settings.path[0] && prepare_default(&settings) != 0) {
		return VMSG_EXIT_FAILED;
	}
	if (open_tap(&settings, &tap) != 0) {
		return VMSG_EXIT_FAILED;
	}
	const struct vmsg_server_options options = {
		.socket_path = settings.path,
		.ffa_version = settings.ffa_version,
		.policy = settings.policy,
		.time_slice_ns = settings.time_slice_ns,
		.partitions = described.partition_count ? described.partitions : NULL,
		.partition_count = described.partition_count,
		.scheduler = described.scheduler,
		.faults = settings.faults[0] ? settings.faults : NULL,
		.seed = settings.seed,
		.stop_on_signals = true,
		.log = log_line,
		.log_context = &settings,
		.tap = tap,
	};
	if (vmsg_server_create(&server, &options, why, sizeof(why)) != 0) {
		fprintf(stderr, "vmsg-ffa-emu serve: %s\n", why);
		tap_close(tap);
		return VMSG_EXIT_FAILED;
	}
	printf("listening on %s\n", settings.path);
	fflush(stdout);
	vmsg_server_run(server);
	vmsg_server_destroy(server);
	tap_close(tap);
	return VMSG_EXIT_DONE;
}
