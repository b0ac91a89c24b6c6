/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu: finds the subcommand. Whether all that was printed has arrived is part of its
 * exit status. */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "virtio_msg_ffa/version.h"

#define TEXT(value)      #value
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "serve", vmsg_command_serve, "run the partition manager that partitions connect to" },
	{ "backend", vmsg_command_backend, "be a partition that offers virtio devices" },
	{ "frontend", vmsg_command_frontend, "be a partition that drives virtio devices" },
	{ "loopback", vmsg_command_loopback, "all three on this machine, and a verdict" },
	{ "device", vmsg_command_device, "list, add and remove the devices of a running backend" },
	{ "probe", vmsg_command_probe, "tell what a device partition speaks, and whose it is" },
	{ "partitions", vmsg_command_partitions,
	  "list the partitions of a system and their state" },
	{ "stats", vmsg_command_stats, "show what a system has counted" },
	{ "decode", vmsg_command_decode, "print virtio-msg frames given as hex" },
	{ "encode", vmsg_command_encode, "turn a message given by name and fields into hex" },
	{ "trace", vmsg_command_trace, "read a capture back, as text, JSON or a sequence diagram" },
	{ "schema", vmsg_command_schema, "print what is known of every message, in many forms" },
};

static void usage(FILE *out)
{
	fputs("usage: vmsg-ffa-emu COMMAND [OPTION...]\n\nCommands:\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	}
	fputs("\n'vmsg-ffa-emu COMMAND --help' explains each.\n", out);
}

/* Where the caller closed a standard stream, the next socket would get its number, and what is
 * printed would go to the manager. In its place stands one on which every use fails. */
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) {
			_exit(VMSG_EXIT_FAILED);
		}
	}
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return VMSG_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return VMSG_EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0 || (argc >= 3 && strcmp(argv[2], "--version") == 0)) {
		puts("vmsg-ffa-emu " VERSION(VMSG_VERSION_MAJOR, VMSG_VERSION_MINOR,
					     VMSG_VERSION_PATCH));
		return VMSG_EXIT_DONE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "vmsg-ffa-emu: no command '%s'; try --help\n", argv[1]);
	return VMSG_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	hold_standard_streams();
	const int status = run(argc, argv);
	errno = 0;
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == VMSG_EXIT_DONE) {
		fprintf(stderr, "vmsg-ffa-emu: standard output: %s\n",
			errno ? strerror(errno) : "not all of it was written");
		return VMSG_EXIT_FAILED;
	}
	return status;
}
