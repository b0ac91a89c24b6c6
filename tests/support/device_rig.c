/* SPDX-License-Identifier: BSD-3-Clause */
/* Brings a sample device up without a bus. */
#include "support/device_rig.h"

#include <poll.h>
#include <string.h>

#include "support/cmocka.h"

#include "bytes.h"
#include "virtio_msg_ffa/proto.h"

#define RING_ROOM 4096u
#define RINGS     (RIG_QUEUES * RING_ROOM)
#define RAM       (RINGS + RIG_BUFFERS * RIG_BUFFER_SIZE)
#define ROUNDS    1000 /* of a wait, 10 ms each at most */

static _Alignas(4096) uint8_t ram[RAM];
static struct vmsg_memory device_memory;
static struct vmsg_memory driver_memory;
static struct vmsg_memory_area device_areas[1];
static struct vmsg_memory_area driver_areas[1];
static struct vmsg_vq_driver_slot slots[RIG_QUEUES][RIG_QUEUE_SIZE];

static uint64_t at(uint64_t offset)
{
	return 1ull << 48 | offset;
}

void rig_send(struct device_rig *rig, enum vmsg_type type, struct vmsg_message *message,
	      struct vmsg_message *reply)
{
	message->header.type = type;
	message->header.kind = type == VMSG_EVENT_AVAIL ? VMSG_EVENT : VMSG_REQUEST;
	message->header.dev_num = rig->device->machine.dev_num;
	assert_int_equal(vmsg_device_input(&rig->device->machine, 0, message), 0);
	(void)vmsg_device_output(&rig->device->machine, reply);
}

static bool try_status(struct device_rig *rig, uint32_t status)
{
	struct vmsg_message message = { .body.set_device_status_request.status = status };
	struct vmsg_message reply;

	rig_send(rig, VMSG_SET_DEVICE_STATUS, &message, &reply);
	return rig->device->machine.status == status;
}

static void set_status(struct device_rig *rig, uint32_t status)
{
	assert_true(try_status(rig, status));
}

uint64_t rig_ram_size(void)
{
	return RAM;
}

