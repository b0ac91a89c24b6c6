/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device sides in public trees that speak virtio-msg over FF-A, by what shows them (wire-revisions
 * sections 1.3, 4.1, 5.2, 7). Linux RFC v1 is not among them: it has a driver side alone; nor are
 * QEMU and the AMP bus, which are not reached through FF-A.
 */
#include "probe/probe.h"

#define FACTS_MAX 7

struct expected {
	enum probe_fact_id fact;
	uint32_t value;
	uint32_t or_value;
};

#define IS(fact, value)                                                                            \
	{                                                                                          \
		PROBE_##fact, value, value                                                         \
	}
#define ONE_OF(fact, one, two)                                                                     \
	{                                                                                          \
		PROBE_##fact, one, two                                                             \
	}
#define FORM(fact, form)                                                                           \
	{                                                                                          \
		PROBE_##fact, PROBE_FORM_##form, PROBE_FORM_##form                                 \
	}
#define FORMS(fact, one, two)                                                                      \
	{                                                                                          \
		PROBE_##fact, PROBE_FORM_##one, PROBE_FORM_##two                                   \
	}
#define SHAPE(shape)                                                                               \
	{                                                                                          \
		PROBE_DEVICES, PROBE_SHAPE_##shape, PROBE_SHAPE_##shape                            \
	}

#define OURS "libvirtio-msg-ffa (vmsg-ffa-emu backend)"

static const struct known {
	const char *name;
	enum vmsg_profile_id profile;
	struct expected facts[FACTS_MAX];
	unsigned int count;
} known[] = {
	{ "OP-TEE PoC of 2025",
	  VMSG_PROFILE_R1,
	  { IS(MAX_AREAS, 0xff), FORM(UNKNOWN, NULL), SHAPE(DEVICES) },
	  3 },
	{ "Trusty dev2 (r1 with 16-bit area ids: profile r1-a16)",
	  VMSG_PROFILE_R1,
	  { SHAPE(ONE_BYTE), ONE_OF(BUS_FEATURES, 0x01, 0x02) },
	  2 },
	{ "OP-TEE 2026, codec A",
	  VMSG_PROFILE_R2A,
	  { ONE_OF(BUS_FEATURES, 0x01, 0x21), IS(MAX_AREAS, 0xff), FORMS(NEWER, OWN, OTHER),
	    FORM(UNKNOWN, OWN), FORM(EVENT, OWN), IS(RESET, 1) },
	  6 },
	{ "OP-TEE 2026, codec B",
	  VMSG_PROFILE_R2B,
	  { FORM(UNKNOWN, NULL_ZERO), FORM(EVENT, NULL_ZERO) },
	  2 },
	{ "the newest kernel (Arm and Linaro, 2026) as device",
	  VMSG_PROFILE_R3,
	  { IS(TRANSPORT_FEATURES, 0), IS(MAX_AREAS, 0xffff), FORM(UNKNOWN, ERROR),
	    FORM(EVENT, NULL), SHAPE(WHOLE), IS(RESET, 0) },
	  6 },
	{ OURS,
	  VMSG_PROFILE_R3,
	  { IS(TRANSPORT_FEATURES, 1), IS(MAX_AREAS, 64), FORM(UNKNOWN, ERROR), FORM(EVENT, NULL),
	    SHAPE(WHOLE), FORM(PING, RESPONSE), IS(RESET, 0) },
	  7 },
	{ OURS,
	  VMSG_PROFILE_R2B,
	  { IS(MAX_AREAS, 64), FORM(UNKNOWN, ERROR), FORM(EVENT, NULL), SHAPE(WHOLE),
	    FORM(PING, RESPONSE), IS(RESET, 0) },
	  6 },
	{ OURS,
	  VMSG_PROFILE_R2A,
	  { IS(MAX_AREAS, 64), FORM(UNKNOWN, NULL), FORM(EVENT, OWN), SHAPE(WHOLE),
	    FORM(PING, RESPONSE), IS(RESET, 0) },
	  6 },
	{ OURS,
	  VMSG_PROFILE_R1,
	  { IS(MAX_AREAS, 64), FORM(UNKNOWN, NULL), FORM(EVENT, OWN), SHAPE(WHOLE),
	    FORM(PING, RESPONSE), IS(RESET, 0) },
	  6 },
	{ OURS,
	  VMSG_PROFILE_R0,
	  { IS(MAX_AREAS, 64), FORM(UNKNOWN, NULL), FORM(EVENT, OWN), SHAPE(WHOLE),
	    FORM(PING, RESPONSE) },
	  5 },
};

static bool is_as(const struct probe *probe, const struct expected *expected)
{
	const struct probe_fact *fact = &probe->facts[expected->fact];

	return fact->known && (fact->value == expected->value || fact->value == expected->or_value);
}

static unsigned int count_matches(const struct probe *probe, const struct known *row)
{
	unsigned int matched = 0;

	for (unsigned int i = 0; i < row->count; i++) {
		matched += is_as(probe, &row->facts[i]);
	}
	return matched;
}

/* All but one in three of its facts must agree: a peer may be a little newer than what was seen. */
void probe_compare(struct probe *probe)
{
	const struct known *best = NULL;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *row = &known[i];
		const unsigned int matched = count_matches(probe, row);
		if (!probe->profile || row->profile != probe->profile->id || matched == 0 ||
		    (best && matched * best->count <= probe->matched * row->count)) {
			continue;
		}
		best = row;
		probe->matched = matched;
		probe->of = row->count;
	}
	probe->nearest = best ? best->name : NULL;
	probe->resembles = best && probe->matched * 3 >= probe->of * 2 ? best->name : NULL;
	for (unsigned int i = 0; best && i < best->count; i++) {
		probe->marks[best->facts[i].fact] =
			is_as(probe, &best->facts[i]) ? PROBE_MARK_SAME : PROBE_MARK_OTHER;
	}
}
