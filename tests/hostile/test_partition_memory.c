/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Partitions that want all of the manager's memory, or die at any call. The manager is a thread of
 * the test, so that what it has allocated can be counted: it returns to where it was.
 */
#include "support/cmocka.h"

#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/server.h"
#include "support/partition.h"

#define SUCCESS   "84000061"
#define INVALID   "84000060 0 fffffffe"
#define NO_MEMORY "84000060 0 fffffffd"
#define ABORTED   "84000060 0 fffffff8"

#define PAGE VMSG_FFA_PAGE_SIZE

/* Limits of one partition, as docs/emulator-protocol.md has them. */
#define REGIONS_MAX 16384u
#define SENDS_MAX   4u

/* In a descriptor with one borrower. */
#define COMPOSITE_OFFSET 80u
#define RANGES_OFFSET    96u

static struct vmsg_server *server;
static pthread_t thread;
static struct daemon at; /* only where it listens */
static size_t allocated_before;

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#define NOISE 0u
static size_t allocated(void)
{
	return __sanitizer_get_current_allocated_bytes();
}
#else
/* what the C library keeps for later counts as used */
#define NOISE (256u * 1024)
static size_t allocated(void)
{
	return mallinfo2().uordblks;
}
#endif

static void *run_server(void *unused)
{
	(void)unused;
	vmsg_server_run(server);
	return NULL;
}

/* Everything that is allocated at the first use is, and tables have grown to what they need. */
static void warm_up(void)
{
	static const struct partition_range range = { 8, 1 };
	struct partition vm, sp;

	partition_join(&vm, &at, 1);
	partition_join(&sp, &at, 0x8001);
	const uint64_t handle = partition_share(&vm, 0x8001, true, &range, 1);
	(void)partition_retrieve(&sp, 1, handle, true);
	partition_leave(&vm);
	partition_leave(&sp);
}

static void await_memory(size_t expected)
{
	for (int i = 0; i < DAEMON_PATIENCE_MS && allocated() > expected + NOISE; i++) {
		const struct timespec ms = { .tv_nsec = 1000000 };
		nanosleep(&ms, NULL);
	}
	if (allocated() > expected + NOISE) {
		fail_msg("%zu bytes are allocated, %zu were before", allocated(), expected);
	}
}

static int open_system(void **state)
{
	static char directory[32];
	/* what happens must not depend on how busy the machine is */
	const struct vmsg_server_options options = { .socket_path = at.socket_path,
						     .time_slice_ns = UINT64_MAX };
	char why[256];

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/vmsg-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(at.directory, sizeof(at.directory), "%s", directory);
	snprintf(at.socket_path, sizeof(at.socket_path), "%s/sock", directory);
	assert_int_equal(vmsg_server_create(&server, &options, why, sizeof(why)), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_server, NULL), 0);
	warm_up();
	/* the end of connections is noticed in its own time */
	const struct timespec moment = { .tv_nsec = 20000000 };
	size_t last;
	do {
		last = allocated();
		nanosleep(&moment, NULL);
	} while (allocated() != last);
	allocated_before = last;
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	await_memory(allocated_before);
	vmsg_server_stop(server);
	pthread_join(thread, NULL);
	vmsg_server_destroy(server);
	rmdir(at.directory);
	return 0;
}

static void reclaim(struct partition *vm, uint64_t handle, const char *expected)
{
	assert_string_equal(partition_call(vm, "84000077 %" PRIx64 " %" PRIx64, handle & UINT32_MAX,
					   handle >> 32),
			    expected);
}

/* ---- sizes ---- */

/* A descriptor in TX that announces `ranges` pages in as many ranges; its first is there. Returns
 * its total size. */
