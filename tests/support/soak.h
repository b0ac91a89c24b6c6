/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A system in one process and virtual time that is worked, hurt and watched: a device partition
 * with three disks of 16 numbers, two drivers that write and read them, each in a dialect, by a
 * carrier, a way of event delivery and a kind of ring of its own, and between them faults, hot
 * plug, resets of every kind, sleep and deaths. After every step the invariants hold; when
 * everybody has been left in peace both sides agree, and at the end nothing is left over. One run
 * is one seed.
 */
#ifndef VMSG_TESTS_SOAK_H
#define VMSG_TESTS_SOAK_H

#include <stdio.h>

#include "client/local.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"

#define SOAK_PAGE       4096u
#define SOAK_DEVICES    3u
#define SOAK_CELLS      16u /* of each disk */
#define SOAK_QUEUES     2u
#define SOAK_QUEUE_SIZE 32u
#define SOAK_REQUESTS   24u /* of a driver at one time */
#define SOAK_AREAS      4u
#define SOAK_FRONTS     2u
#define SOAK_SP         0x8001u
#define SOAK_IDS        8192u
#define SOAK_MAYBE      32u

#define SOAK_QUEUE_SPACE 0x2000u /* of a driver's area, for a ring and its tables */

#define SOAK_BUS_FEATURES                                                                          \
	(VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX | VMSG_BUS_FEATURE_INDIRECT_RX |  \
	 VMSG_BUS_FEATURE_INDIRECT_TX | VMSG_BUS_FEATURE_NOTIFICATION_RX |                         \
	 VMSG_BUS_FEATURE_NOTIFICATION_TX | VMSG_BUS_FEATURE_FIFO)

/* What a driver asks of a disk, as it lies in shared memory, little-endian like us. */
struct soak_order {
	uint64_t id;
	uint32_t is_write;
	uint32_t cell;
	uint64_t value;
};

struct soak_answer {
	uint64_t value;
	uint64_t status; /* 1 = done */
};

/* A number on a disk: what was acknowledged, and what may have been written besides. */
struct soak_cell {
	uint64_t stored;
	uint64_t acknowledged;
	uint64_t maybe[SOAK_MAYBE]; /* sent, with no answer yet or none to come */
	uint32_t maybe_count;
	bool busy; /* a write is on its way */
};

struct soak_side {
	uint16_t id;
	bool alive;
	struct vmsg_emu_local_partition *partition;
	struct vmsg_emu_bank banks[2];
	struct vmsg_endpoint endpoint;
};

/* A chain that the disk has taken and not yet used. */
struct soak_held {
	uint32_t head;
	uint64_t value;
	uint8_t *answer;
};

struct soak_disk {
	struct vmsg_device device;
	struct vmsg_vq_device *queues[SOAK_QUEUES]; /* NULL = stopped */
	struct soak_held held[SOAK_QUEUES][SOAK_QUEUE_SIZE];
	uint32_t held_count[SOAK_QUEUES];
	struct soak_cell *cells;
};

struct soak_back {
	struct soak_side side;
	struct vmsg_device_pump pump;
	struct vmsg_device_session sessions[SOAK_FRONTS];
	struct vmsg_device_slot slots[SOAK_DEVICES];
	struct vmsg_memory_area areas[SOAK_FRONTS * SOAK_AREAS];
	struct vmsg_bus_device numbers[SOAK_FRONTS * SOAK_DEVICES];
	struct soak_disk disks[SOAK_DEVICES];
};

struct soak_request {
	bool used;
	uint32_t queue;
	uint64_t id;
	bool is_write;
	uint32_t disk;
	uint32_t cell;
	uint64_t value;
};

enum soak_area { SOAK_NO_AREA, SOAK_AREA_ASKED, SOAK_AREA_READY, SOAK_AREA_LEAVING };

/* The order of suspend and resume. */
enum soak_sleep {
	SOAK_AWAKE,
	SOAK_FALLING_ASLEEP,
	SOAK_ASLEEP,
	SOAK_WAKING,    /* the session goes on, the driver is still frozen */
	SOAK_RESTORING, /* the driver as well */
};

struct soak_queue {
	struct vmsg_vq_driver ring;
	struct vmsg_vq_driver_slot slots[SOAK_QUEUE_SIZE];
	bool started;
	bool ready;
	bool kept; /* over the sleep */
};

