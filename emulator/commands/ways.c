/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands/ways.h"

#include <stdio.h>
#include <string.h>

#include "commands/report.h"
#include "virtio_msg_ffa/ffa.h"
#include "virtio_msg_ffa/proto.h"

#define FEATURE_SRI 2u /* the schedule receiver interrupt is its scheduler's */

int option_carrier(const char *text, struct ways *ways)
{
	for (unsigned int i = 0; i < VMSG_CARRIER_COUNT; i++) {
		if (strcmp(text, vmsg_carrier_name((enum vmsg_carrier)i)) == 0) {
			ways->carriers = (uint8_t)(1u << i);
			return 0;
		}
	}
	return report_usage("--carrier is '%s', which is no carrier (direct, indirect or fifo)",
			    text);
}

int option_events(const char *text, struct ways *ways)
{
	for (unsigned int i = VMSG_EVENTS_POLL; i <= VMSG_EVENTS_FIFO; i++) {
		if (strcmp(text, vmsg_events_name(i)) == 0) {
			ways->events = (uint8_t)(1u << i);
			return 0;
		}
	}
	return report_usage("--events is '%s', which is no way of event delivery (poll, notify, "
			    "indirect or fifo)",
			    text);
}

const char *ways_carrier(uint8_t mask)
{
	return mask ? vmsg_carrier_name((enum vmsg_carrier)__builtin_ctz(mask)) : "any";
}

const char *ways_events(uint8_t mask)
{
	return mask ? vmsg_events_name((unsigned int)__builtin_ctz(mask)) : "any";
}

int ways_check(const struct ways *ways, const struct vmsg_profile *profile)
{
	if (!vmsg_bus_choice_exists(NULL, ways->carriers, ways->events)) {
		return report_usage("--carrier %s does not go with --events %s: a carrier other "
				    "than direct carries events, too",
				    ways_carrier(ways->carriers), ways_events(ways->events));
	}
	if (!vmsg_bus_choice_exists(profile, ways->carriers, ways->events)) {
		return report_usage("profile %s does not allow carrier %s with events by %s",
				    profile->name, ways_carrier(ways->carriers),
				    ways_events(ways->events));
	}
	return 0;
}

uint32_t ways_features(uint32_t properties)
{
	uint32_t features = VMSG_BUS_FEATURE_NOTIFICATION_RX | VMSG_BUS_FEATURE_NOTIFICATION_TX;

	if (properties & VMSG_FFA_PROPERTY_DIRECT2_RECEIVE) {
		features |= VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX;
	}
	if (properties & VMSG_FFA_PROPERTY_INDIRECT) {
		features |= VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX;
	}
	if (properties & VMSG_FFA_PROPERTY_NOTIFICATIONS) {
		features |= VMSG_BUS_FEATURE_FIFO; /* the peer's half of its rings */
	}
	return features;
}

uint32_t ways_allowed(struct vmsg_endpoint *endpoint)
{
	uint32_t features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX;

	if (vmsg_endpoint_feature(endpoint, VMSG_FFA_ID32(MSG_SEND2), 0, NULL) == 1) {
		features |= VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX;
	}
	if (vmsg_endpoint_enable_notifications(endpoint, 1) == 0) {
		features |= VMSG_BUS_FEATURE_NOTIFICATION_RX | VMSG_BUS_FEATURE_NOTIFICATION_TX |
			    VMSG_BUS_FEATURE_FIFO;
	}
	return features;
}

bool ways_schedules(struct vmsg_endpoint *endpoint)
{
	return vmsg_endpoint_feature(endpoint, FEATURE_SRI, 0, NULL) == 1;
}

const char *ways_text(const struct vmsg_bus *bus, char text[WAYS_TEXT_SIZE])
{
	snprintf(text, WAYS_TEXT_SIZE, "carrier %s, events by %s: %s",
		 vmsg_carrier_name(bus->carrier), vmsg_events_name(bus->events),
		 vmsg_bus_choice_reason(bus));
	return text;
}

void ways_emit(const struct vmsg_bus *bus, struct json *json)
{
	json_text(json, "carrier", vmsg_carrier_name(bus->carrier));
	json_text(json, "events", vmsg_events_name(bus->events));
	json_text(json, "choice", vmsg_bus_choice_reason(bus));
}
