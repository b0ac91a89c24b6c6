/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of calls: which there are, since which version in which form, for whom, and who handles
 * them. It answers FFA_FEATURES as well, so that the two cannot disagree. Also the calls about the
 * manager itself: VERSION, FEATURES and the ids.
 */
#include "spmc/internal.h"

#include <string.h>

#define VERSION_NEVER UINT32_MAX
#define SMC64_BIT     0x40000000u

/* Feature ids of FFA_FEATURES */
#define FEATURE_NPI 1u
#define FEATURE_SRI 2u

#define FEATURE_NO_PER_VCPU 4u /* since 1.3: no notifications per vCPU, for VMs and for SPs */

/* What FFA_VERSION is asked for, w2 */
#define QUERY_NEGOTIATE     0u
#define QUERY_COMPATIBILITY 1u
#define QUERY_NEGOTIATED    2u

#define FUNCTION_ID_BIT      0x80000000u
#define VERSION_MUST_BE_ZERO 0x80000000u
#define VERSION_MAJOR_MASK   0x7FFF0000u
#define RETRIEVE_NS_BIT      0x2u

/* Properties that FFA_FEATURES reports for a call in w2 and w3; false: not supported after all. */
typedef bool features_answer(const struct spmc *spmc, const struct partition *partition,
			     uint32_t input, uint64_t words[2]);

struct call {
	uint8_t number;
	uint32_t since32; /* first version with the SMC32 form */
	uint32_t since64;
	uint32_t needs;       /* any of these partition properties; 0 = none */
	call_handler *handle; /* NULL: a reply, never a request */
	features_answer *features;
};

enum spmc_result spmc_error(struct vmsg_ffa_regs *regs, enum vmsg_ffa_status status)
{
	vmsg_ffa_pack_error(regs, status);
	return SPMC_REPLIED;
}

enum spmc_result spmc_success(struct vmsg_ffa_regs *regs)
{
	vmsg_ffa_pack_success(regs);
	return SPMC_REPLIED;
}

uint32_t spmc_own_version(const struct spmc *spmc, const struct partition *partition)
{
	const uint32_t limit = partition->config.ffa_version;

	return limit && limit < spmc->version ? limit : spmc->version;
}

static uint32_t version_answer(const struct spmc *spmc, const struct partition *partition,
			       enum policy_version_answer answer)
{
	switch (answer) {
	case POLICY_VERSION_OWN:
		return spmc_own_version(spmc, partition);
	case POLICY_VERSION_AGREED:
		return partition->version;
	case POLICY_VERSION_REFUSED:
		break;
	}
	return (uint32_t)VMSG_FFA_NOT_SUPPORTED;
}

/* A compatible version is wanted: agrees on the lower one, unless it is too late for that. */
static uint32_t agree_on_version(const struct spmc *spmc, struct partition *partition,
				 uint32_t wanted)
{
	const struct spmc_policy *policy = spmc->policy;
	const uint32_t own = spmc_own_version(spmc, partition);
	const uint32_t agreed = wanted < own ? wanted : own;

	if (partition->version_closed || (wanted > own && policy->version_newer_refused)) {
		return (uint32_t)VMSG_FFA_NOT_SUPPORTED;
	}
	if (wanted > own && policy->version_newer_open) {
		return own;
	}
	const bool is_final =
		partition->version_frozen || (policy->version_once && partition->version);
	if (is_final && agreed != partition->version) {
		return version_answer(spmc, partition, policy->version_late);
	}
	partition->version = agreed;
	return is_final && policy->version_late == POLICY_VERSION_AGREED ? agreed : own;
}

/* FFA_VERSION's reply is not wrapped: w0 is the version or NOT_SUPPORTED. FF-A 1.0 has other memory
 * layouts, which we do not have. Since 1.3 one may also just ask. */
