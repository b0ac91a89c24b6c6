/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of the daemon: socket, loop, timer, signals, and the way of a delivery to its connection.
 * Everything happens in events of one loop; each ends with server_settle().
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/internal.h"
#include "system.h"

#define BACKLOG   64
#define NS_PER_MS UINT64_C(1000000)

void server_log(struct vmsg_server *server, enum vmsg_server_level level, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (!server->log) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	server->log(server->log_context, level, text);
}

static int compare_identities(const void *left, const void *right)
{
	const struct identity *a = left;
	const struct identity *b = right;

	return (int)a->id - (int)b->id;
}

struct identity *server_find_identity(struct vmsg_server *server, uint16_t id)
{
	const struct identity wanted = { .id = id };

	return bsearch(&wanted, server->identities, server->identity_count, sizeof(wanted),
		       compare_identities);
}

struct connection *server_vcpu_connection(const struct identity *identity, uint16_t vcpu)
{
	return identity->vcpus[vcpu] ? identity->vcpus[vcpu] : identity->connection;
}

/* Whichever of its connections retrieved it. */
static void revoke_everywhere(const struct identity *identity, uint64_t handle)
{
	grants_remove(identity->connection, handle);
	for (uint16_t i = 0; i < identity->vcpu_count; i++) {
		if (identity->vcpus[i]) {
			grants_remove(identity->vcpus[i], handle);
		}
	}
}

static void log_console(struct vmsg_server *server, const struct spmc_delivery *delivery)
{
	uint8_t text[SPMC_CONSOLE_TEXT_MAX];
	const size_t size = spmc_console_text(delivery, text);

	for (size_t i = 0; i < size; i++) {
		/* It may end on somebody's terminal. */
		text[i] = text[i] >= ' ' && text[i] < 0x7F ? text[i] : ' ';
	}
	server_log(server, VMSG_SERVER_CONSOLE, "0x%04x: %.*s", delivery->partition, (int)size,
		   (const char *)text);
}

static void deliver(struct vmsg_server *server, const struct spmc_delivery *delivery)
{
	uint8_t frame[VMSG_WIRE_CALL_SIZE];
	const struct identity *identity = server_find_identity(server, delivery->partition);
	struct connection *connection =
		identity ? server_vcpu_connection(identity, delivery->vcpu) : NULL;

	if (!connection) {
		return; /* it died within this event */
	}
	switch (delivery->kind) {
	case SPMC_RETURN:
		connection_return(connection, delivery->vcpu, &delivery->regs);
		break;
	case SPMC_INTERRUPT:
		if (server->tap) {
			trace_interrupt(server, delivery);
		}
		server->stats.interrupts++;
		connection_send(
			connection, frame,
			vmsg_wire_encode_interrupt(frame, delivery->vcpu, delivery->interrupt),
			NULL, 0);
		break;
	case SPMC_GRANT:
		server->stats.grants++;
		grants_add(connection, delivery->handle, delivery->writable);
		break;
	case SPMC_REVOKE:
		server->stats.revocations++;
		revoke_everywhere(identity, delivery->handle);
		break;
	case SPMC_CONSOLE:
		log_console(server, delivery);
		break;
	}
}

