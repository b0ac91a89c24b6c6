/* SPDX-License-Identifier: BSD-3-Clause */
/* Many vCPUs over one connection, or one each, and the server as a library: it runs in a thread of
 * the test. */
#include "support/cmocka.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server.h"
#include "support/daemon.h"
#include "virtio_msg_ffa/emulator.h"
#include "virtio_msg_ffa/error.h"

#define VCPUS SPMC_VCPUS_MAX

enum { VM = 1, SP = 0x8001 };

static const struct spmc_partition_config partitions[] = {
	{ .name = "vm",
	  .id = VM,
	  .vcpu_count = VCPUS,
	  .properties = VMSG_FFA_PROPERTY_DIRECT2_SEND | VMSG_FFA_PROPERTY_AARCH64 },
	{ .name = "sp",
	  .id = SP,
	  .vcpu_count = VCPUS,
	  .properties = VMSG_FFA_PROPERTY_DIRECT2_RECEIVE | VMSG_FFA_PROPERTY_AARCH64 },
};

static struct vmsg_server *server;
static pthread_t thread;
static char directory[32], path[48];
static struct vmsg_emu *vm, *sp;
static struct vmsg_emu_call calls[VCPUS];

static void *run_server(void *unused)
{
	(void)unused;
	vmsg_server_run(server);
	return NULL;
}

static struct vmsg_emu *join(uint16_t id, uint16_t vcpu)
{
	struct vmsg_emu_options options = { .socket_path = path, .id = id, .vcpu = vcpu };
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(VERSION), VMSG_FFA_VERSION_1_2 } };
	struct vmsg_emu *emu;
	char why[256];

	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	conduit.call(conduit.context, &regs);
	assert_int_equal(regs.x[0], VMSG_FFA_VERSION_1_2);
	return emu;
}

static int open_system(void **state)
{
	const struct vmsg_server_options options = {
		.socket_path = path,
		.time_slice_ns = UINT64_MAX,
		.partitions = partitions,
		.partition_count = 2,
	};
	char why[256];

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/vmsg-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sock", directory);
	assert_int_equal(vmsg_server_create(&server, &options, why, sizeof(why)), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_server, NULL), 0);
	vm = join(VM, 5);
	sp = join(SP, 0);
	return 0;
}

static int close_system(void **state)
{
	(void)state;
	vmsg_emu_close(vm);
	vmsg_emu_close(sp);
	vmsg_server_stop(server);
	pthread_join(thread, NULL);
	vmsg_server_destroy(server);
	assert_int_equal(access(path, F_OK), -1);
	rmdir(directory);
	return 0;
}

/* Waits for exactly `count` calls to return. */
static void finish(struct vmsg_emu *emu, size_t count)
{
	size_t finished = 0;

	while (finished < count) {
		const int more = vmsg_emu_finish_many(emu, calls + finished, count - finished);
		assert_true(more >= 0);
		finished += (size_t)more;
		struct pollfd readable = { .fd = vmsg_emu_fd(emu), .events = POLLIN };
		if (more == 0) {
			assert_int_equal(poll(&readable, 1, DAEMON_PATIENCE_MS), 1);
		}
	}
}

static void start_all(struct vmsg_emu *emu, const struct vmsg_ffa_regs *regs)
{
	for (uint16_t i = 0; i < VCPUS; i++) {
		calls[i] = (struct vmsg_emu_call){ .vcpu = i, .regs = *regs };
		if (regs->x[0] == VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2)) {
			calls[i].regs.x[4] = i; /* payload: who asks */
		}
	}
	assert_int_equal(vmsg_emu_start_many(emu, calls, VCPUS), VMSG_OK);
}

