/* SPDX-License-Identifier: BSD-3-Clause */
/* An epoll instance per device, each descriptor armed for one event. */
#include "devices/watch.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 16

static void work(struct emu_device *device)
{
	struct epoll_event events[EVENTS_MAX];
	const int count = epoll_wait(device->fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		if (device->ready) {
			device->ready(device, events[i].data.u32);
		} else {
			vmsg_device_kick_later(&device->machine, events[i].data.u32);
		}
	}
}

int watch_open(struct emu_device *device)
{
	device->work = work;
	device->fd = epoll_create1(EPOLL_CLOEXEC);
	return device->fd < 0 ? -1 : 0;
}

void watch_close(struct emu_device *device)
{
	if (device->fd >= 0) {
		(void)close(device->fd);
		device->fd = -1;
	}
}

void watch_arm(struct emu_device *device, int fd, bool write, uint32_t index)
{
	struct epoll_event event = {
		.events = (uint32_t)(write ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT,
		.data.u32 = index,
	};

	if (epoll_ctl(device->fd, EPOLL_CTL_MOD, fd, &event) < 0) {
		(void)epoll_ctl(device->fd, EPOLL_CTL_ADD, fd, &event);
	}
}

void watch_forget(struct emu_device *device, int fd)
{
	(void)epoll_ctl(device->fd, EPOLL_CTL_DEL, fd, NULL);
}

bool watch_is_ready(int fd, bool write)
{
	struct pollfd at = { .fd = fd, .events = write ? POLLOUT : POLLIN };

	return poll(&at, 1, 0) == 1;
}
