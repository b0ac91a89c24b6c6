/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the virtio specification (Device Types, Reserved Feature Bits, each device's Feature
 * bits and Device configuration layout). Data only; sorted by number. */
#include "devices/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct name {
	uint32_t number;
	const char *name;
};

static const struct name devices[] = {
	{ 1, "net" },
	{ 2, "blk" },
	{ 3, "console" },
	{ 4, "rng" },
	{ 5, "balloon" },
	{ 6, "iomem" },
	{ 7, "rpmsg" },
	{ 8, "scsi" },
	{ 9, "9p" },
	{ 10, "mac80211" },
	{ 11, "rproc-serial" },
	{ 12, "caif" },
	{ 13, "memballoon" },
	{ 16, "gpu" },
	{ 17, "timer" },
	{ 18, "input" },
	{ 19, "vsock" },
	{ 20, "crypto" },
	{ 21, "signal-dist" },
	{ 22, "pstore" },
	{ 23, "iommu" },
	{ 24, "mem" },
	{ 25, "sound" },
	{ 26, "fs" },
	{ 27, "pmem" },
	{ 28, "rpmb" },
	{ 29, "mac80211-hwsim" },
	{ 30, "video-encoder" },
	{ 31, "video-decoder" },
	{ 32, "scmi" },
	{ 33, "nitro-sec-mod" },
	{ 34, "i2c" },
	{ 35, "watchdog" },
	{ 36, "can" },
	{ 38, "parameter-server" },
	{ 39, "audio-policy" },
	{ 40, "bluetooth" },
	{ 41, "gpio" },
	{ 42, "rdma" },
	{ 43, "camera" },
	{ 44, "ism" },
	{ 45, "spi" },
	{ VMSG_VIRTIO_EXERCISE, "exercise" },
};

/* Bits 24 to 49 mean the same for every device. */
static const struct name common_features[] = {
	{ 24, "VIRTIO_F_NOTIFY_ON_EMPTY" },   { 27, "VIRTIO_F_ANY_LAYOUT" },
	{ 28, "VIRTIO_F_INDIRECT_DESC" },     { 29, "VIRTIO_F_EVENT_IDX" },
	{ 32, "VIRTIO_F_VERSION_1" },         { 33, "VIRTIO_F_ACCESS_PLATFORM" },
	{ 34, "VIRTIO_F_RING_PACKED" },       { 35, "VIRTIO_F_IN_ORDER" },
	{ 36, "VIRTIO_F_ORDER_PLATFORM" },    { 37, "VIRTIO_F_SR_IOV" },
	{ 38, "VIRTIO_F_NOTIFICATION_DATA" }, { 39, "VIRTIO_F_NOTIF_CONFIG_DATA" },
	{ 40, "VIRTIO_F_RING_RESET" },        { 41, "VIRTIO_F_ADMIN_VQ" },
};

