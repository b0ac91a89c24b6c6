/* SPDX-License-Identifier: BSD-3-Clause */
/* RX/TX buffers: mapping, ownership of RX, and their pages in the page index, which keeps them from
 * being shared and from being mapped by two partitions. */
#include "spmc/internal.h"

static bool is_aligned(uint64_t address)
{
	return address % VMSG_FFA_PAGE_SIZE == 0;
}

/* The pages of one buffer as a run; false unless they are in the partition's own RAM, in one bank
 * and writable by the partition. */
static bool identify(struct spmc *spmc, struct partition *partition, uint64_t address,
		     struct page_run *run)
{
	struct owned owned;

	if (!spmc_own_pages(spmc, partition, address, SPMC_BUFFER_PAGES, &owned) ||
	    owned.home.partition != partition || owned.count < SPMC_BUFFER_PAGES ||
	    owned.access == SPMC_READ_ONLY) {
		return false;
	}
	*run = (struct page_run){
		.bank = owned.page.bank,
		.first = owned.page.page,
		.count = SPMC_BUFFER_PAGES,
		.user = &partition->buffers,
	};
	return true;
}

/* Buffers of somebody (the same page twice included) are INVALID, shared memory is DENIED. */
static enum vmsg_ffa_status claim(struct spmc *spmc, struct page_run *run)
{
	const struct page_run *other = page_index_add(&spmc->pages, run);

	if (!other) {
		return VMSG_FFA_OK;
	}
	for (size_t i = 0; i < spmc->partition_count; i++) {
		if (other->user == &spmc->partitions[i]->buffers) {
			return VMSG_FFA_INVALID_PARAMETERS;
		}
	}
	return VMSG_FFA_DENIED;
}

enum spmc_result spmc_call_rxtx_map(struct spmc *spmc, struct vcpu *vcpu,
				    struct vmsg_ffa_regs *regs)
{
	struct buffers *buffers = &vcpu->partition->buffers;
	const uint64_t tx = regs->x[1];
	const uint64_t rx = regs->x[2];
	const uint32_t pages = (uint32_t)regs->x[3]; /* bits 31:6 must be zero */
	struct page_run tx_run, rx_run;

	/* One page: distinct aligned addresses cannot overlap, and aliases are caught by claim().
	 */
	if (!is_aligned(tx) || !is_aligned(rx) || tx == rx || pages == 0 ||
	    pages > SPMC_BUFFER_PAGES) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (buffers->mapped) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (!identify(spmc, vcpu->partition, tx, &tx_run) ||
	    !identify(spmc, vcpu->partition, rx, &rx_run)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	buffers->tx_run = tx_run;
	buffers->rx_run = rx_run;
	enum vmsg_ffa_status status = claim(spmc, &buffers->tx_run);
	if (status != VMSG_FFA_OK) {
		return spmc_error(regs, status);
	}
	status = claim(spmc, &buffers->rx_run);
	if (status != VMSG_FFA_OK) {
		page_index_remove(&spmc->pages, &buffers->tx_run);
		return spmc_error(regs, status);
	}
	buffers->mapped = true;
	buffers->rx_state = RX_EMPTY;
	buffers->tx_address = tx;
	buffers->rx_address = rx;
	return spmc_success(regs);
}

void spmc_buffers_drop(struct spmc *spmc, struct partition *partition)
{
	struct buffers *buffers = &partition->buffers;

	if (buffers->mapped) {
		page_index_remove(&spmc->pages, &buffers->tx_run);
		page_index_remove(&spmc->pages, &buffers->rx_run);
		buffers->mapped = false;
		buffers->rx_state = RX_EMPTY;
	}
}

/* Only a hypervisor names a partition; older Linux and the ACS name themselves. */
bool spmc_names_self(const struct partition *partition, uint64_t id)
{
	return id == 0 || id == partition->config.id;
}

enum spmc_result spmc_call_rxtx_unmap(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;

	if ((regs->x[1] & 0xFFFF) || !spmc_names_self(partition, regs->x[1] >> 16) ||
	    !partition->buffers.mapped) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (partition->buffers.rx_state == RX_FULL) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	spmc_buffers_drop(spmc, partition);
	return spmc_success(regs);
}

enum spmc_result spmc_call_rx_release(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;

	if (!spmc_names_self(partition, regs->x[1])) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (partition->buffers.rx_state != RX_FULL ||
	    (spmc->policy->rx_release_after_get &&
	     (partition->rx_full_spm || partition->rx_full_hypervisor))) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	spmc_rx_release(partition);
	return spmc_success(regs);
}

/* Whoever forwards messages takes RX from the manager before it writes there. */
enum spmc_result spmc_call_rx_acquire(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;

	(void)spmc;
	if (!spmc_is_physical(partition)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	if (!spmc_names_self(partition, regs->x[1])) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!spmc_rx_is_free(partition)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	partition->buffers.rx_state = RX_FULL;
	return spmc_success(regs);
}

bool spmc_rx_is_free(const struct partition *partition)
{
	return partition->buffers.mapped && partition->buffers.rx_state == RX_EMPTY;
}

bool spmc_rx_fill(struct spmc *spmc, struct partition *partition, const void *bytes, size_t size)
{
	struct buffers *buffers = &partition->buffers;

	/* Since 1.3 nothing of an earlier message is left behind the new one. */
	if (partition->version >= VMSG_FFA_VERSION_1_3 &&
	    spmc->memory->zero(spmc->memory_context, partition->config.id, buffers->rx_address,
			       SPMC_BUFFER_SIZE) != 0) {
		return false;
	}
	if (spmc->memory->write(spmc->memory_context, partition->config.id, buffers->rx_address,
				bytes, size) != 0) {
		return false;
	}
	buffers->rx_state = RX_FULL;
	return true;
}

void spmc_rx_release(struct partition *partition)
{
	partition->buffers.rx_state = RX_EMPTY;
}

bool spmc_snapshot_tx(struct spmc *spmc, const struct partition *partition, size_t size)
{
	return partition->buffers.mapped && size <= SPMC_BUFFER_SIZE &&
	       spmc->memory->read(spmc->memory_context, partition->config.id,
				  partition->buffers.tx_address, spmc->scratch, size) == 0;
}
