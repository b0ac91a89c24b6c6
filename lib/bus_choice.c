/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which carrier and which way of event delivery a bus session uses. The table says what goes
 * together, in the order in which a driver prefers it: a direct message brings its answer along,
 * where everything else costs a second message or a second look. (wire-revisions 4.1, 5.2-5.5)
 */
#include "bus.h"

#include "virtio_msg_ffa/proto.h"

#define NOTIFICATION_BOTH (VMSG_BUS_FEATURE_NOTIFICATION_RX | VMSG_BUS_FEATURE_NOTIFICATION_TX)
#define INDIRECT_BOTH     (VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX)

/* No way of event delivery */
#define NO_EVENTS UINT8_MAX

/* In which dialects: those that choose by EVENT_CONFIGURE, or those that have no such message,
 * where a device sends events as soon as it can. */
enum { CONFIGURED = 1, UNCONFIGURED = 2, ALWAYS = CONFIGURED | UNCONFIGURED };

static const struct choice {
	uint8_t carrier;
	uint8_t events;
	uint8_t dialects;
	const char *reason;
} choices[] = {
	{ VMSG_CARRIER_DIRECT, VMSG_EVENTS_NOTIFICATION, CONFIGURED,
	  "a direct message brings its answer along, and the device can raise notifications" },
	{ VMSG_CARRIER_DIRECT, VMSG_EVENTS_INDIRECT, UNCONFIGURED,
	  "a direct message brings its answer along, and the device can send indirect ones" },
	{ VMSG_CARRIER_DIRECT, VMSG_EVENTS_POLL, ALWAYS,
	  "a direct message brings its answer along, and there is nothing better than polling" },
	{ VMSG_CARRIER_FIFO, VMSG_EVENTS_FIFO, CONFIGURED,
	  "there are no direct messages, and a FIFO is better than single indirect ones" },
	{ VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT, ALWAYS,
	  "there is nothing but indirect messages" },
	{ VMSG_CARRIER_DIRECT, VMSG_EVENTS_INDIRECT, CONFIGURED,
	  "there is no other way for events" },
	{ VMSG_CARRIER_DIRECT, VMSG_EVENTS_FIFO, CONFIGURED, "there is no other way for events" },
};

#define CHOICE_COUNT (sizeof(choices) / sizeof(choices[0]))

const char *vmsg_carrier_name(enum vmsg_carrier carrier)
{
	static const char *const names[] = {
		[VMSG_CARRIER_DIRECT] = "direct",
		[VMSG_CARRIER_INDIRECT] = "indirect",
		[VMSG_CARRIER_FIFO] = "fifo",
	};

	return (size_t)carrier < sizeof(names) / sizeof(names[0]) ? names[carrier] : "unknown";
}

const char *vmsg_events_name(unsigned int method)
{
	static const char *const names[] = {
		[VMSG_EVENTS_POLL] = "poll",
		[VMSG_EVENTS_NOTIFICATION] = "notify",
		[VMSG_EVENTS_INDIRECT] = "indirect",
		[VMSG_EVENTS_FIFO] = "fifo",
	};

	return method < sizeof(names) / sizeof(names[0]) ? names[method] : "unknown";
}

/* ---- what a dialect allows ---- */

static bool has_fifo(const struct vmsg_profile *profile)
{
	const struct vmsg_message configure = {
		.header = { .type = VMSG_FIFO_CONFIGURE, .kind = VMSG_REQUEST },
	};

	return vmsg_encoded_size(profile, &configure) > 0;
}

static bool dialect_allows(const struct vmsg_profile *profile, const struct choice *choice)
{
	const unsigned int dialect = profile->has_event_configure ? CONFIGURED : UNCONFIGURED;

	if (choice->carrier == VMSG_CARRIER_DIRECT && choice->events == VMSG_EVENTS_INDIRECT &&
	    profile->id == VMSG_PROFILE_R0) {
		return false; /* the device never learns that it could */
	}
	return choice->dialects & dialect &&
	       (choice->events != VMSG_EVENTS_FIFO || has_fifo(profile));
}

