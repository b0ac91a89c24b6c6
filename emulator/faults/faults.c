/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rules do to calls. A call that must wait is held: its vCPU waits here, and the manager
 * believes that it still runs. A held direct request has its caller interrupted at the end of every
 * time slice, as a slow target would; the caller continues it with FFA_RUN, or gives it up by
 * calling something else. Invariant: a vCPU is held at most once, and what is held is not in the
 * manager.
 */
#include "faults/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define AGAIN_NS  UINT64_C(1000000) /* between attempts to send a copy */
#define AGAIN_MAX 100u

enum hold_end {
	HOLD_PASS,  /* the call is made */
	HOLD_LOSE,  /* nobody ever got it */
	HOLD_AGAIN, /* it was made, and is made again as soon as there is room for the copy */
};

struct held {
	struct held *next;
	uint16_t id;
	uint16_t vcpu;
	enum hold_end end;
	bool sliced;      /* a direct request */
	bool away;        /* its caller was interrupted and runs */
	bool is_overtake; /* ends as soon as another one to the same target is made */
	unsigned int tries;
	uint64_t due_ns;
	uint64_t slice_ns; /* end of this slice */
	struct vmsg_ffa_regs regs;
};

/* A request that its target shall serve twice: told when it begins the first time. */
struct twice {
	struct twice *next;
	uint16_t source;
	uint16_t target;
	uint16_t vcpu; /* of the target, once it is known */
	bool served;
	struct vmsg_ffa_regs regs;
};

struct returned {
	struct returned *next;
	struct spmc_delivery delivery;
};

struct faults {
	struct fault_rule *rules;
	unsigned int rule_count;
	uint64_t random;
	struct held *held;
	struct twice *twice;
	struct returned *first;
	struct returned **last;
	void (*report)(void *context, const char *text);
	void *report_context;
};

struct faults *faults_create(uint64_t seed)
{
	struct faults *faults = calloc(1, sizeof(*faults));

	if (faults) {
		faults->random = seed;
		faults->last = &faults->first;
	}
	return faults;
}

void faults_destroy(struct faults *faults)
{
	if (!faults) {
		return;
	}
	faults_free_rules(faults->rules);
	while (faults->held) {
		struct held *held = faults->held;
		faults->held = held->next;
		free(held);
	}
	while (faults->twice) {
		struct twice *twice = faults->twice;
		faults->twice = twice->next;
		free(twice);
	}
	while (faults->first) {
		struct returned *returned = faults->first;
		faults->first = returned->next;
		free(returned);
	}
	free(faults);
}

int faults_add(struct faults *faults, const char *text, char *why, size_t why_size)
{
	struct fault_rule **end = &faults->rules;
	struct fault_rule *rules;

	if (faults_parse(text, faults->rule_count + 1, &rules, why, why_size) != 0) {
		return -1;
	}
	while (*end) {
		end = &(*end)->next;
	}
	*end = rules;
	for (; rules; rules = rules->next) {
		faults->rule_count++;
	}
	return 0;
}

void faults_calm(struct faults *faults)
{
	faults_free_rules(faults->rules);
	faults->rules = NULL;
}

void faults_report(struct faults *faults, void (*report)(void *context, const char *text),
		   void *context)
{
	faults->report = report;
	faults->report_context = context;
}

/* ---- which rule ---- */

/* splitmix64: any seed is good, and the next number depends on nothing but the count. */
static uint64_t random_next(struct faults *faults)
{
	uint64_t x = faults->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static enum fault_call classify(const struct vmsg_ffa_regs *regs)
{
	switch ((uint32_t)regs->x[0]) {
	case VMSG_FFA_ID32(MSG_SEND_DIRECT_REQ):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2):
		return CALL_DIRECT;
	case VMSG_FFA_ID32(MSG_SEND_DIRECT_RESP):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP):
	case VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2):
		return CALL_REPLY;
	case VMSG_FFA_ID32(MSG_SEND2):
		return CALL_INDIRECT;
	case VMSG_FFA_ID32(NOTIFICATION_SET):
		return CALL_NOTIFY;
	case VMSG_FFA_ID32(MEM_SHARE):
	case VMSG_FFA_ID64(MEM_SHARE):
	case VMSG_FFA_ID32(MEM_LEND):
	case VMSG_FFA_ID64(MEM_LEND):
	case VMSG_FFA_ID32(MEM_DONATE):
	case VMSG_FFA_ID64(MEM_DONATE):
		return CALL_SHARE;
	case VMSG_FFA_ID32(MEM_RETRIEVE_REQ):
	case VMSG_FFA_ID64(MEM_RETRIEVE_REQ):
		return CALL_RETRIEVE;
	case VMSG_FFA_ID32(RXTX_MAP):
	case VMSG_FFA_ID64(RXTX_MAP):
		return CALL_MAP;
	default:
		return CALL_OTHER;
	}
}

