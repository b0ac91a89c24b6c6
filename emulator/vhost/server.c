/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of a front end. One table says what each may look like, so that what acts on it finds
 * the payload it expects. Invariants: a descriptor is either in a vring or closed; a vring that
 * runs has a size, addresses in the memory and a kick; the memory does not change under it without
 * its owner being told.
 */
#include "vhost/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "virtio_msg_ffa/proto.h"

#define ANY_SIZE UINT32_MAX

static uint64_t load(const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	while (size-- > 0) {
		value = value << 8 | at[size];
	}
	return value;
}

static void store(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}

__attribute__((format(printf, 2, 3))) static int refuse(struct vhost_server *server,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(server->why, sizeof(server->why), format, arguments);
	va_end(arguments);
	return -1;
}

static bool has(const struct vhost_server *server, unsigned int protocol_feature)
{
	return server->protocol >> protocol_feature & 1;
}

static bool has_protocol_features(const struct vhost_server *server)
{
	return server->features >> VHOST_F_PROTOCOL_FEATURES & 1;
}

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
	*fd = -1;
}

/* ---- headers ---- */

int vhost_message_load(struct vhost_message *message, const uint8_t header[VHOST_HEADER_SIZE])
{
	message->request = (uint32_t)load(header, 4);
	message->flags = (uint32_t)load(header + 4, 4);
	message->size = (uint32_t)load(header + 8, 4);
	return (message->flags & VHOST_FLAG_MASK) == VHOST_FLAG_VERSION &&
			       !(message->flags & VHOST_FLAG_REPLY) &&
			       message->size <= VHOST_PAYLOAD_MAX
		       ? 0
		       : -1;
}

void vhost_message_store(const struct vhost_message *message, uint8_t header[VHOST_HEADER_SIZE])
{
	store(header, message->request, 4);
	store(header + 4, message->flags, 4);
	store(header + 8, message->size, 4);
}

bool vhost_server_config_changed(const struct vhost_server *server,
				 uint8_t message[VHOST_HEADER_SIZE])
{
	const struct vhost_message change = { .request = VHOST_BACKEND_CONFIG_CHANGE,
					      .flags = VHOST_FLAG_VERSION };

	vhost_message_store(&change, message);
	return server->backend >= 0 && has(server, VHOST_PROTOCOL_CONFIG);
}

/* ---- life ---- */

void vhost_server_init(struct vhost_server *server, const struct vhost_server_ops *ops,
		       void *context, struct vhost_memory *memory)
{
	const uint64_t features = server->device_features;
	const uint32_t queue_count = server->queue_count;
	const uint32_t queue_num = server->queue_num;
	const bool has_config = server->has_config;

	*server = (struct vhost_server){
		.ops = ops,
		.context = context,
		.device_features = features,
		.queue_count = queue_count,
		.queue_num = queue_num,
		.has_config = has_config,
		.memory = memory,
		.backend = -1,
	};
	for (uint32_t i = 0; i < VHOST_VRINGS_MAX; i++) {
		server->vrings[i] = (struct vhost_vring){ .kick = -1, .call = -1, .err = -1 };
	}
}

/* The owner is told, and what it says is where the vring begins again. */
static void stop_vring(struct vhost_server *server, uint32_t index)
{
	struct vhost_vring *vring = &server->vrings[index];

	if (vring->is_running) {
		vring->is_running = false;
		vring->base = server->ops->stop(server->context, index);
	}
	vring->is_started = false;
	close_fd(&vring->kick);
}

static void stop_all(struct vhost_server *server)
{
	for (uint32_t i = 0; i < VHOST_VRINGS_MAX; i++) {
		stop_vring(server, i);
	}
}

void vhost_server_close(struct vhost_server *server)
{
	stop_all(server);
	for (uint32_t i = 0; i < VHOST_VRINGS_MAX; i++) {
		close_fd(&server->vrings[i].call);
		close_fd(&server->vrings[i].err);
	}
	close_fd(&server->backend);
	vhost_memory_unmap(server->memory);
	vhost_memory_clear(server->memory);
}

/* ---- features ---- */

static uint64_t own_protocol_features(const struct vhost_server *server)
{
	return 1u << VHOST_PROTOCOL_MQ | 1u << VHOST_PROTOCOL_REPLY_ACK |
	       1u << VHOST_PROTOCOL_BACKEND |
	       (server->has_config ? 1u << VHOST_PROTOCOL_CONFIG : 0u) |
	       1u << VHOST_PROTOCOL_RESET_DEVICE | 1u << VHOST_PROTOCOL_MEM_SLOTS |
	       1u << VHOST_PROTOCOL_STATUS;
}

