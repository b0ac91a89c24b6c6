/* SPDX-License-Identifier: BSD-3-Clause */
/* cmocka with the headers it wants before it. */
#ifndef VMSG_TESTS_CMOCKA_H
#define VMSG_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
