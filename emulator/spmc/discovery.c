/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is there: FFA_PARTITION_INFO_GET and its register form. Only started partitions are listed,
 * in the order of declaration, one descriptor per (partition, UUID). The list's tag changes with
 * it.
 */
#include "spmc/internal.h"

#include <string.h>

#define FLAG_COUNT_ONLY 0x1u

/* x3..x17 hold five descriptors of three registers. */
#define REGS_DESCRIPTORS_MAX 5
#define REGS_FIRST           3
#define REGS_PER_DESCRIPTOR  3

/* Position in the list of descriptors that match `uuid`. */
struct walk {
	const struct spmc *spmc;
	const struct vmsg_ffa_uuid *uuid;
	bool any; /* nil UUID: everything, with UUIDs; else those that have it, without */
	size_t partition;
	uint32_t uuid_index;
};

static void walk_start(struct walk *walk, const struct spmc *spmc, const struct vmsg_ffa_uuid *uuid)
{
	*walk = (struct walk){ .spmc = spmc, .uuid = uuid, .any = vmsg_ffa_uuid_is_nil(uuid) };
}

static bool walk_next(struct walk *walk, struct vmsg_ffa_partition_info *info)
{
	for (; walk->partition < walk->spmc->partition_count;
	     walk->partition++, walk->uuid_index = 0) {
		const struct partition *partition = walk->spmc->partitions[walk->partition];
		const struct spmc_partition_config *config = &partition->config;
		/* A partition without UUIDs has one descriptor, with a nil one. */
		const uint32_t count = config->uuid_count ? config->uuid_count : 1;

		while (partition->started && walk->uuid_index < count) {
			const struct vmsg_ffa_uuid *uuid = &config->uuids[walk->uuid_index++];
			if (!walk->any &&
			    (config->uuid_count == 0 || !vmsg_ffa_uuid_equal(uuid, walk->uuid))) {
				continue;
			}
			*info = (struct vmsg_ffa_partition_info){
				.id = config->id,
				.vcpu_count = config->vcpu_count,
				.properties = config->properties,
			};
			if (walk->any && config->uuid_count) {
				info->uuid = *uuid;
			}
			return true;
		}
	}
	return false;
}

static uint32_t count_descriptors(const struct spmc *spmc, const struct vmsg_ffa_uuid *uuid)
{
	struct vmsg_ffa_partition_info info;
	struct walk walk;
	uint32_t count = 0;

	walk_start(&walk, spmc, uuid);
	while (walk_next(&walk, &info)) {
		count++;
	}
	return count;
}

enum spmc_result spmc_call_partition_info_get(struct spmc *spmc, struct vcpu *vcpu,
					      struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	const uint64_t pair[2] = { regs->x[1] | regs->x[2] << 32, regs->x[3] | regs->x[4] << 32 };
	const uint64_t flags = regs->x[5];
	struct vmsg_ffa_uuid uuid;

	vmsg_ffa_uuid_from_pair(&uuid, pair);
	const uint32_t count = count_descriptors(spmc, &uuid);
	if ((flags & ~(uint64_t)FLAG_COUNT_ONLY) || count == 0) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (flags & FLAG_COUNT_ONLY) {
		vmsg_ffa_pack_success(regs);
		regs->x[2] = count;
		return SPMC_REPLIED;
	}
	if (!spmc_rx_is_free(partition)) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	if (count > SPMC_BUFFER_SIZE / VMSG_FFA_PARTITION_INFO_SIZE) {
		return spmc_error(regs, VMSG_FFA_NO_MEMORY);
	}
	struct vmsg_ffa_partition_info info;
	struct walk walk;
	size_t size = 0;
	walk_start(&walk, spmc, &uuid);
	while (walk_next(&walk, &info)) {
		vmsg_ffa_partition_info_store(&info, spmc->scratch + size);
		size += VMSG_FFA_PARTITION_INFO_SIZE;
	}
	if (!spmc_rx_fill(spmc, partition, spmc->scratch, size)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	vmsg_ffa_pack_success(regs);
	regs->x[2] = count;
	regs->x[3] = VMSG_FFA_PARTITION_INFO_SIZE;
	return SPMC_REPLIED;
}

/* Descriptors `start`.. into x3..x17; returns the index of the last one written. */
static uint32_t fill_registers(const struct spmc *spmc, const struct vmsg_ffa_uuid *uuid,
			       uint32_t start, struct vmsg_ffa_regs *regs)
{
	struct vmsg_ffa_partition_info info;
	struct walk walk;
	uint32_t index = 0;

	walk_start(&walk, spmc, uuid);
	while (index < start + REGS_DESCRIPTORS_MAX && walk_next(&walk, &info)) {
		if (index >= start) {
			uint64_t *at = &regs->x[REGS_FIRST + REGS_PER_DESCRIPTOR * (index - start)];
			at[0] = info.id | (uint64_t)info.vcpu_count << 16 |
				(uint64_t)info.properties << 32;
			vmsg_ffa_uuid_to_pair(&info.uuid, &at[1]);
		}
		index++;
	}
	return index - 1;
}

enum spmc_result spmc_call_partition_info_get_regs(struct spmc *spmc, struct vcpu *vcpu,
						   struct vmsg_ffa_regs *regs)
{
	const uint32_t start = (uint16_t)regs->x[3];
	const uint32_t tag = (uint16_t)(regs->x[3] >> 16);
	const bool has_high_bits = regs->x[3] >> 32 != 0;
	struct vmsg_ffa_uuid uuid;

	(void)vcpu;
	vmsg_ffa_uuid_from_pair(&uuid, &regs->x[1]);
	const uint32_t count = count_descriptors(spmc, &uuid);
	if (has_high_bits || (start == 0 && tag != 0)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (start != 0 && tag != spmc->list_tag) {
		return spmc_error(regs, VMSG_FFA_RETRY);
	}
	if (start >= count) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	memset(regs, 0, sizeof(*regs));
	regs->x[0] = VMSG_FFA_ID64(SUCCESS);
	const uint32_t current = fill_registers(spmc, &uuid, start, regs);
	regs->x[2] = (count - 1) | (uint64_t)current << 16 | (uint64_t)spmc->list_tag << 32 |
		     (uint64_t)VMSG_FFA_PARTITION_INFO_SIZE << 48;
	spmc->list_tag_is_out = true;
	return SPMC_REPLIED;
}
