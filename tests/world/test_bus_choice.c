/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which carrier and which event delivery a driver's session chooses, and the reason that it prints:
 * every offer of a device, every ability of its own and every option that forces something, in
 * every profile, against a list written from the specification. (wire-revisions 4.1, 5.2 to 5.5)
 */
#include <string.h>

#include "bus.h"
#include "support/cmocka.h"
#include "virtio_msg_ffa/proto.h"

enum { DIRECT = VMSG_CARRIER_DIRECT, INDIRECT = VMSG_CARRIER_INDIRECT, FIFO = VMSG_CARRIER_FIFO };
enum {
	E_POLL = VMSG_EVENTS_POLL,
	E_NOTIFY = VMSG_EVENTS_NOTIFICATION,
	E_INDIRECT = VMSG_EVENTS_INDIRECT,
	E_FIFO = VMSG_EVENTS_FIFO
};

/* What each way needs of the bits that the two sides send, as the specification numbers them: of
 * the sender's, receive and send are even and odd. */
enum need {
	CALL = 1,     /* the driver sends direct messages (1), the device receives them (0) */
	SEND2 = 2,    /* 2 and 3 of both */
	NOTIFIED = 4, /* r3: 4 and 5 of both */
	NOTIFIES = 8, /* r2: 4 of the driver, 5 of the device */
	IN_FIFO = 16, /* 6 of both */
};

struct way {
	unsigned int carrier, events, needs;
	const char *reason;
};

#define CALLS   "a direct message brings its answer along, and "
#define NO_MORE CALLS "there is nothing better than polling"
#define RAISES  CALLS "the device can raise notifications"
#define SENDS   CALLS "the device can send indirect ones"
#define BY_FIFO "there are no direct messages, and a FIFO is better than single indirect ones"
#define ONLY    "there is nothing but indirect messages"
#define NO_WAY  "there is no other way for events"

#define WAYS_MAX 6

/* The best first. */
static const struct list {
	const char *profile;
	struct way ways[WAYS_MAX];
} lists[] = {
	{ "r0", { { DIRECT, E_POLL, CALL, NO_MORE }, { INDIRECT, E_INDIRECT, SEND2, ONLY } } },
	{ "r1",
	  { { DIRECT, E_INDIRECT, CALL | SEND2, SENDS },
	    { DIRECT, E_POLL, CALL, NO_MORE },
	    { INDIRECT, E_INDIRECT, SEND2, ONLY } } },
	{ "r1-a16",
	  { { DIRECT, E_INDIRECT, CALL | SEND2, SENDS },
	    { DIRECT, E_POLL, CALL, NO_MORE },
	    { INDIRECT, E_INDIRECT, SEND2, ONLY } } },
	{ "r2a",
	  { { DIRECT, E_NOTIFY, CALL | NOTIFIES, RAISES },
	    { DIRECT, E_POLL, CALL, NO_MORE },
	    { INDIRECT, E_INDIRECT, SEND2, ONLY },
	    { DIRECT, E_INDIRECT, CALL | SEND2, NO_WAY } } },
	{ "r2b",
	  { { DIRECT, E_NOTIFY, CALL | NOTIFIES, RAISES },
	    { DIRECT, E_POLL, CALL, NO_MORE },
	    { FIFO, E_FIFO, IN_FIFO, BY_FIFO },
	    { INDIRECT, E_INDIRECT, SEND2, ONLY },
	    { DIRECT, E_INDIRECT, CALL | SEND2, NO_WAY },
	    { DIRECT, E_FIFO, CALL | IN_FIFO, NO_WAY } } },
	{ "r3",
	  { { DIRECT, E_NOTIFY, CALL | NOTIFIED, RAISES },
	    { DIRECT, E_POLL, CALL, NO_MORE },
	    { FIFO, E_FIFO, IN_FIFO, BY_FIFO },
	    { INDIRECT, E_INDIRECT, SEND2, ONLY },
	    { DIRECT, E_INDIRECT, CALL | SEND2, NO_WAY },
	    { DIRECT, E_FIFO, CALL | IN_FIFO, NO_WAY } } },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned int needs_met(uint32_t own, uint32_t theirs)
{
	const uint32_t both = own & theirs;

	return (own & 0x02 && theirs & 0x01 ? CALL : 0u) | ((both & 0x0c) == 0x0c ? SEND2 : 0u) |
	       ((both & 0x30) == 0x30 ? NOTIFIED : 0u) |
	       (own & 0x10 && theirs & 0x20 ? NOTIFIES : 0u) | (both & 0x40 ? IN_FIFO : 0u);
}

static bool is_asked_for(const struct way *way, uint8_t carriers, uint8_t events)
{
	return (!carriers || carriers == 1u << way->carrier) &&
	       (!events || events == 1u << way->events);
}

/* The best that is left, or NULL; `allowed`: does the profile have any such? */
static const struct way *best(const struct list *list, const struct vmsg_bus *bus,
			      unsigned int skipped, bool *allowed)
{
	const uint8_t carriers = bus->options.carriers;
	const uint8_t events = bus->options.events;
	const unsigned int met = needs_met(bus->options.bus_features, bus->peer_bus_features);

	*allowed = false;
	for (size_t i = 0; i < WAYS_MAX && list->ways[i].reason; i++) {
		const struct way *way = &list->ways[i];
		if (!is_asked_for(way, carriers, events)) {
			continue;
		}
		*allowed = true;
		if ((met & way->needs) == way->needs && skipped-- == 0) {
			return way;
		}
	}
	return NULL;
}

static const char *expected_reason(const struct vmsg_bus *bus, const struct way *way, bool allowed,
				   bool refused)
{
	if (!allowed) {
		return "the profile does not allow it";
	}
	if (!way) {
		return refused ? "the device refused it" : "the two sides do not offer it together";
	}
	if (bus->options.carriers && bus->options.events) {
		return "asked for";
	}
	if (refused) {
		return "the device refused what would be better";
	}
	if (bus->options.carriers) {
		return "the carrier was asked for, and this is the best for events that goes with "
		       "it";
	}
	if (bus->options.events) {
		return "the event delivery was asked for, and this is the best carrier that goes "
		       "with it";
	}
	return way->reason;
}

/* The best is as listed, and what follows when the device refuses one after the other. */
static bool is_as_listed(const struct list *list, struct vmsg_bus *bus)
{
	uint8_t from = 0;

	for (unsigned int refused = 0; refused <= WAYS_MAX; refused++) {
		bool allowed;
		const struct way *way = best(list, bus, refused, &allowed);
		const bool chosen = vmsg_bus_choose(bus, from);
		const char *reason = expected_reason(bus, way, allowed, refused > 0);
		if (chosen != (way != NULL) || strcmp(vmsg_bus_choice_reason(bus), reason) != 0 ||
		    (way && (bus->carrier != way->carrier || bus->events != way->events))) {
			print_message("# %s, own %#x, theirs %#x, carriers %#x, events %#x, "
				      "refused %u: %s and %s, %s; not %s, %s\n",
				      list->profile, bus->options.bus_features,
				      bus->peer_bus_features, bus->options.carriers,
				      bus->options.events, refused, vmsg_carrier_name(bus->carrier),
				      vmsg_events_name(bus->events), vmsg_bus_choice_reason(bus),
				      way ? vmsg_events_name(way->events) : "none", reason);
			return false;
		}
		if (!way) {
			return true;
		}
		from = (uint8_t)(bus->choice + 1);
	}
	return false;
}

static void every_offer_with_every_ability_and_option(void **state)
{
	static const uint8_t carriers[] = { 0, 1u << DIRECT, 1u << INDIRECT, 1u << FIFO };
	static const uint8_t events[] = { 0, 1u << E_POLL, 1u << E_NOTIFY, 1u << E_INDIRECT,
					  1u << E_FIFO };
	static struct vmsg_bus bus;
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(lists) * COUNT(carriers) * COUNT(events); i++) {
		const struct list *list = &lists[i % COUNT(lists)];
		bus.options.role = VMSG_BUS_DRIVER;
		bus.options.carriers = carriers[i / COUNT(lists) % COUNT(carriers)];
		bus.options.events = events[i / COUNT(lists) / COUNT(carriers)];
		bus.dialect = vmsg_profile_find(list->profile);
		for (uint32_t offers = 0; offers < 0x4000 && wrong < 20; offers++) {
			bus.options.bus_features = offers & 0x7f;
			bus.peer_bus_features = offers >> 7;
			wrong += !is_as_listed(list, &bus);
		}
	}
	assert_int_equal(wrong, 0);
}

