/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is there: FFA_PARTITION_INFO_GET and its register form. Only started partitions are listed,
 * in the order of declaration, one descriptor per (partition, UUID). The list's tag changes with
 * it.
 */
#include "spmc/internal.h"

#include <string.h>

#define FLAG_COUNT_ONLY 0x1u

/* x3..x17 hold descriptors: five of 24 bytes, two of 48. */
#define REGS_FIRST 3
#define REGS_COUNT 15

/* Since 1.3: UUID of the image at 24, its FF-A version at 40 */
#define DESCRIPTOR_SIZE_1_3  48
#define IMAGE_UUID_OFFSET    24
#define IMAGE_VERSION_OFFSET 40

/* Position in the list of descriptors that match `uuid`. */
struct walk {
	const struct spmc *spmc;
	const struct vmsg_ffa_uuid *uuid;
	bool any; /* nil UUID: everything, with UUIDs; else those that have it, without */
	size_t partition;
	uint32_t uuid_index;
	uint32_t properties; /* of the service that was found last */
};

static void walk_start(struct walk *walk, const struct spmc *spmc, const struct vmsg_ffa_uuid *uuid)
{
	*walk = (struct walk){ .spmc = spmc, .uuid = uuid, .any = vmsg_ffa_uuid_is_nil(uuid) };
}

/* The partition of the next descriptor, with the protocol UUID to tell, or NULL. */
static const struct partition *walk_next(struct walk *walk, struct vmsg_ffa_uuid *uuid)
{
	for (; walk->partition < walk->spmc->partition_count;
	     walk->partition++, walk->uuid_index = 0) {
		const struct partition *partition = walk->spmc->partitions[walk->partition];
		const struct spmc_partition_config *config = &partition->config;
		/* A partition without UUIDs has one descriptor, with a nil one. */
		const uint32_t count = config->uuid_count ? config->uuid_count : 1;

		while (partition->started && !spmc_is_physical(partition) &&
		       walk->uuid_index < count) {
			walk->properties = spmc_service_properties(config, walk->uuid_index);
			const struct vmsg_ffa_uuid *own = &config->uuids[walk->uuid_index++];
			if (walk->any) {
				*uuid = config->uuid_count ? *own : *walk->uuid;
				return partition;
			}
			if (config->uuid_count && vmsg_ffa_uuid_equal(own, walk->uuid)) {
				*uuid = (struct vmsg_ffa_uuid){ { 0 } };
				return partition;
			}
		}
	}
	return NULL;
}

static uint32_t descriptor_size(const struct partition *caller)
{
	return caller->version >= VMSG_FFA_VERSION_1_3 ? DESCRIPTOR_SIZE_1_3
						       : VMSG_FFA_PARTITION_INFO_SIZE;
}

/* In registers. */
static uint32_t regs_descriptor_size(const struct spmc *spmc, const struct partition *caller)
{
	return spmc->policy->info_regs_long ? DESCRIPTOR_SIZE_1_3 : descriptor_size(caller);
}

/* One descriptor of `size` bytes. */
static void store_descriptor(const struct spmc *spmc, const struct partition *caller, uint32_t size,
			     const struct partition *partition, const struct vmsg_ffa_uuid *uuid,
			     uint32_t properties, uint8_t *bytes)
{
	const struct spmc_partition_config *config = &partition->config;
	struct vmsg_ffa_partition_info info = {
		.id = config->id,
		.vcpu_count = config->vcpu_count,
		.properties = properties,
		.uuid = *uuid,
	};
	if (spmc->policy->info_sends_hidden && !spmc_is_secure(caller->config.id)) {
		info.properties &=
			~(VMSG_FFA_PROPERTY_DIRECT_SEND | VMSG_FFA_PROPERTY_DIRECT2_SEND);
	}
	vmsg_ffa_partition_info_store(&info, bytes);
	if (size == DESCRIPTOR_SIZE_1_3) {
		const uint32_t version =
			partition->version ? partition->version : spmc_own_version(spmc, partition);
		memset(bytes + IMAGE_UUID_OFFSET, 0, DESCRIPTOR_SIZE_1_3 - IMAGE_UUID_OFFSET);
		memcpy(bytes + IMAGE_UUID_OFFSET, config->image_uuid.bytes,
		       sizeof(config->image_uuid.bytes));
		for (size_t i = 0; i < 4; i++) {
			bytes[IMAGE_VERSION_OFFSET + i] = (uint8_t)(version >> (8 * i));
		}
	}
}

static uint32_t count_descriptors(const struct spmc *spmc, const struct vmsg_ffa_uuid *uuid)
{
	struct vmsg_ffa_uuid told;
	struct walk walk;
	uint32_t count = 0;

	walk_start(&walk, spmc, uuid);
	while (walk_next(&walk, &told)) {
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
	const uint32_t size = descriptor_size(partition);
	if (count > SPMC_BUFFER_SIZE / size) {
		return spmc_error(regs, VMSG_FFA_NO_MEMORY);
	}
	const struct partition *listed;
	struct vmsg_ffa_uuid told;
	struct walk walk;
	size_t end = 0;
	walk_start(&walk, spmc, &uuid);
	while ((listed = walk_next(&walk, &told)) != NULL) {
		store_descriptor(spmc, partition, size, listed, &told, walk.properties,
				 spmc->scratch + end);
		end += size;
	}
	if (!spmc_rx_fill(spmc, partition, spmc->scratch, end)) {
		return spmc_error(regs, VMSG_FFA_ABORTED);
	}
	vmsg_ffa_pack_success(regs);
	regs->x[2] = count;
	regs->x[3] = size;
	return SPMC_REPLIED;
}

/* Descriptors `start`.. into x3..x17, which are zero; returns the index of the last one written. */
static uint32_t fill_registers(const struct spmc *spmc, const struct partition *caller,
			       const struct vmsg_ffa_uuid *uuid, uint32_t start,
			       struct vmsg_ffa_regs *regs)
{
	const uint32_t registers = regs_descriptor_size(spmc, caller) / 8;
	uint64_t *at = &regs->x[REGS_FIRST];
	const struct partition *listed;
	struct vmsg_ffa_uuid told;
	struct walk walk;
	uint32_t index = 0;

	walk_start(&walk, spmc, uuid);
	while (index < start + REGS_COUNT / registers &&
	       (listed = walk_next(&walk, &told)) != NULL) {
		if (index++ < start) {
			continue;
		}
		uint8_t bytes[DESCRIPTOR_SIZE_1_3];
		store_descriptor(spmc, caller, 8 * registers, listed, &told, walk.properties,
				 bytes);
		for (uint32_t i = 0; i < 8 * registers; i++) {
			at[i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
		}
		at += registers;
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
	const uint32_t current = fill_registers(spmc, vcpu->partition, &uuid, start, regs);
	regs->x[2] = (count - 1) | (uint64_t)current << 16 | (uint64_t)spmc->list_tag << 32 |
		     (uint64_t)regs_descriptor_size(spmc, vcpu->partition) << 48;
	spmc->list_tag_is_out = true;
	return SPMC_REPLIED;
}
