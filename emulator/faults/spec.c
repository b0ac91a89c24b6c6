/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The language of fault rules: RULE { ";" RULE }, RULE = ACTION [ ":" OPTION { "," OPTION } ],
 * OPTION = NAME "=" VALUE. What an action may strike, and what it does if nothing is said, is one
 * table.
 */
#include "faults/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define MS_MAX    3600000u

#define MESSAGES (CALL_BIT(CALL_DIRECT) | CALL_BIT(CALL_INDIRECT))
#define MEMORY   (CALL_BIT(CALL_SHARE) | CALL_BIT(CALL_RETRIEVE) | CALL_BIT(CALL_MAP))
#define ALL      (CALL_BIT(CALL_KINDS) - 1)
/* Their registers say who shall get it. */
#define ADDRESSED (CALL_BIT(CALL_DIRECT) | CALL_BIT(CALL_REPLY) | CALL_BIT(CALL_NOTIFY))

const char *const fault_call_names[CALL_KINDS] = {
	"direct", "reply", "indirect", "notify", "share", "retrieve", "map", "other",
};

const char *const fault_action_names[FAULT_ACTIONS] = {
	"drop", "delay", "duplicate", "reorder", "busy", "late", "kill", "nomem",
};

static const struct {
	uint32_t allowed; /* calls */
	uint32_t preset;
	uint32_t ms; /* 0 = it has no such option */
} actions[FAULT_ACTIONS] = {
	[FAULT_DROP] = { MESSAGES | CALL_BIT(CALL_NOTIFY), CALL_BIT(CALL_DIRECT), 6000 },
	[FAULT_DELAY] = { ALL & ~CALL_BIT(CALL_OTHER), CALL_BIT(CALL_DIRECT), 20 },
	[FAULT_DUPLICATE] = { MESSAGES, CALL_BIT(CALL_DIRECT), 0 },
	[FAULT_REORDER] = { MESSAGES, CALL_BIT(CALL_DIRECT), 5 },
	[FAULT_BUSY] = { MESSAGES, CALL_BIT(CALL_DIRECT), 0 },
	[FAULT_LATE] = { CALL_BIT(CALL_REPLY), CALL_BIT(CALL_REPLY), 1500 },
	[FAULT_KILL] = { ALL, ALL, 0 },
	[FAULT_NOMEM] = { MEMORY, CALL_BIT(CALL_SHARE) | CALL_BIT(CALL_RETRIEVE), 0 },
};

/* A piece of the text, and where to complain. */
struct reader {
	const char *at;
	size_t size;
	unsigned int number; /* of the rule */
	char *why;
	size_t why_size;
};

static int complain(const struct reader *in, const char *problem, const char *rule)
{
	snprintf(in->why, in->why_size, "rule %u: %s '%.*s'%s%s", in->number, problem,
		 (int)(in->size < 40 ? in->size : 40), in->at, rule ? "; " : "", rule ? rule : "");
	return -1;
}

static bool is_word(const struct reader *in, const char *word)
{
	return strlen(word) == in->size && memcmp(in->at, word, in->size) == 0;
}

/* Cuts off what lies before the first `mark`, or all; false when nothing was left. */
static bool cut(struct reader *rest, char mark, struct reader *piece)
{
	const char *end = rest->at ? memchr(rest->at, mark, rest->size) : NULL;

	if (!rest->at) {
		return false;
	}
	*piece = *rest;
	if (end) {
		piece->size = (size_t)(end - rest->at);
		rest->size -= piece->size + 1;
		rest->at = end + 1;
	} else {
		rest->at = NULL;
	}
	return true;
}

/* Names of a table whose bits are in `set`, for people. */
static const char *list(char *text, size_t size, const char *const *names, size_t count,
			uint32_t set)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (set & 1u << i) {
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 names[i]);
		}
	}
	return text;
}

static int read_number(const struct reader *value, uint64_t least, uint64_t most, uint64_t *number)
{
	char text[24];
	char rule[80];
	char *end;

	snprintf(rule, sizeof(rule), "it must be a number from %llu to %llu",
		 (unsigned long long)least, (unsigned long long)most);
	if (value->size == 0 || value->size >= sizeof(text) || value->at[0] < '0' ||
	    value->at[0] > '9') {
		return complain(value, "value", rule);
	}
	memcpy(text, value->at, value->size);
	text[value->size] = '\0';
	errno = 0;
	*number = strtoull(text, &end, 0);
	if (*end || errno != 0 || *number < least || *number > most) {
		return complain(value, "value", rule);
	}
	return 0;
}

