/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps, each of which leaves the device running, or says why not. */
#include "commands/exercise_steps.h"

#include <inttypes.h>
#include <stdio.h>

#include "commands/exercise_driver.h"
#include "commands/report.h"
#include "devices/exercise.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define CONFIG_ROUNDS 16u
#define NEVER_STILL   1000000u
#define SLOW_RESET_MS 30u
#define NS_PER_MS     UINT64_C(1000000)

static int step_start(struct exercise *exercise)
{
	const struct session *session = exercise->session;
	const int result = session_retry(exercise->session, exercise_begin, exercise);

	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "%" PRIu32 " queues, %" PRIu32 " bytes of config", exercise->queue_count,
		 session->driver.info.config_size);
	return result == SESSION_OK ? exercise_check_config(exercise) : result;
}

static int step_features(struct exercise *exercise)
{
	const struct vmsg_driver *driver = &exercise->session->driver;
	const uint32_t blocks = driver->info.num_feature_blocks;

	if (blocks > 2 && exercise->mask != 0xff) {
		return exercise_fail(exercise,
				     "of its features only those of mask 0x%02x are agreed",
				     exercise->mask);
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "%" PRIu32 " bits offered, the same ones agreed on both sides, bytes XORed with "
		 "0x%02x",
		 32 * blocks, exercise->mask);
	return SESSION_OK;
}

static int step_echo(struct exercise *exercise)
{
	const uint64_t start_ns = report_now();
	const int result = exercise_echo(exercise, exercise->settings->bytes);

	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "%" PRIu64 " buffers with %" PRIu64 " bytes came back through %" PRIu32
		 " queues in %.2f s",
		 exercise->counts->buffers, exercise->counts->bytes, exercise->queue_count,
		 (double)(report_now() - start_ns) / 1e9);
	return result;
}

/* Reads while the config changes between the messages of a read. */
static int step_config(struct exercise *exercise)
{
	const uint64_t *messages = &exercise->session->bus.stats.sent[VMSG_GET_CONFIG];
	const uint64_t messages_before = *messages;
	const uint64_t before = exercise_sequence(exercise);
	int result = SESSION_OK;

	for (uint32_t i = 0; i < CONFIG_ROUNDS && result == SESSION_OK; i++) {
		result = exercise_command(exercise, EXERCISE_CHANGE_READS,
					  1 + exercise_pick(exercise, 8));
		if (result == SESSION_OK) {
			result = exercise_read_config(exercise);
		}
	}
	if (result == SESSION_OK && exercise_sequence(exercise) == before) {
		return exercise_fail(exercise, "its config did not change when it was read");
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "read %u times in %" PRIu64 " messages while it changed %" PRIu64
		 " times, never torn",
		 CONFIG_ROUNDS, *messages - messages_before, exercise_sequence(exercise) - before);
	return result;
}

static int step_change(struct exercise *exercise)
{
	struct session *session = exercise->session;
	int result = exercise_command(exercise, EXERCISE_CHANGE_READS, 0);
	uint64_t before = 0;

	if (result == SESSION_OK) {
		result = exercise_read_config(exercise);
	}
	if (result == SESSION_OK) {
		before = exercise_sequence(exercise);
		session->is_changed = false;
		result = exercise_command(exercise, EXERCISE_CHANGE, 0);
	}
	if (result == SESSION_OK) {
		result = session_await_device(session, &session->is_changed,
					      "a change of its config");
	}
	if (result == SESSION_OK) {
		result = exercise_read_config(exercise);
	}
	if (result == SESSION_OK && exercise_sequence(exercise) == before) {
		return exercise_fail(exercise, "it tells of a change, but its config is as before");
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE, "told of at once, and read as state %" PRIu64,
		 exercise_sequence(exercise));
	return result;
}

/* A region of the device's is a queue's table, where the dialect has numbers that are wide enough;
 * the one behind the last is at an address that nobody knows, and so is none. */
static int check_region(struct exercise *exercise, uint32_t shmid, uint32_t count)
{
	const struct session *session = exercise->session;
	const bool is_one = shmid < count && shmid < exercise->queue_count &&
			    session->bus.profile->has_queue_flags;
	const struct vmsg_vq_layout *layout = is_one ? &exercise->queues[shmid].layout : NULL;
	const uint64_t wanted_length = is_one ? vmsg_vq_desc_size(layout->size) : 0;
	uint64_t length;
	uint64_t address;
	const int result = session_get_region(exercise->session, shmid, &length, &address);

	if (result == SESSION_OK &&
	    (length != wanted_length || (is_one && address != layout->desc_addr))) {
		return exercise_fail(exercise,
				     "region %" PRIu32 " has %" PRIu64 " bytes at 0x%" PRIx64
				     ", not %" PRIu64,
				     shmid, length, address, wanted_length);
	}
	return result;
}

