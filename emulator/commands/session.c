/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frontend's session: connection, discovery, bus, shared pool. session_run() is the only place
 * that meets failures of the peer and the manager; it reports each once. A time-out is not the end:
 * what it interrupted is begun anew, a bounded number of times.
 */
#include "commands/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands/areas.h"
#include "commands/report.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define PAGE_SIZE      4096u
#define REPORTS_MAX    12u
#define NS_PER_S       UINT64_C(1000000000)
#define PATIENCE_NS    (2 * NS_PER_S) /* for a manager and a backend that are just starting */
#define RETRY_NS       UINT64_C(20000000)
#define ROUND_SLEEP_NS UINT64_C(1000000)

/* RX/TX, pool and FIFO; the buffers follow. */
#define BANKS     3
#define BANKS_MAX (BANKS + SESSION_BUFFERS_MAX)
_Static_assert(BANKS_MAX <= VMSG_EMU_BANKS_MAX, "a partition has room for them");
_Static_assert(SESSION_AREAS_MAX <= VMSG_BUS_AREAS_MAX, "a session has room for them");

/* One peer at a time: one notification does for all of them. */
#define NOTIFICATION_ID 0

static const struct vmsg_ffa_uuid device_role = VMSG_FFA_UUID_DEVICE_ROLE;

static void sleep_ns(uint64_t ns)
{
	const struct timespec time = { .tv_sec = (time_t)(ns / NS_PER_S),
				       .tv_nsec = (long)(ns % NS_PER_S) };

	nanosleep(&time, NULL);
}

static bool is_stopped(const struct session *session)
{
	return session->options.stop && *session->options.stop;
}

static int over(struct session *session)
{
	session->over = true;
	return SESSION_OVER;
}

/* ---- failures ---- */

static int report_again(struct session *session)
{
	if (session->reports >= REPORTS_MAX) {
		report_problem("giving up");
		return over(session);
	}
	return SESSION_LATE;
}

int session_report_late(struct session *session, const char *what)
{
	session->reports++;
	report_problem("time-out %u of %u: partition 0x%04x has not answered %s within %g s",
		       session->reports, REPORTS_MAX, session->peer, what,
		       (double)session->options.timeout_ns / (double)NS_PER_S);
	return report_again(session);
}

int session_report_busy(struct session *session, const char *what)
{
	session->reports++;
	report_problem("busy %u of %u: partition 0x%04x answers %s with nothing, again and again",
		       session->reports, REPORTS_MAX, session->peer, what);
	return report_again(session);
}

void session_is_alive(struct session *session)
{
	session->reports = 0;
}

static int report_lost(struct session *session)
{
	report_problem("the manager is gone: %s", vmsg_emu_lost_reason(session->emu));
	return over(session);
}

/* What the pump could not do. Errors of a request alone come to its driver as an event. */
static int report_exchange(struct session *session, int error)
{
	if (vmsg_emu_is_lost(session->emu)) {
		return report_lost(session);
	}
	if (error == VMSG_ERROR_TIMEOUT || error == VMSG_ERROR_AGAIN) {
		return session_report_late(session, "a message");
	}
	if (error == VMSG_ERROR_PEER && session->endpoint.status != 0) {
		report_problem("partition 0x%04x is gone: the manager answers %s", session->peer,
			       vmsg_ffa_status_name(session->endpoint.status));
		return over(session);
	}
	report_problem("partition 0x%04x cannot be reached: %s", session->peer,
		       vmsg_error_text(error));
	return over(session);
}

/* The device that is being driven has gone: nothing that is asked of it will be answered. */
static void take_removal(struct session *session, uint16_t dev_num)
{
	if (session->drivers[0] && session->driver.options.dev_num == dev_num) {
		report_problem("device %u of partition 0x%04x has been removed", dev_num,
			       session->peer);
		session->drivers[0] = NULL;
		session->is_removed = true;
	}
}

