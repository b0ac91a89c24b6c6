/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client library against a manager that lies. The manager is a thread that answers a hello with
 * a script of frames and then only reads. Whatever it sends, the client ends with a reason, and
 * with no descriptor more than before.
 */
#include "support/cmocka.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/daemon.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"

#define PAGE       UINT64_C(4096)
#define FRAMES_MAX 80
#define HANDLE     0x42u

struct scripted {
	uint8_t bytes[VMSG_WIRE_FRAME_MAX + 1];
	size_t size;
	int descriptors[VMSG_WIRE_BANKS_MAX];
	size_t descriptor_count;
};

static struct {
	char directory[32];
	char path[48];
	int listener;
	pthread_t thread;
	struct scripted frames[FRAMES_MAX];
	size_t count;
} manager;

static struct vmsg_emu *emu;
static struct vmsg_emu_bank bank;
static char why[256];
static size_t descriptors_before;

static size_t own_descriptors(void)
{
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");

	assert_non_null(directory);
	while (readdir(directory)) {
		count++;
	}
	closedir(directory);
	return count;
}

static void *run_manager(void *unused)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const int fd = accept4(manager.listener, NULL, NULL, SOCK_CLOEXEC);

	(void)unused;
	(void)!recv(fd, frame, sizeof(frame), 0);
	for (size_t i = 0; i < manager.count; i++) {
		struct scripted *next = &manager.frames[i];
		raw_send(fd, next->bytes, next->size, next->descriptors, next->descriptor_count);
	}
	if (manager.count > 0) {
		while (recv(fd, frame, sizeof(frame), 0) > 0) {
		}
	}
	close(fd);
	return NULL;
}

static int open_manager(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	memset(&manager, 0, sizeof(manager));
	snprintf(manager.directory, sizeof(manager.directory), "/tmp/vmsg-test-XXXXXX");
	assert_non_null(mkdtemp(manager.directory));
	snprintf(manager.path, sizeof(manager.path), "%s/sock", manager.directory);
	memcpy(address.sun_path, manager.path, sizeof(manager.path));
	manager.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(manager.listener, 1), 0);
	descriptors_before = own_descriptors();
	return 0;
}

static int close_manager(void **state)
{
	(void)state;
	vmsg_emu_close(emu);
	emu = NULL;
	pthread_join(manager.thread, NULL);
	for (size_t i = 0; i < manager.count; i++) {
		for (size_t j = 0; j < manager.frames[i].descriptor_count; j++) {
			close(manager.frames[i].descriptors[j]);
		}
	}
	assert_int_equal(own_descriptors(), descriptors_before);
	close(manager.listener);
	unlink(manager.path);
	rmdir(manager.directory);
	return 0;
}

/* ---- the script ---- */

static struct scripted *add(size_t size)
{
	struct scripted *next = &manager.frames[manager.count++];

	next->size = size;
	return next;
}

static void add_welcome(void)
{
	const struct vmsg_wire_welcome welcome = {
		.version = VMSG_WIRE_VERSION,
		.id = 1,
		.vcpu_count = 1,
		.bank_count = 1,
		.ffa_version = VMSG_FFA_VERSION_1_2,
		.addresses = { 0x80000000 },
	};
	struct scripted *next = add(0);

	next->size = vmsg_wire_encode_welcome(next->bytes, &welcome);
}

static void add_return(uint16_t vcpu, uint32_t sequence)
{
	const struct vmsg_wire_header header = { .kind = VMSG_WIRE_RETURN,
						 .vcpu = vcpu,
						 .sequence = sequence };
	const struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(SUCCESS) } };
	struct scripted *next = add(0);

	next->size = vmsg_wire_encode_call(next->bytes, &header, &regs);
}

/* A grant with the banks and pieces given; `new_banks` of them come with a descriptor. */
static struct scripted *add_grant(uint32_t total, uint32_t first, uint32_t next_range,
				  const uint32_t *banks, size_t bank_count,
				  const struct vmsg_wire_piece *pieces, size_t piece_count)
{
	const struct vmsg_wire_grant grant = { .handle = HANDLE,
					       .total = total,
					       .first = first,
					       .next = next_range,
					       .bank_count = (uint16_t)bank_count,
					       .piece_count = (uint16_t)piece_count };
	struct scripted *next = add(0);

	next->size = vmsg_wire_encode_grant(next->bytes, VMSG_WIRE_GRANT_WRITABLE, &grant, banks,
					    pieces);
	for (size_t i = 0; i < bank_count; i++) {
		next->descriptors[i] = raw_memfd(4 * PAGE, F_SEAL_SHRINK);
	}
	next->descriptor_count = bank_count;
	return next;
}

