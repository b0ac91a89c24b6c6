/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notifications: 64 bits from secure partitions, 64 from VMs and the framework's "RX is full" per
 * receiver, global, or per vCPU where the policy has that. Who receives learns of it by NPI and, if
 * it waits, by the end of its wait; in a system with a scheduler, that one learns of it by SRI,
 * asks who it is for and runs them. Each interrupt is outstanding at most once: NPI until
 * NOTIFICATION_GET, SRI until INFO_GET.
 */
#include "spmc/internal.h"

#include <string.h>

#define FLAG_PER_VCPU  0x1u
#define FLAG_DELAY_SRI 0x2u
#define VCPU_SHIFT     16

#define GET_FROM_SPS  0x1u
#define GET_FROM_VMS  0x2u
#define GET_FRAMEWORK 0xCu
#define GET_FLAGS     (GET_FROM_SPS | GET_FROM_VMS | GET_FRAMEWORK)

#define INFO_LIST_COUNT_SHIFT 7
#define INFO_LIST_SIZE_SHIFT  12 /* two bits a list: its ids minus 1 */
#define INFO_LIST_VCPUS       3
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

static bool is_pending_for_all(const struct partition *partition)
{
	return partition->from_sps.pending || partition->from_vms.pending ||
	       partition->rx_full_spm || partition->rx_full_hypervisor;
}

/* What senders of this class have signalled to one vCPU. */
static uint64_t *own_pending(struct vcpu *vcpu, uint16_t sender)
{
	return spmc_is_secure(sender) ? &vcpu->from_sps_pending : &vcpu->from_vms_pending;
}

/* Signalled by this class, to all or to any vCPU. */
static uint64_t pending_anywhere(struct partition *receiver, uint16_t sender)
{
	uint64_t pending = from_class(receiver, sender)->pending;

	for (uint16_t i = 0; i < receiver->config.vcpu_count; i++) {
		pending |= *own_pending(&receiver->vcpus[i], sender);
	}
	return pending;
}