/* The first rule that strikes this call; every rule that it matches counts it. */
static const struct fault_rule *choose(struct faults *faults, uint16_t id, enum fault_call call,
				       const struct vmsg_ffa_regs *regs)
{
	const struct fault_rule *chosen = NULL;

	for (struct fault_rule *rule = faults->rules; rule; rule = rule->next) {
		if (!(rule->calls & CALL_BIT(call)) || (rule->has_from && rule->from != id) ||
		    (rule->has_to && rule->to != vmsg_ffa_destination(regs))) {
			continue;
		}
		rule->seen++;
		if (chosen || rule->seen <= rule->after || rule->struck >= rule->count ||
		    (rule->one_in > 1 && random_next(faults) % rule->one_in != 0)) {
			continue;
		}
		rule->struck++;
		chosen = rule;
	}
	return chosen;
}

static void tell(const struct faults *faults, const struct fault_rule *rule, uint16_t id,
		 enum fault_call call)
{
	char text[128];

	if (faults->report) {
		snprintf(text, sizeof(text), "fault: rule %u, %s, strikes call %llu (%s) of 0x%04x",
			 rule->number, fault_action_names[rule->action],
			 (unsigned long long)rule->seen, fault_call_names[call], id);
		faults->report(faults->report_context, text);
	}
}

/* ---- what is held ---- */

static struct held **find_held(struct faults *faults, uint16_t id, uint16_t vcpu)
{
	struct held **at = &faults->held;

	while (*at && ((*at)->id != id || (*at)->vcpu != vcpu)) {
		at = &(*at)->next;
	}
	return at;
}

static void let_go(struct held **at)
{
	struct held *held = *at;

	*at = held->next;
	free(held);
}

/* The end of the list is the order in which they came. What the vCPU had away, it gives up. */
static struct held *hold(struct faults *faults, uint16_t id, uint16_t vcpu, uint64_t now_ns,
			 const struct fault_rule *rule, const struct vmsg_ffa_regs *regs)
{
	struct held **end = &faults->held;
	struct held *held = calloc(1, sizeof(*held));

	if (!held) {
		return NULL;
	}
	struct held **earlier = find_held(faults, id, vcpu);
	if (*earlier) {
		let_go(earlier);
	}
	while (*end) {
		end = &(*end)->next;
	}
	*end = held;
	*held = (struct held){
		.id = id,
		.vcpu = vcpu,
		.due_ns = now_ns + rule->wait_ns,
		.slice_ns = now_ns + SPMC_TIME_SLICE_NS,
		.sliced = classify(regs) == CALL_DIRECT,
		.regs = *regs,
	};
	return held;
}

static bool is_status(const struct vmsg_ffa_regs *regs, enum vmsg_ffa_status status)
{
	return vmsg_ffa_reply_status(regs) == status;
}

/* A held call whose time has come: its result. */
static enum spmc_result end_hold(struct held *held, struct spmc *spmc, uint64_t now_ns,
				 struct vmsg_ffa_regs *regs, bool *is_done)
{
	enum spmc_result result = SPMC_REPLIED;

	*is_done = true;
	*regs = held->regs;
	switch (held->end) {
	case HOLD_PASS:
		return spmc_call(spmc, held->id, held->vcpu, now_ns, regs);
	case HOLD_LOSE: /* there is no such request any more */
		vmsg_ffa_pack_error(regs, VMSG_FFA_INVALID_PARAMETERS);
		break;
	case HOLD_AGAIN:
		result = spmc_call(spmc, held->id, held->vcpu, now_ns, regs);
		if (result == SPMC_REPLIED && is_status(regs, VMSG_FFA_BUSY) &&
		    held->tries++ < AGAIN_MAX) {
			held->due_ns = now_ns + AGAIN_NS;
			*is_done = false;
		} else if (result == SPMC_REPLIED) {
			vmsg_ffa_pack_success(regs); /* of the first one */
		}
		break;
	}
	return result;
}

static void give_back(struct faults *faults, uint16_t id, uint16_t vcpu,
		      const struct vmsg_ffa_regs *regs)
{
	struct returned *returned = calloc(1, sizeof(*returned));

	if (!returned) {
		abort(); /* a vCPU would wait for ever */
	}
	returned->delivery = (struct spmc_delivery){
		.kind = SPMC_RETURN,
		.partition = id,
		.vcpu = vcpu,
		.regs = *regs,
	};
	*faults->last = returned;
	faults->last = &returned->next;
}

