/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device whose queues a vhost-user daemon runs: areas become the daemon's memory, under their bus
 * addresses, so that descriptors mean the same to driver and daemon; kicks and calls pass as
 * eventfds. When the daemon goes, the device needs a reset; when the driver resets it, the daemon
 * is looked for again. (vhost-user protocol of the QEMU documentation)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/devices.h"
#include "devices/names.h"
#include "devices/settings.h"
#include "devices/vhost_user.h"
#include "devices/watch.h"
#include "virtio_msg_ffa/proto.h"

#define QUEUE_SIZE_MAX 1024u
#define PIECES_MAX     64u
#define WATCH_DAEMON   VMSG_DEVICE_QUEUES_MAX /* beyond the queues */
#define WATCH_BACKEND  (VMSG_DEVICE_QUEUES_MAX + 1u)

/* Features of the ring and the transport that are ours to give or not: the bus's addresses are all
 * the daemon ever sees, so ACCESS_PLATFORM is not its business. */
#define ACCESS_PLATFORM (UINT64_C(1) << VMSG_F_ACCESS_PLATFORM)
/* What has a meaning only between front end and daemon, or that we do not carry. */
#define NOT_CARRIED                                                                                \
	(UINT64_C(1) << VHOST_F_LOG_ALL | UINT64_C(1) << VHOST_F_PROTOCOL_FEATURES |               \
	 UINT64_C(1) << VMSG_F_RING_RESET | UINT64_C(1) << VMSG_F_NOTIFICATION_DATA |              \
	 UINT64_C(1) << VMSG_F_IN_ORDER)

struct queue {
	int kick;
	int call;
	bool is_started; /* with the daemon */
	struct vmsg_vq_layout layout;
};

struct vhost {
	struct emu_device base;
	char path[DEVICE_VALUE_SIZE];
	struct vhost_user daemon;
	uint8_t config[VHOST_CONFIG_MAX];
	bool is_used;   /* the daemon has had a queue on this connection */
	bool is_failed; /* as far as the driver knows */
	struct queue queues[VMSG_DEVICE_QUEUES_MAX];
	const uint8_t *places[VHOST_REGIONS_MAX]; /* of the daemon's regions, in our memory */
	uint64_t addresses[VHOST_REGIONS_MAX];    /* the same regions */
	uint32_t place_count;
};

/* ---- the daemon ---- */

static void complain(struct vhost *vhost)
{
	vhost->base.errors++;
	fprintf(stderr, "vhost-user %s: %s\n", vhost->path, vhost->daemon.why);
}

static void fail(struct vhost *vhost)
{
	if (!vhost->is_failed) {
		vhost->is_failed = true;
		complain(vhost);
		vmsg_device_needs_reset(&vhost->base.machine);
	}
	vhost->place_count = 0;
}

static void watch_daemon(struct vhost *vhost)
{
	watch_arm(&vhost->base, vhost->daemon.fd, false, WATCH_DAEMON);
	if (vhost->daemon.backend >= 0) {
		watch_arm(&vhost->base, vhost->daemon.backend, false, WATCH_BACKEND);
	}
}

static void refresh_config(struct vhost *vhost)
{
	const uint32_t size = vhost->base.info.config_size;
	uint8_t config[VHOST_CONFIG_MAX];

	if (size > 0 && vhost_get_config(&vhost->daemon, config, size) == 0 &&
	    memcmp(vhost->config, config, size) != 0) {
		memcpy(vhost->config, config, size);
		vmsg_device_config_changed(&vhost->base.machine, 0, size);
	}
}

/* What the daemon has changed while nobody was connected, it tells nobody. */
static int connect_daemon(struct vhost *vhost)
{
	if (vhost->daemon.fd >= 0) {
		return 0;
	}
	vhost->place_count = 0;
	if (vhost_connect(&vhost->daemon, vhost->path) < 0) {
		return -1;
	}
	watch_daemon(vhost);
	refresh_config(vhost);
	return 0;
}

/* ---- memory ---- */

static bool is_known(const struct vhost *vhost, uint64_t address)
{
	for (uint32_t i = 0; i < vhost->place_count; i++) {
		if (vhost->addresses[i] == address) {
			return true;
		}
	}
	return false;
}

static int add_piece(struct vhost *vhost, const struct device_piece *piece, uint64_t address,
		     const uint8_t *place)
{
	const struct vhost_region region = {
		.address = address,
		.size = piece->size,
		.offset = piece->offset,
		.fd = piece->fd,
	};

	if (is_known(vhost, address)) {
		return 0;
	}
	if (vhost->place_count == VHOST_REGIONS_MAX ||
	    vhost_add_region(&vhost->daemon, &region) < 0) {
		return -1;
	}
	vhost->places[vhost->place_count] = place;
	vhost->addresses[vhost->place_count++] = address;
	return 0;
}

