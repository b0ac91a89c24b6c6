/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile peer on either side of a bus session: the input is a list of {length, bytes} frames and
 * of steps of time; everything the session puts out is pulled and answered at random.
 */
#include <string.h>

#include "fuzz.h"

#include "virtio_msg_ffa/bus.h"
#include "virtio_msg_ffa/error.h"
#include "virtio_msg_ffa/proto.h"

#define AREAS   4
#define DEVICES 8

struct world {
	struct vmsg_bus bus;
	struct vmsg_memory memory;
	struct vmsg_memory_area areas[AREAS];
	struct vmsg_bus_device devices[DEVICES];
	uint8_t ram[4096];
	uint64_t now;
};

static void drain(struct world *world, uint8_t choice)
{
	struct vmsg_bus_output output;
	struct vmsg_bus_event event;

	for (int i = 0; i < 64; i++) {
		const int more = vmsg_bus_output(&world->bus, &output);
		if (more == 1 && output.kind != VMSG_BUS_SEND) {
			const struct vmsg_segment segment = { world->ram, sizeof(world->ram) };
			const bool ok = choice & 1;
			vmsg_bus_complete(&world->bus, world->now, ok ? 0 : VMSG_ERROR_PEER,
					  ok ? &segment : NULL, ok ? 1 : 0);
		}
		const int told = vmsg_bus_event(&world->bus, &event);
		if (more != 1 && told != 1) {
			return;
		}
	}
	__builtin_trap(); /* one frame must not give work without end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;

	if (size < 2) {
		return 0;
	}
	memset(&world, 0, sizeof(world));
	const struct vmsg_bus_options options = {
		.role = data[0] & 1 ? VMSG_BUS_DRIVER : VMSG_BUS_DEVICE,
		.profile = data[0] & 2 ? vmsg_profile((enum vmsg_profile_id)(VMSG_PROFILE_R0 +
									     data[1] % 6))
				       : NULL,
		.ffa_version = 0x10002,
		.bus_features = VMSG_BUS_FEATURE_DIRECT_RX | VMSG_BUS_FEATURE_DIRECT_TX,
		.max_areas = AREAS,
		.memory = &world.memory,
		.devices = world.devices,
		.device_capacity = DEVICES,
	};
	vmsg_memory_init(&world.memory, world.areas, AREAS, 48);
	if (vmsg_bus_init(&world.bus, &options) < 0) {
		return 0;
	}
	(void)!vmsg_bus_add_device(&world.bus, 3);
	(void)!vmsg_bus_start(&world.bus, world.now);
	drain(&world, data[0]);
	for (size_t at = 2; at < size;) {
		size_t length = data[at++];
		if (length > 127) { /* time passes */
			world.now += (uint64_t)(length - 127) * 100000000u;
			vmsg_bus_tick(&world.bus, world.now);
		} else {
			length = length < size - at ? length : size - at;
			(void)!vmsg_bus_input(&world.bus, world.now,
					      (struct vmsg_bytes){ data + at, length });
			at += length;
		}
		drain(&world, data[at - 1]);
	}
	return 0;
}