static int read_id(const struct reader *value, bool *has, uint16_t *id)
{
	uint64_t number = 0;

	if (read_number(value, 1, UINT16_MAX, &number) != 0) {
		return -1;
	}
	*has = true;
	*id = (uint16_t)number;
	return 0;
}

static int read_call(const struct reader *value, struct fault_rule *rule)
{
	const uint32_t allowed = actions[rule->action].allowed;
	char names[96];
	char text[160];

	for (uint32_t i = 0; i < CALL_KINDS; i++) {
		if (is_word(value, fault_call_names[i]) && (allowed & CALL_BIT(i))) {
			rule->calls = CALL_BIT(i);
			return 0;
		}
	}
	snprintf(text, sizeof(text), "%s strikes %s", fault_action_names[rule->action],
		 list(names, sizeof(names), fault_call_names, CALL_KINDS, allowed));
	return complain(value, "call", text);
}

static int read_option(const struct reader *option, struct fault_rule *rule)
{
	struct reader rest = *option;
	struct reader name;
	uint64_t ms = 0;

	if (!cut(&rest, '=', &name) || !rest.at) {
		return complain(option, "option", "options are NAME=VALUE");
	}
	if (is_word(&name, "call")) {
		return read_call(&rest, rule);
	}
	if (is_word(&name, "from")) {
		return read_id(&rest, &rule->has_from, &rule->from);
	}
	if (is_word(&name, "to")) {
		return read_id(&rest, &rule->has_to, &rule->to);
	}
	if (is_word(&name, "after")) {
		return read_number(&rest, 0, UINT32_MAX, &rule->after);
	}
	if (is_word(&name, "count")) {
		return read_number(&rest, 1, UINT32_MAX, &rule->count);
	}
	if (is_word(&name, "one-in")) {
		return read_number(&rest, 1, UINT32_MAX, &rule->one_in);
	}
	if (is_word(&name, "ms") && actions[rule->action].ms) {
		const int error = read_number(&rest, 1, MS_MAX, &ms);
		rule->wait_ns = error == 0 ? ms * NS_PER_MS : 0;
		return error;
	}
	return complain(&name, "option",
			actions[rule->action].ms
				? "options are call, from, to, after, count, one-in, ms"
				: "options are call, from, to, after, count, one-in");
}

static int read_rule(struct reader *rest, struct fault_rule *rule)
{
	struct reader word;
	struct reader option;
	char names[96];
	char text[128];
	uint32_t action = 0;

	if (!cut(rest, ':', &word)) {
		return complain(rest, "nothing in", NULL);
	}
	while (action < FAULT_ACTIONS && !is_word(&word, fault_action_names[action])) {
		action++;
	}
	if (action == FAULT_ACTIONS) {
		snprintf(text, sizeof(text), "actions are %s",
			 list(names, sizeof(names), fault_action_names, FAULT_ACTIONS,
			      (1u << FAULT_ACTIONS) - 1));
		return complain(&word, "action", text);
	}
	rule->action = (enum fault_action)action;
	rule->calls = actions[action].preset;
	rule->wait_ns = actions[action].ms * NS_PER_MS;
	rule->one_in = 1;
	rule->count = action == FAULT_KILL ? 1 : UINT64_MAX;
	while (cut(rest, ',', &option)) {
		if (read_option(&option, rule) != 0) {
			return -1;
		}
	}
	if (rule->has_to && (rule->calls & ~ADDRESSED)) {
		return complain(&word, "option to= with",
				"only calls direct, reply and notify say whom they are for");
	}
	return 0;
}

int faults_parse(const char *text, unsigned int first, struct fault_rule **rules, char *why,
		 size_t why_size)
{
	struct reader rest = { text, strlen(text), first, why, why_size };
	struct reader piece;
	struct fault_rule **end = rules;

	*rules = NULL;
	while (cut(&rest, ';', &piece)) {
		struct fault_rule *rule = calloc(1, sizeof(*rule));
		if (!rule) {
			snprintf(why, why_size, "out of memory");
		} else {
			rule->number = piece.number;
			*end = rule;
			end = &rule->next;
		}
		if (!rule || read_rule(&piece, rule) != 0) {
			faults_free_rules(*rules);
			*rules = NULL;
			return -1;
		}
		rest.number++;
	}
	return 0;
}

void faults_free_rules(struct fault_rule *rules)
{
	while (rules) {
		struct fault_rule *rule = rules;
		rules = rule->next;
		free(rule);
	}
}
