/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's half of a vhost-user server. Invariants: the device runs only while some shadow
 * does; a memfd of the guest is an area from before the first address in it is offered until the
 * device has been reset; when a session is over, nothing points into it.
 */
#include "commands/vhost_device.h"

#include <string.h>

#include "commands/report.h"
#include "devices/names.h"
#include "devices/net.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define RETRY_NS     UINT64_C(1000000000)
#define CHECK_MIN_NS UINT64_C(500000000)
#define CHECK_MAX_NS UINT64_C(16000000000)
#define PATIENCE_NS  UINT64_C(50000000) /* of one look for a peer that was there before */
#define BUDGET       64u                /* chains of one queue in a round */

#define BIT(bit) (UINT64_C(1) << (bit))
/* What rings and transport between guest and us can do, whatever the device can. */
#define OWN_FEATURES                                                                               \
	(BIT(VMSG_F_VERSION_1) | BIT(VMSG_F_EVENT_IDX) | BIT(VMSG_F_INDIRECT_DESC) |               \
	 BIT(VMSG_F_RING_PACKED))
/* Bits that belong to the type of a device. */
#define TYPE_FEATURES ((BIT(24) - 1) | ~(BIT(50) - 1))
/* The control queue of a network device is QEMU's, who does not hand it on. */
#define NET_NOT_CARRIED                                                                            \
	(BIT(NET_F_CTRL_VQ) | BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(NET_F_MQ) | BIT(23) |    \
	 BIT(53) | BIT(57) | BIT(60))
#define BLK_F_MQ 12u

/* ---- the session ---- */

static void close_queues(struct vhost_device *device)
{
	for (uint32_t i = 0; i < VHOST_VRINGS_MAX; i++) {
		if (device->shadows[i].device) {
			shadow_detach(&device->shadows[i]);
		}
		queue_driver_close(&device->queues[i]);
	}
	device->is_running = false;
}

/* The peer or the manager is gone, or the device has failed: begin anew after a while. */
static void lose(struct vhost_device *device)
{
	if (!device->session) {
		return;
	}
	close_queues(device);
	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		device->memory.files[i].has_bus = false;
	}
	session_close(device->session);
	device->session = NULL;
	device->retry_ns = report_now() + RETRY_NS;
	report_problem("the device is gone; what the guest has asked for waits until it is back");
}

/* Nobody says that the peer was replaced, and what is asked of its successor may stay without an
 * answer: so it is asked for something that is answered or refused at once. */
static void doubt(struct vhost_device *device)
{
	(void)!vmsg_bus_check(&device->session->bus, report_now()); /* it is running, or over */
}

/* When nothing moves it is in doubt, less and less often: buffers of a network may lie for days. */
static void note_progress(struct vhost_device *device, bool has_moved)
{
	const uint64_t now_ns = report_now();

	if (has_moved) {
		device->check_gap_ns = CHECK_MIN_NS;
	} else if (now_ns >= device->check_ns) {
		doubt(device);
		device->check_gap_ns *= 2;
	} else {
		return;
	}
	if (device->check_gap_ns > CHECK_MAX_NS) {
		device->check_gap_ns = CHECK_MAX_NS;
	}
	device->check_ns = now_ns + device->check_gap_ns;
}

static int choose(struct vhost_device *device)
{
	for (size_t i = 0; i < SESSION_DEVICES_MAX; i++) {
		const struct vmsg_bus_device *known = &device->session->devices[i];
		if (known->present && (device->wanted < 0 || known->number == device->wanted)) {
			device->number = known->number;
			return 0;
		}
	}
	report_problem("partition 0x%04x has no device %d that is free", device->session->peer,
		       device->wanted);
	return -1;
}

struct start {
	struct vhost_device *device;
	uint64_t features;
	bool with_queues;
};

