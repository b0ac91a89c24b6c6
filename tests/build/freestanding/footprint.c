/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port links for one job, each by the calls that it makes: FOOTPRINT_DRIVER,
 * FOOTPRINT_DEVICE, FOOTPRINT_MACHINES (both without pump and endpoint), or none of them. Only
 * linked, never run. And the sizes of the objects that it places, as the sizes of arrays. */
#include "virtio_msg_ffa/virtio_msg_ffa.h"

void footprint(void *const *objects, const struct vmsg_ffa_regs *in, struct vmsg_ffa_regs *out);

#define SIZE_OF(name) const char size_of_##name[sizeof(struct name)] = { 0 };
SIZE_OF(vmsg_endpoint)
SIZE_OF(vmsg_bus)
SIZE_OF(vmsg_driver)
SIZE_OF(vmsg_driver_pump)
SIZE_OF(vmsg_device)
SIZE_OF(vmsg_device_pump)
SIZE_OF(vmsg_device_session)
SIZE_OF(vmsg_vq_driver)
SIZE_OF(vmsg_vq_driver_slot)
SIZE_OF(vmsg_memory_area)

void footprint(void *const *objects, const struct vmsg_ffa_regs *in, struct vmsg_ffa_regs *out)
{
	(void)objects;
	(void)in;
	(void)out;
#if defined(FOOTPRINT_DRIVER) || defined(FOOTPRINT_MACHINES)
	struct vmsg_driver *driver = objects[0];
	struct vmsg_vq_driver *driver_queue = objects[1];
	struct vmsg_driver_event event;
	(void)!vmsg_driver_init(driver, objects[2]);
	(void)!vmsg_driver_start(driver, 0);
	(void)!vmsg_driver_setup_queue(driver, 0, 0, objects[3]);
	(void)!vmsg_driver_ready(driver, 0);
	(void)!vmsg_driver_read_config(driver, 0, 0, 8);
	(void)!vmsg_driver_reset(driver, 0);
	(void)!vmsg_driver_kick(driver, 0, 0);
	(void)!vmsg_driver_event(driver, &event);
	(void)!vmsg_vq_driver_start(driver_queue, objects[4], objects[3], objects[5]);
	(void)!vmsg_vq_driver_add(driver_queue, objects[6], 1, NULL);
	(void)!vmsg_vq_driver_should_kick(driver_queue);
	(void)!vmsg_vq_driver_reap(driver_queue, (void **)objects[7], objects[8]);
	(void)!vmsg_vq_driver_enable_notify(driver_queue);
	vmsg_vq_driver_stop(driver_queue);
#endif
#ifdef FOOTPRINT_DRIVER
	struct vmsg_driver_pump *driver_pump = objects[9];
	(void)!vmsg_endpoint_init(objects[10], objects[11], (struct vmsg_buffer){ 0 },
				  (struct vmsg_buffer){ 0 }, 1);
	(void)!vmsg_endpoint_discover(objects[10], NULL, objects[12], 1);
	(void)!vmsg_bus_init(objects[13], objects[14]);
	(void)!vmsg_bus_start(objects[13], 0);
	vmsg_driver_pump_init(driver_pump, objects[10], objects[13], objects[15], 1, 0, 0);
	(void)!vmsg_driver_pump_run(driver_pump);
	(void)!vmsg_driver_pump_share(driver_pump, objects[16], 1, objects[17], 1, objects[18]);
	(void)!vmsg_bus_unshare(objects[13], 0, 0);
#endif
#if defined(FOOTPRINT_DEVICE) || defined(FOOTPRINT_MACHINES)
	struct vmsg_vq_device *device_queue = objects[19];
	(void)!vmsg_device_init(objects[20], 0, objects[21], objects[22], NULL);
	vmsg_device_notify(objects[20], 0);
	(void)!vmsg_vq_device_pop(device_queue, objects[23]);
	(void)!vmsg_vq_device_push(device_queue, 0, 0);
	(void)!vmsg_vq_device_enable_notify(device_queue);
	vmsg_vq_device_disable_notify(device_queue);
#endif
#ifdef FOOTPRINT_DEVICE
	(void)!vmsg_endpoint_init(objects[10], objects[11], (struct vmsg_buffer){ 0 },
				  (struct vmsg_buffer){ 0 }, 1);
	(void)!vmsg_device_pump_init(objects[24], objects[25]);
	(void)!vmsg_device_pump_serve(objects[24], in, out);
#endif
#ifdef FOOTPRINT_MACHINES
	(void)!vmsg_bus_init(objects[13], objects[14]);
	(void)!vmsg_bus_start(objects[13], 0);
	(void)!vmsg_bus_input(objects[13], 0, (struct vmsg_bytes){ objects[26], 1 });
	(void)!vmsg_bus_output(objects[13], objects[27]);
	(void)!vmsg_bus_event(objects[13], objects[28]);
	vmsg_bus_complete(objects[13], 0, 0, objects[30], 0);
	(void)!vmsg_device_input(objects[20], 0, objects[29]);
	(void)!vmsg_device_output(objects[20], objects[29]);
	(void)!vmsg_driver_input(driver, 0, objects[29]);
	(void)!vmsg_driver_output(driver, objects[29]);
#endif
}
