/* SPDX-License-Identifier: BSD-3-Clause */
/* A soak's steps, invariants and end. */
#include "support/soak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MS     1000000ull
#define SECOND (1000 * MS)
#define STEPS  400u

static jmp_buf out;

uint64_t soak_random(struct soak *soak, uint64_t below)
{
	uint64_t x = soak->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

void soak_say(struct soak *soak, const char *format, ...)
{
	va_list arguments;

	if (!soak->log) {
		return;
	}
	fprintf(soak->log, "%4u %10.3f ms  ", soak->step,
		(double)vmsg_emu_local_now(soak->local) / 1e6);
	va_start(arguments, format);
	vfprintf(soak->log, format, arguments);
	va_end(arguments);
	fputc('\n', soak->log);
}

/* What both sides believe, for the one who has to find out. */
static void say_state(struct soak *soak)
{
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		const struct soak_front *front = &soak->fronts[i];
		soak_say(soak,
			 "%u: %s, bus %s by %s and %s, sleep %d, area %u in state %u, driver %s in "
			 "state %d, status %#x, %llu done",
			 i + 1, front->side.alive ? "alive" : "dead",
			 vmsg_bus_state_name(front->bus.state),
			 vmsg_carrier_name(front->bus.carrier), vmsg_events_name(front->bus.events),
			 (int)front->sleep, front->area, front->area_state,
			 front->drivers[0] ? "there" : "gone", (int)front->driver.state,
			 front->driver.status, (unsigned long long)front->done);
		for (uint32_t q = 0; q < SOAK_QUEUES && front->drivers[0]; q++) {
			const struct vmsg_vq_driver *ours = &front->queues[q].ring;
			const struct vmsg_device_queue *theirs =
				&soak->back.disks[front->disk].device.queues[q];
			soak_say(soak,
				 "   queue %u: started %d, ready %d; %u of %u free, avail %u, used "
				 "%u; device: "
				 "avail %u, used %u, enabled %d, broken %d, %s",
				 q, front->queues[q].started, front->queues[q].ready,
				 ours->free_count, ours->vq.layout.size, ours->vq.put,
				 ours->vq.next, theirs->ring.vq.next, theirs->ring.vq.put,
				 theirs->enabled, theirs->ring.vq.broken,
				 ours->vq.layout.packed ? "packed" : "split");
		}
		const struct vmsg_device_session *session = &soak->back.sessions[i];
		soak_say(soak, "   session %u: %s, peer %u, bus %s, %u areas", i,
			 session->used ? "used" : "free", session->peer,
			 vmsg_bus_state_name(session->bus.state), session->memory.count);
	}
	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		const struct vmsg_device_slot *slot = &soak->back.slots[i];
		soak_say(soak, "disk %u: %s, of %d, status %#x; 1 sees it: %d, 2 sees it: %d", i,
			 slot->present ? "present" : "absent",
			 slot->session ? (int)slot->session->peer : -1,
			 slot->device ? slot->device->status : 0,
			 vmsg_bus_has_device(&soak->fronts[0].bus, (uint16_t)(i * 300)),
			 vmsg_bus_has_device(&soak->fronts[1].bus, (uint16_t)(i * 300)));
	}
}

void soak_fail(struct soak *soak, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "soak: seed %llu, step %u (%s), faults '%s'\n  ",
		(unsigned long long)soak->seed, soak->step, soak->doing, soak->rules);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	if (soak->log) {
		say_state(soak);
	}
	longjmp(out, 1);
}

/* ---- partitions ---- */

bool soak_is_running(const struct soak *soak, uint16_t id)
{
	const struct spmc *spmc = vmsg_emu_local_spmc(soak->local);
	struct spmc_partition_state state;

	for (size_t i = 0; i < spmc_partition_count(spmc); i++) {
		spmc_partition_state(spmc, i, &state);
		if (state.config->id == id) {
			return state.started;
		}
	}
	return false;
}

void soak_start_side(struct soak *soak, struct soak_side *side, uint16_t id, vmsg_emu_entry entry,
		     void *context)
{
	side->id = id;
	side->banks[0] = (struct vmsg_emu_bank){ .size = 2ull * SOAK_PAGE };
	side->banks[1] = (struct vmsg_emu_bank){ .size = 10ull * SOAK_PAGE };
	side->partition = vmsg_emu_local_start(soak->local, id, side->banks, 2, entry, context);
	SOAK_CHECK(soak, side->partition);
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(side->partition);
	const struct vmsg_buffer tx = { side->banks[0].data, side->banks[0].address };
	const struct vmsg_buffer rx = { side->banks[0].data + SOAK_PAGE,
					side->banks[0].address + SOAK_PAGE };
	side->alive = vmsg_endpoint_init(&side->endpoint, &conduit, tx, rx, 1) == 0;
	if (!side->alive) {
		vmsg_emu_local_stop(side->partition); /* no memory for its buffers, or killed */
	}
}

