/* SPDX-License-Identifier: BSD-3-Clause */
/* cmocka with the headers it wants before it, or what stands in for it. */
#ifndef VMSG_TESTS_CMOCKA_H
#define VMSG_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef VMSG_TINY_CMOCKA
#include "support/tiny_cmocka.h"
#else
#include <cmocka.h>
#endif

#endif
