/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the scenario share: its one struct, and how they move things along. */
#ifndef EXAMPLES_NORMAL_WORLD_PARTS_H
#define EXAMPLES_NORMAL_WORLD_PARTS_H

#include "virtio_msg_ffa/pump.h"

#include "scenario.h"
#include "tap.h"
#include "trace.h"

void *memset(void *destination, int value, size_t size);

#define SECOND         1000000000ull
#define DEVICES_MAX    8u
#define AREAS_MAX      4u
#define QUEUE_SIZE     16u
#define PARTITIONS_MAX 4u

/* Layout of the pool */
#define QUEUE_BYTES   0x3000u /* descriptors, available ring, used ring: a page each */
#define HEADER_OFFSET 0x6000u
#define STATUS_OFFSET 0x6100u
#define DATA_OFFSET   0x8000u
#define DATA_SIZE     (SCENARIO_POOL_SIZE - DATA_OFFSET)

#define SECTOR_SIZE  512u
#define BLK_T_IN     0u
#define BLK_T_OUT    1u
#define BLK_T_FLUSH  4u
#define BLK_DEVICE   2u
#define RNG_DEVICE   4u
#define RNG_BYTES    4096u
#define STATUS_UNSET 0xffu

/* How a session talks. */
struct scenario_mode {
	const char *name;
	enum vmsg_carrier carrier;
	unsigned int events; /* VMSG_EVENTS_* */
};

struct scenario {
	const struct scenario_platform *platform;
	struct vmsg_buffer pool;
	struct tap *tap;
	struct vmsg_endpoint *endpoint;
	uint16_t peer;
	const struct scenario_mode *mode;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[AREAS_MAX];
	struct vmsg_bus_device numbers[DEVICES_MAX];
	struct vmsg_bus bus;
	struct vmsg_driver blk;
	struct vmsg_driver rng;
	struct vmsg_driver *drivers[2];
	struct vmsg_driver_pump pump;
	uint8_t config[2][64];
	struct vmsg_vq_driver_slot slots[2][QUEUE_SIZE];
	struct vmsg_vq_driver queues[2];
	uint16_t area_id;
	uint64_t handle;
	uint64_t sectors;
	bool up, area_ready, area_gone, bus_reset, failed;
	uint16_t found[DEVICES_MAX];
	uint32_t found_count;
	uint16_t blk_number, rng_number;
};

extern const struct vmsg_ffa_uuid scenario_device_role;

/* The conduit's clock. */
uint64_t scenario_now(const struct scenario *s);

/* Runs the pump until *flag, a failure or a second without either. */
bool scenario_until(struct scenario *s, const bool *flag);

/* Runs the pump until `driver` tells `kind`; false when it fails or a second goes by. */
bool scenario_until_event(struct scenario *s, struct vmsg_driver *driver,
			  enum vmsg_driver_event_kind kind, struct vmsg_driver_event *event);

/* A bus address in the shared pool. */
uint64_t scenario_pool_address(const struct scenario *s, uint32_t offset);

/* Brings up device `number` as the disk (0) or the random source (1), with its queue. */
bool scenario_start_device(struct scenario *s, unsigned int which, uint16_t number);

/* Resets it and forgets its queue. */
bool scenario_reset_device(struct scenario *s, unsigned int which);

/* Offers one chain and waits for it; -1 on any failure, else the bytes written. */
int64_t scenario_transfer(struct scenario *s, unsigned int which,
			  const struct vmsg_vq_buffer *buffers, size_t count);

/* One request to the disk with `size` bytes of the pool's data; the status byte, or -1. */
int scenario_block(struct scenario *s, uint32_t type, uint64_t sector, uint32_t size);

/* ---- hostile.c ---- */

/* What a device refuses before VERSION, on a running bus, and of a running disk. */
void hostile_before_negotiation(struct scenario *s);
void hostile_bus(struct scenario *s);
void hostile_disk(struct scenario *s);
/* What the partition manager refuses. */
void hostile_manager(struct scenario *s);

#endif
