/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of virtio-console, for the device and for drivers. (virtio: Console Device) */
#ifndef VMSG_EMULATOR_DEVICES_CONSOLE_H
#define VMSG_EMULATOR_DEVICES_CONSOLE_H

#define CONSOLE_F_SIZE        0u
#define CONSOLE_F_MULTIPORT   1u
#define CONSOLE_F_EMERG_WRITE 2u

/* struct virtio_console_config */
#define CONSOLE_CONFIG_COLS         0u
#define CONSOLE_CONFIG_ROWS         2u
#define CONSOLE_CONFIG_MAX_NR_PORTS 4u
#define CONSOLE_CONFIG_EMERG_WR     8u
#define CONSOLE_CONFIG_SIZE         12u

/* Queues: those of port 0, those of control messages, those of the other ports. */
#define CONSOLE_QUEUE_CONTROL_RECEIVE  2u
#define CONSOLE_QUEUE_CONTROL_TRANSMIT 3u
#define CONSOLE_QUEUE_RECEIVE(port)    ((port) == 0 ? 0u : 2u + 2u * (port))
#define CONSOLE_QUEUE_TRANSMIT(port)   (CONSOLE_QUEUE_RECEIVE(port) + 1u)

/* Control messages: le32 port, le16 event, le16 value. */
#define CONSOLE_CONTROL_SIZE 8u

#define CONSOLE_DEVICE_READY 0u
#define CONSOLE_DEVICE_ADD   1u
#define CONSOLE_PORT_READY   3u
#define CONSOLE_CONSOLE_PORT 4u
#define CONSOLE_RESIZE       5u /* le16 rows, le16 cols follow */
#define CONSOLE_PORT_OPEN    6u
#define CONSOLE_PORT_NAME    7u /* the name follows */

#endif
