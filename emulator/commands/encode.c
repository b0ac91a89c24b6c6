/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands/commands.h"

int vmsg_command_encode(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 2;
}
