/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Direct messages and the time of vCPUs: waiting, being run, answering, being preempted. The states
 * and their moves are in internal.h. A target has one request at a time; a caller's vCPU waits for
 * one and may have left others preempted.
 */
#include "spmc/internal.h"

#include <string.h>

#define RX_RETAIN 0x1u /* w2 of MSG_WAIT */

/* The hypervisor's framework message that a VM is gone, and its answer: w2. */
#define VM_DESTROYED     0x80000006u
#define VM_DESTROYED_ACK 0x80000007u

static void slice_add(struct spmc *spmc, struct request *request)
{
	if (spmc->time_slice_ns >= UINT64_MAX - spmc->now_ns) {
		request->deadline_ns = UINT64_MAX;
	} else {
		request->deadline_ns = spmc->now_ns + spmc->time_slice_ns;
	}
	/* Slices are equal and time does not go back, so the place is the end. */
	request->earlier = spmc->slice_last;
	request->later = NULL;
	*(request->earlier ? &request->earlier->later : &spmc->slice_first) = request;
	spmc->slice_last = request;
}

static void slice_remove(struct spmc *spmc, struct request *request)
{
	*(request->earlier ? &request->earlier->later : &spmc->slice_first) = request->later;
	*(request->later ? &request->later->earlier : &spmc->slice_last) = request->earlier;
}

/* The caller's vCPU waits for `request`. */
static enum spmc_result block_on(struct spmc *spmc, struct request *request)
{
	request->state = REQUEST_ACTIVE;
	request->caller->state = VCPU_BLOCKED;
	slice_add(spmc, request);
	return SPMC_BLOCKED;
}

static void target_word(struct vmsg_ffa_regs *regs, const struct vcpu *vcpu)
{
	regs->x[1] = (uint32_t)vcpu->partition->config.id << 16 | vcpu->index;
}

/* What the target serves is done: hands `regs` to the caller, or keeps them until it asks. Nobody
 * is interested in how an FFA_RUN ended whose time slice is over: the next one starts anew. */
static void finish_serving(struct spmc *spmc, struct vcpu *target, const struct vmsg_ffa_regs *regs)
{
	struct request *request = target->request;

	target->serving = false;
	target->request = NULL;
	if (!request) {
		return;
	}
	if (request->state == REQUEST_ACTIVE) {
		slice_remove(spmc, request);
		request->state = REQUEST_FREE;
		spmc_return(spmc, request->caller, regs);
	} else if (request->function_id == VMSG_FFA_ID32(RUN)) {
		request->state = REQUEST_FREE;
	} else {
		request->state = REQUEST_ANSWERED;
		request->answer = *regs;
	}
}

/* FFA_INTERRUPT to a vCPU itself, with the interrupt's number where it has one. */
static void interrupt_word(struct vmsg_ffa_regs *regs, const struct vcpu *vcpu, uint32_t interrupt)
{
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(INTERRUPT) } };
	target_word(regs, vcpu);
	regs->x[2] = interrupt;
}

/* This vCPU gives its time back to the normal world. */
static void pay_sri(struct spmc *spmc, struct vcpu *vcpu)
{
	if (vcpu->owes_sri) {
		vcpu->owes_sri = false;
		spmc_signal_scheduler(spmc);
	}
}

/* Makes the message about one VM that the partition has yet to be told of; false if there is none.
 * The vCPU serves it until it answers or waits again: nobody is waiting for that. */
static bool tell_one(struct spmc *spmc, struct vcpu *vcpu, struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	size_t word = 0;

	while (word < sizeof(partition->gone) / sizeof(partition->gone[0]) &&
	       !partition->gone[word]) {
		word++;
	}
	if (word == sizeof(partition->gone) / sizeof(partition->gone[0])) {
		return false;
	}
	const size_t index = word * 64 + (size_t)__builtin_ctzll(partition->gone[word]);
	partition->gone[word] &= partition->gone[word] - 1;
	vcpu->serving = true;
	vcpu->told = true;
	vcpu->served_id = VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ);
	vcpu->served_source = 0; /* the hypervisor */
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ), partition->config.id,
					  VM_DESTROYED, 0, 0,
					  spmc->partitions[index]->config.id } };
	return true;
}

static void end_telling(struct vcpu *vcpu)
{
	vcpu->serving = false;
	vcpu->told = false;
}

