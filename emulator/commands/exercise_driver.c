/* SPDX-License-Identifier: BSD-3-Clause */
/* A request is cut at random; what it holds follows from a seed, so that nothing has to be kept for
 * the check. */
#include "commands/exercise_driver.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands/queue_driver.h"
#include "commands/report.h"
#include "devices/chain.h"
#include "devices/exercise.h"
#include "devices/names.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define PAGE_SIZE       4096u
#define ROOM            (2 * PAGE_SIZE) /* whole pages: nothing else is on them */
#define CUTS_MAX        3u
#define ENTRIES         (EXERCISE_REQUESTS * 2 * CUTS_MAX + 8) /* a power of two that holds them all */
#define TABLE_SIZE      (2 * CUTS_MAX * 16)
#define COMMAND_TRIES   16u /* the config may change between a look and a write */
#define SHARE_OF_ECHOES 8u  /* of the bytes, what goes through after each reset */

static int over(struct exercise *exercise)
{
	exercise->session->over = true;
	return SESSION_OVER;
}

int exercise_fail(struct exercise *exercise, const char *format, ...)
{
	char text[EXERCISE_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report_problem("device %u: %s", exercise->session->driver.options.dev_num, text);
	return over(exercise);
}

/* xorshift64*: the same shapes for the same seed */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t exercise_pick(struct exercise *exercise, uint32_t below)
{
	return (uint32_t)(next(&exercise->random) >> 32) % below;
}

/* ---- opening ---- */

void exercise_close_queues(struct exercise *exercise)
{
	for (uint32_t i = 0; i < exercise->queue_count; i++) {
		queue_driver_close(&exercise->queues[i]);
	}
	exercise->queue_count = 0;
	exercise->busy = 0;
}

static int place_requests(struct exercise *exercise, uint32_t queue)
{
	struct session *session = exercise->session;

	for (uint32_t i = 0; i < EXERCISE_REQUESTS; i++) {
		struct exercise_request *request = &exercise->requests[queue][i];
		*request = (struct exercise_request){
			.exercise = exercise,
			.queue = queue,
			.in = session_allocate(session, ROOM, PAGE_SIZE),
			.out = session_allocate(session, ROOM, PAGE_SIZE),
			.table = session_allocate(session, TABLE_SIZE, 16),
		};
		if (!request->in || !request->out || !request->table) {
			return exercise_fail(exercise, "no room for its buffers in the pool");
		}
		/* of a driver before a reset, whose buffers the device may never have seen */
		memset(request->in, 0, ROOM);
		memset(request->out, 0, ROOM);
	}
	return SESSION_OK;
}

static int open_queues(struct exercise *exercise)
{
	const struct vmsg_driver *driver = &exercise->session->driver;
	const uint32_t count = driver->info.max_virtqueues;
	int result = SESSION_OK;

	if (count == 0 || count > VMSG_DEVICE_QUEUES_MAX) {
		return exercise_fail(exercise, "%" PRIu32 " queues are none or too many", count);
	}
	for (uint32_t i = 0; i < count && result == SESSION_OK; i++) {
		if (driver->queues[i].max_size < ENTRIES) {
			return exercise_fail(exercise, "queue %" PRIu32 " has less than %u entries",
					     i, ENTRIES);
		}
		exercise->queue_count = i + 1;
		result = queue_driver_open(&exercise->queues[i], exercise->session, i, ENTRIES);
		if (result == SESSION_OK) {
			result = place_requests(exercise, i);
		}
	}
	return result;
}

static void want_features(const struct exercise *exercise, uint32_t features[4])
{
	static const unsigned int bits[] = { EXERCISE_F_XOR_03, EXERCISE_F_XOR_0C,
					     EXERCISE_F_XOR_30, EXERCISE_F_XOR_C0,
					     VMSG_F_RING_RESET };

	session_ring_features(features);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		features[bits[i] / 32] |= 1u << bits[i] % 32;
	}
	if (exercise->is_packed) {
		features[VMSG_F_RING_PACKED / 32] |= 1u << VMSG_F_RING_PACKED % 32;
	}
}

int exercise_begin(struct session *session, void *context)
{
	struct exercise *exercise = context;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = { 0 };

	exercise_close_queues(exercise);
	session_free_all(session);
	want_features(exercise, features);
	int result = session_find_device(session, VMSG_VIRTIO_EXERCISE, features);
	if (result != SESSION_OK) {
		return result;
	}
	if (session_config(session, EXERCISE_CONFIG_MAGIC, 4) != EXERCISE_MAGIC) {
		return exercise_fail(exercise, "an experiment, but not the exercise device");
	}
	exercise->mask = exercise_mask(session->driver.features);
	result = open_queues(exercise);
	return result == SESSION_OK ? session_ready(session) : result;
}

