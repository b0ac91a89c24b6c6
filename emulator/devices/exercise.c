/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device for tests of drivers, of which no specification knows: every queue copies what the
 * driver wrote into what it may read; changes of the config space, slow resets and failures can be
 * had on demand. What a callback may not do at once it owes, and does in the next kick.
 */
#include "devices/exercise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "devices/chain.h"
#include "devices/devices.h"
#include "devices/settings.h"
#include "devices/watch.h"
#include "virtio_msg_ffa/proto.h"

#define QUEUES_MAX      16u
#define QUEUE_SIZE_MAX  64u
#define PIECES_MAX      (QUEUE_SIZE_MAX * 2)
#define CHAINS_MAX      64 /* served in one go */
#define CONFIG_SIZE_MAX 1024u
#define NS_PER_MS       1000000u

enum { TIMER_CHANGE, TIMER_ECHO, TIMER_RESET, TIMER_COUNT };

struct exercise {
	struct emu_device base;
	/* as told on the command line */
	uint64_t queue_count;
	uint64_t config_size;
	uint64_t change_ms;
	uint64_t change_reads;
	uint64_t change_echoes;
	uint64_t delay_ms;
	uint64_t reset_ms;
	uint64_t region_count;
	/* of this driver */
	uint64_t addresses[QUEUES_MAX]; /* of the queues' descriptors */
	uint64_t sizes[QUEUES_MAX];     /* 0: not started */
	uint8_t mask;
	uint64_t reads_left;  /* that are followed by a change */
	uint64_t echoes_left; /* until the next change */
	uint32_t owed_changes;
	bool owes_failure;
	uint64_t next_reset_ms;
	uint32_t waiting; /* bit per queue: kicked, and the delay is not over */
	uint32_t ready;   /* bit per queue: it is */
	int timers[TIMER_COUNT];
	uint8_t config[CONFIG_SIZE_MAX];
};

/* ---- time ---- */

static void start_timer(struct exercise *exercise, uint32_t timer, uint64_t ms)
{
	const struct itimerspec time = {
		.it_value = { .tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * (long)NS_PER_MS },
	};

	(void)timerfd_settime(exercise->timers[timer], 0, &time, NULL);
	watch_arm(&exercise->base, exercise->timers[timer], false, timer);
}

/* ---- config ---- */

static void fill_config(struct exercise *exercise)
{
	const uint64_t sequence = load_le(exercise->config + EXERCISE_CONFIG_SEQUENCE, 8);

	for (uint32_t i = EXERCISE_CONFIG_PATTERN; i < exercise->config_size; i++) {
		exercise->config[i] = exercise_pattern(sequence, i);
	}
}

static void change(struct exercise *exercise)
{
	uint8_t *sequence = exercise->config + EXERCISE_CONFIG_SEQUENCE;

	store_le(sequence, load_le(sequence, 8) + 1, 8);
	fill_config(exercise);
	vmsg_device_config_changed(&exercise->base.machine, EXERCISE_CONFIG_SEQUENCE,
				   (uint32_t)exercise->config_size - EXERCISE_CONFIG_SEQUENCE);
}

static bool can_be_kicked(const struct exercise *exercise)
{
	return exercise->base.machine.status & VMSG_STATUS_DRIVER_OK && exercise->sizes[0] > 0;
}

static void obey_changes(struct exercise *exercise)
{
	while (exercise->owed_changes > 0) {
		exercise->owed_changes--;
		change(exercise);
	}
}

static void obey(struct exercise *exercise)
{
	obey_changes(exercise);
	if (exercise->owes_failure) {
		exercise->owes_failure = false;
		vmsg_device_needs_reset(&exercise->base.machine);
	}
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	struct exercise *exercise = context;

	obey_changes(exercise);
	memcpy(out.data, exercise->config + offset, out.size);
	if (exercise->reads_left > 0 && can_be_kicked(exercise)) {
		exercise->reads_left--;
		exercise->owed_changes++;
		vmsg_device_kick_later(&exercise->base.machine, 0);
	}
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	struct exercise *exercise = context;

	if (offset != EXERCISE_CONFIG_COMMAND || in.size != 8 || !can_be_kicked(exercise)) {
		return -1;
	}
	const uint64_t argument = load_le(in.data + 4, 4);
	switch (load_le(in.data, 4)) {
	case EXERCISE_CHANGE:
		exercise->owed_changes++;
		break;
	case EXERCISE_CHANGE_READS:
		exercise->reads_left = argument;
		break;
	case EXERCISE_NEEDS_RESET:
		exercise->owes_failure = true;
		break;
	case EXERCISE_SLOW_RESET:
		if (argument > EXERCISE_TIME_MAX_MS) {
			return -1;
		}
		exercise->next_reset_ms = argument;
		break;
	default:
		return -1;
	}
	memcpy(exercise->config + offset, in.data, in.size);
	vmsg_device_kick_later(&exercise->base.machine, 0);
	return 0;
}

