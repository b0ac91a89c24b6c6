/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile peer on either side of a bus session: the input is a list of {length, bytes} frames, of
 * steps of time, and of what our own caller does; everything the session puts out is pulled and
 * answered at random.
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

/* Bytes that are no length: what the caller of the session does. */
enum { OWN = 113, OWN_LAST = 127 };

/* A driver shares and sends; a device answers, refuses and changes its list. */
static void act(struct world *world, uint8_t choice)
{
	struct vmsg_bus *bus = &world->bus;
	struct vmsg_message message = { .header = { .dev_num = 3, .token = choice } };
	const struct vmsg_segment segment = { world->ram, sizeof(world->ram) };
	uint16_t id = choice;

	switch (choice) {
	case OWN:
		message.header.type = VMSG_GET_DEVICE_STATUS;
		message.header.kind =
			world->bus.options.role == VMSG_BUS_DRIVER ? VMSG_REQUEST : VMSG_RESPONSE;
		(void)!vmsg_bus_send(bus, world->now, &message);
		break;
	case OWN + 1:
		message.header.type = world->bus.options.role == VMSG_BUS_DRIVER ? VMSG_EVENT_AVAIL
										 : VMSG_EVENT_USED;
		message.header.kind = VMSG_EVENT;
		(void)!vmsg_bus_send(bus, world->now, &message);
		break;
	case OWN + 2:
		(void)!vmsg_bus_share(bus, world->now, 0x77, 0, &segment, 1, &id);
		break;
	case OWN + 3:
	case OWN + 4:
		(void)!vmsg_bus_unshare(bus, world->now, (uint16_t)(choice - OWN - 2));
		break;
	case OWN + 5:
		(void)!vmsg_bus_poll(bus, world->now);
		break;
	case OWN + 6:
		(void)!vmsg_bus_reset(bus, world->now);
		break;
	case OWN + 7:
		(void)!vmsg_bus_start(bus, world->now);
		break;
	case OWN + 8:
		message.header.type = VMSG_GET_CONFIG;
		(void)!vmsg_bus_refuse(bus, world->now, &message.header);
		break;
	case OWN + 9:
		(void)!vmsg_bus_remove_device(bus, 3);
		break;
	case OWN + 10:
		(void)!vmsg_bus_add_device(bus, 3);
		break;
	case OWN + 11:
		(void)!vmsg_bus_add_device(bus, 300);
		break;
	case OWN + 12:
		vmsg_bus_abandon(bus, world->now, VMSG_ERROR_PEER);
		break;
	case OWN + 13:
		vmsg_bus_send_failed(bus, world->now, VMSG_ERROR_AGAIN);
		break;
	default:
		vmsg_bus_send_failed(bus, world->now, VMSG_ERROR_TIMEOUT);
		break;
	}
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
		if (length > OWN_LAST) { /* time passes */
			world.now += (uint64_t)(length - OWN_LAST) * 100000000u;
			vmsg_bus_tick(&world.bus, world.now);
		} else if (length >= OWN) {
			act(&world, (uint8_t)length);
		} else {
			length = length < size - at ? length : size - at;
			const struct vmsg_bytes frame = { data + at, length };
			(void)!(data[0] & 4 ? vmsg_bus_answer(&world.bus, world.now, frame)
					    : vmsg_bus_input(&world.bus, world.now, frame));
			at += length;
		}
		drain(&world, data[at - 1]);
	}
	return 0;
}
