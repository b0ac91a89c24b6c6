/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two batches of packets: one is filled while the other is written. The lock is held to append one
 * packet or to swap the batches, never over a system call. Everything below "the thread's" belongs
 * to the thread alone until it has ended.
 */
#include "tap/writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tap/pcapng.h"
#include "tap/text.h"
#include "virtio_msg_ffa/error.h"

#define DEFAULT_ROOM     ((size_t)4 << 20)
#define DEFAULT_GRACE_NS (2 * NS_PER_S)
#define NS_PER_MS        UINT64_C(1000000)
#define NS_PER_S         UINT64_C(1000000000)
/* What has come is written this much later: so a busy manager does not wake us for each record. */
#define LINGER_NS (5 * NS_PER_MS)
#define POLL_MS   50
/* A pipe that poll() calls writable takes so many bytes without blocking. */
#define PIECE 4096u
#define CHUNK (4u * TAP_LINE_MAX)

/* In front of each packet of a batch. */
struct entry {
	uint64_t time_ns;
	uint64_t lost; /* before it */
	size_t size;
};

struct batch {
	uint8_t *bytes;
	size_t size;
};

struct tap_writer {
	struct tap_writer_options options;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;

	/* under the lock */
	struct batch filling;
	uint64_t lost; /* since the last record that found room */
	uint64_t lost_total;
	bool stop;
	bool given_up;