/* ---- the client ---- */

static int connect_client(void)
{
	bank = (struct vmsg_emu_bank){ .size = PAGE };
	struct vmsg_emu_options options = {
		.socket_path = manager.path, .id = 1, .banks = &bank, .bank_count = 1
	};

	assert_int_equal(pthread_create(&manager.thread, NULL, run_manager, NULL), 0);
	return vmsg_emu_connect(&emu, &options, why, sizeof(why));
}

static void assert_not_welcome(const char *reason)
{
	assert_int_equal(connect_client(), VMSG_ERROR_PEER);
	assert_null(emu);
	assert_null(bank.data);
	if (!strstr(why, reason)) {
		fail_msg("\"%s\" is not about \"%s\"", why, reason);
	}
}

static int32_t call(void)
{
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(ID_GET) } };

	conduit.call(conduit.context, &regs);
	return vmsg_ffa_reply_status(&regs);
}

/* The first call after the welcome finds out. */
static void assert_lost(const char *reason)
{
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_ABORTED);
	assert_true(vmsg_emu_is_lost(emu));
	if (!strstr(vmsg_emu_lost_reason(emu), reason)) {
		fail_msg("\"%s\" is not about \"%s\"", vmsg_emu_lost_reason(emu), reason);
	}
	assert_int_equal(call(), VMSG_FFA_ABORTED);
}

/* ---- hello ---- */

static void a_manager_that_hangs_up(void **state)
{
	(void)state;
	assert_not_welcome("hung up");
}

static void a_welcome_that_is_none(void **state)
{
	(void)state;
	add(100)->bytes[0] = 200;
	assert_not_welcome("kind 200");
}

static void a_return_for_a_welcome(void **state)
{
	(void)state;
	add_return(0, 0);
	assert_not_welcome("does not answer a HELLO");
}

static void a_welcome_of_another_version(void **state)
{
	(void)state;
	add_welcome();
	manager.frames[0].bytes[8] = 2;
	assert_not_welcome("does not answer a HELLO");
}

static void a_welcome_for_other_banks(void **state)
{
	(void)state;
	add_welcome();
	manager.frames[0].bytes[14] = 2;
	assert_not_welcome("does not answer a HELLO");
}

/* ---- returns ---- */

static void a_good_manager(void **state)
{
	(void)state;
	add_welcome();
	add_return(0, 1);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(bank.address, 0x80000000);
	assert_int_equal(call(), VMSG_FFA_OK);
	assert_false(vmsg_emu_is_lost(emu));
}

static void a_return_of_another_sequence(void **state)
{
	(void)state;
	add_welcome();
	add_return(0, 2);
	assert_lost("RETURN frame of no call");
}

static void a_return_of_another_vcpu(void **state)
{
	(void)state;
	add_welcome();
	add_return(1, 1);
	assert_lost("RETURN frame of no call");
}

static void a_return_that_comes_twice(void **state)
{
	(void)state;
	add_welcome();
	add_return(0, 1);
	add_return(0, 1);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_OK);
	struct pollfd readable = { .fd = vmsg_emu_fd(emu), .events = POLLIN };
	assert_int_equal(poll(&readable, 1, DAEMON_PATIENCE_MS), 1);
	assert_int_equal(vmsg_emu_interrupts(emu), 0);
	assert_true(vmsg_emu_is_lost(emu));
}

static void a_return_that_is_short(void **state)
{
	(void)state;
	add_welcome();
	add_return(0, 1);
	manager.frames[1].size--;
	assert_lost("RETURN frame of 151 bytes");
}

static void a_return_with_descriptors(void **state)
{
	(void)state;
	add_welcome();
	add_return(0, 1);
	manager.frames[1].descriptors[0] = raw_memfd(PAGE, 0);
	manager.frames[1].descriptor_count = 1;
	assert_lost("RETURN frame with 1 descriptors");
}

static void frames_that_are_too_long_or_unknown(void **state)
{
	(void)state;
	add_welcome();
	add(VMSG_WIRE_FRAME_MAX + 1)->bytes[0] = VMSG_WIRE_CONTROL;
	assert_lost("do not fit");
}

static void a_manager_that_calls(void **state)
{
	(void)state;
	add_welcome();
	add(VMSG_WIRE_CALL_SIZE)->bytes[0] = VMSG_WIRE_CALL;
	assert_lost("kind 4 (CALL)");
}

static void a_late_refusal_is_the_reason(void **state)
{
	const struct vmsg_wire_refuse refuse = { .code = 1, .version = 1, .text = "go away" };

	(void)state;
	add_welcome();
	struct scripted *next = add(0);
	next->size = vmsg_wire_encode_refuse(next->bytes, &refuse);
	assert_lost("go away");
}

