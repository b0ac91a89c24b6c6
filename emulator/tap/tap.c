/* SPDX-License-Identifier: BSD-3-Clause */
/* Owns the sessions and up to two writers. Sessions are followed here and not in the writers, so
 * that records which a writer loses are missed by nobody else. */
#include "tap/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tap/writer.h"

#define SESSIONS 4096u
#define FD_LIMIT 65536

struct tap {
	struct tap_writer *writers[2];
	size_t writer_count;
	char *names[2];
	struct tap_sessions sessions;
	struct tap_session table[SESSIONS];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* "fd:3" is a descriptor that whoever started us has left open. */
static int inherited(const char *path)
{
	char *end;

	errno = 0;
	const long fd = strtol(path + strlen("fd:"), &end, 10);
	if (errno != 0 || end == path + strlen("fd:") || *end || fd < 0 || fd > FD_LIMIT) {
		errno = EBADF;
		return -1;
	}
	return fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
}

/* A FIFO that nobody reads is an error, not something to wait for. */
static int open_path(const char *path, bool *is_own_file)
{
	struct stat status;

	*is_own_file = false;
	if (strcmp(path, "-") == 0) {
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	}
	if (strncmp(path, "fd:", strlen("fd:")) == 0) {
		return inherited(path);
	}
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			    S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
	*is_own_file = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	return fd;
}

static int add_writer(struct tap *tap, const struct tap_options *options, enum tap_form form,
		      const char *path, char *why, size_t why_size)
{
	struct tap_writer_options writer = {
		.form = form,
		.origin_ns = now_ns(),
		.report = options->report,
		.context = options->context,
	};

	if (!path) {
		return 0;
	}
	writer.name = tap->names[tap->writer_count] = strdup(path);
	writer.fd = open_path(path, &writer.is_own_file);
	if (!writer.name || writer.fd < 0) {
		snprintf(why, why_size, "trace to %s: %s", path,
			 errno == ENXIO ? "nobody reads it" : strerror(errno));
		return -1;
	}
	tap->writers[tap->writer_count] = tap_writer_start(&writer);
	if (!tap->writers[tap->writer_count]) {
		snprintf(why, why_size, "trace to %s: %s", path, strerror(errno));
		return -1;
	}
	tap->writer_count++;
	return 0;
}

struct tap *tap_open(const struct tap_options *options, char *why, size_t why_size)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	tap_sessions_init(&tap->sessions, tap->table, SESSIONS);
	if (add_writer(tap, options, TAP_FORM_TEXT, options->text, why, why_size) < 0 ||
	    add_writer(tap, options, TAP_FORM_PCAPNG, options->pcapng, why, why_size) < 0) {
		tap_close(tap);
		return NULL;
	}
	return tap;
}

void tap_take(struct tap *tap, struct tap_record *record, bool accepted)
{
	record->time_ns = now_ns();
	tap_sessions_follow(&tap->sessions, record, accepted);
	for (size_t i = 0; i < tap->writer_count; i++) {
		tap_writer_put(tap->writers[i], record);
	}
}

struct tap_fifo *tap_fifo(struct tap *tap, uint16_t driver, uint16_t device)
{
	return tap_sessions_fifo(&tap->sessions, driver, device);
}

void tap_forget(struct tap *tap, uint16_t partition)
{
	tap_sessions_forget(&tap->sessions, partition);
}

void tap_close(struct tap *tap)
{
	if (!tap) {
		return;
	}
	for (size_t i = 0; i < tap->writer_count; i++) {
		tap_writer_stop(tap->writers[i]);
	}
	free(tap->names[0]);
	free(tap->names[1]);
	free(tap);
}