static bool masks_allow(uint8_t carriers, uint8_t events, const struct choice *choice)
{
	return (carriers == 0 || carriers >> choice->carrier & 1) &&
	       (events == 0 || events >> choice->events & 1);
}

bool vmsg_bus_choice_exists(const struct vmsg_profile *profile, uint8_t carriers, uint8_t events)
{
	for (size_t i = 0; i < CHOICE_COUNT; i++) {
		if (masks_allow(carriers, events, &choices[i]) &&
		    (!profile || dialect_allows(profile, &choices[i]))) {
			return true;
		}
	}
	return false;
}

/* ---- what both sides offer ---- */

static bool can_direct(uint32_t own, uint32_t theirs)
{
	return own & VMSG_BUS_FEATURE_DIRECT_TX && theirs & VMSG_BUS_FEATURE_DIRECT_RX;
}

static bool has_all(uint32_t own, uint32_t theirs, uint32_t mask)
{
	return (own & theirs & mask) == mask;
}

/* Before r3 devices say that they raise notifications, and not that they receive any. */
static bool can_notify(const struct vmsg_bus *bus, uint32_t own, uint32_t theirs)
{
	return bus->dialect->has_version_probe ? has_all(own, theirs, NOTIFICATION_BOTH)
					       : own & VMSG_BUS_FEATURE_NOTIFICATION_RX &&
							 theirs & VMSG_BUS_FEATURE_NOTIFICATION_TX;
}

static bool offers_allow(const struct vmsg_bus *bus, const struct choice *choice)
{
	const uint32_t own = bus->options.bus_features;
	const uint32_t theirs = bus->peer_bus_features;
	const bool indirect = has_all(own, theirs, INDIRECT_BOTH);
	bool possible = true;

	switch ((enum vmsg_carrier)choice->carrier) {
	case VMSG_CARRIER_DIRECT:
		possible = can_direct(own, theirs);
		break;
	case VMSG_CARRIER_INDIRECT:
		possible = indirect;
		break;
	case VMSG_CARRIER_FIFO:
	case VMSG_CARRIER_COUNT:
		break; /* as its events */
	}
	switch (choice->events) {
	case VMSG_EVENTS_NOTIFICATION:
		return possible && can_notify(bus, own, theirs);
	case VMSG_EVENTS_INDIRECT:
		return possible && indirect;
	case VMSG_EVENTS_FIFO:
		return possible && has_all(own, theirs, VMSG_BUS_FEATURE_FIFO);
	default:
		return possible;
	}
}

bool vmsg_bus_can_carry(const struct vmsg_bus *bus, uint32_t theirs)
{
	const uint32_t own = bus->options.bus_features;

	return can_direct(own, theirs) || has_all(own, theirs, INDIRECT_BOTH);
}

/* ---- choosing ---- */

bool vmsg_bus_choose(struct vmsg_bus *bus, uint8_t from)
{
	for (unsigned int i = from; i < CHOICE_COUNT; i++) {
		if (masks_allow(bus->options.carriers, bus->options.events, &choices[i]) &&
		    dialect_allows(bus->dialect, &choices[i]) && offers_allow(bus, &choices[i])) {
			bus->choice = (uint8_t)i;
			bus->carrier = (enum vmsg_carrier)choices[i].carrier;
			bus->events = choices[i].events;
			return true;
		}
	}
	bus->choice = VMSG_BUS_NO_CHOICE;
	return false;
}

/* Is there anything left that uses it? */
static bool is_wanted(const struct vmsg_bus_options *options, enum vmsg_carrier carrier,
		      uint8_t events)
{
	for (size_t i = 0; i < CHOICE_COUNT; i++) {
		if (masks_allow(options->carriers, options->events, &choices[i]) &&
		    (choices[i].carrier == carrier || choices[i].events == events)) {
			return true;
		}
	}
	return false;
}

