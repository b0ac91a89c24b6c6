/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system of the suite: acs-launcher ENDPOINT-PROGRAM EXCLUSIONS [TEST...]. Runs a partition
 * manager with the suite's topology, starts a process for each endpoint, VM1 when the others wait,
 * and exits as VM1 does; or with 1 when another one ends first, or after too long a time.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/server.h"
#include "topology.h"

#define ENDPOINTS     7
#define ARGUMENTS_MAX 256
#define SECONDS_MAX   300

static const struct {
	const char *name;
	struct spmc_partition_config config;
	uint32_t words[4];
} endpoints[ENDPOINTS] = {
#define ENDPOINT(text, logical, number, vcpus, bits, a, b, c, d)                                   \
	[(logical)-1] = { .name = (text),                                                          \
			  .config = { .name = text,                                                \
				      .id = (number),                                              \
				      .vcpu_count = (vcpus),                                       \
				      .properties = (bits) },                                      \
			  .words = { (a), (b), (c), (d) } },
	ACS_ENDPOINTS(ENDPOINT)
};

static pid_t children[ENDPOINTS + 1]; /* the last one is the manager */
static char directory[] = "/tmp/vmsg-acs-XXXXXX";
static char socket_path[64];

static void clean_up(void)
{
	for (size_t i = 0; i <= ENDPOINTS; i++) {
		if (children[i] > 0) {
			kill(children[i], SIGKILL);
		}
	}
	unlink(socket_path);
	rmdir(directory);
}

static void on_alarm(int number)
{
	static const char text[] = "acs: it takes too long\n";

	(void)number;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	clean_up();
	_exit(1);
}

static void log_line(void *context, enum vmsg_server_level level, const char *text)
{
	(void)context;
	if (level != VMSG_SERVER_INFO) {
		fprintf(stderr, "manager: %s\n", text);
	}
}

/* Tells by a byte that it listens. */
static int serve(int ready)
{
	struct spmc_partition_config configs[ENDPOINTS];
	struct vmsg_server *server;
	char why[256];

	for (size_t i = 0; i < ENDPOINTS; i++) {
		const uint32_t *words = endpoints[i].words;
		const uint64_t pair[2] = { words[0] | (uint64_t)words[1] << 32,
					   words[2] | (uint64_t)words[3] << 32 };
		configs[i] = endpoints[i].config;
		configs[i].uuid_count = pair[0] || pair[1];
		vmsg_ffa_uuid_from_pair(&configs[i].uuids[0], pair);
	}
	const struct vmsg_server_options options = {
		.socket_path = socket_path,
		.policy = spmc_policy_find("acs"),
		.scheduler = ACS_SCHEDULER,
		.time_slice_ns = UINT64_MAX, /* the suite does not expect to be preempted */
		.partitions = configs,
		.partition_count = ENDPOINTS,
		.log = log_line,
	};
	if (vmsg_server_create(&server, &options, why, sizeof(why)) != 0) {
		fprintf(stderr, "manager: %s\n", why);
		return 1;
	}
	(void)!write(ready, "", 1);
	close(ready);
	vmsg_server_run(server);
	return 0;
}

static pid_t start(const char *program, const char *name, int ready, char **rest)
{
	char *arguments[ARGUMENTS_MAX] = { (char *)program, (char *)name, socket_path };
	char descriptor[16];
	size_t count = 4;

	snprintf(descriptor, sizeof(descriptor), "%d", ready);
	arguments[3] = descriptor;
	while (*rest && count < ARGUMENTS_MAX - 1) {
		arguments[count++] = *rest++;
	}
	const pid_t child = fork();
	if (child == 0) {
		execv(program, arguments);
		perror(program);
		_exit(1);
	}
	return child;
}

static void fail(const char *what)
{
	fprintf(stderr, "acs: %s\n", what);
	clean_up();
	exit(1);
}

static void wait_for_bytes(int fd, size_t count)
{
	char byte;

	while (count > 0) {
		if (read(fd, &byte, 1) != 1) {
			fail("an endpoint or the manager has not come up");
		}
		count--;
	}
}

static const char *name_of(pid_t child)
{
	for (size_t i = 0; i < ENDPOINTS; i++) {
		if (children[i] == child) {
			return endpoints[i].name;
		}
	}
	return "the manager";
}

int main(int argc, char **argv)
{
	const size_t vm1 = 4;
	int ready[2];
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: %s ENDPOINT-PROGRAM EXCLUSIONS [TEST...]\n", argv[0]);
		return 2;
	}
	if (!mkdtemp(directory) || pipe(ready) != 0) {
		fail("no place for a socket");
	}
	snprintf(socket_path, sizeof(socket_path), "%s/sock", directory);
	signal(SIGALRM, on_alarm);
	alarm(SECONDS_MAX);
	children[ENDPOINTS] = fork();
	if (children[ENDPOINTS] == 0) {
		close(ready[0]);
		_exit(serve(ready[1]));
	}
	wait_for_bytes(ready[0], 1);
	for (size_t i = 0; i < ENDPOINTS; i++) {
		if (i != vm1) {
			children[i] = start(argv[1], endpoints[i].name, ready[1], argv + 2);
		}
	}
	close(ready[1]);
	wait_for_bytes(ready[0], ENDPOINTS - 1);
	children[vm1] = start(argv[1], endpoints[vm1].name, -1, argv + 2);
	const pid_t ended = wait(&status);
	if (ended != children[vm1]) {
		fprintf(stderr, "acs: %s has ended, status 0x%x\n", name_of(ended), status);
		status = 1;
	} else {
		children[vm1] = 0;
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	clean_up();
	return status;
}