static void take_bus_events(struct session *session)
{
	struct vmsg_bus_event event;
	char text[QUIRK_TEXT_SIZE];

	while (vmsg_bus_event(&session->bus, &event)) {
		if (session_buffers_take(session, &event)) {
			continue;
		}
		switch (event.kind) {
		case VMSG_BUS_EVENT_QUIRK:
			report_problem("partition 0x%04x: %s", session->peer,
				       quirk_text(&event, text));
			break;
		case VMSG_BUS_EVENT_UP:
			session->is_up = true;
			break;
		case VMSG_BUS_EVENT_FAILED:
			session->bus_error = event.error;
			break;
		case VMSG_BUS_EVENT_RESET:
			session->is_reset = true;
			break;
		case VMSG_BUS_EVENT_AREA_READY:
			session->is_ready = true;
			break;
		case VMSG_BUS_EVENT_AREA_REFUSED:
			session->is_refused = true;
			break;
		case VMSG_BUS_EVENT_AREA_GONE:
			session->is_gone |= event.area_id == session->gone_id;
			break;
		case VMSG_BUS_EVENT_DEVICE_REMOVED:
			take_removal(session, event.dev_num);
			break;
		case VMSG_BUS_EVENT_MESSAGE:
		case VMSG_BUS_EVENT_REQUEST_FAILED:
		case VMSG_BUS_EVENT_DEVICE_ADDED:
		case VMSG_BUS_EVENT_POLLED:
			break;
		}
	}
}

int session_run(struct session *session)
{
	if (session->over) {
		return SESSION_OVER;
	}
	if (is_stopped(session)) {
		report_problem("interrupted");
		return over(session);
	}
	session_serve_control(session);
	const int error = vmsg_driver_pump_run(&session->pump);
	const uint64_t timeouts = session->bus.stats.timeouts - session->timeouts;
	take_bus_events(session);
	session->timeouts += timeouts;
	if (session->is_removed) {
		session->is_removed = false;
		session->over = true;
		return SESSION_OVER;
	}
	if (error < 0) {
		return report_exchange(session, error);
	}
	if (session->is_up && session->bus_error == VMSG_ERROR_PEER) {
		report_problem("partition 0x%04x does not know this session any more",
			       session->peer);
		return over(session);
	}
	/* Without an error when the peer was busy all the time. */
	return timeouts > 0 ? session_report_late(session, "a message") : SESSION_OK;
}

void session_sleep(const struct session *session, uint64_t ns)
{
	const uint64_t now_ns = report_now();
	const uint64_t deadline_ns = vmsg_driver_pump_deadline(&session->pump);

	if (deadline_ns > now_ns) {
		const uint64_t left = deadline_ns - now_ns;
		const uint64_t most = left < ns ? left : ns;
		if (vmsg_bus_listens(&session->bus)) {
			(void)vmsg_emu_wait(session->emu, most);
		} else {
			sleep_ns(most); /* whatever arrives is not for this session */
		}
	}
}

int session_retry(struct session *session, int (*attempt)(struct session *session, void *context),
		  void *context)
{
	int result;

	do {
		result = attempt(session, context);
	} while (result == SESSION_LATE);
	if (result == SESSION_OK) {
		session_is_alive(session);
	}
	return result;
}

/* ---- connection ---- */

/* The pool is memory that both sides have reserved. */
static bool has_window(const struct session *session)
{
	return session->options.window.segment_count > 0;
}

static bool connect_once(struct session *session, struct vmsg_emu_bank banks[BANKS_MAX],
			 int *result, char *why, size_t why_size)
{
	struct vmsg_emu_options options = {
		.socket_path = session->options.socket_path,
		.id = session->options.id,
		.banks = banks,
		.bank_count = BANKS + session->buffers.count,
		.banks_later = session->options.adds_memory,
		.control = session->options.answers_control,
	};

	*result = vmsg_emu_connect(&session->emu, &options, why, why_size);
	return *result != VMSG_ERROR_NOT_FOUND;
}

static int connect_to_manager(struct session *session)
{
	struct vmsg_emu_bank banks[BANKS_MAX] = {
		{ .size = 2 * PAGE_SIZE },
		{ .size = has_window(session) ? PAGE_SIZE : session->options.pool_size },
		{ .size = VMSG_FIFO_PAGES * PAGE_SIZE },
	};
	const uint64_t end_ns = report_now() + session->options.patience_ns;
	char why[256];
	int result;

	session->buffers.count = session->options.buffer_count;
	for (uint32_t i = 0; i < session->buffers.count; i++) {
		banks[BANKS + i].size = session->options.buffer_size;
	}
	while (!connect_once(session, banks, &result, why, sizeof(why)) && report_now() < end_ns &&
	       !is_stopped(session)) {
		sleep_ns(RETRY_NS);
	}
	if (result < 0) {
		report_problem("%s", why);
		return over(session);
	}
	session->pool = banks[1].data;
	session->pool_address = banks[1].address;
	session->fifo = banks[2];
	for (uint32_t i = 0; i < session->buffers.count; i++) {
		session->buffers.items[i].bank = banks[BANKS + i];
	}
	const struct vmsg_conduit conduit = vmsg_emu_conduit(session->emu);
	const struct vmsg_buffer tx = { banks[0].data, banks[0].address };
	const struct vmsg_buffer rx = { banks[0].data + PAGE_SIZE, banks[0].address + PAGE_SIZE };
	result = vmsg_endpoint_init(&session->endpoint, &conduit, tx, rx, 1);
	if (result < 0) {
		report_problem("the manager refuses partition 0x%04x: %s, %s",
			       vmsg_emu_id(session->emu), vmsg_error_text(result),
			       vmsg_ffa_status_name(session->endpoint.status));
		return over(session);
	}
	session->has_endpoint = true;
	session->bus_features = ways_allowed(&session->endpoint);
	session->schedules = ways_schedules(&session->endpoint);
	return SESSION_OK;
}

