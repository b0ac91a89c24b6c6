/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-net on a stream socket whose other end is the test. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/device_rig.h"

#include "devices/chain.h"
#include "devices/link.h"
#include "devices/net.h"
#include "virtio_msg_ffa/proto.h"

#define RECEIVE  0u
#define TRANSMIT 1u
#define LONG     8000u /* more than a narrow wire takes at once; of two of the rig's buffers */

static struct device_rig rig;
static char folder[64];
static char socket_path[96];
static int listener;
static int wire = -1; /* the other end of the cable */

static int setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	(void)strcpy(folder, "/tmp/vmsg-net-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(socket_path, sizeof(socket_path), "%s/net", folder);
	memcpy(address.sun_path, socket_path, strlen(socket_path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (rig.device) {
		rig_close(&rig);
	}
	if (wire >= 0) {
		(void)close(wire);
	}
	wire = -1;
	(void)close(listener);
	(void)unlink(socket_path);
	return rmdir(folder);
}

static void plug_in(const char *options)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "net,socket=%s%s", socket_path, options);
	rig_open(&rig, text, 1u << NET_F_MAC | 1u << NET_F_STATUS, 0);
	rig_queue(&rig, RECEIVE);
	rig_queue(&rig, TRANSMIT);
	rig_run(&rig);
	wire = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(wire >= 0);
}

/* Makes the device's end take little at a time, so that frames go out in pieces. */
static void narrow_the_wire(void)
{
	const int least = 1;
	int found = 0;

	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_un peer = { .sun_family = 0 };
		socklen_t size = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
		    strcmp(peer.sun_path, socket_path) == 0) {
			found += setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) == 0;
		}
	}
	assert_int_equal(found, 2); /* it has two numbers */
}

static void send_wire(const uint8_t *frame, size_t size)
{
	const uint8_t prefix[4] = { 0, 0, (uint8_t)(size >> 8), (uint8_t)size };

	assert_int_equal(write(wire, prefix, sizeof(prefix)), sizeof(prefix));
	assert_int_equal(write(wire, frame, size), size);
}

static void read_all(uint8_t *data, size_t size)
{
	for (int i = 0; i < 1000 && size > 0; i++) {
		struct pollfd at = { .fd = wire, .events = POLLIN };
		rig_work(&rig);
		if (poll(&at, 1, 10) == 1) {
			const ssize_t got = read(wire, data, size);
			assert_true(got > 0);
			data += got;
			size -= (size_t)got;
		}
	}
	assert_int_equal(size, 0);
}

static size_t receive_wire(uint8_t *frame)
{
	uint8_t prefix[4];

	read_all(prefix, sizeof(prefix));
	const size_t size = (size_t)prefix[2] << 8 | prefix[3];
	read_all(frame, size);
	return size;
}

static void frames_cross_both_ways(void **state)
{
	(void)state;
	uint8_t frame[100];
	uint8_t got[2000];
	uint32_t written;

	plug_in("");
	memset(frame, 0x5a, sizeof(frame));
	memset(rig_buffer(0), 0, NET_HEADER_SIZE);
	memcpy(rig_buffer(0) + NET_HEADER_SIZE, frame, sizeof(frame));
	rig_add(&rig, TRANSMIT, 0, NET_HEADER_SIZE + sizeof(frame), 0);
	rig_kick(&rig, TRANSMIT);
	assert_int_equal(rig_await(&rig, TRANSMIT, &written), 0);
	assert_int_equal(receive_wire(got), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));

	memset(frame, 0xa5, sizeof(frame));
	rig_add(&rig, RECEIVE, 2, 0, 1526);
	rig_kick(&rig, RECEIVE);
	send_wire(frame, sizeof(frame));
	assert_int_equal(rig_await(&rig, RECEIVE, &written), 2);
	assert_int_equal(written, NET_HEADER_SIZE + sizeof(frame));
	assert_int_equal(load_le(rig_buffer(3) + NET_HEADER_NUM_BUFFERS, 2), 1);
	assert_memory_equal(rig_buffer(3) + NET_HEADER_SIZE, frame, sizeof(frame));
	assert_int_equal(rig.device->errors, 0);
}

