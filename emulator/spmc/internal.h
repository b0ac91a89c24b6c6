/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the partition manager share: its objects, their states with the legal moves,
 * and the few functions that cross a file's edge. Nothing outside emulator/spmc includes this,
 * except unit tests of the page index.
 */
#ifndef VMSG_EMULATOR_SPMC_INTERNAL_H
#define VMSG_EMULATOR_SPMC_INTERNAL_H

#include "spmc/pages.h"
#include "spmc/policy.h"
#include "spmc/spmc.h"

/* Pages of each of RX and TX: one, which is what FFA_FEATURES advertises. */
#define SPMC_BUFFER_PAGES 1
#define SPMC_BUFFER_SIZE  ((size_t)SPMC_BUFFER_PAGES * VMSG_FFA_PAGE_SIZE)

struct borrower;
struct donation;
struct partition;
struct region;
struct vcpu;

/*
 * A direct request (or FFA_RUN) from the caller's side. Moves:
 *   FREE -> ACTIVE        sent; the caller's vCPU is blocked on it
 *   ACTIVE -> FREE        answered, or the target died (ABORTED)
 *   ACTIVE -> PREEMPTED   the time slice is over or the target yields; the caller got
 *                         FFA_INTERRUPT or FFA_YIELD
 *   PREEMPTED -> ACTIVE   the caller continues it with FFA_RUN
 *   PREEMPTED -> ANSWERED the answer came while nobody waited for it
 *   ANSWERED -> FREE      the caller collects it with FFA_RUN
 *   any -> FREE           the caller died
 */
enum request_state { REQUEST_FREE, REQUEST_ACTIVE, REQUEST_PREEMPTED, REQUEST_ANSWERED };

struct request {
	enum request_state state;
	uint32_t function_id;
	struct vcpu *caller;
	struct vcpu *target;
	uint64_t deadline_ns;    /* ACTIVE */
	struct request *earlier; /* ACTIVE: neighbours in the queue of time slices */
	struct request *later;
	struct vmsg_ffa_regs answer; /* ANSWERED */
};

/*
 * A vCPU. Moves:
 *   RUNNING -> WAITING    MSG_WAIT or a direct response with nothing pending
 *   WAITING -> RUNNING    a request, RUN or interrupt completes that call
 *   RUNNING -> BLOCKED    a direct request or RUN of another vCPU
 *   BLOCKED -> RUNNING    its answer, the end of its time slice, or the target's death
 *   RUNNING -> YIELDED    YIELD while it serves somebody
 *   YIELDED -> RUNNING    whom it serves continues with RUN, or dies
 */
enum vcpu_state { VCPU_RUNNING, VCPU_WAITING, VCPU_BLOCKED, VCPU_YIELDED };

/* Requests that one vCPU may have unfinished: one it waits for, the others preempted. */
#define SPMC_REQUESTS_MAX 8

struct vcpu {
	struct partition *partition;
	uint16_t index;
	enum vcpu_state state;
	/* Why its next wait ends at once: an interrupt of its own, a notification. */
	bool interrupt_pending;
	bool notification_pending;
	bool owes_sri; /* delayed until it gives its time back */
	/* Notifications of its own. */
	uint64_t from_sps_pending;
	uint64_t from_vms_pending;
	bool reported; /* by NOTIFICATION_INFO_GET */
	/* What it works on: from delivery to the answer. `request` is NULL once the caller is dead:
	 * the answer is then taken and dropped, so that the target notices nothing. */
	bool serving;
	uint32_t served_id;
	uint16_t served_source;
	struct request *request;
	bool told; /* it serves the manager's own message that a VM is gone */
	struct request requests[SPMC_REQUESTS_MAX];
};

/* Who may write RX: the manager while EMPTY, nobody while FULL (the partition reads it). */
enum rx_state { RX_EMPTY, RX_FULL };

struct buffers {
	bool mapped;
	enum rx_state rx_state;
	uint64_t tx_address;
	uint64_t rx_address;
	struct page_run tx_run;
	struct page_run rx_run;
};

/* What senders of one kind may signal to a receiver, and have signalled. */
struct notifications {
	uint64_t bound;
	uint64_t per_vcpu;   /* of them */
	uint64_t pending;    /* of the others */
	uint16_t sender[64]; /* of each bound bit */
};

/* A retrieve response of which fragments are still to be fetched; borrower NULL when there is none.
 * One per partition, as there is one RX: the next retrieval ends it. */
struct response {
	struct borrower *borrower; /* of a region that is in the store or retired */
	uint64_t offset;
	uint64_t total;
};