static int reply_u64(struct vhost_message *message, uint64_t value)
{
	store(message->payload, value, 8);
	message->size = 8;
	return 1;
}

static int get_features(struct vhost_server *server, struct vhost_message *message)
{
	return reply_u64(message, server->device_features | UINT64_C(1)
								    << VHOST_F_PROTOCOL_FEATURES);
}

static int set_features(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t offered = server->device_features | UINT64_C(1) << VHOST_F_PROTOCOL_FEATURES;
	const uint64_t wanted = load(message->payload, 8);

	if (wanted & ~offered) {
		return refuse(server,
			      "SET_FEATURES: 0x%" PRIx64
			      " has bits that are not offered (0x%" PRIx64 ")",
			      wanted, wanted & ~offered);
	}
	for (uint32_t i = 0; i < VHOST_VRINGS_MAX && wanted != server->features; i++) {
		if (server->vrings[i].is_running) {
			return refuse(server, "SET_FEATURES: vring %u is running", i);
		}
	}
	server->features = wanted;
	server->has_features = true;
	return 0;
}

static int get_protocol_features(struct vhost_server *server, struct vhost_message *message)
{
	return reply_u64(message, own_protocol_features(server));
}

static int set_protocol_features(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t wanted = load(message->payload, 8);

	if (wanted & ~own_protocol_features(server)) {
		return refuse(server,
			      "SET_PROTOCOL_FEATURES: 0x%" PRIx64 " has bits that are not offered",
			      wanted);
	}
	server->protocol = wanted;
	return 0;
}

static int get_queue_num(struct vhost_server *server, struct vhost_message *message)
{
	return reply_u64(message, server->queue_num);
}

static int set_owner(struct vhost_server *server, struct vhost_message *message)
{
	(void)server;
	(void)message;
	return 0;
}

/* RESET_OWNER is said by some to stop all rings, and by others to do nothing; a ring that is
 * stopped can be started again. */
static int reset_device(struct vhost_server *server, struct vhost_message *message)
{
	(void)message;
	stop_all(server);
	server->status = 0;
	server->ops->reset(server->context);
	return 0;
}

static int set_status(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t status = load(message->payload, 8);

	if (status > UINT8_MAX) {
		return refuse(server, "SET_STATUS: 0x%" PRIx64, status);
	}
	if (status == 0) {
		return reset_device(server, message);
	}
	server->status = (uint8_t)status;
	return 0;
}

static int get_status(struct vhost_server *server, struct vhost_message *message)
{
	return reply_u64(message, server->status);
}

/* ---- memory ---- */

static struct vhost_memory_region load_region(const uint8_t *at)
{
	return (struct vhost_memory_region){
		.guest = load(at, 8),
		.size = load(at + 8, 8),
		.user = load(at + 16, 8),
		.offset = load(at + 24, 8),
	};
}

static int memory_changed(struct vhost_server *server)
{
	return server->ops->memory_changed(server->context, server->why, sizeof(server->why));
}

static int set_mem_table(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t count = load(message->payload, 4);

	if (message->size < 8 || count > VHOST_TABLE_REGIONS ||
	    message->size != 8 + count * VHOST_REGION_SIZE) {
		return refuse(server, "SET_MEM_TABLE: %" PRIu64 " regions in %u bytes", count,
			      message->size);
	}
	if (message->fd_count != count) {
		return refuse(server, "SET_MEM_TABLE: %" PRIu64 " regions with %u descriptors",
			      count, message->fd_count);
	}
	vhost_memory_clear(server->memory);
	for (uint32_t i = 0; i < count; i++) {
		const struct vhost_memory_region region =
			load_region(message->payload + 8 + i * VHOST_REGION_SIZE);
		if (vhost_memory_add(server->memory, &region, &message->fds[i]) < 0) {
			return refuse(server, "SET_MEM_TABLE: %s", server->memory->why);
		}
	}
	return memory_changed(server);
}

static int add_mem_reg(struct vhost_server *server, struct vhost_message *message)
{
	const struct vhost_memory_region region = load_region(message->payload + 8);

	if (vhost_memory_add(server->memory, &region, &message->fds[0]) < 0) {
		return refuse(server, "ADD_MEM_REG: %s", server->memory->why);
	}
	return memory_changed(server);
}