static void all_vcpus_call_at_once_and_each_gets_its_own_answer(void **state)
{
	const struct vmsg_ffa_regs wait = { .x = { VMSG_FFA_ID32(MSG_WAIT) } };
	const struct vmsg_ffa_regs request = { .x = { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
						      (uint64_t)VM << 16 | SP } };
	uint64_t seen = 0;

	(void)state;
	assert_int_equal(vmsg_emu_vcpu_count(vm), VCPUS);
	start_all(sp, &wait);
	for (int round = 0; round < 10; round++) {
		start_all(vm, &request);
		finish(sp, VCPUS);
		for (size_t i = 0; i < VCPUS; i++) {
			struct vmsg_ffa_regs *regs = &calls[i].regs;
			assert_int_equal(regs->x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2));
			regs->x[0] = VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2);
			regs->x[1] = (uint64_t)SP << 16 | VM;
			regs->x[5] = regs->x[4] + 1000;
		}
		assert_int_equal(vmsg_emu_start_many(sp, calls, VCPUS), VMSG_OK);
		finish(vm, VCPUS);
		seen = 0;
		for (size_t i = 0; i < VCPUS; i++) {
			assert_int_equal(calls[i].regs.x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2));
			assert_int_equal(calls[i].regs.x[4], calls[i].vcpu);
			assert_int_equal(calls[i].regs.x[5], calls[i].vcpu + 1000);
			seen |= UINT64_C(1) << calls[i].vcpu;
		}
		assert_int_equal(seen, UINT64_MAX);
	}
}

static void one_vcpu_goes_on_while_others_wait(void **state)
{
	const struct vmsg_ffa_regs id_get = { .x = { VMSG_FFA_ID32(ID_GET) } };
	struct vmsg_emu_call wait = { .vcpu = 6, .regs = { .x = { VMSG_FFA_ID32(MSG_WAIT) } } };
	const struct vmsg_conduit conduit = vmsg_emu_conduit(vm);

	(void)state;
	assert_int_equal(vmsg_emu_start_many(vm, &wait, 1), VMSG_OK);
	for (int i = 0; i < 10; i++) {
		struct vmsg_ffa_regs regs = id_get;
		conduit.call(conduit.context, &regs);
		assert_int_equal(regs.x[2], VM);
	}
	assert_int_equal(vmsg_emu_finish_many(vm, calls, VCPUS), 0);
	/* the conduit's vCPU is 5, and that is the one which is raised */
	assert_int_equal(vmsg_emu_raise(vm), VMSG_OK);
	wait.vcpu = 5;
	assert_int_equal(vmsg_emu_start_many(vm, &wait, 1), VMSG_OK);
	finish(vm, 1);
	assert_int_equal(calls[0].vcpu, 5);
	assert_int_equal(calls[0].regs.x[0], VMSG_FFA_ID32(INTERRUPT));
}

static void calls_that_cannot_be_started_start_none(void **state)
{
	const struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(MSG_WAIT) } };

	(void)state;
	calls[0] = (struct vmsg_emu_call){ .vcpu = 1, .regs = regs };
	calls[1] = (struct vmsg_emu_call){ .vcpu = VCPUS, .regs = regs };
	assert_int_equal(vmsg_emu_start_many(vm, calls, 2), VMSG_ERROR_RANGE);
	calls[1].vcpu = 1;
	assert_int_equal(vmsg_emu_start_many(vm, calls, 2), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_emu_start_many(vm, calls, 1), VMSG_OK);
	assert_int_equal(vmsg_emu_start_many(vm, calls, 1), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_emu_start(vm, &regs), VMSG_OK);
	assert_int_equal(vmsg_emu_start(vm, &regs), VMSG_ERROR_STATE);
	calls[0].vcpu = 5;
	assert_int_equal(vmsg_emu_start_many(vm, calls, 1), VMSG_ERROR_STATE);
	assert_int_equal(vmsg_emu_start_many(vm, calls, 0), VMSG_OK);
}

/* Sends calls of all vCPUs, reads nothing: the daemon gives up, and only on that one. */
static void a_partition_of_many_vcpus_that_never_reads(void **state)
{
	const struct vmsg_wire_hello hello = raw_hello(VM, 0, 0);
	struct daemon other = { .pid = 0 };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(ID_GET) } };
	struct vmsg_wire_header header = { .kind = VMSG_WIRE_CALL, .sequence = 1 };
	ssize_t sent = 1;

	(void)state;
	vmsg_emu_close(vm);
	snprintf(other.socket_path, sizeof(other.socket_path), "%s", path);
	const int fd = daemon_dial(&other);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), NULL, 0);
	assert_true(raw_receive(fd, frame) > 0);
	for (int i = 0; i < 1000000 && sent > 0; i++) {
		header.vcpu = (uint16_t)(i % VCPUS);
		const size_t size = vmsg_wire_encode_call(frame, &header, &regs);
		sent = send(fd, frame, size, MSG_NOSIGNAL);
	}
	assert_true(sent < 0);
	close(fd);
	struct vmsg_ffa_regs id = regs;
	const struct vmsg_conduit conduit = vmsg_emu_conduit(sp);
	conduit.call(conduit.context, &id);
	assert_int_equal(id.x[2], SP);
	vm = join(VM, 0);
}

