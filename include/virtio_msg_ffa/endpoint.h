/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An FF-A endpoint over a conduit: the one blocking piece of the library, since an SMC is
 * synchronous. Version, features, RX/TX, discovery, direct and indirect messages, notifications,
 * sharing and retrieving memory. No virtio-msg knowledge.
 */
#ifndef VIRTIO_MSG_FFA_ENDPOINT_H
#define VIRTIO_MSG_FFA_ENDPOINT_H

#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/ffa.h"
#include "virtio_msg_ffa/ffa_memory.h"
#include "virtio_msg_ffa/memory.h"

VMSG_BEGIN_DECLS

/*
 * What a port provides. Three exist: an SMC instruction, the emulator's socket (emulator.h) and the
 * partition manager in the same process.
 */
struct vmsg_conduit {
	/* One FF-A call: registers in, registers out. Blocks until the manager answers. A broken
	 * conduit answers FFA_ERROR ABORTED. */
	void (*call)(void *context, struct vmsg_ffa_regs *regs);
	/* Makes the retrieved region `handle` (ranges of the physical map, in order) accessible.
	 * Fills at most `capacity` segments and returns their number, or < 0. */
	int (*map)(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
		   size_t range_count, bool writable, struct vmsg_segment *segments,
		   size_t capacity);
	/* Undoes map. */
	void (*unmap)(void *context, uint64_t handle);
	/* Monotonic time in nanoseconds. */
	uint64_t (*now)(void *context);
	/* True when the notification pending interrupt (NPI) has arrived since this was last asked.
	 * NULL: nobody can tell; then the manager itself is asked, which costs a call. */
	bool (*is_interrupted)(void *context);
	/* Has a FFA_MSG_WAIT that blocks return FFA_INTERRUPT at `deadline_ns`; UINT64_MAX: never.
	 * NULL: there is no timer, and what is due is done when something else ends the wait. */
	void (*set_alarm)(void *context, uint64_t deadline_ns);
	void *context;
};

/* RX or TX buffer: our pointer and its address in the physical map. */
struct vmsg_buffer {
	uint8_t *data;
	uint64_t address;
};

/* One message that came by FFA_MSG_SEND2. */
struct vmsg_indirect {
	uint16_t source;
	uint16_t size;
	struct vmsg_ffa_uuid uuid; /* nil at FF-A 1.1 */
	uint8_t payload[VMSG_FRAME_SIZE_MAX];
};

/* Where indirect messages of one peer (or of all whom no other mailbox is for) wait to be read. The
 * caller's; fields are private to the endpoint unless a comment says "read". */
struct vmsg_mailbox {
	struct vmsg_mailbox *next;
	uint16_t peer;
	uint16_t first;
	uint16_t count;   /* read: messages that wait */
	uint64_t dropped; /* read: came while it was full, or were no message */
	struct vmsg_indirect messages[VMSG_MAILBOX_SIZE];
};

#define VMSG_MAILBOX_ANY_PEER 0xFFFFu /* no partition has this id */

/* Where the answer to a direct message goes that comes after its deadline. */
struct vmsg_late {
	bool full;
	uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
};

struct vmsg_endpoint {
	struct vmsg_conduit conduit;
	struct vmsg_buffer tx;
	struct vmsg_buffer rx;
	uint32_t buffer_size; /* bytes of each of RX and TX */
	uint32_t ffa_version; /* negotiated */
	uint16_t id;
	bool pending;           /* a direct request timed out and its answer is still owed */
	uint32_t pending_vcpu;  /* ... by this one: partition << 16 | vCPU, as FFA_RUN wants it */
	struct vmsg_late *late; /* ... and goes here; NULL: it is dropped */
	int32_t status;       /* FF-A status of the last call that failed with PEER, for reports; 0:
			       * the manager's answer was none that the call can have */
	uint64_t calls;       /* FF-A calls made */
	uint64_t notified[2]; /* notifications not yet taken: from VMs, from secure partitions */
	struct vmsg_mailbox *mailboxes;
	struct vmsg_ffa_range ranges[VMSG_REGION_RANGES_MAX]; /* of the region being retrieved */
};

/*
 * Negotiates FF-A 1.2 (or what the manager has, at least 1.1), asks for the id and maps RX/TX of
 * `pages` 4 KiB pages each (0 pages: no buffers). PEER with endpoint->status when the manager
 * refuses, REVISION when its version is unusable.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_init(struct vmsg_endpoint *endpoint,
						   const struct vmsg_conduit *conduit,
						   struct vmsg_buffer tx, struct vmsg_buffer rx,
						   uint32_t pages);

/* Unmaps RX/TX. */
VMSG_EXPORT void vmsg_endpoint_close(struct vmsg_endpoint *endpoint);

