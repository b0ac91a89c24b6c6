/* SPDX-License-Identifier: BSD-3-Clause */
/* What some versions of virtio_ring.c use and their tools/virtio forgot. */
#ifndef VMSG_TESTS_LINUX_PRELUDE_H
#define VMSG_TESTS_LINUX_PRELUDE_H

#define data_race(expression) (expression)

#endif