/* ---- a connection each ---- */

static struct vmsg_emu *join_vcpu(uint16_t id, uint16_t vcpu)
{
	struct vmsg_emu_options options = {
		.socket_path = path, .id = id, .vcpu = vcpu, .join = true
	};
	struct vmsg_emu *emu;
	char why[256];

	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	assert_int_equal(vmsg_emu_id(emu), id);
	return emu;
}

static void finish_one(struct vmsg_emu *emu, struct vmsg_ffa_regs *regs)
{
	struct pollfd readable = { .fd = vmsg_emu_fd(emu), .events = POLLIN };
	int finished;

	while ((finished = vmsg_emu_finish(emu, regs)) == 0) {
		assert_int_equal(poll(&readable, 1, DAEMON_PATIENCE_MS), 1);
	}
	assert_int_equal(finished, 1);
}

static void vcpus_with_a_connection_each(void **state)
{
	static const uint16_t numbers[] = { 3, 40 };
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(MSG_WAIT) } };
	struct vmsg_emu *servers[2], *callers[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		servers[i] = join_vcpu(SP, numbers[i]);
		callers[i] = join_vcpu(VM, numbers[i]);
		assert_int_equal(vmsg_emu_start(servers[i], &regs), VMSG_OK);
	}
	assert_int_equal(vmsg_emu_start(sp, &regs), VMSG_OK); /* vCPU 0 */
	/* to the vCPU of the same number, on its own connection, both at once */
	for (size_t i = 0; i < 2; i++) {
		regs = (struct vmsg_ffa_regs){ .x = { VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2),
						      (uint64_t)VM << 16 | SP } };
		regs.x[4] = numbers[i];
		assert_int_equal(vmsg_emu_start(callers[i], &regs), VMSG_OK);
		finish_one(servers[i], &regs);
		assert_int_equal(regs.x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2));
		assert_int_equal(regs.x[4], numbers[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		regs = (struct vmsg_ffa_regs){ .x = { VMSG_FFA_ID64(MSG_SEND_DIRECT_RESP2),
						      (uint64_t)SP << 16 | VM } };
		regs.x[4] = numbers[i] + 1000u;
		assert_int_equal(vmsg_emu_start(servers[i], &regs), VMSG_OK);
		finish_one(callers[i], &regs);
		assert_int_equal(regs.x[4], numbers[i] + 1000);
	}
	/* its own interrupt reaches the vCPU of this connection */
	assert_int_equal(vmsg_emu_raise(servers[1]), VMSG_OK);
	finish_one(servers[1], &regs);
	assert_int_equal(regs.x[0], VMSG_FFA_ID32(INTERRUPT));
	for (size_t i = 0; i < 2; i++) {
		vmsg_emu_close(servers[i]);
		vmsg_emu_close(callers[i]);
	}
}

/* Waits until the manager has hung up, and why. */
static void assert_lost(struct vmsg_emu *emu, const char *why)
{
	struct pollfd readable = { .fd = vmsg_emu_fd(emu), .events = POLLIN };

	while (!vmsg_emu_is_lost(emu)) {
		assert_int_equal(poll(&readable, 1, DAEMON_PATIENCE_MS), 1);
		(void)vmsg_emu_interrupts(emu);
	}
	if (!strstr(vmsg_emu_lost_reason(emu), why)) {
		fail_msg("'%s' where '%s' was expected", vmsg_emu_lost_reason(emu), why);
	}
}

