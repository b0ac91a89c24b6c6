/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver and device in one process, with the partition manager between them: no sockets, no
 * threads, virtual time. The device is of type 4 (entropy), except that it counts.
 */
#include <stdbool.h>
#include <stdio.h>
#include <virtio_msg_ffa/emulator.h>
#include <virtio_msg_ffa/proto.h>
#include <virtio_msg_ffa/pump.h>

#define PAGE        4096u
#define DEVICE_SIDE 0x8001
#define AREAS       4
#define QUEUE_SIZE  8

static const struct vmsg_bus_options bus_options = {
	.ffa_version = VMSG_FFA_VERSION_1_2,
	.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
	.max_areas = AREAS,
};

static int join(struct vmsg_endpoint *endpoint, struct vmsg_emu_local_partition *partition,
		const struct vmsg_emu_bank *bank)
{
	const struct vmsg_conduit conduit = vmsg_emu_local_conduit(partition);
	return vmsg_endpoint_init(
		endpoint, &conduit, (struct vmsg_buffer){ bank->data, bank->address },
		(struct vmsg_buffer){ bank->data + PAGE, bank->address + PAGE }, 1);
}

static struct vmsg_device device;
static struct vmsg_device_pump device_pump;

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	static uint8_t counter;
	struct vmsg_vq_piece pieces[QUEUE_SIZE];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = QUEUE_SIZE };

	(void)context;
	do {
		while (vmsg_vq_device_pop(queue, &chain) == 1) {
			const struct vmsg_span last = pieces[chain.count - 1].span;
			const size_t size = chain.writable_size > 0 ? last.size : 0;
			for (size_t i = 0; i < size; i++) {
				last.data[i] = counter++;
			}
			(void)!vmsg_vq_device_push(queue, chain.head, (uint32_t)size);
			chain.capacity = QUEUE_SIZE;
		}
	} while (vmsg_vq_device_enable_notify(queue));
	vmsg_device_notify(&device, index);
}

/* Runs when the device partition's wait is over. */
static void entry(void *context, struct vmsg_ffa_regs *regs)
{
	const struct vmsg_ffa_regs returned = *regs;

	(void)!vmsg_device_pump_serve(context, &returned, regs);
}

static int start_device(struct vmsg_emu_local *local)
{
	static const struct vmsg_device_ops ops = { .kick = kick };
	static const struct vmsg_device_info info = { .device_id = 4,
						      .queue_count = 1,
						      .queue_size_max = QUEUE_SIZE };
	static struct vmsg_endpoint endpoint;
	static struct vmsg_device_session session;
	static struct vmsg_memory_area areas[AREAS];
	static struct vmsg_bus_device number;
	static struct vmsg_device_slot slot = { .device = &device, .present = true };
	struct vmsg_device_pump_options options = { .endpoint = &endpoint, .bus = bus_options };
	struct vmsg_emu_bank bank = { .size = 2 * PAGE };
	struct vmsg_ffa_regs wait;

	options.sessions = &session;
	options.slots = &slot;
	options.session_count = 1;
	options.slot_count = 1;
	options.areas = areas;
	options.areas_per_session = AREAS;
	options.bus_devices = &number;
	struct vmsg_emu_local_partition *partition =
		vmsg_emu_local_start(local, DEVICE_SIDE, &bank, 1, entry, &device_pump);
	if (!partition || join(&endpoint, partition, &bank) < 0 ||
	    vmsg_device_init(&device, 0, &info, &ops, NULL) < 0 ||
	    vmsg_device_pump_init(&device_pump, &options) < 0) {
		return -1;
	}
	vmsg_endpoint_prepare_wait(&endpoint, &wait);
	vmsg_emu_local_run(partition, &wait);
	return 0;
}

static struct vmsg_endpoint endpoint;
static struct vmsg_bus bus;
static struct vmsg_memory memory;
static struct vmsg_driver driver;
static struct vmsg_driver *drivers[1];
static struct vmsg_driver_pump pump;
static uint64_t pool_address; /* bus address */

/* Sends and receives all there is. What came of it shows in the states. */
static bool settle(void)
{
	struct vmsg_bus_event bus_event;
	struct vmsg_driver_event driver_event;
	const int error = vmsg_driver_pump_run(&pump);

	while (vmsg_bus_event(&bus, &bus_event) || vmsg_driver_event(&driver, &driver_event)) {
	}
	return error == 0;
}