/* ---- discovery ---- */

static bool may_serve(const struct session *session, const struct vmsg_ffa_partition_info *info)
{
	return info->id != session->endpoint.id &&
	       info->properties & (VMSG_FFA_PROPERTY_DIRECT2_RECEIVE | VMSG_FFA_PROPERTY_INDIRECT);
}

/* The partitions that may be asked, secure ones first: a VM of the built-in system may be a device
 * as well, but is more often a frontend like us. */
static int discover(struct session *session)
{
	struct vmsg_ffa_partition_info found[SESSION_PARTITIONS_MAX];
	const int count = vmsg_endpoint_discover(&session->endpoint, &device_role, found,
						 SESSION_PARTITIONS_MAX);

	if (count < 0) {
		report_problem("discovery fails: %s, %s", vmsg_error_text(count),
			       vmsg_ffa_status_name(session->endpoint.status));
		return over(session);
	}
	session->partition_count = 0;
	for (int secure = 1; secure >= 0; secure--) {
		for (int i = 0; i < count && i < SESSION_PARTITIONS_MAX; i++) {
			if (may_serve(session, &found[i]) && (found[i].id >> 15) == secure) {
				session->partitions[session->partition_count++] = found[i];
			}
		}
	}
	return SESSION_OK;
}

static bool has_partition(const struct session *session, uint16_t id)
{
	for (size_t i = 0; i < session->partition_count; i++) {
		if (session->partitions[i].id == id) {
			return true;
		}
	}
	return false;
}

/* Waits a moment for the wanted peer, or for a secure partition if any will do. */
static int find_peers(struct session *session)
{
	const uint64_t end_ns = report_now() + session->options.patience_ns;
	const uint16_t wanted = session->options.peer;
	bool is_found;

	for (;;) {
		if (discover(session) != SESSION_OK) {
			return SESSION_OVER;
		}
		is_found = wanted ? has_partition(session, wanted)
				  : session->partition_count > 0 && session->partitions[0].id >> 15;
		if (is_found || report_now() >= end_ns || is_stopped(session)) {
			break;
		}
		sleep_ns(RETRY_NS);
	}
	if (wanted && !is_found) {
		report_problem("--peer is 0x%04x, but no such partition offers virtio devices",
			       wanted);
		return over(session);
	}
	if (session->partition_count == 0) {
		report_problem("no other partition offers virtio devices; is a backend running?");
		return over(session);
	}
	return SESSION_OK;
}

/* ---- bus ---- */

/* Runs until one of the flags is set or the bus has failed. A time-out on the way has been reported
 * and is noted in session->was_late. When not even the bus wants anything sent, it is stuck. */
int session_await(struct session *session, const bool *flag, const bool *other)
{
	uint64_t calls = session->endpoint.calls;
	uint64_t end_ns = report_now() + session->options.timeout_ns;

	for (;;) {
		const int result = session_run(session);
		if (result == SESSION_OVER) {
			return result;
		}
		session->was_late |= result == SESSION_LATE;
		if (*flag || (other && *other) || session->bus_error != 0) {
			return SESSION_OK;
		}
		if (session->endpoint.calls != calls) {
			calls = session->endpoint.calls;
			end_ns = report_now() + session->options.timeout_ns;
		} else if (report_now() >= end_ns) {
			return session_report_late(session, "the bus");
		}
		session_sleep(session, ROUND_SLEEP_NS);
	}
}

static uint32_t properties_of(const struct session *session, uint16_t id)
{
	for (size_t i = 0; i < session->partition_count; i++) {
		if (session->partitions[i].id == id) {
			return session->partitions[i].properties;
		}
	}
	return 0;
}