/* Unfinished fragmented sends of one partition; the next one makes the oldest give way. */
#define SPMC_SENDS_MAX 4

struct partition {
	struct spmc_partition_config config;
	bool started;
	uint32_t generation; /* of its process */
	uint32_t version;    /* negotiated; 0 = not yet */
	bool version_frozen; /* the first other call has ended the negotiation */
	bool version_closed; /* and there will never be one */
	bool has_bitmap;     /* may receive notifications; the physical instance asks for it */
	struct buffers buffers;
	struct vcpu *vcpus;
	uint64_t waiting;                       /* bit per vCPU in WAITING */
	struct region *regions;                 /* owned, in the store */
	struct region *sending[SPMC_SENDS_MAX]; /* sends whose fragments are still coming */
	uint32_t region_count;                  /* of both */
	uint32_t range_count;
	struct borrower *borrowed; /* held */
	uint32_t borrowed_count;
	struct response response;
	struct donation *donations; /* owned, but not from its own RAM */
	uint32_t donation_count;
	struct notifications from_sps;
	struct notifications from_vms;
	bool rx_full_spm; /* framework notifications */
	bool rx_full_hypervisor;
	uint64_t gone[(SPMC_PARTITIONS_MAX + 63) / 64]; /* VMs, by index, it is to be told of */
	bool npi_outstanding;
	bool reported; /* by NOTIFICATION_INFO_GET */
};

/* Regions, and ranges in them, that one partition may own. */
#define SPMC_REGIONS_MAX 16384u
#define SPMC_RANGES_MAX  (1u << 20)
/* Borrowers of one region. */
#define SPMC_BORROWERS_MAX  16u
#define SPMC_REGION_BUCKETS 16384u

/* One borrower of a region; `held` from retrieval to relinquishment, when it is in the list of what
 * its partition has borrowed. */
struct borrower {
	struct region *region;
	uint16_t partition;
	uint8_t permissions; /* offered by the owner */
	uint8_t implementation[16];
	bool held;
	bool writable;
	bool zero_after; /* if it dies */
	struct borrower *previous;
	struct borrower *next;
};

/* The partition, in this life of it, in whose RAM some memory lies: through it contents are
 * reached. The addresses of a dead one may be somebody else's by now. */
struct home {
	struct partition *partition;
	uint32_t generation;
};

/* Pages that a partition owns, consecutive in one bank. */
struct owned {
	struct spmc_page page;
	uint32_t count;
	enum spmc_access access;
	struct home home;
};

/* Pages of a region, in the page index while it exists. */
struct claim {
	struct page_run run;
	uint64_t address;
	struct home home;
};

/*
 * Memory that one partition has made available to others. `owner` is NULL once that partition is
 * dead: the region then lives, without being retrievable, until its last borrower lets go.
 */
struct region {
	uint64_t handle;
	bool is_named; /* has a handle */
	struct partition *owner;
	uint16_t owner_id;
	uint16_t attributes;
	uint32_t flags; /* of the send, with the type */
	uint64_t tag;
	uint32_t access_size;    /* of the descriptor's entries */
	uint32_t head_size;      /* of the descriptor, before its ranges */
	uint32_t range_capacity; /* ranges that the send announced */
	enum spmc_access access; /* to every page of it */
	struct borrower *borrowers;
	uint32_t borrower_count;
	uint32_t held_count;
	struct vmsg_ffa_range *ranges;
	uint32_t range_count; /* that have come; all of them in the store */
	uint32_t page_count;
	struct claim *claims; /* identity of its pages */
	uint32_t claim_count;
	bool retired; /* donated and retrieved: the handle is gone, the rest is still being told */
	struct region *bucket_next;
	struct region *previous; /* of the same owner */
	struct region *next;
};

/* Regions in the whole system under a policy that gives handles again. */
#define SPMC_REUSED_HANDLES_MAX 128u

struct spmc {
	const struct spmc_policy *policy;
	/* What the policy says to a call of a VM or SP, in its SMC32 or SMC64 form. */
	int8_t missing[2][2][UINT8_MAX + 1];
	uint32_t version;
	uint64_t time_slice_ns;
	const struct spmc_memory_ops *memory;
	void *memory_context;
	uint64_t now_ns;
	bool has_scheduler;
	uint16_t scheduler; /* the physical normal world, or the VM that was named */
	bool sri_outstanding;

	struct partition *partitions[SPMC_PARTITIONS_MAX];
	size_t partition_count;
	uint16_t index_of_id[UINT16_MAX + 1]; /* index + 1, 0 = none */