void server_deliver(struct vmsg_server *server)
{
	struct spmc_delivery delivery;

	while (faults_next(server->faults, server->spmc, &delivery)) {
		deliver(server, &delivery);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct vmsg_server *server = timer->data;
	const uint64_t now_ns = uv_hrtime();

	server->timer_end_ns = UINT64_MAX;
	server->now_ns = now_ns;
	faults_tick(server->faults, server->spmc, now_ns);
	server_settle(server, now_ns);
}

/* A timer that already ends early enough is left alone: most deadlines are met long before, and it
 * then finds nothing to do. */
static void set_timer(struct vmsg_server *server, uint64_t now_ns)
{
	const uint64_t deadline_ns = faults_deadline(server->faults, server->spmc);

	if (deadline_ns >= server->timer_end_ns) {
		return;
	}
	const uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	server->timer_end_ns = deadline_ns;
	uv_timer_start(&server->timer, on_timer, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

void server_settle(struct vmsg_server *server, uint64_t now_ns)
{
	server_deliver(server);
	while (server->unsent || server->doomed) {
		struct connection *connection = server->unsent;
		if (connection) {
			server->unsent = connection->next_unsent;
			connection->is_unsent = false;
			connection_flush(connection);
			continue;
		}
		connection = server->doomed;
		server->doomed = connection->next_doomed;
		connection_close(connection);
		server_deliver(server);
	}
	bank_map_sweep(&server->banks, server->spmc);
	set_timer(server, now_ns);
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
	struct vmsg_server *server = poll->data;

	(void)status;
	(void)events;
	const int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		connection_open(server, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		server_log(server, VMSG_SERVER_WARNING, "cannot accept a connection: %s",
			   strerror(errno));
	}
	const bool is_full = fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
	if (is_full || server->connection_count >= CONNECTIONS_MAX) {
		/* Until somebody leaves; asking again at once would only burn time. */
		uv_poll_stop(&server->listener);
		server->accepts = false;
	}
	server_settle(server, uv_hrtime());
}

void server_listen(struct vmsg_server *server)
{
	if (!server->accepts && server->listen_fd >= 0) {
		server->accepts = uv_poll_start(&server->listener, UV_READABLE, on_connect) == 0;
	}
}

static void on_stop(uv_async_t *async)
{
	struct vmsg_server *server = async->data;

	uv_stop(&server->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct vmsg_server *server = signal->data;

	server_log(server, VMSG_SERVER_INFO, "stopping on signal %d", number);
	uv_stop(&server->loop);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Removes a socket that nobody listens on. -1 with errno when there is something else. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) != 0) {
		return errno == ENOENT ? 0 : -1;
	}
	if (!S_ISSOCK(status.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -1;
	}
	const int connected = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	const int error = errno;
	close(fd);
	if (connected == 0 || error != ECONNREFUSED) {
		errno = connected == 0 || error == EAGAIN ? EADDRINUSE : error;
		return -1;
	}
	return unlink(address->sun_path);
}

/* Two managers that start at once must not remove each other's socket, so whoever looks for a stale
 * one holds a lock on its directory. */
static int bind_locked(int fd, const struct sockaddr_un *address)
{
	char path[sizeof(address->sun_path)];

	memcpy(path, address->sun_path, sizeof(path));
	const int directory = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		return -1;
	}
	int result = flock(directory, LOCK_EX) == 0 ? remove_stale(address) : -1;
	if (result == 0) {
		/* The mode of the socket becomes the mode of its name: there is no moment at which
		 * others could connect. */
		result = fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
					 bind(fd, (const struct sockaddr *)address,
					      sizeof(*address)) == 0 &&
					 listen(fd, BACKLOG) == 0
				 ? 0
				 : -1;
	}
	const int error = errno;
	close(directory);
	errno = error;
	return result;
}

static int open_socket(struct vmsg_server *server, const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(why, why_size, "the socket's path has more than %zu bytes",
			 sizeof(address.sun_path) - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	server->socket_path = strdup(path);
	server->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!server->socket_path || server->listen_fd < 0 ||
	    bind_locked(server->listen_fd, &address) != 0) {
		snprintf(why, why_size, "%s: %s", path,
			 errno == EADDRINUSE ? "another manager listens there" : strerror(errno));
		return -1;
	}
	server->is_bound = true;
	return 0;
}

static void forget_bank(void *context, uint64_t id)
{
	const struct vmsg_server *server = context;

	for (struct connection *connection = server->connections; connection;
	     connection = connection->next) {
		grants_forget_bank(connection, id);
	}
}

static int add_partitions(struct vmsg_server *server, const struct spmc_partition_config *configs,
			  size_t count, char *why, size_t why_size)
{
	server->identities = calloc(count, sizeof(*server->identities));
	if (!server->identities) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		const char *problem;
		if (spmc_add_partition(server->spmc, &configs[i], &problem) != 0) {
			snprintf(why, why_size, "partition 0x%04x: %s", configs[i].id, problem);
			return -1;
		}
		server->identities[i].id = configs[i].id;
		server->identities[i].vcpu_count = configs[i].vcpu_count;
	}
	server->identity_count = count;
	qsort(server->identities, count, sizeof(*server->identities), compare_identities);
	return 0;
}

static void log_fault(void *context, const char *text)
{
	server_log(context, VMSG_SERVER_INFO, "%s", text);
}

static int create_faults(struct vmsg_server *server, const struct vmsg_server_options *options,
			 char *why, size_t why_size)
{
	if (!options->faults) {
		return 0;
	}
	server->faults = faults_create(options->seed);
	if (!server->faults) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	faults_report(server->faults, log_fault, server);
	return faults_add(server->faults, options->faults, why, why_size);
}

static int create_spmc(struct vmsg_server *server, const struct vmsg_server_options *options,
		       char *why, size_t why_size)
{
	const struct spmc_options spmc_options = {
		.ffa_version = options->ffa_version,
		.policy = options->policy,
		.time_slice_ns = options->time_slice_ns,
		.scheduler = options->scheduler,
		.memory = &bank_memory_ops,
		.memory_context = &server->banks,
	};

	server->ffa_version =
		options->ffa_version ? options->ffa_version : spmc_policy_version(options->policy);
	server->scheduler = options->scheduler;
	server->spmc = spmc_create(&spmc_options);
	if (!server->spmc) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	if (options->partitions) {
		return add_partitions(server, options->partitions, options->partition_count, why,
				      why_size);
	}
	return spmc_policy_is_physical(options->policy)
		       ? add_partitions(server, vmsg_system_physical, vmsg_system_physical_count,
					why, why_size)
		       : add_partitions(server, vmsg_system_builtin, vmsg_system_builtin_count, why,
					why_size);
}

/* Handles of a loop that exists; from here on destroying the server closes them. */
static int open_handles(struct vmsg_server *server, bool stop_on_signals)
{
	static const int numbers[2] = { SIGINT, SIGTERM };

	if (uv_timer_init(&server->loop, &server->timer) != 0 ||
	    uv_async_init(&server->loop, &server->stop, on_stop) != 0 ||
	    uv_poll_init(&server->loop, &server->listener, server->listen_fd) != 0) {
		return -1;
	}
	server->timer.data = server;
	server->stop.data = server;
	server->listener.data = server;
	for (size_t i = 0; stop_on_signals && i < 2; i++) {
		if (uv_signal_init(&server->loop, &server->signals[i]) != 0 ||
		    uv_signal_start(&server->signals[i], on_signal, numbers[i]) != 0) {
			return -1;
		}
		server->signals[i].data = server;
	}
	server_listen(server);
	return server->accepts ? 0 : -1;
}

int vmsg_server_create(struct vmsg_server **created, const struct vmsg_server_options *options,
		       char *why, size_t why_size)
{
	struct vmsg_server *server = calloc(1, sizeof(*server));

	*created = NULL;
	if (!server || uv_loop_init(&server->loop) != 0) {
		snprintf(why, why_size, "out of memory");
		free(server);
		return -1;
	}
	server->listen_fd = -1;
	server->now_ns = uv_hrtime();
	server->stats.since_ns = server->now_ns;
	server->timer_end_ns = UINT64_MAX;
	server->banks.gone = forget_bank;
	server->banks.gone_context = server;
	server->log = options->log;
	server->log_context = options->log_context;
	server->tap = options->tap;
	raise_descriptor_limit();
	if (create_faults(server, options, why, why_size) != 0 ||
	    create_spmc(server, options, why, why_size) != 0 ||
	    open_socket(server, options->socket_path, why, why_size) != 0) {
		vmsg_server_destroy(server);
		return -1;
	}
	if (open_handles(server, options->stop_on_signals) != 0) {
		snprintf(why, why_size, "the event loop cannot be set up");
		vmsg_server_destroy(server);
		return -1;
	}
	*created = server;
	return 0;
}

void vmsg_server_run(struct vmsg_server *server)
{
	uv_run(&server->loop, UV_RUN_DEFAULT);
}

void vmsg_server_stop(struct vmsg_server *server)
{
	uv_async_send(&server->stop);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle)) {
		uv_close(handle, NULL);
	}
}

void vmsg_server_destroy(struct vmsg_server *server)
{
	if (!server) {
		return;
	}
	/* The name goes first: nobody new comes while the others are sent away. */
	if (server->is_bound) {
		unlink(server->socket_path);
	}
	while (server->connections) {
		connection_doom(server->connections);
		server_settle(server, uv_hrtime());
	}
	uv_walk(&server->loop, close_handle, NULL);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	uv_loop_close(&server->loop);
	if (server->listen_fd >= 0) {
		close(server->listen_fd);
	}
	faults_destroy(server->faults);
	spmc_destroy(server->spmc);
	bank_map_free(&server->banks);
	free(server->identities);
	free(server->socket_path);
	free(server);
}
