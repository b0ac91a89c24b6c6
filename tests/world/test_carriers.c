/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carriers and event delivery, in every combination that a profile allows: whole systems over the
 * partition manager in this process. What may be combined stands here as a list of its own.
 */
#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/echo_system.h"

enum { DIRECT = VMSG_CARRIER_DIRECT, INDIRECT = VMSG_CARRIER_INDIRECT, FIFO = VMSG_CARRIER_FIFO };
enum {
	E_POLL = VMSG_EVENTS_POLL,
	E_NOTIFY = VMSG_EVENTS_NOTIFICATION,
	E_INDIRECT = VMSG_EVENTS_INDIRECT,
	E_FIFO = VMSG_EVENTS_FIFO
};

/* wire-revisions 4.1, 5.2 to 5.5: which profiles a combination is for. */
static const struct combination {
	uint8_t carrier;
	uint8_t events;
	const char *profiles;
} allowed[] = {
	{ DIRECT, E_POLL, "r0 r1 r1-a16 r2a r2b r3" },       { DIRECT, E_NOTIFY, "r2a r2b r3" },
	{ DIRECT, E_INDIRECT, "r1 r1-a16 r2a r2b r3" },      { DIRECT, E_FIFO, "r2b r3" },
	{ INDIRECT, E_INDIRECT, "r0 r1 r1-a16 r2a r2b r3" }, { FIFO, E_FIFO, "r2b r3" },
};

static bool is_allowed(const char *profile, unsigned int carrier, unsigned int events)
{
	char words[64], name[16];

	snprintf(name, sizeof(name), " %s ", profile);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		snprintf(words, sizeof(words), " %s ", allowed[i].profiles);
		if (allowed[i].carrier == carrier && allowed[i].events == events &&
		    strstr(words, name)) {
			return true;
		}
	}
	return false;
}

static struct echo_way forced(const char *profile, unsigned int carrier, unsigned int events)
{
	return (struct echo_way){
		.profile = profile,
		.carriers = (uint8_t)(1u << carrier),
		.events = (uint8_t)(1u << events),
	};
}

static const char *const profiles[] = { "r0", "r1", "r1-a16", "r2a", "r2b", "r3" };

#define EACH_PROFILE(i) (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)

/* A device partition that does everything, and a driver with its own way: the session, up. */
static struct echo_session *open_pair(const struct echo_way *driver, const struct echo_way *device)
{
	echo_start_backend(&echo_sp1, 0x8001, device);
	echo_start_frontend(&echo_vm1, 1);
	struct echo_session *at = echo_connect(&echo_vm1, 0x8001, driver);
	echo_up(at);
	echo_assert_log(at->log, "up +0 +300");
	return at;
}

static void assert_nothing_lost(const struct echo_session *at)
{
	const struct vmsg_bus_stats *device = &echo_sp1.sessions[0].bus.stats;

	assert_int_equal(device->timeouts, 0);
	assert_int_equal(device->dropped, 0);
	assert_int_equal(at->bus.stats.timeouts, 0);
	assert_int_equal(at->bus.stats.late, 0);
	assert_int_equal(at->bus.stats.dropped, 0);
	assert_int_equal(at->pump.foreign, 0);
}

static void run_combination(const char *profile, const struct combination *c)
{
	const struct echo_way way = forced(profile, c->carrier, c->events);
	const struct echo_way any = { .profile = profile };
	struct echo_session *at = open_pair(&way, &any);

	assert_int_equal(at->bus.carrier, c->carrier);
	assert_int_equal(at->bus.events, c->events);
	assert_string_equal(vmsg_bus_choice_reason(&at->bus), "asked for");
	echo_share(at);
	echo_start_device(at, 300);
	for (uint8_t k = 0; k < 20; k++) {
		echo_transfer(at, k, true);
	}
	const uint64_t polls = at->bus.stats.sent[VMSG_EVENT_POLL];
	if (c->events == E_NOTIFY) {
		assert_in_range(polls, 20, 45); /* one event and one that says "no more" each */
	} else if (c->events == E_POLL) {
		assert_in_range(polls, 20, 1000);
	} else if (c->carrier != DIRECT || at->bus.profile->has_event_configure) {
		assert_int_equal(polls, 0);
	}
	assert_int_equal(at->bus.stats.received[VMSG_EVENT_USED], 20);
	echo_down(at);
	assert_nothing_lost(at);
}

