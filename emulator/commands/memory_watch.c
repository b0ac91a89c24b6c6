/* SPDX-License-Identifier: BSD-3-Clause */
/* A conduit around the connection's. */
#include "commands/memory_watch.h"

#include "virtio_msg_ffa/error.h"

static void call(void *context, struct vmsg_ffa_regs *regs)
{
	const struct memory_watch *watch = context;

	watch->conduit.call(watch->conduit.context, regs);
}

static uint64_t now(void *context)
{
	const struct memory_watch *watch = context;

	return watch->conduit.now(watch->conduit.context);
}

static bool is_interrupted(void *context)
{
	const struct memory_watch *watch = context;

	return watch->conduit.is_interrupted(watch->conduit.context);
}

static void set_alarm(void *context, uint64_t deadline_ns)
{
	const struct memory_watch *watch = context;

	watch->conduit.set_alarm(watch->conduit.context, deadline_ns);
}

static bool has_room(const struct memory_watch *watch, uint32_t pieces)
{
	for (size_t i = 0; i < watch->device_count; i++) {
		const struct emu_device *device = watch->devices[i];
		if (device && device->memory_max != 0 &&
		    pieces > device->memory_max - watch->piece_count) {
			return false;
		}
	}
	return watch->count < MEMORY_WATCH_MAX;
}

static int map(void *context, uint64_t handle, const struct vmsg_ffa_range *ranges,
	       size_t range_count, bool writable, struct vmsg_segment *segments, size_t capacity)
{
	struct memory_watch *watch = context;
	const int result = watch->conduit.map(watch->conduit.context, handle, ranges, range_count,
					      writable, segments, capacity);

	if (result < 0) {
		return result;
	}
	/* this conduit maps every region as one segment */
	const int pieces = vmsg_emu_pieces(watch->emu, segments[0].data, NULL, 0);
	if (pieces < 0 || !has_room(watch, (uint32_t)pieces)) {
		watch->conduit.unmap(watch->conduit.context, handle);
		return VMSG_ERROR_NO_SPACE;
	}
	watch->regions[watch->count].handle = handle;
	watch->regions[watch->count].data = segments[0].data;
	watch->regions[watch->count].size = segments[0].size;
	watch->regions[watch->count++].pieces = (uint32_t)pieces;
	watch->piece_count += (uint32_t)pieces;
	return result;
}

static void unmap(void *context, uint64_t handle)
{
	struct memory_watch *watch = context;

	for (size_t i = 0; i < watch->count; i++) {
		if (watch->regions[i].handle != handle) {
			continue;
		}
		for (size_t j = 0; j < watch->device_count; j++) {
			struct emu_device *device = watch->devices[j];
			if (device && device->memory_removing) {
				device->memory_removing(device, watch->regions[i].data,
							watch->regions[i].size);
			}
		}
		watch->piece_count -= watch->regions[i].pieces;
		watch->regions[i] = watch->regions[--watch->count];
		break;
	}
	watch->conduit.unmap(watch->conduit.context, handle);
}

static int pieces_of(void *context, const uint8_t *data, struct device_piece *pieces,
		     size_t capacity)
{
	const struct memory_watch *watch = context;
	struct vmsg_emu_piece found[64];
	const int count = vmsg_emu_pieces(watch->emu, data, found, 64);

	if (count < 0 || (size_t)count > capacity || count > 64) {
		return -1;
	}
	for (int i = 0; i < count; i++) {
		pieces[i] = (struct device_piece){ found[i].size, found[i].fd, found[i].offset };
	}
	return count;
}

void memory_watch_adopt(const struct memory_watch *watch, struct emu_device *device)
{
	device->memory = &watch->memory;
}

struct vmsg_conduit memory_watch_open(struct memory_watch *watch, struct vmsg_emu *emu,
				      struct emu_device **devices, size_t device_count)
{
	*watch = (struct memory_watch){
		.emu = emu,
		.conduit = vmsg_emu_conduit(emu),
		.devices = devices,
		.device_count = device_count,
		.memory = { .pieces = pieces_of, .context = watch },
	};
	for (size_t i = 0; i < device_count; i++) {
		if (devices[i]) {
			memory_watch_adopt(watch, devices[i]);
		}
	}
	return (struct vmsg_conduit){
		.call = call,
		.map = map,
		.unmap = unmap,
		.now = now,
		.is_interrupted = watch->conduit.is_interrupted ? is_interrupted : NULL,
		.set_alarm = watch->conduit.set_alarm ? set_alarm : NULL,
		.context = watch,
	};
}

void memory_watch_added(const struct memory_watch *watch)
{
	for (size_t i = 0; i < watch->device_count; i++) {
		struct emu_device *device = watch->devices[i];
		if (device && device->memory_added) {
			device->memory_added(device);
		}
	}
}