static enum spmc_result call_version(struct spmc *spmc, struct vcpu *vcpu,
				     struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	const uint32_t wanted = (uint32_t)regs->x[1];
	const uint32_t own = spmc_own_version(spmc, partition);
	const uint32_t query = own >= VMSG_FFA_VERSION_1_3 ? (uint32_t)regs->x[2] : QUERY_NEGOTIATE;
	const bool is_compatible = (wanted & VERSION_MUST_BE_ZERO) == 0 &&
				   (wanted & VERSION_MAJOR_MASK) == (own & VERSION_MAJOR_MASK) &&
				   wanted >= VMSG_FFA_VERSION_1_1;

	memset(regs, 0, sizeof(*regs));
	regs->x[0] = (uint32_t)VMSG_FFA_NOT_SUPPORTED;
	if (query == QUERY_NEGOTIATE) {
		regs->x[0] = is_compatible ? agree_on_version(spmc, partition, wanted)
					   : version_answer(spmc, partition,
							    spmc->policy->version_foreign);
	} else if (query == QUERY_COMPATIBILITY && is_compatible) {
		regs->x[0] = own;
	} else if (query == QUERY_NEGOTIATED && partition->version) {
		regs->x[0] = partition->version;
	}
	return SPMC_REPLIED;
}

/* Permissions of pages are set while a secure partition initialises, which ours have done. */
static enum spmc_result call_mem_perm(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs)
{
	(void)spmc;
	return spmc_error(regs, spmc_is_secure(vcpu->partition->config.id)
					? VMSG_FFA_DENIED
					: VMSG_FFA_NOT_SUPPORTED);
}

static bool features_mem_perm(const struct spmc *spmc, const struct partition *partition,
			      uint32_t input, uint64_t words[2])
{
	(void)spmc;
	(void)input;
	(void)words;
	return spmc_is_secure(partition->config.id);
}

static enum spmc_result call_id_get(struct spmc *spmc, struct vcpu *vcpu,
				    struct vmsg_ffa_regs *regs)
{
	(void)spmc;
	vmsg_ffa_pack_success(regs);
	regs->x[2] = vcpu->partition->config.id;
	return SPMC_REPLIED;
}

static enum spmc_result call_spm_id_get(struct spmc *spmc, struct vcpu *vcpu,
					struct vmsg_ffa_regs *regs)
{
	(void)spmc;
	(void)vcpu;
	vmsg_ffa_pack_success(regs);
	regs->x[2] = VMSG_FFA_SPMC_ID;
	return SPMC_REPLIED;
}

/* Minimum size and alignment 4 KiB (0); the maximum page count exists since 1.2. */
static bool features_rxtx_map(const struct spmc *spmc, const struct partition *partition,
			      uint32_t input, uint64_t words[2])
{
	(void)spmc;
	(void)input;
	words[0] = partition->version >= VMSG_FFA_VERSION_1_2 ? SPMC_BUFFER_PAGES << 16 : 0;
	return true;
}

/* A caller since 1.1 must say that it understands the NS bit of responses. w3 0: one retrieval. */
static bool features_mem_retrieve(const struct spmc *spmc, const struct partition *partition,
				  uint32_t input, uint64_t words[2])
{
	words[0] = RETRIEVE_NS_BIT;
	return (input & RETRIEVE_NS_BIT) != 0 || (spmc->policy->retrieve_feature_open_to_vms &&
						  !spmc_is_secure(partition->config.id));
}

/* Secure partitions schedule nobody. */
static bool features_info_get(const struct spmc *spmc, const struct partition *partition,
			      uint32_t input, uint64_t words[2])
{
	(void)input;
	(void)words;
	return spmc_is_scheduler(spmc, partition);
}

static bool features_physical(const struct spmc *spmc, const struct partition *partition,
			      uint32_t input, uint64_t words[2])
{
	(void)spmc;
	(void)input;
	(void)words;
	return spmc_is_physical(partition);
}

static bool features_bitmap(const struct spmc *spmc, const struct partition *partition,
			    uint32_t input, uint64_t words[2])
{
	(void)input;
	(void)words;
	return spmc_has_bitmap_calls(spmc, partition);
}

static call_handler call_features;

#define V1_0       VMSG_FFA_VERSION_1_0
#define V1_1       VMSG_FFA_VERSION_1_1
#define V1_2       VMSG_FFA_VERSION_1_2
#define V1_3       VMSG_FFA_VERSION_1_3
#define NEVER      VERSION_NEVER
#define CALL(name) VMSG_FFA_CALL_##name

