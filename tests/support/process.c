/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/cmocka.h"

#define ARGUMENTS_MAX 32
#define CHUNK         4096

uint64_t process_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void check(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "test set-up: %s: %s\n", what, strerror(errno));
		abort();
	}
}

static void become(const char *path, const char *const *arguments, int output, int errors)
{
	const char *argv[ARGUMENTS_MAX + 2] = { path };

	for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i]; i++) {
		argv[i + 1] = arguments[i];
	}
	/* It must not outlive a test that crashes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void stream_open(struct process_stream *stream, int fd)
{
	free(stream->text);
	*stream = (struct process_stream){
		.fd = fd,
		.capacity = (size_t)2 * CHUNK,
		.text = calloc(2, CHUNK),
	};
	check(stream->text != NULL, "calloc");
}

void process_start(struct process *process, const char *path, const char *const *arguments)
{
	int output[2];
	int errors[2];

	check(pipe2(output, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0, "pipe");
	stream_open(&process->output, output[0]);
	stream_open(&process->errors, errors[0]);
	process->pid = fork();
	check(process->pid >= 0, "fork");
	if (process->pid == 0) {
		become(path ? path : VMSG_BINARY_DIR "/vmsg-ffa-emu", arguments, output[1],
		       errors[1]);
	}
	close(output[1]);
	close(errors[1]);
}

static void show(const struct process *process)
{
	fprintf(stderr, "standard output (%zu bytes):\n%.4096s\nstandard error:\n%s\n",
		process->output.length, process->output.text, process->errors.text);
}

/* Reads what there is; false at the end of the stream. */
static bool take(struct process_stream *stream)
{
	if (stream->capacity - stream->length <= CHUNK) {
		stream->capacity *= 2;
		stream->text = realloc(stream->text, stream->capacity);
		check(stream->text != NULL, "realloc");
	}
	const ssize_t size = read(stream->fd, stream->text + stream->length, CHUNK);
	if (size <= 0) {
		return false;
	}
	stream->length += (size_t)size;
	stream->text[stream->length] = '\0';
	return true;
}

/* Waits for something to read on either stream and takes it; false when both have ended. */
static bool take_any(struct process *process, uint64_t end_ms)
{
	struct pollfd streams[2] = { { .fd = process->output.fd, .events = POLLIN },
				     { .fd = process->errors.fd, .events = POLLIN } };
	struct process_stream *const targets[2] = { &process->output, &process->errors };
	const uint64_t now_ms = process_now_ms();

	if (process->output.fd < 0 && process->errors.fd < 0) {
		return false;
	}
	if (now_ms >= end_ms || poll(streams, 2, (int)(end_ms - now_ms)) <= 0) {
		show(process);
		kill(process->pid, SIGKILL);
		fail_msg("the program took too long");
	}
	for (int i = 0; i < 2; i++) {
		if (streams[i].revents && !take(targets[i])) {
			close(targets[i]->fd);
			targets[i]->fd = -1;
		}
	}
	return true;
}

void process_await(struct process *process, const struct process_stream *stream, const char *text)
{
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;
	const char *at = NULL;

	while (!(at = strstr(stream->text, text)) || !strchr(at, '\n')) {
		if (!take_any(process, end_ms)) {
			show(process);
			fail_msg("the program ended without saying '%s'", text);
		}
	}
}

void process_await_bytes(struct process *process, const struct process_stream *stream, size_t size)
{
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;

	while (stream->length < size) {
		if (!take_any(process, end_ms)) {
			show(process);
			fail_msg("the program ended after %zu bytes", stream->length);
		}
	}
}

int process_finish_within(struct process *process, uint64_t ms)
{
	const uint64_t end_ms = process_now_ms() + ms;
	int status = 0;

	while (take_any(process, end_ms)) {
	}
	check(waitpid(process->pid, &status, 0) == process->pid, "waitpid");
	process->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int process_finish(struct process *process)
{
	return process_finish_within(process, PROCESS_PATIENCE_MS);
}

int process_stop(struct process *process)
{
	kill(process->pid, SIGTERM);
	return process_finish(process);
}

void process_kill(struct process *process)
{
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		kill(process->pid, SIGCONT);
		(void)process_finish(process);
	}
	free(process->output.text);
	free(process->errors.text);
	memset(process, 0, sizeof(*process));
}

int process_run(struct process *process, const char *path, const char *const *arguments)
{
	process_start(process, path, arguments);
	return process_finish(process);
}

struct process_holdings process_holdings(pid_t pid)
{
	struct process_holdings holdings = { 0 };
	char line[1024];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	check(directory != NULL, path);
	while (readdir(directory)) {
		holdings.descriptors++;
	}
	closedir(directory);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "re");
	check(maps != NULL, path);
	while (fgets(line, sizeof(line), maps)) {
		holdings.mappings += strstr(line, "/memfd:") != NULL;
	}
	fclose(maps);
	return holdings;
}

void assert_process_returns_to(pid_t pid, struct process_holdings expected)
{
	const uint64_t end_ms = process_now_ms() + PROCESS_PATIENCE_MS;
	struct process_holdings holdings;

	do {
		holdings = process_holdings(pid);
	} while (memcmp(&holdings, &expected, sizeof(expected)) != 0 && process_now_ms() < end_ms);
	assert_int_equal(holdings.descriptors, expected.descriptors);
	assert_int_equal(holdings.mappings, expected.mappings);
}