/* Takes note of deaths that faults brought. */
static void see_deaths(struct soak *soak)
{
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		struct soak_front *front = &soak->fronts[i];
		if (front->side.alive && !soak_is_running(soak, front->side.id)) {
			soak_say(soak, "%u is dead", front->side.id);
			soak_front_died(soak, front);
		}
	}
	if (soak->back.side.alive && !soak_is_running(soak, SOAK_SP)) {
		soak_say(soak, "the device partition is dead");
		soak_back_died(soak);
	}
}

static void kill_somebody(struct soak *soak)
{
	const uint64_t who = soak_random(soak, SOAK_FRONTS + 1);
	struct soak_side *side = who < SOAK_FRONTS ? &soak->fronts[who].side : &soak->back.side;

	if (side->alive) {
		vmsg_emu_local_stop(side->partition);
	}
}

static void revive(struct soak *soak)
{
	if (!soak->back.side.alive) {
		soak_back_start(soak);
	}
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		if (!soak->fronts[i].side.alive) {
			soak_front_start(soak, &soak->fronts[i], (uint16_t)(i + 1));
		}
	}
}

/* ---- invariants ---- */

static void check_cells(struct soak *soak)
{
	for (uint32_t i = 0; i < SOAK_DEVICES * SOAK_CELLS; i++) {
		const struct soak_cell *cell = &soak->cells[i / SOAK_CELLS][i % SOAK_CELLS];
		bool explained = cell->stored == cell->acknowledged;
		for (uint32_t k = 0; k < cell->maybe_count; k++) {
			explained |= cell->stored == cell->maybe[k];
		}
		SOAK_CHECK(soak, explained); /* nothing acknowledged is lost */
	}
}

static uint32_t users_of(const struct vmsg_memory *memory)
{
	uint32_t users = 0;

	for (uint32_t i = 0; i < memory->capacity; i++) {
		users += memory->areas[i].users;
	}
	return users;
}

static void check_front(struct soak *soak, const struct soak_front *front)
{
	uint32_t started = 0;

	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		started += front->queues[i].started;
	}
	SOAK_CHECK(soak, users_of(&front->memory) == 3 * started);
	SOAK_CHECK(soak, front->memory.count <= SOAK_AREAS);
}

static void check_back(struct soak *soak)
{
	const struct soak_back *back = &soak->back;
	uint32_t users = 0;
	uint32_t enabled = 0;

	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		users += back->sessions[i].used ? users_of(&back->sessions[i].memory) : 0;
	}
	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		const struct vmsg_device_slot *slot = &back->slots[i];
		SOAK_CHECK(soak, slot->present || !slot->session);
		for (uint32_t q = 0; q < SOAK_QUEUES; q++) {
			const bool is_enabled = back->disks[i].device.queues[q].enabled;
			SOAK_CHECK(soak, is_enabled == (back->disks[i].queues[q] != NULL));
			SOAK_CHECK(soak, !is_enabled || slot->session);
			enabled += is_enabled;
		}
	}
	SOAK_CHECK(soak, users == 3 * enabled);
}

/* What the manager has of a partition, against what the partition knows. */
static void check_regions(struct soak *soak, bool is_end)
{
	const struct spmc *spmc = vmsg_emu_local_spmc(soak->local);
	struct spmc_partition_state state;

	for (size_t i = 0; i < spmc_partition_count(spmc); i++) {
		spmc_partition_state(spmc, i, &state);
		const uint16_t id = state.config->id;
		if (is_end) {
			SOAK_CHECK(soak, state.regions_owned == 0 && state.regions_borrowed == 0);
		} else if (id <= SOAK_FRONTS && soak->fronts[id - 1].side.alive) {
			/* areas and a FIFO */
			SOAK_CHECK(soak,
				   state.regions_owned <= soak->fronts[id - 1].memory.count + 1);
		}
	}
}

static void check(struct soak *soak)
{
	check_cells(soak);
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		if (soak->fronts[i].side.alive) {
			check_front(soak, &soak->fronts[i]);
		}
	}
	if (soak->back.side.alive) {
		check_back(soak);
	}
	check_regions(soak, false);
}

