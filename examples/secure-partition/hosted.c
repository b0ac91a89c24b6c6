/* SPDX-License-Identifier: BSD-3-Clause */
/* The same partition as a process on vmsg-ffa-emu. usage: partition-hosted SOCKET IMAGE */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"

#include "partition.h"

#define BUFFERS_SIZE (2 * VMSG_FFA_PAGE_SIZE)

static uint64_t random_word(void *context)
{
	uint64_t word = 0;

	(void)context;
	(void)!getrandom(&word, sizeof(word), 0);
	return word;
}

/* The whole file in memory; its size is what the disk has. */
static struct vmsg_span load(const char *path)
{
	struct vmsg_span span = { NULL, 0 };
	FILE *file = fopen(path, "rb");

	if (!file) {
		return span;
	}
	if (fseek(file, 0, SEEK_END) == 0) {
		const long size = ftell(file);
		rewind(file);
		span.data = size > 0 ? malloc((size_t)size) : NULL;
		if (span.data && fread(span.data, 1, (size_t)size, file) == (size_t)size) {
			span.size = (size_t)size;
		}
	}
	(void)fclose(file);
	return span;
}

int main(int argc, char **argv)
{
	static struct partition partition;
	struct vmsg_emu_bank bank = { .size = BUFFERS_SIZE };
	struct vmsg_emu_options options = {
		.socket_path = argc > 1 ? argv[1] : NULL,
		.secure = true,
		.banks = &bank,
		.bank_count = 1,
	};
	struct vmsg_emu *emu = NULL;
	char why[128] = "";
	const struct vmsg_span disk = argc > 2 ? load(argv[2]) : (struct vmsg_span){ NULL, 0 };

	if (disk.size == 0) {
		(void)fprintf(stderr, "usage: %s SOCKET IMAGE\n", argv[0]);
		return 2;
	}
	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		(void)fprintf(stderr, "%s: %s\n", argv[0], why);
		free(disk.data);
		return 1;
	}
	const struct partition_platform platform = {
		.conduit = vmsg_emu_conduit(emu),
		.tx = { bank.data, bank.address },
		.rx = { bank.data + VMSG_FFA_PAGE_SIZE, bank.address + VMSG_FFA_PAGE_SIZE },
		.disk = disk,
		.random_word = random_word,
	};
	int error = partition_init(&partition, &platform);
	if (error == 0) {
		(void)printf("# partition: serving virtio-blk and virtio-rng\n");
		(void)fflush(stdout);
		error = partition_run(&partition);
	}
	(void)fprintf(stderr, "# partition: %s\n", vmsg_error_name(error));
	vmsg_emu_close(emu);
	free(disk.data);
	return 1;
}