static void a_frame_without_a_buffer_waits(void **state)
{
	(void)state;
	uint8_t frame[64];
	uint32_t written;
	uint32_t n;

	plug_in("");
	for (unsigned int i = 0; i < 3; i++) {
		memset(frame, (int)i, sizeof(frame));
		send_wire(frame, sizeof(frame));
	}
	for (int i = 0; i < 20; i++) {
		assert_false(rig_poll(&rig, RECEIVE, &n, &written));
	}
	for (uint32_t i = 0; i < 3; i++) {
		rig_add(&rig, RECEIVE, 2 * i, 0, 1526);
	}
	rig_kick(&rig, RECEIVE);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rig_await(&rig, RECEIVE, &written), 2 * i);
		assert_int_equal(rig_buffer(2 * i + 1)[NET_HEADER_SIZE], i);
	}
}

static void a_frame_longer_than_its_buffer_is_dropped(void **state)
{
	(void)state;
	uint8_t frame[200] = { 0 };
	uint32_t written;

	plug_in("");
	rig_add(&rig, RECEIVE, 0, 0, NET_HEADER_SIZE + 199);
	rig_kick(&rig, RECEIVE);
	send_wire(frame, sizeof(frame));
	(void)rig_await(&rig, RECEIVE, &written);
	assert_int_equal(written, 0);
	assert_int_equal(rig.device->errors, 1);
}

/* One that no link takes: refused as a whole, and the next one is sent. */
static void a_frame_too_long_is_refused(void **state)
{
	(void)state;
	static uint8_t got[128];
	uint32_t written;

	plug_in("");
	rig_add(&rig, TRANSMIT, 0, NET_HEADER_SIZE + LINK_FRAME_MAX + 1, 0);
	rig_add(&rig, TRANSMIT, 40, NET_HEADER_SIZE + 100, 0);
	rig_kick(&rig, TRANSMIT);
	assert_int_equal(rig_await(&rig, TRANSMIT, &written), 0);
	assert_int_equal(rig_await(&rig, TRANSMIT, &written), 40);
	assert_int_equal(rig.device->errors, 1);
	assert_int_equal(receive_wire(got), 100);
}

static void malformed_frames_are_refused(void **state)
{
	(void)state;
	static const uint32_t sizes[] = { 1, NET_HEADER_SIZE, NET_HEADER_SIZE + NET_FRAME_MIN - 1 };
	uint8_t got[64];
	uint32_t written;

	plug_in("");
	for (uint32_t i = 0; i < 3; i++) {
		rig_add(&rig, TRANSMIT, i, sizes[i], 0);
	}
	rig_add(&rig, TRANSMIT, 3, NET_HEADER_SIZE + NET_FRAME_MIN, 0);
	rig_kick(&rig, TRANSMIT);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(rig_await(&rig, TRANSMIT, &written), i);
	}
	assert_int_equal(rig.device->errors, 3);
	assert_int_equal(receive_wire(got), NET_FRAME_MIN); /* only the good one is out */
}

/* The socket takes a part of a frame: the buffer is kept until the rest is out as well. */
static void a_slow_peer_loses_nothing(void **state)
{
	(void)state;
	static uint8_t got[LONG];
	uint32_t acknowledged = 0;
	uint32_t received = 0;
	uint32_t sent = 0;
	uint32_t written;
	uint32_t n;

	plug_in("");
	narrow_the_wire();
	for (; sent < 16; sent++) {
		memset(rig_buffer(2 * sent), (int)sent, LONG);
		rig_add(&rig, TRANSMIT, 2 * sent, LONG, 0);
	}
	rig_kick(&rig, TRANSMIT);
	while (received < 400) {
		if (acknowledged < sent && rig_poll(&rig, TRANSMIT, &n, &written)) {
			acknowledged++;
			if (sent < 400) {
				memset(rig_buffer(n), (int)sent++, LONG);
				rig_add(&rig, TRANSMIT, n, LONG, 0);
				rig_kick(&rig, TRANSMIT);
			}
			continue;
		}
		assert_int_equal(receive_wire(got), LONG - NET_HEADER_SIZE);
		for (size_t i = 0; i < LONG - NET_HEADER_SIZE; i++) {
			assert_int_equal(got[i], received & 0xff);
		}
		received++;
	}
}

/* Whoever waits for the wire to take a frame still hears what comes in. */
static void a_frame_that_waits_stops_no_other_way(void **state)
{
	(void)state;
	const uint8_t frame[64] = { 0x77 };
	uint32_t written;

	plug_in("");
	narrow_the_wire();
	rig_add(&rig, RECEIVE, 40, 0, 1526);
	rig_kick(&rig, RECEIVE);
	for (uint32_t i = 0; i < 16; i++) {
		rig_add(&rig, TRANSMIT, 2 * i, LONG, 0);
	}
	rig_kick(&rig, TRANSMIT); /* nobody reads the wire */
	rig_work(&rig);
	send_wire(frame, sizeof(frame));
	assert_int_equal(rig_await(&rig, RECEIVE, &written), 40);
	assert_int_equal(written, NET_HEADER_SIZE + sizeof(frame));
	uint8_t got[LONG];
	assert_int_equal(receive_wire(got), LONG - NET_HEADER_SIZE);
}