static void interrupts_are_collected_whatever_their_id(void **state)
{
	(void)state;
	add_welcome();
	add(vmsg_wire_encode_interrupt(manager.frames[manager.count].bytes, 0, 5));
	add(vmsg_wire_encode_interrupt(manager.frames[manager.count].bytes, 0, 64));
	add(vmsg_wire_encode_interrupt(manager.frames[manager.count].bytes, 0, 63));
	add_return(0, 1);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_OK);
	assert_int_equal(vmsg_emu_interrupts(emu), UINT64_C(1) << 5 | UINT64_C(1) << 63);
	assert_int_equal(vmsg_emu_interrupts(emu), 0);
}

/* ---- grants ---- */

static const uint32_t bank_7[] = { 7 };
static const struct vmsg_wire_piece good_piece = {
	.address = 0x100000, .offset = PAGE, .pages = 2, .bank = 7
};

static void a_good_grant(void **state)
{
	const struct vmsg_ffa_range range = { .address = 0x100000, .pages = 2 };
	struct vmsg_segment segment;

	(void)state;
	add_welcome();
	add_grant(1, 0, 1, bank_7, 1, &good_piece, 1);
	add_return(0, 1);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_OK);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	assert_int_equal(conduit.map(conduit.context, HANDLE, &range, 1, true, &segment, 1), 1);
	assert_int_equal(segment.size, 2 * PAGE);
	segment.data[2 * PAGE - 1] = 1;
}

static void assert_grant_loses(const struct vmsg_wire_piece *piece, const char *reason)
{
	add_welcome();
	add_grant(1, 0, 1, bank_7, 1, piece, 1);
	add_return(0, 1);
	assert_lost(reason);
}

static void a_piece_beyond_its_bank(void **state)
{
	struct vmsg_wire_piece piece = good_piece;

	(void)state;
	piece.pages = 4;
	assert_grant_loses(&piece, "piece outside its bank");
}

static void a_piece_far_beyond_its_bank(void **state)
{
	struct vmsg_wire_piece piece = good_piece;

	(void)state;
	piece.offset = UINT64_MAX - PAGE + 1;
	assert_grant_loses(&piece, "piece outside its bank");
}

static void a_piece_of_no_pages(void **state)
{
	struct vmsg_wire_piece piece = good_piece;

	(void)state;
	piece.pages = 0;
	assert_grant_loses(&piece, "piece outside its bank");
}

static void a_piece_at_an_odd_place(void **state)
{
	struct vmsg_wire_piece piece = good_piece;

	(void)state;
	piece.offset = 12;
	assert_grant_loses(&piece, "piece outside its bank");
}

static void a_piece_of_an_unknown_bank(void **state)
{
	struct vmsg_wire_piece piece = good_piece;

	(void)state;
	piece.bank = 8;
	assert_grant_loses(&piece, "piece outside its bank");
}

static void a_bank_that_may_shrink(void **state)
{
	(void)state;
	add_welcome();
	struct scripted *grant = add_grant(1, 0, 1, bank_7, 1, &good_piece, 1);
	close(grant->descriptors[0]);
	grant->descriptors[0] = raw_memfd(4 * PAGE, 0);
	assert_lost("a bank that could shrink");
}

static void a_bank_that_is_known(void **state)
{
	static const uint32_t twice[] = { 7, 7 };

	(void)state;
	add_welcome();
	add_grant(1, 0, 1, twice, 2, &good_piece, 1);
	assert_lost("a bank that is known");
}

static void fewer_descriptors_than_banks(void **state)
{
	(void)state;
	add_welcome();
	struct scripted *grant = add_grant(1, 0, 1, bank_7, 1, &good_piece, 1);
	close(grant->descriptors[0]);
	grant->descriptor_count = 0;
	assert_lost("does not fit its counts");
}

static void a_grant_cut_short(void **state)
{
	(void)state;
	add_welcome();
	add_grant(1, 0, 1, bank_7, 1, &good_piece, 1)->size--;
	assert_lost("does not fit its counts");
}

