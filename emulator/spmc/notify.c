/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notifications: 64 bits from secure partitions, 64 from VMs and the framework's "RX is full" per
 * receiver, global only. Who receives learns of it by NPI and, if it waits, by the end of its wait;
 * in a system with a scheduler, that one learns of it by SRI, asks who it is for and runs them.
 * Each interrupt is outstanding at most once: NPI until NOTIFICATION_GET, SRI until INFO_GET.
 */
#include "spmc/internal.h"

#include <string.h>

#define FLAG_DELAY_SRI 0x2u

#define GET_FROM_SPS  0x1u
#define GET_FROM_VMS  0x2u
#define GET_FRAMEWORK 0xCu
#define GET_FLAGS     (GET_FROM_SPS | GET_FROM_VMS | GET_FRAMEWORK)

#define INFO_LIST_COUNT_SHIFT 7
#define INFO_MORE             0x1u
#define INFO_FIRST            3 /* register */
#define INFO_IDS_64           20
#define INFO_IDS_32           10

static struct notifications *from_class(struct partition *receiver, uint16_t sender)
{
	return spmc_is_secure(sender) ? &receiver->from_sps : &receiver->from_vms;
}

static uint64_t bitmap_of(const struct vmsg_ffa_regs *regs)
{
	return regs->x[3] | regs->x[4] << 32;
}

static bool is_pending(const struct partition *partition)
{
	return partition->from_sps.pending || partition->from_vms.pending ||
	       partition->rx_full_spm || partition->rx_full_hypervisor;
}

static void send_interrupt(struct spmc *spmc, uint16_t id, uint32_t interrupt)
{
	spmc_deliver(spmc, &(struct spmc_delivery){
				   .kind = SPMC_INTERRUPT,
				   .partition = id,
				   .interrupt = interrupt,
			   });
}

void spmc_signal_scheduler(struct spmc *spmc)
{
	const struct partition *scheduler =
		spmc->has_scheduler ? spmc_find(spmc, spmc->scheduler) : NULL;

	if (scheduler && !spmc->sri_outstanding) {
		spmc->sri_outstanding = true;
		send_interrupt(spmc, spmc->scheduler, VMSG_FFA_INTERRUPT_SRI);
	}
}

void spmc_notify(struct spmc *spmc, struct vcpu *sender, struct partition *receiver, bool delay_sri)
{
	receiver->reported = false;
	if (!receiver->npi_outstanding) {
		receiver->npi_outstanding = true;
		send_interrupt(spmc, receiver->config.id, VMSG_FFA_INTERRUPT_NPI);
	}
	if (spmc->has_scheduler && spmc_is_secure(receiver->config.id)) {
		if (delay_sri) {
			sender->owes_sri = true;
		} else {
			spmc_signal_scheduler(spmc);
		}
		return;
	}
	spmc_wake(spmc, receiver);
}

bool spmc_has_bitmap_calls(const struct spmc *spmc, const struct partition *partition)
{
	return spmc_is_physical(partition) ||
	       (spmc->policy->bitmap_calls && !spmc_is_secure(partition->config.id));
}

static enum spmc_result change_bitmap(const struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs, bool create)
{
	struct partition *partition = vcpu->partition;

