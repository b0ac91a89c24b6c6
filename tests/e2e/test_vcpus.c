/* SPDX-License-Identifier: BSD-3-Clause */
/* Many vCPUs over one connection, and the server as a library: it runs in a thread of the test. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_system, close_system)
		TEST(all_vcpus_call_at_once_and_each_gets_its_own_answer),
		TEST(one_vcpu_goes_on_while_others_wait),
		TEST(calls_that_cannot_be_started_start_none),
		TEST(a_partition_of_many_vcpus_that_never_reads),
	};

	return cmocka_run_group_tests_name("vcpus", tests, NULL, NULL);
}
