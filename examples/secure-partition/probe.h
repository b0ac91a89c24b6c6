/* SPDX-License-Identifier: BSD-3-Clause */
/* x3 of the request that has a partition on firmware read the word at x4, and of its answer: so
 * that the scenario can see what becomes of one that touches memory it has given back. */
#ifndef EXAMPLES_SECURE_PARTITION_PROBE_H
#define EXAMPLES_SECURE_PARTITION_PROBE_H

#define SCENARIO_PROBE 0x70726f6265ull /* "probe"; answered: x4 is the word */
#define SCENARIO_FAULT 0x6661756c74ull /* "fault": reading it was an exception */

#endif
