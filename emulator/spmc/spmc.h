/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FF-A partition manager (SPMC and hypervisor relayer in one), sans-I/O: a call goes in, a
 * reply or "blocked" and a list of deliveries come out. It knows FF-A and nothing of virtio-msg,
 * sockets or clocks; RAM is seen through a small seam. Hosted C: it allocates.
 *
 * Contract: one struct spmc, one thread. A partition's registers are the caller's; deliveries are
 * pulled until spmc_next() returns false after every call, tick, start, stop and raise.
 */
#ifndef VMSG_EMULATOR_SPMC_H
#define VMSG_EMULATOR_SPMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio_msg_ffa/ffa.h"
#include "virtio_msg_ffa/ffa_memory.h"

#define SPMC_UUIDS_MAX      8
#define SPMC_PARTITIONS_MAX 250
#define SPMC_VCPUS_MAX      64
#define SPMC_TIME_SLICE_NS  10000000ull /* default: 10 ms */

/* What the manager needs to know about a partition before it runs. */
struct spmc_partition_config {
	char name[32];
	uint16_t id;
	uint16_t vcpu_count;
	uint32_t properties;
	uint32_t ffa_version; /* highest that the partition may negotiate; 0 = the manager's */
	uint32_t uuid_count;
	struct vmsg_ffa_uuid uuids[SPMC_UUIDS_MAX];
	/* Of the messaging bits of `properties`, those of the service behind each UUID; 0 = all. */
	uint32_t messaging[SPMC_UUIDS_MAX];
	struct vmsg_ffa_uuid image_uuid; /* told to partitions at FF-A 1.3 */
};

/* Identity of a page of RAM: two addresses with the same identity are the same memory. */
struct spmc_page {
	uint64_t bank; /* backing object, unique in the system */
	uint64_t page; /* index of the 4 KiB page in it */
};

/* Who can write some memory, from nobody on. */
enum spmc_access {
	SPMC_READ_ONLY,
	SPMC_OWNER_WRITES, /* its owner, but nobody who borrows it or gets it */
	SPMC_WRITABLE,
};

/* The seam to RAM. Addresses are of the one physical map. Each returns 0, or -1 when any byte of
 * the range is outside the banks of `partition`. */
struct spmc_memory_ops {
	int (*read)(void *context, uint16_t partition, uint64_t address, void *to, size_t size);
	int (*write)(void *context, uint16_t partition, uint64_t address, const void *from,
		     size_t size);
	int (*zero)(void *context, uint16_t partition, uint64_t address, uint64_t size);
	/* Identity of the page at `address`, how many pages from there on are consecutive in the
	 * same bank (at most `pages`), and who can write them. */
	int (*identify)(void *context, uint16_t partition, uint64_t address, uint32_t pages,
			struct spmc_page *page, uint32_t *run, enum spmc_access *access);
};

/* How to behave where partition managers differ: docs/policies.md. */
struct spmc_policy;
/* By name: "emulator", "hafnium", "tf-a", "xen", "acs", "strict"; NULL if there is none. */
const struct spmc_policy *spmc_policy_find(const char *name);
/* The FF-A version it has unless another is chosen; NULL = the emulator's own. */
uint32_t spmc_policy_version(const struct spmc_policy *policy);
/* Whether its normal world is one physical instance, with id 0. */
bool spmc_policy_is_physical(const struct spmc_policy *policy);

struct spmc_options {
	const struct spmc_policy *policy; /* NULL = the emulator's own choices */
	uint32_t ffa_version;             /* 1.1 to 1.3, 0 = 1.2 */
	uint64_t time_slice_ns;           /* 0 = SPMC_TIME_SLICE_NS, UINT64_MAX = none */
	/* VM that schedules the secure partitions: it gets SRI when a notification is pending for
	 * one, which waits until it is run. 0: a notification ends the wait of a secure partition.
	 */
	uint16_t scheduler;
	const struct spmc_memory_ops *memory;
	void *memory_context;
};

/* What the owner of the sockets must do. */
enum spmc_delivery_kind {
	SPMC_RETURN,    /* the call that vCPU has outstanding completes with `regs` */
	SPMC_INTERRUPT, /* `interrupt` (NPI, SRI) becomes pending for the partition; once until its
			 * NOTIFICATION_GET or INFO_GET */
	SPMC_GRANT,     /* hand `handle`'s memory to the partition before its RETURN is sent */
	SPMC_REVOKE,    /* the partition no longer holds `handle` */
	SPMC_CONSOLE,   /* the partition logs what spmc_console_text() finds in `regs` */
};

