/* SPDX-License-Identifier: BSD-3-Clause */
/* Children of loopback. The end of a child is the end of its standard output, which nobody else
 * holds: so a wait can have a deadline without a signal handler. */
#include "commands/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/report.h"

#define ARGUMENTS_MAX 64
#define LINE_MAX_SIZE 1024
#define NS_PER_MS     UINT64_C(1000000)

static _Noreturn void become(const char *const *argv, int output, pid_t parent)
{
	const char *arguments[ARGUMENTS_MAX + 2] = { "vmsg-ffa-emu" };

	for (size_t i = 0; i < ARGUMENTS_MAX && argv[i]; i++) {
		arguments[i + 1] = argv[i];
	}
	/* It may have died before this. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    dup2(output, STDOUT_FILENO) >= 0) {
		/* execv() does not change them, whatever its prototype says. */
		execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
	}
	_exit(127);
}

int process_start(struct process *process, const char *const *argv)
{
	const pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		report_problem("no pipe: %s", strerror(errno));
		return -1;
	}
	fflush(stdout);
	const pid_t pid = fork();
	if (pid == 0) {
		become(argv, ends[1], parent);
	}
	close(ends[1]);
	if (pid < 0) {
		report_problem("no process for %s: %s", argv[0], strerror(errno));
		close(ends[0]);
		return -1;
	}
	*process = (struct process){ .name = argv[0], .pid = pid, .output = ends[0] };
	return 0;
}

/* One byte of output: 1, 0 at the end, -1 when the time is over. */
static int next_byte(const struct process *process, uint64_t end_ns, char *byte)
{
	for (;;) {
		struct pollfd readable = { .fd = process->output, .events = POLLIN };
		const uint64_t now_ns = report_now();
		if (now_ns >= end_ns) {
			return -1;
		}
		if (poll(&readable, 1, (int)((end_ns - now_ns) / NS_PER_MS + 1)) > 0) {
			return read(process->output, byte, 1) == 1 ? 1 : 0;
		}
	}
}

int process_await(struct process *process, const char *text, uint64_t timeout_ns)
{
	const uint64_t end_ns = report_now() + timeout_ns;
	char line[LINE_MAX_SIZE] = "";
	size_t length = 0;
	int result;

	while ((result = next_byte(process, end_ns, &line[length])) == 1 && line[length] != '\n' &&
	       length + 1 < sizeof(line) - 1) {
		length++;
	}
	line[length] = '\0';
	if (result == 1 && strncmp(line, text, strlen(text)) == 0) {
		return 0;
	}
	report_problem("%s does not start: %s", process->name,
		       result < 0 ? "it says nothing" : "it went away"); /* and said why */
	return -1;
}

int process_stop(struct process *process, uint64_t timeout_ns)
{
	const uint64_t end_ns = report_now() + timeout_ns;
	int status = 0;
	int more;
	char byte;

	if (!process->name) {
		return 0;
	}
	kill(process->pid, SIGTERM);
	while ((more = next_byte(process, end_ns, &byte)) == 1) {
	}
	if (more < 0) {
		report_problem("%s does not stop; killed", process->name);
		kill(process->pid, SIGKILL);
	}
	while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) {
	}
	close(process->output);
	const char *name = process->name;
	process->name = NULL;
	if (WIFSIGNALED(status)) {
		report_problem("%s died of signal %d", name, WTERMSIG(status));
		return -1;
	}
	process->status = WEXITSTATUS(status);
	if (WEXITSTATUS(status) != 0) {
		report_problem("%s left with status %d", name, WEXITSTATUS(status));
		return -1;
	}
	return 0;
}
