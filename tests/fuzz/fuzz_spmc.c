/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a sequence of calls, deaths and time against the partition manager. */
#include "fuzz.h"

#include "support/spmc_sequence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spmc_sequence_counts counts = { 0 };

	spmc_sequence_run(data, size, &counts);
	return 0;
}
