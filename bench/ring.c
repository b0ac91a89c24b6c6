/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 8: a buffer's whole trip through a split queue (add, kick check, pop, push, call check,
 * reap) against a minimal checked ring. Goal 9: packed against split. And that a look-up among 255
 * areas costs what it costs with one. One thread, its own CPU time, short alternating rounds,
 * median of the ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "minimal_ring.h"
#include "virtio_msg_ffa/virtqueue.h"

#define ROUNDS      101
#define TRIPS       16000
#define LOOKUPS     40000
#define BATCH       16u /* of the series that is only reported */
#define DATA_SIZE   (1u << 20)
#define DATA_AREA   2
#define AREAS       255
#define CAPACITY    256
#define COUNT_MAX   3
#define SHIFT       48
#define GROWTH_MUST 1.5

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void stop(const char *what)
{
	fprintf(stderr, "ring: %s\n", what);
	exit(1);
}

static uint8_t data[DATA_SIZE];

static uint64_t offset_of(unsigned int trip, unsigned int i)
{
	return ((uint64_t)trip * 4096 + i * 512) % (DATA_SIZE - 512);
}

/* ---- the floor ---- */

static struct minimal_rings minimal_rings;
static struct minimal_driver minimal_driver;
static struct minimal_device minimal_device;

static double time_minimal(unsigned int count, unsigned int batch)
{
	const uint64_t start = cpu_ns();

	for (unsigned int trip = 0; trip < TRIPS; trip += batch) {
		for (unsigned int i = 0; i < batch; i++) {
			struct minimal_buffer buffers[COUNT_MAX];
			for (unsigned int k = 0; k < count; k++) {
				buffers[k] = (struct minimal_buffer){ offset_of(trip + i, k), 512,
								      k > 0 };
			}
			if (minimal_add(&minimal_driver, buffers, count, data) < 0) {
				stop("add");
			}
			(void)minimal_should_kick(&minimal_driver);
		}
		for (unsigned int i = 0; i < batch; i++) {
			struct minimal_piece pieces[8];
			uint16_t head;
			if (minimal_pop(&minimal_device, pieces, 8, &head) != (int)count) {
				stop("pop");
			}
			minimal_push(&minimal_device, head, 0);
			(void)minimal_should_notify(&minimal_device);
		}
		for (unsigned int i = 0; i < batch; i++) {
			uint32_t written;
			if (!minimal_reap(&minimal_driver, &written)) {
				stop("reap");
			}
		}
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

/* ---- the product ---- */

struct queue {
	struct vmsg_memory_area areas[2][4];
	struct vmsg_memory memory[2];
	struct vmsg_vq_driver driver;
	struct vmsg_vq_device device;
	struct vmsg_vq_driver_slot slots[MINIMAL_SIZE];
	_Alignas(4096) uint8_t rings[3][8192];
};

static struct queue split;
static struct queue packed;

static void start_queue(struct queue *queue, bool is_packed)
{
	const struct vmsg_segment segments[] = { { queue->rings[0], sizeof(queue->rings) },
						 { data, sizeof(data) } };
	const struct vmsg_vq_layout layout = {
		.size = MINIMAL_SIZE,
		.event_idx = true,
		.packed = is_packed,
		.desc_addr = 1ull << SHIFT,
		.driver_addr = 1ull << SHIFT | 8192,
		.device_addr = 1ull << SHIFT | 16384,
	};

	for (int i = 0; i < 2; i++) {
		vmsg_memory_init(&queue->memory[i], queue->areas[i], 4, SHIFT);
		if (vmsg_memory_add(&queue->memory[i], 1, &segments[0], 1, true, 0) < 0 ||
		    vmsg_memory_add(&queue->memory[i], DATA_AREA, &segments[1], 1, true, 0) < 0) {
			stop("areas");
		}
	}
	if (vmsg_vq_driver_start(&queue->driver, &queue->memory[0], &layout, queue->slots) < 0 ||
	    vmsg_vq_device_start(&queue->device, &queue->memory[1], &layout) < 0) {
		stop("start");
	}
}

static double time_queue(struct queue *queue, unsigned int count, unsigned int batch)
{
	struct vmsg_vq_piece pieces[8];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 8 };
	const uint64_t start = cpu_ns();

	for (unsigned int trip = 0; trip < TRIPS; trip += batch) {
		for (unsigned int i = 0; i < batch; i++) {
			struct vmsg_vq_buffer buffers[COUNT_MAX];
			for (unsigned int k = 0; k < count; k++) {
				buffers[k] =
					(struct vmsg_vq_buffer){ (uint64_t)DATA_AREA << SHIFT |
									 offset_of(trip + i, k),
								 512, k > 0 };
			}
			if (vmsg_vq_driver_add(&queue->driver, buffers, count, data) < 0) {
				stop("add");
			}
			(void)vmsg_vq_driver_should_kick(&queue->driver);
		}
		for (unsigned int i = 0; i < batch; i++) {
			if (vmsg_vq_device_pop(&queue->device, &chain) != 1 ||
			    chain.count != count) {
				stop("pop");
			}
			if (vmsg_vq_device_push(&queue->device, chain.head, 0) < 0) {
				stop("push");
			}
			(void)vmsg_vq_device_should_notify(&queue->device);
		}
		for (unsigned int i = 0; i < batch; i++) {
			void *cookie;
			uint32_t written;
			if (vmsg_vq_driver_reap(&queue->driver, &cookie, &written) != 1) {
				stop("reap");
			}
		}
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

/* ---- areas ---- */

static struct vmsg_memory_area areas[CAPACITY];
static struct vmsg_memory memory;

static void add_areas(uint16_t count)
{
	const struct vmsg_segment segment = { data, sizeof(data) };

	vmsg_memory_init(&memory, areas, CAPACITY, SHIFT);
	for (uint16_t id = 1; id <= count; id++) {
		if (vmsg_memory_add(&memory, id, &segment, 1, true, 0) < 0) {
			stop("area");
		}
	}
}

static double time_lookups(uint16_t count)
{
	uint32_t id = 0;
	struct vmsg_span span;

	add_areas(count);
	const uint64_t start = cpu_ns();
	for (unsigned int i = 0; i < LOOKUPS; i++) {
		id = (id + 101) % count; /* never the one before, unless there is but one */
		if (vmsg_memory_map(&memory, (uint64_t)(id + 1) << SHIFT | i, 64, true, &span) <
		    0) {
			stop("map");
		}
	}
	return (double)(cpu_ns() - start) / LOOKUPS;
}

/* ---- the report ---- */

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

struct series {
	const char *floor_name;
	const char *name;
	double must, aim;
	double floors[ROUNDS], products[ROUNDS], ratios[ROUNDS];
};

static void record(struct series *series, int round, double floor, double product)
{
	series->floors[round] = floor;
	series->products[round] = product;
	series->ratios[round] = product / floor;
}

/* 1 when the goal is missed. */
static int report(struct series *series)
{
	const double ratio = median(series->ratios);

	printf("        %s %.1f ns, %s %.1f ns, ratio %.2f (%.2f to %.2f); must %.2f, aim %.2f: "
	       "%s\n",
	       series->floor_name, median(series->floors), series->name, median(series->products),
	       ratio, series->ratios[0], series->ratios[ROUNDS - 1], series->must, series->aim,
	       ratio <= series->aim    ? "met"
	       : ratio <= series->must ? "aim missed"
				       : "MISSED");
	return ratio > series->must;
}

int main(void)
{
	static struct series split_one = {
		"floor", "1 descriptor", 1.75, 1.4, { 0 }, { 0 }, { 0 }
	};
	static struct series split_three = { "floor", "3 descriptors", 1.75, 1.4,
					     { 0 },   { 0 },           { 0 } };
	static struct series batch = { "floor", "3 descriptors", 2.0, 1.75, { 0 }, { 0 }, { 0 } };
	static struct series packed_one = { "split", "packed, 1 descriptor", 1.2, 1.1, { 0 }, { 0 },
					    { 0 } };
	static struct series packed_three = {
		"split", "packed, 3 descriptors", 1.2, 1.1, { 0 }, { 0 }, { 0 }
	};
	static struct series growth = { "1 area", "255 areas", GROWTH_MUST, GROWTH_MUST,
					{ 0 },    { 0 },       { 0 } };

	minimal_start(&minimal_driver, &minimal_device, &minimal_rings, data, sizeof(data));
	start_queue(&split, false);
	start_queue(&packed, true);
	for (int i = 0; i < ROUNDS; i++) {
		const double split_ns[] = { time_queue(&split, 1, 1), time_queue(&split, 3, 1) };
		record(&split_one, i, time_minimal(1, 1), split_ns[0]);
		record(&packed_one, i, split_ns[0], time_queue(&packed, 1, 1));
		record(&split_three, i, time_minimal(3, 1), split_ns[1]);
		record(&packed_three, i, split_ns[1], time_queue(&packed, 3, 1));
		record(&batch, i, time_minimal(3, BATCH), time_queue(&split, 3, BATCH));
		record(&growth, i, time_lookups(1), time_lookups(AREAS));
	}
	printf("goal 8  a buffer's trip through a split queue / minimal checked ring\n");
	int missed = report(&split_one) + report(&split_three);
	printf("        the same, %u buffers on the way at a time\n", BATCH);
	missed += report(&batch);
	printf("goal 9  a buffer's trip through a packed queue / split queue\n");
	missed += report(&packed_one) + report(&packed_three);
	printf("growth  mapping a bus address, one area / %d areas\n", AREAS);
	missed += report(&growth);
	return missed > 0;
}