struct soak_front {
	struct soak_side side;
	struct vmsg_bus bus;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[SOAK_AREAS];
	struct vmsg_bus_device numbers[SOAK_DEVICES];
	struct vmsg_driver driver;
	struct vmsg_driver *drivers[1];
	struct vmsg_driver_pump pump;
	uint32_t disk; /* the one that is driven */
	struct soak_queue queues[SOAK_QUEUES];
	enum soak_area area_state;
	uint16_t area;
	enum soak_sleep sleep;
	uint64_t slept; /* times that it was restored */
	uint64_t slept_before;
	struct soak_request requests[SOAK_REQUESTS];
	uint64_t done; /* answers */
	uint64_t done_before;
	uint32_t vain; /* times in a row that nothing came of going on */
};

struct soak {
	uint64_t seed;
	uint64_t random;
	unsigned int step;
	const char *doing;
	struct vmsg_emu_local *local;
	struct faults *faults;
	char rules[512];
	bool has_wide_area_ids; /* r1 is r1-a16 */
	FILE *log;              /* NULL = none */
	struct soak_back back;
	struct soak_front fronts[SOAK_FRONTS];
	struct soak_cell cells[SOAK_DEVICES][SOAK_CELLS];
	uint64_t next_id;
	bool issued[SOAK_IDS];
	bool executed[SOAK_IDS];
	/* what happened, for the report */
	uint64_t answers, deaths, resets, plugs, sleeps, faults_struck;
	/* sessions, by what they chose, and by dialect */
	uint64_t ups[VMSG_CARRIER_COUNT][VMSG_EVENTS_FIFO + 1];
	uint64_t dialects[VMSG_PROFILE_COUNT];
};

/* One seed: prints what was wrong and returns -1, or returns 0. `log` may be NULL. */
int soak_run(struct soak *soak, uint64_t seed, FILE *log,
	     void (*watch)(void *context, uint64_t now_ns, uint16_t partition, bool is_return,
			   const struct vmsg_ffa_regs *regs),
	     void *watch_context);

/* ---- between its files ---- */

uint64_t soak_random(struct soak *soak, uint64_t below);
/* A rule is broken: says so, with everything that is needed to see it again, and aborts the run. */
_Noreturn void soak_fail(struct soak *soak, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define SOAK_CHECK(soak, condition)                                                                \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			soak_fail(soak, "%s:%d: %s", __FILE__, __LINE__, #condition);              \
		}                                                                                  \
	} while (0)
void soak_say(struct soak *soak, const char *format, ...) __attribute__((format(printf, 2, 3)));

void soak_start_side(struct soak *soak, struct soak_side *side, uint16_t id, vmsg_emu_entry entry,
		     void *context);
/* Have faults killed it? */
bool soak_is_running(const struct soak *soak, uint16_t id);

/* the device partition */
void soak_back_start(struct soak *soak);
void soak_back_act(struct soak *soak);    /* something that devices do by themselves */
void soak_back_finish(struct soak *soak); /* uses all that is held */
void soak_back_died(struct soak *soak);

/* a driver partition */
void soak_front_start(struct soak *soak, struct soak_front *front, uint16_t id);
void soak_front_died(struct soak *soak, struct soak_front *front);
/* Runs the pump and takes what it brought. */
void soak_front_run(struct soak *soak, struct soak_front *front);
/* The next natural thing towards requests under way; false when there is nothing to be done. */
bool soak_front_go_on(struct soak *soak, struct soak_front *front);
/* Something that drivers do for reasons of their own. */
void soak_front_disturb(struct soak *soak, struct soak_front *front);
bool soak_front_is_working(const struct soak_front *front);
/* What its area's addresses are made of. */
uint64_t soak_front_address(const struct soak_front *front, uint64_t offset);
void soak_front_share(struct soak_front *front);
/* Takes back what the device has not answered; the device may no longer touch it. */
void soak_front_stop_queues(struct soak *soak, struct soak_front *front);

/* its sleep: begins, and then is brought on by the pump and by the next natural thing to do */
void soak_sleep_begin(struct soak *soak, struct soak_front *front);
void soak_sleep_pump(struct soak *soak, struct soak_front *front);
bool soak_sleep_go_on(struct soak *soak, struct soak_front *front);
void soak_sleep_frozen(struct soak *soak, struct soak_front *front);
void soak_sleep_restored(struct soak *soak, struct soak_front *front);

#endif
