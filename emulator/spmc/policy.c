/* SPDX-License-Identifier: BSD-3-Clause */
/* The policies. What is not named is the emulator's own choice; where each fact was read or
 * measured is in docs/policies.md. */
#include "spmc/policy.h"

#include <string.h>

#include "spmc/spmc.h"

#define MISSING(name, forms, callers, status)                                                      \
	{                                                                                          \
		VMSG_FFA_CALL_##name, POLICY_##forms, POLICY_##callers, VMSG_FFA_##status          \
	}

static const struct policy_kept tf_a_kept[] = {
	{ VMSG_FFA_CALL_VERSION, 1 },
	{ VMSG_FFA_CALL_RXTX_MAP, 1 },
	{ VMSG_FFA_CALL_MEM_RECLAIM, 1 },
	{ VMSG_FFA_CALL_PARTITION_INFO_GET, 4 },
};

static const struct policy_missing hafnium_missing[] = {
	MISSING(RXTX_MAP, 32, ALL, NOT_SUPPORTED),
};

static const struct policy_missing tf_a_missing[] = {
	MISSING(PARTITION_INFO_GET_REGS, BOTH, ALL, NOT_SUPPORTED),
	MISSING(YIELD, BOTH, ALL, NOT_SUPPORTED),
	MISSING(MSG_SEND2, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_BIND, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_UNBIND, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_SET, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_GET, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_INFO_GET, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_BITMAP_CREATE, BOTH, ALL, NOT_SUPPORTED),
	MISSING(NOTIFICATION_BITMAP_DESTROY, BOTH, ALL, NOT_SUPPORTED),
	MISSING(RX_ACQUIRE, BOTH, ALL, NOT_SUPPORTED),
	MISSING(MEM_DONATE, BOTH, ALL, NOT_SUPPORTED),
	MISSING(CONSOLE_LOG, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_RELINQUISH, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MSG_SEND_DIRECT_REQ, BOTH, SPS, INVALID_PARAMETERS),
	MISSING(MSG_SEND_DIRECT_REQ2, BOTH, SPS, INVALID_PARAMETERS),
	MISSING(MEM_SHARE, BOTH, SPS, INVALID_PARAMETERS),
	MISSING(MEM_LEND, BOTH, SPS, INVALID_PARAMETERS),
	MISSING(MEM_FRAG_TX, BOTH, SPS, INVALID_PARAMETERS),
	MISSING(MEM_RECLAIM, BOTH, SPS, INVALID_PARAMETERS),
	MISSING(RUN, BOTH, SPS, NOT_SUPPORTED),
};

/* Of its VMs; its secure partitions belong to whichever SPMC is below it. MSG_WAIT stays: it is how
 * a process that plays a VM is idle. */
static const struct policy_missing xen_missing[] = {
	MISSING(YIELD, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MSG_SEND_DIRECT_RESP, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MSG_SEND_DIRECT_RESP2, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_DONATE, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_LEND, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_RETRIEVE_REQ, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_RELINQUISH, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_FRAG_RX, BOTH, VMS, NOT_SUPPORTED),
	MISSING(MEM_FRAG_TX, BOTH, VMS, NOT_SUPPORTED),
	MISSING(CONSOLE_LOG, BOTH, VMS, NOT_SUPPORTED),
};

/* EL3 takes no more for FF-A, whoever is the SPMC. */
#define LAST_CALL_OF_SPMD 0x97

#define LIST(rows) .missing = (rows), .missing_count = sizeof(rows) / sizeof((rows)[0])

const struct spmc_policy spmc_policies[] = {
	{
		.name = "emulator",
		.summary = "the emulator's own choices: what keeps every known caller happy",
	},
	{
		.name = "hafnium",
		.summary = "as Hafnium, the SPMC at S-EL2",
		LIST(hafnium_missing),
		.version = VMSG_FFA_VERSION_1_3,
		.physical = true,
		.call_last = LAST_CALL_OF_SPMD,
		.info_regs_long = true,
		.info_sends_hidden = true,
		.version_newer_refused = true,
		.version_once = true,
		.early_call = POLICY_EARLY_MANIFEST,
		.send2_sender = POLICY_SENDER_ZERO,
		.send2_header = POLICY_HEADER_AS_SENT,
		.send2_empty_allowed = true,
		.rx_release_after_get = true,
		.handles = POLICY_HANDLES_REUSED,
		.regions_max = 100,
		.borrower_unknown_denied = true,
		.retrieve_hint_refused = true,
		.response_tag_zero = true,
		.response_access = POLICY_ACCESS_LONG,
	},
	{
		.name = "tf-a",
		.summary = "as TF-A's SPMC at EL3, which has one secure partition",
		LIST(tf_a_missing),
		.physical = true,
		.call_last = LAST_CALL_OF_SPMD,
		.error_wide = true,
		.kept = tf_a_kept,
		.kept_count = sizeof(tf_a_kept) / sizeof(tf_a_kept[0]),
		.version_foreign = POLICY_VERSION_OWN,
		.version_late = POLICY_VERSION_AGREED,
		.version_newer_open = true,
		.early_call = POLICY_EARLY_CLOSES,
		.direct2_uuid_ignored = true,
		.handles = POLICY_HANDLES_HIGH,
		.regions_max = 510,
		.send_type_flag_allowed = true,
		.overlap_invalid = true,
		.attributes_unchecked = true,
		.permissions_unchecked = true,
		.retrieve_rx_full_denied = true,
		.retrieve_flags_type_only = true,
		.response_access = POLICY_ACCESS_AS_SENT,
	},
	{
		.name = "xen",
		.summary = "as Xen between its VMs and an SPMC",
		LIST(xen_missing),
		.version_foreign = POLICY_VERSION_OWN,
		.version_late = POLICY_VERSION_OWN,
		.direct_vm_to_vm_missing = true,
		.send2_sender = POLICY_SENDER_IGNORED,
		.send2_header = POLICY_HEADER_LONG,
		.send2_flags_ignored = true,
		.send2_too_big_no_memory = true,
		.bind_flags_denied = true,
		.bind_vm_to_vm_missing = true,
		.info_get_self = true,
		.regions_own_max = 32,
		.share_pages_max = 256,
		.share_whole = true,
		.share_only_vm_to_sp = true,
	},
	{
		.name = "acs",
		.summary = "the emulator's own, as Arm's conformance suite expects it",
		.early_call = POLICY_EARLY_MANIFEST,
		.retrieve_feature_open_to_vms = true,
		.per_vcpu = true,
		.bitmap_calls = true,
		/* its *_multiple_retrievals takes a register of FEATURES, 0, for the handle */
		.handles = POLICY_HANDLES_REUSED,
		.regions_max = 100,
	},
	{
		.name = "strict",
		.summary =
			"the emulator's own, with messages only to UUIDs that the receiver lists",
		.send2_uuid_checked = true,
	},
};

const size_t spmc_policy_count = sizeof(spmc_policies) / sizeof(spmc_policies[0]);

const struct spmc_policy *spmc_policy_find(const char *name)
{
	for (size_t i = 0; i < spmc_policy_count; i++) {
		if (strcmp(spmc_policies[i].name, name) == 0) {
			return &spmc_policies[i];
		}
	}
	return NULL;
}

uint32_t spmc_policy_version(const struct spmc_policy *policy)
{
	return policy && policy->version ? policy->version : VMSG_FFA_VERSION_1_2;
}

bool spmc_policy_is_physical(const struct spmc_policy *policy)
{
	return policy && policy->physical;
}
