/* SPDX-License-Identifier: BSD-3-Clause */
/* --carrier and --events: what may be chosen, and what was. */
#ifndef VMSG_EMULATOR_WAYS_H
#define VMSG_EMULATOR_WAYS_H

#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/endpoint.h"

#include "commands/json.h"

/* Masks as in vmsg_bus_options; 0: any. */
struct ways {
	uint8_t carriers;
	uint8_t events;
};

#define WAYS_HELP                                                                                  \
	"      --carrier C          carry messages by C: direct, indirect or fifo\n"               \
	"      --events E           learn of events by E: poll, notify, indirect or fifo\n"        \
	"                           (default of both: the best that both sides offer; direct\n"    \
	"                           messages go with all of E, the other carriers with their "     \
	"own)\n"

/* As the parsers of options.h. */
int option_carrier(const char *text, struct ways *ways);
int option_events(const char *text, struct ways *ways);
/* Can they be had together, in that profile (NULL: any)? */
int ways_check(const struct ways *ways, const struct vmsg_profile *profile);

/* Name of the one that is forced, "any" when none is. */
const char *ways_carrier(uint8_t mask);
const char *ways_events(uint8_t mask);

/* All that a partition of the built-in system can do, less what one with these properties cannot.
 */
uint32_t ways_features(uint32_t properties);

/* Of VMSG_BUS_FEATURE_*, what the manager lets this partition do; prepares it for notifications. */
uint32_t ways_allowed(struct vmsg_endpoint *endpoint);
/* Does the manager leave it to us when secure partitions run? */
bool ways_schedules(struct vmsg_endpoint *endpoint);

#define WAYS_TEXT_SIZE 192

/* "carrier direct, events by notify: REASON" */
const char *ways_text(const struct vmsg_bus *bus, char text[WAYS_TEXT_SIZE]);
/* "carrier", "events", "choice" */
void ways_emit(const struct vmsg_bus *bus, struct json *json);

#endif
