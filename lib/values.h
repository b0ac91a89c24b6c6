/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names for values and for bits of fields; the fields that have them say so in rows.h. A name is
 * meant where `value & mask` is its number, in the layouts that give it that meaning. The numbers
 * are proto.h's. (wire-revisions sections 3.3 to 3.6, 4.1, 4.2, 4.4)
 */
#ifndef VMSG_LIB_VALUES_H
#define VMSG_LIB_VALUES_H

#include "virtio_msg_ffa/proto.h"

/* A list ends with a NULL name. */
struct vmsg_value {
	const char *name;
	uint32_t mask; /* 0: `value` is the number of a feature bit */
	uint32_t value;
	uint8_t layouts;
};

#define VALUES(set) static const struct vmsg_value set[]
#define VALUES_END                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}
#define IS(prefix, name, layouts)                                                                  \
	{                                                                                          \
#name, UINT32_MAX, prefix##name, layouts                                           \
	}
#define BIT(prefix, name, layouts)                                                                 \
	{                                                                                          \
#name, prefix##name, prefix##name, layouts                                         \
	}
#define PART(mask, prefix, name, layouts)                                                          \
	{                                                                                          \
#name, mask, prefix##name, layouts                                                 \
	}
#define FEATURE(name, layouts)                                                                     \
	{                                                                                          \
#name, 0, VMSG_F_##name, layouts                                                   \
	}

VALUES(device_status_bits) = {
	BIT(VMSG_STATUS_, ACKNOWLEDGE, ALL),
	BIT(VMSG_STATUS_, DRIVER, ALL),
	BIT(VMSG_STATUS_, DRIVER_OK, ALL),
	BIT(VMSG_STATUS_, FEATURES_OK, ALL),
	BIT(VMSG_STATUS_, NEEDS_RESET, ALL),
	BIT(VMSG_STATUS_, FAILED, ALL),
	VALUES_END,
};

/* of the transport and the ring; the others depend on the device */
VALUES(feature_bits) = {
	FEATURE(INDIRECT_DESC, ALL),
	FEATURE(EVENT_IDX, ALL),
	FEATURE(VERSION_1, ALL),
	FEATURE(ACCESS_PLATFORM, ALL),
	FEATURE(RING_PACKED, ALL),
	FEATURE(IN_ORDER, ALL),
	FEATURE(ORDER_PLATFORM, ALL),
	FEATURE(NOTIFICATION_DATA, ALL),
	FEATURE(NOTIF_CONFIG_DATA, ALL),
	FEATURE(RING_RESET, ALL),
	VALUES_END,
};

VALUES(get_vqueue_flags) = {
	BIT(VMSG_VQUEUE_, ENABLED, R3),
	VALUES_END,
};

VALUES(set_vqueue_flags) = {
	PART(VMSG_SET_VQUEUE_OPERATION_MASK, VMSG_SET_VQUEUE_, KEEP_DISABLED, R3),
	PART(VMSG_SET_VQUEUE_OPERATION_MASK, VMSG_SET_VQUEUE_, ENABLE, R3),
	PART(VMSG_SET_VQUEUE_OPERATION_MASK, VMSG_SET_VQUEUE_, KEEP_STATE, R3),
	BIT(VMSG_SET_VQUEUE_, IGNORE_SIZE, R3),
	BIT(VMSG_SET_VQUEUE_, IGNORE_DESC, R3),
	BIT(VMSG_SET_VQUEUE_, IGNORE_DRIVER, R3),
	BIT(VMSG_SET_VQUEUE_, IGNORE_DEVICE, R3),
	VALUES_END,
};

VALUES(device_states) = {
	IS(VMSG_DEVICE_STATE_, READY, R12),
	IS(VMSG_DEVICE_STATE_, ADDED, R3),
	IS(VMSG_DEVICE_STATE_, REMOVED, R13),
	VALUES_END,
};

VALUES(results) = {
	IS(VMSG_RESULT_, SUCCESS, R13),
	IS(VMSG_RESULT_, ERROR, R13),
	IS(VMSG_RESULT_, BUSY, R13),
	VALUES_END,
};

VALUES(event_methods) = {
	IS(VMSG_EVENTS_, POLL, R23),
	IS(VMSG_EVENTS_, NOTIFICATION, R23),
	IS(VMSG_EVENTS_, INDIRECT, R23),
	IS(VMSG_EVENTS_, FIFO, R23),
	VALUES_END,
};

