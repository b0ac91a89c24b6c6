/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms whose buckets end at powers of two, the last one nowhere. */
#ifndef VMSG_EMULATOR_HISTOGRAM_H
#define VMSG_EMULATOR_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* The bucket below which `percent` of all that was counted lies; `size` when nothing was. */
static inline size_t histogram_percentile(const uint64_t *counts, size_t size, unsigned int percent)
{
	uint64_t total = 0;
	uint64_t below = 0;
	size_t i = 0;

	for (size_t k = 0; k < size; k++) {
		total += counts[k];
	}
	if (total == 0) {
		return size;
	}
	const uint64_t wanted =
		total - total / 100 * (100 - percent) - total % 100 * (100 - percent) / 100;
	while ((below += counts[i]) < wanted) {
		i++;
	}
	return i;
}

#endif