static int add_segment(struct vhost *vhost, const struct vmsg_segment *segment, uint64_t address)
{
	const struct device_memory *memory = vhost->base.memory;
	struct device_piece pieces[PIECES_MAX];
	const int count = memory->pieces(memory->context, segment->data, pieces, PIECES_MAX);
	uint64_t done = 0;

	for (int i = 0; i < count; i++) {
		if (add_piece(vhost, &pieces[i], address + done, segment->data + done) < 0) {
			return -1;
		}
		done += pieces[i].size;
	}
	return done == segment->size ? 0 : -1;
}

/* Tells the daemon of all areas that it does not know. */
static int add_areas(struct vhost *vhost)
{
	const struct vmsg_memory *memory = vhost->base.machine.memory;

	for (uint32_t i = 0; memory && i < memory->capacity; i++) {
		const struct vmsg_memory_area *area = &memory->areas[i];
		uint64_t address = area->base;
		for (uint16_t j = 0; area->used && j < area->segment_count; j++) {
			if (add_segment(vhost, &area->segments[j], address) < 0) {
				return -1;
			}
			address += area->segments[j].size;
		}
	}
	return 0;
}

static void memory_added(struct emu_device *device)
{
	struct vhost *vhost = (struct vhost *)device; /* its first member */
	bool is_running = false;

	for (uint32_t i = 0; i < device->info.queue_count; i++) {
		is_running |= vhost->queues[i].is_started;
	}
	if (is_running && add_areas(vhost) < 0) {
		fail(vhost);
	}
}

static void memory_removing(struct emu_device *device, const uint8_t *data, uint64_t size)
{
	struct vhost *vhost = (struct vhost *)device;

	for (uint32_t i = 0; i < vhost->place_count;) {
		const uint8_t *place = vhost->places[i];
		if (place < data || (uint64_t)(place - data) >= size) {
			i++;
			continue;
		}
		if (vhost_remove_region(&vhost->daemon, vhost->addresses[i]) < 0) {
			fail(vhost);
			return;
		}
		vhost->place_count--;
		vhost->places[i] = vhost->places[vhost->place_count];
		vhost->addresses[i] = vhost->addresses[vhost->place_count];
	}
}

/* ---- queues ---- */

static int start_queue(struct vhost *vhost, uint32_t index)
{
	struct queue *queue = &vhost->queues[index];
	const struct vhost_queue wanted = {
		.index = index,
		.size = queue->layout.size,
		.packed = queue->layout.packed,
		.desc = queue->layout.desc_addr,
		.driver = queue->layout.driver_addr,
		.device = queue->layout.device_addr,
		.kick = queue->kick,
		.call = queue->call,
	};

	if (vhost->daemon.fd < 0 || add_areas(vhost) < 0 ||
	    vhost_start_queue(&vhost->daemon, &wanted) < 0) {
		fail(vhost);
		return -1;
	}
	queue->is_started = true;
	vhost->is_used = true;
	watch_arm(&vhost->base, queue->call, false, index);
	return 0;
}

static int queue_start(void *context, uint32_t index, struct vmsg_vq_device *ring)
{
	struct vhost *vhost = context;

	vhost->queues[index].layout = ring->vq.layout;
	return 0;
}

static void queue_stop(void *context, uint32_t index)
{
	struct vhost *vhost = context;
	struct queue *queue = &vhost->queues[index];

	if (queue->is_started && vhost->daemon.fd >= 0 &&
	    vhost_stop_queue(&vhost->daemon, index) < 0) {
		fail(vhost);
	}
	queue->is_started = false;
}

/* The daemon starts a queue with its first kick, when the driver is ready for what it does. */
static void kick(void *context, uint32_t index, struct vmsg_vq_device *ring)
{
	struct vhost *vhost = context;
	struct queue *queue = &vhost->queues[index];
	const uint64_t one = 1;

	(void)ring;
	if (!queue->is_started && start_queue(vhost, index) < 0) {
		return;
	}
	vhost->base.requests++;
	(void)!write(queue->kick, &one, sizeof(one));
}

/* ---- what the daemon does by itself ---- */

