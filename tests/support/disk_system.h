/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole system for end-to-end tests: the daemon, a backend with a disk, and frontends run on it.
 */
#ifndef VMSG_TESTS_DISK_SYSTEM_H
#define VMSG_TESTS_DISK_SYSTEM_H

#include "support/daemon.h"
#include "support/process.h"

#define DISK_SIZE (4u * 1024 * 1024)

struct disk_system {
	struct daemon daemon;
	struct process backend;
	struct process frontend;
	char directory[32];
	char image[64];
	char device[128]; /* the --device of the backend */
	uint8_t *data;    /* what the image holds at first */
};

/* An image of DISK_SIZE bytes, all sectors different, and a running daemon. */
void disk_system_open(struct disk_system *system);
/* Starts a backend with the image; `options` goes behind its path, such as ",readonly=on". With
 * `profile` not NULL it speaks only that. `rng` adds a second device. */
void disk_system_serve(struct disk_system *system, const char *options, const char *profile,
		       bool rng);
/* Stops what runs; backend and daemon must leave with status 0. */
void disk_system_close(struct disk_system *system);
/* After a failed test: kills everything. */
void disk_system_abandon(struct disk_system *system);

/* Starts a frontend with up to 16 arguments, ended by NULL. */
void frontend_start(struct disk_system *system, const char *const *arguments);
/* Runs one to its end and returns its exit status. */
int frontend_run(struct disk_system *system, const char *const *arguments);
#define FRONTEND_RUN(system, ...) frontend_run(system, (const char *const[]){ __VA_ARGS__, NULL })
#define FRONTEND_START(system, ...)                                                                \
	frontend_start(system, (const char *const[]){ __VA_ARGS__, NULL })

/* The frontend, which had --areas demand, says that it shared areas, and that all came back. */
void assert_areas_came_back(const struct disk_system *system);

/* A path in the system's directory. */
const char *disk_system_path(const struct disk_system *system, const char *name, char path[64]);

/* The whole file equals `data`. */
void assert_file_equals(const char *path, const uint8_t *data, size_t size);
void file_write(const char *path, const uint8_t *data, size_t size);

#endif