/* Finds the peer, agrees on a dialect with it, and shares the pool. */
static bool bring_up_bus(const struct vmsg_emu_bank *pool)
{
	static struct vmsg_memory_area areas[AREAS];
	static struct vmsg_bus_device devices[1];
	struct vmsg_bus_options options = bus_options;
	const struct vmsg_ffa_range range = { .address = pool->address,
					      .pages = (uint32_t)(pool->size / PAGE) };
	const struct vmsg_segment segment = { .data = pool->data, .size = pool->size };
	uint16_t area;

	options.role = VMSG_BUS_DRIVER;
	options.memory = &memory;
	options.devices = devices;
	options.device_capacity = 1;
	vmsg_memory_init(&memory, areas, AREAS, 48);
	if (vmsg_bus_init(&bus, &options) < 0) {
		return false;
	}
	vmsg_driver_pump_init(&pump, &endpoint, &bus, drivers, 1, DEVICE_SIDE, 1000000000);
	if (vmsg_bus_start(&bus, 0) < 0 || !settle() || bus.state != VMSG_BUS_RUNNING) {
		return false;
	}
	printf("partition 0x%04x speaks %s\n", DEVICE_SIDE, bus.profile->name);
	return vmsg_driver_pump_share(&pump, &range, 1, &segment, 1, &area) == 0 && settle() &&
	       vmsg_address_make(bus.profile, area, 0, &pool_address) == 0;
}

/* From GET_DEVICE_INFO to DRIVER_OK; the queue lies in the first page of the pool. */
static bool bring_up_device(struct vmsg_vq_driver *queue)
{
	static struct vmsg_vq_driver_slot slots[QUEUE_SIZE];
	struct vmsg_driver_options options = { .profile = bus.profile };
	const struct vmsg_vq_layout layout = { .size = QUEUE_SIZE,
					       .desc_addr = pool_address,
					       .driver_addr = pool_address + 1024,
					       .device_addr = pool_address + 2048 };

	options.frame_size_max = vmsg_bus_frame_size_max(&bus);
	options.features[1] = 3; /* VERSION_1 and ACCESS_PLATFORM, bits 32 and 33 */
	drivers[0] = &driver;
	return vmsg_driver_init(&driver, &options) == 0 && vmsg_driver_start(&driver, 0) == 0 &&
	       settle() && driver.state == VMSG_DRIVER_CONFIGURABLE &&
	       vmsg_vq_driver_start(queue, &memory, &layout, slots) == 0 &&
	       vmsg_driver_setup_queue(&driver, 0, 0, &layout) == 0 && settle() &&
	       driver.queues[0].ready && vmsg_driver_ready(&driver, 0) == 0 && settle() &&
	       driver.state == VMSG_DRIVER_RUNNING;
}

/* One buffer out and back. */
static bool ask_device(struct vmsg_vq_driver *queue, uint32_t *written)
{
	const struct vmsg_vq_buffer buffer = { pool_address + PAGE, 64, true };
	void *cookie;

	return vmsg_vq_driver_add(queue, &buffer, 1, queue) == 0 &&
	       vmsg_driver_kick(&driver, 0, 0) == 0 && settle() &&
	       vmsg_vq_driver_reap(queue, &cookie, written) == 1;
}

int main(void)
{
	struct vmsg_emu_local *local = vmsg_emu_local_create();
	struct vmsg_emu_bank banks[2] = { { .size = 2 * PAGE }, { .size = 2 * PAGE } };
	struct vmsg_emu_local_partition *partition = NULL;
	struct vmsg_vq_driver queue;
	uint32_t written;

	if (local && start_device(local) == 0) {
		partition = vmsg_emu_local_start(local, 1, banks, 2, NULL, NULL);
	}
	const bool is_good = partition && join(&endpoint, partition, &banks[0]) == 0 &&
			     bring_up_bus(&banks[1]) && bring_up_device(&queue) &&
			     ask_device(&queue, &written);
	if (is_good) {
		const uint8_t *data = banks[1].data + PAGE;
		printf("the device wrote %u bytes, the last is %u\n", written, data[written - 1]);
	}
	vmsg_emu_local_destroy(local);
	return is_good ? 0 : 1;
}