static void the_end_of_one_connection_is_the_end_of_the_partition(void **state)
{
	struct vmsg_emu *second = join_vcpu(SP, 7);
	struct vmsg_emu *third = join_vcpu(SP, 8);

	(void)state;
	vmsg_emu_close(second);
	assert_lost(sp, "the connection of its vCPU 7 has ended");
	assert_lost(third, "the first connection of partition 0x8001 has ended");
	vmsg_emu_close(third);
	vmsg_emu_close(sp);
	sp = join(SP, 0);
	second = join_vcpu(SP, 7);
	vmsg_emu_close(sp);
	assert_lost(second, "the first connection of partition 0x8001 has ended");
	vmsg_emu_close(second);
	sp = join(SP, 0);
}

static void assert_join_refused(const struct vmsg_wire_hello *hello, const char *why)
{
	struct daemon daemon = { .pid = 0 };
	uint8_t frame[VMSG_WIRE_FRAME_MAX];

	snprintf(daemon.socket_path, sizeof(daemon.socket_path), "%s", path);
	const int fd = daemon_dial(&daemon);
	raw_send(fd, frame, vmsg_wire_encode_hello(frame, hello), NULL, 0);
	assert_refused(fd, why);
}

static void connections_that_may_not_join(void **state)
{
	const struct vmsg_ffa_regs wait = { .x = { VMSG_FFA_ID32(MSG_WAIT) } };
	struct vmsg_wire_hello hello = raw_hello(2, 0, 0);
	struct vmsg_emu *second = join_vcpu(SP, 7);

	(void)state;
	hello.join = true;
	assert_join_refused(&hello, "partition 0x0002 is not there to be joined");
	hello.id = 0;
	assert_join_refused(&hello, "partition 0x0000 is not there to be joined");
	hello.id = SP;
	hello.vcpu = VCPUS;
	assert_join_refused(&hello, "partition 0x8001 has 64 vCPUs, not one number 64");
	hello.vcpu = 7;
	assert_join_refused(&hello, "vCPU 7 of partition 0x8001 is driven by another");
	assert_int_equal(vmsg_emu_start(sp, &wait), VMSG_OK);
	struct vmsg_ffa_regs regs = { .x = { VMSG_FFA_ID32(ID_GET) } };
	const struct vmsg_conduit conduit = vmsg_emu_conduit(second);
	conduit.call(conduit.context, &regs); /* the wait has been seen before this */
	hello.vcpu = 0;
	assert_join_refused(&hello, "vCPU 0 of partition 0x8001 is driven by another");
	hello.vcpu = 9;
	hello.control = true;
	assert_join_refused(&hello, "belong to a partition's first connection");
	hello.control = false;
	hello.join = false;
	assert_join_refused(&hello, "HELLO frame whose size");
	vmsg_emu_close(second);
	assert_lost(sp, "vCPU 7 has ended");
}

/* Each connection speaks for its own vCPUs only. */
static void calls_of_a_vcpu_that_another_connection_drives(void **state)
{
	struct vmsg_emu *second = join_vcpu(VM, 7);
	struct vmsg_emu_call call = { .vcpu = 8, .regs = { .x = { VMSG_FFA_ID32(ID_GET) } } };

	(void)state;
	assert_int_equal(vmsg_emu_start_many(second, &call, 1), VMSG_OK);
	assert_lost(second, "CALL of vCPU 8, which another connection drives");
	vmsg_emu_close(second);
	assert_lost(vm, "vCPU 7 has ended");
	vmsg_emu_close(vm);
	vm = join(VM, 0);
	second = join_vcpu(VM, 7);
	call.vcpu = 7;
	assert_int_equal(vmsg_emu_start_many(vm, &call, 1), VMSG_OK);
	assert_lost(vm, "CALL of vCPU 7, which another connection drives");
	vmsg_emu_close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(all_vcpus_call_at_once_and_each_gets_its_own_answer),
		TEST(one_vcpu_goes_on_while_others_wait),
		TEST(calls_that_cannot_be_started_start_none),
		TEST(a_partition_of_many_vcpus_that_never_reads),
		TEST(vcpus_with_a_connection_each),
		TEST(the_end_of_one_connection_is_the_end_of_the_partition),
		TEST(connections_that_may_not_join),
		TEST(calls_of_a_vcpu_that_another_connection_drives),
	};

	return cmocka_run_group_tests_name("vcpus", tests, NULL, NULL);
}