/* ---- steps ---- */

static void pass_time(struct soak *soak)
{
	static const uint64_t spans[] = { 1000, 100000, MS, 7 * MS, 60 * MS, SECOND };

	vmsg_emu_local_advance(soak->local, spans[soak_random(soak, 6)]);
}

static void front_step(struct soak *soak, struct soak_front *front)
{
	if (!front->side.alive) {
		return;
	}
	if (soak_random(soak, 9) == 0) {
		soak->doing = "a driver disturbs";
		soak_front_disturb(soak, front);
	} else {
		soak->doing = "a driver goes on";
		(void)soak_front_go_on(soak, front);
	}
	if (soak_is_running(soak, front->side.id)) {
		soak_front_run(soak, front);
	}
}

static void step(struct soak *soak)
{
	const uint64_t what = soak_random(soak, 100);

	if (what < 70) {
		front_step(soak, &soak->fronts[soak_random(soak, SOAK_FRONTS)]);
	} else if (what < 82) {
		soak->doing = "time passes";
		pass_time(soak);
	} else if (what < 95) {
		soak->doing = "a device acts";
		if (soak->back.side.alive) {
			soak_back_act(soak);
		}
	} else if (what < 97) {
		soak->doing = "somebody is killed";
		kill_somebody(soak);
	} else {
		soak->doing = "the dead are replaced";
		revive(soak);
	}
	see_deaths(soak);
	check(soak);
}

/* ---- the end ---- */

/* Everybody works on, undisturbed, until `is_done` of the front. */
static void leave_in_peace(struct soak *soak, struct soak_front *front,
			   bool (*is_done)(const struct soak_front *front))
{
	for (unsigned int i = 0; i < 3000 && !is_done(front); i++) {
		soak->step++;
		(void)soak_front_go_on(soak, front);
		soak_front_run(soak, front);
		if (soak->back.side.alive) {
			soak_back_finish(soak);
		}
		vmsg_emu_local_advance(soak->local, 2 * MS);
		check(soak);
	}
	SOAK_CHECK(soak, is_done(front));
}

/* Since peace began. */
static bool has_worked(const struct soak_front *front)
{
	return soak_front_is_working(front) && front->done > front->done_before + 10;
}

static bool is_asleep(const struct soak_front *front)
{
	return front->sleep == SOAK_ASLEEP;
}

static bool has_slept(const struct soak_front *front)
{
	return front->slept > front->slept_before && has_worked(front);
}

static struct vmsg_device_session *session_of(struct soak *soak, uint16_t peer)
{
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		struct vmsg_device_session *session = &soak->back.sessions[i];
		if (session->used && session->peer == peer) {
			return session;
		}
	}
	return NULL;
}

static void agree_on_queues(struct soak *soak, const struct soak_front *front,
			    const struct vmsg_device *device)
{
	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		const struct vmsg_vq_layout *ours = &front->queues[i].ring.vq.layout;
		const struct vmsg_vq_layout *theirs = &device->queues[i].layout;
		SOAK_CHECK(soak, device->queues[i].enabled && front->queues[i].ready);
		SOAK_CHECK(soak, ours->size == theirs->size && ours->packed == theirs->packed &&
					 ours->event_idx == theirs->event_idx &&
					 ours->indirect == theirs->indirect &&
					 ours->in_order == theirs->in_order &&
					 ours->desc_addr == theirs->desc_addr &&
					 ours->driver_addr == theirs->driver_addr &&
					 ours->device_addr == theirs->device_addr);
	}
}

/* Both sides of a working session, when nothing is on its way. */
static void agree(struct soak *soak, struct soak_front *front)
{
	struct vmsg_device_session *session = session_of(soak, front->side.id);

	soak->doing = "both sides are compared";
	SOAK_CHECK(soak, session && session->bus.state == VMSG_BUS_RUNNING);
	SOAK_CHECK(soak, session->bus.profile == front->bus.profile);
	SOAK_CHECK(soak, session->bus.events == front->bus.events);
	SOAK_CHECK(soak, session->memory.count == 1 && front->memory.count == 1);
	SOAK_CHECK(soak, vmsg_memory_find(&session->memory, front->area));
	const struct vmsg_device_slot *slot = &soak->back.slots[front->disk];
	SOAK_CHECK(soak, slot->session == session);
	SOAK_CHECK(soak, front->driver.status == slot->device->status);
	agree_on_queues(soak, front, slot->device);
	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		const struct vmsg_device_slot *other = &soak->back.slots[i];
		const bool ours = other->present && (!other->session || other->session == session);
		SOAK_CHECK(soak, vmsg_bus_has_device(&front->bus, (uint16_t)(i * 300)) == ours);
	}
}