/* FFA_FEATURES for a function or feature id: 1 supported, 0 not; properties may be NULL. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_feature(struct vmsg_endpoint *endpoint, uint32_t id,
						      uint32_t input, uint32_t properties[2]);

/*
 * Partitions that offer `uuid` (NULL: all), by FFA_PARTITION_INFO_GET_REGS, or PARTITION_INFO_GET
 * and RX where the manager has no such call. Returns their number (which may exceed `capacity`;
 * only `capacity` are filled); 0 when there is none. Restarts when the list changes (RETRY), at
 * most 8 times, then AGAIN.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_discover(struct vmsg_endpoint *endpoint,
						       const struct vmsg_ffa_uuid *uuid,
						       struct vmsg_ffa_partition_info *infos,
						       size_t capacity);

/*
 * FFA_MSG_SEND_DIRECT_REQ2 to `destination`, waiting for its RESP2; FFA_INTERRUPT and FFA_YIELD are
 * continued with FFA_RUN until `deadline_ns` of the conduit's clock. `answer` receives x4..x17.
 *
 * TIMEOUT when the deadline passes: the answer is still owed, and the next direct message first
 * collects it, to be dropped unless vmsg_endpoint_keep_late() was called meanwhile (AGAIN, with
 * nothing sent, if it has not come by its own deadline). AGAIN
 * when the target is busy; RANGE for more than 112 bytes; PEER with endpoint->status for any other
 * refusal (ABORTED: it died).
 */
VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_endpoint_send_direct2(struct vmsg_endpoint *endpoint, uint16_t destination,
			   const struct vmsg_ffa_uuid *uuid, struct vmsg_bytes payload,
			   uint64_t deadline_ns, uint8_t answer[VMSG_FFA_DIRECT2_PAYLOAD_SIZE]);

/* After TIMEOUT: the answer that is owed is to be put into `late`, which must stay until it is full
 * or vmsg_endpoint_drop_late(). Whoever sends the next direct message collects it. */
VMSG_EXPORT void vmsg_endpoint_keep_late(struct vmsg_endpoint *endpoint, struct vmsg_late *late);
VMSG_EXPORT void vmsg_endpoint_drop_late(struct vmsg_endpoint *endpoint,
					 const struct vmsg_late *late);

/*
 * FFA_MSG_SEND2 of `payload` to `destination`. AGAIN while the receiver has not read its last
 * message; RANGE when it exceeds TX, STATE without buffers; PEER with endpoint->status.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_send_indirect(struct vmsg_endpoint *endpoint,
							    uint16_t destination,
							    const struct vmsg_ffa_uuid *uuid,
							    struct vmsg_bytes payload);

/* Messages of `peer` (VMSG_MAILBOX_ANY_PEER: of whom no other mailbox is for) go into `mailbox`,
 * which must stay until it is closed. Opening an open one, or closing one that is not, changes
 * nothing. */
VMSG_EXPORT void vmsg_endpoint_open_mailbox(struct vmsg_endpoint *endpoint,
					    struct vmsg_mailbox *mailbox, uint16_t peer);
VMSG_EXPORT void vmsg_endpoint_close_mailbox(struct vmsg_endpoint *endpoint,
					     struct vmsg_mailbox *mailbox);

/* The oldest message that waits, NULL when there is none; and the end of its use. */
VMSG_EXPORT const struct vmsg_indirect *vmsg_mailbox_peek(const struct vmsg_mailbox *mailbox);
VMSG_EXPORT void vmsg_mailbox_pop(struct vmsg_mailbox *mailbox);

/* Has something arrived that vmsg_endpoint_collect() would find? True when nobody can tell. */
VMSG_EXPORT bool vmsg_endpoint_is_interrupted(const struct vmsg_endpoint *endpoint);

/*
 * FFA_NOTIFICATION_GET: notes which notifications have come, and moves a message that RX holds to
 * its mailbox. RX is free afterwards: a message that finds no room is dropped and counted. PEER
 * with endpoint->status.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_collect(struct vmsg_endpoint *endpoint);

/* Whether `sender` has raised notification `id` (0..63) since it was last taken. */
VMSG_EXPORT bool vmsg_endpoint_take_notification(struct vmsg_endpoint *endpoint, uint16_t sender,
						 uint16_t id);