struct spmc_delivery {
	enum spmc_delivery_kind kind;
	uint16_t partition;
	uint16_t vcpu;
	uint32_t interrupt;
	uint64_t handle;
	bool writable; /* GRANT */
	struct vmsg_ffa_regs regs;
};

enum spmc_result {
	SPMC_REPLIED, /* `regs` holds the reply */
	SPMC_BLOCKED, /* a SPMC_RETURN for this vCPU comes later */
	SPMC_REFUSED, /* not a call: partition not started, vCPU unknown or already has one
			 outstanding */
};

struct spmc;

/* NULL when out of memory. `options->memory` must outlive it. */
struct spmc *spmc_create(const struct spmc_options *options);
void spmc_destroy(struct spmc *spmc);

/* Declares a partition. -1 with `*why` set (constant text) when the id is taken or out of range. */
int spmc_add_partition(struct spmc *spmc, const struct spmc_partition_config *config,
		       const char **why);

/* The partition runs (its process has connected) or has died. Stop answers every waiter ABORTED,
 * relinquishes what it borrowed, and keeps what it shared until its borrowers let go. */
int spmc_start(struct spmc *spmc, uint16_t id);
void spmc_stop(struct spmc *spmc, uint16_t id);

/* One FF-A call of a vCPU. `regs` is request and reply. */
enum spmc_result spmc_call(struct spmc *spmc, uint16_t id, uint16_t vcpu_index, uint64_t now_ns,
			   struct vmsg_ffa_regs *regs);

/*
 * A successful FFA_MEM_RETRIEVE_REQ is SPMC_BLOCKED, too: its SPMC_GRANT comes before its
 * SPMC_RETURN. The dead partition itself gets no deliveries when it is stopped.
 */

/* The partition interrupts itself (asynchronous work of its own): completes MSG_WAIT of that vCPU
 * with FFA_INTERRUPT, or stays pending (one bit) until the running call returns. */
void spmc_raise(struct spmc *spmc, uint16_t id, uint16_t vcpu_index);

/* Pulls the next delivery; false when there is none. */
bool spmc_next(struct spmc *spmc, struct spmc_delivery *delivery);

/* Text of a SPMC_CONSOLE delivery: as the partition wrote it, any byte, not terminated. */
#define SPMC_CONSOLE_TEXT_MAX 128
size_t spmc_console_text(const struct spmc_delivery *delivery, uint8_t text[SPMC_CONSOLE_TEXT_MAX]);

/* What the last FFA_MSG_SEND2 has read from its sender's TX buffer, header and payload, whether or
 * not it was delivered; empty when its header was bad. Valid until the next call. */
struct vmsg_bytes spmc_sent_message(const struct spmc *spmc);

/* Next time at which spmc_tick() has something to do (end of a time slice); UINT64_MAX = none. */
uint64_t spmc_deadline(const struct spmc *spmc);
void spmc_tick(struct spmc *spmc, uint64_t now_ns);

/* Constituents of a live region, for building a grant: number of ranges, and range `index`. */
uint32_t spmc_region_range_count(const struct spmc *spmc, uint64_t handle);
bool spmc_region_range(const struct spmc *spmc, uint64_t handle, uint32_t index,
		       struct vmsg_ffa_range *range);
uint16_t spmc_region_owner(const struct spmc *spmc, uint64_t handle);

/* True while any live region, mapped RX/TX pair or borrower refers to pages of this backing object:
 * the owner of the sockets must keep it mapped that long. */
bool spmc_bank_in_use(const struct spmc *spmc, uint64_t bank);

/* For listings and tests. */
struct spmc_partition_state {
	const struct spmc_partition_config *config;
	bool started;
	uint32_t ffa_version; /* negotiated; 0 = not yet */
	uint32_t regions_owned;
	uint32_t regions_borrowed;
	uint32_t waiting; /* vCPUs: for work */
	uint32_t blocked; /* on somebody's answer */
	uint32_t yielded; /* until they are run again; all others run */
	bool has_buffers; /* RX and TX are mapped */
	bool rx_full;
	bool notified; /* something is pending that it has not got */
};
size_t spmc_partition_count(const struct spmc *spmc);
void spmc_partition_state(const struct spmc *spmc, size_t index,
			  struct spmc_partition_state *state);

#endif