static uint32_t put_head(struct partition *vm, uint32_t ranges)
{
	const struct vmsg_ffa_memory_header header = { .sender = vm->id,
						       .attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
						       .access_size = VMSG_FFA_ACCESS_SIZE_1_2 };
	const struct vmsg_ffa_memory_access access = { .endpoint = 0x8001,
						       .permissions = VMSG_FFA_DATA_RW };
	const struct vmsg_ffa_range range = { vm->bank.address + 8 * PAGE, 1 };
	const uint32_t counts[] = { ranges, ranges };

	assert_int_equal(vmsg_ffa_memory_build(&header, &access, 1, &range, 1,
					       (struct vmsg_span){ vm->bank.data, PAGE }),
			 RANGES_OFFSET + 16);
	memcpy(vm->bank.data + COMPOSITE_OFFSET, counts, sizeof(counts));
	return RANGES_OFFSET + 16 * ranges;
}

/* A megabyte of ranges that are all the same page: taken in as it comes, refused at the end. */
static void descriptors_of_a_megabyte(void **state)
{
	struct partition vm, sp;
	struct vmsg_ffa_regs regs;

	(void)state;
	partition_join(&vm, &at, 1);
	partition_join(&sp, &at, 0x8001);
	const uint32_t ranges = ((1u << 20) - 96) / 16;
	struct vmsg_ffa_range *same = calloc(ranges, sizeof(*same));
	assert_non_null(same);
	for (uint32_t i = 0; i < ranges; i++) {
		same[i] = (struct vmsg_ffa_range){ vm.bank.address + 8 * PAGE, 1 };
	}
	const struct vmsg_ffa_memory_header header = { .sender = 1,
						       .attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
						       .access_size = VMSG_FFA_ACCESS_SIZE_1_2 };
	const struct vmsg_ffa_memory_access access = { .endpoint = 0x8001,
						       .permissions = VMSG_FFA_DATA_RW };
	const uint64_t total = vmsg_ffa_memory_size(VMSG_FFA_ACCESS_SIZE_1_2, 1, ranges);
	const struct vmsg_span tx = { vm.bank.data, PAGE };
	uint64_t sent = 0;
	unsigned fragments = 0;
	const char *reply = "";
	assert_true(total > (1u << 20) - 32);
	do {
		const int size =
			vmsg_ffa_memory_fragment(&header, &access, 1, same, ranges, sent, tx);
		assert_true(size > 0);
		reply = sent == 0 ? partition_call(&vm, "c4000073 %" PRIx64 " %x", total, size)
				  : partition_call(&vm, "8400007b %" PRIx64 " %" PRIx64 " %x",
						   regs.x[1], regs.x[2], size);
		regs_from_text(reply, &regs);
		sent += (uint64_t)size;
		fragments++;
	} while (regs.x[0] == VMSG_FFA_ID32(MEM_FRAG_RX));
	free(same);
	print_message("%u fragments of %" PRIu64 " bytes\n", fragments, total);
	assert_int_equal(fragments, (total + PAGE - 1) / PAGE);
	assert_string_equal(reply, INVALID);
	partition_leave(&vm);
	partition_leave(&sp);
}

static void descriptors_that_announce_more_than_there_is(void **state)
{
	struct partition vm, sp;

	(void)state;
	partition_join(&vm, &at, 1);
	partition_join(&sp, &at, 0x8001);
	/* ranges without end: nothing is allocated for them */
	const size_t before = allocated();
	for (int i = 0; i < 8; i++) {
		const uint32_t total = put_head(&vm, 0x0FFFFFF0);
		assert_string_equal(partition_call(&vm, "c4000073 %x 1000", total), NO_MEMORY);
	}
	await_memory(before);
	(void)put_head(&vm, 2);
	assert_string_equal(partition_call(&vm, "c4000073 7fffffff 1000"), INVALID);
	partition_leave(&vm);
	partition_leave(&sp);
}