int exercise_begin_anew(struct exercise *exercise, bool is_packed)
{
	exercise->is_packed = is_packed;
	exercise->counts->device_resets++;
	return session_retry(exercise->session, exercise_begin, exercise);
}

/* ---- config ---- */

uint64_t exercise_sequence(const struct exercise *exercise)
{
	return session_config(exercise->session, EXERCISE_CONFIG_SEQUENCE, 8);
}

int exercise_check_config(struct exercise *exercise)
{
	const struct session *session = exercise->session;

	for (uint32_t i = 0; i < VMSG_FEATURE_BLOCKS_MAX; i++) {
		const uint64_t seen = session_config(session, EXERCISE_CONFIG_FEATURES + 4 * i, 4);
		if (seen != session->driver.features[i]) {
			return exercise_fail(exercise,
					     "features %" PRIu32 " to %" PRIu32 " are 0x%08" PRIx64
					     " there and 0x%08" PRIx32 " here",
					     32 * i, 32 * i + 31, seen,
					     session->driver.features[i]);
		}
	}
	for (uint32_t i = EXERCISE_CONFIG_PATTERN; i < session->driver.info.config_size; i++) {
		const uint8_t expected = exercise_pattern(exercise_sequence(exercise), i);
		if (session->config[i] != expected) {
			return exercise_fail(
				exercise,
				"torn config: byte %" PRIu32 " is 0x%02x, not 0x%02x as in its "
				"state %" PRIu64,
				i, session->config[i], expected, exercise_sequence(exercise));
		}
	}
	return SESSION_OK;
}

int exercise_read_config(struct exercise *exercise)
{
	const uint64_t before = exercise_sequence(exercise);
	const int result = session_read_config(exercise->session);

	exercise->counts->config_reads++;
	if (result != SESSION_OK) {
		return result;
	}
	exercise->counts->config_changes += exercise_sequence(exercise) != before;
	return exercise_check_config(exercise);
}

/* A device may refuse what was written for an older state of its config. */
int exercise_command(struct exercise *exercise, uint32_t number, uint32_t argument)
{
	uint8_t words[8];
	bool is_refused = true;
	int result = SESSION_OK;

	store_le(words, number, 4);
	store_le(words + 4, argument, 4);
	for (unsigned int i = 0; i < COMMAND_TRIES && result == SESSION_OK && is_refused; i++) {
		if (i > 0) {
			result = exercise_read_config(exercise);
		}
		if (result == SESSION_OK) {
			result = session_write_config(exercise->session, EXERCISE_CONFIG_COMMAND,
						      (struct vmsg_bytes){ words, sizeof(words) },
						      &is_refused);
		}
	}
	return result == SESSION_OK && is_refused
		       ? exercise_fail(exercise, "command %" PRIu32 " is refused", number)
		       : result;
}

/* ---- echoes ---- */

/* `size` bytes in 1 to CUTS_MAX pieces; returns how many. */
static size_t cut(struct exercise *exercise, const uint8_t *data, uint32_t size, bool write,
		  struct vmsg_vq_buffer *pieces)
{
	const uint64_t address = session_address(exercise->session, data);
	size_t count = 0;

	for (uint32_t at = 0; at < size;) {
		const uint32_t left = size - at;
		const uint32_t length =
			count + 1 < CUTS_MAX ? 1 + exercise_pick(exercise, left) : left;
		pieces[count++] = (struct vmsg_vq_buffer){ address + at, length, write };
		at += length;
	}
	return count;
}

static void fill(const struct exercise_request *request)
{
	uint64_t state = request->seed;

	for (uint32_t i = 0; i < ROOM; i++) {
		request->in[i] = i < request->readable ? (uint8_t)(next(&state) >> 56) : 0;
	}
	memset(request->out, 0, ROOM);
}

/* Mostly both ways; now and then nothing to read, or no room to write. */
static void shape(struct exercise *exercise, struct exercise_request *request)
{
	const uint32_t kind = exercise_pick(exercise, 16);
	const uint32_t limit = exercise_pick(exercise, 4) == 0 ? 64 : ROOM;

	request->readable = kind == 0 ? 0 : 1 + exercise_pick(exercise, limit);
	request->writable = kind == 1 ? 0 : 1 + exercise_pick(exercise, limit);
	if (kind > 7) {
		request->writable = request->readable;
	}
	request->seed = next(&exercise->random) | 1;
	fill(request);
}