	uint16_t list_tag;    /* of the list of started partitions */
	bool list_tag_is_out; /* somebody holds it: the next change needs a new one */

	struct request *slice_first; /* time slices in the order of their end */
	struct request *slice_last;

	struct region *buckets[SPMC_REGION_BUCKETS];
	uint64_t last_handle;
	uint64_t handles_in_use[SPMC_REUSED_HANDLES_MAX / 64]; /* where they are given again */
	uint32_t region_count;
	struct region *retiring; /* freed with the next call */
	struct page_index pages; /* of all regions and RX/TX buffers */
	struct page_index donated_pages;
	struct page_index donated_addresses;

	struct spmc_delivery *deliveries; /* ring */
	size_t delivery_capacity;
	size_t delivery_first;
	size_t delivery_count;

	uint8_t scratch[SPMC_BUFFER_SIZE]; /* snapshot of TX, or what is about to go to RX */
	uint8_t message[SPMC_BUFFER_SIZE]; /* a message rewritten for its receiver */
	size_t sent_size;                  /* of the message of this call, in scratch */
};

/* A call: `regs` is request (SMC32 already truncated) and reply. */
typedef enum spmc_result call_handler(struct spmc *spmc, struct vcpu *vcpu,
				      struct vmsg_ffa_regs *regs);

/* Reads the first `size` bytes of TX into the scratch buffer, once; false without buffers. */
bool spmc_snapshot_tx(struct spmc *spmc, const struct partition *partition, size_t size);
/* At a virtual instance a partition is named by nobody (0) or by itself. */
bool spmc_names_self(const struct partition *partition, uint64_t id);

/* Helpers of handlers: fill `regs`, return SPMC_REPLIED. */
enum spmc_result spmc_error(struct vmsg_ffa_regs *regs, enum vmsg_ffa_status status);
enum spmc_result spmc_success(struct vmsg_ffa_regs *regs);

/* The partition with this id if it is started, else NULL. */
struct partition *spmc_find(const struct spmc *spmc, uint16_t id);
bool spmc_is_secure(uint16_t id);
/* The normal world of a system without hypervisor: no partition, so nobody discovers it. */
bool spmc_is_physical(const struct partition *partition);
/* Declared, started or not, or NULL. */
struct partition *spmc_find_declared(const struct spmc *spmc, uint16_t id);
/* The partition has a service of this UUID; nil is anybody's. */
bool spmc_has_uuid(const struct partition *partition, const struct vmsg_ffa_uuid *uuid);
/* Properties of the service behind UUID `index`; and of all that have a UUID, nil's being the
 * partition's own. */
uint32_t spmc_service_properties(const struct spmc_partition_config *config, uint32_t index);
uint32_t spmc_uuid_properties(const struct partition *partition, const struct vmsg_ffa_uuid *uuid);
/* Highest version that this partition may negotiate. */
uint32_t spmc_own_version(const struct spmc *spmc, const struct partition *partition);

/* Appends a delivery; room for everything that can be outstanding was reserved. */
void spmc_deliver(struct spmc *spmc, const struct spmc_delivery *delivery);
/* Completes the call that `vcpu` has outstanding: it runs again. */
void spmc_return(struct spmc *spmc, struct vcpu *vcpu, const struct vmsg_ffa_regs *regs);

/* buffers.c: RX is there and the manager may write it; write it and give it to the partition; unmap
 * whatever its state (death). */
bool spmc_rx_is_free(const struct partition *partition);
bool spmc_rx_fill(struct spmc *spmc, struct partition *partition, const void *bytes, size_t size);
void spmc_rx_release(struct partition *partition);
void spmc_buffers_drop(struct spmc *spmc, struct partition *partition);
call_handler spmc_call_rxtx_map, spmc_call_rxtx_unmap, spmc_call_rx_release, spmc_call_rx_acquire;

/* console.c */
call_handler spmc_call_console_log;

/* discovery.c */
call_handler spmc_call_partition_info_get, spmc_call_partition_info_get_regs;

/* direct.c: what a partition's death ends; see also spmc_tick() and spmc_raise(). */
void spmc_direct_stop(struct spmc *spmc, struct partition *partition);
/* Tells those who want to know that a VM is gone, each before anything else can reach it. */
void spmc_tell_death(struct spmc *spmc, const struct partition *vm);
call_handler spmc_call_msg_wait, spmc_call_yield, spmc_call_run, spmc_call_direct_request,
	spmc_call_direct_response;

/* A notification ends the wait of its vCPU, or of any (NULL). A running secure partition finds it
 * at its next wait; a VM that runs has its NPI. GET takes back what no wait has found. */