	if (!spmc_has_bitmap_calls(spmc, partition)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	if (regs->x[1] != partition->config.id || (create && regs->x[2] == 0)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (partition->has_bitmap == create || is_pending(partition)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	partition->has_bitmap = create;
	partition->from_sps.bound = 0;
	return spmc_success(regs);
}

enum spmc_result spmc_call_notification_bitmap_create(struct spmc *spmc, struct vcpu *vcpu,
						      struct vmsg_ffa_regs *regs)
{
	return change_bitmap(spmc, vcpu, regs, true);
}

enum spmc_result spmc_call_notification_bitmap_destroy(struct spmc *spmc, struct vcpu *vcpu,
						       struct vmsg_ffa_regs *regs)
{
	return change_bitmap(spmc, vcpu, regs, false);
}

/* Receiver and sender of BIND and UNBIND, whose caller is the receiver. */
static bool check_binding_ids(const struct spmc *spmc, const struct partition *caller,
			      const struct vmsg_ffa_regs *regs)
{
	const uint16_t sender = vmsg_ffa_source(regs);

	return vmsg_ffa_destination(regs) == caller->config.id && sender != caller->config.id &&
	       spmc_find(spmc, sender) && bitmap_of(regs) != 0;
}

static bool receives(const struct partition *partition)
{
	return (partition->config.properties & VMSG_FFA_PROPERTY_NOTIFICATIONS) != 0;
}

enum spmc_result spmc_call_notification_bind(struct spmc *spmc, struct vcpu *vcpu,
					     struct vmsg_ffa_regs *regs)
{
	struct partition *receiver = vcpu->partition;
	const uint16_t sender = vmsg_ffa_source(regs);
	const uint64_t bitmap = bitmap_of(regs);
	struct notifications *notifications = from_class(receiver, sender);

	if (!receives(receiver)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	if (spmc->policy->bind_vm_to_vm_missing && !spmc_is_secure(receiver->config.id) &&
	    !spmc_is_secure(sender)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	/* Notifications per vCPU (bit 0) are not supported. */
	if (regs->x[2] && spmc->policy->bind_flags_denied) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (regs->x[2] || !check_binding_ids(spmc, receiver, regs)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!receiver->has_bitmap || (bitmap & (notifications->bound | notifications->pending))) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	notifications->bound |= bitmap;
	for (size_t i = 0; i < 64; i++) {
		if (bitmap >> i & 1) {
			notifications->sender[i] = sender;
		}
	}
	return spmc_success(regs);
}

/* The bits that `sender` may set. */
static uint64_t bound_to(const struct notifications *notifications, uint16_t sender)
{
	uint64_t bitmap = 0;

	for (size_t i = 0; i < 64; i++) {
		if ((notifications->bound >> i & 1) && notifications->sender[i] == sender) {
			bitmap |= UINT64_C(1) << i;
		}
	}
	return bitmap;
}

enum spmc_result spmc_call_notification_unbind(struct spmc *spmc, struct vcpu *vcpu,
					       struct vmsg_ffa_regs *regs)
{
	struct partition *receiver = vcpu->partition;
	const uint16_t sender = vmsg_ffa_source(regs);
	const uint64_t bitmap = bitmap_of(regs);
	struct notifications *notifications = from_class(receiver, sender);

	if (!receives(receiver)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	if (regs->x[2] || !check_binding_ids(spmc, receiver, regs)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if ((bitmap & ~bound_to(notifications, sender)) || (bitmap & notifications->pending)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	notifications->bound &= ~bitmap;
	return spmc_success(regs);
}

bool spmc_delay_sri_is_ok(const struct partition *sender, uint32_t flags)
{
	return (flags & ~FLAG_DELAY_SRI) == 0 && (flags == 0 || spmc_is_secure(sender->config.id));
}

enum spmc_result spmc_call_notification_set(struct spmc *spmc, struct vcpu *vcpu,
					    struct vmsg_ffa_regs *regs)
{
	const uint16_t sender = vcpu->partition->config.id;
	const uint16_t destination = vmsg_ffa_destination(regs);
	struct partition *receiver = spmc_find(spmc, destination);
	const uint32_t flags = (uint32_t)regs->x[2];
	const uint64_t bitmap = bitmap_of(regs);

	/* A vCPU (31:16) and bit 0 belong to notifications per vCPU. */
	if (vmsg_ffa_source(regs) != sender || destination == sender || !receiver || bitmap == 0 ||
	    !spmc_delay_sri_is_ok(vcpu->partition, flags)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct notifications *notifications = from_class(receiver, sender);
	if (!receives(receiver) || !receiver->has_bitmap ||
	    (bitmap & ~bound_to(notifications, sender))) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	notifications->pending |= bitmap;
	spmc_notify(spmc, vcpu, receiver, flags != 0);
	return spmc_success(regs);
}

static uint64_t take(uint64_t *word)
{
	const uint64_t value = *word;

	*word = 0;
	return value;
}

enum spmc_result spmc_call_notification_get(struct spmc *spmc, struct vcpu *vcpu,
					    struct vmsg_ffa_regs *regs)
{
	struct partition *receiver = vcpu->partition;
	const uint64_t flags = regs->x[2];

	(void)spmc;
	if ((uint16_t)regs->x[1] != receiver->config.id ||
	    regs->x[1] >> 16 >= receiver->config.vcpu_count || (flags & ~(uint64_t)GET_FLAGS)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	vmsg_ffa_pack_success(regs);
	if (flags & GET_FROM_SPS) {
		const uint64_t bitmap = take(&receiver->from_sps.pending);
		regs->x[2] = (uint32_t)bitmap;
		regs->x[3] = bitmap >> 32;
	}
	if (flags & GET_FROM_VMS) {
		const uint64_t bitmap = take(&receiver->from_vms.pending);
		regs->x[4] = (uint32_t)bitmap;
		regs->x[5] = bitmap >> 32;
	}
	/* As Hafnium: asking for one framework word gets both. */
	if (flags & GET_FRAMEWORK) {
		regs->x[6] = receiver->rx_full_spm;
		regs->x[7] = receiver->rx_full_hypervisor;
		receiver->rx_full_spm = false;
		receiver->rx_full_hypervisor = false;
	}
	receiver->npi_outstanding = false;
	receiver->reported = false;
	spmc_forget_wake(receiver);
	return SPMC_REPLIED;
}

bool spmc_is_scheduler(const struct spmc *spmc, const struct partition *partition)
{
	return spmc->has_scheduler ? partition->config.id == spmc->scheduler
				   : !spmc_is_secure(partition->config.id);
}

/* Every partition with something pending, once until its next GET. */
enum spmc_result spmc_call_notification_info_get(struct spmc *spmc, struct vcpu *vcpu,
						 struct vmsg_ffa_regs *regs)
{
	const bool is_64 = (uint32_t)regs->x[0] == VMSG_FFA_ID64(NOTIFICATION_INFO_GET);
	const size_t capacity = is_64 ? INFO_IDS_64 : INFO_IDS_32;
	const size_t per_register = is_64 ? 4 : 2;
	size_t count = 0;
	bool more = false;

	if (!spmc_is_scheduler(spmc, vcpu->partition)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	memset(regs, 0, sizeof(*regs));
	for (size_t i = 0; i < spmc->partition_count; i++) {
		struct partition *partition = spmc->partitions[i];
		if (!partition->started || partition->reported || !is_pending(partition) ||
		    (spmc->policy->info_get_self && partition != vcpu->partition)) {
			continue;
		}
		if (count == capacity) {
			more = true;
			break;
		}
		/* A list of one id: global notifications name no vCPU, and its length minus 1 is 0.
		 */
		regs->x[INFO_FIRST + count / per_register] |= (uint64_t)partition->config.id
							      << (16 * (count % per_register));
		partition->reported = true;
		count++;
	}
	spmc->sri_outstanding = false;
	if (count == 0) {
		return spmc_error(regs, VMSG_FFA_NO_DATA);
	}
	regs->x[0] = is_64 ? VMSG_FFA_ID64(SUCCESS) : VMSG_FFA_ID32(SUCCESS);
	regs->x[2] = (uint64_t)count << INFO_LIST_COUNT_SHIFT | (more ? INFO_MORE : 0);
	return SPMC_REPLIED;
}

void spmc_notifications_stop(struct spmc *spmc, struct partition *partition)
{
	const uint16_t id = partition->config.id;

	memset(&partition->from_sps, 0, sizeof(partition->from_sps));
	memset(&partition->from_vms, 0, sizeof(partition->from_vms));
	partition->rx_full_spm = false;
	partition->rx_full_hypervisor = false;
	partition->npi_outstanding = false;
	partition->reported = false;
	/* What it could signal to others it can no longer; what it has signalled stays. */
	for (size_t i = 0; i < spmc->partition_count; i++) {
		struct notifications *notifications = from_class(spmc->partitions[i], id);
		notifications->bound &= ~bound_to(notifications, id);
	}
	if (spmc->has_scheduler && spmc->scheduler == id) {
		spmc->sri_outstanding = false;
	}
}
