/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Suspend and resume of a soak's driver partition: freeze until all sleeps; resume the session;
 * share again what the device has forgotten; make the rings anew; restore.
 */
#include "support/soak.h"

static uint64_t now(const struct soak *soak)
{
	return vmsg_emu_local_now(soak->local);
}

void soak_sleep_begin(struct soak *soak, struct soak_front *front)
{
	if (front->bus.state == VMSG_BUS_RUNNING && front->sleep == SOAK_AWAKE) {
		soak_say(soak, "%u falls asleep", front->side.id);
		front->sleep = SOAK_FALLING_ASLEEP;
	}
}

static void wake_up(struct soak_front *front)
{
	front->sleep = SOAK_AWAKE;
	front->vain = 0;
}

/* Instead of vmsg_driver_pump_run(), where there is something better. */
void soak_sleep_pump(struct soak *soak, struct soak_front *front)
{
	switch (front->sleep) {
	case SOAK_FALLING_ASLEEP:
		if (vmsg_driver_pump_freeze(&front->pump) == 0) {
			SOAK_CHECK(soak, front->bus.state == VMSG_BUS_SUSPENDED);
			soak_say(soak, "%u sleeps", front->side.id);
			front->sleep = SOAK_ASLEEP;
			soak->sleeps++;
		}
		break;
	case SOAK_RESTORING:
		if (vmsg_driver_pump_restore(&front->pump) == 0) {
			wake_up(front);
		}
		break;
	case SOAK_AWAKE:
	case SOAK_ASLEEP:
	case SOAK_WAKING:
		(void)!vmsg_driver_pump_run(&front->pump);
		break;
	}
}

void soak_sleep_frozen(struct soak *soak, struct soak_front *front)
{
	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		front->queues[i].kept = front->queues[i].ready;
	}
	soak_front_stop_queues(soak, front);
}

/* A ring that was there before, at its place, which may have another address now. */
static bool make_anew(struct soak *soak, struct soak_front *front, uint32_t index)
{
	struct soak_queue *queue = &front->queues[index];
	struct vmsg_vq_layout layout = queue->ring.vq.layout;

	if (!queue->kept) {
		return true;
	}
	layout.desc_addr = soak_front_address(front, (uint64_t)index * SOAK_QUEUE_SPACE);
	layout.driver_addr = layout.desc_addr + 0x800;
	layout.device_addr = layout.desc_addr + 0x1000;
	if (vmsg_vq_driver_start(&queue->ring, &front->memory, &layout, queue->slots) < 0) {
		return false;
	}
	queue->started = true;
	SOAK_CHECK(soak, vmsg_driver_move_queue(&front->driver, index, &layout) == 0);
	return true;
}

static void restore(struct soak *soak, struct soak_front *front)
{
	front->driver.options.profile = front->bus.profile;
	front->driver.options.frame_size_max = vmsg_bus_frame_size_max(&front->bus);
	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		SOAK_CHECK(soak, make_anew(soak, front, i));
	}
	front->sleep = SOAK_RESTORING;
}

void soak_sleep_restored(struct soak *soak, struct soak_front *front)
{
	soak_say(soak, "%u is restored", front->side.id);
	for (uint32_t i = 0; i < SOAK_QUEUES; i++) {
		if (front->queues[i].kept) {
			front->queues[i].ready = true;
			(void)vmsg_vq_driver_enable_notify(&front->queues[i].ring);
		}
	}
	front->slept++;
}

bool soak_sleep_go_on(struct soak *soak, struct soak_front *front)
{
	switch (front->sleep) {
	case SOAK_ASLEEP:
		if (soak_random(soak, 6) > 0) {
			return false;
		}
		soak_say(soak, "%u wakes", front->side.id);
		SOAK_CHECK(soak, vmsg_bus_resume(&front->bus, now(soak)) == 0);
		front->sleep = SOAK_WAKING;
		return true;
	case SOAK_WAKING:
		if (front->bus.state != VMSG_BUS_RUNNING) {
			return false;
		}
		if (!front->drivers[0] || front->driver.state != VMSG_DRIVER_FROZEN) {
			wake_up(front);
		} else if (front->area_state == SOAK_NO_AREA) {
			soak_front_share(front);
		} else if (front->area_state == SOAK_AREA_READY) {
			restore(soak, front);
		}
		return true;
	case SOAK_FALLING_ASLEEP:
	case SOAK_RESTORING:
	case SOAK_AWAKE:
		break;
	}
	return false;
}