uint32_t vmsg_bus_offer(const struct vmsg_bus_options *options)
{
	const uint32_t direct = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX;
	uint32_t features = options->bus_features;

	if (features & direct && /* else VERSION needs it */
	    !is_wanted(options, VMSG_CARRIER_INDIRECT, VMSG_EVENTS_INDIRECT)) {
		features &= ~INDIRECT_BOTH;
	}
	if (options->role == VMSG_BUS_DEVICE && features & INDIRECT_BOTH &&
	    !is_wanted(options, VMSG_CARRIER_DIRECT, NO_EVENTS)) {
		features &= ~direct;
	}
	if (!is_wanted(options, VMSG_CARRIER_COUNT, VMSG_EVENTS_NOTIFICATION)) {
		features &= ~NOTIFICATION_BOTH;
	}
	if (!is_wanted(options, VMSG_CARRIER_FIFO, VMSG_EVENTS_FIFO)) {
		features &= ~VMSG_BUS_FEATURE_FIFO;
	}
	return features;
}

enum vmsg_carrier vmsg_bus_bootstrap(const struct vmsg_bus *bus)
{
	return bus->options.bus_features & VMSG_BUS_FEATURE_DIRECT_TX ? VMSG_CARRIER_DIRECT
								      : VMSG_CARRIER_INDIRECT;
}

bool vmsg_bus_accepts_events(const struct vmsg_bus *bus, uint8_t method)
{
	const uint32_t features = bus->bus_features;
	const uint8_t methods = bus->options.events;

	if (method > VMSG_EVENTS_FIFO || (methods && !(methods >> method & 1)) ||
	    !vmsg_bus_choice_exists(bus->dialect, bus->options.carriers, (uint8_t)(1u << method))) {
		return false;
	}
	switch (method) {
	case VMSG_EVENTS_POLL:
		return true;
	case VMSG_EVENTS_NOTIFICATION:
		/* A dialect that cannot say so in VERSION asks for it in any case, and goes on
		 * without. */
		return features & VMSG_BUS_FEATURE_NOTIFICATION_TX ||
		       !bus->dialect->has_version_probe;
	case VMSG_EVENTS_INDIRECT:
		return (features & INDIRECT_BOTH) == INDIRECT_BOTH;
	default:
		return vmsg_bus_fifo_is_open(bus);
	}
}

bool vmsg_bus_accepts_fifo(const struct vmsg_bus *bus)
{
	const uint8_t events = bus->options.events;

	return bus->bus_features & VMSG_BUS_FEATURE_FIFO &&
	       (!events || events >> VMSG_EVENTS_FIFO & 1);
}

uint8_t vmsg_bus_default_events(const struct vmsg_bus *bus)
{
	const bool told = !bus->dialect->has_event_configure &&
			  bus->dialect->id != VMSG_PROFILE_R0 &&
			  vmsg_bus_accepts_events(bus, VMSG_EVENTS_INDIRECT);

	return told ? VMSG_EVENTS_INDIRECT : VMSG_EVENTS_POLL;
}

/* ---- telling ---- */

static bool is_one(uint8_t mask)
{
	return mask && (mask & (mask - 1)) == 0;
}

/* Was a choice that is better in our eyes possible, and yet not made? */
static bool was_refused(const struct vmsg_bus *bus)
{
	for (unsigned int i = 0; i < bus->choice && i < CHOICE_COUNT; i++) {
		if (masks_allow(bus->options.carriers, bus->options.events, &choices[i]) &&
		    dialect_allows(bus->dialect, &choices[i]) && offers_allow(bus, &choices[i])) {
			return true;
		}
	}
	return false;
}

const char *vmsg_bus_choice_reason(const struct vmsg_bus *bus)
{
	const struct vmsg_bus_options *options = &bus->options;

	if (!vmsg_bus_choice_exists(bus->dialect, options->carriers, options->events)) {
		return "the profile does not allow it";
	}
	if (bus->choice == VMSG_BUS_NO_CHOICE) {
		return was_refused(bus) ? "the device refused it"
					: "the two sides do not offer it together";
	}
	if (is_one(options->carriers) && is_one(options->events)) {
		return "asked for";
	}
	if (was_refused(bus)) {
		return "the device refused what would be better";
	}
	if (is_one(options->carriers)) {
		return "the carrier was asked for, and this is the best for events that goes with "
		       "it";
	}
	if (is_one(options->events)) {
		return "the event delivery was asked for, and this is the best carrier that goes "
		       "with it";
	}
	return choices[bus->choice].reason;
}