static void ready(struct emu_device *device, uint32_t index)
{
	struct vhost *vhost = (struct vhost *)device;
	uint64_t count;

	if (index == WATCH_BACKEND) {
		const int result = vhost_take_message(&vhost->daemon);
		if (result == 1) {
			refresh_config(vhost);
		}
		if (result >= 0) {
			watch_arm(device, vhost->daemon.backend, false, index);
		}
	} else if (index == WATCH_DAEMON) {
		/* between exchanges the daemon says nothing: it is gone, or raves */
		if (vhost->daemon.fd >= 0 && vhost_peek(&vhost->daemon) == 0) {
			watch_arm(device, vhost->daemon.fd, false, index);
		}
	} else {
		(void)!read(vhost->queues[index].call, &count, sizeof(count));
		vmsg_device_notify(&device->machine, index);
		watch_arm(device, vhost->queues[index].call, false, index);
	}
	if (vhost->daemon.fd < 0) {
		fail(vhost);
	}
}

/* ---- the device ---- */

/* The daemon of this connection may have less to offer than the one that the device was made of. */
static int agree_on_features(struct vhost *vhost, uint64_t wanted)
{
	if (connect_daemon(vhost) < 0) {
		return -1;
	}
	if (wanted & ~vhost->daemon.features) {
		(void)snprintf(vhost->daemon.why, sizeof(vhost->daemon.why),
			       "the vhost-user daemon does not offer features 0x%llx any more",
			       (unsigned long long)(wanted & ~vhost->daemon.features));
		return -1;
	}
	return vhost_set_features(&vhost->daemon, wanted);
}

static int set_features(void *context, const uint32_t features[VMSG_FEATURE_BLOCKS_MAX])
{
	struct vhost *vhost = context;
	const uint64_t wanted = features[0] | (uint64_t)features[1] << 32;
	const int result = agree_on_features(vhost, wanted & ~ACCESS_PLATFORM);

	if (result < 0) {
		complain(vhost);
	}
	return result;
}

/* The next driver gets a connection of its own: daemons on libvhost-user keep the addresses of old
 * queues, and give up when these are in no memory any more. */
static int reset(void *context)
{
	struct vhost *vhost = context;

	if (vhost->is_used) {
		vhost_close(&vhost->daemon);
		vhost->place_count = 0;
		vhost->is_used = false;
	}
	vhost->is_failed = false;
	return 1;
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct vhost *vhost = context;

	memcpy(out.data, vhost->config + offset, out.size);
}

static int write_config(void *context, uint32_t offset, struct vmsg_bytes in)
{
	struct vhost *vhost = context;

	if (vhost_set_config(&vhost->daemon, offset, in.data, (uint32_t)in.size) < 0) {
		return -1;
	}
	memcpy(vhost->config + offset, in.data, in.size);
	return 0;
}

static void vhost_device_close(struct emu_device *device)
{
	struct vhost *vhost = (struct vhost *)device;

	vhost_close(&vhost->daemon);
	for (uint32_t i = 0; i < VMSG_DEVICE_QUEUES_MAX; i++) {
		if (vhost->queues[i].kick >= 0) {
			(void)close(vhost->queues[i].kick);
		}
		if (vhost->queues[i].call >= 0) {
			(void)close(vhost->queues[i].call);
		}
	}
	watch_close(device);
	free(vhost);
}

static const struct vmsg_device_ops ops = {
	.read_config = read_config,
	.write_config = write_config,
	.set_features = set_features,
	.queue_start = queue_start,
	.queue_stop = queue_stop,
	.kick = kick,
	.reset = reset,
};

/* ---- opening ---- */

/* What the protocol does not tell of a device: its queues and the size of its config space. */
static const struct type {
	const char *name;
	uint32_t device_id;
	uint32_t queues;
	uint32_t config_size;
} types[] = {
	{ "blk", VMSG_VIRTIO_BLK, 0, 60 },
	{ "net", VMSG_VIRTIO_NET, 2, 0 },
	{ "console", VMSG_VIRTIO_CONSOLE, 2, 0 },
	{ "rng", VMSG_VIRTIO_RNG, 1, 0 },
	{ "scsi", 8, 3, 36 },
	{ "vsock", 19, 3, 8 },
	{ "input", 18, 2, 136 },
	{ "fs", 26, 2, 44 },
	{ "i2c", 34, 1, 0 },
	{ "gpio", 41, 2, 8 },
	{ "sound", 25, 4, 16 },
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, name) == 0) {
			return &types[i];
		}
	}
	return NULL;
}