/* ---- the device's side of it ---- */

/* Which methods a device accepts by EVENT_CONFIGURE: those that both sides have, within what it
 * may. An r2 driver asks for notifications in any case, and goes on without. */
static bool is_acceptable(const char *profile, uint32_t common, uint8_t carriers, uint8_t events,
			  unsigned int method, bool has_fifo)
{
	const bool is_r3 = strcmp(profile, "r3") == 0;
	/* carriers that go with it */
	static const uint8_t with[] = { 1u << DIRECT, 1u << DIRECT, 1u << DIRECT | 1u << INDIRECT,
					1u << DIRECT | 1u << FIFO };

	if (method > E_FIFO || (events && events != 1u << method) ||
	    (carriers && !(with[method] & carriers)) ||
	    (method == E_FIFO && strcmp(profile, "r2a") == 0)) {
		return false;
	}
	switch (method) {
	case E_POLL:
		return true;
	case E_NOTIFY:
		return common & 0x20 || !is_r3;
	case E_INDIRECT:
		return (common & 0x0c) == 0x0c;
	default:
		return has_fifo;
	}
}

static void a_device_accepts_what_both_have(void **state)
{
	static const char *const profiles[] = { "r2a", "r2b", "r3" };
	static struct vmsg_bus bus;
	unsigned int wrong = 0;

	(void)state;
	bus.options.role = VMSG_BUS_DEVICE;
	for (uint32_t i = 0; i < 3 * 0x80 * 4 * 5 * 6; i++) {
		const char *profile = profiles[i % 3];
		const unsigned int method = i / 3 % 6;
		const uint32_t carrier = i / 18 % 4;
		const uint32_t only = i / 72 % 5;
		bus.bus_features = i / 360;
		bus.dialect = vmsg_profile_find(profile);
		bus.options.carriers = (uint8_t)(carrier ? 1u << (carrier - 1) : 0);
		bus.options.events = (uint8_t)(only ? 1u << (only - 1) : 0);
		const bool expected = is_acceptable(profile, bus.bus_features, bus.options.carriers,
						    bus.options.events, method, false);
		if (vmsg_bus_accepts_events(&bus, (uint8_t)method) != expected) {
			print_message("# %s, common %#x, carriers %#x, events %#x: method %u\n",
				      profile, bus.bus_features, bus.options.carriers,
				      bus.options.events, method);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_offer_with_every_ability_and_option),
		cmocka_unit_test(a_device_accepts_what_both_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
