/* SPDX-License-Identifier: BSD-3-Clause */
typedef int vmsg_device_empty;
