/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Systems of partitions in one process, in virtual time: device partitions whose devices echo what
 * they read, every bit flipped, and driver partitions with a session to each of them. What carriers
 * and ways of event delivery are used is the test's to say. Everything fails the test when it goes
 * wrong by itself.
 */
#ifndef VMSG_TESTS_ECHO_SYSTEM_H
#define VMSG_TESTS_ECHO_SYSTEM_H

#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"

#define ECHO_PAGE       4096u
#define ECHO_SECOND     UINT64_C(1000000000)
#define ECHO_QUEUE_SIZE 8u
#define ECHO_SESSIONS   3u
#define ECHO_SLOTS      2u
#define ECHO_AREAS      4u
#define ECHO_PEERS      2u
#define ECHO_TYPE       42u
#define ECHO_LOG_SIZE   512u

#define ECHO_ALL_FEATURES                                                                          \
	(VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX | VMSG_BUS_FEATURE_INDIRECT_RX |  \
	 VMSG_BUS_FEATURE_INDIRECT_TX | VMSG_BUS_FEATURE_NOTIFICATION_RX |                         \
	 VMSG_BUS_FEATURE_NOTIFICATION_TX | VMSG_BUS_FEATURE_FIFO)

/* How a side takes part. */
struct echo_way {
	const char *profile; /* NULL: negotiate */
	uint32_t features;   /* 0: ECHO_ALL_FEATURES */
	uint8_t carriers;    /* masks, as in vmsg_bus_options */
	uint8_t events;
};

struct echo_side {
	struct vmsg_emu_local_partition *partition;
	struct vmsg_emu_bank banks[2]; /* TX and RX; rings and data */
	struct vmsg_endpoint endpoint;
};

struct echo_backend {
	struct echo_side side;
	struct vmsg_device_pump pump;
	struct vmsg_device_session sessions[ECHO_SESSIONS];
	struct vmsg_device_slot slots[ECHO_SLOTS];
	struct vmsg_memory_area areas[ECHO_SESSIONS * ECHO_AREAS];
	struct vmsg_bus_device numbers[ECHO_SESSIONS * ECHO_SLOTS];
	struct vmsg_device devices[ECHO_SLOTS];   /* numbers 0 and 300 */
	void (*intrude)(struct echo_backend *at); /* the partition does this first, once */
	char log[ECHO_LOG_SIZE];
};

/* A driver partition's session with one device partition. */
struct echo_session {
	struct echo_side *side;
	uint16_t peer;
	struct vmsg_bus bus;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[ECHO_AREAS];
	struct vmsg_bus_device numbers[ECHO_SLOTS];
	struct vmsg_driver driver;
	struct vmsg_driver *drivers[1];
	struct vmsg_driver_pump pump;
	struct vmsg_vq_driver queue;
	struct vmsg_vq_driver_slot slots[ECHO_QUEUE_SIZE];
	uint8_t *ram; /* 4 pages of the second bank; 2 more are the FIFO */
	uint64_t ram_address;
	struct vmsg_vq_layout layout;
	uint8_t config[16];
	uint16_t area;
	char log[ECHO_LOG_SIZE];
};

struct echo_frontend {
	struct echo_side side;
	struct echo_session sessions[ECHO_PEERS];
	size_t session_count;
};

/* The system: all that is below it is zeroed by echo_open(). */
extern struct vmsg_emu_local *echo_local;
extern struct echo_backend echo_sp1, echo_sp2; /* 0x8001, 0x8002 */
extern struct echo_frontend echo_vm1, echo_vm2;

int echo_open(void **state);
int echo_close(void **state);

void echo_start_backend(struct echo_backend *at, uint16_t id, const struct echo_way *way);
void echo_start_frontend(struct echo_frontend *at, uint16_t id);
/* A session with partition `peer`; not up yet. */
struct echo_session *echo_connect(struct echo_frontend *at, uint16_t peer,
				  const struct echo_way *way);

uint64_t echo_now(void);
/* Runs the session's pump and takes its events; what vmsg_driver_pump_run() returned. */
int echo_run(struct echo_session *at);
/* Runs it again and again, a little time apart, until nothing is in flight any more. */
void echo_settle(struct echo_session *at);
/* Starts the bus and runs it for at most a few seconds: RUNNING or FAILED. */
void echo_start(struct echo_session *at);
/* The same, and it must be RUNNING. */
void echo_up(struct echo_session *at);
/* Shares the RAM. */
void echo_share(struct echo_session *at);
/* Waits for an event of the driver machine. */
void echo_until(struct echo_session *at, enum vmsg_driver_event_kind kind);
/* Brings device `number` to RUNNING with one queue. */
void echo_start_device(struct echo_session *at, uint16_t number);
/* Makes the ring of that queue anew, where it was. */
void echo_make_ring(struct echo_session *at);
/* One buffer there and back; `told` also waits until EVENT_USED has come. */
void echo_transfer(struct echo_session *at, uint8_t seed, bool told);
/* Device reset, area back, bus reset. */
void echo_down(struct echo_session *at);

void echo_assert_log(char log[ECHO_LOG_SIZE], const char *expected);

#endif