static const struct call calls[] = {
	{ CALL(ERROR), V1_0, V1_3, 0, NULL, NULL },
	{ CALL(SUCCESS), V1_0, V1_0, 0, NULL, NULL },
	{ CALL(INTERRUPT), V1_0, V1_3, 0, NULL, NULL },
	{ CALL(VERSION), V1_0, NEVER, 0, call_version, NULL },
	{ CALL(FEATURES), V1_0, NEVER, 0, call_features, NULL },
	{ CALL(RX_RELEASE), V1_0, NEVER, 0, spmc_call_rx_release, NULL },
	{ CALL(RXTX_MAP), V1_0, V1_0, 0, spmc_call_rxtx_map, features_rxtx_map },
	{ CALL(RXTX_UNMAP), V1_0, NEVER, 0, spmc_call_rxtx_unmap, NULL },
	{ CALL(PARTITION_INFO_GET), V1_0, NEVER, 0, spmc_call_partition_info_get, NULL },
	{ CALL(ID_GET), V1_0, NEVER, 0, call_id_get, NULL },
	{ CALL(MSG_WAIT), V1_0, V1_3, 0, spmc_call_msg_wait, NULL },
	{ CALL(YIELD), V1_0, V1_3, 0, spmc_call_yield, NULL },
	{ CALL(RUN), V1_0, V1_3, 0, spmc_call_run, NULL },
	{ CALL(MSG_SEND_DIRECT_REQ), V1_0, V1_0, VMSG_FFA_PROPERTY_DIRECT_SEND,
	  spmc_call_direct_request, NULL },
	{ CALL(MSG_SEND_DIRECT_RESP), V1_0, V1_0, VMSG_FFA_PROPERTY_DIRECT_RECEIVE,
	  spmc_call_direct_response, NULL },
	{ CALL(MEM_DONATE), V1_0, V1_0, 0, spmc_call_mem_send, NULL },
	{ CALL(MEM_LEND), V1_0, V1_0, 0, spmc_call_mem_send, NULL },
	{ CALL(MEM_SHARE), V1_0, V1_0, 0, spmc_call_mem_send, NULL },
	{ CALL(MEM_RETRIEVE_REQ), V1_0, V1_0, 0, spmc_call_mem_retrieve, features_mem_retrieve },
	{ CALL(MEM_RETRIEVE_RESP), V1_0, NEVER, 0, NULL, NULL },
	{ CALL(MEM_RELINQUISH), V1_0, NEVER, 0, spmc_call_mem_relinquish, NULL },
	{ CALL(MEM_RECLAIM), V1_0, NEVER, 0, spmc_call_mem_reclaim, NULL },
	{ CALL(MEM_FRAG_RX), V1_0, NEVER, 0, spmc_call_mem_frag_rx, NULL },
	{ CALL(MEM_FRAG_TX), V1_0, NEVER, 0, spmc_call_mem_frag_tx, NULL },
	{ CALL(NOTIFICATION_BITMAP_CREATE), V1_1, NEVER, 0, spmc_call_notification_bitmap_create,
	  features_bitmap },
	{ CALL(NOTIFICATION_BITMAP_DESTROY), V1_1, NEVER, 0, spmc_call_notification_bitmap_destroy,
	  features_bitmap },
	{ CALL(NOTIFICATION_BIND), V1_1, NEVER, VMSG_FFA_PROPERTY_NOTIFICATIONS,
	  spmc_call_notification_bind, NULL },
	{ CALL(NOTIFICATION_UNBIND), V1_1, NEVER, VMSG_FFA_PROPERTY_NOTIFICATIONS,
	  spmc_call_notification_unbind, NULL },
	{ CALL(NOTIFICATION_SET), V1_1, NEVER, VMSG_FFA_PROPERTY_NOTIFICATIONS,
	  spmc_call_notification_set, NULL },
	{ CALL(NOTIFICATION_GET), V1_1, NEVER, 0, spmc_call_notification_get, NULL },
	{ CALL(NOTIFICATION_INFO_GET), V1_1, V1_1, 0, spmc_call_notification_info_get,
	  features_info_get },
	{ CALL(SPM_ID_GET), V1_1, NEVER, 0, call_spm_id_get, NULL },
	{ CALL(MSG_SEND2), V1_1, NEVER, VMSG_FFA_PROPERTY_INDIRECT, spmc_call_msg_send2, NULL },
	{ CALL(RX_ACQUIRE), V1_1, NEVER, 0, spmc_call_rx_acquire, features_physical },
	{ CALL(MEM_PERM_GET), V1_1, V1_1, 0, call_mem_perm, features_mem_perm },
	{ CALL(MEM_PERM_SET), V1_1, V1_1, 0, call_mem_perm, features_mem_perm },
	{ CALL(CONSOLE_LOG), V1_2, V1_2, 0, spmc_call_console_log, NULL },
	{ CALL(PARTITION_INFO_GET_REGS), NEVER, V1_2, 0, spmc_call_partition_info_get_regs, NULL },
	{ CALL(MSG_SEND_DIRECT_REQ2), NEVER, V1_2, VMSG_FFA_PROPERTY_DIRECT2_SEND,
	  spmc_call_direct_request, NULL },
	{ CALL(MSG_SEND_DIRECT_RESP2), NEVER, V1_2, VMSG_FFA_PROPERTY_DIRECT2_RECEIVE,
	  spmc_call_direct_response, NULL },
};