static bool is_pending(struct partition *partition)
{
	return is_pending_for_all(partition) || pending_anywhere(partition, 0) ||
	       pending_anywhere(partition, VMSG_FFA_SPMC_ID);
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

void spmc_notify(struct spmc *spmc, struct vcpu *sender, struct partition *receiver,
		 struct vcpu *own, bool delay_sri)
{
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
	spmc_wake(spmc, receiver, own);
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
	const uint64_t known = spmc->policy->per_vcpu ? FLAG_PER_VCPU : 0;
	if ((regs->x[2] & ~known) && spmc->policy->bind_flags_denied) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if ((regs->x[2] & ~known) || !check_binding_ids(spmc, receiver, regs)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!receiver->has_bitmap ||
	    (bitmap & (notifications->bound | pending_anywhere(receiver, sender)))) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	notifications->bound |= bitmap;
	notifications->per_vcpu |= regs->x[2] & FLAG_PER_VCPU ? bitmap : 0;
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
	if ((bitmap & ~bound_to(notifications, sender)) ||
	    (bitmap & pending_anywhere(receiver, sender))) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	notifications->bound &= ~bitmap;
	notifications->per_vcpu &= ~bitmap;
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
	const bool per_vcpu = (regs->x[2] & FLAG_PER_VCPU) != 0;
	const uint16_t index = (uint16_t)(regs->x[2] >> VCPU_SHIFT);
	const uint32_t flags = (uint16_t)regs->x[2] & ~FLAG_PER_VCPU;
	const uint64_t bitmap = bitmap_of(regs);

	if (vmsg_ffa_source(regs) != sender || destination == sender || !receiver || bitmap == 0 ||
	    !spmc_delay_sri_is_ok(vcpu->partition, flags) ||
	    (per_vcpu ? !spmc->policy->per_vcpu || index >= receiver->config.vcpu_count
		      : index != 0)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct notifications *notifications = from_class(receiver, sender);
	const uint64_t of_other_kind = per_vcpu ? notifications->bound & ~notifications->per_vcpu
						: notifications->per_vcpu;
	if (bitmap & of_other_kind) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!receives(receiver) || !receiver->has_bitmap ||
	    (bitmap & ~bound_to(notifications, sender))) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (per_vcpu) {
		*own_pending(&receiver->vcpus[index], sender) |= bitmap;
		receiver->vcpus[index].reported = false;
	} else {
		notifications->pending |= bitmap;
		receiver->reported = false;
	}
	spmc_notify(spmc, vcpu, receiver, per_vcpu ? &receiver->vcpus[index] : NULL, flags != 0);
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
	const uint64_t index = regs->x[1] >> VCPU_SHIFT;
	const uint64_t flags = regs->x[2];

	(void)spmc;
	if ((uint16_t)regs->x[1] != receiver->config.id || index >= receiver->config.vcpu_count ||
	    (flags & ~(uint64_t)GET_FLAGS)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	struct vcpu *of = &receiver->vcpus[index];
	vmsg_ffa_pack_success(regs);
	if (flags & GET_FROM_SPS) {
		const uint64_t bitmap =
			take(&receiver->from_sps.pending) | take(&of->from_sps_pending);
		regs->x[2] = (uint32_t)bitmap;
		regs->x[3] = bitmap >> 32;
	}
	if (flags & GET_FROM_VMS) {
		const uint64_t bitmap =
			take(&receiver->from_vms.pending) | take(&of->from_vms_pending);
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
	of->reported = false;
	spmc_forget_wake(of);
	return SPMC_REPLIED;
}

bool spmc_is_scheduler(const struct spmc *spmc, const struct partition *partition)
{
	return spmc->has_scheduler ? partition->config.id == spmc->scheduler
				   : !spmc_is_secure(partition->config.id);
}

/* The answer of NOTIFICATION_INFO_GET: lists of ids, packed one behind the other. */
struct info {
	struct vmsg_ffa_regs *regs;
	size_t per_register;
	size_t capacity;
	size_t count;
	size_t lists;
	bool more;
};

/* A list: the partition, and the vCPUs that it is about, if any. False when it does not fit. */
static bool add_list(struct info *info, const uint16_t *ids, size_t count)
{
	if (count > info->capacity - info->count) {
		info->more = true;
		return false;
	}
	for (size_t i = 0; i < count; i++, info->count++) {
		info->regs->x[INFO_FIRST + info->count / info->per_register] |=
			(uint64_t)ids[i] << (16 * (info->count % info->per_register));
	}
	info->regs->x[2] |= (uint64_t)(count - 1) << (INFO_LIST_SIZE_SHIFT + 2 * info->lists);
	info->lists++;
	return true;
}

/* What has not been reported of one partition: for all of it, then per vCPU. */
static void report(struct info *info, struct partition *partition)
{
	uint16_t ids[1 + INFO_LIST_VCPUS] = { partition->config.id };
	uint16_t next = 0;

	if (!partition->reported && is_pending_for_all(partition)) {
		partition->reported = add_list(info, ids, 1);
	}
	while (next < partition->config.vcpu_count && !info->more) {
		const uint16_t first = next;
		size_t count = 1;
		for (; next < partition->config.vcpu_count && count <= INFO_LIST_VCPUS; next++) {
			const struct vcpu *vcpu = &partition->vcpus[next];
			if (!vcpu->reported && (vcpu->from_sps_pending | vcpu->from_vms_pending)) {
				ids[count++] = next;
			}
		}
		const bool is_told = count > 1 && add_list(info, ids, count);
		for (uint16_t i = first; is_told && i < next; i++) {
			partition->vcpus[i].reported = true;
		}
	}
}

/* Every partition with something pending, once until its next GET. */
enum spmc_result spmc_call_notification_info_get(struct spmc *spmc, struct vcpu *vcpu,
						 struct vmsg_ffa_regs *regs)
{
	const bool is_64 = (uint32_t)regs->x[0] == VMSG_FFA_ID64(NOTIFICATION_INFO_GET);
	struct info info = {
		.regs = regs,
		.per_register = is_64 ? 4 : 2,
		.capacity = is_64 ? INFO_IDS_64 : INFO_IDS_32,
	};

	if (!spmc_is_scheduler(spmc, vcpu->partition)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	memset(regs, 0, sizeof(*regs));
	for (size_t i = 0; i < spmc->partition_count && !info.more; i++) {
		struct partition *partition = spmc->partitions[i];
		if (partition->started &&
		    (!spmc->policy->info_get_self || partition == vcpu->partition)) {
			report(&info, partition);
		}
	}
	spmc->sri_outstanding = false;
	if (info.lists == 0) {
		return spmc_error(regs, VMSG_FFA_NO_DATA);
	}
	regs->x[0] = is_64 ? VMSG_FFA_ID64(SUCCESS) : VMSG_FFA_ID32(SUCCESS);
	regs->x[2] |= (uint64_t)info.lists << INFO_LIST_COUNT_SHIFT | (info.more ? INFO_MORE : 0);
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
	for (uint16_t i = 0; i < partition->config.vcpu_count; i++) {
		partition->vcpus[i].from_sps_pending = 0;
		partition->vcpus[i].from_vms_pending = 0;
		partition->vcpus[i].reported = false;
	}
	/* What it could signal to others it can no longer; what it has signalled stays. */
	for (size_t i = 0; i < spmc->partition_count; i++) {
		struct notifications *notifications = from_class(spmc->partitions[i], id);
		const uint64_t gone = bound_to(notifications, id);
		notifications->bound &= ~gone;
		notifications->per_vcpu &= ~gone;
	}
	if (spmc->has_scheduler && spmc->scheduler == id) {
		spmc->sri_outstanding = false;
	}
}