static int step_regions(struct exercise *exercise)
{
	const uint32_t count =
		(uint32_t)session_config(exercise->session, EXERCISE_CONFIG_REGIONS, 4);
	int result = SESSION_OK;

	if (exercise->session->bus.profile->has_kick_all) { /* r0 has no GET_SHM */
		snprintf(exercise->text, EXERCISE_TEXT_SIZE, "the dialect has none");
		return SESSION_OK;
	}
	for (uint32_t i = 0; i <= count + 1 && result == SESSION_OK; i++) {
		result = check_region(exercise, i, count);
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "%" PRIu32 " asked for, each where it has to be", count + 2);
	return result;
}

static int step_queue_reset(struct exercise *exercise)
{
	int result = SESSION_OK;

	if (!vmsg_driver_has_feature(&exercise->session->driver, VMSG_F_RING_RESET)) {
		snprintf(exercise->text, EXERCISE_TEXT_SIZE, "not offered");
		return SESSION_OK;
	}
	for (uint32_t i = 0; i < exercise->queue_count && result == SESSION_OK; i++) {
		result = exercise_leave_some(exercise, i);
		if (result == SESSION_OK) {
			result = queue_driver_reset(&exercise->queues[i]);
			exercise->counts->queue_resets++;
		}
		for (uint32_t k = 0; k < EXERCISE_REQUESTS; k++) {
			struct exercise_request *request = &exercise->requests[i][k];
			exercise->busy -= request->is_busy;
			request->is_busy = false;
		}
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE, "%" PRIu32 " queues, each with buffers in it",
		 exercise->queue_count);
	return result == SESSION_OK ? exercise_echo_some(exercise) : result;
}

static int step_failure(struct exercise *exercise)
{
	struct session *session = exercise->session;
	int result = exercise_command(exercise, EXERCISE_NEEDS_RESET, 0);

	if (result == SESSION_OK) {
		result = session_await_device(session, &session->needs_reset, "its failure");
	}
	if (result == SESSION_OK) {
		result = exercise_begin_anew(exercise, true);
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE, "told of, and mended by a reset; now %s rings",
		 vmsg_driver_has_feature(&session->driver, VMSG_F_RING_PACKED) ? "packed"
									       : "split");
	return result == SESSION_OK ? exercise_echo_some(exercise) : result;
}

static int step_never_still(struct exercise *exercise)
{
	int error = 0;
	int result = exercise_command(exercise, EXERCISE_CHANGE_READS, NEVER_STILL);

	if (result == SESSION_OK) {
		result = session_try_config(exercise->session, &error);
	}
	if (result != SESSION_OK) {
		return result;
	}
	if (error != VMSG_ERROR_AGAIN) {
		return exercise_fail(exercise, "a config that changes all the time is read: %s",
				     vmsg_error_text(error));
	}
	result = exercise_begin_anew(exercise, true);
	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "a config that changes with every message is given up, not torn");
	return result == SESSION_OK ? exercise_check_config(exercise) : result;
}

static int step_reset(struct exercise *exercise)
{
	int result = exercise_command(exercise, EXERCISE_SLOW_RESET, SLOW_RESET_MS);
	uint64_t start_ns = report_now();

	for (uint32_t i = 0; i < exercise->queue_count && result == SESSION_OK; i++) {
		result = exercise_leave_some(exercise, i);
	}
	if (result == SESSION_OK) {
		start_ns = report_now();
		result = session_reset_device(exercise->session);
	}
	const uint64_t ns = report_now() - start_ns;
	if (result == SESSION_OK && ns < SLOW_RESET_MS * NS_PER_MS) {
		return exercise_fail(exercise, "a reset that takes %u ms is over before",
				     SLOW_RESET_MS);
	}
	if (result == SESSION_OK) {
		result = exercise_begin_anew(exercise, false);
	}
	snprintf(exercise->text, EXERCISE_TEXT_SIZE,
		 "in the middle of the work, %" PRIu64 " ms; all works again", ns / NS_PER_MS);
	return result == SESSION_OK ? exercise_echo_some(exercise) : result;
}

static const struct {
	const char *name;
	int (*run)(struct exercise *exercise);
} steps[] = {
	{ "start", step_start },
	{ "features", step_features },
	{ "echo", step_echo },
	{ "config", step_config },
	{ "change", step_change },
	{ "regions", step_regions },
	{ "queue reset", step_queue_reset },
	{ "failure", step_failure },
	{ "never still", step_never_still },
	{ "reset", step_reset },
};

int exercise_driver_run(struct session *session, const struct exercise_settings *settings,
			struct exercise_counts *counts)
{
	struct exercise exercise = {
		.settings = settings,
		.counts = counts,
		.session = session,
		.random = (uint64_t)settings->seed << 1 | 1, /* 0 would stay 0 */
	};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	size_t i;

	for (i = 0; i < count; i++) {
		if (steps[i].run(&exercise) != SESSION_OK) { /* also when it was too late */
			counts->failed_step = steps[i].name;
			break;
		}
		settings->passed(settings->context, steps[i].name, exercise.text);
	}
	exercise_close_queues(&exercise);
	return i == count ? 0 : -1;
}
