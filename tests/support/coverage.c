/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/coverage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap/frame.h"

#define LINES_MAX 2048u
#define LINE_MAX  96u

/* A line in one write: processes that append to the same file do not mix. */
static void append(const char *line)
{
	const char *path = getenv("VMSG_COVERAGE");
	const int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;

	if (path && (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))) {
		fprintf(stderr, "cannot write %s\n", path);
		abort();
	}
	if (fd >= 0) {
		close(fd);
	}
}

void coverage_note(const char *what, const char *profile, enum vmsg_type type, enum vmsg_kind kind)
{
	static char noted[LINES_MAX][LINE_MAX];
	static size_t count;
	char line[LINE_MAX];

	if (!getenv("VMSG_COVERAGE")) {
		return;
	}
	snprintf(line, sizeof(line), "%s %s %s %s\n", what, profile, vmsg_type_name(type),
		 vmsg_kind_name(kind));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(noted[i], line) == 0) {
			return;
		}
	}
	if (count < LINES_MAX) {
		memcpy(noted[count++], line, sizeof(line));
	}
	append(line);
}

static void note_record(struct coverage_conduit *at, enum tap_kind kind,
			const struct vmsg_ffa_regs *regs)
{
	struct tap_record record = { .kind = kind, .partition = at->partition, .regs = *regs };
	struct tap_frame frame;
	struct tap_reading reading;

	tap_sessions_follow(&at->sessions, &record, true);
	if (!tap_frame_find(&record, &frame) || frame.service == TAP_SERVICE_OTHER) {
		return;
	}
	tap_frame_read(&record, &frame, &reading);
	if (reading.profile && reading.error == 0 && reading.message.header.type != VMSG_NONE) {
		coverage_note("system", at->forced ? at->forced->name : reading.profile->name,
			      reading.message.header.type, reading.message.header.kind);
	}
}

static void noting_call(void *context, struct vmsg_ffa_regs *regs)
{
	struct coverage_conduit *at = context;

	note_record(at, TAP_CALL, regs);
	at->below.call(at->below.context, regs);
	note_record(at, TAP_RETURN, regs);
}

static int pass_map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
		    size_t range_count, bool writable, struct vmsg_segment *segments,
		    size_t capacity)
{
	const struct coverage_conduit *at = context;

	return at->below.map(at->below.context, handle, ranges, range_count, writable, segments,
			     capacity);
}

static void pass_unmap(void *context, uint64_t handle)
{
	const struct coverage_conduit *at = context;

	at->below.unmap(at->below.context, handle);
}

static uint64_t pass_now(void *context)
{
	const struct coverage_conduit *at = context;

	return at->below.now(at->below.context);
}

struct vmsg_conduit coverage_conduit(struct coverage_conduit *at, uint16_t partition,
				     const struct vmsg_conduit *below)
{
	at->below = *below;
	at->partition = partition;
	tap_sessions_init(&at->sessions, at->table, sizeof(at->table) / sizeof(at->table[0]));
	return (struct vmsg_conduit){
		.call = noting_call,
		.map = pass_map,
		.unmap = pass_unmap,
		.now = pass_now,
		.context = at,
	};
}