static bool is_idle(const struct soak_front *front)
{
	for (uint32_t i = 0; i < SOAK_REQUESTS; i++) {
		if (front->requests[i].used) {
			return false;
		}
	}
	return true;
}

/* Until everything asked for was answered and told. */
static void drain(struct soak *soak, struct soak_front *front)
{
	soak->doing = "the last answers come";
	for (unsigned int i = 0; i < 200 && !is_idle(front); i++) {
		soak_back_finish(soak);
		(void)!vmsg_driver_pump_poll(&front->pump);
		soak_front_run(soak, front);
		vmsg_emu_local_advance(soak->local, 10 * MS);
	}
	SOAK_CHECK(soak, is_idle(front)); /* no notification was lost */
	for (unsigned int i = 0; i < 4; i++) {
		(void)!vmsg_driver_pump_poll(&front->pump);
		soak_front_run(soak, front);
	}
}

/* Suspend and resume; now and then the device partition was made anew meanwhile. */
static void sleep_well(struct soak *soak, struct soak_front *front)
{
	const bool deeply = soak_random(soak, 3) == 0;

	soak->doing = "a driver sleeps";
	front->slept_before = front->slept;
	soak_sleep_begin(soak, front);
	leave_in_peace(soak, front, is_asleep);
	if (deeply) {
		soak_say(soak, "the device partition is made anew");
		vmsg_emu_local_stop(soak->back.side.partition);
		see_deaths(soak);
		soak_back_start(soak);
	}
	vmsg_emu_local_advance(soak->local, 10 * SECOND);
	soak->doing = "a driver wakes";
	front->done_before = front->done;
	leave_in_peace(soak, front, has_slept);
}

/* The driver leaves as drivers do: device, area, session. */
static void leave(struct soak *soak, struct soak_front *front)
{
	const uint64_t limit = vmsg_emu_local_now(soak->local) + 5 * SECOND;

	soak->doing = "a driver leaves";
	SOAK_CHECK(soak, vmsg_driver_reset(&front->driver, vmsg_emu_local_now(soak->local)) == 0);
	while (front->drivers[0] && vmsg_emu_local_now(soak->local) < limit) {
		soak_front_run(soak, front);
		vmsg_emu_local_advance(soak->local, MS);
	}
	SOAK_CHECK(soak, !front->drivers[0]);
	SOAK_CHECK(soak, vmsg_bus_unshare(&front->bus, vmsg_emu_local_now(soak->local),
					  front->area) == 0);
	while ((front->area_state != SOAK_NO_AREA || front->memory.count > 0) &&
	       vmsg_emu_local_now(soak->local) < limit) {
		soak_front_run(soak, front);
		vmsg_emu_local_advance(soak->local, MS);
	}
	SOAK_CHECK(soak, front->area_state == SOAK_NO_AREA && front->memory.count == 0);
	/* where the dialect has it */
	if (vmsg_bus_reset(&front->bus, vmsg_emu_local_now(soak->local)) == 0) {
		while (front->bus.state != VMSG_BUS_DOWN &&
		       vmsg_emu_local_now(soak->local) < limit) {
			soak_front_run(soak, front);
			vmsg_emu_local_advance(soak->local, MS);
		}
		SOAK_CHECK(soak, front->bus.state == VMSG_BUS_DOWN);
	} else {
		vmsg_emu_local_stop(front->side.partition);
		front->side.alive = false;
		vmsg_emu_local_advance(soak->local, MS);
	}
}