static int rem_mem_reg(struct vhost_server *server, struct vhost_message *message)
{
	const struct vhost_memory_region region = load_region(message->payload + 8);

	if (vhost_memory_remove(server->memory, &region) < 0) {
		return refuse(server, "REM_MEM_REG: %s", server->memory->why);
	}
	return memory_changed(server);
}

static int get_max_mem_slots(struct vhost_server *server, struct vhost_message *message)
{
	(void)server;
	return reply_u64(message, VHOST_MEMORY_REGIONS_MAX);
}

/* ---- vrings ---- */

/* NULL when it is refused. */
static struct vhost_vring *find_vring(struct vhost_server *server, const char *name, uint64_t index)
{
	if (index >= server->queue_count || index >= VHOST_VRINGS_MAX) {
		(void)refuse(server, "%s: vring %" PRIu64 ", the device has %u", name, index,
			     server->queue_count);
		return NULL;
	}
	return &server->vrings[index];
}

/* The same for what a running vring does not bear. */
static struct vhost_vring *find_idle(struct vhost_server *server, const char *name, uint64_t index)
{
	struct vhost_vring *vring = find_vring(server, name, index);

	if (vring && vring->is_running) {
		(void)refuse(server, "%s: vring %" PRIu64 " is running", name, index);
		return NULL;
	}
	return vring;
}

static bool has_feature(const struct vhost_server *server, unsigned int bit)
{
	return server->features >> bit & 1;
}

static int set_vring_num(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t size = load(message->payload + 4, 4);
	struct vhost_vring *vring = find_idle(server, "SET_VRING_NUM", load(message->payload, 4));

	if (!vring) {
		return -1;
	}
	if (size == 0 || size > VMSG_QUEUE_SIZE_MAX) {
		return refuse(server, "SET_VRING_NUM: %" PRIu64 " entries", size);
	}
	vring->size = (uint32_t)size;
	return 0;
}

static int set_vring_base(struct vhost_server *server, struct vhost_message *message)
{
	struct vhost_vring *vring = find_idle(server, "SET_VRING_BASE", load(message->payload, 4));

	if (!vring) {
		return -1;
	}
	vring->base = (uint32_t)load(message->payload + 4, 4);
	return 0;
}

static int set_vring_addr(struct vhost_server *server, struct vhost_message *message)
{
	const uint8_t *at = message->payload;
	struct vhost_vring *vring = find_vring(server, "SET_VRING_ADDR", load(at, 4));

	if (!vring) {
		return -1;
	}
	if (load(at + 4, 4) != 0) {
		return refuse(server, "SET_VRING_ADDR: flags 0x%x, but logging is not offered",
			      (unsigned int)load(at + 4, 4));
	}
	const bool is_same = vring->desc == load(at + 8, 8) && vring->device == load(at + 16, 8) &&
			     vring->driver == load(at + 24, 8);
	if (vring->is_running && !is_same) {
		return refuse(server, "SET_VRING_ADDR: vring %u is running",
			      (unsigned int)load(at, 4));
	}
	vring->desc = load(at + 8, 8);
	vring->device = load(at + 16, 8);
	vring->driver = load(at + 24, 8);
	vring->has_addresses = true;
	return 0;
}

static int guest_address(struct vhost_server *server, uint32_t index, const char *part,
			 uint64_t user, uint64_t size, uint64_t *guest)
{
	return vhost_memory_guest(server->memory, user, size, guest)
		       ? 0
		       : refuse(server,
				"SET_VRING_ADDR: vring %u: %s of %" PRIu64 " bytes at 0x%" PRIx64
				" is in no memory region",
				index, part, size, user);
}

static int fill_layout(struct vhost_server *server, uint32_t index, struct vmsg_vq_layout *layout)
{
	const struct vhost_vring *vring = &server->vrings[index];
	const bool packed = has_feature(server, VMSG_F_RING_PACKED);
	const uint32_t size = vring->size;

	*layout = (struct vmsg_vq_layout){
		.size = size,
		.event_idx = has_feature(server, VMSG_F_EVENT_IDX),
		.indirect = has_feature(server, VMSG_F_INDIRECT_DESC),
		.packed = packed,
		.index = index,
	};
	if (guest_address(server, index, "descriptors", vring->desc, vmsg_vq_desc_size(size),
			  &layout->desc_addr) < 0 ||
	    guest_address(server, index, "available ring", vring->driver,
			  packed ? VMSG_VQ_EVENT_SIZE : vmsg_vq_driver_size(size),
			  &layout->driver_addr) < 0) {
		return -1;
	}
	return guest_address(server, index, "used ring", vring->device,
			     packed ? VMSG_VQ_EVENT_SIZE : vmsg_vq_device_size(size),
			     &layout->device_addr);
}

