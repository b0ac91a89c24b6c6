/* SPDX-License-Identifier: BSD-3-Clause */
/* What the virtio specification calls device types, feature bits and config fields: one table, for
 * people and scripts to read. */
#ifndef VMSG_EMULATOR_NAMES_H
#define VMSG_EMULATOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMSG_VIRTIO_NET     1u
#define VMSG_VIRTIO_BLK     2u
#define VMSG_VIRTIO_CONSOLE 3u
#define VMSG_VIRTIO_RNG     4u
#define VMSG_VIRTIO_VSOCK   19u
/* The specification leaves it to experiments; here it is the exercise device. */
#define VMSG_VIRTIO_EXERCISE 65535u

/* "blk" for 2; NULL for a number that has no name. */
const char *vmsg_virtio_device_name(uint32_t device_id);

/* "VIRTIO_BLK_F_RO" for bit 5 of a block device; NULL for a bit without a name. */
const char *vmsg_virtio_feature_name(uint32_t device_id, unsigned int bit);

/* A little-endian number, or an array of bytes, in the config space. */
struct vmsg_virtio_field {
	const char *name;
	uint16_t offset;
	uint8_t size; /* 1, 2, 4 or 8; of a byte array: its length */
	bool is_bytes;
	int8_t feature; /* bit that it depends on, -1 for none */
};

/* The config fields of a device type, in order; NULL and 0 if we know none. */
const struct vmsg_virtio_field *vmsg_virtio_fields(uint32_t device_id, size_t *count);

#endif
