/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer against readers that are quick, slow, asleep and gone, and against full disks. */
#include "support/cmocka.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tap/pcapng.h"
#include "tap/writer.h"

#define NS_PER_MS UINT64_C(1000000)

struct reports {
	char text[512];
	int count;
};

static void keep_report(void *context, const char *text)
{
	struct reports *reports = context;

	snprintf(reports->text, sizeof(reports->text), "%s", text);
	reports->count++;
}

static struct reports reports;

static int forget_reports(void **state)
{
	(void)state;
	memset(&reports, 0, sizeof(reports));
	return 0;
}

static struct tap_writer *start(int fd, enum tap_form form, size_t room, bool is_own_file)
{
	const struct tap_writer_options options = {
		.form = form,
		.fd = fd,
		.name = "x",
		.is_own_file = is_own_file,
		.room = room,
		.grace_ns = 20 * NS_PER_MS,
		.report = keep_report,
		.context = &reports,
	};
	struct tap_writer *writer = tap_writer_start(&options);

	assert_non_null(writer);
	return writer;
}

/* FFA_RUN of vCPU `number`. */
static void put(struct tap_writer *writer, uint64_t number)
{
	const struct tap_record record = {
		.time_ns = number,
		.partition = 1,
		.regs.x = { VMSG_FFA_ID32(RUN), number },
	};

	tap_writer_put(writer, &record);
}

static char *read_to_end(int fd)
{
	size_t size = 0, capacity = 1 << 20;
	char *text = malloc(capacity);
	ssize_t got = 0;

	assert_non_null(text);
	while (text && (got = read(fd, text + size, capacity - size - 1)) > 0) {
		size += (size_t)got;
	}
	assert_int_equal(got, 0);
	text[size] = '\0';
	close(fd);
	return text;
}

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static void every_record_becomes_a_line_in_order(void **state)
{
	(void)state;
	int ends[2];
	char expected[4096] = "";
	size_t length = 0;

	make_pipe(ends);
	struct tap_writer *writer = start(ends[1], TAP_FORM_TEXT, 0, false);
	for (uint64_t i = 1; i <= 50; i++) {
		put(writer, i);
		length += (size_t)snprintf(expected + length, sizeof(expected) - length,
					   "0.%09" PRIu64 " 0001.0 > FFA_RUN %" PRIx64 "\n", i, i);
	}
	tap_writer_stop(writer);
	char *text = read_to_end(ends[0]);
	assert_string_equal(text, expected);
	assert_int_equal(reports.count, 0);
	free(text);
}

/* Nobody reads while the records come, and there is room for few of them. */
static void what_does_not_fit_is_lost_counted_and_marked(void **state)
{
	(void)state;
	const uint64_t count = 20000;
	int ends[2];
	uint64_t written = 0, lost = 0, more;

	make_pipe(ends);
	struct tap_writer *writer = start(ends[1], TAP_FORM_TEXT, 16384, false);
	for (uint64_t i = 1; i <= count; i++) {
		put(writer, i);
	}
	/* a pipe's worth is written, and with a new reader the rest */
	char *text = malloc(1 << 22);
	assert_non_null(text);
	const ssize_t first = read(ends[0], text, 65536);
	assert_true(first > 0);
	tap_writer_stop(writer);
	char *rest = read_to_end(ends[0]);
	text[first] = '\0';
	strcat(text, rest);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "# %" SCNu64 " records lost", &more) == 1) {
			lost += more;
			written = written ? written : 1;
		} else {
			assert_non_null(strstr(line, "FFA_RUN"));
			written++;
		}
	}
	assert_true(lost > 0);
	/* nothing is missing that is not counted; what was being written may have been given up */
	assert_true(lost + written <= count + 1);
	assert_int_equal(reports.count, 1);
	assert_true(strstr(reports.text, "trace to x: ") == reports.text);
	free(text);
	free(rest);
}

/* A reader that wakes up finds a mark between what came before and what comes after. */
static void what_was_lost_is_marked_in_its_place(void **state)
{
	(void)state;
	int ends[2];
	size_t size = 0, capacity = 1 << 20;
	char *text = calloc(1, capacity);
	const char *mark = NULL;

	assert_non_null(text);
	make_pipe(ends);
	struct tap_writer *writer = start(ends[1], TAP_FORM_TEXT, 4096, false);
	for (uint64_t i = 1; i <= 5000; i++) {
		put(writer, i);
	}
	for (uint64_t i = 5001; !mark || !strstr(mark, "FFA_RUN"); i++) {
		struct pollfd readable = { .fd = ends[0], .events = POLLIN };
		put(writer, i);
		assert_true(size + 65536 < capacity);
		if (poll(&readable, 1, 100) == 1) {
			const ssize_t got = read(ends[0], text + size, 65536);
			assert_true(got > 0);
			size += (size_t)got;
		}
		mark = strstr(text, " records lost\n");
	}
	assert_non_null(strstr(text, " FFA_RUN 1\n"));
	tap_writer_stop(writer);
	close(ends[0]);
	free(text);
}