/* Makes room for our notifications where the manager wants to be asked for it (a normal world
 * without hypervisor). PEER with endpoint->status when there are none. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_enable_notifications(struct vmsg_endpoint *endpoint,
								   uint32_t vcpu_count);

/* Lets `sender` raise our notification `id` (0..63), or no longer. Global, not per vCPU. PEER with
 * endpoint->status (DENIED: somebody may already; it is pending). RANGE. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_bind(struct vmsg_endpoint *endpoint, uint16_t sender,
						   uint16_t id);
/* The same for a notification that may be left from an earlier session with the same sender: it is
 * not pending afterwards. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_bind_anew(struct vmsg_endpoint *endpoint,
							uint16_t sender, uint16_t id);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_unbind(struct vmsg_endpoint *endpoint,
						     uint16_t sender, uint16_t id);

/* Raises notification `id` of `receiver`. AGAIN when the manager is busy; PEER; RANGE. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_notify(struct vmsg_endpoint *endpoint,
						     uint16_t receiver, uint16_t id);

/* FFA_RUN of `target`'s first vCPU, for a partition that schedules others: until it waits again,
 * yields, or is interrupted. AGAIN when it runs elsewhere; PEER. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_run(struct vmsg_endpoint *endpoint, uint16_t target);

/* What woke a waiting endpoint. */
enum vmsg_wake {
	VMSG_WAKE_DIRECT2,      /* a direct request: source, uuid, payload */
	VMSG_WAKE_DIRECT,       /* one of the first generation, which carries no virtio-msg */
	VMSG_WAKE_VM_DESTROYED, /* framework message: VM `vm` is gone */
	VMSG_WAKE_INTERRUPT,
	VMSG_WAKE_RUN,
};

struct vmsg_incoming {
	enum vmsg_wake wake;
	bool is_64; /* DIRECT: by the 64-bit call */
	uint16_t source;
	uint16_t vm;
	struct vmsg_ffa_uuid uuid;
	uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];
};

/*
 * Device side, split so that it works where the wait is somebody else's (the in-process manager, an
 * event loop): prepare the call that waits or answers, and read what it returned.
 */
VMSG_EXPORT void vmsg_endpoint_prepare_wait(const struct vmsg_endpoint *endpoint,
					    struct vmsg_ffa_regs *regs);
/* PEER with endpoint->status when the call returned FFA_ERROR; BAD_HEADER for a call we do not
 * serve. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_incoming(struct vmsg_endpoint *endpoint,
						       const struct vmsg_ffa_regs *regs,
						       struct vmsg_incoming *incoming);
/* The call that ends what woke us: RESP2 with `payload`; an empty response to a first-generation
 * request; the acknowledgement of a framework message; FFA_MSG_WAIT where no answer is due. RANGE
 * when the payload exceeds 112 bytes. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_prepare_answer(const struct vmsg_endpoint *endpoint,
							     const struct vmsg_incoming *incoming,
							     struct vmsg_bytes payload,
							     struct vmsg_ffa_regs *regs);

/*
 * FFA_MEM_SHARE of `ranges` to `borrower`, read-write or read-only, fragmented when the descriptor
 * exceeds the TX buffer. PEER with endpoint->status; on success `*handle`.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_share(struct vmsg_endpoint *endpoint,
						    uint16_t borrower, uint64_t tag, bool writable,
						    const struct vmsg_ffa_range *ranges,
						    size_t range_count, uint64_t *handle);

/* FFA_MEM_RECLAIM. AGAIN while a borrower still holds it (DENIED), PEER otherwise. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_reclaim(struct vmsg_endpoint *endpoint,
						      uint64_t handle);

/* What a borrower asks for. */
struct vmsg_region {
	uint16_t owner;
	uint64_t handle;
	uint64_t tag;
	uint32_t pages; /* 4 KiB pages that it must have */
	bool writable;
	bool lent; /* by FFA_MEM_LEND rather than FFA_MEM_SHARE */
};

/*
 * FFA_MEM_RETRIEVE_REQ of `region`, then conduit.map. Returns the number of segments. PEER with
 * endpoint->status; RANGE when the region has not the pages it should; NO_SPACE when it is in more
 * pieces than VMSG_REGION_RANGES_MAX or `capacity`; what conduit.map returned. After any of them
 * the region has been relinquished again.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_retrieve(struct vmsg_endpoint *endpoint,
						       const struct vmsg_region *region,
						       struct vmsg_segment *segments,
						       size_t capacity);

/* conduit.unmap, then FFA_MEM_RELINQUISH. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_endpoint_relinquish(struct vmsg_endpoint *endpoint,
							 uint64_t handle);

VMSG_END_DECLS

#endif