/* The call in `regs` is one that waits: it completes at once if something is pending. */
static enum spmc_result wait_for_work(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs)
{
	pay_sri(spmc, vcpu);
	if (tell_one(spmc, vcpu, regs)) {
		return SPMC_REPLIED;
	}
	if (vcpu->interrupt_pending) {
		vcpu->interrupt_pending = false;
		interrupt_word(regs, vcpu, 0);
		return SPMC_REPLIED;
	}
	if (vcpu->notification_pending) {
		vcpu->notification_pending = false;
		interrupt_word(regs, vcpu, VMSG_FFA_INTERRUPT_NPI);
		return SPMC_REPLIED;
	}
	vcpu->state = VCPU_WAITING;
	vcpu->partition->waiting |= UINT64_C(1) << vcpu->index;
	return SPMC_BLOCKED;
}

enum spmc_result spmc_call_msg_wait(struct spmc *spmc, struct vcpu *vcpu,
				    struct vmsg_ffa_regs *regs)
{
	struct partition *partition = vcpu->partition;
	const uint64_t flags = partition->version >= VMSG_FFA_VERSION_1_2 ? RX_RETAIN : 0;
	uint64_t must_be_zero = regs->x[1] | (regs->x[2] & ~flags);

	for (size_t i = 3; i < VMSG_FFA_REGISTERS; i++) {
		must_be_zero |= regs->x[i];
	}
	if (must_be_zero) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (vcpu->told) {
		end_telling(vcpu);
	}
	if (vcpu->serving && vcpu->served_id != VMSG_FFA_ID32(RUN)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	if (!(regs->x[2] & RX_RETAIN)) {
		spmc_rx_release(partition);
	}
	if (vcpu->serving) {
		finish_serving(spmc, vcpu, &(struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_WAIT) } });
	}
	return wait_for_work(spmc, vcpu, regs);
}

/* The request of `caller` to this vCPU that is not FREE, or NULL. */
static struct request *find_request(struct vcpu *caller, const struct vcpu *target)
{
	for (size_t i = 0; i < SPMC_REQUESTS_MAX; i++) {
		struct request *request = &caller->requests[i];
		if (request->state != REQUEST_FREE && request->target == target) {
			return request;
		}
	}
	return NULL;
}

static struct request *find_free_request(struct vcpu *caller)
{
	for (size_t i = 0; i < SPMC_REQUESTS_MAX; i++) {
		if (caller->requests[i].state == REQUEST_FREE) {
			return &caller->requests[i];
		}
	}
	return NULL;
}

/*
 * A waiting vCPU of `partition` for a request of `caller`: the one of the same index where there
 * is one, as vCPUs of a multiprocessor partition are pinned, else any. Not one whose last answer
 * the caller has yet to collect.
 */
static struct vcpu *choose_target(struct vcpu *caller, struct partition *partition)
{
	uint64_t candidates = partition->waiting;

	if (caller->index < partition->config.vcpu_count &&
	    (candidates & UINT64_C(1) << caller->index) &&
	    !find_request(caller, &partition->vcpus[caller->index])) {
		return &partition->vcpus[caller->index];
	}
	while (candidates) {
		const uint16_t index = (uint16_t)__builtin_ctzll(candidates);
		if (!find_request(caller, &partition->vcpus[index])) {
			return &partition->vcpus[index];
		}
		candidates &= candidates - 1;
	}
	return NULL;
}

/* Starts work on a waiting vCPU: `regs` complete its call, the caller waits. */
static enum spmc_result start_serving(struct spmc *spmc, struct request *request,
				      struct vcpu *caller, struct vcpu *target,
				      const struct vmsg_ffa_regs *regs)
{
	request->function_id = (uint32_t)regs->x[0];
	request->caller = caller;
	request->target = target;
	target->serving = true;
	target->served_id = request->function_id;
	target->served_source = caller->partition->config.id;
	target->request = request;
	spmc_return(spmc, target, regs);
	return block_on(spmc, request);
}

/* The two generations of direct messages: properties of sender and receiver, and since when. */
struct generation {
	uint32_t send;
	uint32_t receive;
	uint32_t since;
};

static const struct generation generation_1 = {
	.send = VMSG_FFA_PROPERTY_DIRECT_SEND,
	.receive = VMSG_FFA_PROPERTY_DIRECT_RECEIVE,
};