static int open_queues(struct vhost *vhost, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		vhost->queues[i].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		vhost->queues[i].call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vhost->queues[i].kick < 0 || vhost->queues[i].call < 0) {
			return -1;
		}
	}
	return 0;
}

static int set_up(struct vhost *vhost, const struct type *type, uint64_t queues, uint16_t dev_num,
		  char *why, size_t why_size)
{
	if (connect_daemon(vhost) < 0) {
		(void)snprintf(why, why_size, "--device vhost-user: socket '%s': %s", vhost->path,
			       vhost->daemon.why);
		return -1;
	}
	const uint32_t most = vhost->daemon.queue_max < VMSG_DEVICE_QUEUES_MAX
				      ? vhost->daemon.queue_max
				      : VMSG_DEVICE_QUEUES_MAX;
	const uint64_t count = queues ? queues : type->queues ? type->queues : most;
	if (!type->queues && count > most) {
		(void)snprintf(why, why_size, "--device vhost-user: queues '%u': the daemon has %u",
			       (unsigned int)count, most);
		return -1;
	}
	const uint64_t features = vhost->daemon.features & ~NOT_CARRIED;
	vhost->base.memory_max = vhost->daemon.region_max;
	vhost->base.info = (struct vmsg_device_info){
		.device_id = type->device_id,
		.vendor_id = DEVICE_VENDOR_ID,
		.features = { (uint32_t)features, (uint32_t)(features >> 32) },
		.has_foreign_rings = true,
		.config_size = type->config_size,
		.queue_count = (uint32_t)count,
		.queue_size_max = QUEUE_SIZE_MAX,
	};
	if (type->config_size > 0 &&
	    vhost_get_config(&vhost->daemon, vhost->config, type->config_size) < 0) {
		(void)snprintf(
			why, why_size,
			"--device vhost-user: socket '%s' has no config space of a %s device",
			vhost->path, type->name);
		return -1;
	}
	if (open_queues(vhost, (uint32_t)count) < 0 ||
	    vmsg_device_init(&vhost->base.machine, dev_num, &vhost->base.info, &ops, vhost) < 0) {
		(void)snprintf(why, why_size, "--device vhost-user: cannot be set up");
		return -1;
	}
	return 0;
}

static const struct type *parse(struct vhost *vhost, const char *options, uint64_t *queues,
				char *why, size_t why_size)
{
	char name[DEVICE_VALUE_SIZE] = "blk";
	const struct device_setting table[] = {
		{ .key = "socket", .text = vhost->path },
		{ .key = "type", .text = name },
		{ .key = "queues", .number = queues, .least = 1, .most = VMSG_DEVICE_QUEUES_MAX },
	};

	if (device_settings("vhost-user", options, table, sizeof(table) / sizeof(table[0]), why,
			    why_size) < 0) {
		return NULL;
	}
	const struct type *type = find_type(name);
	if (!type) {
		int used = snprintf(why, why_size, "--device vhost-user: type '%.40s' is none of",
				    name);
		for (size_t i = 0;
		     i < sizeof(types) / sizeof(types[0]) && used > 0 && (size_t)used < why_size;
		     i++) {
			used += snprintf(why + used, why_size - (size_t)used, " %s", types[i].name);
		}
	} else if (!vhost->path[0]) {
		(void)snprintf(why, why_size, "--device vhost-user: socket=PATH is missing");
		return NULL;
	}
	return type;
}

struct emu_device *vhost_user_open(const char *options, uint16_t dev_num, char *why,
				   size_t why_size)
{
	struct vhost *vhost = calloc(1, sizeof(*vhost));
	uint64_t queues = 0;

	if (!vhost) {
		(void)snprintf(why, why_size, "--device vhost-user: out of memory");
		return NULL;
	}
	for (uint32_t i = 0; i < VMSG_DEVICE_QUEUES_MAX; i++) {
		vhost->queues[i].kick = vhost->queues[i].call = -1;
	}
	vhost->daemon.fd = vhost->daemon.backend = -1;
	vhost->base.kind = "vhost-user";
	vhost->base.ready = ready;
	vhost->base.memory_added = memory_added;
	vhost->base.memory_removing = memory_removing;
	vhost->base.close = vhost_device_close;
	if (watch_open(&vhost->base) < 0) {
		(void)snprintf(why, why_size, "--device vhost-user: %s", strerror(errno));
	} else {
		const struct type *type = parse(vhost, options, &queues, why, why_size);
		if (type && set_up(vhost, type, queues, dev_num, why, why_size) == 0) {
			return &vhost->base;
		}
	}
	vhost_device_close(&vhost->base);
	return NULL;
}
