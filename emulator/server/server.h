/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon as a small library: the partition manager behind a Unix socket. One struct, one
 * thread; only vmsg_server_stop() may be called from elsewhere. */
#ifndef VMSG_EMULATOR_SERVER_H
#define VMSG_EMULATOR_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spmc/spmc.h"
#include "tap/tap.h"

struct vmsg_server;

/* WARNING: somebody broke a rule or something failed. CONSOLE: what a partition logs. INFO: who
 * came and went. */
enum vmsg_server_level { VMSG_SERVER_WARNING, VMSG_SERVER_CONSOLE, VMSG_SERVER_INFO };

struct vmsg_server_options {
	const char *socket_path;
	uint32_t ffa_version;             /* 0 = 1.2 */
	const struct spmc_policy *policy; /* NULL = the emulator's own choices */
	uint64_t time_slice_ns;           /* 0 = SPMC_TIME_SLICE_NS, UINT64_MAX = none */
	/* Who may be there; NULL = the built-in system. Copied. */
	const struct spmc_partition_config *partitions;
	size_t partition_count;
	uint16_t scheduler;   /* VM that schedules the secure partitions; 0 = nobody */
	const char *faults;   /* rules for faults, docs/faults.md; NULL for none */
	uint64_t seed;        /* of their chance */
	bool stop_on_signals; /* SIGINT and SIGTERM end vmsg_server_run() */
	/* One line of text without newline; may be NULL. */
	void (*log)(void *context, enum vmsg_server_level level, const char *text);
	void *log_context;
	/* Sees every call, return and interrupt; may be NULL. Outlives the server. */
	struct tap *tap;
};

/*
 * Listens on the socket (mode 0600), which replaces one that nobody serves any more, and raises the
 * limit on descriptors. Returns 0, or -1 with one line in `why`.
 */
int vmsg_server_create(struct vmsg_server **created, const struct vmsg_server_options *options,
		       char *why, size_t why_size);
/* Serves until stopped. */
void vmsg_server_run(struct vmsg_server *server);
/* Makes run return; from any thread. */
void vmsg_server_stop(struct vmsg_server *server);
/* Disconnects everybody and removes the socket. NULL is fine. */
void vmsg_server_destroy(struct vmsg_server *server);

#endif