/* A vring has been started and enabled. */
static int run_vring(struct vhost_server *server, uint32_t index)
{
	struct vhost_vring *vring = &server->vrings[index];
	struct vmsg_vq_layout layout;

	if (!vring->has_addresses || vring->size == 0) {
		return refuse(server, "SET_VRING_KICK: vring %u has no %s", index,
			      vring->size == 0 ? "size" : "addresses");
	}
	if (!server->has_features || !has_feature(server, VMSG_F_VERSION_1)) {
		return refuse(server,
			      "SET_FEATURES: without VIRTIO_F_VERSION_1: legacy drivers are not "
			      "served");
	}
	if (fill_layout(server, index, &layout) < 0 ||
	    server->ops->start(server->context, index, &layout, vring->base, server->why,
			       sizeof(server->why)) < 0) {
		return -1;
	}
	vring->is_running = true;
	return 0;
}

/* Started and enabled: without protocol features there is no enabling. */
static int update_vring(struct vhost_server *server, uint32_t index)
{
	struct vhost_vring *vring = &server->vrings[index];
	const bool is_enabled = vring->is_enabled || !has_protocol_features(server);

	if (vring->is_running) {
		server->ops->enable(server->context, index, is_enabled);
		return 0;
	}
	return vring->is_started && is_enabled ? run_vring(server, index) : 0;
}

static int get_vring_base(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t index = load(message->payload, 4);
	struct vhost_vring *vring = find_vring(server, "GET_VRING_BASE", index);

	if (!vring) {
		return -1;
	}
	stop_vring(server, (uint32_t)index);
	store(message->payload, index, 4);
	store(message->payload + 4, vring->base, 4);
	message->size = 8;
	return 1;
}

static int set_vring_enable(struct vhost_server *server, struct vhost_message *message)
{
	const uint64_t index = load(message->payload, 4);
	const uint64_t value = load(message->payload + 4, 4);
	struct vhost_vring *vring = find_vring(server, "SET_VRING_ENABLE", index);

	if (!vring) {
		return -1;
	}
	if (value > 1) {
		return refuse(server, "SET_VRING_ENABLE: %" PRIu64, value);
	}
	vring->is_enabled = value;
	return update_vring(server, (uint32_t)index);
}