static void data_crosses_in_every_combination(void **state)
{
	for
		EACH_PROFILE(i)
		{
			for (size_t j = 0; j < sizeof(allowed) / sizeof(allowed[0]); j++) {
				if (is_allowed(profiles[i], allowed[j].carrier,
					       allowed[j].events)) {
					echo_open(state);
					run_combination(profiles[i], &allowed[j]);
					echo_close(state);
				}
			}
		}
}

/* The library's own opinion, against the list above. */
static void what_a_profile_allows_is_as_listed(void **state)
{
	(void)state;
	for
		EACH_PROFILE(i)
		{
			const struct vmsg_profile *profile = vmsg_profile_find(profiles[i]);
			for (unsigned int carrier = DIRECT; carrier <= FIFO; carrier++) {
				for (unsigned int events = E_POLL; events <= E_FIFO; events++) {
					const struct echo_way way = forced(NULL, carrier, events);
					assert_int_equal(vmsg_bus_choice_exists(
								 profile, way.carriers, way.events),
							 is_allowed(profiles[i], carrier, events));
				}
			}
			assert_true(vmsg_bus_choice_exists(profile, 0, 0));
		}
	assert_false(vmsg_bus_choice_exists(NULL, 1u << FIFO, 1u << E_POLL));
	assert_false(vmsg_bus_choice_exists(NULL, 1u << INDIRECT, 1u << E_NOTIFY));
}

#define DIRECT_BOTH   (VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX)
#define INDIRECT_BOTH (VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX)
#define NOTIFY_BOTH   (VMSG_BUS_FEATURE_NOTIFICATION_RX | VMSG_BUS_FEATURE_NOTIFICATION_TX)

