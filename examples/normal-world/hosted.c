/* SPDX-License-Identifier: BSD-3-Clause */
/* The same scenario as a process on vmsg-ffa-emu. usage: scenario-hosted SOCKET IMAGE [--trace]
 * [--lax] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_msg_ffa/emulator.h"

#include "scenario.h"

static void print(const char *text)
{
	(void)fputs(text, stdout);
	(void)fflush(stdout);
}

static bool has_option(int argc, char **argv, const char *name)
{
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], name) == 0) {
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct vmsg_emu_bank banks[] = { { .size = 2 * VMSG_FFA_PAGE_SIZE },
					 { .size = SCENARIO_POOL_SIZE },
					 { .size = SCENARIO_POOL_SIZE } };
	struct vmsg_emu_options options = {
		.socket_path = argc > 1 ? argv[1] : NULL,
		.banks = banks,
		.bank_count = 3,
	};
	struct vmsg_emu *emu = NULL;
	char why[128] = "";
	static uint8_t image[1 << 20];
	FILE *file = argc > 2 ? fopen(argv[2], "rb") : NULL;

	if (!file) {
		(void)fprintf(stderr, "usage: %s SOCKET IMAGE [--trace] [--messages] [--lax]\n",
			      argv[0]);
		return 2;
	}
	const size_t size = fread(image, 1, sizeof(image), file);
	(void)fclose(file);
	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		(void)fprintf(stderr, "%s: %s\n", argv[0], why);
		return 1;
	}
	const struct scenario_platform platform = {
		.conduit = vmsg_emu_conduit(emu),
		.tx = { banks[0].data, banks[0].address },
		.rx = { banks[0].data + VMSG_FFA_PAGE_SIZE, banks[0].address + VMSG_FFA_PAGE_SIZE },
		.pools = { { banks[1].data, banks[1].address },
			   { banks[2].data, banks[2].address } },
		.image = { image, size },
		.print = print,
		.trace = has_option(argc, argv, "--trace"),
		.has_messages = has_option(argc, argv, "--messages"),
		.lax_manager = has_option(argc, argv, "--lax"),
	};
	const int failed = scenario_run(&platform);
	vmsg_emu_close(emu);
	return failed == 0 ? 0 : 1;
}
