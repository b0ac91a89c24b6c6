/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of virtio-net, for the device and for drivers. (virtio: Network Device) */
#ifndef VMSG_EMULATOR_DEVICES_NET_H
#define VMSG_EMULATOR_DEVICES_NET_H

#define NET_F_MTU     3u
#define NET_F_MAC     5u
#define NET_F_STATUS  16u
#define NET_F_CTRL_VQ 17u
#define NET_F_MQ      22u

/* struct virtio_net_config */
#define NET_CONFIG_MAC       0u
#define NET_CONFIG_STATUS    6u
#define NET_CONFIG_MAX_PAIRS 8u
#define NET_CONFIG_MTU       10u
#define NET_CONFIG_SIZE      12u

#define NET_S_LINK_UP 1u

/* In front of every frame: flags, gso_type, le16 hdr_len, gso_size, csum_start, csum_offset,
 * num_buffers. Without offloads all is 0 but num_buffers, which is 1 on the way to the driver. */
#define NET_HEADER_SIZE        12u
#define NET_HEADER_NUM_BUFFERS 10u

#define NET_FRAME_MIN 14u /* an Ethernet header */

/* Control messages: u8 class, u8 command, data; then u8 answer. */
#define NET_CTRL_HEADER_SIZE     2u
#define NET_CTRL_MQ              4u
#define NET_CTRL_MQ_VQ_PAIRS_SET 0u
#define NET_CTRL_OK              0u
#define NET_CTRL_ERR             1u

#endif
