/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A partition manager with partitions and RAM in one process and virtual time. Calls and replies
 * are written as in the vectors of the FF-A reference: registers in hex from x0 on, trailing zeros
 * left out, "-" for a call that has not returned.
 */
#ifndef VMSG_TESTS_SPMC_WORLD_H
#define VMSG_TESTS_SPMC_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spmc/spmc.h"
#include "support/regs_text.h"

/* The topology of the vectors. */
enum { VM1 = 1, VM2 = 2, SP1 = 0x8001 };

#define WORLD_BANKS_MAX 16
#define WORLD_TEXT_SIZE REGS_TEXT_SIZE

struct world_bank {
	uint16_t partition;
	bool readonly;
	uint64_t base;
	uint64_t size;
	uint64_t id;
	uint64_t first_page; /* of the backing object, for aliases */
	uint8_t *data;
	bool owns_data;
};

struct world_vcpu {
	uint16_t partition;
	uint16_t vcpu;
	bool blocked;
	char text[WORLD_TEXT_SIZE]; /* last reply */
};

struct world {
	struct spmc *spmc;
	uint64_t now_ns;
	struct world_bank banks[WORLD_BANKS_MAX];
	size_t bank_count;
	struct world_vcpu vcpus[64];
	size_t vcpu_count;
	/* Deliveries other than RETURN since the last call, as text: "grant 1 rw" and so on. */
	char events[WORLD_TEXT_SIZE];
};

/* An empty manager; 0 = its defaults, no scheduler. */
void world_open(struct world *world, uint32_t ffa_version, uint16_t scheduler);
/* The same with any options but those about memory. */
void world_open_options(struct world *world, const struct spmc_options *options);
void world_close(struct world *world);

/* Declares and starts a partition. */
void world_add(struct world *world, const struct spmc_partition_config *config);

/* RAM of a partition; the identity is new, unless it aliases another bank's pages. */
void world_add_ram(struct world *world, uint16_t partition, uint64_t base, uint64_t size,
		   bool readonly);
void world_add_alias(struct world *world, uint16_t partition, uint64_t base, uint64_t of);

/* VM1, VM2 and SP1 of the vectors, started, with RAM. Nothing is negotiated or mapped. */
void world_open_vectors(struct world *world, uint16_t scheduler);
/* The same into a world that has been opened. */
void world_add_vectors(struct world *world);
/* Negotiates and maps a partition's buffers at its world_tx() and world_rx(). */
void world_prepare(struct world *world, uint16_t partition, uint32_t ffa_version);
uint64_t world_tx(uint16_t partition);
uint64_t world_rx(uint16_t partition);

/* One call of vCPU 0 (or `vcpu`): returns the reply as text, valid until that vCPU's next. */
const char *world_call(struct world *world, uint16_t partition, const char *registers);
const char *world_call_vcpu(struct world *world, uint16_t partition, uint16_t vcpu,
			    const char *registers);
/* What the last call of this vCPU has returned by now, "-" if it has not. */
const char *world_reply(struct world *world, uint16_t partition, uint16_t vcpu);
/* Time passes; time slices end. */
void world_advance(struct world *world, uint64_t ns);
/* Death and rebirth of a partition, and its own interrupt. */
void world_stop(struct world *world, uint16_t partition);
void world_raise(struct world *world, uint16_t partition, uint16_t vcpu);

/* Bytes at an address of a partition; aborts the test program outside its RAM. */
uint8_t *world_at(struct world *world, uint16_t partition, uint64_t address, size_t size);
void world_put_hex(struct world *world, uint16_t partition, uint64_t address, const char *hex);

/* Fails the test unless the call of vCPU 0 is answered like this. */
void assert_call(struct world *world, uint16_t partition, const char *registers,
		 const char *expected);
void assert_call_vcpu(struct world *world, uint16_t partition, uint16_t vcpu, const char *registers,
		      const char *expected);
/* The same with a descriptor in TX first. */
void assert_call_tx(struct world *world, uint16_t partition, const char *tx, const char *registers,
		    const char *expected);
/* What the last call has brought besides returns: as in `events`, one of them. */
void assert_events(struct world *world, const char *expected);
/* Bytes at the start of the partition's RX. */
void assert_rx(struct world *world, uint16_t partition, const char *hex);

#endif
