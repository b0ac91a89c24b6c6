/* SPDX-License-Identifier: BSD-3-Clause */
/* vmsg-ffa-emu partitions and stats, and the way of a request to a partition and back. */
#include "support/cmocka.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/control.h"
#include "support/partition.h"
#include "support/process.h"
#include "virtio_msg_ffa/error.h"

static struct daemon daemon_process;

static int start_daemon(void **state)
{
	(void)state;
	/* who is blocked stays so while somebody looks */
	daemon_start(&daemon_process, "--time-slice", "60000");
	return 0;
}

static int stop_daemon(void **state)
{
	(void)state;
	daemon_stop(&daemon_process);
	return 0;
}

static void run(struct process *process, const char *command, const char *option, int status)
{
	const char *const arguments[] = { command, "-s", daemon_process.socket_path, option, NULL };

	assert_int_equal(process_run(process, NULL, arguments), status);
}

static void assert_output(const struct process *process, const char *text)
{
	if (!strstr(process->output.text, text)) {
		fail_msg("'%s' where '%s' was expected", process->output.text, text);
	}
}

static void partitions_are_listed_as_they_are_now(void **state)
{
	struct partition vm, sp;
	struct process process = { 0 };

	(void)state;
	run(&process, "partitions", NULL, 0);
	assert_output(&process, "0x0002  vm2               absent   -     1  ");
	partition_join(&vm, &daemon_process, 2);
	partition_join(&sp, &daemon_process, 0x8001);
	partition_start(&sp, "8400006b");
	(void)partition_share(&vm, 0x8001, true, &(struct partition_range){ 4, 1 }, 1);
	run(&process, "partitions", NULL, 0);
	assert_output(&process,
		      "0x0002  vm2               running  1.2   1r                1     0  empty");
	assert_output(&process,
		      "0x8001  sp1               waiting  1.2   1w                0     0  empty");
	/* while it asks, it is blocked and the other one runs */
	partition_request(&vm, &sp, "c400008d 28001");
	run(&process, "partitions", "--json", 0);
	assert_output(&process, "{\"partitions\":[{\"id\":1,\"name\":\"vm1\",\"connected\":false,");
	assert_output(&process, "\"class\":\"vm\",\"state\":\"blocked\",\"properties\":1935,"
				"\"vcpus\":{\"count\":1,\"running\":0,\"waiting\":0,\"blocked\":1,"
				"\"yielded\":0},\"rx\":\"empty\",\"notified\":false,"
				"\"scheduler\":false,\"control\":false,\"pid\":");
	struct json_value root;
	assert_true(json_read(process.output.text, process.output.length, &root));
	partition_leave(&sp);
	partition_leave(&vm);
	process_kill(&process);
}

static void watching_goes_on_until_it_is_stopped(void **state)
{
	const char *const arguments[] = { "partitions",   "-s",     daemon_process.socket_path,
					  "--watch=0.01", "--json", NULL };
	struct process process = { 0 };
	struct partition vm;

	(void)state;
	process_start(&process, NULL, arguments);
	process_await(&process, &process.output, "\"connected\":false");
	partition_join(&vm, &daemon_process, 1);
	process_await(&process, &process.output, "\"connected\":true");
	partition_leave(&vm);
	assert_int_equal(process_stop(&process), 0);
	process_kill(&process);
}

static void mistakes_and_missing_managers(void **state)
{
	struct process process = { 0 };

	(void)state;
	run(&process, "partitions", "--explode", 2);
	run(&process, "stats", "--watch=never", 2);
	assert_int_equal(process_run(&process, NULL,
				     (const char *const[]){ "stats", "-s", "/nowhere", NULL }),
			 1);
	assert_non_null(strstr(process.errors.text, "no manager listens on /nowhere"));
	process_kill(&process);
}

/* ---- requests to partitions ---- */

struct collected {
	char text[256];
};

static bool collect(void *context, struct json_value object)
{
	struct collected *collected = context;
	const size_t length = strlen(collected->text);

	snprintf(collected->text + length, sizeof(collected->text) - length, "%.*s;",
		 (int)object.size, object.text);
	return true;
}

static struct vmsg_emu *join_with_control(uint16_t id)
{
	struct vmsg_emu_options options = { .socket_path = daemon_process.socket_path,
					    .id = id,
					    .control = true };
	struct vmsg_emu *emu;
	char why[256];

	if (vmsg_emu_connect(&emu, &options, why, sizeof(why)) < 0) {
		fail_msg("%s", why);
	}
	return emu;
}

static void await_readable(const struct vmsg_emu *emu)
{
	struct pollfd readable = { .fd = vmsg_emu_fd(emu), .events = POLLIN };

	assert_int_equal(poll(&readable, 1, DAEMON_PATIENCE_MS), 1);
}

