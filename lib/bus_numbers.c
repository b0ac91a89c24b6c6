/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device numbers of a bus session, and what its listeners have been told of them: our caller on
 * the driver side, the driver on the device side. Invariants: entries are ordered by number; an
 * entry is present, or its listeners still believe that it is. However often a number comes and
 * goes between two looks, a listener who knew it sees it go before it sees it come.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"

/* Index of `number`, or of where it belongs. */
static uint32_t find(const struct vmsg_bus *bus, uint32_t number)
{
	const struct vmsg_bus_device *devices = bus->options.devices;
	uint32_t low = 0;
	uint32_t high = bus->device_count;

	if (high > 0 && devices[high - 1].number < number) {
		return high; /* lists come in order */
	}
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (devices[middle].number < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool is_at(const struct vmsg_bus *bus, uint32_t index, uint32_t number)
{
	return index < bus->device_count && bus->options.devices[index].number == number;
}

bool vmsg_bus_has_device(const struct vmsg_bus *bus, uint16_t number)
{
	const uint32_t index = find(bus, number);

	return is_at(bus, index, number) && bus->options.devices[index].present;
}

int vmsg_bus_number_add(struct vmsg_bus *bus, uint16_t number)
{
	struct vmsg_bus_device *devices = bus->options.devices;
	const uint32_t index = find(bus, number);

	if (is_at(bus, index, number)) {
		if (devices[index].present) {
			return VMSG_ERROR_STATE;
		}
		devices[index].present = true;
		devices[index].replaced = true;
		devices[index].listed = true;
		return VMSG_OK; /* the change is on its way already */
	}
	if (bus->device_count == bus->options.device_capacity) {
		return VMSG_ERROR_NO_SPACE;
	}
	for (uint32_t i = bus->device_count; i > index; i--) {
		devices[i] = devices[i - 1];
	}
	devices[index] = (struct vmsg_bus_device){
		.number = number,
		.present = true,
		.listed = true,
	};
	bus->device_count++;
	bus->device_next = index < bus->device_next ? index : bus->device_next;
	bus->devices_changed = true;
	return VMSG_OK;
}

static void delete_entry(struct vmsg_bus *bus, uint32_t index)
{
	bus->device_count--;
	for (uint32_t i = index; i < bus->device_count; i++) {
		bus->options.devices[i] = bus->options.devices[i + 1];
	}
}

int vmsg_bus_number_remove(struct vmsg_bus *bus, uint16_t number)
{
	const uint32_t index = find(bus, number);

	if (!is_at(bus, index, number) || !bus->options.devices[index].present) {
		return VMSG_ERROR_NOT_FOUND;
	}
	struct vmsg_bus_device *device = &bus->options.devices[index];
	device->present = false;
	device->replaced = false;
	if (!device->told) {
		delete_entry(bus, index);
		bus->device_next = index < bus->device_next ? index : bus->device_next;
		return VMSG_OK;
	}
	bus->device_next = index < bus->device_next ? index : bus->device_next;
	bus->devices_changed = true;
	return VMSG_OK;
}

int32_t vmsg_bus_number_next(const struct vmsg_bus *bus, uint32_t from)
{
	for (uint32_t i = find(bus, from); i < bus->device_count; i++) {
		if (bus->options.devices[i].present) {
			return bus->options.devices[i].number;
		}
	}
	return -1;
}

bool vmsg_bus_number_is_stale(const struct vmsg_bus *bus, uint16_t number)
{
	const uint32_t index = find(bus, number);

	if (!is_at(bus, index, number)) {
		return false;
	}
	const struct vmsg_bus_device *device = &bus->options.devices[index];
	return device->told && (device->replaced || !device->present);
}

void vmsg_bus_number_renew(struct vmsg_bus *bus, uint16_t number)
{
	const uint32_t index = find(bus, number);

	if (is_at(bus, index, number)) {
		bus->options.devices[index].replaced = false;
	}
}

void vmsg_bus_numbers_recount(struct vmsg_bus *bus)
{
	for (uint32_t i = 0; i < bus->device_count; i++) {
		bus->options.devices[i].listed = false;
	}
}

int32_t vmsg_bus_number_missing(const struct vmsg_bus *bus, uint32_t from)
{
	for (uint32_t i = find(bus, from); i < bus->device_count; i++) {
		if (bus->options.devices[i].present && !bus->options.devices[i].listed) {
			return bus->options.devices[i].number;
		}
	}
	return -1;
}

/* All before device_next have been told. */
int vmsg_bus_number_change(struct vmsg_bus *bus, uint16_t *number, bool *added)
{
	for (; bus->devices_changed && bus->device_next < bus->device_count; bus->device_next++) {
		struct vmsg_bus_device *device = &bus->options.devices[bus->device_next];
		if (device->told == device->present && !device->replaced) {
			continue;
		}
		*number = device->number;
		*added = !device->told;
		device->told = *added;
		device->replaced = false;
		if (!device->told && !device->present) {
			delete_entry(bus, bus->device_next);
		}
		return 1;
	}
	bus->devices_changed = false;
	return 0;
}

void vmsg_bus_numbers_doubt(struct vmsg_bus *bus)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bus->device_count; i++) {
		struct vmsg_bus_device *device = &bus->options.devices[i];
		device->present = false;
		device->replaced = false;
		if (device->told) {
			bus->options.devices[count++] = *device;
		}
	}
	bus->device_count = count;
	bus->device_next = 0;
	bus->devices_changed = true;
}

/* One that was known and is still there has not changed, but for one that was seen to go. */
void vmsg_bus_number_confirm(struct vmsg_bus *bus, uint16_t number)
{
	const uint32_t index = find(bus, number);

	if (is_at(bus, index, number) && (bus->options.devices[index].present || !bus->checking)) {
		bus->options.devices[index].present = true;
		bus->options.devices[index].listed = true;
	} else if (vmsg_bus_number_add(bus, number) == VMSG_ERROR_NO_SPACE) {
		bus->stats.dropped++;
	}
}

void vmsg_bus_numbers_told(struct vmsg_bus *bus)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bus->device_count; i++) {
		struct vmsg_bus_device *device = &bus->options.devices[i];
		if (device->present) {
			bus->options.devices[count++] = (struct vmsg_bus_device){
				.number = device->number,
				.present = true,
				.told = true,
			};
		}
	}
	bus->device_count = count;
	bus->devices_changed = false;
}
