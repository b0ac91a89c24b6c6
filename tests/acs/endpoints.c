/* SPDX-License-Identifier: BSD-3-Clause */
#include "val_endpoints.h"

#include "topology.h"

/* Runs at EL1, AArch64. */
#define EL_INFO 0x11

#define ENDPOINT(text, logical, number, vcpus, bits, a, b, c, d)                                   \
	[logical] = {                                                                              \
		.name = text,                                                                      \
		.is_valid = VAL_PARTITION_PRESENT,                                                 \
		.is_secure = (number)&0x8000 ? VAL_PARTITION_SECURE : VAL_PARTITION_NONSECURE,     \
		.id = (number),                                                                    \
		.el_info = EL_INFO,                                                                \
		.ec_count = (vcpus),                                                               \
		.ep_properties = (bits),                                                           \
		.uuid = { (a), (b), (c), (d) },                                                    \
	},

val_endpoint_info_t endpoint_info_table[VM3 + 1] = { ACS_ENDPOINTS(ENDPOINT) };