static int offer(struct exercise *exercise, struct exercise_request *request)
{
	struct queue_driver *queue = &exercise->queues[request->queue];
	struct vmsg_vq_buffer pieces[2 * CUTS_MAX];
	int error;

	shape(exercise, request);
	size_t count = cut(exercise, request->in, request->readable, false, pieces);
	count += cut(exercise, request->out, request->writable, true, pieces + count);
	if (queue->layout.indirect && exercise_pick(exercise, 2) == 0) {
		error = vmsg_vq_driver_add_indirect(
			&queue->ring, session_address(exercise->session, request->table), pieces,
			count, request);
	} else {
		error = vmsg_vq_driver_add(&queue->ring, pieces, count, request);
	}
	if (error < 0) {
		return exercise_fail(exercise, "a buffer does not go into queue %" PRIu32 ": %s",
				     request->queue, vmsg_error_text(error));
	}
	request->is_busy = true;
	exercise->busy++;
	return SESSION_OK;
}

/* Some of the requests that are not with the device. */
static int offer_some(struct exercise *exercise, uint32_t queue)
{
	int result = SESSION_OK;

	for (uint32_t i = 0; i < EXERCISE_REQUESTS && result == SESSION_OK; i++) {
		struct exercise_request *request = &exercise->requests[queue][i];
		if (!request->is_busy && exercise_pick(exercise, 4) > 0) {
			result = offer(exercise, request);
		}
	}
	return result;
}

/* 0, or what is wrong was reported. */
static int check_echo(struct exercise *exercise, const struct exercise_request *request,
		      uint32_t written)
{
	const uint32_t expected =
		request->readable < request->writable ? request->readable : request->writable;
	uint64_t state = request->seed;

	if (written != expected) {
		return exercise_fail(exercise,
				     "queue %" PRIu32 ": %" PRIu32 " bytes came back, not %" PRIu32,
				     request->queue, written, expected);
	}
	for (uint32_t i = 0; i < ROOM; i++) {
		const uint8_t sent = i < request->readable ? (uint8_t)(next(&state) >> 56) : 0;
		const uint8_t wanted = i < expected ? sent ^ exercise->mask : 0;
		if (request->out[i] != wanted) {
			return exercise_fail(exercise,
					     "queue %" PRIu32 ": byte %" PRIu32 " of %" PRIu32
					     " is 0x%02x, not 0x%02x",
					     request->queue, i, expected, request->out[i], wanted);
		}
		if (request->in[i] != sent) {
			return exercise_fail(exercise,
					     "queue %" PRIu32
					     ": the device wrote into what it may only read",
					     request->queue);
		}
	}
	return SESSION_OK;
}

static void done(void *context, void *cookie, uint32_t written)
{
	struct exercise *exercise = context;
	struct exercise_request *request = cookie;

	request->is_busy = false;
	exercise->busy--;
	exercise->counts->buffers++;
	exercise->counts->bytes += written;
	exercise->failed |= check_echo(exercise, request, written) != SESSION_OK;
}

static bool is_busy(const struct exercise *exercise, uint32_t queue)
{
	for (uint32_t i = 0; i < EXERCISE_REQUESTS; i++) {
		if (exercise->requests[queue][i].is_busy) {
			return true;
		}
	}
	return false;
}

/* Waits, if all else stands still, for one that the device has. */
static int await_one(struct exercise *exercise)
{
	for (uint32_t i = 0; i < exercise->queue_count; i++) {
		if (is_busy(exercise, i)) {
			return queue_driver_run(&exercise->queues[i], true, done, exercise);
		}
	}
	return SESSION_OK;
}

int exercise_echo(struct exercise *exercise, uint64_t bytes)
{
	const uint64_t target = exercise->counts->bytes + bytes;
	int result = SESSION_OK;

	while (result == SESSION_OK && (exercise->counts->bytes < target || exercise->busy > 0)) {
		const uint64_t buffers = exercise->counts->buffers;
		for (uint32_t i = 0; i < exercise->queue_count && result == SESSION_OK; i++) {
			if (exercise->counts->bytes < target) {
				result = offer_some(exercise, i);
			}
			if (result == SESSION_OK) {
				result = queue_driver_run(&exercise->queues[i], false, done,
							  exercise);
			}
		}
		if (result == SESSION_OK && buffers == exercise->counts->buffers) {
			result = await_one(exercise);
		}
		result = exercise->failed ? SESSION_OVER : result;
	}
	return result;
}

int exercise_echo_some(struct exercise *exercise)
{
	return exercise_echo(exercise, exercise->settings->bytes / SHARE_OF_ECHOES);
}

int exercise_leave_some(struct exercise *exercise, uint32_t queue)
{
	const int result = offer_some(exercise, queue);

	if (result != SESSION_OK) {
		return result;
	}
	(void)!vmsg_driver_kick(&exercise->session->driver, queue, 0); /* it is ready */
	return session_run(exercise->session);
}