static int init_bus(struct session *session)
{
	const uint32_t areas =
		SESSION_AREAS_MAX - SESSION_BUFFERS_MAX +
		(session->options.adds_memory ? SESSION_MEMORIES_MAX : session->buffers.count);
	struct vmsg_bus_options options = {
		.role = VMSG_BUS_DRIVER,
		.peer = session->peer,
		.profile = session->options.profile,
		.ffa_version = session->endpoint.ffa_version,
		.bus_features = ways_features(properties_of(session, session->peer)) &
				session->bus_features,
		.carriers = session->options.ways.carriers,
		.events = session->options.ways.events,
		.notification_id = NOTIFICATION_ID,
		.transport_features = VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION,
		.max_areas = (uint16_t)areas,
		.request_timeout_ns = session->options.timeout_ns,
		.memory = &session->memory,
		.devices = session->devices,
		.device_capacity = SESSION_DEVICES_MAX,
	};

	quirks_apply(&session->options.quirks, &options);
	vmsg_memory_init(&session->memory, session->areas, areas, 48);
	const int result = vmsg_bus_init(&session->bus, &options);
	if (result < 0) {
		report_problem("no bus session: %s", vmsg_error_text(result));
		return over(session);
	}
	session->has_bus = true;
	session->timeouts = 0;
	session->drivers[0] = NULL;
	vmsg_driver_pump_init(&session->pump, &session->endpoint, &session->bus, session->drivers,
			      1, session->peer, session->options.timeout_ns);
	session->pump.schedules_peer = session->schedules && (session->peer & 0x8000);
	session->pump.fifo_segment =
		(struct vmsg_segment){ session->fifo.data, session->fifo.size };
	session->pump.fifo_range =
		(struct vmsg_ffa_range){ session->fifo.address, VMSG_FIFO_PAGES };
	return SESSION_OK;
}

static int report_bus_failure(struct session *session)
{
	const struct vmsg_profile *forced = session->options.profile;

	if (session->bus_error == VMSG_ERROR_TIMEOUT || session->bus_error == VMSG_ERROR_AGAIN) {
		return session_report_late(session, "the bus");
	}
	if (session->bus.profile && session->bus.choice == VMSG_BUS_NO_CHOICE) {
		report_problem("partition 0x%04x and profile %s have no carrier for us: %s",
			       session->peer, session->bus.profile->name,
			       vmsg_bus_choice_reason(&session->bus));
		return over(session);
	}
	report_problem("partition 0x%04x does not agree on %s%s: %s", session->peer,
		       forced ? "the forced profile " : "any revision of the bus",
		       forced ? forced->name : "", vmsg_error_text(session->bus_error));
	return over(session);
}

/* Resets a bus on which something was left half done. */
static int reset_bus(struct session *session)
{
	session->is_reset = false;
	session->drivers[0] = NULL;
	if (vmsg_bus_reset(&session->bus, report_now()) < 0) {
		return SESSION_OK; /* not running */
	}
	return session_await(session, &session->is_reset, NULL);
}

/* Both sides have the pool already: it only needs its place among the addresses. */
static int place_window(struct session *session)
{
	const struct vmsg_bus_window *window = &session->options.window;
	const struct vmsg_profile *profile = session->bus.profile;

	if (!areas_may_be_static(profile)) {
		report_problem("partition 0x%04x speaks %s, which has no plain addresses: --areas "
			       "static goes with r0 and r1",
			       session->peer, profile->name);
		return over(session);
	}
	if (!vmsg_memory_find(&session->memory, 0)) {
		/* What --areas says fits in there, and the set of areas is empty. */
		(void)!vmsg_memory_add(&session->memory, 0, window->segments, window->segment_count,
				       true, 0);
		(void)!vmsg_memory_move(&session->memory, 0, window->address);
	}
	session->pool = window->segments[0].data;
	session->area_id = 0;
	return SESSION_OK;
}

static int share_pool(struct session *session)
{
	if (has_window(session)) {
		return place_window(session);
	}
	return session_share(session, session->pool_address, session->pool,
			     session->options.pool_size, &session->area_id);
}