/* Without being told, each side offers all it can, and the best of what both have is chosen. */
static void the_best_of_what_both_offer_is_chosen(void **state)
{
	static const struct {
		const char *profile;
		uint32_t driver;
		uint32_t device;
		uint8_t carrier;
		uint8_t events;
		const char *reason;
	} rows[] = {
		{ "r3", ECHO_ALL_FEATURES, ECHO_ALL_FEATURES, DIRECT, E_NOTIFY,
		  "a direct message brings its answer along, and the device can raise "
		  "notifications" },
		{ "r2a", ECHO_ALL_FEATURES, ECHO_ALL_FEATURES, DIRECT, E_NOTIFY,
		  "a direct message brings its answer along, and the device can raise "
		  "notifications" },
		{ "r3", ECHO_ALL_FEATURES, DIRECT_BOTH | INDIRECT_BOTH, DIRECT, E_POLL,
		  "a direct message brings its answer along, and there is nothing better than "
		  "polling" },
		{ "r3", DIRECT_BOTH, ECHO_ALL_FEATURES, DIRECT, E_POLL,
		  "a direct message brings its answer along, and there is nothing better than "
		  "polling" },
		/* r3 wants both bits, before that what OP-TEE says is enough */
		{ "r3", ECHO_ALL_FEATURES, DIRECT_BOTH | VMSG_BUS_FEATURE_NOTIFICATION_TX, DIRECT,
		  E_POLL,
		  "a direct message brings its answer along, and there is nothing better than "
		  "polling" },
		{ "r2a", ECHO_ALL_FEATURES, DIRECT_BOTH | VMSG_BUS_FEATURE_NOTIFICATION_TX, DIRECT,
		  E_NOTIFY,
		  "a direct message brings its answer along, and the device can raise "
		  "notifications" },
		{ "r1", ECHO_ALL_FEATURES, ECHO_ALL_FEATURES, DIRECT, E_INDIRECT,
		  "a direct message brings its answer along, and the device can send indirect "
		  "ones" },
		{ "r1", DIRECT_BOTH, ECHO_ALL_FEATURES, DIRECT, E_POLL,
		  "a direct message brings its answer along, and there is nothing better than "
		  "polling" },
		{ "r0", ECHO_ALL_FEATURES, ECHO_ALL_FEATURES, DIRECT, E_POLL,
		  "a direct message brings its answer along, and there is nothing better than "
		  "polling" },
		{ "r3", INDIRECT_BOTH, ECHO_ALL_FEATURES, INDIRECT, E_INDIRECT,
		  "there is nothing but indirect messages" },
		{ "r1", INDIRECT_BOTH | NOTIFY_BOTH, INDIRECT_BOTH, INDIRECT, E_INDIRECT,
		  "there is nothing but indirect messages" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct echo_way driver = { .profile = rows[i].profile,
						 .features = rows[i].driver };
		const struct echo_way device = { .features = rows[i].device };
		echo_open(state);
		struct echo_session *at = open_pair(&driver, &device);
		print_message("row %zu\n", i);
		assert_int_equal(at->bus.carrier, rows[i].carrier);
		assert_int_equal(at->bus.events, rows[i].events);
		assert_string_equal(vmsg_bus_choice_reason(&at->bus), rows[i].reason);
		echo_share(at);
		echo_start_device(at, 0);
		echo_transfer(at, 1, true);
		echo_down(at);
		assert_nothing_lost(at);
		echo_close(state);
	}
}

static void a_forced_choice_that_cannot_be_fails_with_its_reason(void **state)
{
	struct echo_way driver = forced(NULL, INDIRECT, E_INDIRECT);
	const struct echo_way device = { .features = DIRECT_BOTH };

	(void)state;
	echo_start_backend(&echo_sp1, 0x8001, &device);
	echo_start_frontend(&echo_vm1, 1);
	struct echo_session *at = echo_connect(&echo_vm1, 0x8001, &driver);
	echo_start(at);
	assert_int_equal(at->bus.state, VMSG_BUS_FAILED);
	assert_int_equal(at->bus.error, VMSG_ERROR_PEER);
	assert_string_equal(vmsg_bus_choice_reason(&at->bus),
			    "the two sides do not offer it together");
	driver = forced("r1", DIRECT, E_NOTIFY);
	at = echo_connect(&echo_vm1, 0x8001, &driver);
	echo_start(at);
	assert_int_equal(at->bus.state, VMSG_BUS_FAILED);
	assert_int_equal(at->bus.error, VMSG_ERROR_REVISION);
	assert_string_equal(vmsg_bus_choice_reason(&at->bus), "the profile does not allow it");
}

/* Two drivers on one device partition, one of them also on a second: four ways at once. */
static void each_session_has_its_own_way(void **state)
{
	const struct echo_way any = { 0 };
	const struct echo_way ways[] = { forced("r3", DIRECT, E_NOTIFY),
					 forced("r2a", INDIRECT, E_INDIRECT),
					 forced("r1", DIRECT, E_INDIRECT),
					 forced("r2b", INDIRECT, E_INDIRECT) };

	(void)state;
	echo_start_backend(&echo_sp1, 0x8001, &any);
	echo_start_backend(&echo_sp2, 0x8002, &any);
	echo_start_frontend(&echo_vm1, 1);
	echo_start_frontend(&echo_vm2, 2);
	struct echo_session *sessions[] = {
		echo_connect(&echo_vm1, 0x8001, &ways[0]),
		echo_connect(&echo_vm1, 0x8002, &ways[1]),
	};
	for (size_t i = 0; i < 2; i++) {
		echo_up(sessions[i]);
		echo_assert_log(sessions[i]->log, "up +0 +300");
		echo_share(sessions[i]);
		echo_start_device(sessions[i], 300);
	}
	/* the second driver of each gets what becomes free */
	for (size_t i = 0; i < 2; i++) {
		struct echo_backend *backend = i == 0 ? &echo_sp1 : &echo_sp2;
		struct echo_session *second =
			echo_connect(&echo_vm2, (uint16_t)(0x8001 + i), &ways[2 + i]);
		echo_up(second);
		echo_assert_log(second->log, "up");
		echo_down(sessions[i]);
		echo_settle(second);
		for (int k = 0; k < 20 && !strstr(second->log, "+300"); k++) {
			assert_int_equal(vmsg_bus_poll(&second->bus, echo_now()), 0);
			echo_settle(second);
		}
		echo_assert_log(second->log, "+0 +300");
		echo_share(second);
		echo_start_device(second, 300);
		echo_up(sessions[i]);
		for (uint8_t k = 0; k < 10; k++) {
			echo_transfer(second, k, true);
		}
		assert_int_equal(backend->sessions[1].bus.profile->id, second->bus.profile->id);
		assert_int_equal(backend->sessions[1].bus.events, second->bus.events);
	}
}

/* A VM may be the device partition, too: its waits end by interrupts alone. */
static void a_vm_can_be_the_device(void **state)
{
	const struct echo_way any = { 0 };
	const struct echo_way way = forced("r3", INDIRECT, E_INDIRECT);

	(void)state;
	echo_start_backend(&echo_sp1, 3, &any);
	echo_start_frontend(&echo_vm1, 1);
	struct echo_session *at = echo_connect(&echo_vm1, 3, &way);
	echo_up(at);
	echo_share(at);
	echo_start_device(at, 0);
	for (uint8_t k = 0; k < 10; k++) {
		echo_transfer(at, k, true);
	}
	echo_down(at);
	assert_nothing_lost(at);
}

/* ---- bad input ---- */

static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;
static const struct vmsg_ffa_uuid driver_role = VMSG_FFA_UUID_DRIVER_ROLE;

/* RESET, so many bytes of it. */
static void send_raw(struct echo_side *from, uint16_t to, const struct vmsg_ffa_uuid *uuid,
		     size_t size)
{
	const uint8_t bytes[200] = { 2, 0x02, 0, 0, 9, 0, 8, 0 }; /* refused: too short */

	assert_int_equal(vmsg_endpoint_send_indirect(&from->endpoint, to, uuid,
						     (struct vmsg_bytes){ bytes, size }),
			 0);
	vmsg_emu_local_advance(echo_local, 1000000);
}

static const struct vmsg_ffa_uuid *intruder_uuid;
static size_t intruder_size;

static void intrude(struct echo_backend *at)
{
	const uint8_t bytes[200] = { 3, 0x83, 0, 0, 9, 0, 8, 0 };

	assert_int_equal(vmsg_endpoint_send_indirect(&at->side.endpoint, 1, intruder_uuid,
						     (struct vmsg_bytes){ bytes, intruder_size }),
			 0);
}

/* The device partition itself sends something odd to the driver. */
static void send_as_device(struct echo_session *at, const struct vmsg_ffa_uuid *uuid, size_t size)
{
	intruder_uuid = uuid;
	intruder_size = size;
	echo_sp1.intrude = intrude;
	vmsg_emu_local_raise(echo_sp1.side.partition);
	vmsg_emu_local_advance(echo_local, 1000000);
	echo_settle(at);
}

/* Frames that are not the device's, not for a driver, or too long change nothing. */
static void foreign_frames_are_dropped(void **state)
{
	const struct echo_way way = forced("r3", INDIRECT, E_INDIRECT);
	const struct echo_way any = { 0 };
	struct echo_session *at = open_pair(&way, &any);

	(void)state;
	echo_share(at);
	echo_start_device(at, 300);
	echo_start_frontend(&echo_vm2, 2);
	send_raw(&echo_vm2.side, 1, &driver_role, 8); /* whom no mailbox is for */
	echo_settle(at);
	send_as_device(at, &device_role, 8);
	assert_int_equal(at->pump.foreign, 1);
	send_as_device(at, &driver_role, 105);
	assert_int_equal(at->pump.foreign, 2);
	send_as_device(at, &driver_role, 200);
	assert_int_equal(at->pump.foreign, 2);
	assert_int_equal(at->pump.inbox.dropped, 1);
	/* to the device: what is not for its role, and what is no frame */
	send_raw(&echo_vm2.side, 0x8001, &driver_role, 8);
	assert_int_equal(echo_sp1.pump.refused, 1);
	send_raw(&echo_vm2.side, 0x8001, &device_role, 3);
	send_raw(&echo_vm2.side, 0x8001, &device_role, 200);
	echo_transfer(at, 3, true);
	echo_down(at);
}

/* A driver that never reads its answers is in nobody's way, and loses no more than its own. */
static void a_driver_that_does_not_read_is_in_nobodys_way(void **state)
{
	const struct echo_way way = forced("r3", INDIRECT, E_INDIRECT);
	const struct echo_way any = { 0 };
	struct echo_session *at = open_pair(&way, &any);

	(void)state;
	echo_start_frontend(&echo_vm2, 2);
	for (int i = 0; i < 30; i++) {
		send_raw(&echo_vm2.side, 0x8001, &device_role, 8);
	}
	echo_share(at);
	echo_start_device(at, 300);
	for (uint8_t k = 0; k < 10; k++) {
		echo_transfer(at, k, true);
	}
	/* its first answer stays in its RX; the second is given up after a while */
	vmsg_emu_local_advance(echo_local, 10 * ECHO_SECOND);
	assert_true(echo_sp1.sessions[1].bus.stats.dropped > 0);
	assert_true(echo_sp1.sessions[1].inbox.dropped > 0);
	echo_transfer(at, 3, true);
	echo_down(at);
}

/* A request that must be answered within 100 ms, whatever else comes. */
static void read_nothing(struct echo_session *at)
{
	struct vmsg_driver_event event = { .kind = VMSG_DRIVER_EVENT_FAILED };

	assert_int_equal(vmsg_driver_read_config(&at->driver, echo_now(), 0, 0), 0);
	for (int k = 0; k < 100 && event.kind != VMSG_DRIVER_EVENT_CONFIG; k++) {
		assert_int_equal(echo_run(at), 0);
		while (event.kind != VMSG_DRIVER_EVENT_CONFIG &&
		       vmsg_driver_event(&at->driver, &event)) {
			assert_int_not_equal(event.kind, VMSG_DRIVER_EVENT_FAILED);
		}
		vmsg_emu_local_advance(echo_local, 1000000);
	}
	assert_int_equal(event.kind, VMSG_DRIVER_EVENT_CONFIG);
}

/* The first event fills the driver's RX, so that the second waits when the request comes: busy. */
static void a_request_is_not_refused_for_an_event_that_waits(void **state)
{
	static const char *const dialects[] = { "r1", "r2a", "r2b", "r3" };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		const struct echo_way way = forced(dialects[i], DIRECT, E_INDIRECT);
		const struct echo_way any = { .profile = dialects[i] };
		echo_open(state);
		struct echo_session *at = open_pair(&way, &any);
		echo_share(at);
		echo_start_device(at, 300);
		vmsg_device_config_changed(&echo_sp1.devices[1], 0, 4);
		vmsg_device_notify(&echo_sp1.devices[1], 0);
		echo_sp1.devices[1].used_events |= 1;
		vmsg_emu_local_raise(echo_sp1.side.partition);
		read_nothing(at);
		echo_close(state);
	}
}

