/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The job of loopback: everything that a disk must do, each step checked, and told so that a person
 * can follow. The image is as before at the end, also when a step in between fails.
 */
#include "commands/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/blake2b.h"
#include "commands/blk_driver.h"
#include "commands/json.h"
#include "commands/names.h"
#include "commands/report.h"
#include "commands/rng_driver.h"
#include "devices/names.h"

#define REWRITE_SIZE (UINT64_C(4) << 20)
#define FILE_CHUNK   (1u << 20)
#define RNG_SIZE     65536u
#define FEATURE_BITS (VMSG_FEATURE_BLOCKS_MAX * 32u)

struct job {
	const struct loopback_job *settings;
	struct session *session;
	struct blk_driver blk;
	int image;
	uint64_t moved; /* bytes through FF-A */
	uint64_t moving_ns;
	char checksum[BLAKE2B_TEXT_SIZE];
};

/* A line of the story. */
static void VMSG_PRINTF(2, 3) say(const struct job *job, const char *format, ...)
{
	va_list arguments;

	if (job->settings->json) {
		return;
	}
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

/* ---- the cast ---- */

static void tell_partitions(const struct job *job)
{
	const struct session *session = job->session;

	say(job, "Processes");
	say(job, "  manager    pid %d", (int)job->settings->manager);
	say(job, "  backend    pid %d, partition 0x%04x", (int)job->settings->backend,
	    session->peer);
	say(job, "  frontend   pid %d, partition 0x%04x", (int)getpid(), session->endpoint.id);
	say(job, "FF-A");
	say(job, "  version %u.%u agreed with the manager", session->endpoint.ffa_version >> 16,
	    session->endpoint.ffa_version & 0xffff);
	for (size_t i = 0; i < session->partition_count; i++) {
		const struct vmsg_ffa_partition_info *info = &session->partitions[i];
		say(job, "  partition 0x%04x offers virtio devices (%u vCPU, properties 0x%x)",
		    info->id, info->vcpu_count, info->properties);
	}
}

static void tell_bus(const struct job *job)
{
	const struct vmsg_bus *bus = &job->session->bus;
	char features[NAMES_TEXT_SIZE];
	char ways[WAYS_TEXT_SIZE];
	char size[REPORT_SIZE_TEXT];

	say(job, "Bus");
	say(job, "  profile %s agreed: bus version 0x%x, messages of up to %u bytes",
	    bus->profile->name, bus->profile->bus_version, vmsg_bus_frame_size_max(bus));
	say(job, "  %s", ways_text(bus, ways));
	say(job, "  bus features %s", names_bus_features(bus->bus_features, features));
	say(job, "  transport features %s",
	    names_transport_features(bus->transport_features, features));
	say(job, "  area %u shared: %s at 0x%" PRIx64, job->session->area_id,
	    report_size(job->session->options.pool_size, size), job->session->pool_address);
	for (size_t i = 0; i < SESSION_DEVICES_MAX; i++) {
		if (job->session->devices[i].present) {
			say(job, "  device %u found", job->session->devices[i].number);
		}
	}
}

static void tell_features(const struct job *job, const char *what,
			  const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	const uint32_t device_id = job->session->driver.info.device_id;

	if (job->settings->json) {
		return;
	}
	printf("  %s", what);
	for (unsigned int bit = 0; bit < FEATURE_BITS; bit++) {
		const char *name = vmsg_virtio_feature_name(device_id, bit);
		if (!(features[bit / 32] >> bit % 32 & 1)) {
			continue;
		}
		if (name) {
			printf(" %s", name + strlen("VIRTIO_"));
		} else {
			printf(" %u", bit);
		}
	}
	putchar('\n');
}

static void tell_disk(const struct job *job)
{
	const struct blk_driver *blk = &job->blk;
	const struct vmsg_vq_layout *layout = &blk->queue.layout;
	char size[REPORT_SIZE_TEXT];
	char request[REPORT_SIZE_TEXT];

	say(job, "Disk");
	say(job, "  device %u: %s of %" PRIu64 " sectors%s, serial '%s'",
	    job->session->driver.options.dev_num, report_size(blk->size, size),
	    blk->size / BLK_SECTOR_SIZE, blk->is_readonly ? ", read-only" : "", blk->serial);
	tell_features(job, "offered", job->session->driver.offered);
	tell_features(job, "agreed ", job->session->driver.features);
	say(job,
	    "  queue 0: %u entries, descriptors 0x%" PRIx64 ", driver 0x%" PRIx64
	    ", device 0x%" PRIx64,
	    layout->size, layout->desc_addr, layout->driver_addr, layout->device_addr);
	say(job, "  %u requests of up to %s in flight%s", blk->depth,
	    report_size(blk->request_size, request), blk->is_indirect ? ", indirect" : "");
}

/* ---- the image without FF-A ---- */

/* Exactly `size` bytes of the image file. */
static int read_image(const struct job *job, uint64_t offset, uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t done = pread(job->image, data, size, (off_t)offset);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			report_problem("%s: %s", job->settings->image,
				       done < 0 ? strerror(errno) : "became shorter");
			return -1;
		}
		data += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

static int hash_image(const struct job *job, char text[BLAKE2B_TEXT_SIZE])
{
	uint8_t digest[BLAKE2B_DIGEST_SIZE];
	struct blake2b hash;
	uint8_t *chunk = malloc(FILE_CHUNK);
	int result = chunk ? 0 : -1;

	blake2b_init(&hash);
	for (uint64_t done = 0; done < job->blk.size && result == 0; done += FILE_CHUNK) {
		const uint64_t left = job->blk.size - done;
		const size_t size = left < FILE_CHUNK ? (size_t)left : FILE_CHUNK;
		result = read_image(job, done, chunk, size);
		if (result == 0) {
			blake2b_add(&hash, chunk, size);
		}
	}
	free(chunk);
	blake2b_finish(&hash, digest);
	blake2b_format(digest, text);
	return result;
}

/* ---- moving data ---- */

static int hash_piece(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	(void)offset;
	blake2b_add(context, data, size);
	return 0;
}

static int keep_piece(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	memcpy((uint8_t *)context + offset, data, size);
	return 0;
}

static int give_piece(void *context, uint64_t offset, uint8_t *data, size_t size)
{
	memcpy(data, (const uint8_t *)context + offset, size);
	return 0;
}

/* A transfer that counts. */
static int move(struct job *job, const struct blk_transfer *transfer, const char *done)
{
	const uint64_t begin_ns = report_now();
	char size[REPORT_SIZE_TEXT];

	int result = blk_driver_transfer(&job->blk, transfer);
	if (result == 0 && transfer->write) {
		result = blk_driver_flush(&job->blk);
	}
	const uint64_t ns = report_now() - begin_ns;
	if (result == 0) {
		job->moved += transfer->size;
		job->moving_ns += ns;
		say(job, "  %s %s in %.3f s, %.0f MB/s", report_size(transfer->size, size), done,
		    (double)ns / 1e9, report_rate(transfer->size, ns));
	}
	return result;
}

static int check_whole(struct job *job, const char *again)
{
	uint8_t digest[BLAKE2B_DIGEST_SIZE];
	char text[BLAKE2B_TEXT_SIZE];
	struct blake2b hash;
	const struct blk_transfer transfer = {
		.size = job->blk.size,
		.move = hash_piece,
		.context = &hash,
		.what = "read",
	};

	blake2b_init(&hash);
	if (move(job, &transfer, again) < 0) {
		return -1;
	}
	blake2b_finish(&hash, digest);
	blake2b_format(digest, text);
	if (strcmp(text, job->checksum) != 0) {
		report_problem("the disk's checksum is %s, the image's %s", text, job->checksum);
		return -1;
	}
	say(job, "  checksum %s, as the image's (b2sum -l 128)", text);
	return 0;
}

/* Writes `wanted` to the disk, flushes, and expects it back from the disk and in the file. */
static int write_and_check(struct job *job, uint64_t offset, uint64_t size, uint8_t *wanted,
			   uint8_t *seen)
{
	const struct blk_transfer put = {
		.write = true,
		.offset = offset,
		.size = size,
		.move = give_piece,
		.context = wanted,
		.what = "write",
	};
	const struct blk_transfer get = {
		.offset = offset,
		.size = size,
		.move = keep_piece,
		.context = seen,
		.what = "read",
	};

	if (move(job, &put, "written and flushed") < 0 || move(job, &get, "read again") < 0) {
		return -1;
	}
	if (memcmp(wanted, seen, size) != 0) {
		report_problem("what was written is not what is read");
		return -1;
	}
	if (read_image(job, offset, seen, size) < 0) {
		return -1;
	}
	if (memcmp(wanted, seen, size) != 0) {
		report_problem("what was written is not in %s", job->settings->image);
		return -1;
	}
	say(job, "  the same bytes come back, and are in the file");
	return 0;
}

static int rewrite(struct job *job, uint64_t offset, uint64_t size, uint8_t *original,
		   uint8_t *other, uint8_t *seen)
{
	const struct blk_transfer get = {
		.offset = offset,
		.size = size,
		.move = keep_piece,
		.context = original,
		.what = "read",
	};

	if (move(job, &get, "kept") < 0) {
		return -1;
	}
	for (uint64_t i = 0; i < size; i++) {
		other[i] = (uint8_t)~original[i];
	}
	say(job, "Other data in their place");
	int result = write_and_check(job, offset, size, other, seen);
	if (job->session->over) {
		return -1; /* nothing can be restored any more */
	}
	say(job, "The original data back");
	if (write_and_check(job, offset, size, original, seen) < 0) {
		result = -1;
	}
	return result;
}

static int rewrite_part(struct job *job)
{
	const uint64_t half = job->blk.size / 2 / BLK_SECTOR_SIZE * BLK_SECTOR_SIZE;
	const uint64_t rest = job->blk.size - half;
	const uint64_t size = rest < REWRITE_SIZE ? rest : REWRITE_SIZE;
	char text[REPORT_SIZE_TEXT];
	int result = -1;

	if (job->blk.is_readonly) {
		say(job, "Rewriting\n  left out: the disk is read-only");
		return 0;
	}
	say(job, "Rewriting %s at offset %" PRIu64, report_size(size, text), half);
	uint8_t *data = malloc(size * 3);
	if (data) {
		result = rewrite(job, half, size, data, data + size, data + 2 * size);
	} else {
		report_problem("out of memory");
	}
	free(data);
	return result;
}

static int check_disk(struct job *job)
{
	if (hash_image(job, job->checksum) < 0) {
		return -1;
	}
	say(job, "Reading the whole disk");
	if (check_whole(job, "read") < 0 || rewrite_part(job) < 0) {
		return -1;
	}
	if (job->blk.is_readonly) {
		return 0;
	}
	say(job, "Reading the whole disk again");
	return check_whole(job, "read");
}

static int run_disk(struct job *job)
{
	int result = -1;

	job->image = open(job->settings->image, O_RDONLY | O_CLOEXEC);
	if (job->image < 0) {
		report_problem("%s: %s", job->settings->image, strerror(errno));
		return -1;
	}
	if (blk_driver_open(&job->blk, job->session) == 0 && blk_driver_identify(&job->blk) == 0) {
		tell_disk(job);
		result = check_disk(job);
	}
	blk_driver_close(&job->blk);
	close(job->image);
	return result;
}

/* ---- areas on demand ---- */

/* Areas that are not the pool and that the peer still has. */
static uint64_t areas_left(const struct session *session)
{
	return session->buffers.shared - session->buffers.returned;
}

static int check_areas(const struct job *job)
{
	const struct session *session = job->session;
	const struct session_buffers *buffers = &session->buffers;
	char ids[SESSION_BUFFER_IDS_TEXT];

	if (buffers->count == 0) {
		return 0;
	}
	say(job, "Areas on demand");
	say(job, "  %" PRIu64 " shared, %" PRIu64 " given back; ids %s", buffers->shared,
	    buffers->returned, session_buffer_ids(session, ids));
	say(job, "  %" PRIu64 " requests by way of the pool", job->blk.bounced);
	if (areas_left(session) > 0) {
		report_problem("%" PRIu64 " areas have not been given back", areas_left(session));
		return -1;
	}
	return 0;
}

/* ---- rng ---- */

struct draw {
	uint64_t size;
	uint64_t ones;
};

static int count_bits(void *context, const uint8_t *data, size_t size)
{
	struct draw *draw = context;

	draw->size += size;
	for (size_t i = 0; i < size; i++) {
		for (unsigned int bits = data[i]; bits; bits &= bits - 1) {
			draw->ones++;
		}
	}
	return 0;
}

/* Of 2^19 fair bits half are ones; the standard deviation is 0.07 %, and ten of them never happen.
 */
static int run_rng(struct job *job)
{
	struct draw draw = { 0 };

	say(job, "Random numbers");
	if (rng_driver_read(job->session, RNG_SIZE, count_bits, &draw) < 0) {
		return -1;
	}
	const double share = (double)draw.ones / (double)(draw.size * 8) * 100;
	if (draw.size != RNG_SIZE || share < 49.3 || share > 50.7) {
		report_problem("%.2f %% of %" PRIu64 " random bytes' bits are ones", share,
			       draw.size);
		return -1;
	}
	job->moved += draw.size;
	say(job, "  %" PRIu64 " bytes, %.2f %% of their bits are ones", draw.size, share);
	return 0;
}

/* ---- the end ---- */

static uint64_t count_messages(const struct vmsg_bus_stats *stats)
{
	uint64_t count = 0;

	for (int type = 0; type < VMSG_TYPE_COUNT; type++) {
		count += stats->sent[type];
	}
	return count;
}

static void tell_messages(const struct job *job)
{
	const struct vmsg_bus_stats *stats = &job->session->bus.stats;
	const uint64_t count = count_messages(stats);

	say(job, "Messages");
	for (int type = 0; type < VMSG_TYPE_COUNT; type++) {
		if (stats->sent[type] + stats->received[type] > 0) {
			say(job, "  %-20s %8" PRIu64 " sent %8" PRIu64 " received",
			    vmsg_type_name((enum vmsg_type)type), stats->sent[type],
			    stats->received[type]);
		}
	}
	say(job, "  %" PRIu64 " in %" PRIu64 " FF-A calls; %.2f for each MiB of data", count,
	    job->session->endpoint.calls,
	    job->moved ? (double)count / ((double)job->moved / (1 << 20)) : 0);
	if (job->moving_ns > 0) {
		say(job, "  %.0f MB/s in all, checksums included",
		    report_rate(job->moved, job->moving_ns));
	}
}

static void emit(const struct job *job, int result)
{
	const struct session *session = job->session;
	const struct vmsg_bus_stats *stats = &session->bus.stats;
	struct json json = { .comma = false };

	json_open(&json, NULL, '{');
	json_bool(&json, "passed", result == 0);
	json_format(&json, "frontend", "0x%04x", session->endpoint.id);
	json_format(&json, "backend", "0x%04x", session->peer);
	json_format(&json, "ffa_version", "%u.%u", session->endpoint.ffa_version >> 16,
		    session->endpoint.ffa_version & 0xffff);
	json_text(&json, "profile", session->bus.profile->name);
	ways_emit(&session->bus, &json);
	json_text(&json, "checksum", job->checksum);
	json_number(&json, "bytes", job->moved);
	json_real(&json, "megabytes_per_second", report_rate(job->moved, job->moving_ns));
	json_number(&json, "ffa_calls", session->endpoint.calls);
	if (session->buffers.count > 0) {
		char ids[SESSION_BUFFER_IDS_TEXT];
		json_open(&json, "areas", '{');
		json_number(&json, "shared", session->buffers.shared);
		json_number(&json, "given_back", session->buffers.returned);
		json_number(&json, "refused", session->buffers.refused);
		json_text(&json, "ids", session_buffer_ids(session, ids));
		json_number(&json, "bounced", job->blk.bounced);
		json_close(&json, '}');
	}
	json_open(&json, "messages", '{');
	for (int type = 0; type < VMSG_TYPE_COUNT; type++) {
		if (stats->sent[type] > 0) {
			json_number(&json, vmsg_type_name((enum vmsg_type)type), stats->sent[type]);
		}
	}
	json_close(&json, '}');
	json_close(&json, '}');
	json_end(&json);
}

int loopback_run_job(const struct loopback_job *settings, struct session *session)
{
	struct job job = { .settings = settings, .session = session };
	int result = 0;

	tell_partitions(&job);
	tell_bus(&job);
	if (settings->image) {
		result = run_disk(&job);
		result = check_areas(&job) < 0 ? -1 : result;
	}
	if (settings->has_rng && result == 0) {
		result = run_rng(&job);
	}
	if (settings->json) {
		emit(&job, result);
	} else {
		tell_messages(&job);
	}
	return result;
}