/* FFA_INTERRUPT of the target, which the caller continues with FFA_RUN. */
static uint64_t target_word(const struct held *held)
{
	return (uint64_t)vmsg_ffa_destination(&held->regs) << 16;
}

static void end_slice(struct faults *faults, struct held *held)
{
	const struct vmsg_ffa_regs interrupt = { { VMSG_FFA_ID32(INTERRUPT), target_word(held) } };

	held->away = true;
	give_back(faults, held->id, held->vcpu, &interrupt);
}

/* The caller of a held request is back. */
static enum spmc_result resume(struct held **at, struct spmc *spmc, uint64_t now_ns,
			       struct vmsg_ffa_regs *regs)
{
	bool is_done;

	if (now_ns < (*at)->due_ns) {
		(*at)->away = false;
		(*at)->slice_ns = now_ns + SPMC_TIME_SLICE_NS;
		return SPMC_BLOCKED;
	}
	const enum spmc_result result = end_hold(*at, spmc, now_ns, regs, &is_done);
	let_go(at);
	return result;
}

/* ---- twice ---- */

static void ask_twice(struct faults *faults, uint16_t id, const struct vmsg_ffa_regs *regs)
{
	struct twice *twice = calloc(1, sizeof(*twice));

	if (twice) {
		*twice = (struct twice){
			.next = faults->twice,
			.source = id,
			.target = vmsg_ffa_destination(regs),
		};
		faults->twice = twice;
	}
}

/* The target begins to serve it. */
static void see_served(struct faults *faults, const struct spmc_delivery *delivery)
{
	if (delivery->kind != SPMC_RETURN || classify(&delivery->regs) != CALL_DIRECT) {
		return;
	}
	for (struct twice *twice = faults->twice; twice; twice = twice->next) {
		if (!twice->served && twice->target == delivery->partition &&
		    twice->source == vmsg_ffa_source(&delivery->regs)) {
			twice->served = true;
			twice->vcpu = delivery->vcpu;
			twice->regs = delivery->regs;
			return;
		}
	}
}

/* The target has answered once: it gets the request again, and its answer is forgotten. */
static bool serve_again(struct faults *faults, uint16_t id, uint16_t vcpu,
			struct vmsg_ffa_regs *regs)
{
	for (struct twice **at = &faults->twice; *at; at = &(*at)->next) {
		struct twice *twice = *at;
		if (twice->served && twice->target == id && twice->vcpu == vcpu &&
		    twice->source == vmsg_ffa_destination(regs)) {
			*regs = twice->regs;
			*at = twice->next;
			free(twice);
			return true;
		}
	}
	return false;
}

/* ---- in place of the manager's functions ---- */

/* Another request for their target is made: those that wait to be overtaken follow it. */
static void overtake(struct faults *faults, uint64_t now_ns, uint16_t id,
		     const struct vmsg_ffa_regs *regs)
{
	for (struct held *held = faults->held; held; held = held->next) {
		if (held->is_overtake && held->id != id &&
		    classify(&held->regs) == classify(regs) &&
		    vmsg_ffa_destination(&held->regs) == vmsg_ffa_destination(regs)) {
			held->due_ns = now_ns;
		}
	}
}

static enum spmc_result strike(struct faults *faults, const struct fault_rule *rule,
			       struct spmc *spmc, uint16_t id, uint16_t vcpu, uint64_t now_ns,
			       struct vmsg_ffa_regs *regs)
{
	const enum fault_call call = classify(regs);
	const struct vmsg_ffa_regs original = *regs;
	struct held *held = NULL;
	enum spmc_result result;

	switch (rule->action) {
	case FAULT_DROP:
		if (call != CALL_DIRECT) {
			vmsg_ffa_pack_success(regs);
			return SPMC_REPLIED;
		}
		held = hold(faults, id, vcpu, now_ns, rule, regs);
		if (held) {
			held->end = HOLD_LOSE;
		}
		break;
	case FAULT_DELAY:
	case FAULT_LATE:
	case FAULT_REORDER:
		held = hold(faults, id, vcpu, now_ns, rule, regs);
		if (held) {
			held->is_overtake = rule->action == FAULT_REORDER;
		}
		break;
	case FAULT_DUPLICATE:
		if (call == CALL_DIRECT) {
			ask_twice(faults, id, regs);
			return spmc_call(spmc, id, vcpu, now_ns, regs);
		}
		result = spmc_call(spmc, id, vcpu, now_ns, regs);
		if (result != SPMC_REPLIED || !is_status(regs, VMSG_FFA_OK)) {
			return result;
		}
		held = hold(faults, id, vcpu, now_ns, rule, &original);
		if (!held) {
			return result;
		}
		held->end = HOLD_AGAIN;
		break;
	case FAULT_BUSY:
		vmsg_ffa_pack_error(regs, VMSG_FFA_BUSY);
		return SPMC_REPLIED;
	case FAULT_NOMEM:
		vmsg_ffa_pack_error(regs, VMSG_FFA_NO_MEMORY);
		return SPMC_REPLIED;
	case FAULT_KILL:
	case FAULT_ACTIONS:
		break; /* the caller's to do */
	}
	return held ? SPMC_BLOCKED : spmc_call(spmc, id, vcpu, now_ns, regs);
}

