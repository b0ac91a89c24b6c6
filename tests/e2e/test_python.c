/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/partition.py against the real daemon: the documented protocol is enough. */
#include "support/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/partition.h"

#define SCRIPT VMSG_SOURCE_DIR "/examples/partition.py"

static struct daemon daemon_process;

static int open_daemon(void **state)
{
	(void)state;
	daemon_start(&daemon_process, NULL, NULL);
	return 0;
}

static int close_daemon(void **state)
{
	(void)state;
	daemon_stop(&daemon_process);
	return 0;
}

static void need_python(void)
{
	if (system("command -v python3 >/dev/null") != 0) {
		skip();
	}
}

/* Runs the script and returns what it prints; `status` is that of waitpid(). */
static void run(const char *arguments, char *output, size_t size, int *status)
{
	char command[512];

	snprintf(command, sizeof(command), "exec python3 %s %s %s 2>&1", SCRIPT,
		 daemon_process.socket_path, arguments);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	const size_t length = fread(output, 1, size - 1, pipe);
	output[length] = '\0';
	*status = pclose(pipe);
}

static void a_python_partition_lists_the_others(void **state)
{
	char output[2048];
	int status;

	(void)state;
	need_python();
	run("list", output, sizeof(output), &status);
	assert_int_equal(status, 0);
	assert_string_equal(strtok(output, "\n"), "partition 0x0001");
	assert_int_equal(strncmp(strtok(NULL, "\n"), "0x0001: 1 vCPUs", 15), 0);
}

static void a_python_partition_is_answered_by_one_in_c(void **state)
{
	char output[2048];
	struct partition sp1;
	struct vmsg_ffa_regs regs;
	uint8_t payload[VMSG_FFA_DIRECT2_PAYLOAD_SIZE];

	(void)state;
	need_python();
	partition_join(&sp1, &daemon_process, 0x8001);
	partition_start(&sp1, "8400006b");
	char command[512];
	snprintf(command, sizeof(command), "exec python3 %s %s send 0x8001 ping 2>&1", SCRIPT,
		 daemon_process.socket_path);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	regs_from_text(partition_finish(&sp1), &regs);
	assert_int_equal(regs.x[0], VMSG_FFA_ID64(MSG_SEND_DIRECT_REQ2));
	vmsg_ffa_unpack_direct2_payload(&regs, payload);
	assert_string_equal((char *)payload, "ping");
	partition_start(&sp1, "c400008e 8001%04x 0 0 676e6f70", vmsg_ffa_source(&regs));
	assert_non_null(fgets(output, sizeof(output), pipe));
	assert_string_equal(output, "partition 0x0001\n");
	assert_non_null(fgets(output, sizeof(output), pipe));
	assert_string_equal(output, "pong\n");
	assert_int_equal(pclose(pipe), 0);
	partition_leave(&sp1);
}

static void python_partitions_talk_to_each_other(void **state)
{
	char line[256] = "";
	char output[2048];
	int status;
	int pipe_ends[2];

	(void)state;
	need_python();
	assert_int_equal(pipe(pipe_ends), 0);
	const pid_t echo = fork();
	assert_true(echo >= 0);
	if (echo == 0) {
		dup2(pipe_ends[1], STDOUT_FILENO);
		close(pipe_ends[0]);
		close(pipe_ends[1]);
		execlp("python3", "python3", SCRIPT, daemon_process.socket_path, "echo",
		       (char *)NULL);
		_exit(127);
	}
	close(pipe_ends[1]);
	/* an unbuffered interpreter writes the newline on its own */
	for (size_t at = 0; !strchr(line, '\n') && at < sizeof(line) - 1; at++) {
		assert_int_equal(read(pipe_ends[0], line + at, 1), 1);
	}
	assert_string_equal(line, "partition 0x8001\n");
	run("send 0x8001 'hello over FF-A'", output, sizeof(output), &status);
	assert_int_equal(status, 0);
	assert_string_equal(output, "partition 0x0001\nhello over FF-A\n");
	kill(echo, SIGKILL);
	assert_int_equal(waitpid(echo, &status, 0), echo);
	close(pipe_ends[0]);
	run("send 0x8001 anybody?", output, sizeof(output), &status);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(output, "FF-A error -2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_daemon, close_daemon)
		TEST(a_python_partition_lists_the_others),
		TEST(a_python_partition_is_answered_by_one_in_c),
		TEST(python_partitions_talk_to_each_other),
	};

	return cmocka_run_group_tests_name("python", tests, NULL, NULL);
}
