/* SPDX-License-Identifier: BSD-3-Clause */
/* vhost-user daemons that lie, answer what was not asked, or go in the middle. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka.h"
#include "support/device_rig.h"

#include "devices/chain.h"
#include "devices/devices.h"
#include "devices/vhost_user.h"
#include "virtio_msg_ffa/proto.h"

#define HEADER     12u
#define GET_CONFIG 24u

/* What the daemon does wrong with request number `at` (counted from 0). */
enum misdeed {
	NOTHING,
	HANG_UP,
	WRONG_REQUEST,
	NO_REPLY_FLAG,
	TOO_SHORT,
	TOO_LONG,
	REFUSE,
	RAVE,
	SILENT
};

static struct device_rig rig;
static char folder[64];
static char path[96];
static int listener;
static pthread_t thread;
static enum misdeed misdeed;
static unsigned int misdeed_at;
static uint64_t protocol; /* features that it offers */
static unsigned int requests;
static uint64_t offered;
static uint64_t queue_num;
static uint64_t slots;

static bool read_all(int fd, uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t got = recv(fd, data, size, 0);
		if (got <= 0) {
			return false;
		}
		data += got;
		size -= (size_t)got;
	}
	return true;
}

static void answer(int fd, uint32_t request, uint8_t *message, uint32_t size)
{
	const bool is_bad = requests++ == misdeed_at;

	store_le(message, request + (is_bad && misdeed == WRONG_REQUEST), 4);
	store_le(message + 4, is_bad && misdeed == NO_REPLY_FLAG ? 1 : 5, 4);
	if (is_bad && misdeed == TOO_SHORT) {
		size = 4;
	}
	store_le(message + 8, is_bad && misdeed == TOO_LONG ? UINT32_MAX : size, 4);
	if (is_bad && misdeed == SILENT) {
		return;
	}
	if (is_bad && misdeed == HANG_UP) {
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	(void)!send(fd, message, HEADER + size, MSG_NOSIGNAL);
	if (is_bad && misdeed == RAVE) {
		(void)!send(fd, message, HEADER + size, MSG_NOSIGNAL);
	}
}

static void serve_one(int fd, uint32_t request, uint32_t flags, uint8_t *message, uint32_t size)
{
	uint64_t value = 0;

	switch (request) {
	case 1: /* GET_FEATURES */
		value = offered;
		break;
	case 15: /* GET_PROTOCOL_FEATURES */
		value = protocol;
		break;
	case 17: /* GET_QUEUE_NUM */
		value = queue_num;
		break;
	case 36: /* GET_MAX_MEM_SLOTS */
		value = slots;
		break;
	case GET_CONFIG:
		answer(fd, request, message, size);
		return;
	case 11: /* GET_VRING_BASE */
		break;
	default:
		if (!(flags & 8)) {
			return; /* no reply wanted */
		}
		value = requests == misdeed_at && misdeed == REFUSE;
		break;
	}
	store_le(message + HEADER, value, 8);
	answer(fd, request, message, 8);
}

static void *run_daemon(void *context)
{
	uint8_t message[4096];
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	(void)context;
	while (fd >= 0 && read_all(fd, message, HEADER)) {
		const uint32_t size = (uint32_t)load_le(message + 8, 4);
		if (size > sizeof(message) - HEADER || !read_all(fd, message + HEADER, size)) {
			break;
		}
		serve_one(fd, (uint32_t)load_le(message, 4), (uint32_t)load_le(message + 4, 4),
			  message, size);
	}
	(void)close(fd);
	return NULL;
}

static void start_daemon(enum misdeed what, unsigned int at, uint64_t features)
{
	misdeed = what;
	misdeed_at = at;
	protocol = features;
	requests = 0;
	assert_int_equal(pthread_create(&thread, NULL, run_daemon, NULL), 0);
}

static int setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	offered = UINT64_C(1) << 32 | UINT64_C(1) << 30;
	queue_num = 1;
	slots = 2;
	(void)strcpy(folder, "/tmp/vmsg-vhost-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/daemon", folder);
	memcpy(address.sun_path, path, strlen(path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(listener);
	(void)unlink(path);
	return rmdir(folder);
}

#define ALL                                                                                        \
	(1u << VHOST_PROTOCOL_MQ | 1u << VHOST_PROTOCOL_REPLY_ACK | 1u << VHOST_PROTOCOL_CONFIG |  \
	 1u << VHOST_PROTOCOL_MEM_SLOTS)

/* Lets what follows the last answer arrive, when something may. */
static int await_more(const struct vhost_user *vhost)
{
	struct pollfd at = { .fd = vhost->fd, .events = POLLIN };

	(void)poll(&at, 1, misdeed == RAVE || misdeed == HANG_UP ? 500 : 0);
	return 0;
}

/* Everything that is ever said, in one order; true when all of it went well. */
static bool say_everything(struct vhost_user *vhost, int fd)
{
	const struct vhost_region region = { 1ull << 48, 4096, 0, fd };
	const struct vhost_queue queue = { .size = 16, .desc = 1ull << 48, .kick = fd, .call = fd };
	uint8_t config[60];

	return vhost_connect(vhost, path) == 0 &&
	       vhost_set_features(vhost, UINT64_C(1) << 32) == 0 &&
	       vhost_get_config(vhost, config, sizeof(config)) == 0 &&
	       vhost_set_config(vhost, 0, config, 1) == 0 &&
	       vhost_add_region(vhost, &region) == 0 && vhost_start_queue(vhost, &queue) == 0 &&
	       vhost_stop_queue(vhost, 0) == 0 && vhost_remove_region(vhost, region.address) == 0 &&
	       await_more(vhost) == 0 && vhost_peek(vhost) == 0;
}

static void a_good_daemon_is_served(void **state)
{
	(void)state;
	static struct vhost_user vhost;
	const int fd = memfd_create("vhost", MFD_CLOEXEC);

	start_daemon(NOTHING, 0, ALL);
	assert_true(say_everything(&vhost, fd));
	assert_int_equal(vhost.region_max, 2);
	vhost_close(&vhost);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(fd);
}

/* Each misdeed at each answer: an error at the latest with the next exchange, and nothing else. */
static void every_lie_at_every_answer_is_an_error(void **state)
{
	(void)state;
	static struct vhost_user vhost;
	static const enum misdeed misdeeds[] = { HANG_UP,   WRONG_REQUEST, NO_REPLY_FLAG,
						 TOO_SHORT, TOO_LONG,      RAVE };
	const int fd = memfd_create("vhost", MFD_CLOEXEC);

	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++) {
		unsigned int at = 0;
		for (;; at++) {
			start_daemon(misdeeds[i], at, ALL);
			const bool is_well = say_everything(&vhost, fd);
			vhost_close(&vhost);
			assert_int_equal(pthread_join(thread, NULL), 0);
			if (requests <= at) {
				assert_true(is_well); /* there was no such answer: all are done */
				break;
			}
			assert_false(is_well);
			assert_true(vhost.why[0] != 0);
		}
		assert_in_range(at, 15, 20);
	}
	(void)close(fd);
}

static void a_refused_region_is_not_counted(void **state)
{
	(void)state;
	static struct vhost_user vhost;
	const int fd = memfd_create("vhost", MFD_CLOEXEC);
	const struct vhost_region region = { 1ull << 48, 4096, 0, fd };

	start_daemon(REFUSE, 4, ALL); /* features, protocol, queues, slots, then the region */
	assert_int_equal(vhost_connect(&vhost, path), 0);
	assert_int_equal(vhost_add_region(&vhost, &region), -1);
	assert_int_equal(vhost.region_count, 0);
	assert_true(vhost.fd >= 0);
	assert_int_equal(vhost_add_region(&vhost, &region), 0);
	assert_int_equal(vhost.region_count, 1);
	vhost_close(&vhost);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(fd);
}

static void more_regions_than_the_daemon_has_room_for(void **state)
{
	(void)state;
	static struct vhost_user vhost;
	const int fd = memfd_create("vhost", MFD_CLOEXEC);
	struct vhost_region region = { 1ull << 48, 4096, 0, fd };

	start_daemon(NOTHING, 0, ALL);
	assert_int_equal(vhost_connect(&vhost, path), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vhost_add_region(&vhost, &region), i < 2 ? 0 : -1);
		region.address += 4096;
	}
	assert_int_equal(vhost_remove_region(&vhost, 1ull << 48), 0);
	assert_int_equal(vhost_add_region(&vhost, &region), 0);
	vhost_close(&vhost);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(fd);
}