/* Waits as a device does, answers `count` requests with two objects each, and leaves. */
static void serve_requests(struct vmsg_emu *emu, size_t count)
{
	static struct vmsg_emu_request request;
	struct vmsg_ffa_regs regs = { { VMSG_FFA_ID32(VERSION), VMSG_FFA_VERSION_1_2 } };
	const struct vmsg_conduit conduit = vmsg_emu_conduit(emu);
	char text[128];

	conduit.call(conduit.context, &regs);
	for (size_t done = 0; done < count;) {
		regs = (struct vmsg_ffa_regs){ { VMSG_FFA_ID32(MSG_WAIT) } };
		conduit.call(conduit.context, &regs);
		if (regs.x[0] != VMSG_FFA_ID32(INTERRUPT)) {
			fail_msg("%llx instead of an interrupt", (unsigned long long)regs.x[0]);
		}
		while (vmsg_emu_next_request(emu, &request) == 1) {
			const int size =
				snprintf(text, sizeof(text), "{\"asked\":%s}", request.text);
			assert_int_equal(
				vmsg_emu_answer(emu, request.number, "{\"part\":1}", 10, true), 0);
			assert_int_equal(
				vmsg_emu_answer(emu, request.number, text, (size_t)size, false), 0);
			/* it is over */
			assert_int_equal(vmsg_emu_answer(emu, request.number, text, 1, false),
					 VMSG_ERROR_STATE);
			done++;
		}
	}
}

static pid_t fork_partition(uint16_t id, size_t count)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct vmsg_emu *emu = join_with_control(id);
		if (write(ready[1], "", 1) != 1) {
			_exit(1);
		}
		serve_requests(emu, count);
		vmsg_emu_close(emu);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void a_request_ends_a_wait_and_is_answered(void **state)
{
	const pid_t pid = fork_partition(0x8002, 2);
	struct collected collected = { "" };
	char why[256];
	int status;
	struct control *control = control_open(daemon_process.socket_path, why, sizeof(why));

	(void)state;
	assert_non_null(control);
	for (int i = 0; i < 2; i++) {
		collected.text[0] = '\0';
		if (control_ask(control, 0x8002, "{\"request\":\"x\"}", DAEMON_PATIENCE_MS, collect,
				&collected, why, sizeof(why)) != 0) {
			fail_msg("%s", why);
		}
		assert_string_equal(collected.text,
				    "{\"part\":1};{\"asked\":{\"request\":\"x\"}};");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	control_close(control);
}

static void stats_ask_the_partitions_too(void **state)
{
	const pid_t pid = fork_partition(0x8002, 1);
	struct process process = { 0 };
	struct json_value root;
	int status;

	(void)state;
	run(&process, "stats", "--json", 0);
	assert_true(json_read(process.output.text, process.output.length, &root));
	assert_output(&process, "{\"manager\":[{\"uptime_ms\":");
	assert_output(&process, "\"calls\":{\"FFA_VERSION\":1,\"FFA_MSG_WAIT\":");
	assert_output(&process, "\"partitions\":[{\"id\":32770,\"stats\":[{\"part\":1},"
				"{\"asked\":{\"request\":\"stats\"}}]}]}");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	process_kill(&process);
}

/* Nobody waits for ever for a partition that does not look. */
static void a_partition_that_does_not_answer(void **state)
{
	struct vmsg_emu *emu = join_with_control(0x8002);
	char why[256];
	struct control *control = control_open(daemon_process.socket_path, why, sizeof(why));

	(void)state;
	assert_non_null(control);
	assert_int_equal(control_ask(control, 0x8002, "{}", 1, NULL, NULL, why, sizeof(why)), -1);
	assert_string_equal(why, "no answer in time");
	/* what comes too late disturbs nothing */
	static struct vmsg_emu_request request;
	await_readable(emu);
	assert_int_equal(vmsg_emu_next_request(emu, &request), 1);
	assert_int_equal(vmsg_emu_next_request(emu, &request), 0);
	assert_int_equal(vmsg_emu_answer(emu, request.number, "{}", 2, false), 0);
	struct collected collected = { "" };
	assert_int_equal(control_ask(control, 0, "{\"request\":\"list\"}", DAEMON_PATIENCE_MS, NULL,
				     NULL, why, sizeof(why)),
			 0);
	assert_int_equal(control_ask(control, 1, "{}", DAEMON_PATIENCE_MS, collect, &collected, why,
				     sizeof(why)),
			 -1);
	assert_string_equal(why, "NOT_CONNECTED: the partition is not there");
	control_close(control);
	vmsg_emu_close(emu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_daemon, stop_daemon)
		TEST(partitions_are_listed_as_they_are_now),
		TEST(watching_goes_on_until_it_is_stopped),
		TEST(mistakes_and_missing_managers),
		TEST(a_request_ends_a_wait_and_is_answered),
		TEST(stats_ask_the_partitions_too),
		TEST(a_partition_that_does_not_answer),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
