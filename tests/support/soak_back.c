/* SPDX-License-Identifier: BSD-3-Clause */
/* The device partition of a soak: three disks that take their time. */
#include "support/soak.h"

#include <string.h>

static struct soak *world; /* entry functions and callbacks have one context each */

static struct soak_disk *disk_of(void *context)
{
	return context;
}

/* ---- what a disk does ---- */

static size_t gather(const struct vmsg_vq_chain *chain, void *to, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < chain->readable_count; i++) {
		const struct vmsg_span *span = &chain->pieces[i].span;
		SOAK_CHECK(world, used + span->size <= size);
		memcpy((uint8_t *)to + used, span->data, span->size);
		used += span->size;
	}
	return used;
}

static uint64_t execute(struct soak_disk *disk, const struct soak_order *order)
{
	struct soak_cell *cell = &disk->cells[order->cell];

	SOAK_CHECK(world, order->id < SOAK_IDS && world->issued[order->id]);
	SOAK_CHECK(world, !world->executed[order->id]); /* nothing twice */
	world->executed[order->id] = true;
	if (order->is_write) {
		cell->stored = order->value;
	}
	return cell->stored;
}

static void use(struct soak_disk *disk, uint32_t index, uint32_t at)
{
	struct soak_held *held = &disk->held[index][at];
	const struct soak_answer answer = { held->value, 1 };

	memcpy(held->answer, &answer, sizeof(answer));
	SOAK_CHECK(world,
		   vmsg_vq_device_push(disk->queues[index], held->head, sizeof(answer)) == 0);
	disk->held_count[index]--;
	memmove(held, held + 1, (disk->held_count[index] - at) * sizeof(*held));
}

/* In any order, unless another was agreed on. */
static void use_all(struct soak_disk *disk, uint32_t index)
{
	while (disk->queues[index] && disk->held_count[index] > 0) {
		const bool in_order = disk->queues[index]->vq.layout.in_order;
		const uint64_t which = soak_random(world, disk->held_count[index]);
		use(disk, index, in_order ? 0 : (uint32_t)which);
	}
	vmsg_device_notify(&disk->device, index);
}

static void kick(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct soak_disk *disk = disk_of(context);
	struct vmsg_vq_piece pieces[8];
	struct vmsg_vq_chain chain = { .pieces = pieces, .capacity = 8 };
	struct soak_order order;
	uint32_t taken = 0;
	int result = 0;

	do {
		while (taken < 6 && (result = vmsg_vq_device_pop(queue, &chain)) == 1) {
			SOAK_CHECK(world, gather(&chain, &order, sizeof(order)) == sizeof(order));
			SOAK_CHECK(world, chain.writable_size == sizeof(struct soak_answer) &&
						  chain.count == chain.readable_count + 1);
			SOAK_CHECK(world, order.cell < SOAK_CELLS);
			disk->held[index][disk->held_count[index]++] = (struct soak_held){
				.head = chain.head,
				.value = execute(disk, &order),
				.answer = pieces[chain.count - 1].span.data,
			};
			taken++;
		}
		SOAK_CHECK(world, result >= 0); /* no driver here breaks the rules */
	} while (taken < 6 && vmsg_vq_device_enable_notify(queue));
	if (taken == 6) {
		vmsg_device_kick_later(&disk->device, index);
	}
	if (soak_random(world, 3) > 0) {
		use_all(disk, index);
	}
}

static int queue_start(void *context, uint32_t index, struct vmsg_vq_device *queue)
{
	struct soak_disk *disk = disk_of(context);

	SOAK_CHECK(world, !disk->queues[index] && disk->held_count[index] == 0);
	disk->queues[index] = queue;
	return 0;
}

static void queue_stop(void *context, uint32_t index)
{
	struct soak_disk *disk = disk_of(context);

	SOAK_CHECK(world, disk->queues[index]);
	disk->queues[index] = NULL;
	disk->held_count[index] = 0; /* executed, and never answered */
}

static void read_config(void *context, uint32_t offset, struct vmsg_span out)
{
	const struct soak_disk *disk = disk_of(context);

	for (size_t i = 0; i < out.size; i++) {
		out.data[i] = (uint8_t)(disk->device.generation + offset + i);
	}
}

