/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loads of a virtqueue, with a peer that strikes after each: to be included before lib/'s
 * sources are. struck() is the includer's; it is given the place that was loaded and its size.
 */
#ifndef VMSG_TESTS_STRUCK_LOADS_H
#define VMSG_TESTS_STRUCK_LOADS_H

#include "port.h"

static void struck(const void *at, unsigned int size);

static uint64_t struck_le64(const void *at)
{
	const uint64_t value = vmsg_port_load_le64(at);

	struck(at, 8);
	return value;
}

static uint16_t struck_acquire_le16(const void *at)
{
	const uint16_t value = vmsg_port_load_acquire_le16(at);

	struck(at, 2);
	return value;
}

static uint16_t struck_relaxed_le16(const void *at)
{
	const uint16_t value = vmsg_port_load_relaxed_le16(at);

	struck(at, 2);
	return value;
}

static uint32_t struck_relaxed_le32(const void *at)
{
	const uint32_t value = vmsg_port_load_relaxed_le32(at);

	struck(at, 4);
	return value;
}

#define vmsg_port_load_le64         struck_le64
#define vmsg_port_load_acquire_le16 struck_acquire_le16
#define vmsg_port_load_relaxed_le16 struck_relaxed_le16
#define vmsg_port_load_relaxed_le32 struck_relaxed_le32

#endif
