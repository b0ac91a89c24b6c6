/* SPDX-License-Identifier: BSD-3-Clause */
/* What the exercise device and its drivers have to agree on; no specification describes it. */
#ifndef VMSG_EMULATOR_DEVICES_EXERCISE_H
#define VMSG_EMULATOR_DEVICES_EXERCISE_H

#include <stdint.h>

/* An XOR for every byte that is echoed, each with bits of its own, so that the bytes tell which
 * features both sides believe in: of the blocks that all dialects carry and of those beyond. */
#define EXERCISE_F_XOR_03 0u
#define EXERCISE_F_XOR_0C 63u
#define EXERCISE_F_XOR_30 64u
#define EXERCISE_F_XOR_C0 127u

/* The config space, little-endian. */
#define EXERCISE_CONFIG_MAGIC    0u  /* le32 */
#define EXERCISE_CONFIG_COMMAND  4u  /* le32; written together with its argument */
#define EXERCISE_CONFIG_ARGUMENT 8u  /* le32 */
#define EXERCISE_CONFIG_REGIONS  12u /* le32, regions of shared memory */
#define EXERCISE_CONFIG_FEATURES 16u /* le32[4], as negotiated */
#define EXERCISE_CONFIG_SEQUENCE 32u /* le64, changes so far */
#define EXERCISE_CONFIG_PATTERN  40u /* exercise_pattern() of the sequence, up to the end */
#define EXERCISE_CONFIG_SIZE_MIN 128u

#define EXERCISE_MAGIC 0x43584556u /* "VEXC" */

/* Commands. They are obeyed while queue 0 runs, and else refused. */
#define EXERCISE_CHANGE       1u /* another sequence number */
#define EXERCISE_CHANGE_READS 2u /* one more after each of the next ARGUMENT reads of config */
#define EXERCISE_NEEDS_RESET  3u
#define EXERCISE_SLOW_RESET   4u /* the next reset takes ARGUMENT ms, at most: */
#define EXERCISE_TIME_MAX_MS  60000u

/* The byte at `offset` of the config space when it has changed `sequence` times: no two states
 * agree in many places, so that a mixture of two is seen. */
static inline uint8_t exercise_pattern(uint64_t sequence, uint32_t offset)
{
	uint64_t mixed = (sequence << 10 ^ offset) * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (uint8_t)(mixed >> 56);
}

/* What every echoed byte is XORed with. */
static inline uint8_t exercise_mask(const uint32_t features[4])
{
	static const struct {
		uint8_t bit;
		uint8_t mask;
	} masks[] = { { EXERCISE_F_XOR_03, 0x03 },
		      { EXERCISE_F_XOR_0C, 0x0c },
		      { EXERCISE_F_XOR_30, 0x30 },
		      { EXERCISE_F_XOR_C0, 0xc0 } };
	uint8_t mask = 0;

	for (unsigned int i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		if (features[masks[i].bit / 32] & 1u << masks[i].bit % 32) {
			mask |= masks[i].mask;
		}
	}
	return mask;
}

#endif