/* Only an eventfd can be read and written without end, and never blocks once it is told so. */
static bool is_eventfd(int fd)
{
	char path[64];
	char target[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const ssize_t size = readlink(path, target, sizeof(target) - 1);
	if (size < 0) {
		return false;
	}
	target[size] = '\0';
	const int flags = fcntl(fd, F_GETFL);
	return strcmp(target, "anon_inode:[eventfd]") == 0 && flags >= 0 &&
	       fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* The vring and the descriptor of SET_VRING_KICK, CALL or ERR, -1 if it says that there is none. */
static struct vhost_vring *take_eventfd(struct vhost_server *server, struct vhost_message *message,
					const char *name, int *fd)
{
	const uint64_t value = load(message->payload, 8);
	const uint32_t expected = value & VHOST_VRING_NO_FD ? 0 : 1;

	*fd = -1;
	if (value & ~(uint64_t)(VHOST_VRING_INDEX_MASK | VHOST_VRING_NO_FD)) {
		(void)refuse(server, "%s: 0x%" PRIx64, name, value);
		return NULL;
	}
	struct vhost_vring *vring = find_vring(server, name, value & VHOST_VRING_INDEX_MASK);
	if (!vring) {
		return NULL;
	}
	if (message->fd_count != expected) {
		(void)refuse(server, "%s: %u descriptors, not %u", name, message->fd_count,
			     expected);
		return NULL;
	}
	if (expected > 0 && !is_eventfd(message->fds[0])) {
		(void)refuse(server, "%s: the descriptor is no eventfd", name);
		return NULL;
	}
	if (expected > 0) {
		*fd = message->fds[0];
		message->fds[0] = -1;
	}
	return vring;
}

static int set_vring_kick(struct vhost_server *server, struct vhost_message *message)
{
	int fd;
	struct vhost_vring *vring = take_eventfd(server, message, "SET_VRING_KICK", &fd);

	if (!vring) {
		return -1;
	}
	if (fd < 0) {
		return refuse(server, "SET_VRING_KICK: without an eventfd: rings are not polled");
	}
	close_fd(&vring->kick);
	vring->kick = fd;
	vring->is_started = true;
	return update_vring(server, (uint32_t)(vring - server->vrings));
}

static int set_vring_call(struct vhost_server *server, struct vhost_message *message)
{
	int fd;
	struct vhost_vring *vring = take_eventfd(server, message, "SET_VRING_CALL", &fd);

	if (!vring) {
		return -1;
	}
	close_fd(&vring->call);
	vring->call = fd;
	return 0;
}

static int set_vring_err(struct vhost_server *server, struct vhost_message *message)
{
	int fd;
	struct vhost_vring *vring = take_eventfd(server, message, "SET_VRING_ERR", &fd);

	if (!vring) {
		return -1;
	}
	close_fd(&vring->err);
	vring->err = fd;
	return 0;
}

/* ---- config space ---- */

static int check_config(struct vhost_server *server, const char *name,
			const struct vhost_message *message, uint32_t *offset, uint32_t *size)
{
	*offset = (uint32_t)load(message->payload, 4);
	*size = (uint32_t)load(message->payload + 4, 4);
	if (message->size < VHOST_CONFIG_FIXED || *size > VHOST_CONFIG_MAX ||
	    *offset > VHOST_CONFIG_MAX - *size || message->size != VHOST_CONFIG_FIXED + *size) {
		return refuse(server, "%s: %u bytes at offset %u, in a message of %u", name, *size,
			      *offset, message->size);
	}
	return 0;
}

/* An answer without a payload says no. */
static int get_config(struct vhost_server *server, struct vhost_message *message)
{
	uint32_t offset;
	uint32_t size;

	if (check_config(server, "GET_CONFIG", message, &offset, &size) < 0) {
		return -1;
	}
	if (server->ops->read_config(server->context, offset, message->payload + VHOST_CONFIG_FIXED,
				     size) < 0) {
		message->size = 0;
	}
	return 1;
}

static int set_config(struct vhost_server *server, struct vhost_message *message)
{
	uint32_t offset;
	uint32_t size;

	if (check_config(server, "SET_CONFIG", message, &offset, &size) < 0) {
		return -1;
	}
	return server->ops->write_config(server->context, offset,
					 message->payload + VHOST_CONFIG_FIXED, size) < 0
		       ? 2
		       : 0;
}

static int set_backend_req_fd(struct vhost_server *server, struct vhost_message *message)
{
	close_fd(&server->backend);
	server->backend = message->fds[0];
	message->fds[0] = -1;
	const int flags = fcntl(server->backend, F_GETFL);
	return flags < 0 || fcntl(server->backend, F_SETFL, flags | O_NONBLOCK) < 0
		       ? refuse(server, "SET_BACKEND_REQ_FD: %s", strerror(errno))
		       : 0;
}

/* ---- dispatch ---- */

/* Act returns 1 with a reply in the message, 0, 2 where it says no, or -1. `protocol` + 1 is the
 * protocol feature that a message belongs to. */
static const struct request {
	uint32_t number;
	uint32_t size;
	uint32_t fds; /* exactly; ANY_SIZE: it looks itself */
	uint32_t protocol;
	const char *name;
	int (*act)(struct vhost_server *server, struct vhost_message *message);
} requests[] = {
	{ VHOST_GET_FEATURES, 0, 0, 0, "GET_FEATURES", get_features },
	{ VHOST_SET_FEATURES, 8, 0, 0, "SET_FEATURES", set_features },
	{ VHOST_SET_OWNER, 0, 0, 0, "SET_OWNER", set_owner },
	{ VHOST_RESET_OWNER, 0, 0, 0, "RESET_OWNER", reset_device },
	{ VHOST_SET_MEM_TABLE, ANY_SIZE, ANY_SIZE, 0, "SET_MEM_TABLE", set_mem_table },
	{ VHOST_SET_VRING_NUM, 8, 0, 0, "SET_VRING_NUM", set_vring_num },
	{ VHOST_SET_VRING_ADDR, 40, 0, 0, "SET_VRING_ADDR", set_vring_addr },
	{ VHOST_SET_VRING_BASE, 8, 0, 0, "SET_VRING_BASE", set_vring_base },
	{ VHOST_GET_VRING_BASE, 8, 0, 0, "GET_VRING_BASE", get_vring_base },
	{ VHOST_SET_VRING_KICK, 8, ANY_SIZE, 0, "SET_VRING_KICK", set_vring_kick },
	{ VHOST_SET_VRING_CALL, 8, ANY_SIZE, 0, "SET_VRING_CALL", set_vring_call },
	{ VHOST_SET_VRING_ERR, 8, ANY_SIZE, 0, "SET_VRING_ERR", set_vring_err },
	{ VHOST_GET_PROTOCOL_FEATURES, 0, 0, 0, "GET_PROTOCOL_FEATURES", get_protocol_features },
	{ VHOST_SET_PROTOCOL_FEATURES, 8, 0, 0, "SET_PROTOCOL_FEATURES", set_protocol_features },
	{ VHOST_GET_QUEUE_NUM, 0, 0, VHOST_PROTOCOL_MQ + 1, "GET_QUEUE_NUM", get_queue_num },
	{ VHOST_SET_VRING_ENABLE, 8, 0, 0, "SET_VRING_ENABLE", set_vring_enable },
	{ VHOST_SET_BACKEND_REQ_FD, 0, 1, VHOST_PROTOCOL_BACKEND + 1, "SET_BACKEND_REQ_FD",
	  set_backend_req_fd },
	{ VHOST_GET_CONFIG, ANY_SIZE, 0, VHOST_PROTOCOL_CONFIG + 1, "GET_CONFIG", get_config },
	{ VHOST_SET_CONFIG, ANY_SIZE, 0, VHOST_PROTOCOL_CONFIG + 1, "SET_CONFIG", set_config },
	{ VHOST_RESET_DEVICE, 0, 0, VHOST_PROTOCOL_RESET_DEVICE + 1, "RESET_DEVICE", reset_device },
	{ VHOST_GET_MAX_MEM_SLOTS, 0, 0, VHOST_PROTOCOL_MEM_SLOTS + 1, "GET_MAX_MEM_SLOTS",
	  get_max_mem_slots },
	{ VHOST_ADD_MEM_REG, 8 + VHOST_REGION_SIZE, 1, VHOST_PROTOCOL_MEM_SLOTS + 1, "ADD_MEM_REG",
	  add_mem_reg },
	/* some send the descriptor along, some do not */
	{ VHOST_REM_MEM_REG, 8 + VHOST_REGION_SIZE, ANY_SIZE, VHOST_PROTOCOL_MEM_SLOTS + 1,
	  "REM_MEM_REG", rem_mem_reg },
	{ VHOST_SET_STATUS, 8, 0, VHOST_PROTOCOL_STATUS + 1, "SET_STATUS", set_status },
	{ VHOST_GET_STATUS, 0, 0, VHOST_PROTOCOL_STATUS + 1, "GET_STATUS", get_status },
};

static const struct request *find_request(uint32_t number)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].number == number) {
			return &requests[i];
		}
	}
	return NULL;
}

