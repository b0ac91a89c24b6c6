/* SPDX-License-Identifier: BSD-3-Clause */
/* The suite's endpoints in this system; the suite's own script makes one from manifests that know
 * of one VM only. */
#ifndef VMSG_TESTS_ACS_VAL_ENDPOINTS_H
#define VMSG_TESTS_ACS_VAL_ENDPOINTS_H

#include "val.h"
#include "val_endpoint_info.h"

extern val_endpoint_info_t endpoint_info_table[VM3 + 1];

#endif
