/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/cmocka.h"

static void check(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "test set-up: %s: %s\n", what, strerror(errno));
		abort();
	}
}

#define ARGUMENTS_MAX 32

static void run_child(const struct daemon *daemon, int output, const char *const *arguments)
{
	const char *all[ARGUMENTS_MAX + 5] = { "vmsg-ffa-emu", "serve", "-s", daemon->socket_path };
	size_t count = 4;

	const int log = open(daemon->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	/* It must not outlive a test that crashes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(output, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	for (; *arguments && count < ARGUMENTS_MAX + 4; arguments++) {
		all[count++] = *arguments;
	}
	execv(VMSG_BINARY_DIR "/vmsg-ffa-emu", (char *const *)all);
	_exit(127);
}

/* Reads its first line. */
static void wait_until_it_listens(const struct daemon *daemon)
{
	char line[256];
	size_t size = 0;

	while (size == 0 || line[size - 1] != '\n') {
		struct pollfd readable = { .fd = daemon->output, .events = POLLIN };
		check(size + 1 < sizeof(line) && poll(&readable, 1, DAEMON_PATIENCE_MS) == 1 &&
			      read(daemon->output, line + size, 1) == 1,
		      "the daemon does not start");
		size++;
	}
	line[size] = '\0';
	check(strncmp(line, "listening on ", 13) == 0, "the daemon does not listen");
}

static void start(struct daemon *daemon, const char *const *arguments)
{
	int output[2];

	check(pipe2(output, O_CLOEXEC) == 0, "pipe");
	daemon->pid = fork();
	check(daemon->pid >= 0, "fork");
	if (daemon->pid == 0) {
		run_child(daemon, output[1], arguments);
	}
	close(output[1]);
	daemon->output = output[0];
	wait_until_it_listens(daemon);
}

void daemon_start_with(struct daemon *daemon, const char *const *arguments)
{
	memset(daemon, 0, sizeof(*daemon));
	snprintf(daemon->directory, sizeof(daemon->directory), "/tmp/vmsg-test-XXXXXX");
	check(mkdtemp(daemon->directory) != NULL, "mkdtemp");
	snprintf(daemon->socket_path, sizeof(daemon->socket_path), "%s/sock", daemon->directory);
	snprintf(daemon->log_path, sizeof(daemon->log_path), "%s/log", daemon->directory);
	start(daemon, arguments);
}

void daemon_start(struct daemon *daemon, const char *option, const char *value)
{
	const char *const arguments[] = { option, value, NULL };

	daemon_start_with(daemon, arguments);
}

void daemon_restart(struct daemon *daemon)
{
	const char *const none[] = { NULL };

	start(daemon, none);
}

static int wait_for_end(struct daemon *daemon)
{
	int status;

	check(waitpid(daemon->pid, &status, 0) == daemon->pid, "waitpid");
	close(daemon->output);
	return status;
}

static void remove_directory(const struct daemon *daemon)
{
	unlink(daemon->socket_path);
	unlink(daemon->log_path);
	rmdir(daemon->directory);
}

void daemon_stop(struct daemon *daemon)
{
	kill(daemon->pid, SIGTERM);
	const int status = wait_for_end(daemon);
	if (status != 0) {
		char command[128];
		snprintf(command, sizeof(command), "cat %s >&2", daemon->log_path);
		(void)!system(command);
	}
	assert_int_equal(status, 0);
	assert_int_equal(access(daemon->socket_path, F_OK), -1);
	remove_directory(daemon);
}

void daemon_crash(struct daemon *daemon)
{
	kill(daemon->pid, SIGKILL);
	(void)wait_for_end(daemon);
}

void daemon_kill(struct daemon *daemon)
{
	daemon_crash(daemon);
	remove_directory(daemon);
}

static size_t count_lines(const char *path, const char *text)
{
	char line[1024];
	size_t count = 0;
	FILE *file = fopen(path, "re");

	check(file != NULL, path);
	while (fgets(line, sizeof(line), file)) {
		count += strstr(line, text) != NULL;
	}
	fclose(file);
	return count;
}

struct daemon_holdings daemon_holdings(const struct daemon *daemon)
{
	struct daemon_holdings holdings = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
	DIR *directory = opendir(path);
	check(directory != NULL, path);
	while (readdir(directory)) {
		holdings.descriptors++;
	}
	closedir(directory);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)daemon->pid);
	holdings.mappings = count_lines(path, "/memfd:");
	return holdings;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

bool daemon_logged(const struct daemon *daemon, const char *text)
{
	const uint64_t end = now_ms() + DAEMON_PATIENCE_MS;

	while (count_lines(daemon->log_path, text) == 0) {
		if (now_ms() >= end) {
			return false;
		}
	}
	return true;
}

void assert_daemon_returns_to(const struct daemon *daemon, struct daemon_holdings expected)
{
	const uint64_t end = now_ms() + DAEMON_PATIENCE_MS;
	struct daemon_holdings holdings;

	do {
		holdings = daemon_holdings(daemon);
	} while (memcmp(&holdings, &expected, sizeof(expected)) != 0 && now_ms() < end);
	assert_int_equal(holdings.descriptors, expected.descriptors);
	assert_int_equal(holdings.mappings, expected.mappings);
}

int daemon_dial(const struct daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, daemon->socket_path, sizeof(daemon->socket_path));
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "dial");
	return fd;
}