void spmc_wake(struct spmc *spmc, struct partition *partition, struct vcpu *vcpu);
void spmc_forget_wake(struct vcpu *vcpu);

/* notify.c */
void spmc_notify(struct spmc *spmc, struct vcpu *sender, struct partition *receiver,
		 struct vcpu *own, bool delay_sri);
void spmc_signal_scheduler(struct spmc *spmc);
/* May ask who has notifications: the scheduler, or any VM where there is none. */
bool spmc_is_scheduler(const struct spmc *spmc, const struct partition *partition);
/* Flags of NOTIFICATION_SET and MSG_SEND2: only secure partitions may delay SRI. */
bool spmc_delay_sri_is_ok(const struct partition *sender, uint32_t flags);
void spmc_notifications_stop(struct spmc *spmc, struct partition *partition);
/* May make and take away its own bitmap. */
bool spmc_has_bitmap_calls(const struct spmc *spmc, const struct partition *partition);
call_handler spmc_call_notification_bitmap_create, spmc_call_notification_bitmap_destroy;
call_handler spmc_call_notification_bind, spmc_call_notification_unbind, spmc_call_notification_set,
	spmc_call_notification_get, spmc_call_notification_info_get;

/* indirect.c */
call_handler spmc_call_msg_send2;

/* region.c: the store of regions. */
struct region *spmc_region_find(const struct spmc *spmc, uint64_t handle);
/* A region of `owner` outside the store, with room for what was announced; NULL when that exceeds
 * the owner's limits or memory. */
struct region *spmc_region_create(struct spmc *spmc, struct partition *owner,
				  uint32_t borrower_count, uint32_t range_count);
/* Gives it a handle if it has none. */
void spmc_region_name(struct spmc *spmc, struct region *region);
/* Puts a complete region into the store and its owner's list. */
void spmc_region_add(struct spmc *spmc, struct region *region);
/* Takes it out of both, frees its pages and the region. */
void spmc_region_remove(struct spmc *spmc, struct region *region);
/* Frees one that is not in the store. */
void spmc_region_free(struct spmc *spmc, struct region *region);
struct borrower *spmc_region_borrower(struct region *region, uint16_t partition);
/* Identifies and claims the pages of a region that is not yet in the store: DENIED, INVALID,
 * NO_MEMORY or OK. */
enum vmsg_ffa_status spmc_region_claim(struct spmc *spmc, struct region *region);
void spmc_borrow(struct partition *partition, struct borrower *borrower);
/* Takes what was borrowed back; the last one frees a region whose owner is dead. */
void spmc_unborrow(struct spmc *spmc, struct partition *partition, struct borrower *borrower);
/* Zeroes the region; what cannot be reached any more matters only while it has an owner. */
bool spmc_region_zero(struct spmc *spmc, const struct region *region);
void spmc_regions_stop(struct spmc *spmc, struct partition *partition);

/* A region whose donation is complete leaves its owner and frees its pages; it lives on until the
 * response about it has been fetched and the next call is made. */
void spmc_region_retire(struct spmc *spmc, struct region *region);
void spmc_free_retiring(struct spmc *spmc);
void spmc_response_end(struct spmc *spmc, struct partition *partition);

/* ownership.c: pages from `address` on that `partition` owns, at most `pages` of them; false if it
 * does not own the first. Zeroing through their home. */
bool spmc_own_pages(struct spmc *spmc, struct partition *partition, uint64_t address,
		    uint32_t pages, struct owned *owned);
bool spmc_zero_pages(struct spmc *spmc, const struct claim *claim);
/* The claims of `region` become the receiver's; with the spares for that, this cannot fail. */
bool spmc_alloc_spares(const struct partition *receiver, uint32_t run_count,
		       struct donation **spares);
void spmc_free_spares(struct donation *spares);
void spmc_transfer(struct spmc *spmc, struct partition *receiver, const struct region *region,
		   struct donation **spares);
void spmc_ownership_stop(struct spmc *spmc, struct partition *partition);

/* send.c, retrieve.c */
call_handler spmc_call_mem_send, spmc_call_mem_frag_tx;
call_handler spmc_call_mem_retrieve, spmc_call_mem_frag_rx, spmc_call_mem_relinquish,
	spmc_call_mem_reclaim;
void spmc_sends_stop(struct spmc *spmc, struct partition *partition);
/* Version's sizes of an endpoint memory access descriptor that it may use. */
bool spmc_access_size_is_ok(const struct partition *partition, uint32_t access_size);

#endif