static int set_up_queues(struct vhost_device *device)
{
	struct session *session = device->session;
	const bool is_single = device->device_id == VMSG_VIRTIO_BLK &&
			       !vmsg_driver_has_feature(&session->driver, BLK_F_MQ);
	const uint32_t count = is_single ? 1 : device->queue_count;
	int result = SESSION_OK;

	for (uint32_t i = 0; i < count && result == SESSION_OK; i++) {
		uint32_t size = session->driver.queues[i].max_size;
		size = size < VHOST_DEVICE_RING_SIZE ? size : VHOST_DEVICE_RING_SIZE;
		while (size & (size - 1)) {
			size &= size - 1;
		}
		if (size > 0) {
			result = queue_driver_open(&device->queues[i], session, i, size);
		}
	}
	return result == SESSION_OK ? session_ready(session) : result;
}

static void keep_config(struct vhost_device *device)
{
	const uint32_t all = device->session->driver.info.config_size;
	const uint32_t size = all < VHOST_CONFIG_MAX ? all : VHOST_CONFIG_MAX;

	device->is_config_changed |= size != device->config_size ||
				     memcmp(device->config, device->session->config, size) != 0;
	device->config_size = size;
	memcpy(device->config, device->session->config, size);
}

static int start(struct session *session, void *context)
{
	const struct start *wanted = context;
	struct vhost_device *device = wanted->device;
	uint32_t features[VMSG_FEATURE_BLOCKS_MAX] = {
		(uint32_t)(wanted->features & TYPE_FEATURES),
		(uint32_t)((wanted->features & TYPE_FEATURES) >> 32),
	};

	close_queues(device);
	session_free_all(session);
	session_ring_features(features);
	const int result = session_start_device(session, device->number, features);
	if (result == SESSION_OK && device->device_id != 0) {
		keep_config(device); /* a device that does not run tells of no change */
	}
	return result == SESSION_OK && wanted->with_queues ? set_up_queues(device) : result;
}

/* One attempt: a front end waits for its answers meanwhile, and whoever is late is looked for again
 * like one that is gone. */
static int start_device(struct vhost_device *device, uint64_t features, bool with_queues)
{
	struct start wanted = { device, features, with_queues };
	const int result = start(device->session, &wanted);

	device->session->over |= result != SESSION_OK;
	return result;
}

static uint64_t offered_of(const struct vmsg_driver *driver)
{
	const uint64_t offered = driver->offered[0] | (uint64_t)driver->offered[1] << 32;
	const uint64_t not_carried =
		driver->info.device_id == VMSG_VIRTIO_NET ? NET_NOT_CARRIED : 0;

	return (offered & TYPE_FEATURES & ~not_carried) | OWN_FEATURES;
}

/* Queues of a device that has been started with all the features it is offered with. */
static uint32_t count_queues(const struct vmsg_driver *driver)
{
	const uint32_t most = driver->info.device_id == VMSG_VIRTIO_NET ? 2 : VHOST_VRINGS_MAX;
	uint32_t count = 0;

	while (count < most && count < VMSG_DEVICE_QUEUES_MAX &&
	       driver->queues[count].max_size > 0) {
		count++;
	}
	return count;
}

/* The device as it is offered to a guest. */
static int look_at_device(struct vhost_device *device)
{
	struct start wanted = { device, ~UINT64_C(0), false };

	if (session_retry(device->session, start, &wanted) != SESSION_OK) {
		return -1;
	}
	const struct vmsg_driver *driver = &device->session->driver;
	device->device_id = driver->info.device_id;
	device->offered = offered_of(driver);
	device->queue_count = count_queues(driver);
	keep_config(device);
	device->is_config_changed = false;
	if (device->queue_count == 0) {
		report_problem("device %u has no queue", device->number);
		return -1;
	}
	return 0;
}

/* Is the device of a new session the one that the guest knows? */
static bool is_known(const struct vhost_device *device, const struct vmsg_driver *driver)
{
	return driver->info.device_id == device->device_id &&
	       (device->features & ~offered_of(driver)) == 0 &&
	       count_queues(driver) >= device->queue_count;
}