void raw_send(int fd, void *frame, size_t size, const int *descriptors, size_t count)
{
	union {
		struct cmsghdr alignment;
		char bytes[CMSG_SPACE(sizeof(int) * VMSG_WIRE_DESCRIPTORS_MAX)];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = frame, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
	}
	const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	check(sent == (ssize_t)size || errno == EPIPE || errno == ECONNRESET, "sendmsg");
}

size_t raw_receive(int fd, uint8_t frame[VMSG_WIRE_FRAME_MAX])
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	check(poll(&readable, 1, DAEMON_PATIENCE_MS) == 1, "the daemon does not answer");
	/* recv() without room for descriptors: the kernel closes them. */
	const ssize_t size = recv(fd, frame, VMSG_WIRE_FRAME_MAX, 0);
	check(size >= 0 || errno == ECONNRESET, "recv");
	return size < 0 ? 0 : (size_t)size;
}

void assert_refused(int fd, const char *text)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	struct vmsg_wire_refuse refuse = { .text = "" };
	size_t size;

	while ((size = raw_receive(fd, frame)) > 0) {
		if (frame[0] == VMSG_WIRE_REFUSE) {
			vmsg_wire_decode_refuse(frame, size, &refuse);
		}
	}
	if (text && !strstr(refuse.text, text)) {
		fail_msg("refused with \"%s\", expected \"%s\"", refuse.text, text);
	}
	if (!text) {
		assert_string_equal(refuse.text, "");
	}
	close(fd);
}

struct vmsg_wire_hello raw_hello(uint16_t id, size_t bank_count, uint64_t bank_size)
{
	struct vmsg_wire_hello hello = {
		.magic = VMSG_WIRE_MAGIC,
		.version = VMSG_WIRE_VERSION,
		.role = VMSG_WIRE_PARTITION,
		.id = id,
		.bank_count = (uint16_t)bank_count,
	};

	for (size_t i = 0; i < bank_count && i < VMSG_WIRE_BANKS_MAX; i++) {
		hello.banks[i].size = bank_size;
	}
	return hello;
}

int raw_memfd(uint64_t size, int seals)
{
	const int fd = memfd_create("test-bank", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	check(fd >= 0 && ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0,
	      "memfd");
	return fd;
}

int raw_join(const struct daemon *daemon, uint16_t id)
{
	uint8_t frame[VMSG_WIRE_FRAME_MAX];
	const struct vmsg_wire_hello hello = raw_hello(id, 1, VMSG_WIRE_PAGE_SIZE);
	const int bank = raw_memfd(VMSG_WIRE_PAGE_SIZE, F_SEAL_SHRINK);
	const int fd = daemon_dial(daemon);

	raw_send(fd, frame, vmsg_wire_encode_hello(frame, &hello), &bank, 1);
	close(bank);
	check(raw_receive(fd, frame) > 0 && frame[0] == VMSG_WIRE_WELCOME, "not welcome");
	return fd;
}
