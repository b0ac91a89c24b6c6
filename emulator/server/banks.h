/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The physical map: RAM banks of all partitions, sorted by address, each a sealed memfd that is
 * mapped here. The partition manager's seam to RAM.
 */
#ifndef VMSG_EMULATOR_SERVER_BANKS_H
#define VMSG_EMULATOR_SERVER_BANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spmc/spmc.h"

struct bank {
	uint64_t id; /* identity of the memory, never used twice */
	uint64_t address;
	uint64_t size;
	uint8_t *data;
	enum spmc_access access;
	bool may_be_sealed; /* its owner can still take writing away */
	int fd;
	uint16_t owner;
	bool orphan; /* its owner is dead, but somebody still holds a part */
	dev_t device;
	ino_t inode;
};

struct bank_map {
	struct bank **sorted;
	size_t count;
	size_t capacity;
	size_t orphan_count;
	uint64_t last_id;
	/* Tells that a bank is gone; may be NULL. */
	void (*gone)(void *context, uint64_t id);
	void *gone_context;
};

void bank_map_free(struct bank_map *map);

/*
 * Adds RAM of `owner`: checks the descriptor (memfd, not huge pages, sealed against shrinking,
 * large enough, nobody's yet) and the place (`address`, 0 = anywhere). Takes `fd` over on success.
 * NULL with one line in `why`.
 */
const struct bank *bank_map_add(struct bank_map *map, uint16_t owner, int fd, uint64_t address,
				uint64_t size, char *why, size_t why_size);

/* Takes the owner's bank that begins at `address` away again. NULL, or why not. */
const char *bank_map_remove(struct bank_map *map, const struct spmc *spmc, uint16_t owner,
			    uint64_t address);
size_t bank_map_count(const struct bank_map *map, uint16_t owner);

/* The living owner's bank at `address`, NULL if there is none. */
const struct bank *bank_map_find(const struct bank_map *map, uint16_t owner, uint64_t address);
/* Anybody's, orphans included: what a region lies in may have been donated to its owner, who may be
 * dead. */
const struct bank *bank_map_find_any(const struct bank_map *map, uint64_t address);

/* `owner` is dead: its banks go, except those still in use, which become orphans. */
void bank_map_drop_owner(struct bank_map *map, const struct spmc *spmc, uint16_t owner);
/* Lets go of orphans that nobody uses any more. */
void bank_map_sweep(struct bank_map *map, const struct spmc *spmc);

/* Seam to RAM; the context is the map. */
extern const struct spmc_memory_ops bank_memory_ops;

#endif
