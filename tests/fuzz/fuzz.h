/* SPDX-License-Identifier: BSD-3-Clause */
/* The one entry of every fuzz target, for libFuzzer or the stand-alone driver. */
#ifndef VMSG_TESTS_FUZZ_H
#define VMSG_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
