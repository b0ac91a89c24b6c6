/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frontend's session: this process as a partition, the bus to one peer, memory shared with it,
 * and one device at a time driven through it. Problems are reported where they are found, so
 * callers only pass results on.
 */
#ifndef VMSG_EMULATOR_SESSION_H
#define VMSG_EMULATOR_SESSION_H

#include "check/contract.h"
#include "commands/quirks.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/pump.h"

#include "commands/session_buffers.h"
#include "commands/ways.h"

#define SESSION_PARTITIONS_MAX 64
#define SESSION_DEVICES_MAX    256
#define SESSION_AREAS_MAX      (4 + SESSION_BUFFERS_MAX)
#define SESSION_MEMORIES_MAX   SESSION_BUFFERS_MAX /* instead of buffers */
#define SESSION_CONFIG_MAX     1024

struct session_options {
	const char *socket_path;            /* NULL: the default */
	uint16_t id;                        /* 0: the first free VM */
	uint16_t peer;                      /* 0: the first partition that offers a device */
	const struct vmsg_profile *profile; /* NULL: negotiate */
	struct ways ways;                   /* carrier and event delivery */
	uint64_t timeout_ns;                /* of one exchange */
	uint64_t pool_size;                 /* bytes to share with the peer */
	struct vmsg_bus_window window;      /* instead, memory that both have reserved (areas.h) */
	uint32_t buffer_count;              /* and what to share on demand, each of */
	uint64_t buffer_size;               /* whole pages */
	bool adds_memory;                   /* session_add_memory() will be used, and no buffers */
	struct quirk_settings quirks;
	bool tells_areas;          /* at the end, of those on demand */
	bool answers_control;      /* requests of control clients, in session_run() */
	bool check_contract;       /* report what breaks the rules of shared memory */
	uint64_t patience_ns;      /* for a manager and a peer that are just starting; 0: 2 s */
	const volatile bool *stop; /* becomes true: give up; may be NULL */
};

/* What most functions return. After OVER the problem has been reported and only closing helps;
 * after LATE a time-out has been reported and the same thing may be tried again. */
enum session_result { SESSION_OK = 0, SESSION_LATE = 1, SESSION_OVER = -1 };

struct session {
	struct session_options options;
	struct contract *contract; /* NULL: nobody checks */
	struct vmsg_emu *emu;
	struct vmsg_endpoint endpoint;
	bool has_endpoint;
	uint32_t bus_features; /* what the manager lets us use */
	bool schedules;        /* ... and leaves to us: when secure partitions run */
	struct vmsg_ffa_partition_info partitions[SESSION_PARTITIONS_MAX]; /* that offer devices */
	size_t partition_count;
	uint16_t peer;
	struct vmsg_bus bus;
	bool has_bus;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[SESSION_AREAS_MAX];
	struct vmsg_bus_device devices[SESSION_DEVICES_MAX];
	struct vmsg_driver_pump pump;
	struct vmsg_driver *drivers[1];
	struct vmsg_driver driver;
	uint8_t config[SESSION_CONFIG_MAX]; /* of the device being driven, as far as was read */
	uint16_t area_id;
	uint64_t handle;
	uint8_t *pool;
	uint64_t pool_address; /* in the physical map */
	uint64_t pool_used;
	struct session_buffers buffers;
	struct vmsg_emu_bank fifo;
	uint64_t served_ns;   /* when requests of control clients were last looked for */
	unsigned int reports; /* of time-outs in a row */
	uint64_t timeouts;    /* that the bus has counted and we have seen */
	bool over;
	/* session events not yet looked at */
	bool is_up;
	bool is_reset;
	bool is_ready;
	bool is_refused;
	bool is_gone; /* the area `gone_id` */
	uint16_t gone_id;
	bool is_memory_refused; /* by peer or manager, which are there */
	/* of the device that is being driven; cleared by who looks */
	bool is_changed; /* its config space */
	bool needs_reset;
	bool is_removed;
	bool was_late;
	int bus_error;
};

/* Connects, finds a peer with devices, brings the bus up and shares the pool. NULL on failure. */
struct session *session_open(const struct session_options *options);
/* Resets device and bus, so that the next frontend finds them free, and disconnects. */
void session_close(struct session *session);