static const struct generation generation_2 = {
	.send = VMSG_FFA_PROPERTY_DIRECT2_SEND,
	.receive = VMSG_FFA_PROPERTY_DIRECT2_RECEIVE,
	.since = VMSG_FFA_VERSION_1_2,
};

/* By request or response. Forms of one generation may be mixed: the ACS answers REQ_32 with
 * RESP_64. */
static const struct generation *generation_of(uint32_t function_id)
{
	return function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2) ||
			       function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2)
		       ? &generation_2
		       : &generation_1;
}

/* First generation: x3..x7 are payload; what follows is there in the SMC64 form between partitions
 * at 1.3, else not. w2 marks framework messages, which only the manager exchanges with partitions.
 */
static bool normalize_direct(const struct spmc *spmc, const struct partition *sender,
			     struct vmsg_ffa_regs *regs)
{
	const uint32_t function_id = (uint32_t)regs->x[0];
	const struct partition *receiver = spmc_find(spmc, vmsg_ffa_destination(regs));
	const bool is_long = (function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ) ||
			      function_id == VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP)) &&
			     sender->version >= VMSG_FFA_VERSION_1_3 && receiver &&
			     receiver->version >= VMSG_FFA_VERSION_1_3;

	regs->x[1] = (uint32_t)regs->x[1];
	if (generation_of(function_id) == &generation_2) {
		return true;
	}
	for (size_t i = 8; i < VMSG_FFA_REGISTERS && !is_long; i++) {
		regs->x[i] = 0;
	}
	regs->x[2] = (uint32_t)regs->x[2];
	return regs->x[2] == 0;
}

/* Whether this pair of partitions may exchange this kind of request at all. */
static enum vmsg_ffa_status check_direct_request(struct spmc *spmc, const struct vcpu *caller,
						 const struct vmsg_ffa_regs *regs)
{
	const struct generation *generation = generation_of((uint32_t)regs->x[0]);
	const struct partition *sender = caller->partition;
	const uint16_t source = vmsg_ffa_source(regs);
	const uint16_t destination = vmsg_ffa_destination(regs);
	const struct partition *receiver = spmc_find_declared(spmc, destination);
	struct vmsg_ffa_uuid uuid = { { 0 } }; /* anybody there */

	if (source != sender->config.id || source == destination || !receiver ||
	    (spmc_is_secure(source) && !spmc_is_secure(destination))) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (!receiver->started) {
		return sender->version >= VMSG_FFA_VERSION_1_3 ? VMSG_FFA_NOT_READY
							       : VMSG_FFA_INVALID_PARAMETERS;
	}
	if (spmc->policy->direct_vm_to_vm_missing && !spmc_is_secure(source) &&
	    !spmc_is_secure(destination)) {
		return VMSG_FFA_NOT_SUPPORTED;
	}
	if (generation == &generation_2 && !spmc->policy->direct2_uuid_ignored) {
		vmsg_ffa_uuid_from_pair(&uuid, &regs->x[2]);
	}
	if (!spmc_has_uuid(receiver, &uuid)) {
		return VMSG_FFA_INVALID_PARAMETERS;
	}
	if (!(sender->config.properties & generation->send) ||
	    !(spmc_uuid_properties(receiver, &uuid) & generation->receive)) {
		return VMSG_FFA_DENIED;
	}
	/* A partition that has not negotiated yet is on its way to waiting. */
	if (receiver->version && receiver->version < generation->since) {
		return VMSG_FFA_DENIED;
	}
	return VMSG_FFA_OK;
}

enum spmc_result spmc_call_direct_request(struct spmc *spmc, struct vcpu *vcpu,
					  struct vmsg_ffa_regs *regs)
{
	if (!normalize_direct(spmc, vcpu->partition, regs)) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	const enum vmsg_ffa_status status = check_direct_request(spmc, vcpu, regs);
	if (status != VMSG_FFA_OK) {
		return spmc_error(regs, status);
	}
	struct vcpu *target = choose_target(vcpu, spmc_find(spmc, vmsg_ffa_destination(regs)));
	struct request *request = find_free_request(vcpu);
	if (!target || !request) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	return start_serving(spmc, request, vcpu, target, regs);
}

