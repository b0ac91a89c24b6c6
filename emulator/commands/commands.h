/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands of vmsg-ffa-emu. Each gets argv from its own name on and returns the exit status:
 * 0 done, 1 the job failed, 2 usage. */
#ifndef VMSG_EMULATOR_COMMANDS_H
#define VMSG_EMULATOR_COMMANDS_H

enum { VMSG_EXIT_DONE = 0, VMSG_EXIT_FAILED = 1, VMSG_EXIT_USAGE = 2 };

int vmsg_command_decode(int argc, char **argv);
int vmsg_command_device(int argc, char **argv);
int vmsg_command_encode(int argc, char **argv);
int vmsg_command_backend(int argc, char **argv);
int vmsg_command_frontend(int argc, char **argv);
int vmsg_command_loopback(int argc, char **argv);
int vmsg_command_schema(int argc, char **argv);
int vmsg_command_probe(int argc, char **argv);
int vmsg_command_partitions(int argc, char **argv);
int vmsg_command_stats(int argc, char **argv);
int vmsg_command_serve(int argc, char **argv);
int vmsg_command_trace(int argc, char **argv);

#endif
