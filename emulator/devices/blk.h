/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of virtio-blk, for the device and for drivers. (virtio: Block Device) */
#ifndef VMSG_EMULATOR_DEVICES_BLK_H
#define VMSG_EMULATOR_DEVICES_BLK_H

#define BLK_SECTOR_SIZE 512u
#define BLK_HEADER_SIZE 16u /* le32 type, le32 reserved, le64 sector */
#define BLK_ID_SIZE     20u

#define BLK_T_IN           0u
#define BLK_T_OUT          1u
#define BLK_T_FLUSH        4u
#define BLK_T_GET_ID       8u
#define BLK_T_DISCARD      11u
#define BLK_T_WRITE_ZEROES 13u

/* What DISCARD and WRITE_ZEROES carry: le64 sector, le32 sectors, le32 flags each. */
#define BLK_RANGE_SIZE    16u
#define BLK_RANGE_F_UNMAP 1u

#define BLK_S_OK     0u
#define BLK_S_IOERR  1u
#define BLK_S_UNSUPP 2u

#define BLK_F_SIZE_MAX     1u
#define BLK_F_SEG_MAX      2u
#define BLK_F_RO           5u
#define BLK_F_BLK_SIZE     6u
#define BLK_F_FLUSH        9u
#define BLK_F_TOPOLOGY     10u
#define BLK_F_CONFIG_WCE   11u
#define BLK_F_MQ           12u
#define BLK_F_DISCARD      13u
#define BLK_F_WRITE_ZEROES 14u

/* struct virtio_blk_config */
#define BLK_CONFIG_CAPACITY                 0u
#define BLK_CONFIG_SIZE_MAX                 8u
#define BLK_CONFIG_SEG_MAX                  12u
#define BLK_CONFIG_BLK_SIZE                 20u
#define BLK_CONFIG_PHYSICAL_BLOCK_EXP       24u
#define BLK_CONFIG_OPT_IO_SIZE              28u
#define BLK_CONFIG_WRITEBACK                32u
#define BLK_CONFIG_NUM_QUEUES               34u
#define BLK_CONFIG_MAX_DISCARD_SECTORS      36u
#define BLK_CONFIG_MAX_DISCARD_SEG          40u
#define BLK_CONFIG_DISCARD_SECTOR_ALIGNMENT 44u
#define BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS 48u
#define BLK_CONFIG_MAX_WRITE_ZEROES_SEG     52u
#define BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP   56u
#define BLK_CONFIG_SIZE                     60u

#endif
