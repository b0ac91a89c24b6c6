/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules, as spec.c reads and faults.c follows them. */
#ifndef VMSG_EMULATOR_FAULTS_INTERNAL_H
#define VMSG_EMULATOR_FAULTS_INTERNAL_H

#include "faults/faults.h"

enum fault_action {
	FAULT_DROP,
	FAULT_DELAY,
	FAULT_DUPLICATE,
	FAULT_REORDER,
	FAULT_BUSY,
	FAULT_LATE,
	FAULT_KILL,
	FAULT_NOMEM,
	FAULT_ACTIONS
};

/* Kinds of calls that rules tell apart. */
enum fault_call {
	CALL_DIRECT,
	CALL_REPLY,
	CALL_INDIRECT,
	CALL_NOTIFY,
	CALL_SHARE,
	CALL_RETRIEVE,
	CALL_MAP,
	CALL_OTHER,
	CALL_KINDS
};

#define CALL_BIT(kind) (1u << (kind))

struct fault_rule {
	struct fault_rule *next;
	unsigned int number; /* as written, from 1 */
	enum fault_action action;
	uint32_t calls; /* bits of enum fault_call */
	bool has_from;
	bool has_to;
	uint16_t from;
	uint16_t to;
	uint64_t after;  /* so many matching calls pass first */
	uint64_t count;  /* at most so many are struck; UINT64_MAX = all */
	uint64_t one_in; /* chance of each */
	uint64_t wait_ns;
	uint64_t seen;
	uint64_t struck;
};

extern const char *const fault_action_names[FAULT_ACTIONS];
extern const char *const fault_call_names[CALL_KINDS];

/* Reads rules, numbered from `first`, into a list. -1 with `why`. */
int faults_parse(const char *text, unsigned int first, struct fault_rule **rules, char *why,
		 size_t why_size);
void faults_free_rules(struct fault_rule *rules);

#endif
