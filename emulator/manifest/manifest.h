/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FF-A partition manifests, `arm,ffa-manifest-1.x` device trees as Hafnium, TF-A, OP-TEE and Arm's
 * conformance suite write them, one partition each. docs/manifests.md says which properties mean
 * something here. Every function returns 0, or -1 with one line in `why`: the file, the node and
 * the property, the value, the rule.
 */
#ifndef VMSG_EMULATOR_MANIFEST_H
#define VMSG_EMULATOR_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spmc/spmc.h"

/* What is read of one; partition managers on hardware have a page for it. */
#define MANIFEST_SIZE_MAX 65536u

struct manifest {
	const char *file;                    /* the caller's, for problems and as a last name */
	struct spmc_partition_config config; /* id 0: the first free one of its class */
	bool is_secure;
	bool has_scheduler;
	char note[192]; /* what its author may want to know; "" if nothing */
};

/* A flattened device tree of any bytes, at an address that is a multiple of 8. */
int manifest_parse(struct manifest *manifest, const char *file, const void *tree, size_t size,
		   char *why, size_t why_size);

/* Reads a file: a flattened device tree, or source, which dtc compiles (and the C preprocessor
 * before, if there are directives for it). */
int manifest_load(struct manifest *manifest, const char *path, char *why, size_t why_size);

struct manifest_system {
	struct spmc_partition_config partitions[SPMC_PARTITIONS_MAX];
	size_t partition_count;
	uint16_t scheduler; /* VM that schedules the secure partitions, 0 = none */
};

/* One system of them all, in their order: gives ids to those that name none; ids are unique, nobody
 * wants more than `ffa_version`, and at most one schedules. */
int manifest_join(struct manifest_system *system, const struct manifest *manifests, size_t count,
		  uint32_t ffa_version, char *why, size_t why_size);

#endif