/* Four sends may be under way; the next makes the oldest give way. None needs to be ended. */
static void fragments_that_never_end(void **state)
{
	struct partition vm, sp;
	struct vmsg_ffa_regs regs;
	uint64_t handles[3 * SENDS_MAX];
	size_t most = 0;

	(void)state;
	partition_join(&vm, &at, 1);
	partition_join(&sp, &at, 0x8001);
	const size_t before = allocated();
	for (size_t i = 0; i < 3 * SENDS_MAX; i++) {
		const uint32_t total = put_head(&vm, 1000);
		regs_from_text(partition_call(&vm, "c4000073 %x 70", total), &regs);
		assert_int_equal(regs.x[0], VMSG_FFA_ID32(MEM_FRAG_RX));
		handles[i] = regs.x[1] | regs.x[2] << 32;
		const size_t now = allocated() - before;
		if (i == SENDS_MAX) {
			most = now;
		}
		assert_true(i <= SENDS_MAX || now <= most + NOISE);
	}
	/* what gave way is unknown, the last ones go on */
	const struct {
		uint64_t address;
		uint32_t pages, reserved;
	} more = { vm.bank.address + 9 * PAGE, 1, 0 };
	memcpy(vm.bank.data, &more, sizeof(more));
	for (size_t i = 0; i < 3 * SENDS_MAX; i++) {
		const char *reply = partition_call(&vm, "8400007b %" PRIx64 " %" PRIx64 " 10",
						   handles[i] & UINT32_MAX, handles[i] >> 32);
		regs_from_text(reply, &regs);
		if (i < 2 * SENDS_MAX) {
			assert_string_equal(reply, INVALID);
		} else {
			assert_int_equal(regs.x[0], VMSG_FFA_ID32(MEM_FRAG_RX));
		}
	}
	partition_leave(&vm);
	partition_leave(&sp);
}

static void shares_without_end(void **state)
{
	struct vmsg_emu_bank bank = { .size = (uint64_t)(REGIONS_MAX + 16) * PAGE };
	struct vmsg_emu_options options = {
		.socket_path = at.socket_path, .id = 1, .banks = &bank, .bank_count = 1
	};
	struct partition vm = { .id = 1 }, sp;
	struct vmsg_ffa_regs regs;
	unsigned done = 0, refused = 0;
	uint64_t last = 0;
	char why[256];

	(void)state;
	assert_int_equal(vmsg_emu_connect(&vm.emu, &options, why, sizeof(why)), 0);
	vm.bank = bank;
	partition_join(&sp, &at, 0x8001);
	assert_string_equal(partition_call(&vm, "84000063 10002"), "10002");
	assert_string_equal(partition_call(&vm, "c4000066 %" PRIx64 " %" PRIx64 " 1", bank.address,
					   bank.address + PAGE),
			    SUCCESS);
	(void)put_head(&vm, 1);
	uint8_t *range = vm.bank.data + RANGES_OFFSET;
	const struct vmsg_conduit conduit = vmsg_emu_conduit(vm.emu);
	for (uint32_t i = 0; i < 65536; i++) {
		const uint64_t address =
			bank.address + (uint64_t)(8 + i % (REGIONS_MAX + 8)) * PAGE;
		memcpy(range, &address, sizeof(address));
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID64(MEM_SHARE), 112, 112 } };
		conduit.call(conduit.context, &regs);
		const int32_t status = vmsg_ffa_reply_status(&regs);
		if (status == VMSG_FFA_OK) {
			done++;
			last = regs.x[2] | regs.x[3] << 32;
			continue;
		}
		refused++;
		assert_int_equal(status, VMSG_FFA_NO_MEMORY);
	}
	print_message("%u shares, then %u times NO_MEMORY\n", done, refused);
	assert_int_equal(done, REGIONS_MAX);
	/* one goes, one may come */
	reclaim(&vm, last, SUCCESS);
	regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID64(MEM_SHARE), 112, 112 } };
	const uint64_t address = bank.address + (uint64_t)(REGIONS_MAX + 12) * PAGE;
	memcpy(range, &address, sizeof(address));
	conduit.call(conduit.context, &regs);
	assert_int_equal(vmsg_ffa_reply_status(&regs), VMSG_FFA_OK);
	/* nobody else is short of anything */
	assert_string_equal(partition_call(&sp, "84000069"), SUCCESS " 0 8001");
	partition_leave(&vm);
	partition_leave(&sp);
}

/* ---- death at every call ---- */

/* What one side does, a call a line; it dies behind the call of a number, before it has its
 * answer. */
