/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of the specifications: types, bits, results, device status. No functions. */
#ifndef VIRTIO_MSG_FFA_PROTO_H
#define VIRTIO_MSG_FFA_PROTO_H

/* Header byte 0 (clause Common Message Format) */
#define VMSG_TYPE_RESPONSE 0x01u
#define VMSG_TYPE_BUS      0x02u

/* device_status (virtio: Device Status Field) */
#define VMSG_STATUS_ACKNOWLEDGE 0x01u
#define VMSG_STATUS_DRIVER      0x02u
#define VMSG_STATUS_DRIVER_OK   0x04u
#define VMSG_STATUS_FEATURES_OK 0x08u
#define VMSG_STATUS_NEEDS_RESET 0x40u
#define VMSG_STATUS_FAILED      0x80u

/* Feature bit numbers of the transport and the ring (virtio: Reserved Feature Bits) */
#define VMSG_F_INDIRECT_DESC     28
#define VMSG_F_EVENT_IDX         29
#define VMSG_F_VERSION_1         32
#define VMSG_F_ACCESS_PLATFORM   33
#define VMSG_F_RING_PACKED       34
#define VMSG_F_IN_ORDER          35
#define VMSG_F_ORDER_PLATFORM    36
#define VMSG_F_NOTIFICATION_DATA 38
#define VMSG_F_NOTIF_CONFIG_DATA 39
#define VMSG_F_RING_RESET        40

/* Transport feature bits, carried in VERSION (r3) */
#define VMSG_TRANSPORT_F_STRICT_CONFIG_GENERATION 0x01u

/* FF-A bus feature bits, B1 and later; seen from the side that sends them */
#define VMSG_BUS_FEATURE_DIRECT_RX       0x01u
#define VMSG_BUS_FEATURE_DIRECT_TX       0x02u
#define VMSG_BUS_FEATURE_INDIRECT_RX     0x04u
#define VMSG_BUS_FEATURE_INDIRECT_TX     0x08u
#define VMSG_BUS_FEATURE_NOTIFICATION_RX 0x10u
#define VMSG_BUS_FEATURE_NOTIFICATION_TX 0x20u
#define VMSG_BUS_FEATURE_FIFO            0x40u

/* The same field in a1 and r0, which carry a number of regions in bits 11:8 or 15:8 besides */
#define VMSG_EARLY_FEATURE_INDIRECT 0x01u
#define VMSG_EARLY_FEATURE_DIRECT   0x02u

/* GET_VQUEUE response and SET_VQUEUE request flags (r3) */
#define VMSG_VQUEUE_ENABLED            0x01u
#define VMSG_SET_VQUEUE_OPERATION_MASK 0x03u
#define VMSG_SET_VQUEUE_KEEP_DISABLED  0x00u
#define VMSG_SET_VQUEUE_ENABLE         0x01u
#define VMSG_SET_VQUEUE_KEEP_STATE     0x02u
#define VMSG_SET_VQUEUE_IGNORE_SIZE    0x04u
#define VMSG_SET_VQUEUE_IGNORE_DESC    0x08u
#define VMSG_SET_VQUEUE_IGNORE_DRIVER  0x10u
#define VMSG_SET_VQUEUE_IGNORE_DEVICE  0x20u

/* EVENT_DEVICE states; r1 and r2 say READY where r3 says ADDED */
#define VMSG_DEVICE_STATE_READY   1u
#define VMSG_DEVICE_STATE_ADDED   1u
#define VMSG_DEVICE_STATE_REMOVED 2u

/* Results of AREA_SHARE, AREA_UNSHARE, RESET, EVENT_CONFIGURE, FIFO_CONFIGURE */
#define VMSG_RESULT_SUCCESS 0u
#define VMSG_RESULT_ERROR   1u
#define VMSG_RESULT_BUSY    2u

/* EVENT_CONFIGURE methods */
#define VMSG_EVENTS_POLL         0u
#define VMSG_EVENTS_NOTIFICATION 1u
#define VMSG_EVENTS_INDIRECT     2u
#define VMSG_EVENTS_FIFO         3u

/* AREA_SHARE attributes: share, writable, not executable, inner shareable, write-back, normal,
 * non-secure (what Trusty sends and B3 devices ask for) */
#define VMSG_AREA_ATTR_DEFAULT   0x6F4u
#define VMSG_AREA_ATTR_RETENTION 0x800u

/* Their parts; 31:12 are zero. Memory is type (9:8) and cacheability or device kind (7:6). */
#define VMSG_AREA_ATTR_UNSPECIFIED          0x000u /* the whole: before r3 */
#define VMSG_AREA_ATTR_KIND_MASK            0x003u
#define VMSG_AREA_ATTR_SHARE                0x000u
#define VMSG_AREA_ATTR_LEND                 0x001u
#define VMSG_AREA_ATTR_DONATE               0x002u
#define VMSG_AREA_ATTR_WRITABLE             0x004u
#define VMSG_AREA_ATTR_EXECUTABLE           0x008u
#define VMSG_AREA_ATTR_SHAREABILITY_MASK    0x030u
#define VMSG_AREA_ATTR_NOT_SHAREABLE        0x000u
#define VMSG_AREA_ATTR_OUTER_SHAREABLE      0x020u
#define VMSG_AREA_ATTR_INNER_SHAREABLE      0x030u
#define VMSG_AREA_ATTR_MEMORY_MASK          0x3c0u
#define VMSG_AREA_ATTR_DEVICE_NGNRNE        0x100u
#define VMSG_AREA_ATTR_DEVICE_NGNRE         0x140u
#define VMSG_AREA_ATTR_DEVICE_NGRE          0x180u
#define VMSG_AREA_ATTR_DEVICE_GRE           0x1c0u
#define VMSG_AREA_ATTR_NORMAL_NON_CACHEABLE 0x240u
#define VMSG_AREA_ATTR_NORMAL_WRITE_BACK    0x2c0u
#define VMSG_AREA_ATTR_NON_SECURE           0x400u

/* a2 ERROR codes, the type of its data, and bus states */
#define VMSG_EARLY_EINVAL       1u
#define VMSG_EARLY_ENOTSUPP     2u
#define VMSG_EARLY_EBUSY        3u
#define VMSG_EARLY_EABORT       4u
#define VMSG_EARLY_EIO          5u
#define VMSG_EARLY_ENOMEM       6u
#define VMSG_EARLY_EPERM        7u
#define VMSG_EARLY_EFAULT       8u
#define VMSG_EARLY_ENODEV       9u
#define VMSG_EARLY_DATA_STRING  1u
#define VMSG_EARLY_BUS_RESET    0u
#define VMSG_EARLY_BUS_SHUTDOWN 1u
#define VMSG_EARLY_BUS_SUSPEND  2u
#define VMSG_EARLY_BUS_RESUME   4u

/* FF-A bus versions and the transport revision that r0..r3 all carry */
#define VMSG_BUS_VERSION_B1     0x00000001u
#define VMSG_BUS_VERSION_1_0    0x00010000u
#define VMSG_TRANSPORT_REVISION 1u
#define VMSG_AREAS_UNLIMITED    0xFFFFu

#endif