/* The row of a function id that exists, in this form, at this version. */
static const struct call *find_call(uint32_t function_id, uint32_t version)
{
	const bool is_64 = (function_id & SMC64_BIT) != 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if ((function_id & ~SMC64_BIT) == 0x84000000u + calls[i].number) {
			const uint32_t since = is_64 ? calls[i].since64 : calls[i].since32;
			return since <= version ? &calls[i] : NULL;
		}
	}
	return NULL;
}

/* What the policy says to this call, or OK. */
static enum vmsg_ffa_status policy_status(const struct spmc *spmc,
					  const struct partition *partition, uint32_t function_id)
{
	const bool is_64 = (function_id & SMC64_BIT) != 0;

	return (enum vmsg_ffa_status)
		spmc->missing[spmc_is_secure(partition->config.id)][is_64][(uint8_t)function_id];
}

static bool has_feature(const struct spmc *spmc, const struct partition *partition,
			uint32_t feature, uint64_t words[2])
{
	if (feature == FEATURE_SRI && spmc->has_scheduler &&
	    partition->config.id == spmc->scheduler) {
		words[0] = VMSG_FFA_INTERRUPT_SRI;
		return true;
	}
	if (feature == FEATURE_NPI &&
	    (partition->config.properties & VMSG_FFA_PROPERTY_NOTIFICATIONS)) {
		words[0] = VMSG_FFA_INTERRUPT_NPI;
		return true;
	}
	if (feature == FEATURE_NO_PER_VCPU && partition->version >= VMSG_FFA_VERSION_1_3) {
		words[0] = spmc->policy->per_vcpu ? 0 : 0x3;
		return true;
	}
	return false;
}

static bool has_call(const struct spmc *spmc, const struct partition *partition,
		     uint32_t function_id, uint32_t input, uint64_t words[2])
{
	const struct call *call = find_call(function_id, partition->version);

	if (!call || (call->needs && !(partition->config.properties & call->needs)) ||
	    policy_status(spmc, partition, function_id) != VMSG_FFA_OK) {
		return false;
	}
	return !call->features || call->features(spmc, partition, input, words);
}

static enum spmc_result call_features(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs)
{
	const uint32_t asked = (uint32_t)regs->x[1];
	const uint32_t input = (uint32_t)regs->x[2];
	uint64_t words[2] = { 0, 0 };

	if (!(asked & FUNCTION_ID_BIT ? has_call(spmc, vcpu->partition, asked, input, words)
				      : has_feature(spmc, vcpu->partition, asked, words))) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	vmsg_ffa_pack_success(regs);
	regs->x[2] = words[0];
	regs->x[3] = words[1];
	return SPMC_REPLIED;
}

/* An SMC32 call has 32-bit x1..x7 and nothing beyond. */
static void truncate_to_smc32(struct vmsg_ffa_regs *regs)
{
	for (size_t i = 1; i < VMSG_FFA_REGISTERS; i++) {
		regs->x[i] = i < 8 ? (uint32_t)regs->x[i] : 0;
	}
}

static bool is_ffa_range(const struct spmc *spmc, uint32_t function_id)
{
	const uint32_t number = function_id & 0xFFu;
	const uint32_t last = spmc->policy->call_last ? spmc->policy->call_last : 0xFF;

	return (function_id & ~(SMC64_BIT | 0xFFu)) == 0x84000000u && number >= CALL(ERROR) &&
	       number <= last;
}

