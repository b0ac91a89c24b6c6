/* SPDX-License-Identifier: BSD-3-Clause */
#include "virtio_msg_ffa/memory.h"