/* ... and when the queue goes meanwhile, the frame still comes out whole. */
static void a_reset_in_the_middle_of_a_frame(void **state)
{
	(void)state;
	static uint8_t got[LONG];
	uint32_t written;
	uint32_t n;
	uint32_t frames = 0;

	plug_in("");
	narrow_the_wire();
	for (uint32_t round = 0; round < 1000; round++) {
		memset(rig_buffer(0), 1, LONG);
		rig_add(&rig, TRANSMIT, 0, LONG, 0);
		rig_kick(&rig, TRANSMIT);
		if (!rig_poll(&rig, TRANSMIT, &n, &written)) {
			break;
		}
		frames++;
	}
	assert_in_range(frames, 0, 999);
	rig_reset(&rig);
	rig_negotiate(&rig, 1u << NET_F_MAC, 0);
	rig_queue(&rig, TRANSMIT);
	rig_run(&rig);
	memset(rig_buffer(0), 2, LONG);
	rig_add(&rig, TRANSMIT, 0, LONG, 0);
	rig_kick(&rig, TRANSMIT);
	do { /* the old driver's frames, the last one whole or not at all, then the new one's */
		(void)rig_poll(&rig, TRANSMIT, &n, &written);
		assert_int_equal(receive_wire(got), LONG - NET_HEADER_SIZE);
		assert_int_equal(got[0], got[LONG - NET_HEADER_SIZE - 1]);
	} while (got[0] == 1);
	assert_int_equal(got[0], 2);
}

/* The driver is told, and what it sends is dropped and counted. */
static void assert_cable_is_pulled(void)
{
	struct vmsg_message event;
	uint32_t written;
	uint32_t n;

	for (int i = 0; i < 10; i++) {
		assert_false(rig_poll(&rig, RECEIVE, &n, &written));
	}
	assert_int_equal(vmsg_device_event(&rig.device->machine, &event), 1);
	assert_int_equal(event.header.type, VMSG_EVENT_CONFIG);
	assert_int_equal(rig_config(&rig, NET_CONFIG_STATUS, 2), 0);
	rig_add(&rig, TRANSMIT, 2, 100, 0);
	rig_kick(&rig, TRANSMIT);
	assert_int_equal(rig_await(&rig, TRANSMIT, &written), 2);
	assert_int_equal(rig.device->errors, 1);
}

static void a_pulled_cable_is_a_config_event(void **state)
{
	(void)state;

	plug_in("");
	rig_add(&rig, RECEIVE, 0, 0, 1526);
	rig_kick(&rig, RECEIVE);
	assert_int_equal(rig_config(&rig, NET_CONFIG_STATUS, 2), NET_S_LINK_UP);
	assert_int_equal(close(wire), 0);
	wire = -1;
	assert_cable_is_pulled();
}

static void a_peer_that_breaks_the_framing_is_gone(void **state)
{
	(void)state;
	const uint8_t nonsense[4] = { 0x7f, 0xff, 0xff, 0xff };
	uint32_t written;
	uint32_t n;

	plug_in("");
	rig_add(&rig, RECEIVE, 0, 0, 1526);
	rig_kick(&rig, RECEIVE);
	assert_int_equal(write(wire, nonsense, sizeof(nonsense)), sizeof(nonsense));
	for (int i = 0; i < 10; i++) {
		assert_false(rig_poll(&rig, RECEIVE, &n, &written));
	}
	assert_int_equal(rig_config(&rig, NET_CONFIG_STATUS, 2), 0);
}

/* ---- a TAP interface, where the test may make one ---- */

static char tap_name[16];

/* Skips the test where it may not. */
static void open_tap(const char *options, uint32_t features)
{
	char text[64];
	char why[512] = "";

	(void)snprintf(tap_name, sizeof(tap_name), "vmsg%d", (int)getpid() % 100000);
	(void)snprintf(text, sizeof(text), "net,tap=%s%s", tap_name, options);
	struct emu_device *device = emu_device_open(text, 0, why, sizeof(why));
	if (!device) {
		print_message("skipped: %s\n", why);
		skip();
	}
	emu_device_close(device);
	rig_open(&rig, text, 1u << NET_F_MAC | 1u << NET_F_STATUS | features, 0);
}