/* One round: everything that can be sent and received now. */
int session_run(struct session *session);
/* Answers requests of control clients, now and then. */
void session_serve_control(struct session *session);
/* Reports one time-out: LATE, or OVER when it was the last one to bear. */
int session_report_late(struct session *session, const char *what);
/* The same where it was asked often enough, but is always busy. */
int session_report_busy(struct session *session, const char *what);
/* The peer answered: time-outs are counted from zero again. */
void session_is_alive(struct session *session);
/* Sleeps until something is to be done, at most `ns`. */
void session_sleep(const struct session *session, uint64_t ns);

/* Calls `attempt` until it is not LATE. */
int session_retry(struct session *session, int (*attempt)(struct session *session, void *context),
		  void *context);

/* Until one of the flags is set or the bus has failed: OK, or LATE or OVER (reported). */
int session_await(struct session *session, const bool *flag, const bool *other);

/* Shares memory of ours with the peer and waits for it to take it. A peer or manager that refuses
 * is reported: OVER. */
int session_share(struct session *session, uint64_t address, uint8_t *data, uint64_t size,
		  uint16_t *area_id);

/* Memory of another process becomes ours, and is shared: all of a memfd, `size` bytes. */
struct session_memory {
	struct vmsg_emu_bank bank;
	uint16_t area_id;
	uint64_t address; /* on the bus */
};
int session_add_memory(struct session *session, int memfd, uint64_t size,
		       struct session_memory *memory);
/* And is taken away again; nothing of the device may be in there any more. */
int session_remove_memory(struct session *session, const struct session_memory *memory);

/* Brings device `number` to CONFIGURABLE, with those of `features` that it offers, and reads its
 * config space. The previous device is let go. */
int session_start_device(struct session *session, uint16_t number,
			 const uint32_t features[VMSG_FEATURE_BLOCKS_MAX]);
/* The next event of the driver machine, if there is one; is_changed and needs_reset are noted. */
bool session_event(struct session *session, struct vmsg_driver_event *event);
/* Between operations: all of them. */
void session_take_driver_events(struct session *session);
/* Waits until is_changed or needs_reset, which of them it is told, is set, and clears it. */
int session_await_device(struct session *session, bool *flag, const char *what);
/* Reads the config space of the device that is being driven anew. */
int session_read_config(struct session *session);
/* The same for who can do without: OK with `*error` when the driver gave up, and needs a reset. */
int session_try_config(struct session *session, int *error);
/* Writes a part of it; a device that refuses is no problem of the session: `*is_refused`. */
int session_write_config(struct session *session, uint32_t offset, struct vmsg_bytes data,
			 bool *is_refused);
/* Resets the device that is being driven, if there is one. */
int session_reset_device(struct session *session);
/* Sets up queue `index`; its ring has been made by the caller. */
int session_setup_queue(struct session *session, uint32_t index,
			const struct vmsg_vq_layout *layout);
/* DRIVER_OK. */
int session_ready(struct session *session);
/* Finds the first device of a virtio type and brings it to CONFIGURABLE, as above. */
int session_find_device(struct session *session, uint32_t device_id,
			const uint32_t features[VMSG_FEATURE_BLOCKS_MAX]);

/* Region `shmid` of shared memory, of length 0 where there is none. */
int session_get_region(struct session *session, uint32_t shmid, uint64_t *length,
		       uint64_t *address);
/* Takes a queue from the device; it can be set up again. Needs VIRTIO_F_RING_RESET. */
int session_reset_queue(struct session *session, uint32_t index);

/* Little-endian number at `offset` of the config space, 0 where it ends before. */
uint64_t session_config(const struct session *session, uint32_t offset, uint32_t size);

/* Memory of the pool, never given back but all at once. NULL when it is used up. */
uint8_t *session_allocate(struct session *session, uint64_t size, uint64_t alignment);
void session_free_all(struct session *session);
/* Bus address of memory of the pool. */
uint64_t session_address(const struct session *session, const uint8_t *data);

/* "VERSION_1" and what else every driver here wants of the ring. */
void session_ring_features(uint32_t features[VMSG_FEATURE_BLOCKS_MAX]);

#endif
