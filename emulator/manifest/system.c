/* SPDX-License-Identifier: BSD-3-Clause */
/* A system of manifests: who has which id, and who schedules. */
#include "manifest/manifest.h"

#include <stdio.h>
#include <string.h>

#define FIRST_VM     0x0001u
#define FIRST_SECURE (VMSG_FFA_SPMC_ID + 1u)

/* The manifest, before number `count`, that has this id; `count` if there is none. */
static size_t find_id(const struct spmc_partition_config *partitions, size_t count, uint16_t id)
{
	size_t i = 0;

	while (i < count && partitions[i].id != id) {
		i++;
	}
	return i;
}

/* More ids than partitions: the search ends. */
static uint16_t first_free(const struct manifest_system *system, bool is_secure)
{
	uint16_t id = is_secure ? FIRST_SECURE : FIRST_VM;

	while (find_id(system->partitions, system->partition_count, id) < system->partition_count) {
		id++;
	}
	return id;
}

int manifest_join(struct manifest_system *system, const struct manifest *manifests, size_t count,
		  uint32_t ffa_version, char *why, size_t why_size)
{
	const struct manifest *scheduler = NULL;

	memset(system, 0, sizeof(*system));
	if (count > SPMC_PARTITIONS_MAX) {
		snprintf(why, why_size, "%s: is manifest %zu, a system has at most %d partitions",
			 manifests[SPMC_PARTITIONS_MAX].file, count, SPMC_PARTITIONS_MAX);
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		const struct manifest *manifest = &manifests[i];
		const size_t other = find_id(system->partitions, i, manifest->config.id);
		if (manifest->config.id && other < i) {
			snprintf(why, why_size, "%s: /: id is 0x%04x, as in %s", manifest->file,
				 manifest->config.id, manifests[other].file);
			return -1;
		}
		if (manifest->config.ffa_version > ffa_version) {
			snprintf(why, why_size,
				 "%s: /: ffa-version is 1.%u, and the manager's 1.%u: see "
				 "--ffa-version",
				 manifest->file, manifest->config.ffa_version & 0xFFFFu,
				 ffa_version & 0xFFFFu);
			return -1;
		}
		if (manifest->has_scheduler && scheduler) {
			snprintf(why, why_size,
				 "%s: /: has-primary-scheduler, as in %s: a system has one",
				 manifest->file, scheduler->file);
			return -1;
		}
		scheduler = manifest->has_scheduler ? manifest : scheduler;
		system->partitions[i] = manifest->config;
	}
	system->partition_count = count;
	for (size_t i = 0; i < count; i++) {
		if (!system->partitions[i].id) {
			system->partitions[i].id = first_free(system, manifests[i].is_secure);
		}
		if (scheduler == &manifests[i]) {
			system->scheduler = system->partitions[i].id;
		}
	}
	return 0;
}