/* As 'ip link del' does. */
static void remove_tap(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_DELLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = (int)if_nametoindex(tap_name) },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t more[256];
	} answer;
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(fd, &answer, sizeof(answer), 0) > 0);
	assert_int_equal(answer.error.error, 0);
	assert_int_equal(close(fd), 0);
}

static void a_tap_that_vanishes_is_a_pulled_cable(void **state)
{
	(void)state;
	uint32_t written;

	open_tap("", 0);
	rig_queue(&rig, RECEIVE);
	rig_queue(&rig, TRANSMIT);
	rig_run(&rig);
	rig_add(&rig, RECEIVE, 0, 0, 1526);
	rig_kick(&rig, RECEIVE);
	rig_add(&rig, TRANSMIT, 2, 100, 0); /* the interface is down and drops it */
	rig_kick(&rig, TRANSMIT);
	assert_int_equal(rig_await(&rig, TRANSMIT, &written), 2);
	assert_int_equal(rig.device->errors, 0);
	remove_tap();
	assert_cable_is_pulled();
}

static void bad_control_commands_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint8_t size;
		uint8_t bytes[5];
		uint8_t answer;
	} commands[] = {
		{ 4, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, 2 }, NET_CTRL_OK },
		{ 4, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, 0 }, NET_CTRL_ERR },
		{ 4, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, 3 }, NET_CTRL_ERR },
		{ 4, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, 2, 1 }, NET_CTRL_ERR },
		{ 3, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, 1 }, NET_CTRL_ERR },
		{ 5, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, 1 }, NET_CTRL_ERR },
		{ 1, { NET_CTRL_MQ }, NET_CTRL_ERR },
		{ 4, { NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET + 1, 1 }, NET_CTRL_ERR },
		{ 4, { 99, NET_CTRL_MQ_VQ_PAIRS_SET, 1 }, NET_CTRL_ERR },
	};
	const uint32_t control = 4; /* behind two pairs */
	uint32_t written;

	open_tap(",queues=2", 1u << NET_F_MQ | 1u << NET_F_CTRL_VQ);
	rig_queue(&rig, control);
	rig_run(&rig);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		memcpy(rig_buffer(0), commands[i].bytes, commands[i].size);
		*rig_buffer(1) = 0xee;
		rig_add(&rig, control, 0, commands[i].size, 1);
		rig_kick(&rig, control);
		(void)rig_await(&rig, control, &written);
		assert_int_equal(written, 1);
		assert_int_equal(*rig_buffer(1), commands[i].answer);
		assert_int_equal(rig.device->errors, i);
	}
	rig_add(&rig, control, 0, 4, 0); /* nowhere to answer */
	rig_kick(&rig, control);
	(void)rig_await(&rig, control, &written);
	assert_int_equal(written, 0);
	assert_int_equal(rig.device->errors, sizeof(commands) / sizeof(commands[0]));
}

static void config_tells_address_and_mtu(void **state)
{
	(void)state;

	plug_in(",mac=52:54:00:12:34:56,mtu=9000");
	assert_int_equal(rig_config(&rig, NET_CONFIG_MAC, 4), 0x12005452);
	assert_int_equal(rig_config(&rig, NET_CONFIG_MAC + 4, 2), 0x5634);
	assert_int_equal(rig_config(&rig, NET_CONFIG_MTU, 2), 9000);
	assert_int_equal(rig.device->info.features[0] >> NET_F_MTU & 1, 1);
	assert_int_equal(rig.device->info.queue_count, 2);
}

/* ---- several queues of a TAP interface, in a network of our own ---- */

#define FLOWS 64u

static int tap_socket = -1; /* what is sent on it, the interface receives from its other side */

static void open_pairs(void)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	struct sockaddr_ll address = { .sll_family = AF_PACKET };

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		print_message("skipped: no network of our own\n");
		skip();
	}
	open_tap(",queues=3", 1u << NET_F_MQ | 1u << NET_F_CTRL_VQ);
	memcpy(request.ifr_name, tap_name, sizeof(tap_name));
	tap_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(tap_socket >= 0);
	assert_int_equal(ioctl(tap_socket, SIOCSIFFLAGS, &request), 0);
	address.sll_ifindex = (int)if_nametoindex(tap_name);
	assert_int_equal(bind(tap_socket, (const struct sockaddr *)&address, sizeof(address)), 0);
}

/* UDP over IPv4 from another port each: the kernel spreads them over the queues that it sees. */
static void send_flows(void)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46 };
		frame[22] = 64;
		frame[23] = 17;
		frame[26] = 10;
		frame[30] = 10;
		frame[35] = (uint8_t)i;
		assert_int_equal(write(tap_socket, frame, sizeof(frame)), sizeof(frame));
	}
}