static int act(struct vhost_server *server, struct vhost_message *message)
{
	const struct request *request = find_request(message->request);

	if (!request) {
		return refuse(server, "request %u is not served", message->request);
	}
	if (request->protocol && !has(server, request->protocol - 1)) {
		return refuse(server, "%s: its protocol feature was not agreed", request->name);
	}
	if (request->size != ANY_SIZE && message->size != request->size) {
		return refuse(server, "%s: %u bytes, not %u", request->name, message->size,
			      request->size);
	}
	if (request->fds != ANY_SIZE && message->fd_count != request->fds) {
		return refuse(server, "%s: %u descriptors, not %u", request->name,
			      message->fd_count, request->fds);
	}
	return request->act(server, message);
}

int vhost_server_take(struct vhost_server *server, struct vhost_message *message)
{
	const bool wants_reply =
		message->flags & VHOST_FLAG_NEED_REPLY && has(server, VHOST_PROTOCOL_REPLY_ACK);

	server->why[0] = '\0';
	int result = act(server, message);
	for (uint32_t i = 0; i < message->fd_count; i++) {
		close_fd(&message->fds[i]);
	}
	message->fd_count = 0;
	if (result != 1 && result >= 0 && wants_reply) {
		result = reply_u64(message, result != 0);
	}
	message->flags = VHOST_FLAG_VERSION | VHOST_FLAG_REPLY;
	return result == 2 ? 0 : result;
}
