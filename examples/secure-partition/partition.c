/* SPDX-License-Identifier: BSD-3-Clause */
/* A partition with two devices on any conduit. */
#include "partition.h"

#include "virtio_msg_ffa/proto.h"

#define BLK_NUMBER 0u
#define RNG_NUMBER 5u /* device numbers need not be dense */

static int init_devices(struct partition *partition, const struct partition_platform *platform)
{
	int error = ramdisk_init(&partition->ramdisk, BLK_NUMBER, platform->disk);
	if (error < 0) {
		return error;
	}
	error = entropy_init(&partition->entropy, RNG_NUMBER, platform->random_word,
			     platform->context);
	if (error < 0) {
		return error;
	}
	partition->slots[0] = (struct vmsg_device_slot){
		.device = &partition->ramdisk.device,
		.present = true,
	};
	partition->slots[1] = (struct vmsg_device_slot){
		.device = &partition->entropy.device,
		.present = true,
	};
	return 0;
}

int partition_init(struct partition *partition, const struct partition_platform *platform)
{
	int error = vmsg_endpoint_init(&partition->endpoint, &platform->conduit, platform->tx,
				       platform->rx, 1);
	if (error < 0) {
		return error;
	}
	error = init_devices(partition, platform);
	if (error < 0) {
		return error;
	}
	uint32_t bus_features = VMSG_BUS_FEATURE_DIRECT_RX;
	if (vmsg_endpoint_feature(&partition->endpoint, VMSG_FFA_ID32(MSG_SEND2), 0, NULL) == 1) {
		bus_features |= VMSG_BUS_FEATURE_INDIRECT_RX | VMSG_BUS_FEATURE_INDIRECT_TX |
				VMSG_BUS_FEATURE_NOTIFICATION_RX | VMSG_BUS_FEATURE_NOTIFICATION_TX;
	}
	const struct vmsg_device_pump_options options = {
		.endpoint = &partition->endpoint,
		.sessions = partition->sessions,
		.session_count = PARTITION_SESSIONS,
		.slots = partition->slots,
		.slot_count = PARTITION_DEVICES,
		.areas = partition->areas,
		.areas_per_session = PARTITION_AREAS,
		.bus_devices = partition->numbers,
		.bus = {
			.ffa_version = VMSG_FFA_VERSION_1_2,
			.bus_features = bus_features,
			.max_areas = PARTITION_AREAS,
		},
	};
	return vmsg_device_pump_init(&partition->pump, &options);
}

int partition_run(struct partition *partition)
{
	static const volatile bool never;

	return vmsg_device_pump_run(&partition->pump, &never);
}
