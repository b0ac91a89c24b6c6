/* SPDX-License-Identifier: BSD-3-Clause */
#include "storage_daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/vhost_user.h"
#include "system.h"
#include "virtio_msg_ffa/proto.h"

#define PROGRAM     "/usr/bin/qemu-storage-daemon"
#define QUEUE_SIZE  128u
#define SHIFT       48
#define AREA        1
#define BASE        ((uint64_t)AREA << SHIFT)
#define RING_SIZE   (3 * 4096u)
#define MEMORY_SIZE (RING_SIZE + READS_MEMORY_SIZE)
#define PATIENCE_US 5000000
#define NAP_US      10000

struct storage_daemon {
	char path[64];
	const char *blockdev;
	pid_t pid;
	struct vhost_user vhost;
	uint8_t *memory;
	int memory_fd;
	int kick;
	int call;
	struct vmsg_memory areas;
	struct vmsg_memory_area area;
	struct vmsg_vq_driver ring;
	struct vmsg_vq_driver_slot slots[QUEUE_SIZE];
};

bool storage_daemon_is_installed(void)
{
	return access(PROGRAM, X_OK) == 0;
}

static void run(void *context, int ready)
{
	const struct storage_daemon *daemon = context;
	char export[160];

	snprintf(export, sizeof(export),
		 "type=vhost-user-blk,id=export,node-name=disk,addr.type=unix,addr.path=%s",
		 daemon->path);
	(void)!write(ready, "", 1);
	execl(PROGRAM, PROGRAM, "--blockdev", daemon->blockdev, "--export", export, (char *)NULL);
	die(PROGRAM);
}

static void map(struct storage_daemon *daemon)
{
	daemon->memory_fd = memfd_create("requests", MFD_CLOEXEC);
	if (daemon->memory_fd < 0 || ftruncate(daemon->memory_fd, MEMORY_SIZE) != 0) {
		die("memfd");
	}
	daemon->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, daemon->memory_fd, 0);
	if (daemon->memory == MAP_FAILED) {
		die("mmap");
	}
	const struct vmsg_segment segment = { daemon->memory, MEMORY_SIZE };
	vmsg_memory_init(&daemon->areas, &daemon->area, 1, SHIFT);
	if (vmsg_memory_add(&daemon->areas, AREA, &segment, 1, true, 0) < 0) {
		die("area");
	}
}

static void connect_to(struct storage_daemon *daemon)
{
	const uint64_t wanted = UINT64_C(1) << VMSG_F_VERSION_1 | UINT64_C(1) << VMSG_F_EVENT_IDX;
	const struct vhost_region region = { BASE, MEMORY_SIZE, 0, daemon->memory_fd };
	const struct vmsg_vq_layout layout = {
		.size = QUEUE_SIZE,
		.event_idx = true,
		.desc_addr = BASE,
		.driver_addr = BASE + 4096,
		.device_addr = BASE + 8192,
	};
	const struct vhost_queue queue = {
		.size = QUEUE_SIZE,
		.desc = layout.desc_addr,
		.driver = layout.driver_addr,
		.device = layout.device_addr,
		.kick = daemon->kick,
		.call = daemon->call,
	};

	int connected = vhost_connect(&daemon->vhost, daemon->path);
	for (int us = 0; connected < 0 && us < PATIENCE_US; us += NAP_US) {
		usleep(NAP_US);
		connected = vhost_connect(&daemon->vhost, daemon->path);
	}
	if (connected < 0 || (daemon->vhost.features & wanted) != wanted ||
	    vhost_set_features(&daemon->vhost, wanted) < 0 ||
	    vhost_add_region(&daemon->vhost, &region) < 0 ||
	    vmsg_vq_driver_start(&daemon->ring, &daemon->areas, &layout, daemon->slots) < 0 ||
	    vhost_start_queue(&daemon->vhost, &queue) < 0) {
		fprintf(stderr, "%s: %s\n", PROGRAM, daemon->vhost.why);
		exit(1);
	}
	/* it sets O_NONBLOCK on whatever it is given; we would rather wait in read() */
	if (fcntl(daemon->call, F_SETFL, 0) != 0) {
		die("fcntl");
	}
}

static unsigned int reap(struct storage_daemon *daemon, struct reads *reads)
{
	unsigned int count = 0;
	uint32_t written;
	void *cookie;
	int result;

	while ((result = vmsg_vq_driver_reap(&daemon->ring, &cookie, &written)) == 1) {
		reads_done(reads, cookie, written);
		count++;
	}
	if (result < 0) {
		die("broken queue");
	}
	return count;
}

static void turn(struct reads *reads)
{
	struct storage_daemon *daemon = reads->context;
	uint64_t value = 1;

	if (vmsg_vq_driver_should_kick(&daemon->ring)) {
		reads->kicks++;
		if (write(daemon->kick, &value, sizeof(value)) != sizeof(value)) {
			die("kick");
		}
	}
	while (reap(daemon, reads) == 0) {
		if (!vmsg_vq_driver_enable_notify(&daemon->ring) &&
		    read(daemon->call, &value, sizeof(value)) != sizeof(value)) {
			die("call");
		}
	}
}

struct storage_daemon *storage_daemon_start(const char *blockdev, struct reads *reads)
{
	static int count;
	struct storage_daemon *daemon = calloc(1, sizeof(*daemon));

	if (!daemon) {
		die("storage daemon");
	}
	snprintf(daemon->path, sizeof(daemon->path), "/tmp/vmsg-bench-%d-%d.vhost", (int)getpid(),
		 count++);
	daemon->blockdev = blockdev;
	daemon->kick = eventfd(0, EFD_CLOEXEC);
	daemon->call = eventfd(0, EFD_CLOEXEC);
	daemon->pid = spawn(run, daemon);
	map(daemon);
	connect_to(daemon);
	reads->ring = &daemon->ring;
	reads->turn = turn;
	reads->context = daemon;
	reads_place(reads, daemon->memory + RING_SIZE, BASE + RING_SIZE);
	return daemon;
}

void storage_daemon_stop(struct storage_daemon *daemon)
{
	(void)vhost_stop_queue(&daemon->vhost, 0); /* it ends now in any case */
	vhost_close(&daemon->vhost);
	end(daemon->pid);
	unlink(daemon->path);
	free(daemon);
}