static void change_again(struct echo_backend *at)
{
	vmsg_device_config_changed(&at->devices[1], 0, 4);
	at->intrude = change_again;
}

/* Whenever the device partition runs, it has one more event to tell of. */
static void a_device_that_always_has_an_event_answers(void **state)
{
	static const char *const dialects[] = { "r1", "r2a", "r2b", "r3" };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		const struct echo_way way = forced(dialects[i], DIRECT, E_INDIRECT);
		const struct echo_way any = { .profile = dialects[i] };
		echo_open(state);
		struct echo_session *at = open_pair(&way, &any);
		echo_share(at);
		echo_start_device(at, 300);
		echo_sp1.intrude = change_again;
		for (int k = 0; k < 20; k++) {
			vmsg_emu_local_raise(echo_sp1.side.partition);
			vmsg_emu_local_advance(echo_local, 100000);
			vmsg_emu_local_raise(echo_sp1.side.partition);
			read_nothing(at);
		}
		echo_close(state);
	}
}

static uint64_t (*plain_now)(void *context);
static uint64_t looks;

/* Time that passes while the device partition works, as it does outside tests. */
static uint64_t passing_now(void *context)
{
	return plain_now(context) + 300000 * ++looks;
}

static void change_and_begin_anew(struct echo_backend *at)
{
	looks = 0;
	change_again(at);
	at->intrude = change_and_begin_anew;
}