static void a_capture_counts_what_it_lacks(void **state)
{
	(void)state;
	const uint64_t count = 5000;
	struct tap_pcapng_reader reader;
	static struct tap_packet packet;
	uint64_t seen = 0, lost = 0;
	FILE *file = tmpfile();

	assert_non_null(file);
	const int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	struct tap_writer *writer = start(fd, TAP_FORM_PCAPNG, 8192, true);
	for (uint64_t i = 1; i <= count; i++) {
		put(writer, i);
	}
	tap_writer_stop(writer);
	rewind(file);
	tap_pcapng_open(&reader, file);
	while (tap_pcapng_read(&reader, &packet) == 1) {
		lost += packet.lost;
		seen++;
		assert_int_equal(packet.time_ns, seen + lost);
	}
	assert_null(reader.problem);
	/* what was lost at the end has no packet after it to tell */
	uint64_t lost_total = 0;
	assert_int_equal(
		sscanf(reports.text, "trace to x: %" SCNu64 " of 5000 records lost", &lost_total),
		1);
	assert_true(lost <= lost_total);
	assert_int_equal(seen + lost_total, count);
	assert_int_equal(fclose(file), 0);
}

static void nobody_waits_for_a_reader_that_sleeps(void **state)
{
	(void)state;
	int ends[2];

	make_pipe(ends);
	struct tap_writer *writer = start(ends[1], TAP_FORM_TEXT, 1 << 20, false);
	for (uint64_t i = 0; i < 5000; i++) { /* more than a pipe holds */
		put(writer, i);
	}
	tap_writer_stop(writer);
	assert_int_equal(reports.count, 1);
	assert_non_null(strstr(reports.text, "nobody reads it; given up after"));
	close(ends[0]);
}

static void a_reader_that_is_gone_is_reported_once(void **state)
{
	(void)state;
	int ends[2];

	make_pipe(ends);
	close(ends[0]);
	struct tap_writer *writer = start(ends[1], TAP_FORM_PCAPNG, 0, false);
	for (uint64_t i = 0; i < 1000; i++) {
		put(writer, i);
	}
	tap_writer_stop(writer);
	assert_int_equal(reports.count, 1);
	assert_string_equal(reports.text, "trace to x: Broken pipe; given up after 0 records");
}

static void a_full_disk_is_reported_once(void **state)
{
	(void)state;
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	struct tap_writer *writer = start(fd, TAP_FORM_TEXT, 0, false);
	put(writer, 1);
	tap_writer_stop(writer);
	assert_int_equal(reports.count, 1);
	assert_string_equal(reports.text,
			    "trace to x: No space left on device; given up after 0 records");
}

/* As a disk that is full does, the limit takes a part of a chunk. */
static void a_file_that_cannot_grow_ends_with_a_whole_record(void **state)
{
	(void)state;
	struct tap_pcapng_reader reader;
	static struct tap_packet packet;
	uint64_t seen = 0;
	struct rlimit before;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	const struct rlimit limit = { 100001, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct tap_writer *writer =
		start(fcntl(fileno(file), F_DUPFD_CLOEXEC, 0), TAP_FORM_PCAPNG, 0, true);
	for (uint64_t i = 0; i < 1000; i++) {
		put(writer, i);
	}
	tap_writer_stop(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	rewind(file);
	tap_pcapng_open(&reader, file);
	while (tap_pcapng_read(&reader, &packet) == 1) {
		assert_int_equal(packet.time_ns, seen);
		seen++;
	}
	assert_null(reader.problem);
	assert_in_range(seen, 1, 100001 / 160);
	assert_int_equal(reports.count, 1);
	assert_non_null(strstr(reports.text, "File too large; given up after"));
	assert_int_equal(fclose(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, forget_reports)
		TEST(every_record_becomes_a_line_in_order),
		TEST(what_does_not_fit_is_lost_counted_and_marked),
		TEST(what_was_lost_is_marked_in_its_place),
		TEST(a_capture_counts_what_it_lacks),
		TEST(nobody_waits_for_a_reader_that_sleeps),
		TEST(a_reader_that_is_gone_is_reported_once),
		TEST(a_full_disk_is_reported_once),
		TEST(a_file_that_cannot_grow_ends_with_a_whole_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