struct script {
	struct partition vm, sp;
	unsigned calls;
	unsigned last; /* the last one that is made */
	bool vm_dies;  /* else the SP */
	bool is_dead;
};

/* Makes a call of `partition`; false when it was its last. */
static bool step(struct script *s, struct partition *partition, const char *text)
{
	const bool is_victim = (partition == &s->vm) == s->vm_dies;

	if (is_victim && s->calls++ == s->last) {
		partition_start(partition, "%s", text);
		partition_leave(partition);
		s->is_dead = true;
		return false;
	}
	partition_call(partition, "%s", text);
	return true;
}

/* The same for calls that block; `then` lets the other one go on before the answer comes. */
static bool step_start(struct script *s, struct partition *partition, const char *text)
{
	const bool is_victim = (partition == &s->vm) == s->vm_dies;

	partition_start(partition, "%s", text);
	if (is_victim && s->calls++ == s->last) {
		partition_leave(partition);
		s->is_dead = true;
		return false;
	}
	return true;
}

static void finish(struct partition *partition)
{
	if (partition->emu) {
		(void)partition_finish(partition);
	}
}

static bool join(struct script *s, struct partition *partition, uint16_t id)
{
	char map[64];

	memset(partition, 0, sizeof(*partition));
	partition->bank.size = PARTITION_RAM_SIZE;
	partition->id = id;
	struct vmsg_emu_options options = {
		.socket_path = at.socket_path, .id = id, .banks = &partition->bank, .bank_count = 1
	};
	char why[256];
	int result;
	do { /* its last life may not be over for the manager */
		result = vmsg_emu_connect(&partition->emu, &options, why, sizeof(why));
	} while (result < 0 && strstr(why, "claimed already"));
	if (result < 0) {
		fail_msg("%s", why);
	}
	snprintf(map, sizeof(map), "c4000066 %" PRIx64 " %" PRIx64 " 1", partition->bank.address,
		 partition->bank.address + PAGE);
	return step(s, partition, "84000063 10002") && step(s, partition, map) &&
	       step(s, partition, "84000069") && step(s, partition, "84000068");
}

static bool share_and_retrieve(struct script *s, bool is_released)
{
	static const struct partition_range range = { 8, 4 };
	char text[96];
	struct vmsg_ffa_regs regs;

	/* the descriptor is built by a share of the living kind, so its number is the next */
	if (s->vm_dies && s->calls == s->last) {
		(void)put_head(&s->vm, 1);
		return step(s, &s->vm, "c4000073 70 70");
	}
	s->calls += s->vm_dies;
	const uint64_t handle = partition_share(&s->vm, 0x8001, true, &range, 1);
	if (!s->vm_dies && s->calls == s->last) {
		const struct vmsg_ffa_memory_header header = {
			.sender = 1,
			.attributes = VMSG_FFA_ATTR_NORMAL_WB_INNER,
			.handle = handle,
			.access_size = VMSG_FFA_ACCESS_SIZE_1_2,
		};
		const struct vmsg_ffa_memory_access access = { .endpoint = 0x8001,
							       .permissions = VMSG_FFA_DATA_RW };
		const int size = vmsg_ffa_memory_build(&header, &access, 1, NULL, 0,
						       (struct vmsg_span){ s->sp.bank.data, PAGE });
		snprintf(text, sizeof(text), "c4000074 %x %x", size, size);
		return step(s, &s->sp, text);
	}
	s->calls += !s->vm_dies;
	assert_int_equal(strncmp(partition_retrieve(&s->sp, 1, handle, true), "84000075", 8), 0);
	if (!step(s, &s->sp, "84000065")) {
		return false;
	}
	if (!is_released) {
		return true;
	}
	const struct vmsg_ffa_relinquish relinquish = { handle, 0, 1, 0x8001 };
	assert_true(vmsg_ffa_relinquish_build(&relinquish,
					      (struct vmsg_span){ s->sp.bank.data, PAGE }) > 0);
	snprintf(text, sizeof(text), "84000077 %" PRIx64 " %" PRIx64, handle & UINT32_MAX,
		 handle >> 32);
	regs_from_text(text, &regs);
	return step(s, &s->sp, "84000076") && step(s, &s->vm, text);
}

