/* SPDX-License-Identifier: BSD-3-Clause */
/* qemu-storage-daemon as a child, its vhost-user-blk export driven by our virtqueue: one eventfd
 * for kicks, one for calls. */
#ifndef VMSG_BENCH_STORAGE_DAEMON_H
#define VMSG_BENCH_STORAGE_DAEMON_H

#include "reads.h"

struct storage_daemon;

bool storage_daemon_is_installed(void);
/* `blockdev` for its --blockdev, with the node name "disk". */
struct storage_daemon *storage_daemon_start(const char *blockdev, struct reads *reads);
void storage_daemon_stop(struct storage_daemon *daemon);

#endif