void rig_open(struct device_rig *rig, const char *text, uint32_t features0, uint32_t features1)
{
	const struct vmsg_segment segment = { ram, RAM };
	char why[512] = "";

	memset(rig, 0, sizeof(*rig));
	memset(ram, 0, sizeof(ram));
	rig->device = emu_device_open(text, 0, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(rig->device);
	vmsg_memory_init(&device_memory, device_areas, 1, 48);
	vmsg_memory_init(&driver_memory, driver_areas, 1, 48);
	assert_int_equal(vmsg_memory_add(&device_memory, 1, &segment, 1, true, 0), 0);
	assert_int_equal(vmsg_memory_add(&driver_memory, 1, &segment, 1, true, 0), 0);
	vmsg_device_attach(&rig->device->machine, vmsg_profile(VMSG_PROFILE_R3), &device_memory,
			   104, 0);
	rig_negotiate(rig, features0, features1);
}

static bool try_negotiate(struct device_rig *rig, const uint32_t features[4])
{
	struct vmsg_message message = { .header = { 0 } };
	struct vmsg_message reply;
	uint8_t words[16];

	set_status(rig, VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER);
	for (size_t i = 0; i < 4; i++) {
		vmsg_store_le32(words + i * 4, features[i]);
	}
	words[4] |= 1u; /* VERSION_1 */
	message.body.set_driver_features_request =
		(struct vmsg_features){ 0, 4, { words, sizeof(words) } };
	rig_send(rig, VMSG_SET_DRIVER_FEATURES, &message, &reply);
	return try_status(rig,
			  VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK);
}

bool rig_try_negotiate(struct device_rig *rig, uint32_t features0, uint32_t features1)
{
	return try_negotiate(rig, (const uint32_t[4]){ features0, features1 });
}

void rig_negotiate(struct device_rig *rig, uint32_t features0, uint32_t features1)
{
	assert_true(rig_try_negotiate(rig, features0, features1));
}

void rig_negotiate_all(struct device_rig *rig, const uint32_t features[4])
{
	assert_true(try_negotiate(rig, features));
}

void rig_queue(struct device_rig *rig, uint32_t index)
{
	const uint64_t base = (uint64_t)index * RING_ROOM;
	const struct vmsg_vq_layout layout = {
		.size = RIG_QUEUE_SIZE,
		.desc_addr = at(base),
		.driver_addr = at(base + 1024),
		.device_addr = at(base + 2048),
	};
	struct vmsg_message message = {
		.body.set_vqueue_request = { .index = index,
					     .flags = VMSG_SET_VQUEUE_ENABLE,
					     .size = layout.size,
					     .desc_addr = layout.desc_addr,
					     .driver_addr = layout.driver_addr,
					     .device_addr = layout.device_addr },
	};
	struct vmsg_message reply;

	assert_true(index < RIG_QUEUES);
	assert_int_equal(
		vmsg_vq_driver_start(&rig->rings[index], &driver_memory, &layout, slots[index]), 0);
	rig_send(rig, VMSG_SET_VQUEUE, &message, &reply);
	assert_true(rig->device->machine.queues[index].enabled);
}

void rig_run(struct device_rig *rig)
{
	set_status(rig, VMSG_STATUS_ACKNOWLEDGE | VMSG_STATUS_DRIVER | VMSG_STATUS_FEATURES_OK |
				VMSG_STATUS_DRIVER_OK);
}

void rig_reset(struct device_rig *rig)
{
	set_status(rig, 0);
}

void rig_close(struct device_rig *rig)
{
	emu_device_close(rig->device);
	rig->device = NULL;
}

uint8_t *rig_buffer(uint32_t n)
{
	assert_true(n < RIG_BUFFERS);
	return ram + RINGS + (size_t)n * RIG_BUFFER_SIZE;
}

static uint64_t address_of(uint32_t n)
{
	return at((uint64_t)(rig_buffer(n) - ram));
}

void rig_add(struct device_rig *rig, uint32_t index, uint32_t n, uint32_t readable,
	     uint32_t writable)
{
	struct vmsg_vq_buffer buffers[2];
	size_t count = 0;

	if (readable) {
		buffers[count++] = (struct vmsg_vq_buffer){ address_of(n), readable, false };
	}
	if (writable) {
		buffers[count++] = (struct vmsg_vq_buffer){ address_of(n + 1), writable, true };
	}
	assert_int_equal(vmsg_vq_driver_add(&rig->rings[index], buffers, count, rig_buffer(n)), 0);
}

void rig_kick(struct device_rig *rig, uint32_t index)
{
	struct vmsg_message message = { .body.event_avail.vq_index = index };
	struct vmsg_message reply;

	rig_send(rig, VMSG_EVENT_AVAIL, &message, &reply);
}

void rig_work(struct device_rig *rig)
{
	struct pollfd fd = { .fd = rig->device->fd, .events = POLLIN };

	if (rig->device->fd >= 0 && poll(&fd, 1, 0) == 1) {
		rig->device->work(rig->device);
	}
	for (int i = 0; i < ROUNDS && vmsg_device_deadline(&rig->device->machine) == 0; i++) {
		vmsg_device_tick(&rig->device->machine, 0);
	}
}

bool rig_poll(struct device_rig *rig, uint32_t index, uint32_t *n, uint32_t *written)
{
	void *cookie;

	rig_work(rig);
	const int result = vmsg_vq_driver_reap(&rig->rings[index], &cookie, written);
	assert_true(result >= 0);
	if (result == 1) {
		*n = (uint32_t)((size_t)((uint8_t *)cookie - (ram + RINGS)) / RIG_BUFFER_SIZE);
	}
	return result == 1;
}

uint32_t rig_await(struct device_rig *rig, uint32_t index, uint32_t *written)
{
	struct pollfd fd = { .fd = rig->device->fd, .events = POLLIN };
	uint32_t n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		if (rig_poll(rig, index, &n, written)) {
			return n;
		}
		(void)poll(&fd, 1, 10);
	}
	fail_msg("the device has used nothing of queue %u", index);
	return 0;
}

uint64_t rig_config(struct device_rig *rig, uint32_t offset, uint32_t size)
{
	struct vmsg_message message = {
		.body.get_config_request = { .offset = offset, .length = size },
	};
	struct vmsg_message reply;
	uint64_t value = 0;

	rig_send(rig, VMSG_GET_CONFIG, &message, &reply);
	assert_int_equal(reply.body.get_config_response.data.size, size);
	while (size-- > 0) {
		value = value << 8 | reply.body.get_config_response.data.data[size];
	}
	return value;
}

bool rig_write_config(struct device_rig *rig, uint32_t offset, const void *data, uint32_t size)
{
	struct vmsg_message message = {
		.body.set_config_request = { .offset = offset,
					     .length = size,
					     .data = { data, size } },
	};
	struct vmsg_message reply;

	rig_send(rig, VMSG_SET_CONFIG, &message, &reply);
	return reply.body.set_config_response.length == size;
}
