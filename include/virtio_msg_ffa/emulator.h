/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosted: connects a process to vmsg-ffa-emu as a partition (libvmsg-ffa-emu), or runs the
 * partition manager inside the process. Needs an operating system; the rest of the library does
 * not.
 */
#ifndef VIRTIO_MSG_FFA_EMULATOR_H
#define VIRTIO_MSG_FFA_EMULATOR_H

#include "virtio_msg_ffa/endpoint.h"

VMSG_BEGIN_DECLS

#define VMSG_EMU_BANKS_MAX 64

/* Who can write a bank; the kernel sees to it (F_SEAL_FUTURE_WRITE). */
enum vmsg_emu_bank_access {
	VMSG_EMU_BANK_SHARED, /* its owner, and borrowers that have been given writing */
	VMSG_EMU_BANK_OWNED,  /* its owner: it can be shared, lent and donated for reading only */
	VMSG_EMU_BANK_ROM,    /* nobody: zeros */
};

/* One RAM bank: memory of the partition, visible to the manager and, page by page as it is shared,
 * to others. Pages that have been lent or donated are out of reach until they are reclaimed: an
 * access faults. */
struct vmsg_emu_bank {
	uint64_t size; /* bytes, multiple of 4096 */
	enum vmsg_emu_bank_access access;
	uint64_t address; /* wanted address in the physical map, 0 = any; filled on return */
	uint8_t *data;    /* filled on return; valid until close */
};

struct vmsg_emu_options {
	const char *socket_path;     /* NULL: the default path of vmsg_emu_default_path() */
	uint16_t id;                 /* wanted identity, 0 = the first free of `secure` */
	bool secure;                 /* with id 0: a secure partition rather than a VM */
	uint16_t vcpu;               /* vCPU that this connection drives through the conduit */
	struct vmsg_emu_bank *banks; /* in and out */
	size_t bank_count;
	bool control;     /* takes requests of control clients, below */
	bool banks_later; /* vmsg_emu_add_bank() and vmsg_emu_remove_bank() may be used */
	/* Partition `id` is connected already, and this connection drives its vCPU `vcpu`, so that
	 * each vCPU can have a thread of its own; without banks and control. The end of any of its
	 * connections is the end of the partition. */
	bool join;
	/* Own RAM, and memory that is mapped through the conduit, lies where it is in the physical
	 * map, as firmware with an identity map expects. NO_SPACE where the process has something
	 * else there. */
	bool flat;
};

struct vmsg_emu;

/* $VMSG_FFA_EMU_SOCKET, or $XDG_RUNTIME_DIR/vmsg-ffa-emu.sock, or /tmp/vmsg-ffa-emu-UID/sock. The
 * text lands in `path`; NO_SPACE if it does not fit. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_default_path(char *path, size_t size);

/*
 * Connects and says hello. On failure returns an error and, if `why` is not NULL, one line of text
 * in `why` (at most why_size bytes): PEER when the manager refused, NOT_FOUND when nothing listens.
 * Free with vmsg_emu_close().
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_connect(struct vmsg_emu **emu,
						 struct vmsg_emu_options *options, char *why,
						 size_t why_size);
VMSG_EXPORT void vmsg_emu_close(struct vmsg_emu *emu);

VMSG_EXPORT uint16_t vmsg_emu_id(const struct vmsg_emu *emu);

/* True once the manager has gone away; every call then answers ABORTED. */
VMSG_EXPORT bool vmsg_emu_is_lost(const struct vmsg_emu *emu);

/* Why, in one line: what the manager said last, or what it did wrong. "" while it is there. */
VMSG_EXPORT const char *vmsg_emu_lost_reason(const struct vmsg_emu *emu);

/* Conduit for vmsg_endpoint_init(): valid until close. Its calls block. */
VMSG_EXPORT struct vmsg_conduit vmsg_emu_conduit(struct vmsg_emu *emu);

/*
 * For event loops: starts a call without waiting; `fd` of vmsg_emu_fd() becomes readable when
 * something arrived; finish returns 1 with the reply in `regs`, 0 when it has not come yet, < 0
 * when the manager is gone. One call may be outstanding.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_start(struct vmsg_emu *emu,
					       const struct vmsg_ffa_regs *regs);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_finish(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs);
VMSG_EXPORT int vmsg_emu_fd(const struct vmsg_emu *emu);

/* Waits, without a call outstanding, until something has arrived (an interrupt, as a rule) or the
 * time is up: 1 or 0. */
VMSG_EXPORT int vmsg_emu_wait(struct vmsg_emu *emu, uint64_t timeout_ns);

/*
 * The same for partitions that drive many vCPUs over one connection, with one system call for many
 * calls. Start: one call for each of `count` different vCPUs; RANGE for a vCPU that the partition
 * does not have, STATE for one with a call outstanding (then none is started), PEER when the
 * manager is gone. Finish: calls that have returned, at most `capacity`; their number, 0 when none
 * has.
 */
struct vmsg_emu_call {
	uint16_t vcpu;
	struct vmsg_ffa_regs regs;
};
VMSG_EXPORT VMSG_MUST_CHECK int
vmsg_emu_start_many(struct vmsg_emu *emu, const struct vmsg_emu_call *calls, size_t count);
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_finish_many(struct vmsg_emu *emu,
						     struct vmsg_emu_call *calls, size_t capacity);
VMSG_EXPORT uint16_t vmsg_emu_vcpu_count(const struct vmsg_emu *emu);

/* The memfds behind a region that conduit.map has mapped at `data`, for handing it on to another
 * process: pieces in the order of the mapping, at most `capacity`. Their descriptors are the
 * connection's and open while the region is mapped. Returns the number of pieces (which may exceed
 * `capacity`), NOT_FOUND for an address that is no region's first. */