static void look_for_peer(struct vhost_device *device)
{
	struct session_options options = device->options;

	if (report_now() < device->retry_ns) {
		return;
	}
	options.patience_ns = PATIENCE_NS;
	report_mute(true);
	device->session = session_open(&options);
	int result = device->session ? choose(device) : -1;
	if (result == 0) {
		result = start_device(device, ~UINT64_C(0), false);
	}
	report_mute(false);
	if (result == 0 && !is_known(device, &device->session->driver)) {
		report_problem("device %u is back, but is another one", device->number);
		result = -1;
	}
	if (result == 0) {
		keep_config(device);
		report_problem("the device is back");
		return;
	}
	session_close(device->session);
	device->session = NULL;
	device->retry_ns = report_now() + RETRY_NS;
}

int vhost_device_open(struct vhost_device *device, const struct session_options *options,
		      int wanted)
{
	*device = (struct vhost_device){ .options = *options, .wanted = wanted };
	vhost_memory_init(&device->memory);
	device->options.adds_memory = true;
	device->options.pool_size = VHOST_DEVICE_POOL_SIZE;
	device->session = session_open(&device->options);
	if (!device->session || choose(device) < 0 || look_at_device(device) < 0) {
		vhost_device_close(device);
		return -1;
	}
	for (uint32_t i = 0; i < device->queue_count; i++) {
		if (shadow_open(&device->shadows[i], i, VHOST_DEVICE_RING_SIZE, &device->memory) <
		    0) {
			report_problem("out of memory");
			vhost_device_close(device);
			return -1;
		}
	}
	return 0;
}

void vhost_device_close(struct vhost_device *device)
{
	close_queues(device);
	for (uint32_t i = 0; i < VHOST_VRINGS_MAX; i++) {
		shadow_close(&device->shadows[i]);
	}
	session_close(device->session);
	device->session = NULL;
}

void vhost_device_look(struct vhost_device *device)
{
	if (!device->session || device->is_running) {
		return;
	}
	doubt(device);
	if (start_device(device, ~UINT64_C(0), false) != SESSION_OK) {
		lose(device);
	}
}

/* ---- memory ---- */

/* Takes back what no region is in any more, and shares what is new. */
static int update_memory(struct vhost_device *device)
{
	for (uint32_t i = 0; i < VHOST_MEMORY_REGIONS_MAX; i++) {
		struct vhost_memory_file *file = &device->memory.files[i];
		if (file->has_bus && file->users == 0 && !device->is_running) {
			if (session_remove_memory(device->session, &device->areas[i]) !=
			    SESSION_OK) {
				return -1;
			}
			file->has_bus = false;
		} else if (file->fd >= 0 && file->users > 0 && !file->has_bus) {
			if (session_add_memory(device->session, file->fd, file->size,
					       &device->areas[i]) != SESSION_OK) {
				return -1;
			}
			file->bus = device->areas[i].address;
			file->has_bus = true;
		}
	}
	return 0;
}

/* ---- running ---- */

static bool is_wanted(const struct vhost_device *device)
{
	for (uint32_t i = 0; i < device->queue_count; i++) {
		if (device->shadows[i].is_running) {
			return true;
		}
	}
	return false;
}

static void attach(struct vhost_device *device)
{
	struct session *session = device->session;

	for (uint32_t i = 0; i < device->queue_count; i++) {
		struct queue_driver *queue = &device->queues[i];
		if (!queue->slots) {
			continue;
		}
		/* the pool has room for them: it was made so */
		const uint8_t *tables =
			queue->layout.indirect
				? session_allocate(
					  session,
					  (uint64_t)VHOST_DEVICE_RING_SIZE * SHADOW_TABLE_SIZE, 16)
				: NULL;
		shadow_attach(&device->shadows[i], &queue->ring,
			      tables ? session_address(session, tables) : 0);
	}
	device->is_running = true;
	device->must_kick = true;
	note_progress(device, true);
}

bool vhost_device_update(struct vhost_device *device)
{
	bool is_refused = false;

	if (!device->session) {
		look_for_peer(device);
	}
	if (device->session && update_memory(device) < 0) {
		is_refused = device->session->is_memory_refused;
		lose(device);
	}
	vhost_memory_sweep(&device->memory);
	if (!device->session || device->is_running || !is_wanted(device)) {
		return !is_refused;
	}
	if (start_device(device, device->features, true) == SESSION_OK) {
		attach(device);
	} else {
		lose(device);
	}
	return true;
}

