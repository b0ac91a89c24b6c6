/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tests have exercised, for docs/coverage.md: lines "WHAT PROFILE NAME KIND", each once a
 * process, appended to the file that $VMSG_COVERAGE names. Without it nothing happens. WHAT is
 * encode, decode, vector, property or system.
 */
#ifndef VMSG_TESTS_COVERAGE_H
#define VMSG_TESTS_COVERAGE_H

#include "tap/sessions.h"
#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/endpoint.h"

/* The profile's name is given because r1-a16 borrows vectors of r1. */
void coverage_note(const char *what, const char *profile, enum vmsg_type type, enum vmsg_kind kind);

/* Stands before a partition's conduit and notes the messages that cross it, as "system". */
struct coverage_conduit {
	struct vmsg_conduit below;
	struct tap_sessions sessions;
	struct tap_session table[8];
	uint16_t partition;
	const struct vmsg_profile *forced; /* for profiles that VERSION cannot tell; may be NULL */
};
struct vmsg_conduit coverage_conduit(struct coverage_conduit *conduit, uint16_t partition,
				     const struct vmsg_conduit *below);

#endif
