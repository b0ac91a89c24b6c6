/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of virtio-blk, for the device and for drivers. (virtio: Block Device) */
#ifndef VMSG_EMULATOR_DEVICES_BLK_H
#define VMSG_EMULATOR_DEVICES_BLK_H

#define BLK_SECTOR_SIZE 512u
#define BLK_HEADER_SIZE 16u /* le32 type, le32 reserved, le64 sector */
#define BLK_ID_SIZE     20u

#define BLK_T_IN     0u
#define BLK_T_OUT    1u
#define BLK_T_FLUSH  4u
#define BLK_T_GET_ID 8u

#define BLK_S_OK     0u
#define BLK_S_IOERR  1u
#define BLK_S_UNSUPP 2u

#define BLK_F_SIZE_MAX 1u
#define BLK_F_SEG_MAX  2u
#define BLK_F_RO       5u
#define BLK_F_BLK_SIZE 6u
#define BLK_F_FLUSH    9u

/* struct virtio_blk_config */
#define BLK_CONFIG_CAPACITY 0u
#define BLK_CONFIG_SIZE_MAX 8u
#define BLK_CONFIG_SEG_MAX  12u
#define BLK_CONFIG_BLK_SIZE 20u
#define BLK_CONFIG_SIZE     60u

#endif
