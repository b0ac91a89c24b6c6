/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of the manager and of its partitions, and the ring of deliveries. Invariant: the ring has
 * room for one RETURN of every vCPU, the interrupts of every partition and what one call adds, so
 * that delivering never fails.
 */
#include "spmc/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* NPI and SRI of a partition, at most one of each outstanding. */
#define INTERRUPTS_PER_PARTITION 2
/* A grant and a revocation of the call that is being made. */
#define DELIVERIES_PER_CALL 4

static void note_missing(struct spmc *spmc, const struct policy_missing *row)
{
	for (unsigned int secure = 0; secure < 2; secure++) {
		for (unsigned int is_64 = 0; is_64 < 2; is_64++) {
			if ((row->callers >> secure & 1) && (row->forms >> is_64 & 1)) {
				spmc->missing[secure][is_64][row->number] = (int8_t)row->status;
			}
		}
	}
}

struct spmc *spmc_create(const struct spmc_options *options)
{
	struct spmc *spmc = calloc(1, sizeof(*spmc));

	if (!spmc) {
		return NULL;
	}
	spmc->policy = options->policy ? options->policy : &spmc_policies[0];
	for (size_t i = 0; i < spmc->policy->missing_count; i++) {
		note_missing(spmc, &spmc->policy->missing[i]);
	}
	spmc->version =
		options->ffa_version ? options->ffa_version : spmc_policy_version(spmc->policy);
	spmc->time_slice_ns = options->time_slice_ns ? options->time_slice_ns : SPMC_TIME_SLICE_NS;
	spmc->scheduler = options->scheduler;
	spmc->has_scheduler = options->scheduler != 0;
	spmc->memory = options->memory;
	spmc->memory_context = options->memory_context;
	spmc->delivery_capacity = DELIVERIES_PER_CALL;
	spmc->deliveries = calloc(spmc->delivery_capacity, sizeof(*spmc->deliveries));
	if (!spmc->deliveries) {
		free(spmc);
		return NULL;
	}
	return spmc;
}

void spmc_destroy(struct spmc *spmc)
{
	if (!spmc) {
		return;
	}
	/* Stopping a partition frees what it owns and nobody holds; when all are stopped, nobody
	 * holds anything. */
	for (size_t i = 0; i < spmc->partition_count; i++) {
		spmc->delivery_count = 0;
		spmc_stop(spmc, spmc->partitions[i]->config.id);
	}
	spmc_free_retiring(spmc);
	for (size_t i = 0; i < spmc->partition_count; i++) {
		free(spmc->partitions[i]->vcpus);
		free(spmc->partitions[i]);
	}
	free(spmc->deliveries);
	free(spmc);
}

static const char *check_config(const struct spmc *spmc, const struct spmc_partition_config *config)
{
	const bool is_vm = config->id < 0x7FFF && (config->id >= 1 || spmc->policy->physical);
	const bool is_sp = config->id > VMSG_FFA_SPMC_ID && config->id < 0xFFC0;

	if (!is_vm && !is_sp) {
		return "id is neither a VM's (1 to 0x7FFE) nor a secure partition's (0x8001 to "
		       "0xFFBF)";
	}
	if (spmc->index_of_id[config->id]) {
		return "id is taken";
	}
	if (config->vcpu_count == 0 || config->vcpu_count > SPMC_VCPUS_MAX) {
		return "a partition has 1 to 64 vCPUs";
	}
	if (config->uuid_count > SPMC_UUIDS_MAX) {
		return "a partition has at most 8 UUIDs";
	}
	if (spmc->partition_count == SPMC_PARTITIONS_MAX) {
		return "there are 250 partitions already";
	}
	return NULL;
}

/* Makes room for the deliveries of one more partition. The ring is empty between calls. */
static bool reserve_deliveries(struct spmc *spmc, size_t more)
{
	assert(spmc->delivery_count == 0);
	struct spmc_delivery *grown =
		calloc(spmc->delivery_capacity + more, sizeof(*spmc->deliveries));
	if (!grown) {
		return false;
	}
	free(spmc->deliveries);
	spmc->deliveries = grown;
	spmc->delivery_capacity += more;
	return true;
}

int spmc_add_partition(struct spmc *spmc, const struct spmc_partition_config *config,
		       const char **why)
{
	*why = check_config(spmc, config);
	if (*why) {
		return -1;
	}
	struct partition *partition = calloc(1, sizeof(*partition));
	struct vcpu *vcpus = calloc(config->vcpu_count, sizeof(*vcpus));
	if (!partition || !vcpus ||
	    !reserve_deliveries(spmc, config->vcpu_count + INTERRUPTS_PER_PARTITION)) {
		free(vcpus);
		free(partition);
		*why = "out of memory";
		return -1;
	}
	partition->config = *config;
	partition->config.name[sizeof(partition->config.name) - 1] = '\0';
	partition->vcpus = vcpus;
	for (uint16_t i = 0; i < config->vcpu_count; i++) {
		vcpus[i].partition = partition;
		vcpus[i].index = i;
	}
	/* there is nobody else who could give a secure partition its time */
	spmc->has_scheduler = spmc->has_scheduler || spmc_is_physical(partition);
	spmc->partitions[spmc->partition_count++] = partition;
	spmc->index_of_id[config->id] = (uint16_t)spmc->partition_count;
	return 0;
}

struct partition *spmc_find_declared(const struct spmc *spmc, uint16_t id)
{
	const uint16_t index = spmc->index_of_id[id];

	return index ? spmc->partitions[index - 1] : NULL;
}

struct partition *spmc_find(const struct spmc *spmc, uint16_t id)
{
	struct partition *partition = spmc_find_declared(spmc, id);

	return partition && partition->started ? partition : NULL;
}

