/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goal 7: SET_VQUEUE of r3, encoded and decoded, against the same nine numbers through a generic
 * serializer: libcbor, in the streaming form that allocates nothing. One thread, its own CPU time,
 * alternating rounds, median of the ratios.
 */
#include <cbor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "virtio_msg_ffa/codec.h"

#define ROUNDS  101
#define TRIPS   5000
#define NUMBERS 9
#define MUST    (1.0 / 8)
#define AIM     (1.0 / 12)

static struct vmsg_message message = {
	.header = { .type = VMSG_SET_VQUEUE, .kind = VMSG_REQUEST, .dev_num = 7, .token = 86 },
	.body.set_vqueue_request = { 1, 1, 256, 0, 0x9000000010000u, 0x9000000011000u,
				     0x9000000012000u },
};
static uint8_t frame[128];

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void check(bool holds, const char *what)
{
	if (!holds) {
		(void)fprintf(stderr, "serializer: %s\n", what);
		exit(1);
	}
}

/* ---- the codec ---- */

static double time_codec(void)
{
	const struct vmsg_profile *profile = vmsg_profile(VMSG_PROFILE_R3);
	const uint64_t start = cpu_ns();

	for (int i = 0; i < TRIPS; i++) {
		message.header.token = (uint16_t)i;
		const int size = vmsg_encode(profile, &message,
					     (struct vmsg_span){ frame, sizeof(frame) }, NULL);
		check(size == 48 && vmsg_decode(profile, (struct vmsg_bytes){ frame, 48 }, &message,
						NULL) == 0,
		      "the codec fails");
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

/* ---- libcbor ---- */

struct numbers {
	uint64_t at[NUMBERS];
	size_t count;
};

static void take(struct numbers *numbers, uint64_t value)
{
	if (numbers->count < NUMBERS) {
		numbers->at[numbers->count++] = value;
	}
}

static void take8(void *context, uint8_t value)
{
	take(context, value);
}

static void take16(void *context, uint16_t value)
{
	take(context, value);
}

static void take32(void *context, uint32_t value)
{
	take(context, value);
}

static void take64(void *context, uint64_t value)
{
	take(context, value);
}

static size_t generic_encode(void)
{
	const struct vmsg_set_vqueue_request *body = &message.body.set_vqueue_request;
	const uint64_t numbers[NUMBERS] = { message.header.dev_num,
					    message.header.token,
					    body->index,
					    body->flags,
					    body->size,
					    body->reserved,
					    body->desc_addr,
					    body->driver_addr,
					    body->device_addr };
	size_t used = cbor_encode_array_start(NUMBERS, frame, sizeof(frame));

	for (size_t i = 0; i < NUMBERS; i++) {
		used += cbor_encode_uint(numbers[i], frame + used, sizeof(frame) - used);
	}
	return used;
}

static bool generic_decode(const struct cbor_callbacks *callbacks, size_t size)
{
	struct vmsg_set_vqueue_request *body = &message.body.set_vqueue_request;
	struct numbers numbers = { .count = 0 };

	for (size_t at = 0; at < size;) {
		const struct cbor_decoder_result result =
			cbor_stream_decode(frame + at, size - at, callbacks, &numbers);
		if (result.status != CBOR_DECODER_FINISHED) {
			return false;
		}
		at += result.read;
	}
	message.header.dev_num = (uint16_t)numbers.at[0];
	message.header.token = (uint16_t)numbers.at[1];
	*body = (struct vmsg_set_vqueue_request){
		(uint32_t)numbers.at[2], (uint32_t)numbers.at[3], (uint32_t)numbers.at[4],
		(uint32_t)numbers.at[5], numbers.at[6],           numbers.at[7],
		numbers.at[8],
	};
	return numbers.count == NUMBERS;
}

static double time_generic(void)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	const uint64_t start = cpu_ns();

	callbacks.uint8 = take8;
	callbacks.uint16 = take16;
	callbacks.uint32 = take32;
	callbacks.uint64 = take64;
	for (int i = 0; i < TRIPS; i++) {
		message.header.token = (uint16_t)i;
		check(generic_decode(&callbacks, generic_encode()), "libcbor fails");
	}
	return (double)(cpu_ns() - start) / TRIPS;
}

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

int main(void)
{
	static double codec[ROUNDS], generic[ROUNDS], ratios[ROUNDS];

	(void)time_codec();
	(void)time_generic();
	for (int i = 0; i < ROUNDS; i++) {
		codec[i] = time_codec();
		generic[i] = time_generic();
		ratios[i] = codec[i] / generic[i];
	}
	const double ratio = median(ratios);
	printf("goal 7: SET_VQUEUE encode+decode: codec %.1f ns, libcbor %.1f ns, ratio 1/%.1f; "
	       "must "
	       "1/%.0f, aim 1/%.0f: %s\n",
	       median(codec), median(generic), 1 / ratio, 1 / MUST, 1 / AIM,
	       ratio <= AIM    ? "met"
	       : ratio <= MUST ? "aim missed"
			       : "MISSED");
	return ratio > MUST;
}
