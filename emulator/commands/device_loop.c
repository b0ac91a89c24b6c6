/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One FF-A call is outstanding at a time: the wait, or the response that becomes one. While nothing
 * but messages can come, the call blocks, one send and one receive a message. When a device waits
 * for something of its own, poll() watches both; what the device then has to say needs the vCPU, so
 * the wait is interrupted.
 */
#include "commands/device_loop.h"

#include <poll.h>

#include "virtio_msg_ffa/error.h"

#define TICKS_MAX 256 /* in a row: devices may have more work than they do at once */
#define NS_PER_MS UINT64_C(1000000)

struct watch {
	struct pollfd fds[1 + DEVICE_LOOP_DEVICES_MAX]; /* the manager, then devices */
	struct emu_device *devices[DEVICE_LOOP_DEVICES_MAX];
	nfds_t count;
};

static uint64_t now(const struct device_loop *loop)
{
	const struct vmsg_conduit *conduit = &loop->pump->options.endpoint->conduit;

	return conduit->now(conduit->context);
}

static void fill(const struct device_loop *loop, struct watch *watch)
{
	watch->fds[0] = (struct pollfd){ .fd = vmsg_emu_fd(loop->emu), .events = POLLIN };
	watch->count = 1;
	for (size_t i = 0; i < loop->device_count; i++) {
		struct emu_device *device = loop->devices[i];
		if (device && device->fd >= 0) {
			watch->devices[watch->count - 1] = device;
			watch->fds[watch->count++] =
				(struct pollfd){ .fd = device->fd, .events = POLLIN };
		}
	}
}

static int time_out(const struct device_loop *loop)
{
	const uint64_t deadline_ns = vmsg_device_pump_deadline(loop->pump);
	const uint64_t now_ns = now(loop);

	if (deadline_ns <= now_ns) {
		return 0;
	}
	const uint64_t ms = (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return deadline_ns == UINT64_MAX || ms > INT32_MAX ? -1 : (int)ms;
}

/* True when something is to be said or done that needs the vCPU. */
static bool work(const struct device_loop *loop, const struct watch *watch)
{
	bool worked = vmsg_device_pump_deadline(loop->pump) <= now(loop);

	for (nfds_t i = 1; i < watch->count; i++) {
		if (watch->fds[i].revents) {
			watch->devices[i - 1]->work(watch->devices[i - 1]);
			worked = true;
		}
	}
	return worked;
}

/* The call, with an eye on the devices until it returns. */
static int call_and_watch(const struct device_loop *loop, struct watch *watch,
			  struct vmsg_ffa_regs *regs)
{
	int result = vmsg_emu_start(loop->emu, regs);
	bool raised = false;

	if (result < 0) {
		return result;
	}
	while ((result = vmsg_emu_finish(loop->emu, regs)) == 0) {
		if (poll(watch->fds, watch->count, raised ? -1 : time_out(loop)) >= 0 &&
		    work(loop, watch) && !raised) {
			raised = vmsg_emu_raise(loop->emu) == VMSG_OK;
		}
	}
	return result < 0 ? result : VMSG_OK;
}

static int call(const struct device_loop *loop, struct vmsg_ffa_regs *regs)
{
	const struct vmsg_conduit *conduit = &loop->pump->options.endpoint->conduit;
	struct watch watch;

	fill(loop, &watch);
	if (watch.count > 1) {
		return call_and_watch(loop, &watch, regs);
	}
	conduit->call(conduit->context, regs);
	return VMSG_OK;
}

static void refresh(struct device_loop *loop)
{
	*loop->refresh = false;
	for (size_t i = 0; i < loop->device_count; i++) {
		struct emu_device *device = loop->devices[i];
		if (device && device->refresh) {
			device->refresh(device);
		}
	}
}

int device_loop_run(struct device_loop *loop)
{
	struct vmsg_device_pump *pump = loop->pump;
	struct vmsg_ffa_regs regs;
	int error = VMSG_OK;

	vmsg_endpoint_prepare_wait(pump->options.endpoint, &regs);
	while (error == VMSG_OK && !*loop->stop) {
		for (int i = 0; i < TICKS_MAX && vmsg_device_pump_deadline(pump) <= now(loop);
		     i++) {
			vmsg_device_pump_tick(pump, now(loop));
		}
		error = call(loop, &regs);
		if (error == VMSG_OK) {
			if ((uint32_t)regs.x[0] == VMSG_FFA_ID32(INTERRUPT)) {
				device_control_serve(loop->control);
			}
			if (*loop->refresh) {
				refresh(loop); /* what has changed is announced below */
			}
			error = vmsg_device_pump_serve(pump, &regs, &regs);
		}
	}
	return error;
}
