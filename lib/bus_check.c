/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a driver's session finds out that nobody at the other end knows it any more: its device
 * partition was replaced, or is silent. What looks like it (a refusal, no answer) proves nothing:
 * devices refuse for reasons of their own. So GET_DEVICES is asked again, the one request that
 * every FF-A bus serves and that none serves before VERSION; the list repairs what was not told,
 * too. Invariants: a check that is answered changes nothing but the list; one that is not ends the
 * session; however much is refused, there is one check a second.
 */
#include "bus.h"

#include "virtio_msg_ffa/error.h"

#define TRIES 3 /* without an answer */

int vmsg_bus_check(struct vmsg_bus *bus, uint64_t now_ns)
{
	if (!vmsg_bus_is_driver(bus) || bus->state != VMSG_BUS_RUNNING) {
		return VMSG_ERROR_STATE;
	}
	bus->now_ns = now_ns;
	bus->check_due = true;
	bus->check_ns = now_ns;
	return VMSG_OK;
}

void vmsg_bus_doubt(struct vmsg_bus *bus, int error)
{
	const bool is_busy = error == VMSG_ERROR_AGAIN; /* and there, therefore */

	if (is_busy || bus->state != VMSG_BUS_RUNNING || bus->checking) {
		return;
	}
	if (!bus->check_due || bus->check_ns > bus->check_free_ns) {
		bus->check_ns = bus->check_free_ns;
	}
	bus->check_due = true;
}

void vmsg_bus_check_later(struct vmsg_bus *bus)
{
	if (bus->options.check_interval_ns > 0) {
		bus->check_due = true;
		bus->check_ns = vmsg_bus_after(bus->now_ns, bus->options.check_interval_ns);
	}
}

bool vmsg_bus_check_begin(struct vmsg_bus *bus)
{
	if (!bus->check_due || bus->state != VMSG_BUS_RUNNING || bus->now_ns < bus->check_ns) {
		return false;
	}
	bus->check_due = false;
	bus->checking = true;
	bus->check_tries = 0;
	vmsg_bus_list_devices(bus);
	return true;
}

void vmsg_bus_check_end(struct vmsg_bus *bus)
{
	bus->checking = false;
	bus->check_free_ns = vmsg_bus_after(bus->now_ns, VMSG_BUS_REPEAT_NS);
	vmsg_bus_check_later(bus);
}

bool vmsg_bus_check_failed(struct vmsg_bus *bus, int error)
{
	if (!bus->checking || error != VMSG_ERROR_TIMEOUT || ++bus->check_tries == TRIES) {
		return false;
	}
	vmsg_bus_list_devices(bus);
	return true;
}

void vmsg_bus_check_forget(struct vmsg_bus *bus)
{
	bus->checking = false;
	bus->check_due = false;
	bus->check_free_ns = 0;
}

uint64_t vmsg_bus_check_deadline(const struct vmsg_bus *bus)
{
	return bus->check_due && bus->state == VMSG_BUS_RUNNING ? bus->check_ns : VMSG_BUS_NEVER;
}