/* No call of FF-A: what SMCCC has for those. */
static enum spmc_result answer_unknown(const struct spmc *spmc, struct vmsg_ffa_regs *regs)
{
	if (spmc->policy->call_last) {
		regs->x[0] = UINT64_MAX; /* EL3's answer: one register */
		return SPMC_REPLIED;
	}
	memset(regs, 0, sizeof(*regs));
	regs->x[0] = VMSG_FFA_SMCCC_UNKNOWN;
	return SPMC_REPLIED;
}

/* The habits of a policy in what it answers to `asked`. */
static void finish_reply(const struct spmc_policy *policy, const struct vmsg_ffa_regs *asked,
			 struct vmsg_ffa_regs *regs)
{
	const int32_t status = vmsg_ffa_reply_status(regs);

	if (regs->x[0] == VMSG_FFA_ID32(ERROR)) {
		regs->x[2] = policy->error_wide ? (uint64_t)(int64_t)status : regs->x[2];
		return;
	}
	for (size_t i = 0; status == VMSG_FFA_OK && i < policy->kept_count; i++) {
		if (policy->kept[i].number != (uint8_t)asked->x[0]) {
			continue;
		}
		for (size_t x = policy->kept[i].first; x < VMSG_FFA_REGISTERS; x++) {
			regs->x[x] = asked->x[x];
		}
	}
}

/* A call other than FFA_VERSION is made: it ends the negotiation, and needs one. */
static bool may_call_before_version(const struct spmc *spmc, struct partition *partition,
				    uint32_t function_id)
{
	if (partition->version) {
		partition->version_frozen = true;
		return true;
	}
	switch (spmc->policy->early_call) {
	case POLICY_EARLY_REFUSED:
		return false;
	case POLICY_EARLY_MANIFEST:
		partition->version = spmc_own_version(spmc, partition);
		partition->version_frozen = true;
		return true;
	case POLICY_EARLY_CLOSES:
		if (function_id == VMSG_FFA_ID32(ID_GET) ||
		    function_id == VMSG_FFA_ID32(SPM_ID_GET)) {
			return true;
		}
		partition->version_closed = true;
		break;
	}
	return false;
}

static enum spmc_result serve_call(struct spmc *spmc, struct vcpu *vcpu, uint32_t function_id,
				   struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;

	if (function_id != VMSG_FFA_ID32(VERSION) &&
	    !may_call_before_version(spmc, partition, function_id)) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	const struct call *call =
		find_call(function_id, partition->version ? partition->version : V1_1);
	if (!call || !call->handle) {
		return spmc_error(regs, VMSG_FFA_NOT_SUPPORTED);
	}
	const enum vmsg_ffa_status status = policy_status(spmc, partition, function_id);
	if (status != VMSG_FFA_OK) {
		return spmc_error(regs, status);
	}
	return call->handle(spmc, vcpu, regs);
}

enum spmc_result spmc_call(struct spmc *spmc, uint16_t id, uint16_t vcpu_index, uint64_t now_ns,
			   struct vmsg_ffa_regs *regs)
{
	struct partition *partition = spmc_find(spmc, id);

	if (!partition || vcpu_index >= partition->config.vcpu_count ||
	    partition->vcpus[vcpu_index].state != VCPU_RUNNING) {
		return SPMC_REFUSED;
	}
	spmc->now_ns = now_ns > spmc->now_ns ? now_ns : spmc->now_ns;
	spmc_free_retiring(spmc);
	spmc->sent_size = 0;

	const uint32_t function_id = (uint32_t)regs->x[0];
	if (!is_ffa_range(spmc, function_id)) {
		return answer_unknown(spmc, regs);
	}
	regs->x[0] = function_id;
	if (!(function_id & SMC64_BIT)) {
		truncate_to_smc32(regs);
	}
	const struct vmsg_ffa_regs asked = *regs;
	const enum spmc_result result =
		serve_call(spmc, &partition->vcpus[vcpu_index], function_id, regs);
	if (result == SPMC_REPLIED) {
		finish_reply(spmc->policy, &asked, regs);
	}
	return result;
}