/* How many of our flows arrive at the receive queue of `pair` within a moment. */
static uint32_t flows_at(uint32_t pair)
{
	uint32_t count = 0;
	uint32_t written;
	uint32_t n;

	for (int i = 0; i < 200; i++) {
		if (!rig_poll(&rig, 2 * pair, &n, &written)) {
			continue;
		}
		const uint8_t *frame = rig_buffer(n + 1) + NET_HEADER_SIZE;
		count += frame[12] == 8 && frame[13] == 0 && frame[23] == 17;
		rig_add(&rig, 2 * pair, n, 0, 1526);
		rig_kick(&rig, 2 * pair);
	}
	return count;
}

static uint8_t set_pairs(uint32_t control, uint8_t pairs)
{
	uint32_t written;

	memcpy(rig_buffer(0), (uint8_t[]){ NET_CTRL_MQ, NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 0 }, 4);
	rig_add(&rig, control, 0, 4, 1);
	rig_kick(&rig, control);
	assert_int_equal(rig_await(&rig, control, &written), 0);
	return rig_buffer(1)[0];
}

static void only_the_pairs_in_use_get_frames(void **state)
{
	const uint32_t control = 6;
	uint32_t count[3];

	(void)state;
	open_pairs();
	for (uint32_t i = 0; i <= control; i++) {
		rig_queue(&rig, i);
	}
	rig_run(&rig);
	/* buffers are announced before the driver says how many pairs it uses */
	for (uint32_t pair = 0; pair < 3; pair++) {
		for (uint32_t i = 0; i < 7; i++) {
			rig_add(&rig, 2 * pair, 2 + 2 * (7 * pair + i), 0, 1526);
		}
		rig_kick(&rig, 2 * pair);
	}
	send_flows();
	assert_int_equal(flows_at(0), FLOWS);
	assert_int_equal(set_pairs(control, 4), NET_CTRL_ERR);
	assert_int_equal(set_pairs(control, 0), NET_CTRL_ERR);
	assert_int_equal(set_pairs(control, 3), NET_CTRL_OK);
	send_flows();
	uint32_t all = 0;
	for (uint32_t pair = 0; pair < 3; pair++) {
		count[pair] = flows_at(pair);
		assert_int_not_equal(count[pair], 0);
		all += count[pair];
	}
	assert_int_equal(all, FLOWS);
	assert_int_equal(set_pairs(control, 1), NET_CTRL_OK);
	send_flows();
	assert_int_equal(flows_at(0), FLOWS);
	assert_int_equal(set_pairs(control, 2), NET_CTRL_OK);
	rig_reset(&rig); /* the next driver begins with one pair */
	assert_int_equal(flows_at(1), 0);
	(void)close(tap_socket);
}

static void bad_options_name_the_key(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *names;
	} cases[] = {
		{ "net", "one of tap=NAME and socket=PATH" },
		{ "net,tap=a,socket=b", "one of tap=NAME and socket=PATH" },
		{ "net,socket=/nonexistent", "socket '/nonexistent'" },
		{ "net,tap=a-name-that-is-too-long-for-linux", "a-name-that-is-too-long" },
		{ "net,socket=x,mac=01:00:00:00:00:00", "mac '01:00:00:00:00:00'" },
		{ "net,socket=x,mac=52:54:00:12:34", "mac '52:54:00:12:34'" },
		{ "net,socket=x,mtu=67", "mtu '67' is no number from 68" },
		{ "net,socket=x,queues=2", "queues 2 needs a tap" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[512] = "";
		assert_null(emu_device_open(cases[i].text, 0, why, sizeof(why)));
		assert_non_null(strstr(why, cases[i].names));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(frames_cross_both_ways),
		TEST(a_frame_without_a_buffer_waits),
		TEST(a_frame_longer_than_its_buffer_is_dropped),
		TEST(a_frame_too_long_is_refused),
		TEST(malformed_frames_are_refused),
		TEST(a_slow_peer_loses_nothing),
		TEST(a_frame_that_waits_stops_no_other_way),
		TEST(a_reset_in_the_middle_of_a_frame),
		TEST(a_pulled_cable_is_a_config_event),
		TEST(a_peer_that_breaks_the_framing_is_gone),
		TEST(a_tap_that_vanishes_is_a_pulled_cable),
		TEST(bad_control_commands_are_refused),
		TEST(config_tells_address_and_mtu),
		TEST(bad_options_name_the_key),
		TEST(only_the_pairs_in_use_get_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