/* A frame may find room between the look at what came and the wait: what came is not forgotten. */
static void a_request_that_came_while_a_frame_waited_is_not_forgotten(void **state)
{
	static const struct combination ways[] = { { INDIRECT, E_INDIRECT, "r1 r2a r2b r3" },
						   { FIFO, E_FIFO, "r2b r3" } };

	for
		EACH_PROFILE(i)
		{
			for (size_t k = 0; k < 2; k++) {
				const struct echo_way way =
					forced(profiles[i], ways[k].carrier, ways[k].events);
				const struct echo_way any = { .profile = profiles[i] };
				if (!is_allowed(profiles[i], ways[k].carrier, ways[k].events)) {
					continue;
				}
				echo_open(state);
				struct echo_session *at = open_pair(&way, &any);
				struct vmsg_conduit *conduit = &echo_sp1.side.endpoint.conduit;
				echo_share(at);
				echo_start_device(at, 300);
				plain_now = conduit->now;
				looks = 0;
				conduit->now = passing_now;
				echo_sp1.intrude = change_and_begin_anew;
				for (int n = 0; n < 50; n++) {
					read_nothing(at);
					assert_int_equal(at->bus.stats.timeouts, 0);
				}
				echo_close(state);
			}
		}
}

/* ---- a FIFO that is spoiled ---- */

static uint8_t *fifo_of(struct echo_session *at)
{
	return at->pump.fifo_segment.data;
}

static void leave(struct echo_session *at)
{
	at->drivers[0] = NULL;
	vmsg_vq_driver_stop(&at->queue);
	memset(&at->queue, 0, sizeof(at->queue));
}

