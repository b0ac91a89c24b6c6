/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 6: what it costs to put registers into bytes and take them out again, against a plain copy
 * of the same bytes both ways: the frame of 18 registers, and a message as the payload of a direct
 * request. One thread, its own CPU time, alternating rounds, median of the ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "virtio_msg_ffa/ffa.h"

#define ROUNDS       101
#define TRIPS        200000
#define MESSAGE_SIZE 104u
#define MUST         1.6
#define AIM          1.3

static struct vmsg_ffa_regs regs;
static uint8_t bytes[VMSG_FFA_FRAME_SIZE];
static uint8_t message[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

/* Neither call nor copy may be left out or joined with the next. */
static void settle(void)
{
	__asm__ volatile("" ::: "memory");
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A call, as the library's functions are. */
static void __attribute__((noinline)) copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	settle();
}

static double time_copy(size_t size)
{
	const uint64_t start = cpu_ns();

	for (int i = 0; i < TRIPS; i++) {
		copy(bytes, regs.x, size);
		settle();
		copy(regs.x, bytes, size);
		settle();
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

static double time_frame(void)
{
	const uint64_t start = cpu_ns();

	for (int i = 0; i < TRIPS; i++) {
		vmsg_ffa_regs_store(&regs, bytes);
		settle();
		vmsg_ffa_regs_load(&regs, bytes);
		settle();
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

static double time_message(void)
{
	static const struct vmsg_ffa_uuid uuid = VMSG_FFA_UUID_DEVICE_ROLE;
	const uint64_t start = cpu_ns();

	for (int i = 0; i < TRIPS; i++) {
		if (vmsg_ffa_pack_direct_request2(&regs, 1, 0x8001, &uuid,
						  (struct vmsg_bytes){ message, MESSAGE_SIZE }) <
		    0) {
			exit(1);
		}
		settle();
		vmsg_ffa_unpack_direct2_payload(&regs, message);
		settle();
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

/* 1 when the goal is missed. */
static int report(const char *name, double *floors, double *products, double *ratios)
{
	const double ratio = median(ratios);

	printf("        %s: copy %.1f ns, library %.1f ns, ratio %.2f (%.2f to %.2f); must %.2f, "
	       "aim %.2f: %s\n",
	       name, median(floors), median(products), ratio, ratios[0], ratios[ROUNDS - 1], MUST,
	       AIM,
	       ratio <= AIM    ? "met"
	       : ratio <= MUST ? "aim missed"
			       : "MISSED");
	return ratio > MUST;
}

int main(void)
{
	static double floors[2][ROUNDS];
	static double products[2][ROUNDS];
	static double ratios[2][ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		floors[0][i] = time_copy(VMSG_FFA_FRAME_SIZE);
		products[0][i] = time_frame();
		floors[1][i] = time_copy(VMSG_FFA_DIRECT2_PAYLOAD_SIZE);
		products[1][i] = time_message();
		for (int k = 0; k < 2; k++) {
			ratios[k][i] = products[k][i] / floors[k][i];
		}
	}
	printf("goal 6  FF-A registers into bytes and back / plain copy\n");
	return report("a frame of 18", floors[0], products[0], ratios[0]) +
		       report("a direct request's message", floors[1], products[1], ratios[1]) >
	       0;
}