static int set_features(void *context, const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	struct exercise *exercise = context;

	for (uint32_t i = 0; i < 4; i++) {
		store_le(exercise->config + EXERCISE_CONFIG_FEATURES + (size_t)i * 4, features[i],
			 4);
	}
	exercise->mask = exercise_mask(features);
	return 0;
}

/* ---- queues ---- */

/* Returns how many bytes were written: as many as there are to read, or as there is room for. */
static uint32_t echo_chain(const struct vmsg_vq_chain *chain, uint8_t mask)
{
	uint8_t bytes[4096];
	uint64_t done = 0;
	size_t size;

	while ((size = chain_read(chain, done, bytes, sizeof(bytes))) > 0) {
		for (size_t i = 0; i < size; i++) {
			bytes[i] ^= mask;
		}
		const size_t written = chain_write(chain, done, bytes, size);
		done += written;
		if (written < size) {
			break;
		}
	}
	return (uint32_t)done;
}

static void count_echo(struct exercise *exercise)
{
	exercise->base.requests++;
	if (exercise->change_echoes > 0 && --exercise->echoes_left == 0) {
		exercise->echoes_left = exercise->change_echoes;
		change(exercise);
	}
}

static void echo(struct exercise *exercise, uint32_t index, struct vmsg_vq_device *queue)
{
	struct vmsg_vq_piece pieces[PIECES_MAX];
	struct vmsg_vq_chain chain = { .pieces = pieces };
	int served = 0;

	do {
		vmsg_vq_device_disable_notify(queue);
		while (served < CHAINS_MAX) {
			chain.capacity = PIECES_MAX;
			const int result = vmsg_vq_device_pop(queue, &chain);
			exercise->base.errors += result < 0;
			if (result != 1 ||
			    vmsg_vq_device_push(queue, chain.head,
						echo_chain(&chain, exercise->mask)) < 0) {
				break;
			}
			count_echo(exercise);
			served++;
		}
	} while (vmsg_vq_device_enable_notify(queue) && served < CHAINS_MAX);
	if (served == CHAINS_MAX) {
		vmsg_device_kick_later(&exercise->base.machine, index);
	}
	vmsg_device_notify(&exercise->base.machine, index);
}

/* True when the queue may be served now; else it is when the time is over. */
static bool is_due(struct exercise *exercise, uint32_t index)
{
	const uint32_t bit = 1u << index;

	if (exercise->delay_ms == 0 || exercise->ready & bit) {
		exercise->ready &= ~bit;
		return true;
	}
	if (exercise->waiting == 0) {
		start_timer(exercise, TIMER_ECHO, exercise->delay_ms);
	}
	exercise->waiting |= bit;
	return false;
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct exercise *exercise = context;

	obey(exercise);
	if (is_due(exercise, index)) {
		echo(exercise, index, queue);
	}
}

static int queue_start(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct exercise *exercise = context;

	exercise->addresses[index] = queue->vq.layout.desc_addr;
	exercise->sizes[index] = vmsg_vq_desc_size(queue->vq.layout.size);
	return 0;
}

static void queue_stop(void *context, uint32_t index)
{
	struct exercise *exercise = context;

	exercise->sizes[index] = 0;
	exercise->waiting &= ~(1u << index);
	exercise->ready &= ~(1u << index);
}

/* ---- the device ---- */

/*
 * Both sides know nothing but what the driver has shared: region N is the descriptor table of queue
 * N. One more lies where nothing is, which no driver should get to see.
 */
static int shm(void *context, uint32_t shmid, uint64_t *length, uint64_t *address)
{
	const struct exercise *exercise = context;

	if (exercise->region_count > 0 && shmid == exercise->region_count) {
		*length = 1;
		*address = UINT64_MAX;
		return 0;
	}
	if (shmid >= exercise->region_count || exercise->sizes[shmid] == 0) {
		return -1;
	}
	*length = exercise->sizes[shmid];
	*address = exercise->addresses[shmid];
	return 0;
}

static void forget_driver(struct exercise *exercise)
{
	memset(exercise->config + EXERCISE_CONFIG_COMMAND, 0, 8);
	memset(exercise->config + EXERCISE_CONFIG_FEATURES, 0, 16);
	exercise->mask = 0;
	exercise->reads_left = exercise->change_reads;
	exercise->echoes_left = exercise->change_echoes;
	exercise->owed_changes = 0;
	exercise->owes_failure = false;
	exercise->waiting = 0;
	exercise->ready = 0;
	exercise->next_reset_ms = exercise->reset_ms;
}

static int reset(void *context)
{
	struct exercise *exercise = context;
	const uint64_t ms = exercise->next_reset_ms;

	forget_driver(exercise);
	if (ms == 0) {
		return 1;
	}
	start_timer(exercise, TIMER_RESET, ms);
	return 0;
}

