/* SPDX-License-Identifier: BSD-3-Clause */
/* The partition at S-EL1: its memory is static, its conduit one SMC instruction. */
#include "bare.h"

#include "partition.h"
#include "probe.h"

#ifndef PARTITION_CONDUIT
#define PARTITION_CONDUIT bare_conduit
#endif

static uint8_t tx[VMSG_FFA_PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t rx[VMSG_FFA_PAGE_SIZE] __attribute__((aligned(4096)));
static struct partition partition;

/* The file system image (disk.S). */
extern uint8_t disk_start[];
extern uint8_t disk_end[];

/*
 * splitmix64 over the counter: even enough for a demonstration, worthless as a secret. A real
 * partition asks its TRNG here.
 */
static uint64_t random_word(void *context)
{
	uint64_t *state = context;
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static struct vmsg_conduit conduit;

/*
 * The partition's own conduit, which also answers a request that is none of virtio-msg's: read a
 * word at an address, as one would who kept a pointer to memory that is no longer there.
 */
static void call_or_probe(void *context, struct vmsg_ffa_regs *regs)
{
	(void)context;
	conduit.call(conduit.context, regs);
	while (regs->x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ) && regs->x[3] == SCENARIO_PROBE) {
		uint64_t word = 0;
		const bool is_there = bare_probe(regs->x[4], &word);
		*regs = (struct vmsg_ffa_regs){ {
			VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP),
			(uint32_t)vmsg_ffa_destination(regs) << 16 | vmsg_ffa_source(regs),
			0,
			is_there ? SCENARIO_PROBE : SCENARIO_FAULT,
			word,
		} };
		conduit.call(conduit.context, regs);
	}
}

int main(void)
{
	static uint64_t seed;

	conduit = PARTITION_CONDUIT();
	const struct partition_platform platform = {
		.conduit = {
			.call = call_or_probe,
			.map = conduit.map,
			.unmap = conduit.unmap,
			.now = conduit.now,
			.context = conduit.context,
		},
		.tx = { tx, (uintptr_t)tx },
		.rx = { rx, (uintptr_t)rx },
		.disk = { disk_start, (size_t)(disk_end - disk_start) },
		.random_word = random_word,
		.context = &seed,
	};

	bare_set_console(BARE_FFA_LOG);
	seed = bare_now();
	int error = partition_init(&partition, &platform);
	if (error == 0) {
		bare_print("# partition: serving virtio-blk and virtio-rng\n");
		error = partition_run(&partition);
	}
	bare_print("# partition: ");
	bare_print(vmsg_error_name(error));
	bare_print("\n");
	return 1;
}
