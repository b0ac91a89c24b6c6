/* SPDX-License-Identifier: BSD-3-Clause */
typedef int vmsg_test_support_empty;