/* ---- the partition ---- */

static void serve(void *context, struct vmsg_ffa_regs *regs)
{
	(void)context;
	(void)!vmsg_device_pump_serve(&world->back.pump, regs, regs);
}

void soak_back_start(struct soak *soak)
{
	static const struct vmsg_device_info info = {
		.device_id = 42,
		.features = { 0, 3 | 1u << (VMSG_F_IN_ORDER - 32) },
		.config_size = 64,
		.queue_count = SOAK_QUEUES,
		.queue_size_max = SOAK_QUEUE_SIZE,
	};
	static const struct vmsg_device_ops ops = {
		.kick = kick,
		.queue_start = queue_start,
		.queue_stop = queue_stop,
		.read_config = read_config,
	};
	struct soak_back *back = &soak->back;

	world = soak;
	memset(back, 0, sizeof(*back));
	soak_start_side(soak, &back->side, SOAK_SP, serve, back);
	if (!back->side.alive) {
		return;
	}
	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		struct soak_disk *disk = &back->disks[i];
		disk->cells = soak->cells[i];
		SOAK_CHECK(soak, vmsg_device_init(&disk->device, (uint16_t)(i * 300), &info, &ops,
						  disk) == 0);
		back->slots[i] = (struct vmsg_device_slot){ &disk->device, NULL, true };
	}
	const struct vmsg_device_pump_options options = {
		.endpoint = &back->side.endpoint,
		.sessions = back->sessions,
		.session_count = SOAK_FRONTS,
		.slots = back->slots,
		.slot_count = SOAK_DEVICES,
		.areas = back->areas,
		.areas_per_session = SOAK_AREAS,
		.bus_devices = back->numbers,
		.bus = {
			.wide_area_ids = soak->has_wide_area_ids,
			.ffa_version = VMSG_FFA_VERSION_1_2,
			.bus_features = SOAK_BUS_FEATURES,
			.max_areas = SOAK_AREAS,
		},
	};
	SOAK_CHECK(soak, vmsg_device_pump_init(&back->pump, &options) == 0);
	struct vmsg_ffa_regs wait;
	vmsg_endpoint_prepare_wait(&back->side.endpoint, &wait);
	vmsg_emu_local_run(back->side.partition, &wait);
}

void soak_back_died(struct soak *soak)
{
	soak->back.side.alive = false;
	soak->deaths++;
	/* its disks are files: what they hold stays */
}

void soak_back_finish(struct soak *soak)
{
	for (uint32_t i = 0; i < SOAK_DEVICES; i++) {
		for (uint32_t q = 0; q < SOAK_QUEUES; q++) {
			if (soak->back.disks[i].queues[q]) {
				use_all(&soak->back.disks[i], q);
			}
		}
	}
	vmsg_emu_local_raise(soak->back.side.partition);
}

void soak_back_act(struct soak *soak)
{
	const uint32_t which = (uint32_t)soak_random(soak, SOAK_DEVICES);
	struct soak_disk *disk = &soak->back.disks[which];
	struct vmsg_device_slot *slot = &soak->back.slots[which];

	switch (soak_random(soak, 12)) {
	case 0:
		slot->present = !slot->present;
		soak_say(soak, "disk %u %s", which, slot->present ? "plugged" : "unplugged");
		soak->plugs++;
		vmsg_device_pump_update(&soak->back.pump);
		break;
	case 1:
		soak_say(soak, "disk %u needs reset", which);
		vmsg_device_needs_reset(&disk->device);
		break;
	case 2:
		soak_say(soak, "disk %u changes its config", which);
		vmsg_device_config_changed(&disk->device, 8, 4);
		break;
	default:
		soak_say(soak, "disk %u goes on", which);
		for (uint32_t q = 0; q < SOAK_QUEUES; q++) {
			if (disk->queues[q] && disk->held_count[q] > 0) {
				use_all(disk, q);
			}
		}
		break;
	}
	vmsg_emu_local_raise(soak->back.side.partition);
}