enum spmc_result spmc_call_direct_response(struct spmc *spmc, struct vcpu *vcpu,
					   struct vmsg_ffa_regs *regs)
{
	const struct generation *generation = generation_of((uint32_t)regs->x[0]);
	const uint16_t source = vmsg_ffa_source(regs);
	const uint16_t destination = vmsg_ffa_destination(regs);

	if (vcpu->told && generation == &generation_1 && source == vcpu->partition->config.id &&
	    destination == vcpu->served_source && (uint32_t)regs->x[2] == VM_DESTROYED_ACK) {
		end_telling(vcpu);
		return wait_for_work(spmc, vcpu, regs);
	}
	if (!normalize_direct(spmc, vcpu->partition, regs) ||
	    source != vcpu->partition->config.id || source == destination ||
	    (generation == &generation_2 && (regs->x[2] || regs->x[3]))) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (!vcpu->serving || vcpu->told || vcpu->served_source != destination ||
	    vcpu->served_id == VMSG_FFA_ID32(RUN) || generation_of(vcpu->served_id) != generation) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	finish_serving(spmc, vcpu, regs);
	return wait_for_work(spmc, vcpu, regs);
}

/* The target gives the rest of its time back to whom it serves, until that one runs it again. Who
 * serves nobody schedules itself. */
enum spmc_result spmc_call_yield(struct spmc *spmc, struct vcpu *vcpu, struct vmsg_ffa_regs *regs)
{
	struct request *request = vcpu->serving ? vcpu->request : NULL;

	if (!request) {
		return spmc_success(regs);
	}
	pay_sri(spmc, vcpu);
	vcpu->state = VCPU_YIELDED;
	if (request->state == REQUEST_ACTIVE) {
		struct vmsg_ffa_regs yield = { { VMSG_FFA_ID32(YIELD) } };
		target_word(&yield, vcpu);
		slice_remove(spmc, request);
		request->state = REQUEST_PREEMPTED;
		spmc_return(spmc, request->caller, &yield);
	}
	return SPMC_BLOCKED;
}

static void resume_yielded(struct spmc *spmc, struct vcpu *vcpu)
{
	struct vmsg_ffa_regs success;

	if (vcpu->state == VCPU_YIELDED) {
		vmsg_ffa_pack_success(&success);
		spmc_return(spmc, vcpu, &success);
	}
}

/* FFA_RUN of a vCPU on which the caller has a request: continue it. */
static enum spmc_result continue_request(struct spmc *spmc, struct request *request,
					 struct vmsg_ffa_regs *regs)
{
	if (request->state == REQUEST_ANSWERED) {
		request->state = REQUEST_FREE;
		*regs = request->answer;
		return SPMC_REPLIED;
	}
	resume_yielded(spmc, request->target);
	return block_on(spmc, request);
}

/*
 * FFA_RUN continues a preempted request of the caller, or gives a waiting vCPU of a secure
 * partition time. VMs schedule themselves, and secure partitions schedule nobody.
 */
enum spmc_result spmc_call_run(struct spmc *spmc, struct vcpu *vcpu, struct vmsg_ffa_regs *regs)
{
	const uint16_t id = (uint16_t)(regs->x[1] >> 16);
	const uint16_t index = (uint16_t)regs->x[1];
	const uint16_t own_id = vcpu->partition->config.id;

	/* An answer, be it ABORTED, outlives its sender. */
	for (size_t i = 0; i < SPMC_REQUESTS_MAX; i++) {
		struct request *request = &vcpu->requests[i];
		if (request->state != REQUEST_FREE && request->target->partition->config.id == id &&
		    request->target->index == index) {
			return continue_request(spmc, request, regs);
		}
	}
	struct partition *partition = spmc_find(spmc, id);
	if (!partition || index >= partition->config.vcpu_count || id == own_id) {
		return spmc_error(regs, VMSG_FFA_INVALID_PARAMETERS);
	}
	if (spmc_is_secure(own_id) || !spmc_is_secure(id)) {
		return spmc_error(regs, VMSG_FFA_DENIED);
	}
	struct vcpu *target = &partition->vcpus[index];
	struct request *request = find_free_request(vcpu);
	if (target->state != VCPU_WAITING || !request) {
		return spmc_error(regs, VMSG_FFA_BUSY);
	}
	*regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(RUN) } };
	target_word(regs, target);
	return start_serving(spmc, request, vcpu, target, regs);
}

