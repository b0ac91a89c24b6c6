/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything of libvirtio-msg-ffa that needs no operating system. */
#ifndef VIRTIO_MSG_FFA_H
#define VIRTIO_MSG_FFA_H

#include "virtio_msg_ffa/bounce.h"
#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/codec.h"
#include "virtio_msg_ffa/config.h"
#include "virtio_msg_ffa/device.h"
#include "virtio_msg_ffa/driver.h"
#include "virtio_msg_ffa/endpoint.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/ffa.h"
#include "virtio_msg_ffa/ffa_memory.h"
#include "virtio_msg_ffa/ffa_message.h"
#include "virtio_msg_ffa/fifo.h"
#include "virtio_msg_ffa/memory.h"
#include "virtio_msg_ffa/message.h"
#include "virtio_msg_ffa/proto.h"
#include "virtio_msg_ffa/pump.h"
#include "virtio_msg_ffa/quirk.h"
#include "virtio_msg_ffa/span.h"
#include "virtio_msg_ffa/version.h"
#include "virtio_msg_ffa/virtqueue.h"

#endif