/* What was agreed after a time-out is not kept: each has made us try an older dialect. */
static int bring_up_bus(struct session *session, void *context)
{
	(void)context;
	session->was_late = false;
	session->is_up = false;
	session->bus_error = 0;
	int result = reset_bus(session);
	if (result != SESSION_OK) {
		return result;
	}
	session->bus_error = 0;
	const int error = vmsg_bus_start(&session->bus, report_now());
	if (error < 0) {
		report_problem("the bus session cannot start: %s", vmsg_error_text(error));
		return over(session);
	}
	result = session_await(session, &session->is_up, NULL);
	if (result == SESSION_OK && !session->is_up && !session->was_late) {
		return report_bus_failure(session);
	}
	if (result == SESSION_OK && !session->was_late) {
		result = share_pool(session);
	}
	return result == SESSION_OK && session->was_late ? SESSION_LATE : result;
}

static bool has_devices(const struct session *session)
{
	for (size_t i = 0; i < SESSION_DEVICES_MAX; i++) {
		if (session->devices[i].present) {
			return true;
		}
	}
	return false;
}

/* What is shared on demand is asked for: r0 has no reset that would bring it back. */
static void leave_bus(struct session *session)
{
	if (session->has_bus && !session->over && session_reset_device(session) == SESSION_OK &&
	    session_return_buffers(session) == SESSION_OK) {
		(void)reset_bus(session);
	}
	if (session->has_bus) {
		vmsg_driver_pump_close(&session->pump);
	}
	session->has_bus = false;
}

/* The first peer that has a device for us. When secure partitions are there, VMs are not asked. */
static int meet_peers(struct session *session)
{
	const size_t count = session->partition_count;
	int result = SESSION_OK;

	for (size_t i = 0; i < count; i++) {
		const uint16_t id = session->partitions[i].id;
		if (session->options.peer ? id != session->options.peer
					  : session->partitions[0].id >> 15 && !(id >> 15)) {
			continue;
		}
		leave_bus(session);
		session->peer = id;
		result = init_bus(session);
		if (result == SESSION_OK) {
			result = session_retry(session, bring_up_bus, NULL);
		}
		if (result != SESSION_OK || has_devices(session)) {
			return result;
		}
	}
	report_problem("partition 0x%04x has no device that is free", session->peer);
	return over(session);
}

/* ---- life ---- */

/* ---- the contract ---- */

static uint16_t our_id(void *context, const struct vmsg_memory *memory)
{
	const struct session *session = context;

	(void)memory;
	return session->endpoint.id;
}

static void report_violation(void *context, const char *text)
{
	(void)context;
	report_problem("%s", text);
}

/* False when there is no memory for it. */
static bool check_contract(struct session *session)
{
	const struct contract_options options = {
		.owner = our_id,
		.report = report_violation,
		.context = session,
		.is_driver = true,
	};

	if (session->options.check_contract) {
		session->contract = contract_create(&options);
	}
	return session->contract || !session->options.check_contract;
}

struct session *session_open(const struct session_options *options)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session) {
		report_problem("out of memory");
		return NULL;
	}
	session->options = *options;
	if (session->options.patience_ns == 0) {
		session->options.patience_ns = PATIENCE_NS;
	}
	if (!check_contract(session)) {
		report_problem("out of memory");
		session_close(session);
		return NULL;
	}
	if (connect_to_manager(session) != SESSION_OK || find_peers(session) != SESSION_OK ||
	    meet_peers(session) != SESSION_OK) {
		session_close(session);
		return NULL;
	}
	return session;
}

void session_close(struct session *session)
{
	if (!session) {
		return;
	}
	leave_bus(session);
	if (session->options.tells_areas) {
		session_buffers_tell(session);
	}
	if (session->has_endpoint && !vmsg_emu_is_lost(session->emu)) {
		vmsg_endpoint_close(&session->endpoint);
	}
	vmsg_emu_close(session->emu);
	contract_destroy(session->contract);
	free(session);
}

/* ---- pool ---- */

uint8_t *session_allocate(struct session *session, uint64_t size, uint64_t alignment)
{
	const uint64_t start = (session->pool_used + alignment - 1) & ~(alignment - 1);

	if (start > session->options.pool_size || size > session->options.pool_size - start) {
		return NULL;
	}
	session->pool_used = start + size;
	return session->pool + start;
}

void session_free_all(struct session *session)
{
	session->pool_used = 0;
	session->buffers.taken = 0;
}

uint64_t session_address(const struct session *session, const uint8_t *data)
{
	const uint64_t offset = (uint64_t)(data - session->pool);
	uint64_t address = 0;

	if (has_window(session)) {
		return session->options.window.address + offset;
	}
	/* The id was chosen by the session and the offset is inside the area: this cannot fail. */
	(void)!vmsg_address_make(session->bus.profile, session->area_id, offset, &address);
	return address;
}