static void grants_out_of_order(void **state)
{
	static const uint32_t orders[][3] = {
		/* total, first, next */
		{ 5, 1, 2 }, { 5, 0, 0 }, { 5, 0, 6 }, { 0xFFFFFFFF, 0, 1 }, { 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (i > 0) {
			close_manager(state);
			open_manager(state);
		}
		add_welcome();
		add_grant(orders[i][0], orders[i][1], orders[i][2], bank_7, 1, &good_piece, 1);
		assert_lost("GRANT frame out of order");
	}
}

static void a_grant_that_changes_its_mind(void **state)
{
	(void)state;
	add_welcome();
	add_grant(3, 0, 1, bank_7, 1, &good_piece, 1);
	add_grant(4, 1, 2, NULL, 0, &good_piece, 1);
	assert_lost("GRANT frame out of order");
}

static struct scripted *add_revocation(uint64_t handle, const uint32_t *banks, uint16_t count)
{
	const struct vmsg_wire_grant grant = { .handle = handle, .bank_count = count };
	struct scripted *next = add(0);

	next->size =
		vmsg_wire_encode_grant(next->bytes, VMSG_WIRE_GRANT_REVOKED, &grant, banks, NULL);
	return next;
}

static void grants_that_nobody_maps_are_not_kept_for_ever(void **state)
{
	enum { KEPT = 64, COUNT = KEPT + 2 };
	const struct vmsg_ffa_range range = { .address = good_piece.address, .pages = 2 };
	struct vmsg_segment segment;

	(void)state;
	add_welcome();
	for (uint32_t i = 1; i <= COUNT; i++) {
		add_grant(1, 0, 1, bank_7, i == 1, &good_piece, 1)->bytes[8] = (uint8_t)i;
	}
	add_return(0, 1);
	/* what it will say when it is asked for the second again */
	add_revocation(2, NULL, 0);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_OK);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	assert_int_equal(conduit.map(conduit.context, 3, &range, 1, true, &segment, 1), 1);
	assert_int_equal(conduit.map(conduit.context, COUNT, &range, 1, true, &segment, 1), 1);
	assert_int_equal(conduit.map(conduit.context, 2, &range, 1, true, &segment, 1),
			 VMSG_ERROR_NOT_FOUND);
}

static void a_bank_forgotten_before_it_is_mapped(void **state)
{
	const struct vmsg_ffa_range range = { .address = good_piece.address, .pages = 2 };
	struct vmsg_segment segment;

	(void)state;
	add_welcome();
	add_grant(1, 0, 1, bank_7, 1, &good_piece, 1);
	add_revocation(0, bank_7, 1);
	add_revocation(0, bank_7, 1); /* twice is once */
	add_return(0, 1);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_OK);
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	assert_int_equal(conduit.map(conduit.context, HANDLE, &range, 1, true, &segment, 1),
			 VMSG_ERROR_NOT_FOUND);
}

static void a_revocation_with_descriptors(void **state)
{
	(void)state;
	add_welcome();
	struct scripted *next = add_revocation(HANDLE, bank_7, 1);
	next->descriptors[0] = raw_memfd(PAGE, F_SEAL_SHRINK);
	next->descriptor_count = 1;
	assert_lost("does not fit its counts");
}

static void a_revocation_of_what_is_not_held(void **state)
{
	(void)state;
	add_welcome();
	add_revocation(HANDLE, NULL, 0);
	add_return(0, 1);
	assert_int_equal(connect_client(), VMSG_OK);
	assert_int_equal(call(), VMSG_FFA_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_manager, close_manager)
		TEST(a_manager_that_hangs_up),
		TEST(a_welcome_that_is_none),
		TEST(a_return_for_a_welcome),
		TEST(a_welcome_of_another_version),
		TEST(a_welcome_for_other_banks),
		TEST(a_good_manager),
		TEST(a_return_of_another_sequence),
		TEST(a_return_of_another_vcpu),
		TEST(a_return_that_comes_twice),
		TEST(a_return_that_is_short),
		TEST(a_return_with_descriptors),
		TEST(frames_that_are_too_long_or_unknown),
		TEST(a_manager_that_calls),
		TEST(a_late_refusal_is_the_reason),
		TEST(interrupts_are_collected_whatever_their_id),
		TEST(a_good_grant),
		TEST(a_piece_beyond_its_bank),
		TEST(a_piece_far_beyond_its_bank),
		TEST(a_piece_of_no_pages),
		TEST(a_piece_at_an_odd_place),
		TEST(a_piece_of_an_unknown_bank),
		TEST(a_bank_that_may_shrink),
		TEST(a_bank_that_is_known),
		TEST(fewer_descriptors_than_banks),
		TEST(a_grant_cut_short),
		TEST(grants_out_of_order),
		TEST(a_grant_that_changes_its_mind),
		TEST(grants_that_nobody_maps_are_not_kept_for_ever),
		TEST(a_bank_forgotten_before_it_is_mapped),
		TEST(a_revocation_with_descriptors),
		TEST(a_revocation_of_what_is_not_held),
	};

	return cmocka_run_group_tests_name("manager (hostile)", tests, NULL, NULL);
}