struct vmsg_emu_piece {
	uint64_t size;
	uint64_t offset;
	int fd;
};
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_pieces(const struct vmsg_emu *emu, const void *data,
						struct vmsg_emu_piece *pieces, size_t capacity);

/*
 * RAM that the partition comes to have later: `memfd`, which another process may have made (a
 * virtual machine's memory, say), becomes a bank. It is sealed against shrinking and not of huge
 * pages; `bank` says how much of it from its first byte on, and where it shall be, and is filled in
 * as by vmsg_emu_connect(). Its access is SHARED, whatever it says. The descriptor stays the
 * caller's. STATE without `banks_later` in the options or while a call is outstanding, RANGE for
 * more than VMSG_EMU_BANKS_MAX, INVALID when the manager refuses, NO_SPACE when it cannot be
 * mapped, PEER; one line of text in `why` with each.
 */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_add_bank(struct vmsg_emu *emu, int memfd,
						  struct vmsg_emu_bank *bank, char *why,
						  size_t why_size);

/* Takes the bank at `address` away, whenever it came: `data` is no longer valid, and the manager
 * has forgotten the memory. AGAIN while any of it is shared, lent, donated or a buffer; NOT_FOUND;
 * STATE and PEER as above. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_remove_bank(struct vmsg_emu *emu, uint64_t address);

/* Interrupts this partition's own vCPU: a blocked MSG_WAIT returns FFA_INTERRUPT. May be called
 * from another thread. */
VMSG_EXPORT int vmsg_emu_raise(struct vmsg_emu *emu);

/* Interrupt ids that arrived since the last call, as bits (id < 64). */
VMSG_EXPORT uint64_t vmsg_emu_interrupts(struct vmsg_emu *emu);

/*
 * Requests of control clients (vmsg-ffa-emu stats, device ...): text, by convention a JSON object
 * with a member "request", which the manager hands on unread to partitions that asked for it in
 * their options. When one arrives the partition's vCPU is interrupted, so a blocked MSG_WAIT
 * returns FFA_INTERRUPT; between calls the partition takes what has come and answers it, with
 * exactly one text whose `more` is false, and any number of others before it. At most
 * VMSG_EMU_REQUESTS_MAX are unanswered at a time: the manager refuses others.
 */
#define VMSG_EMU_REQUEST_TEXT_MAX 4088
#define VMSG_EMU_REQUESTS_MAX     8

struct vmsg_emu_request {
	uint32_t number; /* for its answer */
	size_t size;
	char text[VMSG_EMU_REQUEST_TEXT_MAX + 1]; /* terminated; may have zeros inside */
};

/* The oldest request that has not been taken: 1, 0 when there is none, PEER when the manager is
 * gone. Does not wait. */
VMSG_EXPORT VMSG_MUST_CHECK int vmsg_emu_next_request(struct vmsg_emu *emu,
						      struct vmsg_emu_request *request);
/* RANGE for a text that is too long, STATE for a number that waits for no answer, PEER. */
VMSG_EXPORT int vmsg_emu_answer(struct vmsg_emu *emu, uint32_t number, const char *text,
				size_t size, bool more);

/*
 * ---- the manager in this process (tests, examples) ----
 * Single-threaded: a partition is its own calls plus, on the device side, an entry function that
 * the manager runs when its MSG_WAIT completes.
 */
struct vmsg_emu_local;
struct vmsg_emu_local_partition;

/* Runs when the partition's waiting call completes: `regs` is what the call returned and, on
 * return, the next call (MSG_WAIT or a response). It may make other calls through its conduit. */
typedef void (*vmsg_emu_entry)(void *context, struct vmsg_ffa_regs *regs);

/* A manager with the built-in system: VMs 1..3, SPs 0x8001 and 0x8002. NULL when out of memory. */
VMSG_EXPORT struct vmsg_emu_local *vmsg_emu_local_create(void);
VMSG_EXPORT void vmsg_emu_local_destroy(struct vmsg_emu_local *local);

/* Starts partition `id` with `banks` (allocated here, freed with the manager). `entry` may be NULL
 * for a partition that only calls. NULL on failure. */
VMSG_EXPORT struct vmsg_emu_local_partition *
vmsg_emu_local_start(struct vmsg_emu_local *local, uint16_t id, struct vmsg_emu_bank *banks,
		     size_t bank_count, vmsg_emu_entry entry, void *context);
VMSG_EXPORT void vmsg_emu_local_stop(struct vmsg_emu_local_partition *partition);
VMSG_EXPORT struct vmsg_conduit vmsg_emu_local_conduit(struct vmsg_emu_local_partition *partition);

/* Makes the first wait of a partition with an entry function (`regs`: MSG_WAIT). */
VMSG_EXPORT void vmsg_emu_local_run(struct vmsg_emu_local_partition *partition,
				    const struct vmsg_ffa_regs *regs);

/* Like vmsg_emu_raise(). Its entry function runs with the next call of anybody, or the next
 * vmsg_emu_local_advance(). */
VMSG_EXPORT void vmsg_emu_local_raise(struct vmsg_emu_local_partition *partition);

/* Virtual clock of the system in nanoseconds. A run of an entry function takes a microsecond; when
 * nobody can run, time passes to the end of the caller's time slice; vmsg_emu_local_advance() lets
 * at least `ns` pass and runs who can run. */
VMSG_EXPORT uint64_t vmsg_emu_local_now(const struct vmsg_emu_local *local);
VMSG_EXPORT void vmsg_emu_local_advance(struct vmsg_emu_local *local, uint64_t ns);

VMSG_END_DECLS

#endif