void spmc_raise(struct spmc *spmc, uint16_t id, uint16_t vcpu_index)
{
	struct partition *partition = spmc_find(spmc, id);

	if (!partition || vcpu_index >= partition->config.vcpu_count) {
		return;
	}
	struct vcpu *vcpu = &partition->vcpus[vcpu_index];
	if (vcpu->state != VCPU_WAITING) {
		vcpu->interrupt_pending = true;
		return;
	}
	struct vmsg_ffa_regs regs;
	interrupt_word(&regs, vcpu, 0);
	spmc_return(spmc, vcpu, &regs);
}

void spmc_wake(struct spmc *spmc, struct partition *partition, struct vcpu *vcpu)
{
	struct vmsg_ffa_regs regs;

	if (!vcpu) {
		vcpu = &partition->vcpus[partition->waiting ? __builtin_ctzll(partition->waiting)
							    : 0];
	}
	if (vcpu->state == VCPU_WAITING) {
		interrupt_word(&regs, vcpu, VMSG_FFA_INTERRUPT_NPI);
		spmc_return(spmc, vcpu, &regs);
	} else if (spmc_is_secure(partition->config.id)) {
		vcpu->notification_pending = true;
	}
}

void spmc_forget_wake(struct vcpu *vcpu)
{
	vcpu->partition->vcpus[0].notification_pending = false;
	vcpu->notification_pending = false;
}

uint64_t spmc_deadline(const struct spmc *spmc)
{
	return spmc->slice_first ? spmc->slice_first->deadline_ns : UINT64_MAX;
}

void spmc_tick(struct spmc *spmc, uint64_t now_ns)
{
	while (spmc->slice_first && spmc->slice_first->deadline_ns <= now_ns &&
	       spmc->slice_first->deadline_ns != UINT64_MAX) {
		struct request *request = spmc->slice_first;
		struct vmsg_ffa_regs regs;

		slice_remove(spmc, request);
		request->state = REQUEST_PREEMPTED;
		interrupt_word(&regs, request->target, 0);
		pay_sri(spmc, request->target);
		spmc_return(spmc, request->caller, &regs);
	}
}

void spmc_direct_stop(struct spmc *spmc, struct partition *partition)
{
	struct vmsg_ffa_regs aborted;

	vmsg_ffa_pack_error(&aborted, VMSG_FFA_ABORTED);
	for (uint16_t i = 0; i < partition->config.vcpu_count; i++) {
		struct vcpu *vcpu = &partition->vcpus[i];
		/* Its own requests: targets work on, their answers will be dropped. */
		for (size_t j = 0; j < SPMC_REQUESTS_MAX; j++) {
			struct request *request = &vcpu->requests[j];
			if (request->state == REQUEST_ACTIVE) {
				slice_remove(spmc, request);
			}
			if (request->state == REQUEST_ACTIVE ||
			    request->state == REQUEST_PREEMPTED) {
				request->target->request = NULL;
				resume_yielded(spmc, request->target);
			}
			request->state = REQUEST_FREE;
		}
	}
	for (uint16_t i = 0; i < partition->config.vcpu_count; i++) {
		finish_serving(spmc, &partition->vcpus[i], &aborted);
		partition->vcpus[i].told = false;
		partition->vcpus[i].state = VCPU_RUNNING;
	}
	partition->waiting = 0;
	memset(partition->gone, 0, sizeof(partition->gone));
}

void spmc_tell_death(struct spmc *spmc, const struct partition *vm)
{
	const size_t index = (size_t)spmc->index_of_id[vm->config.id] - 1;
	struct vmsg_ffa_regs regs;

	for (size_t i = 0; i < spmc->partition_count && !spmc_is_secure(vm->config.id); i++) {
		struct partition *partition = spmc->partitions[i];
		if (partition == vm || !partition->started ||
		    !(partition->config.properties & VMSG_FFA_PROPERTY_VM_DESTROYED)) {
			continue;
		}
		partition->gone[index / 64] |= UINT64_C(1) << index % 64;
		if (partition->waiting) {
			struct vcpu *vcpu = &partition->vcpus[__builtin_ctzll(partition->waiting)];
			(void)tell_one(spmc, vcpu, &regs); /* there is one */
			spmc_return(spmc, vcpu, &regs);
		}
	}
}
