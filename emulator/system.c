/* SPDX-License-Identifier: BSD-3-Clause */
#include "system.h"

/* Every carrier that a virtio-msg bus may agree on; and a backend, be it a VM, wants to know which
 * frontends are gone. */
#define PROPERTIES                                                                                 \
	(VMSG_FFA_PROPERTY_DIRECT_RECEIVE | VMSG_FFA_PROPERTY_DIRECT_SEND |                        \
	 VMSG_FFA_PROPERTY_INDIRECT | VMSG_FFA_PROPERTY_NOTIFICATIONS |                            \
	 VMSG_FFA_PROPERTY_VM_DESTROYED | VMSG_FFA_PROPERTY_AARCH64 |                              \
	 VMSG_FFA_PROPERTY_DIRECT2_RECEIVE | VMSG_FFA_PROPERTY_DIRECT2_SEND)

#define VIRTIO_MSG(number)                                                                         \
	.id = (number), .vcpu_count = 1, .properties = PROPERTIES, .uuid_count = 2,                \
	.uuids = { VMSG_FFA_UUID_DEVICE_ROLE, VMSG_FFA_UUID_DRIVER_ROLE }

const struct spmc_partition_config vmsg_system_builtin[] = {
	{ .name = "vm1", VIRTIO_MSG(0x0001) }, { .name = "vm2", VIRTIO_MSG(0x0002) },
	{ .name = "vm3", VIRTIO_MSG(0x0003) }, { .name = "sp1", VIRTIO_MSG(0x8001) },
	{ .name = "sp2", VIRTIO_MSG(0x8002) },
};

const size_t vmsg_system_builtin_count =
	sizeof(vmsg_system_builtin) / sizeof(vmsg_system_builtin[0]);

/* As the manifests of examples/secure-partition have them; the normal world runs drivers only. */
#define SECURE_PROPERTIES                                                                          \
	(VMSG_FFA_PROPERTY_DIRECT_RECEIVE | VMSG_FFA_PROPERTY_DIRECT_SEND |                        \
	 VMSG_FFA_PROPERTY_INDIRECT | VMSG_FFA_PROPERTY_NOTIFICATIONS |                            \
	 VMSG_FFA_PROPERTY_AARCH64 | VMSG_FFA_PROPERTY_DIRECT2_RECEIVE |                           \
	 VMSG_FFA_PROPERTY_DIRECT2_SEND)

#define DEVICE_SIDE(number)                                                                        \
	.id = (number), .vcpu_count = 1, .properties = SECURE_PROPERTIES, .uuid_count = 1,         \
	.uuids = { VMSG_FFA_UUID_DEVICE_ROLE }

const struct spmc_partition_config vmsg_system_physical[] = {
	{ .name = "normal world",
	  .id = 0,
	  .vcpu_count = 1,
	  .properties = VMSG_FFA_PROPERTY_DIRECT_SEND | VMSG_FFA_PROPERTY_INDIRECT |
			VMSG_FFA_PROPERTY_NOTIFICATIONS | VMSG_FFA_PROPERTY_AARCH64 |
			VMSG_FFA_PROPERTY_DIRECT2_SEND },
	{ .name = "sp1", DEVICE_SIDE(0x8001) },
	{ .name = "sp2", DEVICE_SIDE(0x8002) },
};

const size_t vmsg_system_physical_count =
	sizeof(vmsg_system_physical) / sizeof(vmsg_system_physical[0]);
