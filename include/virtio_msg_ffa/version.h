/* SPDX-License-Identifier: BSD-3-Clause */
/* Version of the library. CMake reads the numbers from here; nothing else repeats them. */
#ifndef VIRTIO_MSG_FFA_VERSION_H
#define VIRTIO_MSG_FFA_VERSION_H

#define VMSG_VERSION_MAJOR 0
#define VMSG_VERSION_MINOR 1
#define VMSG_VERSION_PATCH 0

#endif