/* A timer has ended. */
static void ready(struct emu_device *device, uint32_t timer)
{
	struct exercise *exercise = (struct exercise *)device; /* its first member */
	uint64_t times;

	if (read(exercise->timers[timer], &times, sizeof(times)) != (ssize_t)sizeof(times)) {
		return; /* it was started again meanwhile */
	}
	if (timer == TIMER_CHANGE) {
		change(exercise);
		start_timer(exercise, TIMER_CHANGE, exercise->change_ms);
	} else if (timer == TIMER_RESET) {
		vmsg_device_reset_done(&device->machine);
	} else {
		exercise->ready = exercise->waiting;
		exercise->waiting = 0;
		for (uint32_t i = 0; i < exercise->queue_count; i++) {
			if (exercise->ready & 1u << i) {
				vmsg_device_kick_later(&device->machine, i);
			}
		}
	}
}

static void exercise_close(struct emu_device *device)
{
	struct exercise *exercise = (struct exercise *)device;

	for (size_t i = 0; i < TIMER_COUNT; i++) {
		if (exercise->timers[i] >= 0) {
			watch_forget(device, exercise->timers[i]);
			(void)close(exercise->timers[i]);
		}
	}
	watch_close(device);
	free(exercise);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.write_config = write_config,
	.set_features = set_features,
	.queue_start = queue_start,
	.queue_stop = queue_stop,
	.kick = kick,
	.reset = reset,
	.shm = shm,
};

/* ---- opening ---- */

static int parse(struct exercise *exercise, const char *options, char *why, size_t why_size)
{
	const struct device_setting table[] = {
		{ .key = "queues",
		  .number = &exercise->queue_count,
		  .least = 1,
		  .most = QUEUES_MAX },
		{ .key = "config-size",
		  .number = &exercise->config_size,
		  .least = EXERCISE_CONFIG_SIZE_MIN,
		  .most = CONFIG_SIZE_MAX },
		{ .key = "change-ms",
		  .number = &exercise->change_ms,
		  .most = EXERCISE_TIME_MAX_MS },
		{ .key = "change-reads", .number = &exercise->change_reads, .most = UINT32_MAX },
		{ .key = "change-echoes", .number = &exercise->change_echoes, .most = UINT32_MAX },
		{ .key = "delay-ms", .number = &exercise->delay_ms, .most = EXERCISE_TIME_MAX_MS },
		{ .key = "reset-ms", .number = &exercise->reset_ms, .most = EXERCISE_TIME_MAX_MS },
		{ .key = "regions", .number = &exercise->region_count, .most = QUEUES_MAX },
	};

	return device_settings("exercise", options, table, sizeof(table) / sizeof(table[0]), why,
			       why_size);
}

static int open_timers(struct exercise *exercise)
{
	if (watch_open(&exercise->base) < 0) {
		return -1;
	}
	for (size_t i = 0; i < TIMER_COUNT; i++) {
		exercise->timers[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		if (exercise->timers[i] < 0) {
			return -1;
		}
	}
	return 0;
}

static int set_up(struct exercise *exercise, uint16_t dev_num)
{
	exercise->base.info = (struct vmsg_device_info){
		.device_id = DEVICE_TYPE_EXERCISE,
		.vendor_id = DEVICE_VENDOR_ID,
		.features = { 1u << EXERCISE_F_XOR_03,
			      1u << (EXERCISE_F_XOR_0C - 32) | 1u << (VMSG_F_IN_ORDER - 32),
			      1u << (EXERCISE_F_XOR_30 - 64), 1u << (EXERCISE_F_XOR_C0 - 96) },
		.config_size = (uint32_t)exercise->config_size,
		.queue_count = (uint32_t)exercise->queue_count,
		.queue_size_max = QUEUE_SIZE_MAX,
	};
	store_le(exercise->config + EXERCISE_CONFIG_MAGIC, EXERCISE_MAGIC, 4);
	store_le(exercise->config + EXERCISE_CONFIG_REGIONS, exercise->region_count, 4);
	fill_config(exercise);
	forget_driver(exercise);
	if (exercise->change_ms > 0) {
		start_timer(exercise, TIMER_CHANGE, exercise->change_ms);
	}
	return vmsg_device_init(&exercise->base.machine, dev_num, &exercise->base.info, &ops,
				exercise);
}

struct emu_device *exercise_open(const char *options, uint16_t dev_num, char *why, size_t why_size)
{
	struct exercise *exercise = calloc(1, sizeof(*exercise));

	if (!exercise) {
		(void)snprintf(why, why_size, "--device exercise: out of memory");
		return NULL;
	}
	exercise->base.kind = "exercise";
	exercise->base.fd = -1;
	exercise->base.ready = ready;
	exercise->base.close = exercise_close;
	exercise->queue_count = 4;
	exercise->config_size = 256;
	exercise->region_count = 1;
	for (size_t i = 0; i < TIMER_COUNT; i++) {
		exercise->timers[i] = -1;
	}
	if (parse(exercise, options, why, why_size) == 0) {
		if (open_timers(exercise) < 0) {
			(void)snprintf(why, why_size, "--device exercise: %s", strerror(errno));
		} else if (set_up(exercise, dev_num) < 0) {
			(void)snprintf(why, why_size, "--device exercise: cannot be set up");
		} else {
			return &exercise->base;
		}
	}
	const int error = errno;
	exercise_close(&exercise->base);
	errno = error; /* EINVAL: what was asked for is wrong */
	return NULL;
}