void vhost_device_stop(struct vhost_device *device)
{
	if (!device->is_running) {
		return;
	}
	close_queues(device);
	doubt(device);
	if (session_reset_device(device->session) != SESSION_OK) {
		/* one that does not even answer to a reset may have the guest's memory in its hands
		 * for as long as the session lasts */
		device->session->over = true;
		lose(device);
	}
}

void vhost_device_forget(struct vhost_device *device)
{
	vhost_device_stop(device);
	if (device->session && update_memory(device) < 0) {
		lose(device);
	}
	vhost_memory_sweep(&device->memory);
}

/* ---- events ---- */

/* False when the device is lost. */
static bool take_events(struct vhost_device *device)
{
	struct session *session = device->session;

	session_take_driver_events(session);
	if (session->needs_reset) {
		session->needs_reset = false;
		report_problem("device %u has failed and wants a reset", device->number);
		return false;
	}
	if (session->is_changed) {
		session->is_changed = false;
		if (session_read_config(session) == SESSION_OVER) {
			return false;
		}
		keep_config(device);
	}
	return true;
}

static bool offer(struct vhost_device *device)
{
	bool has_moved = false;

	for (uint32_t i = 0; i < device->queue_count; i++) {
		struct shadow *shadow = &device->shadows[i];
		has_moved |= shadow_take(shadow, BUDGET);
		if (shadow->device &&
		    (vmsg_vq_driver_should_kick(shadow->device) || device->must_kick)) {
			/* the queue is ready */
			(void)!vmsg_driver_kick(&device->session->driver, i, 0);
		}
	}
	device->must_kick = false;
	return has_moved;
}

bool vhost_device_run(struct vhost_device *device, void (*used)(void *context, uint32_t index),
		      void *context)
{
	if (!device->session) {
		return false;
	}
	bool has_moved = device->is_running && offer(device);
	const int result = session_run(device->session);
	device->must_kick |= result == SESSION_LATE;
	bool is_lost =
		result == SESSION_OVER || device->session->bus_error != 0 || !take_events(device);
	bool has_given = false;
	for (uint32_t i = 0; i < device->queue_count; i++) {
		const int count = shadow_give(&device->shadows[i]);
		if (count > 0) {
			has_given = true;
			session_is_alive(device->session);
			used(context, i);
		} else if (count < 0) {
			report_problem("device %u returns what it never got: queue %u is broken",
				       device->number, i);
			is_lost = true;
		}
	}
	if (is_lost) {
		lose(device);
	} else if (device->is_running) {
		note_progress(device, has_given);
	}
	return has_moved || has_given;
}

uint64_t vhost_device_deadline(const struct vhost_device *device)
{
	if (!device->session) {
		return device->retry_ns;
	}
	const uint64_t pump_ns = vmsg_driver_pump_deadline(&device->session->pump);
	return device->is_running && device->check_ns < pump_ns ? device->check_ns : pump_ns;
}

int vhost_device_fd(const struct vhost_device *device)
{
	return device->session && vmsg_bus_listens(&device->session->bus)
		       ? vmsg_emu_fd(device->session->emu)
		       : -1;
}

bool vhost_device_is_ready(const struct vhost_device *device)
{
	return vhost_device_fd(device) >= 0 && vmsg_emu_wait(device->session->emu, 0);
}

/* ---- config space ---- */

int vhost_device_write_config(struct vhost_device *device, uint32_t offset, struct vmsg_bytes data)
{
	bool is_refused = true;

	if (!device->session || data.size == 0 || data.size > device->config_size ||
	    offset > device->config_size - data.size) {
		return -1;
	}
	if (!device->is_running && start_device(device, device->features, false) != SESSION_OK) {
		lose(device);
		return -1;
	}
	if (session_write_config(device->session, offset, data, &is_refused) == SESSION_OVER) {
		lose(device);
		return -1;
	}
	if (!is_refused) {
		memcpy(device->config + offset, data.data, data.size);
	}
	return is_refused ? -1 : 0;
}