static void a_daemon_that_never_answers_is_given_up(void **state)
{
	(void)state;
	static struct vhost_user vhost;

	start_daemon(SILENT, 1, ALL);
	assert_int_equal(vhost_connect(&vhost, path), -1);
	assert_string_equal(vhost.why, "the vhost-user daemon does not answer");
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- the device that is made of one ---- */

static int open_memfd;

static int find_pieces(void *context, const uint8_t *data, struct device_piece *pieces, size_t most)
{
	(void)context;
	(void)data;
	assert_true(most > 0);
	pieces[0] = (struct device_piece){ .fd = open_memfd, .size = rig_ram_size() };
	return 1;
}

static const struct device_memory memory = { .pieces = find_pieces };

/* What no device can be made of, with its reason. */
static void useless_daemons_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *options;
		uint64_t queue_num;
		uint64_t slots;
		enum misdeed misdeed;
		unsigned int at;
		const char *says;
	} cases[] = {
		{ "", 0, 2, NOTHING, 0, "has no queue" },
		{ "", 1, 0, NOTHING, 0, "has no room for memory" },
		{ ",queues=2", 1, 2, NOTHING, 0, "queues '2': the daemon has 1" },
		{ "", 1, 2, TOO_SHORT, 4, "no config space of a blk device" },
		{ "", 1, 2, HANG_UP, 0, "is gone" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[160];
		char why[512] = "";
		queue_num = cases[i].queue_num;
		slots = cases[i].slots;
		start_daemon(cases[i].misdeed, cases[i].at, ALL);
		(void)snprintf(text, sizeof(text), "vhost-user,socket=%s%s", path,
			       cases[i].options);
		assert_null(emu_device_open(text, 0, why, sizeof(why)));
		if (!strstr(why, cases[i].says)) {
			fail_msg("no '%s' in '%s'", cases[i].says, why);
		}
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

static bool needs_reset(void)
{
	struct vmsg_message event;

	return vmsg_device_event(&rig.device->machine, &event) == 1 &&
	       event.header.type == VMSG_EVENT_CONFIG &&
	       (event.body.event_config.device_status & VMSG_STATUS_NEEDS_RESET);
}

/* A queue that the daemon does not take, for each reason: the driver is told, it is counted, and
 * after a reset another daemon serves. */
static void a_daemon_that_fails_a_queue_wants_a_reset(void **state)
{
	(void)state;
	static const enum misdeed misdeeds[] = { HANG_UP, REFUSE, WRONG_REQUEST };
	char text[128];

	open_memfd = memfd_create("vhost", MFD_CLOEXEC);
	(void)snprintf(text, sizeof(text), "vhost-user,type=rng,socket=%s", path);
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++) {
		start_daemon(misdeeds[i], 6, ALL);
		rig_open(&rig, text, 0, 0);
		rig.device->memory = &memory;
		rig_queue(&rig, 0);
		rig_run(&rig);
		rig_add(&rig, 0, 0, 0, 64);
		rig_kick(&rig, 0);
		assert_true(needs_reset());
		assert_int_equal(rig.device->errors, 1);
		rig_close(&rig);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	(void)close(open_memfd);
}

/* What the driver has been offered is not there any more: it is not told otherwise. */
static void a_daemon_that_comes_back_with_less_is_not_taken(void **state)
{
	(void)state;
	char text[128];

	open_memfd = memfd_create("vhost", MFD_CLOEXEC);
	(void)snprintf(text, sizeof(text), "vhost-user,type=rng,socket=%s", path);
	offered |= 1u << VMSG_F_INDIRECT_DESC;
	start_daemon(NOTHING, 0, ALL);
	rig_open(&rig, text, 1u << VMSG_F_INDIRECT_DESC, 0);
	rig.device->memory = &memory;
	rig_queue(&rig, 0);
	rig_run(&rig);
	rig_kick(&rig, 0);
	rig_reset(&rig);
	assert_int_equal(pthread_join(thread, NULL), 0);
	offered &= ~(UINT64_C(1) << VMSG_F_INDIRECT_DESC);
	start_daemon(NOTHING, 0, ALL);
	assert_false(rig_try_negotiate(&rig, 1u << VMSG_F_INDIRECT_DESC, 0));
	assert_int_equal(rig.device->errors, 1);
	rig_reset(&rig);
	rig_negotiate(&rig, 0, 0);
	rig_close(&rig);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(open_memfd);
}

static void bad_options_name_the_key(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *names;
	} cases[] = {
		{ "vhost-user", "socket=PATH is missing" },
		{ "vhost-user,socket=/nonexistent", "socket '/nonexistent': No such file" },
		{ "vhost-user,socket=x,type=toaster", "type 'toaster' is none of blk" },
		{ "vhost-user,socket=x,queues=17", "queues '17'" },
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
		TEST(a_good_daemon_is_served),
		TEST(every_lie_at_every_answer_is_an_error),
		TEST(a_refused_region_is_not_counted),
		TEST(more_regions_than_the_daemon_has_room_for),
		TEST(a_daemon_that_never_answers_is_given_up),
		TEST(useless_daemons_are_refused),
		TEST(a_daemon_that_fails_a_queue_wants_a_reset),
		TEST(a_daemon_that_comes_back_with_less_is_not_taken),
		TEST(bad_options_name_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