	/* the thread's */
	struct batch writing;
	uint64_t written;       /* records */
	uint64_t chunk_records; /* those of the chunk */
	uint64_t file_size;
	uint64_t stop_ns; /* when stopping was noticed */
	size_t chunk_size;
	char chunk[CHUNK];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void VMSG_PRINTF(2, 3) report(const struct tap_writer *writer, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (!writer->options.report) {
		return;
	}
	va_start(arguments, format);
	const int length = snprintf(text, sizeof(text), "trace to %s: ", writer->options.name);
	if (length > 0 && (size_t)length < sizeof(text)) {
		vsnprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
	}
	va_end(arguments);
	writer->options.report(writer->options.context, text);
}

/* ---- the thread ---- */

static bool is_stopping(struct tap_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	const bool stop = writer->stop;
	pthread_mutex_unlock(&writer->lock);
	return stop;
}

static void give_up(struct tap_writer *writer, const char *why)
{
	report(writer, "%s; given up after %llu records", why, (unsigned long long)writer->written);
	pthread_mutex_lock(&writer->lock);
	writer->given_up = true;
	writer->filling.size = 0;
	pthread_mutex_unlock(&writer->lock);
}

/* Waits until something can be written. False when it is not and we are to stop: a reader that is
 * merely slow is waited for, but not for ever. */
static bool await_reader(struct tap_writer *writer)
{
	for (;;) {
		struct pollfd writable = { .fd = writer->options.fd, .events = POLLOUT };
		if (poll(&writable, 1, POLL_MS) > 0) {
			return true; /* or an error, which write() tells */
		}
		if (!is_stopping(writer)) {
			continue;
		}
		if (!writer->stop_ns) {
			writer->stop_ns = now_ns();
		}
		if (now_ns() - writer->stop_ns >= writer->options.grace_ns) {
			return false;
		}
	}
}

/* The chunk goes out, whole records. -1 with the reason told. */
static int write_chunk(struct tap_writer *writer)
{
	for (size_t done = 0; done < writer->chunk_size;) {
		const size_t rest = writer->chunk_size - done;
		if (!await_reader(writer)) {
			give_up(writer, "nobody reads it");
			return -1;
		}
		const size_t most = writer->options.is_own_file ? rest : PIECE;
		const ssize_t size =
			write(writer->options.fd, writer->chunk + done, rest < most ? rest : most);
		if (size > 0) {
			done += (size_t)size;
		} else if (size < 0 && errno != EINTR && errno != EAGAIN) {
			const int error = errno;
			if (writer->options.is_own_file) {
				(void)!ftruncate(writer->options.fd, (off_t)writer->file_size);
			}
			give_up(writer, strerror(error));
			return -1;
		}
	}
	writer->file_size += writer->chunk_size;
	writer->written += writer->chunk_records;
	writer->chunk_size = 0;
	writer->chunk_records = 0;
	return 0;
}

static void put_lost_line(struct tap_writer *writer, uint64_t lost)
{
	writer->chunk_size += (size_t)snprintf(writer->chunk + writer->chunk_size, 64,
					       "# %llu records lost\n", (unsigned long long)lost);
}

/* One packet, at the end of the chunk, where TAP_LINE_MAX bytes and more are free. */
static void render(struct tap_writer *writer, const struct entry *entry, struct vmsg_bytes packet)
{
	char *at = writer->chunk + writer->chunk_size;

	if (writer->options.form == TAP_FORM_PCAPNG) {
		writer->chunk_size +=
			tap_pcapng_store_packet((uint8_t *)at, entry->time_ns, entry->lost, packet);
		return;
	}
	struct tap_record record;
	if (entry->lost) {
		put_lost_line(writer, entry->lost);
		at = writer->chunk + writer->chunk_size;
	}
	if (tap_record_load(&record, packet) == 0) { /* it is what we have stored */
		record.time_ns = entry->time_ns - writer->options.origin_ns;
		const size_t length = tap_format(&record, TAP_MAIN, at, TAP_LINE_MAX);
		at[length] = '\n';
		writer->chunk_size += length + 1;
	}
}

static int write_batch(struct tap_writer *writer)
{
	for (size_t at = 0; at < writer->writing.size;) {
		struct entry entry;
		memcpy(&entry, writer->writing.bytes + at, sizeof(entry));
		at += sizeof(entry);
		if (sizeof(writer->chunk) - writer->chunk_size < 2u * TAP_LINE_MAX &&
		    write_chunk(writer) < 0) {
			return -1;
		}
		render(writer, &entry,
		       (struct vmsg_bytes){ writer->writing.bytes + at, entry.size });
		writer->chunk_records++;
		at += entry.size;
	}
	return write_chunk(writer);
}

/* Waits for records, and then a little for more of them. False at the end. */
static bool next_batch(struct tap_writer *writer)
{
	struct timespec end;

	pthread_mutex_lock(&writer->lock);
	while (!writer->stop && writer->filling.size == 0) {
		pthread_cond_wait(&writer->wake, &writer->lock);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += (long)LINGER_NS;
	if (end.tv_nsec >= (long)NS_PER_S) {
		end.tv_nsec -= (long)NS_PER_S;
		end.tv_sec++;
	}
	while (!writer->stop && writer->filling.size < writer->options.room / 2 &&
	       pthread_cond_timedwait(&writer->wake, &writer->lock, &end) == 0) {
	}
	const struct batch empty = { writer->writing.bytes, 0 };
	writer->writing = writer->filling;
	writer->filling = empty;
	pthread_mutex_unlock(&writer->lock);
	return writer->writing.size > 0;
}

static void *run(void *context)
{
	struct tap_writer *writer = context;
	bool good = true;

	if (writer->options.form == TAP_FORM_PCAPNG) {
		tap_pcapng_store_begin((uint8_t *)writer->chunk);
		writer->chunk_size = TAP_PCAPNG_BEGIN_SIZE;
		good = write_chunk(writer) == 0;
	}
	while (good && next_batch(writer)) {
		good = write_batch(writer) == 0;
	}
	return NULL;
}

/* ---- everybody else ---- */

static int start_thread(struct tap_writer *writer)
{
	pthread_condattr_t attributes;
	sigset_t all, before;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&writer->lock, NULL);
	/* A broken pipe or a file that is too large is an error of write() here, and signals to the
	 * program are for the threads that wait for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int error = pthread_create(&writer->thread, NULL, run, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void destroy(struct tap_writer *writer)
{
	close(writer->options.fd);
	free(writer->filling.bytes);
	free(writer->writing.bytes);
	free(writer);
}

struct tap_writer *tap_writer_start(const struct tap_writer_options *options)
{
	struct tap_writer *writer = calloc(1, sizeof(*writer));

	if (!writer) {
		close(options->fd);
		errno = ENOMEM;
		return NULL;
	}
	writer->options = *options;
	if (!options->room) {
		writer->options.room = DEFAULT_ROOM;
	}
	if (!options->grace_ns) {
		writer->options.grace_ns = DEFAULT_GRACE_NS;
	}
	writer->filling.bytes = malloc(writer->options.room);
	writer->writing.bytes = malloc(writer->options.room);
	const int error =
		writer->filling.bytes && writer->writing.bytes ? start_thread(writer) : ENOMEM;
	if (error) {
		destroy(writer);
		errno = error;
		return NULL;
	}
	return writer;
}

void tap_writer_put(struct tap_writer *writer, const struct tap_record *record)
{
	uint8_t packet[TAP_PACKET_MAX];
	const size_t size = tap_record_store(record, packet);
	struct entry entry = { .time_ns = record->time_ns, .size = size };
	struct batch *batch = &writer->filling;

	pthread_mutex_lock(&writer->lock);
	const size_t before = batch->size;
	if (writer->given_up || writer->options.room - before < sizeof(entry) + size) {
		writer->lost++;
		writer->lost_total++;
		pthread_mutex_unlock(&writer->lock);
		return;
	}
	entry.lost = writer->lost;
	writer->lost = 0;
	memcpy(batch->bytes + before, &entry, sizeof(entry));
	memcpy(batch->bytes + before + sizeof(entry), packet, size);
	batch->size += sizeof(entry) + size;
	const size_t half = writer->options.room / 2;
	const bool is_due = before == 0 || (before < half && batch->size >= half);
	pthread_mutex_unlock(&writer->lock);
	if (is_due) {
		pthread_cond_signal(&writer->wake);
	}
}

void tap_writer_stop(struct tap_writer *writer)
{
	if (!writer) {
		return;
	}
	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_mutex_unlock(&writer->lock);
	pthread_cond_signal(&writer->wake);
	pthread_join(writer->thread, NULL);
	/* What nobody could be told of in the file itself, because no record came after it. */
	if (writer->lost_total > 0 && !writer->given_up) {
		if (writer->lost > 0 && writer->options.form == TAP_FORM_TEXT) {
			put_lost_line(writer, writer->lost);
			(void)write_chunk(writer);
		}
		report(writer, "%llu of %llu records lost: it was read too slowly",
		       (unsigned long long)writer->lost_total,
		       (unsigned long long)writer->lost_total + writer->written);
	}
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->wake);
	destroy(writer);
}