enum spmc_result faults_call(struct faults *faults, struct spmc *spmc, uint16_t id, uint16_t vcpu,
			     uint64_t now_ns, struct vmsg_ffa_regs *regs, bool *kill)
{
	*kill = false;
	if (!faults) {
		return spmc_call(spmc, id, vcpu, now_ns, regs);
	}
	struct held **at = find_held(faults, id, vcpu);
	if (*at && !(*at)->away) {
		return SPMC_REFUSED;
	}
	if (*at && (uint32_t)regs->x[0] == VMSG_FFA_ID32(RUN) &&
	    (uint32_t)regs->x[1] == target_word(*at)) {
		return resume(at, spmc, now_ns, regs);
	}
	const enum fault_call call = classify(regs);
	if (*at && call == CALL_DIRECT) {
		let_go(at); /* given up */
	}
	if (call == CALL_REPLY && serve_again(faults, id, vcpu, regs)) {
		return SPMC_REPLIED;
	}
	const struct fault_rule *rule = choose(faults, id, call, regs);
	if (rule) {
		tell(faults, rule, id, call);
		*kill = rule->action == FAULT_KILL;
		return *kill ? SPMC_REFUSED : strike(faults, rule, spmc, id, vcpu, now_ns, regs);
	}
	overtake(faults, now_ns, id, regs);
	return spmc_call(spmc, id, vcpu, now_ns, regs);
}

bool faults_next(struct faults *faults, struct spmc *spmc, struct spmc_delivery *delivery)
{
	if (faults && faults->first) {
		struct returned *returned = faults->first;
		faults->first = returned->next;
		if (!faults->first) {
			faults->last = &faults->first;
		}
		*delivery = returned->delivery;
		free(returned);
		return true;
	}
	const bool has_one = spmc_next(spmc, delivery);
	if (faults && has_one) {
		see_served(faults, delivery);
	}
	return has_one;
}

/* When something is to be done about it; never while its caller is away. */
static uint64_t held_deadline(const struct held *held)
{
	if (held->away) {
		return UINT64_MAX;
	}
	return held->sliced && held->slice_ns < held->due_ns ? held->slice_ns : held->due_ns;
}

uint64_t faults_deadline(const struct faults *faults, const struct spmc *spmc)
{
	uint64_t deadline_ns = spmc_deadline(spmc);

	for (const struct held *held = faults ? faults->held : NULL; held; held = held->next) {
		const uint64_t own_ns = held_deadline(held);
		deadline_ns = own_ns < deadline_ns ? own_ns : deadline_ns;
	}
	return deadline_ns;
}

void faults_tick(struct faults *faults, struct spmc *spmc, uint64_t now_ns)
{
	struct held **at = faults ? &faults->held : NULL;

	spmc_tick(spmc, now_ns);
	while (at && *at) {
		struct held *held = *at;
		struct vmsg_ffa_regs regs;
		bool is_done = false;
		if (held_deadline(held) <= now_ns && held->due_ns > now_ns) {
			end_slice(faults, held);
		} else if (held_deadline(held) <= now_ns &&
			   end_hold(held, spmc, now_ns, &regs, &is_done) == SPMC_REPLIED &&
			   is_done) {
			give_back(faults, held->id, held->vcpu, &regs);
		}
		if (is_done) {
			let_go(at);
		} else {
			at = &held->next;
		}
	}
}

void faults_stop(struct faults *faults, struct spmc *spmc, uint16_t id)
{
	spmc_stop(spmc, id);
	for (struct held **at = faults ? &faults->held : NULL; at && *at;) {
		if ((*at)->id == id) {
			let_go(at);
		} else {
			at = &(*at)->next;
		}
	}
	for (struct twice **at = faults ? &faults->twice : NULL; at && *at;) {
		struct twice *twice = *at;
		if (twice->source == id || twice->target == id) {
			*at = twice->next;
			free(twice);
		} else {
			at = &twice->next;
		}
	}
	/* what it was to get, nobody takes */
	for (struct returned **at = faults ? &faults->first : NULL; at && *at;) {
		struct returned *returned = *at;
		if (returned->delivery.partition == id) {
			*at = returned->next;
			if (!*at) {
				faults->last = at;
			}
			free(returned);
		} else {
			at = &returned->next;
		}
	}
}