/* r0 has another order, and the number of regions in bits 15:8 */
VALUES(bus_feature_bits) = {
	BIT(VMSG_EARLY_FEATURE_, INDIRECT, A1 | R0),
	BIT(VMSG_EARLY_FEATURE_, DIRECT, A1 | R0),
	BIT(VMSG_BUS_FEATURE_, DIRECT_RX, R13),
	BIT(VMSG_BUS_FEATURE_, DIRECT_TX, R13),
	BIT(VMSG_BUS_FEATURE_, INDIRECT_RX, R13),
	BIT(VMSG_BUS_FEATURE_, INDIRECT_TX, R13),
	BIT(VMSG_BUS_FEATURE_, NOTIFICATION_RX, R23),
	BIT(VMSG_BUS_FEATURE_, NOTIFICATION_TX, R23),
	BIT(VMSG_BUS_FEATURE_, FIFO, R23),
	VALUES_END,
};

VALUES(transport_feature_bits) = {
	BIT(VMSG_TRANSPORT_F_, STRICT_CONFIG_GENERATION, R3),
	VALUES_END,
};

VALUES(area_attributes) = {
	IS(VMSG_AREA_ATTR_, UNSPECIFIED, R0 | R12),
	PART(VMSG_AREA_ATTR_KIND_MASK, VMSG_AREA_ATTR_, SHARE, R13),
	PART(VMSG_AREA_ATTR_KIND_MASK, VMSG_AREA_ATTR_, LEND, R13),
	PART(VMSG_AREA_ATTR_KIND_MASK, VMSG_AREA_ATTR_, DONATE, R13),
	BIT(VMSG_AREA_ATTR_, WRITABLE, R13),
	BIT(VMSG_AREA_ATTR_, EXECUTABLE, R13),
	PART(VMSG_AREA_ATTR_SHAREABILITY_MASK, VMSG_AREA_ATTR_, NOT_SHAREABLE, R13),
	PART(VMSG_AREA_ATTR_SHAREABILITY_MASK, VMSG_AREA_ATTR_, OUTER_SHAREABLE, R13),
	PART(VMSG_AREA_ATTR_SHAREABILITY_MASK, VMSG_AREA_ATTR_, INNER_SHAREABLE, R13),
	PART(VMSG_AREA_ATTR_MEMORY_MASK, VMSG_AREA_ATTR_, NORMAL_NON_CACHEABLE, R13),
	PART(VMSG_AREA_ATTR_MEMORY_MASK, VMSG_AREA_ATTR_, NORMAL_WRITE_BACK, R13),
	PART(VMSG_AREA_ATTR_MEMORY_MASK, VMSG_AREA_ATTR_, DEVICE_NGNRNE, R13),
	PART(VMSG_AREA_ATTR_MEMORY_MASK, VMSG_AREA_ATTR_, DEVICE_NGNRE, R13),
	PART(VMSG_AREA_ATTR_MEMORY_MASK, VMSG_AREA_ATTR_, DEVICE_NGRE, R13),
	PART(VMSG_AREA_ATTR_MEMORY_MASK, VMSG_AREA_ATTR_, DEVICE_GRE, R13),
	BIT(VMSG_AREA_ATTR_, NON_SECURE, R13),
	BIT(VMSG_AREA_ATTR_, RETENTION, R3),
	VALUES_END,
};

VALUES(early_error_codes) = {
	IS(VMSG_EARLY_, EINVAL, A2), IS(VMSG_EARLY_, ENOTSUPP, A2),
	IS(VMSG_EARLY_, EBUSY, A2),  IS(VMSG_EARLY_, EABORT, A2),
	IS(VMSG_EARLY_, EIO, A2),    IS(VMSG_EARLY_, ENOMEM, A2),
	IS(VMSG_EARLY_, EPERM, A2),  IS(VMSG_EARLY_, EFAULT, A2),
	IS(VMSG_EARLY_, ENODEV, A2), VALUES_END,
};

VALUES(early_data_types) = {
	IS(VMSG_EARLY_DATA_, STRING, A2),
	VALUES_END,
};

VALUES(early_bus_states) = {
	IS(VMSG_EARLY_BUS_, RESET, A2),
	IS(VMSG_EARLY_BUS_, SHUTDOWN, A2),
	IS(VMSG_EARLY_BUS_, SUSPEND, A2),
	IS(VMSG_EARLY_BUS_, RESUME, A2),
	VALUES_END,
};

#endif