/* Every exchange there is, both ways; false when the victim is dead. */
static bool play(struct script *s)
{
	if (!join(s, &s->vm, 1) || !join(s, &s->sp, 0x8001) || !step(s, &s->vm, "84000065") ||
	    !step(s, &s->sp, "84000065")) {
		return false;
	}
	/* direct, yielded and continued */
	if (!step_start(s, &s->sp, "8400006b")) {
		return false;
	}
	/* (a manager that has not seen the wait says BUSY: the order of two sockets) */
	if (!s->vm_dies || s->calls != s->last) {
		partition_request(&s->vm, &s->sp, "c400008d 18001");
		s->calls += s->vm_dies;
	} else if (!step_start(s, &s->vm, "c400008d 18001")) {
		return false;
	}
	if (!step_start(s, &s->sp, "8400006c")) {
		return false;
	}
	finish(&s->vm);
	if (!step_start(s, &s->vm, "8400006d 80010000")) {
		return false;
	}
	finish(&s->sp);
	if (!step_start(s, &s->sp, "c400008e 80010001")) {
		return false;
	}
	finish(&s->vm);
	assert_int_equal(vmsg_emu_raise(s->sp.emu), 0);
	finish(&s->sp);
	/* notifications and messages */
	static const uint32_t header[] = { 0, 0, 20, 1 << 16 | 0x8001, 8 };
	memcpy(s->vm.bank.data, header, sizeof(header));
	return step(s, &s->sp, "8400007f 18001 0 1") && step(s, &s->vm, "84000081 18001 0 1") &&
	       step(s, &s->sp, "84000082 8001 7") && step(s, &s->vm, "84000086") &&
	       step(s, &s->sp, "84000082 8001 c") && step(s, &s->sp, "84000065") &&
	       share_and_retrieve(s, true) && share_and_retrieve(s, false);
}

/* The survivor's call that waited for the dead one has returned, and it is served on. */
static void survive(struct script *s)
{
	struct partition *survivor = s->vm_dies ? &s->sp : &s->vm;

	if (!survivor->emu) {
		return;
	}
	const struct vmsg_ffa_regs id = { { VMSG_FFA_ID32(ID_GET) } };
	if (vmsg_emu_start(survivor->emu, &id) < 0) {
		/* it waits for work, or is told of the death: its own interrupt ends a wait */
		assert_int_equal(vmsg_emu_raise(survivor->emu), 0);
		(void)partition_finish(survivor);
		assert_int_equal(vmsg_emu_start(survivor->emu, &id), 0);
	}
	(void)partition_finish(survivor);
	if (survivor->id == 1 && strncmp(survivor->reply, "84000061", 8) != 0) {
		fail_msg("after death at call %u: %s", s->last, survivor->reply);
	}
	partition_leave(survivor);
}

static void die_at_every_call(bool vm_dies)
{
	bool is_whole = false;
	unsigned last;

	for (last = 0; !is_whole; last++) {
		struct script s = { .vm_dies = vm_dies, .last = last };
		is_whole = play(&s);
		if (is_whole) {
			partition_leave(&s.vm);
			partition_leave(&s.sp);
		} else {
			survive(&s);
		}
		await_memory(allocated_before);
	}
	print_message("died at each of %u calls\n", last - 1);
	assert_true(last > 10);
}

static void a_vm_that_dies_at_every_call(void **state)
{
	(void)state;
	die_at_every_call(true);
}

static void a_secure_partition_that_dies_at_every_call(void **state)
{
	(void)state;
	die_at_every_call(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(descriptors_of_a_megabyte),
		TEST(descriptors_that_announce_more_than_there_is),
		TEST(fragments_that_never_end),
		TEST(shares_without_end),
		TEST(a_vm_that_dies_at_every_call),
		TEST(a_secure_partition_that_dies_at_every_call),
	};

	return cmocka_run_group_tests_name("memory of the manager (hostile)", tests, NULL, NULL);
}
