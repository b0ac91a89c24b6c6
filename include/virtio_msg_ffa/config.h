/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compile-time limits of the library, each with its reason. A build may override any of them with
 * -D; every object that includes a public header must be built with the same values, since they
 * size public structs.
 */
#ifndef VIRTIO_MSG_FFA_CONFIG_H
#define VIRTIO_MSG_FFA_CONFIG_H

/* Bytes of one message frame that a session stores. 112 is what x4..x17 of a direct message carry;
 * the largest message any known FF-A bus agrees on is 104. */
#ifndef VMSG_FRAME_SIZE_MAX
#define VMSG_FRAME_SIZE_MAX 112
#endif

/* Segments (pieces contiguous in our address space) that one shared area may consist of. 1 is
 * allowed; an area that needs more is then refused. */
#ifndef VMSG_AREA_SEGMENTS_MAX
#define VMSG_AREA_SEGMENTS_MAX 4
#endif

/* Ranges (pieces contiguous in the physical map) that a retrieved FF-A region may consist of: a
 * 2 MiB area of scattered 4 KiB pages. 16 bytes each in every endpoint. */
#ifndef VMSG_REGION_RANGES_MAX
#define VMSG_REGION_RANGES_MAX 512
#endif

/* 32-bit feature blocks kept per device: 128 bits cover every feature bit virtio 1.4 assigns. */
#ifndef VMSG_FEATURE_BLOCKS_MAX
#define VMSG_FEATURE_BLOCKS_MAX 4
#endif

/* Virtqueues one driver or device machine can hold. The largest device in the tree uses 8. */
#ifndef VMSG_DEVICE_QUEUES_MAX
#define VMSG_DEVICE_QUEUES_MAX 16
#endif

/* Requests a bus session or a driver machine may have in flight. FF-A direct messages allow one;
 * more only matters for carriers that do not answer in the call. */
#ifndef VMSG_REQUESTS_MAX
#define VMSG_REQUESTS_MAX 8
#endif

/* Indirect messages of one peer that wait to be read: as many as a peer may have requests in
 * flight. About 130 bytes each. */
#ifndef VMSG_MAILBOX_SIZE
#define VMSG_MAILBOX_SIZE 8
#endif

/* Entries of the largest virtqueue that the library will run: the virtio limit. */
#ifndef VMSG_QUEUE_SIZE_MAX
#define VMSG_QUEUE_SIZE_MAX 32768
#endif

/* Whether queues can be packed. 0 leaves about a KiB of code out, for a firmware whose queues are
 * all split: one that shall be packed is then refused, and the machines neither offer nor take
 * VIRTIO_F_RING_PACKED, whatever they are told. */
#ifndef VMSG_QUEUE_PACKED
#define VMSG_QUEUE_PACKED 1
#endif

/* Whether queues can be watched (struct vmsg_vq_watch), which costs about a KiB of code; not where
 * size counts. */
#ifndef VMSG_QUEUE_WATCH
#ifdef __OPTIMIZE_SIZE__
#define VMSG_QUEUE_WATCH 0
#else
#define VMSG_QUEUE_WATCH 1
#endif
#endif

#endif