/* Both sides agree again, and data crosses. */
static void assert_goes_on(struct echo_session *at)
{
	at->log[0] = 0;
	echo_up(at);
	echo_share(at);
	echo_start_device(at, 300);
	echo_transfer(at, 5, true);
	echo_down(at);
}

/* The driver's index for the device is none: the session ends there, and a reset mends it. */
static void a_driver_that_spoils_its_fifo_loses_its_session(void **state)
{
	const struct echo_way way = forced("r3", FIFO, E_FIFO);
	const struct echo_way any = { 0 };
	struct echo_session *at = open_pair(&way, &any);

	(void)state;
	echo_share(at);
	echo_start_device(at, 300);
	echo_transfer(at, 1, true);
	memset(fifo_of(at) + 0x80, 0xff, 2);
	assert_int_equal(
		vmsg_endpoint_notify(&at->side->endpoint, 0x8001, at->bus.peer_notification_id), 0);
	vmsg_emu_local_advance(echo_local, 1000000);
	assert_non_null(strstr(echo_sp1.log, "reset1"));
	leave(at);
	assert_int_equal(vmsg_bus_reset(&at->bus, echo_now()), 0);
	echo_settle(at);
	assert_int_equal(at->bus.state, VMSG_BUS_DOWN);
	assert_goes_on(at);
}

static void a_device_that_spoils_its_fifo_fails_the_session(void **state)
{
	const struct echo_way way = forced("r3", FIFO, E_FIFO);
	const struct echo_way any = { 0 };
	struct echo_session *at = open_pair(&way, &any);

	(void)state;
	echo_share(at);
	echo_start_device(at, 300);
	memset(fifo_of(at) + 0xfc0 + 0x80, 0xff, 2);
	(void)echo_run(at);
	assert_int_equal(at->bus.state, VMSG_BUS_FAILED);
	assert_int_equal(at->bus.error, VMSG_ERROR_PEER);
	leave(at);
	assert_goes_on(at);
}

/* Slots full of noise, a frame that changes while it is read: counted and skipped, no more. */
static void noise_in_a_fifo_is_skipped(void **state)
{
	const struct echo_way way = forced("r2b", FIFO, E_FIFO);
	const struct echo_way any = { 0 };
	struct echo_session *at = open_pair(&way, &any);
	uint32_t seed = 7;

	(void)state;
	echo_share(at);
	echo_start_device(at, 300);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 29u * 128; i++) {
			seed = seed * 1664525u + 1013904223u;
			fifo_of(at)[0xc0 + i] = (uint8_t)(seed >> 24);
		}
		/* all of them are said to be there */
		const uint16_t write = (uint16_t)((at->pump.fifo.out.own + 29u) % 30);
		fifo_of(at)[0x80] = (uint8_t)write;
		assert_int_equal(vmsg_endpoint_notify(&at->side->endpoint, 0x8001,
						      at->bus.peer_notification_id),
				 0);
		vmsg_emu_local_advance(echo_local, 1000000);
		at->pump.fifo.out.own = write; /* the driver's own view, once more sane */
		(void)echo_run(at);
	}
	assert_true(echo_sp1.sessions[0].fifo.skipped > 0);
	assert_false(echo_sp1.sessions[0].fifo.broken);
	leave(at);
	if (at->bus.state == VMSG_BUS_RUNNING) {
		assert_int_equal(vmsg_bus_reset(&at->bus, echo_now()), 0);
		echo_settle(at);
	}
	assert_goes_on(at);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, echo_open, echo_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_crosses_in_every_combination),
		cmocka_unit_test(what_a_profile_allows_is_as_listed),
		cmocka_unit_test(the_best_of_what_both_offer_is_chosen),
		TEST(a_forced_choice_that_cannot_be_fails_with_its_reason),
		TEST(each_session_has_its_own_way),
		TEST(a_vm_can_be_the_device),
		TEST(foreign_frames_are_dropped),
		TEST(a_driver_that_does_not_read_is_in_nobodys_way),
		cmocka_unit_test(a_request_is_not_refused_for_an_event_that_waits),
		cmocka_unit_test(a_device_that_always_has_an_event_answers),
		cmocka_unit_test(a_request_that_came_while_a_frame_waited_is_not_forgotten),
		TEST(a_driver_that_spoils_its_fifo_loses_its_session),
		TEST(a_device_that_spoils_its_fifo_fails_the_session),
		TEST(noise_in_a_fifo_is_skipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