static void come_to_rest(struct soak *soak)
{
	soak->doing = "peace begins";
	soak_say(soak, "peace");
	faults_calm(soak->faults);
	vmsg_emu_local_advance(soak->local, 10 * SECOND);
	see_deaths(soak);
	revive(soak);
	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		soak->back.slots[i].present = true;
	}
	vmsg_device_pump_update(&soak->back.pump);
	/* one after the other: who is up takes all devices that are free */
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		if (soak->fronts[i].side.alive) {
			vmsg_emu_local_stop(soak->fronts[1 - i].side.partition);
			vmsg_emu_local_advance(soak->local, SECOND);
			see_deaths(soak);
		}
		soak->doing = "a driver is left in peace";
		soak->fronts[i].done_before = soak->fronts[i].done;
		if (strstr(soak->rules, "duplicate") || strstr(soak->rules, "drop:call")) {
			/* an event that a poll asked for twice has brought is lost, and so is one
			 * that was dropped on its way: not in the next session */
			vmsg_bus_abandon(&soak->fronts[i].bus, vmsg_emu_local_now(soak->local),
					 VMSG_ERROR_STATE);
		}
		leave_in_peace(soak, &soak->fronts[i], has_worked);
		drain(soak, &soak->fronts[i]);
		sleep_well(soak, &soak->fronts[i]);
		drain(soak, &soak->fronts[i]);
		agree(soak, &soak->fronts[i]);
		leave(soak, &soak->fronts[i]);
		check(soak);
		if (i + 1 < SOAK_FRONTS) {
			revive(soak);
		}
	}
	soak->doing = "all is over";
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		SOAK_CHECK(soak, soak->back.sessions[i].memory.count == 0);
	}
	check_regions(soak, true);
}

/* ---- a run ---- */

static void on_fault(void *context, const char *text)
{
	struct soak *soak = context;

	soak->faults_struck++;
	soak_say(soak, "%s", text);
}

/* Some of these, at odds by the seed. */
static void choose_rules(struct soak *soak)
{
	static const char *const rules[] = {
		"drop:one-in=%u,ms=200",
		"delay:one-in=%u,ms=15",
		"delay:call=reply,one-in=%u,ms=30",
		"duplicate:one-in=%u",
		"busy:one-in=%u",
		"late:one-in=%u,ms=900",
		"kill:from=1,one-in=%u",
		"kill:from=0x8001,one-in=%u",
		"nomem:one-in=%u",
		"nomem:call=map,one-in=%u",
		"drop:call=indirect,one-in=%u",
		"delay:call=indirect,one-in=%u,ms=15",
		"duplicate:call=indirect,one-in=%u",
		"reorder:call=indirect,one-in=%u",
		"busy:call=indirect,one-in=%u",
		"drop:call=notify,one-in=%u",
		"delay:call=notify,one-in=%u,ms=30",
	};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (soak_random(soak, 3) > 0) {
			continue;
		}
		char rule[64];
		/* literals, chosen above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(rule, sizeof(rule), rules[i],
			 (unsigned int)(i >= 6 && i < 8 ? 150 + soak_random(soak, 300)
							: 4 + soak_random(soak, 60)));
#pragma GCC diagnostic pop
		used += (size_t)snprintf(soak->rules + used, sizeof(soak->rules) - used, "%s%s",
					 used ? ";" : "", rule);
	}
}

static void work(struct soak *soak)
{
	char why[200];

	choose_rules(soak);
	soak->has_wide_area_ids = soak_random(soak, 2);
	if (soak->rules[0]) {
		SOAK_CHECK(soak, faults_add(soak->faults, soak->rules, why, sizeof(why)) == 0);
	}
	faults_report(soak->faults, on_fault, soak);
	soak->doing = "everybody starts";
	soak_back_start(soak);
	for (uint32_t i = 0; i < SOAK_FRONTS; i++) {
		soak_front_start(soak, &soak->fronts[i], (uint16_t)(i + 1));
	}
	vmsg_emu_local_set_faults(soak->local, soak->faults);
	for (unsigned int i = 0; i < STEPS; i++) {
		soak->step = i;
		step(soak);
	}
	come_to_rest(soak);
}

int soak_run(struct soak *soak, uint64_t seed, FILE *log,
	     void (*watch)(void *context, uint64_t now_ns, uint16_t partition, bool is_return,
			   const struct vmsg_ffa_regs *regs),
	     void *watch_context)
{
	volatile int result = 0;

	memset(soak, 0, sizeof(*soak));
	soak->seed = seed;
	soak->random = seed * UINT64_C(0xd1342543de82ef95) + 1;
	soak->log = log;
	soak->next_id = 1;
	soak->local = vmsg_emu_local_create();
	soak->faults = faults_create(seed);
	if (!soak->local || !soak->faults) {
		abort();
	}
	if (watch) {
		vmsg_emu_local_set_watch(soak->local, watch, watch_context);
	}
	if (setjmp(out) == 0) {
		work(soak);
	} else {
		result = -1;
	}
	vmsg_emu_local_destroy(soak->local);
	faults_destroy(soak->faults);
	return result;
}