bool spmc_is_secure(uint16_t id)
{
	return (id & 0x8000) != 0;
}

bool spmc_is_physical(const struct partition *partition)
{
	return partition->config.id == 0;
}

#define MESSAGING                                                                                  \
	(VMSG_FFA_PROPERTY_DIRECT_RECEIVE | VMSG_FFA_PROPERTY_DIRECT_SEND |                        \
	 VMSG_FFA_PROPERTY_INDIRECT | VMSG_FFA_PROPERTY_DIRECT2_RECEIVE |                          \
	 VMSG_FFA_PROPERTY_DIRECT2_SEND)

uint32_t spmc_service_properties(const struct spmc_partition_config *config, uint32_t index)
{
	const uint32_t messaging = config->messaging[index];

	return messaging ? (config->properties & ~MESSAGING) | messaging : config->properties;
}

uint32_t spmc_uuid_properties(const struct partition *partition, const struct vmsg_ffa_uuid *uuid)
{
	const struct spmc_partition_config *config = &partition->config;
	uint32_t properties = 0;

	if (vmsg_ffa_uuid_is_nil(uuid)) {
		return config->properties;
	}
	for (uint32_t i = 0; i < config->uuid_count; i++) {
		if (vmsg_ffa_uuid_equal(uuid, &config->uuids[i])) {
			properties |= spmc_service_properties(config, i);
		}
	}
	return properties;
}

bool spmc_has_uuid(const struct partition *partition, const struct vmsg_ffa_uuid *uuid)
{
	if (vmsg_ffa_uuid_is_nil(uuid)) {
		return true;
	}
	for (uint32_t i = 0; i < partition->config.uuid_count; i++) {
		if (vmsg_ffa_uuid_equal(uuid, &partition->config.uuids[i])) {
			return true;
		}
	}
	return false;
}

static void list_has_changed(struct spmc *spmc)
{
	if (spmc->list_tag_is_out) {
		spmc->list_tag++;
		spmc->list_tag_is_out = false;
	}
}

int spmc_start(struct spmc *spmc, uint16_t id)
{
	struct partition *partition = spmc_find_declared(spmc, id);

	if (!partition || partition->started) {
		return -1;
	}
	partition->started = true;
	partition->version = 0;
	partition->version_frozen = false;
	partition->version_closed = false;
	partition->has_bitmap = !spmc_is_physical(partition);
	for (uint16_t i = 0; i < partition->config.vcpu_count; i++) {
		partition->vcpus[i].interrupt_pending = false;
		partition->vcpus[i].notification_pending = false;
		partition->vcpus[i].owes_sri = false;
	}
	list_has_changed(spmc);
	return 0;
}

void spmc_stop(struct spmc *spmc, uint16_t id)
{
	struct partition *partition = spmc_find(spmc, id);

	if (!partition) {
		return;
	}
	spmc_direct_stop(spmc, partition);
	spmc_regions_stop(spmc, partition);
	spmc_ownership_stop(spmc, partition);
	spmc_buffers_drop(spmc, partition);
	spmc_notifications_stop(spmc, partition);
	partition->started = false;
	list_has_changed(spmc);
	spmc_tell_death(spmc, partition);
}

void spmc_deliver(struct spmc *spmc, const struct spmc_delivery *delivery)
{
	assert(spmc->delivery_count < spmc->delivery_capacity);
	const size_t last = (spmc->delivery_first + spmc->delivery_count) % spmc->delivery_capacity;
	spmc->deliveries[last] = *delivery;
	spmc->delivery_count++;
}

void spmc_return(struct spmc *spmc, struct vcpu *vcpu, const struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;

	vcpu->state = VCPU_RUNNING;
	partition->waiting &= ~(UINT64_C(1) << vcpu->index);
	spmc_deliver(spmc, &(struct spmc_delivery){
				   .kind = SPMC_RETURN,
				   .partition = partition->config.id,
				   .vcpu = vcpu->index,
				   .regs = *regs,
			   });
}

bool spmc_next(struct spmc *spmc, struct spmc_delivery *delivery)
{
	if (spmc->delivery_count == 0) {
		return false;
	}
	*delivery = spmc->deliveries[spmc->delivery_first];
	spmc->delivery_first = (spmc->delivery_first + 1) % spmc->delivery_capacity;
	spmc->delivery_count--;
	return true;
}

bool spmc_bank_in_use(const struct spmc *spmc, uint64_t bank)
{
	return page_index_has_bank(&spmc->pages, bank) ||
	       page_index_has_bank(&spmc->donated_pages, bank);
}

size_t spmc_partition_count(const struct spmc *spmc)
{
	return spmc->partition_count;
}

void spmc_partition_state(const struct spmc *spmc, size_t index, struct spmc_partition_state *state)
{
	memset(state, 0, sizeof(*state));
	if (index >= spmc->partition_count) {
		return;
	}
	const struct partition *partition = spmc->partitions[index];
	state->config = &partition->config;
	state->started = partition->started;
	state->ffa_version = partition->started ? partition->version : 0;
	state->regions_owned = partition->region_count;
	state->regions_borrowed = partition->borrowed_count;
	for (uint16_t i = 0; i < partition->config.vcpu_count; i++) {
		const enum vcpu_state vcpu = partition->vcpus[i].state;
		state->waiting += vcpu == VCPU_WAITING;
		state->blocked += vcpu == VCPU_BLOCKED;
		state->yielded += vcpu == VCPU_YIELDED;
	}
	state->has_buffers = partition->buffers.mapped;
	state->rx_full = partition->buffers.mapped && partition->buffers.rx_state == RX_FULL;
	state->notified = partition->from_sps.pending || partition->from_vms.pending ||
			  partition->rx_full_spm || partition->rx_full_hypervisor;
}