static const struct name net_features[] = {
	{ 0, "VIRTIO_NET_F_CSUM" },
	{ 1, "VIRTIO_NET_F_GUEST_CSUM" },
	{ 2, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS" },
	{ 3, "VIRTIO_NET_F_MTU" },
	{ 5, "VIRTIO_NET_F_MAC" },
	{ 7, "VIRTIO_NET_F_GUEST_TSO4" },
	{ 8, "VIRTIO_NET_F_GUEST_TSO6" },
	{ 9, "VIRTIO_NET_F_GUEST_ECN" },
	{ 10, "VIRTIO_NET_F_GUEST_UFO" },
	{ 11, "VIRTIO_NET_F_HOST_TSO4" },
	{ 12, "VIRTIO_NET_F_HOST_TSO6" },
	{ 13, "VIRTIO_NET_F_HOST_ECN" },
	{ 14, "VIRTIO_NET_F_HOST_UFO" },
	{ 15, "VIRTIO_NET_F_MRG_RXBUF" },
	{ 16, "VIRTIO_NET_F_STATUS" },
	{ 17, "VIRTIO_NET_F_CTRL_VQ" },
	{ 18, "VIRTIO_NET_F_CTRL_RX" },
	{ 19, "VIRTIO_NET_F_CTRL_VLAN" },
	{ 20, "VIRTIO_NET_F_CTRL_RX_EXTRA" },
	{ 21, "VIRTIO_NET_F_GUEST_ANNOUNCE" },
	{ 22, "VIRTIO_NET_F_MQ" },
	{ 23, "VIRTIO_NET_F_CTRL_MAC_ADDR" },
	{ 56, "VIRTIO_NET_F_HOST_USO" },
	{ 57, "VIRTIO_NET_F_HASH_REPORT" },
	{ 59, "VIRTIO_NET_F_GUEST_HDRLEN" },
	{ 60, "VIRTIO_NET_F_RSS" },
	{ 61, "VIRTIO_NET_F_RSC_EXT" },
	{ 62, "VIRTIO_NET_F_STANDBY" },
	{ 63, "VIRTIO_NET_F_SPEED_DUPLEX" },
};

static const struct name blk_features[] = {
	{ 0, "VIRTIO_BLK_F_BARRIER" },
	{ 1, "VIRTIO_BLK_F_SIZE_MAX" },
	{ 2, "VIRTIO_BLK_F_SEG_MAX" },
	{ 4, "VIRTIO_BLK_F_GEOMETRY" },
	{ 5, "VIRTIO_BLK_F_RO" },
	{ 6, "VIRTIO_BLK_F_BLK_SIZE" },
	{ 7, "VIRTIO_BLK_F_SCSI" },
	{ 9, "VIRTIO_BLK_F_FLUSH" },
	{ 10, "VIRTIO_BLK_F_TOPOLOGY" },
	{ 11, "VIRTIO_BLK_F_CONFIG_WCE" },
	{ 12, "VIRTIO_BLK_F_MQ" },
	{ 13, "VIRTIO_BLK_F_DISCARD" },
	{ 14, "VIRTIO_BLK_F_WRITE_ZEROES" },
	{ 15, "VIRTIO_BLK_F_LIFETIME" },
	{ 16, "VIRTIO_BLK_F_SECURE_ERASE" },
	{ 17, "VIRTIO_BLK_F_ZONED" },
};

static const struct name console_features[] = {
	{ 0, "VIRTIO_CONSOLE_F_SIZE" },
	{ 1, "VIRTIO_CONSOLE_F_MULTIPORT" },
	{ 2, "VIRTIO_CONSOLE_F_EMERG_WRITE" },
};

static const struct vmsg_virtio_field net_fields[] = {
	{ "mac", 0, 6, true, 5 },
	{ "status", 6, 2, false, 16 },
	{ "max_virtqueue_pairs", 8, 2, false, 22 },
	{ "mtu", 10, 2, false, 3 },
	{ "speed", 12, 4, false, 63 },
	{ "duplex", 16, 1, false, 63 },
};

static const struct vmsg_virtio_field blk_fields[] = {
	{ "capacity", 0, 8, false, -1 },
	{ "size_max", 8, 4, false, 1 },
	{ "seg_max", 12, 4, false, 2 },
	{ "cylinders", 16, 2, false, 4 },
	{ "heads", 18, 1, false, 4 },
	{ "sectors", 19, 1, false, 4 },
	{ "blk_size", 20, 4, false, 6 },
	{ "physical_block_exp", 24, 1, false, 10 },
	{ "alignment_offset", 25, 1, false, 10 },
	{ "min_io_size", 26, 2, false, 10 },
	{ "opt_io_size", 28, 4, false, 10 },
	{ "writeback", 32, 1, false, 11 },
	{ "num_queues", 34, 2, false, 12 },
	{ "max_discard_sectors", 36, 4, false, 13 },
	{ "max_discard_seg", 40, 4, false, 13 },
	{ "discard_sector_alignment", 44, 4, false, 13 },
	{ "max_write_zeroes_sectors", 48, 4, false, 14 },
	{ "max_write_zeroes_seg", 52, 4, false, 14 },
	{ "write_zeroes_may_unmap", 56, 1, false, 14 },
};

static const struct vmsg_virtio_field console_fields[] = {
	{ "cols", 0, 2, false, 0 },
	{ "rows", 2, 2, false, 0 },
	{ "max_nr_ports", 4, 4, false, 1 },
};

static const struct name vsock_features[] = {
	{ 0, "VIRTIO_VSOCK_F_STREAM" },
	{ 1, "VIRTIO_VSOCK_F_SEQPACKET" },
	{ 2, "VIRTIO_VSOCK_F_NO_IMPLIED_STREAM" },
};

static const struct vmsg_virtio_field vsock_fields[] = {
	{ "guest_cid", 0, 8, false, -1 },
};

static const struct name exercise_features[] = {
	{ 0, "EXERCISE_F_XOR_03" },
	{ 63, "EXERCISE_F_XOR_0C" },
	{ 64, "EXERCISE_F_XOR_30" },
	{ 127, "EXERCISE_F_XOR_C0" },
};

static const struct vmsg_virtio_field exercise_fields[] = {
	{ "magic", 0, 4, false, -1 },     { "command", 4, 4, false, -1 },
	{ "argument", 8, 4, false, -1 },  { "regions", 12, 4, false, -1 },
	{ "features", 16, 16, true, -1 }, { "sequence", 32, 8, false, -1 },
};

static const struct {
	uint32_t device_id;
	const struct name *features;
	size_t feature_count;
	const struct vmsg_virtio_field *fields;
	size_t field_count;
} details[] = {
	{ VMSG_VIRTIO_NET, net_features, COUNT(net_features), net_fields, COUNT(net_fields) },
	{ VMSG_VIRTIO_BLK, blk_features, COUNT(blk_features), blk_fields, COUNT(blk_fields) },
	{ VMSG_VIRTIO_CONSOLE, console_features, COUNT(console_features), console_fields,
	  COUNT(console_fields) },
	{ VMSG_VIRTIO_VSOCK, vsock_features, COUNT(vsock_features), vsock_fields,
	  COUNT(vsock_fields) },
	{ VMSG_VIRTIO_EXERCISE, exercise_features, COUNT(exercise_features), exercise_fields,
	  COUNT(exercise_fields) },
};

static const char *find(const struct name *names, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].number == number) {
			return names[i].name;
		}
	}
	return NULL;
}

const char *vmsg_virtio_device_name(uint32_t device_id)
{
	return find(devices, COUNT(devices), device_id);
}

const char *vmsg_virtio_feature_name(uint32_t device_id, unsigned int bit)
{
	const char *name = find(common_features, COUNT(common_features), bit);

	for (size_t i = 0; i < COUNT(details) && !name; i++) {
		if (details[i].device_id == device_id) {
			name = find(details[i].features, details[i].feature_count, bit);
		}
	}
	return name;
}

const struct vmsg_virtio_field *vmsg_virtio_fields(uint32_t device_id, size_t *count)
{
	for (size_t i = 0; i < COUNT(details); i++) {
		if (details[i].device_id == device_id) {
			*count = details[i].field_count;
			return details[i].fields;
		}
	}
	*count = 0;
	return NULL;
}
