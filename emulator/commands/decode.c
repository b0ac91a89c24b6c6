/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands/commands.h"

int vmsg_command_decode(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 2;
}
